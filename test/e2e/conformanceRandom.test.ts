/**
 * Random sequences of requests, sent to the real API server and to a TestCluster: each answer has to be the same.
 * `E2E_SEQUENCES` says how many, `E2E_SEED` which.
 */
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Namespace } from "effect-kubernetes"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"
import { session, type Step } from "../conformance/harness.js"
import { randomCases } from "../conformance/random.js"
import * as e2e from "../support/e2e.js"

const seed = Number(process.env["E2E_SEED"] ?? 1)
const count = Number(process.env["E2E_SEQUENCES"] ?? 30)

const told = (steps: ReadonlyArray<Step>): string =>
  steps
    .map(
      ([method, path, body], index) =>
        `${index + 1}. ${method} ${path} ${body === undefined ? "" : JSON.stringify(body)}`
    )
    .join("\n")

layer(e2e.layer, e2e.live)("random sequences", (it) => {
  for (const { name, steps } of randomCases(seed, count)) {
    it.scoped(name, () =>
      e2e.inFreshNamespace((namespace) =>
        Effect.gen(function* () {
          yield* e2e.podsAllowed
          const [theirs, ours] = [session(namespace), session(namespace)]
          const cluster = yield* Layer.build(TestCluster.layer())
          yield* Effect.provide(Namespace.create({ metadata: { name: namespace } }), cluster)
          for (const [index, step] of steps.entries()) {
            const expected = yield* theirs.step(step)
            const actual = yield* Effect.provide(ours.step(step), cluster)
            assert.deepStrictEqual(actual, expected, told(steps.slice(0, index + 1)))
          }
        })
      )
    )
  }
})
