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
const reviews = "/apis/authentication.k8s.io/v1/tokenreviews"
const budgets = `${group("policy")}/poddisruptionbudgets`

/** As somebody whose name and groups are the same in each cluster. */
const signing = { "impersonate-user": "conformance-signing", "impersonate-group": "system:masters" }
const request = {
  metadata: { name: "$NS" },
  spec: {
    signerName: "example.com/signer",
    usages: ["client auth"],
    request:
      "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIUk1IZ0NBUUF3RmpFVU1CSUdBMVVFQXd3TFkyOXVabTl5YldGdVkyVXdXVEFUQmdjcWhrak9QUUlCQmdncQpoa2pPUFFNQkJ3TkNBQVRnUFhld2lsVnh5SjhwRGRUcmlGMk1leHdwdEZSNXFIbnBIYmE5YWFCMjVYWkwzSzZ3CjFUbmxnZUltNFdOVzRtM0FWSkplb3I1MzVjTVlFRVNZb2gwdW9BQXdDZ1lJS29aSXpqMEVBd0lEU1FBd1JnSWgKQU1jVzZXcGE3akFWaWRweWNEY3UvUHdlb0JYK05pL0ZXMzhpcVcwMlZLWFNBaUVBK2Ywd0s3bDFFemVYdXNEawpDR0plbVpJeVpzWVl4MXV6ZHk4ZTVkZk1TaHc9Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo="
  }
}
const certificate =
  "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJLRENCendJVU1HZ1lzR2FJYVpoQ0lLcjZxTU1ybEhGSzl2RXdDZ1lJS29aSXpqMEVBd0l3RmpFVU1CSUcKQTFVRUF3d0xZMjl1Wm05eWJXRnVZMlV3SUJjTk1qWXhNVEl4TVRVeE1qTXlXaGdQTWpFeU5qRXdNamd4TlRFeQpNekphTUJZeEZEQVNCZ05WQkFNTUMyTnZibVp2Y20xaGJtTmxNRmt3RXdZSEtvWkl6ajBDQVFZSUtvWkl6ajBECkFRY0RRZ0FFNEQxM3NJcFZjY2lmS1EzVTY0aGRqSHNjS2JSVWVhaDU2UjIydldtZ2R1VjJTOXl1c05VNTVZSGkKSnVGalZ1SnR3RlNTWHFLK2QrWERHQkJFbUtJZExqQUtCZ2dxaGtqT1BRUURBZ05JQURCRkFpQWIrTVhsL21qUwpDRjhrY0Y1YWoyZ2htZ1lmYlE2Z3dCWXBEMnczaU9SZENBSWhBT0hQQ0RZbWwrSVpLTU51YS9ZcnVMM3NBWllWCjdZekdLa2F6dVZmMmpsR0IKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="
const decided = (...types: ReadonlyArray<string>) => ({
  status: { conditions: types.map((type) => ({ type, status: "True", reason: "R", message: "m" })) }
})

/** Until a controller has seen what is wanted. */
const observed = ({ text }: { readonly text: string }) => {
  const { metadata, status } = JSON.parse(text)
  return metadata.generation === status.observedGeneration
}

const refusedToken = ({ text }: { readonly text: string }) => text.includes('"error"')

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
    "who manages the replicas",
    ["POST", `${deployments}?fieldManager=one`, deployment("d", { paused: true }), as("PartialObjectMetadata")],
    ["GET", `${deployments}/d`, undefined, {}, observed],
    ["PUT", `${deployments}/d/scale?fieldManager=two`, { metadata: { name: "d" }, spec: { replicas: 0 } }],
    ["GET", `${deployments}/d`, undefined, as("PartialObjectMetadata")],
    ["PATCH", `${deployments}/d/scale?fieldManager=two`, { spec: { replicas: 3 } }, merge],
    ["GET", `${deployments}/d`, undefined, {}, observed],
    ["PATCH", `${deployments}/d/scale?fieldManager=three`, { spec: { replicas: 2 } }, merge],
    ["GET", `${deployments}/d`, undefined, {}, observed],
    ["PATCH", `${deployments}/d?fieldManager=two`, { metadata: { labels: { x: "y" } } }, merge],
    ["PATCH", `${deployments}/d?fieldManager=one`, { spec: { replicas: 0 } }, merge],
    ["GET", `${deployments}/d`, undefined, {}, observed]
  ),
  one(
    "applies that scale",
    ["POST", `${deployments}?fieldManager=one`, deployment("d", { paused: true }), as("PartialObjectMetadata")],
    ["GET", `${deployments}/d`, undefined, {}, observed],
    [
      "PATCH",
      `${deployments}/d/scale?fieldManager=two&force=true`,
      { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: "d" }, spec: { replicas: 3 } },
      applying
    ],
    ["GET", `${deployments}/d`, undefined, {}, observed],
    [
      "PATCH",
      `${deployments}/d/scale?fieldManager=two`,
      { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: "d" }, spec: { replicas: 2 } },
      applying
    ],
    [
      "PATCH",
      `${deployments}/d?fieldManager=three`,
      { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "d" }, spec: { replicas: 1 } },
      applying
    ],
    [
      "PATCH",
      `${deployments}/d/scale?fieldManager=two`,
      { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "d" }, spec: { replicas: 1 } },
      applying
    ],
    ["PATCH", `${deployments}/d/scale`, { apiVersion: "autoscaling/v1", kind: "Scale" }, applying],
    ["GET", `${deployments}/d`, undefined, {}, observed]
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
    "bindings of odd forms",
    ["POST", pods, pod("p", { schedulingGates: [{ name: "a.b/c" }] }), as("PartialObjectMetadata")],
    ["POST", `${pods}/p/binding`, { metadata: { name: "p" }, target: { kind: "Pod" } }],
    ["POST", `${pods}/p/binding`, { metadata: { name: "p" }, target: { name: "n" } }],
    ["POST", `${pods}/p/binding`, { metadata: { name: "p", namespace: "other" }, target: { name: "n" } }],
    ["POST", `${pods}/p/binding`, { metadata: { name: "p", uid: "x" }, target: { name: "n" } }],
    ["POST", `${pods}/p/binding?dryRun=All`, { metadata: { name: "p", uid: "x" }, target: { name: "n" } }],
    ["POST", `${pods}/p/binding`, { metadata: { name: "p", resourceVersion: "1" }, target: { name: "n" } }],
    ["PATCH", `${pods}/p`, { spec: { schedulingGates: null } }, merge],
    [
      "POST",
      `${pods}/p/binding`,
      { metadata: { name: "p", annotations: { x: "y" }, labels: { z: "1" } }, target: { name: "none-$NS" } }
    ],
    ["GET", `${pods}/p`],
    ["POST", `${pods}/none/binding`, { metadata: { name: "none" }, target: { name: "n" } }],
    ["POST", `${pods}/p/binding?dryRun=None`, { metadata: { name: "p" }, target: { name: "n" } }],
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
    "what an eviction leaves",
    ["POST", pods, { ...pod("p"), metadata: { name: "p", finalizers: ["x.dev/a"] } }, as("PartialObjectMetadata")],
    [
      "POST",
      `${pods}/p/eviction`,
      { metadata: { name: "p" }, deleteOptions: { preconditions: { resourceVersion: "$1.metadata.resourceVersion" } } }
    ],
    ["GET", `${pods}/p`],
    ["POST", `${pods}/p/eviction`, { metadata: { name: "p" }, deleteOptions: { gracePeriodSeconds: 0 } }],
    ["PATCH", `${pods}/p`, { metadata: { finalizers: null } }, { ...merge, ...as("PartialObjectMetadata") }]
  ),
  one(
    "evictions with a budget",
    ["POST", pods, pod("p"), as("PartialObjectMetadata")],
    [
      "POST",
      budgets,
      { metadata: { name: "b" }, spec: { minAvailable: 1, selector: { matchLabels: labels } } },
      as("PartialObjectMetadata")
    ],
    ["PATCH", `${pods}/p/status`, { status: { phase: "Running" } }, { ...merge, ...as("PartialObjectMetadata") }],
    ["GET", `${budgets}/b`, undefined, {}, observed],
    ["POST", `${pods}/p/eviction`, { metadata: { name: "p" } }],
    ["PATCH", `${budgets}/b`, { spec: { unhealthyPodEvictionPolicy: "AlwaysAllow" } }, merge],
    ["GET", `${budgets}/b`, undefined, {}, observed],
    ["POST", `${pods}/p/eviction?dryRun=All`, { metadata: { name: "p" } }],
    [
      "POST",
      budgets,
      { metadata: { name: "c" }, spec: { minAvailable: 1, selector: { matchLabels: labels } } },
      as("PartialObjectMetadata")
    ],
    ["GET", `${budgets}/c`, undefined, {}, observed],
    ["POST", `${pods}/p/eviction`, { metadata: { name: "p" } }],
    ["DELETE", `${pods}/p?gracePeriodSeconds=0`, undefined, as("PartialObjectMetadata")]
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
    "tokens and their reviews",
    ["POST", `${core}/serviceaccounts`, { metadata: { name: "s" } }, as("PartialObjectMetadata")],
    ["POST", pods, pod("p", { serviceAccountName: "s", serviceAccount: "s" }), as("PartialObjectMetadata")],
    ["POST", `${core}/serviceaccounts/s/token`, {}],
    [
      "POST",
      `${core}/serviceaccounts/s/token`,
      { spec: { audiences: ["a", "b"], boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "p" } } }
    ],
    ["POST", tokens, { spec: { boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "p" } } }],
    [
      "POST",
      `${core}/serviceaccounts/s/token`,
      { spec: { boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "p", uid: "x" } } }
    ],
    ["POST", `${core}/serviceaccounts/s/token`, { metadata: { uid: "x" } }],
    ["POST", reviews, { spec: { token: "$3.status.token" } }],
    ["POST", reviews, { spec: { token: "$3.status.token", audiences: ["b", "c"] } }],
    ["POST", reviews, { spec: { token: "$4.status.token", audiences: ["b", "c"] } }],
    ["POST", reviews, { spec: { token: "x.y.z" } }],
    ["POST", `${core}/serviceaccounts/s/token`, {}],
    ["DELETE", `${pods}/p?gracePeriodSeconds=0`, undefined, as("PartialObjectMetadata")],
    // The API server remembers for some seconds what it has said of a token and its audiences.
    ["POST", reviews, { spec: { token: "$4.status.token", audiences: ["a"] } }, {}, refusedToken],
    ["DELETE", `${core}/serviceaccounts/s`, undefined, as("PartialObjectMetadata")],
    ["POST", reviews, { spec: { token: "$12.status.token" } }, {}, refusedToken]
  ),
  one(
    "the approval of signing requests",
    ["POST", requests, { ...request, ...decided("Approved") }, signing],
    ["PUT", `${requests}/$NS/approval`, { ...request, ...decided("Failed") }],
    ["PATCH", `${requests}/$NS/approval`, decided("Failed", "Approved"), merge],
    ["PATCH", `${requests}/$NS/approval`, decided("Failed", "Approved", "Denied"), merge],
    ["PATCH", `${requests}/$NS/approval`, decided("Approved"), merge],
    ["PATCH", `${requests}/$NS/approval`, { status: { certificate } }, merge],
    [
      "PATCH",
      `${requests}/$NS/status`,
      {
        status: { conditions: decided("Failed", "Approved").status.conditions.map((_) => ({ ..._, message: "other" })) }
      },
      merge
    ],
    ["PATCH", `${requests}/$NS/status`, { status: { certificate: "eA==" } }, merge],
    ["PATCH", `${requests}/$NS/status`, { status: { certificate } }, merge],
    ["PATCH", `${requests}/$NS/status`, { status: { certificate: null } }, merge],
    ["PATCH", `${requests}/$NS/status`, decided("Failed", "Approved", "Denied"), merge],
    ["PATCH", `${requests}/$NS`, { spec: { usages: ["any"] }, ...decided(), metadata: { labels: { a: "b" } } }, merge],
    ["DELETE", `${requests}/$NS`]
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
