/// What a publisher is told.
public struct JetStreamPublishAck: JetStreamObject {
  /// Why the message was not taken.
  public var error: JetStreamError?
  /// The stream that took it.
  public var stream = ""
  /// Its number there; 0 with an error.
  public var sequence: UInt64 = 0
  /// The server's domain.
  public var domain = ""
  /// Whether the stream had the message already.
  public var isDuplicate = false
  /// The counter's value after the message.
  public var value = ""
  /// The batch that this ends.
  public var batchID = ""
  /// How many messages it has.
  public var batchSize: UInt64 = 0

  /// Makes an empty one.
  public init() {}

  /// The fields, in nats-server's order.
  public mutating func visit(_ fields: inout JetStreamFields) {
    fields.unlessEmpty("error", &self.error)
    fields.always("stream", &self.stream)
    fields.always("seq", &self.sequence)
    fields.unlessEmpty("domain", &self.domain)
    fields.unlessEmpty("duplicate", &self.isDuplicate)
    fields.unlessEmpty("val", &self.value)
    fields.unlessEmpty("batch", &self.batchID)
    fields.unlessEmpty("count", &self.batchSize)
  }

  /// The text up to the number, the same for all messages of a stream: with the number and a
  /// closing brace it is the whole acknowledgement.
  public static func prefix(stream: String) -> [UInt8] {
    var ack = Self()
    ack.stream = stream
    return Array(ack.encoded.dropLast("0}".utf8.count))
  }
}
