/** [CronJobs](https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/): jobs at the times of a schedule. */
import * as Cron from "effect/Cron"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { JsonObject } from "../openapi.js"
import { at } from "../strategies.js"
import {
  controllerOf,
  controllerReference,
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
  type Api,
  type Controller
} from "./api.js"
import { resultOf } from "./job.js"

const shorthands = new Map([
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
  ["@monthly", "0 0 1 * *"],
  ["@weekly", "0 0 * * 0"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@hourly", "0 * * * *"]
])

/** The times of a schedule: the first one after a time, if there is one. */
type Schedule = (after: number) => number | undefined

const units = new Map([
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000]
])

/** `@every 1h30m`: counted from the time before. */
const interval = (text: string): number | undefined => {
  const match = /^@every\s+((?:\d+(?:\.\d+)?[hms])+)$/.exec(text)
  const parts = match?.[1]?.matchAll(/(\d+(?:\.\d+)?)([hms])/g)
  return parts === undefined
    ? undefined
    : [...parts].reduce((sum, [, count, unit]) => sum + Number(count) * (units.get(unit ?? "") ?? 0), 0)
}

const scheduleOf = (text: string, zone: string): Schedule | undefined => {
  const every = interval(text)
  if (every !== undefined) return (after) => after + Math.max(every, 1000)
  const fields = (shorthands.get(text) ?? text).replaceAll("?", "*")
  // Some schedules never come: the 30th of February.
  const next = Option.liftThrowable(Cron.next)
  return Option.getOrUndefined(
    Option.map(
      Either.getRight(Cron.parse(fields, zone)),
      (cron) => (after: number) =>
        Option.getOrUndefined(Option.map(next(cron, new Date(after)), (date) => date.getTime()))
    )
  )
}

/** The last time that has come, if one has, and the one that comes next. */
const around = (schedule: Schedule, from: number, now: number): { readonly last?: number; readonly next?: number } => {
  let next = schedule(from)
  let last: number | undefined
  // Whoever has slept for years only needs the last of many times.
  const stride = next === undefined ? 0 : (schedule(next) ?? next) - next
  if (next !== undefined && stride > 0 && now - next > stride * 1000) {
    const near = schedule(now - stride * 100)
    if (near !== undefined && near <= now) next = near
  }
  while (next !== undefined && next <= now) {
    last = next
    next = schedule(next)
  }
  return { ...(last === undefined ? {} : { last }), ...(next === undefined ? {} : { next }) }
}

const scheduled = "batch.kubernetes.io/cronjob-scheduled-timestamp"

/** A time as RFC 3339 in a zone. */
const inZone = (time: number, zone: string | undefined): string => {
  if (zone === undefined) return timeOf(time)
  const parts = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" }).formatToParts(time)
  const [offset = "Z", sign, hours, minutes] =
    /([+-])(\d\d):(\d\d)/.exec(parts.find(({ type }) => type === "timeZoneName")?.value ?? "") ?? []
  const ahead = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000 * (sign === "-" ? -1 : 1)
  return timeOf(time + ahead).slice(0, -1) + offset
}

const referenceOf = (job: JsonObject): JsonObject => ({
  apiVersion: "batch/v1",
  kind: "Job",
  name: nameOf(job),
  namespace: namespaceOf(job),
  resourceVersion: textAt(job, "metadata", "resourceVersion"),
  uid: uid(job)
})

const sync = (api: Api, cronJob: JsonObject): void => {
  const namespace = namespaceOf(cronJob)
  const jobs = api.list("jobs.batch", namespace).filter((job) => controllerOf(job)?.["uid"] === uid(cronJob))
  const status = objectAt(cronJob, "status")
  let active = objectsAt(status, "active")
  let [lastSchedule, lastSuccess] = [status["lastScheduleTime"], status["lastSuccessfulTime"]]
  for (const job of jobs) {
    const result = resultOf(job)
    if (result === undefined) continue
    active = active.filter((each) => each["uid"] !== uid(job))
    const ended = at(job, "status", "completionTime")
    if (result === "Complete" && typeof ended === "string" && ended > String(lastSuccess ?? "")) lastSuccess = ended
  }
  active = active.filter((each) => jobs.some((job) => uid(job) === each["uid"]))

  const begin = () => {
    const zone = at(cronJob, "spec", "timeZone")
    const schedule = scheduleOf(textAt(cronJob, "spec", "schedule"), typeof zone === "string" ? zone : "UTC")
    if (schedule === undefined) return
    const deadline = at(cronJob, "spec", "startingDeadlineSeconds")
    const patience = typeof deadline === "number" ? deadline * 1000 : Infinity
    const known = timeAt({ lastSchedule: lastSchedule ?? "" }, ["lastSchedule"], Number.NaN)
    const since = Number.isNaN(known) ? timeAt(cronJob, ["metadata", "creationTimestamp"], api.now) : known
    const { last, next } = around(schedule, Math.max(since, api.now - patience), api.now)
    if (next !== undefined) api.wakeAt(next)
    if (last === undefined || last + patience < api.now) return
    const policy = textAt(cronJob, "spec", "concurrencyPolicy")
    if (policy === "Forbid" && active.length > 0) return
    if (policy === "Replace") {
      for (const job of jobs) {
        if (active.some((each) => each["uid"] === uid(job))) api.remove(job, { propagationPolicy: "Background" })
      }
      active = []
    }
    const template = objectAt(cronJob, "spec", "jobTemplate")
    const metadata = objectAt(template, "metadata")
    const made = api.create(
      {
        apiVersion: "batch/v1",
        kind: "Job",
        metadata: {
          name: `${nameOf(cronJob)}-${Math.floor(last / 60_000)}`,
          ...(metadata["labels"] === undefined ? {} : { labels: metadata["labels"] }),
          annotations: {
            ...objectAt(metadata, "annotations"),
            [scheduled]: inZone(last, typeof zone === "string" ? zone : undefined)
          },
          ownerReferences: [controllerReference(cronJob)]
        },
        spec: objectAt(template, "spec")
      },
      namespace
    )
    // One of that name is there already: it was made for the same time.
    if (made._tag === "Right") active = [...active, referenceOf(made.right)]
    else if (made.left.reason !== "AlreadyExists") return
    lastSchedule = timeOf(last)
  }
  if (!isDeleting(cronJob) && at(cronJob, "spec", "suspend") !== true) begin()

  api.updateStatus(cronJob, {
    ...(active.length === 0 ? {} : { active }),
    ...(lastSchedule === undefined ? {} : { lastScheduleTime: lastSchedule }),
    ...(lastSuccess === undefined ? {} : { lastSuccessfulTime: lastSuccess })
  })
  const limits = [
    ["Complete", numberAt(cronJob, ["spec", "successfulJobsHistoryLimit"], 3)],
    ["Failed", numberAt(cronJob, ["spec", "failedJobsHistoryLimit"], 1)]
  ] as const
  for (const [result, limit] of limits) {
    const ended = jobs
      .filter((job) => resultOf(job) === result && !isDeleting(job))
      .toSorted(
        (a, b) =>
          timeAt(a, ["status", "startTime"], 0) - timeAt(b, ["status", "startTime"], 0) ||
          (nameOf(a) < nameOf(b) ? -1 : 1)
      )
    for (const job of ended.slice(0, Math.max(0, ended.length - limit))) {
      api.remove(job, { propagationPolicy: "Background" })
    }
  }
}

export const cronJob: Controller<"cronjob"> = {
  name: "cronjob",
  watches: ["cronjobs.batch", "jobs.batch"],
  sync: (api) => {
    for (const each of api.list("cronjobs.batch")) sync(api, each)
  }
}
