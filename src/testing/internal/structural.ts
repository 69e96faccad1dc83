/**
 * Custom objects and the structural schema of their CustomResourceDefinition: what the API server takes away, what it fills in,
 * and what it has against them. CEL rules (`x-kubernetes-validations`) are not looked at.
 */
import * as Either from "effect/Either"
import { isIP } from "node:net"
import { isJsonArray, isJsonObject, jsonEquals, own } from "./json.js"
import type { Json, JsonObject, OpenApi } from "./openapi.js"
import { notSupported, required, type Cause } from "./status.js"
import { goText } from "./validationRules.js"

export interface Pruned {
  readonly object: JsonObject
  /** The paths of what was taken away, as field validation tells of them. */
  readonly unknown: ReadonlyArray<string>
}

const child = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`)

const typeMeta = ["apiVersion", "kind", "metadata"]

/** The object without the fields that its schema does not have. */
export const prune = (schema: OpenApi, object: JsonObject): Pruned => {
  const unknown: Array<string> = []
  const fields = (value: JsonObject, of: OpenApi, path: string, isResource: boolean): JsonObject =>
    Object.fromEntries(
      Object.entries(value).flatMap(([key, item]): ReadonlyArray<readonly [string, Json]> => {
        const at = child(path, key)
        if (isResource && typeMeta.includes(key)) return [[key, item]]
        const property = of.properties === undefined ? undefined : ownSchema(of.properties, key)
        if (property !== undefined) return [[key, visit(item, property, at)]]
        const { additionalProperties } = of
        if (typeof additionalProperties === "object") return [[key, visit(item, additionalProperties, at)]]
        if (additionalProperties === true || of["x-kubernetes-preserve-unknown-fields"] === true) return [[key, item]]
        unknown.push(at)
        return []
      })
    )
  const visit = (value: Json, of: OpenApi, path: string): Json => {
    if (isJsonArray(value)) {
      const { items } = of
      return items === undefined ? value : value.map((item, index) => visit(item, items, `${path}[${index}]`))
    }
    return isJsonObject(value) ? fields(value, of, path, of["x-kubernetes-embedded-resource"] === true) : value
  }
  return { object: fields(object, schema, "", true), unknown }
}

const ownSchema = (properties: NonNullable<OpenApi["properties"]>, key: string): OpenApi | undefined =>
  Object.hasOwn(properties, key) ? properties[key] : undefined

/** The object with the defaults of its schema where there is nothing, or null that the schema does not allow. */
export const withSchemaDefaults = (schema: OpenApi, object: JsonObject): JsonObject => {
  const visit = (value: Json, of: OpenApi): Json => {
    if (isJsonArray(value)) {
      const { items } = of
      return items === undefined
        ? value
        : value.map((item) => visit(item === null && items.nullable !== true ? (items.default ?? null) : item, items))
    }
    if (!isJsonObject(value)) return value
    const result: Record<string, Json> = {}
    for (const [key, item] of Object.entries(value)) {
      const property = of.properties === undefined ? undefined : ownSchema(of.properties, key)
      const inner = property ?? (typeof of.additionalProperties === "object" ? of.additionalProperties : undefined)
      if (inner === undefined) result[key] = item
      // Null is as if it were not there, unless it may be.
      else if (item === null && inner.nullable !== true && inner.default !== undefined) {
        result[key] = visit(inner.default, inner)
      } else if (item === null && inner.nullable !== true) continue
      else result[key] = visit(item, inner)
    }
    for (const [key, property] of Object.entries(of.properties ?? {})) {
      if (!Object.hasOwn(result, key) && property.default !== undefined) result[key] = visit(property.default, property)
    }
    return result
  }
  const result = visit(object, schema)
  return isJsonObject(result) ? result : object
}

const typeOf = (value: Json): string =>
  value === null
    ? "null"
    : isJsonArray(value)
      ? "array"
      : typeof value === "number"
        ? Number.isInteger(value)
          ? "integer"
          : "number"
        : typeof value

const fits = (type: string, value: Json): boolean => {
  const actual = typeOf(value)
  return actual === type || (type === "number" && actual === "integer")
}

const cidr = (text: string): boolean => {
  const [address = "", bits = "", ...more] = text.split("/")
  const family = isIP(address)
  return more.length === 0 && family !== 0 && /^\d+$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
}

const isDate = (text: string): boolean => /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text))

/** The formats that the API server looks at. */
const formats: { readonly [format: string]: ((text: string) => boolean) | undefined } = {
  byte: (text) => /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text),
  cidr,
  date: isDate,
  "date-time": (text) =>
    /^\d{4}-\d{2}-\d{2}[tT ]\d{2}:\d{2}:\d{2}(\.\d+)?([zZ]|[+-]\d{2}:\d{2})?$/.test(text) && isDate(text.slice(0, 10)),
  duration: (text) => /^([+-]?(\d+(\.\d*)?|\.\d+)\s*(ns|us|µs|ms|s|m|h|d|w))+$/.test(text),
  email: (text) => /^[^@\s]+@[^@\s]+$/.test(text),
  hostname: (text) => /^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*$/.test(text),
  ipv4: (text) => isIP(text) === 4,
  ipv6: (text) => isIP(text) === 6,
  mac: (text) => /^([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$/.test(text),
  uri: (text) => /^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(text) || text.startsWith("/"),
  uuid: (text) => /^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$/.test(text)
}

/** A pattern is Go's; what JavaScript cannot compile is not looked at. */
const patterns = new Map<string, RegExp | undefined>()

const compiled = (pattern: string): RegExp | undefined => {
  if (!patterns.has(pattern)) patterns.set(pattern, compile(pattern))
  return patterns.get(pattern)
}

const compile = (pattern: string): RegExp | undefined => {
  const flags = /^\(\?([ims]+)\)/.exec(pattern)
  const source = pattern
    .slice(flags?.[0].length ?? 0)
    .replaceAll(String.raw`\z`, "$")
    .replaceAll(String.raw`\A`, "^")
  return Either.getOrUndefined(
    Either.try(() => new RegExp(source.replaceAll("(?P<", "(?<"), `u${flags?.[1] ?? ""}`)).pipe(
      Either.orElse(() => Either.try(() => new RegExp(source, flags?.[1] ?? "")))
    )
  )
}

const because = (reason: string, field: string, message: string): Cause => ({ reason, message, field })

const wrong = (path: string, value: Json, detail: string): Cause =>
  because("FieldValueInvalid", path, `Invalid value: ${goText(value)}: ${path} in body ${detail}`)

/** Of a schema that is made of others the API server does not say where it is, but in the text. */
const composite = (path: string, detail: string): Cause =>
  because("FieldValueInvalid", "<nil>", `Invalid value: "": ${JSON.stringify(path)} must ${detail}`)

const check = (value: Json, schema: OpenApi, path: string): ReadonlyArray<Cause> => {
  const out: Array<Cause> = []
  if (value === null && schema.nullable === true) return out
  const { type } = schema
  if (schema["x-kubernetes-int-or-string"] === true) {
    if (typeof value !== "string" && typeOf(value) !== "integer") {
      out.push(
        because(
          "FieldValueTypeInvalid",
          path,
          `Invalid value: ${JSON.stringify(typeOf(value))}: ${path} in body must be of type integer,string: ${JSON.stringify(typeOf(value))}`
        )
      )
      return out
    }
  } else if (type !== undefined && !fits(type, value)) {
    const actual = JSON.stringify(typeOf(value))
    out.push(
      because(
        "FieldValueTypeInvalid",
        path,
        `Invalid value: ${actual}: ${path} in body must be of type ${type}: ${actual}`
      )
    )
    return out
  }
  if (typeof value === "string") {
    const length = [...value].length
    if (schema.maxLength !== undefined && length > schema.maxLength) {
      const unit = schema.maxLength === 1 ? "byte" : "bytes"
      out.push(because("FieldValueTooLong", path, `Too long: may not be more than ${schema.maxLength} ${unit}`))
    }
    if (schema.minLength !== undefined && length < schema.minLength) {
      out.push(wrong(path, value, `should be at least ${schema.minLength} chars long`))
    } else if (schema.pattern !== undefined && compiled(schema.pattern)?.test(value) === false) {
      out.push(wrong(path, value, `should match '${schema.pattern}'`))
    }
    if (schema.format !== undefined && formats[schema.format]?.(value) === false) {
      out.push({
        ...wrong(path, value, `must be of type ${schema.format}: ${JSON.stringify(value)}`),
        reason: "FieldValueTypeInvalid"
      })
    }
  }
  if (typeof value === "number") {
    const { exclusiveMaximum, exclusiveMinimum, maximum, minimum, multipleOf } = schema
    if (maximum !== undefined && (exclusiveMaximum === true ? value >= maximum : value > maximum)) {
      out.push(wrong(path, value, `should be less than ${exclusiveMaximum === true ? "" : "or equal to "}${maximum}`))
    }
    if (minimum !== undefined && (exclusiveMinimum === true ? value <= minimum : value < minimum)) {
      out.push(
        wrong(path, value, `should be greater than ${exclusiveMinimum === true ? "" : "or equal to "}${minimum}`)
      )
    }
    if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) {
      out.push(wrong(path, value, `should be a multiple of ${multipleOf}`))
    }
  }
  if (schema.enum !== undefined && !schema.enum.some((each) => jsonEquals(each, value))) {
    const values = schema.enum.map((each) => (typeof each === "string" ? each : JSON.stringify(each)))
    out.push(notSupported(path, goText(value), values))
  }
  if (isJsonArray(value)) out.push(...checkArray(value, schema, path))
  if (isJsonObject(value)) out.push(...checkObject(value, schema, path))
  out.push(...checkComposed(value, schema, path))
  return out
}

const checkArray = (value: ReadonlyArray<Json>, schema: OpenApi, path: string): ReadonlyArray<Cause> => {
  const { items, maxItems, minItems } = schema
  const many = (limit: number): string => (limit === 1 ? "item" : "items")
  return [
    ...(items === undefined ? [] : value.flatMap((item, index) => check(item, items, `${path}[${index}]`))),
    ...(minItems !== undefined && value.length < minItems
      ? [wrong(path, value.length, `should have at least ${minItems} items`)]
      : []),
    ...(maxItems !== undefined && value.length > maxItems
      ? [
          because(
            "FieldValueTooMany",
            path,
            `Too many: ${value.length}: must have at most ${maxItems} ${many(maxItems)}`
          )
        ]
      : [])
  ]
}

const checkObject = (value: JsonObject, schema: OpenApi, path: string): ReadonlyArray<Cause> => {
  const { additionalProperties, maxProperties, minProperties, properties = {} } = schema
  const size = Object.keys(value).length
  return [
    ...(maxProperties !== undefined && size > maxProperties
      ? [
          because(
            "FieldValueTooMany",
            path,
            `Too many: ${size}: must have at most ${maxProperties} ${maxProperties === 1 ? "item" : "items"}`
          )
        ]
      : []),
    ...(minProperties !== undefined && size < minProperties
      ? [wrong(path, size, `should have at least ${minProperties} properties`)]
      : []),
    ...Object.entries(value).flatMap(([key, item]) => {
      const property = ownSchema(properties, key)
      if (property !== undefined) return check(item, property, child(path, key))
      return typeof additionalProperties === "object" ? check(item, additionalProperties, child(path, key)) : []
    }),
    ...(schema.required ?? []).filter((key) => !Object.hasOwn(value, key)).map((key) => required(child(path, key)))
  ]
}

const checkComposed = (value: Json, schema: OpenApi, path: string): ReadonlyArray<Cause> => {
  const { allOf = [], anyOf = [], not, oneOf = [] } = schema
  const out: Array<Cause> = []
  // What comes closest is told with it.
  const closest = (all: ReadonlyArray<ReadonlyArray<Cause>>): ReadonlyArray<Cause> =>
    all.reduce((best, each) => (each.length < best.length ? each : best), all[0] ?? [])
  if (anyOf.length > 0) {
    const found = anyOf.map((each) => check(value, each, path))
    if (found.every((each) => each.length > 0)) {
      out.push(composite(path, "validate at least one schema (anyOf)"), ...closest(found))
    }
  }
  if (oneOf.length > 0) {
    const found = oneOf.map((each) => check(value, each, path))
    const valid = found.filter((each) => each.length === 0).length
    if (valid !== 1) {
      out.push(
        composite(
          path,
          `validate one and only one schema (oneOf). Found ${valid === 0 ? "none valid" : `${valid} valid alternatives`}`
        ),
        ...(valid === 0 ? closest(found) : [])
      )
    }
  }
  if (allOf.length > 0) {
    const found = allOf.flatMap((each) => check(value, each, path))
    if (found.length > 0) out.push(composite(path, "validate all the schemas (allOf)"), ...found)
  }
  if (not !== undefined && check(value, not, path).length === 0)
    out.push(composite(path, "not validate the schema (not)"))
  return out
}

/** What is doubled in the lists that are sets or maps. */
const doubled = (value: Json, schema: OpenApi, path: string): ReadonlyArray<Cause> => {
  if (isJsonObject(value)) {
    return Object.entries(value).flatMap(([key, item]) => {
      const property = schema.properties === undefined ? undefined : ownSchema(schema.properties, key)
      if (property !== undefined) return doubled(item, property, child(path, key))
      return typeof schema.additionalProperties === "object"
        ? doubled(item, schema.additionalProperties, `${path}[${key}]`)
        : []
    })
  }
  if (!isJsonArray(value)) return []
  const { items } = schema
  const [kind, keys] = [schema["x-kubernetes-list-type"], schema["x-kubernetes-list-map-keys"] ?? []]
  const keyOf = (item: Json): Json =>
    kind === "map" && isJsonObject(item)
      ? Object.fromEntries(
          keys.flatMap((key) => {
            const given = own(item, key) ?? items?.properties?.[key]?.default
            return given === undefined ? [] : [[key, given]]
          })
        )
      : item
  const told = value.map(keyOf)
  return [
    ...(kind === "set" || kind === "map"
      ? told.flatMap((key, index) =>
          told.findIndex((other) => jsonEquals(other, key)) < index
            ? [because("FieldValueDuplicate", `${path}[${index}]`, `Duplicate value: ${goText(key)}`)]
            : []
        )
      : []),
    ...(items === undefined ? [] : value.flatMap((item, index) => doubled(item, items, `${path}[${index}]`)))
  ]
}

/** Errors after which rules are not looked at. */
const blocking = new Set([
  "FieldValueRequired",
  "FieldValueTypeInvalid",
  "FieldValueTooLong",
  "FieldValueTooMany",
  "FieldValueDuplicate",
  "FieldValueNotSupported"
])

const unchecked: Cause = {
  reason: "FieldValueInvalid",
  message:
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
  field: "<nil>"
}

/** Whether there are CEL rules in a schema. */
const hasRules = (schema: OpenApi): boolean =>
  schema["x-kubernetes-validations"] !== undefined ||
  [...Object.values(schema.properties ?? {}), schema.items, schema.additionalProperties].some(
    (each) => typeof each === "object" && hasRules(each)
  )

/** What is wrong with a custom object, its metadata apart. */
export const validateCustom = (schema: OpenApi, object: JsonObject): ReadonlyArray<Cause> => {
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...content } = object
  const found = [...check(content, schema, ""), ...doubled(content, schema, "")]
  return hasRules(schema) && found.some(({ reason }) => blocking.has(reason)) ? [...found, unchecked] : found
}
