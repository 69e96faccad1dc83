/**
 * An in-memory Kubernetes API server, for tests: programs that use `KubeClient` run against it unchanged, without a socket, a
 * process or a wait.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Auth } from "../layers/Auth.js"
import { KubeClient, type Options as ClientOptions } from "../layers/KubeClient.js"
import type { ResourceInfo } from "../Resource.js"
import type { ContainerScript, Scripted, Which } from "./ContainerScript.js"
import type { Rule } from "./Fault.js"
import * as internal from "./internal/cluster.js"

/**
 * An object as the cluster holds it: plain JSON.
 *
 * @since 0.1.0
 * @category models
 */
export interface TestObject {
  readonly [key: string]: unknown
}

/**
 * What can be put into the cluster: an object of any kind that it serves, or YAML (or JSON) text with one or more of them.
 * An object without a namespace goes into `default` if its kind has namespaces.
 *
 * @since 0.1.0
 * @category models
 */
export type Seed = string | object

/**
 * The whole state of a cluster at one moment. Taking it costs nothing: nothing is copied.
 *
 * @since 0.1.0
 * @category models
 */
export interface Snapshot {
  readonly _: unique symbol
}

/**
 * A request that the cluster has answered, or begun to answer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Recorded {
  readonly method: string
  /** Encoded, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  /** By lower-case name. */
  readonly headers: { readonly [name: string]: string }
  /** As it was sent; if that was in protobuf, the same as JSON. */
  readonly body: string
  /** Of the answer. */
  readonly status: number
}

/**
 * What can run in a cluster, by the names that `kube-controller-manager --controllers` knows, and `scheduler` and `kubelet`.
 *
 * @since 0.1.0
 * @category models
 */
export type ControllerName =
  | "cronjob"
  | "daemonset"
  | "deployment"
  | "disruption"
  | "endpoint"
  | "endpointslice"
  | "garbagecollector"
  | "job"
  | "kubelet"
  | "namespace"
  | "replicaset"
  | "resourcequota"
  | "root-ca-cert-publisher"
  | "scheduler"
  | "serviceaccount"
  | "statefulset"

/**
 * What the API server of a cluster adds to new objects, or refuses them for, by the names that
 * `kube-apiserver --enable-admission-plugins` knows:
 * [admission controllers](https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/).
 *
 * @since 0.1.0
 * @category models
 */
export type AdmissionName =
  "DefaultStorageClass" | "DefaultTolerationSeconds" | "LimitRanger" | "Priority" | "ResourceQuota" | "ServiceAccount"

/**
 * Which parts of a cluster are on: all (true), none (false), or a list as `kube-controller-manager --controllers` takes it:
 * names, `*` for all, and `-name` for all but one.
 *
 * @since 0.1.0
 * @category models
 */
export type Choice<Name extends string> = boolean | ReadonlyArray<Name | "*" | `-${Name}`>

/**
 * Settings of a cluster.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** What is there from the beginning, besides what every fresh cluster has. Namespaces that are missing are made. */
  readonly objects?: ReadonlyArray<Seed> | undefined
  /** The namespace of calls that name none. Default: `default`. */
  readonly namespace?: string | undefined
  /** How many changes a watch can be behind before it gets a 410. Default: 1000. */
  readonly historyLimit?: number | undefined
  /** The same seed gives the same uids and generated names. Default: 0. */
  readonly seed?: string | number | undefined
  /**
   * What runs in the cluster. Default: all, so that every namespace has its `default` service account and its
   * `kube-root-ca.crt`, as in a real cluster. All that is to be done at once is done without the clock moving, and `settled`
   * waits for it; what takes time takes it on the `Clock`.
   */
  readonly controllers?: Choice<ControllerName> | undefined
  /**
   * The admission controllers that are on. Default: all, as in a real cluster: a pod gets a service account with its token
   * volume, a priority and tolerations, a claim the default storage class; limit ranges and quotas hold. What was put into the
   * cluster behind the client's back stays as it is.
   */
  readonly admission?: Choice<AdmissionName> | undefined
  /**
   * How many nodes there are from the beginning; without a node pods stay `Pending`. Each `Node` of the cluster has a kubelet,
   * also one that the test makes. Default: 0.
   */
  readonly nodes?: number | undefined
  /** What containers do: `TestCluster.container(...)`. Where several are for the same container, the later ones win. */
  readonly containers?: ReadonlyArray<Scripted> | undefined
  /**
   * The client's credentials, for faults that refuse some of them: the cluster itself asks for none. Default: none.
   */
  readonly auth?: Layer.Layer<Auth> | undefined
  /** Settings of the client. */
  readonly client?: ClientOptions | undefined
}

/** One object of a kind: its name, or its name and namespace. Without a namespace: that of the options. */
type Ref = string | { readonly name: string; readonly namespace?: string | undefined }

/**
 * Whom a token stands for. The group `system:masters` may do everything, others what RBAC says.
 *
 * @since 0.1.0
 * @category models
 */
export interface TestUser {
  readonly username: string
  readonly groups?: ReadonlyArray<string> | undefined
}

/**
 * Where and how `serve` listens.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServeOptions {
  /** Default: `127.0.0.1`. */
  readonly host?: string | undefined
  /** Default: a free one. */
  readonly port?: number | undefined
  /**
   * PEM: a certificate that is signed by itself, or one with those of its authorities after it. The kubeconfig trusts them.
   * Absent: plain HTTP.
   */
  readonly tls?: { readonly certificate: string; readonly privateKey: Redacted.Redacted } | undefined
  /** Who may come in, by token; the kubeconfig has the first. Absent: everybody, and may do everything. */
  readonly tokens?: { readonly [token: string]: TestUser } | undefined
}

/**
 * A cluster that is served.
 *
 * @since 0.1.0
 * @category models
 */
export interface Served {
  readonly url: string
  readonly port: number
  /** For kubectl and other clients: the text of a kubeconfig. */
  readonly kubeconfig: string
}

/**
 * The cluster cannot be served: the port is taken, the certificate is wrong, ...
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { TestCluster } from "effect-kubernetes/testing/TestCluster"
 *
 * const served = TestCluster.serve({ port: 6443 }).pipe(
 *   Effect.catchTag("ServeError", () => TestCluster.serve())
 * )
 * ```
 *
 * @since 0.1.0
 * @category errors
 */
export class ServeError extends Data.TaggedError("ServeError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

/**
 * The service: what a test does with the cluster behind the client's back. Watches see the changes that it makes.
 *
 * @since 0.1.0
 * @category models
 */
export interface TestClusterService {
  /** The state of now. */
  readonly snapshot: Effect.Effect<Snapshot>
  /** Back to a state. Watches that are open get a 410: what happened is no longer known. */
  readonly restore: (snapshot: Snapshot) => Effect.Effect<void>
  /** All objects of a kind, in all namespaces, in order of namespace and name. */
  readonly objects: (resource: ResourceInfo) => Effect.Effect<ReadonlyArray<TestObject>>
  /** One object. */
  readonly get: (resource: ResourceInfo, ref: Ref) => Effect.Effect<Option.Option<TestObject>>
  /**
   * Puts objects as they are, over those of the same name: no validation, no conflict, no finalizer; the status too. What
   * is missing of uid, creation time and namespace is filled in. Dies with a message if there is no such kind.
   */
  readonly put: (...objects: ReadonlyArray<Seed>) => Effect.Effect<void>
  /** Removes an object at once, whatever its finalizers say; does nothing if there is none. */
  readonly remove: (resource: ResourceInfo, ref: Ref) => Effect.Effect<void>
  /**
   * Done when no controller and no kubelet has anything to do now: what waits for a time on the `Clock`, or for a container that
   * runs, is not waited for.
   */
  readonly settled: Effect.Effect<void>
  /** Says what containers do from now on; `run` and `logs` from their next start on. What is left out stays as it was. */
  readonly container: (which: Which, script: ContainerScript) => Effect.Effect<void>
  /** Every request until now, in the order of the answers. */
  readonly requests: Effect.Effect<ReadonlyArray<Recorded>>
  /** Forgets the requests until now. */
  readonly clearRequests: Effect.Effect<void>
  /** Forgets what happened until now, as etcd does from time to time: who is behind gets a 410. */
  readonly compact: Effect.Effect<void>
  /** Makes something go wrong for the requests that a rule chooses; of several rules for one request the first counts. */
  readonly inject: (rule: Rule) => Effect.Effect<void>
  /** No fault any more. */
  readonly clearFaults: Effect.Effect<void>
  /**
   * The server goes away and comes back: every connection breaks, and for the `downtime` (default: none) nobody listens.
   * Without `history` it has forgotten what happened before, so that watches get a 410. Ends when the server is back.
   */
  readonly restart: (options?: {
    readonly downtime?: Duration.DurationInput | undefined
    readonly history?: boolean | undefined
  }) => Effect.Effect<void>
  /** See `TestCluster.serve`. */
  readonly serve: (options?: ServeOptions) => Effect.Effect<Served, ServeError, Scope.Scope>
}

/**
 * The cluster of a test.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { ConfigMap } from "effect-kubernetes"
 * import { TestCluster } from "effect-kubernetes/testing/TestCluster"
 *
 * const test = Effect.gen(function* () {
 *   const cluster = yield* TestCluster
 *   yield* ConfigMap.create({ metadata: { name: "settings" }, data: { color: "blue" } })
 *   const before = yield* cluster.snapshot
 *   yield* ConfigMap.delete("settings")
 *   yield* cluster.restore(before)
 *   return yield* ConfigMap.get("settings")
 * }).pipe(Effect.provide(TestCluster.layer({ objects: ["{apiVersion: v1, kind: Namespace, metadata: {name: team}}"] })))
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class TestCluster extends Context.Tag("effect-kubernetes/testing/TestCluster")<
  TestCluster,
  TestClusterService
>() {
  /** A cluster of its own, and a client of it. The client's user may do everything; impersonation is subject to RBAC. */
  static readonly layer = (options: Options = {}): Layer.Layer<KubeClient | TestCluster> =>
    Layer.unwrapScoped(
      Effect.map(internal.make(options), ({ parts, service }) =>
        Layer.merge(KubeClient.layerWith(options.client ?? {}).pipe(Layer.provide(parts)), Layer.succeed(this, service))
      )
    )

  /**
   * Serves the cluster on a real port, for kubectl and every other client, until the scope ends. It is the same cluster:
   * what they do is seen in the process, and faults happen to them too. A served cluster wants a real `Clock`.
   */
  static readonly serve = (options?: ServeOptions): Effect.Effect<Served, ServeError, TestCluster | Scope.Scope> =>
    Effect.flatMap(this, (cluster) => cluster.serve(options))

  /**
   * What containers do: an entry of the option `containers`. The service has the same for later.
   *
   * @example
   * ```ts
   * import { Effect } from "effect"
   * import { Pod } from "effect-kubernetes"
   * import { TestCluster } from "effect-kubernetes/testing/TestCluster"
   *
   * const test = Effect.gen(function* () {
   *   yield* Pod.create({ metadata: { name: "web" }, spec: { containers: [{ name: "app", image: "web:1" }] } })
   *   yield* Pod.waitFor("web", Pod.ready)
   *   const { stdout } = yield* Pod.exec("web", ["hostname"])
   *   return stdout
   * }).pipe(
   *   Effect.provide(
   *     TestCluster.layer({
   *       nodes: 1,
   *       containers: [
   *         TestCluster.container("app", {
   *           logs: ["listening on port 80"],
   *           exec: ({ argv, pod }) => Effect.succeed(argv[0] === "hostname" ? { stdout: `${pod}\n` } : 127)
   *         })
   *       ]
   *     })
   *   )
   * )
   * ```
   */
  static readonly container = (which: Which, script: ContainerScript): Scripted => ({ which, script })
}
