/**
 * Any `HttpClient` of `@effect/platform` in the place of `Http`: another runtime's, one with middleware, one of a test.
 *
 * @since 0.1.0
 */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { classify, failure as failureOf } from "../internal/http.js"
import { Http, type HttpFailure, type HttpRequest, type HttpService } from "./Http.js"
import { KubeConfig, type Cluster } from "./KubeConfig.js"

/**
 * Sends everything through the `HttpClient` in the context. TLS, client certificates and proxies are that client's
 * matter then; the `KubeConfig` gives the URL.
 *
 * The platform's headers hold one value each, so an impersonation with several groups, or several values of one extra
 * field, is refused; and it has no WebSockets, which `exec` and `attach` need.
 *
 * @example
 * ```ts
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer } from "effect"
 * import { layer } from "effect-kubernetes/layers/PlatformHttp"
 *
 * const http = Layer.provide(layer, FetchHttpClient.layer)
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Http, never, HttpClient.HttpClient | KubeConfig> = Layer.effect(
  Http,
  Effect.suspend(() =>
    Effect.map(Effect.all([HttpClient.HttpClient, KubeConfig]), ([client, config]) => make(client, config.cluster))
  )
)

const make = (client: HttpClient.HttpClient, cluster: Cluster): HttpService => {
  const { origin, pathname } = new URL(cluster.server)
  const prefix = origin + (pathname === "/" ? "" : pathname)

  const failure = (error: HttpClientError.HttpClientError): HttpFailure => classify(error.cause, { cluster, origin })

  const outgoing = (request: HttpRequest): Either.Either<HttpClientRequest.HttpClientRequest, HttpFailure> => {
    const headers: Record<string, string> = {}
    for (const [name, value] of Object.entries(request.headers)) {
      const [first, ...more] = typeof value === "string" ? [value] : value
      if (more.length > 0) {
        // Joined by a comma they would be one group of a strange name.
        const problem = `the header ${name} has several values, and a platform HttpClient sends one; Http.layer sends them all`
        return Either.left(failureOf("Unknown", problem, undefined))
      }
      if (first !== undefined) headers[name] = first
    }
    // Every method that the API has is one of the platform's.
    const bare = HttpClientRequest.make(request.method as HttpMethod)(prefix + request.target, { headers })
    const { body } = request
    if (body === undefined) return Either.right(bare)
    const { "content-type": contentType } = headers
    return Either.right(
      HttpClientRequest.setBody(
        bare,
        typeof body === "string"
          ? HttpBody.text(body, contentType ?? "application/json")
          : body instanceof Uint8Array
            ? HttpBody.uint8Array(body, contentType)
            : HttpBody.stream(body, contentType)
      )
    )
  }
  // A body that nobody reads to its end is closed with the scope.
  const scoped = HttpClient.withScope(client)

  const limited =
    (request: HttpRequest) =>
    <A, R>(effect: Effect.Effect<A, HttpFailure, R>): Effect.Effect<A, HttpFailure, R> =>
      request.timeout === undefined
        ? effect
        : Effect.timeoutFail(effect, {
            duration: request.timeout,
            onTimeout: (): HttpFailure => ({
              _tag: "HttpFailure",
              reason: "Timeout",
              description: "no answer in time",
              cause: undefined
            })
          })

  return {
    request: (request) =>
      Effect.flatMap(outgoing(request), (platform) => Effect.mapError(client.execute(platform), failure)).pipe(
        Effect.flatMap((response) =>
          Effect.mapBoth(response.text, {
            onFailure: failure,
            onSuccess: (text) => ({ status: response.status, headers: response.headers, text })
          })
        ),
        limited(request)
      ),
    stream: (request) =>
      Effect.flatMap(outgoing(request), (platform) => Effect.mapError(scoped.execute(platform), failure)).pipe(
        limited(request),
        Effect.map((response) => ({
          status: response.status,
          headers: response.headers,
          body: Stream.catchAll(response.stream, (error) =>
            error.reason === "EmptyBody" ? Stream.empty : Stream.fail(failure(error))
          )
        }))
      )
  }
}
