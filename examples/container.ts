/**
 * Edits a file in a container, and takes a dump out of it: `npx tsx examples/container.ts POD`. Nothing but the
 * layer says that it is a container.
 */
import { Command, FileSystem } from "@effect/platform"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Stream } from "effect"
import { Container, NodeKubeClient } from "effect-kubernetes"

const pod = process.argv[2] ?? "db-0"

const allowMore = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = "/etc/postgresql/postgresql.conf"
  const before = yield* fs.readFileString(path)
  yield* fs.writeFileString(path, before.replace(/^#?max_connections = .*$/m, "max_connections = 200"))
})

// Each command runs in the container; the bytes between them, and those of the dump, come by here.
const dump = Command.make("pg_dump", "--username", "postgres", "app").pipe(Command.pipeTo(Command.make("gzip", "-c")))

const program = Effect.gen(function* () {
  yield* allowMore.pipe(Effect.provide(Container.layer(pod)))
  const fs = yield* FileSystem.FileSystem
  yield* Command.stream(dump).pipe(
    Stream.run(fs.sink("app.sql.gz")),
    Effect.provide(Container.layerCommandExecutor(pod))
  )
  yield* Console.log("the dump is in app.sql.gz")
})

program.pipe(Effect.provide(Layer.merge(NodeKubeClient.layer, NodeContext.layer)), NodeRuntime.runMain)
