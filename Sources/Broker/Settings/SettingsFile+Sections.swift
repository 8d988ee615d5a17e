import GodwitEngine
import GodwitFrontEndKit
import GodwitStorage

extension SettingsFile {
  /// The broker's own sections.
  static var own: [SettingsSection] {
    [
      Self.server, Self.tls, Self.admin, Self.storage, Self.limits, Self.access,
      DeadLetterSettings.section,
    ]
  }

  private static var server: SettingsSection {
    SettingsSection(
      "server", "The process as a whole.",
      [
        Setting(
          "name", .text, default: .text("godwit"),
          "What the server calls itself to clients and on admin pages."),
        Setting(
          "listen", .texts, default: .list([]),
          "Listeners, as in `nats=127.0.0.1:4222` or `mqtt-tls=0.0.0.0:8883`: a protocol, with "
            + "`-tls`, `-ws` or `-wss` for other transports, an address and a port (0 for a free "
            + "one). Empty: every protocol's standard ports, on the loopback."),
        Setting(
          "shutdown_grace_seconds", .double(0...600), default: .double(10),
          "How long clients may take to leave when the server is told to stop."),
        Setting(
          "join_groups", .bool, default: .bool(false),
          "Whether a NATS queue group and an MQTT shared subscription of one name are one group."),
        Setting(
          "partition_loops", .integer(0...64), default: .integer(0),
          "How many event loops, beside the one that has the connections, the partitions of topics "
            + "and other logs are dealt to: they write the files, where it is much at a time, and, "
            + "on threads of their own, open what senders have packed together, where somebody "
            + "wants to know what is in it. 0: one less than there are processors, at least 1, at "
            + "most 8."),
        Setting(
          "log_level",
          .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]),
          default: .text("info"), "What is logged, on standard error."),
      ])
  }

  private static var tls: SettingsSection {
    SettingsSection(
      "tls", "The certificate of the encrypted listeners. Paths are relative to this file.",
      [
        Setting(
          "certificate", .text, default: .text(""), "PEM file: the certificate and its chain."),
        Setting("key", .text, default: .text(""), "PEM file: the certificate's private key."),
        Setting(
          "client_ca", .text, default: .text(""),
          "PEM file: who signs the certificates of clients. Another one, read again on SIGHUP, is "
            + "for new connections; those that stand go on."),
        Setting(
          "verify_clients", .bool, default: .bool(false),
          "Whether clients must show a certificate signed by `client_ca`."),
        Setting(
          "min_version", .choice(["1.2", "1.3"]), default: .text("1.2"),
          "The oldest TLS version that is spoken."),
      ])
  }

  private static var admin: SettingsSection {
    SettingsSection(
      "admin", "The admin API and the dashboard.",
      [
        Setting("enabled", .bool, default: .bool(true), "Whether there is one."),
        Setting(
          "address", .text, default: .text("127.0.0.1:8222"), "Where it listens. Plain HTTP."),
        Setting(
          "user", .text, default: .text(""), "The name to log in with; empty for no log-in."),
        Setting(
          "password", .text, default: .text(""), "The password to log in with.", isSecret: true),
        Setting(
          "token", .text, default: .text(""),
          "A bearer token that programs may show instead.", isSecret: true),
        Setting(
          "host_names", .texts, default: .list([]),
          "Names by which browsers may reach it without a log-in, beside localhost and addresses."),
        Setting(
          "schema_registry", .bool, default: .bool(false),
          "Whether it is a schema registry, too: the paths that Confluent's clients know, with the "
            + "admin server's address as their `schema.registry.url`, and its log-in."),
      ])
  }

  private static var storage: SettingsSection {
    let store = StoreSettings()
    return SettingsSection(
      "storage", "How the data folder (`--data`) is written. Cannot change while running.",
      [
        Setting(
          "sync", .choice(["always", "interval", "never"]), default: .text("interval"),
          "When a message counts as kept: `always`, when the disk says so; `interval`, when the "
            + "operating system has it, with the disk asked at intervals; `never`, without "
            + "asking."),
        Setting(
          "sync_interval_seconds", .double(0.001...3_600), default: .double(1),
          "How much a loss of power may cost with `interval`."),
        Setting(
          "segment_bytes_max", .integer(1 << 16...1 << 30),
          default: .integer(store.segmentBytesMax), "When the next file of a log is begun."),
        Setting(
          "cache_bytes_max", .integer(1 << 20...1 << 40), default: .integer(store.cacheBytesMax),
          "What is kept in memory, for each tenant, of what was written or read."),
      ])
  }

  private static var limits: SettingsSection {
    let engine = EngineLimits.defaults
    return SettingsSection(
      "limits", "Bounds on what clients, all together, can make the server hold.",
      [
        Setting(
          "connections_max", .integer(1...10_000_000), default: .integer(65_536),
          "Connections at once, over all protocols."),
        Setting(
          "connections_per_address_max", .integer(0...10_000_000), default: .integer(0),
          "Connections at once from one address; 0 for no such limit."),
        Setting(
          "subscriptions_max", .integer(1...100_000_000),
          default: .integer(engine.subscriptionsMax), "Subscriptions in a tenant."),
        Setting(
          "pattern_levels_max", .integer(1...4_096), default: .integer(engine.patternLevelsMax),
          "Levels in a subscription."),
        Setting(
          "topic_levels_max", .integer(1...4_096), default: .integer(engine.topicLevelsMax),
          "Levels in the topic of a message."),
        Setting(
          "retained_max", .integer(0...100_000_000), default: .integer(engine.retainedMax),
          "Topics with a retained message, in a tenant."),
        Setting(
          "stored_bytes_max", .integer(1_048_576...(1 << 46)),
          default: .integer(engine.storedBytesMax),
          "Bytes of queued, retained and delayed messages, of subscriptions and of lasting "
            + "sessions, over all tenants."),
        Setting(
          "tenant_stored_bytes_max", .integer(0...(1 << 46)), default: .integer(0),
          "How much of that one tenant may hold; 0 for all of it as long as there is one tenant, "
            + "and half when there are more."),
        Setting(
          "routes_max", .integer(16...10_000_000), default: .integer(engine.routesMax),
          "Topics whose receivers are remembered, per tenant."),
        Setting(
          "route_bytes_max", .integer(65_536...(1 << 40)), default: .integer(engine.routeBytesMax),
          "Bytes that this memory may take, per tenant. Topics over 4 KiB are not remembered."),
      ])
  }

  private static var access: SettingsSection {
    SettingsSection(
      "access",
      "Who gets in, and what they may do. Patterns are in NATS form (`sensors.*.temp`, `a.>`), or "
        + "in another protocol's with its name in front (`mqtt:sensors/+/temp`). `%c` stands for "
        + "the client id, `%u` for the user's name.",
      [
        Setting(
          "anonymous", .bool, default: nil,
          "Whether clients without credentials get in. Not said: yes, as long as there are no "
            + "users and no token, and every listener is on the loopback."),
        Setting(
          "tenant", .text, default: .text("default"),
          "The tenant of anonymous clients, of the token, and of users who name none."),
        Setting(
          "token", .text, default: .text(""),
          "A secret that lets in whoever shows it (NATS `auth_token`).", isSecret: true),
        Setting(
          "users_file", .text, default: .text(""),
          "A file with more users, kept by `godwit user add`."),
        Setting("users", .maps(Self.user), default: .list([]), "Users."),
        Setting(
          "acl", .maps(Self.rule), default: .list([]),
          "Rules for users, client ids and addresses, on top of the users' own permissions. What "
            + "is denied anywhere is denied; where anything is allowed, the rest is not."),
      ])
  }

  static var user: [Setting] {
    [
      Setting("name", .text, default: .text(""), "The user's name."),
      Setting(
        "password", .text, default: .text(""),
        "As printed by `godwit user add` (SCRAM-SHA-256), or plain text.", isSecret: true),
      Setting(
        "nkey", .text, default: .text(""),
        "The public key with which the user signs instead (`U…`)."),
      Setting(
        "certificate", .text, default: .text(""),
        "The common name of the certificate that the user shows instead."),
      Setting("tenant", .text, default: .text(""), "The tenant; empty for `access.tenant`."),
      Setting(
        "client_ids", .texts, default: .list([]),
        "The client ids that the user may take, `*` at the end for any ending. Empty: any."),
      Setting(
        "addresses", .texts, default: .list([]),
        "The addresses that the user may come from, as in `10.0.0.0/8`. Empty: any."),
      Setting(
        "permissions",
        .map([
          Setting("publish", .map(Self.allowAndDeny), default: nil, "What may be published."),
          Setting(
            "subscribe", .map(Self.allowAndDeny), default: nil,
            "What may be subscribed to. A queue group may follow a pattern after a blank."),
          Setting(
            "allow_responses", .bool, default: .bool(false),
            "Whether NATS clients may answer requests where `publish` would not let them. MQTT "
              + "clients answer where `publish` lets them."),
          Setting(
            "responses_max", .integer(1...1_000_000), default: .integer(1),
            "How many answers to each request."),
          Setting(
            "responses_expire_seconds", .double(0.001...86_400), default: .double(120),
            "How long after the request."),
        ]), default: nil, "What the user may do. Nothing said: everything."),
      Setting(
        "subscriptions_max", .integer(0...100_000_000), default: .integer(0),
        "Subscriptions per connection; 0 for the protocol's own setting."),
      Setting(
        "payload_bytes_max", .integer(0...1_073_741_824), default: .integer(0),
        "The largest message; 0 for the protocol's own setting."),
    ]
  }

  private static var allowAndDeny: [Setting] {
    [
      Setting("allow", .texts, default: nil, "Patterns that are allowed. Not said: all."),
      Setting("deny", .texts, default: .list([]), "Patterns that are denied all the same."),
    ]
  }

  private static var rule: [Setting] {
    [
      Setting("user", .text, default: .text(""), "For this user only."),
      Setting(
        "client_id", .text, default: .text(""),
        "For this client id only, `*` at the end for any ending."),
      Setting("address", .text, default: .text(""), "For these addresses only (`10.0.0.0/8`)."),
      Setting(
        "action", .choice(["publish", "subscribe", "all"]), default: .text("all"),
        "What the rule is about."),
      Setting("topics", .texts, default: .list([]), "The patterns."),
      Setting("allow", .bool, default: .bool(true), "Whether they are allowed or denied."),
    ]
  }
}
