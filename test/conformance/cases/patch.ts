/** The patches: merge, JSON and strategic. */
import type { Case, Step } from "../harness.js"
import {
  headless,
  json,
  map,
  maps,
  merge,
  one,
  podTemplates,
  secret,
  secrets,
  services,
  strategic,
  template
} from "./common.js"

const port = (value: number, more: object = {}) => ({ name: `p${value}`, port: value, ...more })
const service: Step = [
  "POST",
  services,
  {
    metadata: { name: "s", finalizers: ["x.dev/a", "x.dev/b"] },
    spec: { ...headless, selector: { a: "b" }, ports: [port(80), port(81), port(82)] }
  }
]
const freed: Step = ["PATCH", `${services}/s`, { metadata: { finalizers: null } }, merge]

const onService = (name: string, ...patches: ReadonlyArray<object | string>): Case =>
  one(
    `strategic: ${name}`,
    service,
    ...patches.map((patch): Step => ["PATCH", `${services}/s`, patch, strategic]),
    freed
  )

const templates: Step = [
  "POST",
  podTemplates,
  {
    metadata: { name: "p" },
    template: {
      metadata: { labels: { a: "b" } },
      spec: {
        containers: [
          {
            name: "one",
            image: "a:1",
            env: [
              { name: "A", value: "1" },
              { name: "B", value: "2" }
            ],
            args: ["x", "y"]
          },
          { name: "two", image: "b:1" }
        ],
        volumes: [{ name: "v", emptyDir: {} }],
        tolerations: [{ key: "a", operator: "Exists" }]
      }
    }
  }
]
const onTemplate = (name: string, ...specs: ReadonlyArray<object>): Case =>
  one(
    `strategic: ${name}`,
    templates,
    ...specs.map((spec): Step => ["PATCH", `${podTemplates}/p`, { template: { spec } }, strategic])
  )

const onMap = (name: string, ...operations: ReadonlyArray<unknown>): Case =>
  one(
    `JSON patch: ${name}`,
    ["POST", maps, map("a")],
    ...operations.map((operation): Step => ["PATCH", `${maps}/a`, operation, json])
  )

const problems = (validation: string) =>
  one(
    `field validation ${validation} of patches`,
    ["POST", maps, map("a")],
    ["POST", podTemplates, { metadata: { name: "p" }, template }],
    ...[
      '{"data":{"a":"1","a":"2"},"z":1,"b":1,"metadata":{"labels":{"x":"1"},"nope":1,"labels":{"y":"1","y":"2"}}}',
      '{"data":null,"binaryData":{"x":"AA==","x":"AAA="}}'
    ].flatMap((body): ReadonlyArray<Step> => [
      ["PATCH", `${maps}/a?fieldValidation=${validation}`, body, merge],
      ["PATCH", `${maps}/a?fieldValidation=${validation}`, body, strategic]
    ]),
    [
      "PATCH",
      `${maps}/a?fieldValidation=${validation}`,
      '[{"op":"add","path":"/data/c","value":"1","value":"2","more":1},{"op":"add","path":"/odd","value":{"z":1,"a":2,"a":3},"path":"/odd"}]',
      json
    ],
    ...[merge, strategic].map((type): Step => [
      "PATCH",
      `${podTemplates}/p?fieldValidation=${validation}`,
      { template: { spec: { zz: 1, containers: [{ name: "c", image: "i", y: 1, x: 1 }], aa: { b: 1 } } } },
      type
    ]),
    ["PATCH", `${maps}/a?fieldValidation=${validation}`, { metadata: { labels: { a: 5 } }, nope: 1 }, merge],
    ["PATCH", `${maps}/a?fieldValidation=${validation}`, { metadata: { labels: { a: 5 } }, nope: 1 }, strategic],
    ["PATCH", `${maps}/none?fieldValidation=${validation}`, { nope: 1 }, merge],
    ["PATCH", `${maps}/a?fieldValidation=${validation}`, { nope: 1, data: { "a b": "x" } }, merge]
  )

export const cases: ReadonlyArray<Case> = [
  ...["Warn", "Strict", "Ignore"].map(problems),
  one(
    "patches with nulls",
    ["POST", maps, map("a")],
    ["PATCH", `${maps}/a`, [{ op: "add", path: "/data/n", value: null }], json],
    ["PATCH", `${maps}/a`, [{ op: "add", path: "/metadata/labels", value: { a: null } }], json],
    ["PATCH", `${maps}/a`, [{ op: "add", path: "/metadata/finalizers", value: null }], json],
    ["PATCH", `${maps}/a`, { metadata: { labels: { b: null, c: "d" }, annotations: { x: null } } }, strategic],
    ["PATCH", `${maps}/a`, { metadata: { labels: { b: null, e: "d" }, annotations: { x: null } } }, merge]
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
    ["PATCH", `${maps}/a`, {}, { "content-type": "application/json" }],
    ["PATCH", `${maps}/a`, {}, { "content-type": "" }],
    ["PATCH", `${maps}/a?force=true`, {}, merge],
    ["PATCH", `${maps}/none`, {}, merge],
    ["PATCH", `${maps}/none`, [], json],
    ["PATCH", `${maps}/none`, {}, strategic]
  ),
  one(
    "patches of a version",
    ["POST", maps, map("a")],
    ["PATCH", `${maps}/a`, { metadata: { resourceVersion: "$1.metadata.resourceVersion" }, data: { b: "1" } }, merge],
    ["PATCH", `${maps}/a`, { metadata: { resourceVersion: "$1.metadata.resourceVersion" }, data: { b: "2" } }, merge],
    [
      "PATCH",
      `${maps}/a`,
      { metadata: { resourceVersion: "$1.metadata.resourceVersion" }, data: { b: "2" } },
      strategic
    ],
    ["PATCH", `${maps}/a`, [{ op: "test", path: "/metadata/resourceVersion", value: "1" }], json],
    ["PATCH", `${maps}/a`, { metadata: { uid: "$1.metadata.uid" }, data: { c: "2" } }, merge],
    ["PATCH", `${maps}/a`, { metadata: { resourceVersion: "x" } }, merge],
    ["PATCH", `${maps}/a`, { metadata: { resourceVersion: null, uid: null, name: "a" }, data: { e: "f" } }, merge]
  ),
  one(
    "merge patches of odd forms",
    ["POST", maps, map("a")],
    ["PATCH", `${maps}/a`, "", merge],
    ["PATCH", `${maps}/a`, "[]", merge],
    ["PATCH", `${maps}/a`, "null", merge],
    ["PATCH", `${maps}/a`, "5", merge],
    ["PATCH", `${maps}/a`, { data: null }, merge],
    ["PATCH", `${maps}/a`, { data: { a: 5 } }, merge],
    ["PATCH", `${maps}/a`, { data: ["a"] }, merge],
    ["PATCH", `${maps}/a`, { data: "a" }, merge],
    ["PATCH", `${maps}/a`, { kind: "Secret" }, merge],
    ["PATCH", `${maps}/a`, { apiVersion: "v2" }, merge],
    ["PATCH", `${maps}/a`, { apiVersion: null, kind: null, metadata: { labels: { a: "b" } } }, merge],
    ["PATCH", `${maps}/a`, { metadata: null }, merge],
    ["PATCH", `${maps}/a`, { data: { $patch: "replace", z: "z" } }, merge],
    ["PATCH", `${maps}/a`, { data: { "a b": "c" } }, merge]
  ),
  one(
    "a merge patch replaces lists",
    service,
    ["PATCH", `${services}/s`, { spec: { ports: [port(90)] } }, merge],
    ["PATCH", `${services}/s`, { spec: { ports: [] } }, merge],
    ["PATCH", `${services}/s`, { spec: { selector: { a: null, c: "d" } } }, merge],
    freed
  ),
  onMap("add", [{ op: "add", path: "/data/x", value: "1" }], [{ op: "add", path: "/nope/x", value: "1" }]),
  onMap(
    "remove",
    [{ op: "remove", path: "/data/a" }],
    [{ op: "remove", path: "/data/a" }],
    [{ op: "remove", path: "/data" }]
  ),
  onMap(
    "replace",
    [{ op: "replace", path: "/data/a", value: "1" }],
    [{ op: "replace", path: "/data/none", value: "1" }]
  ),
  onMap(
    "move and copy",
    [{ op: "move", from: "/data/a", path: "/data/z" }],
    [{ op: "copy", from: "/data/z", path: "/data/y" }],
    [{ op: "move", from: "/data/none", path: "/data/z" }],
    [{ op: "copy", path: "/data/z" }]
  ),
  onMap(
    "test",
    [{ op: "test", path: "/data/a", value: "b" }],
    [{ op: "test", path: "/data/a", value: "x" }],
    [{ op: "test", path: "/data/none", value: null }],
    [{ op: "test", path: "/data/none", value: "x" }]
  ),
  one(
    "JSON patch: escapes",
    ["POST", maps, map("a", { metadata: { name: "a", annotations: { "c/d": "e", "f~g": "h" } } })],
    [
      "PATCH",
      `${maps}/a`,
      [
        { op: "replace", path: "/metadata/annotations/c~1d", value: "1" },
        { op: "remove", path: "/metadata/annotations/f~0g" }
      ],
      json
    ]
  ),
  onMap(
    "the whole",
    [{ op: "replace", path: "", value: { metadata: { name: "a" } } }],
    [{ op: "remove", path: "" }],
    [{ op: "add", path: "/", value: "x" }]
  ),
  onMap(
    "odd forms",
    {},
    [{}],
    [{ op: "nope", path: "/data/a" }],
    [{ op: "add", path: "data/a", value: "x" }],
    [{ op: "add", path: "/data/b" }],
    "[",
    [1],
    [{ op: "replace", path: "/metadata/name", value: "x" }],
    [{ op: "replace", path: "/data/a", value: 5 }]
  ),
  onMap(
    "too many operations",
    Array.from({ length: 10001 }, () => ({ op: "test", path: "/data/a", value: "b" }))
  ),
  one(
    "JSON patch: lists",
    ["POST", secrets, { ...secret("a"), metadata: { name: "a", finalizers: ["x.dev/a"] } }],
    ["PATCH", `${secrets}/a`, [{ op: "add", path: "/metadata/finalizers/-", value: "x.dev/c" }], json],
    ["PATCH", `${secrets}/a`, [{ op: "add", path: "/metadata/finalizers/1", value: "x.dev/b" }], json],
    ["PATCH", `${secrets}/a`, [{ op: "remove", path: "/metadata/finalizers/7" }], json],
    ["PATCH", `${secrets}/a`, [{ op: "replace", path: "/metadata/finalizers/x", value: "x.dev/d" }], json],
    ["PATCH", `${secrets}/a`, [{ op: "remove", path: "/metadata/finalizers/-1" }], json],
    ["PATCH", `${secrets}/a`, [{ op: "replace", path: "/metadata/finalizers", value: [] }], json]
  ),
  onService("a list is merged by its key", { spec: { ports: [port(81, { targetPort: 8081 }), port(83)] } }),
  onService(
    "an element is deleted",
    { spec: { ports: [{ port: 81, $patch: "delete" }] } },
    { spec: { ports: [{ port: 99, $patch: "delete" }] } }
  ),
  onService("a list is replaced", { spec: { ports: [{ $patch: "replace" }, port(90)] } }),
  onService(
    "an order is set",
    { spec: { "$setElementOrder/ports": [{ port: 82 }, { port: 80 }, { port: 81 }] } },
    { spec: { "$setElementOrder/ports": [{ port: 81 }], ports: [port(80, { targetPort: 1 })] } },
    { spec: { "$setElementOrder/ports": [{ port: 81 }, { port: 80 }], ports: [port(80, { targetPort: 1 })] } }
  ),
  onService(
    "a map is replaced",
    { spec: { selector: { $patch: "replace", c: "d" } } },
    { spec: { selector: { $patch: "delete" } } },
    { spec: { selector: { $patch: "nope" } } }
  ),
  onService(
    "primitives are deleted",
    { metadata: { "$deleteFromPrimitiveList/finalizers": ["x.dev/a", "x.dev/zz"] } },
    { metadata: { finalizers: ["x.dev/c"] } },
    { metadata: { "$deleteFromPrimitiveList/finalizers": "x" } },
    { metadata: { "$setElementOrder/finalizers": ["x.dev/c", "x.dev/b"] } }
  ),
  onService(
    "an element without its key",
    { spec: { ports: [{ name: "x" }] } },
    { spec: { ports: ["x"] } },
    { spec: { ports: "x" } },
    { spec: { ports: null } }
  ),
  onService(
    "odd forms",
    "{",
    "[]",
    "null",
    "",
    { $patch: "delete" },
    { $patch: "replace", metadata: { name: "s" }, spec: headless },
    { spec: "x" },
    { nope: 1 }
  ),
  onTemplate(
    "nested lists",
    {
      containers: [
        {
          name: "one",
          env: [
            { name: "A", value: "9" },
            { name: "C", value: "3" }
          ]
        }
      ]
    },
    {
      containers: [
        { name: "one", env: [{ name: "B", $patch: "delete" }] },
        { name: "two", $patch: "delete" }
      ]
    }
  ),
  onTemplate(
    "an atomic list",
    { containers: [{ name: "one", args: ["z"] }] },
    { tolerations: [{ key: "b", operator: "Exists" }] }
  ),
  onTemplate(
    "keys to retain",
    { volumes: [{ name: "v", $retainKeys: ["name", "configMap"], configMap: { name: "c" } }] },
    { volumes: [{ name: "v", $retainKeys: ["name"], emptyDir: {} }] }
  ),
  onTemplate("a union without keys to retain", { volumes: [{ name: "v", configMap: { name: "c" } }] }),
  onTemplate(
    "nulls",
    { volumes: null, containers: [{ name: "one", env: null, image: "c:2" }] },
    { securityContext: { runAsUser: 5, runAsGroup: null } },
    { containers: null }
  ),
  onTemplate("an order with new elements", {
    "$setElementOrder/containers": [{ name: "zero" }, { name: "two" }, { name: "one" }],
    containers: [{ name: "zero", image: "z" }]
  })
]
