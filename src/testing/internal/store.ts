/**
 * What the cluster holds: a value. Every transition makes a new one, so a snapshot is the state itself, and the history
 * keeps how all objects were after each change, for lists at a resource version.
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { AdmissionName } from "../TestCluster.js"
import type { User } from "./http.js"
import { isJsonObject } from "./json.js"
import type { JsonObject } from "./openapi.js"

/** Where an object is. */
export interface Key {
  /** The resource and its group as in etcd, `deployments.apps`: the same for all versions that serve it. */
  readonly resource: string
  /** Empty for objects of the cluster. */
  readonly namespace: string
  readonly name: string
}

type Names = HashMap.HashMap<string, JsonObject>
type Namespaces = HashMap.HashMap<string, Names>

/** By resource, namespace and name. */
export type Objects = HashMap.HashMap<string, Namespaces>

/** One write. A creation has no `previous`, a deletion no `object`. */
export interface Change {
  readonly revision: number
  readonly key: Key
  /** With the resource version that it had. */
  readonly previous: JsonObject | undefined
  /** With its new resource version. */
  readonly object: JsonObject | undefined
  /** All objects after the change. */
  readonly after: Objects
}

export interface State {
  /** Of the last write. Each write is one more. */
  readonly revision: number
  /** What happened up to here is forgotten: nobody can read it or watch from before it. */
  readonly compacted: number
  readonly objects: Objects
  /** By revision, without gaps from `compacted` on. */
  readonly history: HashMap.HashMap<number, Change>
  /** How many changes are remembered. */
  readonly historyLimit: number
  /** The admission controllers that are on. */
  readonly admission: ReadonlySet<AdmissionName>
  /** Whom the tokens stand for that were not issued by the cluster. */
  readonly tokens: ReadonlyMap<string, User>
}

export const empty = (historyLimit: number, admission: ReadonlySet<AdmissionName> = new Set()): State => ({
  revision: 1,
  compacted: 1,
  objects: HashMap.empty(),
  history: HashMap.empty(),
  historyLimit,
  admission,
  tokens: new Map()
})

const in_ = <A>(map: HashMap.HashMap<string, A>, key: string): A | undefined =>
  Option.getOrUndefined(HashMap.get(map, key))

export const get = (objects: Objects, { name, namespace, resource }: Key): JsonObject | undefined => {
  const names = namesOf(objects, resource, namespace)
  return names === undefined ? undefined : in_(names, name)
}

const namesOf = (objects: Objects, resource: string, namespace: string): Names | undefined => {
  const namespaces = in_(objects, resource)
  return namespaces === undefined ? undefined : in_(namespaces, namespace)
}

/** An object with its place among its kind: `namespace/name`, or the name alone. */
export interface Placed {
  readonly place: string
  readonly object: JsonObject
}

// The maps never change, so what was sorted once stays sorted.
const sorted = new WeakMap<Names | Namespaces, ReadonlyArray<Placed>>()

const byPlace = (a: Placed, b: Placed): number => (a.place < b.place ? -1 : 1)

const ofNamespace = (names: Names): ReadonlyArray<Placed> => {
  let result = sorted.get(names)
  if (result === undefined) {
    result = Array.from(HashMap.entries(names), ([place, object]) => ({ place, object })).toSorted(byPlace)
    sorted.set(names, result)
  }
  return result
}

/** The objects of a resource in the order of their keys: in a namespace, or everywhere. */
export const list = (objects: Objects, resource: string, namespace: string | undefined): ReadonlyArray<Placed> => {
  if (namespace !== undefined) {
    const names = namesOf(objects, resource, namespace)
    return names === undefined ? [] : ofNamespace(names)
  }
  const namespaces = in_(objects, resource)
  if (namespaces === undefined) return []
  let result = sorted.get(namespaces)
  if (result === undefined) {
    result = Array.from(HashMap.entries(namespaces))
      .flatMap(([prefix, names]) =>
        ofNamespace(names).map(({ object, place }) => ({ place: prefix === "" ? place : `${prefix}/${place}`, object }))
      )
      .toSorted(byPlace)
    sorted.set(namespaces, result)
  }
  return result
}

const edit = (objects: Objects, { name, namespace, resource }: Key, object: JsonObject | undefined): Objects => {
  const namespaces = in_(objects, resource) ?? HashMap.empty<string, Names>()
  const names = in_(namespaces, namespace) ?? HashMap.empty<string, JsonObject>()
  const edited = object === undefined ? HashMap.remove(names, name) : HashMap.set(names, name, object)
  return HashMap.set(
    objects,
    resource,
    HashMap.isEmpty(edited) ? HashMap.remove(namespaces, namespace) : HashMap.set(namespaces, namespace, edited)
  )
}

/** An object's metadata. */
export const metadataOf = (object: JsonObject): JsonObject => {
  const metadata = object["metadata"]
  return isJsonObject(metadata) ? metadata : {}
}

export const withMetadata = (object: JsonObject, metadata: JsonObject): JsonObject => ({
  ...object,
  metadata: { ...metadataOf(object), ...metadata }
})

const changed = (state: State, key: Key, object: JsonObject | undefined): Change => {
  const revision = state.revision + 1
  const versioned = object === undefined ? undefined : withMetadata(object, { resourceVersion: String(revision) })
  return {
    revision,
    key,
    previous: get(state.objects, key),
    object: versioned,
    after: edit(state.objects, key, versioned)
  }
}

const advance = (state: State, change: Change): State => {
  const compacted = Math.max(state.compacted, change.revision - state.historyLimit)
  let history = HashMap.set(state.history, change.revision, change)
  for (let old = state.compacted; old < compacted; old++) history = HashMap.remove(history, old)
  return { ...state, revision: change.revision, compacted, objects: change.after, history }
}

/** The state with the object put or, without one, removed; and the object with its resource version. */
export const write = (
  state: State,
  key: Key,
  object: JsonObject | undefined
): { readonly state: State; readonly object: JsonObject | undefined } => {
  const change = changed(state, key, object)
  return { state: advance(state, change), object: change.object }
}

/** What happened after a revision, at most `limit` changes of it; nothing if that was forgotten. */
export const changesSince = (state: State, revision: number, limit: number): ReadonlyArray<Change> | undefined => {
  if (revision < state.compacted) return undefined
  const changes: Array<Change> = []
  for (let next = revision + 1; next <= state.revision && changes.length < limit; next++) {
    const change = HashMap.get(state.history, next)
    if (Option.isSome(change)) changes.push(change.value)
  }
  return changes
}

/** All objects as they were; nothing if that was forgotten or is still to come. */
export const objectsAt = (state: State, revision: number): Objects | undefined =>
  revision === state.revision
    ? state.objects
    : revision < state.compacted || revision > state.revision
      ? undefined
      : Option.getOrUndefined(HashMap.get(state.history, revision))?.after

/** Forgets what was before a revision. */
export const compact = (state: State, revision: number): State => {
  const compacted = Math.min(Math.max(revision, state.compacted), state.revision)
  let history = state.history
  for (let old = state.compacted; old < compacted; old++) history = HashMap.remove(history, old)
  return { ...state, compacted, history }
}
