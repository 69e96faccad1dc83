/** What the generated files under `resources/` are written with. */
import type { AnyResource } from "../Resource.js"
import { make, type Description } from "./resource.js"

export * from "./schemas.js"

/** The descriptor of a built-in kind, with the verbs that its discovery entry lists. */
export const resource = <R extends AnyResource>(description: Omit<Description, "codec">): R =>
  // `R` is composed by the generator from the same verbs and subresources that `description` names.
  make(description) as unknown as R
