/**
 * CPU time of an event on its way through a watch and an informer, beside undici and `JSON.parse`: `npm run bench:watch`.
 *
 * A server in a process of its own replays events as the API server does, an HTTP chunk each. Each candidate runs in a
 * process of its own, round by round, and the medians are compared.
 */
import { Effect, Layer, Stream } from "effect"
import { Informer, KubeConfig, NodeKubeClient, Pod } from "effect-kubernetes"
import { fork } from "node:child_process"
import { createServer } from "node:http"
import { fileURLToPath } from "node:url"
import { request } from "undici"

const self = fileURLToPath(import.meta.url)

const candidates = ["floor", "single", "watch", "informer"] as const
type Candidate = (typeof candidates)[number]

/** A pod of about this many bytes, half of them managedFields, as on a real server. */
const podOf = (index: number, bytes: number) => {
  const filler = (size: number) =>
    Object.fromEntries(
      Array.from({ length: Math.max(1, Math.floor(size / 40)) }, (_, at) => [`f:field-${at}-of-it`, { "f:more": {} }])
    )
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `pod-${index % 5000}`,
      namespace: "bench",
      uid: `00000000-0000-0000-0000-${String(index % 5000).padStart(12, "0")}`,
      resourceVersion: String(index + 10),
      creationTimestamp: "2026-01-01T00:00:00Z",
      labels: { app: "web", index: String(index) },
      annotations: Object.fromEntries(
        Array.from({ length: Math.floor(bytes / 200) }, (_, at) => [
          `example.com/annotation-${at}`,
          `value ${at} of ${index}`
        ])
      ),
      managedFields: [
        {
          manager: "kubelet",
          operation: "Update",
          apiVersion: "v1",
          time: "2026-01-01T00:00:00Z",
          fieldsType: "FieldsV1",
          fieldsV1: filler(bytes / 2)
        }
      ]
    },
    spec: { containers: [{ name: "web", image: "registry.example.com/team/web:1.2.3", resources: {} }] },
    status: { phase: "Running", podIP: "10.0.0.1" }
  }
}

const serve = (count: number, bytes: number) => {
  const known = Math.min(count, 5000)
  const lines = Array.from(
    { length: count },
    (_, index) => `${JSON.stringify({ type: index < known ? "ADDED" : "MODIFIED", object: podOf(index, bytes) })}\n`
  )
  const server = createServer((incoming, response) => {
    response.writeHead(200, { "content-type": "application/json" })
    if (!incoming.url?.includes("watch=true")) {
      response.end(JSON.stringify({ kind: "PodList", apiVersion: "v1", metadata: { resourceVersion: "1" }, items: [] }))
      return
    }
    let at = 0
    const push = () => {
      // Chunks of one event each, as many as the socket takes.
      while (at < lines.length) if (!response.write(lines[at++])) return void response.once("drain", push)
    }
    push()
  })
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    process.send?.(typeof address === "object" && address !== null ? address.port : 0)
  })
}

const run = async (candidate: Candidate, port: number, count: number): Promise<void> => {
  const server = `http://127.0.0.1:${port}`
  const client = NodeKubeClient.fromConfig(
    KubeConfig.layerValue({
      namespace: "bench",
      cluster: { name: "bench", server, insecureSkipTlsVerify: false, disableCompression: true },
      user: { name: "bench", unsupported: [] }
    })
  )
  const counted = (stream: Stream.Stream<unknown, unknown, never>) =>
    Effect.runPromise(Stream.runDrain(Stream.take(stream, count)).pipe(Effect.orDie))
  const began = process.cpuUsage()
  const start = performance.now()
  if (candidate === "floor") {
    const { body } = await request(`${server}/api/v1/namespaces/bench/pods?watch=true`)
    let rest = ""
    let seen = 0
    body.setEncoding("utf8")
    for await (const chunk of body as AsyncIterable<string>) {
      const parts = (rest + chunk).split("\n")
      rest = parts.pop() ?? ""
      for (const part of parts) {
        JSON.parse(part)
        seen += 1
      }
      if (seen >= count) break
    }
  } else if (candidate === "informer") {
    await Effect.gen(function* () {
      const informer = yield* Informer.make(Pod)
      yield* Stream.runDrain(
        Stream.takeUntil(
          informer.changes,
          (event) => "object" in event && event.object.metadata.resourceVersion === String(count + 9)
        )
      )
    }).pipe(Effect.scoped, Effect.provide(client), Effect.orDie, Effect.runPromise)
  } else {
    const events =
      candidate === "single"
        ? Pod.watch({ resume: false, resourceVersion: "1" })
        : Stream.filter(Pod.watch(), (event) => "object" in event)
    await counted(Stream.provideLayer(events, Layer.orDie(client)))
  }
  const { system, user } = process.cpuUsage(began)
  process.send?.({ cpu: (user + system) / count, wall: ((performance.now() - start) * 1000) / count })
}

const child = (args: ReadonlyArray<string>) =>
  new Promise<{ readonly message: unknown; readonly stop: () => void }>((resolve, reject) => {
    const process_ = fork(self, [...args], { execArgv: process.execArgv })
    process_.once("message", (message) => resolve({ message, stop: () => void process_.kill() }))
    process_.once("error", reject)
  })

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const main = async (rounds: number) => {
  for (const [count, bytes] of [
    [40_000, 1000],
    [10_000, 9000]
  ] as const) {
    const server = await child(["serve", String(count), String(bytes)])
    const results = new Map<Candidate, Array<{ readonly cpu: number; readonly wall: number }>>()
    for (let round = 0; round < rounds; round++) {
      for (const candidate of candidates) {
        const { message, stop } = await child(["run", candidate, String(server.message), String(count)])
        stop()
        // The child is this same program.
        results.set(candidate, [
          ...(results.get(candidate) ?? []),
          message as { readonly cpu: number; readonly wall: number }
        ])
      }
    }
    server.stop()
    const floor = median((results.get("floor") ?? []).map(({ cpu }) => cpu))
    process.stdout.write(`${count} events of ${bytes} bytes\n`)
    for (const [candidate, values] of results) {
      const cpu = median(values.map((value) => value.cpu))
      const wall = median(values.map((value) => value.wall))
      process.stdout.write(
        `  ${candidate.padEnd(9)} ${cpu.toFixed(1).padStart(7)} us CPU   x${(cpu / floor).toFixed(2)}   ${Math.round(1e6 / wall)} events/s\n`
      )
    }
  }
}

const [mode, ...args] = process.argv.slice(2)
if (mode === "serve") serve(Number(args[0]), Number(args[1]))
else if (mode === "run") {
  // The parent wrote these.
  await run(args[0] as Candidate, Number(args[1]), Number(args[2]))
} else await main(Number(mode ?? 3))
