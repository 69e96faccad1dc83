/**
 * What a kind is: its names, its scope, its schema, and the verbs that it has.
 *
 * Every built-in kind is such a value (`Pod`, `Deployment`, ...); `Resource.define` makes one for a custom resource.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Path from "@effect/platform/Path"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Equal from "effect/Equal"
import type * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as EffectScope from "effect/Scope"
import type * as Sink from "effect/Sink"
import type * as Stream from "effect/Stream"
import type { CopyOptions, CopyResult } from "./Copy.js"
import type { Condition } from "./Condition.js"
import { makeCustom } from "./internal/custom.js"
import type { CopyFailed, ExecFailed, InvalidRequest, KubeError } from "./KubeError.js"
import type { KubeClient } from "./layers/KubeClient.js"
import type * as Patch from "./Patch.js"
import type { Forward, Listen, ListenOptions, Port } from "./PortForward.js"
import type * as AuthenticationV1 from "./resources/AuthenticationV1.js"
import type * as AutoscalingV1 from "./resources/AutoscalingV1.js"
import type * as CoreV1 from "./resources/CoreV1.js"
import type * as MetaV1 from "./resources/MetaV1.js"
import type * as Selector from "./Selector.js"
import type { Table } from "./Table.js"
import type { Undecodable, WatchEvent } from "./Watch.js"

export {
  /**
   * The same as `Condition.created`.
   *
   * @since 0.1.0
   */
  created,
  /**
   * The same as `Condition.deleted`.
   *
   * @since 0.1.0
   */
  deleted
} from "./Condition.js"

/**
 * Whether objects of a kind live in a namespace or belong to the whole cluster.
 *
 * @since 0.1.0
 * @category models
 */
export type Scope = "Namespaced" | "Cluster"

/**
 * The three fields that every Kubernetes object shares.
 *
 * See the [API conventions](https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#resources).
 *
 * @since 0.1.0
 * @category models
 */
export interface KubernetesObject {
  readonly apiVersion?: string | undefined
  readonly kind?: string | undefined
  readonly metadata?: MetaV1.ObjectMeta | undefined
}

declare const StoredTypeId: unique symbol

/**
 * Marks a type that has another shape when the server returns it; `Stored` finds that shape. It has no runtime part.
 *
 * @since 0.1.0
 * @category models
 */
export interface Writable<out S> {
  readonly [StoredTypeId]?: S
}

/**
 * An object of a kind that declares no stored shape of its own, as the server returns it.
 *
 * @since 0.1.0
 * @category models
 */
export interface StoredEnvelope {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: MetaV1.NamespacedObjectMeta
}

/**
 * What the server returns for a `K`: `apiVersion`, `kind`, the identity in `metadata`, and the structs that the server
 * always sends (`spec`, `status`) are not optional there.
 *
 * A dry run of a create is the one exception: its `metadata.resourceVersion` is absent.
 *
 * @example
 * ```ts
 * import type { Pod, Stored } from "effect-kubernetes"
 *
 * const phase = (pod: Stored<Pod>): string => pod.status.phase ?? "Unknown"
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export type Stored<K> = K extends Writable<infer S> ? (unknown extends S ? K & StoredEnvelope : S) : K & StoredEnvelope

/**
 * A string with known values. A newer server may send others, so any string is allowed.
 *
 * @since 0.1.0
 * @category models
 */
export type Open<Known extends string> = Known | (string & {})

/**
 * Which object a verb is about: its name, its name and namespace, or an object that was got earlier (its namespace
 * counts).
 *
 * @since 0.1.0
 * @category models
 */
export type Ref<S extends Scope> =
  | string
  | (NamespaceOption<S> & { readonly name: string })
  | { readonly metadata: { readonly name: string; readonly namespace?: string | undefined } }

/**
 * An object that has a name already.
 *
 * @since 0.1.0
 * @category models
 */
export interface Named {
  readonly metadata: { readonly name: string }
}

/**
 * What `apply` takes: any part of an object, with its name and without `status`. Fields that are left out are not
 * managed by the caller.
 *
 * See [Server-Side Apply](https://kubernetes.io/docs/reference/using-api/server-side-apply/).
 *
 * @since 0.1.0
 * @category models
 */
export type ApplyInput<K> = Named & {
  readonly [P in Exclude<keyof K, "status" | symbol>]?: DeepPartial<K[P]> | undefined
}

/**
 * What has no parts of its own: a decoded `Date`, `Duration`, `Option`, bytes, and the like.
 *
 * @since 0.1.0
 * @category models
 */
export type Atomic = Date | Uint8Array | Equal.Equal

/**
 * Any part of `A`, at every depth.
 *
 * @since 0.1.0
 * @category models
 */
export type DeepPartial<A> = A extends Atomic
  ? A
  : A extends ReadonlyArray<infer I>
    ? ReadonlyArray<DeepPartial<I>>
    : A extends object
      ? { readonly [P in Exclude<keyof A, symbol>]?: DeepPartial<A[P]> | undefined }
      : A

/**
 * How long a call may take, for every verb. Absent: the client's default; `"infinity"`: no limit.
 *
 * @since 0.1.0
 * @category options
 */
export interface CallOptions {
  readonly timeout?: Duration.DurationInput | "infinity" | undefined
}

/** @since 0.1.0 @category options */
interface NamespaceOptions {
  readonly Namespaced: {
    /** Default: the object's own namespace, then `KubeClient.withNamespace`, then the context's. */
    readonly namespace?: string | undefined
  }
  readonly Cluster: {}
}

/** @since 0.1.0 @category options */
interface CollectionNamespaceOptions {
  readonly Namespaced: {
    /** Default: `KubeClient.withNamespace`, then the context's namespace. */
    readonly namespace?: string | undefined
    /** Looks into every namespace; excludes `namespace`. */
    readonly allNamespaces?: boolean | undefined
  }
  readonly Cluster: {}
}

/**
 * The namespace option of a verb on one object; a cluster-scoped kind has none.
 *
 * @since 0.1.0
 * @category options
 */
export type NamespaceOption<S extends Scope> = NamespaceOptions[S]

/**
 * The namespace options of a verb on a collection; a cluster-scoped kind has none.
 *
 * @since 0.1.0
 * @category options
 */
export type CollectionNamespaceOption<S extends Scope> = CollectionNamespaceOptions[S]

/**
 * Options of `get`.
 *
 * @since 0.1.0
 * @category options
 */
export interface GetOptions extends CallOptions {
  /**
   * `"0"`: any state that the server has in its cache, however old. Absent: the newest.
   * See [resource versions](https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions).
   */
  readonly resourceVersion?: string | undefined
}

/**
 * Which objects of a collection are meant.
 *
 * @since 0.1.0
 * @category options
 */
export interface SelectorOptions {
  /** Label selector: values by label, or kubectl's text form (`"app=web,tier in (a,b)"`). */
  readonly labels?: Selector.Labels | undefined
  /** Field selector: values by path, or kubectl's text form (`"status.phase=Running"`). */
  readonly fields?: Selector.Fields | undefined
}

/**
 * Options of the verbs that read a collection.
 *
 * @since 0.1.0
 * @category options
 */
export interface ListOptions extends CallOptions, SelectorOptions {
  /** At most so many objects. The answer's `continue` asks for the next ones. `stream` uses it as its page size. */
  readonly limit?: number | undefined
  /** Where the last page ended. */
  readonly continue?: string | undefined
  readonly resourceVersion?: string | undefined
  /** How `resourceVersion` is meant; the server refuses it without one. */
  readonly resourceVersionMatch?: "Exact" | "NotOlderThan" | undefined
  /** The server's own limit of the call, in seconds. */
  readonly timeoutSeconds?: number | undefined
}

/**
 * Options of `stream`. `limit` is the size of a page.
 *
 * @since 0.1.0
 * @category options
 */
export interface StreamOptions extends CallOptions, SelectorOptions {
  /** Objects in a page. Default: 500, as in kubectl. */
  readonly limit?: number | undefined
  readonly resourceVersion?: string | undefined
  readonly resourceVersionMatch?: "Exact" | "NotOlderThan" | undefined
}

/**
 * Options of `watch`. `timeout` limits the time until the server begins to answer, not the watch.
 *
 * @since 0.1.0
 * @category options
 */
export interface WatchOptions extends CallOptions, SelectorOptions {
  readonly resume?: true | undefined
  /**
   * Only what changes after this version, usually a list's `resourceVersion`. Then the watch fails with `Expired` when
   * the server has forgotten the version: what was before is not known, so what has changed meanwhile cannot be told.
   */
  readonly resourceVersion?: string | undefined
  /**
   * Asks for the initial objects as events instead of as a list, where the server can do that
   * ([KEP-3157](https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/3157-watch-list)).
   * It costs the server less memory and this side more time. Default: false.
   */
  readonly sendInitialEvents?: boolean | undefined
  /** Objects in a page of the list. Default: 500. */
  readonly limit?: number | undefined
  /** After how many seconds the server ends a connection, and another one begins. Default: 5 to 10 minutes, at random. */
  readonly timeoutSeconds?: number | undefined
  /** A connection that is silent for so long is given up for another one. Default: 150 seconds. */
  readonly idle?: Duration.DurationInput | undefined
  /**
   * The pauses before another try after an error, which is its input; they begin anew once something arrives. The watch
   * fails where it ends. Default: 0.5 s, doubling up to 30 s, with jitter, without an end. A `Retry-After` of the server is
   * the least pause.
   */
  readonly backoff?: Schedule.Schedule<unknown, KubeError> | undefined
  /**
   * What becomes of an object that cannot be decoded: it is left out and logged as a warning, passed on as an
   * `Undecodable` event, or fails the watch. Where it could be decoded before, that state stays the last one. Default:
   * `"skip"`.
   */
  readonly decodeFailures?: "skip" | "event" | "fail" | undefined
  /**
   * Whether objects come with `metadata.managedFields`, about half of a pod, which is not even parsed else. What is written
   * without them keeps those that it has on the server
   * ([Server-Side Apply](https://kubernetes.io/docs/reference/using-api/server-side-apply/#clearing-managedfields)).
   * Default: false.
   */
  readonly managedFields?: boolean | undefined
}

/**
 * An option of `watch`.
 *
 * @since 0.1.0
 * @category options
 */
export interface TransformOption<K> {
  /** What is to be kept of each object; it may change the object in place. What it leaves out is in no event. */
  readonly transform?: ((object: Stored<K>) => Stored<K>) | undefined
}

/**
 * Options of a `watch` over one connection. It ends when the server ends it, and fails when the connection breaks or the
 * server reports an error.
 *
 * @since 0.1.0
 * @category options
 */
export interface SingleWatchOptions extends CallOptions, SelectorOptions {
  readonly resume: false
  /**
   * The state after which events are wanted, usually a list's `resourceVersion`. Absent: starts with `Added` for all, then
   * `Synced` where the server tells that these were all.
   */
  readonly resourceVersion?: string | undefined
  /** Whether the server may send `Bookmark` events. Default: true. */
  readonly allowWatchBookmarks?: boolean | undefined
  /**
   * Begins with `Added` for every object, then `Synced`
   * ([KEP-3157](https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/3157-watch-list)).
   * It brings bookmarks and `resourceVersionMatch: "NotOlderThan"` with it, as the server demands.
   */
  readonly sendInitialEvents?: boolean | undefined
  /** After how many seconds the server ends the watch. */
  readonly timeoutSeconds?: number | undefined
}

/**
 * Options of every verb that writes.
 *
 * @since 0.1.0
 * @category options
 */
export interface WriteOptions extends CallOptions {
  /** Does everything but store. Default: `KubeClient.withDryRun`, else false. */
  readonly dryRun?: boolean | undefined
  /** Whose change this is, in `managedFields`. Default: `KubeClient.withFieldManager`. */
  readonly fieldManager?: string | undefined
  /** What the server does with unknown and duplicate fields. The server's default is `Warn`. */
  readonly fieldValidation?: "Ignore" | "Warn" | "Strict" | undefined
}

/**
 * Options of `apply` and of a patch of that type.
 *
 * @since 0.1.0
 * @category options
 */
export interface ApplyOptions extends WriteOptions {
  /** Takes over fields that another manager owns, instead of failing with `Conflict`. */
  readonly force?: boolean | undefined
}

/**
 * Options of `delete`.
 *
 * @since 0.1.0
 * @category options
 */
export interface DeleteOptions extends CallOptions {
  readonly dryRun?: boolean | undefined
  /** Seconds that the object has to end; 0 deletes at once. Default: the kind's own. */
  readonly gracePeriodSeconds?: number | undefined
  /**
   * What happens to the objects that this one owns. Default: the kind's own.
   * See [cascading deletion](https://kubernetes.io/docs/concepts/architecture/garbage-collection/#cascading-deletion).
   */
  readonly propagationPolicy?: "Foreground" | "Background" | "Orphan" | undefined
  /** Deletes only this very object, in this very state; fails with `Conflict` otherwise. */
  readonly preconditions?:
    { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined } | undefined
  /** The older word for `propagationPolicy: "Orphan"` (true) and `"Background"` (false); excludes `propagationPolicy`. */
  readonly orphan?: boolean | undefined
}

/**
 * Options of `deleteCollection`: which objects, and how they are deleted.
 *
 * @since 0.1.0
 * @category options
 */
export interface DeleteCollectionOptions extends DeleteOptions, Omit<ListOptions, "timeout"> {}

/**
 * A collection, or one page of it, as it was at `resourceVersion`.
 *
 * @since 0.1.0
 * @category models
 */
export interface List<A> {
  readonly items: ReadonlyArray<A>
  readonly resourceVersion: string
  /** Asks for the next page; absent on the last one. */
  readonly continue?: string | undefined
  /** How many objects come after this page, where the server counts them (it does not with a selector). */
  readonly remainingItemCount?: number | undefined
}

/**
 * An object with its metadata only, as `getMetadata`, `listMetadata` and `watchMetadata` return it.
 *
 * @since 0.1.0
 * @category models
 */
export interface PartialObjectMetadata extends Writable<PartialObjectMetadata> {
  readonly apiVersion: "meta.k8s.io/v1"
  readonly kind: "PartialObjectMetadata"
  readonly metadata: MetaV1.StoredObjectMeta
}

/**
 * The names of a kind and what the API server lets one do with it, as its discovery documents say.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResourceInfo {
  /** `""` for the core group. */
  readonly group: string
  readonly version: string
  /** `group/version`, or only the version in the core group. */
  readonly apiVersion: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: ReadonlyArray<string>
  readonly categories: ReadonlyArray<string>
  readonly scope: Scope
  readonly verbs: ReadonlyArray<string>
  /** The verbs of each subresource, in the server's words (`update` is our `replace`). */
  readonly subresources: { readonly [name: string]: ReadonlyArray<string> }
}

/**
 * A kind with its schema. The schema is built when it is first read.
 *
 * @since 0.1.0
 * @category models
 */
export interface Descriptor<K, I = K, S extends Scope = Scope> extends ResourceInfo {
  readonly scope: S
  readonly schema: Schema.Schema<K, I>
}

/**
 * A kind of which nothing more is known.
 *
 * @since 0.1.0
 * @category models
 */
export interface AnyResource extends ResourceInfo {
  readonly schema: Schema.Schema.AnyNoContext
}

/**
 * `get` and what follows from it.
 *
 * @since 0.1.0
 * @category verbs
 */
export interface CanGet<K, S extends Scope> {
  /** One object; fails with `NotFound`. */
  readonly get: (
    ref: Ref<S>,
    options?: GetOptions & NamespaceOption<S>
  ) => Effect.Effect<Stored<K>, KubeError, KubeClient>
  /** One object, or `None` where there is none of that name. */
  readonly getOption: (
    ref: Ref<S>,
    options?: GetOptions & NamespaceOption<S>
  ) => Effect.Effect<Option.Option<Stored<K>>, KubeError, KubeClient>
  /** Whether there is an object of that name. Anything but "found" and "not found" is an error. */
  readonly exists: (
    ref: Ref<S>,
    options?: GetOptions & NamespaceOption<S>
  ) => Effect.Effect<boolean, KubeError, KubeClient>
  /** Only the metadata of one object: less to send, less to parse. */
  readonly getMetadata: (
    ref: Ref<S>,
    options?: GetOptions & NamespaceOption<S>
  ) => Effect.Effect<PartialObjectMetadata, KubeError, KubeClient>
  /** One object as the row that `kubectl get` prints. */
  readonly getTable: (
    ref: Ref<S>,
    options?: GetOptions & NamespaceOption<S>
  ) => Effect.Effect<Table, KubeError, KubeClient>
}

/**
 * `list` and `stream`.
 *
 * @since 0.1.0
 * @category verbs
 */
export interface CanList<K, S extends Scope> {
  /** All objects of the collection in one answer, or one page of them when `limit` is given. */
  readonly list: (
    options?: ListOptions & CollectionNamespaceOption<S>
  ) => Effect.Effect<List<Stored<K>>, KubeError, KubeClient>
  /**
   * All objects of the collection, page by page as they are pulled. The pages show one state of the cluster as long as
   * the server remembers it (some minutes); past that, the rest comes from the state of then, no object twice.
   */
  readonly stream: (
    options?: StreamOptions & CollectionNamespaceOption<S>
  ) => Stream.Stream<Stored<K>, KubeError, KubeClient>
  /** Only the metadata of the objects. */
  readonly listMetadata: (
    options?: ListOptions & CollectionNamespaceOption<S>
  ) => Effect.Effect<List<PartialObjectMetadata>, KubeError, KubeClient>
  /** The objects as the table that `kubectl get` prints. */
  readonly listTable: (
    options?: ListOptions & CollectionNamespaceOption<S>
  ) => Effect.Effect<Table, KubeError, KubeClient>
}

/**
 * `watch` and `watchMetadata`.
 *
 * @since 0.1.0
 * @category verbs
 */
export interface CanWatch<K, S extends Scope> {
  /**
   * A collection as a stream of its changes: `Added` for every object that is there, `Synced`, then whatever happens. It
   * goes on when connections end or break, and recovers when the server has forgotten where it was: then it lists again
   * and tells exactly what has changed meanwhile, deletions included. It never ends by itself. It fails when the server
   * refuses (`Forbidden`, `NotFound` for a kind that is not there, ...) before it has accepted a watch. Later that is an
   * outage as any other, and the watch tries again for as long as `backoff` goes on.
   *
   * Until it ends it holds the last state of every object. `{ resume: false }` is the single connection below it.
   */
  readonly watch: {
    (
      options: WatchOptions & TransformOption<K> & CollectionNamespaceOption<S> & { readonly decodeFailures: "event" }
    ): Stream.Stream<WatchEvent<K> | Undecodable, KubeError, KubeClient>
    (
      options?: ((WatchOptions & TransformOption<K>) | SingleWatchOptions) & CollectionNamespaceOption<S>
    ): Stream.Stream<WatchEvent<K>, KubeError, KubeClient>
  }
  /** As `watch`, of the metadata alone. */
  readonly watchMetadata: {
    (
      options: WatchOptions &
        TransformOption<PartialObjectMetadata> &
        CollectionNamespaceOption<S> & { readonly decodeFailures: "event" }
    ): Stream.Stream<WatchEvent<PartialObjectMetadata> | Undecodable, KubeError, KubeClient>
    (
      options?: ((WatchOptions & TransformOption<PartialObjectMetadata>) | SingleWatchOptions) &
        CollectionNamespaceOption<S>
    ): Stream.Stream<WatchEvent<PartialObjectMetadata>, KubeError, KubeClient>
  }
  /**
   * Waits until an object meets a condition (`Pod.ready`, `Condition.deleted`, ...), and returns it: by a watch, without
   * asking again and again. `timeout` limits the whole (default: the client's).
   *
   * A name stands for whatever bears it: an object that is not there yet is waited for, and so is one that is deleted and
   * comes back. An object that you got earlier stands for itself, by its uid: once it is gone, another one of its name does
   * not count.
   *
   * Fails with `WaitFailed` as soon as the condition cannot be met any more, and with `TimeoutError`; both say how the
   * object was last.
   */
  readonly waitFor: <A = never>(
    ref: Ref<S>,
    condition: Condition<Stored<K>, A>,
    options?: CallOptions & NamespaceOption<S>
  ) => Effect.Effect<Stored<K> | A, KubeError, KubeClient>
  /** What `waitFor` sees, each time the object has changed; ends when the condition is met, and fails as it does. */
  readonly waitForStream: <A = never>(
    ref: Ref<S>,
    condition: Condition<Stored<K>, A>,
    options?: CallOptions & NamespaceOption<S>
  ) => Stream.Stream<Progress<K>, KubeError, KubeClient>
  /**
   * Waits until every object that the selectors match meets a condition; there has to be one, unless the condition is
   * that there is none (`Condition.deleted`). Which objects these are may change meanwhile: one that is deleted is not
   * waited for any more. Fails when one of them cannot meet it any more.
   */
  readonly waitForAll: <A = never>(
    selection: SelectorOptions & CollectionNamespaceOption<S>,
    condition: Condition<Stored<K>, A>,
    options?: CallOptions
  ) => Effect.Effect<ReadonlyArray<Stored<K>>, KubeError, KubeClient>
  /**
   * Waits until one of the objects that the selectors match meets a condition, and returns it. It fails with no
   * `WaitFailed`: another one may always come.
   */
  readonly waitForAny: (
    selection: SelectorOptions & CollectionNamespaceOption<S>,
    condition: Condition<Stored<K>>,
    options?: CallOptions
  ) => Effect.Effect<Stored<K>, KubeError, KubeClient>
}

/**
 * How an object stands to what is waited for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Progress<K> {
  /** Absent while it is not there. */
  readonly object: Stored<K> | undefined
  readonly isMet: boolean
  /** Why it is not met yet. */
  readonly because: string
}

/**
 * The conditions that a kind has of its own, for `waitFor`. Each means what the kind's controller and `kubectl` mean:
 *
 * - Pod: `ready`, and not being deleted; `completed`, its containers have ended well
 * - Node: `ready`
 * - Deployment: `available`, enough replicas take requests; `rolledOut`, all of them are new ones, as for `kubectl rollout
 *   status`. Neither is met when the rollout is past its `progressDeadlineSeconds`
 * - StatefulSet, DaemonSet: `rolledOut`
 * - Job: `complete`, and never when it has failed
 * - PersistentVolumeClaim: `bound`
 * - CustomResourceDefinition: `established`, its objects are served
 *
 * @since 0.1.0
 * @category verbs
 */
export type WithConditions<K, Names extends string> = {
  readonly [N in Names]: Condition<Stored<K>>
}

// `NoInfer` where a kind is written: a function of any such kind is to take what is written, not what is stored.

/**
 * `create`.
 *
 * @since 0.1.0
 * @category verbs
 */
export interface CanCreate<K, S extends Scope> {
  /** Stores a new object; fails with `AlreadyExists`. `metadata.generateName` lets the server choose the name. */
  readonly create: (
    object: K,
    options?: WriteOptions & NamespaceOption<S>
  ) => Effect.Effect<Stored<NoInfer<K>>, KubeError, KubeClient>
}

/**
 * `create` of a kind that is carried out and not stored (`Binding`).
 *
 * @since 0.1.0
 * @category verbs
 */
export interface CanCreateStatus<K, S extends Scope> {
  readonly create: (
    object: K,
    options?: WriteOptions & NamespaceOption<S>
  ) => Effect.Effect<MetaV1.StoredStatus, KubeError, KubeClient>
}

/**
 * `replace`.
 *
 * @since 0.1.0
 * @category verbs
 */
export interface CanReplace<K, S extends Scope> {
  /** Stores this object in place of the one of its name. With a `resourceVersion`, fails with `Conflict` if that changed. */
  readonly replace: (
    object: K & Named,
    options?: WriteOptions & NamespaceOption<S>
  ) => Effect.Effect<Stored<NoInfer<K>>, KubeError, KubeClient>
}

/**
 * `patch`, `apply`, `label` and `annotate`.
 *
 * @since 0.1.0
 * @category verbs
 */
export interface CanPatch<K, S extends Scope> {
  /** Changes parts of an object: `Patch.json`, `Patch.merge`, `Patch.strategic` or `Patch.apply`. */
  readonly patch: (
    ref: Ref<S>,
    patch: Patch.Patch<K>,
    options?: ApplyOptions & NamespaceOption<S>
  ) => Effect.Effect<Stored<K>, KubeError, KubeClient>
  /** Server-side apply: creates the object or makes these fields of it so; fails with `Conflict` over others' fields. */
  readonly apply: (
    object: ApplyInput<K>,
    options?: ApplyOptions & NamespaceOption<S>
  ) => Effect.Effect<Stored<K>, KubeError, KubeClient>
  /** Sets labels; `null` removes one. */
  readonly label: (
    ref: Ref<S>,
    labels: { readonly [key: string]: string | null },
    options?: WriteOptions & NamespaceOption<S>
  ) => Effect.Effect<Stored<K>, KubeError, KubeClient>
  /** Sets annotations; `null` removes one. */
  readonly annotate: (
    ref: Ref<S>,
    annotations: { readonly [key: string]: string | null },
    options?: WriteOptions & NamespaceOption<S>
  ) => Effect.Effect<Stored<K>, KubeError, KubeClient>
}

/**
 * `modify`: read, change, replace.
 *
 * @since 0.1.0
 * @category verbs
 */
export interface CanModify<K, S extends Scope> {
  /**
   * Reads the object, changes it with `f` and replaces it, and starts over when someone else changed it meanwhile, so no
   * update is lost. When `f` returns the very object that it was given, nothing is written. `timeout` limits the whole.
   */
  readonly modify: <E = never, R = never>(
    ref: Ref<S>,
    f: (object: Stored<NoInfer<K>>) => K | Effect.Effect<K, E, R>,
    options?: WriteOptions & NamespaceOption<S>
  ) => Effect.Effect<Stored<NoInfer<K>>, KubeError | E, KubeClient | R>
}

/**
 * `delete`.
 *
 * @since 0.1.0
 * @category verbs
 */
export interface CanDelete<K, S extends Scope> {
  /**
   * Deletes an object. The answer is the object where the server still shows it (it ends gracefully, or a finalizer
   * holds it), and a `Status` otherwise.
   */
  readonly delete: (
    ref: Ref<S>,
    options?: DeleteOptions & NamespaceOption<S>
  ) => Effect.Effect<Stored<K> | MetaV1.StoredStatus, KubeError, KubeClient>
}

/**
 * `deleteCollection`.
 *
 * @since 0.1.0
 * @category verbs
 */
export interface CanDeleteCollection<K, S extends Scope> {
  /** Deletes every object of one namespace, or of the cluster, that the selectors match. */
  readonly deleteCollection: (
    options?: DeleteCollectionOptions & NamespaceOption<S>
  ) => Effect.Effect<List<Stored<K>> | MetaV1.StoredStatus, KubeError, KubeClient>
}

/**
 * A kind in namespaces, with every verb.
 *
 * @since 0.1.0
 * @category models
 */
export interface Namespaced<K, I = K>
  extends
    Descriptor<K, I, "Namespaced">,
    CanGet<K, "Namespaced">,
    CanList<K, "Namespaced">,
    CanWatch<K, "Namespaced">,
    CanCreate<K, "Namespaced">,
    CanReplace<K, "Namespaced">,
    CanPatch<K, "Namespaced">,
    CanModify<K, "Namespaced">,
    CanDelete<K, "Namespaced">,
    CanDeleteCollection<K, "Namespaced"> {}

/**
 * A kind of the whole cluster, with every verb.
 *
 * @since 0.1.0
 * @category models
 */
export interface Cluster<K, I = K>
  extends
    Descriptor<K, I, "Cluster">,
    CanGet<K, "Cluster">,
    CanList<K, "Cluster">,
    CanWatch<K, "Cluster">,
    CanCreate<K, "Cluster">,
    CanReplace<K, "Cluster">,
    CanPatch<K, "Cluster">,
    CanModify<K, "Cluster">,
    CanDelete<K, "Cluster">,
    CanDeleteCollection<K, "Cluster"> {}

/**
 * The verbs of a subresource that shows the whole object and changes one part of it (`status`, `resize`, ...).
 *
 * @since 0.1.0
 * @category subresources
 */
export interface ObjectSubresource<K, S extends Scope> {
  readonly get: (
    ref: Ref<S>,
    options?: GetOptions & NamespaceOption<S>
  ) => Effect.Effect<Stored<K>, KubeError, KubeClient>
  readonly replace: (
    object: K & Named,
    options?: WriteOptions & NamespaceOption<S>
  ) => Effect.Effect<Stored<K>, KubeError, KubeClient>
  readonly patch: (
    ref: Ref<S>,
    patch: Patch.SubresourcePatch<K>,
    options?: ApplyOptions & NamespaceOption<S>
  ) => Effect.Effect<Stored<K>, KubeError, KubeClient>
  /** Server-side apply of the part that this subresource changes. */
  readonly apply: (
    object: Named & DeepPartial<K>,
    options?: ApplyOptions & NamespaceOption<S>
  ) => Effect.Effect<Stored<K>, KubeError, KubeClient>
  readonly modify: <E = never, R = never>(
    ref: Ref<S>,
    f: (object: Stored<K>) => K | Effect.Effect<K, E, R>,
    options?: WriteOptions & NamespaceOption<S>
  ) => Effect.Effect<Stored<K>, KubeError | E, KubeClient | R>
}

/**
 * A kind whose status is written apart from the rest.
 *
 * @since 0.1.0
 * @category subresources
 */
export interface WithStatus<K, S extends Scope> {
  readonly status: ObjectSubresource<K, S>
}

/**
 * The `scale` subresource. Called as a function it sets the number of replicas.
 *
 * @since 0.1.0
 * @category subresources
 */
export interface ScaleSubresource<S extends Scope> {
  (
    ref: Ref<S>,
    replicas: number,
    options?: WriteOptions & NamespaceOption<S>
  ): Effect.Effect<AutoscalingV1.StoredScale, KubeError, KubeClient>
  readonly get: (
    ref: Ref<S>,
    options?: GetOptions & NamespaceOption<S>
  ) => Effect.Effect<AutoscalingV1.StoredScale, KubeError, KubeClient>
  readonly replace: (
    scale: AutoscalingV1.Scale & Named,
    options?: WriteOptions & NamespaceOption<S>
  ) => Effect.Effect<AutoscalingV1.StoredScale, KubeError, KubeClient>
  readonly patch: (
    ref: Ref<S>,
    patch: Patch.SubresourcePatch<AutoscalingV1.Scale>,
    options?: ApplyOptions & NamespaceOption<S>
  ) => Effect.Effect<AutoscalingV1.StoredScale, KubeError, KubeClient>
}

/**
 * A kind that can be scaled.
 *
 * @since 0.1.0
 * @category subresources
 */
export interface WithScale<S extends Scope> {
  readonly scale: ScaleSubresource<S>
}

/**
 * A pod's `eviction`: a delete that respects disruption budgets.
 *
 * See [API-initiated eviction](https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/).
 *
 * @since 0.1.0
 * @category subresources
 */
export interface WithEviction {
  /** Fails with `TooManyRequests` while a disruption budget forbids it. */
  readonly evict: (
    ref: Ref<"Namespaced">,
    options?: DeleteOptions & NamespaceOption<"Namespaced">
  ) => Effect.Effect<MetaV1.StoredStatus, KubeError, KubeClient>
}

/**
 * A pod's `binding`: what a scheduler does.
 *
 * @since 0.1.0
 * @category subresources
 */
export interface WithBinding {
  /** Assigns the pod to a node. */
  readonly bind: (
    ref: Ref<"Namespaced">,
    target: CoreV1.ObjectReference,
    options?: WriteOptions & NamespaceOption<"Namespaced">
  ) => Effect.Effect<MetaV1.StoredStatus, KubeError, KubeClient>
}

/**
 * A service account's `token`.
 *
 * See the [TokenRequest API](https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/).
 *
 * @since 0.1.0
 * @category subresources
 */
export interface WithToken {
  /** Issues a token of the service account; the answer's `status.token` is a secret. */
  readonly createToken: (
    ref: Ref<"Namespaced">,
    spec?: DeepPartial<AuthenticationV1.TokenRequestSpec>,
    options?: WriteOptions & NamespaceOption<"Namespaced">
  ) => Effect.Effect<AuthenticationV1.StoredTokenRequest, KubeError, KubeClient>
}

/**
 * A certificate signing request's `approval`.
 *
 * @since 0.1.0
 * @category subresources
 */
export interface WithApproval<K, S extends Scope> {
  readonly approval: ObjectSubresource<K, S>
}

/**
 * A namespace's `finalize`: what the namespace controller writes.
 *
 * @since 0.1.0
 * @category subresources
 */
export interface WithFinalize<K, S extends Scope> {
  /** Stores the finalizers of `spec`. */
  readonly finalize: (
    object: K & Named,
    options?: WriteOptions & NamespaceOption<S>
  ) => Effect.Effect<Stored<K>, KubeError, KubeClient>
}

/**
 * The container that `debug` adds: any field of an ephemeral container. `stdin` is true unless it is said to be false;
 * the name is `debugger-` and five letters unless one is given. `targetContainerName` is the container whose processes
 * it sees.
 *
 * @since 0.1.0
 * @category options
 */
export interface DebugContainer extends Omit<CoreV1.EphemeralContainer, "name"> {
  readonly image: string
  readonly name?: string | undefined
}

/**
 * A debug container that runs, attached to. `exitCode` is the container's own.
 *
 * @since 0.1.0
 * @category models
 */
export interface DebugProcess extends ExecProcess {
  /** The container's name, for its log. */
  readonly container: string
}

/**
 * A pod's `ephemeralcontainers`.
 *
 * See [ephemeral containers](https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/).
 *
 * @since 0.1.0
 * @category subresources
 */
export interface WithEphemeralContainers<K, S extends Scope> {
  readonly ephemeralContainers: ObjectSubresource<K, S>
  /**
   * Adds a container to a pod that runs, waits until it runs and joins it, as `kubectl debug` does. It stays in the pod's
   * spec for good: Kubernetes cannot remove it. Closing the scope ends what runs in its terminal; without one, only the
   * connection ends.
   *
   * `timeout` limits the time until it runs. Fails with `WaitFailed` where it cannot: its image cannot be pulled, the pod
   * has ended. Where the container has ended before it can be joined, `stdout` is its log. What it writes before it is
   * joined is in its log only.
   */
  readonly debug: (
    ref: Ref<S>,
    container: DebugContainer,
    options?: CallOptions & NamespaceOption<S>
  ) => Effect.Effect<DebugProcess, KubeError, KubeClient | EffectScope.Scope>
}

/**
 * A pod's `resize`: changes the resources of running containers
 * ([KEP-1287](https://github.com/kubernetes/enhancements/tree/master/keps/sig-node/1287-in-place-update-pod-resources)).
 *
 * @since 0.1.0
 * @category subresources
 */
export interface WithResize<K, S extends Scope> {
  readonly resize: ObjectSubresource<K, S>
}

/**
 * Options of `logs`.
 *
 * See [the log of a pod](https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod).
 *
 * @since 0.1.0
 * @category options
 */
export interface LogOptions extends CallOptions {
  /** Default: what the annotation `kubectl.kubernetes.io/default-container` says, else the first one. */
  readonly container?: string | undefined
  /** Goes on with what the container writes from now on. */
  readonly follow?: boolean | undefined
  /** The log of the container's last run, before it was restarted. */
  readonly previous?: boolean | undefined
  /** Only what is not older than so many seconds; excludes `sinceTime`. */
  readonly sinceSeconds?: number | undefined
  /** Only what is not older than this time (RFC 3339). */
  readonly sinceTime?: string | undefined
  /** Begins each line with its time (RFC 3339, in nanoseconds). */
  readonly timestamps?: boolean | undefined
  /** Only so many lines from the end. */
  readonly tailLines?: number | undefined
  /** Ends after so many bytes. */
  readonly limitBytes?: number | undefined
  /** Which of the container's streams; needs the feature gate `PodLogsQuerySplitStreams` and excludes `tailLines`. */
  readonly stream?: "All" | "Stdout" | "Stderr" | undefined
  /** Does not check the kubelet's certificate. */
  readonly insecureSkipTLSVerifyBackend?: boolean | undefined
}

/**
 * A pod's `log`.
 *
 * @since 0.1.0
 * @category subresources
 */
export interface WithLogs {
  /**
   * What a container writes, line by line, over one connection. `timeout` limits the time until the server begins to
   * answer. With `follow`, it ends when the container ends; `Logs.follow` goes on through restarts and broken
   * connections, and with many containers.
   */
  readonly logs: (
    ref: Ref<"Namespaced">,
    options?: LogOptions & NamespaceOption<"Namespaced">
  ) => Stream.Stream<string, KubeError, KubeClient>
  /** What a container writes, byte for byte. */
  readonly logBytes: (
    ref: Ref<"Namespaced">,
    options?: LogOptions & NamespaceOption<"Namespaced">
  ) => Stream.Stream<Uint8Array, KubeError, KubeClient>
}

/**
 * Options of `exec` and `attach`. `timeout` limits the time until the connection stands; `Effect.timeout` the whole.
 *
 * @since 0.1.0
 * @category options
 */
export interface ExecOptions extends CallOptions {
  /** Default: what the annotation `kubectl.kubernetes.io/default-container` says, else the first one. */
  readonly container?: string | undefined
  /**
   * Runs the command in a terminal, of this size in characters if one is given; stdout and stderr are one stream then.
   * The size arrives a moment after the command has begun, as with kubectl: programs learn it as a change.
   */
  readonly tty?: boolean | { readonly width: number; readonly height: number } | undefined
}

/**
 * What a command has written, and how it ended.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExecResult {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number
}

/**
 * A command that runs in a container.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExecProcess {
  /**
   * What the command writes, in bytes. Both outputs come over one connection: one that is not read holds the other one
   * back, once it has a few messages waiting.
   */
  readonly stdout: Stream.Stream<Uint8Array, KubeError>
  readonly stderr: Stream.Stream<Uint8Array, KubeError>
  /**
   * What the command reads. When the stream that runs into it ends, the command sees the end of its input; in a terminal
   * it does not, nor where a server before Kubernetes 1.30 has no version 5 of the protocol (a warning is logged then).
   * It is done when all is sent, or when the command has ended, and fails as `exitCode` does.
   *
   * What Kubernetes gets wrong here, for kubectl too, and nothing on this side can see:
   *
   * - containerd ends the input as soon as the command has closed one of its outputs. `sh -c 'cat > file'` closes its own,
   *   and gets a part of the input, or nothing, with the exit code 0. A shell that stays keeps them open:
   *   `sh -c 'cat > file; exit'`.
   * - A command that ends with much of its input unread (more than what pipes and sockets hold) may leave containerd
   *   hanging: it goes on writing to the pipe that nobody reads, and tells no end. Or the exit code is lost with the
   *   connection, and may then be told as 0. `sh -c 'head -n 1; cat > /dev/null'` reads the rest. Otherwise `Effect.timeout`
   *   is the way out; without one, a server that has taken and sent nothing for four hours is given up with a
   *   `TransportError`.
   *
   * `copyTo` and the commands and files of `Container` do so by themselves, where the image has a shell.
   */
  readonly stdin: Sink.Sink<void, Uint8Array, never, KubeError>
  /** Tells the terminal its size, in characters. */
  readonly resize: (size: { readonly width: number; readonly height: number }) => Effect.Effect<void, KubeError>
  /** Waits for the end of the command; its exit code. Fails where the connection breaks before. */
  readonly exitCode: Effect.Effect<number, KubeError>
}

/**
 * A pod's `exec`, over WebSockets
 * ([KEP-4006](https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets)).
 *
 * @since 0.1.0
 * @category subresources
 */
export interface WithExec {
  /**
   * Runs a command to its end and collects what it writes. Fails with `ExecFailed` when it ends with another code than 0,
   * unless `check` is false.
   */
  readonly exec: (
    ref: Ref<"Namespaced">,
    command: readonly [string, ...ReadonlyArray<string>],
    options?: ExecOptions &
      NamespaceOption<"Namespaced"> & {
        /** What the command reads: text, bytes or a stream of them. Absent: nothing. */
        readonly stdin?: string | Uint8Array | Stream.Stream<Uint8Array, KubeError> | undefined
        /** Whether another exit code than 0 is a failure. Default: true. */
        readonly check?: boolean | undefined
      }
  ) => Effect.Effect<ExecResult, ExecFailed | KubeError, KubeClient>
  /**
   * Runs a command and gives its streams. Closing the scope closes the connection, but Kubernetes does not end the
   * command then. With a `tty` it is ended first, as from the keyboard: by Ctrl-C, Ctrl-D and, where that is not enough,
   * Ctrl-\\, for up to five seconds. So is one whose connection was asked for, but not there yet, when it was interrupted;
   * the interruption waits up to five seconds for that.
   *
   * A program that takes these keys for itself, or ignores both signals (`trap '' INT QUIT`), goes on, as does one without
   * a terminal; such a command should end at the end of its input, or have a limit of its own (`timeout 60 …`).
   */
  readonly execStream: (
    ref: Ref<"Namespaced">,
    command: readonly [string, ...ReadonlyArray<string>],
    options?: ExecOptions &
      NamespaceOption<"Namespaced"> & {
        /** Whether the command has an input. Default: true. */
        readonly stdin?: boolean | undefined
      }
  ) => Effect.Effect<ExecProcess, KubeError, KubeClient | EffectScope.Scope>
  /**
   * Copies a local file or directory into a container, through the `tar` of its image, as `kubectl cp` does. Where
   * `remotePath` is a directory, the source goes into it under its own name; `dir/.` is what is in `dir`. The directory
   * that it goes into has to be there.
   *
   * Fails with `CopyFailed` where the image has no `tar`, or where it fails. What was copied until then stays.
   */
  readonly copyTo: <E = never, R = never>(
    ref: Ref<"Namespaced">,
    localPath: string,
    remotePath: string,
    options?: CopyOptions<E, R> & NamespaceOption<"Namespaced">
  ) => Effect.Effect<
    CopyResult,
    CopyFailed | KubeError | PlatformError | E,
    KubeClient | FileSystem.FileSystem | Path.Path | R
  >
  /**
   * Copies a file or a directory out of a container, through the `tar` of its image, as `kubectl cp` does: what is in a
   * directory goes into `localPath`, which is made where it is not there; a file becomes `localPath`, or goes into it
   * where that is a directory.
   *
   * Nothing is written outside of `localPath`, whatever the container sends. Symbolic links, devices and the like are
   * left out; the result lists them. Each file appears when it is whole: after a failure there are whole files, those of
   * before among them, and no others. A second try begins anew.
   *
   * Fails with `CopyFailed` where the image has no `tar`, where it fails, and where an entry is refused.
   */
  readonly copyFrom: <E = never, R = never>(
    ref: Ref<"Namespaced">,
    remotePath: string,
    localPath: string,
    options?: CopyOptions<E, R> & NamespaceOption<"Namespaced">
  ) => Effect.Effect<
    CopyResult,
    CopyFailed | KubeError | PlatformError | E,
    KubeClient | FileSystem.FileSystem | Path.Path | R
  >
}

/**
 * A pod's `attach`.
 *
 * @since 0.1.0
 * @category subresources
 */
export interface WithAttach {
  /** Joins the main process of a container. Closing the scope leaves it. */
  readonly attach: (
    ref: Ref<"Namespaced">,
    options?: ExecOptions &
      NamespaceOption<"Namespaced"> & {
        /** Whether to write to the input that the container's `stdin` keeps open. Default: false. */
        readonly stdin?: boolean | undefined
      }
  ) => Effect.Effect<ExecProcess, KubeError, KubeClient | EffectScope.Scope>
}

/**
 * Options of `proxy`. `timeout` limits the time until an answer begins, which is after the whole request has been sent.
 *
 * @since 0.1.0
 * @category options
 */
export interface ProxyOptions extends CallOptions {
  /** What the API server speaks to what it asks. Default: `http`, and for a node what its kubelet speaks. */
  readonly scheme?: "http" | "https" | undefined
}

/**
 * The `proxy` of a service, a pod or a node: the API server asks it, and hands on the answer.
 *
 * See [access services running on clusters](https://kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services/#manually-constructing-apiserver-proxy-urls).
 *
 * @since 0.1.0
 * @category subresources
 */
export interface WithProxy<S extends Scope, Port extends number | string = number> {
  /**
   * An `HttpClient` whose requests name a path (`/healthz?x=1`) and go through the API server, with this client's
   * connections and credentials, and with the namespace, the time limit and the impersonation of the place where it is
   * made. It fails as other clients of the platform do: the cause of a `RequestError` is a `KubeError`. Nothing is sent
   * twice, except after the API server itself has refused the credentials.
   *
   * An answer of any status is an answer. That includes the API server's own: one that is not allowed (403), that finds
   * nothing of that name (404), or nobody to ask (503) answers with a `Status` object in JSON. Nothing else tells its
   * answers from those of what it asks.
   *
   * The API server keeps `Authorization` and `Impersonate-*` for itself, so a request with one of these headers is
   * refused. It decodes `%2F` and joins double slashes in the path, puts its own path in front of the links of HTML pages
   * and of redirects (`HttpClient.followRedirects` follows those), and passes cookies on as they are. URLs of other hosts
   * are refused. WebSockets do not go this way.
   *
   * A body that is not read to its end holds a connection when it is longer than 64 kB, until the response is collected
   * as garbage.
   */
  readonly proxy: (
    ref: Ref<S>,
    options?: ProxyOptions &
      NamespaceOption<S> & {
        /**
         * Of a service: the name or the number of one of its ports; needed where its only port has a name. Default: its
         * port without a name. Of a pod: a number; default: the first port of its containers. Of a node: default: the
         * kubelet's.
         */
        readonly port?: Port | undefined
      }
  ) => Effect.Effect<HttpClient.HttpClient, InvalidRequest, KubeClient>
}

/**
 * A pod's `portForward`; `PortForward` has it for Services and workloads too, and without a local port.
 *
 * @since 0.1.0
 * @category subresources
 */
export interface WithPortForward {
  /**
   * Listens on a local port, a free one unless `local` says which, and forwards what connects to a port of the pod: a
   * number, or the name of a container's port. Closing the scope closes the listener and its connections.
   */
  readonly portForward: <R = never>(
    ref: Ref<"Namespaced">,
    port: Port | Listen,
    options?: ListenOptions<R> & NamespaceOption<"Namespaced">
  ) => Effect.Effect<Forward, KubeError, KubeClient | EffectScope.Scope | R>
}

/**
 * What a custom resource has besides the user's own fields.
 *
 * @since 0.1.0
 * @category models
 */
export type Custom<A> = KubernetesObject & A

/**
 * The resource that `define` returns: every verb, and the subresources that were switched on.
 *
 * @since 0.1.0
 * @category models
 */
export type Defined<A, I, S extends Scope, Status extends boolean, Scale extends boolean> = (S extends "Cluster"
  ? Cluster<Custom<A>, Custom<I>>
  : Namespaced<Custom<A>, Custom<I>>) &
  (Status extends true ? WithStatus<Custom<A>, S> : unknown) &
  (Scale extends true ? WithScale<S> : unknown)

/**
 * A kind that the package does not know: a custom resource, or one of an aggregated API. It gets the same verbs as the
 * built-in ones.
 *
 * `schema` describes the fields besides `apiVersion`, `kind` and `metadata`; transformations in it are applied on the
 * way in and undone on the way out. `plural` is the kind's name in lower case with an English plural unless given.
 *
 * @example
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Resource } from "effect-kubernetes"
 *
 * const Backup = Resource.define({
 *   group: "example.com",
 *   version: "v1",
 *   kind: "Backup",
 *   schema: Schema.Struct({
 *     spec: Schema.Struct({ schedule: Schema.String }),
 *     status: Schema.optional(Schema.Struct({ lastRun: Schema.optional(Schema.String) }))
 *   }),
 *   status: true
 * })
 *
 * const program = Backup.get("nightly").pipe(Effect.map((backup) => backup.spec.schedule))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const define: <
  A,
  I,
  S extends Scope = "Namespaced",
  Status extends boolean = false,
  Scale extends boolean = false
>(options: {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural?: string | undefined
  readonly singular?: string | undefined
  readonly shortNames?: ReadonlyArray<string> | undefined
  readonly categories?: ReadonlyArray<string> | undefined
  /** Default: `"Namespaced"`. */
  readonly scope?: S | undefined
  readonly schema: Schema.Schema<A, I>
  /** Whether the kind has the status subresource. */
  readonly status?: Status | undefined
  /** Whether the kind has the scale subresource. */
  readonly scale?: Scale | undefined
}) => Defined<A, I, S, Status, Scale> = makeCustom
