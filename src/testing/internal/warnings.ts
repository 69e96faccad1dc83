/** What the API server warns of, though it takes it: old kinds and fields, and values that are most likely wrong. */
import { createPrivateKey, X509Certificate } from "node:crypto"
import * as Either from "effect/Either"
import { cidrWarnings, ipWarnings } from "./addresses.js"
import { definitionsResource } from "./crd.js"
import { finalizerWarnings } from "./customObjects.js"
import { quantityText } from "./decodeQuantity.js"
import { jsonEquals } from "./json.js"
import { apiVersionOf, type Kind } from "./kinds.js"
import { rules as names } from "./names.js"
import type { Json, JsonObject } from "./openapi.js"
import { unknownFormats } from "./validation/schema.js"
import { eachAt, entriesAt, listAt, numberAt, objectAt, quantityAt, textAt, valueAt } from "./validation/rules.js"
import {
  claimSpecWarnings,
  deprecatedLabel,
  eachCidr,
  eachIp,
  expressionKeys,
  podWarnings,
  sourceWarnings,
  type Warnings
} from "./warningsPod.js"

type Rule = (object: JsonObject, old: JsonObject | undefined) => Warnings

const annotation = (object: JsonObject, key: string): string | undefined => {
  const value = valueAt(object, "metadata", "annotations", key)
  return typeof value === "string" ? value : undefined
}

const label = (object: JsonObject, key: string): string => textAt(object, "metadata", "labels", key)

const dnsLabel = (object: JsonObject, use: string): Warnings => {
  const problems = names.label(textAt(object, "metadata", "name"))
  return problems.length === 0
    ? []
    : [
        `metadata.name: this is used in ${use}, which can result in surprising behavior; a DNS label is recommended: [${problems.join(" ")}]`
      ]
}

/** Of a template: of a new object, and where what is wanted of an old one changes. */
const ofTemplate =
  (path: ReadonlyArray<string>, whenNew: Rule = () => []): Rule =>
  (object, old) => [
    ...(old === undefined ? whenNew(object, old) : []),
    ...(old !== undefined && valueAt(old, "metadata", "generation") === valueAt(object, "metadata", "generation")
      ? []
      : podWarnings(valueAt(object, ...path), path.join(".")))
  ]

const namesPods: Rule = (object) => dnsLabel(object, "Pod names and hostnames")

const template = ["spec", "template"]

const pod: Rule = (object, old) =>
  // Who writes pods again is no person.
  old === undefined ? [...dnsLabel(object, "the Pod's hostname"), ...podWarnings(object, "")] : []

const replicationController: Rule = (object, old) =>
  old === undefined
    ? ofTemplate(template, namesPods)(object, old)
    : valueAt(old, "metadata", "generation") === valueAt(object, "metadata", "generation")
      ? []
      : // The API server looks at the one that is replaced.
        podWarnings(valueAt(old, ...template), template.join("."))

const jobSpec = (spec: Json | undefined, path: string): Warnings =>
  textAt(spec, "completionMode") === "Indexed" &&
  (numberAt(spec, "completions") ?? 0) > 100_000 &&
  (numberAt(spec, "parallelism") ?? 0) > 10_000
    ? [
        `${path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail`
      ]
    : []

const ofJob =
  (path: ReadonlyArray<string>): Rule =>
  (object, old) =>
    old !== undefined && valueAt(old, "metadata", "generation") === valueAt(object, "metadata", "generation")
      ? []
      : [
          ...(old === undefined ? namesPods(object, old) : []),
          ...jobSpec(valueAt(object, ...path), path.join(".")),
          ...podWarnings(valueAt(object, ...path, "template"), [...path, "template"].join("."))
        ]

const cronJob: Rule = (object, old) => [
  ...ofJob(["spec", "jobTemplate", "spec"])(object, old),
  ...(old !== undefined && textAt(object, "spec", "schedule").includes("TZ")
    ? [
        "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
      ]
    : [])
]

const statefulSet: Rule = (object, old) => [
  ...ofTemplate(template)(object, old),
  ...eachAt(valueAt(object, "spec"), "spec", "volumeClaimTemplates").flatMap(([claim, at]) =>
    claimSpecWarnings(valueAt(claim, "spec"), old === undefined ? at : `${at}.Spec`)
  ),
  ...((numberAt(object, "spec", "revisionHistoryLimit") ?? 0) < 0
    ? ["spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"]
    : [])
]

const service: Rule = (object) => {
  const spec = valueAt(object, "spec")
  const [type, clusterIP, balancerIP] = [
    textAt(spec, "type"),
    textAt(spec, "clusterIP"),
    textAt(spec, "loadBalancerIP")
  ]
  const externalIPs = listAt(spec, "externalIPs")
  const hints = "service.kubernetes.io/topology-aware-hints"
  return [
    ...(annotation(object, hints) === undefined
      ? []
      : [`annotation ${hints} is deprecated, please use service.kubernetes.io/topology-mode instead`]),
    ...(clusterIP === "" || clusterIP === "None" ? [] : eachIp(listAt(spec, "clusterIPs"), "spec.clusterIPs")),
    ...(type === "ClusterIP" && clusterIP === "None"
      ? [
          ...(balancerIP === "" ? [] : ["spec.loadBalancerIP is ignored for headless services"]),
          ...(externalIPs.length === 0 ? [] : ["spec.externalIPs is ignored for headless services"]),
          ...(textAt(spec, "sessionAffinity") === "None"
            ? []
            : ["spec.SessionAffinity is ignored for headless services"])
        ]
      : []),
    ...eachIp(externalIPs, "spec.externalIPs"),
    ...(balancerIP === "" ? [] : ipWarnings("spec.loadBalancerIP", balancerIP)),
    ...eachCidr(listAt(spec, "loadBalancerSourceRanges"), "spec.loadBalancerSourceRanges"),
    ...(type === "ExternalName" && externalIPs.length > 0
      ? ['spec.externalIPs is ignored when spec.type is "ExternalName"']
      : []),
    ...(type !== "ExternalName" && textAt(spec, "externalName") !== ""
      ? ['spec.externalName is ignored when spec.type is not "ExternalName"']
      : []),
    ...(textAt(spec, "trafficDistribution") === "PreferClose"
      ? ['spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"']
      : [])
  ]
}

const networkPolicy: Rule = (object) =>
  (
    [
      ["ingress", "from"],
      ["egress", "to"]
    ] as const
  ).flatMap(([direction, peers]) =>
    eachAt(valueAt(object, "spec"), "spec", direction).flatMap(([rule, path]) =>
      eachAt(rule, path, peers).flatMap(([peer, at]) => {
        const block = valueAt(peer, "ipBlock")
        return block === undefined
          ? []
          : [
              ...cidrWarnings(`${at}.ipBlock.cidr`, textAt(block, "cidr")),
              ...eachCidr(listAt(block, "except"), `${at}.ipBlock.except`)
            ]
      })
    )
  )

const ingressClass = "kubernetes.io/ingress.class"

const ingress: Rule = (object, old) =>
  old === undefined &&
  annotation(object, ingressClass) !== undefined &&
  valueAt(object, "spec", "ingressClassName") === undefined
    ? [`annotation "${ingressClass}" is deprecated, please use 'spec.ingressClassName' instead`]
    : []

const sliceControllers = ["endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"]

const endpointSlice: Rule = (object, old) => [
  ...(old === undefined && object["addressType"] === "FQDN" ? ["spec.addressType: FQDN endpoints are deprecated"] : []),
  ...(sliceControllers.includes(label(object, "endpointslice.kubernetes.io/managed-by"))
    ? []
    : eachAt(object, "", "endpoints").flatMap(([endpoint], index) =>
        eachIp(listAt(endpoint, "addresses"), `endpoints[${index}].addresses`)
      ))
]

const endpoints: Rule = (object) =>
  label(object, "endpoints.kubernetes.io/managed-by") === "endpoint-controller"
    ? []
    : listAt(object, "subsets").flatMap((subset, index) =>
        ["addresses", "notReadyAddresses"].flatMap((list) =>
          eachAt(subset, `subsets[${index}]`, list).flatMap(([address, at]) =>
            ipWarnings(`${at}.ip`, textAt(address, "ip"))
          )
        )
      )

const storageClassAnnotation = "volume.beta.kubernetes.io/storage-class"
const useStorageClassName = 'deprecated since v1.8; use "storageClassName" attribute instead'

const annotated = (object: JsonObject, key: string, problem: string): Warnings =>
  annotation(object, key) === undefined ? [] : [`metadata.annotations[${key}]: ${problem}`]

const claim: Rule = (object) => [
  ...annotated(object, storageClassAnnotation, useStorageClassName),
  ...claimSpecWarnings(valueAt(object, "spec"), "spec")
]

const volumeSources = ["cephfs", "photonPersistentDisk", "scaleIO", "storageos", "glusterfs", "rbd"]

const volume: Rule = (object) => {
  const spec = objectAt(object, "spec") ?? {}
  return [
    ...annotated(object, storageClassAnnotation, useStorageClassName),
    ...annotated(
      object,
      "volume.beta.kubernetes.io/mount-options",
      'deprecated since v1.31; use "mountOptions" attribute instead'
    ),
    ...(textAt(spec, "persistentVolumeReclaimPolicy") === "Recycle"
      ? [
          "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning."
        ]
      : []),
    ...eachAt(valueAt(spec, "nodeAffinity", "required"), "spec.nodeAffinity.required", "nodeSelectorTerms").flatMap(
      ([term, at]) => expressionKeys(term, at)
    ),
    ...sourceWarnings(spec, "spec", volumeSources)
  ]
}

const storageClass: Rule = (object) =>
  listAt(object, "allowedTopologies").flatMap((topology, index) =>
    eachAt(topology, `allowedTopologies[${index}]`, "matchLabelExpressions").flatMap(([expression, at]) =>
      deprecatedLabel(textAt(expression, "key"), (problem) => `${at}.key: ${problem}`)
    )
  )

const storageCapacity: Rule = (object) => {
  const topology = valueAt(object, "nodeTopology")
  return [
    ...expressionKeys(topology, "nodeTopology"),
    ...entriesAt(topology, "matchLabels").flatMap(([key]) =>
      deprecatedLabel(key, (problem) => `nodeTopology.matchLabels.${key}: ${problem}`)
    )
  ]
}

const runtimeClass: Rule = (object) =>
  entriesAt(object, "scheduling", "nodeSelector").flatMap(([key]) =>
    deprecatedLabel(key, (problem) => `scheduling.nodeSelector: ${problem}`)
  )

const csiDriver: Rule = (object, old) => {
  const requests = valueAt(object, "spec", "tokenRequests")
  const isNew = old === undefined || !jsonEquals(requests, valueAt(old, "spec", "tokenRequests"))
  return isNew &&
    listAt(object, "spec", "tokenRequests").length > 0 &&
    valueAt(object, "spec", "serviceAccountTokenInSecrets") === undefined
    ? [
        "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes"
      ]
    : []
}

const node: Rule = (object) => [
  ...(valueAt(object, "spec", "configSource") === undefined ? [] : ["spec.configSource: the feature is removed"]),
  ...(textAt(object, "spec", "externalID") === ""
    ? []
    : ["spec.externalID: this field is deprecated, and is unused by Kubernetes"]),
  ...eachCidr(listAt(object, "spec", "podCIDRs"), "spec.podCIDRs")
]

const quota: Rule = (object, old) =>
  old === undefined
    ? ["cpu", "memory", "storage", "ephemeral-storage"].flatMap((resource) => {
        const hard = (name: string) => quantityAt(valueAt(object, "spec", "hard", name))
        const bare = resource === "cpu" || resource === "memory"
        const requested = bare && hard(`requests.${resource}`) === undefined ? resource : `requests.${resource}`
        const [request, limit] = [hard(requested), hard(`limits.${resource}`)]
        return request !== undefined && limit !== undefined && request.nanos > limit.nanos
          ? [
              `ResourceQuota ${requested} (${quantityText(request)}) should be less than limits.${resource} (${quantityText(limit)})`
            ]
          : []
      })
    : []

const mountableSecrets = "kubernetes.io/enforce-mountable-secrets"

const serviceAccount: Rule = (object, old) =>
  old !== undefined && annotation(old, mountableSecrets) !== undefined
    ? []
    : annotated(
        object,
        mountableSecrets,
        "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
      )

const resourceSlice: Rule = (object) => {
  const driver = textAt(object, "spec", "driver")
  return driver === driver.toLowerCase()
    ? []
    : [`spec.driver: driver names should be lowercase; ${JSON.stringify(driver)} contains uppercase characters`]
}

// ---- pairs of a certificate and a key

interface Pem {
  readonly type: string
  readonly text: string
}

const pemBlock = /-----BEGIN ([^\n-]+)-----\r?\n([A-Za-z0-9+/=\s]*?)\r?\n?-----END \1-----/g

const pemBlocks = (value: Json | undefined): ReadonlyArray<Pem> =>
  [
    ...Buffer.from(typeof value === "string" ? value : "", "base64")
      .toString("latin1")
      .matchAll(pemBlock)
  ].map(([text, type = ""]) => ({ type, text }))

/** Why a pair cannot be used, in the words of Go's package `crypto/tls`. */
const keyPairProblem = (certificates: Json | undefined, keys: Json | undefined): string | undefined => {
  const [certificateBlocks, keyBlocks] = [pemBlocks(certificates), pemBlocks(keys)]
  const isKey = ({ type }: Pem) => type === "PRIVATE KEY" || type.endsWith(" PRIVATE KEY")
  const types = (blocks: ReadonlyArray<Pem>) => `[${blocks.map(({ type }) => type).join(" ")}]`
  const certificate = certificateBlocks.find(({ type }) => type === "CERTIFICATE")
  if (certificate === undefined) {
    const [only, ...more] = certificateBlocks
    if (only === undefined) return "tls: failed to find any PEM data in certificate input"
    return more.length === 0 && only.type.endsWith("PRIVATE KEY")
      ? "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched"
      : `tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: ${types(certificateBlocks)}`
  }
  const key = keyBlocks.find(isKey)
  if (key === undefined) {
    const [only, ...more] = keyBlocks
    if (only === undefined) return "tls: failed to find any PEM data in key input"
    return more.length === 0 && only.type === "CERTIFICATE"
      ? "tls: found a certificate rather than a key in the PEM for the private key"
      : `tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: ${types(keyBlocks)}`
  }
  const pair = Either.gen(function* () {
    const read = yield* Either.try({
      try: () => new X509Certificate(certificate.text),
      catch: () => "x509: malformed certificate"
    })
    const own = yield* Either.try({
      try: () => createPrivateKey(key.text),
      catch: () => "tls: failed to parse private key"
    })
    if (read.publicKey.asymmetricKeyType !== own.asymmetricKeyType) {
      return yield* Either.left("tls: private key type does not match public key type")
    }
    return read.checkPrivateKey(own) ? undefined : yield* Either.left("tls: private key does not match public key")
  })
  return Either.match(pair, { onLeft: (problem) => problem, onRight: () => undefined })
}

const secret: Rule = (object) => {
  if (object["type"] !== "kubernetes.io/tls") return []
  const problem = keyPairProblem(valueAt(object, "data", "tls.crt"), valueAt(object, "data", "tls.key"))
  return problem === undefined ? [] : [problem]
}

const rules: { readonly [kind: string]: Rule } = {
  Endpoints: endpoints,
  Node: node,
  PersistentVolume: volume,
  PersistentVolumeClaim: claim,
  Pod: pod,
  PodTemplate: ofTemplate(["template"]),
  ReplicationController: replicationController,
  ResourceQuota: quota,
  Secret: secret,
  Service: service,
  ServiceAccount: serviceAccount,
  "DaemonSet.apps": ofTemplate(template),
  "Deployment.apps": ofTemplate(template, namesPods),
  "ReplicaSet.apps": ofTemplate(template, namesPods),
  "StatefulSet.apps": statefulSet,
  "CronJob.batch": cronJob,
  "Job.batch": ofJob(["spec"]),
  "EndpointSlice.discovery.k8s.io": endpointSlice,
  "Ingress.networking.k8s.io": ingress,
  "NetworkPolicy.networking.k8s.io": networkPolicy,
  "RuntimeClass.node.k8s.io": runtimeClass,
  "ResourceSlice.resource.k8s.io": resourceSlice,
  "CSIDriver.storage.k8s.io": csiDriver,
  "CSIStorageCapacity.storage.k8s.io": storageCapacity,
  "StorageClass.storage.k8s.io": storageClass
}

const balancerStatus: Rule = (object) =>
  listAt(object, "status", "loadBalancer", "ingress").flatMap((each, index) =>
    ipWarnings(`status.loadBalancer.ingress[${index}]`, textAt(each, "ip"))
  )

const statusRules: { readonly [kind: string]: Rule } = {
  Pod: (object) =>
    ["podIPs", "hostIPs"].flatMap((list) =>
      eachAt(valueAt(object, "status"), "status", list).flatMap(([each, at]) =>
        ipWarnings(`${at}.ip`, textAt(each, "ip"))
      )
    ),
  Service: balancerStatus,
  "Ingress.networking.k8s.io": balancerStatus
}

/** What an object that is written is warned of. Its subresources other than the status and the scale say nothing. */
export const warningsOf = (
  kind: Kind,
  object: JsonObject,
  old: JsonObject | undefined,
  subresource: string
): Warnings => {
  const name = kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`
  if (subresource === "status") return statusRules[name]?.(object, old) ?? []
  if (subresource !== "" && subresource !== "scale") return []
  if (kind.custom) return subresource === "" ? finalizerWarnings(object, old) : []
  if (kind.storage === definitionsResource) {
    const before = old === undefined ? [] : unknownFormats(old)
    return unknownFormats(object).filter((warning) => !before.includes(warning))
  }
  return rules[name]?.(object, old) ?? []
}

const deprecated: { readonly [groupVersionKind: string]: string } = {
  "v1/ComponentStatus": "v1 ComponentStatus is deprecated in v1.19+",
  "v1/Endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
}

/** What every request for a kind is warned of. */
export const deprecationOf = (kind: Kind): Warnings => {
  if (kind.custom) return kind.custom.warnings
  const warning = deprecated[`${apiVersionOf(kind)}/${kind.kind}`]
  return warning === undefined ? [] : [warning]
}

/** What is to be said when a job goes and its pods stay, though nobody said so. */
export const deletionWarnings = (
  { group, kind }: Kind,
  { orphanDependents, propagationPolicy }: { readonly orphanDependents?: boolean; readonly propagationPolicy?: string }
): Warnings =>
  group === "batch" && kind === "Job" && propagationPolicy === undefined && orphanDependents === undefined
    ? [
        "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning"
      ]
    : []
