/** What the generator writes for the TestCluster. */
import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { fileURLToPath } from "node:url"
import { emitTestCluster } from "../../../scripts/generate/emitTestCluster.js"
import * as GoSources from "../../../scripts/generate/goSources.js"
import * as Snapshot from "../../../scripts/generate/snapshot.js"
import type { BuiltIn } from "../../../src/testing/internal/openapi.js"

const read = (name: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    fs.readFileString(
      fileURLToPath(new URL(`../../../scripts/generate/${name}-${Snapshot.minor}.json`, import.meta.url))
    )
  )

const known = Effect.all({
  snapshot: Effect.flatMap(read("kubernetes"), Snapshot.decode),
  sources: Effect.flatMap(read("go"), GoSources.decode)
})

/** The schema of pods in the emitted file. */
const podIn = (files: ReadonlyMap<string, string>) => {
  const [, text = ""] = (files.get("kubernetes.ts") ?? "").split("export const text: string =\n")
  // The file has the JSON as a string.
  const { schemas } = JSON.parse(JSON.parse(text) as string) as BuiltIn
  return schemas["io.k8s.api.core.v1.Pod"]
}

describe("emitTestCluster", () => {
  it.effect("describes schemas and their fields, if it is told how", () =>
    Effect.gen(function* () {
      const { snapshot, sources } = yield* known
      const descriptions = { "io.k8s.api.core.v1.Pod": { type: "of a pod", properties: { spec: "of its spec" } } }
      const bare = podIn(emitTestCluster(snapshot, sources))
      const pod = podIn(emitTestCluster(snapshot, sources, descriptions))
      assert.isUndefined(bare?.description)
      assert.strictEqual(pod?.description, "of a pod")
      assert.deepStrictEqual(pod?.properties?.["spec"], { description: "of its spec", ...bare?.properties?.["spec"] })
      assert.deepStrictEqual(pod?.properties?.["status"], bare?.properties?.["status"])
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
