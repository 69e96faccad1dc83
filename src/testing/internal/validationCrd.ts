/** What a CustomResourceDefinition has to be. */
import { rules } from "./names.js"
import type { JsonObject } from "./openapi.js"
import {
  eachAt,
  entriesAt,
  forbid,
  immutable,
  invalid,
  listAt,
  maybeOneOf,
  missing,
  name,
  objectAt,
  textAt,
  unsupported,
  valueAt,
  type Causes
} from "./validationRules.js"

const types = ["array", "boolean", "integer", "number", "object", "string"]

/** A schema is structural when each part says its type. */
const structural = (out: Causes, path: string, schema: JsonObject, root: boolean): void => {
  const type = textAt(schema, "type")
  const anyType =
    schema["x-kubernetes-int-or-string"] === true || schema["x-kubernetes-preserve-unknown-fields"] === true
  if (root) {
    if (type === "") missing(out, `${path}.type`, "must not be empty at the root")
    else if (type !== "object") invalid(out, `${path}.type`, type, "must be object at the root")
  } else if (type === "" && !anyType) missing(out, `${path}.type`, "must not be empty for specified object fields")
  if (type === "array" && objectAt(schema, "items") === undefined) missing(out, `${path}.items`, "must be specified")
  if (entriesAt(schema, "properties").length > 0 && schema["additionalProperties"] !== undefined) {
    forbid(out, `${path}.additionalProperties`, "must not be used if properties is set")
  }
  for (const [key] of entriesAt(schema, "properties")) {
    structural(out, `${path}.properties[${key}]`, objectAt(schema, "properties", key) ?? {}, false)
  }
  const [items, additional] = [objectAt(schema, "items"), objectAt(schema, "additionalProperties")]
  if (items !== undefined) structural(out, `${path}.items`, items, false)
  if (additional !== undefined) structural(out, `${path}.additionalProperties`, additional, false)
  maybeOneOf(out, `${path}.x-kubernetes-list-type`, valueAt(schema, "x-kubernetes-list-type"), ["atomic", "map", "set"])
}

const known = (out: Causes, path: string, schema: JsonObject): void => {
  const type = textAt(schema, "type")
  if (type !== "" && !types.includes(type)) unsupported(out, `${path}.type`, type, types)
  for (const [key] of entriesAt(schema, "properties")) {
    known(out, `${path}.properties[${key}]`, objectAt(schema, "properties", key) ?? {})
  }
  const items = objectAt(schema, "items")
  if (items !== undefined) known(out, `${path}.items`, items)
}

export const customResourceDefinition = (out: Causes, object: JsonObject, old: JsonObject | undefined): void => {
  const spec = objectAt(object, "spec") ?? {}
  const [group, names] = [textAt(spec, "group"), objectAt(spec, "names") ?? {}]
  const full = `${textAt(names, "plural")}.${group}`
  const own = textAt(object, "metadata", "name")
  if (own !== full) {
    invalid(out, "metadata.name", own, `must be spec.names.plural+"."+spec.group`)
  }
  if (group === "") missing(out, "spec.group")
  else {
    name(out, "spec.group", group, "subdomain")
    if (!group.includes(".")) invalid(out, "spec.group", group, "should be a domain with at least one dot")
  }
  const scope = textAt(spec, "scope")
  if (scope === "") missing(out, "spec.scope")
  else maybeOneOf(out, "spec.scope", scope, ["Cluster", "Namespaced"])
  const versions = eachAt(spec, "spec", "versions")
  const seen = new Set<string>()
  for (const [version, at] of versions) {
    const versionName = textAt(version, "name")
    const found = rules.label1035(versionName)
    if (found.length > 0) invalid(out, `${at}.name`, versionName, found.join(","))
    if (seen.has(versionName)) invalid(out, "spec.versions", versionName, "must not contain duplicate version names")
    seen.add(versionName)
    const schema = objectAt(version, "schema", "openAPIV3Schema")
    if (schema === undefined) missing(out, `${at}.schema.openAPIV3Schema`, "schemas are required")
    else {
      const where = `${at}.schema.openAPIV3Schema`
      const causes: Causes = []
      known(causes, where, schema)
      structural(causes, where, schema, true)
      out.push(...causes)
    }
  }
  const stored = versions.filter(([version]) => version["storage"] === true)
  if (stored.length !== 1) {
    invalid(out, "spec.versions", null, "must have exactly one version marked as storage version")
    const last = out.pop()
    if (last !== undefined) {
      out.push({ ...last, message: "Invalid value: must have exactly one version marked as storage version" })
    }
  }
  for (const key of ["plural", "singular"]) {
    const text = textAt(names, key)
    if (text === "") missing(out, `spec.names.${key}`)
    else {
      const found = rules.label1035(text)
      if (found.length > 0) invalid(out, `spec.names.${key}`, text, found.join(","))
    }
  }
  for (const key of ["kind", "listKind"]) {
    const text = textAt(names, key)
    if (text === "") missing(out, `spec.names.${key}`)
    else {
      const found = rules.label1035(text.toLowerCase())
      if (found.length > 0) {
        invalid(out, `spec.names.${key}`, text, `may have mixed case, but should otherwise match: ${found.join(",")}`)
      }
    }
  }
  listAt(names, "shortNames").forEach((short, index) => {
    const found = rules.label1035(String(short))
    if (found.length > 0) invalid(out, `spec.names.shortNames[${index}]`, short, found.join(","))
  })
  const kind = textAt(names, "kind")
  if (kind !== "" && kind === textAt(names, "listKind")) {
    invalid(out, "spec.names.listKind", kind, "kind and listKind may not be the same")
  }
  if (old !== undefined) {
    const before = objectAt(old, "spec") ?? {}
    if (objectAt(old, "status") !== undefined && listAt(old, "status", "conditions").length > 0) {
      immutable(out, "spec.scope", spec["scope"], before["scope"])
      immutable(out, "spec.names.kind", names["kind"], valueAt(before, "names", "kind"))
    }
    immutable(out, "spec.group", spec["group"], before["group"])
    immutable(out, "spec.names.plural", names["plural"], valueAt(before, "names", "plural"))
  }
}
