/** What runs in the cluster: controllers, on the clock of the test. */
import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Fiber, Option, TestClock } from "effect"
import { ConfigMap, Deployment, Job, Namespace, Patch, Pod, ReplicaSet, type MetaV1 } from "effect-kubernetes"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"

const owned = (
  name: string,
  owner: { readonly metadata: { readonly uid: string; readonly name: string } },
  block = false
) => ({
  metadata: {
    name,
    ownerReferences: [
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        name: owner.metadata.name,
        uid: owner.metadata.uid,
        blockOwnerDeletion: block
      }
    ] satisfies ReadonlyArray<MetaV1.OwnerReference>
  }
})

const names = Effect.map(ConfigMap.list(), ({ items }) =>
  items.map(({ metadata }) => metadata.name).filter((name) => name !== "kube-root-ca.crt")
)

const settled = Effect.flatMap(TestCluster, (cluster) => cluster.settled)

describe("garbage collection", () => {
  it.effect("in the background: dependents go after their owner, and theirs after them", () =>
    Effect.gen(function* () {
      const a = yield* ConfigMap.create({ metadata: { name: "a" } })
      const b = yield* ConfigMap.create(owned("b", a))
      yield* ConfigMap.create(owned("c", b))
      yield* settled
      assert.deepStrictEqual(yield* names, ["a", "b", "c"])
      yield* ConfigMap.delete("a")
      yield* settled
      assert.deepStrictEqual(yield* names, [])
    }).pipe(Effect.provide(TestCluster.layer()))
  )

  it.effect("in the foreground: an owner waits for the dependents that block it, and only for them", () =>
    Effect.gen(function* () {
      const a = yield* ConfigMap.create({ metadata: { name: "a" } })
      const held = (name: string, block: boolean) => {
        const { metadata } = owned(name, a, block)
        return { metadata: { ...metadata, finalizers: ["example.com/hold"] } }
      }
      yield* ConfigMap.create(held("blocks", true))
      yield* ConfigMap.create(held("follows", false))
      yield* ConfigMap.delete("a", { propagationPolicy: "Foreground" })
      yield* settled
      const waiting = yield* ConfigMap.get("a")
      assert.deepStrictEqual(waiting.metadata.finalizers, ["foregroundDeletion"])
      assert.isDefined((yield* ConfigMap.get("blocks")).metadata.deletionTimestamp)
      yield* ConfigMap.patch("blocks", Patch.merge({ metadata: { finalizers: null } }))
      yield* settled
      assert.deepStrictEqual(yield* names, ["follows"])
    }).pipe(Effect.provide(TestCluster.layer()))
  )

  it.effect("orphans: dependents stay, without the reference", () =>
    Effect.gen(function* () {
      const a = yield* ConfigMap.create({ metadata: { name: "a" } })
      yield* ConfigMap.create(owned("b", a))
      yield* ConfigMap.delete("a", { propagationPolicy: "Orphan" })
      yield* settled
      assert.deepStrictEqual(yield* names, ["b"])
      assert.isUndefined((yield* ConfigMap.get("b")).metadata.ownerReferences)
    }).pipe(Effect.provide(TestCluster.layer()))
  )

  it.effect("an object with another owner loses only the reference", () =>
    Effect.gen(function* () {
      const a = yield* ConfigMap.create({ metadata: { name: "a" } })
      const b = yield* ConfigMap.create({ metadata: { name: "b" } })
      const references = [...owned("c", a).metadata.ownerReferences, ...owned("c", b).metadata.ownerReferences]
      yield* ConfigMap.create({ metadata: { name: "c", ownerReferences: references } })
      yield* ConfigMap.delete("a")
      yield* settled
      const c = yield* ConfigMap.get("c")
      assert.deepStrictEqual(
        c.metadata.ownerReferences?.map(({ name }) => name),
        ["b"]
      )
    }).pipe(Effect.provide(TestCluster.layer()))
  )

  it.effect("can be off", () =>
    Effect.gen(function* () {
      const a = yield* ConfigMap.create({ metadata: { name: "a" } })
      yield* ConfigMap.create(owned("b", a))
      yield* ConfigMap.delete("a")
      yield* settled
      assert.deepStrictEqual(yield* names, ["b"])
    }).pipe(Effect.provide(TestCluster.layer({ controllers: ["namespace"] })))
  )
})

describe("namespaces", () => {
  it.effect("go with all that is in them", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster
      yield* Namespace.create({ metadata: { name: "team" } })
      yield* ConfigMap.create({ metadata: { name: "a" } }, { namespace: "team" })
      yield* Namespace.delete("team")
      yield* settled
      assert.isFalse(yield* Namespace.exists("team"))
      assert.isTrue(Option.isNone(yield* cluster.get(ConfigMap, { name: "a", namespace: "team" })))
    }).pipe(Effect.provide(TestCluster.layer()))
  )

  it.effect("say what holds them, and go as soon as nothing does", () =>
    Effect.gen(function* () {
      yield* Namespace.create({ metadata: { name: "team" } })
      yield* ConfigMap.create({ metadata: { name: "a", finalizers: ["example.com/hold"] } }, { namespace: "team" })
      yield* Namespace.delete("team")
      yield* settled
      const { conditions = [], phase } = (yield* Namespace.get("team")).status
      assert.strictEqual(phase, "Terminating")
      assert.deepStrictEqual(
        conditions.filter(({ status }) => status === "True").map(({ message, type }) => [type, message]),
        [
          ["NamespaceContentRemaining", "Some resources are remaining: configmaps. has 1 resource instances"],
          [
            "NamespaceFinalizersRemaining",
            "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
          ]
        ]
      )
      yield* ConfigMap.patch("a", Patch.merge({ metadata: { finalizers: null } }), { namespace: "team" })
      yield* settled
      assert.isFalse(yield* Namespace.exists("team"))
    }).pipe(Effect.provide(TestCluster.layer()))
  )
})

const web = (image: string, replicas: number) => ({
  metadata: { name: "web" },
  spec: {
    replicas,
    progressDeadlineSeconds: 60,
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "app", image }] } }
  }
})

const images = Effect.map(Pod.list(), ({ items }) => items.map(({ spec }) => spec.containers[0]?.image).toSorted())

// Many writes, each of which is checked like a request: more than five seconds on a busy machine.
vi.setConfig({ testTimeout: 30_000 })

describe("deployments", () => {
  it.effect("make their pods, scale, and roll out another image, revision by revision", () =>
    Effect.gen(function* () {
      yield* Deployment.create(web("app:1", 3))
      const first = yield* Deployment.waitFor("web", Deployment.rolledOut)
      assert.strictEqual(first.metadata.annotations?.["deployment.kubernetes.io/revision"], "1")
      assert.deepStrictEqual(yield* images, ["app:1", "app:1", "app:1"])
      yield* Deployment.patch("web", Patch.merge({ spec: { replicas: 1 } }))
      yield* Deployment.waitFor("web", Deployment.rolledOut)
      yield* settled
      assert.deepStrictEqual(yield* images, ["app:1"])
      yield* Deployment.patch("web", Patch.merge(web("app:2", 2)))
      const second = yield* Deployment.waitFor("web", Deployment.rolledOut)
      yield* settled
      assert.deepStrictEqual(yield* images, ["app:2", "app:2"])
      assert.strictEqual(second.metadata.annotations?.["deployment.kubernetes.io/revision"], "2")
      assert.deepStrictEqual(
        second.status.conditions?.map(({ reason, status, type }) => [type, status, reason]).toSorted(),
        [
          ["Available", "True", "MinimumReplicasAvailable"],
          ["Progressing", "True", "NewReplicaSetAvailable"]
        ]
      )
      assert.deepStrictEqual((yield* ReplicaSet.list()).items.map(({ spec }) => spec?.replicas).toSorted(), [0, 2])
      yield* Deployment.delete("web")
      yield* settled
      assert.deepStrictEqual(yield* images, [])
    }).pipe(Effect.provide(TestCluster.layer({ nodes: 2 })))
  )

  it.effect("never have fewer pods than they may while they roll, and fail at their deadline", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster
      yield* Deployment.create(web("app:1", 4))
      yield* Deployment.waitFor("web", Deployment.rolledOut)
      yield* cluster.container({ image: "app:2" }, { ready: false })
      yield* Deployment.patch("web", Patch.merge(web("app:2", 4)))
      yield* settled
      // 25% more, and 25% fewer.
      assert.deepStrictEqual(yield* images, ["app:1", "app:1", "app:1", "app:2", "app:2"])
      const waiting = yield* Effect.fork(Effect.flip(Deployment.waitFor("web", Deployment.rolledOut)))
      yield* TestClock.adjust("61 seconds")
      assert.include((yield* Fiber.join(waiting)).message, "ProgressDeadlineExceeded")
    }).pipe(Effect.provide(TestCluster.layer({ nodes: 1 })))
  )
})

const work = (name: string, spec = {}) => ({
  metadata: { name },
  spec: {
    template: { spec: { restartPolicy: "Never", containers: [{ name: "work", image: name }] } },
    ...spec
  }
})

describe("jobs", () => {
  it.effect("complete when enough pods have succeeded", () =>
    Effect.gen(function* () {
      yield* Job.create(work("good", { completions: 3, parallelism: 2 }))
      const { status } = yield* Job.waitFor("good", Job.complete)
      assert.strictEqual(status.succeeded, 3)
      assert.deepStrictEqual(
        status.conditions?.map(({ reason, type }) => [type, reason]),
        [
          ["SuccessCriteriaMet", "CompletionsReached"],
          ["Complete", "CompletionsReached"]
        ]
      )
      yield* Job.delete("good", { propagationPolicy: "Background" })
      yield* settled
      assert.deepStrictEqual((yield* Pod.list()).items, [])
    }).pipe(Effect.provide(TestCluster.layer({ nodes: 1 })))
  )

  it.effect("fail when too many have failed, with a growing pause between them", () =>
    Effect.gen(function* () {
      yield* Job.create(work("bad", { backoffLimit: 2 }))
      const waiting = yield* Effect.fork(Effect.flip(Job.waitFor("bad", Job.complete)))
      yield* settled
      assert.strictEqual((yield* Job.get("bad")).status.failed, 1)
      yield* TestClock.adjust("10 seconds")
      yield* settled
      assert.strictEqual((yield* Job.get("bad")).status.failed, 2)
      yield* TestClock.adjust("20 seconds")
      assert.include((yield* Fiber.join(waiting)).message, "BackoffLimitExceeded")
    }).pipe(
      Effect.provide(
        TestCluster.layer({ nodes: 1, containers: [TestCluster.container("work", { run: Effect.succeed(1) })] })
      )
    )
  )
})
