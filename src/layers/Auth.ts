/**
 * As whom the client speaks to the API server.
 *
 * See [authenticating](https://kubernetes.io/docs/reference/access-authn-authz/authentication/).
 *
 * @since 0.1.0
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { AuthError } from "../KubeError.js"
import { KubeConfig, type Impersonation, type Resolved } from "./KubeConfig.js"

/**
 * The headers that make a request authentic, by lower-case name.
 *
 * @since 0.1.0
 * @category models
 */
export type Credentials = { readonly [header: string]: Redacted.Redacted }

/**
 * What the connection itself shows the server.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientCertificate {
  /** In PEM, with the chain. */
  readonly certificate: string
  /** In PEM. */
  readonly key: Redacted.Redacted
}

/**
 * The service: credentials for requests and for connections.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthService {
  /** The headers of the next request. Asked for at every request: it is cheap, and one refresh serves all that wait. */
  readonly credentials: Effect.Effect<Credentials, AuthError>
  /** Tells that the server did not accept these; the next `credentials` are to be fresh ones. */
  readonly reject: (credentials: Credentials) => Effect.Effect<void>
  readonly clientCertificate: ClientCertificate | undefined
}

/**
 * As whom the client speaks to the API server.
 *
 * @example
 * ```ts
 * import { Effect, Layer, Redacted } from "effect"
 * import { Auth } from "effect-kubernetes"
 *
 * // A user's own: any Effect that yields a token.
 * const token = Effect.succeed(Redacted.make("secret"))
 * const auth = Auth.layerToken(token)
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class Auth extends Context.Tag("effect-kubernetes/Auth")<Auth, AuthService>() {
  /**
   * What the user of the `KubeConfig` has: a token, a token file (read again before it expires), a client certificate,
   * or a name and a password. Fails with `AuthError` where the user needs a way that is not supported.
   */
  static readonly layer: Layer.Layer<Auth, AuthError, KubeConfig | FileSystem.FileSystem> = Layer.effect(
    this,
    Effect.suspend(() => Effect.flatMap(KubeConfig, fromConfig))
  )

  /** A bearer token from anywhere: the effect runs once, and again after the server has refused its result. */
  static readonly layerToken = <E extends AuthError = never, R = never>(
    token: Effect.Effect<Redacted.Redacted, E, R>
  ): Layer.Layer<Auth, never, R> => Layer.effect(this, fromToken(token))

  /** No credentials: for servers that need none, or a proxy that adds them. */
  static readonly layerAnonymous: Layer.Layer<Auth> = Layer.succeed(this, {
    credentials: Effect.succeed({}),
    reject: () => Effect.void,
    clientCertificate: undefined
  })
}

/** How long a token that was read from a file is used: rotated files hold a new one well before the old expires. */
const fileTokenTtl = 60_000

const header = (name: string, value: string): Credentials => ({ [name]: Redacted.make(value) })

const bearer = (token: Redacted.Redacted): Credentials =>
  header("authorization", `Bearer ${Redacted.value(token).trim()}`)

/** What no header name can hold is percent-encoded; the server undoes that. */
const headerName = (key: string): string =>
  encodeURIComponent(key.toWellFormed())
    .replace(/[()]/g, (character) => `%${character.charCodeAt(0).toString(16)}`)
    .toLowerCase()

/**
 * The headers of a request on behalf of someone else.
 *
 * @example
 * ```ts
 * import { impersonationHeaders } from "effect-kubernetes/layers/Auth"
 *
 * impersonationHeaders({ user: "jane", groups: ["dev"] })
 * // [["impersonate-user", "jane"], ["impersonate-group", "dev"]]
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const impersonationHeaders = (as: Impersonation): ReadonlyArray<readonly [name: string, value: string]> => [
  ["impersonate-user", as.user],
  ...(as.uid === undefined ? [] : [["impersonate-uid", as.uid] as const]),
  ...(as.groups ?? []).map((group) => ["impersonate-group", group] as const),
  ...Object.entries(as.extra ?? {}).flatMap(([key, values]) =>
    values.map((value) => [`impersonate-extra-${headerName(key)}`, value] as const)
  )
]

const fromConfig = ({ user }: Resolved): Effect.Effect<AuthService, AuthError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const [missing] = user.unsupported
    const clientCertificate =
      user.clientCertificate === undefined || user.clientKey === undefined
        ? undefined
        : { certificate: user.clientCertificate, key: user.clientKey }
    if (user.tokenFile !== undefined) {
      const read = yield* tokenFile(user.tokenFile, user.token)
      return { ...read, clientCertificate }
    }
    const credentials =
      user.token !== undefined
        ? bearer(user.token)
        : user.username !== undefined
          ? header(
              "authorization",
              `Basic ${Buffer.from(`${user.username}:${user.password === undefined ? "" : Redacted.value(user.password)}`).toString("base64")}`
            )
          : {}
    if (missing !== undefined && clientCertificate === undefined && Object.keys(credentials).length === 0) {
      return yield* new AuthError({
        message: `user "${user.name}" authenticates by "${missing}", which this version does not support; give it a token, a tokenFile or a client certificate, or provide an Auth layer of your own (Auth.layerToken)`
      })
    }
    return { credentials: Effect.succeed(credentials), reject: () => Effect.void, clientCertificate }
  })

/** A value that is made when it is asked for, kept for `ttl` milliseconds, and made once for many that wait. */
const cached = <E extends AuthError, R>(
  make: Effect.Effect<Credentials, E, R>,
  ttl: number
): Effect.Effect<Pick<AuthServiceOf<E>, "credentials" | "reject">, never, R> =>
  Effect.gen(function* () {
    const context = yield* Effect.context<R>()
    const lock = yield* Effect.makeSemaphore(1)
    let current: { readonly credentials: Credentials; readonly until: number } | undefined
    const valid = (now: number) => (current !== undefined && now < current.until ? current.credentials : undefined)
    const refresh = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const known = valid(now)
      if (known !== undefined) return known
      const credentials = yield* Effect.provide(make, context).pipe(
        // The old ones may be good for a while: nobody has refused them.
        Effect.catchAll((error) =>
          current === undefined
            ? Effect.fail(error)
            : Effect.as(Effect.logWarning(`credentials are not renewed: ${error.message}`), current.credentials)
        )
      )
      current = { credentials, until: now + ttl }
      return credentials
    })
    return {
      credentials: Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const known = valid(now)
        return known === undefined ? lock.withPermits(1)(refresh) : Effect.succeed(known)
      }),
      reject: (credentials) =>
        Effect.sync(() => {
          if (current?.credentials === credentials) current = undefined
        })
    }
  })

interface AuthServiceOf<E> {
  readonly credentials: Effect.Effect<Credentials, E>
  readonly reject: (credentials: Credentials) => Effect.Effect<void>
}

/** What stands in the file; as long as that cannot be read, the token beside it. */
const tokenFile = (
  file: string,
  token: Redacted.Redacted | undefined
): Effect.Effect<AuthServiceOf<AuthError>, never, FileSystem.FileSystem> =>
  cached(
    FileSystem.FileSystem.pipe(
      Effect.flatMap((fs) => fs.readFileString(file)),
      Effect.mapError((cause) => new AuthError({ message: `the token file ${file} cannot be read`, cause })),
      Effect.filterOrFail(
        (text) => text.trim() !== "",
        () => new AuthError({ message: `the token file ${file} is empty` })
      ),
      Effect.map((text) => bearer(Redacted.make(text))),
      Effect.catchAll((error) => (token === undefined ? Effect.fail(error) : Effect.succeed(bearer(token))))
    ),
    fileTokenTtl
  )

const fromToken = <E extends AuthError, R>(
  token: Effect.Effect<Redacted.Redacted, E, R>
): Effect.Effect<AuthService, never, R> =>
  Effect.map(cached(Effect.map(token, bearer), Number.POSITIVE_INFINITY), (auth) => ({
    ...auth,
    clientCertificate: undefined
  }))
