import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

export const alias = [
  { find: /^effect-kubernetes$/, replacement: fileURLToPath(new URL("./src/index.ts", import.meta.url)) },
  { find: /^effect-kubernetes\/(.*)$/, replacement: fileURLToPath(new URL("./src/$1.ts", import.meta.url)) }
]

export default defineConfig({
  resolve: { alias },
  // No test is about how fast it is, and the machine may be busy.
  test: { include: ["test/**/*.test.ts"], exclude: ["test/e2e/**"], testTimeout: 60_000 }
})
