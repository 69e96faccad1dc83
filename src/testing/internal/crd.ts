/**
 * What CustomResourceDefinitions make the cluster serve: a kind for each version, as long as the names of it are accepted.
 *
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import { isJsonObject, objectsOf, textsOf } from "./json.js"
import type { Kind } from "./kinds.js"
import type { Json, JsonObject, OpenApi } from "./openapi.js"
import type { Objects } from "./store.js"
import { list, metadataOf } from "./store.js"
import { at, customStrategy, type FieldSelectors } from "./strategies.js"
import { prune, withSchemaDefaults } from "./structural.js"
import type { PrinterColumn } from "./tables/custom.js"

/** Where the definitions are in the store. */
export const definitionsResource = "customresourcedefinitions.apiextensions.k8s.io"

/** What only custom kinds have. */
export interface Custom {
  /** Of the definition, which is the same for all versions. */
  readonly definition: JsonObject
  /** The schemas of all versions, by `apiVersion`. */
  readonly versions: ReadonlyMap<string, OpenApi>
  readonly columns: ReadonlyArray<PrinterColumn>
  readonly scale: Scale | undefined
  /** Texts of the `Warning` headers of every answer. */
  readonly warnings: ReadonlyArray<string>
  /** Whether the definition is on its way out, so that nothing new is created. */
  readonly terminating: boolean
}

/** Where a kind has what its scale shows. */
export interface Scale {
  readonly specReplicas: ReadonlyArray<string>
  readonly statusReplicas: ReadonlyArray<string>
  readonly selector: ReadonlyArray<string> | undefined
}

export const objectAt = (object: Json | undefined, ...path: ReadonlyArray<string>): JsonObject => {
  const value = at(object, ...path)
  return isJsonObject(value) ? value : {}
}

const textAt = (object: Json | undefined, ...path: ReadonlyArray<string>): string => {
  const value = at(object, ...path)
  return typeof value === "string" ? value : ""
}

export const objectsAt = (object: Json | undefined, ...path: ReadonlyArray<string>): ReadonlyArray<JsonObject> =>
  objectsOf(at(object, ...path))

export const textsAt = (object: Json | undefined, ...path: ReadonlyArray<string>): ReadonlyArray<string> =>
  textsOf(at(object, ...path))

/** The status of a condition, `True`, `False` or `Unknown`; nothing if there is none. */
export const conditionOf = (definition: JsonObject, type: string): JsonObject | undefined =>
  objectsAt(definition, "status", "conditions").find((condition) => condition["type"] === type)

export const isTrue = (definition: JsonObject, type: string): boolean =>
  conditionOf(definition, type)?.["status"] === "True"

const schemaOf = (version: JsonObject): OpenApi =>
  // A definition is not stored unless its schema is structural.
  objectAt(version, "schema", "openAPIV3Schema") as OpenApi

const pathOf = (text: string): ReadonlyArray<string> => text.replace(/^\./, "").split(".")

const scaleOf = (version: JsonObject): Scale | undefined => {
  const scale = at(version, "subresources", "scale")
  if (!isJsonObject(scale)) return undefined
  const selector = textAt(scale, "labelSelectorPath")
  return {
    specReplicas: pathOf(textAt(scale, "specReplicasPath")),
    statusReplicas: pathOf(textAt(scale, "statusReplicasPath")),
    selector: selector === "" ? undefined : pathOf(selector)
  }
}

/** A value as Go prints it, or nothing. */
const printed = (value: Json | undefined): string => (value === undefined || value === null ? "" : String(value))

const fieldsOf = (version: JsonObject, namespaced: boolean): FieldSelectors => ({
  values: {
    "metadata.name": (object) => textAt(object, "metadata", "name"),
    ...(namespaced ? { "metadata.namespace": (object: JsonObject) => textAt(object, "metadata", "namespace") } : {}),
    ...Object.fromEntries(
      objectsAt(version, "selectableFields").map((field) => {
        const path = pathOf(textAt(field, "jsonPath"))
        return [path.join("."), (object: JsonObject) => printed(at(object, ...path))]
      })
    )
  },
  unsupported: (label) => `field label not supported: ${label}`
})

const columnsOf = (version: JsonObject): ReadonlyArray<PrinterColumn> =>
  // What a definition has to have was checked.
  objectsAt(version, "additionalPrinterColumns") as ReadonlyArray<JsonObject> as ReadonlyArray<
    JsonObject & PrinterColumn
  >

const majorOf = /^v(\d+)(?:(alpha|beta)(\d+))?$/

/** The order in which versions are preferred: the most stable, then the newest. */
export const byPreference = (a: string, b: string): number => {
  const rank = (version: string): ReadonlyArray<number> | undefined => {
    const [, major, stage, minor] = majorOf.exec(version) ?? []
    return major === undefined
      ? undefined
      : [stage === undefined ? 2 : stage === "beta" ? 1 : 0, Number(major), Number(minor ?? 0)]
  }
  const [left, right] = [rank(a), rank(b)]
  if (left === undefined || right === undefined) {
    return left !== undefined ? -1 : right !== undefined ? 1 : a < b ? -1 : a > b ? 1 : 0
  }
  return left.map((each, index) => (right[index] ?? 0) - each).find((difference) => difference !== 0) ?? 0
}

const warningsOf = (definition: JsonObject, version: JsonObject): ReadonlyArray<string> => {
  if (version["deprecated"] !== true) return []
  const said = version["deprecationWarning"]
  if (typeof said === "string") return [said]
  const [group, kind, name] = [
    textAt(definition, "spec", "group"),
    textAt(definition, "spec", "names", "kind"),
    textAt(version, "name")
  ]
  const [better] = objectsAt(definition, "spec", "versions")
    .filter((each) => each["served"] === true && each["deprecated"] !== true)
    .map((each) => textAt(each, "name"))
    .filter((each) => byPreference(each, name) < 0)
    .toSorted(byPreference)
  const text = `${group}/${name} ${kind} is deprecated`
  return [better === undefined ? text : `${text}; use ${group}/${better} ${kind}`]
}

const verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]

const onSubresource = ["get", "patch", "update"]

/** Whether the API server answers to the names of a definition. */
export const isServed = (definition: JsonObject): boolean =>
  isTrue(definition, "NamesAccepted") || isTrue(definition, "Established")

const versioned = (definition: JsonObject, version: JsonObject): Kind => {
  const versions = objectsAt(definition, "spec", "versions")
  const [group, name] = [textAt(definition, "spec", "group"), textAt(version, "name")]
  const accepted = objectAt(definition, "status", "acceptedNames")
  const [kind, plural] = [textAt(accepted, "kind"), textAt(accepted, "plural")]
  const schema = schemaOf(version)
  const stored = versions.find((each) => each["storage"] === true) ?? version
  const scale = scaleOf(version)
  const hasStatus = at(version, "subresources", "status") !== undefined
  const namespaced = at(definition, "spec", "scope") === "Namespaced"

  /** An object of one version in the form of another: nothing but the name of the version changes. */
  const converted = (object: JsonObject, to: JsonObject): JsonObject => ({
    ...prune(schemaOf(to), object).object,
    apiVersion: `${group}/${textAt(to, "name")}`
  })
  const shown = new WeakMap<JsonObject, JsonObject>()
  const read = (object: JsonObject): JsonObject => {
    const known = shown.get(object)
    if (known !== undefined) return known
    const from = versions.find((each) => object["apiVersion"] === `${group}/${textAt(each, "name")}`) ?? version
    const own = schemaOf(from)
    const full = withSchemaDefaults(own, prune(own, object).object)
    const result = from === version ? full : converted(full, version)
    shown.set(object, result)
    return result
  }
  return {
    group,
    version: name,
    kind,
    listKind: textAt(accepted, "listKind"),
    plural,
    singular: textAt(accepted, "singular"),
    shortNames: textsAt(accepted, "shortNames"),
    categories: textsAt(accepted, "categories"),
    scope: namespaced ? "Namespaced" : "Cluster",
    verbs,
    subresources: [
      ...(hasStatus ? [{ name: "status", responseKind: { group, version: name, kind }, verbs: onSubresource }] : []),
      ...(scale === undefined
        ? []
        : [
            {
              name: "scale",
              responseKind: { group: "autoscaling", version: "v1", kind: "Scale" },
              verbs: onSubresource
            }
          ])
    ],
    storage: `${plural}.${group}`,
    strategy: customStrategy(fieldsOf(version, namespaced), hasStatus),
    custom: {
      definition,
      versions: new Map(versions.map((each) => [`${group}/${textAt(each, "name")}`, schemaOf(each)])),
      columns: columnsOf(version),
      scale,
      warnings: warningsOf(definition, version),
      terminating: isTrue(definition, "Terminating")
    },
    schema,
    read,
    write: (object) => converted(object, stored)
  }
}

/** A version of a kind. Those that are not served are known too: objects may be stored in them. */
export interface Version {
  readonly kind: Kind
  readonly served: boolean
}

const versions = new WeakMap<JsonObject, ReadonlyArray<Version>>()

/** The versions of the kind that a definition makes. */
const versionsOf = (definition: JsonObject): ReadonlyArray<Version> => {
  if (!isServed(definition)) return []
  let known = versions.get(definition)
  if (known === undefined) {
    known = objectsAt(definition, "spec", "versions").map((version) => ({
      kind: versioned(definition, version),
      served: version["served"] === true
    }))
    versions.set(definition, known)
  }
  return known
}

/** What changes when a definition does, and with nothing else. */
export const definitionsIn = (objects: Objects): object | undefined =>
  Option.getOrUndefined(HashMap.get(objects, definitionsResource))

/** The definitions of a cluster, in order of their names. */
export const definitionsOf = (objects: Objects): ReadonlyArray<JsonObject> =>
  list(objects, definitionsResource, "").map(({ object }) => object)

/** The versions of all custom kinds. */
export const customVersions = (objects: Objects): ReadonlyArray<Version> => definitionsOf(objects).flatMap(versionsOf)

export const nameOf = (definition: JsonObject): string => textAt(metadataOf(definition), "name")
