/** From a connection that pushes to a stream that pulls. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { HttpFailure } from "../layers/Http.js"
import { toStream, type Pull } from "./pull.js"

type Signal = { readonly chunk: Uint8Array } | { readonly failure: HttpFailure } | "end"

/**
 * What nobody has taken yet waits here. With more than `budget` bytes of it the connection is paused until it is taken.
 * Where there is a budget, all that the connection reads in one go is handed out at once: for small chunks the way to the
 * reader, and a pause after each of them, would cost more than what is done with them.
 */
export const makeInbox = (connection: { readonly pause: () => void; readonly resume: () => void }, budget = 0) => {
  let waiting: Array<Uint8Array> = []
  let size = 0
  let paused = false
  let last: { readonly failure: HttpFailure } | "end" | undefined
  let taker: ((result: Pull<Uint8Array, HttpFailure>) => void) | undefined

  let turn: NodeJS.Immediate | undefined

  /** What there is to take now. The end stays, for whoever pulls again. */
  const take = (): Pull<Uint8Array, HttpFailure> | undefined => {
    if (waiting.length > 0) {
      const taken = Chunk.unsafeFromArray(waiting)
      waiting = []
      size = 0
      return Effect.succeed(taken)
    }
    if (last === undefined) return undefined
    return Effect.fail(last === "end" ? Option.none() : Option.some(last.failure))
  }

  const offer = (signal: Signal): void => {
    if (last !== undefined) return
    if (signal === "end" || "failure" in signal) last = signal
    else {
      waiting.push(signal.chunk)
      size += signal.chunk.length
    }
    if (taker !== undefined && budget === 0) hand()
    else if (taker !== undefined && turn === undefined) turn = setImmediate(hand)
    if (last === undefined && size > budget && !paused) {
      paused = true
      connection.pause()
    }
  }

  const hand = () => {
    turn = undefined
    const resume = taker
    const taken = resume === undefined ? undefined : take()
    if (taken === undefined) return
    taker = undefined
    resume?.(taken)
  }

  const pull = Effect.async<Chunk.Chunk<Uint8Array>, Option.Option<HttpFailure>>((resume) => {
    const before = take()
    if (paused) {
      paused = false
      connection.resume()
    }
    // A connection may go on, and have more, before `resume` returns.
    const taken = before ?? take()
    if (taken !== undefined) return resume(taken)
    taker = resume
    return Effect.sync(() => {
      if (taker === resume) taker = undefined
    })
  })
  const end = () => offer("end")
  return { offer, chunks: toStream(Effect.succeed({ pull, end })) }
}
