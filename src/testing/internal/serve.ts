/** The cluster on a real port: a bridge from Node's HTTP server to the `Http` that programs in the process use. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as NodeHttp from "node:http"
import * as NodeHttps from "node:https"
import type { AddressInfo, Socket } from "node:net"
import { WebSocketServer, type WebSocket } from "ws"
import { stringify } from "yaml"
import type { HttpFailure, HttpRequest, HttpService } from "../../layers/Http.js"
import { ServeError, type Served, type ServeOptions, type TestUser } from "../TestCluster.js"

type Headers = Record<string, string | ReadonlyArray<string>>

const perHop = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade", "host", "content-length", "expect"])

const headersOf = (message: NodeHttp.IncomingMessage): Headers => {
  const headers: Headers = {}
  for (const [name, value] of Object.entries(message.headersDistinct)) {
    if (value === undefined || perHop.has(name) || name.startsWith("sec-websocket-")) continue
    const [only] = value
    headers[name] = value.length === 1 && only !== undefined ? only : value
  }
  return headers
}

const statusText = (code: number, reason: string, message: string) =>
  JSON.stringify({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code })

/** The request as the cluster sees it, or why it is refused: who shows a token is the user of the token. */
const identified = (
  message: NodeHttp.IncomingMessage,
  tokens: ReadonlyMap<string, TestUser> | undefined
): { readonly headers: Headers } | { readonly refusal: readonly [code: number, body: string] } => {
  const { authorization, ...headers } = headersOf(message)
  if (tokens === undefined) return { headers }
  const shown = typeof authorization === "string" ? /^Bearer\s+(.+)$/i.exec(authorization)?.[1] : undefined
  const user = shown === undefined ? undefined : tokens.get(shown)
  if (user === undefined) return { refusal: [401, statusText(401, "Unauthorized", "Unauthorized")] }
  const { groups = [], username } = user
  if (groups.includes("system:masters")) return { headers }
  return "impersonate-user" in headers
    ? {
        refusal: [
          403,
          statusText(403, "Forbidden", `User ${JSON.stringify(username)} cannot impersonate anybody in this cluster`)
        ]
      }
    : { headers: { ...headers, "impersonate-user": username, "impersonate-group": groups } }
}

const bodyOf = (message: NodeHttp.IncomingMessage): Effect.Effect<Buffer, HttpFailure> =>
  Effect.async((resume) => {
    const chunks: Array<Buffer> = []
    message.on("data", (chunk: Buffer) => chunks.push(chunk))
    message.on("end", () => resume(Effect.succeed(Buffer.concat(chunks))))
    message.on("error", (cause) =>
      resume(Effect.fail({ _tag: "HttpFailure", reason: "Reset", description: "the client has left", cause }))
    )
  })

/**
 * Writes one piece, and waits until it is on its way: for a slow client, and so that a connection that breaks afterwards
 * does not take it along. Of a client that has left nothing more is heard: then the request is interrupted.
 */
const write = (response: NodeHttp.ServerResponse, piece: Uint8Array): Effect.Effect<void> =>
  Effect.async((resume) => {
    response.write(piece, () => resume(Effect.void))
  })

const answer = (
  http: HttpService,
  message: NodeHttp.IncomingMessage,
  response: NodeHttp.ServerResponse,
  tokens: ReadonlyMap<string, TestUser> | undefined
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const who = identified(message, tokens)
    const body = yield* bodyOf(message)
    if ("refusal" in who) {
      const [code, text] = who.refusal
      response.writeHead(code, { "content-type": "application/json" }).end(text)
      return
    }
    const request: HttpRequest = {
      method: message.method ?? "GET",
      target: message.url ?? "/",
      headers: who.headers,
      ...(body.length > 0 ? { body } : {})
    }
    const { body: pieces, headers, status } = yield* http.stream(request)
    for (const [name, value] of Object.entries(headers)) {
      if (value !== undefined && !perHop.has(name))
        response.setHeader(name, typeof value === "string" ? value : [...value])
    }
    response.writeHead(status)
    response.flushHeaders()
    yield* Stream.runForEach(pieces, (piece) => write(response, piece))
    response.end()
  }).pipe(
    Effect.scoped,
    // A fault of the test, or a mistake in the cluster: either way the connection breaks.
    Effect.catchAllCause((cause) =>
      Effect.zipRight(
        Cause.isDie(cause) ? Effect.logError("TestCluster: the server failed", cause) : Effect.void,
        Effect.sync(() => message.socket.destroy())
      )
    )
  )

/** Both directions of a WebSocket, until one side ends it. */
const bridge = (
  socket: WebSocket,
  inner: NonNullable<Effect.Effect.Success<ReturnType<NonNullable<HttpService["webSocket"]>>>["webSocket"]>,
  run: (effect: Effect.Effect<void>) => void
): Effect.Effect<void> =>
  Effect.gen(function* () {
    socket.on("message", (data) => {
      const bytes = Array.isArray(data)
        ? Buffer.concat(data)
        : data instanceof ArrayBuffer
          ? new Uint8Array(data)
          : data
      socket.pause()
      run(inner.send(bytes).pipe(Effect.ignore, Effect.ensuring(Effect.sync(() => socket.resume()))))
    })
    const left = Effect.async<void>((resume) => {
      socket.on("close", () => resume(Effect.void))
      socket.on("error", () => resume(Effect.void))
    })
    const send = (bytes: Uint8Array) => Effect.async<void>((resume) => socket.send(bytes, () => resume(Effect.void)))
    yield* Stream.runForEach(inner.messages, send).pipe(
      Effect.matchEffect({
        onFailure: () => Effect.sync(() => socket.terminate()),
        onSuccess: () => Effect.sync(() => socket.close(1000))
      }),
      Effect.raceFirst(left)
    )
  })

const refuse = (socket: Socket, code: number, body: string) =>
  socket.end(
    `HTTP/1.1 ${code} ${NodeHttp.STATUS_CODES[code] ?? "Refused"}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`
  )

const upgrade = (
  http: HttpService,
  sockets: WebSocketServer,
  message: NodeHttp.IncomingMessage,
  socket: Socket,
  head: Buffer,
  tokens: ReadonlyMap<string, TestUser> | undefined,
  run: (effect: Effect.Effect<void>) => void
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const who = identified(message, tokens)
    if ("refusal" in who) return void refuse(socket, ...who.refusal)
    const protocols = String(message.headers["sec-websocket-protocol"] ?? "")
      .split(",")
      .map((protocol) => protocol.trim())
      .filter((protocol) => protocol !== "")
    if (http.webSocket === undefined || message.headers.upgrade?.toLowerCase() !== "websocket") {
      return void refuse(socket, 400, statusText(400, "BadRequest", "unable to upgrade: only WebSockets are served"))
    }
    const opened = yield* http.webSocket(
      { method: message.method ?? "GET", target: message.url ?? "/", headers: who.headers },
      protocols
    )
    const { webSocket: inner } = opened
    if (inner === undefined) return void refuse(socket, opened.status, opened.text)
    const outer = yield* Effect.async<WebSocket>((resume) => {
      // The server inside has chosen; the one outside says it. `ws` would not: Kubernetes' names hold slashes.
      delete message.headers["sec-websocket-protocol"]
      sockets.once("headers", (lines) => lines.push(`Sec-WebSocket-Protocol: ${inner.protocol}`))
      sockets.handleUpgrade(message, socket, head, (accepted) => resume(Effect.succeed(accepted)))
    })
    yield* bridge(outer, inner, run)
  }).pipe(
    Effect.scoped,
    Effect.catchAllCause(() => Effect.sync(() => socket.destroy()))
  )

const kubeconfigOf = (url: string, certificate: string | undefined, token: string | undefined): string =>
  stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "test",
        cluster: {
          server: url,
          // There is nothing to verify without TLS; @kubernetes/client-node speaks plain HTTP only if it is said.
          ...(certificate === undefined
            ? { "insecure-skip-tls-verify": true }
            : { "certificate-authority-data": Buffer.from(certificate).toString("base64") })
        }
      }
    ],
    users: [{ name: "test", user: token === undefined ? {} : { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    "current-context": "test"
  })

export const serve = (
  http: HttpService,
  { host = "127.0.0.1", port = 0, tls, tokens }: ServeOptions
): Effect.Effect<Served, ServeError, Scope.Scope> =>
  Effect.gen(function* () {
    const runtime = yield* Effect.runtime()
    const users = tokens === undefined ? undefined : new Map(Object.entries(tokens))
    const requests = yield* Scope.fork(yield* Effect.scope, { _tag: "Parallel" } as const)
    /** Runs for one connection, and no longer than the server. */
    const run = (effect: Effect.Effect<void>) => Runtime.runFork(runtime)(effect, { scope: requests })
    const server = yield* Effect.try({
      try: () =>
        tls === undefined
          ? NodeHttp.createServer()
          : NodeHttps.createServer({ cert: tls.certificate, key: Redacted.value(tls.privateKey) }),
      catch: (cause) =>
        new ServeError({
          message: `the certificate or its key cannot be used: ${cause instanceof Error ? cause.message : "not PEM"}`,
          cause
        })
    })
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })
    server.on("request", (message, response) => {
      const fiber = run(answer(http, message, response, users))
      response.once("close", () => fiber.unsafeInterruptAsFork(fiber.id()))
    })
    server.on("upgrade", (message: NodeHttp.IncomingMessage, socket: Socket, head: Buffer) => {
      socket.on("error", () => socket.destroy())
      run(upgrade(http, sockets, message, socket, head, users, run))
    })
    yield* Effect.acquireRelease(
      Effect.async<void, ServeError>((resume) => {
        server.once("error", (cause) =>
          resume(
            Effect.fail(new ServeError({ message: `cannot listen at ${host}, port ${port}: ${cause.message}`, cause }))
          )
        )
        server.listen(port, host, () => resume(Effect.void))
      }),
      () =>
        Effect.zipRight(
          Scope.close(requests, Exit.void),
          Effect.async<void>((resume) => {
            server.close(() => resume(Effect.void))
            server.closeAllConnections()
            for (const client of sockets.clients) client.terminate()
          })
        )
    )
    // A server that listens has an address of this kind.
    const address = server.address() as AddressInfo
    const shown = address.family === "IPv6" ? `[${address.address}]` : address.address
    const url = `${tls === undefined ? "http" : "https"}://${shown}:${address.port}`
    const [token] = tokens === undefined ? [] : Object.keys(tokens)
    return { url, port: address.port, kubeconfig: kubeconfigOf(url, tls?.certificate, token) }
  })
