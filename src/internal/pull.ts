/**
 * Streams that can be read by their pull. Every layer of operators costs a chunk some microseconds, and an event of a watch
 * often is a chunk of its own: what reads connections goes from pull to pull, and makes one stream of it at the end.
 */
import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { after } from "./timer.js"
import { limited } from "./fork.js"

/** The next chunk; `None` at the end. */
export type Pull<A, E> = Effect.Effect<Chunk.Chunk<A>, Option.Option<E>>

/** A stream that runs. */
export interface Opened<A, E> {
  readonly pull: Pull<A, E>
  /** Ends it for whoever waits for the next chunk, where that can be done from outside. */
  readonly end?: (() => void) | undefined
}

type Open<A, E, R> = Effect.Effect<Opened<A, E>, E, R>

const opens = new WeakMap<object, unknown>()

const ofPull = <A, E>(pull: Pull<A, E>): Channel.Channel<Chunk.Chunk<A>, unknown, E> => {
  const loop: Channel.Channel<Chunk.Chunk<A>, unknown, Option.Option<E>> = Channel.flatMap(
    Channel.fromEffect(pull),
    (chunk) => Channel.flatMap(Channel.write(chunk), () => loop)
  )
  return Channel.catchAll(loop, Option.match({ onNone: () => Channel.void, onSome: (error: E) => Channel.fail(error) }))
}

/** The stream of what is opened anew each time it runs, for as long as it runs. */
export const toStream = <A, E, R>(open: Open<A, E, R>): Stream.Stream<A, E, Exclude<R, Scope.Scope>> => {
  const stream = Stream.fromChannel(
    Channel.unwrap(
      Effect.map(Scope.make(), (scope) =>
        Channel.ensuringWith(
          Channel.unwrap(Effect.map(Scope.extend(open, scope), ({ pull }) => ofPull(pull))),
          (exit) => Scope.close(scope, exit)
        )
      )
    )
  )
  opens.set(stream, open)
  return stream
}

/** Runs a stream until the caller's scope closes. */
export const open = <A, E, R>(stream: Stream.Stream<A, E, R>): Open<A, E, R | Scope.Scope> =>
  // `toStream` has put it there, for a stream of this type.
  (opens.get(stream) as Open<A, E, R | Scope.Scope> | undefined) ??
  Effect.flatMap(Effect.context<R>(), (context) =>
    Effect.map(Stream.toPull(stream), (pull) => ({ pull: Effect.provide(pull, context) }))
  )

/** What makes other elements of a stream's, by chunks. */
export interface Machine<A, B, E> {
  /** May return the error that the stream is to fail with after what was put out. */
  readonly take: (chunk: Chunk.Chunk<A>, out: Array<B>) => E | undefined
  /** Looks at how the stream has ended, and may say that it fails instead. */
  readonly end?: () => E | undefined
}

/** Runs all elements of a stream through a machine of its own each time the stream runs. */
export const run = <A, B, E, R>(
  stream: Stream.Stream<A, E, R>,
  make: () => Machine<A, B, E>
): Stream.Stream<B, E, Exclude<R, Scope.Scope>> =>
  toStream(
    Effect.map(open(stream), (opened) => {
      const machine = make()
      let failed: E | undefined
      const pull: Pull<B, E> = Effect.suspend(() =>
        failed !== undefined
          ? Effect.fail(Option.some(failed))
          : Effect.matchEffect(opened.pull, {
              onFailure: (error) => {
                const last = Option.isNone(error) ? machine.end?.() : undefined
                return Effect.fail(last === undefined ? error : Option.some(last))
              },
              onSuccess: (chunk) => {
                const out: Array<B> = []
                failed = machine.take(chunk, out)
                return out.length === 0 ? pull : Effect.succeed(Chunk.unsafeFromArray(out))
              }
            })
      )
      return { ...opened, pull }
    })
  )

/** A pull that ends, as at the end of the stream, when it has waited so long for the next chunk. */
export const untilSilent = <A, E>(
  { end, pull }: Opened<A, E>,
  duration: Duration.Duration
): Effect.Effect<Pull<A, E>, never, Scope.Scope> => {
  if (!Duration.isFinite(duration)) return Effect.succeed(pull)
  if (end === undefined) {
    return Effect.succeed(limited(pull, { duration, onTimeout: () => Option.none() }))
  }
  // A race with a timer for each chunk would cost as much as parsing a large one. Here one timer looks now and then.
  return Effect.clockWith((clock) => {
    const limit = Duration.toMillis(duration)
    let since: number | undefined
    let stop = () => {}
    const look = (millis: number) => {
      stop = after(clock, millis, () => {
        const left = since === undefined ? limit : since + limit - clock.unsafeCurrentTimeMillis()
        if (left > 0) look(left)
        else end()
      })
    }
    const waiting = Effect.suspend(() => {
      since = clock.unsafeCurrentTimeMillis()
      return Effect.matchEffect(pull, {
        onFailure: (error) => {
          since = undefined
          return Effect.fail(error)
        },
        onSuccess: (chunk) => {
          since = undefined
          return Effect.succeed(chunk)
        }
      })
    })
    return Effect.as(
      Effect.acquireRelease(
        Effect.sync(() => look(limit)),
        () => Effect.sync(() => stop())
      ),
      waiting
    )
  })
}
