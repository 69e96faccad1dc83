import { assert, describe, it } from "@effect/vitest"
import { environmentProxy } from "../../src/internal/environmentProxy.js"

const proxy = "http://proxy.test:3128"

const urlOf = (server: string, environment: Record<string, string>) =>
  environmentProxy(new URL(server), environment)?.url

/** Each line was compared with what golang.org/x/net/http/httpproxy answers. */
const exceptions: ReadonlyArray<
  readonly [noProxy: string, excepted: ReadonlyArray<string>, not: ReadonlyArray<string>]
> = [
  ["*", ["https://10.0.0.1", "http://api.test"], []],
  ["a, *", ["https://api.test"], []],
  ["", [], ["https://api.test"]],
  ["10.0.0.0/8", ["https://10.1.2.3:6443"], ["https://11.0.0.1", "https://api.test"]],
  ["10.0.0.0/99,10.0.0.0/x", [], ["https://10.0.0.1"]],
  ["fd00::/8", ["https://[fd00::1]:6443"], ["https://[fe00::1]", "https://10.0.0.1"]],
  ["10.0.0.1", ["https://10.0.0.1", "https://10.0.0.1:6443"], ["https://10.0.0.10"]],
  ["10.0.0.1:6443", ["https://10.0.0.1:6443"], ["https://10.0.0.1"]],
  ["fd00:0::1", ["https://[fd00::1]:6443"], ["https://[fd00::2]"]],
  ["[fd00::1]:6443", ["https://[fd00::1]:6443"], ["https://[fd00::1]"]],
  ["API.test", ["https://api.test", "https://a.api.test"], ["https://xapi.test", "https://api.test.com"]],
  [".api.test", ["https://a.api.test"], ["https://api.test"]],
  ["*.api.test", ["https://a.api.test"], ["https://api.test"]],
  ["api.test:443", ["https://api.test", "https://a.api.test:443"], ["https://api.test:6443", "http://api.test"]],
  [" api.test , b", ["https://api.test", "https://b"], ["https://c"]],
  [":443,,[]", [], ["https://api.test"]]
]

describe("the proxy of the environment", () => {
  it("is that of the scheme, in upper case first; one without a scheme is HTTP", () => {
    const environment = { HTTPS_PROXY: "http://upper.test", https_proxy: "http://lower.test", http_proxy: "plain:3128" }
    assert.deepStrictEqual(environmentProxy(new URL("https://api.test"), environment), {
      variable: "HTTPS_PROXY",
      url: "http://upper.test"
    })
    assert.deepStrictEqual(environmentProxy(new URL("http://api.test"), environment), {
      variable: "http_proxy",
      url: "http://plain:3128"
    })
    assert.strictEqual(urlOf("https://api.test", { HTTPS_PROXY: "", https_proxy: proxy }), proxy)
    for (const other of ["HTTP_PROXY", "ALL_PROXY", "npm_config_https_proxy"]) {
      assert.strictEqual(urlOf("https://api.test", { [other]: proxy }), undefined)
    }
  })

  it("is not for this machine", () => {
    for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"]) {
      assert.strictEqual(urlOf(`https://${host}:6443`, { HTTPS_PROXY: proxy }), undefined)
    }
  })

  for (const [noProxy, excepted, not] of exceptions) {
    it(`NO_PROXY=${noProxy}`, () => {
      for (const name of ["NO_PROXY", "no_proxy"]) {
        const environment = { HTTPS_PROXY: proxy, HTTP_PROXY: proxy, [name]: noProxy }
        for (const server of excepted) assert.strictEqual(urlOf(server, environment), undefined, server)
        for (const server of not) assert.strictEqual(urlOf(server, environment), proxy, server)
      }
    })
  }
})
