public import NIOCore

/// A value of an extension type, as MessagePack carries it.
///
/// It is `Codable` for MessagePack only; elsewhere both directions throw.
public struct MessagePackExtension: Hashable, Sendable, Codable {
  /// The type number. Applications have 0 to 127; negative ones are the format's own.
  public var type: Int8
  /// The bytes.
  public var data: ByteBuffer

  /// An extension value.
  public init(type: Int8, data: ByteBuffer) {
    self.type = type
    self.data = data
  }

  /// Throws: the codec never asks, and other formats have no extensions.
  public init(from decoder: any Decoder) throws {
    throw DecodingError.typeMismatch(
      Self.self,
      .init(codingPath: decoder.codingPath, debugDescription: "only MessagePack has extensions"))
  }

  /// Throws: the codec never asks, and other formats have no extensions.
  public func encode(to encoder: any Encoder) throws {
    throw EncodingError.invalidValue(
      self,
      .init(codingPath: encoder.codingPath, debugDescription: "only MessagePack has extensions"))
  }
}
