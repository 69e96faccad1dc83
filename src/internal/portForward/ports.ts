/**
 * Which port of a pod is meant by a number or a name.
 */
import * as Either from "effect/Either"
import { InvalidRequest } from "../../KubeError.js"
import type { Port } from "../../PortForward.js"
import type { Stored } from "../../Resource.js"
import type { Pod, ServicePort } from "../../resources/CoreV1.js"

export const invalid = (message: string) => Either.left(new InvalidRequest({ message }))

export const isPort = (port: number): boolean => Number.isInteger(port) && port > 0 && port < 65536

/** The names of ports that there are, for a message. */
const known = (ports: ReadonlyArray<{ readonly name?: string | undefined; readonly port: number }>): string =>
  ports.length === 0
    ? "it declares none"
    : `it has ${ports.map(({ name, port }) => (name === undefined ? String(port) : `${name} (${port})`)).join(", ")}`

export const ofPod = (pod: Stored<Pod>, name: Port): Either.Either<number, InvalidRequest> => {
  const { containers, initContainers = [] } = pod.spec
  const ports = [...containers, ...initContainers].flatMap((container) =>
    (container.ports ?? []).map(({ containerPort, name, protocol }) => ({ name, port: containerPort, protocol }))
  )
  const matching = ports.filter((declared) => (typeof name === "number" ? declared.port : declared.name) === name)
  const tcp = matching.find(({ protocol = "TCP" }) => protocol === "TCP")
  const where = `port ${JSON.stringify(name)} of pod "${pod.metadata.name}"`
  if (tcp !== undefined) return Either.right(tcp.port)
  if (matching.length > 0) return invalid(`${where} is ${matching[0]?.protocol}; only TCP can be forwarded`)
  if (typeof name === "string") return invalid(`${where} is not there: ${known(ports)}`)
  // A container need not declare what it listens on.
  return isPort(name) ? Either.right(name) : invalid(`${where}: expected a number from 1 to 65535`)
}

export interface Service {
  readonly metadata: { readonly name: string }
  readonly spec: { readonly clusterIP?: string; readonly ports?: ReadonlyArray<ServicePort> }
}

/** Other kinds of that name exist, in other groups. */
export const isService = (object: object): object is Service =>
  "kind" in object && object.kind === "Service" && "apiVersion" in object && object.apiVersion === "v1"

/** The port of a pod behind a service's port. */
export const ofService = (
  { metadata, spec }: Service,
  pod: Stored<Pod>,
  name: Port
): Either.Either<number, InvalidRequest> => {
  const { clusterIP, ports = [] } = spec
  const matching = ports.filter((declared) => (typeof name === "number" ? declared.port : declared.name) === name)
  const where = `port ${JSON.stringify(name)} of service "${metadata.name}"`
  const tcp = matching.find(({ protocol = "TCP" }) => protocol === "TCP")
  if (tcp === undefined) {
    return matching.length > 0
      ? invalid(`${where} is ${matching[0]?.protocol}; only TCP can be forwarded`)
      : invalid(`${where} is not there: ${known(ports)}`)
  }
  // A headless service maps nothing: its clients talk to the pods themselves.
  if (clusterIP === "None") return Either.right(tcp.port)
  return ofPod(pod, tcp.targetPort ?? tcp.port)
}
