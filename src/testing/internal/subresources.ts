/** The subresources: a row each for how it is read and written. */
import * as Either from "effect/Either"
import { isJsonArray, isJsonObject, jsonEquals, listOf } from "./json.js"
import { labelsOf, formatTerms, matchesLabels, selectorTerms } from "./selectors.js"
import * as status from "./status.js"
import type { Failure } from "./status.js"
import * as store from "./store.js"
import { metadataOf, withMetadata, type State } from "./store.js"
import { at } from "./strategies.js"
import { scaleEntries, updateManaged, withScaleEntries } from "./managedFields.js"
import { schemaOf, type GroupVersionKind, type Json, type JsonObject } from "./openapi.js"
import { approved, signed, signingRequests } from "./signing.js"
import * as tokens from "./tokens.js"
import * as verbs from "./verbs.js"
import type { Call, Outcome, Part, Result } from "./verbs.js"
import { definitionsResource } from "./crd.js"
import { apiVersionOf, kindsOf, type Kind } from "./kinds.js"
import { customResourceDefinition } from "./validation/crd.js"
import type { Causes } from "./validation/rules.js"

/** How a subresource takes the verbs; one that is not here is not allowed. */
export interface Subresource {
  readonly get?: (state: State, call: Call) => Result
  readonly create?: (state: State, call: Call) => Result
  readonly update?: (state: State, call: Call) => Result
  readonly patch?: (state: State, call: Call) => Result
}

const success = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 }

/** One that shows the object itself and changes a part of it. */
const partial = (part: Part): Subresource => ({
  get: verbs.getOne,
  update: (state, call) => verbs.replace(state, call, part),
  patch: (state, call) => verbs.patch(state, call, part)
})

const sub = (object: JsonObject, key: string): JsonObject => {
  const value = object[key]
  return isJsonObject(value) ? value : {}
}

const statusPart: Part = (object, old, { kind, now }) => {
  const metadata = metadataOf(object)
  const before = metadataOf(old)
  const owners = before["ownerReferences"]
  const { ownerReferences: _owners, ...own } = metadata
  if (kind.custom) {
    const { managedFields: _managedFields, ...kept } = before
    const { status: _status, ...rest } = old
    const { managedFields } = metadata
    return {
      ...rest,
      metadata: managedFields === undefined ? kept : { ...kept, managedFields },
      ...(object["status"] === undefined ? {} : { status: object["status"] })
    }
  }
  if (kind.storage === signingRequests) return { ...old, metadata: own, status: signed(object, old, now) }
  const written = {
    ...old,
    metadata: {
      ...own,
      ...(owners === undefined ? {} : { ownerReferences: owners }),
      ...(kind.kind === "Deployment" && before["labels"] !== undefined ? { labels: before["labels"] } : {})
    },
    ...(object["status"] === undefined ? {} : { status: object["status"] })
  }
  return kind.strategy.updateStatus?.(written, old) ?? written
}

/** Writes one field of the spec, and no other. */
const specField =
  (...names: ReadonlyArray<string>): Part =>
  (object, old) => ({
    ...old,
    metadata: metadataOf(object),
    spec: {
      ...sub(old, "spec"),
      ...Object.fromEntries(
        names.flatMap((name) => {
          const value = sub(object, "spec")[name]
          return value === undefined ? [] : [[name, value]]
        })
      )
    }
  })

/** A pod's containers may be resized; their other fields stay. */
const resized: Part = (object, old) => {
  const wanted = new Map(
    ["containers", "initContainers"].flatMap((list) =>
      listOf(sub(object, "spec")[list]).map((each) => [`${list}/${String(at(each, "name"))}`, each])
    )
  )
  const spec = sub(old, "spec")
  const lists = ["containers", "initContainers"].flatMap((list) => {
    const containers = spec[list]
    return isJsonArray(containers)
      ? [
          [
            list,
            containers.map((each) => {
              const given = wanted.get(`${list}/${String(at(each, "name"))}`)
              const [resources, resizePolicy] = [at(given, "resources"), at(given, "resizePolicy")]
              return isJsonObject(each)
                ? {
                    ...each,
                    ...(resources === undefined ? {} : { resources }),
                    ...(resizePolicy === undefined ? {} : { resizePolicy })
                  }
                : each
            })
          ] as const
        ]
      : []
  })
  return { ...old, metadata: metadataOf(object), spec: { ...spec, ...Object.fromEntries(lists) } }
}

// ---- scale

/** Where a kind has its replicas; custom kinds say it in their definition. */
interface ScalePaths {
  readonly specReplicas: ReadonlyArray<string>
  readonly statusReplicas: ReadonlyArray<string>
  /** The selector as text. */
  readonly selector: (object: JsonObject) => string
}

const builtInScale: ScalePaths = {
  specReplicas: ["spec", "replicas"],
  statusReplicas: ["status", "replicas"],
  selector: (object) => {
    const selector = at(object, "spec", "selector")
    return formatTerms(
      (object["kind"] === "ReplicationController"
        ? selectorTerms({ matchLabels: selector })
        : selectorTerms(selector)) ?? []
    )
  }
}

const scalePaths = ({ custom }: Kind): ScalePaths => {
  const scale = custom?.scale
  if (scale === undefined) return builtInScale
  const { selector: path, specReplicas, statusReplicas } = scale
  const selector = (object: JsonObject): string => {
    const text = path === undefined ? "" : at(object, ...path)
    return typeof text === "string" ? text : ""
  }
  return { specReplicas, statusReplicas, selector }
}

/** Of a custom kind the API server will not guess how many there should be. */
const unsaid = ({ custom }: Kind, object: JsonObject): string | undefined =>
  custom?.scale !== undefined && at(object, ...custom.scale.specReplicas) === undefined
    ? `the spec replicas field ${JSON.stringify(`.${custom.scale.specReplicas.join(".")}`)}`
    : undefined

const scaleKind = { group: "autoscaling", version: "v1", kind: "Scale" }

const scaleShape = (): verbs.Shape => ({ ...scaleKind, schema: schemaOf(scaleKind) })

/** The `Scale` of an object. Zero is what is not written. */
const scaleOf = (kind: Kind, object: JsonObject): JsonObject => {
  const { creationTimestamp, name, namespace, resourceVersion, uid } = metadataOf(object)
  const { selector, specReplicas, statusReplicas } = scalePaths(kind)
  const [replicas, current, text] = [at(object, ...specReplicas), at(object, ...statusReplicas), selector(object)]
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: {
      name: name ?? "",
      ...(namespace === undefined ? {} : { namespace }),
      uid: uid ?? "",
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      creationTimestamp: creationTimestamp ?? null
    },
    spec: replicas ? { replicas } : {},
    status: { replicas: current ?? 0, ...(text === "" ? {} : { selector: text }) }
  }
}

const written = (object: JsonObject, [key, ...path]: ReadonlyArray<string>, value: number): JsonObject =>
  key === undefined ? object : { ...object, [key]: path.length === 0 ? value : written(sub(object, key), path, value) }

const replicasIn = (kind: Kind) => ({ apiVersion: apiVersionOf(kind), replicas: scalePaths(kind).specReplicas })

/** The scale with who manages what of it. Of custom objects the API server keeps no account of that. */
const managedScale = (kind: Kind, object: JsonObject): JsonObject => {
  const entries = kind.custom ? [] : scaleEntries(object, scaleKind, replicasIn(kind))
  return entries.length === 0 ? scaleOf(kind, object) : withMetadata(scaleOf(kind, object), { managedFields: entries })
}

/** The object with the replicas of a scale, and with who manages them since. */
const scaled = (call: Call, object: JsonObject, given: JsonObject): Either.Either<JsonObject, Failure> => {
  const { kind } = call
  const write = verbs.isApply(call) ? undefined : verbs.managedWrite(call, managedScale(kind, object), scaleShape())
  const scale = write === undefined || kind.custom ? given : updateManaged({ ...write, updated: given })
  const replicas = at(scale, "spec", "replicas") ?? 0
  // Of a custom object it is said where they are.
  if (typeof replicas !== "number" || (replicas < 0 && !kind.custom)) {
    return Either.left(
      status.invalid(scaleKind, call.name, [
        status.invalidValue("spec.replicas", JSON.stringify(replicas), "must be greater than or equal to 0")
      ])
    )
  }
  const { name, namespace, resourceVersion, uid } = metadataOf(scale)
  const own = metadataOf(object)
  const next = {
    ...written(object, scalePaths(kind).specReplicas, replicas),
    metadata: {
      ...own,
      name: name ?? "",
      ...(namespace === undefined ? {} : { namespace }),
      ...(resourceVersion ? { resourceVersion } : {}),
      ...(uid ? { uid } : {})
    }
  }
  return Either.right(kind.custom ? next : withScaleEntries(next, scale, replicasIn(kind)))
}

/** A scale says nothing of the version that it replaces unless it wants to, whatever its kind demands. */
const unversioned = (call: Call): Call => ({
  ...call,
  kind: { ...call.kind, strategy: { ...call.kind.strategy, versionedUpdate: false } }
})

const asScale = (call: Call, outcome: Outcome): Outcome => ({ ...outcome, object: scaleOf(call.kind, outcome.object) })

const scale: Subresource = {
  get: (state, call) =>
    Either.flatMap(verbs.getOne(state, call), (outcome) => {
      const field = unsaid(call.kind, outcome.object)
      return field === undefined
        ? Either.right(asScale(call, outcome))
        : Either.left({
            code: 500,
            reason: "InternalError",
            message: `Internal error occurred: ${field} does not exist`,
            details: { causes: [{ message: `${field} does not exist` }] }
          })
    }),
  update: (state, call) =>
    Either.gen(function* () {
      yield* verbs.writeOptions(call, "UpdateOptions")
      const body = yield* verbs.decode(call, scaleKind)
      const outcome = yield* verbs.update(state, unversioned(call), (object) =>
        Either.map(scaled(call, object, body), verbs.silent)
      )
      return asScale(call, outcome)
    }),
  patch: (state, call) =>
    Either.gen(function* () {
      yield* verbs.patchOptions(call)
      const edit = yield* verbs.editOf(call, scaleShape())
      const outcome = yield* verbs.update(state, unversioned(call), (object) =>
        Either.flatMap(edit(managedScale(call.kind, object)), ({ object: edited }) => {
          const field = unsaid(call.kind, object)
          return field !== undefined && at(edited, "spec", "replicas") === undefined
            ? Either.left(status.badRequest(`${field} cannot be empty`))
            : Either.map(scaled(call, object, edited), verbs.silent)
        })
      )
      return asScale(call, outcome)
    })
}

// ---- pods

const withCondition = (
  pod: JsonObject,
  condition: { readonly type: string; readonly status: string; readonly [key: string]: string },
  now: string
): JsonObject => {
  const conditions = at(pod, "status", "conditions")
  const others = listOf(conditions)
  const old = others.find((each) => at(each, "type") === condition.type)
  const since = at(old, "status") === condition.status ? at(old, "lastTransitionTime") : undefined
  const next = { lastProbeTime: null, lastTransitionTime: since ?? now, ...condition }
  return {
    ...pod,
    status: {
      ...sub(pod, "status"),
      conditions: old === undefined ? [...others, next] : others.map((each) => (each === old ? next : each))
    }
  }
}

/** What is wrong with a binding; the API server has no kind for such an error. */
const bindingProblems = (binding: JsonObject): string => {
  const [kind = "", node = ""] = [at(binding, "target", "kind"), at(binding, "target", "name")]
  const problems = [
    ...(kind === "" || kind === "Node"
      ? []
      : [status.notSupported("target.kind", JSON.stringify(kind), ["Node", "<empty>"])]),
    ...(node === "" ? [status.required("target.name")] : [])
  ].map(({ field, message }) => `${field}: ${message}`)
  return problems.length > 1 ? `[${problems.join(", ")}]` : (problems[0] ?? "")
}

/** Why a pod is not assigned to a node. */
const unassignable = (pod: JsonObject): string | undefined => {
  const [name, node, gates] = [nameIn(pod), at(pod, "spec", "nodeName"), at(pod, "spec", "schedulingGates")]
  if (metadataOf(pod)["deletionTimestamp"] !== undefined) {
    return `pod ${name} is being deleted, cannot be assigned to a host`
  }
  if (typeof node === "string" && node !== "") return `pod ${name} is already assigned to node ${JSON.stringify(node)}`
  return isJsonArray(gates) && gates.length > 0 ? `pod ${name} has non-empty .spec.schedulingGates` : undefined
}

/** Assigns a pod to a node. */
const bind = (state: State, call: Call, binding: JsonObject): Result =>
  Either.gen(function* () {
    const problems = bindingProblems(binding)
    if (problems !== "") return yield* Either.left(status.unforeseen(problems))
    const pod = yield* verbs.read(state, call)
    const { annotations, labels, resourceVersion, uid } = metadataOf(binding)
    const own = metadataOf(pod)
    if (uid && uid !== own["uid"]) {
      return yield* Either.left(verbs.unmetPrecondition(call, "UID", uid, own["uid"] ?? ""))
    }
    if (resourceVersion && resourceVersion !== own["resourceVersion"]) {
      const actual = own["resourceVersion"] ?? ""
      return yield* Either.left(verbs.unmetPrecondition(call, "ResourceVersion", resourceVersion, actual))
    }
    const why = unassignable(pod)
    if (why !== undefined) {
      return yield* Either.left(status.conflict({ group: "", plural: "pods/binding" }, call.name, why))
    }
    const added = (key: "annotations" | "labels", more: Json | undefined): JsonObject =>
      isJsonObject(more) ? { [key]: { ...sub(own, key), ...more } } : {}
    const { nominatedNodeName: _nominated, ...podStatus } = sub(pod, "status")
    const bound = {
      ...withMetadata(pod, { ...added("annotations", annotations), ...added("labels", labels) }),
      spec: { ...sub(pod, "spec"), nodeName: at(binding, "target", "name") ?? "" },
      status: podStatus
    }
    const scheduled = withCondition(bound, { type: "PodScheduled", status: "True" }, call.now)
    const { state: next } = store.write(state, verbs.keyOf(call), scheduled)
    return { state: verbs.isDryRun(call) ? state : next, status: 201, object: success }
  })

const bindingKind = { group: "", version: "v1", kind: "Binding" }

const nameIn = (object: JsonObject): string => String(metadataOf(object)["name"] ?? "")

/** The body of a request that makes a subresource. */
const created = (
  call: Call,
  gvk: GroupVersionKind,
  alike: ReadonlyArray<string> = []
): Either.Either<JsonObject, Failure> =>
  Either.gen(function* () {
    yield* verbs.writeOptions(call, "CreateOptions")
    return yield* verbs.samePlace(call, yield* verbs.decode(call, gvk, alike))
  })

/** Of the pod that the path names. */
const ofItsPod = (call: Call, body: JsonObject, kind: string): Either.Either<JsonObject, Failure> =>
  nameIn(body) === call.name
    ? Either.right(body)
    : Either.left(status.badRequest(`name in URL does not match name in ${kind} object`))

const binding: Subresource = {
  create: (state, call) =>
    created(call, bindingKind).pipe(
      Either.flatMap((body) => ofItsPod(call, body, "Binding")),
      Either.flatMap((body) => bind(state, call, body))
    )
}

/** The collection `bindings` is the old way to the same. */
export const createBinding = (state: State, call: Call): Result =>
  Either.flatMap(created(call, bindingKind), (body) => {
    const pods = kindsOf(state.objects).find("", "v1", "pods")
    return pods === undefined
      ? Either.left(status.unknownPath)
      : bind(state, { ...call, kind: pods, name: nameIn(body) }, body)
  })

const disruptionBudgets = "poddisruptionbudgets.policy"

/** Whether a pod counts for no budget: it does not run yet, or no more. */
const evictsFreely = (pod: JsonObject): boolean =>
  ["Pending", "Succeeded", "Failed"].includes(String(at(pod, "status", "phase"))) ||
  metadataOf(pod)["deletionTimestamp"] !== undefined

const conditionOf = (object: JsonObject, type: string): JsonObject => {
  const conditions = at(object, "status", "conditions")
  const found = isJsonArray(conditions) ? conditions.find((each) => at(each, "type") === type) : undefined
  return isJsonObject(found) ? found : {}
}

const numberIn = (object: JsonObject, key: string): number => {
  const value = object[key]
  return typeof value === "number" ? value : 0
}

/** Whether a pod that is not ready goes without its budget being asked. */
const isUnguarded = (pod: JsonObject, budget: JsonObject): boolean => {
  const current = sub(budget, "status")
  const desired = numberIn(current, "desiredHealthy")
  return (
    conditionOf(pod, "Ready")["status"] !== "True" &&
    (at(budget, "spec", "unhealthyPodEvictionPolicy") === "AlwaysAllow" ||
      (desired > 0 && numberIn(current, "currentHealthy") >= desired))
  )
}

/** Why a budget without a disruption left does not allow another. */
const exhausted = (budget: JsonObject): string => {
  const current = sub(budget, "status")
  const { message, reason, status: allowed } = conditionOf(budget, "DisruptionAllowed")
  const [name, healthy, desired] = [
    nameIn(budget),
    numberIn(current, "currentHealthy"),
    numberIn(current, "desiredHealthy")
  ]
  const says = allowed === "False" && typeof message === "string" && message !== ""
  const refusal = `The disruption budget ${name} does not allow evicting pods currently`
  return says && reason === "SyncFailed"
    ? `${refusal} because it failed sync: ${message}`
    : healthy <= desired
      ? `The disruption budget ${name} needs ${desired} healthy pods and has ${healthy} currently`
      : says
        ? `${refusal} (${String(reason)}): ${message}`
        : refusal
}

const tooManyEvictions = (message: string, retryAfter?: number): Failure => ({
  code: 429,
  reason: "TooManyRequests",
  message: "Cannot evict pod as it would violate the pod's disruption budget.",
  details: { causes: [{ reason: "DisruptionBudget", message }] },
  ...(retryAfter === undefined ? {} : { retryAfter })
})

/** The state with the eviction noted in the pod's budget, if it has one. */
const disrupted = (state: State, call: Call, pod: JsonObject): Either.Either<State, Failure> => {
  const labels = labelsOf(pod)
  const budgets = store
    .list(state.objects, disruptionBudgets, call.namespace)
    .map(({ object }) => object)
    .filter((budget) => {
      const terms = selectorTerms(at(budget, "spec", "selector"))
      return terms !== undefined && matchesLabels(labels, terms)
    })
  const [budget, another] = budgets
  if (budget === undefined || evictsFreely(pod)) return Either.right(state)
  if (another !== undefined) {
    return Either.left(
      status.unforeseen(
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
      )
    )
  }
  if (isUnguarded(pod, budget)) return Either.right(state)
  const current = sub(budget, "status")
  if (numberIn(current, "observedGeneration") < numberIn(metadataOf(budget), "generation")) {
    const message = `The disruption budget ${nameIn(budget)} is still being processed by the server.`
    return Either.left(tooManyEvictions(message, 10))
  }
  const allowed = numberIn(current, "disruptionsAllowed")
  if (allowed <= 0) return Either.left(tooManyEvictions(exhausted(budget)))
  const key = { resource: disruptionBudgets, namespace: call.namespace, name: nameIn(budget) }
  const disruptedPods = isJsonObject(current["disruptedPods"]) ? current["disruptedPods"] : {}
  return Either.right(
    store.write(state, key, {
      ...budget,
      status: {
        ...current,
        disruptionsAllowed: allowed - 1,
        disruptedPods: { ...disruptedPods, [call.name]: call.now }
      }
    }).state
  )
}

const evicting = {
  type: "DisruptionTarget",
  status: "True",
  reason: "EvictionByEvictionAPI",
  message: "Eviction API: evicting"
}

const eviction: Subresource = {
  create: (state, call) =>
    Either.gen(function* () {
      const gvk = { group: "policy", version: "v1", kind: "Eviction" }
      const body = yield* ofItsPod(call, yield* created(call, gvk, ["policy/v1beta1"]), "Eviction")
      const { preconditions, ...options } = yield* verbs.deleteOptions(sub(body, "deleteOptions"))
      const pod = yield* verbs.read(state, call)
      const counted = yield* disrupted(state, call, pod)
      yield* verbs.meets(call, pod, preconditions)
      const dry = options.dryRun || verbs.isDryRun(call)
      // Who looks at the pod while it ends sees why it does.
      const marked = withCondition(pod, evicting, call.now)
      const noted = dry || jsonEquals(marked, pod) ? counted : store.write(counted, verbs.keyOf(call), marked).state
      const outcome = yield* verbs.removeWith(noted, call, options)
      return { state: dry ? state : outcome.state, status: 201, object: success }
    })
}

// ---- others

const tokenSeconds = 3600
const leastTokenSeconds = 600
const mostTokenSeconds = 2 ** 32

const tokenKind = { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" }

const reference = (object: JsonObject): JsonObject => {
  const { name = "", uid = "" } = metadataOf(object)
  return { name, uid }
}

/** What a token can be bound to. */
const boundTo: { readonly [kind: string]: string | undefined } = { Node: "nodes", Pod: "pods", Secret: "secrets" }

/** The claims about the object that a token is bound to. */
const boundClaims = (state: State, call: Call, to: JsonObject): Either.Either<JsonObject, Failure> => {
  const text = (key: string): string => String(to[key] ?? "")
  const [kind, name] = [text("kind"), text("name")]
  const [version = "", group = ""] = text("apiVersion").split("/").toReversed()
  const plural = group === "" ? boundTo[kind] : undefined
  if (plural === undefined) {
    return Either.left(status.badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${kind}`))
  }
  const where = { resource: plural, namespace: plural === "nodes" ? "" : call.namespace, name }
  const object = store.get(state.objects, where)
  if (object === undefined) return Either.left(status.notFound({ group: "", plural }, name))
  if (kind === "Pod" && at(object, "spec", "serviceAccountName") !== call.name) {
    return Either.left(
      status.badRequest(
        `cannot bind token for serviceaccount ${JSON.stringify(call.name)} to pod running with different serviceaccount name.`
      )
    )
  }
  if (to["uid"] && to["uid"] !== metadataOf(object)["uid"]) {
    return Either.left(
      status.conflict(
        { group: "", kind },
        name,
        `the UID in the bound object reference (${String(to["uid"])}) does not match the UID in record. The object might have been deleted and then recreated`
      )
    )
  }
  const node = kind === "Pod" ? at(object, "spec", "nodeName") : undefined
  const host =
    typeof node === "string" && node !== ""
      ? store.get(state.objects, { resource: "nodes", namespace: "", name: node })
      : undefined
  return Either.right({
    [kind.toLowerCase()]: reference(object),
    ...(host === undefined ? (node ? { node: { name: node } } : {}) : { node: reference(host) })
  })
}

/** A token of a service account. */
const token: Subresource = {
  create: (state, call) =>
    Either.gen(function* () {
      const body = yield* created(call, tokenKind)
      const { managedFields: _given, ...given } = metadataOf(body)
      if (given["name"] && given["name"] !== call.name) {
        const value = JSON.stringify(given["name"])
        const cause = status.invalidValue("metadata.name", value, "must match the service account name if specified")
        return yield* Either.left(status.invalid(tokenKind, call.name, [cause]))
      }
      const account = yield* verbs.read(state, call)
      const { name = "", namespace = "", uid = "" } = metadataOf(account)
      if (given["uid"] && given["uid"] !== uid) {
        const why = `the UID in the token request (${String(given["uid"])}) does not match the UID of the service account (${String(uid)})`
        return yield* Either.left(status.conflict(tokenKind, call.name, why))
      }
      const spec = sub(body, "spec")
      const said = spec["expirationSeconds"]
      const seconds = typeof said === "number" ? said : tokenSeconds
      const problem =
        seconds < leastTokenSeconds
          ? "may not specify a duration less than 10 minutes"
          : seconds > mostTokenSeconds
            ? "may not specify a duration larger than 2^32 seconds"
            : undefined
      if (problem !== undefined) {
        const cause = status.invalidValue("spec.expirationSeconds", String(seconds), problem)
        return yield* Either.left(status.invalid(tokenKind, "", [cause]))
      }
      const to = spec["boundObjectRef"]
      const bound = isJsonObject(to) ? yield* boundClaims(state, call, to) : {}
      const issued = Math.floor(Date.parse(call.now) / 1000)
      const audiences =
        isJsonArray(spec["audiences"]) && spec["audiences"].length > 0 ? spec["audiences"] : [tokens.issuer]
      const filled = { ...body, spec: { ...spec, expirationSeconds: seconds } }
      const write = verbs.managedWrite(call, undefined, { ...tokenKind, schema: schemaOf(tokenKind) })
      const { managedFields } = metadataOf(write === undefined ? {} : updateManaged({ ...write, updated: filled }))
      return {
        state,
        status: 201,
        object: {
          kind: "TokenRequest",
          apiVersion: "authentication.k8s.io/v1",
          metadata: {
            ...given,
            name,
            namespace,
            uid,
            creationTimestamp: call.now,
            ...(managedFields === undefined ? {} : { managedFields })
          },
          spec: { audiences, expirationSeconds: seconds, boundObjectRef: to ?? null },
          status: {
            token: tokens.issue({
              aud: audiences,
              exp: issued + seconds,
              iat: issued,
              iss: tokens.issuer,
              jti: call.uid,
              "kubernetes.io": { namespace, ...bound, serviceaccount: { name, uid } },
              nbf: issued,
              sub: `system:serviceaccount:${String(namespace)}:${String(name)}`
            }),
            expirationTimestamp: new Date((issued + seconds) * 1000).toISOString().replace(/\.\d+Z$/, "Z")
          }
        }
      }
    })
}

/** Ends what keeps a namespace: its spec.finalizers. */
const finalize: Subresource = {
  update: (state, call) =>
    verbs.replace(state, call, (object, old) => ({
      ...old,
      metadata: metadataOf(object),
      spec: { ...sub(old, "spec"), finalizers: sub(object, "spec")["finalizers"] ?? [] }
    }))
}

/** Decides on a signing request. */
const approval = partial((object, old, { now }) => ({
  ...old,
  metadata: metadataOf(object),
  status: approved(object, old, now)
}))

const subresources: { readonly [name: string]: Subresource } = {
  status: partial(statusPart),
  scale,
  binding,
  eviction,
  ephemeralcontainers: partial(specField("ephemeralContainers")),
  resize: partial(resized),
  token,
  finalize,
  approval
  // log, exec, attach, portforward and proxy are streams: streams.ts.
}

export const subresourceOf = (name: string): Subresource | undefined =>
  Object.hasOwn(subresources, name) ? subresources[name] : undefined

/** A definition that can be served; a text says why it cannot. */
const definitionOf = (kind: Kind, object: JsonObject): Either.Either<JsonObject, string> =>
  Either.flatMap(
    Either.mapLeft(verbs.admit(kind, object), ({ message }) => message),
    (definition) => {
      const causes: Causes = []
      const status = kind.strategy.create?.(definition, { now: "" }) ?? definition
      customResourceDefinition(causes, status, undefined)
      const problems = causes.map(({ field, message }) => `${field}: ${message}`).join(", ")
      return problems === ""
        ? Either.right(definition)
        : Either.left(`the CustomResourceDefinition ${nameIn(object)} is invalid: ${problems}`)
    }
  )

/** The state with an object put into it as it is: seeds, and changes behind the client's back. */
export const put = (
  state: State,
  object: JsonObject,
  fresh: { readonly uid: string; readonly now: string }
): Either.Either<State, string> => {
  const kind = verbs.kindOf(state, object)
  const { creationTimestamp, generation, name, namespace, uid } = metadataOf(object)
  if (kind === undefined) {
    return Either.left(`no kind ${String(object["kind"])} is served in version ${String(object["apiVersion"])}`)
  }
  if (typeof name !== "string" || name === "") return Either.left(`a ${kind.kind} needs a metadata.name`)
  const key = {
    resource: kind.storage,
    namespace: kind.scope === "Cluster" ? "" : typeof namespace === "string" ? namespace : "default",
    name
  }
  const old = store.get(state.objects, key)
  const before = old === undefined ? {} : metadataOf(old)
  const definition = kind.storage === definitionsResource ? definitionOf(kind, object) : Either.right(object)
  if (Either.isLeft(definition)) return Either.left(definition.left)
  const full = kind.write(kind.custom ? object : verbs.withStructs(definition.right, kind.schema))
  const begun =
    old === undefined && object["status"] === undefined ? (kind.strategy.create?.(full, fresh) ?? full) : full
  return Either.right(
    store.write(
      state,
      key,
      withMetadata(begun, {
        ...(key.namespace === "" ? {} : { namespace: key.namespace }),
        uid: uid ?? before["uid"] ?? fresh.uid,
        creationTimestamp: creationTimestamp ?? before["creationTimestamp"] ?? fresh.now,
        ...(kind.strategy.generation === undefined ? {} : { generation: generation ?? before["generation"] ?? 1 })
      })
    ).state
  )
}
