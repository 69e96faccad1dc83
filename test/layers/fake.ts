/** A client whose Http layer is a function, and which remembers what was sent. */
import { Effect, Layer, Stream } from "effect"
import { Auth, Http, KubeClient, KubeConfig, type AuthError } from "effect-kubernetes"
import type { HttpFailure, HttpRequest, HttpResponse } from "effect-kubernetes/layers/Http"
import type { Options } from "effect-kubernetes/layers/KubeClient"
import type { Resolved } from "effect-kubernetes/layers/KubeConfig"

export const config: Resolved = {
  context: "test",
  namespace: "team",
  cluster: {
    name: "test",
    server: "https://kube.test:6443",
    insecureSkipTlsVerify: false,
    disableCompression: false
  },
  user: { name: "test", unsupported: [] }
}

/** An answer with a JSON body, or with the text that it is given. */
export const answer = (
  status: number,
  body: unknown,
  headers: HttpResponse["headers"] = { "content-type": "application/json" }
): Effect.Effect<HttpResponse> =>
  Effect.succeed({ status, headers, text: typeof body === "string" ? body : JSON.stringify(body) })

export const ok = (body: unknown, headers?: HttpResponse["headers"]) => answer(200, body, headers)

export const status = (code: number, reason?: string, more: Record<string, unknown> = {}) => ({
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Failure",
  code,
  ...(reason === undefined ? {} : { reason }),
  ...more
})

export const failure = (
  reason: HttpFailure["reason"],
  description = `made to fail: ${reason}`
): Effect.Effect<never, HttpFailure> => Effect.fail({ _tag: "HttpFailure", reason, description, cause: undefined })

export const pod = (name: string, more: Record<string, unknown> = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name,
    namespace: "team",
    uid: "d2ad3b62-9bc7-4d8f-bf2b-4b5e3a8d8e8e",
    resourceVersion: "7",
    creationTimestamp: "2026-01-01T00:00:00Z"
  },
  spec: { containers: [{ name: "web", image: "nginx", resources: {} }] },
  status: { phase: "Running" },
  ...more
})

export const podList = (
  items: ReadonlyArray<unknown>,
  metadata: Record<string, unknown> = { resourceVersion: "9" }
) => ({
  apiVersion: "v1",
  kind: "PodList",
  metadata,
  items
})

export interface Fake {
  /** Every request, in the order in which they went out. */
  readonly sent: Array<HttpRequest>
  readonly http: Layer.Layer<Http>
  readonly client: Layer.Layer<KubeClient, AuthError>
  readonly clientWith: (parts: {
    readonly options?: Options
    readonly auth?: Layer.Layer<Auth, AuthError>
    readonly config?: Resolved
  }) => Layer.Layer<KubeClient, AuthError>
}

/** `reply` answers calls, and streams too: their body is its text in one piece, unless `chunks` gives the pieces. */
export const fake = (
  reply: (request: HttpRequest, index: number) => Effect.Effect<HttpResponse, HttpFailure>,
  chunks?: Stream.Stream<Uint8Array, HttpFailure>
): Fake => {
  const sent: Array<HttpRequest> = []
  const request = (wire: HttpRequest) =>
    Effect.suspend(() => {
      sent.push(wire)
      const answered = reply(wire, sent.length - 1)
      return wire.timeout === undefined
        ? answered
        : Effect.timeoutFail(answered, {
            duration: wire.timeout,
            onTimeout: (): HttpFailure => ({
              _tag: "HttpFailure",
              reason: "Timeout",
              description: "no answer in time",
              cause: undefined
            })
          })
    })
  const http = Layer.succeed(Http, {
    request,
    stream: (wire) =>
      Effect.map(request(wire), ({ headers, status, text }) => ({
        status,
        headers,
        body: chunks ?? Stream.make(new TextEncoder().encode(text))
      }))
  })
  const clientWith: Fake["clientWith"] = (parts) =>
    KubeClient.layerWith(parts.options ?? {}).pipe(
      Layer.provide([http, parts.auth ?? Auth.layerAnonymous, KubeConfig.layerValue(parts.config ?? config)])
    )
  return { sent, http, client: clientWith({}), clientWith }
}

/** The path of a request without its query. */
export const pathOf = (wire: HttpRequest | undefined): string => wire?.target.split("?")[0] ?? "nothing was sent"

/** The query of a request as pairs, decoded. */
export const queryOf = (wire: HttpRequest | undefined): ReadonlyArray<readonly [string, string]> => [
  ...new URLSearchParams(wire?.target.split("?")[1] ?? "").entries()
]

export const bodyOf = (wire: HttpRequest | undefined): unknown =>
  wire?.body === undefined ? undefined : JSON.parse(String(wire.body))
