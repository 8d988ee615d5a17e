import GodwitEngine
import GodwitFrontEndKit
import GodwitWire
import Testing

@testable import GodwitBroker

@Suite struct AdminRoutesTests {
  @Test func probesTellTheState() async throws {
    try await AdminHarness.run(state: .starting) { harness in
      let client = try harness.connect()
      #expect(try client.request("GET", "/healthz").text == "{\"status\":\"ok\"}\n")
      let starting = try client.request("GET", "/readyz")
      #expect(starting.status == 503)
      #expect(starting.json["status"]?.string == "starting")
      try await harness.onLoop { $0.facts.state = .serving }
      #expect(try client.request("GET", "/readyz").status == 200)
      try await harness.onLoop { $0.facts.state = .draining }
      #expect(try client.request("GET", "/readyz").status == 503)
    }
  }

  @Test func everyListedPathAnswers() async throws {
    try await AdminHarness.run { harness in
      let client = try harness.connect()
      let index = try client.request("GET", "/api").json
      #expect(index["version"]?.string == "0.0.1")
      let paths = index["paths"]?.elements ?? []
      #expect(paths.count >= 18)
      for entry in paths where entry["method"]?.string == "GET" {
        let path = try #require(entry["path"]?.string)
        guard !path.hasSuffix("…"), path != "/api/tap" else { continue }
        let reply = try client.request("GET", path)
        let isKnown = path == "/api/names" ? reply.status == 400 : reply.status == 200
        #expect(isKnown, "\(path) answered \(reply.status)")
        #expect(reply.headers["x-content-type-options"] == "nosniff")
        #expect(reply.headers["access-control-allow-origin"] == nil)
        #expect(!reply.body.isEmpty)
      }
    }
  }

  @Test func protocolsContributePathsAndTheServersOwnWin() async throws {
    try await AdminHarness.run { harness in
      let client = try harness.connect()
      #expect(try client.request("GET", "/varz?subs=a%20b+c").json["subs"]?.string == "a b c")
      #expect(try client.request("GET", "/healthz").json["status"]?.string == "ok")
      let rest = try client.request("GET", "/api/fake/things/a%2Fb/%C3%A9")
      #expect(rest.json["rest"]?.string == "a/b/é")
    }
  }

  @Test func unknownPathsAndMethodsAreRefusedAsJSON() async throws {
    try await AdminHarness.run { harness in
      let client = try harness.connect()
      let nothing = try client.request("GET", "/nothing")
      #expect(nothing.status == 404)
      #expect(nothing.json["error"]?.string != nil)
      let wrong = try client.request(
        "DELETE", "/api/overview", headers: ["X-Godwit-Admin: 1"])
      #expect(wrong.status == 405)
      #expect(wrong.headers["allow"] == "GET, HEAD")
      let options = try client.request("OPTIONS", "/api/publish")
      #expect(options.status == 405)
      #expect(options.headers["allow"] == "POST")
      #expect(try client.request("GET", "/api/connections/%zz").status == 400)
      #expect(try client.request("GET", "/api/overview?a=%f").status == 400)
    }
  }

  @Test func headAnswersWithoutABody() async throws {
    try await AdminHarness.run { harness in
      let client = try harness.connect()
      let get = try client.request("GET", "/varz")
      let head = try client.request("HEAD", "/varz")
      #expect(head.status == 200)
      #expect(head.headers["content-length"] == get.headers["content-length"])
      // The connection is still in step.
      #expect(try client.request("GET", "/varz").body == get.body)
      let tap = try client.request("HEAD", "/api/tap")
      #expect(tap.headers["content-type"] == "text/event-stream")
    }
  }

  @Test func thePageAllowsOnlyItsOwnScript() async throws {
    try await AdminHarness.run { harness in
      let page = try harness.connect().request("GET", "/")
      #expect(page.status == 200)
      #expect(page.headers["content-type"] == "text/html; charset=utf-8")
      let policy = try #require(page.headers["content-security-policy"])
      #expect(policy.contains("default-src 'none'"))
      #expect(policy.contains("script-src 'sha256-"))
      #expect(!policy.contains("unsafe"))
      #expect(page.headers["x-frame-options"] == "DENY")
      let text = page.text
      for forbidden in ["innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("] {
        #expect(!text.contains(forbidden), "\(forbidden) in the page")
      }
      #expect(!text.contains("https://"))
    }
  }

  @Test func theOverviewTellsWhatConnectionsCarried() async throws {
    try await AdminHarness.run { harness in
      let first = try harness.lineClient("first")
      var second: BlockingSocket? = try harness.lineClient("second")
      try second?.send("DROP\n")
      _ = try second?.readToEnd()
      second = nil
      #expect(try await harness.until { $0.loop.connections.count == 1 })
      let client = try harness.connect()
      let overview = try client.request("GET", "/api/overview").json
      #expect(overview["state"]?.string == "serving")
      #expect(overview["connections"]?["open"]?.integer == 1)
      #expect(overview["connections"]?["total"]?.integer == 2)
      let fake = try #require(overview["protocols"]?[0])
      #expect(fake["name"]?.string == "fake")
      #expect(fake["connections"]?.integer == 1)
      #expect(fake["opened"]?.integer == 2)
      #expect(fake["messages_in"]?.integer == 3)
      #expect(fake["ended"]?["Slow Consumer (Pending Bytes)"]?.integer == 1)
      #expect(overview["ended"]?[0]?["client"]?.string == "second")
      #expect(overview["figures"]?[0]?["name"]?.string == "godwit_fake_bans")
      #expect((overview["process"]?["resident_bytes"]?.integer ?? 0) > 1_000_000)
      #expect((overview["process"]?["open_files"]?.integer ?? 0) > 3)
      #expect((overview["process"]?["cpu_seconds"]?.double ?? 0) > 0)
      _ = first
    }
  }

  @Test func limitsTellWhatIsUsed() async throws {
    try await AdminHarness.run { harness in
      let limits = try harness.connect().request("GET", "/api/limits").json["limits"]?.elements
      let rows = try #require(limits)
      #expect(rows.contains { $0["name"]?.string == "fake.lines_max" })
      let taps = rows.first { $0["name"]?.string == "admin.taps_max" }
      #expect(taps?["value"]?.integer == 16)
      #expect(taps?["used"]?.integer == 0)
    }
  }
}
