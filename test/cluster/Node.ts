/**
 * A real node for the test cluster: containerd and a kubelet, in namespaces of their own (see go/node).
 *
 * One number tells the nodes of a machine apart: the port of the cluster's API server, which no two clusters have at
 * once. It gives the name of the network interface, and the 64 addresses that the machine, the node and its pods share.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Array from "effect/Array"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import type { Scope } from "effect/Scope"
import * as Yaml from "yaml"
import * as Pki from "../support/pki.js"
import type * as Sandbox from "./Sandbox.js"

/** A node cannot run here. */
export class NodeUnavailable extends Data.TaggedError("NodeUnavailable")<{
  /** Whether installing packages would help. */
  readonly installable: boolean
  readonly message: string
}> {}

/** What a node needs of the machine. */
export interface Requirements {
  readonly busybox: string
  /** The folder of the CNI plugins. */
  readonly plugins: string
}

/** The image that a pod of the node can run. Nothing else can be pulled: the node has no way out. */
export const image = "localhost/busybox:1"

/** The Node object's name. */
export const name = "node"

const binaries = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
const pluginFolders = ["/usr/lib/cni", "/opt/cni/bin"]

/** What Debian calls the packages, and where their files can be. */
const packages = {
  containerd: [
    ["containerd", binaries],
    ["ctr", binaries]
  ],
  runc: [["runc", binaries]],
  "busybox-static": [["busybox", binaries]],
  "containernetworking-plugins": [
    ["bridge", pluginFolders],
    ["host-local", pluginFolders],
    ["loopback", pluginFolders]
  ],
  iproute2: [["ip", binaries]]
} as const

/** Whether this process may make namespaces, mounts and network interfaces. Root in a container often may not. */
const isPrivileged = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false
  const status = yield* fs.readFileString("/proc/self/status")
  const capabilities = BigInt(`0x${/^CapEff:\s*(\w+)$/m.exec(status)?.[1] ?? "0"}`)
  const netAdmin = 1n << 12n
  const sysAdmin = 1n << 21n
  return (capabilities & netAdmin) !== 0n && (capabilities & sysAdmin) !== 0n
})

/** Finds what a node needs of the machine, or says in one line what is missing. */
export const requirements: Effect.Effect<
  Requirements,
  NodeUnavailable | PlatformError,
  FileSystem.FileSystem | Path.Path
> = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  if (!(yield* isPrivileged)) {
    return yield* new NodeUnavailable({ installable: false, message: "a node needs Linux and the rights of root" })
  }
  const find = (file: string, folders: ReadonlyArray<string>) =>
    Effect.findFirst(
      folders.map((folder) => path.join(folder, file)),
      (candidate) => fs.exists(candidate)
    )
  const missing = yield* Effect.filter(Object.entries(packages), ([, files]) =>
    Effect.map(
      Effect.forEach(files, ([file, folders]) => find(file, folders)),
      (found) => found.some(Option.isNone)
    )
  )
  const busybox = yield* find("busybox", binaries)
  const bridge = yield* find("bridge", pluginFolders)
  // A program that is not static names its loader near its beginning.
  const isStatic = yield* Option.match(busybox, {
    onNone: () => Effect.succeed(true),
    onSome: (file) => Effect.map(fs.readFile(file), (bytes) => !Buffer.from(bytes.subarray(0, 4096)).includes("/ld-"))
  })
  const names = Array.dedupe([...missing.map(([name]) => name), ...(isStatic ? [] : ["busybox-static"])])
  if (names.length > 0 || Option.isNone(busybox) || Option.isNone(bridge)) {
    return yield* new NodeUnavailable({
      installable: true,
      message: `a node needs more packages: apt-get install ${names.join(" ")}`
    })
  }
  return { busybox: busybox.value, plugins: path.dirname(bridge.value) }
})

/** The addresses of a cluster, from the port of its API server. */
const network = (port: number) => {
  // 10.192.0.0/10 has 64 addresses for each port there is.
  const first = ((10 << 24) | (192 << 16)) + port * 64
  const address = (n: number) => [24, 16, 8, 0].map((bits) => ((first + n) >>> bits) & 255).join(".")
  return {
    link: `kube-${port}`,
    subnet: `${address(0)}/26`,
    node: address(1),
    firstPod: address(2),
    lastPod: address(61),
    host: address(62),
    prefix: (address: string) => `${address}/26`
  }
}

// The same for every machine, so that one is like another. Each of these is needed on some: a kernel without overlayfs
// wants the native snapshotter, and without CAP_SYS_RESOURCE a score cannot be lowered.
const containerdConfig = (plugins: string) => `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/busybox:pause"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${plugins}"
    conf_dir = "/node/cni"
`

const cniConfig = (net: ReturnType<typeof network>) =>
  JSON.stringify({
    cniVersion: "0.4.0",
    name: "pods",
    plugins: [
      {
        type: "bridge",
        bridge: "pods",
        ipam: {
          type: "host-local",
          ranges: [[{ subnet: net.subnet, rangeStart: net.firstPod, rangeEnd: net.lastPod, gateway: net.node }]],
          routes: [{ dst: "0.0.0.0/0" }]
        }
      }
    ]
  })

const kubeletConfig = {
  apiVersion: "kubelet.config.k8s.io/v1beta1",
  kind: "KubeletConfiguration",
  containerRuntimeEndpoint: "unix:///run/containerd/containerd.sock",
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: true },
    x509: { clientCAFile: "/node/ca.crt" }
  },
  authorization: { mode: "Webhook" },
  tlsCertFile: "/node/kubelet.crt",
  tlsPrivateKeyFile: "/node/kubelet.key",
  cgroupDriver: "cgroupfs",
  // A machine may have cgroups of version 1, or may not give a controller to others.
  failCgroupV1: false,
  cgroupsPerQOS: false,
  enforceNodeAllocatable: [],
  failSwapOn: false,
  makeIPTablesUtilChains: false,
  resolvConf: "",
  healthzPort: 0,
  readOnlyPort: 0,
  oomScoreAdj: 0,
  maxPods: 50,
  // How full the machine's memory and disk are is nothing to a test: no pod is evicted, and no image removed.
  evictionHard: {
    "memory.available": "1Mi",
    "nodefs.available": "0%",
    "nodefs.inodesFree": "0%",
    "imagefs.available": "0%"
  },
  imageGCHighThresholdPercent: 100
}

const kubeconfig = (server: string, authority: Pki.Authority) =>
  Yaml.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      { name: "test", cluster: { server, "certificate-authority-data": Encoding.encodeBase64(authority.certificate) } }
    ],
    users: [{ name: "node", user: { "client-certificate": "/node/kubelet.crt", "client-key": "/node/kubelet.key" } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "node" } }],
    "current-context": "test"
  })

export interface Options {
  readonly sandbox: Sandbox.Sandbox
  /** The binary of `Binary.build`, for the kubelet. */
  readonly kube: string
  /** The binary of `Binary.buildNode`. */
  readonly supervisor: string
  readonly requirements: Requirements
  readonly authority: Pki.Authority
  /** The port of the API server on 127.0.0.1. */
  readonly port: number
  /** The address of the `kubernetes` service. */
  readonly service: string
  /** More fields of the kubelet's configuration; they win. */
  readonly kubelet: Readonly<Record<string, unknown>>
}

/** Starts a node, which ends with the scope. It may take a moment to be ready. */
export const start = (
  options: Options
): Effect.Effect<Sandbox.Program, Sandbox.ProgramError | PlatformError, FileSystem.FileSystem | Path.Path | Scope> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const net = network(options.port)
    const apiServer = `127.0.0.1:${options.port}`
    // A client for the API server, and a server to it.
    const certificate = yield* Pki.issue(options.authority, {
      commonName: `system:node:${name}`,
      organizations: ["system:nodes"],
      dnsNames: [name],
      ipAddresses: [net.node]
    })

    const files = path.join(options.sandbox.directory, "node", "files")
    yield* fs.makeDirectory(path.join(files, "cni"), { recursive: true })
    const write = (file: string, content: string) =>
      fs.writeFileString(path.join(files, file), content, { mode: 0o600 })
    yield* Effect.all([
      write("ca.crt", options.authority.certificate),
      write("kubelet.crt", certificate.certificate),
      write("kubelet.key", certificate.privateKey),
      write("kubelet.kubeconfig", kubeconfig(`https://${apiServer}`, options.authority)),
      write("kubelet.yaml", Yaml.stringify({ ...kubeletConfig, ...options.kubelet })),
      write("containerd.toml", containerdConfig(options.requirements.plugins)),
      write("cni/pods.conflist", cniConfig(net))
    ])

    return yield* options.sandbox.startSupervisor("node", [
      options.supervisor,
      "run",
      `--name=${path.basename(options.sandbox.directory)}`,
      `--link=${net.link}`,
      `--host-address=${net.prefix(net.host)}`,
      `--node-address=${net.prefix(net.node)}`,
      `--api-server=${apiServer}`,
      `--api-server-service=${options.service}:443`,
      `--files=${files}`,
      `--busybox=${options.requirements.busybox}`,
      `--kube=${options.kube}`
    ])
  })
