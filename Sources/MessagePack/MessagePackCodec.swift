public import Godwit
import GodwitWire
public import NIOCore

/// MessagePack of `Codable` values.
///
/// - Whole numbers are written in their shortest form; `Float` and `Double` in their own precision.
/// - `Date` is the timestamp extension, to the nanosecond; `[UInt8]` and Foundation's `Data` are
///   binary. `MessagePackTime` and `MessagePackExtension` hold what these do not.
/// - Types with members are maps, in the order of their keys. A key with an integer of its own
///   (`enum CodingKeys: Int`, the keys of `[Int: …]`) is written as that integer.
///
/// Reading takes any form of a number that is exactly the value asked for, and binary as well as an
/// array for `[UInt8]`. Sizes and nesting are checked before anything is allocated for them.
public struct MessagePackCodec: Codec {
  /// `application/msgpack`, and the older `application/x-msgpack` and `application/vnd.msgpack`.
  public var mediaTypes: [String] {
    ["application/msgpack", "application/x-msgpack", "application/vnd.msgpack"]
  }

  private let limits: MessagePackLimits

  /// The codec.
  ///
  /// - Parameters:
  ///   - bytesMax: the largest body, in bytes, that is written or read. Default 16 MiB.
  ///   - depthMax: the deepest nesting of arrays and maps. Default 64.
  ///   - valuesMax: the most values in a body that is read, keys counted. Default 1,048,576.
  public init(bytesMax: Int = 16 << 20, depthMax: Int = 64, valuesMax: Int = 1 << 20) {
    var limits = MessagePackLimits.defaults
    limits.bytesMax = bytesMax
    limits.depthMax = depthMax
    limits.valuesMax = valuesMax
    self.limits = limits
  }

  /// The value as MessagePack; it must be `Encodable`.
  ///
  /// - Throws: `tooLarge` beyond `bytesMax`, `encodingFailed` for all else.
  public func encode<Value: Sendable>(_ value: Value) throws(GodwitError) -> ByteBuffer {
    guard let value = value as? any Encodable else {
      throw GodwitError(.encodingFailed, "\(Value.self) is not Encodable")
    }
    do {
      let part = try MessagePackPart(of: value, at: [])
      var writer = MessagePackWriter(bytesMax: self.limits.bytesMax)
      try part.write(to: &writer, depthMax: self.limits.depthMax)
      return writer.buffer
    } catch let error as MessagePackError where error.code == .limitExceeded {
      throw GodwitError(.tooLarge, "\(Value.self) as MessagePack", cause: error)
    } catch {
      throw GodwitError(.encodingFailed, "\(Value.self) as MessagePack", cause: error)
    }
  }

  /// The value that the bytes stand for; its type must be `Decodable`.
  ///
  /// - Throws: `tooLarge` for bodies that break a limit, `decodingFailed` for all else.
  public func decode<Value: Sendable>(
    _ type: Value.Type, from body: ByteBuffer
  ) throws(GodwitError) -> Value {
    guard let decodable = type as? any Decodable.Type else {
      throw GodwitError(.decodingFailed, "\(Value.self) is not Decodable")
    }
    do {
      try MessagePackReader.validate(body, limits: self.limits)
      var place = MessagePackPlace(reader: MessagePackReader(body), path: [])
      guard let value = try place.value(decodable) as? Value else {
        throw GodwitError(.decodingFailed, "\(Value.self) from MessagePack")
      }
      return value
    } catch let error as MessagePackError where error.code == .limitExceeded {
      throw GodwitError(.tooLarge, "\(Value.self) from MessagePack", cause: error)
    } catch {
      throw GodwitError(.decodingFailed, "\(Value.self) from MessagePack", cause: error)
    }
  }
}
