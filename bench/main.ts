/**
 * `npm run bench`: this package beside the least that Node can do and beside other clients, on a real API server.
 *
 *     npm run bench -- [--adapters ours,floor] [--scenarios get,list] [--repetitions 5] [--seed]
 *
 * README.md says how to read the figures.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Command from "@effect/platform/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { KubeConfig, NodeKubeClient } from "effect-kubernetes"
import { cpus } from "node:os"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import ts from "typescript"
import * as Cluster from "../test/cluster/Cluster.js"
import { run, tail } from "../test/cluster/run.js"
import { seed } from "./seed.js"

const podCount = 5000

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

class BenchError extends Data.TaggedError("BenchError")<{ readonly message: string }> {}

/** Where an adapter's source is and which Node runs it; the peers resolve their packages from their own folder. */
interface Contestant {
  readonly source: string
  readonly node?: string
  /** It differs from another one in these only. */
  readonly scenarios?: ReadonlyArray<string>
}

const node24 = here("peers/node_modules/node/bin/node")
const contestants: { readonly [name: string]: Contestant } = {
  floor: { source: "adapters/floor" },
  "floor-on-effect": { source: "adapters/floor-on-effect", scenarios: ["cold"] },
  "floor-on-effect-paths": { source: "adapters/floor-on-effect-paths", scenarios: ["cold"] },
  ours: { source: "adapters/ours" },
  "ours-paths": { source: "adapters/ours-paths", scenarios: ["cold"] },
  "client-node": { source: "peers/client-node" },
  "floor (Node 24)": { source: "adapters/floor", node: node24 },
  "ours (Node 24)": { source: "adapters/ours", node: node24 },
  "client-node-2 (Node 24)": { source: "peers/client-node-2", node: node24 }
}

/** The adapter that the others of the same Node are compared with. */
const floorOf = (name: string) => (name.endsWith("(Node 24)") ? "floor (Node 24)" : "floor")

interface Column {
  readonly title: string
  readonly of: (sample: Sample) => number | undefined
  readonly digits: number
}

const cpu: Column = { title: "CPU ms", of: (_) => _.cpu, digits: 0 }
const wall: Column = { title: "wall ms", of: (_) => _.wall, digits: 0 }
const peak: Column = { title: "peak RSS MB", of: (_) => _.peak, digits: 0 }
const kept: Column = { title: "heap kept MB", of: (_) => _.kept, digits: 1 }
const sockets: Column = { title: "sockets", of: (_) => _.sockets, digits: 0 }
const each = (column: Column): Column => ({
  title: column.title.replace("ms", "µs"),
  of: (sample) => {
    const value = column.of(sample)
    return value === undefined ? undefined : value * 1000
  },
  digits: 0
})

const scenarios: { readonly [name: string]: { readonly title: string; readonly columns: ReadonlyArray<Column> } } = {
  cold: { title: "Cold start: process start, import, one GET, exit", columns: [cpu, wall, peak] },
  get: { title: "GET of one pod, 2,000 in sequence; per request", columns: [each(cpu), each(wall), peak, sockets] },
  steady: {
    title: "GET of one pod, 6,000 in sequence after 4,000 to warm up; per request",
    columns: [each(cpu), each(wall), peak, sockets]
  },
  get32: {
    title: "GET of 200 pods, 2,000, 32 at a time; per request",
    columns: [each(cpu), each(wall), peak, sockets]
  },
  list: { title: `LIST of ${podCount} pods; per LIST, warm`, columns: [cpu, wall, peak, kept] },
  pages: { title: `${podCount} pods in pages of 500; per pass, warm`, columns: [cpu, wall, peak] }
}

const Sample = Schema.Struct({
  cpu: Schema.Number,
  peak: Schema.Number,
  wall: Schema.optional(Schema.Number),
  kept: Schema.optional(Schema.Number),
  sockets: Schema.optional(Schema.Number)
})
type Sample = typeof Sample.Type

/** Compiles the adapters, without a check, next to the packages that they import. */
const compile = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  for (const folder of ["", "adapters/", "peers/"]) {
    for (const file of yield* fs.readDirectory(here(`./${folder}`))) {
      if (!/^(?!main|seed).*(?<!\.d)\.ts$/.test(file)) continue
      const { outputText } = ts.transpileModule(yield* fs.readFileString(here(`./${folder}${file}`)), {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true }
      })
      const out = folder === "peers/" ? "peers/dist/peers/" : `dist/${folder}`
      yield* fs.makeDirectory(here(`./${out}`), { recursive: true })
      yield* fs.writeFileString(here(`./${out}${file.replace(/ts$/, "js")}`), outputText)
      // The peers' adapters find their shared module beside them.
      if (file === "Adapter.ts") {
        yield* fs.makeDirectory(here("peers/dist"), { recursive: true })
        yield* fs.writeFileString(here("peers/dist/Adapter.js"), outputText)
      }
    }
  }
})

const measure = (name: string, { node, source }: Contestant, scenario: string, kubeconfig: string) =>
  Effect.gen(function* () {
    const module = here(source.startsWith("peers/") ? `peers/dist/${source}.js` : `dist/${source}.js`)
    const command = Command.make(node ?? process.execPath, "--expose-gc", here("dist/worker.js"), module, scenario)
    const began = performance.now()
    const { exitCode, stderr, stdout } = yield* run(Command.env(command, { KUBECONFIG: kubeconfig }))
    const wall = performance.now() - began
    if (exitCode !== 0) return yield* new BenchError({ message: `${name}, ${scenario}:\n${tail(stderr)}` })
    const sample = yield* Schema.decode(Schema.parseJson(Sample))(stdout)
    return scenario === "cold" ? { ...sample, wall } : sample
  })

const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] ?? NaN) : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

const table = (scenario: string, samples: ReadonlyMap<string, ReadonlyArray<Sample>>): string => {
  const { columns = [], title = scenario } = scenarios[scenario] ?? {}
  const values = (name: string, { of }: Column) => (samples.get(name) ?? []).flatMap((sample) => of(sample) ?? [])
  const cell = (name: string, column: Column): string => {
    const own = values(name, column)
    if (own.length === 0) return "-"
    const text = (value: number) => value.toFixed(column.digits)
    const floor = values(floorOf(name), column)
    const ratio = floor.length > 0 && column !== sockets ? ` ×${(median(own) / median(floor)).toFixed(2)}` : ""
    return `${text(median(own))} (${text(Math.min(...own))}–${text(Math.max(...own))})${ratio}`
  }
  const rows = [...samples.keys()].map((name) => [name, ...columns.map((column) => cell(name, column))])
  return [
    `### ${title}`,
    "",
    ...[["", ...columns.map(({ title }) => title)], ["", ...columns].map(() => "---"), ...rows].map(
      (cells) => `| ${cells.join(" | ")} |`
    ),
    ""
  ].join("\n")
}

/** What the compiler says of a program that uses ten kinds, beside one that uses Effect alone. */
const types = Effect.gen(function* () {
  const wanted = ["Instantiations", "Types", "Memory used", "Check time", "Total time"]
  const rows = yield* Effect.forEach(["empty", "ten-kinds"], (program) =>
    Effect.gen(function* () {
      const flags =
        "--noEmit --strict --skipLibCheck --target es2022 --module nodenext --types node --extendedDiagnostics"
      const args = [here("../node_modules/typescript/bin/tsc"), ...flags.split(" "), here(`types/${program}.ts`)]
      const { exitCode, stdout } = yield* run(Command.make(process.execPath, ...args))
      if (exitCode !== 0) return yield* new BenchError({ message: tail(stdout) })
      return [program, ...wanted.map((name) => new RegExp(`^${name}: +(\\S+)`, "m").exec(stdout)?.[1] ?? "-")]
    })
  )
  const lines = [["", ...wanted], ["", ...wanted].map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`)
  return ["### Type-checking", "", ...lines, ""].join("\n")
})

/** Those that were asked for, or all. */
const chosen = (asked: string | undefined, known: ReadonlyArray<string>) =>
  Effect.filterOrFail(
    Effect.succeed(asked?.split(",") ?? known),
    (names) => names.every((name) => known.includes(name)),
    () => new BenchError({ message: `one of ${asked} is not known; there are: ${known.join(", ")}` })
  )

const program = Effect.gen(function* () {
  const { values: options } = parseArgs({
    options: {
      adapters: { type: "string" },
      scenarios: { type: "string" },
      repetitions: { type: "string", default: "5" },
      seed: { type: "boolean", default: false }
    }
  })
  const fs = yield* FileSystem.FileSystem
  const peersInstalled = yield* fs.exists(node24)
  const present = Object.keys(contestants).filter(
    (name) => peersInstalled || !/peers/.test(`${contestants[name]?.source} ${contestants[name]?.node}`)
  )
  if (!peersInstalled) yield* Console.error("other clients are left out: npm ci --prefix bench/peers")
  const adapters = yield* chosen(options.adapters, present)
  const wanted = yield* chosen(options.scenarios, [...Object.keys(scenarios), "types"])

  const given = yield* Config.option(Config.nonEmptyString("KUBECONFIG"))
  const kubeconfig = Option.isSome(given) ? given.value : (yield* Cluster.make()).kubeconfigPath
  const created = yield* Effect.provide(
    seed(podCount),
    NodeKubeClient.fromConfig(Layer.provide(KubeConfig.layerFile(kubeconfig), NodeContext.layer))
  )
  yield* Console.error(`${created} pods created`)
  if (options.seed) return

  const built = yield* run(Command.make("npm", "run", "build"))
  if (built.exitCode !== 0) return yield* new BenchError({ message: tail(built.stdout) })
  yield* compile
  yield* Console.log(`Node ${process.versions.node}, ${cpus().length} CPUs, ${options.repetitions} repetitions\n`)
  for (const scenario of wanted) {
    if (scenario === "types") {
      yield* Console.log(yield* types)
      continue
    }
    const taking = adapters.filter((name) => contestants[name]?.scenarios?.includes(scenario) ?? true)
    const samples = new Map<string, Array<Sample>>(taking.map((name) => [name, []]))
    for (let repetition = 0; repetition < Number(options.repetitions); repetition++) {
      // Interleaved: what else the machine does meanwhile hits all of them.
      for (const [name, list] of samples) {
        const contestant = contestants[name]
        if (contestant !== undefined) list.push(yield* measure(name, contestant, scenario, kubeconfig))
      }
    }
    yield* Console.log(table(scenario, samples))
  }
}).pipe(Effect.scoped)

program.pipe(Effect.provide(NodeContext.layer), NodeRuntime.runMain)
