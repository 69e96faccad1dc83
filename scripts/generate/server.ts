/** How the generator reads an API server: with this package's own client, which needs nothing that is generated. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { KubeClient } from "../../src/layers/KubeClient.js"
import { KubeConfig } from "../../src/layers/KubeConfig.js"
import * as NodeKubeClient from "../../src/layers/NodeKubeClient.js"
import * as Request from "../../src/Request.js"
import { GenerateError } from "./snapshot.js"

export type FetchJson = (path: string, accept: string) => Effect.Effect<unknown, GenerateError>

/** Connects to the current context of a kubeconfig file. */
export const connect = (kubeconfig: string): Effect.Effect<FetchJson, GenerateError, Scope.Scope> =>
  KubeConfig.layerFile(kubeconfig).pipe(
    Layer.provide([NodeFileSystem.layer, NodePath.layer]),
    NodeKubeClient.fromConfig,
    Layer.build,
    Effect.map((context): FetchJson => {
      const client = Context.get(context, KubeClient)
      return (path, accept) =>
        Effect.mapError(
          client.json(Request.get(path, { headers: { accept } })),
          (cause) => new GenerateError({ message: cause.message, cause })
        )
    }),
    Effect.mapError((cause) => new GenerateError({ message: cause.message, cause }))
  )
