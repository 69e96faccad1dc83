/** What Go's decoder says of a text that is no JSON: the first byte that cannot be there, and why. */
import { goQuoted } from "./goFormat.js"

const quotedByte = (byte: string): string =>
  byte === "'" ? String.raw`'\''` : byte === '"' ? `'"'` : `'${goQuoted(byte).slice(1, -1)}'`

const end = "unexpected end of JSON input"
const space = /[ \t\r\n]*/y
const digits = /[0-9]*/y

/** The problem of a text that `JSON.parse` refuses. */
export const jsonProblem = (text: string): string => {
  // Go looks at bytes, and says them as characters.
  const bytes = Buffer.from(text).toString("latin1")
  let position = 0
  const skip = (pattern: RegExp): number => {
    pattern.lastIndex = position
    const { length } = pattern.exec(bytes)?.[0] ?? ""
    position += length
    return length
  }
  const wrong = (context: string): string =>
    position >= bytes.length ? end : `invalid character ${quotedByte(bytes.charAt(position))} ${context}`
  /** Where no space can be, Go takes the end for one. */
  const inside = (context: string): string =>
    `invalid character ${quotedByte(position >= bytes.length ? " " : bytes.charAt(position))} ${context}`

  /** A string from its quote on. */
  const string = (): string | undefined => {
    for (position++; position < bytes.length; position++) {
      const byte = bytes.charAt(position)
      if (byte === '"') {
        position++
        return undefined
      }
      if (byte < " ") return wrong("in string literal")
      if (byte !== "\\") continue
      position++
      if (bytes.charAt(position) === "u") {
        for (let digit = 0; digit < 4; digit++) {
          position++
          if (!/[0-9a-fA-F]/.test(bytes.charAt(position))) return inside("in \\u hexadecimal character escape")
        }
      } else if (!/["\\/bfnrt]/.test(bytes.charAt(position))) return inside("in string escape code")
    }
    return end
  }

  const number = (): string | undefined => {
    if (bytes.charAt(position) === "-") position++
    if (bytes.charAt(position) === "0") position++
    else if (skip(digits) === 0) return inside("in numeric literal")
    if (bytes.charAt(position) === ".") {
      position++
      if (skip(digits) === 0) return inside("after decimal point in numeric literal")
    }
    if (/[eE]/.test(bytes.charAt(position))) {
      position++
      if (/[+-]/.test(bytes.charAt(position))) position++
      if (skip(digits) === 0) return inside("in exponent of numeric literal")
    }
    return undefined
  }

  const literal = (word: string): string | undefined => {
    for (const letter of word) {
      if (bytes.charAt(position) !== letter) return inside(`in literal ${word} (expecting '${letter}')`)
      position++
    }
    return undefined
  }

  /** The elements of a list or of an object, up to its end. */
  const elements = (close: string, element: () => string | undefined, after: string): string | undefined => {
    position++
    skip(space)
    if (bytes.charAt(position) === close) {
      position++
      return undefined
    }
    for (;;) {
      const problem = element()
      if (problem !== undefined) return problem
      skip(space)
      const next = bytes.charAt(position)
      if (next !== "," && next !== close) return wrong(after)
      position++
      if (next === close) return undefined
    }
  }

  const pair = (): string | undefined => {
    skip(space)
    if (bytes.charAt(position) !== '"') return wrong("looking for beginning of object key string")
    const problem = string()
    if (problem !== undefined) return problem
    skip(space)
    if (bytes.charAt(position) !== ":") return wrong("after object key")
    position++
    return value()
  }

  const value = (): string | undefined => {
    skip(space)
    const first = bytes.charAt(position)
    if (first === "{") return elements("}", pair, "after object key:value pair")
    if (first === "[") return elements("]", value, "after array element")
    if (first === '"') return string()
    if (/[-0-9]/.test(first)) return number()
    const word = ["true", "false", "null"].find((each) => first !== "" && each.startsWith(first))
    return word === undefined ? wrong("looking for beginning of value") : literal(word)
  }

  const problem = value()
  if (problem !== undefined) return problem
  skip(space)
  return wrong("after top-level value")
}
