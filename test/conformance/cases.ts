/** What the clusters are asked. Each case has a namespace of its own. */
import type { Case, Headers, Step } from "./harness.js"

const core = "/api/v1/namespaces/$NS"
const apps = "/apis/apps/v1/namespaces/$NS"
const maps = `${core}/configmaps`
const secrets = `${core}/secrets`
const pods = `${core}/pods`
const deployments = `${apps}/deployments`

const one = (name: string, ...steps: ReadonlyArray<Step>): Case => ({ name, steps })

const map = (name: string, more: object = {}) => ({ metadata: { name }, data: { a: "b" }, ...more })
const secret = (name: string, labels: object = {}) => ({ metadata: { name, labels }, type: "Opaque" })

const template = {
  metadata: { labels: { a: "b" } },
  spec: {
    containers: [
      {
        name: "c",
        image: "example.com/none:1",
        imagePullPolicy: "IfNotPresent",
        terminationMessagePath: "/dev/termination-log",
        terminationMessagePolicy: "File"
      }
    ],
    dnsPolicy: "ClusterFirst",
    restartPolicy: "Always",
    schedulerName: "default-scheduler",
    securityContext: {},
    terminationGracePeriodSeconds: 30
  }
}

const merge: Headers = { "content-type": "application/merge-patch+json" }
const json: Headers = { "content-type": "application/json-patch+json" }
const as = (form: string): Headers => ({ accept: `application/json;as=${form};g=meta.k8s.io;v=v1` })
const jane: Headers = { "impersonate-user": "conformance-jane" }

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
  "n<5,tier"
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
  "type!=Opaque"
]

const listQueries = [
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
  "watch=true&labelSelector=a%3Db%3Dc"
]

const deleteBodies: ReadonlyArray<object> = [
  { preconditions: { uid: "zz" } },
  { preconditions: { resourceVersion: "1" } },
  { kind: "Foo" },
  { propagationPolicy: "X" },
  { propagationPolicy: "Orphan", orphanDependents: true },
  { dryRun: ["X"] },
  { dryRun: ["All"] }
]

export const cases: ReadonlyArray<Case> = [
  one("what is not there", ["GET", `${maps}/none`], ["DELETE", `${maps}/none`], ["PUT", `${maps}/none`, map("none")]),
  one(
    "paths that nobody serves",
    ["GET", `${core}/nope`],
    ["GET", `${core}/nope/x`],
    ["GET", "/apis/nope/v1/foo"],
    ["GET", "/nope"],
    ["GET", "/api/v2"],
    ["GET", `${maps}/a/status`],
    ["GET", `${maps}/a/b/c`]
  ),
  one(
    "methods that are not allowed",
    ["POST", `${maps}/a`, map("a")],
    ["PUT", maps, map("a")],
    ["PATCH", maps, map("a"), merge],
    ["POST", "/api/v1/configmaps", map("a")],
    ["DELETE", "/api/v1/configmaps"],
    ["DELETE", "/api/v1/namespaces"]
  ),
  one(
    "create, read, replace, delete",
    ["POST", maps, map("a")],
    ["POST", maps, map("a")],
    ["GET", `${maps}/a`],
    ["PUT", `${maps}/a`, map("a", { data: { a: "c" } })],
    ["PUT", `${maps}/a`, map("a", { data: { a: "c" } })],
    ["DELETE", `${maps}/a`],
    ["DELETE", `${maps}/a`]
  ),
  one("create without a name", ["POST", maps, { metadata: {} }], ["POST", maps, {}]),
  one("create with a generated name", ["POST", secrets, { metadata: { generateName: "gen-" }, type: "Opaque" }]),
  one("create with a long prefix", [
    "POST",
    secrets,
    { metadata: { generateName: "long-".repeat(16) }, type: "Opaque" }
  ]),
  one(
    "create with fields of the server",
    [
      "POST",
      maps,
      {
        metadata: {
          name: "a",
          uid: "x",
          resourceVersion: "",
          generation: 5,
          creationTimestamp: "2020-01-01T00:00:00Z",
          deletionTimestamp: "2020-01-01T00:00:00Z",
          selfLink: "/foo"
        }
      }
    ],
    ["POST", maps, { metadata: { name: "b", resourceVersion: "55" } }]
  ),
  one(
    "bodies that are no object of the kind",
    ["POST", maps, "[]"],
    ["POST", maps, "{"],
    ["POST", maps, "hello"],
    ["POST", maps, { apiVersion: "v1", kind: "Secret", metadata: { name: "c" } }],
    ["POST", maps, { apiVersion: "apps/v1", kind: "ConfigMap", metadata: { name: "c" } }],
    ["POST", maps, { apiVersion: "v1", kind: "Nope", metadata: { name: "c" } }],
    ["POST", maps, "a", { "content-type": "text/plain" }]
  ),
  one("a body in YAML", [
    "POST",
    secrets,
    "type: Opaque\nmetadata:\n  name: yaml\n",
    { "content-type": "application/yaml" }
  ]),
  one("another namespace in the body", ["POST", maps, { metadata: { name: "c", namespace: "default" } }]),
  one("a namespace that is not there", ["POST", "/api/v1/namespaces/none-$NS/configmaps", map("a")]),
  one("the names of configmaps", ["POST", maps, { metadata: { name: "A_/b" } }]),
  one("the names of roles", [
    "POST",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/$NS/roles",
    { metadata: { name: "a/b%" } }
  ]),
  one("a name that is too long", ["POST", secrets, { metadata: { name: "x".repeat(300) } }]),
  one("metadata that is not valid", [
    "POST",
    secrets,
    {
      metadata: {
        name: "new",
        labels: { "a b": "c", x: "-" },
        annotations: { "a/b/c": "x", A: "y" },
        finalizers: ["x", "a.b/c"],
        ownerReferences: [{ apiVersion: "", kind: "", name: "", uid: "" }],
        generation: -1
      }
    }
  ]),
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
    "a lease says which version it replaces",
    [
      "PUT",
      "/apis/coordination.k8s.io/v1/namespaces/$NS/leases/l",
      { metadata: { name: "l" }, spec: { holderIdentity: "a" } }
    ],
    [
      "PUT",
      "/apis/coordination.k8s.io/v1/namespaces/$NS/leases/l",
      { metadata: { name: "l" }, spec: { holderIdentity: "b" } }
    ]
  ),
  one(
    "patches",
    ["POST", maps, map("a")],
    ["PATCH", `${maps}/a`, { data: { b: "c", a: null } }, merge],
    ["PATCH", `${maps}/a`, [{ op: "replace", path: "/data/b", value: "d" }], json],
    ["PATCH", `${maps}/a`, [{ op: "test", path: "/data/b", value: "x" }], json],
    ["PATCH", `${maps}/a`, "{", merge],
    ["PATCH", `${maps}/a`, { metadata: { name: "x" } }, merge],
    ["PATCH", `${maps}/a`, { metadata: { namespace: "x" } }, merge],
    ["PATCH", `${maps}/a`, { metadata: { uid: "1" } }, merge],
    ["PATCH", `${maps}/a`, { metadata: { resourceVersion: "1", labels: { x: "y" } } }, merge],
    [
      "PATCH",
      `${maps}/a`,
      { metadata: { creationTimestamp: null, generation: 5, deletionTimestamp: "2020-01-01T00:00:00Z" } },
      merge
    ],
    ["PATCH", `${maps}/a`, {}, { "content-type": "application/foo" }],
    ["PATCH", `${maps}/a?force=true`, {}, merge],
    ["PATCH", `${maps}/none`, {}, merge]
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
  ...deleteBodies.map((body) =>
    one(
      `delete with ${JSON.stringify(body)}`,
      ["POST", secrets, secret("d")],
      ["DELETE", `${secrets}/d`, body],
      ["GET", `${secrets}/d`]
    )
  ),
  one("delete with a body that is no options", ["DELETE", `${secrets}/d`, "x"], ["DELETE", `${secrets}/d`, "[]"]),
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
    "dry run",
    ["POST", `${secrets}?dryRun=All`, secret("a")],
    ["GET", `${secrets}/a`],
    ["POST", `${secrets}?dryRun=Foo`, secret("a")],
    ["POST", secrets, secret("a")],
    ["PATCH", `${secrets}/a?dryRun=All`, { metadata: { labels: { a: "b" } } }, merge],
    ["GET", `${secrets}/a`]
  ),
  one(
    "options of a write",
    ["POST", `${secrets}?fieldValidation=Foo`, secret("a")],
    ["POST", `${secrets}?fieldManager=${"a".repeat(130)}`, secret("a")]
  ),
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
  ...listQueries.map((query) => one(`list with ${query}`, ["GET", `${secrets}?${query}`])),
  one("get with a version that is none", ["POST", secrets, secret("a")], ["GET", `${secrets}/a?resourceVersion=x`]),
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
    "metadata only",
    ["POST", secrets, secret("a"), as("PartialObjectMetadata")],
    ["GET", `${secrets}/a`, undefined, as("PartialObjectMetadata")],
    ["GET", `${secrets}/a`, undefined, as("PartialObjectMetadataList")],
    ["GET", secrets, undefined, as("PartialObjectMetadata")],
    ["GET", secrets, undefined, as("PartialObjectMetadataList")],
    ["GET", secrets, undefined, as("Foo")],
    ["GET", secrets, undefined, { accept: "text/html" }],
    ["DELETE", `${secrets}/a`, undefined, as("PartialObjectMetadata")]
  ),
  one(
    "watch from the beginning",
    ["POST", secrets, secret("a")],
    ["POST", secrets, secret("b", { x: "y" })],
    ["GET", `${secrets}?watch=true&timeoutSeconds=1`],
    ["GET", `${secrets}?watch=true&timeoutSeconds=1&resourceVersion=0&labelSelector=x`],
    ["GET", `${secrets}?watch=true&timeoutSeconds=1`, undefined, as("PartialObjectMetadata")]
  ),
  one(
    "watch with initial events",
    ["POST", secrets, secret("a")],
    [
      "GET",
      `${secrets}?watch=true&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=none`
    ],
    ["GET", `${secrets}?watch=true&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan`]
  ),
  one(
    "namespaces",
    ["DELETE", "/api/v1/namespaces/default"],
    ["POST", "/api/v1/namespaces", { metadata: { name: "A" } }]
  ),
  one(
    "the scale of a deployment",
    [
      "POST",
      deployments,
      {
        metadata: { name: "d" },
        spec: {
          paused: true,
          progressDeadlineSeconds: 600,
          replicas: 0,
          revisionHistoryLimit: 10,
          selector: { matchLabels: { a: "b" } },
          strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
          template
        }
      },
      as("PartialObjectMetadata")
    ],
    ["PUT", `${deployments}/d/scale`, { metadata: { name: "d", resourceVersion: "1" }, spec: { replicas: 0 } }],
    ["PUT", `${deployments}/d/scale`, { metadata: { name: "d" }, spec: { replicas: -1 } }],
    ["PUT", `${deployments}/d/scale`, { metadata: { name: "e" }, spec: { replicas: 1 } }],
    ["GET", `${deployments}/nope/scale`]
  ),
  one(
    "pods: binding and eviction",
    ["POST", `${pods}/x/binding`, { target: { kind: "Node", name: "n" } }],
    ["POST", `${pods}/x/eviction`, { metadata: { name: "y" } }],
    ["POST", `${pods}/x/eviction`, { metadata: { name: "x" } }]
  ),
  one(
    "who may",
    ["GET", pods, undefined, jane],
    ["GET", `${pods}/x`, undefined, jane],
    ["POST", pods, {}, jane],
    ["GET", "/api/v1/nodes", undefined, jane],
    ["GET", `${deployments}/d/scale`, undefined, jane],
    ["GET", "/metrics", undefined, jane]
  ),
  one(
    "who may, by a role",
    [
      "POST",
      "/apis/rbac.authorization.k8s.io/v1/namespaces/$NS/roles",
      { metadata: { name: "r" }, rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["list"] }] },
      as("PartialObjectMetadata")
    ],
    [
      "POST",
      "/apis/rbac.authorization.k8s.io/v1/namespaces/$NS/rolebindings",
      {
        metadata: { name: "r" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" },
        subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "conformance-jane" }]
      },
      as("PartialObjectMetadata")
    ],
    [
      "POST",
      "/apis/authorization.k8s.io/v1/subjectaccessreviews",
      { spec: { user: "conformance-bob", resourceAttributes: { verb: "list", resource: "secrets", namespace: "$NS" } } }
    ]
  ),
  one(
    "reviews",
    [
      "POST",
      "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
      { spec: { resourceAttributes: { verb: "get", resource: "pods" } } }
    ],
    ["POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {}],
    [
      "POST",
      "/apis/authorization.k8s.io/v1/namespaces/$NS/localsubjectaccessreviews",
      { spec: { user: "x", resourceAttributes: { verb: "get", resource: "pods" } } }
    ],
    ["POST", "/apis/authentication.k8s.io/v1/tokenreviews", { spec: { token: "x" } }],
    ["POST", "/apis/authentication.k8s.io/v1/tokenreviews", {}],
    ["POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {}]
  ),
  one("discovery", ["GET", "/apis/apps"], ["GET", "/apis/autoscaling"], ["GET", "/apis/nope"], ["GET", "/healthz"])
]
