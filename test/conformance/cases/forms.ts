/** The forms of answers: metadata only, tables, YAML, and what is not offered. */
import type { Case } from "../harness.js"
import {
  headless,
  apps,
  as,
  core,
  deployment,
  group,
  leases,
  maps,
  one,
  pod,
  pods,
  roles,
  secret,
  secrets,
  services
} from "./common.js"

const yamlAnswer = { accept: "application/yaml" }

const tables: ReadonlyArray<readonly [path: string, object: object]> = [
  [maps, { metadata: { name: "t" }, data: { a: "b", c: "d" } }],
  [secrets, { metadata: { name: "t" }, data: { a: "YQ==" } }],
  [services, { metadata: { name: "t" }, spec: { ...headless, ports: [{ port: 80 }] } }],
  [pods, pod("t")],
  [`${apps}/deployments`, deployment("t")],
  [`${apps}/controllerrevisions`, { metadata: { name: "t" }, revision: 5, data: {} }],
  [
    `${core}/persistentvolumeclaims`,
    {
      metadata: { name: "t" },
      spec: { storageClassName: "x", accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } }
    }
  ],
  [`${core}/limitranges`, { metadata: { name: "t" }, spec: { limits: [] } }],
  [
    `${core}/events`,
    {
      metadata: { name: "t" },
      involvedObject: { kind: "Pod", name: "p", namespace: "$NS" },
      reason: "R",
      message: "m",
      type: "Normal"
    }
  ],
  [roles, { metadata: { name: "t" } }],
  [leases, { metadata: { name: "t" }, spec: { holderIdentity: "x" } }],
  [
    `${group("networking.k8s.io")}/ingresses`,
    {
      metadata: { name: "t" },
      spec: { rules: [{ host: "a.example.com" }], defaultBackend: { service: { name: "s", port: { number: 80 } } } }
    }
  ],
  [
    `${group("networking.k8s.io")}/networkpolicies`,
    { metadata: { name: "t" }, spec: { podSelector: { matchLabels: { a: "b" } } } }
  ],
  [
    `${group("batch")}/cronjobs`,
    {
      metadata: { name: "t" },
      spec: {
        schedule: "@daily",
        suspend: true,
        jobTemplate: {
          spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } } }
        }
      }
    }
  ],
  [`${group("policy")}/poddisruptionbudgets`, { metadata: { name: "t" }, spec: { minAvailable: "50%", selector: {} } }],
  [
    `${group("autoscaling", "v2")}/horizontalpodautoscalers`,
    {
      metadata: { name: "t" },
      spec: { maxReplicas: 3, scaleTargetRef: { kind: "Deployment", name: "d", apiVersion: "apps/v1" } }
    }
  ],
  ["/apis/scheduling.k8s.io/v1/priorityclasses", { metadata: { name: "$NS" }, value: 5 }],
  ["/apis/storage.k8s.io/v1/storageclasses", { metadata: { name: "$NS" }, provisioner: "example.com/x" }]
]

export const cases: ReadonlyArray<Case> = [
  one(
    "metadata only",
    ["POST", secrets, secret("a"), as("PartialObjectMetadata")],
    ["GET", `${secrets}/a`, undefined, as("PartialObjectMetadata")],
    ["GET", `${secrets}/a`, undefined, as("PartialObjectMetadataList")],
    ["GET", secrets, undefined, as("PartialObjectMetadata")],
    ["GET", secrets, undefined, as("PartialObjectMetadataList")],
    ["GET", secrets, undefined, as("Foo")],
    ["GET", secrets, undefined, { accept: "text/html" }],
    ["DELETE", `${secrets}/a`, undefined, as("PartialObjectMetadata")]
  ),
  one(
    "versions of the forms",
    ["POST", secrets, secret("a"), as("PartialObjectMetadata", "v1beta1")],
    ["GET", secrets, undefined, as("PartialObjectMetadataList", "v1beta1")],
    ["GET", secrets, undefined, as("Table", "v1beta1")],
    ["GET", secrets, undefined, as("Table", "v2")],
    ["GET", secrets, undefined, { accept: "application/json;as=Table;g=apps;v=v1" }],
    ["GET", secrets, undefined, { accept: "application/json;as=Table" }],
    ["GET", `${secrets}/none`, undefined, as("Table")],
    ["GET", `${secrets}/none`, undefined, as("PartialObjectMetadata")],
    ["DELETE", `${secrets}/a`, undefined, as("Table")]
  ),
  one(
    "what is accepted first",
    ["POST", secrets, secret("a")],
    ["GET", `${secrets}/a`, undefined, { accept: "text/html, application/json" }],
    ["GET", `${secrets}/a`, undefined, { accept: "application/yaml;q=0.5, application/json;q=0.9" }],
    ["GET", `${secrets}/a`, undefined, { accept: "*/*" }],
    ["GET", `${secrets}/a`, undefined, { accept: "application/*" }],
    ["GET", `${secrets}/a`, undefined, { accept: "text/*" }],
    ["GET", `${secrets}/a`, undefined, { accept: "nonsense" }],
    ["GET", `${secrets}/a`, undefined, { accept: "application/json;as=Nope;g=meta.k8s.io;v=v1, application/json" }],
    ["GET", `${secrets}/a`, undefined, { accept: "application/json;as=Table;g=meta.k8s.io;v=v1, application/json" }],
    ["POST", secrets, secret("b"), { accept: "text/html" }],
    ["DELETE", `${secrets}/none`, undefined, { accept: "text/html" }]
  ),
  one(
    "answers in YAML",
    [
      "POST",
      secrets,
      { ...secret("a"), metadata: { name: "a", annotations: { x: "yes", y: "1", z: "a: b\nc", e: "" } } },
      as("PartialObjectMetadata")
    ],
    ["GET", `${secrets}/none`, undefined, yamlAnswer],
    ["GET", `${secrets}?labelSelector=none&limit=x`, undefined, yamlAnswer],
    ["DELETE", `${secrets}/none`, undefined, yamlAnswer]
  ),
  ...tables.map(([path, object]) =>
    one(
      `a table of ${path.split("/").at(-1)}`,
      ["POST", path, object, as("Table")],
      ["GET", `${path}?fieldSelector=metadata.name%3Dnone-such`, undefined, as("Table")],
      ["DELETE", `${path}/${path.includes("$NS") ? "t" : "$NS"}`, undefined, as("Table")]
    )
  ),
  one(
    "what a table has of its objects",
    ["POST", leases, { metadata: { name: "t" }, spec: { holderIdentity: "x" } }],
    ["GET", `${leases}?includeObject=None`, undefined, as("Table")],
    ["GET", `${leases}?includeObject=Metadata`, undefined, as("Table")],
    ["GET", `${leases}?includeObject=Object`, undefined, as("Table")],
    ["GET", `${leases}?includeObject=Nope`, undefined, as("Table")],
    ["GET", `${leases}/t?includeObject=None`, undefined, as("Table")],
    ["GET", `${leases}?limit=1&includeObject=None`, undefined, as("Table")]
  )
]
