import { assert, describe, it } from "@effect/vitest"
import type { OpenApi } from "../../../src/testing/internal/openapi.js"
import { prune, validateCustom, withSchemaDefaults } from "../../../src/testing/internal/structural.js"

const schema: OpenApi = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      required: ["size"],
      properties: {
        size: { type: "integer", minimum: 1 },
        mode: { type: "string", enum: ["A", "B"], default: "A" },
        set: { type: "array", items: { type: "string" }, "x-kubernetes-list-type": "set" },
        free: { type: "object", "x-kubernetes-preserve-unknown-fields": true }
      }
    }
  }
}

describe("structural schemas", () => {
  it("prune, and say what", () => {
    assert.deepStrictEqual(prune(schema, { kind: "X", spec: { size: 1, y: 1, free: { z: 1 } } }), {
      object: { kind: "X", spec: { size: 1, free: { z: 1 } } },
      unknown: ["spec.y"]
    })
  })
  it("fill in what is not there, or is null", () => {
    assert.deepStrictEqual(withSchemaDefaults(schema, { spec: { mode: null } }), { spec: { mode: "A" } })
  })
  it("say what is wrong as the API server does", () => {
    assert.deepStrictEqual(
      validateCustom({
        schema,
        object: { spec: { size: "x", mode: "C", set: ["a", "a"] } },
        old: undefined,
        status: false
      }),
      [
        {
          reason: "FieldValueTypeInvalid",
          message: 'Invalid value: "string": spec.size in body must be of type integer: "string"',
          field: "spec.size"
        },
        {
          reason: "FieldValueNotSupported",
          message: 'Unsupported value: "C": supported values: "A", "B"',
          field: "spec.mode"
        },
        { reason: "FieldValueDuplicate", message: 'Duplicate value: "a"', field: "spec.set[1]" }
      ]
    )
    assert.deepStrictEqual(
      validateCustom({ schema, object: { spec: {} }, old: undefined, status: false }).map(({ field }) => field),
      ["spec.size"]
    )
  })
})
