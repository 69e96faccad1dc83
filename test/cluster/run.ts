import * as Command from "@effect/platform/Command"
import type { CommandExecutor } from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

export interface Result {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

const text = <E>(stream: Stream.Stream<Uint8Array, E>): Effect.Effect<string, E> =>
  stream.pipe(Stream.decodeText(), Stream.mkString)

/** Runs a command to its end, and gives what it said. */
export const run = (command: Command.Command): Effect.Effect<Result, PlatformError, CommandExecutor> =>
  Command.start(command).pipe(
    Effect.flatMap((process) =>
      Effect.all(
        { exitCode: process.exitCode, stdout: text(process.stdout), stderr: text(process.stderr) },
        { concurrency: "unbounded" }
      )
    ),
    Effect.scoped
  )

/** The last lines of a text. */
export const tail = (text: string, lines = 20): string => text.trimEnd().split("\n").slice(-lines).join("\n")
