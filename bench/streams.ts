/**
 * `npm run bench:streams`: exec, copy and port-forward beside kubectl, through a real kubelet.
 *
 *     npm run bench:streams -- --kubectl "kubectl" [--scenarios download,requests] [--rounds 5] [--megabytes 200]
 *
 * README.md says how to read the figures.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { Namespace, NodeKubeClient, type KubeClient, Pod, Pods, PortForward, ServiceAccount } from "effect-kubernetes"
import { spawn, type ChildProcess } from "node:child_process"
import { readFileSync } from "node:fs"
import * as net from "node:net"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

class BenchError extends Data.TaggedError("BenchError")<{ readonly message: string }> {}

const podName = "box"
const httpPort = 8080
const sinkPort = 8081
const requests = 30
const connections = 200

/** One of two that do the same. */
interface Contestant {
  /** A program that forwards a local port until it is killed. */
  readonly forward: ReadonlyArray<string>
  /** A program that runs a command in the pod; its output is counted. */
  readonly exec: (command: ReadonlyArray<string>) => ReadonlyArray<string>
  readonly copyTo: (local: string, remote: string) => ReadonlyArray<string>
  readonly copyFrom: (remote: string, local: string) => ReadonlyArray<string>
}

const self = [process.execPath, "--import", "tsx", fileURLToPath(import.meta.url)]

const contestants = (kubectl: ReadonlyArray<string>, namespace: string): { readonly [name: string]: Contestant } => ({
  ours: {
    forward: [...self, "--run", "forward", namespace],
    exec: (command) => [...self, "--run", "exec", namespace, ...command],
    copyTo: (local, remote) => [...self, "--run", "copyTo", namespace, local, remote],
    copyFrom: (remote, local) => [...self, "--run", "copyFrom", namespace, remote, local]
  },
  kubectl: {
    forward: [...kubectl, "-n", namespace, "port-forward", `pod/${podName}`, `:${httpPort}`, `:${sinkPort}`],
    exec: (command) => [...kubectl, "-n", namespace, "exec", podName, "--", ...command],
    copyTo: (local, remote) => [...kubectl, "-n", namespace, "cp", local, `${podName}:${remote}`],
    copyFrom: (remote, local) => [...kubectl, "-n", namespace, "cp", `${podName}:${remote}`, local]
  }
})

// ---------------------------------------------------------------------------------------------------------------------
// Our side, as a process of its own like kubectl
// ---------------------------------------------------------------------------------------------------------------------

/** Tells how long the work took: the start of a process is not what is compared. */
const timed = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const began = performance.now()
    return Effect.tap(work, () => Console.error(`took ${performance.now() - began}`))
  })

const run = (what: string, namespace: string, args: ReadonlyArray<string>) => {
  const [first = "", second = ""] = args
  switch (what) {
    case "forward":
      return Effect.gen(function* () {
        const forwards = yield* PortForward.listen({ name: podName, namespace }, [httpPort, sinkPort])
        for (const [index, port] of [httpPort, sinkPort].entries()) {
          yield* Console.log(`Forwarding from 127.0.0.1:${forwards[index]?.port} -> ${port}`)
        }
        return yield* Effect.never
      }).pipe(Effect.scoped)
    case "exec":
      return timed(
        Effect.scoped(
          Effect.gen(function* () {
            let length = 0
            const [program = "true", ...more] = args
            const running = yield* Pod.execStream(podName, [program, ...more], { namespace, stdin: false })
            yield* Stream.runForEach(running.stdout, (bytes) => Effect.sync(() => (length += bytes.length)))
            yield* Console.log(length)
          })
        )
      )
    case "copyTo":
      return timed(Pod.copyTo(podName, first, second, { namespace }))
    default:
      return timed(Pod.copyFrom(podName, first, second, { namespace }))
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The measurements
// ---------------------------------------------------------------------------------------------------------------------

const start = ([program = "", ...args]: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] })),
    (child) => Effect.sync(() => child.kill())
  )

/** The local ports that a forwarding program names, in the order of the pod's. */
const localPorts = (child: ChildProcess) =>
  Effect.async<ReadonlyArray<number>, BenchError>((resume) => {
    let text = ""
    child.stdout?.on("data", (bytes: Buffer) => {
      text += bytes.toString()
      const ports = [httpPort, sinkPort].map((port) => new RegExp(`127\\.0\\.0\\.1:(\\d+) -> ${port}`).exec(text)?.[1])
      if (ports.every((port) => port !== undefined)) resume(Effect.succeed(ports.map(Number)))
    })
    child.stderr?.on("data", (bytes: Buffer) => process.stderr.write(bytes))
    child.on("close", () => resume(new BenchError({ message: `the forwarding program ended: ${text}` })))
  })

/** Milliseconds that a program takes; ours says itself how long the call took. */
const program = (command: ReadonlyArray<string>, output?: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const began = performance.now()
      const child = yield* start(command)
      return yield* Effect.async<number, BenchError>((resume) => {
        let length = 0
        let text = ""
        let errors = ""
        child.stdout.on("data", (bytes: Buffer) => {
          length += bytes.length
          text = bytes.toString("latin1", 0, 20)
        })
        child.stderr.on("data", (bytes: Buffer) => (errors += bytes.toString()))
        child.on("close", (code) => {
          const took = /^took ([\d.]+)$/m.exec(errors)?.[1]
          const whole = output === undefined || length === output || Number(text) === output
          if (code !== 0 || !whole)
            return resume(new BenchError({ message: `${command.join(" ")}: ${code} ${errors}` }))
          resume(Effect.succeed(took === undefined ? performance.now() - began : Number(took)))
        })
      })
    })
  )

/** One connection: sends, and reads until what has come is all, by default to the end. The number of bytes that came. */
const talk = (
  port: number,
  send: (socket: net.Socket) => void,
  isAll: (length: number, bytes: Buffer) => boolean = () => false
) =>
  Effect.async<number, BenchError>((resume) => {
    const socket = net.connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true })
    let length = 0
    socket.on("connect", () => send(socket))
    const done = () => {
      socket.end()
      resume(Effect.succeed(length))
    }
    socket.on("data", (bytes) => {
      length += bytes.length
      if (isAll(length, bytes)) done()
    })
    socket.on("end", done)
    socket.on("error", (error) => resume(new BenchError({ message: `a connection failed: ${error.message}` })))
    return Effect.sync(() => socket.destroy())
  })

/**
 * Until the answer is whole, as HTTP clients do: the end of the connection comes a second later, through whatever client,
 * for containerd 1.6 waits for both sides to end.
 */
const get = (port: number, path: string, least: number) =>
  Effect.suspend(() => {
    let head = ""
    let whole = Infinity
    return Effect.filterOrFail(
      talk(
        port,
        (socket) => socket.write(`GET ${path} HTTP/1.0\r\n\r\n`),
        (length, bytes) => {
          if (whole === Infinity) {
            head += bytes.toString("latin1")
            const [text = ""] = /^.*?\r\n\r\n/s.exec(head) ?? []
            const size = /^content-length: *(\d+)/im.exec(text)?.[1]
            if (size !== undefined) whole = text.length + Number(size)
          }
          return length >= whole
        }
      ),
      (length) => length >= least,
      (length) => new BenchError({ message: `GET ${path}: only ${length} bytes came` })
    )
  })

const upload = (port: number, size: number) =>
  talk(port, (socket) => {
    const block = Buffer.alloc(64 * 1024)
    let left = size
    const write = () => {
      while (left > 0) {
        const part = block.subarray(0, left)
        left -= part.length
        if (!socket.write(part)) return void socket.once("drain", write)
      }
    }
    write()
  })

/** Milliseconds. */
const clocked = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const began = performance.now()
    return Effect.map(work, () => performance.now() - began)
  })

/** User and system time of a process in milliseconds, where the system tells (Linux, in hundredths of a second). */
const cpuOf = ({ pid }: ChildProcess): number => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return NaN
  }
}

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

const image = "localhost/busybox:1"

const bench = Effect.gen(function* () {
  const { values: options } = parseArgs({
    args: process.argv.slice(2),
    options: {
      kubectl: { type: "string", default: "kubectl" },
      scenarios: { type: "string", default: "download,upload,requests,connections,exec,copyTo,copyFrom" },
      rounds: { type: "string", default: "5" },
      megabytes: { type: "string", default: "200" },
      image: { type: "string", default: image }
    }
  })
  const fs = yield* FileSystem.FileSystem
  const size = Number(options.megabytes) * 1024 * 1024
  const directory = yield* fs.makeTempDirectoryScoped()
  const file = `${directory}/file`
  yield* fs.writeFile(file, new Uint8Array(size))
  const namespace = `bench-${process.pid}`
  yield* Effect.acquireRelease(Namespace.create({ metadata: { name: namespace } }), () =>
    Effect.ignore(Namespace.delete(namespace))
  )
  yield* Effect.retry(ServiceAccount.get("default", { namespace }), Schedule.spaced("200 millis"))
  const serve = [
    "mkdir -p /tmp/www",
    "echo hello > /tmp/www/index.html",
    `dd if=/dev/zero of=/tmp/www/file bs=1M count=${options.megabytes}`,
    `nc -ll -p ${sinkPort} -e sh -c "head -c ${size} > /dev/null; echo done" &`,
    `exec httpd -f -p ${httpPort} -h /tmp/www`
  ]
  yield* Pod.create(
    {
      metadata: { name: podName },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: "main",
            image: options.image,
            imagePullPolicy: "IfNotPresent",
            command: ["sh", "-c", serve.join("\n")],
            readinessProbe: { tcpSocket: { port: httpPort }, periodSeconds: 1 }
          }
        ]
      }
    },
    { namespace }
  )
  yield* Pods.ready({ name: podName, namespace }, { timeout: "1 minute" })

  const forwards = new Map<string, { readonly child: ChildProcess; readonly ports: ReadonlyArray<number> }>()
  const all = contestants(options.kubectl.split(" "), namespace)
  for (const [name, { forward }] of Object.entries(all)) {
    const child = yield* start(forward)
    forwards.set(name, { child, ports: yield* localPorts(child) })
  }
  const scenarios: {
    readonly [name: string]: (who: string, contestant: Contestant) => Effect.Effect<number, BenchError>
  } = {
    download: (who) => clocked(get(forwards.get(who)?.ports[0] ?? 0, "/file", size)),
    upload: (who) => clocked(upload(forwards.get(who)?.ports[1] ?? 0, size)),
    requests: (who) => clocked(Effect.repeatN(get(forwards.get(who)?.ports[0] ?? 0, "/", 1), requests - 1)),
    connections: (who) =>
      clocked(
        Effect.replicateEffect(get(forwards.get(who)?.ports[0] ?? 0, "/", 1), connections, {
          concurrency: "unbounded",
          discard: true
        })
      ),
    exec: (_, { exec }) => program(exec(["cat", "/tmp/www/file"]), size),
    copyTo: (_, { copyTo }) => program(copyTo(file, "/tmp/copied")),
    copyFrom: (_, { copyFrom }) => program(copyFrom("/tmp/www/file", `${directory}/copied`))
  }
  yield* Console.log("| | ours ms | kubectl ms | × | our CPU ms | kubectl's |\n| --- | --- | --- | --- | --- | --- |")
  for (const scenario of options.scenarios.split(",")) {
    const measure = scenarios[scenario]
    if (measure === undefined) return yield* new BenchError({ message: `no scenario ${scenario}` })
    const millis: { readonly [who: string]: Array<number> } = { ours: [], kubectl: [] }
    const cpu: { readonly [who: string]: Array<number> } = { ours: [], kubectl: [] }
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const [who, contestant] of Object.entries(all)) {
        const child = forwards.get(who)?.child
        const before = child === undefined ? NaN : cpuOf(child)
        millis[who]?.push(yield* measure(who, contestant))
        cpu[who]?.push(child === undefined ? NaN : cpuOf(child) - before)
      }
    }
    const cell = (values: ReadonlyArray<number> = []) =>
      `${median(values).toFixed(0)} (${Math.min(...values).toFixed(0)}–${Math.max(...values).toFixed(0)})`
    const ratio = (median(millis["ours"] ?? []) / median(millis["kubectl"] ?? [])).toFixed(2)
    // Of the programs that end, nobody tells.
    const time = (who: string) =>
      ["exec", "copyTo", "copyFrom"].includes(scenario) ? "-" : median(cpu[who] ?? []).toFixed(0)
    yield* Console.log(
      `| ${scenario} | ${cell(millis["ours"])} | ${cell(millis["kubectl"])} | ${ratio} | ${time("ours")} | ${time("kubectl")} |`
    )
  }
}).pipe(Effect.scoped)

const [flag, what = "", namespace = "", ...args] = process.argv.slice(2)

const main: Effect.Effect<unknown, unknown, KubeClient | NodeContext.NodeContext> =
  flag === "--run" ? run(what, namespace, args) : bench

NodeRuntime.runMain(Effect.provide(main, Layer.merge(NodeKubeClient.layer, NodeContext.layer)))
