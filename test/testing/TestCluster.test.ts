/** The cluster as a test uses it: through the client, and behind its back. */
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Option, Stream } from "effect"
import { ConfigMap, Pod } from "effect-kubernetes"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"

const map = (name: string) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { a: "b" } })

describe("TestCluster", () => {
  it.effect("seeds objects of values and of YAML, and records requests", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster
      assert.strictEqual((yield* ConfigMap.get("a")).data?.["a"], "b")
      assert.strictEqual((yield* Pod.get("web", { namespace: "team" })).status.phase, "Pending")
      const sent = yield* cluster.requests
      assert.deepStrictEqual(
        sent.map(({ method, path, status }) => [method, path, status]),
        [
          ["GET", "/api/v1/namespaces/default/configmaps/a", 200],
          ["GET", "/api/v1/namespaces/team/pods/web", 200]
        ]
      )
    }).pipe(
      Effect.provide(
        TestCluster.layer({
          objects: [
            map("a"),
            "{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: team}, spec: {containers: [{name: c, image: i}]}}"
          ]
        })
      )
    )
  )

  it.effect("goes back to a snapshot", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster
      const before = yield* cluster.snapshot
      yield* ConfigMap.delete("a")
      assert.isFalse(yield* ConfigMap.exists("a"))
      yield* cluster.restore(before)
      assert.isTrue(yield* ConfigMap.exists("a"))
    }).pipe(Effect.provide(TestCluster.layer({ objects: [map("a")] })))
  )

  it.effect("shows a watch what happens behind the client's back, without the clock moving", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster
      const { resourceVersion } = yield* ConfigMap.list()
      const fiber = yield* ConfigMap.watch({ resume: false, resourceVersion }).pipe(
        Stream.take(3),
        Stream.runCollect,
        Effect.fork
      )
      yield* cluster.put(map("b"))
      yield* cluster.put({ ...map("b"), data: { a: "c" } })
      yield* cluster.remove(ConfigMap, "b")
      const events = Chunk.toReadonlyArray(yield* Fiber.join(fiber))
      assert.deepStrictEqual(
        events.map(({ _tag }) => _tag),
        ["Added", "Modified", "Deleted"]
      )
      assert.isTrue(Option.isNone(yield* cluster.get(ConfigMap, "b")))
    }).pipe(Effect.provide(TestCluster.layer()))
  )

  it.effect("gives the pages of one moment, and a 410 once that is forgotten", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster
      const first = yield* ConfigMap.list({ limit: 2 })
      yield* ConfigMap.delete("c")
      const rest = yield* ConfigMap.list({ limit: 2, continue: first.continue })
      assert.deepStrictEqual(
        rest.items.map(({ metadata }) => metadata.name),
        ["c"]
      )
      yield* cluster.compact
      const error = yield* Effect.flip(ConfigMap.list({ limit: 2, continue: first.continue }))
      assert.strictEqual(error._tag, "Expired")
    }).pipe(Effect.provide(TestCluster.layer({ objects: [map("a"), map("b"), map("c")], controllers: false })))
  )
})
