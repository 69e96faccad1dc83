/** `get` and `list`. */
import * as Either from "effect/Either"
import { goValue } from "../goFormat.js"
import { jsonType } from "../json.js"
import { apiVersionOf, type Kind } from "../kinds.js"
import type { JsonObject } from "../openapi.js"
import * as status from "../status.js"
import type { Failure } from "../status.js"
import * as store from "../store.js"
import { get, type State } from "../store.js"
import { at } from "../strategies.js"
import { parseJson } from "./bodies.js"
import { keyOf, shown, typed, type Call, type Result } from "./call.js"
import { listOptions, parseUint, unsigned } from "./options.js"

export const read = (state: State, call: Call): Either.Either<JsonObject, Failure> => {
  const { kind } = call
  const object = get(state.objects, keyOf(call))
  if (object === undefined) return Either.left(status.notFound(kind, call.name))
  // The schema of a custom kind may have changed since the object was written.
  return Either.right(kind.custom ? kind.write(kind.read(object)) : object)
}

const tooLarge = (revision: string, current: number): Failure => ({
  code: 504,
  reason: "Timeout",
  message: `Timeout: Too large resource version: ${revision}, current: ${current}`,
  details: { causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }] },
  retryAfter: 1
})

export const getOne = (state: State, call: Call): Result =>
  Either.gen(function* () {
    const revision = call.query.get("resourceVersion") ?? ""
    if (revision !== "" && !unsigned.test(revision)) {
      return yield* Either.left(
        status.unforeseen(`resourceVersion: Invalid value: ${JSON.stringify(revision)}: ${parseUint(revision)}`)
      )
    }
    if (Number(revision) > state.revision) return yield* Either.left(tooLarge(revision, state.revision))
    return { state, status: 200, object: shown(call.kind, yield* read(state, call)) }
  })

/** Where a list goes on: at a place, of a revision, or of now if that is -1. */
interface Continue {
  readonly revision: number
  readonly start: string
}

const encodeContinue = ({ revision, start }: Continue): string =>
  Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: revision, start })).toString("base64url")

/** Where Go's decoder stops in a text that is not base64 without padding. */
const base64Stop = (text: string): number | undefined => {
  const wrong = text.search(/[^\w-]/)
  return wrong >= 0 ? wrong : text.length % 4 === 1 ? text.length - 1 : undefined
}

const decodeContinue = (token: string): Either.Either<Continue, Failure> => {
  const stop = base64Stop(token)
  const parsed =
    stop === undefined
      ? parseJson(Buffer.from(token, "base64url").toString("utf8"))
      : Either.left(`illegal base64 data at input byte ${stop}`)
  return Either.flatMap(parsed, (value) => {
    const [version = "", revision = 0, start = ""] = [at(value, "v"), at(value, "rv"), at(value, "start")]
    for (const [field, said, type] of [
      ["v", version, "string"],
      ["rv", revision, "int64"],
      ["start", start, "string"]
    ] as const) {
      if (typeof said !== (type === "int64" ? "number" : type)) {
        return Either.left(
          `json: cannot unmarshal ${jsonType(said)} into Go struct field continueToken.${field} of type ${type}`
        )
      }
    }
    if (version !== "meta.k8s.io/v1") {
      return Either.left(`server does not recognize this encoded version ${goValue(version)}`)
    }
    if (typeof revision !== "number" || revision === 0) {
      return Either.left("incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    }
    if (typeof start !== "string" || start === "") {
      return Either.left("encoded start key empty (version meta.k8s.io/v1)")
    }
    // What leads elsewhere is not a place.
    return start.split("/").includes("..")
      ? Either.left(start)
      : Either.right({ revision, start: start.startsWith("/") ? start.slice(1) : start })
  }).pipe(
    Either.mapLeft((problem) => status.badRequest(`invalid continue token: continue key is not valid: ${problem}`))
  )
}

const expiredContinue =
  "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list."

/** A list, not yet in the version of the call. */
interface Page {
  readonly revision: number
  readonly items: ReadonlyArray<JsonObject>
  readonly next?: string | undefined
  readonly remaining?: number | undefined
}

export const page = (state: State, call: Call): Either.Either<Page, Failure> =>
  Either.gen(function* () {
    const { limit, matches } = yield* listOptions(call, false)
    const { query } = call
    const [said, match] = [query.get("resourceVersion") ?? "", query.get("resourceVersionMatch")]
    const token = query.get("continue") ?? ""
    if (token === "" && said !== "" && !unsigned.test(said)) {
      return yield* Either.left(
        status.badRequest(
          `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(said)}: ${parseUint(said)}`
        )
      )
    }
    const from = token === "" ? undefined : yield* decodeContinue(token)
    if (from !== undefined && said !== "" && said !== "0") {
      return yield* Either.left(status.badRequest("specifying resource version is not allowed when using continue"))
    }
    // The first page of a version is of just that one, if nothing else is said.
    const isExact = match === "Exact" || (match === null && limit > 0 && said !== "" && said !== "0")
    const exact = from === undefined ? (isExact ? Number(said) : -1) : from.revision
    if (from === undefined && Number(said) > state.revision) {
      return yield* Either.left(tooLarge(said, state.revision))
    }
    const revision = exact < 0 ? state.revision : exact
    const objects = store.objectsAt(state, revision)
    if (objects === undefined) {
      return yield* Either.left(
        from === undefined
          ? status.expired("The resourceVersion for the provided list is too old.")
          : status.expired(expiredContinue, { continue: encodeContinue({ revision: -1, start: `/${from.start}` }) })
      )
    }
    const everywhere = call.namespace === "" && call.kind.scope === "Namespaced"
    const placed = store.list(objects, call.kind.storage, everywhere ? undefined : call.namespace)
    // A token points behind the last object: to its place and the least character.
    const begin = from === undefined ? 0 : firstFrom(placed, from.start)
    const items: Array<JsonObject> = []
    for (let index = begin; index < placed.length; index++) {
      const each = placed[index]
      if (each === undefined || !matches(each.object)) continue
      items.push(each.object)
      if (limit > 0 && items.length === limit) {
        const selects = query.get("labelSelector") || query.get("fieldSelector")
        const rest = placed.length - index - 1
        // With a selector the API server does not know how many are left, but it does look whether any is.
        const more = selects ? placed.slice(index + 1).some(({ object }) => matches(object)) : rest > 0
        if (!more) break
        return {
          revision,
          items,
          next: encodeContinue({ revision, start: `/${each.place}\u0000` }),
          remaining: selects ? undefined : rest
        }
      }
    }
    return { revision, items }
  })

const firstFrom = (placed: ReadonlyArray<store.Placed>, start: string): number => {
  let [low, high] = [0, placed.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((placed[middle]?.place ?? "") < start) low = middle + 1
    else high = middle
  }
  return low
}

export const listObject = (kind: Kind, { items, next, remaining, revision }: Page): JsonObject => ({
  kind: kind.listKind,
  apiVersion: apiVersionOf(kind),
  metadata: {
    resourceVersion: String(revision),
    // The list of custom objects has no type that would leave it out.
    ...(next === undefined ? (kind.custom ? { continue: "" } : {}) : { continue: next }),
    ...(remaining === undefined ? {} : { remainingItemCount: remaining })
  },
  items: items.map((item) => {
    const object = kind.read(item)
    // Only custom resources say in a list what they are.
    if (kind.custom) return typed(object, apiVersionOf(kind), kind.kind)
    const { apiVersion: _apiVersion, kind: _kind, ...rest } = object
    return rest
  })
})

export const list = (state: State, call: Call): Result =>
  Either.map(page(state, call), (found) => ({ state, status: 200, object: listObject(call.kind, found) }))
