/**
 * The structs that the API server prints in its messages. They are its internal ones: their fields have the names that they
 * have in Go, and some stand elsewhere than in JSON.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { FolderOf } from "./goSources.js"

/** What is printed of each group; what these consist of comes with them. */
const roots: { readonly [group: string]: ReadonlyArray<string> } = {
  apps: ["DaemonSetUpdateStrategy", "DeploymentStrategy", "StatefulSetUpdateStrategy"],
  batch: ["PodFailurePolicy", "PodFailurePolicyRule", "SuccessPolicy"],
  core: [
    "EphemeralContainer",
    "EventSource",
    "NodeSelectorTerm",
    "ObjectReference",
    "PersistentVolumeClaimSpec",
    "PersistentVolumeSource",
    "PodResourceClaim",
    "PodSpec",
    "PodTemplateSpec",
    "SecurityContext",
    "ServicePort",
    "Taint",
    "VolumeNodeAffinity"
  ],
  policy: ["PodDisruptionBudgetSpec"],
  rbac: ["RoleRef"]
}

interface Field {
  /** Empty if it is embedded. */
  readonly name: string
  readonly type: string
  readonly json: string | undefined
}

interface Source {
  readonly structs: ReadonlyMap<string, ReadonlyArray<Field>>
  /** What a type stands for. */
  readonly aliases: ReadonlyMap<string, string>
}

const sources = new Map<string, Source>()

const sourceOf = (folder: string): Source => {
  const known = sources.get(folder)
  if (known !== undefined) return known
  const [structs, aliases] = [new Map<string, ReadonlyArray<Field>>(), new Map<string, string>()]
  for (const file of readdirSync(folder)) {
    if (!file.endsWith(".go") || file.endsWith("_test.go") || /^(zz_|generated)/.test(file)) continue
    const text = readFileSync(join(folder, file), "utf8").replaceAll(/\/\/.*$/gm, "")
    for (const [, name = "", body = ""] of text.matchAll(/^(?:type )?\s*(\w+) struct \{\n([\s\S]*?)^\s*\}/gm)) {
      structs.set(
        name,
        body.split("\n").flatMap((line) => {
          const match = /^\s*(?:(\w+)\s+)?([\w.*[\]]+)\s*(?:`.*?json:"([^"]*)".*`)?\s*$/.exec(line)
          return match === null ? [] : [{ name: match[1] ?? "", type: match[2] ?? "", json: match[3] }]
        })
      )
    }
    for (const [, name = "", type = ""] of text.matchAll(/^type (\w+) (string|map\[\w+\][\w.]+)$/gm)) {
      aliases.set(name, type)
    }
  }
  const source = { structs, aliases }
  sources.set(folder, source)
  return source
}

const basic: { readonly [type: string]: string } = {
  "[]byte": "string",
  "intstr.IntOrString": "number",
  "metav1.Time": "time",
  "resource.Quantity": "quantity",
  "types.UID": "string",
  bool: "bool",
  int: "number",
  int32: "number",
  int64: "number",
  string: "string",
  Time: "time",
  uint8: "number"
}

/**
 * The fields of each struct, as `printed=json type`. `?` is left out where it is zero, `<` is part of the struct around it;
 * `*` is a pointer, `[]` a list, `{}` a map.
 */
export const printedStructs = (
  versionOf: FolderOf,
  internalOf: (group: string) => string
): { readonly [struct: string]: string } => {
  const found: Record<string, string> = {}

  /** A type, with the structs that it consists of written down. */
  const typeOf = (type: string, group: string): string => {
    if (type in basic) return basic[type] ?? ""
    for (const prefix of ["*", "[]"])
      if (type.startsWith(prefix)) return prefix + typeOf(type.slice(prefix.length), group)
    const map = /^map\[[\w.]+\](.*)$/.exec(type)
    if (map !== null) return `{}${typeOf(map[1] ?? "", group)}`
    const [, other, name = ""] = /^(?:(\w+)\.)?(\w+)$/.exec(type) ?? []
    const own = other === undefined ? group : other === "metav1" ? "meta" : /^(?:v1|api)$/.test(other) ? "core" : other
    if (own === "types") return "string"
    const { aliases, structs } = sourceOf(
      own === "meta" ? versionOf("io.k8s.apimachinery.pkg.apis.meta.v1") : internalOf(own)
    )
    const alias = aliases.get(name)
    if (alias !== undefined) return typeOf(alias, own)
    const fields = structs.get(name)
    if (fields === undefined) throw new Error(`no such type: ${own}.${name}`)
    const id = `${own}.${name}`
    if (!(id in found)) {
      found[id] = ""
      found[id] = fields.map((field) => printedField(field, own, name)).join(",")
    }
    return id
  }

  /** The name in JSON of a field of an internal struct: that of the field with the same name in the version. */
  const jsonOf = (group: string, struct: string, field: string): string => {
    const { structs } = sourceOf(versionOf(`io.k8s.api.${group}.v1`))
    const fields = structs.get(struct) ?? []
    const json = fields.find(({ name }) => name === field)?.json
    if (json !== undefined) return json.split(",")[0] ?? ""
    return `${field.charAt(0).toLowerCase()}${field.slice(1)}`
  }

  const printedField = (field: Field, group: string, struct: string): string => {
    const type = typeOf(field.type, group)
    if (field.name === "") return `<${type}`
    if (field.json !== undefined && field.json !== "") {
      const [name, ...options] = field.json.split(",")
      return `${options.some((option) => option.startsWith("omit")) ? "?" : ""}${name}=${name} ${type}`
    }
    return `${field.name}=${jsonOf(group, struct, field.name)} ${type}`
  }

  for (const [group, names] of Object.entries(roots)) for (const name of names) typeOf(name, group)
  return found
}
