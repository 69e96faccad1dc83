import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { schemaOf, type Json, type JsonObject } from "../../../src/testing/internal/openapi.js"
import { strategicMerge } from "../../../src/testing/internal/strategicMerge.js"

const schema = schemaOf({ group: "", version: "v1", kind: "Pod" }) ?? {}

const merged = (current: JsonObject, patch: Json) => Either.getOrThrow(strategicMerge(current, patch, schema))
const refusal = (current: JsonObject, patch: Json) =>
  Either.getOrThrow(Either.flip(strategicMerge(current, patch, schema)))

const pod = (spec: JsonObject): JsonObject => ({ spec })
const containers = (...names: ReadonlyArray<string>) => names.map((name) => ({ name, image: `${name}:1` }))

// What is more to it is compared with the server itself, in test/e2e/merge.test.ts.
describe("strategicMerge", () => {
  it("merges lists by their key, and leaves both sides as they are", () => {
    const live = pod({ containers: containers("a", "b") })
    const patch = { spec: { containers: [{ name: "b", image: "b:2" }, { name: "c" }] } }
    const before = structuredClone([live, patch])
    assert.deepStrictEqual(
      merged(live, patch),
      pod({ containers: [{ name: "a", image: "a:1" }, { name: "b", image: "b:2" }, { name: "c" }] })
    )
    assert.deepStrictEqual([live, patch], before)
  })
  it("replaces lists that have no strategy", () => {
    assert.deepStrictEqual(
      merged(pod({ tolerations: [{ key: "a" }] }), pod({ tolerations: [{ key: "b" }] })),
      pod({ tolerations: [{ key: "b" }] })
    )
  })
  it("follows directives of elements", () => {
    const live = pod({ containers: containers("a", "b") })
    assert.deepStrictEqual(merged(live, pod({ containers: [{ name: "a", $patch: "delete" }] })), {
      spec: { containers: containers("b") }
    })
    assert.deepStrictEqual(merged(live, pod({ containers: [{ $patch: "replace" }, { name: "c" }] })), {
      spec: { containers: [{ name: "c" }] }
    })
  })
  it("follows directives of maps", () => {
    const live = pod({ nodeSelector: { a: "1" }, securityContext: { runAsUser: 1 } })
    assert.deepStrictEqual(
      merged(live, pod({ nodeSelector: { $patch: "replace", b: "2" }, securityContext: { $patch: "delete" } })),
      pod({ nodeSelector: { b: "2" }, securityContext: {} })
    )
  })
  it("keeps only the keys that are retained", () => {
    const live = pod({ volumes: [{ name: "v", emptyDir: {} }] })
    const change = { name: "v", $retainKeys: ["name", "hostPath"], hostPath: { path: "/" } }
    assert.deepStrictEqual(merged(live, pod({ volumes: [change] })), {
      spec: { volumes: [{ name: "v", hostPath: { path: "/" } }] }
    })
    assert.strictEqual(refusal(live, pod({ volumes: [{ ...change, $retainKeys: ["name"] }] })).code, 400)
  })
  it("merges, deletes and orders primitives", () => {
    const live = { metadata: { finalizers: ["a", "b"] } }
    assert.deepStrictEqual(merged(live, { metadata: { finalizers: ["c", "a"] } }), {
      metadata: { finalizers: ["c", "a", "b"] }
    })
    assert.deepStrictEqual(merged(live, { metadata: { "$deleteFromPrimitiveList/finalizers": ["a"] } }), {
      metadata: { finalizers: ["b"] }
    })
    assert.deepStrictEqual(merged(live, { metadata: { "$setElementOrder/finalizers": ["b", "a"] } }), {
      metadata: { finalizers: ["b", "a"] }
    })
  })
  it("says what is wrong as the API server does", () => {
    const live = pod({ containers: containers("a") })
    assert.deepStrictEqual(refusal(live, pod({ containers: [{ image: "x" }] })), {
      code: 500,
      reason: "",
      message: "map: map[image:x] does not contain declared merge key: name"
    })
    assert.strictEqual(
      refusal(live, pod({ containers: [{ name: "a", $patch: "x" }] })).message,
      "unknown patch type: x in map: map[$patch:x name:a]"
    )
    assert.strictEqual(
      refusal(live, { "$setElementOrder/nope": [] }).message,
      'unable to find api field in struct Pod for the json field "nope"'
    )
  })
})
