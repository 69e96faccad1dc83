/** The channel protocol of `exec` and `attach`, spoken with a server that does what real ones rarely do. */
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Chunk,
  Clock,
  Deferred,
  Effect,
  Exit,
  Fiber,
  Layer,
  Option,
  Redacted,
  Scope,
  Stream,
  TestClock
} from "effect"
import { Auth, Http, KubeClient, Pod, type ExecFailed, type KubeError } from "effect-kubernetes"
import type { ExecProcess } from "effect-kubernetes/Resource"
import type { Duplex } from "node:stream"
import type { WebSocket } from "ws"
import { clientOf, configOf } from "../support/client.js"
import { eventually, json } from "../support/server.js"
import { message, refusal, server, type Options } from "../support/webSocket.js"

/** On the clock of the machine, where the test has one of its own. */
const really = Effect.withClock(Clock.make())

const success = message(3, '{"status":"Success"}')
const exitCode = (code: string) =>
  message(
    3,
    JSON.stringify({
      status: "Failure",
      reason: "NonZeroExitCode",
      message: `command terminated with non-zero exit code ${code}`,
      details: { causes: [{ reason: "ExitCode", message: code }] }
    })
  )

const exec = (onSocket: (socket: WebSocket) => void, stdin?: string | Uint8Array, options?: Options) =>
  Effect.gen(function* () {
    const { port } = yield* server(onSocket, options)
    return yield* Pod.exec("box", ["run"], {
      container: "main",
      check: false,
      ...(stdin === undefined ? {} : { stdin })
    }).pipe(Effect.provide(clientOf(port)))
  }).pipe(Effect.scoped)

const says =
  (...messages: ReadonlyArray<Buffer>) =>
  (socket: WebSocket) => {
    for (const part of messages) socket.send(part)
    socket.close(1000)
  }

describe("how a command ends", () => {
  it.live("with success, and with other codes", () =>
    Effect.gen(function* () {
      const result = { stdout: "out", stderr: "err", exitCode: 0 }
      const outputs = [message(1, "out"), message(2, "err")]
      assert.deepStrictEqual(yield* exec(says(...outputs, success)), result)
      assert.deepStrictEqual(yield* exec(says(...outputs, exitCode("137"))), { ...result, exitCode: 137 })
    })
  )

  it.live("with an error of the server", () =>
    Effect.gen(function* () {
      const status = { status: "Failure", reason: "InternalError", message: "no such command", code: 500 }
      const error = yield* Effect.flip(exec(says(message(3, JSON.stringify(status)))))
      assert.strictEqual(error._tag, "InternalError")
      assert.include(error.message, "no such command")
    })
  )

  for (const garbage of ["", "no JSON", "[]", "{}", '{"status":7}', "null"]) {
    it.live(`garbage is an error: ${JSON.stringify(garbage)}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(exec(says(message(3, garbage))))
        assert.strictEqual(error._tag, "DecodeError")
      })
    )
  }

  for (const odd of [
    { status: "Failure", details: { causes: 7 } },
    { status: "Failure", reason: "NonZeroExitCode", details: { causes: [null] } },
    { status: "Failure", details: null }
  ]) {
    it.live(`so is a Status of another shape: ${JSON.stringify(odd)}`, () =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(exec(says(message(3, JSON.stringify(odd)))))
        if (Exit.isSuccess(exit)) return assert.fail("it has succeeded")
        assert.strictEqual(Chunk.size(Cause.defects(exit.cause)), 0)
        assert.strictEqual(Chunk.size(Cause.failures(exit.cause)), 1)
      })
    )
  }

  it.live("a code that is no number is an error", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(exec(says(exitCode("x")))))._tag, "InternalError")
    })
  )

  const broken: ReadonlyArray<readonly [name: string, onSocket: (socket: WebSocket) => void]> = [
    ["it is closed as agreed, without a word about the command", says(message(1, "out"))],
    ["it breaks in the middle", (socket) => socket.send(message(1, "out"), () => socket.terminate())],
    [
      "the server fails",
      (socket) => {
        socket.send(message(1, "out"))
        socket.close(1011, "internal error")
      }
    ]
  ]
  for (const [name, onSocket] of broken) {
    it.live(`a connection that ends early is an error: ${name}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(exec(onSocket))
        if (error._tag !== "TransportError") return assert.fail(error._tag)
        assert.strictEqual(error.reason, "Reset")
      })
    )
  }

  it.live("is told before the last output at times, which is not lost", () =>
    Effect.gen(function* () {
      const result = yield* exec(says(message(1, "o"), exitCode("3"), message(1, "ut"), message(2, "err")))
      assert.deepStrictEqual(result, { stdout: "out", stderr: "err", exitCode: 3 })
    })
  )

  it.live("channels that nobody knows, and empty messages, do not matter", () =>
    Effect.gen(function* () {
      const odd = [message(7, "x"), message(200), Buffer.alloc(0), message(1), message(255, Buffer.from([9]))]
      const result = yield* exec(says(...odd, message(1, "out"), success))
      assert.deepStrictEqual(result, { stdout: "out", stderr: "", exitCode: 0 })
    })
  )
})

describe("a refused upgrade is the server's error", () => {
  for (const [code, reason] of [
    [403, "Forbidden"],
    [404, "NotFound"],
    [400, "BadRequest"]
  ] as const) {
    it.live(reason, () =>
      Effect.gen(function* () {
        const status = { kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message: "because" }
        const refuse: Options["refuse"] = (_, socket) => refusal(socket, code, status)
        const { asked, port } = yield* server(() => {}, { refuse })
        const run = Pod.exec("box", ["run"], { container: "main" })
        const error = yield* Effect.flip(Effect.provide(run, clientOf(port, { tries: 3 })))
        assert.strictEqual(error._tag, reason)
        assert.include(error.message, "because")
        assert.strictEqual(asked.length, 1)
      }).pipe(Effect.scoped)
    )
  }

  it.live("but for a token that it takes no more: the command runs with a fresh one, once", () =>
    Effect.gen(function* () {
      let tokens = 0
      const status = { kind: "Status", apiVersion: "v1", status: "Failure", code: 401, reason: "Unauthorized" }
      const refuse: Options["refuse"] = ({ headers }, socket) =>
        headers.authorization === "Bearer t1" && refusal(socket, 401, status)
      const { asked, port } = yield* server(says(message(1, "out"), success), { refuse })
      const auth = Auth.layerToken(Effect.sync(() => Redacted.make(`t${++tokens}`)))
      const client = KubeClient.layer.pipe(Layer.provide(Http.layer), Layer.provide([auth, configOf(port)]))
      const run = Effect.scoped(
        Effect.flatMap(Pod.execStream("box", ["run"], { container: "main" }), ({ exitCode }) => exitCode)
      )
      const codes = yield* Effect.provide(Effect.all([run, run]), client)
      assert.deepStrictEqual(codes, [0, 0])
      assert.deepStrictEqual(
        asked.map(({ headers }) => headers.authorization),
        ["Bearer t1", "Bearer t2", "Bearer t2"]
      )
    }).pipe(Effect.scoped)
  )
})

describe("the container", () => {
  const spec = { containers: [{ name: "one" }, { name: "two" }] }
  const defaultContainer = "kubectl.kubernetes.io/default-container"
  const pods: ReadonlyArray<readonly [what: string, pod: unknown, container: string | null]> = [
    ["the annotation's", { metadata: { annotations: { [defaultContainer]: "two" } }, spec }, "two"],
    ["the first one", { metadata: { annotations: { other: "two" } }, spec }, "one"],
    ["the first one, also of a pod that is not ready", { spec, status: { phase: "Pending" } }, "one"],
    ["the server's choice where the pod tells nothing", { spec: { containers: [] } }, null],
    ["the server's choice where that is no pod", null, null]
  ]
  for (const [what, pod, container] of pods) {
    it.live(`is ${what}`, () =>
      Effect.gen(function* () {
        const read: Array<string> = []
        const { asked, port } = yield* server(says(success), {
          answer: (request, response) => {
            read.push(request.url ?? "")
            json(response, pod)
          }
        })
        yield* Effect.provide(Pod.exec("box", ["run"], { namespace: "team" }), clientOf(port))
        assert.deepStrictEqual(read, ["/api/v1/namespaces/team/pods/box"])
        assert.strictEqual(new URL(asked[0]?.url ?? "", "http://x").searchParams.get("container"), container)
      }).pipe(Effect.scoped)
    )
  }

  it.live("that is named is not looked for: nothing is waited for, the server says what cannot run", () =>
    Effect.gen(function* () {
      const read: Array<string> = []
      const { asked, port } = yield* server(says(success), {
        answer: (request, response) => {
          read.push(request.url ?? "")
          json(response, {}, 500)
        }
      })
      yield* Effect.provide(Pod.exec("box", ["run"], { container: "main" }), clientOf(port))
      assert.deepStrictEqual([read.length, asked.length], [0, 1])
    }).pipe(Effect.scoped)
  )
})

/** A server that reads input until it has so many bytes or is told that it ended, and then ends. */
const reads = (size: number) => {
  const got: Array<Buffer> = []
  let length = 0
  return {
    got,
    onSocket: (socket: WebSocket) =>
      socket.on("message", (data: Buffer) => {
        got.push(data)
        if (data[0] === 0) length += data.length - 1
        if (data[0] === 255 || length >= size) says(success)(socket)
      })
  }
}

describe("input", () => {
  it.live("comes in messages that servers take, and then its end", () =>
    Effect.gen(function* () {
      const input = Uint8Array.from({ length: 200_000 }, (_, index) => index % 251)
      const { got, onSocket } = reads(Infinity)
      yield* exec(onSocket, input)
      const end = got.pop()
      assert.deepStrictEqual([...(end ?? [])], [255, 0])
      assert.isTrue(got.every((part) => part[0] === 0 && part.length <= 64 * 1024 + 1))
      assert.isTrue(Buffer.concat(got.map((part) => part.subarray(1))).equals(input))
    })
  )

  it.live("has no end in the fourth version, which cannot tell it", () =>
    Effect.gen(function* () {
      const { got, onSocket } = reads(3)
      const result = yield* exec(onSocket, "abc", { protocol: "v4.channel.k8s.io" })
      assert.strictEqual(result.exitCode, 0)
      assert.deepStrictEqual(
        got.map((part) => part.toString("latin1")),
        ["\0abc"]
      )
    })
  )

  it.live("has no end in a terminal, which would lose what it still has to show", () =>
    Effect.gen(function* () {
      const { got, onSocket } = reads(3)
      const { port } = yield* server(onSocket)
      const run = Pod.exec("box", ["sh"], { container: "main", tty: true, stdin: "abc" })
      const { exitCode } = yield* Effect.provide(run, clientOf(port))
      assert.strictEqual(exitCode, 0)
      assert.deepStrictEqual(
        got.map((part) => part.toString("latin1")),
        ["\0abc"]
      )
    }).pipe(Effect.scoped)
  )

  it.live("that goes on is not waited for when the command has ended", () =>
    Effect.gen(function* () {
      const { got, onSocket } = reads(3)
      const { port } = yield* server(onSocket)
      const stdin = Stream.concat(Stream.make(Buffer.from("abc")), Stream.never)
      const run = Pod.exec("box", ["head"], { container: "main", stdin })
      const { exitCode } = yield* Effect.provide(run, clientOf(port))
      assert.deepStrictEqual([exitCode, got.length], [0, 1])
    }).pipe(Effect.scoped)
  )
})

const stream = (port: number) => Effect.provide(Pod.execStream("box", ["run"], { container: "main" }), clientOf(port))

describe("the connection", () => {
  it.live("is asked for with what the command needs", () =>
    Effect.gen(function* () {
      const { asked, port } = yield* server(says(success))
      yield* Pod.exec("box", ["a b", "&", "ü"], { container: "main", tty: true, namespace: "team" }).pipe(
        Effect.provide(clientOf(port))
      )
      const url = new URL(asked[0]?.url ?? "", "http://localhost")
      assert.strictEqual(url.pathname, "/api/v1/namespaces/team/pods/box/exec")
      assert.deepStrictEqual(
        [...url.searchParams],
        [
          ["command", "a b"],
          ["command", "&"],
          ["command", "ü"],
          ["container", "main"],
          // A terminal is ended through its input.
          ["stdin", "true"],
          ["stdout", "true"],
          ["tty", "true"]
        ]
      )
      assert.strictEqual(asked[0]?.headers["sec-websocket-protocol"], "v5.channel.k8s.io,v4.channel.k8s.io")
      assert.strictEqual(asked[0]?.headers["authorization"], "Bearer t")
    }).pipe(Effect.scoped)
  )

  it.live("tells sizes", () =>
    Effect.gen(function* () {
      const got = yield* Deferred.make<string>()
      const { port } = yield* server((socket) =>
        socket.on("message", (data: Buffer) => Effect.runSync(Deferred.succeed(got, data.toString("latin1"))))
      )
      const process = yield* stream(port)
      yield* process.resize({ width: 80, height: 24 })
      assert.strictEqual(yield* Deferred.await(got), '\u0004{"Width":80,"Height":24}')
    }).pipe(Effect.scoped)
  )

  it.live("closes with the scope", () =>
    Effect.gen(function* () {
      const codes: Array<number> = []
      const { open, port } = yield* server((socket) => socket.on("close", (code) => codes.push(code)))
      const scope = yield* Scope.make()
      yield* Scope.extend(stream(port), scope)
      assert.strictEqual(open.size, 1)
      yield* Scope.close(scope, Exit.void)
      yield* eventually(() => open.size === 0)
      assert.deepStrictEqual(codes, [1000])
    }).pipe(Effect.scoped)
  )

  it.live("closes with the scope, also where the server answers no more", () =>
    Effect.gen(function* () {
      const { open, port } = yield* server((socket) => socket.pause())
      yield* Effect.scoped(stream(port))
      yield* eventually(() => [...open].every((socket) => socket.isPaused))
    }).pipe(Effect.scoped)
  )

  it.live("ends a terminal from the keyboard before it closes, harder where that is not enough", () =>
    Effect.gen(function* () {
      for (const deaf of [false, true]) {
        const got: Array<string> = []
        const { open, port } = yield* server((socket) =>
          socket.on("message", (data: Buffer) => {
            got.push(data.toString("latin1"))
            if (!deaf || data.includes(0x1c)) says(exitCode("130"))(socket)
          })
        )
        yield* Effect.scoped(
          Effect.provide(Pod.execStream("box", ["sh"], { container: "main", tty: true, stdin: false }), clientOf(port))
        )
        yield* eventually(() => open.size === 0)
        assert.strictEqual(got[0], "\0\u0003\u0004")
        assert.strictEqual(got.includes("\0\u0003\u001c\u0004"), deaf)
      }
    }).pipe(Effect.scoped)
  )

  const endsOn = (key: string, got: Array<string>) => (socket: WebSocket) =>
    socket.on("message", (data: Buffer) => {
      got.push(data.toString("latin1"))
      if (data.includes(key)) says(exitCode("130"))(socket)
    })

  it.live("ends a terminal that is interrupted as well, and waits for its end", () =>
    Effect.gen(function* () {
      const got: Array<string> = []
      const { open, port } = yield* server(endsOn("\u001c", got))
      const run = Pod.exec("box", ["sh"], { container: "main", tty: true })
      const fiber = yield* Effect.fork(Effect.provide(run, clientOf(port)))
      yield* eventually(() => open.size === 1)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(got[0], "\0\u0003\u0004")
      assert.strictEqual(got.at(-1), "\0\u0003\u001c\u0004")
    }).pipe(Effect.scoped)
  )

  it.live("ends a terminal whose upgrade was on its way when it was interrupted", () =>
    Effect.gen(function* () {
      const got: Array<string> = []
      const waiting: Array<() => void> = []
      const refuse: Options["refuse"] = (_request, _socket, accept) => waiting.push(accept) > 0
      const { asked, port } = yield* server(endsOn("\u0003", got), { refuse })
      const run = Pod.exec("box", ["sh"], { container: "main", tty: true })
      const fiber = yield* Effect.fork(Effect.provide(run, clientOf(port)))
      yield* eventually(() => asked.length === 1)
      const interrupted = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* Effect.yieldNow()
      assert.isTrue(Option.isNone(yield* Fiber.poll(interrupted)))
      for (const accept of waiting) accept()
      assert.isTrue(Exit.isInterrupted(yield* Fiber.join(interrupted)))
      assert.deepStrictEqual(got, ["\0\u0003\u0004"])
    }).pipe(Effect.scoped)
  )

  it.effect("waits neither without a terminal nor forever", () =>
    Effect.gen(function* () {
      const connections = new Set<Duplex>()
      const refuse: Options["refuse"] = (_, socket) => {
        connections.add(socket)
        socket.resume().on("end", () => connections.delete(socket))
        socket.on("close", () => connections.delete(socket))
        return true
      }
      const { port } = yield* server(() => {}, { refuse })
      for (const tty of [false, true]) {
        const run = Pod.exec("box", ["sh"], { container: "main", tty })
        const fiber = yield* Effect.fork(Effect.provide(run, clientOf(port)))
        yield* really(eventually(() => connections.size === 1))
        const interrupted = yield* Effect.fork(Fiber.interrupt(fiber))
        if (tty) yield* TestClock.adjust("5 seconds")
        yield* Fiber.join(interrupted)
        yield* really(eventually(() => connections.size === 0))
      }
    }).pipe(Effect.scoped)
  )

  it.effect("gives a terminal up that takes no more input", () =>
    Effect.gen(function* () {
      const { open, port } = yield* server((socket) => socket.pause())
      const scope = yield* Scope.make()
      const process = yield* Pod.execStream("box", ["sh"], { container: "main", tty: true }).pipe(
        Effect.provide(clientOf(port)),
        Scope.extend(scope)
      )
      const input = Stream.repeatValue(new Uint8Array(1024 * 1024))
      yield* Effect.forkIn(Stream.run(input, process.stdin), scope)
      const closed = yield* Effect.fork(Scope.close(scope, Exit.void))
      // The keys, then the farewell of the connection.
      yield* TestClock.adjust("6 seconds")
      yield* Fiber.join(closed)
      for (const socket of open) socket.resume()
      yield* really(eventually(() => open.size === 0))
    }).pipe(Effect.scoped)
  )

  it.live("leaves a terminal alone that it is only attached to", () =>
    Effect.gen(function* () {
      const got: Array<Buffer> = []
      const { open, port } = yield* server((socket) => socket.on("message", (data: Buffer) => got.push(data)))
      yield* Effect.scoped(
        Effect.provide(Pod.attach("box", { container: "main", tty: true, stdin: true }), clientOf(port))
      )
      yield* eventually(() => open.size === 0)
      assert.deepStrictEqual(got, [])
    }).pipe(Effect.scoped)
  )

  const where = { container: "main", namespace: "team" }
  const drained = (process: ExecProcess) =>
    Effect.zipRight(Stream.run(Stream.make(Buffer.from("abc")), process.stdin), Stream.runDrain(process.stdout))
  const runs: { readonly [name: string]: Effect.Effect<unknown, ExecFailed | KubeError, KubeClient> } = {
    exec: Pod.exec("box", ["run"], { ...where, stdin: "abc" }),
    "exec in a terminal": Pod.exec("box", ["run"], { ...where, tty: { width: 80, height: 24 } }),
    execStream: Effect.scoped(Effect.flatMap(Pod.execStream("box", ["run"], where), drained)),
    attach: Effect.scoped(Effect.flatMap(Pod.attach("box", { ...where, stdin: true }), drained))
  }
  for (const [name, run] of Object.entries(runs)) {
    it.live(
      `of ${name} is gone after an interruption at any point, hundreds of times over`,
      () =>
        Effect.gen(function* () {
          const { open, port } = yield* server((socket) => {
            socket.send(message(1, "out"))
            socket.on("message", (data: Buffer) => {
              if (data.includes("\u0003")) says(success)(socket)
            })
          })
          const kinds = /TCP|TLS|Immediate|Timeout/
          const active = () => process.getActiveResourcesInfo().filter((kind) => kinds.test(kind)).length
          const provided = Effect.provide(run, yield* Layer.build(clientOf(port)))
          yield* Effect.ignore(Effect.timeout(provided, "50 millis"))
          yield* eventually(() => open.size === 0)
          const before = active()
          yield* Effect.forEach(
            Array.from({ length: 400 }, (_, index) => index % 20),
            (millis) => Effect.ignore(Effect.timeout(provided, millis)),
            { concurrency: 20, discard: true }
          )
          yield* eventually(() => open.size === 0)
          yield* eventually(() => active() <= before)
        }).pipe(Effect.scoped),
      60_000
    )
  }

  it.live("holds the server back while nobody reads", () =>
    Effect.gen(function* () {
      const total = 64 * 1024 * 1024
      const piece = message(1, Buffer.alloc(64 * 1024))
      let socket: WebSocket | undefined
      const { port } = yield* server((opened) => {
        socket = opened
        for (let sent = 0; sent < total; sent += piece.length - 1) opened.send(piece)
        opened.send(success)
        opened.close(1000)
      })
      const process = yield* stream(port)
      // It takes what fits into its buffers and the system's, and no more.
      let before = -1
      const waits = Effect.suspend(() => {
        const now = socket?.bufferedAmount ?? 0
        const still = now === before
        before = now
        return Effect.succeed(still)
      }).pipe(Effect.delay("50 millis"), Effect.repeat({ until: (still) => still }))
      yield* waits
      assert.isAbove(socket?.bufferedAmount ?? 0, total / 2)
      const length = yield* Stream.runFold(process.stdout, 0, (sum, bytes) => sum + bytes.length)
      assert.strictEqual(length, total)
      assert.strictEqual(yield* process.exitCode, 0)
    }).pipe(Effect.scoped)
  )
})
