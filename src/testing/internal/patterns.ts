/** Patterns are Go's: near enough to those of JavaScript, but for a few signs. What JavaScript cannot read matches all. */
import * as Either from "effect/Either"

const read = (pattern: string): RegExp | undefined => {
  const flags = /^\(\?([ims]+)\)/.exec(pattern)
  const source = pattern
    .slice(flags?.[0].length ?? 0)
    .replaceAll(String.raw`\z`, "$")
    .replaceAll(String.raw`\A`, "^")
    .replaceAll("(?P<", "(?<")
    .replaceAll("[[:alnum:]]", "[A-Za-z0-9]")
    .replaceAll("[[:alpha:]]", "[A-Za-z]")
    .replaceAll("[[:digit:]]", "[0-9]")
    .replaceAll("[[:lower:]]", "[a-z]")
    .replaceAll("[[:upper:]]", "[A-Z]")
    .replaceAll("[[:space:]]", String.raw`\s`)
  return Either.getOrUndefined(
    Either.try(() => new RegExp(source, `u${flags?.[1] ?? ""}`)).pipe(
      Either.orElse(() => Either.try(() => new RegExp(source, flags?.[1] ?? "")))
    )
  )
}

const known = new Map<string, RegExp | undefined>()

export const matches = (pattern: string, text: string): boolean => {
  if (!known.has(pattern)) known.set(pattern, read(pattern))
  return known.get(pattern)?.test(text) ?? true
}

/** What Go says of a pattern that it cannot read; of most such patterns. */
export const patternProblem = (pattern: string): string | undefined => {
  const said = (problem: string, where: string): string => `error parsing regexp: ${problem}: \`${where}\``
  const perl = /\(\?(?:[=!]|<[=!])/.exec(pattern)
  if (perl !== null) return said("invalid or unsupported Perl syntax", perl[0])
  const reference = /(?:^|[^\\])(?:\\\\)*(\\[1-9])/.exec(pattern)?.[1]
  if (reference !== undefined) return said("invalid escape sequence", reference)
  let depth = 0
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern.charAt(index)
    if (character === "\\") {
      if (index + 1 === pattern.length) return said("trailing backslash at end of expression", "")
      index++
    } else if (character === "[") {
      const from = index
      // A bracket that comes first is one of the characters.
      index += pattern.charAt(index + 1) === "^" ? 2 : 1
      if (pattern.charAt(index) === "]") index++
      while (index < pattern.length && pattern.charAt(index) !== "]") {
        const isClass = pattern.startsWith("[:", index) && pattern.includes(":]", index)
        index = isClass ? pattern.indexOf(":]", index) + 2 : index + (pattern.charAt(index) === "\\" ? 2 : 1)
      }
      if (index >= pattern.length) return said("missing closing ]", pattern.slice(from))
    } else if (character === "(") depth++
    else if (character === ")" && --depth < 0) return said("unexpected )", pattern)
    else if ("*+?".includes(character) && (index === 0 || "(|".includes(pattern.charAt(index - 1)))) {
      if (!(character === "?" && pattern.charAt(index - 1) === "(")) {
        return said("missing argument to repetition operator", character)
      }
    }
  }
  return depth > 0 ? said("missing closing )", pattern) : undefined
}
