/**
 * Writes `src/testing/internal/protobufMessages.ts`: how the built-in kinds are written in protobuf. It reads the sources of
 * the release in Go's module cache, where the build of the test cluster puts them: `generated.proto` says the numbers and
 * the types, the Go structs the names in JSON and what JSON leaves out.
 *
 *     npx tsx scripts/generate/proto.ts
 */
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { builtIn } from "../../src/testing/internal/openapi.js"

const { kubernetes, schemas } = builtIn()
const release = kubernetes.replace(/^1\./, "v0.")
const cache = join(execFileSync("go", ["env", "GOMODCACHE"], { encoding: "utf8" }).trim(), "k8s.io")

/** The folder of the sources of a package: `io.k8s.api.core.v1` is in `api/core/v1`. */
const folderOf = (name: string): string => {
  const [module = "", ...path] = name.replace(/^io\.k8s\./, "").split(".")
  return join(cache, `${module}@${release}`, ...path)
}

/** The name of a message as the OpenAPI writes it: `k8s.io.api.core.v1.Pod` is `io.k8s.api.core.v1.Pod`. */
const definitionOf = (message: string): string =>
  message
    .replace(/^\.?k8s\.io\./, "io.k8s.")
    .replace("apiextensions_apiserver", "apiextensions-apiserver")
    .replace("kube_aggregator", "kube-aggregator")

const withoutComments = (source: string): string => source.replaceAll(/^\s*\/\/.*$/gm, "")

interface ProtoField {
  readonly number: number
  readonly label: "map" | "optional" | "repeated"
  readonly type: string
}

const scalars: { readonly [type: string]: string } = {
  bool: "bool",
  bytes: "bytes",
  double: "double",
  int32: "int",
  int64: "int",
  string: "string"
}

const protosOf = (name: string): ReadonlyMap<string, ReadonlyArray<ProtoField>> => {
  const file = join(folderOf(name), "generated.proto")
  if (!existsSync(file)) return new Map()
  const typeOf = (type: string) =>
    scalars[type] ?? (type.startsWith(".") ? definitionOf(type) : `${name}.${definitionOf(type)}`)
  return new Map(
    [...withoutComments(readFileSync(file, "utf8")).matchAll(/^message (\w+) \{\n([\s\S]*?)^\}/gm)].map(
      ([, message = "", body = ""]) => [
        message,
        body.split("\n").flatMap((line): ReadonlyArray<ProtoField> => {
          const map = /^\s*map<string, (\S+)> \w+ = (\d+);/.exec(line)
          if (map !== null) return [{ label: "map", type: typeOf(map[1] ?? ""), number: Number(map[2]) }]
          const one = /^\s*(optional|repeated) (\S+) \w+ = (\d+);/.exec(line)
          if (one === null && line.trim() !== "") throw new Error(`not understood in ${file}: ${line}`)
          return one === null
            ? []
            : [
                {
                  label: one[1] === "repeated" ? "repeated" : "optional",
                  type: typeOf(one[2] ?? ""),
                  number: Number(one[3])
                }
              ]
        })
      ]
    )
  )
}

interface GoField {
  readonly json: string
  readonly pointer: boolean
  readonly inline: boolean
  readonly omit: boolean
  readonly omitZero: boolean
}

/** The fields of the structs of a package, by their number in protobuf. */
const structsOf = (name: string): ReadonlyMap<string, ReadonlyMap<number, GoField>> => {
  const folder = folderOf(name)
  return new Map(
    readdirSync(folder)
      .filter((file) => file.endsWith(".go") && !file.endsWith("_test.go") && !/^(zz_|generated)/.test(file))
      .flatMap((file) => [
        ...withoutComments(readFileSync(join(folder, file), "utf8")).matchAll(
          /^(?:type )?\s*(\w+) struct \{\n([\s\S]*?)^\s*\}/gm
        )
      ])
      .map(([, struct = "", body = ""]) => [
        struct,
        new Map(
          body.split("\n").flatMap((line): ReadonlyArray<readonly [number, GoField]> => {
            const [, type = "", tags = ""] = /^\s*(?:\w+\s+)?(\S+)\s+`(.*)`/.exec(line) ?? []
            const number = /protobuf:"\w+,(\d+),/.exec(tags)?.[1]
            const [json = "", ...options] = (/json:"([^"]*)"/.exec(tags)?.[1] ?? "").split(",")
            return number === undefined
              ? []
              : [
                  [
                    Number(number),
                    {
                      json,
                      pointer: type.startsWith("*"),
                      inline: json === "",
                      omit: options.includes("omitempty"),
                      omitZero: options.includes("omitzero")
                    }
                  ]
                ]
          })
        )
      ])
  )
}

const packages = new Map<string, { protos: ReturnType<typeof protosOf>; structs: ReturnType<typeof structsOf> }>()
const packageOf = (name: string) => {
  const known = packages.get(name)
  if (known !== undefined) return known
  const protos = protosOf(name)
  const found = { protos, structs: protos.size === 0 ? new Map() : structsOf(name) }
  packages.set(name, found)
  return found
}

/** What `protobuf.ts` reads itself: their JSON is not that of their fields. */
const special =
  /\.(Time|MicroTime|Duration|Quantity|IntOrString|RawExtension|FieldsV1|JSON|JSONSchemaPropsOr(Array|Bool|StringArray))$/

const messages: Record<string, string> = {}
const add = (definition: string): void => {
  if (definition in messages || special.test(definition)) return
  const [folder, name] = [definition.slice(0, definition.lastIndexOf(".")), definition.split(".").at(-1) ?? ""]
  const { protos, structs } = packageOf(folder)
  const fields = protos.get(name)
  if (fields === undefined) return
  const struct = structs.get(name)
  messages[definition] = ""
  messages[definition] = fields
    .map(({ label, number, type }) => {
      const shape = label === "map" ? "{}" : label === "repeated" ? "[]" : ""
      const shown = type.startsWith(`${folder}.`) ? type.slice(folder.length) : type
      // A message without a struct is a slice that Go has named: its items are all of it.
      if (struct === undefined) return `${number} * ${shape}${shown}`
      const field = struct.get(number)
      if (field === undefined) throw new Error(`${definition}: no field ${number} in the Go struct`)
      // `?` is left out where it is zero, `<` is part of the message around it.
      const isStruct = label === "optional" && type.includes(".")
      const omitted = field.omitZero || (field.omit && !isStruct)
      const mark = field.inline ? "<" : omitted && !field.pointer ? "?" : ""
      return `${number} ${mark}${field.json} ${shape}${shown}`
    })
    .join(",")
  for (const { type } of fields) if (type.includes(".")) add(type)
}
for (const definition of Object.keys(schemas)) add(definition)
add("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps")

const text = JSON.stringify(Object.fromEntries(Object.entries(messages).toSorted(([a], [b]) => (a < b ? -1 : 1))))
writeFileSync(
  fileURLToPath(new URL("../../src/testing/internal/protobufMessages.ts", import.meta.url)),
  [
    `// Generated by \`npx tsx scripts/generate/proto.ts\` from Kubernetes ${kubernetes}. Do not edit.`,
    "/**",
    " * JSON: the fields of each message, as `number name type`. `?name` is left out where it is zero, `<` is part of the message",
    " * around it, `*` is all of it; `[]` is repeated, `{}` a map; a type that begins with a dot is of the same package.",
    " */",
    "export const text: string =",
    `  ${JSON.stringify(text)}`,
    ""
  ].join("\n")
)
console.error(`${Object.keys(messages).length} messages, ${text.length} characters`)
