/**
 * What the sources of a release say that its API server does not: how its kinds are written in protobuf, what its fields
 * are in Go, and how it prints its structs. They are in Go's module cache, where the build of the test cluster puts them. `take` reads them, `encode` and
 * `decode` write and read the committed file.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import type { OpenApi } from "../../src/testing/internal/openapi.js"
import { differentFields } from "./goTypes.js"
import { printedStructs } from "./goStructs.js"
import { messagesOf } from "./proto.js"
import { GenerateError, minor, type Snapshot } from "./snapshot.js"

const GoSources = Schema.Struct({
  /** The version of the sources, without the `v`. */
  kubernetes: Schema.String,
  /** The fields of each message of protobuf. */
  messages: Schema.Record({ key: Schema.String, value: Schema.String }),
  /** The types of fields in Go, by definition, where the OpenAPI does not let expect them. */
  fields: Schema.Record({ key: Schema.String, value: Schema.Record({ key: Schema.String, value: Schema.String }) }),
  /** The fields of the structs that messages quote. */
  structs: Schema.Record({ key: Schema.String, value: Schema.String })
})
export type GoSources = typeof GoSources.Type

/** The folder of the sources of a package: `io.k8s.api.core.v1` is in `api/core/v1`. */
export type FolderOf = (name: string) => string

/** Reads the sources of the release that the snapshot is of. */
export const take = ({ kubernetes, schemas }: Snapshot): Effect.Effect<GoSources, GenerateError> =>
  Effect.try({
    try: () => {
      const release = kubernetes.replace(/^1\./, "v0.")
      const cache = join(execFileSync("go", ["env", "GOMODCACHE"], { encoding: "utf8" }).trim(), "k8s.io")
      const folderOf: FolderOf = (name) => {
        const [module = "", ...path] = name.replace(/^io\.k8s\./, "").split(".")
        return join(cache, `${module}@${release}`, ...path)
      }
      const api = folderOf("io.k8s.api.core.v1")
      if (!existsSync(api)) throw new Error(`there is no ${api}`)
      return {
        kubernetes,
        messages: messagesOf(schemas, folderOf),
        // What was read from JSON has nothing but JSON in it.
        fields: differentFields(schemas as { readonly [name: string]: OpenApi }, folderOf),
        structs: printedStructs(folderOf, (group) => join(cache, `kubernetes@v${kubernetes}`, "pkg/apis", group))
      }
    },
    catch: (cause) =>
      new GenerateError({
        message: `the sources of Kubernetes ${kubernetes} cannot be read; \`go mod download\` in test/cluster/go fetches them`,
        cause
      })
  })

/** JSON with one definition to a line. */
export const encode = ({ fields, kubernetes, messages, structs }: GoSources): string => {
  const lines = (entries: { readonly [key: string]: unknown }) =>
    Object.entries(entries)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)
      .join(",\n")
  return [
    `{"kubernetes":${JSON.stringify(kubernetes)},`,
    `"messages":{\n${lines(messages)}\n},`,
    `"fields":{\n${lines(fields)}\n},`,
    `"structs":{\n${lines(structs)}\n}}\n`
  ].join("\n")
}

export const decode = (text: string): Effect.Effect<GoSources, GenerateError> =>
  Schema.decode(Schema.parseJson(GoSources))(text, { onExcessProperty: "error" }).pipe(
    Effect.mapError((cause) => new GenerateError({ message: `go-${minor}.json does not parse`, cause }))
  )
