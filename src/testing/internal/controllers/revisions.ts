/**
 * [ControllerRevisions](https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/controller-revision-v1/): the
 * templates that a StatefulSet or a DaemonSet has had, by which its pods are told apart.
 */
import { jsonEquals } from "../json.js"
import type { JsonObject } from "../openapi.js"
import { at } from "../strategies.js"
import {
  controllerReference,
  isDeleting,
  nameOf,
  namespaceOf,
  numberAt,
  objectAt,
  textAt,
  timeAt,
  uid,
  type Api
} from "./api.js"
import { hashOf, owned } from "./pods.js"

const resource = "controllerrevisions.apps"

export const revisionLabel = "controller-revision-hash"

const numberOf = (revision: JsonObject): number => numberAt(revision, ["revision"], 0)

const inOrder = (a: JsonObject, b: JsonObject): number =>
  numberOf(a) - numberOf(b) ||
  timeAt(a, ["metadata", "creationTimestamp"], 0) - timeAt(b, ["metadata", "creationTimestamp"], 0) ||
  (nameOf(a) < nameOf(b) ? -1 : 1)

export interface Revisions {
  /** The oldest first. */
  readonly all: ReadonlyArray<JsonObject>
  /** Of the template as it is now. */
  readonly newest: JsonObject
}

/** The revisions of an owner, with one for its present template; undefined if that could not be made. */
export const revisionsOf = (
  api: Api,
  owner: JsonObject,
  hashLabel: string,
  annotations: JsonObject
): Revisions | undefined => {
  const before = owned(api, owner, resource).toSorted(inOrder)
  const template = objectAt(owner, "spec", "template")
  const data: JsonObject = { spec: { template: { ...template, $patch: "replace" } } }
  const number = Math.max(0, ...before.map(numberOf)) + 1
  const same = before.filter((each) => jsonEquals(each["data"] ?? null, data)).at(-1)
  const last = before.at(-1)
  if (same !== undefined) {
    if (same === last) return { all: before, newest: same }
    // Back to a template of before: it becomes the newest.
    const renewed = api.update({ ...same, revision: number })
    const newest = renewed._tag === "Right" ? renewed.right : same
    return { all: [...before.filter((each) => each !== same), newest], newest }
  }
  const hash = hashOf([template, at(owner, "status", "collisionCount") ?? 0])
  const made = api.create(
    {
      apiVersion: "apps/v1",
      kind: "ControllerRevision",
      metadata: {
        name: `${nameOf(owner)}-${hash}`,
        labels: { ...objectAt(template, "metadata", "labels"), [hashLabel]: hash },
        ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
        ownerReferences: [controllerReference(owner)]
      },
      data,
      revision: number
    },
    namespaceOf(owner)
  )
  return made._tag === "Right" ? { all: [...before, made.right], newest: made.right } : undefined
}

/** The template of a revision. */
export const templateOf = (revision: JsonObject): JsonObject => {
  const { $patch: _patch, ...template } = objectAt(revision, "data", "spec", "template")
  return template
}

/** Removes the oldest revisions beyond the limit that nothing uses. */
export const cleanUp = (
  api: Api,
  owner: JsonObject,
  all: ReadonlyArray<JsonObject>,
  isUsed: (revision: JsonObject) => boolean
): void => {
  const limit = numberAt(owner, ["spec", "revisionHistoryLimit"], 10)
  const idle = all.filter((each) => !isUsed(each) && !isDeleting(each) && uid(each) !== "")
  for (const each of idle.slice(0, Math.max(0, idle.length - limit))) api.remove(each)
}

export const annotationsOf = (owner: JsonObject): JsonObject => objectAt(owner, "metadata", "annotations")

/** The revision that a pod was made of, as its label says. */
export const revisionOf = (pod: JsonObject): string => textAt(pod, "metadata", "labels", revisionLabel)
