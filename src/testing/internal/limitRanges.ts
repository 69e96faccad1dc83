/** [LimitRanges](https://kubernetes.io/docs/concepts/policy/limit-range/): what the containers of a namespace get, and may take. */
import { isJsonArray, isJsonObject } from "./json.js"
import type { Json, JsonObject } from "./openapi.js"
import { amountsOf, podAmounts, textOf, type Amounts } from "./resourceLists.js"
import { metadataOf, withMetadata } from "./store.js"
import { at } from "./strategies.js"

const objects = (value: Json | undefined): ReadonlyArray<JsonObject> =>
  isJsonArray(value) ? value.filter(isJsonObject) : []
const part = (object: JsonObject, key: string): JsonObject => {
  const value = object[key]
  return isJsonObject(value) ? value : {}
}
const limitsOf = (range: JsonObject): ReadonlyArray<JsonObject> => objects(at(range, "spec", "limits"))

/** The pod with the defaults of a range, and a note of what that set. */
export const withDefaults = (pod: JsonObject, range: JsonObject): JsonObject => {
  const own = limitsOf(range).filter(({ type }) => type === "Container")
  const defaults = {
    requests: Object.assign({}, ...own.map((each) => part(each, "defaultRequest"))) as JsonObject,
    limits: Object.assign({}, ...own.map((each) => part(each, "default"))) as JsonObject
  }
  const notes: Array<string> = []
  const filled = (key: string): JsonObject => {
    const containers = objects(at(pod, "spec", key))
    if (containers.length === 0) return {}
    const what = key === "initContainers" ? "init container" : "container"
    return {
      [key]: containers.map((container) => {
        const resources = part(container, "resources")
        const lists = (["requests", "limits"] as const).flatMap((list) => {
          const given = part(resources, list)
          const missing = Object.keys(defaults[list]).filter((name) => given[name] === undefined)
          if (missing.length > 0) {
            notes.push(`${missing.toSorted().join(", ")} ${list.slice(0, -1)} for ${what} ${String(container["name"])}`)
          }
          const all = { ...given, ...Object.fromEntries(missing.map((name) => [name, defaults[list][name] ?? ""])) }
          return Object.keys(all).length === 0 ? [] : [[list, all] as const]
        })
        return { ...container, resources: { ...resources, ...Object.fromEntries(lists) } }
      })
    }
  }
  const spec = { ...part(pod, "spec"), ...filled("containers"), ...filled("initContainers") }
  if (notes.length === 0) return pod
  const annotations = part(metadataOf(pod), "annotations")
  const note = `LimitRanger plugin set: ${notes.join("; ")}`
  return { ...withMetadata(pod, { annotations: { ...annotations, "kubernetes.io/limit-ranger": note } }), spec }
}

/** What a limit has against amounts that are asked for. */
const against = (limit: JsonObject, requests: Amounts, limits: Amounts): ReadonlyArray<string> => {
  const type = String(limit["type"])
  const isClaim = type === "PersistentVolumeClaim"
  const problems: Array<string> = []
  for (const [name, least] of amountsOf(limit["min"])) {
    const [request, most] = [requests.get(name), limits.get(name)]
    const rule = `minimum ${name} usage per ${type} is ${textOf(least)}`
    if (request === undefined) problems.push(`${rule}.  No request is specified`)
    else if (request.nanos < least.nanos) problems.push(`${rule}, but request is ${textOf(request)}`)
    else if (most !== undefined && most.nanos < least.nanos) problems.push(`${rule}, but limit is ${textOf(most)}`)
  }
  for (const [name, top] of amountsOf(limit["max"])) {
    const [request, most] = [requests.get(name), limits.get(name)]
    const rule = `maximum ${name} usage per ${type} is ${textOf(top)}`
    if (isClaim ? request === undefined : most === undefined) {
      problems.push(`${rule}.  No ${isClaim ? "request" : "limit"} is specified`)
    } else if (most !== undefined && most.nanos > top.nanos) problems.push(`${rule}, but limit is ${textOf(most)}`)
    else if (request !== undefined && request.nanos > top.nanos)
      problems.push(`${rule}, but request is ${textOf(request)}`)
  }
  for (const [name, ratio] of amountsOf(limit["maxLimitRequestRatio"])) {
    const [request, most] = [requests.get(name), limits.get(name)]
    const rule = `${name} max limit to request ratio per ${type} is ${textOf(ratio)}`
    if (request === undefined || request.nanos === 0n)
      problems.push(`${rule}, but no request is specified or request is 0`)
    else if (most === undefined || most.nanos === 0n) problems.push(`${rule}, but no limit is specified or limit is 0`)
    else {
      const provided = Number(most.nanos) / Number(request.nanos)
      if (provided * 1e9 > Number(ratio.nanos)) problems.push(`${rule}, but provided ratio is ${provided.toFixed(6)}`)
    }
  }
  return problems
}

/** What a range has against a pod. */
export const podProblems = (pod: JsonObject, range: JsonObject): ReadonlyArray<string> =>
  limitsOf(range).flatMap((limit) => {
    if (limit["type"] === "Pod") return against(limit, podAmounts(pod, "requests"), podAmounts(pod, "limits"))
    if (limit["type"] !== "Container") return []
    return [...objects(at(pod, "spec", "containers")), ...objects(at(pod, "spec", "initContainers"))].flatMap(
      (container) =>
        against(
          limit,
          amountsOf(at(container, "resources", "requests")),
          amountsOf(at(container, "resources", "limits"))
        )
    )
  })

/** What a range has against a claim. */
export const claimProblems = (claim: JsonObject, range: JsonObject): ReadonlyArray<string> =>
  limitsOf(range)
    .filter(({ type }) => type === "PersistentVolumeClaim")
    .flatMap((limit) => against(limit, amountsOf(at(claim, "spec", "resources", "requests")), new Map()))
