/** What the containers of a pod have to be: the ones that run, the ones that begin, and the ones that come later. */
import type { JsonObject } from "../openapi.js"
import { structText } from "../structs.js"
import { envFields, fieldReference, resourceReference } from "./references.js"
import { containerResources } from "./resources.js"
import {
  duplicate,
  eachAt,
  forbid,
  invalid,
  invalidText,
  keyProblems,
  listAt,
  maybeOneOf,
  missing,
  name,
  notFound,
  notNegative,
  numericId,
  numberAt,
  objectAt,
  oneOf,
  portNameProblems,
  portNumber,
  portNumberOrName,
  problems,
  protocols,
  textAt,
  tooLong,
  unsupported,
  valueAt,
  type Causes
} from "./rules.js"
import { descending, noBacksteps } from "./volumes.js"

/** What of its pod a container has to fit to. */
export interface Surroundings {
  readonly volumes: ReadonlyMap<string, JsonObject>
  readonly claims: ReadonlySet<string>
  readonly grace: number | undefined
  readonly restartPolicy: string
  readonly hostUsers: boolean
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
    : ["a valid environment variable name must consist only of printable ASCII characters other than '='"]

const keyReference = (out: Causes, path: string, reference: JsonObject): void => {
  const [from, key] = [textAt(reference, "name"), textAt(reference, "key")]
  name(out, `${path}.name`, from, "subdomain")
  if (key === "") missing(out, `${path}.key`)
  else problems(out, `${path}.key`, key, keyProblems(key))
}

const fileReference = (out: Causes, path: string, reference: JsonObject): void => {
  const [key, volume, file] = [textAt(reference, "key"), textAt(reference, "volumeName"), textAt(reference, "path")]
  if (key === "") missing(out, `${path}.key`)
  else problems(out, `${path}.key`, key, envNameProblems(key))
  if (volume === "") missing(out, `${path}.volumeName`)
  else name(out, `${path}.volumeName`, volume, "label")
  if (file === "") missing(out, `${path}.path`)
  else noBacksteps(out, `${path}.path`, file)
}

/** What the value of a variable may come from, in the order in which the API server looks. */
const valueSources: ReadonlyArray<
  readonly [kind: string, rule: (out: Causes, path: string, source: JsonObject) => void]
> = [
  ["fieldRef", (out, path, source) => fieldReference(out, path, source, envFields)],
  ["resourceFieldRef", (out, path, source) => resourceReference(out, path, source, false)],
  ["configMapKeyRef", keyReference],
  ["secretKeyRef", keyReference],
  ["fileKeyRef", fileReference]
]

const valueFrom = (out: Causes, path: string, from: JsonObject, value: string): void => {
  let count = 0
  for (const [kind, rule] of valueSources) {
    const source = objectAt(from, kind)
    if (source === undefined) continue
    count++
    rule(out, `${path}.${kind}`, source)
  }
  if (count === 0) {
    const kinds = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
    invalid(out, path, "", `must specify one of: ${kinds}`)
  } else if (value !== "") invalid(out, path, "", "may not be specified when `value` is not empty")
  else if (count > 1) invalid(out, path, "", "may not have more than one field specified at a time")
}

const env = (out: Causes, path: string, container: JsonObject): void => {
  for (const [variable, at] of eachAt(container, path, "env")) {
    const variableName = textAt(variable, "name")
    if (variableName === "") missing(out, `${at}.name`)
    else problems(out, `${at}.name`, variableName, envNameProblems(variableName))
    const from = objectAt(variable, "valueFrom")
    if (from !== undefined) valueFrom(out, `${at}.valueFrom`, from, textAt(variable, "value"))
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

const mountsAndDevices = (out: Causes, path: string, container: JsonObject, volumes: Surroundings["volumes"]): void => {
  const [mounts, devices] = [eachAt(container, path, "volumeMounts"), eachAt(container, path, "volumeDevices")]
  if (mounts.length === 0 && devices.length === 0) return
  const all = `${path}.volumeMounts`
  const paths = new Set<string>()
  const has = (list: typeof mounts, key: string, text: string): boolean =>
    list.some(([each]) => textAt(each, key) === text)
  for (const [mount, at] of mounts) {
    const [volume, mountPath] = [textAt(mount, "name"), textAt(mount, "mountPath")]
    if (volume === "") missing(out, `${at}.name`)
    if (!volumes.has(volume)) notFound(out, `${at}.name`, volume)
    if (mountPath === "") missing(out, `${at}.mountPath`)
    if (paths.has(mountPath)) invalid(out, `${at}.mountPath`, mountPath, "must be unique")
    paths.add(mountPath)
    if (has(devices, "name", volume)) invalid(out, `${at}.name`, volume, "must not already exist in volumeDevices")
    if (has(devices, "devicePath", mountPath)) {
      invalid(out, `${at}.mountPath`, mountPath, "must not already exist as a path in volumeDevices")
    }
    const [subPath, expression] = [textAt(mount, "subPath"), textAt(mount, "subPathExpr")]
    if (subPath !== "") descending(out, `${all}.subPath`, subPath)
    if (expression !== "") {
      if (subPath !== "") {
        invalid(out, `${at}.subPathExpr`, expression, "subPathExpr and subPath are mutually exclusive")
      }
      descending(out, `${all}.subPathExpr`, expression)
    }
    const propagation = valueAt(mount, "mountPropagation")
    maybeOneOf(out, `${all}.mountPropagation`, propagation, ["Bidirectional", "HostToContainer", "None"])
    if (propagation === "Bidirectional" && valueAt(container, "securityContext", "privileged") !== true) {
      const why = "Bidirectional mount propagation is available only to privileged containers"
      forbid(out, `${all}.mountPropagation`, why)
    }
    const recursive = valueAt(mount, "recursiveReadOnly")
    if (recursive === "Enabled" || recursive === "IfPossible") {
      const where = `${all}.recursiveReadOnly`
      if (mount["readOnly"] !== true) forbid(out, where, "may only be specified when readOnly is true")
      if (propagation !== undefined && propagation !== "None") {
        forbid(out, where, "may only be specified when mountPropagation is None or not specified")
      }
    } else maybeOneOf(out, `${all}.recursiveReadOnly`, recursive, ["Disabled", "Enabled", "IfPossible"])
  }
  const [names, devicePaths] = [new Set<string>(), new Set<string>()]
  for (const [device, at] of devices) {
    const [volume, devicePath] = [textAt(device, "name"), textAt(device, "devicePath")]
    const source = volumes.get(volume)
    if (volume === "") missing(out, `${at}.name`)
    if (names.has(volume)) invalid(out, `${at}.name`, volume, "must be unique")
    if (source === undefined) notFound(out, `${at}.name`, volume)
    else if (source["persistentVolumeClaim"] === undefined && source["ephemeral"] === undefined) {
      const why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
      invalid(out, `${at}.name`, volume, why)
    }
    if (devicePath === "") missing(out, `${at}.devicePath`)
    if (devicePaths.has(devicePath)) invalid(out, `${at}.devicePath`, devicePath, "must be unique")
    if (devicePath.split("/").includes("..")) {
      invalid(out, `${at}.devicePath`, devicePath, "can not contain backsteps ('..')")
    } else devicePaths.add(devicePath)
    if (has(mounts, "name", volume)) invalid(out, `${at}.name`, volume, "must not already exist in volumeMounts")
    if (has(mounts, "mountPath", devicePath)) {
      invalid(out, `${at}.devicePath`, devicePath, "must not already exist as a path in volumeMounts")
    }
    if (volume !== "") names.add(volume)
  }
}

const resizePolicies = (out: Causes, path: string, container: JsonObject, restartPolicy: string): void => {
  const seen = new Set<string>()
  const at = `${path}.resizePolicy`
  for (const [policy, where] of eachAt(container, path, "resizePolicy")) {
    const resource = textAt(policy, "resourceName")
    if (seen.has(resource)) duplicate(out, where, resource)
    seen.add(resource)
    oneOf(out, at, policy["resourceName"], ["cpu", "memory"])
    oneOf(out, at, policy["restartPolicy"], ["NotRequired", "RestartContainer"])
    if (restartPolicy === "Never" && policy["restartPolicy"] !== "NotRequired") {
      invalid(out, at, textAt(policy, "restartPolicy"), "must be 'NotRequired' when `restartPolicy` is 'Never'")
    }
  }
}

export const seccomp = (out: Causes, path: string, context: JsonObject): void => {
  const profile = objectAt(context, "seccompProfile")
  if (profile === undefined) return
  const [type, local] = [textAt(profile, "type"), valueAt(profile, "localhostProfile")]
  const at = `${path}.seccompProfile`
  if (type === "") missing(out, `${at}.type`, "type is required when seccompProfile is set")
  else maybeOneOf(out, `${at}.type`, type, ["Localhost", "RuntimeDefault", "Unconfined"])
  if (type === "Localhost") {
    if (local === undefined) missing(out, `${at}.localhostProfile`, "must be set when seccomp type is Localhost")
    else descending(out, `${at}.localhostProfile`, String(local))
  } else if (local !== undefined) {
    const why = "can only be set when seccomp type is Localhost"
    invalidText(out, `${at}.localhostProfile`, structText("core.SeccompProfile", profile), why)
  }
}

export const appArmor = (out: Causes, path: string, context: JsonObject): void => {
  const profile = objectAt(context, "appArmorProfile")
  if (profile === undefined) return
  const [type, local] = [textAt(profile, "type"), valueAt(profile, "localhostProfile")]
  const at = `${path}.appArmorProfile`
  if (type === "Localhost") {
    const text = String(local ?? "")
    if (text.trim() !== text) {
      invalid(out, `${at}.localhostProfile`, text, "must not be padded with whitespace")
    } else if (text === "") missing(out, `${at}.localhostProfile`, "must be set when AppArmor type is Localhost")
    if (Buffer.byteLength(text) > 4095) tooLong(out, `${at}.localhostProfile`, 4095)
  } else if (type === "RuntimeDefault" || type === "Unconfined") {
    if (local !== undefined) {
      invalid(out, `${at}.localhostProfile`, local, "can only be set when AppArmor type is Localhost")
    }
  } else if (type === "") missing(out, `${at}.type`, "type is required when appArmorProfile is set")
  else unsupported(out, `${at}.type`, type, ["Localhost", "RuntimeDefault", "Unconfined"])
}

const securityContext = (out: Causes, path: string, context: JsonObject | undefined, hostUsers: boolean): void => {
  if (context === undefined) return
  numericId(out, `${path}.runAsUser`, numberAt(context, "runAsUser"))
  numericId(out, `${path}.runAsGroup`, numberAt(context, "runAsGroup"))
  const mount = valueAt(context, "procMount")
  maybeOneOf(out, `${path}.procMount`, mount, ["Default", "Unmasked"])
  if (hostUsers && mount === "Unmasked") {
    invalid(out, `${path}.procMount`, mount, "`hostUsers` must be false to use `Unmasked`")
  }
  seccomp(out, path, context)
  if (valueAt(context, "allowPrivilegeEscalation") === false) {
    const refuse = (why: string): void =>
      invalidText(
        out,
        path,
        structText("core.SecurityContext", context),
        `cannot set \`allowPrivilegeEscalation\` to false and ${why}`
      )
    if (valueAt(context, "privileged") === true) refuse("`privileged` to true")
    for (const capability of listAt(context, "capabilities", "add")) {
      if (capability === "CAP_SYS_ADMIN") refuse("`capabilities.Add` CAP_SYS_ADMIN")
    }
  }
  appArmor(out, path, context)
}

/** What a probe or a hook does, by kind. */
const actions: ReadonlyArray<
  readonly [kind: string, rule: (out: Causes, path: string, action: JsonObject, grace: number | undefined) => void]
> = [
  [
    "exec",
    (out, path, action) => {
      if (listAt(action, "command").length === 0) missing(out, `${path}.command`)
    }
  ],
  [
    "httpGet",
    (out, path, action) => {
      if (textAt(action, "path") === "") missing(out, `${path}.path`)
      portNumberOrName(out, `${path}.port`, action["port"])
      const [scheme, schemes] = [textAt(action, "scheme"), ["HTTP", "HTTPS"]]
      if (!schemes.includes(scheme)) unsupported(out, `${path}.scheme`, scheme, schemes)
      for (const header of listAt(action, "httpHeaders")) {
        const headerName = textAt(header, "name")
        if (!/^[-A-Za-z0-9]+$/.test(headerName)) {
          invalid(
            out,
            `${path}.httpHeaders`,
            headerName,
            "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"
          )
        }
      }
    }
  ],
  ["tcpSocket", (out, path, action) => portNumberOrName(out, `${path}.port`, action["port"])],
  ["grpc", (out, path, action) => portNumberOrName(out, `${path}.port`, action["port"])],
  [
    "sleep",
    (out, path, action, grace) => {
      const seconds = numberAt(action, "seconds") ?? 0
      if (grace !== undefined && (seconds < 0 || seconds > grace)) {
        const why = `must be non-negative and less than terminationGracePeriodSeconds (${grace})`
        invalid(out, path, seconds, why)
      }
    }
  ]
]

const handler = (out: Causes, path: string, given: JsonObject, grace: number | undefined): void => {
  let count = 0
  for (const [kind, rule] of actions) {
    const action = objectAt(given, kind)
    if (action === undefined) continue
    if (count++ > 0) forbid(out, `${path}.${kind}`, "may not specify more than 1 handler type")
    else rule(out, `${path}.${kind}`, action, grace)
  }
  if (count === 0) missing(out, path, "must specify a handler type")
}

const probeNumbers = ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]

const probe = (out: Causes, path: string, container: JsonObject, kind: string, grace: number | undefined): void => {
  const given = objectAt(container, kind)
  if (given === undefined) return
  const at = `${path}.${kind}`
  handler(out, at, given, grace)
  for (const key of probeNumbers) notNegative(out, `${at}.${key}`, numberAt(given, key))
  const termination = numberAt(given, "terminationGracePeriodSeconds")
  const where = `${at}.terminationGracePeriodSeconds`
  if (termination !== undefined && termination <= 0) invalid(out, where, termination, "must be greater than 0")
  if (kind === "readinessProbe") {
    if (termination !== undefined) invalid(out, where, termination, "must not be set for readinessProbes")
  } else if (numberAt(given, "successThreshold") !== 1) {
    invalid(out, `${at}.successThreshold`, numberAt(given, "successThreshold") ?? 0, "must be 1")
  }
}

const lifecycle = (out: Causes, path: string, container: JsonObject, { grace }: Surroundings): void => {
  const given = objectAt(container, "lifecycle")
  if (given === undefined) return
  const at = `${path}.lifecycle`
  for (const kind of ["postStart", "preStop"]) {
    const hook = objectAt(given, kind)
    if (hook !== undefined) handler(out, `${at}.${kind}`, hook, grace)
  }
}

/** What holds for all containers. */
const container = (out: Causes, path: string, given: JsonObject, of: Surroundings): void => {
  const containerName = textAt(given, "name")
  if (containerName === "") missing(out, `${path}.name`)
  else name(out, `${path}.name`, containerName, "label")
  if (textAt(given, "image") === "") missing(out, `${path}.image`)
  oneOf(out, `${path}.terminationMessagePolicy`, given["terminationMessagePolicy"], ["File", "FallbackToLogsOnError"])
  ports(out, path, given)
  env(out, path, given)
  mountsAndDevices(out, path, given, of.volumes)
  oneOf(out, `${path}.imagePullPolicy`, given["imagePullPolicy"], ["Always", "IfNotPresent", "Never"])
  const resources = objectAt(given, "resources")
  if (resources !== undefined) containerResources(out, `${path}.resources`, resources, of.claims)
  resizePolicies(out, path, given, of.restartPolicy)
  securityContext(out, `${path}.securityContext`, objectAt(given, "securityContext"), of.hostUsers)
}

const restartPolicy = (out: Causes, path: string, given: JsonObject): void => {
  const policy = valueAt(given, "restartPolicy")
  const all = eachAt(given, path, "restartPolicyRules")
  if (policy === undefined) {
    if (all.length === 0) return
    missing(out, `${path}.restartPolicy`, "must specify restartPolicy when restart rules are used")
  } else maybeOneOf(out, `${path}.restartPolicy`, policy, ["Always", "Never", "OnFailure"])
  if (all.length > 20) tooLong(out, `${path}.restartPolicyRules`, 20)
  for (const [rule, at] of all) {
    if (rule["action"] !== "Restart") unsupported(out, `${at}.action`, textAt(rule, "action"), ["Restart"])
    const codes = objectAt(rule, "exitCodes")
    if (codes === undefined) missing(out, `${at}.exitCodes`, "must be specified")
    else {
      maybeOneOf(out, `${at}.exitCodes.operator`, textAt(codes, "operator"), ["In", "NotIn"])
      if (listAt(codes, "values").length > 255) tooLong(out, `${at}.exitCodes.values`, 255)
    }
  }
}

const hostPorts = (out: Causes, containers: ReadonlyArray<readonly [JsonObject, string]>): void => {
  const taken = new Set<string>()
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

const probes = ["livenessProbe", "readinessProbe", "startupProbe"]

const hooksAndProbes = (out: Causes, at: string, given: JsonObject, of: Surroundings): void => {
  lifecycle(out, at, given, of)
  for (const kind of probes) probe(out, at, given, kind, of.grace)
}

const running = (out: Causes, path: string, spec: JsonObject, of: Surroundings): void => {
  const given = eachAt(spec, path, "containers")
  if (given.length === 0) return missing(out, `${path}.containers`)
  const names = new Set<string>()
  for (const [each, at] of given) {
    container(out, at, each, of)
    const containerName = textAt(each, "name")
    if (names.has(containerName)) duplicate(out, `${at}.name`, containerName)
    names.add(containerName)
    hooksAndProbes(out, at, each, of)
    restartPolicy(out, at, each)
  }
  hostPorts(out, given)
}

const sidecarOnly = "may not be set for init containers without restartPolicy=Always"

const beginning = (out: Causes, path: string, spec: JsonObject, of: Surroundings): void => {
  const given = eachAt(spec, path, "initContainers")
  if (given.length === 0) return
  const names = new Set(listAt(spec, "containers").map((each) => textAt(each, "name")))
  for (const [each, at] of given) {
    container(out, at, each, of)
    const policy = valueAt(each, "restartPolicy")
    if (policy === "Always") {
      if (listAt(each, "restartPolicyRules").length > 0) {
        const why = "restartPolicyRules are not allowed for init containers with restart policy Always"
        forbid(out, `${at}.restartPolicyRules`, why)
      }
    } else if (policy === undefined) {
      if (listAt(each, "restartPolicyRules").length > 0) {
        missing(out, `${at}.restartPolicy`, "must specify restartPolicy when restart rules are used")
      }
    } else restartPolicy(out, at, each)
    const containerName = textAt(each, "name")
    if (names.has(containerName)) duplicate(out, `${at}.name`, containerName)
    else if (containerName !== "") names.add(containerName)
    // Its ports are those of the first one, as the API server has it.
    hostPorts(out, [[each, `${path}.initContainers[0]`]])
    if (policy === "Always") hooksAndProbes(out, at, each, of)
    else {
      for (const kind of ["lifecycle", ...probes])
        if (each[kind] !== undefined) forbid(out, `${at}.${kind}`, sidecarOnly)
    }
  }
}

const notEphemeral = [
  "ports",
  "resources",
  "lifecycle",
  ...probes,
  "resizePolicy",
  "restartPolicy",
  "restartPolicyRules"
]
const never = "cannot be set for an Ephemeral Container"

const later = (out: Causes, path: string, spec: JsonObject, of: Surroundings): void => {
  const given = eachAt(spec, path, "ephemeralContainers")
  if (given.length === 0) return
  const others = new Set(
    ["containers", "initContainers"].flatMap((list) => listAt(spec, list).map((each) => textAt(each, "name")))
  )
  const names = new Set(others)
  for (const [each, at] of given) {
    container(out, at, each, of)
    untrimmedImage(out, at, each)
    const [containerName, target] = [textAt(each, "name"), textAt(each, "targetContainerName")]
    if (names.has(containerName)) duplicate(out, `${at}.name`, containerName)
    else names.add(containerName)
    if (target !== "" && !others.has(target)) notFound(out, `${at}.targetContainerName`, target)
    for (const key of notEphemeral) {
      const value = valueAt(each, key)
      const isEmpty = typeof value === "object" && value !== null && Object.keys(value).length === 0
      if (value !== undefined && !(isEmpty && key === "resources")) forbid(out, `${at}.${key}`, never)
    }
    for (const [mount, where] of eachAt(each, at, "volumeMounts")) {
      for (const key of ["subPath", "subPathExpr"]) if (textAt(mount, key) !== "") forbid(out, `${where}.${key}`, never)
    }
  }
}

/** Templates may have such an image, pods may not. */
export const untrimmedImage = (out: Causes, path: string, given: JsonObject): void => {
  const text = textAt(given, "image")
  if (text.trim() !== text) invalid(out, `${path}.image`, text, "must not have leading or trailing whitespace")
}

/** What is wrong with the containers of a pod. */
export const containers = (out: Causes, path: string, spec: JsonObject, of: Surroundings): void => {
  running(out, path, spec, of)
  beginning(out, path, spec, of)
  later(out, path, spec, of)
}
