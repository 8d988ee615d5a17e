import Godwit
import MQTTWire
import NIOCore

/// Who a connection is to the server, and what it asks for.
struct MQTTSessionPlan: Sendable {
  let version: MQTTVersion
  let clientID: String
  /// Whether what the server has of an earlier process is forgotten first.
  let beginsClean: Bool
  /// How long the session outlives its connection, in seconds.
  let sessionExpiry: UInt32
  /// Whether the session ends with the client's farewell.
  let endsSession: Bool
  /// The most messages that may be unacknowledged towards us.
  let receiveMaximum: UInt16
  let keepAliveSeconds: UInt16
  let packetBytesMax: Int
  /// The most bytes of messages that are unacknowledged towards us, where their number is not
  /// bounded.
  let heldBytesMax: Int
  /// Aliases that the server may give.
  let aliasesIn: UInt16
  /// The most aliases that we give.
  let aliasesOutMax: Int
  /// Whether every message is of the one subscription that the session has.
  let isDedicated: Bool
  let login: MQTTLogin
  let will: MQTTConnect.Will?
  let isEnveloped: Bool
  /// The QoS of publishes, which the server has to take.
  let publishQoS: MQTTQoS

  /// CONNECT.
  ///
  /// - Parameter hasSession: whether the server may have this process's session.
  func connect(
    hasSession: Bool, authenticationData: ByteBuffer?
  ) -> MQTTConnect {
    let isTransient = self.sessionExpiry == 0
    var connect = MQTTConnect(
      version: self.version, clientID: ByteBuffer(string: self.clientID),
      cleanStart: isTransient || (!hasSession && self.beginsClean),
      keepAliveSeconds: self.keepAliveSeconds, will: self.will)
    if let user = self.login.user { connect.userName = ByteBuffer(string: user) }
    if let password = self.login.password { connect.password = ByteBuffer(string: password) }
    guard self.version == .v5 else { return connect }
    if !isTransient { connect.properties.append(.sessionExpiryInterval, self.sessionExpiry) }
    connect.properties.append(.receiveMaximum, UInt32(self.receiveMaximum))
    connect.properties.append(.maximumPacketSize, UInt32(clamping: self.packetBytesMax))
    if self.aliasesIn > 0 { connect.properties.append(.topicAliasMaximum, UInt32(self.aliasesIn)) }
    if let authenticationData {
      connect.properties.append(.authenticationMethod, SCRAMClient.method)
      connect.properties.append(.authenticationData, authenticationData)
    }
    return connect
  }
}

/// What a client says of itself in CONNECT.
struct MQTTLogin: Sendable {
  var user: String?
  var password: String?
  /// Proves a password without showing it, in place of the two above.
  var scram: SCRAMCredentials?
}

/// What a server said in CONNACK.
struct MQTTServerTerms {
  var receiveMaximum = 65_535
  var qosMax = MQTTQoS.exactlyOnce
  var isRetainAvailable = true
  var packetBytesMax = Int.max
  var aliasMaximum = 0
  var keepAliveSeconds: UInt16?
  var hasSharedSubscriptions = true
  var hasWildcards = true

  init() {}

  init(_ properties: MQTTProperties) {
    self.receiveMaximum = properties.number(.receiveMaximum).map(Int.init) ?? 65_535
    self.qosMax =
      properties.number(.maximumQoS).flatMap { MQTTQoS(rawValue: UInt8(truncatingIfNeeded: $0)) }
      ?? .exactlyOnce
    self.isRetainAvailable = properties.number(.retainAvailable) != 0
    self.packetBytesMax = properties.number(.maximumPacketSize).map(Int.init) ?? .max
    self.aliasMaximum = properties.number(.topicAliasMaximum).map(Int.init) ?? 0
    self.keepAliveSeconds = properties.number(.serverKeepAlive).map {
      UInt16(truncatingIfNeeded: $0)
    }
    self.hasSharedSubscriptions = properties.number(.sharedSubscriptionAvailable) != 0
    self.hasWildcards = properties.number(.wildcardSubscriptionAvailable) != 0
  }
}
