#if Protobuf
  public import Godwit
  public import NIOCore
  import SwiftProtobuf

  /// Protocol Buffers: messages that swift-protobuf generated, in binary form.
  ///
  /// Maps are written in the order of their keys, so that equal messages are equal bytes. Needs the
  /// package trait `Protobuf`, which is on by default.
  ///
  /// A message within a `oneof` whose field comes again is merged, and swift-protobuf copies it to
  /// do so: a body that is made for that takes time by the square of its size, a second for some
  /// 100 KiB. Where strangers publish messages of such types, `bytesMax` is to be small.
  public struct ProtobufCodec: Codec {
    /// `application/protobuf`, and the older `application/x-protobuf`.
    public var mediaTypes: [String] { ["application/protobuf", "application/x-protobuf"] }

    private let bytesMax: Int
    private let depthMax: Int

    /// The codec.
    ///
    /// - Parameters:
    ///   - bytesMax: the largest body, in bytes, that is written or read. Default 16 MiB.
    ///   - depthMax: the deepest nesting of messages that is read. Default 100.
    public init(bytesMax: Int = 16 << 20, depthMax: Int = 100) {
      self.bytesMax = bytesMax
      self.depthMax = depthMax
    }

    /// The message's binary form; the value must be a `SwiftProtobuf.Message`.
    ///
    /// - Throws: `tooLarge` beyond `bytesMax`; `encodingFailed` for other types, and when a
    ///   required field is not set.
    public func encode<Value: Sendable>(_ value: Value) throws(GodwitError) -> ByteBuffer {
      guard let message = value as? any SwiftProtobuf.Message else {
        throw GodwitError(.encodingFailed, "\(Value.self) is no Protocol Buffers message")
      }
      var options = BinaryEncodingOptions()
      options.useDeterministicOrdering = true
      let bytes: [UInt8]
      do {
        bytes = try message.serializedBytes(options: options)
      } catch {
        throw GodwitError(.encodingFailed, "\(Value.self) as Protocol Buffers", cause: error)
      }
      try self.check(bytes.count)
      return ByteBuffer(bytes: bytes)
    }

    /// The message of a binary form; its type must be a `SwiftProtobuf.Message`. Fields that the
    /// type does not know are kept in it.
    ///
    /// - Throws: `tooLarge` beyond `bytesMax`; `decodingFailed` for other types, broken bytes,
    ///   nesting beyond `depthMax`, and when a required field is missing.
    public func decode<Value: Sendable>(
      _ type: Value.Type, from body: ByteBuffer
    ) throws(GodwitError) -> Value {
      guard let messageType = type as? any SwiftProtobuf.Message.Type else {
        throw GodwitError(.decodingFailed, "\(Value.self) is no Protocol Buffers message")
      }
      try self.check(body.readableBytes)
      var options = BinaryDecodingOptions()
      options.messageDepthLimit = self.depthMax
      let message: any SwiftProtobuf.Message
      do {
        message = try messageType.init(
          serializedBytes: Array(body.readableBytesView), options: options)
      } catch {
        throw GodwitError(.decodingFailed, "\(Value.self) from Protocol Buffers", cause: error)
      }
      guard let value = message as? Value else {
        throw GodwitError(.decodingFailed, "\(Value.self) from Protocol Buffers")
      }
      return value
    }

    private func check(_ count: Int) throws(GodwitError) {
      guard count <= self.bytesMax else {
        throw GodwitError(
          .tooLarge, "a Protocol Buffers body of \(count) bytes; at most \(self.bytesMax)")
      }
    }
  }
#endif
