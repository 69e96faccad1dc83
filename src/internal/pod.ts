/** The streams out of and into a pod: `logs`, `exec` and `attach`. */
import * as Channel from "effect/Channel"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Mailbox from "effect/Mailbox"
import * as Schedule from "effect/Schedule"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { ExecFailed, TransportError, type KubeError } from "../KubeError.js"
import type { HttpFailure, HttpWebSocket } from "../layers/Http.js"
import type { KubeClientService } from "../layers/KubeClient.js"
import type { Request } from "../Request.js"
import type { ExecOptions, ExecProcess, ExecResult, LogOptions, ResourceInfo } from "../Resource.js"
import type { Status } from "../resources/MetaV1.js"
import { statusError } from "./client.js"
import { decodeError } from "./decode.js"
import * as requests from "./requests.js"
import { isObject } from "./isObject.js"
import { lines } from "./watch.js"
import { withClient } from "./withClient.js"
import { background } from "./fork.js"

type In<O> = O & { readonly namespace?: string | undefined }

const defaultContainer = "kubectl.kubernetes.io/default-container"

/** The container of a pod that kubectl would take. */
export const defaultContainerOf = (pod: {
  readonly metadata?: { readonly annotations?: { readonly [key: string]: string } | undefined }
  readonly spec?: { readonly containers?: ReadonlyArray<{ readonly name: string }> }
}): string | undefined => pod.metadata?.annotations?.[defaultContainer] ?? pod.spec?.containers?.[0]?.name

const containerOf = (
  resource: ResourceInfo,
  client: KubeClientService,
  env: requests.Environment,
  ref: requests.AnyRef,
  options: In<{ readonly container?: string | undefined }>
): Effect.Effect<string | undefined, KubeError> => {
  if (options.container !== undefined) return Effect.succeed(options.container)
  const where = { namespace: options.namespace }
  return requests.get(resource, env, ref, where).pipe(
    Effect.flatMap(client.json),
    Effect.map((answer) => (isObject(answer) ? defaultContainerOf(answer) : undefined))
  )
}

export const logBytes =
  (resource: ResourceInfo) =>
  (ref: requests.AnyRef, options: In<LogOptions> = {}) =>
    Stream.unwrap(
      withClient((client, env) =>
        Effect.map(
          Effect.flatMap(containerOf(resource, client, env, ref, options), (container) =>
            requests.log(resource, env, ref, container, options)
          ),
          client.stream
        )
      )
    )

export const logs = (resource: ResourceInfo) => {
  const bytes = logBytes(resource)
  return (ref: requests.AnyRef, options?: In<LogOptions>) => lines(bytes(ref, options))
}

/** The channels of the protocol: the first byte of each message. */
const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const

const protocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"]

/** Messages of one output that wait to be read; the socket is not read while they are so many. */
const capacity = 16

const inChannel = (number: number, bytes: Uint8Array): Uint8Array => {
  const message = new Uint8Array(bytes.length + 1)
  message[0] = number
  message.set(bytes, 1)
  return message
}

/** What one message may hold: servers refuse much larger ones. */
const messageSize = 64 * 1024

/** Ends what a terminal runs as somebody would who sits at it: interrupts the program, and ends the shell's input. */
const farewell = { first: "\u0003\u0004", harder: "\u0003\u001c\u0004" } as const
/** Over and over: each shell inside of another one takes a turn, and a slow node has to start the command first. */
const turn = Schedule.spaced("100 millis")
/** How long what is left of a terminal may keep a scope from closing. */
const patience = "5 seconds"

const slices = (bytes: Uint8Array): ReadonlyArray<Uint8Array> =>
  bytes.length <= messageSize
    ? [bytes]
    : Array.from({ length: Math.ceil(bytes.length / messageSize) }, (_, index) =>
        bytes.subarray(index * messageSize, (index + 1) * messageSize)
      )

const utf8 = new TextEncoder()

/** The exit code that the last message of the server tells, or the error that it is. */
const exitOf = (request: Request, text: string): Either.Either<number, KubeError> => {
  const parsed = Either.getOrUndefined(Either.try((): unknown => JSON.parse(text)))
  if (!isObject(parsed) || typeof parsed["status"] !== "string") {
    return Either.left(
      decodeError(request, { at: "", problem: `expected the Status of the command, got ${text.slice(0, 80)}` })
    )
  }
  // What a Status is made of has been looked at as far as it is used.
  const status = parsed as Status
  if (status.status === "Success") return Either.right(0)
  const causes: unknown = status.details?.causes
  const code: unknown = Array.isArray(causes)
    ? causes.filter(isObject).find(({ reason }) => reason === "ExitCode")?.["message"]
    : undefined
  if (status.reason === "NonZeroExitCode" && typeof code === "string" && /^\d+$/.test(code)) {
    return Either.right(Number(code))
  }
  return Either.left(statusError(request, status, status.code ?? 0, undefined))
}

type Size = { readonly width: number; readonly height: number }

interface Session {
  /** Whether the command runs in a terminal. */
  readonly tty: boolean
  /** Whether to end the command by its terminal when the scope closes first. */
  readonly hangUp: boolean
}

/** Speaks the protocol over a socket that stands. */
const converse = (request: Request, server: string, socket: HttpWebSocket, { hangUp, tty }: Session) =>
  Effect.gen(function* () {
    const stdout = yield* Mailbox.make<Uint8Array, KubeError>({ capacity })
    const stderr = yield* Mailbox.make<Uint8Array, KubeError>({ capacity })
    const exit = yield* Deferred.make<number, KubeError>()
    let writing = false

    const toError = ({ cause, description, reason }: HttpFailure): KubeError =>
      new TransportError({
        reason: reason === "Timeout" ? "ConnectTimeout" : reason,
        description: writing
          ? `${description}; the command was still being sent its input: it may have ended without reading all of it, and how it ended is lost`
          : description,
        method: request.method,
        path: request.path,
        server,
        cause
      })
    const send = (number: number, bytes: Uint8Array) => socket.send(inChannel(number, bytes))

    const receive = (message: Uint8Array): Effect.Effect<unknown> => {
      const body = message.subarray(1)
      switch (message[0]) {
        case channel.stdout:
          return body.length === 0 ? Effect.void : stdout.offer(body)
        case channel.stderr:
          return body.length === 0 ? Effect.void : stderr.offer(body)
        case channel.error:
          return Deferred.done(exit, Exit.fromEither(exitOf(request, Buffer.from(body).toString("utf8"))))
        case channel.close:
          return body[0] === channel.stdout ? stdout.end : body[0] === channel.stderr ? stderr.end : Effect.void
        default:
          return Effect.void
      }
    }
    const end = (result: Exit.Exit<void, KubeError>) =>
      Effect.flatMap(Deferred.isDone(exit), (told) => {
        // The server tells last how the command ended; what happens to the connection after that does not matter.
        const outputs = told ? Exit.void : result
        return Effect.all([
          stdout.done(outputs),
          stderr.done(outputs),
          // A connection that ends without a word about the command has not shown that it succeeded.
          Deferred.done(
            exit,
            Exit.zipRight(
              result,
              Exit.fail(
                toError({
                  _tag: "HttpFailure",
                  reason: "Reset",
                  description: "the connection ended before the command did",
                  cause: undefined
                })
              )
            )
          )
        ])
      })
    // Whoever still waits for the command learns that nobody will tell any more.
    yield* Effect.addFinalizer(() => end(Exit.void))
    yield* socket.messages.pipe(
      Stream.runForEach(receive),
      Effect.mapError(toError),
      Effect.exit,
      Effect.flatMap(end),
      background
    )
    const keys = (text: string) => send(channel.stdin, utf8.encode(text))
    // Nobody reads any more; what waits must not keep the server's last message away.
    const leave = Effect.all([stdout.shutdown, stderr.shutdown]).pipe(
      Effect.zipRight(Effect.repeat(keys(farewell.first), Schedule.intersect(turn, Schedule.recurs(5)))),
      Effect.zipRight(Effect.repeat(keys(farewell.harder), turn)),
      Effect.exit,
      Effect.raceFirst(Effect.exit(Deferred.await(exit))),
      // In the fiber of the limit, and not around it: where the caller's is interrupted, all would end here at once.
      Effect.interruptible,
      // A server that takes no more input would never have taken the keys.
      Effect.timeout(patience),
      Effect.ignore,
      Effect.unlessEffect(Deferred.isDone(exit))
    )
    // Before the connection is closed: Kubernetes does not end a process whose terminal is gone.
    if (hangUp) yield* Effect.addFinalizer(() => leave)

    const endsInput = socket.protocol === protocols[0]
    const endInput = Effect.suspend(() => {
      // A terminal has no end of input, and would lose what it still has to show.
      if (tty) return Effect.void
      // Only the fifth version can close one channel and leave the others open.
      return endsInput
        ? send(channel.close, new Uint8Array([channel.stdin]))
        : Effect.logWarning(
            `${request.path}: the server speaks no newer protocol than ${protocols[1]}, which cannot end the input of a command; one that reads to the end of it will wait forever`
          )
    })
    // What cannot be sent has no reader any more: how the command ended tells whether all is well.
    const orEnded = <E>(effect: Effect.Effect<void, E>) =>
      Effect.catchAll(effect, () => Effect.asVoid(Deferred.await(exit)))
    const write = Sink.forEach((bytes: Uint8Array) => {
      writing = true
      return orEnded(Effect.forEach(slices(bytes), (part) => send(channel.stdin, part), { discard: true }))
    }).pipe(
      Sink.mapEffect(() => orEnded(endInput)),
      Sink.map(() => {
        writing = false
      })
    )
    const process: ExecProcess & { readonly endsInput: boolean } = {
      endsInput,
      stdout: Mailbox.toStream(stdout),
      stderr: Mailbox.toStream(stderr),
      stdin: Sink.fromChannel(Channel.asVoid(Channel.interruptWhenDeferred(Sink.toChannel(write), exit))),
      resize: (size) => Effect.mapError(send(channel.resize, utf8.encode(sizeOf(size))), toError),
      exitCode: Deferred.await(exit)
    }
    return process
  })

const sizeOf = ({ height, width }: Size): string => JSON.stringify({ Width: width, Height: height })

interface Wanted {
  readonly command: ReadonlyArray<string>
  readonly stdin: boolean
  readonly hangUp: boolean
}

export const open = (
  resource: ResourceInfo,
  subresource: "exec" | "attach",
  ref: requests.AnyRef,
  { command, hangUp, stdin }: Wanted,
  options: In<ExecOptions>
) =>
  withClient((client, env) =>
    Effect.gen(function* () {
      const container = yield* containerOf(resource, client, env, ref, options)
      const { tty: terminal = false } = options
      const tty = terminal !== false
      // A terminal needs an input to be ended by.
      const what = { container, command, stdin: stdin || (tty && hangUp), stdout: true, stderr: !tty, tty }
      const request = yield* requests.streams(resource, env, ref, subresource, what, options)
      // From the moment that the command runs, the scope ends it.
      return yield* Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          const connect = client.webSocket(request, protocols)
          const begin = (connected: typeof connect) =>
            Effect.flatMap(connected, (socket) =>
              converse(request, client.server, socket, { tty, hangUp: hangUp && tty })
            )
          const process = yield* hangUp && tty
            ? settled(begin(Effect.interruptible(connect)), restore)
            : begin(restore(connect))
          if (typeof terminal === "object") yield* restore(process.resize(terminal))
          return process
        })
      )
    })
  )

/**
 * What may have begun to run already cannot be ended before the server has answered: an interruption waits for that, and
 * the scope ends the command then.
 */
const settled = <A, E, R>(
  begin: Effect.Effect<A, E, R>,
  restore: <B, F, S>(effect: Effect.Effect<B, F, S>) => Effect.Effect<B, F, S>
): Effect.Effect<A, E, R> =>
  // A child would be interrupted along with its parent.
  Effect.flatMap(Effect.forkDaemon(begin), (fiber) =>
    Effect.onInterrupt(restore(Fiber.join(fiber)), () =>
      Fiber.await(fiber).pipe(
        Effect.interruptible,
        Effect.timeout(patience),
        Effect.ignore,
        Effect.zipRight(Fiber.interrupt(fiber))
      )
    )
  )

// There is nothing but the runtime's words to tell: containerd's and CRI-O's `exec: "tar": …` and gVisor's
// `error finding executable "tar" …`. `NotFound` of the API is about the pod.
const programMissing = /executable file .*not found|exec(?:utable|:) "[^"]*".*: no such file or directory/is
const programForbidden = /exec: "[^"]*": permission denied/is

/** Whether the image has no such program. */
export const isProgramMissing = (error: KubeError | ExecFailed): boolean =>
  error._tag === "InternalError" && programMissing.test(error.message)

/** Whether it may not be executed. */
export const isProgramForbidden = (error: KubeError): boolean =>
  error._tag === "InternalError" && programForbidden.test(error.message)

type WithStdin = In<ExecOptions> & { readonly stdin?: boolean | undefined }

export const execStream =
  (resource: ResourceInfo) =>
  (ref: requests.AnyRef, command: ReadonlyArray<string>, { stdin = true, ...options }: WithStdin = {}) =>
    open(resource, "exec", ref, { command, stdin, hangUp: true }, options)

export const attach =
  (resource: ResourceInfo) =>
  (ref: requests.AnyRef, { stdin = false, ...options }: WithStdin = {}) =>
    open(resource, "attach", ref, { command: [], stdin, hangUp: false }, options)

type Input = string | Uint8Array | Stream.Stream<Uint8Array, KubeError>

const inputOf = (input: Input): Stream.Stream<Uint8Array, KubeError> =>
  typeof input === "string" ? Stream.make(utf8.encode(input)) : input instanceof Uint8Array ? Stream.make(input) : input

const collect = (bytes: Stream.Stream<Uint8Array, KubeError>) =>
  Effect.map(Stream.runCollect(bytes), (chunks) => Buffer.concat([...chunks]).toString("utf8"))

export const exec =
  (resource: ResourceInfo) =>
  (
    ref: requests.AnyRef,
    command: ReadonlyArray<string>,
    {
      check = true,
      stdin,
      ...options
    }: In<ExecOptions> & { readonly check?: boolean | undefined; readonly stdin?: Input | undefined } = {}
  ) =>
    Effect.scoped(
      Effect.gen(function* () {
        const process = yield* open(
          resource,
          "exec",
          ref,
          { command, stdin: stdin !== undefined, hangUp: true },
          options
        )
        const [stdout, stderr, exitCode] = yield* Effect.all(
          [
            collect(process.stdout),
            collect(process.stderr),
            process.exitCode,
            // A command may end without having read all of its input.
            stdin === undefined ? Effect.void : Stream.run(inputOf(stdin), process.stdin)
          ],
          { concurrency: "unbounded" }
        )
        const result: ExecResult = { stdout, stderr, exitCode }
        return check && exitCode !== 0 ? yield* new ExecFailed({ command, ...result }) : result
      })
    )
