/**
 * A cache of a collection that keeps itself up to date: one watch, any number of readers and subscribers.
 *
 * See [efficient detection of changes](https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes).
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as EffectScope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as internal from "./internal/informer.js"
import type { KubeError } from "./KubeError.js"
import type { KubeClient } from "./layers/KubeClient.js"
import type {
  CanWatch,
  CollectionNamespaceOption,
  Descriptor,
  PartialObjectMetadata,
  Ref,
  Scope,
  Stored,
  TransformOption,
  WatchOptions
} from "./Resource.js"

/**
 * What an informer tells: what is there when somebody begins to listen, `Synced`, then the changes.
 *
 * @since 0.1.0
 * @category models
 */
export type InformerEvent<K> =
  | { readonly _tag: "Added"; readonly object: Stored<K> }
  | { readonly _tag: "Modified"; readonly object: Stored<K>; readonly previous: Stored<K> }
  | { readonly _tag: "Deleted"; readonly object: Stored<K> }
  | { readonly _tag: "Synced" }

/**
 * Under which keys an object is found, by the names of the indexes. An index may give an object no key, or several.
 *
 * @since 0.1.0
 * @category models
 */
export type Indexes<K, N extends string> = {
  readonly [P in N]: (object: Stored<K>) => string | ReadonlyArray<string> | undefined
}

/**
 * Options of an informer: the selectors and the other options of a watch, and the indexes.
 *
 * @since 0.1.0
 * @category options
 */
export interface Options<K, N extends string>
  extends Omit<WatchOptions, "resume" | "resourceVersion" | "decodeFailures">, TransformOption<K> {
  readonly indexes?: Indexes<K, N> | undefined
  /** Whether to keep `metadata.managedFields`, about half of a pod. Default: false. */
  readonly managedFields?: boolean | undefined
  /**
   * What becomes of an object that cannot be decoded: it is left out and logged as a warning (where it could be decoded
   * before, that state stays), or the informer fails. Default: `"skip"`.
   */
  readonly decodeFailures?: "skip" | "fail" | undefined
}

/**
 * The objects of an informer as they are now, without waiting: for hot paths. Objects are shared by all who read them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Store<K, N extends string> {
  /** Whether all objects have been there once; until then the rest is a part. */
  readonly isSynced: () => boolean
  /** The object of a name: of a namespaced kind in a namespace. */
  readonly get: (name: string, namespace?: string) => Stored<K> | undefined
  readonly values: () => Iterable<Stored<K>>
  readonly byIndex: (index: N, key: string) => ReadonlyArray<Stored<K>>
  readonly size: () => number
}

/**
 * A cache of a collection. Reading waits until it is synced, so that "not there" always means that; it fails with the
 * error of the watch when that has failed, so that nobody reads a cache that nothing updates any more. When the
 * informer's scope closes, its streams end, and who still reads is interrupted.
 *
 * @since 0.1.0
 * @category models
 */
export interface Informer<K, S extends Scope = "Namespaced", N extends string = never> {
  /** Waits until the first list is complete. */
  readonly synced: Effect.Effect<void, KubeError>
  /** Fails when the watch has failed; else it never ends. */
  readonly failed: Effect.Effect<never, KubeError>
  /** A name without a namespace is one in the informer's own. */
  readonly get: (ref: Ref<S>) => Effect.Effect<Option.Option<Stored<K>>, KubeError>
  /** All objects, or those of one namespace. */
  readonly list: (options?: {
    readonly namespace?: string | undefined
  }) => Effect.Effect<ReadonlyArray<Stored<K>>, KubeError>
  /** The objects that an index of `indexes` has under this key. */
  readonly byIndex: (index: N, key: string) => Effect.Effect<ReadonlyArray<Stored<K>>, KubeError>
  readonly size: Effect.Effect<number, KubeError>
  /**
   * What is there once it is synced, `Synced`, and every change after that, in its order. Who reads slowly holds the watch
   * back, and with it everybody else.
   */
  readonly changes: Stream.Stream<InformerEvent<K>, KubeError>
  /**
   * As `changes`, for those who want to know how things are rather than all that happened: of an object that has changed
   * more than once since they last looked, they see the last state. Who reads slowly holds back nobody.
   */
  readonly latest: Stream.Stream<InformerEvent<K>, KubeError>
  /**
   * Tells every subscriber of every object again, as `Modified`. It asks the server for nothing. It waits for slow readers
   * of `changes`, so one of those must not call it.
   */
  readonly resync: Effect.Effect<void, KubeError>
  readonly store: Store<K, N>
}

/**
 * Starts an informer, which lives as long as the scope. It does not wait for the first list: `synced` and every reader do.
 *
 * `managedFields` are left out, equal strings of all objects are one in memory, and what has not changed of an object is
 * taken over from its state of before: `previous.spec === object.spec` says that no part of it has changed. What it comes
 * to is in docs/watching.md. How many objects all informers of a kind hold is the metric `kubernetes.client.informer.objects`. An
 * object that cannot be decoded is left out and logged (`decodeFailures`).
 *
 * @example
 * ```ts
 * import { Console, Effect, Stream } from "effect"
 * import { Informer, Pod } from "effect-kubernetes"
 *
 * const program = Effect.gen(function* () {
 *   const pods = yield* Informer.make(Pod, {
 *     allNamespaces: true,
 *     indexes: { node: (pod) => pod.spec.nodeName }
 *   })
 *   const onNode = yield* pods.byIndex("node", "node-1")
 *   yield* Console.log(`${onNode.length} of ${yield* pods.size}`)
 *   yield* pods.changes.pipe(Stream.runForEach((event) => Console.log(event._tag)))
 * }).pipe(Effect.scoped)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: <K, E, S extends Scope, N extends string = never>(
  resource: Descriptor<K, E, S> & CanWatch<K, S>,
  options?: Options<K, N> & CollectionNamespaceOption<S>
) => Effect.Effect<Informer<K, S, N>, never, KubeClient | EffectScope.Scope> = internal.make

/**
 * As `make`, of the metadata alone: names, labels, annotations, owners. The server sends nothing else, so that 5,000 pods
 * are a matter of a few megabytes. The API server's documentation calls it
 * [PartialObjectMetadata](https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches).
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { Informer, Secret } from "effect-kubernetes"
 *
 * const program = Effect.gen(function* () {
 *   const secrets = yield* Informer.metadata(Secret, {
 *     allNamespaces: true,
 *     indexes: { owner: ({ metadata }) => metadata.ownerReferences?.map(({ uid }) => uid) }
 *   })
 *   yield* Console.log(yield* secrets.size)
 * }).pipe(Effect.scoped)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const metadata: <K, E, S extends Scope, N extends string = never>(
  resource: Descriptor<K, E, S> & CanWatch<K, S>,
  options?: Options<PartialObjectMetadata, N> & CollectionNamespaceOption<S>
) => Effect.Effect<Informer<PartialObjectMetadata, S, N>, never, KubeClient | EffectScope.Scope> = internal.metadata

/**
 * An informer as a service: the layer is there when the informer is synced.
 *
 * @example
 * ```ts
 * import { Context, Effect } from "effect"
 * import { Informer, Node } from "effect-kubernetes"
 *
 * class Nodes extends Context.Tag("Nodes")<Nodes, Informer.Informer<Node, "Cluster">>() {}
 *
 * const count = Effect.flatMap(Nodes, (nodes) => nodes.size).pipe(Effect.provide(Informer.layer(Nodes, Node)))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Id, K, E, S extends Scope, N extends string = never>(
  tag: Context.Tag<Id, Informer<K, S, N>>,
  resource: Descriptor<K, E, S> & CanWatch<K, S>,
  options?: Options<K, N> & CollectionNamespaceOption<S>
): Layer.Layer<Id, KubeError, KubeClient> =>
  Layer.scoped(
    tag,
    Effect.tap(internal.make(resource, options), ({ synced }) => synced)
  )
