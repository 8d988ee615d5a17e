import GodwitEngine
import GodwitFrontEndKit
import GodwitWire
import NIOCore
import Testing

@testable import GodwitBroker

@Suite struct AdminTapTests {
  /// Opens a tap and reads up to its first event.
  private func open(_ harness: AdminHarness, _ query: String) throws -> AdminClient {
    let client = try harness.connect()
    try client.socket.send("GET /api/tap\(query) HTTP/1.1\r\nHost: localhost\r\n\r\n")
    let head = try client.socket.read(until: "\r\n\r\n")
    #expect(head.contains(" 200 "))
    #expect(head.contains("text/event-stream"))
    let opened = try self.event(client, "open")
    #expect(opened["pattern"]?.string != nil)
    return client
  }

  /// The data of the next event of that name.
  private func event(_ client: AdminClient, _ name: String) throws -> JSONValue {
    _ = try client.socket.read(until: "event: \(name)\ndata: ")
    let line = try client.socket.read(until: "\n")
    return try JSONValue(parsing: line)
  }

  @Test func messagesAreShownAsTheyCome() async throws {
    try await AdminHarness.run { harness in
      let tap = try self.open(harness, "?pattern=sensors.%3E")
      let client = try harness.connect()
      let published = try client.post(
        "/api/publish",
        #"{"topic":"sensors.a","payload":"21 °C","headers":[["Unit","C"],["Unit","K"]]}"#)
      #expect(published.json["receivers"]?.integer == 0, "a tap is nobody's receiver")
      _ = try client.post("/api/publish", #"{"topic":"other","payload":"hidden"}"#)
      _ = try client.post(
        "/api/publish", #"{"topic":"sensors.b","payload_base64":"AAH/","quality":1}"#)
      let first = try self.event(tap, "message")
      #expect(first["topic"]?.string == "sensors.a")
      #expect(first["payload"]?.string == "21 °C")
      #expect(first["encoding"]?.string == "text")
      #expect(first["origin"]?.string == "engine")
      #expect(first["headers"]?[1]?[1]?.string == "K")
      let second = try self.event(tap, "message")
      #expect(second["topic"]?.string == "sensors.b")
      #expect(second["payload"]?.string == "0001ff")
      #expect(second["encoding"]?.string == "hex")
      #expect(second["number"]?.integer == 2)
      #expect(second["quality"]?.integer == 1)
    }
  }

  @Test func longPayloadsAreCutBetweenCharacters() async throws {
    try await AdminHarness.run { harness in
      let tap = try self.open(harness, "")
      let payload = "x" + String(repeating: "é", count: 2_000)
      _ = try harness.connect().post("/api/publish", #"{"topic":"a","payload":""# + payload + "\"}")
      let message = try self.event(tap, "message")
      #expect(message["truncated"]?.bool == true)
      #expect(message["bytes"]?.integer == 4_001)
      #expect(message["payload"]?.string == "x" + String(repeating: "é", count: 511))
    }
  }

  @Test func whatIsOverTheRateIsCountedAndTold() async throws {
    try await AdminHarness.run { harness in
      let tap = try self.open(harness, "?rate=5")
      try await harness.onLoop { parts in
        let tenant = parts.loop.engine.tenant(named: "default")
        for _ in 0..<100 { tenant.publish(topic: Array("a".utf8), payload: [1]) }
      }
      let state = try self.event(tap, "state")
      #expect(state["seen"]?.integer == 100)
      #expect(state["shown"]?.integer == 5)
      #expect(state["over_rate"]?.integer == 95)
    }
  }

  @Test func aViewerWhoDoesNotReadCostsABoundedBuffer() async throws {
    var limits = AdminLimits.defaults
    limits.tapBufferBytesMax = 4_096
    try await AdminHarness.run(limits: limits) { harness in
      let tap = try self.open(harness, "?rate=1000")
      try await harness.onLoop { parts in
        let tenant = parts.loop.engine.tenant(named: "default")
        let payload = [UInt8](repeating: 65, count: 1_000)
        for _ in 0..<100 { tenant.publish(topic: Array("a".utf8), payload: payload) }
      }
      let state = try self.event(tap, "state")
      #expect(state["seen"]?.integer == 100)
      #expect((state["over_buffer"]?.integer ?? 0) > 80)
    }
  }

  @Test func tapsAreBoundedAndGoWithTheirViewer() async throws {
    var limits = AdminLimits.defaults
    limits.tapsMax = 2
    try await AdminHarness.run(limits: limits) { harness in
      var taps = [try self.open(harness, ""), try self.open(harness, "")]
      let client = try harness.connect()
      #expect(try client.request("GET", "/api/tap").status == 429)
      taps.removeAll()
      #expect(try await harness.until { $0.server?.taps.count == 0 })
      _ = try self.open(harness, "")
    }
  }

  @Test(arguments: ["a..b", ".a", "a.", "a.%3E.b", "a%20b", "a%00", "%0A"])
  func patternsThatAreNoneAreRefused(_ pattern: String) async throws {
    try await AdminHarness.run { harness in
      let reply = try harness.connect().request("GET", "/api/tap?pattern=\(pattern)")
      #expect(reply.status == 400)
      #expect(reply.json["error"]?.string != nil)
    }
  }

  @Test func leavingEndsTheSubscription() async throws {
    try await AdminHarness.run { harness in
      var tap: AdminClient? = try self.open(harness, "?pattern=a.b")
      let during = try await harness.onLoop {
        $0.loop.engine.tenant(named: "default").router.subscriptionCount
      }
      #expect(during == 1)
      tap = nil
      _ = tap
      let isGone = try await harness.until {
        $0.loop.engine.tenant(named: "default").router.subscriptionCount == 0
      }
      #expect(isGone)
    }
  }
}
