/** The real API server still answers as test/conformance/recorded says. `RECORD=1` writes anew what is run. */
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { topics } from "../conformance/cases/index.js"
import { record, recordedOf, transcript, type Recorded, type Transcript } from "../conformance/harness.js"
import * as e2e from "../support/e2e.js"

const records = process.env["RECORD"] === "1"

layer(e2e.layer, e2e.live)("the API server answers as recorded", (it) => {
  for (const [topic, cases] of Object.entries(topics)) {
    describe(`${topic}`, () => {
      const recorded = new Map(Object.entries(recordedOf(topic)))
      const save = (name: string, answers: ReadonlyArray<Transcript>) => {
        recorded.set(name, answers)
        // In the order of the cases, without those that are gone.
        const all: Recorded = Object.fromEntries(
          cases.flatMap(({ name }) => (recorded.has(name) ? [[name, recorded.get(name) ?? []]] : []))
        )
        record(topic, all)
      }
      for (const each of cases) {
        it.scoped(
          each.name,
          () =>
            e2e.inFreshNamespace((namespace) =>
              Effect.gen(function* () {
                // So that no pod is refused for want of its account.
                yield* e2e.podsAllowed
                const answers = yield* transcript(each, namespace)
                if (records) save(each.name, answers)
                else assert.deepStrictEqual(answers, recorded.get(each.name))
              })
            ),
          // The server goes through its maps in another order each time, and here and there that can be seen.
          { retry: 3 }
        )
      }
    })
  }
})
