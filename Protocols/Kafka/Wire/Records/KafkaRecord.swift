public import NIOCore

/// A record as a value, with the offset and the time that it has in its batch.
public struct KafkaRecord: Hashable, Sendable {
  /// A header of a record. Keys may repeat, and their order counts.
  public struct Header: Hashable, Sendable {
    /// The key.
    public var key: String
    /// The value, `nil` for null.
    public var value: ByteBuffer?

    /// A header.
    public init(_ key: String, _ value: ByteBuffer?) {
      self.key = key
      self.value = value
    }
  }

  /// The offset.
  public var offset: Int64
  /// Milliseconds since 1970, -1 if there is none.
  public var timestamp: Int64
  /// The key, `nil` for null.
  public var key: ByteBuffer?
  /// The value, `nil` for null.
  public var value: ByteBuffer?
  /// The headers.
  public var headers: [Header]

  /// A record.
  public init(
    offset: Int64 = 0, timestamp: Int64, key: ByteBuffer? = nil, value: ByteBuffer?,
    headers: [Header] = []
  ) {
    self.offset = offset
    self.timestamp = timestamp
    self.key = key
    self.value = value
    self.headers = headers
  }
}
