/** The TestCluster's controllers against what the real ones have made. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, TestClock } from "effect"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"
import { objectsIn, recorded, run } from "./harness.js"
import { image, missing, scenarios, unready } from "./scenarios.js"

const real = recorded()

const namespace = "its-own-namespace"

/** Moves the clock until the effect is done. */
const passing = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const cluster = yield* TestCluster
    const fiber = yield* Effect.fork(effect)
    while (Option.isNone(yield* Fiber.poll(fiber))) {
      yield* cluster.settled
      yield* TestClock.adjust("200 millis")
      yield* Effect.yieldNow()
    }
    return yield* Fiber.join(fiber)
  })

/** What the scenarios' commands do. */
const containers = [
  TestCluster.container(
    { image },
    {
      run: ({ command }) => {
        const code = /exit (\d+)$/.exec(command.at(-1) ?? "")?.[1]
        return code === undefined ? Effect.never : Effect.succeed(Number(code))
      }
    }
  ),
  TestCluster.container({ image: missing }, { imageError: "no such image" }),
  TestCluster.container(unready, { ready: false })
]

const cluster = TestCluster.layer({
  nodes: 1,
  containers,
  objects: [{ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }]
})

describe("TestCluster's controllers do as the real ones do", () => {
  for (const each of scenarios) {
    it.effect(each.name, () =>
      Effect.gen(function* () {
        // Soon a minute begins.
        yield* TestClock.setTime(Date.UTC(2030, 0, 1, 12, 0, 50))
        const done = yield* passing(run(each, namespace))
        yield* Effect.flatMap(TestCluster, ({ settled }) => settled)
        const objects = yield* objectsIn(namespace)
        assert.deepStrictEqual({ ...done, objects }, real[each.name])
      }).pipe(Effect.provide(cluster))
    )
  }
})
