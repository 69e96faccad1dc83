/**
 * The four ways to change parts of an object.
 *
 * `null`, absent and empty stay different in all of them: in `merge` and `strategic`, `null` removes a field.
 *
 * See [patches](https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/).
 *
 * @since 0.1.0
 */
import type { Atomic, DeepPartial } from "./Resource.js"

/**
 * Any part of `A`, at every depth, with `null` for what is to be removed.
 *
 * @since 0.1.0
 * @category models
 */
export type Nullable<A> = A extends Atomic
  ? A
  : A extends ReadonlyArray<infer I>
    ? ReadonlyArray<Nullable<I>>
    : A extends object
      ? { readonly [P in Exclude<keyof A, symbol>]?: Nullable<A[P]> | null | undefined }
      : A

/**
 * Any part of `A` as a strategic merge patch has it: `null` for what is to be removed, and directives (`$patch`,
 * `$retainKeys`, `$setElementOrder/<list>`, `$deleteFromPrimitiveList/<list>`) at every depth.
 *
 * @since 0.1.0
 * @category models
 */
export type Directed<A> = A extends Atomic
  ? A
  : A extends ReadonlyArray<infer I>
    ? ReadonlyArray<Directed<I>>
    : A extends object
      ? { readonly [P in Exclude<keyof A, symbol>]?: Directed<A[P]> | null | undefined } & {
          readonly [directive: `$${string}`]: unknown
        }
      : A

/**
 * One operation of a JSON patch ([RFC 6902](https://www.rfc-editor.org/rfc/rfc6902)). Paths are JSON pointers; `pointer`
 * builds them.
 *
 * @since 0.1.0
 * @category models
 */
export type Operation =
  | { readonly op: "add" | "replace" | "test"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string }
  | { readonly op: "move" | "copy"; readonly from: string; readonly path: string }

// Where the compiler finds the kind of a patch that stands in a call. They have no runtime part.
declare const MergeOf: unique symbol
declare const StrategicOf: unique symbol
declare const ApplyOf: unique symbol

/**
 * A JSON patch: operations, applied in their order, all or none.
 *
 * @since 0.1.0
 * @category models
 */
export interface Json {
  readonly _tag: "Json"
  readonly body: ReadonlyArray<Operation>
}

/**
 * A merge patch ([RFC 7386](https://www.rfc-editor.org/rfc/rfc7386)): lists are replaced whole.
 *
 * @since 0.1.0
 * @category models
 */
export interface Merge<out K> {
  readonly _tag: "Merge"
  readonly body: Nullable<NoInfer<K>>
  readonly [MergeOf]?: K
}

/**
 * A strategic merge patch: lists of built-in kinds are merged by their keys. Custom resources do not take it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Strategic<out K> {
  readonly _tag: "Strategic"
  readonly body: Directed<NoInfer<K>>
  readonly [StrategicOf]?: K
}

/**
 * A server-side apply.
 *
 * @since 0.1.0
 * @category models
 */
export interface Apply<out K> {
  readonly _tag: "Apply"
  readonly body: DeepPartial<NoInfer<K>>
  readonly [ApplyOf]?: K
}

/**
 * A patch of a `K`; a server-side apply leaves the status alone.
 *
 * @since 0.1.0
 * @category models
 */
export type Patch<K> = Json | Merge<K> | Strategic<K> | Apply<Omit<K, "status">>

/**
 * A patch of a subresource that shows a `K`.
 *
 * @since 0.1.0
 * @category models
 */
export type SubresourcePatch<K> = Json | Merge<K> | Strategic<K> | Apply<K>

/**
 * A JSON patch.
 *
 * @example
 * ```ts
 * import { Patch, Pod } from "effect-kubernetes"
 *
 * const patched = Pod.patch("web-0", Patch.json([{ op: "add", path: "/metadata/labels/tier", value: "web" }]))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const json = (operations: ReadonlyArray<Operation>): Json => ({ _tag: "Json", body: operations })

/**
 * A merge patch; `null` removes a field. Inside a `patch` call the kind is known; elsewhere say it:
 * `Patch.merge<Pod>({ ... })`.
 *
 * @example
 * ```ts
 * import { Deployment, Patch } from "effect-kubernetes"
 *
 * const patched = Deployment.patch("web", Patch.merge({ spec: { replicas: 3, paused: null } }))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const merge = <K>(body: Merge<NoInfer<K>>["body"]): Merge<K> => ({ _tag: "Merge", body })

/**
 * A strategic merge patch; `null` removes a field, and directives such as `$patch: "delete"` are passed on.
 *
 * @example
 * ```ts
 * import { Deployment, Patch } from "effect-kubernetes"
 *
 * const patched = Deployment.patch(
 *   "web",
 *   Patch.strategic({ spec: { template: { spec: { containers: [{ name: "web", image: "nginx:1.29" }] } } } })
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const strategic = <K>(body: Strategic<NoInfer<K>>["body"]): Strategic<K> => ({ _tag: "Strategic", body })

/**
 * A server-side apply of these fields; `Pod.apply` is the shorter way.
 *
 * @example
 * ```ts
 * import { Deployment, Patch } from "effect-kubernetes"
 *
 * const patched = Deployment.patch("web", Patch.apply({ spec: { replicas: 3 } }), { fieldManager: "scaler" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const apply = <K>(body: Apply<NoInfer<K>>["body"]): Apply<K> => ({ _tag: "Apply", body })

/**
 * A JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)) of these keys and indexes, escaped.
 *
 * @example
 * ```ts
 * import { Patch } from "effect-kubernetes"
 *
 * Patch.pointer("metadata", "labels", "app.kubernetes.io/name") // "/metadata/labels/app.kubernetes.io~1name"
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const pointer = (...keys: ReadonlyArray<string | number>): string =>
  keys.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("")
