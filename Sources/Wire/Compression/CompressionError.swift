/// Why bytes cannot be decompressed.
public enum CompressionError: Error, Hashable, Sendable {
  /// They do not follow their format.
  case malformed
  /// A checksum in them is wrong.
  case checksum
  /// They would become larger than the limit.
  case tooLarge
  /// They need what is not supported: a dictionary.
  case unsupported
}
