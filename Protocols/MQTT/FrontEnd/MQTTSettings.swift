public import MQTTWire

/// What can be set of the MQTT front end. Where the specification leaves a choice, the defaults are
/// Mosquitto's.
public struct MQTTSettings: Hashable, Sendable {
  /// Seconds between the connection and a whole CONNECT. Default 10.
  public var connectTimeoutSeconds = 10.0
  /// The longest keep-alive that is granted, in seconds; 0 for any. Default 65,535.
  public var keepAliveSecondsMax = 65_535
  /// How long a session may outlive its connection, in seconds; 0xFFFFFFFF for ever. Default for
  /// ever.
  public var sessionExpirySecondsMax: UInt32 = .max
  /// The largest packet that is taken, in bytes. Default 1 MiB + 64 KiB; the protocol's own limit
  /// is 268,435,460.
  public var packetBytesMax = (1 << 20) + (64 << 10)
  /// The largest CONNECT in bytes, which comes before anyone is known. Default 256 KiB.
  public var connectBytesMax = 256 << 10
  /// QoS 1 and 2 messages under way to one client at once, if it does not ask for fewer. Default
  /// 20.
  public var inflightMax = 20
  /// Messages that wait for one client beyond those under way. Default 1,000.
  public var queuedMax = 1_000
  /// Bytes of messages that wait for one client. Default 64 MiB.
  public var queuedBytesMax = 64 << 20
  /// QoS 2 messages that one client may have open towards the server. Default 1,024.
  public var receiveMaximum = 1_024
  /// The highest QoS that is taken from publishers. Default 2.
  public var qosMax = MQTTQoS.exactlyOnce
  /// Whether messages can be retained. Default yes.
  public var isRetainAvailable = true
  /// Topic aliases that one client may give. Default 10.
  public var topicAliasMaximum = 10
  /// Topic aliases that the server gives to one client that allows as many. Default 10.
  public var topicAliasesToClientMax = 10
  /// Subscriptions of one client. Default 100,000.
  public var subscriptionsMax = 100_000
  /// Filters in one SUBSCRIBE or UNSUBSCRIBE. Default 1,024.
  public var filtersPerPacketMax = 1_024
  /// Clients' sessions, connected or not, in all. Default 1,000,000.
  public var sessionsMax = 1_000_000
  /// Bytes that may wait for a client before QoS 0 messages to it are dropped. Default 8 MiB; at
  /// four times as much the connection is closed.
  public var pendingBytesMax = 8 << 20
  /// Seconds that a client's socket may take nothing while bytes wait for it, before the connection
  /// is closed; 0 for ever. Default 60: a phone under a bridge is waited for.
  public var writeDeadlineSeconds = 60.0
  /// Whether topic names and filters are refused whose form in NATS needs an escape. Default no.
  public var hasStrictNames = false
  /// Whether the payload of a message that says it is text must be UTF-8. Default yes.
  public var checksPayloadFormat = true
  /// What precedes the client identifier in the response information of CONNACK; nothing is said
  /// when empty. Default `$responses/`.
  public var responseTopicPrefix = "$responses/"
  /// Seconds between publications of `$SYS` topics; 0 for never. Default 10.
  public var systemTopicsIntervalSeconds = 10.0
  /// Subscriptions that every client has without asking.
  public var automaticSubscriptions: [MQTTAutomaticSubscription] = []
  /// Other names for topics.
  public var rewriteRules: [MQTTRewriteRule] = []
  /// When clients that come and go too often are banned; `nil` for never, the default.
  public var flapping: MQTTFlappingRule?
  /// Which subscriptions are listed as slow; `nil` for none, the default.
  public var slowSubscriptions: MQTTSlowSubscriptionRule?

  /// The defaults.
  public init() {}
}

/// A subscription that every client has without asking.
public struct MQTTAutomaticSubscription: Hashable, Sendable {
  /// The filter; `%c` and `${clientid}` stand for the client identifier, `%u` and `${username}` for
  /// the user's name.
  public var filter: String
  /// The options.
  public var request: MQTTSubscribe.Request

  /// The filter for one client; `nil` when it needs a user's name and there is none, or when a name
  /// in it would make a wildcard or another level.
  func filter(clientID: String, userName: String?) -> String? {
    var result = ""
    var rest = Substring(filter)
    let marks: [(String, String?)] = [
      ("%c", clientID), ("${clientid}", clientID), ("%u", userName), ("${username}", userName),
    ]
    next: while !rest.isEmpty {
      for (mark, value) in marks where rest.hasPrefix(mark) {
        guard let value, !value.contains(where: { "/+#".contains($0) }) else { return nil }
        result += value
        rest = rest.dropFirst(mark.count)
        continue next
      }
      result.append(rest.removeFirst())
    }
    return result
  }
}

/// When clients that come and go too often are banned.
public struct MQTTFlappingRule: Hashable, Sendable {
  /// How many connections within the window are too many. Default 15.
  public var connectionsMax = 15
  /// The window in seconds. Default 60.
  public var windowSeconds = 60.0
  /// How long the ban lasts in seconds. Default 300.
  public var banSeconds = 300.0

  /// The defaults.
  public init() {}
}

/// Which subscriptions are listed as slow.
public struct MQTTSlowSubscriptionRule: Hashable, Sendable {
  /// Milliseconds from a message's arrival to the receiver's acknowledgement. Default 500.
  public var thresholdMilliseconds = 500
  /// How many are listed, the slowest first. Default 10.
  public var entriesMax = 10
  /// Seconds that an entry stays without a new slow message. Default 300.
  public var lifetimeSeconds = 300.0

  /// The defaults.
  public init() {}
}
