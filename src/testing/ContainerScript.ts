/**
 * What a container does in a TestCluster: nothing runs there, so a test says it.
 *
 * @since 0.1.0
 */
import type { HttpApp } from "@effect/platform"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"

/**
 * A container that has been started: once for each restart.
 *
 * @since 0.1.0
 * @category models
 */
export interface Started {
  readonly namespace: string
  readonly pod: string
  readonly container: string
  readonly image: string
  readonly command: ReadonlyArray<string>
  readonly args: ReadonlyArray<string>
  /** How often it was started before. */
  readonly restarts: number
}

/**
 * A command that somebody runs in a container.
 *
 * @since 0.1.0
 * @category models
 */
export interface Command extends Started {
  /** The words of the command. */
  readonly argv: ReadonlyArray<string>
  /** What comes from the client; ends when the client has ended it. Empty if the client sends none. */
  readonly stdin: Stream.Stream<Uint8Array>
  readonly tty: boolean
  /** The sizes of the terminal, each when the client tells it. */
  readonly sizes: Stream.Stream<{ readonly width: number; readonly height: number }>
  /** Writes to an output at once. Text is UTF-8. */
  readonly stdout: (bytes: string | Uint8Array) => Effect.Effect<void>
  readonly stderr: (bytes: string | Uint8Array) => Effect.Effect<void>
}

/**
 * What a command has written, beyond what it wrote at once, and how it ended. Default exit code: 0.
 *
 * @since 0.1.0
 * @category models
 */
export interface Result {
  readonly stdout?: string | Uint8Array | undefined
  readonly stderr?: string | Uint8Array | undefined
  readonly exitCode?: number | undefined
}

/**
 * A connection to a port of a container.
 *
 * @since 0.1.0
 * @category models
 */
export interface Connection {
  /** What the client sends; ends when the client has ended its side. */
  readonly incoming: Stream.Stream<Uint8Array>
  /** Sends to the client. The connection ends with the handler. */
  readonly send: (bytes: string | Uint8Array) => Effect.Effect<void>
}

/**
 * What a container does. Each part that is left out has its default, also where a later script says only another part.
 *
 * @since 0.1.0
 * @category models
 */
export interface ContainerScript {
  /**
   * What it does from its start to its end, and the exit code (none is 0; a defect is 1). Ending the container interrupts it.
   * Default: goes on until it is ended; where the pod is not to restart it (`restartPolicy` is not `Always`), and as init
   * container, it ends at once with 0.
   */
  readonly run?: Effect.Effect<number | void> | ((started: Started) => Effect.Effect<number | void>) | undefined
  /** How long pulling the image and creating the container take. Default: no time. */
  readonly start?: Duration.DurationInput | undefined
  /** How long it goes on when it is asked to end, at most for the pod's grace period. Default: no time. */
  readonly termination?: Duration.DurationInput | undefined
  /** Whether it is ready while it runs. Default: true. */
  readonly ready?: boolean | undefined
  /** Why the image cannot be pulled: the pod goes through `ErrImagePull` and `ImagePullBackOff`. Default: it can. */
  readonly imageError?: string | undefined
  /** The lines that it logs, from its start on: a stream logs each line when it comes. Default: none. */
  readonly logs?:
    | ReadonlyArray<string>
    | Stream.Stream<string>
    | ((started: Started) => ReadonlyArray<string> | Stream.Stream<string>)
    | undefined
  /** Commands of `exec`. Default: none is found in the image, as in one without a shell. */
  readonly exec?: ((command: Command) => Effect.Effect<Result | number | void>) | undefined
  /** `attach` to its process. Default: the log as it comes; the input goes nowhere. */
  readonly attach?: ((command: Command) => Effect.Effect<Result | number | void>) | undefined
  /** Who serves connections to a port: a handler of bytes, or an `HttpApp`. Default: nobody listens. */
  readonly ports?:
    { readonly [port: number]: ((connection: Connection) => Effect.Effect<void>) | HttpApp.Default<never> } | undefined
}

/**
 * Which containers a script is for: those with this name, or all that fit what is given.
 *
 * @since 0.1.0
 * @category models
 */
export type Which =
  | string
  | {
      readonly container?: string | undefined
      readonly pod?: string | undefined
      readonly namespace?: string | undefined
      readonly image?: string | undefined
      /** Labels of the pod. */
      readonly labels?: { readonly [key: string]: string } | undefined
    }

/**
 * A script and the containers that it is for, as `TestCluster.container` makes it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Scripted {
  readonly which: Which
  readonly script: ContainerScript
}
