import GodwitEngine
import GodwitPrimitives
import GodwitWire
import NATSWire
import Testing

@testable import NATSFrontEnd

/// Counters, over raw bytes (ADR-49).
@Suite struct JetStreamCounterTests {
  private let rig: NATSRig
  private let client: TestClient

  init() throws {
    self.rig = try NATSRig()
    self.client = try self.rig.client()
    _ = self.client.exchange("SUB in.> 1\r\n")
    _ = self.api(
      "STREAM.CREATE.C", #"{"name":"C","subjects":["c.*"],"allow_msg_counter":true}"#)
  }

  private func api(_ call: String, _ body: String) -> String {
    self.client.exchange("PUB $JS.API.\(call) in.api \(body.utf8.count)\r\n\(body)\r\n")
  }

  private func frame(_ by: String, _ subject: String = "c.a") -> String {
    let block = "NATS/1.0\r\nNats-Incr: \(by)\r\n\r\n"
    let count = block.utf8.count
    return "HPUB \(subject) in.ack \(count) \(count)\r\n\(block)\r\n"
  }

  @Test func eachSubjectCountsForItself() {
    #expect(self.client.exchange(self.frame("2")).contains(#"{"stream":"C","seq":1,"val":"2"}"#))
    #expect(self.client.exchange(self.frame("7", "c.b")).contains(#""seq":2,"val":"7"}"#))
    #expect(self.client.exchange(self.frame("-5")).contains(#""seq":3,"val":"-3"}"#))
    // Of several that come at once each knows of the one before.
    let many = self.client.exchange(String(repeating: self.frame("1"), count: 50))
    #expect(many.contains(#""val":"47"}"#))
    let got = self.api("STREAM.MSG.GET.C", #"{"last_by_subj":"c.a"}"#)
    #expect(got.contains(#""data":"\#(Base64.encode(Array(#"{"val":"47"}"#.utf8)))""#))
  }

  @Test func whatDoesNotCountIsRefused() throws {
    #expect(self.client.exchange("PUB c.a in.ack 1\r\nx\r\n").contains("10169"))
    #expect(self.client.exchange(self.frame("one")).contains("10171"))
    _ = self.rig.engine.tenant(named: "default").publish(topic: Array("c.a".utf8), payload: [])
    #expect(self.api("STREAM.INFO.C", "").contains(#""messages":0"#))
  }
}
