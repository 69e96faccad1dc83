/** Server-side apply, and who manages which fields. */
import type { Case, Step } from "../harness.js"
import {
  headless,
  applying,
  container,
  deployment,
  deployments,
  json,
  labels,
  map,
  maps,
  merge,
  one,
  pods,
  roles,
  secrets,
  services,
  template
} from "./common.js"

const config = (data: object, metadata: object = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "a", ...metadata },
  data
})

const apply = (manager: string, data: object, query = ""): Step => [
  "PATCH",
  `${maps}/a?fieldManager=${manager}${query}`,
  config(data),
  applying
]

const service = (spec: object) => ({ apiVersion: "v1", kind: "Service", metadata: { name: "s" }, spec })
const applyService = (manager: string, spec: object, query = ""): Step => [
  "PATCH",
  `${services}/s?fieldManager=${manager}${query}`,
  service(spec),
  applying
]

const applied = (name: string, body: unknown, query = "?fieldManager=m"): Step => [
  "PATCH",
  `${maps}/${name}${query}`,
  body,
  applying
]

export const cases: ReadonlyArray<Case> = [
  one("apply creates", apply("one", { x: "1" }), apply("one", { x: "1" }), ["GET", `${maps}/a`]),
  one(
    "apply changes and removes",
    apply("one", { x: "1", y: "1" }),
    apply("one", { y: "2", z: "1" }),
    apply("one", {})
  ),
  one(
    "two managers of other fields",
    apply("one", { x: "1" }),
    apply("two", { y: "1" }),
    apply("one", {}),
    apply("two", {})
  ),
  one(
    "two managers of the same value",
    apply("one", { x: "1" }),
    apply("two", { x: "1" }),
    apply("one", {}),
    apply("two", {})
  ),
  one(
    "a conflict, and force",
    apply("one", { x: "1", y: "1" }),
    apply("two", { x: "2" }),
    apply("two", { x: "2", y: "3" }),
    apply("two", { x: "2" }, "&force=true"),
    apply("one", { x: "1", y: "1" }),
    apply("one", { y: "1" })
  ),
  one(
    "a conflict with several managers",
    apply("one", { x: "1" }),
    apply("two", { x: "1", y: "1" }),
    ["PATCH", `${maps}/a?fieldManager=three`, { data: { z: "1" } }, merge],
    apply("four", { x: "4", y: "4", z: "4" }),
    apply("four", { x: "4", y: "4", z: "4" }, "&force=true")
  ),
  one(
    "a conflict with an update",
    ["POST", `${maps}?fieldManager=creator`, map("a")],
    apply("one", { a: "c" }),
    apply("one", { a: "b" }),
    ["PATCH", `${maps}/a?fieldManager=creator`, { data: { a: "d" } }, merge],
    apply("one", { a: "e" }),
    apply("one", {}, "&force=true")
  ),
  one(
    "managers by their user agent",
    ["POST", maps, map("a"), { "user-agent": "tool/1.0 (linux)" }],
    ["PATCH", `${maps}/a`, { data: { x: "1" } }, { ...merge, "user-agent": "other tool" }],
    ["PATCH", `${maps}/a?fieldManager=`, { data: { y: "1" } }, { ...merge, "user-agent": "third" }],
    ["PUT", `${maps}/a`, map("a", { data: { z: "1" } }), { "user-agent": "fourth/x/y" }]
  ),
  one(
    "an update takes over",
    apply("one", { x: "1", y: "1" }),
    ["PUT", `${maps}/a?fieldManager=two`, { metadata: { name: "a" }, data: { x: "2", y: "1" } }],
    ["PUT", `${maps}/a?fieldManager=two`, { metadata: { name: "a" }, data: { x: "2" } }],
    apply("one", { x: "1", y: "1" })
  ),
  one(
    "what an apply has to say",
    applied("a", config({ x: "1" }), ""),
    applied("a", config({ x: "1" }), "?fieldManager="),
    applied("a", { metadata: { name: "a" }, data: {} }),
    applied("a", { apiVersion: "v1", metadata: { name: "a" } }),
    applied("a", { kind: "ConfigMap", metadata: { name: "a" } }),
    applied("a", { apiVersion: "v2", kind: "ConfigMap", metadata: { name: "a" } }),
    applied("a", { apiVersion: "v1", kind: "Secret", metadata: { name: "a" } }),
    applied("a", { apiVersion: "v1", kind: "ConfigMap", metadata: {} }),
    applied("a", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "b" } }),
    applied("a", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "other" } }),
    applied("a", config({ x: "1" }, { managedFields: [{ manager: "x", operation: "Apply" }] })),
    applied("a", config({ x: "1" }, { managedFields: [] })),
    applied("a", config({ x: "1" }, { resourceVersion: "1" })),
    applied("a", config({ x: "1" }, { uid: "00000000-0000-4000-8000-000000000000" }))
  ),
  one(
    "an apply of odd forms",
    applied("a", ""),
    applied("a", "[]"),
    applied("a", "text"),
    applied("a", "{"),
    applied("a", "a: b: c"),
    applied("a", "null"),
    applied("a", config({ x: 1 })),
    applied("a", { ...config({}), nope: 1 }),
    applied("a", config({ x: "1" }, { labels: { a: 5 } })),
    applied("a", config({ x: "1" }, { name: "a", finalizers: ["x.dev/a", "x.dev/a"] })),
    applied("A_", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "A_" } })
  ),
  one(
    "an apply in YAML",
    applied("a", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  x: '1'\n  y: |\n    text\n"),
    applied("a", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: 1}\n"),
    applied("a", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: '1', x: '2'}\n"),
    applied(
      "a",
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: '1'}\nnope: 1\n",
      "?fieldManager=m&fieldValidation=Strict"
    ),
    applied(
      "a",
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: '1'}\nnope: 1\n",
      "?fieldManager=m&fieldValidation=Warn"
    )
  ),
  one(
    "a dry apply",
    apply("one", { x: "1" }, "&dryRun=All"),
    ["GET", `${maps}/a`],
    apply("one", { x: "1" }),
    apply("two", { x: "2" }, "&dryRun=All"),
    apply("two", { x: "2" }, "&dryRun=All&force=true"),
    ["GET", `${maps}/a`]
  ),
  one(
    "an apply with a version",
    apply("one", { x: "1" }),
    applied("a", config({ x: "1", y: "1" }, { resourceVersion: "$1.metadata.resourceVersion" }), "?fieldManager=one"),
    applied("a", config({ x: "1", y: "2" }, { resourceVersion: "$1.metadata.resourceVersion" }), "?fieldManager=one"),
    applied("a", config({ x: "1" }, { uid: "$1.metadata.uid" }), "?fieldManager=one")
  ),
  one(
    "force without sense",
    apply("one", { x: "1" }, "&force=nope"),
    apply("one", { x: "1" }, "&force=false"),
    ["PATCH", `${maps}/a?fieldManager=one&force=true`, [], json],
    ["PUT", `${maps}/a?force=true`, map("a")]
  ),
  one(
    "a list map",
    applyService("one", { ...headless, ports: [{ name: "a", port: 80 }] }),
    applyService("two", { ports: [{ name: "b", port: 81, targetPort: 8081 }] }),
    applyService("two", { ports: [{ name: "c", port: 80 }] }),
    applyService("two", { ports: [{ name: "c", port: 80 }] }, "&force=true"),
    applyService("one", headless),
    applyService("two", {
      ports: [
        { port: 80, name: "a" },
        { port: 80, name: "b" }
      ]
    }),
    applyService("two", { ports: [{ name: "x" }] }),
    applyService(
      "two",
      {
        ports: [
          { port: 80, protocol: "UDP", name: "u" },
          { port: 80, protocol: "TCP", name: "t" }
        ]
      },
      "&force=true"
    )
  ),
  one(
    "a list set",
    applied("a", config({}, { finalizers: ["x.dev/a"] }), "?fieldManager=one"),
    applied("a", config({}, { finalizers: ["x.dev/b"] }), "?fieldManager=two"),
    applied("a", config({}), "?fieldManager=one"),
    applied("a", config({}), "?fieldManager=two")
  ),
  one(
    "a list that is one value",
    [
      "PATCH",
      `${roles}/r?fieldManager=one`,
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "Role",
        metadata: { name: "r" },
        rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }]
      },
      applying
    ],
    [
      "PATCH",
      `${roles}/r?fieldManager=two`,
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "Role",
        metadata: { name: "r" },
        rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["list"] }]
      },
      applying
    ],
    [
      "PATCH",
      `${roles}/r?fieldManager=two`,
      { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata: { name: "r", labels: { a: "b" } } },
      applying
    ]
  ),
  one(
    "an apply of a deployment",
    [
      "PATCH",
      `${deployments}/d?fieldManager=one&dryRun=All`,
      { apiVersion: "apps/v1", kind: "Deployment", ...deployment("d") },
      applying
    ],
    [
      "PATCH",
      `${deployments}/d?fieldManager=one&dryRun=All`,
      { apiVersion: "apps/v1", kind: "Deployment", ...deployment("d", { strategy: { type: "Recreate" } }) },
      applying
    ],
    [
      "PATCH",
      `${deployments}/d?fieldManager=one`,
      { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "d" }, spec: { template } },
      applying
    ],
    [
      "PATCH",
      `${deployments}/d?fieldManager=one`,
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "d" },
        spec: { template: { spec: { containers: [{ image: "x" }] } } }
      },
      applying
    ]
  ),
  one(
    "an apply of a status",
    ["PATCH", `${services}/s?fieldManager=one`, service(headless), applying],
    [
      "PATCH",
      `${services}/s/status?fieldManager=two`,
      { ...service({ selector: { a: "b" } }), status: { loadBalancer: { ingress: [{ ip: "10.0.0.1" }] } } },
      applying
    ],
    [
      "PATCH",
      `${services}/s/status?fieldManager=two`,
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "s" },
        status: {
          conditions: [
            { type: "A", status: "True", reason: "R", message: "", lastTransitionTime: "2020-01-01T00:00:00Z" }
          ]
        }
      },
      applying
    ],
    [
      "PATCH",
      `${services}/s/status?fieldManager=three`,
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "s" },
        status: {
          conditions: [
            { type: "A", status: "False", reason: "R", message: "", lastTransitionTime: "2020-01-01T00:00:00Z" }
          ]
        }
      },
      applying
    ],
    [
      "PATCH",
      `${services}/none/status?fieldManager=two`,
      { apiVersion: "v1", kind: "Service", metadata: { name: "none" } },
      applying
    ]
  ),
  one("an apply of a pod", [
    "PATCH",
    `${pods}/p?fieldManager=one&dryRun=All`,
    { apiVersion: "v1", kind: "Pod", metadata: { name: "p", labels }, spec: { containers: [container, container] } },
    applying
  ]),
  one(
    "management that was ended",
    apply("one", { x: "1" }),
    ["PATCH", `${maps}/a`, { metadata: { managedFields: [{}] } }, merge],
    ["GET", `${maps}/a`],
    apply("one", { x: "2" }),
    apply("one", {})
  ),
  one(
    "management that is not valid",
    apply("one", { x: "1" }),
    ["PATCH", `${maps}/a`, { metadata: { managedFields: [{ manager: "x", operation: "Nope" }] } }, merge],
    [
      "PATCH",
      `${maps}/a`,
      { metadata: { managedFields: [{ manager: "x", operation: "Update", apiVersion: "v1", fieldsType: "X" }] } },
      merge
    ],
    [
      "PATCH",
      `${maps}/a`,
      {
        metadata: {
          managedFields: [
            {
              manager: "x",
              operation: "Update",
              apiVersion: "v1",
              fieldsType: "FieldsV1",
              fieldsV1: { "f:data": { "f:x": {} } }
            }
          ]
        }
      },
      merge
    ],
    ["POST", maps, { metadata: { name: "b", managedFields: [{ manager: "x", operation: "Nope" }] } }]
  ),
  one(
    "what a controller's subresource manages",
    [
      "PATCH",
      `${secrets}/s?fieldManager=one`,
      { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, stringData: { a: "b" } },
      applying
    ],
    [
      "PATCH",
      `${secrets}/s?fieldManager=one`,
      { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, data: { a: "Yw==" } },
      applying
    ],
    [
      "PATCH",
      `${secrets}/s?fieldManager=two`,
      { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, type: "other" },
      applying
    ]
  )
]
