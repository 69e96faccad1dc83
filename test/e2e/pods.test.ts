/** What stands for pods, on a real cluster with its controllers and a kubelet. */
import { assert, describe, inject, layer } from "@effect/vitest"
import { Effect, Fiber, Stream, type Scope } from "effect"
import {
  DaemonSet,
  Deployment,
  Job,
  Pod,
  Pods,
  ReplicaSet,
  ReplicationController,
  Selector,
  Service,
  StatefulSet,
  type CoreV1,
  type KubeClient,
  type KubeError
} from "effect-kubernetes"
import * as e2e from "../support/e2e.js"
import * as pods from "../support/pods.js"

const idle = pods.container("main", pods.idle)

const template = (app: string): CoreV1.PodTemplateSpec => ({
  metadata: { labels: { app } },
  spec: { terminationGracePeriodSeconds: 0, containers: [idle] }
})

const namesOf = (selected: Pods.Pods) =>
  Effect.map(Pods.list(selected), (found) => found.map(({ metadata }) => metadata.name).toSorted())

describe.skipIf(!inject("node"))("the pods of", () => {
  layer(
    e2e.layer,
    e2e.live
  )((it) => {
    const test = <A, E>(
      name: string,
      body: (namespace: string) => Effect.Effect<A, E, KubeClient | Scope.Scope>,
      timeout?: number
    ) =>
      it.scoped(
        name,
        () => e2e.inFreshNamespace((namespace) => Effect.zipRight(e2e.podsAllowed, body(namespace))),
        timeout
      )

    test(
      "each kind that selects some are its own, and one of them becomes ready",
      () =>
        Effect.gen(function* () {
          const spec = (app: string) => ({ selector: { matchLabels: { app } }, template: template(app) })
          const metadata = { name: "web" }
          yield* Deployment.create({ metadata, spec: { ...spec("deployment"), replicas: 2 } })
          yield* ReplicaSet.create({ metadata, spec: { ...spec("replicaset"), replicas: 1 } })
          yield* StatefulSet.create({
            metadata,
            spec: { ...spec("statefulset"), replicas: 1, serviceName: "web" }
          })
          yield* DaemonSet.create({ metadata, spec: spec("daemonset") })
          yield* ReplicationController.create({
            metadata,
            spec: { replicas: 1, selector: { app: "controller" }, template: template("controller") }
          })
          // Its selector is the job controller's.
          const { spec: ofPod } = template("job")
          yield* Job.create({
            metadata,
            spec: { template: { spec: { ...ofPod, restartPolicy: "Never", containers: [idle] } } }
          })
          yield* Service.create({ metadata, spec: { selector: { app: "deployment" }, ports: [{ port: 80 }] } })
          const kinds = {
            Deployment,
            ReplicaSet,
            StatefulSet,
            DaemonSet,
            ReplicationController,
            Job
          }
          for (const [kind, resource] of Object.entries(kinds)) {
            const own = Pods.of(resource, "web")
            const ready = yield* Pods.ready(own, { timeout: "50 seconds" })
            assert.isTrue(Pods.isReady(ready), kind)
            // A Deployment's pods belong to its ReplicaSet.
            assert.match(ready.metadata.name, /^web-/)
            const found = yield* Pods.list(own)
            assert.strictEqual(found.length, kind === "Deployment" ? 2 : 1, kind)
            const owner = kind === "Deployment" ? "ReplicaSet" : kind
            for (const { metadata } of found) assert.strictEqual(metadata.ownerReferences?.[0]?.kind, owner)
          }
          assert.deepStrictEqual(yield* namesOf(Pods.of(Service, "web")), yield* namesOf(Pods.of(Deployment, "web")))
          // What a pod is asked for, one of a workload can be asked for.
          const { metadata: one } = yield* Pods.ready(Pods.of(Deployment, "web"))
          assert.strictEqual((yield* Pod.exec(one.name, ["hostname"])).stdout, `${one.name}\n`)
        }),
      120_000
    )

    test("a selector are those that match, in one namespace or in all", (namespace) =>
      Effect.gen(function* () {
        const app = yield* e2e.randomName("app")
        yield* Effect.forEach(["a", "b", "c"], (tier) => Pod.create(e2e.pendingPod(`pod-${tier}`, { app, tier })))
        const ab = { app, tier: Selector.in(["a", "b"]) }
        assert.deepStrictEqual(yield* namesOf(Pods.select({ labels: ab, namespace })), ["pod-a", "pod-b"])
        assert.deepStrictEqual(yield* namesOf(Pods.select({ labels: ab, allNamespaces: true })), ["pod-a", "pod-b"])
        assert.deepStrictEqual(yield* namesOf(Pods.select({ labels: ab, namespace: "default" })), [])
        const fields = { "metadata.name": "pod-c" }
        assert.deepStrictEqual(yield* namesOf(Pods.select({ fields })), ["pod-c"])
        // As a Deployment would select them, with an expression.
        const { metadata } = yield* Deployment.create({
          metadata: { name: "none" },
          spec: {
            replicas: 0,
            selector: { matchExpressions: [{ key: "app", operator: "In", values: [app] }] },
            template: template(app)
          }
        })
        assert.deepStrictEqual(yield* namesOf(Pods.of(Deployment, metadata)), ["pod-a", "pod-b", "pod-c"])
        const { object, selection } = yield* Pods.resolve(Pods.of(Deployment, "none", { namespace }))
        assert.strictEqual(object?.kind, "Deployment")
        const watched = yield* Pod.watch(selection).pipe(
          Stream.takeUntil(({ _tag }) => _tag === "Synced"),
          Stream.runCount
        )
        assert.strictEqual(watched, 4)
      }))

    test("one that is ready is found, whichever way it is named", (namespace) =>
      Effect.gen(function* () {
        const box = yield* pods.start("box", [idle])
        const own = { kind: "Pod", metadata: { name: "box", namespace } }
        for (const ref of ["box", { name: "box", namespace }, own, box]) {
          assert.strictEqual((yield* Pods.ready(ref)).metadata.uid, box.metadata.uid)
          assert.deepStrictEqual(yield* namesOf(ref), ["box"])
        }
      }))

    test("which none is ready yet are waited for, and one that is going is none", () =>
      Effect.gen(function* () {
        const labels = { app: "web" }
        const select = Pods.select({ labels })
        const slow = pods.container("main", ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], {
          readinessProbe: { exec: { command: ["test", "-e", "/go"] }, periodSeconds: 1 }
        })
        const spec = { terminationGracePeriodSeconds: 10, containers: [slow] }
        yield* Pod.create({ metadata: { name: "web", labels }, spec })
        yield* e2e.until(Pod, "web", ({ status }) => status.containerStatuses?.[0]?.state?.running !== undefined)
        const late = yield* Effect.flip(Pods.ready(select, { timeout: "1500 millis" }))
        assert.strictEqual(late._tag, "TimeoutError")
        assert.include(late.message, "no Pod is ready")
        assert.isFalse(Pods.isReady(yield* Pod.get("web")))

        const waiting = yield* Effect.fork(Pods.ready(select))
        yield* Pod.exec("web", ["touch", "/go"])
        assert.strictEqual((yield* Fiber.join(waiting)).metadata.name, "web")
        yield* Pod.delete("web")
        const going = yield* Pod.get("web")
        // The kubelet says that it is ready until its containers have ended.
        assert.isTrue(pods.isReady(going))
        assert.isFalse(Pods.isReady(going))
        yield* Pod.delete("web", { gracePeriodSeconds: 0 })
      }))

    test("what is not there, has ended or selects nothing are an error", () =>
      Effect.gen(function* () {
        const failing = <A>(call: Effect.Effect<A, KubeError, KubeClient>) => Effect.flip(call)
        for (const missing of ["nothing", Pods.of(Deployment, "nothing"), Pods.of(Service, "nothing")]) {
          for (const call of [Pods.list(missing), Pods.ready(missing)]) {
            assert.strictEqual((yield* failing<unknown>(call))._tag, "NotFound")
          }
        }
        yield* pods.start("done", [pods.container("main", ["true"])], { until: pods.hasEnded })
        const ended = yield* failing(Pods.ready("done"))
        assert.strictEqual(ended._tag, "WaitFailed")
        assert.isFalse(Pods.isReady(yield* Pod.get("done")))

        yield* Service.create({
          metadata: { name: "away" },
          spec: { type: "ExternalName", externalName: "example.com" }
        })
        const none = yield* failing(Pods.list(Pods.of(Service, "away")))
        assert.strictEqual(none._tag, "InvalidRequest")
        assert.include(none.message, "has no selector")
        const other = yield* failing(Pods.list(yield* Service.get("away")))
        assert.include(other.message, 'Pods.of(Service, "away")')
      }))
  })
})
