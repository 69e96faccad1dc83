/** Following logs through whatever may happen on the way: a model of kubelets takes the place of the connection. */
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Exit, FastCheck, Fiber, Layer, Mailbox, Option, Schedule, Stream, TestClock } from "effect"
import { Auth, Http, KubeClient, KubeConfig, Logs, Pods, type KubeError } from "effect-kubernetes"
import type { HttpFailure, HttpRequest, HttpService } from "effect-kubernetes/layers/Http"
import { advance, parseTime, seenBefore, sinceTime, type Position, type Time } from "../src/internal/logs.js"
import * as fakes from "./layers/fake.js"

const reset: HttpFailure = { _tag: "HttpFailure", reason: "Reset", description: "cut", cause: undefined }
const encode = (text: string) => new TextEncoder().encode(text)

type Pipe = Mailbox.Mailbox<Uint8Array, HttpFailure>

interface Container {
  readonly name: string
  /** The log file of each run. */
  readonly runs: Array<Array<string>>
  running: boolean
}

interface FakePod {
  readonly name: string
  readonly uid: string
  readonly containers: ReadonlyArray<Container>
  phase: string
  version?: number
}

/** A time of the model: seconds and nanoseconds of one day. */
const at = (second: number, nano = 0) =>
  `2026-01-01T00:00:${String(second).padStart(2, "0")}.${String(nano).padStart(9, "0")}Z`

const secondOf = (line: string) => Date.parse(`${line.slice(0, 19)}Z`)

/** Pods, what their containers write, and what the API server and the kubelets make of it. */
const cluster = (...pods: Array<FakePod>) => {
  const asked: Array<URLSearchParams> = []
  const watches = new Set<Pipe>()
  const follows = new Map<Pipe, Container>()
  let present = [...pods]
  let version = 7
  const refusals: Array<Effect.Effect<never, HttpFailure> | { readonly status: number; readonly body: unknown }> = []

  const toJson = ({ containers, name, phase, uid, version: changed = 7 }: FakePod) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "team",
      uid,
      resourceVersion: String(changed),
      creationTimestamp: "2026-01-01T00:00:00Z",
      labels: { app: "web" }
    },
    spec: { containers: containers.map((container) => ({ name: container.name, image: "i", resources: {} })) },
    status: {
      phase,
      containerStatuses: containers.map(({ name: container, running, runs }) => ({
        name: container,
        image: "i",
        imageID: "i",
        ready: running,
        lastState: {},
        restartCount: Math.max(0, runs.length - 1),
        containerID: runs.length === 0 ? "" : `containerd://${uid}-${runs.length}`,
        state:
          runs.length === 0
            ? { waiting: { reason: "ContainerCreating" } }
            : running
              ? { running: { startedAt: at(0) } }
              : { terminated: { exitCode: 0, containerID: `containerd://${uid}-${runs.length}` } }
      }))
    }
  })
  const find = (name: string) => present.find((pod) => pod.name === name)
  const tell = (type: string, pod: FakePod) => {
    pod.version = ++version
    for (const watch of watches) watch.unsafeOffer(encode(`${JSON.stringify({ type, object: toJson(pod) })}\n`))
  }
  const selected = (query: URLSearchParams) => {
    const name = query.get("fieldSelector")?.replace("metadata.name=", "")
    return present.filter((pod) => name === undefined || pod.name === name)
  }
  const answer = (body: unknown, status = 200) => ({
    status,
    headers: { "content-type": "application/json" },
    text: JSON.stringify(body)
  })
  const notFound = fakes.status(404, "NotFound")
  const badRequest = fakes.status(400, "BadRequest")
  const split = (request: HttpRequest) => {
    const url = new URL(request.target, "http://kube")
    return { path: url.pathname.replace("/api/v1/namespaces/team/pods", ""), query: url.searchParams }
  }

  const http: HttpService = {
    request: (request) =>
      Effect.sync(() => {
        const { path, query } = split(request)
        if (path === "") return answer(fakes.podList(selected(query).map(toJson), { resourceVersion: String(version) }))
        const pod = find(path.slice(1))
        return pod === undefined ? answer(notFound, 404) : answer(toJson(pod))
      }),
    stream: (request) =>
      Effect.gen(function* () {
        const { path, query } = split(request)
        const pipe = yield* Mailbox.make<Uint8Array, HttpFailure>()
        const stream = (status = 200) => ({ status, headers: {}, body: Mailbox.toStream(pipe) })
        const refuse = (status: number, body: unknown) => {
          pipe.unsafeOffer(encode(JSON.stringify(body)))
          pipe.unsafeDone(Exit.void)
          return { ...stream(status), headers: { "content-type": "application/json" } }
        }
        if (query.has("watch")) {
          if (query.get("resourceVersion") !== String(version)) return refuse(410, fakes.status(410, "Expired"))
          watches.add(pipe)
          return stream()
        }
        asked.push(query)
        const refusal = refusals.shift()
        if (refusal !== undefined) return "status" in refusal ? refuse(refusal.status, refusal.body) : yield* refusal
        const pod = find(path.split("/")[1] ?? "")
        if (pod === undefined) return refuse(404, notFound)
        const container = pod.containers.find(({ name }) => name === query.get("container"))
        const run = query.get("previous") === "true" ? container?.runs.at(-2) : container?.runs.at(-1)
        if (container === undefined || run === undefined) return refuse(400, badRequest)
        const tail = query.get("tailLines")
        const since = query.get("sinceTime")
        // The API server passes whole seconds on.
        const begin = since === null ? 0 : Math.floor(Date.parse(since) / 1000) * 1000
        const lines = (tail === null ? run : run.slice(Math.max(0, run.length - Number(tail)))).filter(
          (line) => secondOf(line) >= begin
        )
        if (lines.length > 0) pipe.unsafeOffer(encode(lines.map((line) => `${line}\n`).join("")))
        if (query.get("follow") === "true" && container.running) follows.set(pipe, container)
        else yield* pipe.end
        return stream()
      })
  }
  const ofContainer = (container: Container) => [...follows].filter(([, other]) => other === container)
  const close = (container: Container, failure?: HttpFailure) =>
    Effect.forEach(ofContainer(container), ([pipe]) => {
      follows.delete(pipe)
      return failure === undefined ? pipe.end : pipe.fail(failure)
    })
  const layerWith = (wrap: (http: HttpService) => HttpService) =>
    KubeClient.layerWith({ retry: Schedule.recurs(0) }).pipe(
      Layer.provide([Layer.succeed(Http, wrap(http)), Auth.layerAnonymous, KubeConfig.layerValue(fakes.config)])
    )
  return {
    asked,
    refusals,
    follows,
    layer: layerWith((same) => same),
    layerWith,
    /** A container writes. `heard`: whether those who follow hear of it. */
    write: (container: Container, lines: ReadonlyArray<string>, heard = true) =>
      Effect.sync(() => {
        container.runs.at(-1)?.push(...lines)
        if (!heard) return
        for (const [pipe] of ofContainer(container)) pipe.unsafeOffer(encode(lines.map((l) => `${l}\n`).join("")))
      }),
    /** Some bytes to those who follow, as they stand. */
    say: (container: Container, text: string) =>
      Effect.sync(() => {
        for (const [pipe] of ofContainer(container)) pipe.unsafeOffer(encode(text))
      }),
    /** The connections to a container break. */
    cut: (container: Container) => close(container, reset),
    /** They end as if all were well. */
    end: (container: Container) => close(container),
    /** The file becomes another one, and what was in it is out of reach. */
    rotate: (container: Container) => Effect.sync(() => void container.runs.at(-1)?.splice(0)),
    stop: (pod: FakePod, container: Container, told = true) =>
      Effect.suspend(() => {
        container.running = false
        if (told) tell("MODIFIED", pod)
        return close(container)
      }),
    start: (pod: FakePod, container: Container) =>
      Effect.sync(() => {
        container.runs.push([])
        container.running = true
        tell("MODIFIED", pod)
      }),
    finish: (pod: FakePod) =>
      Effect.sync(() => {
        pod.phase = "Succeeded"
        tell("MODIFIED", pod)
      }),
    add: (pod: FakePod) =>
      Effect.sync(() => {
        present.push(pod)
        tell("ADDED", pod)
      }),
    remove: (pod: FakePod, told = true) =>
      Effect.sync(() => {
        present = present.filter((other) => other !== pod)
        if (told) tell("DELETED", pod)
        else version++
      }),
    /** The watches break. */
    cutWatches: Effect.suspend(() =>
      Effect.forEach([...watches], (pipe) => {
        watches.delete(pipe)
        return pipe.fail(reset)
      })
    )
  }
}

const container = (name: string, ...runs: Array<Array<string>>): Container => ({
  name,
  runs: runs.map((run) => [...run]),
  running: true
})

const podOf = (name: string, ...containers: ReadonlyArray<Container>): FakePod => ({
  name,
  uid: `uid-${name}`,
  containers,
  phase: "Running"
})

/** Lets time pass until all that can happen has happened. */
const settle = Effect.repeatN(Effect.zipRight(TestClock.adjust("6 seconds"), Effect.yieldNow()), 10)

/** Follows in the background, and tells what came. */
const following = (world: Pick<ReturnType<typeof cluster>, "layer">, pods: Pods.Pods, options?: Logs.FollowOptions) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const fiber = yield* Logs.follow(pods, options).pipe(
      Stream.runForEach(({ container, pod, text }) => Effect.sync(() => lines.push(`${pod}/${container}: ${text}`))),
      Effect.provide(world.layer),
      Effect.fork
    )
    yield* settle
    return { fiber, texts: () => lines.map((line) => line.slice(line.indexOf(": ") + 2)), lines }
  })

const web = Pods.select({ labels: { app: "web" } })

const all = <A, E, R>(stream: Stream.Stream<A, E, R>) => Effect.map(Stream.runCollect(stream), Chunk.toReadonlyArray)

describe("a position in a log", () => {
  const time = FastCheck.record({
    second: FastCheck.integer({ min: 0, max: 3 }),
    nano: FastCheck.integer({ min: 0, max: 2 })
  })
  /** Times in order, but for neighbours that have overtaken each other within a second. */
  const log = FastCheck.tuple(
    FastCheck.array(time, { maxLength: 30 }),
    FastCheck.infiniteStream(FastCheck.boolean())
  ).map(([times, swaps]) => {
    const sorted = times.toSorted((a, b) => a.second - b.second || a.nano - b.nano)
    for (let index = 1; index < sorted.length; index++) {
      const [one, other] = [sorted[index - 1], sorted[index]]
      if (swaps.next().value === true && one !== undefined && other !== undefined && other.second - one.second < 2) {
        sorted[index - 1] = other
        sorted[index] = one
        index++
      }
    }
    return sorted
  })

  it("gives every line once, wherever the connection breaks and however the times are mixed", () => {
    FastCheck.assert(
      FastCheck.property(log, FastCheck.array(FastCheck.nat(8), { maxLength: 30 }), (times, cuts) => {
        let position: Position | undefined
        const got: Array<number> = []
        const whole: Time = { second: 0, nano: 0 }
        for (const cut of [...cuts, Infinity]) {
          const isSeen = seenBefore(position)
          const since = position === undefined ? -10 : Date.parse(sinceTime(position)) / 1000
          const served = times.map((when, index) => ({ when, index })).filter(({ when }) => when.second >= since)
          let fresh = 0
          for (const { index, when } of served) {
            if (isSeen(when)) continue
            if (fresh++ >= cut) break
            position = advance(position, when, whole)
            got.push(index)
          }
        }
        assert.deepStrictEqual(
          got,
          times.map((_, index) => index)
        )
      }),
      { numRuns: 2000 }
    )
  })

  it("is in nanoseconds, of any zone", () => {
    assert.deepStrictEqual(parseTime("2026-01-01T02:00:00.000000001+02:00 x"), {
      time: { second: Date.UTC(2026, 0, 1) / 1000, nano: 1 },
      length: 35
    })
    assert.deepStrictEqual(parseTime("2026-01-01T00:00:00Z")?.time.nano, 0)
    assert.deepStrictEqual(parseTime("2026-01-01T00:00:00.5Z")?.time.nano, 500_000_000)
    assert.isUndefined(parseTime("yesterday"))
  })
})

describe("a log that is followed", { timeout: 30_000 }, () => {
  it.effect("goes on where it was when the connection breaks in the middle of a line", () =>
    Effect.gen(function* () {
      const main = container("main", [`${at(1)} one`])
      const world = cluster(podOf("a", main))
      const { lines } = yield* following(world, "a")
      yield* world.say(main, `${at(2)} tw`)
      yield* settle
      yield* world.cut(main)
      yield* world.write(main, [`${at(2)} two`, `${at(3)} three`], false)
      yield* settle
      assert.deepStrictEqual(lines, ["a/main: one", "a/main: two", "a/main: three"])
      assert.strictEqual(world.follows.size, 1)
    })
  )

  it.effect("neither loses nor doubles lines of the same time, nor those that were overtaken", () =>
    Effect.gen(function* () {
      const main = container("main", [`${at(5, 7)} a`, `${at(5, 7)} b`, `${at(6, 2)} c`])
      const world = cluster(podOf("a", main))
      const { texts } = yield* following(world, "a")
      yield* world.cut(main)
      yield* world.write(main, [`${at(6, 1)} d`, `${at(5, 9)} e`, `${at(6, 2)} f`, `${at(6, 2)} g`], false)
      yield* settle
      yield* world.cut(main)
      yield* settle
      assert.deepStrictEqual(texts(), [..."abcdefg"])
    })
  )

  it.effect("does not skip the lines of a file that begins later, after a rotation", () =>
    Effect.gen(function* () {
      const main = container("main", [`${at(5, 1)} a`, `${at(5, 2)} b`])
      const world = cluster(podOf("a", main))
      const { texts } = yield* following(world, "a")
      yield* world.cut(main)
      yield* world.rotate(main)
      yield* world.write(main, [`${at(5, 3)} c`, `${at(5, 4)} d`], false)
      yield* settle
      assert.deepStrictEqual(texts(), [..."abcd"])
    })
  )

  it.effect("shows all of the run that ended while nobody was connected, and then the next", () =>
    Effect.gen(function* () {
      const main = container("main", [`${at(1)} a`])
      const pod = podOf("a", main)
      const world = cluster(pod)
      const { texts } = yield* following(world, "a")
      world.refusals.push(Effect.fail(reset), Effect.fail(reset))
      yield* world.cut(main)
      yield* world.write(main, [`${at(2)} b`])
      yield* world.stop(pod, main)
      yield* world.start(pod, main)
      yield* world.write(main, [`${at(3)} c`])
      yield* settle
      yield* world.stop(pod, main)
      yield* settle
      const before = world.asked.length
      yield* settle
      // What has stopped is not asked again and again.
      assert.strictEqual(world.asked.length, before)
      yield* world.start(pod, main)
      yield* world.write(main, [`${at(4)} d`])
      yield* settle
      assert.deepStrictEqual(texts(), [..."abcd"])
    })
  )

  it.effect("shows all of two runs that ended while nobody was connected, the second while the first was read", () =>
    Effect.gen(function* () {
      const main = container("main", [`${at(1)} a`])
      const pod = podOf("a", main)
      const world = cluster(pod)
      let restarts = 1
      const restart = (line: string) =>
        Effect.all([world.stop(pod, main), world.start(pod, main), world.write(main, [line], false)])
      const layer = world.layerWith((http) => ({
        ...http,
        stream: (request) =>
          Effect.tap(http.stream(request), () =>
            request.target.includes("previous=true") && restarts-- > 0 ? restart(`${at(4)} d`) : Effect.void
          )
      }))
      const { texts } = yield* following({ layer }, "a")
      world.refusals.push(Effect.fail(reset), Effect.fail(reset))
      yield* world.cut(main)
      yield* world.write(main, [`${at(2)} b`])
      yield* restart(`${at(3)} c`)
      yield* settle
      assert.deepStrictEqual(texts(), [..."abcd"])
    })
  )

  it.effect("of one pod is not that of the next pod of its name", () =>
    Effect.gen(function* () {
      const pod = podOf("a", container("main", [`${at(1)} a`]))
      const world = cluster(pod)
      const { fiber, texts } = yield* following(world, "a")
      yield* world.remove(pod)
      yield* world.add({ ...podOf("a", container("main", [`${at(2)} b`])), uid: "uid-of-another" })
      yield* settle
      assert.deepStrictEqual(texts(), ["a"])
      assert.isTrue(Option.isSome(yield* Fiber.poll(fiber)))
    })
  )

  it.effect("waits longer and longer for a server that is away, and not after a line", () =>
    Effect.gen(function* () {
      const main = container("main", [`${at(1)} a`])
      const world = cluster(podOf("a", main))
      const { texts } = yield* following(world, "a")
      const before = world.asked.length
      world.refusals.push(...Array.from({ length: 1000 }, () => Effect.fail(reset)))
      yield* world.cut(main)
      yield* TestClock.adjust("10 minutes")
      yield* settle
      // 0.2 s, 0.4 s, ..., then 30 s: each with a second request, for the run before.
      assert.isAbove(world.asked.length - before, 15)
      assert.isBelow(world.asked.length - before, 60)
      world.refusals.splice(0)
      yield* world.write(main, [`${at(2)} b`], false)
      yield* settle
      assert.deepStrictEqual(texts(), ["a", "b"])
    })
  )

  it.effect("takes an end that says nothing for no end, while the container runs", () =>
    Effect.gen(function* () {
      const main = container("main", [`${at(1)} a`])
      const world = cluster(podOf("a", main))
      const { texts } = yield* following(world, "a")
      yield* world.say(main, `${at(2)} b, cut sh`)
      yield* settle
      yield* world.end(main)
      yield* world.write(main, [`${at(2)} b, cut short`], false)
      yield* settle
      assert.deepStrictEqual(texts(), ["a", "b, cut short"])
    })
  )

  it.effect("ends with the pod, when all is read", () =>
    Effect.gen(function* () {
      const main = container("main", [`${at(1)} a`])
      const side = container("side", [`${at(1)} x`])
      const pod = podOf("a", main, side)
      const world = cluster(pod)
      const { fiber, texts } = yield* following(world, "a")
      yield* world.stop(pod, main)
      yield* settle
      assert.strictEqual((yield* Fiber.poll(fiber))._tag, "None")
      yield* world.write(side, [`${at(2)} y`])
      yield* world.stop(pod, side)
      yield* world.finish(pod)
      yield* settle
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(texts(), ["a", "x", "y"])
    })
  )

  it.effect("ends with a pod that is deleted, also where nobody told, and where its node never hangs up", () =>
    Effect.gen(function* () {
      for (const told of [true, false]) {
        const main = container("main", [`${at(1)} a`])
        const pod = podOf("a", main)
        const world = cluster(pod)
        const { fiber, texts } = yield* following(world, "a")
        yield* world.remove(pod, told)
        if (!told) yield* world.cutWatches
        yield* settle
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(texts(), ["a"])
      }
    })
  )

  it.effect("begins at the end of the log with no line lost, even if the first connection breaks", () =>
    Effect.gen(function* () {
      const main = container("main", [`${at(1)} old`, `${at(2)} old`])
      const world = cluster(podOf("a", main))
      const { texts } = yield* following(world, "a", { tailLines: 0 })
      yield* world.cut(main)
      yield* world.write(main, [`${at(2, 1)} new`, `${at(3)} newer`], false)
      yield* settle
      assert.deepStrictEqual(texts(), ["new", "newer"])

      const tail = yield* following(world, "a", { tailLines: 2 })
      assert.deepStrictEqual(tail.texts(), ["new", "newer"])
      yield* world.cut(main)
      yield* settle
      assert.deepStrictEqual(tail.texts(), ["new", "newer"])
    })
  )

  it.effect("begins at a time, to the nanosecond", () =>
    Effect.gen(function* () {
      const main = container("main", [`${at(1, 1)} a`, `${at(1, 2)} b`, `${at(1, 3)} c`])
      const world = cluster(podOf("a", main))
      const { texts } = yield* following(world, "a", { sinceTime: at(1, 2) })
      yield* world.cut(main)
      yield* settle
      assert.deepStrictEqual(texts(), ["b", "c"])
      const read = yield* all(Logs.read("a", { sinceTime: at(1, 3) })).pipe(Effect.provide(world.layer))
      assert.deepStrictEqual(
        read.map(({ text }) => text),
        ["c"]
      )
    })
  )

  it.effect("does not take for a line what the kubelet says in place of a log, nor the end of a line from before", () =>
    Effect.gen(function* () {
      const main = container("main", [`${at(1)} a`])
      const world = cluster(podOf("a", main))
      const { texts } = yield* following(world, "a")
      yield* world.cut(main)
      yield* settle
      // The second answer begins at a time, in the middle of a line.
      yield* world.say(main, "unable to retrieve container logs for containerd://0123")
      yield* world.end(main)
      yield* settle
      assert.deepStrictEqual(texts(), ["a"])
      const removed = world.layerWith((http) => ({
        ...http,
        stream: (request) =>
          request.target.includes("/log?")
            ? Effect.succeed({
                status: 200,
                headers: {},
                body: Stream.make(encode("unable to retrieve container logs for containerd://0123"))
              })
            : http.stream(request)
      }))
      assert.deepStrictEqual(yield* Effect.provide(all(Logs.read("a")), removed), [])
    })
  )
})

describe("logs of many pods", { timeout: 30_000 }, () => {
  it.effect("are labelled; pods and containers join as they come, and are read from their beginning", () =>
    Effect.gen(function* () {
      const one = container("main", [`${at(1)} old`, `${at(2)} last`])
      const late = container("late")
      const a = podOf("a", one, late)
      const world = cluster(a)
      const { fiber, lines } = yield* following(world, web, { tailLines: 1 })
      const two = container("main", [`${at(3)} previous`], [`${at(4)} first`, `${at(5)} second`])
      yield* world.add(podOf("b", two))
      yield* world.start(a, late)
      yield* world.write(late, [`${at(6)} hello`])
      yield* settle
      yield* world.cutWatches
      const three = container("main", [`${at(1)} three`])
      yield* world.add(podOf("c", three))
      yield* settle
      assert.sameMembers(lines, [
        "a/main: last",
        "a/late: hello",
        "b/main: previous",
        "b/main: first",
        "b/main: second",
        "c/main: three"
      ])
      yield* Fiber.interrupt(fiber)
    })
  )

  it.effect("a new pod of an old name is another pod", () =>
    Effect.gen(function* () {
      // Its node may have another clock.
      for (const time of [at(1), at(20)]) {
        const main = container("main", [`${at(9)} a`])
        const pod = podOf("web-0", main)
        const world = cluster(pod)
        const { texts } = yield* following(world, web)
        yield* world.cutWatches
        yield* world.cut(main)
        yield* world.remove(pod, false)
        yield* world.add({ ...podOf("web-0", container("main", [`${time} b`])), uid: "other" })
        yield* settle
        assert.deepStrictEqual(texts(), ["a", "b"])
        const ended = yield* following(world, "web-0")
        yield* settle
        assert.strictEqual((yield* Fiber.poll(ended.fiber))._tag, "None")
      }
    })
  )

  it.effect("one that cannot be read does not disturb the others; a refusal of the user ends all", () =>
    Effect.gen(function* () {
      const one = container("main", [`${at(1)} a`])
      const world = cluster(podOf("a", one), podOf("b", container("main")))
      const { texts } = yield* following(world, web)
      assert.deepStrictEqual(texts(), ["a"])
      const read = yield* all(Logs.read(web)).pipe(Effect.provide(world.layer))
      assert.deepStrictEqual(
        read.map(({ text }) => text),
        ["a"]
      )
      for (const [code, reason] of [
        [401, "Unauthorized"],
        [403, "Forbidden"]
      ] as const) {
        const refusal = { status: code, body: fakes.status(code, reason) }
        world.refusals.push(refusal, refusal)
        const refused = yield* following(world, web)
        world.refusals.splice(0)
        const error = yield* Effect.flip(Fiber.join(refused.fiber))
        assert.strictEqual(error._tag, reason)
      }
    })
  )

  it.effect("no more of them are open than wanted", () =>
    Effect.gen(function* () {
      const pods = ["a", "b", "c"].map((name) => podOf(name, container("main", [`${at(1)} ${name}`])))
      const world = cluster(...pods)
      const { lines } = yield* following(world, web, { concurrency: 2 })
      assert.lengthOf(lines, 2)
      assert.strictEqual(world.follows.size, 2)
      const [first] = pods
      if (first?.containers[0] !== undefined) yield* world.stop(first, first.containers[0])
      yield* settle
      assert.lengthOf(lines, 3)
    })
  )
})

describe("what is asked for", { timeout: 30_000 }, () => {
  const failing = (pods: Pods.Pods, options: Logs.FollowOptions): Effect.Effect<readonly [KubeError, KubeError]> => {
    const world = cluster(podOf("a", container("main", [])))
    return Effect.all([
      Effect.flip(Stream.runDrain(Logs.follow(pods, options))),
      Effect.flip(Stream.runDrain(Logs.read(pods, options)))
    ]).pipe(
      Effect.provide(world.layer),
      Effect.orDieWith(() => new Error("it did not fail"))
    )
  }

  it.effect("is refused in words where it makes no sense", () =>
    Effect.gen(function* () {
      const expected: ReadonlyArray<readonly [Logs.FollowOptions, string]> = [
        [{ containers: ["main", "mian"] }, 'pod "a" has no container mian; it has main'],
        [
          { sinceTime: "yesterday" },
          'sinceTime: expected a time like 2026-01-31T08:00:00Z (RFC 3339), got "yesterday"'
        ],
        [{ tailLines: -1 }, "tailLines: expected a whole number from 0 on, got -1"],
        [{ sinceSeconds: 0 }, "sinceSeconds: expected a whole number of seconds from 1 on, got 0"],
        [{ sinceSeconds: 1, sinceTime: at(1) }, "sinceSeconds and sinceTime exclude each other; leave one out"]
      ]
      for (const [options, message] of expected) {
        for (const error of yield* failing("a", options)) {
          assert.strictEqual(error._tag, "InvalidRequest", error.message)
          assert.strictEqual(error.message, message)
        }
      }
      for (const error of yield* failing("nobody", {})) assert.strictEqual(error._tag, "NotFound")
    })
  )

  it.effect("is some containers, or all", () =>
    Effect.gen(function* () {
      const names = ["main", "proxy"]
      const world = cluster(podOf("a", ...names.map((name) => container(name, [`${at(1)} ${name}`]))))
      const read = (options: Logs.ReadOptions) =>
        Effect.map(all(Logs.read("a", options)), (lines) => lines.map(({ text }) => text))
      yield* Effect.gen(function* () {
        assert.deepStrictEqual(yield* read({}), names)
        assert.deepStrictEqual(yield* read({ containers: ["proxy"] }), ["proxy"])
        assert.deepStrictEqual(yield* read({ containers: (name) => name !== "proxy" }), ["main"])
        assert.deepStrictEqual(yield* read({ previous: true }), [])
      }).pipe(Effect.provide(world.layer))
    })
  )

  it.effect("comes as fast as it is read, from all pods together", () =>
    Effect.gen(function* () {
      const piece = encode(Array.from({ length: 10 }, (_, index) => `${at(index)} ${"x".repeat(90)}\n`).join(""))
      let pieces = 0
      const endless = Stream.repeatEffect(
        Effect.sync(() => {
          pieces++
          return piece
        })
      )
      const world = cluster(...["a", "b", "c"].map((name) => podOf(name, container("main", []))))
      const client = world.layerWith((http) => ({
        ...http,
        stream: (request) =>
          request.target.includes("/log?")
            ? Effect.succeed({ status: 200, headers: {}, body: endless })
            : http.stream(request)
      }))
      let read = 0
      const fiber = yield* Logs.follow(web).pipe(
        Stream.rechunk(1),
        Stream.runForEach(() =>
          Effect.zipRight(
            Effect.sync(() => read++),
            Effect.sleep("1 second")
          )
        ),
        Effect.provide(client),
        Effect.fork
      )
      yield* Effect.repeatN(settle, 2)
      assert.isAbove(read, 20)
      // What was read, what waits to be read, and a piece of each connection.
      assert.isBelow(pieces * 10, read + 2 * 128 + 3 * 2 * 10)
      yield* Fiber.interrupt(fiber)
    })
  )
})
