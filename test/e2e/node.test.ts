import * as Command from "@effect/platform/Command"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Path from "@effect/platform/Path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, inject, it, layer } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Cluster from "../cluster/Cluster.js"
import * as Node from "../cluster/Node.js"
import { run } from "../cluster/run.js"

class Local extends Context.Tag("test/Local")<Local, Cluster.LocalCluster>() {
  static readonly layer = Layer.provide(
    Layer.scoped(Local, Cluster.make({ node: true, kubeletConfiguration: { maxPods: 20 } })),
    NodeContext.layer
  )
}

/** Runs a command in a new pod, of which the first condition is to come true. */
const runPod = (
  { kubectl }: Cluster.Service,
  name: string,
  until: string,
  ...command: readonly [string, ...ReadonlyArray<string>]
) =>
  kubectl(
    "run",
    name,
    `--image=${Node.image}`,
    "--image-pull-policy=Never",
    "--restart=Never",
    "--command",
    "--",
    ...command
  ).pipe(Effect.zipRight(kubectl("wait", `pod/${name}`, `--for=${until}`, "--timeout=60s")))

const succeeded = "jsonpath={.status.phase}=Succeeded"
const ready = "condition=Ready"

/** A pod that answers on port 80, and its address. */
const runServer = (cluster: Cluster.Service, name: string, page: string) =>
  runPod(
    cluster,
    name,
    ready,
    "sh",
    "-c",
    `mkdir /www; echo ${page} >/www/index.html; exec httpd -f -p 80 -h /www`
  ).pipe(Effect.zipRight(cluster.kubectl("get", "pod", name, "-o", "jsonpath={.status.podIP}")))

/** The page of a server, which may not listen at once. */
const get = (address: string) =>
  HttpClient.get(`http://${address}/`).pipe(
    Effect.flatMap((response) => response.text),
    Effect.retry({ times: 50, schedule: Schedule.spaced("100 millis") }),
    Effect.provide(FetchHttpClient.layer)
  )

/** What a cluster with a node has on this machine at the moment. */
const remains = ({ directory, server }: Pick<Cluster.LocalCluster, "directory" | "server">) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const name = path.basename(directory)
    const output = (...command: readonly [string, ...ReadonlyArray<string>]) =>
      Effect.map(run(Command.make(...command)), ({ stdout }) => stdout)
    const contains = (text: string, part: string) => text.split("\n").some((line) => line.includes(part))
    return {
      folder: yield* fs.exists(directory),
      mounts: contains(yield* fs.readFileString("/proc/mounts"), directory),
      link: contains(yield* output("ip", "-o", "link"), `kube-${new URL(server).port}@`),
      route: contains(yield* output("ip", "route"), `kube-${new URL(server).port} `),
      cgroups: contains(yield* output("find", "/sys/fs/cgroup", "-name", name), name),
      // The processes of the node are in its cgroups; the others name the folder in their arguments.
      inCgroups: contains(yield* output("sh", "-c", "cat /proc/[0-9]*/cgroup 2>/dev/null; :"), name),
      processes: contains(yield* output("ps", "-A", "-ww", "-o", "args="), directory)
    }
  })

const waitFor = <A, E, R>(effect: Effect.Effect<A, E, R>, until: (value: A) => boolean) =>
  effect.pipe(Effect.delay("50 millis"), Effect.repeat({ until }))

const nothing = {
  folder: false,
  mounts: false,
  link: false,
  route: false,
  cgroups: false,
  inCgroups: false,
  processes: false
}
const everything = {
  folder: true,
  // A node mounts a lot, but where nobody else sees it.
  mounts: false,
  link: true,
  route: true,
  cgroups: true,
  inCgroups: true,
  processes: true
}

// This is about clusters that are booted here, with an image that other clusters do not have.
const skipped = Boolean(process.env["E2E_KUBECONFIG"]) || !inject("node")

describe.skipIf(skipped)("a node", () => {
  layer(Local.layer, { excludeTestServices: true, timeout: "2 minutes" })("in use", (it) => {
    const exec = (options: ReadonlyArray<string>, stdin: string, ...command: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const { binary, kubeconfigPath } = yield* Local
        return yield* Command.make(binary, "kubectl", "exec", ...options, "--", ...command).pipe(
          Command.env({ KUBECONFIG: kubeconfigPath }),
          Command.feed(stdin),
          run
        )
      }).pipe(Effect.provide(NodeContext.layer))

    it.effect("has the kubelet's configuration that was asked for", () =>
      Effect.gen(function* () {
        const { kubectl } = yield* Local
        assert.strictEqual(yield* kubectl("get", "node", Node.name, "-o", "jsonpath={.status.capacity.pods}"), "20")
      })
    )

    it.effect("runs a pod to its end, and has its log", () =>
      Effect.gen(function* () {
        const cluster = yield* Local
        assert.isTrue(cluster.node)
        yield* runPod(cluster, "hello", succeeded, "sh", "-c", "echo hello; echo again")
        assert.strictEqual(yield* cluster.kubectl("logs", "hello"), "hello\nagain\n")
      })
    )

    it.effect("knows when a pod fails", () =>
      Effect.gen(function* () {
        const cluster = yield* Local
        yield* runPod(cluster, "fails", "jsonpath={.status.phase}=Failed", "sh", "-c", "exit 3")
        const exitCode = "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}"
        assert.strictEqual(yield* cluster.kubectl("get", "pod", "fails", "-o", exitCode), "3")
      })
    )

    it.effect("runs commands in a pod", () =>
      Effect.gen(function* () {
        const cluster = yield* Local
        yield* runPod(cluster, "waits", ready, "sleep", "3600")
        assert.deepStrictEqual(yield* exec(["waits"], "", "sh", "-c", "echo out; echo err >&2"), {
          exitCode: 0,
          stdout: "out\n",
          stderr: "err\n"
        })
        assert.deepStrictEqual(yield* exec(["waits"], "", "sh", "-c", "echo out; exit 1"), {
          exitCode: 1,
          stdout: "out\n",
          stderr: "command terminated with exit code 1\n"
        })
        assert.deepStrictEqual(yield* exec(["-i", "waits"], "one\ntwo\n", "wc", "-l"), {
          exitCode: 0,
          stdout: "2\n",
          stderr: ""
        })
      })
    )

    it.effect("has pods that this machine and other pods reach, and that reach the API server", () =>
      Effect.gen(function* () {
        const cluster = yield* Local
        const address = yield* runServer(cluster, "serves", "page")
        assert.strictEqual(yield* get(address), "page\n")
        yield* runPod(cluster, "asks", succeeded, "wget", "-qO-", `http://${address}/`)
        assert.strictEqual(yield* cluster.kubectl("logs", "asks"), "page\n")
        // The image has no HTTPS client that is good enough, but this is an answer of the API server too.
        const call = "wget http://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT 2>&1 | grep '400 Bad Request'"
        yield* runPod(cluster, "calls", succeeded, "sh", "-c", call)
      })
    )

    it.effect("gives pods their volumes", () =>
      Effect.gen(function* () {
        const cluster = yield* Local
        const folder = "/var/run/secrets/kubernetes.io/serviceaccount"
        yield* runPod(cluster, "reads", succeeded, "cat", `${folder}/namespace`)
        assert.strictEqual(yield* cluster.kubectl("logs", "reads"), "default")
      })
    )
  })

  describe("leaves nothing behind", () => {
    const useAndClose = <A, E>(use: Effect.Effect<A, E>) =>
      Effect.gen(function* () {
        const booted = yield* Deferred.make<Cluster.LocalCluster>()
        const exit = yield* Cluster.make({ node: true }).pipe(
          Effect.tap((cluster) => Deferred.succeed(booted, cluster)),
          Effect.tap((cluster) => runServer(cluster, "serves", "page")),
          Effect.tap((cluster) => Effect.map(remains(cluster), (now) => assert.deepStrictEqual(now, everything))),
          Effect.zipRight(use),
          Effect.scoped,
          Effect.exit
        )
        return { exit, remains: yield* Effect.flatMap(Deferred.await(booted), remains) }
      }).pipe(Effect.provide(NodeContext.layer))

    it.live("when its user fails", () =>
      Effect.gen(function* () {
        const after = yield* useAndClose(Effect.fail("failed"))
        assert.deepStrictEqual(after, { exit: Exit.fail("failed"), remains: nothing })
      })
    )

    it.live("when two of them ran at once, apart from each other", () =>
      Effect.gen(function* () {
        const both = yield* Effect.gen(function* () {
          const clusters = yield* Effect.all([Cluster.make({ node: true }), Cluster.make({ node: true })], {
            concurrency: "unbounded"
          })
          const pages = yield* Effect.forEach(
            clusters,
            (cluster) => Effect.flatMap(runServer(cluster, "serves", cluster.server), get),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(
            pages,
            clusters.map((cluster) => `${cluster.server}\n`)
          )
          return clusters
        }).pipe(Effect.scoped)
        assert.deepStrictEqual(yield* Effect.forEach(both, remains), [nothing, nothing])
      }).pipe(Effect.provide(NodeContext.layer))
    )

    /** Starts `npm run cluster -- --node` with an empty folder to put its temporary files in. */
    const startCommand = Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const folder = yield* fs.makeTempDirectoryScoped()
      const process = yield* Command.make(
        globalThis.process.execPath,
        "--import",
        "tsx",
        "test/cluster/main.ts",
        "--node"
      ).pipe(Command.env({ TMPDIR: folder }), Command.start)
      /** The cluster, as soon as its node is on the machine. */
      const booting = Effect.gen(function* () {
        const find = Effect.map(fs.readDirectory(folder), (names) =>
          names.filter((name) => name.startsWith("effect-kubernetes-"))
        )
        const [name] = yield* waitFor(find, (names) => names.length > 0)
        const directory = path.join(folder, name ?? "")
        const kubeconfig = fs.readFileString(path.join(directory, "node", "files", "kubelet.kubeconfig"))
        const text = yield* waitFor(
          Effect.orElseSucceed(kubeconfig, () => ""),
          (text) => text.includes("server:")
        )
        const cluster = { directory, server: /server: (\S+)/.exec(text)?.[1] ?? "" }
        yield* waitFor(remains(cluster), ({ inCgroups, link }) => inCgroups && link)
        return cluster
      })
      return { booting, process }
    })

    it.scopedLive("when it is terminated while the node boots", () =>
      Effect.gen(function* () {
        const { booting, process } = yield* startCommand
        const cluster = yield* booting
        yield* process.kill("SIGTERM")
        assert.deepStrictEqual(yield* remains(cluster), nothing)
      }).pipe(Effect.provide(NodeContext.layer))
    )

    it.scopedLive("when it is killed", () =>
      Effect.gen(function* () {
        const { booting, process } = yield* startCommand
        const line = yield* Effect.fork(process.stdout.pipe(Stream.decodeText(), Stream.splitLines, Stream.runHead))
        const cluster = yield* booting
        yield* Fiber.join(line)
        assert.deepStrictEqual(yield* remains(cluster), everything)
        yield* process.kill("SIGKILL")
        const after = yield* waitFor(remains(cluster), (now) => !Object.values(now).includes(true))
        assert.deepStrictEqual(after, nothing)
      }).pipe(Effect.provide(NodeContext.layer))
    )
  })

  describe("that cannot run", () => {
    const pretend = (changes: (fs: FileSystem.FileSystem) => Partial<FileSystem.FileSystem>) =>
      Layer.effect(
        FileSystem.FileSystem,
        Effect.map(FileSystem.FileSystem, (fs) => ({ ...fs, ...changes(fs) }))
      ).pipe(Layer.provideMerge(NodeContext.layer))

    const withoutPackages = pretend((fs) => ({
      exists: (path) => (/\/(ctr|loopback)$/.test(path) ? Effect.succeed(false) : fs.exists(path))
    }))

    it.effect("names the packages that are missing", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Node.requirements)
        assert.strictEqual(
          error.message,
          "a node needs more packages: apt-get install containerd containernetworking-plugins"
        )
      }).pipe(Effect.provide(withoutPackages))
    )

    it.effect("says that a busybox is not static", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Node.requirements)
        assert.strictEqual(error.message, "a node needs more packages: apt-get install busybox-static")
      }).pipe(Effect.provide(pretend((fs) => ({ readFile: () => fs.readFile(process.execPath) }))))
    )

    it.effect("says that root is needed, also where root has no rights", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Node.requirements)
        assert.strictEqual(error.message, "a node needs Linux and the rights of root")
      }).pipe(Effect.provide(pretend(() => ({ readFileString: () => Effect.succeed("CapEff:\t00000000a80425fb\n") }))))
    )

    it.scoped("is an error in CI when packages are missing", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Layer.build(Cluster.layer))
        assert.include(`${error}`, "apt-get install containerd containernetworking-plugins")
      }).pipe(
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["CI", "true"]]))),
        Effect.provide(withoutPackages)
      )
    )
  })
})
