/**
 * A program tested without a cluster: the layer of the connection is replaced by a function. `npx tsx examples/test-layer.ts`
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Ref, Stream } from "effect"
import { Auth, Deployment, Http, KubeClient, KubeConfig } from "effect-kubernetes"
import { deepStrictEqual, strictEqual } from "node:assert/strict"

/** The program: what it needs is a `KubeClient`, whichever. */
const pause = (name: string) => Deployment.scale(name, 0).pipe(Effect.map((scale) => scale.spec.replicas ?? 0))

/** A cluster that nobody calls: its address is only a part of messages. */
const config = KubeConfig.layerValue({
  context: "test",
  namespace: "default",
  cluster: { name: "test", server: "https://test.invalid", insecureSkipTlsVerify: false, disableCompression: false },
  user: { name: "test", unsupported: [] }
})

/** An API server of one answer, which writes down what it is asked. */
const server = (calls: Ref.Ref<ReadonlyArray<string>>) =>
  Layer.succeed(Http, {
    request: ({ body, method, target }) =>
      Ref.update(calls, (before) => [...before, `${method} ${target} ${body ?? ""}`.trim()]).pipe(
        Effect.as({
          status: 200,
          headers: { "content-type": "application/json" },
          text: JSON.stringify({
            apiVersion: "autoscaling/v1",
            kind: "Scale",
            metadata: {
              name: "web",
              namespace: "default",
              uid: "1",
              resourceVersion: "2",
              creationTimestamp: "2026-01-01T00:00:00Z"
            },
            spec: { replicas: 0 },
            status: { replicas: 3 }
          })
        })
      ),
    stream: () => Effect.succeed({ status: 200, headers: {}, body: Stream.empty })
  })

const test = Effect.gen(function* () {
  const calls = yield* Ref.make<ReadonlyArray<string>>([])
  const client = KubeClient.layer.pipe(
    Layer.provide(server(calls)),
    Layer.provide(Auth.layerAnonymous),
    Layer.provide(config)
  )

  strictEqual(yield* Effect.provide(pause("web"), client), 0)
  deepStrictEqual(yield* Ref.get(calls), [
    'PATCH /apis/apps/v1/namespaces/default/deployments/web/scale {"spec":{"replicas":0}}'
  ])
  yield* Console.log("ok: the program asks for what it should")
})

NodeRuntime.runMain(test)
