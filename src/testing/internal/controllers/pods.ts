/** What the controllers of pods have in common. */
import { isJsonObject, jsonEquals } from "../json.js"
import type { Json, JsonObject } from "../openapi.js"
import { labelsOf, matchesLabels, selectorTerms } from "../selectors.js"
import { at } from "../strategies.js"
import {
  controllerOf,
  controllerReference,
  isDeleting,
  namespaceOf,
  numberAt,
  objectAt,
  objectsAt,
  textAt,
  timeAt,
  uid,
  type Api
} from "./api.js"

export const isReady = (pod: JsonObject): boolean =>
  objectsAt(pod, "status", "conditions").some((each) => each["type"] === "Ready" && each["status"] === "True")

export const phaseOf = (pod: JsonObject): string => textAt(pod, "status", "phase")
export const isFinished = (pod: JsonObject): boolean => ["Succeeded", "Failed"].includes(phaseOf(pod))
export const isActive = (pod: JsonObject): boolean => !isFinished(pod) && !isDeleting(pod)

/** Whether a pod has been ready for so many seconds; when not, the controller has a turn when it will be. */
export const isAvailable = (api: Api, pod: JsonObject, seconds: number): boolean => {
  if (!isReady(pod)) return false
  if (seconds === 0) return true
  const ready = objectsAt(pod, "status", "conditions").find((each) => each["type"] === "Ready")
  const until = timeAt(ready, ["lastTransitionTime"], api.now) + seconds * 1000
  api.wakeAt(until)
  return until <= api.now
}

export const selects = (owner: JsonObject): ((object: JsonObject) => boolean) => {
  const terms = selectorTerms(at(owner, "spec", "selector"))
  return (object) => terms !== undefined && terms.length > 0 && matchesLabels(labelsOf(object), terms)
}

/** The objects that an owner controls; those that nobody does and that it selects become its own. */
export const owned = (
  api: Api,
  owner: JsonObject,
  resource: string,
  isMember: (object: JsonObject) => boolean = () => true
): ReadonlyArray<JsonObject> => {
  const isSelected = selects(owner)
  const matches = (object: JsonObject): boolean => isMember(object) && isSelected(object)
  return api.list(resource, namespaceOf(owner)).flatMap((object) => {
    const controller = controllerOf(object)
    if (controller !== undefined) {
      if (controller["uid"] !== uid(owner)) return []
      if (matches(object) || isDeleting(owner)) return [object]
      // What it does not select any more goes its own way.
      const references = objectsAt(object, "metadata", "ownerReferences")
      api.update({
        ...object,
        metadata: {
          ...objectAt(object, "metadata"),
          ownerReferences: references.filter((each) => each["uid"] !== uid(owner))
        }
      })
      return []
    }
    if (!matches(object) || isDeleting(object) || isDeleting(owner)) return []
    const metadata = objectAt(object, "metadata")
    const adopted = api.update({
      ...object,
      metadata: {
        ...metadata,
        ownerReferences: [...objectsAt(object, "metadata", "ownerReferences"), controllerReference(owner)]
      }
    })
    return adopted._tag === "Right" ? [adopted.right] : []
  })
}

/** A pod of a template. */
export const podOf = (
  owner: JsonObject,
  template: JsonObject,
  name: JsonObject,
  labels: JsonObject = {},
  annotations: JsonObject = {}
): JsonObject => {
  const own = objectAt(template, "metadata")
  const allLabels = { ...objectAt(own, "labels"), ...labels }
  const allAnnotations = { ...objectAt(own, "annotations"), ...annotations }
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...name,
      ...(Object.keys(allLabels).length === 0 ? {} : { labels: allLabels }),
      ...(Object.keys(allAnnotations).length === 0 ? {} : { annotations: allAnnotations }),
      ...(own["finalizers"] === undefined ? {} : { finalizers: own["finalizers"] }),
      ownerReferences: [controllerReference(owner)]
    },
    spec: objectAt(template, "spec")
  }
}

/** Those to go first: not on a node, then not running, then not ready, then the youngest. */
export const inOrderOfRemoval = (pods: ReadonlyArray<JsonObject>): ReadonlyArray<JsonObject> => {
  const rank = (pod: JsonObject): ReadonlyArray<number> => [
    textAt(pod, "spec", "nodeName") === "" ? 0 : 1,
    phaseOf(pod) === "Running" ? 1 : 0,
    isReady(pod) ? 1 : 0,
    Number(textAt(pod, "metadata", "annotations", "controller.kubernetes.io/pod-deletion-cost") || "0"),
    -timeAt(pod, ["metadata", "creationTimestamp"], 0)
  ]
  return pods.toSorted((a, b) => {
    const [left, right] = [rank(a), rank(b)]
    const place = left.findIndex((each, index) => each !== right[index])
    return place < 0 ? 0 : (left[place] ?? 0) - (right[place] ?? 0)
  })
}

const alphabet = "bcdfghjklmnpqrstvwxz2456789"

/** A short text that stands for a value; another value has another one. */
export const hashOf = (value: Json): string => {
  let hash = 0x811c9dc5
  const text = JSON.stringify(sorted(value))
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return String(hash >>> 0)
    .split("")
    .map((digit) => alphabet.charAt(digit.charCodeAt(0) % alphabet.length))
    .join("")
}

const sorted = (value: Json): Json =>
  Array.isArray(value)
    ? value.map(sorted)
    : isJsonObject(value)
      ? Object.fromEntries(
          Object.entries(value)
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, child]) => [key, sorted(child)])
        )
      : value

/** Conditions with one of them as it is now; it keeps the time of its status. */
export const withCondition = (
  api: Api,
  conditions: ReadonlyArray<JsonObject>,
  type: string,
  status: "False" | "True" | "Unknown",
  reason: string,
  message: string
): ReadonlyArray<JsonObject> => {
  const old = conditions.find((each) => each["type"] === type)
  const same = old?.["status"] === status && old["reason"] === reason && old["message"] === message
  if (same) return conditions
  const next: JsonObject = {
    type,
    status,
    lastUpdateTime: api.time,
    lastTransitionTime: old?.["status"] === status ? (old["lastTransitionTime"] ?? api.time) : api.time,
    reason,
    message
  }
  return [...conditions.filter((each) => each["type"] !== type), next]
}

export const sameTemplate = (a: JsonObject, b: JsonObject): boolean => {
  const bare = (template: JsonObject): Json => {
    const { labels, ...metadata } = objectAt(template, "metadata")
    const { "pod-template-hash": _hash, ...own } = isJsonObject(labels) ? labels : {}
    const { creationTimestamp: _time, ...rest } = metadata
    return { ...template, metadata: { ...rest, labels: own } }
  }
  return jsonEquals(bare(a), bare(b))
}

export const generationOf = (object: JsonObject): number => numberAt(object, ["metadata", "generation"], 0)

/** A number, or a percentage of one. */
export const share = (value: Json, of: number, round: (value: number) => number): number =>
  typeof value === "number" ? value : round((Number.parseFloat(String(value)) / 100) * of)
