/** The logs of many containers as one stream, and where in each of them to go on after a break. */
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Deferred from "effect/Deferred"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { InvalidRequest, type KubeError } from "../KubeError.js"
import type { KubeClient } from "../layers/KubeClient.js"
import type { FollowOptions, LogLine, Options, ReadOptions } from "../Logs.js"
import * as Pods from "../Pods.js"
import type { LogOptions, Stored } from "../Resource.js"
import { Pod } from "../resources/CoreV1.js"
import type { WatchEvent } from "../Watch.js"
import { splitLines, type Line } from "./watch.js"
import { background } from "./fork.js"

/** A JavaScript date would lose the nanoseconds. */
export interface Time {
  readonly second: number
  readonly nano: number
}

const rfc3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)/

/** The time at the beginning of a text, and how many characters it takes. */
export const parseTime = (text: string): { readonly time: Time; readonly length: number } | undefined => {
  const match = rfc3339.exec(text)
  if (match === null) return undefined
  const [{ length }, date = "", fraction = "", zone = ""] = match
  const second = Date.parse(date + zone) / 1000
  return Number.isNaN(second) ? undefined : { time: { second, nano: Number(fraction.padEnd(9, "0")) }, length }
}

const isBefore = (one: Time, other: Time): boolean =>
  one.second === other.second ? one.nano < other.nano : one.second < other.second

/**
 * Where a reader is in the log of a container.
 *
 * `sinceTime` reaches the kubelet in whole seconds, several lines may have the same time, and the two outputs of a
 * container overtake each other by microseconds. So neither a time nor the order of times says where a reader is; it
 * takes the number of lines too. It is that of the last second and of the one before, because a line that was
 * overtaken may belong to that one.
 */
export interface Position {
  /** What is older was not asked for. */
  readonly first: Time
  /** The latest time of all lines. */
  readonly last: Time
  /** How many lines have come of the second of `last`. */
  readonly lines: number
  /** How many lines have come of the second before. */
  readonly linesBefore: number
}

/** The position after another line. */
export const advance = (position: Position | undefined, time: Time, first: Time = time): Position => {
  if (position === undefined) return { first, last: time, lines: 1, linesBefore: 0 }
  const { last, lines, linesBefore } = position
  if (isBefore(time, position.first)) return position
  switch (time.second - last.second) {
    case 0:
      return { ...position, last: isBefore(last, time) ? time : last, lines: lines + 1 }
    case 1:
      return { first: position.first, last: time, lines: 1, linesBefore: lines }
    case -1:
      return { ...position, linesBefore: linesBefore + 1 }
    default:
      return time.second > last.second ? { first: position.first, last: time, lines: 1, linesBefore: 0 } : position
  }
}

/** From when on to ask for lines, to find the position again. */
export const sinceTime = ({ last }: Position): string => new Date((last.second - 1) * 1000).toISOString()

/**
 * Tells of each line of an answer since `sinceTime`, in turn, whether it was seen before. A line that is later than all
 * that were seen is new even where fewer lines were skipped: the log may have been rotated, and begin later.
 */
export const seenBefore = (position: Position | undefined): ((time: Time) => boolean) => {
  if (position === undefined) return () => false
  const { first, last } = position
  let left = position.lines + position.linesBefore
  return (time) => {
    if (isBefore(time, first)) return true
    if (left === 0 || isBefore(last, time)) return false
    left--
    return true
  }
}

interface Source {
  readonly namespace: string
  readonly pod: string
  readonly container: string
}

/** The reader of one container. */
interface Reader extends Source {
  position: Position | undefined
}

/** The kubelet says so in place of a log that is being removed, with HTTP status 200. */
const unavailable = /^unable to retrieve container logs for /

interface Asked {
  /** Whether lines only move the position. */
  readonly silent?: boolean
  /** Whether an end that lacks its line break is a line: else it comes again as a whole, with the rest. */
  readonly rest: boolean
  /** What is older was not asked for. */
  readonly first: Time | undefined
}

/** The lines of one answer that the reader has not seen yet. */
const fetch = (
  reader: Reader,
  query: Omit<LogOptions, "container" | "timestamps">,
  { first, rest, silent = false }: Asked
): Stream.Stream<LogLine, KubeError, KubeClient> =>
  Stream.suspend(() => {
    const { container, namespace, pod } = reader
    const isSeen = seenBefore(reader.position)
    const begins = query.sinceTime !== undefined || query.sinceSeconds !== undefined
    let timestamp = ""
    const read = ({ text, whole }: Line): LogLine | undefined => {
      if (!whole && (!rest || unavailable.test(text))) return undefined
      const parsed = parseTime(text)
      if (parsed === undefined) {
        // The kubelet writes a long line in pieces, only the first of which has a time: it was before the time asked for.
        return begins && timestamp === "" ? undefined : { namespace, pod, container, timestamp, text }
      }
      const { length, time } = parsed
      timestamp = text.slice(0, length)
      if (isSeen(time) || (first !== undefined && isBefore(time, first))) return undefined
      reader.position = advance(reader.position, time, first)
      return silent ? undefined : { namespace, pod, container, timestamp, text: text.slice(length + 1) }
    }
    return splitLines(Pod.logBytes({ name: pod, namespace }, { ...query, container, timestamps: true })).pipe(
      Stream.mapChunks(Chunk.filterMap((line) => Option.fromNullable(read(line))))
    )
  })

/** What another try may mend. */
const isTransient = ({ _tag }: KubeError): boolean => !fatal.has(_tag)

const fatal: ReadonlySet<KubeError["_tag"]> = new Set([
  "Unauthorized",
  "Forbidden",
  "NotFound",
  "BadRequest",
  "Invalid",
  "InvalidRequest",
  "AuthError",
  "ConfigError",
  "DecodeError"
] as const)

const check = (options: Options): Effect.Effect<Time | undefined, InvalidRequest> => {
  const { sinceSeconds, sinceTime, tailLines } = options
  const fail = (message: string) => Effect.fail(new InvalidRequest({ message }))
  // The server's refusal looks like that of a container that has not started yet.
  if (tailLines !== undefined && (!Number.isInteger(tailLines) || tailLines < 0)) {
    return fail(`tailLines: expected a whole number from 0 on, got ${tailLines}`)
  }
  if (sinceSeconds !== undefined && (!Number.isInteger(sinceSeconds) || sinceSeconds < 1)) {
    return fail(`sinceSeconds: expected a whole number of seconds from 1 on, got ${sinceSeconds}`)
  }
  if (sinceSeconds !== undefined && sinceTime !== undefined) {
    return fail("sinceSeconds and sinceTime exclude each other; leave one out")
  }
  if (sinceTime === undefined) return Effect.succeed(undefined)
  const parsed = parseTime(sinceTime)
  return parsed?.length === sinceTime.length
    ? Effect.succeed(parsed.time)
    : fail(`sinceTime: expected a time like 2026-01-31T08:00:00Z (RFC 3339), got ${JSON.stringify(sinceTime)}`)
}

const isOne = (pods: Pods.Pods): boolean => typeof pods === "string" || !("_tag" in pods)

const namesOf = ({ spec }: Stored<Pod>): ReadonlyArray<string> =>
  [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])].map(({ name }) => name)

/** The containers of a pod that are wanted. */
const wantedOf = (pod: Stored<Pod>, { containers }: Options): ReadonlyArray<string> =>
  namesOf(pod).filter(
    (name) =>
      containers === undefined || (typeof containers === "function" ? containers(name) : containers.includes(name))
  )

/** Of a pod that was given by its name, nothing but its own containers can be wanted. */
const checkContainers = (pod: Stored<Pod>, { containers }: Options): Effect.Effect<void, InvalidRequest> => {
  const names = namesOf(pod)
  const unknown = typeof containers === "object" ? containers.filter((name) => !names.includes(name)) : []
  return unknown.length === 0
    ? Effect.void
    : Effect.fail(
        new InvalidRequest({
          message: `pod "${pod.metadata.name}" has no container ${unknown.join(", ")}; it has ${names.join(", ")}`
        })
      )
}

const passedOn = ({ insecureSkipTLSVerifyBackend, stream }: Options): LogOptions => ({
  insecureSkipTLSVerifyBackend,
  stream
})

const fewTries = Schedule.exponential("200 millis").pipe(Schedule.jittered, Schedule.intersect(Schedule.recurs(4)))

export const read = (pods: Pods.Pods, options: ReadOptions): Stream.Stream<LogLine, KubeError, KubeClient> => {
  const { concurrency = 1, previous, retry = fewTries, sinceSeconds, tailLines } = options
  const container = (source: Source, first: Time | undefined) =>
    Stream.suspend(() => {
      const reader: Reader = { ...source, position: undefined }
      return Stream.suspend(() => {
        const { position } = reader
        const from =
          position === undefined
            ? { sinceSeconds, sinceTime: options.sinceTime, tailLines }
            : { sinceTime: sinceTime(position) }
        return fetch(reader, { ...passedOn(options), previous, ...from }, { rest: true, first })
      }).pipe(Stream.retry(Schedule.whileInput(retry, isTransient)))
    }).pipe(
      // It has not started yet, had no run before, or is gone: there is no log.
      Stream.catchTags({ BadRequest: () => Stream.empty, NotFound: () => Stream.empty })
    )
  return Stream.unwrap(
    Effect.gen(function* () {
      const first = yield* check(options)
      const found = yield* Pods.list(pods)
      if (isOne(pods)) yield* Effect.forEach(found, (pod) => checkContainers(pod, options))
      const sources = found.flatMap((pod) =>
        wantedOf(pod, options).map((name) => ({
          namespace: pod.metadata.namespace,
          pod: pod.metadata.name,
          container: name
        }))
      )
      return Stream.fromIterable(sources).pipe(Stream.flatMap((source) => container(source, first), { concurrency }))
    })
  )
}

/** Lines that wait to be read; sockets are not read while they are so many. */
const capacity = 128

/** How long the connection to a pod that is gone may be silent: its node may be gone too, and never end it. */
const lastWords = "10 seconds"

/** A pod that is followed, as it was last seen. */
interface Followed {
  readonly pod: Stored<Pod>
  readonly gone: boolean
}

const hasEnded = ({ gone, pod: { status } }: Followed): boolean =>
  gone || status.phase === "Succeeded" || status.phase === "Failed"

const statusOf = ({ pod: { status } }: Followed, container: string) =>
  [status.containerStatuses, status.initContainerStatuses, status.ephemeralContainerStatuses]
    .flatMap((statuses) => statuses ?? [])
    .find(({ name }) => name === container)

/** Something that is another after each change that a log may show. */
const stateOf = (followed: Followed, container: string): string => {
  const { containerID, restartCount, state = {} } = statusOf(followed, container) ?? {}
  return JSON.stringify([hasEnded(followed), containerID, restartCount, Object.keys(state)])
}

const hasStarted = (followed: Followed, container: string): boolean => {
  const status = statusOf(followed, container)
  return (
    status?.state?.running !== undefined ||
    status?.state?.terminated !== undefined ||
    status?.lastState?.terminated !== undefined
  )
}

const isRunning = (followed: Followed, container: string): boolean =>
  !hasEnded(followed) && statusOf(followed, container)?.state?.running !== undefined

const patient = Schedule.exponential("200 millis").pipe(
  Schedule.union(Schedule.spaced("30 seconds")),
  Schedule.jittered
)

type Latest = SubscriptionRef.SubscriptionRef<Followed>

const until = (latest: Latest, wanted: (followed: Followed) => boolean): Effect.Effect<Followed> =>
  latest.changes.pipe(
    Stream.filter(wanted),
    Stream.runHead,
    // The changes of a reference have no end.
    Effect.flatMap(Option.match({ onNone: () => Effect.never, onSome: Effect.succeed }))
  )

interface Following extends Source {
  readonly options: FollowOptions
  readonly first: Time | undefined
  readonly latest: Latest
  /** Whether it came when the others were followed already: all that it wrote is new. */
  readonly isNew: boolean
  readonly emit: (lines: Chunk.Chunk<LogLine>) => Effect.Effect<unknown>
  /** Runs what holds a connection, when there is one to be had. */
  readonly connected: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** What one container writes, through all of its runs and connections, until its pod has ended. */
const followContainer = ({ connected, emit, first: asked, latest, options, ...source }: Following) =>
  Effect.gen(function* () {
    const { container, namespace, pod: name } = source
    const began = yield* Clock.currentTimeMillis
    const elapsed = Effect.map(Clock.currentTimeMillis, (now) => Math.ceil((now - began) / 1000))
    const fromStart = source.isNew || !hasStarted(yield* latest.get, container)
    const { uid } = (yield* latest.get).pod.metadata
    // All lines of a log are later than this one.
    const first = fromStart
      ? { second: 0, nano: 0 }
      : (asked ??
        (options.tailLines === undefined && options.sinceSeconds === undefined ? { second: 0, nano: 0 } : undefined))
    const reader: Reader = { container, namespace, pod: name, position: undefined }
    const failures = yield* Schedule.driver(options.retry ?? patient)
    const pauses = yield* Schedule.driver(patient)
    let tail = fromStart ? undefined : options.tailLines
    let again = false

    /** Where to begin; `previous`: in the log of the run before, of which only what came since we are here is wanted. */
    const begin = (previous: boolean) =>
      Effect.map(elapsed, (seconds): LogOptions => {
        if (reader.position !== undefined) return { sinceTime: sinceTime(reader.position) }
        if (fromStart) return {}
        if (previous) return { sinceSeconds: seconds + 1 }
        return {
          sinceTime: options.sinceTime,
          sinceSeconds: options.sinceSeconds === undefined ? undefined : options.sinceSeconds + seconds
        }
      })

    const run = (query: LogOptions, how: Omit<Asked, "first">) =>
      Effect.suspend(() => {
        let lines = 0
        let busy = false
        const silence: Effect.Effect<void> = Effect.suspend(() => {
          const before = lines
          return Effect.flatMap(Effect.sleep(lastWords), () => (busy || lines !== before ? silence : Effect.void))
        })
        return fetch(reader, { ...passedOn(options), ...query }, { ...how, first }).pipe(
          Stream.runForEachChunk((chunk) => {
            if (chunk.length === 0) return Effect.void
            lines += chunk.length
            busy = true
            return Effect.zipRight(
              emit(chunk),
              Effect.sync(() => {
                busy = false
              })
            )
          }),
          Effect.raceFirst(
            Effect.zipRight(
              until(latest, ({ gone }) => gone),
              silence
            )
          ),
          Effect.ensuring(
            Effect.suspend(() => (lines === 0 ? Effect.void : Effect.zipRight(failures.reset, pauses.reset)))
          ),
          Effect.map(() => lines)
        )
      })

    const previous: Effect.Effect<void, KubeError, KubeClient> = Effect.flatMap(begin(true), (from) =>
      run({ ...from, previous: true }, { rest: true })
    ).pipe(
      // There was no run before, or the node has removed its log.
      Effect.catchTag("BadRequest", () => Effect.succeed(0)),
      // Meanwhile there may have been another restart.
      Effect.flatMap((lines) => (lines === 0 ? Effect.void : previous))
    )

    /** One connection, from where the last one was to its end. */
    const pass = (followed: Followed): Effect.Effect<void, KubeError, KubeClient> =>
      Effect.gen(function* () {
        if (tail !== undefined && reader.position === undefined) {
          // Without a line there is no position, and it takes one to lose nothing when the connection breaks.
          const from = yield* begin(false)
          yield* run({ ...from, tailLines: Math.max(tail, 1) }, { rest: false, silent: tail === 0 })
        } else if (again || (fromStart && (statusOf(followed, container)?.restartCount ?? 0) > 0)) {
          yield* previous
        }
        tail = undefined
        const from = yield* begin(false)
        yield* run({ ...from, follow: true }, { rest: !isRunning(followed, container) })
      })

    const fresh = Effect.flatMap(Pod.get({ name, namespace }), (pod) =>
      SubscriptionRef.updateAndGet(latest, ({ gone }) => ({ pod, gone: gone || pod.metadata.uid !== uid }))
    )
    const changed = (followed: Followed) => {
      const state = stateOf(followed, container)
      return until(latest, (now) => stateOf(now, container) !== state)
    }
    /** Says what failed, not of every hiccup. */
    const tell = (error: KubeError, streak: number) => {
      const where = `the log of container ${container} of pod ${namespace}/${name}`
      return streak === 2
        ? Effect.logWarning(`cannot read ${where}, and goes on trying: ${error.message}`)
        : Effect.logDebug(`goes on with ${where} after: ${error.message}`)
    }

    /** Holds a connection as long as the container may write. Tells how the pod was when all of its log was read. */
    const session: Effect.Effect<Followed, KubeError, KubeClient> = Effect.gen(function* () {
      let streak = 0
      while (true) {
        let followed = yield* latest.get
        const attempt = Effect.gen(function* () {
          if (again) followed = yield* fresh
          // Another pod of the same name has another reader.
          if (followed.pod.metadata.uid === uid) yield* pass(followed)
        })
        const failed = yield* Effect.match(attempt, { onFailure: (error) => error, onSuccess: () => undefined })
        again = true
        if (failed === undefined || failed._tag === "BadRequest") {
          streak = 0
          // It had stopped before it was read: so that was all. Or there is no log yet, or no more.
          if (!isRunning(followed, container)) return followed
          // A proxy, a kubelet that restarts, or a container that has just ended, of which the pod does not tell yet.
          yield* Effect.raceFirst(Effect.ignore(pauses.next(undefined)), changed(followed))
        } else if (isTransient(failed)) {
          yield* tell(failed, ++streak)
          const delay = Effect.catchAll(failures.next(failed), () => Effect.fail(failed))
          yield* Effect.raceFirst(delay, changed(followed))
        } else {
          return yield* Effect.fail(failed)
        }
      }
    })

    while (true) {
      const present = yield* until(latest, (followed) => hasEnded(followed) || hasStarted(followed, container))
      if (!hasStarted(present, container)) return
      const followed = yield* connected(session)
      if (hasEnded(followed)) return
      yield* changed(followed)
    }
  }).pipe(Effect.catchTag("NotFound", () => Effect.void))

/** Makes what runs so many effects at a time. The next one waits for one of them to end, and says so. */
const makeLimit = (limit: number | "unbounded") =>
  Effect.map(
    Effect.makeSemaphore(limit === "unbounded" ? Infinity : limit),
    (semaphore) =>
      <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
        Effect.flatMap(
          semaphore.withPermitsIfAvailable(1)(effect),
          Option.match({
            onNone: () =>
              Effect.logWarning(
                `a container is not followed until another one ends: concurrency is ${limit}; raise it`
              ).pipe(Effect.zipRight(semaphore.withPermits(1)(effect))),
            onSome: Effect.succeed
          })
        )
  )

const followAll = (
  pods: Pods.Pods,
  options: FollowOptions,
  emit: (lines: Chunk.Chunk<LogLine>) => Effect.Effect<unknown>
): Effect.Effect<void, KubeError, KubeClient> =>
  Effect.scoped(
    Effect.gen(function* () {
      const first = yield* check(options)
      const one = isOne(pods)
      const { selection } = yield* Pods.resolve(pods)
      // A selection may be empty, a name that is not there is a mistake.
      const [only] = one ? yield* Pods.list(pods) : []
      if (only !== undefined) yield* checkContainers(only, options)

      const { concurrency = 50 } = options
      const connected = yield* makeLimit(concurrency)
      const followers = yield* FiberSet.make<void, KubeError>()
      const finished = yield* Deferred.make<void>()
      const known = new Map<string, { readonly latest: Latest; readonly containers: Set<string> }>()
      let active = 0
      let listed = false

      const lose = (uid: string) =>
        Effect.suspend(() => {
          const entry = known.get(uid)
          known.delete(uid)
          return entry === undefined
            ? Effect.void
            : SubscriptionRef.update(entry.latest, ({ pod }) => ({ pod, gone: true }))
        })
      const done = Effect.suspend(() => (one && active === 0 ? Deferred.succeed(finished, undefined) : Effect.void))

      const meet = (pod: Stored<Pod>) =>
        Effect.gen(function* () {
          const { name, namespace, uid } = pod.metadata
          // Another pod of that name is another one.
          if (only !== undefined && uid !== only.metadata.uid) return
          const entry = known.get(uid) ?? {
            latest: yield* SubscriptionRef.make<Followed>({ pod, gone: false }),
            containers: new Set<string>()
          }
          known.set(uid, entry)
          yield* SubscriptionRef.update(entry.latest, ({ gone }) => ({ pod, gone }))
          for (const container of wantedOf(pod, options)) {
            if (entry.containers.has(container)) continue
            entry.containers.add(container)
            active++
            yield* FiberSet.run(
              followers,
              followContainer({
                namespace,
                pod: name,
                container,
                options,
                first,
                latest: entry.latest,
                isNew: listed,
                emit,
                connected
              }).pipe(
                Effect.zipRight(
                  Effect.suspend(() => {
                    active--
                    return done
                  })
                ),
                Effect.asVoid
              )
            )
          }
        })

      const see = (event: WatchEvent<Pod>): Effect.Effect<void, never, KubeClient> => {
        switch (event._tag) {
          case "Added":
          case "Modified":
            return meet(event.object)
          case "Deleted":
            return lose(event.object.metadata.uid)
          case "Synced":
            listed = true
            return done
          case "Bookmark":
            return Effect.void
        }
      }
      yield* Pod.watch({ ...selection, backoff: options.retry }).pipe(
        Stream.runForEach(see),
        Effect.raceFirst(FiberSet.join(followers)),
        Effect.raceFirst(Deferred.await(finished))
      )
    })
  )

export const follow = (pods: Pods.Pods, options: FollowOptions): Stream.Stream<LogLine, KubeError, KubeClient> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const mailbox = yield* Mailbox.make<LogLine, KubeError>({ capacity })
      yield* followAll(pods, options, (lines) => mailbox.offerAll(lines)).pipe(
        Effect.exit,
        Effect.flatMap((exit) => mailbox.done(exit)),
        background
      )
      return Mailbox.toStream(mailbox)
    })
  )
