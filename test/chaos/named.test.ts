/** Failures that other clients are known for, on a TestCluster. Each is named by the report of it. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Logger, LogLevel, Option, Stream, TestClock, type Scope } from "effect"
import { Auth, Condition, ConfigMap, Informer, type KubeClient, type KubeError, type Stored } from "effect-kubernetes"
import * as Fault from "effect-kubernetes/testing/Fault"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"
import { most } from "../support/chaos.js"
import { clientOf } from "../support/client.js"
import { strictly } from "../support/fold.js"
import { tcpServer } from "../support/server.js"

const map = (name: string, n = "0") => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { n } })
const watches = ({ isWatch }: Fault.FaultRequest) => isWatch

interface Setting {
  readonly cluster: TestCluster["Type"]
  readonly informer: Informer.Informer<ConfigMap, "Namespaced">
  /** `a0 b0`: what the informer knows. */
  readonly known: Effect.Effect<string>
  /** When each request was sent, those included that never arrived. */
  readonly sent: ReadonlyArray<number>
}

const shown = (objects: Iterable<Stored<ConfigMap>>) =>
  Array.from(objects, ({ data, metadata }) => `${metadata.name}${data?.["n"]}`)
    .toSorted()
    .join(" ")

/** An informer that has synced: of two objects, and more where a test wants them. */
const test = (
  name: string,
  body: (setting: Setting) => Effect.Effect<void, KubeError, KubeClient | Scope.Scope>,
  names: ReadonlyArray<string> = ["a", "b"]
) => {
  const sent: Array<number> = []
  const auth = Layer.effect(
    Auth,
    Effect.map(Auth, (auth) => ({
      ...auth,
      credentials: Effect.flatMap(Clock.currentTimeMillis, (now) =>
        // Requests without a pause between them would go on for ever, as no time passes.
        sent.push(now) > 5000 ? Effect.dieMessage("too many requests") : auth.credentials
      )
    }))
  ).pipe(Layer.provide(Auth.layerAnonymous))
  it.scoped(name, () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster
      const informer = yield* Informer.make(ConfigMap, { limit: 2 })
      yield* TestClock.adjust(1000)
      yield* body({ cluster, informer, known: Effect.sync(() => shown(informer.store.values())), sent })
    }).pipe(
      Effect.provide(TestCluster.layer({ controllers: false, objects: names.map((name) => map(name)), auth })),
      Logger.withMinimumLogLevel(LogLevel.None)
    )
  )
}

describe("what other clients are known for", () => {
  test("client-node #494: what was deleted while a watch was broken does not stay in the cache for ever", (setting) =>
    Effect.gen(function* () {
      const { cluster, known } = setting
      for (let round = 0; round < 20; round++) {
        yield* cluster.put(map(`pod-${round}`))
        yield* TestClock.adjust(1000)
        const down = yield* Effect.fork(cluster.restart({ downtime: "2 seconds" }))
        yield* TestClock.adjust(1000)
        yield* cluster.remove(ConfigMap, `pod-${round}`)
        if (round % 2 === 1) yield* cluster.compact
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(down)
      }
      assert.strictEqual(yield* known, "a0 b0")
    }))

  for (const [report, time] of [
    ["client-node #596: a watch whose connection is dead, unknown to anybody, goes on within minutes", "3 minutes"],
    ["client-node #958: an informer still follows after an hour", "65 minutes"]
  ] as const) {
    test(report, ({ cluster, known }) =>
      Effect.gen(function* () {
        // Every connection goes dead after some bytes, the one that is open by its end.
        yield* cluster.inject({ when: watches, fault: Fault.halfOpen({ afterBytes: 0 }), times: 3 })
        yield* cluster.restart()
        yield* TestClock.adjust(time)
        yield* cluster.put(map("a", "1"))
        yield* cluster.remove(ConfigMap, "b")
        yield* TestClock.adjust("9 minutes")
        assert.strictEqual(yield* known, "a1")
      })
    )
  }

  test("client-node #1496: a watch goes on after ECONNRESET", ({ cluster, known }) =>
    Effect.gen(function* () {
      for (let round = 1; round <= 10; round++) {
        yield* cluster.inject({ when: watches, fault: Fault.reset({ afterBytes: round * 40 }), times: 1 })
        yield* cluster.restart()
        yield* cluster.put(map("a", String(round)))
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(yield* known, `a${round} b0`)
      }
    }))

  test("client-node #1933: after an outage there is one watch again, not tens of requests a second", (setting) =>
    Effect.gen(function* () {
      const { cluster, known, sent } = setting
      for (let round = 1; round <= 3; round++) {
        const down = yield* Effect.fork(cluster.restart({ downtime: "3 minutes" }))
        yield* TestClock.adjust("3 minutes")
        yield* Fiber.join(down)
        const began = sent.length
        yield* cluster.put(map("a", String(round)))
        yield* TestClock.adjust("4 minutes")
        assert.strictEqual(yield* known, `a${round} b0`)
        assert.isAtMost(sent.length - began, 2)
      }
      assert.isAtMost(most(sent, 1000), 3)
    }))

  test("kr8s: a watch that gets a 410 asks a few times, not 405 times in the first second", (setting) =>
    Effect.gen(function* () {
      const { cluster, known, sent } = setting
      yield* cluster.inject({ when: watches, fault: Fault.status(410) })
      yield* cluster.restart({ history: false })
      const began = sent.length
      yield* TestClock.adjust(1000)
      assert.isAtMost(sent.length - began, 4)
      yield* TestClock.adjust("10 minutes")
      // A list and a watch each time, at last every half minute, a half more or less.
      assert.isAtMost(sent.length - began, 100)
      // It has forgotten for good.
      yield* cluster.remove(ConfigMap, "b")
      yield* cluster.put(map("a", "1"))
      yield* cluster.compact
      yield* cluster.clearFaults
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* known, "a1")
    }))

  test("kr8s: a wait whose watch the server closes does not return before it is so", ({ cluster }) =>
    Effect.gen(function* () {
      const isNew = Condition.make("new", (it: Stored<ConfigMap>) => it.data?.["n"] === "new")
      const waiting = yield* Effect.fork(ConfigMap.waitFor("a", isNew, { timeout: "infinity" }))
      const gone = yield* Effect.fork(ConfigMap.waitFor("b", Condition.deleted, { timeout: "infinity" }))
      yield* cluster.inject({ when: watches, fault: Fault.truncated(0) })
      for (let round = 0; round < 10; round++) {
        yield* TestClock.adjust("1 minute")
        yield* cluster.restart({ history: round % 2 === 0 })
        assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
        assert.isTrue(Option.isNone(yield* Fiber.poll(gone)))
      }
      yield* cluster.clearFaults
      yield* cluster.put(map("a", "new"))
      yield* cluster.remove(ConfigMap, "b")
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* Fiber.join(waiting)).data?.["n"], "new")
      yield* Fiber.join(gone)
    }))

  test("kr8s: a wait asks once, then it watches: it does not poll", ({ cluster, sent }) =>
    Effect.gen(function* () {
      const isNew = Condition.make("new", (it: Stored<ConfigMap>) => it.data?.["n"] === "new")
      yield* TestClock.adjust("1 minute")
      yield* cluster.clearRequests
      const began = sent.length
      const waits: ReadonlyArray<Fiber.Fiber<unknown, KubeError>> = [
        yield* Effect.fork(ConfigMap.waitFor("later", isNew, { timeout: "infinity" })),
        yield* Effect.fork(ConfigMap.waitForAll({}, isNew, { timeout: "infinity" })),
        yield* Effect.fork(ConfigMap.waitForAny({}, isNew, { timeout: "infinity" }))
      ]
      yield* TestClock.adjust("1 hour")
      const lists = (yield* cluster.requests).filter(({ query }) => !query.has("watch"))
      assert.strictEqual(lists.length, 3)
      // These and the informer, each every five minutes or less often.
      assert.isAtMost(sent.length - began, 3 + 4 * 13)
      yield* cluster.put(map("later", "new"), map("a", "new"), map("b", "new"))
      yield* TestClock.adjust(1000)
      for (const wait of waits) yield* Fiber.join(wait)
    }))

  test(
    "cloudcoil: an informer has every page of its list, also after a 410, and knows what is gone since",
    ({ cluster, known }) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* known, "a0 b0 c0 d0 e0")
        const down = yield* Effect.fork(cluster.restart({ downtime: "5 seconds", history: false }))
        yield* TestClock.adjust(1000)
        yield* cluster.remove(ConfigMap, "a")
        yield* cluster.remove(ConfigMap, "e")
        yield* cluster.put(map("f"), map("g"), map("h"))
        yield* cluster.compact
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(down)
        assert.strictEqual(yield* known, "b0 c0 d0 f0 g0 h0")
      }),
    ["a", "b", "c", "d", "e"]
  )

  test("kubex: bookmarks are asked for by the name that the server knows, so a quiet watch need not list again", (setting) =>
    Effect.gen(function* () {
      const { cluster, known } = setting
      const lists = Effect.map(cluster.requests, (all) => all.filter(({ query }) => !query.has("watch")).length)
      const before = yield* lists
      const elsewhere = { ...map("elsewhere"), metadata: { name: "elsewhere", namespace: "other" } }
      yield* cluster.put(elsewhere, { ...elsewhere, data: { n: "1" } }, { ...elsewhere, data: { n: "2" } })
      yield* TestClock.adjust("2 minutes")
      yield* cluster.compact
      yield* cluster.restart()
      yield* cluster.put(map("a", "1"))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* known, "a1 b0")
      assert.strictEqual(yield* lists, before)
      const asked = (yield* cluster.requests).filter(({ query }) => query.has("watch"))
      assert.isTrue(asked.every(({ query }) => query.get("allowWatchBookmarks") === "true"))
    }))

  test("KFC: of a list of forty pages every one is read, not the first ten", ({ cluster, known, sent }) =>
    Effect.gen(function* () {
      const names = Array.from({ length: 80 }, (_, index) => `c${String(index).padStart(2, "0")}`)
      yield* cluster.put(...names.map((name) => map(name)))
      const down = yield* Effect.fork(cluster.restart({ downtime: "1 second", history: false }))
      yield* TestClock.adjust("30 seconds")
      yield* Fiber.join(down)
      const began = sent.length
      const pods = yield* Informer.make(ConfigMap, { limit: 2 })
      yield* TestClock.adjust(1000)
      const wanted = ["a", "b", ...names].map((name) => `${name}0`).join(" ")
      assert.strictEqual(shown(pods.store.values()), wanted)
      assert.strictEqual(yield* known, wanted)
      assert.strictEqual(sent.length - began, 42)
      // What the server's cache happens to hold may be long gone.
      const lists = (yield* cluster.requests).filter(({ query }) => !query.has("watch"))
      assert.isTrue(lists.every(({ query }) => !query.has("resourceVersion")))
    }))

  test("client-node #3020: a connection on which all is well is not given up after half a minute", (setting) =>
    Effect.gen(function* () {
      const { cluster, known } = setting
      const watched = strictly<ConfigMap>()
      yield* Effect.forkScoped(Stream.runForEach(ConfigMap.watch(), (event) => Effect.sync(() => watched.take(event))))
      for (let round = 1; round <= 28; round++) {
        yield* TestClock.adjust("10 seconds")
        yield* cluster.put(map("a", String(round)))
      }
      yield* TestClock.adjust(1000)
      assert.strictEqual(yield* known, "a28 b0")
      assert.strictEqual(watched.count.Modified, 28)
      assert.strictEqual((yield* cluster.requests).filter(({ query }) => query.has("watch")).length, 2)
    }))

  test("client-node #570: what a server sends again and again is told once", (setting) =>
    Effect.gen(function* () {
      const { cluster, informer } = setting
      const line = (type: string, object: unknown) => `${JSON.stringify({ type, object })}\n`
      const told = strictly<ConfigMap>()
      yield* Effect.forkScoped(Stream.runForEach(informer.changes, (event) => Effect.sync(() => told.take(event))))
      yield* cluster.put(map("a", "1"))
      yield* TestClock.adjust(1000)
      const object = { ...map("a", "1"), metadata: informer.store.get("a")?.metadata }
      const gone = { ...map("x"), metadata: { ...object.metadata, name: "x", uid: "x" } }
      const again = `${line("MODIFIED", object)}${line("ADDED", object)}${line("DELETED", gone)}`.repeat(100)
      yield* cluster.inject({ when: watches, fault: Fault.malformed(again), times: 3 })
      yield* cluster.restart()
      yield* TestClock.adjust("10 minutes")
      const { Added, Deleted, Modified } = told.count
      assert.deepStrictEqual([Added, Modified, Deleted], [2, 1, 0])
      yield* cluster.put(map("a", "2"))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(told.count.Modified, 2)
    }))

  for (const [what, object] of Object.entries({
    "a Status of another code": {
      kind: "Status",
      apiVersion: "v1",
      status: "Failure",
      code: 500,
      reason: "InternalError"
    },
    "a Status of nothing": { kind: "Status", apiVersion: "v1" },
    "no Status": null,
    "a word": "timeout"
  })) {
    test(`kr8s: an ERROR event is no end and no defect, with ${what}`, ({ cluster, known, sent }) =>
      Effect.gen(function* () {
        const text = `${JSON.stringify({ type: "ERROR", object })}\n`
        yield* cluster.inject({ when: watches, fault: Fault.malformed(text), times: 5 })
        yield* cluster.restart()
        const began = sent.length
        yield* cluster.put(map("a", "1"))
        yield* cluster.remove(ConfigMap, "b")
        yield* TestClock.adjust("5 minutes")
        assert.strictEqual(yield* known, "a1")
        assert.isAtMost(sent.length - began, 8)
      }))
  }

  it.scopedLive("fabric8: changes that come with the head of the answer are not lost", () =>
    Effect.gen(function* () {
      const object = (name: string, version: number) => ({
        ...map(name),
        metadata: { name, namespace: "default", uid: name, resourceVersion: String(version) }
      })
      const { port } = yield* tcpServer((socket) =>
        socket.on("data", (request) => {
          const isWatch = request.toString("latin1").includes("watch=true")
          const body = isWatch
            ? Array.from(
                { length: 20 },
                (_, n) => `${JSON.stringify({ type: "ADDED", object: object(`a${n}`, n + 2) })}\n`
              ).join("")
            : JSON.stringify({ kind: "ConfigMapList", apiVersion: "v1", metadata: { resourceVersion: "1" }, items: [] })
          const length = isWatch ? "" : `content-length: ${body.length}\r\n`
          socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${length}\r\n${body}`)
        })
      )
      const events = yield* ConfigMap.watch({ idle: "10 seconds" }).pipe(
        Stream.filter(({ _tag }) => _tag === "Added"),
        Stream.take(20),
        Stream.runCount,
        Effect.provide(clientOf(port))
      )
      assert.strictEqual(events, 20)
    })
  )

  test("fabric8 #7896: a version that the server has forgotten without a word is not asked for again and again", (setting) =>
    Effect.gen(function* () {
      const { cluster, known, sent } = setting
      const stale = (yield* ConfigMap.list()).resourceVersion
      const isStale = ({ isWatch, query }: Fault.FaultRequest) => isWatch && query.get("resourceVersion") === stale
      yield* cluster.inject({ when: isStale, fault: Fault.truncated(0) })
      const down = yield* Effect.fork(cluster.restart({ downtime: "1 second", history: false }))
      yield* cluster.put(map("a", "1"))
      yield* cluster.remove(ConfigMap, "b")
      yield* cluster.put(map("c"))
      const began = sent.length
      yield* TestClock.adjust("2 minutes")
      yield* Fiber.join(down)
      assert.strictEqual(yield* known, "a1 c0")
      assert.isAtMost(sent.length - began, 12)
    }))
})

describe("an outage", () => {
  const outages: { readonly [what: string]: Fault.Fault } = {
    "nobody listens": Fault.refused,
    "connections break": Fault.reset(),
    "there is no answer": Fault.halfOpen(),
    "the server throttles": Fault.status(429, { retryAfterSeconds: 1 }),
    "the server is overloaded": Fault.status(503),
    "everything is forgotten": Fault.status(410),
    "every answer ends at once": Fault.truncated(0),
    "every answer is damaged": Fault.malformed("<html>"),
    "the credentials are refused": Fault.unauthorized,
    "the user may do nothing": Fault.status(403),
    "the kind is not served": Fault.status(404)
  }
  for (const [what, fault] of Object.entries(outages)) {
    test(`of a wait costs a few requests, and it never returns unmet: ${what}`, ({ cluster, known, sent }) =>
      Effect.gen(function* () {
        const isNew = Condition.make("new", (it: Stored<ConfigMap>) => it.data?.["n"] === "new")
        const waits: ReadonlyArray<Fiber.Fiber<unknown, KubeError>> = [
          yield* Effect.fork(ConfigMap.waitFor("a", isNew, { timeout: "infinity" })),
          yield* Effect.fork(ConfigMap.waitForAll({}, isNew, { timeout: "infinity" })),
          yield* Effect.fork(ConfigMap.waitFor("b", Condition.deleted, { timeout: "infinity" }))
        ]
        const watched = strictly<ConfigMap>()
        yield* Effect.forkScoped(
          Stream.runForEach(ConfigMap.watch(), (event) => Effect.sync(() => watched.take(event)))
        )
        // Until the watches are accepted a refusal would end them.
        yield* TestClock.adjust(1000)
        yield* cluster.inject({ fault })
        yield* cluster.restart()
        const began = sent.length
        yield* TestClock.adjust("10 minutes")
        for (const wait of waits) assert.isTrue(Option.isNone(yield* Fiber.poll(wait)))
        // Three waits, a watch and an informer, each at last every half minute, a half more or less, and some with a list.
        assert.isAtMost(sent.length - began, 5 * 74)
        assert.isAtMost(most(sent, 1000), 5 * 5)
        yield* cluster.clearFaults
        yield* cluster.put(map("a", "new"))
        yield* cluster.remove(ConfigMap, "b")
        yield* TestClock.adjust("5 minutes")
        for (const wait of waits) yield* Fiber.join(wait)
        assert.strictEqual(shown(watched.known.values()), "anew")
        assert.strictEqual(yield* known, "anew")
      }))
  }
})
