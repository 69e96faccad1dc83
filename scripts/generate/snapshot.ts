/**
 * What the generator knows of a Kubernetes version: the schemas, the paths and the resources an API server serves,
 * condensed to one committed file. `take` reads it from a server, `encode` and `decode` write and read the file.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { FetchJson } from "./server.js"

/** The Kubernetes version whose kinds are committed. */
export const minor = "1.35"

export class GenerateError extends Data.TaggedError("GenerateError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

const GroupVersionKind = Schema.Struct({ group: Schema.String, version: Schema.String, kind: Schema.String })
export type GroupVersionKind = typeof GroupVersionKind.Type

/** An OpenAPI schema, with every keyword Kubernetes uses; another one fails the decoding rather than being dropped. */
export interface OpenApiSchema {
  readonly description?: string
  readonly type?: "array" | "boolean" | "integer" | "number" | "object" | "string"
  readonly format?: string
  readonly enum?: ReadonlyArray<string>
  readonly default?: unknown
  readonly required?: ReadonlyArray<string>
  readonly properties?: { readonly [name: string]: OpenApiSchema }
  readonly additionalProperties?: OpenApiSchema
  readonly items?: OpenApiSchema
  readonly allOf?: ReadonlyArray<OpenApiSchema>
  readonly oneOf?: ReadonlyArray<OpenApiSchema>
  readonly $ref?: string
  readonly "x-kubernetes-group-version-kind"?: ReadonlyArray<GroupVersionKind>
  readonly "x-kubernetes-list-map-keys"?: ReadonlyArray<string>
  readonly "x-kubernetes-list-type"?: "atomic" | "map" | "set"
  readonly "x-kubernetes-map-type"?: "atomic" | "granular"
  readonly "x-kubernetes-patch-merge-key"?: string
  readonly "x-kubernetes-patch-strategy"?: string
  readonly "x-kubernetes-unions"?: unknown
}

const maybe = { exact: true } as const

const OpenApiSchema: Schema.Schema<OpenApiSchema> = Schema.Struct({
  description: Schema.optionalWith(Schema.String, maybe),
  type: Schema.optionalWith(Schema.Literal("array", "boolean", "integer", "number", "object", "string"), maybe),
  format: Schema.optionalWith(Schema.String, maybe),
  enum: Schema.optionalWith(Schema.Array(Schema.String), maybe),
  default: Schema.optionalWith(Schema.Unknown, maybe),
  required: Schema.optionalWith(Schema.Array(Schema.String), maybe),
  properties: Schema.optionalWith(
    Schema.Record({ key: Schema.String, value: Schema.suspend(() => OpenApiSchema) }),
    maybe
  ),
  additionalProperties: Schema.optionalWith(
    Schema.suspend(() => OpenApiSchema),
    maybe
  ),
  items: Schema.optionalWith(
    Schema.suspend(() => OpenApiSchema),
    maybe
  ),
  allOf: Schema.optionalWith(Schema.Array(Schema.suspend(() => OpenApiSchema)), maybe),
  oneOf: Schema.optionalWith(Schema.Array(Schema.suspend(() => OpenApiSchema)), maybe),
  $ref: Schema.optionalWith(Schema.String, maybe),
  "x-kubernetes-group-version-kind": Schema.optionalWith(Schema.Array(GroupVersionKind), maybe),
  "x-kubernetes-list-map-keys": Schema.optionalWith(Schema.Array(Schema.String), maybe),
  "x-kubernetes-list-type": Schema.optionalWith(Schema.Literal("atomic", "map", "set"), maybe),
  "x-kubernetes-map-type": Schema.optionalWith(Schema.Literal("atomic", "granular"), maybe),
  "x-kubernetes-patch-merge-key": Schema.optionalWith(Schema.String, maybe),
  "x-kubernetes-patch-strategy": Schema.optionalWith(Schema.String, maybe),
  "x-kubernetes-unions": Schema.optionalWith(Schema.Unknown, maybe)
})

const Resource = Schema.Struct({
  group: Schema.String,
  version: Schema.String,
  kind: Schema.String,
  plural: Schema.String,
  singular: Schema.String,
  shortNames: Schema.Array(Schema.String),
  categories: Schema.Array(Schema.String),
  scope: Schema.Literal("Cluster", "Namespaced"),
  verbs: Schema.Array(Schema.String),
  subresources: Schema.Array(
    Schema.Struct({ name: Schema.String, responseKind: GroupVersionKind, verbs: Schema.Array(Schema.String) })
  )
})
export type Resource = typeof Resource.Type

/** What a method of a path takes. */
const Operation = Schema.Struct({
  action: Schema.optionalWith(Schema.String, maybe),
  gvk: Schema.optionalWith(GroupVersionKind, maybe),
  query: Schema.Array(Schema.String),
  consumes: Schema.Array(Schema.String)
})

/** A column of a table, with the priority that wide ones have. */
const Column = Schema.Struct({
  name: Schema.String,
  type: Schema.String,
  format: Schema.String,
  description: Schema.String,
  priority: Schema.Number
})
type Column = typeof Column.Type

const Snapshot = Schema.Struct({
  /** The version of the server, without the `v`. */
  kubernetes: Schema.String,
  /** The versions of each group, the preferred one first. */
  groups: Schema.Record({ key: Schema.String, value: Schema.Array(Schema.String) }),
  resources: Schema.Array(Resource),
  schemas: Schema.Record({ key: Schema.String, value: OpenApiSchema }),
  /** The columns of the tables of what can be listed, and of a scale, by `apiVersion/Kind`. */
  columns: Schema.Record({ key: Schema.String, value: Schema.Array(Column) }),
  paths: Schema.Record({ key: Schema.String, value: Schema.Record({ key: Schema.String, value: Operation }) })
})
export type Snapshot = typeof Snapshot.Type

/** Upstream's prose, by schema name: of the type and of its properties. It is not committed. */
export interface Descriptions {
  readonly [schema: string]: {
    readonly type: string | undefined
    readonly properties: { readonly [property: string]: string | undefined }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The server's documents
// ---------------------------------------------------------------------------------------------------------------------

const Version = Schema.Struct({ major: Schema.String, minor: Schema.String, gitVersion: Schema.String })

const Index = Schema.Struct({
  paths: Schema.Record({ key: Schema.String, value: Schema.Struct({ serverRelativeURL: Schema.String }) })
})

const Discovery = Schema.Struct({
  kind: Schema.Literal("APIGroupDiscoveryList"),
  items: Schema.Array(
    Schema.Struct({
      metadata: Schema.Struct({ name: Schema.optionalWith(Schema.String, { default: () => "" }) }),
      versions: Schema.Array(
        Schema.Struct({
          version: Schema.String,
          resources: Schema.optionalWith(
            Schema.Array(
              Schema.Struct({
                resource: Schema.String,
                responseKind: GroupVersionKind,
                scope: Schema.Literal("Cluster", "Namespaced"),
                singularResource: Schema.String,
                verbs: Schema.Array(Schema.String),
                shortNames: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] }),
                categories: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] }),
                subresources: Schema.optionalWith(
                  Schema.Array(
                    Schema.Struct({
                      subresource: Schema.String,
                      responseKind: GroupVersionKind,
                      verbs: Schema.Array(Schema.String)
                    })
                  ),
                  { default: () => [] }
                )
              })
            ),
            { default: () => [] }
          )
        })
      )
    })
  )
})

const Table = Schema.Struct({ columnDefinitions: Schema.Array(Column) })

const Parameter = Schema.Struct({ name: Schema.String, in: Schema.Literal("query", "path", "header", "cookie") })

const DocumentOperation = Schema.Struct({
  parameters: Schema.optionalWith(Schema.Array(Parameter), { default: () => [] }),
  requestBody: Schema.optionalWith(
    Schema.Struct({ content: Schema.Record({ key: Schema.String, value: Schema.Unknown }) }),
    maybe
  ),
  "x-kubernetes-action": Schema.optionalWith(Schema.String, maybe),
  "x-kubernetes-group-version-kind": Schema.optionalWith(GroupVersionKind, maybe)
})

const methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"] as const

const method = Schema.optionalWith(DocumentOperation, maybe)
const PathItem = Schema.Struct({
  parameters: Schema.optionalWith(Schema.Array(Parameter), { default: () => [] }),
  get: method,
  put: method,
  post: method,
  delete: method,
  options: method,
  head: method,
  patch: method,
  trace: method
})

const Document = Schema.Struct({
  paths: Schema.Record({ key: Schema.String, value: PathItem }),
  components: Schema.Struct({
    schemas: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.Unknown }), { default: () => ({}) })
  })
})

// ---------------------------------------------------------------------------------------------------------------------
// take
// ---------------------------------------------------------------------------------------------------------------------

/** The name a `$ref` points at. */
export const refName = (ref: string): string => ref.slice(ref.lastIndexOf("/") + 1)

const withoutDescriptions = (schema: OpenApiSchema): OpenApiSchema => {
  const { description: _, properties, additionalProperties, items, allOf, oneOf, ...rest } = schema
  return {
    ...rest,
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, property]) => [name, withoutDescriptions(property)])
          )
        }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: withoutDescriptions(additionalProperties) }),
    ...(items === undefined ? {} : { items: withoutDescriptions(items) }),
    ...(allOf === undefined ? {} : { allOf: allOf.map(withoutDescriptions) }),
    ...(oneOf === undefined ? {} : { oneOf: oneOf.map(withoutDescriptions) })
  }
}

/** The schemas of a server's own kinds: a custom resource or an aggregated API is not ours to generate. */
const isBuiltIn = (schema: string): boolean =>
  /^io\.k8s\.(api\.|apimachinery\.|apiextensions-apiserver\.|kube-aggregator\.)/.test(schema)

const sameKind = (a: GroupVersionKind) => (b: GroupVersionKind) =>
  a.group === b.group && a.version === b.version && a.kind === b.kind

const uniqueSorted = (names: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(names)].toSorted()

/** Reads the built-in kinds of a server. */
export const take = (
  fetchJson: FetchJson
): Effect.Effect<{ readonly snapshot: Snapshot; readonly descriptions: Descriptions }, GenerateError> =>
  Effect.gen(function* () {
    const get = <A, I>(path: string, schema: Schema.Schema<A, I>, accept = "application/json") =>
      fetchJson(path, accept).pipe(
        Effect.flatMap(Schema.decodeUnknown(schema)),
        Effect.mapError((cause) => new GenerateError({ message: `GET ${path} did not answer as expected`, cause }))
      )

    const version = yield* get("/version", Version)
    const kubernetes = version.gitVersion.replace(/^v/, "").replace(/[-+].*$/, "")
    if (!kubernetes.startsWith(`${minor}.`)) {
      return yield* new GenerateError({ message: `the server is Kubernetes ${kubernetes}, this generates ${minor}` })
    }

    const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    const discovery = yield* Effect.map(
      Effect.all([get("/api", Discovery, aggregated), get("/apis", Discovery, aggregated)]),
      ([core, named]) => [...core.items, ...named.items]
    )

    const index = yield* get("/openapi/v3", Index)
    const documents = yield* Effect.forEach(
      Object.entries(index.paths).filter(([path]) => path === "version" || /^(api|apis\/[^/]+)\/v[^/]+$/.test(path)),
      ([path, { serverRelativeURL }]) =>
        Effect.map(get(serverRelativeURL, Document), (document) => ({ ...document, path })),
      { concurrency: 8 }
    )

    const full: Record<string, OpenApiSchema> = {}
    for (const document of documents) {
      for (const [name, schema] of Object.entries(document.components.schemas)) {
        if (!isBuiltIn(name)) continue
        const decoded = yield* Effect.mapError(
          Schema.decodeUnknown(OpenApiSchema)(schema, { onExcessProperty: "error" }),
          (cause) =>
            new GenerateError({ message: `the schema ${name} uses a keyword the generator does not know`, cause })
        )
        const known = full[name]
        if (known !== undefined && canonical(withoutDescriptions(known)) !== canonical(withoutDescriptions(decoded))) {
          return yield* new GenerateError({ message: `two documents of the server disagree on the schema ${name}` })
        }
        full[name] ??= decoded
      }
    }

    const kinds = Object.values(full).flatMap((schema) => schema["x-kubernetes-group-version-kind"] ?? [])
    const groups: Record<string, ReadonlyArray<string>> = {}
    const resources: Array<Resource> = []
    for (const group of discovery) {
      for (const { version, resources: served } of group.versions) {
        const own = (kind: GroupVersionKind): GroupVersionKind => ({
          group: kind.version === "" ? group.metadata.name : kind.group,
          version: kind.version === "" ? version : kind.version,
          kind: kind.kind
        })
        for (const resource of served) {
          const gvk = own(resource.responseKind)
          if (!kinds.some(sameKind(gvk))) continue
          resources.push({
            ...gvk,
            plural: resource.resource,
            singular: resource.singularResource,
            shortNames: resource.shortNames,
            categories: resource.categories,
            scope: resource.scope,
            verbs: uniqueSorted(resource.verbs),
            subresources: resource.subresources
              .map((sub) => ({
                name: sub.subresource,
                responseKind: own(sub.responseKind),
                verbs: uniqueSorted(sub.verbs)
              }))
              .toSorted((a, b) => (a.name < b.name ? -1 : 1))
          })
          const versions = (groups[group.metadata.name] ??= [])
          if (!versions.includes(version)) groups[group.metadata.name] = [...versions, version]
        }
      }
    }
    const columns: Record<string, ReadonlyArray<Column>> = {}
    for (const { group, kind, plural, version } of resources.filter(({ verbs }) => verbs.includes("list"))) {
      const apiVersion = group === "" ? version : `${group}/${version}`
      const path = `/${group === "" ? "api" : "apis"}/${apiVersion}/${plural}?limit=1`
      const table = yield* get(path, Table, "application/json;as=Table;v=v1;g=meta.k8s.io")
      columns[`${apiVersion}/${kind}`] = table.columnDefinitions
    }
    // No list shows scales; their columns are described by the fields that they show.
    const describe = (schema: string, property: string): string =>
      full[`io.k8s.${schema}`]?.properties?.[property]?.description ?? ""
    const meta = "apimachinery.pkg.apis.meta.v1.ObjectMeta"
    const scaleColumns = [
      ["Name", "string", describe(meta, "name")],
      ["Desired", "integer", describe("api.autoscaling.v1.ScaleSpec", "replicas")],
      ["Available", "integer", describe("api.autoscaling.v1.ScaleStatus", "replicas")],
      ["Age", "string", describe(meta, "creationTimestamp")]
    ] as const
    columns["autoscaling/v1/Scale"] = scaleColumns.map(([name, type, description]) => ({
      name,
      type,
      format: "",
      description,
      priority: 0
    }))
    const paths: Record<string, Snapshot["paths"][string]> = {}
    for (const document of documents) {
      // A custom resource's document has built-in types, too, but its group serves nothing that is built in.
      const [, group] = document.path.split("/")
      if (document.path.startsWith("apis/") && (group === undefined || groups[group] === undefined)) continue
      for (const [path, item] of Object.entries(document.paths)) {
        paths[path] = Object.fromEntries(
          methods.flatMap((method) => {
            const operation = item[method]
            if (operation === undefined) return []
            const action = operation["x-kubernetes-action"]
            const gvk = operation["x-kubernetes-group-version-kind"]
            return [
              [
                method,
                {
                  ...(action === undefined ? {} : { action }),
                  ...(gvk === undefined ? {} : { gvk }),
                  query: uniqueSorted(
                    [...item.parameters, ...operation.parameters].flatMap((_) => (_.in === "query" ? [_.name] : []))
                  ),
                  consumes: uniqueSorted(Object.keys(operation.requestBody?.content ?? {}))
                }
              ]
            ]
          })
        )
      }
    }

    return {
      snapshot: {
        kubernetes,
        groups,
        resources: resources.toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1)),
        schemas: Object.fromEntries(Object.entries(full).map(([name, schema]) => [name, withoutDescriptions(schema)])),
        columns,
        paths
      },
      descriptions: Object.fromEntries(
        Object.entries(full).map(([name, schema]) => [
          name,
          {
            type: schema.description,
            properties: Object.fromEntries(
              Object.entries(schema.properties ?? {}).map(([property, { description }]) => [property, description])
            )
          }
        ])
      )
    }
  })

const sortKey = (resource: Resource): string => `${resource.group}/${resource.version}/${resource.plural}`

// ---------------------------------------------------------------------------------------------------------------------
// The committed file
// ---------------------------------------------------------------------------------------------------------------------

/** JSON whose keys are sorted, so that equal values are equal texts. */
const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`)
      .join(",")}}`
  }
  return JSON.stringify(value)
}

/** JSON with one resource, one schema and one path to a line. */
export const encode = (snapshot: Snapshot): string => {
  const lines = (entries: Record<string, unknown>) =>
    Object.entries(entries)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => `${JSON.stringify(key)}:${canonical(value)}`)
      .join(",\n")
  return [
    `{"kubernetes":${JSON.stringify(snapshot.kubernetes)},`,
    `"groups":{\n${lines(snapshot.groups)}\n},`,
    `"resources":[\n${snapshot.resources.map(canonical).join(",\n")}\n],`,
    `"schemas":{\n${lines(snapshot.schemas)}\n},`,
    `"columns":{\n${lines(snapshot.columns)}\n},`,
    `"paths":{\n${lines(snapshot.paths)}\n}}\n`
  ].join("\n")
}

export const decode = (text: string): Effect.Effect<Snapshot, GenerateError> =>
  Schema.decode(Schema.parseJson(Snapshot))(text, { onExcessProperty: "error" }).pipe(
    Effect.mapError((cause) => new GenerateError({ message: "the committed snapshot does not parse", cause }))
  )
