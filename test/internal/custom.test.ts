/** `Resource.define`: what a user's own Schema makes of what the server sends, and what is sent of a part of it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, ParseResult, Schema } from "effect"
import { type KubeClient, type KubeError, Patch, Resource } from "effect-kubernetes"
import { bodyOf, fake, ok } from "../layers/fake.js"

const names = { group: "example.com", version: "v1", kind: "Backup" } as const
const path = "/apis/example.com/v1/namespaces/team/backups/a"
const metadata = {
  name: "a",
  namespace: "team",
  uid: "1",
  resourceVersion: "1",
  creationTimestamp: "2026-01-01T00:00:00Z"
}
const backup = (fields: object) => ({ apiVersion: "example.com/v1", kind: "Backup", metadata, ...fields })

const answered =
  (body: unknown) =>
  <A>(call: Effect.Effect<A, KubeError, KubeClient>): Effect.Effect<A, KubeError> =>
    Effect.provide(call, Layer.orDie(fake(() => ok(body)).client))

const problem = (call: Effect.Effect<unknown, KubeError, KubeClient>, body: unknown) =>
  answered(body)(call).pipe(
    Effect.flip,
    Effect.map(({ _tag, message }) => `${_tag}: ${message.replace(` (GET ${path})`, "")}`)
  )

/** The body of the only request, and why there was none. */
const sent = (call: Effect.Effect<unknown, KubeError, KubeClient>) => {
  const { client, sent } = fake(() => ok(backup({})))
  return Effect.map(Effect.either(Effect.provide(call, client)), (result) =>
    sent.length === 1 ? bodyOf(sent[0]) : result
  )
}

class Schedule extends Schema.Class<Schedule>("Schedule")({
  hour: Schema.NumberFromString,
  zone: Schema.optional(Schema.String)
}) {
  get label(): string {
    return `${this.hour}:00`
  }
}

describe("a schema that transforms", () => {
  const Timed = Resource.define({
    ...names,
    schema: Schema.Struct({
      spec: Schema.Struct({
        due: Schema.Date,
        note: Schema.optional(Schema.String),
        exact: Schema.optionalWith(Schema.String, { exact: true }),
        keep: Schema.optional(Schema.NullOr(Schema.String)),
        parts: Schema.Array(Schema.Array(Schema.String))
      }),
      status: Schema.optional(Schema.Struct({ phase: Schema.String }))
    })
  })
  const due = "2026-01-01T00:00:00.000Z"

  it.effect("takes null for absent or empty, as one that does not", () =>
    Effect.gen(function* () {
      const nulls = { due, note: null, exact: null, keep: null, parts: [null, ["x"]] }
      const { spec, status } = yield* answered(backup({ spec: nulls, status: null }))(Timed.get("a"))
      assert.deepStrictEqual(spec, { due: new Date(due), note: undefined, keep: null, parts: [[], ["x"]] })
      assert.isUndefined(status)
      const empty = yield* answered(backup({ spec: { due, parts: null } }))(Timed.get("a"))
      assert.deepStrictEqual(empty.spec.parts, [])
    })
  )

  it.effect("says what is wrong in the same words", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* problem(Timed.get("a"), backup({ spec: { due, parts: [["x", 5]] } })),
        "DecodeError: spec.parts[0][1]: expected string, got 5"
      )
      assert.strictEqual(
        yield* problem(Timed.get("a"), backup({ spec: { due: null, parts: [] } })),
        "DecodeError: spec.due: expected string, got null"
      )
    })
  )

  it.effect("lets no field become the prototype of an object", () =>
    Effect.gen(function* () {
      const text = JSON.stringify(backup({ spec: { due, parts: [] } })).replace(
        '"due"',
        '"__proto__":{"admin":1},"due"'
      )
      const { spec } = yield* answered(text)(Timed.get("a"))
      assert.strictEqual(Object.getPrototypeOf(spec), Object.prototype)
      assert.notProperty(spec, "admin")
    })
  )

  it.effect("shows no value of a Secret", () =>
    Effect.gen(function* () {
      const Secret = Resource.define({
        group: "",
        version: "v1",
        kind: "Secret",
        schema: Schema.Struct({
          data: Schema.Record({ key: Schema.String, value: Schema.StringFromBase64 }),
          type: Schema.NonEmptyString
        })
      })
      const secret = { apiVersion: "v1", kind: "Secret", metadata, data: { password: "hunter2!" }, type: "x" }
      const error = yield* Effect.flip(answered(secret)(Secret.get("a")))
      assert.notInclude(JSON.stringify(error) + String(error), "hunter2")
      assert.isTrue(error._tag === "DecodeError" && error.at === "data.password" && error.cause === undefined)
    })
  )

  it.effect("tells in a few words what is wrong, also where an error is logged whole", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(answered(backup({ spec: { due: "someday", parts: [] } }))(Timed.get("a")))
      assert(error._tag === "DecodeError")
      assert.strictEqual(error.at, "spec.due")
      assert.instanceOf(error.cause, ParseResult.ParseError)
      assert.isBelow(JSON.stringify(error).length, 2000)
    })
  )

  it.effect("has the methods of a class, for the object and inside of it", () =>
    Effect.gen(function* () {
      const Inside = Resource.define({ ...names, schema: Schema.Struct({ spec: Schedule }) })
      const read = yield* answered(backup({ spec: { hour: "3", other: true } }))(Inside.get("a"))
      assert.strictEqual(read.spec.label, "3:00")
      assert.deepStrictEqual(yield* sent(Inside.replace(read)), backup({ spec: { hour: "3", other: true } }))

      const Whole = Resource.define({ ...names, schema: Schedule })
      const whole = yield* answered(backup({ hour: "3", other: true }))(Whole.get("a"))
      assert.strictEqual(whole.label, "3:00")
      assert.strictEqual(whole.metadata.name, "a")
      assert.deepStrictEqual(yield* sent(Whole.replace(whole)), backup({ hour: "3", other: true }))
    })
  )
})

describe("a part of an object, as the type allows it", () => {
  const Rich = Resource.define({
    ...names,
    status: true,
    schema: Schema.Struct({
      spec: Schema.Struct({
        image: Schema.String,
        replicas: Schema.optionalWith(Schema.NumberFromString, { default: () => 1 }),
        schedule: Schema.optional(Schedule),
        note: Schema.optionalWith(Schema.String, { as: "Option" }),
        from: Schema.propertySignature(Schema.String).pipe(Schema.fromKey("source"))
      }),
      status: Schema.optional(
        Schema.Struct({
          ready: Schema.optionalWith(Schema.Boolean, { default: () => false }),
          count: Schema.optional(Schema.Number)
        })
      )
    })
  })
  const object = { metadata: { name: "a" } }
  const whole = { apiVersion: "example.com/v1", kind: "Backup", metadata: { name: "a", namespace: "team" } }

  it.effect("goes without what has a default", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* sent(Rich.apply({ ...object, spec: { image: "x" } })), {
        ...whole,
        spec: { image: "x" }
      })
      assert.deepStrictEqual(yield* sent(Rich.apply({ ...object, spec: { replicas: 3, from: "s3" } })), {
        ...whole,
        spec: { replicas: "3", source: "s3" }
      })
      assert.deepStrictEqual(yield* sent(Rich.apply({ ...object, spec: { schedule: new Schedule({ hour: 4 }) } })), {
        ...whole,
        spec: { schedule: { hour: "4" } }
      })
      assert.deepStrictEqual(yield* sent(Rich.status.apply({ ...object, status: { count: 3 } })), {
        ...whole,
        status: { count: 3 }
      })
    })
  )

  it.effect("removes with null in a merge patch", () =>
    Effect.gen(function* () {
      const patch = Patch.merge<Resource.Custom<typeof Rich.schema.Type>>({
        spec: { replicas: null, from: null, schedule: null }
      })
      assert.deepStrictEqual(yield* sent(Rich.patch("a", patch)), {
        spec: { replicas: null, source: null, schedule: null }
      })
    })
  )
})

describe("names that name nothing", () => {
  const of = (wrong: object) => Resource.define({ ...names, ...wrong, schema: Schema.Struct({}) })
  const cases: ReadonlyArray<readonly [wrong: object, message: string]> = [
    [{ plural: "" }, "the plural name of a Backup may not be empty"],
    [
      { plural: "../pods" },
      'the plural name of a Backup "../pods": "." and ".." and what has "/" or "%" in it name no object'
    ],
    [{ group: "a/b" }, 'the group of a Backup "a/b": "." and ".." and what has "/" or "%" in it name no object'],
    [{ group: ".." }, 'the group of a Backup "..": "." and ".." and what has "/" or "%" in it name no object'],
    [{ version: "" }, "the version of a Backup may not be empty"]
  ]
  for (const [wrong, message] of cases) {
    it.effect(`reach no other path: ${JSON.stringify(wrong)}`, () =>
      Effect.gen(function* () {
        const { client, sent } = fake(() => ok({}))
        const { create, get, list } = of(wrong)
        const calls: ReadonlyArray<Effect.Effect<unknown, KubeError, KubeClient>> = [get("a"), list(), create({})]
        for (const call of calls) {
          const error = yield* Effect.flip(Effect.provide(call, client))
          assert.strictEqual(`${error._tag}: ${error.message}`, `InvalidRequest: ${message}`)
        }
        assert.deepStrictEqual(sent, [])
      })
    )
  }
})
