/** Less to parse and to keep. */
import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { makeSharing, withoutManagedFields } from "../../src/internal/lean.js"
import { heap } from "../support/heap.js"

const without = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(without)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]): Array<[string, unknown]> =>
      // A list, as in `metadata`; what else has the name stays.
      key === "managedFields" && Array.isArray(item) ? [] : [[key, without(item)]]
    )
  )
}

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    '"managedFields":[',
    '\\"managedFields\\":[',
    'x","managedFields":[1,2],"y":"',
    "]",
    "[",
    '"',
    "\\",
    '\\"',
    "\\\\",
    ",",
    "}",
    "🚢",
    "\ud800",
    "\u2028",
    "managedFields"
  )
)
const key = fc.oneof(
  fc.constantFrom("managedFields", "managedField", "managedFieldsX", "ManagedFields", 'x"managedFields', "metadata"),
  text
)
const json = fc.letrec<{ value: unknown; list: Array<unknown>; object: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    text,
    fc.integer(),
    fc.constantFrom(null, true, false, 1e100),
    tie("list"),
    tie("object")
  ),
  list: fc.array(tie("value"), { maxLength: 4 }),
  object: fc.dictionary(key, tie("value"), { maxKeys: 5 })
}))

// Not with JSON.parse: in Node 24 (V8 13.6), that takes other keys for one with a backslash that it saw before.
const copyOf = (value: unknown): unknown => structuredClone(value)

describe("JSON text without its managedFields", () => {
  it("is the text of what deleting gives", () => {
    fc.assert(
      fc.property(json.object, (value) => {
        const whole = JSON.stringify(value)
        assert.strictEqual(withoutManagedFields(whole), JSON.stringify(without(value)))
      }),
      { numRuns: 3000 }
    )
  })

  it("loses the one comma that has to go, wherever the list stands", () => {
    for (const [before, after] of [
      ['{"managedFields":[]}', "{}"],
      ['{"managedFields":[1],"b":2}', '{"b":2}'],
      ['{"a":1,"managedFields":[{"x":"]"}]}', '{"a":1}'],
      ['{"a":1,"managedFields":[[]],"b":2}', '{"a":1,"b":2}'],
      ['{"a":"\\"managedFields\\":[1]"}', '{"a":"\\"managedFields\\":[1]"}'],
      ['{"a":1,"managedFields":null}', '{"a":1,"managedFields":null}'],
      ['[{"managedFields":[1]},{"managedFields":[2]}]', "[{},{}]"],
      ['{"managedFields":["\\\\"],"a":["\\\\\\""]}', '{"a":["\\\\\\""]}'],
      // What looks like the end, within a string.
      ['{"managedFields":[{"a":"}]"}],"b":2}', '{"b":2}'],
      ['{"managedFields":[{"a":"x\\"}],"},{"b":1}],"c":2}', '{"c":2}'],
      ['{"managedFields":[{"a,":":{}]"}],"c":2}', '{"c":2}'],
      ['{"managedFields":[{ "]":1 }],"c":2}', '{"c":2}'],
      ['{"managedFields":[{"a":["b"],"c":1}],"d":2}', '{"d":2}'],
      ['{"managedFields":["a",["b"]],"d":2}', '{"d":2}']
    ] as const) {
      assert.strictEqual(withoutManagedFields(before), after)
    }
  })

  it("is as broken as the text is", () => {
    fc.assert(
      fc.property(json.object, fc.nat(), (value, at) => {
        const whole = JSON.stringify({ a: 1, managedFields: [value], b: [value] })
        const cut = whole.slice(0, at % whole.length)
        assert.throws(() => JSON.parse(withoutManagedFields(cut)) as unknown)
      }),
      { numRuns: 1000 }
    )
  })
})

describe("sharing", () => {
  it("changes nothing that can be seen", () => {
    fc.assert(
      fc.property(fc.array(json.object), fc.integer({ min: 1, max: 5 }), (values, limit) => {
        const { strings: share } = makeSharing(limit)
        for (const value of values) {
          assert.strictEqual(JSON.stringify(share(copyOf(value))), JSON.stringify(value))
        }
      }),
      { numRuns: 1000 }
    )
  })

  it("keeps one of equal strings", () => {
    const parsed = () => JSON.stringify({ a: { b: ["x".repeat(400)], c: "y".repeat(400) } })
    const kept = (keep: (value: unknown) => unknown) => {
      const before = heap()
      const all = Array.from({ length: 5000 }, () => keep(JSON.parse(parsed())))
      const size = heap() - before
      assert.strictEqual(all.length, 5000)
      return size
    }
    const apart = kept((value) => value)
    const shared = kept(makeSharing().strings)
    assert.isAtLeast(apart, 5000 * 800)
    assert.isAtMost(shared, apart / 3)
  })

  it("leaves alone what is not plain JSON", () => {
    class Wrapped {
      readonly text: string
      constructor(text: string) {
        this.text = text
      }
    }
    const { strings: share } = makeSharing()
    share({ text: "something that is long enough" })
    const circle: { self?: unknown } = {}
    circle.self = circle
    const wrapped = Object.assign(new Wrapped("something that is long enough"), { circle })
    const frozen = Object.freeze({ text: ["something that is", "long enough"].join(" "), list: Object.freeze(["x"]) })
    const date = new Date(0)
    const value = share({ wrapped, frozen, date, map: new Map([["a", 1]]), none: null, absent: undefined })
    assert.strictEqual(value.wrapped, wrapped)
    assert.strictEqual(value.frozen.text, "something that is long enough")
    assert.strictEqual(value.date, date)
  })

  it("takes from the state of before what is as it was", () => {
    const { with: share } = makeSharing()
    const parse = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
    const before = parse({ spec: { a: [{ b: 1 }, { b: 2 }] }, status: { c: ["d"], e: { f: 1 } }, gone: {} })
    const after = parse({ spec: { a: [{ b: 1 }, { b: 2 }] }, status: { c: ["d"], e: { f: 2 } }, come: {} })
    const shared = share(before, after)
    const at = (value: unknown, ...path: ReadonlyArray<string>) =>
      path.reduce<unknown>((inner, name) => Reflect.get(inner as object, name), value)
    assert.strictEqual(shared, after)
    assert.strictEqual(at(shared, "spec"), at(before, "spec"))
    assert.strictEqual(at(shared, "status", "c"), at(before, "status", "c"))
    assert.deepStrictEqual(at(shared, "status", "e"), { f: 2 })
    assert.deepStrictEqual(Object.keys(shared as object), ["spec", "status", "come"])
    assert.deepStrictEqual(before, { spec: { a: [{ b: 1 }, { b: 2 }] }, status: { c: ["d"], e: { f: 1 } }, gone: {} })
    assert.strictEqual(share(before, parse(before)), before)
  })

  it("of two states changes nothing that can be seen of either", () => {
    // Two that are much alike: one, and one with another part in its place.
    const pair = fc.tuple(json.object, json.value, fc.nat()).map(([value, other, at]): [unknown, unknown] => {
      const places: Array<[object, string]> = []
      const copy = copyOf(value)
      const visit = (inner: unknown): void => {
        if (typeof inner !== "object" || inner === null) return
        for (const [name, item] of Object.entries(inner)) {
          if (name !== "__proto__") places.push([inner, name])
          visit(item)
        }
      }
      visit(copy)
      const place = places[at % Math.max(1, places.length)]
      if (place !== undefined) Reflect.set(place[0], place[1], other)
      return [value, copy]
    })
    fc.assert(
      fc.property(pair, fc.boolean(), ([one, two], isTurned) => {
        const [before, after] = isTurned ? [two, one] : [one, two]
        const kept = copyOf(before)
        const shared = makeSharing().with(kept, copyOf(after))
        assert.deepStrictEqual(shared, copyOf(after))
        assert.deepStrictEqual(kept, copyOf(before))
        assert.strictEqual(JSON.stringify(kept), JSON.stringify(before))
      }),
      { numRuns: 2000 }
    )
  })

  it("takes nothing from what a schema has made", () => {
    class Wrapped {
      readonly text = "something that is long enough"
    }
    const { with: share } = makeSharing()
    const wrapped = new Wrapped()
    const value = { wrapped }
    assert.strictEqual(share({ wrapped: new Wrapped() }, value), value)
    assert.strictEqual(value.wrapped, wrapped)
    assert.deepStrictEqual(share({ a: { b: 1 } }, Object.freeze({ a: { b: 1 }, c: 1 })), { a: { b: 1 }, c: 1 })
  })
})
