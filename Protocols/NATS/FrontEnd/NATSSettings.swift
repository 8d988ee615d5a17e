import GodwitFrontEndKit

/// The `nats` section of the settings.
struct NATSSettings: Hashable {
  var payloadBytesMax: Int
  var controlLineBytesMax: Int
  var subscriptionsMax: Int
  var connectionsMax: Int
  var pingIntervalSeconds: Double
  var pingsOutstandingMax: Int
  var pendingBytesMax: Int
  var writeDeadlineSeconds: Double
  var authTimeoutSeconds: Double
  var tlsTimeoutSeconds: Double
  var tlsFirst: Bool
  var lameDuckGraceSeconds: Double
  var lameDuckSeconds: Double
  var closedConnectionsMax: Int

  /// Reads checked values.
  init(_ values: SettingsValues) {
    self.payloadBytesMax = values.int("max_payload")
    self.controlLineBytesMax = values.int("max_control_line")
    self.subscriptionsMax = values.int("max_subscriptions")
    self.connectionsMax = values.int("max_connections")
    self.pingIntervalSeconds = values.double("ping_interval_seconds")
    self.pingsOutstandingMax = values.int("ping_max_outstanding")
    self.pendingBytesMax = values.int("write_pending_bytes_max")
    self.writeDeadlineSeconds = values.double("write_deadline_seconds")
    self.authTimeoutSeconds = values.double("auth_timeout_seconds")
    self.tlsTimeoutSeconds = values.double("tls_timeout_seconds")
    self.tlsFirst = values.bool("tls_first")
    self.lameDuckGraceSeconds = values.double("lame_duck_grace_seconds")
    self.lameDuckSeconds = values.double("lame_duck_seconds")
    self.closedConnectionsMax = values.int("closed_connections_max")
  }

  static let section = SettingsSection(
    "nats", "The NATS protocol. Names and defaults follow nats-server where it has the setting.",
    [
      Setting(
        "max_payload", .integer(0...(64 << 20)), default: .integer(1 << 20),
        "The largest message in bytes, headers included. A larger one ends the connection."),
      Setting(
        "max_control_line", .integer(64...(1 << 20)), default: .integer(4096),
        "The longest control line in bytes, without its verb. A longer one ends the connection."),
      Setting(
        "max_subscriptions", .integer(0...1_000_000), default: .integer(0),
        "The most subscriptions per connection; 0 for no limit but the tenant's."),
      Setting(
        "max_connections", .integer(0...1_000_000), default: .integer(65_536),
        "The most NATS connections; 0 for no limit but the process's."),
      Setting(
        "ping_interval_seconds", .double(0.1...86_400), default: .double(120),
        "How long a client may be silent before the server sends PING."),
      Setting(
        "ping_max_outstanding", .integer(1...100), default: .integer(2),
        "How many PINGs may go unanswered before the connection is cut as stale."),
      Setting(
        "write_pending_bytes_max", .integer(1024...(4 << 30)), default: .integer(64 << 20),
        "How many bytes may wait for a client that does not read before it is cut as slow."),
      Setting(
        "write_deadline_seconds", .double(0...86_400), default: .double(10),
        "How long a client's socket may take nothing while bytes wait for it before it is cut as "
          + "slow; 0 for ever."),
      Setting(
        "auth_timeout_seconds", .double(0.1...3600), default: .double(2),
        "How long a client may take to send CONNECT when credentials are required."),
      Setting(
        "tls_timeout_seconds", .double(0.1...3600), default: .double(5),
        "How long a TLS or WebSocket handshake may take."),
      Setting(
        "tls_first", .bool, default: .bool(false),
        "Whether the TLS handshake comes before INFO instead of after it."),
      Setting(
        "lame_duck_grace_seconds", .double(0...3600), default: .double(0.5),
        "How long clients are left alone after they were told that the server will stop."),
      Setting(
        "lame_duck_seconds", .double(0...3600), default: .double(3),
        "Over how long, at most, connections are then closed, one after the other."),
      Setting(
        "closed_connections_max", .integer(0...100_000), default: .integer(1000),
        "How many closed connections /connz?state=closed remembers."),
    ])
}
