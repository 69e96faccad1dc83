/** Namespaces, from their creation to their end. */
import type { Case } from "../harness.js"
import { as, merge, one, secret, secrets } from "./common.js"

const namespaces = "/api/v1/namespaces"
const own = `${namespaces}/$NS`

export const cases: ReadonlyArray<Case> = [
  one(
    "namespaces",
    ["DELETE", `${namespaces}/default`],
    ["DELETE", `${namespaces}/kube-system`],
    ["DELETE", `${namespaces}/kube-public?dryRun=All`],
    ["POST", namespaces, { metadata: { name: "A" } }],
    ["POST", namespaces, { metadata: { name: "a.b" } }],
    ["POST", namespaces, { metadata: { name: "x".repeat(64) } }],
    ["POST", namespaces, { metadata: { name: "default" } }],
    ["POST", `${namespaces}?dryRun=All`, { metadata: { name: "x", namespace: "y" } }],
    [
      "POST",
      `${namespaces}?dryRun=All`,
      {
        metadata: { name: "x-$NS", labels: { a: "b" } },
        spec: { finalizers: ["a.b/c"] },
        status: { phase: "Terminating" }
      }
    ],
    ["POST", `${namespaces}?dryRun=All`, { metadata: { name: "x-$NS" }, spec: { finalizers: ["nope"] } }],
    ["POST", `${namespaces}?dryRun=All`, { metadata: { generateName: "gen-" } }]
  ),
  one(
    "what of a namespace may be changed",
    ["PATCH", own, { metadata: { labels: { a: "b" } } }, { ...merge, ...as("PartialObjectMetadata") }],
    ["PATCH", own, { metadata: { labels: { "kubernetes.io/metadata.name": "other" } } }, merge],
    ["PATCH", own, { spec: { finalizers: ["x.dev/a"] } }, { ...merge, ...as("PartialObjectMetadata") }],
    ["PATCH", `${own}/status?dryRun=All`, { status: { phase: "Terminating" } }, merge],
    ["PUT", own, { metadata: { name: "$NS" }, spec: {} }, as("PartialObjectMetadata")]
  ),
  one(
    "a namespace on its way out takes nothing new",
    ["POST", secrets, { ...secret("held"), metadata: { name: "held", finalizers: ["a.b/c"] } }],
    ["DELETE", own, undefined, as("PartialObjectMetadata")],
    ["POST", secrets, secret("a")],
    ["POST", secrets, { metadata: { generateName: "a-" } }],
    ["POST", `${secrets}?dryRun=All`, secret("a")],
    ["PUT", "/apis/coordination.k8s.io/v1/namespaces/$NS/leases/l", { metadata: { name: "l" } }],
    [
      "PATCH",
      `${secrets}/x?fieldManager=m`,
      { apiVersion: "v1", kind: "Secret", metadata: { name: "x" } },
      { "content-type": "application/apply-patch+yaml" }
    ],
    [
      "POST",
      "/apis/authorization.k8s.io/v1/namespaces/$NS/localsubjectaccessreviews",
      { spec: { user: "x", resourceAttributes: { verb: "get", resource: "pods", namespace: "$NS" } } }
    ],
    // The controller deletes it too, when it gets to it.
    ["DELETE", `${secrets}/held`, undefined, as("PartialObjectMetadata")],
    ["PATCH", `${secrets}/held`, { metadata: { finalizers: null } }, { ...merge, ...as("PartialObjectMetadata") }]
  ),
  one(
    "preconditions of a namespace",
    ["DELETE", own, { preconditions: { uid: "x" } }],
    ["DELETE", `${own}?dryRun=All`, undefined, as("PartialObjectMetadata")],
    ["DELETE", `${namespaces}/none-$NS`]
  )
]
