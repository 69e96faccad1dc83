/** Who may do what, and asking about it. */
import type { Case, Headers, Step } from "../harness.js"
import { as, core, deployments, group, jane, merge, one, pod, pods, rbac, roles, secret, secrets } from "./common.js"

const api = "rbac.authorization.k8s.io"
const authorization = "/apis/authorization.k8s.io/v1"
const authentication = "/apis/authentication.k8s.io/v1"

const role = (rules: ReadonlyArray<object>, name = "r"): Step => [
  "POST",
  roles,
  { metadata: { name }, rules },
  as("PartialObjectMetadata")
]
const bound = (subject: object = { apiGroup: api, kind: "User", name: "conformance-jane" }, name = "r"): Step => [
  "POST",
  `${rbac}/rolebindings`,
  { metadata: { name }, roleRef: { apiGroup: api, kind: "Role", name: "r" }, subjects: [subject] },
  as("PartialObjectMetadata")
]
const moment: Step = ["GET", `${secrets}?watch=true&timeoutSeconds=1`]
const escalating: Headers = { "impersonate-user": "conformance-escalate" }
const mayJane = (attributes: object): Step => [
  "POST",
  `${authorization}/subjectaccessreviews`,
  { spec: { user: "conformance-jane", resourceAttributes: { namespace: "$NS", ...attributes } } }
]

export const cases: ReadonlyArray<Case> = [
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
    "what is refused, by verb",
    ["GET", `${secrets}?watch=true`, undefined, jane],
    ["PUT", `${secrets}/a`, secret("a"), jane],
    ["PATCH", `${secrets}/a`, {}, { ...jane, ...merge }],
    ["DELETE", `${secrets}/a`, undefined, jane],
    ["DELETE", secrets, undefined, jane],
    ["GET", "/api/v1/secrets", undefined, jane],
    ["POST", `${pods}/a/eviction`, {}, jane],
    ["POST", `${pods}/a/binding`, {}, jane],
    ["PUT", `${deployments}/a/status`, {}, jane],
    ["GET", `${pods}/a/log`, undefined, jane],
    ["POST", `${core}/serviceaccounts/default/token`, {}, jane],
    ["POST", "/api/v1/namespaces", {}, jane],
    ["GET", "/api/v1/namespaces/$NS", undefined, jane],
    ["POST", `${group("batch")}/jobs`, {}, jane],
    ["GET", "/nope", undefined, jane],
    ["POST", "/metrics", {}, jane],
    ["GET", "/apis/nope.example.com/v1/namespaces/$NS/foos", undefined, jane]
  ),
  one("who may, by a role", role([{ apiGroups: [""], resources: ["secrets"], verbs: ["list"] }]), bound(), [
    "POST",
    `${authorization}/subjectaccessreviews`,
    { spec: { user: "conformance-bob", resourceAttributes: { verb: "list", resource: "secrets", namespace: "$NS" } } }
  ]),
  one(
    "privileges that one does not have",
    role([{ apiGroups: [api], resources: ["roles", "rolebindings"], verbs: ["get", "create", "update", "patch"] }]),
    bound({ apiGroup: api, kind: "User", name: "conformance-escalate" }),
    [
      "POST",
      roles,
      {
        metadata: { name: "wide" },
        rules: [
          { apiGroups: [""], resources: ["pods", "secrets"], verbs: ["get", "list"] },
          { apiGroups: ["apps"], resources: ["deployments"], resourceNames: ["x"], verbs: ["*"] }
        ]
      },
      as("PartialObjectMetadata")
    ],
    // The authorizer sees the binding a moment later.
    moment,
    [
      "POST",
      roles,
      { metadata: { name: "a" }, rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] }] },
      escalating
    ],
    [
      "POST",
      roles,
      {
        metadata: { name: "a" },
        rules: [
          { apiGroups: [""], resources: ["pods", "secrets"], verbs: ["get"] },
          { apiGroups: ["apps"], resources: ["deployments"], resourceNames: ["x"], verbs: ["delete"] }
        ]
      },
      escalating
    ],
    [
      "POST",
      roles,
      { metadata: { name: "b" }, rules: [{ apiGroups: [api], resources: ["roles"], verbs: ["get"] }] },
      escalating
    ],
    [
      "PATCH",
      `${roles}/b`,
      { rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }] },
      { ...escalating, ...merge }
    ],
    [
      "PATCH",
      `${roles}/wide`,
      { metadata: { labels: { a: "b" } } },
      { ...escalating, ...merge, ...as("PartialObjectMetadata") }
    ],
    [
      "POST",
      `${rbac}/rolebindings`,
      { metadata: { name: "b" }, roleRef: { apiGroup: api, kind: "Role", name: "wide" } },
      escalating
    ],
    [
      "POST",
      `${rbac}/rolebindings`,
      { metadata: { name: "c" }, roleRef: { apiGroup: api, kind: "Role", name: "b" } },
      escalating
    ],
    [
      "POST",
      `${rbac}/rolebindings`,
      { metadata: { name: "d" }, roleRef: { apiGroup: api, kind: "Role", name: "none" } },
      escalating
    ]
  ),
  one(
    "rules and what they allow",
    role([
      { apiGroups: [""], resources: ["pods", "pods/log"], verbs: ["get"] },
      { apiGroups: ["apps"], resources: ["*"], verbs: ["list"] },
      { apiGroups: ["*"], resources: ["jobs"], verbs: ["*"] },
      { apiGroups: [""], resources: ["configmaps"], resourceNames: ["a"], verbs: ["get"] },
      { apiGroups: ["apps"], resources: ["*/scale"], verbs: ["update"] }
    ]),
    bound(),
    moment,
    mayJane({ verb: "get", resource: "pods" }),
    mayJane({ verb: "get", resource: "pods", subresource: "log" }),
    mayJane({ verb: "get", resource: "pods", subresource: "exec" }),
    mayJane({ verb: "list", group: "apps", resource: "deployments" }),
    mayJane({ verb: "list", group: "apps", resource: "deployments", subresource: "status" }),
    mayJane({ verb: "patch", group: "batch", resource: "jobs" }),
    mayJane({ verb: "get", resource: "configmaps", name: "a" }),
    mayJane({ verb: "get", resource: "configmaps", name: "b" }),
    mayJane({ verb: "get", resource: "configmaps" }),
    mayJane({ verb: "update", group: "apps", resource: "statefulsets", subresource: "scale" }),
    mayJane({ verb: "get", resource: "pods", namespace: "other" })
  ),
  one(
    "subjects",
    role([{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }]),
    bound({ apiGroup: api, kind: "Group", name: "conformance-group" }),
    bound({ kind: "ServiceAccount", name: "robot", namespace: "$NS" }, "s"),
    moment,
    [
      "POST",
      `${authorization}/subjectaccessreviews`,
      {
        spec: {
          user: "x",
          groups: ["conformance-group"],
          resourceAttributes: { verb: "get", resource: "pods", namespace: "$NS" }
        }
      }
    ],
    [
      "POST",
      `${authorization}/subjectaccessreviews`,
      {
        spec: {
          user: "system:serviceaccount:$NS:robot",
          resourceAttributes: { verb: "get", resource: "pods", namespace: "$NS" }
        }
      }
    ],
    [
      "POST",
      `${authorization}/subjectaccessreviews`,
      { spec: { groups: ["system:masters"], resourceAttributes: { verb: "get", resource: "pods", namespace: "$NS" } } }
    ],
    [
      "POST",
      `${authorization}/subjectaccessreviews`,
      { spec: { user: "x", nonResourceAttributes: { path: "/secret", verb: "get" } } }
    ]
  ),
  one(
    "roles that are not valid",
    role([{ apiGroups: [""], resources: ["pods"], verbs: [] }], "a"),
    role([{ apiGroups: [], resources: ["pods"], verbs: ["get"] }], "b"),
    role([{ apiGroups: [""], resources: [], verbs: ["get"] }], "c"),
    role([{ nonResourceURLs: ["/x"], verbs: ["get"] }], "d"),
    bound({ kind: "User", name: "" }, "e"),
    bound({ kind: "ServiceAccount", name: "x" }, "f"),
    bound({ kind: "Nope", name: "x" }, "g"),
    bound({ apiGroup: "nope", kind: "User", name: "x" }, "h"),
    ["POST", `${rbac}/rolebindings`, { metadata: { name: "i" }, roleRef: { apiGroup: "x", kind: "Role", name: "r" } }],
    ["POST", `${rbac}/rolebindings`, { metadata: { name: "j" }, roleRef: { apiGroup: api, kind: "Nope", name: "" } }],
    [
      "POST",
      "/apis/rbac.authorization.k8s.io/v1/clusterroles?dryRun=All",
      {
        metadata: { name: "x" },
        rules: [{ nonResourceURLs: ["/x"], resources: ["pods"], apiGroups: [""], verbs: ["get"] }]
      }
    ],
    [
      "POST",
      "/apis/rbac.authorization.k8s.io/v1/clusterroles?dryRun=All",
      { metadata: { name: "x" }, aggregationRule: { clusterRoleSelectors: [] } }
    ]
  ),
  one(
    "reviews",
    [
      "POST",
      `${authorization}/selfsubjectaccessreviews`,
      { spec: { resourceAttributes: { verb: "get", resource: "pods" } } }
    ],
    ["POST", `${authorization}/selfsubjectaccessreviews`, {}],
    [
      "POST",
      `${authorization}/namespaces/$NS/localsubjectaccessreviews`,
      { spec: { user: "x", resourceAttributes: { verb: "get", resource: "pods" } } }
    ],
    ["POST", `${authentication}/tokenreviews`, { spec: { token: "x" } }],
    ["POST", `${authentication}/tokenreviews`, {}],
    ["POST", `${authorization}/selfsubjectrulesreviews`, {}]
  ),
  one(
    "reviews of odd forms",
    [
      "POST",
      `${authorization}/subjectaccessreviews`,
      { spec: { resourceAttributes: { verb: "get", resource: "pods" } } }
    ],
    ["POST", `${authorization}/subjectaccessreviews`, { spec: { user: "x" } }],
    [
      "POST",
      `${authorization}/subjectaccessreviews`,
      { spec: { user: "x", resourceAttributes: { verb: "get" }, nonResourceAttributes: { path: "/" } } }
    ],
    [
      "POST",
      `${authorization}/subjectaccessreviews`,
      { metadata: { name: "x", labels: { a: "b" } }, spec: { user: "x", resourceAttributes: { verb: "get" } } }
    ],
    [
      "POST",
      `${authorization}/selfsubjectaccessreviews`,
      { metadata: { name: "x" }, spec: { resourceAttributes: { verb: "get" } } }
    ],
    [
      "POST",
      `${authorization}/namespaces/$NS/localsubjectaccessreviews`,
      { spec: { user: "x", resourceAttributes: { verb: "get", resource: "pods", namespace: "$NS" } } }
    ],
    [
      "POST",
      `${authorization}/namespaces/$NS/localsubjectaccessreviews`,
      { spec: { user: "x", nonResourceAttributes: { path: "/" } } }
    ],
    [
      "POST",
      `${authorization}/namespaces/$NS/localsubjectaccessreviews`,
      {
        metadata: { namespace: "other" },
        spec: { user: "x", resourceAttributes: { verb: "get", resource: "pods", namespace: "$NS" } }
      }
    ],
    [
      "POST",
      `${authorization}/selfsubjectaccessreviews`,
      // Several roles allow others, of which the server names any.
      { spec: { nonResourceAttributes: { path: "/apis", verb: "get" } } },
      jane
    ],
    [
      "POST",
      `${authorization}/selfsubjectaccessreviews?dryRun=All`,
      { spec: { resourceAttributes: { verb: "get", resource: "pods" } } }
    ]
  ),
  one(
    "who am I",
    ["POST", `${authentication}/selfsubjectreviews`, {}, jane],
    [
      "POST",
      `${authentication}/selfsubjectreviews`,
      {},
      {
        "impersonate-user": "someone",
        "impersonate-group": "conformance-one",
        "impersonate-uid": "u-1",
        "impersonate-extra-scopes": "a"
      }
    ],
    [
      "POST",
      `${authentication}/selfsubjectreviews`,
      { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview", metadata: { name: "x" } },
      jane
    ]
  ),
  one(
    "impersonation of a service account",
    ["POST", `${authentication}/selfsubjectreviews`, {}, { "impersonate-user": "system:serviceaccount:$NS:robot" }],
    ["GET", secrets, undefined, { "impersonate-user": "system:serviceaccount:$NS:robot" }]
  ),
  one(
    "rules of oneself",
    role([{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }]),
    bound({ apiGroup: api, kind: "User", name: "conformance-rules" }),
    moment,
    [
      "POST",
      `${authorization}/selfsubjectaccessreviews`,
      { spec: { resourceAttributes: { verb: "get", resource: "pods", namespace: "$NS" } } },
      { "impersonate-user": "conformance-rules" }
    ]
  ),
  one("a pod of another", ["POST", `${pods}?dryRun=All`, pod("x"), jane])
]
