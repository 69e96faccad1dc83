/**
 * A temporary folder, and programs that run in it. All of it ends with the scope.
 *
 * - A scope that closes asks each program to stop (SIGTERM), kills it when it has not after a moment (SIGKILL), and
 *   removes the folder last.
 * - A process that exits without closing the scope, as with `process.exit`, kills the programs and removes the folder.
 * - A process that is killed can do nothing any more. The programs notice it by the end of their standard input: then
 *   they remove the folder and end (see go/main.go).
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import * as ChildProcess from "node:child_process"
import { rmSync } from "node:fs"
import { tail } from "./run.js"

export class ProgramError extends Data.TaggedError("ProgramError")<{
  readonly program: string
  readonly reason: string
  readonly binary: string
  readonly log: string
}> {
  override get message() {
    return this.log === ""
      ? `${this.program} ${this.reason}, without a word. If ${this.binary} is damaged, delete it: it is compiled again`
      : `${this.program} ${this.reason}. The end of its log:\n${this.log}`
  }
}

/** A program that was started. */
export interface Program {
  /** Waits for the program to end, and fails then: these programs are not meant to. */
  readonly ended: Effect.Effect<never, ProgramError>
  /** Fails with the end of the program's log. */
  readonly fail: (reason: string) => Effect.Effect<never, ProgramError>
}

export interface Sandbox {
  readonly directory: string
  /** Starts a program of the binary, which writes its log to `<name>.log` in the folder. */
  readonly start: (name: string, args: ReadonlyArray<string>) => Effect.Effect<Program, ProgramError, Scope>
  /**
   * Starts another binary, which has more to take down than itself when it is told to stop or its standard input ends.
   * It is given the time for that.
   */
  readonly startSupervisor: (
    name: string,
    command: readonly [string, ...ReadonlyArray<string>]
  ) => Effect.Effect<Program, ProgramError, Scope>
}

export const make = (
  binary: string
): Effect.Effect<Sandbox, PlatformError, FileSystem.FileSystem | Path.Path | Scope> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const directory = yield* Effect.acquireRelease(
      fs.makeTempDirectory({ prefix: "effect-kubernetes-" }),
      (directory) => Effect.ignoreLogged(fs.remove(directory, { recursive: true, force: true }))
    )

    const running = new Set<number>()
    const supervisors = new Set<number>()
    // Each program leads a process group of its own, so that a signal reaches whatever it started too.
    // It fails only when the program ended just now.
    const kill = (pid: number, signal: NodeJS.Signals) =>
      Effect.try(() => running.has(pid) && process.kill(-pid, signal)).pipe(Effect.ignore)
    const onExit = () => {
      Effect.runSync(Effect.forEach(running, (pid) => kill(pid, supervisors.has(pid) ? "SIGTERM" : "SIGKILL")))
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
    }
    yield* Effect.acquireRelease(
      // First in line, because a listener that calls `process.exit` (as one of vitest does) keeps later ones from running.
      Effect.sync(() => process.prependListener("exit", onExit)),
      () => Effect.sync(() => process.off("exit", onExit))
    )

    const spawn = (
      [program, ...args]: readonly [string, ...ReadonlyArray<string>],
      log: FileSystem.File.Descriptor,
      supervisor: boolean
    ) =>
      Effect.gen(function* () {
        const end = yield* Deferred.make<string>()
        const pid = yield* Effect.async<number, Error>((resume) => {
          const child = ChildProcess.spawn(program, args, {
            cwd: directory,
            detached: true,
            env: { ...process.env, KUBE_SANDBOX: directory },
            stdio: ["pipe", log, log]
          })
          const { pid } = child
          if (pid !== undefined) {
            running.add(pid)
            if (supervisor) supervisors.add(pid)
            child.once("exit", (code, signal) => {
              running.delete(pid)
              supervisors.delete(pid)
              Deferred.unsafeDone(end, Effect.succeed(`ended with ${signal ?? `exit code ${code}`}`))
            })
            resume(Effect.succeed(pid))
          }
          child.once("error", (error) => resume(Effect.fail(error)))
        })
        return { pid, end: Deferred.await(end) }
      })

    const startCommand = (
      name: string,
      command: readonly [string, ...ReadonlyArray<string>],
      { supervisor }: { readonly supervisor: boolean }
    ) => {
      const logPath = path.join(directory, `${name}.log`)
      const fail = (reason: string) =>
        fs.readFileString(logPath).pipe(
          Effect.orElseSucceed(() => ""),
          Effect.flatMap((log) => new ProgramError({ program: name, reason, binary: command[0], log: tail(log) }))
        )
      return fs.open(logPath, { flag: "a" }).pipe(
        Effect.flatMap((log) => spawn(command, log.fd, supervisor)),
        Effect.scoped,
        Effect.catchAll((error) => fail(`does not start (${error.message})`)),
        Effect.acquireRelease(({ end, pid }) =>
          Effect.gen(function* () {
            yield* kill(pid, "SIGTERM")
            yield* Effect.timeoutOption(Effect.interruptible(end), supervisor ? "20 seconds" : "2 seconds")
            yield* kill(pid, "SIGKILL")
            yield* end
          })
        ),
        Effect.map(({ end }) => ({ ended: Effect.flatMap(end, fail), fail }))
      )
    }

    return {
      directory,
      start: (name, args) => startCommand(name, [binary, name, ...args], { supervisor: false }),
      startSupervisor: (name, command) => startCommand(name, command, { supervisor: true })
    }
  })
