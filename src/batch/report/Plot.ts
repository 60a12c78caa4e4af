/**
 * uPlot, as text for a page. From source it is read where it is installed, on Node; the build writes its text in here, for
 * every runtime.
 */
const files = globalThis.process.getBuiltinModule("node:fs")

const read = (name: string): string => files.readFileSync(new URL(import.meta.resolve(`uplot/dist/${name}`)), "utf8")

/** Defines `uPlot` for the scripts behind it. */
export const script: string = read("uPlot.iife.min.js")

/** Its style sheet. */
export const style: string = read("uPlot.min.css")
