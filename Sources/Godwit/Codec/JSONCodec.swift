public import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// JSON (RFC 8259) of `Codable` values: dates as ISO 8601, keys in the order of their names.
public struct JSONCodec: Codec {
  /// `application/json`.
  public var mediaTypes: [String] { ["application/json"] }

  /// The codec.
  public init() {}

  /// The value as JSON; it must be `Encodable`.
  public func encode<Value: Sendable>(_ value: Value) throws(GodwitError) -> ByteBuffer {
    guard let value = value as? any Encodable else {
      throw GodwitError(.encodingFailed, "\(Value.self) is not Encodable")
    }
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return ByteBuffer(bytes: try encoder.encode(value))
    } catch {
      throw GodwitError(.encodingFailed, "\(Value.self) as JSON", cause: error)
    }
  }

  /// The value that JSON stands for; its type must be `Decodable`.
  public func decode<Value: Sendable>(
    _ type: Value.Type, from body: ByteBuffer
  ) throws(GodwitError) -> Value {
    guard let decodable = type as? any Decodable.Type else {
      throw GodwitError(.decodingFailed, "\(Value.self) is not Decodable")
    }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    let decoded: any Decodable
    do {
      decoded = try decoder.decode(decodable, from: Data(body.readableBytesView))
    } catch {
      throw GodwitError(.decodingFailed, "\(Value.self) from JSON", cause: error)
    }
    guard let value = decoded as? Value else {
      throw GodwitError(.decodingFailed, "\(Value.self) from JSON")
    }
    return value
  }
}
