/** The life of a pod, on the clock of the test. */
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Ref, Stream, TestClock } from "effect"
import { Pod, type CoreV1 } from "effect-kubernetes"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"

const pod = (name: string, spec: Partial<CoreV1.PodSpec> = {}) => ({
  metadata: { name, labels: { app: name } },
  spec: { containers: [{ name: "app", image: "app:1" }], ...spec }
})

const settled = Effect.flatMap(TestCluster, (cluster) => cluster.settled)

const conditions = ({ status }: { readonly status: CoreV1.PodStatus }) =>
  Object.fromEntries((status.conditions ?? []).map(({ status, type }) => [type, status]))

const stateOf = ({ status }: { readonly status: CoreV1.PodStatus }) => {
  const [container] = status.containerStatuses ?? []
  const { running, terminated, waiting } = container?.state ?? {}
  return waiting?.reason ?? (running === undefined ? `${terminated?.reason} ${terminated?.exitCode}` : "Running")
}

describe("kubelet", () => {
  it.effect("takes a pod from Pending to ready without the clock moving, and shows each step to a watch", () =>
    Effect.gen(function* () {
      const { resourceVersion } = yield* Pod.list()
      const seen = yield* Pod.watch({ resume: false, resourceVersion }).pipe(
        Stream.map((event) =>
          event._tag === "Added" || event._tag === "Modified"
            ? [
                event.object.status.phase,
                event.object.spec.nodeName ?? "",
                stateOf(event.object),
                conditions(event.object)["Ready"] ?? ""
              ].join(" ")
            : event._tag
        ),
        Stream.take(4),
        Stream.runCollect,
        Effect.fork
      )
      yield* Effect.yieldNow()
      yield* Pod.create(pod("web"))
      const ready = yield* Pod.waitFor("web", Pod.ready)
      assert.deepStrictEqual(conditions(ready), {
        PodReadyToStartContainers: "True",
        Initialized: "True",
        Ready: "True",
        ContainersReady: "True",
        PodScheduled: "True"
      })
      assert.strictEqual(ready.status.podIP, "10.244.0.2")
      assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Fiber.join(seen)), [
        "Pending  undefined undefined ",
        "Pending node-1 undefined undefined ",
        "Pending node-1 ContainerCreating False",
        "Running node-1 Running True"
      ])
    }).pipe(Effect.provide(TestCluster.layer({ nodes: 1 })))
  )

  it.effect("without a node a pod stays Pending", () =>
    Effect.gen(function* () {
      yield* Pod.create(pod("web"))
      yield* settled
      const { spec, status } = yield* Pod.get("web")
      assert.strictEqual(status.phase, "Pending")
      assert.isUndefined(spec.nodeName)
    }).pipe(Effect.provide(TestCluster.layer()))
  )

  it.effect("starting takes the time of the script", () =>
    Effect.gen(function* () {
      yield* Pod.create(pod("web"))
      yield* settled
      assert.strictEqual(stateOf(yield* Pod.get("web")), "ContainerCreating")
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(stateOf(yield* Pod.get("web")), "ContainerCreating")
      yield* TestClock.adjust("1 second")
      yield* settled
      const { status } = yield* Pod.get("web")
      assert.strictEqual(status.phase, "Running")
      assert.strictEqual(status.containerStatuses?.[0]?.state?.running?.startedAt, "1970-01-01T00:00:05Z")
      assert.strictEqual(status.startTime, "1970-01-01T00:00:00Z")
    }).pipe(
      Effect.provide(
        TestCluster.layer({ nodes: 1, containers: [TestCluster.container("app", { start: "5 seconds" })] })
      )
    )
  )

  it.effect("init containers run one after the other before the others", () =>
    Effect.gen(function* () {
      const order = yield* Ref.make<ReadonlyArray<string>>([])
      const noted = ({ container }: { readonly container: string }) => Ref.update(order, (all) => [...all, container])
      yield* Effect.gen(function* () {
        yield* Pod.create(
          pod("web", {
            initContainers: [
              { name: "one", image: "a" },
              { name: "two", image: "a" }
            ]
          })
        )
        yield* settled
        const waiting = yield* Pod.get("web")
        assert.strictEqual(conditions(waiting)["Initialized"], "False")
        assert.strictEqual(stateOf(waiting), "PodInitializing")
        yield* TestClock.adjust("10 seconds")
        const ready = yield* Pod.waitFor("web", Pod.ready)
        assert.deepStrictEqual(
          ready.status.initContainerStatuses?.map(({ state }) => state?.terminated?.exitCode),
          [0, 0]
        )
        assert.deepStrictEqual(yield* Ref.get(order), ["one", "two", "app"])
      }).pipe(
        Effect.provide(
          TestCluster.layer({
            nodes: 1,
            containers: [
              TestCluster.container({}, { run: noted }),
              TestCluster.container("two", { run: (started) => Effect.delay(noted(started), "10 seconds") }),
              TestCluster.container("app", { run: (started) => Effect.zipRight(noted(started), Effect.never) })
            ]
          })
        )
      )
    })
  )

  it.effect("a container that ends is started again, the second time after a pause", () =>
    Effect.gen(function* () {
      yield* Pod.create(pod("web"))
      yield* settled
      const waiting = yield* Pod.get("web")
      const [container] = waiting.status.containerStatuses ?? []
      assert.strictEqual(container?.restartCount, 1)
      assert.strictEqual(container?.state?.waiting?.reason, "CrashLoopBackOff")
      assert.strictEqual(
        container?.state?.waiting?.message,
        `back-off 10s restarting failed container=app pod=web_default(${waiting.metadata.uid})`
      )
      assert.strictEqual(container?.lastState?.terminated?.exitCode, 3)
      assert.strictEqual(waiting.status.phase, "Running")
      yield* TestClock.adjust("10 seconds")
      yield* settled
      const after = (yield* Pod.get("web")).status.containerStatuses?.[0]
      assert.strictEqual(after?.restartCount, 2)
      assert.include(after?.state?.waiting?.message ?? "", "back-off 20s")
    }).pipe(
      Effect.provide(
        TestCluster.layer({ nodes: 1, containers: [TestCluster.container("app", { run: Effect.succeed(3) })] })
      )
    )
  )

  it.effect("a pod that is not to restart ends as its containers do", () =>
    Effect.gen(function* () {
      yield* Pod.create(pod("good", { restartPolicy: "Never" }))
      yield* Pod.create(pod("bad", { restartPolicy: "Never" }))
      const good = yield* Pod.waitFor("good", Pod.completed)
      assert.strictEqual(good.status.phase, "Succeeded")
      yield* settled
      const bad = yield* Pod.get("bad")
      assert.strictEqual(bad.status.phase, "Failed")
      assert.strictEqual(stateOf(bad), "Error 2")
    }).pipe(
      Effect.provide(
        TestCluster.layer({
          nodes: 1,
          containers: [TestCluster.container({ pod: "bad" }, { run: Effect.succeed(2) })]
        })
      )
    )
  )

  it.effect("a pod ends within its grace period, and then it is gone", () =>
    Effect.gen(function* () {
      const interrupted = yield* Ref.make(0)
      const run = Effect.onInterrupt(Effect.never, () => Ref.update(interrupted, (count) => count + 1))
      yield* Effect.gen(function* () {
        yield* Pod.create(pod("web", { terminationGracePeriodSeconds: 5 }))
        yield* Pod.waitFor("web", Pod.ready)
        yield* Pod.delete("web")
        yield* TestClock.adjust("2 seconds")
        assert.isDefined((yield* Pod.get("web")).metadata.deletionTimestamp)
        yield* TestClock.adjust("1 second")
        yield* settled
        assert.isFalse(yield* Pod.exists("web"))
        assert.strictEqual(yield* Ref.get(interrupted), 1)
      }).pipe(
        Effect.provide(
          TestCluster.layer({
            nodes: 1,
            containers: [TestCluster.container("app", { run, termination: "3 seconds" })]
          })
        )
      )
    })
  )

  it.effect("readiness and images are the script's to change", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster
      yield* Pod.create(pod("web"))
      yield* settled
      assert.strictEqual(stateOf(yield* Pod.get("web")), "ImagePullBackOff")
      yield* cluster.container("app", { imageError: undefined, ready: false })
      yield* TestClock.adjust("10 seconds")
      yield* settled
      const unready = yield* Pod.get("web")
      assert.strictEqual(stateOf(unready), "Running")
      assert.strictEqual(conditions(unready)["Ready"], "False")
      yield* cluster.container("app", { ready: true })
      yield* Pod.waitFor("web", Pod.ready)
    }).pipe(
      Effect.provide(
        TestCluster.layer({ nodes: 1, containers: [TestCluster.container("app", { imageError: "no such image" })] })
      )
    )
  )

  it.effect("a snapshot brings back what ran", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster
      yield* Pod.create(pod("web"))
      yield* Pod.waitFor("web", Pod.ready)
      const before = yield* cluster.snapshot
      yield* Pod.delete("web")
      yield* settled
      assert.isFalse(yield* Pod.exists("web"))
      yield* cluster.restore(before)
      yield* settled
      assert.strictEqual((yield* Pod.get("web")).status.phase, "Running")
    }).pipe(Effect.provide(TestCluster.layer({ nodes: 1 })))
  )
})
