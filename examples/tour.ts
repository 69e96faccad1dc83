/**
 * A tour of the client: `npm start`.
 *
 * It runs on the cluster of KUBECONFIG where that is set, else on a cluster in memory. It works in a namespace of its own,
 * which it removes at the end, however it ends. The cluster needs no nodes.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Clock, Config, Console, Data, Effect, Layer, Option, Schema, Stream } from "effect"
import {
  ConfigMap,
  Deployment,
  KubeClient,
  Namespace,
  NodeKubeClient,
  Patch,
  Pod,
  Request,
  type Table,
  type WatchEvent
} from "effect-kubernetes"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"

/** A server-side table in columns, as `kubectl get` prints it. */
const columns = ({ columnDefinitions, rows }: Table): string => {
  const shown = columnDefinitions.map(({ priority }, index) => ({ priority, index })).filter((c) => c.priority === 0)
  const lines = [
    shown.map(({ index }) => columnDefinitions[index]?.name.toUpperCase() ?? ""),
    ...rows.map(({ cells }) => shown.map(({ index }) => String(cells[index] ?? "<none>")))
  ]
  const widths = shown.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) => `   ${line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("   ")}`.trimEnd())
    .join("\n")
}

const step = (text: string) => Console.log(`\n-- ${text}`)

/** A namespace that is deleted when the scope ends: at the end of the tour, at a failure, at Ctrl-C. */
const ownNamespace = Effect.acquireRelease(
  Namespace.create({ metadata: { generateName: "tour-", labels: { "app.kubernetes.io/managed-by": "tour" } } }),
  (namespace) =>
    Namespace.delete(namespace).pipe(
      Effect.zipRight(Console.log(`namespace ${namespace.metadata.name} deleted`)),
      Effect.catchAll((error) => Console.error(`namespace ${namespace.metadata.name} is left: ${error.message}`))
    )
)

class NoCluster extends Data.TaggedError("NoCluster")<{ readonly message: string }> {}

const noCluster = ({ message }: { readonly message: string }) =>
  new NoCluster({
    message: `No cluster at KUBECONFIG: leave it unset for one in memory, or \`npm run cluster\` starts a real one. (${message})`
  })

/** The cluster of KUBECONFIG, or one in memory. Nobody's usual cluster is touched without being named. */
const cluster = Layer.unwrapEffect(
  Effect.map(
    Effect.option(Config.nonEmptyString("KUBECONFIG")),
    Option.match({
      onNone: () => TestCluster.layer({ nodes: 1 }),
      onSome: () => NodeKubeClient.layer
    })
  )
)

const labels = { app: "web" }

const describe = (event: WatchEvent<Deployment>) =>
  "object" in event
    ? `   ${event._tag.padEnd(8)} ${event.object.metadata.name}: wants ${event.object.spec.replicas}, has ${event.object.status.replicas ?? 0}`
    : `   ${event._tag}`

const tour = Effect.gen(function* () {
  yield* step("apply: a ConfigMap and a Deployment, server-side")
  const config = yield* ConfigMap.apply({ metadata: { name: "web", labels }, data: { greeting: "hello" } })
  const created = yield* Deployment.apply({
    metadata: { name: "web", labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: "web", image: "nginx:1.29", envFrom: [{ configMapRef: { name: "web" } }] }] }
      }
    }
  })
  yield* Console.log(`   configmap/${config.metadata.name} and deployment/${created.metadata.name}`)

  yield* step("list: typed objects, or the table that kubectl prints")
  const { items, resourceVersion } = yield* Deployment.list({ labels })
  for (const { metadata, spec } of items) {
    yield* Console.log(`   ${metadata.name} runs ${spec.template.spec.containers.map(({ image }) => image).join(", ")}`)
  }
  yield* Console.log(columns(yield* Deployment.listTable({ labels })))

  yield* step("watch, while a merge patch and the scale subresource change the Deployment")
  const watching = yield* Deployment.watch({ labels, resourceVersion }).pipe(
    Stream.tap((event) => Console.log(describe(event))),
    Stream.takeUntil((event) => event._tag === "Modified" && event.object.status.replicas === 3),
    Stream.runDrain,
    // Without a controller manager, nobody makes pods.
    Effect.timeoutOption("30 seconds"),
    Effect.fork
  )
  yield* Deployment.patch("web", Patch.merge({ metadata: { annotations: { team: "blue" } }, spec: { replicas: 2 } }))
  yield* Deployment.scale("web", 3)
  yield* watching
  yield* Console.log(columns(yield* Pod.listTable({ labels })))

  yield* step("modify: read, change, replace; again when someone else was faster")
  const modified = yield* ConfigMap.modify("web", (current) => ({
    ...current,
    data: { ...current.data, greeting: `${current.data?.["greeting"]}, world` }
  }))
  yield* Console.log(`   greeting: ${modified.data?.["greeting"]}`)

  yield* step("label: set one, remove one")
  const labelled = yield* Deployment.label("web", { tier: "front", app: null })
  yield* Console.log(`   ${JSON.stringify(labelled.metadata.labels)}`)

  yield* step("errors: caught by their tags")
  yield* Pod.get("nowhere").pipe(
    Effect.asVoid,
    Effect.catchTag("NotFound", (error) => Console.log(`   NotFound: ${error.message}`))
  )
  yield* ConfigMap.apply({ metadata: { name: "web" }, data: { greeting: "mine" } }, { fieldManager: "rival" }).pipe(
    Effect.asVoid,
    Effect.catchTag("Conflict", (error) => Console.log(`   Conflict: ${error.message}`))
  )

  yield* step("delete")
  yield* Deployment.delete("web", { propagationPolicy: "Background" })
  yield* ConfigMap.delete("web")
  yield* Console.log(`   gone: ${!(yield* ConfigMap.exists("web"))}`)
})

const program = Effect.gen(function* () {
  const { context, server } = yield* KubeClient
  const { gitVersion } = yield* KubeClient.request(
    Request.get("/version"),
    Schema.Struct({ gitVersion: Schema.String })
  ).pipe(Effect.catchAll(noCluster))
  yield* Console.log(`Kubernetes ${gitVersion} at ${server}${context === undefined ? "" : ` (context ${context})`}`)

  const began = yield* Clock.currentTimeMillis
  const namespace = yield* ownNamespace
  yield* Console.log(`namespace ${namespace.metadata.name} created`)
  yield* tour.pipe(KubeClient.withNamespace(namespace.metadata.name))
  yield* Console.log(`\nDone in ${(yield* Clock.currentTimeMillis) - began} ms.`)
}).pipe(Effect.scoped)

program.pipe(
  Effect.provide(cluster),
  // What keeps the client from being made.
  Effect.catchTags({ ConfigError: noCluster, AuthError: noCluster }),
  Effect.tapError((error) => Console.error(error.message)),
  (main) => NodeRuntime.runMain(main, { disableErrorReporting: true })
)
