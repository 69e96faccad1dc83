import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { Patch, type Deployment } from "effect-kubernetes"

describe("JSON pointers", () => {
  /** RFC 6901, section 4. */
  const parse = (pointer: string) =>
    pointer
      .split("/")
      .slice(1)
      .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"))

  it("lead back to the keys that they were made of", () => {
    const key = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[~/01a]*$/))
    fc.assert(
      fc.property(fc.array(key), (keys) => {
        assert.deepStrictEqual(parse(Patch.pointer(...keys)), keys)
      }),
      { numRuns: 500 }
    )
  })

  it("the examples of the RFC", () => {
    assert.strictEqual(Patch.pointer(), "")
    assert.strictEqual(Patch.pointer(""), "/")
    assert.strictEqual(Patch.pointer("foo", 0), "/foo/0")
    assert.strictEqual(Patch.pointer("a/b"), "/a~1b")
    assert.strictEqual(Patch.pointer("m~n"), "/m~0n")
    assert.strictEqual(Patch.pointer("~1"), "/~01")
  })
})

describe("patches", () => {
  it("say what they are, and hold what they were given", () => {
    const body = { spec: { paused: null, replicas: 0 } }
    assert.deepStrictEqual(Patch.merge(body), { _tag: "Merge", body })
    assert.deepStrictEqual(Patch.strategic(body), { _tag: "Strategic", body })
    assert.deepStrictEqual(Patch.apply({ spec: { replicas: 3 } }), { _tag: "Apply", body: { spec: { replicas: 3 } } })
    const operations: ReadonlyArray<Patch.Operation> = [
      { op: "test", path: "/a", value: null },
      { op: "move", from: "/a", path: "/b" }
    ]
    assert.deepStrictEqual(Patch.json(operations), { _tag: "Json", body: operations })
  })

  it("of a kind may hold any part of it, and null to remove a part; nothing else", () => {
    const patches: ReadonlyArray<Patch.Patch<Deployment>> = [
      Patch.merge({ spec: { replicas: null, template: { spec: { containers: [{ image: "nginx" }] } } } }),
      Patch.strategic({ metadata: { labels: { old: null } } }),
      Patch.apply({ spec: { replicas: 3 } })
    ]
    // @ts-expect-error -- replicas is a number
    const wrong: Patch.Patch<Deployment> = Patch.merge({ spec: { replicas: "3" } })
    assert.strictEqual([...patches, wrong].length, 4)
  })
})
