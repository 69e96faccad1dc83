/** Objects as the structs that the API server prints in its messages. */
import { text } from "./goStructs.js"
import { isJsonArray, isJsonObject, sortedJson } from "./json.js"
import type { Json, JsonObject } from "./openapi.js"
import { unifiedDiff } from "./unifiedDiff.js"

interface Field {
  readonly printed: string
  readonly json: string
  readonly type: string
  /** It is left out where it is zero. */
  readonly optional: boolean
  /** Its own fields stand in the place of it. */
  readonly embedded: boolean
}

const parseField = (text: string): Field => {
  if (text.startsWith("<")) return { printed: "", json: "", type: text.slice(1), optional: false, embedded: true }
  const [names = "", type = ""] = text.split(" ")
  const [printed = "", json = ""] = names.split("=")
  const optional = printed.startsWith("?")
  return { printed: optional ? printed.slice(1) : printed, json, type, optional, embedded: false }
}

let texts: { readonly [struct: string]: string } | undefined
const parsed = new Map<string, ReadonlyArray<Field>>()

const fieldsOf = (struct: string): ReadonlyArray<Field> => {
  const known = parsed.get(struct)
  if (known !== undefined) return known
  // The generator writes an object of texts.
  texts ??= JSON.parse(text) as { readonly [struct: string]: string }
  const fields = (texts[struct] ?? "").split(",").filter((each) => each !== "")
  const found = fields.map(parseField)
  parsed.set(struct, found)
  return found
}

const part = (object: JsonObject, key: string): JsonObject => {
  const value = object[key]
  return isJsonObject(value) ? value : {}
}

const hostFields = ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"]

/** What the API server has in another place than JSON does. */
const moved = (struct: string, value: JsonObject): JsonObject => {
  if (struct !== "core.PodSpec") return value
  const host = Object.entries(value).filter(([key]) => hostFields.includes(key))
  return host.length === 0
    ? value
    : {
        ...value,
        securityContext: { ...part(value, "securityContext"), ...Object.fromEntries(host) }
      }
}

const zero: { readonly [type: string]: Json } = { bool: false, number: 0, quantity: "0", string: "", time: null }

const typed = (type: string, value: Json | undefined): Json => {
  if (type.startsWith("*")) return value === undefined || value === null ? null : typed(type.slice(1), value)
  const item = type.slice(2)
  if (type.startsWith("[]")) return isJsonArray(value) ? value.map((each) => typed(item, each)) : null
  if (type.startsWith("{}")) {
    if (!isJsonObject(value)) return null
    return sortedJson(Object.fromEntries(Object.entries(value).map(([key, each]) => [key, typed(item, each)])))
  }
  const plain = zero[type]
  return plain === undefined ? structOf(type, isJsonObject(value) ? value : {}) : (value ?? plain)
}

const isZero = (value: Json): boolean =>
  value === null || value === "" || value === 0 || value === false || (isJsonArray(value) && value.length === 0)

const metadata = "meta.ObjectMeta"

const entries = (struct: string, object: JsonObject): ReadonlyArray<readonly [string, Json]> => {
  const value = moved(struct, object)
  return fieldsOf(struct).flatMap((field) => {
    if (field.embedded) return entries(field.type, field.type === metadata ? part(value, "metadata") : value)
    const printed = typed(field.type, value[field.json])
    return field.optional && isZero(printed) ? [] : [[field.printed, printed] as const]
  })
}

/** An object as the struct of this name: with all of its fields, in their order. */
export const structOf = (struct: string, object: JsonObject): Json => Object.fromEntries(entries(struct, object))

const escaped = (json: string): string =>
  json
    .replaceAll("<", String.raw`\u003c`)
    .replaceAll(">", String.raw`\u003e`)
    .replaceAll("&", String.raw`\u0026`)

/** A struct as text; null if there is none. */
export const structText = (struct: string, object: JsonObject | undefined): string =>
  object === undefined ? "null" : escaped(JSON.stringify(structOf(struct, object)))

/** Where two structs differ. */
export const structDiff = (struct: string, old: JsonObject, now: JsonObject): string => {
  const lines = (object: JsonObject): string => escaped(JSON.stringify(structOf(struct, object), null, 1))
  return unifiedDiff(lines(old), lines(now))
}
