/**
 * [Garbage collection](https://kubernetes.io/docs/concepts/architecture/garbage-collection/): dependents go with their owners,
 * before them, or stay.
 */
import { isJsonObject } from "../json.js"
import type { JsonObject } from "../openapi.js"
import * as store from "../store.js"
import { at } from "../strategies.js"
import {
  everything,
  finalizersOf,
  isDeleting,
  namespaceOf,
  objectsAt,
  served,
  uid,
  withoutFinalizer,
  type Api,
  type Controller
} from "./api.js"

const foreground = "foregroundDeletion"

const ownersOf = (object: JsonObject): ReadonlyArray<JsonObject> => objectsAt(object, "metadata", "ownerReferences")

const waits = (object: JsonObject): boolean => isDeleting(object) && finalizersOf(object).includes(foreground)

type Standing = "solid" | "dangling" | "waiting" | "unknown"

const standingOf = (api: Api, object: JsonObject, reference: JsonObject): Standing => {
  const kind = served(api.state(), String(reference["apiVersion"]), String(reference["kind"]))
  if (kind === undefined) return "unknown"
  const namespace = kind.scope === "Cluster" ? "" : namespaceOf(object)
  const owner = api.get(kind.storage, namespace, String(reference["name"]))
  if (owner === undefined || uid(owner) !== reference["uid"]) return "dangling"
  return waits(owner) ? "waiting" : "solid"
}

/** The object as it is now. */
const latest = (api: Api, object: JsonObject): JsonObject | undefined => {
  const kind = served(api.state(), String(object["apiVersion"]), String(object["kind"]))
  const found =
    kind === undefined ? undefined : api.get(kind.storage, namespaceOf(object), String(at(object, "metadata", "name")))
  return found !== undefined && uid(found) === uid(object) ? found : undefined
}

const withoutOwners = (object: JsonObject, gone: (reference: JsonObject) => boolean): JsonObject =>
  store.withMetadata(object, { ownerReferences: ownersOf(object).filter((reference) => !gone(reference)) })

/** Deletes an object, or takes away the references to owners that are gone, if others are there. */
const collect = (api: Api, object: JsonObject, hasDependents: boolean): void => {
  const standings = new Map(ownersOf(object).map((reference) => [reference, standingOf(api, object, reference)]))
  const all = [...standings.values()]
  if (all.length === 0 || all.includes("unknown") || all.every((each) => each === "solid")) return
  if (all.includes("solid")) {
    api.update(withoutOwners(object, (reference) => standings.get(reference) !== "solid"))
    return
  }
  const finalizers = finalizersOf(object)
  const propagationPolicy =
    all.includes("waiting") && hasDependents
      ? "Foreground"
      : finalizers.includes("orphan")
        ? "Orphan"
        : finalizers.includes(foreground)
          ? "Foreground"
          : "Background"
  api.remove(object, { propagationPolicy })
}

export const garbageCollector: Controller<"garbagecollector"> = {
  name: "garbagecollector",
  watches: "everything",
  sync: (api) => {
    const objects = everything(api.state())
    const dependents = new Map<string, Array<JsonObject>>()
    for (const object of objects) {
      for (const { uid: owner } of ownersOf(object)) {
        if (typeof owner !== "string") continue
        const known = dependents.get(owner)
        if (known === undefined) dependents.set(owner, [object])
        else known.push(object)
      }
    }
    for (const each of objects) {
      const isOwner = isDeleting(each) && (finalizersOf(each).includes("orphan") || waits(each))
      if (!isOwner && ownersOf(each).length === 0) continue
      const object = latest(api, each)
      if (object === undefined) continue
      const own = (dependents.get(uid(object)) ?? []).flatMap((dependent) => {
        const now = latest(api, dependent)
        return now !== undefined && ownersOf(now).some((reference) => reference["uid"] === uid(object)) ? [now] : []
      })
      if (isDeleting(object) && finalizersOf(object).includes("orphan")) {
        for (const dependent of own) {
          api.update(withoutOwners(dependent, (reference) => reference["uid"] === uid(object)))
        }
        const freed = latest(api, object)
        if (freed !== undefined) api.update(withoutFinalizer(freed, "orphan"))
      } else if (waits(object)) {
        const blocks = own.filter((dependent) =>
          ownersOf(dependent).some(
            (reference) => reference["uid"] === uid(object) && reference["blockOwnerDeletion"] === true
          )
        )
        if (blocks.length === 0) api.update(withoutFinalizer(object, foreground))
      } else if (!isDeleting(object)) {
        collect(api, object, own.some(isJsonObject))
      }
    }
  }
}
