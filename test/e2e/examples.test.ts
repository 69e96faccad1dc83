import * as Command from "@effect/platform/Command"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, inject, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { CustomResourceDefinition, KubeConfig, Namespace } from "effect-kubernetes"
import { fileURLToPath } from "node:url"
import { run } from "../cluster/run.js"
import * as e2e from "../support/e2e.js"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** Runs an example as a person does, on the cluster of the run. */
const example = (name: string, ...args: ReadonlyArray<string>) =>
  Effect.suspend(() =>
    run(
      Command.make(process.execPath, "--import", "tsx", `examples/${name}.ts`, ...args).pipe(
        Command.workingDirectory(root),
        Command.env({ KUBECONFIG: inject("kubeconfigPath") })
      )
    )
  )

layer(Layer.mergeAll(NodeContext.layer, e2e.layer, e2e.config), e2e.live)("the examples", (it) => {
  it.effect("tour: every step, and nothing is left", () =>
    Effect.gen(function* () {
      const { cluster } = yield* KubeConfig
      const { exitCode, stderr, stdout } = yield* example("tour")
      assert.strictEqual(stderr, "")
      assert.strictEqual(exitCode, 0)
      assert.include(stdout, ` at ${cluster.server}`)
      assert.include(stdout, "configmap/web and deployment/web")
      assert.match(stdout, /^ {3}NAME +READY +UP-TO-DATE +AVAILABLE +AGE$/m)
      assert.match(stdout, /^ {3}web +0\/1 /m)
      assert.match(stdout, /^ {3}Modified web: wants 3, has 3$/m)
      assert.strictEqual(stdout.match(/^ {3}web-\S+ +0\/1 +\S+ /gm)?.length, 3)
      assert.include(stdout, "greeting: hello, world")
      assert.include(stdout, '{"tier":"front"}')
      assert.include(stdout, 'NotFound: pods "nowhere" not found')
      assert.include(stdout, 'conflict with "effect-kubernetes"')
      assert.include(stdout, "gone: true")

      const name = /^namespace (tour-\S+) deleted$/m.exec(stdout)?.[1] ?? ""
      assert.notStrictEqual(name, "")
      yield* e2e.untilGone(Namespace.getOption(name))
    })
  )

  it.effect("errors", () =>
    Effect.gen(function* () {
      const { exitCode, stdout } = yield* example("errors")
      assert.strictEqual(exitCode, 0)
      assert.include(stdout, "phase: gone")
      assert.include(stdout, "create: not valid: metadata.name")
      assert.match(stdout, /impatient: GET \S+: no answer within 1ns/)
    })
  )

  it.effect("paging", () =>
    Effect.gen(function* () {
      const { exitCode, stdout } = yield* example("paging")
      assert.strictEqual(exitCode, 0)
      assert.match(stdout, /^largest ConfigMap: \S+\/\S+, \d+ characters$/m)
    })
  )

  it.effect("many-clusters: one that is not there does not hide the others", () =>
    Effect.gen(function* () {
      const { context, cluster } = yield* KubeConfig
      const { exitCode, stdout } = yield* example("many-clusters", String(context), "nowhere")
      assert.strictEqual(exitCode, 0)
      assert.include(stdout, `${context}: v`)
      assert.include(stdout, cluster.server)
      assert.match(stdout, /^nowhere: ConfigError: /m)
    })
  )

  it.effect("custom-resource: its kind is installed, used and removed", () =>
    Effect.gen(function* () {
      const { exitCode, stderr, stdout } = yield* example("custom-resource")
      assert.strictEqual(stderr, "")
      assert.strictEqual(exitCode, 0)
      assert.match(stdout, /^0 4 \* \* \*, 7 kept, last run at \d{4}-\S+Z\n$/)
      yield* e2e.untilGone(CustomResourceDefinition.getOption("backups.tour.example.com"))
    })
  )
})
