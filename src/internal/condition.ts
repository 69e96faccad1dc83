/** The conditions that `waitFor` waits for. */
import * as Either from "effect/Either"
import type { Condition, Verdict } from "../Condition.js"
import { isObject } from "./isObject.js"
import { evaluate, parse as parsePath } from "./jsonpath.js"

const met: Verdict = { _tag: "Met" }
export const notYet = (because: string): Verdict => ({ _tag: "NotYet", because })
export const never = (because: string): Verdict => ({ _tag: "Never", because })

const isAbsent = notYet("it is not there")

export const make = <O>(description: string, check: (object: O) => boolean | Verdict): Condition<O> => ({
  description,
  check: (object) => {
    const verdict = check(object)
    return typeof verdict === "boolean" ? (verdict ? met : notYet(`it is not ${description}`)) : verdict
  },
  absent: isAbsent
})

export const created: Condition<unknown> = { description: "created", check: () => met, absent: isAbsent }

export const deleted: Condition<unknown, undefined> = {
  description: "deleted",
  check: (object) => {
    const metadata = isObject(object) && isObject(object["metadata"]) ? object["metadata"] : {}
    const { deletionTimestamp, finalizers } = metadata
    return notYet(
      deletionTimestamp === undefined
        ? "it is still there, and nobody has deleted it"
        : Array.isArray(finalizers) && finalizers.length > 0
          ? `it is held by the finalizers ${finalizers.join(", ")}`
          : "it is still ending"
    )
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

export const entryOf = (object: unknown, type: string): Entry | undefined => {
  const status = isObject(object) && isObject(object["status"]) ? object["status"] : {}
  const entries: unknown = status["conditions"]
  const wanted = type.toLowerCase()
  return Array.isArray(entries)
    ? entries.filter(isObject).find((entry) => String(entry["type"]).toLowerCase() === wanted)
    : undefined
}

/** What an entry says of itself. */
export const said = ({ message, reason }: Entry): string =>
  [reason, message].filter((text) => typeof text === "string" && text !== "").join(": ")

/** Whether what is said was said of the object as it is now. */
export const isCurrent = (object: unknown, observed: unknown): boolean => {
  const metadata = isObject(object) && isObject(object["metadata"]) ? object["metadata"] : {}
  const { generation } = metadata
  return typeof observed !== "number" || typeof generation !== "number" || observed >= generation
}

export const status = (type: string, wanted = "True"): Condition<unknown> => ({
  description: wanted === "True" ? type : `${type}=${wanted}`,
  check: (object) => {
    const entry = entryOf(object, type)
    if (entry === undefined) return notYet(`it has no condition ${type}`)
    if (!isCurrent(object, entry.observedGeneration)) return notYet(`its condition ${type} is of an older generation`)
    if (String(entry.status).toLowerCase() === wanted.toLowerCase()) return met
    const why = said(entry)
    return notYet(`${type} is ${String(entry.status)}${why === "" ? "" : ` (${why})`}`)
  },
  absent: isAbsent
})

const unquote = (text: string): string => {
  const [first] = text
  return text.length >= 2 && (first === '"' || first === "'") && text.endsWith(first) ? text.slice(1, -1) : text
}

const parse = (expression: string) =>
  Either.gen(function* () {
    const text = expression.trim()
    const inBraces = text.startsWith("{")
    const end = inBraces ? text.indexOf("}") : text.search(/=(?![^[]*\])/)
    if (inBraces && end === -1) return yield* Either.left(`"{" has no "}" in ${expression}`)
    const path = (inBraces ? text.slice(1, end) : end === -1 ? text : text.slice(0, end)).trim()
    const after = inBraces ? text.slice(end + 1).trim() : end === -1 ? "" : text.slice(end)
    if (after !== "" && !after.startsWith("=")) {
      return yield* Either.left(`expected "=" and a value after the path, got "${after}"`)
    }
    const wanted = after === "" ? undefined : unquote(after.replace(/^==?/, "").trim())
    if (path === "") return yield* Either.left("the path is empty")
    return { path: yield* parsePath(path), wanted }
  })

const shown = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value))

export const jsonpath = (expression: string): Condition<unknown> =>
  Either.match(parse(expression), {
    onLeft: (problem) => {
      const verdict = never(`the JSONPath ${JSON.stringify(expression)} cannot be read: ${problem}`)
      return { description: expression, check: () => verdict, absent: verdict }
    },
    onRight: ({ path, wanted }) => ({
      description: expression,
      check: (object) => {
        const values = evaluate(path, object)
        if (values.length === 0) return notYet("nothing is there")
        if (wanted === undefined || values.every((value) => shown(value) === wanted)) return met
        return notYet(`there is ${values.map(shown).join(", ").slice(0, 200)}`)
      },
      absent: isAbsent
    })
  })

const becauseOf = (verdict: Verdict): string => (verdict._tag === "Met" ? "" : verdict.because)

/** Every one has to be met. */
const allOf = (verdicts: ReadonlyArray<Verdict>): Verdict => {
  const hopeless = verdicts.find(({ _tag }) => _tag === "Never")
  if (hopeless !== undefined) return hopeless
  const open = verdicts.filter(({ _tag }) => _tag === "NotYet")
  return open.length === 0 ? met : notYet(open.map(becauseOf).join("; "))
}

/** One has to be met. */
const anyOf = (verdicts: ReadonlyArray<Verdict>): Verdict => {
  if (verdicts.some(({ _tag }) => _tag === "Met")) return met
  const because = verdicts.map(becauseOf).join("; ")
  return verdicts.every(({ _tag }) => _tag === "Never") ? never(because) : notYet(because)
}

const combined =
  (word: string, combine: (verdicts: ReadonlyArray<Verdict>) => Verdict) =>
  <O, A>(...conditions: ReadonlyArray<Condition<O, A>>): Condition<O, A> => ({
    description: conditions.map(({ description }) => description).join(` ${word} `),
    check: (object) => combine(conditions.map(({ check }) => check(object))),
    absent: combine(conditions.map(({ absent }) => absent))
  })

export const and = combined("and", allOf)
export const or = combined("or", anyOf)

export const not = <O>({ check, description }: Condition<O, unknown>): Condition<O> => ({
  description: `not ${description}`,
  check: (object) => (check(object)._tag === "Met" ? notYet(`it is ${description}`) : met),
  absent: isAbsent
})
