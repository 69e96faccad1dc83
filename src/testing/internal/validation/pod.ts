/** What the specification of a pod has to be, in pods and in the templates of workloads. */
import { labelKeyProblems, labelValueProblems } from "../names.js"
import type { JsonObject } from "../openapi.js"
import { appArmor, containers, seccomp, untrimmedImage, type Surroundings } from "./container.js"
import { containerResources, podResources } from "./resources.js"
import {
  duplicate,
  eachAt,
  entriesAt,
  forbid,
  invalid,
  invalidText,
  ip,
  labelKey,
  labels,
  labelSelector,
  listAt,
  maybeOneOf,
  missing,
  name,
  notFound,
  numberAt,
  numericId,
  objectAt,
  oneOf,
  problems,
  range,
  textAt,
  tooLong,
  unsupported,
  valueAt,
  type Causes
} from "./rules.js"
import { structText } from "../structs.js"
import { volumes, type Pod } from "./volumes.js"

const maxInt32 = 2147483647

const hostNetwork = (out: Causes, path: string, spec: JsonObject, { isPod }: Pod): void => {
  if (spec["hostNetwork"] !== true) return
  for (const [each, at] of eachAt(spec, path, "containers")) {
    for (const [port, where] of eachAt(each, at, "ports")) {
      const [own, host] = [numberAt(port, "containerPort") ?? 0, numberAt(port, "hostPort") ?? 0]
      if ((isPod || host !== 0) && own !== host) {
        invalid(out, `${where}.hostPort`, host, "must match `containerPort` when `hostNetwork` is true")
      }
    }
  }
}

const effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"]

/** What is wrong with what is tolerated. */
export const tolerations = (out: Causes, path: string, spec: JsonObject): void => {
  for (const [toleration, at] of eachAt(spec, path, "tolerations")) {
    const [key, operator, effect, value] = [
      textAt(toleration, "key"),
      textAt(toleration, "operator"),
      textAt(toleration, "effect"),
      textAt(toleration, "value")
    ]
    if (key !== "") labelKey(out, `${at}.key`, key)
    if (key === "" && operator !== "Exists") {
      invalid(
        out,
        `${at}.operator`,
        operator,
        'operator must be Exists when `key` is empty, which means "match all values and all keys"'
      )
    }
    if (toleration["tolerationSeconds"] !== undefined && effect !== "NoExecute") {
      invalid(out, `${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
    }
    if (operator === "Equal" || operator === "") {
      const found = labelValueProblems(value)
      if (found.length > 0) invalid(out, `${at}.operator`, value, found.join(";"))
    } else if (operator === "Exists") {
      if (value !== "") invalid(out, `${at}.operator`, value, "value must be empty when `operator` is 'Exists'")
    } else {
      unsupported(
        out,
        `${at}.operator`,
        operator,
        operator === "Lt" || operator === "Gt" ? ["Equal", "Exists", "Lt", "Gt"] : ["Equal", "Exists"]
      )
    }
    if (effect !== "" && !effects.includes(effect)) unsupported(out, `${at}.effect`, effect, effects)
  }
}

const nodeRequirement = (out: Causes, at: string, requirement: JsonObject, anyValue: boolean): void => {
  const [operator, values] = [textAt(requirement, "operator"), listAt(requirement, "values")]
  if (operator === "In" || operator === "NotIn") {
    if (values.length === 0) missing(out, `${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'")
  } else if (operator === "Exists" || operator === "DoesNotExist") {
    if (values.length > 0) {
      forbid(out, `${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    }
  } else if (operator === "Gt" || operator === "Lt") {
    if (values.length !== 1) {
      missing(out, `${at}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'")
    }
  } else invalid(out, `${at}.operator`, operator, "not a valid selector operator")
  labelKey(out, `${at}.key`, textAt(requirement, "key"))
  if (anyValue) return
  values.forEach((value, index) => problems(out, `${at}.values[${index}]`, value, labelValueProblems(String(value))))
}

const nodeField = (out: Causes, at: string, requirement: JsonObject): void => {
  const [operator, values] = [textAt(requirement, "operator"), listAt(requirement, "values")]
  if (operator === "In" || operator === "NotIn") {
    if (values.length !== 1) {
      const why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
      missing(out, `${at}.values`, why)
    }
  } else invalid(out, `${at}.operator`, operator, "not a valid selector operator")
  const key = textAt(requirement, "key")
  if (key === "metadata.name") {
    values.forEach((value, index) => name(out, `${at}.values[${index}]`, String(value), "subdomain"))
  } else invalid(out, `${at}.key`, key, "not a valid field selector key")
}

const nodeTerm = (out: Causes, at: string, term: JsonObject, anyValue = false): void => {
  for (const [each, inner] of eachAt(term, at, "matchExpressions")) nodeRequirement(out, inner, each, anyValue)
  for (const [each, inner] of eachAt(term, at, "matchFields")) nodeField(out, inner, each)
}

/** What is wrong with a selector of nodes. */
export const nodeSelector = (out: Causes, path: string, selector: JsonObject): void => {
  const terms = eachAt(selector, path, "nodeSelectorTerms")
  if (terms.length === 0) missing(out, `${path}.nodeSelectorTerms`, "must have at least one node selector term")
  for (const [term, at] of terms) nodeTerm(out, at, term)
}

/** Labels whose values are taken from the pod itself. */
const ownLabels = (out: Causes, path: string, given: JsonObject): void => {
  const selector = objectAt(given, "labelSelector")
  const [matching, mismatching] = [listAt(given, "matchLabelKeys"), listAt(given, "mismatchLabelKeys")]
  for (const key of ["matchLabelKeys", "mismatchLabelKeys"]) {
    const keys = listAt(given, key)
    if (keys.length > 0 && selector === undefined) {
      forbid(out, `${path}.${key}`, "must not be specified when labelSelector is not set")
    } else keys.forEach((own, index) => labelKey(out, `${path}.${key}[${index}]`, String(own)))
  }
  const known = new Set(entriesAt(selector, "matchLabels").map(([key]) => key))
  for (const expression of listAt(selector, "matchExpressions")) {
    const key = textAt(expression, "key")
    const index = matching.lastIndexOf(key)
    if (index >= 0 && known.has(key)) {
      invalid(out, `${path}[${index}]`, key, "exists in both matchLabelKeys and labelSelector")
    }
    known.add(key)
  }
  matching.forEach((key, index) => {
    if (mismatching.includes(key)) {
      invalid(out, `${path}.matchLabelKeys[${index}]`, key, "exists in both matchLabelKeys and mismatchLabelKeys")
    }
  })
}

const affinityTerm = (out: Causes, at: string, term: JsonObject): void => {
  labelSelector(out, `${at}.labelSelector`, objectAt(term, "labelSelector"))
  labelSelector(out, `${at}.namespaceSelector`, objectAt(term, "namespaceSelector"))
  for (const namespace of listAt(term, "namespaces")) name(out, `${at}.namespace`, String(namespace), "label")
  ownLabels(out, at, term)
  const key = textAt(term, "topologyKey")
  if (key === "") missing(out, `${at}.topologyKey`, "can not be empty")
  labelKey(out, `${at}.topologyKey`, key)
}

const weight = (out: Causes, at: string, term: JsonObject): void => {
  const value = numberAt(term, "weight") ?? 0
  if (value < 1 || value > 100) invalid(out, `${at}.weight`, value, "must be in the range 1-100")
}

const affinity = (out: Causes, path: string, spec: JsonObject): void => {
  const given = objectAt(spec, "affinity")
  if (given === undefined) return
  const at = `${path}.affinity`
  const hard = "requiredDuringSchedulingIgnoredDuringExecution"
  const soft = "preferredDuringSchedulingIgnoredDuringExecution"
  const nodes = objectAt(given, "nodeAffinity")
  const node = objectAt(nodes, hard)
  if (node !== undefined) nodeSelector(out, `${at}.nodeAffinity.${hard}`, node)
  for (const [term, place] of eachAt(nodes, `${at}.nodeAffinity`, soft)) {
    const value = numberAt(term, "weight") ?? 0
    if (value <= 0 || value > 100) invalid(out, `${place}.weight`, value, "must be in the range 1-100")
    nodeTerm(out, `${place}.preference`, objectAt(term, "preference") ?? {}, true)
  }
  for (const kind of ["podAffinity", "podAntiAffinity"]) {
    const pods = objectAt(given, kind)
    for (const [term, place] of eachAt(pods, `${at}.${kind}`, hard)) affinityTerm(out, place, term)
    for (const [term, place] of eachAt(pods, `${at}.${kind}`, soft)) {
      weight(out, place, term)
      affinityTerm(out, `${place}.podAffinityTerm`, objectAt(term, "podAffinityTerm") ?? {})
    }
  }
}

const spreads = (out: Causes, path: string, spec: JsonObject): void => {
  const all = eachAt(spec, path, "topologySpreadConstraints")
  all.forEach(([constraint, at], index) => {
    const skew = numberAt(constraint, "maxSkew") ?? 0
    if (skew <= 0) invalid(out, `${at}.maxSkew`, skew, "must be greater than zero")
    const [key, when] = [textAt(constraint, "topologyKey"), textAt(constraint, "whenUnsatisfiable")]
    if (key === "") missing(out, `${at}.topologyKey`, "can not be empty")
    const actions = ["DoNotSchedule", "ScheduleAnyway"]
    if (!actions.includes(when)) unsupported(out, `${at}.whenUnsatisfiable`, when, actions)
    if (
      all
        .slice(index + 1)
        .some(([other]) => textAt(other, "topologyKey") === key && textAt(other, "whenUnsatisfiable") === when)
    ) {
      duplicate(out, `${at}.{topologyKey, whenUnsatisfiable}`, `{${key}, ${when}}`)
    }
    const domains = numberAt(constraint, "minDomains")
    if (domains !== undefined) {
      if (domains <= 0) invalid(out, `${at}.minDomains`, domains, "must be greater than zero")
      if (when !== "DoNotSchedule") {
        const why = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${when}`
        invalid(out, `${at}.minDomains`, domains, why)
      }
    }
    for (const policy of ["nodeAffinityPolicy", "nodeTaintsPolicy"]) {
      maybeOneOf(out, `${at}.${policy}`, valueAt(constraint, policy), ["Honor", "Ignore"])
    }
    ownLabels(out, at, constraint)
    labelSelector(out, `${at}.labelSelector`, objectAt(constraint, "labelSelector"))
  })
}

/** The containers of a pod, with their paths. */
const allContainers = (spec: JsonObject, path: string): ReadonlyArray<readonly [JsonObject, string]> =>
  ["initContainers", "containers", "ephemeralContainers"].flatMap((list) => eachAt(spec, path, list))

const sysctl = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/

/** What a setting of the kernel is about, if a pod can have its own. */
const namespaceOf = (setting: string): "ipc" | "net" | undefined => {
  const dotted = setting.replaceAll("/", ".")
  if (/^(kernel\.(shm|msg)|kernel\.sem$|fs\.mqueue\.)/.test(dotted)) return "ipc"
  return dotted.startsWith("net.") ? "net" : undefined
}

const sysctls = (out: Causes, path: string, spec: JsonObject, context: JsonObject): void => {
  const names = new Set<string>()
  for (const [setting, at] of eachAt(context, path, "sysctls")) {
    const text = textAt(setting, "name")
    if (text === "") missing(out, `${at}.name`)
    else if (text.length > 253 || !sysctl.test(text)) {
      const pattern = String.raw`^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$`
      invalid(out, `${at}.name`, text, `must have at most 253 characters and match regex ${pattern}`)
    } else if (names.has(text)) duplicate(out, `${at}.name`, text)
    const namespace = namespaceOf(text)
    if (namespace === "net" && spec["hostNetwork"] === true) {
      invalid(out, `${at}.name`, text, "may not be specified when 'hostNetwork' is true")
    } else if (namespace === "ipc" && spec["hostIPC"] === true) {
      invalid(out, `${at}.name`, text, "may not be specified when 'hostIPC' is true")
    }
    names.add(text)
  }
}

const securityContext = (out: Causes, path: string, spec: JsonObject): void => {
  const context = objectAt(spec, "securityContext") ?? {}
  for (const key of ["fsGroup", "runAsUser", "runAsGroup"]) numericId(out, `${path}.${key}`, numberAt(context, key))
  listAt(context, "supplementalGroups").forEach((group, index) =>
    numericId(out, `${path}.supplementalGroups[${index}]`, typeof group === "number" ? group : undefined)
  )
  if (spec["shareProcessNamespace"] === true && spec["hostPID"] === true) {
    const why = "ShareProcessNamespace and HostPID cannot both be enabled"
    invalid(out, `${path}.shareProcessNamespace`, true, why)
  }
  sysctls(out, path, spec, context)
  const change = valueAt(context, "fsGroupChangePolicy")
  maybeOneOf(out, `${path}.fsGroupChangePolicy`, change, ["Always", "OnRootMismatch"])
  seccomp(out, path, context)
  appArmor(out, path, context)
  const groups = valueAt(context, "supplementalGroupsPolicy")
  maybeOneOf(out, `${path}.supplementalGroupsPolicy`, groups, ["Merge", "Strict"])
  const labeling = valueAt(context, "seLinuxChangePolicy")
  maybeOneOf(out, `${path}.seLinuxChangePolicy`, labeling, ["MountOption", "Recursive"])
}

const dnsName = /^_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*$/

/** A domain to search in, where a name may have an underscore. */
const searchProblems = (text: string): ReadonlyArray<string> => [
  ...(Buffer.byteLength(text) > 253 ? ["must be no more than 253 characters"] : []),
  ...(dnsName.test(text)
    ? []
    : [
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')"
      ])
]

const dns = (out: Causes, path: string, spec: JsonObject): void => {
  const given = objectAt(spec, "dnsConfig")
  const [servers, searches] = [listAt(given, "nameservers"), listAt(given, "searches")]
  if (spec["dnsPolicy"] === "None") {
    if (given === undefined) return missing(out, path, "must provide `dnsConfig` when `dnsPolicy` is None")
    if (servers.length === 0) {
      const why = "must provide at least one DNS nameserver when `dnsPolicy` is None"
      return missing(out, `${path}.nameservers`, why)
    }
  }
  if (servers.length > 3) invalid(out, `${path}.nameservers`, [...servers], "must not have more than 3 nameservers")
  servers.forEach((server, index) => ip(out, `${path}.nameservers[${index}]`, String(server)))
  if (searches.length > 32) invalid(out, `${path}.searches`, [...searches], "must not have more than 32 search paths")
  if (Buffer.byteLength(searches.join(" ")) > 2048) {
    const why = "must not have more than 2048 characters (including spaces) in the search list"
    invalid(out, `${path}.searches`, [...searches], why)
  }
  searches.forEach((search, index) => {
    const text = String(search).replace(/(?!^)\.$/, "")
    if (text !== ".") problems(out, `${path}.searches[${index}]`, text, searchProblems(text))
  })
  for (const [option, at] of eachAt(given, path, "options")) {
    if (textAt(option, "name") === "") missing(out, at, "must not be empty")
  }
}

const gates = (out: Causes, path: string, spec: JsonObject): void => {
  for (const [gate, at] of eachAt(spec, path, "readinessGates")) {
    labelKey(out, `${at}.conditionType`, textAt(gate, "conditionType"))
  }
  const seen = new Set<string>()
  for (const [gate, at] of eachAt(spec, path, "schedulingGates")) {
    const text = textAt(gate, "name")
    labelKey(out, at, text)
    if (seen.has(text)) duplicate(out, at, text)
    seen.add(text)
  }
}

/** What a pod with users of its own cannot have of its node. */
const ownUsers = (out: Causes, path: string, spec: JsonObject): void => {
  if (spec["hostUsers"] !== false) return
  const why = "when `hostUsers` is false"
  if (spec["hostNetwork"] === true) forbid(out, `${path}.hostNetwork`, why)
  if (spec["hostPID"] === true) forbid(out, `${path}.HostPID`, why)
  if (spec["hostIPC"] === true) forbid(out, `${path}.HostIPC`, why)
  for (const [each, at] of allContainers(spec, path)) {
    if (listAt(each, "volumeDevices").length > 0) forbid(out, `${at}.volumeDevices`, why)
  }
}

const hostnameOverride = (out: Causes, path: string, spec: JsonObject): void => {
  const text = valueAt(spec, "hostnameOverride")
  if (text === undefined) return
  const at = `${path}.hostnameOverride`
  if (spec["setHostnameAsFQDN"] === true) forbid(out, at, "may not be specified when setHostnameAsFQDN is true")
  if (spec["hostNetwork"] === true) forbid(out, at, "may not be specified when hostNetwork is true")
  if (Buffer.byteLength(String(text)) > 64) tooLong(out, at, 64)
  name(out, at, String(text), "subdomain")
}

const notOnWindows = {
  pod: [
    "appArmorProfile",
    "seLinuxOptions",
    "^hostUsers",
    "^hostPID",
    "^hostIPC",
    "seccompProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "sysctls",
    "^shareProcessNamespace",
    "runAsUser",
    "runAsGroup",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "seLinuxChangePolicy"
  ],
  container: [
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup"
  ]
}

const operatingSystem = (out: Causes, path: string, spec: JsonObject): void => {
  const os = objectAt(spec, "os")
  if (os === undefined) return
  const system = textAt(os, "name")
  if (system === "") return missing(out, `${path}.os.name`)
  const context = objectAt(spec, "securityContext")
  if (system === "linux") {
    const why = "windows options cannot be set for a linux pod"
    if (context?.["windowsOptions"] !== undefined) forbid(out, `${path}.securityContext.windowsOptions`, why)
    for (const [each, at] of allContainers(spec, path)) {
      if (valueAt(each, "securityContext", "windowsOptions") !== undefined) {
        forbid(out, `${at}.securityContext.windowsOptions`, why)
      }
    }
  } else if (system === "windows") {
    const why = "cannot be set for a windows pod"
    for (const key of notOnWindows.pod) {
      const own = key.replace("^", "")
      // What is no pointer in Go is only there if it is true.
      if (key !== own) {
        const value = spec[own]
        if (own === "hostPID" || own === "hostIPC" ? value === true : value !== undefined) {
          forbid(out, `${path}.${own}`, why)
        }
      } else if (context?.[own] !== undefined) forbid(out, `${path}.securityContext.${own}`, why)
    }
    for (const [each, at] of allContainers(spec, path)) {
      for (const key of notOnWindows.container) {
        if (valueAt(each, "securityContext", key) !== undefined) forbid(out, `${at}.securityContext.${key}`, why)
      }
    }
  } else unsupported(out, `${path}.os`, system, ["linux", "windows"])
}

const files = (out: Causes, path: string, spec: JsonObject): void => {
  for (const [each, at] of allContainers(spec, path)) {
    for (const [variable, where] of eachAt(each, at, "env")) {
      const reference = objectAt(variable, "valueFrom", "fileKeyRef")
      if (reference === undefined) continue
      const volumeName = textAt(reference, "volumeName")
      const volume = listAt(spec, "volumes").find((other) => textAt(other, "name") === volumeName)
      const field = `${where}.valueFrom.fileKeyRef.volumeName`
      if (volume === undefined) notFound(out, field, volumeName)
      else if (valueAt(volume, "emptyDir") === undefined) {
        invalid(out, field, volumeName, "referenced volume must be of type emptyDir")
      }
    }
  }
}

const resourceClaims = (out: Causes, path: string, spec: JsonObject): ReadonlySet<string> => {
  const names = new Set<string>()
  for (const [claim, at] of eachAt(spec, path, "resourceClaims")) {
    const claimName = textAt(claim, "name")
    if (claimName === "") missing(out, `${at}.name`)
    else if (names.has(claimName)) duplicate(out, `${at}.name`, claimName)
    else {
      name(out, `${at}.name`, claimName, "label")
      names.add(claimName)
    }
    const [own, template] = [valueAt(claim, "resourceClaimName"), valueAt(claim, "resourceClaimTemplateName")]
    const refuse = (why: string): void => invalidText(out, at, structText("core.PodResourceClaim", claim), why)
    if (own !== undefined && template !== undefined) {
      refuse("at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified")
    }
    if (own === undefined && template === undefined) {
      refuse("must specify one of: `resourceClaimName`, `resourceClaimTemplateName`")
    }
    if (own !== undefined) name(out, `${at}.resourceClaimName`, String(own), "subdomain")
    if (template !== undefined) name(out, `${at}.resourceClaimTemplateName`, String(template), "subdomain")
  }
  return names
}

const podSpec = (out: Causes, path: string, spec: JsonObject, pod: Pod): void => {
  const right = volumes(out, path, spec, pod)
  const claims = resourceClaims(out, path, spec)
  const of: Surroundings = {
    volumes: right,
    claims,
    grace: numberAt(spec, "terminationGracePeriodSeconds"),
    restartPolicy: textAt(spec, "restartPolicy"),
    hostUsers: spec["hostUsers"] !== false
  }
  containers(out, path, spec, of)
  podResources(out, path, spec, claims)
  hostNetwork(out, path, spec, pod)
  oneOf(out, `${path}.restartPolicy`, spec["restartPolicy"], ["Always", "OnFailure", "Never"])
  oneOf(out, `${path}.dnsPolicy`, spec["dnsPolicy"], ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"])
  labels(out, `${path}.nodeSelector`, spec["nodeSelector"])
  securityContext(out, `${path}.securityContext`, spec)
  affinity(out, path, spec)
  dns(out, `${path}.dnsConfig`, spec)
  gates(out, path, spec)
  spreads(out, path, spec)
  ownUsers(out, path, spec)
  hostnameOverride(out, path, spec)
  const [account, node, host, subdomain, priority] = [
    textAt(spec, "serviceAccountName"),
    textAt(spec, "nodeName"),
    textAt(spec, "hostname"),
    textAt(spec, "subdomain"),
    textAt(spec, "priorityClassName")
  ]
  if (account !== "") name(out, `${path}.serviceAccountName`, account, "subdomain")
  if (node !== "") name(out, `${path}.nodeName`, node, "subdomain")
  const deadline = numberAt(spec, "activeDeadlineSeconds")
  if (deadline !== undefined && (deadline < 1 || deadline > maxInt32)) {
    invalid(out, `${path}.activeDeadlineSeconds`, deadline, range(1, maxInt32))
  }
  if (host !== "") name(out, `${path}.hostname`, host, "label")
  if (subdomain !== "") name(out, `${path}.subdomain`, subdomain, "label")
  tolerations(out, path, spec)
  for (const [alias, at] of eachAt(spec, path, "hostAliases")) {
    ip(out, `${at}.ip`, textAt(alias, "ip"))
    listAt(alias, "hostnames").forEach((hostname, index) =>
      name(out, `${at}.hostnames[${index}]`, String(hostname), "subdomain")
    )
  }
  if (priority !== "") name(out, `${path}.priorityClassName`, priority, "subdomain")
  const runtime = valueAt(spec, "runtimeClassName")
  if (runtime !== undefined) name(out, `${path}.runtimeClassName`, String(runtime), "subdomain")
  const preemption = valueAt(spec, "preemptionPolicy")
  if (preemption !== undefined) {
    oneOf(out, `${path}.preemptionPolicy`, preemption, ["PreemptLowerPriority", "Never"])
  }
  const overhead = objectAt(spec, "overhead")
  if (overhead !== undefined) containerResources(out, `${path}.overhead`, { limits: overhead }, new Set())
  operatingSystem(out, path, spec)
  files(out, path, spec)
}

const deletionCost = "controller.kubernetes.io/pod-deletion-cost"
const mirror = "kubernetes.io/config.mirror"
const appArmorPrefix = "container.apparmor.security.beta.kubernetes.io/"

/** What of a pod's annotations the API server understands. */
export const podAnnotations = (out: Causes, path: string, annotations: JsonObject, spec: JsonObject): void => {
  const [pinned, cost] = [annotations[mirror], annotations[deletionCost]]
  if (pinned !== undefined && textAt(spec, "nodeName") === "") {
    invalid(out, `${path}[${mirror}]`, pinned, "must set spec.nodeName if mirror pod annotation is set")
  }
  if (cost !== undefined) {
    const text = String(cost)
    const inRange = /^(0|-?[1-9]\d*)$/.test(text) && Number(text) >= -maxInt32 - 1 && Number(text) <= maxInt32
    if (!inRange) invalid(out, `${path}[${deletionCost}]`, text, "must be a 32bit integer")
  }
  for (const [key, value] of entriesAt(annotations)) {
    if (!key.startsWith(appArmorPrefix)) continue
    const containerName = key.slice(appArmorPrefix.length)
    if (!allContainers(spec, "").some(([each]) => each["name"] === containerName)) {
      invalid(out, `${path}[${key}]`, containerName, "container not found")
    }
    const text = String(value)
    if (text !== "" && text !== "runtime/default" && text !== "unconfined" && !text.startsWith("localhost/")) {
      invalid(out, `${path}[${key}]`, text, `invalid AppArmor profile name: ${JSON.stringify(text)}`)
    }
  }
}

/** What is wrong with a pod, its metadata apart, whether it is new or not. */
export const anyPod = (out: Causes, object: JsonObject): void => {
  const spec = objectAt(object, "spec") ?? {}
  podAnnotations(out, "metadata.annotations", objectAt(object, "metadata", "annotations") ?? {}, spec)
  podSpec(out, "spec", spec, { isPod: true, name: textAt(object, "metadata", "name") })
  if (textAt(spec, "serviceAccountName") === "") {
    for (const [volume, at] of eachAt(spec, "spec", "volumes")) {
      for (const [source, where] of eachAt(objectAt(volume, "projected"), `${at}.projected`, "sources")) {
        if (source["serviceAccountToken"] !== undefined) {
          const why = "must not be specified when serviceAccountName is not set"
          forbid(out, `${where}.serviceAccountToken`, why)
        }
      }
    }
  }
  for (const list of ["containers", "initContainers"]) {
    for (const [each, at] of eachAt(spec, "spec", list)) untrimmedImage(out, at, each)
  }
}

/** What is wrong with a pod that is new. */
export const newPod = (out: Causes, object: JsonObject): void => {
  anyPod(out, object)
  const spec = objectAt(object, "spec") ?? {}
  if (listAt(spec, "ephemeralContainers").length > 0) forbid(out, "spec.ephemeralContainers", "cannot be set on create")
  if (textAt(spec, "nodeName") !== "" && listAt(spec, "schedulingGates").length > 0) {
    forbid(out, "spec.nodeName", "cannot be set until all schedulingGates have been cleared")
  }
}

/** What is wrong with the metadata of the template of a workload. */
export const templateMetadata = (out: Causes, path: string, template: JsonObject): void => {
  labels(out, `${path}.labels`, valueAt(template, "metadata", "labels"))
  const annotations = objectAt(template, "metadata", "annotations") ?? {}
  for (const [key] of entriesAt(annotations)) {
    problems(out, `${path}.annotations`, key, labelKeyProblems(key.toLowerCase()))
  }
  podAnnotations(out, `${path}.annotations`, annotations, objectAt(template, "spec") ?? {})
}

/** What is wrong with the template of a workload. */
export const podTemplate = (out: Causes, path: string, template: JsonObject): void => {
  const spec = objectAt(template, "spec") ?? {}
  templateMetadata(out, path, template)
  podSpec(out, `${path}.spec`, spec, { isPod: false, name: "" })
  if (listAt(spec, "ephemeralContainers").length > 0) {
    forbid(out, `${path}.spec.ephemeralContainers`, "ephemeral containers not allowed in pod template")
  }
}
