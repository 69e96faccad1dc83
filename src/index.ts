/**
 * The Kubernetes client for TypeScript on Effect.
 *
 * @since 0.1.0
 */
export * as Container from "./Container.js"
export * as Copy from "./Copy.js"
export * as Condition from "./Condition.js"
export * as Informer from "./Informer.js"
export * from "./KubeError.js"
export { Auth } from "./layers/Auth.js"
export { Http } from "./layers/Http.js"
export { KubeClient } from "./layers/KubeClient.js"
export { KubeConfig } from "./layers/KubeConfig.js"
export * as Logs from "./Logs.js"
export * as NodeKubeClient from "./layers/NodeKubeClient.js"
export * as Patch from "./Patch.js"
export * as Pods from "./Pods.js"
export * as PortForward from "./PortForward.js"
export * as Request from "./Request.js"
export type { List, PartialObjectMetadata, Ref, Stored } from "./Resource.js"
export * as Resource from "./Resource.js"
export * from "./resources/index.js"
export * as Selector from "./Selector.js"
export type { Table, TableColumn, TableRow } from "./Table.js"
export type { WatchEvent } from "./Watch.js"
