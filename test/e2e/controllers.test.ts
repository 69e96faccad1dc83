/** The real controllers still make what test/controllers/recorded.json says. `RECORD=1` writes it anew. */
import { assert, inject, layer } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { isDeepStrictEqual } from "node:util"
import { objectsIn, run, type Outcome } from "../controllers/harness.js"
import { scenarios } from "../controllers/scenarios.js"
import * as e2e from "../support/e2e.js"

const file = new URL("../controllers/recorded.json", import.meta.url)
const records = process.env["RECORD"] === "1"
const recorded: { [name: string]: Outcome } = JSON.parse(readFileSync(file, "utf8"))

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
            if (!records) return assert.deepStrictEqual({ ...done, objects }, recorded[each.name])
            recorded[each.name] = { ...done, objects }
            writeFileSync(file, `${JSON.stringify(recorded, null, 1)}\n`)
          })
        ),
      180_000
    )
  }
})
