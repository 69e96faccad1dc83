/**
 * What the verbs send, held against what the API has (the committed snapshot of its OpenAPI documents), both ways: all
 * that is sent exists, and all that exists is either sent by some verb or left out on purpose, for a reason written here.
 *
 * `test/e2e/wire.test.ts` holds the snapshot against a real server.
 */
import { HttpClientRequest, HttpMethod } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { NodeContext } from "@effect/platform-node"
import { Effect, Stream } from "effect"
import { builtIn, Condition, KubeClient, Patch, type Request, type Resource } from "effect-kubernetes"
import type { CopyOptions } from "effect-kubernetes/Copy"
import type { RawRequest } from "effect-kubernetes/layers/KubeClient"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Snapshot from "../scripts/generate/snapshot.js"

const snapshot = Effect.runSync(
  Snapshot.decode(
    readFileSync(
      fileURLToPath(new URL(`../scripts/generate/kubernetes-${Snapshot.minor}.json`, import.meta.url)),
      "utf8"
    )
  )
)

// ---------------------------------------------------------------------------------------------------------------------
// What is sent
// ---------------------------------------------------------------------------------------------------------------------

type Kind = Resource.KubernetesObject
type Every = Resource.Namespaced<Kind> &
  Resource.WithStatus<Kind, "Namespaced"> &
  Resource.WithScale<"Namespaced"> &
  Resource.WithEviction &
  Resource.WithBinding &
  Resource.WithToken &
  Resource.WithApproval<Kind, "Namespaced"> &
  Resource.WithFinalize<Kind, "Namespaced"> &
  Resource.WithEphemeralContainers<Kind, "Namespaced"> &
  Resource.WithResize<Kind, "Namespaced"> &
  Resource.WithLogs &
  Resource.WithExec &
  Resource.WithProxy<"Namespaced"> &
  Resource.WithAttach &
  Resource.WithPortForward

type Options<O> = Required<Omit<O, "timeout">>

// Names like the placeholders of OpenAPI's paths: decoded, a path that is sent is one of theirs.
const object = { metadata: { name: "{name}", namespace: "{namespace}" } }
const scale = { ...object, spec: { replicas: 1 } }
// `Required`: an option that is added to a verb has to be added here.
const get: Options<Resource.GetOptions> = { resourceVersion: "0" }
const write: Options<Resource.WriteOptions> = { dryRun: true, fieldManager: "me", fieldValidation: "Strict" }
const applied: Options<Resource.ApplyOptions> = { ...write, force: true }
const list: Options<Resource.ListOptions> = {
  labels: "app=web",
  fields: "metadata.name=web",
  limit: 1,
  continue: "more",
  resourceVersion: "1",
  resourceVersionMatch: "Exact",
  timeoutSeconds: 1
}
const { continue: _, timeoutSeconds: __, ...streamed } = list satisfies Options<Resource.StreamOptions>
const watched: Options<Resource.SingleWatchOptions> = {
  resume: false,
  labels: "app=web",
  fields: "metadata.name=web",
  resourceVersion: "1",
  allowWatchBookmarks: true,
  sendInitialEvents: true,
  timeoutSeconds: 1
}
const { orphan: ___, ...deleted }: Options<Resource.DeleteOptions> = {
  dryRun: true,
  gracePeriodSeconds: 0,
  propagationPolicy: "Foreground",
  preconditions: { uid: "1", resourceVersion: "1" },
  orphan: true
}
/** Excludes `propagationPolicy`. */
const orphaned: Resource.DeleteOptions = { orphan: true }
const everywhere = { allNamespaces: true }
const { sinceTime: ____, ...logged }: Options<Resource.LogOptions> = {
  container: "c",
  follow: true,
  previous: true,
  sinceSeconds: 1,
  sinceTime: "2026-01-01T00:00:00Z",
  timestamps: true,
  tailLines: 1,
  limitBytes: 1,
  stream: "Stdout",
  insecureSkipTLSVerifyBackend: true
}
/** Excludes `sinceSeconds`. */
const since = { container: "c", sinceTime: "2026-01-01T00:00:00Z" }
const inTerminal: Options<Resource.ExecOptions> = { container: "c", tty: true }
const piped = { container: "c", stdin: true }

const copied: CopyOptions = { container: "c", preserve: false, followLinks: true }
const local = <A, E>(calls: ReadonlyArray<Effect.Effect<A, E, KubeClient | NodeContext.NodeContext>>) =>
  calls.map((call) => Effect.provide(call, NodeContext.layer))

type Call = Effect.Effect<unknown, unknown, KubeClient>
type Exercise = (kind: Every) => ReadonlyArray<Call>

type Empty = Record<never, never>
type AnyPatch = Patch.Json | Patch.Merge<Empty> | Patch.Strategic<Empty> | Patch.Apply<Empty>

const patches = (
  patch: (ref: typeof object, patch: AnyPatch, options: Resource.ApplyOptions) => Call
): ReadonlyArray<Call> => [
  patch(object, Patch.json([]), write),
  patch(object, Patch.merge({}), write),
  patch(object, Patch.strategic({}), write),
  patch(object, Patch.apply({}), applied)
]

const ofSubresource = (
  name: string,
  of: (kind: Every) => Resource.ObjectSubresource<Kind, "Namespaced">
): Record<string, Exercise> => ({
  [`${name}.get`]: (kind) => [of(kind).get(object, get)],
  [`${name}.replace`]: (kind) => [of(kind).replace(object, write)],
  [`${name}.patch`]: (kind) => patches(of(kind).patch),
  [`${name}.apply`]: (kind) => [of(kind).apply(object, applied)],
  [`${name}.modify`]: (kind) => [of(kind).modify(object, (found) => ({ ...found }), write)]
})

/** A forward looks at the pod before it begins. */
const runningPod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { ...object.metadata, uid: "1", resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" },
  spec: { containers: [] },
  status: { phase: "Running" }
}

/** Every verb, with every option. A verb that is added has to be added here. */
const exercises: Record<string, Exercise> = {
  get: (kind) => [kind.get(object, get)],
  getOption: (kind) => [kind.getOption(object, get)],
  exists: (kind) => [kind.exists(object, get)],
  getMetadata: (kind) => [kind.getMetadata(object, get)],
  getTable: (kind) => [kind.getTable(object, get)],
  list: (kind) => [kind.list(list), kind.list({ ...list, ...everywhere })],
  stream: (kind) => [
    Stream.runDrain(kind.stream(streamed)),
    Stream.runDrain(kind.stream({ ...streamed, ...everywhere }))
  ],
  listMetadata: (kind) => [kind.listMetadata(list), kind.listMetadata({ ...list, ...everywhere })],
  listTable: (kind) => [kind.listTable(list), kind.listTable({ ...list, ...everywhere })],
  watch: (kind) => [Stream.runDrain(kind.watch(watched)), Stream.runDrain(kind.watch({ ...watched, ...everywhere }))],
  waitFor: (kind) => [kind.waitFor(object, Condition.created)],
  waitForStream: (kind) => [Stream.runDrain(kind.waitForStream(object, Condition.created))],
  waitForAll: (kind) => [kind.waitForAll({ labels: "app=web", ...everywhere }, Condition.created)],
  waitForAny: (kind) => [kind.waitForAny({ labels: "app=web", ...everywhere }, Condition.created)],
  watchMetadata: (kind) => [
    Stream.runDrain(kind.watchMetadata(watched)),
    Stream.runDrain(kind.watchMetadata({ ...watched, ...everywhere }))
  ],
  create: (kind) => [kind.create(object, write)],
  replace: (kind) => [kind.replace(object, write)],
  modify: (kind) => [kind.modify(object, (found) => ({ ...found }), write)],
  patch: (kind) => patches(kind.patch),
  apply: (kind) => [kind.apply(object, applied)],
  label: (kind) => [kind.label(object, { app: "web" }, write)],
  annotate: (kind) => [kind.annotate(object, { note: null }, write)],
  delete: (kind) => [kind.delete(object, deleted), kind.delete(object, orphaned)],
  deleteCollection: (kind) => [
    kind.deleteCollection({ ...list, ...deleted }),
    kind.deleteCollection({ ...list, ...orphaned })
  ],
  ...ofSubresource("status", (kind) => kind.status),
  ...ofSubresource("approval", (kind) => kind.approval),
  ...ofSubresource("ephemeralContainers", (kind) => kind.ephemeralContainers),
  debug: (kind) => [Effect.scoped(kind.debug(object, { image: "busybox" }))],
  ...ofSubresource("resize", (kind) => kind.resize),
  finalize: (kind) => [kind.finalize(object, write)],
  scale: (kind) => [kind.scale(object, 1, write)],
  "scale.get": (kind) => [kind.scale.get(object, get)],
  "scale.replace": (kind) => [kind.scale.replace(scale, write)],
  "scale.patch": (kind) => patches(kind.scale.patch),
  evict: (kind) => [kind.evict(object, deleted), kind.evict(object, orphaned)],
  bind: (kind) => [kind.bind(object, { kind: "Node", name: "node" }, write)],
  createToken: (kind) => [kind.createToken(object, {}, write)],
  logs: (kind) => [Stream.runDrain(kind.logs(object, logged)), Stream.runDrain(kind.logs(object, since))],
  logBytes: (kind) => [Stream.runDrain(kind.logBytes(object, logged)), Stream.runDrain(kind.logBytes(object, since))],
  exec: (kind) => [kind.exec(object, ["sh"], { ...inTerminal, stdin: "" })],
  execStream: (kind) => [
    Effect.scoped(kind.execStream(object, ["sh"], inTerminal)),
    Effect.scoped(kind.execStream(object, ["sh"], piped))
  ],
  copyTo: (kind) => local([kind.copyTo(object, ".", "there", copied), kind.copyTo(object, ".", "there/", copied)]),
  copyFrom: (kind) => local([kind.copyFrom(object, "there", "here", copied)]),
  proxy: (kind) =>
    [...HttpMethod.all].map((method) =>
      Effect.flatMap(kind.proxy(object), (client) => client.execute(HttpClientRequest.make(method)("/{path}")))
    ),
  portForward: (kind) => [
    Effect.scoped(kind.portForward(object, 80)).pipe(
      Effect.updateService(KubeClient, (client) => ({ ...client, json: () => Effect.succeed(runningPod) }))
    )
  ],
  attach: (kind) => [Effect.scoped(kind.attach(object, inTerminal)), Effect.scoped(kind.attach(object, piped))]
}

/** The functions of a kind, and those inside its subresources: `get`, `status.get`. */
const verbsOf = (value: object, prefix = ""): ReadonlyArray<string> =>
  Object.entries(value).flatMap(([name, member]: [string, unknown]) => {
    if (name === "schema" || name === "subresources" || Array.isArray(member)) return []
    if (typeof member !== "object" && typeof member !== "function") return []
    // A condition to wait for.
    if (member !== null && "check" in member) return []
    const own = typeof member === "function" ? [prefix + name] : []
    return member === null ? own : [...own, ...verbsOf(member, `${prefix}${name}.`)]
  })

/** A kind has the verbs that its value has: `verbsOf` tells which. */
const asEvery = (resource: Resource.AnyResource): Every => resource as unknown as Every

/** What calls send: nothing is answered. */
const sentBy = async (calls: ReadonlyArray<Call>): Promise<ReadonlyArray<Request.Request>> => {
  const sent: Array<Request.Request> = []
  const answer = (request: Request.Request) =>
    Effect.dieSync(() => {
      sent.push(request)
      return "no answer"
    })
  const client = {
    server: "https://127.0.0.1",
    context: undefined,
    namespace: "{namespace}",
    timeout: "infinity",
    json: answer,
    text: answer,
    stream: (request: Request.Request) => Stream.fromEffect(answer(request)),
    exchange: (request: RawRequest) => answer({ ...request, query: [], body: undefined }),
    webSocket: answer,
    apiResources: Effect.succeed([]),
    invalidateApiResources: Effect.void
  } as const
  for (const call of calls) await Effect.runPromiseExit(Effect.provideService(call, KubeClient, client))
  return sent
}

/** What a verb of a kind sends, with all of its options. */
const requestsOf = async (resource: Resource.AnyResource, verb: string): Promise<ReadonlyArray<Request.Request>> => {
  const requests: Array<Request.Request> = []
  for (const call of exercises[verb]?.(asEvery(resource)) ?? []) {
    const sent = await sentBy([call])
    assert.isNotEmpty(sent, `${resource.kind}.${verb} has sent nothing`)
    requests.push(...sent)
  }
  return requests
}

/** What the verbs of all kinds send, those of these names or all. */
const allRequests = async (names?: ReadonlyArray<string>): Promise<ReadonlyArray<Request.Request>> => {
  const requests: Array<Request.Request> = []
  for (const resource of builtIn) {
    for (const verb of verbsOf(resource)) {
      if (names?.includes(verb) ?? true) requests.push(...(await requestsOf(resource, verb)))
    }
  }
  return requests
}

// ---------------------------------------------------------------------------------------------------------------------
// Facts: an operation, a query parameter of one, or a content type of one
// ---------------------------------------------------------------------------------------------------------------------

interface Fact {
  readonly method: string
  readonly path: string
  readonly query?: string
  readonly consumes?: string
}

const show = ({ consumes, method, path, query }: Fact): string =>
  `${method} ${path}${query === undefined ? "" : ` ?${query}`}${consumes === undefined ? "" : ` ${consumes}`}`

const contentType = (request: Request.Request): string | undefined => request.headers["content-type"]

const factsOf = (request: Request.Request): ReadonlyArray<Fact> => {
  const operation = { method: request.method.toLowerCase(), path: decodeURIComponent(request.path) }
  const consumes = contentType(request)
  return [
    operation,
    ...request.query.map(([query]) => ({ ...operation, query })),
    ...(consumes === undefined ? [] : [{ ...operation, consumes }])
  ]
}

const sent: ReadonlyMap<string, Fact> = new Map(
  (await allRequests()).flatMap(factsOf).map((fact) => [show(fact), fact])
)

const served: ReadonlyArray<Fact> = Object.entries(snapshot.paths).flatMap(([path, methods]) =>
  Object.entries(methods).flatMap(([method, { consumes, query }]) => [
    { method, path },
    ...query.map((query) => ({ method, path, query })),
    ...consumes.map((consumes) => ({ method, path, consumes }))
  ])
)

const exists = (fact: Fact): boolean => {
  const operation = snapshot.paths[fact.path]?.[fact.method]
  if (operation === undefined) return false
  if (fact.query !== undefined) return operation.query.includes(fact.query)
  // `*/*` in the documents: the server reads JSON, YAML, CBOR and protobuf.
  return fact.consumes === undefined || operation.consumes.includes(fact.consumes) || operation.consumes.includes("*/*")
}

const isSent = (fact: Fact): boolean =>
  fact.consumes === "*/*"
    ? sent.has(show({ method: fact.method, path: fact.path, consumes: "application/json" }))
    : sent.has(show(fact))

interface Exception {
  readonly reason: string
  readonly of: (fact: Fact, action: string | undefined) => boolean
}

/** The exceptions that this fact is under. */
const matching = (exceptions: ReadonlyArray<Exception>, fact: Fact): ReadonlyArray<string> => {
  const action = snapshot.paths[fact.path]?.[fact.method]?.action
  return exceptions.filter(({ of }) => of(fact, action)).map(({ reason }) => reason)
}

const is = (fact: Fact, ...names: ReadonlyArray<string>): boolean =>
  fact.query !== undefined && names.includes(fact.query)

/** What is sent though OpenAPI does not have it. */
const undocumented: ReadonlyArray<Exception> = [
  {
    reason: "the API concepts document resourceVersion for a get; its generated documents leave it out",
    of: (fact, action) => action === "get" && is(fact, "resourceVersion")
  },
  {
    reason: "the server's PodLogOptions have sinceTime; its generated documents leave it out",
    of: (fact) => fact.path.endsWith("/log") && is(fact, "sinceTime")
  }
]

/** What OpenAPI has and no verb sends. */
const omissions: ReadonlyArray<Exception> = [
  {
    reason: "indentation is for people",
    of: (fact, action) => action !== "connect" && !fact.path.includes("/watch/") && is(fact, "pretty")
  },
  {
    reason: "the deprecated watch paths: `watch` is a list with a query parameter",
    of: ({ path }) => path.includes("/watch/")
  },
  {
    reason: "discovery and the version are documents, not objects of a kind: `KubeClient.request` reads them",
    of: ({ path }) => /^\/(api|apis\/[^/]+)\/v[^/]+\/$|^\/version\/$/.test(path)
  },
  {
    reason: "`proxy` without a path redirects to the one with a slash, which is what is sent",
    of: ({ path }, action) => action === "connect" && path.endsWith("/proxy")
  },
  {
    reason: "the path behind a proxy stands in the path",
    of: (fact) => fact.path.endsWith("/proxy/{path}") && is(fact, "path")
  },
  {
    reason: "a WebSocket begins with a GET; the POST is for SPDY, which Kubernetes is leaving",
    of: ({ method, path }, action) =>
      action === "connect" && method === "post" && /\/(exec|attach|portforward)$/.test(path)
  },
  {
    reason: "stands in the body of a delete, the server reads the query only when there is none",
    of: (fact) =>
      fact.method === "delete" &&
      !/proxy/.test(fact.path) &&
      is(fact, "dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")
  },
  {
    reason: "deletes what cannot be decrypted and breaks its finalizers and owners: a rescue by hand, alpha",
    of: (fact) => is(fact, "ignoreStoreReadErrorWithClusterBreakingPotential")
  },
  {
    reason: "an option of a watch; a delete of a collection has it because the options are those of a list",
    of: (fact, action) => action === "deletecollection" && is(fact, "sendInitialEvents")
  },
  {
    reason: "the kind cannot be watched",
    of: (fact) =>
      fact.path === "/api/v1/componentstatuses" && is(fact, "watch", "allowWatchBookmarks", "sendInitialEvents")
  },
  {
    reason: "an eviction is not stored: nobody manages its fields, and its body is ours",
    of: (fact) => fact.path.endsWith("/eviction") && is(fact, "fieldManager", "fieldValidation")
  }
]

describe("wire conformance of the built-in kinds", () => {
  it("exercises every verb of every kind", () => {
    const verbs = new Set(builtIn.flatMap((resource) => verbsOf(resource)))
    assert.deepStrictEqual([...verbs].toSorted(), Object.keys(exercises).toSorted())
  })

  it("sends only what the API has", () => {
    const unknown = [...sent.values()].filter((fact) => !exists(fact) && matching(undocumented, fact).length !== 1)
    assert.deepStrictEqual(unknown.map(show), [])
  })

  it("sends what the API has, or leaves it out on purpose", () => {
    const without = served.filter((fact) => !isSent(fact) && matching(omissions, fact).length === 0)
    assert.deepStrictEqual(without.map(show), [])
  })

  it("leaves nothing out for two reasons, or though it is sent", () => {
    const twice = served.filter((fact) => matching(omissions, fact).length > (isSent(fact) ? 0 : 1))
    assert.deepStrictEqual(
      twice.map((fact) => `${show(fact)}: ${matching(omissions, fact).join("; ")}`),
      []
    )
  })

  it("deletes no collection of every namespace: the API has no such path", async () => {
    const options = { ...list, ...orphaned, ...everywhere }
    const requests = await sentBy(
      builtIn
        .filter(({ scope, verbs }) => scope === "Namespaced" && verbs.includes("deletecollection"))
        .map((resource) => asEvery(resource).deleteCollection(options))
    )
    assert.deepStrictEqual(
      requests
        .flatMap(factsOf)
        .filter((fact) => !exists(fact))
        .map(show),
      []
    )
  })

  it("has no exception without a need", () => {
    const needed = new Set([
      ...served.filter((fact) => !isSent(fact)).flatMap((fact) => matching(omissions, fact)),
      ...[...sent.values()].filter((fact) => !exists(fact)).flatMap((fact) => matching(undocumented, fact))
    ])
    const idle = [...omissions, ...undocumented].filter(({ reason }) => !needed.has(reason))
    assert.deepStrictEqual(
      idle.map(({ reason }) => reason),
      []
    )
  })

  it("deletes with every option that the API has in the body", async () => {
    const fields = async (verb: string) => (await allRequests([verb])).flatMap(({ body }) => Object.keys(Object(body)))
    const known = Object.keys(
      snapshot.schemas["io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"]?.properties ?? {}
    ).filter((name) => name !== "ignoreStoreReadErrorWithClusterBreakingPotential")
    for (const verb of ["delete", "deleteCollection"]) {
      assert.deepStrictEqual([...new Set(await fields(verb))].toSorted(), known.toSorted(), verb)
    }
  })
})
