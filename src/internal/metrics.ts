/** Counts and durations of requests, in Effect's metric registry, under OpenTelemetry's names where it has one. */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricLabel from "effect/MetricLabel"
import type { KubeError } from "../KubeError.js"
import type { Request } from "../Request.js"

/** Seconds; the boundaries that OpenTelemetry advises for HTTP clients. */
const duration = Metric.histogram(
  "http.client.request.duration",
  MetricBoundaries.fromIterable([0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]),
  "How long the API server took to answer, in seconds"
)
const failures = Metric.counter("kubernetes.client.failures", { description: "Calls that failed", incremental: true })
const retries = Metric.counter("kubernetes.client.retries", { description: "Further tries", incremental: true })

const restarts = Metric.counter("kubernetes.client.watch.restarts", {
  description: "Watches that went on after an error",
  incremental: true
})

const objects = Metric.gauge("kubernetes.client.informer.objects", { description: "Objects that informers hold" })

/** The server that requests go to, in OpenTelemetry's words. */
export interface Server {
  readonly "server.address": string
  readonly "server.port": number
}

/** Looking a metric up by its labels hashes them all; a label set is seen again and again. */
const perLabels = <Type, In, Out>(metric: Metric.Metric<Type, In, Out>, server: Server) => {
  const known = new Map<string, Metric.Metric<Type, In, Out>>()
  return (request: Request, name: string, value: string): Metric.Metric<Type, In, Out> => {
    const resource = request.about?.resource ?? ""
    const verb = request.about?.verb ?? ""
    const key = `${request.method} ${verb} ${resource} ${value}`
    let labelled = known.get(key)
    if (labelled === undefined) {
      labelled = Metric.taggedWithLabels(metric, [
        MetricLabel.make("server.address", server["server.address"]),
        MetricLabel.make("server.port", String(server["server.port"])),
        MetricLabel.make("http.request.method", request.method),
        MetricLabel.make("k8s.verb", verb),
        MetricLabel.make("k8s.resource", resource),
        MetricLabel.make(name, value)
      ])
      known.set(key, labelled)
    }
    return labelled
  }
}

/** Takes note of what becomes of the requests to one server. */
export interface Requests {
  readonly answered: (request: Request, status: number, millis: number) => void
  readonly failed: (request: Request, error: KubeError) => void
  readonly retried: (request: Request) => void
}

export const requestsTo = (server: Server): Requests => {
  const durationOf = perLabels(duration, server)
  const failuresOf = perLabels(failures, server)
  const retriesOf = perLabels(retries, server)
  return {
    answered: (request, status, millis) =>
      durationOf(request, "http.response.status_code", String(status)).unsafeUpdate(millis / 1000, []),
    failed: (request, error) => failuresOf(request, "error.type", error._tag).unsafeUpdate(1, []),
    retried: (request) => retriesOf(request, "k8s.retry", "true").unsafeUpdate(1, [])
  }
}

export const restarted = (resource: string, error: KubeError): void =>
  Metric.taggedWithLabels(restarts, [
    MetricLabel.make("k8s.resource", resource),
    MetricLabel.make("error.type", error._tag)
  ]).unsafeUpdate(1, [])

/** Takes note of how many objects an informer holds; those of all informers of a kind are one number. */
export const cached = (resource: string): ((size: number) => void) => {
  const labelled = Metric.taggedWithLabels(objects, [MetricLabel.make("k8s.resource", resource)])
  let told = 0
  return (size) => {
    if (size === told) return
    labelled.unsafeModify(size - told, [])
    told = size
  }
}
