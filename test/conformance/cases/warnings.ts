/** What is taken, but warned of: old kinds and fields, and values that are most likely wrong. */
import type { Case, Headers, Step } from "../harness.js"
import {
  applying,
  apps,
  as,
  container,
  core,
  deployment,
  deployments,
  group,
  headless,
  jobs,
  labels,
  maps,
  merge,
  one,
  pod,
  pods,
  podTemplates,
  secrets,
  selector,
  services,
  strategic,
  template
} from "./common.js"

const dry = "?dryRun=All"

/** Controllers write the objects too, so of these only what they are is asked for. */
const inTable: Headers = { ...merge, ...as("Table") }
const table = (path: string) => `${path}?includeObject=None`

const onPod = (name: string, ...specs: ReadonlyArray<object>): Case =>
  one(
    `pods: ${name}`,
    ...specs.map((spec): Step => ["POST", `${pods}${dry}`, pod("w", spec), as("PartialObjectMetadata")])
  )

/** Of what is stored, only the metadata: what it says is not what is asked here. */
const posted = (path: string, body: object): Step => ["POST", `${path}${dry}`, body, as("PartialObjectMetadata")]

const containers = (...all: ReadonlyArray<object>) => ({
  containers: all.map((each, index) => ({ ...container, name: `c${index}`, ...each }))
})

const volumes = (...sources: ReadonlyArray<object>) => ({
  volumes: sources.map((source, index) => ({ name: `v${index}`, ...source }))
})

const item = (path: string, key = "k") => ({ key, path })

const oldLabels = [
  "beta.kubernetes.io/arch",
  "failure-domain.beta.kubernetes.io/zone",
  "app.kubernetes.io/created-by",
  "scheduler.alpha.kubernetes.io/preferAvoidPods",
  "node-role.kubernetes.io/master"
]

const exists = (...keys: ReadonlyArray<string>) => ({
  matchExpressions: keys.map((key) => ({ key, operator: "Exists" }))
})

const affinityTerm = { topologyKey: "kubernetes.io/hostname" }

const annotated = (annotations: object, more: object = {}) => ({ metadata: { name: "w", annotations }, ...more })

const oldTemplate = {
  metadata: { labels },
  spec: { containers: [container], nodeSelector: { "beta.kubernetes.io/os": "linux" } }
}

const jobTemplate = { ...oldTemplate, spec: { ...oldTemplate.spec, restartPolicy: "Never" } }

const bareTemplate = { spec: { restartPolicy: "Never", containers: [container] } }

const service = (spec: object) => ({ metadata: { name: "w" }, spec: { ...headless, ...spec } })

const endpoints = `${core}/endpoints`
const storage = "/apis/storage.k8s.io/v1"

const pem = (type: string, body = "AAAA") => `-----BEGIN ${type}-----\n${body}\n-----END ${type}-----\n`
const encoded = (text: string) => Buffer.from(text).toString("base64")
const pair = (certificate: string, key: string): Step => [
  "POST",
  `${secrets}${dry}`,
  {
    metadata: { name: "w" },
    type: "kubernetes.io/tls",
    data: { "tls.crt": encoded(certificate), "tls.key": encoded(key) }
  },
  as("PartialObjectMetadata")
]

const certificate = pem(
  "CERTIFICATE",
  "MIIBgjCCASmgAwIBAgIUdD4eveGIYF36XDcEL+m8l4XXRWwwCgYIKoZIzj0EAwIwFjEUMBIGA1UEAwwLY29uZm9ybWFuY2UwIBcNMjYxMTIxMTQ0OTA2WhgPMjEyNjEwMjgxNDQ5MDZaMBYxFDASBgNVBAMMC2NvbmZvcm1hbmNlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAERTGYp4J1evAi3MTQEPXVI/2CDjqTNVABPHRnHmJMsY8ky26zdGJaqeARoZVJFWMCW04SM+H9dl3w9eSrEtOmM6NTMFEwHQYDVR0OBBYEFK+/OSldg8zY7d4fhAQeTarUGQZMMB8GA1UdIwQYMBaAFK+/OSldg8zY7d4fhAQeTarUGQZMMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgAS5WV3ZphRiYycPmZFzgdC3CyrM0KgJDKqUxy9v1ibkCIH40NFhpTJZe/80nwsYn6u+i9SasuvB2nueDuzcBrHCk"
)

export const cases: ReadonlyArray<Case> = [
  one(
    "a deprecated kind, by verb",
    ["GET", `${endpoints}/none`],
    ["POST", endpoints, { metadata: { name: "e" } }],
    ["POST", endpoints, { metadata: { name: "e" } }],
    ["POST", endpoints, "{"],
    ["POST", endpoints, "x", { "content-type": "text/plain" }],
    ["GET", `${endpoints}/e`, undefined, { accept: "text/plain" }],

    ["GET", `${endpoints}?limit=1&fieldSelector=metadata.name=e`],
    ["GET", `${endpoints}?resourceVersion=x`],
    ["GET", `${endpoints}?watch=true&timeoutSeconds=1&fieldSelector=metadata.name=e`],
    ["PATCH", `${endpoints}/e`, { metadata: { labels: { a: "b" } } }, merge],
    ["PUT", `${endpoints}/e`, { metadata: { name: "e" }, nope: 1 }],
    ["PUT", endpoints, {}],
    ["GET", `${endpoints}/e`, undefined, { "impersonate-user": "conformance-nobody" }],
    ["DELETE", `${endpoints}/e`],
    ["DELETE", `${endpoints}?fieldSelector=metadata.name=e`]
  ),
  onPod(
    "labels of nodes",
    ...oldLabels.map((label) => ({ nodeSelector: { [label]: "x" } })),
    {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [exists("a"), exists("a", ...oldLabels)]
          },
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 1, preference: exists("beta.kubernetes.io/instance-type") }
          ]
        }
      }
    },
    {
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: "failure-domain.beta.kubernetes.io/region",
          whenUnsatisfiable: "DoNotSchedule",
          labelSelector: selector
        },
        { maxSkew: 1, topologyKey: "a", whenUnsatisfiable: "DoNotSchedule" },
        { maxSkew: 1, topologyKey: "b", whenUnsatisfiable: "DoNotSchedule", labelSelector: {} }
      ]
    }
  ),
  onPod("labels of nodes that there cannot be", {
    affinity: {
      nodeAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 2, preference: { matchExpressions: [{ key: "a", operator: "In", values: ["a", "-b", "c d"] }] } }
        ]
      }
    }
  }),
  onPod("affinity to no pod", {
    affinity: Object.fromEntries(
      ["podAffinity", "podAntiAffinity"].map((kind) => [
        kind,
        {
          requiredDuringSchedulingIgnoredDuringExecution: [affinityTerm, { ...affinityTerm, labelSelector: {} }],
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 1, podAffinityTerm: { ...affinityTerm, labelSelector: selector } },
            { weight: 1, podAffinityTerm: affinityTerm }
          ]
        }
      ])
    )
  }),
  onPod(
    "old volumes",
    volumes(
      { photonPersistentDisk: { pdID: "x" } },
      { gitRepo: { repository: "x" } },
      { scaleIO: { gateway: "x", system: "x", volumeName: "x", secretRef: { name: "x" } } },
      { flocker: { datasetName: "x" } },
      { storageos: { volumeName: "x" } },
      { quobyte: { registry: "a:1", volume: "x" } },
      { glusterfs: { endpoints: "x", path: "x" } },
      { cephfs: { monitors: ["x"] } },
      { rbd: { monitors: ["x"], image: "x" } }
    ),
    volumes({
      ephemeral: {
        volumeClaimTemplate: { spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1500m" } } } }
      }
    })
  ),
  onPod(
    "paths in volumes",
    volumes(
      { configMap: { name: "m", items: [item("a"), item("a/b"), item("a"), item("ab")] } },
      { secret: { secretName: "s", items: [item("x/y/"), item("x")] } },
      { downwardAPI: { items: [1, 2].map(() => ({ path: "p", fieldRef: { fieldPath: "metadata.name" } })) } },
      { configMap: { name: "m" } }
    ),
    volumes({
      projected: {
        sources: [
          { configMap: { name: "m", items: [item("a")] } },
          { secret: { name: "s", items: [item("a/b"), item("c")] } },
          { downwardAPI: { items: [{ path: "c/d", fieldRef: { fieldPath: "metadata.name" } }] } },
          { serviceAccountToken: { path: "a" } },
          { configMap: { name: "n" } }
        ]
      }
    })
  ),
  onPod(
    "what is there twice",
    {
      hostAliases: [
        { ip: "10.0.0.1", hostnames: ["a"] },
        { ip: "10.0.0.2", hostnames: ["a"] },
        { ip: "10.0.0.1", hostnames: ["b"] }
      ]
    },
    { imagePullSecrets: [{ name: "a" }, { name: "b" }, { name: "a" }, { name: "a" }] },
    { imagePullSecrets: [{ name: "" }] },
    containers({
      env: [
        { name: "A", value: "1" },
        { name: "B", value: "1" },
        { name: "A", value: "$(A)" },
        { name: "A", value: "$(A)2" },
        { name: "A", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "B", value: "2" }
      ]
    })
  ),
  onPod(
    "ports",
    containers(
      { ports: [{ containerPort: 80 }, { containerPort: 80 }, { containerPort: 80, protocol: "UDP" }] },
      {
        ports: [
          { containerPort: 80, hostPort: 80 },
          { containerPort: 81, name: "a" }
        ]
      },
      {
        ports: [
          { containerPort: 80, hostPort: 80, hostIP: "10.0.0.1" },
          { containerPort: 80, hostPort: 81 },
          { containerPort: 82, name: "a", hostIP: "10.0.0.1" }
        ]
      }
    ),
    {
      ...containers({ ports: [{ containerPort: 80, name: "http" }] }),
      initContainers: [
        { ...container, name: "i", restartPolicy: "Always", ports: [{ containerPort: 80, name: "http" }] }
      ]
    }
  ),
  onPod(
    "quantities",
    containers({
      resources: {
        limits: { memory: "1500m", "ephemeral-storage": "2500m", cpu: "1m" },
        requests: { memory: "100m", "ephemeral-storage": "0.5" }
      }
    }),
    containers({ resources: { limits: { memory: "0.5Ki" } } }),
    containers({ resources: { limits: { memory: "0.3Ki" } } })
  ),
  onPod("addresses", {
    dnsPolicy: "None",
    dnsConfig: { nameservers: ["10.0.0.1", "::ffff:1.2.3.4", "2001:DB8::1"] },
    hostAliases: [
      { ip: "010.0.0.1", hostnames: ["a"] },
      { ip: "2001:db8:0:0::1", hostnames: ["a"] },
      { ip: "::1", hostnames: ["a"] }
    ]
  }),
  one(
    "pods: names and annotations",
    posted(pods, { ...pod("w.x"), metadata: { name: "w.x" } }),
    posted(pods, { ...pod("w"), metadata: { name: "w".repeat(64) } }),
    posted(pods, {
      ...pod("w"),
      ...annotated({
        "scheduler.alpha.kubernetes.io/critical-pod": "",
        "security.alpha.kubernetes.io/sysctls": "a",
        "security.alpha.kubernetes.io/unsafe-sysctls": "a",
        "seccomp.security.alpha.kubernetes.io/pod": "runtime/default",
        "container.seccomp.security.alpha.kubernetes.io/c": "runtime/default",
        "container.seccomp.security.alpha.kubernetes.io/none": "runtime/default"
      })
    })
  ),
  one(
    "pods: what is written again",
    ["POST", pods, pod("w", { nodeSelector: { "beta.kubernetes.io/os": "none" } })],
    ["POST", pods, pod("w", { nodeSelector: { "beta.kubernetes.io/os": "none" } })],
    ["PATCH", `${pods}/w`, { metadata: { labels: { x: "y" } } }, { ...merge, ...as("PartialObjectMetadata") }]
  ),
  one(
    "templates",
    posted(deployments, { ...deployment("w.x", { template: oldTemplate }) }),
    posted(`${apps}/replicasets`, { ...deployment("w.x", { template: oldTemplate }) }),
    posted(`${apps}/statefulsets`, {
      metadata: { name: "w" },
      spec: {
        replicas: 0,
        revisionHistoryLimit: -1,
        serviceName: "s",
        selector,
        template: oldTemplate,
        volumeClaimTemplates: [
          {
            metadata: { name: "v" },
            spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1500m" } } }
          }
        ]
      }
    }),
    posted(`${core}/replicationcontrollers`, {
      metadata: { name: "w.x" },
      spec: { replicas: 0, selector: labels, template: oldTemplate }
    }),
    posted(podTemplates, { metadata: { name: "w.x" }, template: oldTemplate }),
    posted(jobs, { metadata: { name: "w.x" }, spec: { template: jobTemplate } }),
    posted(jobs, {
      metadata: { name: "w" },
      spec: {
        suspend: true,
        completionMode: "Indexed",
        completions: 100001,
        parallelism: 10001,
        template: { ...jobTemplate, spec: { ...jobTemplate.spec, nodeSelector: {} } }
      }
    }),
    posted(`${group("batch")}/cronjobs`, {
      metadata: { name: "w.x" },
      spec: { schedule: "0 0 1 1 *", suspend: true, jobTemplate: { spec: { template: jobTemplate } } }
    }),
    posted(deployments, {
      ...deployment("w", {
        template: {
          ...template,
          metadata: {
            labels,
            annotations: {
              "container.apparmor.security.beta.kubernetes.io/c": "runtime/default",
              "container.seccomp.security.alpha.kubernetes.io/c": "runtime/default"
            }
          }
        }
      })
    })
  ),
  one("the template of a daemonset", [
    "POST",
    `${apps}/daemonsets${dry}`,
    { metadata: { name: "w.x" }, spec: { selector, template: oldTemplate } }
  ]),
  one(
    "templates that change",
    ["POST", table(deployments), deployment("w", { template: oldTemplate }), as("Table")],
    ["PATCH", table(`${deployments}/w`), { metadata: { labels: { x: "y" } } }, inTable],
    ["PATCH", table(`${deployments}/w`), { spec: { minReadySeconds: 1 } }, inTable],
    ["PATCH", table(`${deployments}/w/status`), { metadata: { annotations: { a: "b" } } }, inTable],
    ["PATCH", `${deployments}/w/scale${dry}`, { spec: { replicas: 1 } }, { ...merge, ...as("PartialObjectMetadata") }],
    [
      "PATCH",
      `${table(`${deployments}/w`)}&fieldManager=m&force=true`,
      { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "w" }, spec: { minReadySeconds: 2 } },
      { ...applying, ...as("Table") }
    ],
    [
      "PATCH",
      `${table(`${deployments}/new`)}&fieldManager=m&dryRun=All`,
      { apiVersion: "apps/v1", kind: "Deployment", ...deployment("new", { template: oldTemplate }) },
      { ...applying, ...as("Table") }
    ]
  ),
  one(
    "the template of a controller",
    [
      "POST",
      table(`${core}/replicationcontrollers`),
      { metadata: { name: "w" }, spec: { replicas: 0, selector: labels, template: oldTemplate } },
      as("Table")
    ],
    [
      "PATCH",
      table(`${core}/replicationcontrollers/w`),
      {
        spec: {
          template: { spec: { nodeSelector: { "beta.kubernetes.io/os": null, "beta.kubernetes.io/arch": "x" } } }
        }
      },
      inTable
    ]
  ),
  one(
    "the schedule of a job",
    [
      "POST",
      table(`${group("batch")}/cronjobs`),
      {
        metadata: { name: "w" },
        spec: { schedule: "0 0 1 1 *", suspend: true, jobTemplate: { spec: { template: jobTemplate } } }
      },
      as("Table")
    ],
    ["PATCH", table(`${group("batch")}/cronjobs/w`), { spec: { schedule: "CRON_TZ=UTC 0 0 1 1 *" } }, inTable],
    ["PATCH", table(`${group("batch")}/cronjobs/w`), { spec: { schedule: "0 0 1 2 *" } }, inTable]
  ),
  one(
    "services",
    posted(services, service({ sessionAffinity: "ClientIP" })),
    posted(services, service({ externalIPs: ["10.0.0.1", "::ffff:10.0.0.1"], externalName: "a.example.com" })),
    posted(services, {
      metadata: { name: "w" },
      spec: { type: "ExternalName", externalName: "a.example.com", externalIPs: ["10.0.0.1"] }
    }),
    posted(services, {
      metadata: { name: "w" },
      spec: {
        ports: [{ port: 80 }],
        clusterIP: "10.0.0.77",
        externalIPs: ["10.0.0.01"],
        trafficDistribution: "PreferClose"
      }
    }),
    posted(services, {
      ...annotated({ "service.kubernetes.io/topology-aware-hints": "auto" }),
      spec: {
        type: "LoadBalancer",
        ports: [{ port: 80 }],
        clusterIP: "10.0.0.78",
        loadBalancerIP: "::FFFF:1",
        loadBalancerSourceRanges: [
          "10.0.0.1/8",
          "10.0.0.0/08",
          "::ffff:10.0.0.0/104",
          "2001:DB8::/32",
          "2001:db8::1/32"
        ]
      }
    })
  ),
  one(
    "the status of a service",
    [
      "POST",
      services,
      { metadata: { name: "w" }, spec: { type: "LoadBalancer", ports: [{ port: 80 }] } },
      as("PartialObjectMetadata")
    ],
    [
      "PATCH",
      `${services}/w/status`,
      { status: { loadBalancer: { ingress: [{ ip: "10.0.0.1" }, { ip: "2001:DB8::1" }] } } },
      { ...strategic, ...as("PartialObjectMetadata") }
    ]
  ),
  one(
    "addresses of endpoints",
    posted(endpoints, {
      metadata: { name: "w" },
      subsets: [
        {
          addresses: [{ ip: "10.0.0.1" }, { ip: "2001:DB8::1" }],
          notReadyAddresses: [{ ip: "10.0.0.02" }],
          ports: [{ port: 80 }]
        }
      ]
    }),
    posted(endpoints, {
      metadata: { name: "w", labels: { "endpoints.kubernetes.io/managed-by": "endpoint-controller" } },
      subsets: [{ addresses: [{ ip: "2001:DB8::1" }], ports: [{ port: 80 }] }]
    }),
    posted(`${group("discovery.k8s.io")}/endpointslices`, {
      metadata: { name: "w" },
      addressType: "IPv6",
      endpoints: [
        { addresses: ["2001:db8::1"] },
        { addresses: ["2001:db8:0:0::1"] },
        { addresses: ["::ffff:10.0.0.1"] }
      ],
      ports: []
    }),
    posted(`${group("discovery.k8s.io")}/endpointslices`, {
      metadata: { name: "w" },
      addressType: "IPv4",
      endpoints: [{ addresses: ["010.0.0.1"] }, { addresses: ["10.0.0.x"] }],
      ports: []
    }),
    posted(`${group("discovery.k8s.io")}/endpointslices`, {
      metadata: { name: "w" },
      addressType: "FQDN",
      endpoints: [{ addresses: ["a.example.com"] }],
      ports: []
    })
  ),
  one(
    "networks",
    posted(`${group("networking.k8s.io")}/networkpolicies`, {
      metadata: { name: "w" },
      spec: {
        podSelector: {},
        ingress: [
          { from: [{ podSelector: {} }, { ipBlock: { cidr: "10.0.0.1/8", except: ["10.1.0.0/16", "10.2.0.1/16"] } }] }
        ],
        egress: [{ to: [{ ipBlock: { cidr: "2001:DB8::/32" } }] }]
      }
    }),
    posted(`${group("networking.k8s.io")}/ingresses`, {
      ...annotated({ "kubernetes.io/ingress.class": "x" }),
      spec: { defaultBackend: { service: { name: "s", port: { number: 80 } } } }
    })
  ),
  one(
    "storage",
    posted(`${core}/persistentvolumeclaims`, {
      ...annotated({ "volume.beta.kubernetes.io/storage-class": "x" }),
      spec: {
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: "1500m" }, limits: { storage: "2500m" } }
      }
    }),
    posted("/api/v1/persistentvolumes", {
      metadata: {
        name: "w",
        annotations: { "volume.beta.kubernetes.io/storage-class": "x" }
      },
      spec: {
        accessModes: ["ReadWriteOnce"],
        capacity: { storage: "1Gi" },
        persistentVolumeReclaimPolicy: "Recycle",
        hostPath: { path: "/tmp/x" },
        nodeAffinity: { required: { nodeSelectorTerms: [exists("beta.kubernetes.io/os")] } }
      }
    }),
    posted("/api/v1/persistentvolumes", {
      metadata: { name: "w", annotations: { "volume.beta.kubernetes.io/mount-options": "ro" } },
      spec: { accessModes: ["ReadWriteOnce"], capacity: { storage: "1Gi" }, rbd: { monitors: ["x"], image: "x" } }
    }),
    posted("/api/v1/persistentvolumes", {
      metadata: { name: "w" },
      spec: {
        accessModes: ["ReadWriteOnce"],
        capacity: { storage: "1Gi" },
        storageos: { volumeName: "x", volumeNamespace: "x" }
      }
    }),
    posted(`${storage}/storageclasses`, {
      metadata: { name: "w" },
      provisioner: "example.com/x",
      allowedTopologies: [{ matchLabelExpressions: [{ key: "failure-domain.beta.kubernetes.io/zone", values: ["x"] }] }]
    }),
    posted(`${group("storage.k8s.io")}/csistoragecapacities`, {
      metadata: { name: "w" },
      storageClassName: "x",
      nodeTopology: { matchLabels: { "beta.kubernetes.io/os": "x" }, ...exists("beta.kubernetes.io/arch") }
    }),
    posted(`${storage}/csidrivers`, {
      metadata: { name: "w.example.com" },
      spec: { tokenRequests: [{ audience: "a" }] }
    }),
    posted(`${storage}/csidrivers`, {
      metadata: { name: "w.example.com" },
      spec: { tokenRequests: [{ audience: "a" }], serviceAccountTokenInSecrets: false }
    })
  ),
  one(
    "nodes and the rest",
    posted("/api/v1/nodes", {
      metadata: { name: "w-$NS" },
      spec: { externalID: "x", podCIDRs: ["10.0.0.1/24"], podCIDR: "10.0.0.1/24" }
    }),
    posted("/apis/node.k8s.io/v1/runtimeclasses", {
      metadata: { name: "w" },
      handler: "x",
      scheduling: { nodeSelector: { "beta.kubernetes.io/os": "x" } }
    }),
    posted(`${core}/resourcequotas`, {
      metadata: { name: "w" },
      spec: {
        hard: {
          cpu: "2",
          "limits.cpu": "1",
          "requests.memory": "2Gi",
          "limits.memory": "1Gi",
          "requests.ephemeral-storage": "1",
          "limits.ephemeral-storage": "2"
        }
      }
    }),
    posted("/apis/resource.k8s.io/v1/resourceslices", {
      metadata: { name: "w" },
      spec: {
        driver: "W.example.com",
        allNodes: true,
        pool: { name: "p", generation: 1, resourceSliceCount: 1 },
        devices: []
      }
    })
  ),
  one(
    "service accounts",
    ["POST", `${core}/serviceaccounts`, annotated({ "kubernetes.io/enforce-mountable-secrets": "true" })],
    ["PATCH", `${core}/serviceaccounts/w`, { metadata: { labels: { a: "b" } } }, merge],
    [
      "PATCH",
      `${core}/serviceaccounts/w`,
      { metadata: { annotations: { "kubernetes.io/enforce-mountable-secrets": null } } },
      merge
    ],
    [
      "PATCH",
      `${core}/serviceaccounts/w`,
      { metadata: { annotations: { "kubernetes.io/enforce-mountable-secrets": "false" } } },
      merge
    ]
  ),
  one(
    "pairs of a certificate and a key",
    pair("x", "x"),
    pair(pem("PRIVATE KEY"), "x"),
    pair(pem("PUBLIC KEY"), "x"),
    pair(pem("A") + pem("PRIVATE KEY"), "x"),
    pair("-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----\n", "x"),
    pair(certificate, "x"),
    pair(certificate, certificate),
    pair(certificate, pem("A") + pem("B")),
    pair(certificate, pem("PRIVATE KEY")),
    pair(`text\n${pem("A")}${certificate}`, pem("EC PARAMETERS") + pem("EC PRIVATE KEY")),
    pair(pem("CERTIFICATE"), pem("PRIVATE KEY"))
  ),
  one(
    "a job that goes without its pods",
    [
      "POST",
      table(jobs),
      { metadata: { name: "a" }, spec: { suspend: true, managedBy: "example.com/nobody", template: bareTemplate } },
      as("Table")
    ],
    ["DELETE", `${table(`${jobs}/a`)}&dryRun=All`, undefined, as("Table")],
    ["DELETE", `${jobs}/a${dry}&propagationPolicy=Background`],
    ["DELETE", table(`${jobs}/a`), { dryRun: ["All"], propagationPolicy: "Orphan" }, as("Table")],
    ["DELETE", table(`${jobs}/a`), { dryRun: ["All"], orphanDependents: true }, as("Table")],
    ["DELETE", `${jobs}/none`],
    ["DELETE", `${table(jobs)}&dryRun=All&labelSelector=none`, undefined, as("Table")]
  ),
  one(
    "the answer to a delete of what has dependents",
    [
      "POST",
      `${core}/replicationcontrollers`,
      { metadata: { name: "a" }, spec: { replicas: 0, selector: labels, template } },
      as("PartialObjectMetadata")
    ],
    ["DELETE", `${core}/replicationcontrollers/a?propagationPolicy=Background`]
  ),
  one(
    "owners that are there twice",
    [
      "POST",
      maps,
      {
        metadata: {
          name: "a",
          ownerReferences: [1, 1, 2].map((uid) => ({
            apiVersion: "example.com/v1",
            kind: "Owner",
            name: "p",
            uid: `00000000-0000-4000-8000-00000000000${uid}`
          }))
        }
      }
    ],
    [
      "PATCH",
      `${maps}/a`,
      {
        metadata: {
          ownerReferences: [1, 1, 3, 3].map((uid) => ({
            apiVersion: "example.com/v1",
            kind: "Owner",
            name: "p",
            uid: `00000000-0000-4000-8000-00000000000${uid}`
          }))
        }
      },
      merge
    ],
    [
      "PUT",
      `${maps}/a`,
      {
        metadata: {
          name: "a",
          ownerReferences: ["p", "p", "q"].map((name) => ({
            apiVersion: "example.com/v1",
            kind: "Owner",
            name,
            uid: "00000000-0000-4000-8000-000000000001"
          }))
        }
      }
    ]
  ),
  one(
    "warnings that are too long",
    [
      "POST",
      maps,
      {
        metadata: { name: "a" },
        ...Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`${index + 10}-`.repeat(100), 1]))
      }
    ],
    ["POST", maps, { metadata: { name: "b" }, ["é".repeat(5000)]: 1, short: 1 }],
    ["POST", maps, { metadata: { name: "c" }, 'a\nb"c\\': 1, "\u0085": 1, "\u007f": 1, ü: 1 }]
  )
]
