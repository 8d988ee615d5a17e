import Godwit
import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Conformance {
  /// What arrives of a message.
  static let contents: [Scenario] = [
    Scenario("headers arrive in their order, names repeated") { stage in
      var message = Message(topic: "\(stage.prefix).headers", body: ByteBuffer(string: "x"))
      message.headers.append("Trace", "first")
      message.headers.append("x-md-user", "Zoë ☕")
      message.headers.append("Trace", "second")
      message.headers.append("Empty", "")
      let seen = try await Self.roundTrip(message, stage)
      try expect(Array(seen.headers), Array(message.headers), "headers")
    },
    Scenario("id, key, content type, time, correlation and answer's topic arrive") { stage in
      var message = Message(
        topic: "\(stage.prefix).facts", body: ByteBuffer(string: "{}"),
        contentType: "application/json; charset=utf-8", key: "customer 7",
        timeToLive: .milliseconds(90_500))
      message.correlationID = "ünvisible correlation"
      message.replyTo = "\(stage.prefix).answers"
      let seen = try await Self.roundTrip(message, stage)
      try expect(seen.id, message.id, "id")
      try expect(seen.key, message.key, "key")
      try expect(seen.contentType, message.contentType, "content type")
      try expect(seen.correlationID, message.correlationID, "correlation")
      try expect(seen.replyTo, message.replyTo, "answer's topic")
      try expect(abs(seen.time.timeIntervalSince(message.time)) < 0.001, "another time")
      let left = seen.timeToLive ?? .zero
      // Some brokers count in seconds, from when they get the message.
      try expect(
        left > .seconds(80) && left <= .seconds(100),
        "a time to live of \(left) in place of 90.5 s")
      try expect(seen.headers.isEmpty, "headers that nobody set: \(Array(seen.headers))")
    },
    Scenario("a message without anything has nothing") { stage in
      let message = Message(topic: "\(stage.prefix).bare", body: ByteBuffer())
      let seen = try await Self.roundTrip(message, stage)
      try expect(seen.body.readableBytes, 0, "bytes of the body")
      try expect(seen.key, nil, "key")
      try expect(seen.contentType, nil, "content type")
      try expect(seen.correlationID, nil, "correlation")
      try expect(seen.replyTo, nil, "answer's topic")
      try expect(seen.timeToLive, nil, "time to live")
    },
    Scenario("any bytes arrive, also many") { stage in
      var body = ByteBuffer()
      for index in 0..<200_000 { body.writeInteger(UInt8(truncatingIfNeeded: index &* 31 >> 3)) }
      body.writeString("\r\nPUB x 1\r\n\u{0}")
      let message = Message(topic: "\(stage.prefix).bytes", body: body)
      try expect(try await Self.roundTrip(message, stage).body == body, "another body")
    },
    Scenario("wildcards cannot be published to") { stage in
      for name in ["*", "a.>", "a..b", ""] {
        try await expectFailure(.invalidArgument, "publishing to '\(name)'") {
          _ = try await stage.publisher.publish(
            Message(topic: name.isEmpty ? "" : "\(stage.prefix).\(name)", body: ByteBuffer()))
        }
      }
    },
  ]

  /// The message as it arrives.
  private static func roundTrip(_ message: Message, _ stage: Stage) async throws -> Message {
    let seen = Gathering<Message>()
    let subscription = Subscription(to: Topic<ByteBuffer>(message.topic), on: stage.subscriber) {
      var message = $0.message
      message.body = $0.payload
      seen.add(message)
      return .ack
    }
    try await stage.running([subscription]) {
      try await stage.publisher.publish(message)
      _ = try await seen.wait(for: 1)
    }
    guard let arrived = seen.values.first else { throw ConformanceFailure("nothing arrived") }
    try expect(arrived.topic, message.topic, "topic")
    return arrived
  }
}
