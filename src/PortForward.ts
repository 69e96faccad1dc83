/**
 * Connections into pods: from local ports, or from the program itself without any.
 *
 * The pods are those of `Pods`: one pod, or the ready ones of a Service, a Deployment or any other workload. One of them
 * is chosen; when it is deleted or not ready any more, the next connection goes to another one. A Service's port stands
 * for its `targetPort`, as inside the cluster; a name is that of a Service's port, else of a container's.
 *
 * Connections go through the API server and the kubelet by SPDY over WebSockets
 * ([KEP-4006](https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets)),
 * as kubectl's do, each in a tunnel of its own: a slow one does not hold the others back. A tunnel that becomes free serves
 * the next connection.
 *
 * The end of what a client sends is passed on, but what becomes of it is the node's: containerd 1.6 does not tell the
 * program in the pod and ends the whole connection a second later, for kubectl as well. A client that waits for an answer
 * should not end its side before it has come. Servers before Kubernetes 1.31
 * speak an older protocol, in which the end of what one side sends cannot be told: there a client that has ended its
 * input waits for the pod to end the connection, at most for 10 seconds without a word.
 *
 * See [port forwarding](https://kubernetes.io/docs/tasks/access-application-cluster/port-forward-access-application-cluster/).
 *
 * @since 0.1.0
 */
import type { Duplex } from "node:stream"
import type { ConnectionOptions } from "node:tls"
import type * as HttpClient from "@effect/platform/HttpClient"
import { HttpClient as HttpClientTag } from "@effect/platform/HttpClient"
import type * as Socket from "@effect/platform/Socket"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as clients from "./internal/portForward/clients.js"
import * as internal from "./internal/portForward/listen.js"
import type { KubeError } from "./KubeError.js"
import type { KubeClient } from "./layers/KubeClient.js"
import type { Pods } from "./Pods.js"
import type { CallOptions } from "./Resource.js"

/**
 * A port: its number, or its name in the Service or the pod.
 *
 * @since 0.1.0
 * @category models
 */
export type Port = number | string

/**
 * Where to listen, and what to forward to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Listen {
  readonly remote: Port
  /** Default: a free port. */
  readonly local?: number | undefined
  /** The local addresses, like `"127.0.0.1"`, `"::1"` or `"0.0.0.0"`; all of them get the same port. Default: `127.0.0.1`. */
  readonly address?: string | ReadonlyArray<string> | undefined
}

/**
 * A local address that is listened on.
 *
 * @since 0.1.0
 * @category models
 */
export interface Address {
  readonly host: string
  readonly port: number
}

/**
 * Local addresses that lead into a pod; `host` and `port` are the first.
 *
 * @since 0.1.0
 * @category models
 */
export interface Forward extends Address {
  readonly addresses: ReadonlyArray<Address>
}

/**
 * Options of every port-forward. `timeout` is how long a connection waits for a pod that is ready, and for an answer of
 * the API server; default: the client's.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends CallOptions {}

/**
 * Options of listeners.
 *
 * @since 0.1.0
 * @category models
 */
export interface ListenOptions<R = never> extends Options {
  /**
   * Hears of each connection that failed on the pod's side; the local client sees a connection that was reset. Default:
   * a warning in the log.
   */
  readonly onError?: ((error: KubeError) => Effect.Effect<void, never, R>) | undefined
}

/**
 * Options of HTTP into a pod.
 *
 * @since 0.1.0
 * @category models
 */
export interface HttpOptions extends Options {
  /** The TLS settings for `https:` URLs: the authorities to trust, a client certificate, the server's name, ... */
  readonly tls?: ConnectionOptions | undefined
  /** Connections at once, each with one request at a time. Default: as many as there are requests. */
  readonly connections?: number | undefined
}

/**
 * Listens on a local port, or on several, and forwards what connects into a pod. Fails at once where that cannot work:
 * no such pod or port, no permission, no pod that is ready in time, a local port that is taken. Closing the scope closes
 * the listeners and their connections.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { PortForward, Pods, Service } from "effect-kubernetes"
 *
 * const program = Effect.scoped(
 *   Effect.gen(function* () {
 *     const web = Pods.of(Service, "web")
 *     const { host, port } = yield* PortForward.listen(web, 80)
 *     yield* Console.log(`http://${host}:${port}`)
 *     // Several ports of the same pod, also where programs speak IPv6.
 *     yield* PortForward.listen(web, ["metrics", { remote: 443, local: 8443, address: ["127.0.0.1", "::1"] }])
 *     yield* Effect.never
 *   })
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const listen: {
  <R = never>(
    pods: Pods,
    port: Port | Listen,
    options?: ListenOptions<R>
  ): Effect.Effect<Forward, KubeError, KubeClient | Scope.Scope | R>
  <const Ports extends ReadonlyArray<Port | Listen>, R = never>(
    pods: Pods,
    ports: Ports,
    options?: ListenOptions<R>
  ): Effect.Effect<{ readonly [I in keyof Ports]: Forward }, KubeError, KubeClient | Scope.Scope | R>
} = internal.listen

/**
 * One connection into a pod, as Node's stream: for drivers that take one. The program's end of it may be closed before
 * the pod's. A failure of the pod's side is the stream's error, a `KubeError`. Closing the scope destroys it.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Pods, PortForward, StatefulSet } from "effect-kubernetes"
 *
 * const stream = PortForward.duplex(Pods.of(StatefulSet, "postgres"), 5432)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const duplex: (
  pods: Pods,
  port: Port,
  options?: Options
) => Effect.Effect<Duplex, KubeError, KubeClient | Scope.Scope> = clients.duplex

/**
 * A `Socket` into a pod; each `run` of it is a connection of its own. Chunks are handled one after the other, and what
 * is not handled holds the pod back. Its errors have the `KubeError` as their `cause`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Pods, PortForward, Service } from "effect-kubernetes"
 *
 * const ping = Effect.scoped(
 *   Effect.gen(function* () {
 *     const socket = yield* PortForward.socket(Pods.of(Service, "redis"), 6379)
 *     const write = yield* socket.writer
 *     yield* Effect.zipRight(
 *       socket.run((bytes) => Effect.log(new TextDecoder().decode(bytes))),
 *       write("PING\r\nQUIT\r\n"),
 *       { concurrent: true }
 *     )
 *   })
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const socket: (
  pods: Pods,
  port: Port,
  options?: Options
) => Effect.Effect<Socket.Socket, KubeError, KubeClient | Scope.Scope> = clients.socket

/**
 * An `HttpClient` that talks straight into a pod: the host and port of URLs are only what the pod is told. Connections
 * are kept and shared; a new one goes to a pod that is ready. A request that fails on the pod's side is a
 * `RequestError` with the `KubeError` as its `cause`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Pods, PortForward, Service } from "effect-kubernetes"
 *
 * const metrics = Effect.scoped(
 *   Effect.gen(function* () {
 *     const http = yield* PortForward.httpClient(Pods.of(Service, "web"), "metrics")
 *     const response = yield* http.get("http://web/metrics")
 *     return yield* response.text
 *   })
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const httpClient: (
  pods: Pods,
  port: Port,
  options?: HttpOptions
) => Effect.Effect<HttpClient.HttpClient, KubeError, KubeClient | Scope.Scope> = clients.httpClient

/**
 * `httpClient` as a layer.
 *
 * @example
 * ```ts
 * import { HttpClient } from "@effect/platform"
 * import { Effect } from "effect"
 * import { Deployment, NodeKubeClient, Pods, PortForward } from "effect-kubernetes"
 *
 * const health = HttpClient.get("http://api/healthz").pipe(
 *   Effect.flatMap((response) => response.text),
 *   Effect.provide(PortForward.layerHttpClient(Pods.of(Deployment, "api"), 8080)),
 *   Effect.provide(NodeKubeClient.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerHttpClient = (
  pods: Pods,
  port: Port,
  options?: HttpOptions
): Layer.Layer<HttpClient.HttpClient, KubeError, KubeClient> =>
  Layer.scoped(HttpClientTag, httpClient(pods, port, options))
