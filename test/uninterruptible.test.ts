/** What waits also ends where nothing may interrupt the caller: in the acquisition of a resource, or in a finalizer. */
import { HttpServerResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import {
  Condition,
  ConfigMap,
  Informer,
  Logs,
  Pod,
  Pods,
  PortForward,
  type KubeClient,
  type Stored
} from "effect-kubernetes"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"

const settings = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings" }, data: { n: "0" } }
const pod = {
  metadata: { name: "web" },
  spec: { containers: [{ name: "app", image: "app:1" }] }
}
const isNew = Condition.make("new", (it: Stored<ConfigMap>) => it.data?.["n"] === "1")
const change = Effect.flatMap(TestCluster, (cluster) => cluster.put({ ...settings, data: { n: "1" } }))

/** Runs it where nothing interrupts, along with what it waits for. */
const test = <A, E, E2>(
  name: string,
  effect: Effect.Effect<A, E, KubeClient | TestCluster>,
  check: (result: A) => void,
  meanwhile: Effect.Effect<unknown, E2, KubeClient | TestCluster> = Effect.void
) =>
  it.live(name, () =>
    Effect.gen(function* () {
      yield* Pod.create(pod)
      yield* Pod.waitFor("web", Pod.ready)
      // A fiber of its own: a test that waits for what never ends would never end, either.
      const fiber = yield* Effect.forkDaemon(Effect.uninterruptible(effect))
      yield* Effect.sleep("50 millis")
      yield* meanwhile
      check(
        yield* Effect.timeoutFail(Fiber.join(fiber), {
          duration: "20 seconds",
          onTimeout: () => new Error("it does not end")
        })
      )
    }).pipe(
      Effect.provide(
        TestCluster.layer({
          nodes: 1,
          objects: [settings],
          containers: [
            TestCluster.container("app", {
              logs: ["one", "two"],
              exec: ({ argv, stdin, stdout }) =>
                argv[0] === "cat" ? Stream.runForEach(stdin, stdout) : argv[0] === "echo" ? stdout("hi") : Effect.never,
              ports: { 80: Effect.orDie(HttpServerResponse.json({ hello: "world" })) }
            })
          ]
        })
      )
    )
  )

const late = "100 millis"

describe("where nothing may interrupt, it ends:", () => {
  test("a wait for what is so", ConfigMap.waitFor("settings", Condition.created), (it) => assert.isDefined(it))
  test("a wait for what comes", ConfigMap.waitFor("settings", isNew), (it) => assert.isDefined(it), change)
  test("a wait that is too late", Effect.flip(ConfigMap.waitFor("settings", isNew, { timeout: late })), ({ _tag }) =>
    assert.strictEqual(_tag, "TimeoutError")
  )
  test(
    "the progress of a wait",
    Stream.runCount(ConfigMap.waitForStream("settings", isNew)),
    (it) => assert.strictEqual(it, 2),
    change
  )
  test(
    "the progress of a wait that is too late",
    Effect.flip(Stream.runDrain(ConfigMap.waitForStream("settings", isNew, { timeout: late }))),
    ({ _tag }) => assert.strictEqual(_tag, "TimeoutError")
  )
  const selection = { fields: { "metadata.name": "settings" } }
  test("a wait for all", ConfigMap.waitForAll(selection, isNew), (it) => assert.lengthOf(it, 1), change)
  test("a wait for any", ConfigMap.waitForAny(selection, isNew), (it) => assert.isDefined(it), change)
  test(
    "a wait for all that is too late",
    Effect.flip(ConfigMap.waitForAll(selection, isNew, { timeout: late })),
    ({ _tag }) => assert.strictEqual(_tag, "TimeoutError")
  )
  test(
    "a wait for any that is too late",
    Effect.flip(ConfigMap.waitForAny(selection, isNew, { timeout: late })),
    ({ _tag }) => assert.strictEqual(_tag, "TimeoutError")
  )
  test("a wait for a ready pod", Pods.ready("web"), ({ metadata }) => assert.strictEqual(metadata.name, "web"))

  test("a watch", Stream.runCount(Stream.take(ConfigMap.watch(), 4)), (it) => assert.strictEqual(it, 4), change)
  test(
    "an informer",
    Effect.scoped(
      Effect.gen(function* () {
        const informer = yield* Informer.make(ConfigMap)
        const changed = yield* Stream.runCount(
          Stream.takeUntil(informer.changes, (event) => "object" in event && event.object.data?.["n"] === "1")
        )
        yield* Stream.runHead(informer.latest)
        return [changed, yield* informer.size] as const
      })
    ),
    ([changed, size]) => assert.isAbove(changed, size),
    change
  )

  test("a log", Stream.runCount(Pod.logs("web")), (it) => assert.strictEqual(it, 2))
  test("a log of which enough has come", Stream.runCount(Stream.take(Pod.logs("web", { follow: true }), 2)), (it) =>
    assert.strictEqual(it, 2)
  )
  test("logs of pods", Stream.runCount(Logs.read("web")), (it) => assert.strictEqual(it, 2))
  test("logs of pods of which enough has come", Stream.runCount(Stream.take(Logs.follow("web"), 2)), (it) =>
    assert.strictEqual(it, 2)
  )
  test(
    "logs of pods that are followed to their end",
    Stream.runCount(Logs.follow("web")),
    (it) => assert.strictEqual(it, 2),
    Effect.delay(Pod.delete("web"), "300 millis")
  )

  test("a command", Pod.exec("web", ["echo"]), ({ stdout }) => assert.strictEqual(stdout, "hi"))
  test("a command with input", Pod.exec("web", ["cat"], { stdin: "in" }), ({ stdout }) =>
    assert.strictEqual(stdout, "in")
  )
  test("a command that is left", Effect.scoped(Effect.asVoid(Pod.execStream("web", ["sleep"]))), () => undefined)
  test(
    "a terminal that is left",
    Effect.scoped(Effect.asVoid(Pod.execStream("web", ["cat"], { tty: true }))),
    () => undefined
  )
  test("an attachment that is left", Effect.scoped(Effect.asVoid(Pod.attach("web"))), () => undefined)

  test(
    "requests through a port",
    Effect.scoped(
      Effect.gen(function* () {
        const client = yield* PortForward.httpClient("web", 80)
        const texts = yield* Effect.forEach([1, 2], () =>
          Effect.flatMap(client.get("http://web/"), (response) => response.text)
        )
        return texts.join(" ")
      })
    ),
    (text) => assert.strictEqual(text, '{"hello":"world"} {"hello":"world"}')
  )
  test(
    "a connection to a port, and a local port",
    Effect.scoped(
      Effect.gen(function* () {
        yield* PortForward.duplex("web", 80)
        const { port } = yield* PortForward.listen("web", 80)
        return yield* Effect.promise(async () => (await fetch(`http://127.0.0.1:${port}/`)).text())
      })
    ),
    (text) => assert.strictEqual(text, '{"hello":"world"}')
  )
})

it.effect(
  "what has been interrupted cleans up: its finalizers make their requests and wait for what comes of them",
  () =>
    Effect.gen(function* () {
      const cleanUp = Effect.zipRight(
        ConfigMap.delete("settings"),
        ConfigMap.waitFor("settings", Condition.deleted, { timeout: "1 minute" })
      )
      const program = yield* Effect.fork(Effect.ensuring(Effect.never, Effect.orDie(cleanUp)))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(program)
      assert.isFalse(yield* ConfigMap.exists("settings"))
    }).pipe(Effect.provide(TestCluster.layer({ objects: [settings] })))
)
