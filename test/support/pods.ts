/** Pods for the tests that need a node: the one image that the test cluster has, and no time to end. */
import * as Effect from "effect/Effect"
import { Pod, type CoreV1, type KubeClient, type KubeError, type Stored } from "effect-kubernetes"
import * as Node from "../cluster/Node.js"
import * as e2e from "./e2e.js"

export const container = (
  name: string,
  command: ReadonlyArray<string>,
  more: Partial<CoreV1.Container> = {}
): CoreV1.Container => ({ name, image: Node.image, imagePullPolicy: "Never", command, ...more })

/** A process that waits, and that a signal ends at once: the shell itself would not hear it as the first process. */
export const idle: ReadonlyArray<string> = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"]

/** Makes a pod, and waits until it is as wanted. */
export const start = (
  name: string,
  containers: ReadonlyArray<CoreV1.Container>,
  {
    annotations,
    until = isReady,
    ...spec
  }: Omit<Partial<CoreV1.PodSpec>, "containers"> & {
    readonly annotations?: { readonly [key: string]: string }
    readonly until?: (pod: Stored<Pod>) => boolean
  } = {}
): Effect.Effect<Stored<Pod>, KubeError, KubeClient> =>
  e2e.podsAllowed.pipe(
    Effect.zipRight(
      Pod.create({
        metadata: { name, ...(annotations === undefined ? {} : { annotations }) },
        spec: { terminationGracePeriodSeconds: 0, restartPolicy: "Never", ...spec, containers }
      })
    ),
    Effect.zipRight(e2e.until(Pod, name, until))
  )

export const isReady = (pod: Stored<Pod>): boolean =>
  (pod.status.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True")

export const hasEnded = (pod: Stored<Pod>): boolean => pod.status.phase === "Succeeded" || pod.status.phase === "Failed"
