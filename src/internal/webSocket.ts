/** WebSockets to the API server, by `ws`: undici's says nothing about why an upgrade was refused. */
import type { IncomingMessage } from "node:http"
import type { Agent } from "node:https"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { HttpsProxyAgent } from "https-proxy-agent"
import { SocksProxyAgent } from "socks-proxy-agent"
import { getProxyForUrl } from "proxy-from-env"
import { WebSocket, type ClientOptions } from "ws"
import type { HttpFailure, HttpRequest, HttpUpgrade, HttpWebSocket } from "../layers/Http.js"
import { classify, failure, timed, type Server, type Tls } from "./http.js"

/** How long the other side has to answer our farewell before the socket is destroyed. */
const closeTimeout = "1 second"
/** How often a silent connection is tried; it is dead when nothing answers until the next time. */
const heartbeat = "30 seconds"

/** The proxy of the kubeconfig, else of the environment, as for other requests. */
const proxyAgent = (server: Server): Agent | undefined => {
  const { proxyUrl: given } = server.cluster
  const proxyUrl = given === undefined ? getProxyForUrl(server.origin) : Redacted.value(given)
  if (proxyUrl === "") return undefined
  return proxyUrl.startsWith("socks") ? new SocksProxyAgent(proxyUrl) : new HttpsProxyAgent(proxyUrl)
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
          ...tls,
          ...(agent === undefined ? {} : { agent }),
          // Several values of one header go out as several headers.
          headers: request.headers as Record<string, string>,
          perMessageDeflate: false
        }
        const created = new WebSocket(url, [...protocols], options)
        // Before anybody listens, and after the last one does.
        created.on("error", ignore)
        return created
      }),
      close
    )
    const inbox = makeInbox(socket, server)
    const upgrade = yield* timed<HttpUpgrade>(request, (resume) => {
      socket.on("open", () =>
        resume(Effect.succeed({ status: 101, headers: {}, text: "", webSocket: inbox.webSocket }))
      )
      socket.on("unexpected-response", (_request, response) => {
        readRefusal(response, (text) =>
          resume(Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers, text }))
        )
      })
      socket.on("error", (error) => resume(Effect.fail(classify(error, server))))
      return () => socket.terminate()
    })
    if (upgrade.webSocket !== undefined) yield* Effect.forkScoped(keepAlive(socket))
    return upgrade
  })

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
    // A paused socket would never see the other side's farewell.
    socket.resume()
    socket.close(1000)
  }).pipe(Effect.timeout(closeTimeout), Effect.ignore, Effect.ensuring(Effect.sync(() => socket.terminate())))
}

const keepAlive = (socket: WebSocket): Effect.Effect<void> =>
  Effect.suspend(() => {
    let alive = true
    const heard = () => {
      alive = true
    }
    socket.on("pong", heard)
    socket.on("message", heard)
    return Effect.sync(() => {
      // While nobody reads, pongs wait behind the data.
      if (!alive && !socket.isPaused) socket.terminate()
      alive = false
      if (socket.readyState === WebSocket.OPEN) socket.ping()
    }).pipe(Effect.delay(heartbeat), Effect.forever)
  })

type Signal = { readonly message: Uint8Array } | { readonly failure: HttpFailure } | "end"

const makeInbox = (socket: WebSocket, server: Server): { readonly webSocket: HttpWebSocket } => {
  const waiting: Array<Signal> = []
  let taker: ((signal: Signal) => void) | undefined
  let ended = false
  let broken: Error | undefined

  const offer = (signal: Signal) => {
    if (ended) return
    ended = signal === "end" || "failure" in signal
    const take = taker
    taker = undefined
    if (take !== undefined) take(signal)
    else waiting.push(signal)
    // One message at a time: the rest stays in the socket until it is asked for.
    if (!ended && taker === undefined) socket.pause()
  }
  socket.on("message", (data) => {
    const bytes = Array.isArray(data) ? Buffer.concat(data) : data instanceof ArrayBuffer ? new Uint8Array(data) : data
    offer({ message: bytes })
  })
  socket.on("error", (error) => {
    broken = error
  })
  socket.on("close", (code, reason) =>
    offer(
      code === 1000
        ? "end"
        : {
            failure:
              broken === undefined
                ? failure(
                    "Reset",
                    `the connection was closed (${code}${reason.length > 0 ? `, ${reason.toString("utf8")}` : ""})`,
                    undefined
                  )
                : classify(broken, server)
          }
    )
  )

  const pull = Effect.async<Chunk.Chunk<Uint8Array>, Option.Option<HttpFailure>>((resume) => {
    const take = (signal: Signal) =>
      resume(
        signal === "end"
          ? Effect.fail(Option.none())
          : "message" in signal
            ? Effect.succeed(Chunk.of(signal.message))
            : Effect.fail(Option.some(signal.failure))
      )
    const next = waiting.shift()
    if (next === undefined) {
      taker = take
      socket.resume()
      return
    }
    if (next === "end" || "failure" in next) waiting.push(next)
    take(next)
  })

  return {
    webSocket: {
      get protocol() {
        return socket.protocol
      },
      messages: Stream.repeatEffectChunkOption(pull),
      send: (message) =>
        Effect.async<void, HttpFailure>((resume) => {
          socket.send(message, (error) =>
            resume(
              error === undefined || error === null
                ? Effect.void
                : Effect.fail(failure("Reset", "the connection is closed", error))
            )
          )
        })
    }
  }
}
