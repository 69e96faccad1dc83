/** A cluster and the two faces that a test sees: the client's side, and its back. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { PCGRandom } from "effect/Utils"
import { parseAllDocuments } from "yaml"
import { failure } from "../../internal/http.js"
import { Auth } from "../../layers/Auth.js"
import { Http, type HttpFailure, type HttpRequest, type HttpService, type HttpUpgrade } from "../../layers/Http.js"
import { KubeConfig } from "../../layers/KubeConfig.js"
import type { ResourceInfo } from "../../Resource.js"
import type {
  AdmissionName,
  Choice,
  Options,
  Recorded,
  Seed,
  ServeOptions,
  Snapshot,
  TestClusterService
} from "../TestCluster.js"
import * as Cell from "./cell.js"
import * as controllers from "./controllers/all.js"
import { authorities, defaultAccount } from "./controllers/serviceAccount.js"
import * as Driver from "./controllers/driver.js"
import { settled } from "./definitions.js"
import * as Faults from "./faults.js"
import { fresh } from "./fresh.js"
import { joined, limited, type ApiRequest, type ApiResponse, type User } from "./http.js"
import { isJsonObject } from "./json.js"
import { kindsOf, storageOf, type Kind } from "./kinds.js"
import * as Kubelet from "./kubelet.js"
import type { Json, JsonObject } from "./openapi.js"
import { decode as decodeProtobuf, isProtobuf } from "./protobuf.js"
import * as server from "./server.js"
import * as store from "./store.js"
import * as streams from "./streams.js"
import type { State } from "./store.js"
import { put } from "./subresources.js"
import { shown } from "./verbs.js"

const administrator: User = { username: "admin", groups: ["system:masters", "system:authenticated"] }

const historyLimit = 1000

/** The objects of a seed. What is not one is a mistake in the test. */
const objectsOf = (seed: Seed): ReadonlyArray<JsonObject> => {
  if (typeof seed !== "string") {
    // JSON leaves out what is undefined, as it would on its way to a server.
    const object = JSON.parse(JSON.stringify(seed)) as Json
    return isJsonObject(object) ? [object] : []
  }
  return parseAllDocuments(seed).flatMap((document) => {
    // A document without tags of its own is made of what JSON has.
    const value = document.toJS({ maxAliasCount: 100 }) as Json
    if (!isJsonObject(value)) return []
    const { items } = value
    return Array.isArray(items) && String(value["kind"]).endsWith("List") ? items.filter(isJsonObject) : [value]
  })
}

/** Read once, for all clusters: nothing ever changes an object. */
let freshObjects: ReadonlyArray<JsonObject> | undefined

/** The state with the objects in it, and with the namespaces that they need. */
const seeded = (
  state: State,
  objects: ReadonlyArray<JsonObject>,
  now: string,
  uids: ReadonlyArray<string>
): Either.Either<State, string> => {
  let next = state
  const missing = new Set<string>()
  // What a definition defines may come before it.
  const isDefinition = (object: JsonObject): boolean => object["kind"] === "CustomResourceDefinition"
  const ordered = [...objects.filter(isDefinition), ...objects.filter((object) => !isDefinition(object))]
  for (const [index, object] of ordered.entries()) {
    const namespace = store.metadataOf(object)["namespace"]
    if (typeof namespace === "string" && namespace !== "") missing.add(namespace)
    const result = put(next, object, { uid: uids[index] ?? "", now })
    if (Either.isLeft(result)) return result
    next = settled(next, result.right, now)
  }
  for (const name of missing) {
    if (store.get(next.objects, { resource: "namespaces", namespace: "", name }) !== undefined) continue
    const made = put(
      next,
      { apiVersion: "v1", kind: "Namespace", metadata: { name } },
      // As many uids as objects were made, so this one is of no other object.
      { uid: uids[objects.length + [...missing].indexOf(name)] ?? "", now }
    )
    if (Either.isLeft(made)) return made
    next = made.right
  }
  return Either.right(next)
}

const listed = (value: string | ReadonlyArray<string> | undefined): ReadonlyArray<string> =>
  value === undefined ? [] : typeof value === "string" ? [value] : value

/** Who shows who they are is in this group, too. */
const withAuthenticated = (groups: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...new Set(groups.includes("system:unauthenticated") ? groups : [...groups, "system:authenticated"])
]

/** On whose behalf a request is made. */
const userOf = (headers: HttpRequest["headers"]): User => {
  const [username] = listed(headers["impersonate-user"])
  if (username === undefined) return administrator
  const groups = listed(headers["impersonate-group"])
  const [uid] = listed(headers["impersonate-uid"])
  const extra = Object.entries(headers).filter(([name]) => name.startsWith("impersonate-extra-"))
  return {
    username,
    groups: withAuthenticated(groups),
    ...(uid === undefined ? {} : { uid }),
    ...(extra.length === 0
      ? {}
      : {
          extra: Object.fromEntries(
            extra.map(([name, value]) => [decodeURIComponent(name.slice("impersonate-extra-".length)), listed(value)])
          )
        })
  }
}

/** A body in protobuf is not text: a character per byte keeps it. */
const bodyOf = ({ body, headers }: HttpRequest): Effect.Effect<string, HttpFailure> => {
  const [type] = listed(headers["content-type"])
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString(isProtobuf(type) ? "latin1" : "utf8")
  return body === undefined || typeof body === "string"
    ? Effect.succeed(body ?? "")
    : body instanceof Uint8Array
      ? Effect.succeed(text(body))
      : body.pipe(
          Stream.runCollect,
          Effect.map((pieces) => text(Buffer.concat([...pieces]))),
          Effect.mapError((cause) => failure("Unknown", "the stream of the request's body failed", cause))
        )
}

/** The body for who reads the record: of protobuf the object that it is. */
const readable = ({ body, headers }: ApiRequest): string =>
  isProtobuf(headers["content-type"])
    ? Either.match(decodeProtobuf(body), { onLeft: () => body, onRight: (object) => JSON.stringify(object) })
    : body

/** The server in the place of sockets. */
const httpOf = (
  handle: (request: ApiRequest) => Effect.Effect<ApiResponse>,
  upgrade: (request: ApiRequest, protocols: ReadonlyArray<string>) => Effect.Effect<HttpUpgrade, never, Scope.Scope>
): HttpService => {
  const read = (request: HttpRequest): Effect.Effect<ApiRequest, HttpFailure> =>
    Effect.map(bodyOf(request), (body) => {
      const [path = "", query = ""] = request.target.split("?", 2)
      return {
        method: request.method,
        path,
        query: new URLSearchParams(query),
        headers: joined(request.headers),
        body,
        user: userOf(request.headers)
      }
    })
  const call = (request: HttpRequest): Effect.Effect<ApiResponse, HttpFailure> => Effect.flatMap(read(request), handle)
  return {
    webSocket: (request, protocols) => Effect.flatMap(read(request), (asked) => upgrade(asked, protocols)),
    // The server answers at once; only a body may take its time.
    request: (request) =>
      Effect.flatMap(call(request), ({ body, headers, status }) =>
        typeof body === "string"
          ? Effect.succeed({ status, headers, text: body })
          : limited(
              Effect.map(Stream.mkString(body), (text) => ({ status, headers, text })),
              request.timeout
            )
      ),
    stream: (request) =>
      Effect.map(call(request), ({ body, headers, status }) => ({
        status,
        headers,
        body: Stream.encodeText(typeof body === "string" ? Stream.make(body) : body)
      }))
  }
}

/** A state as the tests hold it. */
interface Held {
  readonly state: State
}

// Only `snapshot` makes them, and it makes this.
const toSnapshot = (state: State): Snapshot => ({ state }) as unknown as Snapshot
const toState = (snapshot: Snapshot): State => (snapshot as unknown as Held).state

/** A state in the place of another: as new as the next change, and with nothing before it. */
const restored = (current: State, to: State): State => ({
  ...store.compact({ ...to, revision: current.revision + 1 }, current.revision + 1),
  historyLimit: current.historyLimit,
  admission: current.admission,
  tokens: current.tokens
})

const admission: ReadonlyArray<AdmissionName> = [
  "DefaultStorageClass",
  "DefaultTolerationSeconds",
  "LimitRanger",
  "Priority",
  "ResourceQuota",
  "ServiceAccount"
]

/** Whether a part of the cluster is on. */
const runs = (wanted: Choice<string> = true, name: string): boolean => {
  if (typeof wanted === "boolean") return wanted
  // The first word about it counts.
  const said = wanted.find((each) => each === name || each === `-${name}`)
  return said === undefined ? wanted.includes("*") : said === name
}

export const make = (options: Options) =>
  Effect.gen(function* () {
    const random = Random.make(options.seed ?? 0)
    const namespace = options.namespace ?? "default"
    const time = yield* server.now
    const uidsFor = (count: number) => Effect.replicateEffect(server.makeUid(random), count)

    const nodes = Array.from({ length: options.nodes ?? 0 }, (_, index) => Kubelet.node(index, time))
    freshObjects ??= fresh.flatMap(objectsOf)
    const named = freshObjects
      .filter(({ kind }) => kind === "Namespace")
      .map((each) => String(store.metadataOf(each)["name"]))
    const own = [
      ...freshObjects,
      // Their controllers would make them at once; this is faster.
      ...(runs(options.controllers, "serviceaccount") ? named.map(defaultAccount) : []),
      ...(runs(options.controllers, "root-ca-cert-publisher") ? named.map(authorities) : []),
      ...nodes
    ]
    const wanted = (options.objects ?? []).flatMap(objectsOf)
    const seeds = [...own, ...wanted]
    const initial = seeded(
      store.empty(
        options.historyLimit ?? historyLimit,
        new Set(admission.filter((name) => runs(options.admission, name)))
      ),
      seeds,
      time,
      // Each object may need a namespace too.
      yield* uidsFor(seeds.length * 2)
    )
    if (Either.isLeft(initial)) return yield* Effect.dieMessage(`TestCluster: ${initial.left}`)
    const cell = Cell.following(
      // What was there from the beginning has no history.
      yield* Cell.make(store.compact(initial.right, initial.right.revision)),
      Effect.map(server.now, (now) => (before, after) => settled(before, after, now))
    )
    const kubelet = yield* Kubelet.make(cell, options.containers ?? [])
    const { handle, streamed } = server.make(cell, random, kubelet)
    const running = [
      ...controllers.managers.map((controller) => ({ controller, user: "kube-controller-manager" })),
      ...controllers.schedulers.map((controller) => ({ controller, user: "kube-scheduler" })),
      kubelet.part
    ].filter(({ controller: { name } }) => runs(options.controllers, name))
    const driver = yield* Driver.make(cell, running, new PCGRandom(yield* random.nextInt))
    yield* driver.settled

    const recorded = yield* Ref.make<ReadonlyArray<Recorded>>([])
    const recording = (request: ApiRequest): Effect.Effect<ApiResponse> =>
      Effect.tap(handle(request), ({ status }) => {
        const { user: _user, ...rest } = request
        return Ref.update(recorded, (all) => [...all, { ...rest, body: readable(request), status }])
      })

    const kindOf = (state: State, { group, plural, version }: ResourceInfo): Kind | undefined =>
      kindsOf(state.objects).find(group, version, plural)
    const keyOf = (
      state: State,
      resource: ResourceInfo,
      ref: string | { readonly name: string; readonly namespace?: string | undefined }
    ): store.Key => ({
      resource: kindOf(state, resource)?.storage ?? storageOf(resource),
      namespace:
        resource.scope === "Cluster" ? "" : ((typeof ref === "string" ? undefined : ref.namespace) ?? namespace),
      name: typeof ref === "string" ? ref : ref.name
    })
    const view = (state: State, resource: ResourceInfo, object: JsonObject): JsonObject => {
      const kind = kindOf(state, resource)
      return kind === undefined ? object : shown(kind, object)
    }

    const upgrade = (request: ApiRequest, protocols: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const found = yield* streamed(request)
        const answer: HttpUpgrade = Either.isLeft(found)
          ? { ...found.left, text: typeof found.left.body === "string" ? found.left.body : "" }
          : yield* streams.connect(kubelet, found.right.pod, found.right.subresource, request.query, protocols)
        const { user: _user, ...rest } = request
        yield* Ref.update(recorded, (all) => [...all, { ...rest, status: answer.status }])
        return answer
      })
    /** Has the cluster know the tokens as long as the scope lasts. */
    const knowing = (tokens: ServeOptions["tokens"] = {}) => {
      const users = Object.entries(tokens).map(([token, { groups = [], username }]): [string, User] => [
        token,
        { username, groups: withAuthenticated(groups) }
      ])
      const edited = (edit: (known: Map<string, User>) => void) =>
        cell.modify((state): readonly [void, State] => {
          const known = new Map(state.tokens)
          edit(known)
          return [undefined, { ...state, tokens: known }]
        })
      return Effect.acquireRelease(
        edited((known) => users.forEach(([token, user]) => known.set(token, user))),
        () => edited((known) => users.forEach(([token]) => known.delete(token)))
      )
    }
    const faults = yield* Faults.make(httpOf(recording, upgrade))
    const compact = cell.modify((state) => [undefined, store.compact(state, state.revision)])
    const service: TestClusterService = {
      snapshot: Effect.map(cell.get, toSnapshot),
      restore: (snapshot) => cell.modify((current) => [undefined, restored(current, toState(snapshot))]),
      objects: (resource) =>
        Effect.map(cell.get, (state) =>
          store
            .list(state.objects, kindOf(state, resource)?.storage ?? storageOf(resource), undefined)
            .map(({ object }) => view(state, resource, object))
        ),
      get: (resource, ref) =>
        Effect.map(cell.get, (state) =>
          Option.map(Option.fromNullable(store.get(state.objects, keyOf(state, resource, ref))), (object) =>
            view(state, resource, object)
          )
        ),
      put: (...objects) =>
        Effect.gen(function* () {
          const all = objects.flatMap(objectsOf)
          const [now, uids] = [yield* server.now, yield* uidsFor(all.length * 2)]
          const problem = yield* cell.modify((state): readonly [string | undefined, State] =>
            Either.match(seeded(state, all, now, uids), {
              onLeft: (message) => [message, state],
              onRight: (next) => [undefined, next]
            })
          )
          if (problem !== undefined) yield* Effect.dieMessage(`TestCluster.put: ${problem}`)
        }),
      remove: (resource, ref) =>
        cell.modify((state) => {
          const key = keyOf(state, resource, ref)
          return store.get(state.objects, key) === undefined
            ? [undefined, state]
            : [undefined, store.write(state, key, undefined).state]
        }),
      settled: driver.settled,
      container: (which, script) => kubelet.add({ which, script }),
      requests: Ref.get(recorded),
      clearRequests: Ref.set(recorded, []),
      compact,
      inject: faults.inject,
      clearFaults: faults.clear,
      serve: (options = {}) =>
        knowing(options.tokens).pipe(
          // Node's servers are loaded with it.
          Effect.zipRight(Effect.promise(() => import("./serve.js"))),
          Effect.flatMap(({ serve }) => serve(faults.http, options))
        ),
      restart: ({ downtime, history = true } = {}) =>
        faults.down.pipe(
          Effect.zipRight(history ? Effect.void : compact),
          Effect.zipRight(downtime === undefined ? Effect.void : Effect.sleep(downtime)),
          Effect.ensuring(faults.up)
        )
    }

    const parts = Layer.mergeAll(
      Layer.succeed(Http, faults.http),
      options.auth ?? Auth.layerAnonymous,
      KubeConfig.layerValue({
        context: "test",
        namespace,
        cluster: {
          name: "test",
          server: "https://test-cluster",
          insecureSkipTlsVerify: false,
          disableCompression: true
        },
        user: { name: administrator.username, unsupported: [] }
      })
    )
    return { service, parts, http: faults.http, handle: recording, cell }
  })
