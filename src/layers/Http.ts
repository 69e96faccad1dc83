/**
 * How bytes get to the API server: TLS, proxies, the connection pool.
 *
 * It is smaller than `@effect/platform`'s `HttpClient` on purpose: a request takes half the CPU time. `PlatformHttp`
 * puts any such client in its place.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as internal from "../internal/http.js"
import type { ConfigError, TransportReason } from "../KubeError.js"
import type { Auth } from "./Auth.js"
import type { KubeConfig } from "./KubeConfig.js"

/**
 * A request as it goes out.
 *
 * @since 0.1.0
 * @category models
 */
export interface HttpRequest {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly headers: { readonly [name: string]: string | ReadonlyArray<string> }
  /** A stream is pulled as fast as the connection takes it. It ends with the call, or with the scope of `stream`. */
  readonly body?: string | Uint8Array | Stream.Stream<Uint8Array, unknown> | undefined
  /** Milliseconds, on the Clock, after which it fails with the reason `Timeout`: to the end of `request`, to the head of `stream`. */
  readonly timeout?: number | undefined
}

/**
 * The beginning of an answer; header names are in lower case.
 *
 * @since 0.1.0
 * @category models
 */
export interface HttpHead {
  readonly status: number
  readonly headers: { readonly [name: string]: string | ReadonlyArray<string> | undefined }
}

/**
 * A whole answer.
 *
 * @since 0.1.0
 * @category models
 */
export interface HttpResponse extends HttpHead {
  readonly text: string
}

/**
 * An answer whose body is read as it comes; an unread one holds the server back.
 *
 * @since 0.1.0
 * @category models
 */
export interface HttpStream extends HttpHead {
  readonly body: Stream.Stream<Uint8Array, HttpFailure>
}

/**
 * A WebSocket.
 *
 * @since 0.1.0
 * @category models
 */
export interface HttpWebSocket {
  /** The subprotocol that the server chose. */
  readonly protocol: string
  /**
   * What the server sends. Ends when it closes the connection as agreed (code 1000) and fails when it breaks or is closed
   * otherwise. One that is not pulled holds the server back.
   */
  readonly messages: Stream.Stream<Uint8Array, HttpFailure>
  /** Sends one message; done when the socket has taken it. */
  readonly send: (message: Uint8Array) => Effect.Effect<void, HttpFailure>
}

/**
 * The answer to the wish for a WebSocket: the socket (status 101), or a refusal and its text.
 *
 * @since 0.1.0
 * @category models
 */
export interface HttpUpgrade extends HttpHead {
  readonly text: string
  readonly webSocket?: HttpWebSocket | undefined
}

/**
 * Why there is no answer.
 *
 * @since 0.1.0
 * @category models
 */
export interface HttpFailure {
  readonly _tag: "HttpFailure"
  readonly reason: TransportReason | "Timeout"
  /** What happened and what to do, without secrets. */
  readonly description: string
  readonly cause: unknown
}

/**
 * The service: one server, and three ways to talk to it. Interrupting closes the connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface HttpService {
  readonly request: (request: HttpRequest) => Effect.Effect<HttpResponse, HttpFailure>
  readonly stream: (request: HttpRequest) => Effect.Effect<HttpStream, HttpFailure, Scope.Scope>
  /**
   * Asks for a WebSocket with one of these subprotocols. Closing the scope closes the connection. A service without it
   * serves everything but `exec`, `attach` and `portForward`.
   */
  readonly webSocket?:
    | ((request: HttpRequest, protocols: ReadonlyArray<string>) => Effect.Effect<HttpUpgrade, HttpFailure, Scope.Scope>)
    | undefined
}

/**
 * How bytes get to the API server.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Http } from "effect-kubernetes"
 *
 * const version = Effect.flatMap(Http, (http) =>
 *   http.request({ method: "GET", target: "/version", headers: { accept: "application/json" } })
 * )
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class Http extends Context.Tag("effect-kubernetes/Http")<Http, HttpService>() {
  /**
   * Node's sockets through undici, with the TLS settings and the proxy of the `KubeConfig` (else of `HTTPS_PROXY`,
   * `HTTP_PROXY` and `NO_PROXY`) and the client certificate of `Auth`. Calls share at most 32 connections; each stream
   * has one of its own.
   */
  static readonly layer: Layer.Layer<Http, ConfigError, KubeConfig | Auth> = Layer.scoped(this, internal.make)
}
