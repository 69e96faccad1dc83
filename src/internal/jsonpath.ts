/**
 * kubectl's JSONPath: the paths of `{...}`, without its templates (`range`, `end`).
 *
 * It differs from RFC 9535: a backslash takes the meaning from a dot in a name, a name may hold `-` and `/`, and a filter
 * may leave out the quotes. So no library reads it.
 *
 * https://kubernetes.io/docs/reference/kubectl/jsonpath/
 */
import * as Either from "effect/Either"
import { isObject } from "./isObject.js"

type Literal = string | number | boolean | null

type Operand = { readonly _tag: "Path"; readonly path: Path } | { readonly _tag: "Literal"; readonly value: Literal }

type Step =
  | { readonly _tag: "Names"; readonly names: ReadonlyArray<string> }
  | { readonly _tag: "Indexes"; readonly indexes: ReadonlyArray<number> }
  | { readonly _tag: "Slice"; readonly from: number | undefined; readonly to: number | undefined; readonly by: number }
  | { readonly _tag: "All" }
  /** The value itself and everything below it. */
  | { readonly _tag: "Below" }
  | {
      readonly _tag: "Filter"
      readonly left: Path
      readonly operator: string | undefined
      readonly right: Operand | undefined
    }

export type Path = ReadonlyArray<Step>

type Parsed<A> = Either.Either<A, string>

const nameOf = /^(?:\\.|[^.[\]{}()\\\s*?=<>!])+/

/** The length of a part in brackets or parentheses, quotes in it respected; 0 where it has no end. */
const closing = (text: string, open: string, close: string): number => {
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

const isQuoted = (text: string): boolean => /^(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')$/.test(text)

const unquote = (text: string): string => text.slice(1, -1).replace(/\\(.)/g, "$1")

const split = (text: string): ReadonlyArray<string> =>
  (text.match(/(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^,])+/g) ?? []).map((part) => part.trim())

const operandOf = (text: string): Parsed<Operand> => {
  if (text.startsWith("@") || text.startsWith("$")) {
    return Either.map(parse(text), (path) => ({ _tag: "Path", path }) as const)
  }
  const value: Literal = isQuoted(text)
    ? unquote(text)
    : text === "true" || text === "false"
      ? text === "true"
      : text === "null"
        ? null
        : text !== "" && Number.isFinite(Number(text))
          ? Number(text)
          : text
  return text === "" ? Either.left("a value is missing in the filter") : Either.right({ _tag: "Literal", value })
}

const filterOf = (text: string): Parsed<Step> => {
  const [whole, left = "", operator, right = ""] =
    /^\s*(@[^=<>!]*?)\s*(?:(==|!=|<=|>=|<|>)\s*(.*?)\s*)?$/s.exec(text) ?? []
  if (whole === undefined) return Either.left(`the filter "${text}" does not begin with "@"`)
  return Either.gen(function* () {
    const path = yield* parse(left)
    const operand = operator === undefined ? undefined : yield* operandOf(right)
    return { _tag: "Filter", left: path, operator, right: operand }
  })
}

const bracketOf = (inner: string): Parsed<Step> => {
  const text = inner.trim()
  if (text === "*") return Either.right({ _tag: "All" })
  if (text.startsWith("?")) {
    const filter = text.slice(1).trim()
    return filter.startsWith("(") && filter.endsWith(")")
      ? filterOf(filter.slice(1, -1))
      : Either.left(`a filter is written as [?(...)], not as [${text}]`)
  }
  const slice = /^(-?\d*):(-?\d*)(?::(-?\d+))?$/.exec(text)
  if (slice !== null) {
    const [, from = "", to = "", by = "1"] = slice
    const bound = (digits: string) => (digits === "" ? undefined : Number(digits))
    return Number(by) > 0
      ? Either.right({ _tag: "Slice", from: bound(from), to: bound(to), by: Number(by) })
      : Either.left(`the step of a slice is more than 0, not ${by}`)
  }
  const parts = split(text)
  if (parts.length > 0 && parts.every((part) => /^-?\d+$/.test(part))) {
    return Either.right({ _tag: "Indexes", indexes: parts.map(Number) })
  }
  return parts.length > 0 && parts.every(isQuoted)
    ? Either.right({ _tag: "Names", names: parts.map(unquote) })
    : Either.left(`[${text}] is neither an index, nor a slice, a name in quotes, or a filter`)
}

/** The steps of a path; on the left why it cannot be read. */
export const parse = (text: string): Parsed<Path> => {
  const steps: Array<Step> = []
  let rest = text.trim().replace(/^[$@]/, "")
  if (rest === ".") return Either.right(steps)
  for (let isFirst = true; rest !== ""; isFirst = false) {
    if (rest.startsWith("[")) {
      const length = closing(rest, "[", "]")
      if (length === 0) return Either.left(`"[" has no "]" in "${rest}"`)
      const step = bracketOf(rest.slice(1, length - 1))
      if (Either.isLeft(step)) return Either.left(step.left)
      steps.push(step.right)
      rest = rest.slice(length)
      continue
    }
    if (rest.startsWith("..")) {
      steps.push({ _tag: "Below" })
      rest = rest.slice(2)
      if (rest.startsWith("[")) continue
    } else if (rest.startsWith(".")) {
      rest = rest.slice(1)
      if (rest.startsWith("[")) continue
    } else if (!isFirst) {
      return Either.left(`a dot is missing before "${rest}"`)
    }
    if (rest.startsWith("*")) {
      steps.push({ _tag: "All" })
      rest = rest.slice(1)
      continue
    }
    const name = nameOf.exec(rest)?.[0]
    if (name === undefined)
      return Either.left(rest === "" ? `a name is missing at the end of "${text}"` : `expected a name, got "${rest}"`)
    steps.push({ _tag: "Names", names: [name.replace(/\\(.)/g, "$1")] })
    rest = rest.slice(name.length)
  }
  return Either.right(steps)
}

const childrenOf = (value: unknown): ReadonlyArray<unknown> =>
  Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []

const below = (value: unknown): ReadonlyArray<unknown> => [value, ...childrenOf(value).flatMap(below)]

const compare = (left: unknown, operator: string, right: unknown): boolean => {
  if (operator === "==") return left === right
  if (operator === "!=") return left !== right
  const isOrdered =
    (typeof left === "number" && typeof right === "number") || (typeof left === "string" && typeof right === "string")
  if (!isOrdered) return false
  switch (operator) {
    case "<":
      return left < right
    case "<=":
      return left <= right
    case ">":
      return left > right
    default:
      return left >= right
  }
}

const passes = (item: unknown, { left, operator, right }: Extract<Step, { readonly _tag: "Filter" }>): boolean => {
  const found = evaluate(left, item)
  if (operator === undefined || right === undefined) return found.length > 0
  const others = right._tag === "Literal" ? [right.value] : evaluate(right.path, item)
  return found.some((value) => others.some((other) => compare(value, operator, other)))
}

const take = (value: unknown, step: Step): ReadonlyArray<unknown> => {
  switch (step._tag) {
    case "Names":
      return isObject(value) ? step.names.filter((name) => Object.hasOwn(value, name)).map((name) => value[name]) : []
    case "Indexes": {
      if (!Array.isArray(value)) return []
      const places = step.indexes.map((index) => (index < 0 ? value.length + index : index))
      return places.filter((place) => place >= 0 && place < value.length).map((place): unknown => value[place])
    }
    case "Slice":
      return Array.isArray(value) ? value.slice(step.from, step.to).filter((_, index) => index % step.by === 0) : []
    case "All":
      return childrenOf(value)
    case "Below":
      return below(value)
    case "Filter":
      return childrenOf(value).filter((item) => passes(item, step))
  }
}

/** All values that a path leads to; none where it leads nowhere. */
export const evaluate = (path: Path, value: unknown): ReadonlyArray<unknown> =>
  path.reduce<ReadonlyArray<unknown>>((values, step) => values.flatMap((value) => take(value, step)), [value])
