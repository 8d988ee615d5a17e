/// Where a list of properties stands, which decides what it may hold (MQTT 5.0, table 2-4).
public struct MQTTPropertyScope: Hashable, Sendable {
  /// A bit for each property identifier that is allowed.
  let allowed: UInt64
  /// A bit for each that may occur more than once.
  let repeatable: UInt64

  init(_ allowed: [MQTTPropertyID], repeatable: [MQTTPropertyID] = [.userProperty]) {
    self.allowed = Self.bits(allowed) | Self.bits([.userProperty])
    self.repeatable = Self.bits(repeatable)
  }

  private static func bits(_ list: [MQTTPropertyID]) -> UInt64 {
    list.reduce(0) { $0 | 1 << UInt64($1.rawValue) }
  }

  /// CONNECT.
  public static let connect = Self([
    .sessionExpiryInterval, .authenticationMethod, .authenticationData,
    .requestProblemInformation, .requestResponseInformation, .receiveMaximum, .topicAliasMaximum,
    .maximumPacketSize,
  ])
  /// The will within CONNECT.
  public static let will = Self([
    .payloadFormatIndicator, .messageExpiryInterval, .contentType, .responseTopic,
    .correlationData, .willDelayInterval,
  ])
  /// CONNACK.
  public static let connack = Self([
    .sessionExpiryInterval, .assignedClientIdentifier, .serverKeepAlive, .authenticationMethod,
    .authenticationData, .responseInformation, .serverReference, .reasonString, .receiveMaximum,
    .topicAliasMaximum, .maximumQoS, .retainAvailable, .maximumPacketSize,
    .wildcardSubscriptionAvailable, .subscriptionIdentifierAvailable, .sharedSubscriptionAvailable,
  ])
  /// PUBLISH; a server may name several subscription identifiers.
  public static let publish = Self(
    [
      .payloadFormatIndicator, .messageExpiryInterval, .contentType, .responseTopic,
      .correlationData, .subscriptionIdentifier, .topicAlias,
    ], repeatable: [.userProperty, .subscriptionIdentifier])
  /// PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK.
  public static let acknowledgement = Self([.reasonString])
  /// SUBSCRIBE.
  public static let subscribe = Self([.subscriptionIdentifier])
  /// UNSUBSCRIBE.
  public static let unsubscribe = Self([])
  /// DISCONNECT.
  public static let disconnect = Self([.sessionExpiryInterval, .serverReference, .reasonString])
  /// AUTH.
  public static let auth = Self([.authenticationMethod, .authenticationData, .reasonString])
}
