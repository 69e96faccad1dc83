import * as Command from "@effect/platform/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, layer } from "@effect/vitest"
import { Effect, Either, Schema } from "effect"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { version } from "../src/internal/version.js"
import { run } from "./cluster/run.js"

const root = fileURLToPath(new URL("..", import.meta.url))
const manifestPath = fileURLToPath(new URL("../package.json", import.meta.url))

const Manifest = Schema.parseJson(
  Schema.Struct({
    name: Schema.String,
    version: Schema.String,
    sideEffects: Schema.Boolean,
    engines: Schema.Struct({ node: Schema.String }),
    dependencies: Schema.Record({ key: Schema.String, value: Schema.String }),
    peerDependencies: Schema.Record({ key: Schema.String, value: Schema.String })
  })
)

/** What is installed, and with which Node it runs. */
const Lock = Schema.parseJson(
  Schema.Struct({
    packages: Schema.Record({
      key: Schema.String,
      value: Schema.Struct({
        dev: Schema.optionalWith(Schema.Boolean, { default: () => false }),
        engines: Schema.optional(Schema.Struct({ node: Schema.optional(Schema.String) }))
      })
    })
  })
)

const Packed = Schema.parseJson(
  Schema.Tuple(Schema.Struct({ files: Schema.Array(Schema.Struct({ path: Schema.String })) }))
)

const manifest = FileSystem.FileSystem.pipe(
  Effect.flatMap((fs) => fs.readFileString(manifestPath)),
  Effect.flatMap(Schema.decode(Manifest))
)

/** The modules of `src`, as `a/b`. */
const modules = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = yield* fs.readDirectory(path.join(root, "src"), { recursive: true })
  return names.filter((name) => name.endsWith(".ts")).map((name) => name.slice(0, -".ts".length).replaceAll("\\", "/"))
})

/** The file that Node finds for an import of this package, or why none; it need not be built for that. */
const resolved = (specifier: string): string =>
  Either.try({ try: () => createRequire(manifestPath).resolve(specifier), catch: String }).pipe(
    Either.getOrElse((error) => /Cannot find module '(.*)'/.exec(error)?.[1] ?? error)
  )

layer(NodeContext.layer, { excludeTestServices: true })("the package", (it) => {
  it.effect("has a path for each public module, and none for an internal one", () =>
    Effect.gen(function* () {
      const path = yield* Path.Path
      const names = yield* modules
      assert.includeMembers(names, ["Resource", "layers/KubeClient", "resources/CoreV1", "internal/client"])
      for (const name of names) {
        const found = resolved(`effect-kubernetes/${name}`)
        // A program is run, not imported.
        if (/(^|\/)internal\//.test(name) || name === "testing/bin")
          assert.include(found, 'not defined by "exports"', name)
        else assert.strictEqual(found, path.join(root, "dist", `${name}.js`))
      }
      assert.strictEqual(resolved("effect-kubernetes"), path.join(root, "dist", "index.js"))
      assert.strictEqual(resolved("effect-kubernetes/package.json"), manifestPath)
    })
  )

  it.effect("has no side effects, and leaves the choice of Effect to the program", () =>
    Effect.gen(function* () {
      const { dependencies, peerDependencies, sideEffects } = yield* manifest
      assert.isFalse(sideEffects)
      const peers = ["@effect/platform", "@effect/platform-node", "effect"]
      assert.deepStrictEqual(Object.keys(peerDependencies).toSorted(), peers)
      for (const peer of peers) assert.notProperty(dependencies, peer)
    })
  )

  it.effect("wants no older Node than its dependencies do", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { packages } = yield* Effect.flatMap(fs.readFileString(`${root}package-lock.json`), Schema.decode(Lock))
      const oldest = (range = "") => />=\s*([\d.]+)/.exec(range)?.[1] ?? "0"
      const ours = oldest((yield* manifest).engines.node)
      const used = Object.entries(packages).filter(([path, { dev }]) => path !== "" && !dev)
      assert.isNotEmpty(used)
      for (const [path, { engines }] of used) {
        assert.isAtMost(oldest(engines?.node).localeCompare(ours, "en", { numeric: true }), 0, path)
      }
    })
  )

  it.effect("names its version where requests do", () =>
    Effect.gen(function* () {
      assert.strictEqual(version, (yield* manifest).version)
    })
  )

  it.effect(
    "is packed with its sources and without its tests",
    () =>
      Effect.gen(function* () {
        const { exitCode, stderr, stdout } = yield* run(
          Command.make("npm", "pack", "--dry-run", "--json", "--ignore-scripts").pipe(Command.workingDirectory(root))
        )
        assert.strictEqual(exitCode, 0, stderr)
        const [{ files }] = yield* Schema.decode(Packed)(stdout)
        const paths = files.map(({ path }) => path)
        for (const needed of ["package.json", "README.md", "LICENSE", "src/index.ts"]) assert.include(paths, needed)
        const folders = new Set(paths.map((path) => (path.includes("/") ? path.slice(0, path.indexOf("/")) : ".")))
        folders.delete("dist")
        assert.deepStrictEqual([...folders].toSorted(), [".", "src"])
        assert.deepStrictEqual(
          paths.filter((path) => /\.(test|tst)\.|tsbuildinfo|kubeconfig$/.test(path)),
          []
        )
      }),
    60_000
  )
})
