/** What the OpenAPI of the built-in kinds does not say of their Go types. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { likelyFact } from "../../src/testing/internal/decodeFacts.js"
import type { OpenApi } from "../../src/testing/internal/openapi.js"
import type { FolderOf } from "./goSources.js"

interface Struct {
  readonly fields: ReadonlyArray<{ readonly name: string; readonly type: string; readonly json: string | undefined }>
}

const basic = /^(bool|string|byte|u?int(8|16|32|64)?|float(32|64)|any)$/

/** A type of Go's source as `reflect` prints it. */
const printed = (type: string, own: string): string => {
  const map = /^map\[([^\]]+)\](.*)$/.exec(type)
  if (map !== null) return `map[${printed(map[1] ?? "", own)}]${printed(map[2] ?? "", own)}`
  if (type.startsWith("[]")) return `[]${printed(type.slice(2), own)}`
  if (type.startsWith("*")) return `*${printed(type.slice(1), own)}`
  if (type === "byte") return "uint8"
  if (basic.test(type)) return type
  if (!type.includes(".")) return `${own}.${type}`
  return type.replace(/^meta(?=v\d)/, "").replace(/^(core|apps|batch|api)(?=v\d)/, "")
}

/** The types of fields, by definition, where they are not `likelyFact`. */
export const differentFields = (
  schemas: { readonly [name: string]: OpenApi },
  folderOf: FolderOf
): { readonly [definition: string]: { readonly [field: string]: string } } => {
  const structsOf = new Map<string, ReadonlyMap<string, Struct>>()

  const structs = (folder: string): ReadonlyMap<string, Struct> => {
    const known = structsOf.get(folder)
    if (known !== undefined) return known
    const found = new Map<string, Struct>()
    structsOf.set(folder, found)
    if (!existsSync(folder)) return found
    for (const file of readdirSync(folder)) {
      if (!file.endsWith(".go") || file.endsWith("_test.go") || /^(zz_|generated)/.test(file)) continue
      const source = readFileSync(join(folder, file), "utf8").replaceAll(/^\s*\/\/.*$/gm, "")
      for (const [, name = "", body = ""] of source.matchAll(/^(?:type )?\s*(\w+) struct \{\n([\s\S]*?)^\s*\}/gm)) {
        const fields = body.split("\n").flatMap((line) => {
          const match = /^\s*(?:(\w+)\s+)?(\S+)\s+`.*?json:"([^"]*)"/.exec(line)
          return match === null ? [] : [{ name: match[1] ?? "", type: match[2] ?? "", json: match[3] }]
        })
        found.set(name, { fields })
      }
    }
    return found
  }

  const metaFolder = folderOf("io.k8s.apimachinery.pkg.apis.meta.v1")

  /** The fields of a struct by their name in JSON, those of embedded structs among them. */
  const fieldsOf = (folder: string, name: string, embedded: string): ReadonlyArray<readonly [string, string]> =>
    (structs(folder).get(name)?.fields ?? []).flatMap((field): ReadonlyArray<readonly [string, string]> => {
      const [json = "", ...options] = (field.json ?? "").split(",")
      const own = folder.split("/").at(-1) ?? ""
      if (json === "") {
        const [, meta, target = ""] = /^\*?(metav1\.|v1\.)?(\w+)$/.exec(field.type) ?? []
        const other = meta === "metav1." ? metaFolder : meta === undefined ? folder : folderOf("io.k8s.api.core.v1")
        return fieldsOf(other, target, `${embedded}${target}>`)
      }
      const omit = options.includes("omitzero") ? ",omitzero" : options.includes("omitempty") ? ",omitempty" : ""
      return [[json, `${embedded}${printed(field.type, own)}${omit}`]]
    })

  const different: Record<string, Record<string, string>> = {}
  for (const [definition, schema] of Object.entries(schemas)) {
    const name = definition.split(".").at(-1) ?? ""
    const declared = new Map(fieldsOf(folderOf(definition.slice(0, definition.lastIndexOf("."))), name, ""))
    const found: Record<string, string> = {}
    for (const [property, of] of Object.entries(schema.properties ?? {})) {
      const fact = declared.get(property)
      if (fact === undefined) throw new Error(`not in the sources: ${definition}.${property}`)
      if ((property !== "kind" && property !== "apiVersion") || !fact.startsWith("TypeMeta>")) {
        if (fact !== likelyFact(of, schema.required?.includes(property) ?? false)) {
          // A struct is written whether it is empty or not.
          found[property] = fact
        }
      }
    }
    if (Object.keys(found).length > 0) different[definition] = found
  }
  return different
}
