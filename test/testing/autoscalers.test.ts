/** What `autoscaling/v1` shows of an autoscaler of `autoscaling/v2`: the texts are a real API server's. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"
import { sent } from "../conformance/harness.js"
import { at } from "../controllers/harness.js"

const path = (version: string) => `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers`

const described = { apiVersion: "v1", kind: "Service", name: "s" }
const selector = { matchLabels: { x: "z" } }

const spec = {
  maxReplicas: 5,
  scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
  behavior: { scaleUp: { stabilizationWindowSeconds: 30 } },
  metrics: [
    { type: "Resource", resource: { name: "memory", target: { type: "AverageValue", averageValue: "100Mi" } } },
    {
      type: "Pods",
      pods: { metric: { name: "hits", selector }, target: { type: "AverageValue", averageValue: "10" } }
    },
    {
      type: "Object",
      object: { describedObject: described, metric: { name: "rps" }, target: { type: "Value", value: "7" } }
    },
    {
      type: "External",
      external: { metric: { name: "q", selector }, target: { type: "AverageValue", averageValue: "3" } }
    },
    { type: "External", external: { metric: { name: "q" }, target: { type: "Value", value: "3" } } },
    {
      type: "ContainerResource",
      containerResource: { name: "cpu", container: "c", target: { type: "Utilization", averageUtilization: 5 } }
    },
    { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 60 } } }
  ]
}

const metrics =
  '[{"type":"Resource","resource":{"name":"memory","targetAverageValue":"100Mi"}},{"type":"Pods","pods":{"metricName":"hits","targetAverageValue":"10","selector":{"matchLabels":{"x":"z"}}}},{"type":"Object","object":{"target":{"kind":"Service","name":"s","apiVersion":"v1"},"metricName":"rps","targetValue":"7"}},{"type":"External","external":{"metricName":"q","metricSelector":{"matchLabels":{"x":"z"}},"targetAverageValue":"3"}},{"type":"External","external":{"metricName":"q","targetValue":"3"}},{"type":"ContainerResource","containerResource":{"name":"cpu","targetAverageUtilization":5,"container":"c"}}]'
const behavior =
  '{"ScaleUp":{"StabilizationWindowSeconds":30,"SelectPolicy":"Max","Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15},{"Type":"Percent","Value":100,"PeriodSeconds":15}],"Tolerance":null},"ScaleDown":{"StabilizationWindowSeconds":null,"SelectPolicy":"Max","Policies":[{"Type":"Percent","Value":100,"PeriodSeconds":15}],"Tolerance":null}}'

const call = (...step: Parameters<typeof sent>[0]) =>
  // The answers to these requests are objects.
  Effect.map(
    sent(step, (text) => text),
    ({ text }) => JSON.parse(text) as Parameters<typeof at>[0]
  )

it.effect(
  "autoscalers of autoscaling/v1 keep what only autoscaling/v2 knows in annotations, and take it from there",
  () =>
    Effect.gen(function* () {
      const made = yield* call("POST", path("v2"), { metadata: { name: "h", annotations: { a: "b" } }, spec })
      const old = yield* call("GET", `${path("v1")}/h`)
      assert.deepStrictEqual(at(old, "metadata", "annotations"), {
        a: "b",
        "autoscaling.alpha.kubernetes.io/behavior": behavior,
        "autoscaling.alpha.kubernetes.io/metrics": metrics
      })
      assert.strictEqual(at(old, "spec", "targetCPUUtilizationPercentage"), 60)
      assert.isUndefined(at(old, "spec", "metrics"))
      const again = yield* call("POST", path("v1"), {
        metadata: { name: "again", annotations: at(old, "metadata", "annotations") },
        spec: at(old, "spec")
      })
      assert.strictEqual(at(again, "metadata", "annotations", "autoscaling.alpha.kubernetes.io/metrics"), metrics)
      const copy = yield* call("GET", `${path("v2")}/again`)
      assert.deepStrictEqual(at(copy, "metadata", "annotations"), { a: "b" })
      assert.deepStrictEqual(at(copy, "spec"), at(made, "spec"))
    }).pipe(Effect.provide(TestCluster.layer()))
)
