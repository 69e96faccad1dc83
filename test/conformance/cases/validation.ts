/** What is filled in and what is refused of the kinds that are used most; nothing of it is stored. */
import type { Case, Step } from "../harness.js"
import {
  headless,
  apps,
  container,
  core,
  deployment,
  group,
  labels,
  one,
  pod,
  pods,
  rbac,
  selector,
  services,
  template
} from "./common.js"

const named = (spec: object) => ({ metadata: { name: "v" }, spec })
const networking = group("networking.k8s.io")

/** A case of one kind: each object is created for show. */
const kind = (path: string, topic: string, ...objects: ReadonlyArray<object>): Case =>
  one(
    `${path.split("/").at(-1)}: ${topic}`,
    ...objects.map((object): Step => ["POST", `${path}?dryRun=All`, { metadata: { name: "v" }, ...object }])
  )

const podOf = (spec: object) => pod("v", spec)
const withContainer = (more: object) => podOf({ containers: [{ ...container, ...more }] })
const service = (spec: object) => named({ ...headless, ...spec })
const job = (spec: object, podSpec: object = {}) =>
  named({ template: { spec: { restartPolicy: "Never", containers: [container], ...podSpec } }, ...spec })
const cron = (spec: object) => named({ schedule: "@daily", jobTemplate: job({}), ...spec })
const set = (spec: object) => named({ selector, template, ...spec })
const ingress = (spec: object) => named(spec)
const backend = { service: { name: "s", port: { number: 80 } } }
const claim = (spec: object) =>
  named({
    storageClassName: "none",
    accessModes: ["ReadWriteOnce"],
    resources: { requests: { storage: "1Gi" } },
    ...spec
  })
const scaler = (spec: object) =>
  named({ maxReplicas: 3, scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "d" }, ...spec })
const slice = (more: object) => ({ addressType: "IPv4", endpoints: [], ...more })
const priority = "/apis/scheduling.k8s.io/v1/priorityclasses"
const classes = "/apis/storage.k8s.io/v1/storageclasses"
const volumes = "/api/v1/persistentvolumes"
const nodes = "/api/v1/nodes"
const volume = (spec: object) =>
  named({ capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/x" }, ...spec })

export const cases: ReadonlyArray<Case> = [
  kind(pods, "defaults", podOf({}), withContainer({ image: "a:latest" }), withContainer({ image: "a@sha256:0" })),
  kind(
    pods,
    "containers",
    podOf({ containers: [] }),
    podOf({ containers: [{}] }),
    podOf({ containers: [{ name: "A_", image: "i" }] }),
    podOf({ containers: [container, container] }),
    podOf({ initContainers: [container] }),
    withContainer({ image: " x" }),
    withContainer({ imagePullPolicy: "Sometimes" }),
    withContainer({ terminationMessagePath: "", terminationMessagePolicy: "X" })
  ),
  kind(
    pods,
    "ports",
    withContainer({ ports: [{ containerPort: 0 }] }),
    withContainer({ ports: [{ containerPort: 70000, hostPort: -1, protocol: "X", name: "too-long-for-a-port" }] }),
    withContainer({
      ports: [
        { containerPort: 1, name: "a" },
        { containerPort: 2, name: "a" }
      ]
    }),
    withContainer({
      ports: [
        { containerPort: 1, hostPort: 5 },
        { containerPort: 2, hostPort: 5 }
      ]
    }),
    withContainer({ ports: [{ containerPort: 1 }, { containerPort: 1 }] })
  ),
  kind(
    pods,
    "environment",
    withContainer({ env: [{ name: "" }] }),
    withContainer({ env: [{ name: "a=b" }] }),
    withContainer({ env: [{ name: "A", value: "x", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }] }),
    withContainer({ env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "spec.nope" } } }] }),
    withContainer({ env: [{ name: "A", valueFrom: { secretKeyRef: { name: "s", key: "a b" } } }] }),
    withContainer({ env: [{ name: "A", valueFrom: {} }] }),
    withContainer({ envFrom: [{ configMapRef: { name: "B_" } }, {}] }),
    withContainer({
      env: [
        { name: "A", value: "1" },
        { name: "A", value: "2" }
      ]
    })
  ),
  kind(
    pods,
    "resources",
    withContainer({ resources: { requests: { cpu: "2" }, limits: { cpu: "1" } } }),
    withContainer({ resources: { requests: { cpu: "-1" } } }),
    withContainer({ resources: { requests: { nope: "1" } } }),
    withContainer({ resources: { limits: { "example.com/gpu": "1500m" } } }),
    withContainer({ resources: { limits: { cpu: "0.1", memory: "0.5Gi" } } }),
    withContainer({ resources: { requests: { memory: "100m" } } })
  ),
  kind(
    pods,
    "rules between fields",
    podOf({ dnsConfig: { nameservers: ["x", "1.1.1.1", "2.2.2.2", "3.3.3.3"], searches: ["A"], options: [{}] } }),
    withContainer({ resources: { limits: { "hugepages-2Mi": "3Mi" } } }),
    withContainer({ resizePolicy: [{ resourceName: "x", restartPolicy: "NotRequired" }] }),
    withContainer({ lifecycle: { preStop: { sleep: { seconds: 100 } }, stopSignal: "SIGTERM" } }),
    podOf({ schedulingGates: [{ name: "a b" }, { name: "c" }, { name: "c" }], nodeName: "n" }),
    podOf({ os: { name: "windows" }, securityContext: { runAsUser: 1 }, hostPID: true }),
    podOf({ ephemeralContainers: [{ name: "e", image: "i" }] }),
    podOf({
      securityContext: { seccompProfile: { type: "RuntimeDefault", localhostProfile: "x" }, fsGroupChangePolicy: "X" }
    }),
    podOf({
      volumes: [
        {
          name: "v",
          projected: {
            sources: [
              { secret: { name: "s", items: [{ key: "a", path: "x" }] } },
              { configMap: { name: "c", items: [{ key: "a", path: "x" }] } }
            ]
          }
        }
      ]
    }),
    podOf({
      volumes: [
        { name: "v", csi: { driver: "" } },
        { name: "w", nfs: { server: "s", path: "x" } }
      ]
    })
  ),
  kind(
    pods,
    "probes",
    withContainer({ livenessProbe: { httpGet: { port: 80 } } }),
    withContainer({ livenessProbe: {} }),
    withContainer({ livenessProbe: { exec: { command: [] }, tcpSocket: { port: 0 } } }),
    withContainer({ readinessProbe: { httpGet: { port: "no-such-very-long-name", path: "" }, periodSeconds: -1 } }),
    withContainer({ livenessProbe: { tcpSocket: { port: 80 }, successThreshold: 2 } }),
    withContainer({ lifecycle: { preStop: {} } })
  ),
  kind(
    pods,
    "volumes",
    podOf({ volumes: [{ name: "v" }] }),
    podOf({ volumes: [{ name: "v", emptyDir: {}, configMap: { name: "c" } }] }),
    podOf({
      volumes: [
        { name: "v", emptyDir: {} },
        { name: "v", emptyDir: {} }
      ]
    }),
    podOf({ volumes: [{ name: "V_", secret: { secretName: "" } }] }),
    withContainer({ volumeMounts: [{ name: "none", mountPath: "/x" }] }),
    {
      ...podOf({
        volumes: [{ name: "v", emptyDir: {} }],
        containers: [
          {
            ...container,
            volumeMounts: [
              { name: "v", mountPath: "" },
              { name: "v", mountPath: "/a", subPath: "../x" }
            ]
          }
        ]
      })
    },
    podOf({ volumes: [{ name: "v", hostPath: { path: "", type: "X" } }] }),
    podOf({ volumes: [{ name: "v", projected: { sources: [{}] } }] })
  ),
  kind(
    pods,
    "the rest of the spec",
    podOf({ restartPolicy: "Sometimes" }),
    podOf({ dnsPolicy: "X" }),
    podOf({ dnsPolicy: "None" }),
    podOf({ terminationGracePeriodSeconds: -1 }),
    podOf({ activeDeadlineSeconds: 0 }),
    podOf({ nodeSelector: { "a b": "c" } }),
    podOf({ hostname: "A_", subdomain: "x.y" }),
    podOf({ tolerations: [{ key: "a", operator: "X" }] }),
    podOf({ tolerations: [{ operator: "Equal", value: "x" }] }),
    podOf({ nodeName: "A_" }),
    podOf({ hostAliases: [{ ip: "x", hostnames: ["A_"] }] }),
    podOf({ imagePullSecrets: [{ name: "" }] }),
    podOf({ securityContext: { runAsUser: -1, sysctls: [{ name: "x y", value: "1" }] } })
  ),
  kind(
    pods,
    "affinity and spread",
    podOf({
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } }
    }),
    podOf({
      affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 0, preference: {} }] } }
    }),
    podOf({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "" }] } } }),
    podOf({ topologySpreadConstraints: [{ maxSkew: 0, topologyKey: "", whenUnsatisfiable: "X" }] }),
    podOf({
      topologySpreadConstraints: [
        { maxSkew: 1, topologyKey: "a", whenUnsatisfiable: "DoNotSchedule" },
        { maxSkew: 2, topologyKey: "a", whenUnsatisfiable: "DoNotSchedule" }
      ]
    })
  ),
  kind(
    pods,
    "security",
    withContainer({ securityContext: { privileged: true, allowPrivilegeEscalation: false } }),
    withContainer({
      securityContext: {
        capabilities: { add: ["NET_ADMIN"], drop: ["ALL"] },
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" }
      }
    }),
    withContainer({ securityContext: { seccompProfile: { type: "X" }, procMount: "X" } }),
    podOf({ hostNetwork: true, hostPID: true, shareProcessNamespace: true }),
    podOf({ securityContext: { seccompProfile: { type: "Localhost" } } })
  ),
  kind(
    services,
    "defaults",
    service({ ports: [{ port: 80 }] }),
    service({ ports: [{ port: 80, targetPort: "http", protocol: "UDP" }], sessionAffinity: "ClientIP" }),
    named({ type: "ExternalName", externalName: "a.example.com" })
  ),
  kind(
    services,
    "ports",
    service({ ports: [{}] }),
    service({ ports: [{ port: 0 }] }),
    service({ ports: [{ port: 80 }, { port: 81 }] }),
    service({
      ports: [
        { name: "a", port: 80 },
        { name: "a", port: 81 }
      ]
    }),
    service({ ports: [{ name: "A_", port: 80, protocol: "X", targetPort: "x_" }] }),
    service({
      ports: [
        { name: "a", port: 80 },
        { name: "b", port: 80 }
      ]
    }),
    service({ ports: [{ port: 80, nodePort: 30000 }] })
  ),
  kind(
    services,
    "the rest of the spec",
    service({ type: "X" }),
    service({ type: "NodePort", ports: [{ port: 80 }] }),
    service({ type: "LoadBalancer", ports: [{ port: 80 }] }),
    service({ sessionAffinity: "X" }),
    service({ externalIPs: ["x", "127.0.0.1"] }),
    service({ selector: { "a b": "c" } }),
    named({ type: "ExternalName" }),
    named({ type: "ExternalName", externalName: "a", clusterIP: "None" }),
    service({ ports: [{ port: 1 }], externalTrafficPolicy: "Local" }),
    service({ ports: [{ port: 1 }], internalTrafficPolicy: "X" }),
    service({ ipFamilyPolicy: "X", ipFamilies: ["IPv5"] }),
    named({ clusterIP: "x", ports: [{ port: 80 }] }),
    service({ loadBalancerSourceRanges: ["x"] })
  ),
  kind(
    `${apps}/deployments`,
    "defaults and rules",
    deployment("v"),
    deployment("v", { strategy: { type: "Recreate" } }),
    deployment("v", { strategy: { type: "Recreate", rollingUpdate: {} } }),
    deployment("v", { strategy: { type: "X" } }),
    deployment("v", { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }),
    deployment("v", { strategy: { rollingUpdate: { maxSurge: "x%", maxUnavailable: "200%" } } }),
    deployment("v", { replicas: -1, minReadySeconds: -1, revisionHistoryLimit: -1 }),
    deployment("v", { minReadySeconds: 10, progressDeadlineSeconds: 5 }),
    deployment("v", { selector: { matchLabels: { x: "y" } } }),
    deployment("v", { selector: {} }),
    deployment("v", { selector: null }),
    deployment("v", {
      selector: {
        matchExpressions: [
          { key: "a", operator: "X" },
          { key: "a", operator: "In" }
        ]
      }
    }),
    deployment("v", { template: { ...template, spec: { ...template.spec, restartPolicy: "Never" } } }),
    deployment("v", { template: {} }),
    {}
  ),
  kind(
    `${apps}/replicasets`,
    "defaults and rules",
    set({}),
    set({ replicas: -1 }),
    set({ selector: { matchLabels: { x: "y" } } }),
    set({ template: { metadata: { labels }, spec: { containers: [container], restartPolicy: "OnFailure" } } })
  ),
  kind(
    `${apps}/statefulsets`,
    "defaults and rules",
    set({ serviceName: "s" }),
    set({ serviceName: "s", podManagementPolicy: "X", updateStrategy: { type: "X" } }),
    set({ serviceName: "s", updateStrategy: { rollingUpdate: { partition: -1 } }, replicas: -1 }),
    set({
      serviceName: "s",
      volumeClaimTemplates: [
        {
          metadata: { name: "d" },
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } }
        }
      ]
    }),
    set({ serviceName: "s", persistentVolumeClaimRetentionPolicy: { whenDeleted: "X" } }),
    set({ ordinals: { start: -1 } })
  ),
  kind(
    `${apps}/daemonsets`,
    "defaults and rules",
    set({}),
    set({ updateStrategy: { type: "X" } }),
    set({ updateStrategy: { rollingUpdate: { maxUnavailable: 0 } } }),
    set({ updateStrategy: { type: "OnDelete" }, minReadySeconds: -5 })
  ),
  kind(
    `${apps}/controllerrevisions`,
    "rules",
    { revision: 1, data: {} },
    { revision: 1 },
    { revision: -1, data: { x: 1 } }
  ),
  kind(
    `${core}/replicationcontrollers`,
    "defaults and rules",
    named({ template }),
    named({ selector: { x: "y" }, template }),
    named({ replicas: -1 })
  ),
  kind(
    `${group("batch")}/jobs`,
    "rules",
    job({ parallelism: -1, completions: -1 }),
    job({ backoffLimit: -1, activeDeadlineSeconds: -1, ttlSecondsAfterFinished: -1 }),
    job({}, { restartPolicy: "Always" }),
    job({ completionMode: "X" }),
    job({ completionMode: "Indexed" }),
    job({ selector }),
    job({ podFailurePolicy: { rules: [{ action: "X" }] } }),
    job({ podReplacementPolicy: "X" }),
    job({ managedBy: "x" }),
    {}
  ),
  kind(
    `${group("batch")}/cronjobs`,
    "defaults and rules",
    cron({}),
    cron({ schedule: "" }),
    cron({ schedule: "* * *" }),
    cron({ schedule: "61 * * * *" }),
    cron({ schedule: "TZ=UTC * * * * *" }),
    cron({ timeZone: "Nope/Nowhere" }),
    cron({ timeZone: "" }),
    cron({ concurrencyPolicy: "X" }),
    cron({ startingDeadlineSeconds: -1, successfulJobsHistoryLimit: -1 }),
    cron({ jobTemplate: {} }),
    { ...cron({}), metadata: { name: "x".repeat(53) } }
  ),
  kind(
    `${core}/configmaps`,
    "keys",
    { data: { "a b": "x" } },
    { data: { "..": "x" } },
    { data: { ".": "x" } },
    { data: { a: "x" }, binaryData: { a: "AA==" } },
    { data: { ["k".repeat(254)]: "x" } }
  ),
  kind(
    `${core}/secrets`,
    "types",
    { type: "kubernetes.io/tls", data: {} },
    { type: "kubernetes.io/tls", data: { "tls.crt": "", "tls.key": "" } },
    { type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": "e30=" } },
    { type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": "eA==" } },
    { type: "kubernetes.io/dockerconfigjson" },
    { type: "kubernetes.io/dockercfg" },
    { type: "kubernetes.io/basic-auth" },
    { type: "kubernetes.io/ssh-auth" },
    { type: "kubernetes.io/service-account-token" },
    { data: { "a b": "" } },
    { data: { a: "not base64!" } },
    {}
  ),
  kind(
    `${networking}/ingresses`,
    "rules",
    ingress({}),
    ingress({ defaultBackend: {} }),
    ingress({ defaultBackend: { service: { name: "A_", port: {} } } }),
    ingress({ defaultBackend: { ...backend, resource: { kind: "X", name: "y" } } }),
    ingress({ rules: [{ host: "1.2.3.4", http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }] }),
    ingress({ rules: [{ host: "a.*.com", http: { paths: [{ path: "x", pathType: "Exact", backend }] } }] }),
    ingress({ rules: [{ host: "*.example.com", http: { paths: [{ path: "/a//b", pathType: "Prefix", backend }] } }] }),
    ingress({ rules: [{ http: { paths: [{ backend }] } }] }),
    ingress({ rules: [{ http: { paths: [] } }] }),
    ingress({ rules: [{ http: { paths: [{ path: "/", pathType: "X", backend }] } }] }),
    ingress({ defaultBackend: backend, tls: [{ hosts: ["A_"], secretName: "B_" }] }),
    ingress({ defaultBackend: backend, ingressClassName: "A_" }),
    {
      metadata: { name: "v", annotations: { "kubernetes.io/ingress.class": "x" } },
      spec: { defaultBackend: backend, ingressClassName: "y" }
    }
  ),
  kind(
    `${networking}/networkpolicies`,
    "defaults and rules",
    named({ podSelector: {} }),
    named({ podSelector: {}, egress: [{}] }),
    named({ podSelector: {}, ingress: [{ from: [{}] }] }),
    named({ podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: "x" } }] }] }),
    named({ podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["11.0.0.0/8"] } }] }] }),
    named({ podSelector: {}, ingress: [{ from: [{ podSelector: {}, ipBlock: { cidr: "10.0.0.0/8" } }] }] }),
    named({
      podSelector: {},
      ingress: [{ ports: [{ port: 70000, protocol: "X" }, { port: "x_" }, { endPort: 5 }, { port: 10, endPort: 5 }] }]
    }),
    named({ podSelector: {}, policyTypes: ["X"] }),
    named({ podSelector: {}, policyTypes: ["Ingress", "Egress", "Ingress"] }),
    named({ podSelector: { matchExpressions: [{ key: "a", operator: "Exists", values: ["x"] }] } })
  ),
  kind(
    "/apis/networking.k8s.io/v1/ingressclasses",
    "rules",
    named({ controller: "example.com/x" }),
    named({ controller: "x" }),
    named({ controller: "example.com/x", parameters: { kind: "X", name: "y" } }),
    named({ controller: "example.com/x", parameters: { kind: "X", name: "y", scope: "Namespace" } })
  ),
  kind(
    `${core}/persistentvolumeclaims`,
    "rules",
    claim({}),
    claim({ accessModes: [] }),
    claim({ accessModes: ["X"] }),
    claim({ resources: {} }),
    claim({ resources: { requests: { storage: "-1" } } }),
    claim({ resources: { requests: { storage: "x" } } }),
    claim({ volumeMode: "X", storageClassName: "A_" }),
    claim({ accessModes: ["ReadWriteOncePod", "ReadWriteOnce"] }),
    claim({ dataSource: { kind: "X", name: "y" } }),
    claim({ selector: { matchExpressions: [{ key: "", operator: "In" }] } })
  ),
  kind(
    volumes,
    "rules",
    volume({}),
    volume({ capacity: {} }),
    volume({ accessModes: [] }),
    volume({ hostPath: undefined }),
    volume({ hostPath: { path: "/" }, persistentVolumeReclaimPolicy: "Recycle" }),
    volume({ persistentVolumeReclaimPolicy: "X" }),
    volume({ nfs: { server: "s", path: "/x" } }),
    volume({ claimRef: { name: "x" } })
  ),
  kind(
    `${rbac}/roles`,
    "rules",
    { rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }] },
    { rules: [{ verbs: ["get"] }] },
    { rules: [{ apiGroups: [""], resources: ["pods"] }] },
    {}
  ),
  kind(
    `${group("policy")}/poddisruptionbudgets`,
    "rules",
    named({}),
    named({ minAvailable: 1, selector }),
    named({ minAvailable: 1, maxUnavailable: 1 }),
    named({ minAvailable: "101%" }),
    named({ minAvailable: -1 }),
    named({ maxUnavailable: "x" }),
    named({ minAvailable: 1, unhealthyPodEvictionPolicy: "X" }),
    named({ minAvailable: 1, selector: { matchLabels: { "a b": "c" } } })
  ),
  kind(
    `${group("autoscaling", "v2")}/horizontalpodautoscalers`,
    "defaults and rules",
    scaler({}),
    scaler({ minReplicas: 0 }),
    scaler({ minReplicas: 5 }),
    scaler({ maxReplicas: 0 }),
    scaler({ scaleTargetRef: {} }),
    scaler({ metrics: [{ type: "Resource" }] }),
    scaler({ metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization" } } }] }),
    scaler({
      metrics: [
        { type: "Resource", resource: { name: "memory", target: { type: "AverageValue", averageValue: "1Gi" } } }
      ]
    }),
    scaler({ metrics: [{ type: "X" }] }),
    scaler({ behavior: { scaleUp: { stabilizationWindowSeconds: -1, policies: [] } } }),
    scaler({ behavior: { scaleDown: { policies: [{ type: "X", value: 0, periodSeconds: 0 }] } } })
  ),
  kind(
    `${group("autoscaling")}/horizontalpodautoscalers`,
    "the first version",
    scaler({}),
    scaler({ targetCPUUtilizationPercentage: 50 }),
    scaler({ targetCPUUtilizationPercentage: 0 }),
    scaler({ minReplicas: 5 })
  ),
  kind(
    `${group("coordination.k8s.io")}/leases`,
    "rules",
    named({}),
    named({ leaseDurationSeconds: 0 }),
    named({ leaseTransitions: -1, holderIdentity: "" }),
    named({ renewTime: "2020-01-01T00:00:00Z" }),
    named({ renewTime: "2020-01-01T00:00:00.123456Z", acquireTime: "x" }),
    named({ strategy: "X" })
  ),
  kind(
    `${group("discovery.k8s.io")}/endpointslices`,
    "rules",
    slice({}),
    slice({ addressType: "X" }),
    slice({ addressType: "IPv6", endpoints: [{ addresses: ["10.0.0.1"] }] }),
    slice({ endpoints: [{ addresses: [] }] }),
    slice({ endpoints: [{ addresses: ["127.0.0.1", "x"], hostname: "A_" }] }),
    slice({
      ports: [
        { name: "a", port: 1 },
        { name: "a", port: 70000, protocol: "X" }
      ]
    }),
    slice({ endpoints: [{ addresses: ["10.0.0.1"], nodeName: "A_", zone: "z" }] })
  ),
  kind(
    `${core}/endpoints`,
    "rules",
    { subsets: [{ addresses: [{ ip: "10.0.0.1" }], ports: [{ port: 80 }] }] },
    { subsets: [{}] },
    { subsets: [{ addresses: [{ ip: "x" }], ports: [{ port: 0 }] }] },
    { subsets: [{ addresses: [{ ip: "127.0.0.1" }], ports: [{ port: 1 }, { port: 2 }] }] }
  ),
  kind(
    priority,
    "rules",
    { value: 5 },
    { value: 2000000000 },
    { value: 5, preemptionPolicy: "X" },
    { metadata: { name: "system-x" }, value: 5 },
    {}
  ),
  kind(
    classes,
    "rules",
    { provisioner: "example.com/x" },
    {},
    { provisioner: "a/b/c" },
    { provisioner: "example.com/x", reclaimPolicy: "X", volumeBindingMode: "Y" },
    { provisioner: "example.com/x", parameters: { "": "x" } },
    { provisioner: "example.com/x", allowedTopologies: [{ matchLabelExpressions: [{ key: "", values: [] }] }] }
  ),
  kind(
    `${core}/resourcequotas`,
    "rules",
    named({}),
    named({ hard: { cpu: "1", pods: "5" } }),
    named({ hard: { cpu: "-1" } }),
    named({ hard: { "a b": "1" } }),
    named({ hard: { pods: "1.5" } }),
    named({ hard: { pods: "5" }, scopes: ["X"] }),
    named({ hard: { pods: "5" }, scopes: ["BestEffort", "NotBestEffort"] }),
    named({
      hard: { pods: "5" },
      scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "In" }] }
    })
  ),
  kind(
    `${core}/limitranges`,
    "defaults and rules",
    named({ limits: [{ type: "Container", max: { cpu: "2" }, min: { cpu: "1" } }] }),
    named({ limits: [{ type: "Container", max: { cpu: "1" }, min: { cpu: "2" } }] }),
    named({ limits: [{ type: "X" }] }),
    named({ limits: [{ type: "Pod", default: { cpu: "1" } }] }),
    named({ limits: [{ type: "Container" }, { type: "Container" }] }),
    named({ limits: [{ type: "Container", default: { cpu: "1" }, defaultRequest: { cpu: "2" } }] }),
    named({ limits: [{ type: "Container", maxLimitRequestRatio: { cpu: "0.5" } }] })
  ),
  kind(
    nodes,
    "rules",
    { metadata: { name: "conformance-v" }, spec: { taints: [{ key: "", effect: "X" }] } },
    {
      metadata: { name: "conformance-v" },
      spec: {
        taints: [
          { key: "a", effect: "NoSchedule" },
          { key: "a", effect: "NoSchedule" }
        ]
      }
    },
    { metadata: { name: "conformance-v" }, spec: { podCIDRs: ["x"] } },
    { metadata: { name: "A_" } }
  ),
  kind(
    `${core}/serviceaccounts`,
    "rules",
    {},
    { secrets: [{ name: "x" }], imagePullSecrets: [{ name: "y" }], automountServiceAccountToken: false },
    { metadata: { name: "A_" } }
  ),
  kind(`${core}/podtemplates`, "defaults and rules", { template }, { template: {} }, {}),
  kind(
    "/apis/node.k8s.io/v1/runtimeclasses",
    "rules",
    { handler: "x" },
    { handler: "" },
    { handler: "A_" },
    { handler: "x", overhead: { podFixed: { cpu: "-1" } } }
  ),
  kind(
    "/apis/storage.k8s.io/v1/csidrivers",
    "defaults and rules",
    named({}),
    { metadata: { name: "A_" }, spec: {} },
    named({ volumeLifecycleModes: ["X"] }),
    named({ fsGroupPolicy: "X" })
  ),
  kind(
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "defaults and rules",
    { webhooks: [] },
    { webhooks: [{ name: "x" }] },
    {
      webhooks: [
        {
          name: "a.b.c",
          sideEffects: "None",
          admissionReviewVersions: ["v1"],
          clientConfig: { url: "https://a.example.com/" },
          rules: [{ apiGroups: [""], apiVersions: ["v1"], resources: ["pods"], operations: ["CREATE"] }]
        }
      ]
    },
    { webhooks: [{ name: "a.b.c", sideEffects: "X", admissionReviewVersions: [], clientConfig: { url: "http://a" } }] }
  )
]
