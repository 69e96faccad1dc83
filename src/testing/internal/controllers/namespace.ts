/** The end of a [namespace](https://kubernetes.io/docs/tasks/administer-cluster/namespaces/): its content goes, then it. */
import * as HashMap from "effect/HashMap"
import type { JsonObject } from "../openapi.js"
import { listAt } from "../strategies.js"
import { finalizersOf, isDeleting, nameOf, objectAt, objectsAt, served, type Api, type Controller } from "./api.js"

const condition = (
  namespace: JsonObject,
  time: string,
  type: string,
  status: "False" | "True",
  reason: string,
  message: string
): JsonObject => {
  const before = objectsAt(namespace, "status", "conditions").find((each) => each["type"] === type)
  return {
    type,
    status,
    lastTransitionTime: before?.["status"] === status ? (before["lastTransitionTime"] ?? time) : time,
    reason,
    message
  }
}

/** What is left of each resource, as `pods. has 1 resource instances`. */
const counted = (counts: ReadonlyMap<string, number>, join: string): string =>
  [...counts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([what, count]) => `${what}${join}${count} resource instances`)
    .join(", ")

const contentOf = (api: Api, name: string): ReadonlyMap<string, ReadonlyArray<JsonObject>> =>
  new Map(
    Array.from(HashMap.keys(api.state().objects))
      .toSorted()
      .flatMap((resource) => {
        // What is left of a kind that nobody serves any more is out of sight.
        const objects = api
          .list(resource, name)
          .filter((each) => served(api.state(), String(each["apiVersion"]), String(each["kind"])) !== undefined)
        return objects.length === 0 ? [] : [[resource, objects] as const]
      })
  )

const empty = (api: Api, namespace: JsonObject): void => {
  const name = nameOf(namespace)
  const before = contentOf(api, name)
  const pods = before.get("pods")
  // What runs ends first, so that it still finds what it needs.
  for (const objects of pods === undefined ? before.values() : [pods]) {
    for (const object of objects) if (!isDeleting(object)) api.remove(object, { propagationPolicy: "Background" })
  }
  const left = contentOf(api, name)
  const finalizers = new Map<string, number>()
  for (const finalizer of [...left.values()].flat().flatMap(finalizersOf)) {
    finalizers.set(String(finalizer), (finalizers.get(String(finalizer)) ?? 0) + 1)
  }
  const remaining = new Map(
    [...left].map(([resource, objects]) => [resource.includes(".") ? resource : `${resource}.`, objects.length])
  )
  const said = (type: string, status: "False" | "True", reason: string, message: string) =>
    condition(namespace, api.time, type, status, reason, message)
  const conditions = [
    said("NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered", "All resources successfully discovered"),
    said(
      "NamespaceDeletionGroupVersionParsingFailure",
      "False",
      "ParsedGroupVersions",
      "All legacy kube types successfully parsed"
    ),
    said(
      "NamespaceDeletionContentFailure",
      "False",
      "ContentDeleted",
      "All content successfully deleted, may be waiting on finalization"
    ),
    remaining.size === 0
      ? said("NamespaceContentRemaining", "False", "ContentRemoved", "All content successfully removed")
      : said(
          "NamespaceContentRemaining",
          "True",
          "SomeResourcesRemain",
          `Some resources are remaining: ${counted(remaining, " has ")}`
        ),
    finalizers.size === 0
      ? said(
          "NamespaceFinalizersRemaining",
          "False",
          "ContentHasNoFinalizers",
          "All content-preserving finalizers finished"
        )
      : said(
          "NamespaceFinalizersRemaining",
          "True",
          "SomeFinalizersRemain",
          `Some content in the namespace has finalizers remaining: ${counted(finalizers, " in ")}`
        )
  ]
  api.updateStatus(namespace, { ...objectAt(namespace, "status"), conditions })
  if (left.size > 0) return
  const current = api.get("namespaces", "", name)
  if (current === undefined) return
  api.update(
    {
      ...current,
      spec: { finalizers: listAt(current, "spec", "finalizers").filter((each) => each !== "kubernetes") }
    },
    "finalize"
  )
}

export const namespace: Controller<"namespace"> = {
  name: "namespace",
  watches: "everything",
  sync: (api) => {
    for (const each of api.list("namespaces")) {
      if (isDeleting(each) && listAt(each, "spec", "finalizers").includes("kubernetes")) empty(api, each)
    }
  }
}
