/** [ResourceQuotas](https://kubernetes.io/docs/concepts/policy/resource-quotas/): what a namespace has taken, and may still take. */
import * as HashMap from "effect/HashMap"
import type { Quantity } from "./decodeQuantity.js"
import { isJsonObject, listOf } from "./json.js"
import type { Json, JsonObject } from "./openapi.js"
import { amountsOf, count, podAmounts, sum, textOf, type Amounts } from "./resourceLists.js"
import * as store from "./store.js"
import { metadataOf, type Objects } from "./store.js"
import { at, qosClass } from "./strategies.js"

/** Counted without `count/` too. */
const plain = new Set([
  "configmaps",
  "persistentvolumeclaims",
  "replicationcontrollers",
  "resourcequotas",
  "secrets",
  "services"
])

const podUsage = (pod: JsonObject): Amounts => {
  if (["Failed", "Succeeded"].includes(String(at(pod, "status", "phase")))) return new Map()
  const [requests, limits] = [podAmounts(pod, "requests"), podAmounts(pod, "limits")]
  return new Map<string, Quantity>([
    ["pods", count(1)],
    ...[...requests].flatMap(([name, amount]): ReadonlyArray<readonly [string, Quantity]> => [
      [name, amount],
      [`requests.${name}`, amount]
    ]),
    ...[...limits].map(([name, amount]) => [`limits.${name}`, amount] as const)
  ])
}

const serviceUsage = (service: JsonObject): Amounts => {
  const type = at(service, "spec", "type")
  const hasPorts =
    type === "NodePort" || (type === "LoadBalancer" && at(service, "spec", "allocateLoadBalancerNodePorts") !== false)
  return new Map([
    ["services.nodeports", count(hasPorts ? listOf(at(service, "spec", "ports")).length : 0)],
    ["services.loadbalancers", count(type === "LoadBalancer" ? 1 : 0)]
  ])
}

const claimUsage = (claim: JsonObject): Amounts => {
  const storage = amountsOf(at(claim, "spec", "resources", "requests")).get("storage") ?? count(0)
  const name = at(claim, "spec", "storageClassName")
  const ofClass = `${String(name)}.storageclass.storage.k8s.io`
  return new Map([
    ["requests.storage", storage],
    ...(name === undefined
      ? []
      : ([
          [`${ofClass}/requests.storage`, storage],
          [`${ofClass}/persistentvolumeclaims`, count(1)]
        ] as const))
  ])
}

/** What an object takes, by the names that quotas know. */
const usageOf = (resource: string, object: JsonObject): Amounts =>
  new Map([
    [`count/${resource}`, count(1)],
    ...(plain.has(resource) ? [[resource, count(1)] as const] : []),
    ...(resource === "pods"
      ? podUsage(object)
      : resource === "services"
        ? serviceUsage(object)
        : resource === "persistentvolumeclaims"
          ? claimUsage(object)
          : [])
  ])

const fits = (pod: JsonObject, scope: string, operator: Json, values: ReadonlyArray<Json>): boolean => {
  const isTerminating = at(pod, "spec", "activeDeadlineSeconds") !== undefined
  const isBestEffort = qosClass(pod) === "BestEffort"
  const priority = at(pod, "spec", "priorityClassName")
  switch (scope) {
    case "Terminating":
      return isTerminating
    case "NotTerminating":
      return !isTerminating
    case "BestEffort":
      return isBestEffort
    case "NotBestEffort":
      return !isBestEffort
    case "PriorityClass":
      return operator === "In"
        ? priority !== undefined && values.includes(priority)
        : operator === "NotIn"
          ? priority === undefined || !values.includes(priority)
          : (priority !== undefined) === (operator === "Exists")
    default:
      return false
  }
}

/** Whether a quota is about an object: one with scopes is about pods only. */
const isAbout = (quota: JsonObject, resource: string, object: JsonObject): boolean => {
  const scopes = listOf(at(quota, "spec", "scopes")).map(String)
  const selectors = listOf(at(quota, "spec", "scopeSelector", "matchExpressions")).filter(isJsonObject)
  if (scopes.length + selectors.length === 0) return true
  return (
    resource === "pods" &&
    scopes.every((scope) => fits(object, scope, "Exists", [])) &&
    selectors.every((each) =>
      fits(object, String(each["scopeName"]), each["operator"] ?? "Exists", listOf(each["values"]))
    )
  )
}

/** What of a quota's resources is taken. */
export const usedOf = (objects: Objects, quota: JsonObject): Amounts => {
  const namespace = String(metadataOf(quota)["namespace"])
  const hard = amountsOf(at(quota, "spec", "hard"))
  const total = sum(
    Array.from(HashMap.keys(objects))
      .toSorted()
      .flatMap((resource) =>
        store
          .list(objects, resource, namespace)
          .flatMap(({ object }) => (isAbout(quota, resource, object) ? [usageOf(resource, object)] : []))
      )
  )
  return new Map([...hard.keys()].map((name) => [name, total.get(name) ?? count(0)]))
}

const written = (amounts: Amounts, names: ReadonlyArray<string>): string =>
  names.map((name) => `${name}=${textOf(amounts.get(name) ?? count(0))}`).join(",")

const computed = /^(?:(?:requests|limits)\.)?(?:cpu|memory|ephemeral-storage)$/

/** A pod has to say what it takes, where a quota is about that. */
const unsaid = (pod: JsonObject, names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const containers = ["containers", "initContainers"].flatMap((key) => listOf(at(pod, "spec", key)))
  return names
    .filter((name) => computed.test(name))
    .flatMap((name) => {
      const [kind, resource = ""] = name.includes(".") ? name.split(".", 2) : ["requests", name]
      const silent = containers
        .filter((each) => at(each, "resources", kind ?? "", resource) === undefined)
        .map((each) => String(at(each, "name")))
      return silent.length === 0 ? [] : [`${name} for: ${silent.toSorted().join(",")}`]
    })
}

/** Why a namespace has no room for a new object. */
export const problem = (
  objects: Objects,
  resource: string,
  namespace: string,
  object: JsonObject
): string | undefined => {
  const usage = usageOf(resource, object)
  for (const { object: quota } of store.list(objects, "resourcequotas", namespace)) {
    if (!isAbout(quota, resource, object)) continue
    const name = String(metadataOf(quota)["name"])
    const hard = amountsOf(at(quota, "spec", "hard"))
    const names = [...hard.keys()].toSorted()
    const missing = resource === "pods" ? unsaid(object, names) : []
    if (missing.length > 0) return `failed quota: ${name}: must specify ${missing.join("; ")}`
    const asked = names.filter((each) => (usage.get(each)?.nanos ?? 0n) > 0n)
    if (asked.length === 0) continue
    const used = usedOf(objects, quota)
    const exceeded = asked.filter(
      (each) => (used.get(each)?.nanos ?? 0n) + (usage.get(each)?.nanos ?? 0n) > (hard.get(each)?.nanos ?? 0n)
    )
    if (exceeded.length > 0) {
      return `exceeded quota: ${name}, requested: ${written(usage, exceeded)}, used: ${written(used, exceeded)}, limited: ${written(hard, exceeded)}`
    }
  }
  return undefined
}
