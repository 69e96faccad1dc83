/** Clients of the servers in `server.ts` and `webSocket.ts`, made through the front door: a kubeconfig. */
import { NodeContext } from "@effect/platform-node"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { KubeConfig, NodeKubeClient } from "effect-kubernetes"

export interface Parts {
  readonly cluster?: Record<string, unknown>
  readonly user?: Record<string, unknown>
  readonly namespace?: string
}

export interface Options extends Parts {
  /** How often it tries again. */
  readonly tries?: number
}

/** The kubeconfig of a server: its URL, or its port on loopback. */
export const configOf = (server: string | number, { cluster = {}, namespace, user = { token: "t" } }: Parts = {}) =>
  KubeConfig.layerYaml(
    JSON.stringify({
      clusters: [
        {
          name: "dev",
          cluster: { server: typeof server === "string" ? server : `http://127.0.0.1:${server}`, ...cluster }
        }
      ],
      users: [{ name: "jane", user }],
      contexts: [{ name: "dev", context: { cluster: "dev", user: "jane", namespace } }],
      "current-context": "dev"
    })
  ).pipe(Layer.provide(NodeContext.layer))

/** A client that does not try again, unless it is told to. */
export const clientOf = (server: string | number, { tries = 0, ...parts }: Options = {}) =>
  NodeKubeClient.fromConfig(configOf(server, parts), { retry: Schedule.recurs(tries), timeout: "20 seconds" }).pipe(
    Layer.provide(NodeContext.layer)
  )
