import MQTTWire
import NIOCore

/// What a conversation has to report beside messages.
enum SessionEvent: Hashable, Sendable {
  /// TLS is to begin now; `secured` is called when it has.
  case secure
  /// The server has let us in.
  case ready
  /// The server has taken the subscription with this number.
  case subscribed(Int)
  /// The server has refused the subscription with this number.
  case refused(Int, ClientError)
  /// One message with QoS 1 or 2 is settled; whether it had a receiver, or why it was refused.
  case settled(Settlement)
  /// Everything that was written before the oldest unanswered `flush` has been handled.
  case flushed
  /// The server complained and goes on.
  case warned(ClientError)

  /// How the server took a message.
  enum Settlement: Hashable, Sendable {
    case accepted
    case withoutReceiver
    case refused(ClientError)
  }
}

/// A subscription to ask for, in the words of the connection's protocol.
struct SubscriptionRequest: Hashable, Sendable {
  /// The pattern.
  var pattern: String
  /// The group whose members share the messages: a queue group, a shared subscription.
  var group: String?
  /// The highest quality of service, for MQTT.
  var qos = MQTTQoS.atMostOnce
}

/// One client's conversation with a server, without a socket and without a clock.
///
/// Bytes come in through `receive`; what has to be said is appended to `out`. A thrown error ends
/// the conversation.
protocol ClientSession: Sendable {
  /// The connection stands.
  mutating func begin(into out: inout ByteBuffer)
  /// TLS stands, after `SessionEvent.secure`.
  mutating func secured(into out: inout ByteBuffer) throws(ClientError)
  /// Takes what is whole from the front of `input`.
  mutating func receive(
    _ input: inout ByteBuffer, into out: inout ByteBuffer, events: inout [SessionEvent],
    deliver: (Delivery) -> Void
  ) throws(ClientError)
  /// Asks for a subscription and returns its number.
  mutating func subscribe(
    _ request: SubscriptionRequest, into out: inout ByteBuffer
  ) throws(ClientError) -> Int
  /// Publishes a message.
  ///
  /// - Returns: false, with nothing written, while too many messages wait to be settled.
  /// - Throws: when the protocol or the server cannot take it; the conversation goes on.
  mutating func publish(
    _ message: OutgoingMessage, into out: inout ByteBuffer
  ) throws(ClientError) -> Bool
  /// Asks the server to answer when everything before has been handled.
  mutating func flush(into out: inout ByteBuffer)
  /// Says goodbye.
  mutating func end(into out: inout ByteBuffer)
  /// A subject or topic nobody else uses, for answers to this client.
  func inbox(_ unique: String) -> String
  /// What separates the levels of a topic.
  static var separator: String { get }
}

extension ClientSession {
  /// What separates the levels of a topic.
  var separator: String { Self.separator }
}
