/// A property of MQTT 5.0 (2.2.2.2).
public enum MQTTPropertyID: UInt8, Hashable, Sendable, CaseIterable {
  /// Payload Format Indicator, one byte: 1 for UTF-8.
  case payloadFormatIndicator = 0x01
  /// Message Expiry Interval in seconds.
  case messageExpiryInterval = 0x02
  /// Content Type, text.
  case contentType = 0x03
  /// Response Topic, text.
  case responseTopic = 0x08
  /// Correlation Data, bytes.
  case correlationData = 0x09
  /// Subscription Identifier, 1 to 268,435,455.
  case subscriptionIdentifier = 0x0B
  /// Session Expiry Interval in seconds; 0xFFFFFFFF never ends.
  case sessionExpiryInterval = 0x11
  /// Assigned Client Identifier, text.
  case assignedClientIdentifier = 0x12
  /// Server Keep Alive in seconds.
  case serverKeepAlive = 0x13
  /// Authentication Method, text.
  case authenticationMethod = 0x15
  /// Authentication Data, bytes.
  case authenticationData = 0x16
  /// Request Problem Information, 0 or 1.
  case requestProblemInformation = 0x17
  /// Will Delay Interval in seconds.
  case willDelayInterval = 0x18
  /// Request Response Information, 0 or 1.
  case requestResponseInformation = 0x19
  /// Response Information, text.
  case responseInformation = 0x1A
  /// Server Reference, text.
  case serverReference = 0x1C
  /// Reason String, text.
  case reasonString = 0x1F
  /// Receive Maximum, not 0.
  case receiveMaximum = 0x21
  /// Topic Alias Maximum.
  case topicAliasMaximum = 0x22
  /// Topic Alias.
  case topicAlias = 0x23
  /// Maximum QoS, 0 or 1.
  case maximumQoS = 0x24
  /// Retain Available, 0 or 1.
  case retainAvailable = 0x25
  /// User Property, a pair of texts; may occur often.
  case userProperty = 0x26
  /// Maximum Packet Size in bytes, not 0.
  case maximumPacketSize = 0x27
  /// Wildcard Subscription Available, 0 or 1.
  case wildcardSubscriptionAvailable = 0x28
  /// Subscription Identifier Available, 0 or 1.
  case subscriptionIdentifierAvailable = 0x29
  /// Shared Subscription Available, 0 or 1.
  case sharedSubscriptionAvailable = 0x2A

  /// How a value is written.
  public enum Form: Hashable, Sendable {
    /// One byte.
    case byte
    /// Two bytes, high first.
    case twoBytes
    /// Four bytes, high first.
    case fourBytes
    /// A variable byte integer.
    case varint
    /// A UTF-8 string.
    case text
    /// Binary data.
    case binary
    /// Two UTF-8 strings.
    case pair
  }

  /// How this property's value is written.
  public var form: Form {
    switch self {
    case .payloadFormatIndicator, .requestProblemInformation, .requestResponseInformation,
      .maximumQoS, .retainAvailable, .wildcardSubscriptionAvailable,
      .subscriptionIdentifierAvailable, .sharedSubscriptionAvailable:
      .byte
    case .serverKeepAlive, .receiveMaximum, .topicAliasMaximum, .topicAlias: .twoBytes
    case .messageExpiryInterval, .sessionExpiryInterval, .willDelayInterval, .maximumPacketSize:
      .fourBytes
    case .subscriptionIdentifier: .varint
    case .contentType, .responseTopic, .assignedClientIdentifier, .authenticationMethod,
      .responseInformation, .serverReference, .reasonString:
      .text
    case .correlationData, .authenticationData: .binary
    case .userProperty: .pair
    }
  }
}
