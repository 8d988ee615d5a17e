public import NIOCore

/// `String` as UTF-8 text.
public struct TextCodec: Codec {
  /// `text/plain`.
  public var mediaTypes: [String] { ["text/plain"] }

  /// The codec.
  public init() {}

  /// The text's bytes; the value must be a `String`.
  public func encode<Value: Sendable>(_ value: Value) throws(GodwitError) -> ByteBuffer {
    guard let text = value as? String else {
      throw GodwitError(.encodingFailed, "\(Value.self) is not text")
    }
    return ByteBuffer(string: text)
  }

  /// The text; bytes that are not UTF-8 are refused.
  public func decode<Value: Sendable>(
    _ type: Value.Type, from body: ByteBuffer
  ) throws(GodwitError) -> Value {
    guard let text = String(validating: body.readableBytesView, as: UTF8.self) else {
      throw GodwitError(.decodingFailed, "text that is not UTF-8")
    }
    guard let value = text as? Value else {
      throw GodwitError(.decodingFailed, "\(Value.self) is not text")
    }
    return value
  }
}
