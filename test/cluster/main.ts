/**
 * `npm run cluster`: a test cluster for a person, until Ctrl-C.
 */
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Binary from "./Binary.js"
import * as Cluster from "./Cluster.js"
import * as Node from "./Node.js"
import type * as Sandbox from "./Sandbox.js"

const usage = `Usage: npm run cluster [-- --node]

Boots a Kubernetes control plane on this machine: etcd, the API server, the controllers and the scheduler. It has no
nodes, so pods stay pending. The first time it is compiled, which needs Go and takes minutes.

  --node   runs a node too, whose pods can use the image ${Node.image}, with imagePullPolicy: Never. This needs
           Linux, root, and the packages that it names when they are missing.

When the cluster is up, this prints one line to paste into another shell,

  export KUBECONFIG=/…/admin.kubeconfig

and runs until Ctrl-C, which removes everything again.`

const serve = (options: Cluster.Options) =>
  Effect.gen(function* () {
    const cluster = yield* Cluster.make(options)
    yield* Console.error(
      `The cluster is up at ${cluster.server}. In another shell, set KUBECONFIG as below, and use it for example with
  ${cluster.binary} kubectl get namespaces
The logs are in ${cluster.directory}. Ctrl-C ends the cluster.`
    )
    yield* Console.log(`export KUBECONFIG=${cluster.kubeconfigPath}`)
    return yield* Effect.never
  }).pipe(Effect.scoped)

/** What a person can do something about is said without a stack. */
const unavailable = (error: Binary.BinaryError | Node.NodeUnavailable | Sandbox.ProgramError) =>
  Effect.zipRight(
    Console.error(error.message),
    Effect.sync(() => {
      process.exitCode = 1
    })
  )

const main = Effect.suspend(() => {
  const args = process.argv.slice(2)
  if (args.every((arg) => arg === "--node")) return serve({ node: args.length > 0 })
  return args.includes("--help") || args.includes("-h")
    ? Console.log(usage)
    : Effect.zipRight(
        Console.error(usage),
        Effect.sync(() => {
          process.exitCode = 2
        })
      )
}).pipe(Effect.catchTags({ BinaryError: unavailable, NodeUnavailable: unavailable, ProgramError: unavailable }))

// Standard output is for the one line only.
const StderrLogger = Logger.replace(Logger.defaultLogger, Logger.prettyLogger({ stderr: true }))

NodeRuntime.runMain(Effect.provide(main, Layer.merge(NodeContext.layer, StderrLogger)), { disablePrettyLogger: true })
