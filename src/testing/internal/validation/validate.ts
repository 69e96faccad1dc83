/**
 * What the API server has against an object of a built-in kind, beyond its metadata: the causes of a 422, in its words. The
 * object has been decoded, defaulted and prepared; `old` is the one that it takes the place of.
 */
import { isAddress } from "../addresses.js"
import { jsonEquals } from "../json.js"
import { labelKeyProblems, labelValueProblems, rules, standardFinalizers } from "../names.js"
import type { GroupVersionKind, Json, JsonObject } from "../openapi.js"
import type { Cause } from "../status.js"
import { qosClass } from "../strategies.js"
import { structText } from "../structs.js"
import { customResourceDefinition } from "./crd.js"
import { newPod, podTemplate, tolerations } from "./pod.js"
import { ephemeralContainersUpdate, podResize, podStatusUpdate, podUpdate } from "./podUpdate.js"
import { autoscaler, autoscalerStatus } from "./autoscalers.js"
import { signingRequest } from "./certificates.js"
import { event, newEvent } from "./events.js"
import { cronJob, job, jobStatus } from "./jobs.js"
import { limitRange, quota, quotaStatus } from "./quotas.js"
import { containerResources, resourceQuantity } from "./resources.js"
import {
  cidr,
  domainPrefixedPath,
  duplicate,
  duplicateText,
  eachAt,
  entriesAt,
  forbid,
  immutable,
  intOrPercent,
  goText,
  invalid,
  invalidText,
  isCidr,
  keyProblems,
  labels,
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
  problems,
  specOf,
  textAt,
  tooLong,
  unsupported,
  valueAt,
  type Causes,
  type PartRule,
  type Rule
} from "./rules.js"
import { endpoints, endpointSlice, ingressStatus, service, serviceStatus } from "./services.js"
import { claim, claimStatus, csiDriver, storageClass, volume } from "./storage.js"
import {
  daemonSet,
  daemonSetStatus,
  deployment,
  deploymentStatus,
  replicaSet,
  replicaSetStatus,
  replicationController,
  replicationControllerStatus,
  statefulSet,
  statefulSetStatus
} from "./workloads.js"

const most = 1024 * 1024

const bytesOf = (base64: Json): number => Buffer.from(String(base64), "base64").length

const frozen = (out: Causes, object: JsonObject, old: JsonObject | undefined, keys: ReadonlyArray<string>): void => {
  if (old?.["immutable"] !== true) return
  const why = "field is immutable when `immutable` is set"
  if (object["immutable"] !== true) forbid(out, "immutable", why)
  for (const key of keys) if (!jsonEquals(object[key] ?? {}, old[key] ?? {})) forbid(out, key, why)
}

const finalizerName = (out: Causes, path: string, finalizer: string): void => {
  const found = labelKeyProblems(finalizer)
  problems(out, path, finalizer, found)
  if (!finalizer.includes("/") && !standardFinalizers.has(finalizer)) {
    invalid(out, path, finalizer, "name is neither a standard finalizer name nor is it fully qualified")
  }
}

const namespace: Rule = (out, object, old) => {
  if (old !== undefined) return
  for (const finalizer of listAt(specOf(object), "finalizers")) finalizerName(out, "spec.finalizers", String(finalizer))
}

const namespaceFinalize: PartRule = (out, object) =>
  listAt(specOf(object), "finalizers").forEach((finalizer, index) =>
    finalizerName(out, `spec.finalizers[${index}]`, String(finalizer))
  )

const namespaceStatus: PartRule = (out, object) => {
  const ends = valueAt(object, "metadata", "deletionTimestamp") !== undefined
  const [phase, expected] = [textAt(object, "status", "phase"), ends ? "Terminating" : "Active"]
  if (phase === expected) return
  invalid(
    out,
    "status.Phase",
    phase,
    `may only be '${expected}' if \`deletionTimestamp\` is ${ends ? "not empty" : "empty"}`
  )
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
  // The path of the whole is written so.
  if (size > most) tooLong(out, "[]", most)
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

const pod: Rule = (out, object, old) => (old === undefined ? newPod(out, object) : podUpdate(out, object, old))

/** An object in the same namespace, or in none. */
const localReference = (out: Causes, path: string, given: JsonObject): void => {
  const group = valueAt(given, "apiGroup")
  if (group !== undefined) name(out, `${path}.apiGroup`, String(group), "subdomain")
  for (const key of ["kind", "name"]) {
    const text = textAt(given, key)
    if (text === "") missing(out, `${path}.${key}`)
    else problems(out, `${path}.${key}`, text, rules.path(text))
  }
}

const backend = (out: Causes, path: string, given: JsonObject): void => {
  const [resource, target] = [objectAt(given, "resource"), objectAt(given, "service")]
  if (resource !== undefined && target !== undefined) {
    return invalid(out, path, "", "cannot set both resource and service backends")
  }
  if (resource !== undefined) {
    return localReference(out, `${path}.resource`, resource)
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

const classAnnotation = "kubernetes.io/ingress.class"

const ingress: Rule = (out, object, old) => {
  const spec = specOf(object)
  const all = eachAt(spec, "spec", "rules")
  const own = objectAt(spec, "defaultBackend")
  if (all.length === 0 && own === undefined) {
    invalid(out, "spec", valueAt(spec, "rules") ?? null, "either `defaultBackend` or `rules` must be specified")
  }
  if (own !== undefined) backend(out, "spec.defaultBackend", own)
  for (const [rule, at] of all) {
    const text = textAt(rule, "host")
    if (text !== "") {
      if (isAddress(text)) {
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
  const noted = valueAt(object, "metadata", "annotations", classAnnotation)
  if (old === undefined && noted !== undefined && className !== undefined && noted !== className) {
    const why = "must match `ingressClassName` when both are specified"
    invalid(out, `annotations.${classAnnotation}`, noted, why)
  }
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

const disruptionBudget: Rule = (out, object) => {
  const spec = specOf(object)
  if (spec["minAvailable"] !== undefined && spec["maxUnavailable"] !== undefined) {
    const text = structText("policy.PodDisruptionBudgetSpec", spec)
    invalidText(out, "spec", text, "minAvailable and maxUnavailable cannot be both set")
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
      invalidText(out, "roleRef", structText("rbac.RoleRef", roleReference), "cannot change roleRef")
    }
  }

const systemPriorities: { readonly [name: string]: number } = {
  "system-cluster-critical": 2_000_000_000,
  "system-node-critical": 2_000_001_000
}

/** Why a name is not that of one of the system's own classes. */
const systemPriorityProblem = (object: JsonObject): string | undefined => {
  const className = textAt(object, "metadata", "name")
  const value = Object.hasOwn(systemPriorities, className) ? systemPriorities[className] : undefined
  if (value === undefined) return `${className} is not a known system priority class`
  if (numberAt(object, "value") !== value) return `value of ${className} PriorityClass must be ${value}`
  return object["globalDefault"] === true ? `globalDefault of ${className} PriorityClass must be false` : undefined
}

const priorityClass: Rule = (out, object, old) => {
  const value = numberAt(object, "value") ?? 0
  if (old !== undefined) {
    if (value !== (numberAt(old, "value") ?? 0)) forbid(out, "value", "may not be changed in an update.")
    return immutable(out, "preemptionPolicy", object["preemptionPolicy"], old["preemptionPolicy"])
  }
  if (textAt(object, "metadata", "name").startsWith("system-")) {
    const problem = systemPriorityProblem(object)
    const why = "priority class names with 'system-' prefix are reserved for system use only"
    if (problem !== undefined) forbid(out, "metadata.name", `${why}. error: ${problem}`)
  } else if (value > 1_000_000_000) {
    forbid(out, "value", "maximum allowed value of a user defined priority is 1000000000")
  }
  const policies = ["PreemptLowerPriority", "Never"]
  maybeOneOf(out, "preemptionPolicy", valueAt(object, "preemptionPolicy"), policies)
}

const lease: Rule = (out, object) => {
  const spec = specOf(object)
  const duration = numberAt(spec, "leaseDurationSeconds")
  if (duration !== undefined && duration <= 0) {
    invalid(out, "spec.leaseDurationSeconds", duration, "must be greater than 0")
  }
  notNegative(out, "spec.leaseTransitions", numberAt(spec, "leaseTransitions"))
}

/** The API server has them at the metadata. */
const taints = (out: Causes, spec: JsonObject): void => {
  const seen = new Set<string>()
  for (const [taint, at] of eachAt(spec, "metadata", "taints")) {
    const [key, value, effect] = [textAt(taint, "key"), textAt(taint, "value"), textAt(taint, "effect")]
    problems(out, `${at}.key`, key, labelKeyProblems(key))
    const found = labelValueProblems(value)
    if (found.length > 0) invalid(out, `${at}.value`, value, found.join(";"))
    oneOf(out, `${at}.effect`, effect, ["NoSchedule", "PreferNoSchedule", "NoExecute"])
    const id = `${key}/${effect}`
    if (seen.has(id)) {
      duplicateText(out, at, structText("core.Taint", taint), "taints must be unique by key and effect pair")
    }
    seen.add(id)
  }
}

const nodeResources = (out: Causes, object: JsonObject): void => {
  for (const list of ["capacity", "allocatable"]) {
    for (const [key, value] of entriesAt(object, "status", list)) {
      resourceQuantity(out, `status.${list}.${key}`, key, value)
    }
  }
}

const nodeUpdate = (out: Causes, object: JsonObject, old: JsonObject): void => {
  const [spec, before] = [specOf(object), specOf(old)]
  nodeResources(out, object)
  const addresses = listAt(object, "status", "addresses")
  addresses.forEach((address, index) => {
    if (addresses.slice(0, index).some((other) => jsonEquals(other, address))) {
      const [type, text] = [textAt(address, "type"), textAt(address, "address")]
      duplicateText(out, `status.addresses[${index}]`, goText({ Address: text, Type: type }))
    }
  })
  const [ranges, known] = [listAt(spec, "podCIDRs"), listAt(before, "podCIDRs")]
  const once = (key: string): void =>
    forbid(out, `spec.${key}`, `node updates may not change ${key.replace("CIDRs", "CIDR")} except from "" to valid`)
  if (known.length > 0) {
    if (known.length !== ranges.length) once("podCIDRs")
    else known.forEach((range, index) => range !== ranges[index] && once("podCIDRs"))
  }
  const provider = textAt(before, "providerID")
  if (provider !== "" && provider !== textAt(spec, "providerID")) once("providerID")
  taints(out, spec)
  if (textAt(spec, "externalID") !== textAt(before, "externalID")) {
    forbid(out, "spec.externalID", "may not be updated")
  }
}

const node: Rule = (out, object, old) => {
  if (old !== undefined) return nodeUpdate(out, object, old)
  const ranges = listAt(specOf(object), "podCIDRs").map(String)
  taints(out, specOf(object))
  nodeResources(out, object)
  ranges.forEach((range, index) => cidr(out, `spec.podCIDRs[${index}]`, range))
  const families = new Set(ranges.map((range) => range.includes(":")))
  if (ranges.length > 1 && ranges.every(isCidr) && (families.size < 2 || ranges.length > 2)) {
    invalid(out, "spec.podCIDRs", ranges, "may specify no more than one CIDR for each IP family")
  }
}

const urlForm = "; desired format: https://host[/path]"

const webhookUrl = (out: Causes, path: string, text: string): void => {
  const [, scheme = "", authority = "", query = "", fragment = ""] =
    /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?[^?#]*(?:\?([^#]*))?(?:#(.*))?$/.exec(text) ?? []
  const user = authority.includes("@") ? authority.slice(0, authority.lastIndexOf("@")) : undefined
  const host = user === undefined ? authority : authority.slice(user.length + 1)
  if (scheme.toLowerCase() !== "https") {
    invalid(out, path, scheme.toLowerCase(), `'https' is the only allowed URL scheme${urlForm}`)
  }
  if (host === "") invalid(out, path, host, `host must be specified${urlForm}`)
  if (user !== undefined) invalid(out, path, user, "user information is not permitted in the URL")
  if (fragment !== "") invalid(out, path, fragment, "fragments are not permitted in the URL")
  if (query !== "") invalid(out, path, query, "query parameters are not permitted in the URL")
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
      } else if (url !== undefined) webhookUrl(out, `${at}.clientConfig.url`, String(url))
      else if (target !== undefined) {
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
  if (old !== undefined) immutable(out, "spec.controller", spec["controller"], specOf(old)["controller"])
  if (Buffer.byteLength(controller) > 250) tooLong(out, "spec.controller", 250)
  domainPrefixedPath(out, "spec.controller", controller)
  const given = objectAt(spec, "parameters")
  if (given === undefined) return
  const at = "spec.parameters"
  localReference(out, at, given)
  const [scope, namespace] = [valueAt(given, "scope"), valueAt(given, "namespace")]
  if (scope === undefined) missing(out, `${at}.scope`)
  else maybeOneOf(out, `${at}.scope`, scope, ["Cluster", "Namespace"])
  if (namespace === "") missing(out, `${at}.namespace`)
  else if (namespace !== undefined) name(out, `${at}.namespace`, String(namespace), "label")
  if (scope === "Namespace" && namespace === undefined) {
    missing(out, `${at}.namespace`, "`parameters.scope` is set to 'Namespace'")
  }
  if (scope === "Cluster" && namespace !== undefined) {
    forbid(out, `${at}.namespace`, "`parameters.scope` is set to 'Cluster'")
  }
}

const runtimeClass: Rule = (out, object, old) => {
  if (old !== undefined) return immutable(out, "handler", object["handler"], old["handler"])
  name(out, "handler", textAt(object, "handler"), "label")
  const fixed = objectAt(object, "overhead", "podFixed")
  if (fixed !== undefined) containerResources(out, "overhead", { limits: fixed }, new Set())
  const scheduling = objectAt(object, "scheduling")
  if (scheduling === undefined) return
  labels(out, "scheduling.nodeSelector", scheduling["nodeSelector"])
  tolerations(out, "scheduling", scheduling)
  const seen = new Set<string>()
  for (const [toleration, at] of eachAt(scheduling, "scheduling", "tolerations")) {
    const id = goText(["key", "operator", "value", "effect"].map((key) => textAt(toleration, key)))
    if (seen.has(id)) duplicateText(out, at, structText("core.Toleration", toleration))
    seen.add(id)
  }
}

const byKind: { readonly [groupKind: string]: Rule | undefined } = {
  ConfigMap: configMap,
  Event: event,
  "ControllerRevision.apps": controllerRevision,
  "IngressClass.networking.k8s.io": ingressClass,
  "RuntimeClass.node.k8s.io": runtimeClass,
  Endpoints: endpoints,
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
  "CertificateSigningRequest.certificates.k8s.io": signingRequest,
  "Event.events.k8s.io": newEvent,
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
  "CSIDriver.storage.k8s.io": csiDriver,
  "StorageClass.storage.k8s.io": storageClass,
  "MutatingWebhookConfiguration.admissionregistration.k8s.io": webhooks(true),
  "ValidatingWebhookConfiguration.admissionregistration.k8s.io": webhooks(false)
}

/** By kind and subresource. What is not here is checked as a write of the whole, and a status not at all. */
const byPart: { readonly [part: string]: PartRule | undefined } = {
  "DaemonSet.apps/status": daemonSetStatus,
  "Deployment.apps/status": deploymentStatus,
  "Job.batch/status": jobStatus,
  "ReplicaSet.apps/status": replicaSetStatus,
  "ReplicationController/status": replicationControllerStatus,
  "StatefulSet.apps/status": statefulSetStatus,
  "Ingress.networking.k8s.io/status": ingressStatus,
  "Namespace/finalize": namespaceFinalize,
  "Namespace/status": namespaceStatus,
  "ResourceQuota/status": quotaStatus,
  "HorizontalPodAutoscaler.autoscaling/status": autoscalerStatus,
  "Node/status": nodeUpdate,
  "PersistentVolumeClaim/status": claimStatus,
  "Service/status": serviceStatus,
  "Pod/ephemeralcontainers": ephemeralContainersUpdate,
  "Pod/resize": podResize(qosClass),
  "Pod/status": podStatusUpdate
}

/** What is wrong with an object, its metadata apart; empty if the API server takes it. */
export const validate = (
  { group, kind }: Pick<GroupVersionKind, "group" | "kind">,
  object: JsonObject,
  old?: JsonObject,
  subresource = ""
): ReadonlyArray<Cause> => {
  const out: Causes = []
  const id = group === "" ? kind : `${kind}.${group}`
  const part = subresource === "" || old === undefined ? undefined : byPart[`${id}/${subresource}`]
  if (part !== undefined && old !== undefined) part(out, object, old)
  else if (subresource !== "status") byKind[id]?.(out, object, old)
  return out
}
