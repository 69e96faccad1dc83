/**
 * What `waitFor` waits for, as values that can be combined.
 *
 * @since 0.1.0
 */
import * as internal from "./internal/condition.js"

/**
 * How an object stands to a condition. `Never` ends the waiting: the object has gone a way on which the condition cannot
 * be met any more.
 *
 * @since 0.1.0
 * @category models
 */
export type Verdict =
  | { readonly _tag: "Met" }
  | { readonly _tag: "NotYet"; readonly because: string }
  | { readonly _tag: "Never"; readonly because: string }

declare const InsteadId: unique symbol

/**
 * Something to wait for, of objects `O`. `A` is `undefined` for what can be met without there being an object.
 *
 * @since 0.1.0
 * @category models
 */
export interface Condition<in O, out A = never> {
  /** For messages: "ready", "deleted". */
  readonly description: string
  readonly check: (object: O) => Verdict
  /** The verdict when there is no object. */
  readonly absent: Verdict
  /** Why nobody can wait for it, if so: `waitFor` fails with `InvalidRequest` at once. */
  readonly problem?: string | undefined
  readonly [InsteadId]?: A
}

/**
 * A condition of your own: a predicate, or a function that says more.
 *
 * @example
 * ```ts
 * import { Condition, Pod, type Stored } from "effect-kubernetes"
 *
 * const scheduled = Condition.make("scheduled", (pod: Stored<Pod>) => pod.spec.nodeName !== undefined)
 * const waiting = Pod.waitFor("web-0", scheduled, { timeout: "10 seconds" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: <O>(description: string, check: (object: O) => boolean | Verdict) => Condition<O> = internal.make

/**
 * The object is there.
 *
 * @example
 * ```ts
 * import { Condition, Secret } from "effect-kubernetes"
 *
 * const secret = Secret.waitFor("web-tls", Condition.created)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const created: Condition<unknown> = internal.created

/**
 * The object is not there, or not any more.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Condition, Namespace } from "effect-kubernetes"
 *
 * const gone = Namespace.delete("preview").pipe(Effect.zipRight(Namespace.waitFor("preview", Condition.deleted)))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const deleted: Condition<unknown, undefined> = internal.deleted

/**
 * An entry of `status.conditions`, as `kubectl wait --for=condition=Ready` means it. Upper and lower case are the same,
 * and an entry about an older generation of the object does not count.
 *
 * See [kubectl wait](https://kubernetes.io/docs/reference/kubectl/generated/kubectl_wait/).
 *
 * @example
 * ```ts
 * import { Condition, Node } from "effect-kubernetes"
 *
 * const node = Node.waitFor("node-1", Condition.status("Ready", "True"))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const status: (type: string, status?: string) => Condition<unknown> = internal.status

/**
 * A path into the object and the text that stands there, as `kubectl wait --for=jsonpath=...` takes it:
 * `"{.status.phase}=Running"`; without a value it is met when something is there. An expression that cannot be read is
 * not waited for: `waitFor` fails with `InvalidRequest`. The braces and the quotes of the value may be left out.
 *
 * Where the path leads to several values, each has to be the wanted one. What is not there in a list yet is waited for;
 * `kubectl wait` fails in both cases. A value in a custom kind is as the program sees it, after its schema.
 *
 * See [JSONPath support](https://kubernetes.io/docs/reference/kubectl/jsonpath/).
 *
 * @example
 * ```ts
 * import { Condition, Service } from "effect-kubernetes"
 *
 * const service = Service.waitFor("web", Condition.jsonpath("{.status.loadBalancer.ingress}"), { timeout: "5 minutes" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const jsonpath: (expression: string) => Condition<unknown> = internal.jsonpath

/**
 * All of the conditions at once. It can never be met when one of them cannot.
 *
 * @example
 * ```ts
 * import { Condition, Pod } from "effect-kubernetes"
 *
 * const placed = Condition.and(Pod.ready, Condition.jsonpath("{.spec.nodeName}=node-1"))
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const and: <O, A>(
  ...conditions: readonly [Condition<O, A>, ...ReadonlyArray<Condition<O, A>>]
) => Condition<O, A> = internal.and

/**
 * Any of the conditions. It can never be met when none of them can.
 *
 * @example
 * ```ts
 * import { Condition, Pod } from "effect-kubernetes"
 *
 * const over = Pod.waitFor("job-1", Condition.or(Pod.completed, Condition.deleted))
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const or: <O, A>(
  ...conditions: readonly [Condition<O, A>, ...ReadonlyArray<Condition<O, A>>]
) => Condition<O, A> = internal.or

/**
 * The object is there, and the condition is not met.
 *
 * @example
 * ```ts
 * import { Condition, Pod } from "effect-kubernetes"
 *
 * const pod = Pod.waitFor("web-0", Condition.not(Pod.ready))
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const not: <O>(condition: Condition<O, unknown>) => Condition<O> = internal.not

/**
 * Whether an object meets a condition: says after `or` which of them it was.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Condition, Pod } from "effect-kubernetes"
 *
 * const outcome = Pod.waitFor("migration", Condition.or(Pod.completed, Condition.jsonpath("{.status.phase}=Failed"))).pipe(
 *   Effect.map((pod) => (Condition.isMet(Pod.completed, pod) ? "completed" : "failed"))
 * )
 * ```
 *
 * @since 0.1.0
 * @category predicates
 */
export const isMet: <O>(condition: Condition<O, unknown>, object: O | undefined) => boolean = internal.isMet
