/**
 * Connections into a pod.
 *
 * Each goes through a tunnel of its own, a WebSocket that the API server joins with the kubelet: SPDY knows no
 * backpressure for a single stream, so that many connections in one tunnel would wait for the slowest. A tunnel whose
 * connection has ended well is kept for the next one, for its handshake takes longer than all that follows.
 */
import * as net from "node:net"
import { Duplex } from "node:stream"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { InvalidRequest, isKubeError, PortForwardError, TransportError, type KubeError } from "../KubeError.js"
import type { HttpFailure, HttpWebSocket } from "../layers/Http.js"
import type { KubeClient } from "../layers/KubeClient.js"
import * as Pods from "../Pods.js"
import type { Address, Forward, HttpOptions, Listen, ListenOptions, Options, Port } from "../PortForward.js"
import type { Request } from "../Request.js"
import type { NamespaceOption, Ref, Stored } from "../Resource.js"
import { Pod, type ServicePort } from "../resources/CoreV1.js"
import * as requests from "./requests.js"
import * as spdy from "./spdy.js"
import { withClient } from "./withClient.js"

const tunnelProtocol = "SPDY/3.1+portforward.k8s.io"
/** What servers before Kubernetes 1.31 speak: two channels, and no way to close one and not the other. */
const channelProtocol = "v4.channel.k8s.io"

/** How long the kubelet has to accept a connection. */
const acceptTimeout = "30 seconds"
/** How often a tunnel is tried; it is dead when nothing answers until the next time. */
const heartbeat = "30 seconds"
/** How long a tunnel waits for the next connection. */
const idleTimeout = "1 minute"
/** Tunnels of a pod that wait. */
const maxIdle = 16
/** Tries to reach a pod for one connection. */
const maxTries = 4
/** Pods are not looked for again sooner than after this, doubled with each failure in a row, */
const firstDelay = 100
/** and not later than after that. In milliseconds. */
const lastDelay = 2000
/** What a pod that is gone may still have on the way. */
const farewell = "1 second"
/** How long the kubelet has to end a connection that the program has left; the runtime takes half a second. */
const leaveTimeout = "5 seconds"
/** How long a connection lives on without a word, where its end cannot be told to the pod. */
const linger = "10 seconds"
/** What is kept of the kubelet's explanation of a failure. */
const maxExplanation = 4096

// ---------------------------------------------------------------------------------------------------------------------
// Ports
// ---------------------------------------------------------------------------------------------------------------------

const invalid = (message: string) => Either.left(new InvalidRequest({ message }))

const isPort = (port: number): boolean => Number.isInteger(port) && port > 0 && port < 65536

/** The names of ports that there are, for a message. */
const known = (ports: ReadonlyArray<{ readonly name?: string | undefined; readonly port: number }>): string =>
  ports.length === 0
    ? "it declares none"
    : `it has ${ports.map(({ name, port }) => (name === undefined ? String(port) : `${name} (${port})`)).join(", ")}`

const ofPod = (pod: Stored<Pod>, name: Port): Either.Either<number, InvalidRequest> => {
  const { containers, initContainers = [] } = pod.spec
  const ports = [...containers, ...initContainers].flatMap((container) =>
    (container.ports ?? []).map(({ containerPort, name, protocol }) => ({ name, port: containerPort, protocol }))
  )
  const matching = ports.filter((declared) => (typeof name === "number" ? declared.port : declared.name) === name)
  const tcp = matching.find(({ protocol = "TCP" }) => protocol === "TCP")
  const where = `port ${JSON.stringify(name)} of pod "${pod.metadata.name}"`
  if (tcp !== undefined) return Either.right(tcp.port)
  if (matching.length > 0) return invalid(`${where} is ${matching[0]?.protocol}; only TCP can be forwarded`)
  if (typeof name === "string") return invalid(`${where} is not there: ${known(ports)}`)
  // A container need not declare what it listens on.
  return isPort(name) ? Either.right(name) : invalid(`${where}: expected a number from 1 to 65535`)
}

interface Service {
  readonly metadata: { readonly name: string }
  readonly spec: { readonly clusterIP?: string; readonly ports?: ReadonlyArray<ServicePort> }
}

/** Other kinds of that name exist, in other groups. */
const isService = (object: object): object is Service =>
  "kind" in object && object.kind === "Service" && "apiVersion" in object && object.apiVersion === "v1"

/** The port of a pod behind a service's port. */
const ofService = (
  { metadata, spec }: Service,
  pod: Stored<Pod>,
  name: Port
): Either.Either<number, InvalidRequest> => {
  const { clusterIP, ports = [] } = spec
  const matching = ports.filter((declared) => (typeof name === "number" ? declared.port : declared.name) === name)
  const where = `port ${JSON.stringify(name)} of service "${metadata.name}"`
  const tcp = matching.find(({ protocol = "TCP" }) => protocol === "TCP")
  if (tcp === undefined) {
    return matching.length > 0
      ? invalid(`${where} is ${matching[0]?.protocol}; only TCP can be forwarded`)
      : invalid(`${where} is not there: ${known(ports)}`)
  }
  // A headless service maps nothing: its clients talk to the pods themselves.
  if (clusterIP === "None") return Either.right(tcp.port)
  return ofPod(pod, tcp.targetPort ?? tcp.port)
}

// ---------------------------------------------------------------------------------------------------------------------
// One connection
// ---------------------------------------------------------------------------------------------------------------------

/** What a connection needs of its tunnel. */
interface Wire {
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, Error>
  /** No more comes from this side. */
  readonly end: Effect.Effect<void, Error>
  /** Nobody reads or writes any more. */
  readonly onClose: () => void
}

/** A connection, as the tunnel sees it. */
interface Connection {
  readonly duplex: Duplex
  /** Done when there is room for more. */
  readonly receive: (bytes: Uint8Array) => Effect.Effect<void>
  /** The pod sends no more. */
  readonly receiveEnd: () => void
  /** The pod neither sends nor reads any more. */
  readonly finish: () => void
}

const makeConnection = (wire: Wire): Connection => {
  let room: (() => void) | undefined
  let finished = false
  const signal = () => {
    const waiting = room
    room = undefined
    waiting?.()
  }
  const run = (effect: Effect.Effect<void, Error>, done: (error?: Error) => void) => {
    Effect.runFork(effect).addObserver((exit) => {
      if (Exit.isSuccess(exit)) return done()
      done(exit.cause._tag === "Fail" ? exit.cause.error : closed)
    })
  }
  const duplex = new Duplex({
    allowHalfOpen: true,
    read: signal,
    write(chunk: Uint8Array, _, done) {
      // Nobody would read it, and the tunnel belongs to the next connection.
      if (finished) done()
      else run(wire.write(chunk), done)
    },
    final(done) {
      if (finished) done()
      else run(wire.end, done)
    },
    destroy(error, done) {
      signal()
      wire.onClose()
      done(error)
    }
  })
  // Whoever has the stream hears of its errors; where nobody listens yet, they are kept by the stream itself.
  duplex.on("error", () => {})
  return {
    duplex,
    receive: (bytes) =>
      Effect.async<void>((resume) => {
        if (duplex.destroyed || duplex.push(bytes)) return resume(Effect.void)
        room = () => resume(Effect.void)
      }),
    receiveEnd: () => {
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

const closed = new Error("the port-forward was closed")

// ---------------------------------------------------------------------------------------------------------------------
// Tunnels
// ---------------------------------------------------------------------------------------------------------------------

/** The way into one pod, for one connection at a time. */
interface Tunnel {
  readonly connect: (port: number) => Effect.Effect<Duplex, KubeError>
  /** Closes it and what goes through it. */
  readonly close: (error?: KubeError) => void
  readonly isOpen: () => boolean
  /** Whether another connection can follow the first. */
  readonly reusable: boolean
}

/** What the tunnel tells its pod's keeper. */
interface Keeper {
  /** The connection has ended well: the tunnel is free. */
  readonly release: (tunnel: Tunnel) => void
  /** The pod has sent something. */
  readonly works: () => void
  /** The pod's side has failed. */
  readonly fails: () => void
}

/** What a tunnel is made of. */
interface Parts {
  readonly pod: string
  readonly socket: HttpWebSocket
  readonly toError: (failure: HttpFailure) => KubeError
  readonly keeper: Keeper
  readonly shut: () => void
}

const refused = (pod: string, port: number, text: string): PortForwardError =>
  new PortForwardError({
    reason: /connection refused/i.test(text) ? "Refused" : "Pod",
    pod,
    port,
    message: /connection refused/i.test(text)
      ? `nothing listens on port ${port} of pod "${pod}" (connection refused): ${text}`
      : `port ${port} of pod "${pod}": ${text}`
  })

const lost = (pod: string, port: number): PortForwardError =>
  new PortForwardError({ reason: "Pod", pod, port, message: `port ${port} of pod "${pod}": the connection was reset` })

const cut = (text: Array<Uint8Array>): string => Buffer.concat(text).toString("utf8").trim()

/** What one message may hold: servers refuse much larger ones. */
const messageSize = 256 * 1024

const slices = (bytes: Uint8Array): ReadonlyArray<Uint8Array> =>
  bytes.length <= messageSize
    ? [bytes]
    : Array.from({ length: Math.ceil(bytes.length / messageSize) }, (_, index) =>
        bytes.subarray(index * messageSize, (index + 1) * messageSize)
      )

/** The streams of one connection in a SPDY tunnel. */
interface Streams {
  readonly port: number
  readonly error: number
  readonly data: number
  readonly accepted: Deferred.Deferred<void, KubeError>
  readonly connection: Connection
  readonly replied: Set<number>
  readonly explanation: Array<Uint8Array>
  explained: number
  errorEnded: boolean
  dataEnded: boolean
}

const spdyTunnel = ({ keeper, pod, shut, socket, toError }: Parts): Effect.Effect<Tunnel, never, Scope.Scope> =>
  Effect.gen(function* () {
    const decode = spdy.decoder()
    let next = 1
    let current: Streams | undefined
    let dead: KubeError | undefined
    let heard = true
    let full = false
    let leaving = false
    const send = (bytes: Uint8Array) => Effect.mapError(socket.send(bytes), toError)

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
      const explanation = cut(streams.explanation)
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

    const onData = (streams: Streams, bytes: Uint8Array): Effect.Effect<void> => {
      if (bytes.length === 0) return Effect.void
      keeper.works()
      full = true
      return Effect.map(streams.connection.receive(bytes), () => {
        full = false
      })
    }

    const handle = (frame: spdy.Frame): Effect.Effect<void, KubeError> => {
      const streams = current
      switch (frame._tag) {
        case "Ping":
          // Ours have odd numbers.
          return frame.id % 2 === 0 ? send(spdy.ping(frame.id)) : Effect.void
        case "GoAway":
          leaving = true
          // What it has not accepted it never will.
          if (streams === undefined || streams.replied.size < 2)
            close(toError(failure("Reset", "the kubelet ends the tunnel")))
          return Effect.void
        case "SynReply": {
          if (streams === undefined || (frame.stream !== streams.error && frame.stream !== streams.data))
            return Effect.void
          streams.replied.add(frame.stream)
          if (frame.fin) ended(streams, frame.stream, false)
          return streams.replied.size < 2 ? Effect.void : Effect.asVoid(Deferred.succeed(streams.accepted, undefined))
        }
        case "RstStream":
          if (streams !== undefined && (frame.stream === streams.error || frame.stream === streams.data)) {
            ended(streams, frame.stream, true)
          }
          return Effect.void
        case "Data": {
          if (streams === undefined) return Effect.void
          if (frame.stream === streams.error) {
            if (streams.explained < maxExplanation) streams.explanation.push(Buffer.from(frame.bytes))
            streams.explained += frame.bytes.length
            if (frame.fin) ended(streams, frame.stream, false)
            return Effect.void
          }
          if (frame.stream !== streams.data) return Effect.void
          const received = onData(streams, frame.bytes)
          return frame.fin ? Effect.map(received, () => ended(streams, frame.stream, false)) : received
        }
        default:
          return Effect.void
      }
    }

    const connect = (port: number): Effect.Effect<Duplex, KubeError> =>
      Effect.gen(function* () {
        if (dead !== undefined) return yield* dead
        const error = next
        const data = next + 2
        next += 4
        const accepted = yield* Deferred.make<void, KubeError>()
        let finSent = false
        const streams: Streams = {
          port,
          error,
          data,
          accepted,
          replied: new Set(),
          explanation: [],
          explained: 0,
          errorEnded: false,
          dataEnded: false,
          connection: makeConnection({
            write: (bytes) => Effect.forEach(slices(bytes), (part) => send(spdy.data(data, part)), { discard: true }),
            end: Effect.suspend(() => {
              finSent = true
              return send(spdy.data(data, new Uint8Array(0), true))
            }),
            onClose: () => {
              if (dead !== undefined || current !== streams) return
              if (streams.replied.size < 2 || leaving) return close()
              if (!finSent) Effect.runFork(Effect.ignore(send(spdy.rstStream(data, spdy.cancel))))
              if (streams.errorEnded) return free(streams)
              // The kubelet says when it has left; until then the tunnel is not for another connection.
              Effect.runFork(
                Effect.delay(
                  Effect.sync(() => {
                    if (current === streams) close()
                  }),
                  leaveTimeout
                )
              )
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
        yield* Deferred.await(accepted)
        // There is nothing to say there.
        yield* Effect.mapError(send(spdy.data(error, new Uint8Array(0), true)), (failed) => dead ?? failed)
        return streams.connection.duplex
      }).pipe(
        Effect.timeoutFail({
          duration: acceptTimeout,
          onTimeout: () => toError(silent("the kubelet does not accept the connection"))
        })
      )

    const tunnel: Tunnel = { connect, close, isOpen: () => dead === undefined, reusable: true }

    yield* socket.messages.pipe(
      Stream.runForEach((message): Effect.Effect<void, KubeError> => {
        heard = true
        const frames = decode(message)
        return Either.isLeft(frames)
          ? Effect.fail(toError(failure("Protocol", `the tunnel to the pod broke: ${frames.left.problem}`)))
          : frames.right.length === 1 && frames.right[0] !== undefined
            ? handle(frames.right[0])
            : Effect.forEach(frames.right, handle, { discard: true })
      }),
      Effect.mapError((error) => (error._tag === "HttpFailure" ? toError(error) : error)),
      Effect.exit,
      Effect.map((exit) =>
        close(
          Exit.isFailure(exit) && exit.cause._tag === "Fail"
            ? exit.cause.error
            : toError(failure("Reset", "the connection to the pod ended"))
        )
      ),
      Effect.forkScoped
    )
    yield* Effect.suspend(() => {
      // While nobody reads, answers wait behind the data.
      if (!heard && !full) close(toError(silent("the kubelet does not answer any more")))
      heard = false
      return Effect.ignore(send(spdy.ping(1)))
    }).pipe(Effect.delay(heartbeat), Effect.forever, Effect.forkScoped)
    return tunnel
  })

const failure = (reason: HttpFailure["reason"], description: string): HttpFailure => ({
  _tag: "HttpFailure",
  reason,
  description,
  cause: undefined
})

const silent = (description: string) => failure("ConnectTimeout", description)

const channel = { data: 0, error: 1 } as const

/** A tunnel of older servers: it stands for one connection, to the port that it was opened for. */
const channelTunnel = (
  { keeper, pod, shut, socket, toError }: Parts,
  port: number
): Effect.Effect<Tunnel, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    let dead = false
    let heard = false
    const explanation: Array<Uint8Array> = []
    /** Each channel begins with the number of the port. */
    const skip = [2, 2]
    const send = (bytes: Uint8Array) =>
      Effect.forEach(
        slices(bytes),
        (part) => Effect.mapError(socket.send(Buffer.concat([Buffer.from([channel.data]), part])), toError),
        { discard: true }
      )
    const close = (error?: KubeError) => {
      if (dead) return
      dead = true
      connection.duplex.destroy(error)
      shut()
    }
    const connection = makeConnection({
      write: send,
      end: Effect.suspend(() => {
        heard = false
        // The pod cannot be told. It may still answer; who has left altogether looks the same from here.
        return Effect.suspend(() => {
          if (!heard) close()
          heard = false
          return Effect.void
        }).pipe(Effect.delay(linger), Effect.forever, Effect.forkIn(scope), Effect.asVoid)
      }),
      onClose: () => close()
    })
    const receive = (message: Uint8Array): Effect.Effect<void> => {
      const number = message[0]
      if (number !== channel.data && number !== channel.error) return Effect.void
      const skipped = Math.min(skip[number] ?? 0, message.length - 1)
      skip[number] = (skip[number] ?? 0) - skipped
      const bytes = message.subarray(1 + skipped)
      if (bytes.length === 0) return Effect.void
      heard = true
      if (number === channel.data) {
        keeper.works()
        return connection.receive(bytes)
      }
      if (explanation.length < 64) explanation.push(bytes)
      return Effect.void
    }
    yield* socket.messages.pipe(
      Stream.runForEach(receive),
      Effect.mapError(toError),
      Effect.exit,
      Effect.map((exit) => {
        const text = cut(explanation)
        if (text !== "") {
          keeper.fails()
          return close(refused(pod, port, text))
        }
        if (Exit.isFailure(exit)) return close(exit.cause._tag === "Fail" ? exit.cause.error : undefined)
        connection.receiveEnd()
        connection.finish()
      }),
      Effect.forkScoped
    )
    return { connect: () => Effect.succeed(connection.duplex), close, isOpen: () => !dead, reusable: false }
  })

// ---------------------------------------------------------------------------------------------------------------------
// Which pod
// ---------------------------------------------------------------------------------------------------------------------

/** A pod that was chosen. */
interface Target {
  readonly pod: Stored<Pod>
  readonly portOf: (port: Port) => Either.Either<number, InvalidRequest>
  /** Those that wait for a connection; the last one is taken first. */
  readonly idle: Array<Tunnel>
  /** How many of them nobody has needed of late. */
  unused: number
  /** All of its tunnels. */
  readonly tunnels: Set<Tunnel>
  readonly scope: Scope.CloseableScope
}

/** Whether `Pods.of` or `Pods.select` made it: any of several pods will do. */
const isOneOfMany = (pods: Pods.Pods): pods is Pods.Chosen => typeof pods === "object" && "_tag" in pods

const isRunning = ({ status }: Stored<Pod>): boolean => status.phase === "Running"

/** A pod to forward to. The one pod that was asked for need not be ready: it may be what someone wants to look at. */
const pick = (pods: Pods.Pods, options: Options): Effect.Effect<Stored<Pod>, KubeError, KubeClient> =>
  isOneOfMany(pods)
    ? Pods.ready(pods, options)
    : Effect.flatMap(Pods.list(pods), ([pod]) =>
        pod !== undefined && isRunning(pod) ? Effect.succeed(pod) : Pods.ready(pods, options)
      )

/** After these, another pod would not help. */
const isFinal = (error: KubeError): boolean =>
  error._tag === "Forbidden" ||
  error._tag === "Unauthorized" ||
  error._tag === "AuthError" ||
  error._tag === "ConfigError" ||
  error._tag === "InvalidRequest" ||
  // The next connection may find another pod; this one has its answer.
  (error._tag === "PortForwardError" && error.reason === "Refused")

export interface Forwarder {
  /** A new connection to a port of a pod. It ends with the scope of the forwarder at the latest. */
  readonly connect: (port: Port) => Effect.Effect<Duplex, KubeError>
}

/** Chooses a pod, looks whether these ports are there, and opens the first tunnel: what cannot work fails at once. */
export const forwarder = (
  pods: Pods.Pods,
  ports: ReadonlyArray<Port>,
  options: Options
): Effect.Effect<Forwarder, KubeError, KubeClient | Scope.Scope> =>
  withClient((client, env) =>
    Effect.gen(function* () {
      const context = yield* Effect.context<KubeClient>()
      // Closes last: it waits for what is being closed.
      const fork = yield* FiberSet.makeRuntime<KubeClient>()
      const parent = yield* Effect.flatMap(Effect.scope, (scope) => Scope.fork(scope, ExecutionStrategy.parallel))
      const turn = yield* Effect.makeSemaphore(1)
      let current: Target | undefined
      let failures = 0

      const closeTunnels = (target: Target, error?: KubeError) => {
        for (const tunnel of target.tunnels) tunnel.close(error)
      }

      /** Looks for another pod for the next connection. Those that stand go on. */
      const forget = (target: Target) => {
        if (current !== target) return
        current = undefined
        for (const tunnel of target.idle.splice(0)) tunnel.close()
        fork(Scope.close(target.scope, Exit.void))
      }

      /** Watches the pod for as long as it is the chosen one. */
      const follow = (target: Target): Effect.Effect<void, never, KubeClient> => {
        const { name, namespace, resourceVersion, uid } = target.pod.metadata
        const gone = () => {
          forget(target)
          fork(
            Effect.delay(
              Effect.sync(() =>
                closeTunnels(
                  target,
                  new PortForwardError({ reason: "Pod", pod: name, message: `pod "${name}" was deleted` })
                )
              ),
              farewell
            )
          )
        }
        const see = (pod: Stored<Pod>) => {
          if (pod.metadata.uid !== uid) gone()
          else if (!(isOneOfMany(pods) ? Pods.isReady(pod) : isRunning(pod))) forget(target)
        }
        const watch = (resourceVersion: string): Effect.Effect<void, KubeError, KubeClient> =>
          Pod.watch({ fields: { "metadata.name": name }, namespace, resourceVersion }).pipe(
            Stream.runForEach((event) =>
              Effect.sync(() => {
                if (event._tag === "Deleted") gone()
                else if (event._tag === "Added" || event._tag === "Modified") see(event.object)
              })
            )
          )
        const again = Effect.matchEffect(Pod.get(name, { namespace }), {
          onFailure: (error) => (error._tag === "NotFound" ? Effect.sync(gone) : Effect.void),
          onSuccess: (pod) => {
            see(pod)
            return Effect.ignore(watch(pod.metadata.resourceVersion))
          }
        })
        return Effect.zipRight(
          Effect.ignore(watch(resourceVersion)),
          Effect.forever(Effect.delay(again, Duration.millis(lastDelay)))
        )
      }

      /** Closes the tunnels that nobody has needed for a while. */
      const sweep = (target: Target) =>
        Effect.sync(() => {
          for (const tunnel of target.idle.splice(0, target.unused)) tunnel.close()
          target.unused = target.idle.length
        }).pipe(Effect.delay(idleTimeout), Effect.forever)

      const find = Effect.gen(function* () {
        const { object } = isOneOfMany(pods) ? yield* Pods.resolve(pods) : {}
        const pod = yield* pick(pods, options)
        const scope = yield* Scope.fork(parent, ExecutionStrategy.parallel)
        const target: Target = {
          pod,
          portOf: (port) =>
            object !== undefined && isService(object) ? ofService(object, pod, port) : ofPod(pod, port),
          idle: [],
          unused: 0,
          tunnels: new Set(),
          scope
        }
        yield* Effect.forkIn(follow(target), scope)
        yield* Effect.forkIn(sweep(target), scope)
        current = target
        return target
      })

      const choose: Effect.Effect<Target, KubeError> = Effect.suspend(() =>
        current !== undefined
          ? Effect.succeed(current)
          : Effect.tapError(
              failures === 0
                ? find
                : Effect.delay(find, Duration.millis(Math.min(lastDelay, firstDelay * 2 ** (failures - 1)))),
              () => Effect.sync(() => failures++)
            )
      ).pipe(turn.withPermits(1), Effect.provide(context))

      const keeperOf = (target: Target): Keeper => ({
        works: () => {
          failures = 0
        },
        fails: () => {
          failures++
          forget(target)
        },
        release: (tunnel) => {
          if (current !== target || target.idle.length >= maxIdle || !tunnel.reusable) tunnel.close()
          else if (tunnel.isOpen()) target.idle.push(tunnel)
        }
      })

      /** Opens a tunnel to the pod. */
      const open = (target: Target, port: number): Effect.Effect<Tunnel, KubeError> =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const { name, namespace } = target.pod.metadata
            const request = yield* requests.portForward(Pod, env, { name, namespace }, port, options)
            const scope = yield* Scope.fork(parent, ExecutionStrategy.sequential)
            let tunnel: Tunnel | undefined
            const shut = () => {
              if (tunnel !== undefined) {
                target.tunnels.delete(tunnel)
                const at = target.idle.indexOf(tunnel)
                if (at >= 0) target.idle.splice(at, 1)
              }
              fork(Scope.close(scope, Exit.void))
            }
            const made = Effect.flatMap(client.webSocket(request, [tunnelProtocol, channelProtocol]), (socket) => {
              const parts: Parts = {
                pod: name,
                socket,
                toError: toError(request, client.server),
                keeper: keeperOf(target),
                shut
              }
              return socket.protocol === tunnelProtocol ? spdyTunnel(parts) : channelTunnel(parts, port)
            })
            tunnel = yield* restore(Scope.extend(made, scope)).pipe(
              Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Scope.close(scope, exit)))
            )
            if (tunnel.isOpen()) target.tunnels.add(tunnel)
            const opened = tunnel
            yield* Scope.addFinalizer(
              scope,
              Effect.sync(() => opened.close())
            )
            return tunnel
          })
        )

      const reach = (target: Target, port: number): Effect.Effect<Duplex, KubeError> =>
        Effect.uninterruptibleMask((restore) => {
          const waiting = target.idle.pop()
          target.unused = Math.min(target.unused, target.idle.length)
          const through = (tunnel: Tunnel) =>
            Effect.onExit(restore(tunnel.connect(port)), (exit) =>
              Exit.isSuccess(exit) ? Effect.void : Effect.sync(() => tunnel.close())
            )
          return waiting === undefined
            ? Effect.flatMap(restore(open(target, port)), through)
            : // One that has waited may be dead without having noticed.
              Effect.catchAll(through(waiting), () => restore(reach(target, port)))
        })

      const connect = (port: Port, tries = maxTries): Effect.Effect<Duplex, KubeError> =>
        Effect.flatMap(choose, (target) =>
          Effect.flatMap(target.portOf(port), (number) =>
            Effect.catchAll(reach(target, number), (error) => {
              if (isFinal(error)) return Effect.fail(error)
              failures++
              forget(target)
              return tries > 1 ? connect(port, tries - 1) : Effect.fail(error)
            })
          )
        )

      const first = yield* choose
      const numbers = yield* Effect.forEach(ports, (port) => first.portOf(port))
      // The first connection takes this one, but on older servers, where it is a connection already.
      keeperOf(first).release(yield* open(first, numbers[0] ?? 0))
      return { connect }
    })
  )

const toError =
  (request: Request, server: string) =>
  ({ cause, description, reason }: HttpFailure): TransportError =>
    new TransportError({
      reason: reason === "Timeout" ? "ConnectTimeout" : reason,
      description,
      method: request.method,
      path: request.path,
      server,
      cause
    })

// ---------------------------------------------------------------------------------------------------------------------
// Local ports
// ---------------------------------------------------------------------------------------------------------------------

const cannotListen = (host: string, port: number, cause: NodeJS.ErrnoException): PortForwardError => {
  const why =
    cause.code === "EADDRINUSE"
      ? "the port is taken; leave `local` out for a free one"
      : cause.code === "EACCES"
        ? "this user may not listen there; ports below 1024 are for administrators"
        : cause.code === "EADDRNOTAVAIL"
          ? "this machine has no such address"
          : cause.message
  return new PortForwardError({
    reason: "Listen",
    port,
    message: `cannot listen on ${host} port ${port}: ${why}`,
    cause
  })
}

/** A server on one address. Closing the scope closes it and its connections. */
const bind = (
  host: string,
  port: number,
  onSocket: (socket: net.Socket) => void
): Effect.Effect<Address, PortForwardError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<{ readonly address: Address; readonly close: Effect.Effect<void> }, PortForwardError>((resume) => {
        const server = net.createServer({ allowHalfOpen: true })
        const sockets = new Set<net.Socket>()
        server.on("connection", (socket) => {
          sockets.add(socket)
          // Whoever joins it with the pod looks for `close`.
          socket.on("error", () => {})
          socket.on("close", () => sockets.delete(socket))
          onSocket(socket)
        })
        const close = Effect.async<void>((done) => {
          server.close(() => done(Effect.void))
          for (const socket of sockets) socket.destroy()
        })
        server.once("error", (cause: NodeJS.ErrnoException) => resume(Effect.fail(cannotListen(host, port, cause))))
        server.listen({ host, port, ipv6Only: net.isIPv6(host) }, () => {
          const address = server.address()
          const bound = typeof address === "object" && address !== null ? address.port : port
          // Out of file handles: the connection that could not be taken is refused, and the next one may do.
          server.on("error", () => {})
          resume(Effect.succeed({ address: { host, port: bound }, close }))
        })
      }),
      ({ close }) => close
    ),
    ({ address }) => address
  )

/** Tries to find a free port that is free on all of the addresses. */
const maxPorts = 20

/** Binds all of the addresses, with the same port. */
const bindAll = (
  hosts: ReadonlyArray<string>,
  port: number,
  onSocket: (socket: net.Socket) => void,
  tries = maxPorts
): Effect.Effect<ReadonlyArray<Address>, PortForwardError, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.flatMap(Effect.scope, (parent) => Scope.fork(parent, ExecutionStrategy.parallel))
    const bound = Effect.gen(function* () {
      const addresses: Array<Address> = []
      for (const host of hosts) addresses.push(yield* bind(host, addresses[0]?.port ?? port, onSocket))
      return addresses
    })
    return yield* Scope.extend(bound, scope).pipe(
      Effect.tapErrorCause((cause) => Scope.close(scope, Exit.failCause(cause))),
      Effect.catchAll((error) =>
        port === 0 && error.port !== 0 && tries > 1 ? bindAll(hosts, port, onSocket, tries - 1) : Effect.fail(error)
      )
    )
  })

/** Lets two ends talk until both are done. */
const join = (local: net.Socket, pod: Duplex, onError: (error: Error) => void): void => {
  pod.on("error", (error) => {
    onError(error)
    // The client is to see a broken connection, not the end of an answer.
    local.resetAndDestroy()
  })
  pod.on("close", () => {
    if (!local.destroyed) local.destroySoon()
  })
  local.on("close", () => pod.destroy())
  if (local.destroyed) {
    pod.destroy()
    return
  }
  if (pod.destroyed) {
    const { errored } = pod
    if (errored !== null) onError(errored)
    local.resetAndDestroy()
    return
  }
  local.pipe(pod)
  pod.pipe(local)
}

const loopback = "127.0.0.1"

const listenOf = (port: Port | Listen): Listen => (typeof port === "object" ? port : { remote: port })

const hostsOf = ({ address = loopback }: Listen): ReadonlyArray<string> =>
  typeof address === "string" ? [address] : address

const isLocalPort = (port: number): boolean => port === 0 || isPort(port)

const logError = (error: KubeError): Effect.Effect<void> => Effect.logWarning(`port-forward: ${error.message}`)

/** Listens on local ports and forwards what connects. */
export const listen = <R = never>(
  pods: Pods.Pods,
  wanted: ReadonlyArray<Port | Listen>,
  { onError = logError, ...options }: ListenOptions<R> = {}
): Effect.Effect<ReadonlyArray<Forward>, KubeError, KubeClient | Scope.Scope | R> =>
  Effect.gen(function* () {
    const listens = wanted.map(listenOf)
    for (const listen of listens) {
      if (!isLocalPort(listen.local ?? 0) || hostsOf(listen).length === 0) {
        return yield* new InvalidRequest({
          message: `cannot listen on port ${listen.local} of ${hostsOf(listen).length} addresses: give a number from 1 to 65535, or none for a free port, and at least one address`
        })
      }
    }
    if (listens.length === 0) return []
    const { connect } = yield* forwarder(
      pods,
      listens.map(({ remote }) => remote),
      options
    )
    const fork = yield* FiberSet.makeRuntime<R>()
    return yield* Effect.forEach(listens, (listen) =>
      Effect.gen(function* () {
        const report = (error: unknown) => {
          if (isKubeError(error)) fork(onError(error))
        }
        const serve = (local: net.Socket) => {
          const opened = Effect.uninterruptibleMask((restore) =>
            Effect.map(restore(connect(listen.remote)), (pod) => join(local, pod, report))
          )
          const fiber = fork(
            Effect.catchAll(opened, (error) =>
              Effect.suspend(() => {
                local.resetAndDestroy()
                return onError(error)
              })
            )
          )
          // Nobody waits for the pod any more.
          local.once("close", () => fiber.unsafeInterruptAsFork(fiber.id()))
        }
        const addresses = yield* bindAll(hostsOf(listen), listen.local ?? 0, serve)
        const { host, port } = addresses[0] ?? { host: loopback, port: 0 }
        return { host, port, addresses }
      })
    )
  })

const isList = (ports: Port | Listen | ReadonlyArray<Port | Listen>): ports is ReadonlyArray<Port | Listen> =>
  Array.isArray(ports)

/** As `listen`, to one pod. */
export const portForward = <R = never>(
  ref: Ref<"Namespaced">,
  port: Port | Listen,
  { namespace, ...options }: ListenOptions<R> & NamespaceOption<"Namespaced"> = {}
): Effect.Effect<Forward | undefined, KubeError, KubeClient | Scope.Scope | R> =>
  Effect.flatMap(podOf(ref, namespace), (pod) => Effect.map(listen(pod, [port], options), ([forward]) => forward))

/** The pod that is meant, with the namespace that the call says. */
const podOf = (
  ref: Ref<"Namespaced">,
  namespace: string | undefined
): Either.Either<Ref<"Namespaced">, InvalidRequest> => {
  if (namespace === undefined) return Either.right(ref)
  const { name, namespace: own }: { readonly name: string; readonly namespace?: string | undefined } =
    typeof ref === "string" ? { name: ref } : "metadata" in ref ? ref.metadata : ref
  return own === undefined || own === namespace
    ? Either.right({ name, namespace })
    : invalid(
        `the namespace of the object, "${own}", does not match the namespace option, "${namespace}"; leave one out`
      )
}

/** As `listen`; one port that is no list gives no list. */
export const listenOneOrMany = <R>(
  pods: Pods.Pods,
  ports: Port | Listen | ReadonlyArray<Port | Listen>,
  options?: ListenOptions<R>
): Effect.Effect<Forward | ReadonlyArray<Forward> | undefined, KubeError, KubeClient | Scope.Scope | R> =>
  isList(ports) ? listen(pods, ports, options) : Effect.map(listen(pods, [ports], options), ([forward]) => forward)

// ---------------------------------------------------------------------------------------------------------------------
// Without a local port
// ---------------------------------------------------------------------------------------------------------------------

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
    const fork = yield* FiberSet.makeRuntime<never>()
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
