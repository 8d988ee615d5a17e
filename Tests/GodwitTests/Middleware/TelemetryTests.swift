import InMemoryTracing
import MetricsTestKit
import NIOCore
import Testing
import Tracing

@testable import Godwit

@Suite(.timeLimit(.minutes(1))) struct TelemetryTests {
  private let clock = ManualClock()
  private let factory = TestMetrics()
  private let tracer = InMemoryTracer()

  private func expectedDimensions(
    _ name: String, _ type: String, _ more: [(String, String)]
  ) -> [(String, String)] {
    [
      ("messaging.system", "test"), ("messaging.operation.name", name),
      ("messaging.operation.type", type),
    ] + more
  }

  @Test func publishesAreCountedAndTimed() async throws {
    let metrics = MetricsMiddleware(factory: self.factory, clock: self.clock)
    let messages = (0..<3).map { _ in Message(topic: "t", body: ByteBuffer()) }
    _ = try await metrics.intercept(call(.publish, messages)) { _ in
      self.clock.advance(by: .milliseconds(5))
    }
    _ = try? await metrics.intercept(call(.publish)) { _ in throw GodwitError(.overloaded, "") }
    let well = self.expectedDimensions(
      "publish", "send", [("messaging.destination.name", "t")])
    let sent = "messaging.client.sent.messages"
    #expect(try self.factory.expectCounter(sent, well).totalValue == 3)
    #expect(
      try self.factory.expectTimer("messaging.client.operation.duration", well).values
        == [5_000_000])
    #expect(
      try self.factory.expectCounter(sent, well + [("error.type", "overloaded")]).totalValue == 1)
  }

  @Test func handlersAreTimedByTheirOutcome() async throws {
    let metrics = MetricsMiddleware(factory: self.factory, clock: self.clock)
    for outcome in [Outcome.ack, .retry(), .reject(reason: "")] {
      _ = try await metrics.intercept(call(.consume)) { _ in outcome }
    }
    _ = try? await metrics.intercept(call(.consume)) { _ -> Outcome in throw Failure() }
    let own = self.expectedDimensions("process", "process", [("messaging.destination.name", "t")])
    for error in [nil, "retry", "reject", "Failure"] {
      let timer = try self.factory.expectTimer(
        "messaging.process.duration", own + (error.map { [("error.type", $0)] } ?? []))
      #expect(timer.values.count == 1)
    }
    #expect(self.factory.counters(label: "messaging.client.consumed.messages").count == 4)
  }

  @Test func seriesAreBounded() async throws {
    let metrics = MetricsMiddleware(factory: self.factory, seriesMax: 3, clock: self.clock)
    for number in 0..<20 {
      let message = Message(topic: "t.\(number)", body: ByteBuffer())
      try await metrics.intercept(call(.publish, [message])) { _ in }
    }
    let counters = self.factory.counters(label: "messaging.client.sent.messages")
    #expect(counters.count == 4)
    #expect(counters.map(\.totalValue).sorted() == [1, 1, 1, 17])
  }

  @Test func contextTravelsInHeaders() async throws {
    let tracing = TracingMiddleware(tracer: self.tracer)
    let sent = try await tracing.intercept(call(.publish)) { $0.messages[0] }
    _ = try await tracing.intercept(call(.consume, [sent], subscription: "s")) { _ in
      let context = try #require(ServiceContext.current?.inMemorySpanContext)
      #expect(context.traceID == sent.headers[InMemoryTracer.traceIDKey])
      return Outcome.ack
    }
    let spans = self.tracer.finishedSpans
    #expect(spans.map(\.operationName) == ["publish t", "process t"])
    #expect(spans.map(\.kind) == [.producer, .consumer])
    #expect(spans[1].traceID == spans[0].traceID)
    #expect(spans[1].parentSpanID == spans[0].spanID)
    let attributes = spans[1].attributes
    for (name, value) in [
      ("messaging.system", "test"), ("messaging.destination.name", "t"),
      ("messaging.operation.type", "process"), ("messaging.operation.name", "process"),
      ("messaging.message.id", sent.id), ("messaging.destination.subscription.name", "s"),
    ] {
      #expect(attributes.get(name) == .string(value))
    }
    #expect(attributes.get("messaging.message.body.size") == .int64(0))
    #expect(attributes.get("error.type") == nil)
  }

  @Test func aBatchHasLinksInPlaceOfAParent() async throws {
    let tracing = TracingMiddleware(tracer: self.tracer)
    let one = try await tracing.intercept(call(.publish)) { $0.messages[0] }
    let two = try await tracing.intercept(call(.publish)) { $0.messages[0] }
    let stray = Message(topic: "other", body: ByteBuffer())
    _ = try await tracing.intercept(call(.consume, [one, two, stray])) { _ in Outcome.ack }
    let spans = self.tracer.finishedSpans
    let batch = try #require(spans.last)
    #expect(batch.operationName == "process")
    #expect(batch.parentSpanID == nil)
    #expect(
      batch.links.map(\.context.inMemorySpanContext?.spanID) == spans.prefix(2).map(\.spanID))
    #expect(batch.attributes.get("messaging.batch.message_count") == .int64(3))
  }

  @Test func failuresAreSeen() async throws {
    let tracing = TracingMiddleware(tracer: self.tracer)
    _ = try? await tracing.intercept(call(.request)) { _ in throw GodwitError(.timeout, "late") }
    _ = try await tracing.intercept(call(.consume)) { _ in Outcome.retry() }
    let spans = self.tracer.finishedSpans
    #expect(spans.map(\.operationName) == ["request t", "process t"])
    #expect(
      spans.map { $0.attributes.get("error.type") } == [.string("timeout"), .string("retry")])
    #expect(spans.allSatisfy { $0.status?.code == .error })
    #expect(spans[0].errors.count == 1)
  }
}
