public import GodwitWire

/// A message as STREAM.MSG.GET answers it.
public struct JetStreamStoredMessage: JetStreamObject {
  /// Its subject.
  public var subject = ""
  /// Its number.
  public var sequence: UInt64 = 0
  /// Its header block, from `NATS/1.0` to the empty line; empty when it has none.
  public var headers = Bytes()
  /// Its payload.
  public var payload = Bytes()
  /// When it was kept.
  public var time = JetStreamTimestamp.zero

  /// Makes an empty one.
  public init() {}

  /// The fields, in nats-server's order.
  public mutating func visit(_ fields: inout JetStreamFields) {
    fields.always("subject", &self.subject)
    fields.always("seq", &self.sequence)
    fields.unlessEmpty("hdrs", &self.headers)
    fields.unlessEmpty("data", &self.payload)
    fields.always("time", &self.time)
  }

  /// Bytes, in Base64 where JSON is.
  public struct Bytes: JetStreamValue {
    /// The bytes.
    public var bytes: [UInt8]

    /// Makes bytes.
    public init(_ bytes: [UInt8] = []) {
      self.bytes = bytes
    }

    /// Reads the value.
    public static func read(_ json: JSONValue, in context: inout JetStreamFields) -> Self? {
      json.string.flatMap { Base64.decode($0.utf8) }.map { Self($0) }
    }

    /// Writes the value.
    public func write(to writer: inout JSONWriter) {
      writer.string(Base64.encode(self.bytes))
    }

    /// Whether it counts as nothing.
    public var isEmptyField: Bool { self.bytes.isEmpty }
  }
}
