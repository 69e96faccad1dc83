/** What the containers of a real kubelet write. */
import { assert, describe, inject, layer } from "@effect/vitest"
import { Chunk, Effect, Exit, Fiber, Deferred, Scope, Stream } from "effect"
import { Pod, type KubeClient } from "effect-kubernetes"
import * as e2e from "../support/e2e.js"
import * as pods from "../support/pods.js"

const all = <A, E, R>(stream: Stream.Stream<A, E, R>) => Effect.map(Stream.runCollect(stream), Chunk.toReadonlyArray)

const shell = (script: string) => pods.container("main", ["sh", "-c", script])

const ended = { until: pods.hasEnded }

describe.skipIf(!inject("node"))("the log of a container", () => {
  layer(
    e2e.layer,
    e2e.live
  )((it) => {
    const test = <A, E>(name: string, body: Effect.Effect<A, E, KubeClient | Scope.Scope>) =>
      it.scoped(name, () => e2e.inFreshNamespace(() => body))

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
        const again = "if [ -e /data/ran ]; then echo second; exec sleep 3600; fi; touch /data/ran; echo first; exit 1"
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
      "waits for a reader: 100,000 lines are not fetched for one that reads slowly",
      Effect.gen(function* () {
        const line = "x".repeat(100)
        yield* pods.start("box", [shell(`yes ${line} | head -n 100000`)], ended)
        let taken = 0
        const counting = e2e.layerWithHttp((http) => ({
          ...http,
          stream: (request) =>
            Effect.map(http.stream(request), (answer) => ({
              ...answer,
              body: Stream.tap(answer.body, (chunk) => Effect.sync(() => (taken += chunk.length)))
            }))
        }))
        yield* Effect.gen(function* () {
          const scope = yield* Scope.make()
          const pull = yield* Scope.extend(Stream.toPull(Stream.rechunk(Pod.logs("box"), 1)), scope)
          for (let read = 0; read < 1000; read++) {
            yield* pull
            // What was taken from the connection is what was read, and a few pieces that wait.
            assert.isBelow(taken, read * (line.length + 1) + 1024 * 1024)
          }
          yield* Scope.close(scope, Exit.void)
          const count = yield* Stream.runCount(Pod.logs("box"))
          assert.strictEqual(count, 100_000)
        }).pipe(Effect.provide(counting))
      })
    )
  })
})
