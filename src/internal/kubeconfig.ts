/** The pure part of reading a kubeconfig: parsing, merging and choosing. */
import { createPrivateKey, X509Certificate } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Yaml from "yaml"
import { ConfigError } from "../KubeError.js"
import type { Impersonation, Overrides } from "../layers/KubeConfig.js"
import { isObject } from "./isObject.js"

type Fields = Readonly<Record<string, unknown>>

/** An entry of `clusters`, `users` or `contexts`, and where it came from. */
interface Entry {
  readonly fields: Fields
  readonly source: string
  /** What relative paths in it are relative to. */
  readonly directory: string
}

/** One kubeconfig file, its entries by name. */
export interface KubeConfigFile {
  readonly source: string
  readonly currentContext: string | undefined
  readonly clusters: ReadonlyMap<string, Entry>
  readonly users: ReadonlyMap<string, Entry>
  readonly contexts: ReadonlyMap<string, Entry>
}

/** A value that stands in the kubeconfig as base64 or in a file that it names. */
export interface FileOrData {
  /** For messages: `user "admin": client-key`. */
  readonly what: string
  readonly data: string | undefined
  readonly path: string | undefined
  readonly directory: string
}

const fail = (message: string, cause?: unknown) => Effect.fail(new ConfigError({ message, cause }))

const typeName = (value: unknown): string =>
  value === null || value === undefined
    ? "nothing"
    : Array.isArray(value)
      ? "a list"
      : typeof value === "object"
        ? "an object"
        : `a ${typeof value}`

/** Reads the text of one file. `directory` is what its relative paths are relative to. */
export const parse = (text: string, source: string, directory: string): Effect.Effect<KubeConfigFile, ConfigError> =>
  Effect.gen(function* () {
    const documents = yield* Effect.try({
      try: () => Yaml.parseAllDocuments(text, { prettyErrors: true, merge: true }),
      catch: (cause) => new ConfigError({ message: `kubeconfig ${source}: not YAML`, cause })
    })
    // As kubectl reads it, which leaves out what follows.
    const [document] = documents
    if (document === undefined) return empty(source)
    const [error] = document.errors
    if (error !== undefined) {
      // The library quotes the line in its message, and that line may hold a secret.
      const [position] = error.linePos ?? []
      const at = position === undefined ? "" : ` at line ${position.line}, column ${position.col}`
      return yield* fail(`kubeconfig ${source}: not YAML${at}: ${yamlProblem[error.code] ?? error.code}`)
    }
    const root: unknown = yield* Effect.try({
      try: () => document.toJS({ maxAliasCount: 100 }),
      catch: () => new ConfigError({ message: `kubeconfig ${source}: too many YAML aliases` })
    })
    if (root === null || root === undefined) return empty(source)
    if (!isObject(root)) return yield* fail(`kubeconfig ${source}: expected a mapping, got ${typeName(root)}`)
    for (const [key, expected] of [
      ["apiVersion", "v1"],
      ["kind", "Config"]
    ] as const) {
      const found = root[key] ?? ""
      if (found !== "" && found !== expected) {
        const got = typeof found === "string" ? `${key}: ${found}` : typeName(found)
        return yield* fail(`kubeconfig ${source}: expected ${key}: ${expected}, got ${got}`)
      }
    }
    const entries = (list: string, item: string): Effect.Effect<ReadonlyMap<string, Entry>, ConfigError> =>
      Effect.gen(function* () {
        const found = new Map<string, Entry>()
        const values = root[list] ?? []
        if (!Array.isArray(values)) {
          return yield* fail(`kubeconfig ${source}: ${list}: expected a list, got ${typeName(values)}`)
        }
        for (const [index, value] of values.entries()) {
          if (!isObject(value) || typeof value.name !== "string") {
            return yield* fail(`kubeconfig ${source}: ${list}[${index}]: expected a mapping with a name`)
          }
          const fields = value[item] ?? {}
          if (!isObject(fields)) {
            return yield* fail(
              `kubeconfig ${source}: ${list}[${index}].${item}: expected a mapping, got ${typeName(fields)}`
            )
          }
          if (found.has(value.name)) {
            return yield* fail(`kubeconfig ${source}: ${list}: the name "${value.name}" stands there twice`)
          }
          found.set(value.name, { fields, source, directory })
        }
        return found
      })
    const current = root["current-context"]
    if (current !== undefined && current !== null && typeof current !== "string") {
      return yield* fail(`kubeconfig ${source}: current-context: expected a string, got ${typeName(current)}`)
    }
    return {
      source,
      currentContext: current === null || current === "" ? undefined : current,
      clusters: yield* entries("clusters", "cluster"),
      users: yield* entries("users", "user"),
      contexts: yield* entries("contexts", "context")
    }
  })

const yamlProblem: { readonly [code: string]: string } = {
  BAD_INDENT: "wrong indentation",
  BLOCK_AS_IMPLICIT_KEY: "a key or a colon too many",
  DUPLICATE_KEY: "a key stands there twice",
  MISSING_CHAR: "a bracket, quote or comma is missing",
  MULTILINE_IMPLICIT_KEY: "a key goes over several lines",
  TAB_AS_INDENT: "a tab as indentation",
  UNEXPECTED_TOKEN: "unexpected text"
}

const empty = (source: string): KubeConfigFile => ({
  source,
  currentContext: undefined,
  clusters: new Map(),
  users: new Map(),
  contexts: new Map()
})

/** Whether it says nothing at all. */
export const isEmpty = ({ clusters, contexts, currentContext, users }: KubeConfigFile): boolean =>
  currentContext === undefined && clusters.size + contexts.size + users.size === 0

/** As kubectl merges: the first file that sets a value or names an entry wins, whole. */
export const merge = (files: ReadonlyArray<KubeConfigFile>): KubeConfigFile => {
  const first = (pick: (file: KubeConfigFile) => ReadonlyMap<string, Entry>) => {
    const found = new Map<string, Entry>()
    for (const file of files) {
      for (const [name, entry] of pick(file)) if (!found.has(name)) found.set(name, entry)
    }
    return found
  }
  return {
    source: files.map((file) => file.source).join(", "),
    currentContext: files.find((file) => file.currentContext !== undefined)?.currentContext,
    clusters: first((file) => file.clusters),
    users: first((file) => file.users),
    contexts: first((file) => file.contexts)
  }
}

/** The cluster and the user of a context, before the files that they name are read. */
export interface Selected {
  readonly context: string | undefined
  readonly namespace: string
  readonly cluster: {
    readonly name: string
    readonly server: string
    readonly certificateAuthority: FileOrData
    readonly tlsServerName: string | undefined
    readonly insecureSkipTlsVerify: boolean
    readonly proxyUrl: string | undefined
    readonly disableCompression: boolean
  }
  readonly user: {
    readonly name: string
    readonly directory: string
    readonly token: string | undefined
    readonly tokenFile: string | undefined
    readonly username: string | undefined
    readonly password: string | undefined
    readonly certificate: FileOrData
    readonly key: FileOrData
    readonly impersonate: Impersonation | undefined
    readonly unsupported: ReadonlyArray<string>
  }
}

const names = (entries: ReadonlyMap<string, Entry>): string =>
  entries.size === 0 ? "there are none" : `there are: ${[...entries.keys()].join(", ")}`

/** Reads typed fields of an entry; the first wrong one fails. */
const reader = (what: string, entry: Entry) => {
  const typed =
    <A>(wanted: string, is: (value: unknown) => value is A) =>
    (key: string): Effect.Effect<A | undefined, ConfigError> => {
      const value = entry.fields[key]
      if (value === undefined || value === null || value === "") return Effect.succeed(undefined)
      return is(value)
        ? Effect.succeed(value)
        : fail(`kubeconfig ${entry.source}: ${what}: ${key}: expected ${wanted}, got ${typeName(value)}`)
    }
  const string = typed("a string", (value): value is string => typeof value === "string")
  const strings = typed(
    "a list of strings",
    (value): value is ReadonlyArray<string> => Array.isArray(value) && value.every((item) => typeof item === "string")
  )
  const boolean = typed("true or false", (value): value is boolean => typeof value === "boolean")
  const fileOrData = (key: string): Effect.Effect<FileOrData, ConfigError> =>
    Effect.map(Effect.all([string(`${key}-data`), string(key)]), ([data, path]) => ({
      what: `kubeconfig ${entry.source}: ${what}: ${data === undefined ? key : `${key}-data`}`,
      data,
      path,
      directory: entry.directory
    }))
  return { string, strings, boolean, fileOrData, typed }
}

/** Chooses the context, its cluster and its user. */
export const select = (config: KubeConfigFile, overrides: Overrides): Effect.Effect<Selected, ConfigError> =>
  Effect.gen(function* () {
    const where = `kubeconfig ${config.source}`
    const contextName = overrides.context ?? config.currentContext
    if (contextName === undefined && (overrides.cluster === undefined || overrides.user === undefined)) {
      return yield* fail(`${where}: no current-context is set; choose a context (contexts: ${names(config.contexts)})`)
    }
    const context = contextName === undefined ? undefined : config.contexts.get(contextName)
    if (contextName !== undefined && context === undefined) {
      return yield* fail(`${where}: there is no context "${contextName}" (contexts: ${names(config.contexts)})`)
    }
    const ofContext = context === undefined ? undefined : reader(`context "${contextName}"`, context)
    const none = Effect.succeed<string | undefined>(undefined)

    const clusterName = overrides.cluster ?? (yield* ofContext?.string("cluster") ?? none)
    if (clusterName === undefined) return yield* fail(`${where}: context "${contextName}" names no cluster`)
    const cluster = config.clusters.get(clusterName)
    if (cluster === undefined) {
      const by = overrides.cluster === undefined ? `context "${contextName}" names the cluster` : "there is no cluster"
      return yield* fail(
        overrides.cluster === undefined
          ? `${where}: ${by} "${clusterName}", which is not there (clusters: ${names(config.clusters)})`
          : `${where}: ${by} "${clusterName}" (clusters: ${names(config.clusters)})`
      )
    }
    const userName = overrides.user ?? (yield* ofContext?.string("user") ?? none)
    const user = userName === undefined ? undefined : config.users.get(userName)
    if (userName !== undefined && user === undefined) {
      return yield* fail(
        overrides.user === undefined
          ? `${where}: context "${contextName}" names the user "${userName}", which is not there (users: ${names(config.users)})`
          : `${where}: there is no user "${userName}" (users: ${names(config.users)})`
      )
    }
    return {
      context: contextName,
      namespace: overrides.namespace ?? (yield* ofContext?.string("namespace") ?? none) ?? "default",
      cluster: yield* readCluster(clusterName, cluster),
      user: yield* readUser(userName ?? "anonymous", user ?? { fields: {}, source: config.source, directory: "." })
    }
  })

const readCluster = (name: string, entry: Entry): Effect.Effect<Selected["cluster"], ConfigError> =>
  Effect.gen(function* () {
    const what = `cluster "${name}"`
    const read = reader(what, entry)
    const server = yield* read.string("server")
    if (server === undefined) return yield* fail(`kubeconfig ${entry.source}: ${what}: server is missing`)
    const url = yield* parseUrl(server, `kubeconfig ${entry.source}: ${what}: server`, ["https:", "http:"])
    if (url.username !== "" || url.search !== "") {
      return yield* fail(`kubeconfig ${entry.source}: ${what}: server: a URL without user or query is needed`)
    }
    const proxyUrl = yield* read.string("proxy-url")
    if (proxyUrl !== undefined) yield* parseProxyUrl(proxyUrl, `kubeconfig ${entry.source}: ${what}: proxy-url`)
    const insecureSkipTlsVerify = (yield* read.boolean("insecure-skip-tls-verify")) ?? false
    const certificateAuthority = yield* read.fileOrData("certificate-authority")
    if (insecureSkipTlsVerify && (certificateAuthority.data ?? certificateAuthority.path) !== undefined) {
      return yield* fail(
        `kubeconfig ${entry.source}: ${what}: certificate-authority and insecure-skip-tls-verify exclude each other; remove one`
      )
    }
    return {
      name,
      server: `${url.origin}${url.pathname.replace(/\/+$/, "")}`,
      certificateAuthority,
      tlsServerName: yield* read.string("tls-server-name"),
      insecureSkipTlsVerify,
      proxyUrl,
      disableCompression: (yield* read.boolean("disable-compression")) ?? false
    }
  })

const parseUrl = (text: string, what: string, protocols: ReadonlyArray<string>): Effect.Effect<URL, ConfigError> => {
  // "127.0.0.1:6443" parses as a URL of the protocol "127.0.0.1:", so the protocol decides.
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url !== undefined && protocols.includes(url.protocol)
    ? Effect.succeed(url)
    : fail(`${what}: expected a URL that begins with ${protocols.map((p) => `${p}//`).join(" or ")}`)
}

/** Fails without showing the URL, which may hold a password. */
export const parseProxyUrl = (text: string, what: string): Effect.Effect<URL, ConfigError> =>
  Effect.tap(parseUrl(text, what, ["http:", "https:", "socks5:"]), ({ password, username }) =>
    Effect.try({
      try: () => decodeURIComponent(username + password),
      catch: () => new ConfigError({ message: `${what}: its user or password is not percent-encoded; write % as %25` })
    })
  )

const readUser = (name: string, entry: Entry): Effect.Effect<Selected["user"], ConfigError> =>
  Effect.gen(function* () {
    const what = `user "${name}"`
    const read = reader(what, entry)
    return {
      name,
      directory: entry.directory,
      token: yield* read.string("token"),
      tokenFile: yield* read.string("tokenFile"),
      username: yield* read.string("username"),
      password: yield* read.string("password"),
      certificate: yield* read.fileOrData("client-certificate"),
      key: yield* read.fileOrData("client-key"),
      impersonate: yield* readImpersonation(what, entry),
      unsupported: ["exec", "auth-provider"].filter((key) => isObject(entry.fields[key]))
    }
  })

const isExtra = (value: unknown): value is { readonly [key: string]: ReadonlyArray<string> } =>
  isObject(value) &&
  Object.values(value).every((list) => Array.isArray(list) && list.every((item) => typeof item === "string"))

const readImpersonation = (what: string, entry: Entry): Effect.Effect<Impersonation | undefined, ConfigError> =>
  Effect.gen(function* () {
    const { string, strings, typed } = reader(what, entry)
    const user = yield* string("as")
    const uid = yield* string("as-uid")
    const groups = yield* strings("as-groups")
    const extra = yield* typed("lists of strings by key", isExtra)("as-user-extra")
    if (user !== undefined) return { user, uid, groups, extra }
    const rest = Object.entries({ "as-uid": uid, "as-groups": groups, "as-user-extra": extra })
    const found = rest.find(([, value]) => value !== undefined)
    return found === undefined
      ? undefined
      : yield* fail(`kubeconfig ${entry.source}: ${what}: ${found[0]} needs the user to act as, in "as"`)
  })

/** base64 to PEM. */
export const decodePem = (
  base64: string,
  what: string,
  label: "CERTIFICATE" | "PRIVATE KEY"
): Effect.Effect<string, ConfigError> => {
  const compact = base64.replace(/\s/g, "")
  return /^[A-Za-z0-9+/]+={0,2}$/.test(compact)
    ? checkPem(Buffer.from(compact, "base64").toString("utf8"), what, label)
    : fail(`${what}: not base64`)
}

/** Whether the text is PEM that can be read; fails without showing any of it. */
export const checkPem = (
  text: string,
  what: string,
  label: "CERTIFICATE" | "PRIVATE KEY"
): Effect.Effect<string, ConfigError> => {
  const begin =
    label === "CERTIFICATE" ? /-----BEGIN (TRUSTED )?CERTIFICATE-----/ : /-----BEGIN [A-Z ]*PRIVATE KEY-----/
  if (!begin.test(text)) {
    return fail(`${what}: not PEM: there is no "-----BEGIN ${label}-----" in it`)
  }
  const read = () =>
    label === "CERTIFICATE"
      ? (text.match(/-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END [^-]+-----/g) ?? [text]).map(
          (block) => new X509Certificate(block)
        )
      : createPrivateKey(text)
  return Effect.try({
    try: read,
    catch: () =>
      new ConfigError({
        message:
          label === "PRIVATE KEY" && text.includes("ENCRYPTED")
            ? `${what}: the key is encrypted; a kubeconfig needs it without a passphrase`
            : `${what}: looks like PEM, but holds no ${label.toLowerCase()} that can be read`
      })
  }).pipe(Effect.as(text))
}

/** A certificate without its key, or the other way round, or two that do not belong together. */
export const checkPair = (
  user: string,
  certificate: string | undefined,
  key: string | undefined
): Effect.Effect<void, ConfigError> => {
  if (certificate === undefined && key === undefined) return Effect.void
  if (certificate === undefined) return fail(`user "${user}": client-key is there, but client-certificate is missing`)
  if (key === undefined) return fail(`user "${user}": client-certificate is there, but client-key is missing`)
  return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))
    ? Effect.void
    : fail(`user "${user}": client-key does not belong to client-certificate`)
}
