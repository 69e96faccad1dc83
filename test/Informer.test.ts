/** The shared cache: who is told what, and when it ends. What chaos does to it is in chaos. */
import { setImmediate } from "node:timers/promises"
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Context,
  Effect,
  Exit,
  FastCheck as fc,
  Layer,
  Logger,
  Metric,
  MetricState,
  Option,
  Schedule,
  Scope,
  Stream,
  type Fiber,
  type Scheduler
} from "effect"
import { ConfigMap, Informer, Node, Selector, type KubeError, type Stored } from "effect-kubernetes"
import { fake, answer, ok, pathOf, queryOf } from "./layers/fake.js"
import * as ChaosServer from "./support/chaosServer.js"
import { clientOf } from "./support/client.js"
import { strictly } from "./support/fold.js"
import { heap } from "./support/heap.js"
import { eventually, httpServer } from "./support/server.js"
import * as Simulation from "./support/simulation.js"

type Event = Informer.InformerEvent<ConfigMap>

const word = (event: Event) =>
  event._tag === "Synced"
    ? "synced"
    : `${{ Added: "+", Modified: "~", Deleted: "-" }[event._tag]}${event.object.metadata.name}${event.object.data?.["n"] ?? ""}`

/** An informer on a server, in simulated time. */
const setting = <N extends string = never>(
  options: Informer.Options<ConfigMap, N> = {},
  names: ReadonlyArray<string> = ["a", "b"],
  fault: Parameters<ChaosServer.Server["setFault"]>[0] = () => undefined
) => {
  const simulation = Simulation.make(1)
  const server = ChaosServer.make()
  for (const name of names) server.put(name, {})
  server.setFault(fault)
  const scope = Effect.runSync(Scope.make())
  const client = simulation.run(Layer.buildWithScope(server.client, scope))
  const informer = simulation.run(Informer.make(ConfigMap, options).pipe(Scope.extend(scope), Effect.provide(client)))
  const words = (stream: Stream.Stream<Event, KubeError>, each: Effect.Effect<void> = Effect.void) => {
    const heard: Array<string> = []
    const fiber = simulation.start(
      Stream.runForEach(stream, (event) =>
        Effect.zipRight(
          Effect.sync(() => heard.push(word(event))),
          each
        )
      )
    )
    return { fiber, take: () => heard.splice(0) }
  }
  const close = () => simulation.start(Scope.close(scope, Exit.void))
  return { simulation, server, informer, words, close }
}

/** How it has ended: not yet, the error, or `interrupted`. */
const ending = <A, E>(fiber: Fiber.RuntimeFiber<A, E>): unknown => {
  const exit = fiber.unsafePoll()
  if (exit === null) return "waits"
  if (Exit.isSuccess(exit)) return exit.value
  if (Cause.isInterruptedOnly(exit.cause)) return "interrupted"
  return Option.getOrElse(Cause.failureOption(exit.cause), () => Cause.squash(exit.cause))
}

describe("an informer", () => {
  it("is read when it is synced, and its store shows what is there already", () => {
    const { informer, server, simulation } = setting({ limit: 1 }, ["a", "b"], ({ target }) =>
      target.includes("continue") ? { _tag: "Hang" } : undefined
    )
    const [size, got, synced] = [
      simulation.start(informer.size),
      simulation.start(informer.get("b")),
      simulation.start(informer.synced)
    ]
    simulation.pass(1000)
    assert.deepStrictEqual([ending(size), ending(got), ending(synced)], ["waits", "waits", "waits"])
    assert.deepStrictEqual([informer.store.isSynced(), informer.store.size()], [false, 1])
    server.setFault(() => undefined)
    simulation.pass(120_000)
    assert.strictEqual(ending(size), 2)
    assert.strictEqual(Option.getOrThrow(simulation.run(informer.get("b"))).metadata.name, "b")
    assert.strictEqual(
      Option.getOrThrow(simulation.run(informer.get({ name: "b", namespace: "team" }))).metadata.name,
      "b"
    )
    assert.isTrue(Option.isNone(simulation.run(informer.get("c"))))
    assert.isTrue(Option.isNone(simulation.run(informer.get({ name: "b", namespace: "other" }))))
    assert.strictEqual(simulation.run(informer.list()).length, 2)
    assert.strictEqual(simulation.run(informer.list({ namespace: "team" })).length, 2)
    assert.strictEqual(simulation.run(informer.list({ namespace: "tea" })).length, 0)
    assert.strictEqual(informer.store.get("a")?.metadata.name, "a")
    assert.isTrue(informer.store.isSynced())
  })

  it("tells everybody what is there, then the changes, whenever they come; over one watch", () => {
    const { informer, server, simulation, words } = setting({ limit: 1 })
    const early = words(informer.changes)
    simulation.pass(0)
    assert.deepStrictEqual(early.take(), ["+a", "+b", "synced"])
    server.put("a", { n: "1" })
    server.remove("b")
    simulation.pass(0)
    assert.deepStrictEqual(early.take(), ["~a1", "-b"])
    const late = words(informer.changes)
    const latest = words(informer.latest)
    server.put("c", {})
    simulation.pass(0)
    assert.deepStrictEqual(late.take(), ["+a1", "synced", "+c"])
    assert.deepStrictEqual(latest.take(), ["+a1", "synced", "+c"])
    server.put("c", { n: "2" })
    simulation.pass(0)
    for (const { take } of [early, late, latest]) assert.strictEqual(take().at(-1), "~c2")
    assert.strictEqual(server.requests.filter(({ watch }) => watch).length, 1)
  })

  it("somebody who comes at any moment sees a whole that the changes lead on from", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.constantFrom("put", "remove", "listen", "pass", "resync"))
        ),
        (steps) => {
          const { informer, server, simulation } = setting({ limit: 1 })
          const folds = [strictly<ConfigMap>()]
          const listen = (slowly: number) => {
            const fold = strictly<ConfigMap>()
            const last = new Map<string, Stored<ConfigMap>>()
            folds.push(fold)
            simulation.start(
              Stream.runForEach(slowly % 3 === 0 ? informer.latest : informer.changes, (event) =>
                Effect.zipRight(
                  Effect.sync(() => {
                    // Told again, nothing new.
                    if (event._tag === "Modified" && event.object === event.previous) {
                      const { name } = event.object.metadata
                      if (last.get(name) !== event.object) throw new Error(`told again of what nobody knows: ${name}`)
                      return
                    }
                    if ("object" in event) last.set(event.object.metadata.name, event.object)
                    fold.take(event, { anew: true })
                  }),
                  slowly % 2 === 0 ? Effect.void : Effect.sleep("1 second")
                )
              ).pipe(Effect.tapErrorCause((cause) => Effect.sync(() => broken.push(Cause.pretty(cause)))))
            )
          }
          const broken: Array<string> = []
          for (const [index, [name, what]] of steps.entries()) {
            if (what === "put") server.put(name, { n: String(index) })
            else if (what === "remove") server.remove(name)
            else if (what === "listen") listen(index)
            else if (what === "resync") simulation.start(informer.resync)
            simulation.pass(what === "pass" ? 500 : 0)
          }
          simulation.pass(200_000)
          assert.deepStrictEqual(broken, [])
          const versions = (known: Iterable<{ readonly metadata: { readonly resourceVersion: string } }>) =>
            Array.from(known, ({ metadata }) => metadata.resourceVersion).toSorted()
          for (const { known } of folds.slice(1)) {
            assert.deepStrictEqual(versions(known.values()), versions(server.objects.values()))
          }
        }
      ),
      { numRuns: 60 }
    )
  })

  it(
    "who reads changes slowly holds the watch back, and who reads the latest slowly does not",
    { timeout: 60_000 },
    () => {
      const { informer, server, simulation, words } = setting()
      simulation.pass(0)
      const slow = words(informer.changes, Effect.sleep("1 hour"))
      const quick = words(informer.changes)
      const lazy = words(informer.latest, Effect.sleep("1 hour"))
      simulation.pass(0)
      for (let n = 1; n <= 100; n++) {
        server.put("a", { n: String(n) })
        simulation.pass(1)
      }
      // What the slow one has not taken waits for it: so many batches, and no more.
      const heard = quick.take()
      assert.isAbove(heard.length, 10)
      assert.isBelow(heard.length, 30)
      assert.isBelow(Number(informer.store.get("a")?.data?.["n"]), 30)
      const before = server.requests.length
      simulation.start(slow.fiber.interruptAsFork(slow.fiber.id()))
      simulation.pass(1000)
      assert.strictEqual(informer.store.get("a")?.data?.["n"], "100")
      assert.strictEqual(quick.take().at(-1), "~a100")
      assert.strictEqual(server.requests.length, before)
      // In the order of the objects, of each the last state.
      simulation.pass(4 * 3_600_000)
      assert.deepStrictEqual(lazy.take(), ["+a", "+b", "synced", "~a100"])
    }
  )

  it("of an object that came and went, the latest says nothing; of one that is another now, that it has changed", () => {
    const { informer, server, simulation } = setting()
    simulation.pass(0)
    const events: Array<Event> = []
    simulation.start(
      Stream.runForEach(informer.latest, (event) =>
        Effect.zipRight(
          Effect.sync(() => events.push(event)),
          Effect.sleep("1 second")
        )
      )
    )
    simulation.pass(10_000)
    events.length = 0
    server.put("b", { n: "busy" })
    simulation.pass(10)
    const seen = informer.store.get("a")
    server.put("c", {})
    server.remove("c")
    server.put("a", { n: "1" })
    server.remove("a")
    server.put("a", { n: "2" })
    server.put("b", { n: "1" })
    server.remove("b")
    simulation.pass(10_000)
    assert.deepStrictEqual(events.map(word), ["~bbusy", "~a2", "-b1"])
    const [, changed] = events
    assert(changed?._tag === "Modified")
    assert.strictEqual(changed.previous, seen)
  })

  it("a listener may read the informer, even where there is more than it may hold", () => {
    const names = Array.from({ length: 60 }, (_, index) => `a${index}`)
    const { informer, simulation } = setting({ limit: 1 }, names)
    const { fiber } = (() => {
      const fiber = simulation.start(
        Stream.runForEach(Stream.take(informer.changes, 61), () => Effect.zipRight(informer.size, informer.synced))
      )
      return { fiber }
    })()
    simulation.pass(1000)
    assert.strictEqual(ending(fiber), undefined)
  })

  it("resyncs when asked to, and asks the server for nothing", () => {
    const { informer, server, simulation, words } = setting()
    const listener = words(informer.changes)
    simulation.pass(0)
    listener.take()
    const before = server.requests.length
    simulation.pass(60_000)
    assert.deepStrictEqual(listener.take(), [])
    simulation.start(
      Effect.repeat(informer.resync, Schedule.intersect(Schedule.spaced("1 minute"), Schedule.recurs(1)))
    )
    simulation.pass(90_000)
    assert.deepStrictEqual(listener.take(), ["~a", "~b", "~a", "~b"])
    assert.strictEqual(server.requests.length, before)
  })

  it("resyncs in turn with the watch: nobody is told an old state after a new one, or again what they do not know", () => {
    for (const first of ["resync", "watch"] as const) {
      // How many turns of others lie between the news and the moment at which the slow one reads again.
      for (let turns = 0; turns < 20; turns++) {
        const { informer, server, simulation } = setting({}, ["a"])
        simulation.pass(0)
        const gate = Effect.runSync(Effect.makeLatch(true))
        const listen = (each: Effect.Effect<void>) => {
          const heard: Array<Event> = []
          simulation.start(
            Stream.runForEach(informer.changes, (event) =>
              Effect.zipRight(
                Effect.sync(() => heard.push(event)),
                each
              )
            )
          )
          simulation.pass(0)
          return heard
        }
        listen(gate.await)
        const quick = listen(Effect.void)
        gate.unsafeClose()
        let n = 0
        const news = {
          resync: () => void simulation.start(informer.resync),
          watch: () => server.put("a", { n: String(++n) })
        }
        // Until the slow one has all that it may hold, and the next news wait for it.
        for (let batch = 0; batch < 18; batch++) {
          news[first]()
          simulation.pass(0)
        }
        news[first === "resync" ? "watch" : "resync"]()
        simulation.start(Effect.zipRight(Effect.repeatN(Effect.yieldNow(), turns), gate.open))
        simulation.pass(1000)
        const told = quick.flatMap((event) => ("object" in event ? [event] : []))
        assert.isAbove(told.length, 18)
        for (const [index, event] of told.entries()) {
          const last = told[index - 1]?.object
          if (event._tag === "Modified") assert.strictEqual(event.previous, last, `${first}, ${turns} turns`)
        }
      }
    }
  })

  it("forgets who has left, whatever they had not read yet", { timeout: 180_000 }, async () => {
    const { informer, server, simulation } = setting({}, ["a"])
    simulation.pass(0)
    const comeAndGo = async (times: number) => {
      for (let n = 0; n < times; n++) {
        if (n % 100 === 0) await setImmediate()
        for (const stream of [informer.changes, informer.latest]) {
          const fiber = simulation.start(Stream.runForEach(stream, () => Effect.never))
          simulation.pass(0)
          simulation.start(fiber.interruptAsFork(fiber.id()))
          simulation.pass(0)
        }
      }
      server.put("a", { n: String(server.version()) })
      simulation.pass(0)
    }
    await comeAndGo(300)
    const before = heap()
    await comeAndGo(500)
    // One that stays takes a kilobyte.
    assert.isBelow((heap() - before) / 1000, 750, "bytes of each")
  })

  it("tells whoever begins to listen just when it ends, at whatever moment that is", { timeout: 180_000 }, async () => {
    for (const how of ["changes", "latest"] as const) {
      let stoodStill = true
      // Whoever listens stands still after so many steps.
      for (let steps = 1; stoodStill; steps++) {
        // The runner needs its turn.
        await setImmediate()
        for (const isClosed of steps % 5 === 0 ? [true, false] : [true]) {
          const options = { backoff: Schedule.stop, timeoutSeconds: 60 }
          const { close, informer, server, simulation } = setting(options, ["a"])
          simulation.pass(0)
          let step = 0
          const tasks: Array<() => void> = []
          const scheduler: Scheduler.Scheduler = {
            shouldYield: () => (++step === steps ? 0 : false),
            scheduleTask: (task) => void tasks.push(task)
          }
          const fiber = Effect.runFork(Stream.runDrain(informer[how]), { scheduler })
          tasks.shift()?.()
          stoodStill = step >= steps
          if (isClosed) {
            close()
            simulation.pass(0)
          } else {
            server.setFault(() => ({ _tag: "Answer", code: 500, reason: "InternalError" }))
            simulation.pass(120_000)
          }
          for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) task()
          const end = ending<unknown, KubeError>(fiber)
          const when = `${how}, after ${steps} steps`
          if (isClosed) assert.strictEqual(end, undefined, when)
          else assert.propertyVal(end, "_tag", "InternalError", when)
        }
      }
    }
  })

  it("finds objects by the keys of its indexes, as looking at each would", { timeout: 60_000 }, () => {
    const keys = fc.array(fc.constantFrom("x", "y", "z"), { maxLength: 3 })
    const change = fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.option(keys))
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const all = (it: Stored<ConfigMap>) => it.data?.["keys"]?.split(",") ?? []
        const { informer, server, simulation } = setting({
          indexes: { all, first: (it) => all(it)[0], none: () => undefined }
        })
        for (const [name, keys] of changes) {
          if (keys === null) server.remove(name)
          else server.put(name, { keys: keys.join(",") })
          simulation.pass(0)
        }
        simulation.pass(0)
        const values = [...informer.store.values()]
        const names = (found: ReadonlyArray<Stored<ConfigMap>>) => found.map(({ metadata }) => metadata.name).toSorted()
        for (const key of ["x", "y", "z", ""]) {
          assert.deepStrictEqual(
            names(simulation.run(informer.byIndex("all", key))),
            names(values.filter((it) => all(it).includes(key)))
          )
          assert.deepStrictEqual(
            names(informer.store.byIndex("first", key)),
            names(values.filter((it) => all(it)[0] === key))
          )
          assert.deepStrictEqual(informer.store.byIndex("none", key), [])
        }
      }),
      { numRuns: 60 }
    )
  })

  it("keeps one of the strings that many objects have", () => {
    const { informer, server, simulation } = setting({}, [])
    simulation.pass(0)
    const text = "x".repeat(400)
    const texts = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`text${n}`, text]))
    const before = heap()
    for (let n = 0; n < 1000; n++) server.put(`a${n}`, texts)
    simulation.pass(0)
    assert.deepStrictEqual(informer.store.get("a999")?.data, texts)
    // The strings of one have 8,000 bytes.
    assert.isBelow((heap() - before) / 1000, 4000)
  })

  it("keeps no key of an index under which there is nothing any more", () => {
    const { informer, server, simulation } = setting({ indexes: { long: (it) => (it.data?.["n"] ?? "").repeat(5000) } })
    const change = (times: number) => {
      for (let n = 0; n < times; n++) {
        server.put("a", { n: String(server.version()) })
        simulation.pass(0)
      }
    }
    change(100)
    const before = heap()
    change(200)
    // A key of each has more than 10,000 characters.
    assert.isBelow(heap() - before, 1_000_000)
    assert.strictEqual(informer.store.byIndex("long", String(server.version() - 1).repeat(5000)).length, 1)
  })

  it("shares with the state of before what is as it was", () => {
    const { informer, server, simulation } = setting()
    simulation.pass(0)
    const before = informer.store.get("a")
    server.put("a", { n: "1" })
    simulation.pass(0)
    const changed = informer.store.get("a")
    server.put("a", { n: "1" })
    simulation.pass(0)
    const touched = informer.store.get("a")
    assert.notStrictEqual(changed?.data, before?.data)
    assert.notStrictEqual(touched?.metadata.resourceVersion, changed?.metadata.resourceVersion)
    assert.strictEqual(touched?.data, changed?.data)
  })

  it("counts the objects of all informers of a kind, until their scopes close", () => {
    const size = () =>
      Metric.unsafeSnapshot().reduce(
        (sum, { metricKey: { name, tags }, metricState }) =>
          name === "kubernetes.client.informer.objects" &&
          tags.some(({ value }) => value === "configmaps") &&
          MetricState.isGaugeState(metricState)
            ? sum + Number(metricState.value)
            : sum,
        0
      )
    // Informers of other tests may still run.
    const first = size()
    const [one, other] = [setting({}, ["a", "b", "c"]), setting({}, ["a"])]
    for (const { simulation } of [one, other]) simulation.pass(0)
    assert.strictEqual(size() - first, 4)
    one.server.remove("a")
    one.simulation.pass(0)
    assert.strictEqual(size() - first, 3)
    one.close()
    one.simulation.pass(0)
    assert.strictEqual(size() - first, 1)
    other.close()
    other.simulation.pass(0)
    assert.strictEqual(size() - first, 0)
  })

  it("keeps what the transform keeps, without managedFields", () => {
    const { informer, simulation } = setting({ transform: (it) => ({ ...it, data: { n: "kept" } }) })
    simulation.pass(0)
    const kept = informer.store.get("a")
    assert.deepStrictEqual(kept?.data, { n: "kept" })
    assert.isUndefined(kept?.metadata.managedFields)
    const whole = setting({ managedFields: true })
    whole.simulation.pass(0)
    assert.isDefined(whole.informer.store.get("a")?.metadata.managedFields)
  })

  it("whose watch fails, fails everybody who waits, listens or reads later", () => {
    const backoff = Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(3))
    const { close, informer, server, simulation, words } = setting({ timeoutSeconds: 60, backoff })
    const early = words(informer.changes)
    simulation.pass(0)
    const latest = words(informer.latest)
    server.setFault(() => ({ _tag: "Answer", code: 403, reason: "Forbidden" }))
    const failed = simulation.start(informer.failed)
    simulation.pass(600_000)
    assert.propertyVal(ending<unknown, KubeError>(failed), "_tag", "Forbidden")
    const later = [informer.size, informer.synced, Stream.runDrain(informer.changes), informer.resync] as const
    for (const fiber of [
      early.fiber,
      latest.fiber,
      failed,
      ...later.map((it) => simulation.start<unknown, KubeError>(it))
    ]) {
      simulation.pass(0)
      const end = ending<unknown, KubeError>(fiber)
      // The first list was complete.
      if (end !== undefined) assert.propertyVal(end, "_tag", "Forbidden")
    }
    // The error stays the reason.
    close()
    simulation.pass(0)
    for (const it of [informer.size, Stream.runDrain(informer.changes), Stream.runDrain(informer.latest)]) {
      const fiber = simulation.start<unknown, KubeError>(it)
      simulation.pass(0)
      assert.propertyVal(ending(fiber), "_tag", "Forbidden")
    }
  })

  it("whose index or transform throws ends with that, for everybody", () => {
    const broken = () => {
      throw new Error("made to fail")
    }
    for (const options of [{ indexes: { broken } }, { transform: broken }]) {
      const { informer, simulation, words } = setting<string>(options)
      const listener = words(informer.changes)
      const waiting = simulation.start(informer.synced)
      simulation.pass(1000)
      for (const fiber of [listener.fiber, waiting, simulation.start(informer.get("a"))]) {
        simulation.pass(0)
        assert.propertyVal(ending<unknown, KubeError>(fiber), "message", "made to fail")
      }
    }
  })

  it("ends with its scope: the connection is closed, streams end, whoever still reads is interrupted", () => {
    for (const isSynced of [true, false]) {
      const { close, informer, server, simulation, words } = setting({}, ["a", "b"], () =>
        isSynced ? undefined : { _tag: "Hang" }
      )
      simulation.pass(1000)
      const listeners = [words(informer.changes), words(informer.latest), words(informer.changes, Effect.never)]
      const failed = simulation.start(informer.failed)
      const waiting = simulation.start(informer.size)
      simulation.pass(0)
      // One that holds the watch back does not keep it.
      for (let n = 0; n < 40; n++) {
        server.put("a", { n: String(n) })
        simulation.pass(0)
      }
      close()
      simulation.pass(0)
      assert.strictEqual(server.connections.size, 0)
      const ends = listeners.map(({ fiber }) => ending(fiber))
      assert.deepStrictEqual(ends, isSynced ? [undefined, undefined, "waits"] : [undefined, undefined, undefined])
      assert.deepStrictEqual([ending(failed), ending(waiting)], ["interrupted", isSynced ? 2 : "interrupted"])
      const later = simulation.start(Stream.runDrain(informer.changes))
      const late = simulation.start(informer.size)
      simulation.pass(0)
      assert.strictEqual(ending(later), undefined)
      assert.strictEqual(ending(late), "interrupted")
      const before = server.requests.length
      simulation.pass(3_600_000)
      assert.strictEqual(server.requests.length, before)
    }
  })

  it.effect("as a layer is there when it is synced, and is one for all who need it", () => {
    class Nodes extends Context.Tag("Nodes")<Nodes, Informer.Informer<Node, "Cluster">>() {}
    const { client, sent } = fake((request) =>
      queryOf(request).some(([name]) => name === "watch")
        ? Effect.never
        : ok({ kind: "NodeList", apiVersion: "v1", metadata: { resourceVersion: "5" }, items: [] })
    )
    return Effect.gen(function* () {
      const one = yield* Nodes
      const other = yield* Effect.flatMap(Nodes, Effect.succeed)
      assert.strictEqual(one, other)
      assert.isTrue(one.store.isSynced())
      assert.strictEqual(sent.filter((request) => !queryOf(request).some(([name]) => name === "watch")).length, 1)
    }).pipe(Effect.provide(Layer.provide(Informer.layer(Nodes, Node), client)))
  })

  it.effect("as a layer fails when it is refused", () => {
    class Nodes extends Context.Tag("Nodes")<Nodes, Informer.Informer<Node, "Cluster">>() {}
    const { client } = fake(() => answer(403, { kind: "Status", status: "Failure", reason: "Forbidden", code: 403 }))
    return Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(Nodes, Layer.provide(Informer.layer(Nodes, Node), client)))
      assert.strictEqual(error._tag, "Forbidden")
    })
  })

  it.scoped("of a selection asks for that alone, in its list and in its watch", () => {
    const { client, sent } = fake(
      () => ok({ kind: "ConfigMapList", apiVersion: "v1", metadata: { resourceVersion: "5" }, items: [] }),
      Stream.never
    )
    return Effect.gen(function* () {
      const options = {
        labels: { app: Selector.in(["web", "db"]) },
        fields: { "metadata.name": "a" },
        namespace: "elsewhere"
      }
      const informer = yield* Informer.make(ConfigMap, options)
      yield* informer.synced
      yield* Effect.yieldNow()
      assert.deepStrictEqual(
        sent.map((request) => queryOf(request).some(([name]) => name === "watch")),
        [false, true]
      )
      for (const request of sent) {
        assert.strictEqual(pathOf(request), "/api/v1/namespaces/elsewhere/configmaps")
        assert.includeDeepMembers(
          [...queryOf(request)],
          [
            ["labelSelector", "app in (web,db)"],
            ["fieldSelector", "metadata.name=a"]
          ]
        )
      }
    }).pipe(Effect.provide(client))
  })

  it.scoped("of metadata asks for metadata alone", () => {
    const partial = (name: string) => ({
      metadata: {
        name,
        namespace: "team",
        uid: name,
        resourceVersion: "3",
        creationTimestamp: "2026-01-01T00:00:00Z",
        labels: { app: "web" }
      }
    })
    const of = { apiVersion: "meta.k8s.io/v1", kind: "PartialObjectMetadata" }
    const { client, sent } = fake(
      (request) =>
        ok(
          queryOf(request).some(([name]) => name === "watch")
            ? ""
            : { ...of, kind: "PartialObjectMetadataList", metadata: { resourceVersion: "5" }, items: [partial("a")] }
        ),
      Stream.concat(
        Stream.make(
          new TextEncoder().encode(`${JSON.stringify({ type: "ADDED", object: { ...of, ...partial("b") } })}\n`)
        ),
        Stream.never
      )
    )
    return Effect.gen(function* () {
      const informer = yield* Informer.metadata(ConfigMap, {
        indexes: { app: ({ metadata }) => metadata.labels?.["app"] }
      })
      yield* Stream.runDrain(Stream.take(informer.changes, 3))
      assert.strictEqual((yield* informer.byIndex("app", "web")).length, 2)
      assert.deepStrictEqual(
        sent.map(({ headers }) => headers["accept"]),
        [
          "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
          "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
        ]
      )
      assert.strictEqual(informer.store.get("a", "team")?.kind, "PartialObjectMetadata")
    }).pipe(Effect.provide(client))
  })
})

it.scopedLive("an informer that is left closes its connection without a word", () =>
  Effect.gen(function* () {
    let watches = 0
    const { port } = yield* httpServer((request, response) => {
      response.writeHead(200, { "content-type": "application/json" })
      if (request.url?.includes("watch=") !== true) {
        const metadata = { resourceVersion: "1" }
        response.end(JSON.stringify({ kind: "ConfigMapList", apiVersion: "v1", metadata, items: [] }))
        return
      }
      watches++
      response.flushHeaders()
      response.once("close", () => watches--)
    })
    const told: Array<unknown> = []
    const logger = Logger.make(({ message }) => told.push(message))
    yield* Informer.make(ConfigMap).pipe(
      // Something else of the same scope takes its time.
      Effect.zipRight(Effect.addFinalizer(() => Effect.sleep("50 millis"))),
      Effect.zipRight(eventually(() => watches === 1)),
      Effect.scoped,
      Effect.provide(Layer.merge(clientOf(port), Logger.replace(Logger.defaultLogger, logger)))
    )
    yield* eventually(() => watches === 0)
    assert.deepStrictEqual(told, [])
  })
)
