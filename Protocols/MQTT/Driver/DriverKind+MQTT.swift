public import Godwit
import GodwitDriverKit
import NIOCore

extension DriverKind {
  /// MQTT servers, by the URLs `mqtt:`, `mqtts:`, `mqtt+ws:` and `mqtt+wss:`. Options, as
  /// `MQTTSettings` has them: `version` (5 or 4), `client_id`, `qos`, `session_expiry_seconds`,
  /// `clean_start`, `keep_alive_seconds`, `user`, `password`, `auth_method` (`SCRAM-SHA-256`),
  /// `will_topic`, `will_payload`, `will_qos`, `will_retain`, `will_delay_seconds`, `retain`,
  /// `retained_messages` (`always`, `new` or `never`), `envelope`, `groups`, `topic_aliases_max`,
  /// `packet_bytes_max`, `tls_authorities_file`, `tls_certificate_file`, `tls_key_file`,
  /// `timeout_seconds`, `connect_timeout_seconds`, `drain_timeout_seconds`,
  /// `ping_timeout_seconds`, `reconnect_attempts_max`, `pending_bytes_max`,
  /// `window_messages_max`, `window_bytes_max`.
  public static var mqtt: Self {
    let seconds = DriverOption.Kind.seconds(0.001...86_400)
    let count = DriverOption.Kind.integer(1...Int(Int32.max))
    return Self(
      "MQTT", schemes: ["mqtt", "mqtts", "mqtt+ws", "mqtt+wss"],
      options: [
        DriverOption("version", .integer(4...5)), DriverOption("client_id", .text),
        DriverOption("qos", .integer(0...2)),
        DriverOption("session_expiry_seconds", .integer(0...Int(UInt32.max))),
        DriverOption("clean_start", .flag),
        DriverOption("keep_alive_seconds", .integer(0...Int(UInt16.max))),
        DriverOption("user", .text), DriverOption("password", .secret),
        DriverOption("auth_method", .text), DriverOption("will_topic", .text),
        DriverOption("will_payload", .text), DriverOption("will_qos", .integer(0...2)),
        DriverOption("will_retain", .flag),
        DriverOption("will_delay_seconds", .integer(0...Int(UInt32.max))),
        DriverOption("retain", .flag), DriverOption("retained_messages", .text),
        DriverOption("envelope", .flag), DriverOption("groups", .flag),
        DriverOption("topic_aliases_max", .integer(0...Int(UInt16.max))),
        DriverOption("packet_bytes_max", .integer(1_024...268_435_460)),
        DriverOption("tls_authorities_file", .text), DriverOption("tls_certificate_file", .text),
        DriverOption("tls_key_file", .text), DriverOption("timeout_seconds", seconds),
        DriverOption("connect_timeout_seconds", seconds),
        DriverOption("drain_timeout_seconds", seconds),
        DriverOption("ping_timeout_seconds", seconds),
        DriverOption("reconnect_attempts_max", count), DriverOption("pending_bytes_max", count),
        DriverOption("window_messages_max", count), DriverOption("window_bytes_max", count),
      ]
    ) { settings throws(GodwitError) in
      try MQTTDriver(Self.settings(settings), logger: settings.logger)
    }
  }

  private static func settings(_ given: DriverSettings) throws(GodwitError) -> MQTTSettings {
    var settings = try MQTTSettings(url: given.urls.joined(separator: ","))
    if let number = given.integer("version"), let version = MQTTSettings.Version(rawValue: number) {
      settings.version = version
    }
    settings.clientID = given.text("client_id")
    settings.qos = Self.qos(given, "qos") ?? settings.qos
    if let seconds = given.integer("session_expiry_seconds") {
      settings.sessionExpirySeconds = UInt32(clamping: seconds)
    }
    settings.startsClean = given.flag("clean_start") ?? settings.startsClean
    if let seconds = given.integer("keep_alive_seconds") {
      settings.keepAliveSeconds = UInt16(clamping: seconds)
    }
    settings.credentials = try Self.credentials(given, settings.credentials)
    settings.will = try Self.will(given)
    settings.retainsMessages = given.flag("retain") ?? settings.retainsMessages
    settings.retainedMessages = try Self.retained(given) ?? settings.retainedMessages
    settings.usesEnvelope = given.flag("envelope") ?? settings.usesEnvelope
    settings.hasGroups = given.flag("groups") ?? settings.hasGroups
    settings.topicAliasesMax = given.integer("topic_aliases_max") ?? settings.topicAliasesMax
    Self.connection(given, &settings)
    return settings
  }

  private static func connection(_ given: DriverSettings, _ settings: inout MQTTSettings) {
    settings.tls.authorities = given.text("tls_authorities_file").map { .file($0) }
    settings.tls.certificate = given.text("tls_certificate_file").map { .file($0) }
    settings.tls.key = given.text("tls_key_file").map { .file($0) }
    settings.packetBytesMax = given.integer("packet_bytes_max") ?? settings.packetBytesMax
    settings.timeout = given.duration("timeout_seconds") ?? settings.timeout
    settings.connectTimeout =
      given.duration("connect_timeout_seconds") ?? settings.connectTimeout
    settings.drainTimeout = given.duration("drain_timeout_seconds") ?? settings.drainTimeout
    settings.pingTimeout = given.duration("ping_timeout_seconds") ?? settings.pingTimeout
    settings.attemptsMax = given.integer("reconnect_attempts_max")
    settings.pendingBytesMax = given.integer("pending_bytes_max") ?? settings.pendingBytesMax
    if let max = given.integer("window_messages_max") { settings.windowLimits.messagesMax = max }
    if let max = given.integer("window_bytes_max") { settings.windowLimits.bytesMax = max }
  }

  private static func qos(
    _ given: DriverSettings, _ name: String
  ) -> MQTTSettings.QualityOfService? {
    given.integer(name).flatMap { MQTTSettings.QualityOfService(rawValue: $0) }
  }

  private static func credentials(
    _ given: DriverSettings, _ inURL: MQTTCredentials
  ) throws(GodwitError) -> MQTTCredentials {
    var user = given.text("user")
    var password = given.text("password")
    if case .user(let name, let secret) = inURL {
      guard user == nil, password == nil else {
        throw GodwitError(.invalidArgument, "credentials both in an MQTT URL and as an option")
      }
      (user, password) = (name, secret)
    }
    switch given.text("auth_method") {
    case nil:
      guard let user else {
        guard password == nil else {
          throw GodwitError(.invalidArgument, "the option 'password' without 'user'")
        }
        return .none
      }
      return .user(user, password: password)
    case "SCRAM-SHA-256":
      guard let user, let password else {
        throw GodwitError(.invalidArgument, "SCRAM-SHA-256 wants a user and a password")
      }
      return .scram(user, password: password)
    default:
      throw GodwitError(.invalidArgument, "the only 'auth_method' is SCRAM-SHA-256")
    }
  }

  private static func will(_ given: DriverSettings) throws(GodwitError) -> MQTTWill? {
    guard let topic = given.text("will_topic") else {
      let others = ["will_payload", "will_qos", "will_retain", "will_delay_seconds"]
      guard given.text("will_payload") == nil, given.integer("will_qos") == nil,
        given.flag("will_retain") == nil, given.integer("will_delay_seconds") == nil
      else {
        throw GodwitError(
          .invalidArgument, "the options \(others.joined(separator: ", ")) want 'will_topic'")
      }
      return nil
    }
    return MQTTWill(
      topic: topic, payload: ByteBuffer(string: given.text("will_payload") ?? ""),
      qos: Self.qos(given, "will_qos") ?? .atLeastOnce, retain: given.flag("will_retain") ?? false,
      delay: .seconds(given.integer("will_delay_seconds") ?? 0))
  }

  private static func retained(
    _ given: DriverSettings
  ) throws(GodwitError) -> MQTTRetainedMessages? {
    switch given.text("retained_messages") {
    case nil: nil
    case "always": .always
    case "new": .ofNewSessions
    case "never": .never
    default:
      throw GodwitError(.invalidArgument, "'retained_messages' is always, new or never")
    }
  }
}
