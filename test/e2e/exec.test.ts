/** Commands in the containers of a real kubelet. */
import { assert, describe, inject, layer } from "@effect/vitest"
import { Effect, Fiber, Option, Queue, Random, Stream, type Scope } from "effect"
import { ConfigError, ExecFailed, Pod, type KubeClient, type KubeError } from "effect-kubernetes"
import type { ExecProcess } from "effect-kubernetes/Resource"
import { createHash } from "node:crypto"
import * as e2e from "../support/e2e.js"
import * as pods from "../support/pods.js"

const text = <R>(bytes: Stream.Stream<Uint8Array, KubeError, R>) => bytes.pipe(Stream.decodeText(), Stream.mkString)

const utf8 = (text: string) => new TextEncoder().encode(text)

/** Input that goes on after this, for as long as the scope is open. */
const type = (process: ExecProcess, input: string) =>
  Stream.make(utf8(input)).pipe(Stream.concat(Stream.never), Stream.run(process.stdin), Effect.forkScoped)

describe.skipIf(!inject("node"))("in a container", () => {
  layer(
    e2e.layer,
    e2e.live
  )((it) => {
    const test = <A, E>(name: string, body: Effect.Effect<A, E, KubeClient | Scope.Scope>, timeout?: number) =>
      it.scoped(
        name,
        () => e2e.inFreshNamespace(() => Effect.zipRight(pods.start("box", [pods.container("main", pods.idle)]), body)),
        timeout
      )

    test(
      "a command's outputs and its exit code come back",
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* Pod.exec("box", ["sh", "-c", "echo out; echo err >&2"]), {
          stdout: "out\n",
          stderr: "err\n",
          exitCode: 0
        })
        assert.deepStrictEqual(yield* Pod.exec("box", ["true"]), { stdout: "", stderr: "", exitCode: 0 })
        for (const exitCode of [1, 42, 137]) {
          const command = ["sh", "-c", `echo out; echo err >&2; exit ${exitCode}`] as const
          const result = { stdout: "out\n", stderr: "err\n", exitCode }
          assert.deepStrictEqual(yield* Pod.exec("box", command, { check: false }), result)
          const failed = yield* Effect.flip(Pod.exec("box", command))
          assert.deepStrictEqual(failed, new ExecFailed({ command, ...result }))
          assert.strictEqual(failed.message, `${command.join(" ")}: exit code ${exitCode}: err`)
        }
        const killed = yield* Pod.exec("box", ["sh", "-c", "kill -9 $$"], { check: false })
        assert.strictEqual(killed.exitCode, 137)
      })
    )

    test(
      "text, bytes and streams are a command's input, which ends",
      Effect.gen(function* () {
        const cat = (stdin: string | Uint8Array | Stream.Stream<Uint8Array>) => Pod.exec("box", ["cat"], { stdin })
        assert.strictEqual((yield* cat("grüße\n")).stdout, "grüße\n")
        assert.strictEqual((yield* cat("")).stdout, "")
        assert.strictEqual((yield* cat(new Uint8Array([104, 105]))).stdout, "hi")
        assert.strictEqual((yield* cat(Stream.make(utf8("one "), utf8("two")))).stdout, "one two")
        assert.strictEqual((yield* Pod.exec("box", ["wc", "-c"], { stdin: "x".repeat(300_000) })).stdout, "300000\n")
        // Without an input there is nothing to wait for.
        assert.strictEqual((yield* Pod.exec("box", ["cat"])).stdout, "")
      })
    )

    test(
      "50 MB go through a command and come back byte for byte",
      Effect.gen(function* () {
        const size = 50 * 1024 * 1024
        const block = Uint8Array.from({ length: 1024 * 1024 + 7 }, (_, index) => (index * 31 + (index >> 8)) % 256)
        const sent = createHash("sha256")
        const got = createHash("sha256")
        const input = Stream.unfold(size, (left) => {
          if (left <= 0) return Option.none()
          const part = block.subarray(0, Math.min(left, block.length))
          sent.update(part)
          return Option.some([part, left - part.length] as const)
        })
        const process = yield* Pod.execStream("box", ["cat"])
        const [, length, errors, exitCode] = yield* Effect.all(
          [
            Stream.run(input, process.stdin),
            Stream.runFold(process.stdout, 0, (sum, bytes) => (got.update(bytes), sum + bytes.length)),
            text(process.stderr),
            process.exitCode
          ],
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual({ length, errors, exitCode }, { length: size, errors: "", exitCode: 0 })
        assert.strictEqual(got.digest("hex"), sent.digest("hex"))
      })
    )

    test(
      "an input that fails is the failure of the call",
      Effect.gen(function* () {
        const broken = new ConfigError({ message: "broken" })
        const stdin = Stream.concat(Stream.make(utf8("abc")), Stream.fail(broken))
        assert.strictEqual(yield* Effect.flip(Pod.exec("box", ["cat"], { stdin })), broken)
      })
    )

    test(
      "what cannot run is the server's error",
      Effect.gen(function* () {
        const tag = (error: { readonly _tag: string; readonly message: string }) => [error._tag, error.message] as const
        const [command, why] = tag(yield* Effect.flip(Pod.exec("box", ["no-such-command"])))
        assert.strictEqual(command, "InternalError")
        assert.include(why, "no-such-command")
        const [container, which] = tag(yield* Effect.flip(Pod.exec("box", ["true"], { container: "nobody" })))
        assert.strictEqual(container, "BadRequest")
        assert.include(which, "nobody")
        const [pod, name] = tag(yield* Effect.flip(Pod.exec("nowhere", ["true"])))
        assert.strictEqual(pod, "NotFound")
        assert.include(name, "nowhere")
        // The upgrade itself is refused here: nobody asks for the pod before.
        const [upgrade] = tag(yield* Effect.flip(Pod.exec("nowhere", ["true"], { container: "main" })))
        assert.strictEqual(upgrade, "NotFound")
      })
    )

    test(
      "the container is the one of the annotation, else the first",
      Effect.gen(function* () {
        const containers = ["one", "two"].map((name) =>
          pods.container(name, pods.idle, { env: [{ name: "WHO", value: name }] })
        )
        yield* pods.start("first", containers)
        yield* pods.start("chosen", containers, { annotations: { "kubectl.kubernetes.io/default-container": "two" } })
        const who = ["sh", "-c", "echo $WHO"] as const
        assert.strictEqual((yield* Pod.exec("first", who)).stdout, "one\n")
        assert.strictEqual((yield* Pod.exec("chosen", who)).stdout, "two\n")
        assert.strictEqual((yield* Pod.exec("chosen", who, { container: "one" })).stdout, "one\n")
      })
    )

    test(
      "a terminal has the size that it is told",
      Effect.gen(function* () {
        const script = "echo started; read go; stty size; exit 3"
        const process = yield* Pod.execStream("box", ["sh", "-c", script], { tty: true })
        const output = yield* process.stdout.pipe(
          // A size that comes before the terminal is there is lost.
          Stream.tap((bytes) =>
            Buffer.from(bytes).includes("started")
              ? Effect.zipRight(process.resize({ width: 123, height: 45 }), type(process, "go\n"))
              : Effect.void
          ),
          text
        )
        assert.strictEqual(output, "started\r\ngo\r\n45 123\r\n")
        assert.strictEqual(yield* text(process.stderr), "")
        assert.strictEqual(yield* process.exitCode, 3)
      })
    )

    test(
      "a terminal has its first size, as a change",
      Effect.gen(function* () {
        const command = ["sh", "-c", "until [ \"$(stty size)\" = '45 123' ]; do sleep 0.1; done; stty size"] as const
        const { stdout } = yield* Pod.exec("box", command, { tty: { width: 123, height: 45 } })
        assert.include(stdout, "45 123\r\n")
      })
    )

    test(
      "an input that nobody reads ends with the command",
      Effect.gen(function* () {
        const process = yield* Pod.execStream("box", ["sh", "-c", "read line; echo $line; exit 4"])
        const input = Stream.concat(Stream.make(utf8("one\n")), Stream.never)
        const [, output, exitCode] = yield* Effect.all(
          [Stream.run(input, process.stdin), text(process.stdout), process.exitCode],
          { concurrency: "unbounded" }
        )
        assert.strictEqual(output, "one\n")
        assert.strictEqual(exitCode, 4)
      })
    )

    test(
      "a terminal loses no output when its input ends",
      Effect.gen(function* () {
        const loop = "i=0; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); done; stty size; exit 3"
        const result = yield* Pod.exec("box", ["sh", "-c", loop], { tty: true, stdin: "ignored\n", check: false })
        assert.strictEqual(result.exitCode, 3)
        assert.include(result.stdout, "\r\n1999\r\n")
      })
    )

    test(
      "nothing goes on in a terminal that is left, whenever and however that is",
      Effect.gen(function* () {
        const processes = Effect.map(
          Pod.exec("box", ["sh", "-c", "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done"]),
          ({ stdout }) => stdout
        )
        const commands: ReadonlyArray<(mark: string) => readonly [string, ...ReadonlyArray<string>]> = [
          (mark) => ["sleep", mark],
          (mark) => ["sh", "-c", `sleep ${mark}; echo`],
          // One that waits for what is typed, in a pipe of its own.
          (mark) => ["sh", "-c", `: ${mark}; cat | cat; read line`],
          (mark) => ["sh", "-i", "-s", mark],
          // A shell inside of a shell, as somebody left them.
          (mark) => ["sh", "-c", `echo ready; sh; sleep ${mark}`]
        ]
        let last = 4320
        const mark = () => String(last++)
        for (const command of commands) {
          for (const stdin of [true, false]) {
            const marked = command(mark())
            yield* Effect.scoped(Pod.execStream("box", marked, { tty: true, stdin }))
            // One that runs for certain: its process is seen before it is left.
            yield* Effect.scoped(
              Effect.zipRight(
                Pod.execStream("box", marked, { tty: true, stdin }),
                Effect.repeat(processes, { until: (list) => list.includes(marked.join(" ")) })
              )
            )
          }
          // Before the wish for the connection is sent, while it is on its way, and after the start.
          for (const millis of [2, 5, 10, 20, 50, 100, 200, 500]) {
            const run = Pod.exec("box", command(mark()), { container: "main", tty: { width: 80, height: 24 } })
            yield* Effect.ignore(Effect.timeout(run, millis))
          }
        }
        assert.notMatch(yield* processes, /43\d\d/)
      }),
      120_000
    )

    test(
      "nothing goes on in a terminal that is interrupted at any moment around its start",
      Effect.gen(function* () {
        const { metadata } = yield* Pod.get("box")
        const sent = yield* Queue.unbounded<void>()
        const client = e2e.layerWithHttp(({ webSocket, ...http }) =>
          webSocket === undefined
            ? http
            : {
                ...http,
                webSocket: (request, protocols) =>
                  Effect.zipRight(Queue.offer(sent, undefined), webSocket(request, protocols))
              }
        )
        const marks = Array.from({ length: 80 }, (_, index) => String(8000 + index))
        yield* Effect.forEach(marks, (mark, index) =>
          Effect.gen(function* () {
            const options = { tty: true, container: "main" }
            const command = ["sh", "-c", `sleep ${mark}; echo`] as const
            const call: Effect.Effect<unknown, ExecFailed | KubeError, KubeClient> =
              index % 2 === 0
                ? Pod.exec(metadata, command, options)
                : Effect.scoped(
                    Effect.flatMap(Pod.execStream(metadata, command, options), ({ stdout }) => Stream.runDrain(stdout))
                  )
            const running = yield* Effect.fork(call)
            yield* Queue.take(sent)
            yield* Effect.sleep(yield* Random.nextIntBetween(0, 60))
            yield* Fiber.interrupt(running)
          })
        ).pipe(Effect.provide(client))
        // What a container starts for one that has left already shows a little later.
        yield* Effect.sleep("1 second")
        const list = yield* Pod.exec("box", ["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"])
        assert.deepStrictEqual(
          marks.filter((mark) => list.stdout.includes(`sleep ${mark}`)),
          []
        )
      }),
      120_000
    )

    test(
      "attach joins the main process of a container",
      Effect.gen(function* () {
        const command = ["sh", "-c", "while read line; do echo got $line; [ $line = bye ] && exit 5; done"]
        yield* pods.start("listens", [pods.container("main", command, { stdin: true })])
        const process = yield* Pod.attach("listens", { stdin: true })
        yield* type(process, "hello\nbye\n")
        assert.strictEqual(yield* text(process.stdout), "got hello\ngot bye\n")
        // An attachment ends well where the container ends; its exit code is in the pod's status, a little later.
        assert.strictEqual(yield* process.exitCode, 0)
      })
    )
  })
})
