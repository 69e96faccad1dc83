/** [DaemonSets](https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/): a pod on every node that fits. */
import type { JsonObject } from "../openapi.js"
import { at, listAt } from "../strategies.js"
import {
  isDeleting,
  nameOf,
  namespaceOf,
  numberAt,
  objectAt,
  objectsAt,
  textAt,
  timeAt,
  uid,
  type Api,
  type Controller
} from "./api.js"
import { generationOf, isAvailable, isFinished, isReady, owned, podOf, share } from "./pods.js"
import { annotationsOf, cleanUp, revisionLabel, revisionOf, revisionsOf } from "./revisions.js"
import { obstacle, requiredNodeTerms } from "./scheduler.js"

const toleration = (name: string, effect: string): JsonObject => ({
  key: `node.kubernetes.io/${name}`,
  operator: "Exists",
  effect
})

/** What is wrong with a node does not keep its daemons away. */
const tolerated = (template: JsonObject): ReadonlyArray<JsonObject> => [
  toleration("not-ready", "NoExecute"),
  toleration("unreachable", "NoExecute"),
  ...["disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"].map((name) =>
    toleration(name, "NoSchedule")
  ),
  ...(at(template, "spec", "hostNetwork") === true ? [toleration("network-unavailable", "NoSchedule")] : [])
]

const withTolerations = (template: JsonObject): JsonObject => {
  const own = objectsAt(template, "spec", "tolerations")
  const missing = tolerated(template).filter(
    (each) =>
      !own.some(
        ({ effect, key, operator }) => key === each["key"] && effect === each["effect"] && operator === "Exists"
      )
  )
  return { ...template, spec: { ...objectAt(template, "spec"), tolerations: [...own, ...missing] } }
}

/** The pod runs on this node, or it waits for it. */
const withNode = (template: JsonObject, node: string): JsonObject => {
  const affinity = objectAt(template, "spec", "affinity")
  const nodeAffinity = objectAt(affinity, "nodeAffinity")
  const field = { key: "metadata.name", operator: "In", values: [node] }
  const terms = listAt(nodeAffinity, "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
  const nodeSelectorTerms = (terms.length === 0 ? [{}] : terms).map((term) => ({
    ...(typeof term === "object" ? term : {}),
    matchFields: [field]
  }))
  return {
    ...template,
    spec: {
      ...objectAt(template, "spec"),
      affinity: {
        ...affinity,
        nodeAffinity: { ...nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } }
      }
    }
  }
}

/** The node that a pod is on, or is meant for. */
const nodeOf = (pod: JsonObject): string => {
  const name = textAt(pod, "spec", "nodeName")
  if (name !== "") return name
  const [term] = requiredNodeTerms(pod)
  return String(listAt(objectsAt(term, "matchFields")[0], "values")[0] ?? "")
}

interface Fit {
  readonly runs: boolean
  /** Whether a pod that is there may stay. */
  readonly stays: boolean
}

const fitOf = (template: JsonObject, node: JsonObject): Fit => {
  const lasting = objectsAt(node, "spec", "taints").filter(({ effect }) => effect === "NoExecute")
  const evicting = { ...node, spec: { taints: lasting } }
  return { runs: obstacle(template, node) === undefined, stays: obstacle(template, evicting) === undefined }
}

const sync = (api: Api, set: JsonObject): void => {
  const revisions = revisionsOf(api, set, revisionLabel, annotationsOf(set))
  if (revisions === undefined) return
  const hash = textAt(revisions.newest, "metadata", "labels", revisionLabel)
  const template = withTolerations(objectAt(set, "spec", "template"))
  const minReady = numberAt(set, ["spec", "minReadySeconds"], 0)
  const generation = textAt(set, "metadata", "annotations", "deprecated.daemonset.template.generation")
  const nodes = api.list("nodes")
  const fits = new Map(nodes.map((node) => [nameOf(node), fitOf(template, node)]))
  const available = (pod: JsonObject): boolean => isAvailable(api, pod, minReady)
  const isNew = (pod: JsonObject): boolean => revisionOf(pod) === hash

  const byNode = (): ReadonlyMap<string, ReadonlyArray<JsonObject>> => {
    const groups = new Map<string, Array<JsonObject>>()
    for (const pod of owned(api, set, "pods")) {
      const known = groups.get(nodeOf(pod))
      if (known === undefined) groups.set(nodeOf(pod), [pod])
      else known.push(pod)
    }
    return groups
  }
  const make = (node: string) => {
    const pod = podOf(
      set,
      withNode(template, node),
      { generateName: `${nameOf(set)}-` },
      {
        [revisionLabel]: hash,
        ...(generation === "" ? {} : { "pod-template-generation": generation })
      }
    )
    api.create(pod, namespaceOf(set))
  }
  const rolling = objectAt(set, "spec", "updateStrategy", "rollingUpdate")
  const isRolling = textAt(set, "spec", "updateStrategy", "type") !== "OnDelete"
  const desired = [...fits.values()].filter(({ runs }) => runs).length
  const surge = isRolling ? share(rolling["maxSurge"] ?? 0, desired, Math.ceil) : 0
  const unavailable = Math.max(share(rolling["maxUnavailable"] ?? 1, desired, Math.ceil), surge === 0 ? 1 : 0)

  /** A pod on each node that fits, and on no other. */
  const place = () => {
    const groups = byNode()
    for (const [name, { runs, stays }] of fits) {
      const there = groups.get(name) ?? []
      for (const pod of there) if (isFinished(pod) && !isDeleting(pod)) api.remove(pod)
      const alive = there.filter((pod) => !isFinished(pod) && !isDeleting(pod))
      if (!stays) for (const pod of alive) api.remove(pod)
      // One that ends makes room first.
      else if (runs && there.length === 0) make(name)
      else if (surge === 0 || alive.filter(isNew).length > 1) {
        const oldest = alive.toSorted(
          (a, b) => timeAt(a, ["metadata", "creationTimestamp"], 0) - timeAt(b, ["metadata", "creationTimestamp"], 0)
        )
        for (const pod of oldest.slice(1)) api.remove(pod)
      }
    }
    for (const [name, pods] of groups) {
      if (!fits.has(name)) for (const pod of pods) if (!isDeleting(pod)) api.remove(pod)
    }
  }

  const roll = () => {
    const groups = [...byNode()].filter(([name]) => fits.get(name)?.runs === true)
    const alive = (pods: ReadonlyArray<JsonObject>) => pods.filter((pod) => !isDeleting(pod))
    if (surge > 0) {
      let room = surge - groups.filter(([, pods]) => alive(pods).some((pod) => isNew(pod) && !available(pod))).length
      for (const [name, pods] of groups) {
        const [old, next] = [alive(pods).find((pod) => !isNew(pod)), alive(pods).find(isNew)]
        if (old === undefined) continue
        if (next !== undefined) {
          if (available(next)) api.remove(old)
        } else if (!available(old)) api.remove(old)
        else if (room-- > 0) make(name)
      }
      return
    }
    let room =
      unavailable -
      [...fits].filter(([name, { runs }]) => {
        const pods = groups.find(([each]) => each === name)?.[1] ?? []
        return runs && !alive(pods).some(available)
      }).length
    for (const [, pods] of groups) {
      const [old] = alive(pods).filter((pod) => !isNew(pod))
      // One that does not work is no loss.
      if (old !== undefined && (!available(old) || room-- > 0)) api.remove(old)
    }
  }

  if (!isDeleting(set)) {
    place()
    if (isRolling) roll()
  }

  const groups = byNode()
  const wanted = [...fits].filter(([, { runs }]) => runs).map(([name]) => name)
  const scheduled = wanted.filter((name) => (groups.get(name) ?? []).length > 0)
  const here = (test: (pod: JsonObject) => boolean): number =>
    wanted.filter((name) => (groups.get(name) ?? []).some((pod) => !isDeleting(pod) && test(pod))).length
  const [ready, updated, working] = [here(isReady), here(isNew), here(available)]
  const now = api.get("daemonsets.apps", namespaceOf(set), nameOf(set))
  if (now === undefined || uid(now) !== uid(set)) return
  const number = (key: string, value: number): JsonObject => (value === 0 ? {} : { [key]: value })
  api.updateStatus(now, {
    currentNumberScheduled: scheduled.length,
    numberMisscheduled: [...fits].filter(([name, { runs }]) => !runs && (groups.get(name) ?? []).length > 0).length,
    desiredNumberScheduled: wanted.length,
    numberReady: ready,
    observedGeneration: generationOf(set),
    ...number("updatedNumberScheduled", updated),
    ...number("numberAvailable", working),
    ...number("numberUnavailable", wanted.length - working),
    ...(at(set, "status", "collisionCount") === undefined
      ? {}
      : { collisionCount: numberAt(set, ["status", "collisionCount"], 0) })
  })
  const used = new Set([hash, ...[...groups.values()].flat().map(revisionOf)])
  cleanUp(api, set, revisions.all, (each) => used.has(textAt(each, "metadata", "labels", revisionLabel)))
}

export const daemonSet: Controller<"daemonset"> = {
  name: "daemonset",
  watches: ["daemonsets.apps", "pods", "nodes", "controllerrevisions.apps"],
  sync: (api) => {
    for (const set of api.list("daemonsets.apps")) sync(api, set)
  }
}
