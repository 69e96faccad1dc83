/**
 * A tunnel that speaks SPDY/3.1, as servers since Kubernetes 1.31 do: two streams for each connection, one for its bytes
 * and one for the kubelet's explanation where it fails.
 */
import type { Duplex } from "node:stream"
import type * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { PortForwardError, type KubeError } from "../../KubeError.js"
import * as spdy from "../spdy.js"
import { closed, makeConnection, type Connection } from "./connection.js"
import { failure, lost, makeExplanation, refused, flush, silent, type Parts, type Tunnel } from "./tunnel.js"
import { background, limited, runner } from "../fork.js"

export const protocol = "SPDY/3.1+portforward.k8s.io"

/** How long the kubelet has to accept a connection. */
const acceptTimeout = "30 seconds"
/** How often a tunnel is tried; it is dead when nothing answers until the next time. */
const heartbeat = "30 seconds"
/** How long the kubelet has to end a connection that the program has left; the runtime takes half a second. */
const leaveTimeout = "5 seconds"

const nothing = new Uint8Array(0)

/** The streams of one connection. */
interface Streams {
  readonly port: number
  readonly error: number
  readonly data: number
  readonly accepted: Deferred.Deferred<void, KubeError>
  readonly connection: Connection
  readonly explanation: ReturnType<typeof makeExplanation>
  /** Of the two streams. */
  replies: number
  errorEnded: boolean
  dataEnded: boolean
}

export const make = ({ keeper, pod, shut, socket, toError }: Parts): Effect.Effect<Tunnel, never, Scope.Scope> =>
  Effect.gen(function* () {
    const decode = spdy.decoder()
    const fork = yield* runner<never>()
    let next = 1
    let current: Streams | undefined
    let dead: KubeError | undefined
    let heard = true
    let leaving = false
    const send = (bytes: Uint8Array) => Effect.mapError(socket.send(bytes), toError)
    /** What nobody waits for: where it fails, the tunnel is over, which its reader sees. */
    const post = (bytes: Uint8Array) => {
      fork(Effect.ignore(send(bytes)))
    }

    const close = (error?: KubeError) => {
      if (dead !== undefined) return
      dead = error ?? new PortForwardError({ reason: "Pod", pod, message: closed.message })
      const streams = current
      current = undefined
      if (streams !== undefined) {
        Deferred.unsafeDone(streams.accepted, Exit.fail(dead))
        streams.connection.duplex.destroy(error)
      }
      shut()
    }

    /** The connection has ended on both sides: the tunnel is for the next one. */
    const free = (streams: Streams) => {
      if (current !== streams) return
      current = undefined
      keeper.release(tunnel)
    }

    /** The pod's side has closed or reset one of the streams. */
    const ended = (streams: Streams, stream: number, reset: boolean) => {
      const explanation = streams.explanation.text()
      if (stream === streams.error) streams.errorEnded = true
      else streams.dataEnded = true
      // Whoever has left does not want to know.
      const left = streams.connection.duplex.destroyed
      if (!left && (reset || (streams.errorEnded && explanation !== ""))) {
        keeper.fails()
        return close(explanation === "" ? lost(pod, streams.port) : refused(pod, streams.port, explanation))
      }
      if (streams.dataEnded) streams.connection.receiveEnd()
      // The kubelet closes this one when it has left.
      if (!streams.errorEnded) return
      streams.connection.receiveEnd()
      streams.connection.finish()
      if (streams.connection.duplex.destroyed) free(streams)
    }

    const handle = (frame: spdy.Frame): void => {
      // Ours have odd numbers.
      if (frame._tag === "Ping" && frame.id % 2 === 0) return post(spdy.ping(frame.id))
      const streams = current
      if (frame._tag === "GoAway") {
        leaving = true
        // What it has not accepted it never will.
        if (streams === undefined || streams.replies < 2) {
          close(toError(failure("Reset", "the kubelet ends the tunnel")))
        }
        return
      }
      if (streams === undefined || !("stream" in frame)) return
      const isData = frame.stream === streams.data
      if (!isData && frame.stream !== streams.error) return
      switch (frame._tag) {
        case "SynReply":
          streams.replies++
          if (frame.fin) ended(streams, frame.stream, false)
          if (streams.replies === 2) Deferred.unsafeDone(streams.accepted, Exit.void)
          return
        case "RstStream":
          return ended(streams, frame.stream, true)
        case "Data":
          if (!isData) streams.explanation.add(frame.bytes)
          else if (frame.bytes.length > 0) {
            keeper.works()
            streams.connection.receive(frame.bytes)
          }
          if (frame.fin) ended(streams, frame.stream, false)
          return
      }
    }

    const hasRoom = () => current === undefined || current.connection.hasRoom()

    /** Everything that has come is handled at once: what one chunk may hold is the socket's to limit. */
    const receive = (messages: Chunk.Chunk<Uint8Array>): Effect.Effect<void, KubeError> =>
      Effect.suspend(() => {
        heard = true
        for (const message of messages) {
          const frames = decode(message)
          if (Either.isLeft(frames)) {
            return Effect.fail(toError(failure("Protocol", `the tunnel to the pod broke: ${frames.left.problem}`)))
          }
          for (const frame of frames.right) handle(frame)
        }
        return current === undefined ? Effect.void : flush(current.connection)
      })

    const connect = (port: number): Effect.Effect<Duplex, KubeError> =>
      Effect.gen(function* () {
        if (dead !== undefined) return yield* dead
        const error = next
        const data = next + 2
        next += 4
        let finSent = false
        const streams: Streams = {
          port,
          error,
          data,
          accepted: yield* Deferred.make<void, KubeError>(),
          explanation: makeExplanation(),
          replies: 0,
          errorEnded: false,
          dataEnded: false,
          connection: makeConnection({
            fork,
            write: (bytes) => send(spdy.data(data, bytes)),
            end: Effect.suspend(() => {
              finSent = true
              return send(spdy.data(data, nothing, true))
            }),
            onClose: () => {
              if (dead !== undefined || current !== streams) return
              if (streams.replies < 2 || leaving) return close()
              if (!finSent) post(spdy.rstStream(data, spdy.cancel))
              if (streams.errorEnded) return free(streams)
              // The kubelet says when it has left; until then the tunnel is not for another connection.
              const give = Effect.sync(() => {
                if (current === streams) close()
              })
              fork(Effect.delay(give, leaveTimeout))
            }
          })
        }
        current = streams
        const headers = (streamType: string) => ({ streamType, port: String(port), requestID: String(error) })
        yield* send(
          Buffer.concat([
            spdy.synStream(error, headers("error"), { first: error === 1 }),
            spdy.synStream(data, headers("data"), { first: false })
          ])
        )
        yield* Deferred.await(streams.accepted)
        // There is nothing to say there.
        post(spdy.data(error, nothing, true))
        return streams.connection.duplex
      }).pipe((accepted) =>
        limited(accepted, {
          duration: acceptTimeout,
          onTimeout: () => toError(silent("the kubelet does not accept the connection"))
        })
      )

    const tunnel: Tunnel = { connect, close, isOpen: () => dead === undefined, reusable: true }

    yield* socket.messages.pipe(
      Stream.runForEachChunk(receive),
      Effect.mapError((error) => (error._tag === "HttpFailure" ? toError(error) : error)),
      Effect.exit,
      Effect.map((exit) =>
        close(
          Exit.isFailure(exit) && exit.cause._tag === "Fail"
            ? exit.cause.error
            : toError(failure("Reset", "the connection to the pod ended"))
        )
      ),
      background
    )
    yield* Effect.suspend(() => {
      // While nobody reads, answers wait behind the data.
      if (!heard && hasRoom()) close(toError(silent("the kubelet does not answer any more")))
      heard = false
      return Effect.ignore(send(spdy.ping(1)))
    }).pipe(Effect.delay(heartbeat), Effect.forever, background)
    return tunnel
  })
