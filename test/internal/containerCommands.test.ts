/** The commands of a container, here with the shells of this machine. */
import * as Command from "@effect/platform/Command"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import { SystemError, type PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it, layer } from "@effect/vitest"
import { Array, Deferred, Effect, Logger, Option, Schedule, Sink, Stream, type Scope } from "effect"
import { constants } from "node:os"
import type { Run } from "../../src/internal/container.js"
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

/** What no command can have gets no further than this. */
const nothing: Run = () => Effect.die("something ran")

const withRun = (run: Run) => Effect.provideService(CommandExecutor.CommandExecutor, make(run))

describe("commands", () => {
  it.effect("what cannot be told to a container is an error before anything runs", () =>
    Effect.gen(function* () {
      const as = (user: object) =>
        Effect.flatMap(CommandExecutor.CommandExecutor, (executor) =>
          executor.exitCode(Object.assign(Object.create(Command.make("id")), user))
        )
      const refused = [
        as({ uid: Option.some(1) }),
        as({ gid: Option.some(1) }),
        Command.exitCode(Command.make("echo", "a\0b")),
        Command.exitCode(Command.make("pwd").pipe(Command.workingDirectory("a\0b"))),
        Command.exitCode(Command.make("env").pipe(Command.env({ "": "x" }))),
        Command.exitCode(Command.make("env").pipe(Command.env({ "a=b": "x" }))),
        Command.exitCode(Command.make("a=b").pipe(Command.env({ a: "x" })))
      ]
      for (const [index, call] of refused.entries()) {
        assert.strictEqual(yield* reasonOf(call), "BadArgument", `call ${index}`)
      }
    }).pipe(withRun(nothing))
  )

  it.scoped("a process that has ended well is left alone", () =>
    Effect.gen(function* () {
      let runs = 0
      const run: Run = () => {
        runs++
        return Effect.succeed({
          stdout: Stream.make(Buffer.from("12 11\n\n")),
          stderr: Stream.empty,
          stdin: Sink.drain,
          resize: () => Effect.void,
          exitCode: Effect.succeed(0)
        })
      }
      assert.strictEqual(yield* Command.exitCode(Command.make("true")).pipe(withRun(run)), 0)
      assert.strictEqual(runs, 1)
    })
  )

  it.scopedLive("an output that nobody reads holds the command back, and comes whole to who reads it", () =>
    Effect.gen(function* () {
      let sent = 0
      const piece = new Uint8Array(1000)
      const killed = yield* Deferred.make<number>()
      const run: Run = ({ method }) =>
        Effect.as(method === "kill" ? Deferred.succeed(killed, 143) : Effect.void, {
          stdout: Stream.concat(
            Stream.make(Buffer.from("12 11\n\n")),
            Stream.repeatEffect(Effect.sync(() => (sent++, piece))).pipe(Stream.take(1000))
          ),
          stderr: Stream.empty,
          stdin: Sink.drain,
          resize: () => Effect.void,
          exitCode: method === "kill" ? Effect.succeed(0) : Deferred.await(killed)
        })
      const process = yield* Effect.provideService(
        Command.start(Command.make("endless")),
        CommandExecutor.CommandExecutor,
        make(run)
      )
      for (let before = -1; before !== sent; yield* Effect.repeatN(Effect.yieldNow(), 100)) before = sent
      assert.isAtMost(sent, 70)
      const size = yield* Stream.runFold(process.stdout, 0, (sum, bytes) => sum + bytes.length)
      assert.strictEqual(size, 1_000_000)
    })
  )
})

layer(NodeContext.layer, { excludeTestServices: true })("commands in the shells of this machine", (it) => {
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
      "arguments, variables, working directory and shell arrive as they are",
      Effect.gen(function* () {
        const strange = ["a b", "", "$(id)", "`id`", '"', "'", "-n", "é\n", "*"]
        const printed = yield* Command.string(Command.make("printf", "<%s>", ...strange))
        assert.strictEqual(printed, strange.map((argument) => `<${argument}>`).join(""))
        assert.strictEqual(yield* Command.string(Command.make("printf", "a\n\nb\n")), "a\n\nb\n")

        const variables = { PLAIN: "x y", "with.dot": "$HOME", "-i": "=" }
        const listed = yield* Command.lines(Command.make("env").pipe(Command.env(variables)))
        assert.includeMembers(listed, ["PLAIN=x y", "with.dot=$HOME", "-i=="])
        assert.isTrue(listed.some((line) => line.startsWith("HOME=")))
        const alone = Command.make("env").pipe(Command.env({ ONE: "1" }, { extendEnv: false }))
        assert.deepStrictEqual(yield* Command.lines(alone), ["ONE=1"])
        const none = Command.make("env").pipe(Command.env({}, { extendEnv: false }))
        assert.deepStrictEqual(yield* Command.lines(none), [])

        const fs = yield* FileSystem.FileSystem
        const directory = `${yield* fs.makeTempDirectoryScoped()}/-a $(b)`
        yield* fs.makeDirectory(directory)
        const where = Command.make("pwd").pipe(Command.workingDirectory(directory))
        assert.strictEqual(yield* Command.string(where), `${directory}\n`)
        const relative = Command.make("pwd").pipe(Command.workingDirectory("src"))
        assert.strictEqual(yield* Command.string(relative), `${process.cwd()}/src\n`)
        const script = Command.make("echo", "$((1+1))", "| tr 2 3").pipe(Command.runInShell(true))
        assert.strictEqual(yield* Command.string(script), "3\n")

        yield* fs.writeFileString(`${directory}/own`, "#!/bin/sh\necho own", { mode: 0o755 })
        const own = Command.make("own").pipe(Command.env({ PATH: directory }))
        assert.strictEqual(yield* Command.string(own), "own\n")
      })
    )

    test(
      "what cannot run says why",
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const file = `${yield* fs.makeTempDirectoryScoped()}/file`
        yield* fs.writeFileString(file, "")
        const within = (directory: string) =>
          Command.exitCode(Command.make("true").pipe(Command.workingDirectory(directory)))
        assert.strictEqual(yield* reasonOf(Command.exitCode(Command.make("nowhere"))), "NotFound")
        assert.strictEqual(yield* reasonOf(Command.exitCode(Command.make("/bin/nowhere"))), "NotFound")
        assert.strictEqual(yield* reasonOf(Command.exitCode(Command.make(file))), "PermissionDenied")
        assert.strictEqual(yield* reasonOf(Command.exitCode(Command.make("/tmp"))), "PermissionDenied")
        assert.strictEqual(yield* reasonOf(within("/nowhere")), "NotFound")
        assert.strictEqual(yield* reasonOf(within(file)), "BadResource")
        const error = yield* Effect.flip(within("/nowhere"))
        assert.strictEqual(error._tag === "SystemError" ? error.pathOrDescriptor : error, "/nowhere")
      })
    )

    test(
      "an input that fails ends the process, which does not take what it got for all there is",
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const file = `${yield* fs.makeTempDirectoryScoped()}/file`
        const script = "cat; echo end of input >$0"
        const failure = new SystemError({ module: "Stream", method: "input", reason: "Unknown" })
        const input = Stream.concat(Stream.make(Buffer.from("some")), Stream.fail(failure))
        const process = yield* Command.start(Command.make("sh", "-c", script, file).pipe(Command.stdin(input)))
        assert.strictEqual(yield* Effect.flip(process.exitCode), failure)
        assert.strictEqual(yield* Effect.flip(text(process.stdout)), failure)
        assert.strictEqual(yield* Effect.flip(text(process.stderr)), failure)
        yield* Effect.repeat(process.isRunning, { while: (running) => running, schedule: poll })
        assert.isFalse(yield* fs.exists(file))
      })
    )

    test(
      "a process may say something when it is asked to end, though nobody has read what it said before",
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const directory = yield* fs.makeTempDirectoryScoped()
        // It waits for a reader when it is asked.
        const script =
          "trap 'echo ended >$0; exit 3' TERM; (sleep 0.3; echo >$1) & head -c 1000000 /dev/zero; while :; do sleep 0.02; done"
        const command = (name: string) =>
          Command.make("sh", "-c", script, `${directory}/${name}`, `${directory}/${name}.ready`)
        const started = (name: string) =>
          Effect.tap(Command.start(command(name)), () =>
            Effect.repeat(fs.exists(`${directory}/${name}.ready`), { until: (yes) => yes, schedule: poll })
          )
        yield* Effect.scoped(started("scope"))
        assert.isTrue(yield* fs.exists(`${directory}/scope`))
        const process = yield* started("kill")
        yield* process.kill()
        assert.strictEqual(yield* process.exitCode, 3)
        assert.isTrue(yield* fs.exists(`${directory}/kill`))
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

  it.scoped("without a shell programs run, and the rest says what is missing", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* fs.makeTempDirectoryScoped()
      yield* fs.symlink("/bin/cat", `${path}/cat`)
      yield* fs.writeFileString(`${path}/file`, "")
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* Command.string(Command.make("cat").pipe(Command.feed("hello"))), "hello")
        assert.strictEqual(yield* reasonOf(Command.exitCode(Command.make("nowhere"))), "NotFound")
        assert.strictEqual(yield* reasonOf(Command.exitCode(Command.make(`${path}/file`))), "PermissionDenied")
        const process = yield* Command.start(Command.make("cat"))
        assert.strictEqual(process.pid, -1)
        assert.include((yield* Effect.flip(process.kill())).message, 'no "sh"')
        yield* Stream.run(Stream.empty, process.stdin)
        assert.strictEqual(yield* process.exitCode, 0)
        const within = Command.exitCode(Command.make("cat").pipe(Command.workingDirectory("/tmp")))
        assert.include((yield* Effect.flip(within)).message, 'no "sh"')
        // Nothing can end it: closing the scope closes its connection, and there is nothing to say about that.
        const logged: Array<unknown> = []
        const logger = Logger.make(({ message }) => logged.push(message))
        yield* Effect.scoped(Command.start(Command.make("cat"))).pipe(
          Effect.provide(Logger.replace(Logger.defaultLogger, logger))
        )
        assert.deepStrictEqual(logged, [])
      }).pipe(withRun(localRun(path)))
    })
  )
})
