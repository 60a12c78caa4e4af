/** How a template fails inside the engine. It is thrown, and never leaves `Template.ts`, which turns it into data. */
export type Kind = "Syntax" | "Render" | "Raised" | "TooMuchWork" | "InvalidInput"

export class Failure extends Error {
  readonly kind: Kind
  line: number | undefined
  constructor(kind: Kind, message: string, line?: number) {
    super(message)
    this.kind = kind
    this.line = line
  }
}

/** A failure by Python's own rules: a type, index, key or value error, or a use of something undefined. */
export const fail = (message: string): never => {
  throw new Failure("Render", message)
}

export const tooMuch = (message: string): never => {
  throw new Failure("TooMuchWork", message)
}
