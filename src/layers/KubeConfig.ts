/**
 * Which cluster, as which user, in which namespace: what a kubeconfig file says.
 *
 * See [organizing cluster access](https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/).
 *
 * @since 0.1.0
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as internal from "../internal/kubeconfig.js"
import { ConfigError } from "../KubeError.js"

/**
 * A cluster, with everything that its files hold read into memory.
 *
 * @since 0.1.0
 * @category models
 */
export interface Cluster {
  readonly name: string
  /** The URL of the API server, without a slash at its end. */
  readonly server: string
  /** The certificates to trust, in PEM. Absent: the system's. */
  readonly certificateAuthority?: string | undefined
  /** The name to expect in the server's certificate, instead of the URL's host. */
  readonly tlsServerName?: string | undefined
  /** Accepts any certificate. */
  readonly insecureSkipTlsVerify: boolean
  /** The URL of the HTTP or SOCKS proxy to go through; it may hold a password. */
  readonly proxyUrl?: Redacted.Redacted | undefined
  /** Does not ask the server to compress its answers. */
  readonly disableCompression: boolean
}

/**
 * Whom requests act as, when not as the user of the credentials.
 *
 * See [user impersonation](https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation).
 *
 * @since 0.1.0
 * @category models
 */
export interface Impersonation {
  readonly user: string
  readonly uid?: string | undefined
  readonly groups?: ReadonlyArray<string> | undefined
  readonly extra?: { readonly [key: string]: ReadonlyArray<string> } | undefined
}

/**
 * A user's credentials, with everything that its files hold read into memory, but for the token file, which changes.
 *
 * @since 0.1.0
 * @category models
 */
export interface User {
  readonly name: string
  readonly token?: Redacted.Redacted | undefined
  /** Read again and again, since tokens in files expire; goes before `token`. */
  readonly tokenFile?: string | undefined
  readonly username?: string | undefined
  readonly password?: Redacted.Redacted | undefined
  /** In PEM. */
  readonly clientCertificate?: string | undefined
  /** In PEM. */
  readonly clientKey?: Redacted.Redacted | undefined
  readonly impersonate?: Impersonation | undefined
  /** Ways to authenticate that the file asks for and this version does not have, such as `exec`. */
  readonly unsupported: ReadonlyArray<string>
}

/**
 * What was chosen from the kubeconfig.
 *
 * @since 0.1.0
 * @category models
 */
export interface Resolved {
  /** The name of the context; absent in a cluster's own configuration. */
  readonly context?: string | undefined
  /** The namespace of calls that name none. */
  readonly namespace: string
  readonly cluster: Cluster
  readonly user: User
}

/**
 * What to choose from a kubeconfig, instead of what its current context says.
 *
 * @since 0.1.0
 * @category models
 */
export interface Overrides {
  /** Default: `current-context`. */
  readonly context?: string | undefined
  readonly cluster?: string | undefined
  readonly user?: string | undefined
  readonly namespace?: string | undefined
}

type Need = FileSystem.FileSystem | Path.Path

/**
 * Which cluster, as which user, in which namespace.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { KubeConfig } from "effect-kubernetes"
 *
 * const server = Effect.map(KubeConfig, (config) => config.cluster.server)
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class KubeConfig extends Context.Tag("effect-kubernetes/KubeConfig")<KubeConfig, Resolved>() {
  /**
   * As kubectl finds it: the files that `KUBECONFIG` lists, merged; else `~/.kube/config`; else, in a pod, the cluster
   * itself. Fails with `ConfigError` where there is none, or where it is wrong.
   */
  static readonly layer: Layer.Layer<KubeConfig, ConfigError, Need> = Layer.effect(
    this,
    Effect.suspend(() => load({}))
  )

  /** As `layer`, with another context, cluster, user or namespace than the current ones. */
  static readonly layerWith = (overrides: Overrides): Layer.Layer<KubeConfig, ConfigError, Need> =>
    Layer.effect(this, load(overrides))

  /** A kubeconfig file, or several, merged as kubectl merges those of `KUBECONFIG`. */
  static readonly layerFile = (
    path: string | ReadonlyArray<string>,
    overrides: Overrides = {}
  ): Layer.Layer<KubeConfig, ConfigError, Need> =>
    Layer.effect(this, fromFiles(typeof path === "string" ? [path] : path, overrides, true))

  /** The text of a kubeconfig; paths in it are relative to the working directory. */
  static readonly layerYaml = (
    text: string | Redacted.Redacted,
    overrides: Overrides = {}
  ): Layer.Layer<KubeConfig, ConfigError, Need> => Layer.effect(this, fromYaml(text, overrides))

  /** The settings of an Effect `Config`, read from the environment or wherever the `ConfigProvider` looks. */
  static readonly layerConfig = (
    config: Config.Config.Wrap<Overrides & { readonly yaml?: Redacted.Redacted | undefined }>
  ): Layer.Layer<KubeConfig, ConfigError, Need> =>
    Layer.effect(
      this,
      Config.unwrap(config).pipe(
        Effect.mapError((error) => new ConfigError({ message: `kubeconfig: ${String(error)}`, cause: error })),
        Effect.flatMap(({ yaml, ...overrides }) => (yaml === undefined ? load(overrides) : fromYaml(yaml, overrides)))
      )
    )

  /** What a pod finds in itself: its service account's token, the cluster's certificate, its namespace. */
  static readonly layerInCluster: Layer.Layer<KubeConfig, ConfigError, Need> = Layer.effect(
    this,
    Effect.suspend(() => inCluster({}))
  )

  /** A configuration that the program has already. */
  static readonly layerValue = (value: Resolved): Layer.Layer<KubeConfig> => Layer.succeed(this, value)
}

const load = (overrides: Overrides): Effect.Effect<Resolved, ConfigError, Need> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const listed = yield* variable("KUBECONFIG")
    if (Option.isSome(listed)) {
      const files = listed.value.split(path.sep === "\\" ? ";" : ":").filter((file) => file !== "")
      if (files.length > 0) return yield* fromFiles(files, overrides, false)
    }
    const home = yield* Effect.flatMap(variable("HOME"), (found) =>
      Option.isSome(found) ? Effect.succeed(found) : variable("USERPROFILE")
    )
    if (Option.isSome(home)) {
      const file = path.join(home.value, ".kube", "config")
      const found = yield* Effect.orElseSucceed(fs.exists(file), () => true)
      if (found) return yield* fromFiles([file], overrides, false)
    }
    if (Option.isSome(yield* variable("KUBERNETES_SERVICE_HOST"))) return yield* inCluster(overrides)
    return yield* new ConfigError({
      message:
        "no cluster is configured: set KUBECONFIG to a kubeconfig file, write ~/.kube/config, or run in a pod with a service account"
    })
  })

/** An environment variable that may be missing or empty. */
const variable = (name: string): Effect.Effect<Option.Option<string>> =>
  Config.string(name).pipe(
    Effect.map((value) => (value === "" ? Option.none() : Option.some(value))),
    Effect.orElseSucceed(() => Option.none())
  )

const readFile = (file: string, what: string): Effect.Effect<string, ConfigError, FileSystem.FileSystem> =>
  FileSystem.FileSystem.pipe(
    Effect.flatMap((fs) => fs.readFileString(file)),
    Effect.mapError((cause) => {
      const why = cause._tag === "SystemError" ? (reasonText[cause.reason] ?? cause.reason) : cause.description
      return new ConfigError({ message: `${what} ${file}: ${why}`, cause })
    })
  )

const reasonText: { readonly [reason: string]: string } = {
  NotFound: "there is no such file",
  PermissionDenied: "may not be read by this user",
  BadResource: "cannot be read (a directory?)"
}

/** `given`: the caller named these files, so a missing one is an error; those of KUBECONFIG may be missing. */
const fromFiles = (
  files: ReadonlyArray<string>,
  overrides: Overrides,
  given: boolean
): Effect.Effect<Resolved, ConfigError, Need> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const loaded: Array<internal.KubeConfigFile> = []
    for (const file of files) {
      // Whether a file is there that may not be looked at, reading it will tell.
      if (!given && !(yield* Effect.orElseSucceed(fs.exists(file), () => true))) continue
      const text = yield* readFile(file, "kubeconfig")
      loaded.push(yield* internal.parse(text, file, path.dirname(path.resolve(file))))
    }
    const merged = internal.merge(loaded)
    // An empty file is as good as none.
    if (!given && internal.isEmpty(merged) && Option.isSome(yield* variable("KUBERNETES_SERVICE_HOST"))) {
      return yield* inCluster(overrides)
    }
    if (loaded.length === 0) {
      return yield* new ConfigError({ message: `kubeconfig: none of these files exists: ${files.join(", ")}` })
    }
    return yield* resolve(merged, overrides)
  })

const fromYaml = (text: string | Redacted.Redacted, overrides: Overrides): Effect.Effect<Resolved, ConfigError, Need> =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    const value = typeof text === "string" ? text : Redacted.value(text)
    const file = yield* internal.parse(value, "the given text", path.resolve("."))
    return yield* resolve(internal.merge([file]), overrides)
  })

/** Chooses context, cluster and user, and reads the files that they name. */
const resolve = (merged: internal.KubeConfigFile, overrides: Overrides): Effect.Effect<Resolved, ConfigError, Need> =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    const { cluster, context, namespace, user } = yield* internal.select(merged, overrides)

    const pem = (
      field: internal.FileOrData,
      label: "CERTIFICATE" | "PRIVATE KEY"
    ): Effect.Effect<string | undefined, ConfigError, Need> => {
      if (field.data !== undefined) return internal.decodePem(field.data, field.what, label)
      if (field.path === undefined) return Effect.succeed(undefined)
      return readFile(path.resolve(field.directory, field.path), field.what).pipe(
        Effect.flatMap((text) => internal.checkPem(text, `${field.what} ${field.path}`, label))
      )
    }

    const clientCertificate = yield* pem(user.certificate, "CERTIFICATE")
    const clientKey = yield* pem(user.key, "PRIVATE KEY")
    yield* internal.checkPair(user.name, clientCertificate, clientKey)
    return {
      context,
      namespace,
      cluster: {
        name: cluster.name,
        server: cluster.server,
        certificateAuthority: yield* pem(cluster.certificateAuthority, "CERTIFICATE"),
        tlsServerName: cluster.tlsServerName,
        insecureSkipTlsVerify: cluster.insecureSkipTlsVerify,
        proxyUrl: cluster.proxyUrl === undefined ? undefined : Redacted.make(cluster.proxyUrl),
        disableCompression: cluster.disableCompression
      },
      user: {
        name: user.name,
        token: user.token === undefined ? undefined : Redacted.make(user.token),
        tokenFile: user.tokenFile === undefined ? undefined : path.resolve(user.directory, user.tokenFile),
        username: user.username,
        password: user.password === undefined ? undefined : Redacted.make(user.password),
        clientCertificate,
        clientKey: clientKey === undefined ? undefined : Redacted.make(clientKey),
        impersonate: user.impersonate,
        unsupported: user.unsupported
      }
    }
  })

const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

const inCluster = (overrides: Overrides): Effect.Effect<Resolved, ConfigError, Need> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    if (overrides.context !== undefined || overrides.cluster !== undefined || overrides.user !== undefined) {
      return yield* new ConfigError({
        message: "a pod's own configuration has no contexts, clusters or users to choose from; give a kubeconfig file"
      })
    }
    const host = yield* variable("KUBERNETES_SERVICE_HOST")
    const port = yield* variable("KUBERNETES_SERVICE_PORT")
    if (Option.isNone(host)) {
      return yield* new ConfigError({
        message: "not in a pod: KUBERNETES_SERVICE_HOST is not set"
      })
    }
    const certificateAuthority = yield* readFile(`${serviceAccount}/ca.crt`, "the cluster's certificate")
    yield* internal.checkPem(certificateAuthority, `${serviceAccount}/ca.crt`, "CERTIFICATE")
    const tokenFile = `${serviceAccount}/token`
    yield* readFile(tokenFile, "the service account's token")
    const namespace = yield* Effect.orElseSucceed(fs.readFileString(`${serviceAccount}/namespace`), () => "default")
    const name = host.value.includes(":") ? `[${host.value}]` : host.value
    return {
      namespace: overrides.namespace ?? (namespace.trim() || "default"),
      cluster: {
        name: "in-cluster",
        server: `https://${name}:${Option.getOrElse(port, () => "443")}`,
        certificateAuthority,
        insecureSkipTlsVerify: false,
        disableCompression: false
      },
      user: { name: "service account", tokenFile, unsupported: [] }
    }
  })
