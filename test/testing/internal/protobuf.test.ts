/** Bodies in protobuf: that no field of a kind is unknown, and what becomes of the special ones. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import { ConfigMap } from "effect-kubernetes"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"
import { builtIn } from "../../../src/testing/internal/openapi.js"
import { decode, namesOf } from "../../../src/testing/internal/protobuf.js"

const varint = (value: bigint): ReadonlyArray<number> =>
  value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...varint(value >> 7n)]
const number = (field: number, value: number | bigint) =>
  Buffer.from([...varint(BigInt(field << 3)), ...varint(BigInt.asUintN(64, BigInt(value)))])
const bytes = (field: number, ...values: ReadonlyArray<string | Uint8Array>) => {
  const value = Buffer.concat(values.map((each) => Buffer.from(each)))
  return Buffer.concat([Buffer.from([...varint(BigInt((field << 3) | 2)), ...varint(BigInt(value.length))]), value])
}
const body = (apiVersion: string, kind: string, ...raw: ReadonlyArray<Uint8Array>) =>
  Buffer.concat([Buffer.from("k8s\0"), bytes(1, bytes(1, apiVersion), bytes(2, kind)), bytes(2, ...raw)])
const decoded = (each: Buffer) => Either.getOrThrow(decode(each.toString("latin1")))

describe("protobuf", () => {
  it("knows every field of every kind that is served, by its name in JSON", () => {
    const seen = new Set<string>()
    const problems: Array<string> = []
    const visit = (name: string) => {
      if (seen.has(name)) return
      seen.add(name)
      const schema = builtIn().schemas[name]
      const properties = Object.entries(schema?.properties ?? {})
      if (properties.length === 0) return
      const names = namesOf(name)
      for (const [property] of properties) {
        if (property === "kind" || property === "apiVersion") continue
        if (!(names ?? []).includes(property)) problems.push(`${name}: no ${property}`)
      }
      for (const each of names ?? []) {
        if (!properties.some(([property]) => property === each)) problems.push(`${name}: ${each} is no property`)
      }
      for (const [, ref = ""] of JSON.stringify(properties).matchAll(/#\/components\/schemas\/([^"]+)/g)) visit(ref)
    }
    for (const [name, schema] of Object.entries(builtIn().schemas)) {
      const served = (schema["x-kubernetes-group-version-kind"] ?? []).some((gvk) =>
        builtIn().resources.some(
          ({ group, kind, version }) => group === gvk.group && kind === gvk.kind && version === gvk.version
        )
      )
      if (served) visit(name)
    }
    assert.isAbove(seen.size, 300)
    assert.deepStrictEqual(problems, [])
  })

  it("reads maps, bytes, times, inlined messages, and leaves out what JSON leaves out", () => {
    const metadata = bytes(
      1,
      bytes(1, "web"),
      bytes(2, ""),
      number(7, 0),
      bytes(8, number(1, 1_700_000_000)),
      bytes(11, bytes(1, "app"), bytes(2, "")),
      bytes(17, bytes(1, "m"), bytes(7, bytes(1, '{"f:data":{}}')))
    )
    assert.deepStrictEqual(
      decoded(
        body(
          "v1",
          "ConfigMap",
          metadata,
          bytes(2, bytes(1, "a"), bytes(2, "b")),
          bytes(3, bytes(1, "x"), bytes(2, "ü")),
          number(4, 0)
        )
      ),
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: {
          name: "web",
          creationTimestamp: "2023-11-14T22:13:20Z",
          labels: { app: "" },
          managedFields: [{ manager: "m", fieldsV1: { "f:data": {} } }]
        },
        data: { a: "b" },
        binaryData: { x: "w7w=" },
        // It is a pointer in Go: false is not the same as nothing.
        immutable: false
      }
    )
  })

  it("reads quantities, numbers or strings, negative and packed numbers, and probes", () => {
    const probe = bytes(10, bytes(1, bytes(2, bytes(1, "/"), bytes(2, number(1, 1), number(2, 0), bytes(3, "http")))))
    const limits = bytes(8, bytes(1, bytes(1, "cpu"), bytes(2, bytes(1, "500m"))))
    const container = bytes(2, bytes(1, "c"), limits, probe)
    const security = bytes(14, bytes(4, Buffer.from([...varint(1000n), ...varint(2000n)])), number(2, -1))
    assert.deepStrictEqual(decoded(body("v1", "Pod", bytes(2, container, security)))["spec"], {
      containers: [
        {
          name: "c",
          resources: { limits: { cpu: "500m" } },
          livenessProbe: { httpGet: { path: "/", port: "http" } }
        }
      ],
      securityContext: { runAsUser: -1, supplementalGroups: [1000, 2000] }
    })
  })

  const post = (target: string, content: Uint8Array) =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster
      const { url } = yield* cluster.serve()
      return yield* Effect.promise(async () => {
        const headers = { "content-type": "application/vnd.kubernetes.protobuf" }
        const response = await fetch(`${url}${target}`, { method: "POST", headers, body: content })
        return { status: response.status, body: (await response.json()) as { readonly message?: string } }
      })
    })
  const configMaps = "/api/v1/namespaces/default/configmaps"

  it.scopedLive("is what a body may be, and is recorded as JSON", () =>
    Effect.gen(function* () {
      const content = body("v1", "ConfigMap", bytes(1, bytes(1, "a")), bytes(2, bytes(1, "name"), bytes(2, "grün")))
      assert.strictEqual((yield* post(configMaps, content)).status, 201)
      assert.deepStrictEqual((yield* ConfigMap.get("a")).data, { name: "grün" })
      const [first] = yield* (yield* TestCluster).requests
      assert.deepStrictEqual(JSON.parse(first?.body ?? ""), {
        metadata: { name: "a" },
        data: { name: "grün" },
        apiVersion: "v1",
        kind: "ConfigMap"
      })
    }).pipe(Effect.provide(TestCluster.layer()))
  )

  it.scopedLive("is refused in the API server's words where it cannot be read", () =>
    Effect.gen(function* () {
      const said = (content: Uint8Array) => Effect.map(post(configMaps, content), (answer) => answer.body.message)
      const unrecognized = "the object provided is unrecognized (must be of type ConfigMap): "
      assert.strictEqual(yield* said(Buffer.from("")), `${unrecognized}empty data (<empty>)`)
      const expected = "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
      assert.strictEqual(yield* said(Buffer.from("abc")), `${unrecognized}${expected} (616263)`)
      assert.strictEqual(yield* said(Buffer.from("{}")), `${unrecognized}${expected} ({})`)
      const cut = Buffer.concat([Buffer.from("k8s\0\n"), Buffer.from([255, 255])])
      assert.strictEqual(yield* said(cut), `${unrecognized}unexpected EOF (6b3873000affff)`)
      assert.strictEqual(
        yield* said(body("v1", "ConfigMap", Buffer.from([10, 255, 255]))),
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: unexpected EOF'
      )
      assert.strictEqual(
        yield* said(body("v1", "Pod")),
        'Pod in version "v1" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion'
      )
    }).pipe(Effect.provide(TestCluster.layer()))
  )
})
