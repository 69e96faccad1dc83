/** A client whose server follows a script: one answer for each request, in their order. */
import { Effect, Layer, Stream } from "effect"
import { Auth, Http, KubeClient, KubeConfig } from "effect-kubernetes"
import type { HttpFailure, HttpRequest } from "effect-kubernetes/layers/Http"
import type { Options } from "effect-kubernetes/layers/KubeClient"
import { config, status } from "../layers/fake.js"

export type Answer =
  /** A list. */
  | { readonly items: ReadonlyArray<unknown>; readonly continue?: string }
  /** One object. */
  | { readonly object: unknown }
  /** A failure of the API. */
  | { readonly code: number; readonly reason: string }
  /** A watch: each event so many milliseconds after the one before; then it stays open, or not. */
  | {
      readonly events: ReadonlyArray<readonly [after: number, type: string, object: unknown]>
      readonly after?: "end" | "reset"
    }
  /** No answer at all. */
  | "silence"

const failure = (reason: HttpFailure["reason"]): HttpFailure => ({
  _tag: "HttpFailure",
  reason,
  description: `made to fail: ${reason}`,
  cause: undefined
})

const headers = { "content-type": "application/json" }

export const scripted = (answers: ReadonlyArray<Answer>, options: Options = {}) => {
  const sent: Array<HttpRequest> = []
  const state = { open: 0 }
  const next = (request: HttpRequest): Answer | undefined => answers[sent.push(request) - 1]

  const request = (wire: HttpRequest) =>
    Effect.suspend(() => {
      const answer = next(wire)
      if (answer === undefined) return Effect.dieMessage(`the script has no answer to ${wire.method} ${wire.target}`)
      if (answer === "silence") return Effect.never
      if ("events" in answer) return Effect.dieMessage(`a watch was expected, not ${wire.method} ${wire.target}`)
      if ("code" in answer) {
        return Effect.succeed({
          status: answer.code,
          headers,
          text: JSON.stringify(status(answer.code, answer.reason, { message: `made to fail: ${answer.reason}` }))
        })
      }
      const body =
        "object" in answer
          ? answer.object
          : {
              kind: "List",
              apiVersion: "v1",
              metadata: { resourceVersion: "10", continue: answer.continue },
              items: answer.items
            }
      return Effect.succeed({ status: 200, headers, text: JSON.stringify(body) })
    })

  const stream = (wire: HttpRequest) =>
    Effect.suspend(() => {
      const answer = next(wire)
      if (answer === "silence") return Effect.never
      if (answer === undefined || !("events" in answer)) {
        return Effect.dieMessage(`the script has no watch for ${wire.target}`)
      }
      const events = Stream.fromIterable(answer.events).pipe(
        Stream.mapEffect(([after, type, object]) =>
          Effect.delay(
            Effect.succeed(new TextEncoder().encode(`${JSON.stringify({ type, object })}\n`)),
            `${after} millis`
          )
        )
      )
      const rest =
        answer.after === "end" ? Stream.empty : answer.after === "reset" ? Stream.fail(failure("Reset")) : Stream.never
      const body = Stream.acquireRelease(
        Effect.sync(() => {
          state.open++
        }),
        () =>
          Effect.sync(() => {
            state.open--
          })
      ).pipe(Stream.flatMap(() => Stream.concat(events, rest)))
      return Effect.succeed({ status: 200, headers, body })
    })

  const client = KubeClient.layerWith(options).pipe(
    Layer.provide([Layer.succeed(Http, { request, stream }), Auth.layerAnonymous, KubeConfig.layerValue(config)])
  )
  return { sent, state, client }
}
