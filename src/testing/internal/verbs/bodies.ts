/** Bodies of requests: from their text to an object of the kind, with what is to be said of its fields. */
import * as Either from "effect/Either"
import { unknownFields, unknownIn } from "../customObjects.js"
import { decode as typedDecode } from "../decode.js"
import { duplicatesIn, nodeOf, nodeOfText } from "../decodeJson.js"
import { goValue } from "../goFormat.js"
import { isJsonArray, isJsonObject, jsonType, sortedJson } from "../json.js"
import { jsonProblem } from "../jsonProblem.js"
import { apiVersionOf } from "../kinds.js"
import {
  builtIn,
  resolve,
  schemaOf,
  type GroupVersionKind,
  type Json,
  type JsonObject,
  type OpenApi
} from "../openapi.js"
import * as Protobuf from "../protobuf.js"
import * as status from "../status.js"
import type { Failure } from "../status.js"
import { metadataOf, withMetadata } from "../store.js"
import { parseYaml, repeatedProblem, type YamlBody } from "../yamlBody.js"
import { silent, type Call, type Decoded } from "./call.js"

type FieldValidation = "Ignore" | "Strict" | "Warn"

export const fieldValidationOf = ({ query }: Call): FieldValidation => {
  const said = query.get("fieldValidation")
  return said === "Ignore" || said === "Strict" ? said : "Warn"
}

export const mediaTypes = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"]

export const parseJson = (text: string): Either.Either<Json, string> =>
  Either.try({
    // JSON.parse makes nothing but JSON.
    try: () => JSON.parse(text) as Json,
    catch: () => jsonProblem(text)
  })

/** The configuration of an apply: an object in YAML, which JSON is too. */
export const parseConfiguration = (text: string): Either.Either<YamlBody & { readonly json: JsonObject }, string> =>
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

export const typeMeta =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'

export const unrecognized = (problem: string): string => `couldn't get version/kind; json parse error: ${problem}`

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

export const scheme = 'in scheme "pkg/runtime/scheme.go:111"'

const goPackage = (group: string): string => (group === "" ? "core" : (group.split(".")[0] ?? group))

const inExtensions = new Set(["DaemonSet", "Deployment", "Ingress", "NetworkPolicy", "ReplicaSet"])

/** Whether a kind is, or was, in this version too: the API server still reads those that it does not serve any more. */
const isFormer = (apiVersion: string, { group, kind }: { readonly group: string; readonly kind: string }): boolean =>
  (apiVersion.startsWith(`${group}/`) || (apiVersion === "extensions/v1beta1" && inExtensions.has(kind))) &&
  // Events of a watch are in all of them.
  registered(apiVersion, "WatchEvent")

/** Why something that says that it is of another kind, or version, is not of this one. */
export const unlike = (
  apiVersion: string,
  kind: string,
  wanted: { readonly group: string; readonly kind: string }
): string =>
  registered(apiVersion, kind)
    ? `converting (${apiVersion.split("/").at(-1)}.${kind}) to (${goPackage(wanted.group)}.${wanted.kind}): unknown conversion`
    : `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} ${scheme}`

/** An object and what strict decoding has against it, as the request wants to have it. */
export const strictly = (
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
export const decodeBody = (
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
export const keepingManagedFields = (object: JsonObject, given: JsonObject): JsonObject => {
  const { managedFields } = metadataOf(given)
  return isJsonArray(managedFields) && managedFields.length === 0 ? withMetadata(object, { managedFields }) : object
}

/** Null is what is not there, but in lists. */
export const withoutNullFields = (object: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(object).flatMap(([key, value]) =>
      value === null ? [] : [[key, isJsonObject(value) ? withoutNullFields(value) : value]]
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
