public import NIOCore

/// SUBSCRIBE (MQTT 5.0, 3.8).
public struct MQTTSubscribe: Hashable, Sendable {
  /// What to do with retained messages at subscription.
  public enum RetainHandling: UInt8, Hashable, Sendable, CaseIterable {
    /// Send them.
    case send = 0
    /// Send them if the subscription is new.
    case sendIfNew = 1
    /// Do not send them.
    case doNotSend = 2
  }

  /// A filter and its options.
  public struct Request: Hashable, Sendable {
    /// The filter, which `MQTTTopicFilter` accepts.
    public var filter: ByteBuffer
    /// The highest QoS to deliver with.
    public var qos: MQTTQoS
    /// Whether to leave out the client's own messages.
    public var noLocal: Bool
    /// Whether to keep the publisher's retain flag.
    public var retainAsPublished: Bool
    /// What to do with retained messages at subscription.
    public var retainHandling: RetainHandling

    /// A filter and its options.
    public init(
      filter: ByteBuffer, qos: MQTTQoS, noLocal: Bool = false, retainAsPublished: Bool = false,
      retainHandling: RetainHandling = .send
    ) {
      self.filter = filter
      self.qos = qos
      self.noLocal = noLocal
      self.retainAsPublished = retainAsPublished
      self.retainHandling = retainHandling
    }
  }

  /// 1 to 65,535.
  public var packetID: UInt16
  /// At least one.
  public var requests: [Request]
  /// Properties; empty before MQTT 5.0.
  public var properties: MQTTProperties

  /// A SUBSCRIBE.
  public init(
    packetID: UInt16, requests: [Request], properties: MQTTProperties = MQTTProperties()
  ) {
    self.packetID = packetID
    self.requests = requests
    self.properties = properties
  }
}
