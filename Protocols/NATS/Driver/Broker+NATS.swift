public import Godwit
public import Logging

extension Broker {
  /// A NATS server, or a cluster: `nats://host`, `tls://host`, several with commas between.
  ///
  /// - Throws: `invalidArgument` when the URL cannot be read.
  public static func nats(
    url: String, codecs: CodecRegistry = .defaults, middleware: [any Middleware] = [],
    logger: Logger = Logger(label: "godwit.nats")
  ) throws(GodwitError) -> Broker {
    try self.nats(
      NATSSettings(url: url), codecs: codecs, middleware: middleware, logger: logger)
  }

  /// A NATS server, or a cluster, by settings.
  ///
  /// - Throws: `invalidArgument` when the settings cannot be.
  public static func nats(
    _ settings: NATSSettings, codecs: CodecRegistry = .defaults,
    middleware: [any Middleware] = [], logger: Logger = Logger(label: "godwit.nats")
  ) throws(GodwitError) -> Broker {
    Broker(
      try NATSDriver(settings, logger: logger), codecs: codecs, middleware: middleware,
      logger: logger)
  }
}
