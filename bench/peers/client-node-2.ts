/** @kubernetes/client-node 2, which needs Node 22.19. */
import { CoreV1Api, KubeConfig } from "client-node-2"
import { namespace, pageSize, repeat, type Adapter } from "../Adapter.js"

export const make = async (): Promise<Adapter> => {
  const config = new KubeConfig()
  config.loadFromDefault()
  const api = config.makeApiClient(CoreV1Api)
  return {
    get: (names, count, concurrency) =>
      repeat(count, concurrency, (index) =>
        api.readNamespacedPod({ name: names[index % names.length] ?? "", namespace })
      ),
    list: async () => (await api.listNamespacedPod({ namespace })).items,
    pages: async () => {
      let found = 0
      let next: string | undefined
      do {
        const page = await api.listNamespacedPod({ namespace, limit: pageSize, ...(next ? { _continue: next } : {}) })
        found += page.items.length
        next = page.metadata?._continue
      } while (next)
      return found
    },
    close: async () => {}
  }
}
