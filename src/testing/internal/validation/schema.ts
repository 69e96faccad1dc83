/**
 * What the schema of a CustomResourceDefinition has to be: structural, with defaults that fit it, and without what OpenAPI has
 * beyond that.
 *
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
import { formatOf } from "../formats.js"
import { isJsonArray, isJsonObject, jsonEquals } from "../json.js"
import type { Json, JsonObject, OpenApi } from "../openapi.js"
import { patternProblem } from "../patterns.js"
import { causesOf, embedded, prune } from "../structural.js"
import {
  entriesAt,
  forbid,
  invalid,
  listAt,
  missing,
  objectAt,
  textAt,
  unsupported,
  valueAt,
  type Causes
} from "./rules.js"

type Level = "field" | "item" | "root"

const preserve = "x-kubernetes-preserve-unknown-fields"
const embeds = "x-kubernetes-embedded-resource"
const intOrString = "x-kubernetes-int-or-string"
const listType = "x-kubernetes-list-type"
const mapType = "x-kubernetes-map-type"
const mapKeys = "x-kubernetes-list-map-keys"

const has = (schema: JsonObject, keyword: string): boolean => schema[keyword] === true

const eachSchema = (schema: JsonObject, keyword: string): ReadonlyArray<readonly [JsonObject, string]> =>
  listAt(schema, keyword).flatMap((each, index) =>
    isJsonObject(each) ? [[each, `${keyword}[${index}]`] as const] : []
  )

const propertiesOf = (schema: JsonObject): ReadonlyArray<readonly [string, JsonObject]> =>
  entriesAt(schema, "properties").flatMap(([key, each]) => (isJsonObject(each) ? [[key, each] as const] : []))

/** Every schema within a schema, itself included. */
const within = (schema: JsonObject): ReadonlyArray<JsonObject> => [
  schema,
  ...[
    ...propertiesOf(schema).map(([, each]) => each),
    ...["allOf", "anyOf", "oneOf"].flatMap((keyword) => eachSchema(schema, keyword).map(([each]) => each)),
    ...["additionalProperties", "items", "not"].flatMap((keyword) => {
      const each = objectAt(schema, keyword)
      return each === undefined ? [] : [each]
    })
  ].flatMap(within)
]

// ---- structural

const intOrStringTypes: Json = [{ type: "integer" }, { type: "string" }]

/** What may be said of a value beside its type, and what of the structure may not be said there. */
const junctors = (out: Causes, path: string, schema: JsonObject): void => {
  const first = objectAt(listAt(schema, "allOf")[0])
  const firstIsTypes = jsonEquals(first?.["anyOf"], intOrStringTypes)
  if (!jsonEquals(schema["anyOf"], intOrStringTypes)) {
    for (const [each, at] of eachSchema(schema, "anyOf")) nested(out, `${path}.${at}`, each)
  }
  for (const [each, at] of eachSchema(schema, "allOf")) {
    const isFirst = at === "allOf[0]"
    const { anyOf: _anyOf, ...rest } = each
    nested(out, `${path}.${at}`, isFirst && firstIsTypes ? rest : each)
  }
  for (const [each, at] of eachSchema(schema, "oneOf")) nested(out, `${path}.${at}`, each)
  const not = objectAt(schema, "not")
  if (not !== undefined) nested(out, `${path}.not`, not)
  const problem = patternProblem(textAt(schema, "pattern"))
  if (problem !== undefined) {
    invalid(
      out,
      `${path}.pattern`,
      textAt(schema, "pattern"),
      `must be a valid regular expression, but isn't: ${problem}`
    )
  }
}

/** Keywords of the structure, and what they have to be where only values may be spoken of. */
const forbiddenInside: ReadonlyArray<readonly [keyword: string, must: string]> = [
  ["type", "empty"],
  ["default", "undefined"],
  ["title", "empty"],
  ["description", "empty"],
  ["nullable", "false"],
  [preserve, "false"],
  [embeds, "false"],
  [intOrString, "false"],
  [mapKeys, "empty"],
  [listType, "undefined"],
  [mapType, "undefined"],
  ["x-kubernetes-validations", "empty"]
]

const nested = (out: Causes, path: string, schema: JsonObject): void => {
  junctors(out, path, schema)
  const items = objectAt(schema, "items")
  if (items !== undefined) nested(out, `${path}.items`, items)
  for (const [key, each] of propertiesOf(schema)) nested(out, `${path}.properties[${key}]`, each)
  const additional = schema["additionalProperties"]
  if (additional === true || isJsonObject(additional)) {
    forbid(out, `${path}.additionalProperties`, "must be undefined to be structural")
  }
  for (const [keyword, must] of forbiddenInside) {
    if (schema[keyword] !== undefined) forbid(out, `${path}.${keyword}`, `must be ${must} to be structural`)
  }
  if (valueAt(schema, "properties", "metadata") !== undefined) {
    forbid(out, `${path}.properties[metadata]`, "must not be specified in a nested context")
  }
}

/** Of metadata no more than the name can be restricted. */
const metadataSchema = (out: Causes, path: string, schema: JsonObject, level: Level, isResource: boolean): void => {
  if (isResource && textAt(schema, "type") !== "object") {
    invalid(out, `${path}.type`, textAt(schema, "type"), "must be object")
  }
  if (level !== "root") return
  const { default: _default, properties, type: _type, ...rest } = schema
  const names = Object.keys(isJsonObject(properties) ? properties : {})
  if (names.some((name) => name !== "name" && name !== "generateName") || Object.keys(rest).length > 0) {
    forbid(
      out,
      path,
      "must not specify anything other than name and generateName, but metadata is implicitly specified"
    )
  }
}

const typeRequired: { readonly [L in Level]: string } = {
  root: "must not be empty at the root",
  item: "must not be empty for specified array items",
  field: "must not be empty for specified object fields"
}

const invariants = (out: Causes, path: string, schema: JsonObject, level: Level): void => {
  const type = textAt(schema, "type")
  const [items, additional] = [objectAt(schema, "items"), schema["additionalProperties"]]
  const isEmbedded = has(schema, embeds)
  if (type === "array" && items === undefined) missing(out, `${path}.items`, "must be specified")
  if (items !== undefined) invariants(out, `${path}.items`, items, "item")
  for (const [key, each] of propertiesOf(schema)) invariants(out, `${path}.properties[${key}]`, each, "field")
  if (additional !== undefined) {
    if (level === "root") forbid(out, `${path}.additionalProperties`, "must not be used at the root")
    if (isJsonObject(additional)) invariants(out, `${path}.additionalProperties`, additional, "field")
  }
  if (has(schema, intOrString)) {
    for (const keyword of [preserve, embeds]) {
      if (has(schema, keyword)) {
        invalid(out, `${path}.${keyword}`, true, "must be false if x-kubernetes-int-or-string is true")
      }
    }
  }
  junctors(out, path, schema)
  if (isEmbedded && type !== "object") {
    const why = "must be object if x-kubernetes-embedded-resource is true"
    if (type === "") missing(out, `${path}.type`, why)
    else invalid(out, `${path}.type`, type, why)
  } else if (type === "" && !has(schema, intOrString) && !has(schema, preserve)) {
    missing(out, `${path}.type`, typeRequired[level])
  }
  if (isEmbedded && additional !== undefined) {
    forbid(out, `${path}.additionalProperties`, "must not be used if x-kubernetes-embedded-resource is set")
  }
  if (level === "root" && type !== "" && type !== "object") {
    invalid(out, `${path}.type`, type, "must be object at the root")
  }
  const isResource = level === "root" || isEmbedded
  for (const key of ["kind", "apiVersion"]) {
    const of = objectAt(schema, "properties", key)
    if (isResource && of !== undefined && textAt(of, "type") !== "string") {
      invalid(out, `${path}.properties[${key}].type`, textAt(of, "type"), "must be string")
    }
  }
  const metadata = objectAt(schema, "properties", "metadata")
  if (metadata !== undefined) metadataSchema(out, `${path}.properties[metadata]`, metadata, level, isResource)
  if (isEmbedded && !has(schema, preserve) && propertiesOf(schema).length === 0) {
    missing(
      out,
      `${path}.properties`,
      "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
    )
  }
}

/** What is said of a value has to be part of the structure too. The API server looks at the root's alone. */
const complete = (out: Causes, root: string, schema: JsonObject): void => {
  const inside = (part: JsonObject, structure: JsonObject | undefined, path: string, at: string): void => {
    if (structure === undefined) return missing(out, path, `because it is defined in ${at}`)
    said(part, structure, path, at)
    const items = objectAt(part, "items")
    if (items !== undefined) inside(items, objectAt(structure, "items"), `${path}.items`, `${at}.items`)
    for (const [key, each] of propertiesOf(part)) {
      const where = `properties[${key}]`
      inside(each, objectAt(structure, "properties", key), `${path}.${where}`, `${at}.${where}`)
    }
  }
  const said = (part: JsonObject, structure: JsonObject, path: string, at: string): void => {
    const not = objectAt(part, "not")
    if (not !== undefined) inside(not, structure, path, `${at}.not`)
    for (const keyword of ["allOf", "anyOf", "oneOf"]) {
      for (const [each, where] of eachSchema(part, keyword)) inside(each, structure, path, `${at}.${where}`)
    }
  }
  said(schema, schema, root, root)
}

// ---- defaults

const defaults = (out: Causes, path: string, schema: JsonObject): void => {
  const value = schema["default"]
  // The schema is structural, or it would not have come here.
  const of = schema as OpenApi
  if (value !== undefined) {
    const at = `${path}.default`
    if (isJsonObject(value) && !jsonEquals(prune(of, value).object, value)) {
      invalid(out, at, value, "must not have unknown fields")
    }
    const found = embedded(value, of, at)
    out.push(...(found.length > 0 ? found : causesOf(value, of, at)))
  }
  const items = objectAt(schema, "items")
  if (items !== undefined) defaults(out, `${path}.items`, items)
  for (const [key, each] of propertiesOf(schema)) defaults(out, `${path}.properties[${key}]`, each)
}

// ---- OpenAPI

const types = ["array", "boolean", "integer", "number", "object", "string"]

const unsupportedKeywords = ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"]

const isEmpty = (value: Json | undefined): boolean =>
  value === undefined || value === "" || (isJsonObject(value) && Object.keys(value).length === 0)

/** What cannot be made a structural schema at all. */
const isForeign = (schema: JsonObject): boolean =>
  within(schema).some(
    (each) =>
      unsupportedKeywords.some((keyword) => !isEmpty(each[keyword])) ||
      !isEmpty(each["$schema"]) ||
      isJsonArray(each["items"]) ||
      each[preserve] === false
  )

const listKeys = (out: Causes, path: string, schema: JsonObject): void => {
  const items = objectAt(schema, "items")
  const keys = listAt(schema, mapKeys)
  if (keys.length === 0) missing(out, `${path}.${mapKeys}`, "must not be empty if x-kubernetes-list-type is map")
  if (schema["items"] === undefined) {
    missing(out, `${path}.items`, "must have a schema if x-kubernetes-list-type is map")
  }
  if (items === undefined) return
  const type = textAt(items, "type")
  if (type !== "object") {
    invalid(out, `${path}.items.type`, type, "must be object if parent array's x-kubernetes-list-type is map")
    return
  }
  keys.forEach((key, index) => {
    const of = textAt(items, "properties", String(key), "type")
    if (objectAt(items, "properties", String(key)) === undefined) {
      invalid(out, `${path}.${mapKeys}`, keys, "entries must all be names of item properties")
    } else if (of === "array" || of === "object") {
      invalid(
        out,
        `${path}.items.properties[${String(key)}].type`,
        type,
        "must be a scalar type if parent array's x-kubernetes-list-type is map"
      )
    }
    if (keys.indexOf(key) < index) invalid(out, `${path}.${mapKeys}`, keys, "must not contain duplicate entries")
  })
}

const listItems = (out: Causes, path: string, schema: JsonObject, kind: string): void => {
  const items = objectAt(schema, "items")
  if (items === undefined) return
  if (has(items, "nullable")) {
    forbid(out, `${path}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${kind}`)
  }
  if (kind !== "map") return
  const required = listAt(items, "required")
  for (const key of listAt(schema, mapKeys).map(String)) {
    const property = objectAt(items, "properties", key)
    const at = `${path}.items.properties[${key}]`
    if (property === undefined) continue
    if (!required.includes(key) && property["default"] === undefined) {
      missing(
        out,
        `${at}.default`,
        "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
      )
    }
    if (has(property, "nullable")) {
      forbid(out, `${at}.nullable`, "this property is in x-kubernetes-list-map-keys, so it cannot be nullable")
    }
  }
}

const lists = (out: Causes, path: string, schema: JsonObject): void => {
  const [type, kind, map] = [textAt(schema, "type"), schema[listType], schema[mapType]]
  const ofType = (wanted: string, keyword: string): void => {
    const why = `must be ${wanted} if ${keyword} is specified`
    if (type === "") missing(out, `${path}.type`, why)
    else invalid(out, `${path}.type`, type, why)
  }
  if (map !== undefined && type !== "object") ofType("object", mapType)
  if (map !== undefined && map !== "atomic" && map !== "granular") {
    unsupported(out, `${path}.${mapType}`, map, ["atomic", "granular"])
  }
  const items = objectAt(schema, "items")
  if (kind !== undefined && type !== "array") ofType("array", listType)
  else if (kind === "set" && items !== undefined) {
    const why = "must be atomic as item of a list with x-kubernetes-list-type=set"
    const inner = items[listType]
    if (textAt(items, "type") === "array" && inner !== undefined && inner !== "atomic") {
      invalid(out, `${path}.items.${listType}`, inner, why)
    }
    if (textAt(items, "type") === "object" && items[mapType] !== "atomic") {
      // The API server shows the list's type where it means the map's.
      invalid(out, `${path}.items.${mapType}`, items[listType] ?? null, why)
    }
  }
  if (kind !== undefined && kind !== "atomic" && kind !== "set" && kind !== "map") {
    unsupported(out, `${path}.${listType}`, kind, ["atomic", "set", "map"])
  }
  if (listAt(schema, mapKeys).length > 0 && kind !== "map") {
    const why = "must be map if x-kubernetes-list-map-keys is non-empty"
    if (kind === undefined) missing(out, `${path}.${listType}`, why)
    else invalid(out, `${path}.${listType}`, kind, why)
  }
  if (kind === "map") listKeys(out, path, schema)
  if (kind === "map" || kind === "set") listItems(out, path, schema, kind)
}

/** Where a schema is: within metadata, and why there must be no default, if so. */
interface Inside {
  readonly metadata: boolean
  readonly noDefault: string | undefined
}

const keywords = (out: Causes, path: string, schema: JsonObject, inside: Inside): void => {
  const type = textAt(schema, "type")
  if (type !== "" && !types.includes(type)) unsupported(out, `${path}.type`, type, types)
  if (schema["default"] !== undefined && inside.noDefault !== undefined) {
    forbid(out, `${path}.default`, `must not be set ${inside.noDefault}`)
  }
  for (const keyword of unsupportedKeywords) {
    if (!isEmpty(schema[keyword])) forbid(out, `${path}.${keyword}`, `${keyword} is not supported`)
  }
  if (type === "null") forbid(out, `${path}.type`, "type cannot be set to null, use nullable as an alternative")
  if (isJsonArray(schema["items"])) {
    forbid(out, `${path}.items`, "items must be a schema object and not an array")
  }
  if (inside.metadata && has(schema, embeds)) {
    forbid(out, `${path}.${embeds}`, "must not be used inside of resource meta")
  }
}

const metaFields = ["metadata", "kind", "apiVersion"]

const openApi = (out: Causes, path: string, schema: JsonObject, inside: Inside, isRoot: boolean): void => {
  keywords(out, path, schema, inside)
  const visit = (each: JsonObject | undefined, at: string, where: Inside = inside): void => {
    if (each !== undefined) openApi(out, `${path}.${at}`, each, where, false)
  }
  if (has(schema, "uniqueItems")) {
    forbid(
      out,
      `${path}.uniqueItems`,
      "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
    )
  }
  const additional = schema["additionalProperties"]
  if (additional !== undefined && propertiesOf(schema).length > 0 && additional !== true) {
    forbid(out, `${path}.additionalProperties`, "additionalProperties and properties are mutual exclusive")
  }
  visit(
    objectAt(additional),
    "additionalProperties",
    inside.metadata ? { ...inside, noDefault: "inside additionalProperties applying to object metadata" } : inside
  )
  for (const [key, each] of propertiesOf(schema)) {
    const isMeta = (isRoot || has(schema, embeds)) && metaFields.includes(key)
    visit(each, `properties[${key}]`, {
      metadata: inside.metadata || isMeta,
      noDefault: isMeta && isRoot ? `in top-level ${key}` : inside.noDefault
    })
  }
  visit(objectAt(schema, "not"), "not")
  for (const keyword of ["allOf", "oneOf", "anyOf"]) {
    for (const [each, at] of eachSchema(schema, keyword)) visit(each, at)
  }
  visit(objectAt(schema, "items"), "items")
  if (schema[preserve] === false) invalid(out, `${path}.${preserve}`, false, "must be true or undefined")
  lists(out, path, schema)
}

// ---- as Go prints it

/** The fields of the type that the API server works with, in their order, and what they are if nothing is said. */
const goFields: ReadonlyArray<readonly [field: string, keyword: string, zero: Json]> = [
  ["ID", "id", ""],
  ["Schema", "$schema", ""],
  ["Ref", "$ref", null],
  ["Description", "description", ""],
  ["Type", "type", ""],
  ["Nullable", "nullable", false],
  ["Format", "format", ""],
  ["Title", "title", ""],
  ["Default", "default", null],
  ["Maximum", "maximum", null],
  ["ExclusiveMaximum", "exclusiveMaximum", false],
  ["Minimum", "minimum", null],
  ["ExclusiveMinimum", "exclusiveMinimum", false],
  ["MaxLength", "maxLength", null],
  ["MinLength", "minLength", null],
  ["Pattern", "pattern", ""],
  ["MaxItems", "maxItems", null],
  ["MinItems", "minItems", null],
  ["UniqueItems", "uniqueItems", false],
  ["MultipleOf", "multipleOf", null],
  ["Enum", "enum", null],
  ["MaxProperties", "maxProperties", null],
  ["MinProperties", "minProperties", null],
  ["Required", "required", null],
  ["Items", "items", null],
  ["AllOf", "allOf", null],
  ["OneOf", "oneOf", null],
  ["AnyOf", "anyOf", null],
  ["Not", "not", null],
  ["Properties", "properties", null],
  ["AdditionalProperties", "additionalProperties", null],
  ["PatternProperties", "patternProperties", null],
  ["Dependencies", "dependencies", null],
  ["AdditionalItems", "additionalItems", null],
  ["Definitions", "definitions", null],
  ["ExternalDocs", "externalDocs", null],
  ["Example", "example", null],
  ["XPreserveUnknownFields", preserve, null],
  ["XEmbeddedResource", embeds, false],
  ["XIntOrString", intOrString, false],
  ["XListMapKeys", mapKeys, null],
  ["XListType", listType, null],
  ["XMapType", mapType, null],
  ["XValidations", "x-kubernetes-validations", null]
]

/** A schema as the API server prints it. */
export const goSchema = (schema: JsonObject): JsonObject => {
  const inner = (keyword: string, value: Json): Json => {
    switch (keyword) {
      case "properties":
        return isJsonObject(value)
          ? Object.fromEntries(propertiesOf(schema).map(([key, each]) => [key, goSchema(each)]))
          : value
      case "allOf":
      case "anyOf":
      case "oneOf":
        return isJsonArray(value) ? value.map((each) => (isJsonObject(each) ? goSchema(each) : each)) : value
      case "not":
        return isJsonObject(value) ? goSchema(value) : value
      case "items":
        return isJsonObject(value) ? { Schema: goSchema(value), JSONSchemas: null } : value
      case "additionalProperties":
        return isJsonObject(value)
          ? { Allows: true, Schema: goSchema(value) }
          : typeof value === "boolean"
            ? { Allows: value, Schema: null }
            : value
      default:
        return value
    }
  }
  return Object.fromEntries(goFields.map(([field, keyword, zero]) => [field, inner(keyword, schema[keyword] ?? zero)]))
}

/** What a schema may have at its root beside the status, which is taken out of it. */
const allowedAtRoot = [
  "Description",
  "Type",
  "Format",
  "Title",
  "Maximum",
  "ExclusiveMaximum",
  "Minimum",
  "ExclusiveMinimum",
  "MaxLength",
  "MinLength",
  "Pattern",
  "MaxItems",
  "MinItems",
  "UniqueItems",
  "MultipleOf",
  "Required",
  "Items",
  "Properties",
  "ExternalDocs",
  "Example",
  "XPreserveUnknownFields",
  "XValidations"
]

const atRoot = (out: Causes, path: string, schema: JsonObject): void => {
  for (const [field, keyword, zero] of goFields) {
    const value = schema[keyword]
    if (value === undefined || jsonEquals(value, zero)) continue
    if (field === "Type") {
      if (value === "object") continue
      const why = `only "object" is allowed as the type at the root of the schema if the status subresource is enabled`
      return invalid(out, `${path}.type`, value, why)
    }
    if (!allowedAtRoot.includes(field)) {
      const why = `only [${allowedAtRoot.join(" ")}] fields are allowed at the root of the schema if the status subresource is enabled`
      // Printed as it is, in the order of its fields.
      const message = `Invalid value: ${JSON.stringify(goSchema(schema))}: ${why}`
      out.push({ reason: "FieldValueInvalid", message, field: path })
      return
    }
  }
}

/** The causes in the order of their texts: what Go finds in maps comes in no order. */
const inOrder = (causes: Causes): Causes => {
  const text = ({ field, message }: Causes[number]): string => `${field}: ${message}`
  return causes.toSorted((a, b) => (text(a) < text(b) ? -1 : 1))
}

/** What is wrong with the schema of a version. */
export const schemaCauses = (out: Causes, path: string, schema: JsonObject, hasStatus: boolean): void => {
  if (hasStatus) atRoot(out, path, schema)
  if (has(schema, "nullable")) forbid(out, `${path}.nullable`, "nullable cannot be true at the root")
  if (!isForeign(schema)) {
    const structure: Causes = []
    invariants(structure, path, schema, "root")
    complete(structure, path, schema)
    if (structure.length > 0) out.push(...inOrder(structure))
    else defaults(out, path, schema)
  }
  openApi(out, path, schema, { metadata: false, noDefault: undefined }, true)
}

/** What the API server warns of: formats of texts that it does not know. */
export const unknownFormats = (definition: JsonObject): ReadonlyArray<string> =>
  listAt(definition, "spec", "versions")
    .flatMap((version) => within(objectAt(version, "schema", "openAPIV3Schema") ?? {}))
    .filter((schema) => textAt(schema, "type") === "string" && textAt(schema, "format") !== "")
    .map((schema) => textAt(schema, "format"))
    .filter((format) => formatOf(format) === undefined)
    .map((format) => `unrecognized format ${JSON.stringify(format)}`)
