/**
 * A connection into a pod: Node's stream on the program's side, frames on the tunnel's.
 */
import { Duplex } from "node:stream"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"

/** What a stream may hold of what the program has written, before the tunnel has taken it: also what one write gathers. */
const written = 1024 * 1024
/** What may be on its way to the socket before the next write has to wait. */
const ahead = 512 * 1024
/** What one write to the tunnel may hold. Each hop reads a message to its end before it passes it on. */
const messageSize = 32 * 1024

const slices = (bytes: Uint8Array): ReadonlyArray<Uint8Array> =>
  bytes.length <= messageSize
    ? [bytes]
    : Array.from({ length: Math.ceil(bytes.length / messageSize) }, (_, index) =>
        bytes.subarray(index * messageSize, (index + 1) * messageSize)
      )

/** What a connection needs of its tunnel. */
interface Wire {
  /** Of `messageSize` at most. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, Error>
  /** No more comes from this side. */
  readonly end: Effect.Effect<void, Error>
  /** Nobody reads or writes any more. */
  readonly onClose: () => void
  /** Runs an effect until the tunnel's scope closes. */
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.RuntimeFiber<A, E>
}

/** A connection, as the tunnel sees it. */
export interface Connection {
  readonly duplex: Duplex
  /** Bytes of the pod, which wait for `flush`. */
  readonly receive: (bytes: Uint8Array) => void
  /** Hands on what has come. It is taken in any case; whether there is room for more is to be asked before the next. */
  readonly flush: () => void
  readonly hasRoom: () => boolean
  /** Calls back once, as soon as there is room. */
  readonly onRoom: (done: () => void) => void
  /** The pod sends no more. */
  readonly receiveEnd: () => void
  /** The pod neither sends nor reads any more. */
  readonly finish: () => void
}

/** The error of what is used after its scope has closed. */
export const closed = new Error("the port-forward was closed")

export const makeConnection = (wire: Wire): Connection => {
  let waiting: (() => void) | undefined
  let full = false
  let come: Array<Uint8Array> = []
  let finished = false
  const signal = () => {
    full = false
    const done = waiting
    waiting = undefined
    done?.()
  }
  let sending = 0
  let sent: (() => void) | undefined
  const failed = (exit: Exit.Exit<void, Error>): Error | undefined =>
    Exit.isSuccess(exit) ? undefined : exit.cause._tag === "Fail" ? exit.cause.error : closed
  const write = (bytes: Uint8Array, done: (error?: Error) => void) => {
    // Nobody would read it, and the tunnel belongs to the next connection.
    if (finished) return done()
    for (const part of slices(bytes)) {
      sending += part.length
      // They go out in the order in which they were begun.
      wire.fork(wire.write(part)).addObserver((exit) => {
        sending -= part.length
        const error = failed(exit)
        if (error !== undefined) duplex.destroy(error)
        if (sending > ahead) return
        const next = sent
        sent = undefined
        next?.()
      })
    }
    if (sending <= ahead) done()
    else sent = done
  }
  const duplex = new Duplex({
    allowHalfOpen: true,
    writableHighWaterMark: written,
    read: signal,
    write: (chunk: Uint8Array, _, done) => write(chunk, done),
    // A write of its own for each of many small chunks would be a message of its own.
    writev: (chunks, done) => write(Buffer.concat(chunks.map(({ chunk }): Uint8Array => chunk)), done),
    final: (done) => {
      if (finished) done()
      else wire.fork(wire.end).addObserver((exit) => done(failed(exit)))
    },
    destroy(error, done) {
      signal()
      wire.onClose()
      done(error)
    }
  })
  // Whoever has the stream hears of its errors; where nobody listens yet, they are kept by the stream itself.
  duplex.on("error", () => {})
  const flush = () => {
    const [first] = come
    if (first === undefined) return
    // One large write to the local socket costs far less than many small ones.
    const bytes = come.length === 1 ? first : Buffer.concat(come)
    come = []
    if (!duplex.destroyed && !duplex.push(bytes)) full = true
  }
  return {
    duplex,
    receive: (bytes) => {
      come.push(bytes)
    },
    flush,
    hasRoom: () => !full || duplex.destroyed,
    onRoom: (done) => {
      waiting = done
    },
    receiveEnd: () => {
      flush()
      if (!duplex.destroyed && !duplex.readableEnded) duplex.push(null)
    },
    finish: () => {
      finished = true
      const end = () => duplex.end()
      if (duplex.readableEnded) end()
      else duplex.once("end", end)
    }
  }
}
