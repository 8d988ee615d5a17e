import Godwit
import InMemoryTracing
import Tracing

extension Conformance {
  /// Traces that go on where the message arrives.
  static let tracing: [Scenario] = [
    Scenario("a trace goes on from the publish to the handler") { stage in
      let here = Self.tracer()
      let there = Self.tracer()
      let topic = stage.topic("traced")
      let seen = Gathering<String?>()
      let subscription = Subscription(to: topic, on: stage.subscriber.traced(by: there)) { _ in
        seen.add(ServiceContext.current?.inMemorySpanContext?.traceID)
        return .ack
      }
      try await stage.running([subscription]) {
        try await stage.publisher.traced(by: here).publish(1, to: topic)
        _ = try await seen.wait(for: 1)
      }
      try expect(here.finishedSpans.count, 1, "spans of the publisher")
      try expect(there.finishedSpans.count, 1, "spans of the subscriber")
      let publish = here.finishedSpans[0]
      let process = there.finishedSpans[0]
      try expect(process.traceID, publish.traceID, "the trace of the subscriber's span")
      try expect(process.parentSpanID, publish.spanID, "the parent of the subscriber's span")
      try expect(seen.values, [publish.traceID], "the trace that the handler saw")
    },
    Scenario("a batch's trace has a link to each publish") { stage in
      let here = Self.tracer()
      let there = Self.tracer()
      let topic = stage.topic("linked")
      let seen = Gathering<Int>()
      let subscription = Subscription(
        batchesOf: topic, on: stage.subscriber.traced(by: there),
        batch: .init(size: 3, within: .seconds(20))
      ) { deliveries in
        for delivery in deliveries { seen.add(delivery.payload) }
        return .all(.ack)
      }
      try await stage.running([subscription]) {
        let publisher = stage.publisher.traced(by: here)
        for number in 0..<3 { try await publisher.publish(number, to: topic) }
        _ = try await seen.wait(for: 3)
      }
      try expect(there.finishedSpans.count, 1, "spans of the subscriber")
      try expect(
        there.finishedSpans[0].links.map { $0.context.inMemorySpanContext?.spanID },
        here.finishedSpans.map(\.spanID), "what the batch's span links to")
    },
    Scenario("a trace goes on from the request to who answers") { stage in
      let here = Self.tracer()
      let there = Self.tracer()
      let topic = stage.topic("asked")
      let service = Subscription(
        answering: topic, on: stage.subscriber.traced(by: there)
      ) { $0.payload + 1 }
      try await stage.running([service]) {
        let answer = try await stage.publisher.traced(by: here)
          .request(1, to: topic, expecting: Int.self)
        try expect(answer, 2, "the answer")
      }
      try expect(here.finishedSpans.count, 1, "spans of the requester")
      try expect(there.finishedSpans.count, 1, "spans of who answers")
      try expect(
        there.finishedSpans[0].parentSpanID, here.finishedSpans[0].spanID,
        "the parent of the answerer's span")
    },
  ]

  /// A tracer whose ids nobody else has, so that what travels can be told from what was made here.
  private static func tracer() -> InMemoryTracer {
    InMemoryTracer(
      idGenerator: .init(nextTraceID: { Message.makeID() }, nextSpanID: { Message.makeID() }))
  }
}

extension Broker {
  /// The same client, with spans.
  fileprivate func traced(by tracer: InMemoryTracer) -> Broker {
    Broker(
      self.driver, codecs: self.codecs, middleware: [TracingMiddleware(tracer: tracer)],
      logger: self.logger)
  }
}
