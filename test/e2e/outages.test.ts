/** What a watch, an informer and a wait do when the API server goes away, forgets, or no longer takes their credentials. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, LogLevel, Option, Redacted, Ref, Stream, type Scope } from "effect"
import {
  Auth,
  ClusterRoleBinding,
  Condition,
  ConfigMap,
  Informer,
  KubeClient,
  Namespace,
  NodeKubeClient,
  Secret,
  ServiceAccount,
  type KubeConfig,
  type KubeError,
  type Stored
} from "effect-kubernetes"
import type { HttpRequest } from "effect-kubernetes/layers/Http"
import * as Cluster from "../cluster/Cluster.js"
import { behindProxy } from "../support/behindProxy.js"
import { most } from "../support/chaos.js"
import * as e2e from "../support/e2e.js"
import { strictly } from "../support/fold.js"

const namespace = "mine"
const put = (name: string, data: Record<string, string>) => ConfigMap.apply({ metadata: { name }, data })
const shapes = (objects: Iterable<Stored<ConfigMap>>) =>
  Array.from(objects, ({ data, metadata }) => [metadata.name, metadata.uid, metadata.resourceVersion, data]).toSorted()

/** A client, and when it sent what. */
const counting = (config: Layer.Layer<KubeConfig>, auth?: Layer.Layer<Auth>) => {
  const sent: Array<{ readonly at: number; readonly request: HttpRequest }> = []
  const note = (request: HttpRequest) => Effect.sync(() => void sent.push({ at: performance.now(), request }))
  const client = e2e.layerWithHttp(
    ({ request, stream }) => ({
      request: (wire) => Effect.zipRight(note(wire), request(wire)),
      stream: (wire) => Effect.zipRight(note(wire), stream(wire))
    }),
    config,
    auth
  )
  return { sent, client }
}

/** A watch and an informer; `agree` waits until both are what a fresh list of the writer is. */
const watching = (client: KubeClient["Type"], writer: KubeClient["Type"]) =>
  Effect.gen(function* () {
    const options = { namespace, limit: 2, timeoutSeconds: 60, idle: "90 seconds" } as const
    const watched = strictly<ConfigMap>()
    const told = strictly<ConfigMap>()
    const informer = yield* Informer.make(ConfigMap, options)
    const fibers = [
      yield* Effect.forkScoped(
        Stream.runForEach(ConfigMap.watch(options), (event) => Effect.sync(() => watched.take(event)))
      ),
      yield* Effect.forkScoped(Stream.runForEach(informer.changes, (event) => Effect.sync(() => told.take(event))))
    ]
    const agree: Effect.Effect<void, KubeError> = e2e.eventually(
      Effect.gen(function* () {
        for (const fiber of fibers) if (Option.isSome(yield* Fiber.poll(fiber))) yield* Fiber.join(fiber)
        const truth = JSON.stringify(shapes((yield* ConfigMap.list({ namespace })).items))
        return [watched.known.values(), told.known.values(), informer.store.values()].every(
          (known) => JSON.stringify(shapes(known)) === truth
        )
      }).pipe(Effect.provideService(KubeClient, writer))
    )
    return { agree, watched }
  }).pipe(Effect.provideService(KubeClient, client))

const isList = ({ request }: { readonly request: HttpRequest }) =>
  request.target.includes("/configmaps") && !request.target.includes("watch=true")

const own = process.env["E2E_KUBECONFIG"] ? " (skipped: the cluster of E2E_KUBECONFIG must not be disturbed)" : ""

describe.skipIf(own !== "")(`on a real API server of its own${own}`, () => {
  const test = (
    name: string,
    body: (
      cluster: Cluster.LocalCluster,
      config: Layer.Layer<KubeConfig>,
      writer: KubeClient["Type"]
    ) => Effect.Effect<void, unknown, Scope.Scope>
  ) =>
    it.scopedLive(
      name,
      () =>
        Effect.gen(function* () {
          const cluster = yield* Cluster.make({ controllers: false })
          const config = Layer.orDie(e2e.configOf(cluster.kubeconfig))
          const writer = yield* Effect.provide(KubeClient, yield* Layer.build(NodeKubeClient.fromConfig(config)))
          yield* Effect.provideService(Namespace.create({ metadata: { name: namespace } }), KubeClient, writer)
          yield* body(cluster, config, writer)
        }).pipe(Logger.withMinimumLogLevel(LogLevel.Warning), Effect.provide(NodeContext.layer)),
      { timeout: 240_000 }
    )

  test("a compaction of etcd and a restart during an outage: nothing is lost, and little asked", (cluster, config, writer) =>
    Effect.gen(function* () {
      const write = <A>(effect: Effect.Effect<A, KubeError, KubeClient>) =>
        effect.pipe(KubeClient.withNamespace(namespace), Effect.provideService(KubeClient, writer))
      let out = false
      const { config: behind, proxy } = yield* behindProxy(config, () => (out ? { after: 0, how: "reset" } : undefined))
      const { client, sent } = counting(behind)
      const service = yield* Effect.provide(KubeClient, yield* Layer.build(client))
      for (const name of ["a", "b", "c", "d", "e"]) yield* write(put(name, { n: "0" }))
      const { agree, watched } = yield* watching(service, writer)
      const isNew = Condition.make("new", (it: Stored<ConfigMap>) => it.data?.["n"] === "new")
      const waiting = yield* Effect.forkScoped(
        Effect.provideService(ConfigMap.waitFor("b", isNew, { namespace, timeout: "infinity" }), KubeClient, service)
      )
      yield* agree

      const began = sent.length
      out = true
      yield* proxy.cut
      yield* write(put("a", { n: "1" }))
      yield* write(ConfigMap.delete("c"))
      yield* write(ConfigMap.delete("d"))
      yield* write(put("d", { n: "another" }))
      yield* write(put("f", { n: "1" }))
      yield* cluster.compact
      yield* cluster.restartApiServer
      yield* write(put("g", { n: "1" }))
      yield* Effect.sleep("5 seconds")
      const during = sent.slice(began)
      assert.isAbove(during.length, 0)
      // Three programs. Each tries after about 0.5 s, 1 s, 2 s, ..., a half more or less, and its client a few times more.
      const seconds = (performance.now() - (during[0]?.at ?? 0)) / 1000
      assert.isAtMost(during.length, 3 * (12 + seconds / 5), `requests in ${seconds} s`)
      assert.isAtMost(
        most(
          during.map(({ at }) => at),
          1000
        ),
        3 * 4
      )
      assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
      assert.strictEqual(during.filter(isList).length, 0)

      out = false
      yield* agree
      // The version was forgotten: each had to list again, and tells what happened meanwhile all the same.
      const after = sent.slice(began + during.length)
      assert.isAtLeast(after.filter(isList).length, 2)
      assert.strictEqual(watched.count.Synced, 1)
      assert.strictEqual(watched.count.Deleted, 2)
      yield* write(put("b", { n: "new" }))
      assert.strictEqual((yield* Fiber.join(waiting)).data?.["n"], "new")
      yield* agree
    }))

  test("a restart under open watches: nothing is lost, and little asked", (cluster, config, writer) =>
    Effect.gen(function* () {
      const write = <A>(effect: Effect.Effect<A, KubeError, KubeClient>) =>
        effect.pipe(KubeClient.withNamespace(namespace), Effect.provideService(KubeClient, writer))
      const { client, sent } = counting(config)
      const service = yield* Effect.provide(KubeClient, yield* Layer.build(client))
      yield* write(put("a", { n: "0" }))
      const { agree } = yield* watching(service, writer)
      yield* agree
      for (const round of ["1", "2"]) {
        const began = sent.length
        const from = performance.now()
        yield* cluster.restartApiServer
        yield* write(put("a", { n: round }))
        yield* write(put(`b${round}`, { n: round }))
        yield* write(ConfigMap.delete(`b${round}`))
        yield* agree
        const seconds = (performance.now() - from) / 1000
        assert.isAtMost(sent.length - began, 2 * (14 + seconds / 5), `requests in ${seconds} s`)
      }
    }))

  /** Lets the service account `watcher` do everything. */
  const allow = ClusterRoleBinding.create({
    metadata: { name: "watcher" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    subjects: [{ kind: "ServiceAccount", name: "watcher", namespace }]
  })

  test("a role that is taken away and given back: nothing is lost, and little asked", (cluster, config, writer) =>
    Effect.gen(function* () {
      const write = <A>(effect: Effect.Effect<A, KubeError, KubeClient>) =>
        effect.pipe(KubeClient.withNamespace(namespace), Effect.provideService(KubeClient, writer))
      yield* write(ServiceAccount.create({ metadata: { name: "watcher" } }))
      yield* write(allow)
      const { token } = (yield* write(ServiceAccount.createToken("watcher"))).status
      const { config: behind, proxy } = yield* behindProxy(config, () => undefined)
      const { client, sent } = counting(behind, Auth.layerToken(Effect.succeed(Redacted.make(token))))
      const service = yield* Effect.provide(KubeClient, yield* Layer.build(client))
      yield* write(put("a", { n: "0" }))
      yield* write(put("b", { n: "0" }))
      const { agree, watched } = yield* watching(service, writer)
      yield* agree
      // A change that was not in the list: both watch, and what is refused before ends a watch.
      yield* write(put("a", { n: "listed" }))
      yield* agree

      yield* write(ClusterRoleBinding.delete("watcher"))
      const refused = ConfigMap.list().pipe(
        KubeClient.withNamespace(namespace),
        Effect.provideService(KubeClient, service)
      )
      yield* e2e.eventually(Effect.isFailure(refused))
      const began = sent.length
      yield* proxy.cut
      yield* write(put("a", { n: "1" }))
      yield* write(ConfigMap.delete("b"))
      yield* cluster.compact
      yield* cluster.restartApiServer
      yield* Effect.sleep("5 seconds")
      const during = sent.slice(began)
      assert.isAbove(during.length, 2)
      const seconds = (performance.now() - (during[0]?.at ?? 0)) / 1000
      assert.isAtMost(during.length, 2 * (12 + seconds / 5), `requests in ${seconds} s`)
      assert.strictEqual(watched.count.Deleted, 0)

      yield* write(allow)
      yield* agree
      assert.deepStrictEqual([watched.count.Synced, watched.count.Deleted], [1, 1])
    }))

  test("credentials that expire on the way: new ones are asked for, and nothing is lost", (_, config, writer) =>
    Effect.gen(function* () {
      const write = <A>(effect: Effect.Effect<A, KubeError, KubeClient>) =>
        effect.pipe(KubeClient.withNamespace(namespace), Effect.provideService(KubeClient, writer))
      yield* write(ServiceAccount.create({ metadata: { name: "watcher" } }))
      yield* write(allow)
      const issued = yield* Ref.make(0)
      /** A token is good as long as the secret that it is bound to is there. */
      const token = Effect.gen(function* () {
        const name = `bound-${yield* Ref.updateAndGet(issued, (count) => count + 1)}`
        yield* write(Secret.create({ metadata: { name } }))
        const boundObjectRef = { apiVersion: "v1", kind: "Secret", name }
        const { status } = yield* write(ServiceAccount.createToken("watcher", { boundObjectRef }))
        return Redacted.make(status.token)
      }).pipe(Effect.orDie)
      let cut = false
      const { config: behind, proxy } = yield* behindProxy(config, () => (cut ? { after: 0, how: "reset" } : undefined))
      const { client, sent } = counting(behind, Auth.layerToken(token))
      const service = yield* Effect.provide(KubeClient, yield* Layer.build(client))
      yield* write(put("a", { n: "0" }))
      const { agree, watched } = yield* watching(service, writer)
      yield* agree
      for (let round = 1; round <= 2; round++) {
        const before = yield* Ref.get(issued)
        yield* write(Secret.delete(`bound-${before}`))
        // The server goes by a verdict of before for ten seconds.
        yield* Effect.sleep("12 seconds")
        const began = sent.length
        cut = true
        yield* proxy.cut
        cut = false
        yield* write(put("a", { n: String(round) }))
        yield* agree
        // One new token for all that were refused.
        assert.strictEqual(yield* Ref.get(issued), before + 1)
        assert.isAtMost(sent.length - began, 12)
      }
      assert.strictEqual(watched.count.Synced, 1)
    }))
})
