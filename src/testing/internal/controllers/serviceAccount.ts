/**
 * What every namespace has for its pods: the
 * [ServiceAccount](https://kubernetes.io/docs/concepts/security/service-accounts/) `default`, and the authorities of the API
 * server.
 */
import { jsonEquals } from "../json.js"
import type { JsonObject } from "../openapi.js"
import { isDeleting, nameOf, type Api, type Controller } from "./api.js"

const namespacesOf = (api: Api): ReadonlyArray<string> =>
  api
    .list("namespaces")
    .filter((each) => !isDeleting(each))
    .map(nameOf)

/** The service account of a namespace. */
export const defaultAccount = (namespace: string): JsonObject => ({
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: { name: "default", namespace }
})

export const serviceAccount: Controller<"serviceaccount"> = {
  name: "serviceaccount",
  watches: ["namespaces", "serviceaccounts"],
  sync: (api) => {
    for (const namespace of namespacesOf(api)) {
      if (api.get("serviceaccounts", namespace, "default") === undefined) {
        api.create(defaultAccount(namespace), namespace)
      }
    }
  }
}

const description =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters."

/** Inside of the cluster there is no TLS, so nobody signs: the bundle is empty. */
const data = { "ca.crt": "" }

export const authorities = (namespace: string): JsonObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "kube-root-ca.crt", namespace, annotations: { "kubernetes.io/description": description } },
  data
})

export const rootAuthority: Controller<"root-ca-cert-publisher"> = {
  name: "root-ca-cert-publisher",
  watches: ["namespaces", "configmaps"],
  sync: (api) => {
    for (const namespace of namespacesOf(api)) {
      const known = api.get("configmaps", namespace, "kube-root-ca.crt")
      if (known === undefined) api.create(authorities(namespace), namespace)
      else if (!jsonEquals(known["data"] ?? null, data)) api.update({ ...known, data })
    }
  }
}
