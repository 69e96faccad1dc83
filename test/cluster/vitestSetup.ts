/**
 * Boots one cluster for a whole run of vitest. Test files get at it with `inject("kubeconfig")`.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import type { TestProject } from "vitest/node"
import * as Cluster from "./Cluster.js"

declare module "vitest" {
  interface ProvidedContext {
    /** The text of a kubeconfig file. */
    readonly kubeconfig: string
    readonly kubeconfigPath: string
    /** Bearer tokens; the cluster of `E2E_KUBECONFIG` has none. */
    readonly tokens: Cluster.Tokens | undefined
    /** Whether pods can run. */
    readonly node: boolean
  }
}

export default async (project: TestProject) => {
  const runtime = ManagedRuntime.make(Layer.provide(Cluster.layer, NodeContext.layer))
  const cluster = await runtime.runPromise(Cluster.Cluster)
  project.provide("kubeconfig", cluster.kubeconfig)
  project.provide("kubeconfigPath", cluster.kubeconfigPath)
  project.provide("tokens", cluster.tokens)
  project.provide("node", cluster.node)
  return () => runtime.dispose()
}
