/** Quantities: `100m`, `1.5Gi`, `1e3`, as integers of nano units, which is the least that the API server tells apart. */

export interface Quantity {
  readonly nanos: bigint
  readonly format: "BinarySI" | "DecimalExponent" | "DecimalSI"
}

const pattern = /^([+-]?)(\d*)(\.(\d*))?([A-Za-z].*)?$/
const decimal: ReadonlyArray<readonly [string, number]> = [
  ["n", -9],
  ["u", -6],
  ["m", -3],
  ["", 0],
  ["k", 3],
  ["M", 6],
  ["G", 9],
  ["T", 12],
  ["P", 15],
  ["E", 18]
]
const binary = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
const most = (1n << 63n) - 1n
const nano = 10n ** 9n

export const quantityProblem =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"

const up = (value: bigint, by: bigint): bigint => (value % by === 0n ? value / by : value / by + 1n)

export const quantityOf = (text: string): Quantity | undefined => {
  const match = pattern.exec(text.trim())
  if (match === null) return undefined
  const [, sign = "", whole = "", , fraction = "", suffix = ""] = match
  if (whole === "" && fraction === "") return undefined
  const digits = BigInt(whole + fraction)
  const power = binary.indexOf(suffix)
  const exponent = /^[eE]([+-]?\d+)$/.exec(suffix)
  const scale = exponent === null ? decimal.find(([name]) => name === suffix)?.[1] : Number(exponent[1])
  let nanos: bigint
  let format: Quantity["format"]
  if (power > 0) {
    const amount = up(digits * (1n << BigInt(10 * power)) * nano, 10n ** BigInt(fraction.length))
    nanos = amount > most * nano ? most * nano : amount
    format = nanos < nano && nanos > 0n ? "DecimalSI" : "BinarySI"
  } else {
    if (scale === undefined) return undefined
    const shift = scale + 9 - fraction.length
    nanos = shift >= 0 ? digits * 10n ** BigInt(shift) : up(digits, 10n ** BigInt(-shift))
    format = exponent === null ? "DecimalSI" : "DecimalExponent"
  }
  return { nanos: sign === "-" ? -nanos : nanos, format }
}

export const quantityText = ({ format, nanos }: Quantity): string => {
  if (nanos === 0n) return "0"
  const sign = nanos < 0n ? "-" : ""
  const size = nanos < 0n ? -nanos : nanos
  if (format === "BinarySI" && size >= 1024n * nano && size % nano === 0n) {
    let [value, power] = [size / nano, 0]
    while (value % 1024n === 0n && power < binary.length - 1) [value, power] = [value / 1024n, power + 1]
    return `${sign}${value}${binary[power]}`
  }
  let [value, exponent] = [size, -9]
  const last = format === "DecimalExponent" ? Infinity : 18
  while (value % 1000n === 0n && exponent < last) [value, exponent] = [value / 1000n, exponent + 3]
  if (format === "DecimalExponent") return `${sign}${value}${exponent === 0 ? "" : `e${exponent}`}`
  return `${sign}${value}${decimal.find(([, scale]) => scale === exponent)?.[0] ?? ""}`
}

/** Resource lists have no more than thousandths: what is less counts as one. */
export const roundedUp = ({ format, nanos }: Quantity): Quantity => {
  const milli = 10n ** 6n
  return { nanos: nanos < 0n ? -up(-nanos, milli) * milli : up(nanos, milli) * milli, format }
}
