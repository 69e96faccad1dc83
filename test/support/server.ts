/** Small servers on loopback for tests: HTTP, TLS, bare sockets, and the two kinds of proxy. They end with their scope. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as http from "node:http"
import * as https from "node:https"
import * as net from "node:net"

export interface Loopback {
  readonly port: number
  /** The connections that are open now. */
  readonly sockets: ReadonlySet<net.Socket>
  /** How many connections there were, and how many at once at most. */
  readonly count: { opened: number; peak: number }
}

const listen = (make: () => net.Server): Effect.Effect<Loopback, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<{ readonly server: net.Server; readonly sockets: Set<net.Socket> } & Loopback>((resume) => {
      const server = make()
      const sockets = new Set<net.Socket>()
      const count = { opened: 0, peak: 0 }
      server.on("connection", (socket: net.Socket) => {
        count.opened++
        sockets.add(socket)
        count.peak = Math.max(count.peak, sockets.size)
        // Clients under test break connections; that is not an error of the server.
        socket.on("error", () => {})
        socket.on("close", () => sockets.delete(socket))
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(Effect.succeed({ server, sockets, count, port }))
      })
    }),
    ({ server, sockets }) =>
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of sockets) socket.destroy()
      })
  )

export const httpServer = (handler: http.RequestListener) => listen(() => http.createServer(handler))

export const httpsServer = (options: https.ServerOptions, handler: http.RequestListener) =>
  listen(() => {
    const server = https.createServer(options, handler)
    server.on("tlsClientError", () => {})
    return server
  })

/** Whatever a test wants to do with bare connections. */
export const tcpServer = (onSocket: (socket: net.Socket) => void) => listen(() => net.createServer(onSocket))

export const json = (response: http.ServerResponse, body: unknown, status = 200): void => {
  response.writeHead(status, { "content-type": "application/json" })
  response.end(JSON.stringify(body))
}

const join = (one: net.Socket, other: net.Socket): void => {
  one.pipe(other)
  other.pipe(one)
  one.on("close", () => other.destroy())
  other.on("close", () => one.destroy())
  one.on("error", () => other.destroy())
  other.on("error", () => one.destroy())
}

/** An HTTP proxy that knows CONNECT. `asked` collects the targets; all of them lead to `port` on loopback. */
export const connectProxy = (port: number) =>
  Effect.gen(function* () {
    const asked: Array<string> = []
    const bytes: Array<Buffer> = []
    const loopback = yield* listen(() => {
      const server = http.createServer((_, response) => {
        asked.push("not CONNECT")
        response.writeHead(400).end()
      })
      server.on("connect", (request: http.IncomingMessage, socket: net.Socket) => {
        asked.push(request.url ?? "")
        const upstream = net.connect(port, "127.0.0.1", () => {
          socket.write("HTTP/1.1 200 Connection established\r\n\r\n")
          socket.on("data", (chunk: Buffer) => bytes.push(chunk))
          join(socket, upstream)
        })
        upstream.on("error", () => socket.destroy())
      })
      return server
    })
    return { ...loopback, asked, passed: () => Buffer.concat(bytes).toString("latin1") }
  })

/** A SOCKS5 proxy without authentication (RFC 1928). `asked` collects the targets; all of them lead to `port`. */
export const socks5Proxy = (port: number) =>
  Effect.gen(function* () {
    const asked: Array<string> = []
    const loopback = yield* listen(() =>
      net.createServer((socket) => {
        socket.once("data", () => {
          socket.write(Buffer.from([5, 0]))
          socket.once("data", (request: Buffer) => {
            const length = request[4] ?? 0
            const host =
              request[3] === 3
                ? request.subarray(5, 5 + length).toString("latin1")
                : [...request.subarray(4, 8)].join(".")
            asked.push(`${host}:${request.readUInt16BE(request[3] === 3 ? 5 + length : 8)}`)
            const upstream = net.connect(port, "127.0.0.1", () => {
              socket.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]))
              join(socket, upstream)
            })
            upstream.on("error", () => socket.destroy())
          })
        })
      })
    )
    return { ...loopback, asked }
  })

/** A port on which nobody listens. */
export const closedPort = Effect.scoped(
  Effect.map(
    tcpServer(() => {}),
    ({ port }) => port
  )
)

/** Waits, on the real clock, until it is so. The test's own time limit ends it where it never is. */
export const eventually = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.delay(eventually(condition), "2 millis")))
