/**
 * Deploys an image: applies the Deployment, shows how the rollout goes, and fails with what is wrong.
 *
 *   npx tsx examples/wait.ts web nginx:1.29
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Stream } from "effect"
import { Deployment, NodeKubeClient } from "effect-kubernetes"

export const deploy = (name: string, image: string) =>
  Effect.gen(function* () {
    const labels = { app: name }
    const deployment = yield* Deployment.apply(
      {
        metadata: { name },
        spec: {
          replicas: 2,
          progressDeadlineSeconds: 120,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [{ name: "main", image }] } }
        }
      },
      { fieldManager: "deploy" }
    )
    // The object and not its name: if somebody deletes it meanwhile, this fails at once.
    yield* Deployment.waitForStream(deployment, Deployment.rolledOut, { timeout: "5 minutes" }).pipe(
      Stream.map(({ because, isMet }) => (isMet ? "rolled out" : because)),
      Stream.changes,
      Stream.runForEach((state) => Console.log(`${name}: ${state}`))
    )
  }).pipe(
    Effect.catchTags({
      WaitFailed: (error) => Effect.dieMessage(`${error.message}. Undo it with: kubectl rollout undo deploy/${name}`),
      TimeoutError: (error) => Effect.dieMessage(error.message)
    })
  )

if (process.argv[1]?.endsWith("wait.ts") === true) {
  const [name = "web", image = "nginx:1.29"] = process.argv.slice(2)
  deploy(name, image).pipe(Effect.provide(NodeKubeClient.layer), NodeRuntime.runMain)
}
