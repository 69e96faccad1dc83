import { defineConfig } from "vitest/config"
import { alias } from "./vitest.config.js"

// One cluster serves the whole run; each file works in namespaces of its own.
export default defineConfig({
  resolve: { alias },
  test: {
    include: ["test/e2e/**/*.test.ts"],
    globalSetup: ["test/cluster/vitestSetup.ts"],
    // What a busy machine does to a real node now and then is not what is tested. The report names what was tried again.
    retry: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000
  }
})
