/** The conditions of single kinds, by `group/kind`: what the kind's own controller calls done, and what failed for good. */
import type { Condition } from "../Condition.js"
import { cut, entryOf, isCurrent, make, never, notYet, part, said, status } from "./condition.js"
import { isObject } from "./isObject.js"

const count = (value: unknown, otherwise = 0): number => (typeof value === "number" ? value : otherwise)

const phaseOf = (pod: unknown): unknown => part(pod, "status")["phase"]

const met = { _tag: "Met" } as const

const stateOf = (container: Record<string, unknown>, name: "state" | "lastState"): Record<string, unknown> => {
  const state = container[name]
  return isObject(state) ? state : {}
}

const exitOf = (terminated: Record<string, unknown>): string => {
  const why = said(terminated)
  return `exit code ${String(terminated["exitCode"])}${why === "" ? "" : ` (${why})`}`
}

/** How the containers that do not run are, in the kubelet's words. */
const containersOf = (pod: unknown): string => {
  const { containerStatuses, initContainerStatuses, message, reason } = part(pod, "status")
  const containers = [initContainerStatuses, containerStatuses]
    .flatMap((statuses): ReadonlyArray<unknown> => (Array.isArray(statuses) ? statuses : []))
    .filter(isObject)
    .flatMap((container) => {
      const { terminated, waiting } = stateOf(container, "state")
      const name = String(container["name"])
      if (isObject(waiting)) {
        const { terminated: before } = stateOf(container, "lastState")
        return [`${name}: ${said(waiting)}${isObject(before) ? `, after ${exitOf(before)}` : ""}`]
      }
      return isObject(terminated) && terminated["exitCode"] !== 0 ? [`${name}: ${exitOf(terminated)}`] : []
    })
  return cut([said({ reason, message }), ...containers].filter((text) => text !== "").join(", "))
}

const because = (text: string, why: string): string => (why === "" ? text : `${text}: ${why}`)

const podReady = make("ready", (pod) => {
  const phase = phaseOf(pod)
  if (phase === "Succeeded" || phase === "Failed") {
    return never(because(`the pod has ended with ${phase}`, containersOf(pod)))
  }
  // It may still say that it is ready, but gets no requests any more.
  if (part(pod, "metadata")["deletionTimestamp"] !== undefined) return notYet("the pod is terminating")
  const ready = entryOf(pod, "Ready")
  if (ready?.status === "True") return met
  return notYet(
    because(`the pod is ${typeof phase === "string" ? phase : "Pending"}`, containersOf(pod) || said(ready ?? {}))
  )
})

const podCompleted = make("completed", (pod) => {
  const phase = phaseOf(pod)
  if (phase === "Succeeded") return met
  return phase === "Failed"
    ? never(because("the pod has failed", containersOf(pod)))
    : notYet(because(`the pod is ${typeof phase === "string" ? phase : "Pending"}`, containersOf(pod)))
})

/** A controller that has said nothing yet has seen nothing: without this a new object with 0 replicas would be done. */
const isStale = (object: unknown): boolean => !isCurrent(object, count(part(object, "status")["observedGeneration"]))

const unseen = notYet("its controller has not seen the last change yet")

/** A rollout that has taken longer than its `progressDeadlineSeconds`. */
const pastDeadline = (deployment: unknown) => {
  const progressing = entryOf(deployment, "Progressing")
  return progressing?.reason === "ProgressDeadlineExceeded"
    ? never(because("the rollout has failed", said(progressing)))
    : undefined
}

const deploymentAvailable = make("available", (deployment) => {
  if (isStale(deployment)) return unseen
  const available = entryOf(deployment, "Available")
  if (available?.status === "True") return met
  return (
    pastDeadline(deployment) ??
    notYet(available === undefined ? "it has not said yet" : because("it is not available", said(available)))
  )
})

const deploymentRolledOut = make("rolled out", (deployment) => {
  if (isStale(deployment)) return unseen
  const failed = pastDeadline(deployment)
  if (failed !== undefined) return failed
  const wanted = count(part(deployment, "spec")["replicas"], 1)
  const { availableReplicas, replicas, updatedReplicas } = part(deployment, "status")
  const updated = count(updatedReplicas)
  if (updated < wanted && part(deployment, "spec")["paused"] === true) {
    return notYet(`it is paused, and ${updated} of ${wanted} replicas are updated`)
  }
  if (updated < wanted) return notYet(`${updated} of ${wanted} replicas are updated`)
  if (count(replicas) > updated) return notYet(`${count(replicas) - updated} old replicas are still ending`)
  return count(availableReplicas) < updated
    ? notYet(`${count(availableReplicas)} of ${updated} updated replicas are available`)
    : met
})

const statefulSetRolledOut = make("rolled out", (set) => {
  const spec = part(set, "spec")
  const strategy = isObject(spec["updateStrategy"]) ? spec["updateStrategy"] : {}
  if (strategy["type"] === "OnDelete") return never("with the update strategy OnDelete nothing is rolled out")
  if (isStale(set)) return unseen
  const wanted = count(spec["replicas"], 1)
  const { currentRevision, readyReplicas, updateRevision, updatedReplicas } = part(set, "status")
  if (count(readyReplicas) < wanted) return notYet(`${count(readyReplicas)} of ${wanted} pods are ready`)
  const rolling = isObject(strategy["rollingUpdate"]) ? strategy["rollingUpdate"] : {}
  const partition = count(rolling["partition"])
  if (partition > 0) {
    return count(updatedReplicas) < wanted - partition
      ? notYet(`${count(updatedReplicas)} of ${wanted - partition} pods are updated`)
      : met
  }
  return updateRevision === currentRevision ? met : notYet(`${count(updatedReplicas)} of ${wanted} pods are updated`)
})

const daemonSetRolledOut = make("rolled out", (set) => {
  const strategy = part(set, "spec")["updateStrategy"]
  if (isObject(strategy) && strategy["type"] === "OnDelete") {
    return never("with the update strategy OnDelete nothing is rolled out")
  }
  if (isStale(set)) return unseen
  const { desiredNumberScheduled, numberAvailable, updatedNumberScheduled } = part(set, "status")
  const wanted = count(desiredNumberScheduled)
  if (count(updatedNumberScheduled) < wanted)
    return notYet(`${count(updatedNumberScheduled)} of ${wanted} pods are updated`)
  return count(numberAvailable) < wanted ? notYet(`${count(numberAvailable)} of ${wanted} pods are available`) : met
})

const jobComplete = make("complete", (job) => {
  // With `FailureTarget` the failure is decided, and the pods that are left are being ended.
  const failed = [entryOf(job, "Failed"), entryOf(job, "FailureTarget")].find((entry) => entry?.status === "True")
  if (failed !== undefined) return never(because("the job has failed", said(failed)))
  if (entryOf(job, "Complete")?.status === "True") return met
  const { active, failed: failures, succeeded } = part(job, "status")
  const pods = `${count(active)} pods run, ${count(succeeded)} have succeeded, ${count(failures)} have failed`
  return notYet(entryOf(job, "Suspended")?.status === "True" ? `it is suspended; ${pods}` : pods)
})

const claimBound = make("bound", (claim) => {
  const phase = phaseOf(claim)
  if (phase === "Bound") return met
  return phase === "Lost"
    ? never("the volume of the claim is gone")
    : notYet(`the claim is ${String(phase ?? "Pending")}`)
})

const definitionEstablished = make("established", (definition) => {
  if (entryOf(definition, "Established")?.status === "True") return met
  const names = entryOf(definition, "NamesAccepted")
  return names?.status === "False" ? never(because("its names are taken", said(names))) : notYet("it is not served yet")
})

const table: { readonly [kind: string]: { readonly [name: string]: Condition<unknown> } } = {
  "/Pod": { ready: podReady, completed: podCompleted },
  "/Node": { ready: { ...status("Ready"), description: "ready" } },
  "/PersistentVolumeClaim": { bound: claimBound },
  "apps/Deployment": { available: deploymentAvailable, rolledOut: deploymentRolledOut },
  "apps/StatefulSet": { rolledOut: statefulSetRolledOut },
  "apps/DaemonSet": { rolledOut: daemonSetRolledOut },
  "batch/Job": { complete: jobComplete },
  "apiextensions.k8s.io/CustomResourceDefinition": { established: definitionEstablished }
}

/** The conditions that a built-in kind has of its own. */
export const conditionsOf = (group: string, kind: string): { readonly [name: string]: Condition<unknown> } =>
  table[`${group}/${kind}`] ?? {}
