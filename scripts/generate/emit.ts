/** From a snapshot to the text of the files of `src/resources`: a pure function. */
import type { Descriptions, OpenApiSchema, Resource, Snapshot } from "./snapshot.js"
import { refName } from "./snapshot.js"

/** A schema by its place in the emitted files. */
interface Type {
  readonly schemaName: string
  readonly name: string
  /** The file it is emitted to, which is also the name other files import that file by. */
  readonly module: string
  readonly schema: OpenApiSchema
  /** Another name of something simpler, for a schema without properties. */
  readonly alias: Alias | undefined
  /** What `apiVersion` and `kind` are, for what has them fixed. */
  readonly typeMeta: { readonly apiVersion: string; readonly kind: string } | undefined
}

interface Alias {
  readonly type: string
  readonly schema: string
}

/** A group version that has a file. */
interface Module {
  readonly name: string
  readonly apiVersion: string
  /** How the API reference's anchors end. */
  readonly anchor: string
}

const anyObject: Alias = { type: "{ readonly [key: string]: unknown }", schema: "g.anyObject" }
const text: Alias = { type: "string", schema: "g.string" }

/** What OpenAPI leaves empty or cannot say. */
const overrides: { readonly [schemaName: string]: Alias } = {
  "io.k8s.apimachinery.pkg.api.resource.Quantity": { type: "string | number", schema: "g.quantity" },
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": { type: "number | string", schema: "g.intOrString" },
  "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": { type: "unknown", schema: "g.unknown" },
  "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray": {
    type: "JSONSchemaProps | ReadonlyArray<JSONSchemaProps>",
    schema:
      'Schema.Union(g.suspend(() => schema("JSONSchemaProps")), g.list(g.suspend(() => schema("JSONSchemaProps"))))'
  },
  "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool": {
    type: "JSONSchemaProps | boolean",
    schema: 'Schema.Union(g.suspend(() => schema("JSONSchemaProps")), g.boolean)'
  },
  "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": {
    type: "JSONSchemaProps | ReadonlyArray<string>",
    schema: 'Schema.Union(g.suspend(() => schema("JSONSchemaProps")), g.list(g.string))'
  }
}

const objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
const listMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"

/** The body of a patch, which is not always an object, and a line of a watch: the library has better types for both. */
const left: ReadonlyArray<string> = [
  "io.k8s.apimachinery.pkg.apis.meta.v1.Patch",
  "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent"
]

const meta: Module = { name: "MetaV1", apiVersion: "meta/v1", anchor: "v1-meta" }

/** The rest of an example of a kind that can only be created: what is created, and what of the answer is of use. */
const creations: { readonly [kind: string]: readonly [body: string, of: string] } = {
  Binding: [
    `{
  metadata: { name: "web", namespace: "default" },
  target: { kind: "Node", name: "node-1" }
}`,
    "kind"
  ],
  SelfSubjectReview: ["{}", "status"],
  TokenReview: [`{ spec: { token: "a bearer token" } }`, "status"],
  LocalSubjectAccessReview: [
    `{
  metadata: { namespace: "default" },
  spec: { user: "jane", resourceAttributes: { namespace: "default", verb: "list", resource: "pods" } }
}`,
    "status"
  ],
  SelfSubjectAccessReview: [`{ spec: { resourceAttributes: { verb: "list", resource: "pods" } } }`, "status"],
  SelfSubjectRulesReview: [`{ spec: { namespace: "default" } }`, "status"],
  SubjectAccessReview: [`{ spec: { user: "jane", resourceAttributes: { verb: "list", resource: "pods" } } }`, "status"]
}

const allVerbs = "create,delete,deletecollection,get,list,patch,update,watch"

const capabilities: { readonly [verb: string]: string } = {
  get: "CanGet",
  list: "CanList",
  watch: "CanWatch",
  create: "CanCreate",
  update: "CanReplace",
  patch: "CanPatch",
  delete: "CanDelete",
  deletecollection: "CanDeleteCollection"
}

/** The interface a subresource adds, of the kind and its scope; the connecting ones have none here. */
const subresourceInterfaces: { readonly [subresource: string]: (kind: string, scope: string) => string } = {
  status: (kind, scope) => `Resource.WithStatus<${kind}, ${scope}>`,
  scale: (_, scope) => `Resource.WithScale<${scope}>`,
  log: () => "Resource.WithLogs",
  exec: () => "Resource.WithExec",
  attach: () => "Resource.WithAttach",
  portforward: () => "Resource.WithPortForward",
  // Only a service's ports have names that the API server looks up.
  proxy: (kind, scope) => `Resource.WithProxy<${scope}${kind === "Service" ? ", number | string" : ""}>`,
  eviction: () => "Resource.WithEviction",
  binding: () => "Resource.WithBinding",
  token: () => "Resource.WithToken",
  approval: (kind, scope) => `Resource.WithApproval<${kind}, ${scope}>`,
  finalize: (kind, scope) => `Resource.WithFinalize<${kind}, ${scope}>`,
  ephemeralcontainers: (kind, scope) => `Resource.WithEphemeralContainers<${kind}, ${scope}>`,
  resize: (kind, scope) => `Resource.WithResize<${kind}, ${scope}>`
}

/** What kinds can be waited for beyond what all can; `internal/conditions.ts` holds the conditions. */
const conditions: { readonly [kind: string]: ReadonlyArray<string> } = {
  "v1/Pod": ["completed", "ready"],
  "v1/Node": ["ready"],
  "v1/PersistentVolumeClaim": ["bound"],
  "apps/v1/Deployment": ["available", "rolledOut"],
  "apps/v1/StatefulSet": ["rolledOut"],
  "apps/v1/DaemonSet": ["rolledOut"],
  "batch/v1/Job": ["complete"],
  "apiextensions.k8s.io/v1/CustomResourceDefinition": ["established"]
}

const prefixOf = (schemaName: string): string => schemaName.slice(0, schemaName.lastIndexOf("."))
const shortName = (schemaName: string): string => schemaName.slice(schemaName.lastIndexOf(".") + 1)
const pascal = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)
const quoted = (value: unknown): string => JSON.stringify(value)
const apiVersionOf = (group: string, version: string): string => (group === "" ? version : `${group}/${version}`)
const key = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : quoted(name))
const byName = (a: { readonly name: string }, b: { readonly name: string }): number => (a.name < b.name ? -1 : 1)

const moduleOf = (group: string, version: string): Module => ({
  name: `${pascal(group === "" ? "core" : group.replace(/\..*$/, ""))}${pascal(version)}`,
  apiVersion: apiVersionOf(group, version),
  anchor: `${version}-${group === "" ? "core" : group.replaceAll(".", "-")}`
})

/** The schema a property refers to, directly or with keywords of its own beside the reference. */
const refOf = (schema: OpenApiSchema): string | undefined => {
  const ref = schema.$ref ?? schema.allOf?.[0]?.$ref
  return ref === undefined ? undefined : refName(ref)
}

/** Every schema another one refers to, through lists and maps. */
const refsOf = (schema: OpenApiSchema): ReadonlyArray<string> => {
  const ref = refOf(schema)
  return [
    ...(ref === undefined ? [] : [ref]),
    ...(schema.items === undefined ? [] : refsOf(schema.items)),
    ...(schema.additionalProperties === undefined ? [] : refsOf(schema.additionalProperties)),
    ...Object.values(schema.properties ?? {}).flatMap(refsOf)
  ]
}

const properties = (schema: OpenApiSchema): ReadonlyArray<readonly [name: string, schema: OpenApiSchema]> =>
  Object.entries(schema.properties ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1))

/** What OpenAPI requires and the server sends as null all the same: here, the time of an event made through `v1`. */
const notSent = "events.k8s.io Event eventTime"

const isRequired = (schema: OpenApiSchema, property: string): boolean =>
  schema.required?.includes(property) === true &&
  !schema["x-kubernetes-group-version-kind"]?.some(({ group, kind }) => `${group} ${kind} ${property}` === notSent)

const isList = (schema: OpenApiSchema): boolean =>
  schema["x-kubernetes-group-version-kind"] !== undefined &&
  schema.properties?.["items"] !== undefined &&
  refsOf(schema).includes(listMeta)

// ---------------------------------------------------------------------------------------------------------------------
// Docstrings
// ---------------------------------------------------------------------------------------------------------------------

const docstring = (indent: string, ...paragraphs: ReadonlyArray<string | undefined>): string => {
  const lines = paragraphs
    .flatMap((paragraph) => (paragraph === undefined ? [] : [paragraph]))
    .join("\n\n")
    .replaceAll("*/", "*\\/")
    .split("\n")
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}`.trimEnd()).join("\n")}\n${indent} */\n`
}

/** Upstream's prose as Markdown of a docstring: a line that starts with an at sign is no tag. */
const prose = (description: string | undefined): string | undefined =>
  description === undefined || description.trim() === ""
    ? undefined
    : description
        .trim()
        .split("\n")
        .map((line) => line.trimEnd().replace(/^(\s*)@/, "$1\\@"))
        .join("\n")

// ---------------------------------------------------------------------------------------------------------------------
// emit
// ---------------------------------------------------------------------------------------------------------------------

/** The files of `src/resources`, by name. With descriptions, the interfaces carry upstream's prose. */
export const emit = (snapshot: Snapshot, descriptions: Descriptions = {}): ReadonlyMap<string, string> => {
  const reference = (module: Module, name: string): string => {
    const minor = snapshot.kubernetes.split(".").slice(0, 2).join(".")
    const anchor = `${name.toLowerCase()}-${module.anchor}`
    return `See the [Kubernetes API reference](https://kubernetes.io/docs/reference/generated/kubernetes-api/v${minor}/#${anchor}).`
  }
  const header = `// Generated by \`npm run generate\` from Kubernetes ${snapshot.kubernetes}. Do not edit.\n`

  // A package of Go types is a module; which one, the kinds among them say.
  const modules = new Map<string, Module>([["MetaV1", meta]])
  const modulesByPrefix = new Map<string, Module>()
  for (const [schemaName, schema] of Object.entries(snapshot.schemas)) {
    const prefix = prefixOf(schemaName)
    const gvks = schema["x-kubernetes-group-version-kind"] ?? []
    const [gvk] = gvks
    if (prefix.startsWith("io.k8s.apimachinery.")) {
      modulesByPrefix.set(prefix, meta)
    } else if (gvk !== undefined && gvks.length === 1) {
      const module = moduleOf(gvk.group, gvk.version)
      const other = modules.get(module.name)
      if (other !== undefined && other.apiVersion !== module.apiVersion) {
        throw new Error(`${other.apiVersion} and ${module.apiVersion} are both ${module.name}`)
      }
      modules.set(module.name, module)
      modulesByPrefix.set(prefix, module)
    }
  }

  const types = new Map<string, Type>()
  for (const [schemaName, schema] of Object.entries(snapshot.schemas)) {
    if (isList(schema) || left.includes(schemaName)) continue
    const module = modulesByPrefix.get(prefixOf(schemaName))
    if (module === undefined) throw new Error(`no group version for ${schemaName}`)
    const gvks = schema["x-kubernetes-group-version-kind"] ?? []
    const [gvk] = gvks
    types.set(schemaName, {
      schemaName,
      name: shortName(schemaName),
      module: module.name,
      schema,
      alias: overrides[schemaName] ?? (schema.properties === undefined ? aliasOf(schemaName, schema) : undefined),
      typeMeta:
        gvk === undefined || gvks.length > 1
          ? undefined
          : { apiVersion: apiVersionOf(gvk.group, gvk.version), kind: gvk.kind }
    })
  }

  const typeOf = (schemaName: string): Type => {
    const type = types.get(schemaName)
    if (type === undefined) throw new Error(`${schemaName} is referred to, but not emitted`)
    return type
  }

  const typeOfKind = (gvk: { readonly group: string; readonly version: string; readonly kind: string }): Type => {
    const apiVersion = apiVersionOf(gvk.group, gvk.version)
    for (const type of types.values()) {
      if (type.typeMeta?.apiVersion === apiVersion && type.typeMeta.kind === gvk.kind) return type
    }
    throw new Error(`no schema for the kind ${gvk.kind} of ${apiVersion}`)
  }

  // Kinds: what discovery lists, and what only subresources take, with the metadata of what is returned.
  const resources = new Map<Type, Resource>()
  const storedMetadata = new Map<Type, string>()
  const persisted = (verbs: ReadonlyArray<string>): boolean =>
    verbs.includes("get") && (verbs.includes("create") || verbs.includes("update"))
  const metadataOf = (verbs: ReadonlyArray<string>, scope: Resource["scope"]): string =>
    !persisted(verbs) ? "ObjectMeta" : scope === "Namespaced" ? "NamespacedObjectMeta" : "StoredObjectMeta"
  for (const resource of snapshot.resources) {
    const type = typeOfKind(resource)
    resources.set(type, resource)
    storedMetadata.set(type, metadataOf(resource.verbs, resource.scope))
  }
  for (const resource of snapshot.resources) {
    for (const { responseKind, verbs } of resource.subresources) {
      // `PodExecOptions` and its like are no bodies but query parameters, and have no schema.
      if (responseKind.kind.endsWith("Options")) continue
      const type = typeOfKind(responseKind)
      if (!storedMetadata.has(type)) storedMetadata.set(type, metadataOf(verbs, resource.scope))
    }
  }

  /** A Go struct that is not a pointer: the server always sends it, a client may leave it out. */
  const isAlways = (schema: OpenApiSchema, property: string, value: OpenApiSchema): boolean => {
    const ref = refOf(value)
    return (
      !isRequired(schema, property) &&
      JSON.stringify(value.default) === "{}" &&
      ref !== undefined &&
      snapshot.schemas[ref]?.properties !== undefined
    )
  }

  // What is more certain when stored than when written.
  const stored = new Set<string>()
  for (const type of types.values()) {
    if (
      type.alias === undefined &&
      (storedMetadata.has(type) || properties(type.schema).some(([name, value]) => isAlways(type.schema, name, value)))
    ) {
      stored.add(type.schemaName)
    }
  }
  /** Whether what is inside another type is more certain; a kind there is a template, which is stored as written. */
  const storedInside = (schemaName: string): boolean =>
    stored.has(schemaName) && !storedMetadata.has(typeOf(schemaName))
  let before = -1
  while (before !== stored.size) {
    before = stored.size
    for (const type of types.values()) {
      if (type.alias === undefined && refsOf(type.schema).some(storedInside)) stored.add(type.schemaName)
    }
  }

  // References that close a cycle: the back edges of a depth-first walk, without which no walk ever returns.
  const closing = new Set<string>()
  const walked = new Map<string, "open" | "done">()
  const walk = (schemaName: string): void => {
    walked.set(schemaName, "open")
    for (const ref of refsOf(typeOf(schemaName).schema)) {
      const state = walked.get(ref)
      if (state === "open") closing.add(`${schemaName} ${ref}`)
      else if (state === undefined) walk(ref)
    }
    walked.set(schemaName, "done")
  }
  for (const schemaName of [...types.keys()].toSorted()) if (!walked.has(schemaName)) walk(schemaName)

  const qualified = (from: Type, to: Type, prefix = ""): string =>
    `${from.module === to.module ? "" : `${to.module}.`}${prefix}${to.name}`

  /** The TypeScript type of a property of `from`. */
  const typeText = (from: Type, schema: OpenApiSchema, variant: "written" | "stored"): string => {
    const ref = refOf(schema)
    if (ref !== undefined) {
      return qualified(from, typeOf(ref), variant === "stored" && storedInside(ref) ? "Stored" : "")
    }
    switch (schema.type) {
      case "array":
        return `ReadonlyArray<${typeText(from, schema.items ?? {}, variant)}>`
      case "boolean":
        return "boolean"
      case "integer":
      case "number":
        return "number"
      case "object":
        return schema.additionalProperties === undefined
          ? anyObject.type
          : `{ readonly [key: string]: ${typeText(from, schema.additionalProperties, variant)} }`
      case "string":
        return schema.enum === undefined ? "string" : `Resource.Open<${schema.enum.map(quoted).join(" | ")}>`
      default:
        throw new Error(`a property of ${from.schemaName} has no type`)
    }
  }

  const optionsText = (options: { readonly [option: string]: string | ReadonlyArray<string> | undefined }): string => {
    const present = Object.entries(options).flatMap(([option, value]) =>
      value === undefined
        ? []
        : [`${option}: ${typeof value === "string" ? quoted(value) : `[${value.map(quoted).join(", ")}]`}`]
    )
    return present.length === 0 ? "" : `, { ${present.join(", ")} }`
  }

  const mergeText = (options: { readonly [option: string]: string | undefined }): string =>
    `merge(${optionsText(options).slice(2)})`

  /** The schema of a property of `from`, but for whether it may be missing. */
  const schemaText = (from: Type, schema: OpenApiSchema): string => {
    const strategy = schema["x-kubernetes-patch-strategy"]
    const mapType = schema["x-kubernetes-map-type"]
    const ref = refOf(schema)
    if (ref !== undefined) {
      const to = typeOf(ref)
      const at =
        to.alias !== undefined && !to.alias.schema.includes("schema(")
          ? to.alias.schema
          : `${from.module === to.module ? "" : `${to.module}.`}schema(${quoted(to.name)})`
      const plain = closing.has(`${from.schemaName} ${ref}`) ? `g.suspend(() => ${at})` : at
      if (mapType === undefined && strategy === undefined) return plain
      // These annotations replace those of what is referred to, so they repeat what stays true of it.
      const merge = mergeText({ mapType: mapType ?? to.schema["x-kubernetes-map-type"], patchStrategy: strategy })
      return `${plain}.annotations({ identifier: ${quoted(to.name)}, ...${merge} })`
    }
    if (schema.type !== "array" && strategy !== undefined) {
      throw new Error(`a property of ${from.schemaName} has a patch strategy, but is neither a list nor a reference`)
    }
    switch (schema.type) {
      case "array":
        return `g.list(${schemaText(from, schema.items ?? {})}${optionsText({
          type: schema["x-kubernetes-list-type"],
          keys: schema["x-kubernetes-list-map-keys"],
          patchStrategy: strategy,
          patchMergeKey: schema["x-kubernetes-patch-merge-key"]
        })})`
      case "boolean":
        return "g.boolean"
      case "integer":
        return "g.int"
      case "number":
        return "g.number"
      case "object": {
        if (schema.additionalProperties === undefined) return anyObject.schema
        const record = `g.record(${schemaText(from, schema.additionalProperties)})`
        return mapType === undefined ? record : `${record}.annotations(${mergeText({ mapType })})`
      }
      case "string":
        return schema.enum === undefined ? text.schema : `g.open([${schema.enum.map(quoted).join(", ")}])`
      default:
        throw new Error(`a property of ${from.schemaName} has no type`)
    }
  }

  const fixed = (type: Type, property: string): string | undefined =>
    property === "apiVersion" || property === "kind" ? type.typeMeta?.[property] : undefined

  const propertyText = (type: Type, name: string, value: OpenApiSchema): string => {
    const literal = fixed(type, name)
    const optional = !isRequired(type.schema, name)
    const of = literal === undefined ? typeText(type, value, "written") : quoted(literal)
    const description = prose(descriptions[type.schemaName]?.properties[name])
    return `${description === undefined ? "" : docstring("  ", description)}  readonly ${key(name)}${optional ? "?" : ""}: ${of}${optional ? " | undefined" : ""}\n`
  }

  /** The properties of the stored variant that say more than the written ones. */
  const narrowed = (type: Type): ReadonlyArray<string> =>
    properties(type.schema).flatMap(([name, value]) => {
      const literal = fixed(type, name)
      const kindMetadata = name === "metadata" ? storedMetadata.get(type) : undefined
      if (literal !== undefined && storedMetadata.has(type)) return [`  readonly ${name}: ${quoted(literal)}\n`]
      if (kindMetadata !== undefined) {
        return [`  readonly metadata: ${type.module === meta.name ? "" : `${meta.name}.`}${kindMetadata}\n`]
      }
      const always = isAlways(type.schema, name, value)
      if (!always && !refsOf(value).some(storedInside)) return []
      const optional = !always && !isRequired(type.schema, name)
      const of = typeText(type, value, "stored")
      return [`  readonly ${key(name)}${optional ? "?" : ""}: ${of}${optional ? " | undefined" : ""}\n`]
    })

  const models = "@since 0.1.0\n@category models"

  const interfaceText = (type: Type, module: Module): string => {
    const isKind = storedMetadata.has(type)
    const of = `\`${type.name}\` of \`${module.apiVersion}\``
    const described = prose(descriptions[type.schemaName]?.type)
    const summary = isKind ? `A ${of}, as it is written.` : `${of}.`
    const link = isKind ? reference(module, type.name) : undefined
    const doc = docstring("", summary, described, link, models)
    if (type.alias !== undefined) {
      return `${doc}export type ${type.name} = ${type.alias.type}\n`
    }
    const body = properties(type.schema)
      .map(([name, value]) => propertyText(type, name, value))
      .join("")
    if (!stored.has(type.schemaName)) return `${doc}export interface ${type.name} {\n${body}}\n`
    const storedSummary = isKind ? `A ${of}, as the API server returns it.` : `${of}, as the API server returns it.`
    const storedDoc = docstring("", storedSummary, link, models)
    return [
      `${doc}export interface ${type.name} extends Resource.Writable<Stored${type.name}> {\n${body}}\n`,
      `${storedDoc}export interface Stored${type.name} extends ${type.name} {\n${narrowed(type).join("")}}\n`
    ].join("\n")
  }

  const preferred = (resource: Resource): boolean => snapshot.groups[resource.group]?.[0] === resource.version

  /** The kinds `index.ts` exports by their own name: the first of the preferred versions, the core group first. */
  const flat = new Map<string, Type>()
  for (const resource of [...snapshot.resources].toSorted((a, b) => Number(preferred(b)) - Number(preferred(a)))) {
    if (!flat.has(resource.kind)) flat.set(resource.kind, typeOfKind(resource))
  }
  for (const type of [...storedMetadata.keys()].toSorted(byName)) {
    if (!flat.has(type.name)) flat.set(type.name, type)
  }

  const exampleText = (type: Type, resource: Resource): string => {
    const isFlat = flat.get(resource.kind) === type
    const imported = isFlat ? resource.kind : type.module
    const named = isFlat ? resource.kind : `${type.module}.${resource.kind}`
    const imports = `import { Effect } from "effect"\nimport { ${imported} } from "effect-kubernetes"\n`
    if (resource.verbs.includes("list")) {
      const of = resource.scope === "Namespaced" ? "{ allNamespaces: true }" : ""
      return `${imports}\nconst program = Effect.map(${named}.list(${of}), (page) => page.items.length)`
    }
    const creation = creations[resource.kind]
    if (creation === undefined) throw new Error(`write an example for ${resource.kind} in emit.ts`)
    const [body, answer] = creation
    return `${imports}\nconst program = Effect.map(${named}.create(${body}), (created) => created.${answer})`
  }

  const resourceText = (type: Type, resource: Resource, module: Module): string => {
    const { kind } = resource
    const scope = quoted(resource.scope)
    const has = (verb: string): boolean => resource.verbs.includes(verb)
    // OpenAPI says that a Binding is answered by a Binding; the server answers with a Status.
    const createsStatus = kind === "Binding"
    const base =
      resource.verbs.join(",") === allVerbs
        ? [`Resource.${resource.scope}<${kind}>`]
        : [
            `Resource.Descriptor<${kind}, ${kind}, ${scope}>`,
            ...Object.entries(capabilities).flatMap(([verb, can]) =>
              has(verb) ? [`Resource.${can}${createsStatus ? "Status" : ""}<${kind}, ${scope}>`] : []
            ),
            ...(has("get") && has("update") ? [`Resource.CanModify<${kind}, ${scope}>`] : [])
          ]
    const withs = resource.subresources.flatMap(({ name }) => {
      const of = subresourceInterfaces[name]
      return of === undefined ? [] : [of(kind, scope)]
    })
    const named = conditions[`${module.apiVersion}/${kind}`]
    if (named !== undefined) withs.push(`Resource.WithConditions<${kind}, ${named.map(quoted).join(" | ")}>`)
    const bases = [...base, ...withs]
    const extended = bases.length > 2 ? `\n  extends ${bases.join(",\n    ")} {}` : ` extends ${bases.join(", ")} {}`
    const list = (items: ReadonlyArray<string>): string => `[${items.map(quoted).join(", ")}]`
    const subresources = resource.subresources.map(({ name, verbs }) => `${key(name)}: ${list(verbs)}`)
    // What is sent to and read from these subresources is an object of its own kind.
    const answers = resource.subresources.flatMap(({ name, responseKind }) => {
      if (name !== "scale" && name !== "token") return []
      const type = typeOfKind(responseKind)
      return [`${key(name)}: () => ${type.module}.schema(${quoted(type.name)})`]
    })
    const summary = `\`${kind}\` of \`${module.apiVersion}\``
    return [
      docstring("", `What can be done with a ${summary}.`, "@since 0.1.0\n@category models"),
      `export interface ${kind}Resource${extended}\n\n`,
      docstring(
        "",
        `The ${summary}: ${resource.scope === "Namespaced" ? "namespaced" : "cluster-scoped"}, served as \`${resource.plural}\`.`,
        reference(module, kind),
        `@example\n\`\`\`ts\n${exampleText(type, resource)}\n\`\`\``,
        "@since 0.1.0\n@category resources"
      ),
      `export const ${kind}: ${kind}Resource = /*#__PURE__*/ g.resource<${kind}Resource>({\n`,
      `  group: ${quoted(resource.group)},\n`,
      `  version: ${quoted(resource.version)},\n`,
      `  kind: ${quoted(kind)},\n`,
      `  plural: ${quoted(resource.plural)},\n`,
      `  singular: ${quoted(resource.singular)},\n`,
      `  shortNames: ${list(resource.shortNames)},\n`,
      `  categories: ${list(resource.categories)},\n`,
      `  scope: ${scope},\n`,
      `  verbs: ${list(resource.verbs)},\n`,
      ...(createsStatus ? ["  createsStatus: true,\n"] : []),
      `  subresources: ${subresources.length === 0 ? "{}" : `{ ${subresources.join(", ")} }`},\n`,
      `  schema: () => schema(${quoted(kind)})${answers.length === 0 ? "" : `,\n  answers: { ${answers.join(", ")} }`}\n`,
      "})\n"
    ].join("")
  }

  const entryText = (type: Type): string => {
    if (type.alias !== undefined) return `  ${key(type.name)}: () => ${type.alias.schema}`
    const fields = properties(type.schema).map(([name, value]) => {
      const literal = fixed(type, name)
      const of = literal === undefined ? schemaText(type, value) : `g.literal(${quoted(literal)})`
      const presence = isRequired(type.schema, name)
        ? of
        : `g.${isAlways(type.schema, name, value) ? "always" : "optional"}(${of})`
      return `      ${key(name)}: ${presence}`
    })
    const mapType = type.schema["x-kubernetes-map-type"]
    const opening = `  ${key(type.name)}: () =>\n    g.struct(${quoted(type.name)}, {\n${fields.join(",\n")}\n    }`
    return `${opening}${optionsText({ mapType })})`
  }

  const storedMetas = (): string =>
    [
      docstring("", "The metadata of what the API server stores.", models),
      "export interface StoredObjectMeta extends ObjectMeta {\n",
      "  readonly creationTimestamp: string\n  readonly name: string\n  readonly resourceVersion: string\n  readonly uid: string\n}\n\n",
      docstring("", "The metadata of what the API server stores in a namespace.", models),
      "export interface NamespacedObjectMeta extends StoredObjectMeta {\n  readonly namespace: string\n}\n"
    ].join("")

  const moduleText = (module: Module): string => {
    const own = [...types.values()].filter((type) => type.module === module.name).toSorted(byName)
    for (const name of [
      ...own.map(({ name }) => name),
      ...own.flatMap((type) => (resources.has(type) ? [`${type.name}Resource`] : []))
    ]) {
      const taken =
        modules.has(name) ||
        ["Resource", "Schema", "Types", "ReadonlyArray", "StoredObjectMeta", "NamespacedObjectMeta"].includes(name) ||
        (name.startsWith("Stored") && own.some((type) => `Stored${type.name}` === name)) ||
        (name.endsWith("Resource") &&
          own.filter((type) => type.name === name).length +
            own.filter((type) => resources.has(type) && `${type.name}Resource` === name).length >
            1)
      if (taken) throw new Error(`${name} of ${module.apiVersion} has the name of something else in its file`)
    }
    const kinds = own.filter((type) => storedMetadata.has(type))
    const rest = own.filter((type) => !storedMetadata.has(type))
    const [example] = kinds.length === 0 ? own.filter(({ name }) => name === "ObjectMeta") : kinds
    if (example === undefined) throw new Error(`${module.apiVersion} has no types`)
    const body = [
      ...kinds.flatMap((type) => {
        const resource = resources.get(type)
        return [interfaceText(type, module), ...(resource === undefined ? [] : [resourceText(type, resource, module)])]
      }),
      ...rest.flatMap((type) => [
        interfaceText(type, module),
        ...(type.schemaName === objectMeta ? [storedMetas()] : [])
      ]),
      docstring("", `Every type of \`${module.apiVersion}\`, by name: what {@link schema} looks up.`, models) +
        `export interface Types {\n${own.map(({ name }) => `  readonly ${key(name)}: ${name}\n`).join("")}}\n`,
      docstring(
        "",
        `The schema of a type of \`${module.apiVersion}\`, built when it is first asked for.`,
        `@example\n\`\`\`ts\nimport { Schema } from "effect"\nimport { ${module.name} } from "effect-kubernetes"\n\nconst decode = Schema.decodeUnknown(${module.name}.schema(${quoted(example.name)}))\n\`\`\``,
        "@since 0.1.0\n@category schemas"
      ) +
        `export const schema: <N extends keyof Types>(name: N) => Schema.Schema<Types[N]> = /*#__PURE__*/ g.schemas<Types>({\n${own.map(entryText).join(",\n")}\n})\n`
    ].join("\n")

    const uses = (name: string): boolean => new RegExp(`\\b${name}\\.`).test(body)
    const calls = (name: string): boolean => new RegExp(`\\b${name}\\.(schema|Union)\\(`).test(body)
    const imports = [
      `import ${calls("Schema") ? "" : "type "}* as Schema from "effect/Schema"\n`,
      ...(body.includes("merge({ ") ? [`import { merge } from "../internal/annotations.js"\n`] : []),
      `import * as g from "../internal/${body.includes("g.resource<") ? "generated" : "schemas"}.js"\n`,
      ...(uses("Resource") ? [`import type * as Resource from "../Resource.js"\n`] : []),
      ...[...modules.keys()]
        .filter((name) => name !== module.name && uses(name))
        .toSorted()
        .map((name) => `import ${calls(name) ? "" : "type "}* as ${name} from "./${name}.js"\n`)
    ].join("")
    return `${header}${imports}\n${body}`
  }

  const indexText = (): string => {
    const names = [...modules.keys()].toSorted()
    const exported = names.flatMap((name) => {
      const own = [...flat.values()].filter((type) => type.module === name).toSorted(byName)
      const line = (keyword: string, of: ReadonlyArray<Type>): ReadonlyArray<string> =>
        of.length === 0
          ? []
          : [`export ${keyword}{\n${of.map((type) => `  ${type.name}`).join(",\n")}\n} from "./${name}.js"\n`]
      return [
        ...line(
          "",
          own.filter((type) => resources.has(type))
        ),
        ...line(
          "type ",
          own.filter((type) => !resources.has(type))
        )
      ]
    })
    const namespaces = names.map((name) => {
      const { apiVersion } = modules.get(name) ?? meta
      return `${docstring("", `The kinds and types of \`${apiVersion}\`.`, "@since 0.1.0\n@category versions")}export * as ${name} from "./${name}.js"\n`
    })
    const all = snapshot.resources.map((resource) => `${typeOfKind(resource).module}.${resource.kind}`)
    return [
      header,
      `import type * as Resource from "../Resource.js"\n`,
      ...names
        .filter((name) => all.some((of) => of.startsWith(`${name}.`)))
        .map((name) => `import * as ${name} from "./${name}.js"\n`),
      "\n",
      exported.join("\n"),
      "\n",
      namespaces.join("\n"),
      "\n",
      docstring(
        "",
        `Every kind a Kubernetes ${snapshot.kubernetes} serves by default, in each of its versions.`,
        `@example\n\`\`\`ts\nimport { builtIn } from "effect-kubernetes"\n\nconst namespaced = builtIn.filter((resource) => resource.scope === "Namespaced")\n\`\`\``,
        "@since 0.1.0\n@category resources"
      ),
      `export const builtIn: ReadonlyArray<Resource.AnyResource> = [\n${all.map((of) => `  ${of}`).join(",\n")}\n]\n`
    ].join("")
  }

  return new Map([
    ...[...modules.values()].toSorted(byName).map((module) => [`${module.name}.ts`, moduleText(module)] as const),
    ["index.ts", indexText()] as const
  ])
}

/** What stands for a schema without properties. */
const aliasOf = (schemaName: string, schema: OpenApiSchema): Alias => {
  if (schema.type === "object") return anyObject
  if (schema.type === "string") return text
  throw new Error(`write an override for ${schemaName} in emit.ts`)
}
