/** What the specification of a pod has to be, in pods and in the templates of workloads. */
import { jsonEquals } from "./json.js"
import { labelKeyProblems, labelValueProblems } from "./names.js"
import type { Json, JsonObject } from "./openapi.js"
import {
  duplicate,
  eachAt,
  entriesAt,
  forbid,
  goText,
  invalid,
  ip,
  keyProblems,
  labelKey,
  labels,
  labelSelector,
  listAt,
  maybeOneOf,
  missing,
  name,
  notFound,
  notNegative,
  notNegativeQuantity,
  numberAt,
  objectAt,
  oneOf,
  portNameProblems,
  portNumber,
  portNumberOrName,
  problems,
  protocols,
  quantityAt,
  range,
  textAt,
  unsupported,
  valueAt,
  type Causes
} from "./validationRules.js"

const fileMode = "must be a number between 0 and 0777 (octal), both inclusive"
const maxInt32 = 2147483647

const mode = (out: Causes, path: string, value: number | undefined): void => {
  if (value !== undefined && (value < 0 || value > 0o777)) invalid(out, path, value, fileMode)
}

const noBacksteps = (out: Causes, path: string, text: string): void => {
  if (text.split("/").includes("..")) invalid(out, path, text, "must not contain '..'")
}

const descending = (out: Causes, path: string, text: string): void => {
  if (text.startsWith("/")) invalid(out, path, text, "must be a relative path")
  noBacksteps(out, path, text)
}

const notReserved = (out: Causes, path: string, text: string): void => {
  descending(out, path, text)
  if (text.startsWith("..") && text.split("/")[0] !== "..") invalid(out, path, text, "must not start with '..'")
}

const keysToPaths = (out: Causes, path: string, source: JsonObject): void => {
  for (const [item, at] of eachAt(source, path, "items")) {
    if (textAt(item, "key") === "") missing(out, `${at}.key`)
    if (textAt(item, "path") === "") missing(out, `${at}.path`)
    notReserved(out, `${at}.path`, textAt(item, "path"))
    mode(out, `${at}.mode`, numberAt(item, "mode"))
  }
}

const sources: {
  readonly [name: string]: ((out: Causes, path: string, source: JsonObject) => void) | undefined
} = {
  emptyDir: (out, path, source) => {
    const limit = quantityAt(source["sizeLimit"])
    if (limit !== undefined && limit.nanos < 0n) {
      forbid(out, `${path}.sizeLimit`, "SizeLimit field must be a valid resource quantity")
    }
  },
  hostPath: (out, path, source) => {
    const text = textAt(source, "path")
    if (text === "") return missing(out, `${path}.path`)
    noBacksteps(out, `${path}.path`, text)
    const types = ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"]
    if (!types.includes(textAt(source, "type"))) {
      unsupported(out, `${path}.type`, textAt(source, "type"), types)
    }
  },
  secret: (out, path, source) => {
    if (textAt(source, "secretName") === "") missing(out, `${path}.secretName`)
    mode(out, `${path}.defaultMode`, numberAt(source, "defaultMode"))
    keysToPaths(out, path, source)
  },
  configMap: (out, path, source) => {
    if (textAt(source, "name") === "") missing(out, `${path}.name`)
    mode(out, `${path}.defaultMode`, numberAt(source, "defaultMode"))
    keysToPaths(out, path, source)
  },
  persistentVolumeClaim: (out, path, source) => {
    if (textAt(source, "claimName") === "") missing(out, `${path}.claimName`)
  },
  nfs: (out, path, source) => {
    if (textAt(source, "server") === "") missing(out, `${path}.server`)
    if (textAt(source, "path") === "") missing(out, `${path}.path`)
    if (!textAt(source, "path").startsWith("/")) {
      invalid(out, `${path}.path`, textAt(source, "path"), "must be an absolute path")
    }
  },
  csi: (out, path, source) => {
    if (textAt(source, "driver") === "") missing(out, `${path}.driver`)
  },
  downwardAPI: (out, path, source) => {
    mode(out, `${path}.defaultMode`, numberAt(source, "defaultMode"))
    for (const [item, at] of eachAt(source, path, "items")) downwardFile(out, at, item)
  },
  projected: (out, path, source) => {
    mode(out, `${path}.defaultMode`, numberAt(source, "defaultMode"))
    const paths = new Set<string>()
    const unique = (at: string, text: string): void => {
      if (text === "") return
      if (paths.has(text)) invalid(out, at, source, `conflicting duplicate paths`)
      else paths.add(text)
    }
    for (const [each, at] of eachAt(source, path, "sources")) {
      const kinds = Object.keys(each)
      for (const [index, kind] of kinds.entries()) {
        if (index > 0) forbid(out, at, "may not specify more than 1 volume type")
        const projection = objectAt(each, kind) ?? {}
        if (kind === "secret" || kind === "configMap") {
          if (textAt(projection, "name") === "") missing(out, `${at}.${kind}.name`)
          keysToPaths(out, `${at}.${kind}`, projection)
        }
        if (kind === "serviceAccountToken") {
          const seconds = numberAt(projection, "expirationSeconds") ?? 3600
          if (seconds < 600)
            invalid(
              out,
              `${at}.serviceAccountToken.expirationSeconds`,
              seconds,
              "may not specify a duration less than 10 minutes"
            )
          if (seconds > 2 ** 32)
            invalid(
              out,
              `${at}.serviceAccountToken.expirationSeconds`,
              seconds,
              "may not specify a duration larger than 2^32 seconds"
            )
          if (textAt(projection, "path") === "") missing(out, `${path}.path`)
          else unique(at, textAt(projection, "path"))
        }
        if (kind === "downwardAPI") {
          for (const [item, file] of eachAt(projection, `${at}.downwardAPI`, "items")) downwardFile(out, file, item)
        }
      }
      if (kinds.length === 0) missing(out, at, "must specify at least one source type")
    }
  }
}

const downwardFile = (out: Causes, path: string, file: JsonObject): void => {
  if (textAt(file, "path") === "") missing(out, `${path}.path`)
  notReserved(out, `${path}.path`, textAt(file, "path"))
  const [field, resource] = [objectAt(file, "fieldRef"), objectAt(file, "resourceFieldRef")]
  if (field !== undefined) {
    fieldReference(out, `${path}.fieldRef`, field, volumeFields)
    if (resource !== undefined) {
      invalid(out, path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
    }
  } else if (resource !== undefined) resourceReference(out, `${path}.resourceFieldRef`, resource, true)
  else missing(out, path, "one of fieldRef and resourceFieldRef is required")
  mode(out, `${path}.mode`, numberAt(file, "mode"))
}

const envFields = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs"
]
const volumeFields = ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"]
const knownFields = new Set([
  ...envFields,
  ...volumeFields,
  "spec.restartPolicy",
  "spec.schedulerName",
  "status.phase",
  "spec.host"
])
const subscripted = /^(.*)\['(.*)'\]$/

const fieldReference = (out: Causes, path: string, reference: JsonObject, supported: ReadonlyArray<string>): void => {
  const field = textAt(reference, "fieldPath")
  const version = textAt(reference, "apiVersion")
  if (version === "") return missing(out, `${path}.apiVersion`)
  if (field === "") return missing(out, `${path}.fieldPath`)
  const [, base, key] = subscripted.exec(field) ?? []
  if (version !== "v1") {
    return invalid(out, `${path}.fieldPath`, field, `error converting fieldPath: unsupported pod version: ${version}`)
  }
  if (base !== undefined && key !== undefined) {
    if (base === "metadata.labels") return problems(out, path, key, labelKeyProblems(key))
    if (base === "metadata.annotations")
      return problems(out, path, key.toLowerCase(), labelKeyProblems(key.toLowerCase()))
  }
  if (!knownFields.has(field)) {
    return invalid(
      out,
      `${path}.fieldPath`,
      field,
      `error converting fieldPath: ${base === undefined ? `field label not supported: ${field}` : `field label does not support subscript: ${field}`}`
    )
  }
  if (!supported.includes(field)) unsupported(out, `${path}.fieldPath`, field, supported)
}

const containerResources = [
  "limits.cpu",
  "limits.ephemeral-storage",
  "limits.memory",
  "requests.cpu",
  "requests.ephemeral-storage",
  "requests.memory"
]

const resourceReference = (out: Causes, path: string, reference: JsonObject, inVolume: boolean): void => {
  const [resource, container] = [textAt(reference, "resource"), textAt(reference, "containerName")]
  if (inVolume && container === "") missing(out, `${path}.containerName`)
  else if (resource === "") missing(out, `${path}.resource`)
  else if (!containerResources.includes(resource) && !/^(limits|requests)\.hugepages-/.test(resource)) {
    unsupported(out, `${path}.resource`, resource, containerResources)
  }
}

const volumes = (out: Causes, path: string, spec: JsonObject): ReadonlySet<string> => {
  const names = new Set<string>()
  for (const [volume, at] of eachAt(spec, path, "volumes")) {
    const found: Causes = []
    const kinds = Object.keys(volume).filter((key) => key !== "name")
    kinds.forEach((kind, index) => {
      if (index > 0) forbid(found, `${at}.${kind}`, "may not specify more than 1 volume type")
      else sources[kind]?.(found, `${at}.${kind}`, objectAt(volume, kind) ?? {})
    })
    if (kinds.length === 0) missing(found, at, "must specify a volume type")
    const volumeName = textAt(volume, "name")
    if (volumeName === "") missing(found, `${at}.name`)
    else name(found, `${at}.name`, volumeName, "label")
    if (names.has(volumeName)) duplicate(found, `${at}.name`, volumeName)
    if (found.length === 0) names.add(volumeName)
    out.push(...found)
  }
  return names
}

const ports = (out: Causes, path: string, container: JsonObject): void => {
  const names = new Set<string>()
  for (const [port, at] of eachAt(container, path, "ports")) {
    const portName = textAt(port, "name")
    if (portName !== "") {
      const found = portNameProblems(portName)
      problems(out, `${at}.name`, portName, found)
      if (found.length === 0 && names.has(portName)) duplicate(out, `${at}.name`, portName)
      else names.add(portName)
    }
    const number = numberAt(port, "containerPort") ?? 0
    if (number === 0) missing(out, `${at}.containerPort`)
    else portNumber(out, `${at}.containerPort`, number)
    const hostPort = numberAt(port, "hostPort") ?? 0
    if (hostPort !== 0) portNumber(out, `${at}.hostPort`, hostPort)
    oneOf(out, `${at}.protocol`, port["protocol"], protocols)
  }
}

const envNameProblems = (text: string): ReadonlyArray<string> =>
  /^[ -<>-~]+$/.test(text)
    ? []
    : [
        "a valid environment variable name must consist only of printable ASCII characters other than '=' (e.g. 'MY_ENV-NAME',  or 'my-env.name',  or 'MyEnvName1', regex used for validation is '[ -<>-~]+')"
      ]

const keyReference = (out: Causes, path: string, reference: JsonObject): void => {
  const [from, key] = [textAt(reference, "name"), textAt(reference, "key")]
  name(out, `${path}.name`, from, "subdomain")
  if (key === "") missing(out, `${path}.key`)
  else problems(out, `${path}.key`, key, keyProblems(key))
}

const env = (out: Causes, path: string, container: JsonObject): void => {
  for (const [variable, at] of eachAt(container, path, "env")) {
    const variableName = textAt(variable, "name")
    if (variableName === "") missing(out, `${at}.name`)
    else problems(out, `${at}.name`, variableName, envNameProblems(variableName))
    const from = objectAt(variable, "valueFrom")
    if (from === undefined) continue
    const of = (key: string): JsonObject | undefined => objectAt(from, key)
    const [field, resource, configMap, secret] = [
      of("fieldRef"),
      of("resourceFieldRef"),
      of("configMapKeyRef"),
      of("secretKeyRef")
    ]
    if (field !== undefined) fieldReference(out, `${at}.valueFrom.fieldRef`, field, envFields)
    if (resource !== undefined) resourceReference(out, `${at}.valueFrom.resourceFieldRef`, resource, false)
    if (configMap !== undefined) keyReference(out, `${at}.valueFrom.configMapKeyRef`, configMap)
    if (secret !== undefined) keyReference(out, `${at}.valueFrom.secretKeyRef`, secret)
    const count = Object.keys(from).length
    if (count === 0) {
      invalid(
        out,
        `${at}.valueFrom`,
        "",
        "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
      )
    } else if (textAt(variable, "value") !== "") {
      invalid(out, `${at}.valueFrom`, "", "may not be specified when `value` is not empty")
    } else if (count > 1) invalid(out, `${at}.valueFrom`, "", "may not have more than one field specified at a time")
  }
  for (const [source, at] of eachAt(container, path, "envFrom")) {
    const prefix = textAt(source, "prefix")
    if (prefix !== "") problems(out, `${at}.prefix`, prefix, envNameProblems(prefix))
    const references = ["configMapRef", "secretRef"].filter((key) => source[key] !== undefined)
    for (const key of references) {
      const from = textAt(source, key, "name")
      if (from === "") missing(out, `${at}.${key}.name`)
      else name(out, `${at}.${key}.name`, from, "subdomain")
    }
    if (references.length === 0) {
      invalid(out, `${path}.envFrom`, "", "must specify one of: `configMapRef` or `secretRef`")
    } else if (references.length > 1) {
      invalid(out, `${path}.envFrom`, "", "may not have more than one field specified at a time")
    }
  }
}

const mounts = (out: Causes, path: string, container: JsonObject, known: ReadonlySet<string>): void => {
  const paths = new Set<string>()
  for (const [mount, at] of eachAt(container, path, "volumeMounts")) {
    const [volume, mountPath] = [textAt(mount, "name"), textAt(mount, "mountPath")]
    if (volume === "") missing(out, `${at}.name`)
    if (!known.has(volume)) notFound(out, `${at}.name`, volume)
    if (mountPath === "") missing(out, `${at}.mountPath`)
    if (paths.has(mountPath)) invalid(out, `${at}.mountPath`, mountPath, "must be unique")
    paths.add(mountPath)
    const [subPath, expression] = [textAt(mount, "subPath"), textAt(mount, "subPathExpr")]
    if (subPath !== "") descending(out, `${path}.volumeMounts.subPath`, subPath)
    if (expression !== "") {
      if (subPath !== "") {
        invalid(out, `${at}.subPathExpr`, expression, "subPathExpr and subPath are mutually exclusive")
      }
      descending(out, `${path}.volumeMounts.subPathExpr`, expression)
    }
    const propagation = valueAt(mount, "mountPropagation")
    maybeOneOf(out, `${path}.volumeMounts.mountPropagation`, propagation, ["Bidirectional", "HostToContainer", "None"])
    if (propagation === "Bidirectional" && valueAt(container, "securityContext", "privileged") !== true) {
      forbid(
        out,
        `${path}.volumeMounts.mountPropagation`,
        "Bidirectional mount propagation is available only to privileged containers"
      )
    }
  }
}

const containerStandard = new Set(["cpu", "memory", "ephemeral-storage"])
const standard = new Set([
  ...containerStandard,
  "requests.cpu",
  "requests.memory",
  "requests.ephemeral-storage",
  "limits.cpu",
  "limits.memory",
  "limits.ephemeral-storage",
  "pods",
  "resourcequotas",
  "services",
  "replicationcontrollers",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "storage",
  "requests.storage",
  "services.nodeports",
  "services.loadbalancers"
])

/** What is wrong with the name of a resource. */
export const resourceName = (out: Causes, path: string, resource: string): boolean => {
  const found = labelKeyProblems(resource)
  problems(out, path, resource, found)
  if (found.length > 0) return false
  if (!resource.includes("/") && !standard.has(resource) && !resource.startsWith("hugepages-")) {
    invalid(out, path, resource, "must be a standard resource type or fully qualified")
    return false
  }
  return true
}

const integral =
  /^(pods|services|replicationcontrollers|resourcequotas|secrets|configmaps|persistentvolumeclaims|services\.nodeports|services\.loadbalancers)$|^(?!.*kubernetes\.io\/).+\//

export const resourceQuantity = (out: Causes, path: string, resource: string, value: Json): void => {
  notNegativeQuantity(out, path, value)
  const quantity = quantityAt(value)
  if (integral.test(resource) && quantity !== undefined && quantity.nanos % 1_000_000_000n !== 0n) {
    invalid(out, path, value, "must be an integer")
  }
}

const overcommits = (resource: string): boolean =>
  (!resource.includes("/") || resource.startsWith("kubernetes.io/")) && !resource.startsWith("hugepages-")

const containerResource = (out: Causes, path: string, resource: string): void => {
  resourceName(out, path, resource)
  if (!resource.includes("/")) {
    if (!containerStandard.has(resource) && !resource.startsWith("hugepages-")) {
      invalid(out, path, resource, "must be a standard resource for containers")
    }
  } else if (
    !resource.includes("kubernetes.io/") &&
    (resource.startsWith("requests.") || labelKeyProblems(`requests.${resource}`).length > 0)
  ) {
    invalid(out, path, resource, "doesn't follow extended resource name standard")
  }
}

const resources = (out: Causes, path: string, container: JsonObject): void => {
  const limits = objectAt(container, "resources", "limits") ?? {}
  const at = `${path}.resources`
  for (const [resource, value] of entriesAt(limits)) {
    containerResource(out, `${at}.limits[${resource}]`, resource)
    resourceQuantity(out, `${at}.limits[${resource}]`, resource, value)
  }
  for (const [resource, value] of entriesAt(container, "resources", "requests")) {
    containerResource(out, `${at}.requests[${resource}]`, resource)
    resourceQuantity(out, `${at}.requests[${resource}]`, resource, value)
    const [asked, most] = [quantityAt(value), quantityAt(limits[resource])]
    if (most !== undefined && asked !== undefined) {
      if (asked.nanos !== most.nanos && !overcommits(resource)) {
        invalid(out, `${at}.requests`, value, `must be equal to ${resource} limit of ${String(limits[resource])}`)
      } else if (asked.nanos > most.nanos) {
        invalid(
          out,
          `${at}.requests`,
          value,
          `must be less than or equal to ${resource} limit of ${String(limits[resource])}`
        )
      }
    } else if (!overcommits(resource)) {
      missing(out, `${at}.limits`, "Limit must be set for non overcommitable resources")
    }
  }
}

const securityContext = (out: Causes, path: string, context: JsonObject | undefined): void => {
  if (context === undefined) return
  identities(out, path, context)
  maybeOneOf(out, `${path}.procMount`, valueAt(context, "procMount"), ["Default", "Unmasked"])
  seccomp(out, path, context)
  const escalates = valueAt(context, "allowPrivilegeEscalation")
  if (escalates === false) {
    if (valueAt(context, "privileged") === true) {
      invalid(out, path, context, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true")
    }
    if (listAt(context, "capabilities", "add").includes("CAP_SYS_ADMIN")) {
      invalid(out, path, context, "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN")
    }
  }
}

const identities = (out: Causes, path: string, context: JsonObject): void => {
  for (const key of ["runAsUser", "runAsGroup", "fsGroup"]) {
    const id = numberAt(context, key)
    if (id !== undefined && (id < 0 || id > maxInt32)) invalid(out, `${path}.${key}`, id, range(0, maxInt32))
  }
}

const seccomp = (out: Causes, path: string, context: JsonObject): void => {
  const profile = objectAt(context, "seccompProfile")
  if (profile === undefined) return
  const [type, local] = [textAt(profile, "type"), valueAt(profile, "localhostProfile")]
  const at = `${path}.seccompProfile`
  if (type === "Localhost") {
    if (local === undefined) missing(out, `${at}.localhostProfile`, "must be set when seccomp type is Localhost")
    else descending(out, `${at}.localhostProfile`, String(local))
  } else {
    if (local !== undefined) {
      invalid(out, `${at}.localhostProfile`, local, "can only be set when seccomp type is Localhost")
    }
    if (type === "") missing(out, `${at}.type`, "type is required when seccompProfile is set")
    else if (type !== "RuntimeDefault" && type !== "Unconfined") {
      unsupported(out, `${at}.type`, type, ["Localhost", "RuntimeDefault", "Unconfined"])
    }
  }
}

const handler = (out: Causes, path: string, action: JsonObject, grace: number): void => {
  let count = 0
  for (const kind of ["exec", "httpGet", "tcpSocket", "grpc", "sleep"]) {
    const one = objectAt(action, kind)
    if (one === undefined) continue
    const at = `${path}.${kind}`
    if (count++ > 0) {
      forbid(out, at, "may not specify more than 1 handler type")
      continue
    }
    if (kind === "exec" && listAt(one, "command").length === 0) missing(out, `${at}.command`)
    if (kind === "httpGet") {
      if (textAt(one, "path") === "") missing(out, `${at}.path`)
      portNumberOrName(out, `${at}.port`, one["port"])
      if (!["HTTP", "HTTPS"].includes(textAt(one, "scheme"))) {
        unsupported(out, `${at}.scheme`, textAt(one, "scheme"), ["HTTP", "HTTPS"])
      }
      for (const header of listAt(one, "httpHeaders")) {
        const headerName = textAt(header, "name")
        if (!/^[-A-Za-z0-9]+$/.test(headerName)) {
          invalid(
            out,
            `${at}.httpHeaders`,
            headerName,
            "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"
          )
        }
      }
    }
    if (kind === "tcpSocket") portNumberOrName(out, `${at}.port`, one["port"])
    if (kind === "grpc") portNumberOrName(out, `${at}.port`, one["port"])
    if (kind === "sleep") {
      const seconds = numberAt(one, "seconds") ?? 0
      if (seconds < 0 || seconds > grace) {
        invalid(out, at, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${grace})`)
      }
    }
  }
  if (count === 0) missing(out, path, "must specify a handler type")
}

const probeNumbers = ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]

const probe = (out: Causes, path: string, container: JsonObject, kind: string, grace: number): void => {
  const given = objectAt(container, kind)
  if (given === undefined) return
  const at = `${path}.${kind}`
  handler(out, at, given, grace)
  for (const key of probeNumbers) notNegative(out, `${at}.${key}`, numberAt(given, key))
  const termination = numberAt(given, "terminationGracePeriodSeconds")
  if (termination !== undefined && termination <= 0) {
    invalid(out, `${at}.terminationGracePeriodSeconds`, termination, "must be greater than 0")
  }
  if (kind === "readinessProbe") {
    if (termination !== undefined) {
      invalid(out, `${at}.terminationGracePeriodSeconds`, termination, "must not be set for readinessProbes")
    }
  } else if (numberAt(given, "successThreshold") !== 1) {
    invalid(out, `${at}.successThreshold`, numberAt(given, "successThreshold") ?? 0, "must be 1")
  }
}

const lifecycle = (out: Causes, path: string, container: JsonObject, grace: number): void => {
  for (const kind of ["postStart", "preStop"]) {
    const given = objectAt(container, "lifecycle", kind)
    if (given !== undefined) handler(out, `${path}.lifecycle.${kind}`, given, grace)
  }
}

const pullPolicies = ["Always", "IfNotPresent", "Never"]

const container = (out: Causes, path: string, given: JsonObject, known: ReadonlySet<string>): void => {
  const containerName = textAt(given, "name")
  if (containerName === "") missing(out, `${path}.name`)
  else name(out, `${path}.name`, containerName, "label")
  if (textAt(given, "image") === "") missing(out, `${path}.image`)
  oneOf(out, `${path}.terminationMessagePolicy`, given["terminationMessagePolicy"], ["File", "FallbackToLogsOnError"])
  ports(out, path, given)
  env(out, path, given)
  mounts(out, path, given, known)
  oneOf(out, `${path}.imagePullPolicy`, given["imagePullPolicy"], pullPolicies)
  resources(out, path, given)
  securityContext(out, `${path}.securityContext`, objectAt(given, "securityContext"))
}

const hostPortConflicts = (
  out: Causes,
  path: string,
  containers: ReadonlyArray<readonly [JsonObject, string]>
): void => {
  const taken = new Set<string>()
  void path
  for (const [given, at] of containers) {
    for (const [port, where] of eachAt(given, at, "ports")) {
      const number = numberAt(port, "hostPort") ?? 0
      if (number === 0) continue
      const key = `${textAt(port, "protocol")}/${textAt(port, "hostIP")}/${number}`
      if (taken.has(key)) duplicate(out, `${where}.hostPort`, key)
      else taken.add(key)
    }
  }
}

const sidecarOnly = "may not be set for init containers without restartPolicy=Always"

const containers = (out: Causes, path: string, spec: JsonObject, known: ReadonlySet<string>, grace: number): void => {
  const names = new Set<string>()
  const given = eachAt(spec, path, "containers")
  if (given.length === 0) missing(out, `${path}.containers`)
  for (const [each, at] of given) {
    container(out, at, each, known)
    const containerName = textAt(each, "name")
    if (names.has(containerName)) duplicate(out, `${at}.name`, containerName)
    names.add(containerName)
    lifecycle(out, at, each, grace)
    for (const kind of ["livenessProbe", "readinessProbe", "startupProbe"]) probe(out, at, each, kind, grace)
    const policy = valueAt(each, "restartPolicy")
    maybeOneOf(out, `${at}.restartPolicy`, policy, ["Always", "Never", "OnFailure"])
  }
  hostPortConflicts(out, path, given)
  for (const [each, at] of eachAt(spec, path, "initContainers")) {
    container(out, at, each, known)
    const sidecar = each["restartPolicy"] === "Always"
    maybeOneOf(out, `${at}.restartPolicy`, valueAt(each, "restartPolicy"), ["Always", "Never", "OnFailure"])
    const containerName = textAt(each, "name")
    if (names.has(containerName)) duplicate(out, `${at}.name`, containerName)
    else if (containerName !== "") names.add(containerName)
    if (sidecar) {
      lifecycle(out, at, each, grace)
      for (const kind of ["livenessProbe", "readinessProbe", "startupProbe"]) probe(out, at, each, kind, grace)
    } else {
      for (const kind of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"]) {
        if (each[kind] !== undefined) forbid(out, `${at}.${kind}`, sidecarOnly)
      }
    }
  }
}

const hostNetwork = (out: Causes, path: string, spec: JsonObject): void => {
  if (spec["hostNetwork"] !== true) return
  for (const list of ["containers", "initContainers"]) {
    for (const [each, at] of eachAt(spec, path, list)) {
      for (const [port, where] of eachAt(each, at, "ports")) {
        const [own, host] = [numberAt(port, "containerPort") ?? 0, numberAt(port, "hostPort") ?? 0]
        if (own !== host)
          invalid(out, `${where}.hostPort`, host, "must match `containerPort` when `hostNetwork` is true")
      }
    }
  }
}

const effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"]

const tolerations = (out: Causes, path: string, spec: JsonObject): void => {
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

const nodeSelectorRequirement = (out: Causes, at: string, requirement: JsonObject): void => {
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
  values.forEach((value, index) => problems(out, `${at}.values[${index}]`, value, labelValueProblems(String(value))))
}

const affinityTerm = (out: Causes, at: string, term: JsonObject): void => {
  labelSelector(out, `${at}.labelSelector`, objectAt(term, "labelSelector"))
  labelSelector(out, `${at}.namespaceSelector`, objectAt(term, "namespaceSelector"))
  for (const namespace of listAt(term, "namespaces")) name(out, `${at}.namespace`, String(namespace), "label")
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
  const at = `${path}.affinity`
  const hard = "requiredDuringSchedulingIgnoredDuringExecution"
  const soft = "preferredDuringSchedulingIgnoredDuringExecution"
  const nodes = objectAt(given, "nodeAffinity")
  const node = objectAt(nodes, hard)
  if (node !== undefined) {
    const where = `${at}.nodeAffinity.${hard}`
    const terms = eachAt(node, where, "nodeSelectorTerms")
    if (terms.length === 0) missing(out, `${where}.nodeSelectorTerms`, "must have at least one node selector term")
    for (const [term, place] of terms) {
      for (const [each, inner] of eachAt(term, place, "matchExpressions")) nodeSelectorRequirement(out, inner, each)
    }
  }
  for (const [term, place] of eachAt(nodes, `${at}.nodeAffinity`, soft)) {
    const value = numberAt(term, "weight") ?? 0
    if (value <= 0 || value > 100) invalid(out, `${place}.weight`, value, "must be in the range 1-100")
    for (const [each, inner] of eachAt(objectAt(term, "preference"), `${place}.preference`, "matchExpressions")) {
      nodeSelectorRequirement(out, inner, each)
    }
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
    labelSelector(out, `${at}.labelSelector`, objectAt(constraint, "labelSelector"))
  })
}

/** What is wrong with the specification of a pod at the path. */
export const podSpec = (out: Causes, path: string, spec: JsonObject): void => {
  const grace = numberAt(spec, "terminationGracePeriodSeconds")
  const known = volumes(out, path, spec)
  containers(out, path, spec, known, grace ?? 0)
  hostNetwork(out, path, spec)
  oneOf(out, `${path}.restartPolicy`, spec["restartPolicy"], ["Always", "OnFailure", "Never"])
  oneOf(out, `${path}.dnsPolicy`, spec["dnsPolicy"], ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"])
  labels(out, `${path}.nodeSelector`, spec["nodeSelector"])
  const context = objectAt(spec, "securityContext") ?? {}
  identities(out, `${path}.securityContext`, context)
  seccomp(out, `${path}.securityContext`, context)
  affinity(out, path, spec)
  if (spec["dnsPolicy"] === "None" && listAt(spec, "dnsConfig", "nameservers").length === 0) {
    missing(
      out,
      spec["dnsConfig"] === undefined ? `${path}.dnsConfig` : `${path}.dnsConfig.nameservers`,
      spec["dnsConfig"] === undefined
        ? "must provide `dnsConfig` when `dnsPolicy` is None"
        : "must provide at least one DNS nameserver when `dnsPolicy` is None"
    )
  }
  spreads(out, path, spec)
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
  maybeOneOf(out, `${path}.preemptionPolicy`, valueAt(spec, "preemptionPolicy"), ["Never", "PreemptLowerPriority"])
}

/** What is wrong with the template of a workload. */
export const podTemplate = (out: Causes, path: string, template: JsonObject): void => {
  labels(out, `${path}.labels`, valueAt(template, "metadata", "labels"))
  for (const [key] of entriesAt(template, "metadata", "annotations")) {
    problems(out, `${path}.annotations`, key, labelKeyProblems(key.toLowerCase()))
  }
  podSpec(out, `${path}.spec`, objectAt(template, "spec") ?? {})
}

const updatable = [
  "`spec.containers[*].image`",
  "`spec.initContainers[*].image`",
  "`spec.activeDeadlineSeconds`",
  "`spec.tolerations` (only additions to existing tolerations)",
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
]

/** What a pod keeps while it lives; the API server shows the difference behind the message. */
export const podUpdate = (out: Causes, spec: JsonObject, old: JsonObject): void => {
  for (const list of ["containers", "initContainers"]) {
    const [now, before] = [eachAt(spec, "spec", list), listAt(old, list)]
    if (now.length !== before.length) {
      forbid(out, `spec.${list}`, "pod updates may not add or remove containers")
      return
    }
    for (const [each, at] of now) {
      const image = textAt(each, "image")
      if (image.trim() === "" && image !== "")
        invalid(out, `${at}.image`, image, "must not have leading or trailing whitespace")
    }
  }
  const [deadline, oldDeadline] = [numberAt(spec, "activeDeadlineSeconds"), numberAt(old, "activeDeadlineSeconds")]
  if (deadline !== undefined && oldDeadline !== undefined && oldDeadline < deadline) {
    return invalid(out, "spec.activeDeadlineSeconds", deadline, "must be less than or equal to previous value")
  }
  if (deadline === undefined && oldDeadline !== undefined) {
    invalid(out, "spec.activeDeadlineSeconds", null, "must not update from a positive integer to nil value")
  }
  const tolerated = listAt(spec, "tolerations")
  for (const each of listAt(old, "tolerations")) {
    const { tolerationSeconds: _seconds, ...rest } = objectOf(each)
    if (
      !tolerated.some((other) => {
        const { tolerationSeconds: _other, ...same } = objectOf(other)
        return jsonEquals(same, rest)
      })
    ) {
      forbid(out, "spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")
      break
    }
  }
  const gated = listAt(old, "schedulingGates").length > 0
  const settled = (given: JsonObject): JsonObject => {
    const {
      activeDeadlineSeconds: _deadline,
      nodeSelector,
      schedulingGates: _gates,
      tolerations: _tolerations,
      ...rest
    } = given
    const images = (key: string): JsonObject =>
      rest[key] === undefined ? {} : { [key]: listAt(rest, key).map((each) => ({ ...objectOf(each), image: "" })) }
    return {
      ...rest,
      ...(gated || nodeSelector === undefined ? {} : { nodeSelector }),
      ...images("containers"),
      ...images("initContainers")
    }
  }
  if (!jsonEquals(settled(spec), settled(old))) {
    forbid(out, "spec", `pod updates may not change fields other than ${updatable.join(",")}\n${difference(old, spec)}`)
  }
}

const objectOf = (value: Json): JsonObject => objectAt(value) ?? {}

/** Which fields differ. The API server prints its internal Go structs here; their paths are what helps. */
const difference = (old: JsonObject, now: JsonObject): string =>
  [...new Set([...Object.keys(old), ...Object.keys(now)])]
    .toSorted()
    .filter((key) => !jsonEquals(old[key], now[key]))
    .flatMap((key) => [`- ${key}: ${goText(old[key] ?? null)}`, `+ ${key}: ${goText(now[key] ?? null)}`])
    .join("\n")
