import GodwitFrontEndKit
import GodwitWire
import Testing

@testable import GodwitBroker

@Suite struct AdminConnectionsTests {
  private func names(_ reply: AdminClient.Reply) -> [String] {
    (reply.json["connections"]?.elements ?? []).compactMap { $0["client"]?.string }
  }

  @Test func connectionsAreSortedFilteredAndPaged() async throws {
    try await AdminHarness.run { harness in
      let clients = try ["anna", "berta", "carl"].map { try harness.lineClient($0) }
      for _ in 0..<3 {
        try clients[1].send("HELLO\n")
        _ = try clients[1].read(until: "OK\n")
      }
      let client = try harness.connect()
      let all = try client.request("GET", "/api/connections")
      #expect(names(all) == ["anna", "berta", "carl"])
      #expect(all.json["total"]?.integer == 3)
      let busiest = try client.request(
        "GET", "/api/connections?sort=messages_in&order=desc&limit=2")
      #expect(names(busiest) == ["berta", "anna"])
      #expect(names(try client.request("GET", "/api/connections?offset=2")) == ["carl"])
      #expect(names(try client.request("GET", "/api/connections?filter=ART")) == [])
      #expect(names(try client.request("GET", "/api/connections?filter=ERT")) == ["berta"])
      #expect(names(try client.request("GET", "/api/connections?protocol=mqtt")) == [])
      #expect(names(try client.request("GET", "/api/connections?limit=0")) == [])
      #expect(try client.request("GET", "/api/connections?sort=name").status == 400)
      let huge = "99999999999999999999"
      #expect(try client.request("GET", "/api/connections?offset=\(huge)").status == 200)
      #expect(try client.request("GET", "/api/connections?offset=-5&limit=-1").status == 200)
    }
  }

  @Test(arguments: [
    ("connections?limit=abc", "limit is a whole number"),
    ("connections?limit=", "limit is a whole number"),
    ("connections?offset=1.5", "offset is a whole number"),
    ("connections?order=foo", "order is one of asc, desc"),
    ("sessions?limit=x", "limit is a whole number"),
    ("subscriptions?limit=x", "limit is a whole number"),
    ("retained?limit=x", "limit is a whole number"),
    ("topics?limit=0x1", "limit is a whole number"),
    ("tap?rate=fast", "rate is a whole number"),
  ])
  func whatMakesNoSenseIsRefusedWithASentence(query: String, sentence: String) async throws {
    try await AdminHarness.run { harness in
      let reply = try harness.connect().request("GET", "/api/\(query)")
      #expect(reply.status == 400)
      #expect(reply.json["error"]?.string == sentence)
    }
  }

  @Test func oneConnectionIsShownAndDisconnected() async throws {
    try await AdminHarness.run { harness in
      var victim: BlockingSocket? = try harness.lineClient("victim")
      let client = try harness.connect()
      let rows = try client.request("GET", "/api/connections").json["connections"]
      let id = try #require(rows?[0]?["id"]?.integer)
      let one = try client.request("GET", "/api/connections/\(id)").json
      #expect(one["client"]?.string == "victim")
      #expect(one["details"]?["mood"]?.string == "good")
      let gone = try client.request(
        "DELETE", "/api/connections/\(id)", headers: ["X-Godwit-Admin: 1"])
      #expect(gone.status == 200)
      #expect(gone.json["disconnected"]?.integer == id)
      let rest = try victim?.readToEnd()
      #expect(rest == "")
      victim = nil
      #expect(try await harness.until { $0.loop.connections.count == 0 })
      #expect(try client.request("GET", "/api/connections/\(id)").status == 404)
      let metrics = try client.request("GET", "/metrics").text
      let ended = "godwit_connections_ended_total{protocol=\"fake\",reason=\"Kicked\"} 1"
      #expect(metrics.contains(ended))
    }
  }

  @Test(arguments: ["x", "-1", "1/2", "18446744073709551616", "%00", "%20"])
  func whatIsNoNumberIsRefused(_ text: String) async throws {
    try await AdminHarness.run { harness in
      let reply = try harness.connect().request("GET", "/api/connections/\(text)")
      #expect(reply.status == 400)
      #expect(reply.json["error"]?.string != nil)
    }
  }
}
