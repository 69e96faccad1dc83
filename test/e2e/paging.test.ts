/** Large collections: at once, page by page, and when the server has forgotten the page's version. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it, layer } from "@effect/vitest"
import { Chunk, Context, Effect, Layer, Stream } from "effect"
import { ConfigMap, KubeClient, Namespace, NodeKubeClient } from "effect-kubernetes"
import * as Cluster from "../cluster/Cluster.js"
import * as e2e from "../support/e2e.js"

const labels = { test: "paging" }

const create = (count: number, prefix = "map") =>
  Effect.forEach(
    Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(4, "0")}`),
    (name) => ConfigMap.create({ metadata: { name, labels }, data: { name } }),
    { concurrency: 32, discard: true }
  )

const collected = <A extends { readonly metadata: { readonly name: string } }, E, R>(stream: Stream.Stream<A, E, R>) =>
  Effect.map(Stream.runCollect(stream), (items) => Chunk.toReadonlyArray(items).map(({ metadata }) => metadata.name))

/** The client that counts, next to the one of the tests. */
const counting = Effect.gen(function* () {
  const { client, sent } = e2e.recording()
  const service = Context.get(yield* Layer.build(client), KubeClient)
  return { sent, counted: Effect.provideService(KubeClient, service) }
})

const total = 5000

class Large extends Context.Tag("test/Large")<Large, string>() {
  /** A namespace with 5,000 ConfigMaps. */
  static readonly layer = Layer.scoped(
    Large,
    Effect.tap(e2e.freshNamespace, (namespace) => KubeClient.withNamespace(create(total), namespace))
  )
}

layer(Layer.provideMerge(Large.layer, e2e.layer), { excludeTestServices: true, timeout: "3 minutes" })(
  "5,000 ConfigMaps",
  (it) => {
    it.scoped("are listed at once", () =>
      Effect.gen(function* () {
        const namespace = yield* Large
        const { items, ...rest } = yield* ConfigMap.list({ namespace, labels })
        assert.strictEqual(items.length, total)
        assert.strictEqual(new Set(items.map(({ metadata }) => metadata.name)).size, total)
        assert.isUndefined(rest.continue)
      })
    )

    it.scoped("are streamed in pages of 500, each exactly once", () =>
      Effect.gen(function* () {
        const namespace = yield* Large
        const { counted, sent } = yield* counting
        const streamed = yield* counted(collected(ConfigMap.stream({ namespace, labels, limit: 500 })))
        assert.strictEqual(streamed.length, total)
        assert.strictEqual(new Set(streamed).size, total)
        assert.strictEqual(sent.length, 10)
        for (const { target } of sent) assert.include(target, "limit=500")
      })
    )

    it.scoped("are asked for page by page, only as far as they are read", () =>
      Effect.gen(function* () {
        const namespace = yield* Large
        const { counted, sent } = yield* counting
        const stream = ConfigMap.stream({ namespace, labels })
        const some = yield* counted(collected(Stream.take(stream, 10)))
        assert.strictEqual(some.length, 10)
        assert.strictEqual(sent.length, 1)
        const more = yield* counted(collected(Stream.take(stream, 501)))
        assert.strictEqual(more.length, 501)
        assert.strictEqual(sent.length, 3)
      })
    )

    it.scoped("are listed page by page from one state, whatever is written meanwhile", () =>
      Effect.gen(function* () {
        const namespace = yield* Large
        const first = yield* ConfigMap.list({ namespace, labels, limit: 2500 })
        assert.strictEqual(first.items.length, 2500)
        yield* ConfigMap.create({ metadata: { name: "zzz-late", labels, namespace } })
        const second = yield* ConfigMap.list({ namespace, labels, limit: 5000, continue: first.continue })
        assert.strictEqual(second.items.length, total - 2500)
        assert.strictEqual(second.resourceVersion, first.resourceVersion)
        yield* ConfigMap.delete({ name: "zzz-late", namespace })
      })
    )
  }
)

// etcd of a shared cluster must not be compacted, so this needs one of its own.
describe.skipIf(Boolean(process.env["E2E_KUBECONFIG"]))("a page whose version the server has forgotten", () => {
  it.scopedLive(
    "fails list with Expired, and stream goes on: no object twice, none missing that was there throughout",
    () =>
      Effect.gen(function* () {
        const cluster = yield* Cluster.make({ controllers: false })
        const config = e2e.configOf(cluster.kubeconfig)
        const forget = Effect.zipRight(cluster.compact, cluster.restartApiServer)

        yield* Effect.gen(function* () {
          yield* Namespace.create({ metadata: { name: "mine" } })
          yield* create(20, "map")

          const page = yield* ConfigMap.list({ limit: 5 })
          const { client, sent } = e2e.recording(config)
          // The version is forgotten in the middle of the stream, while objects come and go.
          const streamed = yield* ConfigMap.stream({ limit: 5 }).pipe(
            Stream.tap(({ metadata }) =>
              metadata.name === "map-0004"
                ? Effect.all([
                    ConfigMap.create({ metadata: { name: "map-0007-new" } }),
                    ConfigMap.delete("map-0001"),
                    ConfigMap.delete("map-0012"),
                    forget
                  ])
                : Effect.void
            ),
            collected,
            Effect.provide(client)
          )

          assert.strictEqual(new Set(streamed).size, streamed.length)
          const throughout = Array.from({ length: 20 }, (_, index) => `map-${String(index).padStart(4, "0")}`).filter(
            (name) => name !== "map-0001" && name !== "map-0012"
          )
          assert.includeMembers(streamed, throughout)
          // What came meanwhile is seen in the state that the stream went on with.
          assert.include(streamed, "map-0007-new")
          assert.notInclude(streamed, "map-0012")
          assert.isAbove(sent.filter(({ target }) => target.includes("continue=")).length, 3)

          const error = yield* Effect.flip(ConfigMap.list({ limit: 5, continue: page.continue }))
          assert(error._tag === "Expired")
          assert.strictEqual(error.code, 410)
          const next = error.status.metadata?.continue
          assert.isString(next)
          const rest = yield* ConfigMap.list({ limit: 5, continue: next })
          assert.strictEqual(rest.items[0]?.metadata.name, "map-0005")
        }).pipe(KubeClient.withNamespace("mine"), Effect.provide(NodeKubeClient.fromConfig(config)))
      }).pipe(Effect.provide(NodeContext.layer)),
    { timeout: 240_000 }
  )
})
