/** WebSockets on the way to a server that is not always there, through what lies between. */
import { NodeContext, NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Exit, Fiber, Layer, Scope, Stream, TestClock } from "effect"
import {
  Auth,
  Http,
  KubeClient,
  Pod,
  TransportError,
  type ConfigError,
  type ExecFailed,
  type KubeError
} from "effect-kubernetes"
import * as PlatformHttp from "effect-kubernetes/layers/PlatformHttp"
import type { TLSSocket } from "node:tls"
import type { WebSocket } from "ws"
import { clientOf, configOf, type Options as ClientOptions } from "../support/client.js"
import * as Pki from "../support/pki.js"
import { closedPort, connectProxy, eventually, socks5Proxy, tcpServer } from "../support/server.js"
import { message, server, type Options } from "../support/webSocket.js"

/** On the clock of the machine, where the test has one of its own. */
const really = Effect.withClock(Clock.make())

const base64 = (text: string) => Buffer.from(text).toString("base64")

const where = { container: "main", namespace: "team" }
const exec = Pod.exec("box", ["run"], where)

/** How an exec is not answered: its reason and its message. */
const failed = (url: string, options?: ClientOptions) =>
  Effect.map(Effect.flip(Effect.provide(exec, clientOf(url, options))), (error) =>
    error instanceof TransportError ? [error.reason, error.description] : assert.fail(`${error._tag}: ${error.message}`)
  )

const plain = (port: number) => `http://127.0.0.1:${port}`

const succeeds = (socket: WebSocket) => {
  socket.send(message(1, "out"))
  socket.send(message(3, '{"status":"Success"}'))
  socket.close(1000)
}

const done = { stdout: "out", stderr: "", exitCode: 0 }

describe("what lies between", () => {
  const made = Effect.runPromise(
    Effect.gen(function* () {
      const authority = yield* Pki.makeAuthority()
      const stranger = yield* Pki.makeAuthority({ commonName: "stranger" })
      const names = { commonName: "kube-apiserver", dnsNames: ["api.internal"] }
      return {
        authority,
        stranger,
        server: yield* Pki.issue(authority, names),
        client: yield* Pki.issue(authority, { commonName: "jane" })
      }
    })
  )
  /** A server that knows its clients by their certificates. */
  const secure = Effect.gen(function* () {
    const pki = yield* Effect.promise(() => made)
    const holders: Array<unknown> = []
    const reused: Array<boolean> = []
    const { port } = yield* server(succeeds, {
      refuse: ({ socket }) => {
        // The server is one of TLS.
        const connection = socket as TLSSocket
        holders.push(connection.getPeerCertificate().subject.CN)
        reused.push(connection.isSessionReused())
        return false
      },
      tls: {
        cert: pki.server.certificate,
        key: pki.server.privateKey,
        ca: pki.authority.certificate,
        requestCert: true
      }
    })
    const cluster = {
      "certificate-authority-data": base64(pki.authority.certificate),
      "tls-server-name": "api.internal"
    }
    const user = {
      "client-certificate-data": base64(pki.client.certificate),
      "client-key-data": base64(pki.client.privateKey)
    }
    return {
      holders,
      reused,
      port,
      cluster,
      user,
      stranger: { "certificate-authority-data": base64(pki.stranger.certificate) }
    }
  })
  it.live("is TLS, with certificates of both sides", () =>
    Effect.gen(function* () {
      const { cluster, holders, port, stranger, user } = yield* secure
      const url = `https://127.0.0.1:${port}`
      assert.deepStrictEqual(yield* Effect.provide(exec, clientOf(url, { cluster, user })), done)
      const [untrusted, why] = yield* failed(url, { cluster: { ...cluster, ...stranger }, user })
      assert.strictEqual(untrusted, "Tls")
      assert.include(why, "an authority that is not trusted")
      const [misnamed] = yield* failed(url, { cluster: { ...cluster, "tls-server-name": "api.other" }, user })
      assert.strictEqual(misnamed, "Tls")
      assert.deepStrictEqual(holders, ["jane"])
    }).pipe(Effect.scoped)
  )

  it.live("is TLS, whose handshake the next connection need not make again", () =>
    Effect.gen(function* () {
      const { cluster, holders, port, reused, user } = yield* secure
      yield* Effect.provide(Effect.all([exec, exec, exec]), clientOf(`https://127.0.0.1:${port}`, { cluster, user }))
      assert.deepStrictEqual(reused, [false, true, true])
      // Whose connection it is, the server still knows.
      assert.deepStrictEqual(holders, ["jane", "jane", "jane"])
    }).pipe(Effect.scoped)
  )

  for (const isTls of [false, true]) {
    it.live(`reads masked messages where there is ${isTls ? "TLS: the mask is nothing" : "no TLS"}`, () =>
      Effect.gen(function* () {
        const pki = yield* Effect.promise(() => made)
        const came: Array<Buffer> = []
        const { port } = yield* server((socket) => socket.on("message", () => succeeds(socket)), {
          ...(isTls ? { tls: { cert: pki.server.certificate, key: pki.server.privateKey } } : {}),
          refuse: (_, socket) => {
            // A copy: the server takes the mask off where the bytes lie.
            socket.on("data", (bytes: Buffer) => came.push(Buffer.from(bytes)))
            return false
          }
        })
        const cluster = {
          "certificate-authority-data": base64(pki.authority.certificate),
          "tls-server-name": "api.internal"
        }
        const text = "GET / HTTP/1.1"
        yield* Pod.exec("box", ["run"], { ...where, stdin: text }).pipe(
          Effect.provide(isTls ? clientOf(`https://127.0.0.1:${port}`, { cluster }) : clientOf(plain(port)))
        )
        const frame = Buffer.concat(came)
        assert.strictEqual((frame[1] ?? 0) & 0x80, 0x80, "the bit that every message of a client has")
        assert.strictEqual(frame.readUInt32BE(2) === 0, isTls)
        assert.strictEqual(frame.includes(text), isTls)
      }).pipe(Effect.scoped)
    )
  }

  it.live("is a proxy, which sees neither the request nor the token", () =>
    Effect.gen(function* () {
      const { cluster, holders, port, user } = yield* secure
      const proxy = yield* connectProxy(port)
      const behind = (more: object) => ({ ...cluster, "proxy-url": `http://127.0.0.1:${proxy.port}`, ...more })
      // The name is known to the proxy only.
      const url = "https://kube.test:7443"
      assert.deepStrictEqual(yield* Effect.provide(exec, clientOf(url, { cluster: behind({}), user })), done)
      assert.deepStrictEqual(proxy.asked, ["kube.test:7443"])
      assert.notInclude(proxy.passed(), "/exec")
      const [misnamed] = yield* failed(url, { cluster: behind({ "tls-server-name": "api.other" }), user })
      assert.strictEqual(misnamed, "Tls")

      const socks = yield* socks5Proxy(port)
      const through = { ...cluster, "proxy-url": `socks5://127.0.0.1:${socks.port}` }
      assert.deepStrictEqual(yield* Effect.provide(exec, clientOf(url, { cluster: through, user })), done)
      assert.deepStrictEqual(socks.asked, ["kube.test:7443"])
      assert.deepStrictEqual(holders, ["jane", "jane"])
    }).pipe(Effect.scoped)
  )

  it.live("is a proxy on the way to a server without TLS, and no proxy is not the server's fault", () =>
    Effect.gen(function* () {
      const { port } = yield* server(succeeds)
      const proxy = yield* connectProxy(port)
      const through = (to: number) => ({ cluster: { "proxy-url": `http://127.0.0.1:${to}` } })
      assert.deepStrictEqual(yield* Effect.provide(exec, clientOf("http://kube.test:7080", through(proxy.port))), done)
      assert.deepStrictEqual(proxy.asked, ["kube.test:7080"])
      const closed = yield* closedPort
      assert.deepStrictEqual(yield* failed("http://kube.test:7080", through(closed)), [
        "Refused",
        `nothing listens at the proxy 127.0.0.1:${closed} (connection refused)`
      ])
    }).pipe(Effect.scoped)
  )

  it.live("is the prefix of the server's URL", () =>
    Effect.gen(function* () {
      const { asked, port } = yield* server(succeeds)
      yield* Effect.provide(exec, clientOf(`${plain(port)}/k8s/c-1`))
      assert.match(asked[0]?.url ?? "", /^\/k8s\/c-1\/api\/v1\/namespaces\/team\/pods\/box\/exec\?/)
    }).pipe(Effect.scoped)
  )
})

describe("a server that is not there", () => {
  it.live("refuses, or breaks off", () =>
    Effect.gen(function* () {
      const [refused] = yield* failed(plain(yield* closedPort))
      assert.strictEqual(refused, "Refused")
      const { port } = yield* tcpServer((socket) => socket.destroy())
      const [broken] = yield* failed(plain(port))
      assert.strictEqual(broken, "Reset")
    }).pipe(Effect.scoped)
  )

  it.effect("does not answer: the time limit is the connection's", () =>
    Effect.gen(function* () {
      for (const timeout of ["3 seconds", undefined] as const) {
        const { count, port, sockets } = yield* tcpServer((socket) => socket.resume())
        const run = Effect.provide(Pod.exec("box", ["run"], { ...where, timeout }), clientOf(plain(port)))
        const fiber = yield* Effect.fork(Effect.flip(run))
        yield* really(eventually(() => count.opened === 1))
        yield* TestClock.adjust(timeout ?? "20 seconds")
        const error = yield* Fiber.join(fiber)
        assert.strictEqual(error._tag, "TimeoutError")
        assert.include(error.message, `no answer within ${timeout === undefined ? "20s" : "3s"}`)
        yield* really(eventually(() => sockets.size === 0))
      }
    }).pipe(Effect.scoped)
  )

  it.effect("does not limit what comes after", () =>
    Effect.gen(function* () {
      const { open, port } = yield* server(() => {})
      const run = Effect.provide(Pod.exec("box", ["run"], { ...where, timeout: "3 seconds" }), clientOf(plain(port)))
      const fiber = yield* Effect.fork(run)
      yield* really(eventually(() => open.size === 1))
      yield* TestClock.adjust("20 seconds")
      for (const socket of open) succeeds(socket)
      assert.deepStrictEqual(yield* Fiber.join(fiber), done)
    }).pipe(Effect.scoped)
  )

  it.live("is not asked twice to run a command that it may be running", () =>
    Effect.gen(function* () {
      const refuse: Options["refuse"] = (_, socket) => {
        socket.destroy()
        return true
      }
      const { asked, port } = yield* server(() => {}, { refuse })
      const [reason] = yield* failed(plain(port), { tries: 3 })
      assert.strictEqual(reason, "Reset")
      assert.strictEqual(asked.length, 1)
    }).pipe(Effect.scoped)
  )
})

it.live("an Http layer without WebSockets is a ConfigError", () =>
  Effect.gen(function* () {
    const config = configOf(plain(yield* closedPort))
    const withHttp = (http: Layer.Layer<Http, ConfigError>) =>
      KubeClient.layerWith({}).pipe(Layer.provide([http, Auth.layer]), Layer.provide([config, NodeContext.layer]))
    const platform = PlatformHttp.layer.pipe(Layer.provide([NodeHttpClient.layer, config]))
    const own = Layer.succeed(Http, { request: () => Effect.die("never"), stream: () => Effect.die("never") })
    for (const http of [platform, own]) {
      const calls: ReadonlyArray<Effect.Effect<unknown, ExecFailed | KubeError, KubeClient>> = [
        exec,
        Effect.scoped(Pod.execStream("box", ["run"], where)),
        Effect.scoped(Pod.attach("box", where))
      ]
      for (const call of calls) {
        const error = yield* Effect.flip(Effect.provide(call, withHttp(http)))
        assert.strictEqual(error._tag, "ConfigError")
        assert.include(error.message, "Http.layer has")
      }
    }
  })
)

const stream = (port: number) => Effect.provide(Pod.execStream("box", ["run"], where), clientOf(plain(port)))

describe("the end of a connection", () => {
  for (const [code, reason, says] of [
    [1001, "", "the server closed the connection (1001)"],
    [1001, "going away", "the server closed the connection (1001, going away)"],
    [1009, "too big", "the server closed the connection (1009, too big)"],
    [1011, "internal error", "the server closed the connection (1011, internal error)"]
  ] as const) {
    it.live(`is told with its code and its reason: ${code} ${reason}`, () =>
      Effect.gen(function* () {
        const { port } = yield* server((socket) => socket.close(code, reason))
        assert.deepStrictEqual(yield* failed(plain(port)), ["Reset", says])
      }).pipe(Effect.scoped)
    )
  }

  it.live("is told where there was no farewell", () =>
    Effect.gen(function* () {
      const { port } = yield* server((socket) => socket.terminate())
      const [reason, why] = yield* failed(plain(port))
      assert.strictEqual(reason, "Reset")
      assert.include(why, "broke off")
    }).pipe(Effect.scoped)
  )

  it.live("does not matter after the end of the command", () =>
    Effect.gen(function* () {
      const { port } = yield* server((socket) => {
        socket.send(message(1, "out"))
        socket.send(message(3, '{"status":"Success"}'), () => socket.terminate())
      })
      assert.deepStrictEqual(yield* Effect.provide(exec, clientOf(plain(port))), done)
    }).pipe(Effect.scoped)
  )
})

it.live("text is taken as bytes, and an empty message is nothing", () =>
  Effect.gen(function* () {
    const { port } = yield* server((socket) => {
      socket.send("\u0001grü")
      socket.send("")
      socket.send(message(1, "ße"))
      socket.send('\u0003{"status":"Success"}')
      socket.close(1000)
    })
    assert.deepStrictEqual(yield* Effect.provide(exec, clientOf(plain(port))), { ...done, stdout: "grüße" })
  }).pipe(Effect.scoped)
)

describe("silence", () => {
  it.effect("is no end while the server answers pings", () =>
    Effect.gen(function* () {
      // What follows a pong has been read after it.
      const { port } = yield* server((socket) => socket.on("ping", () => socket.send(message(1, "."))))
      const process = yield* stream(port)
      const beats = yield* Effect.fork(Stream.runCollect(Stream.take(process.stdout, 5)))
      const exit = yield* Effect.fork(process.exitCode)
      for (let beat = 0; beat < 5; beat++) {
        yield* TestClock.adjust("30 seconds")
        yield* really(Effect.sleep("20 millis"))
      }
      yield* Fiber.join(beats)
      assert.strictEqual((yield* Fiber.status(exit))._tag, "Suspended")
    }).pipe(Effect.scoped)
  )

  it.effect("is the end where nothing answers within the time of one more ping", () =>
    Effect.gen(function* () {
      const { open, port } = yield* server((socket) => socket.pause())
      const process = yield* stream(port)
      assert.strictEqual(open.size, 1)
      const exit = yield* Effect.fork(Effect.flip(process.exitCode))
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual((yield* Fiber.status(exit))._tag, "Suspended")
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(exit)
      assert.strictEqual(error._tag, "TransportError")
      assert.include(error.message, "broke off")
    }).pipe(Effect.scoped)
  )

  it.effect(
    "is the end after hours only, where the server may not take its input just now",
    () =>
      Effect.gen(function* () {
        const { port } = yield* server((socket) => socket.pause())
        const process = yield* stream(port)
        const exit = yield* Effect.fork(Effect.flip(process.exitCode))
        yield* Stream.run(Stream.make(Buffer.from("abc")), process.stdin)
        yield* TestClock.adjust("3 hours")
        assert.strictEqual((yield* Fiber.status(exit))._tag, "Suspended")
        yield* TestClock.adjust("61 minutes")
        assert.include((yield* Fiber.join(exit)).message, "broke off")
      }).pipe(Effect.scoped),
    60_000
  )

  it.effect("is none while nobody reads what has come", () =>
    Effect.gen(function* () {
      const sent = yield* Deferred.make<void>()
      const { port } = yield* server((socket) => {
        for (let part = 0; part < 64; part++) socket.send(message(1, Buffer.alloc(64 * 1024)))
        succeeds(socket)
        Effect.runSync(Deferred.succeed(sent, undefined))
      })
      const scope = yield* Scope.make()
      const process = yield* Scope.extend(stream(port), scope)
      yield* Deferred.await(sent)
      yield* really(Effect.sleep("100 millis"))
      yield* TestClock.adjust("5 minutes")
      const length = yield* Stream.runFold(process.stdout, 0, (sum, bytes) => sum + bytes.length)
      assert.strictEqual(length, 64 * 64 * 1024 + 3)
      assert.strictEqual(yield* process.exitCode, 0)
      yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.scoped)
  )
})
