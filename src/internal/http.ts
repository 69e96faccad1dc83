import { isIP } from "node:net"
import { Readable } from "node:stream"
import { checkServerIdentity, createSecureContext, type ConnectionOptions } from "node:tls"
import { gunzip } from "node:zlib"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Agent, type Dispatcher } from "undici"
import { ConfigError } from "../KubeError.js"
import { Auth } from "../layers/Auth.js"
import type { HttpFailure, HttpHead, HttpRequest, HttpResponse, HttpService, HttpStream } from "../layers/Http.js"
import { KubeConfig, type Cluster } from "../layers/KubeConfig.js"
import { isLoopback } from "./address.js"
import { makeConnector } from "./connector.js"
import { environmentProxy } from "./environmentProxy.js"
import { makeInbox } from "./inbox.js"
import { parseProxyUrl } from "./kubeconfig.js"
import { after } from "./timer.js"

/** Connections that calls share. A watch or a log has one of its own, so that it never keeps a call waiting. */
const poolSize = 32
const connectTimeout = 30_000
/** The API server closes idle connections after 90 s; a request must not meet that. */
const keepAlive = 60_000

export const make: Effect.Effect<HttpService, ConfigError, KubeConfig | Auth | Scope.Scope> = Effect.gen(function* () {
  const { cluster: configured } = yield* KubeConfig
  const { clientCertificate } = yield* Auth
  const url = new URL(configured.server)
  const cluster = { ...configured, proxyUrl: yield* proxyOf(configured, url) }
  const tls: Tls = {
    // One for all connections: reading the certificates and the key takes longer than all else that opening one does.
    secureContext:
      url.protocol === "https:"
        ? yield* Effect.try({
            try: () =>
              createSecureContext({
                ca: cluster.certificateAuthority,
                // What the kubeconfig trusts is trusted, also where it is no root.
                allowPartialTrustChain: cluster.certificateAuthority !== undefined,
                ...(clientCertificate === undefined
                  ? {}
                  : { cert: clientCertificate.certificate, key: Redacted.value(clientCertificate.key) })
              }),
            catch: (cause) =>
              new ConfigError({ message: `cluster "${cluster.name}": its certificates cannot be used for TLS`, cause })
          })
        : undefined,
    ...serverName(cluster.tlsServerName),
    rejectUnauthorized: !cluster.insecureSkipTlsVerify
  }
  const proxy = cluster.proxyUrl === undefined ? undefined : new URL(Redacted.value(cluster.proxyUrl))
  const dispatcher = (connections: number | null): Effect.Effect<Dispatcher, never, Scope.Scope> =>
    Effect.gen(function* () {
      const { connect } = yield* Effect.acquireRelease(
        Effect.sync(() => makeConnector(proxy, { ...tls, timeout: connectTimeout })),
        ({ close }) => Effect.sync(close)
      )
      return yield* Effect.acquireRelease(
        Effect.sync(
          () =>
            new Agent({
              connections,
              pipelining: 1,
              keepAliveTimeout: keepAlive,
              keepAliveMaxTimeout: keepAlive,
              connect
            })
        ),
        (agent) => Effect.promise(() => agent.destroy())
      )
    })
  const calls = yield* dispatcher(poolSize)
  const streams = yield* dispatcher(null)
  const prefix = url.pathname === "/" ? "" : url.pathname
  const server: Server = {
    origin: url.origin,
    prefix,
    cluster,
    // On the way to this very machine, packing costs more than it saves.
    compress: !cluster.disableCompression && !isLoopback(url.hostname)
  }
  return {
    request: (request) =>
      isStream(request.body)
        ? Effect.scoped(Effect.flatMap(readable(request.body), (body) => callOnce(calls, server, request, body)))
        : callOnce(calls, server, request, request.body),
    stream: (request) => openStream(streams, server, request),
    webSocket: (request, protocols) =>
      // Loaded when it is first needed: most programs read and write objects only, and start faster without it.
      Effect.flatMap(
        Effect.promise(() => import("./webSocket.js")),
        (webSocket) => webSocket.open(server, tls, request, protocols)
      )
  }
})

/** The proxy of the kubeconfig, else of the environment. */
const proxyOf = ({ name, proxyUrl }: Cluster, server: URL): Effect.Effect<Redacted.Redacted | undefined, ConfigError> =>
  Effect.suspend(() => {
    if (proxyUrl !== undefined) {
      return Effect.as(parseProxyUrl(Redacted.value(proxyUrl), `cluster "${name}": proxy-url`), proxyUrl)
    }
    const found = environmentProxy(server, process.env)
    return found === undefined
      ? Effect.succeed(undefined)
      : Effect.as(parseProxyUrl(found.url, found.variable), Redacted.make(found.url))
  })

/** The name to expect in the server's certificate, and to ask for. An address is only expected: TLS asks for names. */
const serverName = (name: string | undefined): Pick<Tls, "servername" | "checkServerIdentity"> => {
  if (name === undefined) return {}
  return isIP(name) === 0
    ? { servername: name }
    : { checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate) }
}

/** The TLS settings of every connection. */
export type Tls = Pick<ConnectionOptions, "secureContext" | "servername" | "checkServerIdentity" | "rejectUnauthorized">

export interface Server {
  readonly origin: string
  /** The path of the server's URL, in front of every request's. */
  readonly prefix: string
  /** Its proxy is the one to go through, also where the environment names it. */
  readonly cluster: Cluster
  readonly compress: boolean
}

/** Bytes of a stream that may wait for their reader; a watch sends each event as a piece of its own. */
const unread = 128 * 1024

/** A body as the socket takes it. */
type Body = string | Uint8Array | Readable | undefined

const isStream = (body: HttpRequest["body"]): body is Stream.Stream<Uint8Array, unknown> =>
  typeof body === "object" && !(body instanceof Uint8Array)

/** A body that comes as a stream. It is pulled as the socket takes it, and interrupted at the end of the scope. */
const readable = (body: Stream.Stream<Uint8Array, unknown>): Effect.Effect<Readable, never, Scope.Scope> =>
  Effect.flatMap(Effect.runtime<never>(), (runtime) =>
    Effect.acquireRelease(
      Effect.sync(() =>
        Readable.from(Stream.toAsyncIterableRuntime(body, runtime), { objectMode: false })
          // The request fails with it; an event that nobody listens to would end the process.
          .on("error", () => {})
      ),
      (stream) => Effect.sync(() => stream.destroy())
    )
  )

const dispatchOptions = (
  server: Server,
  request: HttpRequest,
  body: Body,
  compress: boolean
): Dispatcher.DispatchOptions => ({
  origin: server.origin,
  path: server.prefix + request.target,
  // Any method that the API has is one of undici's.
  method: request.method as Dispatcher.HttpMethod,
  headers: compress ? { ...request.headers, "accept-encoding": "gzip" } : (request.headers as Record<string, string>),
  body: body ?? null,
  // Time limits are the caller's, on the Clock.
  headersTimeout: 0,
  bodyTimeout: 0
})

const callOnce = (
  dispatcher: Dispatcher,
  server: Server,
  request: HttpRequest,
  body: Body
): Effect.Effect<HttpResponse, HttpFailure> =>
  timed(request, (resume) => {
    let controller: Dispatcher.DispatchController | undefined
    let cancelled = false
    let head: HttpHead | undefined
    let chunks: Array<Buffer> = []
    dispatcher.dispatch(dispatchOptions(server, request, body, server.compress), {
      onRequestStart(started) {
        controller = started
        if (cancelled) started.abort(interrupted)
      },
      onResponseStart(_, status, headers) {
        // 1xx answers come before the real one.
        head = { status, headers }
      },
      onResponseData(_, chunk) {
        chunks.push(chunk)
      },
      onResponseEnd() {
        if (head === undefined) return
        const { headers, status } = head
        const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
        // The fiber remembers how to cancel; without this it would keep each request's objects until a full collection.
        controller = undefined
        head = undefined
        chunks = []
        if (headers["content-encoding"] !== "gzip") {
          resume(Effect.succeed({ status, headers, text: bytes.toString("utf8") }))
          return
        }
        gunzip(bytes, (error, plain) =>
          resume(
            error === null
              ? Effect.succeed({ status, headers, text: plain.toString("utf8") })
              : Effect.fail(failure("Protocol", "the answer is not the gzip that it claims to be", error))
          )
        )
      },
      onResponseError(_, error) {
        controller = undefined
        resume(Effect.fail(classify(error, server)))
      }
    })
    return () => {
      cancelled = true
      controller?.abort(interrupted)
    }
  })

/**
 * `Effect.async` with the request's time limit. An interrupted fiber aborts the request when it ends: the canceler that
 * `Effect.async` takes would cost a tenth of a small request, every time, for what hardly ever happens.
 */
export const timed = <A>(
  request: HttpRequest,
  start: (resume: (result: Effect.Effect<A, HttpFailure>) => void) => () => void
): Effect.Effect<A, HttpFailure> =>
  Effect.withFiberRuntime((fiber) => {
    const clock = Context.get(fiber.getFiberRef(DefaultServices.currentServices), Clock.Clock)
    // Less than the smallest timer: there is no time left to ask.
    if (request.timeout !== undefined && request.timeout < 1) return Effect.fail(tooLate)
    return Effect.async<A, HttpFailure>((resume) => {
      let stop = () => {}
      let abort = () => {}
      const onEnd = () => {
        stop()
        abort()
      }
      const done = (result: Effect.Effect<A, HttpFailure>) => {
        stop()
        fiber.removeObserver(onEnd)
        resume(result)
      }
      fiber.addObserver(onEnd)
      if (request.timeout !== undefined) {
        stop = after(clock, request.timeout, () => {
          done(Effect.fail(tooLate))
          abort()
        })
      }
      abort = start(done)
    })
  })

const interrupted = new Error("interrupted")

const openStream = (
  dispatcher: Dispatcher,
  server: Server,
  request: HttpRequest
): Effect.Effect<HttpStream, HttpFailure, Scope.Scope> =>
  Effect.gen(function* () {
    let controller: Dispatcher.DispatchController | undefined
    let closed = false
    const { chunks, offer } = makeInbox(
      { pause: () => controller?.pause(), resume: () => controller?.resume() },
      unread
    )
    // `Effect.addFinalizer` would remember the caller's context, and with it the span and what has come of it.
    yield* Scope.addFinalizer(
      yield* Effect.scope,
      Effect.sync(() => {
        closed = true
        controller?.abort(interrupted)
      })
    )
    const body = isStream(request.body) ? yield* readable(request.body) : request.body
    const head = yield* timed<HttpHead>(request, (done) => {
      // Forgotten as soon as it is called: it knows the caller's fiber, which may know what has become of the answer. An
      // answer that nobody else knows any more is to be collected, and its connection closed.
      let resume: typeof done | undefined = done
      dispatcher.dispatch(dispatchOptions(server, request, body, false), {
        onRequestStart(started) {
          controller = started
          if (closed) started.abort(interrupted)
        },
        onResponseStart(_, status, headers) {
          if (status < 200) return
          const begin = resume
          resume = undefined
          begin?.(Effect.succeed({ status, headers }))
        },
        onResponseData(_, chunk) {
          offer({ chunk })
        },
        onResponseEnd() {
          offer("end")
        },
        onResponseError(_, error) {
          const reason = classify(error, server)
          if (resume === undefined) offer({ failure: reason })
          else resume(Effect.fail(reason))
        }
      })
      return () => {
        closed = true
        controller?.abort(interrupted)
      }
    })
    return { ...head, body: chunks }
  })

export const failure = (reason: HttpFailure["reason"], description: string, cause: unknown): HttpFailure => ({
  _tag: "HttpFailure",
  reason,
  description,
  cause
})

const tooLate = failure("Timeout", "no answer in time", undefined)

const hasCode = (error: Error): error is Error & { readonly code: string } =>
  "code" in error && typeof error.code === "string"

/** The innermost error that has a code. */
const coded = (error: unknown): (Error & { readonly code: string }) | undefined => {
  if (!(error instanceof Error)) return undefined
  if (hasCode(error) && !error.code.startsWith("UND_ERR_ABORT")) {
    if (error.code !== "UND_ERR_SOCKET" || error.cause === undefined) return error
  }
  if (error instanceof AggregateError && error.errors.length > 0) return coded(error.errors[0])
  return coded(error.cause)
}

/** What a socket's error means and what to do about it. */
export const classify = (
  error: unknown,
  server: { readonly cluster: Cluster; readonly origin: string }
): HttpFailure => {
  const inner = coded(error)
  const code = inner?.code ?? ""
  const { cluster, origin } = server
  const host = new URL(origin).hostname
  const proxy = cluster.proxyUrl === undefined ? undefined : new URL(Redacted.value(cluster.proxyUrl))
  // Which name was looked up.
  const unknown = inner !== undefined && "hostname" in inner && inner.hostname === proxy?.hostname ? proxy : undefined
  const expected = cluster.tlsServerName ?? (isIP(host) === 0 ? host : `the address ${host}`)
  switch (code) {
    case "ECONNREFUSED":
      if (proxy !== undefined) {
        return failure("Refused", `nothing listens at the proxy ${proxy.host} (connection refused)`, error)
      }
      return failure("Refused", `nothing listens there (connection refused); is the cluster running?`, error)
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "ENETDOWN":
      return failure("Refused", `there is no route to ${host}; check the network or a VPN`, error)
    case "ENOTFOUND":
      return failure(
        "Dns",
        unknown === undefined
          ? `the name ${host} is not known; check the server of cluster "${cluster.name}"`
          : `the name ${unknown.hostname} of the proxy is not known; check the proxy's URL`,
        error
      )
    case "EAI_AGAIN":
      return failure("Dns", `the name ${unknown?.hostname ?? host} cannot be looked up now; check the network`, error)
    case "UND_ERR_CONNECT_TIMEOUT":
    case "ETIMEDOUT":
      return failure("ConnectTimeout", `${host} does not answer; check the network, a VPN or a proxy`, error)
    case "CERT_HAS_EXPIRED":
      return failure("Tls", "the server's certificate has expired; it has to be renewed on the cluster", error)
    case "CERT_NOT_YET_VALID":
      return failure("Tls", "the server's certificate is not valid yet; check the clocks of both sides", error)
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return failure(
        "Tls",
        `the server's certificate is not for ${expected}; set tls-server-name to a name that it is for, or correct the server's URL`,
        error
      )
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "CERT_SIGNATURE_FAILURE":
      return failure(
        "Tls",
        `the server's certificate is signed by an authority that is not trusted; check certificate-authority-data of cluster "${cluster.name}"`,
        error
      )
    case "INVALID_PURPOSE":
      return failure("Tls", "the server's certificate is not meant for servers; it has to be issued anew", error)
    case "ERR_SSL_WRONG_VERSION_NUMBER":
      return failure("Tls", "the server does not speak TLS; should its URL begin with http:// ?", error)
    case "ECONNRESET":
    case "EPIPE":
    case "UND_ERR_SOCKET":
      return failure("Reset", "the connection broke", error)
    default:
      if (code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_") || code === "EPROTO") {
        return failure("Tls", `TLS failed (${code}); a client certificate may be missing, expired or refused`, error)
      }
      if (error instanceof Error && error.name === "HTTPParserError") {
        return failure("Protocol", "the server does not speak HTTP as expected", error)
      }
      return failure("Unknown", error instanceof Error ? error.message : "the request failed", error)
  }
}
