/** Pieces of cells, as the API server words them. */
import { quantityOf, quantityText } from "../decodeQuantity.js"
import { isJsonArray, isJsonObject } from "../json.js"
import { labelKeyProblem, labelValueProblem } from "../names.js"
import type { Json, JsonObject } from "../openapi.js"
import { formatTerms, selectorTerms } from "../selectors.js"
import { at, listAt } from "../strategies.js"

type Value = Json | undefined

/** Absent text is empty text. */
export const textAt = (object: Value, ...path: ReadonlyArray<string>): string => {
  const value = at(object ?? null, ...path)
  return value === undefined || value === null ? "" : String(value)
}

/** An absent number is 0. */
export const numberAt = (object: Value, ...path: ReadonlyArray<string>): number => {
  const value = at(object ?? null, ...path)
  return typeof value === "number" ? value : 0
}

/** An absent flag is off. */
export const flagAt = (object: Value, ...path: ReadonlyArray<string>): boolean => at(object ?? null, ...path) === true

export const mapAt = (object: Value, ...path: ReadonlyArray<string>): JsonObject => {
  const value = at(object ?? null, ...path)
  return isJsonObject(value) ? value : {}
}

/** Whether something is there; `null` is nothing. */
export const hasAt = (object: Value, ...path: ReadonlyArray<string>): boolean =>
  (at(object ?? null, ...path) ?? null) !== null

const [second, minute, hour] = [1000, 60_000, 3_600_000]
const year = 365

/** A duration of so many milliseconds in two or three digits: `47s`, `3m20s`, `5d3h`. */
export const humanDuration = (millis: number): string => {
  // A clock that is up to two seconds ahead is no reason to complain.
  const seconds = Math.trunc(millis / second)
  if (seconds < -1) return "<invalid>"
  if (seconds < 0) return "0s"
  if (seconds < 120) return `${seconds}s`
  const two = (many: number, unit: string, few: number, fewUnit: string): string =>
    few === 0 ? `${many}${unit}` : `${many}${unit}${few}${fewUnit}`
  const minutes = Math.trunc(millis / minute)
  if (minutes < 10) return two(minutes, "m", seconds % 60, "s")
  if (minutes < 180) return `${minutes}m`
  const hours = Math.trunc(millis / hour)
  if (hours < 8) return two(hours, "h", minutes % 60, "m")
  if (hours < 48) return `${hours}h`
  const days = Math.trunc(hours / 24)
  if (days < 8) return two(days, "d", hours % 24, "h")
  if (days < 2 * year) return `${days}d`
  const years = Math.trunc(days / year)
  return days < 8 * year ? two(years, "y", days % year, "d") : `${years}y`
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)$/

/** The milliseconds of a time in RFC 3339; `undefined` if it is none. */
export const millisOf = (time: string): number | undefined => {
  const day = rfc3339.exec(time)?.slice(1, 4).map(Number)
  const millis = Date.parse(time.replace(",", "."))
  if (day === undefined || Number.isNaN(millis)) return undefined
  const [ofYear = 0, ofMonth = 0, ofDay = 0] = day
  // JavaScript takes the 30th of February for a day of March.
  return ofDay <= new Date(Date.UTC(ofYear, ofMonth, 0)).getUTCDate() ? millis : undefined
}

const zeroTime = Date.parse("0001-01-01T00:00:00Z")

/** How long ago a time was. */
export const since = (time: Value, now: number): string => {
  const millis = typeof time === "string" ? millisOf(time) : undefined
  return millis === undefined || millis === zeroTime ? "<unknown>" : humanDuration(now - millis)
}

/** A quantity in its canonical form. */
export const quantity = (value: Value): string => {
  if (value === undefined || value === null) return "0"
  const parsed = quantityOf(String(value))
  return parsed === undefined ? String(value) : quantityText(parsed)
}

/** Labels as text. */
export const formatLabels = (labels: JsonObject): string =>
  Object.keys(labels)
    .toSorted()
    .map((key) => `${key}=${String(labels[key])}`)
    .join(",") || "<none>"

/** A label selector as text, `undefined` if it cannot be one; an absent one is empty. */
export const selectorText = (selector: Value): string | undefined => {
  const terms = selectorTerms(selector) ?? []
  const expressions = listAt(selector, "matchExpressions")
  const fits = ({ key, operator, values }: (typeof terms)[number]): boolean =>
    labelKeyProblem(key) === undefined &&
    values.every((value) => labelValueProblem(value) === undefined) &&
    (operator === "in" || operator === "notin" ? values.length > 0 : operator === "=" || values.length === 0)
  const known = terms.length === Object.keys(mapAt(selector, "matchLabels")).length + expressions.length
  return known && terms.every(fits) ? formatTerms(terms) : undefined
}

/** The first few of a list, and how many more there are. */
export const firstOf = (list: ReadonlyArray<string>, most: number, separator: string): string =>
  list.length > most ? `${list.slice(0, most).join(separator)} + ${list.length - most} more...` : list.join(separator)

/** A float as Go's `%v` has it. */
const goFloat = (value: number): string => {
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 63) return String(BigInt(value))
  const [digits = "", exponent = "0"] = value.toExponential().split("e")
  const power = Number(exponent)
  return power < -4 || power >= 6
    ? `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`
    : String(value)
}

const escapes: { readonly [character: string]: string } = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029"
}

/** JSON as Go writes it: keys in order, and nothing that HTML would read. */
export const goJson = (value: Json): string => {
  if (isJsonArray(value)) return `[${value.map(goJson).join(",")}]`
  if (isJsonObject(value)) {
    return `{${Object.keys(value)
      .toSorted()
      .map((key) => `${goJson(key)}:${goJson(value[key] ?? null)}`)
      .join(",")}}`
  }
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => escapes[character] ?? character)
}

/** A value as Go's templates print it. */
export const goText = (value: Json): string =>
  value === null
    ? "<no value>"
    : typeof value === "object"
      ? goJson(value)
      : typeof value === "number"
        ? goFloat(value)
        : String(value)
