/**
 * The [kubelet](https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/): takes the pods of the cluster's nodes
 * through their lives. What their containers do is what scripts say.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberStatus from "effect/FiberStatus"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ContainerScript, Scripted, Started, Which } from "../ContainerScript.js"
import type { Cell } from "./cell.js"
import type { Part } from "./controllers/driver.js"
import {
  isDeleting,
  nameOf,
  namespaceOf,
  numberAt,
  objectAt,
  objectsAt,
  textAt,
  timeAt,
  timeOf,
  uid,
  type Api
} from "./controllers/api.js"
import { jsonEquals } from "./json.js"
import { makeLog, type Log } from "./streamsLog.js"
import type { Json, JsonObject } from "./openapi.js"
import { at, listAt } from "./strategies.js"
import * as store from "./store.js"

const firstBackOff = 10_000
const longestBackOff = 300_000
/** A container that has run so long begins again without a pause. */
const forgiven = 600_000

// ---- scripts

const fits = (which: Which, pod: JsonObject, container: JsonObject): boolean => {
  const wanted = typeof which === "string" ? { container: which } : which
  const labels = objectAt(pod, "metadata", "labels")
  const same = (value: string | undefined, actual: string) => value === undefined || value === actual
  return (
    same(wanted.container, textAt(container, "name")) &&
    same("pod" in wanted ? wanted.pod : undefined, nameOf(pod)) &&
    same("namespace" in wanted ? wanted.namespace : undefined, namespaceOf(pod)) &&
    same("image" in wanted ? wanted.image : undefined, textAt(container, "image")) &&
    Object.entries(("labels" in wanted ? wanted.labels : undefined) ?? {}).every(
      ([key, value]) => labels[key] === value
    )
  )
}

/** One run of a container. */
export interface Run {
  readonly started: Started
  readonly script: ContainerScript
  readonly log: Log
  /** Done when the container has ended. */
  readonly ended: Deferred.Deferred<number>
}

interface Entry extends Run {
  readonly fiber: Fiber.RuntimeFiber<void>
}

/** What a kubelet remembers that the API does not show. */
interface Memory {
  /** When a container was first to be started. */
  readonly since: Map<string, number>
  readonly backOff: Map<string, { readonly attempts: number; readonly until: number }>
  readonly ips: Map<string, string>
}

export interface Kubelet {
  readonly part: Part
  readonly add: (scripted: Scripted) => Effect.Effect<void>
  readonly scriptOf: (pod: JsonObject, container: JsonObject) => ContainerScript
  /** The current run of a container, or the one before it. */
  readonly runOf: (pod: JsonObject, container: string, previous?: boolean) => Run | undefined
}

const keyOf = (pod: JsonObject, container: string): string => `${uid(pod)}/${container}`
const runKey = (pod: JsonObject, container: string, restarts: number): string => `${keyOf(pod, container)}/${restarts}`

const hash = (text: string, digits: number): string => {
  let result = ""
  // FNV-1a, over and over: ids only have to differ, and to be the same each time.
  for (let round = 0; result.length < digits; round++) {
    let value = 0x811c9dc5 ^ round
    for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
    result += (value >>> 0).toString(16).padStart(8, "0")
  }
  return result.slice(0, digits)
}

const containersOf = (pod: JsonObject): ReadonlyArray<JsonObject> => objectsAt(pod, "spec", "containers")
const initContainersOf = (pod: JsonObject): ReadonlyArray<JsonObject> => objectsAt(pod, "spec", "initContainers")
const ephemeralContainersOf = (pod: JsonObject): ReadonlyArray<JsonObject> =>
  objectsAt(pod, "spec", "ephemeralContainers")
/** All containers of a pod. */
export const specsOf = (pod: JsonObject): ReadonlyArray<JsonObject> => [
  ...initContainersOf(pod),
  ...containersOf(pod),
  ...ephemeralContainersOf(pod)
]
export const statusesOf = (pod: JsonObject): ReadonlyArray<JsonObject> => [
  ...objectsAt(pod, "status", "initContainerStatuses"),
  ...objectsAt(pod, "status", "containerStatuses"),
  ...objectsAt(pod, "status", "ephemeralContainerStatuses")
]
const isSidecar = (container: JsonObject): boolean => container["restartPolicy"] === "Always"

const stateOf = (status: JsonObject | undefined, name: "running" | "terminated" | "waiting"): JsonObject | undefined =>
  at(status, "state", name) === undefined ? undefined : objectAt(status, "state", name)

const isEnded = (pod: JsonObject): boolean => ["Succeeded", "Failed"].includes(textAt(pod, "status", "phase"))

const millis = (input: Duration.DurationInput | undefined): number =>
  input === undefined ? 0 : Duration.toMillis(input)

// ---- statuses

interface Statuses {
  readonly inits: ReadonlyArray<JsonObject>
  readonly all: ReadonlyArray<JsonObject>
  readonly ephemerals: ReadonlyArray<JsonObject>
}

/** A container for debugging is never ready, and nobody waits until it has started. */
const asEphemeral = (status: JsonObject): JsonObject => {
  const { started: _, ...rest } = status
  return { ...rest, ready: false }
}

const initial = (container: JsonObject, reason: string): JsonObject => ({
  image: container["image"] ?? "",
  imageID: "",
  lastState: {},
  name: container["name"] ?? "",
  ready: false,
  restartCount: 0,
  started: false,
  state: { waiting: { reason } }
})

const phaseOf = (pod: JsonObject, inits: ReadonlyArray<JsonObject>, all: ReadonlyArray<JsonObject>): string => {
  const policy = textAt(pod, "spec", "restartPolicy") || "Always"
  const initSpecs = initContainersOf(pod)
  for (const [index, status] of inits.entries()) {
    const spec = initSpecs[index] ?? {}
    if (isSidecar(spec)) {
      if (stateOf(status, "running") === undefined && stateOf(status, "terminated") === undefined) return "Pending"
      continue
    }
    const terminated = stateOf(status, "terminated")
    if (terminated?.["exitCode"] === 0) continue
    return terminated !== undefined && policy === "Never" ? "Failed" : "Pending"
  }
  let [waiting, running, stopped, succeeded] = [0, 0, 0, 0]
  for (const status of all) {
    const terminated = stateOf(status, "terminated")
    if (stateOf(status, "running") !== undefined) running++
    else if (terminated !== undefined) {
      stopped++
      if (terminated["exitCode"] === 0) succeeded++
    } else if (at(status, "lastState", "terminated") === undefined) waiting++
    else stopped++
  }
  if (waiting > 0) return "Pending"
  if (running > 0 || policy === "Always") return "Running"
  if (stopped === succeeded) return "Succeeded"
  return policy === "Never" ? "Failed" : "Running"
}

type Verdict = { readonly status: "False" | "True"; readonly reason?: string; readonly message?: string }

const names = (statuses: ReadonlyArray<JsonObject>): string => statuses.map((each) => String(each["name"])).join(" ")

const verdicts = (
  pod: JsonObject,
  phase: string,
  inits: ReadonlyArray<JsonObject>,
  all: ReadonlyArray<JsonObject>,
  hasSandbox: boolean
): { readonly [type: string]: Verdict } => {
  const specs = initContainersOf(pod)
  const incomplete = inits.filter((status, index) =>
    isSidecar(specs[index] ?? {}) ? status["started"] !== true : stateOf(status, "terminated")?.["exitCode"] !== 0
  )
  const ended = phase === "Succeeded" || phase === "Failed"
  const unready = all.filter((status) => status["ready"] !== true)
  const containersReady: Verdict =
    phase === "Succeeded"
      ? { status: "False", reason: "PodCompleted" }
      : phase === "Failed"
        ? { status: "False", reason: "PodFailed" }
        : unready.length > 0
          ? {
              status: "False",
              reason: "ContainersNotReady",
              message: `containers with unready status: [${names(unready)}]`
            }
          : { status: "True" }
  const conditions = objectsAt(pod, "status", "conditions")
  const gates = objectsAt(pod, "spec", "readinessGates").flatMap(({ conditionType }) => {
    const condition = conditions.find((each) => each["type"] === conditionType)
    if (condition === undefined) {
      return [`corresponding condition of pod readiness gate ${JSON.stringify(conditionType)} does not exist.`]
    }
    return condition["status"] === "True"
      ? []
      : [
          `the status of pod readiness gate ${JSON.stringify(conditionType)} is not "True", but ${String(condition["status"])}`
        ]
  })
  return {
    PodReadyToStartContainers: { status: hasSandbox && !ended ? "True" : "False" },
    Initialized:
      phase === "Succeeded"
        ? { status: "True", reason: "PodCompleted" }
        : incomplete.length > 0
          ? {
              status: "False",
              reason: "ContainersNotInitialized",
              message: `containers with incomplete status: [${names(incomplete)}]`
            }
          : { status: "True" },
    Ready:
      containersReady.status === "True" && gates.length > 0
        ? { status: "False", reason: "ReadinessGatesNotReady", message: gates.join(", ") }
        : containersReady,
    ContainersReady: containersReady,
    PodScheduled: { status: "True" }
  }
}

const conditionsOf = (
  pod: JsonObject,
  time: string,
  wanted: { readonly [type: string]: Verdict }
): ReadonlyArray<JsonObject> => {
  const before = objectsAt(pod, "status", "conditions")
  const generation = at(pod, "metadata", "generation")
  const own = Object.entries(wanted).map(([type, verdict]): JsonObject => {
    const old = before.find((each) => each["type"] === type)
    return {
      type,
      lastProbeTime: null,
      lastTransitionTime: old?.["status"] === verdict.status ? (old["lastTransitionTime"] ?? time) : time,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      ...verdict
    }
  })
  return [...own, ...before.filter((each) => wanted[String(each["type"])] === undefined)]
}

export const make = (cell: Cell, scripts: ReadonlyArray<Scripted>): Effect.Effect<Kubelet, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    let all = scripts
    const memory: Memory = { since: new Map(), backOff: new Map(), ips: new Map() }
    const runs = new Map<string, Entry>()
    const exits = new Map<string, { readonly code: number; readonly finished: number }>()
    let call = Deferred.unsafeMake<void>(FiberId.none)
    let called = false
    const ring = Effect.suspend(() => {
      called = true
      return Deferred.succeed(call, undefined)
    })

    const scriptOf = (pod: JsonObject, container: JsonObject): ContainerScript =>
      Object.assign({}, ...all.filter(({ which }) => fits(which, pod, container)).map(({ script }) => script))

    const startedOf = (pod: JsonObject, container: JsonObject, restarts: number): Started => ({
      namespace: namespaceOf(pod),
      pod: nameOf(pod),
      container: textAt(container, "name"),
      image: textAt(container, "image"),
      command: listAt(container, "command").map(String),
      args: listAt(container, "args").map(String),
      restarts
    })

    /** What the container does, from now on, in a fiber of its own. */
    const start = (pod: JsonObject, container: JsonObject, restarts: number, endsByItself: boolean) =>
      Effect.gen(function* () {
        const key = runKey(pod, textAt(container, "name"), restarts)
        const script = scriptOf(pod, container)
        const started = startedOf(pod, container, restarts)
        const log = yield* makeLog
        const ended = yield* Deferred.make<number>()
        const { logs, run = endsByItself ? Effect.void : Effect.never } = script
        const lines = typeof logs === "function" ? logs(started) : (logs ?? [])
        const write = (line: string) => log.write("stdout", line)
        const writes = isLines(lines)
          ? Effect.forEach(lines, write, { discard: true })
          : // It goes on beside what the container does, and ends with it.
            Effect.fork(Stream.runForEach(lines, write))
        const runs_ = typeof run === "function" ? Effect.suspend(() => run(started)) : run
        const work = Effect.gen(function* () {
          yield* writes
          return yield* runs_
        }).pipe(
          Effect.exit,
          Effect.flatMap((exit) => {
            if (Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)) return Effect.void
            const code = Exit.match(exit, { onFailure: () => 1, onSuccess: (value) => value ?? 0 })
            return Effect.flatMap(
              Effect.clockWith((clock) => clock.currentTimeMillis),
              (finished) => {
                exits.set(key, { code, finished })
                return Effect.zipRight(Deferred.succeed(ended, code), ring)
              }
            )
          }),
          Effect.ensuring(Effect.suspend(() => Effect.zipRight(log.end, Deferred.succeed(ended, 143)))),
          Effect.asVoid
        )
        const fiber = yield* Effect.forkIn(work, scope)
        runs.set(key, { started, script, log, ended, fiber })
      })

    // ---- one container

    interface Context {
      readonly api: Api
      readonly pod: JsonObject
      readonly policy: string
    }

    const containerId = (pod: JsonObject, name: string, restarts: number): string =>
      `containerd://${hash(runKey(pod, name, restarts), 64)}`

    const terminatedWith = (status: JsonObject, code: number, finished: number): JsonObject => ({
      terminated: {
        containerID: status["containerID"] ?? "",
        exitCode: code,
        finishedAt: timeOf(finished),
        reason: code === 0 ? "Completed" : "Error",
        startedAt: at(status, "state", "running", "startedAt") ?? timeOf(finished)
      }
    })

    const running = ({ api, pod }: Context, container: JsonObject, before: JsonObject): JsonObject => {
      const name = textAt(container, "name")
      const wasThere = before["containerID"] !== undefined
      const restarts = numberAt(before, ["restartCount"], 0) + (wasThere ? 1 : 0)
      const last = stateOf(before, "terminated")
      memory.since.delete(keyOf(pod, name))
      return {
        ...before,
        containerID: containerId(pod, name, restarts),
        imageID: `sha256:${hash(textAt(container, "image"), 64)}`,
        lastState: last === undefined ? (before["lastState"] ?? {}) : { terminated: last },
        ready: !isInit(pod, name) && scriptOf(pod, container).ready !== false,
        resources: container["resources"] ?? {},
        restartCount: restarts,
        started: true,
        state: { running: { startedAt: api.time } }
      }
    }

    const isInit = (pod: JsonObject, name: string): boolean =>
      initContainersOf(pod).some((each) => each["name"] === name && !isSidecar(each))

    /** A container that is to run, one step further. */
    const advance = (context: Context, container: JsonObject, status: JsonObject): JsonObject => {
      const { api, pod, policy } = context
      const name = textAt(container, "name")
      const key = keyOf(pod, name)
      const script = scriptOf(pod, container)
      const restarts = numberAt(status, ["restartCount"], 0)
      const terminated = stateOf(status, "terminated")
      if (stateOf(status, "running") !== undefined) {
        const exit = exits.get(runKey(pod, name, restarts))
        if (exit !== undefined) {
          return {
            ...status,
            ready: isInit(pod, name) && exit.code === 0,
            started: false,
            state: terminatedWith(status, exit.code, exit.finished)
          }
        }
        return isInit(pod, name) ? status : { ...status, ready: script.ready !== false }
      }
      if (terminated !== undefined) {
        const again =
          isSidecar(container) || policy === "Always" || (policy === "OnFailure" && terminated["exitCode"] !== 0)
        // An init container that has succeeded has done its work.
        if (!again || (isInit(pod, name) && terminated["exitCode"] === 0)) return status
        const [began, ended] = [timeAt(terminated, ["startedAt"], 0), timeAt(terminated, ["finishedAt"], api.now)]
        if (restarts === 0 || ended - began >= forgiven) return running(context, container, status)
        const pause = Math.min(longestBackOff, firstBackOff * 2 ** Math.min(restarts - 1, 10))
        memory.backOff.set(key, { attempts: restarts, until: ended + pause })
        return {
          ...status,
          ready: false,
          lastState: { terminated },
          state: {
            waiting: {
              message: `back-off ${goDuration(pause)} restarting failed container=${name} pod=${nameOf(pod)}_${namespaceOf(pod)}(${uid(pod)})`,
              reason: "CrashLoopBackOff"
            }
          }
        }
      }
      const pause = memory.backOff.get(key)
      if (pause !== undefined && pause.until > api.now) {
        api.wakeAt(pause.until)
        const waiting = stateOf(status, "waiting")
        // The first refusal is seen once before the pause is.
        return waiting?.["reason"] === "ErrImagePull"
          ? {
              ...status,
              state: {
                waiting: {
                  message: `Back-off pulling image ${JSON.stringify(container["image"] ?? "")}: ErrImagePull: ${String(waiting["message"])}`,
                  reason: "ImagePullBackOff"
                }
              }
            }
          : status
      }
      const since = memory.since.get(key) ?? api.now
      memory.since.set(key, since)
      const from = since + (status["containerID"] === undefined ? millis(script.start) : 0)
      if (from > api.now) {
        api.wakeAt(from)
        return status
      }
      if (script.imageError !== undefined) {
        const attempts = (pause?.attempts ?? 0) + 1
        memory.backOff.set(key, {
          attempts,
          until: api.now + Math.min(longestBackOff, firstBackOff * 2 ** Math.min(attempts - 1, 10))
        })
        return { ...status, state: { waiting: { message: script.imageError, reason: "ErrImagePull" } } }
      }
      memory.backOff.delete(key)
      return running(context, container, status)
    }

    /** The containers that are there, each one step further. */
    const advanced = (context: Context): Statuses => {
      const { pod } = context
      const specs = initContainersOf(pod)
      const find = (list: string, container: JsonObject) =>
        objectsAt(pod, "status", list).find((each) => each["name"] === container["name"]) ??
        initial(container, specs.length > 0 ? "PodInitializing" : "ContainerCreating")
      let ready = true
      const inits = specs.map((container) => {
        const status = find("initContainerStatuses", container)
        if (!ready) return status
        const next = advance(context, container, status)
        ready = isSidecar(container) ? next["started"] === true : stateOf(next, "terminated")?.["exitCode"] === 0
        return next
      })
      return {
        inits,
        all: containersOf(pod).map((container) => {
          const status = find("containerStatuses", container)
          return ready ? advance(context, container, status) : status
        }),
        ephemerals: ephemeralContainersOf(pod).map((container) =>
          asEphemeral(
            advance({ ...context, policy: "Never" }, container, find("ephemeralContainerStatuses", container))
          )
        )
      }
    }

    // ---- one pod

    const ipOf = (api: Api, pod: JsonObject, node: number): string => {
      const known = memory.ips.get(uid(pod))
      if (known !== undefined) return known
      const taken = new Set(api.list("pods").map((each) => textAt(each, "status", "podIP")))
      let last = 2
      const address = () => `10.244.${node}.${last}`
      while (taken.has(address())) last++
      memory.ips.set(uid(pod), address())
      return address()
    }

    const write = (api: Api, pod: JsonObject, status: JsonObject) => {
      if (!jsonEquals(pod["status"], status)) api.update({ ...pod, status }, "status")
    }

    const statusWith = (
      api: Api,
      pod: JsonObject,
      { all, ephemerals, inits }: Statuses,
      phase: string,
      more: JsonObject,
      hasSandbox: boolean
    ): JsonObject => ({
      ...objectAt(pod, "status"),
      ...more,
      ...(at(pod, "metadata", "generation") === undefined
        ? {}
        : { observedGeneration: at(pod, "metadata", "generation") ?? 1 }),
      phase,
      conditions: conditionsOf(pod, api.time, verdicts(pod, phase, inits, all, hasSandbox)),
      ...(inits.length === 0 ? {} : { initContainerStatuses: inits }),
      containerStatuses: all,
      ...(ephemerals.length === 0 ? {} : { ephemeralContainerStatuses: ephemerals })
    })

    const begin = (api: Api, pod: JsonObject, node: number) => {
      const reason = initContainersOf(pod).length > 0 ? "PodInitializing" : "ContainerCreating"
      const statuses = {
        inits: initContainersOf(pod).map((each) => initial(each, reason)),
        all: containersOf(pod).map((each) => initial(each, reason)),
        ephemerals: []
      }
      const host = `192.168.0.${node + 1}`
      write(
        api,
        pod,
        statusWith(api, pod, statuses, "Pending", { hostIP: host, hostIPs: [{ ip: host }], startTime: api.time }, false)
      )
    }

    /** The containers that still run, ended with what a signal leaves; undefined while one of them goes on. */
    const stopped = (api: Api, pod: JsonObject, asked: number, grace: number) => {
      let goesOn = false
      const stop = (list: string, specs: ReadonlyArray<JsonObject>): ReadonlyArray<JsonObject> =>
        objectsAt(pod, "status", list).map((status) => {
          if (stateOf(status, "running") === undefined) return status
          const spec = specs.find((each) => each["name"] === status["name"]) ?? {}
          const exit = exits.get(runKey(pod, textAt(status, "name"), numberAt(status, ["restartCount"], 0)))
          const takes = millis(scriptOf(pod, spec).termination)
          const until = asked + Math.min(takes, grace)
          if (exit === undefined && until > api.now) {
            goesOn = true
            api.wakeAt(until)
            return status
          }
          const [code, finished] = exit === undefined ? [takes > grace ? 137 : 0, api.now] : [exit.code, exit.finished]
          return { ...status, ready: false, started: false, state: terminatedWith(status, code, finished) }
        })
      const statuses = {
        inits: stop("initContainerStatuses", initContainersOf(pod)),
        all: stop("containerStatuses", containersOf(pod)),
        ephemerals: stop("ephemeralContainerStatuses", ephemeralContainersOf(pod)).map(asEphemeral)
      }
      return goesOn ? undefined : statuses
    }

    const end = (api: Api, pod: JsonObject) => {
      if (!isEnded(pod)) {
        const grace = numberAt(pod, ["metadata", "deletionGracePeriodSeconds"], 0) * 1000
        const asked = timeAt(pod, ["metadata", "deletionTimestamp"], api.now) - grace
        const statuses = stopped(api, pod, asked, grace)
        if (statuses === undefined) return
        const failed = statuses.all.some((each) => stateOf(each, "terminated")?.["exitCode"] !== 0)
        write(api, pod, statusWith(api, pod, statuses, failed ? "Failed" : "Succeeded", {}, false))
      }
      api.remove(pod, { gracePeriodSeconds: 0 })
    }

    const sync = (api: Api, pod: JsonObject, node: number) => {
      if (isDeleting(pod)) return end(api, pod)
      if (isEnded(pod)) return
      const startTime = timeAt(pod, ["status", "startTime"], Number.NaN)
      if (Number.isNaN(startTime)) return begin(api, pod, node)
      const deadline = at(pod, "spec", "activeDeadlineSeconds")
      if (typeof deadline === "number") {
        const until = startTime + deadline * 1000
        if (until <= api.now) {
          const statuses = stopped(api, pod, api.now, 0)
          if (statuses === undefined) return
          const reason = "DeadlineExceeded"
          const message = "Pod was active on the node longer than the specified deadline"
          return write(api, pod, statusWith(api, pod, statuses, "Failed", { reason, message }, false))
        }
        api.wakeAt(until)
      }
      const statuses = advanced({ api, pod, policy: textAt(pod, "spec", "restartPolicy") || "Always" })
      const phase = phaseOf(pod, statuses.inits, statuses.all)
      const isHost = at(pod, "spec", "hostNetwork") === true
      const ip = isHost ? textAt(pod, "status", "hostIP") : ipOf(api, pod, node)
      write(api, pod, statusWith(api, pod, statuses, phase, { podIP: ip, podIPs: [{ ip }] }, true))
    }

    /** Starts what runs by the state, and ends what does not any more. */
    const follow: Effect.Effect<boolean> = Effect.gen(function* () {
      const before = called
      if (called) {
        called = false
        // Whoever waits has the old one.
        call = Deferred.unsafeMake<void>(FiberId.none)
      }
      const { objects } = yield* cell.get
      const nodes = new Set(store.list(objects, "nodes", undefined).map(({ object }) => nameOf(object)))
      const wanted = new Set<string>()
      const present = new Set<string>()
      for (const { object: pod } of store.list(objects, "pods", undefined)) {
        present.add(uid(pod))
        if (!nodes.has(textAt(pod, "spec", "nodeName"))) continue
        const policy = textAt(pod, "spec", "restartPolicy") || "Always"
        const specs = specsOf(pod)
        for (const status of statusesOf(pod)) {
          if (stateOf(status, "running") === undefined) continue
          const name = textAt(status, "name")
          const restarts = numberAt(status, ["restartCount"], 0)
          const key = runKey(pod, name, restarts)
          wanted.add(key)
          const spec = specs.find((each) => each["name"] === name)
          if (spec === undefined || runs.has(key)) continue
          const isRestarted = isSidecar(spec) || (policy === "Always" && containersOf(pod).includes(spec))
          yield* start(pod, spec, restarts, !isRestarted)
        }
      }
      for (const [key, { fiber }] of runs) {
        if (!wanted.has(key) && fiber.unsafePoll() === null) yield* Fiber.interrupt(fiber)
        // Nobody can ask for the logs of a pod that is gone.
        if (!present.has(key.split("/")[0] ?? "")) {
          runs.delete(key)
          exits.delete(key)
        }
      }
      // What ends without waiting for anything has ended after this.
      for (const { fiber } of runs.values()) {
        while (FiberStatus.isRunning(yield* Fiber.status(fiber))) yield* Effect.yieldNow()
      }
      return before || called
    })

    const part: Part = {
      user: "kubelet",
      controller: {
        name: "kubelet",
        watches: ["pods", "nodes"],
        sync: (api) => {
          const nodes = new Map(api.list("nodes").map((node, index) => [nameOf(node), index]))
          for (const pod of api.list("pods")) {
            const node = nodes.get(textAt(pod, "spec", "nodeName"))
            if (node !== undefined) sync(api, pod, node)
          }
        }
      },
      after: follow,
      called: Effect.suspend(() => (called ? Effect.void : Deferred.await(call)))
    }
    return {
      part,
      add: (scripted) =>
        Effect.suspend(() => {
          all = [...all, scripted]
          return ring
        }),
      scriptOf,
      runOf: (pod, container, previous = false) => {
        const status = statusesOf(pod).find((each) => each["name"] === container)
        const restarts = numberAt(status, ["restartCount"], 0)
        return runs.get(runKey(pod, container, previous ? restarts - 1 : restarts))
      }
    }
  })

// A `Stream` is no array.
const isLines = (lines: ReadonlyArray<string> | Stream.Stream<string>): lines is ReadonlyArray<string> =>
  Array.isArray(lines)

/** As Go writes whole seconds. */
const goDuration = (pause: number): string => {
  const seconds = pause / 1000
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}

/** A node that is ready. */
export const node = (index: number, time: string): JsonObject => {
  const name = `node-${index + 1}`
  const condition = (type: string, status: string, reason: string, message: string): Json => ({
    type,
    status,
    lastHeartbeatTime: time,
    lastTransitionTime: time,
    reason,
    message
  })
  const capacity = { cpu: "8", "ephemeral-storage": "100Gi", memory: "32Gi", pods: "110" }
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      labels: {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux"
      }
    },
    spec: {},
    status: {
      addresses: [
        { address: `192.168.0.${index + 1}`, type: "InternalIP" },
        { address: name, type: "Hostname" }
      ],
      allocatable: capacity,
      capacity,
      conditions: [
        condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        condition("Ready", "True", "KubeletReady", "kubelet is posting ready status")
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
      nodeInfo: {
        architecture: "amd64",
        bootID: "",
        containerRuntimeVersion: "containerd://2.0.0",
        kernelVersion: "",
        kubeProxyVersion: "",
        kubeletVersion: "v1.35.4",
        machineID: "",
        operatingSystem: "linux",
        osImage: "",
        systemUUID: ""
      }
    }
  }
}
