/** The real kubectl against a TestCluster that is served. */
import { assert, describe, it } from "@effect/vitest"
import { Command, FileSystem, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { Chunk, Deferred, Effect, Exit, Fiber, Layer, Option, Stream } from "effect"
import { ConfigMap, Deployment, Pod } from "effect-kubernetes"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"
import { kubectlOf } from "../support/served.js"

const namespace = (name: string) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } })
const map = (name: string, data: { readonly [key: string]: string } = { color: "blue" }) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data
})
const web = { metadata: { name: "web" }, spec: { containers: [{ name: "app", image: "web:1" }] } }

const layer = TestCluster.layer({
  nodes: 1,
  controllers: ["*", "-root-ca-cert-publisher"],
  objects: [namespace("other"), map("a")],
  containers: [
    TestCluster.container("app", {
      logs: Stream.fromIterable(["one", "two"]),
      exec: ({ argv, stdin }) =>
        argv[0] === "cat"
          ? Effect.map(Stream.mkString(Stream.decodeText(stdin)), (stdout) => ({ stdout }))
          : Effect.succeed({ stderr: "no\n", exitCode: 3 })
    })
  ]
})

const data = (name: string) =>
  Effect.flatMap(TestCluster, (cluster) =>
    Effect.map(cluster.get(ConfigMap, name), (found) => Option.getOrUndefined(found)?.["data"])
  )

/** Of the fields of an object those that are not of this one object only. */
const content = (text: string): unknown => {
  const { metadata, ...rest } = JSON.parse(text) as { readonly metadata: { readonly [key: string]: unknown } }
  const { annotations, labels, name } = metadata
  return { ...rest, metadata: { annotations, labels, name } }
}

describe("kubectl", { timeout: 60_000 }, () => {
  it.scopedLive("get: tables, wide, yaml, jsonpath, selectors", () =>
    Effect.gen(function* () {
      const { kubectl, refused } = yield* kubectlOf
      assert.match(yield* kubectl("get", "cm"), /^NAME +DATA +AGE\na +1 +\d+s\n$/)
      assert.match(yield* kubectl("get", "nodes", "-o", "wide"), /^NAME +STATUS +ROLES .*OS-IMAGE/)
      assert.match(
        yield* kubectl("get", "cm", "a", "-o", "yaml"),
        /^apiVersion: v1\ndata:\n {2}color: blue\nkind: ConfigMap\n/
      )
      assert.strictEqual(yield* kubectl("get", "cm", "-A", "-o", "jsonpath={.items[*].data.color}"), "blue")
      yield* kubectl("label", "cm", "a", "tier=one")
      assert.strictEqual(yield* kubectl("get", "cm", "-l", "tier in (one,two)", "-o", "name"), "configmap/a\n")
      assert.strictEqual(yield* kubectl("get", "cm", "-l", "tier=two", "-o", "name"), "")
      assert.strictEqual(
        yield* kubectl("get", "cm", "--field-selector", "metadata.name=a", "-o", "name"),
        "configmap/a\n"
      )
      assert.strictEqual(
        yield* refused("get", "cm", "nope"),
        'Error from server (NotFound): configmaps "nope" not found\n'
      )
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("get -w shows what happens, as rows", () =>
    Effect.gen(function* () {
      const { kubectl, lines } = yield* kubectlOf
      const begun = yield* Deferred.make<void>()
      const watching = yield* lines("get", "cm", "-w", "--no-headers").pipe(
        Stream.tap(() => Deferred.succeed(begun, undefined)),
        Stream.take(3),
        Stream.runCollect,
        Effect.fork
      )
      yield* Deferred.await(begun)
      yield* kubectl("create", "cm", "b")
      yield* kubectl("delete", "cm", "b")
      const names = Chunk.toReadonlyArray(yield* Fiber.join(watching)).map((line) => line.split(/ +/)[0])
      assert.deepStrictEqual(names, ["a", "b", "b"])
    }).pipe(Effect.provide(layer))
  )

  const typed: ReadonlyArray<readonly [type: string, ...args: ReadonlyArray<string>]> = [
    ["configmap", "it", "--from-literal=a=b"],
    ["secret", "generic", "it", "--from-literal=password=hidden"],
    ["secret", "docker-registry", "it", "--docker-username=u", "--docker-password=p", "--docker-server=example.com"],
    ["deployment", "it", "--image=web:1", "--replicas=2", "--port=80", "--", "run", "it"],
    ["job", "it", "--image=web:1", "--", "true"],
    ["cronjob", "it", "--image=web:1", "--schedule=*/5 * * * *", "--restart=Never", "--", "true"],
    ["service", "clusterip", "it", "--tcp=80:8080"],
    ["service", "externalname", "it", "--external-name=example.com"],
    ["ingress", "it", "--rule=example.com/x*=it:80,tls=cert", "--class=one"],
    ["serviceaccount", "it"],
    ["role", "it", "--verb=get,list", "--resource=pods,deployments.apps"],
    ["rolebinding", "it", "--role=it", "--serviceaccount=default:it"],
    ["quota", "it", "--hard=pods=10,requests.cpu=500m"],
    ["poddisruptionbudget", "it", "--selector=app=it", "--min-available=50%"]
  ]

  it.scopedLive("create: what its typed commands send in protobuf is what they print as JSON", () =>
    Effect.gen(function* () {
      const { kubectl, file } = yield* kubectlOf
      const cluster = yield* TestCluster
      for (const [type, ...args] of typed) {
        yield* cluster.clearRequests
        const rest = args.includes("--") ? args.indexOf("--") : args.length
        const dashed = [...args.slice(0, rest), "--dry-run=client", "-o", "json", ...args.slice(rest)]
        const text = yield* kubectl("create", type, ...dashed)
        const name = yield* kubectl("create", type, ...args.slice(0, rest), "-o", "name", ...args.slice(rest))
        const post = (yield* cluster.requests).find(({ method }) => method === "POST")
        assert.strictEqual(post?.headers["content-type"], "application/vnd.kubernetes.protobuf", type)
        const path = yield* file("it.json", text)
        yield* kubectl("create", "-n", "other", "-f", path)
        const inProtobuf = yield* kubectl("get", name.trim(), "-o", "json")
        const inJson = yield* kubectl("get", "-n", "other", name.trim(), "-o", "json")
        const settled = (each: string) => {
          const { status: _, ...object } = content(each) as { readonly status?: unknown }
          return JSON.parse(
            JSON.stringify(object)
              .replaceAll(/"(controller-uid|batch\.kubernetes\.io\/controller-uid)":"[^"]*"/g, '"$1":""')
              // Each service has its own address.
              .replaceAll(/"10\.0\.0\.\d+"/g, '""')
          ) as unknown
        }
        assert.deepStrictEqual(settled(inProtobuf), settled(inJson), type)
        yield* kubectl("delete", name.trim(), "--wait=false")
        yield* kubectl("delete", "-n", "other", name.trim(), "--wait=false")
      }
    }).pipe(Effect.provide(TestCluster.layer({ controllers: false, objects: [namespace("other")] })))
  )

  it.scopedLive("create -f, apply at both sides, diff", () =>
    Effect.gen(function* () {
      const { file, kubectl, refused, result } = yield* kubectlOf
      const path = yield* file("b.yaml", JSON.stringify(map("b", { x: "1", y: "1" })))
      assert.strictEqual(yield* kubectl("apply", "-f", path), "configmap/b created\n")
      assert.strictEqual(yield* kubectl("apply", "-f", path), "configmap/b unchanged\n")
      yield* file("b.yaml", JSON.stringify(map("b", { x: "2" })))
      const { exitCode, stdout } = yield* result(["diff", "-f", path])
      assert.strictEqual(exitCode, 1)
      assert.include(stdout, '+  x: "2"')
      assert.strictEqual(yield* kubectl("apply", "-f", path), "configmap/b configured\n")
      assert.deepStrictEqual(yield* data("b"), { x: "2" })
      assert.include(yield* refused("create", "-f", path), "Error from server (AlreadyExists)")

      const other = yield* file("c.yaml", JSON.stringify(map("a", { color: "red" })))
      yield* kubectl("apply", "--server-side", "--field-manager=one", "--force-conflicts", "-f", other)
      yield* file("c.yaml", JSON.stringify(map("a", { color: "green" })))
      assert.include(
        yield* refused("apply", "--server-side", "--field-manager=two", "-f", other),
        'conflict with "one": .data.color'
      )
      yield* kubectl("apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", other)
      assert.deepStrictEqual(yield* data("a"), { color: "green" })
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("edit, patch of every type, label, annotate", () =>
    Effect.gen(function* () {
      const { kubectl, result } = yield* kubectlOf
      const edited = yield* result(["edit", "cm", "a"], { KUBE_EDITOR: "sed -i s/blue/red/" })
      assert.strictEqual(edited.stdout, "configmap/a edited\n", edited.stderr)
      yield* kubectl("patch", "cm", "a", "--type=merge", "-p", '{"data":{"x":"1"}}')
      yield* kubectl("patch", "cm", "a", "--type=json", "-p", '[{"op":"add","path":"/data/y","value":"2"}]')
      yield* kubectl("patch", "cm", "a", "--type=strategic", "-p", '{"data":{"x":null}}')
      assert.deepStrictEqual(yield* data("a"), { color: "red", y: "2" })
      yield* kubectl("create", "deployment", "web", "--image=web:1")
      const strategic = '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"web:2"}]}}}}'
      yield* kubectl("patch", "deployment", "web", "-p", strategic)
      assert.strictEqual((yield* Deployment.get("web")).spec.template.spec?.containers[0]?.image, "web:2")
      yield* kubectl(
        "patch",
        "deployment",
        "web",
        "--subresource=scale",
        "--type=merge",
        "-p",
        '{"spec":{"replicas":3}}'
      )
      assert.strictEqual((yield* Deployment.get("web")).spec.replicas, 3)
      yield* kubectl("label", "cm", "a", "k=v")
      assert.match(yield* kubectl("annotate", "cm", "a", "n=m"), /annotated/)
      const { metadata } = yield* ConfigMap.get("a")
      assert.deepStrictEqual([metadata.labels, metadata.annotations], [{ k: "v" }, { n: "m" }])
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("delete waits for finalizers; wait --for=delete", () =>
    Effect.gen(function* () {
      const { kubectl } = yield* kubectlOf
      yield* kubectl("patch", "cm", "a", "--type=merge", "-p", '{"metadata":{"finalizers":["example.com/held"]}}')
      yield* kubectl("delete", "cm", "a", "--wait=false")
      assert.isDefined((yield* ConfigMap.get("a")).metadata.deletionTimestamp)
      const waiting = yield* Effect.fork(kubectl("wait", "cm/a", "--for=delete", "--timeout=60s"))
      yield* kubectl("patch", "cm", "a", "--type=json", "-p", '[{"op":"remove","path":"/metadata/finalizers"}]')
      yield* Fiber.join(waiting)
      assert.isFalse(yield* ConfigMap.exists("a"))
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("explain, api-resources, api-versions, version, auth", () =>
    Effect.gen(function* () {
      const { kubectl } = yield* kubectlOf
      assert.match(yield* kubectl("explain", "deploy.spec.strategy.type"), /FIELD: type <string>/)
      assert.match(yield* kubectl("api-resources"), /^deployments +deploy +apps\/v1 +true +Deployment$/m)
      assert.match(yield* kubectl("api-versions"), /^networking\.k8s\.io\/v1$/m)
      assert.match(yield* kubectl("version"), /Server Version: v1\.35\.\d+/)
      assert.strictEqual(yield* kubectl("auth", "can-i", "create", "pods"), "yes\n")
      assert.match(yield* kubectl("auth", "can-i", "--list"), /^\*\.\* +\[\] +\[\] +\[\*\]$/m)
      assert.match(yield* kubectl("auth", "whoami"), /Username +admin/)
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("pods: run, wait, describe, scale and rollout of what controllers make, drain", () =>
    Effect.gen(function* () {
      const { kubectl } = yield* kubectlOf
      yield* kubectl("run", "one", "--image=web:1")
      yield* kubectl("wait", "pod/one", "--for=condition=Ready", "--timeout=60s")
      assert.match(yield* kubectl("describe", "pod", "one"), /^Status: +Running$/m)
      yield* kubectl("create", "deployment", "web", "--image=web:1", "--replicas=2")
      assert.include(yield* kubectl("rollout", "status", "deployment/web", "--timeout=60s"), "successfully rolled out")
      yield* kubectl("scale", "deployment/web", "--replicas=3")
      yield* kubectl("wait", "deployment/web", "--for=jsonpath={.status.readyReplicas}=3", "--timeout=60s")
      yield* kubectl("set", "image", "deployment/web", "web=web:2")
      yield* kubectl("rollout", "status", "deployment/web", "--timeout=60s")
      yield* kubectl("rollout", "undo", "deployment/web")
      yield* kubectl("rollout", "status", "deployment/web", "--timeout=60s")
      assert.strictEqual((yield* Deployment.get("web")).spec.template.spec?.containers[0]?.image, "web:1")
      yield* kubectl("drain", "-l", "kubernetes.io/hostname", "--force", "--timeout=60s")
      const left = (yield* Pod.list()).items.filter(({ spec }) => spec?.nodeName !== undefined)
      assert.deepStrictEqual(
        left.map(({ metadata }) => metadata.name),
        []
      )
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("logs", () =>
    Effect.gen(function* () {
      const { kubectl, lines } = yield* kubectlOf
      yield* Pod.create(web)
      yield* kubectl("wait", "pod/web", "--for=condition=Ready", "--timeout=60s")
      assert.strictEqual(yield* kubectl("logs", "web"), "one\ntwo\n")
      const followed = yield* lines("logs", "-f", "web").pipe(Stream.take(2), Stream.runCollect)
      assert.deepStrictEqual(Chunk.toReadonlyArray(followed), ["one", "two"])
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("exec, with input and exit codes", () =>
    Effect.gen(function* () {
      const { kubectl, result, withInput } = yield* kubectlOf
      yield* Pod.create(web)
      yield* kubectl("wait", "pod/web", "--for=condition=Ready", "--timeout=60s")
      assert.strictEqual((yield* withInput("hello", "exec", "-i", "web", "--", "cat")).stdout, "hello")
      const failed = yield* result(["exec", "web", "--", "nope"])
      assert.strictEqual(failed.exitCode, 3)
      assert.include(failed.stderr, "no\n")
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("exec -it: a terminal with a size", () =>
    Effect.gen(function* () {
      const { inTerminal, kubectl } = yield* kubectlOf
      const cluster = yield* TestCluster
      yield* cluster.container("app", {
        exec: ({ sizes, stdin, tty }) =>
          Effect.gen(function* () {
            const size = Option.getOrThrow(yield* Stream.runHead(sizes))
            const typed = Option.getOrThrow(yield* Stream.runHead(Stream.splitLines(Stream.decodeText(stdin))))
            return { stdout: `${tty} ${size.width}x${size.height} ${typed}\r\n` }
          })
      })
      yield* Pod.create(web)
      yield* kubectl("wait", "pod/web", "--for=condition=Ready", "--timeout=60s")
      assert.include(yield* inTerminal("hello\n", "exec", "-it", "web", "--", "shell"), "true 97x31 hello\r\n")
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("attach", () =>
    Effect.gen(function* () {
      const { kubectl, withInput } = yield* kubectlOf
      const cluster = yield* TestCluster
      yield* cluster.container("app", {
        attach: ({ stdin }) => Effect.map(Stream.mkString(Stream.decodeText(stdin)), (stdout) => ({ stdout }))
      })
      yield* Pod.create({ ...web, spec: { containers: [{ name: "app", image: "web:1", stdin: true }] } })
      yield* kubectl("wait", "pod/web", "--for=condition=Ready", "--timeout=60s")
      assert.strictEqual((yield* withInput("hello", "attach", "-q", "-i", "web")).stdout, "hello")
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("port-forward: many connections at once, and a port where nobody listens", () =>
    Effect.gen(function* () {
      const { kubectl, lines } = yield* kubectlOf
      const cluster = yield* TestCluster
      yield* cluster.container("app", {
        ports: { 80: Effect.map(HttpServerRequest.HttpServerRequest, ({ url }) => HttpServerResponse.text(url)) }
      })
      yield* Pod.create(web)
      yield* kubectl("wait", "pod/web", "--for=condition=Ready", "--timeout=60s")
      const addressOf = (port: number) =>
        Stream.filterMap((line: string) =>
          Option.fromNullable(new RegExp(`^Forwarding from (127\\.0\\.0\\.1:\\d+) -> ${port}$`).exec(line)?.[1])
        )
      const answers = yield* lines("port-forward", "pod/web", ":80").pipe(
        addressOf(80),
        Stream.mapEffect((address) =>
          Effect.forEach(
            Array.from({ length: 20 }, (_, index) => `/${index}`),
            (path) => Effect.promise(() => fetch(`http://${address}${path}`).then((answer) => answer.text())),
            { concurrency: "unbounded" }
          )
        ),
        Stream.runHead
      )
      assert.deepStrictEqual(
        Option.getOrThrow(answers),
        Array.from({ length: 20 }, (_, index) => `/${index}`)
      )
      const refused = yield* lines("port-forward", "pod/web", ":81").pipe(
        addressOf(81),
        Stream.mapEffect((address) => Effect.exit(Effect.tryPromise(() => fetch(`http://${address}/`)))),
        Stream.runHead
      )
      assert.isTrue(Exit.isFailure(Option.getOrThrow(refused)))
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("cp, both ways", () =>
    Effect.gen(function* () {
      const { directory, file, kubectl } = yield* kubectlOf
      const fs = yield* FileSystem.FileSystem
      const cluster = yield* TestCluster
      const root = yield* fs.makeTempDirectoryScoped()
      yield* fs.makeDirectory(`${root}/data`)
      // The container's files are those of a folder here.
      yield* cluster.container("app", {
        exec: ({ argv, stderr, stdin, stdout }) => {
          const [program = "", ...args] = argv.map((word) => word.replace(/^\/(?=.)/, ""))
          return Command.make(program, ...args).pipe(
            Command.workingDirectory(root),
            Command.stdin(stdin),
            Command.start,
            Effect.flatMap((process) =>
              Effect.all(
                [
                  process.exitCode,
                  Stream.runForEach(process.stdout, stdout),
                  Stream.runForEach(process.stderr, stderr)
                ],
                { concurrency: "unbounded" }
              )
            ),
            Effect.map(([exitCode]) => exitCode),
            Effect.scoped,
            Effect.orDie,
            Effect.provide(NodeContext.layer)
          )
        }
      })
      yield* Pod.create(web)
      yield* kubectl("wait", "pod/web", "--for=condition=Ready", "--timeout=60s")
      const bytes = "0123456789".repeat(30_000)
      const path = yield* file("large", bytes)
      yield* kubectl("cp", path, "web:/data")
      assert.strictEqual(yield* fs.readFileString(`${root}/data/large`), bytes)
      yield* kubectl("cp", "web:/data", `${directory}/back`)
      assert.strictEqual(yield* fs.readFileString(`${directory}/back/large`), bytes)
    }).pipe(Effect.provide(Layer.merge(layer, NodeContext.layer)))
  )
})
