/** The cluster of a configuration, behind a proxy on this machine that breaks connections. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { KubeConfig } from "effect-kubernetes"
import { isIP } from "node:net"
import * as ChaosProxy from "./chaosProxy.js"

export const behindProxy = <E>(config: Layer.Layer<KubeConfig, E>, breaks: () => ChaosProxy.Break | undefined) =>
  Effect.gen(function* () {
    const resolved = yield* Effect.provide(KubeConfig, config)
    const { hostname, port } = new URL(resolved.cluster.server)
    const proxy = yield* ChaosProxy.make({ host: hostname, port: Number(port) }, breaks)
    const behind = Layer.succeed(KubeConfig, {
      ...resolved,
      cluster: {
        ...resolved.cluster,
        server: `https://127.0.0.1:${proxy.port}`,
        tlsServerName: resolved.cluster.tlsServerName ?? (isIP(hostname) === 0 ? hostname : undefined)
      }
    })
    return { proxy, config: behind }
  })
