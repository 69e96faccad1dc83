/** Chaos by the seed. `CHAOS_SEEDS` says how many seeds, `CHAOS_SEED` which is the first. */
import { setImmediate } from "node:timers/promises"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import { chaos } from "./chaos.js"
import * as Simulation from "./simulation.js"

const hour = 3_600_000

/** A seed costs about 0.2 s of a core. */
const seeds = Number(process.env["CHAOS_SEEDS"] ?? 100)
const firstSeed = Number(process.env["CHAOS_SEED"] ?? 1)

/** So many seeds are one test. */
const block = 20

const reportOf = (seed: number) => {
  const simulation = Simulation.make(seed)
  const fiber = simulation.start(chaos(seed))
  simulation.pass(24 * hour)
  const exit = fiber.unsafePoll()
  if (exit !== null && Exit.isSuccess(exit)) return exit.value
  const why = exit === null ? "it has not ended after a day" : Cause.pretty(exit.cause)
  throw new Error(`CHAOS_SEED=${seed} CHAOS_SEEDS=1 npx vitest run test/chaos\n${why}`)
}

/** One of several files, each of which has its share of the seeds, so that they run on several cores. */
export const share = (part: number, parts: number): void => {
  const all = Array.from({ length: seeds }, (_, index) => firstSeed + index)
  const mine = all.filter((seed) => seed % parts === part)
  describe.skipIf(mine.length === 0)(
    "chaos between a TestCluster and what watches it makes no difference in the end",
    () => {
      const seen = new Set<string>()
      for (let at = 0; at < mine.length; at += block) {
        const some = mine.slice(at, at + block)
        it(`with the seeds ${some[0]} to ${some.at(-1)}, every ${parts}th`, { timeout: 600_000 }, async () => {
          let [requests, events] = [0, 0]
          for (const seed of some) {
            const report = reportOf(seed)
            requests += report.requests
            events += report.events
            for (const fault of report.faults) seen.add(fault)
            // A simulation never waits for anything real, not even between two tests: the runner needs its turn.
            await setImmediate()
          }
          // The runs were not empty.
          assert.isAtLeast(requests, 4 * some.length)
          assert.isAtLeast(events, some.length)
        })
      }
      it.skipIf(mine.length < 50)("and every fault was among them", () => {
        const wanted = ["Fragmented", "HalfOpen", "Latency", "Malformed", "Refused", "Reset", "Stalled", "Truncated"]
        const codes = [401, 403, 404, 410, 422, 429, 500, 503, 504].map((code) => `Status ${code}`)
        const storms = [401, 403, 404].map((code) => `a storm of Status ${code}`)
        assert.includeMembers([...seen], [...wanted, ...codes, ...storms, "no credentials", "compaction", "restart"])
      })
    }
  )
}
