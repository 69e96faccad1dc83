/** The little that the adapters use of the clients here, so that they type-check where those are not installed. */
declare module "client-node-2" {
  export * from "@kubernetes/client-node"
}
