import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire
import Testing

@testable import GodwitBroker

@Suite struct AdminGroupsTests {
  /// A stream with three records and a group that has one, and a topic of two partitions.
  private static func fill(_ harness: AdminHarness) async throws {
    try await harness.onLoop { parts in
      let tenant = parts.loop.engine.tenant(named: "default")
      let stream = try tenant.streams.create(
        StreamSettings(name: "S", patterns: [TopicPattern(canonical: Array("s.>".utf8))]))
      let group = try stream.makeGroup(StreamGroupSettings(name: "work"))
      _ = try tenant.partitionedTopics.create(
        PartitionedTopicSettings(name: "T", topic: Array("t".utf8), partitions: 2))
      tenant.partitionedTopics.choose = { key, _ in Int(key.first ?? 0) - 48 }
      for index in 0..<3 { tenant.publish(topic: Array("s.a".utf8), payload: [UInt8(index)]) }
      for key in ["0", "1", "1"] {
        var metadata = Metadata()
        metadata.key = Array(key.utf8)
        metadata.headers = [.init(name: Array("Kind".utf8), value: Array("k\(key)".utf8))]
        tenant.publish(
          topic: Array("t".utf8), payload: Array("of \(key)".utf8), metadata: metadata)
      }
      _ = group.lease()
      var position = ReaderGroup.Position(log: "T", partition: 1)
      position.lag = 2
      var facts = ReaderGroup.Facts(state: "Stable")
      facts.positions = [position]
      facts.members = [.init(id: "m", client: "c", address: "1.2.3.4")]
      let told = facts
      parts.frontEnd.readerGroups = [
        ReaderGroup(name: "readers", kind: "lines") { told },
        ReaderGroup(name: "work", kind: "lines") { ReaderGroup.Facts(state: "Empty") },
      ]
    }
  }

  @Test func groupsOfAllKindsAreListed() async throws {
    try await AdminHarness.run { harness in
      try await Self.fill(harness)
      let client = try harness.connect()
      let all = try client.request("GET", "/api/groups").json
      let rows = try #require(all["groups"]?.elements)
      #expect(rows.map { $0["name"]?.string } == ["readers", "work", "work"])
      #expect(rows.map { $0["kind"]?.string } == ["lines", "lines", "stream"])
      #expect(rows.map { $0["protocol"]?.string } == ["fake", "fake", nil])
      #expect(rows.map { $0["lag"]?.integer } == [2, nil, 2])
      #expect(rows[2]["in_flight"]?.integer == 1)
      #expect(rows[2]["oldest_at"]?.double != nil)
      #expect(rows[0]["streams"]?[0]?.string == "T")
      let some = try client.request("GET", "/api/groups?kind=stream&filter=s").json
      #expect(some["groups"]?.elements?.count == 1)
      #expect(some["matching"]?.integer == 1)
      let page = try client.request("GET", "/api/groups?offset=1&limit=1").json
      #expect(page["groups"]?.elements?.map { $0["kind"]?.string } == ["lines"])
    }
  }

  @Test func oneGroupIsShown() async throws {
    try await AdminHarness.run { harness in
      try await Self.fill(harness)
      let client = try harness.connect()
      let one = try client.request("GET", "/api/groups/readers").json
      #expect(one["positions"]?[0]?["partition"]?.integer == 1)
      #expect(one["readers"]?[0]?["address"]?.string == "1.2.3.4")
      #expect(try client.request("GET", "/api/groups/work").status == 409)
      let own = try client.request("GET", "/api/groups/work?stream=S").json
      #expect(own["positions"]?[0]?["end"]?.integer == 3)
      #expect(own["topics"]?.elements == [])
      #expect(try client.request("GET", "/api/groups/none").status == 404)
      let topic = try client.request("GET", "/api/streams/T").json
      #expect(topic["groups"]?.elements?.map { $0["name"]?.string } == ["readers"])
    }
  }

  @Test func topicsAreStreamsHere() async throws {
    try await AdminHarness.run { harness in
      try await Self.fill(harness)
      let client = try harness.connect()
      let rows = try #require(try client.request("GET", "/api/streams").json["streams"]?.elements)
      #expect(rows.map { $0["kind"]?.string } == ["stream", "topic"])
      #expect(rows[1]["records"]?.integer == 3)
      #expect(rows[1]["next_offset"] == .null)
      #expect(rows[1]["partitions"]?[1]?["next_offset"]?.integer == 2)
      let only = try client.request("GET", "/api/streams?kind=topic").json
      #expect(only["matching"]?.integer == 1)
      let all = try client.request("GET", "/api/streams/T/records").json
      #expect(all["records"]?.elements?.map { $0["partition"]?.integer } == [0, 1, 1])
      #expect(all["records"]?[0]?["key"]?.string == "0")
      #expect(all["complete"]?.bool == true)
      let part = try client.request("GET", "/api/streams/T/records?partition=1&from=1").json
      #expect(part["records"]?.elements?.map { $0["offset"]?.integer } == [1])
      #expect(try client.request("GET", "/api/streams/T/records?partition=2").status == 404)
      #expect(try client.request("GET", "/api/streams/T/records?partition=x").status == 400)
    }
  }

  @Test func aTokenGoesOnWhereAnAnswerEnded() async throws {
    try await AdminHarness.run { harness in
      try await Self.fill(harness)
      let client = try harness.connect()
      var token = ""
      var found: [String?] = []
      for _ in 0..<5 {
        let page = try client.request(
          "GET", "/api/streams/T/records?limit=1\(token.isEmpty ? "" : "&token=\(token)")"
        ).json
        found += (page["records"]?.elements ?? []).map { $0["payload"]?.string }
        token = try #require(page["token"]?.string)
        if page["complete"]?.bool == true { break }
      }
      #expect(found == ["of 0", "of 1", "of 1"])
      for token in ["", "x", "1", "1:x", "7:0", "0:1:2"] {
        let path = "/api/streams/T/records?token=\(token)"
        #expect(try client.request("GET", path).status == 400, "\(token)")
      }
    }
  }

  @Test(arguments: [
    ("header=kind", 3), ("header=KIND=K1", 2), ("header=kind:%20k0", 1), ("header=kin", 0),
    ("header=key=1", 2), ("text=OF", 3), ("text=of%200", 1), ("text=of&header=kind=1", 2),
    ("pattern=t", 3), ("pattern=s.>", 0),
  ])
  func recordsAreLookedFor(query: String, count: Int) async throws {
    try await AdminHarness.run { harness in
      try await Self.fill(harness)
      let client = try harness.connect()
      let found = try client.request("GET", "/api/streams/T/records?\(query)").json
      #expect(found["records"]?.elements?.count == count)
      #expect(found["looked_at"]?.integer == 3)
    }
  }

  @Test func theOldestRecordsOfATopicArePurged() async throws {
    try await AdminHarness.run { harness in
      try await Self.fill(harness)
      let client = try harness.connect()
      let headers = ["X-Godwit-Admin: 1"]
      func purge(_ query: String) throws -> AdminClient.Reply {
        try client.request("POST", "/api/streams/T/purge\(query)", headers: headers, body: "")
      }
      #expect(try purge("?before=1").status == 400)
      #expect(try purge("?pattern=other").json["purged"]?.integer == 0)
      #expect(try purge("?partition=1&before=1").json["purged"]?.integer == 1)
      #expect(try purge("?keep=1").json["purged"]?.integer == 0)
      #expect(try purge("").json["purged"]?.integer == 2)
      #expect(
        try client.request("DELETE", "/api/streams/T/groups/readers", headers: headers).status
          == 409)
      #expect(try client.request("DELETE", "/api/streams/T", headers: headers).status == 200)
      #expect(try client.request("GET", "/api/streams/T").status == 404)
    }
  }
}
