/**
 * A custom resource with the verbs of a built-in kind: `npx tsx examples/custom-resource.ts`. It installs the definition
 * of a kind and removes it at the end.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, DateTime, Effect, Schema, Stream } from "effect"
import { CustomResourceDefinition, NodeKubeClient, Resource } from "effect-kubernetes"

const names = { group: "tour.example.com", version: "v1", kind: "Backup", plural: "backups", singular: "backup" }

/** `lastRun` is text in the cluster, and a `DateTime` in this program. */
const Backup = Resource.define({
  ...names,
  schema: Schema.Struct({
    spec: Schema.Struct({ schedule: Schema.String, keep: Schema.optional(Schema.Int) }),
    status: Schema.optional(Schema.Struct({ lastRun: Schema.optional(Schema.DateTimeUtc) }))
  }),
  status: true,
  scale: false
})

const text = { type: "string" }

/** The kind, as the API server has to know it. Fails with `AlreadyExists` rather than take someone else's away. */
const installed = Effect.acquireRelease(
  CustomResourceDefinition.create({
    metadata: { name: `${names.plural}.${names.group}` },
    spec: {
      group: names.group,
      scope: "Namespaced",
      names: { kind: names.kind, plural: names.plural, singular: names.singular },
      versions: [
        {
          name: names.version,
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: {
            openAPIV3Schema: {
              type: "object",
              properties: {
                spec: { type: "object", properties: { schedule: text, keep: { type: "integer" } } },
                status: { type: "object", properties: { lastRun: { type: "string", format: "date-time" } } }
              }
            }
          }
        }
      ]
    }
  }),
  (definition) => Effect.ignoreLogged(CustomResourceDefinition.delete(definition))
).pipe(
  Effect.tap(({ metadata: { name, resourceVersion } }) =>
    CustomResourceDefinition.watch({ fields: { "metadata.name": name }, resourceVersion }).pipe(
      Stream.takeUntil(
        (event) =>
          "object" in event &&
          (event.object.status.conditions ?? []).some(({ status, type }) => type === "Established" && status === "True")
      ),
      Stream.runDrain
    )
  )
)

const program = Effect.gen(function* () {
  yield* installed
  yield* Backup.create({ metadata: { name: "nightly" }, spec: { schedule: "0 3 * * *" } })

  const now = yield* DateTime.now
  yield* Backup.status.modify("nightly", (backup) => ({ ...backup, status: { lastRun: now } }))
  yield* Backup.apply({ metadata: { name: "nightly" }, spec: { schedule: "0 4 * * *", keep: 7 } }, { force: true })

  const { spec, status } = yield* Backup.get("nightly")
  yield* Console.log(`${spec.schedule}, ${spec.keep} kept, last run at ${status?.lastRun?.pipe(DateTime.formatIso)}`)
}).pipe(Effect.scoped)

program.pipe(Effect.provide(NodeKubeClient.layer), NodeRuntime.runMain)
