/** What a generated schema knows beyond its type, as annotations on it. */

/** On a property: the server always sends it, though a writer may leave it out. */
export const AlwaysSentId: unique symbol = Symbol.for("effect-kubernetes/AlwaysSent")

/** On a list, a map or a struct: how server-side apply and strategic merge combine two of them. */
export const MergeId: unique symbol = Symbol.for("effect-kubernetes/Merge")

/**
 * The `x-kubernetes-list-type`, `-list-map-keys`, `-map-type`, `-patch-strategy` and `-patch-merge-key` of a type.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
 */
export interface Merge {
  readonly type?: "atomic" | "set" | "map"
  readonly keys?: ReadonlyArray<string>
  readonly mapType?: "atomic" | "granular"
  readonly patchStrategy?: string
  readonly patchMergeKey?: string
}

export const alwaysSent = { [AlwaysSentId]: true }

export const merge = (value: Merge) => ({ [MergeId]: value })
