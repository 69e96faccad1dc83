/** What the clusters are asked, by topic. Each case has a namespace of its own. */
import type { Case } from "../harness.js"
import { randomCases } from "../random.js"
import { cases as access } from "./access.js"
import { cases as apply } from "./apply.js"
import { cases as create } from "./create.js"
import { cases as custom } from "./custom.js"
import { differences } from "./differences.js"
import { cases as deletion } from "./delete.js"
import { cases as forms } from "./forms.js"
import { cases as list } from "./list.js"
import { cases as namespaces } from "./namespaces.js"
import { cases as patch } from "./patch.js"
import { cases as paths } from "./paths.js"
import { cases as subresources } from "./subresources.js"
import { cases as update } from "./update.js"
import { cases as validation } from "./validation.js"
import { cases as warnings } from "./warnings.js"
import { cases as watch } from "./watch.js"

const cases: { readonly [topic: string]: ReadonlyArray<Case> } = {
  access,
  apply,
  create,
  custom,
  delete: deletion,
  forms,
  list,
  namespaces,
  patch,
  paths,
  random: randomCases(1, 5),
  subresources,
  update,
  validation,
  warnings,
  watch
}

/** By the name of the file, which is that of the record too. */
export const topics: { readonly [topic: string]: ReadonlyArray<Case> } = Object.fromEntries(
  Object.entries(cases).map(([topic, all]) => [
    topic,
    all.map((each): Case => {
      const differs = differences[topic]?.[each.name]
      return differs === undefined ? each : { ...each, differs }
    })
  ])
)
