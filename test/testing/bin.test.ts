/** The program that serves a TestCluster from a shell. */
import { Command, FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import { ConfigMap, KubeConfig, Node, NodeKubeClient } from "effect-kubernetes"
import { fileURLToPath } from "node:url"
import { run } from "../cluster/run.js"

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

const program = (...args: ReadonlyArray<string>) =>
  Command.make(process.execPath, "--import", "tsx", path("../../src/testing/bin.ts"), ...args)

const yaml = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {color: blue}}"

describe("effect-kubernetes-testcluster", () => {
  it.scopedLive("serves what a file holds to whoever reads the kubeconfig, until Ctrl-C", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${directory}/objects.yaml`, yaml)
      const kubeconfig = `${directory}/kubeconfig`
      const process = yield* Command.start(
        program(`${directory}/objects.yaml`, "--kubeconfig", kubeconfig, "--nodes", "2")
      )
      const first = yield* process.stdout.pipe(Stream.decodeText(), Stream.splitLines, Stream.runHead)
      assert.deepStrictEqual(first, Option.some(`export KUBECONFIG=${kubeconfig}`))
      assert.strictEqual(Number((yield* fs.stat(kubeconfig)).mode) & 0o777, 0o600)
      const seen = yield* Effect.all([ConfigMap.get("a"), Node.list()]).pipe(
        Effect.provide(NodeKubeClient.fromConfig(KubeConfig.layerFile(kubeconfig)))
      )
      assert.deepStrictEqual([seen[0].data, seen[1].items.length], [{ color: "blue" }, 2])
      yield* process.kill("SIGINT")
      assert.isFalse(yield* process.isRunning)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  for (const [what, args, says] of [
    ["an option that there is not", ["--prot", "1"], /--prot.*--help/],
    ["a port that is none", ["--port", "70000"], /^--port is a number from 0 to 65535, and not "70000"\n$/],
    ["a file that is not there", ["nowhere.yaml"], /^cannot read nowhere\.yaml: /],
    ["objects that are none", [path("./bin.test.ts")], /^TestCluster: /]
  ] as const) {
    it.scopedLive(`says what is wrong: ${what}`, () =>
      Effect.gen(function* () {
        const { exitCode, stderr } = yield* run(program(...args))
        assert.strictEqual(exitCode, 1)
        assert.match(stderr.replace(/^npm warn.*\n/, ""), says)
        assert.notMatch(stderr, /\n {4}at /)
      }).pipe(Effect.provide(NodeContext.layer))
    )
  }

  it.scopedLive("--help", () =>
    Effect.gen(function* () {
      const { exitCode, stdout } = yield* run(program("--help"))
      assert.strictEqual(exitCode, 0)
      assert.match(stdout, /^Usage: effect-kubernetes-testcluster/)
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
