/** What the TestCluster knows of kinds: OpenAPI schemas, of the built-in kinds and of custom ones alike. */
import { text } from "./kubernetes.js"

export interface GroupVersionKind {
  readonly group: string
  readonly version: string
  readonly kind: string
}

/** Any JSON. Whatever the cluster stores is never changed in place. */
export type Json = null | boolean | number | string | ReadonlyArray<Json> | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

/** An OpenAPI schema, with the keywords of the built-in kinds and those that a CRD may use. */
export interface OpenApi {
  readonly description?: string
  readonly type?: "array" | "boolean" | "integer" | "number" | "object" | "string"
  readonly format?: string
  readonly enum?: ReadonlyArray<Json>
  readonly default?: Json
  readonly nullable?: boolean
  readonly required?: ReadonlyArray<string>
  readonly properties?: { readonly [name: string]: OpenApi }
  readonly additionalProperties?: OpenApi | boolean
  readonly items?: OpenApi
  readonly allOf?: ReadonlyArray<OpenApi>
  readonly anyOf?: ReadonlyArray<OpenApi>
  readonly oneOf?: ReadonlyArray<OpenApi>
  readonly not?: OpenApi
  readonly $ref?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: boolean
  readonly exclusiveMaximum?: boolean
  readonly multipleOf?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly minItems?: number
  readonly maxItems?: number
  readonly uniqueItems?: boolean
  readonly minProperties?: number
  readonly maxProperties?: number
  readonly "x-kubernetes-group-version-kind"?: ReadonlyArray<GroupVersionKind>
  readonly "x-kubernetes-list-map-keys"?: ReadonlyArray<string>
  readonly "x-kubernetes-list-type"?: "atomic" | "map" | "set"
  readonly "x-kubernetes-map-type"?: "atomic" | "granular"
  readonly "x-kubernetes-patch-merge-key"?: string
  readonly "x-kubernetes-patch-strategy"?: string
  readonly "x-kubernetes-unions"?: Json
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean
  readonly "x-kubernetes-int-or-string"?: boolean
  readonly "x-kubernetes-embedded-resource"?: boolean
  readonly "x-kubernetes-validations"?: Json
}

/** A kind as discovery shows it. */
export interface ServedResource extends GroupVersionKind {
  readonly plural: string
  readonly singular: string
  readonly shortNames: ReadonlyArray<string>
  readonly categories: ReadonlyArray<string>
  readonly scope: "Cluster" | "Namespaced"
  readonly verbs: ReadonlyArray<string>
  readonly subresources: ReadonlyArray<{
    readonly name: string
    readonly responseKind: GroupVersionKind
    readonly verbs: ReadonlyArray<string>
  }>
}

/** The built-in kinds of one release. */
export interface BuiltIn {
  /** The release, as in `1.35.4`. */
  readonly kubernetes: string
  /** The versions of each group, the preferred one first. */
  readonly groups: { readonly [group: string]: ReadonlyArray<string> }
  readonly resources: ReadonlyArray<ServedResource>
  readonly schemas: { readonly [name: string]: OpenApi }
}

let parsed: BuiltIn | undefined

/** Parsed on first use. */
export const builtIn = (): BuiltIn =>
  // The generator wrote the text from a snapshot that it had checked.
  (parsed ??= JSON.parse(text) as BuiltIn)

let byKind: ReadonlyMap<string, OpenApi> | undefined

const keyOf = ({ group, kind, version }: GroupVersionKind): string => `${group}/${version}/${kind}`

/** The schema of a built-in kind. */
export const schemaOf = (gvk: GroupVersionKind): OpenApi | undefined => {
  byKind ??= new Map(
    Object.values(builtIn().schemas).flatMap((schema) =>
      (schema["x-kubernetes-group-version-kind"] ?? []).map((of) => [keyOf(of), schema] as const)
    )
  )
  return byKind.get(keyOf(gvk))
}

const resolved = new WeakMap<OpenApi, OpenApi>()

/** A schema with its reference followed; keywords beside the reference (`default`, `x-kubernetes-...`) win. */
export const resolve = (schema: OpenApi): OpenApi => {
  const { $ref, allOf, ...own } = schema
  const [only] = allOf ?? []
  const target =
    $ref === undefined
      ? allOf?.length === 1
        ? only
        : undefined
      : builtIn().schemas[$ref.slice($ref.lastIndexOf("/") + 1)]
  if (target === undefined) return schema
  let result = resolved.get(schema)
  if (result === undefined) {
    result = { ...resolve(target), ...own }
    resolved.set(schema, result)
  }
  return result
}
