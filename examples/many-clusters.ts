/**
 * One program, many clusters: a client for each context. `npx tsx examples/many-clusters.ts staging production`; without
 * arguments, it asks the current context.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Schema } from "effect"
import { KubeClient, Namespace, NodeKubeClient, Request } from "effect-kubernetes"

/** Written for "the" cluster; which one that is, the layer decides. */
const summary = Effect.gen(function* () {
  const { context, server } = yield* KubeClient
  const { gitVersion } = yield* KubeClient.request(
    Request.get("/version"),
    Schema.Struct({ gitVersion: Schema.String })
  )
  const { items } = yield* Namespace.list()
  return `${context ?? "in-cluster"}: ${gitVersion} at ${server}, ${items.length} namespaces`
})

const contexts: ReadonlyArray<string | undefined> = process.argv.length > 2 ? process.argv.slice(2) : [undefined]

const program = Effect.forEach(
  contexts,
  (context) =>
    summary.pipe(
      Effect.provide(NodeKubeClient.layerWith({ context, timeout: "10 seconds" })),
      // A cluster that is away does not keep the others from being shown.
      Effect.catchAll((error) => Effect.succeed(`${context ?? "current context"}: ${error._tag}: ${error.message}`)),
      Effect.flatMap((line) => Console.log(line))
    ),
  { concurrency: 4, discard: true }
)

NodeRuntime.runMain(program)
