/** What the workloads that keep pods running have to be. */
import { jsonEquals } from "../json.js"
import type { JsonObject } from "../openapi.js"
import { notSupported } from "../status.js"
import { structText } from "../structs.js"
import { claimSpec } from "./claims.js"
import { podTemplate, templateMetadata } from "./pod.js"
import {
  eachAt,
  entriesAt,
  forbid,
  immutable,
  intOrPercent,
  invalid,
  invalidText,
  isEmptySelector,
  isZeroIntOrPercent,
  labelSelector,
  listAt,
  maybeOneOf,
  missing,
  name,
  notMoreThan100Percent,
  notNegative,
  numberAt,
  objectAt,
  selects,
  specOf,
  textAt,
  unsupported,
  valueAt,
  type Causes,
  type PartRule,
  type Rule
} from "./rules.js"

const templateOf = (object: JsonObject): JsonObject => objectAt(object, "spec", "template") ?? {}

/** A workload that selects the pods of its template. */
const selecting = (
  out: Causes,
  object: JsonObject,
  kind: string,
  check: (out: Causes) => void = () => undefined
): void => {
  const selector = objectAt(object, "spec", "selector")
  if (selector === undefined) missing(out, "spec.selector")
  else {
    labelSelector(out, "spec.selector", selector)
    if (isEmptySelector(selector)) {
      invalid(out, "spec.selector", selector, `empty selector is invalid for ${kind}`)
    }
  }
  const template = templateOf(object)
  const labels = objectAt(template, "metadata", "labels") ?? {}
  const matches = selects(selector, labels)
  if (matches === undefined)
    invalid(out, "spec.selector", selector ?? null, kind === "statefulset" ? "" : "invalid label selector")
  else {
    if (!matches || selector === undefined) mismatch(out, template)
    check(out)
  }
}

const mismatch = (out: Causes, template: JsonObject): void =>
  invalid(
    out,
    "spec.template.metadata.labels",
    valueAt(template, "metadata", "labels") ?? null,
    "`selector` does not match template `labels`"
  )

const alwaysRestarts = (out: Causes, template: JsonObject, kind: string): void => {
  const spec = objectAt(template, "spec")
  const policy = textAt(spec, "restartPolicy")
  if (policy !== "Always") unsupported(out, "spec.template.spec.restartPolicy", policy, ["Always"])
  if (valueAt(spec, "activeDeadlineSeconds") !== undefined) {
    forbid(out, "spec.template.spec.activeDeadlineSeconds", `activeDeadlineSeconds in ${kind} is not Supported`)
  }
}

const template =
  (object: JsonObject, kind: string) =>
  (out: Causes): void => {
    podTemplate(out, "spec.template", templateOf(object))
    alwaysRestarts(out, templateOf(object), kind)
  }

export const deployment: Rule = (out, object, old) => {
  const spec = specOf(object)
  notNegative(out, "spec.replicas", numberAt(spec, "replicas"))
  selecting(out, object, "deployment", template(object, "ReplicaSet"))
  const strategy = objectAt(spec, "strategy") ?? {}
  const rolling = objectAt(strategy, "rollingUpdate")
  if (strategy["type"] === "Recreate") {
    if (rolling !== undefined) {
      forbid(out, "spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
    }
  } else if (strategy["type"] === "RollingUpdate") {
    const at = "spec.strategy.rollingUpdate"
    const [unavailable, surge] = [rolling?.["maxUnavailable"], rolling?.["maxSurge"]]
    intOrPercent(out, `${at}.maxUnavailable`, unavailable)
    intOrPercent(out, `${at}.maxSurge`, surge)
    if (isZeroIntOrPercent(unavailable) && isZeroIntOrPercent(surge)) {
      invalid(out, `${at}.maxUnavailable`, unavailable ?? 0, "may not be 0 when `maxSurge` is 0")
    }
    notMoreThan100Percent(out, `${at}.maxUnavailable`, unavailable)
  } else {
    unsupportedStrategy(out, "spec.strategy", "apps.DeploymentStrategy", strategy, ["Recreate", "RollingUpdate"])
  }
  const ready = numberAt(spec, "minReadySeconds")
  notNegative(out, "spec.minReadySeconds", ready)
  notNegative(out, "spec.revisionHistoryLimit", numberAt(spec, "revisionHistoryLimit"))
  const deadline = numberAt(spec, "progressDeadlineSeconds")
  notNegative(out, "spec.progressDeadlineSeconds", deadline)
  if (deadline !== undefined && deadline <= (ready ?? 0)) {
    invalid(out, "spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
  }
  if (old !== undefined) immutable(out, "spec.selector", spec["selector"], specOf(old)["selector"])
}

const unsupportedStrategy = (
  out: Causes,
  path: string,
  struct: string,
  strategy: JsonObject,
  supported: ReadonlyArray<string>
): void => {
  out.push(notSupported(path, structText(struct, strategy), supported))
}

export const replicaSet: Rule = (out, object, old) => {
  const spec = specOf(object)
  notNegative(out, "spec.replicas", numberAt(spec, "replicas"))
  notNegative(out, "spec.minReadySeconds", numberAt(spec, "minReadySeconds"))
  selecting(out, object, "deployment", template(object, "ReplicaSet"))
  if (old !== undefined) immutable(out, "spec.selector", spec["selector"], specOf(old)["selector"])
}

export const daemonSet: Rule = (out, object, old) => {
  const spec = specOf(object)
  if (old !== undefined) immutable(out, "spec.selector", spec["selector"], specOf(old)["selector"])
  const selector = objectAt(spec, "selector")
  labelSelector(out, "spec.selector", selector)
  const labels = objectAt(templateOf(object), "metadata", "labels") ?? {}
  const matches = selector === undefined ? false : selects(selector, labels)
  if (matches === false) mismatch(out, templateOf(object))
  if (selector !== undefined && isEmptySelector(selector)) {
    invalid(out, "spec.selector", selector, "empty selector is invalid for daemonset")
  }
  template(object, "DaemonSet")(out)
  notNegative(out, "spec.minReadySeconds", numberAt(spec, "minReadySeconds"))
  const strategy = objectAt(spec, "updateStrategy") ?? {}
  const at = "spec.updateStrategy.rollingUpdate"
  if (strategy["type"] === "RollingUpdate") {
    const [unavailable, surge] = [
      valueAt(strategy, "rollingUpdate", "maxUnavailable"),
      valueAt(strategy, "rollingUpdate", "maxSurge")
    ]
    intOrPercent(out, `${at}.maxUnavailable`, unavailable)
    intOrPercent(out, `${at}.maxSurge`, surge)
    notMoreThan100Percent(out, `${at}.maxUnavailable`, unavailable)
    notMoreThan100Percent(out, `${at}.maxSurge`, surge)
    const [none, over] = [isZeroIntOrPercent(unavailable), !isZeroIntOrPercent(surge)]
    if (!none && over) invalid(out, `${at}.maxSurge`, surge ?? 0, "may not be set when maxUnavailable is non-zero")
    if (none && !over) missing(out, `${at}.maxUnavailable`, "cannot be 0 when maxSurge is 0")
  } else if (strategy["type"] !== "OnDelete") {
    unsupportedStrategy(out, "spec.updateStrategy", "apps.DaemonSetUpdateStrategy", strategy, [
      "RollingUpdate",
      "OnDelete"
    ])
  }
  notNegative(out, "spec.revisionHistoryLimit", numberAt(spec, "revisionHistoryLimit"))
}

const changeable = [
  "replicas",
  "ordinals",
  "template",
  "updateStrategy",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds"
]

export const statefulSet: Rule = (out, object, old) => {
  const spec = specOf(object)
  const policy = textAt(spec, "podManagementPolicy")
  if (policy !== "OrderedReady" && policy !== "Parallel") {
    invalid(out, "spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'")
  }
  const strategy = objectAt(spec, "updateStrategy") ?? {}
  const at = "spec.updateStrategy.rollingUpdate"
  if (strategy["type"] === "RollingUpdate") {
    notNegative(out, `${at}.partition`, numberAt(strategy, "rollingUpdate", "partition"))
  } else if (strategy["type"] === "OnDelete") {
    const rolling = objectAt(strategy, "rollingUpdate")
    if (rolling !== undefined) {
      const text = structText("apps.RollingUpdateStatefulSetStrategy", rolling)
      invalidText(out, at, text, "only allowed for updateStrategy 'RollingUpdate'")
    }
  } else {
    const text = structText("apps.StatefulSetUpdateStrategy", strategy)
    invalidText(out, "spec.updateStrategy", text, "must be 'RollingUpdate' or 'OnDelete'")
  }
  const retention = objectAt(spec, "persistentVolumeClaimRetentionPolicy")
  for (const when of retention === undefined ? [] : ["whenDeleted", "whenScaled"]) {
    const kept = textAt(retention, when)
    maybeOneOf(out, `spec.persistentVolumeClaimRetentionPolicy.${when}`, kept, ["Retain", "Delete"])
  }
  if (old === undefined) {
    for (const [each, at] of eachAt(spec, "spec", "volumeClaimTemplates")) {
      claimSpec(out, `${at}.spec`, objectAt(each, "spec") ?? {})
    }
  }
  notNegative(out, "spec.replicas", numberAt(spec, "replicas"))
  notNegative(out, "spec.minReadySeconds", numberAt(spec, "minReadySeconds"))
  notNegative(out, "spec.ordinals.start", numberAt(spec, "ordinals", "start"))
  const serviceName = textAt(spec, "serviceName")
  if (old === undefined && serviceName !== "") name(out, "spec.serviceName", serviceName, "label")
  const claimed = listAt(spec, "volumeClaimTemplates").map((claim) => ({
    name: textAt(claim, "metadata", "name"),
    persistentVolumeClaim: { claimName: textAt(claim, "metadata", "name") }
  }))
  const names = new Set(claimed.map((volume) => volume.name))
  const withClaims: JsonObject = {
    ...templateOf(object),
    spec: {
      ...objectAt(templateOf(object), "spec"),
      hostname: "",
      subdomain: "",
      volumes: [
        ...claimed,
        ...listAt(templateOf(object), "spec", "volumes").filter((volume) => !names.has(textAt(volume, "name")))
      ]
    }
  }
  selecting(out, object, "statefulset", (causes) => {
    podTemplate(causes, "spec.template", withClaims)
    // The API server looks at it twice.
    templateMetadata(causes, "spec.template", withClaims)
  })
  alwaysRestarts(out, templateOf(object), "StatefulSet")
  if (old === undefined) return
  const fixed = (given: JsonObject): JsonObject =>
    Object.fromEntries(Object.entries(given).filter(([key]) => !changeable.includes(key)))
  const claims = (given: JsonObject): JsonObject => ({
    ...fixed(given),
    volumeClaimTemplates: listAt(given, "volumeClaimTemplates").map((claim) => valueAt(claim, "spec") ?? null)
  })
  if (!jsonEquals(claims(spec), claims(specOf(old)))) {
    forbid(
      out,
      "spec",
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
    )
  }
}

export const replicationController: Rule = (out, object) => {
  const spec = specOf(object)
  notNegative(out, "spec.minReadySeconds", numberAt(spec, "minReadySeconds"))
  if (entriesAt(spec, "selector").length === 0) missing(out, "spec.selector")
  notNegative(out, "spec.replicas", numberAt(spec, "replicas"))
  if (spec["template"] === undefined) return missing(out, "spec.template")
  const selector = objectAt(spec, "selector") ?? {}
  const labels = objectAt(templateOf(object), "metadata", "labels") ?? {}
  if (!Object.entries(selector).every(([key, value]) => labels[key] === value)) mismatch(out, templateOf(object))
  template(object, "ReplicationController")(out)
}

/** A status in which numbers are: none is negative, and some are parts of others. */
const counts =
  (
    numbers: ReadonlyArray<string>,
    parts: ReadonlyArray<readonly [part: string, whole: string, said: string]> = []
  ): PartRule =>
  (out, object, old) => {
    const status = objectAt(object, "status")
    const of = (key: string): number => numberAt(status, key) ?? 0
    for (const key of numbers) notNegative(out, `status.${key}`, of(key))
    for (const [part, whole, said] of parts) {
      if (of(part) > of(whole)) invalid(out, `status.${part}`, of(part), `cannot be greater than ${said}`)
    }
    const collisions = numberAt(old, "status", "collisionCount")
    if (numbers.includes("collisionCount") && collisions !== undefined && of("collisionCount") < collisions) {
      invalid(out, "status.collisionCount", of("collisionCount"), "cannot be decremented")
    }
  }

const ofReplicas = (...parts: ReadonlyArray<string>) =>
  parts.map((part) => [part, "replicas", "status.replicas"] as const)

export const deploymentStatus = counts(
  [
    "observedGeneration",
    "replicas",
    "updatedReplicas",
    "readyReplicas",
    "availableReplicas",
    "unavailableReplicas",
    "terminatingReplicas",
    "collisionCount"
  ],
  [
    ...ofReplicas("updatedReplicas", "readyReplicas", "availableReplicas"),
    ["availableReplicas", "readyReplicas", "readyReplicas"]
  ]
)

const replicaNumbers = ["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration"]
const replicaParts = [
  ...ofReplicas("fullyLabeledReplicas", "readyReplicas", "availableReplicas"),
  ["availableReplicas", "readyReplicas", "readyReplicas"] as const
]

export const replicaSetStatus = counts([...replicaNumbers, "terminatingReplicas"], replicaParts)

export const replicationControllerStatus = counts(replicaNumbers, replicaParts)

export const statefulSetStatus = counts(
  [
    "replicas",
    "readyReplicas",
    "currentReplicas",
    "updatedReplicas",
    "availableReplicas",
    "observedGeneration",
    "collisionCount"
  ],
  [
    ...ofReplicas("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"),
    ["availableReplicas", "readyReplicas", "status.readyReplicas"]
  ]
)

export const daemonSetStatus = counts([
  "currentNumberScheduled",
  "numberMisscheduled",
  "desiredNumberScheduled",
  "numberReady",
  "observedGeneration",
  "updatedNumberScheduled",
  "numberAvailable",
  "numberUnavailable",
  "collisionCount"
])
