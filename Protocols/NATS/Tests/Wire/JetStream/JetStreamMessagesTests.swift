import GodwitWire
import NATSWire
import NIOCore
import Testing

/// What travels beside the API: publishes, pulls, acknowledgements.
@Suite struct JetStreamMessagesTests {
  private func streams() throws -> [String: JetStreamStreamConfig] {
    var streams: [String: JetStreamStreamConfig] = [:]
    for entry in try JetStreamVectors.load("jetstream-api")
    where entry.text("subject").hasPrefix("$JS.API.STREAM.CREATE") {
      let response = try JSONValue(parsing: entry.text("response"))
      guard let config = response["config"] else { continue }
      let stream = try config.encoded.withUnsafeBytes { bytes throws in
        try JetStreamStreamConfig(parsing: bytes, isStrict: true)
      }
      if stream.name != "B" { streams[stream.name] = stream }
    }
    return streams
  }

  @Test func publishesAreRefusedAsByTheRealServer() throws {
    let streams = try self.streams()
    // Those that need the stream's messages, and batches, which this implementation does not take.
    let others: Set<Int64> = [10070, 10071, 10077, 10054]
    var count = 0
    for entry in try JetStreamVectors.load("jetstream-messages")
    where entry.text("kind") == "publish" && !entry.text("response").isEmpty {
      let response = try JSONValue(parsing: entry.text("response"))
      let code = response["error"]?["err_code"]?.integer
      if let code, others.contains(code) { continue }
      let config = try #require(streams[response.text("stream")])
      if config.allowAtomicPublish { continue }
      var headers = NATSHeaders()
      for member in entry["headers"]?.members ?? [] {
        headers.fields.append(.init(member.name, member.value.string ?? ""))
      }
      var block = ByteBuffer()
      headers.encode(into: &block)
      let options = try block.withUnsafeReadableBytes { bytes throws in
        try JetStreamPublishOptions(parsing: bytes)
      }
      let error = options.refusal(
        by: config, subject: entry.text("subject"),
        payloadBytes: entry.text("payload").utf8.count)
      count += 1
      #expect(error.map { Int64($0.code) } == code, "\(entry)")
      #expect(error?.text == response["error"]?.text("description"))
    }
    #expect(count > 30)
  }

  @Test func pullsAreRefusedAsByTheRealServer() throws {
    var consumers: [String: JetStreamConsumerConfig] = [:]
    for entry in try JetStreamVectors.load("jetstream-api")
    where entry.text("subject").hasPrefix("$JS.API.CONSUMER.CREATE.ORDERS") {
      let response = try JSONValue(parsing: entry.text("response"))
      guard let config = response["config"] else { continue }
      consumers[response.text("name")] = try config.encoded.withUnsafeBytes { bytes throws in
        try JetStreamConsumerConfig(parsing: bytes, isStrict: true)
      }
    }
    var refused = 0
    for entry in try JetStreamVectors.load("jetstream-messages")
    where entry.text("kind") == "pull" && !entry.text("subject").hasSuffix("none") {
      let name = entry.text("subject").split(separator: ".").last.map { String($0) } ?? ""
      let config = try #require(consumers[name])
      let status: JetStreamStatus?
      do {
        let request = try entry.text("request").bytes { bytes throws in
          try JetStreamPullRequest(parsing: bytes)
        }
        status = request.refusal(by: config)
      } catch {
        status = .badRequest("\(error)")
      }
      let first = entry["messages"]?[0]
      let told = first?["status"]?.string.flatMap { Int($0) }
      let description = first?.text("description") ?? ""
      if let status {
        refused += 1
        #expect(told == status.code)
        // Of bad JSON the real server gives Go's words.
        if !description.contains("looking for") { #expect(description == status.text) }
      } else {
        #expect(told == nil || ![400].contains(told), "\(entry)")
        #expect(!description.hasPrefix("Exceeded"))
      }
    }
    #expect(refused >= 11)
  }

  @Test func pullBodiesAreReadInAllForms() throws {
    func read(_ text: String) throws -> JetStreamPullRequest {
      try text.bytes { bytes throws in try JetStreamPullRequest(parsing: bytes) }
    }
    #expect(try read("").batch == 1)
    #expect(try read(" 25 ").batch == 25)
    #expect(try read("many").batch == 1)
    #expect(try read("-3").batch == -3)
    #expect(try read("999999999999999999999").batch == 1)
    let request = try read(
      #"{"batch":5,"expires":100,"no_wait":true,"idle_heartbeat":50,"id":"p","unknown":1}"#)
    #expect(request.batch == 5)
    #expect(request.noWait)
    #expect(request.pinID == "p")
    #expect(throws: JetStreamJSONError("heartbeat value too large")) {
      try read(#"{"expires":100,"idle_heartbeat":51}"#)
    }
    #expect(throws: JetStreamJSONError.self) { try read("{bad") }
    #expect(throws: JetStreamJSONError.self) {
      try read("{\"id\":\"" + String(repeating: "x", count: 70_000) + "\"}")
    }
  }

  @Test(arguments: [
    ("", JetStreamAck.ack), ("+ACK", .ack), ("+OK", .ack), ("+WPI", .progress),
    ("-NAK", .nak(delay: nil)), ("-NAK {\"delay\":10000000000}", .nak(delay: 10_000_000_000)),
    ("-NAK 1.5s", .nak(delay: 1_500_000_000)), ("-NAK 0", .nak(delay: 0)),
    ("-NAK {bad", .nak(delay: nil)), ("-NAK soon", .nak(delay: nil)), ("+NXT", .next(.bare(1))),
    ("+NXT 7", .next(.bare(7))), ("+TERM", .term(reason: "")),
    ("+TERM  x y ", .term(reason: "x y")),
  ])
  func acknowledgements(_ text: String, _ expected: JetStreamAck) {
    #expect(text.bytes { JetStreamAck($0) } == expected)
  }

  @Test func acknowledgementsAreWritten() throws {
    let acks: [JetStreamAck] = [
      .ack, .nak(delay: nil), .nak(delay: 5), .progress, .term(reason: ""), .term(reason: "why"),
      .next(.init(batch: 3)),
    ]
    for ack in acks { #expect(ack.encoded.withUnsafeBytes { JetStreamAck($0) } == ack) }
    #expect("+FOO".bytes { JetStreamAck($0) } == nil)
    #expect("+WPI ".bytes { JetStreamAck($0) } == nil)
  }

  @Test func publishHeadersAreRead() throws {
    let block =
      "NATS/1.0\r\nNats-Msg-Id: a\r\nNats-Msg-Id: b\r\nnats-rollup: all\r\nNats-Rollup: ALL\r\n"
      + "Nats-Expected-Last-Sequence: 7\r\nNats-Expected-Last-Subject-Sequence: x\r\n"
      + "Nats-TTL: 1h30m\r\nNats-Incr: +5\r\nOther: 1\r\n\r\n"
    let options = try block.bytes { bytes throws in try JetStreamPublishOptions(parsing: bytes) }
    #expect(options.messageID == "a")
    #expect(options.rollup == .all)
    #expect(options.expectedLastSequence == 7)
    #expect(options.expectedLastSubjectSequence == .max)
    #expect(options.timeToLive == .seconds(5400))
    #expect(options.increment == "+5")
    #expect(throws: NATSWireError.self) {
      try "NATS/2".bytes { bytes throws in try JetStreamPublishOptions(parsing: bytes) }
    }
  }

  @Test func statusesAreHeaderBlocks() {
    var buffer = ByteBuffer()
    JetStreamStatus.requestTimeout(messages: 3, bytes: 9).encode(into: &buffer)
    #expect(
      String(buffer: buffer)
        == "NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 3\r\n"
        + "Nats-Pending-Bytes: 9\r\n\r\n"
    )
    #expect(JetStreamStatus.exceededMaxRequestExpires(5_000_000_000).text.hasSuffix("of 5s"))
    let beat = JetStreamStatus.idleHeartbeat(consumer: 4, stream: 104, stalled: "s")
    #expect(beat.fields.map(\.name).last == "Nats-Consumer-Stalled")
  }

  @Test(arguments: [
    ("@at 2099-01-01T00:00:00Z", JetStreamSchedule.at(.init(seconds: 4_070_908_800))),
    ("@every 1h", .every(3_600_000_000_000)), ("@hourly", .cron("0 0 * * * *")),
    ("0 30 4 * * 1-5", .cron("0 30 4 * * 1-5")), ("@every 10ms", nil), ("@at noon", nil),
    ("@never", nil), ("* * * * *", nil), ("bogus", nil),
  ])
  func schedules(_ text: String, _ expected: JetStreamSchedule?) {
    #expect(JetStreamSchedule(text) == expected)
  }
}

extension JetStreamPullRequest {
  /// A request that is a bare number.
  static func bare(_ batch: Int) -> Self {
    var request = Self(batch: batch)
    request.isObject = false
    return request
  }
}
