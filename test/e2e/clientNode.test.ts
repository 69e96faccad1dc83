/** The official JavaScript client against a TestCluster that is served. */
import { assert, describe, it } from "@effect/vitest"
import * as k8s from "@kubernetes/client-node"
import { Deferred, Effect, Option, Stream } from "effect"
import { PassThrough, Readable } from "node:stream"
import { Pod } from "effect-kubernetes"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"

const layer = TestCluster.layer({
  nodes: 1,
  controllers: ["*", "-root-ca-cert-publisher"],
  containers: [
    TestCluster.container("app", {
      exec: ({ argv, stdin }) =>
        argv[0] === "greet"
          ? Effect.map(Stream.runHead(Stream.decodeText(stdin)), (name) => ({
              stdout: `${argv[1]} ${Option.getOrElse(name, () => "nobody")}`,
              stderr: "greeted"
            }))
          : Effect.succeed(3)
    })
  ],
  objects: ["{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {l: one}}, data: {color: blue}}"]
})

const configured = Effect.map(TestCluster.serve(), ({ kubeconfig }) => {
  const config = new k8s.KubeConfig()
  config.loadFromString(kubeconfig)
  return { config, core: config.makeApiClient(k8s.CoreV1Api) }
})
const namespace = "default"
const map = (name: string): k8s.V1ConfigMap => ({ metadata: { name }, data: { color: "red" } })

describe("@kubernetes/client-node", { timeout: 60_000 }, () => {
  it.scopedLive("lists, creates, reads, replaces, deletes, and understands errors", () =>
    Effect.gen(function* () {
      const { core } = yield* configured
      yield* Effect.promise(async () => {
        const labelled = await core.listNamespacedConfigMap({ namespace, labelSelector: "l=one" })
        assert.deepStrictEqual(
          labelled.items.map(({ metadata }) => metadata?.name),
          ["a"]
        )
        const made = await core.createNamespacedConfigMap({ namespace, body: map("b") })
        assert.instanceOf(made.metadata?.creationTimestamp, Date)
        await core.replaceNamespacedConfigMap({ namespace, name: "b", body: { ...made, data: { color: "green" } } })
        const read = await core.readNamespacedConfigMap({ namespace, name: "b" })
        assert.deepStrictEqual(read.data, { color: "green" })
        const conflict = await core
          .replaceNamespacedConfigMap({ namespace, name: "b", body: made })
          .then(undefined, (error: unknown) => error)
        assert.instanceOf(conflict, k8s.ApiException)
        assert.strictEqual(conflict.code, 409)
        await core.deleteNamespacedConfigMap({ namespace, name: "b" })
        assert.strictEqual((await core.listNode()).items.length, 1)
      })
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("watches", () =>
    Effect.gen(function* () {
      const { config, core } = yield* configured
      const seen: Array<string> = []
      const done = yield* Deferred.make<void>()
      const controller = yield* Effect.promise(() =>
        new k8s.Watch(config).watch(
          `/api/v1/namespaces/${namespace}/configmaps`,
          {},
          (phase, object: k8s.V1ConfigMap) => {
            seen.push(`${phase} ${object.metadata?.name}`)
            if (phase === "DELETED") Deferred.unsafeDone(done, Effect.void)
          },
          () => {}
        )
      )
      yield* Effect.promise(async () => {
        await core.createNamespacedConfigMap({ namespace, body: map("b") })
        await core.deleteNamespacedConfigMap({ namespace, name: "b" })
      })
      yield* Deferred.await(done)
      controller.abort()
      assert.deepStrictEqual(seen, ["ADDED a", "ADDED b", "DELETED b"])
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("keeps an informer's cache", () =>
    Effect.gen(function* () {
      const { config, core } = yield* configured
      const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, () =>
        core.listNamespacedConfigMap({ namespace })
      )
      const [added, deleted] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      informer.on("add", ({ metadata }) => {
        if (metadata?.name === "b") Deferred.unsafeDone(added, Effect.void)
      })
      informer.on("delete", () => Deferred.unsafeDone(deleted, Effect.void))
      yield* Effect.acquireRelease(
        Effect.promise(() => informer.start()),
        () => Effect.promise(() => informer.stop())
      )
      assert.strictEqual(informer.get("a", namespace)?.data?.["color"], "blue")
      yield* Effect.promise(() => core.createNamespacedConfigMap({ namespace, body: map("b") }))
      yield* Deferred.await(added)
      assert.strictEqual(informer.get("b", namespace)?.data?.["color"], "red")
      yield* Effect.promise(() => core.deleteNamespacedConfigMap({ namespace, name: "b" }))
      yield* Deferred.await(deleted)
      assert.isUndefined(informer.get("b", namespace))
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("runs commands in a pod", () =>
    Effect.gen(function* () {
      const { config } = yield* configured
      yield* Pod.create({ metadata: { name: "web" }, spec: { containers: [{ name: "app", image: "web:1" }] } })
      yield* Pod.waitFor("web", Pod.ready)
      const run = (stdin: string, ...command: ReadonlyArray<string>) =>
        Effect.promise(async () => {
          const [stdout, stderr] = [new PassThrough(), new PassThrough()]
          const status = await new Promise<k8s.V1Status>((resolve, reject) => {
            new k8s.Exec(config)
              .exec(namespace, "web", "app", [...command], stdout, stderr, Readable.from([stdin]), false, resolve)
              .catch(reject)
          })
          return { status, stdout: String(stdout.read() ?? ""), stderr: String(stderr.read() ?? "") }
        })
      const greeted = yield* run("you", "greet", "hello")
      assert.deepStrictEqual(
        [greeted.status.status, greeted.stdout, greeted.stderr],
        ["Success", "hello you", "greeted"]
      )
      const failed = yield* run("", "fail")
      assert.strictEqual(failed.status.reason, "NonZeroExitCode")
      assert.strictEqual(failed.status.details?.causes?.[0]?.message, "3")
    }).pipe(Effect.provide(layer))
  )
})
