/** Port-forwards through a server that does what real ones rarely do. */
import { assert, describe, it } from "@effect/vitest"
import { HttpClient } from "@effect/platform"
import { Clock, Deferred, Effect, Either, Exit, Fiber, Layer, Scope, TestClock } from "effect"
import { Pods, PortForward, Service, type KubeError } from "effect-kubernetes"
import * as net from "node:net"
import { constants, inflateSync } from "node:zlib"
import type { WebSocket } from "ws"
import * as spdy from "../../src/internal/spdy.js"
import { clientOf } from "../support/client.js"
import * as e2e from "../support/e2e.js"
import * as Pki from "../support/pki.js"
import { eventually, httpServer, httpsServer, json } from "../support/server.js"
import { message, refusal, server, type Options, type Server } from "../support/webSocket.js"

const tunnel = "SPDY/3.1+portforward.k8s.io"

const pod = (name: string, uid = name) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "default", uid, resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" },
  spec: {
    containers: [
      {
        name: "main",
        resources: {},
        ports: [
          { name: "http", containerPort: 8080 },
          { name: "dns", containerPort: 53, protocol: "UDP" }
        ]
      }
    ]
  },
  status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] }
})

const service = (spec: object) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: {
    name: "web",
    namespace: "default",
    uid: "s",
    resourceVersion: "1",
    creationTimestamp: "2026-01-01T00:00:00Z"
  },
  spec: { selector: { app: "web" }, ...spec },
  status: { loadBalancer: {} }
})

/** One connection of the fake kubelet. */
interface Remote {
  readonly port: number
  readonly socket: WebSocket
  readonly send: (bytes: string | Uint8Array, fin?: boolean) => void
  /** Ends it as the kubelet does, with an explanation where it failed. */
  readonly end: (explanation?: string) => void
  readonly reset: () => void
  readonly got: Array<string>
  ended: boolean
  wasReset: boolean
}

/** A kubelet's side of a tunnel. */
const kubelet =
  (
    onConnect: (remote: Remote) => void,
    onData: (remote: Remote, bytes: Buffer) => void = () => {},
    onPing: (socket: WebSocket, id: number) => void = (socket, id) => socket.send(spdy.ping(id))
  ) =>
  (socket: WebSocket) => {
    const decode = spdy.decoder()
    const blocks: Array<Uint8Array> = []
    const remotes = new Map<string, { error?: number; remote?: Remote }>()
    const streams = new Map<number, Remote>()
    let replies = 0
    let seen = 0
    socket.on("message", (data: Buffer) => {
      for (const frame of Either.getOrThrow(decode(data))) {
        if (frame._tag === "SynStream") {
          blocks.push(frame.block)
          const plain = inflateSync(Buffer.concat(blocks), { finishFlush: constants.Z_SYNC_FLUSH }).toString("latin1")
          const headers = plain.slice(seen)
          seen = plain.length
          const header = (name: string) =>
            new RegExp(`${name}\\0\\0\\0(.)([^\\0]+)`, "s").exec(headers)?.[2]?.slice(0, 5) ?? ""
          const id = header("requestid")
          const pair = remotes.get(id) ?? {}
          remotes.set(id, pair)
          socket.send(spdy.synReply(frame.stream, { first: replies++ === 0 }))
          if (header("streamtype") === "error") {
            pair.error = frame.stream
          } else {
            const error = pair.error ?? 0
            const remote: Remote = {
              port: Number(header("port")),
              socket,
              got: [],
              ended: false,
              wasReset: false,
              send: (bytes, fin) =>
                socket.send(spdy.data(frame.stream, typeof bytes === "string" ? Buffer.from(bytes) : bytes, fin)),
              end: (explanation) => {
                if (explanation === undefined) {
                  socket.send(spdy.data(frame.stream, new Uint8Array(0), true))
                  socket.send(spdy.data(error, new Uint8Array(0), true))
                } else {
                  socket.send(spdy.data(error, Buffer.from(explanation)))
                  socket.send(spdy.rstStream(frame.stream, spdy.cancel))
                  socket.send(spdy.rstStream(error, spdy.cancel))
                }
              },
              reset: () => socket.send(spdy.rstStream(frame.stream, spdy.cancel))
            }
            streams.set(frame.stream, remote)
            onConnect(remote)
          }
        } else if (frame._tag === "Data") {
          const remote = streams.get(frame.stream)
          if (remote === undefined) continue
          remote.got.push(Buffer.from(frame.bytes).toString())
          if (frame.fin) remote.ended = true
          onData(remote, Buffer.from(frame.bytes))
        } else if (frame._tag === "RstStream") {
          const remote = streams.get(frame.stream)
          if (remote !== undefined) remote.wasReset = true
        } else if (frame._tag === "Ping") {
          onPing(socket, frame.id)
        }
      }
    })
  }

/** The API server: what it holds, and the pods' tunnels. */
const cluster = (
  onSocket: (socket: WebSocket) => void,
  objects: Record<string, () => unknown> = { "/api/v1/namespaces/default/pods/web-0": () => pod("web-0") },
  options: Options = {}
) =>
  server(onSocket, {
    protocol: tunnel,
    ...options,
    answer: (request, response) => {
      const url = new URL(request.url ?? "", "http://x")
      if (url.searchParams.get("watch") === "true") {
        response.writeHead(200, { "content-type": "application/json" })
        const made = objects["watch"]?.()
        if (made !== undefined) response.write(`${JSON.stringify({ type: "ADDED", object: made })}\n`)
        else response.flushHeaders()
        return
      }
      const list = () => ({
        apiVersion: "v1",
        kind: "PodList",
        metadata: { resourceVersion: "1" },
        items: [objects["watch"]?.()].filter((made) => made !== undefined)
      })
      const object = url.pathname.endsWith("/pods") ? list() : objects[url.pathname]?.()
      const status = {
        kind: "Status",
        apiVersion: "v1",
        status: "Failure",
        code: 404,
        reason: "NotFound",
        message: "gone"
      }
      response.writeHead(object === undefined ? 404 : 200, { "content-type": "application/json" })
      response.end(JSON.stringify(object ?? status))
    }
  })

const on = <A, E, R>(api: Server, effect: Effect.Effect<A, E, R>) =>
  // The client lives as long as the test.
  Effect.flatMap(Layer.build(clientOf(api.port)), (context) => Effect.provide(effect, context))

/** A local client: what it got, and how it ended. */
const dial = (port: number, host = "127.0.0.1") => {
  const socket = net.connect({ port, host, allowHalfOpen: true })
  const seen = { text: "", ended: false, closed: false, error: "" }
  socket.on("data", (bytes: Buffer) => (seen.text += bytes.toString()))
  socket.on("end", () => (seen.ended = true))
  socket.on("close", () => (seen.closed = true))
  socket.on("error", (error: NodeJS.ErrnoException) => (seen.error = error.code ?? ""))
  return { socket, seen }
}

describe("a connection", () => {
  it.scopedLive("goes both ways, and each side ends on its own", () =>
    Effect.gen(function* () {
      const remotes: Array<Remote> = []
      const api = yield* cluster(kubelet((remote) => remotes.push(remote)))
      const { port } = yield* on(api, PortForward.listen("web-0", "http"))
      const { seen, socket } = dial(port)
      socket.end("question")
      yield* eventually(() => remotes[0]?.ended === true)
      const remote = remotes[0]
      if (remote === undefined) return assert.fail("no connection")
      assert.strictEqual(remote.port, 8080)
      assert.strictEqual(remote.got.join(""), "question")
      // The client has ended, and still hears the answer.
      remote.send("answer")
      yield* eventually(() => seen.text === "answer")
      assert.strictEqual(seen.ended, false)
      remote.end()
      yield* eventually(() => seen.closed)
      assert.deepStrictEqual(seen, { text: "answer", ended: true, closed: true, error: "" })
    })
  )

  it.scopedLive("leaves its tunnel to the next one when it has ended well", () =>
    Effect.gen(function* () {
      const api = yield* cluster(kubelet((remote) => (remote.send("hi", true), remote.end())))
      const { port } = yield* on(api, PortForward.listen("web-0", 80))
      for (let count = 0; count < 5; count++) {
        const { seen, socket } = dial(port)
        yield* eventually(() => seen.ended)
        socket.end()
        yield* eventually(() => seen.closed)
        assert.strictEqual(seen.text, "hi")
      }
      assert.strictEqual(api.asked.length, 1)
    })
  )

  it.scopedLive("that the pod refuses is reset, and the program hears why", () =>
    Effect.gen(function* () {
      const api = yield* cluster(kubelet((remote) => remote.end("dial tcp4 127.0.0.1:80: connect: connection refused")))
      const told = yield* Deferred.make<KubeError>()
      const onError = (error: KubeError) => Effect.asVoid(Deferred.succeed(told, error))
      const { port } = yield* on(api, PortForward.listen("web-0", 80, { onError }))
      const { seen } = dial(port)
      const error = yield* Deferred.await(told)
      if (error._tag !== "PortForwardError") return assert.fail(error._tag)
      assert.deepStrictEqual([error.reason, error.pod, error.port], ["Refused", "web-0", 80])
      assert.include(error.message, 'nothing listens on port 80 of pod "web-0"')
      yield* eventually(() => seen.closed)
      assert.strictEqual(seen.error, "ECONNRESET")
    })
  )

  it.scopedLive("that the pod resets is reset, and the program hears of it once", () =>
    Effect.gen(function* () {
      const remotes: Array<Remote> = []
      const told: Array<KubeError> = []
      const api = yield* cluster(kubelet((remote) => (remotes.push(remote), remote.send("half"))))
      const onError = (error: KubeError) => Effect.sync(() => void told.push(error))
      const { port } = yield* on(api, PortForward.listen("web-0", 80, { onError }))
      const { seen } = dial(port)
      yield* eventually(() => seen.text === "half")
      remotes[0]?.reset()
      yield* eventually(() => seen.closed)
      assert.strictEqual(seen.error, "ECONNRESET")
      assert.deepStrictEqual(
        told.map(({ message }) => message),
        ['port 80 of pod "web-0": the connection was reset']
      )
    })
  )

  for (const [name, bytes] of [
    ["malformed frames", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n").fill(0xff, 0, 1)],
    ["frames of another version", Buffer.from([0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1])]
  ] as const) {
    it.scopedLive(`fails by its tag: ${name}`, () =>
      Effect.gen(function* () {
        const api = yield* cluster((socket) => socket.once("message", () => socket.send(bytes)))
        const error = yield* Effect.flip(on(api, PortForward.duplex("web-0", 80)))
        if (error._tag !== "TransportError") return assert.fail(error._tag)
        assert.strictEqual(error.reason, "Protocol")
      })
    )
  }

  it.scopedLive("that nobody reads holds the pod back", () =>
    Effect.gen(function* () {
      const block = Buffer.alloc(64 * 1024)
      let sent = 0
      const remotes: Array<Remote> = []
      const api = yield* cluster(kubelet((remote) => remotes.push(remote)))
      const { port } = yield* on(api, PortForward.listen("web-0", 80))
      const { seen, socket } = dial(port)
      socket.pause()
      yield* eventually(() => remotes.length === 1)
      const remote = remotes[0]
      if (remote === undefined) return assert.fail("no connection")
      const total = 400
      const pump = Effect.suspend(() => {
        while (sent < total && remote.socket.bufferedAmount < 1024 * 1024) {
          remote.send(block)
          sent++
        }
        return Effect.delay(Effect.void, "1 millis")
      })
      // Until nothing moves any more: the buffers of the sockets in between are full.
      let before = -1
      while (before !== sent) {
        before = sent
        for (let turn = 0; turn < 40; turn++) yield* pump
      }
      assert.isBelow(sent, total)
      let length = 0
      socket.removeAllListeners("data")
      socket.on("data", (bytes: Buffer) => (length += bytes.length))
      socket.resume()
      yield* Effect.repeat(pump, { until: () => sent >= total })
      remote.end()
      yield* eventually(() => seen.ended)
      assert.strictEqual(length, total * block.length)
      socket.end()
    })
  )
})

describe("many connections at once", () => {
  it.scopedLive("to many listeners: each has a port that the system found free", () =>
    Effect.gen(function* () {
      const api = yield* cluster(kubelet((remote) => (remote.send("hi", true), remote.end())))
      const forwards = yield* on(
        api,
        Effect.all(
          Array.from({ length: 30 }, () => PortForward.listen("web-0", 80)),
          { concurrency: "unbounded" }
        )
      )
      assert.strictEqual(new Set(forwards.map(({ port }) => port)).size, 30)
      const clients = forwards.map(({ port }) => dial(port))
      yield* eventually(() => clients.every(({ seen }) => seen.text === "hi"))
    })
  )

  it.scopedLive("that are short go through few tunnels", () =>
    Effect.gen(function* () {
      const api = yield* cluster(kubelet((remote) => (remote.send("hi", true), remote.end())))
      const { port } = yield* on(api, PortForward.listen("web-0", 80))
      const clients = Array.from({ length: 100 }, () => dial(port))
      for (const { socket } of clients) socket.on("end", () => socket.end())
      yield* eventually(() => clients.every(({ seen }) => seen.closed))
      assert.deepStrictEqual([...new Set(clients.map(({ seen }) => seen.text))], ["hi"])
      assert.isAtMost(api.asked.length, 50)
    })
  )

  it.scopedLive("that stay have a tunnel each", () =>
    Effect.gen(function* () {
      const api = yield* cluster(kubelet((remote) => remote.send("hi")))
      const { port } = yield* on(api, PortForward.listen("web-0", 80))
      const clients = Array.from({ length: 40 }, () => dial(port))
      yield* eventually(() => clients.every(({ seen }) => seen.text === "hi"))
      assert.strictEqual(api.open.size, 40)
    })
  )

  it.scopedLive("that nobody wants any more take no tunnel from the others", () =>
    Effect.gen(function* () {
      const api = yield* cluster(kubelet((remote) => (remote.send("hi", true), remote.end())))
      const { port } = yield* on(api, PortForward.listen("web-0", 80))
      const left = Array.from({ length: 30 }, () => dial(port))
      const stays = Array.from({ length: 10 }, () => dial(port))
      for (const { socket } of left) socket.destroy()
      yield* eventually(() => stays.every(({ seen }) => seen.text === "hi"))
    })
  )
})

describe("what the pod sends", () => {
  it.scopedLive("is not lost while nobody reads: thousands of messages, in their order", () =>
    Effect.gen(function* () {
      const remotes: Array<Remote> = []
      const api = yield* cluster(kubelet((remote) => remotes.push(remote)))
      const { port } = yield* on(api, PortForward.listen("web-0", 80))
      const { seen, socket } = dial(port)
      socket.pause()
      yield* eventually(() => remotes.length === 1)
      const lines = Array.from({ length: 5000 }, (_, line) => `${line}\n`)
      for (const line of lines) remotes[0]?.send(line)
      remotes[0]?.end()
      yield* eventually(() => remotes[0]?.socket.bufferedAmount === 0)
      socket.resume()
      yield* eventually(() => seen.ended)
      assert.strictEqual(seen.text, lines.join(""))
    })
  )

  it.scopedLive("waits in the program with bounded bytes", () =>
    Effect.gen(function* () {
      const remotes: Array<Remote> = []
      const api = yield* cluster(kubelet((remote) => remotes.push(remote)))
      const stream = yield* on(api, PortForward.duplex("web-0", 80))
      const [remote] = remotes
      if (remote === undefined) return assert.fail("no connection")
      const block = Buffer.alloc(32 * 1024)
      const total = 2000
      let read = 0
      for (let count = 0; count < total; count++) remote.send(block)
      remote.end()
      let most = 0
      yield* Effect.async<void>((resume) => {
        // A little at a time: what has come meanwhile is what waits.
        const step = () => {
          most = Math.max(most, stream.readableLength)
          const bytes: unknown = stream.read(Math.min(1024 * 1024, stream.readableLength)) ?? Buffer.alloc(0)
          if (bytes instanceof Uint8Array) read += bytes.length
          if (stream.readableEnded || stream.errored !== null) resume(Effect.void)
          else setImmediate(step)
        }
        step()
      })
      assert.strictEqual(read, total * block.length)
      // One handful of messages, and the stream's own mark.
      assert.isAtMost(most, 2 * 1024 * 1024)
    })
  )
})

describe("without a local port", () => {
  /** A kubelet whose pods have a real server behind the port. */
  const behind = (server: number) => {
    const upstreams = new Map<Remote, net.Socket>()
    return kubelet(
      (remote) => {
        const upstream = net.connect(server, "127.0.0.1")
        upstreams.set(remote, upstream)
        upstream.on("data", (bytes: Buffer) => remote.send(bytes))
        upstream.on("error", () => {})
        upstream.on("close", () => remote.end())
      },
      (remote, bytes) => void upstreams.get(remote)?.write(bytes)
    )
  }

  it.scopedLive("an HttpClient keeps its connections, and no connection is an error with its cause", () =>
    Effect.gen(function* () {
      const { count, port } = yield* httpServer((request, response) =>
        json(response, [request.headers.host, request.url])
      )
      const api = yield* cluster(behind(port))
      const ask = Effect.flatMap(HttpClient.get("http://web.example:81/path"), ({ json }) => json)
      const asked = Effect.all([ask, ask, ask]).pipe(
        Effect.provide(PortForward.layerHttpClient("web-0", "http", { connections: 1 }))
      )
      assert.deepStrictEqual(yield* on(api, asked), [
        ["web.example:81", "/path"],
        ["web.example:81", "/path"],
        ["web.example:81", "/path"]
      ])
      assert.strictEqual(count.opened, 1)
      yield* eventually(() => api.open.size === 0)

      const refusing = yield* cluster(kubelet((remote) => remote.end("connect: connection refused")))
      const http = yield* on(refusing, PortForward.httpClient("web-0", 80))
      const error = yield* Effect.flip(http.get("http://web/"))
      if (error._tag !== "RequestError") return assert.fail(error._tag)
      assert.include(JSON.stringify(error.cause), "Refused")
    })
  )

  it.scopedLive("an HttpClient speaks TLS with the pod, and trusts only whom it should", () =>
    Effect.gen(function* () {
      const authority = yield* Pki.makeAuthority()
      const issued = yield* Pki.issue(authority, { commonName: "web", dnsNames: ["web.example"] })
      const { port } = yield* httpsServer({ cert: issued.certificate, key: issued.privateKey }, (_, response) =>
        json(response, "secret")
      )
      const api = yield* cluster(behind(port))
      const trusting = yield* on(
        api,
        PortForward.httpClient("web-0", 443, { tls: { ca: authority.certificate }, connections: 1 })
      )
      const answer = yield* trusting.get("https://web.example/")
      assert.strictEqual(yield* answer.json, "secret")
      const other = yield* Effect.flip(trusting.get("https://other.example/"))
      assert.include(String(other.cause), "ERR_TLS_CERT_ALTNAME_INVALID")
      const doubting = yield* on(api, PortForward.httpClient("web-0", 443))
      const error = yield* Effect.flip(doubting.get("https://web.example/"))
      assert.strictEqual(error._tag, "RequestError")
    })
  )

  it.scopedLive("a Socket writes and reads, and each run is a connection", () =>
    Effect.gen(function* () {
      const api = yield* cluster(
        kubelet(
          () => {},
          (remote, bytes) => {
            if (bytes.length === 0) return
            remote.send(`got ${bytes.toString()}`, true)
            remote.end()
          }
        )
      )
      const socket = yield* on(api, PortForward.socket("web-0", 80))
      for (const word of ["one", "two"]) {
        const heard: Array<string> = []
        yield* Effect.scoped(
          Effect.flatMap(socket.writer, (write) =>
            Effect.all([socket.run((bytes) => void heard.push(Buffer.from(bytes).toString())), write(word)], {
              concurrency: 2
            })
          )
        )
        assert.strictEqual(heard.join(""), `got ${word}`)
      }
    })
  )

  it.scopedLive("what a pod does not read holds the program back, with bounded bytes on the way", () =>
    Effect.gen(function* () {
      let socket: WebSocket | undefined
      const api = yield* cluster((opened) => {
        socket = opened
        kubelet(() => opened.pause())(opened)
      })
      const stream = yield* on(api, PortForward.duplex("web-0", 80))
      const seen = { taken: 0 }
      const block = Buffer.alloc(64 * 1024)
      const pump = Effect.async<boolean>((resume) => {
        if (!stream.writableNeedDrain && stream.write(block, () => seen.taken++)) return resume(Effect.succeed(true))
        setImmediate(() => resume(Effect.succeed(false)))
      })
      let still = 0
      while (still < 200 && seen.taken < 2000) still = (yield* pump) ? 0 : still + 1
      assert.isBelow(seen.taken, 2000)
      assert.isAtMost(stream.writableLength, 1024 * 1024 + block.length)
      socket?.resume()
      yield* eventually(() => stream.writableLength === 0)
    })
  )
})

describe("the scope", () => {
  it.live("ends listeners, connections and tunnels", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const api = yield* cluster(kubelet(() => {}))
        const scope = yield* Scope.make()
        const listening = PortForward.listen("web-0", { remote: 80, address: ["127.0.0.1", "127.0.0.2"] })
        const forward = yield* Scope.extend(on(api, listening), scope)
        assert.strictEqual(forward.addresses[1]?.port, forward.port)
        const clients = [dial(forward.port), dial(forward.port, "127.0.0.2")]
        yield* eventually(() => api.open.size === 2)
        yield* Scope.close(scope, Exit.void)
        yield* eventually(() => clients.every(({ seen }) => seen.ended) && api.open.size === 0)
        const late = [dial(forward.port), dial(forward.port, "127.0.0.2")]
        yield* eventually(() => late.every(({ seen }) => seen.error === "ECONNREFUSED"))
      })
    )
  )

  it.scopedLive("a local port that is taken is an error, and nothing is left open", () =>
    Effect.gen(function* () {
      const api = yield* cluster(kubelet(() => {}))
      const first = yield* on(api, PortForward.listen("web-0", 80))
      const second = PortForward.listen("web-0", { remote: 80, local: first.port })
      const error = yield* Effect.flip(Effect.scoped(on(api, second)))
      if (error._tag !== "PortForwardError") return assert.fail(error._tag)
      assert.strictEqual(error.reason, "Listen")
      assert.include(error.message, "is taken")
      yield* eventually(() => api.open.size === 1)
    })
  )
})

describe("time", () => {
  /** The clock of the machine: servers and sockets know no other one. */
  const really = Effect.withClock(Clock.make())
  const soon = (condition: () => boolean) => really(eventually(condition))
  /** Until somebody waits for that long from now. */
  const waitedFor = (millis: number) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      while (!Array.from(yield* TestClock.sleeps()).includes(now + millis)) yield* really(Effect.sleep("2 millis"))
    })
  /** What the server has sent until now has been handled by the program. */
  const taken = (socket: WebSocket) =>
    really(
      Effect.gen(function* () {
        yield* Effect.async<void>((resume) => {
          socket.once("pong", () => resume(Effect.void))
          socket.ping("x")
        })
        for (let turn = 0; turn < 10; turn++)
          yield* Effect.async<void>((resume) => void setImmediate(resume, Effect.void))
      })
    )

  it.scoped("a tunnel that answers pings stays, however long nothing is said", () =>
    Effect.gen(function* () {
      let pings = 0
      const remotes: Array<Remote> = []
      const api = yield* cluster(
        kubelet(
          (remote) => remotes.push(remote),
          undefined,
          (socket, id) => (pings++, socket.send(spdy.ping(id)))
        )
      )
      const { port } = yield* on(api, PortForward.listen("web-0", 80))
      const { seen } = dial(port)
      yield* soon(() => remotes.length === 1)
      const [remote] = remotes
      if (remote === undefined) return assert.fail("no connection")
      for (let beat = 1; beat <= 5; beat++) {
        yield* waitedFor(30_000)
        yield* TestClock.adjust("30 seconds")
        yield* soon(() => pings === beat)
        yield* taken(remote.socket)
      }
      remote.send("still here")
      yield* soon(() => seen.text === "still here")
    })
  )

  it.scoped("a tunnel that does not answer is given up, with its connection, and the next one has another", () =>
    Effect.gen(function* () {
      let pings = 0
      const remotes: Array<Remote> = []
      const api = yield* cluster(
        kubelet(
          (remote) => remotes.push(remote),
          undefined,
          () => pings++
        )
      )
      const told = yield* Deferred.make<KubeError>()
      const onError = (error: KubeError) => Effect.asVoid(Deferred.succeed(told, error))
      const { port } = yield* on(api, PortForward.listen("web-0", 80, { onError }))
      const { seen } = dial(port)
      yield* soon(() => remotes.length === 1)
      yield* TestClock.adjust("30 seconds")
      yield* soon(() => pings === 1)
      assert.strictEqual(seen.closed, false)
      yield* waitedFor(30_000)
      yield* TestClock.adjust("30 seconds")
      assert.include((yield* Deferred.await(told)).message, "does not answer any more")
      yield* soon(() => seen.error === "ECONNRESET" && api.open.size === 0)
      const next = dial(port)
      yield* soon(() => remotes.length === 2)
      remotes[1]?.send("hi")
      yield* soon(() => next.seen.text === "hi")
    })
  )

  it.scoped("the kubelet's pings are answered", () =>
    Effect.gen(function* () {
      const ids: Array<number> = []
      const api = yield* cluster((socket) => {
        kubelet(
          () => {},
          undefined,
          (_, id) => ids.push(id)
        )(socket)
        socket.send(spdy.ping(2))
      })
      yield* on(api, PortForward.listen("web-0", 80))
      yield* soon(() => ids.includes(2))
    })
  )

  it.scoped("a tunnel that nobody has needed for a while is closed, and opened again when somebody does", () =>
    Effect.gen(function* () {
      const api = yield* cluster(kubelet((remote) => (remote.send("hi", true), remote.end())))
      const { port } = yield* on(api, PortForward.listen("web-0", 80))
      const [tunnel] = api.open
      if (tunnel === undefined) return assert.fail("no tunnel")
      for (const beat of [1, 2]) {
        assert.strictEqual(api.open.size, 1, `before beat ${beat}`)
        yield* waitedFor(30_000)
        yield* TestClock.adjust("30 seconds")
        yield* taken(tunnel)
      }
      // The first look finds it; the second one, that nobody has needed it since.
      assert.strictEqual(api.open.size, 1)
      yield* waitedFor(60_000)
      yield* TestClock.adjust("30 seconds")
      yield* taken(tunnel)
      yield* TestClock.adjust("30 seconds")
      yield* soon(() => api.open.size === 0)
      const { seen } = dial(port)
      yield* soon(() => seen.text === "hi")
      assert.strictEqual(api.asked.length, 2)
    })
  )

  it.scoped("a kubelet that does not accept the connection is not waited for without end", () =>
    Effect.gen(function* () {
      const api = yield* cluster(() => {})
      const opening = yield* Effect.fork(Effect.flip(on(api, PortForward.duplex("web-0", 80))))
      yield* waitedFor(30_000)
      yield* Effect.forkScoped(
        Effect.forever(Effect.zipRight(TestClock.adjust("5 seconds"), really(Effect.sleep("5 millis"))))
      )
      const error = yield* Fiber.join(opening)
      assert.strictEqual(error._tag, "TransportError")
    })
  )

  it.scoped("on the older protocol, a client that has ended its input has 10 seconds after each word of the pod", () =>
    Effect.gen(function* () {
      const opened: Array<WebSocket> = []
      const heard: Array<string> = []
      const api = yield* cluster(
        (socket) => {
          opened.push(socket)
          socket.on("message", (data: Buffer) => heard.push(data.subarray(1).toString()))
          socket.send(message(0, Buffer.from([80, 0])))
          socket.send(message(1, Buffer.from([80, 0])))
        },
        undefined,
        { protocol: "v4.channel.k8s.io" }
      )
      const { port } = yield* on(api, PortForward.listen("web-0", 80))
      const { seen, socket } = dial(port)
      socket.end("question")
      yield* soon(() => heard.length === 1)
      yield* waitedFor(10_000)
      for (const word of ["one", "two", "three"]) {
        for (const tunnel of opened) if (tunnel.readyState === tunnel.OPEN) tunnel.send(message(0, word))
        yield* soon(() => seen.text.endsWith(word))
        yield* TestClock.adjust("10 seconds")
        yield* waitedFor(10_000)
        assert.strictEqual(seen.ended, false)
      }
      yield* TestClock.adjust("10 seconds")
      yield* soon(() => seen.closed && api.open.size === 0)
      assert.strictEqual(seen.text, "onetwothree")
    })
  )
})

describe("what goes wrong", () => {
  it.scopedLive("is logged where nobody asks to hear of it", () =>
    Effect.gen(function* () {
      const api = yield* cluster(kubelet((remote) => remote.end("connect: connection refused")))
      const warnings = yield* e2e.loggedWarnings(
        Effect.scoped(
          Effect.gen(function* () {
            const { port } = yield* on(api, PortForward.listen("web-0", 80))
            const { seen } = dial(port)
            yield* eventually(() => seen.closed)
          })
        )
      )
      assert.strictEqual(warnings.length, 1, warnings.join("; "))
      assert.include(warnings[0], 'nothing listens on port 80 of pod "web-0"')
    })
  )

  it.scopedLive("with a client is its own affair: one that goes away is no error, and the next is served", () =>
    Effect.gen(function* () {
      const remotes: Array<Remote> = []
      const api = yield* cluster(kubelet((remote) => (remotes.push(remote), remote.send("hi"))))
      const told: Array<KubeError> = []
      const onError = (error: KubeError) => Effect.sync(() => void told.push(error))
      const { port } = yield* on(api, PortForward.listen("web-0", 80, { onError }))
      for (const leave of [
        (socket: net.Socket) => socket.resetAndDestroy(),
        (socket: net.Socket) => socket.destroy(),
        (socket: net.Socket) => socket.end()
      ]) {
        const { seen, socket } = dial(port)
        yield* eventually(() => seen.text === "hi")
        leave(socket)
        const remote = remotes.at(-1)
        yield* eventually(() => remote?.wasReset === true || remote?.ended === true)
        remote?.end()
      }
      const { seen } = dial(port)
      yield* eventually(() => seen.text === "hi")
      assert.deepStrictEqual(told, [])
    })
  )

  it.scopedLive("is not the wrong protocol: both that there are go out, the newer one first", () =>
    Effect.gen(function* () {
      const api = yield* cluster(kubelet(() => {}))
      yield* on(api, PortForward.listen("web-0", 80))
      // As the server's library has read it, which takes no slash.
      assert.deepStrictEqual(api.asked[0]?.headers["sec-websocket-protocol"]?.replace("|", "/").split(/, */), [
        tunnel,
        "v4.channel.k8s.io"
      ])
    })
  )

  it.scopedLive("on one of several addresses leaves none of them listening", () =>
    Effect.gen(function* () {
      const api = yield* cluster(kubelet(() => {}))
      const { port } = yield* on(api, PortForward.listen("web-0", { remote: 80, address: "127.0.0.2" }))
      const both = { remote: 80, local: port, address: ["127.0.0.1", "127.0.0.2"] }
      const error = yield* Effect.flip(on(api, PortForward.listen("web-0", both)))
      assert.include(error.message, `cannot listen on 127.0.0.2 port ${port}`)
      const { seen } = dial(port)
      yield* eventually(() => seen.closed)
      assert.strictEqual(seen.error, "ECONNREFUSED")
    })
  )

  it.scopedLive("does not matter to who has stopped waiting: an interrupted call leaves no tunnel", () =>
    Effect.gen(function* () {
      const closed: Array<boolean> = []
      const api = yield* cluster(
        kubelet(() => {}),
        undefined,
        {
          refuse: (_, socket) => {
            socket.once("end", () => closed.push(true))
            socket.resume()
            return true
          }
        }
      )
      const opening = yield* Effect.fork(on(api, PortForward.listen("web-0", 80)))
      yield* eventually(() => api.asked.length === 1)
      yield* Fiber.interrupt(opening)
      yield* eventually(() => closed.length === 1)
    })
  )
})

describe("ports", () => {
  const cases: ReadonlyArray<readonly [spec: object, port: number | string, found: number | string]> = [
    [{ ports: [{ port: 80, targetPort: 8080 }] }, 80, 8080],
    [{ ports: [{ port: 80, targetPort: "http" }] }, 80, 8080],
    [{ ports: [{ name: "web", port: 80, targetPort: "http" }] }, "web", 8080],
    [{ ports: [{ port: 80 }] }, 80, 80],
    [{ clusterIP: "None", ports: [{ port: 80, targetPort: 8080 }] }, 80, 80],
    [{ ports: [{ port: 80 }] }, 81, 'port 81 of service "web" is not there: it has 80'],
    [{ ports: [{ name: "web", port: 80 }] }, "http", "it has web (80)"],
    [{ ports: [{ port: 53, protocol: "UDP" }] }, 53, "only TCP"],
    [{ ports: [{ port: 80, targetPort: "nobody" }] }, 80, 'port "nobody" of pod "web-0" is not there']
  ]
  for (const [spec, port, found] of cases) {
    it.scopedLive(`${port} of a service with ${JSON.stringify(spec)}`, () =>
      Effect.gen(function* () {
        const remotes: Array<Remote> = []
        const api = yield* cluster(
          kubelet((remote) => remotes.push(remote)),
          { "/api/v1/namespaces/default/services/web": () => service(spec), watch: () => pod("web-0") }
        )
        const opened = on(api, PortForward.duplex(Pods.of(Service, "web"), port))
        if (typeof found === "number") {
          yield* opened
          assert.strictEqual(remotes[0]?.port, found)
        } else {
          const error = yield* Effect.flip(opened)
          assert.strictEqual(error._tag, "InvalidRequest")
          assert.include(error.message, found)
        }
      })
    )
  }
  it.scopedLive("80 of a kind of the same name in another group is the pod's own", () =>
    Effect.gen(function* () {
      const remotes: Array<Remote> = []
      const other = { ...service({ ports: [{ port: 80, targetPort: 8080 }] }), apiVersion: "serving.knative.dev/v1" }
      const api = yield* cluster(
        kubelet((remote) => remotes.push(remote)),
        { watch: () => pod("web-0") }
      )
      const kind: Pods.Workload = { kind: "Service", get: () => Effect.succeed(other) }
      yield* on(api, PortForward.duplex(Pods.of(kind, "web"), 80))
      assert.strictEqual(remotes[0]?.port, 80)
    })
  )

  for (const [port, problem] of [
    ["nobody", "it has http (8080), dns (53)"],
    ["dns", "only TCP"],
    [0, "from 1 to 65535"],
    [70000, "from 1 to 65535"]
  ] as const) {
    it.scopedLive(`${port} of a pod is an error`, () =>
      Effect.gen(function* () {
        const api = yield* cluster(kubelet(() => {}))
        const error = yield* Effect.flip(on(api, PortForward.listen("web-0", port)))
        assert.strictEqual(error._tag, "InvalidRequest")
        assert.include(error.message, problem)
      })
    )
  }
})

describe("the pod", () => {
  it.scopedLive("that is gone makes way for another one, with pauses between the tries", () =>
    Effect.gen(function* () {
      let name = "web-0"
      const refuse: Options["refuse"] = (request, socket) =>
        (request.url ?? "").includes("/web-0/") && name !== "web-0"
          ? refusal(socket, 404, { kind: "Status", apiVersion: "v1", status: "Failure", code: 404, reason: "NotFound" })
          : false
      const api = yield* cluster(
        kubelet((remote) => (remote.send(name, true), remote.end())),
        {
          "/api/v1/namespaces/default/services/web": () => service({ ports: [{ port: 80 }] }),
          watch: () => pod(name)
        },
        { refuse }
      )
      const { port } = yield* on(api, PortForward.listen(Pods.of(Service, "web"), 80))
      const ask = () => {
        const { seen, socket } = dial(port)
        return Effect.as(
          eventually(() => seen.ended),
          seen
        ).pipe(Effect.tap(() => Effect.sync(() => socket.end())))
      }
      assert.strictEqual((yield* ask()).text, "web-0")
      name = "web-1"
      for (const socket of api.open) socket.terminate()
      yield* eventually(() => api.open.size === 0)
      assert.strictEqual((yield* ask()).text, "web-1")
    })
  )

  it.scopedLive("that is never reached is not asked without end", () =>
    Effect.gen(function* () {
      let broken = false
      const refuse: Options["refuse"] = (_, socket) =>
        broken
          ? refusal(socket, 500, {
              kind: "Status",
              apiVersion: "v1",
              status: "Failure",
              code: 500,
              reason: "InternalError"
            })
          : false
      const api = yield* cluster(
        kubelet(() => {}),
        undefined,
        { refuse }
      )
      const told = yield* Deferred.make<KubeError>()
      const onError = (error: KubeError) => Effect.asVoid(Deferred.succeed(told, error))
      const { port } = yield* on(api, PortForward.listen("web-0", 80, { onError }))
      broken = true
      for (const socket of api.open) socket.terminate()
      yield* eventually(() => api.open.size === 0)
      const { seen } = dial(port)
      assert.strictEqual((yield* Deferred.await(told))._tag, "InternalError")
      yield* eventually(() => seen.closed)
      assert.isAtMost(api.asked.length, 5)
    })
  )
})

describe("a server before Kubernetes 1.31", () => {
  it.scopedLive("speaks two channels", () =>
    Effect.gen(function* () {
      const port = Buffer.from([0x90, 0x1f])
      const api = yield* cluster(
        (socket) => {
          socket.send(message(0, port))
          socket.send(message(1, port))
          socket.on("message", (data: Buffer) => {
            socket.send(message(data[0] ?? 9, `got ${data.subarray(1).toString()}`))
            socket.close(1000)
          })
        },
        undefined,
        { protocol: "v4.channel.k8s.io" }
      )
      const forward = yield* on(api, PortForward.listen("web-0", 8080))
      const { seen, socket } = dial(forward.port)
      socket.write("hello")
      yield* eventually(() => seen.ended)
      socket.end()
      assert.strictEqual(seen.text, "got hello")
      assert.include(api.asked[0]?.url, "ports=8080")
    })
  )

  it.scopedLive("tells in its second channel why it failed", () =>
    Effect.gen(function* () {
      const api = yield* cluster(
        (socket) => {
          socket.send(message(0, Buffer.from([80, 0])))
          socket.send(message(1, Buffer.concat([Buffer.from([80, 0]), Buffer.from("connection refused")])))
          socket.close(1000)
        },
        undefined,
        { protocol: "v4.channel.k8s.io" }
      )
      const told = yield* Deferred.make<KubeError>()
      const onError = (error: KubeError) => Effect.asVoid(Deferred.succeed(told, error))
      const forward = yield* on(api, PortForward.listen("web-0", 80, { onError }))
      const { seen } = dial(forward.port)
      const error = yield* Deferred.await(told)
      assert.strictEqual(error._tag === "PortForwardError" ? error.reason : error._tag, "Refused")
      yield* eventually(() => seen.closed)
    })
  )
})
