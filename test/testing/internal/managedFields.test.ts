import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FieldSet from "../../../src/testing/internal/fieldSet.js"
import { applyConfiguration, keepTimes, managerOf, updateManaged } from "../../../src/testing/internal/managedFields.js"
import { schemaOf, type JsonObject } from "../../../src/testing/internal/openapi.js"

const gvk = { group: "", version: "v1", kind: "ConfigMap" }
const schema = schemaOf(gvk) ?? {}
const configMap = (data: JsonObject, metadata: JsonObject = {}): JsonObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "a", ...metadata },
  data
})

const apply = (live: JsonObject | undefined, manager: string, data: JsonObject, force = false, hour = 10) =>
  applyConfiguration({ live, applied: configMap(data), schema, gvk, manager, force, time: `2026-01-01T${hour}:00:00Z` })

const applied = (...arguments_: Parameters<typeof apply>) => Either.getOrThrow(apply(...arguments_))

// What is more to it is compared with the server itself, in test/e2e/merge.test.ts.
describe("managedFields", () => {
  it("removes what the only manager does not apply any more, and keeps what another does", () => {
    const both = applied(applied(undefined, "one", { a: "1", b: "1" }), "two", { b: "1", c: "1" })
    assert.deepStrictEqual(applied(both, "one", { d: "1" })["data"], { b: "1", c: "1", d: "1" })
  })
  it("refuses to change what another manages, unless it is forced to", () => {
    const live = applied(undefined, "one", { a: "1" })
    assert.deepStrictEqual(Either.getOrThrow(Either.flip(apply(live, "two", { a: "2" }))), {
      code: 409,
      reason: "Conflict",
      message: 'Apply failed with 1 conflict: conflict with "one": .data.a',
      details: { causes: [{ reason: "FieldManagerConflict", message: 'conflict with "one"', field: ".data.a" }] }
    })
    const forced = applied(live, "two", { a: "2" }, true)
    assert.deepStrictEqual(forced["data"], { a: "2" })
    assert.notInclude(JSON.stringify(forced), '"one"')
  })
  it("renews the time only where something has changed", () => {
    const live = applied(undefined, "one", { a: "1" })
    assert.deepStrictEqual(applied(live, "one", { a: "1" }, false, 11), live)
    assert.include(JSON.stringify(applied(live, "one", { a: "2" }, false, 11)), "T11:00:00Z")
  })
  it("ends all management when the list is emptied", () => {
    const live = applied(undefined, "one", { a: "1" })
    const updated = configMap({ a: "1" }, { managedFields: [] })
    const update = { live, updated, schema, gvk, manager: "two", time: "2026-01-01T11:00:00Z" }
    assert.deepStrictEqual(updateManaged(update), configMap({ a: "1" }))
  })
  it("takes a write that only renews times for none", () => {
    const live = applied(undefined, "one", { a: "1" })
    assert.strictEqual(keepTimes(live, applied(undefined, "one", { a: "1" }, false, 11)), live)
    const changed = applied(undefined, "one", { a: "2" }, false, 11)
    assert.strictEqual(keepTimes(live, changed), changed)
  })
  it("names managers as the API server does", () => {
    assert.strictEqual(managerOf("one", "kubectl/v1"), "one")
    assert.strictEqual(managerOf("", "kubectl/v1 (linux)"), "kubectl")
    assert.strictEqual(managerOf(undefined, "a\u0000b".padEnd(300, "x")).length, 128)
  })
})

describe("FieldSet", () => {
  it("reads what it writes", () => {
    const fields = {
      "f:a": { ".": {}, "f:b": {} },
      'k:{"n":1,"name":"x"}': { "f:c": {} },
      'v:"\\u003c"': {},
      "v:1": {},
      "i:3": {}
    }
    const set = FieldSet.fromFields(fields)
    if (set === undefined) return assert.fail("not read")
    assert.deepStrictEqual(FieldSet.toFields(set), fields)
    assert.deepStrictEqual(FieldSet.paths(set).map(FieldSet.showPath), [
      ".a",
      "[=1]",
      '[="<"]',
      "[3]",
      ".a.b",
      '[n=1,name="x"].c'
    ])
  })
  it("refuses what is malformed, and passes over steps of unknown kinds", () => {
    assert.isUndefined(FieldSet.fromFields({ "k:{": {} }))
    assert.isUndefined(FieldSet.fromFields({ "f:a": 1 }))
    assert.isUndefined(FieldSet.fromFields({ name: {} }))
    assert.deepStrictEqual(FieldSet.fromFields({ "x:a": {} }), FieldSet.empty)
  })
})
