/** Watches: where they begin, what they show, how they end. */
import type { Case } from "../harness.js"
import { as, leases, merge, one, secret, secrets, services, headless } from "./common.js"

const initial = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
const watch = `${secrets}?watch=true&timeoutSeconds=1`
const from = (step: number) => `&resourceVersion=$${step}.metadata.resourceVersion`

export const cases: ReadonlyArray<Case> = [
  one(
    "watch from the beginning",
    ["POST", secrets, secret("a")],
    ["POST", secrets, secret("b", { x: "y" })],
    ["GET", watch],
    ["GET", `${watch}&resourceVersion=0&labelSelector=x`],
    ["GET", watch, undefined, as("PartialObjectMetadata")]
  ),
  one(
    "watch with initial events",
    ["POST", secrets, secret("a")],
    ["GET", `${watch}&${initial}&allowWatchBookmarks=true&labelSelector=none`],
    ["GET", `${watch}&${initial}`]
  ),
  one(
    "watch with initial events of a version",
    ["POST", secrets, secret("a")],
    ["PATCH", `${secrets}/a`, { metadata: { labels: { x: "y" } } }, merge],
    ["GET", `${watch}&${initial}&allowWatchBookmarks=true${from(1)}`],
    ["GET", `${watch}&${initial}&allowWatchBookmarks=true&resourceVersion=0`],
    ["GET", `${watch}&${initial}&allowWatchBookmarks=true`, undefined, as("PartialObjectMetadata")]
  ),
  one(
    "watch from a version",
    ["POST", secrets, secret("a")],
    ["PATCH", `${secrets}/a`, { metadata: { labels: { x: "y" } } }, merge],
    ["POST", secrets, secret("b")],
    ["DELETE", `${secrets}/a`],
    ["GET", `${watch}${from(1)}`],
    ["GET", `${watch}${from(3)}`],
    ["GET", `${watch}${from(1)}&fieldSelector=metadata.name%3Db`],
    ["GET", `${watch}${from(1)}`, undefined, as("PartialObjectMetadata")]
  ),
  one(
    "selectors turn updates into adds and deletes",
    ["POST", secrets, secret("a")],
    ["PATCH", `${secrets}/a`, { metadata: { labels: { x: "y" } } }, merge],
    ["PATCH", `${secrets}/a`, { metadata: { labels: { z: "1" } } }, merge],
    ["PATCH", `${secrets}/a`, { metadata: { labels: { x: "n" } } }, merge],
    ["PATCH", `${secrets}/a`, { metadata: { labels: { x: "y" } } }, merge],
    ["DELETE", `${secrets}/a`],
    ["GET", `${watch}${from(1)}&labelSelector=x%3Dy`],
    ["GET", `${watch}${from(1)}&labelSelector=x!%3Dy`],
    ["GET", `${watch}${from(1)}&labelSelector=!x`]
  ),
  one(
    "field selectors of a watch",
    ["POST", services, { metadata: { name: "s" }, spec: headless }],
    [
      "PUT",
      `${services}/s`,
      { metadata: { name: "s" }, spec: { type: "ExternalName", externalName: "a.example.com" } }
    ],
    ["DELETE", `${services}/s`],
    ["GET", `${services}?watch=true&timeoutSeconds=1${from(1)}&fieldSelector=spec.type%3DExternalName`],
    ["GET", `${services}?watch=true&timeoutSeconds=1${from(1)}&fieldSelector=spec.nope%3DExternalName`]
  ),
  one(
    "finalizers in a watch",
    ["POST", secrets, { ...secret("a"), metadata: { name: "a", finalizers: ["a.b/c"] } }],
    ["DELETE", `${secrets}/a`],
    ["PATCH", `${secrets}/a`, { metadata: { finalizers: null } }, merge],
    ["GET", `${watch}${from(1)}`]
  ),
  one(
    "watch of one object",
    ["POST", secrets, secret("a")],
    ["POST", secrets, secret("b")],
    ["GET", `/api/v1/watch/namespaces/$NS/secrets/a?timeoutSeconds=1`],
    ["GET", `/api/v1/watch/namespaces/$NS/secrets?timeoutSeconds=1`],
    ["GET", `${secrets}/a?watch=true&timeoutSeconds=1`]
  ),
  one(
    "watch from a version that is not there",
    ["GET", `${watch}&resourceVersion=1`],
    ["GET", `${watch}&resourceVersion=x`],
    ["GET", `${watch}&resourceVersion=-1`],
    ["GET", `${leases}?watch=true&timeoutSeconds=1&${initial}&resourceVersion=x`]
  ),
  one(
    "watches that are refused",
    ["GET", `${watch}&sendInitialEvents=true`],
    ["GET", `${watch}&sendInitialEvents=true&resourceVersionMatch=Exact&resourceVersion=1`],
    ["GET", `${watch}&sendInitialEvents=true&resourceVersionMatch=Foo`],
    ["GET", `${watch}&sendInitialEvents=false`],
    ["GET", `${watch}&resourceVersionMatch=Exact&resourceVersion=1`],
    ["GET", `${watch}&limit=x`],
    ["GET", `${watch}&continue=x`],
    ["GET", `${watch}&labelSelector=(`],
    ["GET", watch, undefined, { accept: "text/html" }],
    ["GET", watch, undefined, as("PartialObjectMetadataList")],
    ["GET", watch, undefined, as("Nope")]
  ),
  one(
    "a table that is watched",
    ["POST", leases, { metadata: { name: "a" }, spec: { holderIdentity: "x" } }],
    ["PATCH", `${leases}/a`, { spec: { holderIdentity: "y" } }, merge],
    ["DELETE", `${leases}/a`],
    ["GET", `${leases}?watch=true&timeoutSeconds=1${from(1)}&includeObject=None`, undefined, as("Table")],
    ["GET", `${leases}?watch=true&timeoutSeconds=1${from(1)}&includeObject=Nope`, undefined, as("Table")]
  ),
  one(
    "a dry run is not watched",
    ["POST", secrets, secret("a")],
    ["POST", `${secrets}?dryRun=All`, secret("b")],
    ["DELETE", `${secrets}/a?dryRun=All`],
    ["PATCH", `${secrets}/a`, { metadata: { labels: null } }, merge],
    ["PUT", `${secrets}/a`, secret("a")],
    ["GET", `${watch}${from(1)}`]
  )
]
