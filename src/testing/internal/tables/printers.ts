/** The cells of each built-in kind, in the order of its columns. */
import { isJsonArray, isJsonObject } from "../json.js"
import type { Json, JsonObject } from "../openapi.js"
import { at, listAt } from "../strategies.js"
import {
  firstOf,
  flagAt,
  formatLabels,
  hasAt,
  humanDuration,
  mapAt,
  millisOf,
  numberAt,
  quantity,
  selectorText,
  since,
  textAt
} from "./format.js"

/** The cells of an object at a time, which is in milliseconds. */
export type Printer = (object: JsonObject, now: number) => ReadonlyArray<Json>

const nameOf = (object: JsonObject): string => textAt(object, "metadata", "name")

const age = (object: JsonObject, now: number): string => since(at(object, "metadata", "creationTimestamp"), now)

const isDeleted = (object: JsonObject): boolean => hasAt(object, "metadata", "deletionTimestamp")

/** Of kinds that show something of their own between name and age. */
const named =
  (cells: (object: JsonObject, now: number) => ReadonlyArray<Json>): Printer =>
  (object, now) => [nameOf(object), ...cells(object, now), age(object, now)]

const or = (text: string, otherwise: string): string => (text === "" ? otherwise : text)

const names = (list: ReadonlyArray<Json>, key: string, separator = ","): string =>
  list.map((item) => textAt(item, key)).join(separator)

/** The names and the images of the containers of a pod template. */
const containers = (template: Json | undefined): readonly [string, string] => {
  const list = listAt(template, "spec", "containers")
  return [names(list, "name"), names(list, "image")]
}

const formatSelector = (selector: Json | undefined): string => or(selectorText(selector) ?? "<error>", "<none>")

const conditionOf = (conditions: ReadonlyArray<Json>, type: string): Json | undefined =>
  conditions.find((condition) => textAt(condition, "type") === type)

const isTrue = (conditions: ReadonlyArray<Json>, type: string): boolean =>
  textAt(conditionOf(conditions, type), "status") === "True"

// ---- pods

/** What a terminated container says of its end. */
const endOf = (terminated: Json | undefined): string =>
  textAt(terminated, "reason") ||
  (numberAt(terminated, "signal") === 0
    ? `ExitCode:${numberAt(terminated, "exitCode")}`
    : `Signal:${numberAt(terminated, "signal")}`)

interface Restarts {
  readonly count: number
  /** When a container ended last that was started again; -Infinity if none. */
  readonly last: number
}

const noRestarts: Restarts = { count: 0, last: -Infinity }

const plusRestarts = ({ count, last }: Restarts, status: Json): Restarts => ({
  count: count + numberAt(status, "restartCount"),
  last: Math.max(last, millisOf(textAt(status, "lastState", "terminated", "finishedAt")) ?? -Infinity)
})

interface Progress {
  readonly reason: string
  readonly ready: number
  readonly restarts: Restarts
}

/** How far the init containers are; `waits` if the others have to wait for one of them. */
const initProgress = (
  pod: JsonObject,
  reason: string
): Progress & { readonly waits: boolean; readonly all: Restarts } => {
  const inits = listAt(pod, "spec", "initContainers")
  const sidecars = new Set(
    inits.filter((init) => textAt(init, "restartPolicy") === "Always").map((init) => textAt(init, "name"))
  )
  let [all, restarts, ready] = [noRestarts, noRestarts, 0]
  for (const [index, status] of listAt(pod, "status", "initContainerStatuses").entries()) {
    const isSidecar = sidecars.has(textAt(status, "name"))
    all = plusRestarts(all, status)
    if (isSidecar) restarts = plusRestarts(restarts, status)
    const terminated = at(status, "state", "terminated") ?? undefined
    if (terminated !== undefined && numberAt(terminated, "exitCode") === 0) continue
    if (isSidecar && flagAt(status, "started")) {
      if (flagAt(status, "ready")) ready++
      continue
    }
    const waiting = textAt(status, "state", "waiting", "reason")
    const what =
      terminated !== undefined
        ? endOf(terminated)
        : waiting !== "" && waiting !== "PodInitializing"
          ? waiting
          : `${index}/${inits.length}`
    return { reason: `Init:${what}`, ready, restarts, all, waits: true }
  }
  return { reason, ready, restarts, all, waits: false }
}

/** How far the containers of a pod are that has been initialized. */
const progress = (pod: JsonObject, begun: Progress): Progress => {
  let { ready, reason, restarts } = begun
  let [isRunning, failure] = [false, ""]
  for (const status of listAt(pod, "status", "containerStatuses").toReversed()) {
    restarts = plusRestarts(restarts, status)
    const terminated = at(status, "state", "terminated") ?? undefined
    const waiting = textAt(status, "state", "waiting", "reason")
    if (waiting !== "") reason = waiting
    else if (terminated !== undefined) {
      reason = endOf(terminated)
      if (numberAt(terminated, "exitCode") !== 0) failure = reason
    } else if (flagAt(status, "ready") && hasAt(status, "state", "running")) {
      isRunning = true
      ready++
    }
  }
  if (reason === "Completed") {
    const isReady = listAt(pod, "status", "conditions").some(
      (condition) => textAt(condition, "type") === "Ready" && textAt(condition, "status") === "True"
    )
    if (isRunning && isReady) reason = "Running"
    else if (failure !== "") reason = failure
    else if (isRunning) reason = "NotReady"
  }
  return { ready, reason, restarts }
}

const readinessGates = (pod: JsonObject): string => {
  const gates = listAt(pod, "spec", "readinessGates")
  const open = gates.filter((gate) => isTrue(listAt(pod, "status", "conditions"), textAt(gate, "conditionType")))
  return gates.length === 0 ? "<none>" : `${open.length}/${gates.length}`
}

const printPod: Printer = (pod, now) => {
  const phase = textAt(pod, "status", "phase")
  const conditions = listAt(pod, "status", "conditions")
  const isGated = conditions.some(
    (condition) => textAt(condition, "type") === "PodScheduled" && textAt(condition, "reason") === "SchedulingGated"
  )
  const sidecars = listAt(pod, "spec", "initContainers").filter((init) => textAt(init, "restartPolicy") === "Always")
  const total = listAt(pod, "spec", "containers").length + sidecars.length
  const inits = initProgress(pod, isGated ? "SchedulingGated" : or(textAt(pod, "status", "reason"), phase))
  const { ready, reason, restarts } =
    inits.waits && !isTrue(conditions, "Initialized") ? { ...inits, restarts: inits.all } : progress(pod, inits)
  const status = !isDeleted(pod)
    ? reason
    : textAt(pod, "status", "reason") === "NodeLost"
      ? "Unknown"
      : phase === "Succeeded" || phase === "Failed"
        ? reason
        : "Terminating"
  return [
    nameOf(pod),
    `${ready}/${total}`,
    status,
    restarts.count === 0 || restarts.last === -Infinity
      ? String(restarts.count)
      : `${restarts.count} (${humanDuration(now - restarts.last)} ago)`,
    age(pod, now),
    or(textAt(pod, "status", "podIP") || textAt(listAt(pod, "status", "podIPs")[0], "ip"), "<none>"),
    or(textAt(pod, "spec", "nodeName"), "<none>"),
    or(textAt(pod, "status", "nominatedNodeName"), "<none>"),
    readinessGates(pod)
  ]
}

// ---- workloads

const printJob: Printer = (job, now) => {
  const succeeded = numberAt(job, "status", "succeeded")
  const parallelism = numberAt(job, "spec", "parallelism")
  const conditions = listAt(job, "status", "conditions")
  const start = millisOf(textAt(job, "status", "startTime"))
  const is = (type: string): boolean => isTrue(conditions, type)
  return [
    nameOf(job),
    ["Complete", "Failed"].find(is) ??
      (isDeleted(job) ? "Terminating" : (["Suspended", "FailureTarget", "SuccessCriteriaMet"].find(is) ?? "Running")),
    hasAt(job, "spec", "completions")
      ? `${succeeded}/${numberAt(job, "spec", "completions")}`
      : parallelism > 1
        ? `${succeeded}/1 of ${parallelism}`
        : `${succeeded}/1`,
    start === undefined ? "" : humanDuration((millisOf(textAt(job, "status", "completionTime")) ?? now) - start),
    age(job, now),
    ...containers(at(job, "spec", "template")),
    formatSelector(at(job, "spec", "selector"))
  ]
}

const printCronJob: Printer = (cronJob, now) => [
  nameOf(cronJob),
  textAt(cronJob, "spec", "schedule"),
  hasAt(cronJob, "spec", "timeZone") ? textAt(cronJob, "spec", "timeZone") : "<none>",
  hasAt(cronJob, "spec", "suspend") ? (flagAt(cronJob, "spec", "suspend") ? "True" : "False") : "<unset>",
  listAt(cronJob, "status", "active").length,
  hasAt(cronJob, "status", "lastScheduleTime") ? since(at(cronJob, "status", "lastScheduleTime"), now) : "<none>",
  age(cronJob, now),
  ...containers(at(cronJob, "spec", "jobTemplate", "spec", "template")),
  formatSelector(at(cronJob, "spec", "jobTemplate", "spec", "selector"))
]

const replicas: Printer = (object, now) => [
  nameOf(object),
  numberAt(object, "spec", "replicas"),
  numberAt(object, "status", "replicas"),
  numberAt(object, "status", "readyReplicas"),
  age(object, now),
  ...containers(at(object, "spec", "template"))
]

const readyReplicas = (object: JsonObject): string =>
  `${numberAt(object, "status", "readyReplicas")}/${numberAt(object, "spec", "replicas")}`

const printDeployment: Printer = (deployment, now) => [
  nameOf(deployment),
  readyReplicas(deployment),
  numberAt(deployment, "status", "updatedReplicas"),
  numberAt(deployment, "status", "availableReplicas"),
  age(deployment, now),
  ...containers(at(deployment, "spec", "template")),
  selectorText(at(deployment, "spec", "selector")) ?? "<invalid>"
]

const printDaemonSet: Printer = (daemonSet, now) => [
  nameOf(daemonSet),
  numberAt(daemonSet, "status", "desiredNumberScheduled"),
  numberAt(daemonSet, "status", "currentNumberScheduled"),
  numberAt(daemonSet, "status", "numberReady"),
  numberAt(daemonSet, "status", "updatedNumberScheduled"),
  numberAt(daemonSet, "status", "numberAvailable"),
  formatLabels(mapAt(daemonSet, "spec", "template", "spec", "nodeSelector")),
  age(daemonSet, now),
  ...containers(at(daemonSet, "spec", "template")),
  formatSelector(at(daemonSet, "spec", "selector"))
]

const printControllerRevision = named((revision) => {
  const owner = listAt(revision, "metadata", "ownerReferences").find((reference) => flagAt(reference, "controller"))
  const [version = "", group] = textAt(owner, "apiVersion").split("/").toReversed()
  const kind = group === undefined || version === "" ? textAt(owner, "kind") : `${textAt(owner, "kind")}.${group}`
  return [
    owner === undefined ? "<none>" : `${kind.toLowerCase()}/${textAt(owner, "name")}`,
    numberAt(revision, "revision")
  ]
})

// ---- autoscaling

type Measure = readonly [current: string, target: string]

const pointer = (value: Json | undefined): string => (value === undefined || value === null ? "<nil>" : quantity(value))
const percent = (value: Json | undefined, otherwise: string): string =>
  value === undefined || value === null ? otherwise : `${String(value)}%`

/** A metric of a container or of all of them: an amount, or a part of what was requested. */
const resourceMetric = (spec: Json | undefined, status: Json | undefined): Measure =>
  hasAt(spec, "target", "averageValue")
    ? [
        isJsonObject(status) ? pointer(at(status, "current", "averageValue")) : "<unknown>",
        quantity(at(spec ?? null, "target", "averageValue"))
      ]
    : [
        percent(at(status ?? null, "current", "averageUtilization"), "<unknown>"),
        percent(at(spec ?? null, "target", "averageUtilization"), "<auto>")
      ]

/** A metric of another object, or from elsewhere. */
const otherMetric = (spec: Json | undefined, status: Json | undefined): string => {
  if (hasAt(spec, "target", "averageValue")) {
    const current = at(status ?? null, "current", "averageValue") ?? undefined
    return `${current === undefined ? "<unknown>" : quantity(current)}/${quantity(at(spec ?? null, "target", "averageValue"))} (avg)`
  }
  return `${isJsonObject(status) ? pointer(at(status, "current", "value")) : "<unknown>"}/${pointer(at(spec ?? null, "target", "value"))}`
}

const formatMetric = (metric: Json, status: Json | undefined): string => {
  const both = (key: string) => [at(metric, key), at(status ?? null, key) ?? undefined] as const
  switch (textAt(metric, "type")) {
    case "External":
      return otherMetric(...both("external"))
    case "Object":
      return otherMetric(...both("object"))
    case "Pods": {
      const [spec, now] = both("pods")
      return `${isJsonObject(now) ? pointer(at(now, "current", "averageValue")) : "<unknown>"}/${pointer(at(spec ?? null, "target", "averageValue"))}`
    }
    case "Resource":
      return `${textAt(metric, "resource", "name")}: ${resourceMetric(...both("resource")).join("/")}`
    case "ContainerResource":
      return `${textAt(metric, "containerResource", "name")}: ${resourceMetric(...both("containerResource")).join("/")}`
    default:
      return "<unknown type>"
  }
}

const printAutoscaler =
  (metricsOf: (autoscaler: JsonObject) => ReadonlyArray<string>): Printer =>
  (autoscaler, now) => [
    nameOf(autoscaler),
    `${textAt(autoscaler, "spec", "scaleTargetRef", "kind")}/${textAt(autoscaler, "spec", "scaleTargetRef", "name")}`,
    or(firstOf(metricsOf(autoscaler), 2, ", "), "<none>"),
    hasAt(autoscaler, "spec", "minReplicas") ? textAt(autoscaler, "spec", "minReplicas") : "<unset>",
    numberAt(autoscaler, "spec", "maxReplicas"),
    numberAt(autoscaler, "status", "currentReplicas"),
    age(autoscaler, now)
  ]

const metricsV2 = (autoscaler: JsonObject): ReadonlyArray<string> => {
  const statuses = listAt(autoscaler, "status", "currentMetrics")
  return listAt(autoscaler, "spec", "metrics").map((metric, index) => formatMetric(metric, statuses[index]))
}

/** autoscaling/v1 has fields for the utilization of the CPU only. */
const metricsV1 = (autoscaler: JsonObject): ReadonlyArray<string> => [
  `cpu: ${percent(at(autoscaler, "status", "currentCPUUtilizationPercentage"), "<unknown>")}/${percent(at(autoscaler, "spec", "targetCPUUtilizationPercentage"), "80%")}`
]

// ---- networking

/** The addresses of a load balancer, each once. */
const balancers = (object: JsonObject): ReadonlyArray<string> => {
  const addresses = listAt(object, "status", "loadBalancer", "ingress")
    .map((ingress) => textAt(ingress, "ip") || textAt(ingress, "hostname"))
    .filter((address) => address !== "")
  return [...new Set(addresses)].toSorted()
}

const externalIps = (service: JsonObject): string => {
  const given = listAt(service, "spec", "externalIPs").map(String)
  switch (textAt(service, "spec", "type")) {
    case "ClusterIP":
    case "NodePort":
      return or(given.join(","), "<none>")
    case "LoadBalancer":
      return or([...balancers(service), ...given].join(","), "<pending>")
    case "ExternalName":
      return textAt(service, "spec", "externalName")
    default:
      return "<unknown>"
  }
}

const servicePort = (port: Json): string => {
  const nodePort = numberAt(port, "nodePort")
  return `${numberAt(port, "port")}${nodePort > 0 ? `:${nodePort}` : ""}/${textAt(port, "protocol")}`
}

const printService: Printer = (service, now) => [
  nameOf(service),
  textAt(service, "spec", "type"),
  or(String(listAt(service, "spec", "clusterIPs")[0] ?? textAt(service, "spec", "clusterIP")), "<none>"),
  externalIps(service),
  or(listAt(service, "spec", "ports").map(servicePort).join(","), "<none>"),
  age(service, now),
  formatLabels(mapAt(service, "spec", "selector"))
]

/** The first three hosts; all rules count that come after the third, whether they name a host or not. */
const hosts = (rules: ReadonlyArray<Json>): string => {
  const named = rules.flatMap((rule, index) =>
    textAt(rule, "host") === "" ? [] : [{ host: textAt(rule, "host"), index }]
  )
  const isMore = (named[2]?.index ?? rules.length) < rules.length - 1
  const first = named.slice(0, 3).map(({ host }) => host)
  return or(first.join(","), "*") + (isMore ? ` + ${rules.length - 3} more...` : "")
}

const printIngress = named((ingress) => [
  hasAt(ingress, "spec", "ingressClassName") ? textAt(ingress, "spec", "ingressClassName") : "<none>",
  hosts(listAt(ingress, "spec", "rules")),
  balancers(ingress).join(","),
  listAt(ingress, "spec", "tls").length === 0 ? "80" : "80, 443"
])

const printIngressClass = named((ingressClass) => {
  const parameters = mapAt(ingressClass, "spec", "parameters")
  const group = hasAt(parameters, "apiGroup") ? `.${textAt(parameters, "apiGroup")}` : ""
  return [
    textAt(ingressClass, "spec", "controller"),
    hasAt(ingressClass, "spec", "parameters")
      ? `${textAt(parameters, "kind")}${group}/${textAt(parameters, "name")}`
      : "<none>"
  ]
})

const hostPort = (ip: string, port: number): string => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`)

const endpoints = (subsets: ReadonlyArray<Json>): string =>
  subsets.length === 0
    ? "<none>"
    : firstOf(
        subsets.flatMap((subset) => {
          const ips = listAt(subset, "addresses").map((address) => textAt(address, "ip"))
          const ports = listAt(subset, "ports")
          return ports.length === 0
            ? ips
            : ports.flatMap((port) => ips.map((ip) => hostPort(ip, numberAt(port, "port"))))
        }),
        3,
        ","
      )

const printEndpointSlice = named((slice) => {
  const ports = listAt(slice, "ports").map((port) =>
    hasAt(port, "port") ? textAt(port, "port") : hasAt(port, "name") ? textAt(port, "name") : "*"
  )
  const addresses = listAt(slice, "endpoints").flatMap((endpoint) => listAt(endpoint, "addresses").map(String))
  return [
    textAt(slice, "addressType"),
    or(firstOf(ports, 3, ","), "<unset>"),
    or(firstOf(addresses, 3, ","), "<unset>")
  ]
})

const printIpAddress: Printer = (address, now) => {
  const parent = mapAt(address, "spec", "parentRef")
  const group = textAt(parent, "group")
  const namespace = textAt(parent, "namespace")
  const resource = `${textAt(parent, "resource")}${group === "" ? "" : `.${group}`}`.toLowerCase()
  return [
    nameOf(address),
    hasAt(address, "spec", "parentRef")
      ? `${resource}${namespace === "" ? "" : `/${namespace}`}/${textAt(parent, "name")}`
      : "<none>",
    // The API server has no column for it.
    age(address, now)
  ]
}

// ---- the cluster

const printNode: Printer = (node, now) => {
  const ready = listAt(node, "status", "conditions").findLast((condition) => textAt(condition, "type") === "Ready")
  const status = ready === undefined ? "Unknown" : textAt(ready, "status") === "True" ? "Ready" : "NotReady"
  const prefix = "node-role.kubernetes.io/"
  const roles = Object.entries(mapAt(node, "metadata", "labels")).map(([key, value]) =>
    key.startsWith(prefix) ? key.slice(prefix.length) : key === "kubernetes.io/role" ? String(value) : ""
  )
  const address = (type: string): string => {
    const found = listAt(node, "status", "addresses").find((each) => textAt(each, "type") === type)
    return found === undefined ? "<none>" : textAt(found, "address")
  }
  const info = (key: string): string => textAt(node, "status", "nodeInfo", key)
  return [
    nameOf(node),
    flagAt(node, "spec", "unschedulable") ? `${status},SchedulingDisabled` : status,
    or([...new Set(roles.filter((role) => role !== ""))].toSorted().join(","), "<none>"),
    age(node, now),
    info("kubeletVersion"),
    address("InternalIP"),
    address("ExternalIP"),
    or(info("osImage"), "<unknown>"),
    or(info("kernelVersion"), "<unknown>"),
    or(info("containerRuntimeVersion"), "<unknown>")
  ]
}

/** An event of either group. */
const printEvent: Printer = (event, now) => {
  const of = (key: string, renamed: string): Json | undefined => at(event, key) ?? at(event, renamed)
  const source = of("source", "deprecatedSource")
  const about = of("involvedObject", "regarding")
  const happened = since(of("firstTimestamp", "deprecatedFirstTimestamp") ?? at(event, "eventTime"), now)
  const last = of("lastTimestamp", "deprecatedLastTimestamp") ?? undefined
  const isSeries = hasAt(event, "series")
  const kind = textAt(about, "kind").toLowerCase()
  const name = textAt(about, "name")
  const instance = or(textAt(source, "host"), textAt(event, "reportingInstance"))
  const component = textAt(source, "component") || String(of("reportingComponent", "reportingController") ?? "")
  const count = Number(of("count", "deprecatedCount") ?? 0)
  return [
    isSeries ? since(at(event, "series", "lastObservedTime"), now) : last === undefined ? happened : since(last, now),
    textAt(event, "type"),
    textAt(event, "reason"),
    name === "" ? kind : `${kind}/${name}`,
    textAt(about, "fieldPath"),
    instance === "" ? component : `${component}, ${instance}`,
    String(of("message", "note") ?? "").trim(),
    happened,
    isSeries ? numberAt(event, "series", "count") : count === 0 ? 1 : count,
    nameOf(event)
  ]
}

const printComponentStatus: Printer = (component) => {
  const healthy = conditionOf(listAt(component, "conditions"), "Healthy")
  const status = healthy === undefined ? "Unknown" : textAt(healthy, "status") === "True" ? "Healthy" : "Unhealthy"
  return [nameOf(component), status, textAt(healthy, "message"), textAt(healthy, "error")]
}

const printApiService = named((service) => {
  const condition = conditionOf(listAt(service, "status", "conditions"), "Available")
  const [status, reason] = [textAt(condition, "status"), textAt(condition, "reason")]
  return [
    hasAt(service, "spec", "service")
      ? `${textAt(service, "spec", "service", "namespace")}/${textAt(service, "spec", "service", "name")}`
      : "Local",
    condition === undefined ? "Unknown" : status === "True" || reason === "" ? status : `${status} (${reason})`
  ]
})

const printResourceQuota = named((quota) => {
  const amounts = Object.entries(mapAt(quota, "status", "hard"))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([resource, hard]) => {
      const used = mapAt(quota, "status", "used")[resource]
      return { resource, text: `${resource}: ${quantity(used)}/${quantity(hard)}` }
    })
  const of = (limits: boolean): string =>
    amounts
      .filter(({ resource }) => resource.startsWith("limits.") === limits)
      .map(({ text }) => text)
      .join(", ")
  return [of(false), of(true)]
})

// ---- storage

const accessModes = (modes: ReadonlyArray<Json>): string =>
  [
    ["ReadWriteOnce", "RWO"],
    ["ReadOnlyMany", "ROX"],
    ["ReadWriteMany", "RWX"],
    ["ReadWriteOncePod", "RWOP"]
  ]
    .flatMap(([mode = "", short = ""]) => (modes.includes(mode) ? [short] : []))
    .join(",")

/** The storage class of a volume or a claim; an annotation named it once. */
const storageClassOf = (object: JsonObject): string => {
  const annotations = mapAt(object, "metadata", "annotations")
  const once = "volume.beta.kubernetes.io/storage-class"
  return Object.hasOwn(annotations, once) ? textAt(annotations, once) : textAt(object, "spec", "storageClassName")
}

const orUnset = (object: JsonObject, ...path: ReadonlyArray<string>): string =>
  hasAt(object, ...path) ? textAt(object, ...path) : "<unset>"

const phaseOf = (object: JsonObject): string => (isDeleted(object) ? "Terminating" : textAt(object, "status", "phase"))

const printPersistentVolume: Printer = (volume, now) => [
  nameOf(volume),
  quantity(at(volume, "spec", "capacity", "storage")),
  accessModes(listAt(volume, "spec", "accessModes")),
  textAt(volume, "spec", "persistentVolumeReclaimPolicy"),
  phaseOf(volume),
  hasAt(volume, "spec", "claimRef")
    ? `${textAt(volume, "spec", "claimRef", "namespace")}/${textAt(volume, "spec", "claimRef", "name")}`
    : "",
  storageClassOf(volume),
  orUnset(volume, "spec", "volumeAttributesClassName"),
  textAt(volume, "status", "reason"),
  age(volume, now),
  orUnset(volume, "spec", "volumeMode")
]

const printPersistentVolumeClaim: Printer = (claim, now) => {
  const volume = textAt(claim, "spec", "volumeName")
  return [
    nameOf(claim),
    phaseOf(claim),
    volume,
    volume === "" ? "" : quantity(at(claim, "status", "capacity", "storage")),
    volume === "" ? "" : accessModes(listAt(claim, "status", "accessModes")),
    storageClassOf(claim),
    orUnset(claim, "spec", "volumeAttributesClassName"),
    age(claim, now),
    orUnset(claim, "spec", "volumeMode")
  ]
}

const printStorageClass: Printer = (storageClass, now) => {
  const annotations = mapAt(storageClass, "metadata", "annotations")
  const isDefault = ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"]
  return [
    `${nameOf(storageClass)}${isDefault.some((key) => annotations[key] === "true") ? " (default)" : ""}`,
    textAt(storageClass, "provisioner"),
    or(textAt(storageClass, "reclaimPolicy"), "Delete"),
    or(textAt(storageClass, "volumeBindingMode"), "Immediate"),
    flagAt(storageClass, "allowVolumeExpansion"),
    age(storageClass, now)
  ]
}

const printCsiDriver = named((driver) => [
  at(driver, "spec", "attachRequired") !== false,
  flagAt(driver, "spec", "podInfoOnMount"),
  flagAt(driver, "spec", "storageCapacity"),
  isJsonArray(at(driver, "spec", "tokenRequests"))
    ? names(listAt(driver, "spec", "tokenRequests"), "audience")
    : "<unset>",
  flagAt(driver, "spec", "requiresRepublish"),
  or(listAt(driver, "spec", "volumeLifecycleModes").map(String).join(","), "<none>")
])

// ---- who may what

/** A binding, whose subjects come after the age. */
const printBinding: Printer = (binding, now) => {
  const subjects = listAt(binding, "subjects")
  const of = (kind: string, text: (subject: Json) => string): string =>
    subjects
      .filter((subject) => textAt(subject, "kind") === kind)
      .map(text)
      .join(", ")
  return [
    nameOf(binding),
    `${textAt(binding, "roleRef", "kind")}/${textAt(binding, "roleRef", "name")}`,
    age(binding, now),
    of("User", (subject) => textAt(subject, "name")),
    of("Group", (subject) => textAt(subject, "name")),
    of("ServiceAccount", (subject) => `${textAt(subject, "namespace")}/${textAt(subject, "name")}`)
  ]
}

const printSigningRequest: Printer = (request, now) => {
  const types = new Set(listAt(request, "status", "conditions").map((condition) => textAt(condition, "type")))
  const expires = at(request, "spec", "expirationSeconds")
  return [
    nameOf(request),
    age(request, now),
    or(textAt(request, "spec", "signerName"), "<none>"),
    textAt(request, "spec", "username"),
    typeof expires === "number" ? humanDuration(expires * 1000) : "<none>",
    [
      types.has("Denied") ? "Denied" : types.has("Approved") ? "Approved" : "Pending",
      ...(types.has("Failed") ? ["Failed"] : []),
      ...(textAt(request, "status", "certificate") === "" ? [] : ["Issued"])
    ].join(",")
  ]
}

// ---- admission and flow control

/** A label selector as its Go type prints itself. */
const selectorDump = (selector: Json | undefined): string => {
  const labels = mapAt(selector, "matchLabels")
  const pairs = Object.keys(labels)
    .toSorted()
    .map((key) => `${key}: ${textAt(labels, key)},`)
  const expressions = listAt(selector, "matchExpressions").map(
    (each) =>
      `LabelSelectorRequirement{Key:${textAt(each, "key")},Operator:${textAt(each, "operator")},Values:[${listAt(each, "values").join(" ")}],},`
  )
  return `&LabelSelector{MatchLabels:map[string]string{${pairs.join("")}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join("")}},}`
}

const printPolicyBinding = named((binding) => {
  const param = mapAt(binding, "spec", "paramRef")
  const name = textAt(param, "name")
  return [
    textAt(binding, "spec", "policyName"),
    name !== ""
      ? `${or(textAt(param, "namespace"), "*")}/${name}`
      : hasAt(param, "selector")
        ? selectorDump(param["selector"])
        : "<unset>"
  ]
})

const webhooks = named((configuration) => [listAt(configuration, "webhooks").length])

const printFlowSchema: Printer = (schema, now) => {
  const dangling = conditionOf(listAt(schema, "status", "conditions"), "Dangling")
  return [
    nameOf(schema),
    textAt(schema, "spec", "priorityLevelConfiguration", "name"),
    numberAt(schema, "spec", "matchingPrecedence"),
    hasAt(schema, "spec", "distinguisherMethod") ? textAt(schema, "spec", "distinguisherMethod", "type") : "<none>",
    age(schema, now),
    dangling === undefined ? "?" : textAt(dangling, "status")
  ]
}

const printPriorityLevel = named((level) => {
  const queuing = at(level, "spec", "limited", "limitResponse", "queuing") ?? undefined
  const of = (key: string): Json => (queuing === undefined ? "<none>" : numberAt(queuing, key))
  return [
    textAt(level, "spec", "type"),
    hasAt(level, "spec", "limited") ? numberAt(level, "spec", "limited", "nominalConcurrencyShares") : "<none>",
    of("queues"),
    of("handSize"),
    of("queueLengthLimit")
  ]
})

const printResourceClaim = named((claim) => {
  const isAllocated = hasAt(claim, "status", "allocation")
  return [
    [
      ...(isDeleted(claim) ? ["deleted"] : []),
      ...(isAllocated ? ["allocated"] : isDeleted(claim) ? [] : ["pending"]),
      ...(isAllocated && listAt(claim, "status", "reservedFor").length > 0 ? ["reserved"] : [])
    ].join(",")
  ]
})

/** By API version and kind. Kinds that are not here show when they were created. */
export const printers: { readonly [kind: string]: Printer } = {
  "v1/ComponentStatus": printComponentStatus,
  "v1/ConfigMap": named((map) => [
    Object.keys(mapAt(map, "data")).length + Object.keys(mapAt(map, "binaryData")).length
  ]),
  "v1/Endpoints": named((object) => [endpoints(listAt(object, "subsets"))]),
  "v1/Event": printEvent,
  "v1/Namespace": named((namespace) => [textAt(namespace, "status", "phase")]),
  "v1/Node": printNode,
  "v1/PersistentVolume": printPersistentVolume,
  "v1/PersistentVolumeClaim": printPersistentVolumeClaim,
  "v1/Pod": printPod,
  "v1/PodTemplate": (object) => [
    nameOf(object),
    ...containers(at(object, "template")),
    formatLabels(mapAt(object, "template", "metadata", "labels"))
  ],
  "v1/ReplicationController": (controller, now) => [
    ...replicas(controller, now),
    formatLabels(mapAt(controller, "spec", "selector"))
  ],
  "v1/ResourceQuota": printResourceQuota,
  "v1/Secret": named((secret) => [textAt(secret, "type"), Object.keys(mapAt(secret, "data")).length]),
  "v1/Service": printService,
  "v1/ServiceAccount": named(() => []),
  "admissionregistration.k8s.io/v1/MutatingWebhookConfiguration": webhooks,
  "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy": named((policy) => [
    listAt(policy, "spec", "validations").length,
    hasAt(policy, "spec", "paramKind")
      ? `${textAt(policy, "spec", "paramKind", "apiVersion")}/${textAt(policy, "spec", "paramKind", "kind")}`
      : "<unset>"
  ]),
  "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding": printPolicyBinding,
  "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration": webhooks,
  "apiregistration.k8s.io/v1/APIService": printApiService,
  "apps/v1/ControllerRevision": printControllerRevision,
  "apps/v1/DaemonSet": printDaemonSet,
  "apps/v1/Deployment": printDeployment,
  "apps/v1/ReplicaSet": (set, now) => [...replicas(set, now), formatSelector(at(set, "spec", "selector"))],
  "apps/v1/StatefulSet": (set, now) => [
    nameOf(set),
    readyReplicas(set),
    age(set, now),
    ...containers(at(set, "spec", "template"))
  ],
  "autoscaling/v1/HorizontalPodAutoscaler": printAutoscaler(metricsV1),
  "autoscaling/v1/Scale": named((scale) => [
    numberAt(scale, "spec", "replicas"),
    numberAt(scale, "status", "replicas")
  ]),
  "autoscaling/v2/HorizontalPodAutoscaler": printAutoscaler(metricsV2),
  "batch/v1/CronJob": printCronJob,
  "batch/v1/Job": printJob,
  "certificates.k8s.io/v1/CertificateSigningRequest": printSigningRequest,
  "coordination.k8s.io/v1/Lease": named((lease) => [textAt(lease, "spec", "holderIdentity")]),
  "discovery.k8s.io/v1/EndpointSlice": printEndpointSlice,
  "events.k8s.io/v1/Event": printEvent,
  "flowcontrol.apiserver.k8s.io/v1/FlowSchema": printFlowSchema,
  "flowcontrol.apiserver.k8s.io/v1/PriorityLevelConfiguration": printPriorityLevel,
  "networking.k8s.io/v1/IPAddress": printIpAddress,
  "networking.k8s.io/v1/Ingress": printIngress,
  "networking.k8s.io/v1/IngressClass": printIngressClass,
  "networking.k8s.io/v1/NetworkPolicy": named((policy) => [formatSelector(at(policy, "spec", "podSelector") ?? {})]),
  "networking.k8s.io/v1/ServiceCIDR": named((cidr) => [listAt(cidr, "spec", "cidrs").map(String).join(",")]),
  "node.k8s.io/v1/RuntimeClass": named((runtimeClass) => [textAt(runtimeClass, "handler")]),
  "policy/v1/PodDisruptionBudget": named((budget) => [
    or(textAt(budget, "spec", "minAvailable"), "N/A"),
    or(textAt(budget, "spec", "maxUnavailable"), "N/A"),
    numberAt(budget, "status", "disruptionsAllowed")
  ]),
  "rbac.authorization.k8s.io/v1/ClusterRoleBinding": printBinding,
  "rbac.authorization.k8s.io/v1/RoleBinding": printBinding,
  "resource.k8s.io/v1/DeviceClass": named(() => []),
  "resource.k8s.io/v1/ResourceClaim": printResourceClaim,
  "resource.k8s.io/v1/ResourceClaimTemplate": named(() => []),
  "resource.k8s.io/v1/ResourceSlice": named((slice) => [
    textAt(slice, "spec", "nodeName"),
    textAt(slice, "spec", "driver"),
    textAt(slice, "spec", "pool", "name")
  ]),
  "scheduling.k8s.io/v1/PriorityClass": (priorityClass, now) => [
    nameOf(priorityClass),
    numberAt(priorityClass, "value"),
    flagAt(priorityClass, "globalDefault"),
    age(priorityClass, now),
    textAt(priorityClass, "preemptionPolicy")
  ],
  "storage.k8s.io/v1/CSIDriver": printCsiDriver,
  "storage.k8s.io/v1/CSINode": named((node) => [listAt(node, "spec", "drivers").length]),
  "storage.k8s.io/v1/StorageClass": printStorageClass,
  "storage.k8s.io/v1/VolumeAttachment": named((attachment) => [
    textAt(attachment, "spec", "attacher"),
    textAt(attachment, "spec", "source", "persistentVolumeName"),
    textAt(attachment, "spec", "nodeName"),
    flagAt(attachment, "status", "attached")
  ]),
  "storage.k8s.io/v1/VolumeAttributesClass": named((attributes) => [textAt(attributes, "driverName")])
}
