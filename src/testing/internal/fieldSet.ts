/** Sets of fields, and how managed fields write them down (`FieldsV1`). */
import * as Either from "effect/Either"
import { fromEntries, isJsonArray, isJsonObject } from "./json.js"
import type { Json, JsonObject } from "./openapi.js"

/** A step to a field: a name, the keys of an element, the element itself, or its index. */
export type Step = { readonly id: string } & (
  | { readonly _tag: "Name"; readonly name: string }
  | { readonly _tag: "Keys"; readonly keys: ReadonlyArray<readonly [name: string, value: Json]> }
  | { readonly _tag: "Value"; readonly value: Json }
  | { readonly _tag: "Index"; readonly index: number }
)

export type Path = ReadonlyArray<Step>

/** JSON as Go writes it: what HTML would take for markup is escaped. */
export const goJson = (value: Json): string =>
  JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

export const name = (of: string): Step => ({ _tag: "Name", id: `f:${of}`, name: of })

export const keys = (of: ReadonlyArray<readonly [name: string, value: Json]>): Step => {
  const sorted = of.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return {
    _tag: "Keys",
    id: `k:{${sorted.map(([key, value]) => `${goJson(key)}:${goJson(value)}`).join(",")}}`,
    keys: sorted
  }
}

export const element = (value: Json): Step => ({ _tag: "Value", id: `v:${goJson(value)}`, value })

export const index = (at: number): Step => ({ _tag: "Index", id: `i:${at}`, index: at })

/** A value as a path shows it. */
const show = (value: Json): string =>
  isJsonArray(value)
    ? `[${value.map(show).join(",")}]`
    : isJsonObject(value)
      ? Object.entries(value)
          .map(([key, child]) => `${key}=${show(child)}`)
          .join("")
      : JSON.stringify(value)

export const showStep = (step: Step): string => {
  switch (step._tag) {
    case "Name":
      return `.${step.name}`
    case "Keys":
      return `[${step.keys.map(([key, value]) => `${key}=${show(value)}`).join(",")}]`
    case "Value":
      return `[=${show(step.value)}]`
    case "Index":
      return `[${step.index}]`
  }
}

export const showPath = (path: Path): string => path.map(showStep).join("")

const tags = ["Name", "Keys", "Value", "Index"] as const
const types = ["number", "string", "boolean"] as const

const compare = <A extends number | string>(a: A, b: A): number => (a < b ? -1 : a > b ? 1 : 0)

const rank = (value: Json): number => {
  const at = types.findIndex((type) => typeof value === type)
  return at >= 0 ? at : isJsonArray(value) ? 3 : isJsonObject(value) ? 4 : 5
}

const compareValues = (a: Json, b: Json): number =>
  typeof a === "number" && typeof b === "number"
    ? compare(a, b)
    : typeof a === "string" && typeof b === "string"
      ? compare(a, b)
      : compare(rank(a), rank(b)) || compare(goJson(a), goJson(b))

const compareSteps = (a: Step, b: Step): number => {
  if (a._tag === "Name" && b._tag === "Name") return compare(a.name, b.name)
  if (a._tag === "Value" && b._tag === "Value") return compareValues(a.value, b.value)
  if (a._tag === "Index" && b._tag === "Index") return compare(a.index, b.index)
  if (a._tag === "Keys" && b._tag === "Keys") {
    for (const [at, [key, value]] of a.keys.entries()) {
      const other = b.keys[at]
      if (other === undefined) return 1
      const order = compare(key, other[0]) || compareValues(value, other[1])
      if (order !== 0) return order
    }
    return a.keys.length - b.keys.length
  }
  return compare(tags.indexOf(a._tag), tags.indexOf(b._tag))
}

/** `children` are those fields of which some part is in the set; the field itself is only if it is a member, too. */
export interface FieldSet {
  readonly members: ReadonlyMap<string, Step>
  readonly children: ReadonlyMap<string, { readonly step: Step; readonly set: FieldSet }>
}

export const empty: FieldSet = { members: new Map(), children: new Map() }

export const isEmpty = (set: FieldSet): boolean =>
  set.members.size === 0 && [...set.children.values()].every((child) => isEmpty(child.set))

export const fieldSet = (paths: Iterable<Path>): FieldSet => {
  const members = new Map<string, Step>()
  const below = new Map<string, { readonly step: Step; readonly paths: Array<Path> }>()
  for (const [step, ...rest] of paths) {
    // The whole object is nobody's.
    if (step === undefined) continue
    if (rest.length === 0) {
      members.set(step.id, step)
    } else {
      const child = below.get(step.id)
      if (child === undefined) below.set(step.id, { step, paths: [rest] })
      else child.paths.push(rest)
    }
  }
  return {
    members,
    children: new Map([...below].map(([id, child]) => [id, { step: child.step, set: fieldSet(child.paths) }]))
  }
}

/** A set of the children, without those that are empty. */
const of = (
  members: ReadonlyMap<string, Step>,
  children: Iterable<readonly [string, { readonly step: Step; readonly set: FieldSet }]>
): FieldSet => ({ members, children: new Map([...children].filter(([, child]) => !isEmpty(child.set))) })

export const union = (a: FieldSet, b: FieldSet): FieldSet => {
  const children = new Map(a.children)
  for (const [id, child] of b.children) {
    const other = children.get(id)
    children.set(id, other === undefined ? child : { step: child.step, set: union(other.set, child.set) })
  }
  return of(new Map([...a.members, ...b.members]), children)
}

export const intersection = (a: FieldSet, b: FieldSet): FieldSet =>
  of(
    new Map([...a.members].filter(([id]) => b.members.has(id))),
    [...a.children].flatMap(([id, { set, step }]) => {
      const other = b.children.get(id)
      return other === undefined ? [] : [[id, { step, set: intersection(set, other.set) }] as const]
    })
  )

/** What only `a` has. A field goes on its own: its parts stay. */
export const difference = (a: FieldSet, b: FieldSet): FieldSet =>
  of(
    new Map([...a.members].filter(([id]) => !b.members.has(id))),
    [...a.children].map(([id, { set, step }]) => {
      const other = b.children.get(id)
      return [id, { step, set: other === undefined ? set : difference(set, other.set) }] as const
    })
  )

/** As `difference`, but a field goes with all of its parts. */
export const recursiveDifference = (a: FieldSet, b: FieldSet): FieldSet =>
  of(
    new Map([...a.members].filter(([id]) => !b.members.has(id))),
    [...a.children].flatMap(([id, { set, step }]) => {
      if (b.members.has(id)) return []
      const other = b.children.get(id)
      return [[id, { step, set: other === undefined ? set : recursiveDifference(set, other.set) }] as const]
    })
  )

export const has = (set: FieldSet, [step, ...rest]: Path): boolean => {
  if (step === undefined) return false
  if (rest.length === 0) return set.members.has(step.id)
  const child = set.children.get(step.id)
  return child !== undefined && has(child.set, rest)
}

/** The parts of a field that are in the set. */
export const below = (set: FieldSet, step: Step): FieldSet => set.children.get(step.id)?.set ?? empty

const inOrder = <A extends { readonly step: Step }>(all: Iterable<A>): ReadonlyArray<A> =>
  [...all].toSorted((a, b) => compareSteps(a.step, b.step))

/** The fields: members first, then what is below. */
export const paths = (set: FieldSet): ReadonlyArray<Path> => [
  ...inOrder([...set.members.values()].map((step) => ({ step }))).map(({ step }) => [step]),
  ...inOrder(set.children.values()).flatMap((child) => paths(child.set).map((path) => [child.step, ...path]))
]

/** As `FieldsV1`. */
export const toFields = (set: FieldSet): JsonObject => {
  const steps = new Map([...set.members, ...[...set.children].map(([id, { step }]) => [id, step] as const)])
  return fromEntries(
    inOrder([...steps.values()].map((step) => ({ step }))).map(({ step: { id } }) => {
      const child = set.children.get(id)
      if (child === undefined) return [id, {}]
      const fields = toFields(child.set)
      return [id, set.members.has(id) ? { ".": {}, ...fields } : fields]
    })
  )
}

const parse = (text: string): Json | undefined =>
  // What JSON.parse returns is JSON.
  Either.getOrUndefined(Either.try(() => JSON.parse(text) as Json))

/** A step as `FieldsV1` has it; null if its kind is unknown, and nothing if it is malformed. */
const stepOf = (text: string): Step | null | undefined => {
  if (text[1] !== ":") return undefined
  const rest = text.slice(2)
  switch (text[0]) {
    case "f":
      return name(rest)
    case "v": {
      const value = parse(rest)
      return value === undefined ? undefined : element(value)
    }
    case "k": {
      const value = parse(rest)
      return isJsonObject(value) ? keys(Object.entries(value)) : undefined
    }
    case "i":
      return /^[+-]?\d+$/.test(rest) ? index(Number(rest)) : undefined
    default:
      return null
  }
}

/** The set that a `FieldsV1` stands for, if it is one. */
export const fromFields = (fields: Json): FieldSet | undefined => {
  if (!isJsonObject(fields)) return undefined
  const members = new Map<string, Step>()
  const children = new Map<string, { readonly step: Step; readonly set: FieldSet }>()
  for (const [key, value] of Object.entries(fields)) {
    if (key === ".") continue
    const step = stepOf(key)
    if (step === null) continue
    const set = fromFields(value)
    if (step === undefined || set === undefined || !isJsonObject(value)) return undefined
    const nothingBelow = set.members.size === 0 && set.children.size === 0
    if (nothingBelow || Object.hasOwn(value, ".")) members.set(step.id, step)
    if (!nothingBelow) children.set(step.id, { step, set })
  }
  return { members, children }
}
