/** The watch that goes on, on a server with faults, in simulated time. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Logger, LogLevel, Metric, MetricState, Option, Schedule, Stream } from "effect"
import {
  ConfigMap,
  type AuthError,
  type KubeClient,
  type KubeError,
  type Stored,
  type WatchEvent
} from "effect-kubernetes"
import type { WatchOptions } from "effect-kubernetes/Resource"
import type { Undecodable } from "effect-kubernetes/Watch"
import * as ChaosServer from "./support/chaosServer.js"
import { strictly } from "./support/fold.js"
import { scripted } from "./support/scripted.js"
import * as Simulation from "./support/simulation.js"

const second = 1000
const minute = 60 * second

/** What is told of the server's collection, from now on. */
const watched = (server: ChaosServer.Server, simulation: Simulation.Simulation, options: WatchOptions = {}) => {
  const folded = strictly<ConfigMap>()
  const events: Array<WatchEvent<ConfigMap>> = []
  const fiber = simulation.start(
    ConfigMap.watch(options).pipe(
      Stream.runForEach((event) =>
        Effect.sync(() => {
          events.push(event)
          folded.take(event)
        })
      ),
      Effect.provide(server.client)
    )
  )
  return {
    ...folded,
    /** `+a`, `~a`, `-a`, since somebody looked. */
    words: () =>
      events.splice(0).flatMap((event) => {
        if (!("object" in event)) return event._tag === "Synced" ? ["synced"] : []
        const { data, metadata } = event.object
        return [`${{ Added: "+", Modified: "~", Deleted: "-" }[event._tag]}${metadata.name}${data?.["n"] ?? ""}`]
      }),
    failure: (): KubeError | undefined => {
      const exit = fiber.unsafePoll()
      if (exit === null || Exit.isSuccess(exit)) return undefined
      const error = Cause.failureOption(exit.cause)
      if (Option.isNone(error)) throw new Error(Cause.pretty(exit.cause))
      return error.value
    },
    fiber
  }
}

/** The differences between what is known and what there is: none. */
const same = (known: ReadonlyMap<string, Stored<ConfigMap>>, server: ChaosServer.Server, what: string) => {
  const shape = ({ data, metadata }: Stored<ConfigMap> | ChaosServer.Item) =>
    `${metadata.name} ${metadata.uid} ${metadata.resourceVersion} ${JSON.stringify(data)}`
  assert.deepStrictEqual(
    [...known.values()].map(shape).toSorted(),
    [...server.objects.values()].map(shape).toSorted(),
    what
  )
}

const setting = (habits: Partial<ChaosServer.Habits> = {}, seed = 1) => {
  const simulation = Simulation.make(seed)
  const server = ChaosServer.make(habits)
  return { server, simulation }
}

const watches = (server: ChaosServer.Server) => server.requests.filter(({ watch }) => watch).length

type Policy = "skip" | "event" | "fail"

// A number where text belongs, as no server would let it in.
const number = 5 as unknown as string

/** Words of what is told of objects that may not be decodable, and at last of the error. */
const toldOf = (client: Layer.Layer<KubeClient, AuthError>, simulation: Simulation.Simulation, policy: Policy) => {
  const words: Array<string> = []
  const look = (event: WatchEvent<ConfigMap> | Undecodable) =>
    Effect.sync(() => {
      if (event._tag === "Undecodable") words.push(`? ${event.change}`)
      else if ("object" in event) {
        words.push(`${event._tag} ${event.object.metadata.name}${event.object.data?.["n"] ?? ""}`)
      } else words.push(event._tag)
    })
  const options = { timeoutSeconds: 60 }
  const stream =
    policy === "event"
      ? ConfigMap.watch({ ...options, decodeFailures: policy })
      : ConfigMap.watch({ ...options, decodeFailures: policy })
  const fiber = simulation.start(stream.pipe(Stream.runForEach(look), Effect.flip, Effect.provide(client)))
  return () => {
    const exit = fiber.unsafePoll()
    return exit !== null && Exit.isSuccess(exit) ? [...words, exit.value._tag] : words
  }
}

describe("a watch that goes on", () => {
  it("lists, page by page, then tells of changes; and resumes after the server's time limit", () => {
    const { server, simulation } = setting()
    for (const name of ["a", "b", "c", "d", "e"]) server.put(name, {})
    const seen = watched(server, simulation, { limit: 2 })
    simulation.pass(0)
    assert.deepStrictEqual(seen.words(), ["+a", "+b", "+c", "+d", "+e", "synced"])
    assert.strictEqual(server.requests.length, 4)
    server.put("a", { n: "1" })
    simulation.pass(11 * minute)
    server.remove("b")
    simulation.pass(second)
    assert.deepStrictEqual(seen.words(), ["~a1", "-b"])
    // The server was asked to end them after 5 to 10 minutes.
    assert.isTrue(
      server.requests.slice(3).every(({ target }) => {
        const timeout = Number(/timeoutSeconds=(\d+)/.exec(target)?.[1])
        return timeout >= 300 && timeout < 600
      })
    )
    assert.include([2, 3], watches(server))
    assert.strictEqual(seen.count.Synced, 1)
  })

  it("spreads the ends of its connections, so that many watches do not begin anew together", () => {
    const { server, simulation } = setting()
    watched(server, simulation)
    simulation.pass(2 * 60 * minute)
    const ends = server.requests.flatMap(({ target }) => /timeoutSeconds=(\d+)/.exec(target)?.[1] ?? [])
    assert.isAbove(ends.length, 12)
    // No two alike, but for a coincidence or two.
    assert.isAtLeast(new Set(ends).size, ends.length - 2)
  })

  it("resumes from a bookmark where nothing of its own has happened", () => {
    const { server, simulation } = setting()
    server.put("a", {})
    const seen = watched(server, simulation)
    simulation.pass(second)
    for (let i = 0; i < 50; i++) server.elsewhere()
    simulation.pass(2 * minute)
    server.forget()
    simulation.pass(10 * minute)
    server.put("a", { n: "1" })
    simulation.pass(second)
    assert.deepStrictEqual(seen.words(), ["+a", "synced", "~a1"])
    // One list was enough: kubex asks for `allowBookmarks`, which the server does not know.
    assert.strictEqual(server.requests.length - watches(server), 1)
    assert.isTrue(server.requests.slice(1).every(({ target }) => target.includes("allowWatchBookmarks=true")))
  })

  for (const [forgotten, sendInitialEvents] of [
    ["status", false],
    ["event", false],
    ["silence", false],
    ["status", true],
    ["event", true]
  ] as const) {
    const begins = sendInitialEvents ? "with events" : "with a list"
    it(`tells what has changed meanwhile when its version is forgotten (${forgotten}, begins ${begins})`, () => {
      const { server, simulation } = setting({ forgotten: () => forgotten })
      for (const name of ["a", "b", "c", "d"]) server.put(name, { n: "0" })
      const seen = watched(server, simulation, { limit: 2, sendInitialEvents })
      simulation.pass(second)
      seen.words()
      server.setFault((_, watch) => (watch ? { _tag: "Refuse" } : undefined))
      const end = server.connections.size
      assert.strictEqual(end, 1)
      // Half-open: nothing is heard of what follows.
      const before = server.requests.length
      server.put("a", { n: "1" })
      server.setFault(() => ({ _tag: "Refuse" }))
      simulation.pass(11 * minute)
      seen.words()
      server.put("a", { n: "2" })
      server.remove("b")
      server.remove("c")
      server.put("c", { n: "2" })
      server.put("e", { n: "2" })
      server.forget()
      server.put("f", { n: "3" })
      assert.isAbove(server.requests.length, before)
      server.setFault(() => undefined)
      simulation.pass(3 * minute)
      // A deletion carries the last state that was known; c is another one.
      assert.deepStrictEqual(seen.words().toSorted(), ["+c2", "+e2", "+f3", "-b0", "-c0", "~a2"])
      same(seen.known, server, "after the list")
    })
  }

  it("tells the last state that it knew of what is gone, however long the states before were", () => {
    const { server, simulation } = setting({ piece: () => 100 })
    const seen = watched(server, simulation)
    simulation.pass(second)
    const states = ["n", "ä🚢".repeat(500), "short", "ö", "x".repeat(3000), "ß".repeat(2900), ""]
    // The lengths go up and down, each time in another order, and nothing of another object's state comes in.
    for (let last = 0; last < states.length; last++) {
      for (let i = 0; i <= last; i++) {
        server.put("a", { n: states[i] ?? "" })
        server.put("b", { n: states[last - i] ?? "" })
      }
      simulation.pass(second)
      seen.words()
      server.setFault(() => ({ _tag: "Refuse" }))
      simulation.pass(11 * minute)
      server.remove("a")
      server.forget()
      server.setFault(() => undefined)
      simulation.pass(3 * minute)
      assert.deepStrictEqual(seen.words(), [`-a${states[last]}`])
      server.put("a", {})
      simulation.pass(second)
      assert.deepStrictEqual(seen.words(), ["+a"])
    }
    server.setFault(() => ({ _tag: "Refuse" }))
    simulation.pass(11 * minute)
    server.remove("a")
    server.remove("b")
    server.forget()
    server.setFault(() => undefined)
    simulation.pass(3 * minute)
    assert.deepStrictEqual(seen.words().toSorted(), ["-a", "-bn"])
  })

  it("and by however much the last state was longer than the one before", () => {
    const { server, simulation } = setting()
    const seen = watched(server, simulation)
    simulation.pass(second)
    const lengths = Array.from({ length: 100 }, (_, more) => more)
    for (const more of lengths) {
      server.put(`a${more}`, { n: "" })
      server.put(`a${more}`, { n: "x".repeat(more) })
    }
    simulation.pass(second)
    seen.words()
    server.setFault(() => ({ _tag: "Refuse" }))
    simulation.pass(11 * minute)
    for (const more of lengths) server.remove(`a${more}`)
    server.forget()
    server.setFault(() => undefined)
    simulation.pass(3 * minute)
    assert.deepStrictEqual(
      seen.words(),
      lengths.map((more) => `-a${more}${"x".repeat(more)}`)
    )
  })

  it("tells each change of a server that gives no versions", () => {
    const map = (n: string) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "a", namespace: "team", uid: "a", resourceVersion: "" },
      data: { n }
    })
    const simulation = Simulation.make(1)
    const events = [
      [1, "MODIFIED", map("2")],
      [1, "MODIFIED", map("3")]
    ] as const
    const words = toldOf(scripted([{ items: [map("1")] }, { events }]).client, simulation, "fail")
    simulation.pass(second)
    assert.deepStrictEqual(words(), ["Added a1", "Synced", "Modified a2", "Modified a3"])
  })

  it("a list that expires between its pages is read anew, as a whole", () => {
    const { server, simulation } = setting()
    for (const name of ["a", "b", "c", "d"]) server.put(name, {})
    let lists = 0
    server.setFault((_, watch) => {
      if (watch || ++lists !== 2) return undefined
      server.put("x", {})
      server.remove("a")
      server.forget()
      return undefined
    })
    const seen = watched(server, simulation, { limit: 2 })
    simulation.pass(minute)
    assert.deepStrictEqual(seen.words(), ["+a", "+b", "+c", "+d", "+x", "-a", "synced"])
    assert.deepStrictEqual(
      server.requests.slice(0, 3).map(({ target }) => /limit=\d/.exec(target)?.[0]),
      ["limit=2", "limit=2", undefined]
    )
  })

  it("begins with events where the server can send them, and with a list where it cannot", () => {
    for (const initialEvents of [true, false, "ignored"] as const) {
      const { server, simulation } = setting({ initialEvents: () => initialEvents })
      for (const name of ["a", "b"]) server.put(name, {})
      const seen = watched(server, simulation, { sendInitialEvents: true, idle: "5 minutes" })
      simulation.pass(11 * minute)
      assert.deepStrictEqual(seen.words(), ["+a", "+b", "synced"], String(initialEvents))
      assert.strictEqual(server.requests.length - watches(server), initialEvents === true ? 0 : 1)
      assert.match(server.requests[0]?.target ?? "", /sendInitialEvents=true&resourceVersionMatch=NotOlderThan/)
      server.remove("a")
      simulation.pass(second)
      assert.deepStrictEqual(seen.words(), ["-a"])
    }
  })

  it("finds out that a connection is half-open", () => {
    const { server, simulation } = setting()
    server.put("a", {})
    server.setFault((_, watch) =>
      watch && watches(server) === 1 ? { _tag: "Cut", at: 0, how: "half-open" } : undefined
    )
    const seen = watched(server, simulation)
    simulation.pass(second)
    server.put("b", {})
    simulation.pass(148 * second)
    assert.deepStrictEqual(seen.words(), ["+a", "synced"])
    simulation.pass(second)
    assert.deepStrictEqual(seen.words(), ["+b"])
    assert.strictEqual(server.connections.size, 1)
  })

  it("resumes from the last of several changes that came together", () => {
    const { server, simulation } = setting()
    server.put("a", {})
    watched(server, simulation, { timeoutSeconds: 30 })
    simulation.pass(second)
    server.setFault(() => ({ _tag: "Refuse" }))
    simulation.pass(minute)
    for (const n of ["1", "2", "3"]) server.put("a", { n })
    server.setFault(() => undefined)
    simulation.pass(2 * minute)
    assert.include(server.requests.at(-1)?.target, `resourceVersion=${server.version()}&`)
  })

  it("closes the connections that it gives up", () => {
    const { server, simulation } = setting()
    watched(server, simulation, { idle: "5 seconds" })
    simulation.pass(50 * second)
    assert.isAbove(watches(server), 5)
    assert.strictEqual(server.connections.size, 1)
  })

  it("gives up a connection on which the watch is never answered", () => {
    const { server, simulation } = setting()
    server.put("a", {})
    server.setFault((_, watch) => (watch && watches(server) === 1 ? { _tag: "Hang" } : undefined))
    const seen = watched(server, simulation, { idle: "5 seconds" })
    simulation.pass(second)
    server.put("b", {})
    simulation.pass(3 * second)
    assert.deepStrictEqual(seen.words(), ["+a", "synced"])
    simulation.pass(2 * second)
    assert.deepStrictEqual(seen.words(), ["+b"])
  })

  for (const how of ["reset", "end", "garbage"] as const) {
    it(`survives a connection that is cut at any byte of an event (${how})`, { timeout: 60_000 }, () => {
      const { server, simulation } = setting()
      server.put("a", { n: "ä🚢" })
      const length = Buffer.byteLength(JSON.stringify({ type: "MODIFIED", object: server.objects.get("a") })) + 1
      let at = 0
      let wanted = false
      server.setFault((_, watch) => {
        if (!watch || !wanted) return undefined
        wanted = false
        return { _tag: "Cut", at, how }
      })
      const seen = watched(server, simulation, { timeoutSeconds: 60 })
      simulation.pass(second)
      for (at = 0; at <= length; at++) {
        wanted = true
        // The next connection is the one that is cut.
        simulation.pass(minute)
        server.put("a", { n: "ä🚢" })
        simulation.pass(90 * second)
        same(seen.known, server, `cut at ${at}`)
      }
      assert.strictEqual(seen.count.Modified, length + 1)
      assert.strictEqual(seen.count.Synced, 1)
      // Nothing was listed again.
      assert.strictEqual(server.requests.length - watches(server), 1)
    })
  }

  it("asks for new credentials when the old ones expire on the way", () => {
    const { server, simulation } = setting()
    server.put("a", {})
    const seen = watched(server, simulation, { timeoutSeconds: 60 })
    simulation.pass(second)
    server.expire()
    simulation.pass(2 * minute)
    server.put("b", {})
    simulation.pass(second)
    assert.deepStrictEqual(seen.words(), ["+a", "synced", "+b"])
    assert.strictEqual(seen.failure(), undefined)
  })

  it("waits as long as the server asks (429)", () => {
    const { server, simulation } = setting()
    server.setFault(() => ({ _tag: "Answer", code: 429, reason: "TooManyRequests", retryAfter: 90 }))
    const seen = watched(server, simulation)
    simulation.pass(10 * minute)
    assert.isAtMost(server.requests.length, 7)
    assert.isAtLeast(server.requests.length, 6)
    server.setFault(() => undefined)
    simulation.pass(2 * minute)
    assert.deepStrictEqual(seen.words(), ["synced"])
  })

  it("fails at once where it may not list, or may not watch", () => {
    for (const forWatch of [false, true]) {
      const { server, simulation } = setting()
      server.setFault((_, watch) =>
        watch === forWatch ? { _tag: "Answer", code: 403, reason: "Forbidden" } : undefined
      )
      const seen = watched(server, simulation)
      simulation.pass(0)
      assert.strictEqual(seen.failure()?._tag, "Forbidden")
      assert.strictEqual(server.requests.length, forWatch ? 2 : 1)
    }
  })

  it("once a watch has been accepted a refusal ends nothing, unless the user's own schedule says so", () => {
    for (const isQuiet of [true, false]) {
      const { server, simulation } = setting()
      const seen = watched(server, simulation, { timeoutSeconds: 60 })
      const untilRefused = watched(server, simulation, {
        timeoutSeconds: 60,
        backoff: Schedule.whileInput(Schedule.spaced("1 second"), ({ _tag }: KubeError) => _tag !== "Forbidden")
      })
      simulation.pass(second)
      if (!isQuiet) server.put("a", {})
      const before = server.requests.length
      server.setFault(() => ({ _tag: "Answer", code: 403, reason: "Forbidden" }))
      simulation.pass(60 * minute)
      assert.strictEqual(untilRefused.failure()?._tag, "Forbidden")
      assert.strictEqual(seen.failure(), undefined)
      assert.isAtMost(server.requests.length - before, 250)
      server.setFault(() => undefined)
      server.put("b", {})
      server.remove("a")
      simulation.pass(minute)
      assert.deepStrictEqual(seen.words(), isQuiet ? ["synced", "+b"] : ["synced", "+a", "+b", "-a"])
    }
  })

  it("fails when the pauses of the user's own schedule are over", () => {
    const { server, simulation } = setting()
    server.setFault(() => ({ _tag: "Answer", code: 503, reason: "ServiceUnavailable" }))
    const backoff = Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(3))
    const seen = watched(server, simulation, { backoff })
    simulation.pass(2500)
    assert.strictEqual(seen.failure(), undefined)
    simulation.pass(second)
    assert.strictEqual(seen.failure()?._tag, "ServiceUnavailable")
    assert.strictEqual(server.requests.length, 4)
  })

  it("begins the pauses anew after what went well", () => {
    const { server, simulation } = setting()
    const seen = watched(server, simulation, { timeoutSeconds: 60, backoff: Schedule.exponential("1 second") })
    simulation.pass(second)
    const pauses = () => {
      const before = server.requests.length
      server.setFault(() => ({ _tag: "Refuse" }))
      simulation.pass(5 * minute)
      server.setFault(() => undefined)
      const times = server.requests.slice(before).map(({ at }) => at)
      simulation.pass(10 * minute)
      return times.slice(1).map((at, index) => (at - (times[index] ?? 0)) / second)
    }
    for (let round = 1; round <= 3; round++) {
      assert.deepStrictEqual(pauses().slice(0, 6), [1, 2, 4, 8, 16, 32], `round ${round}`)
    }
    assert.strictEqual(seen.failure(), undefined)
  })

  it("after a version that was given, tells of what is new, and fails when the version is forgotten", () => {
    const { server, simulation } = setting()
    server.put("a", {})
    const since = String(server.version())
    server.put("b", {})
    server.remove("a")
    const events: Array<string> = []
    const fiber = simulation.start(
      ConfigMap.watch({ resourceVersion: since }).pipe(
        Stream.runForEach((event) =>
          Effect.sync(() => "object" in event && events.push(`${event._tag} ${event.object.metadata.name}`))
        ),
        Effect.flip,
        Effect.provide(server.client)
      )
    )
    simulation.pass(second)
    assert.deepStrictEqual(events, ["Added b", "Deleted a"])
    server.setFault(() => ({ _tag: "Refuse" }))
    simulation.pass(11 * minute)
    server.put("c", {})
    server.forget()
    server.put("d", {})
    server.setFault(() => undefined)
    simulation.pass(minute)
    const exit = fiber.unsafePoll()
    assert(exit !== null && Exit.isSuccess(exit))
    assert.strictEqual(exit.value._tag, "Expired")
    assert.isTrue(server.requests.every(({ watch }) => watch))
  })

  it("does what it was told with objects that cannot be decoded", () => {
    const told = (decodeFailures: Policy, damaged = false) => {
      const { server, simulation } = setting()
      server.put("a", {})
      if (damaged) server.put("b", { n: number })
      server.put("c", {})
      const words = toldOf(server.client, simulation, decodeFailures)
      simulation.pass(second)
      server.put("a", { n: number })
      server.put("a", { n: "fine" })
      server.remove("b")
      simulation.pass(second)
      return words()
    }
    const first = ["Added a", "Added c", "Synced"]
    assert.deepStrictEqual(told("skip"), [...first, "Modified afine"])
    assert.deepStrictEqual(told("skip", true), [...first, "Modified afine"])
    assert.deepStrictEqual(told("event"), [...first, "? Modified", "Modified afine"])
    assert.deepStrictEqual(told("event", true), [
      "Added a",
      "? Added",
      "Added c",
      "Synced",
      "? Modified",
      "Modified afine",
      "? Deleted"
    ])
    assert.deepStrictEqual(told("fail"), [...first, "DecodeError"])
    // Nothing is called complete, and nothing gone.
    assert.deepStrictEqual(told("fail", true), ["Added a", "DecodeError"])
  })

  it("client-node swallows what it cannot read: what is skipped is logged as a warning, with its place", () => {
    const { server, simulation } = setting()
    server.put("a", { n: number })
    const told: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => told.push(`${logLevel.label} ${String(message)}`))
    simulation.start(
      Stream.runDrain(ConfigMap.watch()).pipe(
        Effect.provide(Layer.merge(server.client, Logger.replace(Logger.defaultLogger, logger))),
        Logger.withMinimumLogLevel(LogLevel.Warning)
      )
    )
    simulation.pass(second)
    assert.strictEqual(told.length, 1)
    assert.match(
      told[0] ?? "",
      /^WARN a watch skips an object that it cannot decode: .*data\.n: expected string, got 5/
    )
  })

  it("tells the end of what can no longer be decoded, with the last state that could", () => {
    const told = (decodeFailures: Policy, isForgotten: boolean) => {
      const { server, simulation } = setting()
      server.put("a", { n: "1" })
      const words = toldOf(server.client, simulation, decodeFailures)
      simulation.pass(second)
      server.put("a", { n: "2" })
      if (decodeFailures !== "fail") server.put("a", { n: number })
      simulation.pass(second)
      if (isForgotten) {
        server.setFault(() => ({ _tag: "Refuse" }))
        simulation.pass(2 * minute)
      }
      if (decodeFailures === "fail") server.put("a", { n: number })
      server.remove("a")
      if (isForgotten) server.forget()
      server.setFault(() => undefined)
      simulation.pass(2 * minute)
      server.put("a", { n: "3" })
      simulation.pass(second)
      return words().filter((word) => word !== "Bookmark")
    }
    const first = ["Added a1", "Synced", "Modified a2"]
    assert.deepStrictEqual(told("skip", false), [...first, "Deleted a2", "Added a3"])
    assert.deepStrictEqual(told("event", false), [...first, "? Modified", "Deleted a2", "? Deleted", "Added a3"])
    assert.deepStrictEqual(told("skip", true), [...first, "Deleted a2", "Added a3"])
    // Nobody has seen its last state.
    assert.deepStrictEqual(told("event", true), [...first, "? Modified", "Deleted a2", "Added a3"])
    assert.deepStrictEqual(told("fail", true), [...first, "Deleted a2", "Added a3"])
  })

  it("says nothing of the end of what could never be decoded, nor of what it never knew", () => {
    const map = (name: string, n: unknown, version: number) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace: "team", uid: name, resourceVersion: String(version) },
      data: { n }
    })
    const events = [
      // A server may send any state of it.
      [1, "DELETED", map("a", "fine", 11)],
      [1, "DELETED", map("b", "unknown", 12)],
      [1, "ADDED", map("a", "another", 13)]
    ] as const
    for (const [policy, wanted] of [
      ["skip", ["Synced", "Added aanother"]],
      ["event", ["? Added", "Synced", "Added aanother"]]
    ] as const) {
      const simulation = Simulation.make(1)
      const words = toldOf(scripted([{ items: [map("a", 5, 1)] }, { events }]).client, simulation, policy)
      simulation.pass(second)
      assert.deepStrictEqual(words(), [...wanted])
    }
  })

  it("counts how often it goes on after an error, by the error", () => {
    const restarts = (tag: string) =>
      Metric.unsafeSnapshot().reduce((sum, { metricKey: { name, tags }, metricState }) => {
        const labels = tags.map(({ key, value }) => `${key}=${value}`).toSorted()
        const isMeant = labels.join() === `error.type=${tag},k8s.resource=configmaps`
        return name === "kubernetes.client.watch.restarts" && isMeant && MetricState.isCounterState(metricState)
          ? sum + Number(metricState.count)
          : sum
      }, 0)
    const tags = ["Forbidden", "ServiceUnavailable", "TransportError"]
    const before = tags.map(restarts)
    const { server, simulation } = setting()
    server.put("a", {})
    const backoff = Schedule.spaced("10 seconds")
    const seen = watched(server, simulation, { timeoutSeconds: 60, backoff })
    simulation.pass(second)
    // The server's time limit is no error, and what nobody pauses for is no restart.
    simulation.pass(5 * minute)
    assert.deepStrictEqual(tags.map(restarts), before)
    const outage = (fault: ChaosServer.Fault) => {
      server.setFault(() => fault)
      simulation.pass(2 * minute)
    }
    outage({ _tag: "Answer", code: 403, reason: "Forbidden" })
    const [forbidden = 0, unavailable, broken] = tags.map((tag, index) => restarts(tag) - (before[index] ?? 0))
    const asked = server.requests.filter(({ at }) => at > 5 * minute + second).length
    // Each was refused.
    assert.isAtLeast(forbidden, 6)
    assert.deepStrictEqual([forbidden, unavailable, broken], [asked, 0, 0])
    outage({ _tag: "Answer", code: 503, reason: "ServiceUnavailable" })
    outage({ _tag: "Refuse" })
    server.setFault(() => undefined)
    simulation.pass(minute)
    assert.strictEqual(seen.failure(), undefined)
    const all = tags.map((tag, index) => restarts(tag) - (before[index] ?? 0))
    assert.deepStrictEqual(all, [forbidden, 12, 12])
  })

  it("leaves managedFields out, unless they are asked for", () => {
    const { server, simulation } = setting()
    server.put("a", {})
    const lean = watched(server, simulation)
    const full = watched(server, simulation, { managedFields: true })
    simulation.pass(second)
    server.put("b", {})
    simulation.pass(second)
    const has = ({ known }: typeof lean) => [...known.values()].map(({ metadata }) => "managedFields" in metadata)
    assert.deepStrictEqual(
      [has(lean), has(full)],
      [
        [false, false],
        [true, true]
      ]
    )
  })

  it("closes its connection when it is interrupted, whatever it is doing", () => {
    for (const at of [0, 100, second, minute, 20 * minute]) {
      const { server, simulation } = setting()
      server.put("a", {})
      if (at === 100) server.setFault(() => ({ _tag: "Refuse" }))
      const seen = watched(server, simulation)
      simulation.pass(at)
      simulation.start(seen.fiber.interruptAsFork(seen.fiber.id()))
      simulation.pass(0)
      assert.isNotNull(seen.fiber.unsafePoll())
      assert.strictEqual(server.connections.size, 0)
      const before = server.requests.length
      simulation.pass(20 * minute)
      assert.strictEqual(server.requests.length, before)
    }
  })

  it("500 connections leave nothing behind (client-node#494)", { timeout: 60_000 }, () => {
    const { server, simulation } = setting()
    const seen = watched(server, simulation, { timeoutSeconds: 10 })
    for (let i = 0; i < 500; i++) {
      server.put(`a${i % 10}`, { n: String(i) })
      server.remove(`a${(i + 5) % 10}`)
      simulation.pass(10 * second)
      assert.isAtMost(server.connections.size, 1)
    }
    assert.isAtLeast(watches(server), 450)
    same(seen.known, server, "at the end")
  })
})

describe("an outage", () => {
  const outages: { readonly [name: string]: (random: () => number) => ChaosServer.Fault | undefined } = {
    "connections are refused": () => ({ _tag: "Refuse" }),
    "connections break": () => ({ _tag: "Reset" }),
    "there is no answer": () => ({ _tag: "Hang" }),
    "the server is overloaded": () => ({ _tag: "Answer", code: 503, reason: "ServiceUnavailable" }),
    "the server throttles": () => ({ _tag: "Answer", code: 429, reason: "TooManyRequests", retryAfter: 1 }),
    "the server is broken": () => ({ _tag: "Answer", code: 500, reason: "InternalError" }),
    "every answer breaks off": () => ({ _tag: "Cut", at: 3, how: "reset" }),
    "every answer ends early": () => ({ _tag: "Cut", at: 3, how: "end" }),
    "everything is forgotten (kr8s asks 405 times a second)": () => ({ _tag: "Answer", code: 410, reason: "Expired" }),
    "every watch ends at once": () => ({ _tag: "Cut", at: 0, how: "end" })
  }
  for (const [name, fault] of Object.entries(outages)) {
    it(`of ten minutes costs a few requests, and an hour not many more: ${name}`, () => {
      const { server, simulation } = setting()
      server.put("a", {})
      const seen = watched(server, simulation)
      simulation.pass(second)
      server.setFault((_, watch) => (name.startsWith("every watch") && !watch ? undefined : fault(Math.random)))
      // The connection of before is closed within its time.
      simulation.pass(10 * minute)
      const between = (from: number, to: number) => server.requests.filter(({ at }) => at >= from && at < to)
      const first = between(second, 10 * minute)
      server.put("a", { n: "1" })
      server.put("b", {})
      simulation.pass(60 * minute)
      // Every 30 s, a half more or less, after the first quick ones; a list among them counts too.
      assert.isAtMost(first.length, 60)
      assert.isAtMost(between(10 * minute, 70 * minute).length, 60 * 6)
      for (const { at } of server.requests.slice(2)) assert.isAtMost(between(at, at + second).length, 5)
      server.setFault(() => undefined)
      simulation.pass(3 * minute)
      same(seen.known, server, "after the outage")
      assert.strictEqual(seen.failure(), undefined)
    })
  }
})
