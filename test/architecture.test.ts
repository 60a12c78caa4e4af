import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "src")

interface Import {
  /** A path below `src`, or the name of a package. */
  readonly of: string
  readonly isType: boolean
}

interface Source {
  /** The path below `src`. */
  readonly path: string
  /** The text without comments and strings. */
  readonly code: string
  readonly imports: ReadonlyArray<Import>
}

const statement = /^(?:import|export)\s+(type\s+)?(?:[^"]*?\sfrom\s+)?"([^"]+)"/gm
const dynamic = /\bimport\(\s*"([^"]+)"\s*\)/g

const read = (path: string): Source => {
  const whole = readFileSync(join(root, path), "utf8")
  // examples in docstrings import what a reader would
  const text = whole.replaceAll(/^ *\/\*\*[^]*?\*\//gm, "")
  const resolve = (of: string) => of.startsWith(".") ? join(dirname(path), of) : of
  return {
    path,
    code: text.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "$1")
      .replaceAll(/"(?:[^"\\\n]|\\.)*"/g, "\"\""),
    imports: [
      ...[...text.matchAll(statement)].map(([, type, of = ""]) => ({ of: resolve(of), isType: type !== undefined })),
      ...[...text.matchAll(dynamic)].map(([, of = ""]) => ({ of: resolve(of), isType: false }))
    ]
  }
}

const sources = globSync("**/*.ts", { cwd: root }).map((path) => read(relative(root, join(root, path)))).toSorted((
  a,
  b
) => a.path < b.path ? -1 : 1)

const folderOf = (path: string): string => path.includes("/") ? path.slice(0, path.indexOf("/")) : ""

const isOurs = ({ of }: Import): boolean => sources.some(({ path }) => path === of)

/** The imports of a folder that a rule does not allow, each as `who → whom`. */
const forbidden = (
  folder: (path: string) => boolean,
  allowed: (given: Import, from: Source) => boolean
): ReadonlyArray<string> =>
  sources.filter(({ path }) => folder(path)).flatMap((source) =>
    source.imports.filter((given) => !allowed(given, source)).map(({ of }) => `${source.path} → ${of}`)
  )

const inside = (...folders: ReadonlyArray<string>) => (path: string) => folders.includes(folderOf(path))

/** Files that may know Node. */
const knowsNode = (path: string): boolean =>
  inside("node", "cli")(path) ||
  ["cluster/Split.ts", "cluster/SqliteClient.ts", "simulator/SimulatorServer.ts", "promise/node.ts"].includes(path)

const tops = ["ai", "batch", "cli", "cluster", "dataset", "node", "promise", "proxy", "simulator"]

describe("the arrows", () => {
  it("point at files that are there", () =>
    assert.deepStrictEqual(forbidden(() => true, (given) => !given.of.endsWith(".ts") || isOurs(given)), []))

  it("protocol knows nothing of ours", () =>
    assert.deepStrictEqual(
      forbidden(inside("protocol"), (given) => !isOurs(given) || inside("protocol")(given.of)),
      []
    ))

  it("http knows protocol alone, whoever builds on it", () =>
    assert.deepStrictEqual(
      forbidden(inside("http"), (given) => !isOurs(given) || inside("http", "protocol")(given.of)),
      []
    ))

  it("transport knows http, protocol and the error of its stage", () =>
    assert.deepStrictEqual(
      forbidden(inside("transport"), (given) =>
        !isOurs(given) || inside("http", "transport", "protocol")(given.of) || given.of === "InferenceError.ts"),
      []
    ))

  it("dialects know protocol, the models that callers see, and the engines' names", () => {
    const models = new Set(["Message.ts", "Generation.ts", "GenerationOptions.ts"])
    assert.deepStrictEqual(
      forbidden(
        inside("dialect"),
        (given) =>
          !isOurs(given) || inside("dialect", "protocol")(given.of) || models.has(given.of) ||
          (given.of === "endpoint/address/Engine.ts" && given.isType)
      ),
      []
    )
  })

  it("queues and databases of Effect are known to the cluster alone", () =>
    assert.deepStrictEqual(
      forbidden((path) => !inside("cluster")(path), ({ of }) =>
        !/^(?:effect\/(?:sql|workflow|cluster)\b|effect\/persistence\/Persisted|@effect\/sql)/.test(of)),
      []
    ))

  it("the simulator knows protocol alone, so that client and server cannot agree on a mistake", () =>
    assert.deepStrictEqual(
      forbidden(inside("simulator"), (given) => !isOurs(given) || inside("simulator", "protocol")(given.of)),
      []
    ))

  it("the simulated engines and the template language reach nothing of Effect, so the package holds them once", () => {
    const reached = new Set(["simulator/Engines.ts", "template/jinja/Template.ts"])
    for (const path of reached) {
      const at = sources.find((source) => source.path === path)
      for (const { isType, of } of at?.imports ?? []) if (!isType) reached.add(of)
    }
    assert.isAbove(reached.size, 100)
    assert.deepStrictEqual([...reached].filter((path) => !path.endsWith(".ts")), [])
  })

  it("there is no circle of imports, of types neither", () => {
    const onward = new Map(sources.map(({ imports, path }) => [path, imports.map(({ of }) => of)]))
    // takes away what leads nowhere any more; what is left then leads in a circle
    let before = -1
    while (before !== onward.size) {
      before = onward.size
      for (const [path, to] of onward) if (to.every((of) => !onward.has(of))) onward.delete(path)
    }
    assert.deepStrictEqual([...onward.keys()], [])
  })

  it("hub and endpoint know nothing of prompts, dialects and structure", () =>
    assert.deepStrictEqual(
      forbidden(inside("hub", "endpoint"), (given) => !inside("dialect", "template", "structured")(given.of)),
      []
    ))

  it("templates know nothing of how requests are sent", () =>
    assert.deepStrictEqual(
      forbidden(inside("template"), (given) =>
        !inside("dialect", "http", "transport", "endpoint", "structured")(given.of)),
      []
    ))

  it("no stage knows the service that is made of it", () =>
    assert.deepStrictEqual(
      forbidden(
        inside("protocol", "http", "transport", "dialect", "hub", "endpoint", "template", "structured"),
        (given) => given.of !== "InferenceEndpointsLLM.ts"
      ),
      []
    ))

  it("nothing in the core knows what sits on top of it", () =>
    assert.deepStrictEqual(
      forbidden((path) => !inside(...tops)(path), (given) => !isOurs(given) || !inside(...tops)(given.of)),
      []
    ))

  it("decisions and proofs sit on the service: only the entry point and what sits on top knows them", () => {
    for (const room of ["decide", "prove"]) {
      assert.deepStrictEqual(
        forbidden(inside(room), (given) => !isOurs(given) || inside(room)(given.of) || !inside(...tops)(given.of)),
        []
      )
      assert.deepStrictEqual(
        forbidden(
          (path) => path !== "index.ts" && !inside(room, ...tops)(path),
          (given) => !inside(room)(given.of)
        ),
        []
      )
      assert.isAbove(sources.filter(({ path }) => inside(room)(path)).length, 0)
    }
  })

  it("the port for other programs knows the service, embeddings of ai, the pace of batches, and the format of tapes", () =>
    assert.deepStrictEqual(
      forbidden(
        inside("proxy"),
        ({ of }) =>
          !inside(...tops)(of) || inside("proxy")(of) || of.startsWith("batch/pace/") ||
          of.startsWith("simulator/tape/") ||
          ["ai/EmbeddingRoutes.ts", "ai/EndpointRoutes.ts"].includes(of)
      ),
      []
    ))

  it("nobody but the command line knows the port for other programs", () =>
    assert.deepStrictEqual(forbidden((path) => !inside("proxy", "cli")(path), ({ of }) => !inside("proxy")(of)), []))

  it("what sits on top does not know the simulator, but for the command line and the entry point of its socket", () =>
    assert.deepStrictEqual(
      forbidden(
        inside("ai", "batch", "decide", "node", "prove"),
        (given, { path }) => folderOf(given.of) !== "simulator" || path === "node/index.ts"
      ),
      []
    ))
})

/** For each wing of a room, the wings that it may import. The room's root may import all of them. */
interface Wings {
  readonly room: string
  readonly below: Readonly<Record<string, ReadonlyArray<string>>>
  /** Files at the root that every wing may import, such as the error of the room. */
  readonly shared?: ReadonlyArray<string>
}

const servers = ["model", "grammar", "wire"]

const rooms: ReadonlyArray<Wings> = [
  {
    room: "pipeline",
    below: {
      prepare: ["object", "generate", "continue", "fold"],
      object: ["continue", "fold"],
      generate: ["continue", "fold"],
      continue: ["fold"],
      fold: []
    }
  },
  {
    room: "endpoint",
    below: { dedicated: ["address"], serverless: ["address"], address: [] },
    shared: ["EndpointError.ts", "HubVerdict.ts"]
  },
  {
    room: "transport",
    below: { read: ["routes", "events", "failure"], routes: ["events"], events: [], failure: [] }
  },
  {
    room: "template",
    below: { files: [], prompt: ["engine", "jinja"], engine: ["jinja"], thinking: [], jinja: [] },
    shared: ["TemplateError.ts"]
  },
  {
    room: "template/jinja",
    below: {
      run: ["filters", "methods", "syntax", "values"],
      filters: ["methods", "format", "values"],
      methods: ["format", "values"],
      format: ["values"],
      syntax: ["values"],
      values: []
    }
  },
  {
    room: "structured",
    below: { engines: ["schema", "regex"], decode: ["schema", "regex"], schema: ["regex"], regex: [] },
    shared: ["StructuredOutputError.ts"]
  },
  { room: "structured/engines", below: { tgi: [], printers: [] } },
  {
    room: "batch",
    below: { report: ["log", "pace", "rows"], log: ["rows"], pace: ["rows"], rows: [] },
    shared: ["BatchError.ts"]
  },
  {
    room: "simulator",
    below: {
      balancer: servers,
      embedding: servers,
      openai: servers,
      platform: servers,
      tape: servers,
      tgi: servers,
      model: ["grammar", "wire"],
      grammar: ["wire"],
      wire: []
    }
  },
  {
    room: "cli",
    below: { verbs: ["batch", "input", "terminal"], batch: ["input", "terminal"], input: ["terminal"], terminal: [] }
  }
]

describe("the wings of a room", () => {
  for (const { below, room, shared = [] } of rooms) {
    const within = (path: string) => path.startsWith(`${room}/`)
    const wingOf = (path: string): string => {
      const [wing = "", rest] = path.slice(room.length + 1).split("/")
      return rest === undefined ? "" : wing
    }

    it(`${room} has the wings that the map names, and each knows only what lies below it`, () => {
      const wings = new Set(sources.filter(({ path }) => within(path)).map(({ path }) => wingOf(path)))
      wings.delete("")
      assert.deepStrictEqual([...wings].toSorted(), Object.keys(below).toSorted())
      assert.deepStrictEqual(
        forbidden(within, ({ of }, { path }) => {
          const [from, to] = [wingOf(path), wingOf(of)]
          return !within(of) || from === "" || from === to || below[from]?.includes(to) === true ||
            shared.includes(of.slice(room.length + 1))
        }),
        []
      )
    })
  }

  it("a folder that is large has wings: no more than twenty files stand in one", () => {
    const files = Map.groupBy(sources, ({ path }) => dirname(path))
    assert.deepStrictEqual([...files].filter(([, { length }]) => length > 20).map(([folder]) => folder), [])
  })
})

describe("one policy reaches everything", () => {
  const requests = inside(
    "hub",
    "endpoint",
    "transport",
    "dialect",
    "pipeline",
    "template",
    "structured",
    "node",
    "ai",
    ""
  )

  it("nothing that sends requests repeats one, or waits to do so, but http; and endpoint/dedicated/Waiting, which waits for endpoints by it", () =>
    assert.deepStrictEqual(
      sources.filter(({ path }) => requests(path) && path !== "endpoint/dedicated/Waiting.ts").flatMap((
        { code, path }
      ) =>
        [...code.matchAll(/\b(?:Effect\.(?:retry|repeat|sleep|delay|schedule|eventually)|Schedule\.\w+)\b/g)].map((
          [use]
        ) => `${path}: ${use}`)
      ),
      []
    ))

  it("http does, and the rule sees it", () =>
    assert.isTrue(sources.some(({ code, path }) => path === "http/Retry.ts" && /\bEffect\.retry\b/.test(code))))
})

describe("the core runs everywhere", () => {
  it("nothing but node, cli, the simulated server's socket and clusters' digest and client of SQLite imports what is of Node", () =>
    assert.deepStrictEqual(
      forbidden(
        (path) => !knowsNode(path),
        ({ of }) => !of.startsWith("node:") && !of.startsWith("@effect/platform-node") && !/^undici(?:\/|$)/.test(of)
      ),
      []
    ))

  it("nothing but these uses Node's globals", () =>
    assert.deepStrictEqual(
      sources.filter(({ path }) => !knowsNode(path)).flatMap(({ code, path }) =>
        [...code.matchAll(/(?<![\w.$])(?:process\.\w+|Buffer\.\w+|require\(|__dirname|setImmediate\()/g)].map(([use]) =>
          `${path}: ${use}`
        )
      ),
      []
    ))

  it("no other package is imported than the declared ones", () => {
    const declared =
      /^(?:effect(?:\/|$)|node:|undici(?:\/|$)|@effect\/platform-node(?:\/|$)|@huggingface\/jinja$|hyparquet(?:-writer)?$|csv-parse$|@effect\/sql-pg(?:\/|$))/
    assert.deepStrictEqual(forbidden(() => true, (given) => isOurs(given) || declared.test(given.of)), [])
  })
})

describe("the style", () => {
  it("effect is imported by deep modules, never by its barrels", () =>
    assert.deepStrictEqual(
      forbidden(() => true, ({ of }) => of === "effect" ? false : !/^effect\/[a-z-]+$/.test(of)),
      []
    ))

  it("there is no any", () =>
    assert.deepStrictEqual(
      sources.flatMap(({ code, path }) =>
        [...code.matchAll(/(?:[:<,|&([]\s*|\bas\s+|=>\s*)any(?=\s*[\])>,;=|&)}\n[])/g)].map(([use]) =>
          `${path}: ${use}`
        )
      ),
      []
    ))

  it("files of tests are named after what they speak of, as sources are; only laws about the whole project are in lower case", () => {
    const tests = globSync("**/*.ts", { cwd: join(root, "..", "test") }).filter((path) => !/^fixtures\b/.test(path))
    assert.isAbove(tests.length, 0)
    assert.deepStrictEqual(
      tests.filter((path) =>
        path.includes("/") ?
          !/^[a-z]+(?:\/[a-z]+)*\/[A-Z]\w*(?:\.test)?\.ts$/.test(path) :
          !/^(?:[A-Z]\w*(?:\.test)?|[a-z]+\.test)\.ts$/.test(path)
      ),
      []
    )
  })

  it("there is no file of the nameless kind", () =>
    assert.deepStrictEqual(
      sources.filter(({ path }) => /(?:^|\/)(?:utils?|helpers?|common|types|lib|misc)(?:\.ts|\/)/i.test(path)).map((
        { path }
      ) => path),
      []
    ))

  it("a file of more than 400 lines is named in ARCHITECTURE.md, with its reason", () => {
    const map = readFileSync(join(root, "..", "ARCHITECTURE.md"), "utf8")
    const longest = map.slice(map.indexOf("## The longest"), map.indexOf("## Errors"))
    assert.deepStrictEqual(
      sources.map(({ path }) => path).filter((path) =>
        readFileSync(join(root, path), "utf8").split("\n").length > 400 && !longest.includes(`\`${path}\``)
      ),
      []
    )
  })

  it("every cast has a comment beside it that says why it holds", () => {
    const blank = /\/\*[^]*?\*\/|(?<![:"\w])\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g
    const found = sources.flatMap(({ path }) => {
      const text = readFileSync(join(root, path), "utf8")
      const lines = text.split("\n")
      return text.replaceAll(blank, (part) => part.replaceAll(/[^\n]/g, " ")).split("\n").flatMap((line, index) =>
        /^\s*(?:import|export) (?:type )?[{*]|^\s*(?:type )?\w+ as \w+,?$/.test(line) ||
          !/\S\s+as (?!const\b)\S/.test(line)
          || lines.slice(Math.max(0, index - 3), index + 1).some((near) => /\/\/|^\s*(?:\/\*\*|\*)/.test(near))
          ? []
          : [`${path}:${index + 1}: ${line.trim()}`]
      )
    })
    assert.deepStrictEqual(found, [])
  })

  it("nothing is left to be done", () =>
    assert.deepStrictEqual(
      sources.filter(({ path }) => /\b(?:TODO|FIXME|XXX)\b/.test(readFileSync(join(root, path), "utf8"))).map((
        { path }
      ) => path),
      []
    ))

  it("the rules see the code: every folder has sources with imports", () => {
    for (const folder of ["protocol", "transport", "dialect", "simulator", "hub", "endpoint"]) {
      assert.isAbove(sources.filter(({ imports, path }) => folderOf(path) === folder && imports.length > 0).length, 0)
    }
  })
})
