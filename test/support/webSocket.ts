/** A WebSocket server on loopback that answers as a test wants. It ends with its scope. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as http from "node:http"
import * as https from "node:https"
import type { Duplex } from "node:stream"
import { WebSocketServer, type WebSocket } from "ws"

export interface Options {
  readonly tls?: https.ServerOptions
  /** The subprotocol that it speaks. */
  readonly protocol?: string
  /** Answers what is no wish for an upgrade. */
  readonly answer?: http.RequestListener
  /** Answers the wish for an upgrade itself where it returns true, or later with `accept`. */
  readonly refuse?: (request: http.IncomingMessage, socket: Duplex, accept: () => void) => boolean
}

export interface Server {
  readonly port: number
  /** The requests for an upgrade that came. */
  readonly asked: Array<http.IncomingMessage>
  /** The WebSockets that are open now. */
  readonly open: ReadonlySet<WebSocket>
}

export const server = (
  onSocket: (socket: WebSocket, request: http.IncomingMessage) => void,
  { answer, protocol = "v5.channel.k8s.io", refuse = () => false, tls }: Options = {}
): Effect.Effect<Server, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<Server & { readonly close: Effect.Effect<void> }>((resume) => {
        const webSockets = new WebSocketServer({
          noServer: true,
          handleProtocols: (wanted) => (wanted.has(asToken(protocol)) ? asToken(protocol) : false)
        })
        webSockets.on("headers", (headers) => {
          for (const [index, line] of headers.entries()) headers[index] = line.replaceAll("|", "/")
        })
        const plain = tls === undefined ? http.createServer() : https.createServer(tls)
        if (answer !== undefined) plain.on("request", answer)
        const connections = new Set<Duplex>()
        const asked: Array<http.IncomingMessage> = []
        plain.on("connection", (socket: Duplex) => {
          connections.add(socket)
          socket.on("error", () => {})
          socket.on("close", () => connections.delete(socket))
        })
        plain.on("upgrade", (request, socket, head) => {
          asked.push(request)
          request.headers["sec-websocket-protocol"] = asToken(request.headers["sec-websocket-protocol"] ?? "")
          const accept = () => webSockets.handleUpgrade(request, socket, head, onSocket)
          if (!refuse(request, socket, accept)) accept()
        })
        const close = Effect.async<void>((done) => {
          plain.close(() => done(Effect.void))
          for (const socket of connections) socket.destroy()
        })
        plain.listen(0, "127.0.0.1", () => {
          const address = plain.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          resume(Effect.succeed({ port, asked, open: webSockets.clients, close }))
        })
      }),
      ({ close }) => close
    ),
    ({ asked, open, port }) => ({ asked, open, port })
  )

/** `ws` takes no slash in a subprotocol; Kubernetes does. */
const asToken = (protocol: string): string => protocol.replaceAll("/", "|")

/** A message of the channel protocol. */
export const message = (channel: number, body: string | Uint8Array = ""): Buffer =>
  Buffer.concat([Buffer.from([channel]), typeof body === "string" ? Buffer.from(body) : body])

/** Refuses an upgrade with a JSON body. */
export const refusal = (socket: Duplex, code: number, body: unknown): true => {
  const text = JSON.stringify(body)
  socket.end(
    `HTTP/1.1 ${code} No\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`
  )
  return true
}
