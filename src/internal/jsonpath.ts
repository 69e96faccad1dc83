/**
 * kubectl's JSONPath: the paths of `{...}`, without its templates (`range`, `end`). What is read and what it leads to is as
 * in kubectl; a test compares the two.
 *
 * It differs from RFC 9535: a backslash takes the meaning from a dot in a name, `['a.b']` is two names, and a name may hold
 * `-` and `/`. So no library reads it.
 *
 * https://kubernetes.io/docs/reference/kubectl/jsonpath/
 */
import * as Either from "effect/Either"
import { isObject } from "./isObject.js"

type Literal = string | number | boolean

type Operand = { readonly _tag: "Path"; readonly path: Path } | { readonly _tag: "Literal"; readonly value: Literal }

interface Filter {
  readonly _tag: "Filter"
  readonly left: Operand
  readonly comparison: { readonly operator: string; readonly right: Operand } | undefined
}

interface Slice {
  readonly _tag: "Slice"
  readonly from: number | undefined
  readonly to: number | undefined
  readonly by: number
  /** `[1]` and not `[1:2]`. */
  readonly isIndex: boolean
}

type Step =
  | { readonly _tag: "Name"; readonly name: string }
  | { readonly _tag: "All" }
  /** The value itself and everything below it that holds something. */
  | { readonly _tag: "Below" }
  | { readonly _tag: "Union"; readonly paths: ReadonlyArray<Path> }
  | Slice
  | Filter

export type Path = ReadonlyArray<Step>

/** On the left, what is wrong. */
type Result<A> = Either.Either<A, string>

/** Filters in filters, beyond any that somebody writes. */
const deepest = 20

const nameAt = /^(?:\\[^]|[^\\ \t\r\n.,[\]$@{}])+/

/** The length of a part in brackets, quotes in it respected; 0 where it has no end. */
export const closing = (text: string, open: string, close: string): number => {
  let quote = ""
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i)
    if (quote !== "") {
      if (character === "\\") i++
      else if (character === quote) quote = ""
    } else if (character === '"' || character === "'") quote = character
    else if (character === open) depth++
    else if (character === close && --depth === 0) return i + 1
  }
  return 0
}

const escapes: { readonly [letter: string]: string } = { n: "\n", r: "\r", t: "\t" }

const literalOf = (text: string): Result<Literal> => {
  if (/^(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')$/.test(text)) {
    return Either.right(text.slice(1, -1).replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter))
  }
  if (text === "true" || text === "false") return Either.right(text === "true")
  if (/^[+-]?\d+(?:\.\d*)?$/.test(text)) return Either.right(Number(text))
  return Either.left(
    text === "" ? "a value is missing in the filter" : `${text} is no value; a text is written in quotes`
  )
}

const operandOf = (given: string, depth: number): Result<Operand> => {
  const text = given.trim()
  return /^[@$.[]/.test(text)
    ? Either.map(parseAt(text, depth), (path) => ({ _tag: "Path", path }))
    : Either.map(literalOf(text), (value) => ({ _tag: "Literal", value }))
}

const operators = ["==", "!=", "<=", ">=", "<", ">"]

/** The length of what is left of the operator: quotes and brackets may hold what looks like one. */
const leftOf = (text: string): number => {
  let i = 0
  while (i < text.length && !/[!<>=]/.test(text.charAt(i))) {
    const character = text.charAt(i)
    if (character === "[") i += closing(text.slice(i), "[", "]") || text.length
    else if (character === '"' || character === "'") i = text.indexOf(character, i + 1) + 1 || text.length
    else i++
  }
  return i
}

const filterOf = (text: string, depth: number): Result<Step> =>
  Either.gen(function* () {
    if (depth > deepest) return yield* Either.left(`filters are in filters more than ${deepest} times`)
    const length = leftOf(text)
    const left = yield* operandOf(text.slice(0, length), depth)
    const [operator = ""] = /^[!<>=]*/.exec(text.slice(length)) ?? []
    if (operator === "") return { _tag: "Filter", left, comparison: undefined }
    if (!operators.includes(operator)) return yield* Either.left(`${operator} is none of ${operators.join(", ")}`)
    const right = yield* operandOf(text.slice(length + operator.length), depth)
    return { _tag: "Filter", left, comparison: { operator, right } }
  })

const bracketOf = (text: string, depth: number): Result<Path> => {
  const parts = text.split(",")
  if (parts.length > 1) {
    return Either.map(Either.all(parts.map((part) => bracketOf(part.trim(), depth))), (paths) => [
      { _tag: "Union", paths }
    ])
  }
  const quoted = /^'([^']*)'$/.exec(text)
  if (quoted !== null) return parseAt(`.${quoted[1] ?? ""}`, depth)
  const [whole, from = "", to, by] = /^(-?\d*)(?::(-?\d*))?(?::(-?\d*))?$/.exec(text === "*" ? ":" : text) ?? []
  if (whole === undefined || [from, to, by].includes("-")) {
    return Either.left(`[${text}] is neither an index, nor a slice, nor a name in single quotes, nor a filter [?(...)]`)
  }
  const numberOf = (digits: string | undefined) => (digits === undefined || digits === "" ? undefined : Number(digits))
  const step = numberOf(by) ?? 1
  return step > 0
    ? Either.right([{ _tag: "Slice", from: numberOf(from), to: numberOf(to), by: step, isIndex: to === undefined }])
    : Either.left(`the step of a slice is more than 0, not ${step}`)
}

const parseAt = (text: string, depth: number): Result<Path> =>
  Either.gen(function* () {
    const steps: Array<Step> = []
    let rest = text
    const name = function* () {
      const [found] = nameAt.exec(rest) ?? []
      if (found === undefined) {
        return yield* Either.left(`a name is missing ${rest === "" ? "at the end" : `before ${rest}`}`)
      }
      rest = rest.slice(found.length)
      steps.push(found === "*" ? { _tag: "All" } : { _tag: "Name", name: found.replaceAll("\\", "") })
    }
    while (rest !== "") {
      if (/^[ @$]/.test(rest)) {
        rest = rest.slice(1)
      } else if (rest.startsWith("[?(")) {
        const length = closing(rest.slice(2), "(", ")")
        if (length === 0 || rest.charAt(length + 2) !== "]") {
          return yield* Either.left(`a filter is written as [?(...)], not as ${rest}`)
        }
        steps.push(yield* filterOf(rest.slice(3, length + 1), depth + 1))
        rest = rest.slice(length + 3)
      } else if (rest.startsWith("[")) {
        const end = rest.indexOf("]")
        if (end === -1) return yield* Either.left(`"[" has no "]" in ${rest}`)
        steps.push(...(yield* bracketOf(rest.slice(1, end), depth)))
        rest = rest.slice(end + 1)
      } else if (rest.startsWith("..")) {
        if (rest.startsWith("..", 2)) return yield* Either.left(`".." follows ".." in ${rest}`)
        steps.push({ _tag: "Below" })
        rest = rest.slice(2)
        if (/^[\p{L}\p{Nd}_]/u.test(rest)) yield* name()
      } else if (rest.startsWith(".")) {
        rest = rest.slice(1)
        yield* name()
      } else {
        return yield* Either.left(`expected a dot or a bracket, got ${rest}`)
      }
    }
    return steps
  })

/** The steps of a path; on the left why it cannot be read. */
export const parse = (text: string): Result<Path> => parseAt(text, 0)

const childrenOf = (value: unknown): ReadonlyArray<unknown> =>
  Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []

const below = (value: unknown): ReadonlyArray<unknown> => {
  const children = childrenOf(value)
  return children.length === 0 ? [] : [value, ...children.flatMap(below)]
}

const typeOf = (value: unknown): string =>
  value === null
    ? "null"
    : Array.isArray(value)
      ? "a list"
      : typeof value === "object"
        ? "an object"
        : `a ${typeof value}`

const compare = (left: unknown, operator: string, right: unknown): Result<boolean> => {
  const isOrdered =
    (typeof left === "number" && typeof right === "number") || (typeof left === "string" && typeof right === "string")
  if (operator === "==" || operator === "!=") {
    return isOrdered || (typeof left === "boolean" && typeof right === "boolean")
      ? Either.right((left === right) === (operator === "=="))
      : Either.left(`${typeOf(left)} is not compared with ${typeOf(right)}`)
  }
  if (!isOrdered) return Either.left(`${typeOf(left)} is neither more nor less than ${typeOf(right)}`)
  switch (operator) {
    case "<":
      return Either.right(left < right)
    case "<=":
      return Either.right(left <= right)
    case ">":
      return Either.right(left > right)
    default:
      return Either.right(left >= right)
  }
}

const valuesOf = (operand: Operand, item: unknown): Result<ReadonlyArray<unknown>> =>
  operand._tag === "Literal" ? Either.right([operand.value]) : evaluate(operand.path, item)

const passes = (item: unknown, { comparison, left }: Filter): Result<boolean> => {
  const found = valuesOf(left, item)
  if (comparison === undefined) return Either.right(Either.isRight(found) && found.right.length > 0)
  return Either.gen(function* () {
    const lefts = yield* found
    const rights = yield* valuesOf(comparison.right, item)
    if (lefts.length === 0 || rights.length === 0) return false
    if (lefts.length > 1 || rights.length > 1) return yield* Either.left("a filter compares one value with one other")
    return yield* compare(lefts[0], comparison.operator, rights[0])
  })
}

const sliceOf = (
  list: ReadonlyArray<unknown>,
  { by, from = 0, isIndex, to }: Slice
): Result<ReadonlyArray<unknown>> => {
  const { length } = list
  const begin = from < 0 ? from + length : from
  if (isIndex) {
    return begin >= 0 && begin < length
      ? Either.right([list[begin]])
      : Either.left(`there is no [${from}] in a list of ${length}`)
  }
  const end = to === undefined ? length : to < 0 ? to + length : to
  if (begin === end) return Either.right([])
  return begin >= 0 && begin < end && end <= length
    ? Either.right(list.slice(begin, end).filter((_, index) => index % by === 0))
    : Either.left(`there is no [${from}:${to ?? ""}] in a list of ${length}`)
}

const take = (value: unknown, step: Exclude<Step, { readonly _tag: "Union" }>): Result<ReadonlyArray<unknown>> => {
  switch (step._tag) {
    case "Name":
      return Either.right(isObject(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [])
    case "All":
      return Either.right(childrenOf(value))
    case "Below":
      return Either.right(below(value))
    case "Slice":
      if (value === null) return Either.right([])
      return Array.isArray(value) ? sliceOf(value, step) : Either.left(`${typeOf(value)} has no [...]`)
    case "Filter": {
      if (!Array.isArray(value)) return Either.left(`${typeOf(value)} is not filtered`)
      const items: ReadonlyArray<unknown> = value
      return Either.map(Either.all(items.map((item) => passes(item, step))), (passed) =>
        items.filter((_, index) => passed[index])
      )
    }
  }
}

const walk = (path: Path, from: ReadonlyArray<unknown>): Result<ReadonlyArray<unknown>> =>
  Either.gen(function* () {
    let values = from
    for (const step of path) {
      const here = values
      const found: ReadonlyArray<ReadonlyArray<unknown>> = yield* Either.all(
        step._tag === "Union" ? step.paths.map((each) => walk(each, here)) : here.map((value) => take(value, step))
      )
      values = found.flat()
    }
    return values
  })

/** All values that a path leads to, none where it leads nowhere; on the left why this object has no such path. */
export const evaluate = (path: Path, value: unknown): Result<ReadonlyArray<unknown>> => walk(path, [value])
