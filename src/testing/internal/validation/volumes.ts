/** What the sources of volumes have to be: those of pods, and those of persistent volumes. */
import { labelKeyProblems, labelValueProblems, rules } from "../names.js"
import type { JsonObject } from "../openapi.js"
import { claimSpec } from "./claims.js"
import { fieldReference, resourceReference, volumeFields } from "./references.js"
import {
  duplicate,
  eachAt,
  entriesAt,
  forbid,
  invalid,
  labelSelector,
  listAt,
  missing,
  name,
  numberAt,
  objectAt,
  oneOf,
  problems,
  quantityAt,
  textAt,
  tooLong,
  unsupported,
  valueAt,
  type Causes
} from "./rules.js"

/** What a source has to be. Its path is that of the source. */
type SourceRule = (out: Causes, path: string, source: JsonObject, pod: Pod) => void

/** The pod of a volume; templates have none. */
export interface Pod {
  readonly isPod: boolean
  readonly name: string
}

const mode = (out: Causes, path: string, value: number | undefined): void => {
  if (value !== undefined && (value < 0 || value > 0o777)) {
    invalid(out, path, value, "must be a number between 0 and 0777 (octal), both inclusive")
  }
}

/** A path that does not lead up. */
export const noBacksteps = (out: Causes, path: string, text: string): void => {
  if (text.split("/").includes("..")) invalid(out, path, text, "must not contain '..'")
}

/** A path that leads down. */
export const descending = (out: Causes, path: string, text: string): void => {
  if (text.startsWith("/")) invalid(out, path, text, "must be a relative path")
  noBacksteps(out, path, text)
}

const notReserved = (out: Causes, path: string, text: string): void => {
  descending(out, path, text)
  if (text.startsWith("..") && !text.startsWith("../")) invalid(out, path, text, "must not start with '..'")
}

/** Texts that may not be empty. */
const needed =
  (...keys: ReadonlyArray<string>): SourceRule =>
  (out, path, source) => {
    for (const key of keys) if (textAt(source, key) === "") missing(out, `${path}.${key}`)
  }

const all =
  (...rules: ReadonlyArray<SourceRule>): SourceRule =>
  (out, path, source, pod) => {
    for (const rule of rules) rule(out, path, source, pod)
  }

const keyToPath = (out: Causes, at: string, item: JsonObject): void => {
  for (const key of ["key", "path"]) if (textAt(item, key) === "") missing(out, `${at}.${key}`)
  notReserved(out, `${at}.path`, textAt(item, "path"))
  mode(out, `${at}.mode`, numberAt(item, "mode"))
}

const keysToPaths: SourceRule = (out, path, source) => {
  mode(out, `${path}.defaultMode`, numberAt(source, "defaultMode"))
  for (const [item, at] of eachAt(source, path, "items")) keyToPath(out, at, item)
}

const downwardFile = (out: Causes, path: string, file: JsonObject): void => {
  if (textAt(file, "path") === "") missing(out, `${path}.path`)
  notReserved(out, `${path}.path`, textAt(file, "path"))
  const [field, resource] = [objectAt(file, "fieldRef"), objectAt(file, "resourceFieldRef")]
  if (field !== undefined) {
    fieldReference(out, `${path}.fieldRef`, field, volumeFields)
    if (resource !== undefined) {
      invalid(out, path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
    }
  } else if (resource !== undefined) resourceReference(out, `${path}.resourceFieldRef`, resource, true)
  else missing(out, path, "one of fieldRef and resourceFieldRef is required")
  mode(out, `${path}.mode`, numberAt(file, "mode"))
}

/** Of the files in it the API server says only where the volume is. */
const downwardApi: SourceRule = (out, path, source) => {
  mode(out, `${path}.defaultMode`, numberAt(source, "defaultMode"))
  for (const file of listAt(source, "items")) downwardFile(out, path, objectAt(file) ?? {})
}

const bundle: SourceRule = (out, path, source) => {
  const [own, signer] = [valueAt(source, "name"), valueAt(source, "signerName")]
  const selector = objectAt(source, "labelSelector")
  if (own !== undefined && signer !== undefined) {
    invalid(out, path, source, "only one of name and signerName may be used")
  } else if (own !== undefined) {
    if (own === "") missing(out, `${path}.name`, "must be a valid object name")
    if (selector !== undefined) {
      invalid(out, `${path}.labelSelector`, selector, "labelSelector must be unset if name is specified")
    }
  } else if (signer !== undefined) {
    if (signer === "") missing(out, `${path}.signerName`, "must be a valid signer name")
    labelSelector(out, `${path}.labelSelector`, selector)
  } else missing(out, path, "either name or signerName must be specified")
  if (textAt(source, "path") === "") missing(out, `${path}.path`)
  notReserved(out, `${path}.path`, textAt(source, "path"))
}

const serviceAccountToken = (out: Causes, path: string, volume: string, source: JsonObject): void => {
  const seconds = numberAt(source, "expirationSeconds") ?? 0
  const at = `${path}.expirationSeconds`
  if (seconds < 600) invalid(out, at, seconds, "may not specify a duration less than 10 minutes")
  if (seconds > 2 ** 32) invalid(out, at, seconds, "may not specify a duration larger than 2^32 seconds")
  const text = textAt(source, "path")
  if (text === "") missing(out, `${volume}.path`)
  else notReserved(out, `${volume}.path`, text)
}

const projected: SourceRule = (out, path, source, pod) => {
  mode(out, `${path}.defaultMode`, numberAt(source, "defaultMode"))
  const paths = new Set<string>()
  const unique = (text: string, shown: string): void => {
    if (text === "") return
    if (paths.has(text)) invalid(out, path, shown, "conflicting duplicate paths")
    paths.add(text)
  }
  for (const [each, at] of eachAt(source, path, "sources")) {
    let count = 0
    for (const kind of ["secret", "configMap"]) {
      const projection = objectAt(each, kind)
      if (projection === undefined) continue
      count++
      needed("name")(out, `${at}.${kind}`, projection, pod)
      for (const [item, where] of eachAt(projection, `${at}.${kind}`, "items")) {
        keyToPath(out, where, item)
        unique(textAt(item, "path"), textAt(projection, "name"))
      }
    }
    const [files, token, trust] = [
      objectAt(each, "downwardAPI"),
      objectAt(each, "serviceAccountToken"),
      objectAt(each, "clusterTrustBundle")
    ]
    if (files !== undefined) {
      count++
      for (const file of listAt(files, "items")) {
        downwardFile(out, `${at}.downwardAPI`, objectAt(file) ?? {})
        unique(textAt(file, "path"), textAt(file, "path"))
      }
    }
    if (token !== undefined) {
      count++
      serviceAccountToken(out, `${at}.serviceAccountToken`, path, token)
    }
    if (trust !== undefined) {
      count++
      bundle(out, `${at}.clusterTrustBundle`, trust, pod)
      unique(textAt(trust, "path"), textAt(trust, "path"))
    }
    if (count > 1) forbid(out, at, "may not specify more than 1 volume type per source")
  }
}

const hostTypes = ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"]

const hostPath: SourceRule = (out, path, source) => {
  const text = textAt(source, "path")
  if (text === "") return missing(out, `${path}.path`)
  noBacksteps(out, `${path}.path`, text)
  const type = valueAt(source, "type")
  if (type !== undefined && !hostTypes.includes(String(type))) unsupported(out, `${path}.type`, type, hostTypes)
}

const nfs: SourceRule = (out, path, source, pod) => {
  needed("server", "path")(out, path, source, pod)
  if (!textAt(source, "path").startsWith("/")) {
    invalid(out, `${path}.path`, textAt(source, "path"), "must be an absolute path")
  }
}

/** The name of a CSI driver. */
export const driverName = (out: Causes, path: string, text: string): void => {
  if (text === "") return missing(out, path)
  if (Buffer.byteLength(text) > 63) tooLong(out, path, 63)
  problems(out, path, text, rules.subdomain(text.toLowerCase()))
}

const csi: SourceRule = (out, path, source) => {
  driverName(out, `${path}.driver`, textAt(source, "driver"))
  const secret = objectAt(source, "nodePublishSecretRef")
  if (secret === undefined) return
  if (textAt(secret, "name") === "") missing(out, `${path}.nodePublishSecretRef.name`)
  else name(out, `${path}.name`, textAt(secret, "name"), "subdomain")
}

const claimMetadata = (out: Causes, path: string, metadata: JsonObject): void => {
  for (const [key] of entriesAt(metadata, "annotations")) {
    problems(out, `${path}.annotations`, key, labelKeyProblems(key.toLowerCase()))
  }
  for (const [key, value] of entriesAt(metadata, "labels")) {
    problems(out, `${path}.labels`, key, labelKeyProblems(key))
    problems(out, `${path}.labels`, value, labelValueProblems(String(value)))
  }
  for (const key of Object.keys(metadata)) {
    if (key !== "annotations" && key !== "labels") forbid(out, `${path}.${key}`, "cannot be set")
  }
}

const ephemeral: SourceRule = (out, path, source) => {
  const template = objectAt(source, "volumeClaimTemplate")
  const at = `${path}.volumeClaimTemplate`
  if (template === undefined) return missing(out, at)
  claimMetadata(out, `${at}.metadata`, objectAt(template, "metadata") ?? {})
  claimSpec(out, `${at}.spec`, objectAt(template, "spec") ?? {})
}

const image: SourceRule = (out, path, source, pod) => {
  if (pod.isPod) needed("reference")(out, path, source, pod)
  oneOf(out, `${path}.pullPolicy`, source["pullPolicy"], ["Always", "IfNotPresent", "Never"])
}

const emptyDir: SourceRule = (out, path, source) => {
  const limit = quantityAt(source["sizeLimit"])
  if (limit !== undefined && limit.nanos < 0n) {
    forbid(out, `${path}.sizeLimit`, "SizeLimit field must be a valid resource quantity")
  }
}

const iscsi: SourceRule = (out, path, source, pod) => {
  needed("targetPortal", "iqn")(out, path, source, pod)
  const lun = numberAt(source, "lun") ?? 0
  if (lun < 0 || lun > 255) invalid(out, `${path}.lun`, lun, "must be between 0 and 255, inclusive")
}

const monitors: SourceRule = (out, path, source) => {
  if (listAt(source, "monitors").length === 0) missing(out, `${path}.monitors`)
}

/** In the order in which the API server looks: the first one counts, the others are too many. */
const podSources: ReadonlyArray<readonly [kind: string, rule: SourceRule]> = [
  ["emptyDir", emptyDir],
  ["hostPath", hostPath],
  ["gitRepo", needed("repository")],
  ["gcePersistentDisk", (out, path, source, pod) => needed("pdName")(out, path.replace("gceP", "p"), source, pod)],
  ["awsElasticBlockStore", needed("volumeID")],
  ["secret", all(needed("secretName"), keysToPaths)],
  ["nfs", nfs],
  ["iscsi", iscsi],
  ["glusterfs", needed("endpoints", "path")],
  ["flocker", () => undefined],
  ["persistentVolumeClaim", needed("claimName")],
  ["rbd", all(monitors, needed("image"))],
  ["cinder", needed("volumeID")],
  ["cephfs", monitors],
  ["quobyte", needed("registry", "volume")],
  ["downwardAPI", downwardApi],
  ["fc", () => undefined],
  ["flexVolume", needed("driver")],
  ["configMap", all(needed("name"), keysToPaths)],
  ["azureFile", needed("secretName", "shareName")],
  ["vsphereVolume", needed("volumePath")],
  ["photonPersistentDisk", needed("pdID")],
  ["portworxVolume", needed("volumeID")],
  ["azureDisk", needed("diskName", "diskURI")],
  ["storageos", () => undefined],
  ["projected", projected],
  ["scaleIO", needed("gateway", "system", "volumeName")],
  ["csi", csi],
  ["ephemeral", ephemeral],
  ["image", image]
]

/** One source, of those that there are. Gives back how many there are. */
const onlyOne = (
  out: Causes,
  path: string,
  holder: JsonObject,
  sources: ReadonlyArray<readonly [string, SourceRule]>,
  pod: Pod
): number => {
  let count = 0
  for (const [kind, rule] of sources) {
    const source = objectAt(holder, kind)
    if (source === undefined) continue
    if (count++ > 0) forbid(out, `${path}.${kind}`, "may not specify more than 1 volume type")
    else rule(out, `${path}.${kind}`, source, pod)
  }
  return count
}

/** What is wrong with the volumes of a pod. Gives back those that are right, for what mounts them. */
export const volumes = (out: Causes, path: string, spec: JsonObject, pod: Pod): ReadonlyMap<string, JsonObject> => {
  const right = new Map<string, JsonObject>()
  const given = eachAt(spec, path, "volumes")
  const made = new Set(
    given.flatMap(([volume]) =>
      pod.name !== "" && volume["ephemeral"] !== undefined ? [`${pod.name}-${textAt(volume, "name")}`] : []
    )
  )
  for (const [volume, at] of given) {
    const found: Causes = []
    const volumeName = textAt(volume, "name")
    const count = onlyOne(found, at, volume, podSources, pod)
    if (volume["ephemeral"] !== undefined && pod.name !== "" && volumeName !== "") {
      const claim = `${pod.name}-${volumeName}`
      for (const problem of rules.subdomain(claim)) {
        invalid(found, `${at}.name`, volumeName, `PVC name ${JSON.stringify(claim)}: ${problem}`)
      }
    }
    if (count === 0) missing(found, at, "must specify a volume type")
    if (volumeName === "") missing(found, `${at}.name`)
    else name(found, `${at}.name`, volumeName, "label")
    if (right.has(volumeName)) duplicate(found, `${at}.name`, volumeName)
    if (found.length === 0) right.set(volumeName, volume)
    else out.push(...found)
    const claim = textAt(volume, "persistentVolumeClaim", "claimName")
    if (volume["persistentVolumeClaim"] !== undefined && made.has(claim)) {
      invalid(
        out,
        `${at}.persistentVolumeClaim.claimName`,
        claim,
        "must not reference a PVC that gets created for an ephemeral volume"
      )
    }
  }
  return right
}

const secretReference: SourceRule = (out, path, reference) => {
  for (const [key, rule] of [
    ["name", "subdomain"],
    ["namespace", "label"]
  ] as const) {
    const text = textAt(reference, key)
    if (text === "") missing(out, `${path}.${key}`)
    else name(out, `${path}.${key}`, text, rule)
  }
}

const csiSecrets = [
  "controllerPublishSecretRef",
  "controllerExpandSecretRef",
  "nodePublishSecretRef",
  "nodeExpandSecretRef"
]

const csiVolume: SourceRule = (out, path, source, pod) => {
  driverName(out, `${path}.driver`, textAt(source, "driver"))
  if (textAt(source, "volumeHandle") === "") missing(out, `${path}.volumeHandle`)
  for (const key of csiSecrets) {
    const reference = objectAt(source, key)
    if (reference !== undefined) secretReference(out, `${path}.${key}`, reference, pod)
  }
}

const local: SourceRule = (out, path, source) => {
  const text = textAt(source, "path")
  if (text === "") return missing(out, `${path}.path`)
  noBacksteps(out, `${path}.path`, text)
}

const azureFileVolume: SourceRule = (out, path, source, pod) => {
  needed("secretName", "shareName")(out, path, source, pod)
  const namespace = valueAt(source, "secretNamespace")
  if (namespace === "") missing(out, `${path}.secretNamespace`)
}

const persistentSources: ReadonlyArray<readonly [kind: string, rule: SourceRule]> = [
  ["hostPath", hostPath],
  ["gcePersistentDisk", (out, path, source, pod) => needed("pdName")(out, path.replace("gceP", "p"), source, pod)],
  ["awsElasticBlockStore", needed("volumeID")],
  ["glusterfs", needed("endpoints", "path")],
  ["flocker", () => undefined],
  ["nfs", nfs],
  ["rbd", all(monitors, needed("image"))],
  ["quobyte", needed("registry", "volume")],
  ["cephfs", monitors],
  ["iscsi", iscsi],
  ["cinder", needed("volumeID")],
  ["fc", () => undefined],
  ["flexVolume", needed("driver")],
  ["azureFile", azureFileVolume],
  ["vsphereVolume", needed("volumePath")],
  ["photonPersistentDisk", needed("pdID")],
  ["portworxVolume", needed("volumeID")],
  ["azureDisk", needed("diskName", "diskURI")],
  ["scaleIO", needed("gateway", "system", "volumeName")],
  ["local", local],
  ["storageos", () => undefined],
  ["csi", csiVolume]
]

/** The kinds of sources that a persistent volume can have. */
export const persistentKinds: ReadonlyArray<string> = persistentSources.map(([kind]) => kind)

/** What is wrong with the source of a persistent volume. */
export const persistentSource = (out: Causes, path: string, spec: JsonObject): void => {
  if (onlyOne(out, path, spec, persistentSources, { isPod: false, name: "" }) === 0) {
    missing(out, path, "must specify a volume type")
  }
}
