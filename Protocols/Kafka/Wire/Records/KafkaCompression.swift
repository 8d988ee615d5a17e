/// How the records of a batch are compressed: the lowest three bits of its attributes.
public enum KafkaCompression: UInt8, Hashable, Sendable, CaseIterable {
  /// Not at all.
  case none = 0
  /// gzip (RFC 1952).
  case gzip = 1
  /// Snappy, raw or in the frames of the Java library.
  case snappy = 2
  /// LZ4 frames.
  case lz4 = 3
  /// Zstandard (RFC 8878).
  case zstd = 4
}
