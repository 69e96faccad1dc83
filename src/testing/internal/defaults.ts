/**
 * What the API server fills in when an object says nothing: the defaults of each type of the built-in kinds, wherever it is
 * used, and what follows for the object as a whole.
 */
import { definitionOf } from "./decodeFacts.js"
import { quantityOf, quantityText, roundedUp } from "./decodeQuantity.js"
import { isJsonArray, isJsonObject, listOf } from "./json.js"
import { resolve, schemaOf, type GroupVersionKind, type Json, type JsonObject, type OpenApi } from "./openapi.js"

type Rule = (object: JsonObject) => JsonObject

/** What is not there; of what is there nothing changes. */
const absent =
  (defaults: JsonObject): Rule =>
  (object) => ({
    ...object,
    ...Object.fromEntries(Object.entries(defaults).map(([key, value]) => [key, object[key] ?? value]))
  })

const part = (object: JsonObject, key: string): JsonObject => {
  const value = object[key]
  return isJsonObject(value) ? value : {}
}

const items = (object: JsonObject, key: string): ReadonlyArray<Json> => listOf(object[key])

const within =
  (key: string, rule: Rule): Rule =>
  (object) => ({ ...object, [key]: rule(part(object, key)) })

const chain =
  (...rules: ReadonlyArray<Rule>): Rule =>
  (object) =>
    rules.reduce((result, rule) => rule(result), object)

/** A rule for each object of a list that is there. */
const each =
  (key: string, rule: Rule): Rule =>
  (object) => {
    const list = object[key]
    return isJsonArray(list)
      ? { ...object, [key]: list.map((item) => (isJsonObject(item) ? rule(item) : item)) }
      : object
  }

const domain =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::\d+)?$/
const component = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/

/** `Always` for images that move: those with the tag `latest`, or with none. */
const pullPolicy = (image: Json | undefined): string => {
  const text = typeof image === "string" ? image : ""
  const [, name = "", tag, digest] =
    /^(.+?)(?::(\w[\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$/.exec(
      text
    ) ?? []
  const [first = "", ...rest] = name.split("/")
  const path =
    rest.length > 0 &&
    domain.test(first) &&
    (/[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase())
      ? rest
      : [first, ...rest]
  const valid = path.every((each) => component.test(each)) && !/^[a-f0-9]{64}$/.test(text)
  if (!valid) return "IfNotPresent"
  return tag === "latest" || (tag === undefined && digest === undefined) ? "Always" : "IfNotPresent"
}

const container: Rule = (object) => ({
  imagePullPolicy: pullPolicy(object["image"]),
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
  ...object
})

const resourceList = (list: Json | undefined): JsonObject => (isJsonObject(list) ? list : {})

/** What a container may use at most is what it asks for, unless it says. */
const requests: Rule = (object) => {
  const resources = part(object, "resources")
  const limits = resources["limits"]
  return isJsonObject(limits)
    ? { ...object, resources: { ...resources, requests: { ...limits, ...resourceList(resources["requests"]) } } }
    : object
}

const hostPorts: Rule = each("ports", (port) => ({ ...port, hostPort: port["hostPort"] ?? port["containerPort"] ?? 0 }))

const pod: Rule = within(
  "spec",
  chain(each("containers", requests), each("initContainers", requests), absent({ enableServiceLinks: true }), (spec) =>
    spec["hostNetwork"] === true ? chain(each("containers", hostPorts), each("initContainers", hostPorts))(spec) : spec
  )
)

const dedicated = ["name"]

const volume: Rule = (object) =>
  Object.keys(object).every((key) => dedicated.includes(key)) ? { ...object, emptyDir: {} } : object

const service: Rule = within("spec", (given) => {
  const spec: JsonObject = { sessionAffinity: "None", type: "ClusterIP", ...given }
  const { sessionAffinityConfig, ...rest } = spec
  const type = spec["type"]
  const external =
    type === "NodePort" || type === "LoadBalancer" || (type === "ClusterIP" && items(spec, "externalIPs").length > 0)
  const timeout = part(resourceList(sessionAffinityConfig), "clientIP")["timeoutSeconds"]
  return {
    ...(external ? { externalTrafficPolicy: "Cluster" } : {}),
    ...(type === "NodePort" || type === "LoadBalancer" || type === "ClusterIP"
      ? { internalTrafficPolicy: "Cluster" }
      : {}),
    ...(type === "LoadBalancer" ? { allocateLoadBalancerNodePorts: true } : {}),
    ...rest,
    ...(spec["sessionAffinity"] === "ClientIP"
      ? {
          sessionAffinityConfig:
            timeout === undefined ? { clientIP: { timeoutSeconds: 10800 } } : (sessionAffinityConfig ?? {})
        }
      : spec["sessionAffinity"] === "None" || sessionAffinityConfig === undefined
        ? {}
        : { sessionAffinityConfig })
  }
})

const servicePort: Rule = (port) => {
  const target = port["targetPort"] ?? 0
  return { protocol: "TCP", ...port, targetPort: target === 0 || target === "" ? (port["port"] ?? 0) : target }
}

const loadBalancer: Rule = (object) =>
  part(object, "spec")["type"] === "LoadBalancer"
    ? within(
        "status",
        within(
          "loadBalancer",
          each("ingress", (ingress) => (ingress["ip"] ? { ipMode: "VIP", ...ingress } : ingress))
        )
      )(object)
    : object

const rolling = (field: string, defaults: JsonObject): Rule =>
  within(field, (given) => {
    const strategy: JsonObject = { type: "RollingUpdate", ...given }
    return strategy["type"] === "RollingUpdate" ? within("rollingUpdate", absent(defaults))(strategy) : strategy
  })

const statefulSet: Rule = within(
  "spec",
  chain(
    absent({ podManagementPolicy: "OrderedReady", replicas: 1, revisionHistoryLimit: 10 }),
    within("persistentVolumeClaimRetentionPolicy", absent({ whenDeleted: "Retain", whenScaled: "Retain" })),
    within("updateStrategy", (given) => {
      const strategy: JsonObject =
        given["type"] === undefined ? { type: "RollingUpdate", rollingUpdate: {}, ...given } : given
      return strategy["type"] === "RollingUpdate" && strategy["rollingUpdate"] !== undefined
        ? within("rollingUpdate", absent({ partition: 0 }))(strategy)
        : strategy
    })
  )
)

/** Labels of the template are those of an object that has none. */
const labelled: Rule = (object) => {
  const labels = part(part(part(object, "spec"), "template"), "metadata")["labels"]
  return labels === undefined || Object.keys(part(part(object, "metadata"), "labels")).length > 0
    ? object
    : within("metadata", (metadata) => ({ ...metadata, labels }))(object)
}

const job: Rule = chain(
  within("spec", (spec) => ({
    ...(spec["completions"] === undefined && spec["parallelism"] === undefined ? { completions: 1 } : {}),
    parallelism: 1,
    backoffLimit: spec["backoffLimitPerIndex"] === undefined ? 6 : 2147483647,
    completionMode: "NonIndexed",
    suspend: false,
    podReplacementPolicy: spec["podFailurePolicy"] === undefined ? "TerminatingOrFailed" : "Failed",
    manualSelector: false,
    ...spec
  })),
  labelled
)

const replicationController: Rule = (object) => {
  const spec = part(object, "spec")
  const labels = part(part(spec, "template"), "metadata")["labels"]
  return labelled({
    ...object,
    spec: { ...(labels === undefined ? {} : { selector: labels }), replicas: 1, ...spec }
  })
}

const autoscaler: Rule = within("spec", (spec) => ({
  minReplicas: 1,
  ...spec,
  metrics:
    items(spec, "metrics").length > 0
      ? items(spec, "metrics")
      : [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } }],
  ...(isJsonObject(spec["behavior"])
    ? {
        behavior: chain(
          within(
            "scaleUp",
            absent({
              stabilizationWindowSeconds: 0,
              selectPolicy: "Max",
              policies: [
                { type: "Pods", value: 4, periodSeconds: 15 },
                { type: "Percent", value: 100, periodSeconds: 15 }
              ]
            })
          ),
          within(
            "scaleDown",
            absent({ selectPolicy: "Max", policies: [{ type: "Percent", value: 100, periodSeconds: 15 }] })
          )
        )(spec["behavior"])
      }
    : {})
}))

const networkPolicy: Rule = within("spec", (spec) => ({
  ...spec,
  policyTypes:
    items(spec, "policyTypes").length > 0
      ? items(spec, "policyTypes")
      : ["Ingress", ...(items(spec, "egress").length > 0 ? ["Egress"] : [])]
}))

const limitRangeItem: Rule = (item) => {
  if (item["type"] !== "Container") return item
  const limits = { ...part(item, "max"), ...part(item, "default") }
  const asked = { ...part(item, "min"), ...limits, ...part(item, "defaultRequest") }
  return {
    ...item,
    ...(Object.keys(limits).length > 0 ? { default: limits } : {}),
    ...(Object.keys(asked).length > 0 ? { defaultRequest: asked } : {})
  }
}

const matching = { matchPolicy: "Equivalent", namespaceSelector: {}, objectSelector: {} }
const webhook = { failurePolicy: "Fail", timeoutSeconds: 10, ...matching }

const customResource: Rule = chain(
  within(
    "spec",
    chain(
      within("names", (names) => {
        const kind = names["kind"]
        return typeof kind === "string" && kind !== ""
          ? { singular: kind.toLowerCase(), listKind: `${kind}List`, ...names }
          : names
      }),
      absent({ conversion: { strategy: "None" } })
    )
  ),
  (object) => {
    const stored = items(part(object, "spec"), "versions").find(
      (version) => isJsonObject(version) && version["storage"] === true
    )
    return items(part(object, "status"), "storedVersions").length === 0 && isJsonObject(stored)
      ? within("status", (status) => ({ ...status, storedVersions: [stored["name"] ?? ""] }))(object)
      : object
  }
)

const rbac = "rbac.authorization.k8s.io"

const namespace: Rule = (object) => {
  const { name } = part(object, "metadata")
  return typeof name === "string" && name !== ""
    ? within(
        "metadata",
        within("labels", (labels) => ({ ...labels, "kubernetes.io/metadata.name": name }))
      )(object)
    : object
}

/** Secrets may be written as text; they are kept as bytes, and the text is what counts. */
const secret: Rule = ({ stringData, ...object }) => {
  const texts = isJsonObject(stringData)
    ? Object.fromEntries(
        Object.entries(stringData).map(([key, text]) => [key, Buffer.from(String(text)).toString("base64")])
      )
    : {}
  const data = { ...part(object, "data"), ...texts }
  return { type: "Opaque", ...object, ...(Object.keys(data).length > 0 ? { data } : {}) }
}

const deviceRequest: Rule = (request) => {
  const mode = request["allocationMode"] ?? "ExactCount"
  return { ...request, allocationMode: mode, ...(mode === "ExactCount" ? { count: request["count"] ?? 1 } : {}) }
}

const mode = absent({ defaultMode: 420 })
const rule = absent({ scope: "*" })

/** By the definition in the OpenAPI, from the outside to the inside. */
const rules: { readonly [definition: string]: Rule | undefined } = {
  "core.v1.ReplicationController": replicationController,
  "core.v1.Volume": volume,
  "core.v1.ImageVolumeSource": (image) => ({ pullPolicy: pullPolicy(image["reference"]), ...image }),
  "core.v1.Container": container,
  "core.v1.EphemeralContainer": container,
  "core.v1.Service": chain(service, loadBalancer),
  "core.v1.ServicePort": servicePort,
  "core.v1.Pod": pod,
  "core.v1.PodSpec": absent({
    dnsPolicy: "ClusterFirst",
    restartPolicy: "Always",
    securityContext: {},
    terminationGracePeriodSeconds: 30,
    schedulerName: "default-scheduler"
  }),
  "core.v1.Probe": absent({ timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 }),
  "core.v1.GRPCAction": absent({ service: "" }),
  "core.v1.SecretVolumeSource": mode,
  "core.v1.ConfigMapVolumeSource": mode,
  "core.v1.DownwardAPIVolumeSource": mode,
  "core.v1.ProjectedVolumeSource": mode,
  "core.v1.ServiceAccountTokenProjection": absent({ expirationSeconds: 3600 }),
  "core.v1.HostPathVolumeSource": absent({ type: "" }),
  "core.v1.Secret": secret,
  "core.v1.PersistentVolume": chain(
    within("spec", absent({ persistentVolumeReclaimPolicy: "Retain", volumeMode: "Filesystem" })),
    within("status", absent({ phase: "Pending" }))
  ),
  "core.v1.PersistentVolumeClaim": within("status", absent({ phase: "Pending" })),
  "core.v1.PersistentVolumeClaimSpec": absent({ volumeMode: "Filesystem" }),
  "core.v1.EndpointPort": absent({ protocol: "TCP" }),
  "core.v1.HTTPGetAction": absent({ path: "/", scheme: "HTTP" }),
  "core.v1.Namespace": namespace,
  "core.v1.NamespaceStatus": absent({ phase: "Active" }),
  "core.v1.NodeStatus": (status) =>
    status["capacity"] === undefined ? status : { allocatable: status["capacity"], ...status },
  "core.v1.ObjectFieldSelector": absent({ apiVersion: "v1" }),
  "core.v1.LimitRangeItem": limitRangeItem,
  "apps.v1.Deployment": within(
    "spec",
    chain(
      absent({ replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 }),
      rolling("strategy", { maxUnavailable: "25%", maxSurge: "25%" })
    )
  ),
  "apps.v1.DaemonSet": chain(
    within(
      "spec",
      chain(absent({ revisionHistoryLimit: 10 }), rolling("updateStrategy", { maxUnavailable: 1, maxSurge: 0 }))
    ),
    // A field of the API server's own, that is in no version.
    within("metadata", within("annotations", absent({ "deprecated.daemonset.template.generation": "0" })))
  ),
  "apps.v1.StatefulSet": statefulSet,
  "apps.v1.ReplicaSet": within("spec", absent({ replicas: 1 })),
  "batch.v1.Job": job,
  "batch.v1.CronJob": within(
    "spec",
    absent({ concurrencyPolicy: "Allow", suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 })
  ),
  "batch.v1.PodFailurePolicyOnPodConditionsPattern": (pattern) => ({ ...pattern, status: pattern["status"] || "True" }),
  // The metrics that this version does not know are in an annotation.
  "autoscaling.v1.HorizontalPodAutoscaler": (object) =>
    within(
      "spec",
      absent({
        minReplicas: 1,
        ...(part(part(object, "metadata"), "annotations")["autoscaling.alpha.kubernetes.io/metrics"] === undefined
          ? { targetCPUUtilizationPercentage: 80 }
          : {})
      })
    )(object),
  "autoscaling.v2.HorizontalPodAutoscaler": autoscaler,
  "networking.v1.NetworkPolicyPort": absent({ protocol: "TCP" }),
  "networking.v1.NetworkPolicy": networkPolicy,
  "networking.v1.IngressClassParametersReference": absent({ scope: "Cluster" }),
  "discovery.v1.EndpointPort": absent({ name: "", protocol: "TCP" }),
  "rbac.v1.RoleRef": (reference) => ({ ...reference, apiGroup: reference["apiGroup"] || rbac }),
  "rbac.v1.Subject": (subject) =>
    subject["kind"] === "User" || subject["kind"] === "Group" ? { apiGroup: rbac, ...subject } : subject,
  "storage.v1.StorageClass": absent({ reclaimPolicy: "Delete", volumeBindingMode: "Immediate" }),
  "storage.v1.CSIDriver": within(
    "spec",
    absent({
      attachRequired: true,
      podInfoOnMount: false,
      storageCapacity: false,
      fsGroupPolicy: "ReadWriteOnceWithFSType",
      volumeLifecycleModes: ["Persistent"],
      requiresRepublish: false,
      seLinuxMount: false
    })
  ),
  "admissionregistration.v1.ValidatingWebhook": absent(webhook),
  "admissionregistration.v1.MutatingWebhook": absent({ ...webhook, reinvocationPolicy: "Never" }),
  "admissionregistration.v1.RuleWithOperations": rule,
  "admissionregistration.v1.NamedRuleWithOperations": rule,
  "admissionregistration.v1.ServiceReference": absent({ port: 443 }),
  "admissionregistration.v1.ValidatingAdmissionPolicySpec": absent({ failurePolicy: "Fail" }),
  "admissionregistration.v1.MatchResources": absent(matching),
  "flowcontrol.v1.FlowSchemaSpec": (spec) => ({ ...spec, matchingPrecedence: spec["matchingPrecedence"] || 1000 }),
  "flowcontrol.v1.ExemptPriorityLevelConfiguration": absent({ nominalConcurrencyShares: 0, lendablePercent: 0 }),
  "flowcontrol.v1.LimitedPriorityLevelConfiguration": absent({ nominalConcurrencyShares: 30, lendablePercent: 0 }),
  "flowcontrol.v1.QueuingConfiguration": (queuing) => ({
    ...queuing,
    handSize: queuing["handSize"] || 8,
    queues: queuing["queues"] || 64,
    queueLengthLimit: queuing["queueLengthLimit"] || 50
  }),
  "scheduling.v1.PriorityClass": absent({ preemptionPolicy: "PreemptLowerPriority" }),
  "resource.v1.ExactDeviceRequest": deviceRequest,
  "resource.v1.DeviceSubRequest": deviceRequest,
  "apiextensions.v1.CustomResourceDefinition": customResource,
  "apiextensions.v1.ServiceReference": absent({ port: 443 }),
  "apiregistration.v1.ServiceReference": absent({ port: 443 })
}

/** `core.v1.Pod` of `io.k8s.api.core.v1.Pod`. */
const shortName = (definition: string): string => definition.split(".").slice(-3).join(".")

const quantity = "io.k8s.apimachinery.pkg.api.resource.Quantity"

const walk = (value: Json, schema: OpenApi): Json => {
  const definition = definitionOf(schema)
  const resolved = resolve(schema)
  if (isJsonArray(value)) {
    const { items } = resolved
    return items === undefined ? value : value.map((item) => walk(item, items))
  }
  if (!isJsonObject(value)) return value
  return walkObject(value, resolved, definition === undefined ? undefined : shortName(definition))
}

const walkObject = (given: JsonObject, schema: OpenApi, definition: string | undefined): JsonObject => {
  const { additionalProperties, properties } = schema
  if (properties === undefined) {
    if (typeof additionalProperties !== "object") return given
    const amounts = definitionOf(additionalProperties) === quantity
    return Object.fromEntries(
      Object.entries(given).map(([key, item]) => [key, amounts ? rounded(item) : walk(item, additionalProperties)])
    )
  }
  const object = (definition === undefined ? undefined : rules[definition])?.(given) ?? given
  const result: Record<string, Json> = {}
  for (const [key, value] of Object.entries(object)) {
    const property = Object.hasOwn(properties, key) ? properties[key] : undefined
    result[key] = property === undefined ? value : walk(value, property)
  }
  for (const [key, property] of Object.entries(properties)) {
    const { default: initial } = property
    // Defaults of zero are structs and strings that decoding has put there. Nought and false were said.
    if ((result[key] ?? "") === "" && initial && typeof initial !== "object") result[key] = initial
  }
  return result
}

const rounded = (value: Json): Json => {
  const amount = typeof value === "string" ? quantityOf(value) : undefined
  return amount === undefined ? value : quantityText(roundedUp(amount))
}

/** An object of a built-in kind, decoded, with all that its kind defaults to. */
export const applyDefaults = (gvk: GroupVersionKind, object: JsonObject): JsonObject => {
  const schema = schemaOf(gvk)
  if (schema === undefined) return object
  const group = gvk.group === "" ? "core" : gvk.group === "events.k8s.io" ? "events" : (gvk.group.split(".")[0] ?? "")
  return walkObject(object, schema, `${group}.${gvk.version}.${gvk.kind}`)
}

/** The labels by which a Job knows its pods, unless it says how itself. */
const ownSelector: Rule = (object) => {
  const [spec, metadata] = [part(object, "spec"), part(object, "metadata")]
  if (spec["manualSelector"] === true) return object
  const [uid, name] = [metadata["uid"] ?? "", metadata["name"] ?? ""]
  const labels = {
    "controller-uid": uid,
    "job-name": name,
    "batch.kubernetes.io/controller-uid": uid,
    "batch.kubernetes.io/job-name": name
  }
  return {
    ...object,
    spec: {
      ...within(
        "template",
        within(
          "metadata",
          within("labels", (own) => ({ ...labels, ...own }))
        )
      )(spec),
      selector: within("matchLabels", (own) => ({ ...own, "batch.kubernetes.io/controller-uid": uid }))(
        part(spec, "selector")
      )
    }
  }
}

const prepared: { readonly [groupKind: string]: Rule | undefined } = {
  "DaemonSet.apps": within(
    "metadata",
    within("annotations", (annotations) => ({ ...annotations, "deprecated.daemonset.template.generation": "1" }))
  ),
  "StatefulSet.apps": within(
    "spec",
    each("volumeClaimTemplates", (claim) => ({ apiVersion: "v1", kind: "PersistentVolumeClaim", ...claim }))
  ),
  // Its labels may have been the template's before that got more; the same map is both in Go. If it has none, it gets them
  // when it is read.
  "Job.batch": (object) => {
    const shared =
      JSON.stringify(part(object, "metadata")["labels"]) ===
      JSON.stringify(part(part(part(object, "spec"), "template"), "metadata")["labels"])
    const result = ownSelector(object)
    return shared ? within("metadata", (metadata) => withLabels(metadata, result))(result) : result
  }
}

const withLabels = (metadata: JsonObject, object: JsonObject): JsonObject => {
  const labels = part(part(part(object, "spec"), "template"), "metadata")["labels"]
  return labels === undefined ? metadata : { ...metadata, labels }
}

/** What the API server adds to a new object after its defaults, knowing its name and its uid. */
export const prepareForCreate = (
  { group, kind }: Pick<GroupVersionKind, "group" | "kind">,
  object: JsonObject
): JsonObject => prepared[group === "" ? kind : `${kind}.${group}`]?.(object) ?? object
