/**
 * Everything that a client needs, for Node.
 *
 * @since 0.1.0
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Layer from "effect/Layer"
import type { AuthError, ConfigError } from "../KubeError.js"
import { Auth } from "./Auth.js"
import { Http } from "./Http.js"
import { KubeClient, type Options } from "./KubeClient.js"
import { KubeConfig, type Overrides } from "./KubeConfig.js"

/**
 * A client of the cluster that kubectl would talk to: `KUBECONFIG`, `~/.kube/config`, or the cluster that the pod is in.
 *
 * @example
 * ```ts
 * import { NodeRuntime } from "@effect/platform-node"
 * import { Console, Effect } from "effect"
 * import { NodeKubeClient, Pod } from "effect-kubernetes"
 *
 * const program = Effect.gen(function* () {
 *   const pods = yield* Pod.list({ allNamespaces: true })
 *   for (const pod of pods.items) yield* Console.log(pod.metadata.namespace, pod.metadata.name)
 * })
 *
 * program.pipe(Effect.provide(NodeKubeClient.layer), NodeRuntime.runMain)
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<KubeClient, ConfigError | AuthError> = Layer.suspend(() => layerWith({}))

/**
 * As `layer`, with another context, cluster, user or namespace, and other settings of the client.
 *
 * @example
 * ```ts
 * import { NodeKubeClient } from "effect-kubernetes"
 *
 * const staging = NodeKubeClient.layerWith({ context: "staging", timeout: "10 seconds" })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (options: Overrides & Options): Layer.Layer<KubeClient, ConfigError | AuthError> =>
  fromConfig(Layer.provide(KubeConfig.layerWith(options), platform), options)

/**
 * A client of the cluster of a given configuration.
 *
 * @example
 * ```ts
 * import { NodeFileSystem, NodePath } from "@effect/platform-node"
 * import { Layer } from "effect"
 * import { KubeConfig, NodeKubeClient } from "effect-kubernetes"
 *
 * const config = KubeConfig.layerFile("deploy/kubeconfig").pipe(
 *   Layer.provide([NodeFileSystem.layer, NodePath.layer])
 * )
 * const client = NodeKubeClient.fromConfig(config)
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const fromConfig = <E, R>(
  config: Layer.Layer<KubeConfig, E, R>,
  options: Options = {}
): Layer.Layer<KubeClient, E | ConfigError | AuthError, R> => {
  // Two clients of two clusters in one program must not share what is memoized by the layer's identity.
  const auth = Layer.fresh(Layer.provide(Auth.layer, NodeFileSystem.layer))
  const http = Layer.fresh(Http.layer)
  return KubeClient.layerWith(options).pipe(Layer.provide(http), Layer.provide(auth), Layer.provide(config))
}

const platform = Layer.merge(NodeFileSystem.layer, NodePath.layer)
