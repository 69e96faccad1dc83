/**
 * The way into one pod, and what is common to the protocols that it can speak.
 */
import type { Duplex } from "node:stream"
import * as Effect from "effect/Effect"
import { PortForwardError, type KubeError } from "../../KubeError.js"
import type { HttpFailure, HttpWebSocket } from "../../layers/Http.js"
import type { Connection } from "./connection.js"

/** A WebSocket that the API server joins with the kubelet, for one connection at a time. */
export interface Tunnel {
  readonly connect: (port: number) => Effect.Effect<Duplex, KubeError>
  /** Closes it and what goes through it. */
  readonly close: (error?: KubeError) => void
  readonly isOpen: () => boolean
  /** Whether another connection can follow the first. */
  readonly reusable: boolean
}

/** What the tunnel tells its pod's keeper. */
export interface Keeper {
  /** The connection has ended well: the tunnel is free. */
  readonly release: (tunnel: Tunnel) => void
  /** The pod has sent something. */
  readonly works: () => void
  /** The pod's side has failed. */
  readonly fails: () => void
}

/** What a tunnel is made of. */
export interface Parts {
  readonly pod: string
  readonly socket: HttpWebSocket
  readonly toError: (failure: HttpFailure) => KubeError
  readonly keeper: Keeper
  readonly shut: () => void
}

/** What is kept of the kubelet's explanation of a failure. */
const maxExplanation = 4096

/** Hands on what has come; done when the connection has room for more. */
export const flush = (connection: Connection): Effect.Effect<void> =>
  Effect.suspend(() => {
    connection.flush()
    return connection.hasRoom()
      ? Effect.void
      : Effect.async<void>((resume) => {
          connection.onRoom(() => resume(Effect.void))
        })
  })

/** The kubelet's explanation of a failure, as it comes. */
export const makeExplanation = () => {
  const parts: Array<Uint8Array> = []
  let length = 0
  return {
    add: (bytes: Uint8Array) => {
      // A copy: what came is the socket's buffer.
      if (length < maxExplanation) parts.push(Buffer.from(bytes.subarray(0, maxExplanation - length)))
      length += bytes.length
    },
    text: () => Buffer.concat(parts).toString("utf8").trim()
  }
}

export const refused = (pod: string, port: number, text: string): PortForwardError =>
  new PortForwardError({
    reason: /connection refused/i.test(text) ? "Refused" : "Pod",
    pod,
    port,
    message: /connection refused/i.test(text)
      ? `nothing listens on port ${port} of pod "${pod}" (connection refused): ${text}`
      : `port ${port} of pod "${pod}": ${text}`
  })

export const lost = (pod: string, port: number): PortForwardError =>
  new PortForwardError({ reason: "Pod", pod, port, message: `port ${port} of pod "${pod}": the connection was reset` })

export const failure = (reason: HttpFailure["reason"], description: string): HttpFailure => ({
  _tag: "HttpFailure",
  reason,
  description,
  cause: undefined
})

export const silent = (description: string) => failure("ConnectTimeout", description)
