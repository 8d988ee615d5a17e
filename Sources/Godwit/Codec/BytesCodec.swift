public import NIOCore

/// `ByteBuffer` and `[UInt8]` as they are.
public struct BytesCodec: Codec {
  /// `application/octet-stream`.
  public var mediaTypes: [String] { ["application/octet-stream"] }

  /// The codec.
  public init() {}

  /// The bytes.
  public func encode<Value: Sendable>(_ value: Value) throws(GodwitError) -> ByteBuffer {
    if let buffer = value as? ByteBuffer { return buffer }
    if let bytes = value as? [UInt8] { return ByteBuffer(bytes: bytes) }
    throw GodwitError(.encodingFailed, "\(Value.self) is neither ByteBuffer nor [UInt8]")
  }

  /// The bytes.
  public func decode<Value: Sendable>(
    _ type: Value.Type, from body: ByteBuffer
  ) throws(GodwitError) -> Value {
    if let value = body as? Value { return value }
    if let value = Array(body.readableBytesView) as? Value { return value }
    throw GodwitError(.decodingFailed, "\(Value.self) is neither ByteBuffer nor [UInt8]")
  }
}
