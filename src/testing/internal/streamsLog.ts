/** What a container has logged, line by line with its time, and who waits for more. */
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Option from "effect/Option"
import * as Stream from "effect/Stream"

export interface Line {
  /** Milliseconds. */
  readonly time: number
  readonly output: "stderr" | "stdout"
  readonly text: string
}

export interface Log {
  readonly write: (output: Line["output"], text: string) => Effect.Effect<void>
  readonly end: Effect.Effect<void>
  readonly lines: () => ReadonlyArray<Line>
  /** From a line on, and what comes later until the container ends. */
  readonly from: (index: number) => Stream.Stream<Line>
}

export const makeLog: Effect.Effect<Log> = Effect.sync(() => {
  const lines: Array<Line> = []
  let ended = false
  let more = Deferred.unsafeMake<void>(FiberId.none)
  const signal = () => {
    const told = more
    more = Deferred.unsafeMake<void>(FiberId.none)
    return Deferred.succeed(told, undefined)
  }
  const next = (index: number): Effect.Effect<Option.Option<readonly [Chunk.Chunk<Line>, number]>> =>
    Effect.suspend(() => {
      if (index < lines.length) {
        return Effect.succeedSome([Chunk.unsafeFromArray(lines.slice(index)), lines.length] as const)
      }
      return ended ? Effect.succeedNone : Effect.zipRight(Deferred.await(more), next(index))
    })
  return {
    write: (output, text) =>
      Effect.flatMap(Clock.currentTimeMillis, (time) => {
        lines.push({ time, output, text })
        return signal()
      }),
    end: Effect.suspend(() => {
      ended = true
      return signal()
    }),
    lines: () => lines,
    from: (index) => Stream.unfoldChunkEffect(index, next)
  }
})
