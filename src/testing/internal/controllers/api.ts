/**
 * What a controller sees of the cluster and does to it: the same verbs as a request, in its own name. All that one turn of a
 * controller does happens in one transition of the state, each write with a version of its own.
 */
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import type { PCGRandom } from "effect/Utils"
import { isJsonObject, jsonEquals } from "../json.js"
import { kindsOf, type Kind } from "../kinds.js"
import type { Json, JsonObject } from "../openapi.js"
import type { Failure } from "../status.js"
import * as store from "../store.js"
import { metadataOf, type State } from "../store.js"
import { at, listAt } from "../strategies.js"
import { subresourceOf } from "../subresources.js"
import * as verbs from "../verbs.js"
import type { Call, DeleteOptions, Result } from "../verbs.js"

/** One part of what runs in a cluster. */
export interface Controller<Name extends string = string> {
  readonly name: Name
  /** The resources that it looks at, as the store names them; it has a turn when one of them has changed. */
  readonly watches: ReadonlyArray<string> | "everything"
  /** One turn: brings the cluster nearer to what it should be. The next one comes when this changed something. */
  readonly sync: (api: Api) => void
}

export interface Api {
  /** Milliseconds. */
  readonly now: number
  /** The same in RFC 3339. */
  readonly time: string
  readonly state: () => State
  readonly list: (resource: string, namespace?: string) => ReadonlyArray<JsonObject>
  readonly get: (resource: string, namespace: string, name: string) => JsonObject | undefined
  /** What is not there any more, or not taken by the cluster, is a failure; nothing has changed then. */
  readonly create: (object: JsonObject, namespace: string) => Either.Either<JsonObject, Failure>
  readonly update: (object: JsonObject, subresource?: string) => Either.Either<JsonObject, Failure>
  /** Writes the status, if it is another. */
  readonly updateStatus: (object: JsonObject, status: JsonObject) => void
  readonly remove: (object: JsonObject, options?: Partial<DeleteOptions>) => void
  /** Writes a pod as binding it to a node leaves it: nobody owns what that writes. */
  readonly bind: (pod: JsonObject, bound: JsonObject) => void
  /** A turn at this time, at the latest. */
  readonly wakeAt: (millis: number) => void
  /** A whole number below this. */
  readonly random: (below: number) => number
}

const alphabet = "bcdfghjklmnpqrstvwxz2456789"

const pick = (from: string, count: number, random: (below: number) => number): string =>
  Array.from({ length: count }, () => from.charAt(random(from.length))).join("")

const uidOf = (random: (below: number) => number): string => {
  const digits = pick("0123456789abcdef", 30, random)
  const variant = pick("89ab", 1, random)
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(12, 15)}-${variant}${digits.slice(15, 18)}-${digits.slice(18)}`
}

export const timeOf = (millis: number): string => new Date(millis).toISOString().replace(/\.\d+Z$/, "Z")

export interface Turn {
  readonly state: State
  /** When the next turn is due, if nothing changes before. */
  readonly due: number
}

interface Settings {
  readonly user: string
  readonly now: number
  readonly random: PCGRandom
}

/** A turn of a controller. */
export const turn = (state: State, controller: Pick<Controller, "sync">, settings: Settings): Turn => {
  let current = state
  let due = Infinity
  const { now, user } = settings
  const time = timeOf(now)
  const random = (below: number): number => settings.random.integer(below)

  const callOf = (verb: Call["verb"], kind: Kind, namespace: string, name: string, subresource = ""): Call => ({
    verb,
    kind,
    namespace,
    name,
    subresource,
    query: new URLSearchParams(),
    contentType: "application/json",
    userAgent: `${user}/v1.35.4`,
    body: "",
    user: { username: `system:${user}`, groups: ["system:masters", "system:authenticated"] },
    now: time,
    uid: verb === "create" ? uidOf(random) : "",
    suffixes: verb === "create" ? Array.from({ length: 8 }, () => pick(alphabet, 5, random)) : []
  })
  const settle = (result: Result): Either.Either<JsonObject, Failure> =>
    Either.map(result, (outcome) => {
      current = outcome.state
      return outcome.object
    })
  const kindOf = (object: JsonObject): Kind => {
    const kind = verbs.kindOf(current, object)
    // Whatever is stored was served, and what controllers make is built in.
    if (kind === undefined) throw new Error(`no kind ${String(object["kind"])}`)
    return kind
  }
  const shown = (stored: JsonObject): JsonObject => verbs.shown(kindOf(stored), stored)

  const api: Api = {
    now,
    time,
    state: () => current,
    list: (resource, namespace) => store.list(current.objects, resource, namespace).map(({ object }) => object),
    get: (resource, namespace, name) => store.get(current.objects, { resource, namespace, name }),
    create: (object, namespace) =>
      settle(
        verbs.create(current, {
          ...callOf("create", kindOf(object), namespace, ""),
          body: JSON.stringify(object)
        })
      ),
    update: (object, subresource = "") => {
      const kind = kindOf(object)
      const call = {
        ...callOf("update", kind, namespaceOf(object), nameOf(object), subresource),
        body: JSON.stringify(shown(object))
      }
      const update = subresource === "" ? verbs.replace : subresourceOf(subresource)?.update
      return update === undefined ? Either.right(object) : settle(update(current, call))
    },
    updateStatus: (object, status) => {
      if (!jsonEquals(object["status"], status)) api.update({ ...object, status }, "status")
    },
    remove: (object, options = {}) => {
      settle(
        verbs.removeWith(current, callOf("delete", kindOf(object), namespaceOf(object), nameOf(object)), {
          dryRun: false,
          preconditions: { uid: uid(object) },
          ...options
        })
      )
    },
    bind: (pod, bound) => {
      current = store.write(current, { resource: "pods", namespace: namespaceOf(pod), name: nameOf(pod) }, bound).state
    },
    wakeAt: (millis) => {
      if (millis > now) due = Math.min(due, millis)
    },
    random
  }
  controller.sync(api)
  return { state: current, due }
}

// ---- what controllers read

const textOf = (value: Json | undefined): string => (typeof value === "string" ? value : "")

export const nameOf = (object: JsonObject): string => textOf(metadataOf(object)["name"])
export const namespaceOf = (object: JsonObject): string => textOf(metadataOf(object)["namespace"])
export const uid = (object: JsonObject): string => textOf(metadataOf(object)["uid"])
export const isDeleting = (object: JsonObject): boolean => metadataOf(object)["deletionTimestamp"] !== undefined

export const objectsAt = (object: Json | undefined, ...path: ReadonlyArray<string>): ReadonlyArray<JsonObject> =>
  listAt(object, ...path).filter(isJsonObject)

export const objectAt = (object: Json | undefined, ...path: ReadonlyArray<string>): JsonObject => {
  const value = at(object, ...path)
  return isJsonObject(value) ? value : {}
}

export const textAt = (object: Json | undefined, ...path: ReadonlyArray<string>): string => textOf(at(object, ...path))

export const numberAt = (object: Json | undefined, path: ReadonlyArray<string>, otherwise: number): number => {
  const value = at(object, ...path)
  return typeof value === "number" ? value : otherwise
}

/** Milliseconds; `otherwise` if there is no time there. */
export const timeAt = (object: Json | undefined, path: ReadonlyArray<string>, otherwise: number): number => {
  const millis = Date.parse(textAt(object, ...path))
  return Number.isNaN(millis) ? otherwise : millis
}

export const finalizersOf = (object: JsonObject): ReadonlyArray<Json> => listAt(object, "metadata", "finalizers")

export const withoutFinalizer = (object: JsonObject, finalizer: string): JsonObject =>
  store.withMetadata(object, { finalizers: finalizersOf(object).filter((each) => each !== finalizer) })

export const controllerOf = (object: JsonObject): JsonObject | undefined =>
  objectsAt(object, "metadata", "ownerReferences").find((owner) => owner["controller"] === true)

/** How the controller of an object is named in what it makes. */
export const controllerReference = (owner: JsonObject): JsonObject => ({
  apiVersion: owner["apiVersion"] ?? "",
  kind: owner["kind"] ?? "",
  name: nameOf(owner),
  uid: uid(owner),
  controller: true,
  blockOwnerDeletion: true
})

/** All that a cluster holds. */
export const everything = (state: State): ReadonlyArray<JsonObject> =>
  Array.from(HashMap.keys(state.objects))
    .toSorted()
    .flatMap((resource) => store.list(state.objects, resource, undefined).map(({ object }) => object))

export const served = (state: State, apiVersion: string, kind: string): Kind | undefined =>
  kindsOf(state.objects).ofKind(apiVersion, kind)
