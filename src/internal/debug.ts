/** Ephemeral containers: added to a pod that runs, waited for, and attached to. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { TimeoutError, WaitFailed, type KubeError } from "../KubeError.js"
import type { KubeClientService } from "../layers/KubeClient.js"
import type { Request } from "../Request.js"
import type { CallOptions, DebugContainer, DebugProcess, ResourceInfo } from "../Resource.js"
import type { ContainerState, ContainerStatus } from "../resources/CoreV1.js"
import { infoOf } from "./decode.js"
import { isObject } from "./isObject.js"
import { open } from "./pod.js"
import * as requests from "./requests.js"
import { events, frames } from "./watch.js"
import { withClient } from "./withClient.js"
import { limited } from "./fork.js"

type Options = CallOptions & { readonly namespace?: string | undefined }

/** What of a pod is looked at. */
interface Seen {
  readonly metadata?: { readonly name: string; readonly namespace: string; readonly resourceVersion?: string }
  readonly status?: { readonly phase?: string; readonly ephemeralContainerStatuses?: ReadonlyArray<ContainerStatus> }
}

// The server has answered with a pod; each field is looked at before it is used.
const seen = (pod: unknown): Seen => (isObject(pod) ? pod : {}) as Seen

/** Reasons of a container that waits for something else than its turn; the kubelet goes on trying. */
const stuck =
  /^(ErrImage|ImagePullBackOff$|ImageInspectError$|InvalidImageName$|RegistryUnavailable$|CreateContainer\w*Error$|RunContainerError$|StartError$|CrashLoopBackOff$)/

/** How long it may take until the status of a pod shows what the node knows. */
const untilSeen = "10 seconds"

const alphabet = "bcdfghjklmnpqrstvwxz2456789"
const generatedName = Effect.map(
  Effect.replicateEffect(Random.nextIntBetween(0, alphabet.length), 5),
  (indexes) => `debugger-${indexes.map((index) => alphabet[index]).join("")}`
)

/** The container's state as soon as `pick` takes it; fails where there is none to come. */
const waitFor = (
  resource: ResourceInfo,
  client: KubeClientService,
  env: requests.Environment,
  { name, namespace }: { readonly name: string; readonly namespace: string },
  container: string,
  pick: (state: ContainerState) => boolean
): Effect.Effect<ContainerState, KubeError> => {
  const look = (pod: unknown, gone: boolean): Effect.Effect<Option.Option<ContainerState>, WaitFailed> => {
    const { phase, ephemeralContainerStatuses = [] } = seen(pod).status ?? {}
    const state = ephemeralContainerStatuses.find((status) => status.name === container)?.state
    if (state !== undefined && pick(state)) return Effect.succeed(Option.some(state))
    const fail = (why: string) =>
      new WaitFailed({ message: `container ${container} of pod ${namespace}/${name} ${why}` })
    if (gone) return fail("cannot run: the pod has been deleted")
    const { message, reason } = state?.waiting ?? {}
    if (reason !== undefined && stuck.test(reason)) return fail(`cannot start: ${reason}: ${message ?? "no message"}`)
    if (phase === "Succeeded" || phase === "Failed") return fail(`cannot run: the pod has ended (${phase})`)
    return Effect.succeed(Option.none())
  }
  const once = Effect.flatMap(
    requests.watch(resource, env, { namespace, fields: { "metadata.name": name } }),
    (request) =>
      events(frames(client.stream(request), request), Either.right).pipe(
        Stream.mapEffect((event) =>
          "object" in event ? look(event.object, event._tag === "Deleted") : Effect.succeedNone
        ),
        Stream.filterMap((state) => state),
        Stream.runHead
      )
  )
  const again: Effect.Effect<ContainerState, KubeError> = Effect.flatMap(
    once,
    // Without a resource version the next watch begins with the pod as it is.
    Option.match({ onNone: () => Effect.delay(again, "200 millis"), onSome: Effect.succeed })
  )
  return again
}

export const debug =
  (resource: ResourceInfo) =>
  (ref: requests.AnyRef, { name: given, ...container }: DebugContainer, options: Options = {}) =>
    withClient((client, env) =>
      Effect.gen(function* () {
        const name = given ?? (yield* generatedName)
        const { stdin = true, tty = false } = container
        const spec = { ...container, name, stdin, tty }
        const body = { spec: { ephemeralContainers: [spec] } }
        // The server merges it into the list by its name: nobody else's change is in the way.
        const request = yield* requests.patch(
          resource,
          env,
          ref,
          { _tag: "Strategic", body },
          options,
          "ephemeralcontainers"
        )
        const { metadata } = seen(yield* client.json(request))
        const pod = { name: metadata?.name ?? "", namespace: metadata?.namespace ?? "" }
        const began = waitFor(
          resource,
          client,
          env,
          pod,
          name,
          (state) => (state.running ?? state.terminated) !== undefined
        )
        const state = yield* within(client, env, options, request, began)
        const terminated = Effect.map(
          waitFor(resource, client, env, pod, name, (now) => now.terminated !== undefined),
          (now) => now.terminated?.exitCode ?? 0
        )
        if (state.terminated !== undefined)
          return yield* ended(resource, client, env, pod, name, state.terminated.exitCode)
        const process = yield* open(
          resource,
          "attach",
          pod,
          { command: [], stdin, hangUp: true },
          { timeout: options.timeout, namespace: pod.namespace, container: name, tty }
        )
        // It may have ended a moment ago: then the server says that there is nothing to join.
        const missed = yield* Effect.cached(
          Effect.matchEffect(process.exitCode, {
            onSuccess: () => Effect.succeed<Option.Option<number>>(Option.none()),
            onFailure: (error) =>
              error._tag === "InternalError"
                ? limited(Effect.asSome(terminated), { duration: untilSeen, onTimeout: () => error })
                : Effect.fail(error)
          })
        )
        const log = yield* requests.log(resource, env, pod, name, { namespace: pod.namespace })
        const stdout = Stream.concat(
          process.stdout,
          Stream.unwrap(
            Effect.match(missed, {
              onFailure: () => Stream.empty,
              onSuccess: Option.match({ onNone: () => Stream.empty, onSome: () => client.stream(log) })
            })
          )
        )
        // An attachment ends well whatever the container's exit code is; that is in the pod's status.
        const exitCode = Effect.flatMap(missed, Option.match({ onNone: () => terminated, onSome: Effect.succeed }))
        return { ...process, stdout, exitCode, container: name } satisfies DebugProcess
      })
    )

/** A container that ended before anybody could join it: its log tells what it wrote. */
const ended = (
  resource: ResourceInfo,
  client: KubeClientService,
  env: requests.Environment,
  pod: { readonly name: string; readonly namespace: string },
  container: string,
  exitCode: number
): Effect.Effect<DebugProcess, KubeError> =>
  Effect.map(requests.log(resource, env, pod, container, { namespace: pod.namespace }), (request) => ({
    stdout: client.stream(request),
    stderr: Stream.empty,
    stdin: Sink.drain,
    resize: () => Effect.void,
    exitCode: Effect.succeed(exitCode),
    container
  }))

const within = <A>(
  client: KubeClientService,
  env: requests.Environment,
  options: CallOptions,
  request: Request,
  effect: Effect.Effect<A, KubeError>
): Effect.Effect<A, KubeError> => {
  const limit = options.timeout ?? env.timeout ?? client.timeout
  if (limit === "infinity") return effect
  const timeout = Duration.decode(limit)
  return limited(effect, {
    duration: timeout,
    onTimeout: () => new TimeoutError({ timeout, ...infoOf(request), last: "the debug container does not run yet" })
  })
}
