/** The kubelet's side of a port-forward: SPDY/3.1, two streams for each connection. */
import { Duplex } from "node:stream"
import { constants, inflateRawSync } from "node:zlib"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import type { HttpApp } from "@effect/platform"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Mailbox from "effect/Mailbox"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as spdy from "../../internal/spdy.js"
import type { Connection } from "../ContainerScript.js"
import { nameOf, uid } from "./controllers/api.js"
import type { JsonObject } from "./openapi.js"
import { dictionary } from "./spdyDictionary.js"
import { background, first, runner } from "../../internal/fork.js"

export const spdyProtocol = "SPDY/3.1+portforward.k8s.io"

interface Ends {
  readonly incoming: Stream.Stream<Uint8Array>
  readonly send: (message: Uint8Array) => Effect.Effect<void>
  readonly close: Effect.Effect<void>
}

type Handler = (connection: Connection) => Effect.Effect<void>

/** How far back zlib looks. */
const windowSize = 32 * 1024

/** Reads the header blocks of one direction, which are one zlib stream: each refers to those before it. */
const headersReader = () => {
  let before: Uint8Array | undefined
  return (block: Uint8Array): Either.Either<ReadonlyMap<string, string>, unknown> =>
    Either.try(() => {
      let deflated = block
      if (before === undefined) {
        // The head of the stream. A flag says that it begins with the dictionary, whose checksum follows then.
        const known = ((block[1] ?? 0) & 0x20) !== 0
        deflated = block.subarray(known ? 6 : 2)
        before = known ? dictionary : new Uint8Array(0)
      }
      const own = inflateRawSync(deflated, {
        finishFlush: constants.Z_SYNC_FLUSH,
        ...(before.length === 0 ? {} : { dictionary: before })
      })
      before = Buffer.concat([before, own]).subarray(-windowSize)
      const result = new Map<string, string>()
      let place = 4
      const next = (): string => {
        const length = own.readUInt32BE(place)
        const value = own.toString("latin1", place + 4, place + 4 + length)
        place += 4 + length
        return value
      }
      for (let left = own.readUInt32BE(0); left > 0; left--) result.set(next().toLowerCase(), next())
      return result
    })
}

interface Joined {
  readonly port: number
  readonly request: string
  error: number | undefined
  data: number | undefined
  readonly incoming: Mailbox.Mailbox<Uint8Array>
  readonly left: Deferred.Deferred<void>
}

const nothing = new Uint8Array(0)

/** Serves the connections that come over a tunnel, until its end. */
export const serveSpdy = (
  { close, incoming, send }: Ends,
  pod: JsonObject,
  serves: (port: number) => Handler | undefined
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const decode = spdy.decoder()
    const headersOf = headersReader()
    let replies = 0
    const streams = new Map<number, Joined>()
    const waiting = new Map<string, Joined>()

    /** A connection from its first byte to its last. */
    const serve = (joined: Joined, error: number, data: number): Effect.Effect<void> => {
      const { incoming, left, port } = joined
      const handler = serves(port)
      if (handler === undefined) {
        const why = `error forwarding port ${port} to pod ${uid(pod).replaceAll("-", "")}, uid : failed to execute portforward in network namespace: failed to connect to localhost:${port} inside namespace ${JSON.stringify(nameOf(pod))}: dial tcp4 127.0.0.1:${port}: connect: connection refused`
        return Effect.zipRight(send(spdy.data(error, Buffer.from(why), true)), send(spdy.data(data, nothing, true)))
      }
      const connection: Connection = {
        incoming: Mailbox.toStream(incoming),
        send: (bytes) => {
          const all = typeof bytes === "string" ? Buffer.from(bytes) : bytes
          return all.length === 0 ? Effect.void : send(spdy.data(data, all))
        }
      }
      return handler(connection).pipe(
        (handled) => first(handled, Deferred.await(left)),
        Effect.exit,
        Effect.flatMap((exit) =>
          Exit.isSuccess(exit)
            ? Effect.zipRight(send(spdy.data(data, nothing, true)), send(spdy.data(error, nothing, true)))
            : Effect.zipRight(
                send(spdy.data(error, Buffer.from(Cause.pretty(exit.cause)), true)),
                send(spdy.rstStream(data, spdy.cancel))
              )
        ),
        Effect.ensuring(
          Effect.suspend(() => {
            streams.delete(data)
            streams.delete(error)
            return incoming.shutdown
          })
        )
      )
    }

    const opened = (stream: number, block: Uint8Array): Effect.Effect<void, unknown, Scope.Scope> =>
      Effect.gen(function* () {
        const headers = yield* headersOf(block)
        const request = headers.get("requestid") ?? ""
        const known = waiting.get(request)
        const joined: Joined = known ?? {
          port: Number(headers.get("port")),
          request,
          error: undefined,
          data: undefined,
          incoming: yield* Mailbox.make<Uint8Array>({ capacity: 16 }),
          left: yield* Deferred.make<void>()
        }
        if (headers.get("streamtype") === "error") joined.error = stream
        else joined.data = stream
        streams.set(stream, joined)
        yield* send(spdy.synReply(stream, { first: replies++ === 0 }))
        const { data, error } = joined
        if (data === undefined || error === undefined) {
          waiting.set(request, joined)
          return
        }
        waiting.delete(request)
        yield* background(serve(joined, error, data))
      })

    const handle = (frame: spdy.Frame): Effect.Effect<unknown, unknown, Scope.Scope> => {
      if (frame._tag === "Ping") return frame.id % 2 === 1 ? send(spdy.ping(frame.id)) : Effect.void
      if (frame._tag === "SynStream") return opened(frame.stream, frame.block)
      if (frame._tag === "Data") {
        const joined = streams.get(frame.stream)
        if (joined === undefined || joined.data !== frame.stream) return Effect.void
        const bytes = Uint8Array.from(frame.bytes)
        const given = bytes.length === 0 ? Effect.void : joined.incoming.offer(bytes)
        return frame.fin ? Effect.zipRight(given, joined.incoming.end) : given
      }
      if (frame._tag === "RstStream") {
        const joined = streams.get(frame.stream)
        return joined === undefined ? Effect.void : Deferred.succeed(joined.left, undefined)
      }
      return Effect.void
    }
    yield* Stream.runForEach(incoming, (message) =>
      Effect.flatMap(decode(message), (frames) => Effect.forEach(frames, handle, { discard: true }))
    ).pipe(Effect.ignore, Effect.ensuring(close))
  })

/** A connection as Node's streams are. */
const duplexOf = ({ incoming, send }: Connection, fork: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>) => {
  let room: (() => void) | undefined
  const duplex = new Duplex({
    allowHalfOpen: true,
    read: () => {
      room?.()
      room = undefined
    },
    write: (chunk: Uint8Array, _, done) => {
      fork(send(chunk)).addObserver(() => done())
    }
  })
  const push = (bytes: Uint8Array | null): Effect.Effect<void> =>
    Effect.async((resume) => {
      if (duplex.destroyed || duplex.push(bytes) || bytes === null) return resume(Effect.void)
      room = () => resume(Effect.void)
    })
  fork(Effect.zipRight(Stream.runForEach(incoming, push), push(null)))
  return duplex
}

/** Serves HTTP over a connection. */
const overHttp =
  (app: HttpApp.Default<never>): Handler =>
  (connection) =>
    Effect.scoped(
      Effect.gen(function* () {
        const fork = yield* runner<never>()
        // Node's server is loaded where it is needed.
        const [{ createServer }, NodeHttpServer] = yield* Effect.promise(() =>
          Promise.all([import("node:http"), import("@effect/platform-node/NodeHttpServer")])
        )
        const server = createServer(yield* NodeHttpServer.makeHandler(app))
        const duplex = yield* Effect.acquireRelease(
          Effect.sync(() => duplexOf(connection, fork)),
          (stream) => Effect.sync(() => stream.destroy())
        )
        yield* Effect.async<void>((resume) => {
          duplex.once("close", () => resume(Effect.void))
          server.emit("connection", duplex)
        })
      })
    )

/** What serves a port, as a handler of bytes. */
export const handlerOf = (given: Handler | HttpApp.Default<never>): Handler =>
  Effect.isEffect(given) ? overHttp(given) : given
