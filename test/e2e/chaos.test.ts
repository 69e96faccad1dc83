/**
 * Watches and informers of a real API server, behind a proxy that breaks connections at any byte and a layer that
 * damages answers. `CHAOS_SEEDS` says how many seeds, `CHAOS_SEED` which is the first.
 */
import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Logger, LogLevel, Option, Schedule, Stream } from "effect"
import { ConfigMap, Informer, KubeClient, type Stored } from "effect-kubernetes"
import type { HttpFailure, HttpService } from "effect-kubernetes/layers/Http"
import { behindProxy } from "../support/behindProxy.js"
import * as e2e from "../support/e2e.js"
import { strictly } from "../support/fold.js"
import { eventually } from "../support/server.js"
import { randomOf } from "../support/simulation.js"

const seeds = Number(process.env["CHAOS_SEEDS"] ?? 50)
const firstSeed = Number(process.env["CHAOS_SEED"] ?? 1)

const shape = ({ data, metadata }: Stored<ConfigMap>) =>
  `${metadata.name} ${metadata.uid} ${metadata.resourceVersion} ${JSON.stringify(data)}`
const shapes = (objects: Iterable<Stored<ConfigMap>>) => Array.from(objects, shape).toSorted()

/** A watch and an informer, told apart by how long the server is asked to let them watch. */
const programs = 2

/** The codes with which requests were refused. */
const refused = new Set<number>()

/** What happens to answers within TLS. */
const damaging =
  (random: () => number, calm: () => boolean) =>
  (http: HttpService): HttpService => {
    const failed: HttpFailure = { _tag: "HttpFailure", reason: "Reset", description: "made to fail", cause: undefined }
    const accepted = new Set<string>()
    const refusal = () => {
      // What the server refuses ends a watch that it has not accepted yet.
      const codes = accepted.size < programs ? [429, 500, 503] : [401, 403, 404, 429, 500, 503]
      const code = codes[Math.floor(random() * codes.length)] ?? 500
      refused.add(code)
      return {
        status: code,
        headers: { "content-type": "application/json", ...(code === 429 ? { "retry-after": "0" } : {}) },
        text: "{}"
      }
    }
    const stream: HttpService["stream"] = (request) =>
      Effect.tap(http.stream(request), ({ status }) =>
        Effect.sync(() => {
          const seconds = /timeoutSeconds=(\d+)/.exec(request.target)?.[1]
          if (status === 200 && seconds !== undefined) accepted.add(seconds)
        })
      )
    return {
      request: (request) =>
        Effect.suspend(() => {
          if (calm() || random() < 0.6) return http.request(request)
          const how = random()
          if (how < 0.4) return Effect.succeed(refusal())
          if (how < 0.6) return Effect.fail(failed)
          const at = random()
          return Effect.map(http.request(request), (answer) => ({
            ...answer,
            text: answer.text.slice(0, Math.floor(at * answer.text.length))
          }))
        }),
      stream: (request) =>
        Effect.suspend(() => {
          if (calm() || random() < 0.6) return stream(request)
          const how = random()
          if (how < 0.3) {
            const { headers, status, text } = refusal()
            return Effect.succeed({ status, headers, body: Stream.make(new TextEncoder().encode(text)) })
          }
          let left = Math.floor(random() * 2000)
          const ending = how < 0.7 ? Stream.empty : Stream.make(new TextEncoder().encode("\u0000]<html>\n"))
          return Effect.map(stream(request), (answer) => ({
            ...answer,
            body: answer.body.pipe(
              Stream.mapConcat((bytes) => {
                const part = bytes.subarray(0, Math.max(0, left))
                left -= bytes.length
                return [{ part, done: left <= 0 }]
              }),
              Stream.takeUntil(({ done }) => done),
              Stream.map(({ part }) => part),
              Stream.concat(ending)
            )
          }))
        })
    }
  }

const chaos = (seed: number, namespace: string) =>
  Effect.gen(function* () {
    const random = randomOf(seed)
    const writer = yield* KubeClient
    let calm = false
    const hows = ["reset", "end", "half-open", "stall"] as const
    const { config, proxy } = yield* behindProxy(e2e.config, () =>
      calm || random() < 0.3
        ? undefined
        : { after: Math.floor(random() * 12_000), how: hows[Math.floor(random() * hows.length)] ?? "reset" }
    )
    const client = yield* Layer.build(
      e2e.layerWithHttp(
        damaging(random, () => calm),
        config
      )
    )
    const options = {
      namespace,
      labels: { seed: String(seed) },
      limit: 2,
      sendInitialEvents: seed % 2 === 0,
      timeout: "500 millis",
      idle: "700 millis",
      timeoutSeconds: 2,
      backoff: Schedule.spaced("20 millis")
    } as const
    const watched = strictly<ConfigMap>()
    const told = strictly<ConfigMap>()
    yield* Effect.gen(function* () {
      const informer = yield* Informer.make(ConfigMap, { ...options, timeoutSeconds: 3 })
      const fibers = [
        yield* Effect.forkScoped(
          Stream.runForEach(ConfigMap.watch(options), (event) => Effect.sync(() => watched.take(event)))
        ),
        yield* Effect.forkScoped(Stream.runForEach(informer.changes, (event) => Effect.sync(() => told.take(event))))
      ]
      const write = Effect.suspend(() => {
        const name = `s${seed}-${Math.floor(random() * 5)}`
        const data = { n: String(Math.floor(random() * 1000)) }
        const metadata = { name, namespace, labels: { seed: String(seed) } }
        return random() < 0.35
          ? Effect.ignore(ConfigMap.delete(name, { namespace }))
          : Effect.asVoid(ConfigMap.apply({ metadata, data }, { namespace }))
      })
      for (let i = 0; i < 25; i++) {
        yield* Effect.provideService(write, KubeClient, writer)
        if (random() < 0.15) yield* proxy.cut
        if (random() < 0.3) yield* Effect.sleep(Duration.millis(random() * 200))
      }
      calm = true
      // Half-open and damaged connections of before are no part of the question.
      yield* proxy.cut
      const truth = yield* Effect.map(
        Effect.provideService(ConfigMap.list({ namespace, labels: options.labels }), KubeClient, writer),
        ({ items }) => shapes(items)
      )
      const agree = () =>
        watched.count.Synced === 1 &&
        told.count.Synced === 1 &&
        [watched.known.values(), told.known.values(), informer.store.values()].every((known) => {
          const found = shapes(known)
          return found.length === truth.length && found.every((text, index) => text === truth[index])
        })
      yield* e2e.eventually(Effect.sync(agree)).pipe(Effect.timeout("20 seconds"), Effect.ignore)
      for (const fiber of fibers) if (Option.isSome(yield* Fiber.poll(fiber))) yield* Fiber.join(fiber)
      assert.isTrue(
        agree(),
        `CHAOS_SEED=${seed} CHAOS_SEEDS=1: ${JSON.stringify({ truth, told: shapes(told.known.values()), watched: shapes(watched.known.values()) })}`
      )
    }).pipe(Effect.provide(client))
  }).pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.Warning))

layer(e2e.layer, e2e.live)("chaos between a watch and a real API server", (it) => {
  // A watch and an informer: each has one connection.
  for (const how of ["reset", "end"] as const) {
    it.scoped(
      `at each byte of an event makes no difference, either (${how})`,
      () =>
        Effect.gen(function* () {
          const namespace = yield* e2e.freshNamespace
          const writer = yield* KubeClient
          const { config, proxy } = yield* behindProxy(e2e.config, () => undefined)
          let open = 0
          const client = yield* Layer.build(
            e2e.layerWithHttp(
              (http) => ({
                ...http,
                stream: (request) =>
                  Effect.tap(http.stream(request), () =>
                    Effect.acquireRelease(
                      Effect.sync(() => open++),
                      () => Effect.sync(() => open--)
                    )
                  )
              }),
              config
            )
          )
          const options = { namespace, fields: { "metadata.name": "a" }, backoff: Schedule.spaced("1 millis") } as const
          const watched = strictly<ConfigMap>()
          const told = strictly<ConfigMap>()
          yield* Effect.gen(function* () {
            const informer = yield* Informer.make(ConfigMap, { ...options, managedFields: true })
            yield* Effect.forkScoped(
              Stream.runForEach(ConfigMap.watch(options), (event) => Effect.sync(() => watched.take(event)))
            )
            yield* Effect.forkScoped(
              Stream.runForEach(informer.changes, (event) => Effect.sync(() => told.take(event)))
            )
            const all = () => [watched.known.values(), told.known.values(), informer.store.values()]
            const write = (n: number) =>
              Effect.gen(function* () {
                const metadata = { name: "a", namespace }
                const written = yield* Effect.provideService(
                  ConfigMap.apply({ metadata, data: { n: String(n).padStart(4, "0") } }),
                  KubeClient,
                  writer
                )
                const is = shape(written)
                const agree = () => all().every((known) => shapes(known).join() === is)
                yield* eventually(agree).pipe(Effect.timeout("20 seconds"), Effect.ignore)
                for (const known of all()) assert.deepStrictEqual(shapes(known), [is], `after ${n} bytes`)
              })
            const two = eventually(() => open === 2)
            yield* write(0)
            yield* two
            const before = proxy.passed()
            yield* write(0.5)
            const bytes = (proxy.passed() - before) / 2
            assert.isAbove(bytes, 300)
            const versions = watched.count.Modified
            for (let after = 0; after <= bytes + 1; after++) {
              yield* two
              yield* proxy.arm({ after, how })
              yield* write(after)
            }
            // Each change once, and no list but the first two.
            assert.strictEqual(watched.count.Modified - versions, Math.floor(bytes + 1) + 1)
            assert.strictEqual(told.count.Modified, watched.count.Modified)
          }).pipe(Effect.provide(client))
        }).pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.Error)),
      { timeout: 300_000 }
    )
  }

  it.scoped(
    `of ${seeds} seeds makes no difference in the end`,
    () =>
      Effect.gen(function* () {
        const namespace = yield* e2e.freshNamespace
        yield* Effect.forEach(
          Array.from({ length: seeds }, (_, index) => firstSeed + index),
          (seed) => chaos(seed, namespace),
          { concurrency: 5, discard: true }
        )
        if (seeds >= 20) assert.includeMembers([...refused], [401, 403, 404, 429, 500, 503])
      }),
    { timeout: 60_000 + seeds * 5000 }
  )
})
