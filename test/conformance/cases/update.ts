/** Replacing, and what of an object cannot change. */
import type { Case } from "../harness.js"
import {
  headless,
  as,
  core,
  deployment,
  deployments,
  group,
  jobs,
  leases,
  map,
  maps,
  merge,
  one,
  podTemplates,
  rbac,
  roles,
  secret,
  secrets,
  services,
  template
} from "./common.js"

const unmanagedJob = (spec: object = {}) => ({
  metadata: { name: "j" },
  spec: {
    managedBy: "example.com/nobody",
    template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } },
    ...spec
  }
})

export const cases: ReadonlyArray<Case> = [
  one("what is not there", ["GET", `${maps}/none`], ["DELETE", `${maps}/none`], ["PUT", `${maps}/none`, map("none")]),
  one(
    "replacing what another has written",
    ["POST", maps, map("a")],
    ["PUT", `${maps}/a`, { metadata: { name: "b" } }],
    ["PUT", `${maps}/a`, { metadata: {} }],
    ["PUT", `${maps}/a`, { metadata: { name: "a", namespace: "zz" } }],
    ["PUT", `${maps}/a`, { metadata: { name: "a", resourceVersion: "1" } }],
    ["PUT", `${maps}/a`, { metadata: { name: "a", resourceVersion: "x" } }],
    ["PUT", `${maps}/a`, { metadata: { name: "a", creationTimestamp: "2020-01-01T00:00:00Z", generation: 7 } }]
  ),
  one(
    "replacing the version that was read",
    ["POST", secrets, secret("a")],
    [
      "PUT",
      `${secrets}/a`,
      { metadata: { name: "a", resourceVersion: "$1.metadata.resourceVersion", labels: { x: "1" } } }
    ],
    [
      "PUT",
      `${secrets}/a`,
      { metadata: { name: "a", resourceVersion: "$1.metadata.resourceVersion", labels: { x: "2" } } }
    ],
    [
      "PUT",
      `${secrets}/a`,
      { metadata: { name: "a", resourceVersion: "$2.metadata.resourceVersion", labels: { x: "1" } } }
    ],
    ["PUT", `${secrets}/a`, { metadata: { name: "a", resourceVersion: "0" } }],
    ["PUT", `${secrets}/a`, { metadata: { name: "a", resourceVersion: "-1" } }]
  ),
  one(
    "replacing by uid",
    ["POST", secrets, secret("a")],
    ["PUT", `${secrets}/a`, { metadata: { name: "a", uid: "$1.metadata.uid", labels: { x: "1" } } }],
    ["PUT", `${secrets}/a`, { metadata: { name: "a", uid: "00000000-0000-4000-8000-000000000000" } }],
    ["PUT", `${secrets}/a`, { metadata: { name: "a", uid: "x", resourceVersion: "1" } }]
  ),
  one(
    "a lease says which version it replaces",
    ["PUT", `${leases}/l`, { metadata: { name: "l" }, spec: { holderIdentity: "a" } }],
    ["PUT", `${leases}/l`, { metadata: { name: "l" }, spec: { holderIdentity: "b" } }],
    [
      "PUT",
      `${leases}/l`,
      { metadata: { name: "l", resourceVersion: "$1.metadata.resourceVersion" }, spec: { holderIdentity: "b" } }
    ]
  ),
  one(
    "a PUT that creates",
    ["PUT", `${roles}/r`, { metadata: { name: "r" }, rules: [] }],
    [
      "PUT",
      `${roles}/r`,
      { metadata: { name: "r" }, rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }] }
    ],
    ["PUT", `${roles}/s`, { metadata: { name: "s", uid: "x" }, rules: [] }],
    ["PUT", `${roles}/t`, { metadata: { name: "t", resourceVersion: "5" }, rules: [] }],
    ["PUT", `${core}/limitranges/l`, { metadata: { name: "l" }, spec: { limits: [] } }],
    ["PUT", `${core}/endpoints/e`, { metadata: { name: "e" }, subsets: [] }],
    ["PUT", `${core}/resourcequotas/q`, { metadata: { name: "q" } }],
    ["PUT", `${podTemplates}/p`, { metadata: { name: "p" }, template }]
  ),
  one(
    "metadata that a PUT cannot change",
    ["POST", secrets, { metadata: { name: "a", labels: { a: "b" }, annotations: { a: "b" } }, type: "Opaque" }],
    ["PUT", `${secrets}/a`, { metadata: { name: "a", deletionTimestamp: "2020-01-01T00:00:00Z" } }],
    ["PUT", `${secrets}/a`, { metadata: { name: "a", deletionGracePeriodSeconds: 5 } }],
    ["PUT", `${secrets}/a`, { metadata: { name: "a", generateName: "b-", selfLink: "x" } }],
    ["PUT", `${secrets}/a`, { metadata: { name: "a", managedFields: [] } }],
    ["GET", `${secrets}/a`]
  ),
  one(
    "an immutable configmap",
    ["POST", maps, map("a", { immutable: true })],
    ["PUT", `${maps}/a`, map("a", { immutable: true, data: { a: "c" } })],
    ["PUT", `${maps}/a`, map("a")],
    ["PUT", `${maps}/a`, map("a", { immutable: true, binaryData: { x: "AA==" } })],
    ["PATCH", `${maps}/a`, { metadata: { labels: { a: "b" } } }, merge]
  ),
  one(
    "an immutable secret, and its type",
    ["POST", secrets, { metadata: { name: "a" }, immutable: true, stringData: { a: "b" } }],
    ["PUT", `${secrets}/a`, { metadata: { name: "a" }, immutable: true, data: { a: "Yg==", c: "ZA==" } }],
    ["PUT", `${secrets}/a`, { metadata: { name: "a" }, immutable: true, data: { a: "Yg==" }, type: "other" }],
    ["PATCH", `${secrets}/a`, { immutable: false }, merge]
  ),
  one(
    "stringData",
    ["POST", secrets, { metadata: { name: "a" }, data: { a: "YQ==", b: "Yg==" }, stringData: { a: "é" } }],
    ["PATCH", `${secrets}/a`, { stringData: { c: "<&>" } }, merge],
    ["PUT", `${secrets}/a`, { metadata: { name: "a" }, stringData: { z: "" } }]
  ),
  one(
    "a deployment's selector",
    ["POST", deployments, deployment("d"), as("PartialObjectMetadata")],
    [
      "PUT",
      `${deployments}/d?dryRun=All`,
      deployment("d", {
        selector: { matchLabels: { a: "c" } },
        template: { ...template, metadata: { labels: { a: "c" } } }
      })
    ]
  ),
  one(
    "a statefulset's immutable fields",
    [
      "POST",
      `${group("apps")}/statefulsets`,
      {
        metadata: { name: "s" },
        spec: { replicas: 0, serviceName: "s", selector: { matchLabels: { a: "b" } }, template }
      },
      as("PartialObjectMetadata")
    ],
    ["PATCH", `${group("apps")}/statefulsets/s?dryRun=All`, { spec: { serviceName: "t" } }, merge],
    ["PATCH", `${group("apps")}/statefulsets/s?dryRun=All`, { spec: { podManagementPolicy: "Parallel" } }, merge],
    ["PATCH", `${group("apps")}/statefulsets/s?dryRun=All`, { spec: { selector: { matchLabels: { x: "y" } } } }, merge]
  ),
  one(
    "a job's immutable fields and its generation",
    ["POST", jobs, unmanagedJob({ suspend: true })],
    ["PATCH", `${jobs}/j`, { spec: { completions: 5 } }, merge],
    ["PATCH", `${jobs}/j`, { spec: { selector: { matchLabels: { x: "y" } } } }, merge],
    ["PATCH", `${jobs}/j`, { spec: { template: { spec: { restartPolicy: "OnFailure" } } } }, merge],
    ["PATCH", `${jobs}/j`, { spec: { managedBy: "example.com/other" } }, merge],
    ["PATCH", `${jobs}/j`, { spec: { completionMode: "Indexed" } }, merge],
    ["PATCH", `${jobs}/j`, { spec: { parallelism: 3 } }, merge],
    ["PATCH", `${jobs}/j`, { metadata: { labels: { x: "y" } } }, merge]
  ),
  one(
    "a binding's role",
    [
      "POST",
      `${rbac}/rolebindings`,
      { metadata: { name: "b" }, roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" } }
    ],
    [
      "PUT",
      `${rbac}/rolebindings/b`,
      { metadata: { name: "b" }, roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "s" } }
    ]
  ),
  one(
    "a service between its types",
    ["POST", services, { metadata: { name: "s" }, spec: { type: "ExternalName", externalName: "a.example.com" } }],
    ["PATCH", `${services}/s`, { spec: { externalName: "b.example.com" } }, merge],
    ["PATCH", `${services}/s`, { spec: { externalName: "B_" } }, merge],
    ["PATCH", `${services}/s`, { spec: { type: "Other" } }, merge],
    ["PUT", `${services}/s`, { metadata: { name: "s" }, spec: { ...headless, ports: [{ port: 80 }] } }],
    ["PATCH", `${services}/s`, { spec: { clusterIP: "10.0.0.5" } }, merge]
  ),
  one(
    "a headless service's ports",
    ["POST", services, { metadata: { name: "s" }, spec: { ...headless, ports: [{ port: 80 }] } }],
    ["PATCH", `${services}/s`, { spec: { ports: [{ port: 80 }, { port: 81 }] } }, merge],
    [
      "PATCH",
      `${services}/s`,
      {
        spec: {
          ports: [
            { port: 80, name: "a" },
            { port: 81, name: "b" }
          ]
        }
      },
      merge
    ],
    ["PATCH", `${services}/s`, { spec: { sessionAffinity: "ClientIP" } }, merge],
    ["PATCH", `${services}/s`, { spec: { sessionAffinity: "None" } }, merge]
  ),
  one(
    "priority classes, storage classes and what of them is immutable",
    ["POST", "/apis/scheduling.k8s.io/v1/priorityclasses", { metadata: { name: "$NS" }, value: 5, description: "x" }],
    ["PATCH", "/apis/scheduling.k8s.io/v1/priorityclasses/$NS", { value: 6 }, merge],
    ["PATCH", "/apis/scheduling.k8s.io/v1/priorityclasses/$NS", { preemptionPolicy: "Never" }, merge],
    ["PATCH", "/apis/scheduling.k8s.io/v1/priorityclasses/$NS", { description: "y" }, merge],
    ["DELETE", "/apis/scheduling.k8s.io/v1/priorityclasses/$NS"],
    ["POST", "/apis/storage.k8s.io/v1/storageclasses", { metadata: { name: "$NS" }, provisioner: "example.com/x" }],
    ["PATCH", "/apis/storage.k8s.io/v1/storageclasses/$NS", { provisioner: "example.com/y" }, merge],
    ["PATCH", "/apis/storage.k8s.io/v1/storageclasses/$NS", { parameters: { a: "b" } }, merge],
    ["PATCH", "/apis/storage.k8s.io/v1/storageclasses/$NS", { reclaimPolicy: "Retain" }, merge],
    ["DELETE", "/apis/storage.k8s.io/v1/storageclasses/$NS"]
  ),
  one(
    "what makes a new generation",
    ["POST", `${group("networking.k8s.io")}/networkpolicies`, { metadata: { name: "n" }, spec: { podSelector: {} } }],
    ["PATCH", `${group("networking.k8s.io")}/networkpolicies/n`, { metadata: { labels: { a: "b" } } }, merge],
    ["PATCH", `${group("networking.k8s.io")}/networkpolicies/n`, { spec: { policyTypes: ["Egress"] } }, merge],
    [
      "POST",
      `${group("networking.k8s.io")}/ingresses`,
      { metadata: { name: "i" }, spec: { defaultBackend: { service: { name: "a", port: { number: 80 } } } } }
    ],
    ["PATCH", `${group("networking.k8s.io")}/ingresses/i`, { spec: { ingressClassName: "x" } }, merge],
    ["PATCH", `${group("networking.k8s.io")}/ingresses/i`, { metadata: { annotations: { a: "b" } } }, merge],
    ["POST", podTemplates, { metadata: { name: "p" }, template }],
    ["PATCH", `${podTemplates}/p`, { template: { metadata: { labels: { c: "d" } } } }, merge],
    ["PATCH", `${podTemplates}/p`, { metadata: { labels: { c: "d" } } }, merge]
  ),
  one(
    "endpoint slices",
    [
      "POST",
      `${group("discovery.k8s.io")}/endpointslices`,
      { metadata: { name: "e" }, addressType: "IPv4", endpoints: [{ addresses: ["10.1.2.3"] }], ports: [{ port: 80 }] }
    ],
    ["PATCH", `${group("discovery.k8s.io")}/endpointslices/e`, { addressType: "IPv6" }, merge],
    ["PATCH", `${group("discovery.k8s.io")}/endpointslices/e`, { metadata: { labels: { a: "b" } } }, merge],
    ["PATCH", `${group("discovery.k8s.io")}/endpointslices/e`, { ports: [{ port: 81, name: "a" }] }, merge]
  ),
  one(
    "events",
    [
      "POST",
      `${core}/events`,
      {
        metadata: { name: "e" },
        involvedObject: { kind: "Pod", name: "p", namespace: "$NS" },
        reason: "R",
        message: "m",
        type: "Normal",
        count: 1
      }
    ],
    ["PATCH", `${core}/events/e`, { count: 2 }, merge],
    ["GET", `${group("events.k8s.io")}/events/e`],
    ["PATCH", `${group("events.k8s.io")}/events/e`, { note: "other" }, merge],
    [
      "POST",
      `${core}/events`,
      { metadata: { name: "f" }, involvedObject: { kind: "Pod", name: "p", namespace: "other" } }
    ],
    ["POST", `${group("events.k8s.io")}/events`, { metadata: { name: "g" }, regarding: { namespace: "$NS" } }]
  )
]
