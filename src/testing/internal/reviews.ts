/** Kinds that are only asked: nothing of them is stored. */
import * as Either from "effect/Either"
import type { User } from "./http.js"
import { isJsonArray, isJsonObject } from "./json.js"
import type { Json, JsonObject } from "./openapi.js"
import { allows, rulesFor, type Attributes } from "./rbac.js"
import * as status from "./status.js"
import type { Failure } from "./status.js"
import type { State } from "./store.js"
import { at } from "./strategies.js"
import { createBinding } from "./subresources.js"
import { decode, manage, type Call, type Result } from "./verbs.js"

const texts = (value: Json | undefined): ReadonlyArray<string> => (isJsonArray(value) ? value.map(String) : [])
const text = (value: Json | undefined): string => (typeof value === "string" ? value : "")

/** What an access review asks about. */
const attributesOf = (spec: Json | undefined): Either.Either<Attributes, Failure> => {
  const [resource, other] = [at(spec, "resourceAttributes"), at(spec, "nonResourceAttributes")]
  if (isJsonObject(resource) === isJsonObject(other)) {
    const field = isJsonObject(other) ? "spec.nonResourceAttributes" : "spec.resourceAttributes"
    const problem = isJsonObject(other)
      ? "cannot be specified in combination with resourceAttributes"
      : "exactly one of nonResourceAttributes or resourceAttributes must be specified"
    const cause = status.invalidValue(field, isJsonObject(other) ? JSON.stringify(other) : "null", problem)
    return Either.left(nameless(cause))
  }
  const subresource = text(at(resource, "subresource"))
  return Either.right({
    verb: text(at(resource, "verb") ?? at(other, "verb")),
    group: text(at(resource, "group")),
    resource: text(at(resource, "resource")) + (subresource === "" ? "" : `/${subresource}`),
    namespace: text(at(resource, "namespace")),
    name: text(at(resource, "name")),
    path: text(at(other, "path"))
  })
}

/** The API server leaves out which kind is invalid. */
const nameless = (cause: status.Cause): Failure => {
  const { details, ...failure } = status.invalid({ group: "authorization.k8s.io", kind: "" }, "", [cause])
  return { ...failure, details: { group: "authorization.k8s.io", causes: details?.["causes"] ?? [] } }
}

const answered = (state: State, body: JsonObject, answer: JsonObject): Result =>
  Either.right({
    state,
    status: 201,
    object: { ...body, kind: body["kind"] ?? "", metadata: body["metadata"] ?? {}, status: answer }
  })

/** The user that a review names. */
const subjectOf = (spec: Json | undefined): User => ({
  username: text(at(spec, "user")),
  groups: texts(at(spec, "groups"))
})

const accessReview =
  (who: (spec: Json | undefined, call: Call) => User) =>
  (state: State, call: Call): Result =>
    Either.gen(function* () {
      const body = yield* decode(call, call.kind)
      const spec = at(body, "spec")
      const wanted = yield* attributesOf(spec)
      if (call.namespace !== "" && wanted.namespace !== call.namespace) {
        return yield* Either.left(
          nameless(
            status.invalidValue(
              "spec.resourceAttributes.namespace",
              JSON.stringify(wanted.namespace),
              "must match metadata.namespace"
            )
          )
        )
      }
      return yield* answered(state, manage(call, body, undefined), {
        allowed: allows(state.objects, who(spec, call), wanted)
      })
    })

const userInfo = ({ extra, groups, uid, username }: User): JsonObject => ({
  username,
  ...(uid === undefined ? {} : { uid }),
  groups: [...groups],
  ...(extra === undefined ? {} : { extra: { ...extra } })
})

const kinds: { readonly [kind: string]: (state: State, call: Call) => Result } = {
  Binding: createBinding,
  SubjectAccessReview: accessReview(subjectOf),
  LocalSubjectAccessReview: accessReview(subjectOf),
  SelfSubjectAccessReview: accessReview((_spec, { user }) => user),
  SelfSubjectRulesReview: (state, call) =>
    Either.gen(function* () {
      const body = yield* decode(call, call.kind)
      const namespace = text(at(body, "spec", "namespace"))
      if (namespace === "") return yield* Either.left(status.badRequest("no namespace on request"))
      const rules = rulesFor(state.objects, call.user, namespace)
      const superuser = call.user.groups.includes("system:masters")
      const all: ReadonlyArray<Json> = superuser
        ? [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }, { verbs: ["*"], nonResourceURLs: ["*"] }, ...rules]
        : rules
      return yield* answered(
        state,
        { ...manage(call, body, undefined), spec: {} },
        {
          resourceRules: all.filter((rule) => at(rule, "resources") !== undefined),
          nonResourceRules: all.filter((rule) => at(rule, "nonResourceURLs") !== undefined),
          incomplete: false
        }
      )
    }),
  SelfSubjectReview: (state, call) =>
    Either.flatMap(decode(call, call.kind), (body) =>
      answered(state, { ...body, metadata: { creationTimestamp: call.now } }, { userInfo: userInfo(call.user) })
    ),
  TokenReview: (state, call) =>
    Either.gen(function* () {
      const body = yield* decode(call, call.kind)
      if (text(at(body, "spec", "token")) === "") {
        return yield* Either.left(status.badRequest("token is required for TokenReview in authentication"))
      }
      // Nobody has been given a token that this cluster could check.
      return yield* answered(state, manage(call, body, undefined), { user: {}, error: "invalid bearer token" })
    })
}

/** How a kind is created that is not stored. */
export const reviewOf = (kind: string): ((state: State, call: Call) => Result) | undefined =>
  Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
