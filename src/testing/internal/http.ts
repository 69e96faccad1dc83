/** What goes into the server and what comes out, whatever brings it: the layer of a test, or a socket. */
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import { failure } from "../../internal/http.js"
import type { HttpFailure, HttpHead } from "../../layers/Http.js"
import type { Json, JsonObject } from "./openapi.js"

/** Who asks, after authentication and impersonation. */
export interface User {
  readonly username: string
  readonly uid?: string | undefined
  readonly groups: ReadonlyArray<string>
  readonly extra?: { readonly [key: string]: ReadonlyArray<string> } | undefined
}

/** Headers by lower-case name; several values are joined by a comma, and an absent one is not there. */
export const joined = (headers: HttpHead["headers"]): { readonly [name: string]: string } =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name.toLowerCase(), typeof value === "string" ? value : value.join(", ")]]
    )
  )

/** With the time limit of a request, in milliseconds. */
export const limited = <A, R>(
  effect: Effect.Effect<A, HttpFailure, R>,
  timeout: number | undefined
): Effect.Effect<A, HttpFailure, R> =>
  timeout === undefined
    ? effect
    : Effect.timeoutFail(effect, {
        duration: timeout,
        onTimeout: () => failure("Timeout", "no answer in time", undefined)
      })

export interface ApiRequest {
  readonly method: string
  /** Encoded, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  /** As `joined` makes them. */
  readonly headers: { readonly [name: string]: string }
  /** Of a body in protobuf a character per byte, else text. */
  readonly body: string
  readonly user: User
}

export interface ApiResponse {
  readonly status: number
  readonly headers: { readonly [name: string]: string | ReadonlyArray<string> }
  /** A watch's body is a stream of its events, a line each. Ending it ends the watch. */
  readonly body: string | Stream.Stream<string>
}

export const text = (status: number, body: string): ApiResponse => ({
  status,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body
})

export const json = (status: number, body: Json, type = "application/json"): ApiResponse => ({
  status,
  headers: { "cache-control": "no-cache, private", "content-type": type },
  body: JSON.stringify(body)
})

/** What a verb answers. */
export interface Answer {
  readonly status: number
  readonly object: JsonObject
  /** Each becomes a `Warning` header. */
  readonly warnings?: ReadonlyArray<string>
}
