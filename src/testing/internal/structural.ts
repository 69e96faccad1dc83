/**
 * Custom objects and the structural schema of their CustomResourceDefinition: what the API server takes away, what it fills in,
 * and what it has against them. CEL rules (`x-kubernetes-validations`) are not looked at.
 *
 * The validation is go-openapi's, step by step, because what it says depends on how it looks: which of several alternatives it
 * tells of is the one with the most checks that went well. No validator of JavaScript counts them.
 */
import { formatOf } from "./formats.js"
import { isJsonArray, isJsonObject, jsonEquals, own } from "./json.js"
import { metadataCauses, rules } from "./names.js"
import type { Json, JsonObject, OpenApi } from "./openapi.js"
import { matches } from "./patterns.js"
import { invalidValue, notSupported, required, type Cause } from "./status.js"
import { goText } from "./validation/rules.js"

const child = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`)

const typeMeta = ["apiVersion", "kind", "metadata"]

const propertyOf = (schema: OpenApi | undefined, key: string): OpenApi | undefined =>
  schema?.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined

/** The schema of what is under a key, if there is one. */
const below = (schema: OpenApi | undefined, key: string): OpenApi | undefined =>
  propertyOf(schema, key) ??
  (typeof schema?.additionalProperties === "object" ? schema.additionalProperties : undefined)

/** Whether keys that are no properties may be there. */
const isOpen = ({ additionalProperties }: OpenApi): boolean =>
  additionalProperties !== undefined && additionalProperties !== false

const keeps = (schema: OpenApi | undefined): boolean => schema?.["x-kubernetes-preserve-unknown-fields"] === true

const isEmbedded = (schema: OpenApi): boolean => schema["x-kubernetes-embedded-resource"] === true

export interface Pruned {
  readonly object: JsonObject
  /** The paths of what was taken away, as field validation tells of them. */
  readonly unknown: ReadonlyArray<string>
}

/** The object without the fields that its schema does not have, and without null where there must not be any. */
export const prune = (schema: OpenApi, object: JsonObject): Pruned => {
  const unknown: Array<string> = []
  /** `kept`: unknown fields stay, though not those of parts that the schema names. */
  const fields = (value: JsonObject, of: OpenApi | undefined, path: string, kept: boolean): JsonObject =>
    Object.fromEntries(
      Object.entries(value).flatMap(([key, item]): ReadonlyArray<readonly [string, Json]> => {
        const at = child(path, key)
        if (of !== undefined && (path === "" || isEmbedded(of)) && typeMeta.includes(key)) return [[key, item]]
        const named = below(of, key)
        if (item === null && named !== undefined && named.nullable !== true && named.default === undefined) return []
        if (named !== undefined) return [[key, visit(item, named, at)]]
        // Of a map whose values are not described, plain values are left.
        if (of !== undefined && isOpen(of)) return [[key, visit(item, undefined, at)]]
        if (kept) return [[key, item]]
        unknown.push(at)
        return []
      })
    )
  const visit = (value: Json, of: OpenApi | undefined, path: string): Json => {
    if (keeps(of)) return skip(value, of, path)
    if (isJsonArray(value)) return value.map((item, index) => visit(item, of?.items, `${path}[${index}]`))
    return isJsonObject(value) ? fields(value, of, path, false) : value
  }
  const skip = (value: Json, of: OpenApi | undefined, path: string): Json => {
    if (of === undefined) return value
    if (isJsonArray(value)) return value.map((item, index) => skip(item, of.items, `${path}[${index}]`))
    return isJsonObject(value) ? fields(value, of, path, true) : value
  }
  return { object: fields(object, schema, "", keeps(schema)), unknown: unknown.toSorted() }
}

/** The object with the defaults of its schema where there is nothing, or null that the schema does not allow. */
export const withSchemaDefaults = (schema: OpenApi, object: JsonObject): JsonObject => {
  const isMissing = (value: Json | undefined, of: OpenApi): boolean =>
    value === undefined || (value === null && of.nullable !== true)
  const filled = (value: Json, of: OpenApi): Json => visit(isMissing(value, of) ? (of.default ?? value) : value, of)
  const visit = (value: Json, of: OpenApi): Json => {
    if (isJsonArray(value)) {
      const { items } = of
      return items === undefined ? value : value.map((item) => filled(item, items))
    }
    if (!isJsonObject(value)) return value
    const missing = Object.entries(of.properties ?? {}).flatMap(
      ([key, property]): ReadonlyArray<readonly [string, Json]> =>
        property.default !== undefined && isMissing(own(value, key), property) ? [[key, property.default]] : []
    )
    return Object.fromEntries(
      [...Object.entries(value), ...missing].map(([key, item]) => {
        const of_ = below(of, key)
        return [key, of_ === undefined ? item : filled(item, of_)]
      })
    )
  }
  const result = visit(object, schema)
  return isJsonObject(result) ? result : object
}

// ---- validation

/** What go-openapi has against a value. */
interface Problem {
  /** Its own words, by which it knows what it has told already. */
  readonly text: string
  readonly cause: Cause
}

interface Result {
  readonly problems: ReadonlyArray<Problem>
  /** How many checks went well: of alternatives, the one with the most is told of. */
  readonly matches: number
}

const merged = (...results: ReadonlyArray<Result>): Result => {
  const seen = new Map<string, Problem>()
  for (const { problems } of results) {
    for (const problem of problems) if (!seen.has(problem.text)) seen.set(problem.text, problem)
  }
  return { problems: [...seen.values()], matches: results.reduce((sum, { matches }) => sum + matches, 0) }
}

const fine = (matches: number): Result => ({ problems: [], matches })
const wrong = (problem: Problem): Result => ({ problems: [problem], matches: 0 })
const isFine = ({ problems }: Result): boolean => problems.length === 0

/** Where the validation is: in the object, and beside what was there before. */
interface Place {
  /** Of the object, or of its status. */
  readonly base: string
  /** As go-openapi has it. */
  readonly path: string
  /** What was there before, if anything; what has not changed is not held against a new object. */
  readonly old: Json | undefined
}

const fieldAt = ({ base, path }: Pick<Place, "base" | "path">): string =>
  child(base, path.replace(/^\./, "")).replace(/\.$/, "") || "<nil>"

const because = (
  place: Place,
  reason: string,
  value: Json,
  detail: string,
  show: (text: string) => string = (text) => `Invalid value: ${goText(value)}: ${text}`
): Problem => {
  const text = `${place.path} in body ${detail}`
  return { text, cause: { reason, message: show(text), field: fieldAt(place) } }
}

const invalid = (place: Place, value: Json, detail: string): Problem =>
  because(place, "FieldValueInvalid", value, detail)

/** Of what is made of several schemas it does not say where it is, but in the text. */
const composite = ({ base, path }: Place, detail: string): Problem => {
  const text = `${JSON.stringify(path)} must ${detail}`
  return { text, cause: invalidValue(base || "<nil>", '""', text) }
}

const tooMany = (place: Place, actual: number, limit: number, what: string): Problem =>
  because(
    place,
    "FieldValueTooMany",
    actual,
    `should have at most ${limit} ${what}`,
    () => `Too many: ${actual}: must have at most ${limit} ${limit === 1 ? "item" : "items"}`
  )

type TypeName = "array" | "boolean" | "integer" | "null" | "number" | "object" | "string"

const typeOf = (value: Json): TypeName => {
  if (value === null) return "null"
  if (isJsonArray(value)) return "array"
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number"
  return typeof value === "boolean" ? "boolean" : typeof value === "string" ? "string" : "object"
}

const ofWrongType = (place: Place, wanted: string, actual: string): Problem =>
  because(place, "FieldValueTypeInvalid", actual, `must be of type ${wanted}: ${JSON.stringify(actual)}`)

/** The types that a schema allows; none is any. */
const typesOf = (schema: OpenApi): ReadonlyArray<string> =>
  schema["x-kubernetes-int-or-string"] === true ? ["integer", "string"] : schema.type === undefined ? [] : [schema.type]

const checkType = (value: Json, schema: OpenApi, place: Place): Result => {
  const types = typesOf(schema)
  const format = formatOf(schema.format) === undefined ? undefined : schema.format
  const actual = typeOf(value)
  if (value === null) {
    return types.length > 0 && schema.nullable !== true ? wrong(ofWrongType(place, types.join(","), "null")) : fine(1)
  }
  if (types.length === 0 && format === undefined) return fine(0)
  const fits = types.includes(actual) || (actual === "integer" && types.includes("number"))
  if (format !== undefined) {
    if (actual !== "string" && actual !== "array") {
      const inGo = actual === "integer" ? "int64" : actual === "number" ? "float64" : ""
      if (!fits) return wrong(ofWrongType(place, format, inGo))
    } else if (!types.includes("number") && !types.includes("integer")) return fine(1)
  }
  return fits ? fine(1) : wrong(ofWrongType(place, types.join(","), actual))
}

const checkString = (value: string, schema: OpenApi, place: Place): Result => {
  const { maxLength, minLength, pattern } = schema
  const length = [...value].length
  if (maxLength !== undefined && length > maxLength) {
    return wrong(
      because(
        place,
        "FieldValueTooLong",
        value,
        `should be at most ${maxLength} chars long`,
        () => `Too long: may not be more than ${maxLength} ${maxLength === 1 ? "byte" : "bytes"}`
      )
    )
  }
  if (minLength !== undefined && length < minLength) {
    return wrong(invalid(place, value, `should be at least ${minLength} chars long`))
  }
  return pattern !== undefined && pattern !== "" && !matches(pattern, value)
    ? wrong(invalid(place, value, `should match '${pattern}'`))
    : fine(0)
}

const checkFormat = (value: string, { format }: OpenApi, place: Place): Result =>
  format !== undefined && formatOf(format)?.(value) === false
    ? wrong(because(place, "FieldValueTypeInvalid", value, `must be of type ${format}: ${JSON.stringify(value)}`))
    : fine(0)

const isMultiple = (value: number, of: number): boolean => Number.isInteger(of < 1 ? (1 / of) * value : value / of)

const checkNumber = (value: number, schema: OpenApi, place: Place): Result => {
  const { exclusiveMaximum = false, exclusiveMinimum = false, maximum, minimum, multipleOf } = schema
  // Whole numbers are compared with the whole part of a limit.
  const limit = (number: number): number => (Number.isInteger(value) ? Math.trunc(number) : number)
  const found: Array<Problem> = []
  if (multipleOf !== undefined) {
    if (limit(multipleOf) <= 0) {
      const text = `factor MultipleOf declared for ${place.path} must be positive: ${limit(multipleOf)}`
      found.push({ text, cause: invalidValue(fieldAt(place), String(limit(multipleOf)), text) })
    } else if (!isMultiple(value, limit(multipleOf))) {
      found.push(invalid(place, value, `should be a multiple of ${limit(multipleOf)}`))
    }
  }
  if (minimum !== undefined) {
    const least = limit(minimum)
    if (exclusiveMinimum ? value <= least : value < least) {
      found.push(invalid(place, value, `should be greater than ${exclusiveMinimum ? "" : "or equal to "}${least}`))
    }
  }
  if (maximum !== undefined) {
    const most = limit(maximum)
    if (exclusiveMaximum ? value >= most : value > most) {
      found.push(invalid(place, value, `should be less than ${exclusiveMaximum ? "" : "or equal to "}${most}`))
    }
  }
  return merged({ problems: found, matches: 1 })
}

const checkEnum = (value: Json, schema: OpenApi, place: Place): Result => {
  const { enum: allowed } = schema
  if (allowed === undefined || allowed.length === 0 || allowed.some((each) => jsonEquals(each, value))) return fine(0)
  const values = allowed.map((each) => (typeof each === "string" ? each : JSON.stringify(each)))
  const cause = notSupported(fieldAt(place), goText(value), values)
  return wrong({ text: `${place.path} in body should be one of [${values.join(" ")}]`, cause })
}

/** The element of a list that was this one before: only lists that are maps know. */
const oldElement = (item: Json, schema: OpenApi, old: Json | undefined): Json | undefined => {
  if (schema["x-kubernetes-list-type"] !== "map" || !isJsonArray(old)) return undefined
  const key = keyIn(item, schema)
  return old.find((each) => jsonEquals(keyIn(each, schema), key))
}

const checkArray = (value: ReadonlyArray<Json>, schema: OpenApi, place: Place): Result => {
  const { items, maxItems, minItems } = schema
  const size = value.length
  const elements =
    items === undefined
      ? []
      : value.map((item, index) =>
          check(item, items, {
            ...place,
            path: `${place.path}[${index}]`,
            old: oldElement(item, schema, place.old)
          })
        )
  return merged(
    ...elements,
    minItems !== undefined && size < minItems
      ? wrong(invalid(place, size, `should have at least ${minItems} items`))
      : fine(0),
    maxItems !== undefined && size > maxItems ? wrong(tooMany(place, size, maxItems, "items")) : fine(1)
  )
}

const checkObject = (value: JsonObject, schema: OpenApi, place: Place): Result => {
  const { additionalProperties, maxProperties, minProperties, properties = {}, required: names = [] } = schema
  const size = Object.keys(value).length
  const inside = (key: string, path: string): Place => ({
    ...place,
    path,
    old:
      isJsonObject(place.old) &&
      !(place.path === "" && place.base === "" && key !== "metadata" && typeMeta.includes(key))
        ? own(place.old, key)
        : undefined
  })
  return merged(
    minProperties !== undefined && size < minProperties
      ? wrong(invalid(place, size, `should have at least ${minProperties} properties`))
      : fine(0),
    maxProperties !== undefined && size > maxProperties
      ? wrong(tooMany(place, size, maxProperties, "properties"))
      : fine(0),
    ...Object.entries(value).flatMap(([key, item]) =>
      typeof additionalProperties === "object" && !Object.hasOwn(properties, key)
        ? [check(item, additionalProperties, inside(key, `${place.path}.${key}`))]
        : []
    ),
    ...Object.entries(properties).flatMap(([key, property]) => {
      const item = own(value, key)
      return item === undefined ? [] : [check(item, property, inside(key, child(place.path, key)))]
    }),
    ...names
      .filter((key) => !Object.hasOwn(value, key))
      .map((key) => {
        const path = `${place.path}.${key}`
        return wrong({ text: `${path} in body is required`, cause: required(fieldAt({ ...place, path })) })
      })
  )
}

/** The first of those with the most matches. */
const closest = (results: ReadonlyArray<Result>): Result | undefined =>
  results.reduce<Result | undefined>(
    (best, each) => (best === undefined || each.matches > best.matches ? each : best),
    undefined
  )

const checkComposed = (value: Json, schema: OpenApi, place: Place): Result => {
  const { allOf = [], anyOf = [], not, oneOf = [] } = schema
  const results: Array<Result> = []
  if (anyOf.length > 0) {
    const found: Array<Result> = []
    let success: Result | undefined
    for (const each of anyOf) {
      const result = check(value, each, place)
      if (isFine(result)) {
        success = result
        break
      }
      found.push(result)
    }
    if (success === undefined) results.push(wrong(composite(place, "validate at least one schema (anyOf)")))
    results.push(success ?? closest(found) ?? fine(0))
  }
  if (oneOf.length > 0) {
    const found = oneOf.map((each) => check(value, each, place))
    const valid = found.filter(isFine)
    if (valid.length !== 1) {
      const said = valid.length === 0 ? "none valid" : `${valid.length} valid alternatives`
      results.push(wrong(composite(place, `validate one and only one schema (oneOf). Found ${said}`)))
      if (valid.length === 0) results.push(closest(found) ?? fine(0))
    } else results.push(...valid)
  }
  if (allOf.length > 0) {
    const found = allOf.map((each) => check(value, each, place))
    const valid = found.filter(isFine).length
    results.push(...found)
    if (valid !== allOf.length) {
      results.push(wrong(composite(place, `validate all the schemas (allOf)${valid === 0 ? ". None validated" : ""}`)))
    }
  }
  if (not !== undefined && isFine(check(value, not, place))) {
    results.push(wrong(composite(place, "not validate the schema (not)")))
  }
  return merged(...results, fine(1))
}

const check = (value: Json, schema: OpenApi, place: Place): Result => {
  const result = checked(value, schema, place)
  // Of what is as it was nothing is said.
  return place.old !== undefined && !isFine(result) && jsonEquals(value, place.old) ? fine(result.matches) : result
}

const checked = (value: Json, schema: OpenApi, place: Place): Result => {
  const type = checkType(value, schema, place)
  const common = checkEnum(value, schema, place)
  if (value === null) return merged(type, common)
  const typed = typesOf(schema).length > 0 || formatOf(schema.format) !== undefined ? 1 : 0
  const own_ =
    typeof value === "string"
      ? [checkString(value, schema, place), checkFormat(value, schema, place)]
      : typeof value === "number"
        ? [checkNumber(value, schema, place)]
        : isJsonArray(value)
          ? [checkArray(value, schema, place)]
          : []
  const applied = typed + 2 + own_.length + (isJsonObject(value) ? 1 : 0)
  return merged(
    type,
    checkComposed(value, schema, place),
    ...own_,
    common,
    isJsonObject(value) ? checkObject(value, schema, place) : fine(0),
    // Each that applied counts, and the whole.
    fine(applied + 1)
  )
}

// ---- lists that are sets or maps

const keyIn = (item: Json, schema: OpenApi): Json => {
  const keys = schema["x-kubernetes-list-map-keys"] ?? []
  return isJsonObject(item)
    ? Object.fromEntries(
        keys.flatMap((key) => {
          const given = own(item, key)
          return given === undefined ? [] : [[key, given] as const]
        })
      )
    : {}
}

const doubledIn = (value: ReadonlyArray<Json>, schema: OpenApi, path: string): ReadonlyArray<Cause> => {
  const kind = schema["x-kubernetes-list-type"]
  if (kind !== "set" && kind !== "map") return []
  const told = kind === "map" ? value.map((item) => keyIn(item, schema)) : value
  return told.flatMap((key, index) =>
    // Of several that are the same, only the second is told of.
    told.slice(0, index).filter((other) => jsonEquals(other, key)).length === 1
      ? [{ reason: "FieldValueDuplicate", message: `Duplicate value: ${goText(key)}`, field: `${path}[${index}]` }]
      : []
  )
}

/** What is doubled in the lists that are sets or maps. */
const doubled = (value: Json, schema: OpenApi | undefined, path: string): ReadonlyArray<Cause> => {
  if (schema === undefined) return []
  if (isJsonArray(value)) {
    return [
      ...doubledIn(value, schema, path),
      ...value.flatMap((item, index) => doubled(item, schema.items, `${path}[${index}]`))
    ]
  }
  return isJsonObject(value)
    ? Object.entries(value).flatMap(([key, item]) =>
        doubled(item, below(schema, key), propertyOf(schema, key) === undefined ? `${path}[${key}]` : child(path, key))
      )
    : []
}

// ---- embedded resources

const embeddedIn = (value: JsonObject, path: string): ReadonlyArray<Cause> => {
  const { apiVersion, kind, metadata } = value
  const at = (key: string): string => child(path, key)
  const typeCauses = (key: string, given: Json | undefined, problem: (text: string) => string | undefined) => {
    if (given === undefined) return [required(at(key))]
    if (typeof given !== "string") return [invalidValue(at(key), goText(given), "must be a string")]
    const said = given === "" ? "must not be empty" : problem(given)
    return said === undefined ? [] : [invalidValue(at(key), JSON.stringify(given), said)]
  }
  const kindProblem = (text: string): string | undefined => {
    const found = rules.label1035(text.toLowerCase())
    return found.length === 0 ? undefined : `may have mixed case, but should otherwise match: ${found.join(",")}`
  }
  return [
    ...typeCauses("apiVersion", apiVersion, (text) =>
      text.split("/").length > 2 ? `unexpected GroupVersion string: ${text}` : undefined
    ),
    ...typeCauses("kind", kind, kindProblem),
    ...(isJsonObject(metadata)
      ? metadataCauses({ metadata: { ...metadata, name: metadata["name"] || "fakename" } }, "path").map((cause) => ({
          ...cause,
          field: child(path, cause.field)
        }))
      : [])
  ]
}

/** What is wrong with the resources that an object has within it. */
export const embedded = (value: Json, schema: OpenApi | undefined, path: string): ReadonlyArray<Cause> => {
  if (schema === undefined) return []
  if (isJsonArray(value)) {
    return value.flatMap((item, index) => embedded(item, schema.items, `${path}[${index}]`))
  }
  if (!isJsonObject(value)) return []
  return [
    ...(isEmbedded(schema) ? embeddedIn(value, path) : []),
    ...Object.entries(value).flatMap(([key, item]) =>
      embedded(item, below(schema, key), propertyOf(schema, key) === undefined ? `${path}[${key}]` : child(path, key))
    )
  ]
}

/** The object with what every resource within it has read: its metadata, and the names of its version and its kind. */
export const withEmbedded = (
  schema: OpenApi,
  object: JsonObject,
  read: { readonly metadata: (value: Json, path: string) => Json; readonly name: (value: Json, path: string) => Json }
): JsonObject => {
  const visit = (value: Json, of: OpenApi | undefined, path: string): Json => {
    if (of === undefined) return value
    if (isJsonArray(value)) return value.map((item, index) => visit(item, of.items, `${path}[${index}]`))
    if (!isJsonObject(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => {
        const at = child(path, key)
        if (!isEmbedded(of) || !typeMeta.includes(key)) return [key, visit(item, below(of, key), at)]
        return [key, key === "metadata" ? read.metadata(item, at) : read.name(item, at)]
      })
    )
  }
  const result = visit(object, schema, "")
  return isJsonObject(result) ? result : object
}

// ---- all of it

/** Errors after which rules are not looked at. */
const blocking = new Set([
  "FieldValueRequired",
  "FieldValueTypeInvalid",
  "FieldValueTooLong",
  "FieldValueTooMany",
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

/** What is wrong with a value of a schema. */
export const causesOf = (
  value: Json,
  schema: OpenApi,
  base = "",
  old: Json | undefined = undefined
): ReadonlyArray<Cause> => check(value, schema, { base, path: "", old }).problems.map(({ cause }) => cause)

export interface Checked {
  readonly schema: OpenApi
  readonly object: JsonObject
  readonly old: JsonObject | undefined
  /** Whether nothing but the status is written. */
  readonly status: boolean
  /** What else is wrong with it. */
  readonly more?: ReadonlyArray<Cause> | undefined
}

/** What is wrong with a custom object, its metadata apart. */
export const validateCustom = ({ more = [], object, old, schema, status }: Checked): ReadonlyArray<Cause> => {
  const statusSchema = propertyOf(schema, "status")
  const statusOf = object["status"]
  const listsBefore = old === undefined ? [] : doubled(old, schema, "")
  const found: ReadonlyArray<Cause> = [
    ...(status
      ? statusOf === undefined || statusSchema === undefined
        ? []
        : causesOf(statusOf, statusSchema, "status", old?.["status"])
      : causesOf(object, schema, "", old)),
    ...more,
    ...(status ? [] : embedded(object, schema, "")),
    ...(listsBefore.length > 0 ? [] : doubled(object, schema, ""))
  ]
  return hasRules(schema) && found.some(({ reason }) => blocking.has(reason)) ? [...found, unchecked] : found
}
