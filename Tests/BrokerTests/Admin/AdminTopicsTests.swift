import GodwitEngine
import GodwitFrontEndKit
import GodwitWire
import Testing

@testable import GodwitBroker

@Suite struct AdminTopicsTests {
  @Test func subscriptionsAreListedFilteredAndMatched() async throws {
    try await AdminHarness.run { harness in
      let one = try harness.lineClient("one")
      for pattern in ["sensors.>", "sensors.*.temperature", "other"] {
        try one.send("SUB \(pattern)\n")
        _ = try one.read(until: "OK\n")
      }
      let client = try harness.connect()
      let all = try client.request("GET", "/api/subscriptions").json
      #expect(all["total"]?.integer == 3)
      #expect(all["complete"]?.bool == true)
      let rows = try #require(all["subscriptions"]?.elements)
      #expect(Set(rows.compactMap { $0["pattern"]?.string }).count == 3)
      #expect(rows.allSatisfy { $0["client"]?.string == "one" })
      let few = try client.request("GET", "/api/subscriptions?limit=1").json
      #expect(few["subscriptions"]?.elements?.count == 1)
      #expect(few["complete"]?.bool == false)
      let found = try client.request("GET", "/api/subscriptions?filter=OTH").json
      #expect(found["subscriptions"]?.elements?.count == 1)
      let matched = try client.request("GET", "/api/subscriptions?topic=sensors.a.temperature")
      #expect(matched.json["subscriptions"]?.elements?.count == 2)
      #expect(try client.request("GET", "/api/subscriptions?topic=a.*").status == 400)
      #expect(try client.request("GET", "/api/subscriptions?tenant=nobody").status == 404)
    }
  }

  @Test func aPublishedMessageReachesClientsAndIsKept() async throws {
    try await AdminHarness.run { harness in
      let one = try harness.lineClient("one")
      try one.send("SUB a.>\n")
      _ = try one.read(until: "OK\n")
      let client = try harness.connect()
      let reply = try client.post(
        "/api/publish",
        """
        {"topic":"a.b","payload":"warm\\n","retain":true,"quality":1,"content_type":"text/plain",
         "headers":{"k":"v"},"reply":"c.d","expires_seconds":100}
        """)
      #expect(reply.status == 200, "\(reply.text)")
      #expect(reply.json["receivers"]?.integer == 1)
      #expect(try one.read(until: "warm\n") == "warm\n")
      let kept = try client.request("GET", "/api/retained?pattern=a.*").json
      #expect(kept["total"]?.integer == 1)
      let row = try #require(kept["retained"]?[0])
      #expect(row["topic"]?.string == "a.b")
      #expect(row["payload"]?.string == "warm\n")
      #expect(row["encoding"]?.string == "text")
      #expect(row["headers"]?[0]?[1]?.string == "v")
      #expect(row["reply"]?.string == "c.d")
      #expect(row["expires_at"]?.double != nil)
      #expect(
        try client.request("GET", "/api/retained?pattern=b.>").json["retained"]?.elements == [])
      let forgotten = try client.request(
        "DELETE", "/api/retained?topic=a.b", headers: ["X-Godwit-Admin: 1"])
      #expect(forgotten.status == 200)
      #expect(try client.request("GET", "/api/retained").json["total"]?.integer == 0)
      let again = try client.request(
        "DELETE", "/api/retained?topic=a.b", headers: ["X-Godwit-Admin: 1"])
      #expect(again.status == 404)
    }
  }

  @Test func anEmptyRetainedPayloadForgets() async throws {
    try await AdminHarness.run { harness in
      let client = try harness.connect()
      _ = try client.post("/api/publish", #"{"topic":"a","payload":"x","retain":true}"#)
      #expect(try client.request("GET", "/api/retained").json["total"]?.integer == 1)
      _ = try client.post("/api/publish", #"{"topic":"a","retain":true}"#)
      #expect(try client.request("GET", "/api/retained").json["total"]?.integer == 0)
    }
  }

  @Test func allThatIsCountedIsListed() async throws {
    try await AdminHarness.run { harness in
      try await harness.onLoop {
        let tenant = $0.loop.engine.tenant(named: "default")
        for topic in ["a", "$SYS.broker.uptime", "$other.b"] {
          try tenant.retained.set(tenant.record(topic: Array(topic.utf8), payload: [1]))
        }
      }
      let client = try harness.connect()
      let all = try client.request("GET", "/api/retained").json
      let topics = all["retained"]?.elements?.compactMap { $0["topic"]?.string } ?? []
      #expect(all["total"]?.integer == 3 && all["complete"]?.bool == true)
      #expect(Set(topics) == ["a", "$SYS.broker.uptime", "$other.b"])
      #expect(topics.last == "$SYS.broker.uptime")
      let few = try client.request("GET", "/api/retained?limit=2").json
      #expect(few["retained"]?.elements?.count == 2 && few["complete"]?.bool == false)
      let some = try client.request("GET", "/api/retained?pattern=*").json
      #expect(some["retained"]?.elements?.count == 1)
    }
  }

  @Test func bytesGoAsBase64() async throws {
    try await AdminHarness.run { harness in
      let client = try harness.connect()
      _ = try client.post(
        "/api/publish", #"{"topic":"a","payload_base64":"AP+A","retain":true}"#)
      let row = try client.request("GET", "/api/retained").json["retained"]?[0]
      #expect(row?["payload"]?.string == "00ff80")
      #expect(row?["encoding"]?.string == "hex")
    }
  }

  @Test(arguments: [
    #"{"payload":"x"}"#, #"{"topic":""}"#, #"{"topic":"a..b"}"#, #"{"topic":"a b"}"#,
    #"{"topic":"a.*"}"#, #"{"topic":">"}"#, #"{"topic":"a\u0000b"}"#, #"{"topic":".a"}"#,
    #"{"topic":"a","quality":3}"#, #"{"topic":"a","quality":-1}"#, #"{"topic":"a","quality":1e99}"#,
    #"{"topic":"a","retain":"yes"}"#, #"{"topic":"a","payload":1}"#,
    #"{"topic":"a","payload":"x","payload_base64":"eA=="}"#,
    #"{"topic":"a","payload_base64":"!"}"#, #"{"topic":"a","unknown":1}"#,
    #"{"topic":"a","headers":{"a b":"c"}}"#, #"{"topic":"a","headers":{"a":"b\r\nc"}}"#,
    #"{"topic":"a","headers":[["a"]]}"#, #"{"topic":"a","headers":"a"}"#,
    #"{"topic":"a","expires_seconds":0}"#, #"{"topic":"a","expires_seconds":1e300}"#,
    #"{"topic":"a","reply":"b.>"}"#, #"[]"#, #"{"topic":"a""#, "", "nonsense",
  ])
  func ordersThatMakeNoSenseAreRefused(_ body: String) async throws {
    try await AdminHarness.run { harness in
      let client = try harness.connect()
      let reply = try client.post("/api/publish", body)
      #expect(reply.status == 400, "\(body) answered \(reply.status): \(reply.text)")
      #expect(reply.json["error"]?.string != nil)
      #expect(try await harness.onLoop { $0.loop.engine.counters.published } == 0)
    }
  }

  @Test func theServersOwnTopicsAndForeignTenantsAreRefused() async throws {
    try await AdminHarness.run { harness in
      let client = try harness.connect()
      #expect(try client.post("/api/publish", #"{"topic":"$SYS.x"}"#).status == 403)
      #expect(try client.post("/api/publish", #"{"topic":"a","tenant":"b"}"#).status == 404)
      _ = try await harness.onLoop { _ = $0.loop.engine.tenant(named: "b") }
      #expect(try client.post("/api/publish", #"{"topic":"a","tenant":"b"}"#).status == 200)
    }
  }

  @Test func busiestTopicsAreTold() async throws {
    try await AdminHarness.run { harness in
      let client = try harness.connect()
      for _ in 0..<5 { _ = try client.post("/api/publish", #"{"topic":"x","payload":"12345"}"#) }
      _ = try client.post("/api/publish", #"{"topic":"y"}"#)
      let topics = try client.request("GET", "/api/topics?limit=1").json["topics"]?.elements
      #expect(topics?.count == 1)
      #expect(topics?[0]["topic"]?.string == "x")
      #expect(topics?[0]["messages"]?.double == 5)
      #expect(topics?[0]["origin"]?.string == "engine")
    }
  }

  @Test func namesAreExplained() async throws {
    try await AdminHarness.run { harness in
      let client = try harness.connect()
      let found = try client.request("GET", "/api/names?topic=a.b").json
      #expect(found["names"]?[0]?["name"]?.string == "a/b")
      let back = try client.request("GET", "/api/names?protocol=fake&name=a%2Fb").json
      #expect(back["topic"]?.string == "a.b")
      let cannot = try client.request("GET", "/api/names?topic=unspeakable.b").json
      #expect(cannot["names"]?[0]?["name"] == .null)
      #expect(cannot["names"]?[0]?["reason"]?.string == "cannot be said")
      #expect(try client.request("GET", "/api/names?protocol=fake&name=a+b").status == 400)
      #expect(try client.request("GET", "/api/names?protocol=none&name=a").status == 404)
    }
  }
}
