/**
 * Typed decoding of built-in kinds: what remains of an object when the API server has read it into its Go struct and writes it
 * again, or why it cannot be read. What is wrong first in the text is what it says.
 */
import * as Either from "effect/Either"
import { factOf, definitionOf, goNameOf, likelyFact, type Fact } from "./decodeFacts.js"
import { jsonOf, nodeOf, type Node } from "./decodeJson.js"
import { goQuoted } from "./goFormat.js"
import { isJsonArray, isJsonObject } from "./json.js"
import { quantityOf, quantityProblem, quantityText } from "./decodeQuantity.js"
import { text as typesText } from "./decodeTypes.js"
import {
  builtIn,
  resolve,
  schemaOf,
  type GroupVersionKind,
  type Json,
  type JsonObject,
  type OpenApi
} from "./openapi.js"
import { badRequest, type Failure } from "./status.js"

export interface Decoded {
  readonly object: JsonObject
  /** What strict decoding has against it: fields that the kind does not have, and keys that are there twice. */
  readonly warnings: ReadonlyArray<string>
}

let types: { readonly [definition: string]: { readonly [field: string]: string } } | undefined

const facts = new Map<string, Fact>()

/** How a field is declared. */
const declared = (definition: string, field: string, schema: OpenApi, required: boolean): Fact => {
  // The generator wrote the text.
  types ??= JSON.parse(typesText) as NonNullable<typeof types>
  const key = `${definition}/${field}`
  let fact = facts.get(key)
  if (fact === undefined) {
    fact = factOf(types[definition]?.[field] ?? likelyFact(schema, required))
    facts.set(key, fact)
  }
  return fact
}

interface Place {
  /** The name of the struct, and the names of the fields on the way, as Go's decoder says where it is. */
  readonly struct: string
  readonly stack: ReadonlyArray<string>
  /** The path with the indexes. */
  readonly path: string
}

interface Problems {
  fatal: string | undefined
  readonly strict: Set<string>
}

/** The API server tells of no more. */
const mostStrict = 100

const strictly = ({ strict }: Problems, problem: string): void => {
  if (strict.size < mostStrict) strict.add(problem)
}

const nothingSaid = { _tag: "object", entries: [] } as const

const zeroTime = null

/** The definitions that decode themselves. */
const special: {
  readonly [definition: string]: ((node: Node, place: Place, problems: Problems) => Json | undefined) | undefined
} = {
  "io.k8s.apimachinery.pkg.api.resource.Quantity": (node, _place, problems) => {
    const text = node._tag === "string" ? node.value : node._tag === "number" ? node.text : ""
    const quantity = quantityOf(text)
    if (quantity === undefined) fail(problems, quantityProblem)
    return quantity === undefined ? "0" : quantityText(quantity)
  },
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": (node, place, problems) =>
    node._tag === "string" ? node.value : integer(node, place, problems, "int32"),
  "io.k8s.apimachinery.pkg.apis.meta.v1.Time": (node, place, problems) => time(node, place, problems, false),
  "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": (node, place, problems) => time(node, place, problems, true),
  "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": jsonOf,
  "io.k8s.apimachinery.pkg.runtime.RawExtension": jsonOf,
  "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": jsonOf
}

const jsonSchemaProps = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"

const zeros: { readonly [definition: string]: Json } = {
  "io.k8s.apimachinery.pkg.api.resource.Quantity": "0",
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": 0,
  "io.k8s.apimachinery.pkg.apis.meta.v1.Time": zeroTime,
  "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": zeroTime,
  "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": null,
  "io.k8s.apimachinery.pkg.runtime.RawExtension": null,
  "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": null
}

const fail = (problems: Problems, problem: string): undefined => {
  // Go's decoder goes on, and tells of the first.
  problems.fatal ??= problem
  return undefined
}

const mismatch = (value: string, type: string, { stack, struct }: Place, problems: Problems): undefined =>
  fail(
    problems,
    struct === ""
      ? `json: cannot unmarshal ${value} into Go value of type ${type}`
      : `json: cannot unmarshal ${value} into Go struct field ${struct}.${stack.join(".")} of type ${type}`
  )

const limits: { readonly [type: string]: bigint } = { int32: 1n << 31n, int64: 1n << 63n }

const integer = (node: Node, place: Place, problems: Problems, type: string, size = type): Json | undefined => {
  if (node._tag !== "number") return mismatch(node._tag, type, place, problems)
  const limit = limits[size] ?? 1n << 63n
  if (!/^-?\d+$/.test(node.text)) return mismatch(`number ${node.text}`, type, place, problems)
  const value = BigInt(node.text)
  return value >= -limit && value < limit ? Number(value) : mismatch(`number ${node.text}`, type, place, problems)
}

const rfc3339 = "2006-01-02T15:04:05Z07:00"
const rfc3339Micro = "2006-01-02T15:04:05.000000Z07:00"

/** A time as Go parses it, from left to right. */
const time = (node: Node, place: Place, problems: Problems, micro: boolean): Json | undefined => {
  if (node._tag !== "string") return mismatch(node._tag, "string", place, problems)
  const layout = micro ? rfc3339Micro : rfc3339
  const said = `parsing time ${JSON.stringify(node.value)} as ${JSON.stringify(layout)}`
  const elements: ReadonlyArray<readonly [string, RegExp]> = [
    ["2006", /^\d{4}/],
    ["-", /^-/],
    ["01", /^\d{2}/],
    ["-", /^-/],
    ["02", /^\d{2}/],
    ["T", /^T/],
    ["15", /^\d{1,2}/],
    [":", /^:/],
    ["04", /^\d{2}/],
    [":", /^:/],
    ["05", /^\d{2}/],
    micro ? [".000000", /^\.\d{6}/] : ["", /^([.,]\d+)?/],
    ["Z07:00", /^(Z|[+-]\d{2}:\d{2})/]
  ]
  let rest = node.value
  for (const [element, form] of elements) {
    const match = form.exec(rest)
    if (match === null) {
      return fail(problems, `${said}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(element)}`)
    }
    rest = rest.slice(match[0].length)
  }
  if (rest !== "") return fail(problems, `${said}: extra text: ${JSON.stringify(rest)}`)
  const numbers = node.value.match(/\d+/g)?.map(Number) ?? []
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = numbers
  const out: ReadonlyArray<readonly [string, boolean]> = [
    ["month", month < 1 || month > 12],
    ["day", day < 1 || day > new Date(Date.UTC(year, month, 0)).getUTCDate()],
    ["hour", hour > 23],
    ["minute", minute > 59],
    ["second", second > 59]
  ]
  for (const [what, is] of out) if (is) return fail(problems, `${said}: ${what} out of range`)
  const parsed = new Date(node.value)
  if (Number.isNaN(parsed.getTime())) return fail(problems, `${said}: cannot parse ${JSON.stringify(node.value)}`)
  const seconds = parsed.toISOString().slice(0, 19)
  return micro ? `${seconds}.${/\.(\d{6})/.exec(node.value)?.[1] ?? "000000"}Z` : `${seconds}Z`
}

/** The byte at which Go's decoder of base64 stops, or undefined. */
const base64Problem = (text: string): number | undefined => {
  const clean = [...text]
  let count = 0
  for (let index = 0; index < clean.length; index++) {
    const character = clean[index] ?? ""
    if (character === "\n" || character === "\r") continue
    if (character === "=") {
      if (count % 4 < 2) return index
      const rest = clean.slice(index + 1).filter((each) => each !== "\n" && each !== "\r")
      if (count % 4 === 2 && rest[0] !== "=") return rest.length === 0 ? text.length : index + 1
      const extra = count % 4 === 2 ? rest.slice(1) : rest
      return extra.length > 0 ? index + (count % 4 === 2 ? 2 : 1) : undefined
    }
    if (!/[A-Za-z0-9+/]/.test(character)) return index
    count++
  }
  // What is left over of a group is missing its padding.
  return count % 4 === 0 ? undefined : text.length - (count % 4)
}

const elementType = (type: string): string | undefined =>
  type.startsWith("[]") ? type.slice(2) : /^map\[[^\]]+\](.*)$/.exec(type)?.[1]

const child = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`)

/** A value of a type, or undefined if it is not of it; the problems then say why. */
const value = (node: Node, schema: OpenApi, type: string, place: Place, problems: Problems): Json | undefined => {
  const definition = definitionOf(schema)
  if (definition !== undefined) {
    const own = special[definition]
    if (own !== undefined) return own(node, place, problems)
    if (definition.startsWith(`${jsonSchemaProps}Or`)) {
      const props: OpenApi = { $ref: `#/components/schemas/${jsonSchemaProps}` }
      if (node._tag === "object") return value(node, props, goNameOf(jsonSchemaProps), place, problems)
      if (node._tag === "array" && definition.endsWith("OrArray")) {
        return node.items.map((item) => value(item, props, goNameOf(jsonSchemaProps), place, problems) ?? {})
      }
      return jsonOf(node)
    }
  }
  const resolved = resolve(schema)
  switch (resolved.type) {
    case "array": {
      const { items } = resolved
      if (node._tag !== "array") return mismatch(node._tag, type, place, problems)
      if (items === undefined) return jsonOf(node)
      const element = elementType(type) ?? likelyFactType(items)
      return node.items.map((item, index) => {
        const at = { ...place, path: `${place.path}[${index}]` }
        return (item._tag === "null" ? undefined : value(item, items, element, at, problems)) ?? zero(items)
      })
    }
    case "boolean":
      return node._tag === "bool" ? node.value : mismatch(node._tag, type, place, problems)
    case "integer":
      return integer(node, place, problems, type, resolved.format)
    case "number":
      return node._tag === "number" ? Number(node.text) : mismatch(node._tag, type, place, problems)
    case "object": {
      if (node._tag !== "object") return mismatch(node._tag, type, place, problems)
      if (resolved.properties !== undefined && definition !== undefined) {
        return struct(node, resolved, definition, place, problems)
      }
      const of = resolved.additionalProperties
      if (typeof of !== "object") return jsonOf(node)
      const element = elementType(type) ?? likelyFactType(of)
      const seen = new Set<string>()
      return Object.fromEntries(
        node.entries.map(([key, item]) => {
          const at = { ...place, path: child(place.path, key) }
          if (seen.has(key)) strictly(problems, `duplicate field ${goQuoted(at.path)}`)
          seen.add(key)
          return [key, (item._tag === "null" ? undefined : value(item, of, element, at, problems)) ?? zero(of)]
        })
      )
    }
    case "string": {
      if (node._tag !== "string") return mismatch(node._tag, type, place, problems)
      if (resolved.format === "byte") {
        const byte = base64Problem(node.value)
        if (byte !== undefined) return fail(problems, `illegal base64 data at input byte ${byte}`)
        return Buffer.from(node.value, "base64").toString("base64")
      }
      return node.value
    }
    default:
      return jsonOf(node)
  }
}

const likelyFactType = (schema: OpenApi): string => factOf(likelyFact(schema, true)).type

/** What Go has where nothing was said. */
const zero = (schema: OpenApi): Json => {
  const definition = definitionOf(schema)
  if (definition !== undefined && definition in zeros) return zeros[definition] ?? null
  const resolved = resolve(schema)
  switch (resolved.type) {
    case "boolean":
      return false
    case "integer":
    case "number":
      return 0
    case "string":
      return resolved.format === "byte" ? null : ""
    case "object":
      return resolved.properties !== undefined && definition !== undefined
        ? struct(nothingSaid, resolved, definition, nowhere, { fatal: undefined, strict: new Set() })
        : null
    default:
      return null
  }
}

const nowhere: Place = { struct: "", stack: [], path: "" }

const isEmpty = (value: Json): boolean =>
  value === "" || value === 0 || value === false || value === null || (Array.isArray(value) && value.length === 0)

const struct = (
  node: Extract<Node, { readonly _tag: "object" }>,
  schema: OpenApi,
  definition: string,
  place: Place,
  problems: Problems
): JsonObject => {
  const { properties = {}, required = [] } = schema
  const given = new Map<string, Json>()
  const seen = new Set<string>()
  const name = definition.slice(definition.lastIndexOf(".") + 1)
  for (const [key, item] of node.entries) {
    const path = child(place.path, key)
    const property = Object.hasOwn(properties, key) ? properties[key] : undefined
    if (property === undefined) {
      strictly(problems, `unknown field ${goQuoted(path)}`)
      continue
    }
    if (seen.has(key)) strictly(problems, `duplicate field ${goQuoted(path)}`)
    seen.add(key)
    if (item._tag === "null") continue
    const fact = declared(definition, key, property, required.includes(key))
    const at: Place = { struct: name, stack: [...place.stack, ...fact.embedded, key], path }
    const decoded = value(item, property, fact.type, at, problems)
    if (decoded !== undefined) given.set(key, decoded)
  }
  const result: Record<string, Json> = {}
  for (const [key, property] of Object.entries(properties)) {
    const fact = declared(definition, key, property, required.includes(key))
    const said = given.get(key)
    if (fact.pointer) {
      if (said !== undefined) result[key] = said
      else if (fact.omit === "") result[key] = null
      continue
    }
    const isStruct =
      definitionOf(property) !== undefined && resolve(property).type !== "array" && !fact.type.startsWith("map[")
    const full = said ?? (isStruct || fact.omit === "" ? zero(property) : undefined)
    if (full === undefined) continue
    const leaveOut = isStruct
      ? fact.omit === "zero" && isZero(full)
      : fact.omit !== "" && (isEmpty(full) || (isMap(property) && Object.keys(full ?? {}).length === 0))
    // Raw JSON that is not there is not written.
    if (!leaveOut && !(isStruct && fact.omit === "empty" && isRaw(property) && full === null)) result[key] = full
  }
  return result
}

const isMap = (schema: OpenApi): boolean => {
  const resolved = resolve(schema)
  return resolved.type === "object" && resolved.additionalProperties !== undefined
}

const isRaw = (schema: OpenApi): boolean => definitionOf(schema)?.endsWith(".JSON") ?? false

const isZero = (value: Json): boolean =>
  isEmpty(value) || (typeof value === "object" && value !== null && Object.values(value).every((each) => isZero(each)))

let definitionByKind: ReadonlyMap<string, string> | undefined

const definitionFor = (gvk: GroupVersionKind): string | undefined => {
  definitionByKind ??= new Map(
    Object.entries(builtIn().schemas).flatMap(([name, schema]) =>
      (schema["x-kubernetes-group-version-kind"] ?? []).map(
        ({ group, kind, version }) => [`${group}/${version}/${kind}`, name] as const
      )
    )
  )
  return definitionByKind.get(`${gvk.group}/${gvk.version}/${gvk.kind}`)
}

/**
 * An object of a built-in kind as the API server reads it: `nodeOfText(body)`, or `nodeOf(json)` of what a patch made. It
 * says of itself that it is of the kind.
 */
export const decode = (gvk: GroupVersionKind, node: Node): Either.Either<Decoded, Failure> => {
  const { group, kind, version } = gvk
  const [schema, definition] = [schemaOf(gvk), definitionFor(gvk)]
  const problems: Problems = { fatal: undefined, strict: new Set() }
  const refused = (problem: string): Failure =>
    badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${problem}`)
  if (schema === undefined || definition === undefined || (node._tag !== "object" && node._tag !== "null")) {
    return Either.left(refused("json: cannot unmarshal into Go value"))
  }
  const object = struct(node._tag === "object" ? node : nothingSaid, schema, definition, nowhere, problems)
  if (problems.fatal !== undefined) return Either.left(refused(problems.fatal))
  return Either.right({
    object: { ...object, apiVersion: group === "" ? version : `${group}/${version}`, kind },
    warnings: [...problems.strict]
  })
}

/** An object as it comes back from etcd: an empty list is none there. */
export const storedForm = (schema: OpenApi, object: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(object).map(([key, each]) => {
      const { additionalProperties, properties = {} } = resolve(schema)
      const of = Object.hasOwn(properties, key) ? properties[key] : additionalProperties
      return [key, typeof of === "object" ? storedValue(of, each) : each]
    })
  )

const storedValue = (schema: OpenApi, value: Json): Json => {
  if (isJsonObject(value)) return storedForm(schema, value)
  const { items } = resolve(schema)
  if (!isJsonArray(value) || items === undefined) return value
  return value.length === 0 ? null : value.map((item) => storedValue(items, item))
}

const objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

/** Metadata as the API server reads it, also of custom objects; what it does not know is told by its path from here. */
export const decodeMetadata = (json: Json, path: string): Either.Either<Decoded, string> => {
  const problems: Problems = { fatal: undefined, strict: new Set() }
  const schema = builtIn().schemas[objectMeta] ?? {}
  const node = nodeOf(json)
  if (node._tag !== "object" && node._tag !== "null") mismatch(node._tag, goNameOf(objectMeta), nowhere, problems)
  const object = struct(node._tag === "object" ? node : nothingSaid, schema, objectMeta, { ...nowhere, path }, problems)
  return problems.fatal === undefined
    ? Either.right({ object, warnings: [...problems.strict] })
    : Either.left(problems.fatal)
}

/** What Go makes of an object that was written by the rules: the structs that are always there, and no empty fields. */
export const normalized = (gvk: GroupVersionKind, object: JsonObject): JsonObject =>
  Either.match(decode(gvk, nodeOf(object)), {
    onLeft: () => object,
    onRight: (decoded) => decoded.object
  })
