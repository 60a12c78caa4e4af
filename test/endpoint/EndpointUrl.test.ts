import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as EndpointUrl from "../../src/endpoint/address/EndpointUrl.ts"

const parsed = (input: string) => Result.getOrThrow(EndpointUrl.parse(input))

describe("EndpointUrl.parse", () => {
  const forms = [
    "",
    "/",
    "//",
    "/v1",
    "/v1/",
    "/v1/chat/completions",
    "/v1/completions",
    "/generate",
    "/generate_stream/",
    "/info",
    "/v1/models"
  ]
  for (
    const root of [
      "https://host",
      "http://localhost:8080",
      "https://host/deep/root",
      "https://router.huggingface.co/cerebras"
    ]
  ) {
    it(`finds the root of every form of ${root}`, () => {
      for (const form of forms) {
        assert.strictEqual(EndpointUrl.route(parsed(root + form), "/info"), `${root}/info`, form)
      }
    })
  }

  it("keeps the query", () => {
    const address = parsed("https://host/v1/?key=a%2Fb&x=1#part")
    assert.strictEqual(EndpointUrl.route(address, "/generate"), "https://host/generate?key=a%2Fb&x=1")
  })

  it("keeps a chat route that is elsewhere", () => {
    const address = parsed("https://host/api/paas/v4/chat/completions")
    assert.strictEqual(address.chatUrl?.href, "https://host/api/paas/v4/chat/completions")
    assert.strictEqual(EndpointUrl.show(address.url), "https://host/api/paas/v4")
  })

  it("refuses what is no address, without repeating it", () => {
    for (
      const input of [
        "",
        "host",
        "ftp://host",
        "//host",
        "https://",
        "https://u:hunter2@host",
        "https://host/hunter2 x"
      ]
    ) {
      const result = EndpointUrl.parse(input)
      assert.isTrue(Result.isFailure(result), input)
      if (Result.isFailure(result)) assert.notInclude(result.failure, "hunter2")
    }
  })

  it.prop("never throws", [Schema.String], ([input]) => {
    EndpointUrl.parse(input)
    EndpointUrl.parse(`https://${input}`)
    return true
  })
})

const trusts = (url: string, ...domains: ReadonlyArray<string>) => Result.isSuccess(EndpointUrl.trusted(url, domains))

describe("EndpointUrl.trusted", () => {
  it("trusts the addresses of the platform", () => {
    assert.isTrue(trusts("https://abc.us-east-1.aws.endpoints.huggingface.cloud"))
    assert.isTrue(trusts("https://0123456789abcdef01234567.endpoints.huggingface.cloud/"))
  })

  it("trusts a domain that the caller allows", () => {
    assert.isTrue(trusts("https://llm.corp.example", "corp.example"))
  })

  it("trusts nothing else", () => {
    for (
      const url of [
        "http://abc.endpoints.huggingface.cloud",
        "https://endpoints.huggingface.cloud.evil.example",
        "https://evilendpoints.huggingface.cloud",
        "https://u@abc.endpoints.huggingface.cloud",
        "https://169.254.169.254",
        "https://[::1]/",
        "https://2852039166",
        "https://evil.example\n.endpoints.huggingface.cloud",
        "nonsense"
      ]
    ) assert.isFalse(trusts(url), url)
  })

  it("trusts no IP address, even one that is allowed", () => {
    assert.isFalse(trusts("https://10.0.0.1", "10.0.0.1"))
  })
})

describe("EndpointUrl.isHuggingFace", () => {
  it("says where a token of the environment may go: over https, to Hugging Face and nobody else", () => {
    for (
      const url of ["https://huggingface.co", "https://x.endpoints.huggingface.cloud", "https://router.huggingface.co"]
    ) {
      assert.isTrue(EndpointUrl.isHuggingFace(new URL(url)), url)
    }
    for (
      const url of [
        "http://huggingface.co",
        "http://x.endpoints.huggingface.cloud",
        "https://evilhuggingface.co",
        "https://huggingface.co.evil.example"
      ]
    ) assert.isFalse(EndpointUrl.isHuggingFace(new URL(url)), url)
  })
})

describe("EndpointUrl.tokenProblem", () => {
  it("lets a token go over https and to this machine", () => {
    for (const url of ["https://host", "http://localhost:8080", "http://127.0.0.1", "http://[::1]:1"]) {
      assert.isUndefined(EndpointUrl.tokenProblem(new URL(url)), url)
    }
  })

  it("lets no token go over the network in the clear", () => {
    for (
      const url of [
        "http://host",
        "http://10.0.0.1",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://notlocalhost",
        "http://evil.localhost"
      ]
    ) {
      assert.isDefined(EndpointUrl.tokenProblem(new URL(url)), url)
    }
  })
})

describe("an address of this machine that the management API gives", () => {
  it("is usable where the caller trusts that very name, and by nobody else", () => {
    assert.isTrue(Result.isSuccess(EndpointUrl.trusted("http://127.0.0.1:8080", EndpointUrl.LOOPBACK)))
    assert.isTrue(Result.isSuccess(EndpointUrl.trusted("http://localhost:8080", ["localhost"])))
    for (
      const [url, domains] of [
        ["http://127.0.0.1:8080", []],
        ["http://127.0.0.1:8080", ["example.org"]],
        ["http://localhost:8080", ["127.0.0.1"]],
        ["http://127.0.0.2:8080", EndpointUrl.LOOPBACK],
        ["http://user@127.0.0.1:8080", EndpointUrl.LOOPBACK],
        ["http://127.0.0.1.evil.example", EndpointUrl.LOOPBACK]
      ] as const
    ) {
      assert.isTrue(Result.isFailure(EndpointUrl.trusted(url, domains)), url)
    }
  })
})
