/** The conditions that `waitFor` waits for. */
import * as Either from "effect/Either"
import type { Condition, Verdict } from "../Condition.js"
import { isObject } from "./isObject.js"
import { closing, evaluate, parse as parsePath } from "./jsonpath.js"

const met: Verdict = { _tag: "Met" }
export const notYet = (because: string): Verdict => ({ _tag: "NotYet", because })
export const never = (because: string): Verdict => ({ _tag: "Never", because })

export const becauseOf = (verdict: Verdict): string => (verdict._tag === "Met" ? "" : verdict.because)

const isAbsent = notYet("it is not there")

/** A message has to stay readable, whatever the objects hold. */
export const cut = (text: string): string => (text.length > 300 ? `${text.slice(0, 300)}…` : text)

const reasons = (verdicts: ReadonlyArray<Verdict>): string => [...new Set(verdicts.map(becauseOf))].join("; ")

/** A part of an object, whatever the object is: a custom kind may have no status, or null there. */
export const part = (object: unknown, name: "metadata" | "spec" | "status"): Record<string, unknown> => {
  const value: unknown = isObject(object) ? object[name] : undefined
  return isObject(value) ? value : {}
}

export const make = <O>(description: string, check: (object: O) => boolean | Verdict): Condition<O> => ({
  description,
  check: (object) => {
    const verdict = check(object)
    return typeof verdict === "boolean" ? (verdict ? met : notYet(`it is not ${description}`)) : verdict
  },
  absent: isAbsent
})

export const created: Condition<unknown> = { description: "created", check: () => met, absent: isAbsent }

/** What a namespace says of what holds it. */
const remains = (object: unknown): string =>
  entriesOf(object)
    .filter(({ status, type }) => /Remaining$|Failure$/.test(String(type)) && status === "True")
    .map(said)
    .join(", ")

export const deleted: Condition<unknown, undefined> = {
  description: "deleted",
  check: (object) => {
    const { deletionTimestamp, finalizers } = part(object, "metadata")
    if (deletionTimestamp === undefined) return notYet("it is still there, and nobody has deleted it")
    const held =
      Array.isArray(finalizers) && finalizers.length > 0 ? `held by the finalizers ${finalizers.join(", ")}` : ""
    const why = [held, cut(remains(object))].filter((text) => text !== "").join("; ")
    return notYet(why === "" ? "it is still ending" : `it is still ending: ${why}`)
  },
  absent: met
}

/** An entry of `status.conditions`, as far as it is looked at. */
interface Entry {
  readonly type?: unknown
  readonly status?: unknown
  readonly reason?: unknown
  readonly message?: unknown
  readonly observedGeneration?: unknown
}

const entriesOf = (object: unknown): ReadonlyArray<Entry> => {
  const entries = part(object, "status")["conditions"]
  return Array.isArray(entries) ? entries.filter(isObject) : []
}

export const entryOf = (object: unknown, type: string): Entry | undefined => {
  const wanted = type.toLowerCase()
  return entriesOf(object).find((entry) => String(entry.type).toLowerCase() === wanted)
}

/** What an entry says of itself. */
export const said = ({ message, reason }: Entry): string =>
  cut([reason, message].filter((text) => typeof text === "string" && text !== "").join(": "))

/** Whether what is said was said of the object as it is now. */
export const isCurrent = (object: unknown, observed: unknown): boolean => {
  const { generation } = part(object, "metadata")
  return typeof observed !== "number" || typeof generation !== "number" || observed >= generation
}

export const status = (type: string, wanted = "True"): Condition<unknown> => ({
  description: wanted === "True" ? type : `${type}=${wanted}`,
  check: (object) => {
    const entry = entryOf(object, type)
    if (entry === undefined) return notYet(`it has no condition ${type}`)
    if (!isCurrent(object, entry.observedGeneration ?? part(object, "status")["observedGeneration"])) {
      return notYet(`its condition ${type} is of an older generation`)
    }
    if (String(entry.status).toLowerCase() === wanted.toLowerCase()) return met
    const why = said(entry)
    return notYet(`${type} is ${String(entry.status)}${why === "" ? "" : ` (${why})`}`)
  },
  absent: isAbsent
})

/** Where the path ends: at its last brace, or at the `=` that is in no bracket. */
const endOf = (text: string): number => {
  if (text.startsWith("{")) return closing(text, "{", "}")
  let i = 0
  while (i < text.length && text.charAt(i) !== "=") {
    i += text.charAt(i) === "[" ? closing(text.slice(i), "[", "]") || text.length : 1
  }
  return i
}

const parse = (expression: string) =>
  Either.gen(function* () {
    const text = expression.trim()
    const end = endOf(text)
    const inBraces = text.startsWith("{")
    if (inBraces && end === 0) return yield* Either.left(`"{" has no "}"`)
    const path = (inBraces ? text.slice(1, end - 1) : text.slice(0, end)).trim().replace(/^[$@]/, "")
    const [whole, wanted] = /^\s*(?:==?([^]*))?$/.exec(text.slice(end)) ?? []
    if (whole === undefined)
      return yield* Either.left(`expected "=" and a value after the path, got ${text.slice(end)}`)
    if (path === "") return yield* Either.left("the path is empty")
    const value = wanted
      ?.trim()
      .replace(/^["']+|["']+$/g, "")
      .trim()
    if (value === "") return yield* Either.left(`a value is missing after the "="`)
    return { path: yield* parsePath(/^[.[]/.test(path) ? path : `.${path}`), wanted: value }
  })

const shown = (value: unknown): string => {
  if (typeof value === "string") return value
  const text = JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part)) ?? "null"
  // What a schema makes of a text, a `Date` for one, is a text again.
  return text.replace(/^"(.*)"$/, "$1")
}

export const jsonpath = (expression: string): Condition<unknown> =>
  Either.match(parse(expression), {
    onLeft: (problem) => ({
      description: expression,
      check: () => notYet(problem),
      absent: isAbsent,
      problem: `the JSONPath ${JSON.stringify(expression)} cannot be read: ${problem}`
    }),
    onRight: ({ path, wanted }) => ({
      description: expression,
      check: (object) =>
        Either.match(evaluate(path, object), {
          onLeft: notYet,
          onRight: (values) => {
            if (values.length === 0) return notYet("nothing is there")
            if (wanted === undefined || values.every((value) => shown(value).trim() === wanted)) return met
            return notYet(`there is ${cut(values.map(shown).join(", "))}`)
          }
        }),
      absent: isAbsent
    })
  })

/** Every one has to be met. */
const allOf = (verdicts: ReadonlyArray<Verdict>): Verdict => {
  const hopeless = verdicts.find(({ _tag }) => _tag === "Never")
  if (hopeless !== undefined) return hopeless
  const open = verdicts.filter(({ _tag }) => _tag === "NotYet")
  return open.length === 0 ? met : notYet(reasons(open))
}

/** One has to be met. */
const anyOf = (verdicts: ReadonlyArray<Verdict>): Verdict => {
  if (verdicts.some(({ _tag }) => _tag === "Met")) return met
  return verdicts.every(({ _tag }) => _tag === "Never") ? never(reasons(verdicts)) : notYet(reasons(verdicts))
}

const inParentheses = ({ description }: Condition<never, unknown>): string =>
  / (?:and|or) /.test(description) ? `(${description})` : description

const combined =
  (word: string, combine: (verdicts: ReadonlyArray<Verdict>) => Verdict) =>
  <O, A>(...conditions: readonly [Condition<O, A>, ...ReadonlyArray<Condition<O, A>>]): Condition<O, A> => {
    const [first, ...more] = conditions
    return more.length === 0
      ? first
      : {
          description: conditions.map(inParentheses).join(` ${word} `),
          check: (object) => combine(conditions.map(({ check }) => check(object))),
          absent: combine(conditions.map(({ absent }) => absent)),
          problem: conditions.find(({ problem }) => problem !== undefined)?.problem
        }
  }

export const and = combined("and", allOf)
export const or = combined("or", anyOf)

export const not = <O>(condition: Condition<O, unknown>): Condition<O> => ({
  description: `not ${inParentheses(condition)}`,
  check: (object) => (condition.check(object)._tag === "Met" ? notYet(`it is ${condition.description}`) : met),
  absent: isAbsent,
  problem: condition.problem
})

export const isMet = <O>({ absent, check }: Condition<O, unknown>, object: O | undefined): boolean =>
  (object === undefined ? absent : check(object))._tag === "Met"
