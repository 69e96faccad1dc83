/** Connections into pods through a real kubelet. */
import { assert, describe, inject, layer } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { Deployment, Pod, Pods, PortForward, Service, type KubeError } from "effect-kubernetes"
import * as e2e from "../support/e2e.js"
import * as pods from "../support/pods.js"

/** Serves its own name. */
const web = pods.container(
  "main",
  ["sh", "-c", "mkdir -p /tmp/www; hostname > /tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www"],
  { ports: [{ name: "http", containerPort: 8080 }] }
)

const ask = ({ host, port }: PortForward.Address) =>
  Effect.tryPromise(() =>
    fetch(`http://${host}:${port}/`, { headers: { connection: "close" } }).then((answer) => answer.text())
  )

describe.skipIf(!inject("node"))("a port-forward", () => {
  layer(
    e2e.layer,
    e2e.live
  )((it) => {
    it.scoped("to a pod: 200 requests at once, and an HttpClient", () =>
      e2e.inFreshNamespace(() =>
        Effect.gen(function* () {
          yield* pods.start("web", [web])
          const forward = yield* Pod.portForward("web", "http")
          yield* Effect.retry(ask(forward), { times: 5 })
          const answers = yield* Effect.all(
            Array.from({ length: 200 }, () => ask(forward)),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual([...new Set(answers)], ["web\n"])
          const http = yield* PortForward.httpClient("web", 8080)
          const response = yield* http.get("http://anything/")
          assert.strictEqual(yield* response.text, "web\n")
        })
      )
    )

    it.scoped("that the pod refuses says why", () =>
      e2e.inFreshNamespace(() =>
        Effect.gen(function* () {
          yield* pods.start("web", [web])
          const told = yield* Deferred.make<KubeError>()
          const onError = (error: KubeError) => Effect.asVoid(Deferred.succeed(told, error))
          const forward = yield* PortForward.listen("web", 9, { onError })
          yield* Effect.flip(ask(forward))
          const error = yield* Deferred.await(told)
          assert.strictEqual(error._tag === "PortForwardError" ? error.reason : error._tag, "Refused")
        })
      )
    )

    it.scoped("to a service survives its pod", () =>
      e2e.inFreshNamespace(() =>
        Effect.gen(function* () {
          const labels = { app: "web" }
          yield* e2e.podsAllowed
          yield* Deployment.create({
            metadata: { name: "web" },
            spec: {
              replicas: 1,
              selector: { matchLabels: labels },
              template: {
                metadata: { labels },
                spec: { terminationGracePeriodSeconds: 0, containers: [web] }
              }
            }
          })
          yield* Service.create({
            metadata: { name: "web" },
            spec: { selector: labels, ports: [{ port: 80, targetPort: "http" }] }
          })
          const forward = yield* PortForward.listen(Pods.of(Service, "web"), 80)
          const first = yield* Effect.retry(ask(forward), { times: 5 })
          yield* Pod.delete(first.trim())
          yield* e2e.eventually(
            ask(forward).pipe(
              Effect.map((name) => name !== first),
              Effect.orElseSucceed(() => false)
            )
          )
        })
      )
    )
  })
})
