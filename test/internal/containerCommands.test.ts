/** The commands of a container, here with the shells of this machine. */
import * as Command from "@effect/platform/Command"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, layer } from "@effect/vitest"
import { Array, Effect, Schedule, Stream, type Scope } from "effect"
import { constants } from "node:os"
import { make } from "../../src/internal/containerCommands.js"
import { localRun, pathWith, shells } from "../support/localContainer.js"

const text = <E>(bytes: Stream.Stream<Uint8Array, E>) => bytes.pipe(Stream.decodeText(), Stream.mkString)

const large = Stream.repeatValue(new Uint8Array(50_000)).pipe(Stream.take(100))

const reasonOf = <A, R>(effect: Effect.Effect<A, PlatformError, R>) =>
  Effect.map(Effect.flip(effect), (error) => (error._tag === "SystemError" ? error.reason : error._tag))

/** The processes of this machine with this in their command lines. */
const running = (mark: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const pids = (yield* fs.readDirectory("/proc")).filter((name) => /^\d+$/.test(name))
    const lines = yield* Effect.forEach(pids, (pid) => Effect.option(fs.readFileString(`/proc/${pid}/cmdline`)))
    return Array.getSomes(lines).filter((line) => line.includes(mark)).length
  })

const poll = Schedule.spaced("20 millis")

const untilRunning = (mark: string, processes: number) =>
  Effect.repeat(running(mark), { until: (found) => found >= processes, schedule: poll })

const untilGone = (mark: string) => Effect.repeat(running(mark), { until: (found) => found === 0, schedule: poll })

/** What no other process of this machine has in its command line. */
const newMark = Effect.sync(() => String(1_000_000 + Math.floor(Math.random() * 1_000_000_000)))

layer(NodeContext.layer, { excludeTestServices: true })("commands", (it) => {
  for (const shell of shells) {
    const test = <A, E>(
      name: string,
      body: Effect.Effect<A, E, CommandExecutor.CommandExecutor | FileSystem.FileSystem | Scope.Scope>
    ) =>
      it.scoped(`${name}: ${shell}`, () =>
        Effect.flatMap(pathWith(shell), (path) =>
          Effect.provideService(body, CommandExecutor.CommandExecutor, make(localRun(path)))
        )
      )

    test(
      "each signal ends a process as in a shell, and nothing else is said of it",
      Effect.forEach(
        [
          "SIGHUP",
          "SIGINT",
          "SIGQUIT",
          "SIGABRT",
          "SIGKILL",
          "SIGUSR1",
          "SIGSEGV",
          "SIGPIPE",
          "SIGALRM",
          "SIGTERM",
          "SIGXCPU",
          "SIGSYS"
        ] as const,
        (signal) =>
          Effect.gen(function* () {
            const process = yield* Command.start(Command.make("sleep", "1000").pipe(Command.stdin(large)))
            const said = yield* Effect.fork(
              Effect.all([text(process.stdout), text(process.stderr)], { concurrency: 2 })
            )
            yield* process.kill(signal)
            assert.strictEqual(yield* process.exitCode, 128 + constants.signals[signal])
            assert.deepStrictEqual(yield* said, ["", ""], signal)
            assert.isFalse(yield* process.isRunning)
            assert.strictEqual(yield* reasonOf(process.kill(signal)), "NotFound")
          }),
        { concurrency: 4 }
      )
    )

    test(
      "a process has its own number, and what Node gives it",
      Effect.gen(function* () {
        const process = yield* Command.start(Command.make("sh", "-c", "echo $$"))
        assert.strictEqual(Number(yield* text(process.stdout)), process.pid)
        const told = Command.make(
          "sh",
          "-c",
          "env | grep -v -e ^PATH= -e ^_= -e ^SHLVL= | sort; grep -e ^SigIgn -e ^SigBlk /proc/self/status; ls /proc/self/fd; cd ..; pwd"
        )
        const here = yield* Effect.provide(Command.string(told), NodeContext.layer)
        assert.strictEqual(yield* Command.string(told), here)
        // The shell beside it is to be seen, and its words are not taken for its own.
        const seen = yield* Command.string(
          Command.make("sh", "-c", "tr '\\0' ' ' </proc/$PPID/cmdline; cat /proc/$PPID/cmdline; echo end")
        )
        assert.include(seen, "trap")
        assert.isTrue(seen.endsWith("end\n"))
      })
    )

    test(
      "much of an input may stay unread",
      Effect.gen(function* () {
        const code = Command.exitCode(Command.make("sh", "-c", "head -c 5; exit 7").pipe(Command.stdin(large)))
        assert.strictEqual(yield* code, 7)
        const first = Command.make("yes", "endless").pipe(Command.pipeTo(Command.make("head", "-n", "1")))
        assert.strictEqual(yield* Command.string(first), "endless\n")
      })
    )

    test(
      "a command that has closed its outputs gets all of its input",
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const file = `${yield* fs.makeTempDirectoryScoped()}/file`
        const script = `exec wc -c >${file} 2>/dev/null`
        yield* Command.exitCode(Command.make("sh", "-c", script).pipe(Command.stdin(large)))
        assert.strictEqual((yield* fs.readFileString(file)).trim(), "5000000")
      })
    )

    test(
      "a scope that closes leaves nothing running",
      Effect.gen(function* () {
        const mark = yield* newMark
        const family = Command.make("sh", "-c", "sleep $0 & sleep $0; true", mark)
        yield* Effect.scoped(Effect.zipRight(Command.start(family), untilRunning(mark, 4)))
        assert.strictEqual(yield* running(mark), 0)
      })
    )

    test(
      "SIGKILL ends what a process has started, too, and much of its input may be unread",
      Effect.gen(function* () {
        const mark = yield* newMark
        const script = Command.make("sh", "-c", "trap '' TERM; sleep $0 & sleep $0; true", mark)
        const process = yield* Command.start(Command.stdin(script, large))
        yield* untilRunning(mark, 4)
        yield* process.kill("SIGKILL")
        assert.strictEqual(yield* process.exitCode, 137)
        yield* untilGone(mark)
      })
    )

    test(
      "a process that leads a session of its own takes signals",
      Effect.gen(function* () {
        for (const signal of ["SIGTERM", "SIGKILL"] as const) {
          const mark = yield* newMark
          const process = yield* Command.start(Command.make("setsid", "sh", "-c", "sleep $0; true", mark))
          yield* untilRunning(mark, 3)
          yield* process.kill(signal)
          assert.strictEqual(yield* process.exitCode, 128 + constants.signals[signal])
          yield* untilGone(mark)
        }
      })
    )

    test(
      "what cannot run leaves nothing behind, though its scope is open",
      Effect.gen(function* () {
        const mark = yield* newMark
        assert.strictEqual(yield* reasonOf(Command.start(Command.make("nowhere", mark))), "NotFound")
        const within = Command.make("true", mark).pipe(Command.workingDirectory("/nowhere"))
        assert.strictEqual(yield* reasonOf(Command.start(within)), "NotFound")
        yield* untilGone(mark)
      })
    )
  }
})
