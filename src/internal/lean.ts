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
    const end = endOfArray(json, at + key.length)
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

/**
 * Makes equal strings of parsed documents one string, in place: images, names of nodes, reasons and the like recur in
 * every object. What was seen is forgotten when it gets too much.
 */
export const makeSharing = (limit = 50_000): (<A>(document: A) => A) => {
  let known = new Map<string, string>()
  const share = (text: string): string => {
    if (text.length <= short || text.length > long) return text
    const before = known.get(text)
    if (before !== undefined) return before
    if (known.size >= limit) known = new Map()
    known.set(text, text)
    return text
  }
  // Equal strings cannot be told apart here, so each is set; what is frozen stays as it is.
  const visit = (value: object): void => {
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) {
        const item: unknown = value[i]
        if (typeof item === "string") Reflect.set(value, i, share(item))
        else if (typeof item === "object" && item !== null) visit(item)
      }
      return
    }
    // What a schema has made of it belongs to somebody else.
    if (Object.getPrototypeOf(value) !== Object.prototype) return
    const names = Object.keys(value)
    // Objects of this prototype are read by name.
    const object = value as Record<string, unknown>
    for (const name of names) {
      const item = object[name]
      if (typeof item === "string") {
        // Unique in every object.
        if (item.length > short && name !== "uid") Reflect.set(object, name, share(item))
      } else if (typeof item === "object" && item !== null) visit(item)
    }
  }
  return (document) => {
    if (typeof document === "object" && document !== null) visit(document)
    return document
  }
}
