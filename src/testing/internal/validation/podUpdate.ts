/** What of a pod may be changed, by a write of the pod and by those of its parts. */
import { isJsonObject, jsonEquals } from "../json.js"
import type { Json, JsonObject } from "../openapi.js"
import { structDiff, structText } from "../structs.js"
import { untrimmedImage } from "./container.js"
import { anyPod, podAnnotations } from "./pod.js"
import {
  eachAt,
  entriesAt,
  forbid,
  goText,
  invalid,
  invalidText,
  ip,
  labelKey,
  listAt,
  missing,
  name,
  numberAt,
  objectAt,
  range,
  textAt,
  valueAt,
  type Causes
} from "./rules.js"

const maxInt32 = 2147483647

const objectOf = (value: Json): JsonObject => (isJsonObject(value) ? value : {})

const specOf = (pod: JsonObject): JsonObject => objectAt(pod, "spec") ?? {}

const mirror = "kubernetes.io/config.mirror"
const appArmorPrefix = "container.apparmor.security.beta.kubernetes.io/"

const annotationsOf = (pod: JsonObject): JsonObject => objectAt(pod, "metadata", "annotations") ?? {}

/** Some annotations say what the pod was made with. */
const keptAnnotations = (out: Causes, pod: JsonObject, old: JsonObject): void => {
  const [now, before] = [annotationsOf(pod), annotationsOf(old)]
  const at = (key: string): string => `metadata.annotations[${key}]`
  for (const [key, value] of entriesAt(before)) {
    if (now[key] === value) continue
    if (key.startsWith(appArmorPrefix)) forbid(out, at(key), "may not remove or update AppArmor annotations")
    if (key === mirror) forbid(out, at(key), "may not remove or update mirror pod annotation")
  }
  for (const [key] of entriesAt(now)) {
    if (Object.hasOwn(before, key)) continue
    if (key.startsWith(appArmorPrefix)) forbid(out, at(key), "may not add AppArmor annotations")
    if (key === mirror) forbid(out, at(key), "may not add mirror pod annotation")
  }
  podAnnotations(out, "metadata.annotations", now, specOf(pod))
}

const keptTolerations = (out: Causes, now: JsonObject, old: JsonObject): void => {
  const untimed = (toleration: Json): JsonObject => {
    const { tolerationSeconds: _seconds, ...rest } = objectOf(toleration)
    return rest
  }
  const given = listAt(now, "tolerations").map(untimed)
  for (const each of listAt(old, "tolerations")) {
    if (!given.some((other) => jsonEquals(other, untimed(each)))) {
      const why = "existing toleration can not be modified except its tolerationSeconds"
      return forbid(out, "spec.tolerations", why)
    }
  }
}

const keptGates = (out: Causes, now: JsonObject, old: JsonObject): void => {
  const known = new Set(listAt(old, "schedulingGates").map((gate) => textAt(gate, "name")))
  for (const [gate, at] of eachAt(now, "spec", "schedulingGates")) {
    const text = textAt(gate, "name")
    if (!known.has(text)) {
      forbid(out, `${at}.name`, `only deletion is allowed, but found new scheduling gate '${text}'`)
    }
  }
}

const hard = "requiredDuringSchedulingIgnoredDuringExecution"

const onlyAdds = (now: JsonObject, old: JsonObject): boolean => {
  const kinds = ["matchExpressions", "matchFields"]
  if (kinds.every((kind) => listAt(old, kind).length === 0))
    return kinds.every((kind) => listAt(now, kind).length === 0)
  return kinds.every((kind) => {
    const before = listAt(old, kind)
    return jsonEquals(listAt(now, kind).slice(0, before.length), before)
  })
}

/** Where a pod may run can be narrowed while it waits for its gates. */
const narrowed = (out: Causes, now: JsonObject, old: JsonObject): void => {
  const [selector, before] = [objectAt(now, "nodeSelector"), objectAt(old, "nodeSelector")]
  if (Object.entries(before ?? {}).some(([key, value]) => selector?.[key] !== value)) {
    const why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
    invalid(out, "spec.nodeSelector", selector ?? null, why)
  }
  const terms = (spec: JsonObject): ReadonlyArray<Json> =>
    listAt(spec, "affinity", "nodeAffinity", hard, "nodeSelectorTerms")
  const [given, known] = [terms(now), terms(old)]
  const at = `spec.affinity.nodeAffinity.${hard}.nodeSelectorTerms`
  const shown = (term: Json): string => structText("core.NodeSelectorTerm", objectOf(term))
  if (known.length > 0 && known.length !== given.length) {
    const text = given.length === 0 ? "null" : `[${given.map(shown).join(",")}]`
    return invalidText(out, at, text, "no additions/deletions to non-empty NodeSelectorTerms list are allowed")
  }
  known.forEach((term, index) => {
    const other = given[index] ?? {}
    if (!onlyAdds(objectOf(other), objectOf(term))) {
      invalidText(out, `${at}[${index}]`, shown(other), "only additions are allowed (no mutations or deletions)")
    }
  })
}

/** A specification with a field of another one. */
const withFieldOf = (spec: JsonObject, key: string, other: JsonObject): JsonObject => {
  const { [key]: _own, ...rest } = spec
  return other[key] === undefined ? rest : { ...rest, [key]: other[key] }
}

const withNodeAffinityOf = (spec: JsonObject, old: JsonObject): JsonObject => {
  const affinity = withFieldOf(objectAt(spec, "affinity") ?? {}, "nodeAffinity", objectAt(old, "affinity") ?? {})
  return Object.keys(affinity).length === 0 && old["affinity"] === undefined
    ? withFieldOf(spec, "affinity", {})
    : { ...spec, affinity }
}

const withImagesOf = (spec: JsonObject, key: string, old: JsonObject): JsonObject => {
  const before = listAt(old, key)
  return spec[key] === undefined
    ? spec
    : {
        ...spec,
        [key]: listAt(spec, key).map((each, index) => ({ ...objectOf(each), image: textAt(before[index], "image") }))
      }
}

const updatable = [
  "`spec.containers[*].image`",
  "`spec.initContainers[*].image`",
  "`spec.activeDeadlineSeconds`",
  "`spec.tolerations` (only additions to existing tolerations)",
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
]

/** What a pod has to keep, taken from the old one where it need not. */
const settled = (spec: JsonObject, old: JsonObject): JsonObject => {
  let kept = spec
  for (const list of ["containers", "initContainers"]) kept = withImagesOf(kept, list, old)
  for (const key of ["activeDeadlineSeconds", "schedulingGates", "tolerations"]) kept = withFieldOf(kept, key, old)
  if ((numberAt(old, "terminationGracePeriodSeconds") ?? 0) < 0 && kept["terminationGracePeriodSeconds"] === 1) {
    kept = withFieldOf(kept, "terminationGracePeriodSeconds", old)
  }
  return listAt(old, "schedulingGates").length > 0
    ? withNodeAffinityOf(withFieldOf(kept, "nodeSelector", old), old)
    : kept
}

/** What is wrong with a write of a pod. */
export const podUpdate = (out: Causes, pod: JsonObject, oldPod: JsonObject): void => {
  anyPod(out, pod)
  keptAnnotations(out, pod, oldPod)
  const [spec, old] = [specOf(pod), specOf(oldPod)]
  for (const list of ["containers", "initContainers"]) {
    const now = eachAt(spec, "spec", list)
    if (now.length !== listAt(old, list).length) {
      return forbid(out, `spec.${list}`, "pod updates may not add or remove containers")
    }
    for (const [each, at] of now) {
      if (textAt(each, "image") === "") missing(out, `${at}.image`)
      untrimmedImage(out, at, each)
    }
  }
  const [deadline, before] = [numberAt(spec, "activeDeadlineSeconds"), numberAt(old, "activeDeadlineSeconds")]
  const at = "spec.activeDeadlineSeconds"
  if (deadline !== undefined) {
    if (deadline < 0 || deadline > maxInt32) return invalid(out, at, deadline, range(0, maxInt32))
    if (before !== undefined && before < deadline) {
      return invalid(out, at, deadline, "must be less than or equal to previous value")
    }
  } else if (before !== undefined) invalid(out, at, null, "must not update from a positive integer to nil value")
  keptTolerations(out, spec, old)
  keptGates(out, spec, old)
  if (jsonEquals(spec, old)) return
  if (listAt(old, "schedulingGates").length > 0) narrowed(out, spec, old)
  const kept = settled(spec, old)
  if (!jsonEquals(kept, old)) {
    const difference = structDiff("core.PodSpec", old, kept)
    forbid(out, "spec", `pod updates may not change fields other than ${updatable.join(",")}\n${difference}`)
  }
}

/** What is wrong with a write of a pod's ephemeral containers. */
export const ephemeralContainersUpdate = (out: Causes, pod: JsonObject, oldPod: JsonObject): void => {
  if (annotationsOf(oldPod)[mirror] !== undefined) {
    return forbid(out, "[]", "static pods do not support ephemeral containers")
  }
  anyPod(out, pod)
  keptAnnotations(out, pod, oldPod)
  const now = listAt(specOf(pod), "ephemeralContainers")
  const at = "spec.ephemeralContainers"
  for (const old of listAt(specOf(oldPod), "ephemeralContainers")) {
    const containerName = JSON.stringify(textAt(old, "name"))
    const own = now.findLast((each) => textAt(each, "name") === textAt(old, "name"))
    if (own === undefined) forbid(out, at, `existing ephemeral containers ${containerName} may not be removed\n`)
    else if (!jsonEquals(own, old)) {
      const difference = structDiff("core.EphemeralContainer", objectOf(old), objectOf(own))
      forbid(out, at, `existing ephemeral containers ${containerName} may not be changed\n${difference}`)
    }
  }
}

const lists = [
  ["containers", "cpu and memory resources are mutable"],
  ["initContainers", "cpu and memory resources for sidecar containers are mutable"]
] as const

/** Containers as they were, but for what may be resized. */
const unsized = (container: JsonObject, old: JsonObject): JsonObject => {
  const [now, before] = [objectAt(container, "resources") ?? {}, objectAt(old, "resources") ?? {}]
  const resources = Object.fromEntries(
    ["limits", "requests"].flatMap((kind): ReadonlyArray<readonly [string, Json]> => {
      const [given, known] = [objectAt(now, kind), objectAt(before, kind)]
      if (given === undefined && known === undefined) return []
      let list: JsonObject = given ?? {}
      for (const resource of ["cpu", "memory"]) list = withFieldOf(list, resource, known ?? {})
      return Object.keys(list).length === 0 && known === undefined ? [] : [[kind, list]]
    })
  )
  return { ...container, resources }
}

const removed = (now: JsonObject | undefined, old: JsonObject | undefined): boolean =>
  Object.keys(old ?? {}).some((resource) => now?.[resource] === undefined)

const sizes = (out: Causes, at: string, now: JsonObject, old: JsonObject): void => {
  for (const [kind, what] of [
    ["requests", "resource requests"],
    ["limits", "resource limits"]
  ] as const) {
    if (removed(objectAt(now, "resources", kind), objectAt(old, "resources", kind))) {
      forbid(out, `${at}.resources.${kind}`, `${what} cannot be removed`)
    }
  }
}

/** What is wrong with a resize of a pod. */
export const podResize =
  (qosOf: (pod: JsonObject) => string) =>
  (out: Causes, pod: JsonObject, oldPod: JsonObject): void => {
    const [spec, old] = [specOf(pod), specOf(oldPod)]
    if (annotationsOf(oldPod)[mirror] !== undefined) return forbid(out, "[]", "static pods cannot be resized")
    if (textAt(old, "os", "name") === "windows") return forbid(out, "[]", "windows pods cannot be resized")
    anyPod(out, pod)
    if (qosOf(oldPod) !== qosOf(pod)) {
      const why = "Pod QOS Class may not change as a result of resizing"
      invalid(out, "spec", valueAt(pod, "status", "qosClass") ?? "", why)
    }
    const first = listAt(oldPod, "status", "containerStatuses").find(
      (status) => valueAt(status, "state", "running") !== undefined
    )
    if (first !== undefined && valueAt(first, "resources") === undefined) {
      forbid(out, "spec", "Pod running on node without support for resize")
    }
    const sized = (given: JsonObject): boolean =>
      ["requests", "limits"].some((kind) => entriesAt(given, "resources", kind).length > 0)
    if (sized(old) || sized(spec)) {
      const gate = "InPlacePodLevelResourcesVerticalScalingEnabled feature gate is disabled"
      return forbid(out, "[]", `resize of pods with pod-level resources is forbidden when ${gate}`)
    }
    const before = out.length
    for (const [list] of lists) {
      const [now, known] = [eachAt(spec, "spec", list), listAt(old, list)]
      if (now.length !== known.length) forbid(out, `spec.${list}`, `${list} may not be added or removed on resize`)
      else {
        now.forEach(([each, at], index) => {
          if (textAt(each, "name") !== textAt(known[index], "name")) {
            forbid(out, `${at}.name`, `${list} may not be renamed or reordered on resize`)
          }
        })
      }
    }
    if (out.length > before) return
    const isSidecar = (each: JsonObject): boolean => each["restartPolicy"] === "Always"
    const pairs = (list: string) =>
      eachAt(spec, "spec", list).map(
        ([each, at], index) => [each, objectOf(listAt(old, list)[index] ?? {}), at] as const
      )
    for (const [each, known, at] of pairs("initContainers")) if (isSidecar(known)) sizes(out, at, each, known)
    for (const [each, known, at] of pairs("containers")) sizes(out, at, each, known)
    let kept = spec
    for (const [list, which] of lists) {
      const all = pairs(list).map(([each, known]) => {
        const fixed = list === "containers" || isSidecar(each) ? unsized(each, known) : each
        if (!jsonEquals(fixed, known)) {
          const why = fixed === each ? "resources for non-sidecar init containers are immutable" : `only ${which}`
          forbid(out, "spec", why)
        }
        return fixed
      })
      if (spec[list] !== undefined) kept = { ...kept, [list]: all }
    }
    if (out.length === before && !jsonEquals(kept, old))
      forbid(out, "spec", "only cpu and memory resources are mutable")
  }

const stateLists = [
  ["containerStatuses", "containers"],
  ["initContainerStatuses", "initContainers"],
  ["ephemeralContainerStatuses", "ephemeralContainers"]
] as const

/** Whether a container that has ended may run again. */
const restarts = (container: Json | undefined, spec: JsonObject, exitCode: number): boolean => {
  if (container === undefined) return false
  for (const rule of listAt(container, "restartPolicyRules")) {
    const [operator, values] = [textAt(rule, "exitCodes", "operator"), listAt(rule, "exitCodes", "values")]
    if (textAt(rule, "action") === "Restart" && (operator === "In") === values.includes(exitCode)) return true
  }
  const policy = textAt(container, "restartPolicy") || textAt(spec, "restartPolicy")
  return policy === "Always" || (policy === "OnFailure" && exitCode !== 0)
}

const states = (out: Causes, pod: JsonObject, oldPod: JsonObject): void => {
  const spec = specOf(oldPod)
  for (const [list, of] of stateLists) {
    listAt(oldPod, "status", list).forEach((status, index) => {
      const ended = objectAt(valueAt(status, "state", "terminated"))
      if (ended === undefined) return
      const containerName = textAt(status, "name")
      const own = listAt(pod, "status", list).find((each) => textAt(each, "name") === containerName)
      if (own === undefined || valueAt(own, "state", "terminated") !== undefined) return
      const given = listAt(spec, of).find((each) => textAt(each, "name") === containerName)
      if (of === "ephemeralContainers" || !restarts(given, spec, numberAt(ended, "exitCode") ?? 0)) {
        forbid(out, `status.${list}[${index}].state`, "may not be transitioned to non-terminated state")
      }
    })
  }
}

const addresses = (out: Causes, at: string, list: ReadonlyArray<Json>, known: ReadonlyArray<Json>): void => {
  list.forEach((address, index) => {
    const text = textAt(address, "ip")
    if (!known.some((other) => textAt(other, "ip") === text)) ip(out, `${at}[${index}]`, text)
  })
  const families = new Set(list.map((address) => textAt(address, "ip").includes(":")))
  if (list.length > 2 || (list.length === 2 && families.size < 2)) {
    const shown = goText(list.map((address) => ({ IP: textAt(address, "ip") })))
    invalidText(out, at, shown, "may specify no more than one IP for each IP family")
  }
}

/** What is wrong with a write of a pod's status. */
export const podStatusUpdate = (out: Causes, pod: JsonObject, oldPod: JsonObject): void => {
  keptAnnotations(out, pod, oldPod)
  const [status, old] = [objectAt(pod, "status") ?? {}, objectAt(oldPod, "status") ?? {}]
  for (const [condition, at] of eachAt(status, "status", "conditions")) {
    const generation = numberAt(condition, "observedGeneration") ?? 0
    if (generation < 0) invalid(out, `${at}.observedGeneration`, generation, "must be a non-negative integer")
    const type = textAt(condition, "type")
    if (!["PodScheduled", "Ready", "Initialized"].includes(type)) labelKey(out, `${at}.Type`, type)
  }
  const nominated = textAt(status, "nominatedNodeName")
  if (nominated !== "" && nominated !== textAt(old, "nominatedNodeName")) {
    name(out, "status.nominatedNodeName", nominated, "subdomain")
    if (textAt(specOf(oldPod), "nodeName") !== "") {
      forbid(out, "status.nominatedNodeName", "may not be set on pods that are already bound to a node")
    }
  }
  const generation = numberAt(status, "observedGeneration") ?? 0
  if (generation < 0) invalid(out, "status.observedGeneration", generation, "must be a non-negative integer")
  const quality = textAt(status, "qosClass")
  if (quality !== textAt(old, "qosClass")) invalid(out, "status.qosClass", quality, "field is immutable")
  states(out, pod, oldPod)
  addresses(out, "status.podIPs", listAt(status, "podIPs"), listAt(old, "podIPs"))
  const hosts = listAt(status, "hostIPs")
  if (hosts.length > 0) {
    const first = textAt(hosts[0], "ip")
    if (textAt(status, "hostIP") !== first) invalid(out, "status.hostIPs[0].ip", first, "must be equal to `hostIP`")
    addresses(out, "status.hostIPs", hosts, listAt(old, "hostIPs"))
  }
}
