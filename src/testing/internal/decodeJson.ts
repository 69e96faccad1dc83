/** JSON as it was written: with the order and the repetition of keys, and the digits of numbers. */
import { goQuoted } from "./goFormat.js"
import { isJsonArray, isJsonObject } from "./json.js"
import type { Json } from "./openapi.js"

export type Node =
  | { readonly _tag: "array"; readonly items: ReadonlyArray<Node> }
  | { readonly _tag: "bool"; readonly value: boolean }
  | { readonly _tag: "null" }
  | { readonly _tag: "number"; readonly text: string }
  | { readonly _tag: "object"; readonly entries: ReadonlyArray<readonly [string, Node]> }
  | { readonly _tag: "string"; readonly value: string }

const nothing: Node = { _tag: "null" }

const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\],:]/g

/** The nodes of a text that `JSON.parse` takes. */
export const nodeOfText = (text: string): Node => {
  const tokens = text.match(token) ?? []
  let position = 0
  // The text is JSON, so a string's token is too.
  const unquoted = (quoted: string): string => JSON.parse(quoted) as string
  const node = (): Node => {
    const next = tokens[position++] ?? "null"
    if (next === "{") {
      const entries: Array<readonly [string, Node]> = []
      while (position < tokens.length && tokens[position] !== "}") {
        if (tokens[position] === ",") position++
        const key = unquoted(tokens[position] ?? '""')
        position += 2
        entries.push([key, node()])
      }
      position++
      return { _tag: "object", entries }
    }
    if (next === "[") {
      const items: Array<Node> = []
      while (position < tokens.length && tokens[position] !== "]") {
        if (tokens[position] === ",") position++
        items.push(node())
      }
      position++
      return { _tag: "array", items }
    }
    if (next.startsWith('"')) return { _tag: "string", value: unquoted(next) }
    if (next === "null") return nothing
    return next === "true" || next === "false"
      ? { _tag: "bool", value: next === "true" }
      : { _tag: "number", text: next }
  }
  return node()
}

/** The nodes of a value: of YAML, or of what a patch made. */
export const nodeOf = (json: Json): Node =>
  json === null
    ? nothing
    : isJsonArray(json)
      ? { _tag: "array", items: json.map(nodeOf) }
      : isJsonObject(json)
        ? { _tag: "object", entries: Object.entries(json).map(([key, value]) => [key, nodeOf(value)] as const) }
        : typeof json === "string"
          ? { _tag: "string", value: json }
          : typeof json === "boolean"
            ? { _tag: "bool", value: json }
            : { _tag: "number", text: String(json) }

/** The value; of a repeated key the last one. */
export const jsonOf = (node: Node): Json => {
  switch (node._tag) {
    case "array":
      return node.items.map(jsonOf)
    case "bool":
      return node.value
    case "null":
      return null
    case "number":
      return Number(node.text)
    case "object":
      return Object.fromEntries(node.entries.map(([key, value]) => [key, jsonOf(value)]))
    case "string":
      return node.value
  }
}

/** The fields that are there more than once, as the API server tells of them. */
export const duplicatesIn = (node: Node, path = ""): ReadonlyArray<string> => {
  if (node._tag === "array") return node.items.flatMap((item, index) => duplicatesIn(item, `${path}[${index}]`))
  if (node._tag !== "object") return []
  const seen = new Set<string>()
  return node.entries.flatMap(([key, item]) => {
    const at = path === "" ? key : `${path}.${key}`
    const again = seen.has(key) ? [`duplicate field ${goQuoted(at)}`] : []
    seen.add(key)
    return [...again, ...duplicatesIn(item, at)]
  })
}
