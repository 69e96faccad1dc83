/** Programs of this project in processes of their own, on the cluster of the run. */
import * as Command from "@effect/platform/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import { createRequire } from "node:module"
import { fileURLToPath, pathToFileURL } from "node:url"
import { inject } from "vitest"
import * as Yaml from "yaml"

const root = fileURLToPath(new URL("../..", import.meta.url))
const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href

/** A file of this project, by its path in it, as a program with this kubeconfig. */
export const command = (kubeconfig: string, path: string, ...args: ReadonlyArray<string>) =>
  Command.make(process.execPath, "--import", tsx, root + path, ...args).pipe(
    Command.workingDirectory(root),
    Command.env({ KUBECONFIG: kubeconfig, TSX_TSCONFIG_PATH: `${root}tsconfig.json` })
  )

/** A kubeconfig of the cluster of the run, for a namespace. */
export const kubeconfigOf = (namespace: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const kubeconfig = Yaml.parse(inject("kubeconfig"))
    for (const { context } of kubeconfig.contexts) context.namespace = namespace
    const path = yield* fs.makeTempFileScoped()
    yield* fs.writeFileString(path, Yaml.stringify(kubeconfig))
    return path
  })
