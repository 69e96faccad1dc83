/**
 * The tables of TestCluster are those of the API server: both print the same objects, cell by cell. Most objects are only
 * tried (`dryRun`); the answer to that is a table with the object in it.
 */
import { assert, layer } from "@effect/vitest"
import { Effect, FastCheck as fc, Stream } from "effect"
import { KubeClient } from "effect-kubernetes"
import { isJsonArray, isJsonObject } from "../../src/testing/internal/json.js"
import { apiVersionOf } from "../../src/testing/internal/kinds.js"
import { builtIn, type GroupVersionKind, type Json, type JsonObject } from "../../src/testing/internal/openapi.js"
import { at } from "../../src/testing/internal/strategies.js"
import type { PrinterColumn } from "../../src/testing/internal/tables/custom.js"
import { hasTable, tableOf } from "../../src/testing/internal/tables/tables.js"
import * as e2e from "../support/e2e.js"

const asTable = "application/json;as=Table;v=v1;g=meta.k8s.io"

type Method = "DELETE" | "GET" | "PATCH" | "POST" | "PUT"

const exchange = (
  method: Method,
  path: string,
  query: { readonly [name: string]: string } = {},
  body?: Json,
  accept = "application/json"
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const client = yield* KubeClient
      const begin = Date.now()
      const answer = yield* client.exchange({
        method,
        path,
        search: `?${new URLSearchParams(query).toString()}`,
        headers: { accept, "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json" },
        ...(body === undefined ? {} : { body: new TextEncoder().encode(JSON.stringify(body)) })
      })
      const text = yield* Stream.mkString(Stream.decodeText(answer.body))
      // A path that is not served yet is answered in plain text.
      const parsed: JsonObject = text.startsWith("{") ? JSON.parse(text) : { message: text }
      return { status: answer.status, body: parsed, begin, end: Date.now() }
    })
  )

const rowsOf = (table: JsonObject): ReadonlyArray<JsonObject> =>
  (isJsonArray(table["rows"]) ? table["rows"] : []).filter(isJsonObject)

/** The TestCluster leaves the descriptions of columns out. */
const undescribed = (table: JsonObject): JsonObject => {
  const columns = isJsonArray(table["columnDefinitions"]) ? table["columnDefinitions"].filter(isJsonObject) : []
  return { ...table, columnDefinitions: columns.map((column) => ({ ...column, description: "" })) }
}

/** Asks for a table with the objects in it, and prints these too. */
const compared = (
  gvk: GroupVersionKind,
  method: Method,
  path: string,
  options: {
    readonly body?: Json
    readonly query?: { readonly [name: string]: string }
    readonly columns?: ReadonlyArray<PrinterColumn>
  } = {}
) =>
  Effect.gen(function* () {
    const query = { includeObject: "Object", ...(method === "GET" ? {} : { dryRun: "All" }), ...options.query }
    const answer = yield* exchange(method, path, query, options.body, asTable)
    const what = `${method} ${path} ${JSON.stringify(options.body ?? {})}`
    assert.strictEqual(answer.body["kind"], "Table", `${String(answer.body["message"])} (${what})`)
    const rows = rowsOf(answer.body)
    const objects = rows.map(({ object }) => object).filter(isJsonObject)
    const metadata = isJsonObject(answer.body["metadata"]) ? answer.body["metadata"] : {}
    const printedAt = (now: number): JsonObject =>
      tableOf(gvk, objects, { now, includeObject: "Object", metadata, columns: options.columns })
    // The cells of every moment in which the server can have printed.
    const moments = [answer.begin, answer.end]
    for (let now = answer.begin + 250; now < answer.end; now += 250) moments.push(now)
    const ours = moments.map(printedAt)
    const [first = {}] = ours
    assert.deepStrictEqual({ ...undescribed(first), rows: [] }, { ...undescribed(answer.body), rows: [] }, what)
    if (rows.length === 0) assert.deepStrictEqual(first["rows"], answer.body["rows"], what)
    for (const [index, row] of rows.entries()) {
      const cells = isJsonArray(row["cells"]) ? row["cells"] : []
      const possible = ours.map((table): ReadonlyArray<Json> => {
        const cells = rowsOf(table)[index]?.["cells"]
        return isJsonArray(cells) ? cells : []
      })
      const fitting = (possible[0] ?? []).map(
        (cell, column) => possible.map((each) => each[column]).find((each) => each === cells[column]) ?? cell
      )
      assert.deepStrictEqual(fitting, [...cells], `${what}: ${JSON.stringify(row["object"])}`)
      assert.deepStrictEqual({ ...rowsOf(first)[index], cells }, row, what)
    }
    return rows.length
  })

const resources = builtIn().resources.filter(({ verbs }) => verbs.includes("list"))

const resourceOf = (apiVersion: string, kind: string) => {
  const found = resources.find((each) => apiVersionOf(each) === apiVersion && each.kind === kind)
  if (found === undefined) throw new Error(`there is no ${apiVersion} ${kind}`)
  return found
}

const collectionOf = (resource: (typeof resources)[number], namespace: string): string =>
  [
    resource.group === "" ? "/api" : "/apis",
    apiVersionOf(resource),
    ...(resource.scope === "Namespaced" ? ["namespaces", namespace] : []),
    resource.plural
  ].join("/")

type Manifest = readonly [apiVersion: string, kind: string, ...objects: ReadonlyArray<JsonObject>]

const meta = (name: string, more: JsonObject = {}): JsonObject => ({ metadata: { name, ...more } })
const container = (name: string): JsonObject => ({ name, image: `example.com/${name}:1` })
const labels = { app: "a", "example.com/tier": "b" }
const podSpec: JsonObject = { schedulerName: "nobody", containers: [container("one"), container("two")] }
const template: JsonObject = { metadata: { labels }, spec: podSpec }
const selector: JsonObject = {
  matchLabels: labels,
  matchExpressions: [
    { key: "app", operator: "In", values: ["z", "a"] },
    { key: "app", operator: "NotIn", values: ["x"] },
    { key: "app", operator: "Exists" },
    { key: "never", operator: "DoesNotExist" }
  ]
}
const owner: JsonObject = { name: "owner", uid: "1ad5ac08-2dba-4b3e-9d4c-0c1a0e8b1234", controller: true }
const port = (port: number, more: JsonObject = {}): JsonObject => ({ name: `p${port}`, port, ...more })
const rule = (host?: string): JsonObject => ({
  ...(host === undefined ? {} : { host }),
  http: { paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "s", port: { number: 80 } } } }] }
})
const metric = (type: string, key: string, target: JsonObject, more: JsonObject): JsonObject => ({
  type,
  [key]: { ...more, target }
})
const named = { metric: { name: "requests" } }
const described = { ...named, describedObject: { kind: "Service", name: "s", apiVersion: "v1" } }
const metrics = (name: string, list: ReadonlyArray<JsonObject>): JsonObject => ({
  ...meta(name),
  spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "d" }, maxReplicas: 9, metrics: list }
})
const percent: JsonObject = { type: "Utilization", averageUtilization: 60 }
const average: JsonObject = { type: "AverageValue", averageValue: "1500m" }
const value: JsonObject = { type: "Value", value: "2k" }
const webhook: JsonObject = {
  name: "w.example.com",
  sideEffects: "None",
  admissionReviewVersions: ["v1"],
  clientConfig: { url: "https://example.com/x" }
}
const event = { involvedObject: { kind: "Pod", name: "p", fieldPath: "spec.containers{one}" }, reason: "Because" }
const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString().replace(/\.\d+/, "")
const microAgo = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString().replace("Z", "123Z")

/** Objects that are tried, not made. */
const tried = (namespace: string, request: string): ReadonlyArray<Manifest> => [
  ["v1", "ConfigMap", { ...meta("c"), data: { a: "1", b: "2" }, binaryData: { c: "AA==" } }, meta("c")],
  [
    "v1",
    "Endpoints",
    meta("e"),
    { ...meta("e"), subsets: [{ addresses: [{ ip: "10.0.0.1" }, { ip: "10.0.0.2" }] }] },
    { ...meta("e"), subsets: [{ addresses: [{ ip: "fd00::1" }, { ip: "10.0.0.2" }], ports: [port(80), port(81)] }] },
    {
      ...meta("e"),
      subsets: [
        { addresses: [{ ip: "10.0.0.1" }], ports: [port(80)] },
        { addresses: [1, 2, 3, 4].map((n) => ({ ip: `10.0.1.${n}` })) }
      ]
    },
    { ...meta("e"), subsets: [{ notReadyAddresses: [{ ip: "10.0.0.1" }], ports: [port(80)] }] }
  ],
  [
    "v1",
    "Event",
    { ...meta("e", { namespace }), ...event, involvedObject: { ...event.involvedObject, namespace }, type: "Normal" },
    {
      ...meta("e", { namespace }),
      involvedObject: { kind: "ReplicaSet", namespace },
      message: " two\nlines \n",
      source: { component: "c", host: "h" },
      firstTimestamp: ago(500),
      lastTimestamp: ago(30),
      count: 7
    },
    {
      ...meta("e", { namespace }),
      ...event,
      involvedObject: { ...event.involvedObject, namespace },
      type: "Warning",
      eventTime: microAgo(9000),
      reportingComponent: "example.com/c",
      reportingInstance: "c-1",
      action: "Doing",
      series: { count: 4, lastObservedTime: microAgo(200) }
    }
  ],
  [
    "events.k8s.io/v1",
    "Event",
    {
      ...meta("e", { namespace }),
      regarding: { kind: "Pod", name: "p", namespace },
      type: "Warning",
      reason: "Because",
      note: "a note ",
      eventTime: microAgo(4000),
      reportingController: "example.com/c",
      reportingInstance: "c-1",
      action: "Doing"
    }
  ],
  ["v1", "LimitRange", { ...meta("l"), spec: { limits: [{ type: "Pod", max: { cpu: "1" } }] } }],
  ["v1", "Namespace", meta("never-made")],
  [
    "v1",
    "Node",
    meta("n"),
    {
      ...meta("n", {
        labels: { "node-role.kubernetes.io/b": "", "node-role.kubernetes.io/a": "", "kubernetes.io/role": "c" }
      }),
      spec: { unschedulable: true }
    },
    meta("n", { labels: { "kubernetes.io/role": "", "node-role.kubernetes.io/worker": "x" } })
  ],
  [
    "v1",
    "PersistentVolume",
    {
      ...meta("v"),
      spec: {
        capacity: { storage: "1536Mi" },
        accessModes: ["ReadWriteMany", "ReadWriteOnce", "ReadOnlyMany"],
        hostPath: { path: "/x" }
      }
    },
    {
      ...meta("v", { annotations: { "volume.beta.kubernetes.io/storage-class": "beta" } }),
      spec: {
        capacity: { storage: "2000" },
        accessModes: ["ReadWriteOncePod"],
        csi: { driver: "d.example.com", volumeHandle: "h" },
        volumeMode: "Block",
        persistentVolumeReclaimPolicy: "Delete",
        volumeAttributesClassName: "gold",
        claimRef: { namespace: "default", name: "claim" }
      }
    }
  ],
  [
    "v1",
    "PersistentVolumeClaim",
    { ...meta("c"), spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } },
    {
      ...meta("c", { annotations: { "volume.beta.kubernetes.io/storage-class": "beta" } }),
      spec: {
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: "1Gi" } },
        volumeMode: "Block",
        volumeAttributesClassName: "gold"
      }
    },
    {
      ...meta("c"),
      spec: {
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: "1Gi" } },
        storageClassName: "fast",
        volumeName: "v"
      }
    }
  ],
  [
    "v1",
    "Pod",
    { ...meta("p"), spec: podSpec },
    { ...meta("p"), spec: { ...podSpec, schedulingGates: [{ name: "example.com/gate" }] } },
    {
      ...meta("p"),
      spec: {
        ...podSpec,
        nodeName: "somewhere",
        initContainers: [container("init"), { ...container("sidecar"), restartPolicy: "Always" }],
        readinessGates: [{ conditionType: "example.com/a" }, { conditionType: "example.com/b" }]
      }
    }
  ],
  ["v1", "PodTemplate", { ...meta("t"), template }, { ...meta("t"), template: { spec: podSpec } }],
  ["v1", "ReplicationController", { ...meta("r"), spec: { replicas: 3, selector: labels, template } }],
  ["v1", "ResourceQuota", { ...meta("q"), spec: { hard: { pods: "3" } } }],
  ["v1", "Secret", { ...meta("s"), data: { a: "AA==" }, type: "example.com/x" }, meta("s")],
  [
    "v1",
    "Service",
    { ...meta("s"), spec: { ports: [port(80), port(90, { protocol: "UDP" })], selector: labels } },
    { ...meta("s"), spec: { clusterIP: "None" } },
    { ...meta("s"), spec: { type: "NodePort", ports: [port(80), port(443)], externalIPs: ["192.0.2.1", "192.0.2.2"] } },
    { ...meta("s"), spec: { type: "LoadBalancer", ports: [port(80)] } },
    { ...meta("s"), spec: { type: "LoadBalancer", ports: [port(80)], externalIPs: ["192.0.2.1"] } },
    { ...meta("s"), spec: { type: "ClusterIP", ports: [port(80)], externalIPs: ["192.0.2.1"] } },
    { ...meta("s"), spec: { type: "ExternalName", externalName: "example.com" } }
  ],
  ["v1", "ServiceAccount", meta("a")],
  ["admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", meta("w"), { ...meta("w"), webhooks: [webhook] }],
  [
    "admissionregistration.k8s.io/v1",
    "ValidatingWebhookConfiguration",
    meta("w"),
    { ...meta("w"), webhooks: [webhook] }
  ],
  [
    "admissionregistration.k8s.io/v1",
    "ValidatingAdmissionPolicy",
    {
      ...meta("p"),
      spec: {
        matchConstraints: {
          resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["nothing"] }]
        },
        validations: [{ expression: "true" }, { expression: "1 == 1" }]
      }
    },
    {
      ...meta("p"),
      spec: {
        paramKind: { apiVersion: "v1", kind: "ConfigMap" },
        matchConstraints: {
          resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["nothing"] }]
        },
        validations: [{ expression: "true" }]
      }
    }
  ],
  [
    "admissionregistration.k8s.io/v1",
    "ValidatingAdmissionPolicyBinding",
    ...[
      undefined,
      { name: "p", parameterNotFoundAction: "Deny" },
      { name: "p", namespace: "default", parameterNotFoundAction: "Deny" },
      { selector: {}, parameterNotFoundAction: "Deny" },
      { selector, parameterNotFoundAction: "Deny" }
    ].map((paramRef): JsonObject => ({
      ...meta("b"),
      spec: { policyName: "p", validationActions: ["Deny"], ...(paramRef === undefined ? {} : { paramRef }) }
    }))
  ],
  [
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    {
      ...meta("never.tables.example.com"),
      spec: {
        group: "tables.example.com",
        scope: "Namespaced",
        names: { kind: "Never", plural: "never" },
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }]
      }
    }
  ],
  [
    "apiregistration.k8s.io/v1",
    "APIService",
    {
      ...meta("v1.never.example.com"),
      spec: {
        group: "never.example.com",
        version: "v1",
        groupPriorityMinimum: 1,
        versionPriority: 1,
        insecureSkipTLSVerify: true,
        service: { namespace: "default", name: "s" }
      }
    }
  ],
  [
    "apps/v1",
    "ControllerRevision",
    { ...meta("r"), revision: 7, data: {} },
    {
      ...meta("r", { ownerReferences: [{ ...owner, apiVersion: "apps/v1", kind: "StatefulSet" }] }),
      revision: 0,
      data: {}
    },
    { ...meta("r", { ownerReferences: [{ ...owner, apiVersion: "v1", kind: "Node" }] }), revision: 0, data: {} },
    {
      ...meta("r", { ownerReferences: [{ ...owner, controller: false, apiVersion: "v1", kind: "Node" }] }),
      revision: 0,
      data: {}
    }
  ],
  [
    "apps/v1",
    "DaemonSet",
    {
      ...meta("d"),
      spec: { selector, template: { ...template, spec: { ...podSpec, nodeSelector: { disk: "ssd" } } } }
    },
    { ...meta("d"), spec: { selector: { matchLabels: labels }, template } }
  ],
  [
    "apps/v1",
    "Deployment",
    { ...meta("d"), spec: { replicas: 0, selector, template } },
    { ...meta("d"), spec: { selector: { matchLabels: labels }, template } }
  ],
  ["apps/v1", "ReplicaSet", { ...meta("r"), spec: { replicas: 5, selector, template } }],
  ["apps/v1", "StatefulSet", { ...meta("s"), spec: { serviceName: "s", selector, template } }],
  [
    "autoscaling/v1",
    "HorizontalPodAutoscaler",
    {
      ...meta("h"),
      spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "d" }, maxReplicas: 3, minReplicas: 2 }
    },
    {
      ...meta("h"),
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "d" },
        maxReplicas: 3,
        targetCPUUtilizationPercentage: 33
      }
    }
  ],
  [
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    metrics("h", []),
    metrics("h", [
      metric("Resource", "resource", percent, { name: "cpu" }),
      metric("Resource", "resource", average, { name: "memory" })
    ]),
    metrics("h", [
      metric("Pods", "pods", average, named),
      metric("External", "external", average, named),
      metric("External", "external", value, named)
    ]),
    metrics("h", [metric("Object", "object", average, described)]),
    metrics("h", [
      metric("Object", "object", value, described),
      metric("ContainerResource", "containerResource", percent, { name: "cpu", container: "c" })
    ]),
    metrics(
      "h",
      [1, 2, 3, 4].map(() =>
        metric("ContainerResource", "containerResource", average, { name: "memory", container: "c" })
      )
    )
  ],
  [
    "batch/v1",
    "CronJob",
    {
      ...meta("c"),
      spec: {
        schedule: "* * * * *",
        jobTemplate: { spec: { template: { spec: { ...podSpec, restartPolicy: "Never" } } } }
      }
    },
    {
      ...meta("c"),
      spec: {
        schedule: "@daily",
        suspend: true,
        timeZone: "Etc/UTC",
        jobTemplate: { spec: { template: { spec: { ...podSpec, restartPolicy: "Never" } } } }
      }
    }
  ],
  [
    "batch/v1",
    "Job",
    ...[{}, { parallelism: 3 }, { parallelism: 0 }, { completions: 4, parallelism: 2 }, { suspend: true }].map(
      (more): JsonObject => ({
        ...meta("j"),
        spec: { ...more, template: { spec: { ...podSpec, restartPolicy: "Never" } } }
      })
    )
  ],
  [
    "certificates.k8s.io/v1",
    "CertificateSigningRequest",
    { ...meta("r"), spec: { request, signerName: "example.com/signer", usages: ["client auth"] } },
    {
      ...meta("r"),
      spec: { request, signerName: "example.com/signer", usages: ["client auth"], expirationSeconds: 100_000 }
    }
  ],
  ["coordination.k8s.io/v1", "Lease", meta("l"), { ...meta("l"), spec: { holderIdentity: "me" } }],
  [
    "discovery.k8s.io/v1",
    "EndpointSlice",
    { ...meta("s"), addressType: "IPv4", endpoints: [] },
    {
      ...meta("s"),
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.0.0.1"] }, { addresses: ["10.0.0.2"] }],
      ports: [port(80)]
    },
    {
      ...meta("s"),
      addressType: "IPv6",
      endpoints: [1, 2, 3, 4, 5].map((n) => ({ addresses: [`fd00::${n}`] })),
      ports: [port(1), { name: "any" }, { name: "" }, port(4), port(5)]
    }
  ],
  [
    "flowcontrol.apiserver.k8s.io/v1",
    "FlowSchema",
    { ...meta("f"), spec: { priorityLevelConfiguration: { name: "exempt" } } },
    {
      ...meta("f"),
      spec: {
        priorityLevelConfiguration: { name: "none" },
        matchingPrecedence: 5,
        distinguisherMethod: { type: "ByUser" }
      }
    }
  ],
  [
    "flowcontrol.apiserver.k8s.io/v1",
    "PriorityLevelConfiguration",
    { ...meta("p"), spec: { type: "Limited", limited: { limitResponse: { type: "Reject" } } } },
    {
      ...meta("p"),
      spec: {
        type: "Limited",
        limited: {
          nominalConcurrencyShares: 0,
          limitResponse: { type: "Queue", queuing: { queues: 8, handSize: 3, queueLengthLimit: 9 } }
        }
      }
    }
  ],
  [
    "networking.k8s.io/v1",
    "Ingress",
    { ...meta("i"), spec: { defaultBackend: { service: { name: "s", port: { number: 80 } } } } },
    {
      ...meta("i"),
      spec: {
        ingressClassName: "c",
        rules: [rule("a.example.com"), rule(), rule("b.example.com")],
        tls: [{ hosts: ["a.example.com"] }]
      }
    },
    { ...meta("i"), spec: { rules: [rule("a.example.com"), rule("b.example.com"), rule("c.example.com")] } },
    { ...meta("i"), spec: { rules: [rule("a.example.com"), rule("b.example.com"), rule("c.example.com"), rule()] } },
    {
      ...meta("i"),
      spec: {
        rules: [rule(), rule("a.example.com"), rule("b.example.com"), rule("c.example.com"), rule("d.example.com")]
      }
    }
  ],
  [
    "networking.k8s.io/v1",
    "IngressClass",
    { ...meta("c"), spec: { controller: "example.com/c" } },
    { ...meta("c"), spec: { controller: "example.com/c", parameters: { kind: "K", name: "n" } } },
    {
      ...meta("c"),
      spec: { controller: "example.com/c", parameters: { apiGroup: "example.com", kind: "K", name: "n" } }
    }
  ],
  [
    "networking.k8s.io/v1",
    "IPAddress",
    {
      ...meta("192.0.2.77"),
      spec: { parentRef: { group: "example.com", resource: "things", name: "n", namespace: "ns" } }
    },
    { ...meta("192.0.2.77"), spec: { parentRef: { resource: "services", name: "n" } } }
  ],
  [
    "networking.k8s.io/v1",
    "NetworkPolicy",
    { ...meta("n"), spec: { podSelector: {} } },
    { ...meta("n"), spec: { podSelector: selector } }
  ],
  ["networking.k8s.io/v1", "ServiceCIDR", { ...meta("s"), spec: { cidrs: ["10.77.0.0/24", "fd00:77::/120"] } }],
  ["node.k8s.io/v1", "RuntimeClass", { ...meta("r"), handler: "gvisor" }],
  [
    "policy/v1",
    "PodDisruptionBudget",
    { ...meta("p"), spec: { minAvailable: "50%", selector: {} } },
    { ...meta("p"), spec: { maxUnavailable: 0, selector: {} } },
    meta("p")
  ],
  ["rbac.authorization.k8s.io/v1", "ClusterRole", meta("r")],
  ["rbac.authorization.k8s.io/v1", "Role", meta("r")],
  ...["ClusterRoleBinding", "RoleBinding"].map((kind): Manifest => [
    "rbac.authorization.k8s.io/v1",
    kind,
    { ...meta("b"), roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" } },
    {
      ...meta("b"),
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
      subjects: [
        { kind: "User", name: "jane" },
        { kind: "ServiceAccount", name: "a", namespace: "n" },
        { kind: "Group", name: "g" },
        { kind: "User", name: "joe" },
        { kind: "ServiceAccount", name: "b", namespace: "n" }
      ]
    }
  ]),
  ["resource.k8s.io/v1", "DeviceClass", { ...meta("d"), spec: {} }],
  ["resource.k8s.io/v1", "ResourceClaim", { ...meta("c"), spec: {} }],
  ["resource.k8s.io/v1", "ResourceClaimTemplate", { ...meta("c"), spec: { spec: {} } }],
  [
    "resource.k8s.io/v1",
    "ResourceSlice",
    {
      ...meta("s"),
      spec: { driver: "d.example.com", nodeName: "n", pool: { name: "pool", generation: 1, resourceSliceCount: 1 } }
    },
    {
      ...meta("s"),
      spec: { driver: "d.example.com", allNodes: true, pool: { name: "pool", generation: 1, resourceSliceCount: 1 } }
    }
  ],
  [
    "scheduling.k8s.io/v1",
    "PriorityClass",
    { ...meta("p"), value: 7 },
    { ...meta("p"), value: -7, preemptionPolicy: "Never", description: "d" }
  ],
  [
    "storage.k8s.io/v1",
    "CSIDriver",
    { ...meta("d"), spec: {} },
    {
      ...meta("d"),
      spec: {
        attachRequired: false,
        podInfoOnMount: true,
        storageCapacity: true,
        requiresRepublish: true,
        tokenRequests: [{ audience: "a" }, { audience: "b" }],
        volumeLifecycleModes: ["Ephemeral", "Persistent"]
      }
    }
  ],
  [
    "storage.k8s.io/v1",
    "CSINode",
    { ...meta("n"), spec: { drivers: [{ name: "d.example.com", nodeID: "n" }] } },
    { ...meta("n"), spec: { drivers: [] } }
  ],
  ["storage.k8s.io/v1", "CSIStorageCapacity", { ...meta("c"), storageClassName: "s", capacity: "1Gi" }],
  [
    "storage.k8s.io/v1",
    "StorageClass",
    { ...meta("s"), provisioner: "example.com/p" },
    {
      ...meta("s", { annotations: { "storageclass.kubernetes.io/is-default-class": "true" } }),
      provisioner: "example.com/p",
      reclaimPolicy: "Retain",
      volumeBindingMode: "WaitForFirstConsumer",
      allowVolumeExpansion: true
    },
    {
      ...meta("s", { annotations: { "storageclass.beta.kubernetes.io/is-default-class": "true" } }),
      provisioner: "example.com/p"
    }
  ],
  [
    "storage.k8s.io/v1",
    "VolumeAttachment",
    { ...meta("v"), spec: { attacher: "a", nodeName: "n", source: { persistentVolumeName: "pv" } } }
  ],
  ["storage.k8s.io/v1", "VolumeAttributesClass", { ...meta("v"), driverName: "d.example.com", parameters: { a: "b" } }]
]

const condition = (type: string, status: string, more: JsonObject = {}): JsonObject => ({
  type,
  status,
  lastTransitionTime: ago(10),
  ...more
})
const ingressPoints = [{ ip: "192.0.2.9" }, { hostname: "lb.example.com" }, { ip: "192.0.2.10" }, { ip: "192.0.2.9" }]
const current = (key: string, values: JsonObject, more: JsonObject): JsonObject => ({
  [key]: { ...more, current: values }
})

/** Objects that are made, and the states that they are tried in. */
const states: ReadonlyArray<
  readonly [apiVersion: string, kind: string, object: JsonObject, ...states: ReadonlyArray<JsonObject>]
> = [
  [
    "v1",
    "Service",
    { spec: { type: "LoadBalancer", ports: [port(80)] } },
    { loadBalancer: { ingress: ingressPoints } }
  ],
  [
    "v1",
    "Service",
    { spec: { type: "LoadBalancer", ports: [port(80)], externalIPs: ["192.0.2.1"] } },
    { loadBalancer: { ingress: ingressPoints } }
  ],
  ["networking.k8s.io/v1", "Ingress", { spec: { rules: [rule()] } }, { loadBalancer: { ingress: ingressPoints } }],
  [
    "v1",
    "ResourceQuota",
    { spec: { hard: { pods: "3" } } },
    {
      hard: {
        pods: "3",
        "limits.cpu": "2",
        "limits.memory": "1Gi",
        "requests.cpu": "1500m",
        "count/limits.example.com": "1"
      },
      used: { pods: "1", "limits.cpu": "100m" }
    }
  ],
  [
    "v1",
    "Node",
    {},
    {
      addresses: [
        { type: "Hostname", address: "h" },
        { type: "InternalIP", address: "10.0.0.1" },
        { type: "ExternalIP", address: "192.0.2.1" },
        { type: "InternalIP", address: "10.0.0.2" }
      ],
      conditions: [{ type: "Ready", status: "True" }],
      nodeInfo: {
        architecture: "amd64",
        bootID: "",
        containerRuntimeVersion: "containerd://2",
        kernelVersion: "6",
        kubeProxyVersion: "",
        kubeletVersion: "v1.35.0",
        machineID: "",
        operatingSystem: "linux",
        osImage: "Debian",
        systemUUID: ""
      }
    },
    { conditions: [{ type: "Ready", status: "Unknown" }] },
    { conditions: [{ type: "DiskPressure", status: "True" }] }
  ],
  [
    "apps/v1",
    "Deployment",
    { spec: { replicas: 0, selector: { matchLabels: labels }, template } },
    { replicas: 3, updatedReplicas: 2, readyReplicas: 1, availableReplicas: 1 }
  ],
  [
    "apps/v1",
    "StatefulSet",
    { spec: { replicas: 0, serviceName: "s", selector: { matchLabels: labels }, template } },
    { replicas: 3, readyReplicas: 2, collisionCount: 0 }
  ],
  [
    "apps/v1",
    "DaemonSet",
    {
      spec: {
        selector: { matchLabels: labels },
        template: { ...template, spec: { ...podSpec, nodeSelector: { never: "ever" } } }
      }
    },
    {
      currentNumberScheduled: 1,
      numberMisscheduled: 2,
      desiredNumberScheduled: 3,
      numberReady: 4,
      updatedNumberScheduled: 5,
      numberAvailable: 6
    }
  ],
  [
    "apps/v1",
    "ReplicaSet",
    { spec: { replicas: 0, selector: { matchLabels: labels }, template } },
    { replicas: 3, fullyLabeledReplicas: 2, readyReplicas: 1, availableReplicas: 1 }
  ],
  [
    "v1",
    "ReplicationController",
    { spec: { replicas: 0, selector: labels, template } },
    { replicas: 3, readyReplicas: 1 }
  ],
  [
    "batch/v1",
    "CronJob",
    {
      spec: {
        schedule: "0 0 30 2 *",
        suspend: true,
        jobTemplate: { spec: { template: { spec: { ...podSpec, restartPolicy: "Never" } } } }
      }
    },
    {
      active: [
        { kind: "Job", name: "a" },
        { kind: "Job", name: "b" }
      ],
      lastScheduleTime: ago(5000)
    }
  ],
  [
    "policy/v1",
    "PodDisruptionBudget",
    { spec: { minAvailable: 1, selector: {} } },
    { disruptionsAllowed: 3, currentHealthy: 4, desiredHealthy: 1, expectedPods: 4 }
  ],
  [
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    metrics("", [
      metric("Resource", "resource", percent, { name: "cpu" }),
      metric("Resource", "resource", average, { name: "memory" })
    ]),
    {
      currentReplicas: 4,
      desiredReplicas: 4,
      conditions: [],
      currentMetrics: [
        { type: "Resource", ...current("resource", { averageUtilization: 41, averageValue: "100m" }, { name: "cpu" }) },
        { type: "Resource", ...current("resource", { averageValue: "1536Mi" }, { name: "memory" }) }
      ]
    },
    {
      currentReplicas: 1,
      desiredReplicas: 4,
      conditions: [],
      currentMetrics: [{ type: "Resource", ...current("resource", { averageValue: "100m" }, { name: "cpu" }) }]
    }
  ],
  [
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    metrics("", [metric("Object", "object", value, described), metric("Pods", "pods", average, named)]),
    {
      desiredReplicas: 4,
      conditions: [],
      currentMetrics: [
        { type: "Object", ...current("object", { value: "1500m" }, described) },
        { type: "Pods", ...current("pods", { averageValue: "3" }, named) }
      ]
    }
  ],
  [
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    metrics("", [
      metric("External", "external", value, named),
      metric("External", "external", average, named),
      metric("Object", "object", average, described)
    ]),
    {
      desiredReplicas: 4,
      conditions: [],
      currentMetrics: [
        { type: "External", ...current("external", { averageValue: "7" }, named) },
        { type: "External", ...current("external", { averageValue: "7" }, named) },
        { type: "Object", ...current("object", { value: "7" }, described) }
      ]
    }
  ],
  [
    "v1",
    "PersistentVolume",
    {
      spec: {
        capacity: { storage: "1Gi" },
        accessModes: ["ReadWriteOnce"],
        hostPath: { path: "/x" },
        storageClassName: "never"
      }
    },
    { phase: "Failed", reason: "Broken" }
  ],
  [
    "v1",
    "PersistentVolumeClaim",
    {
      spec: {
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: "1Gi" } },
        storageClassName: "never",
        volumeName: "never"
      }
    },
    { phase: "Bound", capacity: { storage: "2048Mi" }, accessModes: ["ReadWriteOnce", "ReadOnlyMany"] },
    { phase: "Lost" }
  ],
  [
    "storage.k8s.io/v1",
    "VolumeAttachment",
    { spec: { attacher: "a", nodeName: "n", source: { persistentVolumeName: "pv" } } },
    { attached: true }
  ],
  [
    "flowcontrol.apiserver.k8s.io/v1",
    "FlowSchema",
    { spec: { priorityLevelConfiguration: { name: "exempt" } } },
    { conditions: [condition("Other", "True"), condition("Dangling", "True")] }
  ],
  [
    "batch/v1",
    "Job",
    {
      spec: {
        suspend: true,
        completions: 3,
        parallelism: 2,
        template: { spec: { ...podSpec, restartPolicy: "Never" } }
      }
    },
    { conditions: [condition("Suspended", "True")] },
    { conditions: [condition("Suspended", "False")] },
    { conditions: [condition("FailureTarget", "True")] }
  ],
  [
    "batch/v1",
    "Job",
    {
      spec: {
        managedBy: "example.com/nobody",
        completions: 3,
        parallelism: 2,
        template: { spec: { ...podSpec, restartPolicy: "Never" } }
      }
    },
    { startTime: ago(400), active: 1, succeeded: 1 },
    { startTime: ago(400), succeeded: 2, conditions: [condition("SuccessCriteriaMet", "True")] },
    {
      startTime: ago(400),
      completionTime: ago(100),
      succeeded: 3,
      conditions: [condition("SuccessCriteriaMet", "True"), condition("Complete", "True")]
    },
    { startTime: ago(400), failed: 3, conditions: [condition("FailureTarget", "True"), condition("Failed", "True")] }
  ]
]

// ---- pods in all states

const reason = fc.constantFrom("", "Completed", "Error", "CrashLoopBackOff", "PodInitializing", "OOMKilled")
const end = fc.record({
  exitCode: fc.constantFrom(0, 1, 137),
  signal: fc.constantFrom(0, 9),
  reason,
  finishedAt: fc.constantFrom(ago(5), ago(90), ago(4000))
})
const state: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.constant({}),
  fc.constant({ running: { startedAt: ago(100) } }),
  reason.map((reason) => ({ waiting: { reason } })),
  end.map((terminated) => ({ terminated }))
)
const containerStatus = (name: string): fc.Arbitrary<JsonObject> =>
  fc.record({
    name: fc.constant(name),
    image: fc.constant("i"),
    imageID: fc.constant(""),
    ready: fc.boolean(),
    started: fc.boolean(),
    restartCount: fc.constantFrom(0, 1, 12),
    state,
    lastState: fc.oneof(
      fc.constant({}),
      end.map((terminated) => ({ terminated }))
    )
  })
const podStatus: fc.Arbitrary<JsonObject> = fc.record({
  phase: fc.constantFrom("Pending", "Running", "Succeeded", "Failed", "Unknown"),
  reason: fc.constantFrom("", "", "", "NodeLost", "Evicted"),
  podIP: fc.constantFrom("", "10.0.0.7"),
  nominatedNodeName: fc.constantFrom("", "other"),
  conditions: fc
    .record({ init: fc.boolean(), ready: fc.boolean(), gate: fc.boolean() })
    .map(({ gate, init, ready }) => [
      condition("Initialized", init ? "True" : "False"),
      condition("Ready", ready ? "True" : "False"),
      condition("example.com/a", gate ? "True" : "False")
    ]),
  initContainerStatuses: fc.oneof(
    fc.constant([]),
    fc.tuple(containerStatus("init"), containerStatus("sidecar")).map((all): ReadonlyArray<JsonObject> => all)
  ),
  containerStatuses: fc.oneof(
    fc.constant([]),
    fc.tuple(containerStatus("one"), containerStatus("two")).map((all): ReadonlyArray<JsonObject> => all)
  )
})

const statefulPod: JsonObject = {
  ...podSpec,
  initContainers: [container("init"), { ...container("sidecar"), restartPolicy: "Always" }],
  readinessGates: [{ conditionType: "example.com/a" }, { conditionType: "example.com/b" }]
}

const podSamples = fc.sample(podStatus, { numRuns: 150, seed: 7 })

/** Makes an object until the scope closes. */
const made = (collection: string, object: JsonObject) =>
  Effect.acquireRelease(exchange("POST", collection, {}, object), ({ body }) =>
    Effect.ignore(exchange("DELETE", `${collection}/${String(at(body, "metadata", "name"))}`))
  ).pipe(Effect.tap(({ body, status }) => assert.strictEqual(status, 201, JSON.stringify([body, object]))))

layer(e2e.layer, e2e.live)("server-side printing", (it) => {
  it.effect("is what the API server prints of all that there is", () =>
    Effect.gen(function* () {
      let printed = 0
      for (const resource of resources) {
        const path = `/${resource.group === "" ? "api" : "apis"}/${apiVersionOf(resource)}/${resource.plural}`
        printed += yield* compared(resource, "GET", path, { query: { limit: "200" } })
      }
      assert.isAbove(printed, 100)
    })
  )

  it.scoped("is the same for objects of every kind", () =>
    e2e.inFreshNamespace((namespace) =>
      Effect.gen(function* () {
        const request = yield* e2e.signingRequest
        yield* e2e.podsAllowed
        const manifests = tried(namespace, request)
        for (const [apiVersion, kind, ...objects] of manifests) {
          const resource = resourceOf(apiVersion, kind)
          for (const object of objects) {
            yield* compared(resource, "POST", collectionOf(resource, namespace), {
              body: { apiVersion, kind, ...object }
            })
          }
        }
        const seen = new Set(manifests.map(([apiVersion, kind]) => `${apiVersion} ${kind}`))
        const unseen = resources
          .filter((each) => !seen.has(`${apiVersionOf(each)} ${each.kind}`))
          .map(({ kind }) => kind)
        assert.deepStrictEqual(unseen, ["ComponentStatus"])
      })
    )
  )

  it.scoped("is the same for the states of objects", () =>
    e2e.inFreshNamespace((namespace) =>
      Effect.gen(function* () {
        for (const [apiVersion, kind, object, ...all] of states) {
          const resource = resourceOf(apiVersion, kind)
          const collection = collectionOf(resource, namespace)
          const name = yield* e2e.randomName("tables")
          yield* Effect.scoped(
            Effect.gen(function* () {
              yield* made(collection, { apiVersion, kind, ...object, ...meta(name) })
              for (const status of all) {
                yield* compared(resource, "PATCH", `${collection}/${name}/status`, { body: { status } })
              }
              yield* compared(resource, "GET", `${collection}/${name}`)
              if (resource.subresources.some(({ name }) => name === "scale")) {
                yield* compared(
                  { group: "autoscaling", version: "v1", kind: "Scale" },
                  "GET",
                  `${collection}/${name}/scale`
                )
              }
            })
          )
        }
      })
    )
  )

  it.scoped("is the same for pods in any state, also while they go", () =>
    e2e.inFreshNamespace((namespace) =>
      Effect.gen(function* () {
        const pods = resourceOf("v1", "Pod")
        const collection = collectionOf(pods, namespace)
        yield* e2e.podsAllowed
        const tryAll = (name: string, samples: ReadonlyArray<JsonObject>) =>
          Effect.forEach(samples, (status) =>
            compared(pods, "PATCH", `${collection}/${name}/status`, { body: { status } })
          )
        yield* made(collection, { ...meta("p"), spec: statefulPod })
        yield* tryAll("p", podSamples)
        yield* Effect.acquireRelease(
          exchange("POST", collection, {}, { ...meta("q", { finalizers: ["example.com/hold"] }), spec: statefulPod }),
          () => Effect.ignore(exchange("PATCH", `${collection}/q`, {}, { metadata: { finalizers: null } }))
        )
        yield* exchange("DELETE", `${collection}/q`, { gracePeriodSeconds: "0" })
        yield* tryAll("q", podSamples.slice(0, 40))
        yield* compared(pods, "GET", collection)
      })
    )
  )

  it.effect("is there for the same resources", () =>
    Effect.gen(function* () {
      for (const resource of builtIn().resources) {
        const collection = collectionOf(resource, "default")
        const refuses = (path: string, method: Method) =>
          Effect.map(
            exchange(method, path, {}, method === "GET" ? undefined : {}, asTable),
            ({ status }) => status === 406
          )
        const method = resource.verbs.includes("get") ? "GET" : "POST"
        const path = method === "GET" ? `${collection}/nobody` : collection
        assert.strictEqual(yield* refuses(path, method), !hasTable(resource, ""), path)
        for (const { name, verbs } of resource.subresources) {
          if (["attach", "exec", "portforward", "proxy"].includes(name)) continue
          const method = verbs.includes("get") ? "GET" : verbs.includes("update") ? "PUT" : "POST"
          const path = `${collection}/nobody/${name}`
          assert.strictEqual(yield* refuses(path, method), !hasTable(resource, name), `${method} ${path}`)
        }
      }
    })
  )
})

// ---- custom kinds

const paths: ReadonlyArray<PrinterColumn> = [
  ...["string", "integer", "number", "boolean", "date"].map((type, index) => ({
    name: type,
    type,
    jsonPath: ".spec.v",
    priority: index
  })),
  { name: "Nothing", type: "string", jsonPath: ".spec.nothing.at.all" },
  { name: "First", type: "integer", jsonPath: ".spec.list[0].n", description: "of the list" },
  { name: "Last", type: "string", jsonPath: ".spec.list[-1:].name" },
  { name: "All", type: "string", jsonPath: ".spec.list[*].name" },
  { name: "Filter", type: "string", jsonPath: '.spec.list[?(@.name=="b")].n', format: "int32" },
  { name: "Annotation", type: "string", jsonPath: ".metadata.annotations.example\\.com/a" },
  { name: "Born", type: "date", jsonPath: ".metadata.creationTimestamp" }
]

const values: ReadonlyArray<Json> = [
  0,
  7,
  -2.5,
  1234567.5,
  123456.5,
  0.00001,
  0.0001,
  1e20,
  1e21,
  123456789,
  true,
  false,
  null,
  "",
  "x",
  "null",
  "1",
  "2024-02-30T00:00:00Z",
  "2024-02-28T00:00:00.5+02:00",
  "2024-02-28",
  "2999-01-01T00:00:00Z",
  "0001-01-01T00:00:00Z",
  { b: 1, a: "<&>" },
  [1, "a", null],
  {},
  []
]

layer(e2e.layer, e2e.live)("server-side printing of custom kinds", (it) => {
  it.scoped("is what the API server prints of their columns", () =>
    e2e.inFreshNamespace((namespace) =>
      Effect.gen(function* () {
        const group = `${yield* e2e.randomName("tables")}.example.com`
        const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        const version = (name: string, storage: boolean, columns: ReadonlyArray<PrinterColumn>): JsonObject => ({
          name,
          served: true,
          storage,
          schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
          additionalPrinterColumns: columns.map((column): JsonObject => ({ ...column }))
        })
        yield* made(definitions, {
          ...meta(`things.${group}`),
          spec: {
            group,
            scope: "Namespaced",
            names: { kind: "Thing", plural: "things" },
            versions: [version("v1", true, paths), version("v2", false, [])]
          }
        })
        const collection = (version: string) => `/apis/${group}/${version}/namespaces/${namespace}/things`
        yield* e2e.eventually(Effect.map(exchange("GET", collection("v2")), ({ status }) => status === 200))
        const thing = (spec: Json): JsonObject => ({
          apiVersion: `${group}/v1`,
          kind: "Thing",
          ...meta("t", { annotations: { "example.com/a": "annotated" } }),
          spec
        })
        const list = [
          { name: "a", n: 1 },
          { name: "b", n: 2 }
        ]
        const specs = [
          ...values.map((v): Json => ({ v })),
          { list },
          { list: [] },
          { list: { name: "b" } },
          { list: [{ name: 7 }, ...list] },
          "text"
        ]
        const v1 = { group, version: "v1", kind: "Thing" }
        const v2 = { group, version: "v2", kind: "Thing" }
        for (const spec of specs) {
          yield* compared(v1, "POST", collection("v1"), { body: thing(spec), columns: paths })
        }
        yield* compared(v2, "GET", collection("v2"), { columns: [] })
        yield* made(collection("v1"), thing({ v: 1 }))
        yield* compared(v1, "GET", collection("v1"), { columns: paths })
        yield* compared(v2, "GET", collection("v2"), { columns: [] })
      })
    )
  )
})
