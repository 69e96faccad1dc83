/**
 * The verbs: each takes the state and a call, and gives a new state and the answer, or the refusal. They are pure; the time
 * and what is random about a call come with it.
 */
import * as Either from "effect/Either"
import { customCauses, readCustom, unknownFields, unknownIn, withCustomDefaults } from "./customObjects.js"
import { decode as typedDecode, storedForm } from "./decode.js"
import { duplicatesIn, nodeOf, nodeOfText } from "./decodeJson.js"
import { applyDefaults, prepareForCreate } from "./defaults.js"
import { goQuoted, goValue } from "./goFormat.js"
import { admission } from "./admission.js"
import type { Answer, User } from "./http.js"
import { isJsonArray, isJsonObject, jsonEquals, jsonType, sortedJson } from "./json.js"
import { jsonPatch } from "./jsonPatch.js"
import { jsonProblem } from "./jsonProblem.js"
import { apiVersionOf, kindsOf, type Kind } from "./kinds.js"
import {
  applyConfiguration,
  keepTimes,
  managerOf,
  resetFields,
  updateManaged,
  type ManagedWrite
} from "./managedFields.js"
import { mergePatch } from "./mergePatch.js"
import { metadataCauses, metadataUpdateCauses } from "./names.js"
import {
  builtIn,
  resolve,
  schemaOf,
  type GroupVersionKind,
  type Json,
  type JsonObject,
  type OpenApi
} from "./openapi.js"
import * as Protobuf from "./protobuf.js"
import { namesOf } from "./protobuf.js"
import { escalation } from "./rbac.js"
import { selecting } from "./selectors.js"
import { signingCauses, signingRequests } from "./signing.js"
import * as status from "./status.js"
import type { Cause, Failure } from "./status.js"
import * as store from "./store.js"
import { get, metadataOf, withMetadata, type Key, type State } from "./store.js"
import { strategicMerge } from "./strategicMerge.js"
import { at } from "./strategies.js"
import { validate as validateFields } from "./validation/validate.js"
import { deletionWarnings, warningsOf } from "./warnings.js"
import { parseYaml, repeatedProblem, type YamlBody } from "./yamlBody.js"

/** A request for a kind that is served. */
export interface Call {
  readonly verb: "create" | "delete" | "deletecollection" | "get" | "list" | "patch" | "update" | "watch"
  readonly kind: Kind
  /** Empty for objects of the cluster, and for collections over all namespaces. */
  readonly namespace: string
  /** Empty for collections. */
  readonly name: string
  readonly subresource: string
  readonly query: URLSearchParams
  readonly contentType: string
  readonly userAgent: string
  readonly body: string
  readonly user: User
  /** In RFC 3339, with seconds. */
  readonly now: string
  /** What a new object is known by. */
  readonly uid: string
  /** Five characters for each try to find a free name. */
  readonly suffixes: ReadonlyArray<string>
}

export interface Outcome extends Answer {
  readonly state: State
}

export type Result = Either.Either<Outcome, Failure>

/** An object as a request has it. */
export interface Decoded {
  readonly object: JsonObject
  /** What the server warns of: fields that the kind does not have, and those that are there twice. */
  readonly warnings: ReadonlyArray<string>
}

/** What a patch or a replacement makes of an object, in the call's version. */
export type Edit = (current: JsonObject) => Either.Either<Decoded, Failure>

export const silent = (object: JsonObject): Decoded => ({ object, warnings: [] })

/** The result with the warnings, whichever it is. */
export const warned = (result: Result, warnings: ReadonlyArray<string>): Result =>
  warnings.length === 0
    ? result
    : Either.mapBoth(result, {
        onLeft: (failure) => ({ ...failure, warnings: [...warnings, ...(failure.warnings ?? [])] }),
        onRight: (outcome) => ({ ...outcome, warnings: [...warnings, ...(outcome.warnings ?? [])] })
      })

type FieldValidation = "Ignore" | "Strict" | "Warn"

const fieldValidationOf = ({ query }: Call): FieldValidation => {
  const said = query.get("fieldValidation")
  return said === "Ignore" || said === "Strict" ? said : "Warn"
}

export const isDryRun = ({ query }: Call): boolean => query.getAll("dryRun").includes("All")

/** The outcome; a dry run has none but the answer. */
const finish = (call: Call, before: State, after: State, answer: Answer): Outcome => ({
  ...answer,
  state: isDryRun(call) ? before : after
})

export const keyOf = ({ kind, name, namespace }: Call): Key => ({ resource: kind.storage, namespace, name })

const meta = (kind: string) => ({ group: "meta.k8s.io", kind })

/** `kind` and `apiVersion` come first, as the API server writes them. */
export const typed = (object: JsonObject, apiVersion: string, kind: string): JsonObject => {
  const { apiVersion: _apiVersion, kind: _kind, ...rest } = object
  return { kind, apiVersion, ...rest }
}

/** An object of the store as the call's version shows it. */
export const shown = (kind: Kind, stored: JsonObject): JsonObject =>
  typed(kind.read(stored), apiVersionOf(kind), kind.kind)

const stored = (kind: Kind, object: JsonObject): JsonObject => kind.write(object)

// ---- bodies

const mediaTypes = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"]

const parseJson = (text: string): Either.Either<Json, string> =>
  Either.try({
    // JSON.parse makes nothing but JSON.
    try: () => JSON.parse(text) as Json,
    catch: () => jsonProblem(text)
  })

/** The configuration of an apply: an object in YAML, which JSON is too. */
const parseConfiguration = (text: string): Either.Either<YamlBody & { readonly json: JsonObject }, string> =>
  parseYaml(text).pipe(
    Either.mapLeft((problem) => `error converting YAML to JSON: ${problem}`),
    Either.flatMap(({ json, repeated }) =>
      isJsonObject(json) || json === null
        ? Either.right({ json: json ?? {}, repeated })
        : Either.left(
            `error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonType(json)} into Go value of type map[string]interface {}`
          )
    )
  )

const typeMeta =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'

const unrecognized = (problem: string): string => `couldn't get version/kind; json parse error: ${problem}`

const isYaml = ({ contentType }: Call): boolean => contentType.startsWith("application/yaml")

interface Body {
  readonly object: JsonObject
  /** The keys that are there twice, where the body is YAML. */
  readonly repeated: ReadonlyArray<string>
}

/** The body as an object. */
const bodyObject = (call: Call, gvk: GroupVersionKind): Either.Either<Body, Failure> => {
  const {
    body,
    contentType,
    kind: { custom }
  } = call
  const { kind, version } = gvk
  const type = (contentType.split(";")[0] ?? "").trim()
  if (Protobuf.isProtobuf(type) && !custom) {
    return Either.mapBoth(Protobuf.decode(body, gvk), {
      onLeft: ({ kind: said, problem }) =>
        status.badRequest(
          said === undefined
            ? `the object provided is unrecognized (must be of type ${kind}): ${problem} (${excerpt(body, "latin1")})`
            : `${said} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${problem}`
        ),
      onRight: (object) => ({ object, repeated: [] })
    })
  }
  if (type !== "" && type !== "application/json" && type !== "application/yaml") {
    return Either.left(status.unsupportedMediaType(mediaTypes))
  }
  const parsed: Either.Either<YamlBody, string> = isYaml(call)
    ? parseYaml(body)
    : Either.mapBoth(parseJson(body), { onLeft: unrecognized, onRight: (json) => ({ json, repeated: [] }) })
  return Either.flatMap(parsed, ({ json, repeated }) =>
    isJsonObject(json)
      ? Either.right({ object: json, repeated })
      : // Go decodes null into anything.
        json === null
        ? Either.right({ object: {}, repeated })
        : Either.left(unrecognized(`json: cannot unmarshal ${jsonType(json)} into Go value of type ${typeMeta}`))
  ).pipe(
    Either.mapLeft((problem) =>
      status.badRequest(`the object provided is unrecognized (must be of type ${kind}): ${problem} (${excerpt(body)})`)
    )
  )
}

const excerptLength = 30

/** As klog shows bytes: text if it is an object, else hexadecimal. */
const excerpt = (body: string, encoding: BufferEncoding = "utf8"): string =>
  body === ""
    ? "<empty>"
    : body.startsWith("{")
      ? `${body.slice(0, excerptLength)}${body.length > excerptLength ? " ..." : ""}`
      : `${Buffer.from(body, encoding).subarray(0, excerptLength).toString("hex")}${Buffer.byteLength(body, encoding) > excerptLength ? " ..." : ""}`

const registered = (apiVersion: string, kind: string): boolean =>
  Object.values(builtIn().schemas).some((schema) =>
    (schema["x-kubernetes-group-version-kind"] ?? []).some(
      (gvk) => gvk.kind === kind && apiVersionOf(gvk) === apiVersion
    )
  )

const scheme = 'in scheme "pkg/runtime/scheme.go:111"'

const goPackage = (group: string): string => (group === "" ? "core" : (group.split(".")[0] ?? group))

const inExtensions = new Set(["DaemonSet", "Deployment", "Ingress", "NetworkPolicy", "ReplicaSet"])

/** Whether a kind is, or was, in this version too: the API server still reads those that it does not serve any more. */
const isFormer = (apiVersion: string, { group, kind }: { readonly group: string; readonly kind: string }): boolean =>
  (apiVersion.startsWith(`${group}/`) || (apiVersion === "extensions/v1beta1" && inExtensions.has(kind))) &&
  // Events of a watch are in all of them.
  registered(apiVersion, "WatchEvent")

/** Why something that says that it is of another kind, or version, is not of this one. */
const unlike = (apiVersion: string, kind: string, wanted: { readonly group: string; readonly kind: string }): string =>
  registered(apiVersion, kind)
    ? `converting (${apiVersion.split("/").at(-1)}.${kind}) to (${goPackage(wanted.group)}.${wanted.kind}): unknown conversion`
    : `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} ${scheme}`

/** An object and what strict decoding has against it, as the request wants to have it. */
const strictly = (
  call: Call,
  { object, warnings }: Decoded,
  repeated: ReadonlyArray<string> = []
): Either.Either<Decoded, string> => {
  switch (fieldValidationOf(call)) {
    case "Ignore":
      return Either.right(silent(object))
    case "Strict": {
      const problems = [...(repeated.length === 0 ? [] : [repeatedProblem(repeated)]), ...warnings]
      return problems.length === 0
        ? Either.right(silent(object))
        : Either.left(`strict decoding error: ${problems.join(", ")}`)
    }
    case "Warn":
      return Either.right({ object, warnings: [...repeated, ...warnings] })
  }
}

/** A body of a custom kind. There is no type that it is read into, so it has to say what it is. */
const decodeCustom = (call: Call, { object, repeated }: Body): Either.Either<Decoded, Failure> => {
  const { kind } = call
  const said = object["kind"] ?? ""
  if (said === "") {
    return Either.left(
      status.badRequest(
        `the object provided is unrecognized (must be of type ${kind.kind}): Object 'Kind' is missing in '${call.body}' (${excerpt(call.body)})`
      )
    )
  }
  const [apiVersion, expected] = [object["apiVersion"] ?? "", apiVersionOf(kind)]
  if (apiVersion !== expected) {
    const failure = status.badRequest(
      `the API version in the data (${goValue(apiVersion)}) does not match the expected API version (${expected})`
    )
    // It is measured by the schema of the version that it says.
    const other =
      kind.custom?.versions.get(String(apiVersion)) ??
      (String(apiVersion).startsWith(`${kind.group}/`) ? {} : undefined)
    const unknown = other === undefined || said !== kind.kind ? [] : unknownFields(other, object)
    return Either.left(fieldValidationOf(call) === "Ignore" ? failure : { ...failure, warnings: unknown })
  }
  const unhandled = (problem: string): Failure =>
    status.badRequest(
      `${goValue(said)} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: ${problem}`
    )
  // What says that it is of another kind is not measured by the schema of this one.
  if (said !== kind.kind) return Either.right(silent(object))
  return Either.flatMap(Either.mapLeft(unknownIn(kind, object), unhandled), (unknown) => {
    const problems = [...(isYaml(call) ? [] : duplicatesIn(nodeOfText(call.body))), ...unknown]
    return Either.mapLeft(strictly(call, { object, warnings: problems }, repeated), unhandled)
  })
}

/** A body of this kind; one of a built-in kind may leave out that it is, or be of another version that is read alike. */
const decodeBody = (
  call: Call,
  { group, kind, version }: GroupVersionKind,
  alike: ReadonlyArray<string> = []
): Either.Either<Decoded, Failure> =>
  Either.flatMap(bodyObject(call, { group, kind, version }), (body) => {
    const gvk = { group, version, kind }
    if (schemaOf(gvk) === undefined) return decodeCustom(call, body)
    const { object, repeated } = body
    const unhandled = (name: string, said: string, problem: string): Failure =>
      status.badRequest(`${name} in version ${JSON.stringify(said)} cannot be handled as a ${kind}: ${problem}`)
    const expected = apiVersionOf({ group, version })
    const [apiVersion, said] = [object["apiVersion"] || expected, object["kind"] || kind]
    if ((apiVersion === expected || alike.includes(String(apiVersion))) && said === kind) {
      const isText = !isYaml(call) && !Protobuf.isProtobuf(call.contentType)
      // YAML becomes JSON with its keys in order.
      const node = isText ? nodeOfText(call.body) : nodeOf(isYaml(call) ? sortedJson(object) : object)
      return Either.flatMap(typedDecode(gvk, node), (decoded) =>
        Either.mapLeft(
          strictly(
            call,
            { object: keepingManagedFields(decoded.object, object), warnings: decoded.warnings },
            repeated
          ),
          (problem) => unhandled(kind, version, problem)
        )
      )
    }
    const [text, name] = [String(apiVersion), String(said)]
    if (text.split("/").length > 2) {
      return Either.left(
        status.badRequest(
          `the object provided is unrecognized (must be of type ${kind}): unexpected GroupVersion string: ${text} (${excerpt(call.body)})`
        )
      )
    }
    return Either.left(
      name === kind && isFormer(text, { group, kind })
        ? status.badRequest(
            `the API version in the data (${text}) does not match the expected API version (${expected})`
          )
        : unhandled(name, text.split("/").at(-1) ?? "", unlike(text, name, { group, kind }))
    )
  })

/** A body of this kind, whatever is to be said of its fields. */
export const decode = (
  call: Call,
  gvk: GroupVersionKind,
  alike: ReadonlyArray<string> = []
): Either.Either<JsonObject, Failure> => Either.map(decodeBody(call, gvk, alike), ({ object }) => object)

/** An empty list of managed fields says something, though typed decoding takes it for none. */
const keepingManagedFields = (object: JsonObject, given: JsonObject): JsonObject => {
  const { managedFields } = metadataOf(given)
  return isJsonArray(managedFields) && managedFields.length === 0 ? withMetadata(object, { managedFields }) : object
}

/** Null is what is not there. */
const withoutNulls = (object: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(object).flatMap(([key, value]) =>
      value === null ? [] : [[key, isJsonObject(value) ? withoutNulls(value) : value]]
    )
  )

/** What the structs of the API always have: the defaults of its schema. Go's own defaulting is defaults.ts's. */
export const withStructs = (object: JsonObject, schema: OpenApi | undefined): JsonObject => {
  if (schema === undefined) return object
  const { additionalProperties, properties = {} } = resolve(schema)
  const result: Record<string, Json> = {}
  for (const [name, property] of Object.entries(properties)) {
    const value = object[name] ?? resolve(property).default
    if (value !== undefined) result[name] = filled(value, property)
  }
  for (const [name, value] of Object.entries(object)) {
    if (!Object.hasOwn(properties, name)) {
      result[name] = typeof additionalProperties === "object" ? filled(value, additionalProperties) : value
    }
  }
  return result
}

const filled = (value: Json, schema: OpenApi): Json => {
  if (isJsonObject(value)) return withStructs(value, schema)
  const { items } = resolve(schema)
  return isJsonArray(value) && items !== undefined ? value.map((item) => filled(item, items)) : value
}

// ---- options

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

// ---- reading

export const read = (state: State, call: Call): Either.Either<JsonObject, Failure> => {
  const { kind } = call
  const object = get(state.objects, keyOf(call))
  if (object === undefined) return Either.left(status.notFound(kind, call.name))
  // The schema of a custom kind may have changed since the object was written.
  return Either.right(kind.custom ? kind.write(kind.read(object)) : object)
}

const unsigned = /^\d+$/

const parseUint = (text: string): string => `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`

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

/** A whole number of the query. */
const intOf = (query: URLSearchParams, name: string): Either.Either<number | undefined, Failure> => {
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

const expiredContinue =
  "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list."

/** A list, not yet in the version of the call. */
interface Page {
  readonly revision: number
  readonly items: ReadonlyArray<JsonObject>
  readonly next?: string | undefined
  readonly remaining?: number | undefined
}

const page = (state: State, call: Call): Either.Either<Page, Failure> =>
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

const listObject = (kind: Kind, { items, next, remaining, revision }: Page): JsonObject => ({
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

// ---- writing

const invalid = (kind: Kind, name: string, causes: ReadonlyArray<Cause>): Either.Either<void, Failure> =>
  causes.length === 0
    ? Either.right(undefined)
    : // The API server has the Events of both groups in the first.
      Either.left(status.invalid(kind.kind === "Event" ? { ...kind, group: "" } : kind, name, causes))

const wrongNamespace = status.badRequest(
  "the namespace of the provided object does not match the namespace sent on the request"
)

const nameOf = (object: JsonObject): string => String(metadataOf(object)["name"] ?? "")

/** That the object says of its place what the request says. */
export const samePlace = (call: Call, object: JsonObject): Either.Either<JsonObject, Failure> => {
  const { name = "", namespace = "" } = metadataOf(object)
  if (call.verb !== "create" && name !== call.name) {
    return Either.left(
      status.badRequest(
        name === ""
          ? `the name of the object (${call.name} based on URL) was undeterminable: name must be provided`
          : `the name of the object (${goValue(name)}) does not match the name on the URL (${call.name})`
      )
    )
  }
  if (call.namespace === "") {
    const { namespace: _namespace, ...metadata } = metadataOf(object)
    return Either.right(namespace === "" ? object : { ...object, metadata })
  }
  return namespace === "" || namespace === call.namespace
    ? Either.right(withMetadata(object, { namespace: call.namespace }))
    : Either.left(wrongNamespace)
}

/** That the namespace takes new objects. */
const inNamespace = (state: State, call: Call, object: JsonObject): Either.Either<void, Failure> => {
  if (call.namespace === "") return Either.right(undefined)
  const namespaces = { group: "", plural: "namespaces" }
  const namespace = get(state.objects, { resource: "namespaces", namespace: "", name: call.namespace })
  if (namespace === undefined) return Either.left(status.notFound(namespaces, call.namespace))
  if (at(namespace, "status", "phase") !== "Terminating") return Either.right(undefined)
  const name = nameOf(object) || String(metadataOf(object)["generateName"] ?? "")
  return Either.left(
    status.forbidden(
      call.kind,
      name,
      `unable to create new content in namespace ${call.namespace} because it is being terminated`,
      [
        {
          reason: "NamespaceTerminating",
          message: `namespace ${call.namespace} is being terminated`,
          field: "metadata.namespace"
        }
      ]
    )
  )
}

const hasStatus = ({ subresources }: Kind): boolean => subresources.some(({ name }) => name === "status")

const longestPrefix = 58

/** The metadata that a new object has, whatever the request says. */
const newMetadata = (call: Call, object: JsonObject, suffix: string): JsonObject => {
  const { resourceVersion: _resourceVersion, ...metadata } = metadataOf(object)
  const { generateName, name } = metadata
  return {
    ...metadata,
    ...(!name && typeof generateName === "string" && generateName !== ""
      ? { name: generateName.slice(0, longestPrefix) + suffix }
      : {}),
    ...(call.namespace === "" ? {} : { namespace: call.namespace }),
    uid: call.uid,
    creationTimestamp: call.now,
    ...(call.kind.strategy.generation === undefined ? {} : { generation: 1 })
  }
}

const dropStatus = ({ status: _status, ...object }: JsonObject): JsonObject => object

/** An object in its first form: its structs, its metadata, its own status. */
const prepared = (call: Call, object: JsonObject, suffix: string): JsonObject => {
  const { kind } = call
  const isOwn = hasStatus(kind) && kind.kind !== "Node"
  // Built-in kinds always have the struct.
  const own = isOwn ? { ...dropStatus(object), ...(kind.custom ? {} : { status: {} }) } : object
  const named = prepareForCreate(kind, { ...own, metadata: newMetadata(call, own, suffix) })
  const full = kind.write(named)
  return kind.strategy.create?.(full, call) ?? full
}

/** Where a finalizer may have any qualified name: what is not among the kinds of the Kubernetes API itself. */
const takesFinalizers = ({ custom, group }: Kind): boolean =>
  custom !== undefined || group === "apiextensions.k8s.io" || group === "apiregistration.k8s.io"

/** The single place where an object is checked, after everything that fills it. */
const validate = (
  kind: Kind,
  object: JsonObject,
  old: JsonObject | undefined,
  subresource: string
): ReadonlyArray<Cause> => [
  ...(old === undefined
    ? metadataCauses(object, kind.strategy.name, takesFinalizers(kind))
    : metadataUpdateCauses(object, old, takesFinalizers(kind))),
  ...(kind.custom
    ? customCauses(kind, kind.read(object), old === undefined ? undefined : kind.read(old), subresource)
    : validateFields(kind, object, old, subresource)),
  ...(kind.storage === signingRequests ? signingCauses(object, old, subresource) : [])
]

/** The single place where an object of a request is filled and freed of what its kind does not know. */
export const admit = (kind: Kind, object: JsonObject): Either.Either<JsonObject, Failure> =>
  kind.custom
    ? Either.map(admitCustom(kind, object), withoutEmptyMetadata)
    : kind.schema === undefined
      ? Either.right(withoutEmptyMetadata(object))
      : Either.map(typedDecode(kind, nodeOf(object)), (decoded) =>
          withoutEmptyMetadata(keepingManagedFields(applyDefaults(kind, decoded.object), object))
        )

/** An object of the call's version: of another kind, or version, it is refused. */
const admitCustom = (kind: Kind, object: JsonObject): Either.Either<JsonObject, Failure> => {
  const expected = apiVersionOf(kind)
  const [said, apiVersion] = [goValue(object["kind"] ?? ""), goValue(object["apiVersion"] ?? "")]
  const causes = [
    ...(said === kind.kind ? [] : [status.invalidValue("kind", JSON.stringify(said), `must be ${kind.kind}`)]),
    ...(apiVersion === expected
      ? []
      : [status.invalidValue("apiVersion", JSON.stringify(apiVersion), `must be ${expected}`)])
  ]
  if (causes.length > 0) {
    const group = apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : ""
    return Either.left(status.invalid({ group, kind: said }, nameOf(object), causes))
  }
  return Either.mapBoth(readCustom(kind, object), {
    onLeft: status.badRequest,
    onRight: (read) => keepingManagedFields(withCustomDefaults(kind, read.object), object)
  })
}

/** Metadata leaves out what is empty, but for a list of managed fields: that ends the management. */
const withoutEmptyMetadata = (object: JsonObject): JsonObject => ({
  ...object,
  metadata: Object.fromEntries(
    Object.entries(metadataOf(object)).filter(
      ([key, value]) =>
        key === "managedFields" ||
        !(value === "" || (typeof value === "object" && value !== null && Object.keys(value).length === 0))
    )
  )
})

/** A kind, or what a subresource shows of it. */
export interface Shape extends GroupVersionKind {
  readonly schema: OpenApi | undefined
}

export const managedWrite = (
  call: Call,
  live: JsonObject | undefined,
  shape: Shape = call.kind
): ManagedWrite | undefined =>
  shape.schema === undefined
    ? undefined
    : {
        live,
        schema: shape.schema,
        gvk: shape,
        manager: managerOf(call.query.get("fieldManager") ?? undefined, call.userAgent),
        time: call.now,
        subresource: call.subresource,
        reset: shape === call.kind ? resetFields(call.kind, call.subresource, hasStatus(call.kind)) : [],
        versions: call.kind.custom?.versions
      }

export const isApply = ({ contentType }: Call): boolean => contentType.startsWith("application/apply-patch+yaml")

/** The single place where it is noted who owns which fields: of a request's object, before the strategy of its kind. */
export const manage = (call: Call, object: JsonObject, old: JsonObject | undefined): JsonObject => {
  if (call.subresource === "scale") {
    // The scale has it noted. The API server keeps no account of who scales custom objects.
    if (!call.kind.custom) return object
    const { managedFields } = metadataOf(old ?? {})
    return managedFields === undefined ? object : withMetadata(object, { managedFields })
  }
  const write = managedWrite(call, old)
  return write === undefined || (call.verb === "patch" && isApply(call))
    ? object
    : updateManaged({ ...write, updated: object })
}

/** An object that does not exist yet is not on its way out either. */
const withoutDeletion = (object: JsonObject): JsonObject => {
  const {
    deletionGracePeriodSeconds: _grace,
    deletionTimestamp: _deletion,
    selfLink: _selfLink,
    ...metadata
  } = metadataOf(object)
  return { ...object, metadata }
}

/** Custom objects are stored as they are. */
const nilled = (kind: Kind, object: JsonObject): JsonObject =>
  kind.custom || kind.schema === undefined ? object : storedForm(kind.schema, object)

/** That the name is taken, if only for a while. */
const already = (kind: Kind, name: string, present: JsonObject | undefined): Failure => {
  const failure = status.alreadyExists(kind, name)
  return present !== undefined && metadataOf(present)["deletionTimestamp"] !== undefined
    ? { ...failure, message: `object is being deleted: ${failure.message}` }
    : failure
}

/** That who writes roles and bindings has what they grant. */
const granting = (
  state: State,
  call: Call,
  object: JsonObject,
  old: JsonObject | undefined
): Either.Either<void, Failure> => {
  if (call.kind.group !== "rbac.authorization.k8s.io") return Either.right(undefined)
  const { kind, namespace } = call
  const name = nameOf(object)
  const problem = escalation(state.objects, call.user, { kind: kind.kind, name, namespace }, object, old)
  if (problem === undefined) return Either.right(undefined)
  return Either.left(
    problem.status === "forbidden"
      ? status.forbidden(kind, name, problem.message)
      : // The role that is missing, said of the binding.
        status.notFound(kind, problem.role)
  )
}

/** Only a write of the whole object is given anything. */
const allocated = (
  state: State,
  { kind, subresource }: Call,
  object: JsonObject,
  old: JsonObject | undefined
): Either.Either<JsonObject, Failure> =>
  kind.strategy.allocate === undefined || subresource !== ""
    ? Either.right(object)
    : kind.strategy.allocate(object, old, state.objects)

/** An object whose owners are each there once. */
const withOwnersOnce = ({ verb }: Call, object: JsonObject): Decoded => {
  const metadata = metadataOf(object)
  const owners = listOf(metadata["ownerReferences"])
  const again = owners.filter((owner, index) => owners.slice(0, index).some((each) => jsonEquals(each, owner)))
  if (again.length === 0) return silent(object)
  const when = verb === "patch" ? " after mutating admission happens" : ""
  return {
    object: withMetadata(object, {
      ownerReferences: owners.filter((owner, index) => owners.findIndex((each) => jsonEquals(each, owner)) === index)
    }),
    warnings: [
      `.metadata.ownerReferences contains duplicate entries${when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${again.map((owner) => goValue(at(owner, "uid") ?? "")).join(", ")}`
    ]
  }
}

const insert = (state: State, call: Call, body: JsonObject): Result => {
  const { object, warnings } = withOwnersOnce(call, body)
  return warned(insertOnce(state, call, object), warnings)
}

const insertOnce = (state: State, call: Call, body: JsonObject): Result =>
  Either.gen(function* () {
    const { kind } = call
    const placed = yield* samePlace(call, body)
    yield* inNamespace(state, call, placed)
    if (kind.custom?.terminating === true) {
      return yield* Either.left(
        status.forbidden(kind, nameOf(placed), "create not allowed while custom resource definition is terminating")
      )
    }
    const managed = manage(call, yield* admit(kind, withoutDeletion(placed)), undefined)
    const admitted = yield* admission(state, call, managed)
    const object = yield* allocated(state, call, admitted, undefined)
    for (const suffix of call.suffixes) {
      const made = prepared(call, object, suffix)
      const name = nameOf(made)
      yield* granting(state, call, made, undefined)
      yield* invalid(kind, name, validate(kind, made, undefined, ""))
      const created = nilled(kind, made)
      // Also what cannot be stored is warned of.
      const warnings = warningsOf(kind, created, undefined, "")
      const refused = (failure: Failure) => warned(Either.left(failure), warnings)
      const version = metadataOf(body)["resourceVersion"] ?? ""
      if (version !== "") {
        return yield* refused(status.unforeseen("resourceVersion should not be set on objects to be created"))
      }
      const key = { ...keyOf(call), name }
      if (get(state.objects, key) === undefined) {
        const next = store.write(state, key, created)
        // A dry run leaves no trace, so it has no version either.
        const answer = isDryRun(call) ? created : (next.object ?? created)
        return finish(call, state, next.state, { status: 201, object: shown(kind, answer), warnings })
      }
      if (nameOf(object) !== "") return yield* refused(already(kind, name, get(state.objects, key)))
    }
    return yield* Either.left(status.alreadyExists(kind, String(metadataOf(object)["generateName"])))
  })

export const create = (state: State, call: Call): Result =>
  Either.gen(function* () {
    yield* writeOptions(call, "CreateOptions")
    const { object, warnings } = yield* decodeBody(call, call.kind)
    return yield* warned(insert(state, call, object), warnings)
  })

/** Of the old metadata what a request cannot take away. */
const keptMetadata = (metadata: JsonObject, before: JsonObject): JsonObject => {
  const keep = (key: string): JsonObject => {
    const value = metadata[key] || before[key]
    return value === undefined ? {} : { [key]: value }
  }
  const {
    creationTimestamp: _creation,
    generation: _generation,
    resourceVersion: _version,
    selfLink: _selfLink,
    ...own
  } = metadata
  return {
    ...own,
    ...keep("uid"),
    ...(before["creationTimestamp"] === undefined ? {} : { creationTimestamp: before["creationTimestamp"] }),
    ...(before["generation"] === undefined ? {} : { generation: before["generation"] }),
    ...(before["resourceVersion"] === undefined ? {} : { resourceVersion: before["resourceVersion"] }),
    ...keep("deletionTimestamp"),
    ...keep("deletionGracePeriodSeconds")
  }
}

/** What of an object a write of the main resource, or of a subresource, changes. */
export type Part = (object: JsonObject, old: JsonObject, call: Call) => JsonObject

const whole: Part = (object, old, call) => {
  const { strategy } = call.kind
  const kept = hasStatus(call.kind)
    ? { ...dropStatus(object), ...(old["status"] === undefined ? {} : { status: old["status"] }) }
    : object
  return strategy.update?.(kept, old, call) ?? kept
}

/** Whether nothing holds the object any more, so that it goes with its last finalizer. */
const isFree = (object: JsonObject): boolean => {
  const metadata = metadataOf(object)
  const [finalizers, grace] = [metadata["finalizers"], metadata["deletionGracePeriodSeconds"]]
  const held =
    object["kind"] === "Namespace" && isJsonArray(at(object, "spec", "finalizers"))
      ? at(object, "spec", "finalizers")
      : []
  return (
    metadata["deletionTimestamp"] !== undefined &&
    !(isJsonArray(finalizers) && finalizers.length > 0) &&
    !(isJsonArray(held) && held.length > 0) &&
    !(typeof grace === "number" && grace > 0)
  )
}

/** That the request has seen the object that it changes. */
const seen = (call: Call, given: JsonObject, current: JsonObject): Either.Either<void, Failure> => {
  const { kind, name } = call
  const version = String(given["resourceVersion"] ?? "")
  if (/^0*$/.test(version)) {
    return kind.strategy.versionedUpdate === true
      ? Either.left(
          status.invalid({ group: kind.group, kind: kind.plural }, name, [
            status.invalidValue("metadata.resourceVersion", "0", "must be specified for an update")
          ])
        )
      : Either.right(undefined)
  }
  if (!unsigned.test(version)) return Either.left(status.unforeseen(parseUint(version)))
  return version === current["resourceVersion"] ? Either.right(undefined) : Either.left(status.modified(kind, name))
}

/** Where etcd has what is not under the name of its resource. */
const keyPrefixes: { readonly [storage: string]: string } = {
  endpoints: "services/endpoints",
  "ingresses.networking.k8s.io": "ingress",
  nodes: "minions",
  replicationcontrollers: "controllers",
  services: "services/specs"
}

/** That the object is another one, or is at another version, than the request is about. */
export const unmetPrecondition = (call: Call, what: "ResourceVersion" | "UID", given: Json, actual: Json): Failure => {
  const { kind, name, namespace } = call
  const key = [keyPrefixes[kind.storage] ?? kind.plural, namespace, name].filter((each) => each !== "").join("/")
  // A dry run does not go as far as to where the prefix is added.
  const prefix = isDryRun(call) ? "" : "/registry"
  return status.conflict(
    kind,
    name,
    `StorageError: invalid object, Code: 4, Key: ${prefix}/${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: ${what} in precondition: ${goValue(given)}, ${what} in object meta: ${goValue(actual)}`
  )
}

/** The object with the edit made, checked and stored. */
export const update = (state: State, call: Call, edit: Edit, part: Part = whole): Result =>
  Either.gen(function* () {
    const old = yield* read(state, call)
    const edited = yield* edit(shown(call.kind, old))
    const { object, warnings } = withOwnersOnce(call, edited.object)
    return yield* warned(change(state, call, old, object, part), [...edited.warnings, ...warnings])
  })

const change = (state: State, call: Call, old: JsonObject, object: JsonObject, part: Part): Result =>
  Either.gen(function* () {
    const { kind } = call
    const edited = yield* samePlace(call, object)
    const given = metadataOf(edited)
    if (call.verb === "update" && given["uid"] && given["uid"] !== metadataOf(old)["uid"]) {
      return yield* Either.left(unmetPrecondition(call, "UID", given["uid"], metadataOf(old)["uid"] ?? ""))
    }
    yield* seen(call, given, metadataOf(old))
    const admitted = stored(kind, manage(call, yield* admit(kind, edited), shown(kind, old)))
    const changed = part({ ...admitted, metadata: keptMetadata(metadataOf(admitted), metadataOf(old)) }, old, call)
    const kept = yield* allocated(state, call, changed, old)
    const { generation } = kind.strategy
    const before = metadataOf(old)["generation"]
    // A status is not a new state of what is wanted.
    const next =
      call.subresource !== "status" && generation !== undefined && !jsonEquals(generation(kept), generation(old))
        ? withMetadata(kept, { generation: (typeof before === "number" ? before : 0) + 1 })
        : kept
    yield* granting(state, call, next, old)
    yield* invalid(kind, call.name, validate(kind, next, old, call.subresource))
    const managed = nilled(kind, keepTimes(old, next))
    const warnings = warningsOf(kind, managed, old, call.subresource)
    if (isFree(managed)) {
      const gone = store.write(state, keyOf(call), undefined)
      return finish(call, state, gone.state, { status: 200, object: shown(kind, managed), warnings })
    }
    // What changes nothing is not written.
    if (jsonEquals(managed, old)) return { state, status: 200, object: shown(kind, old), warnings }
    const written = store.write(state, keyOf(call), managed)
    const answer = isDryRun(call) ? managed : (written.object ?? managed)
    return finish(call, state, written.state, { status: 200, object: shown(kind, answer), warnings })
  })

export const replace = (state: State, call: Call, part: Part = whole): Result =>
  Either.gen(function* () {
    yield* writeOptions(call, "UpdateOptions")
    const body = yield* decodeBody(call, call.kind)
    const creates = call.kind.strategy.createOnUpdate === true && (part === whole || call.subresource === "status")
    if (get(state.objects, keyOf(call)) === undefined && creates) {
      const { resourceVersion = "", uid = "", ...metadata } = metadataOf(yield* samePlace(call, body.object))
      if (uid !== "") return yield* Either.left(unmetPrecondition(call, "UID", uid, ""))
      if (resourceVersion !== "" && !unsigned.test(goValue(resourceVersion))) {
        return yield* Either.left(status.unforeseen(parseUint(goValue(resourceVersion))))
      }
      const inserted = insert(state, { ...call, verb: "create" }, { ...body.object, metadata })
      const outcome = yield* warned(inserted, body.warnings)
      // Nothing was stored that could have a version, so it keeps the one that was said.
      return isDryRun(call) && resourceVersion !== ""
        ? { ...outcome, object: withMetadata(outcome.object, { resourceVersion }) }
        : outcome
    }
    return yield* update(state, call, () => Either.right(body), part)
  })

/** What makes of an object another, by the content type of the patch. */
const patches: {
  readonly [contentType: string]:
    ((current: JsonObject, patch: Json, schema: OpenApi | undefined) => Either.Either<JsonObject, Failure>) | undefined
} = {
  "application/json-patch+json": jsonPatch,
  "application/merge-patch+json": mergePatch,
  "application/strategic-merge-patch+json": (current, patch, schema) => strategicMerge(current, patch, schema ?? {})
}

const unsupportedPatch: Failure = {
  code: 415,
  reason: "UnsupportedMediaType",
  message: "415: Unsupported Media Type",
  details: {}
}

const metadataOrder = [
  "name",
  "generateName",
  "namespace",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "labels",
  "annotations",
  "ownerReferences",
  "finalizers",
  "managedFields"
]
/** Metadata as Go writes it. */
export const inMetadataOrder = (metadata: JsonObject): JsonObject => inOrder(metadata, metadataOrder)

const entryOrder = ["manager", "operation", "apiVersion", "time", "fieldsType", "fieldsV1", "subresource"]

const inOrder = (object: JsonObject, order: ReadonlyArray<string>): JsonObject =>
  Object.fromEntries(
    Object.entries(object).toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b) || (a < b ? -1 : a > b ? 1 : 0))
  )

/** What a patch made, as the API server quotes it: as Go writes maps and, where nothing was changed, structs. */
const quotedPatched = (object: JsonObject, changesMetadata: boolean): string => {
  const { metadata } = object
  if (!isJsonObject(metadata)) return JSON.stringify(inOrder(object, []))
  const { managedFields } = metadata
  const maps = Object.entries(metadata).filter(([key]) => key === "labels" || key === "annotations")
  return JSON.stringify({
    ...inOrder(object, []),
    metadata: {
      ...inOrder(metadata, changesMetadata ? [] : metadataOrder),
      ...Object.fromEntries(maps.map(([key, map]) => [key, sortedJson(map)])),
      ...(isJsonArray(managedFields)
        ? { managedFields: managedFields.map((each) => (isJsonObject(each) ? inOrder(each, entryOrder) : each)) }
        : {})
    }
  })
}

/** What Go's converter says of a value that is of another type. */
const unrestored = (problem: string): string => {
  const [, given = "", type = ""] = /^json: cannot unmarshal (\w+).* of type (\S+)$/.exec(problem) ?? []
  return type.startsWith("[]")
    ? `cannot restore slice from ${given}`
    : type.startsWith("map[")
      ? `cannot restore map from ${given}`
      : type.includes(".")
        ? `cannot restore struct from: ${given}`
        : `cannot convert ${given === "number" ? "int64" : given} to ${type}`
}

/** What may be written in an operation of a JSON patch. */
const operationFields = new Set(["op", "path", "from", "value"])

/** What strict decoding has against the text of a patch. */
const patchProblems = ({ body, contentType }: Call): ReadonlyArray<string> => {
  const node = nodeOfText(body)
  if (!contentType.startsWith("application/json-patch")) return duplicatesIn(node)
  const problems = (node._tag === "array" ? node.items : []).flatMap((operation, index) => {
    const seen = new Set<string>()
    return (operation._tag === "object" ? operation.entries : []).flatMap(([key, item]) => {
      const path = `[${index}].${key}`
      if (!operationFields.has(key)) return [`unknown field ${goQuoted(path)}`]
      const again = seen.has(key) ? [`duplicate field ${goQuoted(path)}`] : []
      seen.add(key)
      return [...again, ...duplicatesIn(item, path)]
    })
  })
  return [...new Set(problems)].map((problem) => `json patch ${problem}`)
}

const metadataFields = new Set(namesOf("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"))

/** The object without a version: the API server reads it into a type of its own, which has the metadata at the top. */
const unversioned = (object: JsonObject): Decoded => {
  const { apiVersion: _apiVersion, kind: _kind, ...rest } = object
  const entries = Object.entries(sortedJson(rest) as JsonObject)
  return {
    object: { metadata: Object.fromEntries(entries.filter(([key]) => metadataFields.has(key))) },
    warnings: entries.filter(([key]) => !metadataFields.has(key)).map(([key]) => `unknown field ${goQuoted(key)}`)
  }
}

/** That what a patch made is an object of the kind. */
const fitting = (
  call: Call,
  shape: Shape,
  object: JsonObject,
  patch: Json,
  type: string
): Either.Either<Decoded, Failure> => {
  const { group, kind, version } = shape
  const isStrategic = type.includes("strategic")
  const refused = (problem: string) => {
    const operations = isJsonArray(patch) ? patch.map((each) => goValue(at(each, "path") ?? "")) : []
    const changesMetadata =
      operations.some((path) => path.startsWith("/metadata/")) ||
      (isJsonObject(patch) && patch["metadata"] !== undefined)
    const quoted = isStrategic ? goValue(patch) : quotedPatched(object, changesMetadata)
    return status.invalid({ group: "", kind: "" }, "", [status.invalidValue("patch", JSON.stringify(quoted), problem)])
  }
  const expected = apiVersionOf({ group, version })
  const [said, apiVersion] = [object["kind"] || kind, object["apiVersion"] || (isStrategic ? expected : "")]
  if (said !== kind || (apiVersion !== expected && apiVersion !== "")) {
    return Either.left(refused(unlike(goValue(apiVersion), goValue(said), { group, kind })))
  }
  const decoded: Either.Either<Decoded, Failure> =
    apiVersion === ""
      ? Either.right(unversioned(object))
      : Either.mapBoth(typedDecode(shape, nodeOf(type.includes("merge") ? sortedJson(object) : inOrder(object, []))), {
          onLeft: ({ message }) => {
            const problem = message.replace(/^.*? cannot be handled as an? \w+: /, "")
            return refused(isStrategic ? unrestored(problem) : problem)
          },
          onRight: (read) => ({
            object: keepingManagedFields(read.object, object),
            warnings: isStrategic ? read.warnings.toSorted() : read.warnings
          })
        })
  return Either.flatMap(decoded, (read) =>
    Either.mapLeft(strictly(call, { ...read, warnings: [...patchProblems(call), ...read.warnings] }), refused)
  )
}

const customPatches = ["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"]

/** What a patch made of a custom object, unless that is none. */
const patchedCustom = (call: Call, object: JsonObject): Either.Either<Decoded, Failure> => {
  const refused = (problem: string): Failure =>
    status.invalid({ group: "", kind: "" }, "", [
      status.invalidValue("patch", JSON.stringify(JSON.stringify(sortedJson(object))), problem)
    ])
  return Either.flatMap(Either.mapLeft(unknownIn(call.kind, object), refused), (unknown) =>
    Either.mapLeft(strictly(call, { object, warnings: [...patchProblems(call), ...unknown] }), refused)
  )
}

/** The edit that the body of a patch asks for, of an object of this shape. */
const patchOf = (call: Call, shape: Shape): Either.Either<Edit, Failure> => {
  const type = (call.contentType.split(";")[0] ?? "").trim()
  const { custom } = call.kind
  // Custom kinds have no strategy for their lists.
  if (custom && !customPatches.includes(type)) return Either.left(status.unsupportedMediaType(customPatches))
  const apply = patches[type]
  if (apply === undefined) return Either.left(unsupportedPatch)
  const malformed = (problem: string): Failure =>
    status.badRequest(type.includes("strategic") ? problem : `error decoding patch: ${problem}`)
  // An object that is not there is missed before the patch is read.
  return Either.right((current) =>
    Either.gen(function* () {
      const patch = yield* Either.mapLeft(parseJson(call.body), malformed)
      const object = yield* apply(current, patch, shape.schema)
      return yield* custom && shape === call.kind
        ? patchedCustom(call, object)
        : fitting(call, shape, object, patch, type)
    })
  )
}

/** What an apply makes of the object that is there, or of none. */
const applying = (
  call: Call,
  shape: Shape
): Either.Either<(live: JsonObject | undefined) => Either.Either<Decoded, Failure>, Failure> =>
  Either.mapBoth(parseConfiguration(call.body), {
    onLeft: (problem) => status.badRequest(`error decoding YAML: ${problem}`),
    onRight:
      ({ json: applied, repeated }) =>
      (live) => {
        const write = managedWrite(call, live, shape)
        if (write === undefined) return Either.left(unsupportedPatch)
        const validation = fieldValidationOf(call)
        return Either.flatMap(
          applyConfiguration({ ...write, applied, force: boolOf(call.query, "force") }),
          (object): Either.Either<Decoded, Failure> =>
            validation === "Strict" && repeated.length > 0
              ? Either.left(
                  status.badRequest(
                    `error strict decoding YAML: error converting YAML to JSON: ${repeatedProblem(repeated)}`
                  )
                )
              : Either.right({
                  // A custom kind says of each field whether it may be null.
                  object: call.kind.custom ? object : withoutNulls(object),
                  warnings: validation === "Warn" ? repeated : []
                })
        )
      }
  })

/** The edit that a patch of any type asks for, of an object of this shape. */
export const editOf = (call: Call, shape: Shape = call.kind): Either.Either<Edit, Failure> =>
  isApply(call) ? applying(call, shape) : patchOf(call, shape)

/** What is wrong with the options of a patch. */
export const patchOptions = (call: Call): Either.Either<void, Failure> =>
  isApply(call) && (call.query.get("fieldManager") ?? "") === ""
    ? Either.left(
        status.invalid(meta("PatchOptions"), "", [status.required("fieldManager", "is required for apply patch")])
      )
    : writeOptions(call, "PatchOptions")

export const patch = (state: State, call: Call, part: Part = whole): Result =>
  Either.gen(function* () {
    yield* patchOptions(call)
    const creates = isApply(call) && call.subresource === "" && get(state.objects, keyOf(call)) === undefined
    if (!creates) return yield* update(state, call, yield* editOf(call), part)
    const { object: made, warnings } = yield* (yield* applying(call, call.kind))(undefined)
    const { resourceVersion: _version, uid, ...metadata } = metadataOf(made)
    if (uid !== undefined) {
      const fixed = status.invalidValue("metadata.uid", JSON.stringify(uid), "field is immutable")
      return yield* Either.left(status.invalid(call.kind, call.name, [fixed, fixed]))
    }
    return yield* warned(insert(state, call, { ...made, metadata }), warnings)
  })

// ---- deleting

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number
  readonly propagationPolicy?: string
  readonly orphanDependents?: boolean
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
  readonly dryRun: boolean
}

const policies = ["Foreground", "Background", "Orphan"]

/** Options of a delete, as a body has them. */
export const deleteOptions = (options: JsonObject): Either.Either<DeleteOptions, Failure> => {
  const { dryRun, gracePeriodSeconds, orphanDependents, preconditions, propagationPolicy } = options
  const [uid, resourceVersion] = [at(preconditions, "uid"), at(preconditions, "resourceVersion")]
  const dryRuns = isJsonArray(dryRun) ? dryRun : []
  const causes: ReadonlyArray<Cause> = [
    ...(typeof propagationPolicy === "string" && typeof orphanDependents === "boolean"
      ? [
          status.invalidValue(
            "propagationPolicy",
            JSON.stringify(propagationPolicy),
            "orphanDependents and deletionPropagation cannot be both set"
          )
        ]
      : typeof propagationPolicy === "string" && !policies.includes(propagationPolicy)
        ? [status.notSupported("propagationPolicy", JSON.stringify(propagationPolicy), [...policies, "nil"])]
        : []),
    ...(dryRuns.every((each) => each === "All")
      ? []
      : [status.notSupported("dryRun", JSON.stringify(dryRuns), ["All"])])
  ]
  if (causes.length > 0) return Either.left(status.invalid(meta("DeleteOptions"), "", causes))
  return Either.right({
    ...(typeof gracePeriodSeconds === "number" ? { gracePeriodSeconds } : {}),
    ...(typeof propagationPolicy === "string" ? { propagationPolicy } : {}),
    ...(typeof orphanDependents === "boolean" ? { orphanDependents } : {}),
    ...(isJsonObject(preconditions)
      ? {
          preconditions: {
            ...(typeof uid === "string" ? { uid } : {}),
            ...(typeof resourceVersion === "string" ? { resourceVersion } : {})
          }
        }
      : {}),
    dryRun: dryRuns.length > 0
  })
}

const deleteOptionTypes: { readonly [field: string]: { readonly json: string; readonly go: string } } = {
  gracePeriodSeconds: { json: "number", go: "int64" },
  orphanDependents: { json: "bool", go: "bool" },
  propagationPolicy: { json: "string", go: "v1.DeletionPropagation" },
  preconditions: { json: "object", go: "v1.Preconditions" },
  dryRun: { json: "array", go: "[]string" }
}

const deleteOptionsOf = (call: Call): Either.Either<DeleteOptions, Failure> =>
  Either.gen(function* () {
    if (call.body !== "") {
      const type = (call.contentType.split(";")[0] ?? "").trim()
      if (type !== "" && !mediaTypes.includes(type)) return yield* Either.left(status.unsupportedMediaType(mediaTypes))
      const body = Protobuf.isProtobuf(call.contentType)
        ? yield* Either.mapLeft(Protobuf.decode(call.body), ({ problem }) => status.badRequest(problem))
        : yield* Either.mapLeft(parseJson(call.body), (problem) => status.badRequest(unrecognized(problem)))
      if (!isJsonObject(body)) {
        return yield* Either.left(
          status.badRequest(unrecognized(`json: cannot unmarshal ${jsonType(body)} into Go value of type ${typeMeta}`))
        )
      }
      const [apiVersion, kind] = [body["apiVersion"] || "meta.k8s.io/v1", body["kind"] || "DeleteOptions"]
      if (kind !== "DeleteOptions") {
        return yield* Either.left(
          status.badRequest(
            `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} ${scheme}`
          )
        )
      }
      const wrong = Object.entries(deleteOptionTypes).find(
        ([key, type]) => body[key] !== undefined && body[key] !== null && jsonType(body[key]) !== type.json
      )
      if (wrong !== undefined) {
        const [key, { go }] = wrong
        return yield* Either.left(
          status.badRequest(
            `json: cannot unmarshal ${jsonType(body[key] ?? null)} into Go struct field DeleteOptions.${key} of type ${go}`
          )
        )
      }
      return yield* deleteOptions(body)
    }
    const { query } = call
    const gracePeriodSeconds = yield* intOf(query, "gracePeriodSeconds")
    const dryRun = query.getAll("dryRun")
    const policy = query.get("propagationPolicy")
    const orphan = query.get("orphanDependents")
    return yield* deleteOptions({
      ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
      ...(policy === null ? {} : { propagationPolicy: policy }),
      ...(orphan === null ? {} : { orphanDependents: orphan === "true" }),
      ...(dryRun.length === 0 ? {} : { dryRun })
    })
  })

const listOf = (value: Json | undefined): ReadonlyArray<Json> => (isJsonArray(value) ? value : [])

/** The finalizers with which the garbage collector is told what to do with dependents. */
const finalizersFor = (call: Call, object: JsonObject, options: DeleteOptions): ReadonlyArray<Json> => {
  const own = listOf(metadataOf(object)["finalizers"])
  const { orphanDependents, propagationPolicy } = options
  const said = propagationPolicy !== undefined || orphanDependents !== undefined
  const orphans = said
    ? propagationPolicy === "Orphan" || orphanDependents === true
    : own.includes("orphan") || (!own.includes("foregroundDeletion") && call.kind.strategy.propagation === "Orphan")
  const foreground = said ? propagationPolicy === "Foreground" : own.includes("foregroundDeletion")
  return [
    ...own.filter((each) => each !== "orphan" && each !== "foregroundDeletion"),
    ...(orphans ? ["orphan"] : []),
    ...(foreground && !orphans ? ["foregroundDeletion"] : [])
  ]
}

const later = (time: string, seconds: number): string =>
  new Date(Date.parse(time) + seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z")

const unmet = (
  call: Call,
  object: JsonObject,
  { resourceVersion, uid }: NonNullable<DeleteOptions["preconditions"]>
): Failure | undefined => {
  const metadata = metadataOf(object)
  const { group, kind } = call.kind
  if (call.kind.storage === "namespaces" && uid !== undefined && uid !== metadata["uid"]) {
    return status.conflict(
      call.kind,
      call.name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${goValue(metadata["uid"] ?? "")}`
    )
  }
  if (uid !== undefined && uid !== metadata["uid"]) {
    return status.conflict(
      { group, kind },
      call.name,
      `the UID in the precondition (${uid}) does not match the UID in record (${goValue(metadata["uid"] ?? "")}). The object might have been deleted and then recreated`
    )
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata["resourceVersion"]) {
    return status.conflict(
      { group, kind },
      call.name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${goValue(metadata["resourceVersion"] ?? "")}). The object might have been modified`
    )
  }
  return undefined
}

/** That the object is the one that is to go. */
export const meets = (
  call: Call,
  object: JsonObject,
  preconditions: DeleteOptions["preconditions"] = {}
): Either.Either<void, Failure> => {
  const problem = unmet(call, object, preconditions)
  return problem === undefined ? Either.right(undefined) : Either.left(problem)
}

const immortal = new Set(["default", "kube-system", "kube-public"])

/** An object that is on its way out: how it is stored, until whatever holds it lets go. */
const terminating = (call: Call, object: JsonObject, grace: number, finalizers: ReadonlyArray<Json>): JsonObject => {
  const metadata = metadataOf(object)
  const { deletionTimestamp: since, finalizers: _finalizers, generation, ...rest } = metadata
  const isNamespace = call.kind.storage === "namespaces"
  const [before, sooner] = [rest["deletionGracePeriodSeconds"], later(call.now, grace)]
  // A second delete may only shorten what is left.
  const keeps = since !== undefined && !(typeof before === "number" && grace < before)
  return {
    ...object,
    metadata: {
      ...rest,
      ...(generation === undefined
        ? {}
        : { generation: since === undefined && typeof generation === "number" ? generation + 1 : generation }),
      deletionTimestamp: keeps ? since : sooner,
      ...(isNamespace ? {} : { deletionGracePeriodSeconds: keeps ? (before ?? 0) : grace }),
      ...(finalizers.length === 0 ? {} : { finalizers })
    },
    ...(isNamespace
      ? { status: { ...(isJsonObject(object["status"]) ? object["status"] : {}), phase: "Terminating" } }
      : {})
  }
}

export const removeWith = (state: State, call: Call, options: DeleteOptions): Result =>
  Either.gen(function* () {
    const { kind, name } = call
    const { grace: gracePeriod, returnsDeleted } = kind.strategy
    if (kind.storage === "namespaces" && immortal.has(name)) {
      return yield* Either.left(status.forbidden(kind, name, "this namespace may not be deleted"))
    }
    const object = yield* read(state, call)
    yield* meets(call, object, options.preconditions)
    const { terminate } = kind.strategy
    const isFirst = metadataOf(object)["deletionTimestamp"] === undefined
    if (terminate !== undefined && isFirst) {
      const dry = options.dryRun || isDryRun(call)
      const marked = terminate(object, call)
      const written = store.write(state, keyOf(call), marked)
      return {
        state: dry ? state : written.state,
        status: 200,
        object: shown(kind, dry ? marked : (written.object ?? marked))
      }
    }
    const grace = gracePeriod?.(object, options.gracePeriodSeconds) ?? 0
    const finalizers = finalizersFor(call, object, options)
    const marked = terminating(call, object, grace, finalizers)
    const done = (after: State, answer: JsonObject): Outcome => ({
      state: options.dryRun || isDryRun(call) ? state : after,
      status: 200,
      object: answer
    })
    if (isFree(marked)) {
      const { state: after } = store.write(state, keyOf(call), undefined)
      const dry = options.dryRun || isDryRun(call)
      const graceful = gracePeriod !== undefined || metadataOf(object)["deletionTimestamp"] !== undefined
      return done(
        after,
        returnsDeleted === true
          ? shown(
              kind,
              withMetadata(graceful ? marked : object, dry ? {} : { resourceVersion: String(after.revision) })
            )
          : status.deleted(kind, name, String(metadataOf(object)["uid"] ?? ""))
      )
    }
    if (jsonEquals(marked, object)) return done(state, shown(kind, object))
    const written = store.write(state, keyOf(call), marked)
    return done(written.state, shown(kind, options.dryRun || isDryRun(call) ? marked : (written.object ?? marked)))
  })

export const remove = (state: State, call: Call): Result =>
  Either.flatMap(deleteOptionsOf(call), (options) =>
    warned(removeWith(state, call, options), deletionWarnings(call.kind, options))
  )

/** Deletes what a list would show; the answer is that list. */
export const removeCollection = (state: State, call: Call): Result =>
  Either.gen(function* () {
    const options = yield* deleteOptionsOf(call)
    const found = yield* page(state, call)
    let next = state
    for (const item of found.items) {
      const one: Call = { ...call, verb: "delete", name: nameOf(item) }
      next = (yield* removeWith(next, one, options)).state
    }
    const warnings = deletionWarnings(call.kind, options)
    return { state: next, status: 200, object: listObject(call.kind, found), warnings }
  })

/** The kind of an object that the cluster serves. */
export const kindOf = (state: State, object: JsonObject): Kind | undefined =>
  kindsOf(state.objects).ofKind(String(object["apiVersion"]), String(object["kind"]))
