import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { Defaults, KubeClient, type KubeClientService } from "../layers/KubeClient.js"
import type { Environment } from "./requests.js"

/** Runs `build` with the client and the defaults of the region. */
export const withClient = <A, E, R>(
  build: (client: KubeClientService, env: Environment) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | KubeClient> =>
  Effect.contextWithEffect((context: Context.Context<KubeClient>) => {
    const client = Context.get(context, KubeClient)
    const defaults = Context.get(context, Defaults)
    return build(client, { ...defaults, contextNamespace: client.namespace })
  })
