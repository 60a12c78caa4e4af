import { defineConfig } from "vitest/config"

const source = (path: string): string => new URL(`src/${path}`, import.meta.url).pathname

export default defineConfig({
  // examples and documentation import the package by its name
  resolve: {
    alias: [
      { find: /^effect-inference-endpoints$/, replacement: source("index.ts") },
      { find: /^effect-inference-endpoints\/promise$/, replacement: source("promise/node.ts") },
      { find: /^effect-inference-endpoints\/(\w+)$/, replacement: source("$1/index.ts") }
    ]
  },
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    // real sockets and child processes share two cores with the rest of the suite
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})
