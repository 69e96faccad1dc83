/**
 * Connections into a pod without a local port: a stream, a `Socket`, an `HttpClient`.
 */
import * as net from "node:net"
import type { Duplex } from "node:stream"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { KubeError } from "../../KubeError.js"
import type { KubeClient } from "../../layers/KubeClient.js"
import type * as Pods from "../../Pods.js"
import type { HttpOptions, Options, Port } from "../../PortForward.js"
import { closed } from "./connection.js"
import { forwarder } from "./forwarder.js"
import { runner } from "../fork.js"

/** Opens a connection that ends with the scope. */
const scoped = <E>(connect: Effect.Effect<Duplex, E>): Effect.Effect<Duplex, E, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.tap(restore(connect), (stream) => Effect.addFinalizer(() => Effect.sync(() => stream.destroy())))
  )

/** One connection. */
export const duplex = (
  pods: Pods.Pods,
  port: Port,
  options: Options = {}
): Effect.Effect<Duplex, KubeError, KubeClient | Scope.Scope> =>
  Effect.flatMap(forwarder(pods, [port], options), ({ connect }) => scoped(connect(port)))

/** What a stream gives, one chunk after the other; `None` is its end. */
const read = (stream: Duplex): Effect.Effect<Option.Option<Uint8Array>, Error> =>
  Effect.async((resume) => {
    const chunk: unknown = stream.read()
    if (chunk instanceof Uint8Array) return resume(Effect.succeedSome(chunk))
    if (stream.errored !== null) return resume(Effect.fail(stream.errored))
    if (stream.readableEnded || stream.destroyed) return resume(Effect.succeedNone)
    const done = (result: Effect.Effect<Option.Option<Uint8Array>, Error>) => {
      stop()
      resume(result)
    }
    const onReadable = () => done(read(stream))
    const onEnd = () => done(Effect.succeedNone)
    const onError = (error: Error) => done(Effect.fail(error))
    const stop = () => {
      stream.off("readable", onReadable).off("end", onEnd).off("close", onEnd).off("error", onError)
    }
    stream.on("readable", onReadable).on("end", onEnd).on("close", onEnd).on("error", onError)
    return Effect.sync(stop)
  })

export const socket = (
  pods: Pods.Pods,
  port: Port,
  options: Options = {}
): Effect.Effect<Socket.Socket, KubeError, KubeClient | Scope.Scope> =>
  Effect.gen(function* () {
    const { connect } = yield* forwarder(pods, [port], options)
    const latch = yield* Effect.makeLatch(false)
    let current: Duplex | undefined
    const failed = (reason: "Open" | "Read" | "Write") => (cause: unknown) =>
      new Socket.SocketGenericError({ reason, cause })

    const run = <_, E = never, R = never>(
      handler: (bytes: Uint8Array) => Effect.Effect<_, E, R> | void,
      { onOpen = Effect.void }: { readonly onOpen?: Effect.Effect<void> | undefined } = {}
    ): Effect.Effect<void, Socket.SocketError | E, R> =>
      Effect.scoped(
        Effect.gen(function* () {
          const stream = yield* scoped(Effect.mapError(connect(port), failed("Open")))
          yield* Effect.acquireRelease(
            Effect.suspend(() => {
              current = stream
              return latch.open
            }),
            () =>
              Effect.suspend(() => {
                current = undefined
                return latch.close
              })
          )
          yield* onOpen
          const next: Effect.Effect<void, Socket.SocketError | E, R> = Effect.flatMap(
            Effect.mapError(read(stream), failed("Read")),
            Option.match({
              onNone: () => Effect.void,
              onSome: (bytes) => {
                const handled = handler(bytes)
                return Effect.isEffect(handled) ? Effect.zipRight(handled, next) : next
              }
            })
          )
          return yield* next
        })
      )

    const write = (chunk: Uint8Array | string | Socket.CloseEvent): Effect.Effect<void, Socket.SocketError> =>
      latch.whenOpen(
        Effect.async<void, Socket.SocketError>((resume) => {
          const stream = current
          if (stream === undefined) return resume(Effect.fail(failed("Write")(closed)))
          if (Socket.isCloseEvent(chunk)) {
            stream.destroy(chunk.code > 1000 ? new Error(`closed with code ${chunk.code}`) : undefined)
            return resume(Effect.void)
          }
          stream.write(chunk, (cause) => {
            resume(cause === null || cause === undefined ? Effect.void : Effect.fail(failed("Write")(cause)))
          })
        })
      )
    return Socket.Socket.of({
      [Socket.TypeId]: Socket.TypeId,
      run,
      runRaw: run,
      writer: Effect.acquireRelease(Effect.succeed(write), () =>
        Effect.sync(() => {
          if (current !== undefined && !current.writableEnded) current.end()
        })
      )
    })
  })

export const httpClient = (
  pods: Pods.Pods,
  port: Port,
  { connections, tls = {}, ...options }: HttpOptions = {}
): Effect.Effect<HttpClient.HttpClient, KubeError, KubeClient | Scope.Scope> =>
  Effect.gen(function* () {
    const { connect } = yield* forwarder(pods, [port], options)
    const fork = yield* runner<never>()
    // Loaded when they are first needed, as WebSockets are.
    const [{ Agent }, { connect: secure }, { makeUndici }] = yield* Effect.promise(() =>
      Promise.all([import("undici"), import("node:tls"), import("@effect/platform-node/NodeHttpClient")])
    )
    const agent = yield* Effect.acquireRelease(
      Effect.sync(
        () =>
          new Agent({
            connections: connections ?? null,
            pipelining: 1,
            connect: ({ hostname, protocol, servername }, callback) => {
              fork(connect(port)).addObserver((exit) => {
                if (Exit.isFailure(exit)) return callback(errorOf(exit.cause), null)
                const stream = exit.value
                if (protocol !== "https:") return callback(null, asSocket(stream))
                const name = tls.servername ?? servername ?? (net.isIP(hostname) === 0 ? hostname : undefined)
                const encrypted = secure({
                  ALPNProtocols: ["http/1.1"],
                  ...tls,
                  ...(name === undefined ? {} : { servername: name }),
                  host: hostname,
                  socket: stream
                })
                const onError = (error: Error) => callback(error, null)
                encrypted.once("error", onError)
                stream.once("error", (error) => encrypted.destroy(error))
                encrypted.once("secureConnect", () => {
                  encrypted.off("error", onError)
                  callback(null, encrypted)
                })
              })
            }
          })
      ),
      (agent) => Effect.promise(() => agent.destroy())
    )
    return makeUndici(agent)
  })

/** The error of a connection that did not come to be. */
const errorOf = (cause: Cause.Cause<KubeError>): Error => Option.getOrElse(Cause.failureOption(cause), () => closed)

/** undici asks no more of a socket than that it is a stream; its types say more. */
const asSocket = (stream: Duplex): net.Socket => stream as net.Socket
