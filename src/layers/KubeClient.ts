/**
 * The one way to the API server: every verb of every kind goes through this service.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import type * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as internal from "../internal/client.js"
import { decoder } from "../internal/decode.js"
import type { KubeError } from "../KubeError.js"
import type { Request } from "../Request.js"
import type { ResourceInfo } from "../Resource.js"
import type { Auth } from "./Auth.js"
import type { Http, HttpHead, HttpRequest, HttpWebSocket } from "./Http.js"
import type { KubeConfig } from "./KubeConfig.js"
import { type Impersonation } from "./KubeConfig.js"

/**
 * A request whose query and body go out as they are.
 *
 * @since 0.1.0
 * @category models
 */
export interface RawRequest extends Omit<Request, "query" | "body"> {
  /** The query as it stands in the URL, with its question mark; empty: none. */
  readonly search: string
  readonly body?: HttpRequest["body"]
}

/**
 * An answer of any status, whose body is read as it comes; an unread one holds the server back.
 *
 * @since 0.1.0
 * @category models
 */
export interface RawResponse extends HttpHead {
  readonly body: Stream.Stream<Uint8Array, KubeError>
}

/**
 * The service: a client of one API server, with one connection pool and one discovery cache.
 *
 * @since 0.1.0
 * @category models
 */
export interface KubeClientService {
  /** The URL of the API server. */
  readonly server: string
  /** The kubeconfig's context; absent in a pod. */
  readonly context: string | undefined
  /** The namespace of calls that name none. */
  readonly namespace: string
  /** The limit of calls that set none. */
  readonly timeout: Duration.DurationInput | "infinity"
  /** The answer as parsed JSON, not validated. */
  readonly json: (request: Request) => Effect.Effect<unknown, KubeError>
  /** The answer as text. */
  readonly text: (request: Request) => Effect.Effect<string, KubeError>
  /** The answer as it comes. Ending the stream closes the connection; one that is not pulled holds the server back. */
  readonly stream: (request: Request) => Stream.Stream<Uint8Array, KubeError>
  /**
   * The answer of whatever status: only what goes wrong on the way is an error. It is not tried again, but for a 401 of
   * the API server itself: then once more with fresh credentials, unless the body is a stream. `timeout` limits the time
   * until the answer begins. Closing the scope closes the connection.
   */
  readonly exchange: (request: RawRequest) => Effect.Effect<RawResponse, KubeError, Scope.Scope>
  /** A WebSocket with one of these subprotocols, for the streams into a pod. Closing the scope closes it. */
  readonly webSocket: (
    request: Request,
    protocols: ReadonlyArray<string>
  ) => Effect.Effect<HttpWebSocket, KubeError, Scope.Scope>
  /** What the server serves, of every group in every version; asked for once and kept. */
  readonly apiResources: Effect.Effect<ReadonlyArray<ResourceInfo>, KubeError>
  /** Forgets what `apiResources` has kept. */
  readonly invalidateApiResources: Effect.Effect<void>
}

/**
 * Settings of a client.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The limit of a call that sets none. Default: 65 seconds, just past the server's own limit of a minute. */
  readonly timeout?: Duration.DurationInput | "infinity" | undefined
  /**
   * When to try again. It is asked only about failures after which a second try is safe: the server said that it did not
   * act (429), the request never reached it (refused, DNS), or it is a read that failed (reset, 503, 504). A
   * `Retry-After` of the server is the least delay. Default: four more tries, from 0.2 s on, doubling, with jitter.
   */
  readonly retry?: Schedule.Schedule<unknown, KubeError> | undefined
  /** Default: `effect-kubernetes/<version> node/<version>`. Its first word is the field manager of calls that set none. */
  readonly userAgent?: string | undefined
}

/**
 * What calls inside a region of a program use when they say nothing themselves.
 *
 * @since 0.1.0
 * @category models
 */
export interface DefaultsService {
  readonly namespace?: string | undefined
  readonly timeout?: Duration.DurationInput | "infinity" | undefined
  readonly fieldManager?: string | undefined
  readonly dryRun?: boolean | undefined
  readonly impersonate?: Impersonation | undefined
}

/**
 * Holds the defaults of the region; `KubeClient.withNamespace` and its like change it.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Pod } from "effect-kubernetes"
 * import { Defaults } from "effect-kubernetes/layers/KubeClient"
 *
 * // All of them at once, instead of one by one.
 * const rehearsal = Pod.create({ metadata: { generateName: "web-" } }).pipe(
 *   Effect.provideService(Defaults, { namespace: "staging", dryRun: true, fieldManager: "rehearsal" })
 * )
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class Defaults extends Context.Reference<Defaults>()("effect-kubernetes/Defaults", {
  defaultValue: (): DefaultsService => ({})
}) {}

type With<A> = {
  (value: A): <B, E, R>(effect: Effect.Effect<B, E, R>) => Effect.Effect<B, E, R>
  <B, E, R>(effect: Effect.Effect<B, E, R>, value: A): Effect.Effect<B, E, R>
}

const withDefault = <K extends keyof DefaultsService>(key: K): With<NonNullable<DefaultsService[K]>> =>
  dual(2, <B, E, R>(effect: Effect.Effect<B, E, R>, value: NonNullable<DefaultsService[K]>): Effect.Effect<B, E, R> =>
    Effect.flatMap(Defaults, (defaults) => Effect.provideService(effect, Defaults, { ...defaults, [key]: value }))
  )

/**
 * The client of an API server.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { KubeClient, NodeKubeClient, Pod, Request } from "effect-kubernetes"
 *
 * const program = Effect.gen(function* () {
 *   const { context, server } = yield* KubeClient
 *   yield* Console.log(`${context}: ${server}`)
 *   yield* KubeClient.request(Request.get("/version"))
 *   return yield* Pod.list().pipe(KubeClient.withNamespace("kube-system"))
 * }).pipe(Effect.provide(NodeKubeClient.layer))
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class KubeClient extends Context.Tag("effect-kubernetes/KubeClient")<KubeClient, KubeClientService>() {
  /** A client of the `KubeConfig`'s cluster. */
  static readonly layer: Layer.Layer<KubeClient, never, KubeConfig | Auth | Http> = Layer.effect(
    this,
    Effect.suspend(() => internal.make({}))
  )

  /** As `layer`, with other settings. */
  static readonly layerWith = (options: Options): Layer.Layer<KubeClient, never, KubeConfig | Auth | Http> =>
    Layer.effect(this, internal.make(options))

  /**
   * Sends any request and returns the parsed answer: unknown JSON, or, with a schema, decoded by it. The way to every
   * path for which there is no verb.
   */
  static readonly request: {
    (request: Request): Effect.Effect<unknown, KubeError, KubeClient>
    <A, I>(request: Request, schema: Schema.Schema<A, I>): Effect.Effect<A, KubeError, KubeClient>
  } = <A, I>(request: Request, schema?: Schema.Schema<A, I>): Effect.Effect<unknown, KubeError, KubeClient> => {
    const answer = Effect.flatMap(this, (client) => client.json(request))
    return schema === undefined ? answer : Effect.flatMap(answer, decoder(() => schema)(request))
  }

  /** Sends any request and returns the answer as text. */
  static readonly requestText = (request: Request): Effect.Effect<string, KubeError, KubeClient> =>
    Effect.flatMap(this, (client) => client.text(request))

  /** Sends any request and returns the answer as it comes. */
  static readonly requestStream = (request: Request): Stream.Stream<Uint8Array, KubeError, KubeClient> =>
    Stream.unwrap(Effect.map(this, (client) => client.stream(request)))

  /** What the server serves, of every group in every version. */
  static readonly apiResources: Effect.Effect<ReadonlyArray<ResourceInfo>, KubeError, KubeClient> = Effect.flatMap(
    this,
    (client) => client.apiResources
  )

  /** The namespace of the calls inside that name none. */
  static readonly withNamespace: With<string> = withDefault("namespace")

  /** The time limit of the calls inside that set none; `"infinity"`: no limit. */
  static readonly withTimeout: With<Duration.DurationInput | "infinity"> = withDefault("timeout")

  /** The field manager of the writes inside that set none. */
  static readonly withFieldManager: With<string> = withDefault("fieldManager")

  /** Whether the writes inside are dry runs. */
  static readonly withDryRun: With<boolean> = withDefault("dryRun")

  /** On whose behalf the calls inside are made. */
  static readonly withImpersonation: With<Impersonation> = withDefault("impersonate")
}
