/**
 * The requests of the verbs, as data: pure, so that what is sent can be read, tested and compared with the server's
 * OpenAPI documents.
 */
import * as Either from "effect/Either"
import { InvalidRequest } from "../KubeError.js"
import type { DefaultsService } from "../layers/KubeClient.js"
import type { Patch } from "../Patch.js"
import type { Request } from "../Request.js"
import type {
  ApplyOptions,
  CallOptions,
  DeleteCollectionOptions,
  DeleteOptions,
  GetOptions,
  ListOptions,
  LogOptions,
  ProxyOptions,
  ResourceInfo,
  SelectorOptions,
  SingleWatchOptions,
  WriteOptions
} from "../Resource.js"
import { formatFields, formatLabels } from "../Selector.js"

/** A request, or why there is none. */
export type Built = Either.Either<Request, InvalidRequest>

/** What a request is made with, besides its own options. */
export interface Environment extends DefaultsService {
  /** The namespace of the kubeconfig's context. */
  readonly contextNamespace: string
}

/** A name, a name and namespace, or an object: the union of the refs of both scopes. */
export type AnyRef =
  | string
  | { readonly name: string; readonly namespace?: string | undefined }
  | { readonly metadata: { readonly name: string; readonly namespace?: string | undefined } }

/** What an object says that it is; a subresource may show another kind than its resource's. */
export interface Kind {
  readonly apiVersion: string
  readonly kind: string
}

interface InNamespace {
  readonly namespace?: string | undefined
}

interface InNamespaces extends InNamespace {
  readonly allNamespaces?: boolean | undefined
}

/** An object on its way to the server, as far as building its request needs to know it. */
export interface Body {
  readonly metadata?: { readonly name?: string | undefined; readonly namespace?: string | undefined } | undefined
}

type Query = Array<readonly [name: string, value: string]>

const invalid = (message: string) => Either.left(new InvalidRequest({ message }))

/**
 * A name that is one segment of a path, whatever it holds. `.` and `..` would be resolved by URL parsers, and the API
 * server knows no name with a slash or a percent sign.
 */
const segment = (what: string, value: unknown): Either.Either<string, InvalidRequest> => {
  if (typeof value !== "string" || value === "") return invalid(`${what} may not be empty`)
  if (value === "." || value === ".." || value.includes("/") || value.includes("%")) {
    return invalid(`${what} ${JSON.stringify(value)}: "." and ".." and what has "/" or "%" in it name no object`)
  }
  return value.isWellFormed()
    ? Either.right(encodeURIComponent(value))
    : invalid(`${what} ${JSON.stringify(value)} holds half a character`)
}

/** What the path of a collection begins and ends with; between them stands its namespace. */
interface Around {
  readonly api: string
  readonly plural: string
}

const aroundOf = ({ group, kind, plural, version }: ResourceInfo): Either.Either<Around, InvalidRequest> =>
  Either.gen(function* () {
    // Those of a kind that a program has found at run time are as little to be trusted as a name.
    const api = group === "" ? "/api" : `/apis/${yield* segment(`the group of a ${kind}`, group)}`
    const at = yield* segment(`the version of a ${kind}`, version)
    return { api: `${api}/${at}`, plural: yield* segment(`the plural name of a ${kind}`, plural) }
  })

/** Every request needs it, and it is the same for all of a kind. */
const around = new WeakMap<ResourceInfo, Either.Either<Around, InvalidRequest>>()

const collectionPath = (
  resource: ResourceInfo,
  namespace: string | undefined
): Either.Either<string, InvalidRequest> => {
  const inNamespace =
    namespace === undefined
      ? Either.right("")
      : Either.map(segment("a namespace", namespace), (encoded) => `/namespaces/${encoded}`)
  return Either.flatMap(inNamespace, (between) => {
    const known = around.get(resource) ?? aroundOf(resource)
    around.set(resource, known)
    return Either.map(known, ({ api, plural }) => `${api}${between}/${plural}`)
  })
}

interface Target {
  readonly name: string
  readonly namespace: string | undefined
  readonly path: string
}

/** The namespace of a call on one object: what the object says, what the call says, what the region says. */
const namespaceOf = (
  resource: ResourceInfo,
  env: Environment,
  own: string | undefined,
  options: InNamespace
): Either.Either<string | undefined, InvalidRequest> => {
  if (resource.scope === "Cluster") return Either.right(undefined)
  if (own !== undefined && options.namespace !== undefined && own !== options.namespace) {
    return invalid(
      `the namespace of the object, "${own}", does not match the namespace option, "${options.namespace}"; leave one out`
    )
  }
  return Either.right(own ?? options.namespace ?? env.namespace ?? env.contextNamespace)
}

const targetOf = (
  resource: ResourceInfo,
  env: Environment,
  ref: AnyRef,
  options: InNamespace,
  subresource?: string
): Either.Either<Target, InvalidRequest> => {
  const { name, namespace: own }: { readonly name: string; readonly namespace?: string | undefined } =
    typeof ref === "string" ? { name: ref } : "metadata" in ref ? ref.metadata : ref
  return Either.flatMap(namespaceOf(resource, env, own, options), (namespace) =>
    Either.flatMap(collectionPath(resource, namespace), (path) =>
      Either.map(segment(`the name of a ${resource.kind}`, name), (encoded) => ({
        name,
        namespace,
        path: `${path}/${encoded}${subresource === undefined ? "" : `/${subresource}`}`
      }))
    )
  )
}

const collectionNamespace = (
  resource: ResourceInfo,
  env: Environment,
  options: InNamespaces
): Either.Either<string | undefined, InvalidRequest> => {
  if (resource.scope === "Cluster") return Either.right(undefined)
  if (options.allNamespaces !== true) return Either.right(options.namespace ?? env.namespace ?? env.contextNamespace)
  return options.namespace === undefined
    ? Either.right(undefined)
    : invalid(`allNamespaces and namespace "${options.namespace}" exclude each other; leave one out`)
}

const put = (query: Query, name: string, value: string | number | boolean | undefined): void => {
  if (value !== undefined) query.push([name, String(value)])
}

const putSelectors = (query: Query, options: SelectorOptions): Either.Either<void, InvalidRequest> => {
  const labels = options.labels === undefined ? Either.right("") : formatLabels(options.labels)
  return Either.map(labels, (text) => {
    if (text !== "") query.push(["labelSelector", text])
    const fields = options.fields === undefined ? "" : formatFields(options.fields)
    if (fields !== "") query.push(["fieldSelector", fields])
  })
}

const putList = (query: Query, options: Omit<ListOptions, "timeout">): void => {
  put(query, "limit", options.limit)
  put(query, "continue", options.continue)
  put(query, "resourceVersion", options.resourceVersion)
  put(query, "resourceVersionMatch", options.resourceVersionMatch)
  put(query, "timeoutSeconds", options.timeoutSeconds)
}

const writeQuery = (env: Environment, options: WriteOptions): Query => {
  const query: Query = []
  if (options.dryRun ?? env.dryRun ?? false) query.push(["dryRun", "All"])
  put(query, "fieldManager", options.fieldManager ?? env.fieldManager)
  put(query, "fieldValidation", options.fieldValidation)
  return query
}

/** What the answer is to look like. */
export type Form = "object" | "metadata" | "metadataList" | "table"

const accept: { readonly [F in Form]: string } = {
  object: "application/json",
  metadata: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
  metadataList: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
  table: "application/json;as=Table;g=meta.k8s.io;v=v1"
}

const headersOf: { readonly [F in Form]: { readonly accept: string } } = {
  object: { accept: accept.object },
  metadata: { accept: accept.metadata },
  metadataList: { accept: accept.metadataList },
  table: { accept: accept.table }
}

const jsonHeaders = { accept: accept.object, "content-type": "application/json" }

const finish = (
  resource: ResourceInfo,
  verb: string,
  method: Request["method"],
  at: { readonly path: string; readonly name?: string | undefined; readonly namespace?: string | undefined },
  query: Query,
  headers: { readonly [name: string]: string },
  options: CallOptions,
  body?: unknown,
  subresource?: string
): Request => ({
  method,
  path: at.path,
  query,
  headers,
  body,
  timeout: options.timeout,
  about: {
    verb,
    kind: resource.kind,
    resource: subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`,
    namespace: at.namespace,
    name: at.name
  }
})

/** `GET` of one object. */
export const get = (
  resource: ResourceInfo,
  env: Environment,
  ref: AnyRef,
  options: GetOptions & InNamespace,
  form: Form = "object",
  subresource?: string
): Built =>
  Either.map(targetOf(resource, env, ref, options, subresource), (target) => {
    const query: Query = []
    put(query, "resourceVersion", options.resourceVersion)
    return finish(resource, "get", "GET", target, query, headersOf[form], options, undefined, subresource)
  })

/** `GET` of a collection. */
export const list = (
  resource: ResourceInfo,
  env: Environment,
  options: ListOptions & InNamespaces,
  form: Form = "object"
): Built =>
  Either.gen(function* () {
    const namespace = yield* collectionNamespace(resource, env, options)
    const path = yield* collectionPath(resource, namespace)
    const query: Query = []
    yield* putSelectors(query, options)
    putList(query, options)
    return finish(resource, "list", "GET", { path, namespace }, query, headersOf[form], options)
  })

/** `GET` of a collection's changes. */
export const watch = (
  resource: ResourceInfo,
  env: Environment,
  options: Omit<SingleWatchOptions, "resume"> & InNamespaces,
  form: Form = "object"
): Built =>
  Either.gen(function* () {
    const namespace = yield* collectionNamespace(resource, env, options)
    const path = yield* collectionPath(resource, namespace)
    const query: Query = [["watch", "true"]]
    yield* putSelectors(query, options)
    const initial = options.sendInitialEvents ?? false
    if (initial && options.allowWatchBookmarks === false) {
      return yield* invalid("sendInitialEvents ends with a bookmark; leave allowWatchBookmarks out")
    }
    put(query, "resourceVersion", options.resourceVersion)
    if (initial) query.push(["sendInitialEvents", "true"], ["resourceVersionMatch", "NotOlderThan"])
    if (options.allowWatchBookmarks ?? true) query.push(["allowWatchBookmarks", "true"])
    put(query, "timeoutSeconds", options.timeoutSeconds)
    return finish(resource, "watch", "GET", { path, namespace }, query, headersOf[form], options)
  })

/** `POST` to a collection. */
export const create = (
  resource: ResourceInfo,
  env: Environment,
  object: Body,
  options: WriteOptions & InNamespace
): Built =>
  Either.gen(function* () {
    const namespace = yield* namespaceOf(resource, env, object.metadata?.namespace, options)
    const path = yield* collectionPath(resource, namespace)
    const name = object.metadata?.name
    const at = { path, namespace, name }
    return finish(resource, "create", "POST", at, writeQuery(env, options), jsonHeaders, options, object)
  })

/** `PUT` of one object or of a subresource of it. */
export const replace = (
  resource: ResourceInfo,
  env: Environment,
  object: Body,
  options: WriteOptions & InNamespace,
  subresource?: string
): Built =>
  Either.map(
    targetOf(
      resource,
      env,
      { name: object.metadata?.name ?? "", namespace: object.metadata?.namespace },
      options,
      subresource
    ),
    (target) =>
      finish(resource, "update", "PUT", target, writeQuery(env, options), jsonHeaders, options, object, subresource)
  )

/** The field manager of an apply when nobody names one; the server demands one. */
export const defaultFieldManager = "effect-kubernetes"

const patchTypes = {
  Json: "application/json-patch+json",
  Merge: "application/merge-patch+json",
  Strategic: "application/strategic-merge-patch+json",
  // The server reads JSON here too: it is YAML.
  Apply: "application/apply-patch+yaml"
} as const

/** `PATCH` of one object or of a subresource of it. */
export const patch = (
  resource: ResourceInfo,
  env: Environment,
  ref: AnyRef,
  patch: Pick<Patch<unknown>, "_tag"> & { readonly body: unknown },
  options: ApplyOptions & InNamespace,
  subresource?: string,
  shown: Kind = resource
): Built =>
  Either.gen(function* () {
    const target = yield* targetOf(resource, env, ref, options, subresource)
    const applies = patch._tag === "Apply"
    if (options.force !== undefined && !applies) {
      return yield* invalid("force is an option of server-side apply; leave it out of other patches")
    }
    const manager = options.fieldManager ?? env.fieldManager ?? (applies ? defaultFieldManager : undefined)
    const query = writeQuery(env, { ...options, fieldManager: manager })
    put(query, "force", options.force)
    const headers = { accept: accept.object, "content-type": patchTypes[patch._tag] }
    const verb = applies ? "apply" : "patch"
    const body = applies ? applied(shown, target, patch.body) : patch.body
    return finish(resource, verb, "PATCH", target, query, headers, options, body, subresource)
  })

/** What is applied says what it is: the server takes nothing from the path. */
const applied = ({ apiVersion, kind }: Kind, target: Target, body: unknown): unknown => {
  const object: Body = typeof body === "object" && body !== null ? body : {}
  return {
    ...object,
    apiVersion,
    kind,
    metadata: {
      ...object.metadata,
      name: target.name,
      ...(target.namespace === undefined ? {} : { namespace: target.namespace })
    }
  }
}

/** The body of a delete. The server ignores the query as soon as there is a body, so all options stand here. */
const deleteBody = (env: Environment, options: DeleteOptions): Either.Either<unknown, InvalidRequest> => {
  if (options.orphan !== undefined && options.propagationPolicy !== undefined) {
    return invalid("orphan and propagationPolicy exclude each other; leave one out")
  }
  const { gracePeriodSeconds: grace } = options
  if (grace !== undefined && (!Number.isInteger(grace) || grace < 0)) {
    return invalid(`gracePeriodSeconds: expected a whole number of seconds from 0 on, got ${grace}`)
  }
  return Either.right({
    apiVersion: "v1",
    kind: "DeleteOptions",
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(options.propagationPolicy === undefined ? {} : { propagationPolicy: options.propagationPolicy }),
    ...(options.orphan === undefined ? {} : { orphanDependents: options.orphan }),
    ...(options.preconditions === undefined ? {} : { preconditions: options.preconditions }),
    ...((options.dryRun ?? env.dryRun ?? false) ? { dryRun: ["All"] } : {})
  })
}

/** `GET` of a pod's log. */
export const log = (
  resource: ResourceInfo,
  env: Environment,
  ref: AnyRef,
  container: string | undefined,
  options: LogOptions & InNamespace
): Built => {
  if (options.sinceSeconds !== undefined && options.sinceTime !== undefined) {
    return invalid("sinceSeconds and sinceTime exclude each other; leave one out")
  }
  return Either.map(targetOf(resource, env, ref, options, "log"), (target) => {
    const query: Query = []
    put(query, "container", container)
    put(query, "follow", options.follow)
    put(query, "previous", options.previous)
    put(query, "sinceSeconds", options.sinceSeconds)
    put(query, "sinceTime", options.sinceTime)
    put(query, "timestamps", options.timestamps)
    put(query, "tailLines", options.tailLines)
    put(query, "limitBytes", options.limitBytes)
    put(query, "stream", options.stream)
    put(query, "insecureSkipTLSVerifyBackend", options.insecureSkipTLSVerifyBackend)
    return finish(resource, "get", "GET", target, query, { accept: "*/*" }, options, undefined, "log")
  })
}

/** The upgrade that `exec` and `attach` begin with. */
export const streams = (
  resource: ResourceInfo,
  env: Environment,
  ref: AnyRef,
  subresource: "exec" | "attach",
  what: {
    readonly container: string | undefined
    readonly command: ReadonlyArray<string>
    readonly stdin: boolean
    readonly stdout: boolean
    readonly stderr: boolean
    readonly tty: boolean
  },
  options: CallOptions & InNamespace
): Built => {
  if (subresource === "exec" && what.command.length === 0) return invalid("exec: give a command")
  return Either.map(targetOf(resource, env, ref, options, subresource), (target) => {
    const query: Query = what.command.map((word) => ["command", word] as const)
    put(query, "container", what.container)
    for (const name of ["stdin", "stdout", "stderr", "tty"] as const) if (what[name]) query.push([name, "true"])
    return finish(resource, "connect", "GET", target, query, {}, options, undefined, subresource)
  })
}

/** The upgrade that a port-forward begins with. */
export const portForward = (
  resource: ResourceInfo,
  env: Environment,
  ref: AnyRef,
  port: number,
  options: CallOptions & InNamespace
): Built =>
  Either.map(targetOf(resource, env, ref, options, "portforward"), (target) =>
    // Servers that speak SPDY read the port from the stream's headers; older ones read it here.
    finish(resource, "connect", "GET", target, [["ports", String(port)]], {}, options, undefined, "portforward")
  )

/** The `proxy` of an object: a request without the path that is asked for behind it. */
export const proxy = (
  resource: ResourceInfo,
  env: Environment,
  ref: AnyRef,
  { port, scheme, ...options }: ProxyOptions & { readonly port?: number | string | undefined } & InNamespace
): Built =>
  Either.gen(function* () {
    const target = yield* targetOf(resource, env, ref, options)
    if (target.name.includes(":")) {
      return yield* invalid(`the name of a ${resource.kind} "${target.name}": give scheme and port as options`)
    }
    if (typeof port === "number" && !(Number.isInteger(port) && port >= 1 && port <= 65535)) {
      return yield* invalid(`port: expected a whole number from 1 to 65535, got ${port}`)
    }
    const encoded = port === undefined ? "" : yield* segment("a port", String(port))
    const name = target.path.slice(target.path.lastIndexOf("/") + 1)
    const whole = scheme === undefined ? (encoded === "" ? name : `${name}:${encoded}`) : `${scheme}:${name}:${encoded}`
    const path = `${target.path.slice(0, -name.length)}${whole}/proxy`
    return finish(resource, "connect", "GET", { ...target, path }, [], {}, options, undefined, "proxy")
  })

/** `DELETE` of one object. */
export const delete_ = (
  resource: ResourceInfo,
  env: Environment,
  ref: AnyRef,
  options: DeleteOptions & InNamespace
): Built =>
  Either.gen(function* () {
    const target = yield* targetOf(resource, env, ref, options)
    const body = yield* deleteBody(env, options)
    return finish(resource, "delete", "DELETE", target, [], jsonHeaders, options, body)
  })

/** `DELETE` of a collection. */
export const deleteCollection = (
  resource: ResourceInfo,
  env: Environment,
  options: DeleteCollectionOptions & InNamespaces
): Built =>
  Either.gen(function* () {
    const namespace = yield* collectionNamespace(resource, env, options)
    if (resource.scope === "Namespaced" && namespace === undefined) {
      return yield* invalid("the API deletes a collection in one namespace at a time; leave allNamespaces out")
    }
    const path = yield* collectionPath(resource, namespace)
    const query: Query = []
    yield* putSelectors(query, options)
    putList(query, options)
    const body = yield* deleteBody(env, options)
    return finish(resource, "deletecollection", "DELETE", { path, namespace }, query, jsonHeaders, options, body)
  })

/** `POST` to a subresource of one object. */
export const createSubresource = (
  resource: ResourceInfo,
  env: Environment,
  subresource: string,
  ref: AnyRef,
  body: (target: { readonly name: string; readonly namespace: string | undefined }) => unknown,
  options: WriteOptions & InNamespace
): Built =>
  Either.map(targetOf(resource, env, ref, options, subresource), (target) =>
    finish(
      resource,
      "create",
      "POST",
      target,
      writeQuery(env, options),
      jsonHeaders,
      options,
      body(target),
      subresource
    )
  )

/** `POST` of an eviction. */
export const evict = (
  resource: ResourceInfo,
  env: Environment,
  ref: AnyRef,
  options: DeleteOptions & InNamespace
): Built =>
  Either.flatMap(deleteBody(env, options), (deleteOptions) =>
    createSubresource(
      resource,
      { ...env, fieldManager: undefined },
      "eviction",
      ref,
      ({ name, namespace }) => ({
        apiVersion: "policy/v1",
        kind: "Eviction",
        metadata: { name, namespace },
        deleteOptions
      }),
      { timeout: options.timeout, dryRun: options.dryRun, namespace: options.namespace }
    )
  )
