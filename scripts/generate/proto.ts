/**
 * How the built-in kinds are written in protobuf: `generated.proto` says the numbers and the types, the Go structs the names
 * in JSON and what JSON leaves out.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { FolderOf } from "./goSources.js"
import type { OpenApiSchema } from "./snapshot.js"

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

const protosOf = (folder: string, name: string): ReadonlyMap<string, ReadonlyArray<ProtoField>> => {
  const file = join(folder, "generated.proto")
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
const structsOf = (folder: string): ReadonlyMap<string, ReadonlyMap<number, GoField>> =>
  new Map(
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

interface Package {
  readonly protos: ReturnType<typeof protosOf>
  readonly structs: ReturnType<typeof structsOf>
}

/** What `protobuf.ts` reads itself: their JSON is not that of their fields. */
const special =
  /\.(Time|MicroTime|Duration|Quantity|IntOrString|RawExtension|FieldsV1|JSON|JSONSchemaPropsOr(Array|Bool|StringArray))$/

/** The fields of each message that a definition of the OpenAPI leads to, as `protobufMessages.ts` explains them. */
export const messagesOf = (
  schemas: { readonly [name: string]: OpenApiSchema },
  folderOf: FolderOf
): { readonly [definition: string]: string } => {
  const packages = new Map<string, Package>()
  const packageOf = (name: string): Package => {
    const known = packages.get(name)
    if (known !== undefined) return known
    const protos = protosOf(folderOf(name), name)
    const found = { protos, structs: protos.size === 0 ? new Map() : structsOf(folderOf(name)) }
    packages.set(name, found)
    return found
  }
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
  return messages
}
