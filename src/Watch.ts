/**
 * The events of a watch.
 *
 * See [efficient detection of changes](https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes).
 *
 * @since 0.1.0
 */
import type { DecodeError } from "./KubeError.js"
import type { Stored } from "./Resource.js"

/**
 * There is a new object, or one that the selectors did not match before.
 *
 * @since 0.1.0
 * @category models
 */
export interface Added<K> {
  readonly _tag: "Added"
  readonly object: Stored<K>
}

/**
 * An object has changed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Modified<K> {
  readonly _tag: "Modified"
  readonly object: Stored<K>
}

/**
 * An object is gone, or the selectors do not match it any more; `object` is its last state.
 *
 * @since 0.1.0
 * @category models
 */
export interface Deleted<K> {
  readonly _tag: "Deleted"
  readonly object: Stored<K>
}

/**
 * Nothing changed up to this resource version: a watch may start again from there.
 *
 * @since 0.1.0
 * @category models
 */
export interface Bookmark {
  readonly _tag: "Bookmark"
  readonly resourceVersion: string
}

/**
 * The initial objects are complete; what follows are changes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Synced {
  readonly _tag: "Synced"
  readonly resourceVersion: string
}

/**
 * News of an object that cannot be decoded, for a watch with `decodeFailures: "event"`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Undecodable {
  readonly _tag: "Undecodable"
  readonly change: "Added" | "Modified" | "Deleted"
  readonly error: DecodeError
  /** The object as the server sent it. */
  readonly object: unknown
}

/**
 * What a watch tells.
 *
 * @example
 * ```ts
 * import { Console, Effect, Stream } from "effect"
 * import { Pod } from "effect-kubernetes"
 *
 * const program = Pod.watch({ labels: { app: "web" } }).pipe(
 *   Stream.runForEach((event) =>
 *     "object" in event ? Console.log(event._tag, event.object.metadata.name) : Effect.void
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export type WatchEvent<K> = Added<K> | Modified<K> | Deleted<K> | Bookmark | Synced
