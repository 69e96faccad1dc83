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

const named: { readonly [character: string]: string } = {
  "\u0007": "a",
  "\b": "b",
  "\f": "f",
  "\n": "n",
  "\r": "r",
  "\t": "t",
  "\v": "v",
  '"': '"',
  "\\": "\\"
}

const hexadecimal = (character: string, digits: number): string =>
  (character.codePointAt(0) ?? 0).toString(16).padStart(digits, "0")

/** `%q`: what cannot be printed is written by its number. */
export const goQuoted = (text: string): string =>
  `"${text.replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (character) => {
    const name = named[character]
    if (name !== undefined) return `\\${name}`
    const digits = hexadecimal(character, 1)
    return character < " " || character === "\u007f"
      ? `\\x${hexadecimal(character, 2)}`
      : digits.length <= 4
        ? `\\u${hexadecimal(character, 4)}`
        : `\\U${hexadecimal(character, 8)}`
  })}"`
