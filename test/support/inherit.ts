/** Runs a command in a container, at the terminal of this process: `inherit.ts POD COMMAND...`. */
import { Command } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { Container, NodeKubeClient } from "effect-kubernetes"

const [pod = "", program = "", ...args] = process.argv.slice(2)

Command.make(program, ...args).pipe(
  Command.stdin("inherit"),
  Command.stdout("inherit"),
  Command.stderr("inherit"),
  Command.exitCode,
  Effect.map((code) => {
    process.exitCode = code
  }),
  Effect.provide(Layer.provide(Container.layerCommandExecutor(pod), NodeKubeClient.layer)),
  NodeRuntime.runMain
)
