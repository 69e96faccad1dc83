/**
 * What the API server makes of new objects before it stores them:
 * [admission controllers](https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/), those that are on by
 * default and need nothing from outside of the cluster.
 */
import * as Either from "effect/Either"
import type { AdmissionName } from "../TestCluster.js"
import { isJsonObject, objectsOf } from "./json.js"
import type { Json, JsonObject } from "./openapi.js"
import { claimProblems, podProblems, withDefaults } from "./limitRanges.js"
import { problem } from "./quotas.js"
import * as status from "./status.js"
import type { Failure } from "./status.js"
import * as store from "./store.js"
import { metadataOf, type State } from "./store.js"
import { at } from "./strategies.js"
import type { Call } from "./verbs.js"

interface Plugin {
  readonly name: AdmissionName
  /** The resource, as the store names it, or `*` for all. */
  readonly resource: string
  readonly admit: (object: JsonObject, call: Call, state: State) => Either.Either<JsonObject, Failure>
}

const text = (value: Json | undefined): string => (typeof value === "string" ? value : "")
const nameOf = (object: JsonObject): string => text(metadataOf(object)["name"])

const withSpec = (object: JsonObject, spec: JsonObject): JsonObject => {
  const before = object["spec"]
  return { ...object, spec: { ...(isJsonObject(before) ? before : {}), ...spec } }
}

const refuse = ({ kind }: Call, object: JsonObject, why: string): Either.Either<never, Failure> =>
  Either.left(status.forbidden(kind, nameOf(object) || text(metadataOf(object)["generateName"]), why))

/** What the kubelet notes on the pods that it has from files. Nobody changes those. */
const isMirror = (pod: JsonObject): boolean =>
  at(pod, "metadata", "annotations", "kubernetes.io/config.mirror") !== undefined

// ---- service accounts

const tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount"
const tokenVolumes = "kube-api-access-"

const tokenVolume = (name: string): JsonObject => ({
  name,
  projected: {
    defaultMode: 420,
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
      { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
      {
        downwardAPI: {
          items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }]
        }
      }
    ]
  }
})

const withToken = (pod: JsonObject, suffix: string): JsonObject => {
  const volumes = objectsOf(at(pod, "spec", "volumes"))
  const known = volumes.map((each) => text(each["name"])).find((each) => each.startsWith(tokenVolumes))
  const name = known ?? tokenVolumes + suffix
  let mounts = false
  const mounted = (key: string): JsonObject => {
    const containers = objectsOf(at(pod, "spec", key))
    return containers.length === 0
      ? {}
      : {
          [key]: containers.map((container) => {
            const own = objectsOf(container["volumeMounts"])
            if (own.some(({ mountPath }) => mountPath === tokenPath)) return container
            mounts = true
            return { ...container, volumeMounts: [...own, { name, readOnly: true, mountPath: tokenPath }] }
          })
        }
  }
  const containers = { ...mounted("initContainers"), ...mounted("containers") }
  return withSpec(pod, {
    ...containers,
    ...(mounts && known === undefined ? { volumes: [...volumes, tokenVolume(name)] } : {})
  })
}

const serviceAccount: Plugin["admit"] = (pod, call, state) => {
  if (isMirror(pod)) return Either.right(pod)
  const { namespace } = call
  const name = text(at(pod, "spec", "serviceAccountName")) || "default"
  const found = store.get(state.objects, { resource: "serviceaccounts", namespace, name })
  // In every namespace there is about to be a default one; a test need not wait for it.
  if (found === undefined && name !== "default") {
    const why = `error looking up service account ${namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`
    return refuse(call, pod, why)
  }
  const named = withSpec(pod, { serviceAccountName: name, serviceAccount: name })
  const automount = at(pod, "spec", "automountServiceAccountToken") ?? found?.["automountServiceAccountToken"] ?? true
  const mounted = automount === true ? withToken(named, call.suffixes.at(-1) ?? "") : named
  const secrets = objectsOf(found?.["imagePullSecrets"])
  return Either.right(
    secrets.length > 0 && objectsOf(at(pod, "spec", "imagePullSecrets")).length === 0
      ? withSpec(mounted, { imagePullSecrets: secrets })
      : mounted
  )
}

// ---- priorities

const classes = "priorityclasses.scheduling.k8s.io"

const priority: Plugin["admit"] = (pod, call, state) => {
  const wanted = text(at(pod, "spec", "priorityClassName"))
  const all = store.list(state.objects, classes, undefined).map(({ object }) => object)
  const found =
    wanted === ""
      ? all
          .filter(({ globalDefault }) => globalDefault === true)
          .toSorted((a, b) => Number(a["value"]) - Number(b["value"]))[0]
      : all.find((each) => nameOf(each) === wanted)
  if (found === undefined && wanted !== "") return refuse(call, pod, `no PriorityClass with name ${wanted} was found`)
  const value = found?.["value"] ?? 0
  const policy = found?.["preemptionPolicy"] ?? "PreemptLowerPriority"
  const [given, givenPolicy] = [at(pod, "spec", "priority"), at(pod, "spec", "preemptionPolicy")]
  if (given !== undefined && given !== value) {
    return refuse(
      call,
      pod,
      `the integer value of priority (${String(given)}) must not be provided in pod spec; priority admission controller computed ${String(value)} from the given PriorityClass name`
    )
  }
  if (givenPolicy !== undefined && givenPolicy !== policy) {
    return refuse(
      call,
      pod,
      `the string value of PreemptionPolicy (${String(givenPolicy)}) must not be provided in pod spec; priority admission controller computed ${String(policy)} from the given PriorityClass name`
    )
  }
  return Either.right(
    withSpec(pod, {
      ...(found === undefined ? {} : { priorityClassName: nameOf(found) }),
      priority: value,
      preemptionPolicy: policy
    })
  )
}

const oneDefault: Plugin["admit"] = (object, call, state) => {
  const other = store
    .list(state.objects, classes, undefined)
    .find(({ object: each }) => each["globalDefault"] === true && nameOf(each) !== nameOf(object))
  return object["globalDefault"] === true && other !== undefined
    ? refuse(
        call,
        object,
        `PriorityClass ${nameOf(other.object)} is already marked as default. Only one default can exist`
      )
    : Either.right(object)
}

// ---- tolerations

const tolerations: Plugin["admit"] = (pod) => {
  const own = objectsOf(at(pod, "spec", "tolerations"))
  const missing = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].filter(
    (key) =>
      !own.some((each) => (!each["key"] || each["key"] === key) && (!each["effect"] || each["effect"] === "NoExecute"))
  )
  return Either.right(
    missing.length === 0
      ? pod
      : withSpec(pod, {
          tolerations: [
            ...own,
            ...missing.map((key) => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 }))
          ]
        })
  )
}

// ---- storage

const defaultClass = "storageclass.kubernetes.io/is-default-class"

const storageClass: Plugin["admit"] = (claim, _call, state) => {
  const beta = at(claim, "metadata", "annotations", "volume.beta.kubernetes.io/storage-class")
  if (at(claim, "spec", "storageClassName") !== undefined || beta !== undefined) return Either.right(claim)
  const born = (object: JsonObject): number => Date.parse(text(metadataOf(object)["creationTimestamp"]))
  const [found] = store
    .list(state.objects, "storageclasses.storage.k8s.io", undefined)
    .map(({ object }) => object)
    .filter((each) => at(each, "metadata", "annotations", defaultClass) === "true")
    .toSorted((a, b) => born(b) - born(a) || (nameOf(a) < nameOf(b) ? -1 : 1))
  return Either.right(found === undefined ? claim : withSpec(claim, { storageClassName: nameOf(found) }))
}

// ---- limits and quotas

const ranges = ({ objects }: State, { namespace }: Call): ReadonlyArray<JsonObject> =>
  store.list(objects, "limitranges", namespace).map(({ object }) => object)

const unless = (problems: ReadonlyArray<string>, object: JsonObject, call: Call): Either.Either<JsonObject, Failure> =>
  problems.length === 0
    ? Either.right(object)
    : refuse(call, object, problems.length === 1 ? problems.join() : `[${problems.join(", ")}]`)

const limitPod: Plugin["admit"] = (pod, call, state) => {
  const all = ranges(state, call)
  const filled = all.reduce(withDefaults, pod)
  return unless(
    all.flatMap((range) => podProblems(filled, range)),
    filled,
    call
  )
}

const limitClaim: Plugin["admit"] = (claim, call, state) =>
  unless(
    ranges(state, call).flatMap((range) => claimProblems(claim, range)),
    claim,
    call
  )

const quota: Plugin["admit"] = (object, call, { objects }) => {
  const why = call.namespace === "" ? undefined : problem(objects, call.kind.storage, call.namespace, object)
  return why === undefined ? Either.right(object) : refuse(call, object, why)
}

/** In the order of the API server. */
const plugins: ReadonlyArray<Plugin> = [
  { name: "LimitRanger", resource: "pods", admit: limitPod },
  { name: "LimitRanger", resource: "persistentvolumeclaims", admit: limitClaim },
  { name: "ServiceAccount", resource: "pods", admit: serviceAccount },
  { name: "Priority", resource: "pods", admit: priority },
  { name: "Priority", resource: classes, admit: oneDefault },
  { name: "DefaultTolerationSeconds", resource: "pods", admit: tolerations },
  { name: "DefaultStorageClass", resource: "persistentvolumeclaims", admit: storageClass },
  { name: "ResourceQuota", resource: "*", admit: quota }
]

/** The single place where a new object passes admission. */
export const admission = (state: State, call: Call, object: JsonObject): Either.Either<JsonObject, Failure> => {
  let result: Either.Either<JsonObject, Failure> = Either.right(object)
  for (const { admit, name, resource } of plugins) {
    if ((resource !== "*" && resource !== call.kind.storage) || !state.admission.has(name)) continue
    result = Either.flatMap(result, (each) => admit(each, call, state))
  }
  return result
}
