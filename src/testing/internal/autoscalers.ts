/**
 * HorizontalPodAutoscalers of `autoscaling/v1`, which know no metric but the CPU: the rest of what `autoscaling/v2` has is in
 * annotations, as the API server writes them.
 */
import * as Either from "effect/Either"
import { isJsonArray, isJsonObject, objectsOf } from "./json.js"
import type { Json, JsonObject } from "./openapi.js"
import { at } from "./strategies.js"

const metricsAnnotation = "autoscaling.alpha.kubernetes.io/metrics"
const behaviorAnnotation = "autoscaling.alpha.kubernetes.io/behavior"

const part = (object: Json | undefined, key: string): JsonObject => {
  const value = at(object, key)
  return isJsonObject(value) ? value : {}
}

/** What is there of some fields, in their order, under other names. */
const renamed = (object: JsonObject, names: ReadonlyArray<readonly [from: string, to: string]>): JsonObject =>
  Object.fromEntries(
    names.flatMap(([from, to]) => {
      const value = object[from]
      return value === undefined || value === null ? [] : [[to, value]]
    })
  )

const isCpu = (metric: JsonObject): boolean =>
  at(metric, "type") === "Resource" &&
  at(metric, "resource", "name") === "cpu" &&
  at(metric, "resource", "target", "type") === "Utilization"

// ---- metrics

const ofResource = (source: JsonObject): JsonObject => ({
  name: source["name"] ?? "",
  ...renamed(part(source, "target"), [
    ["averageUtilization", "targetAverageUtilization"],
    ["averageValue", "targetAverageValue"]
  ])
})

const toResource = (source: JsonObject): JsonObject => {
  const utilization = source["targetAverageUtilization"]
  return {
    name: source["name"] ?? "",
    target: {
      type: utilization === undefined ? "AverageValue" : "Utilization",
      ...renamed(source, [
        ["targetAverageUtilization", "averageUtilization"],
        ["targetAverageValue", "averageValue"]
      ])
    }
  }
}

const metricOf = (name: Json | undefined, selector: Json | undefined): JsonObject => ({
  name: name ?? "",
  ...(selector === undefined ? {} : { selector })
})

/** How each source of a metric is written in the two versions. */
const sources: {
  readonly [key: string]: {
    readonly old: (source: JsonObject) => JsonObject
    readonly new: (source: JsonObject) => JsonObject
  }
} = {
  resource: { old: ofResource, new: toResource },
  containerResource: {
    old: (source) => ({ ...ofResource(source), container: source["container"] ?? "" }),
    new: (source) => ({ ...toResource(source), container: source["container"] ?? "" })
  },
  pods: {
    old: (source) => ({
      metricName: at(source, "metric", "name") ?? "",
      targetAverageValue: at(source, "target", "averageValue") ?? "0",
      ...renamed(part(source, "metric"), [["selector", "selector"]])
    }),
    new: (source) => ({
      metric: metricOf(source["metricName"], source["selector"]),
      target: { type: "AverageValue", averageValue: source["targetAverageValue"] ?? "0" }
    })
  },
  object: {
    old: (source) => ({
      target: renamed(part(source, "describedObject"), [
        ["kind", "kind"],
        ["name", "name"],
        ["apiVersion", "apiVersion"]
      ]),
      metricName: at(source, "metric", "name") ?? "",
      targetValue: at(source, "target", "value") ?? "0",
      ...renamed(part(source, "metric"), [["selector", "selector"]]),
      ...renamed(part(source, "target"), [["averageValue", "averageValue"]])
    }),
    new: (source) => {
      const { averageValue, targetValue = "0" } = source
      return {
        describedObject: part(source, "target"),
        metric: metricOf(source["metricName"], source["selector"]),
        target:
          averageValue === undefined ? { type: "Value", value: targetValue } : { type: "AverageValue", averageValue }
      }
    }
  },
  external: {
    old: (source) => ({
      metricName: at(source, "metric", "name") ?? "",
      ...renamed(part(source, "metric"), [["selector", "metricSelector"]]),
      ...renamed(part(source, "target"), [
        ["value", "targetValue"],
        ["averageValue", "targetAverageValue"]
      ])
    }),
    new: (source) => ({
      metric: metricOf(source["metricName"], source["metricSelector"]),
      target: {
        type: source["targetAverageValue"] === undefined ? "Value" : "AverageValue",
        ...renamed(source, [
          ["targetValue", "value"],
          ["targetAverageValue", "averageValue"]
        ])
      }
    })
  }
}

/** The type comes first, as in Go. */
const converted = (metrics: ReadonlyArray<JsonObject>, to: "new" | "old"): ReadonlyArray<JsonObject> =>
  metrics.map(({ type, ...rest }) => ({
    type: type ?? "",
    ...Object.fromEntries(
      Object.entries(rest).map(([key, value]) => [
        key,
        isJsonObject(value) ? (sources[key]?.[to](value) ?? value) : value
      ])
    )
  }))

// ---- behavior

const rule = ["stabilizationWindowSeconds", "selectPolicy", "policies", "tolerance"]
const policy = ["type", "value", "periodSeconds"]
const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1)

/** It is written as Go has it: all fields, by their names there. */
const oldBehavior = (behavior: JsonObject): JsonObject => {
  const fields = (object: JsonObject, names: ReadonlyArray<string>): JsonObject =>
    Object.fromEntries(
      names.map((name) => [
        capital(name),
        name === "policies" ? objectsOf(object[name]).map((each) => fields(each, policy)) : (object[name] ?? null)
      ])
    )
  const of = (key: string): Json => (behavior[key] === undefined ? null : fields(part(behavior, key), rule))
  return { ScaleUp: of("scaleUp"), ScaleDown: of("scaleDown") }
}

const newBehavior = (value: Json): Json => {
  if (isJsonArray(value)) return value.map(newBehavior)
  return isJsonObject(value)
    ? Object.fromEntries(
        Object.entries(value).flatMap(([key, child]) =>
          child === null ? [] : [[key.charAt(0).toLowerCase() + key.slice(1), newBehavior(child)]]
        )
      )
    : value
}

// ---- both

const parsed = (annotations: JsonObject, name: string): Json | undefined => {
  const text = annotations[name]
  if (typeof text !== "string") return undefined
  // JSON.parse makes nothing but JSON.
  return Either.getOrUndefined(Either.try(() => JSON.parse(text) as Json))
}

const withAnnotations = (object: JsonObject, annotations: JsonObject): JsonObject => {
  const { annotations: _annotations, ...metadata } = part(object, "metadata")
  return { ...metadata, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) }
}

/** An autoscaler of the store in `autoscaling/v1`. */
export const read = (stored: JsonObject): JsonObject => {
  const { behavior, metrics, ...spec } = part(stored, "spec")
  const { currentMetrics, ...status } = part(stored, "status")
  const all = objectsOf(metrics)
  const target = all.find(isCpu)
  const others = all.filter((metric) => metric !== target)
  const current = objectsOf(currentMetrics).find((metric) => at(metric, "resource", "name") === "cpu")
  const utilization = at(target, "resource", "target", "averageUtilization")
  const measured = at(current, "resource", "current", "averageUtilization")
  return {
    ...stored,
    apiVersion: "autoscaling/v1",
    metadata: withAnnotations(stored, {
      ...part(part(stored, "metadata"), "annotations"),
      ...(isJsonObject(behavior) ? { [behaviorAnnotation]: JSON.stringify(oldBehavior(behavior)) } : {}),
      ...(others.length === 0 ? {} : { [metricsAnnotation]: JSON.stringify(converted(others, "old")) })
    }),
    spec: { ...spec, ...(utilization === undefined ? {} : { targetCPUUtilizationPercentage: utilization }) },
    status: {
      currentReplicas: 0,
      ...status,
      ...(measured === undefined ? {} : { currentCPUUtilizationPercentage: measured })
    }
  }
}

/** An autoscaler of `autoscaling/v1` as the store has it. */
export const write = (object: JsonObject): JsonObject => {
  const { targetCPUUtilizationPercentage: target, ...spec } = part(object, "spec")
  const { currentCPUUtilizationPercentage: _measured, ...status } = part(object, "status")
  const given = part(part(object, "metadata"), "annotations")
  const [others, behavior] = [parsed(given, metricsAnnotation), parsed(given, behaviorAnnotation)]
  const known = [
    ...(isJsonArray(others) ? [metricsAnnotation] : []),
    ...(isJsonObject(behavior) ? [behaviorAnnotation] : [])
  ]
  const annotations = Object.fromEntries(Object.entries(given).filter(([name]) => !known.includes(name)))
  const metrics = [
    ...converted(objectsOf(others), "new"),
    ...(target === undefined
      ? []
      : [
          {
            type: "Resource",
            resource: { name: "cpu", target: { type: "Utilization", averageUtilization: target } }
          }
        ])
  ]
  return {
    ...object,
    apiVersion: "autoscaling/v2",
    metadata: withAnnotations(object, annotations),
    spec: {
      ...spec,
      ...(metrics.length === 0 ? {} : { metrics }),
      ...(isJsonObject(behavior) ? { behavior: newBehavior(behavior) } : {})
    },
    ...(object["status"] === undefined ? {} : { status: { currentMetrics: null, ...status } })
  }
}
