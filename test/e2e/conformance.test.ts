/** The real API server still answers as test/conformance/recorded.json says. `RECORD=1` writes it anew. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { cases } from "../conformance/cases.js"
import { transcript, type Transcript } from "../conformance/harness.js"
import * as e2e from "../support/e2e.js"

const file = new URL("../conformance/recorded.json", import.meta.url)
const records = process.env["RECORD"] === "1"
const recorded: { [name: string]: ReadonlyArray<Transcript> } = records ? {} : JSON.parse(readFileSync(file, "utf8"))

layer(e2e.layer, e2e.live)("the API server answers as recorded", (it) => {
  for (const each of cases) {
    it.scoped(each.name, () =>
      e2e.inFreshNamespace((namespace) =>
        Effect.map(transcript(each, namespace), (answers) => {
          if (!records) return assert.deepStrictEqual(answers, recorded[each.name])
          recorded[each.name] = answers
          writeFileSync(file, `${JSON.stringify(recorded, null, 1)}\n`)
        })
      )
    )
  }
})
