/** The pods that are read: distinct, as large as real ones, never scheduled. Created once, found again later. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { KubeClient, Namespace, Patch, Pod } from "effect-kubernetes"
import { namespace, podName } from "./Adapter.js"

const apps = ["web", "checkout", "search", "mailer", "ledger", "thumbnailer", "gateway"]
const tiers = ["frontend", "backend", "batch"]

/** Hexadecimal digits that differ from pod to pod and are the same in every run. */
export const digits = (index: number, length: number): string => {
  let state = index * 2654435761 + 1
  let text = ""
  while (text.length < length) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    text += state.toString(16).padStart(8, "0")
  }
  return text.slice(0, length)
}

const container = (index: number, name: string, port: number) => ({
  name,
  image: `registry.example.com/${apps[index % apps.length]}/${name}:1.${index % 40}.${index % 7}`,
  args: ["--listen", `:${port}`, "--log-format=json", `--shard=${index % 64}`],
  env: [
    { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
    { name: "DATABASE_URL", valueFrom: { secretKeyRef: { name: "database", key: "url" } } },
    { name: "REQUEST_SALT", value: digits(index + port, 32) }
  ],
  ports: [{ name, containerPort: port, protocol: "TCP" }],
  resources: {
    requests: { cpu: `${100 + (index % 9) * 50}m`, memory: `${128 + (index % 5) * 64}Mi` },
    limits: { memory: "1Gi" }
  },
  livenessProbe: { httpGet: { path: "/healthz", port: name }, periodSeconds: 10, failureThreshold: 3 },
  readinessProbe: { httpGet: { path: "/readyz", port: name }, periodSeconds: 5, initialDelaySeconds: 2 },
  volumeMounts: [
    { name: "config", mountPath: "/etc/app", readOnly: true },
    { name: "cache", mountPath: "/var/cache/app" }
  ],
  securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } }
})

export const pod = (index: number): Pod => {
  const app = apps[index % apps.length] ?? ""
  return {
    metadata: {
      name: podName(index),
      labels: {
        app,
        tier: tiers[index % tiers.length] ?? "",
        "app.kubernetes.io/name": app,
        "app.kubernetes.io/instance": `${app}-${index % 50}`,
        "app.kubernetes.io/managed-by": "Helm",
        "pod-template-hash": digits(index % 100, 10)
      },
      annotations: {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "9090",
        "checksum/config": digits(index, 64),
        "kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"
      }
    },
    spec: {
      // A scheduler that does not exist: the pod stays as it is.
      schedulerName: "none",
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 30,
      nodeSelector: { "kubernetes.io/os": "linux" },
      tolerations: [{ key: "dedicated", operator: "Equal", value: tiers[index % tiers.length], effect: "NoSchedule" }],
      containers: [container(index, "app", 8080), container(index, "proxy", 15001)],
      volumes: [
        { name: "config", configMap: { name: `${app}-config` } },
        { name: "cache", emptyDir: { sizeLimit: "1Gi" } }
      ]
    }
  }
}

export const status = (index: number) => {
  const time = new Date(Date.UTC(2026, 0, 1) + index * 1000).toISOString().replace(".000", "")
  const ip = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`
  return {
    phase: "Running",
    podIP: ip,
    podIPs: [{ ip }],
    hostIP: "192.0.2.7",
    startTime: time,
    conditions: ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"].map(
      (type) => ({
        type,
        status: "True",
        lastTransitionTime: time
      })
    ),
    containerStatuses: ["app", "proxy"].map((name) => ({
      name,
      ready: true,
      started: true,
      restartCount: index % 3,
      image: `registry.example.com/${apps[index % apps.length]}/${name}:1.${index % 40}.${index % 7}`,
      imageID: `registry.example.com/${name}@sha256:${digits(index, 64)}`,
      containerID: `containerd://${digits(index + 7, 64)}`,
      state: { running: { startedAt: time } }
    }))
  }
}

const create = (index: number) =>
  Pod.create(pod(index), { fieldManager: "kube-controller-manager" }).pipe(
    // The namespace's service account comes a moment after the namespace.
    Effect.retry({ while: (error) => error._tag === "Forbidden", schedule: Schedule.spaced("200 millis"), times: 50 }),
    Effect.catchTag("AlreadyExists", () => Effect.void),
    Effect.zipRight(
      Pod.status.patch(podName(index), Patch.merge<Pod>({ status: status(index) }), { fieldManager: "kubelet" })
    )
  )

/** Makes sure that there are `count` pods; says how many it had to create. */
export const seed = (count: number) =>
  Effect.gen(function* () {
    yield* Namespace.create({ metadata: { name: namespace } }).pipe(Effect.catchTag("AlreadyExists", () => Effect.void))
    const page = yield* Pod.list({ limit: 1 })
    const present = page.items.length + (page.remainingItemCount ?? 0)
    if (present === count) return 0
    if (present > count) return yield* Effect.dieMessage(`namespace ${namespace} holds other pods; delete it first`)
    yield* Effect.forEach(
      Array.from({ length: count }, (_, index) => index),
      create,
      {
        concurrency: 16,
        discard: true
      }
    )
    return count - present
  }).pipe(KubeClient.withNamespace(namespace))
