import Godwit
import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Conformance {
  /// Events of CloudEvents 1.0.
  static let cloudEvents: [Scenario] = [
    Scenario("an event in binary mode: attributes as headers, the data as the body") { stage in
      let topic = Topic<CloudEvent<[String: Int]>>("\(stage.prefix).binary")
      let (seen, raw) = try await Self.eventRoundTrip(topic, stage)
      try Self.expectSameEvent(seen)
      let binding = stage.capabilities.cloudEvents
      let prefix = binding.attributePrefix
      try expect(raw.contentType, "application/json", "the message's content type")
      try expect(raw.headers["\(prefix)specversion"], "1.0", "the version's header")
      try expect(
        raw.headers["\(prefix)id"], binding.isPercentEncoded ? "e%201" : "e 1", "the id's header")
      try expect(
        raw.headers["\(prefix)subject"], binding.isPercentEncoded ? "Zo%C3%AB/7" : "Zoë/7",
        "the subject's header")
      try expect(raw.headers["\(prefix)tenant"], "blue", "an extension's header")
      try expect(String(buffer: raw.body), #"{"count":7}"#, "the body")
    },
    Scenario("an event in structured mode: one document") { stage in
      let topic = Topic<CloudEvent<[String: Int]>>(
        "\(stage.prefix).structured", contentType: CloudEventFormat.json)
      let (seen, raw) = try await Self.eventRoundTrip(topic, stage)
      try Self.expectSameEvent(seen)
      try expect(raw.contentType, CloudEventFormat.json, "the message's content type")
      try expect(raw.headers.isEmpty, "headers beside the document: \(Array(raw.headers))")
      try expect(
        String(buffer: raw.body).contains(#""specversion":"1.0""#), "a document without a version")
    },
  ]

  private static let event = CloudEvent<[String: Int]>(
    id: "e 1", source: "/shop", type: "org.example.order.created", subject: "Zoë/7",
    time: Date(timeIntervalSince1970: 1_700_000_000.25), extensions: ["tenant": "blue"],
    data: ["count": 7])

  private static func expectSameEvent(
    _ seen: CloudEvent<[String: Int]>
  ) throws(ConformanceFailure) {
    var expected = Self.event
    expected.dataContentType = seen.dataContentType
    try expect(seen, expected, "the event")
    try expect(
      [nil, "application/json"].contains(seen.dataContentType),
      "the data's content type: \(seen.dataContentType ?? "none")")
  }

  /// The event as it arrives, and the message that carries it.
  private static func eventRoundTrip(
    _ topic: Topic<CloudEvent<[String: Int]>>, _ stage: Stage
  ) async throws -> (CloudEvent<[String: Int]>, Message) {
    let events = Gathering<CloudEvent<[String: Int]>>()
    let messages = Gathering<Message>()
    let reader = Subscription(to: topic, on: stage.subscriber, id: "reader") {
      events.add($0.payload)
      messages.add($0.message)
      return .ack
    }
    return try await stage.running([reader]) {
      try await stage.publisher.publish(Self.event, to: topic)
      return (try await events.wait(for: 1)[0], try await messages.wait(for: 1)[0])
    }
  }
}
