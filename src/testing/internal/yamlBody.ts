/** YAML as the API server reads it: YAML 1.1 without its dates and its numbers to the base of 60; of a repeated key the last counts. */
import * as Either from "effect/Either"
import { isMap, isPair, isScalar, isSeq, LineCounter, parseAllDocuments, type Document, type YAMLError } from "yaml"
import { goQuoted, goSyntax } from "./goFormat.js"
import type { Json } from "./openapi.js"

export interface YamlBody {
  readonly json: Json
  /** What is to be said of the keys that are there twice. */
  readonly repeated: ReadonlyArray<string>
}

const strange = new Set(["binary", "floatTime", "intTime", "omap", "pairs", "set", "timestamp"])

const isStrange = (tag: string | { readonly tag: string; readonly format?: string }): boolean =>
  typeof tag === "string"
    ? strange.has(tag)
    : tag.format === "TIME" || strange.has(tag.tag.slice(tag.tag.lastIndexOf(":") + 1))

const lineOf = (text: string, offset: number): number => text.slice(0, offset).split("\n").length

/** The first line is not told. */
const told = (line: number, problem: string): string => `yaml: ${line > 1 ? `line ${line}: ` : ""}${problem}`

/** What Go's reader says; what is not here is told in the words of this one. */
const problemOf = ({ message, pos: [start] }: YAMLError, text: string): string => {
  const words = message.split(/ at line \d+/)[0] ?? message
  if (/^(Nested mappings|Implicit keys|Implicit map keys)/.test(words)) {
    // Go stops at the colon.
    const colon = text.slice(start).search(/:(\s|$)/)
    return told(lineOf(text, start + Math.max(0, colon)), "mapping values are not allowed in this context")
  }
  if (/^(Tabs are not allowed|Plain value cannot start with)/.test(words)) {
    return told(lineOf(text, start), "found character that cannot start any token")
  }
  if (words.startsWith("Missing closing")) return told(lineOf(text, text.length), "found unexpected end of stream")
  if (words.startsWith("Anchor cannot be an empty")) {
    return told(lineOf(text, start), "did not find expected alphabetic or numeric character")
  }
  const [, close] = /^Flow (?:map|sequence) must end with a (.)/.exec(words) ?? []
  const rest = text.trimEnd()
  if (close !== undefined && start >= rest.length) {
    const lines = text.endsWith("\n") ? lineOf(text, text.length) - 1 : lineOf(text, text.length)
    return `yaml: line ${lines}: did not find expected ${/[{[,]$/.test(rest) ? "node content" : `',' or '${close}'`}`
  }
  return told(lineOf(text, start), words)
}

const keyText = (key: unknown): string => {
  // Keys that are no scalars are told as they are written.
  const value: unknown = isScalar(key) ? key.value : String(key)
  return typeof value === "string"
    ? goQuoted(value)
    : goSyntax(typeof value === "number" || typeof value === "boolean" ? value : null)
}

const generic = (json: Json): string =>
  goSyntax(json).replaceAll("map[string]interface {}", "map[interface {}]interface {}")

/** Why the keys of a map, at any depth, are none of an object. */
const keyProblem = (node: unknown, document: Document.Parsed): string | undefined => {
  const jsonOf = (each: unknown): Json =>
    // Nodes of a document are made of what JSON has.
    isScalar(each) || isMap(each) || isSeq(each) ? ((each.toJS(document) ?? null) as Json) : null
  const inner = isSeq(node) ? node.items : isMap(node) ? node.items.map(({ value }) => value) : []
  for (const each of inner) {
    const problem = keyProblem(each, document)
    if (problem !== undefined) return problem
  }
  if (!isMap(node)) return undefined
  for (const { key, value } of node.items) {
    if (isMap(key) || isSeq(key)) return `yaml: invalid map key: ${generic(jsonOf(key))}`
    if (key === null || (isScalar(key) && key.value === null)) {
      return `unsupported map key of type: %!s(<nil>), key: <nil>, value: ${generic(jsonOf(value))}`
    }
  }
  return undefined
}

/** The keys that are in a map already, in the order in which it is filled. */
const repeatedIn = (node: unknown, lines: LineCounter): ReadonlyArray<string> => {
  if (isSeq(node)) return node.items.flatMap((item) => repeatedIn(item, lines))
  if (!isMap(node)) return []
  const seen = new Set<string>()
  return node.items.filter(isPair).flatMap(({ key, value }) => {
    const text = keyText(key)
    const again = seen.has(text)
    seen.add(text)
    const at = isScalar(value) || isMap(value) || isSeq(value) ? (value.range?.[0] ?? 0) : 0
    return [
      ...repeatedIn(value, lines),
      ...(again ? [`line ${lines.linePos(at).line}: key ${text} already set in map`] : [])
    ]
  })
}

/** The first document of a text; a problem is told in Go's words. */
export const parseYaml = (text: string): Either.Either<YamlBody, string> => {
  const lineCounter = new LineCounter()
  const documents = parseAllDocuments(text, {
    version: "1.1",
    uniqueKeys: false,
    lineCounter,
    customTags: (tags) => tags.filter((tag) => !isStrange(tag))
  })
  const document = Array.isArray(documents) ? documents[0] : undefined
  if (document === undefined) return Either.right({ json: null, repeated: [] })
  const [problem] = document.errors
  if (problem !== undefined) return Either.left(problemOf(problem, text))
  return Either.flatMap(made(document, lineCounter), (body) => {
    const odd = keyProblem(document.contents, document)
    return odd === undefined ? Either.right(body) : Either.left(odd)
  })
}

const made = (document: Document.Parsed, lineCounter: LineCounter): Either.Either<YamlBody, string> =>
  Either.try({
    try: (): YamlBody => ({
      // Without tags of their own, documents are made of what JSON has.
      json: (document.toJS({ maxAliasCount: 100 }) ?? null) as Json,
      repeated: repeatedIn(document.contents, lineCounter)
    }),
    catch: (error) => {
      const message = error instanceof Error ? error.message : String(error)
      return `yaml: ${message.replace(/^Unresolved alias .*: (.*)$/, "unknown anchor '$1' referenced")}`
    }
  })

/** Why strict decoding does not take it. */
export const repeatedProblem = (repeated: ReadonlyArray<string>): string =>
  `yaml: unmarshal errors:\n  ${repeated.join("\n  ")}`
