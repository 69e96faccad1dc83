/** Reading, changing and writing an object keeps the fields that our types do not know. */
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer, Schema } from "effect"
import { ConfigMap, KubeClient, Patch, PodTemplate, Request, Resource, type Stored } from "effect-kubernetes"
import type { HttpRequest } from "effect-kubernetes/layers/Http"
import * as e2e from "../support/e2e.js"

const Raw = Schema.Struct({ spec: Schema.Unknown, status: Schema.Unknown }).pipe(Schema.partial)

/** What the server holds, past all schemas. */
const stored = (resource: Resource.ResourceInfo, namespace: string, name: string) =>
  KubeClient.request(
    Request.get(`/apis/${resource.apiVersion}/namespaces/${namespace}/${resource.plural}/${name}`),
    Raw
  )

const anything = { type: "object", "x-kubernetes-preserve-unknown-fields": true }

/** The fields of the newest release, of which the program below knows `size` only. */
const spec = {
  size: 1,
  deep: { list: [{ a: 1, b: [null, "x"] }], empty: {}, off: false, zero: 0, none: "" },
  other: []
}

/** A kind whose schema in this program names only some of its fields. */
const partial = <A, I>(schema: Schema.Schema<A, I>) =>
  Effect.flatMap(e2e.randomName("e2e"), (group) =>
    e2e.installed(
      Resource.define({ group: `${group}.example.com`, version: "v1", kind: "Gadget", schema, status: true }),
      { type: "object", properties: { spec: anything, status: anything } },
      { subresources: { status: {} } }
    )
  )

/** What another program, which knows all fields, has written. */
const writtenElsewhere = (resource: Resource.ResourceInfo, namespace: string) =>
  KubeClient.request(
    Request.post(`/apis/${resource.apiVersion}/namespaces/${namespace}/${resource.plural}`, {
      apiVersion: resource.apiVersion,
      kind: resource.kind,
      metadata: { name: "a" },
      spec
    })
  )

layer(e2e.layer, e2e.live)("a read-modify-write", (it) => {
  it.scoped("of a custom kind keeps the fields that its schema does not name", () =>
    e2e.inFreshNamespace((namespace) =>
      Effect.gen(function* () {
        const Gadget = yield* partial(
          Schema.Struct({
            spec: Schema.Struct({ size: Schema.Number, deep: Schema.Struct({ off: Schema.Boolean }) }),
            status: Schema.optional(Schema.Struct({ phase: Schema.String }))
          })
        )
        yield* writtenElsewhere(Gadget, namespace)
        const raw = stored(Gadget, namespace, "a")

        const read = yield* Gadget.get("a")
        yield* Gadget.replace({ ...read, spec: { ...read.spec, size: 2 } })
        assert.deepStrictEqual((yield* raw).spec, { ...spec, size: 2 })
        yield* Gadget.modify("a", (gadget) => ({ ...gadget, spec: { ...gadget.spec, size: 3 } }))
        assert.deepStrictEqual((yield* raw).spec, { ...spec, size: 3 })
        yield* Gadget.patch("a", Patch.merge({ spec: { size: 4 } }))
        yield* Gadget.label("a", { x: "1" })
        yield* Gadget.status.modify("a", (gadget) => ({ ...gadget, status: { phase: "Done" } }))
        assert.deepStrictEqual((yield* raw).spec, { ...spec, size: 4 })
        assert.deepStrictEqual((yield* raw).status, { phase: "Done" })

        const [listed] = (yield* Gadget.list()).items
        assert(listed !== undefined)
        yield* Gadget.replace({ ...listed, spec: { ...listed.spec, size: 5 } })
        assert.deepStrictEqual((yield* raw).spec, { ...spec, size: 5 })
      })
    )
  )

  it.scoped("of a custom kind keeps them also where the schema transforms", () =>
    e2e.inFreshNamespace((namespace) =>
      Effect.gen(function* () {
        const Gadget = yield* partial(
          Schema.Struct({
            spec: Schema.Struct({
              size: Schema.transform(Schema.Number, Schema.String, {
                decode: String,
                encode: Number,
                strict: true
              }),
              deep: Schema.Struct({ off: Schema.Boolean })
            })
          })
        )
        yield* writtenElsewhere(Gadget, namespace)
        const read = yield* Gadget.get("a")
        assert.strictEqual(read.spec.size, "1")
        yield* Gadget.replace({ ...read, spec: { ...read.spec, size: "2" } })
        assert.deepStrictEqual((yield* stored(Gadget, namespace, "a")).spec, { ...spec, size: 2 })
        yield* Gadget.modify("a", (gadget) => ({ ...gadget, spec: { ...gadget.spec, size: "3" } }))
        assert.deepStrictEqual((yield* stored(Gadget, namespace, "a")).spec, { ...spec, size: 3 })
      })
    )
  )

  it.scoped("of a built-in kind sends back the fields of a newer server", () =>
    e2e.inFreshNamespace(() =>
      Effect.gen(function* () {
        const sent: Array<HttpRequest> = []
        // A server whose answers have a field at the top, one in the metadata, and one deep inside.
        const newer = e2e.layerWithHttp((http) => ({
          ...http,
          request: (request) =>
            Effect.map(
              Effect.suspend(() => (sent.push(request), http.request(request))),
              (answer) =>
                request.method === "GET"
                  ? {
                      ...answer,
                      text: answer.text
                        .replace(/^\{/, '{"newer":{"a":[1,null,""]},')
                        .replace('"metadata":{', '"metadata":{"newer":true,')
                        .replace('"containers":[{', '"containers":[{"newer":"yes",')
                    }
                  : answer
            )
        }))
        const client = Context.get(yield* Layer.build(newer), KubeClient)
        // No controller writes this kind, so every PUT here is the test's.
        const { spec } = e2e.pendingPod("web")
        yield* PodTemplate.create({ metadata: { name: "web" }, template: { spec } })
        yield* ConfigMap.create({ metadata: { name: "settings" } })

        yield* Effect.gen(function* () {
          const labelled = (web: Stored<PodTemplate>, app: string) => ({
            ...web,
            template: { ...web.template, metadata: { labels: { app } } }
          })
          yield* PodTemplate.replace(labelled(yield* PodTemplate.get("web"), "a"))
          yield* PodTemplate.modify("web", (web) => labelled(web, "b"))
          yield* ConfigMap.modify("settings", (map) => ({ ...map, data: { a: "1" } }))
        }).pipe(Effect.provideService(KubeClient, client))

        const puts = sent.filter(({ method }) => method === "PUT").map(({ body }): unknown => JSON.parse(String(body)))
        assert.strictEqual(puts.length, 3)
        const Newer = Schema.Struct({
          newer: Schema.Struct({ a: Schema.Tuple(Schema.Literal(1), Schema.Null, Schema.Literal("")) }),
          metadata: Schema.Struct({ newer: Schema.Literal(true) })
        })
        const isNewer = Schema.is(Newer)
        for (const put of puts) assert.isTrue(isNewer(put))
        for (const put of puts.slice(0, 2)) assert.include(JSON.stringify(put), '"containers":[{"newer":"yes",')
        assert.deepStrictEqual((yield* ConfigMap.get("settings")).data, { a: "1" })
      })
    )
  )
})
