/** Objects that come to be, and bodies and options that do not make one. */
import type { Case, Step } from "../harness.js"
import {
  headless,
  as,
  core,
  deployments,
  leases,
  map,
  maps,
  one,
  pods,
  rbac,
  roles,
  secret,
  secrets,
  services,
  yaml
} from "./common.js"

export const cases: ReadonlyArray<Case> = [
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
  one("create with a name and a prefix", [
    "POST",
    secrets,
    { metadata: { name: "prefixed", generateName: "gen-" }, type: "Opaque" },
    as("PartialObjectMetadata")
  ]),
  one(
    "create with a prefix that is none",
    ["POST", secrets, { metadata: { generateName: "A_" }, type: "Opaque" }],
    ["POST", services, { metadata: { generateName: "1-" }, spec: headless }]
  ),
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
  one("create with a status", [
    "POST",
    `${deployments}?dryRun=All`,
    {
      metadata: { name: "d" },
      spec: {
        replicas: 0,
        selector: { matchLabels: { a: "b" } },
        template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } }
      },
      status: { replicas: 5 }
    }
  ]),
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
  one(
    "bodies that are no JSON",
    ["POST", maps, ""],
    ["POST", maps, "null"],
    ["POST", maps, "5"],
    ["POST", maps, '"text"'],
    ["POST", maps, "true"],
    ["POST", maps, '{"metadata":{"name":"a"}'],
    ["POST", maps, '{"metadata":{"name":"a"}} x'],
    ["POST", maps, '{"metadata":{"name":"a",}}'],
    ["POST", maps, "{'metadata':{}}"],
    ["POST", maps, '{"metadata":nul}']
  ),
  one(
    "fields of another type",
    ["POST", maps, { metadata: { name: "a" }, data: ["x"] }],
    ["POST", maps, { metadata: { name: "a" }, data: { a: 1 } }],
    ["POST", maps, { metadata: { name: 5 } }],
    ["POST", maps, { metadata: [] }],
    ["POST", maps, { metadata: { name: "a", labels: { a: true } } }],
    ["POST", maps, { metadata: { name: "a" }, immutable: "yes" }],
    ["POST", maps, { metadata: { name: "a" }, binaryData: { a: "%%%" } }],
    ["POST", maps, { metadata: { name: "a", creationTimestamp: "yesterday" } }],
    ["POST", `${deployments}?dryRun=All`, { metadata: { name: "a" }, spec: { replicas: "2" } }],
    ["POST", `${deployments}?dryRun=All`, { metadata: { name: "a" }, spec: { replicas: 2.5 } }],
    ["POST", `${deployments}?dryRun=All`, { metadata: { name: "a" }, spec: { replicas: 99999999999 } }],
    ["POST", `${services}?dryRun=All`, { metadata: { name: "a" }, spec: { ports: [{ port: "x" }] } }],
    [
      "POST",
      `${pods}?dryRun=All`,
      { metadata: { name: "a" }, spec: { containers: [{ name: "c", resources: { limits: { cpu: "much" } } }] } }
    ]
  ),
  one(
    "another kind or version in the body",
    ["POST", maps, { kind: "ConfigMap", metadata: { name: "a" } }],
    ["POST", maps, { apiVersion: "v1", metadata: { name: "b" } }],
    ["POST", maps, { apiVersion: "v2", kind: "ConfigMap", metadata: { name: "c" } }],
    ["POST", maps, { apiVersion: "nope/v1", kind: "ConfigMap", metadata: { name: "c" } }],
    ["POST", maps, { apiVersion: "a/b/c", kind: "ConfigMap", metadata: { name: "c" } }],
    ["POST", maps, { apiVersion: "v1", kind: "configmap", metadata: { name: "c" } }],
    ["POST", maps, { apiVersion: "v1", kind: "ConfigMapList", items: [] }],
    ["POST", `${deployments}`, { apiVersion: "extensions/v1beta1", kind: "Deployment", metadata: { name: "c" } }],
    ["PUT", `${maps}/a`, { apiVersion: "v1", kind: "Secret", metadata: { name: "a" } }]
  ),
  one("a body in YAML", ["POST", secrets, "type: Opaque\nmetadata:\n  name: yaml\n", yaml]),
  one(
    "bodies in YAML that are none",
    ["POST", secrets, "a: b: c\n", yaml],
    ["POST", secrets, "- a\n", yaml],
    ["POST", secrets, "text\n", yaml],
    ["POST", secrets, "metadata:\n\tname: a\n", yaml]
  ),
  one("YAML and the types of its scalars", [
    "POST",
    maps,
    "metadata:\n  name: scalars\n  annotations:\n    when: '2020-01-01'\ndata:\n  yes: 'no'\n  text: |\n    a\n    b\nimmutable: false\n",
    yaml
  ]),
  one(
    "content types",
    ["POST", secrets, secret("a"), { "content-type": "application/json; charset=utf-8" }],
    ["POST", secrets, secret("b"), { "content-type": "application/xml" }],
    ["POST", secrets, secret("c"), { "content-type": "application/merge-patch+json" }],
    ["PUT", `${secrets}/a`, secret("a"), { "content-type": "text/plain" }],
    ["DELETE", `${secrets}/a`, {}, { "content-type": "text/plain" }]
  ),
  one("another namespace in the body", ["POST", maps, { metadata: { name: "c", namespace: "default" } }]),
  one("the namespace in the body", ["POST", secrets, { metadata: { name: "c", namespace: "$NS" }, type: "Opaque" }]),
  one("a namespace in the body of a kind without", [
    "POST",
    "/apis/scheduling.k8s.io/v1/priorityclasses?dryRun=All",
    { metadata: { name: "c", namespace: "default" }, value: 1 }
  ]),
  one("a namespace that is not there", ["POST", "/api/v1/namespaces/none-$NS/configmaps", map("a")]),
  one("the names of configmaps", ["POST", maps, { metadata: { name: "A_/b" } }]),
  one("the names of roles", ["POST", roles, { metadata: { name: "a/b%" } }]),
  one("the names of services", ["POST", services, { metadata: { name: "1.a" }, spec: headless }]),
  one(
    "the names of role bindings",
    [
      "POST",
      `${rbac}/rolebindings?dryRun=All`,
      { metadata: { name: "system:a" }, roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "x:y" } }
    ],
    [
      "POST",
      `${rbac}/rolebindings?dryRun=All`,
      { metadata: { name: ".." }, roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "." } }
    ]
  ),
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
    "labels and annotations that are not valid",
    ["POST", secrets, { metadata: { name: "a", labels: { ["k".repeat(64)]: "v" } } }],
    ["POST", secrets, { metadata: { name: "a", labels: { k: "v".repeat(64) } } }],
    ...["UP.er/k", "/k", "a/", "", "a/b/c"].map((key): Step => [
      "POST",
      secrets,
      { metadata: { name: "a", labels: { [key]: "v" } } }
    ]),
    ["POST", secrets, { metadata: { name: "a", annotations: { a: "x".repeat(262144) } } }],
    ["POST", secrets, { metadata: { name: "a", annotations: { "a b/c": "" } } }]
  ),
  one(
    "owners that are not valid",
    [
      "POST",
      secrets,
      {
        metadata: {
          name: "a",
          ownerReferences: [
            { apiVersion: "v1", kind: "Pod", name: "p", uid: "1", controller: true },
            { apiVersion: "v1", kind: "Pod", name: "q", uid: "2", controller: true }
          ]
        }
      }
    ],
    [
      "POST",
      secrets,
      { metadata: { name: "a", ownerReferences: [{ apiVersion: "a/b/c", kind: "X", name: "p", uid: "1" }] } }
    ],
    [
      "POST",
      secrets,
      { metadata: { name: "a", ownerReferences: [{ apiVersion: "v1", kind: "Event", name: "p", uid: "1" }] } }
    ]
  ),
  one(
    "finalizers that are not valid",
    ["POST", secrets, { metadata: { name: "a", finalizers: ["orphan", "foregroundDeletion"] }, type: "Opaque" }],
    ["POST", secrets, { metadata: { name: "b", finalizers: ["a b/c"] }, type: "Opaque" }],
    ["POST", `${core}/configmaps`, { metadata: { name: "c", finalizers: ["kubernetes"] } }]
  ),
  one(
    "dry run",
    ["POST", `${secrets}?dryRun=All`, secret("a")],
    ["GET", `${secrets}/a`],
    ["POST", `${secrets}?dryRun=Foo`, secret("a")],
    ["POST", secrets, secret("a")],
    ["POST", `${secrets}?dryRun=All`, secret("a")],
    [
      "PATCH",
      `${secrets}/a?dryRun=All`,
      { metadata: { labels: { a: "b" } } },
      { "content-type": "application/merge-patch+json" }
    ],
    ["PUT", `${secrets}/a?dryRun=All`, secret("a", { c: "d" })],
    ["PUT", `${secrets}/a?dryRun=All&dryRun=All`, secret("a", { c: "d" })],
    ["GET", `${secrets}/a`]
  ),
  one("dry run of a generated name", [
    "POST",
    `${secrets}?dryRun=All`,
    { metadata: { generateName: "gen-" }, type: "Opaque" }
  ]),
  one(
    "options of a write",
    ["POST", `${secrets}?fieldValidation=Foo`, secret("a")],
    ["POST", `${secrets}?fieldManager=${"a".repeat(130)}`, secret("a")],
    ["POST", `${secrets}?fieldManager=a%00b`, secret("a")],
    ["POST", `${secrets}?fieldManager=me`, secret("b")],
    ["PUT", `${secrets}/b?fieldManager=you&fieldValidation=Foo&dryRun=X`, secret("b")],
    ["POST", `${secrets}?nope=1&pretty=x`, secret("c"), as("PartialObjectMetadata")]
  ),
  ...["Strict", "Warn", "Ignore", ""].map((validation) =>
    one(
      `field validation ${validation === "" ? "by default" : validation}`,
      [
        "POST",
        `${maps}?fieldValidation=${validation}`,
        { metadata: { name: "a", nope: 1 }, data: { a: "b" }, more: {} }
      ],
      [
        "POST",
        `${maps}?fieldValidation=${validation}`,
        '{"metadata":{"name":"b","name":"c"},"data":{"a":"1","a":"2"}}'
      ],
      ["POST", `${maps}?fieldValidation=${validation}`, '{"METADATA":{"name":"d"},"metadata":{"Name":"e"}}'],
      [
        "POST",
        `${deployments}?dryRun=All&fieldValidation=${validation}`,
        {
          metadata: { name: "d" },
          spec: {
            replicas: 0,
            selector: { matchLabels: { a: "b" } },
            x: 1,
            template: {
              metadata: { labels: { a: "b" } },
              spec: { containers: [{ name: "c", image: "i", imagine: "x", env: [{ name: "A", valeu: "x" }] }] }
            }
          }
        }
      ],
      ["POST", `${maps}?fieldValidation=${validation}`, "metadata:\n  name: f\n  name: g\nunknown: x\n", yaml],
      ["PUT", `${leases}/l?fieldValidation=${validation}`, { metadata: { name: "l" }, spec: { holder: "a" } }],
      [
        "PATCH",
        `${leases}/l?fieldValidation=${validation}`,
        { spec: { other: "a" }, top: 1 },
        { "content-type": "application/merge-patch+json" }
      ],
      [
        "PATCH",
        `${leases}/l?fieldValidation=${validation}`,
        '{"spec":{"other":"a"},"spec":{"more":1}}',
        { "content-type": "application/strategic-merge-patch+json" }
      ],
      [
        "PATCH",
        `${leases}/l?fieldValidation=${validation}`,
        [{ op: "add", path: "/spec", value: { z: 1 } }],
        { "content-type": "application/json-patch+json" }
      ]
    )
  ),
  one("a body that is too large", ["POST", maps, { metadata: { name: "a" }, data: { a: "x".repeat(3200000) } }]),
  one("data that is too large", ["POST", maps, { metadata: { name: "a" }, data: { a: "x".repeat(1048577) } }]),
  one(
    "unknown structs in lists",
    ["POST", `${services}?dryRun=All`, { metadata: { name: "s" }, spec: { ...headless, ports: [null] } }],
    ["POST", `${services}?dryRun=All`, { metadata: { name: "s" }, spec: { ...headless, ports: {} } }],
    ["POST", `${services}?dryRun=All`, { metadata: { name: "s" }, spec: null }],
    ["POST", `${services}?dryRun=All`, { metadata: null }]
  )
]
