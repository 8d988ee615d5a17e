public import Godwit
public import Logging

extension Broker {
  /// An MQTT server, or a cluster: `mqtt://host`, `mqtts://host`, several with commas between.
  ///
  /// - Throws: `invalidArgument` when the URL cannot be read.
  public static func mqtt(
    url: String, codecs: CodecRegistry = .defaults, middleware: [any Middleware] = [],
    logger: Logger = Logger(label: "godwit.mqtt")
  ) throws(GodwitError) -> Broker {
    try self.mqtt(
      MQTTSettings(url: url), codecs: codecs, middleware: middleware, logger: logger)
  }

  /// An MQTT server, or a cluster, by settings.
  ///
  /// - Throws: `invalidArgument` when the settings cannot be, `unsupported` when the version has no
  ///   such thing.
  public static func mqtt(
    _ settings: MQTTSettings, codecs: CodecRegistry = .defaults,
    middleware: [any Middleware] = [], logger: Logger = Logger(label: "godwit.mqtt")
  ) throws(GodwitError) -> Broker {
    Broker(
      try MQTTDriver(settings, logger: logger), codecs: codecs, middleware: middleware,
      logger: logger)
  }
}
