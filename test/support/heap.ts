import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/** The bytes of what is not garbage. */
export const heap = (): number => {
  setFlagsFromString("--expose_gc")
  // The flag puts it there.
  const collect = runInNewContext("gc") as () => void
  collect()
  return process.memoryUsage().heapUsed
}
