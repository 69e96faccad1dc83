/** Label and field selectors as the API server reads them, with its errors. */
import * as Either from "effect/Either"
import { isJsonObject } from "./json.js"
import type { JsonObject } from "./openapi.js"
import { labelKeyProblem, labelValueProblem } from "./names.js"
import { badRequest, type Failure } from "./status.js"
import type { FieldSelectors } from "./strategies.js"
import { metadataOf } from "./store.js"

export type Matches = (object: JsonObject) => boolean

type Labels = { readonly [key: string]: unknown }

type Token = { readonly kind: "identifier" | "end" | "symbol"; readonly text: string }

const end: Token = { kind: "end", text: "" }
const symbols = ["==", "!=", "!", "(", ")", ",", "=", ">", "<"]
const blank = /^[ \t\r\n]+/
const word = /^[^ \t\r\n=!(),><]+/

const tokensOf = (text: string): ReadonlyArray<Token> => {
  const tokens: Array<Token> = []
  let rest = text
  for (;;) {
    rest = rest.replace(blank, "")
    if (rest === "") return tokens
    const symbol = symbols.find((each) => rest.startsWith(each))
    const found = symbol ?? word.exec(rest)?.[0] ?? rest
    tokens.push({ kind: symbol === undefined ? "identifier" : "symbol", text: found })
    rest = rest.slice(found.length)
  }
}

/** One term of a label selector. */
export interface Requirement {
  readonly key: string
  readonly operator: "=" | "==" | "!=" | "in" | "notin" | "exists" | "!" | ">" | "<"
  readonly values: ReadonlyArray<string>
}

const unparsed = (problem: string) => Either.left(badRequest(`unable to parse requirement: ${problem}`))
const integer = /^[+-]?\d+$/

/** A requirement whose key and values are possible. */
const checked = (requirement: Requirement): Either.Either<Requirement, Failure> => {
  const { key, operator, values } = requirement
  const keyProblem = labelKeyProblem(key)
  if (keyProblem !== undefined) return unparsed(`<nil>: Invalid value: ${JSON.stringify(key)}: ${keyProblem}`)
  for (const [index, value] of values.entries()) {
    if ((operator === ">" || operator === "<") && !integer.test(value)) {
      return unparsed(
        `values[${index}]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`
      )
    }
    const problem = labelValueProblem(value)
    if (problem !== undefined) {
      return unparsed(`values[${index}][${key}]: Invalid value: ${JSON.stringify(value)}: ${problem}`)
    }
  }
  return Either.right(requirement)
}

/** The terms of a label selector; all of them have to hold. */
export const parseLabels = (text: string): Either.Either<ReadonlyArray<Requirement>, Failure> => {
  const tokens = tokensOf(text)
  let place = 0
  const peek = (): Token => tokens[place] ?? end
  const next = (): Token => tokens[place++] ?? end
  const values = (): Either.Either<ReadonlyArray<string>, Failure> => {
    const open = next()
    if (open.text !== "(") return unparsed(`found '${open.text}' expected: '('`)
    const found: Array<string> = []
    let expectsValue = true
    for (;;) {
      const token = next()
      if (token.text === ")" || token.text === ",") {
        // Between two commas, and before the end, is an empty value.
        if (expectsValue) found.push("")
        if (token.text === ")") return Either.right([...new Set(found)])
        expectsValue = true
      } else if (token.kind === "identifier" && expectsValue) {
        found.push(token.text)
        expectsValue = false
      } else {
        return unparsed(
          expectsValue
            ? `found '${token.text}', expected: ',', ')' or identifier`
            : `found '${token.text}', expected: ',' or ')'`
        )
      }
    }
  }
  const requirement = (): Either.Either<Requirement, Failure> => {
    const negated = peek().text === "!" && next() !== undefined
    const key = next()
    if (key.kind !== "identifier") return unparsed(`found '${key.text}', expected: identifier`)
    const follows = peek()
    if (negated) return checked({ key: key.text, operator: "!", values: [] })
    if (follows.kind === "end" || follows.text === ",")
      return checked({ key: key.text, operator: "exists", values: [] })
    const operator = next().text
    switch (operator) {
      case "in":
      case "notin":
        return Either.flatMap(values(), (found) => checked({ key: key.text, operator, values: found }))
      case "=":
      case "==":
      case "!=":
      case ">":
      case "<": {
        const value = peek()
        if (value.kind === "end" || value.text === ",") return checked({ key: key.text, operator, values: [""] })
        if (value.kind !== "identifier") return unparsed(`found '${value.text}', expected: identifier`)
        return checked({ key: key.text, operator, values: [next().text] })
      }
      default:
        return unparsed(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`)
    }
  }
  const requirements: Array<Requirement> = []
  while (peek().kind !== "end") {
    if (peek().kind !== "identifier" && peek().text !== "!") {
      return Either.left(badRequest(`found '${peek().text}', expected: !, identifier, or 'end of string'`))
    }
    const found = requirement()
    if (Either.isLeft(found)) return Either.left(found.left)
    requirements.push(found.right)
    const separator = next()
    if (separator.kind === "end") break
    if (separator.text !== ",") {
      return Either.left(badRequest(`found '${separator.text}', expected: ',' or 'end of string'`))
    }
    if (peek().kind !== "identifier" && peek().text !== "!") {
      return Either.left(badRequest(`found '${peek().text}', expected: identifier after ','`))
    }
  }
  return Either.right(requirements)
}

const holds = (labels: Labels, { key, operator, values }: Requirement): boolean => {
  const value = Object.hasOwn(labels, key) ? String(labels[key]) : undefined
  switch (operator) {
    case "exists":
      return value !== undefined
    case "!":
      return value === undefined
    case "=":
    case "==":
    case "in":
      return value !== undefined && values.includes(value)
    case "!=":
    case "notin":
      return value === undefined || !values.includes(value)
    case ">":
      return value !== undefined && integer.test(value) && Number(value) > Number(values[0])
    case "<":
      return value !== undefined && integer.test(value) && Number(value) < Number(values[0])
  }
}

export const matchesLabels = (labels: Labels, requirements: ReadonlyArray<Requirement>): boolean =>
  requirements.every((requirement) => holds(labels, requirement))

export const labelsOf = (object: JsonObject): JsonObject => {
  const labels = metadataOf(object)["labels"]
  return isJsonObject(labels) ? labels : {}
}

const operatorsByName: { readonly [name: string]: Requirement["operator"] } = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!"
}

/** The terms of a `LabelSelector` in a spec; an absent one selects nothing. */
export const selectorTerms = (selector: unknown): ReadonlyArray<Requirement> | undefined => {
  if (typeof selector !== "object" || selector === null) return undefined
  const { matchExpressions, matchLabels }: { matchLabels?: unknown; matchExpressions?: unknown } = selector
  const equal = Object.entries(matchLabels ?? {}).map(([key, value]): Requirement => ({
    key,
    operator: "=",
    values: [String(value)]
  }))
  const more = (Array.isArray(matchExpressions) ? matchExpressions : []).flatMap((each: unknown) => {
    if (typeof each !== "object" || each === null) return []
    const { key, operator, values }: { key?: unknown; operator?: unknown; values?: unknown } = each
    const known = operatorsByName[String(operator)]
    return known === undefined
      ? []
      : [{ key: String(key), operator: known, values: Array.isArray(values) ? values.map(String) : [] }]
  })
  return [...equal, ...more]
}

/** A selector's terms as text, as `status.selector` of a scale shows them. */
export const formatTerms = (terms: ReadonlyArray<Requirement>): string =>
  terms
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ key, operator, values }) =>
      operator === "exists"
        ? key
        : operator === "!"
          ? `!${key}`
          : operator === "in" || operator === "notin"
            ? `${key} ${operator} (${values.toSorted().join(",")})`
            : `${key}${operator}${values[0] ?? ""}`
    )
    .join(",")

interface Term {
  readonly field: string
  readonly equal: boolean
  readonly value: string
}

const unescapable = new Set(["\\", ",", "="])

const unescape = (text: string): Either.Either<string, Failure> => {
  let result = ""
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index)
    if (character === "\\") {
      const escaped = text.charAt(++index)
      if (!unescapable.has(escaped)) {
        return Either.left(badRequest(`invalid field selector: invalid escape sequence: \\${escaped}`))
      }
      result += escaped
    } else if (character === "," || character === "=") {
      return Either.left(badRequest(`invalid field selector: unescaped character in value: ${character.charCodeAt(0)}`))
    } else {
      result += character
    }
  }
  return Either.right(result)
}

/** The terms of a field selector: split at commas that no backslash escapes. */
const parseFields = (text: string): Either.Either<ReadonlyArray<Term>, Failure> =>
  Either.all(
    (text.match(/(?:\\.|[^,\\]|\\$)+/gs) ?? []).map((part): Either.Either<Term, Failure> => {
      const operator = /!=|==|=/.exec(part)
      if (operator === null) {
        return Either.left(badRequest(`invalid selector: '${text}'; can't understand '${part}'`))
      }
      return Either.map(unescape(part.slice(operator.index + operator[0].length)), (value) => ({
        field: part.slice(0, operator.index),
        equal: operator[0] !== "!=",
        value
      }))
    })
  )

const metadataText =
  (key: string) =>
  (object: JsonObject): string =>
    String(metadataOf(object)[key] ?? "")

/** What every kind can be selected by. */
export const commonFields: FieldSelectors = {
  values: { "metadata.name": metadataText("name"), "metadata.namespace": metadataText("namespace") },
  unsupported: (label) =>
    `${JSON.stringify(label)} is not a known field selector: only "metadata.name", "metadata.namespace"`
}

/** What `labelSelector` and `fieldSelector` of a query select. */
export const selecting = (
  query: URLSearchParams,
  fields: FieldSelectors = commonFields
): Either.Either<Matches, Failure> =>
  Either.gen(function* () {
    const requirements = yield* parseLabels(query.get("labelSelector") ?? "")
    const terms = yield* parseFields(query.get("fieldSelector") ?? "")
    const unknown = terms.find(({ field }) => !Object.hasOwn(fields.values, field))
    if (unknown !== undefined) return yield* Either.left(badRequest(fields.unsupported(unknown.field)))
    return (object) =>
      matchesLabels(labelsOf(object), requirements) &&
      terms.every(({ equal, field, value }) => (fields.values[field]?.(object) === value) === equal)
  })
