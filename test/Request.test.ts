import { assert, describe, it } from "@effect/vitest"
import { Either, Effect, FastCheck as fc } from "effect"
import {
  CertificateSigningRequest,
  ConfigMap,
  Deployment,
  KubeClient,
  Namespace,
  Node,
  Patch,
  Pod,
  Request,
  Resource,
  Selector,
  ServiceAccount,
  type KubeError
} from "effect-kubernetes"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { bodyOf, fake, ok, pathOf, queryOf } from "./layers/fake.js"

/** The only request of a call, or why there was none. Whether the answer pleases the call does not matter here. */
const sentBy = (call: Effect.Effect<unknown, KubeError, KubeClient>) => {
  const { client, sent } = fake(() => ok({}))
  return Effect.map(Effect.either(Effect.provide(call, client)), (result) => {
    const [wire, ...more] = sent
    assert.deepStrictEqual(more, [])
    if (wire === undefined) {
      return Either.isLeft(result) ? `${result.left._tag}: ${result.left.message}` : assert.fail("nothing was sent")
    }
    return {
      method: wire.method,
      path: pathOf(wire),
      query: queryOf(wire),
      accept: wire.headers["accept"],
      type: wire.headers["content-type"],
      body: bodyOf(wire)
    }
  })
}

const none = { query: [], accept: "application/json", type: undefined, body: undefined }
const written = { ...none, type: "application/json" }
const deleteOptions = { apiVersion: "v1", kind: "DeleteOptions" }
const pods = "/api/v1/namespaces/team/pods"
const as = (form: string) => `application/json;as=${form};g=meta.k8s.io;v=v1`

const cases: ReadonlyArray<
  readonly [name: string, call: Effect.Effect<unknown, KubeError, KubeClient>, expected: Record<string, unknown>]
> = [
  ["get", Pod.get("a"), { ...none, method: "GET", path: `${pods}/a` }],
  [
    "get, as old as it may be",
    Pod.get("a", { resourceVersion: "0" }),
    { ...none, method: "GET", path: `${pods}/a`, query: [["resourceVersion", "0"]] }
  ],
  ["get of a kind of the cluster", Node.get("a"), { ...none, method: "GET", path: "/api/v1/nodes/a" }],
  [
    "get of a kind in a group",
    Deployment.get("a"),
    { ...none, method: "GET", path: "/apis/apps/v1/namespaces/team/deployments/a" }
  ],
  [
    "exists reads no more than metadata",
    Pod.exists("a"),
    { ...none, method: "GET", path: `${pods}/a`, accept: as("PartialObjectMetadata") }
  ],
  [
    "getMetadata",
    Pod.getMetadata("a"),
    { ...none, method: "GET", path: `${pods}/a`, accept: as("PartialObjectMetadata") }
  ],
  ["getTable", Pod.getTable("a"), { ...none, method: "GET", path: `${pods}/a`, accept: as("Table") }],
  ["list", Pod.list(), { ...none, method: "GET", path: pods }],
  ["list of all namespaces", Pod.list({ allNamespaces: true }), { ...none, method: "GET", path: "/api/v1/pods" }],
  ["listMetadata", Pod.listMetadata(), { ...none, method: "GET", path: pods, accept: as("PartialObjectMetadataList") }],
  ["listTable", Pod.listTable(), { ...none, method: "GET", path: pods, accept: as("Table") }],
  [
    "list with every option",
    Pod.list({
      labels: { app: "web", tier: Selector.in(["a", "b"]) },
      fields: { "status.phase": "Running" },
      limit: 5,
      continue: "c/+=",
      resourceVersion: "7",
      resourceVersionMatch: "Exact",
      timeoutSeconds: 9
    }),
    {
      ...none,
      method: "GET",
      path: pods,
      query: [
        ["labelSelector", "app=web,tier in (a,b)"],
        ["fieldSelector", "status.phase=Running"],
        ["limit", "5"],
        ["continue", "c/+="],
        ["resourceVersion", "7"],
        ["resourceVersionMatch", "Exact"],
        ["timeoutSeconds", "9"]
      ]
    }
  ],
  ["empty selectors are not sent", Pod.list({ labels: {}, fields: "" }), { ...none, method: "GET", path: pods }],
  [
    "selectors as text are sent as they are",
    Pod.list({ labels: "a in (b),!c", fields: "x!=y" }),
    {
      ...none,
      method: "GET",
      path: pods,
      query: [
        ["labelSelector", "a in (b),!c"],
        ["fieldSelector", "x!=y"]
      ]
    }
  ],
  [
    "stream asks for pages",
    Stream.runDrain(Pod.stream()),
    { ...none, method: "GET", path: pods, query: [["limit", "500"]] }
  ],
  [
    "watch",
    Stream.runDrain(Pod.watch({ resume: false, resourceVersion: "7", labels: { a: "b" }, timeoutSeconds: 5 })),
    {
      ...none,
      method: "GET",
      path: pods,
      query: [
        ["watch", "true"],
        ["labelSelector", "a=b"],
        ["resourceVersion", "7"],
        ["allowWatchBookmarks", "true"],
        ["timeoutSeconds", "5"]
      ]
    }
  ],
  [
    "watch without bookmarks",
    Stream.runDrain(Pod.watch({ resume: false, allowWatchBookmarks: false })),
    { ...none, method: "GET", path: pods, query: [["watch", "true"]] }
  ],
  [
    "create",
    ConfigMap.create({ metadata: { name: "a" }, data: {} }),
    {
      ...written,
      method: "POST",
      path: "/api/v1/namespaces/team/configmaps",
      body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, data: {} }
    }
  ],
  [
    "create with every option",
    ConfigMap.create({}, { dryRun: true, fieldManager: "me", fieldValidation: "Strict", namespace: "prod" }),
    {
      ...written,
      method: "POST",
      path: "/api/v1/namespaces/prod/configmaps",
      query: [
        ["dryRun", "All"],
        ["fieldManager", "me"],
        ["fieldValidation", "Strict"]
      ],
      body: { apiVersion: "v1", kind: "ConfigMap" }
    }
  ],
  [
    "replace",
    ConfigMap.replace({ metadata: { name: "a", resourceVersion: "7" } }),
    {
      ...written,
      method: "PUT",
      path: "/api/v1/namespaces/team/configmaps/a",
      body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", resourceVersion: "7" } }
    }
  ],
  [
    "apply says what it applies and who does",
    Deployment.apply({ metadata: { name: "a" }, spec: { replicas: 3 } }, { force: true }),
    {
      ...none,
      method: "PATCH",
      path: "/apis/apps/v1/namespaces/team/deployments/a",
      type: "application/apply-patch+yaml",
      query: [
        ["fieldManager", "effect-kubernetes"],
        ["force", "true"]
      ],
      body: {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "a", namespace: "team" },
        spec: { replicas: 3 }
      }
    }
  ],
  [
    "an apply patch, too",
    Node.patch("a", Patch.apply({ spec: {} }), { force: false, fieldManager: "me" }),
    {
      ...none,
      method: "PATCH",
      path: "/api/v1/nodes/a",
      type: "application/apply-patch+yaml",
      query: [
        ["fieldManager", "me"],
        ["force", "false"]
      ],
      body: { apiVersion: "v1", kind: "Node", metadata: { name: "a" }, spec: {} }
    }
  ],
  [
    "an apply of the status",
    Deployment.status.apply({ metadata: { name: "a" }, status: { replicas: 3 } }),
    {
      ...none,
      method: "PATCH",
      path: "/apis/apps/v1/namespaces/team/deployments/a/status",
      type: "application/apply-patch+yaml",
      query: [["fieldManager", "effect-kubernetes"]],
      body: {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "a", namespace: "team" },
        status: { replicas: 3 }
      }
    }
  ],
  [
    "an apply of the scale says that it is a Scale",
    Deployment.scale.patch("a", Patch.apply({ spec: { replicas: 3 } })),
    {
      ...none,
      method: "PATCH",
      path: "/apis/apps/v1/namespaces/team/deployments/a/scale",
      type: "application/apply-patch+yaml",
      query: [["fieldManager", "effect-kubernetes"]],
      body: {
        apiVersion: "autoscaling/v1",
        kind: "Scale",
        metadata: { name: "a", namespace: "team" },
        spec: { replicas: 3 }
      }
    }
  ],
  [
    "a merge patch keeps its nulls",
    Deployment.patch("a", Patch.merge({ spec: { paused: null, replicas: 0, template: {} } })),
    {
      ...none,
      method: "PATCH",
      path: "/apis/apps/v1/namespaces/team/deployments/a",
      type: "application/merge-patch+json",
      body: { spec: { paused: null, replicas: 0, template: {} } }
    }
  ],
  [
    "a JSON patch",
    Pod.patch("a", Patch.json([{ op: "remove", path: "/metadata/labels/x" }]), { dryRun: true }),
    {
      ...none,
      method: "PATCH",
      path: `${pods}/a`,
      type: "application/json-patch+json",
      query: [["dryRun", "All"]],
      body: [{ op: "remove", path: "/metadata/labels/x" }]
    }
  ],
  [
    "a strategic merge patch",
    Pod.patch("a", Patch.strategic({ spec: { nodeName: null } })),
    {
      ...none,
      method: "PATCH",
      path: `${pods}/a`,
      type: "application/strategic-merge-patch+json",
      body: { spec: { nodeName: null } }
    }
  ],
  [
    "label",
    Pod.label("a", { x: "1", y: null }),
    {
      ...none,
      method: "PATCH",
      path: `${pods}/a`,
      type: "application/merge-patch+json",
      body: { metadata: { labels: { x: "1", y: null } } }
    }
  ],
  [
    "annotate",
    Node.annotate("a", { x: "" }),
    {
      ...none,
      method: "PATCH",
      path: "/api/v1/nodes/a",
      type: "application/merge-patch+json",
      body: { metadata: { annotations: { x: "" } } }
    }
  ],
  ["delete", Pod.delete("a"), { ...written, method: "DELETE", path: `${pods}/a`, body: deleteOptions }],
  [
    "delete with every option, all of them in the body",
    Pod.delete("a", {
      gracePeriodSeconds: 0,
      propagationPolicy: "Foreground",
      preconditions: { uid: "u", resourceVersion: "7" },
      dryRun: true
    }),
    {
      ...written,
      method: "DELETE",
      path: `${pods}/a`,
      body: {
        ...deleteOptions,
        gracePeriodSeconds: 0,
        propagationPolicy: "Foreground",
        preconditions: { uid: "u", resourceVersion: "7" },
        dryRun: ["All"]
      }
    }
  ],
  [
    "delete, the older way to say what becomes of what it owns",
    Pod.delete("a", { orphan: false }),
    { ...written, method: "DELETE", path: `${pods}/a`, body: { ...deleteOptions, orphanDependents: false } }
  ],
  [
    "deleteCollection",
    Pod.deleteCollection({ labels: { a: "b" }, namespace: "n", gracePeriodSeconds: 0 }),
    {
      ...written,
      method: "DELETE",
      path: "/api/v1/namespaces/n/pods",
      query: [["labelSelector", "a=b"]],
      body: { ...deleteOptions, gracePeriodSeconds: 0 }
    }
  ],
  [
    "scale",
    Deployment.scale("a", 0),
    {
      ...none,
      method: "PATCH",
      path: "/apis/apps/v1/namespaces/team/deployments/a/scale",
      type: "application/merge-patch+json",
      body: { spec: { replicas: 0 } }
    }
  ],
  [
    "evict",
    Pod.evict("a", { gracePeriodSeconds: 0 }),
    {
      ...written,
      method: "POST",
      path: `${pods}/a/eviction`,
      body: {
        apiVersion: "policy/v1",
        kind: "Eviction",
        metadata: { name: "a", namespace: "team" },
        deleteOptions: { ...deleteOptions, gracePeriodSeconds: 0 }
      }
    }
  ],
  [
    "bind",
    Pod.bind("a", { kind: "Node", name: "n" }),
    {
      ...written,
      method: "POST",
      path: `${pods}/a/binding`,
      body: {
        apiVersion: "v1",
        kind: "Binding",
        metadata: { name: "a", namespace: "team" },
        target: { kind: "Node", name: "n" }
      }
    }
  ],
  [
    "createToken",
    ServiceAccount.createToken("a", { audiences: ["x"] }),
    {
      ...written,
      method: "POST",
      path: "/api/v1/namespaces/team/serviceaccounts/a/token",
      body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { audiences: ["x"] } }
    }
  ],
  [
    "finalize",
    Namespace.finalize({ metadata: { name: "a" }, spec: { finalizers: [] } }),
    {
      ...written,
      method: "PUT",
      path: "/api/v1/namespaces/a/finalize",
      body: { apiVersion: "v1", kind: "Namespace", metadata: { name: "a" }, spec: { finalizers: [] } }
    }
  ],
  [
    "approval",
    CertificateSigningRequest.approval.get("a"),
    {
      ...none,
      method: "GET",
      path: "/apis/certificates.k8s.io/v1/certificatesigningrequests/a/approval"
    }
  ]
]

describe("what the verbs send", () => {
  for (const [name, call, expected] of cases) {
    it.effect(`${name}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual<unknown>(yield* sentBy(call), expected)
      })
    )
  }

  it.effect("a custom resource has the same verbs; apiVersion and kind are sent for it, too", () =>
    Effect.gen(function* () {
      const Policy = Resource.define({
        group: "example.com",
        version: "v1",
        kind: "Policy",
        schema: Schema.Struct({ spec: Schema.Struct({ since: Schema.Date }) })
      })
      assert.deepStrictEqual<unknown>(
        yield* sentBy(Policy.create({ metadata: { name: "a" }, spec: { since: new Date(0) } })),
        {
          ...written,
          method: "POST",
          path: "/apis/example.com/v1/namespaces/team/policies",
          body: {
            apiVersion: "example.com/v1",
            kind: "Policy",
            metadata: { name: "a" },
            spec: { since: "1970-01-01T00:00:00.000Z" }
          }
        }
      )
    })
  )

  it.effect("what a region says is for the calls that say nothing", () =>
    Effect.gen(function* () {
      const region = <A, E, R>(call: Effect.Effect<A, E, R>) =>
        call.pipe(KubeClient.withDryRun(true), KubeClient.withFieldManager("region"), KubeClient.withNamespace("r"))
      const query = (call: Effect.Effect<unknown, KubeError, KubeClient>) =>
        Effect.map(sentBy(region(call)), (sent) => (typeof sent === "string" ? sent : [sent.path, sent.query]))
      const path = "/api/v1/namespaces/r/configmaps"
      assert.deepStrictEqual<unknown>(yield* query(ConfigMap.create({})), [
        path,
        [
          ["dryRun", "All"],
          ["fieldManager", "region"]
        ]
      ])
      assert.deepStrictEqual<unknown>(yield* query(ConfigMap.create({}, { dryRun: false, fieldManager: "me" })), [
        path,
        [["fieldManager", "me"]]
      ])
      assert.deepStrictEqual<unknown>(yield* sentBy(region(ConfigMap.delete("a"))), {
        ...written,
        method: "DELETE",
        path: `${path}/a`,
        body: { ...deleteOptions, dryRun: ["All"] }
      })
    })
  )
})

describe("the namespace of a call", () => {
  const path = (call: Effect.Effect<unknown, KubeError, KubeClient>) =>
    Effect.map(sentBy(call), (sent) => (typeof sent === "string" ? sent : sent.path))
  const of = (namespace: string) => `/api/v1/namespaces/${namespace}/pods/a`

  it.effect("is the object's, else the option's, else the region's, else the context's", () =>
    Effect.gen(function* () {
      const region = KubeClient.withNamespace("region")
      assert.strictEqual(yield* path(Pod.get("a")), of("team"))
      assert.strictEqual(yield* path(region(Pod.get("a"))), of("region"))
      assert.strictEqual(yield* path(region(Pod.get("a", { namespace: "option" }))), of("option"))
      assert.strictEqual(yield* path(region(Pod.get({ name: "a", namespace: "ref" }))), of("ref"))
      assert.strictEqual(yield* path(region(Pod.get({ metadata: { name: "a", namespace: "own" } }))), of("own"))
      assert.strictEqual(
        yield* path(Pod.get({ metadata: { name: "a", namespace: "own" } }, { namespace: "own" })),
        of("own")
      )
      assert.strictEqual(yield* path(Pod.replace({ metadata: { name: "a", namespace: "own" } })), of("own"))
      assert.strictEqual(yield* path(region(Pod.list())), "/api/v1/namespaces/region/pods")
      assert.strictEqual(yield* path(region(Pod.list({ allNamespaces: true }))), "/api/v1/pods")
      assert.strictEqual(yield* path(region(Node.list())), "/api/v1/nodes")
    })
  )

  it.effect("must not contradict itself", () =>
    Effect.gen(function* () {
      const contradiction =
        'InvalidRequest: the namespace of the object, "own", does not match the namespace option, "other"; leave one out'
      const own = { metadata: { name: "a", namespace: "own" } }
      for (const call of [
        Pod.get(own, { namespace: "other" }),
        Pod.get({ name: "a", namespace: "own" }, { namespace: "other" }),
        Pod.create(own, { namespace: "other" }),
        Pod.replace(own, { namespace: "other" }),
        Pod.apply(own, { namespace: "other" }),
        Pod.delete(own, { namespace: "other" }),
        Pod.evict(own, { namespace: "other" })
      ]) {
        assert.strictEqual(yield* path(call), contradiction)
      }
      assert.strictEqual(
        yield* path(Pod.list({ namespace: "a", allNamespaces: true })),
        'InvalidRequest: allNamespaces and namespace "a" exclude each other; leave one out'
      )
    })
  )
})

describe("requests that make no sense are not sent", () => {
  const wrong: ReadonlyArray<readonly [call: Effect.Effect<unknown, KubeError, KubeClient>, message: string]> = [
    [Pod.get(""), "the name of a Pod may not be empty"],
    [Pod.replace({ metadata: { name: "" } }), "the name of a Pod may not be empty"],
    [Pod.list({ namespace: "" }), "a namespace may not be empty"],
    [
      Pod.delete("a", { orphan: true, propagationPolicy: "Orphan" }),
      "orphan and propagationPolicy exclude each other; leave one out"
    ],
    [
      Pod.delete("a", { gracePeriodSeconds: -1 }),
      "gracePeriodSeconds: expected a whole number of seconds from 0 on, got -1"
    ],
    [
      Pod.delete("a", { gracePeriodSeconds: 0.5 }),
      "gracePeriodSeconds: expected a whole number of seconds from 0 on, got 0.5"
    ],
    [
      Pod.patch("a", Patch.merge({}), { force: true }),
      "force is an option of server-side apply; leave it out of other patches"
    ],
    [
      Stream.runDrain(Pod.watch({ resume: false, sendInitialEvents: true, allowWatchBookmarks: false })),
      "sendInitialEvents ends with a bookmark; leave allowWatchBookmarks out"
    ]
  ]
  for (const [call, message] of wrong) {
    it.effect(message, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* sentBy(call), `InvalidRequest: ${message}`)
      })
    )
  }
})

describe("names", () => {
  const nasty = fc.constantFrom(
    "",
    ".",
    "..",
    "a/b",
    "../../nodes/x",
    "%2e%2e",
    "%2F",
    "a?b=c",
    "a#b",
    "a\\b",
    "ü",
    "a b",
    ";",
    "\u0000"
  )
  const anything = fc.oneof(nasty, fc.string(), fc.string({ unit: "binary" }), fc.stringMatching(/^[.%/\\?#a-z2ef]*$/))

  /** The path has these segments, one of which is the name as a server reads it; or there is no request. */
  const stays = (name: string, call: Effect.Effect<unknown, KubeError, KubeClient>, expected: ReadonlyArray<string>) =>
    Effect.map(sentBy(call), (sent) => {
      if (typeof sent === "string") {
        assert.match(sent, /^InvalidRequest: /)
        return
      }
      // As a URL parser sees it, dots resolved.
      const path = new URL(sent.path, "https://kube.test").pathname
      assert.strictEqual(path, sent.path)
      assert.deepStrictEqual(path.split("/").slice(1).map(decodeURIComponent), expected)
      assert.isFalse(name === "" || name === "." || name === ".." || name.includes("/"))
    })

  it(
    "reach no other path, as the name of an object or of a namespace",
    () =>
      fc.assert(
        fc.asyncProperty(anything, (name) =>
          Effect.runPromise(
            Effect.all(
              [
                stays(name, Pod.get(name), ["api", "v1", "namespaces", "team", "pods", name]),
                stays(name, Pod.delete(name), ["api", "v1", "namespaces", "team", "pods", name]),
                stays(name, Pod.evict(name), ["api", "v1", "namespaces", "team", "pods", name, "eviction"]),
                stays(name, Pod.list({ namespace: name }), ["api", "v1", "namespaces", name, "pods"]),
                stays(name, Node.get({ metadata: { name } }), ["api", "v1", "nodes", name])
              ],
              { discard: true }
            )
          )
        ),
        { numRuns: 60 }
      ),
    20_000
  )

  it.effect("that are no text, half a character in them, are refused; in a selector it is replaced", () =>
    Effect.gen(function* () {
      for (const call of [Pod.get("\ud800"), Pod.list({ namespace: "a\ud800b" }), Node.delete("\udc00")]) {
        assert.match(String(yield* sentBy(call)), /^InvalidRequest: /)
      }
      const sent = yield* sentBy(Pod.list({ fields: { "metadata.name": "a\ud800" } }))
      assert.deepStrictEqual<unknown>(typeof sent === "string" ? sent : sent.query, [
        ["fieldSelector", "metadata.name=a\ufffd"]
      ])
    })
  )

  it.effect("with a colon, as RBAC has them, are fine", () =>
    Effect.gen(function* () {
      const sent = yield* sentBy(Pod.get("system:node"))
      assert.strictEqual(typeof sent === "string" ? sent : sent.path, `${pods}/system%3Anode`)
    })
  )
})

describe("a request of one's own", () => {
  it("has the parameters that are there, encoded", () => {
    const request = Request.get("/api/v1/pods", {
      query: { limit: 5, watch: false, continue: undefined, labelSelector: "a=b&c=d +ü" }
    })
    const target = "/api/v1/pods?limit=5&watch=false&labelSelector=a%3Db%26c%3Dd%20%2B%C3%BC"
    assert.strictEqual(Request.target(request), target)
    assert.deepStrictEqual(request.headers, { accept: "application/json" })
  })

  it("of any parameters arrives as it was meant", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }))), (query) => {
        const target = Request.target({ ...Request.get("/x"), query })
        const url = new URL(target, "https://kube.test")
        assert.strictEqual(url.pathname, "/x")
        assert.deepStrictEqual([...url.searchParams.entries()], query)
      })
    )
  })

  it("has a body, null and empty ones included, and the headers of the caller", () => {
    assert.deepStrictEqual(Request.post("/x", null).body, null)
    const request = Request.make("PUT", "/x", { body: "", headers: { accept: "text/plain", "x-a": "b" } })
    assert.deepStrictEqual(request.headers, { accept: "text/plain", "content-type": "application/json", "x-a": "b" })
    assert.strictEqual(request.body, "")
  })
})
