import Godwit
import MQTTWire
import NIOCore

/// A message as it goes to the server, made by the task that publishes it; identifier, alias and
/// DUP are the connection's.
struct MQTTOutgoing: Sendable {
  let topic: ByteBuffer
  /// Empty before MQTT 5.0.
  let properties: MQTTProperties
  let payload: ByteBuffer
  let qos: MQTTQoS
  let retain: Bool

  /// The most bytes that its packet may take.
  var packetBytesMax: Int {
    self.topic.readableBytes + self.properties.bytes.readableBytes + self.payload.readableBytes + 20
  }
}

/// A publish on its way.
struct MQTTPending {
  /// Who is to be told.
  enum Waiter: Hashable {
    /// Nobody; it is published all the same.
    case nobody
    /// A call, and the message's place in it.
    case call(UInt64, Int)
    /// Somebody who has gone: it may have been published, and need not be again.
    case gone
  }

  /// How far it is.
  enum Stage {
    /// PUBLISH was written.
    case published
    /// PUBREC came, and PUBREL was written.
    case released
  }

  let outgoing: MQTTOutgoing
  var waiter: Waiter
  var stage = Stage.published
  /// Whether an earlier session has carried it: it may have been published, though it waits.
  var wasWritten = false
  /// Its place among all, by which publishes are repeated.
  var number: UInt64 = 0
}

/// A call that publishes several messages.
struct MQTTBatch {
  var left: Int
  var receivers: [Int?]
}
