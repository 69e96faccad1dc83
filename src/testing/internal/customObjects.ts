/** What the API server does with the objects of custom kinds on their way in, where built-in kinds have their Go types. */
import * as Either from "effect/Either"
import { decodeMetadata } from "./decode.js"
import { goQuoted } from "./goFormat.js"
import { isJsonArray, own } from "./json.js"
import type { Kind } from "./kinds.js"
import { labelKeyProblems, standardFinalizers } from "./names.js"
import type { Json, JsonObject, OpenApi } from "./openapi.js"
import { invalidValue, type Cause } from "./status.js"
import { metadataOf } from "./store.js"
import { at } from "./strategies.js"
import { prune, validateCustom, withEmbedded, withSchemaDefaults } from "./structural.js"
import { goText } from "./validation/rules.js"

interface Read {
  readonly object: JsonObject
  /** Fields that are not known. */
  readonly unknown: ReadonlyArray<string>
}

/** Metadata without what Go would have left out. */
const readMetadata = (metadata: Json, path: string): Either.Either<Read, string> =>
  Either.map(decodeMetadata(metadata, path), ({ object: { creationTimestamp = null, ...rest }, warnings }) => ({
    object: creationTimestamp === null ? rest : { ...rest, creationTimestamp },
    unknown: warnings
  }))

const unknownField = (path: string): string => `unknown field ${goQuoted(path)}`

export const unknownFields = (schema: OpenApi, object: JsonObject): ReadonlyArray<string> =>
  prune(schema, object).unknown.map(unknownField)

/** A custom object with nothing but what its schema knows; a text says why it is none. */
export const readCustom = (kind: Kind, object: JsonObject): Either.Either<Read, string> =>
  Either.gen(function* () {
    const schema = kind.schema ?? {}
    const given = own(object, "metadata")
    const metadata = given === undefined ? undefined : yield* readMetadata(given, "metadata")
    const pruned = prune(schema, object)
    const inner: Array<string> = []
    const problems: Array<string> = []
    const full = withEmbedded(schema, pruned.object, {
      metadata: (value, path) =>
        Either.match(readMetadata(value, path), {
          onLeft: (problem) => {
            problems.push(`${path}: Invalid value: ${goText(value)}: ${problem}`)
            return value
          },
          onRight: (read) => {
            inner.push(...read.unknown)
            return read.object
          }
        }),
      name: (value, path) => {
        if (typeof value !== "string") problems.push(`${path}: Invalid value: ${goText(value)}: must be a string`)
        return value
      }
    })
    const [problem] = problems
    if (problem !== undefined) return yield* Either.left(problem)
    return {
      object: metadata === undefined ? full : { ...full, metadata: metadata.object },
      unknown: [...(metadata?.unknown ?? []), ...pruned.unknown.map(unknownField), ...inner.toSorted()]
    }
  })

/** What field validation has against an object. */
export const unknownIn = (kind: Kind, object: JsonObject): Either.Either<ReadonlyArray<string>, string> =>
  Either.map(readCustom(kind, object), ({ unknown }) => unknown)

export const withCustomDefaults = ({ schema }: Kind, object: JsonObject): JsonObject =>
  schema === undefined ? object : withSchemaDefaults(schema, object)

const largest = 2 ** 31 - 1

const typeName = (value: Json): string =>
  typeof value === "number"
    ? "float64"
    : typeof value === "boolean"
      ? "bool"
      : isJsonArray(value)
        ? "[]interface {}"
        : typeof value === "string"
          ? "string"
          : "map[string]interface {}"

/** What is wrong with a number of replicas. */
const replicasCauses = (object: JsonObject, path: ReadonlyArray<string>): ReadonlyArray<Cause> => {
  const [value, field] = [at(object, ...path), `.${path.join(".")}`]
  if (value === undefined) return []
  if (typeof value !== "number" || !Number.isInteger(value)) {
    const problem = `${field} accessor error: ${goText(value)} is of the type ${typeName(value)}, expected int64`
    return [invalidValue(field, "0", problem)]
  }
  if (value < 0) return [invalidValue(field, String(value), "should be a non-negative integer")]
  return value > largest ? [invalidValue(field, String(value), `should be less than or equal to ${largest}`)] : []
}

/** What is wrong with an object, its metadata apart. */
export const customCauses = (
  kind: Kind,
  object: JsonObject,
  old: JsonObject | undefined,
  subresource: string
): ReadonlyArray<Cause> => {
  const status = subresource === "status"
  const scale = kind.custom?.scale
  return validateCustom({
    schema: kind.schema ?? {},
    object,
    old,
    status,
    more:
      scale === undefined
        ? []
        : [
            ...(status ? [] : replicasCauses(object, scale.specReplicas)),
            ...replicasCauses(object, scale.statusReplicas)
          ]
  })
}

const finalizersOf = (object: JsonObject | undefined): ReadonlyArray<string> => {
  const { finalizers } = metadataOf(object ?? {})
  return isJsonArray(finalizers) ? finalizers.map(String) : []
}

const prefer = "prefer a domain-qualified finalizer name"
const why = "to avoid accidental conflicts with other finalizer writers"

/** What the API server warns of: new finalizers whose names others could have too. */
export const finalizerWarnings = (object: JsonObject, old: JsonObject | undefined): ReadonlyArray<string> => {
  const before = finalizersOf(old)
  return [...new Set(finalizersOf(object))]
    .filter((finalizer) => !before.includes(finalizer))
    .toSorted()
    .flatMap((finalizer) =>
      [
        ...labelKeyProblems(finalizer),
        ...(finalizer.includes("/") || standardFinalizers.has(finalizer)
          ? []
          : [finalizer.includes(".") ? `${prefer} including a path (/) ${why}` : `${prefer} ${why}`])
      ].map((problem) => `metadata.finalizers: ${JSON.stringify(finalizer)}: ${problem}`)
    )
}
