/** The real controllers still make what test/controllers/recorded.json says. `RECORD=1` writes it anew. */
import { assert, inject, layer } from "@effect/vitest"
import { Effect } from "effect"
import { isDeepStrictEqual } from "node:util"
import { objectsIn, record, recorded, run } from "../controllers/harness.js"
import { scenarios } from "../controllers/scenarios.js"
import * as e2e from "../support/e2e.js"

const records = process.env["RECORD"] === "1"
const known = recorded()

/** Once nothing has changed for so long, nothing will. */
const quiet = { interval: "500 millis", times: 6 } as const

const atRest = (namespace: string) =>
  Effect.gen(function* () {
    let [last, times] = [yield* objectsIn(namespace), 0]
    while (times < quiet.times) {
      yield* Effect.sleep(quiet.interval)
      const now = yield* objectsIn(namespace)
      times = isDeepStrictEqual(now, last) ? times + 1 : 0
      last = now
    }
    return last
  })

layer(e2e.layer, { ...e2e.live, timeout: "3 minutes" })("the controllers make what was recorded", (it) => {
  for (const each of scenarios) {
    it.scoped.skipIf(!inject("node"))(
      each.name,
      () =>
        e2e.inFreshNamespace((namespace) =>
          Effect.gen(function* () {
            const done = yield* run(each, namespace)
            const objects = yield* atRest(namespace)
            if (records) record(each.name, { ...done, objects })
            else assert.deepStrictEqual({ ...done, objects }, known[each.name])
          })
        ),
      180_000
    )
  }
})
