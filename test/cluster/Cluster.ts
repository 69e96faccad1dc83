/**
 * A real Kubernetes control plane on this machine, for tests: etcd, the API server, the controllers and the scheduler.
 */
import * as Command from "@effect/platform/Command"
import { CommandExecutor } from "@effect/platform/CommandExecutor"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Path from "@effect/platform/Path"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { ParseError } from "effect/ParseResult"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as ScopedRef from "effect/ScopedRef"
import * as Tuple from "effect/Tuple"
import { randomUUID } from "node:crypto"
import * as Yaml from "yaml"
import * as Pki from "../support/pki.js"
import * as Binary from "./Binary.js"
import * as Node from "./Node.js"
import { run } from "./run.js"
import * as Sandbox from "./Sandbox.js"

/** Bearer tokens that the API server knows. */
export interface Tokens {
  /** May do everything: a member of `system:masters`. */
  readonly admin: string
  /** The user `powerless`, who may do nothing before a test grants it. */
  readonly powerless: string
}

/** What every cluster has, also one that was not booted here. */
export interface Service {
  /** The text of a kubeconfig file. */
  readonly kubeconfig: string
  readonly kubeconfigPath: string
  /** A cluster that was not booted here does not know them. */
  readonly tokens: Tokens | undefined
  /** Whether pods can run: whether it has a node that is ready. */
  readonly node: boolean
  /** Runs kubectl as the administrator, and gives what it printed. */
  readonly kubectl: (...args: ReadonlyArray<string>) => Effect.Effect<string, KubectlError>
}

/** A cluster that was booted here. */
export interface LocalCluster extends Service {
  /** The address of the API server. */
  readonly server: string
  readonly tokens: Tokens
  /** The temporary folder with the logs, keys and data of the cluster. */
  readonly directory: string
  /** The binary with every program of the cluster: see main.go. */
  readonly binary: string
  /** Restarts the API server at the same address, and waits until it is ready: breaks connections, empties caches. */
  readonly restartApiServer: Effect.Effect<void, Sandbox.ProgramError>
  /** Has etcd forget all but the newest versions: a list that goes on from an older one fails with 410 Gone. */
  readonly compact: Effect.Effect<void, HttpClientError | ParseError>
}

export interface Options {
  /** Whether to run the controllers and the scheduler too. The default is true. */
  readonly controllers?: boolean
  /** More arguments for kube-apiserver; they win over the ones that it gets anyhow. */
  readonly apiServerArguments?: ReadonlyArray<string>
  /** Whether to run a node too, which needs root and some packages: see Node.ts. The default is false. */
  readonly node?: boolean
  /** More fields of the configuration of the node's kubelet; they win over the ones that it gets anyhow. */
  readonly kubeletConfiguration?: Readonly<Record<string, unknown>>
}

export class KubectlError extends Data.TaggedError("KubectlError")<{
  readonly args: ReadonlyArray<string>
  readonly reason: string
}> {
  override get message() {
    return `kubectl ${this.args.join(" ")}: ${this.reason}`
  }
}

export class Cluster extends Context.Tag("test/Cluster")<Cluster, Service>() {}

const makeKubectl =
  (
    executor: CommandExecutor,
    program: readonly [string, ...ReadonlyArray<string>],
    environment: Record<string, string>
  ): Service["kubectl"] =>
  (...args) =>
    Command.make(...program, ...args).pipe(
      Command.env(environment),
      run,
      Effect.provideService(CommandExecutor, executor),
      Effect.mapError((error) => new KubectlError({ args, reason: error.message })),
      Effect.filterOrFail(
        ({ exitCode }) => exitCode === 0,
        ({ stderr }) => new KubectlError({ args, reason: stderr.trim() })
      ),
      Effect.map(({ stdout }) => stdout)
    )

/** Two ports that nothing listens on, at least for now. */
const freePorts = Effect.gen(function* () {
  const server = NodeSocketServer.make({ host: "127.0.0.1", port: 0 })
  const [first, second] = yield* Effect.all([server, server])
  if (first.address._tag !== "TcpAddress" || second.address._tag !== "TcpAddress") {
    return yield* Effect.dieMessage("a TCP server has a TCP address")
  }
  return Tuple.make(first.address.port, second.address.port)
}).pipe(Effect.scoped)

const serviceRange = { cidr: "10.0.0.0/24", apiServer: "10.0.0.1" }

const makeKubeconfig = (server: string, authority: Pki.Authority, admin: Pki.Certificate): string =>
  Yaml.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      { name: "test", cluster: { server, "certificate-authority-data": Encoding.encodeBase64(authority.certificate) } }
    ],
    users: [
      {
        name: "admin",
        user: {
          "client-certificate-data": Encoding.encodeBase64(admin.certificate),
          "client-key-data": Encoding.encodeBase64(admin.privateKey)
        }
      }
    ],
    contexts: [{ name: "test", context: { cluster: "test", user: "admin" } }],
    "current-context": "test"
  })

/** Has etcd drop the history before its present revision, which it gives as text: it may be too large for a number. */
const compact = (etcd: string) =>
  Effect.gen(function* () {
    const client = HttpClient.filterStatusOk(yield* HttpClient.HttpClient)
    const post = (path: string, body: unknown) =>
      client.execute(HttpClientRequest.post(etcd + path).pipe(HttpClientRequest.bodyUnsafeJson(body)))
    const Status = Schema.Struct({ header: Schema.Struct({ revision: Schema.String }) })
    const status = yield* Effect.flatMap(post("/v3/maintenance/status", {}), HttpClientResponse.schemaBodyJson(Status))
    yield* post("/v3/kv/compaction", { revision: status.header.revision, physical: true })
  }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))

interface Binaries {
  readonly kube: string
  /** What a node needs, when there is to be one. */
  readonly node: Option.Option<Pick<Node.Options, "supervisor" | "requirements">>
}

const boot = ({ kube: binary, node }: Binaries, options: Options) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const sandbox = yield* Sandbox.make(binary)
    const [etcdPort, port] = yield* freePorts
    const etcdUrl = `http://127.0.0.1:${etcdPort}`
    const server = `https://127.0.0.1:${port}`

    const authority = yield* Pki.makeAuthority()
    const admin = yield* Pki.issue(authority, { commonName: "admin", organizations: ["system:masters"] })
    const apiServer = yield* Pki.issue(authority, {
      commonName: "kube-apiserver",
      dnsNames: ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"],
      ipAddresses: ["127.0.0.1", serviceRange.apiServer]
    })
    const kubeletClient = yield* Pki.issue(authority, {
      commonName: "kube-apiserver-kubelet-client",
      organizations: ["system:masters"]
    })
    const serviceAccounts = yield* Pki.makeKeyPair
    const kubeconfig = makeKubeconfig(server, authority, admin)
    const tokens: Tokens = { admin: randomUUID(), powerless: randomUUID() }

    const write = (name: string, content: string) => {
      const file = path.join(sandbox.directory, name)
      return Effect.as(fs.writeFileString(file, content, { mode: 0o600 }), file)
    }
    const files = yield* Effect.all({
      authority: write("ca.crt", authority.certificate),
      apiServerCertificate: write("apiserver.crt", apiServer.certificate),
      apiServerKey: write("apiserver.key", apiServer.privateKey),
      kubeletClientCertificate: write("kubelet-client.crt", kubeletClient.certificate),
      kubeletClientKey: write("kubelet-client.key", kubeletClient.privateKey),
      serviceAccountsPublicKey: write("service-accounts.pub", serviceAccounts.publicKey),
      serviceAccountsKey: write("service-accounts.key", serviceAccounts.privateKey),
      tokens: write(
        "tokens.csv",
        `${tokens.admin},token-admin,token-admin,system:masters\n${tokens.powerless},powerless,powerless\n`
      ),
      kubeconfig: write("admin.kubeconfig", kubeconfig)
    })

    const kubectl = makeKubectl(yield* CommandExecutor, [binary, "kubectl"], {
      KUBECONFIG: files.kubeconfig,
      // No cache: a kubectl that outlives this process for a moment must not write to the folder that others removed.
      KUBECACHEDIR: "/dev/null"
    })

    const etcd = yield* sandbox.start("etcd", [
      `--data-dir=${path.join(sandbox.directory, "etcd")}`,
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
      "--listen-peer-urls=http://127.0.0.1:0",
      "--unsafe-no-fsync",
      "--log-level=warn"
    ])

    const startApiServer = sandbox.start("kube-apiserver", [
      `--etcd-servers=${etcdUrl}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${port}`,
      // An address for documentation, which nobody connects to: a loopback address is not allowed here, and without
      // any the API server looks for a default route, which a machine that is offline does not have.
      "--advertise-address=192.0.2.1",
      `--tls-cert-file=${files.apiServerCertificate}`,
      `--tls-private-key-file=${files.apiServerKey}`,
      `--client-ca-file=${files.authority}`,
      `--token-auth-file=${files.tokens}`,
      "--authorization-mode=Node,RBAC",
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${files.serviceAccountsPublicKey}`,
      `--service-account-signing-key-file=${files.serviceAccountsKey}`,
      `--service-cluster-ip-range=${serviceRange.cidr}`,
      `--kubelet-client-certificate=${files.kubeletClientCertificate}`,
      `--kubelet-client-key=${files.kubeletClientKey}`,
      `--kubelet-certificate-authority=${files.authority}`,
      "--kubelet-preferred-address-types=InternalIP",
      "--allow-privileged",
      "--max-requests-inflight=4000",
      "--max-mutating-requests-inflight=2000",
      ...(options.apiServerArguments ?? [])
    ])
    const apiServerRef = yield* ScopedRef.fromAcquire(startApiServer)

    const ready = Effect.gen(function* () {
      const apiServer = yield* apiServerRef
      yield* kubectl("get", "--raw=/readyz").pipe(
        // A binary that is empty runs, and succeeds.
        Effect.filterOrFail((answer) => answer === "ok"),
        Effect.retry(Schedule.spaced("100 millis")),
        Effect.timeout("1 minute"),
        Effect.catchAll(() => apiServer.fail("is not ready after a minute")),
        Effect.raceFirst(apiServer.ended),
        Effect.raceFirst(etcd.ended)
      )
    })
    yield* ready

    if (options.controllers ?? true) {
      const controllerManager = yield* sandbox.start("kube-controller-manager", [
        `--kubeconfig=${files.kubeconfig}`,
        `--root-ca-file=${files.authority}`,
        `--service-account-private-key-file=${files.serviceAccountsKey}`,
        "--leader-elect=false",
        "--secure-port=0"
      ])
      const scheduler = yield* sandbox.start("kube-scheduler", [
        `--kubeconfig=${files.kubeconfig}`,
        "--leader-elect=false",
        "--secure-port=0"
      ])
      // No pod can be created before this exists.
      yield* kubectl("wait", "--for=create", "serviceaccount/default", "--namespace=default", "--timeout=60s").pipe(
        Effect.catchAll((error) => controllerManager.fail(`made no service account (${error.reason})`)),
        Effect.raceFirst(controllerManager.ended),
        Effect.raceFirst(scheduler.ended)
      )
    }

    if (Option.isSome(node)) {
      const program = yield* Node.start({
        ...node.value,
        sandbox,
        kube: binary,
        authority,
        port,
        service: serviceRange.apiServer,
        kubelet: options.kubeletConfiguration ?? {}
      })
      yield* kubectl("wait", "--for=create", `node/${Node.name}`, "--timeout=60s").pipe(
        Effect.zipRight(kubectl("wait", "--for=condition=Ready", `node/${Node.name}`, "--timeout=60s")),
        Effect.catchAll((error) => program.fail(`is not ready (${error.reason})`)),
        Effect.raceFirst(program.ended)
      )
    }

    const cluster: LocalCluster = {
      node: Option.isSome(node),
      kubeconfig,
      kubeconfigPath: files.kubeconfig,
      tokens,
      kubectl,
      server,
      directory: sandbox.directory,
      binary,
      restartApiServer: Effect.zipRight(ScopedRef.set(apiServerRef, startApiServer), ready),
      compact: compact(etcdUrl)
    }
    return cluster
  })

/** Boots a cluster, which ends with the scope. */
export const make = (options: Options = {}) =>
  Effect.gen(function* () {
    const binaries: Binaries = {
      node: options.node
        ? Option.some({ requirements: yield* Node.requirements, supervisor: yield* Binary.buildNode })
        : Option.none(),
      kube: yield* Binary.build
    }
    const scope = yield* Effect.scope
    // Each attempt has a scope of its own, so that a failed one leaves nothing behind.
    const attempt = Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const attemptScope = yield* Scope.fork(scope, ExecutionStrategy.sequential)
        return yield* restore(Scope.extend(boot(binaries, options), attemptScope)).pipe(
          Effect.onError((cause) => Scope.close(attemptScope, Exit.failCause(cause)))
        )
      })
    )
    // Another process may take a free port before the cluster does.
    return yield* Effect.retry(attempt, {
      times: 3,
      while: (error) => error._tag === "ProgramError" && error.log.includes("address already in use")
    })
  })

/** The cluster of a kubeconfig file. Its kubectl is the one on the `PATH`. */
const existing = (kubeconfigPath: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const kubectl = makeKubectl(yield* CommandExecutor, ["kubectl"], { KUBECONFIG: kubeconfigPath })
    const ready = `jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}`
    const node = yield* kubectl("get", "nodes", "-o", ready).pipe(
      Effect.map((statuses) => statuses.split(" ").includes("True")),
      Effect.tap((node) =>
        node ? Effect.void : Effect.logWarning("The tests that run pods are skipped: no node is ready")
      ),
      Effect.catchAll((error) =>
        Effect.as(Effect.logWarning(`The tests that run pods are skipped: ${error.message}`), false)
      )
    )
    const service: Service = {
      kubeconfig: yield* fs.readFileString(kubeconfigPath),
      kubeconfigPath,
      tokens: undefined,
      node,
      kubectl
    }
    return service
  })

/** Boots a cluster with a node where one can run. Where one should, as in CI, it is an error when packages are missing. */
const makeForTests = Effect.gen(function* () {
  const ci = (yield* Config.withDefault(Config.string("CI"), "false")) !== "false"
  const node = yield* Node.requirements.pipe(
    Effect.as(true),
    Effect.catchTag("NodeUnavailable", (error) =>
      error.installable && ci
        ? error
        : Effect.as(Effect.logWarning(`The tests that run pods are skipped: ${error.message}`), false)
    )
  )
  // A server that has run for a while has forgotten its first versions, too.
  return yield* Effect.tap(make({ node }), ({ compact }) => compact)
})

/** The cluster of `E2E_KUBECONFIG` when that is set, or one that is booted here. */
export const layer = Layer.scoped(
  Cluster,
  Effect.gen(function* () {
    const kubeconfigPath = yield* Config.option(Config.nonEmptyString("E2E_KUBECONFIG"))
    const cluster: Service = yield* Option.match(kubeconfigPath, { onNone: () => makeForTests, onSome: existing })
    return cluster
  })
)
