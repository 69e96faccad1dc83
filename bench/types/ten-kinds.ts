/** A program that uses ten kinds, a verb or two of each. */
import { Console, Effect, Stream } from "effect"
import {
  ConfigMap,
  CronJob,
  Deployment,
  Ingress,
  Job,
  Namespace,
  NodeKubeClient,
  Patch,
  Pod,
  Secret,
  Service,
  StatefulSet
} from "effect-kubernetes"

const labels = { app: "web" }

export const program = Effect.gen(function* () {
  yield* Namespace.create({ metadata: { name: "shop" } }).pipe(Effect.catchTag("AlreadyExists", () => Effect.void))
  const settings = yield* ConfigMap.get("settings")
  yield* Secret.apply({ metadata: { name: "database" }, stringData: { url: settings.data?.["url"] ?? "" } })
  yield* Deployment.create({
    metadata: { name: "web", labels },
    spec: {
      replicas: 3,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: "web", image: "example.com/web:1", ports: [{ containerPort: 8080 }] }] }
      }
    }
  })
  yield* Service.apply({
    metadata: { name: "web" },
    spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] }
  })
  yield* Ingress.patch("web", Patch.merge({ spec: { ingressClassName: "nginx" } }))
  yield* StatefulSet.scale("ledger", 3)
  const jobs = yield* Job.list({ labels, limit: 10 })
  for (const job of jobs.items) yield* Console.log(job.metadata.name, job.status.succeeded)
  yield* CronJob.modify("nightly", (found) => ({ ...found, spec: { ...found.spec, suspend: true } }))
  yield* Pod.watch({ labels }).pipe(
    Stream.runForEach((event) => Console.log(event._tag === "Modified" ? event.object.status.phase : event._tag))
  )
}).pipe(
  Effect.catchTag("NotFound", (error) => Console.error(error.message)),
  Effect.provide(NodeKubeClient.layer)
)
