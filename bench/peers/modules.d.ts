/** The little that the adapters use of the clients here, so that they type-check where those are not installed. */
declare module "@kubernetes/client-node" {
  interface PodList {
    readonly items: ReadonlyArray<unknown>
    readonly metadata?: { readonly _continue?: string }
  }
  export class CoreV1Api {
    readNamespacedPod(of: { readonly name: string; readonly namespace: string }): Promise<unknown>
    listNamespacedPod(of: {
      readonly namespace: string
      readonly limit?: number
      readonly _continue?: string
    }): Promise<PodList>
  }
  export class KubeConfig {
    loadFromDefault(): void
    makeApiClient<A>(api: new () => A): A
  }
}

declare module "client-node-2" {
  export * from "@kubernetes/client-node"
}
