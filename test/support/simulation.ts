/** Programs in simulated time, one step after the other: the same seed gives the same run, and hours take milliseconds. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Random from "effect/Random"
import type * as Scheduler from "effect/Scheduler"

/** Numbers from 0 to 1 (mulberry32). */
export const randomOf = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export interface Simulation {
  /** Milliseconds since the beginning. */
  readonly now: () => number
  /** Begins a program; it takes its steps when time passes. */
  readonly start: <A, E>(program: Effect.Effect<A, E>) => Fiber.RuntimeFiber<A, E>
  /** Runs a program that is to end without time passing. */
  readonly run: <A, E>(program: Effect.Effect<A, E>) => A
  /** Lets time pass, in milliseconds. */
  readonly pass: (millis: number) => void
}

export const make = (seed: number): Simulation => {
  let now = 0
  let tasks: Array<() => void> = []
  let order = 0
  const timers: Array<{ readonly at: number; readonly order: number; readonly fire: () => void }> = []
  const scheduler: Scheduler.Scheduler = {
    shouldYield: (fiber) => (fiber.currentOpCount > 2048 ? 0 : false),
    scheduleTask: (task) => {
      tasks.push(task)
    }
  }
  /** What takes more steps than this at one moment would take them for ever. */
  const atMost = 100_000
  let [moment, steps] = [0, 0]
  const settle = () => {
    if (now !== moment) [moment, steps] = [now, 0]
    while (tasks.length > 0) {
      if (++steps > atMost) throw new Error(`the programs never rest at ${now} ms`)
      const due = tasks
      tasks = []
      for (const task of due) task()
    }
  }
  const sleep = (duration: Duration.Duration): Effect.Effect<void> =>
    Effect.async<void>((resume) => {
      const timer = { at: now + Duration.toMillis(duration), order: order++, fire: () => resume(Effect.void) }
      let index = timers.length
      while (index > 0 && (timers[index - 1]?.at ?? 0) > timer.at) index--
      timers.splice(index, 0, timer)
      return Effect.sync(() => {
        const found = timers.indexOf(timer)
        if (found !== -1) timers.splice(found, 1)
      })
    })
  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => now,
    unsafeCurrentTimeNanos: () => BigInt(now) * 1_000_000n,
    currentTimeMillis: Effect.sync(() => now),
    currentTimeNanos: Effect.sync(() => BigInt(now) * 1_000_000n),
    scheduler: Effect.dieMessage("not simulated"),
    sleep
  } as Clock.Clock
  const start = <A, E>(program: Effect.Effect<A, E>) =>
    Effect.runFork(
      program.pipe(
        Logger.withMinimumLogLevel(LogLevel.None),
        Effect.withRandom(Random.make(seed)),
        Effect.withClock(clock)
      ),
      { scheduler }
    )
  return {
    now: () => now,
    start,
    run: (program) => {
      const fiber = start(program)
      settle()
      const exit = fiber.unsafePoll()
      if (exit === null) throw new Error("the program waits for something")
      if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
      return exit.value
    },
    pass: (millis) => {
      const until = now + millis
      settle()
      for (let timer = timers[0]; timer !== undefined && timer.at <= until; timer = timers[0]) {
        timers.shift()
        now = timer.at
        timer.fire()
        settle()
      }
      now = until
    }
  }
}
