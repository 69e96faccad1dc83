/** A program on Effect alone: what type-checking costs before this package comes in. */
import { Console, Effect } from "effect"

export const program = Effect.gen(function* () {
  yield* Console.log("no kinds")
}).pipe(Effect.catchAll(() => Effect.void))
