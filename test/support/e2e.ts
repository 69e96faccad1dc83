/**
 * What the end-to-end tests share: clients of the cluster of the run, and namespaces and custom kinds of their own.
 */
// oxlint-disable-next-line import/no-unassigned-import -- @peculiar/x509 needs it loaded first
import "reflect-metadata"
import * as Command from "@effect/platform/Command"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { inject } from "@effect/vitest"
import * as x509 from "@peculiar/x509"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  Auth,
  CustomResourceDefinition,
  Http,
  KubeClient,
  KubeConfig,
  Namespace,
  NodeKubeClient,
  Resource,
  ServiceAccount,
  type ApiextensionsV1,
  type AuthError,
  type ConfigError,
  type KubeError,
  type Selector,
  type WatchEvent
} from "effect-kubernetes"
import type { HttpRequest, HttpService } from "effect-kubernetes/layers/Http"
import { randomBytes, webcrypto } from "node:crypto"
import { dirname, join } from "node:path"
import * as Binary from "../cluster/Binary.js"
import { run } from "../cluster/run.js"

type Client = Layer.Layer<KubeClient, ConfigError | AuthError>

/** How long a test waits for controllers on a busy machine. */
const patience = "45 seconds"

const platform = Layer.merge(NodeFileSystem.layer, NodePath.layer)

/** The configuration of a kubeconfig's text. */
export const configOf = (kubeconfig: string): Layer.Layer<KubeConfig, ConfigError> =>
  Layer.provide(KubeConfig.layerYaml(kubeconfig), platform)

/** The cluster of the run, as its administrator. */
export const config = Layer.suspend(() => configOf(inject("kubeconfig")))

/** The client that most tests use. */
export const layer: Client = NodeKubeClient.fromConfig(config)

/** The settings of `layer(...)`: a real server takes real time. */
export const live = { excludeTestServices: true, timeout: "1 minute" } as const

/** A client of the same cluster that shows nothing but this token. */
export const layerWithToken = (token: string): Client =>
  NodeKubeClient.fromConfig(
    Layer.effect(
      KubeConfig,
      Effect.map(KubeConfig, (resolved) => ({
        ...resolved,
        user: { name: "token", token: Redacted.make(token), unsupported: [] }
      }))
    ).pipe(Layer.provide(config))
  )

/** A client of the administrator through another `Http`, as a user would replace that layer. */
export const layerWithHttp = (
  wrap: (http: HttpService) => HttpService,
  of: Layer.Layer<KubeConfig, ConfigError> = config,
  auth: Layer.Layer<Auth, AuthError, KubeConfig> = Layer.fresh(Layer.provide(Auth.layer, NodeFileSystem.layer))
): Client => {
  const http = Layer.effect(Http, Effect.map(Http, wrap)).pipe(Layer.provide(Layer.fresh(Http.layer)))
  return KubeClient.layer.pipe(Layer.provide(http), Layer.provide(auth), Layer.provide(of))
}

/** A client, and the requests that it sends. */
export const recording = (of?: Layer.Layer<KubeConfig, ConfigError>) => {
  const sent: Array<HttpRequest> = []
  const client = layerWithHttp(
    (http) => ({
      request: (request) => Effect.suspend(() => (sent.push(request), http.request(request))),
      stream: (request) => Effect.suspend(() => (sent.push(request), http.stream(request)))
    }),
    of
  )
  return { sent, client }
}

/** A name that no other test has. */
export const randomName = (prefix: string) => Effect.sync(() => `${prefix}-${randomBytes(5).toString("hex")}`)

/** A namespace of the test's own, which goes with the scope. */
export const freshNamespace: Effect.Effect<string, KubeError, KubeClient | Scope.Scope> = Effect.flatMap(
  randomName("test"),
  (name) =>
    Effect.acquireRelease(Effect.as(Namespace.create({ metadata: { name } }), name), () =>
      Effect.ignoreLogged(Namespace.delete(name))
    )
)

/** Runs a test in a namespace of its own: its calls that name none are about that one. */
export const inFreshNamespace = <A, E, R>(
  test: (namespace: string) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | KubeError, R | KubeClient | Scope.Scope> =>
  Effect.flatMap(freshNamespace, (namespace) => KubeClient.withNamespace(test(namespace), namespace))

/** Waits for the first state of an object that is as wanted. The watch begins with the present state. */
export const until = <K>(
  resource: {
    readonly kind: string
    readonly watch: (options: {
      readonly fields: Selector.Fields
    }) => Stream.Stream<WatchEvent<K>, KubeError, KubeClient>
  },
  name: string,
  wanted: (object: Resource.Stored<K>) => boolean
): Effect.Effect<Resource.Stored<K>, KubeError, KubeClient> =>
  resource.watch({ fields: { "metadata.name": name } }).pipe(
    Stream.filterMap((event) =>
      (event._tag === "Added" || event._tag === "Modified") && wanted(event.object)
        ? Option.some(event.object)
        : Option.none()
    ),
    Stream.runHead,
    Effect.flatMap(
      Option.match({
        onNone: () => Effect.dieMessage(`the watch of ${resource.kind} ${name} ended before it was as wanted`),
        onSome: Effect.succeed
      })
    ),
    Effect.timeoutFailCause({
      duration: patience,
      onTimeout: () => Cause.die(new Error(`${resource.kind} ${name} is not as wanted after ${patience}`))
    })
  )

/** Asks again and again until the answer is yes: for what no watch shows. */
export const eventually = <E, R>(question: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  question.pipe(
    Effect.repeat({ schedule: Schedule.spaced("50 millis"), until: (yes) => yes }),
    Effect.timeoutFailCause({
      duration: patience,
      onTimeout: () => Cause.die(new Error(`still not so after ${patience}`))
    }),
    Effect.asVoid
  )

/** Waits until the object is gone. */
export const untilGone = <E, R>(read: Effect.Effect<Option.Option<unknown>, E, R>): Effect.Effect<void, E, R> =>
  eventually(Effect.map(read, Option.isNone))

/** Waits until the controllers have made what pods of the namespace need. */
export const podsAllowed: Effect.Effect<unknown, KubeError, KubeClient> = until(ServiceAccount, "default", () => true)

/** A pod that waits for a node for ever: its scheduler does not exist. */
export const pendingPod = (name: string, labels: { readonly [key: string]: string } = {}) => ({
  metadata: { name, labels },
  spec: { schedulerName: "nobody", containers: [{ name: "main", image: "example.com/none:1" }] }
})

/** Installs the kind on the cluster until the scope closes, and waits until the server serves it. */
export const installed = <R extends Resource.ResourceInfo>(
  resource: R,
  schema: ApiextensionsV1.JSONSchemaProps,
  more: Omit<Partial<ApiextensionsV1.CustomResourceDefinitionVersion>, "name" | "schema"> = {}
): Effect.Effect<R, KubeError, KubeClient | Scope.Scope> => {
  const name = `${resource.plural}.${resource.group}`
  const { shortNames, categories, kind, plural, singular } = resource
  return Effect.acquireRelease(
    CustomResourceDefinition.create({
      metadata: { name },
      spec: {
        group: resource.group,
        scope: resource.scope,
        names: { kind, plural, singular, shortNames, categories },
        versions: [
          { served: true, storage: true, ...more, name: resource.version, schema: { openAPIV3Schema: schema } }
        ]
      }
    }),
    () => Effect.ignoreLogged(CustomResourceDefinition.delete(name))
  ).pipe(
    Effect.zipRight(
      until(CustomResourceDefinition, name, (crd) =>
        (crd.status.conditions ?? []).some(({ type, status }) => type === "Established" && status === "True")
      )
    ),
    Effect.as(resource)
  )
}

/**
 * A custom kind in a group of its own, with status and scale. `spec.due` is a `Date` and `spec.parts` a list in the
 * program; both are text on the server.
 */
const widgetOf = (group: string) =>
  Resource.define({
    group,
    version: "v1",
    kind: "Widget",
    shortNames: ["wd"],
    categories: ["gadgets"],
    schema: Schema.Struct({
      spec: Schema.Struct({
        due: Schema.Date,
        size: Schema.optional(Schema.Number),
        replicas: Schema.optional(Schema.Number),
        parts: Schema.optional(Schema.split(","))
      }),
      status: Schema.optional(
        Schema.Struct({ replicas: Schema.optional(Schema.Number), phase: Schema.optional(Schema.String) })
      )
    }),
    status: true,
    scale: true
  })

/** A kind `Widget` that is installed until the scope closes. */
export const freshWidget = Effect.flatMap(randomName("e2e"), (group) =>
  installed(
    widgetOf(`${group}.example.com`),
    {
      type: "object",
      required: ["spec"],
      properties: {
        spec: {
          type: "object",
          required: ["due"],
          properties: {
            due: { type: "string", format: "date-time" },
            size: { type: "integer", minimum: 1 },
            replicas: { type: "integer" },
            parts: { type: "string" }
          }
        },
        status: { type: "object", properties: { replicas: { type: "integer" }, phase: { type: "string" } } }
      }
    },
    {
      subresources: {
        status: {},
        scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" }
      },
      selectableFields: [{ jsonPath: ".spec.size" }],
      additionalPrinterColumns: [{ name: "Size", type: "integer", jsonPath: ".spec.size" }]
    }
  )
)

/** Warnings that were logged while an effect ran. */
export const loggedWarnings = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<ReadonlyArray<string>, E, R> =>
  Effect.suspend(() => {
    const logged: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      if (logLevel._tag === "Warning") logged.push(Array.isArray(message) ? message.join(" ") : String(message))
    })
    return effect.pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)), Effect.as(logged))
  })

/** A signing request as the API takes it, for a key that nobody keeps. */
export const signingRequest = Effect.promise(async () => {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    { name: "CN=jane", keys, signingAlgorithm: algorithm },
    webcrypto
  )
  return Encoding.encodeBase64(request.toString("pem"))
})

/** What kubectl prints about the cluster of the run. */
export const kubectl = (...args: ReadonlyArray<string>): Effect.Effect<string, Error> =>
  Effect.gen(function* () {
    const path = inject("kubeconfigPath")
    const given = process.env["E2E_KUBECONFIG"] !== undefined
    const program: readonly [string, ...ReadonlyArray<string>] = given ? ["kubectl"] : [yield* Binary.build, "kubectl"]
    const environment = given
      ? { KUBECONFIG: path }
      : { KUBECONFIG: path, KUBECACHEDIR: join(dirname(path), "kubectl") }
    const { exitCode, stderr, stdout } = yield* run(Command.make(...program, ...args).pipe(Command.env(environment)))
    return exitCode === 0 ? stdout : yield* Effect.fail(new Error(`kubectl ${args.join(" ")}: ${stderr}`))
  }).pipe(Effect.provide(NodeContext.layer))
