/** What the containers of a real kubelet write. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, inject, it, layer } from "@effect/vitest"
import { Chunk, Clock, Effect, Exit, Fiber, Deferred, Scope, Stream } from "effect"
import {
  Deployment,
  Logs,
  Pod,
  Pods,
  Role,
  RoleBinding,
  ServiceAccount,
  type CoreV1,
  type KubeClient,
  type KubeError
} from "effect-kubernetes"
import type { HttpFailure } from "effect-kubernetes/layers/Http"
import * as Cluster from "../cluster/Cluster.js"
import * as e2e from "../support/e2e.js"
import * as pods from "../support/pods.js"

const all = <A, E, R>(stream: Stream.Stream<A, E, R>) => Effect.map(Stream.runCollect(stream), Chunk.toReadonlyArray)

const shell = (script: string) => pods.container("main", ["sh", "-c", script])

const ended = { until: pods.hasEnded }

/** A client that counts the bytes that are taken from its streams. */
const metered = () => {
  const count = { taken: 0 }
  const client = e2e.layerWithHttp((http) => ({
    ...http,
    stream: (request) =>
      Effect.map(http.stream(request), (answer) => ({
        ...answer,
        body: Stream.tap(answer.body, (chunk) => Effect.sync(() => (count.taken += chunk.length)))
      }))
  }))
  return { client, count }
}

/** Lines with numbers, which begin with the container's start: a reader can tell whether it has all of them. */
const counting = (lines: number, pause: string) =>
  shell(`i=0; while [ $i -lt ${lines} ]; do echo $i; echo $i >&2; i=$((i+1)); ${pause}; done`)

/** Twice each: on both outputs. */
const twice = (lines: number) => Array.from({ length: lines * 2 }, (_, index) => String(Math.floor(index / 2)))

/** The outputs of a container overtake each other. */
const sorted = (lines: ReadonlyArray<Logs.LogLine>) =>
  lines.map(({ text }) => text).toSorted((one, other) => Number(one) - Number(other))

/** A client of which each connection to a log breaks after a while, in the middle of a piece, and how many there were. */
const breaking = (millis: number) => {
  const count = { connections: 0 }
  const cut: HttpFailure = { _tag: "HttpFailure", reason: "Reset", description: "cut by the test", cause: undefined }
  const client = e2e.layerWithHttp((http) => ({
    ...http,
    stream: (request) =>
      request.target.includes("/log?")
        ? Effect.gen(function* () {
            const answer = yield* http.stream(request)
            const until = (yield* Clock.currentTimeMillis) + millis
            count.connections++
            const body = Stream.mapEffect(answer.body, (chunk) =>
              Effect.map(Clock.currentTimeMillis, (now) =>
                now < until
                  ? Stream.succeed(chunk)
                  : Stream.concat(Stream.succeed(chunk.subarray(0, chunk.length / 2)), Stream.fail(cut))
              )
            )
            return { ...answer, body: Stream.flatten(body) }
          })
        : http.stream(request)
  }))
  return { client, count }
}

describe.skipIf(!inject("node"))("on a real kubelet", () => {
  layer(
    e2e.layer,
    e2e.live
  )((it) => {
    const test = <A, E>(name: string, body: Effect.Effect<A, E, KubeClient | Scope.Scope>) =>
      it.scoped(name, () => e2e.inFreshNamespace(() => body))

    describe("the log of a container", () => {
      test(
        "comes line by line, as much of it as is asked for",
        Effect.gen(function* () {
          yield* pods.start("box", [shell("echo one; echo; echo grüße; printf end")], ended)
          assert.deepStrictEqual(yield* all(Pod.logs("box")), ["one", "", "grüße", "end"])
          assert.deepStrictEqual(yield* all(Pod.logs("box", { tailLines: 2 })), ["grüße", "end"])
          assert.deepStrictEqual(yield* all(Pod.logs("box", { limitBytes: 2 })), ["on"])
          assert.deepStrictEqual(yield* all(Pod.logs("box", { follow: true })), ["one", "", "grüße", "end"])
          const bytes = Buffer.concat(yield* all(Pod.logBytes("box")))
          assert.strictEqual(bytes.toString("utf8"), "one\n\ngrüße\nend")
        })
      )

      test(
        "has times, and begins at one",
        Effect.gen(function* () {
          yield* pods.start("box", [shell("echo one; sleep 2; echo two")], ended)
          const lines = yield* all(Pod.logs("box", { timestamps: true }))
          const found = lines.map((line) => /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\S+) (.*)$/.exec(line))
          assert.deepStrictEqual(
            found.map((match) => match?.[2]),
            ["one", "two"]
          )
          assert.deepStrictEqual(yield* all(Pod.logs("box", { sinceTime: found[1]?.[1] })), ["two"])
          assert.deepStrictEqual(yield* all(Pod.logs("box", { sinceSeconds: 3600 })), ["one", "two"])
          const both = yield* Effect.flip(all(Pod.logs("box", { sinceSeconds: 1, sinceTime: found[1]?.[1] })))
          assert.strictEqual(both._tag, "InvalidRequest")
        })
      )

      test(
        "is that of the last run where that is asked for",
        Effect.gen(function* () {
          // The folder outlives the container.
          const again =
            "if [ -e /data/ran ]; then echo second; exec sleep 3600; fi; touch /data/ran; echo first; exit 1"
          const main = { ...shell(again), volumeMounts: [{ name: "data", mountPath: "/data" }] }
          yield* pods.start("box", [main], {
            restartPolicy: "Always",
            volumes: [{ name: "data", emptyDir: {} }],
            until: (pod) => (pod.status.containerStatuses?.[0]?.restartCount ?? 0) > 0 && pods.isReady(pod)
          })
          assert.deepStrictEqual(yield* all(Pod.logs("box", { previous: true })), ["first"])
          assert.deepStrictEqual(yield* all(Pod.logs("box", { follow: true }).pipe(Stream.take(1))), ["second"])
        })
      )

      test(
        "is that of the container of the annotation, else of the first",
        Effect.gen(function* () {
          const containers = ["one", "two"].map((name) => pods.container(name, ["echo", name]))
          yield* pods.start("first", containers, ended)
          yield* pods.start("chosen", containers, {
            ...ended,
            annotations: { "kubectl.kubernetes.io/default-container": "two" }
          })
          assert.deepStrictEqual(yield* all(Pod.logs("first")), ["one"])
          assert.deepStrictEqual(yield* all(Pod.logs("chosen")), ["two"])
          assert.deepStrictEqual(yield* all(Pod.logs("chosen", { container: "one" })), ["one"])
          const unknown = yield* Effect.flip(all(Pod.logs("first", { container: "nobody" })))
          assert.strictEqual(unknown._tag, "BadRequest")
          const nowhere = yield* Effect.flip(all(Pod.logs("nowhere")))
          assert.strictEqual(nowhere._tag, "NotFound")
        })
      )

      test(
        "is followed until the container ends",
        Effect.gen(function* () {
          yield* pods.start("box", [shell("echo one; while [ ! -e /go ]; do sleep 0.1; done; echo two")])
          const first = yield* Deferred.make<void>()
          const fiber = yield* Pod.logs("box", { follow: true }).pipe(
            Stream.tap(() => Deferred.succeed(first, undefined)),
            all,
            Effect.fork
          )
          yield* Deferred.await(first)
          yield* Pod.exec("box", ["touch", "/go"])
          assert.deepStrictEqual(yield* Fiber.join(fiber), ["one", "two"])
        })
      )

      test(
        "is followed for longer than a call may take, also where nothing is written",
        Effect.gen(function* () {
          yield* pods.start("box", [shell("while [ ! -e /go ]; do sleep 0.1; done; echo late")])
          const timeout = "1 second"
          const fiber = yield* Effect.fork(all(Pod.logs("box", { follow: true, timeout })))
          yield* Effect.sleep("1500 millis")
          yield* Pod.exec("box", ["touch", "/go"])
          assert.deepStrictEqual(yield* Fiber.join(fiber), ["late"])
        })
      )

      test(
        "waits for a reader: 100,000 lines are not fetched for one that reads slowly",
        Effect.gen(function* () {
          const line = "x".repeat(100)
          yield* pods.start("box", [shell(`yes ${line} | head -n 100000`)], ended)
          const { client, count: seen } = metered()
          yield* Effect.gen(function* () {
            const scope = yield* Scope.make()
            const pull = yield* Scope.extend(Stream.toPull(Stream.rechunk(Pod.logs("box"), 1)), scope)
            for (let read = 0; read < 1000; read++) {
              yield* pull
              // What was taken from the connection is what was read, and a few pieces that wait.
              assert.isBelow(seen.taken, read * (line.length + 1) + 1024 * 1024)
            }
            yield* Scope.close(scope, Exit.void)
            const count = yield* Stream.runCount(Pod.logs("box"))
            assert.strictEqual(count, 100_000)
          }).pipe(Effect.provide(client))
        })
      )
    })

    describe("the logs of many containers", () => {
      test(
        "are labelled, container after container",
        Effect.gen(function* () {
          const say = (name: string) => pods.container(name, ["echo", `I am ${name}`])
          yield* pods.start("box", [say("one"), say("two")], { ...ended, initContainers: [say("init")] })
          const lines = yield* all(Logs.read("box"))
          assert.deepStrictEqual(
            lines.map(({ container, pod, text }) => `${pod}/${container}: ${text}`),
            ["box/init: I am init", "box/one: I am one", "box/two: I am two"]
          )
          for (const { timestamp } of lines)
            assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d)$/)
          const followed = yield* all(Logs.follow("box"))
          assert.sameDeepMembers([...followed], [...lines])
          const [second, third] = [lines.slice(1, 2), lines.slice(2)]
          assert.deepStrictEqual(
            yield* all(Logs.read("box", { containers: ["two"], sinceTime: third[0]?.timestamp })),
            third
          )
          assert.deepStrictEqual(yield* all(Logs.follow("box", { containers: ["one"], tailLines: 5 })), second)
          assert.deepStrictEqual(yield* all(Logs.read("box", { previous: true })), [])
        })
      )

      test(
        "lose and double nothing when connections break, whatever the outputs write at the same time",
        Effect.gen(function* () {
          const count = 400
          yield* pods.start("box", [counting(count, "usleep 10000")])
          const { client, count: seen } = breaking(300)
          const namespace = (yield* Pod.get("box")).metadata.namespace
          const lines = yield* all(Logs.follow({ name: "box", namespace })).pipe(Effect.provide(client))
          assert.isAbove(seen.connections, 3)
          assert.deepStrictEqual(sorted(lines), twice(count))
        })
      )

      test(
        "go on when a container is restarted, with the last lines of the run before",
        Effect.gen(function* () {
          // The folder outlives the container.
          const script = `n=$(cat /data/n 2>/dev/null || echo 0); echo $((n+1)) >/data/n
          echo run $n begins; until [ -e /data/go ]; do sleep 0.1; done; printf "run $n ends"; exit $((1-n))`
          const main = { ...shell(script), volumeMounts: [{ name: "data", mountPath: "/data" }] }
          yield* pods.start("box", [main], { restartPolicy: "OnFailure", volumes: [{ name: "data", emptyDir: {} }] })
          const lines = yield* Logs.follow("box").pipe(
            Stream.tap(({ text }) => (text === "run 0 begins" ? Pod.exec("box", ["touch", "/data/go"]) : Effect.void)),
            all
          )
          assert.deepStrictEqual(
            lines.map(({ text }) => text),
            ["run 0 begins", "run 0 ends", "run 1 begins", "run 1 ends"]
          )
        })
      )

      test(
        "of a workload: its new pods join, and its old ones leave",
        Effect.gen(function* () {
          yield* e2e.podsAllowed
          const labels = { app: "web" }
          const template = (version: string): CoreV1.PodTemplateSpec => ({
            metadata: { labels },
            spec: {
              terminationGracePeriodSeconds: 1,
              containers: [shell(`trap 'echo ${version} ends; exit' TERM; echo ${version}; sleep 3600 & wait $!`)]
            }
          })
          const spec = { replicas: 2, selector: { matchLabels: labels } }
          yield* Deployment.create({ metadata: { name: "web" }, spec: { ...spec, template: template("v1") } })
          const two = yield* Deferred.make<void>()
          let seen = 0
          const fiber = yield* Logs.follow(Pods.of(Deployment, "web")).pipe(
            Stream.tap(() => (++seen === 2 ? Deferred.succeed(two, undefined) : Effect.void)),
            Stream.take(6),
            all,
            Effect.fork
          )
          yield* Deferred.await(two)
          yield* Deployment.modify("web", (web) => ({ ...web, spec: { ...web.spec, template: template("v2") } }))
          const lines = yield* Fiber.join(fiber)
          assert.deepStrictEqual(lines.map(({ text }) => text).toSorted(), [
            "v1",
            "v1",
            "v1 ends",
            "v1 ends",
            "v2",
            "v2"
          ])
          assert.strictEqual(new Set(lines.map(({ pod }) => pod)).size, 4)
        })
      )

      test(
        "end with a pod that is deleted, after its last words",
        Effect.gen(function* () {
          const box = shell("trap 'echo bye; exit' TERM; echo hello; sleep 3600 & wait $!")
          yield* pods.start("box", [box], { terminationGracePeriodSeconds: 5 })
          const hello = yield* Deferred.make<void>()
          const fiber = yield* Logs.follow("box").pipe(
            Stream.tap(() => Deferred.succeed(hello, undefined)),
            all,
            Effect.fork
          )
          yield* Deferred.await(hello)
          yield* Pod.delete("box")
          assert.deepStrictEqual(
            (yield* Fiber.join(fiber)).map(({ text }) => text),
            ["hello", "bye"]
          )
          const gone = yield* Effect.flip(all(Logs.follow("box")))
          assert.strictEqual(gone._tag, "NotFound")
        })
      )

      test(
        "of which only the new lines are wanted begin where they are",
        Effect.gen(function* () {
          yield* pods.start("box", [shell("echo old; while [ ! -e /go ]; do sleep 0.1; done; echo new")])
          yield* e2e.eventually(Effect.map(all(Pod.logs("box")), (lines) => lines.length > 0))
          const followed = yield* Effect.fork(all(Logs.follow("box", { tailLines: 0 })))
          yield* Effect.sleep("500 millis")
          yield* Pod.exec("box", ["touch", "/go"])
          assert.deepStrictEqual(
            (yield* Fiber.join(followed)).map(({ text }) => text),
            ["new"]
          )
        })
      )

      test(
        "wait for a reader: 100,000 lines are not fetched for one that reads slowly",
        Effect.gen(function* () {
          const line = "x".repeat(100)
          yield* pods.start("box", [shell(`yes ${line} | head -n 100000`)], ended)
          const namespace = (yield* Pod.get("box")).metadata.namespace
          const { client, count: seen } = metered()
          yield* Effect.gen(function* () {
            const scope = yield* Scope.make()
            const logs = Logs.follow({ name: "box", namespace })
            const pull = yield* Scope.extend(Stream.toPull(Stream.rechunk(logs, 1)), scope)
            for (let read = 0; read < 20; read++) {
              yield* pull
              yield* Effect.sleep("20 millis")
            }
            // 130 bytes a line on the wire: what was read, what waits, and a few pieces of the connection; not 13 MB.
            assert.isBelow(seen.taken, 1024 * 1024)
            yield* Scope.close(scope, Exit.void)
            assert.strictEqual(yield* Stream.runCount(logs), 100_000)
          }).pipe(Effect.provide(client))
        })
      )

      test(
        "are refused to those who may not read them",
        Effect.gen(function* () {
          yield* pods.start("box", [pods.container("main", pods.idle)])
          const { namespace } = (yield* Pod.get("box")).metadata
          yield* ServiceAccount.create({ metadata: { name: "reader" } })
          yield* Role.create({
            metadata: { name: "reader" },
            rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] }]
          })
          yield* RoleBinding.create({
            metadata: { name: "reader" },
            roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "reader" },
            subjects: [{ kind: "ServiceAccount", name: "reader", namespace }]
          })
          const { status } = yield* ServiceAccount.createToken("reader")
          const refused = (stream: Stream.Stream<Logs.LogLine, KubeError, KubeClient>) =>
            Effect.flip(Stream.runDrain(stream)).pipe(Effect.provide(e2e.layerWithToken(status.token)))
          const box = { name: "box", namespace }
          assert.strictEqual((yield* refused(Logs.follow(box)))._tag, "Forbidden")
          assert.strictEqual((yield* refused(Logs.read(box)))._tag, "Forbidden")
        })
      )
    })
  })
})

describe.skipIf(!inject("node") || Boolean(process.env["E2E_KUBECONFIG"]))("the rotation of logs", () => {
  it.scopedLive(
    "loses no line for a reader that is connected",
    () =>
      Effect.gen(function* () {
        const cluster = yield* Cluster.make({
          node: true,
          kubeletConfiguration: {
            containerLogMaxSize: "20Ki",
            containerLogMaxFiles: 5,
            containerLogMonitorInterval: "3s"
          }
        })
        yield* Effect.gen(function* () {
          const count = 500
          yield* pods.start("box", [counting(count, "usleep 20000")])
          const lines = yield* all(Logs.follow("box"))
          assert.deepStrictEqual(sorted(lines), twice(count))
          const rest = yield* all(Logs.read("box"))
          // Else there was no rotation, and the test has shown nothing.
          assert.isBelow(rest.length, count * 2)
        }).pipe(Effect.provide(e2e.layerWithHttp((same) => same, e2e.configOf(cluster.kubeconfig))))
      }).pipe(Effect.provide(NodeContext.layer)),
    120_000
  )
})
