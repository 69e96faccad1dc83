/** The TestCluster against what the real API server has answered. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, TestClock } from "effect"
import { Namespace } from "effect-kubernetes"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"
import { topics } from "./cases/index.js"
import { recordedOf, transcript } from "./harness.js"

const namespace = "its-own-namespace"

/** In seconds. Nothing that a case does takes longer. */
const longest = 600

/** Moves the clock until the effect is done: watches end by it. */
const passing = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    for (let seconds = 0; Option.isNone(yield* Fiber.poll(fiber)); seconds++) {
      assert.isBelow(seconds, longest, "no answer comes, however late it is")
      yield* TestClock.adjust("1 second")
      yield* Effect.yieldNow()
    }
    return yield* Fiber.join(fiber)
  })

describe("TestCluster answers as the API server does", () => {
  for (const [topic, cases] of Object.entries(topics)) {
    const recorded = recordedOf(topic)
    describe(`${topic}`, () => {
      for (const each of cases) {
        it.effect(each.name, () =>
          // As the end-to-end test does, so that the same fields of the namespace are managed.
          passing(
            Namespace.create({ metadata: { name: namespace } }).pipe(
              Effect.zipRight(Effect.flatMap(TestCluster, ({ settled }) => settled)),
              Effect.zipRight(transcript(each, namespace))
            )
          ).pipe(
            Effect.map((answers) =>
              each.differs === undefined
                ? assert.deepStrictEqual(answers, recorded[each.name])
                : assert.notDeepEqual(answers, recorded[each.name], "it does not differ any more")
            ),
            Effect.provide(TestCluster.layer())
          )
        )
      }
    })
  }
})
