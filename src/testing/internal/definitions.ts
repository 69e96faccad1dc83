/**
 * What the API server itself does about CustomResourceDefinitions: it accepts their names, says that their kinds are there,
 * and takes the objects away before a definition goes. All of that happens with the write that is the reason for it, so a kind
 * is served as soon as its definition is created; each step has a version of its own, as watches of definitions see it.
 */
import * as Either from "effect/Either"
import { conditionOf, customVersions, definitionsIn, definitionsOf, isTrue, nameOf, objectAt, textsAt } from "./crd.js"
import { cleanupFinalizer, withCondition, type Condition } from "./crdStatus.js"
import { jsonEquals } from "./json.js"
import { kindsOf } from "./kinds.js"
import type { Json, JsonObject } from "./openapi.js"
import { list, metadataOf, withMetadata, type State } from "./store.js"
import { at } from "./strategies.js"
import { subresourceOf } from "./subresources.js"
import { removeWith, type Call } from "./verbs.js"

const accepted = (definition: JsonObject): JsonObject => objectAt(definition, "status", "acceptedNames")

/** The names that other definitions of the group have: of resources, and of kinds. */
const taken = (all: ReadonlyArray<JsonObject>, definition: JsonObject) => {
  const group = at(definition, "spec", "group")
  const names = all.filter((each) => at(each, "spec", "group") === group).map(accepted)
  return {
    resources: new Set(
      names.flatMap((each) => [String(each["plural"]), String(each["singular"]), ...textsAt(each, "shortNames")])
    ),
    kinds: new Set(names.flatMap((each) => [String(each["kind"]), String(each["listKind"])]))
  }
}

/** The status with the names that are free; what is not keeps the kind from being served. */
const withNames = (all: ReadonlyArray<JsonObject>, definition: JsonObject, now: string): JsonObject => {
  const status = objectAt(definition, "status")
  const [wanted, has] = [objectAt(definition, "spec", "names"), accepted(definition)]
  const { kinds, resources } = taken(all, definition)
  const names: Record<string, Json> = { ...has }
  let problem: Condition | undefined
  const conflict = (reason: string, message: string): void => {
    problem = { type: "NamesAccepted", status: "False", reason, message }
  }
  const inUse = (name: string): string => `${JSON.stringify(name)} is already in use`
  const take = (key: string, used: ReadonlySet<string>, reason: string): void => {
    const name = String(wanted[key] ?? "")
    if (name !== has[key] && used.has(name)) conflict(reason, inUse(name))
    else names[key] = name
  }
  take("plural", resources, "PluralConflict")
  take("singular", resources, "SingularConflict")
  const [short, own] = [textsAt(wanted, "shortNames"), textsAt(has, "shortNames")]
  const conflicts = short.filter((name) => !own.includes(name) && resources.has(name)).map(inUse)
  if (conflicts.length > 0) {
    conflict("ShortNamesConflict", conflicts.length === 1 ? (conflicts[0] ?? "") : `[${conflicts.join(", ")}]`)
  } else if (wanted["shortNames"] !== undefined) names["shortNames"] = short
  else delete names["shortNames"]
  take("kind", kinds, "KindConflict")
  take("listKind", kinds, "ListKindConflict")
  if (wanted["categories"] === undefined) delete names["categories"]
  else names["categories"] = wanted["categories"]

  const naming: Condition = problem ?? {
    type: "NamesAccepted",
    status: "True",
    reason: "NoConflicts",
    message: "no conflicts found"
  }
  const before = conditionOf(definition, "NamesAccepted")
  const same =
    before?.["status"] === naming.status && before["reason"] === naming.reason && before["message"] === naming.message
  if (same && jsonEquals(names, has)) return status
  const named = withCondition({ ...status, acceptedNames: names }, naming, now)
  if (isTrue(definition, "Established")) return named
  const isAccepted = naming.status === "True"
  return withCondition(
    named,
    {
      type: "Established",
      status: "False",
      reason: isAccepted ? "Installing" : "NotAccepted",
      message: isAccepted ? "the initial names have been accepted" : "not all names are accepted"
    },
    now
  )
}

const established: Condition = {
  type: "Established",
  status: "True",
  reason: "InitialNamesAccepted",
  message: "the initial names have been accepted"
}

const deleting: Condition = {
  type: "Terminating",
  status: "True",
  reason: "InstanceDeletionInProgress",
  message: "CustomResource deletion is in progress"
}

type Work = Pick<Call, "kind" | "name" | "namespace" | "subresource" | "verb"> & { readonly body?: string }

/** A request of the API server to itself. */
const callOf = (now: string, { body = "", ...work }: Work): Call => ({
  ...work,
  query: new URLSearchParams(),
  contentType: "application/json",
  userAgent: "kube-apiserver/v1.35.4",
  body,
  user: { username: "system:apiserver", groups: ["system:masters", "system:authenticated"] },
  now,
  uid: "",
  suffixes: []
})

/** The state with the definition written, its status included. */
const written = (state: State, definition: JsonObject, now: string): State => {
  const kind = kindsOf(state.objects).ofKind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
  const update = subresourceOf("status")?.update
  if (kind === undefined || update === undefined) return state
  const call = callOf(now, {
    verb: "update",
    kind,
    namespace: "",
    name: nameOf(definition),
    subresource: "status",
    body: JSON.stringify(definition)
  })
  return Either.match(update(state, call), { onLeft: () => state, onRight: (outcome) => outcome.state })
}

const kindFor = (state: State, definition: JsonObject) =>
  customVersions(state.objects).find(({ kind }) => kind.custom?.definition === definition)?.kind

/** The next state of a definition that goes: first its objects are deleted, and when they are gone it goes itself. */
const emptied = (state: State, definition: JsonObject, now: string): State => {
  const finalizers = textsAt(definition, "metadata", "finalizers")
  if (!finalizers.includes(cleanupFinalizer)) return state
  const status = objectAt(definition, "status")
  if (conditionOf(definition, "Terminating")?.["reason"] !== deleting.reason) {
    return written(state, { ...definition, status: withCondition(status, deleting, now) }, now)
  }
  const kind = kindFor(state, definition)
  const objects = kind === undefined ? [] : list(state.objects, kind.storage, undefined)
  if (kind === undefined || objects.length === 0) {
    const left = finalizers.filter((each) => each !== cleanupFinalizer)
    return written(state, withMetadata(definition, { finalizers: left }), now)
  }
  let next = state
  for (const { object } of objects) {
    const { deletionTimestamp, name, namespace = "" } = metadataOf(object)
    if (deletionTimestamp !== undefined) continue
    const call = callOf(now, {
      verb: "delete",
      kind,
      namespace: String(namespace),
      name: String(name),
      subresource: ""
    })
    const result = removeWith(next, call, { dryRun: false })
    if (Either.isRight(result)) next = result.right.state
  }
  return next
}

const step = (state: State, all: ReadonlyArray<JsonObject>, definition: JsonObject, now: string): State => {
  if (metadataOf(definition)["deletionTimestamp"] !== undefined) return emptied(state, definition, now)
  const status = objectAt(definition, "status")
  const named = jsonEquals(objectAt(definition, "spec", "names"), accepted(definition))
    ? status
    : withNames(all, definition, now)
  if (named !== status) return written(state, { ...definition, status: named }, now)
  return isTrue(definition, "NamesAccepted") && !isTrue(definition, "Established")
    ? written(state, { ...definition, status: withCondition(status, established, now) }, now)
    : state
}

/** So many writes at most follow for one definition: it begins to go, its objects go, and it goes itself. */
const most = 3

/** The state with all that follows for one definition. */
const advanced = (state: State, name: string, now: string, left = most): State => {
  if (left === 0) return state
  const all = definitionsOf(state.objects)
  const definition = all.find((each) => nameOf(each) === name)
  const next = definition === undefined ? state : step(state, all, definition, now)
  return next === state ? state : advanced(next, name, now, left - 1)
}

/** The state after a write, with what the API server does about definitions because of it. */
export const settled = (before: State, after: State, now: string): State => {
  const goes = (definition: JsonObject): boolean => metadataOf(definition)["deletionTimestamp"] !== undefined
  const isSame = definitionsIn(before.objects) === definitionsIn(after.objects)
  const definitions = definitionsOf(after.objects)
  if (isSame && !definitions.some(goes)) return after
  const names = definitions.map(nameOf)
  let state = after
  // What one gives up may be for one before it: as often as there are definitions, and no more.
  for (const _ of names) {
    const next = names.reduce((current, name) => advanced(current, name, now), state)
    if (next === state) return state
    state = next
  }
  return state
}
