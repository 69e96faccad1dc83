/** Deleting: options, preconditions, finalizers, grace, collections. */
import type { Case } from "../harness.js"
import { as, core, group, leases, merge, one, pod, pods, roles, secret, secrets, services, headless } from "./common.js"

const bodies: ReadonlyArray<object> = [
  { preconditions: { uid: "zz" } },
  { preconditions: { resourceVersion: "1" } },
  { kind: "Foo" },
  { propagationPolicy: "X" },
  { propagationPolicy: "Orphan", orphanDependents: true },
  { dryRun: ["X"] },
  { dryRun: ["All"] },
  { propagationPolicy: "Background" },
  { orphanDependents: false },
  { gracePeriodSeconds: 0 },
  { gracePeriodSeconds: -1 },
  { apiVersion: "v1", kind: "DeleteOptions" },
  { apiVersion: "apps/v1", kind: "DeleteOptions" },
  { apiVersion: "nope/v1", kind: "DeleteOptions" },
  { apiVersion: "meta.k8s.io/v1", kind: "DeleteOptions", gracePeriodSeconds: "x" },
  { nope: 1 },
  { ignoreStoreReadErrorWithClusterBreakingPotential: true }
]

const queries = [
  "gracePeriodSeconds=0",
  "gracePeriodSeconds=x",
  "propagationPolicy=Background",
  "propagationPolicy=Nope",
  "orphanDependents=true&propagationPolicy=Orphan",
  "dryRun=All",
  "dryRun=Nope"
]

export const cases: ReadonlyArray<Case> = [
  ...bodies.map((body) =>
    one(
      `delete with ${JSON.stringify(body)}`,
      ["POST", secrets, secret("d")],
      ["DELETE", `${secrets}/d`, body],
      ["GET", `${secrets}/d`]
    )
  ),
  ...queries.map((query) =>
    one(
      `delete with ${query}`,
      ["POST", secrets, secret("d")],
      ["DELETE", `${secrets}/d?${query}`],
      ["GET", `${secrets}/d`]
    )
  ),
  one("delete with a body that is no options", ["DELETE", `${secrets}/d`, "x"], ["DELETE", `${secrets}/d`, "[]"]),
  one(
    "delete with preconditions that hold",
    ["POST", secrets, secret("a")],
    [
      "DELETE",
      `${secrets}/a`,
      { preconditions: { uid: "$1.metadata.uid", resourceVersion: "$1.metadata.resourceVersion" } }
    ]
  ),
  one(
    "what a delete of each kind answers",
    ["POST", roles, { metadata: { name: "a" } }, as("PartialObjectMetadata")],
    ["DELETE", `${roles}/a`],
    ["POST", leases, { metadata: { name: "a" } }, as("PartialObjectMetadata")],
    ["DELETE", `${leases}/a`],
    ["POST", `${core}/serviceaccounts`, { metadata: { name: "a" } }, as("PartialObjectMetadata")],
    ["DELETE", `${core}/serviceaccounts/a`],
    ["POST", services, { metadata: { name: "a" }, spec: headless }, as("PartialObjectMetadata")],
    ["DELETE", `${services}/a`],
    [
      "POST",
      `${group("networking.k8s.io")}/networkpolicies`,
      { metadata: { name: "a" }, spec: { podSelector: {} } },
      as("PartialObjectMetadata")
    ],
    ["DELETE", `${group("networking.k8s.io")}/networkpolicies/a`],
    ["POST", `${core}/limitranges`, { metadata: { name: "a" }, spec: { limits: [] } }, as("PartialObjectMetadata")],
    ["DELETE", `${core}/limitranges/a`]
  ),
  one(
    "finalizers",
    ["POST", secrets, { metadata: { name: "f", finalizers: ["a.b/c"] }, type: "Opaque" }],
    ["DELETE", `${secrets}/f`],
    ["DELETE", `${secrets}/f`],
    ["PATCH", `${secrets}/f`, { metadata: { finalizers: ["a.b/c", "d.e/f"] } }, merge],
    ["PATCH", `${secrets}/f`, { metadata: { labels: { still: "here" } } }, merge],
    ["PATCH", `${secrets}/f`, { metadata: { finalizers: null } }, merge],
    ["GET", `${secrets}/f`]
  ),
  one(
    "finalizers that a PUT takes away",
    ["POST", secrets, { metadata: { name: "f", finalizers: ["a.b/c"] }, type: "Opaque" }],
    ["DELETE", `${secrets}/f`, undefined, as("PartialObjectMetadata")],
    ["PUT", `${secrets}/f?dryRun=All`, { metadata: { name: "f" }, type: "Opaque" }],
    ["POST", secrets, secret("f")],
    ["PUT", `${secrets}/f`, { metadata: { name: "f" }, type: "Opaque" }],
    ["GET", `${secrets}/f`]
  ),
  one(
    "orphans keep their owner's name until the collector is done",
    ["POST", secrets, { metadata: { name: "f", finalizers: ["a.b/c"] }, type: "Opaque" }],
    ["DELETE", `${secrets}/f?propagationPolicy=Foreground&dryRun=All`],
    ["DELETE", `${secrets}/f?propagationPolicy=Orphan&dryRun=All`],
    ["DELETE", `${secrets}/f?propagationPolicy=Background`],
    ["PATCH", `${secrets}/f`, { metadata: { finalizers: null } }, merge]
  ),
  one(
    "a pod without a node goes at once",
    ["POST", pods, pod("a"), as("PartialObjectMetadata")],
    ["DELETE", `${pods}/a?gracePeriodSeconds=10`],
    ["GET", `${pods}/a`]
  ),
  one(
    "a pod on a node has time",
    ["POST", pods, pod("a", { nodeName: "none-$NS", terminationGracePeriodSeconds: 5 }), as("PartialObjectMetadata")],
    ["DELETE", `${pods}/a?dryRun=All`, undefined, as("PartialObjectMetadata")],
    ["DELETE", `${pods}/a`, undefined, as("PartialObjectMetadata")],
    ["DELETE", `${pods}/a?gracePeriodSeconds=10`, undefined, as("PartialObjectMetadata")],
    ["DELETE", `${pods}/a?gracePeriodSeconds=2`, undefined, as("PartialObjectMetadata")],
    ["PATCH", `${pods}/a`, { metadata: { finalizers: ["a.b/c"] } }, merge],
    ["DELETE", `${pods}/a?gracePeriodSeconds=0`, undefined, as("PartialObjectMetadata")],
    ["GET", `${pods}/a`, undefined, as("PartialObjectMetadata")]
  ),
  one(
    "delete a collection",
    ["POST", secrets, secret("a", { w: "1" })],
    ["POST", secrets, secret("b", { w: "2" })],
    ["DELETE", `${secrets}?labelSelector=w%3D1`],
    ["DELETE", `${secrets}?labelSelector=zz`],
    ["DELETE", `${secrets}?dryRun=All`],
    ["GET", secrets]
  ),
  one(
    "delete a collection by fields and with options",
    ["POST", secrets, secret("a")],
    ["POST", secrets, secret("b")],
    ["POST", secrets, { ...secret("c"), type: "other" }],
    ["DELETE", `${secrets}?fieldSelector=type%3Dother`],
    ["DELETE", `${secrets}?fieldSelector=nope%3Dother`],
    ["DELETE", `${secrets}?labelSelector=a%3Db%3Dc`],
    ["DELETE", secrets, { propagationPolicy: "X" }],
    ["DELETE", secrets, { dryRun: ["All"] }],
    ["DELETE", `${secrets}?limit=1`],
    ["DELETE", secrets, { preconditions: { uid: "x" } }],
    ["DELETE", secrets, { gracePeriodSeconds: 0 }],
    ["GET", secrets]
  ),
  one(
    "a collection with finalizers",
    ["POST", secrets, { ...secret("a"), metadata: { name: "a", finalizers: ["a.b/c"] } }],
    ["DELETE", secrets],
    ["GET", `${secrets}/a`],
    ["PATCH", `${secrets}/a`, { metadata: { finalizers: null } }, merge]
  )
]
