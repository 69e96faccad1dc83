/** `create` and `update`: the single way of an object into the state. */
import * as Either from "effect/Either"
import { admission } from "../admission.js"
import { customCauses, readCustom, withCustomDefaults } from "../customObjects.js"
import { decode as typedDecode, storedForm } from "../decode.js"
import { nodeOf } from "../decodeJson.js"
import { applyDefaults, prepareForCreate } from "../defaults.js"
import { goValue } from "../goFormat.js"
import { isJsonArray, jsonEquals, listOf } from "../json.js"
import { apiVersionOf, type Kind } from "../kinds.js"
import { keepTimes, managerOf, resetFields, updateManaged, type ManagedWrite } from "../managedFields.js"
import { metadataCauses, metadataUpdateCauses } from "../names.js"
import type { GroupVersionKind, Json, JsonObject, OpenApi } from "../openapi.js"
import { escalation } from "../rbac.js"
import { signingCauses, signingRequests } from "../signing.js"
import * as status from "../status.js"
import type { Cause, Failure } from "../status.js"
import * as store from "../store.js"
import { get, metadataOf, withMetadata, type State } from "../store.js"
import { at } from "../strategies.js"
import { validate as validateFields } from "../validation/validate.js"
import { warningsOf } from "../warnings.js"
import { decodeBody, keepingManagedFields } from "./bodies.js"
import {
  finish,
  isApply,
  isDryRun,
  keyOf,
  shown,
  silent,
  stored,
  warned,
  type Call,
  type Decoded,
  type Edit,
  type Result
} from "./call.js"
import { parseUint, unsigned, writeOptions } from "./options.js"
import { read } from "./read.js"

const invalid = (kind: Kind, name: string, causes: ReadonlyArray<Cause>): Either.Either<void, Failure> =>
  causes.length === 0
    ? Either.right(undefined)
    : // The API server has the Events of both groups in the first.
      Either.left(status.invalid(kind.kind === "Event" ? { ...kind, group: "" } : kind, name, causes))

const wrongNamespace = status.badRequest(
  "the namespace of the provided object does not match the namespace sent on the request"
)

export const nameOf = (object: JsonObject): string => String(metadataOf(object)["name"] ?? "")

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

export const insert = (state: State, call: Call, body: JsonObject): Result => {
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

export const whole: Part = (object, old, call) => {
  const { strategy } = call.kind
  const kept = hasStatus(call.kind)
    ? { ...dropStatus(object), ...(old["status"] === undefined ? {} : { status: old["status"] }) }
    : object
  return strategy.update?.(kept, old, call) ?? kept
}

/** Whether nothing holds the object any more, so that it goes with its last finalizer. */
export const isFree = (object: JsonObject): boolean => {
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
