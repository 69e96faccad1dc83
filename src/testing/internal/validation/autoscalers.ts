/** What HorizontalPodAutoscalers have to be. */
import { rules } from "../names.js"
import type { JsonObject } from "../openapi.js"
import { containerResourceName } from "./resources.js"
import {
  eachAt,
  forbid,
  invalid,
  maybeOneOf,
  missing,
  name,
  notNegative,
  notNegativeQuantity,
  numberAt,
  objectAt,
  problems,
  quantityAt,
  specOf,
  textAt,
  unsupported,
  valueAt,
  type Causes,
  type PartRule,
  type Rule
} from "./rules.js"

/** An object that is named by its kind. */
const reference = (out: Causes, path: string, given: JsonObject, needsGroup: boolean): void => {
  for (const key of ["kind", "name"]) {
    const text = textAt(given, key)
    if (text === "") missing(out, `${path}.${key}`)
    else problems(out, `${path}.${key}`, text, rules.path(text))
  }
  const version = textAt(given, "apiVersion")
  if (version.split("/").length > 2) {
    invalid(out, `${path}.apiVersion`, version, `unexpected GroupVersion string: ${version}`)
  } else if (needsGroup && !version.includes("/")) {
    invalid(out, `${path}.apiVersion`, version, "apiVersion must specify API group")
  }
}

type SourceRule = (out: Causes, at: string, source: JsonObject) => void

const metricTarget: SourceRule = (out, at, target) => {
  const type = textAt(target, "type")
  if (type === "") missing(out, `${at}.type`, "must specify a metric target type")
  if (!["Utilization", "Value", "AverageValue"].includes(type)) {
    invalid(out, `${at}.type`, type, "must be either Utilization, Value, or AverageValue")
  }
  for (const key of ["value", "averageValue"]) {
    const quantity = quantityAt(target[key])
    if (quantity !== undefined && quantity.nanos <= 0n) {
      invalid(out, `${at}.${key}`, target[key] ?? null, "must be positive")
    }
  }
  const utilization = numberAt(target, "averageUtilization")
  if (utilization !== undefined && utilization < 1) {
    invalid(out, `${at}.averageUtilization`, utilization, "must be greater than 0")
  }
}

const metricAndTarget: SourceRule = (out, at, source) => {
  const metric = textAt(source, "metric", "name")
  if (metric === "") missing(out, `${at}.metric.name`, "must specify a metric name")
  else problems(out, `${at}.metric.name`, metric, rules.path(metric))
  metricTarget(out, `${at}.target`, objectAt(source, "target") ?? {})
}

const resourceTarget: SourceRule = (out, at, source) => {
  const target = objectAt(source, "target") ?? {}
  metricTarget(out, `${at}.target`, target)
  const [utilization, average] = [target["averageUtilization"], target["averageValue"]]
  if (utilization === undefined && average === undefined) {
    const why = "must set either a target raw value or a target utilization"
    missing(out, `${at}.target.averageUtilization`, why)
  }
  if (utilization !== undefined && average !== undefined) {
    forbid(out, `${at}.target.averageValue`, "may not set both a target raw value and a target utilization")
  }
}

const hasTarget = (source: JsonObject, ...keys: ReadonlyArray<string>): boolean =>
  keys.some((key) => valueAt(source, "target", key) !== undefined)

/** Where a metric comes from, in the order in which the API server looks. */
const sources: ReadonlyArray<readonly [field: string, rule: SourceRule]> = [
  [
    "object",
    (out, at, source) => {
      reference(out, `${at}.describedObject`, objectAt(source, "describedObject") ?? {}, false)
      metricAndTarget(out, at, source)
      if (!hasTarget(source, "value", "averageValue")) {
        missing(out, `${at}.target.averageValue`, "must set either a target value or averageValue")
      }
    }
  ],
  [
    "external",
    (out, at, source) => {
      metricAndTarget(out, at, source)
      if (!hasTarget(source, "value", "averageValue")) {
        const why = "must set either a target value for metric or a per-pod target"
        missing(out, `${at}.target.averageValue`, why)
      }
      if (hasTarget(source, "value") && hasTarget(source, "averageValue")) {
        forbid(out, `${at}.target.value`, "may not set both a target value for metric and a per-pod target")
      }
    }
  ],
  [
    "pods",
    (out, at, source) => {
      metricAndTarget(out, at, source)
      if (!hasTarget(source, "averageValue")) {
        missing(out, `${at}.target.averageValue`, "must specify a positive target averageValue")
      }
    }
  ],
  [
    "resource",
    (out, at, source) => {
      if (textAt(source, "name") === "") missing(out, `${at}.name`, "must specify a resource name")
      resourceTarget(out, at, source)
    }
  ],
  [
    "containerResource",
    (out, at, source) => {
      const [resource, container] = [textAt(source, "name"), textAt(source, "container")]
      if (resource === "") missing(out, `${at}.name`, "must specify a resource name")
      else containerResourceName(out, `${at}.name`, resource)
      if (container === "") missing(out, `${at}.container`, "must specify a container")
      else name(out, `${at}.container`, container, "label")
      resourceTarget(out, at, source)
    }
  ]
]

const metricTypes = ["ContainerResource", "External", "Object", "Pods", "Resource"]

const metricSpec = (out: Causes, at: string, metric: JsonObject): void => {
  const type = textAt(metric, "type")
  const known = metricTypes.includes(type)
  if (type === "") missing(out, `${at}.type`, "must specify a metric source type")
  if (!known) unsupported(out, `${at}.type`, type, metricTypes)
  const present = sources.filter(([field]) => metric[field] !== undefined)
  for (const [field, rule] of present.slice(0, 1)) rule(out, `${at}.${field}`, objectAt(metric, field) ?? {})
  const expected = known ? `${type.charAt(0).toLowerCase()}${type.slice(1)}` : ""
  if (!known) unsupported(out, `${at}.type`, type, metricTypes)
  else if (metric[expected] === undefined) {
    missing(out, `${at}.${expected}`, "must populate information for the given metric source")
  }
  if (present.length === 1) return
  for (const [field] of present) {
    if (field !== expected) forbid(out, `${at}.${field}`, "must populate the given metric source only")
  }
}

const scalingRules = (out: Causes, at: string, rule: JsonObject): void => {
  const window = numberAt(rule, "stabilizationWindowSeconds")
  if (window !== undefined && window < 0) {
    invalid(out, `${at}.stabilizationWindowSeconds`, window, "must be greater than or equal to zero")
  }
  if (window !== undefined && window > 3600) {
    invalid(out, `${at}.stabilizationWindowSeconds`, window, "must be less than or equal to 3600")
  }
  maybeOneOf(out, `${at}.selectPolicy`, valueAt(rule, "selectPolicy"), ["Disabled", "Max", "Min"])
  const policies = eachAt(rule, at, "policies")
  if (policies.length === 0) missing(out, `${at}.policies`, "must specify at least one Policy")
  for (const [policy, where] of policies) {
    const [value, period] = [numberAt(policy, "value") ?? 0, numberAt(policy, "periodSeconds") ?? 0]
    maybeOneOf(out, `${where}.type`, textAt(policy, "type"), ["Percent", "Pods"])
    if (value <= 0) invalid(out, `${where}.value`, value, "must be greater than zero")
    if (period <= 0) invalid(out, `${where}.periodSeconds`, period, "must be greater than zero")
    if (period > 1800) invalid(out, `${where}.periodSeconds`, period, "must be less than or equal to 1800")
  }
  const tolerance = valueAt(rule, "tolerance")
  if (tolerance !== undefined) notNegativeQuantity(out, `${at}.tolerance`, tolerance)
}

export const autoscaler: Rule = (out, object, old) => {
  const spec = specOf(object)
  const [least, greatest] = [numberAt(spec, "minReplicas"), numberAt(spec, "maxReplicas") ?? 0]
  // One that could already scale to none still can.
  const lowest = valueAt(specOf(old), "minReplicas") === 0 ? 0 : 1
  if (least !== undefined && least < lowest) {
    invalid(out, "spec.minReplicas", least, `must be greater than or equal to ${lowest}`)
  }
  if (greatest < 1) invalid(out, "spec.maxReplicas", greatest, "must be greater than 0")
  if (least !== undefined && greatest < least) {
    invalid(out, "spec.maxReplicas", greatest, "must be greater than or equal to `minReplicas`")
  }
  const [target, before] = [objectAt(spec, "scaleTargetRef") ?? {}, objectAt(specOf(old), "scaleTargetRef")]
  const isKept = ["apiVersion", "kind"].every((key) => before?.[key] === target[key])
  reference(out, "spec.scaleTargetRef", target, !isKept && target["kind"] !== "ReplicationController")
  const metrics = eachAt(spec, "spec", "metrics")
  for (const [metric, at] of metrics) metricSpec(out, at, metric)
  if (least === 0 && !metrics.some(([metric]) => metric["type"] === "Object" || metric["type"] === "External")) {
    const why = "must specify at least one Object or External metric to support scaling to zero replicas"
    forbid(out, "spec.metrics", why)
  }
  for (const direction of ["scaleUp", "scaleDown"]) {
    const rule = objectAt(spec, "behavior", direction)
    if (rule !== undefined) scalingRules(out, `spec.behavior.${direction}`, rule)
  }
}

export const autoscalerStatus: PartRule = (out, object) => {
  for (const key of ["currentReplicas", "desiredReplicas"]) {
    notNegative(out, `status.${key}`, numberAt(object, "status", key))
  }
}
