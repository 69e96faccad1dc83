/**
 * Follows all containers of a Deployment's pods, through restarts and rollouts:
 *
 *     npx tsx examples/logs.ts web
 *     npx tsx examples/logs.ts web istio-proxy     # without that container
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Stream } from "effect"
import { Deployment, Logs, NodeKubeClient, Pods } from "effect-kubernetes"

const [name = "web", ...without] = process.argv.slice(2)

const program = Logs.follow(Pods.of(Deployment, name), {
  tailLines: 10,
  containers: (container) => !without.includes(container)
}).pipe(
  Stream.runForEach(({ container, pod, text }) => Console.log(`${pod} ${container} | ${text}`)),
  Effect.catchTag("NotFound", ({ message }) => Console.error(message)),
  Effect.provide(NodeKubeClient.layer)
)

NodeRuntime.runMain(program)
