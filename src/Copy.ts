/**
 * What `Pod.copyTo` and `Pod.copyFrom` take and tell.
 *
 * @since 0.1.0
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Effect from "effect/Effect"
import type { CallOptions } from "./Resource.js"

/**
 * How far a copy is.
 *
 * @since 0.1.0
 * @category models
 */
export interface CopyProgress {
  /** The file that is being copied, as it is called in the target. */
  readonly path: string
  /** Its size, in bytes. */
  readonly size: number
  /** How much of it is copied, in bytes. */
  readonly copied: number
  /** How many files are done. */
  readonly files: number
  /** What all files until now hold together, in bytes. */
  readonly bytes: number
}

/**
 * Options of `copyTo` and `copyFrom`. `timeout` limits the time until the connection stands; `Effect.timeout` the whole.
 *
 * @since 0.1.0
 * @category models
 */
export interface CopyOptions<E = never, R = never> extends CallOptions {
  /** Default: what the annotation `kubectl.kubernetes.io/default-container` says, else the first one. */
  readonly container?: string | undefined
  /**
   * Whether files keep their permissions and, on the way into the container, their owner; on the way out of it their
   * modification time, and what the umask leaves of their permissions. Default: true.
   */
  readonly preserve?: boolean | undefined
  /**
   * Whether what symbolic links point to is copied in their place. Default: false: `copyTo` makes the same links in the
   * container, `copyFrom` leaves them out, as a container could make them point anywhere.
   */
  readonly followLinks?: boolean | undefined
  /** Runs after every piece of a file, and at the end of an empty one. The copy waits for it, and fails if it does. */
  readonly onProgress?: ((progress: CopyProgress) => Effect.Effect<unknown, E, R>) | undefined
}

/**
 * What was not copied, as it is neither a file nor a directory.
 *
 * @since 0.1.0
 * @category models
 */
export interface SkippedEntry {
  /** As it would be called in the target; `""` for the source itself. */
  readonly path: string
  /** `HardLink` is a second name of something that was itself left out. */
  readonly type: Exclude<FileSystem.File.Type, "File" | "Directory"> | "HardLink"
  /** What a link points to. */
  readonly target?: string | undefined
}

/**
 * What was copied.
 *
 * @since 0.1.0
 * @category models
 */
export interface CopyResult {
  /** How many files; links that `copyTo` made count as files. */
  readonly files: number
  /** What they hold together, in bytes. */
  readonly bytes: number
  readonly skipped: ReadonlyArray<SkippedEntry>
}
