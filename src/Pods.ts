/**
 * The pods that something stands for: one pod, a selector, or whatever selects pods (a Deployment, a Service, ...).
 * Logs and port-forwards take such a value, as kubectl takes `deploy/web`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { isMet } from "./Condition.js"
import * as wait from "./internal/wait.js"
import { InvalidRequest, type KubeError } from "./KubeError.js"
import type { KubeClient } from "./layers/KubeClient.js"
import type {
  CallOptions,
  CollectionNamespaceOption,
  NamespaceOption,
  Ref,
  SelectorOptions,
  Stored
} from "./Resource.js"
import { Pod } from "./resources/CoreV1.js"
import type { LabelSelector } from "./resources/MetaV1.js"
import * as Selector from "./Selector.js"

/**
 * The namespace and the selectors of some pods: options of `Pod.list`, `Pod.watch` and their like.
 *
 * @since 0.1.0
 * @category models
 */
export interface Selection extends SelectorOptions, CollectionNamespaceOption<"Namespaced"> {}

/**
 * An object that selects pods, as far as that matters here. A `LabelSelector` in most kinds, labels in a Service and a
 * ReplicationController.
 *
 * @since 0.1.0
 * @category models
 */
export interface SelectsPods {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string | undefined }
  readonly spec?: { readonly selector?: LabelSelector | { readonly [label: string]: string } | undefined } | undefined
}

/**
 * A kind whose objects select pods: Service, Deployment, ReplicaSet, StatefulSet, DaemonSet, Job,
 * ReplicationController, or a custom kind with such a `spec.selector`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Workload<O extends SelectsPods = SelectsPods> {
  readonly kind: string
  readonly get: (
    ref: Ref<"Namespaced">,
    options?: CallOptions & NamespaceOption<"Namespaced">
  ) => Effect.Effect<O, KubeError, KubeClient>
}

/**
 * What `of` and `select` make.
 *
 * @since 0.1.0
 * @category models
 */
export type Chosen =
  | { readonly _tag: "Selected"; readonly selection: Selection }
  | {
      readonly _tag: "Of"
      readonly resource: Workload
      readonly ref: Ref<"Namespaced">
      readonly options: NamespaceOption<"Namespaced">
    }

/**
 * Some pods: the name of one, a reference to one, or what `of` and `select` make.
 *
 * @since 0.1.0
 * @category models
 */
export type Pods = Ref<"Namespaced"> | Chosen

/**
 * The pods that an object selects, by its `spec.selector`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Deployment, Pods } from "effect-kubernetes"
 *
 * const names = Pods.list(Pods.of(Deployment, "web")).pipe(
 *   Effect.map((pods) => pods.map((pod) => pod.metadata.name))
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const of = (
  resource: Workload,
  ref: Ref<"Namespaced">,
  options: NamespaceOption<"Namespaced"> = {}
): Chosen => ({ _tag: "Of", resource, ref, options })

/**
 * The pods that selectors match, in one namespace or in all.
 *
 * @example
 * ```ts
 * import { Pods, Selector } from "effect-kubernetes"
 *
 * const web = Pods.select({ labels: { app: "web", tier: Selector.in(["a", "b"]) }, namespace: "staging" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const select = (selection: Selection): Chosen => ({ _tag: "Selected", selection })

const isChosen = (pods: Pods): pods is Chosen => typeof pods === "object" && "_tag" in pods

const isLabelSelector = (selector: object): selector is LabelSelector =>
  "matchLabels" in selector || "matchExpressions" in selector

/** The pods of an object: those of its namespace with the labels that it wants. */
const selectedBy = ({ kind, metadata, spec }: SelectsPods): Effect.Effect<Selection, InvalidRequest> => {
  const selector = spec?.selector ?? {}
  const isEmpty = Object.values(selector).every((part) => typeof part === "object" && Object.keys(part).length === 0)
  return isEmpty
    ? Effect.fail(
        new InvalidRequest({ message: `${kind} "${metadata.name}" has no selector, so it stands for no pods` })
      )
    : Effect.succeed({
        labels: isLabelSelector(selector) ? Selector.fromLabelSelector(selector) : selector,
        namespace: metadata.namespace
      })
}

const onePod = (ref: Ref<"Namespaced">): Effect.Effect<Selection, InvalidRequest> => {
  if (typeof ref === "string") return Effect.succeed({ fields: { "metadata.name": ref } })
  if (!("metadata" in ref)) return Effect.succeed({ fields: { "metadata.name": ref.name }, namespace: ref.namespace })
  const { name, namespace } = ref.metadata
  const kind = "kind" in ref && typeof ref.kind === "string" ? ref.kind : "Pod"
  return kind === "Pod"
    ? Effect.succeed({ fields: { "metadata.name": name }, namespace })
    : Effect.fail(
        new InvalidRequest({ message: `${kind} "${name}" is no pod; give its pods as Pods.of(${kind}, "${name}")` })
      )
}

/**
 * The object that selects the pods, if one does, and its selection: options for `Pod.list` and `Pod.watch`.
 *
 * @example
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { Pod, Pods, StatefulSet } from "effect-kubernetes"
 *
 * const events = Stream.unwrap(
 *   Effect.map(Pods.resolve(Pods.of(StatefulSet, "db")), ({ selection }) => Pod.watch(selection))
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const resolve = (
  pods: Pods
): Effect.Effect<{ readonly selection: Selection; readonly object?: SelectsPods }, KubeError, KubeClient> => {
  if (!isChosen(pods)) return Effect.map(onePod(pods), (selection) => ({ selection }))
  return pods._tag === "Selected"
    ? Effect.succeed({ selection: pods.selection })
    : Effect.flatMap(pods.resource.get(pods.ref, pods.options), (object) =>
        Effect.map(selectedBy(object), (selection) => ({ selection, object }))
      )
}

/**
 * The pods as they are now. Fails with `NotFound` when the one pod, or the object that selects them, is not there.
 *
 * @example
 * ```ts
 * import { Job, Pods } from "effect-kubernetes"
 *
 * const pods = Pods.list(Pods.of(Job, "backup", { namespace: "ops" }))
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const list = (pods: Pods): Effect.Effect<ReadonlyArray<Stored<Pod>>, KubeError, KubeClient> =>
  isChosen(pods)
    ? Effect.flatMap(resolve(pods), ({ selection }) => Effect.map(Pod.list(selection), ({ items }) => items))
    : Effect.zipRight(
        onePod(pods),
        Effect.map(Pod.get(pods), (pod) => [pod])
      )

/**
 * Whether a pod takes requests: it is `Ready`, and nobody has deleted it.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Pod, Pods } from "effect-kubernetes"
 *
 * const ready = Effect.map(Pod.get("web-0"), Pods.isReady)
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const isReady = (pod: Stored<Pod>): boolean => isMet(Pod.ready, pod)

/** A function, since the modules of `Pod` and this one need each other. */
const watchable = (): wait.Watchable<Stored<Pod>> => ({ resource: Pod, watch: Pod.watch })

/**
 * The first of the pods that is ready; waits for one, at most for `timeout` (default: the client's). Fails with
 * `NotFound` when the one pod, or the object that selects them, is not there, with `WaitFailed` when the one pod has
 * ended or is deleted, and with `TimeoutError`, which says how the pods were last.
 *
 * @example
 * ```ts
 * import { Pods, Service } from "effect-kubernetes"
 *
 * const pod = Pods.ready(Pods.of(Service, "web"), { timeout: "10 seconds" })
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const ready = (pods: Pods, options: CallOptions = {}): Effect.Effect<Stored<Pod>, KubeError, KubeClient> =>
  wait.limited(
    {
      complaint: isChosen(pods) ? "no Pod is ready" : `Pod "${wait.nameOf(pods)}" is not ready`,
      method: "GET",
      path: "/api/v1/pods",
      verb: "watch",
      kind: "Pod"
    },
    options,
    (note) =>
      isChosen(pods)
        ? Effect.flatMap(resolve(pods), ({ selection }) => wait.any(watchable(), selection, Pod.ready, note))
        : // A watch alone would wait for one that is not there.
          Effect.flatMap(Effect.zipRight(onePod(pods), Pod.get(pods)), (pod) =>
            wait.same(watchable(), pod, Pod.ready, note)
          )
  )
