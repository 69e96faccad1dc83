/**
 * Scripts of a container that do not lose their input. containerd ends the input of a command as soon as the command has
 * closed one of its outputs, and where a command ends with much of its input unread, it may wait for ever or lose how the
 * command ended. So a script runs below a shell that keeps the outputs open, tells on the first of them when the script has
 * ended, and reads what is left of the input.
 */
import * as Channel from "effect/Channel"
import type * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { randomBytes } from "node:crypto"
import type { ExecProcess } from "../Resource.js"
import type { Argv } from "./container.js"
import { background } from "./fork.js"

/** Signals that end or stop a process, and can be caught. */
const signals = "1 2 3 4 5 6 7 8 10 11 12 13 14 15 16 20 21 22 24 25 26 27 29 30 31"

// $1: the mark; the rest: what the script gets
//
// The shell lives through the signals for its group: a trap that does something is not passed on, while one that ignores
// is. It sets no variables, which the script could have in its environment. What it says of a script that a signal has
// ended is nobody's.
const keeper = (script: string): string => `trap : ${signals}
exec 3>&2 2>/dev/null
(
shift
exec 2>&3 3>&-
${script}
)
set -- "$1" "$?"
trap '' ${signals}
printf '\\0%s\\n' "$1"
cat >/dev/null || while read -r _; do :; done
exit "$2"`

/** Takes a mark out of bytes that come in pieces, and holds back what may be its beginning. */
export const finder = (mark: Uint8Array) => {
  let held: Uint8Array = new Uint8Array()
  let found = false
  return {
    found: () => found,
    /** What is no part of the mark. */
    push: (bytes: Uint8Array): Uint8Array => {
      if (found) return bytes
      const all =
        held.length === 0 ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) : Buffer.concat([held, bytes])
      const at = all.indexOf(mark)
      if (at !== -1) {
        found = true
        held = new Uint8Array()
        return Buffer.concat([all.subarray(0, at), all.subarray(at + mark.length)])
      }
      let begun = Math.min(all.length, mark.length - 1)
      while (!all.subarray(all.length - begun).equals(mark.subarray(0, begun))) begun--
      held = all.subarray(all.length - begun)
      return all.subarray(0, all.length - begun)
    },
    /** What was held back, where nothing follows. */
    rest: (): Uint8Array => held
  }
}

/** Runs a script. Its input ends when it has ended; its exit code comes when all have closed its outputs. */
export const keep = <E, R>(
  run: (command: Argv) => Effect.Effect<ExecProcess, E, R>,
  script: string,
  args: ReadonlyArray<string>
): Effect.Effect<ExecProcess, E, R | Scope.Scope> =>
  Effect.gen(function* () {
    const mark = yield* Effect.sync(() => randomBytes(16).toString("hex"))
    const process = yield* run(["sh", "-c", keeper(script), "sh", mark, ...args])
    const { found, push, rest } = finder(Buffer.from(`\0${mark}\n`))
    const ended = yield* Deferred.make<void>()
    const stdout = process.stdout.pipe(
      Stream.mapEffect((bytes) => {
        const certain = push(bytes)
        return found() ? Effect.as(Deferred.succeed(ended, undefined), certain) : Effect.succeed(certain)
      }),
      Stream.concat(Stream.sync(rest)),
      Stream.filter((bytes) => bytes.length > 0)
    )

    // Who writes to the input: the caller, and where nobody does any more, what ends it for the shell.
    const turn = yield* Effect.makeSemaphore(1)
    let closed = false
    const untilEnded = Channel.interruptWhenDeferred(Channel.identity<Chunk.Chunk<Uint8Array>, never, unknown>(), ended)
    const stdin: ExecProcess["stdin"] = Sink.unwrapScoped(
      Effect.as(
        Effect.acquireRelease(turn.take(1), () => turn.release(1)),
        Sink.fromChannel(Channel.pipeTo(untilEnded, Sink.toChannel(process.stdin))).pipe(
          Sink.map(() => {
            closed = true
          })
        )
      )
    )
    yield* Effect.suspend(() => (closed ? Effect.void : Effect.ignore(Stream.run(Stream.empty, process.stdin)))).pipe(
      turn.withPermits(1),
      (close) => Effect.zipRight(Deferred.await(ended), close),
      background
    )
    return { ...process, stdout, stdin }
  })
