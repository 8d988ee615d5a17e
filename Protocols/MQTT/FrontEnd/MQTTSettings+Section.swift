import GodwitFrontEndKit
import MQTTWire
import NIOCore

extension MQTTSettings {
  /// The section's keys.
  static let section = SettingsSection("mqtt", "MQTT 3.1, 3.1.1 and 5.0.", limits + extensions)

  private static let defaults = MQTTSettings()

  private static let limits: [Setting] = [
    Setting(
      "connect_timeout_seconds", .double(0.1...3_600),
      default: .double(defaults.connectTimeoutSeconds),
      "Seconds that a client has for its CONNECT."),
    Setting(
      "keep_alive_seconds_max", .integer(0...65_535),
      default: .integer(defaults.keepAliveSecondsMax),
      "The longest keep-alive that is granted; 0 for any. A client that asks for more, or for "
        + "none, is told (MQTT 5.0)."),
    Setting(
      "session_expiry_seconds_max", .integer(0...4_294_967_295),
      default: .integer(Int(defaults.sessionExpirySecondsMax)),
      "How long a session may outlive its connection; 4294967295 for ever."),
    Setting(
      "packet_bytes_max", .integer(128...268_435_460), default: .integer(defaults.packetBytesMax),
      "The largest packet that is taken, in bytes."),
    Setting(
      "connect_bytes_max", .integer(128...268_435_460),
      default: .integer(defaults.connectBytesMax), "The largest CONNECT, in bytes."),
    Setting(
      "max_inflight", .integer(1...65_535), default: .integer(defaults.inflightMax),
      "QoS 1 and 2 messages under way to one client at once, if it does not ask for fewer."),
    Setting(
      "max_queued", .integer(0...10_000_000), default: .integer(defaults.queuedMax),
      "Messages that wait for one client beyond those under way; further ones are dropped."),
    Setting(
      "queued_bytes_max", .integer(1_024...(1 << 40)), default: .integer(defaults.queuedBytesMax),
      "Bytes of messages that wait for one client."),
    Setting(
      "receive_maximum", .integer(1...65_535), default: .integer(defaults.receiveMaximum),
      "QoS 2 messages that one client may have open towards the server."),
    Setting(
      "max_qos", .integer(0...2), default: .integer(Int(defaults.qosMax.rawValue)),
      "The highest QoS that is taken from publishers."),
    Setting(
      "retain_available", .bool, default: .bool(defaults.isRetainAvailable),
      "Whether messages can be retained."),
    Setting(
      "topic_alias_maximum", .integer(0...65_535), default: .integer(defaults.topicAliasMaximum),
      "Topic aliases that one client may give."),
    Setting(
      "topic_aliases_to_client_max", .integer(0...1_000),
      default: .integer(defaults.topicAliasesToClientMax),
      "Topic aliases that the server gives to one client, if it allows as many."),
    Setting(
      "max_subscriptions", .integer(1...10_000_000), default: .integer(defaults.subscriptionsMax),
      "Subscriptions of one client."),
    Setting(
      "filters_per_packet_max", .integer(1...65_535),
      default: .integer(defaults.filtersPerPacketMax),
      "Filters in one SUBSCRIBE or UNSUBSCRIBE."),
    Setting(
      "sessions_max", .integer(1...100_000_000), default: .integer(defaults.sessionsMax),
      "Sessions in all, with or without a connection."),
    Setting(
      "pending_bytes_max", .integer(65_536...(1 << 32)),
      default: .integer(defaults.pendingBytesMax),
      "Bytes that may wait for a client before QoS 0 messages to it are dropped; at four times as "
        + "much the connection is closed."),
    Setting(
      "write_deadline_seconds", .double(0...86_400),
      default: .double(defaults.writeDeadlineSeconds),
      "How long a client's socket may take nothing while bytes wait for it before the connection "
        + "is closed; 0 for ever. Who reads slowly, but reads, is kept."),
  ]

  private static let extensions: [Setting] = [
    Setting(
      "strict_names", .bool, default: .bool(defaults.hasStrictNames),
      "Whether topics and filters are refused that would need an escape in NATS: blanks, control "
        + "characters, a level that is `*` or `>`, and what looks like such an escape."),
    Setting(
      "check_payload_format", .bool, default: .bool(defaults.checksPayloadFormat),
      "Whether the payload of a message that says it is text must be UTF-8."),
    Setting(
      "response_topic_prefix", .text, default: .text(defaults.responseTopicPrefix),
      "What precedes the client identifier in CONNACK's response information; empty for none."),
    Setting(
      "sys_interval_seconds", .double(0...86_400),
      default: .double(defaults.systemTopicsIntervalSeconds),
      "Seconds between publications of $SYS topics; 0 for never."),
    Setting(
      "automatic_subscriptions",
      .maps([
        Setting(
          "filter", .text, default: nil,
          "The topic filter; %c or ${clientid}, and %u or ${username}, are filled in."),
        Setting("qos", .integer(0...2), default: .integer(0), "The highest QoS to deliver with."),
        Setting("no_local", .bool, default: .bool(false), "Leaves out the client's own messages."),
        Setting(
          "retain_as_published", .bool, default: .bool(false),
          "Keeps the publisher's retain flag."),
        Setting(
          "retain_handling", .integer(0...2), default: .integer(0),
          "Retained messages: 0 sends them, 1 only to new sessions, 2 never."),
      ]), default: .list([]), "Subscriptions that every client has without asking."),
    Setting(
      "rewrite",
      .maps([
        Setting(
          "direction", .choice(MQTTRewriteRule.Direction.allCases.map(\.rawValue)),
          default: .text("all"),
          "Whether messages, subscriptions or both are rewritten."),
        Setting(
          "tenant", .text, default: .text(""),
          "Only for clients of this tenant; empty for all."),
        Setting("source", .text, default: nil, "Only topics that this filter matches."),
        Setting(
          "pattern", .text, default: .text(".*"),
          "A regular expression that must match the whole name: characters, `.`, sets, "
            + "`\\d \\w \\s`, groups, `|`, `^`, `$` and repetitions."),
        Setting(
          "target", .text, default: nil,
          "The new name; $1 to $9 are the groups of the pattern."),
      ]), default: .list([]),
      "Other names for topics; the last rule that matches wins. Names longer than 4096 bytes that "
        + "a rule is for are refused."),
    Setting(
      "flapping",
      .map([
        Setting("enabled", .bool, default: .bool(true), "Whether clients are banned."),
        Setting(
          "connects_max", .integer(1...1_000_000), default: .integer(15),
          "How many connections within the window are too many."),
        Setting("window_seconds", .double(0.1...86_400), default: .double(60), "The window."),
        Setting(
          "ban_seconds", .double(0.1...31_536_000), default: .double(300), "How long a ban lasts."),
      ]), default: nil,
      "Bans clients that come and go too often: an identifier of one user, let in each time. "
        + "Off by default."),
    Setting(
      "slow_subscription",
      .map([
        Setting("enabled", .bool, default: .bool(true), "Whether the list is kept."),
        Setting(
          "threshold_ms", .integer(0...3_600_000), default: .integer(500),
          "From a message's arrival to the receiver's acknowledgement."),
        Setting(
          "entries_max", .integer(1...10_000), default: .integer(10), "How long the list is."),
        Setting(
          "lifetime_seconds", .double(1...86_400), default: .double(300),
          "How long an entry stays without another slow message."),
      ]), default: nil, "A list of the slowest subscriptions. Off by default."),
  ]

  /// The settings of checked values.
  ///
  /// - Throws: `SettingsError` for a filter, a topic or an expression that is none.
  init(_ values: SettingsValues) throws(SettingsError) {
    self.init()
    connectTimeoutSeconds = values.double("connect_timeout_seconds")
    keepAliveSecondsMax = values.int("keep_alive_seconds_max")
    sessionExpirySecondsMax = UInt32(clamping: values.int("session_expiry_seconds_max"))
    packetBytesMax = values.int("packet_bytes_max")
    connectBytesMax = values.int("connect_bytes_max")
    inflightMax = values.int("max_inflight")
    queuedMax = values.int("max_queued")
    queuedBytesMax = values.int("queued_bytes_max")
    receiveMaximum = values.int("receive_maximum")
    qosMax = MQTTQoS(rawValue: UInt8(clamping: values.int("max_qos"))) ?? .exactlyOnce
    isRetainAvailable = values.bool("retain_available")
    topicAliasMaximum = values.int("topic_alias_maximum")
    topicAliasesToClientMax = values.int("topic_aliases_to_client_max")
    subscriptionsMax = values.int("max_subscriptions")
    filtersPerPacketMax = values.int("filters_per_packet_max")
    sessionsMax = values.int("sessions_max")
    pendingBytesMax = values.int("pending_bytes_max")
    writeDeadlineSeconds = values.double("write_deadline_seconds")
    hasStrictNames = values.bool("strict_names")
    checksPayloadFormat = values.bool("check_payload_format")
    responseTopicPrefix = values.text("response_topic_prefix")
    systemTopicsIntervalSeconds = values.double("sys_interval_seconds")
    for entry in values.maps("automatic_subscriptions") {
      automaticSubscriptions.append(try Self.automaticSubscription(entry))
    }
    for entry in values.maps("rewrite") { rewriteRules.append(try Self.rewriteRule(entry)) }
    do throws(MQTTExpression.Failure) {
      _ = try MQTTRewriter(rewriteRules)
    } catch {
      throw SettingsError("\(values.path).rewrite", "not a regular expression: \(error.reason)")
    }
    if values.has("flapping") { readFlapping(values.map("flapping")) }
    if values.has("slow_subscription") { readSlowSubscriptions(values.map("slow_subscription")) }
  }

  private mutating func readFlapping(_ values: SettingsValues) {
    guard !values.has("enabled") || values.bool("enabled") else { return }
    var rule = MQTTFlappingRule()
    if values.has("connects_max") { rule.connectionsMax = values.int("connects_max") }
    if values.has("window_seconds") { rule.windowSeconds = values.double("window_seconds") }
    if values.has("ban_seconds") { rule.banSeconds = values.double("ban_seconds") }
    flapping = rule
  }

  private mutating func readSlowSubscriptions(_ values: SettingsValues) {
    guard !values.has("enabled") || values.bool("enabled") else { return }
    var rule = MQTTSlowSubscriptionRule()
    if values.has("threshold_ms") {
      rule.thresholdMilliseconds = values.int("threshold_ms")
    }
    if values.has("entries_max") { rule.entriesMax = values.int("entries_max") }
    if values.has("lifetime_seconds") { rule.lifetimeSeconds = values.double("lifetime_seconds") }
    slowSubscriptions = rule
  }

  private static func automaticSubscription(
    _ values: SettingsValues
  ) throws(SettingsError) -> MQTTAutomaticSubscription {
    let filter = values.text("filter")
    guard Array(filter.utf8).withUnsafeBytes({ MQTTTopicFilter($0) != nil }) else {
      throw SettingsError("\(values.path).filter", "not a topic filter")
    }
    let handling = MQTTSubscribe.RetainHandling(
      rawValue: UInt8(clamping: values.int("retain_handling")))
    let request = MQTTSubscribe.Request(
      filter: ByteBuffer(string: filter),
      qos: MQTTQoS(rawValue: UInt8(clamping: values.int("qos"))) ?? .atMostOnce,
      noLocal: values.bool("no_local"), retainAsPublished: values.bool("retain_as_published"),
      retainHandling: handling ?? .send)
    return MQTTAutomaticSubscription(filter: filter, request: request)
  }

  private static func rewriteRule(
    _ values: SettingsValues
  ) throws(SettingsError) -> MQTTRewriteRule {
    let source = values.text("source")
    guard Array(source.utf8).withUnsafeBytes({ MQTTTopicFilter($0) != nil }) else {
      throw SettingsError("\(values.path).source", "not a topic filter")
    }
    let target = values.text("target")
    guard !target.isEmpty else {
      throw SettingsError("\(values.path).target", "must not be empty")
    }
    let direction = values.has("direction") ? values.text("direction") : "all"
    let pattern = values.has("pattern") ? values.text("pattern") : ".*"
    let tenant = values.has("tenant") ? values.text("tenant") : ""
    return MQTTRewriteRule(
      direction: MQTTRewriteRule.Direction(rawValue: direction) ?? .all,
      tenant: tenant.isEmpty ? nil : tenant, source: source, pattern: pattern, target: target)
  }
}
