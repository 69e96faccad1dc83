/**
 * One process of the bench: `node --expose-gc contender.js <name> <task> <size> <count>`. It tells its parent its figures.
 *
 * The task `events` is to read so many events of 5,000 pods on one connection, `sync` to read so many pods into a cache.
 */
import { setTimeout } from "node:timers/promises"
import type { V1Pod } from "@kubernetes/client-node"
import type * as Options from "effect-kubernetes/Resource"

const [name = "", task = "", size = "", given = "0"] = process.argv.slice(2)
const count = Number(given)
const server = process.env["BENCH_SERVER"] ?? ""
const ca = process.env["BENCH_CA"] ?? ""
const namespace = `${size}-${count}-${task}`
const path = `/api/v1/namespaces/${namespace}/pods`

interface Meta {
  readonly name?: string | undefined
  readonly namespace?: string | undefined
  readonly resourceVersion?: string | undefined
}

interface RawPod {
  readonly metadata: Meta
}

const keyOf = ({ metadata }: RawPod): string => `${metadata.namespace}/${metadata.name}`
const isLast = ({ metadata }: { readonly metadata?: Meta }): boolean =>
  metadata?.resourceVersion === String(1_000_000_000 + count)

/** Does the task. What it returns is kept until its size is known. */
type Run = () => Promise<unknown>

const makeAgent = async () => {
  const { Agent } = await import("undici")
  return new Agent({ connect: { ca } })
}

/** undici and `JSON.parse` by hand. */
const floorEvents = async (take: (pod: RawPod) => void): Promise<Run> => {
  const agent = await makeAgent()
  return async () => {
    const { body } = await agent.request({ origin: server, path: `${path}?watch=true`, method: "GET" })
    body.setEncoding("utf8")
    await new Promise<void>((resolve) => {
      let rest = ""
      let seen = 0
      body.on("data", (chunk: string) => {
        const lines = (rest + chunk).split("\n")
        rest = lines.pop() ?? ""
        for (const line of lines) {
          const event = JSON.parse(line) as { readonly object: RawPod }
          take(event.object)
        }
        seen += lines.length
        if (seen >= count) resolve()
      })
    })
  }
}

const floorSync = async (limit: number | undefined): Promise<Run> => {
  const agent = await makeAgent()
  return async () => {
    const all = new Map<string, RawPod>()
    let next: string | undefined = ""
    while (next !== undefined) {
      const query = new URLSearchParams({
        ...(limit === undefined ? {} : { limit: String(limit) }),
        ...(next === "" ? {} : { continue: next })
      })
      const { body } = await agent.request({ origin: server, path: `${path}?${query}`, method: "GET" })
      const list = JSON.parse(await body.text()) as {
        readonly items: ReadonlyArray<RawPod>
        readonly metadata: { readonly continue?: string }
      }
      for (const item of list.items) all.set(keyOf(item), item)
      next = list.metadata.continue
    }
    return all
  }
}

const ours = async () => {
  const [{ Effect, ManagedRuntime, Scope, Stream }, { Informer, KubeConfig, NodeKubeClient, Pod }] = await Promise.all([
    import("effect"),
    import("effect-kubernetes")
  ])
  const user = { name: "bench", unsupported: [] }
  const cluster = { name: "bench", server, certificateAuthority: ca, insecureSkipTlsVerify: false }
  const runtime = ManagedRuntime.make(
    NodeKubeClient.fromConfig(
      KubeConfig.layerValue({ namespace, cluster: { ...cluster, disableCompression: true }, user })
    )
  )
  return { Effect, Informer, Pod, Scope, Stream, runtime }
}

const ourEvents = async (options: Options.WatchOptions | Options.SingleWatchOptions): Promise<Run> => {
  const { Pod, Stream, runtime } = await ours()
  // Each of the two kinds of options makes a watch of its own type.
  const events = Pod.watch(options as Options.WatchOptions)
  return () =>
    runtime.runPromise(Stream.runDrain(Stream.takeUntil(events, (event) => "object" in event && isLast(event.object))))
}

const ourInformer = async (managedFields: boolean): Promise<Run> => {
  const { Effect, Informer, Pod, Scope, Stream, runtime } = await ours()
  const started = Effect.gen(function* () {
    // Never closed: the cache is measured after it.
    const scope = yield* Scope.make()
    const informer = yield* Scope.extend(Informer.make(Pod, { managedFields }), scope)
    yield* task === "sync"
      ? informer.synced
      : Stream.runDrain(Stream.takeUntil(informer.changes, (event) => "object" in event && isLast(event.object)))
    return informer
  })
  return () => runtime.runPromise(started)
}

/** `@kubernetes/client-node` by its documentation. */
const clientNode = async () => {
  const { CoreV1Api, KubeConfig, Watch, makeInformer } = await import("@kubernetes/client-node")
  const config = new KubeConfig()
  config.loadFromClusterAndUser(
    { name: "bench", server, caData: Buffer.from(ca).toString("base64"), skipTLSVerify: false },
    { name: "bench" }
  )
  return { CoreV1Api, Watch, config, makeInformer }
}

const clientNodeEvents = async (): Promise<Run> => {
  const { Watch, config } = await clientNode()
  return () =>
    new Promise<void>((resolve, reject) => {
      const take = (_: string, pod: V1Pod) => {
        if (isLast(pod)) resolve()
      }
      void new Watch(config).watch(path, {}, take, reject)
    })
}

const clientNodeInformer = async (): Promise<Run> => {
  const { CoreV1Api, config, makeInformer } = await clientNode()
  const api = config.makeApiClient(CoreV1Api)
  return async () => {
    const informer = makeInformer(config, path, () => api.listNamespacedPod({ namespace }))
    const last = new Promise<void>((resolve) => {
      informer.on("change", (pod) => {
        if (isLast(pod)) resolve()
      })
    })
    await informer.start()
    if (task === "events") await last
    return informer
  }
}

const kept = new Map<string, RawPod>()
const tasks: { readonly [task: string]: { readonly [name: string]: () => Promise<Run> } } = {
  events: {
    floor: () => floorEvents(() => {}),
    "floor, kept": () => floorEvents((pod) => kept.set(keyOf(pod), pod)),
    "one connection": () => ourEvents({ resume: false, resourceVersion: "1" }),
    watch: () => ourEvents({}),
    "watch, full": () => ourEvents({ managedFields: true }),
    informer: () => ourInformer(false),
    "informer, full": () => ourInformer(true),
    "client-node watch": clientNodeEvents,
    "client-node informer": clientNodeInformer
  },
  sync: {
    floor: () => floorSync(undefined),
    "floor, pages": () => floorSync(500),
    informer: () => ourInformer(false),
    "informer, full": () => ourInformer(true),
    "client-node informer": clientNodeInformer
  }
}

const heap = async (): Promise<number> => {
  // What is on its way ends first.
  for (let round = 0; round < 3; round++) {
    await setTimeout(50)
    globalThis.gc?.()
  }
  const { external, heapUsed } = process.memoryUsage()
  return (heapUsed + external) / 2 ** 20
}

const run = await tasks[task]?.[name]?.()
if (run === undefined) throw new Error(`no ${task} of ${name}`)
const before = await heap()
const began = performance.now()
const used = process.cpuUsage()
const result = await run()
const { system, user } = process.cpuUsage(used)
const wall = performance.now() - began
const after = await heap()
process.send?.({ cpu: (user + system) / count, wall: (wall * 1000) / count, heap: after - before }, () =>
  process.exit()
)
// Nothing may take it for garbage before this.
void [result, kept]
