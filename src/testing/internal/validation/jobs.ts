/** What Jobs and CronJobs have to be. */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import { isJsonObject, jsonEquals } from "../json.js"
import { rules } from "../names.js"
import type { Json, JsonObject } from "../openapi.js"
import { structText } from "../structs.js"
import { podTemplate } from "./pod.js"
import {
  domainPrefixedPath,
  duplicate,
  eachAt,
  goText,
  immutable,
  invalid,
  invalidOmitted,
  invalidText,
  labelKey,
  labelSelector,
  listAt,
  maybeOneOf,
  missing,
  notNegative,
  numberAt,
  objectAt,
  oneOf,
  selects,
  specOf,
  textAt,
  tooLong,
  tooMany,
  unsupported,
  valueAt,
  type Causes,
  type PartRule,
  type Rule
} from "./rules.js"

const templateOf = (spec: JsonObject): JsonObject => objectAt(spec, "template") ?? {}

const namesOf = (list: ReadonlyArray<Json>): ReadonlyArray<string> => list.map((each) => textAt(each, "name"))

const listed = (values: ReadonlyArray<string>): string =>
  `valid values: [${values.map((each) => JSON.stringify(each)).join(" ")}]`

/** One of the values. If there is none it says which there are. */
const oneOfListed = (out: Causes, path: string, value: string, supported: ReadonlyArray<string>): void => {
  if (value === "") missing(out, path, listed(supported))
  else maybeOneOf(out, path, value, supported)
}

const exitCodes = (out: Causes, path: string, rule: JsonObject, containers: ReadonlyArray<string>): void => {
  oneOfListed(out, `${path}.operator`, textAt(rule, "operator"), ["In", "NotIn"])
  const containerName = valueAt(rule, "containerName")
  if (typeof containerName === "string" && !containers.includes(containerName)) {
    const why = "must be one of the container or initContainer names in the pod template"
    invalid(out, `${path}.containerName`, containerName, why)
  }
  const [at, values] = [`${path}.values`, listAt(rule, "values")]
  const shown = rule["values"] === undefined ? null : [...values]
  if (values.length === 0) invalid(out, at, shown, "at least one value is required")
  else if (values.length > 255) tooMany(out, at, values.length, 255)
  values.forEach((value, index) => {
    if (rule["operator"] === "In" && value === 0) {
      invalid(out, `${at}[${index}]`, value, "must not be 0 for the In operator")
    }
    if (values.indexOf(value) < index) duplicate(out, `${at}[${index}]`, value)
  })
  const isOrdered = values.every((value, index) => index === 0 || Number(values[index - 1]) <= Number(value))
  if (!isOrdered) invalid(out, at, shown, "must be ordered")
}

const failureActions = ["Count", "FailIndex", "FailJob", "Ignore"]

const failurePolicy = (out: Causes, path: string, spec: JsonObject, policy: JsonObject): void => {
  const pod = objectAt(templateOf(spec), "spec")
  const containers = [...namesOf(listAt(pod, "containers")), ...namesOf(listAt(pod, "initContainers"))]
  const all = eachAt(policy, path, "rules")
  if (all.length > 20) tooMany(out, `${path}.rules`, all.length, 20)
  for (const [rule, at] of all) {
    const action = textAt(rule, "action")
    if (action === "FailIndex") {
      if (spec["backoffLimitPerIndex"] === undefined) {
        invalid(out, `${at}.action`, action, "requires the backoffLimitPerIndex to be set")
      }
    } else oneOfListed(out, `${at}.action`, action, failureActions)
    const [codes, conditions] = [objectAt(rule, "onExitCodes"), eachAt(rule, at, "onPodConditions")]
    if (codes !== undefined) exitCodes(out, `${at}.onExitCodes`, codes, containers)
    if (conditions.length > 20) tooMany(out, `${at}.onPodConditions`, conditions.length, 20)
    for (const [condition, where] of conditions) {
      labelKey(out, `${where}.type`, textAt(condition, "type"))
      oneOfListed(out, `${where}.status`, textAt(condition, "status"), ["False", "True", "Unknown"])
    }
    if (codes !== undefined && conditions.length > 0) {
      invalidOmitted(out, at, "specifying both OnExitCodes and OnPodConditions is not supported")
    }
    if (codes === undefined && conditions.length === 0) {
      invalidOmitted(out, at, "specifying one of OnExitCodes and OnPodConditions is required")
    }
  }
}

interface Indexes {
  readonly intervals: ReadonlyArray<readonly [from: number, to: number]>
  /** Why the text is none, if it is not. */
  readonly problem?: string
}

/** Indexes and intervals of them, in ascending order: `1,3-5,7`. */
const indexesOf = (text: string, completions: number): Indexes => {
  const intervals: Array<readonly [number, number]> = []
  const index = (part: string): number | string =>
    !/^[+-]?\d+$/.test(part)
      ? `cannot convert string to integer for index: ${JSON.stringify(part)}`
      : Number(part) >= completions
        ? `too large index: ${JSON.stringify(part)}`
        : Number(part)
  for (const interval of text === "" ? [] : text.split(",")) {
    const [first = "", second, ...more] = interval.split("-")
    if (more.length > 0) {
      const rule = "an index interval can have at most two parts separated by '-'"
      return { intervals, problem: `the fragment ${JSON.stringify(interval)} violates the requirement that ${rule}` }
    }
    const from = index(first)
    if (typeof from === "string") return { intervals, problem: from }
    const to = second === undefined ? from : index(second)
    if (typeof to === "string") return { intervals, problem: to }
    const unordered = (previous: number, current: number): Indexes => ({
      intervals,
      problem: `non-increasing order, previous: ${previous}, current: ${current}`
    })
    if (second !== undefined && from >= to) return unordered(from, to)
    const last = intervals.at(-1)?.[1]
    if (last !== undefined && last >= from) return unordered(last, from)
    intervals.push([from, to])
  }
  return { intervals }
}

const sizeOf = ({ intervals }: Indexes): number => intervals.reduce((sum, [from, to]) => sum + to - from + 1, 0)

const successPolicy = (out: Causes, path: string, spec: JsonObject, policy: JsonObject): void => {
  const all = eachAt(policy, path, "rules")
  const completions = numberAt(spec, "completions") ?? 0
  if (all.length === 0) {
    missing(out, `${path}.rules`, "at least one rules must be specified when the successPolicy is specified")
  }
  if (all.length > 20) tooMany(out, `${path}.rules`, all.length, 20)
  for (const [rule, at] of all) {
    const [count, text] = [numberAt(rule, "succeededCount"), valueAt(rule, "succeededIndexes")]
    if (count === undefined && text === undefined) {
      missing(out, at, "at least one of succeededCount or succeededIndexes must be specified")
    }
    const indexes = indexesOf(String(text ?? ""), completions)
    if (typeof text === "string") {
      if (Buffer.byteLength(text) > 64 * 1024) tooLong(out, `${at}.succeededIndexes`, 64 * 1024)
      if (indexes.problem !== undefined) {
        invalid(out, `${at}.succeededIndexes`, text, `error parsing succeededIndexes: ${indexes.problem}`)
      }
    }
    if (count === undefined) continue
    const where = `${at}.succeededCount`
    notNegative(out, where, count)
    if (count > completions) {
      const why = `must be less than or equal to ${completions} (the number of specified completions)`
      invalid(out, where, count, why)
    }
    const total = indexes.problem === undefined ? sizeOf(indexes) : 0
    if (text !== undefined && count > total) {
      const why = `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`
      invalid(out, where, count, why)
    }
  }
}

const jobNumbers = [
  "parallelism",
  "completions",
  "activeDeadlineSeconds",
  "backoffLimit",
  "ttlSecondsAfterFinished",
  "backoffLimitPerIndex"
]

const indexedJob = (out: Causes, path: string, spec: JsonObject): void => {
  const [completions, parallelism, failed] = [
    numberAt(spec, "completions"),
    numberAt(spec, "parallelism"),
    numberAt(spec, "maxFailedIndexes")
  ]
  const most = (key: string, value: number | undefined, limit: number, when = ""): void => {
    if (value !== undefined && value > limit) {
      invalid(out, `${path}.${key}`, value, `must be less than or equal to ${limit}${when}`)
    }
  }
  if (completions === undefined) missing(out, `${path}.completions`, "when completion mode is Indexed")
  most("parallelism", parallelism, 100_000, " when completion mode is Indexed")
  if (completions !== undefined && failed !== undefined && failed > completions) {
    invalid(out, `${path}.maxFailedIndexes`, failed, "must be less than or equal to completions")
  }
  most("maxFailedIndexes", failed, 100_000)
  if (completions !== undefined && completions > 100_000 && spec["backoffLimitPerIndex"] !== undefined) {
    if (failed === undefined) {
      missing(out, `${path}.maxFailedIndexes`, "must be specified when completions is above 100000")
    }
    const when = " when completions are above 100000 and used with backoff limit per index"
    most("parallelism", parallelism, 10_000, when)
    most("maxFailedIndexes", failed, 10_000, when)
  }
}

const jobSpec = (out: Causes, path: string, spec: JsonObject): void => {
  for (const key of jobNumbers) notNegative(out, `${path}.${key}`, numberAt(spec, key))
  const failed = numberAt(spec, "maxFailedIndexes")
  notNegative(out, `${path}.maxFailedIndexes`, failed)
  if (failed !== undefined && spec["backoffLimitPerIndex"] === undefined) {
    missing(out, `${path}.backoffLimitPerIndex`, "when maxFailedIndexes is specified")
  }
  const manager = valueAt(spec, "managedBy")
  if (typeof manager === "string") {
    domainPrefixedPath(out, `${path}.managedBy`, manager)
    if (Buffer.byteLength(manager) > 63) tooLong(out, `${path}.managedBy`, 63)
  }
  const mode = valueAt(spec, "completionMode")
  maybeOneOf(out, `${path}.completionMode`, mode, ["NonIndexed", "Indexed"])
  if (mode === "Indexed") indexedJob(out, path, spec)
  else if (mode === undefined || mode === "NonIndexed") {
    for (const key of ["backoffLimitPerIndex", "maxFailedIndexes"]) {
      const value = numberAt(spec, key)
      if (value !== undefined) invalid(out, `${path}.${key}`, value, "requires indexed completion mode")
    }
  }
  const [failure, success] = [objectAt(spec, "podFailurePolicy"), objectAt(spec, "successPolicy")]
  if (failure !== undefined) failurePolicy(out, `${path}.podFailurePolicy`, spec, failure)
  if (success !== undefined) {
    const at = `${path}.successPolicy`
    if (mode === "Indexed") {
      if (spec["completions"] !== undefined) successPolicy(out, at, spec, success)
    } else invalidText(out, at, structText("batch.SuccessPolicy", success), "requires indexed completion mode")
  }
  const replacement = valueAt(spec, "podReplacementPolicy")
  const replacements = failure === undefined ? ["Failed", "TerminatingOrFailed"] : ["Failed"]
  maybeOneOf(out, `${path}.podReplacementPolicy`, replacement, replacements)
  podTemplate(out, `${path}.template`, templateOf(spec))
  const at = `${path}.template.spec.restartPolicy`
  const policy = textAt(spec, "template", "spec", "restartPolicy")
  if (policy === "Always" || policy === "") missing(out, at, `valid values: "OnFailure", "Never"`)
  else if (policy !== "OnFailure" && policy !== "Never") unsupported(out, at, policy, ["OnFailure", "Never"])
  else if (failure !== undefined && policy !== "Never") {
    invalid(out, at, policy, 'only "Never" is supported when podFailurePolicy is specified')
  }
}

/** The names of the labels by which a Job knows its pods; the first two are those of old. */
const ownLabels: ReadonlyArray<readonly [key: string, of: "name" | "uid"]> = [
  ["controller-uid", "uid"],
  ["job-name", "name"],
  ["batch.kubernetes.io/controller-uid", "uid"],
  ["batch.kubernetes.io/job-name", "name"]
]

const generatedSelector = (out: Causes, object: JsonObject): void => {
  const spec = specOf(object)
  const selector = objectAt(spec, "selector")
  if (spec["manualSelector"] === true || selector === undefined) return
  const given = objectAt(templateOf(spec), "metadata", "labels") ?? {}
  const expected = Object.fromEntries(ownLabels.map(([key, of]) => [key, textAt(object, "metadata", of)]))
  for (const [key] of ownLabels) {
    const at = `spec.template.metadata.labels[${key}]`
    const why = `must be '${expected[key] ?? ""}'`
    if (given[key] === undefined) missing(out, at, why)
    else if (given[key] !== expected[key]) invalid(out, at, given, why)
  }
  if (selects(selector, expected) === false) invalid(out, "spec.selector", selector, "`selector` not auto-generated")
}

const wholeSpec = (out: Causes, spec: JsonObject): void => {
  jobSpec(out, "spec", spec)
  const selector = objectAt(spec, "selector")
  if (selector === undefined) missing(out, "spec.selector")
  else labelSelector(out, "spec.selector", selector)
  const labels = objectAt(templateOf(spec), "metadata", "labels")
  // No selector selects nothing.
  if (selector === undefined || selects(selector, labels ?? {}) === false) {
    const why = "`selector` does not match template `labels`"
    invalid(out, "spec.template.metadata.labels", labels ?? null, why)
  }
}

const kept = ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"] as const

/** Where the pods of a suspended Job that never ran may go can still be changed. */
const scheduling = (template: JsonObject): JsonObject => {
  const { annotations: _annotations, labels: _labels, ...metadata } = objectAt(template, "metadata") ?? {}
  const {
    affinity,
    nodeSelector: _selector,
    schedulingGates: _gates,
    tolerations: _tolerations,
    ...spec
  } = objectAt(template, "spec") ?? {}
  const { nodeAffinity: _nodes, ...pods } = objectAt(affinity) ?? {}
  return { ...template, metadata, spec: Object.keys(pods).length === 0 ? spec : { ...spec, affinity: pods } }
}

const specUpdate = (out: Causes, spec: JsonObject, old: JsonObject, hasStarted: boolean): void => {
  const completions = valueAt(spec, "completions")
  if (spec["completionMode"] !== "Indexed") {
    immutable(out, "spec.completions", completions, valueAt(old, "completions"))
  } else if (completions !== undefined && completions !== valueAt(old, "completions")) {
    if (completions !== valueAt(spec, "parallelism")) {
      invalid(out, "spec.completions", completions, "can only be modified in tandem with spec.parallelism")
    }
  }
  immutable(out, "spec.selector", spec["selector"], old["selector"])
  const [template, before] = [templateOf(spec), templateOf(old)]
  const loose = old["suspend"] === true && !hasStarted
  const same = loose ? jsonEquals(scheduling(template), scheduling(before)) : jsonEquals(template, before)
  if (!same) invalidText(out, "spec.template", structText("core.PodTemplateSpec", template), "field is immutable")
  for (const key of kept) {
    const value = spec[key]
    if (jsonEquals(value, old[key])) continue
    const policy = key === "podFailurePolicy" ? "PodFailurePolicy" : "SuccessPolicy"
    const text = isJsonObject(value) ? structText(`batch.${policy}`, value) : goText(value ?? null)
    invalidText(out, `spec.${key}`, text, "field is immutable")
  }
}

export const job: Rule = (out, object, old) => {
  const spec = specOf(object)
  generatedSelector(out, object)
  wholeSpec(out, spec)
  const completions = numberAt(spec, "completions") ?? 0
  if (spec["completionMode"] === "Indexed" && completions > 0) {
    const jobName = textAt(object, "metadata", "name")
    const hostname = `${jobName}-${completions - 1}`
    if (rules.label(hostname).length > 0) {
      invalid(out, "metadata.name", jobName, `will not able to create pod with invalid DNS label: ${hostname}`)
    }
  }
  if (old === undefined) return
  // The API server looks twice.
  wholeSpec(out, spec)
  specUpdate(out, spec, specOf(old), valueAt(old, "status", "startTime") !== undefined)
}

const isTrue = (object: JsonObject, type: string, status = "True"): boolean =>
  listAt(object, "status", "conditions").some(
    (condition) => textAt(condition, "type") === type && textAt(condition, "status") === status
  )

const countsOfJob = ["active", "succeeded", "failed", "ready", "terminating"]

/** Of a status only what a write changes has to fit to the rest. */
export const jobStatus: PartRule = (out, object, old) => {
  const [spec, status, before] = [specOf(object), objectAt(object, "status") ?? {}, objectAt(old, "status") ?? {}]
  const count = (of: JsonObject, key: string): number => numberAt(of, key) ?? 0
  const changes = (...keys: ReadonlyArray<string>): boolean =>
    keys.some((key) => !jsonEquals(status[key] ?? null, before[key] ?? null))
  const turns = (...types: ReadonlyArray<string>): boolean =>
    types.some((type) => isTrue(object, type) !== isTrue(old, type))
  const conditions = (why: string): void => invalidOmitted(out, "status.conditions", why)
  for (const key of countsOfJob) notNegative(out, `status.${key}`, numberAt(status, key))
  const [complete, failed] = [isTrue(object, "Complete"), isTrue(object, "Failed")]
  const [target, met] = [isTrue(object, "FailureTarget"), isTrue(object, "SuccessCriteriaMet")]
  const finished = complete || failed
  const finishes = finished !== (isTrue(old, "Complete") || isTrue(old, "Failed"))
  const uncounted = new Set<string>()
  for (const list of ["succeeded", "failed"]) {
    listAt(status, "uncountedTerminatedPods", list).forEach((uid, index) => {
      const at = `status.uncountedTerminatedPods.${list}[${index}]`
      if (uid === "") invalid(out, at, uid, "must not be empty")
      else if (uncounted.has(String(uid))) duplicate(out, at, uid)
      uncounted.add(String(uid))
    })
  }
  if (turns("Complete", "Failed") && complete && failed) {
    conditions("cannot set Complete=True and Failed=true conditions")
  }
  if (turns("Complete", "FailureTarget") && complete && target) {
    conditions("cannot set Complete=True and FailureTarget=true conditions")
  }
  const [start, completion] = [valueAt(status, "startTime"), valueAt(status, "completionTime")]
  if (turns("Complete") || changes("completionTime")) {
    if (completion !== undefined && !complete) {
      const why = "cannot set completionTime when there is no Complete=True condition"
      invalid(out, "status.completionTime", completion, why)
    }
    if (completion === undefined && complete) {
      missing(out, "status.completionTime", "completionTime is required for Complete jobs")
    }
  }
  if (changes("startTime", "completionTime") && start !== undefined && completion !== undefined) {
    if (String(completion) < String(start)) {
      invalid(out, "status.completionTime", completion, "must be equal to or after `startTime`")
    }
  }
  if ((turns("Failed") || changes("failedIndexes")) && failed && !target) {
    conditions("cannot set Failed=True condition without the FailureTarget=true condition")
  }
  if (turns("Complete", "SuccessCriteriaMet") && complete && !met) {
    conditions("cannot set Complete=True condition without the SuccessCriteriaMet=true condition")
  }
  const active = count(status, "active")
  if ((finishes || changes("active")) && active > 0 && finished) {
    invalid(out, "status.active", active, "active>0 is invalid for finished job")
  }
  const isEmpty = spec["suspend"] === true && spec["completions"] === 0
  if ((finishes || changes("startTime")) && !isEmpty && start === undefined && finished) {
    missing(out, "status.startTime", "startTime is required for finished job")
  }
  if ((finishes || changes("uncountedTerminatedPods")) && finished && uncounted.size > 0) {
    const shown = status["uncountedTerminatedPods"] ?? null
    invalid(out, "status.uncountedTerminatedPods", shown, "must be empty for finished job")
  }
  statusIndexes(out, spec, status, changes("completedIndexes"), changes("failedIndexes"))
  const [terminating, ready] = [count(status, "terminating"), count(status, "ready")]
  if ((finishes || changes("terminating")) && terminating > 0 && finished) {
    invalid(out, "status.terminating", terminating, "terminating>0 is invalid for finished job")
  }
  if (changes("ready", "active") && ready > active) {
    invalid(out, "status.ready", ready, "cannot set more ready pods than active")
  }
  if (met && failed) conditions("cannot set SuccessCriteriaMet=True and Failed=true conditions")
  if (met && target) conditions("cannot set SuccessCriteriaMet=True and FailureTarget=true conditions")
  if (spec["successPolicy"] !== undefined && !met && complete) {
    conditions("cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True")
  }
  for (const type of ["Failed", "Complete", "FailureTarget"]) {
    if (isTrue(old, type) && !isTrue(object, type)) conditions(`cannot disable the terminal ${type}=True condition`)
  }
  const elastic = spec["completionMode"] === "Indexed" && spec["completions"] === spec["parallelism"]
  for (const key of elastic ? ["failed"] : ["failed", "succeeded"]) {
    const value = count(status, key)
    if (value < count(before, key)) invalid(out, `status.${key}`, value, `cannot decrease the ${key} counter`)
  }
  if (completion !== undefined && before["completionTime"] !== undefined && changes("completionTime")) {
    invalid(out, "status.completionTime", completion, "field is immutable")
  }
  const resumes = isTrue(old, "Suspended") && isTrue(object, "Suspended", "False")
  if (before["startTime"] !== undefined && changes("startTime") && !resumes && spec["suspend"] !== true) {
    missing(out, "status.startTime", "startTime cannot be removed for unsuspended job")
  }
  if (isTrue(old, "SuccessCriteriaMet") && !met) conditions("cannot disable the SuccessCriteriaMet=True condition")
  if (isTrue(old, "Complete") && !isTrue(old, "SuccessCriteriaMet") && met) {
    conditions("cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions")
  }
}

const statusIndexes = (out: Causes, spec: JsonObject, status: JsonObject, completes: boolean, fails: boolean): void => {
  const completions = numberAt(spec, "completions")
  const [done, failed] = [textAt(status, "completedIndexes"), valueAt(status, "failedIndexes")]
  const [good, bad] = [indexesOf(done, completions ?? 0), indexesOf(String(failed ?? ""), completions ?? 0)]
  const [doneAt, failedAt] = ["status.completedIndexes", "status.failedIndexes"]
  if (completes && completions !== undefined && good.problem !== undefined) {
    invalid(out, doneAt, done, `error parsing completedIndexes: ${good.problem}`)
  }
  const limited = spec["backoffLimitPerIndex"] !== undefined
  if (fails && completions !== undefined && limited && failed !== undefined && bad.problem !== undefined) {
    invalid(out, failedAt, failed, `error parsing failedIndexes: ${bad.problem}`)
  }
  if (completes && done !== "" && spec["completionMode"] !== "Indexed") {
    invalid(out, doneAt, done, "cannot set non-empty completedIndexes when non-indexed completion mode")
  }
  if (fails && !limited && failed !== undefined) {
    invalid(out, failedAt, failed, "cannot set non-null failedIndexes when backoffLimitPerIndex is null")
  }
  if ((completes || fails) && completions !== undefined && failed !== undefined) {
    for (const [from, to] of bad.intervals) {
      const other = good.intervals.find(([start, end]) => start <= to && from <= end)
      if (other === undefined) continue
      const index = Math.max(from, other[0])
      return invalid(out, failedAt, failed, `failedIndexes and completedIndexes overlap at index: ${index}`)
    }
  }
}

const cronFields: ReadonlyArray<readonly [number, number, ReadonlyArray<string>]> = [
  [0, 59, []],
  [0, 23, []],
  [1, 31, []],
  [1, 12, ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]],
  [0, 6, ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]]
]

const descriptors = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"]

/** What robfig/cron says of a schedule, if it cannot read it. */
const scheduleProblem = (schedule: string): string | undefined => {
  const text = schedule.replace(/^(CRON_)?TZ=\S*\s+/, "").trim()
  if (text.startsWith("@")) {
    if (descriptors.includes(text)) return undefined
    const every = /^@every (.*)$/.exec(text)
    if (every === null) return `unrecognized descriptor: ${text}`
    return /^([+-]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))+$/.test(every[1] ?? "")
      ? undefined
      : `failed to parse duration ${text}: time: invalid duration ${JSON.stringify(every[1])}`
  }
  const fields = text.split(/\s+/).filter((field) => field !== "")
  if (fields.length !== 5) return `expected exactly 5 fields, found ${fields.length}: [${fields.join(" ")}]`
  for (const [index, [low, high, names]] of cronFields.entries()) {
    for (const each of (fields[index] ?? "").split(",")) {
      const problem = rangeProblem(each, low, high, names)
      if (problem !== undefined) return problem
    }
  }
  return undefined
}

const rangeProblem = (text: string, low: number, high: number, names: ReadonlyArray<string>): string | undefined => {
  const [span = "", step, ...more] = text.split("/")
  const [first = "", last, ...rest] = span.split("-")
  const number = (part: string): number | string => {
    const index = names.indexOf(part.toLowerCase())
    if (index >= 0) return index + low
    if (/^-\d+$/.test(part)) return `negative number (${part}) not allowed: ${part}`
    return /^\+?\d+$/.test(part)
      ? Number(part)
      : `failed to parse int from ${part}: strconv.Atoi: parsing ${JSON.stringify(part)}: invalid syntax`
  }
  let [start, end] = [low, high]
  if (first !== "*" && first !== "?") {
    const from = number(first)
    if (typeof from === "string") return from
    start = from
    end = from
    if (last !== undefined) {
      if (rest.length > 0) return `too many hyphens: ${text}`
      const to = number(last)
      if (typeof to === "string") return to
      end = to
    }
  }
  if (more.length > 0) return `too many slashes: ${text}`
  let by = 1
  if (step !== undefined) {
    const each = number(step)
    if (typeof each === "string") return each
    by = each
    if (last === undefined && first !== "*" && first !== "?") end = high
  }
  if (start < low) return `beginning of range (${start}) below minimum (${low}): ${text}`
  if (end > high) return `end of range (${end}) above maximum (${high}): ${text}`
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${text}`
  return by === 0 ? `step of range should be a positive number: ${text}` : undefined
}

const timeZone = (out: Causes, zone: string): void => {
  const at = "spec.timeZone"
  if (zone === "") return invalid(out, at, zone, "timeZone must be nil or non-empty string")
  const isOne = (part: string): boolean => /^(?![-])(?!\.\.?$)[A-Za-z.\-_0-9+]{1,14}$/.test(part)
  if (!zone.split("/").every(isOne)) return invalid(out, at, zone, `unknown time zone ${zone}`)
  if (zone.toLowerCase() === "local") {
    const why = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
    invalid(out, at, zone, why)
  }
  if (zone !== "Local" && !isTimeZone(zone)) invalid(out, at, zone, `unknown time zone ${zone}`)
}

/** Names in the database of time zones tell upper from lower case, and are no offsets. */
const isTimeZone = (zone: string): boolean => /^[A-Z]/.test(zone) && Option.isSome(DateTime.zoneMakeNamed(zone))

export const cronJob: Rule = (out, object, old) => {
  const [spec, before] = [specOf(object), specOf(old)]
  const [schedule, zone] = [textAt(spec, "schedule"), valueAt(spec, "timeZone")]
  if (schedule === "") missing(out, "spec.schedule")
  else {
    const problem = scheduleProblem(schedule)
    if (problem !== undefined) invalid(out, "spec.schedule", schedule, problem)
    if (schedule.includes("TZ")) {
      if (!textAt(before, "schedule").includes("TZ")) {
        invalid(out, "spec.schedule", schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
      } else if (zone !== undefined) {
        invalid(out, "spec.schedule", schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule")
      }
    }
  }
  notNegative(out, "spec.startingDeadlineSeconds", numberAt(spec, "startingDeadlineSeconds"))
  if (typeof zone === "string" && zone !== before["timeZone"]) timeZone(out, zone)
  oneOf(out, "spec.concurrencyPolicy", spec["concurrencyPolicy"], ["Allow", "Forbid", "Replace"])
  const inner = objectAt(spec, "jobTemplate", "spec") ?? {}
  const at = "spec.jobTemplate.spec"
  jobSpec(out, at, inner)
  const selector = valueAt(inner, "selector")
  if (selector !== undefined) invalid(out, `${at}.selector`, selector, "`selector` will be auto-generated")
  if (valueAt(inner, "manualSelector") === true) unsupported(out, `${at}.manualSelector`, true, ["nil", "false"])
  for (const key of ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"]) {
    notNegative(out, `spec.${key}`, numberAt(spec, key))
  }
  const cronName = textAt(object, "metadata", "name")
  if (old === undefined && Buffer.byteLength(cronName) > 52) {
    invalid(out, "metadata.name", cronName, "must be no more than 52 characters")
  }
}
