public import Godwit

extension DriverKind {
  /// The broker inside this process, by the URL `embedded:`. Options, as `EmbeddedLimits` has them:
  /// `queue_messages_max`, `stored_bytes_max`, `body_bytes_max`, `publish_timeout_seconds` and
  /// `unsent_max`.
  public static var embedded: Self {
    let count = 1...Int(Int32.max)
    return Self(
      "embedded", schemes: ["embedded"],
      options: [
        DriverOption("queue_messages_max", .integer(count)),
        DriverOption("stored_bytes_max", .integer(1...Int.max)),
        DriverOption("body_bytes_max", .integer(count)),
        DriverOption("publish_timeout_seconds", .seconds(0...86_400)),
        DriverOption("unsent_max", .integer(count)),
      ]
    ) { settings throws(GodwitError) in
      guard settings.urls == ["embedded:"] || settings.urls == ["embedded://"] else {
        throw GodwitError(
          .invalidArgument, "'embedded:' has no server: there is one, inside this process")
      }
      var limits = EmbeddedLimits.defaults
      if let max = settings.integer("queue_messages_max") { limits.queueMessagesMax = max }
      if let max = settings.integer("stored_bytes_max") { limits.storedBytesMax = max }
      if let max = settings.integer("body_bytes_max") { limits.bodyBytesMax = max }
      if let max = settings.duration("publish_timeout_seconds") { limits.publishTimeout = max }
      if let max = settings.integer("unsent_max") { limits.unsentMax = max }
      return EmbeddedDriver(limits: limits)
    }
  }
}
