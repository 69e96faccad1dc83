/** What the server says that it serves. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { builtIn, KubeClient, type Resource } from "effect-kubernetes"
import * as e2e from "../support/e2e.js"

const key = ({ apiVersion, plural }: Resource.ResourceInfo) => `${apiVersion}/${plural}`

const sorted = (resources: ReadonlyArray<Resource.ResourceInfo>) =>
  resources
    .map((resource) => ({
      ...resource,
      verbs: resource.verbs.toSorted(),
      shortNames: resource.shortNames.toSorted(),
      categories: resource.categories.toSorted(),
      subresources: Object.fromEntries(
        Object.entries(resource.subresources)
          .map(([name, verbs]) => [name, verbs.toSorted()] as const)
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
      )
    }))
    .toSorted((a, b) => (key(a) < key(b) ? -1 : 1))

/** Other tests install kinds of their own meanwhile. */
const lasting = (resources: ReadonlyArray<Resource.ResourceInfo>) =>
  resources.filter(({ group }) => !group.endsWith(".example.com"))

layer(e2e.layer, e2e.live)("KubeClient.apiResources", (it) => {
  it.scoped("says what kubectl api-resources says", () =>
    Effect.gen(function* () {
      const printed = yield* e2e.kubectl("api-resources", "-o", "wide", "--no-headers")
      const theirs = printed
        .trim()
        .split("\n")
        .map((line) => {
          // NAME SHORTNAMES APIVERSION NAMESPACED KIND VERBS CATEGORIES; the second and the last may be empty.
          const found = /^(\S+)\s+(?:(\S+)\s+)?(\S+)\s+(true|false)\s+(\S+)\s+(\S+)\s*(\S*)$/.exec(line)
          assert(found !== null, line)
          const [, plural, shortNames = "", apiVersion = "", namespaced, kind, verbs = "", categories = ""] = found
          return [
            `${apiVersion}/${plural}`,
            kind,
            namespaced === "true" ? "Namespaced" : "Cluster",
            shortNames,
            verbs,
            categories
          ].join(" ")
        })
        .filter((line) => !line.includes(".example.com/"))
      const all = lasting(yield* KubeClient.apiResources)
      const ours = all.map((resource) =>
        [
          key(resource),
          resource.kind,
          resource.scope,
          resource.shortNames.join(","),
          resource.verbs.toSorted().join(","),
          resource.categories.join(",")
        ].join(" ")
      )
      // kubectl prints each kind in its group's preferred version only; we know all versions.
      assert.includeMembers(ours, theirs)
      /** Without the version: `apps/deployments`, `pods`. */
      const groupAndName = (line: string) => (line.split(" ")[0] ?? "").replace(/[^/]+\/([^/]+)$/, "$1")
      assert.sameMembers([...new Set(ours.map(groupAndName))], [...new Set(theirs.map(groupAndName))])
    })
  )

  it.scoped("says the same from a server that has no aggregated discovery", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const legacy = e2e.layerWithHttp((http) => ({
        ...http,
        request: (request) =>
          Effect.suspend(() => {
            seen.push(request.target)
            return http.request({ ...request, headers: { ...request.headers, accept: "application/json" } })
          })
      }))
      const theirs = yield* KubeClient.apiResources.pipe(Effect.provide(legacy))
      const ours = yield* KubeClient.apiResources.pipe(Effect.provide(e2e.layer))
      assert.deepStrictEqual(sorted(lasting(theirs)), sorted(lasting(ours)))
      assert.include(seen, "/apis/apps/v1")
      assert.include(seen, "/api/v1")
    })
  )

  it.scoped("has every kind of this package, as this package describes it", () =>
    Effect.gen(function* () {
      const served = new Map(sorted(yield* KubeClient.apiResources).map((resource) => [key(resource), resource]))
      for (const {
        apiVersion,
        categories,
        group,
        kind,
        plural,
        scope,
        shortNames,
        singular,
        version,
        ...rest
      } of sorted(builtIn)) {
        const { subresources, verbs } = rest
        assert.deepStrictEqual(
          { apiVersion, categories, group, kind, plural, scope, shortNames, singular, subresources, verbs, version },
          served.get(`${apiVersion}/${plural}`)
        )
      }
    })
  )

  it.scoped("asks twice for all of it, keeps it, and asks again when told to forget", () =>
    Effect.gen(function* () {
      const { client, sent } = e2e.recording()
      yield* Effect.gen(function* () {
        const { apiResources, invalidateApiResources } = yield* KubeClient
        yield* Effect.replicateEffect(apiResources, 10, { concurrency: "unbounded" })
        assert.deepStrictEqual(sent.map(({ target }) => target).toSorted(), ["/api", "/apis"])
        yield* invalidateApiResources
        yield* apiResources
        assert.strictEqual(sent.length, 4)
      }).pipe(Effect.provide(client))
    })
  )

  it.scoped("shows a custom kind with its subresources", () =>
    Effect.gen(function* () {
      const { apiVersion, categories, kind, plural, scope, shortNames, singular, subresources } = yield* e2e.freshWidget
      const client = yield* KubeClient
      const find = Effect.map(Effect.zipRight(client.invalidateApiResources, client.apiResources), (all) =>
        all.find((resource) => resource.apiVersion === apiVersion && resource.plural === plural)
      )
      // The server publishes it a moment after it serves it.
      yield* e2e.eventually(Effect.map(find, (found) => found !== undefined))
      const found = yield* find
      assert.deepInclude(found, { categories, kind, scope, shortNames, singular })
      assert.sameMembers(Object.keys(found?.subresources ?? {}), Object.keys(subresources))
    })
  )
})
