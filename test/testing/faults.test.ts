import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Option, Stream, TestClock } from "effect"
import { ConfigMap, type KubeClient } from "effect-kubernetes"
import * as Fault from "effect-kubernetes/testing/Fault"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"

const settings = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings" }, data: { color: "blue" } }

const cluster = TestCluster.layer({ objects: [settings], controllers: false })

const test = <E>(name: string, body: Effect.Effect<void, E, KubeClient | TestCluster>) =>
  it.effect(name, () => Effect.provide(body, cluster))

const inject = (fault: Fault.Fault, times?: number, when?: Fault.Rule["when"]) =>
  Effect.flatMap(TestCluster, (cluster) => cluster.inject({ fault, times, when }))

/** Lets the client's pauses pass. */
const patiently = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    yield* TestClock.adjust("2 minutes")
    return yield* Fiber.join(fiber)
  })

describe("faults", () => {
  test(
    "of the server are the errors that the real one gives",
    Effect.gen(function* () {
      for (const [code, tag] of [
        [409, "Conflict"],
        [410, "Expired"],
        [500, "InternalError"]
      ] as const) {
        yield* inject(Fault.status(code), 1)
        assert.strictEqual((yield* Effect.flip(ConfigMap.get("settings")))._tag, tag)
      }
      yield* inject(Fault.status(409, { reason: "AlreadyExists", message: "so it is" }), 1)
      const error = yield* Effect.flip(ConfigMap.get("settings"))
      assert.deepStrictEqual([error._tag, error.message], ["AlreadyExists", "so it is"])
      assert.strictEqual((yield* ConfigMap.get("settings")).data?.["color"], "blue")
    })
  )

  test(
    "of the connection end once the server is back",
    Effect.gen(function* () {
      yield* inject(Fault.refused, 2)
      assert.strictEqual((yield* patiently(ConfigMap.get("settings"))).metadata.name, "settings")
      yield* inject(Fault.status(429, { retryAfterSeconds: 30 }), 1)
      const fiber = yield* Effect.fork(ConfigMap.get("settings"))
      yield* TestClock.adjust("29 seconds")
      // The server's Retry-After is the least pause.
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).metadata.name, "settings")
    })
  )

  test(
    "of which there is none keep nobody from reading, also where nothing interrupts",
    Effect.gen(function* () {
      const two = ConfigMap.watch({ resume: false }).pipe(Stream.take(2), Stream.runCollect)
      const fiber = yield* Effect.fork(Effect.uninterruptible(two))
      yield* TestClock.adjust("1 second")
      yield* ConfigMap.create({ metadata: { name: "other" } })
      assert.strictEqual(Chunk.size(yield* Fiber.join(fiber)), 2)
    })
  )

  test(
    "that lose the answer leave the deed done",
    Effect.gen(function* () {
      yield* inject(Fault.reset(), 1, ({ method }) => method === "POST")
      const error = yield* Effect.flip(ConfigMap.create({ metadata: { name: "new" } }))
      assert.deepStrictEqual([error._tag, "reason" in error && error.reason], ["TransportError", "Reset"])
      assert.isTrue(yield* ConfigMap.exists("new"))
    })
  )

  test(
    "of a body are errors of their own",
    Effect.gen(function* () {
      yield* inject(Fault.truncated(20), 1)
      assert.strictEqual((yield* Effect.flip(ConfigMap.get("settings")))._tag, "DecodeError")
      yield* inject(Fault.malformed("<html>"), 1)
      assert.strictEqual((yield* Effect.flip(ConfigMap.get("settings")))._tag, "DecodeError")
      yield* inject(Fault.halfOpen(), 1)
      const error = yield* patiently(Effect.flip(ConfigMap.get("settings", { timeout: "10 seconds" })))
      assert.strictEqual(error._tag, "TimeoutError")
    })
  )

  test(
    "are what they are on one of several connections, and a restart breaks them all",
    Effect.gen(function* () {
      const { restart } = yield* TestCluster
      const { resourceVersion } = yield* ConfigMap.list()
      const watching = yield* ConfigMap.watch({ resume: false, resourceVersion }).pipe(
        Stream.runCollect,
        Effect.flip,
        Effect.fork
      )
      const following = yield* ConfigMap.watch().pipe(
        Stream.filter((event) => "object" in event),
        Stream.take(2),
        Stream.runCollect,
        Effect.fork
      )
      yield* TestClock.adjust("1 second")
      const restarting = yield* Effect.fork(restart({ downtime: "10 seconds", history: false }))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(watching))._tag, "TransportError")
      assert.strictEqual((yield* Effect.flip(ConfigMap.get("settings", { timeout: "0 millis" })))._tag, "TimeoutError")
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(restarting)
      yield* ConfigMap.create({ metadata: { name: "later" } })
      yield* TestClock.adjust("1 minute")
      const seen = Chunk.toReadonlyArray(yield* Fiber.join(following))
      assert.deepStrictEqual(seen.map((event) => "object" in event && event.object.metadata.name).toSorted(), [
        "later",
        "settings"
      ])
    })
  )
})
