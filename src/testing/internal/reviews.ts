/** Kinds that are only asked: nothing of them is stored. */
import * as Either from "effect/Either"
import type { User } from "./http.js"
import { isJsonObject, textsOf } from "./json.js"
import type { Json, JsonObject } from "./openapi.js"
import { reasonFor, rulesFor, type Attributes } from "./rbac.js"
import * as status from "./status.js"
import type { Failure } from "./status.js"
import { metadataOf, type State } from "./store.js"
import { at } from "./strategies.js"
import { createBinding } from "./subresources.js"
import { authenticate } from "./tokens.js"
import { decode, inMetadataOrder, manage, samePlace, type Call, type Result } from "./verbs.js"

const text = (value: Json | undefined): string => (typeof value === "string" ? value : "")

/** What an access review asks about. */
const attributesOf = (spec: Json | undefined): Either.Either<Attributes, Failure> => {
  const [resource, other] = [at(spec, "resourceAttributes"), at(spec, "nonResourceAttributes")]
  if (isJsonObject(resource) === isJsonObject(other)) {
    const field = isJsonObject(other) ? "spec.nonResourceAttributes" : "spec.resourceAttributes"
    const problem = isJsonObject(other)
      ? "cannot be specified in combination with resourceAttributes"
      : "exactly one of nonResourceAttributes or resourceAttributes must be specified"
    return Either.left(
      nameless(status.invalidValue(field, isJsonObject(other) ? goAttributes(other) : "null", problem))
    )
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

/** Attributes of a path as Go shows them. */
const goAttributes = (other: JsonObject): string =>
  JSON.stringify({ Path: text(other["path"]), Verb: text(other["verb"]) })

/** The API server leaves out which kind is invalid. */
const nameless = (cause: status.Cause): Failure =>
  status.invalid({ group: "authorization.k8s.io", kind: "" }, "", [cause])

const answered = (state: State, body: JsonObject, answer: JsonObject): Result =>
  Either.right({
    state,
    status: 201,
    object: { ...body, kind: body["kind"] ?? "", metadata: body["metadata"] ?? {}, status: answer }
  })

/** The user that a review names. */
const subjectOf = (spec: Json | undefined): User => ({
  username: text(at(spec, "user")),
  groups: textsOf(at(spec, "groups"))
})

/** The user of a review has to be somebody. */
const named = (spec: Json | undefined): Either.Either<User, Failure> => {
  const user = subjectOf(spec)
  return user.username === "" && user.groups.length === 0
    ? Either.left(nameless(status.invalidValue("spec.user", '""', "at least one of user or group must be specified")))
    : Either.right(user)
}

/** A review has no metadata but who made it, and its namespace. */
const bare = (body: JsonObject): Either.Either<void, Failure> => {
  const { managedFields, namespace: _namespace, ...rest } = metadataOf(body)
  return Object.keys(rest).length === 0
    ? Either.right(undefined)
    : Either.left(
        nameless(
          status.invalidValue(
            "metadata",
            JSON.stringify(inMetadataOrder({ ...rest, ...(managedFields === undefined ? {} : { managedFields }) })),
            "must be empty"
          )
        )
      )
}

const accessReview =
  (who: (spec: Json | undefined, call: Call) => Either.Either<User, Failure>) =>
  (state: State, call: Call): Result =>
    Either.gen(function* () {
      const body = yield* samePlace(call, yield* decode(call, call.kind))
      const spec = at(body, "spec")
      const managed = manage(call, body, undefined)
      const wanted = yield* attributesOf(spec)
      const user = yield* who(spec, call)
      yield* bare(managed)
      if (call.namespace !== "") {
        const other = at(spec, "nonResourceAttributes")
        if (isJsonObject(other)) {
          return yield* Either.left(
            nameless(
              status.invalidValue(
                "spec.nonResourceAttributes",
                goAttributes(other),
                "disallowed on this kind of request"
              )
            )
          )
        }
        if (wanted.namespace !== call.namespace) {
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
      }
      const reason = reasonFor(state.objects, user, wanted)
      return yield* answered(state, managed, {
        allowed: reason !== undefined,
        ...(reason === undefined || reason === "" ? {} : { reason })
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
  SubjectAccessReview: accessReview(named),
  LocalSubjectAccessReview: accessReview(named),
  SelfSubjectAccessReview: accessReview((_spec, { user }) => Either.right(user)),
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
      const spec = at(body, "spec")
      const seconds = Date.parse(call.now) / 1000
      const found = authenticate(state, text(at(spec, "token")), textsOf(at(spec, "audiences")), seconds)
      return yield* answered(
        state,
        manage(call, body, undefined),
        Either.match(found, {
          onLeft: (error): JsonObject => ({ user: {}, error }),
          onRight: ({ audiences, user }) => ({ authenticated: true, user: userInfo(user), audiences: [...audiences] })
        })
      )
    })
}

/** How a kind is created that is not stored. */
export const reviewOf = (kind: string): ((state: State, call: Call) => Result) | undefined =>
  Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
