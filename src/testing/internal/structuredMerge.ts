/**
 * Objects by their schema: which fields they have, how two of them differ, and the two merged. Lists are atomic, sets, or
 * maps by keys; maps and structs are granular or atomic.
 *
 * @see https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
 */
import * as FieldSet from "./fieldSet.js"
import { goSyntax, goType, goValue } from "./goFormat.js"
import { fromEntries, isJsonArray, isJsonObject, jsonEquals, listOf, own } from "./json.js"
import { builtIn, schemaOf, type Json, type JsonObject, type OpenApi } from "./openapi.js"

type List = ReadonlyArray<Json>

type Scalar = "boolean" | "numeric" | "string" | "untyped"

interface ListType {
  readonly atomic: boolean
  /** None for a set. */
  readonly keys: ReadonlyArray<string>
  readonly element: Type
}

interface MapType {
  readonly atomic: boolean
  readonly fields: ReadonlyMap<string, { readonly type: Type; readonly default: Json | undefined }>
  /** Of the keys that are not among the fields; nothing if there must not be any. */
  readonly element: Type | undefined
}

/** What a value may be. */
interface Atom {
  readonly scalar?: Scalar
  readonly list?: ListType
  readonly map?: MapType
}

/** Schemas refer to themselves, so what a type is made of is looked at when it is needed. */
export interface Type {
  readonly name: string | undefined
  readonly atom: () => Atom
}

const lazy = <A>(make: () => A): (() => A) => {
  let made: { readonly value: A } | undefined
  return () => (made ??= { value: make() }).value
}

const untyped: Type = {
  name: "untyped",
  atom: lazy(() => ({
    scalar: "untyped",
    list: { atomic: true, keys: [], element: untyped },
    map: { atomic: true, fields: new Map(), element: untyped }
  }))
}

/** Of unknown fields: maps are granular, and all else is atomic. */
const deduced: Type = {
  name: "deduced",
  atom: lazy(() => ({
    scalar: "untyped",
    list: { atomic: true, keys: [], element: untyped },
    map: { atomic: false, fields: new Map(), element: deduced }
  }))
}

const objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

/** Types that JSON says less of than the API server knows. */
const wellKnown: { readonly [name: string]: Type } = {
  "io.k8s.apimachinery.pkg.api.resource.Quantity": { name: "Quantity", atom: () => ({ scalar: "untyped" }) },
  "io.k8s.apimachinery.pkg.runtime.RawExtension": untyped
}

const nameIn = (schema: OpenApi): string | undefined => {
  const reference = schema.$ref ?? (schema.allOf?.length === 1 ? schema.allOf[0]?.$ref : undefined)
  return reference?.slice(reference.lastIndexOf("/") + 1)
}

const named = new Map<string, Type>()

const namedType = (name: string, relation: OpenApi["x-kubernetes-map-type"]): Type => {
  const id = `${name} ${relation ?? ""}`
  const known = named.get(id)
  if (known !== undefined) return known
  const atom = lazy((): Atom => {
    const wellKnownType = wellKnown[name]
    const schema = builtIn().schemas[name]
    const base = wellKnownType?.atom() ?? (schema === undefined ? {} : atomOf(schema, false))
    return relation === undefined
      ? base
      : {
          ...base,
          ...(base.map === undefined ? {} : { map: { ...base.map, atomic: relation === "atomic" } }),
          ...(base.list === undefined ? {} : { list: { ...base.list, atomic: relation === "atomic" } })
        }
  })
  const type: Type = { name, atom }
  named.set(id, type)
  return type
}

/** `preserve`: an enclosing schema keeps unknown fields, and so do those within. */
const typeIn = (schema: OpenApi, preserve: boolean): Type => {
  const name = nameIn(schema)
  return name === undefined
    ? { name: undefined, atom: lazy(() => atomOf(schema, preserve)) }
    : namedType(name, schema["x-kubernetes-map-type"])
}

const typeMeta: ReadonlyArray<readonly [string, OpenApi]> = [
  ["apiVersion", { type: "string" }],
  ["kind", { type: "string" }],
  ["metadata", { $ref: `#/components/schemas/${objectMeta}` }]
]

const fieldsOf = (schema: OpenApi, preserve: boolean): MapType["fields"] => {
  const properties = [
    ...Object.entries(schema.properties ?? {}),
    ...(schema["x-kubernetes-embedded-resource"] === true ? typeMeta : [])
  ]
  return new Map(
    properties.map(([key, property]) => [key, { type: typeIn(property, preserve), default: property.default }])
  )
}

const mapTypeOf = (schema: OpenApi, preserve: boolean): MapType => {
  const fields = fieldsOf(schema, preserve)
  const { additionalProperties } = schema
  return {
    atomic: schema["x-kubernetes-map-type"] === "atomic",
    fields,
    element:
      additionalProperties === undefined
        ? preserve || fields.size === 0
          ? deduced
          : undefined
        : additionalProperties === true
          ? deduced
          : additionalProperties === false
            ? undefined
            : typeIn(additionalProperties, preserve)
  }
}

const listTypeOf = (schema: OpenApi, preserve: boolean): ListType => {
  const { items, "x-kubernetes-list-type": listType, "x-kubernetes-patch-strategy": strategy } = schema
  const mergeKey = schema["x-kubernetes-patch-merge-key"]
  const merges = listType === undefined && (strategy === "merge" || strategy === "merge,retainKeys")
  return {
    atomic: listType === undefined ? !merges : listType === "atomic",
    keys:
      listType === "map"
        ? (schema["x-kubernetes-list-map-keys"] ?? [])
        : merges && mergeKey !== undefined
          ? [mergeKey]
          : [],
    element: items === undefined ? untyped : typeIn(items, preserve)
  }
}

const atomOf = (schema: OpenApi, inherited: boolean): Atom => {
  const preserve = inherited || schema["x-kubernetes-preserve-unknown-fields"] === true
  const { type } = schema
  if (type === undefined) {
    return { scalar: "untyped", list: listTypeOf(schema, preserve), map: mapTypeOf(schema, preserve) }
  }
  switch (type) {
    case "object":
      return { map: mapTypeOf(schema, preserve) }
    case "array":
      return { list: listTypeOf(schema, preserve) }
    case "boolean":
      return { scalar: "boolean" }
    case "integer":
    case "number":
      return { scalar: "numeric" }
    case "string":
      return { scalar: schema.format === undefined || schema.format === "byte" ? "string" : "untyped" }
  }
}

const roots = new WeakMap<OpenApi, Type>()

/** The type of a kind. That of a custom kind has the metadata that every object has. */
export const typeOf = (schema: OpenApi): Type => {
  let type = roots.get(schema)
  if (type === undefined) {
    const gvk = schema["x-kubernetes-group-version-kind"]?.[0]
    const isBuiltIn = gvk !== undefined && schemaOf(gvk) === schema
    type = typeIn(isBuiltIn ? schema : { ...schema, "x-kubernetes-embedded-resource": true }, false)
    roots.set(schema, type)
  }
  return type
}

const kindOf = (value: Json | undefined): keyof Atom | undefined =>
  value === undefined || value === null
    ? undefined
    : isJsonArray(value)
      ? "list"
      : isJsonObject(value)
        ? "map"
        : "scalar"

/** Of what a type may be, what the value is. */
const deduce = (atom: Atom, value: Json | undefined): Atom => {
  const kind = kindOf(value)
  if (kind === "list" && atom.list !== undefined) return { list: atom.list }
  if (kind === "map" && atom.map !== undefined) return { map: atom.map }
  return kind === "scalar" && atom.scalar !== undefined ? { scalar: atom.scalar } : atom
}

const sameAtom = (a: Atom, b: Atom): boolean => a.list === b.list && a.map === b.map && a.scalar === b.scalar

const fieldType = (map: MapType, key: string): Type | undefined => map.fields.get(key)?.type ?? map.element

const nothing: Type = { name: undefined, atom: () => ({}) }

/** The step to an element of a list that is none of atomic; a text says why there is none. */
const stepTo = (list: ListType, value: Json): FieldSet.Step | string => {
  if (list.keys.length === 0) {
    if (isJsonObject(value)) return "associative list without keys has an element that's a map type"
    if (isJsonArray(value)) return "not supported: associative list with lists as elements"
    if (value === null) return "associative list without keys has an element that's an explicit null"
    return FieldSet.element(value)
  }
  if (value === null) return "associative list with keys may not have a null element"
  if (!isJsonObject(value)) return "associative list with keys may not have non-map elements"
  const fields = list.element.atom().map?.fields
  const keys = list.keys.flatMap((key) => {
    const found = own(value, key) ?? fields?.get(key)?.default
    return found === undefined ? [] : [[key, found] as const]
  })
  return keys.length === 0
    ? `associative list with keys has an element that omits all key fields [${list.keys.map((key) => JSON.stringify(key)).join(" ")}] (and doesn't have default values for any key fields)`
    : FieldSet.keys(keys)
}

const steps = (list: ListType, values: List): ReadonlyArray<readonly [FieldSet.Step, Json]> =>
  values.flatMap((value) => {
    const step = stepTo(list, value)
    return typeof step === "string" ? [] : [[step, value] as const]
  })

interface Problem {
  readonly path: string
  readonly message: string
}

const shown = ({ message, path }: Problem): string => (path === "" ? message : `${path}: ${message}`)

const boxed = (value: Json): string => `&{${goValue(value)}}`

const checkScalar = (scalar: Scalar, value: Json): string | undefined => {
  if (value === null) return undefined
  switch (scalar) {
    case "boolean":
      return typeof value === "boolean" ? undefined : `expected boolean, got ${boxed(value)}`
    case "numeric":
      return typeof value === "number" ? undefined : `expected numeric (int or float), got ${goType(value)}`
    case "string":
      return typeof value === "string"
        ? undefined
        : `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`
    case "untyped":
      return typeof value === "object" ? `expected any scalar, got ${boxed(value)}` : undefined
  }
}

const check = (value: Json, type: Type, duplicates: boolean, path: string): ReadonlyArray<Problem> => {
  const { list, map, scalar } = deduce(type.atom(), value)
  const problem = (message: string, at = "") => [{ path: `${path}${at}`, message }]
  if (map !== undefined) {
    if (value === null) return []
    if (!isJsonObject(value)) return problem(`expected map, got ${boxed(value)}`)
    const problems: Array<Problem> = []
    for (const [key, child] of Object.entries(value)) {
      const childType = fieldType(map, key)
      if (childType === undefined) return [...problems, ...problem("field not declared in schema", `.${key}`)]
      problems.push(...check(child, childType, duplicates, `${path}.${key}`))
    }
    return problems
  }
  if (scalar !== undefined) {
    const message = checkScalar(scalar, value)
    return message === undefined ? [] : problem(message)
  }
  if (list === undefined) return problem(`schema error: invalid atom: ${type.name ?? "inlined"}`)
  if (value === null) return []
  if (!isJsonArray(value)) return problem(`expected list, got ${boxed(value)}`)
  const seen = new Set<string>()
  const problems: Array<Problem> = []
  for (const [at, child] of value.entries()) {
    const step = list.atomic ? FieldSet.index(at) : stepTo(list, child)
    if (typeof step === "string") return [...problems, ...problem(`element ${at}: ${step}`)]
    if (!list.atomic && !duplicates && seen.has(step.id)) {
      problems.push(...problem(`duplicate entries for key ${FieldSet.showStep(step)}`))
    }
    seen.add(step.id)
    problems.push(...check(child, list.element, duplicates, `${path}${FieldSet.showStep(step)}`))
  }
  return problems
}

/** What is wrong with an object, as the API server says it; nothing if all is well. */
export const problemOf = (
  object: JsonObject,
  type: Type,
  options: { readonly duplicates: boolean }
): string | undefined => {
  const problems = check(object, type, options.duplicates, "").map(shown)
  return problems.length > 1 ? `errors:\n${problems.map((problem) => `  ${problem}`).join("\n")}` : problems[0]
}

const duplicatesIn = (all: ReadonlyArray<readonly [FieldSet.Step, Json]>): ReadonlySet<string> => {
  const ids = all.map(([step]) => step.id)
  return new Set(ids.filter((id, at) => ids.indexOf(id) !== at))
}

const collect = (value: Json, type: Type, path: FieldSet.Path, into: Array<FieldSet.Path>): void => {
  const { list, map, scalar } = deduce(type.atom(), value)
  if (map !== undefined) {
    if (map.atomic) into.push(path)
    else if (isJsonObject(value)) {
      for (const [key, child] of Object.entries(value)) {
        const at = [...path, FieldSet.name(key)]
        collect(child, fieldType(map, key) ?? nothing, at, into)
        const isEmptyMap = isJsonObject(child) && Object.keys(child).length === 0
        if (child === null || isEmptyMap || !map.fields.has(key)) into.push(at)
      }
    }
  } else if (scalar !== undefined) {
    into.push(path)
  } else if (list !== undefined) {
    if (list.atomic) into.push(path)
    else if (isJsonArray(value)) {
      const all = steps(list, value)
      const duplicates = duplicatesIn(all)
      for (const [step, child] of all) {
        const at = [...path, step]
        if (!duplicates.has(step.id)) collect(child, list.element, at, into)
        into.push(at)
      }
    }
  }
}

/** The fields that an object has. */
export const fieldsIn = (object: JsonObject, type: Type): FieldSet.FieldSet => {
  const paths: Array<FieldSet.Path> = []
  collect(object, type, [], paths)
  return FieldSet.fieldSet(paths)
}

const isBlank = (value: Json | undefined, kind: "list" | "map"): boolean =>
  kind === "list" ? !isJsonArray(value) || value.length === 0 : !isJsonObject(value) || Object.keys(value).length === 0

const bothKeys = (a: JsonObject, b: JsonObject): ReadonlyArray<string> => [
  ...new Set([...Object.keys(a), ...Object.keys(b)])
]

const mergeItems = (list: ListType, live: List, config: List): Json | undefined => {
  const left = steps(list, live)
  const right = steps(list, config)
  const duplicates = duplicatesIn(left)
  const leftById = new Map(left.map(([step, value]) => [step.id, duplicates.has(step.id) ? null : value]))
  const rightById = new Map(right.map(([step, value]) => [step.id, value]))
  const shared = right.map(([step]) => step.id).filter((id) => leftById.has(id))
  const out: Array<Json> = []
  const done = new Set<string>()
  const push = (a: Json | undefined, b: Json | undefined) => {
    const merged = mergeValues(a, b, list.element)
    if (merged !== undefined) out.push(merged)
  }
  let nextShared = shared.shift()
  let [l, r] = [0, 0]
  while (l < left.length || r < right.length) {
    const a = left[l]
    const b = right[r]
    if (a !== undefined && b !== undefined) {
      const { id } = a[0]
      if (id === b[0].id) {
        done.add(id)
        push(leftById.get(id), rightById.get(id))
        l++
        r++
        nextShared = shared.shift()
        continue
      }
      if (rightById.has(id) && nextShared !== undefined && nextShared !== id) {
        l++
        continue
      }
    }
    if (a !== undefined) {
      if (!rightById.has(a[0].id)) {
        push(a[1], undefined)
        l++
        continue
      }
      if (done.has(a[0].id)) l++
    }
    if (b !== undefined) {
      const { id } = b[0]
      done.add(id)
      push(leftById.get(id), rightById.get(id))
      r++
      if (nextShared === id) nextShared = shared.shift()
    }
  }
  return out.length === 0 ? undefined : out
}

const mergeValues = (live: Json | undefined, config: Json | undefined, type: Type): Json | undefined => {
  const leaf = config ?? (config === undefined ? live : null)
  const { list, map, scalar } = deduce(type.atom(), config === undefined ? live : config)
  if (map !== undefined) {
    if (map.atomic || (isBlank(live, "map") && isBlank(config, "map"))) return leaf
    const [a, b] = [isJsonObject(live) ? live : {}, isJsonObject(config) ? config : {}]
    const merged = bothKeys(a, b).flatMap((key) => {
      const value = mergeValues(own(a, key), own(b, key), fieldType(map, key) ?? nothing)
      return value === undefined ? [] : [[key, value] as const]
    })
    return merged.length === 0 ? undefined : fromEntries(merged)
  }
  if (scalar !== undefined) return leaf
  if (list === undefined) return undefined
  if (list.atomic || (isBlank(live, "list") && isBlank(config, "list"))) return leaf
  return mergeItems(list, listOf(live), listOf(config))
}

/** `live` with what `config` says. Nothing is removed. */
export const merge = (live: JsonObject, config: JsonObject, type: Type): JsonObject => {
  const merged = mergeValues(live, config, type)
  return isJsonObject(merged) ? merged : {}
}

export interface Comparison {
  readonly removed: FieldSet.FieldSet
  readonly modified: FieldSet.FieldSet
  readonly added: FieldSet.FieldSet
}

type Changes = { readonly [_ in keyof Comparison]: Array<FieldSet.Path> }

/** Whether the value was a leaf, which has no parts. */
const compareAs = (
  a: Json | undefined,
  b: Json | undefined,
  { list, map, scalar }: Atom,
  path: FieldSet.Path,
  into: Changes
): boolean => {
  const leaf = () => {
    if (a === undefined) into.added.push(path)
    else if (b === undefined) into.removed.push(path)
    else if (!jsonEquals(a, b)) into.modified.push(path)
    return true
  }
  if (map !== undefined) {
    if (map.atomic || (isBlank(a, "map") && isBlank(b, "map"))) return leaf()
    const [left, right] = [isJsonObject(a) ? a : {}, isJsonObject(b) ? b : {}]
    for (const key of bothKeys(left, right)) {
      const type = fieldType(map, key) ?? nothing
      compareValues(own(left, key), own(right, key), type, [...path, FieldSet.name(key)], into)
    }
    return false
  }
  if (scalar !== undefined) {
    const invalid = (value: Json | undefined) => value !== undefined && checkScalar(scalar, value) !== undefined
    return invalid(a) && invalid(b) ? false : leaf()
  }
  if (list === undefined) return false
  if (list.atomic || (isBlank(a, "list") && isBlank(b, "list"))) return leaf()
  const all = new Map<
    string,
    { readonly step: FieldSet.Step; readonly left: Array<Json>; readonly right: Array<Json> }
  >()
  for (const side of ["left", "right"] as const) {
    const values = side === "left" ? a : b
    for (const [step, value] of steps(list, listOf(values))) {
      const entry = all.get(step.id) ?? { step, left: [], right: [] }
      entry[side].push(value)
      all.set(step.id, entry)
    }
  }
  for (const { left, right, step } of all.values()) {
    const at = [...path, step]
    if (left.length <= 1 && right.length <= 1) {
      compareValues(left[0], right[0], list.element, at, into)
    } else if (left.length >= 2 && right.length >= 2) {
      if (!jsonEquals(left, right)) into.modified.push(at)
    } else if (left.length >= 2) {
      if (right[0] !== undefined) compareValues(undefined, right[0], list.element, at, into)
      into.removed.push(at)
    } else {
      if (left[0] !== undefined) compareValues(left[0], undefined, list.element, at, into)
      into.added.push(at)
    }
  }
  return false
}

const compareValues = (
  a: Json | undefined,
  b: Json | undefined,
  type: Type,
  path: FieldSet.Path,
  into: Changes
): void => {
  const atom = type.atom()
  const [left, right] = [deduce(atom, a), deduce(atom, b)]
  if (a !== undefined && b !== undefined && !sameAtom(left, right)) compareAs(a, b, left, path, into)
  const isLeaf = compareAs(a, b, b === undefined ? left : right, path, into)
  if (isLeaf) return
  if (a === undefined) into.added.push(path)
  else if (b === undefined) into.removed.push(path)
}

/** What has to be done to `before` to get `after`. */
export const compare = (before: JsonObject, after: JsonObject, type: Type): Comparison => {
  const changes: Changes = { removed: [], modified: [], added: [] }
  compareValues(before, after, type, [], changes)
  return {
    removed: FieldSet.fieldSet(changes.removed),
    modified: FieldSet.fieldSet(changes.modified),
    added: FieldSet.fieldSet(changes.added)
  }
}

const removeFrom = (value: Json, set: FieldSet.FieldSet, type: Type): Json => {
  const { list, map, scalar } = deduce(type.atom(), value)
  if (map !== undefined) {
    if (!isJsonObject(value) || map.atomic) return null
    const kept = Object.entries(value).flatMap(([key, child]) => {
      const step = FieldSet.name(key)
      if (set.members.has(step.id)) return []
      const parts = FieldSet.below(set, step)
      return [
        [key, FieldSet.isEmpty(parts) ? child : removeFrom(child, parts, fieldType(map, key) ?? nothing)] as const
      ]
    })
    return kept.length === 0 ? null : fromEntries(kept)
  }
  if (scalar !== undefined) return value
  if (list === undefined || !isJsonArray(value) || list.atomic) return null
  const kept = value.flatMap((child) => {
    const step = stepTo(list, child)
    if (typeof step === "string") return [child]
    if (set.members.has(step.id)) return []
    const parts = FieldSet.below(set, step)
    return [FieldSet.isEmpty(parts) ? child : removeFrom(child, parts, list.element)]
  })
  return kept.length === 0 ? null : kept
}

/** The object without the fields of the set. What has lost all of its parts is null. */
export const remove = (object: JsonObject, set: FieldSet.FieldSet, type: Type): JsonObject => {
  const removed = removeFrom(object, set, type)
  return isJsonObject(removed) ? removed : {}
}

/** The set with those fields of structs that it has parts of. Keys of maps and elements are members on their own. */
export const withNamed = (set: FieldSet.FieldSet, type: Type): FieldSet.FieldSet => {
  const { list, map } = type.atom()
  const members = new Map(set.members)
  const children = [...set.children].map(([id, { set: parts, step }]) => {
    const field = step._tag === "Name" ? map?.fields.get(step.name) : undefined
    if (field !== undefined) members.set(id, step)
    const child =
      step._tag === "Name" && map !== undefined
        ? (field?.type ?? map.element)
        : step._tag === "Keys"
          ? list?.element
          : undefined
    return [id, { step, set: withNamed(parts, child ?? nothing) }] as const
  })
  return { members, children: new Map(children) }
}

const isFreeForm = ({ element, fields }: MapType): boolean =>
  fields.size === 0 &&
  element !== undefined &&
  (element === deduced || (element.name === undefined && element.atom().scalar === "untyped"))

/** Fields that used to have parts, and are atomic by now. */
const collectAtomic = (
  set: FieldSet.FieldSet | undefined,
  type: Type,
  isLeaf: boolean,
  path: FieldSet.Path,
  into: Array<FieldSet.Path>
): void => {
  const { list, map, scalar } = type.atom()
  const visit = (childType: (step: FieldSet.Step) => Type | undefined) => {
    if (set === undefined) return
    const all = new Map([...set.members, ...[...set.children].map(([id, { step }]) => [id, step] as const)])
    for (const step of all.values()) {
      const child = childType(step)
      const parts = set.children.get(step.id)?.set
      const leaf = set.members.has(step.id) && parts === undefined
      if (child !== undefined) collectAtomic(parts, child, leaf, [...path, step], into)
    }
  }
  if (map !== undefined) {
    if (isFreeForm(map)) return
    if (!isLeaf && map.atomic) {
      if (set !== undefined && !FieldSet.isEmpty(set)) into.push(path)
    } else {
      visit((step) => (step._tag === "Name" ? fieldType(map, step.name) : map.element))
    }
  } else if (scalar === undefined && list !== undefined) {
    if (!isLeaf && list.atomic) into.push(path)
    else visit(() => list.element)
  }
}

/** A set that may have been written under an older schema, as the present one has it. */
export const reconciled = (set: FieldSet.FieldSet, type: Type): FieldSet.FieldSet => {
  const paths: Array<FieldSet.Path> = []
  collectAtomic(set, type, false, [], paths)
  if (paths.length === 0) return set
  const atomic = FieldSet.fieldSet(paths)
  return FieldSet.union(FieldSet.recursiveDifference(set, atomic), atomic)
}
