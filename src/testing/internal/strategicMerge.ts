/**
 * Strategic merge patch as the API server applies it: maps are merged, and lists as the schema says
 * (`x-kubernetes-patch-strategy`, `x-kubernetes-patch-merge-key`) or a directive of the patch does.
 *
 * @see https://github.com/kubernetes/community/blob/main/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 */
import * as Either from "effect/Either"
import { goType, goValue } from "./goFormat.js"
import { fromEntries, isJsonArray, isJsonObject, jsonType, own, withoutNulls } from "./json.js"
import { resolve, type Json, type JsonObject, type OpenApi } from "./openapi.js"
import { badRequest, rejected, unforeseen, type PatchFailure } from "./patchFailure.js"

type Merged<A> = Either.Either<A, PatchFailure>
type List = ReadonlyArray<Json>

const directiveKey = "$patch"
const retainKeysKey = "$retainKeys"
const deletePrefix = "$deleteFromPrimitiveList"
const orderPrefix = "$setElementOrder"

const fail = (message: string) => Either.left(unforeseen(message))
const badPrimitiveList = Either.left(badRequest("invalid patch format of primitive list"))
const badRetainKeys = Either.left(badRequest("invalid patch format of retainKeys"))
const badElementOrder = Either.left(badRequest("invalid patch format of setElementOrder list"))

const badType = (expected: string, actual: Json) =>
  fail(`expected a ${expected}, but received a ${actual === null ? "%!s(<nil>)" : goType(actual)}`)
const notMap = (actual: Json) => badType("map[string]interface {}", actual)
const notList = (actual: Json) => badType("[]interface {}", actual)
const noMergeKey = (map: JsonObject, key: string) =>
  fail(`map: ${goValue(map)} does not contain declared merge key: ${key}`)
const badDirective = (directive: Json, map: JsonObject) =>
  fail(
    `unknown patch type: ${typeof directive === "string" ? directive : `%!s(${goType(directive)}=${goValue(directive)})`} in map: ${goValue(map)}`
  )

/** A type: the API server knows them as Go types, and its messages show it. */
interface Type {
  readonly schema: OpenApi
  readonly name: string
}

const referenced = (schema: OpenApi): string | undefined => schema.$ref ?? schema.allOf?.[0]?.$ref

const typeOf = (schema: OpenApi): Type => {
  const reference = referenced(schema) ?? ""
  return { schema: resolve(schema), name: reference.slice(reference.lastIndexOf(".") + 1) }
}

const goKind = ({ schema }: Type): string =>
  schema.properties !== undefined || schema.type === undefined
    ? "struct"
    : schema.type === "object"
      ? schema.additionalProperties === undefined
        ? "struct"
        : "map"
      : schema.type === "array"
        ? "slice"
        : schema.type === "boolean"
          ? "bool"
          : schema.type === "integer"
            ? (schema.format ?? "int64")
            : schema.type === "number"
              ? "float64"
              : "string"

interface Field {
  readonly type: Type
  readonly strategy: string
  readonly mergeKey: string
}

const fieldOf = (type: Type, key: string): Merged<Field> => {
  const kind = goKind(type)
  if (kind !== "struct") return fail(`merging an object in json but data type is not struct, instead is: ${kind}`)
  const properties = type.schema.properties ?? {}
  const name = Object.hasOwn(properties, key)
    ? key
    : Object.keys(properties).find((each) => each.toLowerCase() === key.toLowerCase())
  const schema = name === undefined ? undefined : properties[name]
  if (schema === undefined) {
    return fail(`unable to find api field in struct ${type.name} for the json field ${JSON.stringify(key)}`)
  }
  const strategies = (schema["x-kubernetes-patch-strategy"] ?? "").split(",")
  return Either.right({
    type: typeOf(schema),
    strategy: strategies.find((each) => each !== "retainKeys") ?? "",
    mergeKey: schema["x-kubernetes-patch-merge-key"] ?? ""
  })
}

/** As `fieldOf`, with the type of the list's elements. */
const listFieldOf = (type: Type, key: string): Merged<Field> =>
  Either.flatMap(fieldOf(type, key), (field) =>
    field.type.schema.items === undefined
      ? fail(`expected slice or array type, but got: ${goKind(type)}`)
      : Either.right({ ...field, type: typeOf(field.type.schema.items) })
  )

/** What is left of a value that is new: nothing of what carries a directive, no nulls. */
const withoutDirectives = (value: Json): Json | undefined => {
  if (isJsonArray(value)) {
    return value.flatMap((child) => {
      const kept = withoutDirectives(child)
      return kept === undefined ? [] : [kept]
    })
  }
  if (!isJsonObject(value)) return value
  if (Object.hasOwn(value, directiveKey)) return undefined
  return fromEntries(
    Object.entries(value).flatMap(([key, child]) => {
      const kept = withoutDirectives(child)
      return kept === undefined ? [] : [[key, kept] as const]
    })
  )
}

/** Maps and what is none do not mix in one list, and no list holds lists. */
const elementType = (...lists: ReadonlyArray<List>): Merged<string> => {
  const types = lists.flat().map(goType)
  const [first] = types
  if (first === undefined) return fail("no elements in any of the given slices")
  if (first === "[]interface {}") return Either.left(rejected)
  return types.every((type) => type === first)
    ? Either.right(first)
    : fail(`list element types are not identical: [${lists.map(goValue).join(" ")}]`)
}

const mapType = "map[string]interface {}"

const indexOfKey = (list: List, mergeKey: string, value: Json): Merged<number> => {
  for (const [index, each] of list.entries()) {
    if (!isJsonObject(each)) return fail(`value for key ${index} is not a map`)
    if (Object.hasOwn(each, mergeKey) && each[mergeKey] === value) return Either.right(index)
  }
  return Either.right(-1)
}

/** Those that `by` has too, and the others. */
const partition = (list: List, by: List, mergeKey: string): Merged<readonly [List, List]> => {
  const present: Array<Json> = []
  const others: Array<Json> = []
  for (const each of list) {
    if (mergeKey === "") {
      ;(by.includes(each) ? present : others).push(each)
      continue
    }
    if (!isJsonObject(each)) return notMap(each)
    const value = own(each, mergeKey)
    if (value === undefined) return noMergeKey(each, mergeKey)
    const index = indexOfKey(by, mergeKey, value)
    if (Either.isLeft(index)) return Either.left(index.left)
    ;(index.right >= 0 ? present : others).push(each)
  }
  return Either.right([present, others])
}

const placeIn = (list: List, value: Json, mergeKey: string, maps: boolean): number => {
  const identity = (each: Json): Json => (maps ? (isJsonObject(each) ? (own(each, mergeKey) ?? null) : null) : each)
  const wanted = identity(value)
  return list.findIndex((each) => identity(each) === wanted)
}

/** `list` in the order of `order`; elements that `order` does not have go to the front, as the API server sorts them. */
const sortedBy = (list: List, order: List, mergeKey: string, maps: boolean): Merged<List> => {
  if (maps) {
    for (const each of [...list, ...order]) {
      if (!isJsonObject(each)) return notMap(each)
      if (!Object.hasOwn(each, mergeKey)) return noMergeKey(each, mergeKey)
    }
  }
  const isDeleted = (each: Json) => maps && isJsonObject(each) && own(each, directiveKey) === "delete"
  const result = list.filter((each) => !isDeleted(each))
  const less = (a: Json, b: Json) => {
    const [left, right] = [placeIn(order, a, mergeKey, maps), placeIn(order, b, mergeKey, maps)]
    return left < 0 || right < 0 || left < right
  }
  // Not `sort`: the comparison is none.
  for (let end = 1; end < result.length; end++) {
    for (let index = end; index > 0; index--) {
      const [before, at] = [result[index - 1], result[index]]
      if (before === undefined || at === undefined || !less(at, before)) break
      result[index - 1] = at
      result[index] = before
    }
  }
  return Either.right([...result, ...list.filter(isDeleted)])
}

/** The elements of the patch in the patch's order, with the others between them where the live list had them. */
const inOrder = (
  patched: List,
  others: List,
  patchOrder: List,
  liveOrder: List,
  mergeKey: string,
  maps: boolean
): Merged<List> =>
  Either.gen(function* () {
    const right = yield* sortedBy(patched, patchOrder, mergeKey, maps)
    const left = yield* sortedBy(others, liveOrder, mergeKey, maps)
    const result: Array<Json> = []
    let [i, j] = [0, 0]
    while (i < left.length || j < right.length) {
      const [a, b] = [left[i], right[j]]
      if (a !== undefined && b !== undefined) {
        const [before, after] = [placeIn(liveOrder, a, mergeKey, maps), placeIn(liveOrder, b, mergeKey, maps)]
        const first = before >= 0 && after >= 0 && before < after
        result.push(first ? a : b)
        if (first) i++
        else j++
      } else if (a !== undefined) {
        result.push(a)
        i++
      } else if (b !== undefined) {
        result.push(b)
        j++
      }
    }
    return result
  })

/** Deduplicated; a duplicate's place is taken by the last element. The order is made afterwards. */
const deduplicated = (list: List): List => {
  const result = [...list]
  for (let i = 0; i < result.length - 1; i++) {
    for (let j = i + 1; j < result.length; j++) {
      if (result[i] === result[j]) {
        const last = result.pop()
        if (j < result.length && last !== undefined) result[j] = last
        j--
      }
    }
  }
  return result
}

/** Follows the elements of a list that are directives: what is left of the live list, and of the patch. */
const special = (live: List, patch: List, mergeKey: string): Merged<readonly [live: List, patch: List]> => {
  let [kept, replace] = [live, false]
  const ordinary: Array<Json> = []
  for (const each of patch) {
    if (!isJsonObject(each)) return notMap(each)
    const directive = own(each, directiveKey)
    if (directive === undefined) {
      ordinary.push(each)
    } else if (directive === "delete") {
      const value = own(each, mergeKey)
      if (value === undefined) return noMergeKey(each, mergeKey)
      const odd = kept.findIndex((element) => !isJsonObject(element))
      if (odd >= 0) return fail(`value for key ${odd} is not a map`)
      kept = kept.filter((element) => !isJsonObject(element) || own(element, mergeKey) !== value)
    } else if (directive === "replace") {
      replace = true
    } else if (directive === "merge") {
      return fail("merging lists cannot yet be specified in the patch")
    } else {
      return badDirective(directive, each)
    }
  }
  return Either.right(replace ? [ordinary, []] : [kept, ordinary])
}

const mergeLists = (live: List, patch: List, { mergeKey, type }: Field, deleting: boolean): Merged<List> =>
  Either.gen(function* () {
    if (live.length === 0 && patch.length === 0) return live
    const maps = (yield* elementType(live, patch)) === mapType
    if (!maps) {
      if (deleting) return live.filter((each) => !patch.includes(each))
      const merged = deduplicated([...live, ...patch])
      const [patched, others] = yield* partition(merged, patch, mergeKey)
      return yield* inOrder(patched, others, patch, live, mergeKey, maps)
    }
    if (mergeKey === "") return yield* fail(`cannot merge lists without merge key for ${goKind(type)}`)
    const [kept, ordinary] = yield* special(live, patch, mergeKey)
    const merged = [...kept]
    for (const each of ordinary) {
      if (!isJsonObject(each)) return yield* notMap(each)
      const value = own(each, mergeKey)
      if (value === undefined) return yield* noMergeKey(each, mergeKey)
      const index = yield* indexOfKey(merged, mergeKey, value)
      const existing = merged[index]
      if (isJsonObject(existing)) merged[index] = yield* mergeMaps(existing, each, type)
      else merged.push(each)
    }
    const [patched, others] = yield* partition(merged, ordinary, mergeKey)
    return yield* inOrder(patched, others, ordinary, kept, mergeKey, maps)
  })

const mergeListField = (live: List, patch: List, field: Field, deleting: boolean): Merged<List> =>
  field.strategy === "merge" || deleting ? mergeLists(live, patch, field, deleting) : Either.right(patch)

/** Whether the patch's list keeps to the order that it wants. */
const checkOrder = (patch: List, order: List, mergeKey: string): Merged<void> =>
  Either.gen(function* () {
    if (order.length === 0 || patch.length === 0) return
    const directed = (each: Json) => isJsonObject(each) && Object.hasOwn(each, directiveKey)
    const kept: Array<Json> = []
    for (const each of patch) {
      if (mergeKey !== "" && !isJsonObject(each)) return yield* notMap(each)
      if (!directed(each)) kept.push(each)
    }
    let next = 0
    for (const wanted of order) {
      const each = kept[next]
      if (each === undefined) return
      if (mergeKey === "") {
        if (each === wanted) next++
        continue
      }
      if (!isJsonObject(each)) return yield* notMap(each)
      if (!isJsonObject(wanted)) return yield* notMap(wanted)
      if (!Object.hasOwn(each, mergeKey)) return yield* noMergeKey(each, mergeKey)
      if (!Object.hasOwn(wanted, mergeKey)) return yield* noMergeKey(wanted, mergeKey)
      if (each[mergeKey] === wanted[mergeKey]) next++
    }
    if (next < kept.length) {
      return yield* fail(
        `The order in patch list:\n${goValue(patch)}\n doesn't match ${orderPrefix} list:\n${goValue(order)}\n`
      )
    }
  })

/** Follows one `$setElementOrder`: the list that it is about, or nothing if neither side has it. */
const mergeOrdered = (
  live: Json | undefined,
  patch: Json | undefined,
  order: Json,
  key: string,
  type: Type
): Merged<List | undefined> =>
  Either.gen(function* () {
    if (!isJsonArray(order)) return yield* notList(order)
    if (live !== undefined && !isJsonArray(live)) return yield* notList(live)
    if (patch !== undefined && !isJsonArray(patch)) return yield* notList(patch)
    const field = yield* listFieldOf(type, key)
    yield* checkOrder(patch ?? [], order, field.mergeKey)
    if (live === undefined && patch === undefined) return undefined
    const merged =
      patch === undefined
        ? (live ?? [])
        : live === undefined
          ? patch.flatMap((each) => withoutDirectives(each) ?? [])
          : yield* mergeListField(live, patch, field, false)
    const [patched, others] = yield* partition(merged, order, field.mergeKey)
    const maps = (yield* elementType(live ?? [], patch ?? [])) === mapType
    return yield* inOrder(patched, others, order, live ?? [], field.mergeKey, maps)
  })

const keyAfter = (key: string, prefix: string): string | undefined =>
  key.startsWith(`${prefix}/`) ? key.slice(prefix.length + 1) : undefined

const isDirective = (key: string) => key.startsWith(deletePrefix) || key.startsWith(orderPrefix)

const mergeMaps = (live: JsonObject, patch: JsonObject, type: Type): Merged<JsonObject> =>
  Either.gen(function* () {
    const directive = own(patch, directiveKey)
    if (directive !== undefined) {
      const { [directiveKey]: _, ...rest } = patch
      return directive === "replace" ? rest : directive === "delete" ? {} : yield* badDirective(directive, patch)
    }

    let result = new Map(Object.entries(live))
    const changes = new Map(Object.entries(patch))

    const retained = changes.get(retainKeysKey)
    if (retained !== undefined) {
      if (!isJsonArray(retained)) return yield* badRetainKeys
      changes.delete(retainKeysKey)
      for (const [key, value] of changes) {
        if (value !== null && !isDirective(key) && !retained.includes(key)) return yield* badRetainKeys
      }
      result = new Map([...result].filter(([key]) => retained.includes(key)))
    }

    for (const [name, order] of changes) {
      if (!name.startsWith(orderPrefix)) continue
      changes.delete(name)
      const key = keyAfter(name, orderPrefix)
      if (!isJsonArray(order)) return yield* notList(order)
      if (key === undefined) return yield* badElementOrder
      const ordered = yield* mergeOrdered(result.get(key), changes.get(key), order, key, type)
      if (ordered !== undefined) {
        result.set(key, ordered)
        changes.delete(key)
      }
    }

    for (const [name, change] of changes) {
      const deleting = name.startsWith(deletePrefix)
      const key = deleting ? keyAfter(name, deletePrefix) : name
      if (key === undefined) return yield* badPrimitiveList
      if (change === null) {
        result.delete(key)
        continue
      }
      const existing = result.get(key)
      if (existing === undefined || jsonType(existing) !== jsonType(change)) {
        if (deleting) continue
        const kept = withoutDirectives(withoutNulls(change))
        if (kept === undefined) result.delete(key)
        else result.set(key, kept)
      } else if (isJsonObject(existing) && isJsonObject(change)) {
        const field = yield* fieldOf(type, key)
        result.set(key, field.strategy === "replace" ? change : yield* mergeMaps(existing, change, field.type))
      } else if (isJsonArray(existing) && isJsonArray(change)) {
        result.set(key, yield* mergeListField(existing, change, yield* listFieldOf(type, key), deleting))
      } else {
        result.set(key, change)
      }
    }
    return fromEntries(result)
  })

/**
 * `current` with the patch merged in. The result may hold fields that the kind does not have, as may what a client sends:
 * they are dropped, or refused, afterwards. Custom kinds take no such patch; the caller answers 415 for them.
 */
export const strategicMerge = (current: JsonObject, patch: Json, schema: OpenApi): Merged<JsonObject> =>
  isJsonObject(patch) || patch === null
    ? mergeMaps(current, patch ?? {}, {
        schema: resolve(schema),
        name: schema["x-kubernetes-group-version-kind"]?.[0]?.kind ?? ""
      })
    : Either.left(badRequest(`json: cannot unmarshal ${jsonType(patch)} into Go value of type map[string]interface {}`))
