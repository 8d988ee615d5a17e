public import Godwit
import GodwitDriverKit

extension DriverKind {
  /// NATS servers, by the URLs `nats:`, `tls:`, `ws:` and `wss:`. Options, as `NATSSettings` has
  /// them: `name`, `token`, `nkey_seed`, `credentials_file`, `tls_authorities_file`,
  /// `tls_certificate_file`, `tls_key_file`, `tls_first`, `timeout_seconds`,
  /// `connect_timeout_seconds`, `drain_timeout_seconds`, `ping_interval_seconds`,
  /// `ping_timeout_seconds`, `reconnect_attempts_max`, `pending_bytes_max`, `window_messages_max`,
  /// `window_bytes_max`.
  public static var nats: Self {
    let seconds = DriverOption.Kind.seconds(0.001...86_400)
    return Self(
      "NATS", schemes: ["nats", "tls", "ws", "wss"],
      options: [
        DriverOption("name", .text), DriverOption("token", .secret),
        DriverOption("nkey_seed", .secret), DriverOption("credentials_file", .text),
        DriverOption("tls_authorities_file", .text), DriverOption("tls_certificate_file", .text),
        DriverOption("tls_key_file", .text), DriverOption("tls_first", .flag),
        DriverOption("timeout_seconds", seconds),
        DriverOption("connect_timeout_seconds", seconds),
        DriverOption("drain_timeout_seconds", seconds),
        DriverOption("ping_interval_seconds", seconds),
        DriverOption("ping_timeout_seconds", seconds),
        DriverOption("reconnect_attempts_max", .integer(1...Int(Int32.max))),
        DriverOption("pending_bytes_max", .integer(1...Int(Int32.max))),
        DriverOption("window_messages_max", .integer(1...Int(Int32.max))),
        DriverOption("window_bytes_max", .integer(1...Int(Int32.max))),
      ]
    ) { settings throws(GodwitError) in
      try NATSDriver(Self.settings(settings), logger: settings.logger)
    }
  }

  private static func settings(_ given: DriverSettings) throws(GodwitError) -> NATSSettings {
    var settings = try NATSSettings(url: given.urls.joined(separator: ","))
    if let credentials = try Self.credentials(given) {
      guard case .none = settings.credentials else {
        throw GodwitError(.invalidArgument, "credentials both in a NATS URL and as an option")
      }
      settings.credentials = credentials
    }
    if let name = given.text("name") { settings.name = name }
    settings.tls.authorities = given.text("tls_authorities_file").map { .file($0) }
    settings.tls.certificate = given.text("tls_certificate_file").map { .file($0) }
    settings.tls.key = given.text("tls_key_file").map { .file($0) }
    if let flag = given.flag("tls_first") { settings.beginsWithTLS = flag }
    if let time = given.duration("timeout_seconds") { settings.timeout = time }
    if let time = given.duration("connect_timeout_seconds") { settings.connectTimeout = time }
    if let time = given.duration("drain_timeout_seconds") { settings.drainTimeout = time }
    if let time = given.duration("ping_interval_seconds") { settings.pingInterval = time }
    if let time = given.duration("ping_timeout_seconds") { settings.pingTimeout = time }
    settings.attemptsMax = given.integer("reconnect_attempts_max")
    if let max = given.integer("pending_bytes_max") { settings.pendingBytesMax = max }
    if let max = given.integer("window_messages_max") { settings.windowLimits.messagesMax = max }
    if let max = given.integer("window_bytes_max") { settings.windowLimits.bytesMax = max }
    return settings
  }

  private static func credentials(
    _ given: DriverSettings
  ) throws(GodwitError) -> NATSCredentials? {
    var found: [NATSCredentials] = []
    if let token = given.text("token") { found.append(.token(token)) }
    if let seed = given.text("nkey_seed") { found.append(.nkey(seed: seed)) }
    if let path = given.text("credentials_file") { found.append(try .credentialsFile(path)) }
    guard found.count <= 1 else {
      throw GodwitError(
        .invalidArgument, "of 'token', 'nkey_seed' and 'credentials_file' only one may be given")
    }
    return found.first
  }
}
