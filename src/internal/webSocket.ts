/** WebSockets to the API server, by `ws`: undici's says nothing about why an upgrade was refused. */
import type { IncomingMessage } from "node:http"
import type { Agent } from "node:https"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { HttpsProxyAgent } from "https-proxy-agent"
import { SocksProxyAgent } from "socks-proxy-agent"
import { WebSocket, type ClientOptions } from "ws"
import type { HttpFailure, HttpRequest, HttpUpgrade, HttpWebSocket } from "../layers/Http.js"
import { classify, failure, timed, type Server, type Tls } from "./http.js"
import { makeInbox } from "./inbox.js"
import { background } from "./fork.js"

/** How long the other side has to answer our farewell before the socket is destroyed. */
const closeTimeout = "1 second"
/** How often a silent connection is tried; it is dead when nothing answers until the next time. */
const heartbeat = "30 seconds"
/** After so long the API server gives a silent exec up itself: what has not answered until then never will. */
const beatsUntilGivenUp = Duration.toMillis("4 hours") / Duration.toMillis(heartbeat)

/** What nobody has read yet, in bytes, before the server is held back. */
const unread = 512 * 1024

/**
 * The server's ticket of the last TLS session with the same settings: with it, the next handshake needs no certificates.
 */
const sessions = new WeakMap<Tls, Buffer>()

const ticket = (tls: Tls) => {
  const session = sessions.get(tls)
  return session === undefined ? {} : { session }
}

const proxyAgent = ({ cluster }: Server): Agent | undefined => {
  if (cluster.proxyUrl === undefined) return undefined
  const proxyUrl = Redacted.value(cluster.proxyUrl)
  return proxyUrl.startsWith("socks")
    ? // Names are the proxy's to look up, as for other requests: with an h behind it, this agent leaves them to it.
      new SocksProxyAgent(proxyUrl.replace(/^socks5:/, "socks5h:"))
    : new HttpsProxyAgent(proxyUrl)
}

/** Asks for an upgrade; what comes back is a socket, or the answer that refused it. */
export const open = (
  server: Server,
  tls: Tls,
  request: HttpRequest,
  protocols: ReadonlyArray<string>
): Effect.Effect<HttpUpgrade, HttpFailure, Scope.Scope> =>
  Effect.gen(function* () {
    const agent = proxyAgent(server)
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const url = server.origin.replace(/^http/, "ws") + server.prefix + request.target
        const options: ClientOptions = {
          // The types of ws have another checkServerIdentity than Node, which is who calls it.
          ...(tls as Omit<Tls, "checkServerIdentity">),
          ...ticket(tls),
          ...(agent === undefined ? {} : { agent }),
          // Several values of one header go out as several headers.
          headers: request.headers as Record<string, string>,
          perMessageDeflate: false,
          // A random mask keeps caches and proxies that read along from taking what a program sends for a request
          // (RFC 6455, 10.3). Within TLS nothing reads along, and masking would cost more time than all the rest of sending.
          // Without TLS the masks are random.
          ...(server.origin.startsWith("https:") ? { generateMask: noMask } : {}),
          finishRequest: (upgrade) => {
            upgrade.setHeader("sec-websocket-protocol", protocols.join(","))
            upgrade.on("socket", (connection) => {
              // Tickets come before the answer.
              connection.on("session", (session: Buffer) => {
                sessions.set(tls, session)
              })
            })
            upgrade.end()
          }
        }
        const created = new WebSocket(url, protocols.map(asToken), options)
        created.on("upgrade", ({ headers }) => {
          const chosen = headers["sec-websocket-protocol"]
          if (chosen !== undefined) headers["sec-websocket-protocol"] = asToken(chosen)
        })
        // Before anybody listens, and after the last one does.
        created.on("error", ignore)
        return created
      }),
      close
    )
    const counted = { sent: 0 }
    const webSocket = connect(socket, server, protocols, counted)
    const upgrade = yield* timed<HttpUpgrade>(request, (resume) => {
      socket.on("open", () => resume(Effect.succeed({ status: 101, headers: {}, text: "", webSocket })))
      socket.on("upgrade", ({ socket: connection }) => connection.setKeepAlive(true, Duration.toMillis(heartbeat)))
      socket.on("unexpected-response", (_request, response) => {
        readRefusal(response, (text) =>
          resume(Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers, text }))
        )
      })
      socket.on("error", (error) => resume(Effect.fail(classify(error, server))))
      return () => socket.terminate()
    })
    if (upgrade.webSocket !== undefined) yield* background(keepAlive(socket, counted))
    return upgrade
  })

const noMask = (mask: Buffer): void => {
  mask.fill(0)
}

/** `ws` demands tokens, which Kubernetes' `SPDY/3.1+portforward.k8s.io` is not: what it sees has no slash. */
const asToken = (protocol: string): string => protocol.replaceAll("/", "|")

const ignore = () => {}

const readRefusal = (response: IncomingMessage, done: (text: string) => void): void => {
  const chunks: Array<Buffer> = []
  response.on("data", (chunk: Buffer) => chunks.push(chunk))
  const finish = () => done(Buffer.concat(chunks).toString("utf8"))
  response.on("end", finish)
  response.on("error", finish)
}

const close = (socket: WebSocket): Effect.Effect<void> => {
  if (socket.readyState === WebSocket.CLOSED) return Effect.void
  if (socket.readyState === WebSocket.CONNECTING) return Effect.sync(() => socket.terminate())
  return Effect.async<void>((resume) => {
    socket.on("close", () => resume(Effect.void))
    // A paused socket would never see the other side's farewell. One that never stood cannot be resumed: `ws` would throw.
    if (socket.isPaused) socket.resume()
    socket.close(1000)
  }).pipe(
    // Releases are uninterruptible: the limit could not end the wait.
    Effect.interruptible,
    Effect.timeout(closeTimeout),
    Effect.ignore,
    Effect.ensuring(Effect.sync(() => socket.terminate()))
  )
}

/**
 * Pings, which also keep what lies between from taking the connection for an idle one. A server that does not take its
 * input does not answer them either, so silence proves little while what was sent may still wait there: the kernel's own
 * probes find a dead connection then, and a server that hangs is given up in the end.
 */
const keepAlive = (socket: WebSocket, counted: { readonly sent: number }): Effect.Effect<void> =>
  Effect.suspend(() => {
    let silent = 0
    let taken = 0
    socket.on("pong", (data) => {
      silent = 0
      taken = Number(data.toString("latin1"))
    })
    socket.on("message", () => {
      silent = 0
    })
    return Effect.sync(() => {
      // While nobody reads, pongs wait behind the data.
      if (socket.isPaused) silent = 0
      else if (silent >= (taken === counted.sent ? 1 : beatsUntilGivenUp)) socket.terminate()
      silent++
      // The pong brings back the number of messages that the server had taken.
      if (socket.readyState === WebSocket.OPEN) socket.ping(String(counted.sent))
    }).pipe(Effect.delay(heartbeat), Effect.forever)
  })

const connect = (
  socket: WebSocket,
  server: Server,
  protocols: ReadonlyArray<string>,
  counted: { sent: number }
): HttpWebSocket => {
  const { chunks, offer } = makeInbox(socket, unread)
  let broken: Error | undefined
  socket.on("message", (data) =>
    offer({
      chunk: Array.isArray(data) ? Buffer.concat(data) : data instanceof ArrayBuffer ? new Uint8Array(data) : data
    })
  )
  socket.on("error", (error) => {
    broken = error
  })
  socket.on("close", (code, reason) => offer(code === 1000 ? "end" : { failure: ending(server, broken, code, reason) }))
  return {
    get protocol() {
      return protocols.find((protocol) => asToken(protocol) === socket.protocol) ?? socket.protocol
    },
    messages: chunks,
    send: (message) =>
      Effect.async<void, HttpFailure>((resume) => {
        // What has arrived is read first. Where the server has left, a write would break the socket, and its last words,
        // which are there already, would be lost.
        const turn = setImmediate(() => {
          counted.sent++
          socket.send(message, (error) =>
            resume(error == null ? Effect.void : Effect.fail(failure("Reset", "the connection is closed", error)))
          )
        })
        return Effect.sync(() => clearImmediate(turn))
      })
  }
}

const ending = (server: Server, broken: Error | undefined, code: number, reason: Buffer): HttpFailure =>
  broken !== undefined
    ? classify(broken, server)
    : failure(
        "Reset",
        // 1006 stands for a connection that ended without a farewell.
        code === 1006
          ? "the connection broke off; the server, the node or something between has gone away"
          : `the server closed the connection (${code}${reason.length > 0 ? `, ${reason.toString("utf8")}` : ""})`,
        undefined
      )
