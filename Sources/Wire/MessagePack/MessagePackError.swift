/// Why bytes are not an acceptable MessagePack document.
public struct MessagePackError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of defect.
  public enum Code: Hashable, Sendable {
    /// The bytes end inside a value, or a size claims more than there is.
    case truncated
    /// The byte 0xC1, which the format never uses.
    case reservedByte
    /// A string that is not UTF-8.
    case invalidString
    /// A timestamp of another size than 4, 8 or 12 bytes, or of too many nanoseconds.
    case invalidTimestamp
    /// Something follows the document.
    case trailingBytes
    /// A limit of `MessagePackLimits` is broken.
    case limitExceeded
  }

  /// The kind of defect.
  public var code: Code
  /// The byte offset of the value where it was noticed.
  public var offset: Int

  /// Makes an error.
  public init(_ code: Code, at offset: Int) {
    self.code = code
    self.offset = offset
  }

  /// For people: the kind and the place, never the bytes themselves.
  public var description: String { "MessagePack: \(self.code) at byte \(self.offset)" }
}
