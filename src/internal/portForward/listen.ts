/**
 * Local ports that lead into a pod.
 */
import * as net from "node:net"
import type { Duplex } from "node:stream"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { InvalidRequest, isKubeError, PortForwardError, type KubeError } from "../../KubeError.js"
import type { KubeClient } from "../../layers/KubeClient.js"
import type * as Pods from "../../Pods.js"
import type { Address, Forward, Listen, ListenOptions, Port } from "../../PortForward.js"
import type { NamespaceOption, Ref } from "../../Resource.js"
import { forwarder } from "./forwarder.js"
import { isPort } from "./ports.js"
import { runner } from "../fork.js"

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
        const server = net.createServer({ allowHalfOpen: true, noDelay: true })
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
  [first, ...more]: Arr.NonEmptyReadonlyArray<string>,
  port: number,
  onSocket: (socket: net.Socket) => void,
  tries = maxPorts
): Effect.Effect<Arr.NonEmptyReadonlyArray<Address>, PortForwardError, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.flatMap(Effect.scope, (parent) => Scope.fork(parent, ExecutionStrategy.parallel))
    const bound = Effect.gen(function* () {
      const address = yield* bind(first, port, onSocket)
      const others = yield* Effect.forEach(more, (host) => bind(host, address.port, onSocket))
      return Arr.make(address, ...others)
    })
    return yield* Scope.extend(bound, scope).pipe(
      Effect.tapErrorCause((cause) => Scope.close(scope, Exit.failCause(cause))),
      Effect.catchAll((error) =>
        port === 0 && error.port !== 0 && tries > 1
          ? bindAll([first, ...more], port, onSocket, tries - 1)
          : Effect.fail(error)
      )
    )
  })

/** Lets two ends talk until both are done. */
const join = (local: net.Socket, pod: Duplex, onError: (error: Error) => void): void => {
  // It may have failed before anybody could listen; whether its `error` is still to come cannot be told.
  if (pod.destroyed) {
    const { errored } = pod
    if (errored !== null) onError(errored)
    local.resetAndDestroy()
    return
  }
  if (local.destroyed) {
    pod.destroy()
    return
  }
  pod.on("error", (error) => {
    onError(error)
    // The client is to see a broken connection, not the end of an answer.
    local.resetAndDestroy()
  })
  pod.on("close", () => {
    if (!local.destroyed) local.destroySoon()
  })
  local.on("close", () => pod.destroy())
  local.pipe(pod)
  pod.pipe(local)
}

const loopback = "127.0.0.1"

const listenOf = (port: Port | Listen): Listen => (typeof port === "object" ? port : { remote: port })

const isLocalPort = (port: number): boolean => port === 0 || isPort(port)

const hostsOf = ({
  address = loopback,
  local
}: Listen): Either.Either<Arr.NonEmptyReadonlyArray<string>, InvalidRequest> => {
  const hosts = typeof address === "string" ? [address] : address
  return isLocalPort(local ?? 0) && Arr.isNonEmptyReadonlyArray(hosts)
    ? Either.right(hosts)
    : Either.left(
        new InvalidRequest({
          message: `cannot listen on port ${local} of ${hosts.length} addresses: give a number from 1 to 65535, or none for a free port, and at least one address`
        })
      )
}

const logError = (error: KubeError): Effect.Effect<void> => Effect.logWarning(`port-forward: ${error.message}`)

/** Connects local ports with the pods; nothing listens yet. */
const open = <R = never>(
  pods: Pods.Pods,
  listens: ReadonlyArray<Listen>,
  { onError = logError, ...options }: ListenOptions<R> = {}
): Effect.Effect<
  (listen: Listen) => Effect.Effect<Forward, KubeError, Scope.Scope>,
  KubeError,
  KubeClient | Scope.Scope | R
> =>
  Effect.gen(function* () {
    yield* Effect.forEach(listens, hostsOf)
    const { connect } = yield* forwarder(
      pods,
      listens.map(({ remote }) => remote),
      options
    )
    const fork = yield* runner<R>()
    const report = (error: unknown) => {
      if (isKubeError(error)) fork(onError(error))
    }
    const serve = (remote: Port) => (local: net.Socket) => {
      const opened = Effect.uninterruptibleMask((restore) =>
        Effect.map(restore(connect(remote)), (pod) => join(local, pod, report))
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
    return (listen) =>
      Effect.gen(function* () {
        const hosts = yield* hostsOf(listen)
        const addresses = yield* bindAll(hosts, listen.local ?? 0, serve(listen.remote))
        return { ...addresses[0], addresses }
      })
  })

const isOne = (ports: Port | Listen | ReadonlyArray<Port | Listen>): ports is Port | Listen => !Array.isArray(ports)

/** Listens on local ports and forwards what connects. */
export function listen<R = never>(
  pods: Pods.Pods,
  port: Port | Listen,
  options?: ListenOptions<R>
): Effect.Effect<Forward, KubeError, KubeClient | Scope.Scope | R>
export function listen<const Ports extends ReadonlyArray<Port | Listen>, R = never>(
  pods: Pods.Pods,
  ports: Ports,
  options?: ListenOptions<R>
): Effect.Effect<{ readonly [I in keyof Ports]: Forward }, KubeError, KubeClient | Scope.Scope | R>
export function listen<R>(
  pods: Pods.Pods,
  ports: Port | Listen | ReadonlyArray<Port | Listen>,
  options?: ListenOptions<R>
): Effect.Effect<Forward | ReadonlyArray<Forward>, KubeError, KubeClient | Scope.Scope | R> {
  if (isOne(ports)) {
    const only = listenOf(ports)
    return Effect.flatMap(open(pods, [only], options), (listenOn) => listenOn(only))
  }
  const all = ports.map(listenOf)
  return all.length === 0
    ? Effect.succeed([])
    : Effect.flatMap(open(pods, all, options), (listenOn) => Effect.forEach(all, listenOn))
}

/** As `listen`, to one pod. */
export const portForward = <R = never>(
  ref: Ref<"Namespaced">,
  port: Port | Listen,
  { namespace, ...options }: ListenOptions<R> & NamespaceOption<"Namespaced"> = {}
): Effect.Effect<Forward, KubeError, KubeClient | Scope.Scope | R> =>
  Effect.flatMap(podOf(ref, namespace), (pod) => listen(pod, port, options))

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
    : Either.left(
        new InvalidRequest({
          message: `the namespace of the object, "${own}", does not match the namespace option, "${namespace}"; leave one out`
        })
      )
}
