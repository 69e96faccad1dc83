/**
 * What TestCluster has against an object of a built-in kind is what the API server has against it: objects with one thing
 * wrong go to both, as a dry run. The seed and the number of each kind bound it.
 */
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { KubeClient } from "effect-kubernetes"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"
import { isJsonArray } from "../../src/testing/internal/json.js"
import { builtIn, type JsonObject } from "../../src/testing/internal/openapi.js"
import { at } from "../../src/testing/internal/strategies.js"
import * as e2e from "../support/e2e.js"
import { sample, type Case } from "../testing/internal/validation/cases.js"

const seed = 1
const perKind = 12

/** The part of the cases that has to be the same. */
const least = 0.99

const resourceOf = ({ gvk }: Case) => {
  const found = builtIn().resources.find(
    ({ group, kind, version }) => group === gvk.group && kind === gvk.kind && version === gvk.version
  )
  if (found === undefined) throw new Error(`no resource of ${gvk.kind}`)
  return found
}

const pathOf = (one: Case, namespace: string): string => {
  const { group, plural, scope, version } = resourceOf(one)
  const base = group === "" ? `/api/${version}` : `/apis/${group}/${version}`
  return scope === "Namespaced" ? `${base}/namespaces/${namespace}/${plural}` : `${base}/${plural}`
}

const answerTo = (one: Case, namespace: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const client = yield* KubeClient
      const answer = yield* client.exchange({
        method: "POST",
        path: pathOf(one, namespace),
        search: "?dryRun=All&fieldValidation=Strict",
        headers: { accept: "application/json", "content-type": "application/json" },
        body: new TextEncoder().encode(JSON.stringify(one.object))
      })
      // The API server answers with an object.
      return JSON.parse(yield* Stream.mkString(Stream.decodeText(answer.body))) as JsonObject
    })
  )

/** Code and causes, whose order the API server leaves to chance where it goes through a map. */
const told = (answer: JsonObject): string => {
  if (answer["kind"] !== "Status") return "accepted"
  const causes = at(answer, "details", "causes")
  return answer["code"] === 422 && isJsonArray(causes)
    ? causes
        .map((cause) => `${String(at(cause, "field"))} ${String(at(cause, "reason"))} ${String(at(cause, "message"))}`)
        .toSorted()
        .join("\n")
    : `${String(answer["code"])} ${String(answer["message"])}`
}

describe("validation", () => {
  layer(e2e.layer, { ...e2e.live, timeout: "5 minutes" })((it) => {
    it.scoped(
      "is that of the API server",
      () =>
        e2e.inFreshNamespace((namespace) =>
          Effect.gen(function* () {
            const different: Array<string> = []
            const ours = yield* Layer.build(
              TestCluster.layer({
                controllers: ["serviceaccount"],
                objects: [{ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }]
              })
            )
            const cases = sample(seed, perKind)
            yield* Effect.forEach(
              cases,
              (one) =>
                Effect.gen(function* () {
                  const answer = yield* answerTo(one, namespace)
                  const [real, own] = [told(answer), told(yield* Effect.provide(answerTo(one, namespace), ours))]
                  // What is there already is no matter of validation.
                  if (real !== own && answer["code"] !== 409) {
                    different.push(`${one.gvk.kind}: ${one.title}\n  API server: ${real}\n  ours: ${own}`)
                  }
                }),
              { concurrency: 8, discard: true }
            )
            const same = cases.length - different.length
            yield* Effect.logInfo(`${same} of ${cases.length} cases are the same`)
            assert.isAtLeast(same / cases.length, least, different.join("\n"))
          })
        ),
      240_000
    )
  })
})
