/**
 * What the API server has against an object of a built-in kind, beyond its metadata: the causes of a 422, in its words. The
 * object has been decoded, defaulted and prepared; `old` is the one that it takes the place of.
 */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import { isAddress } from "./addresses.js"
import { jsonEquals } from "./json.js"
import { labelKeyProblems, rules, standardFinalizers } from "./names.js"
import type { GroupVersionKind, Json, JsonObject } from "./openapi.js"
import type { Cause } from "./status.js"
import { customResourceDefinition } from "./validationCrd.js"
import { podSpec, podTemplate, podUpdate, resourceName, resourceQuantity } from "./validationPod.js"
import {
  accessModes,
  cidr,
  duplicate,
  eachAt,
  entriesAt,
  forbid,
  immutable,
  intOrPercent,
  invalid,
  ip,
  strictIp,
  isCidr,
  isEmptySelector,
  isZeroIntOrPercent,
  keyProblems,
  labelSelector,
  listAt,
  maybeOneOf,
  missing,
  name,
  notMoreThan100Percent,
  notNegative,
  numberAt,
  objectAt,
  oneOf,
  portNameProblems,
  portNumber,
  portNumberOrName,
  problems,
  protocols,
  qualifiedName,
  quantityAt,
  selects,
  textAt,
  tooLong,
  unsupported,
  valueAt,
  type Causes
} from "./validationRules.js"

type Rule = (out: Causes, object: JsonObject, old: JsonObject | undefined) => void

const specOf = (object: JsonObject | undefined): JsonObject => objectAt(object, "spec") ?? {}

const most = 1024 * 1024

const bytesOf = (base64: Json): number => Buffer.from(String(base64), "base64").length

const frozen = (out: Causes, object: JsonObject, old: JsonObject | undefined, keys: ReadonlyArray<string>): void => {
  if (old?.["immutable"] !== true) return
  const why = "field is immutable when `immutable` is set"
  if (object["immutable"] !== true) forbid(out, "immutable", why)
  for (const key of keys) if (!jsonEquals(object[key] ?? {}, old[key] ?? {})) forbid(out, key, why)
}

const configMap: Rule = (out, object, old) => {
  frozen(out, object, old, ["data", "binaryData"])
  let size = 0
  for (const [key, value] of entriesAt(object, "data")) {
    problems(out, `data[${key}]`, key, keyProblems(key))
    if (valueAt(object, "binaryData", key) !== undefined) {
      invalid(out, `data[${key}]`, key, "duplicate of key present in binaryData")
    }
    size += Buffer.byteLength(String(value))
  }
  for (const [key, value] of entriesAt(object, "binaryData")) {
    problems(out, `binaryData[${key}]`, key, keyProblems(key))
    size += bytesOf(value)
  }
  if (size > most) tooLong(out, "", most)
}

/** The keys that a Secret of a type must have. */
const secretKeys: { readonly [type: string]: ReadonlyArray<string> } = {
  "kubernetes.io/dockercfg": [".dockercfg"],
  "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
  "kubernetes.io/ssh-auth": ["ssh-privatekey"],
  "kubernetes.io/tls": ["tls.crt", "tls.key"]
}

const secret: Rule = (out, object, old) => {
  if (old !== undefined) immutable(out, "type", object["type"], old["type"])
  frozen(out, object, old, ["data"])
  let size = 0
  for (const [key, value] of entriesAt(object, "data")) {
    problems(out, `data[${key}]`, key, keyProblems(key))
    size += bytesOf(value)
  }
  if (size > most) tooLong(out, "data", most)
  const [type, data] = [textAt(object, "type"), objectAt(object, "data") ?? {}]
  if (type === "kubernetes.io/service-account-token") {
    const key = "kubernetes.io/service-account.name"
    if (textAt(object, "metadata", "annotations", key) === "") missing(out, `metadata.annotations[${key}]`)
  }
  if (type === "kubernetes.io/basic-auth" && data["username"] === undefined && data["password"] === undefined) {
    missing(out, "data[username]")
    missing(out, "data[password]")
  }
  for (const key of secretKeys[type] ?? []) {
    const value = data[key]
    if (value === undefined || (key === "ssh-privatekey" && value === "")) missing(out, `data[${key}]`)
    else if (key.startsWith(".docker") && !isJsonText(Buffer.from(String(value), "base64").toString())) {
      invalid(
        out,
        `data[${key}]`,
        "<secret contents redacted>",
        jsonError(Buffer.from(String(value), "base64").toString())
      )
    }
  }
}

const isJsonText = (text: string): boolean => jsonError(text) === ""

const jsonError = (text: string): string => {
  const first = text.trimStart().charAt(0)
  if (first === "") return "unexpected end of JSON input"
  return first === "{" ? "" : `invalid character '${first}' looking for beginning of value`
}

const serviceTypes = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]

const service: Rule = (out, object, old) => {
  const spec = specOf(object)
  const type = textAt(spec, "type")
  if (old !== undefined) serviceUpdate(out, spec, specOf(old))
  const clusterIp = textAt(spec, "clusterIP")
  const headless = clusterIp === "None"
  const ports = eachAt(spec, "spec", "ports")
  if (ports.length === 0 && !headless && type !== "ExternalName") missing(out, "spec.ports")
  if (type === "LoadBalancer") {
    if (headless) invalid(out, "spec.clusterIPs[0]", clusterIp, "may not be set to 'None' for LoadBalancer services")
  } else if (type === "NodePort") {
    if (headless) invalid(out, "spec.clusterIPs[0]", clusterIp, "may not be set to 'None' for NodePort services")
  } else if (type === "ExternalName") {
    const external = textAt(spec, "externalName").replace(/\.$/, "")
    if (clusterIp !== "") forbid(out, "spec.clusterIPs", "may not be set when `type` is 'ExternalName'")
    if (external === "") missing(out, "spec.externalName")
    else name(out, "spec.externalName", external, "subdomain")
  }
  const names = new Set<string>()
  for (const [port, at] of ports) {
    const portName = textAt(port, "name")
    if (ports.length > 1 && portName === "") missing(out, `${at}.name`)
    else if (portName !== "") {
      name(out, `${at}.name`, portName, "label")
      if (names.has(portName)) duplicate(out, `${at}.name`, portName)
      names.add(portName)
    }
    portNumber(out, `${at}.port`, numberAt(port, "port") ?? 0)
    oneOf(out, `${at}.protocol`, port["protocol"], protocols)
    portNumberOrName(out, `${at}.targetPort`, port["targetPort"])
    const application = valueAt(port, "appProtocol")
    if (application !== undefined) qualifiedName(out, `${at}.appProtocol`, String(application))
  }
  for (const [key, value] of entriesAt(spec, "selector")) {
    const causes: Causes = []
    labelSelector(causes, "", { matchLabels: { [key]: value } })
    out.push(...causes.map((cause) => ({ ...cause, field: "spec.selector" })))
  }
  oneOf(out, "spec.sessionAffinity", spec["sessionAffinity"], ["ClientIP", "None"])
  const timeout = numberAt(spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds")
  if (spec["sessionAffinity"] === "ClientIP" && timeout !== undefined && (timeout <= 0 || timeout > 86400)) {
    invalid(
      out,
      "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
      timeout,
      "must be greater than 0 and less than 86400"
    )
  }
  listAt(spec, "clusterIPs").forEach((address, index) => {
    if (address !== "None" && address !== "") ip(out, `spec.clusterIPs[${index}]`, String(address))
  })
  listAt(spec, "externalIPs").forEach((address, index) => ip(out, `spec.externalIPs[${index}]`, String(address)))
  oneOf(out, "spec.type", type, serviceTypes)
  const taken = new Map<string, string>()
  for (const [port, at] of ports) {
    const node = numberAt(port, "nodePort") ?? 0
    if (node !== 0 && (type === "ClusterIP" || type === "ExternalName")) {
      forbid(out, `${at}.nodePort`, "may not be used when `type` is 'ClusterIP'")
    }
    const key = `${textAt(port, "protocol")}/${node}`
    if (node !== 0 && taken.has(key)) duplicate(out, `${at}.nodePort`, node)
    taken.set(key, at)
  }
  const seen: Array<readonly [string, number]> = []
  for (const [port, at] of ports) {
    const key = [textAt(port, "protocol"), numberAt(port, "port") ?? 0] as const
    if (seen.some((other) => jsonEquals([...other], [...key]))) {
      out.push({
        reason: "FieldValueDuplicate",
        message: `Duplicate value: ${JSON.stringify({ Name: "", Protocol: key[0], AppProtocol: null, Port: key[1], TargetPort: 0, NodePort: 0 })}`,
        field: at
      })
    } else seen.push(key)
  }
  if (type !== "LoadBalancer") {
    for (const key of ["loadBalancerClass", "allocateLoadBalancerNodePorts"]) {
      if (spec[key] !== undefined) forbid(out, `spec.${key}`, "may only be used when `type` is 'LoadBalancer'")
    }
    if (listAt(spec, "loadBalancerSourceRanges").length > 0) {
      forbid(out, "spec.LoadBalancerSourceRanges", "may only be used when `type` is 'LoadBalancer'")
    }
  }
  const external = valueAt(spec, "externalTrafficPolicy")
  if (external !== undefined) {
    if (type !== "NodePort" && type !== "LoadBalancer" && listAt(spec, "externalIPs").length === 0) {
      invalid(out, "spec.externalTrafficPolicy", external, "may only be set for externally-accessible services")
    } else maybeOneOf(out, "spec.externalTrafficPolicy", external, ["Cluster", "Local"])
  }
  maybeOneOf(out, "spec.internalTrafficPolicy", valueAt(spec, "internalTrafficPolicy"), ["Cluster", "Local"])
}

const serviceUpdate = (out: Causes, spec: JsonObject, old: JsonObject): void => {
  const external = (type: Json | undefined): boolean => type === "ExternalName"
  if (!external(spec["type"]) && !external(old["type"]) && textAt(old, "clusterIP") !== "") {
    const [now, before] = [listAt(spec, "clusterIPs"), listAt(old, "clusterIPs")]
    if (!jsonEquals(now[0], before[0])) {
      invalid(out, "spec.clusterIPs[0]", [...now], "may not change once set")
    }
  }
}

const pod: Rule = (out, object, old) => {
  podSpec(out, "spec", specOf(object))
  if (old !== undefined) podUpdate(out, specOf(object), specOf(old))
}

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

const deployment: Rule = (out, object, old) => {
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
    unsupportedStrategy(out, "spec.strategy", strategy, ["Recreate", "RollingUpdate"])
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

/** The API server prints the Go struct of its own, whose fields have no names of JSON. */
const unsupportedStrategy = (
  out: Causes,
  path: string,
  strategy: JsonObject,
  supported: ReadonlyArray<string>
): void => {
  unsupported(
    out,
    path,
    { Type: textAt(strategy, "type"), RollingUpdate: strategy["rollingUpdate"] ?? null },
    supported
  )
  const last = out.pop()
  if (last !== undefined) {
    const [type, rolling] = [
      JSON.stringify(textAt(strategy, "type")),
      JSON.stringify(strategy["rollingUpdate"] ?? null)
    ]
    out.push({
      ...last,
      message: `Unsupported value: {"Type":${type},"RollingUpdate":${rolling}}: supported values: ${supported.map((one) => JSON.stringify(one)).join(", ")}`
    })
  }
}

const replicaSet: Rule = (out, object, old) => {
  const spec = specOf(object)
  notNegative(out, "spec.replicas", numberAt(spec, "replicas"))
  notNegative(out, "spec.minReadySeconds", numberAt(spec, "minReadySeconds"))
  selecting(out, object, "deployment", template(object, "ReplicaSet"))
  if (old !== undefined) immutable(out, "spec.selector", spec["selector"], specOf(old)["selector"])
}

const daemonSet: Rule = (out, object, old) => {
  const spec = specOf(object)
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
    const [none, over] = [isZeroIntOrPercent(unavailable), !isZeroIntOrPercent(surge)]
    if (!none && over) invalid(out, `${at}.maxSurge`, surge ?? 0, "may not be set when maxUnavailable is non-zero")
    if (none && !over) missing(out, `${at}.maxUnavailable`, "cannot be 0 when maxSurge is 0")
    notMoreThan100Percent(out, `${at}.maxUnavailable`, unavailable)
    notMoreThan100Percent(out, `${at}.maxSurge`, surge)
  } else if (strategy["type"] !== "OnDelete") {
    unsupportedStrategy(out, "spec.updateStrategy", strategy, ["RollingUpdate", "OnDelete"])
  }
  notNegative(out, "spec.revisionHistoryLimit", numberAt(spec, "revisionHistoryLimit"))
  if (old !== undefined) immutable(out, "spec.selector", spec["selector"], specOf(old)["selector"])
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

const statefulSet: Rule = (out, object, old) => {
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
    if (rolling !== undefined)
      invalid(
        out,
        at,
        { Partition: rolling["partition"] ?? 0, MaxUnavailable: null },
        "only allowed for updateStrategy 'RollingUpdate'"
      )
  } else {
    const [type, rolling] = [textAt(strategy, "type"), objectAt(strategy, "rollingUpdate")]
    out.push({
      reason: "FieldValueInvalid",
      message: `Invalid value: {"Type":${JSON.stringify(type)},"RollingUpdate":${JSON.stringify(rolling ?? null)}}: must be 'RollingUpdate' or 'OnDelete'`,
      field: "spec.updateStrategy"
    })
  }
  for (const when of ["whenDeleted", "whenScaled"]) {
    const retention = textAt(spec, "persistentVolumeClaimRetentionPolicy", when)
    maybeOneOf(out, `spec.persistentVolumeClaimRetentionPolicy.${when}`, retention, ["Delete", "Retain"])
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
  selecting(out, object, "statefulset", (causes) => podTemplate(causes, "spec.template", withClaims))
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

const jobNumbers = [
  "parallelism",
  "completions",
  "activeDeadlineSeconds",
  "backoffLimit",
  "ttlSecondsAfterFinished",
  "backoffLimitPerIndex"
]

const jobSpec = (out: Causes, path: string, spec: JsonObject): void => {
  for (const key of jobNumbers) notNegative(out, `${path}.${key}`, numberAt(spec, key))
  const failed = numberAt(spec, "maxFailedIndexes")
  notNegative(out, `${path}.maxFailedIndexes`, failed)
  if (failed !== undefined && spec["backoffLimitPerIndex"] === undefined) {
    missing(out, `${path}.backoffLimitPerIndex`, "when maxFailedIndexes is specified")
  }
  const mode = textAt(spec, "completionMode")
  maybeOneOf(out, `${path}.completionMode`, mode === "" ? undefined : mode, ["NonIndexed", "Indexed"])
  if (mode === "Indexed") {
    if (spec["completions"] === undefined) missing(out, `${path}.completions`, "when completion mode is Indexed")
    if ((numberAt(spec, "parallelism") ?? 0) > 100000) {
      invalid(
        out,
        `${path}.parallelism`,
        numberAt(spec, "parallelism") ?? 0,
        "must be less than or equal to 100000 when completion mode is Indexed"
      )
    }
  } else if (mode === "NonIndexed") {
    for (const key of ["backoffLimitPerIndex", "maxFailedIndexes"]) {
      const value = numberAt(spec, key)
      if (value !== undefined) invalid(out, `${path}.${key}`, value, "requires indexed completion mode")
    }
  }
  const replacement = valueAt(spec, "podReplacementPolicy")
  if (spec["podFailurePolicy"] === undefined) {
    maybeOneOf(out, `${path}.podReplacementPolicy`, replacement, ["Failed", "TerminatingOrFailed"])
  } else maybeOneOf(out, `${path}.podReplacementPolicy`, replacement, ["Failed"])
  podTemplate(out, `${path}.template`, objectAt(spec, "template") ?? {})
  const at = `${path}.template.spec.restartPolicy`
  const policy = textAt(spec, "template", "spec", "restartPolicy")
  if (policy === "Always" || policy === "") missing(out, at, `valid values: "OnFailure", "Never"`)
  else if (policy !== "OnFailure" && policy !== "Never") unsupported(out, at, policy, ["OnFailure", "Never"])
  else if (spec["podFailurePolicy"] !== undefined && policy !== "Never") {
    invalid(out, at, policy, 'only "Never" is supported when podFailurePolicy is specified')
  }
}

const job: Rule = (out, object, old) => {
  const spec = specOf(object)
  jobSpec(out, "spec", spec)
  const selector = objectAt(spec, "selector")
  if (selector === undefined) missing(out, "spec.selector")
  else {
    labelSelector(out, "spec.selector", selector)
    if (selects(selector, objectAt(templateOf(object), "metadata", "labels") ?? {}) === false)
      mismatch(out, templateOf(object))
  }
  if (old === undefined) return
  const before = specOf(old)
  if (spec["completionMode"] !== "Indexed")
    immutable(out, "spec.completions", spec["completions"], before["completions"])
  immutable(out, "spec.selector", spec["selector"], before["selector"])
  if (!jsonEquals(spec["template"], before["template"])) {
    immutable(out, "spec.template", spec["template"], before["template"])
  }
  for (const key of ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"]) {
    immutable(out, `spec.${key}`, spec[key], before[key])
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

const cronJob: Rule = (out, object, old) => {
  const spec = specOf(object)
  const schedule = textAt(spec, "schedule")
  if (schedule === "") missing(out, "spec.schedule")
  else {
    const problem = scheduleProblem(schedule)
    if (problem !== undefined) invalid(out, "spec.schedule", schedule, problem)
    if (schedule.includes("TZ") && !textAt(specOf(old), "schedule").includes("TZ")) {
      invalid(out, "spec.schedule", schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
    }
  }
  notNegative(out, "spec.startingDeadlineSeconds", numberAt(spec, "startingDeadlineSeconds"))
  const zone = valueAt(spec, "timeZone")
  if (typeof zone === "string" && !isTimeZone(zone)) {
    invalid(
      out,
      "spec.timeZone",
      zone,
      zone === "" ? "timeZone must be nil or non-empty string" : `unknown time zone ${zone}`
    )
  }
  oneOf(out, "spec.concurrencyPolicy", spec["concurrencyPolicy"], ["Allow", "Forbid", "Replace"])
  const jobTemplate = objectAt(spec, "jobTemplate") ?? {}
  const inner = objectAt(jobTemplate, "spec") ?? {}
  jobSpec(out, "spec.jobTemplate.spec", inner)
  if (valueAt(inner, "manualSelector") === true) {
    unsupported(out, "spec.jobTemplate.spec.manualSelector", true, ["nil", "false"])
  }
  for (const key of ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"]) {
    notNegative(out, `spec.${key}`, numberAt(spec, key))
  }
  const cronName = textAt(object, "metadata", "name")
  if (old === undefined && Buffer.byteLength(cronName) > 52) {
    invalid(out, "metadata.name", cronName, "must be no more than 52 characters")
  }
}

/** Names in the database of time zones tell upper from lower case, and are no offsets. */
const isTimeZone = (zone: string): boolean => /^[A-Z]/.test(zone) && Option.isSome(DateTime.zoneMakeNamed(zone))

const replicationController: Rule = (out, object) => {
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

const backend = (out: Causes, path: string, given: JsonObject): void => {
  const [resource, target] = [objectAt(given, "resource"), objectAt(given, "service")]
  if (resource !== undefined && target !== undefined) {
    return invalid(out, path, "", "cannot set both resource and service backends")
  }
  if (resource !== undefined) {
    if (textAt(resource, "kind") === "") missing(out, `${path}.resource.kind`)
    if (textAt(resource, "name") === "") missing(out, `${path}.resource.name`)
    return
  }
  if (target === undefined) return invalid(out, path, "", "resource or service backend is required")
  const serviceName = textAt(target, "name")
  if (serviceName === "") missing(out, `${path}.service.name`)
  else name(out, `${path}.service.name`, serviceName, "label1035")
  const [portName, number] = [textAt(target, "port", "name"), numberAt(target, "port", "number") ?? 0]
  if (portName !== "" && number !== 0) invalid(out, path, "", "cannot set both port name & port number")
  else if (portName !== "") problems(out, `${path}.service.port.name`, portName, portNameProblems(portName))
  else if (number === 0) missing(out, path, "port name or number is required")
  else portNumber(out, `${path}.service.port.number`, number)
}

const wildcard = /^\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

const host = (out: Causes, path: string, text: string): void => {
  if (!text.includes("*")) return name(out, path, text, "subdomain")
  if (!wildcard.test(text)) {
    invalid(
      out,
      path,
      text,
      "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    )
  }
}

const ingress: Rule = (out, object) => {
  const spec = specOf(object)
  const all = eachAt(spec, "spec", "rules")
  const own = objectAt(spec, "defaultBackend")
  if (all.length === 0 && own === undefined) {
    invalid(out, "spec", [], "either `defaultBackend` or `rules` must be specified")
    const last = out.pop()
    if (last !== undefined) out.push({ ...last, message: last.message.replace("[]", "null") })
  }
  if (own !== undefined) backend(out, "spec.defaultBackend", own)
  for (const [rule, at] of all) {
    const text = textAt(rule, "host")
    if (text !== "") {
      if (/^\d+\.\d+\.\d+\.\d+$/.test(text)) {
        invalid(out, `${at}.host`, text, "must be a DNS name, not an IP address")
      }
      host(out, `${at}.host`, text)
    }
    const http = objectAt(rule, "http")
    if (http === undefined) continue
    const paths = eachAt(http, `${at}.http`, "paths")
    if (paths.length === 0) missing(out, `${at}.http.paths`)
    for (const [path, where] of paths) {
      const [type, value] = [valueAt(path, "pathType"), textAt(path, "path")]
      if (type === undefined) {
        missing(out, `${where}.pathType`, "pathType must be specified")
        continue
      }
      if (type === "Exact" || type === "Prefix") {
        if (!value.startsWith("/")) invalid(out, `${where}.path`, value, "must be an absolute path")
        if (value !== "") {
          for (const part of ["//", "/./", "/../", "%2f", "%2F"]) {
            if (value.includes(part)) invalid(out, `${where}.path`, value, `must not contain '${part}'`)
          }
          for (const end of ["/..", "/."]) {
            if (value.endsWith(end)) invalid(out, `${where}.path`, value, `cannot end with '${end}'`)
          }
        }
      } else if (type === "ImplementationSpecific") {
        if (value !== "" && !value.startsWith("/")) {
          invalid(out, `${where}.path`, value, "must be an absolute path")
        }
      } else unsupported(out, `${where}.pathType`, type, ["Exact", "ImplementationSpecific", "Prefix"])
      backend(out, `${where}.backend`, objectAt(path, "backend") ?? {})
    }
  }
  for (const [tls, at] of eachAt(spec, "spec", "tls")) {
    listAt(tls, "hosts").forEach((each, index) => host(out, `${at}.hosts[${index}]`, String(each)))
    const secretName = textAt(tls, "secretName")
    if (secretName !== "") name(out, `${at}.secretName`, secretName, "subdomain")
  }
  const className = valueAt(spec, "ingressClassName")
  if (className !== undefined) name(out, "spec.ingressClassName", String(className), "subdomain")
}

const policyPort = (out: Causes, at: string, port: JsonObject): void => {
  maybeOneOf(out, `${at}.protocol`, valueAt(port, "protocol"), ["TCP", "UDP", "SCTP"])
  const [first, last] = [valueAt(port, "port"), numberAt(port, "endPort")]
  if (typeof first === "number") {
    portNumber(out, `${at}.port`, first)
    if (last !== undefined) {
      if (last < first) invalid(out, `${at}.endPort`, first, "must be greater than or equal to `port`")
      portNumber(out, `${at}.endPort`, last)
    }
  } else if (typeof first === "string") {
    if (last !== undefined) invalid(out, `${at}.endPort`, last, "may not be specified when `port` is non-numeric")
    problems(out, `${at}.port`, first, portNameProblems(first))
  } else if (last !== undefined) {
    invalid(out, `${at}.endPort`, last, "may not be specified when `port` is not specified")
  }
}

const number = (address: string): { readonly value: bigint; readonly size: number } => {
  if (address.includes(".")) {
    return { value: address.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n), size: 32 }
  }
  const [head = "", tail = ""] = address.split("::")
  const groups = (part: string): ReadonlyArray<string> => part.split(":").filter((group) => group !== "")
  const [left, right] = [groups(head), groups(tail)]
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => "0"), ...right]
  return { value: all.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n), size: 128 }
}

const within = (inner: string, outer: string): boolean => {
  const [innerIp = "", innerBits = ""] = inner.split("/")
  const [outerIp = "", outerBits = ""] = outer.split("/")
  const [a, b] = [number(innerIp), number(outerIp)]
  const shift = BigInt(b.size - Number(outerBits))
  return a.size === b.size && a.value >> shift === b.value >> shift && Number(innerBits) > Number(outerBits)
}

const peer = (out: Causes, at: string, given: JsonObject): void => {
  const [pods, namespaces, block] = [
    objectAt(given, "podSelector"),
    objectAt(given, "namespaceSelector"),
    objectAt(given, "ipBlock")
  ]
  labelSelector(out, `${at}.podSelector`, pods)
  labelSelector(out, `${at}.namespaceSelector`, namespaces)
  if (block !== undefined) {
    const range = textAt(block, "cidr")
    if (range === "") missing(out, `${at}.ipBlock.cidr`)
    else {
      cidr(out, `${at}.ipBlock.cidr`, range)
      if (isCidr(range)) {
        listAt(block, "except").forEach((each, index) => {
          const where = `${at}.ipBlock.except[${index}]`
          cidr(out, where, String(each))
          if (isCidr(String(each)) && !within(String(each), range)) {
            invalid(out, where, each, "must be a strict subset of `cidr`")
          }
        })
      }
    }
  }
  if (pods === undefined && namespaces === undefined && block === undefined) missing(out, at, "must specify a peer")
  else if (block !== undefined && (pods !== undefined || namespaces !== undefined)) {
    forbid(out, at, "may not specify both ipBlock and another peer")
  }
}

const networkPolicy: Rule = (out, object) => {
  const spec = specOf(object)
  labelSelector(out, "spec.podSelector", objectAt(spec, "podSelector"))
  for (const [list, peers] of [
    ["ingress", "from"],
    ["egress", "to"]
  ] as const) {
    for (const [rule, at] of eachAt(spec, "spec", list)) {
      for (const [port, where] of eachAt(rule, at, "ports")) policyPort(out, where, port)
      for (const [each, where] of eachAt(rule, at, peers)) peer(out, where, each)
    }
  }
  const types = listAt(spec, "policyTypes")
  if (types.length > 2) return invalid(out, "spec.policyTypes", [...types], "may not specify more than two policyTypes")
  types.forEach((type, index) => maybeOneOf(out, `spec.policyTypes[${index}]`, type, ["Ingress", "Egress"]))
}

const reference = (out: Causes, path: string, given: JsonObject): void => {
  for (const key of ["kind", "name"]) {
    const text = textAt(given, key)
    if (text === "") missing(out, `${path}.${key}`)
    else problems(out, `${path}.${key}`, text, rules.path(text))
  }
}

const metricFields: { readonly [type: string]: string } = {
  ContainerResource: "containerResource",
  External: "external",
  Object: "object",
  Pods: "pods",
  Resource: "resource"
}

const autoscaler: Rule = (out, object) => {
  const spec = specOf(object)
  const [least, greatest] = [numberAt(spec, "minReplicas"), numberAt(spec, "maxReplicas") ?? 0]
  if (least !== undefined && least < 1) invalid(out, "spec.minReplicas", least, "must be greater than or equal to 1")
  if (greatest < 1) invalid(out, "spec.maxReplicas", greatest, "must be greater than 0")
  if (least !== undefined && greatest < least) {
    invalid(out, "spec.maxReplicas", greatest, "must be greater than or equal to `minReplicas`")
  }
  const target = objectAt(spec, "scaleTargetRef") ?? {}
  reference(out, "spec.scaleTargetRef", target)
  const version = textAt(target, "apiVersion")
  if (!version.includes("/") && textAt(target, "kind") !== "ReplicationController") {
    invalid(out, "spec.scaleTargetRef.apiVersion", version, "apiVersion must specify API group")
  }
  for (const [metric, at] of eachAt(spec, "spec", "metrics")) metricSpec(out, at, metric)
  for (const direction of ["scaleUp", "scaleDown"]) {
    const rule = objectAt(spec, "behavior", direction)
    if (rule === undefined) continue
    const at = `spec.behavior.${direction}`
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
  }
}

const metricSpec = (out: Causes, at: string, metric: JsonObject): void => {
  const type = textAt(metric, "type")
  const [expected, own] = [metricFields[type], objectAt(metric, "resource")]
  if (type === "") missing(out, `${at}.type`, "must specify a metric source type")
  maybeOneOf(out, `${at}.type`, type, Object.keys(metricFields))
  if (own !== undefined) {
    if (textAt(own, "name") === "") missing(out, `${at}.resource.name`, "must specify a resource name")
    const target = objectAt(own, "target") ?? {}
    metricTarget(out, `${at}.resource.target`, target)
    const [utilization, average] = [target["averageUtilization"], target["averageValue"]]
    if (utilization === undefined && average === undefined) {
      missing(
        out,
        `${at}.resource.target.averageUtilization`,
        "must set either a target raw value or a target utilization"
      )
    }
    if (utilization !== undefined && average !== undefined) {
      forbid(out, `${at}.resource.target.averageValue`, "may not set both a target raw value and a target utilization")
    }
  }
  if (expected !== undefined && metric[expected] === undefined) {
    missing(out, `${at}.${expected}`, "must populate information for the given metric source")
  }
  for (const field of Object.values(metricFields)) {
    if (field !== expected && metric[field] !== undefined) {
      forbid(out, `${at}.${field}`, "must populate the given metric source only")
    }
  }
}

const metricTarget = (out: Causes, at: string, target: JsonObject): void => {
  const type = textAt(target, "type")
  if (type === "") missing(out, `${at}.type`, "must specify a metric target type")
  if (type !== "Utilization" && type !== "Value" && type !== "AverageValue") {
    invalid(out, `${at}.type`, type, "must be either Utilization, Value, or AverageValue")
  }
  for (const key of ["value", "averageValue"]) {
    const quantity = quantityAt(target[key])
    if (quantity !== undefined && quantity.nanos <= 0n)
      invalid(out, `${at}.${key}`, target[key] ?? null, "must be positive")
  }
  const utilization = numberAt(target, "averageUtilization")
  if (utilization !== undefined && utilization < 1) {
    invalid(out, `${at}.averageUtilization`, utilization, "must be greater than 0")
  }
}

const disruptionBudget: Rule = (out, object) => {
  const spec = specOf(object)
  if (spec["minAvailable"] !== undefined && spec["maxUnavailable"] !== undefined) {
    invalid(out, "spec", null, "minAvailable and maxUnavailable cannot be both set")
    const last = out.pop()
    if (last !== undefined) {
      const go = `{"MinAvailable":${JSON.stringify(spec["minAvailable"])},"Selector":${JSON.stringify(spec["selector"] ?? null)},"MaxUnavailable":${JSON.stringify(spec["maxUnavailable"])},"UnhealthyPodEvictionPolicy":${JSON.stringify(spec["unhealthyPodEvictionPolicy"] ?? null)}}`
      out.push({ ...last, message: last.message.replace("null", go) })
    }
  }
  for (const key of ["minAvailable", "maxUnavailable"]) {
    intOrPercent(out, `spec.${key}`, spec[key])
    notMoreThan100Percent(out, `spec.${key}`, spec[key])
  }
  labelSelector(out, "spec.selector", objectAt(spec, "selector"))
  maybeOneOf(out, "spec.unhealthyPodEvictionPolicy", valueAt(spec, "unhealthyPodEvictionPolicy"), [
    "AlwaysAllow",
    "IfHealthyBudget"
  ])
}

const role =
  (namespaced: boolean): Rule =>
  (out, object) => {
    for (const [rule, rulePath] of eachAt({ rules: object["rules"] ?? [] }, "", "rules")) {
      const at = rulePath.slice(1)
      const paths = listAt(rule, "nonResourceURLs")
      if (listAt(rule, "verbs").length === 0) missing(out, `${at}.verbs`, "verbs must contain at least one value")
      if (paths.length > 0) {
        if (namespaced) {
          invalid(out, `${at}.nonResourceURLs`, [...paths], "namespaced rules cannot apply to non-resource URLs")
        }
        if (["apiGroups", "resources", "resourceNames"].some((key) => listAt(rule, key).length > 0)) {
          invalid(
            out,
            `${at}.nonResourceURLs`,
            [...paths],
            "rules cannot apply to both regular resources and non-resource URLs"
          )
        }
        continue
      }
      if (listAt(rule, "apiGroups").length === 0) {
        missing(out, `${at}.apiGroups`, "resource rules must supply at least one api group")
      }
      if (listAt(rule, "resources").length === 0) {
        missing(out, `${at}.resources`, "resource rules must supply at least one resource")
      }
    }
    const aggregation = objectAt(object, "aggregationRule")
    if (aggregation === undefined) return
    if (listAt(aggregation, "clusterRoleSelectors").length === 0) {
      missing(
        out,
        "aggregationRule.clusterRoleSelectors",
        "at least one clusterRoleSelector required if aggregationRule is non-nil"
      )
    }
    for (const [selector, path] of eachAt(aggregation, "aggregationRule", "clusterRoleSelectors")) {
      labelSelector(out, path, selector)
    }
  }

const rbac = "rbac.authorization.k8s.io"

const binding =
  (namespaced: boolean): Rule =>
  (out, object, old) => {
    const roleReference = objectAt(object, "roleRef") ?? {}
    if (roleReference["apiGroup"] !== rbac)
      unsupported(out, "roleRef.apiGroup", textAt(roleReference, "apiGroup"), [rbac])
    const kinds = namespaced ? ["Role", "ClusterRole"] : ["ClusterRole"]
    maybeOneOf(out, "roleRef.kind", textAt(roleReference, "kind"), kinds)
    const roleName = textAt(roleReference, "name")
    if (roleName === "") missing(out, "roleRef.name")
    else problems(out, "roleRef.name", roleName, rules.path(roleName))
    for (const [subject, path] of eachAt(object, "", "subjects")) {
      const at = path.slice(1)
      const [kind, subjectName, group] = [textAt(subject, "kind"), textAt(subject, "name"), textAt(subject, "apiGroup")]
      if (subjectName === "") missing(out, `${at}.name`)
      if (kind === "ServiceAccount") {
        if (subjectName !== "") name(out, `${at}.name`, subjectName, "subdomain")
        if (group !== "") unsupported(out, `${at}.apiGroup`, group, [""])
        if (!namespaced && textAt(subject, "namespace") === "") missing(out, `${at}.namespace`)
      } else if (kind === "User" || kind === "Group") {
        if (group !== rbac) unsupported(out, `${at}.apiGroup`, group, [rbac])
      } else unsupported(out, `${at}.kind`, kind, ["ServiceAccount", "User", "Group"])
    }
    if (old !== undefined && !jsonEquals(roleReference, old["roleRef"])) {
      invalid(out, "roleRef", roleReference, "cannot change roleRef")
      const last = out.pop()
      if (last !== undefined) {
        const go = `{"APIGroup":${JSON.stringify(roleReference["apiGroup"])},"Kind":${JSON.stringify(roleReference["kind"])},"Name":${JSON.stringify(roleName)}}`
        out.push({ ...last, message: `Invalid value: ${go}: cannot change roleRef` })
      }
    }
  }

const modes = (out: Causes, path: string, spec: JsonObject): void => {
  const given = listAt(spec, "accessModes")
  for (const mode of given) maybeOneOf(out, `${path}.accessModes`, mode, accessModes)
  if (
    given.includes("ReadWriteOncePod") &&
    given.some((mode) => mode !== "ReadWriteOncePod" && accessModes.includes(String(mode)))
  ) {
    forbid(out, `${path}.accessModes`, "may not use ReadWriteOncePod with other access modes")
  }
}

const claimSpec = (out: Causes, path: string, spec: JsonObject): void => {
  if (listAt(spec, "accessModes").length === 0) {
    missing(out, `${path}.accessModes`, "at least 1 access mode is required")
  }
  labelSelector(out, `${path}.selector`, objectAt(spec, "selector"))
  modes(out, path, spec)
  const storage = valueAt(spec, "resources", "requests", "storage")
  const amount = quantityAt(storage)
  if (storage === undefined) missing(out, `${path}.resources[storage]`)
  else if (amount !== undefined && amount.nanos <= 0n) {
    invalid(out, `${path}.resources[storage]`, storage, "must be greater than zero")
  }
  const className = textAt(spec, "storageClassName")
  if (className !== "") name(out, `${path}.storageClassName`, className, "subdomain")
  maybeOneOf(out, `${path}.volumeMode`, valueAt(spec, "volumeMode"), ["Block", "Filesystem"])
}

const claim: Rule = (out, object, old) => {
  const spec = specOf(object)
  claimSpec(out, "spec", spec)
  const amount = quantityAt(valueAt(spec, "resources", "requests", "storage"))
  if (old === undefined) return
  const before = specOf(old)
  const bound = valueAt(object, "status", "phase") === "Bound"
  const fixed = (given: JsonObject): JsonObject => {
    const { resources, volumeAttributesClassName, volumeName, ...rest } = given
    const attributes = volumeAttributesClassName === undefined ? {} : { volumeAttributesClassName }
    const requests = objectAt(resources, "requests") ?? {}
    const { storage: _storage, ...others } = requests
    return {
      ...rest,
      ...(before["volumeName"] === undefined || volumeName === undefined ? {} : { volumeName }),
      ...(bound ? {} : attributes),
      resources: { ...objectAt(resources), requests: bound ? others : requests }
    }
  }
  if (!jsonEquals(fixed(spec), fixed(before))) {
    forbid(
      out,
      "spec",
      "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
    )
  }
  const [oldAmount, status] = [
    quantityAt(valueAt(before, "resources", "requests", "storage")),
    quantityAt(valueAt(old, "status", "capacity", "storage"))
  ]
  if (
    amount !== undefined &&
    oldAmount !== undefined &&
    amount.nanos < oldAmount.nanos &&
    amount.nanos <= (status?.nanos ?? 0n)
  ) {
    forbid(out, "spec.resources.requests.storage", "field can not be less than status.capacity")
  }
  immutable(out, "volumeMode", spec["volumeMode"], before["volumeMode"])
}

const notSources = new Set([
  "accessModes",
  "capacity",
  "claimRef",
  "mountOptions",
  "nodeAffinity",
  "persistentVolumeReclaimPolicy",
  "storageClassName",
  "volumeAttributesClassName",
  "volumeMode"
])

const volume: Rule = (out, object, old) => {
  const spec = specOf(object)
  if (listAt(spec, "accessModes").length === 0) missing(out, "spec.accessModes")
  modes(out, "spec", spec)
  const capacity = objectAt(spec, "capacity") ?? {}
  if (Object.keys(capacity).length === 0) missing(out, "spec.capacity")
  if (capacity["storage"] === undefined || Object.keys(capacity).length > 1) {
    unsupported(out, "spec.capacity", objectAt(spec, "capacity") ?? null, ["storage"])
  }
  for (const [key, value] of entriesAt(capacity)) {
    const amount = quantityAt(value)
    if (amount !== undefined && amount.nanos < 0n)
      invalid(out, `spec.capacity[${key}]`, value, "must be a valid resource quantity")
    if (amount !== undefined && amount.nanos <= 0n) {
      invalid(out, `spec.capacity[${key}]`, value, "must be greater than zero")
    }
  }
  maybeOneOf(out, "spec.persistentVolumeReclaimPolicy", valueAt(spec, "persistentVolumeReclaimPolicy"), [
    "Delete",
    "Recycle",
    "Retain"
  ])
  const sources = Object.keys(spec).filter((key) => !notSources.has(key))
  if (sources.length === 0) missing(out, "spec", "must specify a volume type")
  const path = valueAt(spec, "hostPath", "path")
  if (spec["hostPath"] !== undefined) {
    if (path === undefined || path === "") missing(out, "spec.hostPath.path")
    else if (String(path).split("/").includes("..")) invalid(out, "spec.hostPath.path", path, "must not contain '..'")
  }
  if (path === "/" && spec["persistentVolumeReclaimPolicy"] === "Recycle") {
    forbid(out, "spec.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'")
  }
  const className = textAt(spec, "storageClassName")
  if (className !== "") name(out, "spec.storageClassName", className, "subdomain")
  maybeOneOf(out, "spec.volumeMode", valueAt(spec, "volumeMode"), ["Block", "Filesystem"])
  if (old === undefined) return
  for (const source of new Set([...sources, ...Object.keys(specOf(old)).filter((key) => !notSources.has(key))])) {
    if (!jsonEquals(spec[source], specOf(old)[source])) {
      return forbid(out, "spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation")
    }
  }
  immutable(out, "spec.volumeMode", spec["volumeMode"], specOf(old)["volumeMode"])
}

const storageClass: Rule = (out, object, old) => {
  if (old !== undefined) {
    for (const key of ["parameters", "provisioner", "reclaimPolicy"]) {
      if (!jsonEquals(object[key] ?? {}, old[key] ?? {})) forbid(out, key, `updates to ${key} are forbidden.`)
    }
    return immutable(out, "volumeBindingMode", object["volumeBindingMode"], old["volumeBindingMode"])
  }
  const provisioner = textAt(object, "provisioner")
  if (provisioner === "") missing(out, "provisioner")
  else problems(out, "provisioner", provisioner.toLowerCase(), labelKeyProblems(provisioner.toLowerCase()))
  for (const [key] of entriesAt(object, "parameters")) {
    if (key === "") invalid(out, "parameters", key, "field can not be empty.")
  }
  maybeOneOf(out, "reclaimPolicy", valueAt(object, "reclaimPolicy"), ["Delete", "Retain"])
  maybeOneOf(out, "volumeBindingMode", valueAt(object, "volumeBindingMode"), ["Immediate", "WaitForFirstConsumer"])
}

const quota: Rule = (out, object) => {
  for (const [key, value] of entriesAt(object, "spec", "hard")) {
    resourceName(out, `spec.hard[${key}]`, key)
    resourceQuantity(out, `spec.hard[${key}]`, key, value)
  }
}

const limitRange: Rule = (out, object) => {
  const types = new Set<string>()
  for (const [limit, at] of eachAt(specOf(object), "spec", "limits")) {
    const type = textAt(limit, "type")
    const found = labelKeyProblems(type)
    problems(out, `${at}.type`, type, found)
    if (found.length === 0 && !type.includes("/") && !["Pod", "Container", "PersistentVolumeClaim"].includes(type)) {
      invalid(out, `${at}.type`, type, "must be a standard limit type or fully qualified")
    }
    if (types.has(type)) duplicate(out, `${at}.type`, type)
    types.add(type)
    if (type === "Pod") {
      for (const key of ["default", "defaultRequest"]) {
        if (entriesAt(limit, key).length > 0) {
          forbid(out, `${at}.${key}`, "may not be specified when `type` is 'Pod'")
        }
      }
    }
    const of = (key: string, resource: string) => {
      const text = valueAt(limit, key, resource)
      return text === undefined ? undefined : { text: String(text), nanos: quantityAt(text)?.nanos ?? 0n }
    }
    const resources = new Set(
      ["max", "min", "default", "defaultRequest"].flatMap((key) => entriesAt(limit, key).map(([resource]) => resource))
    )
    for (const resource of resources) {
      const [least, greatest, own, asked] = [
        of("min", resource),
        of("max", resource),
        of("default", resource),
        of("defaultRequest", resource)
      ]
      type Amount = typeof least
      const above = (
        a: Amount,
        b: Amount,
        key: string,
        shown: Amount,
        detail: (a: string, b: string) => string
      ): void => {
        if (a !== undefined && b !== undefined && a.nanos > b.nanos) {
          invalid(out, `${at}.${key}[${resource}]`, shown?.text ?? "", detail(a.text, b.text))
        }
      }
      above(least, greatest, "min", least, (a, b) => `min value ${a} is greater than max value ${b}`)
      above(
        least,
        asked,
        "defaultRequest",
        asked,
        (a, b) => `min value ${a} is greater than default request value ${b}`
      )
      above(
        asked,
        greatest,
        "defaultRequest",
        asked,
        (a, b) => `default request value ${a} is greater than max value ${b}`
      )
      above(
        asked,
        own,
        "defaultRequest",
        asked,
        (a, b) => `default request value ${a} is greater than default limit value ${b}`
      )
      above(least, own, "default", least, (a, b) => `min value ${a} is greater than default value ${b}`)
      above(own, greatest, "default", greatest, (a, b) => `default value ${a} is greater than max value ${b}`)
    }
  }
}

const priorityClass: Rule = (out, object, old) => {
  const value = numberAt(object, "value") ?? 0
  if (old !== undefined) {
    if (value !== (numberAt(old, "value") ?? 0)) forbid(out, "value", "may not be changed in an update.")
    return immutable(out, "preemptionPolicy", object["preemptionPolicy"], old["preemptionPolicy"])
  }
  if (value > 1000000000) forbid(out, "value", "maximum allowed value of a user defined priority is 1000000000")
  maybeOneOf(out, "preemptionPolicy", valueAt(object, "preemptionPolicy"), ["PreemptLowerPriority", "Never"])
}

const lease: Rule = (out, object) => {
  const spec = specOf(object)
  const duration = numberAt(spec, "leaseDurationSeconds")
  if (duration !== undefined && duration <= 0) {
    invalid(out, "spec.leaseDurationSeconds", duration, "must be greater than 0")
  }
  notNegative(out, "spec.leaseTransitions", numberAt(spec, "leaseTransitions"))
}

const node: Rule = (out, object) => {
  const seen = new Set<string>()
  // The API server names them so.
  for (const [taint, at] of eachAt(specOf(object), "metadata", "taints")) {
    const [key, effect] = [textAt(taint, "key"), textAt(taint, "effect")]
    problems(out, `${at}.key`, key, labelKeyProblems(key))
    oneOf(out, `${at}.effect`, effect, ["NoSchedule", "PreferNoSchedule", "NoExecute"])
    const id = `${key}/${effect}`
    if (seen.has(id)) duplicate(out, at, taint)
    seen.add(id)
  }
}

const endpointSlice: Rule = (out, object, old) => {
  const type = textAt(object, "addressType")
  oneOf(out, "addressType", type, ["FQDN", "IPv4", "IPv6"])
  for (const [endpoint, path] of eachAt(object, "", "endpoints")) {
    const at = path.slice(1)
    const addresses = listAt(endpoint, "addresses")
    if (addresses.length === 0) missing(out, `${at}.addresses`, "must contain at least 1 address")
    addresses.forEach((address, index) => {
      if (type === "IPv4") ip(out, `${at}.addresses[${index}]`, String(address))
      if (type === "IPv6") strictIp(out, `${at}.addresses[${index}]`, String(address))
    })
    const hostname = valueAt(endpoint, "hostname")
    if (hostname !== undefined) name(out, `${at}.hostname`, String(hostname), "label")
  }
  const names = new Set<string>()
  for (const [port, path] of eachAt(object, "", "ports")) {
    const at = path.slice(1)
    const portName = textAt(port, "name")
    if (portName !== "") name(out, `${at}.name`, portName, "label")
    if (names.has(portName)) duplicate(out, `${at}.name`, portName)
    names.add(portName)
    oneOf(out, `${at}.protocol`, port["protocol"], protocols)
  }
  if (old !== undefined) immutable(out, "addressType", object["addressType"], old["addressType"])
}

const operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"]

const webhooks =
  (mutating: boolean): Rule =>
  (out, object) => {
    const names = new Set<string>()
    for (const [hook, path] of eachAt(object, "", "webhooks")) {
      const at = path.slice(1)
      const hookName = textAt(hook, "name")
      if (hookName === "") missing(out, `${at}.name`)
      else {
        const found = rules.subdomain(hookName)
        problems(out, `${at}.name`, hookName, found)
        if (found.length === 0 && hookName.split(".").length < 3) {
          invalid(out, `${at}.name`, hookName, "should be a domain with at least three segments separated by dots")
        }
      }
      for (const [rule, where] of eachAt(hook, at, "rules")) {
        if (listAt(rule, "operations").length === 0) missing(out, `${where}.operations`)
        listAt(rule, "operations").forEach((operation, index) =>
          maybeOneOf(out, `${where}.operations[${index}]`, operation, operations)
        )
        for (const key of ["apiGroups", "apiVersions", "resources"]) {
          if (listAt(rule, key).length === 0) missing(out, `${where}.${key}`)
        }
        listAt(rule, "apiVersions").forEach((version, index) => {
          if (version === "") missing(out, `${where}.apiVersions[${index}]`)
        })
        maybeOneOf(out, `${where}.scope`, valueAt(rule, "scope"), ["*", "Cluster", "Namespaced"])
      }
      maybeOneOf(out, `${at}.failurePolicy`, valueAt(hook, "failurePolicy"), ["Fail", "Ignore"])
      maybeOneOf(out, `${at}.matchPolicy`, valueAt(hook, "matchPolicy"), ["Equivalent", "Exact"])
      const effects = valueAt(hook, "sideEffects")
      if (effects === undefined) missing(out, `${at}.sideEffects`, "must specify one of None, NoneOnDryRun")
      else maybeOneOf(out, `${at}.sideEffects`, effects, ["None", "NoneOnDryRun"])
      const timeout = numberAt(hook, "timeoutSeconds")
      if (timeout !== undefined && (timeout > 30 || timeout < 1)) {
        invalid(out, `${at}.timeoutSeconds`, timeout, "the timeout value must be between 1 and 30 seconds")
      }
      labelSelector(out, `${at}.namespaceSelector`, objectAt(hook, "namespaceSelector"))
      labelSelector(out, `${at}.objectSelector`, objectAt(hook, "objectSelector"))
      if (mutating) {
        maybeOneOf(out, `${at}.reinvocationPolicy`, valueAt(hook, "reinvocationPolicy"), ["IfNeeded", "Never"])
      }
      const [url, target] = [valueAt(hook, "clientConfig", "url"), objectAt(hook, "clientConfig", "service")]
      if ((url === undefined) === (target === undefined)) {
        missing(out, `${at}.clientConfig`, "exactly one of url or service is required")
      } else if (target !== undefined) {
        const where = `${at}.clientConfig.service`
        if (textAt(target, "name") === "") missing(out, `${where}.name`, "service name is required")
        if (textAt(target, "namespace") === "") missing(out, `${where}.namespace`, "service namespace is required")
        const port = numberAt(target, "port") ?? 443
        if (port < 1 || port > 65535) {
          invalid(out, `${where}.port`, port, "port is not valid: must be between 1 and 65535, inclusive")
        }
      }
      const versions = listAt(hook, "admissionReviewVersions")
      if (versions.length === 0) {
        missing(out, `${at}.admissionReviewVersions`, "must specify one of v1, v1beta1")
      } else if (!versions.some((version) => version === "v1" || version === "v1beta1")) {
        invalid(out, `${at}.admissionReviewVersions`, [...versions], "must include at least one of v1, v1beta1")
      }
      versions.forEach((version, index) =>
        name(out, `${at}.admissionReviewVersions[${index}]`, String(version), "label1035")
      )
      if (hookName !== "" && names.has(hookName)) duplicate(out, `${at}.name`, hookName)
      names.add(hookName)
    }
  }

const template_: Rule = (out, object) => podTemplate(out, "template", objectAt(object, "template") ?? {})

const event: Rule = (out, object) => {
  const [own, about] = [textAt(object, "metadata", "namespace"), textAt(object, "involvedObject", "namespace")]
  if (about === "" ? own !== "default" && own !== "kube-system" && own !== "" : own !== about) {
    invalid(out, "involvedObject.namespace", about, "does not match event.namespace")
  }
}

const controllerRevision: Rule = (out, object, old) => {
  const data = valueAt(object, "data")
  if (data === undefined) missing(out, "data", "data is mandatory")
  else if (typeof data !== "object" || Array.isArray(data)) missing(out, "data", "data must be a valid JSON object")
  notNegative(out, "revision", numberAt(object, "revision"))
  if (old !== undefined) immutable(out, "data", object["data"], old["data"])
}

const ingressClass: Rule = (out, object, old) => {
  const spec = specOf(object)
  const controller = textAt(spec, "controller")
  if (controller === "") missing(out, "spec.controller")
  else if (!/^[^/]+\/.+$/.test(controller)) {
    invalid(out, "spec.controller", controller, 'must be a domain-prefixed path (such as "acme.io/foo")')
  }
  const parameters = objectAt(spec, "parameters")
  if (parameters !== undefined) {
    for (const key of ["kind", "name"]) if (textAt(parameters, key) === "") missing(out, `spec.parameters.${key}`)
    const scope = valueAt(parameters, "scope")
    maybeOneOf(out, "spec.parameters.scope", scope, ["Cluster", "Namespace"])
    const namespace = textAt(parameters, "namespace")
    if (scope === "Namespace" && namespace === "") {
      missing(out, "spec.parameters.namespace", "`parameters.scope` is set to 'Namespace'")
    }
    if (scope === "Cluster" && parameters["namespace"] !== undefined) {
      forbid(out, "spec.parameters.namespace", "`parameters.scope` is set to 'Cluster'")
    }
  }
  if (old !== undefined) immutable(out, "spec.controller", spec["controller"], specOf(old)["controller"])
}

const runtimeClass: Rule = (out, object, old) => {
  name(out, "handler", textAt(object, "handler"), "label")
  if (old !== undefined) immutable(out, "handler", object["handler"], old["handler"])
}

/** The finalizers of its spec, each by the rules of those of metadata. */
const namespace: Rule = (out, object) => {
  for (const [index, finalizer] of listAt(specOf(object), "finalizers").entries()) {
    const text = String(finalizer)
    const path = `spec.finalizers[${index}]`
    problems(out, path, text, labelKeyProblems(text))
    if (!text.includes("/") && !standardFinalizers.has(text)) {
      invalid(out, path, text, "name is neither a standard finalizer name nor is it fully qualified")
    }
  }
}

const byKind: { readonly [groupKind: string]: Rule | undefined } = {
  ConfigMap: configMap,
  Event: event,
  "ControllerRevision.apps": controllerRevision,
  "IngressClass.networking.k8s.io": ingressClass,
  "RuntimeClass.node.k8s.io": runtimeClass,
  Endpoints: (out, object) => {
    for (const [subset, path] of eachAt(object, "", "subsets")) {
      const at = path.slice(1)
      if (listAt(subset, "addresses").length === 0 && listAt(subset, "notReadyAddresses").length === 0) {
        missing(out, at, "must specify `addresses` or `notReadyAddresses`")
      }
      for (const key of ["addresses", "notReadyAddresses"]) {
        for (const [address, where] of eachAt(subset, at, key)) {
          const text = textAt(address, "ip")
          ip(out, `${where}.ip`, text)
          if (!isAddress(text)) invalid(out, `${where}.ip`, text, "must be a valid IP address")
          else if (/^(127\.|::1$)/.test(text)) {
            invalid(out, `${where}.ip`, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)")
          }
        }
      }
      const ports = eachAt(subset, at, "ports")
      for (const [port, where] of ports) {
        const portName = textAt(port, "name")
        if (ports.length > 1 && portName === "") missing(out, `${where}.name`)
        else if (portName !== "") name(out, `${where}.name`, portName, "label")
        portNumber(out, `${where}.port`, numberAt(port, "port") ?? 0)
        oneOf(out, `${where}.protocol`, port["protocol"], protocols)
      }
    }
  },
  LimitRange: limitRange,
  Namespace: namespace,
  Node: node,
  PersistentVolume: volume,
  PersistentVolumeClaim: claim,
  Pod: pod,
  PodTemplate: template_,
  ReplicationController: replicationController,
  ResourceQuota: quota,
  Secret: secret,
  Service: service,
  "CustomResourceDefinition.apiextensions.k8s.io": customResourceDefinition,
  "DaemonSet.apps": daemonSet,
  "Deployment.apps": deployment,
  "ReplicaSet.apps": replicaSet,
  "StatefulSet.apps": statefulSet,
  "HorizontalPodAutoscaler.autoscaling": autoscaler,
  "CronJob.batch": cronJob,
  "Job.batch": job,
  "Lease.coordination.k8s.io": lease,
  "EndpointSlice.discovery.k8s.io": endpointSlice,
  "Ingress.networking.k8s.io": ingress,
  "NetworkPolicy.networking.k8s.io": networkPolicy,
  "PodDisruptionBudget.policy": disruptionBudget,
  "ClusterRole.rbac.authorization.k8s.io": role(false),
  "ClusterRoleBinding.rbac.authorization.k8s.io": binding(false),
  "Role.rbac.authorization.k8s.io": role(true),
  "RoleBinding.rbac.authorization.k8s.io": binding(true),
  "PriorityClass.scheduling.k8s.io": priorityClass,
  "StorageClass.storage.k8s.io": storageClass,
  "MutatingWebhookConfiguration.admissionregistration.k8s.io": webhooks(true),
  "ValidatingWebhookConfiguration.admissionregistration.k8s.io": webhooks(false)
}

/** What is wrong with an object, its metadata apart; empty if the API server takes it. */
export const validate = (
  { group, kind }: Pick<GroupVersionKind, "group" | "kind">,
  object: JsonObject,
  old?: JsonObject
): ReadonlyArray<Cause> => {
  const out: Causes = []
  byKind[group === "" ? kind : `${kind}.${group}`]?.(out, object, old)
  return out
}
