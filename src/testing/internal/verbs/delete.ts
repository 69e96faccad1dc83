/** `delete` and `deletecollection`. */
import * as Either from "effect/Either"
import { goValue } from "../goFormat.js"
import { isJsonObject, jsonEquals, jsonType, listOf } from "../json.js"
import type { Json, JsonObject } from "../openapi.js"
import * as Protobuf from "../protobuf.js"
import * as status from "../status.js"
import type { Cause, Failure } from "../status.js"
import * as store from "../store.js"
import { metadataOf, withMetadata, type State } from "../store.js"
import { at } from "../strategies.js"
import { deletionWarnings } from "../warnings.js"
import { mediaTypes, parseJson, scheme, typeMeta, unrecognized } from "./bodies.js"
import { isDryRun, keyOf, meta, shown, warned, type Call, type Outcome, type Result } from "./call.js"
import { intOf } from "./options.js"
import { listObject, page, read } from "./read.js"
import { isFree, nameOf } from "./write.js"

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
  const dryRuns = listOf(dryRun)
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
