import type { Reading } from "./Facts.ts"
import * as Tree from "./JsonSchemaTree.ts"

/** A place where any JSON value may stand: too costly for the server, so refused unless scalars will do. */
export const make = (path: Tree.Path, keyword: string, reading: Reading): Tree.Tree =>
  reading.free === "refuse"
    ? Tree.never({
      path,
      keyword,
      reason: "any JSON value is allowed here, and no grammar can hold that at a bearable cost",
      hint:
        "give the value a type (instead of Unknown, Any or Json), or allow scalars with the option free: \"scalars\""
    }, true)
    : Tree.union([Tree.text(), { _tag: "Decimal" }, Tree.literal([true, false, null])], path, keyword)
