/**
 * CertificateSigningRequests: what is kept, filled and refused on the way from a request to its certificate.
 *
 * https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/
 */
import { X509Certificate } from "node:crypto"
import * as Either from "effect/Either"
import type { User } from "./http.js"
import { isJsonObject, jsonEquals, objectsOf } from "./json.js"
import type { Json, JsonObject } from "./openapi.js"
import * as status from "./status.js"
import type { Cause } from "./status.js"

export const signingRequests = "certificatesigningrequests.certificates.k8s.io"

const part = (object: JsonObject, key: string): JsonObject => {
  const value = object[key]
  return isJsonObject(value) ? value : {}
}

const conditionsOf = (object: JsonObject): ReadonlyArray<JsonObject> => objectsOf(part(object, "status")["conditions"])

const ofType = (object: JsonObject, type: string): ReadonlyArray<JsonObject> =>
  conditionsOf(object).filter((each) => each["type"] === type)

/** The request as it is first stored: of who made it. */
export const requested = (object: JsonObject, user: User | undefined): JsonObject => {
  const { extra: _extra, groups: _groups, uid: _uid, username: _username, ...spec } = part(object, "spec")
  return {
    ...object,
    spec: {
      ...spec,
      ...(user === undefined
        ? {}
        : {
            username: user.username,
            ...(user.uid === undefined ? {} : { uid: user.uid }),
            groups: [...user.groups],
            ...(user.extra === undefined ? {} : { extra: { ...user.extra } })
          })
    },
    status: {}
  }
}

/** Conditions with their times: since when they hold, and when they were last said. */
const timed = (conditions: ReadonlyArray<JsonObject>, old: JsonObject, now: string): ReadonlyArray<JsonObject> =>
  conditions.map((each) => {
    const before = conditionsOf(old).find(
      ({ lastTransitionTime, status, type }) =>
        type === each["type"] && status === each["status"] && Boolean(lastTransitionTime)
    )
    return {
      ...each,
      lastUpdateTime: each["lastUpdateTime"] || now,
      lastTransitionTime: each["lastTransitionTime"] || (before?.["lastTransitionTime"] ?? now)
    }
  })

const withConditions = (of: JsonObject, conditions: ReadonlyArray<JsonObject>): JsonObject => {
  const { conditions: _conditions, ...rest } = of
  return conditions.length === 0 ? rest : { ...rest, conditions }
}

/** The status after a write of the subresource `approval`. */
export const approved = (object: JsonObject, old: JsonObject, now: string): JsonObject =>
  withConditions(part(old, "status"), timed(conditionsOf(object), old, now))

/** The status after a write of the subresource `status`: a decision stays as it was. */
export const signed = (object: JsonObject, old: JsonObject, now: string): JsonObject => {
  const decisions = new Map(
    ["Approved", "Denied"].flatMap((type) => {
      const [before, after] = [ofType(old, type), ofType(object, type)]
      return before.length === after.length ? after.map((each, index) => [each, before[index] ?? each] as const) : []
    })
  )
  const kept = conditionsOf(object).map((each) => decisions.get(each) ?? each)
  return withConditions(part(object, "status"), timed(kept, old, now))
}

const certificateProblem = (text: string): string | undefined => {
  const pem = Buffer.from(text, "base64").toString("latin1")
  const blocks = [...pem.matchAll(/-----BEGIN ([^-]+)-----\s([\s\S]*?)-----END \1-----/g)]
  if (blocks.length === 0) return "must contain at least one CERTIFICATE PEM block"
  for (const [block = "", type = "", content = ""] of blocks) {
    if (type !== "CERTIFICATE") return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`
    if (content.includes(":")) return "no PEM block headers are permitted"
    if (Either.isLeft(Either.try(() => new X509Certificate(block)))) return "x509: malformed certificate"
  }
  return undefined
}

const statuses = ["False", "True", "Unknown"]
const field = "status.conditions"

const isDecidedTwice = (object: JsonObject): boolean =>
  ofType(object, "Approved").length > 0 && ofType(object, "Denied").length > 0

const hasTwice = (object: JsonObject): boolean => {
  const types = conditionsOf(object).map((each) => each["type"])
  return new Set(types).size < types.length
}

const conditionCauses = (object: JsonObject, old: JsonObject): ReadonlyArray<Cause> => {
  const seen = new Set<Json>()
  const [twice, both] = [hasTwice(old), isDecidedTwice(old)]
  const isUntyped = conditionsOf(old).some((each) => !each["type"])
  return conditionsOf(object).flatMap(({ status: said = "", type = "" }, index) => {
    const opposite = type === "Approved" ? "Denied" : type === "Denied" ? "Approved" : undefined
    const allowed = opposite !== undefined || type === "Failed" ? ["True"] : statuses
    const causes: ReadonlyArray<Cause> = [
      ...(type === "" && !isUntyped ? [status.required(`${field}[${index}].type`)] : []),
      ...(said === ""
        ? [status.required(`${field}[${index}].status`)]
        : allowed.includes(String(said))
          ? []
          : [status.notSupported(`${field}[${index}].status`, JSON.stringify(said), allowed)]),
      ...(opposite !== undefined && seen.has(opposite) && !both
        ? [status.invalidValue(field, JSON.stringify(type), "Approved and Denied conditions are mutually exclusive")]
        : []),
      ...(seen.has(type) && !twice
        ? [
            {
              reason: "FieldValueDuplicate",
              message: `Duplicate value: ${JSON.stringify(type)}`,
              field: `${field}[${index}].type`
            }
          ]
        : [])
    ]
    seen.add(type)
    return causes
  })
}

/** What is wrong with the status of a request that is updated. */
export const signingCauses = (
  object: JsonObject,
  old: JsonObject | undefined,
  subresource: string
): ReadonlyArray<Cause> => {
  if (old === undefined) return []
  const certificates = [old, object].map((each) => part(each, "status")["certificate"] ?? "")
  const [before = "", after = ""] = certificates.map(String)
  const problem =
    before === after || (before !== "" && certificateProblem(before) !== undefined) || after === ""
      ? undefined
      : certificateProblem(after)
  return [
    ...conditionCauses(object, old),
    ...(problem === undefined
      ? []
      : [status.invalidValue("status.certificate", JSON.stringify("<certificate data>"), problem)]),
    ...["Approved", "Denied", "Failed"]
      .filter((type) => ofType(object, type).length < ofType(old, type).length)
      .map((type) =>
        status.forbiddenValue(field, `updates may not remove a condition of type ${JSON.stringify(type)}`)
      ),
    ...(subresource === "approval"
      ? []
      : ["Approved", "Denied"].flatMap((type) => {
          const [was, is] = [ofType(old, type), ofType(object, type)]
          const done = is.length > was.length ? "add" : is.length === was.length && !jsonEquals(is, was) ? "modify" : ""
          return done === ""
            ? []
            : [status.forbiddenValue(field, `updates may not ${done} a condition of type ${JSON.stringify(type)}`)]
        })),
    ...(before === after
      ? []
      : subresource !== "status"
        ? [status.forbiddenValue("status.certificate", "updates may not set certificate content")]
        : before === ""
          ? []
          : [status.forbiddenValue("status.certificate", "updates may not modify existing certificate content")])
  ]
}
