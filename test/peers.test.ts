/** Mistakes that clients of Kubernetes make, each named by what is right. */
import { FileSystem, Path } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Exit, Fiber, Layer, Redacted, Schedule, Stream, TestClock } from "effect"
import {
  Auth,
  ConfigMap,
  Deployment,
  KubeClient,
  KubeConfig,
  Node,
  NodeKubeClient,
  Patch,
  Pod,
  type AuthError,
  type ConfigError
} from "effect-kubernetes"
import type { HttpRequest } from "effect-kubernetes/layers/Http"
import type { TLSSocket } from "node:tls"
import { answer, bodyOf, config, failure, fake, ok, pathOf, pod, podList, queryOf, status } from "./layers/fake.js"
import * as Pki from "./support/pki.js"
import { httpsServer, json } from "./support/server.js"

const bytes = (...events: ReadonlyArray<unknown>) =>
  Stream.make(new TextEncoder().encode(events.map((event) => `${JSON.stringify(event)}\n`).join("")))

describe("requests", () => {
  it.effect("the first call makes one request: nothing is discovered", () => {
    const { client, sent } = fake(() => ok(pod("web")))
    return Effect.gen(function* () {
      yield* Pod.get("web")
      assert.deepStrictEqual(sent.map(pathOf), ["/api/v1/namespaces/team/pods/web"])
    }).pipe(Effect.provide(client))
  })

  it.effect("so does every later call: neither the configuration nor the credentials are asked for again", () => {
    let configs = 0
    let tokens = 0
    const { http, sent } = fake(() => ok(pod("web")))
    const client = KubeClient.layer.pipe(
      Layer.provide([
        http,
        Layer.effect(
          KubeConfig,
          Effect.sync(() => (configs++, config))
        ),
        Auth.layerToken(Effect.sync(() => (tokens++, Redacted.make("t"))))
      ])
    )
    return Effect.gen(function* () {
      for (let call = 0; call < 10; call++) yield* Pod.get("web")
      assert.deepStrictEqual([sent.length, configs, tokens], [10, 1, 1])
    }).pipe(Effect.provide(client))
  })

  it.effect("an object is got by its name: the right to list is not needed", () => {
    const { client, sent } = fake(() => ok(pod("web")))
    return Effect.gen(function* () {
      yield* Pod.get("web")
      assert.strictEqual(sent[0]?.method, "GET")
      assert.deepStrictEqual(queryOf(sent[0]), [])
    }).pipe(Effect.provide(client))
  })

  it.effect("a 403 causes exactly one request and no new credentials", () => {
    let tokens = 0
    const { clientWith, sent } = fake(() => answer(403, status(403, "Forbidden")))
    const auth = Auth.layerToken(Effect.sync(() => Redacted.make(`t${++tokens}`)))
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.flip(Pod.get("web")))
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "Forbidden")
      assert.deepStrictEqual([sent.length, tokens], [1, 1])
    }).pipe(Effect.provide(clientWith({ auth })))
  })

  it.effect("two clients share neither their answers nor what they have discovered", () => {
    const discovery = (kind: string) => (request: HttpRequest) =>
      ok({
        kind: "APIGroupDiscoveryList",
        items:
          request.target === "/api"
            ? []
            : [
                {
                  metadata: { name: "x" },
                  versions: [
                    { version: "v1", resources: [{ resource: "things", responseKind: { kind }, scope: "Cluster" }] }
                  ]
                }
              ]
      })
    const one = fake(discovery("One"))
    const two = fake(discovery("Two"))
    return Effect.gen(function* () {
      const clients = [
        yield* Effect.provide(KubeClient, one.client),
        yield* Effect.provide(KubeClient, two.client)
      ] as const
      for (let round = 0; round < 3; round++) {
        assert.strictEqual((yield* clients[0].apiResources)[0]?.kind, "One")
        assert.strictEqual((yield* clients[1].apiResources)[0]?.kind, "Two")
      }
      assert.deepStrictEqual([one.sent.length, two.sent.length], [2, 2])
    })
  })

  it.effect("the namespace of the context is used", () => {
    const { clientWith, sent } = fake(() => ok(podList([])))
    return Effect.gen(function* () {
      yield* Pod.list()
      assert.strictEqual(pathOf(sent[0]), "/api/v1/namespaces/of-the-context/pods")
    }).pipe(Effect.provide(clientWith({ config: { ...config, namespace: "of-the-context" } })))
  })

  it.effect("a default namespace does not get in the way of kinds of the whole cluster", () => {
    const { client, sent } = fake(() => ok({}))
    return Effect.gen(function* () {
      yield* Effect.ignore(Node.get("a").pipe(KubeClient.withNamespace("prod")))
      assert.strictEqual(pathOf(sent[0]), "/api/v1/nodes/a")
    }).pipe(Effect.provide(client))
  })

  it.effect("a grace period of 0 is sent", () => {
    const { client, sent } = fake(() => ok(status(200)))
    return Effect.gen(function* () {
      yield* Effect.ignore(Pod.delete("web", { gracePeriodSeconds: 0 }))
      yield* Effect.ignore(Pod.deleteCollection({ gracePeriodSeconds: 0 }))
      yield* Effect.ignore(Pod.evict("web", { gracePeriodSeconds: 0 }))
      const options = { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds: 0 }
      assert.deepStrictEqual(bodyOf(sent[0]), options)
      assert.deepStrictEqual(bodyOf(sent[1]), options)
      assert.deepInclude(bodyOf(sent[2]) as object, { deleteOptions: options })
    }).pipe(Effect.provide(client))
  })

  it.effect("a dry run of a delete is a list in the body", () => {
    const { client, sent } = fake(() => ok(pod("web")))
    return Effect.gen(function* () {
      yield* Pod.delete("web", { dryRun: true })
      assert.deepStrictEqual(bodyOf(sent[0]), { apiVersion: "v1", kind: "DeleteOptions", dryRun: ["All"] })
      assert.deepStrictEqual(queryOf(sent[0]), [])
    }).pipe(Effect.provide(client))
  })

  it.effect("metadata alone is asked for by the Accept header, of objects and of lists", () => {
    const { client, sent } = fake(() => ok({}))
    return Effect.gen(function* () {
      yield* Effect.ignore(Pod.getMetadata("web"))
      yield* Effect.ignore(Pod.listMetadata())
      assert.deepStrictEqual(
        sent.map(({ headers }) => [headers["accept"], headers["content-type"]]),
        [
          ["application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", undefined],
          ["application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", undefined]
        ]
      )
    }).pipe(Effect.provide(client))
  })

  it.effect("apiVersion and kind are sent, also when nobody wrote them", () => {
    const { client, sent } = fake(() => ok({}))
    return Effect.gen(function* () {
      const object = { metadata: { name: "web" } }
      yield* Effect.ignore(Deployment.create(object))
      yield* Effect.ignore(Deployment.replace(object))
      yield* Effect.ignore(Deployment.apply(object))
      yield* Effect.ignore(Deployment.patch("web", Patch.apply({ spec: { replicas: 1 } })))
      for (const wire of sent) {
        assert.deepInclude(bodyOf(wire) as object, { apiVersion: "apps/v1", kind: "Deployment" })
      }
      assert.strictEqual(sent.length, 4)
    }).pipe(Effect.provide(client))
  })
})

describe("patches", () => {
  it.effect("null removes a field, so it is sent; a patch needs no metadata", () => {
    const { client, sent } = fake(() => ok({}))
    return Effect.gen(function* () {
      const change = { spec: { replicas: 3, paused: null }, metadata: { labels: { old: null } } }
      yield* Effect.ignore(Deployment.patch("web", Patch.merge(change)))
      yield* Effect.ignore(Deployment.patch("web", Patch.strategic(change)))
      yield* Effect.ignore(Deployment.patch("web", Patch.merge({ spec: { paused: null } })))
      assert.strictEqual(sent[0]?.body, JSON.stringify(change))
      assert.strictEqual(sent[1]?.body, JSON.stringify(change))
      assert.strictEqual(sent[2]?.body, '{"spec":{"paused":null}}')
    }).pipe(Effect.provide(client))
  })
})

describe("watches", () => {
  it.effect("bookmarks are asked for by the name that they have", () => {
    const { client, sent } = fake(() => ok(""))
    return Effect.gen(function* () {
      yield* Stream.runDrain(Pod.watch({ resume: false }))
      assert.deepInclude(queryOf(sent[0]), ["allowWatchBookmarks", "true"])
    }).pipe(Effect.provide(client))
  })

  it.effect("initial events bring the resourceVersionMatch with them that the server demands", () => {
    const { client, sent } = fake(() => ok(""))
    return Effect.gen(function* () {
      yield* Stream.runDrain(Pod.watch({ resume: false, sendInitialEvents: true }))
      assert.deepStrictEqual(queryOf(sent[0]), [
        ["watch", "true"],
        ["sendInitialEvents", "true"],
        ["resourceVersionMatch", "NotOlderThan"],
        ["allowWatchBookmarks", "true"]
      ])
    }).pipe(Effect.provide(client))
  })

  it.effect("a 410 in the stream is caught as Expired, after one request", () => {
    const gone = { type: "ERROR", object: status(410, "Expired", { message: "too old resource version" }) }
    const { client, sent } = fake(() => ok(""), bytes(gone))
    return Effect.gen(function* () {
      const caught = yield* Stream.runDrain(Pod.watch({ resume: false, resourceVersion: "1" })).pipe(
        Effect.catchTag("Expired", (error) => Effect.succeed(error.message))
      )
      assert.strictEqual(caught, "too old resource version")
      assert.strictEqual(sent.length, 1)
    }).pipe(Effect.provide(client))
  })

  it.effect("any other error in the stream has its tag, too", () => {
    const { client } = fake(() => ok(""), bytes({ type: "ERROR", object: status(500, "InternalError") }))
    return Effect.gen(function* () {
      const error = yield* Effect.flip(Stream.runDrain(Pod.watch({ resume: false })))
      assert.strictEqual(error._tag, "InternalError")
    }).pipe(Effect.provide(client))
  })

  it.effect("one in which nothing happens lives on", () => {
    const { client } = fake(() => ok(""), Stream.never)
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(Stream.runDrain(Pod.watch({ resume: false })))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* Fiber.poll(fiber))._tag, "None")
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(client))
  })
})

describe("answers", () => {
  it.effect("what a newer server sends, and managedFields, survive a read and a write", () => {
    const stored = pod("web", {
      spec: { containers: [{ name: "web", resources: {}, fromTheFuture: { a: [1, null] } }], newField: "x" },
      newPart: { b: null },
      status: {}
    })
    const managed = {
      ...stored,
      metadata: { ...stored.metadata, managedFields: [{ manager: "m", fieldsV1: { "f:x": {} } }] }
    }
    const { client, sent } = fake(() => ok(managed))
    return Effect.gen(function* () {
      yield* Pod.replace(yield* Pod.get("web"))
      yield* Pod.modify("web", (found) => ({ ...found, metadata: { ...found.metadata, labels: { a: "b" } } }))
      assert.deepStrictEqual(bodyOf(sent[1]), managed)
      assert.deepStrictEqual(bodyOf(sent[3]), { ...managed, metadata: { ...managed.metadata, labels: { a: "b" } } })
    }).pipe(Effect.provide(client))
  })

  it.effect("exists does not take an error for a no", () =>
    Effect.gen(function* () {
      for (const code of [401, 403, 500, 502, 503]) {
        const { clientWith } = fake(() => answer(code, status(code)))
        const call = Pod.exists("web").pipe(Effect.provide(clientWith({ options: { retry: Schedule.recurs(0) } })))
        assert.isTrue(Exit.isFailure(yield* Effect.exit(call)))
      }
    })
  )

  it.effect("an error of the transport is one of ours, whatever it came from", () =>
    Effect.gen(function* () {
      for (const reason of ["Refused", "Dns", "Tls", "ConnectTimeout", "Reset", "Protocol", "Unknown"] as const) {
        const { clientWith } = fake(() => failure(reason))
        const error = yield* Pod.get("web").pipe(
          Effect.flip,
          Effect.provide(clientWith({ options: { retry: Schedule.recurs(0) } }))
        )
        assert.strictEqual(error._tag, "TransportError")
        assert.deepInclude({ ...error }, { reason, method: "GET", path: "/api/v1/namespaces/team/pods/web" })
      }
    })
  )

  it.effect("429 and 5xx have tags of their own", () =>
    Effect.gen(function* () {
      for (const [code, tag] of [
        [429, "TooManyRequests"],
        [500, "InternalError"],
        [503, "ServiceUnavailable"],
        [504, "Timeout"]
      ] as const) {
        const { client } = fake(() => answer(code, status(code)))
        const error = yield* Effect.flip(Effect.provide(ConfigMap.create({}), client))
        assert.strictEqual(error._tag, tag)
      }
    })
  )
})

describe("the kubeconfig", () => {
  const files: Record<string, string> = {}
  const kubeconfig = (
    name: string,
    user: Record<string, unknown>,
    more: { readonly cluster?: Record<string, unknown>; readonly current?: string } = {}
  ) =>
    JSON.stringify({
      clusters: [{ name, cluster: { server: `https://${name}.test`, ...more.cluster } }],
      users: [{ name, user }],
      contexts: [{ name, context: { cluster: name, user: name, namespace: `of-${name}` } }],
      ...(more.current === undefined ? {} : { "current-context": more.current })
    })

  const world = (files: Record<string, string>, env: Record<string, string> = {}) =>
    Layer.mergeAll(
      Path.layer,
      Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(env)))),
      FileSystem.layerNoop({
        exists: (file) => Effect.succeed(file in files),
        readFileString: (file) => Effect.succeed(files[file] ?? "")
      })
    )

  /** The first request of a client of this configuration. */
  const first = (
    layer: Layer.Layer<KubeConfig, ConfigError, FileSystem.FileSystem | Path.Path>,
    where: ReturnType<typeof world>
  ): Effect.Effect<HttpRequest | undefined, ConfigError | AuthError> => {
    const { http, sent } = fake(() => ok(podList([])))
    const client = KubeClient.layer.pipe(Layer.provide([http, Auth.layer]), Layer.provide(layer), Layer.provide(where))
    return Effect.ignore(Pod.list()).pipe(
      Effect.provide(client),
      Effect.map(() => sent[0])
    )
  }

  it.effect("token, tokenFile and the namespace of the context are not only read but used", () =>
    Effect.gen(function* () {
      const token = yield* first(KubeConfig.layerYaml(kubeconfig("a", { token: "t" }, { current: "a" })), world(files))
      assert.strictEqual(token?.headers["authorization"], "Bearer t")
      assert.strictEqual(pathOf(token), "/api/v1/namespaces/of-a/pods")
      const file = yield* first(
        KubeConfig.layerYaml(kubeconfig("a", { tokenFile: "/token" }, { current: "a" })),
        world({ "/token": "from-file" })
      )
      assert.strictEqual(file?.headers["authorization"], "Bearer from-file")
    })
  )

  it.effect("as, as-groups and the rest of impersonation are used", () =>
    Effect.gen(function* () {
      const user = { token: "t", as: "joe", "as-uid": "1", "as-groups": ["a", "b"], "as-user-extra": { x: ["y"] } }
      const wire = yield* first(KubeConfig.layerYaml(kubeconfig("a", user, { current: "a" })), world(files))
      assert.deepInclude(wire?.headers, {
        "impersonate-user": "joe",
        "impersonate-uid": "1",
        "impersonate-group": ["a", "b"],
        "impersonate-extra-x": "y"
      })
    })
  )

  it.effect("insecure-skip-tls-verify, tls-server-name and proxy-url are kept for the connection", () =>
    Effect.gen(function* () {
      const cluster = {
        "insecure-skip-tls-verify": true,
        "tls-server-name": "n",
        "proxy-url": "http://proxy.test:3128"
      }
      const layer = KubeConfig.layerYaml(kubeconfig("a", {}, { current: "a", cluster }))
      const found = yield* Effect.provide(KubeConfig, Layer.provide(layer, world(files)))
      assert.deepInclude(found.cluster, {
        insecureSkipTlsVerify: true,
        tlsServerName: "n",
        proxyUrl: Redacted.make("http://proxy.test:3128")
      })
    })
  )

  it.effect("a way to authenticate that is not supported is an error that names it, not an anonymous call", () =>
    Effect.gen(function* () {
      for (const way of ["exec", "auth-provider"]) {
        const layer = KubeConfig.layerYaml(kubeconfig("a", { [way]: { name: "x", command: "x" } }, { current: "a" }))
        const error = yield* Effect.flip(first(layer, world(files)))
        assert.strictEqual(error._tag, "AuthError")
        assert.include(error.message, `user "a" authenticates by "${way}"`)
      }
    })
  )

  it.effect("of two entries of one name the first counts, and current-context may stand in a later file", () =>
    Effect.gen(function* () {
      const where = world(
        {
          "/1": kubeconfig("a", { token: "first" }),
          "/2": kubeconfig("a", { token: "second" }, { current: "a", cluster: { server: "https://second.test" } })
        },
        { KUBECONFIG: "/1:/2" }
      )
      const wire = yield* first(KubeConfig.layer, where)
      assert.strictEqual(wire?.headers["authorization"], "Bearer first")
      const found = yield* Effect.provide(KubeConfig, Layer.provide(KubeConfig.layer, where))
      assert.strictEqual(found.cluster.server, "https://a.test")
    })
  )

  it.effect("another context brings its own namespace, also where no current one is set", () =>
    Effect.gen(function* () {
      const both = (current: { readonly current?: string }) =>
        world({ "/1": kubeconfig("a", {}, current), "/2": kubeconfig("b", { token: "b" }) }, { KUBECONFIG: "/1:/2" })
      for (const current of [{ current: "a" }, {}]) {
        const wire = yield* first(KubeConfig.layerWith({ context: "b" }), both(current))
        assert.strictEqual(pathOf(wire), "/api/v1/namespaces/of-b/pods")
        assert.strictEqual(wire?.headers["authorization"], "Bearer b")
      }
    })
  )

  it.effect("the pod's own cluster, when asked for, goes before a kubeconfig; an IPv6 host stands in brackets", () =>
    Effect.gen(function* () {
      const authority = yield* Pki.makeAuthority()
      const where = world(
        {
          "/1": kubeconfig("a", { token: "t" }, { current: "a" }),
          "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt": authority.certificate,
          "/var/run/secrets/kubernetes.io/serviceaccount/token": "pod-token",
          "/var/run/secrets/kubernetes.io/serviceaccount/namespace": "pods-own"
        },
        { KUBECONFIG: "/1", KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" }
      )
      const wire = yield* first(KubeConfig.layerInCluster, where)
      assert.strictEqual(wire?.headers["authorization"], "Bearer pod-token")
      assert.strictEqual(pathOf(wire), "/api/v1/namespaces/pods-own/pods")
      const found = yield* Effect.provide(KubeConfig, Layer.provide(KubeConfig.layerInCluster, where))
      assert.strictEqual(found.cluster.server, "https://[fd00::1]:443")
    })
  )

  it.scopedLive("key material is not written to the disk", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          const before = { TMPDIR: process.env["TMPDIR"], HOME: process.env["HOME"] }
          Object.assign(process.env, { TMPDIR: directory, HOME: directory })
          return before
        }),
        (before) =>
          Effect.sync(() => {
            for (const [name, value] of Object.entries(before)) {
              if (value === undefined) delete process.env[name]
              else process.env[name] = value
            }
          })
      )
      const authority = yield* Pki.makeAuthority()
      const certificate = yield* Pki.issue(authority, { commonName: "jane", ipAddresses: ["127.0.0.1"] })
      const { port } = yield* httpsServer(
        { cert: certificate.certificate, key: certificate.privateKey, ca: authority.certificate, requestCert: true },
        (request, response) =>
          // A TLS server's sockets are of this class.
          json(response, pod(String((request.socket as TLSSocket).getPeerCertificate().subject.CN)))
      )
      const base64 = (text: string) => Buffer.from(text).toString("base64")
      const text = kubeconfig(
        "a",
        {
          "client-certificate-data": base64(certificate.certificate),
          "client-key-data": base64(certificate.privateKey)
        },
        {
          current: "a",
          cluster: {
            server: `https://127.0.0.1:${port}`,
            "certificate-authority-data": base64(authority.certificate)
          }
        }
      )
      for (let round = 0; round < 3; round++) {
        const found = yield* Effect.provide(Pod.get("web"), NodeKubeClient.fromConfig(KubeConfig.layerYaml(text)))
        assert.strictEqual(found.metadata.name, "jane")
      }
      assert.deepStrictEqual(yield* fs.readDirectory(directory, { recursive: true }), [])
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
