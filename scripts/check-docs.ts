/**
 * Checks the documentation: every public export says what it is, and every example compiles.
 *
 *     npm run check:docs
 *
 * Examples are the `ts` blocks of the docstrings in `src` and of the Markdown files. All of them are
 * compiled in one program, as files that exist only in memory.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import ts from "typescript"

class DocsError extends Data.TaggedError("DocsError")<{ readonly message: string }> {}

const root = fileURLToPath(new URL("..", import.meta.url))

/** What is wrong, and where; `line` counts from 0, as the compiler does. */
interface Problem {
  readonly file: string
  readonly line: number
  readonly text: string
}

/** A `ts` block: its first line is the line `line` of `file`. */
interface Example {
  readonly file: string
  readonly line: number
  readonly code: string
}

/** The `ts` blocks of a text. In a docstring, lines begin with a star. */
const examplesOf = (file: string, text: string): { examples: Array<Example>; problems: Array<Problem> } => {
  const lines = text.split("\n")
  const margin = file.endsWith(".md") ? /^\s*/ : /^\s*\* ?/
  const examples: Array<Example> = []
  const problems: Array<Problem> = []
  for (let at = 0; at < lines.length; at++) {
    const opening = lines[at] ?? ""
    const indent = margin.exec(opening)?.[0]
    if (indent === undefined || !/^```(ts|typescript)\b/.test(opening.slice(indent.length))) continue
    const line = at + 1
    const code: Array<string> = []
    for (at++; at < lines.length && !/^\s*(\* ?)?```\s*$/.test(lines[at] ?? ""); at++) {
      const current = lines[at] ?? ""
      // An empty line has no blank after its star, and a line of Markdown may be indented less.
      code.push(current.startsWith(indent) ? current.slice(indent.length) : current.replace(/^\s*\*/, ""))
    }
    if (at === lines.length) problems.push({ file, line: line - 1, text: "this block does not end" })
    examples.push({ file, line, code: code.join("\n") })
  }
  return { examples, problems }
}

const tagsOf = (docs: ReadonlyArray<ts.JSDoc>) => docs.flatMap((doc) => [...(doc.tags ?? [])])

/** The docstrings that stand directly above a declaration. */
const docsOf = (declaration: ts.Declaration): ReadonlyArray<ts.JSDoc> => {
  const own = ts.getJSDocCommentsAndTags(declaration).filter(ts.isJSDoc)
  return own.slice(-1)
}

/** Whether an export has to show how it is used. Errors are used by their tags alone; the union of them has examples. */
const needsExample = (declaration: ts.Declaration): boolean =>
  !declaration.getSourceFile().fileName.endsWith("/KubeError.ts") || !ts.isClassDeclaration(declaration)
    ? ts.isVariableDeclaration(declaration) ||
      ts.isFunctionDeclaration(declaration) ||
      ts.isClassDeclaration(declaration) ||
      (ts.isExportSpecifier(declaration) && !declaration.isTypeOnly)
    : false

/** What the docstring of an export lacks. An overload needs none of its own. */
const lacks = (declaration: ts.Declaration): ReadonlyArray<string> => {
  const docs = docsOf(declaration)
  const tags = tagsOf(docs)
  const has = (name: string) => tags.some((tag) => tag.tagName.text === name)
  if (has("internal")) return []
  if (docs.length === 0) return ["a docstring"]
  const text = (comment: ts.JSDoc["comment"]) => (ts.getTextOfJSDocComment(comment) ?? "").trim()
  return [
    ...(docs.some((doc) => text(doc.comment) !== "") ? [] : ["a description"]),
    ...(has("since") ? [] : ["@since"]),
    ...(has("category") ? [] : ["@category"]),
    ...(needsExample(declaration) &&
    !tags.some((tag) => tag.tagName.text === "example" && text(tag.comment).includes("```ts"))
      ? ["an @example with a ts block"]
      : [])
  ]
}

/** The exports that a module declares itself, with their declarations; what it passes on is looked at elsewhere. */
const declared = (checker: ts.TypeChecker, source: ts.SourceFile) => {
  const symbol = checker.getSymbolAtLocation(source)
  return (symbol === undefined ? [] : checker.getExportsOfModule(symbol)).flatMap((exported) =>
    (exported.declarations ?? [])
      .filter(
        (declaration) =>
          declaration.getSourceFile() === source &&
          !(ts.isExportSpecifier(declaration) && declaration.parent.parent.moduleSpecifier !== undefined) &&
          !ts.isNamespaceExport(declaration)
      )
      .map((declaration) => ({ name: exported.name, declaration }))
  )
}

/** The options of the project; an example may well name what it does not use. */
const options = Effect.suspend(() => {
  const read = ts.getParsedCommandLineOfConfigFile(
    `${root}tsconfig.json`,
    { noUnusedLocals: false, noUnusedParameters: false, noEmit: true },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} }
  )
  return read === undefined
    ? Effect.fail(new DocsError({ message: "tsconfig.json cannot be read" }))
    : Effect.succeed(read.options)
})

/** A program of these files, some of which exist only here. */
const compile = (
  compilerOptions: ts.CompilerOptions,
  files: ReadonlyArray<string>,
  virtual: ReadonlyMap<string, string>
) => {
  const host = ts.createCompilerHost(compilerOptions)
  return ts.createProgram({
    rootNames: [...files, ...virtual.keys()],
    options: compilerOptions,
    host: {
      ...host,
      fileExists: (file) => virtual.has(file) || host.fileExists(file),
      readFile: (file) => virtual.get(file) ?? host.readFile(file),
      getSourceFile: (file, settings, ...rest) => {
        const text = virtual.get(file)
        return text === undefined
          ? host.getSourceFile(file, settings, ...rest)
          : ts.createSourceFile(file, text, settings)
      }
    }
  })
}

const check = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const under = (directory: string, ending: string) =>
    Effect.map(fs.readDirectory(path.join(root, directory), { recursive: true }), (names) =>
      names
        .filter((name) => name.endsWith(ending))
        .map((name) => path.join(directory, name))
        .toSorted()
    )
  const modules = (yield* under("src", ".ts")).filter((file) => !file.split(path.sep).includes("internal"))
  const pages = [
    "README.md",
    "CONTRIBUTING.md",
    "bench/README.md",
    "test/cluster/README.md",
    ...(yield* under("docs", ".md"))
  ]

  const read = yield* Effect.forEach([...modules, ...pages], (file) =>
    Effect.map(fs.readFileString(path.join(root, file)), (text) => examplesOf(file, text))
  )
  const examples = read.flatMap((found) => found.examples)
  const problems = read.flatMap((found) => found.problems)

  // At the root, so that packages are found from there.
  const virtual = new Map(examples.map((example, index) => [path.join(root, `example-${index}.ts`), example.code]))
  const sources = modules.map((file) => path.join(root, file))
  const program = compile(yield* options, sources, virtual)

  let exports = 0
  for (const file of modules) {
    const source = program.getSourceFile(path.join(root, file))
    if (source === undefined) continue
    for (const { declaration, name } of declared(program.getTypeChecker(), source)) {
      exports++
      const missing = lacks(declaration)
      if (missing.length === 0) continue
      const { line } = source.getLineAndCharacterOfPosition(declaration.getStart())
      problems.push({ file, line, text: `${name} lacks ${missing.join(", ")}` })
    }
  }

  for (const [index, { code, file, line }] of examples.entries()) {
    const source = program.getSourceFile(path.join(root, `example-${index}.ts`))
    if (source === undefined) continue
    if (/from "effect-kubernetes\/(.*\/)?internal\//.test(code)) {
      problems.push({ file, line, text: "an example may not import what is internal" })
    }
    for (const diagnostic of [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]) {
      const place = source.getLineAndCharacterOfPosition(diagnostic.start ?? 0)
      problems.push({
        file,
        line: line + place.line,
        text: ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n")
      })
    }
  }

  if (problems.length > 0) {
    const list = problems.map((problem) => `${problem.file}:${problem.line + 1}: ${problem.text}`)
    return yield* new DocsError({ message: `${problems.length} problems\n${list.join("\n")}` })
  }
  yield* Console.log(`${exports} exports are documented, ${examples.length} examples compile`)
})

NodeRuntime.runMain(
  check.pipe(
    Effect.tapErrorTag("DocsError", (error) => Console.error(error.message)),
    Effect.provide(NodeContext.layer)
  ),
  { disableErrorReporting: true }
)
