/** What the API server gives to a [Service](https://kubernetes.io/docs/concepts/services-networking/service/): addresses and ports. */
import * as Either from "effect/Either"
import { isIPv4 } from "node:net"
import { isJsonObject, jsonEquals, listOf } from "./json.js"
import type { JsonObject } from "./openapi.js"
import * as status from "./status.js"
import type { Cause, Failure } from "./status.js"
import * as store from "./store.js"
import { metadataOf, type Objects } from "./store.js"

/** What kube-apiserver has when it is not told otherwise. */
const network = "10.0.0"
const ports = { first: 30000, last: 32767, reserved: 86 }
/** Addresses below are kept for those who ask for one of them. */
const reservedAddresses = 16

const specOf = (object: JsonObject | undefined): JsonObject => {
  const spec = object?.["spec"]
  return isJsonObject(spec) ? spec : {}
}
const portsOf = (spec: JsonObject): ReadonlyArray<JsonObject> => listOf(spec["ports"]).filter(isJsonObject)
const addressOf = (spec: JsonObject): string => String(spec["clusterIP"] ?? "")
const portOf = (port: JsonObject): number => (typeof port["nodePort"] === "number" ? port["nodePort"] : 0)

const isHeadless = (spec: JsonObject): boolean => addressOf(spec) === "None"
const wantsAddress = ({ type }: JsonObject): boolean => type !== undefined && type !== "ExternalName"
const mayHavePorts = ({ type }: JsonObject): boolean => type === "NodePort" || type === "LoadBalancer"
const wantsPorts = (spec: JsonObject): boolean =>
  mayHavePorts(spec) && (spec["type"] === "NodePort" || spec["allocateLoadBalancerNodePorts"] !== false)
const wantsHealthCheck = ({ externalTrafficPolicy, type }: JsonObject): boolean =>
  type === "LoadBalancer" && externalTrafficPolicy === "Local"

const without = (spec: JsonObject, ...keys: ReadonlyArray<string>): JsonObject =>
  Object.fromEntries(Object.entries(spec).filter(([key]) => !keys.includes(key)))

/** An update that says nothing of what was given does not take it away. */
const keeping = (spec: JsonObject, old: JsonObject): JsonObject => {
  let next = spec
  if (wantsAddress(old) && wantsAddress(spec)) {
    if (addressOf(next) === "") next = { ...next, clusterIP: old["clusterIP"] ?? "" }
    if (listOf(next["clusterIPs"]).length === 0) next = { ...next, clusterIPs: old["clusterIPs"] ?? [] }
    for (const key of ["ipFamilies", "ipFamilyPolicy"]) {
      if (next[key] === undefined && old[key] !== undefined) next = { ...next, [key]: old[key] }
    }
  }
  if (wantsPorts(old) && wantsPorts(spec)) {
    const before = portsOf(old)
    const taken = new Set(portsOf(spec).map(portOf))
    next = {
      ...next,
      ports: portsOf(spec).map((port) => {
        const known = before.find(
          (each) => each["port"] === port["port"] && each["protocol"] === port["protocol"] && !taken.has(portOf(each))
        )
        return portOf(port) === 0 && known !== undefined && portOf(known) !== 0
          ? { ...port, nodePort: portOf(known) }
          : port
      })
    }
  }
  const check = old["healthCheckNodePort"]
  return wantsHealthCheck(old) && wantsHealthCheck(spec) && check !== undefined && !next["healthCheckNodePort"]
    ? { ...next, healthCheckNodePort: check }
    : next
}

/** `clusterIP` is the first of `clusterIPs`: who changes one of them, means both. */
const together = (spec: JsonObject, old: JsonObject | undefined): JsonObject => {
  const address = addressOf(spec)
  if (old === undefined) {
    return address !== "" && listOf(spec["clusterIPs"]).length === 0 ? { ...spec, clusterIPs: [address] } : spec
  }
  return address !== addressOf(old) && jsonEquals(listOf(spec["clusterIPs"]), listOf(old["clusterIPs"]))
    ? address === ""
      ? without(spec, "clusterIPs")
      : { ...spec, clusterIPs: [address, ...listOf(spec["clusterIPs"]).slice(1)] }
    : spec
}

/** Another type has no use for what was given to the old one. */
const dropping = (spec: JsonObject, old: JsonObject): JsonObject => {
  const same = (key: string): boolean => jsonEquals(spec[key] ?? null, old[key] ?? null)
  let next = spec
  const drop = (used: (spec: JsonObject) => boolean, ...keys: ReadonlyArray<string>) => {
    if (used(old) && !used(spec)) next = without(next, ...keys.filter(same))
  }
  drop(wantsAddress, "clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy")
  drop(wantsHealthCheck, "healthCheckNodePort")
  drop(({ type }) => type === "LoadBalancer", "allocateLoadBalancerNodePorts", "loadBalancerClass")
  const isExternal = (each: JsonObject): boolean => mayHavePorts(each) || listOf(each["externalIPs"]).length > 0
  drop(isExternal, "externalTrafficPolicy")
  if (mayHavePorts(old) && !mayHavePorts(spec)) {
    const before = new Set(portsOf(old).map(portOf))
    next = {
      ...next,
      ports: portsOf(next).map((port) => (before.has(portOf(port)) ? without(port, "nodePort") : port))
    }
  }
  return next
}

/** Families and their policy. The cluster has IPv4 only. */
const families = (spec: JsonObject, causes: Array<Cause>): JsonObject => {
  const isFree = isHeadless(spec) && Object.keys(isJsonObject(spec["selector"]) ? spec["selector"] : {}).length === 0
  const policy = spec["ipFamilyPolicy"] ?? (isFree ? "RequireDualStack" : "SingleStack")
  const given = listOf(spec["ipFamilies"])
  const own = given.length === 0 ? ["IPv4"] : given
  const other = own[0] === "IPv4" ? "IPv6" : "IPv4"
  if (isFree) {
    const all = own.length < 2 && policy !== "SingleStack" ? [...own, other] : own
    return { ...spec, ipFamilyPolicy: policy, ipFamilies: all }
  }
  if (policy === "RequireDualStack") {
    causes.push(
      status.invalidValue(
        "spec.ipFamilyPolicy",
        JSON.stringify(policy),
        "this cluster is not configured for dual-stack services"
      )
    )
  }
  const addresses = listOf(spec["clusterIPs"])
  for (const [index, family] of given.entries()) {
    const address = addresses[index]
    const isV4 = typeof address === "string" && isIPv4(address)
    if (address !== undefined && address !== "None" && isV4 !== (family === "IPv4")) {
      causes.push(
        status.invalidValue(
          `spec.clusterIPs[${index}]`,
          JSON.stringify(address),
          `expected an ${String(family)} value as indicated by \`ipFamilies[${index}]\``
        )
      )
    } else if (family !== "IPv4") {
      causes.push(
        status.invalidValue(`spec.ipFamilies[${index}]`, JSON.stringify(family), "not configured on this cluster")
      )
    }
  }
  return { ...spec, ipFamilyPolicy: policy, ipFamilies: own }
}

/** How the two fields of the address have to go together. */
const addressCauses = (spec: JsonObject): ReadonlyArray<Cause> => {
  const [address, all] = [addressOf(spec), listOf(spec["clusterIPs"])]
  const wrong = (detail: string) => [status.invalidValue("spec.clusterIPs", JSON.stringify(all), detail)]
  if (all.length === 0) return []
  if (address === "") return wrong("must be empty when `clusterIP` is not specified")
  return all[0] === address ? [] : wrong("first value must match `clusterIP`")
}

const isInNetwork = (address: string): boolean => {
  const last = Number(address.slice(network.length + 1))
  return address.startsWith(`${network}.`) && last > 0 && last < 255
}

const free = (taken: ReadonlySet<string>): string | undefined => {
  const address = (number: number) => `${network}.${number}`
  const all = Array.from({ length: 254 }, (_, index) => index + 1)
  return [...all.slice(reservedAddresses), ...all.slice(0, reservedAddresses)]
    .map(address)
    .find((each) => !taken.has(each))
}

/** The address that a service is given, or asks for. */
const addressed = (spec: JsonObject, taken: ReadonlySet<string>, causes: Array<Cause>): JsonObject => {
  const address = addressOf(spec)
  if (address === "None") return spec
  if (address === "") {
    const given = free(taken)
    if (given !== undefined) return { ...spec, clusterIP: given, clusterIPs: [given] }
    causes.push(status.invalidValue("spec.clusterIPs", "[]", "failed to allocate a serviceIP: range is full"))
    return spec
  }
  const why = isInNetwork(address)
    ? taken.has(address)
      ? "provided IP is already allocated"
      : undefined
    : isIPv4(address)
      ? "the provided network does not match the current range"
      : // Validation says what is wrong with it.
        undefined
  if (why !== undefined) {
    const all = JSON.stringify(listOf(spec["clusterIPs"]))
    causes.push(status.invalidValue("spec.clusterIPs", all, `failed to allocate IP ${address}: ${why}`))
  }
  return spec
}

/** The ports that a service has on every node. */
const nodePortsOf = (spec: JsonObject): ReadonlyArray<number> => [
  ...portsOf(spec).map(portOf),
  ...(typeof spec["healthCheckNodePort"] === "number" ? [spec["healthCheckNodePort"]] : [])
]

const ported = (
  spec: JsonObject,
  own: ReadonlySet<number>,
  taken: ReadonlySet<number>,
  causes: Array<Cause>
): JsonObject => {
  // One number may serve several protocols of a service.
  const used = new Set(taken)
  const problem = (field: string, port: number) => {
    if (port === 0 || own.has(port)) return
    const detail =
      port < ports.first || port > ports.last
        ? `provided port is not in the valid range. The range of valid ports is ${ports.first}-${ports.last}`
        : taken.has(port)
          ? "provided port is already allocated"
          : undefined
    if (detail !== undefined) causes.push(status.invalidValue(field, String(port), detail))
  }
  for (const [index, port] of portsOf(spec).entries()) {
    const number = portOf(port)
    if (number === 0) continue
    problem(`spec.ports[${index}].nodePort`, number)
    used.add(number)
  }
  const next = (): number => {
    const count = ports.last - ports.first + 1
    const all = Array.from({ length: count }, (_, index) => ports.first + ((index + ports.reserved) % count))
    const port = all.find((each) => !used.has(each)) ?? 0
    if (port === 0) causes.push(status.invalidValue("spec.ports", "[]", "failed to allocate a nodePort: range is full"))
    used.add(port)
    return port
  }
  let result = spec
  if (wantsPorts(spec)) {
    const all: Array<JsonObject> = []
    for (const port of portsOf(spec)) {
      const shared = all.find((each) => each["port"] === port["port"] && each["protocol"] !== port["protocol"])
      all.push(
        portOf(port) !== 0 ? port : { ...port, nodePort: shared === undefined ? next() : portOf(shared) || next() }
      )
    }
    result = { ...result, ports: all }
  }
  if (wantsHealthCheck(spec)) {
    const check = spec["healthCheckNodePort"]
    if (typeof check === "number" && check !== 0) problem("spec.healthCheckNodePort", check)
    else result = { ...result, healthCheckNodePort: next() }
  }
  return result
}

/** A service with what it is given when it is created or updated, or why it cannot have what it asks for. */
export const allocate = (
  service: JsonObject,
  old: JsonObject | undefined,
  objects: Objects
): Either.Either<JsonObject, Failure> => {
  const before = old === undefined ? undefined : specOf(old)
  const others = store
    .list(objects, "services", undefined)
    .map(({ object }) => object)
    .filter((each) => metadataOf(each)["uid"] !== metadataOf(old ?? {})["uid"])
    .map(specOf)
  const kept = before === undefined ? specOf(service) : keeping(specOf(service), before)
  const joined = together(kept, before)
  const own = before === undefined ? joined : dropping(joined, before)
  const refuse = (causes: ReadonlyArray<Cause>) =>
    Either.left(status.invalid({ group: "", kind: "Service" }, String(metadataOf(service)["name"] ?? ""), causes))
  const causes: Array<Cause> = []
  let spec = own
  if (wantsAddress(spec)) {
    causes.push(...addressCauses(spec))
    if (causes.length > 0) return refuse(causes)
    spec = families(spec, causes)
    if (causes.length > 0) return refuse(causes)
    // An address that is there cannot change; validation says so.
    if (before === undefined || !wantsAddress(before) || addressOf(before) === "") {
      spec = addressed(spec, new Set(others.map(addressOf)), causes)
      if (causes.length > 0) return refuse(causes)
    }
  }
  if (mayHavePorts(spec)) {
    const mine = new Set(before === undefined ? [] : nodePortsOf(before))
    spec = ported(spec, mine, new Set(others.flatMap(nodePortsOf)), causes)
    if (causes.length > 0) return refuse(causes)
  }
  return Either.right({ ...service, spec })
}
