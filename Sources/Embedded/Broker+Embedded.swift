public import Godwit
public import Logging

extension Broker {
  /// A broker inside this process: nothing to install, nothing to connect to.
  public static func embedded(
    limits: EmbeddedLimits = .defaults, codecs: CodecRegistry = .defaults,
    middleware: [any Middleware] = [], logger: Logger = Logger(label: "godwit.embedded")
  ) -> Broker {
    Broker(EmbeddedDriver(limits: limits), codecs: codecs, middleware: middleware, logger: logger)
  }
}

/// Calls `body` with a broker of its own that runs meanwhile. For tests.
///
/// - Throws: what `body` throws.
@discardableResult
public func withEmbeddedBroker<Result: Sendable>(
  limits: EmbeddedLimits = .defaults, codecs: CodecRegistry = .defaults,
  middleware: [any Middleware] = [], logger: Logger = Logger(label: "godwit.embedded"),
  _ body: (Broker) async throws -> Result
) async throws -> Result {
  let broker = Broker.embedded(
    limits: limits, codecs: codecs, middleware: middleware, logger: logger)
  return try await broker.whileRunning { try await body(broker) }
}
