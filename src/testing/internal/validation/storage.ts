/** What volumes and what provides them have to be. */
import { jsonEquals } from "../json.js"
import { labelKeyProblems } from "../names.js"
import type { JsonObject } from "../openapi.js"
import { structDiff, structText } from "../structs.js"
import { claimSpec, modes } from "./claims.js"
import { nodeSelector } from "./pod.js"
import {
  duplicate,
  eachAt,
  entriesAt,
  forbid,
  goText,
  immutable,
  invalid,
  invalidText,
  labelKey,
  listAt,
  maybeOneOf,
  missing,
  name,
  numberAt,
  objectAt,
  problems,
  quantityAt,
  specOf,
  textAt,
  tooLong,
  unsupported,
  valueAt,
  type Causes,
  type PartRule,
  type Rule
} from "./rules.js"
import { persistentKinds, persistentSource } from "./volumes.js"

/** A map with an entry of another one. */
const withEntryOf = (map: JsonObject, key: string, other: JsonObject): JsonObject => {
  const { [key]: _own, ...rest } = map
  return other[key] === undefined ? rest : { ...rest, [key]: other[key] }
}

const storageOf = (spec: JsonObject) => quantityAt(valueAt(spec, "resources", "requests", "storage"))

const claimUpdate = (out: Causes, object: JsonObject, old: JsonObject): void => {
  const [spec, before] = [specOf(object), specOf(old)]
  let [now, was] = [spec, before]
  if (textAt(before, "volumeName") === "") was = withEntryOf(was, "volumeName", now)
  if (before["storageClassName"] === undefined) now = withEntryOf(now, "storageClassName", before)
  if (valueAt(object, "status", "phase") === "Bound") {
    now = withEntryOf(now, "volumeAttributesClassName", before)
    const [resources, requests] = [objectAt(now, "resources") ?? {}, objectAt(now, "resources", "requests")]
    if (requests !== undefined) {
      const kept = withEntryOf(requests, "storage", objectAt(before, "resources", "requests") ?? {})
      now = { ...now, resources: { ...resources, requests: kept } }
    }
  }
  if (!jsonEquals(now, was)) {
    const difference = structDiff("core.PersistentVolumeClaimSpec", was, now)
    const why =
      "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
    forbid(out, "spec", `${why}\n${difference}`)
  }
  const [amount, oldAmount] = [storageOf(spec), storageOf(before)]
  const has = quantityAt(valueAt(old, "status", "capacity", "storage"))?.nanos ?? 0n
  if ((amount?.nanos ?? 0n) < (oldAmount?.nanos ?? 0n) && (amount?.nanos ?? 0n) <= has) {
    forbid(out, "spec.resources.requests.storage", "field can not be less than status.capacity")
  }
  immutable(out, "volumeMode", spec["volumeMode"], before["volumeMode"])
  const [attributes, current] = [
    valueAt(spec, "volumeAttributesClassName"),
    valueAt(old, "status", "currentVolumeAttributesClassName")
  ]
  if (attributes !== valueAt(before, "volumeAttributesClassName") && current !== undefined && !attributes) {
    const what = attributes === undefined ? "nil" : "empty string"
    const why = `update to ${what} is forbidden when status.currentVolumeAttributesClassName is not nil`
    forbid(out, "spec.volumeAttributesClassName", why)
  }
}

export const claim: Rule = (out, object, old) => {
  claimSpec(out, "spec", specOf(object))
  if (old !== undefined) claimUpdate(out, object, old)
}

export const claimStatus: PartRule = (out, object) => {
  for (const [key, value] of entriesAt(object, "status", "capacity")) {
    const amount = quantityAt(value)
    if (amount !== undefined && amount.nanos < 0n) {
      const whole = -(-amount.nanos / 1_000_000_000n)
      invalid(out, `status.capacity[${key}]`, Number(whole), "must be a valid resource quantity")
    }
  }
}

const volumeUpdate = (out: Causes, spec: JsonObject, old: JsonObject): void => {
  const source = (of: JsonObject): JsonObject =>
    Object.fromEntries(Object.entries(of).filter(([key]) => persistentKinds.includes(key)))
  const before = source(old)
  let now = source(spec)
  const [csi, oldCsi] = [objectAt(now, "csi"), objectAt(before, "csi")]
  if (csi !== undefined && oldCsi !== undefined && oldCsi["controllerExpandSecretRef"] === undefined) {
    now = { ...now, csi: withEntryOf(csi, "controllerExpandSecretRef", {}) }
  }
  if (!jsonEquals(now, before)) {
    const difference = structDiff("core.PersistentVolumeSource", before, now)
    const why = `spec.persistentvolumesource is immutable after creation\n${difference}`
    forbid(out, "spec.persistentvolumesource", why)
  }
  immutable(out, "volumeMode", spec["volumeMode"], old["volumeMode"])
  const nodes = objectAt(spec, "nodeAffinity")
  if (old["nodeAffinity"] !== undefined && !jsonEquals(nodes, old["nodeAffinity"])) {
    const why = "field is immutable, except for updating from beta label to GA"
    invalidText(out, "nodeAffinity", structText("core.VolumeNodeAffinity", nodes), why)
  }
  if (old["volumeAttributesClassName"] !== undefined && spec["volumeAttributesClassName"] === undefined) {
    forbid(out, "spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden")
  }
}

export const volume: Rule = (out, object, old) => {
  const spec = specOf(object)
  if (listAt(spec, "accessModes").length === 0) missing(out, "spec.accessModes")
  modes(out, "spec", spec)
  const given = objectAt(spec, "capacity")
  const capacity = given ?? {}
  if (Object.keys(capacity).length === 0) missing(out, "spec.capacity")
  if (capacity["storage"] === undefined || Object.keys(capacity).length > 1) {
    unsupported(out, "spec.capacity", given ?? null, ["storage"])
  }
  for (const [key, value] of entriesAt(capacity)) {
    const amount = quantityAt(value)
    if (amount === undefined || amount.nanos > 0n) continue
    const at = `spec.capacity[${key}]`
    if (amount.nanos < 0n) invalid(out, at, value, "must be a valid resource quantity")
    invalid(out, at, value, "must be greater than zero")
  }
  const reclaim = textAt(spec, "persistentVolumeReclaimPolicy")
  if (reclaim !== "") {
    maybeOneOf(out, "spec.persistentVolumeReclaimPolicy", reclaim, ["Delete", "Recycle", "Retain"])
  }
  const nodes = objectAt(spec, "nodeAffinity")
  if (nodes !== undefined) {
    const required = objectAt(nodes, "required")
    if (required === undefined) missing(out, "spec.nodeAffinity.required", "must specify required node constraints")
    else nodeSelector(out, "spec.nodeAffinity.required", required)
  }
  persistentSource(out, "spec", spec)
  if (reclaim === "Recycle" && /^\/+$/.test(textAt(spec, "hostPath", "path"))) {
    forbid(out, "spec.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'")
  }
  const className = textAt(spec, "storageClassName")
  if (className !== "") name(out, "spec.storageClassName", className, "subdomain")
  maybeOneOf(out, "spec.volumeMode", valueAt(spec, "volumeMode"), ["Block", "Filesystem"])
  const attributes = valueAt(spec, "volumeAttributesClassName")
  if (attributes !== undefined) {
    const at = "spec.volumeAttributesClassName"
    if (attributes === "") missing(out, at, "an empty string is disallowed")
    else name(out, at, String(attributes), "subdomain")
    if (spec["csi"] === undefined) missing(out, "spec.csi", "has to be specified when using volumeAttributesClassName")
  }
  if (old !== undefined) volumeUpdate(out, spec, specOf(old))
}

const parameters = (out: Causes, path: string, given: JsonObject): void => {
  const entries = entriesAt(given)
  if (entries.length > 512) return tooLong(out, path, 512)
  let size = 0
  for (const [key, value] of entries) {
    if (key === "") invalid(out, path, key, "field can not be empty.")
    size += Buffer.byteLength(key) + Buffer.byteLength(String(value))
  }
  if (size > 256 * 1024) tooLong(out, path, 256 * 1024)
}

const topologies = (out: Causes, object: JsonObject): void => {
  const seen = new Set<string>()
  for (const [term, path] of eachAt(object, "", "allowedTopologies")) {
    const at = path.slice(1)
    const keys = new Map<string, ReadonlyArray<string>>()
    for (const [expression, where] of eachAt(term, at, "matchLabelExpressions")) {
      const [key, values] = [textAt(expression, "key"), listAt(expression, "values").map(String)]
      if (values.length === 0) missing(out, `${where}.values`)
      values.forEach((value, index) => {
        if (values.indexOf(value) < index) duplicate(out, `${where}.values[${index}]`, value)
      })
      labelKey(out, `${where}.key`, key)
      if (keys.has(key)) duplicate(out, `${where}.key`, key)
      keys.set(key, [...new Set(values)].toSorted())
    }
    const id = goText(Object.fromEntries([...keys].map(([key, values]) => [key, [...values]])))
    if (seen.has(id)) duplicate(out, `${at}.matchLabelExpressions`, "")
    seen.add(id)
  }
}

export const storageClass: Rule = (out, object, old) => {
  if (old !== undefined) {
    for (const key of ["parameters", "provisioner", "reclaimPolicy"]) {
      if (!jsonEquals(object[key] ?? {}, old[key] ?? {})) forbid(out, key, `updates to ${key} are forbidden.`)
    }
    return immutable(out, "volumeBindingMode", object["volumeBindingMode"], old["volumeBindingMode"])
  }
  const provisioner = textAt(object, "provisioner")
  if (provisioner === "") missing(out, "provisioner")
  else problems(out, "provisioner", provisioner.toLowerCase(), labelKeyProblems(provisioner.toLowerCase()))
  parameters(out, "parameters", objectAt(object, "parameters") ?? {})
  maybeOneOf(out, "reclaimPolicy", valueAt(object, "reclaimPolicy"), ["Delete", "Retain"])
  maybeOneOf(out, "volumeBindingMode", valueAt(object, "volumeBindingMode"), ["Immediate", "WaitForFirstConsumer"])
  topologies(out, object)
}

export const csiDriver: Rule = (out, object, old) => {
  const spec = specOf(object)
  const policies = ["File", "None", "ReadWriteOnceWithFSType"]
  maybeOneOf(out, "spec.fsGroupPolicy", valueAt(spec, "fsGroupPolicy"), policies)
  const audiences = new Set<string>()
  for (const [request, at] of eachAt(spec, "spec", "tokenRequests")) {
    const [audience, seconds] = [textAt(request, "audience"), numberAt(request, "expirationSeconds")]
    if (audiences.has(audience)) {
      duplicate(out, `${at}.audience`, audience)
      continue
    }
    audiences.add(audience)
    if (seconds === undefined) continue
    const where = `${at}.expirationSeconds`
    if (seconds < 600) invalid(out, where, seconds, "may not specify a duration less than 10 minutes")
    if (seconds > 2 ** 32) invalid(out, where, seconds, "may not specify a duration larger than 2^32 seconds")
  }
  for (const mode of listAt(spec, "volumeLifecycleModes")) {
    maybeOneOf(out, "spec.volumeLifecycleModes", mode, ["Persistent", "Ephemeral"])
  }
  const period = numberAt(spec, "nodeAllocatableUpdatePeriodSeconds")
  if (period !== undefined && period < 10) {
    invalid(out, "spec.nodeAllocatableUpdatePeriodSeconds", period, "must be greater than or equal to 10 seconds")
  }
  if (old === undefined) return
  const before = specOf(old)
  immutable(out, "spec.attachedRequired", spec["attachRequired"], before["attachRequired"])
  immutable(out, "spec.volumeLifecycleModes", spec["volumeLifecycleModes"], before["volumeLifecycleModes"])
}
