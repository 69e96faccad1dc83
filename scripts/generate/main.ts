/**
 * Generates `src/resources`, and what the TestCluster knows of the kinds, from the OpenAPI, the discovery and the tables of a
 * Kubernetes API server, and from the Go sources of its release.
 *
 *     npm run generate                     snapshot a server, then emit: that of KUBECONFIG, else a test cluster's
 *     npm run generate -- --emit           emit from the committed snapshots, for work on the emitter
 *     npm run generate -- --check          fail if the emitted files are not those of the committed snapshots
 *     npm run generate -- --descriptions   emit with upstream's descriptions, for the package, not for the repository
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { fileURLToPath } from "node:url"
import * as Cluster from "../../test/cluster/Cluster.js"
import { emit } from "./emit.js"
import { emitTestCluster } from "./emitTestCluster.js"
import * as GoSources from "./goSources.js"
import { connect } from "./server.js"
import * as Snapshot from "./snapshot.js"

const snapshotFile = fileURLToPath(new URL(`./kubernetes-${Snapshot.minor}.json`, import.meta.url))
const sourcesFile = fileURLToPath(new URL(`./go-${Snapshot.minor}.json`, import.meta.url))
const source = fileURLToPath(new URL("../../src", import.meta.url))

/** What is known of a release. */
interface Known {
  readonly snapshot: Snapshot.Snapshot
  readonly sources: GoSources.GoSources
}

/** What is generated from it: the text of each file, by its path in `src`. */
const emitted = ({ snapshot, sources }: Known, descriptions?: Snapshot.Descriptions): ReadonlyMap<string, string> =>
  new Map([
    ...[...emit(snapshot, descriptions)].map(([name, text]) => [`resources/${name}`, text] as const),
    ...[...emitTestCluster(snapshot, sources, descriptions)].map(
      ([name, text]) => [`testing/internal/${name}`, text] as const
    )
  ])

/** The server to read: that of KUBECONFIG, else a test cluster's, of the release that this package is made for. */
const server = Effect.flatMap(
  Effect.option(Config.nonEmptyString("KUBECONFIG")),
  Option.match({
    onNone: () => Effect.flatMap(Cluster.make({ controllers: false }), ({ kubeconfigPath }) => connect(kubeconfigPath)),
    onSome: connect
  })
)

const committed = Effect.flatMap(FileSystem.FileSystem, (fs) =>
  Effect.all({
    snapshot: Effect.flatMap(fs.readFileString(snapshotFile), Snapshot.decode),
    sources: Effect.flatMap(fs.readFileString(sourcesFile), GoSources.decode)
  })
)

/** The files that are generated and no longer are, or not yet, or not anymore as they should. */
const compare = (expected: ReadonlyMap<string, string>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const resources = (yield* fs.readDirectory(`${source}/resources`)).filter((name) =>
      /V\d\w*\.ts$|^index\.ts$/.test(name)
    )
    const surplus = resources.map((name) => `resources/${name}`).filter((name) => !expected.has(name))
    const stale = yield* Effect.filter(expected, ([name, text]) =>
      Effect.match(fs.readFileString(`${source}/${name}`), {
        onFailure: () => true,
        onSuccess: (current) => current !== text
      })
    )
    return { surplus, stale }
  })

const write = (files: ReadonlyMap<string, string>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const { surplus, stale } = yield* compare(files)
    yield* Effect.forEach(surplus, (name) => fs.remove(`${source}/${name}`))
    yield* Effect.forEach(stale, ([name, text]) => fs.writeFileString(`${source}/${name}`, text))
    yield* Console.error(`${files.size} files, ${stale.length} written, ${surplus.length} removed`)
  })

const check = Effect.gen(function* () {
  const { surplus, stale } = yield* compare(emitted(yield* committed))
  const names = [...surplus, ...stale.map(([name]) => name)].toSorted()
  if (names.length > 0) {
    return yield* new Snapshot.GenerateError({
      message: `not as generated, run \`npm run generate\`: ${names.map((name) => `src/${name}`).join(", ")}`
    })
  }
})

const generate = (withDescriptions: boolean) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const { snapshot, descriptions } = yield* Snapshot.take(yield* server)
    const sources = yield* GoSources.take(snapshot)
    if (withDescriptions) return yield* write(emitted({ snapshot, sources }, descriptions))
    yield* fs.writeFileString(snapshotFile, Snapshot.encode(snapshot))
    yield* fs.writeFileString(sourcesFile, GoSources.encode(sources))
    // What is emitted is always what the committed files say, so they are read back.
    yield* write(emitted(yield* committed))
  }).pipe(Effect.scoped)

const program = Effect.suspend(() => {
  const [flag, ...more] = process.argv.slice(2)
  if (more.length === 0 && flag === undefined) return generate(false)
  if (more.length === 0 && flag === "--descriptions") return generate(true)
  if (more.length === 0 && flag === "--check") return check
  if (more.length === 0 && flag === "--emit")
    return Effect.flatMap(
      Effect.map(committed, (known) => emitted(known)),
      write
    )
  return new Snapshot.GenerateError({ message: "usage: npm run generate [-- --check | --emit | --descriptions]" })
})

program.pipe(
  Effect.tapErrorCause((cause) =>
    Console.error(
      Option.match(
        Option.filter(Cause.failureOption(cause), (error) => error instanceof Snapshot.GenerateError),
        {
          onNone: () => Cause.pretty(cause),
          onSome: ({ message, cause }) => (cause === undefined ? message : `${message}\n${String(cause)}`)
        }
      )
    )
  ),
  Effect.provide(NodeContext.layer),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
