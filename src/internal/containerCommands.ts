/** A `CommandExecutor` whose commands run in a container. */
import * as Command from "@effect/platform/Command"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError, SystemErrorReason } from "@effect/platform/Error"
import * as NodeSink from "@effect/platform-node/NodeSink"
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Channel from "effect/Channel"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HashMap from "effect/HashMap"
import * as Inspectable from "effect/Inspectable"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { KubeError } from "../KubeError.js"
import type { ExecProcess } from "../Resource.js"
import {
  badArgument,
  checkArguments,
  fromKubeError,
  plain,
  systemError,
  type Argv,
  type Doing,
  type Run
} from "./container.js"
import { background, first } from "./fork.js"
import { keep } from "./kept.js"
import { isProgramForbidden, isProgramMissing } from "./pod.js"

/**
 * Tells its process id and that of the shell that it runs below, or why the command cannot run, and waits for a line before
 * it becomes the command: nothing runs of which nobody knows how to end it. Where the connection breaks first, `read` fails.
 * It says that it has got the line, so that the input does not end before: containerd throws away what has not come
 * through by then.
 *
 * $1: working directory or nothing; $2: another PATH or nothing; $3: the program; then the command line.
 */
const launcher = `if [ -n "$1" ]; then
  [ -e "$1" ] || { echo "directory NotFound"; exit 0; }
  [ -d "$1" ] || { echo "directory BadResource"; exit 0; }
  cd "$1" 2>/dev/null || { echo "directory PermissionDenied"; exit 0; }
fi
case "$3" in
  */*)
    [ -e "$3" ] || { echo "program NotFound"; exit 0; }
    { [ -x "$3" ] && [ ! -d "$3" ]; } || { echo "program PermissionDenied"; exit 0; } ;;
  *) (PATH=\${2:-$PATH}; command -v "$3") >/dev/null 2>&1 || { echo "program NotFound"; exit 0; } ;;
esac
read -r effect_kubernetes_pid effect_kubernetes_go </proc/self/stat
echo "$effect_kubernetes_pid $$"
read -r effect_kubernetes_go || exit 0
echo
unset effect_kubernetes_pid effect_kubernetes_go
shift 3
exec "$@"`

// $1: the signal; $2: the process; $3: the shell that it runs below
//
// The runtime makes each command the leader of a group, which here is the shell. A process that has left that group leads
// another. The shell and what it runs then have to read what is left of the input, and SIGKILL is the signal that they would
// not live through.
const killer = `signal=$1 process=$2 shell=$3 group=$3
fields() { parent=$2 member_of=$3; }
look() { { read -r line <"/proc/$1/stat"; } 2>/dev/null && fields \${line##*") "}; }
if look "$process" && [ "$parent" = "$shell" ]; then group=$member_of; fi
if [ "$signal" != KILL ]; then
  kill -"$signal" -"$group" 2>/dev/null || kill -"$signal" "$process"
  exit
fi
killed=
# Again, for those that were started meanwhile.
for again in 1 2 3; do
  for directory in /proc/[0-9]*; do
    pid=\${directory#/proc/}
    [ "$pid" != "$shell" ] && look "$pid" && [ "$member_of" = "$group" ] || continue
    [ "$parent" != "$shell" ] || [ "$pid" = "$process" ] || continue
    kill -KILL "$pid" 2>/dev/null && killed=1
  done
done
[ -n "$killed" ] || kill -KILL "$process"`

/** How long a process may take to end after SIGTERM, and after SIGKILL, when its scope closes. */
const patience = Duration.seconds(5)

/** What a pipe of Linux holds. */
const pipeSize = 64 * 1024

const utf8 = new TextEncoder()

const ProcessProto = {
  [CommandExecutor.ProcessTypeId]: CommandExecutor.ProcessTypeId,
  ...Inspectable.BaseProto,
  toJSON(this: CommandExecutor.Process) {
    return { _id: "@effect/platform/CommandExecutor/Process", pid: this.pid }
  }
}

/** One output of a command. It holds as much as a pipe does: an output that nobody reads stops the other one only then. */
const makeOutlet = Effect.gen(function* () {
  const room = yield* Effect.makeSemaphore(pipeSize)
  const held = yield* Mailbox.make<Uint8Array, PlatformError>()
  let endless = false
  let discarding = false
  const permits = (bytes: Uint8Array) => Math.min(bytes.length, pipeSize)
  return {
    offer: (bytes: Uint8Array): Effect.Effect<unknown> =>
      Effect.suspend(() => {
        if (discarding || bytes.length === 0) return Effect.void
        return Effect.zipRight(endless ? Effect.void : room.take(permits(bytes)), held.offer(bytes))
      }),
    done: (exit: Exit.Exit<void, PlatformError>) => held.done(exit),
    /** Takes all there is, so that what comes after it can be seen. */
    endless: Effect.suspend(() => {
      endless = true
      return room.release(pipeSize)
    }),
    stream: Mailbox.toStream(held).pipe(
      Stream.tap((bytes) => room.release(permits(bytes))),
      Stream.ensuring(
        Effect.suspend(() => {
          discarding = true
          endless = true
          return room.release(pipeSize)
        })
      )
    )
  }
})

type Outlet = Effect.Effect.Success<typeof makeOutlet>

const describe = (command: Command.Command): string =>
  Command.flatten(command)
    .map(({ args, command }) => [command, ...args].join(" "))
    .join(" | ")

/** The program and its arguments. As in Node, a shell gets them joined: it is what takes them apart. */
const programOf = ({ args, command, shell }: Command.StandardCommand): Argv =>
  shell === false ? [command, ...args] : [shell === true ? "sh" : shell, "-c", [command, ...args].join(" ")]

/** The command line of a command. */
const argvOf = (doing: Doing, command: Command.StandardCommand): Effect.Effect<Argv, PlatformError> => {
  const { env, extendEnv, gid, uid } = command
  if (Option.isSome(uid) || Option.isSome(gid)) {
    return Effect.fail(
      badArgument(doing, "a command runs as the user of its container: Kubernetes cannot give it another uid or gid")
    )
  }
  const program = programOf(command)
  const variables = HashMap.toEntries(env)
  if (variables.some(([name]) => name === "" || name.includes("="))) {
    return Effect.fail(badArgument(doing, 'the name of a variable cannot be empty nor hold "="'))
  }
  if (variables.length === 0 && extendEnv) return Effect.succeed(program)
  if (program[0].includes("=")) {
    return Effect.fail(badArgument(doing, 'with variables, the name of a program cannot hold "="'))
  }
  const settings = variables.map(([name, value]) => `${name}=${value}`)
  return Effect.succeed(["env", ...(extendEnv ? [] : ["-i"]), "--", ...settings, ...program])
}

const descriptions: { readonly [what: string]: string } = {
  "directory NotFound": "the working directory does not exist in the container",
  "directory BadResource": "the working directory is no directory",
  "directory PermissionDenied": "the working directory cannot be entered",
  "program NotFound": "the container has no such program",
  "program PermissionDenied": "the program cannot be executed"
}

/** What the launcher says instead of a process id. */
const refusal = (doing: Doing, said: string, cwd: string): PlatformError => {
  const [what, reason] = said.split(" ")
  const where = what === "directory" ? { ...doing, path: cwd } : doing
  const reasons: ReadonlyArray<SystemErrorReason> = ["NotFound", "BadResource", "PermissionDenied"]
  return systemError(
    where,
    reasons.find((known) => known === reason) ?? "Unknown",
    descriptions[said] ?? `expected a process id from the container's shell, got ${JSON.stringify(said.slice(0, 200))}`
  )
}

const failed = (doing: Doing) => (error: KubeError) =>
  isProgramMissing(error)
    ? systemError(doing, "NotFound", "the container has no such program", error)
    : isProgramForbidden(error)
      ? systemError(doing, "PermissionDenied", "the program cannot be executed", error)
      : fromKubeError(doing)(error)

interface Launched {
  readonly remote: ExecProcess
  readonly stdout: Outlet
  readonly stderr: Outlet
  /** Absent: the image has no shell that tells them. */
  readonly pids: { readonly process: string; readonly shell: string } | undefined
  /** Waits until the process has got the line that it waits for. */
  readonly going: Effect.Effect<unknown>
}

type Line = Deferred.Deferred<string>

/** Brings what the connection carries to the outlets; its first lines apart. */
const pump = (doing: Doing, from: ExecProcess["stdout"], to: Outlet, lines: ReadonlyArray<Line>) => {
  const missing = [...lines]
  let head = Buffer.alloc(0)
  return from.pipe(
    Stream.runForEach((bytes) =>
      Effect.suspend(() => {
        if (missing.length === 0) return to.offer(bytes)
        head = Buffer.concat([head, bytes])
        const told: Array<Effect.Effect<unknown>> = []
        for (let end = head.indexOf(10); end !== -1 && missing.length > 0; end = head.indexOf(10)) {
          const line = missing.shift()
          if (line !== undefined) told.push(Deferred.succeed(line, head.toString("utf8", 0, end)))
          head = head.subarray(end + 1)
        }
        if (missing.length === 0) told.push(to.offer(head))
        return Effect.all(told, { discard: true })
      })
    ),
    Effect.mapError(fromKubeError(doing)),
    Effect.exit,
    Effect.tap((exit) => to.done(exit)),
    Effect.tap(() => Effect.forEach(lines, (line) => Deferred.succeed(line, ""))),
    background
  )
}

/** The outputs of what runs flow from now on. */
const attach = (
  doing: Doing,
  running: Effect.Effect<ExecProcess, PlatformError, Scope.Scope>,
  lines: ReadonlyArray<Line>
): Effect.Effect<Omit<Launched, "pids" | "going">, PlatformError, Scope.Scope> =>
  Effect.gen(function* () {
    const stdout = yield* makeOutlet
    const stderr = yield* makeOutlet
    const remote = yield* running
    yield* pump(doing, remote.stdout, stdout, lines)
    yield* pump(doing, remote.stderr, stderr, [])
    return { remote, stdout, stderr }
  })

const launch = (
  run: Run,
  doing: Doing,
  command: Command.StandardCommand
): Effect.Effect<Launched, PlatformError, Scope.Scope> =>
  Effect.gen(function* () {
    const given = Option.getOrElse(command.cwd, () => "")
    const cwd = given === "" ? "" : plain(given)
    const path = Option.getOrElse(HashMap.get(command.env, "PATH"), () => "")
    const argv = yield* argvOf(doing, command)
    yield* checkArguments(doing, [cwd, ...argv])
    const [program] = programOf(command)
    const [line, go] = [yield* Deferred.make<string>(), yield* Deferred.make<string>()]
    const running = (argv: Argv) => run(doing, argv, { stdin: true })
    const launched = yield* attach(doing, keep(running, launcher, [cwd, path, program, ...argv]), [line, go])
    const said = yield* Deferred.await(line)
    const [, process, shell] = /^(\d+) (\d+)$/.exec(said) ?? []
    if (process !== undefined && shell !== undefined) {
      return { ...launched, pids: { process, shell }, going: Deferred.await(go) }
    }
    if (said !== "") return yield* refusal(doing, said, given)
    const error = yield* Effect.mapError(Effect.flip(launched.remote.exitCode), (code) =>
      refusal(doing, `nothing, and the exit code ${code}`, given)
    )
    if (!isProgramMissing(error)) return yield* fromKubeError(doing)(error)
    if (given === "") return { ...(yield* attach(doing, running(argv), [])), pids: undefined, going: Effect.void }
    const why = 'the container has no "sh", without which no working directory can be set'
    return yield* systemError(doing, "Unknown", why, error)
  })

const toSystem = (doing: Doing) => (cause: unknown) =>
  systemError(doing, "Unknown", "this side's terminal failed", cause)

/** To this process' own output, which stays open. */
const ownOutput = (doing: Doing, which: "stdout" | "stderr") =>
  NodeSink.fromWritable<PlatformError, Uint8Array>(() => process[which], toSystem(doing), { endOnDone: false })

const startOne = (
  run: Run,
  command: Command.StandardCommand,
  stdin: Command.Command.Input
): Effect.Effect<CommandExecutor.Process, PlatformError, Scope.Scope> =>
  Effect.gen(function* () {
    const doing = (method: string): Doing => ({ module: "Command", method, path: describe(command) })
    const { going, pids, remote, stderr, stdout } = yield* launch(run, doing("start"), command)

    const exited = yield* background(Effect.exit(remote.exitCode))
    const ended = Effect.map(Fiber.poll(exited), Option.map(Exit.flatten))
    const signal = (name: CommandExecutor.Signal): Effect.Effect<void, PlatformError> => {
      if (pids === undefined) {
        return Effect.fail(
          systemError(doing("kill"), "Unknown", 'the container has no "sh", without which no signal can be sent')
        )
      }
      const argv: Argv = ["sh", "-c", killer, "sh", name.slice("SIG".length), pids.process, pids.shell]
      return Effect.flatMap(run(doing("kill"), argv, { stdin: false }), ({ exitCode, stderr }) =>
        Effect.all({ said: Stream.mkString(Stream.decodeText(stderr)), code: exitCode }).pipe(
          Effect.mapError(fromKubeError(doing("kill")))
        )
      ).pipe(
        Effect.scoped,
        Effect.flatMap(({ code, said }) =>
          code === 0
            ? Effect.void
            : Effect.fail(
                systemError(doing("kill"), /no such process/i.test(said) ? "NotFound" : "Unknown", said.trim())
              )
        )
      )
    }

    /** Sends a signal, and waits for the end of the process; whether it came to that. */
    const endBy = (name: CommandExecutor.Signal) =>
      Effect.zipRight(signal(name), Effect.exit(remote.exitCode)).pipe(
        Effect.interruptible,
        Effect.timeoutTo({ duration: patience, onTimeout: () => false, onSuccess: () => true })
      )
    // Kubernetes ends no process whose connection is gone.
    yield* Effect.addFinalizer(() =>
      Effect.gen(function* () {
        // What nobody has read must not keep the end of the process away.
        yield* Effect.all([stdout.endless, stderr.endless])
        const end = yield* ended
        if ((Option.isSome(end) && Exit.isSuccess(end.value)) || pids === undefined) return
        if (!(yield* endBy("SIGTERM"))) yield* endBy("SIGKILL")
      }).pipe(
        Effect.catchIf(
          (error) => error._tag === "SystemError" && error.reason === "NotFound",
          () => Effect.void
        ),
        Effect.catchAll((error) => Effect.logWarning(`process ${pids?.process} may still run in its container`, error))
      )
    )

    const broken = yield* Deferred.make<never, PlatformError>()
    /** A command whose input failed must not take what it got for all there is. */
    const breakOff = (error: PlatformError) =>
      Deferred.fail(broken, error).pipe(
        Effect.zipRight(Effect.all([stdout.done(Exit.fail(error)), stderr.done(Exit.fail(error))])),
        Effect.zipRight(Effect.ignore(signal("SIGTERM"))),
        // It would see the end of its input before the signal.
        Effect.zipRight(Effect.never)
      )
    const typed = yield* Mailbox.make<Uint8Array>({ capacity: 1 })
    const fed = yield* Deferred.make<void>()
    const input = stdin === "pipe" ? Mailbox.toStream(typed) : stdin === "inherit" ? NodeStream.stdin : stdin
    yield* Stream.make(utf8.encode("\n")).pipe(
      Stream.take(pids === undefined ? 0 : 1),
      Stream.concat(Stream.drain(Stream.fromEffect(going))),
      Stream.concat(Stream.catchAll(input, (error) => Stream.fromEffect(breakOff(error)))),
      Stream.run(remote.stdin),
      // How the connection ended is told by the exit code.
      Effect.ignore,
      Effect.ensuring(Effect.zipRight(typed.shutdown, Deferred.succeed(fed, undefined))),
      background
    )

    const out = (outlet: Outlet, which: "stdout" | "stderr", output: Command.Command.Output) =>
      Effect.gen(function* () {
        if (typeof output !== "string") {
          return { stream: Stream.transduce(outlet.stream, output), copied: Effect.void }
        }
        if (output === "pipe") return { stream: outlet.stream, copied: Effect.void }
        const copying = yield* background(Stream.run(outlet.stream, ownOutput(doing(which), which)))
        return { stream: Stream.empty, copied: Fiber.join(copying) }
      })
    const output = yield* out(stdout, "stdout", command.stdout)
    const errors = yield* out(stderr, "stderr", command.stderr)

    const exitCode = first(
      Effect.mapBoth(remote.exitCode, { onSuccess: CommandExecutor.ExitCode, onFailure: failed(doing("exitCode")) }),
      Deferred.await(broken)
    ).pipe(Effect.zipLeft(output.copied), Effect.zipLeft(errors.copied))

    const process: CommandExecutor.Process = Object.assign(Object.create(ProcessProto), {
      pid: CommandExecutor.ProcessId(Number(pids?.process ?? -1)),
      exitCode,
      isRunning: Effect.flatMap(
        ended,
        Option.match({
          onNone: () => Effect.succeed(true),
          onSome: Exit.match({
            onSuccess: () => Effect.succeed(false),
            onFailure: () => Effect.as(exitCode, false)
          })
        })
      ),
      kill: (name: CommandExecutor.Signal = "SIGTERM") =>
        Effect.zipRight(
          signal(name),
          Effect.zipRight(Effect.all([stdout.endless, stderr.endless]), Effect.asVoid(exitCode))
        ),
      stdin:
        stdin === "pipe"
          ? Sink.forEachWhile((bytes: Uint8Array) => typed.offer(bytes)).pipe(
              Sink.mapEffect(() => Effect.zipRight(typed.end, Deferred.await(fed))),
              Sink.toChannel,
              Channel.interruptWhenDeferred(fed),
              Channel.asVoid,
              Sink.fromChannel
            )
          : Sink.drain,
      stdout: output.stream,
      stderr: errors.stream
    })
    return process
  })

/** Each command of a pipe runs by itself, as on Node, and what flows between them comes by here. */
const start =
  (run: Run) =>
  (command: Command.Command): Effect.Effect<CommandExecutor.Process, PlatformError, Scope.Scope> => {
    const [first, ...rest] = Command.flatten(command)
    return rest.reduce(
      (before, next) => startOne(run, next, Stream.unwrapScoped(Effect.map(before, ({ stdout }) => stdout))),
      startOne(run, first, first.stdin)
    )
  }

export const make = (run: Run): CommandExecutor.CommandExecutor => CommandExecutor.makeExecutor(start(run))
