import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { jsonPatch } from "../../../src/testing/internal/jsonPatch.js"
import { mergePatch } from "../../../src/testing/internal/mergePatch.js"
import type { Json, JsonObject } from "../../../src/testing/internal/openapi.js"

const document = { data: { a: "1", "x/y": "2", "~": null }, list: [1, [2], { b: 3 }] }

describe("jsonPatch", () => {
  const cases: ReadonlyArray<readonly [name: string, patch: Json, expected: JsonObject | undefined]> = [
    ["adds a key", [{ op: "add", path: "/data/c", value: {} }], { ...document, data: { ...document.data, c: {} } }],
    ["adds null where there is no value", [{ op: "add", path: "/c" }], { ...document, c: null }],
    ["does not add below what is missing", [{ op: "add", path: "/c/d", value: 1 }], undefined],
    ["does not add the document", [{ op: "add", path: "", value: {} }], undefined],
    ["appends", [{ op: "add", path: "/list/-", value: 4 }], { ...document, list: [...document.list, 4] }],
    ["inserts", [{ op: "add", path: "/list/0", value: 4 }], { ...document, list: [4, ...document.list] }],
    ["appends at -1", [{ op: "add", path: "/list/-1", value: 4 }], { ...document, list: [...document.list, 4] }],
    ["does not add past the end", [{ op: "add", path: "/list/4", value: 4 }], undefined],
    ["does not take a word for an index", [{ op: "add", path: "/list/one", value: 4 }], undefined],
    [
      "reads escapes",
      [
        { op: "replace", path: "/data/x~1y", value: 3 },
        { op: "remove", path: "/data/~0" }
      ],
      { ...document, data: { a: "1", "x/y": 3 } }
    ],
    [
      "replaces what is not there",
      [{ op: "replace", path: "/data/new", value: 1 }],
      { ...document, data: { ...document.data, new: 1 } }
    ],
    ["replaces the last", [{ op: "replace", path: "/list/-1", value: 1 }], { ...document, list: [1, [2], 1] }],
    ["replaces the document", [{ op: "replace", path: "", value: { a: 1 } }], { a: 1 }],
    ["does not replace the document by a scalar", [{ op: "replace", path: "", value: 1 }], undefined],
    ["does not remove what is missing", [{ op: "remove", path: "/data/zz" }], undefined],
    ["removes from a nested list", [{ op: "remove", path: "/list/1/0" }], { ...document, list: [1, [], { b: 3 }] }],
    [
      "moves",
      [{ op: "move", from: "/list/2/b", path: "/data/a" }],
      { data: { ...document.data, a: 3 }, list: [1, [2], {}] }
    ],
    [
      "copies",
      [
        { op: "copy", from: "/list/2", path: "/data/a" },
        { op: "remove", path: "/data/a/b" }
      ],
      { ...document, data: { ...document.data, a: {} } }
    ],
    ["tests", [{ op: "test", path: "/list", value: [1, [2], { b: 3 }] }], document],
    ["tests the document", [{ op: "test", path: "", value: document }], document],
    ["takes what is missing for null", [{ op: "test", path: "/data/zz", value: null }], document],
    ["fails on another value", [{ op: "test", path: "/data/a", value: 1 }], undefined],
    ["fails on an operation that it does not know", [{ op: "merge", path: "/data/a" }], undefined],
    ["fails without a path", [{ op: "remove" }], undefined],
    ["does not see what objects inherit", [{ op: "remove", path: "/toString" }], undefined],
    [
      "is all or nothing",
      [
        { op: "add", path: "/c", value: 1 },
        { op: "remove", path: "/d" }
      ],
      undefined
    ],
    ["does nothing for null", null, document]
  ]
  for (const [name, patch, expected] of cases) {
    it(`${name}`, () => {
      const before = structuredClone(document)
      const result = jsonPatch(document, patch)
      assert.deepStrictEqual(document, before)
      if (expected === undefined) {
        assert.deepStrictEqual(Either.getOrThrow(Either.flip(result)), {
          code: 422,
          reason: "Invalid",
          message: "the server rejected our request due to an error in our request",
          details: {}
        })
      } else {
        assert.deepStrictEqual(Either.getOrThrow(result), expected)
      }
    })
  }

  it("says what is not a patch", () => {
    const message = (patch: Json) => Either.getOrThrow(Either.flip(jsonPatch(document, patch))).message
    assert.strictEqual(
      message({}),
      "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
    )
    assert.strictEqual(
      message([{ op: true }]),
      "error decoding patch: json: cannot unmarshal bool into Go struct field jsonPatchOp.op of type string"
    )
  })
})

describe("mergePatch", () => {
  const merged = (current: JsonObject, patch: Json) => Either.getOrThrow(mergePatch(current, patch))

  it("merges objects, deletes nulls and replaces the rest", () => {
    assert.deepStrictEqual(merged({ a: { b: 1, c: 2 }, d: [1], e: 1 }, { a: { b: null, x: 3 }, d: [null, 2], e: {} }), {
      a: { c: 2, x: 3 },
      d: [null, 2],
      e: {}
    })
  })
  it("drops nulls of what is new", () => {
    assert.deepStrictEqual(merged({ b: 1 }, { a: { x: null, y: { z: null } }, b: { c: null } }), {
      a: { y: {} },
      b: {}
    })
  })
  it("wants an object", () => {
    assert.deepStrictEqual(Either.getOrThrow(Either.flip(mergePatch({}, null))).message, "Invalid JSON Patch")
    assert.deepStrictEqual(
      Either.getOrThrow(Either.flip(mergePatch({}, []))).message,
      "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
    )
  })
})
