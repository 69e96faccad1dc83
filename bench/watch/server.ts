/**
 * Answers `GET` of pods as an API server does: all of them or by pages, and a watch that sends each event as an HTTP chunk
 * of its own. It is told what to serve by the path of the namespace, and its own CPU time is nobody's.
 */
import * as Effect from "effect/Effect"
import { createServer } from "node:https"
import { digits, pod, status } from "../seed.js"
import { podName } from "../Adapter.js"
import { issue, makeAuthority } from "../../test/support/pki.js"

/** As the server writes down who has set which field. */
const fieldsOf = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return {}
  if (Array.isArray(value)) {
    return Object.fromEntries(
      value.map((item: unknown) => {
        const { name, type } = item as { readonly name?: string; readonly type?: string }
        return [
          `k:${JSON.stringify(name === undefined ? { type } : { name })}`,
          { ".": {}, ...(fieldsOf(item) as object) }
        ]
      })
    )
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [`f:${key}`, fieldsOf(item)]))
}

/** A fixed width, so that one event's text differs from the next one's in these bytes only. */
const version = (value: number): string => String(1_000_000_000 + value)

/** Half of it, and more, are managedFields: about 9.5 KB. */
const storedPod = (index: number) => {
  const { metadata, spec } = pod(index)
  const state = status(index)
  const uid = digits(index + 1_000_000, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")
  return {
    metadata: {
      name: podName(index),
      namespace: "bench",
      uid,
      resourceVersion: version(index),
      generation: 1,
      creationTimestamp: "2026-01-01T00:00:00Z",
      labels: metadata?.labels,
      annotations: metadata?.annotations,
      managedFields: [
        {
          manager: "kube-controller-manager",
          operation: "Update",
          apiVersion: "v1",
          time: "2026-01-01T00:00:00Z",
          fieldsType: "FieldsV1",
          fieldsV1: {
            "f:metadata": fieldsOf({ labels: metadata?.labels, annotations: metadata?.annotations }),
            "f:spec": fieldsOf(spec)
          }
        },
        {
          manager: "kubelet",
          operation: "Update",
          apiVersion: "v1",
          time: "2026-01-01T00:00:05Z",
          fieldsType: "FieldsV1",
          fieldsV1: { "f:status": fieldsOf(state) },
          subresource: "status"
        }
      ]
    },
    spec: {
      ...spec,
      containers: spec?.containers.map((container) => ({
        ...container,
        terminationMessagePath: "/dev/termination-log",
        terminationMessagePolicy: "File",
        imagePullPolicy: "IfNotPresent"
      })),
      restartPolicy: "Always",
      dnsPolicy: "ClusterFirst",
      serviceAccountName: "default",
      serviceAccount: "default",
      nodeName: `node-${index % 100}`,
      securityContext: {},
      priority: 0,
      enableServiceLinks: true,
      preemptionPolicy: "PreemptLowerPriority"
    },
    status: {
      ...state,
      containerStatuses: state.containerStatuses.map((container) => ({ ...container, lastState: {} })),
      qosClass: "Burstable"
    }
  }
}

/** What small objects look like: a lease, as a pod's metadata. */
const smallPod = (index: number) => {
  const { metadata, status: state } = storedPod(index)
  const { managedFields: _, ...rest } = metadata
  return {
    metadata: rest,
    spec: { containers: [{ name: "app", image: "registry.example.com/web/app:1.2.3", resources: {} }] },
    status: { phase: state.phase, podIP: state.podIP }
  }
}

const make = (size: string) => (size === "small" ? smallPod : storedPod)

/** How many pods the events of a watch are about. */
const known = 5000

/** The bytes of the event of each pod, and where its resource version stands in them. */
const eventsOf = (size: string) =>
  ["ADDED", "MODIFIED"].map((type) =>
    Array.from({ length: known }, (_, index) => {
      const object = { kind: "Pod", apiVersion: "v1", ...make(size)(index) }
      const line = Buffer.from(`${JSON.stringify({ type, object })}\n`)
      return { line, at: line.indexOf(version(index)) }
    })
  )

const main = Effect.gen(function* () {
  const authority = yield* makeAuthority()
  const own = yield* issue(authority, { commonName: "bench", ipAddresses: ["127.0.0.1"] })
  const events = new Map<string, ReturnType<typeof eventsOf>>()
  const server = createServer({ cert: own.certificate, key: own.privateKey }, (request, response) => {
    const url = new URL(request.url ?? "", "https://bench")
    // /api/v1/namespaces/large-5000/pods
    const [size = "", count = "0"] = (url.pathname.split("/")[4] ?? "").split("-")
    response.writeHead(200, { "content-type": "application/json" })
    if (!url.searchParams.has("watch")) {
      // Before events there is nothing.
      const total = url.pathname.includes("events") ? 0 : Number(count)
      const from = Number(url.searchParams.get("continue") ?? 0)
      const to = Math.min(total, from + Number(url.searchParams.get("limit") ?? total))
      const next = to < total ? `,"continue":"${to}","remainingItemCount":${total - to}` : ""
      let at = from
      const push = (): void => {
        if (at === from)
          response.write(`{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"${next}},"items":[`)
        for (; at < to; at++) {
          const text = JSON.stringify(make(size)(at))
          if (!response.write(at + 1 < to ? `${text},` : text)) {
            at++
            return void response.once("drain", push)
          }
        }
        response.end("]}\n")
      }
      return push()
    }
    response.flushHeaders()
    if (!url.pathname.includes("events")) return
    let texts = events.get(size)
    if (texts === undefined) events.set(size, (texts = eventsOf(size)))
    const [added = [], modified = []] = texts
    let at = 0
    const push = (): void => {
      while (at < Number(count)) {
        const text = (at < known ? added : modified)[at % known]
        if (text === undefined) return
        const line = Buffer.from(text.line)
        line.write(version(at + 1), text.at)
        at++
        if (!response.write(line)) return void response.once("drain", push)
      }
    }
    push()
  })
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    process.send?.({ port: typeof address === "object" ? address?.port : 0, ca: authority.certificate })
  })
})

Effect.runFork(main)
