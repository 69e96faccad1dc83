/** What Services have to be, and the endpoints behind them. */
import { isAddress } from "../addresses.js"
import { jsonEquals } from "../json.js"
import { labelValueProblems, rules } from "../names.js"
import type { Json, JsonObject } from "../openapi.js"
import { structText } from "../structs.js"
import {
  cidr,
  duplicate,
  duplicateText,
  eachAt,
  endpointIp,
  forbid,
  immutable,
  invalid,
  ip,
  labels,
  listAt,
  maybeOneOf,
  missing,
  name,
  numberAt,
  objectAt,
  oneOf,
  portNumber,
  portNumberOrName,
  problems,
  protocols,
  qualifiedName,
  specOf,
  strictIp,
  textAt,
  tooMany,
  unsupported,
  valueAt,
  type Causes,
  type PartRule,
  type Rule
} from "./rules.js"

/** Of an address: whether it is one of IPv6. */
const isSix = (address: string): boolean => address.includes(":")

const isHeadless = (spec: JsonObject): boolean => {
  const addresses = listAt(spec, "clusterIPs")
  return addresses.length === 1 && addresses[0] === "None"
}

const families = ["IPv4", "IPv6"]

/** What is given on each address of a Service. */
const addresses = (out: Causes, spec: JsonObject, old: JsonObject): void => {
  const [own, all] = [textAt(spec, "clusterIP"), listAt(spec, "clusterIPs")]
  const at = "spec.clusterIPs"
  if (own !== "") {
    if (all.length === 0) missing(out, at)
    else if (all[0] !== own) invalid(out, at, [...all], "first value must match `clusterIP`")
  } else if (all.length > 0) invalid(out, at, [...all], "must be empty when `clusterIP` is not specified")
  const given = listAt(spec, "ipFamilies")
  given.forEach((family, index) => {
    maybeOneOf(out, `spec.ipFamilies[${index}]`, family, families)
    if (given.indexOf(family) < index) duplicate(out, `spec.ipFamilies[${index}]`, family)
  })
  const policies = ["PreferDualStack", "RequireDualStack", "SingleStack"]
  maybeOneOf(out, "spec.ipFamilyPolicy", valueAt(spec, "ipFamilyPolicy"), policies)
  const known = listAt(old, "clusterIPs")
  const before = out.length
  all.forEach((address, index) => {
    if (index === 0 && address === "None") {
      if (all.length > 1) invalid(out, at, [...all], "'None' must be the first and only value")
    } else if (!known.includes(address)) ip(out, `${at}[${index}]`, String(address))
  })
  const areWrong = out.length > before
  if (all.length > 2) invalid(out, at, [...all], "may only hold up to 2 values")
  if (areWrong || isHeadless(spec)) return
  if (all.length > 1 && new Set(all.map((address) => isSix(String(address)))).size < 2) {
    invalid(out, at, [...all], "may specify no more than one IP for each IP family")
  }
  all.slice(0, given.length).forEach((address, index) => {
    const wanted = given[index]
    const fits = isSix(String(address)) ? wanted !== "IPv4" : wanted !== "IPv6"
    if (fits) return
    const why = `expected an ${String(wanted)} value as indicated by \`ipFamilies[${index}]\``
    invalid(out, `${at}[${index}]`, address, why)
  })
}

/** Addresses are kept for good; what more than one there is can be given and taken. */
const addressUpdate = (out: Causes, spec: JsonObject, old: JsonObject): void => {
  if (spec["type"] === "ExternalName" || old["type"] === "ExternalName") return
  const single = spec["ipFamilyPolicy"] === "SingleStack"
  const changed = (key: string, what: string, shown: (given: ReadonlyArray<Json>) => ReadonlyArray<Json>): void => {
    const [now, before] = [listAt(spec, key), listAt(old, key)]
    const at = (index: number): string => `spec.${key}[${index}]`
    if (now.length === before.length) {
      now.forEach((each, index) => {
        if (each === before[index]) return
        invalid(out, at(key === "clusterIPs" ? index : 0), [...now], "may not change once set")
      })
    } else if (before.length > now.length) {
      if (listAt(spec, "clusterIPs").length === 0) invalid(out, at(0), [...now], `primary ${what} can not be unset`)
      if (now.length > 0 && now[0] !== before[0]) invalid(out, at(0), [...shown(now)], "may not change once set")
      if (now.length === 1 && !single) {
        const why = `must be set to 'SingleStack' when releasing the secondary ${what}`
        invalid(out, "spec.ipFamilyPolicy", spec["ipFamilyPolicy"] ?? null, why)
      }
    } else if (before.length > 0 && now[0] !== before[0]) {
      invalid(out, at(0), [...shown(now)], "may not change once set")
    }
  }
  if (!isHeadless(spec) || !isHeadless(old)) changed("clusterIPs", "clusterIP", (now) => now)
  if (!isHeadless(spec) && !isHeadless(old)) {
    // The API server shows the addresses where it means the families.
    changed("ipFamilies", "ipFamily", () => listAt(spec, "clusterIPs"))
  }
}

const isBalanced = (spec: JsonObject): boolean => spec["type"] === "LoadBalancer"

const balancerClass = (out: Causes, spec: JsonObject): void => {
  const given = valueAt(spec, "loadBalancerClass")
  if (given === undefined) return
  const at = "spec.loadBalancerClass"
  if (isBalanced(spec)) qualifiedName(out, at, String(given))
  else forbid(out, at, "may only be used when `type` is 'LoadBalancer'")
}

const needsHealthCheck = (spec: JsonObject): boolean => isBalanced(spec) && spec["externalTrafficPolicy"] === "Local"

const serviceUpdate = (out: Causes, spec: JsonObject, old: JsonObject): void => {
  addressUpdate(out, spec, old)
  const [given, before] = [spec["loadBalancerClass"], old["loadBalancerClass"]]
  if (isBalanced(old) && isBalanced(spec) && given !== before) {
    invalid(out, "spec.loadBalancerClass", given ?? null, "may not change once set")
  }
  balancerClass(out, spec)
  if (needsHealthCheck(old) && needsHealthCheck(spec) && spec["healthCheckNodePort"] !== old["healthCheckNodePort"]) {
    forbid(out, "spec.healthCheckNodePort", "field is immutable")
  }
}

/** A Service that is only another name. */
const externalName = (out: Causes, spec: JsonObject): void => {
  const why = "may not be set for ExternalName services"
  for (const key of ["clusterIPs", "ipFamilies"]) if (listAt(spec, key).length > 0) forbid(out, `spec.${key}`, why)
  if (spec["ipFamilyPolicy"] !== undefined) forbid(out, "spec.ipFamilyPolicy", why)
  const external = textAt(spec, "externalName").replace(/\.$/, "")
  if (external === "") missing(out, "spec.externalName")
  else name(out, "spec.externalName", external, "subdomain")
}

type Ports = ReadonlyArray<readonly [JsonObject, string]>

const portsRule = (out: Causes, ports: Ports): void => {
  const names = new Set<string>()
  for (const [port, at] of ports) {
    const portName = textAt(port, "name")
    if (ports.length > 1 && portName === "") missing(out, `${at}.name`)
    else if (portName !== "") {
      name(out, `${at}.name`, portName, "label")
      if (names.has(portName)) duplicate(out, `${at}.name`, portName)
      names.add(portName)
    }
    portNumber(out, `${at}.port`, numberAt(port, "port") ?? 0)
    oneOf(out, `${at}.protocol`, port["protocol"], protocols)
    portNumberOrName(out, `${at}.targetPort`, port["targetPort"])
    const application = valueAt(port, "appProtocol")
    if (application !== undefined) qualifiedName(out, `${at}.appProtocol`, String(application))
  }
}

const affinity = (out: Causes, spec: JsonObject): void => {
  oneOf(out, "spec.sessionAffinity", spec["sessionAffinity"], ["ClientIP", "None"])
  const at = "spec.sessionAffinityConfig"
  const config = objectAt(spec, "sessionAffinityConfig")
  if (spec["sessionAffinity"] === "None" && config !== undefined) {
    forbid(out, at, "must not be set when session affinity is None")
  }
  if (spec["sessionAffinity"] !== "ClientIP") return
  const why = "when session affinity type is ClientIP"
  const timeout = numberAt(config, "clientIP", "timeoutSeconds")
  if (config === undefined) missing(out, at, why)
  else if (config["clientIP"] === undefined) missing(out, `${at}.clientIP`, why)
  else if (timeout === undefined) missing(out, `${at}.clientIP.timeoutSeconds`, why)
  else if (timeout <= 0 || timeout > 86400) {
    invalid(out, `${at}.clientIP.timeoutSeconds`, timeout, "must be greater than 0 and less than 86400")
  }
}

const twice = (out: Causes, ports: Ports): void => {
  const [nodePorts, numbers] = [new Set<string>(), new Set<string>()]
  for (const [port, at] of ports) {
    const node = numberAt(port, "nodePort") ?? 0
    const key = `${textAt(port, "protocol")}/${node}`
    if (node === 0) continue
    if (nodePorts.has(key)) duplicate(out, `${at}.nodePort`, node)
    nodePorts.add(key)
  }
  for (const [given, at] of ports) {
    const [protocol, port] = [textAt(given, "protocol"), numberAt(given, "port") ?? 0]
    const key = `${protocol}/${port}`
    if (numbers.has(key)) duplicateText(out, at, structText("core.ServicePort", { protocol, port }))
    numbers.add(key)
  }
}

const rangesAnnotation = "service.beta.kubernetes.io/load-balancer-source-ranges"

/** From where a load balancer takes connections. */
const sources = (out: Causes, object: JsonObject, old: JsonObject | undefined): void => {
  const [spec, why] = [specOf(object), "may only be used when `type` is 'LoadBalancer'"]
  const given = listAt(spec, "loadBalancerSourceRanges")
  const noted = valueAt(object, "metadata", "annotations", rangesAnnotation)
  if (given.length > 0) {
    const known = listAt(specOf(old), "loadBalancerSourceRanges").map((each) => String(each).trim())
    const at = "spec.LoadBalancerSourceRanges"
    if (!isBalanced(spec)) forbid(out, at, why)
    given.forEach((each, index) => {
      const text = String(each).trim()
      if (!known.includes(text)) cidr(out, `${at}[${index}]`, text)
    })
  } else if (noted !== undefined) {
    const at = `metadata.annotations[${rangesAnnotation}]`
    if (!isBalanced(spec)) forbid(out, at, why)
    const text = String(noted).trim()
    if (text === "" || noted === valueAt(old, "metadata", "annotations", rangesAnnotation)) return
    for (const each of text.split(",")) cidr(out, at, each.trim())
  }
}

const externalTraffic = (out: Causes, spec: JsonObject): void => {
  const [policy, check] = [valueAt(spec, "externalTrafficPolicy"), numberAt(spec, "healthCheckNodePort") ?? 0]
  const at = "spec.externalTrafficPolicy"
  const isOutside = spec["type"] === "ClusterIP" && listAt(spec, "externalIPs").length > 0
  const reachable = spec["type"] === "NodePort" || isBalanced(spec) || isOutside
  if (reachable) oneOf(out, at, policy, ["Cluster", "Local"])
  else if (policy !== undefined) invalid(out, at, policy, "may only be set for externally-accessible services")
  if (needsHealthCheck(spec)) {
    if (check === 0) missing(out, "spec.healthCheckNodePort")
    else portNumber(out, "spec.healthCheckNodePort", check)
  } else if (check !== 0) {
    const why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
    invalid(out, "spec.healthCheckNodePort", check, why)
  }
}

const clusterTypes = ["ClusterIP", "LoadBalancer", "NodePort"]

export const service: Rule = (out, object, old) => {
  const [spec, before] = [specOf(object), specOf(old)]
  const type = textAt(spec, "type")
  if (old !== undefined) serviceUpdate(out, spec, before)
  const ports = eachAt(spec, "spec", "ports")
  const headless = isHeadless(spec)
  if (ports.length === 0 && !headless && type !== "ExternalName") missing(out, "spec.ports")
  if (headless && (type === "LoadBalancer" || type === "NodePort")) {
    invalid(out, "spec.clusterIPs[0]", "None", `may not be set to 'None' for ${type} services`)
  }
  if (type === "ExternalName") externalName(out, spec)
  portsRule(out, ports)
  labels(out, "spec.selector", spec["selector"])
  affinity(out, spec)
  if (type !== "ExternalName") addresses(out, spec, before)
  const known = listAt(before, "externalIPs")
  listAt(spec, "externalIPs").forEach((address, index) => {
    const at = `spec.externalIPs[${index}]`
    if (isAddress(String(address)) || known.includes(address)) endpointIp(out, at, String(address))
    else ip(out, at, String(address))
  })
  oneOf(out, "spec.type", type, ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"])
  if (type === "ClusterIP") {
    for (const [port, at] of ports) {
      if ((numberAt(port, "nodePort") ?? 0) !== 0) {
        forbid(out, `${at}.nodePort`, "may not be used when `type` is 'ClusterIP'")
      }
    }
  }
  twice(out, ports)
  sources(out, object, old)
  if (spec["allocateLoadBalancerNodePorts"] !== undefined && !isBalanced(spec)) {
    forbid(out, "spec.allocateLoadBalancerNodePorts", "may only be used when `type` is 'LoadBalancer'")
  }
  balancerClass(out, spec)
  externalTraffic(out, spec)
  const internal = valueAt(spec, "internalTrafficPolicy")
  if (internal === undefined && clusterTypes.includes(type)) missing(out, "spec.internalTrafficPolicy")
  maybeOneOf(out, "spec.internalTrafficPolicy", internal, ["Cluster", "Local"])
  const distributions = ["PreferClose", "PreferSameZone", "PreferSameNode"]
  maybeOneOf(out, "spec.trafficDistribution", valueAt(spec, "trafficDistribution"), distributions)
}

const ingressAddress = (out: Causes, at: string, ingress: JsonObject, known: ReadonlyArray<Json>): void => {
  const address = textAt(ingress, "ip")
  if (address !== "" && !known.some((each) => textAt(each, "ip") === address)) ip(out, `${at}.ip`, address)
}

const ingressHost = (out: Causes, at: string, ingress: JsonObject): void => {
  const hostname = textAt(ingress, "hostname")
  if (hostname === "") return
  name(out, `${at}.hostname`, hostname, "subdomain")
  if (isAddress(hostname)) invalid(out, `${at}.hostname`, hostname, "must be a DNS name, not an IP address")
}

const balancerAt = "status.loadBalancer"

export const serviceStatus: PartRule = (out, object, old) => {
  const given = eachAt(objectAt(object, "status", "loadBalancer"), balancerAt, "ingress")
  if (given.length > 0 && !isBalanced(specOf(object))) {
    return forbid(out, `${balancerAt}.ingress`, "may only be used when `spec.type` is 'LoadBalancer'")
  }
  for (const [ingress, at] of given) {
    ingressAddress(out, at, ingress, listAt(old, "status", "loadBalancer", "ingress"))
    const [mode, address] = [valueAt(ingress, "ipMode"), textAt(ingress, "ip")]
    if (mode === undefined) {
      if (address !== "") missing(out, `${at}.ipMode`, "must be specified when `ip` is set")
    } else if (address === "") forbid(out, `${at}.ipMode`, "may not be specified when `ip` is not set")
    else maybeOneOf(out, `${at}.ipMode`, mode, ["Proxy", "VIP"])
    ingressHost(out, at, ingress)
  }
}

export const ingressStatus: PartRule = (out, object, old) => {
  for (const [ingress, at] of eachAt(objectAt(object, "status", "loadBalancer"), balancerAt, "ingress")) {
    ingressAddress(out, at, ingress, listAt(old, "status", "loadBalancer", "ingress"))
    ingressHost(out, at, ingress)
  }
}

export const endpoints: Rule = (out, object, old) => {
  if (old !== undefined && jsonEquals(object["subsets"] ?? [], old["subsets"] ?? [])) return
  for (const [subset, path] of eachAt(object, "", "subsets")) {
    const at = path.slice(1)
    if (listAt(subset, "addresses").length === 0 && listAt(subset, "notReadyAddresses").length === 0) {
      missing(out, at, "must specify `addresses` or `notReadyAddresses`")
    }
    for (const key of ["addresses", "notReadyAddresses"]) {
      for (const [address, where] of eachAt(subset, at, key)) {
        const [text, hostname, node] = [
          textAt(address, "ip"),
          textAt(address, "hostname"),
          valueAt(address, "nodeName")
        ]
        ip(out, `${where}.ip`, text)
        if (hostname !== "") name(out, `${where}.hostname`, hostname, "label")
        if (node !== undefined) name(out, `${where}.nodeName`, String(node), "subdomain")
        endpointIp(out, `${where}.ip`, text)
      }
    }
    const ports = eachAt(subset, at, "ports")
    for (const [port, where] of ports) {
      const portName = textAt(port, "name")
      if (ports.length > 1 && portName === "") missing(out, `${where}.name`)
      else if (portName !== "") name(out, `${where}.name`, portName, "label")
      portNumber(out, `${where}.port`, numberAt(port, "port") ?? 0)
      oneOf(out, `${where}.protocol`, port["protocol"], protocols)
      const application = valueAt(port, "appProtocol")
      if (application !== undefined) qualifiedName(out, `${where}.appProtocol`, String(application))
    }
  }
}

const domainName = (out: Causes, path: string, text: string): void => {
  if (text === "") return missing(out, path)
  const bare = text.replace(/\.$/, "")
  const found = rules.subdomain(bare)
  if (found.length > 0) return problems(out, path, bare, found)
  if (bare.split(".").length < 2)
    invalid(out, path, bare, "should be a domain with at least two segments separated by dots")
}

const endpointAddress = (out: Causes, at: string, type: string, index: number, address: string): void => {
  const own = `${at}[${index}]`
  if (type === "FQDN") return domainName(out, own, address)
  if (type !== "IPv4" && type !== "IPv6") return
  if (!isAddress(address)) return ip(out, own, address)
  const before = out.length
  if (type === "IPv6") strictIp(out, own, address)
  if (out.length > before) return
  if (isSix(address) !== (type === "IPv6")) invalid(out, at, address, `must be an ${type} address`)
  endpointIp(out, own, address)
}

const hints = (out: Causes, path: string, given: JsonObject | undefined): void => {
  for (const [list, check] of [
    ["forZones", (text: string) => labelValueProblems(text)],
    ["forNodes", (text: string) => rules.subdomain(text)]
  ] as const) {
    const all = eachAt(given, path, list)
    if (all.length > 8) return tooMany(out, `${path}.${list}`, all.length, 8)
    const seen = new Set<string>()
    for (const [hint, at] of all) {
      const text = textAt(hint, "name")
      if (seen.has(text)) duplicate(out, `${at}.name`, text)
      seen.add(text)
      problems(out, `${at}.name`, text, check(text))
    }
  }
}

export const endpointSlice: Rule = (out, object, old) => {
  const type = textAt(object, "addressType")
  oneOf(out, "addressType", type, ["FQDN", "IPv4", "IPv6"])
  const names = new Set<string>()
  for (const [port, path] of eachAt(object, "", "ports")) {
    const [at, portName] = [path.slice(1), textAt(port, "name")]
    if (portName !== "") name(out, `${at}.name`, portName, "label")
    if (names.has(portName)) duplicate(out, `${at}.name`, portName)
    names.add(portName)
    const protocol = valueAt(port, "protocol")
    if (protocol === undefined) missing(out, `${at}.protocol`)
    else if (!protocols.includes(String(protocol))) unsupported(out, `${at}.protocol`, protocol, protocols)
    const application = valueAt(port, "appProtocol")
    if (application !== undefined) qualifiedName(out, `${at}.appProtocol`, String(application))
  }
  if (old === undefined || !jsonEquals(object["endpoints"] ?? [], old["endpoints"] ?? [])) {
    const all = eachAt(object, "", "endpoints")
    if (all.length > 1000) tooMany(out, "endpoints", all.length, 1000)
    for (const [endpoint, path] of all.length > 1000 ? [] : all) {
      const at = path.slice(1)
      const given = listAt(endpoint, "addresses")
      if (given.length === 0) missing(out, `${at}.addresses`, "must contain at least 1 address")
      else if (given.length > 100) tooMany(out, `${at}.addresses`, given.length, 100)
      given.forEach((address, index) => endpointAddress(out, `${at}.addresses`, type, index, String(address)))
      const [node, hostname] = [valueAt(endpoint, "nodeName"), valueAt(endpoint, "hostname")]
      if (node !== undefined) name(out, `${at}.nodeName`, String(node), "subdomain")
      labels(out, `${at}.deprecatedTopology`, endpoint["deprecatedTopology"])
      if (hostname !== undefined) name(out, `${at}.hostname`, String(hostname), "label")
      hints(out, `${at}.hints`, objectAt(endpoint, "hints"))
    }
  }
  if (old !== undefined) immutable(out, "addressType", object["addressType"], old["addressType"])
}
