/**
 * JSON patch (RFC 6902) as the API server applies it. It is laxer than the RFC: `replace` sets a key that is not there, an
 * index may be negative and then counts from the end, and a missing value is null. Libraries that keep to the RFC differ.
 */
import * as Either from "effect/Either"
import { isJsonArray, isJsonObject, jsonEquals, jsonType, own } from "./json.js"
import type { Json, JsonObject } from "./openapi.js"
import { badRequest, invalidPatch, rejected, type PatchFailure } from "./patchFailure.js"

const maxOperations = 10_000

interface Operation {
  readonly op: string
  readonly path: string
  readonly from: string
  readonly value: Json
}

const text = ["op", "path", "from"] as const

/** The operations, or what Go's decoder says of them. */
const decode = (patch: Json): Either.Either<ReadonlyArray<Operation>, PatchFailure> => {
  const mismatch = (value: Json, of: string) =>
    Either.left(badRequest(`error decoding patch: json: cannot unmarshal ${jsonType(value)} into Go ${of}`))
  if (patch === null) return Either.right([])
  if (!isJsonArray(patch)) return mismatch(patch, "value of type []handlers.jsonPatchOp")
  const operations: Array<Operation> = []
  for (const each of patch) {
    if (!isJsonObject(each) && each !== null) return mismatch(each, "value of type handlers.jsonPatchOp")
    const { from = null, op = null, path = null, value = null } = each ?? {}
    const fields = { op, path, from }
    for (const name of text) {
      const field = fields[name]
      if (typeof field !== "string" && field !== null) {
        return mismatch(field, `struct field jsonPatchOp.${name} of type string`)
      }
    }
    // The loop has looked at them; a pointer that is missing points nowhere, which "?" does.
    const string = (field: Json) => (typeof field === "string" ? field : "?")
    operations.push({ op: string(op), path: string(path), from: string(from), value })
  }
  return operations.length > maxOperations
    ? Either.left({
        code: 413,
        reason: "RequestEntityTooLarge",
        message: `Request entity too large: The allowed maximum operations in a JSON patch is ${maxOperations}, got ${operations.length}`
      })
    : Either.right(operations)
}

const failed = Either.left(rejected)

type Patched = Either.Either<Json, PatchFailure>

const integer = /^[+-]?\d+$/

/** Where in a list of `length` places an index points. */
const indexIn = (key: string, length: number): number | undefined => {
  if (!integer.test(key)) return undefined
  const index = Number(key)
  const place = index < 0 ? index + length : index
  return place >= 0 && place < length ? place : undefined
}

/** The steps to a place; the empty pointer, which is the document, is not one. */
const stepsOf = (pointer: string): ReadonlyArray<string> | undefined => {
  const [, ...steps] = pointer.split("/")
  return steps.length === 0 ? undefined : steps.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"))
}

type Edit = (container: JsonObject | ReadonlyArray<Json>, key: string) => Patched

/** The document with its container at a pointer edited. */
const at = (document: Json, [step, ...rest]: ReadonlyArray<string>, edit: Edit): Patched => {
  if (step === undefined || (!isJsonArray(document) && !isJsonObject(document))) return failed
  if (rest.length === 0) return edit(document, step)
  if (isJsonArray(document)) {
    const index = indexIn(step, document.length)
    const next = index === undefined ? undefined : document[index]
    return index === undefined || next === undefined
      ? failed
      : Either.map(at(next, rest, edit), (changed) => document.with(index, changed))
  }
  const next = own(document, step)
  return next === undefined ? failed : Either.map(at(next, rest, edit), (changed) => ({ ...document, [step]: changed }))
}

const edited = (document: Json, pointer: string, edit: Edit): Patched => at(document, stepsOf(pointer) ?? [], edit)

const adding =
  (value: Json): Edit =>
  (container, key) => {
    if (!isJsonArray(container)) return Either.right({ ...container, [key]: value })
    const index = key === "-" ? container.length : indexIn(key, container.length + 1)
    return index === undefined ? failed : Either.right(container.toSpliced(index, 0, value))
  }

const removing: Edit = (container, key) => {
  if (isJsonArray(container)) {
    const index = indexIn(key, container.length)
    return index === undefined ? failed : Either.right(container.toSpliced(index, 1))
  }
  if (!Object.hasOwn(container, key)) return failed
  const { [key]: _, ...others } = container
  return Either.right(others)
}

const replacing =
  (value: Json): Edit =>
  (container, key) => {
    if (!isJsonArray(container)) return Either.right({ ...container, [key]: value })
    const index = indexIn(key, container.length)
    return index === undefined ? failed : Either.right(container.with(index, value))
  }

/** What is at a pointer: null if only the last key is missing. */
const valueAt = (document: Json, pointer: string): Patched => {
  let found: Json = null
  const look: Edit = (container, key) => {
    if (isJsonArray(container)) {
      const index = indexIn(key, container.length)
      if (index === undefined) return failed
      found = container[index] ?? null
    } else {
      found = own(container, key) ?? null
    }
    return Either.right(container)
  }
  return Either.map(edited(document, pointer, look), () => found)
}

const apply = (document: Json, { from, op, path, value }: Operation): Patched => {
  switch (op) {
    case "add":
      return edited(document, path, adding(value))
    case "remove":
      return edited(document, path, removing)
    case "replace":
      if (path !== "") return edited(document, path, replacing(value))
      return isJsonObject(value) || isJsonArray(value) ? Either.right(value) : failed
    case "move":
      return Either.flatMap(valueAt(document, from), (moved) =>
        Either.flatMap(edited(document, from, removing), (without) => edited(without, path, adding(moved)))
      )
    case "copy":
      return Either.flatMap(valueAt(document, from), (copied) => edited(document, path, adding(copied)))
    case "test": {
      const actual = path === "" ? Either.right(document) : valueAt(document, path)
      return Either.flatMap(actual, (found) => (jsonEquals(found, value) ? Either.right(document) : failed))
    }
    default:
      return failed
  }
}

/** `current` with the operations applied, all or none. */
export const jsonPatch = (current: JsonObject, patch: Json): Either.Either<JsonObject, PatchFailure> =>
  Either.flatMap(decode(patch), (operations) => {
    let document: Json = current
    for (const operation of operations) {
      const next = apply(document, operation)
      if (Either.isLeft(next)) return Either.left(next.left)
      document = next.right
    }
    return isJsonObject(document)
      ? Either.right(document)
      : Either.left(
          invalidPatch(
            JSON.stringify(document),
            `couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonType(document)} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`
          )
        )
  })
