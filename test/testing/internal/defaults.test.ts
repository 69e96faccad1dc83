import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { decode } from "../../../src/testing/internal/decode.js"
import { nodeOfText } from "../../../src/testing/internal/decodeJson.js"
import { applyDefaults } from "../../../src/testing/internal/defaults.js"
import { at } from "../../../src/testing/internal/strategies.js"

const pod = { group: "", version: "v1", kind: "Pod" }

const read = (text: string) => Either.mapLeft(decode(pod, nodeOfText(text)), ({ message }) => message)

describe("decode", () => {
  it("tells of the first value of another type, in Go's words", () => {
    assert.deepStrictEqual(
      read('{"metadata":{"labels":{"a":3}},"spec":{"containers":{}}}'),
      Either.left(
        'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string'
      )
    )
  })
  it("tells of fields that are unknown or there twice, or drops them", () => {
    const warned = Either.getOrThrow(
      read('{"metadata":{"name":"a","name":"b","labels":{"l":"1","l":"2"}},"spec":{"x":1}}')
    )
    assert.deepStrictEqual(warned.warnings, [
      'duplicate field "metadata.name"',
      'duplicate field "metadata.labels.l"',
      'unknown field "spec.x"'
    ])
    assert.deepStrictEqual(at(warned.object, "metadata"), { name: "b", labels: { l: "2" } })
    assert.isUndefined(at(warned.object, "spec", "x"))
  })
  it("writes quantities as the API server does", () => {
    const limits = (text: string) =>
      at(Either.getOrThrow(read(`{"spec":{"overhead":${text}}}`)).object, "spec", "overhead")
    assert.deepStrictEqual(limits('{"a":"1000m","b":"1024Mi","c":0.5,"d":"1e3","e":"0.5Gi"}'), {
      a: "1",
      b: "1Gi",
      c: "500m",
      d: "1e3",
      e: "512Mi"
    })
  })
})

describe("applyDefaults", () => {
  it("fills a pod", () => {
    const { object } = Either.getOrThrow(
      read(
        '{"spec":{"containers":[{"name":"a","image":"a:1","resources":{"limits":{"cpu":"1"}}},{"name":"b","image":"b"}]}}'
      )
    )
    const full = applyDefaults(pod, object)
    assert.strictEqual(at(full, "spec", "restartPolicy"), "Always")
    assert.deepStrictEqual(at(full, "spec", "containers"), [
      {
        name: "a",
        image: "a:1",
        imagePullPolicy: "IfNotPresent",
        resources: { limits: { cpu: "1" }, requests: { cpu: "1" } },
        terminationMessagePath: "/dev/termination-log",
        terminationMessagePolicy: "File"
      },
      {
        name: "b",
        image: "b",
        imagePullPolicy: "Always",
        resources: {},
        terminationMessagePath: "/dev/termination-log",
        terminationMessagePolicy: "File"
      }
    ])
  })
})
