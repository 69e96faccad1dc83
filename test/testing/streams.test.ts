/** Logs, commands and ports of scripted containers, through the client's own code. */
import { HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Deferred, Effect, Fiber, Queue, Stream, TestClock } from "effect"
import { Condition, Pod, PortForward, type KubeClient } from "effect-kubernetes"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"
import type { ContainerScript } from "effect-kubernetes/testing/ContainerScript"

const utf8 = new TextEncoder()

const pod = { metadata: { name: "web" }, spec: { containers: [{ name: "app", image: "app:1" }] } }

/** A pod of one container with a script. */
const withPod = <A, E, R>(script: ContainerScript, test: Effect.Effect<A, E, R>) =>
  Effect.zipRight(Pod.create(pod), Effect.zipRight(Pod.waitFor("web", Pod.ready), test)).pipe(
    Effect.provide(TestCluster.layer({ nodes: 1, containers: [TestCluster.container("app", script)] }))
  )

const linesOf = (options?: Parameters<typeof Pod.logs>[1]) =>
  Effect.map(Stream.runCollect(Pod.logs("web", options)), Chunk.toReadonlyArray)

describe("logs", () => {
  it.effect("takes the options of the real one", () =>
    withPod(
      { logs: ["one", "two", "three"] },
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* linesOf(), ["one", "two", "three"])
        assert.deepStrictEqual(yield* linesOf({ tailLines: 2 }), ["two", "three"])
        assert.deepStrictEqual(yield* linesOf({ limitBytes: 5 }), ["one", "t"])
        assert.deepStrictEqual(yield* linesOf({ tailLines: 1, timestamps: true }), [
          "1970-01-01T00:00:00.000000000Z three"
        ])
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(yield* linesOf({ sinceSeconds: 30 }), [])
      })
    )
  )

  it.effect("follows what comes, and ends with the container", () =>
    Effect.gen(function* () {
      const lines = yield* Queue.unbounded<string>()
      const stop = yield* Deferred.make<void>()
      yield* withPod(
        { logs: Stream.fromQueue(lines), run: Effect.as(Deferred.await(stop), 0) },
        Effect.gen(function* () {
          yield* lines.offer("one")
          const seen = yield* Queue.unbounded<string>()
          const fiber = yield* Effect.fork(
            Stream.runForEach(Pod.logs("web", { follow: true }), (line) => seen.offer(line))
          )
          assert.strictEqual(yield* seen.take, "one")
          yield* lines.offer("two")
          assert.strictEqual(yield* seen.take, "two")
          yield* Deferred.succeed(stop, undefined)
          yield* Fiber.join(fiber)
        })
      )
    })
  )

  it.effect("keeps those of the run before, and says why there are none", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster
      yield* Pod.create(pod)
      yield* cluster.settled
      assert.deepStrictEqual(yield* linesOf({ previous: true }), ["run 0"])
      assert.deepStrictEqual(yield* linesOf(), ["run 1"])
      yield* Pod.create({ ...pod, metadata: { name: "other" }, spec: { containers: [{ name: "b", image: "b" }] } })
      yield* cluster.settled
      const error = yield* Effect.flip(Stream.runDrain(Pod.logs("other")))
      assert.include(
        error.message,
        'container "b" in pod "other" is waiting to start: trying and failing to pull image'
      )
    }).pipe(
      Effect.provide(
        TestCluster.layer({
          nodes: 1,
          containers: [
            TestCluster.container("app", { logs: ({ restarts }) => [`run ${restarts}`], run: Effect.succeed(1) }),
            TestCluster.container("b", { imageError: "no such image" })
          ]
        })
      )
    )
  )
})

describe("exec", () => {
  const exec: NonNullable<ContainerScript["exec"]> = ({ argv, stderr, stdin, stdout }) => {
    switch (argv[0]) {
      case "cat":
        return Stream.runForEach(stdin, stdout)
      case "both":
        return Effect.as(Effect.zipRight(stdout("out"), stderr("err")), { stdout: "!", exitCode: 3 })
      default:
        return Effect.never
    }
  }

  it.effect("gives outputs and the exit code, and reads the input to its end", () =>
    withPod(
      { exec },
      Effect.gen(function* () {
        const both = yield* Pod.exec("web", ["both"], { check: false })
        assert.deepStrictEqual(both, { stdout: "out!", stderr: "err", exitCode: 3 })
        const text = "x".repeat(300_000)
        const cat = yield* Pod.exec("web", ["cat"], { stdin: text })
        assert.strictEqual(cat.stdout, text)
      })
    )
  )

  it.effect("a terminal tells its size and has one output", () =>
    withPod(
      {
        exec: ({ sizes, stderr }) => Effect.flatMap(Stream.runHead(sizes), (size) => stderr(JSON.stringify(size)))
      },
      Effect.scoped(
        Effect.gen(function* () {
          const process = yield* Pod.execStream("web", ["sh"], { tty: { width: 80, height: 24 } })
          const shown = yield* process.stdout.pipe(Stream.decodeText(), Stream.mkString)
          assert.include(shown, '"width":80')
          assert.strictEqual(yield* process.exitCode, 0)
        })
      )
    )
  )

  it.effect("fails as the real one does: no such container, no command, a container that ends", () =>
    Effect.gen(function* () {
      const stop = yield* Deferred.make<void>()
      const begun = yield* Deferred.make<void>()
      yield* withPod(
        {
          exec: (command) => Effect.zipRight(Deferred.succeed(begun, undefined), exec(command)),
          run: Effect.as(Deferred.await(stop), 0)
        },
        Effect.gen(function* () {
          const wrong = yield* Effect.flip(Pod.exec("web", ["cat"], { container: "nope" }))
          assert.strictEqual(wrong._tag, "BadRequest")
          const fiber = yield* Effect.fork(Pod.exec("web", ["sleep"], { check: false }))
          yield* Deferred.await(begun)
          yield* Deferred.succeed(stop, undefined)
          assert.strictEqual((yield* Fiber.join(fiber)).exitCode, 137)
        })
      )
      yield* withPod(
        {},
        Effect.gen(function* () {
          const error = yield* Effect.flip(Pod.exec("web", ["ls"]))
          assert.include(error.message, 'exec: "ls": executable file not found in $PATH')
        })
      )
    })
  )

  it.effect("attach shows the log as it comes, until the container ends", () =>
    Effect.gen(function* () {
      const lines = yield* Queue.unbounded<string>()
      const stop = yield* Deferred.make<void>()
      yield* withPod(
        { logs: Stream.fromQueue(lines), run: Effect.as(Deferred.await(stop), 0) },
        Effect.scoped(
          Effect.gen(function* () {
            const process = yield* Pod.attach("web")
            const text = yield* Effect.fork(process.stdout.pipe(Stream.decodeText(), Stream.take(1), Stream.mkString))
            yield* lines.offer("hello")
            assert.strictEqual(yield* Fiber.join(text), "hello\n")
            yield* Deferred.succeed(stop, undefined)
            assert.strictEqual(yield* process.exitCode, 0)
          })
        )
      )
    })
  )
})

describe("debug", () => {
  const debug = (test: (cluster: TestCluster["Type"]) => Effect.Effect<void, unknown, KubeClient>) =>
    Effect.gen(function* () {
      yield* Pod.create(pod)
      yield* Pod.waitFor("web", Pod.ready)
      yield* test(yield* TestCluster)
    }).pipe(Effect.provide(TestCluster.layer({ nodes: 1 })))

  it.effect("joins a container that does what its script says, and is told its exit code", () =>
    debug((cluster) =>
      Effect.gen(function* () {
        const asked = yield* Deferred.make<number>()
        yield* cluster.container(
          { image: "tools:1" },
          {
            run: Deferred.await(asked),
            attach: ({ stdin, stdout }) =>
              Stream.runForEach(stdin, (bytes) => Effect.zipRight(stdout(bytes), Deferred.succeed(asked, 3)))
          }
        )
        const process = yield* Pod.debug("web", { image: "tools:1", name: "tools" })
        yield* Stream.run(Stream.make(utf8.encode("ls")), process.stdin)
        assert.strictEqual(yield* Stream.mkString(Stream.decodeText(process.stdout)), "ls")
        assert.strictEqual(yield* process.exitCode, 3)
        const { metadata, spec, status } = yield* Pod.get("web")
        assert.strictEqual(metadata.generation, 2)
        assert.lengthOf(spec.ephemeralContainers ?? [], 1)
        const [ended] = status?.ephemeralContainerStatuses ?? []
        assert.deepInclude(ended, { name: "tools", ready: false, restartCount: 0 })
        assert.notProperty(ended, "started")
        assert.deepInclude(ended?.state?.terminated, { exitCode: 3, reason: "Error" })
        // The pod goes on as if nothing had happened.
        assert.strictEqual(status?.phase, "Running")
        assert.isTrue(yield* Effect.isSuccess(Pod.waitFor("web", Pod.ready)))
      }).pipe(Effect.scoped)
    )
  )

  it.effect("one without a script ends at once, and one whose image is not there says so", () =>
    debug((cluster) =>
      Effect.gen(function* () {
        yield* cluster.container({ image: "none:1" }, { imageError: "no such image" })
        yield* cluster.container({ image: "tools:1" }, { logs: ["done"] })
        const process = yield* Pod.debug("web", { image: "tools:1" })
        assert.strictEqual(yield* Stream.mkString(Stream.decodeText(process.stdout)), "done\n")
        assert.strictEqual(yield* process.exitCode, 0)
        const error = yield* Effect.flip(Pod.debug("web", { image: "none:1" }))
        assert.match(error.message, /ErrImagePull: no such image/)
        yield* Pod.delete("web")
        yield* Pod.waitFor("web", Condition.deleted)
      }).pipe(Effect.scoped)
    )
  )
})

describe("port-forward", () => {
  it.live("joins a client with the handler of a port, which sees the end of its input", () =>
    withPod(
      {
        ports: {
          80: ({ incoming, send }) =>
            Stream.runForEach(incoming, (bytes) => send(Buffer.from(bytes).toString("utf8").toUpperCase())).pipe(
              Effect.zipRight(send("!"))
            )
        }
      },
      Effect.scoped(
        Effect.gen(function* () {
          const stream = yield* PortForward.duplex("web", 80)
          stream.end(utf8.encode("hello"))
          const text = yield* Effect.promise(async () => Buffer.concat(await stream.toArray()).toString("utf8"))
          assert.strictEqual(text, "HELLO!")
        })
      )
    )
  )

  it.live("serves an HttpApp", () =>
    withPod(
      { ports: { 8080: Effect.orDie(HttpServerResponse.json({ hello: "world" })) } },
      Effect.scoped(
        Effect.gen(function* () {
          const client = yield* PortForward.httpClient("web", 8080)
          for (const _ of [1, 2]) {
            const response = yield* client.get("http://web/")
            assert.deepStrictEqual(yield* response.json, { hello: "world" })
          }
        })
      )
    )
  )

  it.live("says when nobody listens", () =>
    withPod(
      {},
      Effect.scoped(
        Effect.gen(function* () {
          const stream = yield* PortForward.duplex("web", 81)
          const error = yield* Effect.flip(Effect.tryPromise({ try: () => stream.toArray(), catch: String }))
          assert.include(error, "nothing listens on port 81")
        })
      )
    )
  )
})
