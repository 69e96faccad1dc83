/** The kinds that the cluster serves: the built-in ones, in every version, and those that its objects define. */
import * as autoscalers from "./autoscalers.js"
import { byPreference, customVersions, definitionsIn, type Custom } from "./crd.js"
import { builtIn, schemaOf, type JsonObject, type OpenApi, type ServedResource } from "./openapi.js"
import type { Objects } from "./store.js"
import { strategyOf, type Strategy } from "./strategies.js"

export interface Kind extends ServedResource {
  /** Where its objects are in the store. */
  readonly storage: string
  readonly strategy: Strategy
  /** The kind of a list of its objects. */
  readonly listKind: string
  /** Nothing for the built-in kinds. */
  readonly custom: Custom | undefined
  readonly schema: OpenApi | undefined
  /** An object of the store in this version. */
  readonly read: (stored: JsonObject) => JsonObject
  /** An object of this version as the store has it. */
  readonly write: (object: JsonObject) => JsonObject
}

export const apiVersionOf = ({ group, version }: { readonly group: string; readonly version: string }): string =>
  group === "" ? version : `${group}/${version}`

/** An object in another version of its kind. */
type Conversion = Pick<Kind, "storage" | "read" | "write">

const renamed =
  (apiVersion: string, names: ReadonlyMap<string, string>) =>
  (object: JsonObject): JsonObject => ({
    ...Object.fromEntries(Object.entries(object).map(([key, value]) => [names.get(key) ?? key, value])),
    apiVersion
  })

const eventNames = [
  ["involvedObject", "regarding"],
  ["message", "note"],
  ["source", "deprecatedSource"],
  ["firstTimestamp", "deprecatedFirstTimestamp"],
  ["lastTimestamp", "deprecatedLastTimestamp"],
  ["count", "deprecatedCount"],
  ["reportingComponent", "reportingController"]
] as const

/** Who reports is always said in the first group, and only if it is known in the other. */
const withoutEmptyReporter = (event: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(event).filter(([key, value]) => value !== "" || !key.startsWith("reporting")))

const autoscalerV1: Conversion = {
  storage: "horizontalpodautoscalers.autoscaling",
  read: autoscalers.read,
  write: autoscalers.write
}

const conversions: { readonly [groupVersionKind: string]: Conversion } = {
  "events.k8s.io/v1/Event": {
    storage: "events",
    read: (stored) => renamed("events.k8s.io/v1", new Map(eventNames))(withoutEmptyReporter(stored)),
    write: renamed("v1", new Map(eventNames.map(([core, events]) => [events, core])))
  },
  "autoscaling/v1/HorizontalPodAutoscaler": autoscalerV1
}

const unchanged = (object: JsonObject): JsonObject => object

export const storageOf = ({ group, plural }: { readonly group: string; readonly plural: string }): string =>
  group === "" ? plural : `${plural}.${group}`

const builtInKind = (resource: ServedResource): Kind => ({
  ...resource,
  strategy: strategyOf(resource),
  listKind: `${resource.kind}List`,
  custom: undefined,
  schema: schemaOf(resource),
  ...(conversions[`${apiVersionOf(resource)}/${resource.kind}`] ?? {
    storage: storageOf(resource),
    read: unchanged,
    write: unchanged
  })
})

export interface Kinds {
  readonly all: ReadonlyArray<Kind>
  /** The versions of each group, the preferred one first. */
  readonly groups: ReadonlyMap<string, ReadonlyArray<string>>
  readonly find: (group: string, version: string, plural: string) => Kind | undefined
  /** Also of a version that is not served: objects may be stored in it. */
  readonly ofKind: (apiVersion: string, kind: string) => Kind | undefined
}

interface Version {
  readonly kind: Kind
  readonly served: boolean
}

const kindsFrom = (versions: ReadonlyArray<Version>, groups: Kinds["groups"]): Kinds => {
  const all = versions.flatMap(({ kind, served }) => (served ? [kind] : []))
  const byPath = new Map(all.map((kind) => [`${apiVersionOf(kind)}/${kind.plural}`, kind]))
  const byName = new Map(versions.map(({ kind }) => [`${apiVersionOf(kind)}/${kind.kind}`, kind]))
  return {
    all,
    groups,
    find: (group, version, plural) => byPath.get(`${apiVersionOf({ group, version })}/${plural}`),
    ofKind: (apiVersion, kind) => byName.get(`${apiVersion}/${kind}`)
  }
}

let ofTheRelease: ReadonlyArray<Version> | undefined
const builtInVersions = (): ReadonlyArray<Version> =>
  (ofTheRelease ??= builtIn().resources.map((resource) => ({ kind: builtInKind(resource), served: true })))

let withoutDefinitions: Kinds | undefined
const known = new WeakMap<object, Kinds>()

/** What is served when the cluster holds these objects. */
export const kindsOf = (objects: Objects): Kinds => {
  const definitions = definitionsIn(objects)
  const builtInGroups = new Map(Object.entries(builtIn().groups))
  if (definitions === undefined) return (withoutDefinitions ??= kindsFrom(builtInVersions(), builtInGroups))
  let kinds = known.get(definitions)
  if (kinds === undefined) {
    const custom = customVersions(objects)
    const groups = new Map<string, ReadonlyArray<string>>(builtInGroups)
    for (const { kind, served } of custom) {
      const versions = groups.get(kind.group) ?? []
      if (served && !versions.includes(kind.version)) {
        groups.set(kind.group, [...versions, kind.version].toSorted(byPreference))
      }
    }
    kinds = kindsFrom([...builtInVersions(), ...custom], groups)
    known.set(definitions, kinds)
  }
  return kinds
}
