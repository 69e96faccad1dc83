/** From a kind's description to a value with its verbs. */
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { InvalidRequest, TimeoutError, type DecodeError, type KubeError } from "../KubeError.js"
import type { KubeClient } from "../layers/KubeClient.js"
import type { Request } from "../Request.js"
import type {
  AnyResource,
  ApplyOptions,
  DeleteCollectionOptions,
  DeleteOptions,
  GetOptions,
  List,
  ListOptions,
  PartialObjectMetadata,
  ProxyOptions,
  ResourceInfo,
  SingleWatchOptions,
  StreamOptions,
  TransformOption,
  WatchOptions,
  WriteOptions
} from "../Resource.js"
import type * as CoreV1 from "../resources/CoreV1.js"
import * as MetaV1 from "../resources/MetaV1.js"
import { TableSchema, type Table } from "../Table.js"
import { formatType } from "./check.js"
import type * as Copy from "./copy.js"
import { debug } from "./debug.js"
import { conditionsOf } from "./conditions.js"
import { codecOf, decodeError, run, type Codec } from "./decode.js"
import { apiVersionOf } from "./discovery.js"
import { isObject } from "./isObject.js"
import { withoutManagedFields } from "./lean.js"
import * as pod from "./pod.js"
import { open, toStream } from "./pull.js"
import type * as PortForward from "./portForward/listen.js"
import * as requests from "./requests.js"
import type { Start } from "./reconnect.js"
import { defaultBackoff, defaultIdle, reflect, type Source } from "./reflector.js"
import * as wait from "./wait.js"
import { events, frames, untrimmed } from "./watch.js"
import { withClient } from "./withClient.js"
import { limited } from "./fork.js"

/** What `make` needs to know of a kind: its discovery entry, and how to build its schema. */
export interface Description extends Omit<ResourceInfo, "apiVersion"> {
  readonly schema: () => Schema.Schema.AnyNoContext
  /** `create` is answered by a `Status`: the object is carried out, not stored. */
  readonly createsStatus?: boolean
  /** The schemas of the objects of other kinds that subresources take and show. */
  readonly answers?: { readonly [subresource: string]: () => Schema.Schema.AnyNoContext }
  /** How objects are read and written, where that is not by checking the schema in place. */
  readonly codec?: ObjectCodec
}

/** Between the parsed JSON of an object and what the program sees. */
export interface ObjectCodec {
  readonly decode: (
    value: unknown,
    request: Request,
    prefix: ReadonlyArray<PropertyKey>
  ) => Either.Either<unknown, DecodeError>
  readonly encode: (object: unknown) => Either.Either<requests.Body, InvalidRequest>
  /** What a merge patch or an apply holds: any part of an object. */
  readonly encodePartial: (part: unknown) => Either.Either<unknown, InvalidRequest>
}

/** How the objects of a watch are asked for and read. */
interface Shown {
  readonly form: requests.Form
  readonly listForm: requests.Form
  readonly read: (object: unknown, request: Request) => Either.Either<unknown, DecodeError>
}

/** Builds a request, sends it and reads the answer. */
const call = <A>(
  build: (env: requests.Environment) => requests.Built,
  read: (answer: unknown, request: Request) => Either.Either<A, DecodeError>
): Effect.Effect<A, KubeError, KubeClient> =>
  withClient((client, env) => {
    const built = build(env)
    if (Either.isLeft(built)) return Effect.fail(built.left)
    const request = built.right
    return Effect.flatMap(client.json(request), (answer) => read(answer, request))
  })

export interface Envelope {
  readonly kind?: unknown
  readonly apiVersion?: unknown
  readonly metadata?: unknown
}

/** Whether an answer says that it is an object of this kind. */
const checkKind = (
  value: unknown,
  apiVersion: string,
  kind: string,
  request: Request,
  prefix: ReadonlyArray<PropertyKey> = []
): Either.Either<Record<string, unknown>, DecodeError> => {
  const at = prefix.length === 0 ? "" : `${String(prefix[0])}[${String(prefix[1])}]`
  if (!isObject(value)) {
    return Either.left(decodeError(request, { at, problem: `expected a ${kind}, got ${formatType(value)}` }))
  }
  const { apiVersion: version, kind: found }: Envelope = value
  return found === kind && version === apiVersion
    ? Either.right(value)
    : Either.left(
        decodeError(request, {
          at,
          problem: `expected a ${kind} of ${apiVersion}, got ${
            found === undefined ? "an object without a kind" : `a ${String(found)} of ${String(version)}`
          }`
        })
      )
}

/** Codec of a kind whose Type is its JSON. */
export const inPlace = (apiVersion: string, kind: string, schema: () => Schema.Schema.AnyNoContext): ObjectCodec => {
  let codec: Codec<unknown> | undefined
  return {
    decode: (value, request, prefix) => run((codec ??= codecOf(schema())), request, value, prefix),
    encode: (object) =>
      isObject(object)
        ? // `apiVersion` and `kind` are always sent; the object's own stand where they are.
          Either.right<requests.Body>({ apiVersion, kind, ...object } as requests.Body)
        : Either.left(new InvalidRequest({ message: `expected a ${kind} to send, got ${formatType(object)}` })),
    encodePartial: Either.right
  }
}

const parseAnswer = (text: string, request: Request): Either.Either<unknown, DecodeError> =>
  Either.try({
    try: (): unknown => JSON.parse(text),
    // The engine's own error quotes the text, which may be a secret's.
    catch: () =>
      decodeError(request, { at: "", problem: `the JSON ends early or is damaged, after ${text.length} characters` })
  })

/** A list as it came, its items not looked at. */
const readPage = (value: unknown, request: Request): Either.Either<List<unknown>, DecodeError> => {
  const fail = (problem: string, at = "") => Either.left(decodeError(request, { at, problem }))
  if (!isObject(value)) return fail(`expected a list, got ${formatType(value)}`)
  if (value["items"] === undefined) return fail(`expected a list, got a ${String(value["kind"] ?? "nameless object")}`)
  // Go writes an empty slice as null.
  const items: unknown = value["items"] ?? []
  if (!Array.isArray(items)) return fail(`expected an array, got ${formatType(items)}`, "items")
  const metadata: unknown = value["metadata"] ?? {}
  if (!isObject(metadata)) return fail(`expected an object, got ${formatType(metadata)}`, "metadata")
  const next = metadata["continue"]
  const remaining = metadata["remainingItemCount"]
  return Either.right({
    items,
    resourceVersion: typeof metadata["resourceVersion"] === "string" ? metadata["resourceVersion"] : "",
    ...(typeof next === "string" && next !== "" ? { continue: next } : {}),
    ...(typeof remaining === "number" ? { remainingItemCount: remaining } : {})
  })
}

/** `{ items, metadata }` as a list; `item` reads one. */
const readList = <A>(
  value: unknown,
  request: Request,
  item: (value: unknown, prefix: ReadonlyArray<PropertyKey>) => Either.Either<A, DecodeError>
): Either.Either<List<A>, DecodeError> =>
  Either.flatMap(readPage(value, request), (page) => {
    // The parsed answer is nobody else's: its items are replaced in place, which saves a copy.
    const items = page.items as Array<A>
    for (let index = 0; index < items.length; index++) {
      const read = item(items[index], ["items", index])
      if (Either.isLeft(read)) return Either.left(read.left)
      items[index] = read.right
    }
    return Either.right({ ...page, items })
  })

let tableCodec: Codec<Table> | undefined
const readTable = (value: unknown, request: Request): Either.Either<Table, DecodeError> =>
  Either.flatMap(checkKind(value, "meta.k8s.io/v1", "Table", request), () =>
    run((tableCodec ??= codecOf(TableSchema())), request, value)
  )

let metadataCodec: Codec<unknown> | undefined
export const readObjectMeta = (value: unknown, request: Request, prefix: ReadonlyArray<PropertyKey>) =>
  run((metadataCodec ??= codecOf(MetaV1.schema("ObjectMeta"))), request, value, [...prefix, "metadata"])

const partialObjectMetadata: requests.Kind = { apiVersion: "meta.k8s.io/v1", kind: "PartialObjectMetadata" }

/** Items of a list carry no `apiVersion` and `kind` of their own. */
const nameKind = (value: unknown, { apiVersion, kind }: requests.Kind): void => {
  if (isObject(value) && value["kind"] === undefined) {
    value["apiVersion"] = apiVersion
    value["kind"] = kind
  }
}

const readMetadata = (
  value: unknown,
  request: Request,
  prefix: ReadonlyArray<PropertyKey> = []
): Either.Either<PartialObjectMetadata, DecodeError> => {
  const { apiVersion, kind } = partialObjectMetadata
  if (prefix.length > 0) nameKind(value, partialObjectMetadata)
  return Either.flatMap(checkKind(value, apiVersion, kind, request, prefix), (object) =>
    Either.map(
      readObjectMeta(object["metadata"], request, prefix),
      // What was asked for, and its metadata has been checked.
      () => object as unknown as PartialObjectMetadata
    )
  )
}

let statusCodec: Codec<unknown> | undefined
const readStatus = (value: unknown, request: Request): Either.Either<MetaV1.StoredStatus, DecodeError> =>
  Either.flatMap(checkKind(value, "v1", "Status", request), () =>
    Either.map(
      run((statusCodec ??= codecOf(MetaV1.schema("Status"))), request, value),
      (status) => status as MetaV1.StoredStatus
    )
  )

const isStatus = (value: unknown): boolean => isObject(value) && value["kind"] === "Status"

/** 0 to 50 ms before another try of `modify`, longer when it goes on: its rivals are to get a chance to finish. */
const conflictDelay = Schedule.exponential("10 millis", 1.5).pipe(
  Schedule.either(Schedule.spaced("500 millis")),
  Schedule.jitteredWith({ min: 0, max: 2 })
)

type Any<O> = O & { readonly namespace?: string | undefined; readonly allNamespaces?: boolean | undefined }

/** The verbs of a kind, or of the object that a subresource shows. */
const objectVerbs = (
  resource: ResourceInfo,
  codec: ObjectCodec,
  subresource?: string,
  shown: requests.Kind = resource
) => {
  const { apiVersion, kind } = shown

  const readObject = (value: unknown, request: Request) =>
    Either.flatMap(checkKind(value, apiVersion, kind, request), () => codec.decode(value, request, []))

  const get = (ref: requests.AnyRef, options: Any<GetOptions> = {}) =>
    call((env) => requests.get(resource, env, ref, options, "object", subresource), readObject)

  const replace = (object: unknown, options: Any<WriteOptions> = {}) =>
    call(
      (env) =>
        Either.flatMap(codec.encode(object), (body) => requests.replace(resource, env, body, options, subresource)),
      readObject
    )

  const patch = (ref: requests.AnyRef, patch: Parameters<typeof requests.patch>[3], options: Any<ApplyOptions> = {}) =>
    call(
      (env) =>
        // The operations of a JSON patch name fields as they stand on the wire.
        patch._tag === "Json"
          ? requests.patch(resource, env, ref, patch, options, subresource)
          : Either.flatMap(codec.encodePartial(patch.body), (body) =>
              requests.patch(resource, env, ref, { _tag: patch._tag, body }, options, subresource, shown)
            ),
      readObject
    )

  const apply = (object: unknown, options: Any<ApplyOptions> = {}) => {
    const { metadata }: requests.Body = isObject(object) ? object : {}
    const ref = { name: metadata?.name ?? "", namespace: metadata?.namespace }
    return patch(ref, { _tag: "Apply", body: object }, options)
  }

  const modify = <E, R>(
    ref: requests.AnyRef,
    f: (object: unknown) => unknown,
    options: Any<WriteOptions> = {}
  ): Effect.Effect<unknown, KubeError | E, KubeClient | R> => {
    const { dryRun, fieldManager, fieldValidation, ...where } = options
    const once = Effect.flatMap(get(ref, where), (found) =>
      Effect.flatMap(effectOf<E, R>(f(found)), (changed) =>
        changed === found
          ? Effect.succeed(found)
          : replace(unlessChanged(changed, found), { ...where, dryRun, fieldManager, fieldValidation })
      )
    )
    return withClient((client, env) => {
      const wanted = options.timeout ?? env.timeout ?? client.timeout
      const whole = Effect.retry(once, { schedule: conflictDelay, while: isConflict })
      if (wanted === "infinity") return whole
      const timeout = Duration.decode(wanted)
      const reads = requests.get(resource, env, ref, where, "object", subresource)
      if (Either.isLeft(reads)) return Effect.fail(reads.left)
      const { about, path } = reads.right
      return limited(whole, {
        duration: timeout,
        onTimeout: () => new TimeoutError({ timeout, method: "PUT", path, ...about, verb: "modify" })
      })
    })
  }

  return { readObject, get, replace, patch, apply, modify }
}

const asMetadata: Shown = {
  form: "metadata",
  listForm: "metadataList",
  read: (object, request) => {
    nameKind(object, partialObjectMetadata)
    return readMetadata(object, request)
  }
}

const isConflict = (error: unknown): boolean => isObject(error) && error["_tag"] === "Conflict"

/** The object with the resource version that was read, where a new object was built without one. */
const unlessChanged = (changed: unknown, found: unknown): unknown => {
  const metadata = isObject(changed) ? changed["metadata"] : undefined
  const read = isObject(found) ? found["metadata"] : undefined
  return isObject(changed) && isObject(metadata) && isObject(read) && metadata["resourceVersion"] === undefined
    ? { ...changed, metadata: { ...metadata, resourceVersion: read["resourceVersion"] } }
    : changed
}

/** What a callback returned, which may be an effect. */
const effectOf = <E, R>(value: unknown): Effect.Effect<unknown, E, R> =>
  // The public type of `modify` says which effects the callback may return.
  Effect.isEffect(value) ? (value as Effect.Effect<unknown, E, R>) : Effect.succeed(value)

/** The answer says that there is no such object; a 404 without a reason says that there is no such kind. */
const isMissing = (error: KubeError): boolean => error._tag === "NotFound" && error.status.reason === "NotFound"

/** A kind with the verbs and subresources that its description lists. */
export const make = (description: Description): AnyResource => {
  const { answers = {}, codec: given, createsStatus = false, schema, ...names } = description
  const resource: ResourceInfo = { ...names, apiVersion: apiVersionOf(names.group, names.version) }
  const { apiVersion, kind } = resource
  const codec = given ?? inPlace(apiVersion, kind, schema)
  const has = (verb: string) => resource.verbs.includes(verb)
  const { apply, get, modify, patch, readObject, replace } = objectVerbs(resource, codec)

  const readItem = (value: unknown, request: Request, prefix: ReadonlyArray<PropertyKey>) => {
    nameKind(value, resource)
    return Either.flatMap(checkKind(value, apiVersion, kind, request, prefix), () =>
      codec.decode(value, request, prefix)
    )
  }
  const readObjects = (value: unknown, request: Request) =>
    readList(value, request, (item, prefix) => readItem(item, request, prefix))

  const list = (options: Any<ListOptions> = {}) => call((env) => requests.list(resource, env, options), readObjects)

  const stream = (options: Any<StreamOptions> = {}) => {
    const { limit = 500, resourceVersion, resourceVersionMatch, ...rest } = options
    const page = (next: string | undefined, first: boolean): Effect.Effect<List<unknown>, KubeError, KubeClient> =>
      list(
        first
          ? { ...rest, limit, resourceVersion, resourceVersionMatch }
          : // The token knows the resource version; the server refuses both together.
            { ...rest, limit, continue: next }
      )
    return Stream.paginateChunkEffect({ next: undefined as string | undefined, first: true }, ({ first, next }) =>
      page(next, first).pipe(
        Effect.catchTag("Expired", (error) => {
          const fresh = error.status.metadata?.continue
          // With the error comes a token that goes on after the last object, in the state of now.
          return !first && fresh !== undefined && fresh !== "" ? page(fresh, false) : Effect.fail(error)
        }),
        Effect.map((answer) => [
          Chunk.unsafeFromArray(answer.items),
          answer.continue === undefined ? Option.none() : Option.some({ next: answer.continue, first: false })
        ])
      )
    )
  }

  const asObject: Shown = {
    form: "object",
    listForm: "object",
    read: (object, request) => readItem(object, request, [])
  }

  const watchOnce = (options: Any<SingleWatchOptions>, { form, read }: Shown) =>
    toStream(
      withClient((client, env) =>
        Effect.flatMap(requests.watch(resource, env, options, form), (request) =>
          open(events(frames(client.stream(request), request), (object) => read(object, request)))
        )
      )
    )

  /** The field may have another meaning elsewhere in a custom kind, so there it is left out after parsing. */
  const isBuiltIn = given === undefined
  const clean = (object: unknown) => {
    const metadata = isObject(object) ? object["metadata"] : undefined
    if (isObject(metadata)) delete metadata["managedFields"]
    return object
  }

  const watchOn = (options: Any<WatchOptions & TransformOption<unknown>>, { form, listForm, read }: Shown) => {
    const { backoff = defaultBackoff, decodeFailures = "skip", idle = defaultIdle, limit = 500, ...more } = options
    const {
      managedFields = false,
      resourceVersion,
      sendInitialEvents = false,
      timeoutSeconds,
      transform,
      ...rest
    } = more
    const trim = managedFields || !isBuiltIn ? untrimmed : withoutManagedFields
    return toStream(
      withClient((client, env) =>
        Effect.gen(function* () {
          const once = { ...(yield* requests.watch(resource, env, rest, form)), retry: false }
          const page = (next: string | undefined, paged: boolean) =>
            Effect.flatMap(
              requests.list(resource, env, { ...rest, continue: next, limit: paged ? limit : undefined }, listForm),
              (request) =>
                Effect.flatMap(client.text({ ...request, retry: false }), (text) =>
                  Either.flatMap(parseAnswer(trim(text), request), (answer) => readPage(answer, request))
                )
            )
          const source: Source<unknown> = {
            resource: resource.plural,
            path: once.path,
            server: client.server,
            list: (command) => page(command.continue, command.paged),
            watch: ({ initial, resourceVersion }) =>
              toStream(
                Effect.gen(function* () {
                  const seconds = timeoutSeconds ?? (yield* Random.nextIntBetween(300, 600))
                  const request = yield* requests.watch(
                    resource,
                    env,
                    { ...rest, resourceVersion, sendInitialEvents: initial, timeoutSeconds: seconds },
                    form
                  )
                  return yield* open(frames(client.stream({ ...request, retry: false }), request, trim))
                })
              ),
            read: (object) => {
              const decoded = read(managedFields || isBuiltIn ? object : clean(object), once)
              // The public type of `watch` says that `transform` takes what this kind decodes to.
              return transform === undefined ? decoded : Either.map(decoded, transform as (object: unknown) => unknown)
            },
            // What a transform leaves may be much less than the text.
            keepsObjects: transform !== undefined
          }
          const start: Start =
            resourceVersion !== undefined
              ? { _tag: "After", resourceVersion }
              : sendInitialEvents
                ? { _tag: "InitialEvents" }
                : { _tag: "List" }
          return yield* open(reflect(source, { start, backoff, idle, decodeFailures }))
        })
      )
    )
  }

  const watchAs =
    (shown: Shown) =>
    (options: Any<WatchOptions & TransformOption<unknown>> | Any<SingleWatchOptions> = {}) =>
      options.resume === false ? watchOnce(options, shown) : watchOn(options, shown)

  const watch = watchAs(asObject)

  const changed =
    (path: "labels" | "annotations") =>
    (ref: requests.AnyRef, values: { readonly [key: string]: string | null }, options: Any<WriteOptions> = {}) =>
      patch(ref, { _tag: "Merge", body: { metadata: { [path]: values } } }, options)

  const verbs: Record<string, unknown> = {
    ...(has("get") && {
      get,
      getOption: (ref: requests.AnyRef, options?: Any<GetOptions>) =>
        get(ref, options).pipe(
          Effect.map(Option.some),
          Effect.catchIf(isMissing, () => Effect.succeed(Option.none()))
        ),
      exists: (ref: requests.AnyRef, options: Any<GetOptions> = {}) =>
        call((env) => requests.get(resource, env, ref, options, "metadata"), readMetadata).pipe(
          Effect.as(true),
          Effect.catchIf(isMissing, () => Effect.succeed(false))
        ),
      getMetadata: (ref: requests.AnyRef, options: Any<GetOptions> = {}) =>
        call((env) => requests.get(resource, env, ref, options, "metadata"), readMetadata),
      getTable: (ref: requests.AnyRef, options: Any<GetOptions> = {}) =>
        call((env) => requests.get(resource, env, ref, options, "table"), readTable)
    }),
    ...(has("list") && {
      list,
      stream,
      listMetadata: (options: Any<ListOptions> = {}) =>
        call(
          (env) => requests.list(resource, env, options, "metadataList"),
          (value, request) => readList(value, request, (item, prefix) => readMetadata(item, request, prefix))
        ),
      listTable: (options: Any<ListOptions> = {}) =>
        call((env) => requests.list(resource, env, options, "table"), readTable)
    }),
    ...(has("watch") && {
      watch,
      watchMetadata: watchAs(asMetadata),
      // Without `decodeFailures: "event"`, every event is one of an object.
      ...wait.make({ resource, watch: watch as Parameters<typeof wait.make>[0]["watch"] })
    }),
    ...(has("create") && {
      create: (object: unknown, options: Any<WriteOptions> = {}) =>
        call(
          (env) => Either.flatMap(codec.encode(object), (body) => requests.create(resource, env, body, options)),
          createsStatus ? readStatus : readObject
        )
    }),
    ...(has("update") && { replace }),
    ...(has("update") && has("get") && { modify }),
    ...(has("patch") && { patch, apply, label: changed("labels"), annotate: changed("annotations") }),
    ...(has("delete") && {
      delete: (ref: requests.AnyRef, options: Any<DeleteOptions> = {}) =>
        call<unknown>(
          (env) => requests.delete_(resource, env, ref, options),
          (value, request) => (isStatus(value) ? readStatus(value, request) : readObject(value, request))
        )
    }),
    ...(has("deletecollection") && {
      deleteCollection: (options: Any<DeleteCollectionOptions> = {}) =>
        call<unknown>(
          (env) => requests.deleteCollection(resource, env, options),
          (value, request) => (isStatus(value) ? readStatus(value, request) : readObjects(value, request))
        )
    })
  }
  const conditions = isBuiltIn ? conditionsOf(resource.group, kind) : {}
  for (const name in resource.subresources) {
    const subresource = subresources[name]
    if (subresource !== undefined) Object.assign(verbs, subresource(resource, codec, answers[name] ?? schema))
  }
  return Object.defineProperty({ ...resource, ...verbs, ...conditions }, "schema", {
    get: schema,
    enumerable: true
  }) as AnyResource
}

/** `answer` is the schema of the object that the subresource takes and shows, where that is not the kind itself. */
type Subresource = (
  resource: ResourceInfo,
  codec: ObjectCodec,
  answer: () => Schema.Schema.AnyNoContext
) => Record<string, unknown>

/** `get`, `replace`, `patch`, `apply` and `modify` of a subresource that shows the whole object. */
const ofObject =
  (name: string, subresource: string): Subresource =>
  (resource, codec) => {
    const { apply, get, modify, patch, replace } = objectVerbs(resource, codec, subresource)
    return { [name]: { apply, get, modify, patch, replace } }
  }

/** What each subresource adds to a kind. */
const subresources: { readonly [name: string]: Subresource } = {
  status: ofObject("status", "status"),
  approval: ofObject("approval", "approval"),
  ephemeralcontainers: (resource, codec, answer) => ({
    ...ofObject("ephemeralContainers", "ephemeralcontainers")(resource, codec, answer),
    debug: debug(resource)
  }),
  resize: ofObject("resize", "resize"),
  finalize: (resource, codec) => ({ finalize: objectVerbs(resource, codec, "finalize").replace }),
  scale: (resource, _, answer) => {
    const shown = { apiVersion: "autoscaling/v1", kind: "Scale" }
    const codec = inPlace(shown.apiVersion, shown.kind, answer)
    const { get, patch, replace } = objectVerbs(resource, codec, "scale", shown)
    const scale = (ref: requests.AnyRef, replicas: number, options?: Any<WriteOptions>) =>
      patch(ref, { _tag: "Merge", body: { spec: { replicas } } }, options)
    return { scale: Object.assign(scale, { get, patch, replace }) }
  },
  log: (resource) => ({ logs: pod.logs(resource), logBytes: pod.logBytes(resource) }),
  exec: (resource) => {
    // Loaded when it is first needed, and the tar format with it.
    const copy = Effect.promise(() => import("./copy.js"))
    return {
      exec: pod.exec(resource),
      execStream: pod.execStream(resource),
      copyTo: (...args: Parameters<ReturnType<typeof Copy.copyTo>>) =>
        Effect.flatMap(copy, ({ copyTo }) => copyTo(resource)(...args)),
      copyFrom: (...args: Parameters<ReturnType<typeof Copy.copyFrom>>) =>
        Effect.flatMap(copy, ({ copyFrom }) => copyFrom(resource)(...args))
    }
  },
  attach: (resource) => ({ attach: pod.attach(resource) }),
  portforward: () => ({
    // It needs the kind `Pod`, which is made here: loaded at once, each would wait for the other.
    portForward: (...args: Parameters<typeof PortForward.portForward>) =>
      Effect.flatMap(
        Effect.promise(() => import("./portForward/listen.js")),
        ({ portForward }) => portForward(...args)
      )
  }),
  proxy: (resource) => ({
    proxy: (ref: requests.AnyRef, options: Any<ProxyOptions> = {}) =>
      withClient((client, env) =>
        Effect.flatMap(requests.proxy(resource, env, ref, options), (request) =>
          // Loaded when it is first needed: most programs do without the platform's client, and start faster.
          Effect.map(
            Effect.promise(() => import("./proxy.js")),
            ({ make }) => make(client, env, request)
          )
        )
      )
  }),
  eviction: (resource) => ({
    evict: (ref: requests.AnyRef, options: Any<DeleteOptions> = {}) =>
      call((env) => requests.evict(resource, env, ref, options), readStatus)
  }),
  binding: (resource) => ({
    bind: (ref: requests.AnyRef, target: CoreV1.ObjectReference, options: Any<WriteOptions> = {}) =>
      call(
        (env) =>
          requests.createSubresource(
            resource,
            env,
            "binding",
            ref,
            ({ name, namespace }) => ({ apiVersion: "v1", kind: "Binding", metadata: { name, namespace }, target }),
            options
          ),
        readStatus
      )
  }),
  token: (resource, _, answer) => {
    const codec = inPlace("authentication.k8s.io/v1", "TokenRequest", answer)
    return {
      createToken: (ref: requests.AnyRef, spec: unknown = {}, options: Any<WriteOptions> = {}) =>
        call(
          (env) =>
            requests.createSubresource(
              resource,
              env,
              "token",
              ref,
              () => ({ apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec }),
              options
            ),
          (value, request) =>
            Either.flatMap(checkKind(value, "authentication.k8s.io/v1", "TokenRequest", request), () =>
              codec.decode(value, request, [])
            )
        )
    }
  }
}
