/** What every client under measurement does. Promises, because most of them know nothing else. */
export interface Adapter {
  /** So many GETs of these pods in turn, so many of them at a time. */
  readonly get: (names: ReadonlyArray<string>, count: number, concurrency: number) => Promise<void>
  /** All pods of the namespace in one answer. */
  readonly list: () => Promise<ReadonlyArray<unknown>>
  /** All pods of the namespace in pages of 500; how many they were. */
  readonly pages: () => Promise<number>
  readonly close: () => Promise<void>
}

/** What the module of an adapter exports; it reads the kubeconfig at `KUBECONFIG` itself, as its users would. */
export interface AdapterModule {
  readonly make: () => Promise<Adapter>
}

export const namespace = "bench"
export const pageSize = 500

/** The name of the pod of this number, counted from 0. */
export const podName = (index: number): string => `bench-${String(index).padStart(5, "0")}`

/** Runs `one` so many times, so many of them at a time. */
export const repeat = async (count: number, concurrency: number, one: (index: number) => Promise<unknown>) => {
  let next = 0
  const lane = async () => {
    while (next < count) await one(next++)
  }
  await Promise.all(Array.from({ length: concurrency }, lane))
}
