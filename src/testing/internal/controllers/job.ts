/** [Jobs](https://kubernetes.io/docs/concepts/workloads/controllers/job/): pods until enough of them have succeeded. */
import { isJsonObject } from "../json.js"
import type { JsonObject } from "../openapi.js"
import { at } from "../strategies.js"
import {
  finalizersOf,
  isDeleting,
  nameOf,
  namespaceOf,
  numberAt,
  objectAt,
  objectsAt,
  textAt,
  timeAt,
  timeOf,
  uid,
  withoutFinalizer,
  type Api,
  type Controller
} from "./api.js"
import { inOrderOfRemoval, isFinished, isReady, owned, phaseOf, podOf } from "./pods.js"

const tracking = "batch.kubernetes.io/job-tracking"
const indexed = "batch.kubernetes.io/job-completion-index"

const firstBackOff = 10_000
const longestBackOff = 600_000

/** How a job has ended, if it has. */
export const resultOf = (job: JsonObject): "Complete" | "Failed" | undefined => {
  const conditions = objectsAt(job, "status", "conditions").filter(({ status }) => status === "True")
  return (["Complete", "Failed"] as const).find((result) => conditions.some(({ type }) => type === result))
}

const indexOf = (pod: JsonObject): number => Number(at(pod, "metadata", "annotations", indexed) ?? "-1")

/** Numbers as `0,2-4`. */
const ranges = (numbers: ReadonlyArray<number>): string => {
  const parts: Array<[number, number]> = []
  for (const number of numbers) {
    const last = parts.at(-1)
    if (last !== undefined && last[1] === number - 1) last[1] = number
    else parts.push([number, number])
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from}${to === from + 1 ? "," : "-"}${to}`)).join(",")
}

const numbersOf = (text: string): ReadonlyArray<number> =>
  text === ""
    ? []
    : text.split(",").flatMap((part) => {
        const [from = 0, to = from] = part.split("-").map(Number)
        return Array.from({ length: to - from + 1 }, (_, index) => from + index)
      })

/** The pod knows its index by its host name and by a variable. */
const withIndex = (pod: JsonObject, job: JsonObject, index: number): JsonObject => {
  const variable = "JOB_COMPLETION_INDEX"
  const spec = objectAt(pod, "spec")
  const known = (key: string): JsonObject =>
    spec[key] === undefined
      ? {}
      : {
          [key]: objectsAt(spec, key).map((container) => {
            const env = objectsAt(container, "env")
            if (env.some(({ name }) => name === variable)) return container
            const fieldPath = `metadata.labels['${indexed}']`
            return { ...container, env: [...env, { name: variable, valueFrom: { fieldRef: { fieldPath } } }] }
          })
        }
  return {
    ...pod,
    spec: { ...spec, ...known("initContainers"), ...known("containers"), hostname: `${nameOf(job)}-${index}` }
  }
}

/** Who manages a Job that does not say who does. */
const own = "kubernetes.io/job-controller"

const sync = (api: Api, job: JsonObject): void => {
  const manager = at(job, "spec", "managedBy") ?? own
  if (manager !== own) return
  const pods = owned(api, job, "pods")
  const release = (pod: JsonObject) => {
    if (finalizersOf(pod).includes(tracking)) api.update(withoutFinalizer(pod, tracking))
  }
  if (isDeleting(job) || resultOf(job) !== undefined) {
    for (const pod of pods) release(pod)
    const ttl = at(job, "spec", "ttlSecondsAfterFinished")
    if (typeof ttl !== "number" || isDeleting(job)) return
    const ended = objectsAt(job, "status", "conditions").map((each) => timeAt(each, ["lastTransitionTime"], 0))
    const until = Math.max(...ended) + ttl * 1000
    api.wakeAt(until)
    if (until <= api.now) api.remove(job, { propagationPolicy: "Foreground" })
    return
  }
  const status = objectAt(job, "status")
  const isIndexed = at(job, "spec", "completionMode") === "Indexed"
  const isSuspended = at(job, "spec", "suspend") === true
  const completions = at(job, "spec", "completions")
  const parallelism = numberAt(job, ["spec", "parallelism"], 1)
  const limit = numberAt(job, ["spec", "backoffLimit"], 6)
  // Those that still have the finalizer have not been counted yet.
  const uncounted = pods.filter((pod) => finalizersOf(pod).includes(tracking))
  const newSuccesses = uncounted.filter((pod) => phaseOf(pod) === "Succeeded")
  const newFailures = uncounted.filter((pod) => phaseOf(pod) === "Failed" || (isDeleting(pod) && !isFinished(pod)))
  const done = new Set(numbersOf(String(status["completedIndexes"] ?? "")))
  if (isIndexed) for (const pod of newSuccesses) done.add(indexOf(pod))
  const succeeded = isIndexed ? done.size : numberAt(status, ["succeeded"], 0) + newSuccesses.length
  const failedPods = numberAt(status, ["failed"], 0) + newFailures.length
  const active = pods.filter((pod) => !isFinished(pod) && !isDeleting(pod))
  const known = objectsAt(job, "status", "conditions")
  const isTrue = (type: string): boolean => known.some((each) => each["type"] === type && each["status"] === "True")
  // A job that goes on begins anew.
  const isResumed = !isSuspended && isTrue("Suspended")
  const startTime = isResumed ? api.now : timeAt(status, ["startTime"], api.now)

  const restarts = active.reduce(
    (total, pod) =>
      total +
      objectsAt(pod, "status", "containerStatuses").reduce((sum, each) => sum + numberAt(each, ["restartCount"], 0), 0),
    0
  )
  const deadline = at(job, "spec", "activeDeadlineSeconds")
  const until = typeof deadline === "number" && !isSuspended ? startTime + deadline * 1000 : Infinity
  api.wakeAt(until)
  const target = known.find(({ status: is, type }) => type === "FailureTarget" && is === "True")
  const failure =
    target !== undefined
      ? ([textAt(target, "reason"), textAt(target, "message")] as const)
      : failedPods > limit || (restarts > 0 && restarts > limit)
        ? (["BackoffLimitExceeded", "Job has reached the specified backoff limit"] as const)
        : until <= api.now
          ? (["DeadlineExceeded", "Job was active longer than specified deadline"] as const)
          : undefined
  const isComplete =
    failure === undefined &&
    (typeof completions === "number" ? succeeded >= completions : succeeded > 0 && active.length === 0)

  for (const pod of [...newSuccesses, ...newFailures]) release(pod)
  const current = owned(api, job, "pods")
  let running = current.filter((pod) => !isFinished(pod) && !isDeleting(pod))
  // Those that are not needed any more have not failed, but those of a job that fails have.
  const failed = failedPods + (failure === undefined ? 0 : running.length)
  const dismiss = (dismissed: ReadonlyArray<JsonObject>) => {
    for (const pod of dismissed) {
      release(pod)
      api.remove(pod)
    }
  }
  const unfinished = () => owned(api, job, "pods").filter((pod) => !isFinished(pod))
  if (failure !== undefined || isComplete || isSuspended) {
    dismiss(running)
    running = []
  } else {
    const left =
      typeof completions === "number" ? completions - succeeded : succeeded > 0 ? running.length : parallelism
    const waitsFor = at(job, "spec", "podReplacementPolicy") === "Failed" ? unfinished().length - running.length : 0
    const wanted = Math.max(0, Math.min(parallelism, left) - waitsFor)
    if (running.length > wanted) {
      const dismissed = inOrderOfRemoval(running).slice(0, running.length - wanted)
      dismiss(dismissed)
      running = running.filter((pod) => !dismissed.includes(pod))
    }
    const last = Math.max(
      -Infinity,
      ...pods
        .filter((pod) => phaseOf(pod) === "Failed")
        .flatMap((pod) => objectsAt(pod, "status", "containerStatuses"))
        .map((each) => timeAt(each, ["state", "terminated", "finishedAt"], -Infinity))
    )
    const pause = failed === 0 ? 0 : Math.min(longestBackOff, firstBackOff * 2 ** Math.min(failed - 1, 20))
    const from = failed === 0 ? api.now : (last === -Infinity ? api.now : last) + pause
    if (running.length < wanted && from > api.now) api.wakeAt(from)
    else {
      const taken = new Set([...done, ...running.map(indexOf)])
      for (let count = running.length; count < wanted; count++) {
        let index = 0
        while (taken.has(index)) index++
        taken.add(index)
        const template = objectAt(job, "spec", "template")
        const pod = podOf(
          job,
          template,
          { generateName: isIndexed ? `${nameOf(job)}-${index}-` : `${nameOf(job)}-` },
          isIndexed ? { [indexed]: String(index) } : {},
          isIndexed ? { [indexed]: String(index) } : {}
        )
        const finalizers = [...finalizersOf(pod), tracking]
        const tracked = { ...pod, metadata: { ...objectAt(pod, "metadata"), finalizers } }
        const made = api.create(isIndexed ? withIndex(tracked, job, index) : tracked, namespaceOf(job))
        if (made._tag === "Left") break
        running = [...running, made.right]
      }
    }
  }
  const condition = (type: string, [reason, message]: readonly [string, string], status = "True"): JsonObject => ({
    type,
    status,
    lastProbeTime: api.time,
    lastTransitionTime: api.time,
    reason,
    message
  })
  const reached = ["CompletionsReached", "Reached expected number of succeeded pods"] as const
  // It is over when the last pod is, not before.
  const isOver = unfinished().length === 0
  const more: ReadonlyArray<JsonObject> = [
    ...(failure === undefined || isTrue("FailureTarget") ? [] : [condition("FailureTarget", failure)]),
    ...(failure !== undefined && isOver ? [condition("Failed", failure)] : []),
    ...(isComplete && !isTrue("SuccessCriteriaMet") ? [condition("SuccessCriteriaMet", reached)] : []),
    ...(isComplete && isOver ? [condition("Complete", reached)] : []),
    ...(isSuspended && !isTrue("Suspended") ? [condition("Suspended", ["JobSuspended", "Job suspended"])] : []),
    ...(isResumed ? [condition("Suspended", ["JobResumed", "Job resumed"], "False")] : [])
  ]
  const replaced = new Set(more.map(({ type }) => type))
  const conditions = [...known.filter(({ type }) => !replaced.has(type ?? "")), ...more]
  const now = api.get("jobs.batch", namespaceOf(job), nameOf(job))
  if (now === undefined || uid(now) !== uid(job)) return
  const count = (key: string, value: number): JsonObject => (value === 0 ? {} : { [key]: value })
  const ready = running.filter(isReady).length
  api.updateStatus(now, {
    ...(conditions.length === 0 ? {} : { conditions }),
    ...(isSuspended && status["startTime"] === undefined ? {} : { startTime: timeOf(startTime) }),
    ...(isComplete && isOver ? { completionTime: api.time } : {}),
    ...count("active", running.length),
    ...count("succeeded", succeeded),
    ...count("failed", failed),
    terminating: unfinished().filter(isDeleting).length,
    ready,
    ...(done.size === 0 ? {} : { completedIndexes: ranges([...done].toSorted((a, b) => a - b)) }),
    uncountedTerminatedPods: {}
  })
}

export const job: Controller<"job"> = {
  name: "job",
  watches: ["jobs.batch", "pods"],
  sync: (api) => {
    for (const each of api.list("jobs.batch")) if (isJsonObject(each["spec"])) sync(api, each)
  }
}
