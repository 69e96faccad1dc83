import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, FastCheck as fc, Schema } from "effect"
import { builtIn } from "effect-kubernetes"
import { alwaysSent } from "../../src/internal/annotations.js"
import { formatActual, formatPath, shapeOf, type Check } from "../../src/internal/check.js"

const checkOf = (schema: Schema.Schema.AnyNoContext): Check => shapeOf(schema.ast).check

/** What is wrong, in the words of an error message; undefined: nothing. */
const problem = (schema: Schema.Schema.AnyNoContext, value: unknown) => {
  const found = checkOf(schema)(value)
  return found === undefined
    ? undefined
    : `${formatPath(found.path.toReversed())}: expected ${found.expected}, got ${formatActual(found.actual)}`
}

const Inner = Schema.Struct({ port: Schema.Number, name: Schema.optional(Schema.String) })
const Outer = Schema.Struct({
  inner: Schema.optional(Inner),
  list: Schema.optional(Schema.Array(Inner)),
  labels: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.String })),
  mode: Schema.optional(Schema.Literal("on", "off")),
  either: Schema.optional(Schema.Union(Schema.String, Schema.Number)),
  free: Schema.optional(Schema.Unknown)
})

describe("a check of parsed JSON", () => {
  it("tells where and what", () => {
    assert.strictEqual(problem(Outer, {}), undefined)
    assert.strictEqual(problem(Outer, 5), ": expected object, got 5")
    assert.strictEqual(problem(Outer, []), ": expected object, got an array")
    assert.strictEqual(problem(Outer, { inner: {} }), "inner.port: expected number, got nothing")
    assert.strictEqual(problem(Outer, { list: [{ port: 1 }, { port: "x" }] }), 'list[1].port: expected number, got "x"')
    assert.strictEqual(problem(Outer, { list: {} }), "list: expected array, got an object")
    assert.strictEqual(problem(Outer, { labels: { "a/b": 1 } }), 'labels["a/b"]: expected string, got 1')
    assert.strictEqual(problem(Outer, { mode: "x" }), 'mode: expected "on" or "off", got "x"')
    assert.strictEqual(problem(Outer, { either: true }), "either: expected string or number, got true")
  })

  it("takes null for absent, as Go does, where null means nothing of its own", () => {
    const value = { inner: null, list: null, labels: null, mode: null, either: null, free: null }
    assert.strictEqual(problem(Outer, value), undefined)
    assert.deepStrictEqual(value, {
      inner: undefined,
      list: undefined,
      labels: undefined,
      mode: undefined,
      either: undefined,
      free: null
    } as unknown)
  })

  it("takes null for empty where a list or map is required, and for nothing where a value is", () => {
    const schema = Schema.Struct({
      list: Schema.Array(Schema.String),
      map: Schema.Record({ key: Schema.String, value: Schema.String })
    })
    const value = { list: null, map: null }
    assert.strictEqual(problem(schema, value), undefined)
    assert.deepStrictEqual<unknown>(value, { list: [], map: {} })
    assert.strictEqual(problem(Inner, { port: null }), "port: expected number, got null")
    assert.strictEqual(problem(Schema.Struct({ inner: Inner }), { inner: null }), "inner: expected object, got null")
    assert.strictEqual(problem(Schema.Struct({ a: Schema.NullOr(Schema.String) }), { a: null }), undefined)
  })

  it("gives each null a list of its own", () => {
    const schema = Schema.Struct({ list: Schema.Array(Schema.String) })
    const one: { list: unknown } = { list: null }
    const two: { list: unknown } = { list: null }
    checkOf(schema)(one)
    checkOf(schema)(two)
    assert.notStrictEqual(one.list, two.list)
  })

  it("demands what the server always sends", () => {
    const schema = Schema.Struct({ spec: Schema.optional(Inner).annotations(alwaysSent) })
    assert.strictEqual(problem(schema, {}), "spec: expected object, got nothing")
    assert.strictEqual(problem(schema, { spec: { port: 1 } }), undefined)
  })

  it("follows types that contain themselves", () => {
    interface Tree {
      readonly children?: ReadonlyArray<Tree>
    }
    const Tree: Schema.Schema<Tree> = Schema.Struct({
      children: Schema.optionalWith(Schema.Array(Schema.suspend(() => Tree)), { exact: true })
    })
    assert.strictEqual(problem(Tree, { children: [{ children: [] }, {}] }), undefined)
    assert.strictEqual(
      problem(Tree, { children: [{}, { children: [5] }] }),
      "children[1].children[0]: expected object, got 5"
    )
  })

  it("leaves the value and unknown fields where they are", () => {
    const json = fc.jsonValue()
    fc.assert(
      fc.property(fc.dictionary(fc.string(), json), json, (unknown, more) => {
        const value = {
          ...unknown,
          inner: { port: 1, extra: more },
          list: [{ port: 2, extra: more }],
          labels: undefined,
          mode: undefined,
          either: undefined,
          free: more
        }
        const before = structuredClone(value)
        const { inner, list } = value
        assert.strictEqual(problem(Outer, value), undefined)
        assert.deepStrictEqual(value, before)
        assert.strictEqual(value.inner, inner)
        assert.strictEqual(value.list, list)
      })
    )
  })

  it("is not all there is to a schema that does more than describe a shape", () => {
    for (const schema of [
      Schema.NumberFromString,
      Schema.Struct({ a: Schema.Date }),
      Schema.NonEmptyString,
      Schema.Array(Schema.Int),
      Schema.Tuple(Schema.String),
      Schema.Struct({ a: Schema.String }, { key: Schema.String, value: Schema.Unknown }),
      Schema.Struct({ a: Schema.optionalWith(Schema.String, { default: () => "" }) }),
      Schema.suspend(() => Schema.NonEmptyString)
    ]) {
      assert.isFalse(shapeOf(schema.ast).plain, String(schema))
    }
  })

  it("is all for the kinds of Kubernetes", () => {
    for (const { kind, schema } of builtIn) assert.isTrue(shapeOf(schema.ast).plain, kind)
  })

  it("is of what is sent, where a schema transforms that", () => {
    const schema = Schema.Struct({
      due: Schema.Date,
      size: Schema.Int,
      count: Schema.optionalWith(Schema.NumberFromString, { default: () => 1 }),
      tags: Schema.NonEmptyArray(Schema.String)
    })
    assert.strictEqual(problem(schema, { due: "x", size: 0.5, tags: [] }), undefined)
    assert.strictEqual(problem(schema, { due: 5, size: 1, tags: [] }), "due: expected string, got 5")
    assert.strictEqual(problem(schema, { due: "x", size: "1", tags: [] }), 'size: expected number, got "1"')
    assert.strictEqual(problem(schema, { due: "x", size: 1, count: 1, tags: [] }), "count: expected string, got 1")
  })

  it("takes null for an empty list or map in lists and maps, too", () => {
    const schema = Schema.Struct({
      map: Schema.Record({ key: Schema.String, value: Schema.Array(Schema.String) }),
      list: Schema.Array(Schema.Record({ key: Schema.String, value: Schema.String }))
    })
    const value = { map: { a: null, b: ["x"] }, list: [null, {}] }
    assert.strictEqual(problem(schema, value), undefined)
    assert.deepStrictEqual<unknown>(value, { map: { a: [], b: ["x"] }, list: [{}, {}] })
    assert.strictEqual(problem(schema, { map: { a: [null] }, list: [] }), "map.a[0]: expected string, got null")
    assert.strictEqual(problem(schema, { map: {}, list: [{ b: null }] }), "list[0].b: expected string, got null")
  })

  it("looks into the member of a union whose tag it finds", () => {
    const schema = Schema.Struct({
      source: Schema.Union(
        Schema.Struct({ type: Schema.Literal("git"), depth: Schema.optional(Schema.Number) }),
        Schema.Struct({ type: Schema.Literal("http"), url: Schema.String, depth: Schema.NullOr(Schema.Number) })
      )
    })
    const of = (source: unknown) => problem(schema, { source })
    assert.strictEqual(of({ type: "git", depth: "1" }), 'source.depth: expected number, got "1"')
    assert.strictEqual(of({ url: 1, type: "http" }), "source.url: expected string, got 1")
    assert.strictEqual(of({ type: "ftp" }), 'source.type: expected "git" or "http", got "ftp"')
    assert.strictEqual(of({}), 'source.type: expected "git" or "http", got nothing')
    assert.strictEqual(of("git"), 'source: expected object or object, got "git"')
    // What null means is for that member to say.
    const http = { depth: null, type: "http", url: "x" }
    assert.strictEqual(of(http), undefined)
    assert.isNull(http.depth)
  })
})

describe("a check agrees with its Schema", () => {
  const leaf = fc.constantFrom<Schema.Schema.AnyNoContext>(
    Schema.String,
    Schema.Number,
    Schema.Boolean,
    Schema.Literal("a", "b"),
    Schema.Union(Schema.String, Schema.Number)
  )
  const { schema } = fc.letrec<{ schema: Schema.Schema.AnyNoContext }>((tie) => ({
    schema: fc.oneof(
      { maxDepth: 3, depthSize: "small" },
      leaf,
      tie("schema").map((item) => Schema.Array(item)),
      tie("schema").map((item) => Schema.Record({ key: Schema.String, value: item })),
      fc
        .array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), tie("schema"), fc.boolean()), {
          minLength: 1,
          maxLength: 4
        })
        .map((fields) =>
          Schema.Struct(
            Object.fromEntries(fields.map(([name, item, optional]) => [name, optional ? Schema.optional(item) : item]))
          )
        )
    )
  }))

  /** Some part of the value is replaced by something else. */
  const mutate = (value: unknown, at: number, by: unknown): unknown => {
    const keys = typeof value === "object" && value !== null ? Object.keys(value) : []
    const key = keys[at % (keys.length + 1)]
    if (key === undefined) return by
    const changed = Array.isArray(value) ? [...value] : Object.assign({}, value)
    // The key is one of the copy's own.
    const parts = changed as Record<string, unknown>
    parts[key] = mutate(parts[key], Math.floor(at / (keys.length + 1)), by)
    return changed
  }

  const oddities = fc.constantFrom<unknown>("x", 5, true, {}, [], ["x"], { a: 1 }, undefined)

  it("on every value of the schema, and on values that differ somewhere", () => {
    let accepted = 0
    let rejected = 0
    fc.assert(
      fc.property(
        schema.chain((schema) =>
          fc.tuple(
            fc.constant(schema),
            fc.constant(null).chain(() => arbitraryOf(schema)),
            fc.nat(),
            oddities
          )
        ),
        ([schema, value, at, by]) => {
          const check = checkOf(schema)
          const is = Schema.is(schema)
          assert.isTrue(is(value))
          assert.isUndefined(check(structuredClone(value)))
          const mutated = mutate(value, at, by)
          const valid = is(mutated)
          if (valid) accepted++
          else rejected++
          assert.strictEqual(check(structuredClone(mutated)) === undefined, valid)
        }
      ),
      { numRuns: 500 }
    )
    // Both sides of the law were seen.
    assert.isAbove(accepted, 20)
    assert.isAbove(rejected, 20)
  })
})

/** Values of a schema, as they would come out of JSON: what is not there is not there as undefined either. */
const arbitraryOf = (schema: Schema.Schema.AnyNoContext): fc.Arbitrary<unknown> => Arbitrary.make(schema)
