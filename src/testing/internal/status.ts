/** What the API server says when it refuses: each error with the code, the reason and the words of the real one. */
import type { JsonObject } from "./openapi.js"

/** Why a field is not accepted. */
export interface Cause {
  readonly reason: string
  readonly message: string
  readonly field: string
}

/** A refusal. `PatchFailure` is one too. */
export interface Failure {
  readonly code: number
  /** Empty where the API server gives none. */
  readonly reason: string
  readonly message: string
  readonly details?: JsonObject
  /** The metadata of the list: the continue token that an expired one is replaced by. */
  readonly metadata?: JsonObject
  /** Seconds after which to try again. */
  readonly retryAfter?: number
  /** Each becomes a `Warning` header. */
  readonly warnings?: ReadonlyArray<string>
}

/** A resource, as errors about one object name it. */
export interface Resource {
  readonly group: string
  readonly plural: string
}

/** A kind, as errors about its fields name it. */
export interface Kind {
  readonly group: string
  readonly kind: string
}

const qualified = (name: string, group: string): string => (group === "" ? name : `${name}.${group}`)

const about = (name: string, { group, kind }: Kind): JsonObject => ({
  ...(name === "" ? {} : { name }),
  ...(group === "" ? {} : { group }),
  ...(kind === "" ? {} : { kind })
})

const of = ({ group, plural }: Resource): Kind => ({ group, kind: plural })

export const toStatus = ({ code, details, message, metadata, reason, retryAfter }: Failure): JsonObject => ({
  kind: "Status",
  apiVersion: "v1",
  metadata: metadata ?? {},
  status: "Failure",
  message,
  ...(reason === "" ? {} : { reason }),
  ...(details === undefined && retryAfter === undefined
    ? {}
    : { details: { ...details, ...(retryAfter === undefined ? {} : { retryAfterSeconds: retryAfter }) } }),
  code
})

/** The answer to a delete that left nothing to show. */
export const deleted = (resource: Resource, name: string, uid: string): JsonObject => ({
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Success",
  details: { ...about(name, of(resource)), uid }
})

export const notFound = (resource: Resource, name: string): Failure => ({
  code: 404,
  reason: "NotFound",
  message: `${qualified(resource.plural, resource.group)} ${JSON.stringify(name)} not found`,
  details: about(name, of(resource))
})

/** Nothing is served at the path. */
export const unknownPath: Failure = {
  code: 404,
  reason: "NotFound",
  message: "the server could not find the requested resource",
  details: {}
}

export const methodNotAllowed: Failure = {
  code: 405,
  reason: "MethodNotAllowed",
  message: "the server does not allow this method on the requested resource",
  details: {}
}

/** Of custom kinds. */
export const notSupportedVerb = ({ group, plural }: Resource, verb: string): Failure => ({
  code: 405,
  reason: "MethodNotAllowed",
  message: `${verb} is not supported on resources of kind ${JSON.stringify(qualified(plural, group))}`,
  details: { group, kind: plural }
})

export const alreadyExists = (resource: Resource, name: string): Failure => ({
  code: 409,
  reason: "AlreadyExists",
  message: `${qualified(resource.plural, resource.group)} ${JSON.stringify(name)} already exists`,
  details: about(name, of(resource))
})

/** Of a resource, or of a kind where the API server names that. */
export const conflict = (what: Resource | Kind, name: string, why: string): Failure => {
  const kind = "plural" in what ? of(what) : what
  return {
    code: 409,
    reason: "Conflict",
    message: `Operation cannot be fulfilled on ${qualified(kind.kind, kind.group)} ${JSON.stringify(name)}: ${why}`,
    details: about(name, kind)
  }
}

/** Somebody else has written since the object was read. */
export const modified = (resource: Resource, name: string): Failure =>
  conflict(
    resource,
    name,
    "the object has been modified; please apply your changes to the latest version and try again"
  )

export const forbidden = (
  resource: Resource,
  name: string,
  why: string,
  causes: ReadonlyArray<JsonObject> = []
): Failure => ({
  code: 403,
  reason: "Forbidden",
  message:
    name === ""
      ? `${qualified(resource.plural, resource.group)} is forbidden: ${why}`
      : `${qualified(resource.plural, resource.group)} ${JSON.stringify(name)} is forbidden: ${why}`,
  details: { ...about(name, of(resource)), ...(causes.length === 0 ? {} : { causes }) }
})

export const invalid = (kind: Kind, name: string, causes: ReadonlyArray<Cause>): Failure => {
  const lines = [...new Set(causes.map(({ field, message }) => `${field}: ${message}`))]
  return {
    code: 422,
    reason: "Invalid",
    message: `${qualified(kind.kind, kind.group)} ${JSON.stringify(name)} is invalid: ${lines.length === 1 ? lines[0] : `[${lines.join(", ")}]`}`,
    details: {
      ...about(name, kind),
      causes: causes.map(({ field, message, reason }) => ({ reason, message, field }))
    }
  }
}

export const badRequest = (message: string): Failure => ({ code: 400, reason: "BadRequest", message })

export const tooLarge: Failure = {
  code: 413,
  reason: "RequestEntityTooLarge",
  message: "Request entity too large: limit is 3145728"
}

/** An error that the API server has no reason for. */
export const unforeseen = (message: string): Failure => ({ code: 500, reason: "", message })

export const expired = (message: string, metadata?: JsonObject): Failure => ({
  code: 410,
  reason: "Expired",
  message,
  ...(metadata === undefined ? {} : { metadata })
})

export const notAcceptable = (accepted: ReadonlyArray<string>): Failure => ({
  code: 406,
  reason: "NotAcceptable",
  message: `only the following media types are accepted: ${accepted.join(", ")}`
})

export const unsupportedMediaType = (accepted: ReadonlyArray<string>): Failure => ({
  code: 415,
  reason: "UnsupportedMediaType",
  message: `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`
})

/** The causes, as the API server words them. */
export const required = (field: string, detail = ""): Cause => ({
  reason: "FieldValueRequired",
  message: detail === "" ? "Required value" : `Required value: ${detail}`,
  field
})

export const invalidValue = (field: string, value: string, detail: string): Cause => ({
  reason: "FieldValueInvalid",
  message: `Invalid value: ${value}: ${detail}`,
  field
})

export const forbiddenValue = (field: string, detail: string): Cause => ({
  reason: "FieldValueForbidden",
  message: `Forbidden: ${detail}`,
  field
})

export const notSupported = (field: string, value: string, supported: ReadonlyArray<string>): Cause => ({
  reason: "FieldValueNotSupported",
  message: `Unsupported value: ${value}: supported values: ${supported.map((one) => JSON.stringify(one)).join(", ")}`,
  field
})
