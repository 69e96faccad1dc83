import { it } from "@effect/vitest"
import { Effect, Fiber, Logger, LogLevel, Option, Random, TestClock } from "effect"
import { chaos } from "../support/chaos.js"

// A step of the TestClock takes milliseconds, so most seeds run on a clock that takes none: see support/simulation.ts.
for (const seed of [1, 2]) {
  it.effect(`chaos under the TestClock makes no difference in the end, either (seed ${seed})`, () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(chaos(seed))
      const step = Effect.zipRight(TestClock.adjust("10 minutes"), Fiber.poll(fiber))
      yield* Effect.repeat(step, { until: Option.isSome, times: 100 })
      yield* Fiber.join(fiber)
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None), Effect.withRandom(Random.make(seed)))
  )
}
