/** Less to parse and to keep, for caches. */

const key = '"managedFields":['
const quote = 0x22
const backslash = 0x5c
const open = 0x5b
const close = 0x5d
const comma = 0x2c
const brace = 0x7b

/** Behind the end of the array whose first element begins at `at`. -1 where it has no end. */
const endOfArray = (json: string, at: number): number => {
  let depth = 1
  for (let i = at; i < json.length; i++) {
    const code = json.charCodeAt(i)
    if (code === quote) {
      i++
      while (i < json.length && json.charCodeAt(i) !== quote) i += json.charCodeAt(i) === backslash ? 2 : 1
    } else if (code === open) {
      depth++
    } else if (code === close && --depth === 0) {
      return i + 1
    }
  }
  return -1
}

/** What may stand before the quote that opens a string: these, and white space. */
const beforeString = new Set(["{", "[", ",", ":", " ", "\t", "\n", "\r"])

/**
 * The same where it is seen at a glance; else undefined. The server writes no other brackets into a list of managed fields
 * but its own, so the end is the next one, if that stands outside of strings: if the quote before it closes a string. One
 * that opens a string has only certain characters before it, and one within a string a backslash.
 */
const nextEnd = (json: string, at: number): number | undefined => {
  const end = json.indexOf("]", at)
  if (end === -1) return undefined
  const last = json.lastIndexOf('"', end)
  if (last < at) return undefined
  const before = json.charAt(last - 1)
  if (beforeString.has(before) || before === "\\") return undefined
  const nested = json.indexOf("[", at)
  return nested === -1 || nested > end ? end + 1 : undefined
}

/**
 * JSON text without its `managedFields` lists: about half of a pod, which is never parsed then. For kinds that have no
 * field of that name but the one in `metadata`. Within a string the quotes of the key would be escaped, so it is found
 * only as a key.
 */
export const withoutManagedFields = (json: string): string => {
  let at = json.indexOf(key)
  if (at === -1) return json
  const parts: Array<string> = []
  let begin = 0
  for (; at !== -1; at = json.indexOf(key, Math.max(begin, at + 1))) {
    const before = json.charCodeAt(at - 1)
    // The end of another key, one with a quote in it.
    if (before !== comma && before !== brace) continue
    const first = at + key.length
    const end = nextEnd(json, first) ?? endOfArray(json, first)
    if (end === -1) break
    if (json.charCodeAt(end) === comma) {
      parts.push(json.slice(begin, at))
      begin = end + 1
    } else {
      // The last member goes with the comma before it.
      parts.push(json.slice(begin, before === comma ? at - 1 : at))
      begin = end
    }
  }
  parts.push(json.slice(begin))
  return parts.join("")
}

/** Engines share short strings among parsed documents by themselves. */
const short = 10
const long = 512

/** Objects of this prototype are read by name. */
const isPlain = (value: object): value is Record<string, unknown> => Object.getPrototypeOf(value) === Object.prototype

/** Whether two parsed documents are the same. What a schema has made of one belongs to somebody else, and is no other's. */
const equal = (one: unknown, other: unknown): boolean => {
  if (one === other) return true
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false
  if (Array.isArray(one)) {
    if (!Array.isArray(other) || one.length !== other.length) return false
    for (let i = 0; i < one.length; i++) if (!equal(one[i], other[i])) return false
    return true
  }
  if (!isPlain(one) || !isPlain(other)) return false
  let more = 0
  for (const name in other) {
    if (!equal(one[name], other[name])) return false
    more++
  }
  for (const _ in one) more--
  return more === 0
}

export interface Sharing {
  /**
   * Makes equal strings of parsed documents one string, in place: images, names of nodes, reasons and the like recur in
   * every object. What was seen is forgotten when it gets too much.
   */
  readonly strings: <A>(document: A) => A
  /**
   * The same, and what is as it was in the state of `before` is taken from there: most of an object does not change. The
   * garbage collector has less to copy, and whoever compares two states sees at once what has changed.
   */
  readonly with: <A>(before: unknown, document: A) => A
}

/** How often the strings of a field were looked up, and found. */
interface Field {
  tries: number
  hits: number
}

/** After so many tries it is known whether the strings of a field recur. */
const enough = 256

export const makeSharing = (limit = 50_000): Sharing => {
  let known = new Map<string, string>()
  let fields = new Map<string, Field>()
  const fieldOf = (name: string): Field => {
    let field = fields.get(name)
    if (field === undefined) {
      // Names of labels and of annotations are without end.
      if (fields.size >= limit) fields = new Map()
      fields.set(name, (field = { tries: 0, hits: 0 }))
    }
    return field
  }
  /** The one of these strings that is kept; nothing for one that is new, or not worth it. */
  const share = (name: string, text: string): string | undefined => {
    if (text.length <= short || text.length > long) return undefined
    // In a field like `uid` or `containerID` every string is another one. It costs as much to look as to parse.
    const field = fieldOf(name)
    if (field.tries >= enough && field.hits < field.tries / 8) return undefined
    field.tries++
    const before = known.get(text)
    if (before !== undefined) {
      field.hits++
      return before
    }
    if (known.size >= limit) known = new Map()
    known.set(text, text)
    return undefined
  }
  /** `name` is that of the field that the value is in, or a list of it. */
  const visit = (value: object, name: string): void => {
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index++) visitItem(value, index, value[index], name)
    } else if (isPlain(value)) {
      for (const key in value) visitItem(value, key, value[key], key)
    }
  }
  const visitItem = (value: object, key: string | number, item: unknown, name: string): void => {
    if (typeof item === "string") {
      const shared = share(name, item)
      // What is frozen stays as it is.
      if (shared !== undefined) Reflect.set(value, key, shared)
    } else if (typeof item === "object" && item !== null) visit(item, name)
  }
  const strings = <A>(document: A, name = ""): A => {
    if (typeof document === "object" && document !== null) visit(document, name)
    return document
  }

  const reuse = <A>(before: unknown, value: A, name = ""): A => {
    // It is equal.
    if (equal(before, value)) return before as A
    // Another of the same.
    if (typeof value === "string") return (share(name, value) ?? value) as A & string
    if (typeof value !== "object" || value === null) return value
    if (Array.isArray(value)) {
      if (!Array.isArray(before)) return strings(value, name)
      for (let index = 0; index < value.length; index++) reuseItem(before[index], value, index, value[index], name)
      return value
    }
    if (!isPlain(value) || typeof before !== "object" || before === null || !isPlain(before)) {
      return strings(value, name)
    }
    const document: Record<string, unknown> = value
    for (const key in document) reuseItem(before[key], document, key, document[key], key)
    return value
  }
  const reuseItem = (before: unknown, value: object, key: string | number, item: unknown, name: string): void => {
    if (typeof item !== "string" && typeof item !== "object") return
    const kept = reuse(before, item, name)
    if (kept !== item || typeof item === "string") Reflect.set(value, key, kept)
  }

  return { strings, with: reuse }
}
