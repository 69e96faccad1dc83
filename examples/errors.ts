/**
 * Failures by their tags. Run it on any cluster: `npx tsx examples/errors.ts`.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Schedule } from "effect"
import { ConfigMap, KubeClient, NodeKubeClient, Pod } from "effect-kubernetes"

/** What is not there is no failure here: the tag leaves the error channel. */
const phase = (name: string) =>
  Pod.get(name).pipe(
    Effect.map((pod) => pod.status.phase ?? "Unknown"),
    Effect.catchTag("NotFound", () => Effect.succeed("gone"))
  )

/** Several tags at once; each error carries the `Status` that the server sent. */
const create = ConfigMap.create({ metadata: { name: "Not A Name" } }, { dryRun: true }).pipe(
  Effect.as("created"),
  Effect.catchTags({
    AlreadyExists: (error) => Effect.succeed(`there is one already: ${error.name}`),
    Forbidden: (error) => Effect.succeed(`may not: ${error.message}`),
    Invalid: (error) =>
      Effect.succeed(`not valid: ${error.status.details?.causes?.map((cause) => cause.field).join(", ")}`)
  })
)

/** Retries what may pass by itself. The client has done so already where that was safe. */
const patient = ConfigMap.list({ limit: 1 }).pipe(
  Effect.retry({
    schedule: Schedule.exponential("100 millis").pipe(Schedule.intersect(Schedule.recurs(3))),
    while: (error) => error._tag === "TimeoutError" || error._tag === "ServiceUnavailable"
  })
)

/** A limit for a whole region of a program. */
const impatient = ConfigMap.list().pipe(
  KubeClient.withTimeout("1 nano"),
  Effect.map(({ items }) => `${items.length} ConfigMaps`),
  Effect.catchTag("TimeoutError", (error) => Effect.succeed(error.message))
)

const program = Effect.gen(function* () {
  yield* Console.log("phase:", yield* phase("nowhere"))
  yield* Console.log("create:", yield* create)
  yield* Console.log("patient:", (yield* patient).items.length)
  yield* Console.log("impatient:", yield* impatient)
})

program.pipe(Effect.provide(NodeKubeClient.layer), NodeRuntime.runMain)
