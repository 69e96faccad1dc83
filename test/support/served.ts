/** A TestCluster on a port, and the real kubectl that talks to it. */
import * as Command from "@effect/platform/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"
import * as Binary from "../cluster/Binary.js"
import { run } from "../cluster/run.js"

const program = Effect.suspend(() =>
  process.env["E2E_KUBECONFIG"] === undefined
    ? Effect.map(Binary.build, (binary): readonly [string, ...ReadonlyArray<string>] => [binary, "kubectl"])
    : Effect.succeed(["kubectl"] as const)
)

/** Serves the cluster, and gives kubectl commands that know it. */
export const kubectlOf = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { kubeconfig, url } = yield* TestCluster.serve()
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "served-" })
  const kubeconfigPath = `${directory}/kubeconfig`
  yield* fs.writeFileString(kubeconfigPath, kubeconfig)
  const words = yield* program
  const command = (args: ReadonlyArray<string>, environment: { readonly [name: string]: string } = {}) =>
    Command.make(...words, ...args).pipe(
      Command.env({ KUBECONFIG: kubeconfigPath, KUBECACHEDIR: `${directory}/cache`, ...environment })
    )
  const result = (args: ReadonlyArray<string>, environment?: { readonly [name: string]: string }) =>
    Effect.orDie(Effect.provide(run(command(args, environment)), NodeContext.layer))
  return {
    url,
    /** What it prints; it has to succeed. */
    kubectl: (...args: ReadonlyArray<string>) =>
      Effect.flatMap(result(args), ({ exitCode, stderr, stdout }) =>
        exitCode === 0 ? Effect.succeed(stdout) : Effect.dieMessage(`kubectl ${args.join(" ")}: ${stderr}`)
      ),
    /** What it says when it fails, as it has to. */
    refused: (...args: ReadonlyArray<string>) =>
      Effect.flatMap(result(args), ({ exitCode, stderr, stdout }) =>
        exitCode === 0 ? Effect.dieMessage(`kubectl ${args.join(" ")} succeeded: ${stdout}`) : Effect.succeed(stderr)
      ),
    result,
    /** The lines that it prints while it runs; it ends with the stream. */
    lines: (...args: ReadonlyArray<string>) =>
      Command.streamLines(command(args)).pipe(Stream.orDie, Stream.provideLayer(NodeContext.layer)),
    withInput: (input: string, ...args: ReadonlyArray<string>) =>
      Effect.orDie(Effect.provide(run(Command.feed(command(args), input)), NodeContext.layer)),
    /** What a terminal of 97 columns and 31 rows shows while somebody types. */
    inTerminal: (input: string, ...args: ReadonlyArray<string>) =>
      run(
        Command.make("script", "-qec", `stty cols 97 rows 31; ${[...words, ...args].join(" ")}`, "/dev/null").pipe(
          Command.env({ KUBECONFIG: kubeconfigPath, KUBECACHEDIR: `${directory}/cache`, SHELL: "/bin/sh" }),
          Command.feed(input)
        )
      ).pipe(
        Effect.map(({ stdout }) => stdout),
        Effect.provide(NodeContext.layer),
        Effect.orDie
      ),
    file: (name: string, text: string) =>
      Effect.as(fs.writeFileString(`${directory}/${name}`, text), `${directory}/${name}`),
    directory
  }
}).pipe(Effect.provide(NodeContext.layer))
