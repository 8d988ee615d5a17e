import GodwitEngine
import GodwitPrimitives
import GodwitWire
import NATSWire
import Testing

@testable import NATSFrontEnd

/// Priority groups, over raw bytes (ADR-42).
@Suite struct JetStreamPriorityTests {
  private let rig: NATSRig
  private let client: TestClient

  init() throws {
    self.rig = try NATSRig()
    self.client = try self.rig.client()
    _ = self.client.exchange("SUB in.> 1\r\nSUB $JS.EVENT.ADVISORY.CONSUMER.*.S.> 2\r\n")
    _ = try self.api("STREAM.CREATE.S", #"{"name":"S","subjects":["s"]}"#)
  }

  private func ask(_ call: String, _ body: String, reply: String = "in.api") -> String {
    self.client.exchange("PUB $JS.API.\(call) \(reply) \(body.utf8.count)\r\n\(body)\r\n")
  }

  @discardableResult
  private func api(_ call: String, _ body: String = "") throws -> JSONValue {
    let text = self.ask(call, body)
    let json = try #require(
      text.split(separator: "\r\n").last { $0.hasPrefix(#"{"type":"io.nats.jetstream.api"#) },
      "\(text)")
    return try JSONValue(parsing: String(json))
  }

  private func makeConsumer(_ policy: String, _ more: String = "") throws {
    let config =
      #"{"durable_name":"c","ack_policy":"explicit","priority_groups":["g"]"#
      + #","priority_policy":"\#(policy)"\#(more)}"#
    let made = try self.api(
      "CONSUMER.CREATE.S.c", #"{"stream_name":"S","config":\#(config)}"#)
    #expect(made["error"] == nil, "\(made)")
  }

  private func pull(_ name: String, _ more: String = "") -> String {
    self.ask(
      "CONSUMER.MSG.NEXT.S.c", #"{"batch":1,"expires":60000000000,"group":"g"\#(more)}"#,
      reply: "in.\(name)")
  }

  private func publish() -> String { self.client.exchange("PUB s 1\r\nx\r\n") }

  @Test func overflowIsForWhenThereIsTooMuch() throws {
    try self.makeConsumer("overflow")
    #expect(self.pull("a", #","min_pending":2"#) == "")
    #expect(self.publish() == "")
    // The second message makes two that wait.
    #expect(self.publish().contains("MSG s 1 $JS.ACK.S.c.1.1.1."))
    #expect(self.pull("b", #","min_ack_pending":2"#) == "")
    #expect(self.pull("c").contains("MSG s 1 $JS.ACK.S.c.1.2.2."))
    #expect(self.publish().contains("MSG s 1 $JS.ACK.S.c.1.3.3."))
    #expect(self.pull("d", #","id":"x""#).contains("400 Bad Request - Not a Pinned Client"))
    #expect(self.ask("CONSUMER.MSG.NEXT.S.c", "{}").contains("Priority Group missing"))
  }

  @Test func theLowestPriorityIsServedFirst() throws {
    try self.makeConsumer("prioritized")
    _ = self.pull("low", #","priority":5"#)
    _ = self.pull("high", #","priority":1"#)
    _ = self.pull("high2", #","priority":1"#)
    #expect(try self.api("CONSUMER.INFO.S.c")["num_waiting"]?.integer == 3)
    _ = self.client.exchange("UNSUB 1\r\nSUB in.high 3\r\nSUB in.high2 4\r\nSUB in.low 5\r\n")
    #expect(self.publish().hasPrefix("MSG s 3 "))
    #expect(self.publish().hasPrefix("MSG s 4 "))
    #expect(self.publish().hasPrefix("MSG s 5 "))
    #expect(self.pull("high", #","priority":10"#).contains("Priority must be between 0 and 9"))
  }

  private func pin(of text: String) throws -> String {
    let line = try #require(text.split(separator: "\r\n").first { $0.hasPrefix("Nats-Pin-Id: ") })
    return String(line.dropFirst("Nats-Pin-Id: ".count))
  }

  @Test func onlyThePinnedClientIsServed() throws {
    try self.makeConsumer("pinned_client", #","priority_timeout":2000000000"#)
    _ = self.pull("a")
    _ = self.pull("b")
    let first = self.publish()
    let pin = try self.pin(of: first)
    #expect(first.contains("$JS.EVENT.ADVISORY.CONSUMER.PINNED.S.c"))
    #expect(first.contains(#""account":"$G","stream":"S","consumer":"c","group":"g""#))
    // The other one waits while the pinned client comes back, or does not.
    #expect(self.publish() == "")
    #expect(self.pull("c", #","id":"other""#).contains("423 Nats-Pin-Id mismatch"))
    #expect(try self.pin(of: self.pull("a", #","id":"\#(pin)""#)) == pin)
    let group = try self.api("CONSUMER.INFO.S.c")["priority_groups"]?[0]
    #expect(group?.text("pinned_client_id") == pin)
    _ = self.publish()
    self.rig.pass(seconds: 2.1)
    let second = self.client.received()
    #expect(second.contains(#""reason":"timeout""#))
    #expect(try self.pin(of: second) != pin)
    let old = self.pull("a", #","id":"\#(pin)""#)
    #expect(old.contains("423 Nats-Pin-Id mismatch"))
  }

  @Test func somebodyLetsThePinnedClientGo() throws {
    try self.makeConsumer("pinned_client")
    _ = self.pull("a")
    let pin = try self.pin(of: self.publish())
    _ = self.pull("a", #","id":"\#(pin)""#)
    let told = self.ask("CONSUMER.UNPIN.S.c", #"{"group":"g"}"#)
    #expect(told.contains(#""reason":"admin""#))
    #expect(self.publish().contains("423 Nats-Wrong-Pin-Id") || told.contains("423 Nats-Wrong"))
    for (body, code) in [(#"{"group":"x"}"#, 10160), ("{}", 10025)] as [(String, Int64)] {
      let refused = try self.api("CONSUMER.UNPIN.S.c", body)
      #expect(refused["error"]?["err_code"]?.integer == code)
    }
  }
}
