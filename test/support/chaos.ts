/**
 * Programs that watch a TestCluster, and all that can go wrong with it: what happens is a matter of the seed. It takes its
 * time on the `Clock`.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { Auth, AuthError, Condition, ConfigMap, Informer, type Stored } from "effect-kubernetes"
import * as Fault from "effect-kubernetes/testing/Fault"
import { TestCluster, type TestClusterService } from "effect-kubernetes/testing/TestCluster"
import * as assert from "node:assert/strict"
import { strictly } from "./fold.js"
import { randomOf } from "./simulation.js"

const names = ["a", "b", "c", "d", "e", "f", "g", "h"]
const colors = ["red", "green", "blue"] as const

const configMap = (name: string, data: Record<string, string>, namespace = "default") => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace },
  data
})

/** Objects in the order of their names, as text that is the same for the same. */
const shapes = (objects: Iterable<Stored<ConfigMap>>): ReadonlyArray<string> =>
  Array.from(objects, ({ data, metadata, ...rest }) =>
    JSON.stringify([metadata.name, Object.entries(metadata).toSorted(), data, Object.entries(rest).toSorted()])
  ).toSorted()

const same = (what: string, found: Iterable<Stored<ConfigMap>>, wanted: Iterable<Stored<ConfigMap>>) => {
  const [is, should] = [shapes(found), shapes(wanted)]
  assert.deepEqual(is, should, `${what} differs: ${JSON.stringify({ is, should }, undefined, 1)}`)
}

const watches = ({ isWatch }: Fault.FaultRequest) => isWatch
const lists = (request: Fault.FaultRequest) => !watches(request)

const nameOf = (fault: Fault.Fault): string => (fault._tag === "Status" ? `${fault._tag} ${fault.code}` : fault._tag)

const atMost = (what: string, found: number, limit: number) => assert.ok(found <= limit, `${what}: ${found} > ${limit}`)

/** Credentials of which only the last are good, and a note of each time that a request asks for them. */
const makeCredentials = () => {
  const sent: Array<number> = []
  let tokens = 1
  let isAway = false
  const token = Effect.suspend(() =>
    isAway
      ? Effect.fail(new AuthError({ message: "nobody gives out tokens" }))
      : Effect.succeed(Redacted.make(`token-${tokens}`))
  )
  return {
    /** When each request was sent, those included that never arrived. */
    sent: sent as ReadonlyArray<number>,
    expire: Effect.sync(() => void tokens++),
    /** Whether there are new ones. */
    setAway: (away: boolean) => Effect.sync(() => void (isAway = away)),
    areOld: ({ headers }: Fault.FaultRequest) => headers["authorization"] !== `Bearer token-${tokens}`,
    auth: Layer.effect(
      Auth,
      Effect.map(Auth, (auth) => ({
        ...auth,
        credentials: Effect.flatMap(Clock.currentTimeMillis, (now) => (sent.push(now), auth.credentials))
      }))
    ).pipe(Layer.provide(Auth.layerToken(token)))
  }
}

/** How many there are in the fullest stretch of so many milliseconds. */
export const most = (times: ReadonlyArray<number>, millis: number): number => {
  let first = 0
  let found = 0
  for (const [last, time] of times.entries()) {
    while ((times[first] ?? time) <= time - millis) first++
    found = Math.max(found, last - first + 1)
  }
  return found
}

/** What became of it all. `faults` are those that some request has met. */
export interface Report {
  readonly seed: number
  readonly requests: number
  readonly events: number
  readonly faults: ReadonlySet<string>
}

export const chaos = (seed: number): Effect.Effect<Report> => {
  const random = randomOf(seed)
  const below = (n: number) => Math.floor(random() * n)
  const pick = <A>(...values: readonly [A, ...ReadonlyArray<A>]): A => values[below(values.length)] ?? values[0]
  const danger = random() * 0.8
  const seen = new Set<string>()
  const credentials = makeCredentials()

  /** Credentials that are not taken, a role or a kind that is away. */
  const refusal = (): Fault.Fault => pick(Fault.unauthorized, Fault.status(403), Fault.status(404))
  /** What may happen to one request. What is refused before a watch was accepted ends it. */
  const mishap = (isAccepted: boolean): Fault.Fault => {
    const afterBytes = below(pick(20, 400, 3000))
    switch (below(isAccepted ? 17 : 15)) {
      case 0:
        return Fault.refused
      case 1:
        return Fault.reset()
      case 2:
        return Fault.halfOpen()
      case 3:
        return Fault.status(429, { retryAfterSeconds: below(20) })
      case 4:
        return Fault.status(pick(500, 503, 504))
      case 5:
        return Fault.latency(pick(1, 1000, 40_000))
      case 6:
        return Fault.malformed("<html>\u0000")
      case 7:
        return Fault.fragmented(pick(50, 300))
      case 8:
        return Fault.malformed("\u0000}]<html>\n", { afterBytes })
      case 9:
        return Fault.truncated(afterBytes)
      case 10:
        return Fault.halfOpen({ afterBytes })
      case 11:
        return Fault.stalled({ afterBytes, duration: pick("5 seconds", "4 minutes") })
      case 15:
      case 16:
        return refusal()
      default:
        return Fault.reset({ afterBytes })
    }
  }
  /** What may happen to all of them for a while. */
  const storm = (): Fault.Fault =>
    pick(
      Fault.refused,
      Fault.reset(),
      Fault.halfOpen(),
      Fault.status(429, { retryAfterSeconds: below(20) }),
      Fault.status(503),
      Fault.status(410),
      Fault.truncated(0),
      Fault.malformed("<html>"),
      Fault.reset({ afterBytes: below(200) })
    )

  const run = (cluster: TestClusterService) =>
    Effect.gen(function* () {
      const write = Effect.suspend(() => {
        const name = pick("a", ...names)
        return random() < 0.35
          ? cluster.remove(ConfigMap, name)
          : cluster.put(configMap(name, { n: String(below(100)), color: pick(...colors) }))
      })
      const writes = (count: number) => Effect.replicateEffect(write, count, { discard: true })
      /** Versions grow, and nothing changes here. */
      const elsewhere = Effect.zipRight(
        cluster.put(configMap("elsewhere", {}, "other")),
        Effect.map(cluster.get(ConfigMap, { name: "elsewhere", namespace: "other" }), (object) =>
          // It was put just now, and every object has a version.
          Number((Option.getOrThrow(object) as unknown as Stored<ConfigMap>).metadata.resourceVersion)
        )
      )
      let forgotten = 0
      const forget = Effect.zipRight(
        Effect.map(elsewhere, (version) => {
          forgotten = version
          seen.add("compaction")
        }),
        cluster.compact
      )
      const inject = (fault: Fault.Fault, times?: number, when?: (request: Fault.FaultRequest) => boolean) =>
        cluster.inject({
          fault,
          times,
          when: (request) => {
            const isMeant = when?.(request) ?? true
            if (isMeant) seen.add(nameOf(fault))
            return isMeant
          }
        })
      const knowsInitialEvents = random() < 0.7
      /** What the server is like all the time. */
      const habits = Effect.gen(function* () {
        yield* inject(Fault.unauthorized, undefined, credentials.areOld)
        // A forgotten version is told by an event, by the status of the answer, or not at all (kubernetes#104171).
        const how = pick(undefined, Fault.status(410), Fault.truncated(0))
        const isForgotten = ({ isWatch, query }: Fault.FaultRequest) =>
          isWatch && Number(query.get("resourceVersion") ?? Infinity) < forgotten
        if (how !== undefined) yield* inject(how, undefined, isForgotten)
        if (!knowsInitialEvents) {
          const asksForThem = ({ query }: Fault.FaultRequest) => query.has("sendInitialEvents")
          yield* inject(Fault.status(422, { reason: "Invalid" }), undefined, asksForThem)
        }
      })

      yield* writes(below(12))
      yield* cluster.put(configMap("waited-for", { ready: "no" }), configMap("to-go", {}))
      yield* habits

      const options = { limit: 1 + below(4), sendInitialEvents: random() < 0.4, managedFields: random() < 0.5 }
      const watched = strictly<ConfigMap>()
      const changes = strictly<ConfigMap>()
      const late = strictly<ConfigMap>()
      const latest = strictly<ConfigMap>()
      const watching = yield* Effect.forkScoped(
        Stream.runForEach(ConfigMap.watch(options), (event) => Effect.sync(() => watched.take(event)))
      )
      const informer = yield* Informer.make(ConfigMap, { ...options, indexes: { color: (it) => it.data?.["color"] } })
      const slowly = pick(0, 10, 500)
      const listening = yield* Effect.forkScoped(
        Effect.all(
          [
            Stream.runForEach(informer.changes, (event) =>
              Effect.zipRight(
                Effect.sync(() => changes.take(event)),
                slowly === 0 ? Effect.void : Effect.sleep(slowly)
              )
            ),
            Stream.runForEach(informer.latest, (event) =>
              Effect.zipRight(
                Effect.sync(() => latest.take(event, { anew: true })),
                Effect.sleep(pick(1, 5000))
              )
            ),
            Effect.delay(
              Stream.runForEach(informer.changes, (event) => Effect.sync(() => late.take(event))),
              `${below(300)} seconds`
            ),
            informer.failed
          ],
          { concurrency: "unbounded" }
        )
      )
      const isReady = Condition.make("ready", (it: Stored<ConfigMap>) => it.data?.["ready"] === "yes")
      const ready = yield* Effect.forkScoped(ConfigMap.waitFor("waited-for", isReady, { timeout: "infinity" }))
      const gone = yield* Effect.forkScoped(ConfigMap.waitFor("to-go", Condition.deleted, { timeout: "infinity" }))
      const still = (what: string, fiber: Fiber.RuntimeFiber<unknown, unknown>) =>
        Effect.map(Fiber.poll(fiber), (exit) => assert.ok(Option.isNone(exit), `${what} has ended: ${String(exit)}`))

      const isAccepted = random() < 0.5
      if (isAccepted) yield* Effect.sleep(`${1 + below(5)} seconds`)
      const duringStorm = (minutes: number, body: Effect.Effect<void>) =>
        Effect.gen(function* () {
          const begin = credentials.sent.length
          yield* cluster.clearFaults
          yield* body
          yield* Effect.forkScoped(Effect.repeatN(Effect.delay(write, "20 seconds"), minutes * 2))
          yield* Effect.sleep(Duration.minutes(minutes))
          // Four programs, each with the quick tries of the first minute and then one each half minute, half more or less.
          atMost(`requests in ${minutes} minutes`, credentials.sent.length - begin, 4 * (16 + 6 * minutes))
          yield* cluster.clearFaults
          yield* habits
        })
      /** What is refused to all, or only to those who list or watch, and then is allowed again. */
      const refusals = Effect.gen(function* () {
        const fault = refusal()
        const of = pick(undefined, watches, lists)
        yield* inject(fault, undefined, (request) => {
          const isMeant = of?.(request) ?? true
          if (isMeant) seen.add(`a storm of ${nameOf(fault)}`)
          return isMeant
        })
        // The server looks at credentials when a connection begins.
        if (random() < 0.8) yield* cluster.restart({ history: random() < 0.5 })
      })
      for (let step = 6 + below(9); step > 0; step--) {
        yield* writes(below(4))
        if (random() < 0.3) yield* cluster.put(configMap("waited-for", { ready: "no", step: String(step) }))
        if (random() < 0.15) yield* forget
        if (random() < 0.1) yield* elsewhere
        if (random() < 0.05) yield* credentials.expire
        if (random() < 0.05) {
          seen.add("restart")
          yield* cluster.restart({ downtime: `${below(90)} seconds`, history: random() < 0.5 })
        }
        if (random() < 0.08) yield* duringStorm(1 + below(10), inject(storm()))
        if (isAccepted && random() < 0.08) yield* duringStorm(1 + below(10), refusals)
        if (isAccepted && random() < 0.03) {
          // Expired, and no new ones for a while.
          seen.add("no credentials")
          yield* credentials.expire
          yield* credentials.setAway(true)
          yield* duringStorm(1 + below(10), Effect.zipRight(habits, cluster.restart({ history: random() < 0.5 })))
          yield* credentials.setAway(false)
        }
        while (random() < danger) yield* inject(mishap(isAccepted), 1)
        yield* Effect.sleep(pick(0, 1, 100, 1000, 10_000, 100_000))
      }
      yield* still("the wait for what is not so", ready)
      yield* still("the wait for the end of what is there", gone)
      yield* cluster.put(configMap("waited-for", { ready: "yes" }))
      yield* cluster.remove(ConfigMap, "to-go")
      yield* cluster.clearFaults
      // The time that it takes at most to find that a connection is dead, and to try again.
      yield* Effect.sleep("10 minutes")
      yield* write
      yield* Effect.sleep("10 seconds")

      yield* still("the watch", watching)
      yield* still("the informer", listening)
      const met = yield* Fiber.join(ready)
      assert.equal(met.data?.["ready"], "yes")
      assert.equal(yield* Fiber.join(gone), undefined)
      const truth = (yield* ConfigMap.list()).items
      const compared = {
        "the watch, folded": watched.known.values(),
        "the informer's changes, folded": changes.known.values(),
        "the informer's changes for somebody who came later, folded": late.known.values(),
        "the latest of the informer, folded": latest.known.values(),
        "the informer's cache": informer.store.values()
      }
      for (const [what, known] of Object.entries(compared)) same(what, known, truth)
      for (const color of colors) {
        const ofColor = truth.filter(({ data }) => data?.["color"] === color)
        same(`the informer's index, ${color},`, informer.store.byIndex("color", color), ofColor)
      }
      assert.equal(watched.count.Synced, 1)
      // Each of the four may read some pages of a list and begin a watch.
      atMost("requests within a second", most(credentials.sent, 1000), 60)
      const { Added, Deleted, Modified } = watched.count
      return { seed, requests: credentials.sent.length, events: Added + Modified + Deleted, faults: seen }
    })

  return Effect.flatMap(TestCluster, run).pipe(
    Effect.scoped,
    Effect.provide(TestCluster.layer({ controllers: false, seed, auth: credentials.auth })),
    // A failure of the client that nobody has asked for.
    Effect.orDie
  )
}
