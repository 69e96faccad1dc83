/**
 * Every way in which a call can fail, one tag each.
 *
 * The API server gives a reason with each failure; each reason is a class here and carries the whole `Status` that the
 * server sent. The other classes stand for what goes wrong on this side of the wire.
 *
 * See [Status](https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/).
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import type * as MetaV1 from "./resources/MetaV1.js"

/**
 * What a request was about; part of every error of the API.
 *
 * @since 0.1.0
 * @category models
 */
export interface RequestInfo {
  /** The HTTP method. */
  readonly method: string
  /** The path on the server, without the query. */
  readonly path: string
  /** The API's word for the operation: `get`, `list`, `create`, `update`, ... */
  readonly verb?: string | undefined
  readonly kind?: string | undefined
  readonly namespace?: string | undefined
  /** The name of the object. `name` is the error's own, as of every `Error`. */
  readonly objectName?: string | undefined
}

/**
 * What an error of the API carries.
 *
 * @since 0.1.0
 * @category models
 */
export interface ApiErrorFields extends RequestInfo {
  /** The HTTP status code. */
  readonly code: number
  /** What the server sent; made from the HTTP status where it sent something else. */
  readonly status: MetaV1.Status
  /** How long the server asks to wait before the next try. */
  readonly retryAfter?: Duration.Duration | undefined
}

/** Written out, since the inferred type of the class below cannot stand in a declaration file. */
type ApiErrorClass<Tag extends string> = new (
  fields: ApiErrorFields
) => Cause.YieldableError & { readonly _tag: Tag } & Readonly<ApiErrorFields>

const apiError = <const Tag extends string>(tag: Tag): ApiErrorClass<Tag> =>
  class extends Data.TaggedError(tag)<ApiErrorFields> {
    override get message(): string {
      return this.status.message ?? `${this.method} ${this.path}: ${tag} (HTTP ${this.code})`
    }
  }

/**
 * 400: the server cannot read the request.
 *
 * @since 0.1.0
 * @category errors
 */
export class BadRequest extends apiError("BadRequest") {}

/**
 * 401: the server does not know these credentials, or they have expired.
 *
 * @since 0.1.0
 * @category errors
 */
export class Unauthorized extends apiError("Unauthorized") {
  override get message(): string {
    return `the API server does not accept these credentials: ${this.status.message ?? "Unauthorized"}`
  }
}

/**
 * 403: this user may not do that.
 *
 * @since 0.1.0
 * @category errors
 */
export class Forbidden extends apiError("Forbidden") {}

/**
 * 404: there is no object of that name, or no such kind on this server.
 *
 * @since 0.1.0
 * @category errors
 */
export class NotFound extends apiError("NotFound") {}

/**
 * 405: this kind does not have that verb.
 *
 * @since 0.1.0
 * @category errors
 */
export class MethodNotAllowed extends apiError("MethodNotAllowed") {}

/**
 * 406: the server cannot answer in the form that was asked for.
 *
 * @since 0.1.0
 * @category errors
 */
export class NotAcceptable extends apiError("NotAcceptable") {}

/**
 * 409: there is an object of that name already.
 *
 * @since 0.1.0
 * @category errors
 */
export class AlreadyExists extends apiError("AlreadyExists") {}

/**
 * 409: the object has changed meanwhile, or another manager owns the field.
 *
 * @since 0.1.0
 * @category errors
 */
export class Conflict extends apiError("Conflict") {}

/**
 * 410: what was asked for is gone for good.
 *
 * @since 0.1.0
 * @category errors
 */
export class Gone extends apiError("Gone") {}

/**
 * 410: the resource version or the `continue` token is too old; list again.
 *
 * @since 0.1.0
 * @category errors
 */
export class Expired extends apiError("Expired") {}

/**
 * 413: the request is too large.
 *
 * @since 0.1.0
 * @category errors
 */
export class RequestEntityTooLarge extends apiError("RequestEntityTooLarge") {}

/**
 * 415: this kind does not take that type of patch.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnsupportedMediaType extends apiError("UnsupportedMediaType") {}

/**
 * 422: the object is not valid; `status.details.causes` says where.
 *
 * @since 0.1.0
 * @category errors
 */
export class Invalid extends apiError("Invalid") {}

/**
 * 429: the server is busy, or a disruption budget forbids an eviction.
 *
 * @since 0.1.0
 * @category errors
 */
export class TooManyRequests extends apiError("TooManyRequests") {}

/**
 * 500: the server failed.
 *
 * @since 0.1.0
 * @category errors
 */
export class InternalError extends apiError("InternalError") {}

/**
 * 503: the server, or the one that it asks, is not there.
 *
 * @since 0.1.0
 * @category errors
 */
export class ServiceUnavailable extends apiError("ServiceUnavailable") {}

/**
 * 500: the server asks for another try in a while.
 *
 * @since 0.1.0
 * @category errors
 */
export class ServerTimeout extends apiError("ServerTimeout") {}

/**
 * 500: an object in the store cannot be read.
 *
 * @since 0.1.0
 * @category errors
 */
export class StoreReadError extends apiError("StoreReadError") {}

/**
 * 504: the server did not finish in time; the change may still happen.
 *
 * @since 0.1.0
 * @category errors
 */
export class Timeout extends apiError("Timeout") {}

/**
 * Any other failure that the server reports.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnexpectedStatus extends apiError("UnexpectedStatus") {}

/**
 * Why a connection failed. `Refused`, `Dns` and `Tls` mean that the request never reached the server.
 *
 * @since 0.1.0
 * @category models
 */
export type TransportReason = "Refused" | "Dns" | "Tls" | "ConnectTimeout" | "Reset" | "Protocol" | "Unknown"

/**
 * The server could not be reached, or the connection broke.
 *
 * @since 0.1.0
 * @category errors
 */
export class TransportError extends Data.TaggedError("TransportError")<{
  readonly reason: TransportReason
  /** What happened and what to do, without secrets. */
  readonly description: string
  readonly method: string
  readonly path: string
  readonly server: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `${this.method} ${this.server}${this.path}: ${this.description}`
  }
}

/**
 * The server's answer is not what it should be.
 *
 * @since 0.1.0
 * @category errors
 */
export class DecodeError extends Data.TaggedError("DecodeError")<
  RequestInfo & {
    /** Where in the answer, like `items[3].spec.containers[0].image`; `""` for the whole. */
    readonly at: string
    /** What is wrong there, like `expected number, got "80"`; values are cut short. */
    readonly problem: string
    readonly cause?: unknown
  }
> {
  override get message(): string {
    const where = this.at === "" ? "" : `${this.at}: `
    return `${where}${this.problem} (${this.method} ${this.path})`
  }
}

/**
 * The call did not end within its `timeout`. A write may still happen.
 *
 * @since 0.1.0
 * @category errors
 */
export class TimeoutError extends Data.TaggedError("TimeoutError")<
  RequestInfo & {
    readonly timeout: Duration.Duration
    /** What was waited for, and how it was last. */
    readonly last?: string | undefined
  }
> {
  override get message(): string {
    const limit = Duration.format(this.timeout)
    return this.last === undefined
      ? `${this.method} ${this.path}: no answer within ${limit}`
      : `not within ${limit}: ${this.last}`
  }
}

/**
 * What was waited for cannot come any more: the object is gone, or has failed.
 *
 * @since 0.1.0
 * @category errors
 */
export class WaitFailed extends Data.TaggedError("WaitFailed")<{
  readonly message: string
}> {}

/**
 * Why a port-forward failed. `Listen`: on this side, a local port cannot be had. `Refused`: nothing listens on the pod's
 * port. `Pod`: any other failure of the pod's side; the connection broke, or the pod is gone.
 *
 * @since 0.1.0
 * @category models
 */
export type PortForwardReason = "Listen" | "Refused" | "Pod"

/**
 * A port-forward that cannot begin on this side, or a connection into a pod that failed there.
 *
 * @since 0.1.0
 * @category errors
 */
export class PortForwardError extends Data.TaggedError("PortForwardError")<{
  readonly reason: PortForwardReason
  readonly message: string
  /** The pod's name. */
  readonly pod?: string | undefined
  /** The pod's port; with the reason `Listen` the local one. */
  readonly port?: number | undefined
  readonly cause?: unknown
}> {}

/**
 * There are no credentials to be had.
 *
 * @since 0.1.0
 * @category errors
 */
export class AuthError extends Data.TaggedError("AuthError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

/**
 * The configuration of the client is missing or wrong; `message` says where and what to do.
 *
 * @since 0.1.0
 * @category errors
 */
export class ConfigError extends Data.TaggedError("ConfigError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

/**
 * The request makes no sense and was not sent: an empty name, a namespace that contradicts the object's, a label value
 * that no label can have.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidRequest extends Data.TaggedError("InvalidRequest")<{
  readonly message: string
}> {}

/**
 * A command in a container ended with another code than 0. It is not part of `KubeError`: the call itself succeeded.
 *
 * @since 0.1.0
 * @category errors
 */
export class ExecFailed extends Data.TaggedError("ExecFailed")<{
  readonly command: ReadonlyArray<string>
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}> {
  override get message(): string {
    const said = this.stderr.trim() === "" ? this.stdout.trim() : this.stderr.trim()
    const end = said.length > 500 ? `…${said.slice(-500)}` : said
    return `${this.command.join(" ")}: exit code ${this.exitCode}${end === "" ? "" : `: ${end}`}`
  }
}

/**
 * Why a copy failed.
 *
 * - `NoTar`: the image has no `tar`.
 * - `TarFailed`: `tar` in the container failed: no such file, no space, no permission, ...
 * - `BadArchive`: what came from the container is no whole archive.
 * - `Refused`: an entry would leave the target, or cannot be written there.
 * - `Changed`: a file became shorter while it was sent.
 *
 * @since 0.1.0
 * @category models
 */
export type CopyFailedReason = "NoTar" | "TarFailed" | "BadArchive" | "Refused" | "Changed"

/**
 * `Pod.copyTo` or `Pod.copyFrom` failed on the way between the two sides. It is not part of `KubeError`: the call itself
 * succeeded.
 *
 * @since 0.1.0
 * @category errors
 */
export class CopyFailed extends Data.TaggedError("CopyFailed")<{
  readonly reason: CopyFailedReason
  readonly message: string
  /** The entry of the archive that it is about. */
  readonly entry?: string | undefined
  /** How `tar` ended, where it failed. */
  readonly exitCode?: number | undefined
  /** What `tar` said, cut to its first few thousand characters. */
  readonly stderr?: string | undefined
}> {}

const reasons = {
  BadRequest,
  Unauthorized,
  Forbidden,
  NotFound,
  MethodNotAllowed,
  NotAcceptable,
  AlreadyExists,
  Conflict,
  Gone,
  Expired,
  RequestEntityTooLarge,
  UnsupportedMediaType,
  Invalid,
  TooManyRequests,
  InternalError,
  ServiceUnavailable,
  ServerTimeout,
  StoreReadError,
  Timeout
}

const reasonOfCode: { readonly [code: number]: keyof typeof reasons } = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  406: "NotAcceptable",
  409: "Conflict",
  410: "Gone",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout"
}

/**
 * A failure that the API server reported.
 *
 * @since 0.1.0
 * @category errors
 */
export type ApiError = InstanceType<(typeof reasons)[keyof typeof reasons]> | UnexpectedStatus

/**
 * Every way in which a call can fail.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Pod } from "effect-kubernetes"
 *
 * const phase = Pod.get("web-0").pipe(
 *   Effect.map((pod) => pod.status.phase),
 *   Effect.catchTag("NotFound", () => Effect.succeed("gone"))
 * )
 * ```
 *
 * @since 0.1.0
 * @category errors
 */
export type KubeError =
  | ApiError
  | TransportError
  | DecodeError
  | TimeoutError
  | WaitFailed
  | PortForwardError
  | AuthError
  | ConfigError
  | InvalidRequest

const isReason = (reason: string | undefined): reason is keyof typeof reasons =>
  reason !== undefined && Object.hasOwn(reasons, reason)

/**
 * The error of a failed answer: its class by the `Status`'s reason, or by the HTTP code where there is none.
 *
 * @example
 * ```ts
 * import { fromStatus } from "effect-kubernetes/KubeError"
 *
 * const error = fromStatus({
 *   method: "GET",
 *   path: "/api/v1/namespaces/default/pods/web-0",
 *   code: 404,
 *   status: { status: "Failure", reason: "NotFound", message: 'pods "web-0" not found', code: 404 }
 * })
 * error._tag // "NotFound"
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromStatus = (fields: ApiErrorFields): ApiError => {
  const reason = isReason(fields.status.reason) ? fields.status.reason : reasonOfCode[fields.code]
  return reason === undefined ? new UnexpectedStatus(fields) : new reasons[reason](fields)
}

const transportTags = [
  "TransportError",
  "DecodeError",
  "TimeoutError",
  "WaitFailed",
  "PortForwardError",
  "AuthError",
  "ConfigError",
  "InvalidRequest"
]

/**
 * Whether a value is one of this package's errors.
 *
 * @example
 * ```ts
 * import { isKubeError, NotFound } from "effect-kubernetes"
 *
 * isKubeError(new Error("no")) // false
 * ```
 *
 * @since 0.1.0
 * @category guards
 */
export const isKubeError = (value: unknown): value is KubeError =>
  value instanceof Error &&
  "_tag" in value &&
  typeof value._tag === "string" &&
  (isReason(value._tag) || value._tag === "UnexpectedStatus" || transportTags.includes(value._tag))
