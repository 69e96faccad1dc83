/** Lists: selectors, pages, versions. */
import type { Case } from "../harness.js"
import { apps, as, core, group, leases, maps, one, pods, roles, secret, secrets, services } from "./common.js"

const labelSelectors = [
  "a=b,c!=d,e in (x,y),f notin (z),!g,h,n>1,m<2",
  "a==",
  "a=b=c",
  "(x",
  "a in x",
  "a in ()",
  ",",
  "a,",
  "!",
  "a foo b",
  "a=b c",
  "_a=b",
  "a=-b",
  "a>b",
  "a in (x",
  "a in (,x)",
  "!a=b",
  "a/b/c",
  "A_b/c=d",
  "in",
  "notin=in",
  "a@b",
  " ",
  "=",
  "a in (x y)",
  "tier in (x, y)",
  "tier notin (x)",
  "!tier",
  "n>1",
  "n<5,tier",
  "tier=x,tier=y",
  "tier!=x",
  "tier,tier",
  "n>3",
  "n>-1",
  "n<x",
  "tier=",
  "tier in ()",
  "tier notin ()",
  "tier in (x),!none",
  `${"k".repeat(64)}=v`,
  `k=${"v".repeat(64)}`
]

const fieldSelectors = [
  "foo=bar",
  "metadata.name=a,metadata.namespace=$NS",
  "metadata.name!=a",
  "foo",
  "metadata.name==a",
  "metadata.name=a\\z",
  "a=b=c",
  "type=Opaque",
  "type!=Opaque",
  "metadata.name=a,type=Opaque",
  "metadata.name=a,metadata.name=b",
  "metadata.namespace=other",
  "metadata.name=",
  ",",
  "metadata.name=a,",
  "metadata.name=a\\,b",
  "metadata.labels=a",
  " metadata.name=a"
]

const queries = [
  "limit=x",
  "timeoutSeconds=x",
  "continue=abc",
  "resourceVersion=x",
  "resourceVersion=-1",
  "resourceVersionMatch=Exact",
  "resourceVersion=0&resourceVersionMatch=Exact",
  "resourceVersion=1&resourceVersionMatch=Foo",
  "sendInitialEvents=true",
  "watch=true&sendInitialEvents=true",
  "watch=true&sendInitialEvents=true&resourceVersionMatch=Exact",
  "watch=true&resourceVersionMatch=NotOlderThan",
  "watch=true&resourceVersion=x",
  "watch=true&fieldSelector=x%3Dy",
  "watch=true&continue=a",
  "watch=true&labelSelector=a%3Db%3Dc",
  "limit=-1",
  "limit=0",
  "limit=99999999999999999999",
  "timeoutSeconds=5",
  "resourceVersion=0",
  "resourceVersion=1&resourceVersionMatch=NotOlderThan",
  "resourceVersion=1&resourceVersionMatch=Exact",
  "resourceVersionMatch=NotOlderThan",
  "resourceVersion=0&resourceVersionMatch=NotOlderThan&limit=1",
  "sendInitialEvents=false",
  "sendInitialEvents=x",
  "allowWatchBookmarks=x",
  "watch=x&timeoutSeconds=1",
  "watch=0",
  "watch=True&timeoutSeconds=1",
  "watch=true&sendInitialEvents=x",
  "watch=true&sendInitialEvents=false&timeoutSeconds=1",
  "watch=true&timeoutSeconds=x",
  "continue=a&resourceVersion=5",
  "continue=a&resourceVersionMatch=Exact&resourceVersion=5",
  "resourceVersion=9999999999999&resourceVersionMatch=Exact",
  "labelSelector=a&labelSelector=b",
  "pretty=true"
]

const token = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")

/** Kinds, and what can be selected of each. */
const selectable: ReadonlyArray<readonly [path: string, fields: string]> = [
  [`${core}/events`, "involvedObject.kind=Pod,reason=R,type=Normal,source=x,reportingComponent=y"],
  [`${group("events.k8s.io")}/events`, "regarding.kind=Pod,reason=R,type=Normal,reportingController=y"],
  [`${core}/replicationcontrollers`, "status.replicas=0"],
  [services, "spec.type=ClusterIP,spec.clusterIP=None"],
  [`${group("batch")}/jobs`, "status.successful=0"],
  ["/api/v1/namespaces", "metadata.name=$NS,status.phase=Active"],
  ["/api/v1/nodes", "metadata.name=none,spec.unschedulable=false"],
  ["/apis/certificates.k8s.io/v1/certificatesigningrequests", "spec.signerName=example.com/none"],
  [
    pods,
    "spec.serviceAccountName=none,spec.hostNetwork=true,status.podIP=10.0.0.1,status.podIPs=10.0.0.1,status.nominatedNodeName=x"
  ],
  ["/apis/resource.k8s.io/v1/resourceslices", "spec.nodeName=none,spec.driver=x"]
]

export const cases: ReadonlyArray<Case> = [
  ...labelSelectors.map((selector) =>
    one(
      `label selector ${JSON.stringify(selector)}`,
      ["POST", secrets, secret("a", { tier: "x", n: "3" })],
      ["POST", secrets, secret("b", { tier: "y" })],
      ["POST", secrets, secret("c")],
      ["GET", `${secrets}?labelSelector=${encodeURIComponent(selector)}`]
    )
  ),
  ...fieldSelectors.map((selector) =>
    one(
      `field selector ${JSON.stringify(selector)}`,
      ["POST", secrets, secret("a")],
      ["GET", `${secrets}?fieldSelector=${encodeURIComponent(selector).replace("%24NS", "$NS")}`]
    )
  ),
  one("field selectors of configmaps", ["GET", `${maps}?fieldSelector=foo%3Dbar`]),
  one("field selectors of jobs", ["GET", "/apis/batch/v1/namespaces/$NS/jobs?fieldSelector=foo%3Dbar"]),
  one("field selectors of pods", [
    "GET",
    `${pods}?fieldSelector=spec.nodeName%3D,status.phase!%3DRunning,spec.restartPolicy%3DAlways`
  ]),
  ...selectable.map(([path, fields]) =>
    one(
      `what can be selected of ${path.split("/").slice(2).join("/")}`,
      ["GET", `${path}?fieldSelector=${encodeURIComponent(fields).replace("%24NS", "$NS").replaceAll("%2C", ",")}`],
      ["GET", `${path}?fieldSelector=spec.nope%3Dx`]
    )
  ),
  ...[
    leases,
    roles,
    `${apps}/deployments`,
    `${core}/serviceaccounts`,
    "/apis/storage.k8s.io/v1/storageclasses",
    "/api/v1/persistentvolumes"
  ].map((path) =>
    one(
      `nothing but names can be selected of ${path.split("/").at(-1)}`,
      ["GET", `${path}?fieldSelector=metadata.name%3Dnone-such`],
      ["GET", `${path}?fieldSelector=spec.x%3Dy`],
      ["GET", `${path}?fieldSelector=metadata.namespace%3Dnone-such`]
    )
  ),
  ...queries.map((query) => one(`list with ${query}`, ["GET", `${secrets}?${query}`])),
  one(
    "get with a version",
    ["POST", secrets, secret("a")],
    ["GET", `${secrets}/a?resourceVersion=x`],
    ["GET", `${secrets}/a?resourceVersion=0`],
    ["GET", `${secrets}/a?resourceVersion=$1.metadata.resourceVersion`],
    ["GET", `${secrets}/a?resourceVersion=-5`],
    ["GET", `${secrets}/a?labelSelector=x&fieldSelector=y&limit=z`],
    ["GET", `${secrets}/none?resourceVersion=0`]
  ),
  one(
    "pages",
    ["POST", secrets, secret("a")],
    ["POST", secrets, secret("b")],
    ["POST", secrets, secret("c")],
    ["GET", `${secrets}?limit=2`],
    ["GET", `${secrets}?limit=3`],
    ["GET", `${secrets}?limit=1&labelSelector=!x`],
    // Of now, whatever the version of the first page was.
    ["GET", `${secrets}?continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiL2FcdTAwMDAifQ`]
  ),
  one(
    "pages of one state",
    ["POST", secrets, secret("a")],
    ["POST", secrets, secret("b")],
    ["POST", secrets, secret("d")],
    ["GET", `${secrets}?limit=1`],
    ["POST", secrets, secret("c")],
    ["DELETE", `${secrets}/b`],
    ["GET", `${secrets}?limit=1&continue=$4.metadata.continue`],
    ["GET", `${secrets}?continue=$7.metadata.continue`],
    ["GET", `${secrets}?continue=$4.metadata.continue&resourceVersion=5`],
    ["GET", `${secrets}?continue=$4.metadata.continue&resourceVersion=0`],
    ["GET", `${secrets}?continue=$4.metadata.continue&resourceVersionMatch=Exact`],
    ["GET", `${secrets}?continue=$4.metadata.continue&labelSelector=x`],
    ["GET", `${leases}?continue=$4.metadata.continue`]
  ),
  one(
    "tokens that are too old",
    ["POST", secrets, secret("b")],
    ["GET", `${secrets}?limit=1&continue=${token({ v: "meta.k8s.io/v1", rv: 1, start: "a\u0000" })}`],
    ["GET", `${secrets}?continue=$2.metadata.continue`],
    [
      "GET",
      `${secrets}?limit=1&continue=${token({ v: "meta.k8s.io/v1", rv: 1, start: "a\u0000" })}`,
      undefined,
      as("Table")
    ]
  ),
  one(
    "tokens that are none",
    ["GET", `${secrets}?continue=${token({ v: "meta.k8s.io/v2", rv: 5, start: "a" })}`],
    ["GET", `${secrets}?continue=${token({ v: "meta.k8s.io/v1", rv: 0, start: "a" })}`],
    ["GET", `${secrets}?continue=${token({ v: "meta.k8s.io/v1", rv: 5, start: "" })}`],
    ["GET", `${secrets}?continue=${token({ v: "meta.k8s.io/v1", rv: 5, start: "../x" })}`],
    ["GET", `${secrets}?continue=${token({ v: "meta.k8s.io/v1", rv: "5", start: "x" })}`],
    ["GET", `${secrets}?continue=%25%25`],
    ["GET", `${secrets}?continue=${token({ v: "meta.k8s.io/v1", rv: -1, start: "zzz" })}`]
  ),
  one(
    "a list of an earlier version",
    ["POST", secrets, secret("a")],
    ["POST", secrets, secret("b")],
    ["DELETE", `${secrets}/a`],
    ["GET", `${secrets}?resourceVersion=$2.metadata.resourceVersion&resourceVersionMatch=Exact`],
    ["GET", `${secrets}?resourceVersion=$2.metadata.resourceVersion&resourceVersionMatch=NotOlderThan`],
    ["GET", `${secrets}?resourceVersion=$2.metadata.resourceVersion`],
    ["GET", `${secrets}?resourceVersion=$2.metadata.resourceVersion&resourceVersionMatch=Exact&limit=1`],
    ["GET", `${secrets}?resourceVersion=$2.metadata.resourceVersion&limit=1`]
  ),
  one(
    "lists over all namespaces",
    ["POST", secrets, secret("a", { only: "$NS" })],
    ["GET", "/api/v1/secrets?labelSelector=only%3D$NS"],
    ["GET", "/api/v1/secrets?fieldSelector=metadata.namespace%3D$NS"],
    ["GET", "/api/v1/secrets?fieldSelector=metadata.namespace%3D$NS,metadata.name%3Da"],
    ["GET", "/api/v1/namespaces/none-$NS/secrets"]
  ),
  one("an empty list", ["GET", secrets], ["GET", leases], ["GET", `${apps}/controllerrevisions`])
]
