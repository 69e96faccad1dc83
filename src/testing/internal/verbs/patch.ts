/** Patches of every type, as edits of what is there. */
import * as Either from "effect/Either"
import { unknownIn } from "../customObjects.js"
import { decode as typedDecode } from "../decode.js"
import { duplicatesIn, nodeOf, nodeOfText } from "../decodeJson.js"
import { goQuoted, goValue } from "../goFormat.js"
import { isJsonArray, isJsonObject, sortedJson } from "../json.js"
import { jsonPatch } from "../jsonPatch.js"
import { apiVersionOf } from "../kinds.js"
import { applyConfiguration } from "../managedFields.js"
import { mergePatch } from "../mergePatch.js"
import type { Json, JsonObject, OpenApi } from "../openapi.js"
import { namesOf } from "../protobuf.js"
import * as status from "../status.js"
import type { Failure } from "../status.js"
import { get, metadataOf, type State } from "../store.js"
import { strategicMerge } from "../strategicMerge.js"
import { at } from "../strategies.js"
import { repeatedProblem } from "../yamlBody.js"
import {
  fieldValidationOf,
  keepingManagedFields,
  parseConfiguration,
  parseJson,
  strictly,
  unlike,
  withoutNullFields
} from "./bodies.js"
import { isApply, keyOf, warned, type Call, type Decoded, type Edit, type Result } from "./call.js"
import { boolOf, patchOptions } from "./options.js"
import { insert, managedWrite, update, whole, type Part, type Shape } from "./write.js"

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
                  object: call.kind.custom ? object : withoutNullFields(object),
                  warnings: validation === "Warn" ? repeated : []
                })
        )
      }
  })

/** The edit that a patch of any type asks for, of an object of this shape. */
export const editOf = (call: Call, shape: Shape = call.kind): Either.Either<Edit, Failure> =>
  isApply(call) ? applying(call, shape) : patchOf(call, shape)

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
