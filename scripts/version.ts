/**
 * Writes the version of package.json into the source, which names it in the `User-Agent`. Part of `npm run version`.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { fileURLToPath } from "node:url"

const file = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url))

const Package = Schema.parseJson(Schema.Struct({ version: Schema.NonEmptyString }))

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { version } = yield* Effect.flatMap(fs.readFileString(file("package.json")), Schema.decode(Package))
  const text = `/** The version of this package; \`scripts/version.ts\` writes it. */\nexport const version = ${JSON.stringify(version)}\n`
  yield* fs.writeFileString(file("src/internal/version.ts"), text)
})

NodeRuntime.runMain(Effect.provide(program, NodeContext.layer))
