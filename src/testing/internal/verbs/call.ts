/** What the verbs have in common: the request, and what comes of it. */
import * as Either from "effect/Either"
import type { Answer, User } from "../http.js"
import { apiVersionOf, kindsOf, type Kind } from "../kinds.js"
import type { JsonObject } from "../openapi.js"
import type { Failure } from "../status.js"
import type { Key, State } from "../store.js"

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

export const isDryRun = ({ query }: Call): boolean => query.getAll("dryRun").includes("All")

/** The outcome; a dry run has none but the answer. */
export const finish = (call: Call, before: State, after: State, answer: Answer): Outcome => ({
  ...answer,
  state: isDryRun(call) ? before : after
})

export const keyOf = ({ kind, name, namespace }: Call): Key => ({ resource: kind.storage, namespace, name })

export const meta = (kind: string) => ({ group: "meta.k8s.io", kind })

/** `kind` and `apiVersion` come first, as the API server writes them. */
export const typed = (object: JsonObject, apiVersion: string, kind: string): JsonObject => {
  const { apiVersion: _apiVersion, kind: _kind, ...rest } = object
  return { kind, apiVersion, ...rest }
}

/** An object of the store as the call's version shows it. */
export const shown = (kind: Kind, stored: JsonObject): JsonObject =>
  typed(kind.read(stored), apiVersionOf(kind), kind.kind)

export const stored = (kind: Kind, object: JsonObject): JsonObject => kind.write(object)

export const isApply = ({ contentType }: Call): boolean => contentType.startsWith("application/apply-patch+yaml")

/** The kind of an object that the cluster serves. */
export const kindOf = (state: State, object: JsonObject): Kind | undefined =>
  kindsOf(state.objects).ofKind(String(object["apiVersion"]), String(object["kind"]))
