/**
 * Fibers that end when they are asked to. A fiber inherits that its caller's region is uninterruptible, as in an acquisition
 * or a finalizer: the scope that it belongs to would never close, and a race that it has lost would never be over.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"

/** Runs as long as the scope is open. */
export const background = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkScoped(Effect.interruptible(effect))

/** Runs effects from outside of any fiber, as long as the scope is open. */
export const runner = <R>() =>
  Effect.map(
    FiberSet.makeRuntime<R>(),
    (run) =>
      <A, E>(effect: Effect.Effect<A, E, R>) =>
        run(Effect.interruptible(effect))
  )

/** As `Effect.timeoutFail`, whose limit ends nothing that cannot be interrupted. */
export const limited = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  options: { readonly duration: Duration.DurationInput; readonly onTimeout: () => E2 }
): Effect.Effect<A, E | E2, R> => Effect.timeoutFail(Effect.interruptible(effect), options)

/** What ends first. */
export const first = <A, E, R, A2, E2, R2>(
  one: Effect.Effect<A, E, R>,
  other: Effect.Effect<A2, E2, R2>
): Effect.Effect<A | A2, E | E2, R | R2> => Effect.raceFirst(Effect.interruptible(one), Effect.interruptible(other))
