/** What the cluster says of itself: its kinds, in both forms of discovery, its schemas and its version. */
import { createHash } from "node:crypto"
import * as Either from "effect/Either"
import { objectsAt } from "./crd.js"
import { json, text, type ApiRequest, type ApiResponse } from "./http.js"
import { apiVersionOf, type Kind, type Kinds } from "./kinds.js"
import { discoveryFormOf, written } from "./negotiation.js"
import { builtIn, type GroupVersionKind, type Json, type JsonObject, type OpenApi } from "./openapi.js"
import { toStatus } from "./status.js"

const ofGroupVersion = ({ all }: Kinds, group: string, version: string): ReadonlyArray<Kind> =>
  all.filter((kind) => kind.group === group && kind.version === version)

// ---- legacy

const groupOf = ({ groups }: Kinds, name: string): JsonObject => {
  const versions = (groups.get(name) ?? []).map((version) => ({ groupVersion: `${name}/${version}`, version }))
  return { name, versions, preferredVersion: versions[0] ?? null }
}

/** The group and version of a subresource's kind are said only where they are not the resource's. */
const foreign = (of: GroupVersionKind, { group, version }: Kind): JsonObject =>
  of.group === group && of.version === version ? {} : { group: of.group, version: of.version }

const namesOf = ({ categories, shortNames }: Kind): JsonObject => ({
  ...(shortNames.length === 0 ? {} : { shortNames: [...shortNames] }),
  ...(categories.length === 0 ? {} : { categories: [...categories] })
})

const onTheWayOut = new Set(["delete", "deletecollection", "get", "list", "watch"])

/** The verbs as discovery tells of them: nothing is made of a kind that goes. */
const verbsOf = ({ custom, verbs }: Kind): ReadonlyArray<string> =>
  custom?.terminating === true ? verbs.filter((verb) => onTheWayOut.has(verb)) : verbs

/** By which clients know that two resources are stored alike: what they are stored as. */
const storageVersionHash = ({ custom, group, kind, storage, verbs, version }: Kind): JsonObject => {
  if (!verbs.includes("watch")) return {}
  const stored = objectsAt(custom?.definition, "spec", "versions").find((each) => each["storage"] === true)
  const other = storedElsewhere[`${storage}/${kind}`]
  const text = other ?? `${group}/${String(stored?.["name"] ?? version)}/${kind}`
  return { storageVersionHash: createHash("sha256").update(text).digest().subarray(0, 8).toString("base64") }
}

/** Kinds that are stored in another version than the one that shows them. */
const storedElsewhere: { readonly [kind: string]: string } = {
  "horizontalpodautoscalers.autoscaling/HorizontalPodAutoscaler": "autoscaling/v2/HorizontalPodAutoscaler",
  "events/Event": "/v1/Event",
  "volumeattributesclasses.storage.k8s.io/VolumeAttributesClass": "storage.k8s.io/v1beta1/VolumeAttributesClass",
  "customresourcedefinitions.apiextensions.k8s.io/CustomResourceDefinition":
    "apiextensions.k8s.io/v1beta1/CustomResourceDefinition"
}

const resourceList = (kinds: Kinds, group: string, version: string): JsonObject => ({
  kind: "APIResourceList",
  // That of the core says no more of itself.
  ...(group === "" ? {} : { apiVersion: "v1" }),
  groupVersion: apiVersionOf({ group, version }),
  resources: ofGroupVersion(kinds, group, version).flatMap((kind) => {
    const namespaced = kind.scope === "Namespaced"
    return [
      {
        name: kind.plural,
        singularName: kind.singular,
        namespaced,
        kind: kind.kind,
        verbs: [...verbsOf(kind)],
        ...namesOf(kind),
        ...storageVersionHash(kind)
      },
      ...kind.subresources.map((sub) => ({
        name: `${kind.plural}/${sub.name}`,
        singularName: "",
        namespaced,
        ...foreign(sub.responseKind, kind),
        kind: sub.responseKind.kind,
        verbs: [...sub.verbs]
      }))
    ]
  })
})

// ---- aggregated

/** The kind as the API server shows it: nothing but its name where group and version are the resource's. */
const responseKind = (of: GroupVersionKind, kind: Kind): JsonObject =>
  kind.custom
    ? { group: of.group, version: of.version, kind: of.kind }
    : { group: "", version: "", ...foreign(of, kind), kind: of.kind }

const aggregatedResource = (kind: Kind): JsonObject => ({
  resource: kind.plural,
  responseKind: responseKind(kind, kind),
  scope: kind.scope,
  singularResource: kind.singular,
  verbs: [...verbsOf(kind)],
  ...namesOf(kind),
  ...(kind.subresources.length === 0
    ? {}
    : {
        subresources: kind.subresources.map((sub) => ({
          subresource: sub.name,
          responseKind: responseKind(sub.responseKind, kind),
          verbs: [...sub.verbs]
        }))
      })
})

const aggregated = (kinds: Kinds, names: ReadonlyArray<string>, version: string): JsonObject => ({
  kind: "APIGroupDiscoveryList",
  apiVersion: `apidiscovery.k8s.io/${version}`,
  metadata: {},
  items: names.map((name) => ({
    metadata: name === "" ? {} : { name },
    versions: (kinds.groups.get(name) ?? []).map((each) => ({
      version: each,
      resources: ofGroupVersion(kinds, name, each).map(aggregatedResource),
      freshness: "Current"
    }))
  }))
})

/** What is discovered, as it was asked for; of a root that may be everything at once. */
const discovered = (
  { headers }: ApiRequest,
  legacy: JsonObject,
  everything?: (version: string) => JsonObject
): ApiResponse =>
  Either.match(discoveryFormOf(headers["accept"], everything !== undefined), {
    onLeft: (failure) => json(failure.code, toStatus(failure)),
    onRight: (form) =>
      form.aggregated === undefined || everything === undefined
        ? { ...json(200, legacy, form.media), body: written(form, legacy) }
        : json(
            200,
            everything(form.aggregated),
            `application/json;g=apidiscovery.k8s.io;v=${form.aggregated};as=APIGroupDiscoveryList`
          )
  })

// ---- OpenAPI

const groupVersions = ({ groups }: Kinds): ReadonlyArray<{ readonly group: string; readonly version: string }> =>
  [...groups].flatMap(([group, versions]) => versions.map((version) => ({ group, version })))

const pathOf = ({ group, version }: { readonly group: string; readonly version: string }): string =>
  group === "" ? `api/${version}` : `apis/${group}/${version}`

const prefix = "#/components/schemas/"

/** The names of the schemas that a value refers to. */
const references = (value: unknown): ReadonlyArray<string> => {
  if (Array.isArray(value)) return value.flatMap(references)
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([key, child]) =>
    key === "$ref" && typeof child === "string" ? [child.slice(prefix.length)] : references(child)
  )
}

const nameOf = ({ group, kind, version }: GroupVersionKind): string =>
  [...group.split(".").toReversed(), version, kind].join(".")

const metaV1 = `${prefix}io.k8s.apimachinery.pkg.apis.meta.v1.`

const typeMeta = { apiVersion: { type: "string" }, kind: { type: "string" } } as const

/** A schema with the fields that every resource has, also those within it. */
const asResource = (schema: OpenApi): OpenApi => {
  const { additionalProperties, items, properties } = schema
  const isEmbedded = schema["x-kubernetes-embedded-resource"] === true
  return {
    ...schema,
    ...(items === undefined ? {} : { items: asResource(items) }),
    ...(typeof additionalProperties === "object" ? { additionalProperties: asResource(additionalProperties) } : {}),
    ...(properties === undefined && !isEmbedded
      ? {}
      : {
          properties: {
            ...Object.fromEntries(
              Object.entries(properties ?? {}).map(([key, property]) => [key, asResource(property)])
            ),
            ...(isEmbedded ? { ...typeMeta, metadata: { allOf: [{ $ref: `${metaV1}ObjectMeta` }] } } : {})
          }
        }),
    ...(isEmbedded ? { required: [...new Set([...(schema.required ?? []), "kind", "apiVersion"])] } : {})
  }
}

/** The schemas of a custom kind, and of the list of its objects. */
const customSchemas = (kind: Kind): ReadonlyArray<readonly [string, OpenApi]> => {
  const { group, listKind, schema = {}, version } = kind
  const own = asResource(schema)
  const gvk = (of: string) => [{ group, version, kind: of }]
  return [
    [
      nameOf(kind),
      {
        ...own,
        properties: { ...own.properties, ...typeMeta, metadata: { allOf: [{ $ref: `${metaV1}ObjectMeta` }] } },
        "x-kubernetes-group-version-kind": gvk(kind.kind)
      }
    ],
    [
      nameOf({ group, version, kind: listKind }),
      {
        description: `${listKind} is a list of ${kind.kind}`,
        type: "object",
        required: ["items"],
        properties: {
          ...typeMeta,
          items: {
            description: `List of ${kind.plural}. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md`,
            type: "array",
            items: { allOf: [{ $ref: `${prefix}${nameOf(kind)}` }] }
          },
          metadata: { allOf: [{ $ref: `${metaV1}ListMeta` }] }
        },
        "x-kubernetes-group-version-kind": gvk(listKind)
      }
    ]
  ]
}

const schemasOf = (kinds: ReadonlyArray<Kind>): { readonly [name: string]: OpenApi } => {
  const { schemas } = builtIn()
  const wanted = new Set(
    kinds.flatMap(({ custom, group, kind, subresources, version }) => [
      ...(custom ? [] : [apiVersionOf({ group, version }) + `/${kind}`]),
      ...subresources.map(({ responseKind: of }) => `${apiVersionOf(of)}/${of.kind}`)
    ])
  )
  const found = new Map<string, OpenApi>()
  const visit = (name: string): void => {
    const schema = schemas[name]
    if (schema === undefined || found.has(name)) return
    found.set(name, schema)
    references(schema).forEach(visit)
  }
  for (const [name, schema] of Object.entries(schemas)) {
    const gvks = schema["x-kubernetes-group-version-kind"] ?? []
    if (gvks.some((gvk) => wanted.has(`${apiVersionOf(gvk)}/${gvk.kind}`))) visit(name)
  }
  for (const [name, schema] of kinds.filter(({ custom }) => custom).flatMap(customSchemas)) {
    found.set(name, schema)
    references(schema).forEach(visit)
  }
  return Object.fromEntries(found)
}

const parameter = (name: string, type: string): JsonObject => ({
  name,
  in: "query",
  schema: { type, uniqueItems: true }
})

const writes = [
  parameter("dryRun", "string"),
  parameter("fieldManager", "string"),
  parameter("fieldValidation", "string")
]

/** The operations of a path, by method: the verb, and what it may be asked. */
const operations: { readonly [verb: string]: readonly [method: string, action: string, ReadonlyArray<JsonObject>] } = {
  get: ["get", "get", []],
  list: [
    "get",
    "list",
    ["labelSelector", "fieldSelector", "limit", "continue", "watch", "resourceVersion"].map((name) =>
      parameter(name, name === "limit" ? "integer" : name === "watch" ? "boolean" : "string")
    )
  ],
  create: ["post", "post", writes],
  update: ["put", "put", writes],
  patch: ["patch", "patch", [...writes, parameter("force", "boolean")]],
  delete: ["delete", "delete", [parameter("dryRun", "string"), parameter("propagationPolicy", "string")]],
  deletecollection: ["delete", "deletecollection", []]
}

const item = (of: GroupVersionKind, verbs: ReadonlyArray<string>, path: string): readonly [string, JsonObject] => [
  path,
  {
    ...Object.fromEntries(
      verbs.flatMap((verb) => {
        const operation = operations[verb]
        return operation === undefined
          ? []
          : [
              [
                operation[0],
                {
                  parameters: [...operation[2]],
                  responses: { "200": { description: "OK" } },
                  "x-kubernetes-action": operation[1],
                  "x-kubernetes-group-version-kind": { group: of.group, kind: of.kind, version: of.version }
                }
              ]
            ]
      })
    ),
    ...(path.includes("{")
      ? {
          parameters: [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
            name: name ?? "",
            in: "path",
            required: true,
            schema: { type: "string", uniqueItems: true }
          }))
        }
      : {})
  }
]

const onCollection = new Set(["create", "deletecollection", "list"])

const pathsOf = (kind: Kind): ReadonlyArray<readonly [string, JsonObject]> => {
  const base = `/${pathOf(kind)}/`
  const namespaced = kind.scope === "Namespaced"
  const collection = `${base}${namespaced ? "namespaces/{namespace}/" : ""}${kind.plural}`
  const single = kind.verbs.filter((verb) => !onCollection.has(verb) && verb !== "watch")
  return [
    ...(namespaced && kind.verbs.includes("list") ? [item(kind, ["list"], base + kind.plural)] : []),
    item(
      kind,
      kind.verbs.filter((verb) => onCollection.has(verb)),
      collection
    ),
    ...(single.length === 0 ? [] : [item(kind, single, `${collection}/{name}`)]),
    ...kind.subresources.map((sub) => item(sub.responseKind, sub.verbs, `${collection}/{name}/${sub.name}`))
  ]
}

const openApiOf = (kinds: Kinds, group: string, version: string): JsonObject => {
  const served = ofGroupVersion(kinds, group, version)
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: builtIn().kubernetes.split(".").slice(0, 2).join(".") },
    paths: Object.fromEntries(served.flatMap(pathsOf)),
    // Schemas are JSON; their type only says more of them.
    components: { schemas: schemasOf(served) as unknown as Json }
  }
}

const hash = (kinds: Kinds, group: string, version: string): string =>
  createHash("sha512")
    .update(
      JSON.stringify([
        builtIn().kubernetes,
        ofGroupVersion(kinds, group, version).map(
          ({ custom: _custom, read: _read, strategy: _strategy, write: _write, ...kind }) => kind
        )
      ])
    )
    .digest("hex")
    .toUpperCase()

const openApi = (kinds: Kinds, path: string): ApiResponse => {
  if (path === "") {
    return json(200, {
      paths: Object.fromEntries(
        groupVersions(kinds).map((each) => [
          pathOf(each),
          { serverRelativeURL: `/openapi/v3/${pathOf(each)}?hash=${hash(kinds, each.group, each.version)}` }
        ])
      )
    })
  }
  const found = groupVersions(kinds).find((each) => pathOf(each) === path)
  return found === undefined
    ? { status: 404, headers: {}, body: "" }
    : json(200, openApiOf(kinds, found.group, found.version))
}

// ---- the rest

const version = (): JsonObject => {
  const [major = "", minor = ""] = builtIn().kubernetes.split(".")
  return {
    major,
    minor,
    emulationMajor: major,
    emulationMinor: minor,
    minCompatibilityMajor: major,
    minCompatibilityMinor: String(Number(minor) - 1),
    gitVersion: `v${builtIn().kubernetes}`,
    gitCommit: "",
    gitTreeState: "",
    buildDate: "1970-01-01T00:00:00Z",
    goVersion: "",
    compiler: "gc",
    platform: "linux/amd64"
  }
}

const isHealth = /^\/(?:healthz|livez|readyz)(?:\/ping)?$/

/** The answer to a path that is about the cluster and not about its objects. */
export const describe = (kinds: Kinds, request: ApiRequest): ApiResponse | undefined => {
  const path = request.path.length > 1 && request.path.endsWith("/") ? request.path.slice(0, -1) : request.path
  const others = [...kinds.groups.keys()].filter((name) => name !== "")
  if (isHealth.test(path)) return text(200, "ok")
  if (request.method !== "GET") return undefined
  if (path === "/version") return json(200, version())
  if (path === "/openapi/v3") return openApi(kinds, "")
  if (path.startsWith("/openapi/v3/")) return openApi(kinds, path.slice("/openapi/v3/".length))
  if (path === "/") {
    return json(200, {
      paths: [
        "/api",
        "/api/v1",
        "/apis",
        ...others.flatMap((name) => [
          `/apis/${name}`,
          ...(kinds.groups.get(name) ?? []).map((each) => `/apis/${name}/${each}`)
        ]),
        "/healthz",
        "/livez",
        "/openapi/v3",
        "/readyz",
        "/version"
      ]
    })
  }
  if (path === "/api") {
    const legacy: JsonObject = {
      kind: "APIVersions",
      versions: [...(kinds.groups.get("") ?? [])],
      serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: request.headers["host"] ?? "" }]
    }
    return discovered(request, legacy, (version) => aggregated(kinds, [""], version))
  }
  if (path === "/apis") {
    const legacy: JsonObject = {
      kind: "APIGroupList",
      apiVersion: "v1",
      groups: others.map((name) => groupOf(kinds, name))
    }
    return discovered(request, legacy, (version) => aggregated(kinds, others, version))
  }
  const [, root, ...rest] = path.split("/")
  const [group = "", each] = root === "api" ? ["", rest[0]] : rest
  if ((root !== "api" && root !== "apis") || rest.length > (root === "api" ? 1 : 2) || !kinds.groups.has(group)) {
    return undefined
  }
  if (each === undefined) return discovered(request, { kind: "APIGroup", apiVersion: "v1", ...groupOf(kinds, group) })
  return (kinds.groups.get(group) ?? []).includes(each)
    ? discovered(request, resourceList(kinds, group, each))
    : undefined
}

/** So that a wrong percent sign is a path that nobody serves, and not an exception. */
export const decoded = (segment: string): string =>
  Either.getOrElse(
    Either.try(() => decodeURIComponent(segment)),
    () => segment
  )
