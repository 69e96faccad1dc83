/**
 * Connections, also through a proxy. undici's own agents for proxies connect again and again, without a pause, to a proxy that
 * breaks every connection, and open any number of them through SOCKS.
 */
import { EventEmitter } from "node:events"
import { request as httpRequest, type ClientRequest, type RequestOptions } from "node:http"
import { request as httpsRequest } from "node:https"
import { isIPv6, type Socket } from "node:net"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { buildConnector } from "undici"
import { bareHost, portOf } from "./address.js"
import type { Tls } from "./http.js"

type Done = (error: Error | null, socket: Socket | null) => void

/** A connection that is on the way. */
interface Pending {
  readonly destroy: () => unknown
  readonly once: (event: "close", listener: () => void) => unknown
}

type Open = (host: string, port: number, done: Done) => Pending

/** `Proxy-Authorization` of the URL's user. */
const authorization = ({ password, username }: URL): { readonly "proxy-authorization"?: string } =>
  username === "" && password === ""
    ? {}
    : {
        "proxy-authorization": `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString("base64")}`
      }

const refusal = (proxy: URL, status: number | undefined): Error =>
  new Error(
    status === 407
      ? `the proxy ${proxy.host} wants other credentials (HTTP 407); check the user and the password in its URL`
      : `the proxy ${proxy.host} does not connect to the server (HTTP ${status})`
  )

const throughHttp =
  (proxy: URL, timeout: number): Open =>
  (host, port, done) => {
    const target = `${isIPv6(host) ? `[${host}]` : host}:${port}`
    const options: RequestOptions = {
      host: bareHost(proxy.hostname),
      port: portOf(proxy),
      method: "CONNECT",
      path: target,
      headers: { host: target, ...authorization(proxy) },
      agent: false,
      timeout
    }
    const request = proxy.protocol === "https:" ? httpsRequest(options) : httpRequest(options)
    return request
      .on("connect", ({ statusCode }, socket: Socket) => {
        if (statusCode === 200) {
          socket.setTimeout(0)
          return done(null, socket)
        }
        socket.destroy()
        done(refusal(proxy, statusCode), null)
      })
      .on("timeout", () => request.destroy(new Error(`the proxy ${proxy.host} does not answer; check the network`)))
      .on("error", (error) => done(error, null))
      .end()
  }

const throughSocks =
  (proxy: URL): Open =>
  (host, port, done) => {
    const connected = Effect.tryPromise({
      try: async () => {
        const { SocksProxyAgent } = await import("socks-proxy-agent")
        // Names are the proxy's to look up: with an h behind it, this agent leaves them to it.
        const agent = new SocksProxyAgent(proxy.href.replace(/^socks5:/, "socks5h:"))
        // Of the request, the agent wants nothing but to tell it about the proxy.
        return agent.connect(new EventEmitter() as ClientRequest, { host, port, secureEndpoint: false })
      },
      // Its own errors hold the password, and the code of the socket's error only in their text.
      catch: (error) => {
        const { message } = error instanceof Error ? error : { message: "" }
        const [code] = /\b(E[A-Z]{4,}|EAI_AGAIN)\b/.exec(message) ?? []
        const failed = new Error(`the proxy ${proxy.host} does not connect: ${message}`)
        return code === undefined ? failed : Object.assign(failed, { code, hostname: proxy.hostname })
      }
    })
    // The agent gives nothing out before it is connected, or has given up.
    const pending = new EventEmitter()
    let ended = false
    Effect.runCallback(Effect.either(connected), {
      onExit: (exit) => {
        pending.emit("close")
        if (exit._tag === "Failure") return done(new Error("interrupted"), null)
        if (Either.isLeft(exit.value)) return done(exit.value.left, null)
        if (ended) exit.value.right.destroy()
        done(null, exit.value.right)
      }
    })
    return Object.assign(pending, { destroy: () => (ended = true) })
  }

/**
 * How undici opens a connection to the server, and speaks TLS with the server: directly, or through the proxy. `close` ends
 * those on the way: undici itself forgets them when it is destroyed.
 */
export const makeConnector = (proxy: URL | undefined, tls: Tls & { readonly timeout: number }) => {
  const pending = new Set<Pending>()
  const track = (one: Pending) => {
    pending.add(one)
    one.once("close", () => pending.delete(one))
  }
  const connect = buildConnector(tls)
  const direct: buildConnector.connector = (to, callback) =>
    // It returns the socket, which its types leave out.
    track(connect(to, callback) as unknown as Socket)
  const open = proxy?.protocol === "socks5:" ? throughSocks(proxy) : proxy && throughHttp(proxy, tls.timeout)
  const through =
    (open: Open): buildConnector.connector =>
    (to, callback) => {
      const opened = open(bareHost(to.hostname), portOf(to), (error, socket) => {
        if (socket === null) return callback(error ?? new Error("no connection"), null)
        if (to.protocol === "https:") return direct({ ...to, httpSocket: socket }, callback)
        callback(null, socket)
      })
      track(opened)
    }
  return {
    connect: open === undefined ? direct : through(open),
    close: () => {
      for (const one of pending) one.destroy()
    }
  }
}
