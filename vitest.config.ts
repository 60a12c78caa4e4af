import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    // real sockets and child processes share two cores with the rest of the suite
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})
