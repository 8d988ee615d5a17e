public import NIOCore

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// One message: a body of bytes and what is said about it, the same on every broker.
///
/// What a broker's protocol has no place for travels in headers of Godwit's own; a driver's page
/// says which.
public struct Message: Hashable, Sendable {
  /// The sender's id of the message, for tracing and de-duplication. Default: 22 random letters
  /// and digits.
  public var id: String
  /// The topic's name: levels joined by dots, such as `orders.created`.
  public var topic: String
  /// Application headers.
  public var headers: Headers
  /// The body's media type, which chooses the codec that reads it.
  public var contentType: String?
  /// What messages that must stay in order have in common. Brokers with partitions choose by it.
  public var key: String?
  /// When the sender made the message.
  public var time: Date
  /// How long after `time` the message is of use; `nil`, the default, means for ever.
  public var timeToLive: Duration?
  /// The topic that an answer goes to.
  public var replyTo: String?
  /// What an answer carries back unchanged.
  public var correlationID: String?
  /// The body.
  public var body: ByteBuffer
  /// Whether topic, reply address and body are all there is: a frame of a protocol with words of
  /// its own. A driver then sends neither id nor time nor headers, where its protocol can do
  /// without them. Default no.
  public var isBare = false

  /// A message.
  public init(
    topic: String, body: ByteBuffer, contentType: String? = nil, headers: Headers = [:],
    key: String? = nil, timeToLive: Duration? = nil, id: String = Message.makeID(),
    time: Date = Date()
  ) {
    self.id = id
    self.topic = topic
    self.headers = headers
    self.contentType = contentType
    self.key = key
    self.time = time
    self.timeToLive = timeToLive
    self.body = body
  }

  /// A message of nothing but topic, reply address and body; see `isBare`.
  public init(bare body: ByteBuffer, to topic: String, replyTo: String? = nil) {
    self.init(topic: topic, body: body, id: "", time: Date(timeIntervalSince1970: 0))
    self.replyTo = replyTo
    self.isBare = true
  }

  /// A new random id: 22 letters and digits, 131 bits.
  public static func makeID() -> String { RandomDigits.shared.text(22) }
}
