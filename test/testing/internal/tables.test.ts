import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream, TestClock } from "effect"
import { KubeClient, Pod } from "effect-kubernetes"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"
import type { Json, JsonObject } from "../../../src/testing/internal/openapi.js"
import { at } from "../../../src/testing/internal/strategies.js"
import { humanDuration, since } from "../../../src/testing/internal/tables/format.js"
import { customScaleColumns, hasTable, tableOf, tableOfAnswer } from "../../../src/testing/internal/tables/tables.js"

const now = Date.parse("2024-06-01T12:00:00Z")
const pods = { group: "", version: "v1", kind: "Pod" }
const things = { group: "example.com", version: "v1", kind: "Thing" }

const born = (name: string, more: JsonObject = {}): JsonObject => ({
  metadata: { name, resourceVersion: "7", creationTimestamp: "2024-06-01T11:59:13Z" },
  ...more
})

const rows = (table: JsonObject): ReadonlyArray<JsonObject> => table["rows"] as ReadonlyArray<JsonObject>
const cells = (table: JsonObject): Json | undefined => rows(table)[0]?.["cells"]
const columns = (table: JsonObject): ReadonlyArray<JsonObject> =>
  table["columnDefinitions"] as ReadonlyArray<JsonObject>

describe("durations", () => {
  const units = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
  it.each([
    [-2 * units.s, "<invalid>"],
    [-1.9 * units.s, "0s"],
    [0, "0s"],
    [119.9 * units.s, "119s"],
    [2 * units.m, "2m"],
    [3 * units.m + 20 * units.s, "3m20s"],
    [10 * units.m + 59 * units.s, "10m"],
    [179 * units.m, "179m"],
    [3 * units.h, "3h"],
    [7 * units.h + 59 * units.m, "7h59m"],
    [8 * units.h + 59 * units.m, "8h"],
    [47.9 * units.h, "47h"],
    [2 * units.d, "2d"],
    [5 * units.d + 3 * units.h, "5d3h"],
    [8 * units.d + 3 * units.h, "8d"],
    [729 * units.d, "729d"],
    [730 * units.d, "2y"],
    [800 * units.d, "2y70d"],
    [8 * 365 * units.d + 5 * units.d, "8y"]
  ])("of %d ms are %s", (millis, text) => {
    assert.strictEqual(humanDuration(millis), text)
  })

  it("have a beginning", () => {
    assert.strictEqual(since("2024-06-01T11:59:13.123456Z", now), "46s")
    assert.strictEqual(since(undefined, now), "<unknown>")
    assert.strictEqual(since(null, now), "<unknown>")
  })
})

describe("a table", () => {
  it("has columns, cells and metadata", () => {
    const table = tableOf({ group: "", version: "v1", kind: "ServiceAccount" }, [born("a")], {
      now,
      metadata: { resourceVersion: "9", continue: "next", remainingItemCount: 3 }
    })
    assert.deepStrictEqual(
      columns(table).map(({ format, name, priority, type }) => [name, type, format, priority]),
      [
        ["Name", "string", "name", 0],
        ["Age", "string", "", 0]
      ]
    )
    assert.deepStrictEqual(
      { ...table, columnDefinitions: [] },
      {
        kind: "Table",
        apiVersion: "meta.k8s.io/v1",
        metadata: { resourceVersion: "9", continue: "next", remainingItemCount: 3 },
        columnDefinitions: [],
        rows: [
          {
            cells: ["a", "47s"],
            object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", ...born("a") }
          }
        ]
      }
    )
  })

  it("has of the objects what is asked for", () => {
    const object = (includeObject: "Metadata" | "None" | "Object", pod = born("p", { spec: {} })) =>
      rows(tableOf(pods, [pod], { now, includeObject, version: "v1beta1" }))[0]?.["object"]
    assert.strictEqual(object("None"), null)
    assert.deepStrictEqual(object("Object"), { kind: "Pod", apiVersion: "v1", ...born("p", { spec: {} }) })
    assert.deepStrictEqual(object("Metadata"), {
      kind: "PartialObjectMetadata",
      apiVersion: "meta.k8s.io/v1beta1",
      ...born("p")
    })
    // A client would not know the bookmark otherwise.
    const bookmark = { metadata: { resourceVersion: "9", annotations: { "k8s.io/initial-events-end": "true" } } }
    assert.strictEqual(at(object("None", bookmark), "metadata", "resourceVersion"), "9")
  })

  it("has no columns after the first of a watch", () => {
    assert.isNull(tableOf(pods, [born("p")], { now, headers: false })["columnDefinitions"])
  })

  it("without objects has no rows", () => {
    assert.deepStrictEqual(tableOf(pods, [], { now })["rows"], [])
    assert.isNull(tableOf({ group: "", version: "v1", kind: "LimitRange" }, [], { now })["rows"])
  })

  it("is of a list or of one object", () => {
    const list = { metadata: { resourceVersion: "9" }, items: [born("a"), born("b")] }
    const many = tableOfAnswer(pods, list, { now })
    assert.deepStrictEqual(many["metadata"], { resourceVersion: "9" })
    assert.lengthOf(rows(many), 2)
    const one = tableOfAnswer(pods, born("a"), { now })
    assert.deepStrictEqual(one["metadata"], { resourceVersion: "7" })
    assert.lengthOf(rows(one), 1)
  })

  it("says which pods have ended", () => {
    const pod = (phase: string) => rows(tableOf(pods, [born("p", { status: { phase } })], { now }))[0]?.["conditions"]
    assert.isUndefined(pod("Running"))
    assert.deepStrictEqual(pod("Failed"), [
      { type: "Completed", status: "True", reason: "Failed", message: "The pod failed." }
    ])
  })

  it("has flow schemas in the order in which they are tried", () => {
    const schema = (name: string, matchingPrecedence: number) => born(name, { spec: { matchingPrecedence } })
    const kind = { group: "flowcontrol.apiserver.k8s.io", version: "v1", kind: "FlowSchema" }
    const table = tableOf(kind, [schema("a", 9), schema("c", 1), schema("b", 1)], { now })
    assert.deepStrictEqual(
      rows(table).map(({ object }) => at(object, "metadata", "name")),
      ["b", "c", "a"]
    )
  })
})

describe("a pod", () => {
  const container = (name: string): JsonObject => ({ name, image: "i" })
  const status = (state: JsonObject, more: JsonObject = {}): JsonObject => ({
    name: "main",
    restartCount: 0,
    state,
    ...more
  })
  const pod = (status: JsonObject, spec: JsonObject = {}, metadata: JsonObject = {}): Json | undefined => {
    const { metadata: own, ...rest } = born("p", { spec: { containers: [container("main")], ...spec }, status })
    const printed = cells(tableOf(pods, [{ metadata: { ...(own as JsonObject), ...metadata }, ...rest }], { now }))
    return (printed as ReadonlyArray<Json>).slice(1, 4)
  }

  it("waits for its image", () => {
    const containerStatuses = [status({ waiting: { reason: "ImagePullBackOff" } })]
    assert.deepStrictEqual(pod({ phase: "Pending", containerStatuses }), ["0/1", "ImagePullBackOff", "0"])
  })

  it("crashes again and again", () => {
    const lastState = { terminated: { exitCode: 1, finishedAt: "2024-06-01T11:58:00Z" } }
    const containerStatuses = [status({ waiting: { reason: "CrashLoopBackOff" } }, { restartCount: 4, lastState })]
    assert.deepStrictEqual(pod({ phase: "Running", containerStatuses }), ["0/1", "CrashLoopBackOff", "4 (2m ago)"])
  })

  it("is being initialized, beside a sidecar", () => {
    const spec = { initContainers: [{ ...container("side"), restartPolicy: "Always" }, container("init")] }
    const initContainerStatuses = [
      { name: "side", ready: true, started: true, restartCount: 2, state: { running: {} } },
      { name: "init", ready: false, restartCount: 1, state: { running: {} } }
    ]
    assert.deepStrictEqual(pod({ phase: "Pending", initContainerStatuses }, spec), ["1/2", "Init:1/2", "3"])
  })

  it("ends, or is ended", () => {
    const ended = [status({ terminated: { exitCode: 0, reason: "Completed" } })]
    assert.deepStrictEqual(pod({ phase: "Succeeded", containerStatuses: ended }), ["0/1", "Completed", "0"])
    const killed = [status({ terminated: { exitCode: 137, signal: 9 } })]
    assert.deepStrictEqual(pod({ phase: "Failed", containerStatuses: killed }), ["0/1", "Signal:9", "0"])
    const running = [status({ running: {} }, { ready: true })]
    const deletionTimestamp = "2024-06-01T12:00:00Z"
    assert.deepStrictEqual(pod({ phase: "Running", containerStatuses: running }, {}, { deletionTimestamp }), [
      "1/1",
      "Terminating",
      "0"
    ])
  })
})

describe("custom kinds", () => {
  it("without columns show their age", () => {
    const table = tableOf(things, [born("t")], { now, columns: [] })
    assert.deepStrictEqual(cells(table), ["t", "47s"])
    assert.deepStrictEqual(
      columns(table).map(({ type }) => type),
      ["string", "date"]
    )
  })

  it("show what their columns lead to", () => {
    const column = (type: string, jsonPath: string) => ({ name: type, type, jsonPath })
    const table = tableOf(things, [born("t", { spec: { n: 2.5, s: "x", o: { b: "<", a: 1 }, nil: null } })], {
      now,
      columns: [
        { ...column("integer", ".spec.n"), priority: 1 },
        { ...column("string", ".spec.o"), description: "all of it" },
        column("string", ".spec.nil"),
        column("string", ".spec.nothing"),
        column("boolean", ".spec.s"),
        column("date", ".spec.s")
      ]
    })
    assert.deepStrictEqual(cells(table), ["t", 2, '{"a":1,"b":"\\u003c"}', "<no value>", null, null, "<invalid>"])
    assert.deepStrictEqual(columns(table)[1], {
      name: "integer",
      type: "integer",
      format: "",
      description: "Custom resource definition column (in JSONPath format): .spec.n",
      priority: 1
    })
    assert.strictEqual(columns(table)[2]?.["description"], "all of it")
  })

  it("have a scale with columns of its own", () => {
    const table = tableOf(
      { group: "autoscaling", version: "v1", kind: "Scale" },
      [born("t", { spec: { replicas: 3 } })],
      {
        now,
        columns: customScaleColumns()
      }
    )
    assert.deepStrictEqual(cells(table), ["t", 3, null, "47s"])
  })
})

describe("tables are there", () => {
  it("of kinds that can be listed, and of some of their subresources", () => {
    const pods = { group: "", plural: "pods", verbs: ["get", "list"] }
    const reviews = { group: "authentication.k8s.io", plural: "tokenreviews", verbs: ["create"] }
    const claims = { group: "resource.k8s.io", plural: "resourceclaims", verbs: ["list"] }
    assert.isTrue(hasTable(pods, ""))
    assert.isTrue(hasTable(pods, "status"))
    assert.isFalse(hasTable(pods, "ephemeralcontainers"))
    assert.isFalse(hasTable(reviews, ""))
    assert.isFalse(hasTable(claims, "status"))
    assert.isTrue(hasTable({ ...pods, plural: "replicationcontrollers" }, "scale"))
  })
})

describe("TestCluster", () => {
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
  const namespace = (name: string) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } })
  const get = (path: string, search = "", more: { readonly accept?: string; readonly lines?: number } = {}) =>
    Effect.scoped(
      Effect.gen(function* () {
        const client = yield* KubeClient
        const answer = yield* client.exchange({
          method: "GET",
          path,
          search,
          headers: { accept: more.accept ?? accept }
        })
        const lines = Stream.splitLines(Stream.decodeText(answer.body))
        const text = yield* Stream.runCollect(Stream.take(lines, more.lines ?? 1))
        return { status: answer.status, body: Array.from(text, (line) => JSON.parse(line) as JsonObject) }
      })
    )

  it.effect("prints objects, and ages them on the clock", () =>
    Effect.gen(function* () {
      const pods = "/api/v1/namespaces/default/pods"
      yield* Pod.create({ metadata: { name: "web" }, spec: { containers: [{ name: "main", image: "i" }] } })
      yield* TestClock.adjust("3 minutes")
      const { body } = yield* get(pods, "?includeObject=None")
      assert.deepStrictEqual(rows(body[0] ?? {}), [
        { cells: ["web", "0/1", "Pending", "0", "3m", "<none>", "<none>", "<none>", "<none>"], object: null }
      ])
      const one = yield* get(`${pods}/web`)
      assert.strictEqual(at(rows(one.body[0] ?? {})[0], "object", "metadata", "name"), "web")
      const refused = yield* get(pods, "?includeObject=All")
      assert.deepStrictEqual(
        [refused.status, refused.body[0]?.["message"]],
        [
          400,
          `Unable to convert to Table as requested: includeObject: Invalid value: "All": must be 'Metadata', 'Object', 'None', or empty`
        ]
      )
    }).pipe(Effect.provide(TestCluster.layer()))
  )

  it.effect("watches as tables, of which the first has the columns", () =>
    Effect.gen(function* () {
      const search = "?watch=true&includeObject=None&labelSelector=kubernetes.io/metadata.name in (a,b)"
      const { body } = yield* get("/api/v1/namespaces", search, { lines: 2 })
      const [first, second] = body.map((event) => event["object"] as JsonObject)
      assert.lengthOf(columns(first ?? {}), 3)
      assert.isNull(second?.["columnDefinitions"])
      assert.deepStrictEqual(
        [first, second].map((table) => rows(table ?? {})[0]?.["object"]),
        [null, null]
      )
    }).pipe(Effect.provide(TestCluster.layer({ objects: [namespace("a"), namespace("b")] })))
  )

  it.effect("has the next best form of what it has no table of", () =>
    Effect.gen(function* () {
      yield* Pod.create({ metadata: { name: "web" }, spec: { containers: [{ name: "main", image: "i" }] } })
      const path = "/api/v1/namespaces/default/pods/web/ephemeralcontainers"
      assert.strictEqual((yield* get(path)).status, 406)
      const { body } = yield* get(path, "", { accept: `${accept},application/json` })
      assert.strictEqual(body[0]?.["kind"], "Pod")
    }).pipe(Effect.provide(TestCluster.layer()))
  )
})
