/** One process of the bench: `node worker.js <adapter module> <scenario>`. It prints one line of JSON: a `Result`. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { setImmediate } from "node:timers/promises"
import { podName, type Adapter, type AdapterModule } from "./Adapter.js"

/** The figures of one process; absent where a scenario does not have them. */
export interface Result {
  /** Milliseconds of the measured part, for one operation. */
  readonly wall?: number
  /** Milliseconds of user and system time of the measured part, for one operation. */
  readonly cpu: number
  /** MB */
  readonly peak: number
  /** MB of heap that the answer of a LIST takes, after a collection of garbage. */
  readonly kept?: number
  /** TCP connections that are open at the end. */
  readonly sockets?: number
}

const cpuMillis = (): number => {
  const { system, user } = process.cpuUsage()
  return (user + system) / 1000
}

/** On Linux `maxRSS` begins with that of the parent, so the kernel's own mark comes first. */
const peak = (): number => {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024
  } catch {
    return process.resourceUsage().maxRSS / 1024
  }
}

/** The TCP connections of this process, where the system tells (Linux). */
const sockets = (): number | undefined => {
  try {
    const own = new Set(
      readdirSync("/proc/self/fd").flatMap((fd) => {
        try {
          return [/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]]
        } catch {
          // The descriptor that read the folder is closed by now.
          return []
        }
      })
    )
    return ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
      .flatMap((file) => readFileSync(file, "utf8").trim().split("\n").slice(1))
      .filter((line) => own.has(line.trim().split(/\s+/)[9])).length
  } catch {
    return undefined
  }
}

/** Time and CPU time of `count` operations, for one of them. */
const measured = async (count: number, run: () => Promise<unknown>) => {
  const began = performance.now()
  const before = cpuMillis()
  await run()
  return { cpu: (cpuMillis() - before) / count, wall: (performance.now() - began) / count }
}

const heap = async (): Promise<number> => {
  // What the last answer came in is let go of a moment later.
  await setImmediate()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 2 ** 20
}

const gets = async (
  adapter: Adapter,
  {
    concurrency = 1,
    count = 2000,
    pods = 1,
    warmUp = 200
  }: Partial<Record<"concurrency" | "count" | "pods" | "warmUp", number>>
): Promise<Result> => {
  const names = Array.from({ length: pods }, (_, index) => podName(index))
  await adapter.get(names, warmUp, concurrency)
  const times = await measured(count, () => adapter.get(names, count, concurrency))
  const open = sockets()
  return { ...times, peak: peak(), ...(open === undefined ? {} : { sockets: open }) }
}

const lists = async (adapter: Adapter): Promise<Result> => {
  const before = await heap()
  let items: ReadonlyArray<unknown> = await adapter.list()
  const kept = (await heap()) - before
  const found = items.length
  items = []
  await heap()
  const times = await measured(2, async () => {
    for (let run = 0; run < 2; run++) {
      if ((await adapter.list()).length !== found) throw new Error("two LISTs differ in length")
    }
  })
  return { ...times, peak: peak(), kept }
}

const pages = async (adapter: Adapter): Promise<Result> => {
  await adapter.pages()
  return { ...(await measured(2, async () => (await adapter.pages()) + (await adapter.pages()))), peak: peak() }
}

/** The whole process counts here, so its figures are taken when it ends. */
const cold = (adapter: Adapter): Promise<void> => adapter.get([podName(0)], 1, 1)

const [module = "", scenario = ""] = process.argv.slice(2)
const print = (result: Result) => process.stdout.write(JSON.stringify(result))
// Whoever names a module here names one of an adapter.
const { make } = (await import(module)) as AdapterModule
const adapter = await make()
switch (scenario) {
  case "cold":
    await cold(adapter)
    process.on("exit", () => print({ cpu: cpuMillis(), peak: peak() }))
    break
  case "get":
    print(await gets(adapter, {}))
    break
  case "steady":
    print(await gets(adapter, { warmUp: 4000, count: 6000 }))
    break
  case "get32":
    print(await gets(adapter, { pods: 200, concurrency: 32 }))
    break
  case "list":
    print(await lists(adapter))
    break
  case "pages":
    print(await pages(adapter))
    break
  default:
    throw new Error(`no scenario: ${scenario}`)
}
await adapter.close()
