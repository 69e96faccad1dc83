/** What the names and amounts of resources have to be: of containers, pods, quotas and limits. */
import { quantityText } from "../decodeQuantity.js"
import { labelKeyProblems, rules } from "../names.js"
import type { Json, JsonObject } from "../openapi.js"
import {
  duplicate,
  eachAt,
  entriesAt,
  forbid,
  invalid,
  missing,
  notNegativeQuantity,
  objectAt,
  problems,
  quantityAt,
  textAt,
  unsupported,
  type Causes
} from "./rules.js"

const compute = ["cpu", "memory", "ephemeral-storage"]
const counted = [
  "pods",
  "services",
  "replicationcontrollers",
  "resourcequotas",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers"
]
const ofQuotas = new Set([
  ...compute,
  ...compute.flatMap((resource) => [`requests.${resource}`, `limits.${resource}`]),
  ...counted,
  "requests.storage"
])
const standard = new Set([...ofQuotas, "storage"])

const isHugePages = (resource: string): boolean => resource.startsWith("hugepages-")

const isQuotaHugePages = (resource: string): boolean => isHugePages(resource.replace(/^requests\./, ""))

const isNative = (resource: string): boolean => !resource.includes("/") || resource.includes("kubernetes.io/")

const isExtended = (resource: string): boolean =>
  !isNative(resource) && !resource.startsWith("requests.") && labelKeyProblems(`requests.${resource}`).length === 0

/** What is wrong with the name of a resource. */
type NameRule = (out: Causes, path: string, resource: string) => void

export const resourceName: NameRule = (out, path, resource) => {
  const found = labelKeyProblems(resource)
  problems(out, path, resource, found)
  if (found.length === 0 && !resource.includes("/") && !standard.has(resource) && !isQuotaHugePages(resource)) {
    invalid(out, path, resource, "must be a standard resource type or fully qualified")
  }
}

export const containerResourceName: NameRule = (out, path, resource) => {
  resourceName(out, path, resource)
  if (!resource.includes("/")) {
    if (!compute.includes(resource) && !isHugePages(resource)) {
      invalid(out, path, resource, "must be a standard resource for containers")
    }
  } else if (!isNative(resource) && !isExtended(resource)) {
    invalid(out, path, resource, "doesn't follow extended resource name standard")
  }
}

export const quotaResourceName: NameRule = (out, path, resource) => {
  resourceName(out, path, resource)
  if (!resource.includes("/") && !ofQuotas.has(resource) && !isQuotaHugePages(resource)) {
    invalid(out, path, resource, "must be a standard resource for quota")
  }
}

const podResourceName: NameRule = (out, path, resource) => {
  const before = out.length
  resourceName(out, path, resource)
  if (out.length === before && resource !== "cpu" && resource !== "memory" && !isHugePages(resource)) {
    unsupported(out, path, resource, ["cpu", "hugepages-", "memory"])
  }
}

/** An amount of a resource; some come in whole numbers only. */
export const resourceQuantity = (out: Causes, path: string, resource: string, value: Json): void => {
  notNegativeQuantity(out, path, value)
  const quantity = quantityAt(value)
  const whole = counted.includes(resource) || isExtended(resource)
  if (whole && quantity !== undefined && quantity.nanos % 1_000_000_000n !== 0n) {
    invalid(out, path, value, "must be an integer")
  }
}

/** Whether more of it may be allowed than there is. */
export const overcommits = (resource: string): boolean => isNative(resource) && !isHugePages(resource)

/** The amount of huge pages has to be one of whole pages. */
const hugePages = (out: Causes, path: string, resource: string, value: Json): void => {
  const [amount, size] = [quantityAt(value), quantityAt(resource.slice("hugepages-".length))]
  if (amount === undefined) return
  if (size === undefined || size.nanos <= 0n || amount.nanos % size.nanos !== 0n) {
    invalid(out, path, value, `${String(value)} is not positive integer multiple of ${resource}`)
  }
}

const claims = (out: Causes, path: string, requirements: JsonObject, ofPod: ReadonlySet<string>): void => {
  const names = new Set<string>()
  for (const [claim, at] of eachAt(requirements, path, "claims")) {
    const [claimName, request] = [textAt(claim, "name"), textAt(claim, "request")]
    if (claimName === "") {
      missing(out, at)
      continue
    }
    const key = request === "" ? claimName : `${claimName}/${request}`
    if (names.has(claimName)) duplicate(out, at, claimName)
    else {
      if (request !== "") problems(out, `${at}.request`, request, rules.label(request))
      if (names.has(key)) duplicate(out, at, key)
      else if (request === "") {
        for (const other of names) if (other.startsWith(`${claimName}/`)) duplicate(out, at, claimName)
      }
      names.add(key)
    }
    if (!ofPod.has(claimName)) {
      const which = ofPod.size === 0 ? " which is empty" : `: ${[...ofPod].toSorted().join(", ")}`
      out.push({
        reason: "FieldValueNotFound",
        message: `Not found: ${JSON.stringify(claimName)}: must be one of the names in pod.spec.resourceClaims${which}`,
        field: at
      })
    }
  }
}

const requirementsOf =
  (rule: NameRule) =>
  (out: Causes, at: string, requirements: JsonObject, ofPod: ReadonlySet<string>): void => {
    const limits = objectAt(requirements, "limits") ?? {}
    const seen = new Set<string>()
    const one = (path: string, resource: string, value: Json): void => {
      rule(out, path, resource)
      resourceQuantity(out, path, resource, value)
      seen.add(isHugePages(resource) ? "hugepages-" : resource)
    }
    for (const [resource, value] of entriesAt(limits)) {
      one(`${at}.limits[${resource}]`, resource, value)
      if (isHugePages(resource)) hugePages(out, `${at}.limits[${resource}]`, resource, value)
    }
    for (const [resource, value] of entriesAt(requirements, "requests")) {
      one(`${at}.requests[${resource}]`, resource, value)
      const [asked, most] = [quantityAt(value), quantityAt(limits[resource])]
      if (most !== undefined && asked !== undefined) {
        const limit = `${resource} limit of ${String(limits[resource])}`
        if (asked.nanos !== most.nanos && !overcommits(resource)) {
          invalid(out, `${at}.requests`, value, `must be equal to ${limit}`)
        } else if (asked.nanos > most.nanos) {
          invalid(out, `${at}.requests`, value, `must be less than or equal to ${limit}`)
        }
      } else if (!overcommits(resource)) {
        missing(out, `${at}.limits`, "Limit must be set for non overcommitable resources")
      }
      if (isHugePages(resource)) hugePages(out, `${at}.requests[${resource}]`, resource, value)
    }
    if (seen.has("hugepages-") && !seen.has("cpu") && !seen.has("memory")) {
      forbid(out, at, "HugePages require cpu or memory")
    }
    claims(out, `${at}`, requirements, ofPod)
  }

/** What is wrong with what a container asks for. */
export const containerResources = requirementsOf(containerResourceName)

const podRequirements = requirementsOf(podResourceName)

const nanosAt = (container: JsonObject, kind: string, resource: string): bigint =>
  quantityAt(objectAt(container, "resources", kind)?.[resource])?.nanos ?? 0n

/** What is wrong with what a pod asks for as a whole. */
export const podResources = (out: Causes, path: string, spec: JsonObject, ofPod: ReadonlySet<string>): void => {
  const given = objectAt(spec, "resources")
  if (given === undefined) return
  const at = `${path}.resources`
  if (textAt(spec, "os", "name") === "windows") return forbid(out, at, "may not be set for a windows pod")
  if (given["claims"] !== undefined) forbid(out, `${at}.claims`, "claims may not be set for Resources at pod-level")
  podRequirements(out, at, given, ofPod)
  const containers = eachAt(spec, "", "containers").map(([container]) => container)
  const sidecars = eachAt(spec, "", "initContainers").filter(([each]) => each["restartPolicy"] === "Always")
  for (const [resource, value] of entriesAt(given, "requests")) {
    const running = [...containers, ...sidecars.map(([each]) => each)]
    const asked = running.reduce((sum, each) => sum + nanosAt(each, "requests", resource), 0n)
    const amount = quantityAt(value)
    if (amount !== undefined && asked > amount.nanos) {
      const format = running.flatMap((each) => quantityAt(objectAt(each, "resources", "requests")?.[resource]) ?? [])[0]
      const shown = quantityText({ nanos: asked, format: format?.format ?? "DecimalSI" })
      invalid(
        out,
        `${at}.requests[${resource}]`,
        value,
        `must be greater than or equal to aggregate container requests of ${shown}`
      )
    }
  }
  containers.forEach((container, index) => {
    for (const [resource, value] of entriesAt(container, "resources", "limits")) {
      const [own, most] = [quantityAt(value), quantityAt(objectAt(given, "limits")?.[resource])]
      if (own !== undefined && most !== undefined && own.nanos > most.nanos) {
        invalid(
          out,
          `${at}.containers[${index}][${resource}].limits`,
          value,
          `must be less than or equal to pod limits of ${String(objectAt(given, "limits")?.[resource])}`
        )
      }
    }
  })
}
