/** The client: one request from its data to the parsed answer, with everything that can go wrong on the way. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import {
  ConfigError,
  fromStatus,
  InvalidRequest,
  TimeoutError,
  TransportError,
  type ApiError,
  type DecodeError,
  type KubeError
} from "../KubeError.js"
import { Auth, impersonationHeaders, type Credentials } from "../layers/Auth.js"
import { Http, type HttpFailure, type HttpHead, type HttpRequest, type HttpWebSocket } from "../layers/Http.js"
import {
  Defaults,
  type DefaultsService,
  type KubeClientService,
  type Options,
  type RawRequest,
  type RawResponse
} from "../layers/KubeClient.js"
import { KubeConfig } from "../layers/KubeConfig.js"
import { target, type Request } from "../Request.js"
import type { Status } from "../resources/MetaV1.js"
import { portOf } from "./address.js"
import { decodeError, infoOf } from "./decode.js"
import { discover } from "./discovery.js"
import { requestsTo, type Requests } from "./metrics.js"
import { open, toStream } from "./pull.js"
import { version } from "./version.js"
import { limited } from "./fork.js"

const defaultTimeout = Duration.seconds(65)

/** Four more tries after 0.2, 0.4, 0.8 and 1.6 s, each up to a fifth more or less. */
const defaultRetry: Schedule.Schedule<unknown> = Schedule.exponential("200 millis").pipe(
  Schedule.jittered,
  Schedule.intersect(Schedule.recurs(4))
)

/** Whether a second try can do no harm: the first did not reach the server, was turned away, or only read. */
const mayRetry = (request: Request, error: KubeError): boolean => {
  if (request.retry === false) return false
  // The GET of an exec runs a command, which nobody has asked to run twice.
  const reads = (request.method === "GET" || request.method === "HEAD") && request.about?.resource !== "pods/exec"
  switch (error._tag) {
    case "TransportError":
      return error.reason === "Refused" || error.reason === "Dns" || (reads && error.reason === "Reset")
    case "TooManyRequests":
      // A disruption budget's 429 says "not now" about the pod, not about the server.
      return error.retryAfter !== undefined && request.about?.resource !== "pods/eviction"
    case "ServiceUnavailable":
    case "Timeout":
    case "ServerTimeout":
      return reads
    default:
      return false
  }
}

export const make = (options: Options): Effect.Effect<KubeClientService, never, KubeConfig | Auth | Http> =>
  Effect.gen(function* () {
    const config = yield* KubeConfig
    const auth = yield* Auth
    const http = yield* Http
    const retry = options.retry ?? defaultRetry
    const timeout = options.timeout ?? defaultTimeout
    const userAgent = options.userAgent ?? `effect-kubernetes/${version} node/${process.versions.node}`
    const { server } = config.cluster
    const url = new URL(server)
    const attributes = {
      "server.address": url.hostname,
      "server.port": portOf(url),
      "url.scheme": url.protocol.slice(0, -1)
    }
    const metrics = requestsTo(attributes)
    const warned = new Set<string>()

    const wireRequest = (
      request: Request,
      body: HttpRequest["body"],
      credentials: Credentials,
      defaults: DefaultsService,
      limit: number | undefined
    ): HttpRequest => {
      const headers: Record<string, string | Array<string>> = { "user-agent": userAgent, ...request.headers }
      for (const name in credentials) {
        const value = credentials[name]
        if (value !== undefined) headers[name] = Redacted.value(value)
      }
      const impersonate = defaults.impersonate ?? config.user.impersonate
      if (impersonate !== undefined) {
        for (const [name, text] of impersonationHeaders(impersonate)) {
          const value = asBytes(text)
          const before = headers[name]
          headers[name] = before === undefined ? value : [...(typeof before === "string" ? [before] : before), value]
        }
      }
      return { method: request.method, target: target(request), headers, body, timeout: limit }
    }

    const fromFailure = (request: Request, limit: Duration.Duration) => (failure: HttpFailure) =>
      failure.reason === "Timeout"
        ? timedOut(request, limit)
        : new TransportError({
            reason: failure.reason,
            description: failure.description,
            method: request.method,
            path: request.path,
            server,
            cause: failure.cause
          })

    /** Logs what the server warns of, each warning once. */
    const logWarnings = (head: HttpHead, request: Request): Effect.Effect<void> => {
      const fresh = parseWarnings(head.headers["warning"]).filter((text) => !warned.has(text))
      if (fresh.length === 0) return Effect.void
      for (const text of fresh) if (warned.size < 1000) warned.add(text)
      return Effect.forEach(fresh, (text) => Effect.logWarning(`the API server warns: ${text}`), {
        discard: true
      }).pipe(Effect.annotateLogs({ method: request.method, path: request.path }))
    }

    /** What a call needs of the fiber that makes it, from now on. */
    const begin = (fiber: Fiber.RuntimeFiber<unknown, unknown>, request: Request) => {
      const defaults = Context.get(fiber.currentContext, Defaults)
      const services = fiber.getFiberRef(DefaultServices.currentServices)
      const clock = Context.get(services, Clock.Clock)
      const wanted = request.timeout ?? defaults.timeout ?? timeout
      const limit = wanted === "infinity" ? Duration.infinity : Duration.decode(wanted)
      const began = clock.unsafeCurrentTimeMillis()
      const passed = () => clock.unsafeCurrentTimeMillis() - began
      const remaining = () => (Duration.isFinite(limit) ? Math.max(0, Duration.toMillis(limit) - passed()) : undefined)
      return {
        defaults,
        limit,
        /** Milliseconds. */
        passed,
        /** Milliseconds until the limit, if there is one. */
        remaining,
        /** Ends the effect at the limit. */
        within: <A, R>(effect: Effect.Effect<A, KubeError, R>): Effect.Effect<A, KubeError, R> => {
          const left = remaining()
          return left === undefined
            ? effect
            : limited(effect, { duration: left, onTimeout: () => timedOut(request, limit) })
        },
        spanned: <A extends HttpHead, R>(effect: Effect.Effect<A, KubeError, R>): Effect.Effect<A, KubeError, R> =>
          // The default tracer shows its spans to nobody; making one costs a fifth of a small request.
          Context.get(services, Tracer.Tracer) === silentTracer || !fiber.getFiberRef(FiberRef.currentTracerEnabled)
            ? effect
            : traced(request, server, attributes, effect)
      }
    }

    /**
     * One call with its time limit, its tries and its telemetry. `exchange` does one try; `head` finds the status in
     * what it yields.
     */
    const call = <A extends HttpHead, R>(
      request: Request,
      exchange: (wire: HttpRequest) => Effect.Effect<A, HttpFailure, R>,
      readError: (answer: A) => Effect.Effect<string, HttpFailure, R>
    ): Effect.Effect<A, KubeError, R> =>
      Effect.withFiberRuntime<A, KubeError, R>((fiber) => {
        const { defaults, limit, passed, remaining, spanned, within } = begin(fiber, request)
        const encoded = encodeBody(request)
        if (Either.isLeft(encoded)) return Effect.fail(encoded.left)
        const text = encoded.right
        const toError = fromFailure(request, limit)

        /** One try. What follows a failure is kept out of the way of the calls that succeed. */
        const attempt = (
          credentials: Credentials,
          recover: (error: KubeError, credentials: Credentials) => Effect.Effect<A, KubeError, R>
        ): Effect.Effect<A, KubeError, R> =>
          Effect.matchEffect(exchange(wireRequest(request, text, credentials, defaults, remaining())), {
            onFailure: (failure) => recover(toError(failure), credentials),
            onSuccess: (answer): Effect.Effect<A, KubeError, R> => {
              metrics.answered(request, answer.status, passed())
              const result =
                (answer.status >= 200 && answer.status < 300) || answer.status === 101
                  ? Effect.succeed(answer)
                  : Effect.matchEffect(within(Effect.mapError(readError(answer), toError)), {
                      onFailure: (error) => recover(error, credentials),
                      onSuccess: (body) => recover(apiError(request, answer, body), credentials)
                    })
              return answer.headers["warning"] === undefined
                ? result
                : Effect.zipRight(logWarnings(answer, request), result)
            }
          })
        /** A try with fresh credentials after the server has refused those of the cache. */
        const reauthorize = (error: KubeError, credentials: Credentials): Effect.Effect<A, KubeError, R> =>
          error._tag === "Unauthorized"
            ? auth.reject(credentials).pipe(
                Effect.zipRight(auth.credentials),
                Effect.flatMap((fresh) => (fresh === credentials ? Effect.fail(error) : attempt(fresh, Effect.fail)))
              )
            : Effect.fail(error)
        const recover = (error: KubeError, credentials: Credentials): Effect.Effect<A, KubeError, R> =>
          reauthorize(error, credentials).pipe(
            Effect.catchAll((last) =>
              mayRetry(request, last)
                ? again(
                    Effect.flatMap(auth.credentials, (known) => attempt(known, reauthorize)),
                    last,
                    retry,
                    request,
                    metrics
                  )
                : Effect.fail(last)
            ),
            within,
            Effect.tapError((last) => Effect.sync(() => metrics.failed(request, last)))
          )
        const counted = Effect.matchEffect(auth.credentials, {
          onFailure: (error) => {
            metrics.failed(request, error)
            return Effect.fail(error)
          },
          onSuccess: (credentials) => attempt(credentials, recover)
        })
        return spanned(counted)
      })

    const whole = (request: Request) => call(request, http.request, (answer) => Effect.succeed(answer.text))

    const text = (request: Request) => Effect.map(whole(request), (answer) => answer.text)

    const json = (request: Request): Effect.Effect<unknown, KubeError> =>
      Effect.flatMap(whole(request), (answer) => parseJson(request, answer.text, answer))

    const stream = (request: Request): Stream.Stream<Uint8Array, KubeError> =>
      toStream(
        call(request, http.stream, (answer) =>
          Effect.map(Stream.runCollect(Stream.decodeText(answer.body)), (parts) => [...parts].join(""))
        ).pipe(
          Effect.flatMap((answer) => {
            const toError = fromFailure(request, Duration.infinity)
            return Effect.mapBoth(open(answer.body), {
              onFailure: toError,
              onSuccess: ({ end, pull }) => ({ end, pull: Effect.mapError(pull, Option.map(toError)) })
            })
          })
        )
      )

    const exchange = ({ body, search, ...about }: RawRequest): Effect.Effect<RawResponse, KubeError, Scope.Scope> =>
      Effect.withFiberRuntime((fiber) => {
        const request: Request = { ...about, query: [] }
        const { defaults, limit, passed, remaining, spanned, within } = begin(fiber, request)
        // Nobody knows whether a stream can be run again.
        const once = typeof body === "object" && !(body instanceof Uint8Array)
        const attempt = (credentials: Credentials): Effect.Effect<RawResponse, KubeError, Scope.Scope> =>
          Effect.suspend(() => {
            const wire = wireRequest(request, body, credentials, defaults, remaining())
            return http.stream({ ...wire, target: wire.target + search })
          }).pipe(
            Effect.mapBoth({
              onFailure: fromFailure(request, limit),
              onSuccess: (answer) => {
                metrics.answered(request, answer.status, passed())
                return { ...answer, body: Stream.mapError(answer.body, fromFailure(request, Duration.infinity)) }
              }
            })
          )
        const authentic = Effect.flatMap(auth.credentials, (credentials) =>
          Effect.flatMap(attempt(credentials), (answer) =>
            mayBeStatus(answer, 401)
              ? Effect.flatMap(within(Stream.runCollect(answer.body)), (read) => {
                  const again = { ...answer, body: Stream.fromChunk(read) }
                  return isUnauthorized(Buffer.concat([...read]).toString("utf8"))
                    ? auth.reject(credentials).pipe(
                        Effect.zipRight(once ? Effect.succeed(credentials) : auth.credentials),
                        Effect.flatMap((fresh) => (fresh === credentials ? Effect.succeed(again) : attempt(fresh)))
                      )
                    : Effect.succeed(again)
                })
              : Effect.succeed(answer)
          )
        ).pipe(Effect.tapError((error) => Effect.sync(() => metrics.failed(request, error))))
        return spanned(authentic)
      })

    const webSocket = (
      request: Request,
      protocols: ReadonlyArray<string>
    ): Effect.Effect<HttpWebSocket, KubeError, Scope.Scope> => {
      const { webSocket: connect } = http
      if (connect === undefined) {
        return new ConfigError({
          message: "this Http layer has no WebSockets, which exec, attach and portForward need; Http.layer has"
        })
      }
      return Effect.flatMap(
        call(
          request,
          (wire) => connect(wire, protocols),
          (answer) => Effect.succeed(answer.text)
        ),
        (answer) =>
          answer.webSocket === undefined
            ? Effect.fail(decodeError(request, { at: "", problem: `expected a WebSocket, got HTTP ${answer.status}` }))
            : Effect.succeed(answer.webSocket)
      )
    }

    const [apiResources, invalidateApiResources] = yield* Effect.cachedInvalidateWithTTL(
      Effect.suspend(() => discover(json)),
      Duration.infinity
    )
    return {
      server,
      context: config.context,
      namespace: config.namespace,
      timeout,
      json,
      text,
      stream,
      exchange,
      webSocket,
      apiResources: Effect.tapError(apiResources, () => invalidateApiResources),
      invalidateApiResources
    }
  })

const silentTracer = Context.get(DefaultServices.liveServices, Tracer.Tracer)

/** Tries again as the schedule says, but not before the server allows it, as long as that is safe. */
const again = <A, R>(
  effect: Effect.Effect<A, KubeError, R>,
  first: KubeError,
  policy: Schedule.Schedule<unknown, KubeError>,
  request: Request,
  metrics: Requests
): Effect.Effect<A, KubeError, R> =>
  Effect.flatMap(Schedule.driver(policy), (driver) => {
    const next = (error: KubeError): Effect.Effect<A, KubeError, R> =>
      mayRetry(request, error)
        ? Effect.matchEffect(atLeast(driver.next(error), askedFor(error)), {
            onFailure: () => Effect.fail(error),
            onSuccess: () =>
              Effect.logDebug(`trying again after: ${error.message}`).pipe(
                Effect.zipRight(Effect.sync(() => metrics.retried(request))),
                Effect.zipRight(Effect.catchAll(effect, next))
              )
          })
        : Effect.fail(error)
    return next(first)
  })

/** How long the server asks to wait, in milliseconds. */
export const askedFor = (error: KubeError): number =>
  "retryAfter" in error && error.retryAfter !== undefined ? Duration.toMillis(error.retryAfter) : 0

/** The effect, and a pause after it where it was quicker than that. */
export const atLeast = <A, E>(effect: Effect.Effect<A, E>, millis: number): Effect.Effect<A, E> =>
  Effect.clockWith((clock) => {
    const began = clock.unsafeCurrentTimeMillis()
    return Effect.tap(effect, () => {
      const left = millis - (clock.unsafeCurrentTimeMillis() - began)
      return left > 0 ? Effect.sleep(left) : Effect.void
    })
  })

/** What stands in the URL of a request, but for the words of a command: passwords are among them. */
const shown = (request: Request): string =>
  target({ ...request, query: request.query.map(([name, value]) => [name, name === "command" ? "REDACTED" : value]) })

const traced = <A extends HttpHead, R>(
  request: Request,
  server: string,
  attributes: Record<string, unknown>,
  effect: Effect.Effect<A, KubeError, R>
): Effect.Effect<A, KubeError, R> => {
  const { about } = request
  return Effect.useSpan(
    about === undefined ? request.method : `${about.verb} ${about.resource}`,
    {
      kind: "client",
      captureStackTrace: false,
      attributes: {
        ...attributes,
        "http.request.method": request.method,
        "url.full": server + shown(request),
        "url.path": request.path,
        ...(about === undefined
          ? {}
          : {
              "k8s.verb": about.verb,
              "k8s.resource": about.resource,
              ...(about.namespace === undefined ? {} : { "k8s.namespace.name": about.namespace }),
              ...(about.name === undefined ? {} : { [`k8s.${about.kind.toLowerCase()}.name`]: about.name })
            })
      }
    },
    (span) =>
      Effect.tapBoth(Effect.withParentSpan(effect, span), {
        onFailure: (error) =>
          Effect.sync(() => {
            span.attribute("error.type", error._tag)
            if ("code" in error) span.attribute("http.response.status_code", error.code)
          }),
        onSuccess: (answer) => Effect.sync(() => span.attribute("http.response.status_code", answer.status))
      })
  )
}

const timedOut = (request: Request, limit: Duration.Duration): TimeoutError =>
  new TimeoutError({ timeout: limit, ...infoOf(request) })

const encodeBody = (request: Request): Either.Either<string | undefined, InvalidRequest> =>
  request.body === undefined
    ? Either.right(undefined)
    : Either.try({
        try: () => JSON.stringify(request.body),
        catch: (cause) =>
          new InvalidRequest({
            message: `${request.method} ${request.path}: the body cannot be written as JSON: ${cause instanceof Error ? cause.message : String(cause)}`
          })
      })

const contentType = (head: HttpHead): string => {
  const value = head.headers["content-type"]
  return typeof value === "string" ? (value.split(";")[0] ?? "").trim() : "no content type"
}

/** A text in a message: one line, not too long. */
const excerpt = (text: string): string => {
  const line = text.replace(/\s+/g, " ").trim()
  return line.length > 120 ? `${line.slice(0, 119)}…` : line
}

const parseJson = (request: Request, text: string, head: HttpHead): Either.Either<unknown, DecodeError> =>
  Either.try({
    try: (): unknown => JSON.parse(text),
    // The engine's own error quotes the text, which may be a secret's.
    catch: () =>
      decodeError(request, {
        at: "",
        problem:
          contentType(head) === "application/json" || /^\s*[{[]/.test(text)
            ? `the JSON ends early or is damaged, after ${text.length} characters`
            : `expected JSON, got ${contentType(head)}: ${JSON.stringify(excerpt(text))}`
      })
  })

const isStatus = (value: unknown): value is Status =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "Status"

/** Whether an answer can be a short `Status` of the API server. */
const mayBeStatus = (head: HttpHead, code: number): boolean =>
  head.status === code && contentType(head) === "application/json" && Number(head.headers["content-length"]) <= 4096

/** Whether the API server itself refuses the credentials, and not whoever it has asked. */
const isUnauthorized = (body: string): boolean => {
  const parsed = Either.getOrUndefined(Either.try((): unknown => JSON.parse(body)))
  return isStatus(parsed) && parsed.reason === "Unauthorized"
}

/** The error of a `Status` that the server sent, as an answer or as a watch event. */
export const statusError = (
  request: Request,
  status: Status,
  code: number,
  retryAfter: Duration.Duration | undefined
): ApiError =>
  fromStatus({
    code: code === 0 ? 500 : code,
    status,
    retryAfter,
    ...infoOf(request)
  })

const apiError = (request: Request, head: HttpHead, body: string): ApiError => {
  const parsed = Either.getOrUndefined(parseJson(request, body, head))
  const status: Status = isStatus(parsed)
    ? parsed
    : {
        status: "Failure",
        code: head.status,
        message:
          head.status >= 300 && head.status < 400
            ? `the server redirects to ${String(head.headers["location"])} (HTTP ${head.status}); is its URL right?`
            : body.trim() === ""
              ? `the server answered HTTP ${head.status} and nothing else`
              : `the server answered HTTP ${head.status} with ${contentType(head)}: ${JSON.stringify(excerpt(withoutTags(body, head)))}`
      }
  return statusError(request, status, head.status, retryAfterOf(head, status))
}

const withoutTags = (body: string, head: HttpHead): string =>
  contentType(head) === "text/html"
    ? body.replace(/<(script|style)[\s\S]*?<\/\1>/gi, " ").replace(/<[^>]*>/g, " ")
    : body

const retryAfterOf = (head: HttpHead, status: Status): Duration.Duration | undefined => {
  const header = head.headers["retry-after"]
  const seconds =
    typeof header === "string" && /^\d+$/.test(header) ? Number(header) : status.details?.retryAfterSeconds
  return typeof seconds === "number" && Number.isFinite(seconds) && seconds >= 0 ? Duration.seconds(seconds) : undefined
}

/** Headers go out, and come in, with a character for each byte; the API server writes and reads UTF-8. */
const asBytes = (text: string): string => Buffer.from(text, "utf8").toString("latin1")
const fromBytes = (text: string): string => Buffer.from(text, "latin1").toString("utf8")

/** The texts of `Warning` headers: `299 - "text"`, several in one header or in several. */
export const parseWarnings = (header: string | ReadonlyArray<string> | undefined): ReadonlyArray<string> =>
  (header === undefined ? [] : typeof header === "string" ? [header] : header).flatMap((line) =>
    [...line.matchAll(/\b299 \S+ "((?:[^"\\]|\\.)+)"/g)].map(([, text = ""]) => fromBytes(text.replace(/\\(.)/g, "$1")))
  )
