/** A container as a `CommandExecutor` and a `FileSystem`, on a real kubelet. */
import * as Command from "@effect/platform/Command"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, inject, layer } from "@effect/vitest"
import { Deferred, Effect, Exit, FastCheck, Fiber, Option, Sink, Stream, type Scope } from "effect"
import { Container, Pod, type CoreV1, type KubeClient, type KubeError } from "effect-kubernetes"
import { createHash } from "node:crypto"
import { run } from "../cluster/run.js"
import * as e2e from "../support/e2e.js"
import * as operations from "../support/fileOperations.js"
import * as pods from "../support/pods.js"
import * as programs from "../support/programs.js"

type Services = CommandExecutor.CommandExecutor | FileSystem.FileSystem

const utf8 = (text: string) => new TextEncoder().encode(text)

const text = (bytes: Stream.Stream<Uint8Array, PlatformError>) => bytes.pipe(Stream.decodeText(), Stream.mkString)

const reasonOf = <A, R>(effect: Effect.Effect<A, PlatformError, R>) =>
  Effect.map(Effect.flip(effect), (error) => (error._tag === "SystemError" ? error.reason : error._tag))

/** Whether a command line with this in it runs in the container. */
const runs = (mark: string): Effect.Effect<boolean, KubeError, KubeClient> =>
  Effect.map(
    Effect.orDie(Pod.exec("box", ["sh", "-c", 'cat /proc/[0-9]*/cmdline | tr "\\0" " "'], { check: false })),
    ({ stdout }) => stdout.includes(mark)
  )

describe.skipIf(!inject("node"))("a container", () => {
  layer(
    e2e.layer,
    e2e.live
  )((it) => {
    const test = <A, E>(
      name: string,
      body: Effect.Effect<A, E, Services | KubeClient | Scope.Scope>,
      more?: Partial<CoreV1.Container>,
      spec?: Partial<CoreV1.PodSpec>
    ) =>
      it.scoped(
        name,
        () =>
          e2e.inFreshNamespace(() =>
            Effect.zipRight(
              pods.start("box", [pods.container("main", pods.idle, more)], spec),
              Effect.provide(body, Container.layer("box"))
            )
          ),
        120_000
      )

    test(
      "a command: arguments, outputs, exit code, variables, working directory, shell",
      Effect.gen(function* () {
        const strange = ["a b", "", "$(id)", "`id`", '"', "'", "-n", "é\n", "*"]
        const printed = yield* Command.string(Command.make("printf", "<%s>", ...strange))
        assert.strictEqual(printed, strange.map((argument) => `<${argument}>`).join(""))
        assert.strictEqual(yield* Command.exitCode(Command.make("sh", "-c", "exit 42")), 42)
        assert.strictEqual(yield* Command.exitCode(Command.make("seq", "1", "1000")), 0)
        assert.deepStrictEqual(yield* Command.lines(Command.make("seq", "1", "3")), ["1", "2", "3"])

        const both = yield* Command.start(Command.make("sh", "-c", "echo out; echo err >&2; exit 3"))
        assert.deepStrictEqual(
          yield* Effect.all([text(both.stdout), text(both.stderr), both.exitCode], { concurrency: 3 }),
          ["out\n", "err\n", CommandExecutor.ExitCode(3)]
        )
        assert.isFalse(yield* both.isRunning)

        const variables = Command.make("env").pipe(Command.env({ PLAIN: "x y", "with.dot": "$HOME", "-i": "=" }))
        const listed = yield* Command.lines(variables)
        assert.includeMembers(listed, ["PLAIN=x y", "with.dot=$HOME", "-i=="])
        assert.isTrue(listed.some((line) => line.startsWith("KUBERNETES_SERVICE_HOST=")))

        const fs = yield* FileSystem.FileSystem
        const directory = `${yield* fs.makeTempDirectory()}/-a $(b)`
        yield* fs.makeDirectory(directory)
        const where = Command.make("pwd").pipe(Command.workingDirectory(directory))
        assert.strictEqual(yield* Command.string(where), `${directory}\n`)
        const shell = Command.make("echo", "$((1+1))", "| tr 2 3").pipe(Command.runInShell(true))
        assert.strictEqual(yield* Command.string(shell), "3\n")
      })
    )

    test(
      "what cannot run says why",
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* fs.writeFileString("/tmp/file", "echo hi")
        const within = (directory: string) =>
          Command.exitCode(Command.make("true").pipe(Command.workingDirectory(directory)))
        assert.strictEqual(yield* reasonOf(Command.exitCode(Command.make("nowhere"))), "NotFound")
        assert.strictEqual(yield* reasonOf(Command.exitCode(Command.make("/bin/nowhere"))), "NotFound")
        assert.strictEqual(yield* reasonOf(Command.exitCode(Command.make("/tmp/file"))), "PermissionDenied")
        assert.strictEqual(yield* reasonOf(within("/nowhere")), "NotFound")
        assert.strictEqual(yield* reasonOf(within("/tmp/file")), "BadResource")
        assert.strictEqual(yield* reasonOf(Command.exitCode(Command.make("echo", "\0"))), "BadArgument")
        const other = Effect.flatMap(CommandExecutor.CommandExecutor, (executor) =>
          executor.exitCode(Object.assign(Object.create(Command.make("id")), { uid: Option.some(1) }))
        )
        assert.strictEqual(yield* reasonOf(other), "BadArgument")
      })
    )

    test(
      "input, and a pipe of commands, byte for byte",
      Effect.gen(function* () {
        assert.strictEqual(yield* Command.string(Command.make("cat").pipe(Command.feed("hello"))), "hello")
        const process = yield* Command.start(Command.make("tr", "a-z", "A-Z"))
        yield* Stream.run(Stream.make(utf8("one "), utf8("two")), process.stdin)
        assert.strictEqual(yield* text(process.stdout), "ONE TWO")
        assert.strictEqual(yield* process.exitCode, 0)

        const size = 3_000_000
        const bytes = Buffer.from(Uint8Array.from({ length: size }, (_, index) => (index * 7 + (index >> 9)) % 256))
        const hash = createHash("sha256").update(bytes).digest("hex")
        const piped = Command.make("cat").pipe(
          Command.stdin(Stream.fromIterable([bytes.subarray(0, 100_000), bytes.subarray(100_000)])),
          Command.pipeTo(Command.make("cat")),
          Command.pipeTo(Command.make("sha256sum"))
        )
        assert.include(yield* Command.string(piped), hash)

        const missing = Command.make("nowhere").pipe(Command.pipeTo(Command.make("cat")))
        assert.strictEqual(yield* reasonOf(Command.string(missing)), "NotFound")

        // The reader ends first: so does the writer.
        const first = Command.make("sh", "-c", "yes endless-writer").pipe(
          Command.pipeTo(Command.make("head", "-n", "1"))
        )
        assert.strictEqual(yield* Command.string(first), "endless-writer\n")
        yield* e2e.eventually(Effect.map(runs("endless-writer"), (yes) => !yes))
      })
    )

    test(
      "an input that is not read to its end, or not by way of an open output, is no trouble",
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const piece = Buffer.from(Uint8Array.from({ length: 50_021 }, (_, index) => (index * 31) % 256))
        const large = Stream.repeatValue(piece).pipe(Stream.take(100))
        for (let round = 0; round < 5; round++) {
          // The shell becomes `cat`, whose output is the file.
          const into = Command.make("sh", "-c", "cat > /tmp/file").pipe(Command.stdin(large))
          assert.strictEqual(yield* Command.exitCode(into), 0)
          assert.strictEqual(Number((yield* fs.stat("/tmp/file")).size), 5_002_100)

          const unread = Command.make("sh", "-c", "head -c 3; echo err >&2; exit 7").pipe(Command.stdin(large))
          const process = yield* Command.start(unread)
          assert.deepStrictEqual(
            yield* Effect.all([text(process.stdout), text(process.stderr), process.exitCode], { concurrency: 3 }),
            ["\u0000\u001f>", "err\n", CommandExecutor.ExitCode(7)]
          )

          for (const [signal, code] of [
            ["SIGTERM", 143],
            ["SIGKILL", 137]
          ] as const) {
            const deaf = yield* Command.start(Command.make("sleep", "56789").pipe(Command.stdin(large)))
            yield* deaf.kill(signal)
            assert.strictEqual<number>(yield* deaf.exitCode, code)
          }

          // Both scripts fail before they have read anything.
          assert.strictEqual(yield* reasonOf(Stream.run(large, fs.sink("/nowhere/file"))), "NotFound")
          const full = yield* Effect.flip(Stream.run(large, fs.sink("/dev/full", { flag: "r+" })))
          assert.match(full.message, /no space left/i)
        }
        assert.isFalse(yield* runs("56789"))
      })
    )

    test(
      "outputs go into sinks, and may be left unread",
      Effect.gen(function* () {
        const two = Command.make("printf", "abcdef").pipe(
          Command.stdout(
            Sink.foldLeft(new Uint8Array(), (all: Uint8Array, more: Uint8Array): Uint8Array =>
              Buffer.concat([all, more])
            )
          )
        )
        assert.strictEqual(yield* Command.string(two), "abcdef")
        const noisy = Command.make("sh", "-c", "for i in $(seq 200); do echo warning $i >&2; done; echo done")
        assert.strictEqual(yield* Command.string(noisy), "done\n")
        const taken = yield* Command.stream(Command.make("yes", "taken-once")).pipe(Stream.take(1), Stream.runCount)
        assert.strictEqual(taken, 1)
        yield* e2e.eventually(Effect.map(runs("taken-once"), (yes) => !yes))
      })
    )

    test(
      "a process has its number, takes signals, and ends with its scope and those that it has started",
      Effect.gen(function* () {
        const process = yield* Command.start(
          Command.make("sh", "-c", "trap 'echo caught; exit 7' USR1; echo $$; while :; do sleep 0.1; done")
        )
        const said = yield* Deferred.make<string>()
        const reading = yield* process.stdout.pipe(
          Stream.decodeText(),
          Stream.splitLines,
          Stream.tap((line) => Deferred.succeed(said, line)),
          Stream.runCollect,
          Effect.fork
        )
        assert.strictEqual(Number(yield* Deferred.await(said)), process.pid)
        assert.isTrue(yield* process.isRunning)
        yield* process.kill("SIGUSR1")
        assert.strictEqual(yield* process.exitCode, 7)
        assert.deepStrictEqual([...(yield* Fiber.join(reading))].at(-1), "caught")
        assert.strictEqual(yield* reasonOf(process.kill()), "NotFound")

        const killed = yield* Command.start(Command.make("sleep", "1000"))
        yield* killed.kill("SIGKILL")
        assert.strictEqual(yield* killed.exitCode, 137)

        const family = Command.make("sh", "-c", "sleep 12345 & sleep 12345; true")
        yield* Effect.scoped(Effect.zipRight(Command.start(family), e2e.eventually(Effect.orDie(runs("sleep 12345")))))
        assert.isFalse(yield* runs("sleep 12345"))

        // As in a finalizer.
        assert.strictEqual(yield* Effect.uninterruptible(Command.exitCode(Command.make("true"))), 0)

        const deaf = yield* Effect.fork(
          Command.exitCode(Command.make("sh", "-c", "trap '' TERM; sleep 23456; sleep 23456"))
        )
        yield* e2e.eventually(runs("sleep 23456"))
        yield* Fiber.interrupt(deaf)
        assert.isFalse(yield* runs("sleep 23456"))
      })
    )

    test(
      "nothing runs on, whenever it is interrupted",
      Effect.gen(function* () {
        yield* Effect.forEach(
          Array.from({ length: 20 }, (_, index) => index * 10),
          (delay) => Effect.exit(Effect.timeout(Command.exitCode(Command.make("sleep", "34567")), `${delay} millis`)),
          { concurrency: 4 }
        )
        yield* e2e.eventually(Effect.map(runs("sleep 34567"), (yes) => !yes))
      })
    )

    test(
      "without a shell programs run, and the rest says what is missing",
      Effect.gen(function* () {
        assert.strictEqual(yield* Command.string(Command.make("/bin/echo", "hi")), "hi\n")
        assert.strictEqual(yield* reasonOf(Command.exitCode(Command.make("nowhere"))), "NotFound")
        const process = yield* Command.start(Command.make("/bin/cat"))
        assert.include((yield* Effect.flip(process.kill())).message, 'no "sh"')
        yield* Stream.run(Stream.empty, process.stdin)
        assert.strictEqual(yield* process.exitCode, 0)
        const within = Command.exitCode(Command.make("/bin/true").pipe(Command.workingDirectory("/tmp")))
        assert.include((yield* Effect.flip(within)).message, 'no "sh"')
        const fs = yield* FileSystem.FileSystem
        assert.include((yield* Effect.flip(fs.exists("/tmp"))).message, 'no "sh"')
      }),
      {
        command: ["/bin/sh", "-c", "while :; do /bin/sleep 1; done"],
        env: [{ name: "PATH", value: "/none" }]
      }
    )

    test(
      "a user that is not root may do what its rights allow, and is told what they do not",
      Effect.gen(function* () {
        assert.strictEqual(yield* Command.string(Command.make("id", "-u")), "1234\n")
        const process = yield* Command.start(Command.make("sleep", "1000"))
        yield* process.kill()
        assert.strictEqual(yield* process.exitCode, 143)
        yield* Effect.scoped(
          Effect.zipRight(
            Command.start(Command.make("sleep", "45678")),
            e2e.eventually(Effect.orDie(runs("sleep 45678")))
          )
        )
        assert.isFalse(yield* runs("sleep 45678"))

        const fs = yield* FileSystem.FileSystem
        const directory = yield* fs.makeTempDirectory({ directory: "/data" })
        yield* fs.writeFileString(`${directory}/file`, "mine")
        yield* fs.chmod(`${directory}/file`, 0o400)
        assert.strictEqual(yield* fs.readFileString(`${directory}/file`), "mine")
        const { mode, uid } = yield* fs.stat(`${directory}/file`)
        assert.deepStrictEqual([mode & 0o777, uid], [0o400, Option.some(1234)])
        yield* fs.makeDirectory(`${directory}/closed`, { mode: 0 })
        const refused: ReadonlyArray<Effect.Effect<unknown, PlatformError>> = [
          fs.writeFileString(`${directory}/file`, "more"),
          fs.writeFileString("/etc/file", ""),
          fs.makeDirectory("/etc/directory"),
          fs.remove("/bin/sh"),
          fs.rename("/bin/sh", "/bin/shell"),
          fs.chown(`${directory}/file`, 0, 0),
          fs.chmod("/bin/sh", 0o777),
          fs.readDirectory(`${directory}/closed`),
          fs.access("/bin/sh", { writable: true }),
          fs.sink("/etc/file").pipe((sink) => Stream.run(Stream.make(utf8("x")), sink))
        ]
        for (const [index, call] of refused.entries()) {
          assert.strictEqual(yield* reasonOf(call), "PermissionDenied", `call ${index}`)
        }
      }),
      {
        securityContext: { runAsUser: 1234, runAsGroup: 1234, runAsNonRoot: true },
        volumeMounts: [{ name: "data", mountPath: "/data" }]
      },
      { securityContext: { fsGroup: 1234 }, volumes: [{ name: "data", emptyDir: {} }] }
    )

    test(
      "a root file system that is read-only runs commands, and says why nothing can be written to it",
      Effect.gen(function* () {
        assert.strictEqual(yield* Command.string(Command.make("cat").pipe(Command.feed("hello"))), "hello")
        const fs = yield* FileSystem.FileSystem
        yield* fs.writeFileString("/data/file", "hello")
        assert.strictEqual(yield* fs.readFileString("/data/file"), "hello")
        const refused: ReadonlyArray<Effect.Effect<unknown, PlatformError>> = [
          fs.writeFileString("/etc/file", ""),
          fs.makeDirectory("/etc/directory"),
          fs.makeTempDirectory({ directory: "/etc" }),
          fs.copyFile("/data/file", "/etc/file"),
          fs.rename("/bin/sh", "/bin/shell")
        ]
        for (const [index, call] of refused.entries()) {
          const error = yield* Effect.flip(call)
          assert.match(error.message, /read-only file system/i, `call ${index}`)
        }
      }),
      {
        securityContext: { readOnlyRootFilesystem: true },
        volumeMounts: [{ name: "data", mountPath: "/data" }]
      },
      { volumes: [{ name: "data", emptyDir: {} }] }
    )

    it.scoped(
      "a command at this program's own terminal: its input, its outputs, its exit code",
      () =>
        e2e
          .inFreshNamespace((namespace) =>
            Effect.gen(function* () {
              yield* pods.start("box", [pods.container("main", pods.idle)])
              const kubeconfig = yield* programs.kubeconfigOf(namespace)
              const script = "read line; echo got $line; cat; echo problem >&2; exit 5"
              const inherit = programs.command(kubeconfig, "test/support/inherit.ts", "box", "sh", "-c", script)
              const { exitCode, stderr, stdout } = yield* run(Command.feed(inherit, "one\ntwo\nthree"))
              assert.deepStrictEqual([stdout, stderr, exitCode], ["got one\ntwo\nthree", "problem\n", 5])
            })
          )
          .pipe(Effect.provide(NodeContext.layer)),
      120_000
    )

    test(
      "files: what Node's file system does, on random sequences",
      Effect.gen(function* () {
        const actual = yield* FileSystem.FileSystem
        const node = yield* Effect.provide(FileSystem.FileSystem, NodeFileSystem.layer)
        for (const sequence of FastCheck.sample(operations.sequences(20), { numRuns: 3, seed: 1 })) {
          yield* operations.assertSame(node, actual, sequence)
        }
      })
    )

    test(
      "files: large ones stream, in both directions, byte for byte",
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = `${yield* fs.makeTempDirectoryScoped()}/-large $(file)`
        const chunk = Buffer.from(Uint8Array.from({ length: 100_003 }, (_, index) => (index * 31) % 256))
        const hash = createHash("sha256")
        yield* Stream.repeatValue(chunk).pipe(
          Stream.take(300),
          Stream.tap((bytes) => Effect.sync(() => hash.update(bytes))),
          Stream.run(fs.sink(path, { mode: 0o600 }))
        )
        const { mode, size } = yield* fs.stat(path)
        assert.strictEqual(Number(size), chunk.length * 300)
        assert.strictEqual(mode & 0o777, 0o600)
        const back = createHash("sha256")
        yield* Stream.runForEach(fs.stream(path), (bytes) => Effect.sync(() => back.update(bytes)))
        assert.strictEqual(back.digest("hex"), hash.digest("hex"))
        // A part of it: what is not asked for need not come.
        const part = yield* Stream.runCollect(
          fs.stream(path, { offset: 100_003 * 150 + 5, bytesToRead: 10, chunkSize: 4 })
        )
        assert.deepStrictEqual(
          [...part].map((bytes) => [...bytes]),
          [[...chunk.subarray(5, 9)], [...chunk.subarray(9, 13)], [...chunk.subarray(13, 15)]]
        )
        assert.strictEqual(yield* Stream.runCount(Stream.take(fs.stream(path), 1)), 1)
      })
    )

    test(
      "files: temporary ones go with the scope, and a directory cannot be watched",
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const [directory, file] = yield* Effect.scoped(
          Effect.gen(function* () {
            const made = [
              yield* fs.makeTempDirectoryScoped({ prefix: "a b" }),
              yield* fs.makeTempFileScoped({ suffix: ".txt" })
            ] as const
            assert.match(made[0], /^\/tmp\/a b\w{6}$/)
            assert.match(made[1], /^\/tmp\/\w{6}\/\w+\.txt$/)
            assert.isTrue(yield* fs.exists(made[1]))
            return made
          })
        )
        assert.isFalse((yield* fs.exists(directory)) || (yield* fs.exists(file)))

        const unwatched = yield* Effect.flip(Stream.runDrain(fs.watch(directory)))
        assert.strictEqual(unwatched._tag, "BadArgument")
      })
    )

    test(
      "a pod that is gone is no file that is not there",
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* Pod.delete("box")
        yield* e2e.untilGone(Pod.getOption("box"))
        assert.strictEqual(yield* reasonOf(fs.exists("/tmp")), "Unknown")
        assert.strictEqual(yield* reasonOf(Command.exitCode(Command.make("true"))), "Unknown")
        assert.isTrue(Exit.isFailure(yield* Effect.exit(Effect.provide(Effect.void, Container.layer("box")))))
      })
    )
  })
})
