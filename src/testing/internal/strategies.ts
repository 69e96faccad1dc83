/** What is particular to the built-in kinds, one row each; everything else is the same for all. */
import type * as Either from "effect/Either"
import { terminated } from "./crdStatus.js"
import type { User } from "./http.js"
import { isJsonArray, isJsonObject, jsonEquals, listOf } from "./json.js"
import type { Json, JsonObject } from "./openapi.js"
import { allocate } from "./services.js"
import { requested } from "./signing.js"
import type { Failure } from "./status.js"
import { metadataOf, withMetadata, type Objects } from "./store.js"

/** When something is written. */
export interface Context {
  /** In RFC 3339, with seconds. */
  readonly now: string
  /** Who writes. */
  readonly user?: User
}

export interface Strategy {
  /** What a name has to be. */
  readonly name: NameRule
  /** What a new generation is made for when it changes. Kinds without it have no generation. */
  readonly generation?: (object: JsonObject) => Json
  /** The object as it is first stored. */
  readonly create?: (object: JsonObject, context: Context) => JsonObject
  /** The object as it is stored by an update of the whole, after `status` was kept. */
  readonly update?: (object: JsonObject, old: JsonObject, context: Context) => JsonObject
  /** Gives an object, before it is checked, what the cluster has only once: addresses, ports. */
  readonly allocate?: (
    object: JsonObject,
    old: JsonObject | undefined,
    objects: Objects
  ) => Either.Either<JsonObject, Failure>
  /** The object as it is stored by a write of its status. */
  readonly updateStatus?: (object: JsonObject, old: JsonObject) => JsonObject
  /** Whether a PUT to a name that does not exist creates. */
  readonly createOnUpdate?: boolean
  /** Whether an update has to say which resource version it replaces. */
  readonly versionedUpdate?: boolean
  /** Whether the answer to a delete is the object. */
  readonly returnsDeleted?: boolean
  /** What happens to dependents unless the request says. Default: `Background`. */
  readonly propagation?: "Orphan"
  /** The object as its first delete leaves it, where that is not as for all others. */
  readonly terminate?: (object: JsonObject, context: Context) => JsonObject
  /** The seconds that an object goes on after its delete, given those of the request. Default: none. */
  readonly grace?: (object: JsonObject, requested: number | undefined) => number
  /** Field selectors beyond `metadata.name` and `metadata.namespace`. */
  readonly fields?: FieldSelectors
}

export interface FieldSelectors {
  /** The value that a label stands for; the labels not here are not supported. */
  readonly values: { readonly [label: string]: (object: JsonObject) => string }
  /** What the API server says of another label. */
  readonly unsupported: (label: string) => string
}

/** What names are: the rule of the kind's names, as apimachinery calls it. */
export type NameRule = "subdomain" | "label" | "label1035" | "path" | "ip"

/** The value at a path of keys, or undefined. */
export const at = (object: Json | undefined, ...path: ReadonlyArray<string>): Json | undefined => {
  let value = object
  for (const key of path) value = isJsonObject(value) ? value[key] : undefined
  return value
}

/** The list at a path of keys; without items where there is none. */
export const listAt = (object: Json | undefined, ...path: ReadonlyArray<string>): ReadonlyArray<Json> =>
  listOf(at(object, ...path))

const textAt =
  (...path: ReadonlyArray<string>) =>
  (object: JsonObject): string => {
    const value = at(object, ...path)
    return value === undefined || value === null ? "" : String(value)
  }

const flagAt =
  (...path: ReadonlyArray<string>) =>
  (object: JsonObject): string =>
    String(at(object, ...path) === true)

const numberAt =
  (...path: ReadonlyArray<string>) =>
  (object: JsonObject): string =>
    String(at(object, ...path) ?? 0)

const spec = (object: JsonObject): Json => object["spec"] ?? null

/** All of it but metadata and status. */
const content = (object: JsonObject): Json => {
  const { metadata: _metadata, status: _status, ...rest } = object
  return rest
}

const statusOf =
  (status: JsonObject) =>
  (object: JsonObject): JsonObject => ({ ...object, status })

const unsupported = (label: string): string => `field label not supported: ${label}`

const metadataName = { "metadata.name": textAt("metadata", "name") }
const metadataFields = { ...metadataName, "metadata.namespace": textAt("metadata", "namespace") }

const reference = (name: string): FieldSelectors["values"] =>
  Object.fromEntries(
    ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].map((key) => [
      `${name}.${key}`,
      textAt("involvedObject", key)
    ])
  )

const eventSource = (object: JsonObject): string =>
  textAt("source", "component")(object) || textAt("reportingComponent")(object)

const resourceLists = (container: Json): ReadonlyArray<JsonObject> =>
  ["requests", "limits"].map((name) => {
    const list = at(container, "resources", name)
    return isJsonObject(list) ? list : {}
  })

const counted = ["cpu", "memory"]

/** [Quality of service](https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/): BestEffort, Burstable or Guaranteed. */
export const qosClass = (pod: JsonObject): string => {
  const containers = [...listAt(pod, "spec", "containers"), ...listAt(pod, "spec", "initContainers")].map(resourceLists)
  if (containers.every((lists) => lists.every((list) => counted.every((name) => list[name] === undefined)))) {
    return "BestEffort"
  }
  return containers.every(([requests = {}, limits = {}]) =>
    counted.every(
      (name) => limits[name] !== undefined && jsonEquals(requests[name] ?? limits[name] ?? null, limits[name] ?? null)
    )
  )
    ? "Guaranteed"
    : "Burstable"
}

/** A pod that something else has to let go before it is scheduled says so. */
const gated = (pod: JsonObject, now: string): JsonObject => {
  const gates = at(pod, "spec", "schedulingGates")
  return isJsonArray(gates) && gates.length > 0
    ? {
        conditions: [
          {
            type: "PodScheduled",
            status: "False",
            lastProbeTime: null,
            lastTransitionTime: now,
            reason: "SchedulingGated",
            message: "Scheduling is blocked due to non-empty scheduling gates"
          }
        ]
      }
    : {}
}

/** A pod that has to end before it is told to ends as soon as can be. */
const withLeastGrace = (pod: JsonObject): JsonObject => {
  const spec = pod["spec"]
  const grace = at(spec, "terminationGracePeriodSeconds")
  return isJsonObject(spec) && typeof grace === "number" && grace < 0
    ? { ...pod, spec: { ...spec, terminationGracePeriodSeconds: 1 } }
    : pod
}

/** A status that does not say what quality of service its pod has leaves it as it is. */
const keepingQuality = (pod: JsonObject, old: JsonObject): JsonObject => {
  const [quality, before] = [at(pod, "status", "qosClass"), at(old, "status", "qosClass")]
  return quality || before === undefined
    ? pod
    : { ...pod, status: { ...(isJsonObject(pod["status"]) ? pod["status"] : {}), qosClass: before } }
}

const defaultGrace = 30

const podGrace = (pod: JsonObject, requested: number | undefined): number => {
  const phase = at(pod, "status", "phase")
  // A pod that no kubelet runs goes at once.
  if ((at(pod, "spec", "nodeName") ?? "") === "" || phase === "Succeeded" || phase === "Failed") return 0
  const own = at(pod, "spec", "terminationGracePeriodSeconds")
  const period = requested ?? (typeof own === "number" ? own : defaultGrace)
  return period < 0 ? 1 : period
}

/** A namespace carries its name as a label, and says who has to finish before it goes. */
const namespace = (object: JsonObject): JsonObject => {
  const metadata = metadataOf(object)
  const labels = metadata["labels"]
  const finalizers = at(object, "spec", "finalizers")
  return {
    ...withMetadata(object, {
      labels: { ...(isJsonObject(labels) ? labels : {}), "kubernetes.io/metadata.name": metadata["name"] ?? "" }
    }),
    spec: {
      ...(isJsonObject(object["spec"]) ? object["spec"] : {}),
      finalizers: withOwnFinalizer(listOf(finalizers))
    }
  }
}

const withOwnFinalizer = (finalizers: ReadonlyArray<Json>): ReadonlyArray<Json> =>
  finalizers.includes("kubernetes") ? finalizers : [...finalizers, "kubernetes"]

const withFinalizer =
  (finalizer: string) =>
  (object: JsonObject): JsonObject => {
    const own = metadataOf(object)["finalizers"]
    const finalizers = listOf(own)
    return finalizers.includes(finalizer) ? object : withMetadata(object, { finalizers: [...finalizers, finalizer] })
  }

/** Labels and finalizers of a namespace are its own; its content is spec.finalizers, which only `finalize` changes. */
const keepingSpec = (object: JsonObject, old: JsonObject): JsonObject => ({ ...object, spec: old["spec"] ?? {} })

/** No feature elects leaders by agreement yet, so what it needs is not kept. */
const withoutElection = (object: JsonObject): JsonObject => {
  const spec = object["spec"]
  if (!isJsonObject(spec)) return object
  const { preferredHolder: _holder, strategy: _strategy, ...rest } = spec
  return { ...object, spec: rest }
}

/** What a claim may be filled from without saying so in `dataSourceRef`; anything else is dropped. */
const isOldSource = (source: JsonObject): boolean => {
  const group = source["apiGroup"] ?? ""
  return source["kind"] === "PersistentVolumeClaim"
    ? group === ""
    : source["kind"] === "VolumeSnapshot" && group === "snapshot.storage.k8s.io"
}

/** Where a claim is filled from is said in two fields. */
const withBothSources = (object: JsonObject): JsonObject => {
  const given = object["spec"]
  if (!isJsonObject(given)) return object
  const { dataSource, dataSourceRef, ...rest } = given
  if (isJsonObject(dataSourceRef)) {
    const { namespace = "", ...local } = dataSourceRef
    return isJsonObject(dataSource) || namespace !== "" ? object : { ...object, spec: { ...given, dataSource: local } }
  }
  if (!isJsonObject(dataSource)) return object
  const spec = isOldSource(dataSource) ? { ...given, dataSourceRef: dataSource } : rest
  return { ...object, spec }
}

const templateGeneration = "deprecated.daemonset.template.generation"

/** A DaemonSet counts the versions of its template beside its own. */
const withTemplateGeneration = (object: JsonObject, old: JsonObject): JsonObject => {
  const before = Number(at(old, "metadata", "annotations", templateGeneration) ?? 0)
  const same = jsonEquals(at(object, "spec", "template") ?? null, at(old, "spec", "template") ?? null)
  const annotations = at(object, "metadata", "annotations")
  return withMetadata(object, {
    annotations: {
      ...(isJsonObject(annotations) ? annotations : {}),
      [templateGeneration]: String(same ? before : before + 1)
    }
  })
}

/** A definition remembers every version that was once the one to store. */
const withStoredVersion = (object: JsonObject): JsonObject => {
  const versions = at(object, "spec", "versions")
  const storage = isJsonArray(versions) ? versions.find((version) => at(version, "storage") === true) : undefined
  const [name, known] = [at(storage, "name"), at(object, "status", "storedVersions")]
  const stored = listOf(known)
  return name === undefined || stored.includes(name)
    ? object
    : {
        ...object,
        status: { ...(isJsonObject(object["status"]) ? object["status"] : {}), storedVersions: [...stored, name] }
      }
}

const named = (name: NameRule, more: Omit<Strategy, "name"> = {}): Strategy => ({ name, ...more })

const rbac = named("path", { createOnUpdate: true })
const versioned = named("subdomain", { versionedUpdate: true })
const workload = named("subdomain", { generation: spec })
const policy = named("subdomain", { generation: content, versionedUpdate: true })
const returned = named("subdomain", { returnsDeleted: true })

const event = (selectors: FieldSelectors["values"]): Strategy =>
  named("subdomain", { createOnUpdate: true, fields: { values: { ...metadataFields, ...selectors }, unsupported } })

const ordinary: Strategy = named("subdomain")

const strategies: { readonly [groupKind: string]: Strategy } = {
  Endpoints: named("subdomain", { createOnUpdate: true }),
  Event: event({
    ...reference("involvedObject"),
    reason: textAt("reason"),
    reportingComponent: textAt("reportingComponent"),
    source: eventSource,
    type: textAt("type")
  }),
  "Event.events.k8s.io": event({
    ...reference("regarding"),
    reason: textAt("reason"),
    reportingController: textAt("reportingComponent"),
    type: textAt("type")
  }),
  LimitRange: named("subdomain", { createOnUpdate: true }),
  Namespace: named("label", {
    create: (object) => statusOf({ phase: "Active" })(namespace(object)),
    update: keepingSpec,
    returnsDeleted: true,
    fields: {
      values: { ...metadataName, "status.phase": textAt("status", "phase"), name: textAt("metadata", "name") },
      unsupported
    }
  }),
  Node: named("subdomain", {
    fields: {
      values: { ...metadataName, "spec.unschedulable": flagAt("spec", "unschedulable") },
      unsupported
    }
  }),
  PersistentVolume: named("subdomain", {
    create: (object, { now }) =>
      withFinalizer("kubernetes.io/pv-protection")(
        statusOf({ phase: "Pending", lastPhaseTransitionTime: now })(object)
      ),
    returnsDeleted: true
  }),
  PersistentVolumeClaim: named("subdomain", {
    create: (object) =>
      withFinalizer("kubernetes.io/pvc-protection")(statusOf({ phase: "Pending" })(withBothSources(object))),
    returnsDeleted: true
  }),
  Pod: named("subdomain", {
    generation: spec,
    create: (object, { now }) =>
      statusOf({ phase: "Pending", ...gated(object, now), qosClass: qosClass(object) })(withLeastGrace(object)),
    update: withLeastGrace,
    updateStatus: keepingQuality,
    returnsDeleted: true,
    grace: podGrace,
    fields: {
      values: {
        ...metadataFields,
        "spec.nodeName": textAt("spec", "nodeName"),
        "spec.restartPolicy": textAt("spec", "restartPolicy"),
        "spec.schedulerName": textAt("spec", "schedulerName"),
        "spec.serviceAccountName": textAt("spec", "serviceAccountName"),
        "spec.hostNetwork": flagAt("spec", "hostNetwork"),
        "status.phase": textAt("status", "phase"),
        "status.podIP": textAt("status", "podIP"),
        "status.podIPs": textAt("status", "podIP"),
        "status.nominatedNodeName": textAt("status", "nominatedNodeName")
      },
      unsupported
    }
  }),
  PodTemplate: named("subdomain", { generation: content, returnsDeleted: true }),
  ReplicationController: named("subdomain", {
    generation: spec,
    create: statusOf({ replicas: 0 }),
    propagation: "Orphan",
    fields: {
      values: { ...metadataFields, "status.replicas": numberAt("status", "replicas") },
      unsupported
    }
  }),
  ResourceQuota: returned,
  Secret: named("subdomain", { fields: { values: { ...metadataFields, type: textAt("type") }, unsupported } }),
  ServiceAccount: returned,
  Service: named("label1035", {
    allocate,
    create: statusOf({ loadBalancer: {} }),
    createOnUpdate: true,
    returnsDeleted: true,
    fields: {
      values: {
        ...metadataFields,
        "spec.clusterIP": textAt("spec", "clusterIP"),
        "spec.type": textAt("spec", "type")
      },
      unsupported
    }
  }),
  "MutatingWebhookConfiguration.admissionregistration.k8s.io": policy,
  "ValidatingAdmissionPolicy.admissionregistration.k8s.io": policy,
  "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io": policy,
  "ValidatingWebhookConfiguration.admissionregistration.k8s.io": policy,
  "CustomResourceDefinition.apiextensions.k8s.io": named("subdomain", {
    generation: spec,
    versionedUpdate: true,
    returnsDeleted: true,
    create: (object) =>
      withStoredVersion(
        statusOf({ conditions: null, acceptedNames: { plural: "", kind: "" }, storedVersions: [] })(object)
      ),
    update: withStoredVersion,
    terminate: (object, { now }) => terminated(object, now)
  }),
  "APIService.apiregistration.k8s.io": named("path", { versionedUpdate: true }),
  "ControllerRevision.apps": ordinary,
  "DaemonSet.apps": named("subdomain", {
    generation: spec,
    update: withTemplateGeneration,
    create: statusOf({ currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 })
  }),
  "Deployment.apps": named("subdomain", {
    generation: (object) => [spec(object), metadataOf(object)["annotations"] ?? {}]
  }),
  "ReplicaSet.apps": named("subdomain", { generation: spec, create: statusOf({ replicas: 0 }) }),
  "StatefulSet.apps": named("label", {
    generation: spec,
    create: statusOf({ replicas: 0, availableReplicas: 0 })
  }),
  "HorizontalPodAutoscaler.autoscaling": named("subdomain", {
    create: statusOf({ desiredReplicas: 0, currentMetrics: null })
  }),
  "CronJob.batch": workload,
  "Job.batch": named("subdomain", {
    generation: spec,
    propagation: "Orphan",
    fields: {
      values: { ...metadataFields, "status.successful": numberAt("status", "succeeded") },
      unsupported: (label) => `field label ${JSON.stringify(label)} not supported for Job`
    }
  }),
  "CertificateSigningRequest.certificates.k8s.io": named("path", {
    create: (object, { user }) => requested(object, user),
    update: (object, old) => ({ ...object, ...(old["spec"] === undefined ? {} : { spec: old["spec"] }) }),
    fields: { values: { ...metadataName, "spec.signerName": textAt("spec", "signerName") }, unsupported }
  }),
  "Lease.coordination.k8s.io": named("subdomain", {
    create: withoutElection,
    update: withoutElection,
    createOnUpdate: true,
    versionedUpdate: true
  }),
  "EndpointSlice.discovery.k8s.io": named("subdomain", {
    generation: (object) => [content(object), metadataOf(object)["labels"] ?? {}]
  }),
  "FlowSchema.flowcontrol.apiserver.k8s.io": workload,
  "PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io": workload,
  "IngressClass.networking.k8s.io": workload,
  "Ingress.networking.k8s.io": named("subdomain", { generation: spec, create: statusOf({ loadBalancer: {} }) }),
  "IPAddress.networking.k8s.io": named("ip"),
  "NetworkPolicy.networking.k8s.io": workload,
  "ServiceCIDR.networking.k8s.io": named("subdomain"),
  "RuntimeClass.node.k8s.io": named("subdomain", { createOnUpdate: true, versionedUpdate: true }),
  "PodDisruptionBudget.policy": named("path", {
    generation: spec,
    versionedUpdate: true,
    create: statusOf({ disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 })
  }),
  "ClusterRole.rbac.authorization.k8s.io": rbac,
  "ClusterRoleBinding.rbac.authorization.k8s.io": rbac,
  "Role.rbac.authorization.k8s.io": rbac,
  "RoleBinding.rbac.authorization.k8s.io": rbac,
  "DeviceClass.resource.k8s.io": named("subdomain", { generation: spec, returnsDeleted: true }),
  "ResourceClaim.resource.k8s.io": returned,
  "ResourceClaimTemplate.resource.k8s.io": returned,
  "ResourceSlice.resource.k8s.io": named("subdomain", {
    generation: spec,
    returnsDeleted: true,
    fields: {
      values: {
        ...metadataName,
        "spec.nodeName": textAt("spec", "nodeName"),
        "spec.driver": textAt("spec", "driver")
      },
      unsupported: (label) => `field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: ${label}`
    }
  }),
  // Its value cannot change, so neither does its generation.
  "PriorityClass.scheduling.k8s.io": named("subdomain", { generation: (object) => object["value"] ?? 0 }),
  "CSIDriver.storage.k8s.io": named("subdomain", { versionedUpdate: true, returnsDeleted: true }),
  "CSINode.storage.k8s.io": named("subdomain", { versionedUpdate: true, returnsDeleted: true }),
  "CSIStorageCapacity.storage.k8s.io": versioned,
  "StorageClass.storage.k8s.io": returned,
  "VolumeAttachment.storage.k8s.io": named("subdomain", {
    create: statusOf({ attached: false }),
    versionedUpdate: true,
    returnsDeleted: true
  }),
  "VolumeAttributesClass.storage.k8s.io": named("subdomain", {
    create: withFinalizer("kubernetes.io/vac-protection"),
    returnsDeleted: true
  })
}

/** The strategy of a built-in kind. */
export const strategyOf = ({ group, kind }: { readonly group: string; readonly kind: string }): Strategy =>
  strategies[group === "" ? kind : `${kind}.${group}`] ?? ordinary

/** The strategy of a custom kind. Its generation counts every change of its content: of the status too, if that is no subresource. */
export const customStrategy = (fields: FieldSelectors, hasStatus: boolean): Strategy =>
  named("subdomain", {
    generation: (object) => {
      const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, status = null, ...rest } = object
      return hasStatus ? rest : [rest, status]
    },
    versionedUpdate: true,
    returnsDeleted: false,
    fields
  })
