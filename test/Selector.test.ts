import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Exit, FastCheck as fc } from "effect"
import { Pod, Selector } from "effect-kubernetes"
import { fake, ok, podList } from "./layers/fake.js"

/** A term as the API server understands it; `=` is `in` of one value. */
type Term = readonly [key: string, operator: "in" | "notin" | "!=" | "exists" | "!", ...values: ReadonlyArray<string>]

/**
 * kubectl's grammar, after the lexer of apimachinery's labels package: it is not derived from what is under test.
 * Undefined: not a selector.
 */
const parse = (text: string): ReadonlyArray<Term> | undefined => {
  const tokens = text.match(/!=|==|[=!(),]|[^\s=!(),<>]+|[<>]/g) ?? []
  let at = 0
  const word = () => {
    const token = tokens[at]
    return token !== undefined && /^[^=!(),<>]/.test(token) ? tokens[at++] : undefined
  }
  const accept = (token: string) => tokens[at] === token && ++at > 0
  const set = (): Array<string> | undefined => {
    const values: Array<string> = []
    if (!accept("(")) return undefined
    do values.push(word() ?? "")
    while (accept(","))
    return accept(")") ? values : undefined
  }
  const term = (): Term | undefined => {
    const negated = accept("!")
    const key = word()
    if (key === undefined) return undefined
    if (negated) return [key, "!"]
    if (accept("=") || accept("==")) return [key, "in", word() ?? ""]
    if (accept("!=")) return [key, "!=", word() ?? ""]
    if (tokens[at] === "in" || tokens[at] === "notin") {
      const operator = tokens[at++] === "in" ? "in" : "notin"
      const values = set()
      return values === undefined ? undefined : [key, operator, ...values]
    }
    return [key, "exists"]
  }
  const terms: Array<Term> = []
  if (tokens.length === 0) return terms
  do {
    const next = term()
    if (next === undefined) return undefined
    terms.push(next)
  } while (accept(","))
  return at === tokens.length ? terms : undefined
}

const expected = (labels: { readonly [key: string]: string | Selector.Requirement }): ReadonlyArray<Term> =>
  Object.entries(labels).map(([key, wanted]): Term => {
    if (typeof wanted === "string") return [key, "in", wanted]
    switch (wanted._tag) {
      case "In":
        return [key, "in", ...wanted.values]
      case "NotIn":
        return [key, "notin", ...wanted.values]
      case "NotEquals":
        return [key, "!=", wanted.value]
      case "Exists":
        return [key, "exists"]
      case "NotExists":
        return [key, "!"]
    }
  })

const name = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9_.-]{0,10}[A-Za-z0-9])?$/)
const key = fc.oneof(
  name,
  fc
    .tuple(fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?(\.[a-z]{1,5})?$/), name)
    .map((parts) => parts.join("/"))
)
const value = fc.oneof(name, fc.constantFrom("", "in", "notin"))
const requirement = (values: fc.Arbitrary<string>): fc.Arbitrary<string | Selector.Requirement> =>
  fc.oneof(
    values,
    fc.array(values, { minLength: 1, maxLength: 4 }).map(Selector.in),
    fc.array(values, { minLength: 1, maxLength: 4 }).map(Selector.notIn),
    values.map(Selector.notEquals),
    fc.constantFrom(Selector.exists, Selector.notExists)
  )

describe("label selectors", () => {
  it("read by kubectl's grammar they say what was meant", () => {
    fc.assert(
      fc.property(fc.dictionary(key, requirement(value)), (labels) => {
        const text = Either.getOrThrow(Selector.formatLabels(labels))
        assert.deepStrictEqual(parse(text), expected(labels))
      })
    )
  })

  it("no key and no value can add a term: it is what was meant, or an InvalidRequest", () => {
    const evil = fc.oneof(
      fc.string(),
      fc.string({ unit: "binary" }),
      fc.stringMatching(/^[a-b=!(), ]{0,8}$/),
      fc.constantFrom("a,b=c", "a) , b in (c", "!a", "a=b", "a in (b)", "\n", "a,", " a", "a ", "in", "__proto__")
    )
    fc.assert(
      fc.property(fc.dictionary(evil, requirement(evil)), (labels) => {
        const result = Selector.formatLabels(labels)
        if (Either.isLeft(result)) assert.strictEqual(result.left._tag, "InvalidRequest")
        else assert.deepStrictEqual(parse(result.right), expected(labels))
      }),
      { numRuns: 500 }
    )
  })

  it.effect("of a spec.selector no key and no value can add a term either", () =>
    Effect.gen(function* () {
      // What a server has stored is valid; what a program made up may not be.
      for (const selector of [
        { matchLabels: { app: "web,!canary" } },
        { matchLabels: { "a,b": "c" } },
        { matchExpressions: [{ key: "app", operator: "In", values: ["a),x in (b"] }] },
        { matchExpressions: [{ key: "app,!x", operator: "Exists" }] }
      ]) {
        const { client, sent } = fake(() => ok(podList([])))
        const call = Effect.suspend(() => Pod.list({ labels: Selector.fromLabelSelector(selector) }))
        const exit = yield* Effect.exit(Effect.provide(call, client))
        assert.isTrue(Exit.isFailure(exit))
        assert.strictEqual(sent.length, 0)
      }
    })
  )

  it("say what is wrong", () => {
    const problem = (labels: Selector.Labels) =>
      Either.match(Selector.formatLabels(labels), { onLeft: ({ message }) => message, onRight: () => "fine" })
    assert.strictEqual(problem({ "a b": "c" }), 'label selector: "a b" is not a label key')
    assert.strictEqual(problem({ "": "c" }), 'label selector: "" is not a label key')
    assert.strictEqual(problem({ "a/b/c": "c" }), 'label selector: "a/b/c" is not a label key')
    assert.strictEqual(problem({ a: Selector.in([]) }), "label selector: a: give at least one value")
    assert.strictEqual(
      problem({ a: "b,c" }),
      'label selector: a: "b,c" is not a label value (at most 63 letters, digits, "-", "_" and ".", a letter or digit at both ends)'
    )
    assert.strictEqual(problem({ a: "x".repeat(63) }), "fine")
    assert.notStrictEqual(problem({ a: "x".repeat(64) }), "fine")
    assert.strictEqual(problem({ [`${"x".repeat(253)}/a`]: "b" }), "fine")
    assert.notStrictEqual(problem({ [`${"x".repeat(254)}/a`]: "b" }), "fine")
  })

  it("of what no type allows are refused: a term that is left out would select more", () => {
    for (const wanted of [["web"], 5, true, null, undefined, {}, { _tag: "Is" }]) {
      // From JavaScript, or from behind a cast.
      const labels = { tier: "a", app: wanted } as unknown as Selector.Labels
      assert.include(Either.flip(Selector.formatLabels(labels)).pipe(Either.getOrThrow).message, "label selector: app:")
    }
  })

  it("as text are left as they are", () => {
    assert.deepStrictEqual(Selector.formatLabels("a in (b), !c"), Either.right("a in (b), !c"))
  })

  it("of a spec.selector mean the same", () => {
    const labels = Selector.fromLabelSelector({
      matchLabels: { app: "web" },
      matchExpressions: [
        { key: "tier", operator: "In", values: ["a", "b"] },
        { key: "zone", operator: "NotIn", values: ["c"] },
        { key: "x", operator: "Exists" },
        { key: "y", operator: "DoesNotExist" }
      ]
    })
    assert.deepStrictEqual(Selector.formatLabels(labels), Either.right("app=web,tier in (a,b),zone notin (c),x,!y"))
    const unknown = Selector.fromLabelSelector({ matchExpressions: [{ key: "age", operator: "Gt", values: ["1"] }] })
    assert.match(String(Selector.formatLabels(unknown)), /"age Gt\\" is not a label key/)
  })
})

describe("field selectors", () => {
  /** As apimachinery's fields package splits and unescapes them. */
  const parseFields = (text: string) =>
    (text.match(/(?:\\[\s\S]|[^\\,])+/g) ?? []).map((term) => {
      const [, path = "", operator = "", value = ""] = /^([^=!]*)(!=|==|=)([\s\S]*)$/.exec(term) ?? []
      return [path, operator, value.replace(/\\([\\,=])/g, "$1")]
    })

  it("any value comes out as it went in", () => {
    const path = fc.stringMatching(/^[a-z]+(\.[a-zA-Z]+)*$/)
    const wanted = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[\\,=!a]*$/))
    fc.assert(
      fc.property(fc.dictionary(path, fc.oneof(wanted, wanted.map(Selector.notEquals))), (fields) => {
        assert.deepStrictEqual(
          parseFields(Selector.formatFields(fields)),
          Object.entries(fields).map(([path, wanted]) =>
            typeof wanted === "string" ? [path, "=", wanted] : [path, "!=", wanted.value]
          )
        )
      }),
      { numRuns: 500 }
    )
  })
})
