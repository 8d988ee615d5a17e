/// What the attributes of a batch say.
public struct KafkaBatchAttributes: RawRepresentable, Hashable, Sendable {
  /// The bits on the wire.
  public var rawValue: Int16

  /// Any bits.
  public init(rawValue: Int16) { self.rawValue = rawValue }

  /// No compression, the producer's timestamps, no transaction.
  public init() { self.rawValue = 0 }

  /// How the records are compressed, `nil` for a number that nobody knows.
  public var compression: KafkaCompression? {
    KafkaCompression(rawValue: UInt8(truncatingIfNeeded: rawValue & 0x07))
  }

  /// The same attributes with another compression.
  public func with(_ compression: KafkaCompression) -> Self {
    Self(rawValue: rawValue & ~0x07 | Int16(compression.rawValue))
  }

  /// Whether all records have the time at which the batch was appended, its largest timestamp.
  public var hasAppendTime: Bool {
    get { rawValue & 0x08 != 0 }
    set { set(0x08, newValue) }
  }

  /// Whether the batch belongs to a transaction.
  public var isTransactional: Bool {
    get { rawValue & 0x10 != 0 }
    set { set(0x10, newValue) }
  }

  /// Whether the records are marks of the broker and nothing for consumers.
  public var isControl: Bool {
    get { rawValue & 0x20 != 0 }
    set { set(0x20, newValue) }
  }

  /// Whether the first timestamp is the time at which tombstones may go (KIP-534).
  public var hasDeleteHorizon: Bool {
    get { rawValue & 0x40 != 0 }
    set { set(0x40, newValue) }
  }

  private mutating func set(_ bit: Int16, _ isSet: Bool) {
    rawValue = isSet ? rawValue | bit : rawValue & ~bit
  }
}
