/**
 * Which pod, and the tunnels into it.
 *
 * Each connection has a tunnel of its own: SPDY knows no backpressure for a single stream, so that many connections in
 * one tunnel would wait for the slowest. A tunnel whose connection has ended well goes to the next one, for its handshake
 * takes longer than all that follows; where many connections come at once, only some tunnels are opened at a time, and
 * who waits takes whichever comes first, a new one or one that has become free.
 */
import type { Duplex } from "node:stream"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { PortForwardError, TransportError, type InvalidRequest, type KubeError } from "../../KubeError.js"
import type { HttpFailure } from "../../layers/Http.js"
import type { KubeClient } from "../../layers/KubeClient.js"
import * as Pods from "../../Pods.js"
import type { Options, Port } from "../../PortForward.js"
import type { Request } from "../../Request.js"
import type { Stored } from "../../Resource.js"
import { Pod } from "../../resources/CoreV1.js"
import * as requests from "../requests.js"
import { withClient } from "../withClient.js"
import * as channelTunnel from "./channelTunnel.js"
import { closed } from "./connection.js"
import { isService, ofPod, ofService } from "./ports.js"
import * as spdyTunnel from "./spdyTunnel.js"
import type { Keeper, Parts, Tunnel } from "./tunnel.js"
import { runner } from "../fork.js"

/** How long a tunnel waits for the next connection. */
const idleTimeout = "1 minute"
/** Tunnels of a pod that wait. */
const maxIdle = 16
/** Tunnels of a pod that are opened at a time. */
const maxOpening = 16
/** Tries to reach a pod for one connection. */
const maxTries = 4
/** Pods are not looked for again sooner than after this, doubled with each failure in a row, */
const firstDelay = 100
/** and not later than after that. In milliseconds. */
const lastDelay = 2000
/** What a pod that is gone may still have on the way. */
const farewell = "1 second"

/** A tunnel for a connection. A new one has no past: where it fails, no other one will do better. */
interface Found {
  readonly tunnel: Tunnel
  readonly isNew: boolean
}

/** A connection that has no tunnel yet. */
interface Waiter {
  readonly port: number
  readonly found: Deferred.Deferred<Found, KubeError>
  /** What it was given, though it may not be there any more to take it. */
  given?: Found
}

/** A pod that was chosen. */
interface Target {
  readonly pod: Stored<Pod>
  readonly portOf: (port: Port) => Either.Either<number, InvalidRequest>
  /** Those that wait for a connection; the last one is taken first. */
  readonly idle: Array<Tunnel>
  readonly waiting: Array<Waiter>
  /** Tunnels that are being opened. */
  opening: number
  /** How many of the idle ones nobody has needed of late. */
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
      const fork = yield* runner<KubeClient>()
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
          waiting: [],
          opening: 0,
          unused: 0,
          tunnels: new Set(),
          scope
        }
        yield* Effect.forkIn(Effect.interruptible(follow(target)), scope)
        yield* Effect.forkIn(Effect.interruptible(sweep(target)), scope)
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

      const isForgotten = (target: Target) => current !== target

      /** The pod's side has failed: the next connection looks for another one. */
      const failed = (target: Target) => {
        // Of many connections that fail together one counts.
        if (isForgotten(target)) return
        failures++
        forget(target)
      }

      /** Gives a tunnel to who waits for it, or keeps it for the next one. */
      const give = (target: Target, found: Found, isFor: (waiter: Waiter) => boolean = () => true) => {
        if (!found.tunnel.isOpen()) return serve(target)
        const at = target.waiting.findIndex(isFor)
        const [waiter] = at < 0 ? [] : target.waiting.splice(at, 1)
        if (waiter !== undefined) {
          waiter.given = found
          Deferred.unsafeDone(waiter.found, Exit.succeed(found))
        } else if (isForgotten(target) || target.idle.length >= maxIdle || !found.tunnel.reusable) found.tunnel.close()
        else target.idle.push(found.tunnel)
      }

      const keeperOf = (target: Target): Keeper => ({
        works: () => {
          failures = 0
        },
        fails: () => failed(target),
        release: (tunnel) => {
          if (tunnel.reusable) give(target, { tunnel, isNew: false })
          else tunnel.close()
        }
      })

      /** Sees to it that everybody who waits will have a tunnel. */
      const serve = (target: Target): void => {
        while (target.waiting.length > 0) {
          const idle = target.idle.pop()
          if (idle === undefined) break
          target.unused = Math.min(target.unused, target.idle.length)
          give(target, { tunnel: idle, isNew: false })
        }
        while (target.opening < Math.min(maxOpening, target.waiting.length)) {
          // Those before it have theirs on the way.
          const port = target.waiting[target.opening]?.port ?? 0
          target.opening++
          fork(open(target, port)).addObserver((exit) => {
            target.opening--
            if (Exit.isSuccess(exit)) {
              const tunnel = exit.value
              give(target, { tunnel, isNew: true }, (waiter) => tunnel.reusable || waiter.port === port)
              return serve(target)
            }
            // The others would hear the same.
            const error: Exit.Exit<never, KubeError> =
              exit.cause._tag === "Fail" ? Exit.fail(exit.cause.error) : Exit.fail(over(target))
            for (const waiter of target.waiting.splice(0)) Deferred.unsafeDone(waiter.found, error)
          })
        }
      }

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
            const made = Effect.flatMap(
              client.webSocket(request, [spdyTunnel.protocol, channelTunnel.protocol]),
              (socket) => {
                const parts: Parts = {
                  pod: name,
                  socket,
                  toError: toError(request, client.server),
                  keeper: keeperOf(target),
                  shut
                }
                return socket.protocol === spdyTunnel.protocol
                  ? spdyTunnel.make(parts)
                  : channelTunnel.make(parts, port)
              }
            )
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

      /** A tunnel of the pod for a new connection. */
      const tunnelTo = (target: Target, port: number): Effect.Effect<Found, KubeError> =>
        Effect.suspend(() => {
          const waiter: Waiter = { port, found: Deferred.unsafeMake(FiberId.none) }
          target.waiting.push(waiter)
          serve(target)
          return Effect.onInterrupt(Deferred.await(waiter.found), () =>
            Effect.sync(() => {
              if (waiter.given !== undefined) return give(target, waiter.given)
              const at = target.waiting.indexOf(waiter)
              if (at >= 0) target.waiting.splice(at, 1)
            })
          )
        })

      const reach = (target: Target, port: number): Effect.Effect<Duplex, KubeError> =>
        Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(restore(tunnelTo(target, port)), ({ isNew, tunnel }) =>
            restore(tunnel.connect(port)).pipe(
              Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.sync(() => tunnel.close()))),
              // One that has waited may be dead without having noticed.
              Effect.catchAll((error) => (isNew ? Effect.fail(error) : restore(reach(target, port))))
            )
          )
        )

      const connect = (port: Port, tries = maxTries): Effect.Effect<Duplex, KubeError> =>
        Effect.flatMap(choose, (target) =>
          Effect.flatMap(target.portOf(port), (number) =>
            Effect.catchAll(reach(target, number), (error) => {
              if (isFinal(error)) return Effect.fail(error)
              failed(target)
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

const over = ({ pod }: Target): PortForwardError =>
  new PortForwardError({ reason: "Pod", pod: pod.metadata.name, message: closed.message })

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
