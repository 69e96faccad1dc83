/**
 * JSON merge patch (RFC 7386) as the API server applies it: nulls within lists stay, and an object that takes the place of
 * something else loses its own.
 */
import * as Either from "effect/Either"
import { fromEntries, isJsonObject, jsonType, own, withoutNulls } from "./json.js"
import type { Json, JsonObject } from "./openapi.js"
import { badRequest, type PatchFailure } from "./patchFailure.js"

const merge = (current: JsonObject, patch: JsonObject): JsonObject => {
  const result = new Map(Object.entries(current))
  for (const [key, value] of Object.entries(patch)) {
    const existing = own(current, key)
    if (value === null) {
      result.delete(key)
    } else if (isJsonObject(existing)) {
      result.set(key, isJsonObject(value) ? merge(existing, value) : value)
    } else {
      result.set(key, withoutNulls(value))
    }
  }
  return fromEntries(result)
}

/** `current` with the patch merged in. */
export const mergePatch = (current: JsonObject, patch: Json): Either.Either<JsonObject, PatchFailure> =>
  isJsonObject(patch)
    ? Either.right(merge(current, patch))
    : Either.left(
        badRequest(
          patch === null
            ? "Invalid JSON Patch"
            : `error decoding patch: json: cannot unmarshal ${jsonType(patch)} into Go value of type map[string]interface {}`
        )
      )
