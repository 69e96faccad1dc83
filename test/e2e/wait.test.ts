import { assert, layer } from "@effect/vitest"
import { Effect, Either, Fiber, Schema, Stream } from "effect"
import {
  Condition,
  ConfigMap,
  CustomResourceDefinition,
  DaemonSet,
  Deployment,
  Job,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Pods,
  Resource,
  StatefulSet,
  type CoreV1
} from "effect-kubernetes"
import { evaluate, parse } from "../../src/internal/jsonpath.js"
import * as TestNode from "../cluster/Node.js"
import * as e2e from "../support/e2e.js"
import { container, idle } from "../support/pods.js"

const templateOf = (app: string, command: ReadonlyArray<string> = idle, image: string = TestNode.image) => ({
  metadata: { labels: { app } },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [container("main", command, { image })]
  } satisfies CoreV1.PodSpec
})

const workload = (app: string, replicas: number, image?: string) => ({
  metadata: { name: app },
  spec: { replicas, selector: { matchLabels: { app } }, template: templateOf(app, idle, image) }
})

const timeout = { timeout: "50 seconds" } as const

/** Whether kubectl says yes, too. */
const kubectlSays = (...args: ReadonlyArray<string>) => Effect.isSuccess(e2e.kubectl(...args))

layer(e2e.layer, e2e.live)("waiting", (it) => {
  it.scoped("a pod: ready, completed, failed, and what a crash loop says", () =>
    e2e.inFreshNamespace((namespace) =>
      Effect.gen(function* () {
        yield* e2e.podsAllowed
        const of = (name: string, command: ReadonlyArray<string>, restartPolicy: string) =>
          Pod.create({
            metadata: { name },
            spec: { restartPolicy, terminationGracePeriodSeconds: 0, containers: [container("main", command)] }
          })
        const waiting = yield* Effect.fork(Pod.waitFor("ok", Pod.ready, timeout))
        yield* of("ok", idle, "Never")
        yield* of("done", ["true"], "Never")
        yield* of("bad", ["sh", "-c", "exit 3"], "Never")
        yield* of("loop", ["sh", "-c", "exit 4"], "Always")
        assert.strictEqual((yield* Fiber.join(waiting)).metadata.name, "ok")
        assert.isTrue(yield* kubectlSays("wait", "-n", namespace, "pod/ok", "--for=condition=Ready", "--timeout=1s"))
        assert.strictEqual((yield* Pod.waitFor("done", Pod.completed, timeout)).status.phase, "Succeeded")
        for (const condition of [Pod.ready, Pod.completed]) {
          const error = yield* Effect.flip(Pod.waitFor("bad", condition, timeout))
          assert.strictEqual(error._tag, "WaitFailed")
          assert.include(error.message, "main: exit code 3 (Error)")
        }
        const crashing = Condition.jsonpath("{.status.containerStatuses[0].state.waiting.reason}=CrashLoopBackOff")
        yield* Pod.waitFor("loop", crashing, timeout)
        const late = yield* Effect.flip(Pod.waitFor("loop", Pod.ready, { timeout: "1 second" }))
        assert.strictEqual(late._tag, "TimeoutError")
        assert.match(late.message, /main: CrashLoopBackOff: .*exit code 4|main: exit code 4/)

        const found = yield* Pod.get("ok")
        yield* Pod.delete("ok")
        assert.isUndefined(yield* Pod.waitFor(found, Condition.deleted, timeout))
      })
    )
  )

  it.scoped("a Deployment: available, rolled out, and past its deadline, as kubectl rollout status says it", () =>
    e2e.inFreshNamespace((namespace) =>
      Effect.gen(function* () {
        yield* e2e.podsAllowed
        yield* Deployment.create(workload("web", 2))
        const seen = yield* Deployment.waitForStream("web", Deployment.rolledOut, timeout).pipe(Stream.runCollect)
        assert.isAbove(seen.length, 1)
        assert.isTrue(yield* kubectlSays("rollout", "status", "-n", namespace, "deploy/web", "--timeout=1s"))
        yield* Deployment.waitFor("web", Deployment.available, timeout)
        assert.strictEqual((yield* Pods.ready(Pods.of(Deployment, "web"))).metadata.namespace, namespace)
        assert.strictEqual((yield* Pod.waitForAll({ labels: { app: "web" } }, Pod.ready)).length, 2)

        // A rollout that hangs: the old pods are available, and the new ones never will be.
        yield* Deployment.patch("web", {
          _tag: "Merge",
          body: {
            spec: {
              progressDeadlineSeconds: 1,
              template: { spec: { containers: [container("main", idle, { image: "localhost/none:1" })] } }
            }
          }
        })
        const error = yield* Effect.flip(Deployment.waitFor("web", Deployment.rolledOut, timeout))
        assert.strictEqual(error._tag, "WaitFailed", error.message)
        assert.include(error.message, "ProgressDeadlineExceeded")
        assert.isFalse(yield* kubectlSays("rollout", "status", "-n", namespace, "deploy/web", "--timeout=5s"))
        yield* Deployment.waitFor("web", Deployment.available, timeout)
        assert.isTrue(
          yield* kubectlSays("wait", "-n", namespace, "deploy/web", "--for=condition=Available", "--timeout=1s")
        )

        // None of this one ever comes.
        yield* Deployment.create({
          ...workload("none", 1, "localhost/none:1"),
          spec: { ...workload("none", 1, "localhost/none:1").spec, progressDeadlineSeconds: 1 }
        })
        assert.strictEqual(
          (yield* Effect.flip(Deployment.waitFor("none", Deployment.available, timeout)))._tag,
          "WaitFailed"
        )
        // A new one of no replicas is done only when its controller has seen it.
        yield* Deployment.create(workload("empty", 0))
        const empty = yield* Deployment.waitFor("empty", Deployment.rolledOut, timeout)
        assert.strictEqual(empty.status.observedGeneration, 1)
      })
    )
  )

  it.scoped("a StatefulSet and a DaemonSet are rolled out", () =>
    e2e.inFreshNamespace((namespace) =>
      Effect.gen(function* () {
        yield* e2e.podsAllowed
        const { spec } = workload("db", 2)
        yield* StatefulSet.create({ metadata: { name: "db" }, spec: { ...spec, serviceName: "db" } })
        yield* DaemonSet.create({
          metadata: { name: "agent" },
          spec: { selector: { matchLabels: { app: "agent" } }, template: templateOf("agent") }
        })
        yield* StatefulSet.waitFor("db", StatefulSet.rolledOut, timeout)
        yield* DaemonSet.waitFor("agent", DaemonSet.rolledOut, timeout)
        for (const what of ["sts/db", "ds/agent"]) {
          assert.isTrue(yield* kubectlSays("rollout", "status", "-n", namespace, what, "--timeout=1s"), what)
        }
        // The pod of the name comes back as another object; the one that was got is gone.
        const before = yield* Pod.get("db-0")
        yield* Pod.delete("db-0")
        yield* Pod.waitFor(before, Condition.deleted, timeout)
        const after = yield* Pod.waitFor("db-0", Pod.ready, timeout)
        assert.notStrictEqual(after.metadata.uid, before.metadata.uid)
      })
    )
  )

  it.scoped("a Job: complete, or failed for good", () =>
    e2e.inFreshNamespace((namespace) =>
      Effect.gen(function* () {
        yield* e2e.podsAllowed
        const job = (name: string, command: ReadonlyArray<string>) =>
          Job.create({
            metadata: { name },
            spec: {
              backoffLimit: 0,
              template: { spec: { restartPolicy: "Never", containers: [container("main", command)] } }
            }
          })
        yield* job("good", ["true"])
        yield* job("bad", ["false"])
        yield* Job.waitFor("good", Job.complete, timeout)
        assert.isTrue(
          yield* kubectlSays("wait", "-n", namespace, "job/good", "--for=condition=Complete", "--timeout=1s")
        )
        const error = yield* Effect.flip(Job.waitFor("bad", Job.complete, timeout))
        assert.strictEqual(error._tag, "WaitFailed")
        assert.include(error.message, "BackoffLimitExceeded")
      })
    )
  )

  it.scoped("a claim is bound, a node ready, a kind established", () =>
    e2e.inFreshNamespace(() =>
      Effect.gen(function* () {
        const name = yield* e2e.randomName("volume")
        const common = { storageClassName: name, accessModes: ["ReadWriteOnce"] }
        yield* Effect.acquireRelease(
          PersistentVolume.create({
            metadata: { name },
            spec: { ...common, capacity: { storage: "1Mi" }, hostPath: { path: "/tmp/none" } }
          }),
          () => Effect.ignore(PersistentVolume.delete(name))
        )
        yield* PersistentVolumeClaim.create({
          metadata: { name: "data" },
          spec: { ...common, resources: { requests: { storage: "1Mi" } } }
        })
        const claim = yield* PersistentVolumeClaim.waitFor("data", PersistentVolumeClaim.bound, timeout)
        assert.strictEqual(claim.spec.volumeName, name)
        yield* Node.waitForAny({}, Node.ready, timeout)
        const { group, plural } = yield* e2e.freshWidget
        yield* CustomResourceDefinition.waitFor(`${plural}.${group}`, CustomResourceDefinition.established, timeout)
      })
    )
  )

  it.scoped("a namespace that a finalizer holds says what holds it, and is gone afterwards", () =>
    e2e.inFreshNamespace((namespace) =>
      Effect.gen(function* () {
        yield* ConfigMap.create({ metadata: { name: "held", finalizers: ["example.com/hold"] } })
        yield* Namespace.delete(namespace)
        yield* Namespace.waitFor(namespace, Condition.status("NamespaceFinalizersRemaining"), timeout)
        const late = yield* Effect.flip(Namespace.waitFor(namespace, Condition.deleted, { timeout: "1 second" }))
        assert.strictEqual(late._tag, "TimeoutError")
        assert.include(late.message, "example.com/hold")
        yield* ConfigMap.patch("held", { _tag: "Merge", body: { metadata: { finalizers: null } } })
        assert.isUndefined(yield* Namespace.waitFor(namespace, Condition.deleted, timeout))
      })
    )
  )

  it.scoped("a custom kind, by conditions that its controller writes", () =>
    e2e.inFreshNamespace((namespace) =>
      Effect.gen(function* () {
        const group = `${yield* e2e.randomName("e2e")}.example.com`
        const Backup = yield* e2e.installed(
          Resource.define({
            group,
            version: "v1",
            kind: "Backup",
            schema: Schema.Struct({ status: Schema.optional(Schema.Unknown) }),
            status: true
          }),
          {
            type: "object",
            properties: {
              spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
              status: { type: "object", "x-kubernetes-preserve-unknown-fields": true }
            }
          },
          { subresources: { status: {} } }
        )
        const { metadata } = yield* Backup.create({ metadata: { name: "a" } })
        const conditions = [{ type: "Ready", status: "True" }]
        const verdicts = (status: unknown) =>
          Effect.gen(function* () {
            yield* Backup.status.patch("a", { _tag: "Merge", body: { status } })
            const ours = yield* Effect.either(
              Backup.waitFor("a", Condition.status("ready", "true"), { timeout: "1 second" })
            )
            const theirs = yield* kubectlSays(
              "wait",
              "-n",
              namespace,
              `backups.${group}/a`,
              "--for=condition=ready",
              "--timeout=1s"
            )
            return [Either.isRight(ours), theirs]
          })
        assert.isDefined(metadata.generation)
        assert.deepStrictEqual(yield* verdicts({ conditions }), [true, true])
        assert.deepStrictEqual(yield* verdicts({ conditions, observedGeneration: 0 }), [false, false])
        assert.deepStrictEqual(yield* verdicts({ conditions: [{ ...conditions[0], observedGeneration: 1 }] }), [
          true,
          true
        ])
        assert.deepStrictEqual(yield* verdicts({ conditions: [{ type: "Ready", status: "False" }] }), [false, false])
      })
    )
  )

  it.effect("reads JSONPath as kubectl does", () =>
    Effect.gen(function* () {
      const object: unknown = JSON.parse(yield* e2e.kubectl("get", "svc", "kubernetes", "-n", "default", "-o", "json"))
      const show = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value))
      const paths = [
        [
          ".metadata.name",
          ".kind",
          ".missing",
          ".metadata.missing.more",
          ".spec.ports",
          ".spec.ports[0]",
          ".spec.ports[0].port"
        ],
        [
          ".spec.ports[-1].port",
          ".spec.ports[*].port",
          ".spec.ports[:].port",
          ".spec.ports[0:1].port",
          ".spec.ports[::2].name"
        ],
        [
          ".spec.ports[5]",
          ".spec.ports[0:5]",
          ".spec.ports[1:0]",
          ".spec.ports[0:0]",
          ".spec.ports[]",
          ".spec.ports[0:1:0]"
        ],
        [".spec.ports[0,0].port", ".spec.ports[0]['name','port']", ".spec.ports[*]['name','port']", ".spec.ports[-3]"],
        [
          ".metadata.labels.component",
          ".metadata['name']",
          "['metadata'].name",
          '.metadata["name"]',
          ".metadata['labels'].provider"
        ],
        [
          "$.metadata.name",
          "@.metadata.name",
          ".metadata .name",
          "..port",
          "..ports[0].port",
          "..labels.component",
          "....port",
          "..*"
        ],
        [
          ".spec.ports[?(@.port==443)].name",
          ".spec.ports[?(@.port>442)].name",
          ".spec.ports[?(@.port<443)].name",
          ".spec.ports[?(@.port<=443)].name"
        ],
        [
          ".spec.ports[?(@.port!=443)].name",
          '.spec.ports[?(@.name=="https")].port',
          ".spec.ports[?(@.name=='https')].port"
        ],
        [
          ".spec.ports[?(@.name==https)].port",
          ".spec.ports[?(@.name==true)].port",
          '.spec.ports[?(@.port=="443")].port'
        ],
        [
          ".spec.ports[?(@.missing)].port",
          ".spec.ports[?(@.name)].port",
          ".spec.ports[?(@.name=~'a')].port",
          ".spec.ports[?(@.missing==1)].port"
        ],
        [
          ".spec.ports[?(@.name>'a')].port",
          ".spec[?(@.name)]",
          ".spec[0]",
          ".spec.ports.name",
          ".spec.ports[x]",
          ".spec.ports[",
          ".metadata.name["
        ],
        [
          ".metadata.labels.a\\.b",
          ".spec.clusterIPs[0]",
          ".spec.clusterIPs[*]",
          ".spec.clusterIPs",
          "[0]",
          "metadata.name",
          ".spec.ports[?(@.port==443)"
        ],
        [
          ".spec.ports[?(@.port === 443)]",
          ".spec.ports[? (@.port)]",
          ".spec.ports[0].port.more",
          ".spec.sessionAffinity",
          ".spec.ports[0 ].port"
        ]
      ].flat()
      for (const path of paths) {
        const theirs = yield* Effect.either(
          e2e.kubectl("get", "svc", "kubernetes", "-n", "default", "-o", `jsonpath={${path}}`)
        )
        const ours = Either.map(
          Either.flatMap(parse(path), (steps) => evaluate(steps, object)),
          (values) => values.map(show).join(" ")
        )
        assert.deepStrictEqual(
          Either.getOrElse(ours, () => "an error"),
          Either.getOrElse(theirs, () => "an error"),
          path
        )
      }
    })
  )

  it.effect("takes the expressions of kubectl wait, and more of them", () =>
    Effect.gen(function* () {
      const service = yield* Resource.define({
        group: "",
        version: "v1",
        kind: "Service",
        schema: Schema.Struct({ spec: Schema.Unknown })
      }).get("kubernetes", { namespace: "default" })
      /** Met for both, or for neither; `ours` where kubectl fails and we do not. */
      const cases: ReadonlyArray<readonly [expression: string, met: boolean | "ours"]> = [
        ["{.spec.type}=ClusterIP", true],
        ["{.spec.type}='ClusterIP'", true],
        ['{.spec.type}="ClusterIP"', true],
        ["{.spec.type}=Other", false],
        ["{.spec.type}= ClusterIP ", true],
        ["{spec.type}=ClusterIP", true],
        ["spec.type=ClusterIP", true],
        [".spec.type=ClusterIP", true],
        ["{.spec.ports[0].port}=443", true],
        ["{.spec.ports[0].port}=44", false],
        ["{.spec.type}", true],
        ["{.spec.missing}", false],
        ["{.spec.ports}", true],
        ['{.spec.ports[?(@.name=="https")].port}=443', true],
        ['spec.ports[?(@.name=="https")].port=443', true],
        ["{.spec.type}==ClusterIP", "ours"],
        ["{$.spec.type}=ClusterIP", "ours"],
        ["{.spec.ports[*]['port','targetPort']}", "ours"],
        ["{.spec.type}=", false],
        ["{.spec.type", false],
        ["", false]
      ]
      for (const [expression, met] of cases) {
        const condition = Condition.jsonpath(expression)
        assert.strictEqual(
          condition.problem === undefined && Condition.isMet(condition, service),
          met !== false,
          expression
        )
        const theirs = yield* kubectlSays(
          "wait",
          "-n",
          "default",
          "svc/kubernetes",
          `--for=jsonpath=${expression}`,
          "--timeout=1s"
        )
        assert.strictEqual(theirs, met === true, expression)
      }
    })
  )
})
