/**
 * What an API server serves.
 *
 * Two requests where the server has aggregated discovery (Kubernetes 1.26 and later), one a group version before that.
 * https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { KubeError } from "../KubeError.js"
import * as Request from "../Request.js"
import type { ResourceInfo, Scope } from "../Resource.js"
import { decoder } from "./decode.js"

/** Built when the first answer is read. */
const schemas = () => {
  const strings = Schema.optional(Schema.Array(Schema.String))

  const Aggregated = Schema.Struct({
    kind: Schema.Literal("APIGroupDiscoveryList"),
    items: Schema.Array(
      Schema.Struct({
        metadata: Schema.optional(Schema.Struct({ name: Schema.optional(Schema.String) })),
        versions: Schema.optional(
          Schema.Array(
            Schema.Struct({
              version: Schema.String,
              resources: Schema.optional(
                Schema.Array(
                  Schema.Struct({
                    resource: Schema.String,
                    responseKind: Schema.optional(Schema.Struct({ kind: Schema.String })),
                    scope: Schema.String,
                    singularResource: Schema.optional(Schema.String),
                    verbs: strings,
                    shortNames: strings,
                    categories: strings,
                    subresources: Schema.optional(
                      Schema.Array(Schema.Struct({ subresource: Schema.String, verbs: strings }))
                    )
                  })
                )
              )
            })
          )
        )
      })
    )
  })

  const Versions = Schema.Struct({ versions: strings })

  const Groups = Schema.Struct({
    groups: Schema.Array(Schema.Struct({ versions: Schema.Array(Schema.Struct({ groupVersion: Schema.String })) }))
  })

  const Resources = Schema.Struct({
    groupVersion: Schema.String,
    resources: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        singularName: Schema.optional(Schema.String),
        namespaced: Schema.Boolean,
        kind: Schema.String,
        verbs: strings,
        shortNames: strings,
        categories: strings
      })
    )
  })
  return { Aggregated, Versions, Groups, Resources }
}

type Schemas = ReturnType<typeof schemas>

const decodeAggregated = decoder(() => schemas().Aggregated)
const decodeVersions = decoder(() => schemas().Versions)
const decodeGroups = decoder(() => schemas().Groups)
const decodeResources = decoder(() => schemas().Resources)

type Json = (request: Request.Request) => Effect.Effect<unknown, KubeError>

const accept =
  "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"

export const apiVersionOf = (group: string, version: string): string => (group === "" ? version : `${group}/${version}`)

export const discover = (json: Json): Effect.Effect<ReadonlyArray<ResourceInfo>, KubeError> =>
  Effect.map(Effect.all([ofRoot(json, "/api"), ofRoot(json, "/apis")], { concurrency: 2 }), ([core, groups]) => [
    ...core,
    ...groups
  ])

const ofRoot = (json: Json, root: "/api" | "/apis"): Effect.Effect<ReadonlyArray<ResourceInfo>, KubeError> => {
  const request = Request.get(root, { headers: { accept } })
  return Effect.flatMap(json(request), (answer) =>
    typeof answer === "object" && answer !== null && "kind" in answer && answer.kind === "APIGroupDiscoveryList"
      ? Effect.map(decodeAggregated(request)(answer), fromAggregated)
      : fromGroupVersions(json, root, request, answer)
  )
}

const fromAggregated = ({ items }: Schemas["Aggregated"]["Type"]): ReadonlyArray<ResourceInfo> =>
  items.flatMap(({ metadata, versions = [] }) =>
    versions.flatMap(({ resources = [], version }) =>
      resources.map((resource): ResourceInfo => {
        const group = metadata?.name ?? ""
        return {
          group,
          version,
          apiVersion: apiVersionOf(group, version),
          kind: resource.responseKind?.kind ?? "",
          plural: resource.resource,
          singular: resource.singularResource ?? "",
          shortNames: resource.shortNames ?? [],
          categories: resource.categories ?? [],
          scope: resource.scope === "Namespaced" ? "Namespaced" : "Cluster",
          verbs: resource.verbs ?? [],
          subresources: Object.fromEntries(
            (resource.subresources ?? []).map(({ subresource, verbs = [] }) => [subresource, verbs])
          )
        }
      })
    )
  )

const fromGroupVersions = (
  json: Json,
  root: "/api" | "/apis",
  request: Request.Request,
  answer: unknown
): Effect.Effect<ReadonlyArray<ResourceInfo>, KubeError> =>
  Effect.gen(function* () {
    const groupVersions =
      root === "/api"
        ? ((yield* decodeVersions(request)(answer)).versions ?? [])
        : (yield* decodeGroups(request)(answer)).groups.flatMap((group) =>
            group.versions.map((version) => version.groupVersion)
          )
    const lists = yield* Effect.forEach(
      groupVersions,
      (groupVersion) => {
        const one = Request.get(`${root}/${groupVersion}`)
        return Effect.flatMap(json(one), decodeResources(one)).pipe(
          Effect.map(fromResourceList),
          // An aggregated API whose server is down must not hide all others.
          Effect.catchTag("ServiceUnavailable", (error) =>
            Effect.as(Effect.logWarning(`discovery of ${groupVersion} failed: ${error.message}`), [])
          )
        )
      },
      { concurrency: 8 }
    )
    return lists.flat()
  })

const fromResourceList = ({ groupVersion, resources }: Schemas["Resources"]["Type"]): ReadonlyArray<ResourceInfo> => {
  const slash = groupVersion.indexOf("/")
  const group = slash === -1 ? "" : groupVersion.slice(0, slash)
  const version = groupVersion.slice(slash + 1)
  return resources
    .filter(({ name }) => !name.includes("/"))
    .map((resource): ResourceInfo => {
      const scope: Scope = resource.namespaced ? "Namespaced" : "Cluster"
      const prefix = `${resource.name}/`
      return {
        group,
        version,
        apiVersion: groupVersion,
        kind: resource.kind,
        plural: resource.name,
        singular: resource.singularName ?? "",
        shortNames: resource.shortNames ?? [],
        categories: resource.categories ?? [],
        scope,
        verbs: resource.verbs ?? [],
        subresources: Object.fromEntries(
          resources
            .filter(({ name }) => name.startsWith(prefix))
            .map(({ name, verbs = [] }) => [name.slice(prefix.length), verbs])
        )
      }
    })
}
