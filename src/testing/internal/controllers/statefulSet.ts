/**
 * [StatefulSets](https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/): pods with names, one after the other.
 */
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
  uid,
  type Api,
  type Controller
} from "./api.js"
import { generationOf, isAvailable, isFinished, isReady, owned, phaseOf, podOf } from "./pods.js"
import { annotationsOf, cleanUp, revisionLabel, revisionOf, revisionsOf, templateOf } from "./revisions.js"

const hashLabel = "controller.kubernetes.io/hash"

const ordinalOf = (set: JsonObject, pod: JsonObject): number => {
  const prefix = `${nameOf(set)}-`
  const name = nameOf(pod)
  const rest = name.startsWith(prefix) ? name.slice(prefix.length) : ""
  return /^(?:0|[1-9]\d*)$/.test(rest) ? Number(rest) : -1
}

const isRunning = (pod: JsonObject): boolean => phaseOf(pod) === "Running" && isReady(pod)

const claimName = (set: JsonObject, claim: JsonObject, ordinal: number): string =>
  `${textAt(claim, "metadata", "name")}-${nameOf(set)}-${ordinal}`

const claimsOf = (set: JsonObject): ReadonlyArray<JsonObject> => objectsAt(set, "spec", "volumeClaimTemplates")

const retains = (set: JsonObject, when: "whenDeleted" | "whenScaled"): boolean =>
  textAt(set, "spec", "persistentVolumeClaimRetentionPolicy", when) !== "Delete"

/** Whom a claim goes with: nobody, the set, or the pod that is one too many. */
const keeperOf = (set: JsonObject, pod: JsonObject | undefined, isCondemned: boolean): JsonObject | undefined => {
  if (isCondemned && !retains(set, "whenScaled")) return pod
  return retains(set, "whenDeleted") ? undefined : set
}

const claim = (api: Api, set: JsonObject, ordinal: number, isCondemned: boolean): boolean => {
  const pod = api.get("pods", namespaceOf(set), `${nameOf(set)}-${ordinal}`)
  const keeper = keeperOf(set, pod, isCondemned)
  return claimsOf(set).every((template) => {
    const name = claimName(set, template, ordinal)
    const metadata = objectAt(template, "metadata")
    const reference = keeper === undefined ? [] : [controllerReference(keeper)]
    const known = api.get("persistentvolumeclaims", namespaceOf(set), name)
    if (known === undefined) {
      if (isCondemned) return true
      const made = api.create(
        {
          ...template,
          apiVersion: "v1",
          kind: "PersistentVolumeClaim",
          metadata: {
            ...metadata,
            name,
            labels: { ...objectAt(metadata, "labels"), ...objectAt(set, "spec", "selector", "matchLabels") },
            ...(reference.length === 0 ? {} : { ownerReferences: reference })
          }
        },
        namespaceOf(set)
      )
      return made._tag === "Right"
    }
    const owners = objectsAt(known, "metadata", "ownerReferences")
    const isOurs = (owner: JsonObject): boolean =>
      owner["uid"] === uid(set) || (owner["kind"] === "Pod" && owner["name"] === `${nameOf(set)}-${ordinal}`)
    const ours = owners.filter(isOurs)
    if (ours.length === reference.length && ours.every((each) => each["uid"] === uid(keeper ?? {}))) {
      return true
    }
    api.update({
      ...known,
      metadata: {
        ...objectAt(known, "metadata"),
        ownerReferences: [...owners.filter((each) => !isOurs(each)), ...reference]
      }
    })
    return true
  })
}

const newPod = (set: JsonObject, revision: JsonObject, ordinal: number): JsonObject => {
  const name = `${nameOf(set)}-${ordinal}`
  const pod = podOf(
    set,
    templateOf(revision),
    { generateName: `${nameOf(set)}-`, name },
    {
      "apps.kubernetes.io/pod-index": String(ordinal),
      [revisionLabel]: nameOf(revision),
      "statefulset.kubernetes.io/pod-name": name
    }
  )
  const spec = objectAt(pod, "spec")
  const claims = claimsOf(set).map((template) => ({
    name: textAt(template, "metadata", "name"),
    persistentVolumeClaim: { claimName: claimName(set, template, ordinal) }
  }))
  const names = new Set(claims.map((each) => each.name))
  const volumes = [...claims, ...objectsAt(spec, "volumes").filter((each) => !names.has(String(each["name"])))]
  return {
    ...pod,
    spec: {
      ...spec,
      ...(volumes.length === 0 ? {} : { volumes }),
      hostname: name,
      subdomain: at(set, "spec", "serviceName") ?? ""
    }
  }
}

const sync = (api: Api, set: JsonObject): void => {
  const revisions = revisionsOf(api, set, hashLabel, annotationsOf(set))
  if (revisions === undefined) return
  const { all, newest: update } = revisions
  const before = objectAt(set, "status")
  const current = all.find((each) => nameOf(each) === before["currentRevision"]) ?? update
  const start = numberAt(set, ["spec", "ordinals", "start"], 0)
  const replicas = numberAt(set, ["spec", "replicas"], 1)
  const minReady = numberAt(set, ["spec", "minReadySeconds"], 0)
  const inTurn = textAt(set, "spec", "podManagementPolicy") !== "Parallel"
  const isOnDelete = textAt(set, "spec", "updateStrategy", "type") === "OnDelete"
  const partition = start + numberAt(set, ["spec", "updateStrategy", "rollingUpdate", "partition"], 0)

  const isThere = (pod: JsonObject): boolean => phaseOf(pod) !== ""
  // What has no name of the set's is none of its pods, whatever its labels say.
  const pods = (): ReadonlyArray<JsonObject> => owned(api, set, "pods", (pod) => ordinalOf(set, pod) >= 0)
  const found = pods()
  const count = (revision: JsonObject): number =>
    found.filter((pod) => isThere(pod) && !isDeleting(pod) && revisionOf(pod) === nameOf(revision)).length
  // What this turn makes and takes away is counted at once.
  let [total, ofCurrent, ofUpdate] = [found.length, count(current), count(update)]
  const counted = (revision: string, change: 1 | -1) => {
    if (revision === nameOf(current)) ofCurrent += change
    if (revision === nameOf(update)) ofUpdate += change
  }
  const available = (pod: JsonObject): boolean => isRunning(pod) && isAvailable(api, pod, minReady)
  const isHealthy = (pod: JsonObject): boolean => isRunning(pod) && !isDeleting(pod)
  const byOrdinal = new Map(found.map((pod) => [ordinalOf(set, pod), pod]))
  const ordinals = Array.from({ length: replicas }, (_, index) => start + index)
  const condemned = found
    .filter((pod) => !ordinals.includes(ordinalOf(set, pod)))
    .toSorted((a, b) => ordinalOf(set, b) - ordinalOf(set, a))
  const firstUnhealthy =
    found
      .filter((pod) => !condemned.includes(pod))
      .toSorted((a, b) => ordinalOf(set, a) - ordinalOf(set, b))
      .find((pod) => !isHealthy(pod)) ?? condemned.toReversed().find((pod) => !isHealthy(pod))

  /** Of which template a new pod is. */
  const revisionFor = (ordinal: number): JsonObject =>
    !isOnDelete &&
    ordinal <
      (at(set, "spec", "updateStrategy", "rollingUpdate") === undefined
        ? start + numberAt(before, ["currentReplicas"], 0)
        : partition)
      ? current
      : update

  /** False if the next one has to wait for this one. */
  const bring = (ordinal: number): boolean => {
    const pod = byOrdinal.get(ordinal)
    if (pod !== undefined && isFinished(pod)) {
      // It comes again under the same name, once this one is gone.
      if (!isDeleting(pod)) api.remove(pod)
      return !inTurn
    }
    if (!claim(api, set, ordinal, false)) return false
    if (pod === undefined) {
      const revision = revisionFor(ordinal)
      const made = api.create(newPod(set, revision, ordinal), namespaceOf(set))
      if (made._tag === "Left") return false
      total++
      counted(nameOf(revision), 1)
      return !inTurn
    }
    return !inTurn || (!isDeleting(pod) && available(pod))
  }

  /** False if the next one has to wait for this one. */
  const dismiss = (pod: JsonObject): boolean => {
    claim(api, set, ordinalOf(set, pod), true)
    if (isDeleting(pod)) return !inTurn
    if (inTurn && !available(pod) && pod !== firstUnhealthy) return false
    api.remove(pod)
    counted(revisionOf(pod), -1)
    return !inTurn
  }

  /** From the last one to the first one: those of another template go, one at a time. */
  const roll = () => {
    for (const ordinal of ordinals.toReversed()) {
      if (ordinal < partition) return
      const pod = byOrdinal.get(ordinal)
      if (pod === undefined) return
      if (revisionOf(pod) !== nameOf(update) && !isDeleting(pod)) {
        api.remove(pod)
        counted(revisionOf(pod), -1)
        return
      }
      if (!isHealthy(pod) || !available(pod)) return
    }
  }

  if (!isDeleting(set) && ordinals.every(bring) && condemned.every(dismiss) && !isOnDelete) roll()

  const ready = found.filter(isRunning).length
  const isComplete = !isOnDelete && ofUpdate === total && total === replicas && ready === replicas
  const number = (key: string, value: number): JsonObject => (value === 0 ? {} : { [key]: value })
  const now = api.get("statefulsets.apps", namespaceOf(set), nameOf(set))
  if (now === undefined || uid(now) !== uid(set)) return
  api.updateStatus(now, {
    observedGeneration: generationOf(set),
    replicas: total,
    ...number("readyReplicas", ready),
    ...number("currentReplicas", isComplete ? ofUpdate : ofCurrent),
    ...number("updatedReplicas", ofUpdate),
    currentRevision: isComplete ? nameOf(update) : nameOf(current),
    updateRevision: nameOf(update),
    collisionCount: before["collisionCount"] ?? 0,
    ...(before["conditions"] === undefined ? {} : { conditions: before["conditions"] }),
    availableReplicas: found.filter(available).length
  })
  const used = new Set([nameOf(current), nameOf(update), ...pods().map(revisionOf)])
  cleanUp(api, set, all, (revision) => used.has(nameOf(revision)))
}

export const statefulSet: Controller<"statefulset"> = {
  name: "statefulset",
  watches: ["statefulsets.apps", "pods", "persistentvolumeclaims", "controllerrevisions.apps"],
  sync: (api) => {
    for (const set of api.list("statefulsets.apps")) sync(api, set)
  }
}
