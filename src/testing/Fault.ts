/**
 * What can go wrong between a program and the API server, for tests: `TestCluster.inject` does it to the requests that a
 * test chooses. Every delay is on the `Clock`.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"

/**
 * A request, as far as a fault is chosen by it.
 *
 * @since 0.1.0
 * @category models
 */
export interface FaultRequest {
  readonly method: string
  /** Encoded, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  /** By lower-case name. */
  readonly headers: { readonly [name: string]: string }
  /** It asks for a watch. */
  readonly isWatch: boolean
}

/**
 * What goes wrong.
 *
 * @since 0.1.0
 * @category models
 */
export type Fault =
  | { readonly _tag: "Latency"; readonly duration: Duration.DurationInput }
  | { readonly _tag: "Refused" }
  | { readonly _tag: "Reset"; readonly afterBytes: number | undefined }
  | { readonly _tag: "HalfOpen"; readonly afterBytes: number | undefined }
  | { readonly _tag: "Truncated"; readonly afterBytes: number }
  | { readonly _tag: "Stalled"; readonly afterBytes: number; readonly duration: Duration.DurationInput }
  | { readonly _tag: "Malformed"; readonly text: string; readonly afterBytes: number }
  | { readonly _tag: "Fragmented"; readonly bytes: number }
  | {
      readonly _tag: "Status"
      readonly code: number
      readonly reason: string | undefined
      readonly message: string | undefined
      readonly retryAfterSeconds: number | undefined
    }

/**
 * Which requests it happens to, and how often.
 *
 * @since 0.1.0
 * @category models
 */
export interface Rule {
  /** Absent: every request. */
  readonly when?: ((request: FaultRequest) => boolean) | undefined
  readonly fault: Fault
  /** After so many requests it is over. Absent: it goes on until `clearFaults`. */
  readonly times?: number | undefined
}

/**
 * The answer takes longer, by so much.
 *
 * @example
 * ```ts
 * import * as Fault from "effect-kubernetes/testing/Fault"
 *
 * const slow = Fault.latency("2 seconds")
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const latency = (duration: Duration.DurationInput): Fault => ({ _tag: "Latency", duration })

/**
 * Nobody listens.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import * as Fault from "effect-kubernetes/testing/Fault"
 * import { TestCluster } from "effect-kubernetes/testing/TestCluster"
 *
 * const once = Effect.flatMap(TestCluster, (cluster) => cluster.inject({ fault: Fault.refused, times: 1 }))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const refused: Fault = { _tag: "Refused" }

/**
 * The connection breaks: before an answer, so that nobody knows whether the server has acted, which it has; or in the
 * middle of the body, after so many bytes.
 *
 * @example
 * ```ts
 * import * as Fault from "effect-kubernetes/testing/Fault"
 *
 * const early = Fault.reset()
 * const inTheBody = Fault.reset({ afterBytes: 100 })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const reset = ({ afterBytes }: { readonly afterBytes?: number | undefined } = {}): Fault => ({
  _tag: "Reset",
  afterBytes
})

/**
 * The other side is gone without a word: no answer, or none after so many bytes of the body, and no end.
 *
 * @example
 * ```ts
 * import * as Fault from "effect-kubernetes/testing/Fault"
 *
 * const silent = Fault.halfOpen({ afterBytes: 0 })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const halfOpen = ({ afterBytes }: { readonly afterBytes?: number | undefined } = {}): Fault => ({
  _tag: "HalfOpen",
  afterBytes
})

/**
 * The body ends after so many bytes, as if that were all of it.
 *
 * @example
 * ```ts
 * import * as Fault from "effect-kubernetes/testing/Fault"
 *
 * const half = Fault.truncated(200)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const truncated = (afterBytes: number): Fault => ({ _tag: "Truncated", afterBytes })

/**
 * Nothing comes for so long after so many bytes of the body; then it goes on.
 *
 * @example
 * ```ts
 * import * as Fault from "effect-kubernetes/testing/Fault"
 *
 * const stuck = Fault.stalled({ afterBytes: 100, duration: "20 seconds" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const stalled = ({
  afterBytes,
  duration
}: {
  readonly afterBytes: number
  readonly duration: Duration.DurationInput
}): Fault => ({ _tag: "Stalled", afterBytes, duration })

/**
 * Something else than JSON, with the status of the real answer: in the place of the body, or of what follows after so many
 * bytes of it.
 *
 * @example
 * ```ts
 * import * as Fault from "effect-kubernetes/testing/Fault"
 *
 * const proxy = Fault.malformed("<html>login</html>")
 * const damaged = Fault.malformed("\u0000", { afterBytes: 100 })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const malformed = (
  text = "{ this is not JSON",
  { afterBytes = 0 }: { readonly afterBytes?: number | undefined } = {}
): Fault => ({ _tag: "Malformed", text, afterBytes })

/**
 * The body comes in pieces of so many bytes, which may end in the middle of a character. Nothing is lost.
 *
 * @example
 * ```ts
 * import * as Fault from "effect-kubernetes/testing/Fault"
 *
 * const byteByByte = Fault.fragmented(1)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fragmented = (bytes: number): Fault => ({ _tag: "Fragmented", bytes: Math.max(1, bytes) })

/**
 * The server answers with this status and does nothing: 409, 410, 429, 500, ...; `retryAfterSeconds` is its `Retry-After`.
 *
 * @example
 * ```ts
 * import * as Fault from "effect-kubernetes/testing/Fault"
 *
 * const busy = Fault.status(429, { reason: "TooManyRequests", retryAfterSeconds: 1 })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const status = (
  code: number,
  options: {
    readonly reason?: string | undefined
    readonly message?: string | undefined
    readonly retryAfterSeconds?: number | undefined
  } = {}
): Fault => ({
  _tag: "Status",
  code,
  reason: options.reason,
  message: options.message,
  retryAfterSeconds: options.retryAfterSeconds
})

/**
 * The server does not accept the credentials any more. Which ones the client has is the option `auth` of
 * `TestCluster.layer`.
 *
 * @example
 * ```ts
 * import { Effect, Redacted } from "effect"
 * import { Auth } from "effect-kubernetes"
 * import * as Fault from "effect-kubernetes/testing/Fault"
 * import { TestCluster } from "effect-kubernetes/testing/TestCluster"
 *
 * const tokens = ["old", "new"]
 * const cluster = TestCluster.layer({ auth: Auth.layerToken(Effect.sync(() => Redacted.make(tokens.shift() ?? "new"))) })
 * const expired = Effect.flatMap(TestCluster, ({ inject }) =>
 *   inject({ when: ({ headers }) => headers["authorization"] === "Bearer old", fault: Fault.unauthorized })
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const unauthorized: Fault = status(401, { reason: "Unauthorized", message: "Unauthorized" })
