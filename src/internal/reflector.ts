/**
 * The Reflector: a collection as a stream of its changes that goes on, whatever happens to the connection.
 *
 * What to do next is decided in `reconnect.ts`; here is the I/O, and the objects that are known, so that a new list can
 * be told as the changes that happened meanwhile.
 */
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { TransportError, type DecodeError, type KubeError } from "../KubeError.js"
import type { List } from "../Resource.js"
import { atLeast, askedFor } from "./client.js"
import { isObject } from "./isObject.js"
import * as metrics from "./metrics.js"
import { open, toStream, untilSilent, type Pull } from "./pull.js"
import * as reconnect from "./reconnect.js"
import { objectOf, type Frame } from "./watch.js"
import { limited } from "./fork.js"

/** What a reflector reads. */
export interface Source<A> {
  /** For logs, errors and metrics: `pods`. */
  readonly resource: string
  readonly path: string
  readonly server: string
  readonly list: (
    command: Extract<reconnect.Command, { readonly _tag: "List" }>
  ) => Effect.Effect<List<unknown>, KubeError>
  readonly watch: (command: Extract<reconnect.Command, { readonly _tag: "Watch" }>) => Stream.Stream<Frame, KubeError>
  readonly read: (object: unknown) => Either.Either<A, DecodeError>
  /** Whether what `read` makes of an object is kept; else it is the text, where there is one. */
  readonly keepsObjects: boolean
}

export interface Options {
  readonly start: reconnect.Start
  readonly backoff: Schedule.Schedule<unknown, KubeError>
  /** How long a connection may be silent. */
  readonly idle: Duration.DurationInput
  readonly decodeFailures: "fail" | "skip" | "event"
}

export type Change<A> =
  | { readonly _tag: "Added" | "Modified" | "Deleted"; readonly object: A }
  | { readonly _tag: "Bookmark" | "Synced"; readonly resourceVersion: string }
  | {
      readonly _tag: "Undecodable"
      readonly change: "Added" | "Modified" | "Deleted"
      readonly error: DecodeError
      readonly object: unknown
    }

/** Pauses of about 0.5 s, 1 s, 2 s, ... 30 s, each up to half longer or shorter, so that many clients spread out. */
export const defaultBackoff: Schedule.Schedule<unknown> = Schedule.exponential("500 millis").pipe(
  Schedule.either(Schedule.spaced("30 seconds")),
  Schedule.jitteredWith({ min: 0.5, max: 1.5 })
)

/**
 * The server sends a bookmark about every minute, so a connection that says nothing for this long is dead, or belongs to
 * a server without bookmarks; then a new one costs little.
 */
export const defaultIdle: Duration.DurationInput = "150 seconds"

/** A watch that ended sooner than this, in milliseconds, and brought nothing, is no better than a failure. */
const hasty = 1000

/**
 * A text where the garbage collector neither walks through it nor copies it, and that is written over by the next one: for
 * large objects the collector's part would cost more than parsing them.
 */
interface Kept {
  readonly bytes: Buffer
  length: number
}

/** What a character may take. */
const widest = 4

const keep = (text: string, before: Kept | undefined): Kept => {
  if (before !== undefined) {
    // Where there is room left for another character, all of it was written.
    before.length = before.bytes.write(text)
    if (before.length + widest <= before.bytes.length) return before
  }
  // An object grows a little with most of its changes.
  const length = Buffer.byteLength(text)
  const bytes = Buffer.allocUnsafeSlow(length + (length >> 3) + widest)
  return { bytes, length: bytes.write(text) }
}

/** The last state of an object, which is told when it is found to be gone. */
type State<A> = { readonly object: A } | Kept

interface Known<A> {
  readonly uid: string
  readonly resourceVersion: string
  /** Absent where it could not be decoded. */
  readonly state: State<A> | undefined
}

interface Identity {
  readonly key: string
  readonly uid: string
  readonly resourceVersion: string
}

const text = (value: unknown): string => (typeof value === "string" ? value : "")

const identityOf = (object: unknown): Identity => {
  const metadata: unknown = isObject(object) ? object["metadata"] : undefined
  if (!isObject(metadata)) return { key: "", uid: "", resourceVersion: "" }
  return {
    key: `${text(metadata["namespace"])}/${text(metadata["name"])}`,
    uid: text(metadata["uid"]),
    resourceVersion: text(metadata["resourceVersion"])
  }
}

/** What is known of a collection, and what news of it means. `complete` or `begin` are for those who know it all. */
const makeKnown = <A>({ keepsObjects, read }: Source<A>, { decodeFailures, start }: Options) => {
  const known = new Map<string, Known<A>>()
  /** The keys that a list, or the beginning of a watch, has named so far. */
  let listed: Set<string> | undefined
  let synced = false

  const gone = ({ state }: Known<A>, out: Array<Change<A>>) => {
    if (state === undefined) return
    const object =
      "object" in state ? Either.right(state.object) : read(objectOf(state.bytes.toString("utf8", 0, state.length)))
    // It could be decoded before.
    if (Either.isRight(object)) out.push({ _tag: "Deleted", object: object.right })
  }
  const undecodable = (
    change: "Added" | "Modified" | "Deleted",
    error: DecodeError,
    object: unknown,
    out: Array<Change<A>>
  ): DecodeError | undefined => {
    if (decodeFailures === "fail") return error
    out.push({ _tag: "Undecodable", change, error, object })
    return undefined
  }
  /** News for somebody who does not know what was before. */
  const tell = (_tag: "Added" | "Modified" | "Deleted", object: unknown, out: Array<Change<A>>) => {
    const decoded = read(object)
    if (Either.isLeft(decoded)) return undecodable(_tag, decoded.left, object, out)
    out.push({ _tag, object: decoded.right })
    return undefined
  }
  const put = (
    object: unknown,
    { key, resourceVersion, uid }: Identity,
    line: string | undefined,
    out: Array<Change<A>>
  ): DecodeError | undefined => {
    const before = known.get(key)
    listed?.add(key)
    // After a new list, or from a server that repeats itself. Some servers give no versions.
    if (before?.uid === uid && before.resourceVersion === resourceVersion && resourceVersion !== "") return undefined
    const replaced = before !== undefined && before.uid !== uid
    if (replaced) gone(before, out)
    const last = replaced ? undefined : before?.state
    const change = last === undefined ? "Added" : "Modified"
    const decoded = read(object)
    if (Either.isLeft(decoded)) {
      known.set(key, { uid, resourceVersion, state: last })
      return undecodable(change, decoded.left, object, out)
    }
    const state =
      keepsObjects || line === undefined
        ? { object: decoded.right }
        : keep(line, last !== undefined && "bytes" in last ? last : undefined)
    known.set(key, { uid, resourceVersion, state })
    out.push({ _tag: change, object: decoded.right })
    return undefined
  }
  const remove = (object: unknown, { key }: Identity, out: Array<Change<A>>): DecodeError | undefined => {
    const before = known.get(key)
    if (before === undefined) return undefined
    known.delete(key)
    const decoded = read(object)
    if (Either.isLeft(decoded)) {
      gone(before, out)
      return undecodable("Deleted", decoded.left, object, out)
    }
    // Whoever was never shown the object need not hear of its end.
    if (before.state !== undefined) out.push({ _tag: "Deleted", object: decoded.right })
    return undefined
  }

  return {
    /** From here on, what is not named is gone. */
    begin: () => {
      listed = new Set()
    },
    item: (object: unknown, out: Array<Change<A>>) => put(object, identityOf(object), undefined, out),
    /** What became of an object; the error that is to end it all. */
    news: (
      { _tag, line, object }: Extract<Frame, { readonly line: string }>,
      identity: Identity,
      out: Array<Change<A>>
    ) =>
      start._tag === "After"
        ? tell(_tag, object, out)
        : _tag === "Deleted"
          ? remove(object, identity, out)
          : put(object, identity, line, out),
    /** All that there is has been named. */
    complete: (resourceVersion: string, out: Array<Change<A>>) => {
      if (listed !== undefined) {
        for (const [key, before] of known) {
          if (listed.has(key)) continue
          known.delete(key)
          gone(before, out)
        }
        listed = undefined
      }
      out.push({ _tag: synced ? "Bookmark" : "Synced", resourceVersion })
      synced = true
    }
  }
}

/** The changes without those that cannot be decoded, which are reported. */
const skipUndecodable = <A>(changes: ReadonlyArray<Change<A>>, { path }: Source<A>) => {
  const readable = changes.filter(({ _tag }) => _tag !== "Undecodable")
  return readable.length === changes.length
    ? Effect.succeed(changes)
    : Effect.forEach(
        changes,
        (change) =>
          change._tag === "Undecodable"
            ? Effect.logWarning(`a watch skips an object that it cannot decode: ${change.error.message}`)
            : Effect.void,
        { discard: true }
      ).pipe(Effect.annotateLogs({ path }), Effect.as(readable))
}

const endedAtOnce = ({ path, server }: Source<unknown>): KubeError =>
  new TransportError({
    reason: "Reset",
    description: "the server ended the watch as soon as it had begun",
    method: "GET",
    path,
    server
  })

/** A connection from the time when it was asked for. */
interface Attempt {
  readonly scope: Scope.CloseableScope
  readonly began: number
}

interface Connection extends Attempt {
  readonly pull: Pull<Frame, KubeError>
}

/** The changes of a collection, from its first state on; it ends only by failing. */
export const reflect = <A>(source: Source<A>, options: Options): Stream.Stream<Change<A>, KubeError> =>
  toStream(
    Effect.gen(function* () {
      type Next = Pull<Change<A>, KubeError>
      const parent = yield* Effect.scope
      const clock = yield* Effect.clock
      const driver = yield* Schedule.driver(options.backoff)
      const idle = Duration.decode(options.idle)
      const known = makeKnown(source, options)
      let state = reconnect.initial(options.start)
      let ended: KubeError | undefined
      let connection: Connection | undefined

      const pause = ({ because, fresh }: { readonly because: KubeError; readonly fresh: boolean }) =>
        Effect.gen(function* () {
          if (fresh) yield* driver.reset
          metrics.restarted(source.resource, because)
          // What has just gone well is likely to do so again.
          const log = fresh ? Effect.logInfo : Effect.logWarning
          yield* log(`the watch of ${source.resource} is interrupted and goes on: ${because.message}`).pipe(
            Effect.annotateLogs({ path: source.path })
          )
          yield* atLeast(driver.next(because), askedFor(because))
        }).pipe(Effect.mapError(() => Option.some(because)))

      /** Takes note of what went well, which asks for no pause. */
      const note = (signal: reconnect.Arrived): void => {
        state = reconnect.arrived(state, signal)
      }

      /** Takes note of an end, and pauses if that is what it means. */
      const signal = (signal: reconnect.Broken): Effect.Effect<void, Option.Option<KubeError>> => {
        const step = reconnect.broken(state, signal)
        if (step._tag === "Fail") return Effect.fail(Option.some(step.error))
        state = step.state
        return step.pause === undefined ? Effect.void : pause(step.pause)
      }

      const emit = (changes: ReadonlyArray<Change<A>>): Next =>
        Effect.flatMap(
          options.decodeFailures === "skip" ? skipUndecodable(changes, source) : Effect.succeed(changes),
          (wanted) => (wanted.length === 0 ? next : Effect.succeed(Chunk.unsafeFromArray(wanted)))
        )

      const list = (command: Extract<reconnect.Command, { readonly _tag: "List" }>) =>
        Effect.matchEffect(source.list(command), {
          onFailure: (error) => Effect.zipRight(signal({ _tag: "Failed", error }), next),
          onSuccess: (page) => {
            const out: Array<Change<A>> = []
            if (command.continue === undefined) known.begin()
            for (const item of page.items) {
              ended = known.item(item, out)
              // What comes after it is not known, so nothing can be said of what is gone.
              if (ended !== undefined) return emit(out)
            }
            if (page.continue === undefined) known.complete(page.resourceVersion, out)
            note({ _tag: "Page", resourceVersion: page.resourceVersion, continue: page.continue })
            return emit(out)
          }
        })

      const connect = (command: Extract<reconnect.Command, { readonly _tag: "Watch" }>): Next =>
        Effect.flatMap(Scope.fork(parent, { _tag: "Sequential" } as const), (scope) => {
          if (command.initial) known.begin()
          const began = clock.unsafeCurrentTimeMillis()
          const opened = limited(Effect.mapError(open(source.watch(command)), Option.some), {
            duration: idle,
            onTimeout: () => Option.none()
          })
          return Effect.matchEffect(
            Scope.extend(
              Effect.flatMap(opened, (stream) => untilSilent(stream, idle)),
              scope
            ),
            {
              onFailure: (error) => over(error, { scope, began }),
              onSuccess: (pull) => {
                connection = { scope, began, pull }
                note({ _tag: "Opened" })
                return next
              }
            }
          )
        })

      const hear = (frames: Chunk.Chunk<Frame>): Next => {
        const out: Array<Change<A>> = []
        let seen = ""
        for (const frame of frames) {
          if ("object" in frame) {
            const identity = identityOf(frame.object)
            seen = identity.resourceVersion
            ended = known.news(frame, identity, out)
            if (ended !== undefined) return emit(out)
            continue
          }
          seen = frame.resourceVersion
          if (frame._tag === "Bookmark") {
            out.push(frame)
          } else {
            known.complete(frame.resourceVersion, out)
            note({ _tag: "Synced", resourceVersion: frame.resourceVersion })
          }
        }
        note({ _tag: "Seen", resourceVersion: seen })
        return emit(out)
      }

      const over = (error: Option.Option<KubeError>, { began, scope }: Attempt): Next =>
        Effect.suspend(() => {
          connection = undefined
          return Effect.zipRight(Scope.close(scope, Exit.void), Clock.currentTimeMillis)
        }).pipe(
          Effect.flatMap((now) =>
            signal(
              Option.isSome(error)
                ? { _tag: "Failed", error: error.value }
                : { _tag: "Ended", hasty: now - began < hasty ? endedAtOnce(source) : undefined }
            )
          ),
          Effect.flatMap(() => next)
        )

      const next: Next = Effect.suspend(() => {
        if (ended !== undefined) return Effect.fail(Option.some(ended))
        const current = connection
        if (current === undefined) return state.command._tag === "List" ? list(state.command) : connect(state.command)
        return Effect.matchEffect(current.pull, {
          onFailure: (error) => over(error, current),
          onSuccess: hear
        })
      })
      return { pull: next }
    })
  )
