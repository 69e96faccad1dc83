/**
 * CPU time of events on their way through a watch and an informer, and CPU time and memory of an informer's first list,
 * beside undici and `JSON.parse` by hand and beside `@kubernetes/client-node`: `npm run bench:watch`. README.md says more.
 */
import { fork } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import ts from "typescript"

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

interface Figures {
  readonly cpu: number
  readonly wall: number
  readonly heap: number
}

interface Scenario {
  readonly title: string
  readonly task: "events" | "sync"
  readonly size: "large" | "small"
  readonly count: number
  readonly contenders: ReadonlyArray<string>
}

const readers = [
  "floor",
  "floor, kept",
  "one connection",
  "watch",
  "watch, full",
  "informer",
  "informer, full",
  "client-node watch",
  "client-node informer"
]

const scenarios: { readonly [name: string]: Scenario } = {
  events: { title: "events of 9 KB", task: "events", size: "large", count: 100_000, contenders: readers },
  small: { title: "events of 0.9 KB", task: "events", size: "small", count: 100_000, contenders: readers },
  sync: {
    title: "pods of 9 KB into a cache",
    task: "sync",
    size: "large",
    count: 5000,
    contenders: ["floor", "floor, pages", "informer", "informer, full", "client-node informer"]
  },
  // One answer with all of these would be more than a string can hold.
  sync50: {
    title: "pods of 9 KB into a cache",
    task: "sync",
    size: "large",
    count: 50_000,
    contenders: ["floor, pages", "informer"]
  }
}

/** What a child tells first. */
const first = <A>(child: ReturnType<typeof fork>): Promise<A> =>
  new Promise((resolve, reject) => {
    child.once("message", (message) => resolve(message as A))
    child.once("exit", (code) => reject(new Error(`a process of the bench ended with ${code}`)))
  })

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const { values: options } = parseArgs({
  options: {
    scenarios: { type: "string", default: Object.keys(scenarios).join() },
    contenders: { type: "string" },
    rounds: { type: "string", default: "5" },
    events: { type: "string", default: "100000" },
    profile: { type: "string" }
  }
})

mkdirSync(here("dist/watch"), { recursive: true })
const { outputText } = ts.transpileModule(readFileSync(here("watch/contender.ts"), "utf8"), {
  compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true }
})
writeFileSync(here("dist/watch/contender.js"), outputText)

const server = fork(here("watch/server.ts"), { execArgv: process.execArgv })
const { ca, port } = await first<{ readonly port: number; readonly ca: string }>(server)
const print = (line: string) => process.stdout.write(`${line}\n`)
print(`Node ${process.versions.node}, ${cpus().length} CPUs (${cpus()[0]?.model}), ${options.rounds} rounds`)

for (const scenario of options.scenarios.split(",")) {
  const found = scenarios[scenario]
  if (found === undefined) throw new Error(`no scenario ${scenario}; there are: ${Object.keys(scenarios).join()}`)
  const { size, task, title } = found
  const count = task === "events" ? Number(options.events) : found.count
  const wanted = options.contenders?.split(";")
  const contenders = found.contenders.filter((name, index) => index === 0 || wanted?.includes(name) !== false)
  const rounds: Array<Map<string, Figures>> = []
  for (let round = 0; round < Number(options.rounds); round++) {
    const figures = new Map<string, Figures>()
    // In turns: what else the machine does hits all of them.
    for (const name of contenders) {
      const child = fork(here("dist/watch/contender.js"), [name, task, size, String(count)], {
        execArgv: [
          "--expose-gc",
          ...(options.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${options.profile}`])
        ],
        env: { ...process.env, BENCH_SERVER: `https://127.0.0.1:${port}`, BENCH_CA: ca }
      })
      figures.set(name, await first<Figures>(child))
      await new Promise((resolve) => child.once("exit", resolve))
    }
    rounds.push(figures)
  }
  print(`\n### ${count} ${title}\n`)
  print(`| | CPU µs each | × | least–most | heap MB | × | each s |`)
  print("| --- | --- | --- | --- | --- | --- | --- |")
  for (const name of contenders) {
    const of = (pick: (figures: Figures) => number) =>
      rounds.flatMap((round) => [round.get(name)].flatMap((own) => (own === undefined ? [] : [pick(own)])))
    // Of each round its own ratio: the machine's other work is part of both.
    const ratios = (pick: (figures: Figures) => number) =>
      rounds.map((round) => {
        const [own, floor] = [round.get(name), round.get(contenders[0] ?? "")]
        return own === undefined || floor === undefined ? Number.NaN : pick(own) / pick(floor)
      })
    const cpu = ratios((figures) => figures.cpu)
    const cells = [
      name,
      median(of((figures) => figures.cpu)).toFixed(1),
      median(cpu).toFixed(2),
      `${Math.min(...cpu).toFixed(2)}–${Math.max(...cpu).toFixed(2)}`,
      median(of((figures) => figures.heap)).toFixed(1),
      task === "sync" ? median(ratios((figures) => figures.heap)).toFixed(2) : "",
      (1e6 / median(of((figures) => figures.wall))).toFixed(0)
    ]
    print(`| ${cells.join(" | ")} |`)
  }
}
server.kill()
