import NIOCore
public import Tracing

/// Makes a span of every operation by OpenTelemetry's semantic conventions for messaging, through
/// swift-distributed-tracing.
///
/// Spans are called by operation and destination: `publish orders.created`, `request time`,
/// `process orders.created`. The context travels in the messages' headers, as the tracer writes it
/// (`traceparent`, …): the span of a handler is a child of that of the publish. A batch is from
/// many publishes: its span has a link to each in place of a parent.
///
/// An attempt that ends in `.retry` or `.reject` is a span with an error of that type.
public struct TracingMiddleware: Middleware {
  /// The most links of a batch's span.
  public static let linksMax = 128

  private let tracer: (any Tracer)?

  /// A middleware.
  ///
  /// - Parameter tracer: makes the spans. `nil`, the default: what the program has bootstrapped.
  public init(tracer: (any Tracer)? = nil) {
    self.tracer = tracer
  }

  /// `observation`.
  public var phase: MiddlewarePhase { .observation }

  /// Runs `next` in a span.
  public func intercept<Result: Sendable>(
    _ call: Call, next: @Sendable (Call) async throws -> Result
  ) async throws -> Result {
    let tracer = self.tracer ?? InstrumentationSystem.tracer
    let span = self.start(call, tracer)
    defer { span.end() }
    var call = call
    if !call.isConsumption {
      for index in call.messages.indices {
        tracer.inject(
          span.context, into: &call.messages[index].headers, using: HeadersInjector())
      }
    }
    do {
      let result = try await ServiceContext.withValue(span.context) { [call] in
        try await next(call)
      }
      if let error = MessagingAttributes.errorType(ofResult: result) {
        span.attributes[MessagingAttributes.errorType] = error
        span.setStatus(SpanStatus(code: .error))
      }
      return result
    } catch {
      span.attributes[MessagingAttributes.errorType] = MessagingAttributes.errorType(of: error)
      span.recordError(error)
      span.setStatus(SpanStatus(code: .error))
      throw error
    }
  }

  private func start(_ call: Call, _ tracer: any Tracer) -> any Span {
    var context = ServiceContext.current ?? .topLevel
    if call.isConsumption, call.messages.count == 1, let message = call.messages.first {
      tracer.extract(message.headers, into: &context, using: HeadersExtractor())
    }
    let destination = call.destination ?? call.pattern
    let span = tracer.startAnySpan(
      destination.map { "\(call.operationName) \($0)" } ?? call.operationName,
      context: context, ofKind: Self.kind(of: call))
    self.describe(call, in: span)
    guard call.isConsumption, call.messages.count > 1 else { return span }
    for message in call.messages.prefix(Self.linksMax) {
      var context = ServiceContext.topLevel
      tracer.extract(message.headers, into: &context, using: HeadersExtractor())
      guard !context.isEmpty else { continue }
      span.addLink(
        SpanLink(context: context, attributes: [MessagingAttributes.messageID: .string(message.id)])
      )
    }
    return span
  }

  private func describe(_ call: Call, in span: any Span) {
    guard span.isRecording else { return }
    span.attributes[MessagingAttributes.system] = call.system
    span.attributes[MessagingAttributes.operationName] = call.operationName
    span.attributes[MessagingAttributes.operationType] = call.operationType
    if let destination = call.destination {
      span.attributes[MessagingAttributes.destination] = destination
    }
    if let template = call.template { span.attributes[MessagingAttributes.template] = template }
    if let group = call.group { span.attributes[MessagingAttributes.group] = group }
    if let subscription = call.subscription {
      span.attributes[MessagingAttributes.subscription] = subscription
    }
    if call.messages.count > 1 {
      span.attributes[MessagingAttributes.batchCount] = call.messages.count
    } else if let message = call.messages.first {
      span.attributes[MessagingAttributes.messageID] = message.id
      span.attributes[MessagingAttributes.bodySize] = message.body.readableBytes
      if let conversation = message.correlationID {
        span.attributes[MessagingAttributes.conversationID] = conversation
      }
    }
  }

  private static func kind(of call: Call) -> SpanKind {
    switch call.kind {
    case .publish: .producer
    case .request: .client
    case .consume: .consumer
    case .reply: .server
    }
  }
}

/// Writes a tracing context into a message's headers.
public struct HeadersInjector: Injector {
  /// An injector.
  public init() {}

  /// Sets a header in place of those of its name.
  public func inject(_ value: String, forKey key: String, into headers: inout Headers) {
    headers[key] = value
  }
}

/// Reads a tracing context from a message's headers.
public struct HeadersExtractor: Extractor {
  /// An extractor.
  public init() {}

  /// The header of that name.
  public func extract(key: String, from headers: Headers) -> String? {
    headers[key]
  }
}
