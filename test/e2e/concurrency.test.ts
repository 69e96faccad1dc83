/** Many writers of one object. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ConfigMap, type Stored } from "effect-kubernetes"
import * as e2e from "../support/e2e.js"

const counter = "example.com/counter"

const increment = (map: Stored<ConfigMap>): ConfigMap => ({
  ...map,
  metadata: {
    ...map.metadata,
    annotations: { [counter]: String(Number(map.metadata.annotations?.[counter]) + 1) }
  }
})

layer(e2e.layer, e2e.live)("modify under concurrent writers", (it) => {
  it.scoped(
    "loses no update of 20 that write 5 times each",
    () =>
      e2e.inFreshNamespace(() =>
        Effect.gen(function* () {
          const created = yield* ConfigMap.create({ metadata: { name: "shared", annotations: { [counter]: "0" } } })
          const writer = Effect.replicateEffect(ConfigMap.modify("shared", increment, { timeout: "infinity" }), 5)
          const results = yield* Effect.replicateEffect(writer, 20, { concurrency: "unbounded" })

          const final = yield* ConfigMap.get("shared")
          assert.strictEqual(final.metadata.annotations?.[counter], "100")
          // Each of them saw a number of its own: no two wrote the same.
          const seen = results.flat().map(({ metadata }) => Number(metadata.annotations?.[counter]))
          assert.deepStrictEqual(
            seen.toSorted((a, b) => a - b),
            Array.from({ length: 100 }, (_, index) => index + 1)
          )
          assert.strictEqual(final.metadata.uid, created.metadata.uid)
        })
      ),
    { timeout: 180_000 }
  )

  it.scoped("a writer without modify would lose one: its replace fails with Conflict", () =>
    e2e.inFreshNamespace(() =>
      Effect.gen(function* () {
        const read = yield* ConfigMap.create({ metadata: { name: "shared", annotations: { [counter]: "0" } } })
        yield* ConfigMap.modify("shared", increment)
        const error = yield* Effect.flip(ConfigMap.replace({ ...increment(read), metadata: read.metadata }))
        assert.strictEqual(error._tag, "Conflict")
      })
    )
  )
})
