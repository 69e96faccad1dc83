/**
 * What goes wrong at one byte of three events, for every byte of them. That is for all ways in which it may only where
 * `CHAOS_SEEDS` asks for 1,000 seeds or more; else all but one take every fifth byte.
 */
import { setImmediate } from "node:timers/promises"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Logger, LogLevel, Option, Stream, TestClock, type Duration } from "effect"
import { ConfigMap, Informer, type Stored } from "effect-kubernetes"
import * as Fault from "effect-kubernetes/testing/Fault"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"
import { strictly } from "../support/fold.js"
import * as Simulation from "../support/simulation.js"

const map = (name: string, n: string) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data: { n, text: "ä🚢" }
})
const shapes = (objects: Iterable<Stored<ConfigMap>>) =>
  Array.from(objects, ({ data, metadata }) => JSON.stringify([metadata, data])).toSorted()

const isThorough = Number(process.env["CHAOS_SEEDS"] ?? 100) >= 1000

interface Way {
  readonly fault: (at: number) => Fault.Fault
  /** The time that it takes until all is well again. */
  readonly takes: Duration.DurationInput
  /** How many connections each round takes of each watch. */
  readonly connections: number
}

const ways: { readonly [what: string]: Way } = {
  "it is reset": { fault: (at) => Fault.reset({ afterBytes: at }), takes: "3 seconds", connections: 2 },
  "it ends": { fault: Fault.truncated, takes: "3 seconds", connections: 2 },
  "it is damaged": {
    fault: (at) => Fault.malformed("\u0000", { afterBytes: at }),
    takes: "3 seconds",
    connections: 2
  },
  "it goes dead": { fault: (at) => Fault.halfOpen({ afterBytes: at }), takes: "160 seconds", connections: 2 },
  "it is silent for a while": {
    fault: (at) => Fault.stalled({ afterBytes: at, duration: "20 seconds" }),
    takes: "30 seconds",
    connections: 1
  },
  "a piece ends": { fault: Fault.fragmented, takes: "1 second", connections: 1 }
}

/** Tells how many bytes there are. Every so many of them is looked at. */
const atEachByte = ({ connections, fault, takes }: Way, every = 1) =>
  Effect.gen(function* () {
    const cluster = yield* TestCluster
    const watched = strictly<ConfigMap>()
    const told = strictly<ConfigMap>()
    yield* Effect.forkScoped(Stream.runForEach(ConfigMap.watch(), (event) => Effect.sync(() => watched.take(event))))
    const informer = yield* Informer.make(ConfigMap, { managedFields: true })
    yield* Effect.forkScoped(Stream.runForEach(informer.changes, (event) => Effect.sync(() => told.take(event))))
    yield* Effect.sleep(1000)
    const asked = Effect.map(cluster.requests, (all) => all.filter(({ query }) => query.has("watch")).length)
    /** An event of each type: `a` is changed, `b` comes and goes. */
    const change = (n: string) => Effect.zipRight(cluster.put(map("a", n), map("b", n)), cluster.remove(ConfigMap, "b"))

    const { resourceVersion } = yield* ConfigMap.list()
    yield* change("000")
    const frames = yield* ConfigMap.watch({ resume: false, resourceVersion }).pipe(Stream.take(3), Stream.runCollect)
    let bytes = 0
    for (const event of frames) {
      assert("object" in event)
      bytes += Buffer.byteLength(JSON.stringify({ type: event._tag.toUpperCase(), object: event.object })) + 1
    }

    yield* Effect.sleep(1000)
    const began = yield* asked
    const before = { ...watched.count }
    let rounds = 0
    for (let at = 0; at <= bytes; at += every) {
      rounds++
      yield* cluster.inject({ when: ({ isWatch }) => isWatch, fault: fault(at), times: 2 })
      yield* cluster.restart()
      yield* Effect.sleep(1000)
      yield* change(String(at).padStart(3, "0"))
      yield* Effect.sleep(takes)
      const truth = shapes((yield* ConfigMap.list()).items)
      for (const known of [watched.known.values(), told.known.values(), informer.store.values()]) {
        assert.deepStrictEqual(shapes(known), truth, `after ${at} bytes`)
      }
    }
    // Each change once, and with one list of each at the beginning.
    for (const { count } of [watched, told]) {
      assert.strictEqual(count.Modified - before.Modified, rounds)
      assert.strictEqual(count.Added - before.Added, rounds)
      assert.strictEqual(count.Deleted - before.Deleted, rounds)
    }
    assert.strictEqual((yield* asked) - began, 2 * connections * rounds)
    return bytes
  }).pipe(Effect.scoped, Effect.provide(TestCluster.layer({ controllers: false, objects: [map("a", "-")] })))

describe("nothing is lost and nothing told twice, whatever the byte of an event after which", () => {
  for (const [what, way] of Object.entries(ways)) {
    it(`${what}`, { timeout: 600_000 }, async () => {
      const simulation = Simulation.make(1)
      const fiber = simulation.start(atEachByte(way, isThorough || what === "it is reset" ? 1 : 5))
      for (let minute = 0; minute < 6000 && fiber.unsafePoll() === null; minute++) {
        simulation.pass(60_000)
        await setImmediate()
      }
      const exit = fiber.unsafePoll()
      assert(exit !== null, "it has not ended")
      if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
      assert.isAbove(exit.value, 500)
    })

    // A step of the TestClock takes milliseconds.
    it.effect(`${what}, under the TestClock for some bytes`, () =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(atEachByte(way, 89))
        const step = Effect.zipRight(TestClock.adjust("10 minutes"), Fiber.poll(fiber))
        yield* Effect.repeat(step, { until: Option.isSome, times: 100 })
        yield* Fiber.join(fiber)
      }).pipe(Logger.withMinimumLogLevel(LogLevel.None))
    )
  }
})
