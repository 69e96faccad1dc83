import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { Condition } from "effect-kubernetes"

const verdicts: ReadonlyArray<Condition.Verdict> = [
  { _tag: "Met" },
  { _tag: "NotYet", because: "not yet" },
  { _tag: "Never", because: "never" }
]

const conditions = FastCheck.tuple(FastCheck.constantFrom(...verdicts), FastCheck.constantFrom(...verdicts)).map(
  ([verdict, absent]): Condition.Condition<unknown> => ({ description: "so", check: () => verdict, absent })
)

/** Its verdicts with an object and without one. */
const tags = ({ absent, check }: Condition.Condition<unknown, unknown>) => [check({})._tag, absent._tag]

const { and, not, or } = Condition

describe("and, or, not", () => {
  it("are commutative, associative and idempotent", () => {
    FastCheck.assert(
      FastCheck.property(conditions, conditions, conditions, (a, b, c) => {
        for (const combine of [and, or]) {
          assert.deepStrictEqual(tags(combine(a, b)), tags(combine(b, a)))
          assert.deepStrictEqual(tags(combine(a, combine(b, c))), tags(combine(combine(a, b), c)))
          assert.deepStrictEqual(tags(combine(a, b, c)), tags(combine(combine(a, b), c)))
          assert.deepStrictEqual(tags(combine(a, a)), tags(a))
          assert.deepStrictEqual(tags(combine(a)), tags(a))
        }
      })
    )
  })

  it("distribute over each other, and absorb each other", () => {
    FastCheck.assert(
      FastCheck.property(conditions, conditions, conditions, (a, b, c) => {
        assert.deepStrictEqual(tags(and(a, or(b, c))), tags(or(and(a, b), and(a, c))))
        assert.deepStrictEqual(tags(or(a, and(b, c))), tags(and(or(a, b), or(a, c))))
        assert.deepStrictEqual(tags(and(a, or(a, b))), tags(a))
        assert.deepStrictEqual(tags(or(a, and(a, b))), tags(a))
      })
    )
  })

  it("and is met where both are, or where one is, never where neither can be", () => {
    FastCheck.assert(
      FastCheck.property(conditions, conditions, (a, b) => {
        const [one] = tags(a)
        const [other] = tags(b)
        const has = (tag: string) => one === tag || other === tag
        assert.strictEqual(tags(and(a, b))[0], has("Never") ? "Never" : has("NotYet") ? "NotYet" : "Met")
        assert.strictEqual(tags(or(a, b))[0], has("Met") ? "Met" : has("NotYet") ? "NotYet" : "Never")
        assert.strictEqual(Condition.isMet(not(a), {}), !Condition.isMet(a, {}))
        assert.strictEqual(Condition.isMet(not(not(a)), {}), Condition.isMet(a, {}))
        assert.strictEqual(Condition.isMet(not(and(a, b)), {}), Condition.isMet(or(not(a), not(b)), {}))
      })
    )
  })

  it("describe themselves without doubt", () => {
    const named = (name: string) => Condition.make(name, () => true)
    assert.strictEqual(
      and(or(named("a"), named("b")), not(and(named("c"), named("d")))).description,
      "(a or b) and (not (c and d))"
    )
  })

  it("not wants an object", () => {
    assert.isFalse(Condition.isMet(not(Condition.created), undefined))
    assert.isTrue(Condition.isMet(Condition.deleted, undefined))
    assert.isFalse(Condition.isMet(Condition.deleted, {}))
  })
})
