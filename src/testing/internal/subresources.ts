/** The subresources: a row each for how it is read and written. */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import { isJsonArray, isJsonObject } from "./json.js"
import { labelsOf, formatTerms, matchesLabels, selectorTerms } from "./selectors.js"
import * as status from "./status.js"
import type { Failure } from "./status.js"
import * as store from "./store.js"
import { metadataOf, withMetadata, type State } from "./store.js"
import { at } from "./strategies.js"
import { schemaOf, type JsonObject } from "./openapi.js"
import * as verbs from "./verbs.js"
import type { Call, Outcome, Part, Result } from "./verbs.js"
import { definitionsResource } from "./crd.js"
import { kindsOf, type Kind } from "./kinds.js"
import { customResourceDefinition } from "./validationCrd.js"
import type { Causes } from "./validationRules.js"

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

const statusPart: Part = (object, old, { kind }) => {
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
  return {
    ...old,
    metadata: {
      ...own,
      ...(owners === undefined ? {} : { ownerReferences: owners }),
      ...(kind.kind === "Deployment" && before["labels"] !== undefined ? { labels: before["labels"] } : {})
    },
    ...(object["status"] === undefined ? {} : { status: object["status"] })
  }
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
    ["containers", "initContainers"].flatMap((list) => {
      const containers = sub(object, "spec")[list]
      return (isJsonArray(containers) ? containers : []).map((each) => [`${list}/${String(at(each, "name"))}`, each])
    })
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

/** The object with the replicas of a scale. */
const scaled = (call: Call, object: JsonObject, scale: JsonObject): Either.Either<JsonObject, Failure> => {
  const replicas = at(scale, "spec", "replicas") ?? 0
  // Of a custom object it is said where they are.
  if (typeof replicas !== "number" || (replicas < 0 && !call.kind.custom)) {
    return Either.left(
      status.invalid(scaleKind, call.name, [
        status.invalidValue("spec.replicas", JSON.stringify(replicas), "must be greater than or equal to 0")
      ])
    )
  }
  const { name, namespace, resourceVersion, uid } = metadataOf(scale)
  const own = metadataOf(object)
  return Either.right({
    ...written(object, scalePaths(call.kind).specReplicas, replicas),
    metadata: {
      ...own,
      name: name ?? "",
      ...(namespace === undefined ? {} : { namespace }),
      ...(resourceVersion ? { resourceVersion } : {}),
      ...(uid ? { uid } : {})
    }
  })
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
      const body = yield* verbs.decode(call, scaleKind)
      const outcome = yield* verbs.update(state, unversioned(call), (object) =>
        Either.map(scaled(call, object, body), verbs.silent)
      )
      return asScale(call, outcome)
    }),
  patch: (state, call) =>
    Either.gen(function* () {
      const edit = yield* verbs.patchOf(call, schemaOf(scaleKind))
      const outcome = yield* verbs.update(state, unversioned(call), (object) =>
        Either.flatMap(edit(scaleOf(call.kind, object)), ({ object: edited }) => {
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

/** Assigns a pod to a node. */
const bind = (state: State, call: Call, binding: JsonObject): Result =>
  Either.gen(function* () {
    const node = at(binding, "target", "name")
    if (typeof node !== "string" || node === "") {
      return yield* Either.left(
        status.invalid({ group: "", kind: "Binding" }, call.name, [status.required("target.name")])
      )
    }
    const pod = yield* verbs.read(state, call)
    const bound = at(pod, "spec", "nodeName")
    const refuse = (why: string) => Either.left(status.conflict({ group: "", plural: "pods/binding" }, call.name, why))
    if (metadataOf(pod)["deletionTimestamp"] !== undefined) {
      return yield* refuse(`pod ${call.name} is being deleted, cannot be assigned to a host`)
    }
    if (typeof bound === "string" && bound !== "") {
      return yield* refuse(`pod ${call.name} is already assigned to node ${JSON.stringify(bound)}`)
    }
    const conditions = at(pod, "status", "conditions")
    const scheduled = { type: "PodScheduled", status: "True", lastProbeTime: null, lastTransitionTime: call.now }
    const { state: next } = store.write(state, verbs.keyOf(call), {
      ...pod,
      spec: { ...sub(pod, "spec"), nodeName: node },
      status: {
        ...sub(pod, "status"),
        conditions: [
          ...(isJsonArray(conditions) ? conditions : []).filter((each) => at(each, "type") !== "PodScheduled"),
          scheduled
        ]
      }
    })
    return { state: call.query.getAll("dryRun").includes("All") ? state : next, status: 201, object: success }
  })

const bindingKind = { group: "", version: "v1", kind: "Binding" }

const nameIn = (object: JsonObject): string => String(metadataOf(object)["name"] ?? "")

const binding: Subresource = {
  create: (state, call) =>
    Either.flatMap(verbs.decode(call, bindingKind), (body) =>
      nameIn(body) === call.name
        ? bind(state, call, body)
        : Either.left(status.badRequest("name in URL does not match name in Binding object"))
    )
}

/** The collection `bindings` is the old way to the same. */
export const createBinding = (state: State, call: Call): Result =>
  Either.flatMap(verbs.decode(call, bindingKind), (body) => {
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
    return Either.left({
      code: 500,
      reason: "InternalError",
      message: "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    })
  }
  const current = sub(budget, "status")
  const allowed = current["disruptionsAllowed"]
  if (typeof allowed !== "number" || allowed <= 0) {
    return Either.left({
      code: 429,
      reason: "TooManyRequests",
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: {
        causes: [
          {
            reason: "DisruptionBudget",
            message: `The disruption budget ${nameIn(budget)} needs ${String(current["desiredHealthy"] ?? 0)} healthy pods and has ${String(current["currentHealthy"] ?? 0)} currently`
          }
        ]
      }
    })
  }
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

const eviction: Subresource = {
  create: (state, call) =>
    Either.gen(function* () {
      const body = yield* verbs.decode(call, { group: "policy", version: "v1", kind: "Eviction" })
      if (nameIn(body) !== call.name) {
        return yield* Either.left(status.badRequest("name in URL does not match name in Eviction object"))
      }
      const options = yield* verbs.deleteOptions(sub(body, "deleteOptions"))
      const pod = yield* verbs.read(state, call)
      const counted = yield* disrupted(state, call, pod)
      const outcome = yield* verbs.removeWith(counted, call, options)
      const dry = options.dryRun || call.query.getAll("dryRun").includes("All")
      return { state: dry ? state : outcome.state, status: 201, object: success }
    })
}

// ---- others

const tokenSeconds = 3600

/** A token as a service account gets it. Nobody can check its signature: it has none. */
const token: Subresource = {
  create: (state, call) =>
    Either.gen(function* () {
      const body = yield* verbs.decode(call, { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" })
      const account = yield* verbs.read(state, call)
      const spec = sub(body, "spec")
      const seconds = spec["expirationSeconds"] ?? tokenSeconds
      const { name = "", namespace = "", uid = "" } = metadataOf(account)
      if (typeof seconds !== "number" || seconds < 600) {
        return yield* Either.left(
          status.invalid({ group: "authentication.k8s.io", kind: "TokenRequest" }, "", [
            status.invalidValue(
              "spec.expirationSeconds",
              JSON.stringify(seconds),
              "may not specify a duration less than 10 minutes"
            )
          ])
        )
      }
      const issued = Math.floor(Date.parse(call.now) / 1000)
      const audiences = isJsonArray(spec["audiences"]) && spec["audiences"].length > 0 ? spec["audiences"] : [issuer]
      const claims = {
        aud: audiences,
        exp: issued + seconds,
        iat: issued,
        iss: issuer,
        jti: call.uid,
        "kubernetes.io": { namespace, serviceaccount: { name, uid } },
        nbf: issued,
        sub: `system:serviceaccount:${String(namespace)}:${String(name)}`
      }
      return {
        state,
        status: 201,
        object: {
          kind: "TokenRequest",
          apiVersion: "authentication.k8s.io/v1",
          metadata: { name, namespace, uid, creationTimestamp: call.now },
          spec: { audiences, expirationSeconds: seconds, boundObjectRef: spec["boundObjectRef"] ?? null },
          status: {
            token: [{ alg: "none", typ: "JWT" }, claims]
              .map((part) => Encoding.encodeBase64Url(JSON.stringify(part)))
              .join(".")
              .concat("."),
            expirationTimestamp: new Date((issued + seconds) * 1000).toISOString().replace(/\.\d+Z$/, "Z")
          }
        }
      }
    })
}

const issuer = "https://kubernetes.default.svc"

/** Ends what keeps a namespace: its spec.finalizers. */
const finalize: Subresource = {
  update: (state, call) =>
    verbs.replace(state, call, (object, old) => ({
      ...old,
      metadata: metadataOf(object),
      spec: { ...sub(old, "spec"), finalizers: sub(object, "spec")["finalizers"] ?? [] }
    }))
}

/** Adds conditions to a signing request. */
const approval = partial((object, old) => ({
  ...old,
  metadata: metadataOf(object),
  status: { ...sub(old, "status"), conditions: sub(object, "status")["conditions"] ?? [] }
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
