/** The difference of two texts by lines, as the API server shows it: what go-difflib makes of them. */

interface Block {
  readonly a: number
  readonly b: number
  readonly size: number
}

/** Where lines are; those that a long text has again and again tell nothing about where it matches. */
const placesOf = (lines: ReadonlyArray<string>): ReadonlyMap<string, ReadonlyArray<number>> => {
  const places = new Map<string, Array<number>>()
  lines.forEach((line, index) => {
    const known = places.get(line)
    if (known === undefined) places.set(line, [index])
    else known.push(index)
  })
  if (lines.length < 200) return places
  const most = Math.floor(lines.length / 100) + 1
  return new Map([...places].filter(([, indices]) => indices.length <= most))
}

/** The longest run of lines that both have, the first one if there are more; then those before and behind it. */
const matching = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): ReadonlyArray<Block> => {
  const places = placesOf(b)
  const longest = (aFrom: number, aTo: number, bFrom: number, bTo: number): Block => {
    let best: Block = { a: aFrom, b: bFrom, size: 0 }
    let lengths = new Map<number, number>()
    for (let i = aFrom; i < aTo; i++) {
      const next = new Map<number, number>()
      for (const j of places.get(a[i] ?? "") ?? []) {
        if (j < bFrom) continue
        if (j >= bTo) break
        const size = (lengths.get(j - 1) ?? 0) + 1
        next.set(j, size)
        if (size > best.size) best = { a: i - size + 1, b: j - size + 1, size }
      }
      lengths = next
    }
    let { a: start, b: other, size } = best
    while (start > aFrom && other > bFrom && a[start - 1] === b[other - 1]) {
      start--
      other--
      size++
    }
    while (start + size < aTo && other + size < bTo && a[start + size] === b[other + size]) size++
    return { a: start, b: other, size }
  }
  const within = (aFrom: number, aTo: number, bFrom: number, bTo: number): ReadonlyArray<Block> => {
    if (aFrom >= aTo || bFrom >= bTo) return []
    const block = longest(aFrom, aTo, bFrom, bTo)
    return block.size === 0
      ? []
      : [
          ...within(aFrom, block.a, bFrom, block.b),
          block,
          ...within(block.a + block.size, aTo, block.b + block.size, bTo)
        ]
  }
  return within(0, a.length, 0, b.length)
}

interface Change {
  readonly aFrom: number
  readonly aTo: number
  readonly bFrom: number
  readonly bTo: number
}

const changes = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): ReadonlyArray<Change> => {
  const found: Array<Change> = []
  let [i, j] = [0, 0]
  for (const block of [...matching(a, b), { a: a.length, b: b.length, size: 0 }]) {
    if (i < block.a || j < block.b) found.push({ aFrom: i, aTo: block.a, bFrom: j, bTo: block.b })
    i = block.a + block.size
    j = block.b + block.size
  }
  return found
}

const range = (from: number, to: number): string =>
  to - from === 1 ? `${from + 1}` : `${to === from ? from : from + 1},${to - from}`

/** Lines of both around what changed, without the names of files. */
export const unifiedDiff = (before: string, after: string, context = 3): string => {
  const [a, b] = [before.split("\n"), after.split("\n")]
  const hunks: Array<Array<Change>> = []
  for (const change of changes(a, b)) {
    const last = hunks.at(-1)
    const end = last?.at(-1)?.aTo
    if (last !== undefined && end !== undefined && change.aFrom - end <= 2 * context) last.push(change)
    else hunks.push([change])
  }
  return hunks
    .flatMap((hunk) => {
      const [first, last] = [hunk[0], hunk.at(-1)]
      if (first === undefined || last === undefined) return []
      const lead = Math.min(context, first.aFrom, first.bFrom)
      const trail = Math.min(context, a.length - last.aTo, b.length - last.bTo)
      const [aFrom, aTo] = [first.aFrom - lead, last.aTo + trail]
      const lines = [`@@ -${range(aFrom, aTo)} +${range(first.bFrom - lead, last.bTo + trail)} @@`]
      let at = aFrom
      for (const change of hunk) {
        lines.push(...a.slice(at, change.aFrom).map((line) => ` ${line}`))
        lines.push(...a.slice(change.aFrom, change.aTo).map((line) => `-${line}`))
        lines.push(...b.slice(change.bFrom, change.bTo).map((line) => `+${line}`))
        at = change.aTo
      }
      return [...lines, ...a.slice(at, aTo).map((line) => ` ${line}`)]
    })
    .map((line) => `${line}\n`)
    .join("")
}
