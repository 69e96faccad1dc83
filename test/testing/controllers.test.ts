/** What runs in the cluster: controllers, on the clock of the test. */
import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Fiber, Option, TestClock } from "effect"
import {
  ConfigMap,
  CronJob,
  DaemonSet,
  Deployment,
  EndpointSlice,
  Job,
  Namespace,
  Node,
  Patch,
  Pod,
  ReplicaSet,
  Service,
  ServiceAccount,
  type MetaV1
} from "effect-kubernetes"
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

const daemon = (version: string) => ({
  metadata: { name: "agent" },
  spec: {
    selector: { matchLabels: { app: "agent" } },
    template: {
      metadata: { labels: { app: "agent" }, annotations: { version } },
      spec: { containers: [{ name: "app", image: "app:1" }] }
    }
  }
})

const versionsByNode = Effect.map(Pod.list({ labels: { app: "agent" } }), ({ items }) =>
  items.map(({ metadata, spec }) => `${spec.nodeName} ${metadata.annotations?.["version"]}`).toSorted()
)

describe("daemon sets", () => {
  it.effect("have a pod on every node that takes it, and on new ones", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster
      yield* DaemonSet.create(daemon("1"))
      yield* settled
      assert.deepStrictEqual(yield* versionsByNode, ["node-1 1", "node-2 1", "node-3 1"])
      yield* Node.patch("node-2", Patch.merge({ spec: { taints: [{ key: "full", effect: "NoSchedule" }] } }))
      yield* Node.patch("node-3", Patch.merge({ spec: { taints: [{ key: "broken", effect: "NoExecute" }] } }))
      yield* settled
      // Who is there already may stay, unless the taint says otherwise.
      assert.deepStrictEqual(yield* versionsByNode, ["node-1 1", "node-2 1"])
      const { status } = yield* DaemonSet.get("agent")
      assert.deepStrictEqual([status.desiredNumberScheduled, status.numberMisscheduled], [1, 1])
      yield* cluster.put({ apiVersion: "v1", kind: "Node", metadata: { name: "node-4" } })
      yield* settled
      assert.deepStrictEqual(yield* versionsByNode, ["node-1 1", "node-2 1", "node-4 1"])
    }).pipe(Effect.provide(TestCluster.layer({ nodes: 3 })))
  )

  it.effect("are updated one node after the other, and not further than the first that does not become ready", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster
      yield* DaemonSet.create(daemon("1"))
      yield* settled
      yield* cluster.container("app", { ready: true, start: "10 seconds" })
      yield* DaemonSet.patch("agent", Patch.merge(daemon("2")))
      yield* settled
      const old = (all: ReadonlyArray<string>) => all.filter((each) => each.endsWith("1")).length
      assert.strictEqual(old(yield* versionsByNode), 2)
      yield* TestClock.adjust("10 seconds")
      yield* settled
      assert.strictEqual(old(yield* versionsByNode), 1)
      yield* TestClock.adjust("20 seconds")
      yield* settled
      assert.deepStrictEqual(yield* versionsByNode, ["node-1 2", "node-2 2", "node-3 2"])
    }).pipe(Effect.provide(TestCluster.layer({ nodes: 3 })))
  )
})

const cron = (spec: object) => ({
  metadata: { name: "tick" },
  spec: {
    schedule: "*/10 * * * *",
    jobTemplate: {
      spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "work", image: "work:1" }] } } }
    },
    ...spec
  }
})

const jobNames = Effect.map(Job.list(), ({ items }) => items.map(({ metadata }) => metadata.name))

describe("cron jobs", () => {
  const running = { nodes: 1, containers: [TestCluster.container("work", { run: Effect.never })] }

  it.effect("make a job at each time of their schedule, and keep so many", () =>
    Effect.gen(function* () {
      yield* CronJob.create(cron({ successfulJobsHistoryLimit: 2 }))
      for (let times = 0; times < 4; times++) {
        yield* TestClock.adjust("10 minutes")
        yield* settled
      }
      assert.deepStrictEqual(yield* jobNames, ["tick-30", "tick-40"])
    }).pipe(Effect.provide(TestCluster.layer({ nodes: 1 })))
  )

  it.effect("forbid a job beside one that runs", () =>
    Effect.gen(function* () {
      yield* CronJob.create(cron({ concurrencyPolicy: "Forbid" }))
      yield* TestClock.adjust("35 minutes")
      yield* settled
      assert.deepStrictEqual(yield* jobNames, ["tick-10"])
    }).pipe(Effect.provide(TestCluster.layer(running)))
  )

  it.effect("replace the one that runs", () =>
    Effect.gen(function* () {
      yield* CronJob.create(cron({ concurrencyPolicy: "Replace" }))
      yield* TestClock.adjust("10 minutes")
      yield* settled
      yield* TestClock.adjust("10 minutes")
      yield* settled
      assert.deepStrictEqual(yield* jobNames, ["tick-20"])
    }).pipe(Effect.provide(TestCluster.layer(running)))
  )

  it.effect("do not begin what is too late, and only the last of what was missed", () =>
    Effect.gen(function* () {
      yield* CronJob.create(cron({ suspend: true, startingDeadlineSeconds: 60 }))
      yield* TestClock.adjust("35 minutes")
      yield* CronJob.patch("tick", Patch.merge({ spec: { suspend: false } }))
      yield* settled
      assert.deepStrictEqual(yield* jobNames, [])
      yield* CronJob.patch("tick", Patch.merge({ spec: { startingDeadlineSeconds: null } }))
      yield* settled
      assert.deepStrictEqual(yield* jobNames, ["tick-30"])
    }).pipe(Effect.provide(TestCluster.layer({ nodes: 1 })))
  )
})

describe("endpoints", () => {
  it.effect("go into slices of a hundred, and stay in theirs", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster
      yield* Service.create({ metadata: { name: "web" }, spec: { selector: { app: "web" }, ports: [{ port: 80 }] } })
      const pod = (index: number) => ({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: `web-${index}`, labels: { app: "web" } },
        spec: { containers: [{ name: "app", image: "app:1" }] },
        status: { phase: "Running", podIP: `10.1.0.${index}`, conditions: [{ type: "Ready", status: "True" }] }
      })
      yield* cluster.put(...Array.from({ length: 150 }, (_, index) => pod(index)))
      yield* settled
      const sizes = Effect.map(EndpointSlice.list({ labels: { "kubernetes.io/service-name": "web" } }), ({ items }) =>
        items.map(({ endpoints }) => endpoints?.length).toSorted()
      )
      assert.deepStrictEqual(yield* sizes, [100, 50])
      yield* cluster.remove(Pod, "web-0")
      yield* settled
      assert.deepStrictEqual((yield* sizes).toSorted(), [50, 99])
    }).pipe(Effect.provide(TestCluster.layer({ controllers: ["endpointslice"] })))
  )
})

describe("parts of the cluster", () => {
  it.effect("can be all but some", () =>
    Effect.gen(function* () {
      assert.isTrue(yield* ServiceAccount.exists("default"))
      assert.isFalse(yield* ConfigMap.exists("kube-root-ca.crt"))
      const { spec } = yield* Pod.create({
        metadata: { name: "web" },
        spec: { containers: [{ name: "a", image: "b" }] }
      })
      assert.isUndefined(spec.serviceAccountName)
      assert.strictEqual(spec.priority, 0)
    }).pipe(
      Effect.provide(
        TestCluster.layer({ controllers: ["*", "-root-ca-cert-publisher"], admission: ["-ServiceAccount", "*"] })
      )
    )
  )

  it.effect("a namespace has its account at once, and gets it back", () =>
    Effect.gen(function* () {
      yield* Namespace.create({ metadata: { name: "team" } })
      const { spec } = yield* Pod.create(
        { metadata: { name: "web" }, spec: { containers: [{ name: "a", image: "b" }] } },
        { namespace: "team" }
      )
      assert.strictEqual(spec.serviceAccountName, "default")
      yield* settled
      yield* ServiceAccount.delete("default", { namespace: "team" })
      yield* settled
      assert.isTrue(yield* ServiceAccount.exists("default", { namespace: "team" }))
    }).pipe(Effect.provide(TestCluster.layer()))
  )
})
