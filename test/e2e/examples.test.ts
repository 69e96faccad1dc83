import * as Command from "@effect/platform/Command"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, inject, layer } from "@effect/vitest"
import { Chunk, Effect, Layer, Stream, type Scope } from "effect"
import {
  CustomResourceDefinition,
  Deployment,
  KubeConfig,
  Namespace,
  Pod,
  Service,
  type KubeClient
} from "effect-kubernetes"
import { gunzipSync } from "node:zlib"
import { run } from "../cluster/run.js"
import * as NodeImage from "../cluster/Node.js"
import * as e2e from "../support/e2e.js"
import * as pods from "../support/pods.js"
import * as programs from "../support/programs.js"

/** An example as a person runs it, with this kubeconfig. */
const command = (kubeconfig: string, name: string, ...args: ReadonlyArray<string>) =>
  programs.command(kubeconfig, `examples/${name}.ts`, ...args)

/** Runs an example on the cluster of the run. */
const example = (name: string, ...args: ReadonlyArray<string>) =>
  Effect.suspend(() => run(command(inject("kubeconfigPath"), name, ...args)))

layer(Layer.mergeAll(NodeContext.layer, e2e.layer, e2e.config), e2e.live)("the examples", (it) => {
  it.effect("tour: every step, and nothing is left", () =>
    Effect.gen(function* () {
      const { cluster } = yield* KubeConfig
      const { exitCode, stderr, stdout } = yield* example("tour")
      assert.strictEqual(stderr, "")
      assert.strictEqual(exitCode, 0)
      assert.include(stdout, ` at ${cluster.server}`)
      assert.include(stdout, "configmap/web and deployment/web")
      assert.match(stdout, /^ {3}NAME +READY +UP-TO-DATE +AVAILABLE +AGE$/m)
      assert.match(stdout, /^ {3}web +0\/1 /m)
      assert.match(stdout, /^ {3}Modified web: wants 3, has 3$/m)
      assert.strictEqual(stdout.match(/^ {3}web-\S+ +0\/1 +\S+ /gm)?.length, 3)
      assert.include(stdout, "greeting: hello, world")
      assert.include(stdout, '{"tier":"front"}')
      assert.include(stdout, 'NotFound: pods "nowhere" not found')
      assert.include(stdout, 'conflict with "effect-kubernetes"')
      assert.include(stdout, "gone: true")

      const name = /^namespace (tour-\S+) deleted$/m.exec(stdout)?.[1] ?? ""
      assert.notStrictEqual(name, "")
      yield* e2e.untilGone(Namespace.getOption(name))
    })
  )

  it.effect("errors", () =>
    Effect.gen(function* () {
      const { exitCode, stdout } = yield* example("errors")
      assert.strictEqual(exitCode, 0)
      assert.include(stdout, "phase: gone")
      assert.include(stdout, "create: not valid: metadata.name")
      assert.match(stdout, /impatient: GET \S+: no answer within 1ns/)
    })
  )

  it.effect("paging", () =>
    Effect.gen(function* () {
      const { exitCode, stdout } = yield* example("paging")
      assert.strictEqual(exitCode, 0)
      assert.match(stdout, /^largest ConfigMap: \S+\/\S+, \d+ characters$/m)
    })
  )

  it.effect("many-clusters: one that is not there does not hide the others", () =>
    Effect.gen(function* () {
      const { context, cluster } = yield* KubeConfig
      const { exitCode, stdout } = yield* example("many-clusters", String(context), "nowhere")
      assert.strictEqual(exitCode, 0)
      assert.include(stdout, `${context}: v`)
      assert.include(stdout, cluster.server)
      assert.match(stdout, /^nowhere: ConfigError: /m)
    })
  )

  it.effect("custom-resource: its kind is installed, used and removed", () =>
    Effect.gen(function* () {
      const { exitCode, stderr, stdout } = yield* example("custom-resource")
      assert.strictEqual(stderr, "")
      assert.strictEqual(exitCode, 0)
      assert.match(stdout, /^0 4 \* \* \*, 7 kept, last run at \d{4}-\S+Z\n$/)
      yield* e2e.untilGone(CustomResourceDefinition.getOption("backups.tour.example.com"))
    })
  )
})

describe.skipIf(!inject("node"))("the examples that need a node", () => {
  layer(
    Layer.merge(NodeContext.layer, e2e.layer),
    e2e.live
  )((it) => {
    /** A test in a namespace of its own, which is the one of the kubeconfig. */
    const test = <A, E>(
      name: string,
      body: (kubeconfig: string) => Effect.Effect<A, E, NodeContext.NodeContext | KubeClient | Scope.Scope>
    ) =>
      it.scoped(name, () => e2e.inFreshNamespace((namespace) => Effect.flatMap(programs.kubeconfigOf(namespace), body)))

    /** The first lines that an example prints which goes on until it is stopped. */
    const firstLines = (count: number, of: Command.Command) =>
      Command.streamLines(of).pipe(Stream.take(count), Stream.runCollect, Effect.map(Chunk.toReadonlyArray))

    /** Two pods that say who they are, on their port and in the log of each of their containers. */
    const web = Effect.gen(function* () {
      yield* e2e.podsAllowed
      const script = (name: string) =>
        `echo I am ${name}; mkdir /www; hostname > /www/index.html; exec httpd -f -p ${name === "main" ? 8080 : 8081} -h /www`
      const { metadata } = yield* Deployment.create({
        metadata: { name: "web" },
        spec: {
          replicas: 2,
          selector: { matchLabels: { app: "web" } },
          template: {
            metadata: { labels: { app: "web" } },
            spec: {
              terminationGracePeriodSeconds: 0,
              containers: ["main", "proxy"].map((name) => pods.container(name, ["sh", "-c", script(name)]))
            }
          }
        }
      })
      return metadata
    })

    test("logs: all pods, without a container that is not wanted", (kubeconfig) =>
      Effect.gen(function* () {
        yield* web
        const printed = yield* firstLines(2, command(kubeconfig, "logs", "web", "proxy"))
        for (const line of printed) assert.match(line, /^web-\S+ main \| I am main$/)
        assert.strictEqual(new Set(printed).size, 2)
      }))

    test("port-forward: to a service, until it is stopped", (kubeconfig) =>
      Effect.gen(function* () {
        yield* web
        yield* Service.create({
          metadata: { name: "web" },
          spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080 }] }
        })
        yield* Command.streamLines(command(kubeconfig, "port-forward", "web", "80")).pipe(
          Stream.mapEffect((line) =>
            Effect.gen(function* () {
              const [, address] = /^listening on (127\.0\.0\.1:\d+)$/.exec(line) ?? []
              const asked = Effect.tryPromise(() =>
                fetch(`http://${address}/`, { headers: { connection: "close" } }).then((answer) => answer.text())
              )
              assert.match(yield* Effect.retry(asked, { times: 5 }), /^web-\S+\n$/)
            })
          ),
          Stream.take(1),
          Stream.runDrain
        )
      }))

    test("exec: input, an exit code, and a terminal that ends with the scope", (kubeconfig) =>
      Effect.gen(function* () {
        yield* pods.start("box", [pods.container("main", pods.idle)])
        const { exitCode, stderr, stdout } = yield* run(command(kubeconfig, "exec", "box"))
        assert.strictEqual(stderr, "")
        assert.strictEqual(stdout, "sorted: c b a\nexit code 3: no such table\nline 0\nline 1\nline 2\n")
        assert.strictEqual(exitCode, 0)
        const { stdout: left } = yield* Pod.exec("box", ["sh", "-c", "cat /proc/[0-9]*/cmdline"])
        assert.notInclude(left, "echo line $i")
      }))

    test("copy: there and back, and what is not there", (kubeconfig) =>
      Effect.gen(function* () {
        yield* pods.start("box", [pods.container("main", pods.idle)])
        const { exitCode, stdout } = yield* run(command(kubeconfig, "copy", "box"))
        const [sent, ...rest] = stdout.trimEnd().split("\n")
        assert.strictEqual(sent, "sent 2 files, 32 bytes")
        assert.sameMembers(rest.slice(0, 2), ["css/main.css: 18 of 18", "index.html: 14 of 14"])
        assert.strictEqual(rest[2], "got 2 files, 32 bytes")
        assert.match(rest[3] ?? "", /^TarFailed: .*no such file/i)
        assert.strictEqual(exitCode, 0)
        assert.strictEqual((yield* Pod.exec("box", ["cat", "/tmp/site/index.html"])).stdout, "<h1>Hello</h1>")
      }))

    test("container: a file is edited, and what a pipe of two commands writes is kept here", (kubeconfig) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const directory = yield* fs.makeTempDirectoryScoped()
        // What the image of a database would have.
        const prepare = `mkdir /etc/postgresql; echo "#max_connections = 100" > /etc/postgresql/postgresql.conf
          printf '#!/bin/sh\necho "$@"' > /bin/pg_dump; chmod +x /bin/pg_dump; touch /ready; exec "$0" "$@"`
        yield* pods.start("db-0", [
          pods.container("main", ["sh", "-c", prepare, ...pods.idle], {
            readinessProbe: { exec: { command: ["test", "-e", "/ready"] }, periodSeconds: 1 }
          })
        ])
        const { exitCode, stderr, stdout } = yield* run(
          command(kubeconfig, "container", "db-0").pipe(Command.workingDirectory(directory))
        )
        assert.strictEqual(stderr, "")
        assert.strictEqual(stdout, "the dump is in app.sql.gz\n")
        assert.strictEqual(exitCode, 0)
        const dump = gunzipSync(yield* fs.readFile(`${directory}/app.sql.gz`)).toString("utf8")
        assert.strictEqual(dump, "--username postgres app\n")
        const { stdout: edited } = yield* Pod.exec("db-0", ["cat", "/etc/postgresql/postgresql.conf"])
        assert.strictEqual(edited, "max_connections = 200\n")
      }))

    test("wait: a rollout, step by step", (kubeconfig) =>
      Effect.gen(function* () {
        yield* e2e.podsAllowed
        const { exitCode, stderr, stdout } = yield* run(
          command(kubeconfig, "wait", "web", NodeImage.image.replace(/:.*/, ":pause"))
        )
        assert.strictEqual(stderr, "")
        const lines = stdout.trimEnd().split("\n")
        assert.isAbove(lines.length, 1)
        for (const line of lines) assert.match(line, /^web: \S/)
        assert.strictEqual(lines.at(-1), "web: rolled out")
        assert.strictEqual(exitCode, 0)
        const { status } = yield* Deployment.get("web")
        assert.strictEqual(status.availableReplicas, 2)
      }))

    test("informer: the pods of each node, and every change", (kubeconfig) =>
      Effect.gen(function* () {
        const { metadata, spec } = yield* pods.start("box", [pods.container("main", pods.idle)])
        const here = `${metadata.namespace}/box; on ${spec.nodeName}: `
        const lines = Command.streamLines(command(kubeconfig, "informer"))
        const change = lines.pipe(
          Stream.tap((line) =>
            line === "that is all there is now" ? Pod.delete("box", { gracePeriodSeconds: 0 }) : Effect.void
          ),
          Stream.takeUntil((line) => line.startsWith(`deleted ${here}`)),
          Stream.runCollect
        )
        const [first = "", ...rest] = Chunk.toReadonlyArray(yield* change)
        assert.match(first, /^[1-9]\d* pods$/)
        const known = rest.find((line) => line.startsWith(`added ${here}`))
        assert.isAbove(Number(known?.slice(`added ${here}`.length)), 0)
      }))
  })
})
