/** [PodDisruptionBudgets](https://kubernetes.io/docs/concepts/workloads/pods/disruptions/): how many pods may be evicted now. */
import type { JsonObject } from "../openapi.js"
import { labelsOf, matchesLabels, selectorTerms } from "../selectors.js"
import { at } from "../strategies.js"
import {
  controllerOf,
  isDeleting,
  nameOf,
  namespaceOf,
  numberAt,
  objectAt,
  objectsAt,
  served,
  timeAt,
  uid,
  type Api,
  type Controller
} from "./api.js"
import { generationOf, isFinished, isReady, share } from "./pods.js"

/** So long an evicted pod is expected to go. */
const patience = 120_000

/** The object with replicas that a pod belongs to: a Deployment, not its ReplicaSet. */
const scaled = (api: Api, object: JsonObject): JsonObject | undefined => {
  const reference = controllerOf(object)
  if (reference === undefined) return undefined
  const kind = served(api.state(), String(reference["apiVersion"]), String(reference["kind"]))
  const owner = kind === undefined ? undefined : api.get(kind.storage, namespaceOf(object), String(reference["name"]))
  if (owner === undefined || uid(owner) !== reference["uid"]) return undefined
  return owner["kind"] === "ReplicaSet" ? (scaled(api, owner) ?? owner) : owner
}

/** As many pods as there should be, or why nobody knows. */
const expected = (api: Api, pods: ReadonlyArray<JsonObject>): number | string => {
  const owners = new Map<string, number>()
  for (const pod of pods) {
    const owner = scaled(api, pod)
    if (owner === undefined) {
      return `found no controller ref for pod ${JSON.stringify(nameOf(pod))}`
    }
    owners.set(uid(owner), numberAt(owner, ["spec", "replicas"], 1))
  }
  return [...owners.values()].reduce((sum, each) => sum + each, 0)
}

const countsOf = (
  api: Api,
  budget: JsonObject,
  pods: ReadonlyArray<JsonObject>
): { readonly expectedPods: number; readonly desiredHealthy: number } | string => {
  const [least, most] = [at(budget, "spec", "minAvailable"), at(budget, "spec", "maxUnavailable")]
  if (typeof least === "number") return { expectedPods: pods.length, desiredHealthy: least }
  const expectedPods = expected(api, pods)
  if (typeof expectedPods === "string") return expectedPods
  const desired =
    least === undefined
      ? Math.max(0, expectedPods - share(most ?? 0, expectedPods, Math.ceil))
      : share(least, expectedPods, Math.ceil)
  return { expectedPods, desiredHealthy: desired }
}

const sync = (api: Api, budget: JsonObject): void => {
  const terms = selectorTerms(at(budget, "spec", "selector"))
  const pods = api
    .list("pods", namespaceOf(budget))
    .filter((pod) => terms !== undefined && matchesLabels(labelsOf(pod), terms) && !isFinished(pod))
  const counts = countsOf(api, budget, pods)
  const before = objectAt(budget, "status")
  const condition = (status: "False" | "True", reason: string, message: string): JsonObject => {
    const old = objectsAt(before, "conditions").find(({ type }) => type === "DisruptionAllowed")
    return {
      type: "DisruptionAllowed",
      status,
      observedGeneration: generationOf(budget),
      lastTransitionTime: old?.["status"] === status ? (old["lastTransitionTime"] ?? api.time) : api.time,
      reason,
      message
    }
  }
  const others = objectsAt(before, "conditions").filter(({ type }) => type !== "DisruptionAllowed")
  if (typeof counts === "string") {
    api.updateStatus(budget, {
      ...before,
      disruptionsAllowed: 0,
      observedGeneration: generationOf(budget),
      conditions: [...others, condition("False", "SyncFailed", counts)]
    })
    return
  }
  const { desiredHealthy, expectedPods } = counts
  const evicted = Object.entries(objectAt(before, "disruptedPods")).filter(([name, time]) => {
    const pod = pods.find((each) => nameOf(each) === name)
    const until = timeAt({ time }, ["time"], 0) + patience
    if (pod === undefined || isDeleting(pod) || until <= api.now) return false
    api.wakeAt(until)
    return true
  })
  const gone = new Set(evicted.map(([name]) => name))
  const healthy = pods.filter((pod) => isReady(pod) && !isDeleting(pod) && !gone.has(nameOf(pod))).length
  const allowed = expectedPods <= 0 ? 0 : Math.max(0, healthy - desiredHealthy)
  api.updateStatus(budget, {
    observedGeneration: generationOf(budget),
    ...(evicted.length === 0 ? {} : { disruptedPods: Object.fromEntries(evicted) }),
    disruptionsAllowed: allowed,
    currentHealthy: healthy,
    desiredHealthy,
    expectedPods,
    conditions: [
      ...others,
      allowed > 0 ? condition("True", "SufficientPods", "") : condition("False", "InsufficientPods", "")
    ]
  })
}

export const disruption: Controller<"disruption"> = {
  name: "disruption",
  watches: [
    "poddisruptionbudgets.policy",
    "pods",
    "deployments.apps",
    "replicasets.apps",
    "statefulsets.apps",
    "replicationcontrollers"
  ],
  sync: (api) => {
    for (const budget of api.list("poddisruptionbudgets.policy")) if (!isDeleting(budget)) sync(api, budget)
  }
}
