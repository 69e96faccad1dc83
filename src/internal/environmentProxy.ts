/**
 * The proxy that the environment names for a server, by Go's rules, which are kubectl's. Those of Node's libraries differ
 * from them, and from each other: none knows networks in `NO_PROXY`, or that the way to this machine needs no proxy.
 */
import { BlockList, isIP } from "node:net"
import { bareHost, isLoopback, portOf } from "./address.js"

type Environment = { readonly [name: string]: string | undefined }

const family = (address: string) => (isIP(address) === 6 ? "ipv6" : "ipv4")

/** Whether an entry of `NO_PROXY` is about the server: `10.0.0.0/8`, `10.0.0.1`, `example.com`, `host:6443`, `*`. */
const excepts = (entry: string, host: string, port: string): boolean => {
  if (entry === "*") return true
  const list = new BlockList()
  const [, network = "", prefix = ""] = /^(.*)\/(\d+)$/.exec(entry) ?? []
  if (isIP(network) !== 0) {
    if (Number(prefix) > (isIP(network) === 6 ? 128 : 32)) return false
    list.addSubnet(network, Number(prefix), family(network))
    return isIP(host) !== 0 && list.check(host, family(host))
  }
  const [, before = entry, only = port] = isIP(entry) === 6 ? [] : (/^(.*):(\d*)$/.exec(entry) ?? [])
  const name = bareHost(before)
  if (name === "" || only !== port) return false
  if (isIP(name) !== 0) {
    list.addAddress(name, family(name))
    return isIP(host) !== 0 && list.check(host, family(host))
  }
  const domain = name.replace(/^\*\./, ".")
  return domain.startsWith(".") ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`)
}

/** The name of the variable and the URL in it. */
export const environmentProxy = (
  server: URL,
  environment: Environment
): { readonly variable: string; readonly url: string } | undefined => {
  const found = (name: string) => [name, name.toLowerCase()].find((one) => (environment[one] ?? "") !== "")
  const variable = found(server.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY")
  if (variable === undefined || isLoopback(server.hostname)) return undefined
  const host = bareHost(server.hostname)
  const port = String(portOf(server))
  const except = environment[found("NO_PROXY") ?? ""] ?? ""
  if (except.split(",").some((entry) => excepts(entry.trim().toLowerCase(), host, port))) return undefined
  const url = environment[variable] ?? ""
  return { variable, url: url.includes("://") ? url : `http://${url}` }
}
