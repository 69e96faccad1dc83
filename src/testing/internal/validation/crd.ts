/** What a CustomResourceDefinition has to be. */
import { formatOf } from "../formats.js"
import { isJsonArray, isJsonObject, jsonEquals } from "../json.js"
import { rules } from "../names.js"
import type { Json, JsonObject } from "../openapi.js"
import {
  duplicate,
  eachAt,
  forbid,
  immutable,
  invalid,
  listAt,
  missing,
  objectAt,
  oneOf,
  textAt,
  valueAt,
  type Causes
} from "./rules.js"
import { goSchema, schemaCauses } from "./schema.js"

const label = (out: Causes, path: string, text: string, before = ""): void => {
  const found = rules.label1035(before === "" ? text : text.toLowerCase())
  if (found.length > 0) invalid(out, path, text, `${before}${found.join(",")}`)
}

const names = (out: Causes, path: string, given: JsonObject): void => {
  const [kind, listKind] = [textAt(given, "kind"), textAt(given, "listKind")]
  for (const key of ["plural", "singular"]) {
    if (textAt(given, key) !== "") label(out, `${path}.${key}`, textAt(given, key))
  }
  for (const key of ["kind", "listKind"]) {
    const before = "may have mixed case, but should otherwise match: "
    if (textAt(given, key) !== "") label(out, `${path}.${key}`, textAt(given, key), before)
  }
  listAt(given, "shortNames").forEach((short, index) => label(out, `${path}.shortNames[${index}]`, String(short)))
  if (kind !== "" && kind === listKind) {
    invalid(out, `${path}.listKind`, listKind, "kind and listKind may not be the same")
  }
  listAt(given, "categories").forEach((each, index) => label(out, `${path}.categories[${index}]`, String(each)))
}

/** What all versions have in common is at the top for the API server; it says so in its paths. */
const isShared = (versions: ReadonlyArray<JsonObject>, key: string): boolean => {
  const first = versions[0]?.[key]
  return first !== undefined && versions.every((version) => jsonEquals(version[key], first))
}

const simplePath = (out: Causes, path: string, text: string): boolean => {
  if (text.startsWith(".")) return true
  invalid(out, path, text, "must be a simple json path starting with .")
  return false
}

const subresources = (out: Causes, path: string, given: JsonObject): void => {
  const scale = objectAt(given, "scale")
  if (scale === undefined) return
  for (const [key, below] of [
    ["specReplicasPath", ".spec"],
    ["statusReplicasPath", ".status"]
  ] as const) {
    const [at, text] = [`${path}.scale.${key}`, textAt(scale, key)]
    if (text === "") missing(out, at)
    else if (simplePath(out, at, text) && !text.startsWith(`${below}.`)) {
      invalid(out, at, text, `should be a json path under ${below}`)
    }
  }
  const [at, text] = [`${path}.scale.labelSelectorPath`, textAt(scale, "labelSelectorPath")]
  if (text !== "" && simplePath(out, at, text) && !/^\.(?:spec|status)\./.test(text)) {
    invalid(out, at, text, "should be a json path under either .spec or .status")
  }
}

const columnTypes = ["boolean", "date", "integer", "number", "string"]
const columnFormats = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"]

const column = (out: Causes, path: string, given: JsonObject): void => {
  const [type, format, jsonPath] = [textAt(given, "type"), textAt(given, "format"), textAt(given, "jsonPath")]
  const oneOfTypes = `must be one of ${columnTypes.join(",")}`
  if (textAt(given, "name") === "") missing(out, `${path}.name`)
  if (type === "") missing(out, `${path}.type`, oneOfTypes)
  else if (!columnTypes.includes(type)) invalid(out, `${path}.type`, type, oneOfTypes)
  if (format !== "" && !columnFormats.includes(format)) {
    invalid(out, `${path}.format`, format, `must be one of ${columnFormats.join(",")}`)
  }
  if (jsonPath === "") missing(out, `${path}.JSONPath`)
  else simplePath(out, `${path}.JSONPath`, jsonPath)
}

/** The schema that a path of fields leads to; a text says why there is none. */
const followed = (path: string, root: JsonObject): JsonObject | string => {
  let schema = root
  const tokens = path.match(/[.[\]]|[^.[\]]+/g) ?? []
  for (let index = 0; index < tokens.length; index += 2) {
    if (tokens[index] === "[") return "array notation is not allowed"
    if (tokens[index] !== ".") return `expected [ or . but got: ${tokens[index] ?? ""}`
    const name = tokens[index + 1]
    if (name === undefined) return "unexpected end of JSON path"
    const next =
      objectAt(schema, "properties") === undefined
        ? objectAt(schema, "additionalProperties")
        : objectAt(schema, "properties", name)
    if (next === undefined) return "does not refer to a valid field"
    schema = next
  }
  return schema
}

const mostSelectable = 8

const selectableFields = (out: Causes, path: string, fields: ReadonlyArray<Json>, schema: JsonObject): void => {
  const seen = new Set<string>()
  fields.forEach((field, index) => {
    const [at, text] = [`${path}[${index}].jsonPath`, textAt(field, "jsonPath")]
    if (text === "") return missing(out, at)
    const found = followed(text, schema)
    if (typeof found === "string") return invalid(out, at, text, `is an invalid path: ${found}`)
    if (/^\.metadata\b/.test(text)) invalid(out, at, text, "must not point to fields in metadata")
    if (!["boolean", "integer", "string"].includes(textAt(found, "type"))) {
      const why =
        "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed."
      invalid(out, at, text, why)
    }
    if (seen.has(text)) duplicate(out, at, text)
    seen.add(text)
  })
  if (seen.size > mostSelectable) {
    const message = `Too many: ${seen.size}: must have at most ${mostSelectable} items`
    out.push({ reason: "FieldValueTooMany", message, field: path })
  }
}

const deprecation = (out: Causes, path: string, version: JsonObject): void => {
  const text = version["deprecationWarning"]
  if (typeof text !== "string") return
  const at = `${path}.deprecationWarning`
  if (version["deprecated"] !== true) return invalid(out, at, text, "can only be set for deprecated versions")
  if (Buffer.byteLength(text) > 256) invalid(out, at, text, "must be <= 256 characters long")
  if (text === "") invalid(out, at, text, "must not be an empty string")
  const index = [...text].findIndex((character) => !/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(character))
  if (index >= 0) {
    const place = Buffer.byteLength([...text].slice(0, index).join(""))
    const why = `must only contain printable UTF-8 characters; non-printable character found at index ${place}`
    invalid(out, at, text, why)
  }
}

/** The parts of a version that may be at the top, checked where they are. */
const parts = (
  out: Causes,
  version: JsonObject,
  hasStatus: boolean,
  at: (key: string, shared: string) => string | undefined
): void => {
  const schema = objectAt(version, "schema", "openAPIV3Schema")
  const [schemaAt, subresourcesAt, columnsAt, fieldsAt] = [
    at("schema", "validation"),
    at("subresources", "subresources"),
    at("additionalPrinterColumns", "additionalPrinterColumns"),
    at("selectableFields", "selectableFields")
  ]
  if (schema !== undefined && schemaAt !== undefined) {
    schemaCauses(out, `${schemaAt}.openAPIV3Schema`, schema, hasStatus)
  }
  if (subresourcesAt !== undefined) subresources(out, subresourcesAt, objectAt(version, "subresources") ?? {})
  if (columnsAt !== undefined) {
    listAt(version, "additionalPrinterColumns").forEach((each, index) =>
      column(out, `${columnsAt}[${index}]`, isJsonObject(each) ? each : {})
    )
  }
  if (fieldsAt !== undefined && schema !== undefined) {
    selectableFields(out, fieldsAt, listAt(version, "selectableFields"), schema)
  }
}

/** The versions as the API server prints them, without what they share. */
const goVersions = (versions: ReadonlyArray<JsonObject>): Json =>
  versions.map((version) => {
    const own = (key: string): Json => (isShared(versions, key) ? null : (version[key] ?? null))
    const schema = own("schema")
    const openApi = objectAt(schema, "openAPIV3Schema")
    return {
      Name: textAt(version, "name"),
      Served: version["served"] === true,
      Storage: version["storage"] === true,
      Deprecated: version["deprecated"] === true,
      DeprecationWarning: version["deprecationWarning"] ?? null,
      Schema: isJsonObject(schema) ? { OpenAPIV3Schema: openApi === undefined ? null : goSchema(openApi) } : null,
      Subresources: own("subresources"),
      AdditionalPrinterColumns: own("additionalPrinterColumns"),
      SelectableFields: own("selectableFields")
    }
  })

const conversion = (out: Causes, path: string, given: JsonObject): void => {
  const strategy = textAt(given, "strategy")
  const webhook = objectAt(given, "webhook")
  const reviews = listAt(webhook, "conversionReviewVersions").map(String)
  oneOf(out, `${path}.strategy`, strategy, ["None", "Webhook"])
  if (strategy !== "Webhook") {
    const why = "should not be set when strategy is not set to Webhook"
    if (objectAt(webhook, "clientConfig") !== undefined) forbid(out, `${path}.webhookClientConfig`, why)
    if (reviews.length > 0) forbid(out, `${path}.conversionReviewVersions`, why)
    return
  }
  const client = objectAt(webhook, "clientConfig")
  if (client === undefined) {
    missing(out, `${path}.webhookClientConfig`, "required when strategy is set to Webhook")
  } else if ((client["url"] === undefined) === (client["service"] === undefined)) {
    missing(out, `${path}.webhookClientConfig`, "exactly one of url or service is required")
  }
  const at = `${path}.conversionReviewVersions`
  if (reviews.length === 0) missing(out, at)
  else if (!reviews.some((each) => each === "v1" || each === "v1beta1")) {
    invalid(out, at, reviews, "must include at least one of v1, v1beta1")
  }
}

const approvalAnnotation = "api-approved.kubernetes.io"

/** Groups of the Kubernetes project are not to be used without its consent. */
const approval = (out: Causes, object: JsonObject, old: JsonObject | undefined): void => {
  const said = textAt(object, "metadata", "annotations", approvalAnnotation)
  if (!/(?:^|\.)(?:k8s|kubernetes)\.io$/.test(textAt(object, "spec", "group"))) return
  if (old !== undefined && textAt(old, "metadata", "annotations", approvalAnnotation) === said) return
  const at = `metadata.annotations[${approvalAnnotation}]`
  const why = `protected groups must have approval annotation ${JSON.stringify(approvalAnnotation)}`
  const see = "see https://github.com/kubernetes/enhancements/pull/1111"
  if (said === "") missing(out, at, `${why}, ${see}`)
  else if (!said.startsWith("unapproved") && !(/^[a-z]+:\/\/./i.test(said) && formatOf("uri")?.(said) === true)) {
    invalid(out, at, said, `${why} with either a URL or a reason starting with "unapproved", ${see}`)
  }
}

const storedVersions = (out: Causes, object: JsonObject, versions: ReadonlyArray<JsonObject>): void => {
  const [path, stored] = ["status.storedVersions", listAt(object, "status", "storedVersions").map(String)]
  if (stored.length === 0) return invalid(out, path, null, "must have at least one stored version")
  const all = versions.map((version) => textAt(version, "name"))
  for (const version of versions) {
    const name = textAt(version, "name")
    if (version["storage"] === true && !stored.includes(name)) {
      invalid(out, path, stored, `must have the storage version ${name}`)
    }
  }
  stored.forEach((name, index) => {
    if (all.includes(name)) return
    const why = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`
    invalid(out, `${path}[${index}]`, name, why)
  })
}

const groupName = (out: Causes, group: string): void => {
  if (group === "") return missing(out, "spec.group")
  const found = rules.subdomain(group)
  if (found.length > 0) invalid(out, "spec.group", group, found.join(","))
  else if (!group.includes(".")) invalid(out, "spec.group", group, "should be a domain with at least one dot")
}

export const customResourceDefinition = (out: Causes, object: JsonObject, old: JsonObject | undefined): void => {
  const spec = objectAt(object, "spec") ?? {}
  const given = objectAt(spec, "names") ?? {}
  const own = textAt(object, "metadata", "name")
  if (old === undefined && own !== "" && own !== `${textAt(given, "plural")}.${textAt(spec, "group")}`) {
    invalid(out, "metadata.name", own, `must be spec.names.plural+"."+spec.group`)
  }
  groupName(out, textAt(spec, "group"))
  oneOf(out, "spec.scope", spec["scope"], ["Cluster", "Namespaced"])

  const all = eachAt(spec, "spec", "versions")
  const versions = all.map(([version]) => version)
  const hasStatus = (version: JsonObject): boolean => objectAt(version, "subresources", "status") !== undefined
  if (!isShared(versions, "schema") || objectAt(versions[0], "schema", "openAPIV3Schema") === undefined) {
    for (const [version, at] of all) {
      if (objectAt(version, "schema", "openAPIV3Schema") === undefined) {
        missing(out, `${at}.schema.openAPIV3Schema`)
      }
    }
  }
  for (const [version, at] of all) {
    label(out, `${at}.name`, textAt(version, "name"))
    deprecation(out, at, version)
    parts(out, version, hasStatus(version), (key) => (isShared(versions, key) ? undefined : `${at}.${key}`))
  }
  // Printed as they are, in the order of their fields.
  const printed = JSON.stringify(isJsonArray(spec["versions"]) ? goVersions(versions) : null)
  const wrongVersions = (detail: string): void => {
    out.push({ reason: "FieldValueInvalid", message: `Invalid value: ${printed}: ${detail}`, field: "spec.versions" })
  }
  if (new Set(versions.map((version) => textAt(version, "name"))).size < versions.length) {
    wrongVersions("must contain unique version names")
  }
  if (versions.filter((version) => version["storage"] === true).length !== 1) {
    wrongVersions("must have exactly one version marked as storage version")
  }
  const [first] = versions
  // The name of the first version is at the top too.
  if (first !== undefined) label(out, "spec.version", textAt(first, "name"))
  for (const key of ["plural", "singular", "kind", "listKind"]) {
    if (textAt(given, key) === "") missing(out, `spec.names.${key}`)
  }
  names(out, "spec.names", given)
  if (first !== undefined) {
    parts(out, first, versions.some(hasStatus), (key, shared) =>
      isShared(versions, key) ? `spec.${shared}` : undefined
    )
  }
  conversion(out, "spec.conversion", objectAt(spec, "conversion") ?? {})
  if (old !== undefined) {
    const before = objectAt(old, "spec") ?? {}
    const conditions = listAt(old, "status", "conditions")
    if (conditions.some((each) => textAt(each, "type") === "Established" && textAt(each, "status") === "True")) {
      immutable(out, "spec.scope", spec["scope"], before["scope"])
      immutable(out, "spec.names.kind", given["kind"], valueAt(before, "names", "kind"))
    }
    immutable(out, "spec.group", spec["group"], before["group"])
    immutable(out, "spec.names.plural", given["plural"], valueAt(before, "names", "plural"))
  }
  names(out, "status.acceptedNames", objectAt(object, "status", "acceptedNames") ?? {})
  storedVersions(out, object, versions)
  approval(out, object, old)
  if (spec["preserveUnknownFields"] === true && valueAt(old, "spec", "preserveUnknownFields") !== true) {
    const why =
      "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
    invalid(out, "spec.preserveUnknownFields", true, why)
  }
}
