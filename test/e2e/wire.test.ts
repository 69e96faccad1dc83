/**
 * The snapshot that the kinds are generated from, and that `test/wire.test.ts` holds the verbs against, is what a real
 * server says.
 */
import { NodeContext } from "@effect/platform-node"
import { FileSystem } from "@effect/platform"
import { assert, inject, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { fileURLToPath } from "node:url"
import { connect, type FetchJson } from "../../scripts/generate/server.js"
import * as Snapshot from "../../scripts/generate/snapshot.js"

const Index = Schema.Struct({ paths: Schema.Record({ key: Schema.String, value: Schema.Unknown }) })

/** Without the groups of custom resources, which other tests install and remove meanwhile. */
const withoutCustom =
  (fetchJson: FetchJson): FetchJson =>
  (path, accept) => {
    const answer = fetchJson(path, accept)
    if (path !== "/openapi/v3") return answer
    return answer.pipe(
      Effect.flatMap(Schema.decodeUnknown(Index)),
      Effect.orDie,
      Effect.map(({ paths }) => ({
        paths: Object.fromEntries(
          Object.entries(paths).filter(
            ([name]) => !/^apis\/[^/]+\.[^/]+\//.test(name) || /^apis\/[^/]+\.k8s\.io\//.test(name)
          )
        )
      }))
    )
  }

it.scopedLive("the committed snapshot is what the server says", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const file = fileURLToPath(new URL(`../../scripts/generate/kubernetes-${Snapshot.minor}.json`, import.meta.url))
    const committed = yield* fs.readFileString(file)
    const { snapshot } = yield* Snapshot.take(withoutCustom(yield* connect(inject("kubeconfigPath"))))
    // Line by line: a difference is then one line of the report, not a megabyte.
    const before = committed.split("\n")
    const now = Snapshot.encode(snapshot).split("\n")
    const differences = {
      gone: before.filter((line) => !now.includes(line)),
      come: now.filter((line) => !before.includes(line))
    }
    assert.deepStrictEqual(differences, { gone: [], come: [] })
    assert.isTrue(now.join("\n") === committed, "the lines are the same, their order is not")
  }).pipe(Effect.provide(NodeContext.layer))
)
