import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Option, Schema, Stream, TestClock, type Duration } from "effect"
import {
  Condition,
  Deployment,
  Job,
  KubeClient,
  Namespace,
  Node,
  Pod,
  Resource,
  type KubeError,
  type Stored
} from "effect-kubernetes"
import { queryOf } from "../layers/fake.js"
import { scripted, type Answer } from "../support/scripted.js"

/** A pod of which a wait looks at the phase and whether it is ready. */
const pod = (name: string, version: number, ready: boolean, more: { uid?: string; phase?: string } = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name,
    namespace: "team",
    uid: more.uid ?? `uid-${name}`,
    resourceVersion: String(version),
    creationTimestamp: "2026-01-01T00:00:00Z"
  },
  spec: { containers: [{ name: "web", image: "nginx", resources: {} }] },
  status: {
    phase: more.phase ?? "Running",
    conditions: [{ type: "Ready", status: ready ? "True" : "False", reason: ready ? "" : "ContainersNotReady" }]
  }
})

/** Runs it while time passes; `None` where it still waits then. */
const during = <A, E, R>(time: Duration.DurationInput, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    yield* TestClock.adjust(time)
    const exit = yield* Fiber.poll(fiber)
    yield* Fiber.interrupt(fiber)
    return exit
  })

const run = <A>(
  answers: ReadonlyArray<Answer>,
  effect: Effect.Effect<A, KubeError, KubeClient>,
  time: Duration.DurationInput = "10 seconds",
  client = scripted(answers)
) =>
  Effect.map(during(time, Effect.provide(effect, client.client)), (exit) => ({
    exit,
    value: Option.getOrUndefined(Option.flatMap(exit, Exit.match({ onFailure: Option.none, onSuccess: Option.some }))),
    error: Option.getOrUndefined(
      Option.flatMap(exit, (ended) => Option.flatMap(Exit.causeOption(ended), Cause.failureOption))
    ),
    ...client
  }))

describe("waitFor", () => {
  it.effect("asks once for what is so already, and opens no watch", () =>
    Effect.gen(function* () {
      const { sent, value } = yield* run([{ items: [pod("a", 1, true)] }], Pod.waitFor("a", Pod.ready), 0)
      assert.strictEqual(value?.metadata.name, "a")
      assert.strictEqual(sent.length, 1)
      assert.deepInclude(queryOf(sent[0]), ["fieldSelector", "metadata.name=a"])
    })
  )

  it.effect("returns the object as it is when it comes true", () =>
    Effect.gen(function* () {
      const { value, state } = yield* run(
        [{ items: [pod("a", 1, false)] }, { events: [[1000, "MODIFIED", pod("a", 11, true)]] }],
        Pod.waitFor("a", Pod.ready)
      )
      assert.strictEqual(value?.metadata.resourceVersion, "11")
      assert.strictEqual(state.open, 0)
    })
  )

  it.effect("a condition may be about any field, also one that a watch leaves out", () =>
    Effect.gen(function* () {
      const ready = pod("a", 11, false)
      const managed = { ...ready, metadata: { ...ready.metadata, managedFields: [{ manager: "m" }] } }
      const { value } = yield* run(
        [{ items: [pod("a", 1, false)] }, { events: [[1000, "MODIFIED", managed]] }],
        Pod.waitFor("a", Condition.jsonpath("{.metadata.managedFields[0].manager}=m"))
      )
      assert.strictEqual(value?.metadata.resourceVersion, "11")
    })
  )

  it.effect("waits for the state that its condition means, of every kind of condition", () =>
    Effect.gen(function* () {
      const ready = Condition.status("Ready")
      const done = Condition.jsonpath("{.status.phase}=Succeeded")
      const second = Condition.make("the second", (it: Stored<Pod>) => it.metadata.resourceVersion === "12")
      const conditions: ReadonlyArray<readonly [Condition.Condition<Stored<Pod>, undefined>, string | undefined]> = [
        [Condition.created, "1"],
        [Condition.not(ready), "1"],
        [ready, "11"],
        [Condition.status("Ready", "False"), "1"],
        [Condition.or(done, ready), "11"],
        [done, "12"],
        [Condition.and(done, ready), "12"],
        [second, "12"],
        [Pod.completed, "12"],
        [Condition.deleted, undefined],
        [
          Condition.or(
            Condition.deleted,
            Condition.make("never so", () => false)
          ),
          undefined
        ]
      ]
      for (const [condition, version] of conditions) {
        const { exit } = yield* run(
          [
            { items: [pod("a", 1, false)] },
            {
              events: [
                [10, "MODIFIED", pod("a", 11, true)],
                [10, "MODIFIED", pod("a", 12, true, { phase: "Succeeded" })],
                [10, "DELETED", pod("a", 13, true, { phase: "Succeeded" })]
              ]
            }
          ],
          Effect.map(Pod.waitFor("a", condition), (found) => found?.metadata.resourceVersion)
        )
        assert.deepStrictEqual(exit, Option.some(Exit.succeed(version)), condition.description)
      }
    })
  )

  it.effect("waits for an object that is not there yet", () =>
    Effect.gen(function* () {
      const { value } = yield* run(
        [
          { items: [] },
          {
            events: [
              [500, "ADDED", pod("a", 11, false)],
              [500, "MODIFIED", pod("a", 12, true)]
            ]
          }
        ],
        Pod.waitFor("a", Pod.ready)
      )
      assert.strictEqual(value?.metadata.resourceVersion, "12")
    })
  )

  it.effect("a name stands for whatever bears it: it may go and come back as another object", () =>
    Effect.gen(function* () {
      const back = { uid: "another" }
      const { value } = yield* run(
        [
          { items: [pod("a", 1, false)] },
          {
            events: [
              [100, "DELETED", pod("a", 11, false)],
              [100, "ADDED", pod("a", 12, false, back)],
              [100, "MODIFIED", pod("a", 13, true, back)]
            ]
          }
        ],
        Pod.waitFor("a", Pod.ready)
      )
      assert.strictEqual(value?.metadata.uid, "another")
    })
  )

  it.effect("an object stands for itself: gone is gone, whatever takes its name", () =>
    Effect.gen(function* () {
      const before: Answer = { object: pod("a", 1, false) }
      const gone: ReadonlyArray<Answer> = [
        before,
        { items: [pod("a", 1, false)] },
        { events: [[100, "DELETED", pod("a", 11, false)]] }
      ]
      const replaced: ReadonlyArray<Answer> = [before, { items: [pod("a", 20, true, { uid: "another" })] }]
      for (const answers of [gone, replaced]) {
        const { error } = yield* run(
          answers,
          Effect.flatMap(Pod.get("a"), (found) => Pod.waitFor(found, Pod.ready))
        )
        assert.strictEqual(error?._tag, "WaitFailed")
        assert.strictEqual(error?.message, 'Pod "a" will not be ready: it was deleted')
        const { value, exit } = yield* run(
          answers,
          Effect.flatMap(Pod.get("a"), (found) => Effect.as(Pod.waitFor(found, Condition.deleted), "gone"))
        )
        assert.strictEqual(value, "gone", String(exit))
      }
    })
  )

  it.effect("a stream that the server ends, or that breaks, is no answer: the wait goes on", () =>
    Effect.gen(function* () {
      for (const after of ["end", "reset"] as const) {
        const { value, sent } = yield* run(
          [
            { items: [pod("a", 1, false)] },
            { events: [[5000, "MODIFIED", pod("a", 11, false)]], after },
            { events: [[5000, "MODIFIED", pod("a", 12, true)]], after }
          ],
          Pod.waitFor("a", Pod.ready),
          "30 seconds"
        )
        assert.strictEqual(value?.metadata.resourceVersion, "12", after)
        assert.deepInclude(queryOf(sent[2]), ["resourceVersion", "11"])
      }
    })
  )

  it.effect("sees a deletion that happened while the server had forgotten where it was (410)", () =>
    Effect.gen(function* () {
      const expired = {
        kind: "Status",
        apiVersion: "v1",
        status: "Failure",
        code: 410,
        reason: "Expired",
        message: "too old"
      }
      const { exit, sent } = yield* run(
        [{ items: [pod("a", 1, false)] }, { events: [[5000, "ERROR", expired]], after: "end" }, { items: [] }],
        Effect.as(Pod.waitFor("a", Condition.deleted), "gone"),
        "30 seconds"
      )
      assert.deepStrictEqual(exit, Option.some(Exit.succeed("gone")))
      assert.strictEqual(sent.length, 3)
    })
  )

  it.effect("fails at once when it can never be", () =>
    Effect.gen(function* () {
      const { error, state } = yield* run(
        [{ items: [pod("a", 1, false)] }, { events: [[100, "MODIFIED", pod("a", 11, false, { phase: "Failed" })]] }],
        Pod.waitFor("a", Pod.ready)
      )
      assert.strictEqual(error?.message, 'Pod "a" will not be ready: the pod has ended with Failed')
      assert.strictEqual(state.open, 0)
    })
  )

  it.effect("a timeout says how it was last", () =>
    Effect.gen(function* () {
      const timeout = { timeout: "3 seconds" } as const
      const late = (answers: ReadonlyArray<Answer>) =>
        Effect.map(run(answers, Pod.waitFor("a", Pod.ready, timeout)), ({ error, state }) => {
          assert.strictEqual(state.open, 0)
          assert.strictEqual(error?._tag, "TimeoutError")
          return error
        })
      const error = yield* late([{ items: [pod("a", 1, true)].map((a) => ({ ...a, status: {} })) }, { events: [] }])
      assert.strictEqual(error?.message, 'not within 3s: Pod "a" is not ready: the pod is Pending')
      assert.deepInclude(error, { path: "/api/v1/namespaces/team/pods/a", objectName: "a", kind: "Pod" })
      assert.strictEqual(
        (yield* late([{ items: [] }, { events: [] }]))?.message,
        'not within 3s: Pod "a" is not ready: it is not there'
      )
      assert.strictEqual(
        (yield* late([{ items: [pod("a", 1, false)] }, { events: [[1, "DELETED", pod("a", 11, false)]] }]))?.message,
        'not within 3s: Pod "a" is not ready: it was deleted'
      )
      assert.strictEqual(
        (yield* late(["silence"]))?.message,
        'not within 3s: Pod "a" is not ready: the server has not answered yet'
      )
    })
  )

  it.effect("the time is that of the call, of the region, or of the client; or there is no limit", () =>
    Effect.gen(function* () {
      const answers: ReadonlyArray<Answer> = [
        { items: [] },
        { events: [] },
        ...Array.from({ length: 50 }, () => ({ events: [] }))
      ]
      const waiting = Pod.waitFor("a", Pod.ready)
      const of = (effect: typeof waiting, timeout: Duration.DurationInput | "infinity") =>
        Effect.map(run(answers, effect, "1 hour", scripted(answers, { timeout })), ({ error }) =>
          error?._tag === "TimeoutError" ? error.message.split(":")[0] : error
        )
      assert.strictEqual(yield* of(waiting, "7 seconds"), "not within 7s")
      assert.strictEqual(yield* of(KubeClient.withTimeout(waiting, "5 seconds"), "7 seconds"), "not within 5s")
      assert.strictEqual(
        yield* of(
          KubeClient.withTimeout(Pod.waitFor("a", Pod.ready, { timeout: "3 seconds" }), "5 seconds"),
          "7 seconds"
        ),
        "not within 3s"
      )
      assert.strictEqual(yield* of(Pod.waitFor("a", Pod.ready, { timeout: "infinity" }), "7 seconds"), undefined)
    })
  )

  it.effect("interruption closes the connection", () =>
    Effect.gen(function* () {
      const { client, state } = scripted([{ items: [] }, { events: [] }])
      const fiber = yield* Effect.fork(Effect.provide(Pod.waitFor("a", Pod.ready), client))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(state.open, 1)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(state.open, 0)
    })
  )

  it.effect("fails for an object that cannot be decoded, and does not take it for one that is not there", () =>
    Effect.gen(function* () {
      const broken = { ...pod("a", 1, true), spec: "nothing" }
      for (const wait of [
        Effect.asVoid(Pod.waitFor("a", Condition.deleted)),
        Effect.asVoid(Pod.waitForAll({}, Condition.deleted))
      ]) {
        const { error } = yield* run([{ items: [broken] }], wait)
        assert.strictEqual(error?._tag, "DecodeError")
      }
    })
  )

  it.effect("fails when the server refuses", () =>
    Effect.gen(function* () {
      const { error } = yield* run([{ code: 403, reason: "Forbidden" }], Pod.waitFor("a", Pod.ready))
      assert.strictEqual(error?._tag, "Forbidden")
    })
  )

  it.effect("takes every form of reference, to where it leads", () =>
    Effect.gen(function* () {
      const pathOf = (wait: Effect.Effect<unknown, KubeError, KubeClient>) =>
        Effect.map(run([{ items: [] }, { events: [] }], wait), ({ sent, error }) =>
          error?._tag === "InvalidRequest" ? error.message : sent[0]?.target.split("?")[0]
        )
      assert.strictEqual(yield* pathOf(Pod.waitFor("a", Pod.ready)), "/api/v1/namespaces/team/pods")
      assert.strictEqual(yield* pathOf(Pod.waitFor("a", Pod.ready, { namespace: "x" })), "/api/v1/namespaces/x/pods")
      assert.strictEqual(
        yield* pathOf(KubeClient.withNamespace(Pod.waitFor("a", Pod.ready), "y")),
        "/api/v1/namespaces/y/pods"
      )
      assert.strictEqual(
        yield* pathOf(Pod.waitFor({ name: "a", namespace: "z" }, Pod.ready)),
        "/api/v1/namespaces/z/pods"
      )
      assert.strictEqual(
        yield* pathOf(Pod.waitFor({ metadata: { name: "a", namespace: "z" } }, Pod.ready)),
        "/api/v1/namespaces/z/pods"
      )
      assert.include(
        String(yield* pathOf(Pod.waitFor({ name: "a", namespace: "z" }, Pod.ready, { namespace: "x" }))),
        "does not match"
      )
      assert.strictEqual(yield* pathOf(Node.waitFor("n", Node.ready)), "/api/v1/nodes")
      assert.strictEqual(yield* pathOf(Namespace.waitFor("n", Condition.created)), "/api/v1/namespaces")
      assert.strictEqual(
        yield* pathOf(Deployment.waitFor("d", Deployment.available)),
        "/apis/apps/v1/namespaces/team/deployments"
      )
      assert.strictEqual(yield* pathOf(Pod.waitFor("", Pod.ready)), "the name of a Pod may not be empty")
    })
  )

  it.effect("watches the group of the kind, not what else has its plural", () =>
    Effect.gen(function* () {
      const Service = Resource.define({
        group: "serving.knative.dev",
        version: "v1",
        kind: "Service",
        schema: Schema.Struct({ spec: Schema.Struct({}) })
      })
      const { sent } = yield* run([{ items: [] }, { events: [] }], Service.waitFor("a", Condition.status("Ready")))
      assert.include(sent[0]?.target, "/apis/serving.knative.dev/v1/namespaces/team/services?")
    })
  )

  it.effect("stands a status that is missing, null, or of another shape", () =>
    Effect.gen(function* () {
      const Backup = Resource.define({
        group: "example.com",
        version: "v1",
        kind: "Backup",
        schema: Schema.Struct({ status: Schema.optional(Schema.Unknown) })
      })
      for (const status of [undefined, null, "x", [], { conditions: null }, { conditions: [null, 1, { type: 7 }] }]) {
        const { error } = yield* run(
          [
            { items: [{ ...pod("a", 1, false), apiVersion: "example.com/v1", kind: "Backup", status }] },
            { events: [] }
          ],
          Backup.waitFor("a", Condition.and(Condition.status("Ready"), Condition.jsonpath("{.status.phase}=Done")), {
            timeout: "1 second"
          })
        )
        assert.include(error?.message, "it has no condition Ready", JSON.stringify(status))
      }
    })
  )

  it.effect("refuses a JSONPath that cannot be read before it asks anybody, however it is combined", () =>
    Effect.gen(function* () {
      const broken = Condition.jsonpath("{.a[}=1")
      for (const condition of [
        broken,
        Condition.not(broken),
        Condition.or(Pod.ready, broken),
        Condition.and(broken, Pod.ready)
      ]) {
        for (const wait of [
          Effect.asVoid(Pod.waitFor("a", condition)),
          Effect.asVoid(Pod.waitForAny({}, condition)),
          Effect.asVoid(Pod.waitForAll({}, condition)),
          Stream.runDrain(Pod.waitForStream("a", condition))
        ]) {
          const { error, sent } = yield* run([], wait)
          assert.strictEqual(error?._tag, "InvalidRequest")
          assert.strictEqual(sent.length, 0)
        }
      }
    })
  )

  it.effect("a predicate that throws ends the wait as a defect", () =>
    Effect.gen(function* () {
      const bad = Condition.make("bad", () => {
        // oxlint-disable-next-line functional/no-throw-statements -- as a user's mistake would
        throw new Error("a mistake")
      })
      const { exit } = yield* run([{ items: [pod("a", 1, true)] }], Pod.waitFor("a", bad))
      const cause = Option.getOrThrow(Option.flatMap(exit, Exit.causeOption))
      assert.include(Cause.pretty(cause), "a mistake")
      assert.isTrue(Cause.isDie(cause))
    })
  )
})

describe("waitForStream", () => {
  it.effect("tells each state, and ends with the one that was waited for", () =>
    Effect.gen(function* () {
      const { value } = yield* run(
        [
          { items: [] },
          {
            events: [
              [1, "ADDED", pod("a", 11, false)],
              [1, "DELETED", pod("a", 12, false)],
              [1, "ADDED", pod("a", 13, true, { uid: "b" })]
            ]
          }
        ],
        Stream.runCollect(Pod.waitForStream("a", Pod.ready))
      )
      assert.deepStrictEqual(
        Array.from(value ?? [], ({ because, isMet, object }) => [object?.metadata.resourceVersion, isMet, because]),
        [
          [undefined, false, "it is not there"],
          ["11", false, "the pod is Running: ContainersNotReady"],
          [undefined, false, "it was deleted"],
          ["13", true, ""]
        ]
      )
    })
  )

  it.effect("fails as waitFor does", () =>
    Effect.gen(function* () {
      const failed = {
        ...pod("a", 1, false),
        apiVersion: "batch/v1",
        kind: "Job",
        spec: { template: pod("a", 1, false) }
      }
      const { error } = yield* run(
        [
          {
            items: [
              {
                ...failed,
                status: { conditions: [{ type: "Failed", status: "True", reason: "BackoffLimitExceeded" }] }
              }
            ]
          }
        ],
        Stream.runDrain(Job.waitForStream("a", Job.complete))
      )
      assert.strictEqual(error?.message, 'Job "a" will not be complete: the job has failed: BackoffLimitExceeded')
      const late = yield* run(
        [{ items: [] }, { events: [] }],
        Stream.runDrain(Pod.waitForStream("a", Pod.ready, { timeout: "1 second" }))
      )
      assert.strictEqual(late.error?.message, 'not within 1s: Pod "a" is not ready: it is not there')
      assert.strictEqual(late.state.open, 0)
    })
  )
})

describe("waitForAll", () => {
  const labels = { labels: { app: "web" } }

  it.effect("waits until there is one and every one is as wanted", () =>
    Effect.gen(function* () {
      const { sent, value } = yield* run(
        [
          { items: [] },
          {
            events: [
              [10, "ADDED", pod("a", 11, false)],
              [10, "ADDED", pod("b", 12, true)],
              [10, "MODIFIED", pod("a", 13, true)]
            ]
          }
        ],
        Pod.waitForAll(labels, Pod.ready)
      )
      assert.deepStrictEqual(
        value?.map(({ metadata }) => metadata.name),
        ["a", "b"]
      )
      assert.deepInclude(queryOf(sent[0]), ["labelSelector", "app=web"])
    })
  )

  it.effect("looks at the whole list, not at its first page", () =>
    Effect.gen(function* () {
      const { value } = yield* run(
        [
          { items: [pod("a", 1, true)], continue: "more" },
          { items: [pod("b", 2, false)] },
          { events: [[10, "MODIFIED", pod("b", 11, true)]] }
        ],
        Pod.waitForAll(labels, Pod.ready)
      )
      assert.strictEqual(value?.length, 2)
    })
  )

  it.effect("does not wait for one that is gone", () =>
    Effect.gen(function* () {
      const { value } = yield* run(
        [{ items: [pod("a", 1, true), pod("b", 2, false)] }, { events: [[10, "DELETED", pod("b", 11, false)]] }],
        Pod.waitForAll(labels, Pod.ready)
      )
      assert.strictEqual(value?.length, 1)
    })
  )

  it.effect("Condition.deleted is met when there is none, from the beginning or later", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* run([{ items: [] }], Pod.waitForAll(labels, Condition.deleted))).value, [])
      const { value } = yield* run(
        [{ items: [pod("a", 1, true)] }, { events: [[10, "DELETED", pod("a", 11, false)]] }],
        Pod.waitForAll(labels, Condition.deleted)
      )
      assert.deepStrictEqual(value, [])
    })
  )

  it.effect("fails as soon as one never can, and names it", () =>
    Effect.gen(function* () {
      const { error } = yield* run(
        [{ items: [pod("a", 1, true), pod("b", 2, false, { phase: "Failed" })] }],
        Pod.waitForAll(labels, Pod.ready)
      )
      assert.strictEqual(error?.message, 'Pod "team/b" will not be ready: the pod has ended with Failed')
    })
  )

  it.effect("a timeout says that there is none, or names some", () =>
    Effect.gen(function* () {
      const timeout = { timeout: "1 second" } as const
      const none = yield* run([{ items: [] }, { events: [] }], Pod.waitForAll(labels, Pod.ready, timeout))
      assert.strictEqual(none.error?.message, "not within 1s: not every Pod is ready: there is none")
      const items = Array.from({ length: 5000 }, (_, i) => pod(`p${i}`, i + 1, i === 0))
      const many = yield* run([{ items }, { events: [] }], Pod.waitForAll(labels, Pod.ready, timeout))
      assert.include(many.error?.message, "team/p5: the pod is Running: ContainersNotReady; and 4994 more")
      assert.isBelow(many.error?.message.length ?? 0, 1000)
    })
  )

  it.effect("tells objects of the same name in two namespaces apart", () =>
    Effect.gen(function* () {
      const other = pod("a", 2, false)
      const elsewhere = { ...other, metadata: { ...other.metadata, namespace: "other", uid: "o" } }
      const { error, sent } = yield* run(
        [{ items: [pod("a", 1, true), elsewhere] }, { events: [] }],
        Pod.waitForAll({ allNamespaces: true }, Pod.ready, { timeout: "1 second" })
      )
      assert.include(error?.message, "other/a: ")
      assert.include(sent[0]?.target, "/api/v1/pods?")
    })
  )
})

describe("waitForAny", () => {
  it.effect("returns the first one, whatever has become of the others", () =>
    Effect.gen(function* () {
      const { value } = yield* run(
        [
          { items: [pod("a", 1, false, { phase: "Failed" })] },
          {
            events: [
              [10, "ADDED", pod("b", 11, false)],
              [10, "MODIFIED", pod("b", 12, true)]
            ]
          }
        ],
        Pod.waitForAny({}, Pod.ready)
      )
      assert.strictEqual(value?.metadata.name, "b")
    })
  )

  it.effect("a timeout says how they are", () =>
    Effect.gen(function* () {
      const { error } = yield* run(
        [{ items: [pod("a", 1, false, { phase: "Failed" })] }, { events: [] }],
        Pod.waitForAny({}, Pod.ready, { timeout: "1 second" })
      )
      assert.strictEqual(error?.message, "not within 1s: no Pod is ready: team/a: the pod has ended with Failed")
    })
  )
})
