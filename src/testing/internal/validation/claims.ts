/** What claims to storage have to be. */
import { rules } from "../names.js"
import type { JsonObject } from "../openapi.js"
import {
  accessModes,
  forbid,
  invalid,
  labelSelector,
  listAt,
  maybeOneOf,
  missing,
  name,
  objectAt,
  problems,
  quantityAt,
  textAt,
  valueAt,
  type Causes
} from "./rules.js"

/** The modes in which a volume may be used, of claims and of volumes. */
export const modes = (out: Causes, path: string, spec: JsonObject): void => {
  const given = listAt(spec, "accessModes")
  for (const mode of given) maybeOneOf(out, `${path}.accessModes`, mode, accessModes)
  const others = given.some((mode) => mode !== "ReadWriteOncePod" && accessModes.includes(String(mode)))
  if (given.includes("ReadWriteOncePod") && others) {
    forbid(out, `${path}.accessModes`, "may not use ReadWriteOncePod with other access modes")
  }
}

const dataSource = (out: Causes, path: string, source: JsonObject): void => {
  const [kind, group] = [textAt(source, "kind"), textAt(source, "apiGroup")]
  if (textAt(source, "name") === "") missing(out, `${path}.name`)
  if (kind === "") missing(out, `${path}.kind`)
  if (group === "" && kind !== "PersistentVolumeClaim") {
    invalid(out, path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup")
  }
  if (group !== "") problems(out, `${path}.apiGroup`, group, rules.subdomain(group))
}

/** What is wrong with the specification of a claim. */
export const claimSpec = (out: Causes, path: string, spec: JsonObject): void => {
  if (listAt(spec, "accessModes").length === 0) {
    missing(out, `${path}.accessModes`, "at least 1 access mode is required")
  }
  labelSelector(out, `${path}.selector`, objectAt(spec, "selector"))
  modes(out, path, spec)
  const storage = valueAt(spec, "resources", "requests", "storage")
  const amount = quantityAt(storage)
  if (storage === undefined) missing(out, `${path}.resources[storage]`)
  else if (amount !== undefined && amount.nanos <= 0n) {
    invalid(out, `${path}.resources[storage]`, storage, "must be greater than zero")
  }
  const className = textAt(spec, "storageClassName")
  if (className !== "") name(out, `${path}.storageClassName`, className, "subdomain")
  maybeOneOf(out, `${path}.volumeMode`, valueAt(spec, "volumeMode"), ["Block", "Filesystem"])
  const [source, reference] = [objectAt(spec, "dataSource"), objectAt(spec, "dataSourceRef")]
  if (source !== undefined) dataSource(out, `${path}.dataSource`, source)
  if (reference !== undefined) dataSource(out, `${path}.dataSourceRef`, reference)
  if (source !== undefined && reference !== undefined) {
    if (["apiGroup", "kind", "name"].some((key) => valueAt(source, key) !== valueAt(reference, key))) {
      // It shows the path that it means, and that has nothing to show.
      invalid(out, path, {}, "must match dataSourceRef")
    }
  }
  const attributes = textAt(spec, "volumeAttributesClassName")
  if (attributes !== "") name(out, `${path}.volumeAttributesClassName`, attributes, "subdomain")
}
