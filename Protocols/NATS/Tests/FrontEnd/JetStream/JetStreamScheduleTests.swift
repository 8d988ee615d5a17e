import GodwitEngine
import GodwitPrimitives
import GodwitWire
import NATSWire
import Testing

@testable import NATSFrontEnd

/// Messages that a stream sends on, over raw bytes and a clock that the test moves (ADR-51).
@Suite struct JetStreamScheduleTests {
  private let rig: NATSRig
  private let client: TestClient

  init() throws {
    self.rig = try NATSRig()
    self.client = try self.rig.client()
    _ = self.client.exchange("SUB in.> 1\r\n")
    try self.make("S", #""allow_msg_schedules":true,"allow_msg_ttl":true"#)
  }

  private func api(_ call: String, _ body: String = "") throws -> JSONValue {
    let text = self.client.exchange(
      "PUB $JS.API.\(call) in.api \(body.utf8.count)\r\n\(body)\r\n")
    let json = try #require(text.split(separator: "\r\n").last { $0.hasPrefix("{") }, "\(text)")
    return try JSONValue(parsing: String(json))
  }

  private func make(_ name: String, _ config: String) throws {
    let answer = try self.api(
      "STREAM.CREATE.\(name)", #"{"name":"\#(name)","subjects":["\#(name).>"],\#(config)}"#)
    #expect(answer["error"] == nil, "\(answer)")
  }

  /// Publishes with headers, and answers the acknowledgement.
  @discardableResult
  private func publish(_ subject: String, _ headers: [String], _ body: String = "x") -> String {
    let block = "NATS/1.0\r\n" + headers.map { $0 + "\r\n" }.joined() + "\r\n"
    let count = block.utf8.count
    return self.client.exchange(
      "HPUB \(subject) in.ack \(count) \(count + body.utf8.count)\r\n\(block)\(body)\r\n")
  }

  private func at(_ seconds: Int64) -> String {
    let time = JetStreamTimestamp(
      nanosecondsSince1970: self.rig.engine.now + seconds * 1_000_000_000)
    return "Nats-Schedule: @at \(time)"
  }

  private func subjects() throws -> [String: Int64] {
    let state = try self.api("STREAM.INFO.S", #"{"subjects_filter":">"}"#)["state"]
    var counts: [String: Int64] = [:]
    for member in state?["subjects"]?.members ?? [] {
      counts[member.name] = member.value.integer
    }
    return counts
  }

  private func last(_ subject: String) throws -> (headers: [String], body: String) {
    let message = try self.api("STREAM.MSG.GET.S", #"{"last_by_subj":"\#(subject)"}"#)["message"]
    func text(_ name: String) -> String {
      String(
        decoding: Base64.decode(Array((message?.text(name) ?? "").utf8)) ?? [], as: UTF8.self)
    }
    let lines = text("hdrs").split(separator: "\r\n").dropFirst().map { String($0) }
    return (lines, text("data"))
  }

  @Test func onceAndThenItIsGone() throws {
    self.publish(
      "S.later",
      [
        self.at(5), "Nats-Schedule-Target: S.now", "Nats-Schedule-TTL: 1m", "A: b",
        "Nats-Msg-Id: 1", "Nats-Expected-Last-Sequence: 0",
      ], "hello")
    #expect(try self.subjects() == ["S.later": 1])
    #expect(try self.last("S.later").headers.contains("Nats-Rollup: sub"))
    self.rig.pass(seconds: 4)
    #expect(try self.subjects() == ["S.later": 1])
    self.rig.pass(seconds: 2)
    #expect(try self.subjects() == ["S.now": 1])
    let sent = try self.last("S.now")
    #expect(
      sent.headers == [
        "A: b", "Nats-Scheduler: S.later", "Nats-Schedule-Next: purge", "Nats-TTL: 1m",
      ])
    #expect(sent.body == "hello")
    self.rig.pass(seconds: 61)
    #expect(try self.subjects() == [:])
  }

  @Test func whatIsOverdueIsSentAtOnce() throws {
    self.publish("S.later", [self.at(-3_600), "Nats-Schedule-Target: S.now"])
    self.rig.pass(seconds: 0.1)
    #expect(try self.subjects() == ["S.now": 1])
  }

  @Test func againAndAgain() throws {
    self.publish(
      "S.every",
      [
        "Nats-Schedule: @every 2s", "Nats-Schedule-Target: S.now", "Nats-Schedule-Rollup: sub",
      ])
    self.publish("S.cron", ["Nats-Schedule: */5 * * * * *", "Nats-Schedule-Target: S.five"])
    self.rig.pass(seconds: 11)
    #expect(try self.subjects() == ["S.every": 1, "S.cron": 1, "S.now": 1, "S.five": 2])
    let sent = try self.last("S.now")
    #expect(sent.headers.contains("Nats-Rollup: sub"))
    let next = JetStreamTimestamp(nanosecondsSince1970: 1_700_000_012_000_000_000)
    #expect(sent.headers.contains("Nats-Schedule-Next: \(next)"))
    // Another schedule takes the place of the first.
    self.publish("S.cron", [self.at(3_600), "Nats-Schedule-Target: S.five"])
    self.rig.pass(seconds: 20)
    #expect(try self.subjects()["S.five"] == 2)
    // And any message ends it.
    self.publish("S.every", [])
    let count = try self.api("STREAM.INFO.S")["state"]?["last_seq"]?.integer
    self.rig.pass(seconds: 20)
    #expect(try self.api("STREAM.INFO.S")["state"]?["last_seq"]?.integer == count)
  }

  @Test func samplesOfASubject() throws {
    self.publish(
      "S.sample",
      [
        "Nats-Schedule: @every 5s", "Nats-Schedule-Source: S.sensor",
        "Nats-Schedule-Target: S.sampled",
      ], "none")
    self.rig.pass(seconds: 6)
    #expect(try self.last("S.sampled").body == "none")
    self.publish("S.sensor", ["Unit: K"], "1")
    self.publish("S.sensor", ["Unit: K"], "2")
    self.rig.pass(seconds: 5)
    let sent = try self.last("S.sampled")
    #expect(sent.body == "2")
    #expect(sent.headers.first == "Unit: K")
  }

  @Test func aScheduleEndsEarly() throws {
    for name in ["deleted", "purged", "replaced"] {
      self.publish("S.\(name)", [self.at(5), "Nats-Schedule-Target: S.now"])
    }
    _ = try self.api("STREAM.MSG.DELETE.S", #"{"seq":1}"#)
    _ = try self.api("STREAM.PURGE.S", #"{"filter":"S.purged"}"#)
    self.publish("S.other", ["Nats-Schedule-Next: purge", "Nats-Scheduler: S.replaced"])
    #expect(try self.subjects() == ["S.other": 1])
    self.rig.pass(seconds: 6)
    #expect(try self.subjects() == ["S.other": 1])
  }

  @Test(arguments: [
    (["Nats-Schedule: @soon", "Nats-Schedule-Target: S.a"], 10189),
    (["Nats-Schedule: 1 2 3 4 5 8", "Nats-Schedule-Target: S.a"], 10189),
    (["Nats-Schedule: @every 10ms", "Nats-Schedule-Target: S.a"], 10189),
    (["Nats-Schedule: @hourly", "Nats-Schedule-Target: S.s"], 10190),
    (["Nats-Schedule: @hourly", "Nats-Schedule-Target: T.a"], 10190),
    (["Nats-Schedule: @hourly", "Nats-Schedule-Target: S.*"], 10190),
    (["Nats-Schedule: @hourly"], 10190),
    (["Nats-Schedule: @hourly", "Nats-Schedule-Target: S.a", "Nats-Schedule-TTL: x"], 10191),
    (["Nats-Schedule: @hourly", "Nats-Schedule-Target: S.a", "Nats-Rollup: all"], 10192),
    (
      ["Nats-Schedule: @hourly", "Nats-Schedule-Target: S.a", "Nats-Schedule-Rollup: all"], 10192
    ),
    (
      ["Nats-Schedule: @hourly", "Nats-Schedule-Target: S.a", "Nats-Schedule-Source: S.a"], 10203
    ),
    (
      ["Nats-Schedule: @hourly", "Nats-Schedule-Target: S.a", "Nats-Schedule-Time-Zone: Mars"],
      10223
    ),
    (
      ["Nats-Schedule: @hourly", "Nats-Schedule-Target: S.a", "Nats-Schedule-Time-Zone:"], 10223
    ),
    (
      ["Nats-Schedule: @every 1m", "Nats-Schedule-Target: S.a", "Nats-Schedule-Time-Zone: UTC"],
      10189
    ),
    (["Nats-Schedule-Next: 2030-01-01T00:00:00Z", "Nats-Scheduler: S.a"], 10212),
    (["Nats-Schedule-Next: purge", "Nats-Scheduler: S.s"], 10212),
    (["Nats-Schedule-Next: purge"], 10212),
    (["Nats-Scheduler: S.a"], 10212),
    (["Nats-Schedule-Next: purge", "Nats-Scheduler: S.plain"], 10212),
  ])
  func whatCannotBeMeantIsRefused(headers: [String], code: Int) throws {
    self.publish("S.plain", [])
    let answer = self.publish("S.s", headers)
    #expect(answer.contains(#""err_code":\#(code),"#), "\(answer)")
    #expect(try self.subjects() == ["S.plain": 1])
  }

  @Test func otherStreamsHaveNone() throws {
    try self.make("T", #""max_msgs":9"#)
    let answer = self.publish("T.s", ["Nats-Schedule: @hourly", "Nats-Schedule-Target: T.a"])
    #expect(answer.contains(#""err_code":10188,"#), "\(answer)")
    let change = #"{"name":"T","subjects":["T.>"],"max_msgs":9,"allow_msg_schedules":true}"#
    #expect(try self.api("STREAM.UPDATE.T", change)["error"] == nil)
    let taken = self.publish("T.s", ["Nats-Schedule: @hourly", "Nats-Schedule-Target: T.a"])
    #expect(taken.contains(#""stream":"T","seq":1}"#), "\(taken)")
  }
}
