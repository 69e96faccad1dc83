import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck } from "effect"
import { Condition } from "effect-kubernetes"
import { evaluate, parse } from "../../src/internal/jsonpath.js"

const object = {
  metadata: { name: "web", labels: { "app.kubernetes.io/name": "web", "a-b": "c" } },
  spec: { replicas: 3, none: null, on: true },
  list: [{ name: "a", port: 80, tags: ["x", "y"] }, { name: "b", port: 443, on: true }, { name: "c)]" }],
  empty: []
}

/** What a path leads to, or the complaint. */
const at = (path: string): unknown =>
  Either.match(
    Either.flatMap(parse(path), (steps) => evaluate(steps, object)),
    { onLeft: (problem) => problem, onRight: (found) => found }
  )

describe("a path", () => {
  const found: ReadonlyArray<readonly [path: string, values: ReadonlyArray<unknown>]> = [
    [".metadata.name", ["web"]],
    ["$.metadata.name", ["web"]],
    ["['metadata'].name", ["web"]],
    [".metadata['name']", ["web"]],
    [".metadata.labels.app\\.kubernetes\\.io/name", ["web"]],
    [".metadata.labels['app\\.kubernetes\\.io/name']", ["web"]],
    // As in kubectl: the dots of a name want a backslash in brackets, too.
    [".metadata.labels['app.kubernetes.io/name']", []],
    [".metadata.labels.a-b", ["c"]],
    [".metadata.missing.more", []],
    [".spec.none", [null]],
    [".spec.none.more", []],
    [".list[0].name", ["a"]],
    [".list[-1].name", ["c)]"]],
    [".list[0:2].name", ["a", "b"]],
    [".list[-2:].port", [443]],
    [".list[::2].name", ["a", "c)]"]],
    [".list[0,2].name", ["a", "c)]"]],
    [".list[0]['name','port']", ["a", 80]],
    [".list[*].port", [80, 443]],
    [".empty[*].port", []],
    [".list[*]['name','port']", ["a", "b", "c)]", 80, 443]],
    [".spec.*", [3, null, true]],
    ["..port", [80, 443]],
    [".list[?(@.port)].name", ["a", "b"]],
    [".list[?(@.port>80)].name", ["b"]],
    [".list[?(@.port>=80)].name", ["a", "b"]],
    [".list[?(@.port!=80)].name", ["b"]],
    ['.list[?(@.name=="a")].port', [80]],
    [".list[?(@.name == 'a')].port", [80]],
    [".list[?(@.on==true)].name", ["b"]],
    ['.list[?("a"==@.name)].port', [80]],
    ['.list[?(@.name=="c)]")].name', ["c)]"]],
    ['.list[?(@.tags[0]=="x")].name', ["a"]],
    ['.list[?(@.tags[?(@=="y")])].name', ["a"]]
  ]
  for (const [path, values] of found) it(`reads ${path}`, () => assert.deepStrictEqual(at(path), values))

  const refused: ReadonlyArray<readonly [path: string, complaint: string]> = [
    ["metadata", "expected a dot or a bracket, got metadata"],
    [".metadata.", "a name is missing at the end"],
    [".", "a name is missing at the end"],
    [".list[", '"[" has no "]" in ['],
    ['.list["a"]', '["a"] is neither an index'],
    [".list[x]", "[x] is neither an index"],
    [".list[0:1:0]", "the step of a slice is more than 0, not 0"],
    ["....a", '".." follows ".."'],
    [".list[?(@.name==a)]", "a is no value; a text is written in quotes"],
    [".list[?(@.name=~'a')]", "is no"],
    [".list[?(@.name===1)]", "=== is none of"],
    [".list[?(@.name==)]", "a value is missing in the filter"],
    [".list[?@.name]", "is neither"],
    [".list[?(@.name]", "a filter is written as [?(...)]"],
    // Of this object, and not of the path.
    [".list[3]", "there is no [3] in a list of 3"],
    [".spec[0]", "an object has no [...]"],
    [".spec[?(@.a)]", "an object is not filtered"],
    [".list[?(@.port<'a')]", "a number is neither more nor less than a string"],
    [".list[?(@.tags[*]=='x')]", "a filter compares one value"]
  ]
  for (const [path, complaint] of refused) {
    it(`${path} is refused`, () => {
      assert.include(String(at(path)), complaint)
    })
  }

  const pieces = FastCheck.constantFrom(
    ".",
    "..",
    "[",
    "]",
    "[?(",
    ")]",
    "@",
    "$",
    "'",
    '"',
    "\\",
    "*",
    "name",
    "list",
    "0",
    "-1",
    ":",
    ",",
    "==",
    "<",
    "=",
    "{",
    "}",
    " ",
    "\n",
    "true",
    "🙂",
    "\ud800"
  )
  const anything = FastCheck.oneof(
    FastCheck.string(),
    FastCheck.array(pieces, { maxLength: 30 }).map((parts) => parts.join(""))
  )

  it("never throws, whatever is written there", () => {
    FastCheck.assert(
      FastCheck.property(anything, FastCheck.jsonValue(), (text, value) => {
        for (const each of [object, value]) Either.flatMap(parse(text), (steps) => evaluate(steps, each))
        const condition = Condition.jsonpath(text)
        assert.include(["Met", "NotYet"], condition.check(object)._tag)
        assert.include(["NotYet"], condition.absent._tag)
      }),
      { numRuns: 1000 }
    )
  })

  it("is read in little time and without overflow, however long it is", () => {
    for (const part of [".a", "[0]", "[?(@.a", "..a", "['a'", "[?(@.a)]", "\\", '"', "["]) {
      const text = part.repeat(500)
      Either.flatMap(parse(text), (steps) => evaluate(steps, object))
      Condition.jsonpath(text).check(object)
      Condition.jsonpath(`{${text}}`).check(object)
    }
    const nested = `${"[?(@".repeat(5000)}.a${")]".repeat(5000)}`
    assert.isTrue(Either.isLeft(parse(nested)))
  })

  it("finds every field by its name", () => {
    const name = FastCheck.string({ minLength: 1 }).filter((text) => text !== "*" && !text.includes("\\"))
    FastCheck.assert(
      FastCheck.property(name, (key) => {
        const path = `.${key.replace(/[. \t\r\n,[\]$@{}]/g, "\\$&")}`
        const value = Object.fromEntries([[key, 1]])
        assert.deepStrictEqual(
          Either.flatMap(parse(path), (steps) => evaluate(steps, value)),
          Either.right([1])
        )
      })
    )
  })
})
