import { readFileSync } from "node:fs"
import { defineConfig } from "vitepress"
import reference from "../reference/typedoc-sidebar.json" with { type: "json" }

const manifest: {
  readonly description: string
  readonly name: string
  readonly repository?: { readonly url: string }
} = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))

/** The address of the repository as a browser opens it, once package.json names it. */
const repository = manifest.repository?.url.replace(/^git\+/, "").replace(/\.git$/, "")

const page = (link: string, text: string) => ({ text, link: `/${link}` })

const guide = [
  {
    text: "Start here",
    items: [
      page("getting-started", "Getting started"),
      page("endpoints", "Endpoints"),
      page("cli", "The command line"),
      page("session", "A session in a terminal"),
      page("proxy", "A port for other programs"),
      page("recipes", "Recipes")
    ]
  },
  {
    text: "Better requests",
    items: [
      page("engines", "Engines and options"),
      page("templates", "Templates and Magpie"),
      page("structured-output", "Structured output"),
      page("tools", "Tools and agents"),
      page("decisions", "Decisions"),
      page("proof", "What an endpoint honours")
    ]
  },
  {
    text: "Many rows",
    items: [
      page("batches", "Batches"),
      page("cluster", "Beyond one machine"),
      page("datasets", "Data sets")
    ]
  },
  {
    text: "In production",
    items: [
      page("errors", "Errors and retries"),
      page("wire", "What servers send"),
      page("observability", "Observability"),
      page("security", "Security"),
      page("performance", "Performance"),
      page("runtimes", "Runtimes")
    ]
  },
  { text: "In tests", items: [page("testing", "Testing and the simulator")] },
  {
    text: "Coming from",
    items: [
      page("coming-from-distilabel", "distilabel"),
      page("coming-from-openai", "openai"),
      page("coming-from-huggingface-inference", "@huggingface/inference"),
      page("coming-from-ai", "ai")
    ]
  }
]

export default defineConfig({
  title: manifest.name,
  description: manifest.description,
  cleanUrls: true,
  head: [["link", { rel: "icon", href: "data:," }]],
  themeConfig: {
    ...(repository === undefined ? {} : { socialLinks: [{ icon: "git", link: repository }] }),
    outline: [2, 3],
    search: { provider: "local" },
    nav: [page("getting-started", "Guide"), page("reference/", "Reference"), page("api", "Declarations")],
    sidebar: { "/reference/": reference, "/": guide }
  },
  markdown: {
    config: (markdown) => {
      // `ts run` is a program that a test runs: to a reader it is TypeScript
      markdown.core.ruler.push("language", ({ tokens }) => {
        for (const token of tokens) if (token.type === "fence") token.info = token.info.split(" ")[0] ?? ""
      })
      // files of the repository that are not pages: linked where the repository is known, else only named
      markdown.core.ruler.push("repository", ({ tokens }) => {
        for (const { children } of tokens) {
          let named = false
          for (const token of children ?? []) {
            const href = token.type === "link_open" ? token.attrGet("href") : null
            if (href?.startsWith("../")) {
              if (repository === undefined) {
                named = true
                token.tag = "span"
                token.attrs = null
                token.type = "span_open"
              } else token.attrSet("href", `${repository}/blob/HEAD/${href.slice(3)}`)
            } else if (named && token.type === "link_close") {
              named = false
              token.tag = "span"
              token.type = "span_close"
            }
          }
        }
      })
      // braces of templates are text, not expressions of a page
      for (const rule of ["text", "code_inline"] as const) {
        const render = markdown.renderer.rules[rule]
        markdown.renderer.rules[rule] = (...args) => {
          const html = render?.(...args) ?? ""
          return html.replaceAll("{{", "&#123;&#123;")
        }
      }
    }
  }
})
