/** What the API server warns of in pods and in what they are made of: what it takes, but is old or most likely wrong. */
import { cidrWarnings, ipWarnings } from "./addresses.js"
import { quantityText } from "./decodeQuantity.js"
import { jsonEquals } from "./json.js"
import { labelValueProblems } from "./names.js"
import type { Json, JsonObject } from "./openapi.js"
import { eachAt, entriesAt, listAt, numberAt, objectAt, quantityAt, textAt, valueAt } from "./validation/rules.js"

export type Warnings = ReadonlyArray<string>

const deprecatedLabels: { readonly [label: string]: string } = {
  "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
  "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  "app.kubernetes.io/created-by": "deprecated since v1.9",
  "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
  "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead'
}

/** What is to be said of a label of nodes, in the form in which a place says it. */
export const deprecatedLabel = (label: string, said: (problem: string) => string): Warnings => {
  const problem = Object.hasOwn(deprecatedLabels, label) ? deprecatedLabels[label] : undefined
  return problem === undefined ? [] : [said(problem)]
}

/** What is to be said of the keys of a selector's expressions. */
export const expressionKeys = (selector: Json | undefined, path: string): Warnings =>
  eachAt(selector, path, "matchExpressions").flatMap(([expression, at]) => {
    const key = textAt(expression, "key")
    return deprecatedLabel(key, (problem) => `${at}.key: ${key} is ${problem}`)
  })

const expressionValues = (selector: Json | undefined, path: string): Warnings =>
  eachAt(selector, path, "matchExpressions").flatMap(([expression, at]) =>
    listAt(expression, "values").flatMap((value, index) =>
      labelValueProblems(String(value)).map(
        (problem) => `${at}.values[${index}]: ${String(value)} is invalid, ${problem}`
      )
    )
  )

/** A field of what may be at the top. */
export const within = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`)

/** A number of bytes that is none. */
export const fractional = (resources: Json | undefined, resource: string, path: string): Warnings => {
  const quantity = quantityAt(valueAt(resources, resource))
  return quantity === undefined || quantity.nanos % 10n ** 9n === 0n
    ? []
    : [
        `${path}[${resource}]: fractional byte value ${JSON.stringify(quantityText(quantity))} is invalid, must be an integer`
      ]
}

export const claimSpecWarnings = (spec: Json | undefined, path: string): Warnings =>
  ["requests", "limits"].flatMap((list) =>
    fractional(valueAt(spec, "resources", list), "storage", `${path}.resources.${list}`)
  )

const affinityWarnings = (affinity: Json | undefined, path: string): Warnings => {
  const node = valueAt(affinity, "nodeAffinity")
  const at = `${path}.nodeAffinity`
  const required = "requiredDuringSchedulingIgnoredDuringExecution"
  const preferred = "preferredDuringSchedulingIgnoredDuringExecution"
  return [
    ...eachAt(valueAt(node, required), `${at}.${required}`, "nodeSelectorTerms").flatMap(([term, where]) =>
      expressionKeys(term, where)
    ),
    ...eachAt(node, at, preferred).flatMap(([term, where]) => [
      ...expressionKeys(valueAt(term, "preference"), `${where}.preference`),
      ...expressionValues(valueAt(term, "preference"), `${where}.preference`)
    ])
  ]
}

const nullSelector = "a null labelSelector results in matching no pod"

const podAffinityWarnings = (affinity: Json | undefined, path: string): Warnings =>
  ["podAffinity", "podAntiAffinity"].flatMap((kind) => {
    const [terms, at] = [valueAt(affinity, kind), `${path}.${kind}`]
    return [
      ...eachAt(terms, at, "requiredDuringSchedulingIgnoredDuringExecution").flatMap(([term, where]) =>
        objectAt(term, "labelSelector") === undefined ? [`${where}.labelSelector: ${nullSelector}`] : []
      ),
      ...eachAt(terms, at, "preferredDuringSchedulingIgnoredDuringExecution").flatMap(([term, where]) =>
        objectAt(term, "podAffinityTerm", "labelSelector") === undefined
          ? [`${where}.podAffinityTerm.labelSelector: ${nullSelector}`]
          : []
      )
    ]
  })

const spreadWarnings = (spec: JsonObject, path: string): Warnings =>
  eachAt(spec, path, "topologySpreadConstraints").flatMap(([constraint, at]) => {
    const key = textAt(constraint, "topologyKey")
    return [
      ...deprecatedLabel(key, (problem) => `${at}.topologyKey: ${key} is ${problem}`),
      ...(objectAt(constraint, "labelSelector") === undefined ? [`${at}.labelSelector: ${nullSelector}`] : [])
    ]
  })

const deprecatedAnnotations: ReadonlyArray<readonly [annotation: string, problem: string]> = [
  ["scheduler.alpha.kubernetes.io/critical-pod", 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ["security.alpha.kubernetes.io/sysctls", 'non-functional in v1.11+; use the "sysctls" field instead'],
  ["security.alpha.kubernetes.io/unsafe-sysctls", 'non-functional in v1.11+; use the "sysctls" field instead']
]

/** Sources of volumes that are gone, or will be. */
export const deprecatedSources: { readonly [source: string]: string } = {
  photonPersistentDisk: "deprecated in v1.11, non-functional in v1.16+",
  gitRepo: "deprecated in v1.11, and disabled by default in v1.33+",
  scaleIO: "deprecated in v1.16, non-functional in v1.22+",
  flocker: "deprecated in v1.22, non-functional in v1.25+",
  storageos: "deprecated in v1.22, non-functional in v1.25+",
  quobyte: "deprecated in v1.22, non-functional in v1.25+",
  glusterfs: "deprecated in v1.25, non-functional in v1.26+",
  cephfs: "deprecated in v1.28, non-functional in v1.31+",
  rbd: "deprecated in v1.28, non-functional in v1.31+"
}

/** The API server's name of a source, where it is not that of the field. */
const sourceNames: { readonly [source: string]: string } = { storageos: "storageOS" }

/** What is to be said of the source of a volume. */
export const sourceWarnings = (
  volume: JsonObject,
  path: string,
  sources: ReadonlyArray<string> = Object.keys(deprecatedSources)
): Warnings =>
  sources.flatMap((source) =>
    valueAt(volume, source) === undefined
      ? []
      : [`${path}.${sourceNames[source] ?? source}: ${deprecatedSources[source]}`]
  )

/** A path in a volume, and what puts something there. */
interface Mapped {
  readonly path: string
  readonly source: string
}

const mappedText = ({ path, source }: Mapped): string => `${JSON.stringify(path)}${source === "" ? "" : ` (${source})`}`

/** Paths of which one is the other, or lies in it. */
const overlaps = (paths: ReadonlyArray<Mapped>): Warnings => {
  const bare = paths.map(({ path, source }): Mapped => ({ path: path.replace(/\/+$/, ""), source }))
  return bare.flatMap((each, index) =>
    each.path === ""
      ? []
      : bare
          .slice(0, index)
          .filter(
            ({ path }) =>
              path !== "" && (`${path}/`.startsWith(`${each.path}/`) || `${each.path}/`.startsWith(`${path}/`))
          )
          .map((other) => `${mappedText(each)} with ${mappedText(other)}`)
  )
}

const items = (source: Json | undefined, name = ""): ReadonlyArray<Mapped> =>
  listAt(source, "items").map((item) => ({ path: textAt(item, "path"), source: name }))

const projectedItems = (source: Json): ReadonlyArray<Mapped> => {
  const of = (key: string) => valueAt(source, key)
  for (const [key, name] of [
    ["configMap", "ConfigMap"],
    ["secret", "Secret"]
  ] as const) {
    if (valueAt(of(key), "items") !== undefined)
      return items(of(key), `${name} ${JSON.stringify(textAt(of(key), "name"))}`)
  }
  if (valueAt(of("downwardAPI"), "items") !== undefined) return items(of("downwardAPI"), "DownwardAPI")
  if (of("serviceAccountToken") !== undefined) {
    return [{ path: textAt(of("serviceAccountToken"), "path"), source: "ServiceAccountToken" }]
  }
  const bundle = of("clusterTrustBundle")
  if (bundle !== undefined) {
    const name = textAt(bundle, "name") || textAt(bundle, "signerName")
    return [{ path: textAt(bundle, "path"), source: `ClusterTrustBundle ${JSON.stringify(name)}` }]
  }
  return [
    ["certificateChainPath", "PodCertificate chain"],
    ["keyPath", "PodCertificate key"],
    ["credentialBundlePath", "PodCertificate credential bundle"]
  ].flatMap(([key = "", name = ""]) => {
    const path = textAt(of("podCertificate"), key)
    return path === "" ? [] : [{ path, source: name }]
  })
}

const overlapWarnings = (spec: JsonObject): Warnings =>
  eachAt(spec, "", "volumes").flatMap(([volume]) => {
    const name = JSON.stringify(textAt(volume, "name"))
    const said = (what: string, found: Warnings) =>
      found.map((overlap) => `volume ${name} (${what}): overlapping paths: ${overlap}`)
    const [configMap, secret] = [valueAt(volume, "configMap"), valueAt(volume, "secret")]
    const sources = listAt(volume, "projected", "sources")
    return [
      ...said(`ConfigMap ${JSON.stringify(textAt(configMap, "name"))}`, overlaps(items(configMap))),
      ...said(`Secret ${JSON.stringify(textAt(secret, "secretName"))}`, overlaps(items(secret))),
      ...said("DownwardAPI", overlaps(items(valueAt(volume, "downwardAPI")))),
      ...sources.flatMap((source) =>
        Object.keys(objectAt(source) ?? {}).length === 0 ? [`volume ${name} (Projected) has no sources provided`] : []
      ),
      ...said("Projected", overlaps(sources.flatMap(projectedItems)))
    ]
  })

/** What a list has more than once. */
const repeated = (list: ReadonlyArray<readonly [JsonObject, string]>, key: string, what: string): Warnings => {
  const seen = new Set<string>()
  return list.flatMap(([item, at]) => {
    const text = textAt(item, key)
    const again = seen.has(text)
    seen.add(text)
    return again ? [`${at}.${key}: duplicate ${what} ${JSON.stringify(text)}`] : []
  })
}

const containersOf = (spec: JsonObject, path: string): ReadonlyArray<readonly [JsonObject, string]> =>
  ["initContainers", "containers", "ephemeralContainers"].flatMap((list) => eachAt(spec, path, list))

/** The profile that an annotation stands for. */
const appArmorProfile = (annotation: string): JsonObject | undefined => {
  if (annotation === "unconfined") return { type: "Unconfined" }
  if (annotation === "runtime/default") return { type: "RuntimeDefault" }
  const [, localhostProfile] = /^localhost\/(.+)$/s.exec(annotation) ?? []
  return localhostProfile === undefined ? undefined : { type: "Localhost", localhostProfile }
}

const annotationWarnings = (spec: JsonObject, annotations: Json | undefined, path: string): Warnings =>
  containersOf(spec, "").flatMap(([container]) => {
    const name = textAt(container, "name")
    const [seccomp, appArmor] = [
      `container.seccomp.security.alpha.kubernetes.io/${name}`,
      `container.apparmor.security.beta.kubernetes.io/${name}`
    ]
    const profile = valueAt(annotations, appArmor)
    return [
      ...(valueAt(annotations, seccomp) !== undefined && !objectAt(container, "securityContext", "seccompProfile")
        ? [`${path}[${seccomp}]: non-functional in v1.27+; use the "seccompProfile" field instead`]
        : []),
      ...(typeof profile === "string" &&
      !objectAt(container, "securityContext", "appArmorProfile") &&
      !jsonEquals(objectAt(spec, "securityContext", "appArmorProfile") ?? {}, appArmorProfile(profile))
        ? [`${path}[${appArmor}]: deprecated since v1.30; use the "appArmorProfile" field instead`]
        : [])
    ]
  })

const containerWarnings = (container: JsonObject, path: string): Warnings => {
  const [limits, requests] = [valueAt(container, "resources", "limits"), valueAt(container, "resources", "requests")]
  const seen = new Set<string>()
  return [
    ...["memory", "ephemeral-storage"].flatMap((resource) => [
      ...fractional(limits, resource, `${path}.resources.limits`),
      ...fractional(requests, resource, `${path}.resources.requests`)
    ]),
    ...eachAt(container, path, "env").flatMap(([variable, at]) => {
      const name = textAt(variable, "name")
      const again = seen.has(name)
      seen.add(name)
      const [reference, value] = [`$(${name})`, textAt(variable, "value")]
      // A value that is made of the one before is as it should be.
      const extends_ = !objectAt(variable, "valueFrom") && value !== reference && value.includes(reference)
      return again && !extends_
        ? [`${at}: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`]
        : []
    })
  ]
}

const portWarnings = (spec: JsonObject, path: string): Warnings => {
  const ports = containersOf(spec, path).flatMap(([container, at]) => eachAt(container, at, "ports"))
  const hostPort = (port: JsonObject) => numberAt(port, "hostPort") ?? 0
  const [number, protocol, hostIP] = [
    (port: JsonObject) => numberAt(port, "containerPort") ?? 0,
    (port: JsonObject) => textAt(port, "protocol"),
    (port: JsonObject) => textAt(port, "hostIP")
  ]
  const names = new Map<string, string>()
  return [
    ...ports.flatMap(([port, at], index) => [
      ...(hostIP(port) !== "" && hostPort(port) === 0
        ? [
            `${at}: hostIP set without hostPort: {Name:${textAt(port, "name")} HostPort:0 ContainerPort:${number(port)} Protocol:${protocol(port)} HostIP:${hostIP(port)}}`
          ]
        : []),
      ...ports
        .slice(0, index)
        .filter(([other]) => number(other) === number(port) && protocol(other) === protocol(port))
        .flatMap(([other, where]) => {
          if (hostIP(port) === hostIP(other) && hostPort(port) === hostPort(other)) {
            return [`${at}: duplicate port definition with ${where}`]
          }
          if (hostPort(port) === 0 || hostPort(other) === 0) {
            return [`${at}: overlapping port definition with ${where}`]
          }
          return hostPort(port) === hostPort(other) && (hostIP(port) === "") !== (hostIP(other) === "")
            ? [`${at}: dangerously ambiguous port definition with ${where}`]
            : []
        })
    ]),
    ...ports.flatMap(([port, at]) => {
      const name = textAt(port, "name")
      if (name === "") return []
      const other = names.get(name)
      if (other === undefined) names.set(name, at)
      return other === undefined
        ? []
        : [
            `${at}: duplicate port name ${JSON.stringify(name)} with ${other}, services and probes that select ports by name will use ${other}`
          ]
    })
  ]
}

/** Of a pod, whose path is empty, or of a template. */
export const podWarnings = (pod: Json | undefined, path: string): Warnings => {
  const spec = objectAt(pod, "spec") ?? {}
  const at = within(path, "spec")
  const annotations = objectAt(pod, "metadata", "annotations")
  const annotationsPath = `${within(path, "metadata")}.annotations`
  const seccomp = "seccomp.security.alpha.kubernetes.io/pod"
  const affinity = valueAt(spec, "affinity")
  const pullSecrets = eachAt(spec, at, "imagePullSecrets")
  const aliases = eachAt(spec, at, "hostAliases")
  return [
    ...entriesAt(spec, "nodeSelector").flatMap(([label]) =>
      deprecatedLabel(label, (problem) => `${at}.nodeSelector[${label}]: ${problem}`)
    ),
    ...affinityWarnings(affinity, `${at}.affinity`),
    ...spreadWarnings(spec, at),
    ...deprecatedAnnotations.flatMap(([annotation, problem]) =>
      valueAt(annotations, annotation) === undefined ? [] : [`${annotationsPath}[${annotation}]: ${problem}`]
    ),
    ...eachAt(spec, at, "volumes").flatMap(([volume, where]) => [
      ...sourceWarnings(volume, where),
      ...claimSpecWarnings(
        valueAt(volume, "ephemeral", "volumeClaimTemplate", "spec"),
        `${where}.ephemeral.volumeClaimTemplate.spec`
      )
    ]),
    ...overlapWarnings(spec),
    ...repeated(aliases, "ip", "ip"),
    ...repeated(pullSecrets, "name", "name"),
    ...pullSecrets.flatMap(([secret, where]) =>
      textAt(secret, "name") === "" ? [`${where}.name: invalid empty name ""`] : []
    ),
    ...["memory", "ephemeral-storage"].flatMap((resource) =>
      fractional(valueAt(spec, "overhead"), resource, `${at}.overhead`)
    ),
    ...(valueAt(annotations, seccomp) !== undefined && !objectAt(spec, "securityContext", "seccompProfile")
      ? [`${annotationsPath}[${seccomp}]: non-functional in v1.27+; use the "seccompProfile" field instead`]
      : []),
    ...annotationWarnings(spec, annotations, annotationsPath),
    ...containersOf(spec, at).flatMap(([container, where]) => containerWarnings(container, where)),
    ...portWarnings(spec, at),
    ...((numberAt(spec, "terminationGracePeriodSeconds") ?? 0) < 0
      ? [`${at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`]
      : []),
    ...podAffinityWarnings(affinity, `${at}.affinity`),
    ...listAt(spec, "dnsConfig", "nameservers").flatMap((server, index) =>
      ipWarnings(`${at}.dnsConfig.nameservers[${index}]`, String(server))
    ),
    ...aliases.flatMap(([alias, where]) => ipWarnings(`${where}.ip`, textAt(alias, "ip")))
  ]
}

/** Of each text of a list. */
export const eachCidr = (list: ReadonlyArray<Json>, path: string): Warnings =>
  list.flatMap((each, index) => cidrWarnings(`${path}[${index}]`, String(each)))

export const eachIp = (list: ReadonlyArray<Json>, path: string): Warnings =>
  list.flatMap((each, index) => ipWarnings(`${path}[${index}]`, String(each)))
