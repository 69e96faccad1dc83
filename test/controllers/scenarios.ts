/** What the controllers of the clusters are given to do. Each scenario has a namespace of its own. */
import type { Headers, Step } from "../conformance/harness.js"
import { at, listAt, type Json, type Object_, type Scenario, type Wait } from "./harness.js"

const core = "/api/v1/namespaces/$NS"
const apps = "/apis/apps/v1/namespaces/$NS"
const batch = "/apis/batch/v1/namespaces/$NS"

const merge: Headers = { "content-type": "application/merge-patch+json" }
const patch = (path: string, body: object): Step => ["PATCH", path, body, merge]
const remove = (path: string): Step => ["DELETE", path]

export const image = "localhost/busybox:1"
/** An image that no node has. */
export const missing = "localhost/missing:1"
/** A container of this name is never ready. */
export const unready = "unready"

const idle = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"

interface Template {
  readonly labels?: { readonly [key: string]: string }
  readonly annotations?: { readonly [key: string]: string }
  readonly script?: string
  readonly container?: object
  readonly spec?: object
}

const template = ({
  annotations,
  container = {},
  labels = { app: "web" },
  script = idle,
  spec = {}
}: Template = {}) => ({
  metadata: { labels, ...(annotations === undefined ? {} : { annotations }) },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: "main", image, imagePullPolicy: "Never", command: ["sh", "-c", script], ...container }],
    ...spec
  }
})

const neverReady = { name: unready, readinessProbe: { exec: { command: ["false"] }, periodSeconds: 1 } }

const selector = { matchLabels: { app: "web" } }

const until = (path: string, is: (object: Object_) => boolean): Wait => ({ until: path, is })

const condition = (object: Json, type: string): Json | undefined =>
  listAt(object, "status", "conditions").find((each) => at(each, "type") === type)
const observed = (object: Json): boolean =>
  at(object, "status", "observedGeneration") === at(object, "metadata", "generation")

const deployments = `${apps}/deployments`
const web = `${deployments}/web`
const deployment = (spec: object, of: Template = {}): Step => [
  "POST",
  deployments,
  { metadata: { name: "web" }, spec: { selector, template: template(of), ...spec } }
]
const rolledOut: Wait = until(web, (object) => {
  const [replicas, paused] = [at(object, "spec", "replicas"), at(object, "spec", "paused")]
  const status = (name: string) => at(object, "status", name) ?? 0
  return (
    observed(object) &&
    status("replicas") === replicas &&
    status("availableReplicas") === replicas &&
    status("terminatingReplicas") === 0 &&
    (paused === true || status("updatedReplicas") === replicas)
  )
})
const changed = (annotations: { readonly [key: string]: string | null }) =>
  patch(web, { spec: { template: { metadata: { annotations } } } })
const pods = (count: number, and: (pod: Json) => boolean = () => true): Wait =>
  until(`${core}/pods`, (list) => listAt(list, "items").length === count && listAt(list, "items").every(and))
const isReady = (pod: Json): boolean => at(condition(pod, "Ready"), "status") === "True"

const sets = `${apps}/statefulsets`
const set = `${sets}/web`
const statefulSet = (spec: object, of: Template = {}): Step => [
  "POST",
  sets,
  { metadata: { name: "web" }, spec: { selector, serviceName: "web", template: template(of), ...spec } }
]
const statefulReady = (updated?: number): Wait =>
  until(set, (object) => {
    const status = (name: string) => at(object, "status", name) ?? 0
    const replicas = at(object, "spec", "replicas")
    return (
      observed(object) &&
      status("replicas") === replicas &&
      status("availableReplicas") === replicas &&
      (updated === undefined
        ? status("updateRevision") === status("currentRevision")
        : status("updatedReplicas") === updated)
    )
  })
const setChanged = (a: string) => patch(set, { spec: { template: { metadata: { annotations: { a } } } } })

const daemons = `${apps}/daemonsets`
const daemon = `${daemons}/web`
const daemonSet = (spec: object, of: Template = {}): Step => [
  "POST",
  daemons,
  { metadata: { name: "web" }, spec: { selector, template: template(of), ...spec } }
]
const daemonReady: Wait = until(daemon, (object) => {
  const status = (name: string) => at(object, "status", name) ?? 0
  const desired = status("desiredNumberScheduled")
  return observed(object) && status("numberAvailable") === desired && status("updatedNumberScheduled") === desired
})

const jobs = `${batch}/jobs`
const job = (spec: object, of: Template = {}): Step => [
  "POST",
  jobs,
  {
    metadata: { name: "work" },
    spec: {
      template: template({ labels: {}, script: "exit 0", ...of, spec: { restartPolicy: "Never", ...of.spec } }),
      ...spec
    }
  }
]
const work = `${jobs}/work`
const ended: Wait = until(work, (object) =>
  ["Complete", "Failed"].some((type) => at(condition(object, type), "status") === "True")
)

const services = `${core}/services`
const service = (name: string, spec: object, metadata: object = {}): Step => [
  "POST",
  services,
  { metadata: { name, ...metadata }, spec: { selector: { app: "web" }, ...spec } }
]
const slices = (test: (slices: ReadonlyArray<Json>) => boolean): Wait =>
  until("/apis/discovery.k8s.io/v1/namespaces/$NS/endpointslices", (list) => test(listAt(list, "items")))
const endpointsOf = (all: ReadonlyArray<Json>, name: string): ReadonlyArray<Json> =>
  all
    .filter((each) => at(each, "metadata", "labels", "kubernetes.io/service-name") === name)
    .flatMap((each) => listAt(each, "endpoints"))

const sized = (name: string, resources: object): Step => [
  "POST",
  `${core}/pods`,
  { metadata: { name }, spec: { ...template({ container: { resources } }).spec, schedulerName: "nobody" } }
]
const claimed = (name: string, storage: string): Step => [
  "POST",
  `${core}/persistentvolumeclaims`,
  { metadata: { name }, spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage } } } }
]
const quota = (name: string, spec: object): Step => ["POST", `${core}/resourcequotas`, { metadata: { name }, spec }]

const budgets = "/apis/policy/v1/namespaces/$NS/poddisruptionbudgets"

const scenario = (name: string, follows: string | undefined, ...steps: ReadonlyArray<Step | Wait>): Scenario => ({
  name,
  steps: [
    // No pod can be made before this is there.
    until(`${core}/serviceaccounts/default`, (account) => at(account, "metadata", "uid") !== undefined),
    ...steps
  ],
  ...(follows === undefined ? {} : { follows })
})

export const scenarios: ReadonlyArray<Scenario> = [
  scenario("deployment: created", web, deployment({ replicas: 2 }), rolledOut),
  scenario(
    "deployment: scaled",
    undefined,
    deployment({ replicas: 1 }),
    rolledOut,
    patch(`${web}/scale`, { spec: { replicas: 3 } }),
    rolledOut,
    patch(web, { spec: { replicas: 2 } }),
    rolledOut,
    pods(2)
  ),
  scenario(
    "deployment: another template, and back",
    undefined,
    deployment({ replicas: 2, strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } }),
    rolledOut,
    changed({ a: "b" }),
    rolledOut,
    changed({ a: null }),
    rolledOut,
    pods(2)
  ),
  scenario(
    "deployment: recreated",
    undefined,
    deployment({ replicas: 2, strategy: { type: "Recreate" } }),
    rolledOut,
    changed({ a: "b" }),
    rolledOut,
    pods(2)
  ),
  scenario(
    "deployment: few revisions are kept",
    undefined,
    deployment({ replicas: 1, revisionHistoryLimit: 1 }),
    rolledOut,
    changed({ a: "1" }),
    rolledOut,
    changed({ a: "2" }),
    rolledOut,
    changed({ a: "3" }),
    rolledOut,
    pods(1),
    until(`${apps}/replicasets`, (list) => listAt(list, "items").length === 2)
  ),
  scenario(
    "deployment: paused",
    web,
    deployment({ replicas: 1 }),
    rolledOut,
    patch(web, { spec: { paused: true, replicas: 2 } }),
    rolledOut,
    changed({ a: "b" }),
    until(web, observed)
  ),
  scenario(
    "deployment: paused and resumed",
    undefined,
    deployment({ replicas: 1, paused: true }),
    until(web, observed),
    patch(web, { spec: { paused: false } }),
    rolledOut
  ),
  scenario(
    "deployment: does not progress",
    web,
    deployment({ replicas: 1, progressDeadlineSeconds: 3 }, { container: { image: missing } }),
    until(web, (object) => at(condition(object, "Progressing"), "reason") === "ProgressDeadlineExceeded")
  ),
  scenario(
    "deployment: an update that does not progress",
    undefined,
    deployment({ replicas: 2, progressDeadlineSeconds: 5 }),
    rolledOut,
    patch(web, { spec: { template: template({ container: { image: missing } }) } }),
    until(web, (object) => at(condition(object, "Progressing"), "reason") === "ProgressDeadlineExceeded")
  ),
  scenario(
    "deployment: gone in the foreground",
    undefined,
    deployment({ replicas: 1 }),
    rolledOut,
    ["DELETE", web, { propagationPolicy: "Foreground" }],
    until(web, (object) => at(object, "code") === 404),
    pods(0)
  ),
  scenario(
    "replica set: adopts, and lets go",
    undefined,
    ["POST", `${core}/pods`, { metadata: { name: "orphan", labels: { app: "web" } }, spec: template().spec }],
    [
      "POST",
      `${apps}/replicasets`,
      { metadata: { name: "web" }, spec: { replicas: 2, selector, template: template() } }
    ],
    until(`${apps}/replicasets/web`, (object) => at(object, "status", "availableReplicas") === 2),
    patch(`${core}/pods/orphan`, { metadata: { labels: { app: "other" } } }),
    pods(3, isReady),
    until(`${apps}/replicasets/web`, (object) => at(object, "status", "availableReplicas") === 2)
  ),
  scenario("stateful set: created", undefined, statefulSet({ replicas: 2 }), statefulReady()),
  scenario(
    "stateful set: in parallel, with other ordinals",
    undefined,
    statefulSet({ replicas: 2, podManagementPolicy: "Parallel", ordinals: { start: 5 } }),
    statefulReady()
  ),
  scenario(
    "stateful set: waits for the first",
    undefined,
    statefulSet({ replicas: 2 }, { container: neverReady }),
    until(`${core}/pods/web-0`, (pod) => at(pod, "status", "phase") === "Running"),
    until(set, (object) => at(object, "status", "replicas") === 1)
  ),
  scenario(
    "stateful set: scaled",
    undefined,
    statefulSet({ replicas: 3 }),
    statefulReady(),
    patch(`${set}/scale`, { spec: { replicas: 1 } }),
    statefulReady(),
    pods(1),
    patch(`${set}/scale`, { spec: { replicas: 2 } }),
    statefulReady()
  ),
  scenario(
    "stateful set: another template, and back",
    undefined,
    statefulSet({ replicas: 2 }),
    statefulReady(),
    setChanged("b"),
    statefulReady(),
    patch(set, { spec: { template: { metadata: { annotations: null } } } }),
    statefulReady()
  ),
  scenario(
    "stateful set: updated from a partition on",
    undefined,
    statefulSet({ replicas: 3, updateStrategy: { rollingUpdate: { partition: 2 } } }),
    statefulReady(),
    setChanged("b"),
    statefulReady(1),
    remove(`${core}/pods/web-0`),
    until(`${core}/pods/web-0`, isReady),
    statefulReady(1)
  ),
  scenario(
    "stateful set: updated on delete",
    undefined,
    statefulSet({ replicas: 2, updateStrategy: { type: "OnDelete" } }),
    statefulReady(),
    setChanged("b"),
    until(set, observed),
    remove(`${core}/pods/web-1`),
    until(`${core}/pods/web-1`, (pod) => isReady(pod) && at(pod, "metadata", "deletionTimestamp") === undefined),
    statefulReady(1)
  ),
  scenario(
    "stateful set: claims",
    undefined,
    statefulSet(
      {
        replicas: 1,
        persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete", whenScaled: "Retain" },
        volumeClaimTemplates: [
          {
            metadata: { name: "data", labels: { kind: "data" } },
            spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } }
          }
        ]
      },
      { container: { volumeMounts: [{ name: "data", mountPath: "/data" }] }, spec: { schedulerName: "nobody" } }
    ),
    pods(1),
    until(set, (object) => at(object, "status", "replicas") === 1)
  ),
  scenario("daemon set: created", undefined, daemonSet({}), daemonReady),
  scenario(
    "daemon set: on no node",
    undefined,
    daemonSet({}, { spec: { nodeSelector: { "example.com/none": "x" } } }),
    until(daemon, observed)
  ),
  scenario(
    "daemon set: another template",
    undefined,
    daemonSet({}),
    daemonReady,
    patch(daemon, { spec: { template: { metadata: { annotations: { a: "b" } } } } }),
    daemonReady,
    pods(1)
  ),
  scenario(
    "daemon set: updated on delete",
    undefined,
    daemonSet({ updateStrategy: { type: "OnDelete" } }),
    daemonReady,
    patch(daemon, { spec: { template: { metadata: { annotations: { a: "b" } } } } }),
    until(daemon, observed)
  ),
  scenario("job: completes", work, job({ completions: 3, parallelism: 2 }), ended),
  scenario("job: indexed", undefined, job({ completions: 2, parallelism: 2, completionMode: "Indexed" }), ended),
  scenario("job: fails", work, job({ backoffLimit: 0 }, { script: "exit 3" }), ended),
  scenario("job: fails after another try", undefined, job({ backoffLimit: 1 }, { script: "exit 3" }), ended),
  scenario("job: too late", work, job({ activeDeadlineSeconds: 2 }, { script: idle }), ended, pods(0)),
  scenario(
    "job: suspended and resumed",
    work,
    job({ suspend: true }),
    until(work, (object) => condition(object, "Suspended") !== undefined),
    patch(work, { spec: { suspend: false } }),
    ended
  ),
  scenario(
    "job: suspended while it runs",
    work,
    job({}, { script: idle }),
    until(work, (object) => at(object, "status", "ready") === 1),
    patch(work, { spec: { suspend: true } }),
    until(work, (object) => at(condition(object, "Suspended"), "status") === "True"),
    pods(0)
  ),
  scenario(
    "job: gone after its time",
    undefined,
    job({ ttlSecondsAfterFinished: 1 }),
    until(work, (object) => at(object, "code") === 404),
    pods(0)
  ),
  scenario(
    "cron job: every minute",
    undefined,
    [
      "POST",
      `${batch}/cronjobs`,
      {
        metadata: { name: "tick" },
        spec: {
          schedule: "* * * * *",
          timeZone: "Asia/Kolkata",
          jobTemplate: {
            metadata: { labels: { a: "b" }, annotations: { c: "d" } },
            spec: { template: template({ labels: {}, script: "exit 0", spec: { restartPolicy: "Never" } }) }
          }
        }
      }
    ],
    until(`${batch}/cronjobs/tick`, (object) => at(object, "status", "lastScheduleTime") !== undefined),
    patch(`${batch}/cronjobs/tick`, { spec: { suspend: true } }),
    until(`${batch}/cronjobs/tick`, (object) => at(object, "status", "lastSuccessfulTime") !== undefined)
  ),
  scenario(
    "service: endpoints",
    undefined,
    service(
      "web",
      {
        ports: [
          { name: "http", port: 80, targetPort: "http" },
          { name: "raw", port: 81 }
        ]
      },
      { labels: { a: "b" } }
    ),
    service("bare", { clusterIP: "None", ports: [{ port: 80, targetPort: 8080 }] }),
    service("portless", { clusterIP: "None" }),
    service("early", { publishNotReadyAddresses: true, ports: [{ port: 80, targetPort: "http" }] }),
    service("nobody", { selector: { app: "nobody" }, ports: [{ port: 80 }] }),
    service("own", { selector: null, ports: [{ port: 80 }] }),
    service("elsewhere", { type: "ExternalName", externalName: "example.com" }),
    statefulSet(
      { replicas: 1, serviceName: "bare" },
      { container: { ports: [{ name: "http", containerPort: 8080 }] } }
    ),
    [
      "POST",
      `${core}/pods`,
      { metadata: { name: "slow", labels: { app: "web" } }, spec: template({ container: neverReady }).spec }
    ],
    until(`${core}/pods/slow`, (pod) => at(pod, "status", "podIP") !== undefined),
    statefulReady(),
    slices((all) => {
      const ready = (name: string) =>
        endpointsOf(all, name).filter((each) => at(each, "conditions", "ready") === true).length
      return (
        ready("web") === 1 &&
        ready("bare") === 1 &&
        endpointsOf(all, "bare").length === 2 &&
        endpointsOf(all, "web").length === 2 &&
        endpointsOf(all, "early").length === 2 &&
        ready("portless") === 1 &&
        endpointsOf(all, "portless").length === 2
      )
    })
  ),
  scenario(
    "service: other endpoints",
    undefined,
    service("web", { ports: [{ port: 80 }] }),
    deployment({ replicas: 2 }),
    rolledOut,
    slices((all) => endpointsOf(all, "web").length === 2),
    patch(`${services}/web`, { spec: { ports: [{ port: 80, targetPort: 8080 }] } }),
    patch(web, { spec: { replicas: 1 } }),
    slices((all) => endpointsOf(all, "web").length === 1 && at(listAt(all[0], "ports")[0], "port") === 8080),
    rolledOut,
    pods(1)
  ),
  scenario(
    "service: gone",
    undefined,
    service("web", { ports: [{ port: 80 }] }),
    slices((all) => all.length === 1),
    remove(`${services}/web`),
    slices((all) => all.length === 0)
  ),
  scenario(
    "service: addresses and ports",
    undefined,
    service("taken", { clusterIP: "10.0.0.1", ports: [{ port: 80 }] }),
    service("outside", { clusterIP: "10.9.0.44", ports: [{ port: 80 }] }),
    service("first", { clusterIP: "10.0.0.0", ports: [{ port: 80 }] }),
    service("nonsense", { clusterIP: "nonsense", ports: [{ port: 80 }] }),
    service("two", { clusterIP: "10.0.0.9", clusterIPs: ["10.0.0.10"], ports: [{ port: 80 }] }),
    service("none", { clusterIPs: ["None"], ports: [{ port: 80 }] }),
    service("dual", { ipFamilyPolicy: "RequireDualStack", ports: [{ port: 80 }] }),
    service("prefer", { ipFamilyPolicy: "PreferDualStack", ports: [{ port: 80 }] }),
    service("six", { ipFamilies: ["IPv6"], ports: [{ port: 80 }] }),
    service("free", { selector: null, clusterIP: "None" }),
    service("freesix", { selector: null, clusterIP: "None", ipFamilies: ["IPv6"] }),
    service("low", { type: "NodePort", ports: [{ port: 80, nodePort: 80 }] }),
    service("node", { type: "NodePort", ports: [{ port: 80, nodePort: 30007 }] }),
    service("node2", { type: "NodePort", ports: [{ port: 80, nodePort: 30007 }] }),
    service("inside", { ports: [{ port: 80, nodePort: 31000 }] }),
    service("both", {
      type: "NodePort",
      ports: [
        { name: "a", port: 53, protocol: "UDP" },
        { name: "b", port: 53 }
      ]
    }),
    service("local", { type: "LoadBalancer", externalTrafficPolicy: "Local", ports: [{ port: 80 }] }),
    service("noports", { type: "LoadBalancer", allocateLoadBalancerNodePorts: false, ports: [{ port: 80 }] }),
    service("headlessnode", { type: "NodePort", clusterIP: "None", ports: [{ port: 80 }] }),
    patch(`${services}/node`, { spec: { clusterIP: "10.0.0.77" } }),
    patch(`${services}/node`, { spec: { clusterIP: "None" } }),
    patch(`${services}/node`, { spec: { clusterIP: null, clusterIPs: null } }),
    patch(`${services}/node`, { spec: { type: "ClusterIP" } }),
    patch(`${services}/prefer`, { spec: { type: "NodePort" } }),
    patch(`${services}/both`, { spec: { type: "ExternalName", externalName: "example.com" } }),
    patch(`${services}/local`, { spec: { type: "ClusterIP" } }),
    patch(`${services}/noports`, { spec: { ipFamilies: ["IPv6"] } }),
    patch(`${services}/noports`, { spec: { type: "ExternalName", externalName: "example.com" } }),
    patch(`${services}/noports`, { spec: { type: "ClusterIP", externalName: null } }),
    patch(`${services}/free`, { spec: { clusterIP: "10.0.0.99", clusterIPs: ["10.0.0.99"] } })
  ),
  scenario(
    "disruption budget: of a deployment",
    undefined,
    ["POST", budgets, { metadata: { name: "web" }, spec: { maxUnavailable: "50%", selector } }],
    deployment({ replicas: 3 }),
    rolledOut,
    until(`${budgets}/web`, (object) => at(object, "status", "disruptionsAllowed") === 2)
  ),
  scenario(
    "disruption budget: refuses",
    undefined,
    ["POST", budgets, { metadata: { name: "web" }, spec: { minAvailable: 2, selector } }],
    statefulSet({ replicas: 2 }),
    statefulReady(),
    until(`${budgets}/web`, (object) => at(object, "status", "currentHealthy") === 2),
    ["POST", `${core}/pods/web-0/eviction`, { metadata: { name: "web-0" } }]
  ),
  scenario(
    "pods: what is added to them",
    undefined,
    [
      "POST",
      `${core}/serviceaccounts`,
      { metadata: { name: "robot" }, imagePullSecrets: [{ name: "pull" }], automountServiceAccountToken: false }
    ],
    ...["nobody", "robot"].map((serviceAccountName): Step => [
      "POST",
      `${core}/pods`,
      {
        metadata: { name: serviceAccountName },
        spec: { ...template().spec, schedulerName: "nobody", serviceAccountName }
      }
    ]),
    [
      "POST",
      `${core}/pods`,
      {
        metadata: { name: "urgent" },
        spec: { ...template().spec, schedulerName: "nobody", priorityClassName: "system-node-critical" }
      }
    ],
    [
      "POST",
      `${core}/pods`,
      { metadata: { name: "unknown" }, spec: { ...template().spec, priorityClassName: "unknown" } }
    ],
    ["POST", `${core}/pods`, { metadata: { name: "given" }, spec: { ...template().spec, priority: 7 } }],
    ["POST", `${core}/pods`, { metadata: { name: "policy" }, spec: { ...template().spec, preemptionPolicy: "Never" } }],
    [
      "POST",
      `${core}/pods`,
      {
        metadata: { name: "own" },
        spec: {
          ...template().spec,
          schedulerName: "nobody",
          tolerations: [{ key: "node.kubernetes.io/not-ready", operator: "Exists" }],
          initContainers: [
            {
              name: "first",
              image,
              volumeMounts: [{ name: "mine", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" }]
            }
          ],
          volumes: [{ name: "mine", emptyDir: {} }]
        }
      }
    ]
  ),
  scenario(
    "limit range: defaults and limits",
    undefined,
    [
      "POST",
      `${core}/limitranges`,
      {
        metadata: { name: "limits" },
        spec: {
          limits: [
            {
              type: "Container",
              default: { cpu: "500m", memory: "1Gi" },
              defaultRequest: { cpu: "100m" },
              min: { cpu: "50m" },
              max: { memory: "2Gi" },
              maxLimitRequestRatio: { cpu: "8" }
            },
            { type: "Pod", max: { cpu: "1200m" } },
            { type: "PersistentVolumeClaim", min: { storage: "1Gi" }, max: { storage: "2Gi" } }
          ]
        }
      }
    ],
    sized("default", {}),
    sized("requested", { limits: { cpu: "600m" } }),
    sized("small", { requests: { cpu: "10m" } }),
    sized("large", { limits: { cpu: "2", memory: "4Gi" } }),
    claimed("large", "5Gi"),
    claimed("small", "5Mi"),
    claimed("right", "2Gi")
  ),
  scenario(
    "quota: used up",
    undefined,
    until(`${core}/configmaps/kube-root-ca.crt`, (map) => at(map, "metadata", "uid") !== undefined),
    quota("all", {
      hard: {
        pods: "2",
        "requests.cpu": "1",
        "limits.memory": "2Gi",
        configmaps: "2",
        "count/deployments.apps": "1",
        "services.nodeports": "1",
        "requests.storage": "3Gi"
      }
    }),
    quota("best", { hard: { pods: "1" }, scopes: ["BestEffort"] }),
    until(`${core}/resourcequotas/all`, (object) => at(object, "status", "used") !== undefined),
    until(`${core}/resourcequotas/best`, (object) => at(object, "status", "used") !== undefined),
    sized("silent", {}),
    sized("first", { requests: { cpu: "500m" }, limits: { memory: "1Gi" } }),
    sized("large", { requests: { cpu: "600m" }, limits: { memory: "2Gi" } }),
    sized("second", { requests: { cpu: "500m" }, limits: { memory: "1Gi" } }),
    sized("third", { requests: { cpu: "500m" }, limits: { memory: "1Gi" } }),
    ["POST", `${core}/configmaps`, { metadata: { name: "first" } }],
    ["POST", `${core}/configmaps`, { metadata: { name: "second" } }],
    service("nodes", {
      type: "NodePort",
      ports: [
        { name: "a", port: 80 },
        { name: "b", port: 81 }
      ]
    }),
    claimed("large", "5Gi"),
    claimed("right", "1Gi"),
    deployment({ replicas: 0 }),
    ["POST", deployments, { metadata: { name: "another" }, spec: { selector, replicas: 0, template: template() } }],
    until(`${core}/resourcequotas/all`, (object) => at(object, "status", "used", "requests.storage") === "1Gi"),
    until(`${core}/resourcequotas/all`, (object) => at(object, "status", "used", "count/deployments.apps") === "1")
  )
]
