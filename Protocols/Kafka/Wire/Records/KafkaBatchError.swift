/// Why a batch is refused.
public struct KafkaBatchError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What the producer is told.
  public var code: KafkaErrorCode
  /// Which record it is about, if it is about one.
  public var recordIndex: Int?
  /// For people. Never holds bytes of the peer.
  public var message: String { described.description }
  /// The message.
  public var description: String { message }

  let described: StaticString

  /// An error of a kind, to compare with.
  public init(code: KafkaErrorCode, recordIndex: Int? = nil) {
    self.init(code, "refused", record: recordIndex)
  }

  init(_ code: KafkaErrorCode, _ message: StaticString, record: Int? = nil) {
    self.code = code
    self.described = message
    self.recordIndex = record
  }

  /// Two errors are the same when the producer is told the same.
  public static func == (left: Self, right: Self) -> Bool {
    left.code == right.code && left.recordIndex == right.recordIndex
  }

  /// Consistent with `==`.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(code)
    hasher.combine(recordIndex)
  }

  static func corrupt(_ message: StaticString) -> Self { Self(.corruptMessage, message) }
  static func invalid(_ message: StaticString, record: Int? = nil) -> Self {
    Self(.invalidRecord, message, record: record)
  }
}
