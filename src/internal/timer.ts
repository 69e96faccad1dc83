/** Timers on the Clock. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"

const realClock = Context.get(DefaultServices.liveServices, Clock.Clock)
/** Longer timers would fire at once. */
const longestTimer = 2 ** 31 - 1

/**
 * Runs `f` after a while on the Clock; returns what prevents it. The race of two fibers that `Effect.timeout` makes, and
 * even one fiber that sleeps, would cost a good part of what a small request costs.
 */
export const after = (clock: Clock.Clock, millis: number, f: () => void): (() => void) => {
  if (clock === realClock) {
    const timer = setTimeout(f, Math.min(millis, longestTimer))
    return () => clearTimeout(timer)
  }
  const sleeper = Effect.runFork(clock.sleep(Duration.millis(millis)))
  sleeper.addObserver((exit) => {
    if (Exit.isSuccess(exit)) f()
  })
  return () => sleeper.unsafeInterruptAsFork(FiberId.none)
}
