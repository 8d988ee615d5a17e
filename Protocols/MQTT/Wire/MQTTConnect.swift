public import NIOCore

/// CONNECT (MQTT 5.0, 3.1).
public struct MQTTConnect: Hashable, Sendable {
  /// A message for the server to publish when the client goes without a word.
  public struct Will: Hashable, Sendable {
    /// Where to.
    public var topic: ByteBuffer
    /// What.
    public var payload: ByteBuffer
    /// How.
    public var qos: MQTTQoS
    /// Whether it is retained.
    public var retain: Bool
    /// Properties of the message and its delay; empty before MQTT 5.0.
    public var properties: MQTTProperties

    /// A will.
    public init(
      topic: ByteBuffer, payload: ByteBuffer, qos: MQTTQoS = .atMostOnce, retain: Bool = false,
      properties: MQTTProperties = MQTTProperties()
    ) {
      self.topic = topic
      self.payload = payload
      self.qos = qos
      self.retain = retain
      self.properties = properties
    }
  }

  /// The version asked for.
  public var version: MQTTVersion
  /// Clean Session (3.x) or Clean Start (5.0).
  public var cleanStart: Bool
  /// Keep-alive in seconds; 0 for none.
  public var keepAliveSeconds: UInt16
  /// Client identifier; may be empty.
  public var clientID: ByteBuffer
  /// The will.
  public var will: Will?
  /// User name.
  public var userName: ByteBuffer?
  /// Password: any bytes.
  public var password: ByteBuffer?
  /// Properties; empty before MQTT 5.0.
  public var properties: MQTTProperties

  /// A CONNECT.
  public init(
    version: MQTTVersion, clientID: ByteBuffer, cleanStart: Bool = true,
    keepAliveSeconds: UInt16 = 0, will: Will? = nil, userName: ByteBuffer? = nil,
    password: ByteBuffer? = nil, properties: MQTTProperties = MQTTProperties()
  ) {
    self.version = version
    self.cleanStart = cleanStart
    self.keepAliveSeconds = keepAliveSeconds
    self.clientID = clientID
    self.will = will
    self.userName = userName
    self.password = password
    self.properties = properties
  }
}
