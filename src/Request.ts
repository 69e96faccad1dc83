/**
 * A call to the API server as plain data: building one needs no cluster.
 *
 * The verbs of the kinds build these; `KubeClient.request` sends one that you built yourself.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"

/**
 * A call to the API server.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS"
  /** The path on the server, every segment encoded, without the query. */
  readonly path: string
  readonly query: ReadonlyArray<readonly [name: string, value: string]>
  readonly headers: { readonly [name: string]: string }
  /** Sent as JSON. Absent: no body. */
  readonly body?: unknown
  /** How long the call may take. Absent: the client's default. */
  readonly timeout?: Duration.DurationInput | "infinity" | undefined
  /** Whether the client may try again by itself where that is safe. Default: true. */
  readonly retry?: boolean | undefined
  /** What the call is about, for errors, spans and metrics. */
  readonly about?: About | undefined
}

/**
 * What a call is about.
 *
 * @since 0.1.0
 * @category models
 */
export interface About {
  /** The API's word for the operation: `get`, `list`, `create`, `update`, ... */
  readonly verb: string
  readonly kind: string
  /** The plural of the kind, with the subresource where there is one: `pods`, `pods/status`. */
  readonly resource: string
  readonly namespace?: string | undefined
  readonly name?: string | undefined
}

/**
 * Options of the constructors here.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Query parameters; those that are undefined are left out. */
  readonly query?: { readonly [name: string]: string | number | boolean | undefined } | undefined
  /** Default: `accept: application/json`, and `content-type: application/json` with a body. */
  readonly headers?: { readonly [name: string]: string } | undefined
  readonly body?: unknown
  readonly timeout?: Duration.DurationInput | "infinity" | undefined
}

/**
 * Query parameters as a request holds them; what is undefined is left out.
 *
 * @example
 * ```ts
 * import { Request } from "effect-kubernetes"
 *
 * Request.query({ limit: 5, continue: undefined }) // [["limit", "5"]]
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const query = (
  parameters: NonNullable<Options["query"]>
): ReadonlyArray<readonly [name: string, value: string]> => {
  const out: Array<readonly [string, string]> = []
  for (const name in parameters) {
    const value = parameters[name]
    if (value !== undefined) out.push([name, String(value)])
  }
  return out
}

/**
 * Any request. `path` begins with a slash and is taken as it is: encode what comes from outside with
 * `encodeURIComponent`.
 *
 * @example
 * ```ts
 * import { Request } from "effect-kubernetes"
 *
 * const version = Request.make("GET", "/version")
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (method: Request["method"], path: string, options: Options = {}): Request => ({
  method,
  path,
  query: options.query === undefined ? [] : query(options.query),
  headers: {
    accept: "application/json",
    ...(options.body === undefined ? {} : { "content-type": "application/json" }),
    ...Object.fromEntries(Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]))
  },
  ...(options.body === undefined ? {} : { body: options.body }),
  ...(options.timeout === undefined ? {} : { timeout: options.timeout })
})

/**
 * A `GET`.
 *
 * @example
 * ```ts
 * import { KubeClient, Request } from "effect-kubernetes"
 *
 * const nodes = KubeClient.request(Request.get("/api/v1/nodes", { query: { limit: 5 } }))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const get = (path: string, options?: Options): Request => make("GET", path, options)

/**
 * A `POST`.
 *
 * @example
 * ```ts
 * import { Request } from "effect-kubernetes"
 *
 * const review = Request.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {
 *   apiVersion: "authentication.k8s.io/v1",
 *   kind: "SelfSubjectReview"
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const post = (path: string, body: unknown, options?: Options): Request =>
  make("POST", path, { ...options, body })

/** Half a surrogate pair, which has no encoding, becomes the replacement character. */
const encode = (text: string): string => encodeURIComponent(text.toWellFormed())

/**
 * The path and the query as they stand in the URL.
 *
 * @example
 * ```ts
 * import { Request } from "effect-kubernetes"
 *
 * Request.target(Request.get("/api/v1/pods", { query: { labelSelector: "app=web" } })) // "/api/v1/pods?labelSelector=app%3Dweb"
 * ```
 *
 * @since 0.1.0
 * @category getters
 */
export const target = (request: Request): string => {
  let out = request.path
  let separator = "?"
  for (const [name, value] of request.query) {
    out += `${separator}${encode(name)}=${encode(value)}`
    separator = "&"
  }
  return out
}
