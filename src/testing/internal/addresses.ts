/** IP addresses and blocks of them, as they are written: what the API server says of forms that it would rather not take. */
import { isIPv6 } from "node:net"

interface Address {
  readonly bits: 32 | 128
  readonly value: bigint
  /** Whether all readers agree on it: `010.0.0.1` is 8.0.0.1 to some. */
  readonly strict: boolean
}

const leadingZero = /^0\d/

const canonicalIPv6 = (text: string): string => new URL(`http://[${text}]`).hostname.slice(1, -1)

const parsed = (text: string): Address | undefined => {
  if (/^\d+(\.\d+){3}$/.test(text)) {
    const parts = text.split(".")
    if (parts.some((part) => Number(part) > 255)) return undefined
    const value = parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n)
    return { bits: 32, value, strict: !parts.some((part) => leadingZero.test(part)) }
  }
  // The API has no zones.
  if (!isIPv6(text) || text.includes("%")) return undefined
  const [head = "", tail] = canonicalIPv6(text).split("::")
  const groups = (half: string): ReadonlyArray<string> => (half === "" ? [] : half.split(":"))
  const [before, after] = [groups(head), groups(tail ?? "")]
  const all = [...before, ...Array<string>(8 - before.length - after.length).fill("0"), ...after]
  return { bits: 128, value: all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n), strict: true }
}

const textOfIPv4 = (value: bigint): string => [24n, 16n, 8n, 0n].map((by) => (value >> by) & 255n).join(".")

/** An IPv4 address that is written as one of IPv6. */
const isMapped = ({ bits, value }: Address): boolean => bits === 128 && value >> 32n === 0xffffn

const textOf = (address: Address): string =>
  address.bits === 32 || isMapped(address)
    ? textOfIPv4(address.value)
    : canonicalIPv6(
        Array.from({ length: 8 }, (_, index) =>
          ((address.value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16)
        ).join(":")
      )

/** Whether it is an address in any form that the API server ever took. */
export const isAddress = (text: string): boolean => parsed(text) !== undefined

/** What is wrong with the form of an address. */
export const formProblems = (text: string): ReadonlyArray<string> => {
  const address = parsed(text)
  if (address === undefined) return []
  if (!address.strict) return ["must not have leading 0s"]
  if (isMapped(address)) return ["must not be an IPv4-mapped IPv6 address"]
  return textOf(address) === text ? [] : [`must be in canonical form (${JSON.stringify(textOf(address))})`]
}

const nonStandard = (path: string, what: string, text: string, better: string): string =>
  `${path}: non-standard ${what} ${JSON.stringify(text)} will be considered invalid in a future Kubernetes release: use ${JSON.stringify(better)}`

const notCanonical = (path: string, what: string, text: string, better: string): string =>
  `${path}: IPv6 ${what} ${JSON.stringify(text)} should be in RFC 5952 canonical format (${JSON.stringify(better)})`

/** What the API server warns of about an IP address. */
export const ipWarnings = (path: string, text: string): ReadonlyArray<string> => {
  const address = parsed(text)
  if (address === undefined) return []
  const better = textOf(address)
  if (!address.strict || isMapped(address)) return [nonStandard(path, "IP address", text, better)]
  return address.bits === 128 && better !== text ? [notCanonical(path, "address", text, better)] : []
}

/** What the API server warns of about a block of addresses. */
export const cidrWarnings = (path: string, text: string): ReadonlyArray<string> => {
  const [ip = "", length = "", ...more] = text.split("/")
  const address = parsed(ip)
  if (address === undefined || more.length > 0 || !/^\d+$/.test(length) || Number(length) > address.bits) return []
  const free = BigInt(address.bits - Number(length))
  const network = { ...address, value: (address.value >> free) << free }
  const block = isMapped(address)
    ? `${textOfIPv4(network.value)}/${Math.max(0, Number(length) - 96)}`
    : `${textOf(network)}/${Number(length)}`
  const warnings = [
    ...(network.value === address.value
      ? []
      : [
          `${path}: CIDR value ${JSON.stringify(text)} is ambiguous in this context (should be ${JSON.stringify(block)} or ${JSON.stringify(`${textOf(address)}/${address.bits}`)}?)`
        ]),
    ...(!address.strict || leadingZero.test(length) || isMapped(address)
      ? [nonStandard(path, "CIDR value", text, block)]
      : [])
  ]
  return warnings.length === 0 && address.bits === 128 && block !== text
    ? [notCanonical(path, "CIDR value", text, block)]
    : warnings
}
