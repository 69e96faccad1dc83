/** The types say what the server always sends: does it, for every kind of object that there is? */
import { assert, layer } from "@effect/vitest"
import { Effect, SchemaAST as AST, type Scope } from "effect"
import {
  builtIn,
  CertificateSigningRequest,
  ClusterRole,
  ClusterRoleBinding,
  ConfigMap,
  ControllerRevision,
  CronJob,
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  DaemonSet,
  Deployment,
  DeviceClass,
  Endpoints,
  EndpointSlice,
  Event,
  EventsV1,
  HorizontalPodAutoscaler,
  Ingress,
  IngressClass,
  Job,
  type KubeClient,
  Lease,
  LimitRange,
  MutatingWebhookConfiguration,
  NetworkPolicy,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  PodTemplate,
  PriorityClass,
  ReplicaSet,
  ReplicationController,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourceQuota,
  ResourceSlice,
  Role,
  RoleBinding,
  RuntimeClass,
  Secret,
  Service,
  ServiceAccount,
  StatefulSet,
  StorageClass,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
  VolumeAttachment,
  VolumeAttributesClass,
  type KubeError,
  type Resource
} from "effect-kubernetes"
import { AlwaysSentId } from "../../src/internal/annotations.js"
import * as e2e from "../support/e2e.js"

/** Deletes it when the scope closes: the namespace does not take cluster-scoped objects with it. */
const cluster = (
  create: Effect.Effect<unknown, KubeError, KubeClient>,
  remove: Effect.Effect<unknown, KubeError, KubeClient>
): Effect.Effect<unknown, KubeError, KubeClient | Scope.Scope> =>
  Effect.acquireRelease(create, () => Effect.ignoreLogged(remove))

/** The least that the server accepts, of as many kinds as possible. */
const leastOfEach = (
  name: string,
  namespace: string
): ReadonlyArray<Effect.Effect<unknown, KubeError, KubeClient | Scope.Scope>> => {
  const metadata = { name }
  const labels = { app: name }
  const selector = { matchLabels: labels }
  const { spec: podSpec } = e2e.pendingPod(name)
  const template = { metadata: { labels }, spec: podSpec }
  const clientConfig = { url: "https://example.com/" }
  const webhook = { name: "a.example.com", clientConfig, sideEffects: "None", admissionReviewVersions: ["v1"] }
  const involvedObject = { kind: "Pod", name, namespace }
  return [
    ConfigMap.create({ metadata }),
    Secret.create({ metadata }),
    ServiceAccount.create({ metadata }),
    Service.create({ metadata, spec: { ports: [{ port: 80 }] } }),
    Endpoints.create({ metadata: { name: `${name}-e` } }),
    EndpointSlice.create({ metadata, addressType: "IPv4", endpoints: [{ addresses: ["192.0.2.1"] }] }),
    Event.create({ metadata, involvedObject }),
    EventsV1.Event.create({
      metadata: { name: `${name}-n` },
      regarding: involvedObject,
      eventTime: "2030-01-01T00:00:00.000000Z",
      reportingController: "example.com/test",
      reportingInstance: "test",
      action: "Test",
      reason: "Test",
      type: "Normal"
    }),
    LimitRange.create({ metadata, spec: { limits: [{ type: "Pod" }] } }),
    ResourceQuota.create({ metadata }),
    PodTemplate.create({ metadata, template }),
    Pod.create(e2e.pendingPod(name)),
    PersistentVolumeClaim.create({
      metadata,
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } }
    }),
    ReplicationController.create({ metadata, spec: { replicas: 0, selector: labels, template } }),
    Deployment.create({ metadata, spec: { replicas: 0, selector, template } }),
    ReplicaSet.create({ metadata: { name: `${name}-r` }, spec: { replicas: 0, selector, template } }),
    StatefulSet.create({ metadata, spec: { replicas: 0, selector, template, serviceName: name } }),
    DaemonSet.create({ metadata, spec: { selector, template } }),
    Job.create({
      metadata,
      spec: { suspend: true, template: { spec: { ...podSpec, restartPolicy: "Never" } } }
    }),
    CronJob.create({
      metadata,
      spec: {
        schedule: "0 0 1 1 *",
        suspend: true,
        jobTemplate: { spec: { template: { spec: { ...podSpec, restartPolicy: "Never" } } } }
      }
    }),
    HorizontalPodAutoscaler.create({
      metadata,
      spec: { maxReplicas: 2, scaleTargetRef: { kind: "Deployment", name, apiVersion: "apps/v1" } }
    }),
    PodDisruptionBudget.create({ metadata, spec: { minAvailable: 0 } }),
    Lease.create({ metadata }),
    Ingress.create({ metadata, spec: { defaultBackend: { service: { name, port: { number: 80 } } } } }),
    NetworkPolicy.create({ metadata, spec: { podSelector: {} } }),
    Role.create({ metadata }),
    RoleBinding.create({ metadata, roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name } }),
    CSIStorageCapacity.create({ metadata, storageClassName: name }),
    ResourceClaim.create({ metadata, spec: {} }),
    ResourceClaimTemplate.create({ metadata, spec: { spec: {} } }),

    cluster(
      Effect.flatMap(e2e.signingRequest, (request) =>
        CertificateSigningRequest.create({
          metadata,
          spec: { request, signerName: "example.com/nobody", usages: ["client auth"] }
        })
      ),
      CertificateSigningRequest.delete(name)
    ),
    cluster(ClusterRole.create({ metadata }), ClusterRole.delete(name)),
    cluster(
      ClusterRoleBinding.create({
        metadata,
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name }
      }),
      ClusterRoleBinding.delete(name)
    ),
    cluster(Node.create({ metadata }), Node.delete(name)),
    cluster(
      PersistentVolume.create({
        metadata,
        spec: { capacity: { storage: "1Mi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/none" } }
      }),
      PersistentVolume.delete(name)
    ),
    cluster(PriorityClass.create({ metadata, value: 1 }), PriorityClass.delete(name)),
    cluster(RuntimeClass.create({ metadata, handler: "none" }), RuntimeClass.delete(name)),
    cluster(StorageClass.create({ metadata, provisioner: "example.com/none" }), StorageClass.delete(name)),
    cluster(
      VolumeAttributesClass.create({ metadata, driverName: "example.com", parameters: { a: "1" } }),
      VolumeAttributesClass.delete(name)
    ),
    cluster(CSIDriver.create({ metadata, spec: {} }), CSIDriver.delete(name)),
    cluster(CSINode.create({ metadata, spec: { drivers: [] } }), CSINode.delete(name)),
    cluster(
      VolumeAttachment.create({
        metadata,
        spec: { attacher: "example.com", nodeName: "none", source: { persistentVolumeName: name } }
      }),
      VolumeAttachment.delete(name)
    ),
    cluster(IngressClass.create({ metadata, spec: { controller: "example.com/none" } }), IngressClass.delete(name)),
    cluster(DeviceClass.create({ metadata, spec: {} }), DeviceClass.delete(name)),
    cluster(
      ResourceSlice.create({
        metadata,
        spec: {
          driver: "example.com",
          allNodes: true,
          pool: { name, generation: 0, resourceSliceCount: 1 },
          devices: [{ name: "one" }]
        }
      }),
      ResourceSlice.delete(name)
    ),
    cluster(
      MutatingWebhookConfiguration.create({ metadata, webhooks: [webhook] }),
      MutatingWebhookConfiguration.delete(name)
    ),
    cluster(
      ValidatingWebhookConfiguration.create({ metadata, webhooks: [webhook] }),
      ValidatingWebhookConfiguration.delete(name)
    ),
    cluster(
      ValidatingAdmissionPolicy.create({
        metadata,
        spec: {
          matchConstraints: {
            resourceRules: [
              { apiGroups: ["example.com"], apiVersions: ["v1"], resources: ["none"], operations: ["CREATE"] }
            ]
          },
          validations: [{ expression: "true" }]
        }
      }),
      ValidatingAdmissionPolicy.delete(name)
    ),
    cluster(
      ValidatingAdmissionPolicyBinding.create({ metadata, spec: { policyName: name, validationActions: ["Deny"] } }),
      ValidatingAdmissionPolicyBinding.delete(name)
    )
  ]
}

const isObject = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The places in a value where a property is missing that the server is said to send always. */
const missing = (ast: AST.AST, value: unknown, path: string): ReadonlyArray<string> => {
  if (AST.isSuspend(ast)) return missing(ast.f(), value, path)
  if (AST.isUnion(ast)) return ast.types.flatMap((type) => missing(type, value, path))
  if (AST.isTupleType(ast)) {
    const [rest] = ast.rest
    return rest === undefined || !Array.isArray(value)
      ? []
      : value.flatMap((item, index) => missing(rest.type, item, `${path}[${index}]`))
  }
  if (!AST.isTypeLiteral(ast) || !isObject(value)) return []
  const [index] = ast.indexSignatures
  const inRecord =
    index === undefined
      ? []
      : Object.entries(value).flatMap(([key, item]) => missing(index.type, item, `${path}[${key}]`))
  const inStruct = ast.propertySignatures.flatMap((property) => {
    const name = String(property.name)
    const at = `${path}.${name}`
    if (value[name] !== undefined && value[name] !== null) return missing(property.type, value[name], at)
    return property.annotations[AlwaysSentId] === true || !property.isOptional ? [at] : []
  })
  return [...inRecord, ...inStruct]
}

const canList = (
  resource: Resource.AnyResource
): resource is Resource.AnyResource & Resource.CanList<unknown, "Namespaced"> => "list" in resource

layer(e2e.layer, e2e.live)("every kind of object on a real API server", (it) => {
  it.scoped(
    "is decoded, and has what its type says that the server always sends",
    () =>
      e2e.inFreshNamespace((namespace) =>
        Effect.gen(function* () {
          yield* e2e.podsAllowed
          const name = yield* e2e.randomName("least")
          const problems: Array<string> = []
          yield* Effect.forEach(
            leastOfEach(name, namespace),
            Effect.catchAll((error) => Effect.sync(() => problems.push(`create: ${error.message}`))),
            { concurrency: 4 }
          )
          yield* e2e.freshWidget
          // The controllers make one for the StatefulSet and one for the DaemonSet.
          yield* e2e.eventually(Effect.map(ControllerRevision.list(), ({ items }) => items.length >= 2))

          const empty: Array<string> = []
          for (const resource of builtIn) {
            if (!canList(resource)) continue
            const all = resource.scope === "Cluster" ? {} : { allNamespaces: true }
            const read = yield* Effect.either(resource.list(all))
            if (read._tag === "Left") {
              problems.push(`${resource.kind}: ${read.left.message}`)
              continue
            }
            const { items } = read.right
            if (items.length === 0) empty.push(`${resource.apiVersion} ${resource.kind}`)
            for (const object of items) problems.push(...missing(resource.schema.ast, object, resource.kind))
          }
          assert.deepStrictEqual([...new Set(problems.map((text) => text.replaceAll(/\[\d+\]/g, "[]")))], [])
          assert.deepStrictEqual(empty, [])
        })
      ),
    { timeout: 120_000 }
  )
})
