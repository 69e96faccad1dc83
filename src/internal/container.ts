/** What a container's commands and its files share: the way in, and the platform's errors. */
import { BadArgument, SystemError, type PlatformError, type SystemErrorReason } from "@effect/platform/Error"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { KubeError } from "../KubeError.js"
import { Defaults, KubeClient } from "../layers/KubeClient.js"
import type { ExecProcess, Ref } from "../Resource.js"
import { Pod } from "../resources/CoreV1.js"
import { defaultContainerOf, open } from "./pod.js"

/** A command and its arguments. */
export type Argv = readonly [string, ...ReadonlyArray<string>]

/** Runs a command in the container. */
export type Run = (
  doing: Doing,
  command: Argv,
  options: { readonly stdin: boolean }
) => Effect.Effect<ExecProcess, PlatformError, Scope.Scope>

export interface ContainerOptions {
  readonly container?: string | undefined
  readonly namespace?: string | undefined
}

/** The way into a container, with the client and the defaults of this place. */
export const connect = (
  ref: Ref<"Namespaced">,
  { container, namespace }: ContainerOptions
): Effect.Effect<Run, KubeError, KubeClient> =>
  Effect.contextWithEffect((context: Context.Context<KubeClient>) =>
    Effect.map(Pod.get(ref, { namespace }), (pod) => {
      // Asked for once: each of many small commands would ask again.
      const name = container ?? defaultContainerOf(pod)
      return (doing, command, { stdin }) =>
        open(Pod, "exec", pod, { command, stdin, hangUp: true }, { container: name }).pipe(
          Effect.provideService(KubeClient, Context.get(context, KubeClient)),
          Effect.provideService(Defaults, Context.get(context, Defaults)),
          Effect.mapError(fromKubeError(doing)),
          // What reads to the end of its input would wait forever.
          Effect.filterOrFail(
            ({ endsInput }) => endsInput || !stdin,
            () => systemError(doing, "Unknown", "the end of an input needs a server of Kubernetes 1.30 or newer")
          )
        )
    })
  )

type Module = "Command" | "FileSystem"

/** What is being done, for the errors. */
export interface Doing {
  readonly module: Module
  readonly method: string
  readonly path?: string | undefined
}

export const systemError = (
  { method, module, path }: Doing,
  reason: SystemErrorReason,
  description: string,
  cause?: unknown
): SystemError =>
  new SystemError({
    module,
    method,
    reason,
    description,
    ...(path === undefined ? {} : { pathOrDescriptor: path }),
    ...(cause === undefined ? {} : { cause })
  })

export const badArgument = ({ method, module }: Doing, description: string): BadArgument =>
  new BadArgument({ module, method, description })

const apiReason = (error: KubeError): SystemErrorReason => {
  switch (error._tag) {
    case "Forbidden":
    case "Unauthorized":
    case "AuthError":
      return "PermissionDenied"
    case "TimeoutError":
    case "Timeout":
    case "ServerTimeout":
      return "TimedOut"
    default:
      // Not even for a pod that is gone is it NotFound: `exists` would say that the file is not there.
      return "Unknown"
  }
}

/** What went wrong on the way to the container. */
export const fromKubeError =
  (doing: Doing) =>
  (error: KubeError): PlatformError =>
    systemError(doing, apiReason(error), error.message, error)

/** A path that is no option and no `-`, whatever it begins with. */
export const plain = (path: string): string => (path.startsWith("/") ? path : `./${path}`)

/** No command line can hold these; a path of none of them is not there. */
export const checkArguments = (doing: Doing, args: ReadonlyArray<string>): Effect.Effect<void, PlatformError> =>
  args.some((arg) => arg.includes("\0"))
    ? Effect.fail(badArgument(doing, "a path, an argument or a variable cannot hold a null character"))
    : Effect.void
