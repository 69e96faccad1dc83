/** Puts pods on nodes: of those that a pod can run on, the one with the fewest pods. */
import { isJsonObject } from "../json.js"
import type { JsonObject } from "../openapi.js"
import { at } from "../strategies.js"
import * as store from "../store.js"
import { isDeleting, nameOf, objectAt, objectsAt, textAt, type Api, type Controller } from "./api.js"

const tolerates = (pod: JsonObject, taint: JsonObject): boolean =>
  objectsAt(pod, "spec", "tolerations").some(
    (each) =>
      (each["effect"] === undefined || each["effect"] === taint["effect"]) &&
      (each["key"] === undefined || each["key"] === taint["key"]) &&
      (each["operator"] === "Exists" || (each["value"] ?? "") === (taint["value"] ?? ""))
  )

/** The terms of which a pod's node has to fit one. */
export const requiredNodeTerms = (pod: JsonObject): ReadonlyArray<JsonObject> =>
  objectsAt(
    pod,
    "spec",
    "affinity",
    "nodeAffinity",
    "requiredDuringSchedulingIgnoredDuringExecution",
    "nodeSelectorTerms"
  )

/** Why a pod cannot run on a node, in the scheduler's words. */
export const obstacle = (pod: JsonObject, node: JsonObject): string | undefined => {
  if (at(node, "spec", "unschedulable") === true) {
    const taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" }
    if (!tolerates(pod, taint)) return "node(s) were unschedulable"
  }
  const taint = objectsAt(node, "spec", "taints").find(
    (each) => each["effect"] !== "PreferNoSchedule" && !tolerates(pod, each)
  )
  if (taint !== undefined) {
    return `node(s) had untolerated taint {${String(taint["key"])}: ${String(taint["value"] ?? "")}}`
  }
  const labels = objectAt(node, "metadata", "labels")
  const wanted = objectAt(pod, "spec", "nodeSelector")
  const required = requiredNodeTerms(pod)
  const fits = (term: JsonObject): boolean =>
    objectsAt(term, "matchExpressions").every((each) => matches(each, labels[String(each["key"])])) &&
    objectsAt(term, "matchFields").every((each) => matches(each, nameOf(node)))
  if (
    !Object.entries(wanted).every(([key, value]) => labels[key] === value) ||
    (required.length > 0 && !required.some(fits))
  ) {
    return "node(s) didn't match Pod's node affinity/selector"
  }
  return undefined
}

const matches = (requirement: JsonObject, value: unknown): boolean => {
  const { operator, values } = requirement
  const list: ReadonlyArray<unknown> = Array.isArray(values) ? values : []
  switch (operator) {
    case "In":
      return list.includes(value)
    case "NotIn":
      return !list.includes(value)
    case "Exists":
      return value !== undefined
    case "DoesNotExist":
      return value === undefined
    case "Gt":
      return Number(value) > Number(list[0])
    case "Lt":
      return Number(value) < Number(list[0])
    default:
      return false
  }
}

const bind = (api: Api, pod: JsonObject, node: string) => {
  const conditions = objectsAt(pod, "status", "conditions").filter((each) => each["type"] !== "PodScheduled")
  const scheduled = { type: "PodScheduled", status: "True", lastProbeTime: null, lastTransitionTime: api.time }
  api.bind(pod, {
    ...pod,
    spec: { ...objectAt(pod, "spec"), nodeName: node },
    status: { ...objectAt(pod, "status"), conditions: [...conditions, scheduled] }
  })
}

const refuse = (api: Api, pod: JsonObject, obstacles: ReadonlyArray<string>, count: number) => {
  const counts = new Map<string, number>()
  for (const each of obstacles) counts.set(each, (counts.get(each) ?? 0) + 1)
  const why = [...counts].map(([text, number]) => `${number} ${text}`).toSorted()
  const message =
    count === 0
      ? "no nodes available to schedule pods"
      : `0/${count} nodes are available: ${why.join(", ")}. preemption: 0/${count} nodes are available: ${count} Preemption is not helpful for scheduling.`
  const before = objectsAt(pod, "status", "conditions")
  const old = before.find((each) => each["type"] === "PodScheduled")
  if (old?.["message"] === message) return
  const generation = store.metadataOf(pod)["generation"]
  api.updateStatus(pod, {
    ...objectAt(pod, "status"),
    conditions: [
      ...before.filter((each) => each["type"] !== "PodScheduled"),
      {
        type: "PodScheduled",
        status: "False",
        lastProbeTime: null,
        lastTransitionTime: old?.["status"] === "False" ? (old["lastTransitionTime"] ?? api.time) : api.time,
        ...(generation === undefined ? {} : { observedGeneration: generation }),
        reason: "Unschedulable",
        message
      }
    ]
  })
}

export const scheduler: Controller<"scheduler"> = {
  name: "scheduler",
  watches: ["pods", "nodes"],
  sync: (api) => {
    const nodes = api.list("nodes")
    if (nodes.length === 0) return
    const pods = api.list("pods")
    const count = new Map<string, number>()
    for (const pod of pods) {
      const node = textAt(pod, "spec", "nodeName")
      if (node !== "") count.set(node, (count.get(node) ?? 0) + 1)
    }
    for (const pod of pods) {
      const isMine = (textAt(pod, "spec", "schedulerName") || "default-scheduler") === "default-scheduler"
      if (!isMine || textAt(pod, "spec", "nodeName") !== "" || isDeleting(pod)) continue
      if (objectsAt(pod, "spec", "schedulingGates").some(isJsonObject)) continue
      const obstacles = nodes.map((node) => obstacle(pod, node))
      const [best] = nodes
        .filter((_, index) => obstacles[index] === undefined)
        .map(nameOf)
        .toSorted((a, b) => (count.get(a) ?? 0) - (count.get(b) ?? 0) || (a < b ? -1 : 1))
      if (best === undefined) {
        refuse(
          api,
          pod,
          obstacles.flatMap((each) => (each === undefined ? [] : [each])),
          nodes.length
        )
        continue
      }
      count.set(best, (count.get(best) ?? 0) + 1)
      bind(api, pod, best)
    }
  }
}
