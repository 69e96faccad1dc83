/** The `proxy` subresource as an `HttpClient`. */
import * as HttpClient from "@effect/platform/HttpClient"
import { RequestError, type HttpClientError } from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { HttpRequest } from "../layers/Http.js"
import { Defaults, type DefaultsService, type KubeClientService, type RawResponse } from "../layers/KubeClient.js"
import type { Request } from "../Request.js"

/** What is read of a body before anybody asks for it: most bodies are smaller, and free their connection unread. */
const readAhead = 64 * 1024

/** What stands in the place of a host in a URL that names none. */
const nowhere = "http://proxied.invalid"

/** A client whose requests go to what `at`, a request without the path at its end, stands for. */
export const make = (client: KubeClientService, defaults: DefaultsService, at: Request): HttpClient.HttpClient => {
  const { origin, pathname } = new URL(client.server)
  const serverPath = pathname === "/" ? "" : pathname

  /** The path behind the proxy, of a URL that names no host or comes from the server: a redirect. */
  const pathOf = (url: URL): string | undefined => {
    if (url.origin !== nowhere && url.origin !== origin) return undefined
    for (const prefix of [serverPath + at.path, at.path]) {
      const rest = url.pathname.slice(prefix.length)
      if (url.pathname.startsWith(prefix) && (rest === "" || rest.startsWith("/"))) return rest === "" ? "/" : rest
    }
    return url.origin === nowhere ? url.pathname : undefined
  }

  const located = (
    request: HttpClientRequest.HttpClientRequest
  ): Either.Either<HttpClientRequest.HttpClientRequest, RequestError> =>
    Either.gen(function* () {
      const invalid = (description: string, cause?: unknown) =>
        Either.left(new RequestError({ request, reason: "InvalidUrl", description, cause }))
      const parsed = Either.try(() => new URL(request.url, nowhere))
      if (Either.isLeft(parsed)) return yield* invalid("this is no URL", parsed.left)
      const url = parsed.right
      const path = pathOf(url)
      if (path === undefined) {
        return yield* invalid(`this leads to ${url.origin}, not through the proxy; give a path, such as "/healthz"`)
      }
      if (leaves.test(path)) {
        return yield* invalid(`".." beside an encoded slash: the API server would decode and resolve it`)
      }
      return HttpClientRequest.setUrl(request, origin + serverPath + at.path + path + url.search)
    })

  const inner = HttpClient.make((request, url, signal) =>
    Effect.gen(function* () {
      const headers = yield* headersOf(request)
      const body = yield* bodyOf(request)
      const scope = yield* Scope.make()
      const close = Scope.close(scope, Exit.void)
      signal.addEventListener("abort", () => Effect.runFork(close), { once: true })
      const answer = yield* client
        .exchange({
          ...at,
          method: request.method,
          path: url.pathname.slice(serverPath.length),
          search: url.search,
          headers: { ...body.headers, ...headers },
          body: body.content
        })
        .pipe(
          // What was so where the client was made is so for its requests.
          Effect.provideService(Defaults, defaults),
          Scope.extend(scope),
          Effect.mapError((error) => body.failure() ?? transport(request, error.message, error)),
          Effect.onError(() => close)
        )
      return yield* Effect.tapError(responseOf(request, answer, close), () => close)
    })
  )
  return HttpClient.makeWith<never, never, HttpClientError, never>(
    Effect.flatMap((request) => Effect.flatMap(located(request), inner.execute)),
    Effect.succeed
  )
}

/** A segment `.` or `..` that a URL parser does not see, since a slash beside it is encoded. */
const leaves = /(?:^|[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?=$|[/\\]|%2f|%5c)/i

const transport = (request: HttpClientRequest.HttpClientRequest, description: string, cause: unknown) =>
  new RequestError({ request, reason: "Transport", description, cause })

const notEncoded = (request: HttpClientRequest.HttpClientRequest, description: string, cause?: unknown) =>
  new RequestError({ request, reason: "Encode", description, cause })

/** Headers of one connection; the next one has its own. */
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "expect",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
])

/** Headers that the API server reads and does not pass on. */
const isServers = (name: string): boolean => name === "authorization" || name.startsWith("impersonate-")

const headersOf = (
  request: HttpClientRequest.HttpClientRequest
): Either.Either<Record<string, string>, RequestError> => {
  const headers: Record<string, string> = {}
  const ofConnection = (request.headers["connection"] ?? "").toLowerCase().split(/[\s,]+/)
  for (const [name, value] of Object.entries(request.headers)) {
    if (isServers(name)) {
      const problem = `the API server takes the header ${name} for itself, so it cannot be sent through its proxy`
      return Either.left(notEncoded(request, problem))
    }
    if (!hopByHop.has(name) && !ofConnection.includes(name)) headers[name] = value
  }
  return Either.right(headers)
}

interface Body {
  readonly content: HttpRequest["body"]
  /** Those that a body brings with it: the boundary of a form. */
  readonly headers: Record<string, string>
  /** The error of a body that failed while it was sent. */
  readonly failure: () => RequestError | undefined
}

const bodyOf = (request: HttpClientRequest.HttpClientRequest): Either.Either<Body, RequestError> => {
  const ready = (content: HttpRequest["body"]): Either.Either<Body, RequestError> =>
    Either.right({ content, headers: {}, failure: () => undefined })
  const { body } = request
  switch (body._tag) {
    case "Empty":
      return ready(undefined)
    case "Uint8Array":
      return ready(body.body)
    case "Stream":
      return Either.right(streamed(request, body.stream))
    case "FormData":
      return Either.right(ofWeb(request, new Response(body.formData)))
    case "Raw": {
      const content = body.body
      if (typeof content === "string" || content instanceof Uint8Array) return ready(content)
      if (
        content instanceof ReadableStream ||
        content instanceof Blob ||
        content instanceof URLSearchParams ||
        content instanceof FormData ||
        content instanceof ArrayBuffer
      ) {
        return Either.right(ofWeb(request, new Response(content)))
      }
      if (isAsyncIterable(content)) {
        return Either.right(
          streamed(
            request,
            Stream.fromAsyncIterable(content, (cause) => cause)
          )
        )
      }
      return Either.left(notEncoded(request, "this kind of raw body cannot be sent; give text, bytes or a stream"))
    }
  }
}

const isAsyncIterable = (value: unknown): value is AsyncIterable<Uint8Array> =>
  typeof value === "object" && value !== null && Symbol.asyncIterator in value

const streamed = (request: HttpClientRequest.HttpClientRequest, content: Stream.Stream<Uint8Array, unknown>): Body => {
  let failure: RequestError | undefined
  return {
    content: Stream.tapError(content, (cause) =>
      Effect.sync(() => {
        failure = notEncoded(request, "the body failed while it was sent", cause)
      })
    ),
    headers: {},
    failure: () => failure
  }
}

/** What the web's classes send as a body, with its type. */
const ofWeb = (request: HttpClientRequest.HttpClientRequest, { body, headers }: Response): Body => {
  const contentType = headers.get("content-type")
  return {
    ...(body === null
      ? { content: undefined, failure: () => undefined }
      : streamed(
          request,
          Stream.fromReadableStream(
            () => body,
            (cause) => cause
          )
        )),
    headers: contentType === null ? {} : { "content-type": contentType }
  }
}

/** Whether an answer has no body, whatever its headers say. */
const isBare = (method: string, status: number): boolean =>
  method === "HEAD" || status === 204 || status === 205 || status === 304

const responseOf = (
  request: HttpClientRequest.HttpClientRequest,
  { body, headers, status }: RawResponse,
  close: Effect.Effect<void>
): Effect.Effect<HttpClientResponse.HttpClientResponse, RequestError> =>
  Effect.gen(function* () {
    const received = yield* Effect.try({
      try: () => new Headers(pairsOf(headers)),
      catch: (cause) => transport(request, "the answer has headers that cannot be read", cause)
    })
    if (status < 200 || status > 599) return yield* transport(request, `the answer has the status ${status}`, undefined)
    if (isBare(request.method, status)) yield* close
    const content = isBare(request.method, status)
      ? null
      : // Not in the caller's runtime: its span knows the response, which then would never be collected as garbage.
        Stream.toReadableStream(Stream.ensuring(body, close), {
          strategy: { highWaterMark: readAhead, size: (chunk) => chunk?.byteLength ?? 0 }
        })
    return HttpClientResponse.fromWeb(request, new Response(content, { status, headers: received }))
  })

const pairsOf = (headers: RawResponse["headers"]): Array<[name: string, value: string]> =>
  Object.entries(headers).flatMap(([name, value]) =>
    (value === undefined ? [] : typeof value === "string" ? [value] : value).map((one): [string, string] => [name, one])
  )
