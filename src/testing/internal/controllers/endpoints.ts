/**
 * The endpoints of [Services](https://kubernetes.io/docs/concepts/services-networking/service/): which pods are behind them,
 * as EndpointSlices and as Endpoints.
 */
import { jsonEquals } from "../json.js"
import type { Json, JsonObject } from "../openapi.js"
import { labelsOf, matchesLabels, selectorTerms } from "../selectors.js"
import * as store from "../store.js"
import { at, listAt } from "../strategies.js"
import {
  controllerReference,
  isDeleting,
  nameOf,
  namespaceOf,
  objectAt,
  objectsAt,
  textAt,
  uid,
  type Api,
  type Controller
} from "./api.js"
import { isFinished, isReady } from "./pods.js"

const headless = "service.kubernetes.io/headless"
const trigger = "endpoints.kubernetes.io/last-change-trigger-time"
const ofSlices = "endpointslice.kubernetes.io/managed-by"
const ofEndpoints = "endpoints.kubernetes.io/managed-by"
const serviceName = "kubernetes.io/service-name"

const mostInSlice = 100

/** Whether the cluster finds the pods of a service; others say themselves where theirs are. */
const isSelecting = (service: JsonObject): boolean =>
  Object.keys(objectAt(service, "spec", "selector")).length > 0 &&
  textAt(service, "spec", "type") !== "ExternalName" &&
  !isDeleting(service)

const isHeadless = (service: JsonObject): boolean => textAt(service, "spec", "clusterIP") === "None"
const takesUnready = (service: JsonObject): boolean => at(service, "spec", "publishNotReadyAddresses") === true

const podsOf = (api: Api, service: JsonObject): ReadonlyArray<JsonObject> => {
  const terms = selectorTerms({ matchLabels: at(service, "spec", "selector") }) ?? []
  return api
    .list("pods", namespaceOf(service))
    .filter((pod) => matchesLabels(labelsOf(pod), terms) && !isFinished(pod) && textAt(pod, "status", "podIP") !== "")
}

/** The port of a service on a pod; undefined if the pod has none of that name. */
const portOn = (pod: JsonObject, port: JsonObject): number | undefined => {
  const { protocol, targetPort } = port
  if (typeof targetPort === "number") return targetPort
  const sidecars = objectsAt(pod, "spec", "initContainers").filter(({ restartPolicy }) => restartPolicy === "Always")
  const found = [...objectsAt(pod, "spec", "containers"), ...sidecars]
    .flatMap((container) => objectsAt(container, "ports"))
    .find((each) => each["name"] === targetPort && each["protocol"] === protocol)
  const number = found?.["containerPort"]
  return typeof number === "number" ? number : undefined
}

const portsOn = (pod: JsonObject, service: JsonObject): ReadonlyArray<JsonObject> =>
  objectsAt(service, "spec", "ports").flatMap((port) => {
    const number = portOn(pod, port)
    const { appProtocol, name = "", protocol = "TCP" } = port
    return number === undefined
      ? []
      : [{ name, port: number, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }]
  })

const targetOf = (pod: JsonObject, service: JsonObject): JsonObject => {
  const hostname = textAt(pod, "spec", "hostname")
  const node = textAt(pod, "spec", "nodeName")
  return {
    ...(hostname !== "" && textAt(pod, "spec", "subdomain") === nameOf(service) ? { hostname } : {}),
    ...(node === "" ? {} : { nodeName: node }),
    targetRef: { kind: "Pod", name: nameOf(pod), namespace: namespaceOf(pod), uid: uid(pod) }
  }
}

/** Objects in groups of the same key, in the order of their first ones. */
const grouped = <A>(all: ReadonlyArray<A>, keyOf: (each: A) => string): ReadonlyMap<string, ReadonlyArray<A>> => {
  const groups = new Map<string, Array<A>>()
  for (const each of all) {
    const known = groups.get(keyOf(each))
    if (known === undefined) groups.set(keyOf(each), [each])
    else known.push(each)
  }
  return groups
}

const inheritedLabels = (service: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(objectAt(service, "metadata", "labels")).filter(
      ([key]) => ![headless, ofSlices, serviceName, ofEndpoints].includes(key)
    )
  )

// ---- slices

const slices = "endpointslices.discovery.k8s.io"

const endpointOf = (api: Api, service: JsonObject, pod: JsonObject): JsonObject => {
  const serving = isReady(pod)
  const terminating = isDeleting(pod)
  const zone = textAt(
    api.get("nodes", "", textAt(pod, "spec", "nodeName")),
    "metadata",
    "labels",
    "topology.kubernetes.io/zone"
  )
  return {
    addresses: [textAt(pod, "status", "podIP")],
    conditions: { ready: takesUnready(service) || (serving && !terminating), serving, terminating },
    ...targetOf(pod, service),
    ...(zone === "" ? {} : { zone })
  }
}

/** What a slice is to hold. */
interface Wanted {
  readonly ports: ReadonlyArray<JsonObject>
  readonly endpoints: ReadonlyArray<JsonObject>
}

const podOfEndpoint = (endpoint: JsonObject): string => textAt(endpoint, "targetRef", "uid")

/** The endpoints of some ports, in the slices that have them already as far as there are such. */
const distributed = (
  existing: ReadonlyArray<JsonObject>,
  { endpoints, ports }: Wanted
): { readonly kept: ReadonlyMap<JsonObject, Wanted>; readonly more: ReadonlyArray<Wanted> } => {
  const kept = new Map<JsonObject, Wanted>()
  let left = endpoints
  const own = existing.filter((slice) => jsonEquals(listAt(slice, "ports"), [...ports]))
  for (const slice of own) {
    const before = new Set(objectsAt(slice, "endpoints").map(podOfEndpoint))
    const stay = left.filter((each) => before.has(podOfEndpoint(each)))
    left = left.filter((each) => !before.has(podOfEndpoint(each)))
    kept.set(slice, { ports, endpoints: stay })
  }
  for (const [slice, { endpoints: stay }] of kept) {
    const fill = left.slice(0, mostInSlice - stay.length)
    left = left.slice(fill.length)
    kept.set(slice, { ports, endpoints: [...stay, ...fill] })
  }
  const more: Array<Wanted> = []
  for (let from = 0; from < left.length; from += mostInSlice) {
    more.push({ ports, endpoints: left.slice(from, from + mostInSlice) })
  }
  return { kept, more }
}

/** An empty list is null there. */
const contentOf = ({ endpoints, ports }: Wanted): JsonObject => ({
  ...(endpoints.length === 0 ? {} : { endpoints }),
  ...(ports.length === 0 ? {} : { ports })
})

const syncSlices = (api: Api, service: JsonObject): void => {
  const labels: JsonObject = {
    ...inheritedLabels(service),
    [ofSlices]: "endpointslice-controller.k8s.io",
    [serviceName]: nameOf(service),
    ...(isHeadless(service) ? { [headless]: "" } : {})
  }
  const existing = api.list(slices, namespaceOf(service)).filter((slice) => {
    const own = objectAt(slice, "metadata", "labels")
    return own[serviceName] === nameOf(service) && own[ofSlices] === labels[ofSlices] && !isDeleting(slice)
  })
  const groups = grouped(podsOf(api, service), (pod) => JSON.stringify(portsOn(pod, service)))
  const kept = new Map<JsonObject, Wanted>()
  const created: Array<Wanted> = []
  for (const pods of groups.values()) {
    const [first] = pods
    const ports = first === undefined ? [] : portsOn(first, service)
    const { kept: own, more } = distributed(existing, {
      ports,
      endpoints: pods.map((pod) => endpointOf(api, service, pod))
    })
    for (const [slice, wanted] of own) if (wanted.endpoints.length > 0) kept.set(slice, wanted)
    created.push(...more)
  }
  // A service without pods has a slice too.
  if (kept.size + created.length === 0) {
    const [first] = existing
    if (first === undefined) created.push({ ports: [], endpoints: [] })
    else kept.set(first, { ports: [], endpoints: [] })
  }
  const unused = existing.filter((slice) => !kept.has(slice))
  // One that nothing is left in serves for what is new.
  for (const wanted of created.splice(0, unused.length)) {
    const slice = unused.shift()
    if (slice !== undefined) kept.set(slice, wanted)
  }
  for (const slice of unused) api.remove(slice)
  for (const [slice, { endpoints, ports }] of kept) {
    const same =
      jsonEquals(listAt(slice, "endpoints"), [...endpoints]) &&
      jsonEquals(listAt(slice, "ports"), [...ports]) &&
      jsonEquals(objectAt(slice, "metadata", "labels"), labels)
    if (same) continue
    const annotations = { ...objectAt(slice, "metadata", "annotations"), [trigger]: api.time }
    const { endpoints: _endpoints, ports: _ports, ...rest } = slice
    api.update({ ...store.withMetadata(rest, { labels, annotations }), ...contentOf({ endpoints, ports }) })
  }
  for (const { endpoints, ports } of created) {
    api.create(
      {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: {
          generateName: `${nameOf(service)}-`,
          labels,
          annotations: { [trigger]: api.time },
          ownerReferences: [controllerReference(service)]
        },
        addressType: "IPv4",
        ...contentOf({ endpoints, ports })
      },
      namespaceOf(service)
    )
  }
}

export const endpointSlice: Controller<"endpointslice"> = {
  name: "endpointslice",
  watches: ["services", "pods", "nodes", slices],
  sync: (api) => {
    for (const service of api.list("services")) if (isSelecting(service)) syncSlices(api, service)
  }
}

// ---- Endpoints

interface Address {
  readonly pod: JsonObject
  readonly isReady: boolean
  /** Undefined if the service has no ports. */
  readonly port: JsonObject | undefined
}

const withoutEmptyName = ({ name, ...port }: JsonObject): JsonObject =>
  name === undefined || name === "" ? port : { name, ...port }

/** Ports with the same addresses go together. */
const subsetsOf = (service: JsonObject, pods: ReadonlyArray<JsonObject>): ReadonlyArray<JsonObject> => {
  const hasPorts = objectsAt(service, "spec", "ports").length > 0
  const addresses = pods.flatMap((pod): ReadonlyArray<Address> => {
    if (isDeleting(pod) && !takesUnready(service)) return []
    const ready = isReady(pod) || takesUnready(service)
    const ports: ReadonlyArray<JsonObject | undefined> = hasPorts
      ? portsOn(pod, service).map(withoutEmptyName)
      : isHeadless(service)
        ? [undefined]
        : []
    return ports.map((port) => ({ pod, port, isReady: ready }))
  })
  const byPort = [...grouped(addresses, ({ port }) => JSON.stringify(port ?? null)).values()]
  const sets = grouped(byPort, (all) => JSON.stringify(all.map((each) => [uid(each.pod), each.isReady])))
  return [...sets.values()].map((all) => {
    const [first = []] = all
    const list = (ready: boolean): ReadonlyArray<Json> =>
      first
        .filter((each) => each.isReady === ready)
        .map(({ pod }) => ({ ip: textAt(pod, "status", "podIP"), ...targetOf(pod, service) }))
        .toSorted((a, b) => (a.ip < b.ip ? -1 : 1))
    const [ready, unready] = [list(true), list(false)]
    const ports = all.flatMap(([each]) => (each?.port === undefined ? [] : [each.port]))
    return {
      ...(ready.length === 0 ? {} : { addresses: ready }),
      ...(unready.length === 0 ? {} : { notReadyAddresses: unready }),
      ...(ports.length === 0 ? {} : { ports })
    }
  })
}

const syncEndpoints = (api: Api, service: JsonObject): void => {
  const subsets = subsetsOf(service, podsOf(api, service))
  const labels: JsonObject = {
    ...inheritedLabels(service),
    [ofEndpoints]: "endpoint-controller",
    ...(isHeadless(service) ? { [headless]: "" } : {})
  }
  const known = api.get("endpoints", namespaceOf(service), nameOf(service))
  const content = subsets.length === 0 ? {} : { subsets }
  if (known === undefined) {
    api.create(
      {
        apiVersion: "v1",
        kind: "Endpoints",
        metadata: { name: nameOf(service), labels, annotations: { [trigger]: api.time } },
        ...content
      },
      namespaceOf(service)
    )
    return
  }
  const same =
    jsonEquals(listAt(known, "subsets"), [...subsets]) && jsonEquals(objectAt(known, "metadata", "labels"), labels)
  if (same) return
  const { subsets: _subsets, ...rest } = known
  const annotations = { ...objectAt(known, "metadata", "annotations"), [trigger]: api.time }
  api.update({ ...store.withMetadata(rest, { labels, annotations }), ...content })
}

export const endpoints: Controller<"endpoint"> = {
  name: "endpoint",
  watches: ["services", "pods", "endpoints"],
  sync: (api) => {
    for (const service of api.list("services")) if (isSelecting(service)) syncEndpoints(api, service)
    for (const each of api.list("endpoints")) {
      const isOwn = textAt(each, "metadata", "labels", ofEndpoints) === "endpoint-controller"
      if (isOwn && api.get("services", namespaceOf(each), nameOf(each)) === undefined) api.remove(each)
    }
  }
}
