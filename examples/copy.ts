/**
 * Files into a container and out of it: `npx tsx examples/copy.ts POD`. The image has to have `tar`.
 */
import { FileSystem } from "@effect/platform"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Console, Data, Effect, Layer } from "effect"
import { NodeKubeClient, Pod } from "effect-kubernetes"

class Usage extends Data.TaggedError("Usage")<{ readonly message: string }> {}

const program = Effect.gen(function* () {
  const pod = process.argv[2]
  if (pod === undefined) return yield* new Usage({ message: "Usage: npx tsx examples/copy.ts POD" })
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  yield* fs.makeDirectory(`${directory}/site/css`, { recursive: true })
  yield* fs.writeFileString(`${directory}/site/index.html`, "<h1>Hello</h1>")
  yield* fs.writeFileString(`${directory}/site/css/main.css`, "h1 { color: teal }")

  // `/tmp` is a directory, so the tree goes into it under its own name.
  const sent = yield* Pod.copyTo(pod, `${directory}/site`, "/tmp")
  yield* Console.log(`sent ${sent.files} files, ${sent.bytes} bytes`)

  const got = yield* Pod.copyFrom(pod, "/tmp/site", `${directory}/back`, {
    onProgress: ({ copied, path, size }) => Console.log(`${path}: ${copied} of ${size}`)
  })
  yield* Console.log(`got ${got.files} files, ${got.bytes} bytes`)

  yield* Pod.copyFrom(pod, "/no/such/file", `${directory}/file`).pipe(
    Effect.asVoid,
    Effect.catchTag("CopyFailed", (error) => Console.log(`${error.reason}: ${error.message.split("\n")[0]}`))
  )
}).pipe(
  Effect.scoped,
  Effect.catchTag("Usage", (error) => Console.error(error.message))
)

program.pipe(Effect.provide(Layer.merge(NodeKubeClient.layer, NodeContext.layer)), NodeRuntime.runMain)
