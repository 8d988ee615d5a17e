import GodwitWire
import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A place in a document that was validated, with the way that led there.
struct MessagePackPlace {
  var reader: MessagePackReader
  let path: [any CodingKey]

  private func mismatch(
    _ type: Any.Type, _ token: MessagePackToken, at offset: Int
  ) -> DecodingError {
    let context = DecodingError.Context(
      codingPath: self.path, debugDescription: "\(type) from \(token.kind) at byte \(offset)")
    return token == .nil ? .valueNotFound(type, context) : .typeMismatch(type, context)
  }

  private func corrupted(_ sentence: String, at offset: Int) -> DecodingError {
    .dataCorrupted(
      .init(codingPath: self.path, debugDescription: "\(sentence) at byte \(offset)"))
  }

  mutating func bool() throws -> Bool {
    let at = self.reader.offset
    let token = try self.reader.next()
    guard case .bool(let flag) = token else { throw self.mismatch(Bool.self, token, at: at) }
    return flag
  }

  mutating func string() throws -> String {
    let at = self.reader.offset
    let token = try self.reader.next()
    guard case .string(let bytes) = token else {
      throw self.mismatch(String.self, token, at: at)
    }
    return try self.text(bytes, at: at)
  }

  private func text(_ bytes: ByteBuffer, at offset: Int) throws -> String {
    guard let text = String(validating: bytes.readableBytesView, as: UTF8.self) else {
      throw self.corrupted("a string that is not UTF-8", at: offset)
    }
    return text
  }

  /// A whole number; also one that was written as a float and is whole.
  mutating func integer<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
    let at = self.reader.offset
    let token = try self.reader.next()
    let number: Number?
    switch token {
    case .integer(let value): number = Number(exactly: value)
    case .unsigned(let value): number = Number(exactly: value)
    case .float(let value): number = Number(exactly: value)
    case .double(let value): number = Number(exactly: value)
    default: throw self.mismatch(type, token, at: at)
    }
    guard let number else { throw self.corrupted("no \(type) is the number", at: at) }
    return number
  }

  /// A number; a whole one only when it is exactly that.
  mutating func double() throws -> Double {
    let at = self.reader.offset
    let token = try self.reader.next()
    let number: Double?
    switch token {
    case .double(let value): number = value
    case .float(let value): number = Double(value)
    case .integer(let value): number = Double(exactly: value)
    case .unsigned(let value): number = Double(exactly: value)
    default: throw self.mismatch(Double.self, token, at: at)
    }
    guard let number else { throw self.corrupted("no Double is the number", at: at) }
    return number
  }

  /// A number; one of double precision is rounded, and refused when it is too large.
  mutating func float() throws -> Float {
    let at = self.reader.offset
    let token = try self.reader.next()
    let number: Float?
    switch token {
    case .float(let value): number = value
    case .double(let value):
      let rounded = Float(value)
      number = rounded.isInfinite && value.isFinite ? nil : rounded
    case .integer(let value): number = Float(exactly: value)
    case .unsigned(let value): number = Float(exactly: value)
    default: throw self.mismatch(Float.self, token, at: at)
    }
    guard let number else { throw self.corrupted("no Float is the number", at: at) }
    return number
  }

  mutating func arrayCount() throws -> Int {
    let at = self.reader.offset
    let token = try self.reader.next()
    guard case .array(let count) = token else {
      throw self.mismatch([Any].self, token, at: at)
    }
    return count
  }

  mutating func mapCount() throws -> Int {
    let at = self.reader.offset
    let token = try self.reader.next()
    guard case .map(let count) = token else {
      throw self.mismatch([String: Any].self, token, at: at)
    }
    return count
  }

  /// A map's key: text, or a whole number.
  mutating func key() throws -> MessagePackKey {
    let at = self.reader.offset
    switch try self.reader.next() {
    case .string(let bytes): return .name(try self.text(bytes, at: at))
    case .integer(let number): return .number(number)
    case .unsigned(let number): return .name(String(number))
    case let token: throw self.corrupted("a key that is \(token.kind)", at: at)
    }
  }

  /// Any value; the reader goes on behind it.
  mutating func value<Value: Decodable>(_ type: Value.Type) throws -> Value {
    if let known = try self.known(type) { return known }
    let start = self
    try self.reader.skip()
    return try Value(from: MessagePackDecoding(place: start))
  }

  /// The types that MessagePack has a form of its own for, and the most frequent ones.
  private mutating func known<Value: Decodable>(_ type: Value.Type) throws -> Value? {
    if type == String.self { return try self.string() as? Value }
    if type == Int.self { return try self.integer(Int.self) as? Value }
    if type == Double.self { return try self.double() as? Value }
    if type == Bool.self { return try self.bool() as? Value }
    if type == Date.self { return try self.timestamp(type).date as? Value }
    if type == Data.self { return Data(try self.binary(type).readableBytesView) as? Value }
    if type == MessagePackTime.self {
      let timestamp = try self.timestamp(type)
      return MessagePackTime(
        seconds: timestamp.seconds, nanoseconds: timestamp.nanoseconds) as? Value
    }
    if type == MessagePackExtension.self {
      let at = self.reader.offset
      let token = try self.reader.next()
      guard case .ext(let number, let data) = token else {
        throw self.mismatch(type, token, at: at)
      }
      return MessagePackExtension(type: number, data: data) as? Value
    }
    if type == [UInt8].self {
      // An array of numbers is read as any array.
      var ahead = self
      guard case .binary(let bytes) = try ahead.reader.next() else { return nil }
      self = ahead
      return Array(bytes.readableBytesView) as? Value
    }
    return nil
  }

  private mutating func binary(_ type: Any.Type) throws -> ByteBuffer {
    let at = self.reader.offset
    let token = try self.reader.next()
    guard case .binary(let bytes) = token else { throw self.mismatch(type, token, at: at) }
    return bytes
  }

  private mutating func timestamp(_ type: Any.Type) throws -> MessagePackTimestamp {
    let at = self.reader.offset
    let token = try self.reader.next()
    guard case .ext(MessagePackTimestamp.extensionType, let data) = token else {
      throw self.mismatch(type, token, at: at)
    }
    guard let timestamp = MessagePackTimestamp(data: data) else {
      throw self.corrupted("a timestamp of another size", at: at)
    }
    return timestamp
  }
}
