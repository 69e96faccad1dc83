/** The API server: from a request to its answer. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Random from "effect/Random"
import type { Cell } from "./cell.js"
import { decoded, describe } from "./discovery.js"
import { json, text, type ApiRequest, type ApiResponse } from "./http.js"
import { kindsOf, type Kind, type Kinds } from "./kinds.js"
import { formOf, inForm, written, type Form } from "./negotiation.js"
import { allows, type Attributes } from "./rbac.js"
import { reviewOf } from "./reviews.js"
import * as status from "./status.js"
import type { Failure } from "./status.js"
import type { Kubelet } from "./kubelet.js"
import { builtIn, type JsonObject } from "./openapi.js"
import { get as getStored, type State } from "./store.js"
import { logOf } from "./streams.js"
import { subresourceOf } from "./subresources.js"
import { hasTable } from "./tables/tables.js"
import * as verbs from "./verbs.js"
import type { Call, Result } from "./verbs.js"
import { deprecationOf } from "./warnings.js"
import { watch } from "./watch.js"

/** What a request is about, as its path says. */
interface Target {
  readonly kind: Kind
  readonly namespace: string
  readonly name: string
  readonly subresource: string
  /** The path begins with `watch`, as it was done once. */
  readonly watches: boolean
}

const namespaceParts = new Set(["status", "finalize"])

/** The segments of a path, decoded. A slash at the end says nothing. */
const segmentsOf = (path: string): ReadonlyArray<string> =>
  decoded(path)
    .replace(/^\/+|\/+$/g, "")
    .split("/")

/** What is not there: of a group of custom kinds there is no more to be said than of a path. */
type Unknown = Failure | "no such group" | "no such resource"

const targetOf = (kinds: Kinds, path: string): Either.Either<Target, Unknown> => {
  const [root, ...segments] = segmentsOf(path)
  const [group = "", version = "", ...all] = root === "api" ? ["", ...segments] : segments
  if ((root !== "api" && root !== "apis") || kinds.groups.get(group) === undefined) {
    return Either.left(root === "api" ? "no such resource" : "no such group")
  }
  const watches = all[0] === "watch"
  const parts = watches ? all.slice(1) : all
  const inNamespace = parts[0] === "namespaces" && parts.length > 2 && !namespaceParts.has(parts[2] ?? "")
  const namespace = inNamespace ? (parts[1] ?? "") : ""
  const [plural = "", name = "", subresource = "", ...more] = inNamespace ? parts.slice(2) : parts
  const kind = kinds.find(group, version, plural)
  if (kind === undefined || !isRouted(kind, namespace, name) || more.length > 0) {
    return Either.left(isBuiltIn(group) ? "no such resource" : "no such group")
  }
  if (
    subresource === "" ? isServedAt(kind, namespace, name) : kind.subresources.some((each) => each.name === subresource)
  ) {
    return Either.right({ kind, namespace, name, subresource, watches })
  }
  return Either.left(kind.custom ? status.notFound(kind, name) : "no such resource")
}

/** Whether a kind has such paths: in a namespace or not. */
const isRouted = ({ scope }: Kind, namespace: string, name: string): boolean =>
  scope === "Cluster" ? namespace === "" : namespace !== "" || name === ""

const onOneObject = new Set(["delete", "get", "patch", "update"])

/** Whether a built-in kind can do anything there: what is only created has no path of its own, nor one over all namespaces. */
const isServedAt = ({ custom, scope, verbs }: Kind, namespace: string, name: string): boolean =>
  custom !== undefined ||
  (name === ""
    ? scope === "Cluster" || namespace !== "" || verbs.includes("list")
    : verbs.some((verb) => onOneObject.has(verb)))

const isBuiltIn = (group: string): boolean => Object.hasOwn(builtIn().groups, group)

const methods: { readonly [method: string]: readonly [onOne: Call["verb"] | "", onMany: Call["verb"] | ""] } = {
  GET: ["get", "list"],
  POST: ["", "create"],
  PUT: ["update", ""],
  PATCH: ["patch", ""],
  DELETE: ["delete", "deletecollection"]
}

const verbOf = (request: ApiRequest, target: Target): Call["verb"] | undefined => {
  const { kind, name, namespace, subresource, watches } = target
  const [onOne, onMany] = methods[request.method] ?? ["", ""]
  if (subresource !== "") {
    const verb = request.method === "POST" ? "create" : onOne
    const verbsOfIt = kind.subresources.find((each) => each.name === subresource)?.verbs ?? []
    return verb !== "" && verbsOfIt.includes(verb) ? verb : undefined
  }
  const verb = name === "" ? onMany : onOne
  // Objects are created and deleted in one namespace at a time.
  if (kind.scope === "Namespaced" && namespace === "" && verb !== "list") return undefined
  if (verb === "" || !kind.verbs.includes(verb)) return undefined
  return (verb === "list" || (verb === "get" && watches)) && (watches || verbs.boolOf(request.query, "watch"))
    ? "watch"
    : verb
}

type Transition = (state: State, call: Call) => Result

const transitions: { readonly [V in Exclude<Call["verb"], "watch">]: Transition } = {
  get: verbs.getOne,
  list: verbs.list,
  create: verbs.create,
  update: (state, call) => verbs.replace(state, call),
  patch: (state, call) => verbs.patch(state, call),
  delete: verbs.remove,
  deletecollection: verbs.removeCollection
}

const onSubresource: { readonly [verb: string]: "get" | "create" | "update" | "patch" } = {
  get: "get",
  create: "create",
  update: "update",
  patch: "patch"
}

const transitionOf = ({ kind, subresource, verb }: Call): Transition | undefined => {
  if (verb === "watch") return undefined
  if (subresource === "") {
    return (verb === "create" && !kind.custom ? reviewOf(kind.kind) : undefined) ?? transitions[verb]
  }
  const how = onSubresource[verb]
  return how === undefined ? undefined : subresourceOf(subresource)?.[how]
}

const actions: { readonly [method: string]: string } = {
  GET: "get",
  HEAD: "get",
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete"
}

const specialVerbs = new Set(["proxy", "watch"])

/** What a request wants to do, whether that is served or not: it is asked first whether the user may. */
const attributesOf = ({ method, path, query }: ApiRequest): Attributes => {
  const onPath = { verb: method.toLowerCase(), group: "", resource: "", namespace: "", name: "", path }
  const [root, ...segments] = segmentsOf(path)
  const [group = "", , ...all] = root === "api" ? ["", ...segments] : segments
  const special = all.length > 1 && specialVerbs.has(all[0] ?? "") ? all[0] : undefined
  const rest = special === undefined ? all : all.slice(1)
  if ((root !== "api" && root !== "apis") || rest.length === 0) return onPath
  const namespace = rest[0] === "namespaces" ? (rest[1] ?? "") : ""
  const inNamespace = rest[0] === "namespaces" && rest.length > 2 && !namespaceParts.has(rest[2] ?? "")
  const [resource = "", name = "", subresource = ""] = inNamespace ? rest.slice(2) : rest
  const action = special ?? actions[method] ?? ""
  const verb =
    name !== ""
      ? action
      : action === "delete"
        ? "deletecollection"
        : action === "get"
          ? verbs.boolOf(query, "watch")
            ? "watch"
            : "list"
          : action
  return {
    verb,
    group,
    resource: subresource === "" ? resource : `${resource}/${subresource}`,
    namespace,
    name,
    path: ""
  }
}

const forbidden = ({ method, path, user }: ApiRequest, wanted: Attributes): Failure => {
  const { group, name, namespace, resource, verb } = wanted
  const who = `User ${JSON.stringify(user.username)} cannot`
  if (wanted.path !== "") {
    return {
      code: 403,
      reason: "Forbidden",
      message: `forbidden: ${who} ${method.toLowerCase()} path ${JSON.stringify(path)}`,
      details: {}
    }
  }
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`
  return status.forbidden(
    { group, plural: resource.split("/")[0] ?? "" },
    name,
    `${who} ${verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(group)} ${where}`
  )
}

/** In characters: what is longer in all has each warning cut. */
const longestWarnings = 4096
const longestWarning = 256

// oxlint-disable-next-line no-control-regex -- A header cannot have them.
const control = /[\u0000-\u001f\u007f-\u009f]/

const warningHeader = (warnings: ReadonlyArray<string> = []): ApiResponse["headers"] => {
  const texts = [...new Set(warnings)].filter((text) => text !== "" && !control.test(text)).map((text) => [...text])
  if (texts.length === 0) return {}
  const isLong = texts.reduce((sum, { length }) => sum + length, 0) > longestWarnings
  const shown: Array<string> = []
  let length = 0
  for (const text of texts) {
    if (isLong && length >= longestWarnings) break
    const cut = isLong ? text.slice(0, longestWarning) : text
    length += cut.length
    // On the wire a header is bytes, which HTTP takes for Latin-1.
    shown.push(`299 - ${Buffer.from(JSON.stringify(cut.join(""))).toString("latin1")}`)
  }
  return { warning: shown }
}

const refusal = (failure: Failure, form: Pick<Form, "media"> = { media: "application/json" }): ApiResponse => ({
  status: failure.code,
  headers: {
    "cache-control": "no-cache, private",
    "content-type": form.media,
    ...(failure.retryAfter === undefined ? {} : { "retry-after": String(failure.retryAfter) }),
    ...warningHeader(failure.warnings)
  },
  body: written(form, status.toStatus(failure))
})

/** The form of refusals, which is never a transformed one. */
const mediaOf = (request: ApiRequest): Pick<Form, "media"> =>
  Either.getOrElse(formOf(request.headers["accept"]), () => ({ media: "application/json" as const }))

const goTypeOf = ({ custom, group, kind }: Kind, isList: boolean): string =>
  custom
    ? `unstructured.Unstructured${isList ? "List" : ""}`
    : `${group === "" ? "core" : (group.split(".")[0] ?? group)}.${kind}${isList ? "List" : ""}`

/** The letters and digits of generated names: none that look alike, no vowels. */
const alphabet = "bcdfghjklmnpqrstvwxz2456789"
/** How often the API server looks for a free name. */
const tries = 8

const letters = (random: Random.Random, count: number): Effect.Effect<string> =>
  Effect.map(Effect.replicateEffect(random.nextIntBetween(0, alphabet.length), count), (indices) =>
    indices.map((index) => alphabet.charAt(index)).join("")
  )

/** So many hexadecimal digits at a time: a draw costs more than they do. */
const digitsAtOnce = 4

const hex = (random: Random.Random, digits: number): Effect.Effect<string> =>
  Effect.map(
    Effect.replicateEffect(random.nextIntBetween(0, 16 ** digitsAtOnce), Math.ceil(digits / digitsAtOnce)),
    (all) =>
      all
        .map((each) => each.toString(16).padStart(digitsAtOnce, "0"))
        .join("")
        .slice(0, digits)
  )

/** A random UUID. */
export const makeUid = (random: Random.Random): Effect.Effect<string> =>
  Effect.map(hex(random, 31), (digits) => {
    // The version, and the two bits of the variant.
    const variant = "89ab".charAt(Number.parseInt(digits.charAt(15), 16) % 4)
    return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(12, 15)}-${variant}${digits.slice(16, 19)}-${digits.slice(19)}`
  })

/** The time as the API writes it. */
export const now: Effect.Effect<string> = Effect.map(Clock.currentTimeMillis, (millis) =>
  new Date(millis).toISOString().replace(/\.\d+Z$/, "Z")
)

const randomOf = (random: Random.Random, verb: Call["verb"]) =>
  verb === "create" || verb === "update" || verb === "patch"
    ? Effect.all({ uid: makeUid(random), suffixes: Effect.replicateEffect(letters(random, 5), tries) })
    : Effect.succeed({ uid: "", suffixes: [] })

/** Why nothing can have such a name in a path. */
const namePathProblem = (name: string): string | undefined =>
  name === "." || name === ".." ? `may not be '${name}'` : name.includes("%") ? "may not contain '%'" : undefined

export interface Server {
  readonly handle: (request: ApiRequest) => Effect.Effect<ApiResponse>
  /** The pod that a request for a stream is about, or why there is none for it. */
  readonly streamed: (
    request: ApiRequest
  ) => Effect.Effect<Either.Either<{ readonly pod: JsonObject; readonly subresource: string }, ApiResponse>>
}

/** The longest body that is read, in bytes. */
const maxBody = 3 * 1024 * 1024

const streamed = new Set(["attach", "exec", "portforward"])

export const make = (cell: Cell, random: Random.Random, kubelet: Kubelet): Server => {
  const onObjects = (request: ApiRequest, target: Target): Effect.Effect<ApiResponse> =>
    Effect.gen(function* () {
      const verb = verbOf(request, target)
      const state = yield* cell.get
      const { kind, name, namespace, subresource } = target
      const always = deprecationOf(kind)
      /** A refusal by who knows the kind. */
      const refused = (failure: Failure, form: Pick<Form, "media"> = mediaOf(request)): ApiResponse =>
        refusal({ ...failure, warnings: [...always, ...(failure.warnings ?? [])] }, form)
      if (request.body.length > maxBody) return refused(status.tooLarge)
      if (verb === undefined) {
        const action = request.method === "POST" ? "create" : request.method.toLowerCase()
        const failure =
          kind.custom && subresource !== "" ? status.notSupportedVerb(kind, action) : status.methodNotAllowed
        return kind.custom ? refused(failure) : refusal(failure, mediaOf(request))
      }
      const unnameable = namePathProblem(name)
      if (unnameable !== undefined) {
        const problem = `Name parameter invalid: ${JSON.stringify(name)}: ${unnameable}`
        return refusal(status.badRequest(problem), mediaOf(request))
      }
      const negotiated = formOf(
        request.headers["accept"],
        hasTable(kind, subresource),
        verb === "list" || verb === "watch"
      )
      if (Either.isLeft(negotiated)) return refusal(negotiated.left)
      const form = negotiated.right
      const call: Call = {
        verb,
        kind,
        namespace,
        name,
        subresource,
        query: request.query,
        contentType: request.headers["content-type"] ?? "",
        userAgent: request.headers["user-agent"] ?? "",
        body: request.body,
        user: request.user,
        now: yield* now,
        ...(yield* randomOf(random, verb))
      }
      if (verb === "watch") {
        return Either.match(watch(cell, state, call, form), {
          onLeft: (failure) => refused(failure, form),
          onRight: (body): ApiResponse => ({
            status: 200,
            headers: {
              "cache-control": "no-cache, private",
              "content-type": "application/json",
              ...warningHeader(always)
            },
            body
          })
        })
      }
      if (kind.storage === "pods" && subresource === "log") {
        const pod = verbs.read(state, call)
        return Either.match(
          Either.flatMap(pod, (found) => logOf(kubelet, found, request.query, Date.parse(call.now))),
          {
            onLeft: (failure) => refusal(failure, form),
            onRight: (body): ApiResponse => ({ status: 200, headers: { "content-type": "text/plain" }, body })
          }
        )
      }
      const transition = transitionOf(call)
      if (transition === undefined) return refused(status.methodNotAllowed, form)
      const result = yield* cell.modify((current): readonly [Result, State] => {
        const outcome = transition(current, call)
        return [outcome, Either.isRight(outcome) ? outcome.right.state : current]
      })
      const shape = {
        kind,
        query: request.query,
        goType: goTypeOf(kind, verb === "list"),
        now: yield* Clock.currentTimeMillis
      }
      return Either.match(
        Either.flatMap(result, (outcome) =>
          Either.map(inForm(form, outcome.object, shape), (object) => ({ ...outcome, object }))
        ),
        {
          onLeft: (failure) => refused(failure, form),
          onRight: ({ object, status: code, warnings = [] }): ApiResponse => ({
            status: code,
            headers: {
              "cache-control": "no-cache, private",
              "content-type": form.media,
              ...warningHeader([...always, ...warnings])
            },
            body: written(form, object)
          })
        }
      )
    })

  return {
    streamed: (request) =>
      Effect.map(cell.get, ({ objects }) => {
        const target = targetOf(kindsOf(objects), request.path)
        if (Either.isLeft(target) || target.right.kind.storage !== "pods" || !streamed.has(target.right.subresource)) {
          return Either.left(json(404, status.toStatus(status.unknownPath)))
        }
        const { kind, name, namespace, subresource } = target.right
        // A WebSocket begins with a GET; what it does is more than that.
        for (const verb of ["get", "create"]) {
          const wanted = {
            verb,
            group: kind.group,
            resource: `${kind.plural}/${subresource}`,
            namespace,
            name,
            path: ""
          }
          if (!allows(objects, request.user, wanted)) return Either.left(refusal(forbidden(request, wanted)))
        }
        const pod = getStored(objects, { resource: kind.storage, namespace, name })
        return pod === undefined
          ? Either.left(refusal(status.notFound(kind, name)))
          : Either.right({ pod, subresource })
      }),
    handle: (request) =>
      Effect.gen(function* () {
        const { objects } = yield* cell.get
        const kinds = kindsOf(objects)
        const wanted = attributesOf(request)
        if (!allows(objects, request.user, wanted)) return refusal(forbidden(request, wanted), mediaOf(request))
        const described = describe(kinds, request)
        if (described !== undefined) return described
        const target = targetOf(kinds, request.path)
        if (Either.isRight(target)) return yield* onObjects(request, target.right)
        const unknown = target.left
        if (typeof unknown === "object") return refusal(unknown)
        return unknown === "no such resource"
          ? json(404, status.toStatus(status.unknownPath))
          : text(404, "404 page not found\n")
      }).pipe(Effect.map((response) => (request.method === "HEAD" ? { ...response, body: "" } : response)))
  }
}
