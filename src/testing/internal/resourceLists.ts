/** Amounts of resources, `{ cpu: "500m", memory: "1Gi" }`: read, added and compared. */
import { quantityOf, quantityText, type Quantity } from "./decodeQuantity.js"
import { isJsonObject, objectsOf } from "./json.js"
import type { Json, JsonObject } from "./openapi.js"
import { at } from "./strategies.js"

/** By the name of the resource. */
export type Amounts = ReadonlyMap<string, Quantity>

export const amountsOf = (list: Json | undefined): Amounts =>
  new Map(
    Object.entries(isJsonObject(list) ? list : {}).flatMap(([name, value]) => {
      const quantity = quantityOf(String(value))
      return quantity === undefined ? [] : [[name, quantity] as const]
    })
  )

export const textOf = quantityText

/** Whoever begins with nothing takes the form of what is added. */
const plus = (a: Quantity | undefined, b: Quantity): Quantity =>
  a === undefined || a.nanos === 0n ? b : { nanos: a.nanos + b.nanos, format: a.format }

export const sum = (all: ReadonlyArray<Amounts>): Amounts => {
  const total = new Map<string, Quantity>()
  for (const amounts of all) for (const [name, amount] of amounts) total.set(name, plus(total.get(name), amount))
  return total
}

const most = (all: ReadonlyArray<Amounts>): Amounts => {
  const result = new Map<string, Quantity>()
  for (const amounts of all) {
    for (const [name, amount] of amounts) {
      const known = result.get(name)
      if (known === undefined || amount.nanos > known.nanos) result.set(name, amount)
    }
  }
  return result
}

export const count = (number: number): Quantity => ({ nanos: BigInt(number) * 10n ** 9n, format: "DecimalSI" })

const listAt = (object: JsonObject, key: string): ReadonlyArray<JsonObject> => objectsOf(at(object, "spec", key))

/** What a pod takes: its containers together, or more if an init container needs it. */
export const podAmounts = (pod: JsonObject, part: "limits" | "requests"): Amounts => {
  const of = (container: JsonObject): Amounts => amountsOf(at(container, "resources", part))
  const sidecars: Array<Amounts> = []
  const begins = listAt(pod, "initContainers").map((container) => {
    if (container["restartPolicy"] === "Always") sidecars.push(of(container))
    return sum([...sidecars, ...(container["restartPolicy"] === "Always" ? [] : [of(container)])])
  })
  const together = sum([...listAt(pod, "containers").map(of), ...sidecars])
  return sum([most([together, ...begins]), ...(part === "requests" ? [amountsOf(at(pod, "spec", "overhead"))] : [])])
}
