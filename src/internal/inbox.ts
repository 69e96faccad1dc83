/** From a connection that pushes to a stream that pulls. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { HttpFailure } from "../layers/Http.js"

type Signal = { readonly chunk: Uint8Array } | { readonly failure: HttpFailure } | "end"

/** One chunk at most waits here, or what came with it: the connection is paused until it is taken. */
export const makeInbox = (connection: { readonly pause: () => void; readonly resume: () => void }) => {
  const waiting: Array<Signal> = []
  let taker: ((signal: Signal) => void) | undefined
  let ended = false

  const offer = (signal: Signal): void => {
    if (ended) return
    ended = signal === "end" || "failure" in signal
    const take = taker
    taker = undefined
    // The end stays, for whoever pulls again.
    if (take === undefined || ended) waiting.push(signal)
    if (take === undefined && !ended) connection.pause()
    take?.(signal)
  }

  const pull = Effect.async<Chunk.Chunk<Uint8Array>, Option.Option<HttpFailure>>((resume) => {
    const take = (signal: Signal) =>
      resume(
        signal === "end"
          ? Effect.fail(Option.none())
          : "chunk" in signal
            ? Effect.succeed(Chunk.of(signal.chunk))
            : Effect.fail(Option.some(signal.failure))
      )
    const next = waiting.shift()
    if (next !== undefined) {
      if (next === "end" || "failure" in next) waiting.push(next)
      take(next)
      return
    }
    taker = take
    connection.resume()
    return Effect.sync(() => {
      if (taker === take) taker = undefined
    })
  })
  return { offer, chunks: Stream.repeatEffectChunkOption(pull) }
}
