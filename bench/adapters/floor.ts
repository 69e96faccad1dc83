/** The least that a client on Node can do: undici and `JSON.parse`, one pool, no model, no errors to speak of. */
import { readFileSync } from "node:fs"
import { Agent } from "undici"
import * as Yaml from "yaml"
import { namespace, pageSize, repeat, type Adapter } from "../Adapter.js"

interface Kubeconfig {
  readonly clusters: ReadonlyArray<{ readonly cluster: Readonly<Record<string, string>> }>
  readonly users: ReadonlyArray<{ readonly user: Readonly<Record<string, string>> }>
}

interface PodList {
  readonly items: ReadonlyArray<unknown>
  readonly metadata: { readonly continue?: string }
}

export const make = async (): Promise<Adapter> => {
  // A kubeconfig of one cluster and one user with a client certificate, as the test cluster writes it.
  const config = Yaml.parse(readFileSync(process.env["KUBECONFIG"] ?? "", "utf8")) as Kubeconfig
  const cluster = config.clusters[0]?.cluster
  const user = config.users[0]?.user
  if (cluster === undefined || user === undefined) throw new Error("KUBECONFIG names no cluster or no user")
  const pem = (entry: Readonly<Record<string, string>>, name: string) =>
    entry[name] === undefined
      ? Buffer.from(entry[`${name}-data`] ?? "", "base64").toString("utf8")
      : readFileSync(entry[name], "utf8")
  const agent = new Agent({
    connections: 32,
    connect: {
      ca: pem(cluster, "certificate-authority"),
      cert: pem(user, "client-certificate"),
      key: pem(user, "client-key")
    }
  })
  const { origin } = new URL(cluster["server"] ?? "")
  const pods = `/api/v1/namespaces/${namespace}/pods`
  const json = async (path: string): Promise<unknown> => {
    const answer = await agent.request({ origin, path, method: "GET", headers: { accept: "application/json" } })
    if (answer.statusCode !== 200) throw new Error(`GET ${path}: ${answer.statusCode}`)
    return JSON.parse(await answer.body.text())
  }
  return {
    get: (names, count, concurrency) =>
      repeat(count, concurrency, (index) => json(`${pods}/${names[index % names.length]}`)),
    list: async () => ((await json(pods)) as PodList).items,
    pages: async () => {
      let found = 0
      let next = ""
      do {
        const page = (await json(`${pods}?limit=${pageSize}&continue=${encodeURIComponent(next)}`)) as PodList
        found += page.items.length
        next = page.metadata.continue ?? ""
      } while (next !== "")
      return found
    },
    close: () => agent.close()
  }
}
