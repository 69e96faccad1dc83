import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, TestClock } from "effect"
import {
  DaemonSet,
  Deployment,
  Job,
  Pods,
  ReplicaSet,
  ReplicationController,
  Selector,
  Service,
  StatefulSet,
  type KubeClient,
  type KubeError
} from "effect-kubernetes"
import { queryOf, pod as basePod } from "./layers/fake.js"
import { scripted, type Answer } from "./support/scripted.js"

const metadata = (name: string, more: object = {}) => ({
  name,
  namespace: "team",
  uid: `uid-${name}`,
  resourceVersion: "1",
  creationTimestamp: "2026-01-01T00:00:00Z",
  ...more
})

const pod = (name: string, ready: boolean, more: { status?: object; metadata?: object } = {}) =>
  basePod(name, {
    metadata: metadata(name, more.metadata),
    status: {
      phase: "Running",
      conditions: [{ type: "Ready", status: ready ? "True" : "False", reason: ready ? "" : "ContainersNotReady" }],
      ...more.status
    }
  })

const ended = (name: string) => pod(name, false, { status: { phase: "Succeeded" } })

const template = { metadata: { labels: { app: "web" } }, spec: { containers: [] } }

const workload = (kind: string, apiVersion: string, spec: object) => ({
  apiVersion,
  kind,
  metadata: metadata("web"),
  // What each of the kinds requires beside its selector.
  spec: { strategy: {}, updateStrategy: {}, replicas: 1, ...spec },
  status: {
    replicas: 0,
    currentNumberScheduled: 0,
    desiredNumberScheduled: 0,
    numberMisscheduled: 0,
    numberReady: 0,
    loadBalancer: {}
  }
})

const deployment = workload("Deployment", "apps/v1", { selector: { matchLabels: { app: "web" } }, template })

/** Runs it for a minute. */
const run = <A>(answers: ReadonlyArray<Answer>, effect: Effect.Effect<A, KubeError, KubeClient>) =>
  Effect.gen(function* () {
    const { client, ...rest } = scripted(answers)
    const fiber = yield* Effect.fork(Effect.either(Effect.provide(effect, client)))
    yield* TestClock.adjust("1 minute")
    const exit = yield* Fiber.interrupt(fiber)
    const result = Exit.isSuccess(exit) ? exit.value : undefined
    if (result?._tag === "Left" && result.left._tag === "DecodeError") return yield* result.left
    return {
      value: result?._tag === "Right" ? result.right : undefined,
      error: result?._tag === "Left" ? result.left : undefined,
      ...rest
    }
  })

describe("the pods of a workload", () => {
  const byLabels = { selector: { matchLabels: { app: "web" } }, template }
  const kinds: ReadonlyArray<readonly [kind: string, version: string, spec: object, resource: Pods.Workload]> = [
    ["Deployment", "apps/v1", byLabels, Deployment],
    ["ReplicaSet", "apps/v1", byLabels, ReplicaSet],
    ["StatefulSet", "apps/v1", { ...byLabels, serviceName: "web" }, StatefulSet],
    ["DaemonSet", "apps/v1", byLabels, DaemonSet],
    ["Job", "batch/v1", byLabels, Job],
    ["ReplicationController", "v1", { selector: { app: "web" }, template }, ReplicationController],
    ["Service", "v1", { selector: { app: "web" } }, Service]
  ]
  for (const [kind, version, spec, resource] of kinds) {
    it.effect(`of a ${kind} are those that it selects, in its namespace`, () =>
      Effect.gen(function* () {
        const { sent, value } = yield* run(
          [{ object: workload(kind, version, spec) }, { items: [pod("a", true)] }],
          Pods.list(Pods.of(resource, "web"))
        )
        assert.deepStrictEqual(
          value?.map((each) => each.metadata.name),
          ["a"]
        )
        assert.deepInclude(queryOf(sent[1]), ["labelSelector", "app=web"])
        assert.include(sent[1]?.target, "/api/v1/namespaces/team/pods?")
      })
    )
  }

  it.effect("with expressions, too", () =>
    Effect.gen(function* () {
      const selector = { matchExpressions: [{ key: "tier", operator: "In", values: ["a", "b"] }] }
      const { sent } = yield* run(
        [{ object: workload("Deployment", "apps/v1", { selector, template }) }, { items: [] }],
        Pods.list(Pods.of(Deployment, "web"))
      )
      assert.deepInclude(queryOf(sent[1]), ["labelSelector", "tier in (a,b)"])
    })
  )

  it.effect("without a selector there are none, and not all of the namespace", () =>
    Effect.gen(function* () {
      for (const [kind, version, spec, resource] of [
        ["Service", "v1", { externalName: "example.com" }, Service],
        ["Service", "v1", { selector: {} }, Service],
        ["Deployment", "apps/v1", { selector: {}, template }, Deployment],
        ["Deployment", "apps/v1", { selector: { matchLabels: {}, matchExpressions: [] }, template }, Deployment]
      ] as const) {
        for (const ask of [
          Effect.asVoid(Pods.list(Pods.of(resource, "web"))),
          Effect.asVoid(Pods.ready(Pods.of(resource, "web")))
        ]) {
          const { error, sent } = yield* run([{ object: workload(kind, version, spec) }], ask)
          assert.strictEqual(error?._tag, "InvalidRequest")
          assert.strictEqual(error?.message, `${kind} "web" has no selector, so it stands for no pods`)
          assert.strictEqual(sent.length, 1)
        }
      }
    })
  )

  it.effect("a reference to another kind is refused, with what to write instead", () =>
    Effect.gen(function* () {
      const web = { kind: "Deployment", metadata: { name: "web", namespace: "team" } }
      for (const ask of [
        Effect.asVoid(Pods.list(web)),
        Effect.asVoid(Pods.ready(web)),
        Effect.asVoid(Pods.resolve(web))
      ]) {
        const { error, sent } = yield* run([], ask)
        assert.strictEqual(error?.message, 'Deployment "web" is no pod; give its pods as Pods.of(Deployment, "web")')
        assert.strictEqual(sent.length, 0)
      }
    })
  )

  it.effect("a selection is passed on as it is", () =>
    Effect.gen(function* () {
      const selection = { labels: { app: Selector.in(["a", "b"]) }, namespace: "other" }
      const { sent } = yield* run([{ items: [] }], Pods.list(Pods.select(selection)))
      assert.deepInclude(queryOf(sent[0]), ["labelSelector", "app in (a,b)"])
      assert.include(sent[0]?.target, "/namespaces/other/")
    })
  )
})

describe("Pods.ready", () => {
  it.effect("takes pods that nobody has seen yet, without conditions, for not ready", () =>
    Effect.gen(function* () {
      const blank = [
        basePod("a", { metadata: metadata("a"), status: {} }),
        basePod("b", { metadata: metadata("b"), status: { phase: "Pending", conditions: null } }),
        basePod("c", { metadata: metadata("c"), status: { phase: "Pending", conditions: [] } })
      ]
      const { value } = yield* run(
        [{ items: blank }, { events: [[100, "MODIFIED", pod("b", true, { metadata: { resourceVersion: "20" } })]] }],
        Pods.ready(Pods.select({}))
      )
      assert.strictEqual(value?.metadata.name, "b")
    })
  )

  it.effect("returns the one pod that is ready", () =>
    Effect.gen(function* () {
      const { value } = yield* run([{ object: pod("a", true) }, { items: [pod("a", true)] }], Pods.ready("a"))
      assert.strictEqual(value?.metadata.name, "a")
    })
  )

  it.effect("waits for the one pod", () =>
    Effect.gen(function* () {
      const { value } = yield* run(
        [
          { object: pod("a", false) },
          { items: [pod("a", false)] },
          { events: [[10, "MODIFIED", pod("a", true, { metadata: { resourceVersion: "2" } })]] }
        ],
        Pods.ready("a")
      )
      assert.isDefined(value)
    })
  )

  it.effect("fails at once with NotFound for a pod or a workload that is not there", () =>
    Effect.gen(function* () {
      for (const pods of ["a", Pods.of(Deployment, "web")]) {
        const { error } = yield* run([{ code: 404, reason: "NotFound" }], Pods.ready(pods))
        assert.strictEqual(error?._tag, "NotFound")
      }
    })
  )

  it.effect("fails with WaitFailed when the one pod has ended, or is deleted or replaced meanwhile", () =>
    Effect.gen(function* () {
      const before: Answer = { object: pod("a", false) }
      const over: ReadonlyArray<readonly [ReadonlyArray<Answer>, string]> = [
        [[{ object: ended("a") }, { items: [ended("a")] }], "the pod has ended with Succeeded"],
        [[before, { items: [] }], "it was deleted"],
        [[before, { items: [pod("a", true, { metadata: { uid: "other" } })] }], "it was deleted"],
        [[before, { items: [pod("a", false)] }, { events: [[10, "DELETED", pod("a", false)]] }], "it was deleted"]
      ]
      for (const [answers, why] of over) {
        const { error } = yield* run(answers, Pods.ready("a"))
        assert.strictEqual(error?._tag, "WaitFailed")
        assert.strictEqual(error?.message, `Pod "a" will not be ready: ${why}`)
      }
    })
  )

  it.effect("of several takes the first that is ready and not being deleted", () =>
    Effect.gen(function* () {
      const going = pod("a", true, { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } })
      const { value } = yield* run(
        [
          { object: deployment },
          { items: [going, ended("b")] },
          {
            events: [
              [10, "DELETED", going],
              [10, "ADDED", pod("c", false)],
              [10, "MODIFIED", pod("c", true, { metadata: { resourceVersion: "2" } })]
            ]
          }
        ],
        Pods.ready(Pods.of(Deployment, "web"))
      )
      assert.strictEqual(value?.metadata.name, "c")
    })
  )

  it.effect("goes on when the server ends the watch", () =>
    Effect.gen(function* () {
      const { value } = yield* run(
        [
          { object: deployment },
          { items: [] },
          { events: [[5000, "ADDED", pod("c", false)]], after: "end" },
          { events: [[5000, "MODIFIED", pod("c", true, { metadata: { resourceVersion: "20" } })]] }
        ],
        Pods.ready(Pods.of(Deployment, "web"))
      )
      assert.isDefined(value)
    })
  )

  it.effect("the time limit is for the whole, and its message says how the pods were", () =>
    Effect.gen(function* () {
      const stuck = pod("a", false, {
        status: {
          phase: "Pending",
          containerStatuses: [
            {
              name: "main",
              image: "x",
              imageID: "",
              ready: false,
              restartCount: 0,
              lastState: {},
              state: { waiting: { reason: "ImagePullBackOff", message: "Back-off pulling image" } }
            }
          ]
        }
      })
      const timeout = { timeout: "3 seconds" } as const
      const state = "the pod is Pending: main: ImagePullBackOff: Back-off pulling image"
      const of = Pods.of(Deployment, "web")
      const several = yield* run([{ object: deployment }, { items: [stuck] }, { events: [] }], Pods.ready(of, timeout))
      assert.strictEqual(several.error?._tag, "TimeoutError")
      assert.strictEqual(several.error?.message, `not within 3s: no Pod is ready: team/a: ${state}`)
      assert.strictEqual(several.state.open, 0)
      const one = yield* run([{ object: stuck }, { items: [stuck] }, { events: [] }], Pods.ready("a", timeout))
      assert.strictEqual(one.error?.message, `not within 3s: Pod "a" is not ready: ${state}`)
      const none = yield* run([{ object: deployment }, { items: [] }, { events: [] }], Pods.ready(of, timeout))
      assert.strictEqual(none.error?.message, "not within 3s: no Pod is ready: there is none")
      const mute = yield* run(["silence"], Pods.ready(of, timeout))
      assert.strictEqual(mute.error?._tag, "TimeoutError")
    })
  )
})
