/**
 * Large collections, page by page. Run it on any cluster: `npx tsx examples/paging.ts`.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Option, Stream } from "effect"
import { ConfigMap, Event, NodeKubeClient } from "effect-kubernetes"

/** A stream asks for the next page when it is pulled: this never holds more than one page. */
const largest = ConfigMap.stream({ allNamespaces: true, limit: 100 }).pipe(
  Stream.map(({ data, metadata }) => ({
    name: `${metadata.namespace}/${metadata.name}`,
    size: Object.values(data ?? {}).reduce((sum, value) => sum + value.length, 0)
  })),
  Stream.runFold({ name: "none", size: 0 }, (most, next) => (next.size > most.size ? next : most))
)

/** It ends as early as it is told to: no page is read that nobody needs. */
const warning = Event.stream({ allNamespaces: true, fields: { type: "Warning" } }).pipe(Stream.runHead)

/** Only names: the metadata alone is less to send and to parse. */
const names = ConfigMap.listMetadata({ allNamespaces: true, limit: 3 })

const program = Effect.gen(function* () {
  const { name, size } = yield* largest
  yield* Console.log(`largest ConfigMap: ${name}, ${size} characters`)
  const first = yield* warning
  yield* Console.log(
    "a warning:",
    Option.getOrElse(
      Option.map(first, (event) => event.reason ?? ""),
      () => "none"
    )
  )

  const page = yield* names
  yield* Console.log(
    `${page.items.map(({ metadata }) => metadata.name).join(", ")} and ${page.remainingItemCount ?? 0} more`
  )
  if (page.continue !== undefined) {
    const next = yield* ConfigMap.list({ allNamespaces: true, limit: 3, continue: page.continue })
    yield* Console.log(`next page: ${next.items.map(({ metadata }) => metadata.name).join(", ")}`)
  }
})

program.pipe(Effect.provide(NodeKubeClient.layer), NodeRuntime.runMain)
