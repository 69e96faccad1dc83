/** The options of the query, checked. */
import * as Either from "effect/Either"
import type { JsonObject } from "../openapi.js"
import { selecting } from "../selectors.js"
import * as status from "../status.js"
import type { Cause, Failure } from "../status.js"
import { metadataOf } from "../store.js"
import { isApply, meta, type Call } from "./call.js"

const fieldValidations = ["", "Ignore", "Strict", "Warn"]

/** The name of a manager is shown. */
const unprintable = (manager: string): ReadonlyArray<Cause> =>
  [...manager].flatMap((character, index) => {
    const code = character.codePointAt(0) ?? 0
    if (/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(character)) return []
    const point = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`
    const quoted = JSON.stringify(manager).replace(/\\u00([0-9a-f]{2})/g, "\\x$1")
    return [status.invalidValue("fieldManager", quoted, `invalid character ${point} (at position ${index})`)]
  })

/** What is wrong with the options of a write. */
export const writeOptions = (
  call: Call,
  options: "CreateOptions" | "PatchOptions" | "UpdateOptions"
): Either.Either<void, Failure> => {
  const { query } = call
  const dryRun = query.getAll("dryRun").filter((each) => each !== "All" && each !== "")
  const fieldValidation = query.get("fieldValidation") ?? ""
  const manager = query.get("fieldManager") ?? ""
  const causes: ReadonlyArray<Cause> = [
    ...(options === "PatchOptions" && query.has("force") && !call.contentType.startsWith("application/apply-patch")
      ? [status.forbiddenValue("force", "may not be specified for non-apply patch")]
      : []),
    ...(Buffer.byteLength(manager) > 128
      ? [{ reason: "FieldValueTooLong", message: "Too long: may not be more than 128 bytes", field: "fieldManager" }]
      : []),
    ...unprintable(manager),
    ...(dryRun.length > 0 ? [status.notSupported("dryRun", JSON.stringify(query.getAll("dryRun")), ["All"])] : []),
    ...(fieldValidations.includes(fieldValidation)
      ? []
      : [status.notSupported("fieldValidation", JSON.stringify(fieldValidation), fieldValidations)])
  ]
  return causes.length === 0 ? Either.right(undefined) : Either.left(status.invalid(meta(options), "", causes))
}

export const unsigned = /^\d+$/

export const parseUint = (text: string): string => `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`

/** A whole number of the query. */
export const intOf = (query: URLSearchParams, name: string): Either.Either<number | undefined, Failure> => {
  const text = query.get(name)
  if (text === null || text === "") return Either.right(undefined)
  const refused = (problem: string) =>
    Either.left(status.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: ${problem}`))
  if (!/^[+-]?\d+$/.test(text)) return refused("invalid syntax")
  return BigInt(text) === BigInt.asIntN(64, BigInt(text)) ? Either.right(Number(text)) : refused("value out of range")
}

/** True unless it says that it is not. */
export const boolOf = (query: URLSearchParams, name: string): boolean => {
  const text = query.get(name)
  return text !== null && text !== "" && text !== "false" && text !== "0"
}

/** What is wrong with the options of a list or a watch. */
const listCauses = (query: URLSearchParams, watches: boolean): ReadonlyArray<Cause> => {
  const [match, revision] = [query.get("resourceVersionMatch") ?? "", query.get("resourceVersion") ?? ""]
  const [initial, continues] = [query.has("sendInitialEvents"), query.get("continue") ?? ""]
  const forbid = (field: string, why: string): ReadonlyArray<Cause> => [status.forbiddenValue(field, why)]
  if (watches) {
    if (continues !== "") {
      return forbid("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")
    }
    const problem = initial
      ? match === "NotOlderThan"
        ? undefined
        : "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
      : match === ""
        ? undefined
        : "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
    return [
      ...(problem === undefined ? [] : forbid("resourceVersionMatch", problem)),
      ...(match === "" || match === "NotOlderThan"
        ? []
        : [status.notSupported("resourceVersionMatch", JSON.stringify(match), ["NotOlderThan"])])
    ]
  }
  if (initial) return forbid("sendInitialEvents", "sendInitialEvents is forbidden for list")
  if (match === "") return []
  return [
    ...(revision === ""
      ? forbid("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided")
      : []),
    ...(continues === ""
      ? []
      : forbid("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")),
    ...(match === "Exact" || match === "NotOlderThan"
      ? []
      : [status.notSupported("resourceVersionMatch", JSON.stringify(match), ["Exact", "NotOlderThan", ""])]),
    ...(match === "Exact" && revision === "0"
      ? forbid("resourceVersionMatch", 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
      : [])
  ]
}

export interface ListOptions {
  readonly matches: (object: JsonObject) => boolean
  readonly limit: number
  readonly timeoutSeconds: number | undefined
}

/** The options of a list or a watch, checked. */
export const listOptions = (call: Call, watches: boolean): Either.Either<ListOptions, Failure> =>
  Either.gen(function* () {
    const limit = (yield* intOf(call.query, "limit")) ?? 0
    const timeoutSeconds = yield* intOf(call.query, "timeoutSeconds")
    const causes = listCauses(call.query, watches)
    if (causes.length > 0) return yield* Either.left(status.invalid(meta("ListOptions"), "", causes))
    const selects = yield* selecting(call.query, call.kind.strategy.fields)
    const byName =
      call.name === "" ? selects : (object: JsonObject) => metadataOf(object)["name"] === call.name && selects(object)
    return { matches: byName, limit, timeoutSeconds }
  })

/** What is wrong with the options of a patch. */
export const patchOptions = (call: Call): Either.Either<void, Failure> =>
  isApply(call) && (call.query.get("fieldManager") ?? "") === ""
    ? Either.left(
        status.invalid(meta("PatchOptions"), "", [status.required("fieldManager", "is required for apply patch")])
      )
    : writeOptions(call, "PatchOptions")
