import { FileSystem, Path } from "@effect/platform"
import { SystemError, type PlatformError } from "@effect/platform/Error"
import { NodePath } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, FastCheck as fc, Layer, Redacted } from "effect"
import { KubeConfig } from "effect-kubernetes"
import type { Overrides, Resolved } from "effect-kubernetes/layers/KubeConfig"
import { createPrivateKey } from "node:crypto"
import { inspect } from "node:util"
import { merge, type KubeConfigFile } from "../../src/internal/kubeconfig.js"
import * as Pki from "../support/pki.js"
import { config as value } from "./fake.js"

const { authority, client, other } = await Effect.runPromise(
  Effect.gen(function* () {
    const authority = yield* Pki.makeAuthority()
    return {
      authority,
      client: yield* Pki.issue(authority, { commonName: "jane" }),
      other: yield* Pki.issue(authority, { commonName: "joe" })
    }
  })
)

const base64 = (text: string) => Buffer.from(text).toString("base64")

/** The client's key with a passphrase, in both forms that there are. */
const encrypted = (["pkcs8", "sec1"] as const).map((type) =>
  String(
    createPrivateKey(client.privateKey).export({ type, format: "pem", cipher: "aes-128-cbc", passphrase: "s3cret" })
  )
)

type Files = { readonly [path: string]: string | PlatformError }

const systemError = (reason: SystemError["reason"], path: string) =>
  new SystemError({ reason, module: "FileSystem", method: "readFile", pathOrDescriptor: path })

/** An environment and a file system that hold just these. */
const world = (
  files: Files,
  env: { readonly [name: string]: string } = {},
  path: Layer.Layer<Path.Path> = Path.layer
) =>
  Layer.mergeAll(
    path,
    Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(env)))),
    FileSystem.layerNoop({
      exists: (file) => Effect.succeed(file in files),
      readFileString: (file) => {
        const found = files[file]
        if (found === undefined) return Effect.fail(systemError("NotFound", file))
        return typeof found === "string" ? Effect.succeed(found) : Effect.fail(found)
      }
    })
  )

type Any = Layer.Layer<KubeConfig, unknown, FileSystem.FileSystem | Path.Path>

const load = (config: Any, where: ReturnType<typeof world> = world({})) =>
  Effect.provide(KubeConfig, config.pipe(Layer.provide(where)))

/** The tag and the message of the error. */
const problem = (config: Any, where: ReturnType<typeof world> = world({})) =>
  Effect.map(Effect.flip(load(config, where)), (error) =>
    error instanceof Error && "_tag" in error ? `${String(error._tag)}: ${error.message}` : String(error)
  )

interface Parts {
  readonly name?: string
  readonly cluster?: Record<string, unknown>
  readonly user?: Record<string, unknown>
  readonly context?: Record<string, unknown>
  readonly current?: string | null
}

/** A kubeconfig of one context, as JSON, which is YAML. */
const kubeconfig = ({ cluster = {}, context = {}, current, name = "main", user = {} }: Parts = {}): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server: `https://${name}.test:6443`, ...cluster } }],
    users: [{ name, user: { token: `token-of-${name}`, ...user } }],
    contexts: [{ name, context: { cluster: name, user: name, ...context } }],
    ...(current === null ? {} : { "current-context": current ?? name })
  })

const yaml = (parts: Parts, overrides?: Overrides) => KubeConfig.layerYaml(kubeconfig(parts), overrides)

const token = (config: Resolved) => (config.user.token === undefined ? undefined : Redacted.value(config.user.token))

describe("where a kubeconfig comes from", () => {
  it.effect("layer reads the files of KUBECONFIG, and not ~/.kube/config then", () =>
    Effect.gen(function* () {
      const config = yield* load(
        KubeConfig.layer,
        world(
          { "/a": kubeconfig({ name: "a" }), "/home/.kube/config": kubeconfig({ name: "home" }) },
          { KUBECONFIG: "/a", HOME: "/home" }
        )
      )
      assert.strictEqual(config.context, "a")
      assert.strictEqual(config.cluster.server, "https://a.test:6443")
      assert.strictEqual(config.namespace, "default")
    })
  )

  it.effect("layer reads ~/.kube/config where KUBECONFIG is not set or empty", () =>
    Effect.gen(function* () {
      const files = { "/home/.kube/config": kubeconfig({ name: "home" }) }
      assert.strictEqual((yield* load(KubeConfig.layer, world(files, { HOME: "/home" }))).context, "home")
      const empty = world(files, { HOME: "/home", KUBECONFIG: "" })
      assert.strictEqual((yield* load(KubeConfig.layer, empty)).context, "home")
    })
  )

  it.effect("layer finds the home of Windows, too", () =>
    Effect.gen(function* () {
      const where = world(
        { "C:\\Users\\jane\\.kube\\config": kubeconfig({ name: "home" }) },
        { USERPROFILE: "C:\\Users\\jane" },
        NodePath.layerWin32
      )
      assert.strictEqual((yield* load(KubeConfig.layer, where)).context, "home")
    })
  )

  const pod = {
    "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt": authority.certificate,
    "/var/run/secrets/kubernetes.io/serviceaccount/token": "pod-token",
    "/var/run/secrets/kubernetes.io/serviceaccount/namespace": "team-a\n"
  }
  const podEnv = { KUBERNETES_SERVICE_HOST: "10.0.0.1", KUBERNETES_SERVICE_PORT: "443", HOME: "/root" }

  it.effect("layer takes the pod's own cluster where there is no file", () =>
    Effect.gen(function* () {
      const config = yield* load(KubeConfig.layer, world(pod, podEnv))
      assert.deepStrictEqual(config, {
        namespace: "team-a",
        cluster: {
          name: "in-cluster",
          server: "https://10.0.0.1:443",
          certificateAuthority: authority.certificate,
          insecureSkipTlsVerify: false,
          disableCompression: false
        },
        user: {
          name: "service account",
          tokenFile: "/var/run/secrets/kubernetes.io/serviceaccount/token",
          unsupported: []
        }
      })
    })
  )

  it.effect("layer prefers a file to the pod's own cluster", () =>
    Effect.gen(function* () {
      const where = world({ ...pod, "/root/.kube/config": kubeconfig({ name: "home" }) }, podEnv)
      assert.strictEqual((yield* load(KubeConfig.layer, where)).context, "home")
    })
  )

  it.effect("layer takes the pod's own cluster where the files are empty", () =>
    Effect.gen(function* () {
      for (const [files, env] of [
        [{ "/root/.kube/config": "" }, {}],
        [{ "/a": "apiVersion: v1\nkind: Config\nusers: []\n", "/b": "# nothing" }, { KUBECONFIG: "/a:/b" }]
      ] as const) {
        const config = yield* load(KubeConfig.layer, world({ ...pod, ...files }, { ...podEnv, ...env }))
        assert.strictEqual(config.cluster.name, "in-cluster")
      }
      const given = world({ ...pod, "/a": "" }, podEnv)
      assert.match(yield* problem(KubeConfig.layerFile("/a"), given), /no current-context is set/)
    })
  )

  it.effect("layerInCluster takes an empty namespace for none", () =>
    Effect.gen(function* () {
      const files = { ...pod, "/var/run/secrets/kubernetes.io/serviceaccount/namespace": "\n" }
      assert.strictEqual((yield* load(KubeConfig.layerInCluster, world(files, podEnv))).namespace, "default")
    })
  )

  it.effect("layerInCluster puts an IPv6 host into brackets", () =>
    Effect.gen(function* () {
      const config = yield* load(
        KubeConfig.layerInCluster,
        world(pod, { KUBERNETES_SERVICE_HOST: "fd00:10:96::1", KUBERNETES_SERVICE_PORT: "6443" })
      )
      assert.strictEqual(config.cluster.server, "https://[fd00:10:96::1]:6443")
      assert.strictEqual(new URL(config.cluster.server).port, "6443")
    })
  )

  it.effect("layerInCluster says when it is not in a pod, and what is missing there", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* problem(KubeConfig.layerInCluster),
        "ConfigError: not in a pod: KUBERNETES_SERVICE_HOST is not set"
      )
      assert.strictEqual(
        yield* problem(KubeConfig.layerInCluster, world({}, podEnv)),
        "ConfigError: the cluster's certificate /var/run/secrets/kubernetes.io/serviceaccount/ca.crt: there is no such file"
      )
      assert.strictEqual(
        yield* problem(KubeConfig.layerWith({ context: "a" }), world(pod, podEnv)),
        "ConfigError: a pod's own configuration has no contexts, clusters or users to choose from; give a kubeconfig file"
      )
    })
  )

  it.effect("layerWith overrides context, cluster, user and namespace", () =>
    Effect.gen(function* () {
      const where = world({ "/a": kubeconfig({ name: "a" }), "/b": kubeconfig({ name: "b" }) }, { KUBECONFIG: "/a:/b" })
      const pick = (overrides: Overrides) =>
        Effect.map(load(KubeConfig.layerWith(overrides), where), (config) => [
          config.context,
          config.cluster.name,
          config.user.name,
          config.namespace
        ])
      assert.deepStrictEqual(yield* pick({}), ["a", "a", "a", "default"])
      assert.deepStrictEqual(yield* pick({ context: "b" }), ["b", "b", "b", "default"])
      assert.deepStrictEqual(yield* pick({ cluster: "b" }), ["a", "b", "a", "default"])
      assert.deepStrictEqual(yield* pick({ user: "b", namespace: "n" }), ["a", "a", "b", "n"])
    })
  )

  it.effect("layerFile reads one file, or several merged", () =>
    Effect.gen(function* () {
      const where = world({ "/a": kubeconfig({ name: "a", current: null }), "/b": kubeconfig({ name: "b" }) })
      assert.strictEqual((yield* load(KubeConfig.layerFile("/b"), where)).context, "b")
      assert.strictEqual((yield* load(KubeConfig.layerFile(["/a", "/b"]), where)).context, "b")
      assert.strictEqual((yield* load(KubeConfig.layerFile(["/a", "/b"], { context: "a" }), where)).context, "a")
    })
  )

  it.effect("layerFile fails on a file that is not there, though another one is", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* problem(KubeConfig.layerFile(["/a", "/missing"]), world({ "/a": kubeconfig() })),
        "ConfigError: kubeconfig /missing: there is no such file"
      )
    })
  )

  it.effect("layerYaml takes text, or redacted text", () =>
    Effect.gen(function* () {
      assert.strictEqual(token(yield* load(yaml({}))), "token-of-main")
      assert.strictEqual(token(yield* load(KubeConfig.layerYaml(Redacted.make(kubeconfig())))), "token-of-main")
    })
  )

  it.effect("layerConfig takes settings from wherever the ConfigProvider looks", () =>
    Effect.gen(function* () {
      const where = world(
        { "/a": kubeconfig({ name: "a" }) },
        { KUBECONFIG: "/a", NAMESPACE: "n", YAML: kubeconfig({ name: "inline" }) }
      )
      const fromFiles = yield* load(KubeConfig.layerConfig({ namespace: Config.string("NAMESPACE") }), where)
      assert.deepStrictEqual([fromFiles.context, fromFiles.namespace], ["a", "n"])
      const inline = yield* load(KubeConfig.layerConfig({ yaml: Config.redacted("YAML") }), where)
      assert.strictEqual(inline.context, "inline")
      assert.strictEqual(
        yield* problem(KubeConfig.layerConfig({ context: Config.string("CONTEXT") }), where),
        'ConfigError: kubeconfig: (Missing data at CONTEXT: "Expected CONTEXT to exist in the provided map")'
      )
    })
  )

  it.effect("layerValue is the value", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* load(KubeConfig.layerValue(value)), value)
    })
  )

  it.effect("nothing anywhere is an error that says what to do", () =>
    Effect.gen(function* () {
      const nothing =
        "ConfigError: no cluster is configured: set KUBECONFIG to a kubeconfig file, write ~/.kube/config, or run in a pod with a service account"
      assert.strictEqual(yield* problem(KubeConfig.layer, world({}, { HOME: "/home" })), nothing)
      assert.strictEqual(yield* problem(KubeConfig.layer, world({})), nothing)
      assert.strictEqual(yield* problem(KubeConfig.layer, world({}, { KUBECONFIG: "" })), nothing)
    })
  )
})

describe("merging, as kubectl does", () => {
  const where = (files: Files, list = Object.keys(files).join(":")) => world(files, { KUBECONFIG: list })

  it.effect("skips files that are not there, and empty places in the list", () =>
    Effect.gen(function* () {
      const config = yield* load(KubeConfig.layer, where({ "/b": kubeconfig({ name: "b" }) }, "/a::/b:"))
      assert.strictEqual(config.context, "b")
    })
  )

  it.effect("fails where none of them is there", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* problem(KubeConfig.layer, where({}, "/a:/b")),
        "ConfigError: kubeconfig: none of these files exists: /a, /b"
      )
    })
  )

  it.effect("of two clusters of one name in two files, the first file's counts, and counts whole", () =>
    Effect.gen(function* () {
      const files = {
        "/a": kubeconfig({ cluster: { server: "https://first.test" }, user: { token: "first" } }),
        "/b": kubeconfig({
          cluster: { server: "https://second.test", "tls-server-name": "second" },
          user: { token: "second", as: "second" },
          context: { namespace: "second" }
        })
      }
      const config = yield* load(KubeConfig.layer, where(files))
      assert.strictEqual(config.cluster.server, "https://first.test")
      // Nothing of the second file is mixed in.
      assert.strictEqual(config.cluster.tlsServerName, undefined)
      assert.strictEqual(config.user.impersonate, undefined)
      assert.strictEqual(config.namespace, "default")
      assert.strictEqual(token(config), "first")
    })
  )

  it.effect("current-context is that of the first file that sets it", () =>
    Effect.gen(function* () {
      const files = {
        "/a": kubeconfig({ name: "a", current: null }),
        "/b": kubeconfig({ name: "b", current: "" }),
        "/c": kubeconfig({ name: "c", current: "a" }),
        "/d": kubeconfig({ name: "d" })
      }
      assert.strictEqual((yield* load(KubeConfig.layer, where(files))).context, "a")
    })
  )

  it.effect("a context may join a cluster and a user of other files", () =>
    Effect.gen(function* () {
      const files = {
        "/a": JSON.stringify({
          contexts: [{ name: "x", context: { cluster: "b", user: "c" } }],
          "current-context": "x"
        }),
        "/b": kubeconfig({ name: "b" }),
        "/c": kubeconfig({ name: "c" })
      }
      const config = yield* load(KubeConfig.layer, where(files))
      assert.deepStrictEqual([config.cluster.name, config.user.name], ["b", "c"])
    })
  )

  it.effect("relative paths are relative to the file that they stand in", () =>
    Effect.gen(function* () {
      const files = {
        "/one/config": kubeconfig({
          cluster: { "certificate-authority": "pki/ca.pem" },
          user: { token: null, tokenFile: "../two/token" }
        }),
        "/one/pki/ca.pem": authority.certificate,
        "/two/config": kubeconfig({
          name: "b",
          user: { "client-certificate": "jane.pem", "client-key": "./jane.key" }
        }),
        "/two/jane.pem": client.certificate,
        "/two/jane.key": client.privateKey
      }
      const list = where(files, "/one/config:/two/config")
      const first = yield* load(KubeConfig.layer, list)
      assert.strictEqual(first.cluster.certificateAuthority, authority.certificate)
      assert.strictEqual(first.user.tokenFile, "/two/token")
      const second = yield* load(KubeConfig.layerWith({ context: "b" }), list)
      assert.strictEqual(second.user.clientCertificate, client.certificate)
    })
  )

  it.effect("on Windows the list is divided by semicolons, and paths are of Windows", () =>
    Effect.gen(function* () {
      const files = {
        "C:\\k\\a": kubeconfig({ name: "a", current: null }),
        "D:\\k\\b": kubeconfig({ name: "b", cluster: { "certificate-authority": "pki\\ca.pem" } }),
        "D:\\k\\pki\\ca.pem": authority.certificate
      }
      const env = { KUBECONFIG: "C:\\k\\a;D:\\k\\b" }
      const config = yield* load(KubeConfig.layer, world(files, env, NodePath.layerWin32))
      assert.strictEqual(config.context, "b")
      assert.strictEqual(config.cluster.certificateAuthority, authority.certificate)
    })
  )

  // Properties of the pure merge.
  const entry = fc.record({
    fields: fc.dictionary(fc.constantFrom("server", "token"), fc.string()),
    source: fc.string(),
    directory: fc.string()
  })
  const entries = fc
    .array(fc.tuple(fc.constantFrom("a", "b", "c", "__proto__"), entry))
    .map((pairs): KubeConfigFile["clusters"] => new Map(pairs))
  const file: fc.Arbitrary<KubeConfigFile> = fc.record({
    source: fc.string(),
    currentContext: fc.option(fc.constantFrom("a", "b"), { nil: undefined }),
    clusters: entries,
    users: entries,
    contexts: entries
  })

  it("is associative", () => {
    fc.assert(
      fc.property(file, file, file, (a, b, c) => {
        const whole = merge([a, b, c])
        assert.deepStrictEqual(merge([merge([a, b]), c]), whole)
        assert.deepStrictEqual(merge([a, merge([b, c])]), whole)
      })
    )
  })

  it("keeps every entry of the first file as it is, and drops no name", () => {
    fc.assert(
      fc.property(file, fc.array(file), (first, others) => {
        const merged = merge([first, ...others])
        for (const list of ["clusters", "users", "contexts"] as const) {
          for (const [name, entry] of first[list]) assert.strictEqual(merged[list].get(name), entry)
          const names = new Set([first, ...others].flatMap((one) => [...one[list].keys()]))
          assert.deepStrictEqual(new Set(merged[list].keys()), names)
        }
        if (first.currentContext !== undefined) assert.strictEqual(merged.currentContext, first.currentContext)
      })
    )
  })
})

describe("what a kubeconfig says", () => {
  it.effect("every field finds its place", () =>
    Effect.gen(function* () {
      const config = yield* load(
        yaml({
          cluster: {
            server: "https://main.test:6443/prefix/",
            "certificate-authority-data": base64(authority.certificate),
            "tls-server-name": "api",
            "proxy-url": "socks5://proxy.test:1080",
            "disable-compression": true
          },
          user: {
            username: "jane",
            password: "pw",
            "client-certificate-data": base64(client.certificate),
            "client-key-data": base64(client.privateKey),
            as: "joe",
            "as-uid": "1",
            "as-groups": ["dev", "ops"],
            "as-user-extra": { scopes: ["view", "edit"] }
          },
          context: { namespace: "team" }
        })
      )
      assert.deepStrictEqual(config, {
        context: "main",
        namespace: "team",
        cluster: {
          name: "main",
          server: "https://main.test:6443/prefix",
          certificateAuthority: authority.certificate,
          tlsServerName: "api",
          insecureSkipTlsVerify: false,
          proxyUrl: Redacted.make("socks5://proxy.test:1080"),
          disableCompression: true
        },
        user: {
          name: "main",
          token: Redacted.make("token-of-main"),
          tokenFile: undefined,
          username: "jane",
          password: Redacted.make("pw"),
          clientCertificate: client.certificate,
          clientKey: Redacted.make(client.privateKey),
          impersonate: { user: "joe", uid: "1", groups: ["dev", "ops"], extra: { scopes: ["view", "edit"] } },
          unsupported: []
        }
      })
    })
  )

  it.effect("inline data wins over a file, which is not even read", () =>
    Effect.gen(function* () {
      const config = yield* load(
        yaml({
          cluster: {
            "certificate-authority-data": base64(authority.certificate),
            "certificate-authority": "/missing"
          },
          user: {
            "client-certificate-data": base64(client.certificate),
            "client-certificate": "/missing",
            "client-key-data": base64(client.privateKey),
            "client-key": "/missing"
          }
        })
      )
      assert.strictEqual(config.cluster.certificateAuthority, authority.certificate)
      assert.strictEqual(config.user.clientCertificate, client.certificate)
    })
  )

  it.effect("the namespace is that of the chosen context, not of the current one", () =>
    Effect.gen(function* () {
      const where = world(
        {
          "/a": kubeconfig({ name: "a", context: { namespace: "of-a" } }),
          "/b": kubeconfig({ name: "b", context: { namespace: "of-b" } })
        },
        { KUBECONFIG: "/a:/b" }
      )
      assert.strictEqual((yield* load(KubeConfig.layer, where)).namespace, "of-a")
      assert.strictEqual((yield* load(KubeConfig.layerWith({ context: "b" }), where)).namespace, "of-b")
    })
  )

  it.effect("a context without a user is anonymous", () =>
    Effect.gen(function* () {
      const config = yield* load(yaml({ context: { user: null } }))
      assert.strictEqual(config.user.name, "anonymous")
      assert.strictEqual(token(config), undefined)
    })
  )

  it.effect("a chosen cluster and user need no context", () =>
    Effect.gen(function* () {
      const config = yield* load(yaml({ current: null }, { cluster: "main", user: "main" }))
      assert.deepStrictEqual([config.context, config.cluster.name, token(config)], [undefined, "main", "token-of-main"])
    })
  )

  it.effect("comments, anchors and a certificate with text around it are fine", () =>
    Effect.gen(function* () {
      const text = [
        "# my clusters",
        "clusters: [{ name: &name main, cluster: { server: 'https://main.test', certificate-authority: /ca.pem } }]",
        "contexts: [{ name: *name, context: { cluster: *name } }]",
        "current-context: *name"
      ].join("\n")
      const bundle = `Issuer: somebody\n${authority.certificate}\n# another\n${authority.certificate}\n`
      const config = yield* load(KubeConfig.layerYaml(text), world({ "/ca.pem": bundle }))
      assert.strictEqual(config.cluster.certificateAuthority, bundle)
    })
  )

  it.effect("merge keys, an empty kind, and a further document are read as kubectl reads them", () =>
    Effect.gen(function* () {
      const text = [
        "---",
        "kind:",
        "defaults: &defaults { server: 'https://main.test', tls-server-name: default }",
        "more: &more { disable-compression: true }",
        "clusters: [{ name: main, cluster: { <<: [*defaults, *more], tls-server-name: mine } }]",
        "contexts: [{ name: main, context: { cluster: main } }]",
        "current-context: main",
        "---",
        "current-context: another"
      ].join("\n")
      const { cluster } = yield* load(KubeConfig.layerYaml(text))
      assert.deepInclude(cluster, { server: "https://main.test", tlsServerName: "mine", disableCompression: true })
    })
  )

  it.effect("the certificate and its key may stand in one file, as the kubelet keeps them", () =>
    Effect.gen(function* () {
      const both = `${client.certificate}\n${client.privateKey}\n`
      const config = yield* load(
        yaml({ user: { "client-certificate": "/both.pem", "client-key": "/both.pem" } }),
        world({ "/both.pem": both })
      )
      assert.strictEqual(config.user.clientCertificate, both)
    })
  )
})

describe("a wrong kubeconfig", () => {
  const secret = "c2VjcmV0LXRva2Vu"
  const given = "kubeconfig the given text"

  it.effect("malformed YAML: says where, and does not quote the line", () =>
    Effect.gen(function* () {
      const texts = [
        `users:\n- name: a\n  user: { token: ${secret}\n`,
        `users:\n\t- token: ${secret}\n`,
        `token: ${secret}\ntoken: ${secret}\n`,
        `a: "${secret}`,
        `a: b: ${secret}`,
        `- ${secret}\nb: c\n`,
        `a: !!binary ${secret}\n b`
      ]
      const messages = yield* Effect.forEach(texts, (text) => problem(KubeConfig.layerYaml(text)))
      assert.deepStrictEqual(messages.slice(0, 3), [
        `ConfigError: ${given}: not YAML at line 4, column 1: wrong indentation`,
        `ConfigError: ${given}: not YAML at line 2, column 1: a tab as indentation`,
        `ConfigError: ${given}: not YAML at line 2, column 1: a key stands there twice`
      ])
      for (const text of texts) {
        const error = yield* Effect.flip(load(KubeConfig.layerYaml(text)))
        assert.notInclude(inspect(error, { depth: 20, showHidden: true }), secret)
        assert.notInclude(JSON.stringify(error), secret)
      }
    })
  )

  it.effect("an alias bomb ends soon", () =>
    Effect.gen(function* () {
      const level = (name: string, of: string) => `${name}: &${name} [${Array(9).fill(`*${of}`).join(", ")}]`
      const text = ["a: &a [x, x]", ..."bcdefghi".split("").map((name, at) => level(name, "abcdefghi".charAt(at)))]
      assert.strictEqual(
        yield* problem(KubeConfig.layerYaml(text.join("\n"))),
        `ConfigError: ${given}: too many YAML aliases`
      )
    })
  )

  const texts: ReadonlyArray<readonly [name: string, text: string, message: string]> = [
    ["a list", "- a", `${given}: expected a mapping, got a list`],
    ["a text", "hello", `${given}: expected a mapping, got a string`],
    ["an empty file", "", `${given}: no current-context is set; choose a context (contexts: there are none)`],
    ["of another kind", "kind: Pod", `${given}: expected kind: Config, got kind: Pod`],
    ["of another version", "apiVersion: v2", `${given}: expected apiVersion: v1, got apiVersion: v2`],
    ["of a version that is a number", "apiVersion: 1", `${given}: expected apiVersion: v1, got a number`],
    [
      "two users of one name in one file",
      "users: [{ name: a, user: { token: x } }, { name: b }, { name: a, user: { token: y } }]",
      `${given}: users: the name "a" stands there twice`
    ],
    ["users is a mapping", "users: {}", `${given}: users: expected a list, got an object`],
    ["clusters is a text", "clusters: a", `${given}: clusters: expected a list, got a string`],
    ["an entry without a name", "contexts: [{ context: {} }]", `${given}: contexts[0]: expected a mapping with a name`],
    ["an entry that is a text", "contexts: [a]", `${given}: contexts[0]: expected a mapping with a name`],
    [
      "an entry whose content is a list",
      "users: [{ name: a, user: [] }]",
      `${given}: users[0].user: expected a mapping, got a list`
    ],
    ["current-context is a number", "current-context: 5", `${given}: current-context: expected a string, got a number`]
  ]
  for (const [name, text, message] of texts) {
    it.effect(`${name}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* problem(KubeConfig.layerYaml(text)), `ConfigError: ${message}`)
      })
    )
  }

  const cases: ReadonlyArray<readonly [name: string, parts: Parts, message: string, overrides?: Overrides]> = [
    ["a context that names no cluster", { context: { cluster: null } }, `${given}: context "main" names no cluster`],
    [
      "a context whose cluster is not there",
      { context: { cluster: "x" } },
      `${given}: context "main" names the cluster "x", which is not there (clusters: there are: main)`
    ],
    [
      "a context whose user is not there",
      { context: { user: "x" } },
      `${given}: context "main" names the user "x", which is not there (users: there are: main)`
    ],
    [
      "no current-context",
      { current: null },
      `${given}: no current-context is set; choose a context (contexts: there are: main)`
    ],
    ["an unknown context", { current: "x" }, `${given}: there is no context "x" (contexts: there are: main)`],
    [
      "an unknown context that was asked for",
      {},
      `${given}: there is no context "x" (contexts: there are: main)`,
      { context: "x" }
    ],
    [
      "an unknown cluster that was asked for",
      {},
      `${given}: there is no cluster "x" (clusters: there are: main)`,
      { cluster: "x" }
    ],
    [
      "an unknown user that was asked for",
      {},
      `${given}: there is no user "x" (users: there are: main)`,
      { user: "x" }
    ],
    ["no server", { cluster: { server: null } }, `${given}: cluster "main": server is missing`],
    [
      "a server that is a number",
      { cluster: { server: 5 } },
      `${given}: cluster "main": server: expected a string, got a number`
    ],
    [
      "a server without a scheme",
      { cluster: { server: "127.0.0.1:6443" } },
      `${given}: cluster "main": server: expected a URL that begins with https:// or http://`
    ],
    [
      "a server of another scheme",
      { cluster: { server: "ftp://main.test" } },
      `${given}: cluster "main": server: expected a URL that begins with https:// or http://`
    ],
    [
      "a server with credentials in its URL",
      { cluster: { server: `https://jane:${secret}@main.test` } },
      `${given}: cluster "main": server: a URL without user or query is needed`
    ],
    [
      "a proxy of an unknown scheme",
      { cluster: { "proxy-url": "ftp://proxy.test" } },
      `${given}: cluster "main": proxy-url: expected a URL that begins with http:// or https:// or socks5://`
    ],
    [
      "insecure-skip-tls-verify that is a text",
      { cluster: { "insecure-skip-tls-verify": "true" } },
      `${given}: cluster "main": insecure-skip-tls-verify: expected true or false, got a string`
    ],
    [
      "insecure-skip-tls-verify together with a certificate authority",
      { cluster: { "insecure-skip-tls-verify": true, "certificate-authority": "/ca.pem" } },
      `${given}: cluster "main": certificate-authority and insecure-skip-tls-verify exclude each other; remove one`
    ],
    [
      "a certificate that is not PEM",
      { cluster: { "certificate-authority-data": base64(secret) } },
      `${given}: cluster "main": certificate-authority-data: not PEM: there is no "-----BEGIN CERTIFICATE-----" in it`
    ],
    [
      "data that is not base64",
      { cluster: { "certificate-authority-data": "***" } },
      `${given}: cluster "main": certificate-authority-data: not base64`
    ],
    [
      "PEM that holds no certificate",
      {
        cluster: {
          "certificate-authority-data": base64(
            `-----BEGIN CERTIFICATE-----\n${base64(secret)}\n-----END CERTIFICATE-----\n`
          )
        }
      },
      `${given}: cluster "main": certificate-authority-data: looks like PEM, but holds no certificate that can be read`
    ],
    [
      "PEM that holds no key",
      {
        user: {
          "client-certificate-data": base64(client.certificate),
          "client-key-data": base64(`-----BEGIN PRIVATE KEY-----\n${base64(secret)}\n-----END PRIVATE KEY-----\n`)
        }
      },
      `${given}: user "main": client-key-data: looks like PEM, but holds no private key that can be read`
    ],
    ...encrypted.map((key): readonly [string, Parts, string] => [
      `an encrypted key (${key.split("\n", 1).join("")})`,
      { user: { "client-certificate-data": base64(client.certificate), "client-key-data": base64(key) } },
      `${given}: user "main": client-key-data: the key is encrypted; a kubeconfig needs it without a passphrase`
    ]),
    [
      "a certificate where a key should be",
      {
        user: {
          "client-certificate-data": base64(client.certificate),
          "client-key-data": base64(client.certificate)
        }
      },
      `${given}: user "main": client-key-data: not PEM: there is no "-----BEGIN PRIVATE KEY-----" in it`
    ],
    [
      "a key of another certificate",
      {
        user: {
          "client-certificate-data": base64(client.certificate),
          "client-key-data": base64(other.privateKey)
        }
      },
      'user "main": client-key does not belong to client-certificate'
    ],
    [
      "a certificate without its key",
      { user: { "client-certificate-data": base64(client.certificate) } },
      'user "main": client-certificate is there, but client-key is missing'
    ],
    [
      "a key without its certificate",
      { user: { "client-key-data": base64(client.privateKey) } },
      'user "main": client-key is there, but client-certificate is missing'
    ],
    [
      "a token that is a number",
      { user: { token: 5 } },
      `${given}: user "main": token: expected a string, got a number`
    ],
    [
      "groups that are a text",
      { user: { as: "joe", "as-groups": "dev" } },
      `${given}: user "main": as-groups: expected a list of strings, got a string`
    ]
  ]
  for (const [name, parts, message, overrides] of cases) {
    it.effect(`${name}`, () =>
      Effect.gen(function* () {
        const found = yield* problem(yaml(parts, overrides))
        assert.strictEqual(found, `ConfigError: ${message}`)
        assert.notInclude(found, secret)
      })
    )
  }

  it.effect("groups to act with, but nobody to act as: not as somebody with more rights, but not at all", () =>
    Effect.gen(function* () {
      for (const user of [{ "as-groups": ["dev"] }, { "as-uid": "1" }, { "as-user-extra": { scopes: ["view"] } }]) {
        assert.match(yield* problem(yaml({ user })), /^ConfigError: kubeconfig the given text: user "main": .*\bas\b/)
      }
    })
  )

  it.effect("as-user-extra of another shape is not left out in silence", () =>
    Effect.gen(function* () {
      for (const extra of ["view", { scopes: "view" }, { scopes: [1] }]) {
        assert.match(
          yield* problem(yaml({ user: { as: "joe", "as-user-extra": extra } })),
          /^ConfigError: kubeconfig the given text: user "main": as-user-extra/
        )
      }
    })
  )

  it.effect("files that cannot be read", () =>
    Effect.gen(function* () {
      const files = {
        "/directory": systemError("BadResource", "/directory"),
        "/denied": systemError("PermissionDenied", "/denied"),
        "/config": kubeconfig({ cluster: { "certificate-authority": "ca.pem" } }),
        "/key": kubeconfig({
          user: { "client-certificate-data": base64(client.certificate), "client-key": "/denied" }
        })
      }
      const messages = yield* Effect.forEach(["/directory", "/denied", "/config", "/key"], (file) =>
        problem(KubeConfig.layer, world(files, { KUBECONFIG: file }))
      )
      assert.deepStrictEqual(messages, [
        "ConfigError: kubeconfig /directory: cannot be read (a directory?)",
        "ConfigError: kubeconfig /denied: may not be read by this user",
        'ConfigError: kubeconfig /config: cluster "main": certificate-authority /ca.pem: there is no such file',
        'ConfigError: kubeconfig /key: user "main": client-key /denied: may not be read by this user'
      ])
    })
  )

  it.effect("an error in one file of several names that file", () =>
    Effect.gen(function* () {
      const files = { "/a": kubeconfig(), "/b": "users: {}" }
      assert.match(
        yield* problem(KubeConfig.layer, world(files, { KUBECONFIG: "/a:/b" })),
        /^ConfigError: kubeconfig \/b: users: expected a list/
      )
    })
  )
})
