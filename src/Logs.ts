/**
 * The logs of many containers as one stream: all of a pod, or of all pods of a workload, a service or a selector.
 *
 * `Pod.logs` is one request for the log of one container: it ends with the container and fails with the connection.
 * `follow` goes on.
 *
 * See [the logs of a pod](https://kubernetes.io/docs/concepts/cluster-administration/logging/).
 *
 * @since 0.1.0
 */
import type * as Schedule from "effect/Schedule"
import type * as Stream from "effect/Stream"
import * as internal from "./internal/logs.js"
import type { KubeError } from "./KubeError.js"
import type { KubeClient } from "./layers/KubeClient.js"
import type { Pods } from "./Pods.js"
import type { LogOptions } from "./Resource.js"

/**
 * A line, and who wrote it.
 *
 * @since 0.1.0
 * @category models
 */
export interface LogLine {
  readonly namespace: string
  /** The name of the pod. */
  readonly pod: string
  readonly container: string
  /**
   * When the node read the line: RFC 3339 with nanoseconds, as the kubelet sends it. A `Date` holds only milliseconds;
   * `new Date(timestamp)` makes one. `""` where the server gives no times.
   */
  readonly timestamp: string
  /** The line without its time and its line break. */
  readonly text: string
}

/**
 * Options of `read` and `follow`.
 *
 * @since 0.1.0
 * @category options
 */
export interface Options extends Pick<
  LogOptions,
  "sinceSeconds" | "sinceTime" | "stream" | "insecureSkipTLSVerifyBackend"
> {
  /**
   * Which containers: their names, or a function of a name. Default: all, also init containers and ephemeral ones. A
   * name that the one pod does not have is an `InvalidRequest`.
   */
  readonly containers?: ReadonlyArray<string> | ((name: string) => boolean) | undefined
  /** Only so many lines from the end, of each container. */
  readonly tailLines?: number | undefined
  /** How often and when to try again after failures of one container or connection; a line that comes resets it. */
  readonly retry?: Schedule.Schedule<unknown, KubeError> | undefined
}

/**
 * Options of `read`.
 *
 * @since 0.1.0
 * @category options
 */
export interface ReadOptions extends Options {
  /** The log of each container's last run, before it was restarted. */
  readonly previous?: boolean | undefined
  /** How many containers are read at a time. Default: 1, so that their lines do not mix. */
  readonly concurrency?: number | "unbounded" | undefined
}

/**
 * Options of `follow`. `tailLines` and the times are about the pods that are there at the start; of those that come
 * later, all is shown.
 *
 * @since 0.1.0
 * @category options
 */
export interface FollowOptions extends Options {
  /**
   * How many containers are followed at a time: each takes a connection, and watches a file on its node. What is over
   * waits until another container ends, and a warning is logged. Default: 50.
   */
  readonly concurrency?: number | "unbounded" | undefined
}

/**
 * What the containers of some pods have written, one container after the other: init containers, containers, ephemeral
 * ones. What is there ends: containers that have not started have no log.
 *
 * A connection that breaks is made again, and the log goes on where it was; by default, four times for each container
 * without a line in between. Fails with `NotFound` when the one pod, or the object that selects the pods, is not there.
 *
 * @example
 * ```ts
 * import { Console, Stream } from "effect"
 * import { Job, Logs, Pods } from "effect-kubernetes"
 *
 * const program = Logs.read(Pods.of(Job, "backup"), { tailLines: 100 }).pipe(
 *   Stream.runForEach(({ pod, container, text }) => Console.log(`${pod}/${container}: ${text}`))
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const read = (pods: Pods, options: ReadOptions = {}): Stream.Stream<LogLine, KubeError, KubeClient> =>
  internal.read(pods, options)

/**
 * What the containers of some pods have written, and what they write from now on (`tailLines: 0`: only that). Pods,
 * restarted containers and ephemeral ones join as they come.
 *
 * No line is lost or doubled when a connection breaks, a container is restarted, or the API server is away for a while:
 * each container goes on after the last of its lines. It can only go on with what its node still has. That is the
 * present log file and that of the run before: lines that were rotated away while nobody was connected, or of a run
 * that has been followed by two others, are lost. Between the containers there is no order, but the one in which their
 * lines come.
 *
 * A slow reader holds the servers back; what waits here is at most some lines, and a piece of each connection.
 *
 * One pod: ends when it has ended or was deleted, and everything is read. A workload or a selector: never ends by
 * itself. A container that cannot be read is tried again, by default for ever with up to 30 seconds in between, and does
 * not disturb the others; a second failure in a row is logged as a warning. Fails with `Unauthorized`, `Forbidden`,
 * `NotFound` (as `read`), or when `retry` gives up. Needs the right to get, list and watch pods, and to get `pods/log`.
 *
 * @example
 * ```ts
 * import { Console, Stream } from "effect"
 * import { Deployment, Logs, Pods } from "effect-kubernetes"
 *
 * const program = Logs.follow(Pods.of(Deployment, "web"), { tailLines: 10, containers: (name) => name !== "proxy" }).pipe(
 *   Stream.runForEach(({ pod, text }) => Console.log(`${pod}: ${text}`))
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const follow = (pods: Pods, options: FollowOptions = {}): Stream.Stream<LogLine, KubeError, KubeClient> =>
  internal.follow(pods, options)
