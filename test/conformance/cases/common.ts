/** What the cases share: where things are, and the least objects of some kinds. */
import type { Case, Headers, Step } from "../harness.js"

export const core = "/api/v1/namespaces/$NS"
export const group = (name: string, version = "v1") => `/apis/${name}/${version}/namespaces/$NS`
export const apps = group("apps")
export const rbac = group("rbac.authorization.k8s.io")
export const maps = `${core}/configmaps`
export const secrets = `${core}/secrets`
export const pods = `${core}/pods`
export const services = `${core}/services`
export const deployments = `${apps}/deployments`
export const leases = `${group("coordination.k8s.io")}/leases`
export const roles = `${rbac}/roles`
export const jobs = `${group("batch")}/jobs`
export const podTemplates = `${core}/podtemplates`

export const one = (name: string, ...steps: ReadonlyArray<Step>): Case => ({ name, steps })

export const map = (name: string, more: object = {}) => ({ metadata: { name }, data: { a: "b" }, ...more })
export const secret = (name: string, labels: object = {}) => ({ metadata: { name, labels }, type: "Opaque" })

export const container = { name: "c", image: "example.com/none:1" }
export const labels = { a: "b" }
export const selector = { matchLabels: labels }
export const template = { metadata: { labels }, spec: { containers: [container] } }
export const deployment = (name: string, spec: object = {}) => ({
  metadata: { name },
  spec: { replicas: 0, selector, template, ...spec }
})
/** What is filled in of a service without an address, whatever families of addresses a cluster has. */
export const headless = { clusterIP: "None", clusterIPs: ["None"], ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" }
/** A pod to which admission has nothing to add. */
export const pod = (name: string, spec: object = {}) => ({
  metadata: { name, labels },
  spec: {
    containers: [container],
    schedulerName: "nobody",
    automountServiceAccountToken: false,
    serviceAccountName: "default",
    serviceAccount: "default",
    enableServiceLinks: true,
    priority: 0,
    preemptionPolicy: "PreemptLowerPriority",
    tolerations: ["not-ready", "unreachable"].map((taint) => ({
      key: `node.kubernetes.io/${taint}`,
      operator: "Exists",
      effect: "NoExecute",
      tolerationSeconds: 300
    })),
    ...spec
  }
})

export const merge: Headers = { "content-type": "application/merge-patch+json" }
export const json: Headers = { "content-type": "application/json-patch+json" }
export const strategic: Headers = { "content-type": "application/strategic-merge-patch+json" }
export const applying: Headers = { "content-type": "application/apply-patch+yaml" }
export const yaml: Headers = { "content-type": "application/yaml" }
export const as = (form: string, version = "v1"): Headers => ({
  accept: `application/json;as=${form};g=meta.k8s.io;v=${version}`
})
export const jane: Headers = { "impersonate-user": "conformance-jane" }
