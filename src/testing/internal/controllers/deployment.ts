/** [Deployments](https://kubernetes.io/docs/concepts/workloads/controllers/deployment/): one ReplicaSet after the other. */
import type { JsonObject } from "../openapi.js"
import { at } from "../strategies.js"
import {
  controllerReference,
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
import { generationOf, hashOf, owned, sameTemplate, selects, share, withCondition } from "./pods.js"

const revision = "deployment.kubernetes.io/revision"
const history = "deployment.kubernetes.io/revision-history"
const desired = "deployment.kubernetes.io/desired-replicas"
const most = "deployment.kubernetes.io/max-replicas"

const revisionOf = (object: JsonObject): number => Number(textAt(object, "metadata", "annotations", revision) || "0")
/** A deadline that never comes. */
const noDeadline = 2147483647

const replicasOf = (object: JsonObject): number => numberAt(object, ["spec", "replicas"], 1)
const inStatus = (object: JsonObject, name: string): number => numberAt(object, ["status", name], 0)
const sum = (sets: ReadonlyArray<JsonObject>, f: (set: JsonObject) => number): number =>
  sets.reduce((total, set) => total + f(set), 0)

const limits = (deployment: JsonObject): { readonly surge: number; readonly unavailable: number } => {
  if (textAt(deployment, "spec", "strategy", "type") === "Recreate") return { surge: 0, unavailable: 0 }
  const wanted = replicasOf(deployment)
  const rolling = objectAt(deployment, "spec", "strategy", "rollingUpdate")
  const surge = share(rolling["maxSurge"] ?? "25%", wanted, Math.ceil)
  const unavailable = share(rolling["maxUnavailable"] ?? "25%", wanted, Math.floor)
  // Something has to move.
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : Math.min(unavailable, wanted) }
}

const annotated = (object: JsonObject, annotations: JsonObject): JsonObject => ({
  ...object,
  metadata: {
    ...objectAt(object, "metadata"),
    annotations: { ...objectAt(object, "metadata", "annotations"), ...annotations }
  }
})

const byAge = (a: JsonObject, b: JsonObject): number =>
  timeAt(a, ["metadata", "creationTimestamp"], 0) - timeAt(b, ["metadata", "creationTimestamp"], 0) ||
  revisionOf(a) - revisionOf(b)

/** What kubectl and others have noted for themselves goes along. */
const inherited = (deployment: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(objectAt(deployment, "metadata", "annotations")).filter(
      ([key]) =>
        key !== "kubectl.kubernetes.io/last-applied-configuration" && !key.startsWith("deployment.kubernetes.io/")
    )
  )

const scale = (api: Api, deployment: JsonObject, set: JsonObject, replicas: number): void => {
  const wanted = replicasOf(deployment)
  const next = annotated(
    { ...set, spec: { ...objectAt(set, "spec"), replicas } },
    { [desired]: String(wanted), [most]: String(wanted + limits(deployment).surge) }
  )
  api.update(next)
}

/** The ReplicaSet of the template as it is now. */
const current = (api: Api, deployment: JsonObject, sets: ReadonlyArray<JsonObject>): JsonObject | undefined => {
  const template = objectAt(deployment, "spec", "template")
  const found = sets.toSorted(byAge).find((set) => sameTemplate(objectAt(set, "spec", "template"), template))
  const others = sets.filter((set) => set !== found)
  const number = String(Math.max(0, ...others.map(revisionOf)) + 1)
  if (found !== undefined) {
    if (revisionOf(found) >= Number(number)) return found
    const before = textAt(found, "metadata", "annotations", history)
    const revisions = [...(before === "" ? [] : before.split(",")), String(revisionOf(found))].join(",")
    const renewed = api.update(annotated(found, { [revision]: number, [history]: revisions }))
    return renewed._tag === "Right" ? renewed.right : found
  }
  const hash = hashOf([template, at(deployment, "status", "collisionCount") ?? 0])
  const labels = { ...objectAt(template, "metadata", "labels"), "pod-template-hash": hash }
  const wanted = replicasOf(deployment)
  const { surge } = limits(deployment)
  const isRecreate = textAt(deployment, "spec", "strategy", "type") === "Recreate"
  const all = sum(sets, replicasOf)
  const waits = isRecreate && sets.some((set) => replicasOf(set) > 0 || inStatus(set, "replicas") > 0)
  const replicas = waits ? 0 : Math.min(wanted, Math.max(0, wanted + surge - all))
  const made = api.create(
    {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: {
        name: `${nameOf(deployment)}-${hash}`,
        labels,
        annotations: {
          ...inherited(deployment),
          [desired]: String(wanted),
          [most]: String(wanted + surge),
          [revision]: number
        },
        ownerReferences: [controllerReference(deployment)]
      },
      spec: {
        replicas,
        ...(at(deployment, "spec", "minReadySeconds") === undefined
          ? {}
          : { minReadySeconds: at(deployment, "spec", "minReadySeconds") ?? 0 }),
        selector: {
          ...objectAt(deployment, "spec", "selector"),
          matchLabels: { ...objectAt(deployment, "spec", "selector", "matchLabels"), "pod-template-hash": hash }
        },
        template: { ...template, metadata: { ...objectAt(template, "metadata"), labels } }
      }
    },
    namespaceOf(deployment)
  )
  return made._tag === "Right" ? made.right : undefined
}

/** One step from the old ones to the new one, within what may be too many and too few. */
const roll = (api: Api, deployment: JsonObject, set: JsonObject, old: ReadonlyArray<JsonObject>): void => {
  const wanted = replicasOf(deployment)
  const { surge, unavailable } = limits(deployment)
  const all = [set, ...old]
  if (textAt(deployment, "spec", "strategy", "type") === "Recreate") {
    for (const each of old) if (replicasOf(each) > 0) scale(api, deployment, each, 0)
    const pods = api.list("pods", namespaceOf(deployment)).filter(selects(deployment))
    const remains = pods.some(
      (pod) => !objectsAt(pod, "metadata", "ownerReferences").some((each) => each["uid"] === uid(set))
    )
    if (!remains && replicasOf(set) !== wanted) scale(api, deployment, set, wanted)
    return
  }
  if (replicasOf(set) > wanted) return scale(api, deployment, set, wanted)
  const total = sum(all, replicasOf)
  if (replicasOf(set) < wanted && total < wanted + surge) {
    return scale(api, deployment, set, replicasOf(set) + Math.min(wanted + surge - total, wanted - replicasOf(set)))
  }
  const least = wanted - unavailable
  const missing = replicasOf(set) - inStatus(set, "availableReplicas")
  let room = sum(all, replicasOf) - least - missing
  if (room <= 0) return
  // The ones that do not work go first.
  for (const each of old.toSorted(byAge)) {
    const sick = Math.min(room, replicasOf(each) - inStatus(each, "availableReplicas"))
    if (sick > 0) {
      room -= sick
      return scale(api, deployment, each, replicasOf(each) - sick)
    }
  }
  room = Math.min(room, sum(all, (each) => inStatus(each, "availableReplicas")) - least)
  for (const each of old.toSorted(byAge)) {
    const fewer = Math.min(room, replicasOf(each))
    if (fewer <= 0) continue
    room -= fewer
    scale(api, deployment, each, replicasOf(each) - fewer)
  }
}

const statusOf = (
  api: Api,
  deployment: JsonObject,
  set: JsonObject | undefined,
  sets: ReadonlyArray<JsonObject>
): JsonObject => {
  const before = objectAt(deployment, "status")
  const wanted = replicasOf(deployment)
  const available = sum(sets, (each) => inStatus(each, "availableReplicas"))
  const ready = sum(sets, (each) => inStatus(each, "readyReplicas"))
  const replicas = sum(sets, (each) => inStatus(each, "replicas"))
  const terminating = sum(sets, (each) => inStatus(each, "terminatingReplicas"))
  const updated = set === undefined ? 0 : inStatus(set, "replicas")
  const unavailable = Math.max(0, sum(sets, replicasOf) - available)
  let conditions = objectsAt(deployment, "status", "conditions")
  const enough = available >= wanted - limits(deployment).unavailable
  const deadline = numberAt(deployment, ["spec", "progressDeadlineSeconds"], 600)
  const complete = updated === wanted && replicas === wanted && available === wanted
  const moved =
    updated > numberAt(before, ["updatedReplicas"], 0) ||
    replicas - updated < numberAt(before, ["replicas"], 0) - numberAt(before, ["updatedReplicas"], 0) ||
    ready > numberAt(before, ["readyReplicas"], 0) ||
    available > numberAt(before, ["availableReplicas"], 0)
  const progressing = conditions.find((each) => each["type"] === "Progressing")
  const name = set === undefined ? "" : nameOf(set)
  conditions = enough
    ? withCondition(
        api,
        conditions,
        "Available",
        "True",
        "MinimumReplicasAvailable",
        "Deployment has minimum availability."
      )
    : withCondition(
        api,
        conditions,
        "Available",
        "False",
        "MinimumReplicasUnavailable",
        "Deployment does not have minimum availability."
      )
  const about = `ReplicaSet ${JSON.stringify(name)}`
  if (set !== undefined && deadline < noDeadline && at(deployment, "spec", "paused") !== true) {
    const isNew = !textAt(progressing, "message").includes(`"${name}"`)
    if (complete) {
      conditions = withCondition(
        api,
        conditions,
        "Progressing",
        "True",
        "NewReplicaSetAvailable",
        `${about} has successfully progressed.`
      )
    } else if (isNew) {
      conditions = withCondition(
        api,
        conditions,
        "Progressing",
        "True",
        "NewReplicaSetCreated",
        `Created new replica set ${JSON.stringify(name)}`
      )
    } else if (moved) {
      conditions = [
        ...conditions.filter((each) => each["type"] !== "Progressing"),
        {
          type: "Progressing",
          status: "True",
          lastUpdateTime: api.time,
          lastTransitionTime:
            progressing?.["status"] === "True" ? (progressing["lastTransitionTime"] ?? api.time) : api.time,
          reason: "ReplicaSetUpdated",
          message: `${about} is progressing.`
        }
      ]
    } else if (progressing?.["reason"] !== "NewReplicaSetAvailable") {
      const until = timeAt(progressing, ["lastUpdateTime"], api.now) + deadline * 1000
      api.wakeAt(until)
      if (until <= api.now) {
        conditions = withCondition(
          api,
          conditions,
          "Progressing",
          "False",
          "ProgressDeadlineExceeded",
          `${about} has timed out progressing.`
        )
      }
    }
  }
  const count = (key: string, value: number): JsonObject => (value === 0 ? {} : { [key]: value })
  return {
    observedGeneration: generationOf(deployment),
    ...count("replicas", replicas),
    ...count("updatedReplicas", updated),
    ...count("readyReplicas", ready),
    ...count("availableReplicas", available),
    ...count("unavailableReplicas", unavailable),
    terminatingReplicas: terminating,
    conditions
  }
}

/** Notes that it is paused, or goes on; what has failed stays so. */
const pause = (api: Api, deployment: JsonObject): void => {
  const conditions = objectsAt(deployment, "status", "conditions")
  const reason = textAt(
    conditions.find(({ type }) => type === "Progressing"),
    "reason"
  )
  if (numberAt(deployment, ["spec", "progressDeadlineSeconds"], 600) >= noDeadline) return
  if (reason === "ProgressDeadlineExceeded") return
  const isPaused = at(deployment, "spec", "paused") === true
  if (isPaused === (reason === "DeploymentPaused")) return
  const next = isPaused
    ? withCondition(api, conditions, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
    : withCondition(api, conditions, "Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed")
  api.updateStatus(deployment, { ...objectAt(deployment, "status"), conditions: next })
}

const sync = (api: Api, given: JsonObject): void => {
  if (!isDeleting(given)) pause(api, given)
  const found = api.get("deployments.apps", namespaceOf(given), nameOf(given)) ?? given
  const sets = owned(api, found, "replicasets.apps")
  if (isDeleting(found)) return
  const isPaused = at(found, "spec", "paused") === true
  const template = objectAt(found, "spec", "template")
  const set = isPaused
    ? sets.find((each) => sameTemplate(objectAt(each, "spec", "template"), template))
    : current(api, found, sets)
  const now = api.get("deployments.apps", namespaceOf(found), nameOf(found)) ?? found
  if (set !== undefined && !isPaused && revisionOf(now) !== revisionOf(set)) {
    // With the status, so that it makes no new generation.
    api.update(annotated(now, { [revision]: String(revisionOf(set)) }), "status")
  }
  const old = sets.filter((each) => uid(each) !== (set === undefined ? "" : uid(set)))
  if (set !== undefined && !isPaused) roll(api, found, set, old)
  else if (set !== undefined && old.every((each) => replicasOf(each) === 0) && replicasOf(set) !== replicasOf(found)) {
    scale(api, found, set, replicasOf(found))
  }
  const deployment = api.get("deployments.apps", namespaceOf(found), nameOf(found))
  if (deployment === undefined) return
  const all = owned(api, deployment, "replicasets.apps")
  const newest = set === undefined ? undefined : all.find((each) => uid(each) === uid(set))
  const status = statusOf(api, deployment, newest, all)
  api.updateStatus(deployment, status)
  // What nobody goes back to is cleaned up, once the rollout is over.
  const limit = numberAt(deployment, ["spec", "revisionHistoryLimit"], 10)
  const idle = all.filter(
    (each) => each !== newest && replicasOf(each) === 0 && inStatus(each, "replicas") === 0 && !isDeleting(each)
  )
  if (numberAt(status, ["updatedReplicas"], 0) === replicasOf(deployment)) {
    for (const each of idle
      .toSorted((a, b) => revisionOf(a) - revisionOf(b))
      .slice(0, Math.max(0, idle.length - limit))) {
      api.remove(each)
    }
  }
}

export const deployment: Controller<"deployment"> = {
  name: "deployment",
  watches: ["deployments.apps", "replicasets.apps", "pods"],
  sync: (api) => {
    for (const each of api.list("deployments.apps")) sync(api, each)
  }
}
