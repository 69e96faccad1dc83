#!/usr/bin/env node
/**
 * The program `effect-kubernetes-testcluster`: a `TestCluster` on a port, until Ctrl-C.
 *
 * @since 0.1.0
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import { TestCluster } from "./TestCluster.js"

const usage = `Usage: effect-kubernetes-testcluster [options] [FILE ...]

An in-memory Kubernetes API server, for tests. FILEs are YAML or JSON with the objects that it begins with.

  --port PORT         where it listens, at 127.0.0.1 (default: a free port)
  --nodes COUNT       how many nodes it has; without one, pods stay Pending (default: 1)
  --kubeconfig PATH   where its kubeconfig is written (default: a temporary file)
  --help              shows this

It ends with Ctrl-C, and forgets everything.`

/** What the one who called the program has to know, and nothing else. */
class Mistake extends Data.TaggedError("Mistake")<{ readonly message: string }> {}

const numberOf = (option: string, text: string, most: number): Effect.Effect<number, Mistake> =>
  /^\d+$/.test(text) && Number(text) <= most
    ? Effect.succeed(Number(text))
    : new Mistake({ message: `--${option} is a number from 0 to ${most}, and not ${JSON.stringify(text)}` })

const settings = Effect.gen(function* () {
  const { positionals, values } = yield* Effect.try({
    try: () =>
      parseArgs({
        allowPositionals: true,
        options: {
          help: { type: "boolean", short: "h", default: false },
          kubeconfig: { type: "string" },
          nodes: { type: "string", default: "1" },
          port: { type: "string", default: "0" }
        }
      }),
    catch: (cause) =>
      new Mistake({ message: `${cause instanceof Error ? cause.message : String(cause)}. --help shows the options` })
  })
  return {
    files: positionals,
    help: values.help,
    kubeconfig: values.kubeconfig,
    nodes: yield* numberOf("nodes", values.nodes, 1000),
    port: yield* numberOf("port", values.port, 65_535)
  }
})

const quoted = (path: string): string => (/^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`)

const program = Effect.gen(function* () {
  const { files, help, kubeconfig, nodes, port } = yield* settings
  if (help) return yield* Console.log(usage)
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const objects = yield* Effect.forEach(files, (file) =>
    Effect.mapError(
      fs.readFileString(file),
      ({ message }) => new Mistake({ message: `cannot read ${file}: ${message}` })
    )
  )
  yield* Effect.gen(function* () {
    const served = yield* TestCluster.serve({ port })
    const file = path.resolve(
      kubeconfig ?? path.join(yield* fs.makeTempDirectoryScoped({ prefix: "testcluster-" }), "kubeconfig")
    )
    yield* Effect.mapError(
      fs.writeFileString(file, served.kubeconfig, { mode: 0o600 }),
      ({ message }) => new Mistake({ message: `cannot write the kubeconfig ${file}: ${message}` })
    )
    yield* Console.error(`The cluster is at ${served.url}. Ctrl-C ends it. In another shell:`)
    yield* Console.log(`export KUBECONFIG=${quoted(file)}`)
    return yield* Effect.never
  }).pipe(
    Effect.scoped,
    Effect.provide(TestCluster.layer({ nodes, objects })),
    // An object that cannot be put in is a mistake of who wrote the file.
    Effect.catchAllDefect((defect) =>
      defect instanceof Error && "message" in defect && String(defect.message).startsWith("TestCluster: ")
        ? new Mistake({ message: defect.message })
        : Effect.die(defect)
    )
  )
})

program.pipe(
  Effect.tapErrorCause((cause) => {
    const failure = Cause.failureOption(cause)
    return Console.error(failure._tag === "Some" ? failure.value.message : Cause.pretty(cause))
  }),
  Effect.provide(NodeContext.layer),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
