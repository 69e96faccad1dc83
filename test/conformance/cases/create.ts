/** Objects that come to be, and bodies and options that do not make one. */
import type { Case, Step } from "../harness.js"
import {
  headless,
  as,
  core,
  deployments,
  group,
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
    "where a text is no JSON",
    ...[
      '{"a" 1}',
      '{"a":1 "b":2}',
      '{"a":[1 2]}',
      '{"a":[1,]}',
      '{"a":[,1]}',
      "{,}",
      '{"a":01}',
      '{"a":-}',
      '{"a":1.}',
      '{"a":1.5e}',
      '{"a":.5}',
      '{"a":"\n"}',
      String.raw`{"a":"\x"}`,
      String.raw`{"a":"\u12g4"}`,
      '{"a":tru}',
      '{"a":fals',
      '{"a":"',
      '{"a":nUll}',
      '{"é":é}',
      "{a:1}",
      "\u00a0{}",
      "{} {}",
      "é",
      "1 2",
      "}",
      '{"a":1,\n  "b":2,\n}',
      "[1, 2"
    ].map((text): Step => ["POST", maps, text])
  ),
  one(
    "patches that are no JSON",
    ...['{"a":tru}', "[{]", "é"].flatMap((text): ReadonlyArray<Step> => [
      ["POST", maps, { metadata: { name: "a" } }],
      ["PATCH", `${maps}/a`, text, { "content-type": "application/merge-patch+json" }],
      ["PATCH", `${maps}/a`, text, { "content-type": "application/json-patch+json" }],
      ["PATCH", `${maps}/a`, text, { "content-type": "application/strategic-merge-patch+json" }]
    ])
  ),
  one(
    "versions that are not served any more",
    ["POST", deployments, { apiVersion: "apps/v1beta2", kind: "Deployment", metadata: { name: "c" } }],
    ["POST", deployments, { apiVersion: "apps/v3", kind: "Deployment", metadata: { name: "c" } }],
    ["POST", `${group("batch")}/cronjobs`, { apiVersion: "batch/v1beta1", kind: "CronJob", metadata: { name: "c" } }],
    [
      "POST",
      `${group("autoscaling", "v2")}/horizontalpodautoscalers`,
      { apiVersion: "autoscaling/v1", kind: "HorizontalPodAutoscaler", metadata: { name: "c" } }
    ]
  ),
  one(
    "fields that are there twice",
    ...["Warn", "Strict"].map((validation): Step => [
      "POST",
      `${deployments}?dryRun=All&fieldValidation=${validation}`,
      '{"kind":"Deployment","kind":"Deployment","metadata":{"name":"a","labels":{"x":"1","x":"2","x":"3"}},"spec":{"replicas":1,"replicas":0,"selector":{"matchLabels":{"a":"b","a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"nodeSelector":{"a":"b","a":"c"},"containers":[{"name":"c","image":"i","name":"c","env":[{"name":"A","x":{"y":1,"y":2},"name":"B"}],"resources":{"limits":{"cpu":"1","cpu":"2"}}}]}}}}'
    ])
  ),
  one(
    "YAML as it was once",
    ["POST", maps, "metadata: {name: words}\ndata: {a: 'x', on: 'x', off: 'y', 'yes': z, y: w, n: v}\n", yaml],
    [
      "POST",
      maps,
      "metadata: {name: keys}\ndata: {1: a, 0x10: b, 010: c, 1_000: d, 0b11: e, 1.5: f, 1:30: g, 2020-01-01: h, x: i}\n",
      yaml
    ],
    ["POST", maps, "metadata: {name: dates}\ndata: {a: 2020-01-01, b: 12:30:45}\n", yaml],
    ["POST", maps, "metadata: {name: yes}\n", yaml],
    ["POST", maps, "data: {null: u}\n", yaml],
    ["POST", maps, "metadata: {name: bools}\nimmutable: on\n", yaml],
    ["POST", maps, "metadata: {name: merged, labels: &l {a: b}, annotations: {<<: *l, c: d}}\n", yaml],
    ["POST", maps, "metadata: {name: first}\n---\nmetadata: {name: second}\n", yaml],
    ["POST", maps, "---\n# nothing\n", yaml],
    ["POST", maps, "", yaml],
    ["POST", maps, '{"metadata":{"name":"json","name":"twice"}}', yaml],
    [
      "POST",
      `${maps}?fieldValidation=Strict`,
      "metadata:\n  name: a\n  labels:\n    x: '1'\n    x: |\n      2\n  labels:\n    {}\nyes: 1\non: 2\n5: 1\n5: 2\nb: 1\na: 2\n",
      yaml
    ]
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
  one(
    "more bodies in YAML that are none",
    ...[
      "{",
      "[a",
      "{a: b",
      "a: 'b",
      'a: "b',
      "a: b\n c: d\n",
      "a: *x",
      "a: @b",
      "a:\n- b\n c\n",
      "? [a]\n: b\n",
      "a: %b",
      "&",
      "a\nb: c\n"
    ].map((text): Step => ["POST", secrets, text, yaml])
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
        // Of two labels the server tells in any order.
        labels: { "a b": "-" },
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
