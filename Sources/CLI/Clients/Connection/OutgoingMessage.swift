import MQTTWire
import NIOCore

/// A message to publish. Names are in the words of the connection's protocol.
struct OutgoingMessage: Hashable, Sendable {
  /// Where to.
  var topic: ByteBuffer
  /// What.
  var payload: ByteBuffer
  /// Headers, which MQTT calls user properties, in order.
  var headers: [MessageHeader] = []
  /// Where answers go.
  var reply: ByteBuffer?
  /// What an answer is to carry back; MQTT's correlation data.
  var correlation: ByteBuffer?
  /// The payload's media type.
  var contentType: String?
  /// After how many seconds nobody wants it any more.
  var expirySeconds: UInt32?
  /// How surely MQTT delivers it.
  var qos = MQTTQoS.atMostOnce
  /// Whether MQTT keeps it for later subscribers.
  var retain = false

  /// A message with a topic and a payload.
  init(topic: String, payload: ByteBuffer) {
    self.topic = ByteBuffer(string: topic)
    self.payload = payload
  }

  /// Whether anything but topic, reply and payload has to be said.
  var hasMetadata: Bool {
    !self.headers.isEmpty || self.correlation != nil || self.contentType != nil
      || self.expirySeconds != nil
  }
}

/// One header of a message. Names may repeat.
struct MessageHeader: Hashable, Sendable {
  /// The name.
  var name: String
  /// The value.
  var value: String

  init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}
