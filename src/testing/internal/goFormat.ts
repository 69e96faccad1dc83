/** JSON values as Go prints them: the API server puts them into its messages. */
import { isJsonArray, isJsonObject } from "./json.js"
import type { Json, JsonObject } from "./openapi.js"

const sorted = (object: JsonObject): ReadonlyArray<readonly [string, Json]> =>
  Object.entries(object).toSorted(([a], [b]) => (a < b ? -1 : 1))

/** `%v` */
export const goValue = (value: Json): string =>
  value === null
    ? "<nil>"
    : isJsonArray(value)
      ? `[${value.map(goValue).join(" ")}]`
      : isJsonObject(value)
        ? `map[${sorted(value)
            .map(([key, child]) => `${key}:${goValue(child)}`)
            .join(" ")}]`
        : String(value)

/** `%T` */
export const goType = (value: Json): string =>
  value === null
    ? "<nil>"
    : isJsonArray(value)
      ? "[]interface {}"
      : isJsonObject(value)
        ? "map[string]interface {}"
        : typeof value === "boolean"
          ? "bool"
          : typeof value === "string"
            ? "string"
            : Number.isInteger(value)
              ? "int64"
              : "float64"

/** `%#v` */
export const goSyntax = (value: Json): string =>
  value === null
    ? "interface {}(nil)"
    : isJsonArray(value)
      ? `[]interface {}{${value.map(goSyntax).join(", ")}}`
      : isJsonObject(value)
        ? `map[string]interface {}{${sorted(value)
            .map(([key, child]) => `${JSON.stringify(key)}:${goSyntax(child)}`)
            .join(", ")}}`
        : typeof value === "string"
          ? JSON.stringify(value)
          : String(value)
