/** The TestCluster against what the real API server has answered. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, TestClock } from "effect"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"
import { readFileSync } from "node:fs"
import { cases } from "./cases.js"
import { transcript, type Transcript } from "./harness.js"

/** The answers by case; see test/e2e/conformance.test.ts. */
const recorded = JSON.parse(readFileSync(new URL("./recorded.json", import.meta.url), "utf8")) as {
  readonly [name: string]: ReadonlyArray<Transcript>
}

const namespace = "its-own-namespace"

/** Moves the clock until the effect is done: watches end by it. */
const passing = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    while (Option.isNone(yield* Fiber.poll(fiber))) {
      yield* TestClock.adjust("1 second")
      yield* Effect.yieldNow()
    }
    return yield* Fiber.join(fiber)
  })

describe("TestCluster answers as the API server does", () => {
  for (const each of cases) {
    it.effect(each.name, () =>
      passing(transcript(each, namespace)).pipe(
        Effect.map((answers) => assert.deepStrictEqual(answers, recorded[each.name])),
        Effect.provide(
          TestCluster.layer({ objects: [{ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }] })
        )
      )
    )
  }
})
