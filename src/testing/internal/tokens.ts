/** Tokens of service accounts: the cluster signs them, and checks them against the objects that they are bound to. */
import { createHmac } from "node:crypto"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type { User } from "./http.js"
import { isJsonObject, textsOf } from "./json.js"
import type { Json, JsonObject } from "./openapi.js"
import { get, metadataOf, type State } from "./store.js"
import { at } from "./strategies.js"

/** Who issues the tokens, and whom they are for unless a request says. */
export const issuer = "https://kubernetes.default.svc"

/** It keeps no secret: whoever has the cluster may do everything. */
const key = "TestCluster"

const signed = (text: string): string => createHmac("sha256", key).update(text).digest("base64url")

/** The claims as a JSON Web Token. */
export const issue = (claims: JsonObject): string => {
  const text = [{ alg: "HS256", typ: "JWT" }, claims]
    .map((part) => Encoding.encodeBase64Url(JSON.stringify(part)))
    .join(".")
  return `${text}.${signed(text)}`
}

/** The claims of a token, if it is of this cluster. */
const claimsOf = (token: string): Json | undefined => {
  const [header = "", payload = "", signature = ""] = token.split(".")
  return signature !== "" && signature === signed(`${header}.${payload}`)
    ? Either.getOrUndefined(
        Either.flatMap(Encoding.decodeBase64UrlString(payload), (text) =>
          // JSON.parse makes nothing but JSON.
          Either.try(() => JSON.parse(text) as Json)
        )
      )
    : undefined
}

export interface Authenticated {
  readonly user: User
  /** Those of the token that were asked for. */
  readonly audiences: ReadonlyArray<string>
}

/** How long a clock may be wrong, and an object be on its way out, in seconds. */
const leeway = 60

const text = (value: Json | undefined): string => (typeof value === "string" ? value : "")
const quoted = (values: ReadonlyArray<string>): string => `[${values.map((each) => JSON.stringify(each)).join(" ")}]`

const bindings = [
  { claim: "secret", resource: "secrets", mismatch: "secret UID (%) does not match service account secret ref claim" },
  { claim: "pod", resource: "pods", mismatch: "pod UID (%) does not match service account pod ref claim" },
  { claim: "node", resource: "nodes", mismatch: "node UID (%) does not match service account node ref claim" }
] as const

/** Why what a token is bound to does not let it be valid any more. */
const unbound = ({ objects }: State, claims: Json, seconds: number): string | undefined => {
  const namespace = text(at(claims, "kubernetes.io", "namespace"))
  const isGone = (object: JsonObject): boolean => {
    const since = metadataOf(object)["deletionTimestamp"]
    return typeof since === "string" && Date.parse(since) / 1000 < seconds - leeway
  }
  const account = at(claims, "kubernetes.io", "serviceaccount")
  const name = text(at(account, "name"))
  const found = get(objects, { resource: "serviceaccounts", namespace, name })
  if (found === undefined) return `serviceaccounts ${JSON.stringify(name)} not found`
  const uid = text(metadataOf(found)["uid"])
  if (uid !== at(account, "uid")) {
    return `service account UID (${uid}) does not match claim (${text(at(account, "uid"))})`
  }
  if (isGone(found)) return `service account ${namespace}/${name} has been deleted`
  for (const { claim, mismatch, resource } of bindings) {
    const reference = at(claims, "kubernetes.io", claim)
    // Of the node of a pod it is only told.
    if (reference === undefined || (claim === "node" && at(claims, "kubernetes.io", "pod") !== undefined)) continue
    const where = { resource, namespace: claim === "node" ? "" : namespace, name: text(at(reference, "name")) }
    const object = get(objects, where)
    if (object === undefined) return "service account token has been invalidated"
    const [own, said] = [text(metadataOf(object)["uid"]), text(at(reference, "uid"))]
    if (own !== said) return `${mismatch.replace("%", own)} (${said})`
    if (isGone(object)) return "service account token has been invalidated"
  }
  return undefined
}

const userOf = (claims: Json): User => {
  const of = at(claims, "kubernetes.io")
  const namespace = text(at(of, "namespace"))
  const extra = [
    ["credential-id", `JTI=${text(at(claims, "jti"))}`],
    ...["node", "pod"].flatMap((bound) =>
      ["name", "uid"].map((field) => [`${bound}-${field}`, text(at(of, bound, field))] as const)
    )
  ] as const
  return {
    username: text(at(claims, "sub")),
    uid: text(at(of, "serviceaccount", "uid")),
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
    extra: Object.fromEntries(
      extra.flatMap(([name = "", value = ""]) =>
        value === "" ? [] : [[`authentication.kubernetes.io/${name}`, [value]]]
      )
    )
  }
}

/** Whose a token is, at a time in seconds; or why nobody's. The audiences are those that ask, if any are said. */
export const authenticate = (
  state: State,
  token: string,
  wanted: ReadonlyArray<string>,
  seconds: number
): Either.Either<Authenticated, string> => {
  const user = state.tokens.get(token)
  const audiences = wanted.length === 0 ? [issuer] : wanted
  if (user !== undefined) return Either.right({ user, audiences })
  const claims = claimsOf(token)
  if (!isJsonObject(claims ?? null) || claims === undefined) return Either.left("invalid bearer token")
  const refused = (why: string) => Either.left(`[invalid bearer token, ${why}]`)
  const own = textsOf(at(claims, "aud"))
  const shared = own.filter((each) => audiences.includes(each))
  if (shared.length === 0) {
    return refused(`token audiences ${quoted(own)} is invalid for the target audiences ${quoted(audiences)}`)
  }
  if (seconds - leeway > Number(at(claims, "exp"))) return refused("service account token has expired")
  const why = unbound(state, claims, seconds)
  return why === undefined ? Either.right({ user: userOf(claims), audiences: shared }) : refused(why)
}
