/** The formats of texts that the API server looks at in custom objects, as go-openapi's strfmt knows them. */
import { isIP } from "node:net"
import { rules } from "./names.js"

type Format = (text: string) => boolean

const matching =
  (pattern: RegExp): Format =>
  (text) =>
    pattern.test(text)

/** Leading zeros are passed over, as they always were. */
const withoutZeros = (text: string): string => text.replace(/(^|[.:])0+(?=\d+(\.|$))/g, "$1")

const address = (text: string): number => isIP(withoutZeros(text))

const cidr: Format = (text) => {
  const [ip = "", bits = "", ...more] = text.split("/")
  const family = ip.includes("%") ? 0 : address(ip)
  return more.length === 0 && family !== 0 && /^\d+$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
}

const date: Format = (text) => {
  const [, year = "", month = "", day = ""] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? []
  const last = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()
  return day !== "" && Number(month) >= 1 && Number(month) <= 12 && Number(day) >= 1 && Number(day) <= last
}

const time = /^(\d{2}):(\d{2}):(\d{2})(.\d+)?(z|([+-]\d{2}:\d{2}))$/

const dateTime: Format = (text) => {
  const [day = "", clock = ""] = text.toLowerCase().split("t")
  const [, hours = "99", minutes = "", seconds = ""] = time.exec(clock) ?? []
  return date(day) && hours <= "23" && minutes <= "59" && seconds <= "59"
}

const units = [
  "ns",
  "nano",
  "us",
  "µs",
  "micro",
  "ms",
  "milli",
  "s",
  "sec",
  "m",
  "min",
  "h",
  "hr",
  "hour",
  "d",
  "day",
  "w"
]
const longUnits = ["nano", "micro", "milli", "sec", "min", "hour", "day", "week"]

/** What Go reads, and what Scala writes. */
const duration: Format = (text) =>
  /^[+-]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)$/.test(text) ||
  [...text.matchAll(/\d+\s*([A-Za-zµ]+)/g)].some(([, unit = ""]) => {
    const lower = unit.toLowerCase()
    return units.includes(lower) || lower === "wk" || longUnits.some((each) => lower.startsWith(each))
  })

/** The address alone, or with a name before it. */
const email: Format = (text) => {
  const atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\u0080-\\uffff-]+"
  const spec = `(?:${atom}(?:\\.${atom})*|"[^"]*")@(?:${atom}(?:\\.${atom})*|\\[[^\\]]*\\])`
  return new RegExp(`^\\s*(?:${spec}|(?:(?:${atom}|"[^"]*"|\\.)\\s*)*<${spec}>)\\s*$`).test(text)
}

const hostname: Format = (text) =>
  /^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9\-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$/u.test(
    text
  ) &&
  Buffer.byteLength(text) <= 255 &&
  text.split(".").every((part) => Buffer.byteLength(part) <= 63)

const mac: Format = (text) => {
  const octets = /^([0-9a-fA-F]{2})(([:-])[0-9a-fA-F]{2})(\3[0-9a-fA-F]{2})*$/.test(text)
    ? (text.length + 1) / 3
    : /^[0-9a-fA-F]{4}(\.[0-9a-fA-F]{4})+$/.test(text)
      ? ((text.length + 1) / 5) * 2
      : 0
  return octets === 6 || octets === 8 || octets === 20
}

/** An absolute URI, or a path. */
const uri: Format = (text) =>
  // oxlint-disable-next-line no-control-regex -- they may not be in it
  !/[\u0000-\u001f\u007f]/.test(text) &&
  !/%(?![0-9a-fA-F]{2})/.test(text.split("?")[0] ?? "") &&
  (text.startsWith("/") || text === "*" || /^[a-zA-Z][a-zA-Z0-9+.-]*:(\/\/[^\s/]*)?/.test(text)) &&
  !/^[a-zA-Z][a-zA-Z0-9+.-]*:\/\/[^/?#]*\s/.test(text)

const uuid = (version: string, variant: string): Format =>
  matching(new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}-?${variant}[0-9a-f]{3}-?[0-9a-f]{12}$`, "i"))

const isbn10: Format = (text) => {
  const digits = text.replace(/[\s-]+/g, "")
  if (!/^(\d{9}X|\d{10})$/.test(digits)) return false
  const sum = [...digits].reduce((total, digit, index) => total + (index + 1) * (digit === "X" ? 10 : Number(digit)), 0)
  return sum % 11 === 0
}

const isbn13: Format = (text) => {
  const digits = text.replace(/[\s-]+/g, "")
  if (!/^\d{13}$/.test(digits)) return false
  return [...digits].reduce((total, digit, index) => total + (index % 2 === 0 ? 1 : 3) * Number(digit), 0) % 10 === 0
}

const card =
  /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/

const creditCard: Format = (text) => {
  const digits = text.replace(/\D+/g, "")
  const sum = [...digits].toReversed().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 0 ? 1 : 2)
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return card.test(digits) && sum % 10 === 0
}

const part = String.raw`\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*`

/** By their names without dashes. */
const formats: { readonly [format: string]: Format | undefined } = {
  bsonobjectid: matching(/^[0-9a-fA-F]{24}$/),
  byte: matching(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/),
  cidr,
  creditcard: creditCard,
  date,
  datetime: dateTime,
  duration,
  email,
  hexcolor: matching(/^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/),
  hostname,
  ipv4: (text) => text.includes(".") && address(text) !== 0,
  ipv6: (text) => isIP(text) === 6 && !text.includes("%"),
  isbn: (text) => isbn10(text) || isbn13(text),
  isbn10,
  isbn13,
  k8slongname: (text) => rules.subdomain(text).length === 0,
  k8sshortname: (text) => rules.label(text).length === 0,
  mac,
  password: () => true,
  rgbcolor: matching(new RegExp(`^rgb\\(${part},${part},${part}\\)$`)),
  ssn: (text) => text.length === 11 && /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(text),
  uri,
  uuid: uuid("[0-9a-f]{4}", "[0-9a-f]"),
  uuid3: uuid("3[0-9a-f]{3}", "[0-9a-f]"),
  uuid4: uuid("4[0-9a-f]{3}", "[89ab]"),
  uuid5: uuid("5[0-9a-f]{3}", "[89ab]")
}

/** Whether a text is of a format; nothing if the API server does not look at that. */
export const formatOf = (format: string | undefined): Format | undefined => {
  const name = (format ?? "").replaceAll("-", "")
  return Object.hasOwn(formats, name) ? formats[name] : undefined
}
