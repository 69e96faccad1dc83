/** A valid object of each kind, with much in it: what the tests of decoding, defaults and validation start from. */
import type { GroupVersionKind, JsonObject } from "../../../../src/testing/internal/openapi.js"

export interface Example {
  readonly gvk: GroupVersionKind
  readonly object: JsonObject
}

const example = (apiVersion: string, kind: string, content: JsonObject, metadata: JsonObject = {}): Example => {
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion]
  return {
    gvk: { group: group ?? "", version: version ?? "", kind },
    object: { apiVersion, kind, metadata: { name: "example", ...metadata }, ...content }
  }
}

const labels = { app: "web" }
const selector = { matchLabels: labels }

export const podSpec: JsonObject = {
  containers: [
    {
      name: "web",
      image: "example.com/web",
      command: ["serve"],
      args: ["--port", "8080"],
      env: [
        { name: "PLAIN", value: "x" },
        { name: "EMPTY" },
        { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
        { name: "SECRET", valueFrom: { secretKeyRef: { name: "secret", key: "key" } } },
        { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } }
      ],
      envFrom: [{ prefix: "P_", configMapRef: { name: "config" } }],
      ports: [
        { name: "http", containerPort: 8080 },
        { containerPort: 9090, protocol: "UDP" }
      ],
      resources: { limits: { cpu: "1000m", memory: "1024Mi" }, requests: { cpu: 0.5 } },
      livenessProbe: { httpGet: { port: "http" } },
      readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 5 },
      startupProbe: { grpc: { port: 9090 } },
      lifecycle: { preStop: { exec: { command: ["stop"] } }, postStart: { httpGet: { path: "/up", port: 8080 } } },
      securityContext: { runAsUser: 1000, runAsNonRoot: true, capabilities: { drop: ["ALL"] } },
      volumeMounts: [
        { name: "data", mountPath: "/data" },
        { name: "config", mountPath: "/etc/config", readOnly: true }
      ]
    },
    { name: "side", image: "example.com/side:1.2" }
  ],
  initContainers: [{ name: "init", image: "example.com/init:latest", command: ["init"] }],
  volumes: [
    { name: "data" },
    { name: "config", configMap: { name: "config", items: [{ key: "a", path: "b" }] } },
    { name: "secret", secret: { secretName: "secret" } },
    { name: "host", hostPath: { path: "/var/log" } },
    { name: "claim", persistentVolumeClaim: { claimName: "claim" } },
    { name: "memory", emptyDir: { medium: "Memory", sizeLimit: "64Mi" } },
    {
      name: "projected",
      projected: {
        sources: [
          { serviceAccountToken: { path: "token" } },
          { configMap: { name: "config" } },
          { downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } }
        ]
      }
    }
  ],
  nodeSelector: { disk: "ssd" },
  tolerations: [{ key: "a", operator: "Exists", effect: "NoExecute", tolerationSeconds: 60 }],
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: "zone", operator: "In", values: ["a", "b"] }] }]
      }
    },
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 10, podAffinityTerm: { labelSelector: selector, topologyKey: "zone" } }
      ]
    }
  },
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule", labelSelector: selector }
  ],
  hostAliases: [{ ip: "10.0.0.1", hostnames: ["a.example.com"] }]
}

const small: JsonObject = { containers: [{ name: "web", image: "example.com/web:1" }] }
const template: JsonObject = { metadata: { labels }, spec: podSpec }
const webhook = {
  name: "hook.example.com",
  clientConfig: { service: { name: "hook", namespace: "default" } },
  rules: [{ apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"], operations: ["CREATE"] }],
  sideEffects: "None",
  admissionReviewVersions: ["v1"]
}

export const examples: ReadonlyArray<Example> = [
  example("v1", "ConfigMap", { data: { a: "1" }, binaryData: { b: "AAEC" } }, { labels, annotations: { a: "b" } }),
  example("v1", "Secret", { stringData: { password: "x" }, data: { user: "cm9vdA==" } }),
  example("v1", "Namespace", {}, { labels: { team: "a" } }),
  example("v1", "Service", {
    spec: {
      selector: labels,
      ports: [
        { name: "http", port: 80, targetPort: "http" },
        { name: "udp", port: 53, protocol: "UDP" }
      ]
    }
  }),
  example("v1", "Pod", { spec: podSpec }, { labels }),
  example("apps/v1", "Deployment", { spec: { selector, template } }),
  example("apps/v1", "ReplicaSet", { spec: { selector, template } }),
  example("apps/v1", "DaemonSet", { spec: { selector, template } }),
  example("apps/v1", "StatefulSet", {
    spec: {
      serviceName: "web",
      selector,
      template: { metadata: { labels }, spec: small },
      volumeClaimTemplates: [
        {
          metadata: { name: "data" },
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } }
        }
      ]
    }
  }),
  example("apps/v1", "ControllerRevision", { data: { a: 1 }, revision: 1 }),
  example("batch/v1", "Job", {
    spec: {
      template: { metadata: { labels }, spec: { ...small, restartPolicy: "Never" } },
      completions: 3,
      parallelism: 2
    }
  }),
  example("batch/v1", "CronJob", {
    spec: {
      schedule: "*/5 * * * *",
      jobTemplate: { spec: { template: { spec: { ...small, restartPolicy: "OnFailure" } } } }
    }
  }),
  example("v1", "ReplicationController", {
    spec: { selector: labels, template: { metadata: { labels }, spec: small } }
  }),
  example("v1", "PodTemplate", { template }),
  example("v1", "Endpoints", { subsets: [{ addresses: [{ ip: "10.0.0.1" }], ports: [{ port: 80 }] }] }),
  example("discovery.k8s.io/v1", "EndpointSlice", {
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready: true } }],
    ports: [{ port: 80 }]
  }),
  example("networking.k8s.io/v1", "Ingress", {
    spec: {
      ingressClassName: "nginx",
      tls: [{ hosts: ["example.com"], secretName: "tls" }],
      defaultBackend: { service: { name: "web", port: { name: "http" } } },
      rules: [
        {
          host: "example.com",
          http: {
            paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "web", port: { number: 80 } } } }]
          }
        }
      ]
    }
  }),
  example("networking.k8s.io/v1", "IngressClass", {
    spec: { controller: "example.com/controller", parameters: { kind: "Config", name: "x" } }
  }),
  example("networking.k8s.io/v1", "NetworkPolicy", {
    spec: {
      podSelector: selector,
      ingress: [
        {
          from: [{ namespaceSelector: {} }, { ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] } }],
          ports: [{ port: 80 }]
        }
      ],
      egress: [{ ports: [{ port: 5000, endPort: 6000, protocol: "UDP" }] }]
    }
  }),
  example("autoscaling/v2", "HorizontalPodAutoscaler", {
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
      maxReplicas: 5,
      behavior: { scaleDown: { stabilizationWindowSeconds: 60 } }
    }
  }),
  example("autoscaling/v1", "HorizontalPodAutoscaler", {
    spec: { scaleTargetRef: { kind: "Deployment", name: "web" }, maxReplicas: 5, targetCPUUtilizationPercentage: 60 }
  }),
  example("policy/v1", "PodDisruptionBudget", { spec: { minAvailable: "50%", selector } }),
  example("rbac.authorization.k8s.io/v1", "Role", {
    rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }]
  }),
  example("rbac.authorization.k8s.io/v1", "ClusterRole", {
    rules: [
      { apiGroups: [""], resources: ["pods"], verbs: ["get"] },
      { nonResourceURLs: ["/healthz"], verbs: ["get"] }
    ]
  }),
  example("rbac.authorization.k8s.io/v1", "RoleBinding", {
    roleRef: { kind: "Role", name: "x" },
    subjects: [
      { kind: "User", name: "jane" },
      { kind: "ServiceAccount", name: "sa", namespace: "default" }
    ]
  }),
  example("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", {
    roleRef: { kind: "ClusterRole", name: "view" },
    subjects: [{ kind: "Group", name: "team" }]
  }),
  example("v1", "PersistentVolume", {
    spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/tmp/x" } }
  }),
  example("v1", "PersistentVolumeClaim", {
    spec: { accessModes: ["ReadWriteOnce"], storageClassName: "fast", resources: { requests: { storage: "1024Mi" } } }
  }),
  example("storage.k8s.io/v1", "StorageClass", { provisioner: "example.com/disk", parameters: { type: "ssd" } }),
  example("storage.k8s.io/v1", "CSIDriver", { spec: {} }),
  example("v1", "ServiceAccount", { secrets: [{ name: "a" }], imagePullSecrets: [{ name: "b" }] }),
  example("v1", "LimitRange", {
    spec: { limits: [{ type: "Container", max: { cpu: "2" }, min: { cpu: "100m" }, default: { memory: "0.5Gi" } }] }
  }),
  example("v1", "ResourceQuota", { spec: { hard: { pods: "10", "requests.cpu": "4000m" } } }),
  example("v1", "Node", {
    spec: { taints: [{ key: "a", value: "b", effect: "NoSchedule" }] },
    status: { capacity: { cpu: "4", pods: "110" } }
  }),
  example("coordination.k8s.io/v1", "Lease", {
    spec: { holderIdentity: "a", leaseDurationSeconds: 15, renewTime: "2030-01-01T00:00:00.123456Z" }
  }),
  example("scheduling.k8s.io/v1", "PriorityClass", { value: 1000, description: "x" }),
  example("node.k8s.io/v1", "RuntimeClass", { handler: "runc" }),
  example("certificates.k8s.io/v1", "CertificateSigningRequest", {
    spec: { request: "LS0t", signerName: "example.com/signer", usages: ["client auth"] }
  }),
  example("v1", "Event", {
    involvedObject: { kind: "Pod", name: "x" },
    reason: "Started",
    message: "m",
    type: "Normal",
    firstTimestamp: "2030-01-01T01:00:00+01:00",
    count: 1
  }),
  example("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", { webhooks: [webhook] }),
  example("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", { webhooks: [webhook] }),
  example(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    {
      spec: {
        group: "example.com",
        scope: "Namespaced",
        names: { plural: "widgets", kind: "Widget" },
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: {
                type: "object",
                properties: {
                  spec: { type: "object", properties: { size: { type: "integer", minimum: 1, default: 3 } } }
                }
              }
            }
          }
        ]
      }
    },
    { name: "widgets.example.com" }
  )
]
