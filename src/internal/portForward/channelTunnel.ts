/**
 * A tunnel of servers before Kubernetes 1.31: two channels, and no way to close one and not the other. It stands for one
 * connection, to the port that it was opened for.
 */
import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { KubeError } from "../../KubeError.js"
import { makeConnection } from "./connection.js"
import { makeExplanation, refused, flush, type Parts, type Tunnel } from "./tunnel.js"
import { background, runner } from "../fork.js"

export const protocol = "v4.channel.k8s.io"

/** How long a connection lives on without a word, after this side has ended, which the pod cannot be told. */
const linger = "10 seconds"

const channel = { data: 0, error: 1 } as const

const dataChannel = Buffer.from([channel.data])

export const make = (
  { keeper, pod, shut, socket, toError }: Parts,
  port: number
): Effect.Effect<Tunnel, never, Scope.Scope> =>
  Effect.gen(function* () {
    const fork = yield* runner<never>()
    let dead = false
    let heard = false
    const explanation = makeExplanation()
    /** Each channel begins with the number of the port. */
    const skip = [2, 2]
    const close = (error?: KubeError) => {
      if (dead) return
      dead = true
      connection.duplex.destroy(error)
      shut()
    }
    const send = (part: Uint8Array) => Effect.mapError(socket.send(Buffer.concat([dataChannel, part])), toError)
    const connection = makeConnection({
      fork,
      write: send,
      end: Effect.sync(() => {
        heard = false
        const check = Effect.sync(() => {
          // The pod may still answer; who has left altogether looks the same from here. What nobody reads is no silence.
          if (!heard && connection.hasRoom()) close()
          heard = false
        })
        fork(Effect.forever(Effect.delay(check, linger)))
      }),
      onClose: () => close()
    })
    const handle = (message: Uint8Array): void => {
      const number = message[0]
      if (number !== channel.data && number !== channel.error) return
      const skipped = Math.min(skip[number] ?? 0, message.length - 1)
      skip[number] = (skip[number] ?? 0) - skipped
      const bytes = message.subarray(1 + skipped)
      if (bytes.length === 0) return
      heard = true
      if (number === channel.error) return explanation.add(bytes)
      keeper.works()
      connection.receive(bytes)
    }
    yield* socket.messages.pipe(
      Stream.runForEachChunk((messages: Chunk.Chunk<Uint8Array>) =>
        Effect.suspend(() => {
          for (const message of messages) handle(message)
          return flush(connection)
        })
      ),
      Effect.mapError(toError),
      Effect.exit,
      Effect.map((exit) => {
        const text = explanation.text()
        if (text !== "") {
          keeper.fails()
          return close(refused(pod, port, text))
        }
        if (Exit.isFailure(exit)) return close(exit.cause._tag === "Fail" ? exit.cause.error : undefined)
        connection.receiveEnd()
        connection.finish()
      }),
      background
    )
    return { connect: () => Effect.succeed(connection.duplex), close, isOpen: () => !dead, reusable: false }
  })
