/** What Events have to be: of the first group much is left to who writes them, of `events.k8s.io` nothing. */
import { jsonEquals } from "../json.js"
import { rules } from "../names.js"
import type { Json, JsonObject } from "../openapi.js"
import { structText } from "../structs.js"
import {
  goText,
  invalid,
  invalidText,
  labelKey,
  missing,
  numberAt,
  objectAt,
  problems,
  textAt,
  valueAt,
  type Causes,
  type Rule
} from "./rules.js"

type Field =
  | "action"
  | "count"
  | "eventTime"
  | "firstTimestamp"
  | "involvedObject"
  | "lastTimestamp"
  | "message"
  | "reason"
  | "related"
  | "reportingController"
  | "reportingInstance"
  | "series"
  | "source"
  | "type"

/** A field of an Event as it is stored, by the name that messages have for it. */
const read = (object: JsonObject, field: Field): Json | undefined =>
  valueAt(object, field === "reportingController" ? "reportingComponent" : field)

const structs: { readonly [field: string]: string | undefined } = {
  involvedObject: "core.ObjectReference",
  related: "core.ObjectReference",
  source: "core.EventSource"
}

const zeros: { readonly [field: string]: Json } = {
  count: 0,
  eventTime: null,
  firstTimestamp: null,
  lastTimestamp: null
}

/** In the order in which the API server looks, and as often. */
const kept: ReadonlyArray<Field> = [
  "involvedObject",
  "reason",
  "message",
  "source",
  "firstTimestamp",
  "lastTimestamp",
  "count",
  "reason",
  "type",
  "eventTime",
  "action",
  "related",
  "reportingController",
  "reportingInstance"
]

const atMost = (out: Causes, path: string, text: string, limit: number): void => {
  if (Buffer.byteLength(text) > limit) invalid(out, path, "", `can have at most ${limit} characters`)
}

/** What holds in both groups. */
const common = (out: Causes, object: JsonObject, isNew: boolean): void => {
  const text = (field: Field): string => String(read(object, field) ?? "")
  const own = textAt(object, "metadata", "namespace")
  const about = textAt(objectAt(read(object, "involvedObject")), "namespace")
  const elsewhere = (): void => invalid(out, "involvedObject.namespace", about, "does not match event.namespace")
  if (read(object, "eventTime") === undefined) {
    if (about === "" ? own !== "" && own !== "default" : own !== about) elsewhere()
  } else {
    if (about === "" && own !== "default" && own !== "kube-system") elsewhere()
    const controller = isNew ? "reportingController" : "reportingComponent"
    if (text("reportingController") === "") missing(out, controller)
    labelKey(out, controller, text("reportingController"))
    for (const field of ["reportingInstance", "action", "reason"] as const) {
      if (text(field) === "") missing(out, field)
      atMost(out, field, text(field), 128)
    }
    atMost(out, "message", text("message"), 1024)
  }
  problems(out, "namespace", own, rules.subdomain(own))
}

const series = (out: Causes, object: JsonObject): void => {
  const given = objectAt(object, "series")
  if (given === undefined) return
  if ((numberAt(given, "count") ?? 0) < 2) invalid(out, "series.count", "", "should be at least 2")
  if (valueAt(given, "lastObservedTime") === undefined) missing(out, "series.lastObservedTime")
}

const created = (out: Causes, object: JsonObject): void => {
  series(out, object)
  if (read(object, "eventTime") === undefined) missing(out, "eventTime")
  const type = String(read(object, "type") ?? "")
  if (type !== "Normal" && type !== "Warning") invalid(out, "type", "", `has invalid value: ${type}`)
  for (const field of ["firstTimestamp", "lastTimestamp", "count"] as const) {
    if (read(object, field)) invalid(out, field, "", "needs to be unset")
  }
  const source = read(object, "source")
  if (textAt(source, "component") !== "" || textAt(source, "host") !== "") {
    invalid(out, "source", "", "needs to be unset")
  }
}

const updated = (out: Causes, object: JsonObject, old: JsonObject): void => {
  if (!jsonEquals(read(object, "series"), read(old, "series"))) series(out, object)
  for (const field of kept) {
    const struct = structs[field]
    const zero = struct === undefined ? (zeros[field] ?? "") : {}
    const [now, before] = [read(object, field) ?? zero, read(old, field) ?? zero]
    if (jsonEquals(now, before)) continue
    const shown = struct === undefined ? goText(now) : structText(struct, objectAt(now))
    invalidText(out, field, shown, "field is immutable")
  }
}

const eventOf =
  (isNew: boolean): Rule =>
  (out, object, old) => {
    common(out, object, isNew)
    if (!isNew) return
    if (old === undefined) created(out, object)
    else updated(out, object, old)
  }

export const event = eventOf(false)

/** Of the group `events.k8s.io`. */
export const newEvent = eventOf(true)
