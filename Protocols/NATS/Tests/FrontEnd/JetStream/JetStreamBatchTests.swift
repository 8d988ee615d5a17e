import GodwitEngine
import GodwitPrimitives
import GodwitWire
import NATSWire
import Testing

@testable import NATSFrontEnd

/// Atomic batches, over raw bytes and a clock that the test moves (ADR-50).
@Suite struct JetStreamBatchTests {
  private let rig: NATSRig
  private let client: TestClient

  init() throws {
    self.rig = try NATSRig()
    self.client = try self.rig.client()
    _ = self.client.exchange("SUB in.> 1\r\n")
    let config = #"{"name":"S","subjects":["S.>"],"allow_atomic":true,"allow_msg_schedules":true}"#
    #expect(try self.api("STREAM.CREATE.S", config)["error"] == nil)
  }

  private func api(_ call: String, _ body: String = "") throws -> JSONValue {
    let text = self.client.exchange(
      "PUB $JS.API.\(call) in.api \(body.utf8.count)\r\n\(body)\r\n")
    let json = try #require(text.split(separator: "\r\n").last { $0.hasPrefix("{") }, "\(text)")
    return try JSONValue(parsing: String(json))
  }

  /// Publishes one message of a batch; answers the acknowledgement, `-` for an empty one.
  @discardableResult
  private func add(
    _ subject: String, _ id: String, _ sequence: Int, commit: String? = nil,
    _ more: [String] = [], isRequest: Bool = true
  ) -> String {
    var headers = ["Nats-Batch-Id: \(id)", "Nats-Batch-Sequence: \(sequence)"]
    if let commit { headers.append("Nats-Batch-Commit: \(commit)") }
    let block = "NATS/1.0\r\n" + (headers + more).map { $0 + "\r\n" }.joined() + "\r\n"
    let count = block.utf8.count
    let answer = self.client.exchange(
      "HPUB \(subject) \(isRequest ? "in.ack " : "")\(count) \(count + 1)\r\n\(block)x\r\n")
    guard answer.hasPrefix("MSG in.ack") else { return answer }
    let body = answer.split(separator: "\r\n", omittingEmptySubsequences: false)[1]
    return body.isEmpty ? "-" : String(body)
  }

  private func count() throws -> Int64? {
    try self.api("STREAM.INFO.S")["state"]?["messages"]?.integer
  }

  @Test func theLastOneKeepsAll() throws {
    #expect(self.add("S.a", "one", 1) == "-")
    #expect(self.add("S.b", "one", 2, isRequest: false) == "")
    #expect(self.add("S.a", "two", 1) == "-")
    #expect(try self.count() == 0)
    #expect(
      self.add("S.c", "one", 3, commit: "1") == #"{"stream":"S","seq":3,"batch":"one","count":3}"#)
    #expect(try self.count() == 3)
    // The mark of the end is not kept, and the one before it says so.
    #expect(
      self.add("S.a", "two", 2, commit: "eob")
        == #"{"stream":"S","seq":4,"batch":"two","count":1}"#)
    let last = try self.api("STREAM.MSG.GET.S", #"{"seq":4}"#)["message"]
    let block = Base64.decode(Array((last?.text("hdrs") ?? "").utf8)) ?? []
    #expect(String(decoding: block, as: UTF8.self).contains("Nats-Batch-Commit: 1\r\n"))
    // A message without a batch is as ever.
    #expect(self.client.exchange("PUB S.a in.ack 0\r\n\r\n").contains(#"{"stream":"S","seq":5}"#))
  }

  @Test func aBatchOfOne() {
    #expect(
      self.add("S.a", "one", 1, commit: "1") == #"{"stream":"S","seq":1,"batch":"one","count":1}"#)
  }

  @Test func oneThatCannotBeKeptKeepsAllFromIt() throws {
    let cases: [([String], Int)] = [
      (["Nats-Expected-Last-Subject-Sequence: 7"], 10071),
      (["Nats-Expected-Last-Sequence: 1"], 10164), (["Nats-Expected-Stream: T"], 10060),
      (["Nats-Expected-Last-Msg-Id: m"], 10177), (["Nats-Msg-Id: first"], 10201),
      (["Nats-TTL: 1h"], 10166), (["Nats-Rollup: all"], 10111), (["Nats-Incr: 1"], 10168),
      (["Nats-Schedule: @soon"], 10189),
    ]
    for (headers, code) in cases {
      self.add("S.a", "b", 1, ["Nats-Msg-Id: first"])
      let answer = self.add("S.b", "b", 2, commit: "1", headers)
      #expect(answer.contains(#""err_code":\#(code),"#), "\(headers): \(answer)")
      #expect(try self.count() == 0)
    }
    // What was refused is forgotten: a batch of the same id may begin.
    self.add("S.a", "b", 1, ["Nats-Msg-Id: first"])
    #expect(self.add("S.b", "b", 2, commit: "1").contains(#""count":2}"#))
    self.add("S.c", "b", 1)
    let known = self.add("S.d", "b", 2, commit: "1", ["Nats-Msg-Id: first"])
    #expect(known.contains("10201"))
    #expect(try self.count() == 2)
  }

  @Test func whatIsMissingAbandonsABatch() throws {
    _ = self.client.exchange("SUB $JS.EVENT.ADVISORY.STREAM.BATCH_ABANDONED.S 2\r\n")
    self.add("S.a", "gap", 1)
    let gap = self.add("S.a", "gap", 3)
    #expect(gap.contains(#""type":"io.nats.jetstream.advisory.v1.stream_batch_abandoned""#))
    #expect(gap.contains(#""stream":"S","batch":"gap","reason":"incomplete"}"#))
    #expect(gap.contains(#""err_code":10176,"#))
    #expect(self.add("S.a", "gap", 2).contains("10176"))
    #expect(self.add("S.a", "eob", 1, commit: "eob").contains("10176"))
    #expect(self.add("S.a", "level", 1, ["Nats-Required-Api-Level: 99"]).contains("10185"))
    #expect(self.add("S.a", "none", 0).contains("10175"))
    #expect(self.add("S.a", "far", 1_000).contains("10176"))
    #expect(self.add("S.a", "far", 1_001).contains("10199"))
    #expect(self.add("S.a", "far", 1_001, commit: "eob").contains("10176"))
    #expect(self.add("S.a", String(repeating: "x", count: 65), 1).contains("10179"))
    #expect(self.add("S.a", "odd", 1, commit: "yes").contains("10200"))
    self.add("S.a", "late", 1)
    self.rig.pass(seconds: 9)
    self.add("S.a", "late", 2)
    self.rig.pass(seconds: 11)
    #expect(self.client.received().contains(#""batch":"late","reason":"timeout""#))
    #expect(self.add("S.a", "late", 3, commit: "1").contains("10176"))
    #expect(try self.count() == 0)
    #expect(self.rig.frontEnd.batchCount == 0)
  }

  @Test func thereAreLimits() throws {
    for index in 0..<50 { #expect(self.add("S.a", "b\(index)", 1) == "-") }
    #expect(self.add("S.a", "b50", 1).contains(#""code":429,"err_code":10210"#))
    for index in 2...1_000 { self.add("S.a", "b0", index, isRequest: false) }
    #expect(self.add("S.a", "b0", 1_001).contains("10199"))
    for index in 2...1_000 { self.add("S.a", "b1", index, isRequest: false) }
    #expect(self.add("S.a", "b1", 1_001, commit: "eob").contains(#""count":1000}"#))
    #expect(try self.api("STREAM.DELETE.S")["success"] == .bool(true))
    #expect(self.rig.frontEnd.batchCount == 0)
  }

  @Test func otherStreamsTakeNone() throws {
    _ = try self.api("STREAM.CREATE.T", #"{"name":"T","subjects":["T.>"]}"#)
    #expect(self.add("T.a", "one", 1).contains(#""err_code":10174,"#))
    let both = #"{"name":"C","subjects":["C"],"allow_atomic":true,"allow_msg_counter":true}"#
    #expect(try self.api("STREAM.CREATE.C", both)["error"]?["err_code"]?.integer == 10052)
  }

  @Test func schedulesComeInBatches() throws {
    let time = JetStreamTimestamp(nanosecondsSince1970: self.rig.engine.now + 1_000_000_000)
    self.add("S.plan", "b", 1, ["Nats-Schedule: @at \(time)", "Nats-Schedule-Target: S.now"])
    self.add("S.a", "b", 2, commit: "1")
    self.rig.pass(seconds: 2)
    let last = try self.api("STREAM.MSG.GET.S", #"{"seq":3}"#)["message"]
    #expect(last?.text("subject") == "S.now")
    #expect(try self.count() == 2)
  }
}
