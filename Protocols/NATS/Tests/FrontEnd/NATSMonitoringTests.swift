import GodwitEngine
import GodwitFrontEndKit
import GodwitWire
import NIOEmbedded
import Testing

@testable import NATSFrontEnd

@Suite struct NATSMonitoringTests {
  private func named(_ rig: NATSRig, _ name: String) throws -> TestClient {
    try rig.client(
      #"{"verbose":false,"headers":true,"name":"\#(name)","lang":"l","version":"9"}"#)
  }

  @Test func varzCounts() throws {
    let rig = try NATSRig(settings: ["max_subscriptions": .integer(7)])
    let first = try self.named(rig, "a")
    let second = try self.named(rig, "b")
    second.send("SUB x 1\r\nSUB x 2\r\n")
    first.send("PUB x 3\r\nabc\r\nHPUB x 12 13\r\nNATS/1.0\r\n\r\ny\r\n")
    first.disconnect()
    let json = try #require(rig.page("/varz")?.body)
    let expected: [(String, Int64)] = [
      ("connections", 1), ("total_connections", 2), ("in_msgs", 2), ("in_bytes", 16),
      ("out_msgs", 4), ("out_bytes", 32), ("subscriptions", 2), ("slow_consumers", 0),
      ("max_subscriptions", 7), ("max_payload", 1 << 20), ("ping_interval", 120_000_000_000),
    ]
    for (name, value) in expected { #expect(json[name]?.integer == value, "\(name)") }
    #expect(json["server_id"]?.string == rig.frontEnd.serverID)
    #expect((json["mem"]?.integer ?? 0) > 1_000_000)
    #expect((json["cores"]?.integer ?? 0) > 0)
    #expect(json["http_req_stats"]?["/varz"]?.integer == 1)
    #expect(json["start"]?.string == "2023-11-14T22:13:20Z")
  }

  @Test func varzSaysWhereTheServerListens() throws {
    let rig = try NATSRig()
    #expect(rig.page("/varz")?.body["http_port"]?.integer == 0)
    #expect(rig.page("/varz")?.body["websocket"] == .object([]))
    rig.frontEnd.started(listeners: [
      .tcp: BoundAddress(host: "::1", port: 4222), .ws: BoundAddress(host: "::1", port: 8080),
    ])
    rig.frontEnd.started(admin: BoundAddress(host: "127.0.0.2", port: 8222))
    let json = try #require(rig.page("/varz")?.body)
    #expect(json["http_host"]?.string == "127.0.0.2")
    #expect(json["http_port"]?.integer == 8222)
    #expect(json["websocket"]?["port"]?.integer == 8080)
    #expect(json["websocket"]?["no_tls"]?.bool == true)
  }

  @Test func publishersThatWereHeldBackAreCounted() throws {
    let rig = try NATSRig(settings: ["write_pending_bytes_max": .integer(400_000)])
    let lazy = try rig.client()
    let publisher = try rig.client()
    lazy.send("SUB a 1\r\n")
    lazy.channel.isWritable = false
    let message = "PUB a 60000\r\n" + String(repeating: "x", count: 60_000) + "\r\n"
    for _ in 0..<6 { publisher.send(message) }
    #expect(!lazy.isEnded)
    let stalls = rig.page("/varz")?.body["stalled_clients"]?.integer ?? 0
    #expect(stalls > 0)
    let facts = rig.page("/connz", [("cid", "2")])?.body["connections"]?[0]
    #expect(facts?["stalls"]?.integer == stalls)
    publisher.disconnect()
    #expect(rig.page("/varz")?.body["stalled_clients"]?.integer == stalls)
  }

  @Test func connzShowsWhoAndWhat() throws {
    let rig = try NATSRig { $0.add("alice", tenant: "acme") }
    let client = try rig.client(#"{"verbose":false,"user":"alice","pass":"pw","name":"n"}"#)
    client.send("SUB a.> q 5\r\nUNSUB 5 9\r\nPUB a.b 2\r\nhi\r\n")
    let plain = rig.page("/connz")?.body["connections"]?[0]
    #expect(plain?["cid"]?.integer == 1)
    #expect(plain?["kind"]?.string == "Client")
    #expect(plain?["type"]?.string == "nats")
    #expect(plain?["ip"]?.string == "127.0.0.1")
    #expect(plain?["port"]?.integer == 5000)
    #expect(plain?["name"]?.string == "n")
    #expect(plain?["in_msgs"]?.integer == 1)
    #expect(plain?["out_bytes"]?.integer == 2)
    #expect(plain?["subscriptions"]?.integer == 1)
    #expect(plain?["authorized_user"] == nil)
    #expect(plain?["subscriptions_list"] == nil)
    let auth = rig.page("/connz", [("auth", "1"), ("subs", "true")])?.body["connections"]?[0]
    #expect(auth?["authorized_user"]?.string == "alice")
    #expect(auth?["account"]?.string == "acme")
    // The global account is not named.
    let open = try NATSRig()
    _ = try open.client()
    let someone = open.page("/connz", [("auth", "1")])?.body["connections"]?[0]
    #expect(someone?["account"] == nil)
    #expect(someone?["name_tag"]?.string == "$G")
    #expect(auth?["subscriptions_list"]?[0]?.string == "a.>")
    let detail = rig.page("/connz", [("subs", "detail")])?.body["connections"]?[0]?[
      "subscriptions_list_detail"]?[0]
    #expect(detail?["qgroup"]?.string == "q")
    #expect(detail?["sid"]?.string == "5")
    #expect(detail?["msgs"]?.integer == 1)
    #expect(detail?["max"]?.integer == 9)
  }

  private func names(_ rig: NATSRig, _ query: [(name: String, value: String)]) -> [String] {
    (rig.page("/connz", query)?.body["connections"]?.elements ?? [])
      .compactMap { $0["name"]?.string }
  }

  @Test func connzPagesSortsAndFilters() throws {
    let rig = try NATSRig()
    let clients = try ["c0", "c1", "c2", "c3", "c4"].map { try self.named(rig, $0) }
    clients[3].send("SUB a 1\r\nSUB b.* 2\r\nPUB x 10\r\n0123456789\r\n")
    clients[1].send("SUB a 1\r\nPUB a 1\r\nx\r\nPUB a 1\r\nx\r\n")
    let page = try #require(rig.page("/connz", [("offset", "1"), ("limit", "2")])?.body)
    #expect(page["num_connections"]?.integer == 2)
    #expect(page["total"]?.integer == 5)
    #expect(self.names(rig, [("offset", "1"), ("limit", "2")]) == ["c1", "c2"])
    #expect(self.names(rig, [("offset", "9")]) == [])
    #expect(self.names(rig, [("sort", "subs"), ("limit", "2")]) == ["c3", "c1"])
    #expect(self.names(rig, [("sort", "msgs_from"), ("limit", "2")]) == ["c1", "c3"])
    #expect(self.names(rig, [("sort", "bytes_from"), ("limit", "1")]) == ["c3"])
    #expect(self.names(rig, [("sort", "msgs_to"), ("limit", "1")]) == ["c1"])
    #expect(self.names(rig, [("cid", "3")]) == ["c2"])
    #expect(self.names(rig, [("cid", "77")]) == [])
    #expect(self.names(rig, [("acc", "$G"), ("filter_subject", "b.x")]) == ["c3"])
    #expect(self.names(rig, [("acc", "other")]) == [])
    clients[2].disconnect()
    #expect(self.names(rig, [("state", "closed")]) == ["c2"])
    #expect(self.names(rig, [("state", "any")]) == ["c0", "c1", "c2", "c3", "c4"])
    let closed = rig.page("/connz", [("state", "closed")])?.body["connections"]?[0]
    #expect(closed?["reason"]?.string == "Client Closed")
    #expect(closed?["stop"]?.string != nil)
  }

  @Test(arguments: [
    ("sort", "bogus", "invalid sorting option: bogus"),
    ("sort", "stop", "sort by stop only valid on closed connections"),
    ("state", "bad", "Error decoding state for bad"),
    ("limit", "x", "Error decoding int for 'limit': x"),
    ("subs", "x", "Error decoding boolean for 'subs': x"),
    ("filter_subject", "a", "filter by subject only valid with account filtering"),
  ])
  func connzRefuses(_ name: String, _ value: String, _ reason: String) throws {
    let answer = try NATSRig().page("/connz", [(name, value)])
    #expect(answer?.status == 400)
    #expect(answer?.body["error"]?.string == reason)
  }

  @Test func closedConnectionsAreBounded() throws {
    let rig = try NATSRig(settings: ["closed_connections_max": .integer(3)])
    for index in 0..<5 { try self.named(rig, "c\(index)").disconnect() }
    #expect(Set(self.names(rig, [("state", "closed")])) == ["c2", "c3", "c4"])
    #expect(rig.page("/varz")?.body["total_connections"]?.integer == 5)
  }

  @Test func subsz() throws {
    let rig = try NATSRig()
    let client = try self.named(rig, "a")
    client.send("SUB a.b 1\r\nSUB a.> q 2\r\nSUB c 3\r\nPUB a.b 0\r\n\r\nPUB a.b 0\r\n\r\n")
    let plain = try #require(rig.page("/subsz")?.body)
    #expect(plain["num_subscriptions"]?.integer == 3)
    #expect(plain["num_inserts"]?.integer == 3)
    #expect(plain["max_fanout"]?.integer == 2)
    #expect(plain["total"]?.integer == 3)
    #expect(plain["subscriptions_list"] == nil)
    let sids = { (query: [(name: String, value: String)]) in
      (rig.page("/subsz", query)?.body["subscriptions_list"]?.elements ?? [])
        .compactMap { $0["sid"]?.string }
    }
    #expect(sids([("subs", "1")]) == ["1", "2", "3"])
    #expect(sids([("subs", "1"), ("offset", "1"), ("limit", "1")]) == ["2"])
    #expect(sids([("test", "a.b")]) == ["1", "2"])
    #expect(sids([("test", "a.x")]) == ["2"])
    #expect(rig.page("/subsz", [("test", "a.*")])?.status == 400)
  }

  @Test func metricsFollowTheCounts() throws {
    let rig = try NATSRig()
    let client = try self.named(rig, "a")
    client.send("PUB x 3\r\nabc\r\n")
    let value = { (name: String) in
      rig.frontEnd.metrics.first { $0.name == name }?.samples.first?.value
    }
    #expect(value("godwit_nats_connections") == 1)
    #expect(value("godwit_nats_messages_in_total") == 1)
    #expect(value("godwit_nats_bytes_in_total") == 3)
    #expect(Set(rig.frontEnd.metrics.map(\.name)).count == rig.frontEnd.metrics.count)
  }

  @Test func names() throws {
    let frontEnd = try NATSRig().frontEnd
    #expect(frontEnd.canonical("a.b") == .success(Array("a.b".utf8)))
    for name in ["", "a..b", ".a", "a b", "a\tb"] {
      #expect(throws: NameError.self) { try frontEnd.canonical(name).get() }
    }
    #expect(frontEnd.spell(Array("a.b".utf8)) == .success("a.b"))
    #expect(throws: NameError.self) { try frontEnd.spell([0xFF]).get() }
  }
}
