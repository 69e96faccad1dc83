/** Subresources: status, scale, binding, eviction, tokens, approval, finalize. */
import type { Case } from "../harness.js"
import {
  headless,
  applying,
  apps,
  as,
  core,
  deployment,
  deployments,
  group,
  json,
  labels,
  merge,
  one,
  pod,
  pods,
  services,
  strategic,
  template
} from "./common.js"

const tokens = `${core}/serviceaccounts/default/token`
const requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
const ready = { type: "Ready", status: "True", lastTransitionTime: "2020-01-01T00:00:00Z", reason: "R", message: "m" }

/** Kinds that no controller touches, with the status that they take. */
const statuses: ReadonlyArray<readonly [path: string, object: object, status: object]> = [
  [services, { metadata: { name: "s" }, spec: headless }, { loadBalancer: { ingress: [{ ip: "10.0.0.1" }] } }],
  [
    `${group("networking.k8s.io")}/ingresses`,
    { metadata: { name: "s" }, spec: { defaultBackend: { service: { name: "a", port: { number: 80 } } } } },
    { loadBalancer: { ingress: [{ hostname: "a.example.com", ports: [{ port: 80, protocol: "TCP" }] }] } }
  ],
  [pods, pod("s"), { phase: "Running", podIP: "10.1.1.1", podIPs: [{ ip: "10.1.1.1" }], conditions: [ready] }],
  [
    `${group("batch")}/jobs`,
    {
      metadata: { name: "s" },
      spec: {
        managedBy: "example.com/nobody",
        template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } }
      }
    },
    { active: 1, startTime: "2020-01-01T00:00:00Z" }
  ],
  [
    `${group("batch")}/cronjobs`,
    {
      metadata: { name: "s" },
      spec: {
        schedule: "@yearly",
        suspend: true,
        jobTemplate: {
          spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } } }
        }
      }
    },
    { lastScheduleTime: "2020-01-01T00:00:00Z" }
  ]
]

export const cases: ReadonlyArray<Case> = [
  ...statuses.map(([path, object, status]) =>
    one(
      `the status of ${path.split("/").at(-1)}`,
      ["POST", path, { ...object, status }],
      ["PUT", `${path}/s`, { ...object, status }],
      [
        "PATCH",
        `${path}/s/status`,
        {
          status,
          spec: { nope: 1 },
          metadata: { labels: { l: "1" }, annotations: { a: "1" }, finalizers: ["x.dev/a"] }
        },
        merge
      ],
      ["PUT", `${path}/s/status`, { ...object, status: {} }],
      ["PATCH", `${path}/s/status`, { status }, strategic],
      ["PATCH", `${path}/s/status`, [{ op: "remove", path: "/status" }], json],
      ["PATCH", `${path}/s/status`, { status: "x" }, merge],
      ["GET", `${path}/s/status`],
      ["GET", `${path}/none/status`],
      ["PUT", `${path}/none/status`, { ...object, metadata: { name: "none" } }],
      ["PATCH", `${path}/s`, { metadata: { finalizers: null } }, merge]
    )
  ),
  one(
    "the scale of a deployment",
    [
      "POST",
      deployments,
      {
        metadata: { name: "d" },
        spec: { paused: true, replicas: 0, selector: { matchLabels: labels }, template }
      },
      as("PartialObjectMetadata")
    ],
    ["PUT", `${deployments}/d/scale`, { metadata: { name: "d", resourceVersion: "1" }, spec: { replicas: 0 } }],
    ["PUT", `${deployments}/d/scale`, { metadata: { name: "d" }, spec: { replicas: -1 } }],
    ["PUT", `${deployments}/d/scale`, { metadata: { name: "e" }, spec: { replicas: 1 } }],
    ["GET", `${deployments}/nope/scale`]
  ),
  one(
    "the scale of a controller without pods",
    [
      "POST",
      `${core}/replicationcontrollers?dryRun=All`,
      { metadata: { name: "r" }, spec: { replicas: 0, selector: labels, template } }
    ],
    ["GET", `${core}/replicationcontrollers/r/scale`],
    ["PATCH", `${core}/replicationcontrollers/r/scale`, { spec: { replicas: 1 } }, merge],
    ["PATCH", `${apps}/statefulsets/r/scale`, { spec: { replicas: 1 } }, merge],
    ["PUT", `${apps}/replicasets/r/scale`, { metadata: { name: "r" }, spec: { replicas: 1 } }]
  ),
  one(
    "scales of odd forms",
    ["POST", deployments, deployment("d", { paused: true }), as("PartialObjectMetadata")],
    [
      "PUT",
      `${deployments}/d/scale?dryRun=All`,
      { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "d" } }
    ],
    [
      "PUT",
      `${deployments}/d/scale?dryRun=All`,
      { metadata: { name: "d", namespace: "other" }, spec: { replicas: 1 } }
    ],
    ["PUT", `${deployments}/d/scale?dryRun=All`, { metadata: { name: "d" }, spec: { replicas: "x" } }],
    ["PUT", `${deployments}/d/scale?dryRun=All`, {}],
    ["PUT", `${deployments}/d/scale?dryRun=All`, "["],
    ["PATCH", `${deployments}/d/scale?dryRun=All`, { spec: { replicas: -2 } }, merge],
    ["PATCH", `${deployments}/d/scale?dryRun=All`, { spec: { replicas: "x" } }, merge],
    ["PATCH", `${deployments}/d/scale?dryRun=All`, { metadata: { name: "e" } }, merge],
    ["PATCH", `${deployments}/d/scale?dryRun=All`, [{ op: "test", path: "/spec/replicas", value: 3 }], json],
    ["PATCH", `${deployments}/d/scale?dryRun=All`, {}, { "content-type": "text/plain" }],
    ["PUT", `${deployments}/d/scale?dryRun=All`, { metadata: { name: "d", uid: "x" }, spec: { replicas: 1 } }]
  ),
  one(
    "an apply of a scale",
    ["POST", `${deployments}?fieldManager=one`, deployment("d", { paused: true }), as("PartialObjectMetadata")],
    [
      "PATCH",
      `${deployments}/d/scale?fieldManager=two&dryRun=All`,
      { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: "d" }, spec: { replicas: 3 } },
      applying
    ],
    [
      "PATCH",
      `${deployments}/none/scale?fieldManager=two`,
      { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: "none" }, spec: { replicas: 3 } },
      applying
    ]
  ),
  one(
    "pods: binding and eviction",
    ["POST", `${pods}/x/binding`, { target: { kind: "Node", name: "n" } }],
    ["POST", `${pods}/x/eviction`, { metadata: { name: "y" } }],
    ["POST", `${pods}/x/eviction`, { metadata: { name: "x" } }]
  ),
  one(
    "binding",
    ["POST", pods, pod("p"), as("PartialObjectMetadata")],
    ["POST", `${pods}/p/binding`, { metadata: { name: "p" }, target: {} }],
    ["POST", `${pods}/p/binding`, { metadata: { name: "p" }, target: { kind: "Pod", name: "n" } }],
    ["POST", `${pods}/p/binding`, { metadata: { name: "q" }, target: { kind: "Node", name: "n" } }],
    ["POST", `${pods}/p/binding?dryRun=All`, { metadata: { name: "p" }, target: { kind: "Node", name: "none-$NS" } }],
    ["POST", `${pods}/p/binding`, { metadata: { name: "p" }, target: { kind: "Node", name: "none-$NS" } }],
    ["POST", `${pods}/p/binding`, { metadata: { name: "p" }, target: { kind: "Node", name: "none-$NS" } }],
    ["DELETE", `${pods}/p?gracePeriodSeconds=0`, undefined, as("PartialObjectMetadata")]
  ),
  one(
    "the collection of bindings",
    ["POST", pods, pod("p"), as("PartialObjectMetadata")],
    ["POST", `${core}/bindings`, { metadata: { name: "none" }, target: { kind: "Node", name: "n" } }],
    ["POST", `${core}/bindings`, { metadata: { name: "p" }, target: { kind: "Node", name: "none-$NS" } }],
    ["DELETE", `${pods}/p?gracePeriodSeconds=0`, undefined, as("PartialObjectMetadata")]
  ),
  one(
    "eviction",
    ["POST", pods, pod("p"), as("PartialObjectMetadata")],
    ["POST", `${pods}/p/eviction`, { metadata: { name: "p" }, deleteOptions: { preconditions: { uid: "x" } } }],
    ["POST", `${pods}/p/eviction`, { metadata: { name: "p" }, deleteOptions: { dryRun: ["All"] } }],
    ["POST", `${pods}/p/eviction?dryRun=All`, { metadata: { name: "p" } }],
    ["POST", `${pods}/p/eviction`, { apiVersion: "policy/v1beta1", kind: "Eviction", metadata: { name: "p" } }],
    ["POST", `${pods}/p/eviction`, {}],
    ["POST", `${pods}/p/eviction`, { metadata: { name: "p" } }],
    ["GET", `${pods}/p`]
  ),
  one(
    "what of a pod may be changed",
    ["POST", pods, pod("p"), as("PartialObjectMetadata")],
    ["PATCH", `${pods}/p`, { spec: { schedulerName: "other" } }, merge],
    ["PATCH", `${pods}/p`, { spec: { nodeName: "n" } }, merge],
    ["PATCH", `${pods}/p`, { spec: { activeDeadlineSeconds: 5 } }, merge],
    ["PATCH", `${pods}/p`, { spec: { activeDeadlineSeconds: 6 } }, merge],
    ["PATCH", `${pods}/p`, { spec: { containers: [{ name: "c", image: "other" }] } }, strategic],
    ["PATCH", `${pods}/p`, { spec: { containers: [{ name: "c", image: "" }] } }, strategic],
    ["PATCH", `${pods}/p`, { metadata: { labels: { x: "y" } } }, merge],
    ["PATCH", `${pods}/p`, { spec: { terminationGracePeriodSeconds: 7 } }, merge],
    ["DELETE", `${pods}/p`, undefined, as("PartialObjectMetadata")]
  ),
  one(
    "ephemeral containers",
    ["POST", pods, pod("p"), as("PartialObjectMetadata")],
    ["GET", `${pods}/p/ephemeralcontainers`, undefined, as("PartialObjectMetadata")],
    [
      "PATCH",
      `${pods}/p/ephemeralcontainers`,
      { spec: { ephemeralContainers: [{ name: "e", image: "i" }] } },
      strategic
    ],
    [
      "PATCH",
      `${pods}/p/ephemeralcontainers`,
      { spec: { ephemeralContainers: [{ name: "c", image: "i" }] } },
      strategic
    ],
    [
      "PATCH",
      `${pods}/p/ephemeralcontainers`,
      { spec: { ephemeralContainers: [{ name: "e", image: "j" }] } },
      strategic
    ],
    ["PATCH", `${pods}/p`, { spec: { ephemeralContainers: [{ name: "f", image: "j" }] } }, strategic],
    ["DELETE", `${pods}/p`, undefined, as("PartialObjectMetadata")]
  ),
  one(
    "resize",
    [
      "POST",
      pods,
      pod("p", { containers: [{ name: "c", image: "i", resources: { requests: { cpu: "1" } } }] }),
      as("PartialObjectMetadata")
    ],
    [
      "PATCH",
      `${pods}/p/resize`,
      { spec: { containers: [{ name: "c", resources: { requests: { cpu: "2" } } }] } },
      strategic
    ],
    [
      "PATCH",
      `${pods}/p/resize`,
      { spec: { containers: [{ name: "c", resources: { limits: { memory: "-1" } } }] } },
      strategic
    ],
    ["PATCH", `${pods}/p/resize`, { spec: { containers: [{ name: "c", image: "x" }] } }, strategic],
    ["PATCH", `${pods}/p`, { spec: { containers: [{ name: "c", resources: { requests: { cpu: "3" } } }] } }, strategic],
    ["DELETE", `${pods}/p`, undefined, as("PartialObjectMetadata")]
  ),
  one(
    "tokens that are refused",
    ["POST", tokens, { spec: { expirationSeconds: 5 } }],
    ["POST", tokens, { spec: { expirationSeconds: 4294967297 } }],
    ["POST", tokens, { metadata: { name: "other" } }],
    ["POST", tokens, { metadata: { namespace: "other" } }],
    ["POST", tokens, { spec: { boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "none" } } }],
    ["POST", tokens, { spec: { boundObjectRef: { kind: "Nope", apiVersion: "v1", name: "none" } } }],
    ["POST", `${core}/serviceaccounts/none/token`, {}]
  ),
  one(
    "signing requests",
    ["POST", requests, { metadata: { name: "$NS" }, spec: { signerName: "x", request: "eA==", usages: [] } }],
    ["POST", requests, { metadata: { name: "$NS" }, spec: {} }],
    ["PATCH", `${requests}/none-$NS/approval`, { status: { conditions: [] } }, merge],
    ["GET", `${requests}/none-$NS/approval`]
  ),
  one(
    "the finalize of a namespace",
    ["PUT", "/api/v1/namespaces/$NS/finalize", { metadata: { name: "other" } }],
    ["PUT", "/api/v1/namespaces/none-$NS/finalize", { metadata: { name: "none-$NS" } }],
    ["GET", "/api/v1/namespaces/$NS/finalize"],
    ["PUT", "/api/v1/namespaces/$NS/finalize?dryRun=All", { metadata: { name: "$NS" }, spec: { finalizers: ["x"] } }],
    [
      "PUT",
      "/api/v1/namespaces/$NS/finalize?dryRun=All",
      { metadata: { name: "$NS" }, spec: { finalizers: ["kubernetes", "a.b/c"] } }
    ]
  )
]
