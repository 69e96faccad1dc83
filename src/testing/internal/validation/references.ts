/** What of a pod its containers and volumes may refer to: fields and resources. */
import { quantityText } from "../decodeQuantity.js"
import type { JsonObject } from "../openapi.js"
import { invalid, missing, problems, quantityAt, textAt, unsupported, type Causes } from "./rules.js"
import { labelKeyProblems } from "../names.js"

/** What an environment variable may have of its pod. */
export const envFields: ReadonlyArray<string> = [
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

/** What a file may have of its pod. */
export const volumeFields: ReadonlyArray<string> = [
  "metadata.annotations",
  "metadata.labels",
  "metadata.name",
  "metadata.namespace",
  "metadata.uid"
]

const knownFields = new Set([
  ...envFields,
  ...volumeFields,
  "spec.restartPolicy",
  "spec.schedulerName",
  "status.phase",
  "spec.host"
])

const subscripted = /^(.*)\['(.*)'\]$/

/** Why a label of a field is none. */
const fieldProblem = (version: string, field: string, base: string | undefined): string | undefined => {
  if (version !== "v1") return `unsupported pod version: ${version}`
  if (base !== undefined) {
    const known = base === "metadata.labels" || base === "metadata.annotations"
    return known ? undefined : `field label does not support subscript: ${field}`
  }
  return knownFields.has(field) ? undefined : `field label not supported: ${field}`
}

export const fieldReference = (
  out: Causes,
  path: string,
  reference: JsonObject,
  supported: ReadonlyArray<string>
): void => {
  const [version, field] = [textAt(reference, "apiVersion"), textAt(reference, "fieldPath")]
  if (version === "") return missing(out, `${path}.apiVersion`)
  if (field === "") return missing(out, `${path}.fieldPath`)
  const [, base, key] = subscripted.exec(field) ?? []
  const problem = fieldProblem(version, field, base)
  if (problem !== undefined) {
    return invalid(out, `${path}.fieldPath`, field, `error converting fieldPath: ${problem}`)
  }
  if (key !== undefined) {
    const own = base === "metadata.annotations" ? key.toLowerCase() : key
    return problems(out, path, own, labelKeyProblems(own))
  }
  const label = field === "spec.host" ? "spec.nodeName" : field
  if (!supported.includes(label)) unsupported(out, `${path}.fieldPath`, label, supported)
}

const containerResources = [
  "limits.cpu",
  "limits.ephemeral-storage",
  "limits.memory",
  "requests.cpu",
  "requests.ephemeral-storage",
  "requests.memory"
]

const bytes = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"]

const divisors: ReadonlyArray<readonly [RegExp, list: string, allowed: ReadonlyArray<string>, of: string]> = [
  [/^(limits|requests)\.cpu$/, "1m and 1", ["1m", "1"], "cpu"],
  [/^(limits|requests)\.memory$/, bytes.join(", "), bytes, "memory"],
  [/^(limits|requests)\.ephemeral-storage$/, bytes.join(", "), bytes, "local ephemeral storage"],
  [/^(limits|requests)\.hugepages-/, bytes.join(", "), bytes, "hugepages"]
]

export const resourceReference = (out: Causes, path: string, reference: JsonObject, inVolume: boolean): void => {
  const resource = textAt(reference, "resource")
  if (inVolume && textAt(reference, "containerName") === "") missing(out, `${path}.containerName`)
  else if (resource === "") missing(out, `${path}.resource`)
  else if (!containerResources.includes(resource) && !/^(limits|requests)\.hugepages-/.test(resource)) {
    unsupported(out, `${path}.resource`, resource, containerResources)
  }
  const divisor = quantityAt(reference["divisor"])
  if (divisor === undefined || divisor.nanos === 0n) return
  for (const [pattern, list, allowed, of] of divisors) {
    if (pattern.test(resource) && !allowed.includes(quantityText(divisor))) {
      invalid(out, `${path}.divisor`, resource, `only divisor's values ${list} are supported with the ${of} resource`)
    }
  }
}
