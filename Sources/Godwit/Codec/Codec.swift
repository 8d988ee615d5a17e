public import NIOCore

/// Turns values into bodies and bodies into values, for one or more media types.
///
/// A codec is never guessed: a message's content type chooses it among those of the broker's
/// `CodecRegistry`.
public protocol Codec: Sendable {
  /// The media types it writes and reads, without parameters, in lower case: `application/json`.
  var mediaTypes: [String] { get }

  /// The body of `value`.
  ///
  /// - Throws: `GodwitError.Code.encodingFailed`.
  func encode<Value: Sendable>(_ value: Value) throws(GodwitError) -> ByteBuffer

  /// The value of `body`, all of which must be read.
  ///
  /// - Throws: `GodwitError.Code.decodingFailed`.
  func decode<Value: Sendable>(
    _ type: Value.Type, from body: ByteBuffer
  ) throws(GodwitError) -> Value
}

/// The codecs of a broker, by media type. A value that is passed in; there is no global one.
public struct CodecRegistry: Sendable {
  private var codecs: [String: any Codec] = [:]
  /// Whether nobody has put another codec in the place of the one for bytes.
  private var keepsBytes = false
  /// The largest body that is read, in bytes; a larger one throws `tooLarge` and is never cut
  /// short. Default 16 MiB.
  public var bodyBytesMax: Int

  /// A registry of these codecs; of two for one media type the later holds.
  public init(_ codecs: [any Codec], bodyBytesMax: Int = 16 << 20) {
    self.bodyBytesMax = bodyBytesMax
    for codec in codecs { self.register(codec) }
  }

  /// JSON, plain text, and bytes as they are.
  public static var defaults: Self { Self([JSONCodec(), TextCodec(), BytesCodec()]) }

  /// Adds a codec; for its media types it replaces the one before.
  public mutating func register(_ codec: any Codec) {
    for mediaType in codec.mediaTypes {
      self.codecs[mediaType] = codec
      if mediaType == MediaType.bytes { self.keepsBytes = codec is BytesCodec }
    }
  }

  /// Whether bytes are their own body in a content type.
  @usableFromInline
  func keepsBytes(as contentType: String) -> Bool {
    self.keepsBytes && contentType == MediaType.bytes
  }

  /// The codec for a content type, parameters ignored.
  ///
  /// - Throws: `GodwitError.Code.unsupported` when no codec was registered for it.
  public func codec(for contentType: String) throws(GodwitError) -> any Codec {
    // Most content types are written as codecs are registered.
    guard
      let codec = self.codecs[contentType] ?? self.codecs[MediaType.essence(of: contentType)]
    else {
      throw GodwitError(.unsupported, "no codec for the content type '\(contentType)'")
    }
    return codec
  }

  /// The body of `value` as `contentType`.
  public func encode<Value: Sendable>(
    _ value: Value, as contentType: String
  ) throws(GodwitError) -> ByteBuffer {
    try self.codec(for: contentType).encode(value)
  }

  /// The value of a body. Who asks for bytes gets them as they are, whatever they stand for.
  ///
  /// - Throws: `tooLarge` when the body is larger than `bodyBytesMax`, `unsupported` when no codec
  ///   is registered for the content type, `decodingFailed` when the codec cannot read it.
  public func decode<Value: Sendable>(
    _ type: Value.Type, from body: ByteBuffer, contentType: String
  ) throws(GodwitError) -> Value {
    guard body.readableBytes <= self.bodyBytesMax else {
      throw GodwitError(
        .tooLarge,
        "a body of \(body.readableBytes) bytes; at most \(self.bodyBytesMax) are decoded")
    }
    if type == ByteBuffer.self || type == [UInt8].self {
      return try BytesCodec().decode(type, from: body)
    }
    return try self.codec(for: contentType).decode(type, from: body)
  }
}
