/**
 * What is a stream of a pod: its log, commands in it, its process, its ports. The server's side of the protocols that clients
 * speak; what is at the other end is a script.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Mailbox from "effect/Mailbox"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { HttpFailure, HttpUpgrade, HttpWebSocket } from "../../layers/Http.js"
import type { Command, Result } from "../ContainerScript.js"
import { nameOf, objectsAt, textAt } from "./controllers/api.js"
import { specsOf, statusesOf, type Kubelet, type Run } from "./kubelet.js"
import type { JsonObject } from "./openapi.js"
import * as status from "./status.js"
import type { Failure } from "./status.js"
import { at } from "./strategies.js"
import { handlerOf, serveSpdy, spdyProtocol } from "./streamsForward.js"
import type { Line } from "./streamsLog.js"
import { background, first } from "../../internal/fork.js"

const utf8 = new TextEncoder()

/** Messages that wait on one side of a socket. */
const capacity = 16

// ---- which container

const defaultContainer = "kubectl.kubernetes.io/default-container"

const containerOf = (pod: JsonObject, query: URLSearchParams): Either.Either<string, Failure> => {
  const wanted = query.get("container") ?? ""
  const names = objectsAt(pod, "spec", "containers").map((each) => textAt(each, "name"))
  if (wanted === "") {
    const [only, another] = names
    const annotated = textAt(pod, "metadata", "annotations", defaultContainer)
    if (names.includes(annotated)) return Either.right(annotated)
    if (only !== undefined && another === undefined) return Either.right(only)
    const inits = objectsAt(pod, "spec", "initContainers").map((each) => textAt(each, "name"))
    return Either.left(
      status.badRequest(
        `a container name must be specified for pod ${nameOf(pod)}, choose one of: [${names.join(" ")}]${
          inits.length === 0 ? "" : ` or one of the init containers: [${inits.join(" ")}]`
        }`
      )
    )
  }
  return specsOf(pod).some((each) => each["name"] === wanted)
    ? Either.right(wanted)
    : Either.left(status.badRequest(`container ${wanted} is not valid for pod ${nameOf(pod)}`))
}

const statusOf = (pod: JsonObject, container: string): JsonObject | undefined =>
  statusesOf(pod).find((each) => each["name"] === container)

// ---- logs

/** RFC 3339 with nanoseconds, as the runtime writes it. */
const stamp = (time: number): string => new Date(time).toISOString().replace(/\.(\d{3})Z$/, ".$1000000Z")

const numberOf = (query: URLSearchParams, name: string): number | undefined => {
  const text = query.get(name)
  return text === null || text === "" ? undefined : Number(text)
}

const flagOf = (query: URLSearchParams, name: string): boolean => ["true", "1"].includes(query.get(name) ?? "")

/** The log of a container, as the query wants it. */
export const logOf = (
  kubelet: Kubelet,
  pod: JsonObject,
  query: URLSearchParams,
  now: number
): Either.Either<string | Stream.Stream<string>, Failure> =>
  Either.gen(function* () {
    const container = yield* containerOf(pod, query)
    if (textAt(pod, "spec", "nodeName") === "") return ""
    const previous = flagOf(query, "previous")
    const current = statusOf(pod, container)
    const run = kubelet.runOf(pod, container, previous)
    const named = `container ${JSON.stringify(container)} in pod ${JSON.stringify(nameOf(pod))}`
    if (run === undefined) {
      if (previous) return yield* Either.left(status.badRequest(`previous terminated ${named} not found`))
      const reason = textAt(current, "state", "waiting", "reason")
      const why =
        reason === "ErrImagePull"
          ? "image can't be pulled"
          : reason === "ImagePullBackOff"
            ? "trying and failing to pull image"
            : reason || "ContainerCreating"
      return yield* Either.left(status.badRequest(`${named} is waiting to start: ${why}`))
    }
    const [tail, limit] = [numberOf(query, "tailLines"), numberOf(query, "limitBytes")]
    const seconds = numberOf(query, "sinceSeconds")
    const sinceTime = Date.parse(query.get("sinceTime") ?? "")
    const since = seconds === undefined ? sinceTime : now - seconds * 1000
    const output = (query.get("stream") ?? "All").toLowerCase()
    const stamped = flagOf(query, "timestamps")
    const wanted = (line: Line): boolean =>
      (Number.isNaN(since) || line.time >= since) && (output === "all" || line.output === output)
    const shown = (line: Line): string => `${stamped ? `${stamp(line.time)} ` : ""}${line.text}\n`
    const there = run.log.lines()
    const kept = there.filter(wanted)
    const first = (tail === undefined ? kept : kept.slice(Math.max(0, kept.length - tail))).map(shown).join("")
    if (!flagOf(query, "follow")) return limit === undefined ? first : cut(first, limit)
    const later = Stream.map(Stream.filter(run.log.from(there.length), wanted), shown)
    const whole = Stream.concat(first === "" ? Stream.empty : Stream.make(first), later)
    return limit === undefined ? whole : limited(whole, limit)
  })

/** So many bytes at most. */
const cut = (text: string, bytes: number): string => Buffer.from(text, "utf8").subarray(0, bytes).toString("utf8")

const limited = (text: Stream.Stream<string>, bytes: number): Stream.Stream<string> =>
  Stream.mapAccum(text, bytes, (left, part) => [left - Buffer.byteLength(part), { left, part }] as const).pipe(
    Stream.takeUntil(({ left, part }) => Buffer.byteLength(part) >= left),
    Stream.map(({ left, part }) => cut(part, left))
  )

// ---- sockets

interface Ends {
  /** The client's end. */
  readonly socket: HttpWebSocket
  readonly incoming: Stream.Stream<Uint8Array>
  readonly send: (message: Uint8Array) => Effect.Effect<void>
  readonly close: Effect.Effect<void>
}

/** A WebSocket without a network: what one side sends the other one reads, and it waits while that does not. */
const pair = (protocol: string): Effect.Effect<Ends, never, Scope.Scope> =>
  Effect.gen(function* () {
    const toClient = yield* Mailbox.make<Uint8Array, HttpFailure>({ capacity })
    const toServer = yield* Mailbox.make<Uint8Array>({ capacity })
    yield* Effect.addFinalizer(() => Effect.all([toClient.shutdown, toServer.shutdown], { discard: true }))
    const gone: HttpFailure = {
      _tag: "HttpFailure",
      reason: "Reset",
      description: "the connection is closed",
      cause: undefined
    }
    return {
      socket: {
        protocol,
        messages: Mailbox.toStream(toClient),
        send: (message) =>
          // The sender may use its memory again.
          Effect.flatMap(toServer.offer(Uint8Array.from(message)), (taken) => (taken ? Effect.void : Effect.fail(gone)))
      },
      incoming: Mailbox.toStream(toServer),
      send: (message) => Effect.asVoid(toClient.offer(message)),
      close: Effect.zipRight(toServer.end, Effect.asVoid(toClient.end))
    }
  })

const refusal = (failure: Failure): HttpUpgrade => ({
  status: failure.code,
  headers: { "content-type": "application/json" },
  text: JSON.stringify(status.toStatus(failure))
})

const internalError = (message: string): JsonObject => ({
  metadata: {},
  status: "Failure",
  message: `Internal error occurred: ${message}`,
  reason: "InternalError",
  details: { causes: [{ message }] },
  code: 500
})

/** How a command ended, as the last message says it. */
const exitStatus = (code: number): JsonObject =>
  code === 0
    ? { metadata: {}, status: "Success" }
    : {
        metadata: {},
        status: "Failure",
        message: `command terminated with non-zero exit code: exit status ${code}`,
        reason: "NonZeroExitCode",
        details: { causes: [{ reason: "ExitCode", message: String(code) }] }
      }

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const

const commandProtocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"]

/** A container that is killed takes its commands with it. */
const killed = 137

const bytesOf = (data: string | Uint8Array): Uint8Array => (typeof data === "string" ? utf8.encode(data) : data)

/** What one message carries at most. */
const messageSize = 32 * 1024

interface Session {
  readonly run: Run
  readonly query: URLSearchParams
  readonly handler: (command: Command) => Effect.Effect<Result | number | void>
  /** Whether it is the container's own process, which ends as the container does. */
  readonly isMain: boolean
}

/** Runs a command over a socket. */
const converse = (
  { incoming, send }: Ends,
  { handler, isMain, query, run }: Session
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const tty = flagOf(query, "tty")
    const stdin = yield* Mailbox.make<Uint8Array>({ capacity })
    const sizes = yield* Mailbox.make<{ readonly width: number; readonly height: number }>()
    if (!flagOf(query, "stdin")) yield* stdin.end
    const receive = (message: Uint8Array): Effect.Effect<unknown> => {
      const body = message.subarray(1)
      switch (message[0]) {
        case channel.stdin:
          return body.length === 0 ? Effect.void : stdin.offer(body)
        case channel.close:
          return body[0] === channel.stdin ? stdin.end : Effect.void
        case channel.resize:
          return Either.match(
            Either.try((): unknown => JSON.parse(Buffer.from(body).toString("utf8"))),
            {
              onLeft: () => Effect.void,
              onRight: (size) => {
                // Whatever is no number is none of a size.
                const { Height, Width } = size as { readonly Height?: unknown; readonly Width?: unknown }
                return typeof Height === "number" && typeof Width === "number"
                  ? sizes.offer({ width: Width, height: Height })
                  : Effect.void
              }
            }
          )
        default:
          return Effect.void
      }
    }
    yield* background(Effect.ensuring(Stream.runForEach(incoming, receive), stdin.end))
    const write = (number: number) => (data: string | Uint8Array) => {
      const bytes = bytesOf(data)
      const parts = Array.from({ length: Math.ceil(bytes.length / messageSize) }, (_, index) =>
        bytes.subarray(index * messageSize, (index + 1) * messageSize)
      )
      return Effect.forEach(parts, (part) => send(Buffer.concat([Buffer.from([number]), part])), { discard: true })
    }
    const stdout = write(channel.stdout)
    // A terminal has one screen.
    const stderr = tty ? stdout : write(channel.stderr)
    const command: Command = {
      ...run.started,
      argv: query.getAll("command"),
      stdin: Mailbox.toStream(stdin),
      tty,
      sizes: Mailbox.toStream(sizes),
      stdout,
      stderr
    }
    const result = yield* handler(command).pipe(
      Effect.flatMap((given) => {
        const { exitCode = 0, stderr: err, stdout: out } = typeof given === "object" ? given : { exitCode: given ?? 0 }
        return Effect.zipRight(
          out === undefined ? Effect.void : stdout(out),
          err === undefined ? Effect.void : stderr(err)
        ).pipe(Effect.as(exitStatus(exitCode)))
      }),
      (result) => first(result, isMain ? Effect.never : Effect.as(Deferred.await(run.ended), exitStatus(killed))),
      Effect.exit,
      Effect.map(Exit.match({ onSuccess: (ended) => ended, onFailure: (cause) => internalError(Cause.pretty(cause)) }))
    )
    yield* write(channel.error)(JSON.stringify(result))
  })

/** What an image without the command answers. */
const notFound = (argv: ReadonlyArray<string>): JsonObject =>
  internalError(
    `error executing command in container: failed to exec in container: OCI runtime exec failed: exec failed: unable to start container process: exec: ${JSON.stringify(argv[0] ?? "")}: executable file not found in $PATH: unknown`
  )

const attached =
  ({ ended, log }: Run) =>
  ({ stderr, stdout }: Command): Effect.Effect<number> =>
    Stream.runForEach(log.from(log.lines().length), ({ output, text }) =>
      (output === "stdout" ? stdout : stderr)(`${text}\n`)
    ).pipe(Effect.zipRight(Deferred.await(ended)), Effect.as(0))

/** Joins a client with a pod, or says why that cannot be. */
export const connect = (
  kubelet: Kubelet,
  pod: JsonObject,
  subresource: string,
  query: URLSearchParams,
  protocols: ReadonlyArray<string>
): Effect.Effect<HttpUpgrade, never, Scope.Scope> =>
  Effect.gen(function* () {
    const offered = subresource === "portforward" ? [spdyProtocol] : commandProtocols
    const protocol = offered.find((each) => protocols.includes(each))
    if (protocol === undefined) {
      return refusal(status.badRequest(`unable to upgrade: none of the protocols ${protocols.join(", ")} is supported`))
    }
    const phase = textAt(pod, "status", "phase")
    const upgraded = Effect.map(pair(protocol), (ends) => ({
      ends,
      upgrade: { status: 101, headers: {}, text: "", webSocket: ends.socket }
    }))
    if (subresource === "portforward") {
      if (phase !== "Running") {
        return refusal(status.badRequest(`unable to forward port because pod is not running. Current status=${phase}`))
      }
      const { ends, upgrade } = yield* upgraded
      const portOf = (port: number) =>
        specsOf(pod).flatMap((container) => {
          const handler = kubelet.scriptOf(pod, container).ports?.[port]
          return handler === undefined ? [] : [handlerOf(handler)]
        })[0]
      yield* background(serveSpdy(ends, pod, portOf))
      return upgrade
    }
    const container = containerOf(pod, query)
    if (Either.isLeft(container)) return refusal(container.left)
    if (phase === "Succeeded" || phase === "Failed") {
      return refusal(status.badRequest(`cannot exec into a container in a completed pod; current phase is ${phase}`))
    }
    if (textAt(pod, "spec", "nodeName") === "") {
      return refusal(status.badRequest(`pod ${nameOf(pod)} does not have a host assigned`))
    }
    const name = container.right
    const run = at(statusOf(pod, name), "state", "running") === undefined ? undefined : kubelet.runOf(pod, name)
    const { ends, upgrade } = yield* upgraded
    const tell = (told: JsonObject) =>
      ends.send(Buffer.concat([Buffer.from([channel.error]), utf8.encode(JSON.stringify(told))]))
    const spec = specsOf(pod).find((each) => each["name"] === name) ?? {}
    const { attach, exec } = kubelet.scriptOf(pod, spec)
    const handler = subresource === "exec" ? exec : run === undefined ? undefined : (attach ?? attached(run))
    const work =
      run === undefined
        ? tell(internalError(`unable to upgrade connection: container not found (${JSON.stringify(name)})`))
        : handler === undefined
          ? tell(notFound(query.getAll("command")))
          : converse(ends, { run, query, handler, isMain: subresource === "attach" })
    yield* background(Effect.scoped(Effect.zipRight(work, ends.close)))
    return upgrade
  })
