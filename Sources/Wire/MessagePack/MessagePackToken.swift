public import NIOCore

/// One value of a MessagePack document as it stands in the bytes; of an array or map, its head.
public enum MessagePackToken: Hashable, Sendable {
  /// Nothing.
  case `nil`
  /// A truth value.
  case bool(Bool)
  /// A whole number that fits 64 bits with a sign, in whatever size it was written.
  case integer(Int64)
  /// A whole number above `Int64.max`.
  case unsigned(UInt64)
  /// A number of single precision.
  case float(Float)
  /// A number of double precision.
  case double(Double)
  /// Text as it was written; whether it is UTF-8 nobody has looked yet.
  case string(ByteBuffer)
  /// Bytes.
  case binary(ByteBuffer)
  /// An array of that many values, which follow.
  case array(count: Int)
  /// A map of that many pairs, which follow: key, value, key, value.
  case map(count: Int)
  /// A value of an extension type; negative types are the format's own.
  case ext(type: Int8, data: ByteBuffer)

  /// What it is, in a word, for error messages.
  public var kind: String {
    switch self {
    case .nil: "nil"
    case .bool: "bool"
    case .integer, .unsigned: "integer"
    case .float, .double: "float"
    case .string: "string"
    case .binary: "binary"
    case .array: "array"
    case .map: "map"
    case .ext(MessagePackTimestamp.extensionType, _): "timestamp"
    case .ext(let type, _): "extension of type \(type)"
    }
  }
}
