/** A collection put together from what is told of it, which takes nothing for granted. */
import type { Stored, WatchEvent } from "effect-kubernetes"
import type { InformerEvent } from "effect-kubernetes/Informer"

interface Like {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly uid: string
    readonly resourceVersion: string
  }
}

type Told<K> = WatchEvent<K> | InformerEvent<K>

const shown = ({ metadata: { name, resourceVersion, uid } }: Like) => `${name} (${uid}, version ${resourceVersion})`

/** Adds what is unknown, changes and deletes what is known, in order; anything else throws. */
export const strictly = <K>() => {
  const known = new Map<string, Stored<K> & Like>()
  const count = { Added: 0, Modified: 0, Deleted: 0, Bookmark: 0, Synced: 0 }
  const wrong = (what: string, object: Like): never => {
    throw new Error(`${what}: ${shown(object)}`)
  }
  return {
    known: known as ReadonlyMap<string, Stored<K>>,
    count: count as Readonly<typeof count>,
    take: (event: Told<K>, { anew = false }: { readonly anew?: boolean } = {}): void => {
      count[event._tag]++
      if (!("object" in event)) {
        if (event._tag === "Synced" && count.Synced > 1) throw new Error("synced twice")
        return
      }
      // Every stored object of a kind that is namespaced.
      const object = event.object as Stored<K> & Like
      const key = `${object.metadata.namespace}/${object.metadata.name}`
      const before = known.get(key)
      switch (event._tag) {
        case "Added":
          if (before !== undefined) wrong("added twice", object)
          known.set(key, object)
          return
        case "Modified":
          if (before === undefined) return wrong("changed and not known", object)
          // Told of the latest only, another object of this name is a change.
          if (!anew && before.metadata.uid !== object.metadata.uid) wrong("changed into another", object)
          if (Number(before.metadata.resourceVersion) >= Number(object.metadata.resourceVersion)) {
            wrong("changed to what it was", object)
          }
          if ("previous" in event && event.previous !== before) wrong("changed from another state", object)
          known.set(key, object)
          return
        case "Deleted":
          if (before === undefined) return wrong("deleted and not known", object)
          if (!anew && before.metadata.uid !== object.metadata.uid) wrong("another one was deleted", object)
          known.delete(key)
      }
    }
  }
}
