/**
 * Bodies in protobuf, as kubectl and client-go send them for the built-in kinds: read into the JSON that the server works
 * with. Answers are never written in it; a client that asks for it also takes JSON.
 */
import * as Either from "effect/Either"
import { isJsonObject } from "./json.js"
import { builtIn, type GroupVersionKind, type Json, type JsonObject } from "./openapi.js"
import { text } from "./protobufMessages.js"

/** What stands before each object. */
const prefix = "k8s\0"

interface Field {
  readonly name: string
  /** `inline`: its fields are those of the message around it. `whole`: it is all of the message. */
  readonly place: "field" | "inline" | "whole"
  /** Whether it is left out where it is zero: JSON written by Go does so. */
  readonly omitted: boolean
  readonly label: "map" | "one" | "repeated"
  readonly type: string
}

type Fields = ReadonlyMap<number, Field>

let written: { readonly [message: string]: string } | undefined
const known = new Map<string, Fields>()

const fieldsOf = (message: string): Fields | undefined => {
  // The generator wrote the text.
  written ??= JSON.parse(text) as { readonly [message: string]: string }
  const found = known.get(message) ?? written[message]
  if (typeof found !== "string") return found
  const folder = message.slice(0, message.lastIndexOf("."))
  const fields: Fields = new Map(
    (found === "" ? [] : found.split(",")).map((each): [number, Field] => {
      const [number = "", marked = "", shape = ""] = each.split(" ")
      const type = shape.replace(/^(\[\]|\{\})/, "")
      return [
        Number(number),
        {
          name: marked.replace(/^[?<*]/, ""),
          place: marked.startsWith("<") ? "inline" : marked === "*" ? "whole" : "field",
          omitted: marked.startsWith("?"),
          label: shape.startsWith("[]") ? "repeated" : shape.startsWith("{}") ? "map" : "one",
          type: type.startsWith(".") ? `${folder}${type}` : type
        }
      ]
    })
  )
  known.set(message, fields)
  return fields
}

/** The names that the JSON of a message can have, or nothing if the message is unknown. */
export const namesOf = (message: string): ReadonlyArray<string> | undefined => {
  const fields = fieldsOf(message)
  return fields === undefined
    ? undefined
    : [...fields.values()].flatMap(({ name, place, type }) => (place === "inline" ? (namesOf(type) ?? []) : [name]))
}

/** One field as it was written: a number, or bytes. */
interface Wire {
  readonly number: number
  readonly value: bigint | Buffer
}

type Read<A> = Either.Either<A, string>

const truncated = "unexpected EOF"

const varint = (bytes: Buffer, start: number): Read<readonly [value: bigint, end: number]> => {
  let value = 0n
  for (let at = start; at < start + 10; at++) {
    const byte = bytes[at]
    if (byte === undefined) return Either.left(truncated)
    value |= BigInt(byte & 0x7f) << BigInt(7 * (at - start))
    if (byte < 0x80) return Either.right([value, at + 1])
  }
  return Either.left("proto: integer overflow")
}

const wires = (bytes: Buffer): Read<ReadonlyArray<Wire>> =>
  Either.gen(function* () {
    const found: Array<Wire> = []
    let at = 0
    while (at < bytes.length) {
      const [tag, start] = yield* varint(bytes, at)
      const [number, wireType] = [Number(tag >> 3n), Number(tag & 7n)]
      if (wireType === 0) {
        const [value, end] = yield* varint(bytes, start)
        found.push({ number, value })
        at = end
        continue
      }
      const [length, from] =
        wireType === 2
          ? yield* varint(bytes, start)
          : ([wireType === 1 ? 8n : wireType === 5 ? 4n : -1n, start] as const)
      if (length < 0n) return yield* Either.left(`proto: illegal wireType ${wireType}`)
      if (BigInt(from) + length > BigInt(bytes.length)) return yield* Either.left(truncated)
      at = from + Number(length)
      found.push({ number, value: bytes.subarray(from, at) })
    }
    return found
  })

const bytesOf = (value: Wire["value"] | undefined): Buffer => (value instanceof Buffer ? value : Buffer.alloc(0))
const intOf = (value: Wire["value"] | undefined): number =>
  typeof value === "bigint" ? Number(BigInt.asIntN(64, value)) : 0

/** The last value of each field. */
const lastOf = (bytes: Buffer): Read<ReadonlyMap<number, Wire["value"]>> =>
  Either.map(wires(bytes), (all) => new Map(all.map(({ number, value }) => [number, value])))

const jsonOf = (bytes: Buffer): Read<Json> =>
  bytes.length === 0
    ? Either.right(null)
    : Either.try({
        try: () => JSON.parse(bytes.toString()) as Json,
        catch: (cause) => `json: ${cause instanceof Error ? cause.message : String(cause)}`
      })

const time = (bytes: Buffer, digits: 0 | 6): Read<Json> =>
  Either.map(lastOf(bytes), (fields) => {
    // The time that Go calls zero has no fields, or is in the year 1.
    const seconds = intOf(fields.get(1))
    if (fields.size === 0 || seconds === -62_135_596_800) return null
    const whole = new Date(seconds * 1000).toISOString().slice(0, 19)
    const fraction = Math.trunc(intOf(fields.get(2)) / 1000)
    return digits === 0 ? `${whole}Z` : `${whole}.${String(fraction).padStart(6, "0")}Z`
  })

const rawExtension = (raw: Buffer): Read<Json> =>
  raw.toString("latin1", 0, prefix.length) === prefix
    ? Either.mapLeft(decode(raw.toString("latin1")), ({ problem }) => problem)
    : jsonOf(raw)

const apimachinery = "io.k8s.apimachinery.pkg."
const apiextensions = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
const schema = `${apiextensions}JSONSchemaProps`

/** A schema, or a list of something: the schema if there is one. */
const schemaOr =
  (list: (items: ReadonlyArray<Buffer>) => Read<Json>) =>
  (bytes: Buffer): Read<Json> =>
    Either.flatMap(wires(bytes), (all) => {
      const one = all.find(({ number }) => number === 1)
      return one === undefined
        ? list(all.filter(({ number }) => number === 2).map(({ value }) => bytesOf(value)))
        : message(schema, bytesOf(one.value))
    })

/** What JSON writes in a way of its own. */
const special: { readonly [message: string]: (bytes: Buffer) => Read<Json> } = {
  [`${apimachinery}apis.meta.v1.Time`]: (bytes) => time(bytes, 0),
  [`${apimachinery}apis.meta.v1.MicroTime`]: (bytes) => time(bytes, 6),
  [`${apimachinery}apis.meta.v1.FieldsV1`]: (bytes) =>
    Either.flatMap(lastOf(bytes), (fields) => jsonOf(bytesOf(fields.get(1)))),
  [`${apimachinery}api.resource.Quantity`]: (bytes) =>
    Either.map(lastOf(bytes), (fields) => bytesOf(fields.get(1)).toString() || "0"),
  [`${apimachinery}util.intstr.IntOrString`]: (bytes) =>
    Either.map(lastOf(bytes), (fields) =>
      intOf(fields.get(1)) === 1
        ? bytesOf(fields.get(3)).toString()
        : Number(BigInt.asIntN(32, BigInt(intOf(fields.get(2)))))
    ),
  [`${apimachinery}runtime.RawExtension`]: (bytes) =>
    Either.flatMap(lastOf(bytes), (fields) => rawExtension(bytesOf(fields.get(1)))),
  [`${apiextensions}JSON`]: (bytes) => Either.flatMap(lastOf(bytes), (fields) => jsonOf(bytesOf(fields.get(1)))),
  [`${schema}OrArray`]: schemaOr((items) => Either.all(items.map((each) => message(schema, each)))),
  [`${schema}OrStringArray`]: schemaOr((items) => Either.right(items.map((each) => each.toString()))),
  [`${schema}OrBool`]: (bytes) =>
    Either.flatMap(lastOf(bytes), (fields): Read<Json> => {
      const of = fields.get(2)
      return of === undefined ? Either.right(intOf(fields.get(1)) !== 0) : message(schema, bytesOf(of))
    })
}

const valueOf = (type: string, value: Wire["value"]): Read<Json> => {
  switch (type) {
    case "bool":
      return Either.right(value !== 0n)
    case "bytes":
      return Either.right(bytesOf(value).toString("base64"))
    case "double":
      return Either.right(value instanceof Buffer && value.length === 8 ? value.readDoubleLE() : 0)
    case "int":
      return Either.right(intOf(value))
    case "string":
      return Either.right(bytesOf(value).toString())
    default:
      return message(type, bytesOf(value))
  }
}

const entryOf = (type: string, bytes: Buffer): Read<readonly [string, Json]> =>
  Either.flatMap(lastOf(bytes), (fields) =>
    Either.map(
      valueOf(type, fields.get(2) ?? (type === "bool" || type === "int" ? 0n : Buffer.alloc(0))),
      (value) => [bytesOf(fields.get(1)).toString(), value] as const
    )
  )

const isZero = (value: Json): boolean =>
  value === "" || value === 0 || value === false || (isJsonObject(value) && Object.keys(value).length === 0)

const packedTypes = new Set(["bool", "int"])

/** The values of a field that is repeated: numbers may be packed. */
const repeated = (type: string, value: Wire["value"]): Read<ReadonlyArray<Json>> => {
  if (!packedTypes.has(type) || !(value instanceof Buffer)) return Either.map(valueOf(type, value), (one) => [one])
  return Either.gen(function* () {
    const found: Array<Json> = []
    for (let at = 0; at < value.length;) {
      const [one, end] = yield* varint(value, at)
      found.push(yield* valueOf(type, one))
      at = end
    }
    return found
  })
}

function message(type: string, bytes: Buffer): Read<Json> {
  const read = special[type]
  if (read !== undefined) return read(bytes)
  const fields = fieldsOf(type)
  if (fields === undefined) return Either.right({})
  return Either.gen(function* () {
    let entries = new Map<string, Json>()
    let whole: ReadonlyArray<Json> = []
    const isWhole = fields.get(1)?.place === "whole"
    for (const { number, value } of yield* wires(bytes)) {
      const field = fields.get(number)
      if (field === undefined) continue
      const { label, name, omitted, place } = field
      if (label === "map") {
        const [key, of] = yield* entryOf(field.type, bytesOf(value))
        const current = entries.get(name)
        entries.set(name, Object.fromEntries([...Object.entries(isJsonObject(current) ? current : {}), [key, of]]))
      } else if (label === "repeated") {
        const more = yield* repeated(field.type, value)
        const current = entries.get(name)
        if (place === "whole") whole = [...whole, ...more]
        else entries.set(name, Array.isArray(current) ? [...current, ...more] : more)
      } else {
        const one = yield* valueOf(field.type, value)
        if (place === "inline") entries = new Map([...entries, ...Object.entries(isJsonObject(one) ? one : {})])
        // A time that is not set.
        else if (one !== null && !(omitted && isZero(one))) entries.set(name, one)
      }
    }
    return isWhole ? whole : Object.fromEntries(entries)
  })
}

const definitionOf = ({ group, kind, version }: GroupVersionKind): string | undefined =>
  Object.entries(builtIn().schemas).find(([, of]) =>
    (of["x-kubernetes-group-version-kind"] ?? []).some(
      (gvk) => gvk.group === group && gvk.kind === kind && gvk.version === version
    )
  )?.[0]

const deleteOptions = `${apimachinery}apis.meta.v1.DeleteOptions`

/** Why a body cannot be read, as the API server words it. */
export interface Unreadable {
  readonly problem: string
  /** The kind that it says it is; without one not even that could be read. */
  readonly kind?: string
}

export const isProtobuf = (contentType: string | undefined): boolean =>
  contentType?.split(";")[0]?.trim() === "application/vnd.kubernetes.protobuf"

/**
 * The object of a body, a character per byte (latin1). `expected` is what it is if it does not say. Of a kind that nobody
 * knows there is no more than its name.
 */
export const decode = (body: string, expected?: GroupVersionKind): Either.Either<JsonObject, Unreadable> => {
  if (body === "") return Either.left({ problem: "empty data" })
  if (!body.startsWith(prefix)) {
    return Either.left({
      problem: "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
    })
  }
  return Either.gen(function* () {
    const outer = (read: Read<ReadonlyMap<number, Wire["value"]>>) => Either.mapLeft(read, (problem) => ({ problem }))
    const unknown = yield* outer(lastOf(Buffer.from(body, "latin1").subarray(prefix.length)))
    const typeMeta = yield* outer(lastOf(bytesOf(unknown.get(1))))
    const group = expected === undefined || expected.group === "" ? "" : `${expected.group}/`
    const apiVersion =
      bytesOf(typeMeta.get(1)).toString() || (expected === undefined ? "" : `${group}${expected.version}`)
    const kind = bytesOf(typeMeta.get(2)).toString() || (expected?.kind ?? "")
    const slash = apiVersion.indexOf("/")
    const definition =
      kind === "DeleteOptions"
        ? deleteOptions
        : definitionOf({ group: apiVersion.slice(0, Math.max(slash, 0)), version: apiVersion.slice(slash + 1), kind })
    const object =
      definition === undefined
        ? {}
        : yield* Either.mapLeft(message(definition, bytesOf(unknown.get(2))), (problem) => ({ problem, kind }))
    return { ...(isJsonObject(object) ? object : {}), apiVersion, kind }
  })
}
