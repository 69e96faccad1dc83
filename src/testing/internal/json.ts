/** JSON values: what they are, and when two are the same. */
import type { Json, JsonObject } from "./openapi.js"

export const isJsonObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

// `Array.isArray` does not narrow a `ReadonlyArray`.
export const isJsonArray = (value: Json | undefined): value is ReadonlyArray<Json> => Array.isArray(value)

/** The items; none of what is no list. */
export const listOf = (value: Json | undefined): ReadonlyArray<Json> => (isJsonArray(value) ? value : [])

/** Those items that are objects. */
export const objectsOf = (value: Json | undefined): ReadonlyArray<JsonObject> => listOf(value).filter(isJsonObject)

/** The items as text. */
export const textsOf = (value: Json | undefined): ReadonlyArray<string> => listOf(value).map(String)

/** The value of a key of its own: `toString` is not one. */
export const own = (object: JsonObject, key: string): Json | undefined =>
  Object.hasOwn(object, key) ? object[key] : undefined

/** What Go's JSON decoder calls the type of a value. */
export const jsonType = (value: Json): string =>
  value === null ? "null" : isJsonArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value

export const jsonEquals = (a: Json | undefined, b: Json | undefined): boolean => {
  if (a === b) return true
  if (isJsonArray(a)) {
    return isJsonArray(b) && a.length === b.length && a.every((value, index) => jsonEquals(value, b[index]))
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && jsonEquals(a[key], b[key]))
  )
}

/** An object of entries, also of those that would name the prototype. */
export const fromEntries = (entries: Iterable<readonly [string, Json]>): JsonObject => Object.fromEntries(entries)

/** A value without the nulls in its objects, at any depth; in lists they stay. */
export const withoutNulls = (value: Json): Json =>
  isJsonArray(value)
    ? value.map(withoutNulls)
    : isJsonObject(value)
      ? fromEntries(
          Object.entries(value).flatMap(([key, child]) => (child === null ? [] : [[key, withoutNulls(child)] as const]))
        )
      : value

/** With the keys of its objects in order, as Go writes maps. */
export const sortedJson = (value: Json): Json =>
  isJsonArray(value)
    ? value.map(sortedJson)
    : isJsonObject(value)
      ? fromEntries(
          Object.entries(value)
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, item]) => [key, sortedJson(item)])
        )
      : value
