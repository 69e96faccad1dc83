/** Whoever reads slowly holds the server back, and nothing piles up in between. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { ConfigMap, Informer, Pod, type KubeClient, type KubeError } from "effect-kubernetes"
import { clientOf } from "./support/client.js"
import { eventually, httpServer } from "./support/server.js"

const total = 192 * 1024 * 1024

const mapOf = (n: number) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "a", namespace: "default", uid: "1", resourceVersion: String(n) },
  data: { text: "x".repeat(64 * 1024) }
})

/** A server of a list of nothing, and of a watch or a log that is never over; counts what it could write. */
const endless = Effect.gen(function* () {
  const state = { written: 0 }
  const { port } = yield* httpServer((request, response) => {
    response.writeHead(200, { "content-type": "application/json" })
    const url = request.url ?? ""
    const isLog = url.includes("/log")
    if (!isLog && !url.includes("watch=")) {
      response.end(
        JSON.stringify({ kind: "ConfigMapList", apiVersion: "v1", metadata: { resourceVersion: "1" }, items: [] })
      )
      return
    }
    let version = 1
    const more = () => {
      while (state.written < total) {
        const line = `${isLog ? "x".repeat(64 * 1024) : JSON.stringify({ type: "MODIFIED", object: mapOf(++version) })}\n`
        state.written += line.length
        if (!response.write(line)) return void response.once("drain", more)
      }
    }
    more()
  })
  return { state, client: clientOf(port) }
})

const reads: {
  readonly [what: string]: (each: Effect.Effect<void>) => Effect.Effect<void, KubeError, KubeClient>
} = {
  "a watch": (each) => Stream.runForEach(ConfigMap.watch(), () => each),
  "one connection of a watch": (each) => Stream.runForEach(ConfigMap.watch({ resume: false }), () => each),
  "an informer's changes": (each) =>
    Effect.scoped(
      Effect.flatMap(Informer.make(ConfigMap), (informer) => Stream.runForEach(informer.changes, () => each))
    ),
  "a log": (each) => Stream.runForEach(Pod.logs("web", { container: "app", follow: true }), () => each)
}

describe("a stream that nobody pulls stops reading from the connection:", () => {
  for (const [what, read] of Object.entries(reads)) {
    it.scopedLive(what, () =>
      Effect.gen(function* () {
        const { client, state } = yield* endless
        let seen = 0
        const gate = yield* Effect.makeLatch(false)
        yield* read(Effect.suspend(() => (++seen >= 20 ? gate.await : Effect.void))).pipe(
          Effect.provide(client),
          Effect.forkScoped
        )
        yield* eventually(() => seen >= 20)
        // The server writes on until every buffer on the way is full; then it stands still.
        let before = -1
        while (before !== state.written) {
          before = state.written
          yield* Effect.sleep("300 millis")
        }
        assert.isBelow(state.written, total / 2)
        assert.strictEqual(seen, 20)
        yield* gate.open
        yield* eventually(() => seen * 64 * 1024 > before)
      })
    )
  }
})
