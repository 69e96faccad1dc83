/** The rules that the fields of many kinds share, and how what breaks them is told. */
import { formProblems, isAddress } from "../addresses.js"
import { quantityOf, type Quantity } from "../decodeQuantity.js"
import { isJsonObject, jsonEquals, listOf, sortedJson } from "../json.js"
import { labelKeyProblems, labelValueProblems, rules } from "../names.js"
import type { Json, JsonObject } from "../openapi.js"
import { forbiddenValue, invalidValue, notSupported, required, type Cause } from "../status.js"
import type { NameRule } from "../strategies.js"

/** Where what is wrong is gathered, in the order in which the API server looks. */
export type Causes = Array<Cause>

/** What a kind has to be; `old` is the object that a write takes the place of. */
export type Rule = (out: Causes, object: JsonObject, old: JsonObject | undefined) => void

/** What a write of a part of an object has to be. */
export type PartRule = (out: Causes, object: JsonObject, old: JsonObject) => void

export const specOf = (object: JsonObject | undefined): JsonObject => objectAt(object, "spec") ?? {}

export const objectAt = (object: Json | undefined, ...path: ReadonlyArray<string>): JsonObject | undefined => {
  const found = valueAt(object, ...path)
  return isJsonObject(found) ? found : undefined
}

export const valueAt = (object: Json | undefined, ...path: ReadonlyArray<string>): Json | undefined => {
  let value = object
  for (const key of path) value = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
  return value ?? undefined
}

export const textAt = (object: Json | undefined, ...path: ReadonlyArray<string>): string => {
  const value = valueAt(object, ...path)
  return typeof value === "string" ? value : ""
}

export const numberAt = (object: Json | undefined, ...path: ReadonlyArray<string>): number | undefined => {
  const value = valueAt(object, ...path)
  return typeof value === "number" ? value : undefined
}

export const listAt = (object: Json | undefined, ...path: ReadonlyArray<string>): ReadonlyArray<Json> =>
  listOf(valueAt(object, ...path))

/** The objects of a list, with the path of each. */
export const eachAt = (
  object: Json | undefined,
  path: string,
  key: string
): ReadonlyArray<readonly [JsonObject, string]> =>
  listAt(object, key).flatMap((item, index) =>
    isJsonObject(item) ? [[item, `${path}.${key}[${index}]`] as const] : []
  )

/** The entries of a map, in the order of their keys. */
export const entriesAt = (object: Json | undefined, ...path: ReadonlyArray<string>): ReadonlyArray<[string, Json]> =>
  Object.entries(objectAt(object, ...path) ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1))

/** A value as Go puts it into the message. */
export const goText = (value: Json): string =>
  typeof value === "object" && value !== null
    ? JSON.stringify(sortedJson(value))
        .replaceAll("<", String.raw`\u003c`)
        .replaceAll(">", String.raw`\u003e`)
        .replaceAll("&", String.raw`\u0026`)
    : JSON.stringify(value)

export const invalid = (out: Causes, path: string, value: Json, detail: string): void => {
  out.push(invalidValue(path, goText(value), detail))
}

/** Of a value that is text already. */
export const invalidText = (out: Causes, path: string, value: string, detail: string): void => {
  out.push(invalidValue(path, value, detail))
}

/** Of a value that is not shown. */
export const invalidOmitted = (out: Causes, path: string, detail: string): void => {
  out.push({ reason: "FieldValueInvalid", message: `Invalid value: ${detail}`, field: path })
}

export const missing = (out: Causes, path: string, detail = ""): void => {
  out.push(required(path, detail))
}

export const forbid = (out: Causes, path: string, detail: string): void => {
  out.push(forbiddenValue(path, detail))
}

export const unsupported = (out: Causes, path: string, value: Json, supported: ReadonlyArray<string>): void => {
  out.push(notSupported(path, goText(value), supported))
}

export const duplicate = (out: Causes, path: string, value: Json): void => duplicateText(out, path, goText(value))

/** Of a value that is text already. */
export const duplicateText = (out: Causes, path: string, value: string, detail = ""): void => {
  const why = detail === "" ? "" : `: ${detail}`
  out.push({ reason: "FieldValueDuplicate", message: `Duplicate value: ${value}${why}`, field: path })
}

export const notFound = (out: Causes, path: string, value: Json): void => {
  out.push({ reason: "FieldValueNotFound", message: `Not found: ${goText(value)}`, field: path })
}

export const tooLong = (out: Causes, path: string, limit: number): void => {
  out.push({ reason: "FieldValueTooLong", message: `Too long: may not be more than ${limit} bytes`, field: path })
}

export const tooMany = (out: Causes, path: string, count: number, limit: number): void => {
  const message = `Too many: ${count}: must have at most ${limit} items`
  out.push({ reason: "FieldValueTooMany", message, field: path })
}

/** Each problem of a text. */
export const problems = (out: Causes, path: string, value: Json, found: ReadonlyArray<string>): void => {
  for (const problem of found) invalid(out, path, value, problem)
}

export const name = (out: Causes, path: string, text: string, rule: NameRule): void =>
  problems(out, path, text, rules[rule](text))

const immutableField = "field is immutable"

export const immutable = (
  out: Causes,
  path: string,
  value: Json | undefined,
  old: Json | undefined,
  detail = immutableField
): void => {
  if (!jsonEquals(value, old)) invalid(out, path, value ?? null, detail)
}

export const notNegative = (out: Causes, path: string, value: number | undefined): void => {
  if (value !== undefined && value < 0) invalid(out, path, value, "must be greater than or equal to 0")
}

/** One of the values; an empty one is missing. */
export const oneOf = (out: Causes, path: string, value: Json | undefined, supported: ReadonlyArray<string>): void => {
  if (value === undefined || value === "") missing(out, path)
  else if (!supported.includes(String(value))) unsupported(out, path, value, supported)
}

/** One of the values, or none. */
export const maybeOneOf = (
  out: Causes,
  path: string,
  value: Json | undefined,
  supported: ReadonlyArray<string>
): void => {
  if (value !== undefined && !supported.includes(String(value))) unsupported(out, path, value, supported)
}

const pathPattern = /^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/

/** A name below the domain of who knows it: `acme.io/foo`. */
export const domainPrefixedPath = (out: Causes, path: string, text: string): void => {
  if (text === "") return missing(out, path)
  const slash = text.indexOf("/")
  const [domain, rest] = [text.slice(0, Math.max(slash, 0)), text.slice(slash + 1)]
  if (domain === "" || rest === "") {
    return invalid(out, path, text, 'must be a domain-prefixed path (such as "acme.io/foo")')
  }
  name(out, path, domain, "subdomain")
  if (!pathPattern.test(rest)) {
    const pattern = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+"
    invalid(out, path, rest, `Invalid path (regex used for validation is '${pattern}')`)
  }
}

export const range = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`

const maxId = 2147483647

/** The id of a user or of a group. */
export const numericId = (out: Causes, path: string, id: number | undefined): void => {
  if (id !== undefined && (id < 0 || id > maxId)) invalid(out, path, id, range(0, maxId))
}

export const portNumber = (out: Causes, path: string, port: number): void => {
  if (port < 1 || port > 65535) invalid(out, path, port, range(1, 65535))
}

export const portNameProblems = (text: string): ReadonlyArray<string> => [
  ...(Buffer.byteLength(text) > 15 ? ["must be no more than 15 characters"] : []),
  ...(/^[-a-z0-9]+$/.test(text) ? [] : ["must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"]),
  ...(/[a-z]/.test(text) ? [] : ["must contain at least one letter (a-z)"]),
  ...(text.includes("--") ? ["must not contain consecutive hyphens"] : []),
  ...(text !== "" && (text.startsWith("-") || text.endsWith("-")) ? ["must not begin or end with a hyphen"] : [])
]

export const portNumberOrName = (out: Causes, path: string, port: Json | undefined): void => {
  if (typeof port === "string") problems(out, path, port, portNameProblems(port))
  else portNumber(out, path, typeof port === "number" ? port : 0)
}

export const protocols = ["SCTP", "TCP", "UDP"]

export const labels = (out: Causes, path: string, map: Json | undefined): void => {
  for (const [key, value] of entriesAt(map)) {
    problems(out, path, key, labelKeyProblems(key))
    problems(out, path, value, labelValueProblems(String(value)))
  }
}

export const labelKey = (out: Causes, path: string, key: string): void =>
  problems(out, path, key, labelKeyProblems(key))

export const labelSelector = (out: Causes, path: string, selector: JsonObject | undefined): void => {
  if (selector === undefined) return
  labels(out, `${path}.matchLabels`, selector["matchLabels"])
  for (const [expression, at] of eachAt(selector, path, "matchExpressions")) {
    const [operator, values] = [textAt(expression, "operator"), listAt(expression, "values")]
    if (operator === "In" || operator === "NotIn") {
      if (values.length === 0) missing(out, `${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'")
    } else if (operator === "Exists" || operator === "DoesNotExist") {
      if (values.length > 0) {
        forbid(out, `${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
      }
    } else invalid(out, `${at}.operator`, operator, "not a valid selector operator")
    labelKey(out, `${at}.key`, textAt(expression, "key"))
    values.forEach((value, index) => problems(out, `${at}.values[${index}]`, value, labelValueProblems(String(value))))
  }
}

export const isEmptySelector = (selector: JsonObject | undefined): boolean =>
  entriesAt(selector, "matchLabels").length + listAt(selector, "matchExpressions").length === 0

/** Whether labels are selected, or undefined if the selector cannot be read. */
export const selects = (selector: JsonObject | undefined, of: JsonObject): boolean | undefined => {
  const causes: Causes = []
  labelSelector(causes, "", selector)
  if (causes.length > 0) return undefined
  return (
    entriesAt(selector, "matchLabels").every(([key, value]) => of[key] === value) &&
    listAt(selector, "matchExpressions").every((expression) => {
      const [value, values] = [of[textAt(expression, "key")], listAt(expression, "values")]
      switch (textAt(expression, "operator")) {
        case "In":
          return value !== undefined && values.includes(value)
        case "NotIn":
          return value === undefined || !values.includes(value)
        case "Exists":
          return value !== undefined
        default:
          return value === undefined
      }
    })
  )
}

export const qualifiedName = labelKey

const configMapKey = /^[-._a-zA-Z0-9]+$/

/** What is wrong with a key of a ConfigMap or a Secret. */
export const keyProblems = (key: string): ReadonlyArray<string> => [
  ...(Buffer.byteLength(key) > 253 ? ["must be no more than 253 characters"] : []),
  ...(configMapKey.test(key)
    ? []
    : [
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
      ]),
  ...(key === "."
    ? [`must not be '.'`]
    : key === ".."
      ? [`must not be '..'`]
      : key.startsWith("..")
        ? [`must not start with '..'`]
        : [])
]

export const quantityAt = (value: Json | undefined): Quantity | undefined =>
  typeof value === "string" ? quantityOf(value) : undefined

export const notNegativeQuantity = (out: Causes, path: string, value: Json): void => {
  const quantity = quantityAt(value)
  if (quantity !== undefined && quantity.nanos < 0n) invalid(out, path, value, "must be greater than or equal to 0")
}

const percent = /^[0-9]+%$/

export const intOrPercent = (out: Causes, path: string, value: Json | undefined): void => {
  if (typeof value === "number") return notNegative(out, path, value)
  if (typeof value === "string" && !percent.test(value)) {
    invalid(
      out,
      path,
      value,
      "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
    )
  }
}

export const notMoreThan100Percent = (out: Causes, path: string, value: Json | undefined): void => {
  if (typeof value === "string" && percent.test(value) && Number(value.slice(0, -1)) > 100) {
    invalid(out, path, value, "must not be greater than 100%")
  }
}

/** What is no number counts as none. */
export const isZeroIntOrPercent = (value: Json | undefined): boolean =>
  typeof value === "string" ? (Number(value.replace(/%$/, "")) || 0) === 0 : (value ?? 0) === 0

const ipProblem = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"

export const ip = (out: Causes, path: string, text: string): void => {
  if (!isAddress(text)) invalid(out, path, text, ipProblem)
}

/** Of fields that are younger than the forms of addresses that the API server would rather not take. */
export const strictIp = (out: Causes, path: string, text: string): void => {
  if (isAddress(text)) problems(out, path, text, formProblems(text))
  else invalid(out, path, text, ipProblem)
}

/** Where a connection may go to. */
export const endpointIp = (out: Causes, path: string, text: string): void => {
  if (!isAddress(text)) return invalid(out, path, text, "must be a valid IP address")
  const is = (four: RegExp, six: RegExp): boolean => (text.includes(":") ? six : four).test(text.toLowerCase())
  if (is(/^0\.0\.0\.0$/, /^[0:]+$/)) invalid(out, path, text, `may not be unspecified (${text})`)
  if (is(/^127\./, /^(0*:)+:?0*1$/)) {
    invalid(out, path, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)")
  }
  if (is(/^169\.254\./, /^fe[89ab].:/)) {
    invalid(out, path, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")
  }
  if (is(/^224\.0\.0\./, /^ff.2:/)) {
    invalid(out, path, text, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
  }
}

export const isCidr = (text: string): boolean => {
  const [address = "", bits = "", ...more] = text.split("/")
  const longest = address.includes(":") ? 128 : 32
  return more.length === 0 && isAddress(address) && /^\d+$/.test(bits) && Number(bits) <= longest
}

export const cidr = (out: Causes, path: string, text: string): void => {
  if (!isCidr(text)) invalid(out, path, text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")
}

export const accessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"]
