import GodwitWire
import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A value on its way to bytes. Containers are filled in any order and nested ones later than their
/// parents, so heads can be written only when all is there.
enum MessagePackPart {
  case value(MessagePackValue)
  case box(Box)

  /// A value that its type is still describing.
  final class Box {
    enum Content {
      case nothing
      case single(MessagePackPart)
      case array([MessagePackPart])
      case map([(key: MessagePackKey, value: MessagePackPart)])
      /// The type asked for containers of two kinds.
      case conflict
    }

    var content = Content.nothing
    /// Whose value it is; tells whether keys of digits are text.
    let type: any Any.Type
    private(set) lazy var isStringKeyed = self.type is any StringKeyed.Type

    init(_ type: any Any.Type) {
      self.type = type
    }

    func append(_ part: MessagePackPart) {
      guard case .array(var parts) = self.content else { return self.content = .conflict }
      self.content = .nothing
      parts.append(part)
      self.content = .array(parts)
    }

    func append(_ key: some CodingKey, _ part: MessagePackPart) {
      guard case .map(var parts) = self.content else { return self.content = .conflict }
      self.content = .nothing
      parts.append((self.key(key), part))
      self.content = .map(parts)
    }

    private func key(_ key: some CodingKey) -> MessagePackKey {
      guard let number = key.intValue, Int(key.stringValue) != nil else {
        return MessagePackKey(key)
      }
      // All digits: an integer of a dictionary, unless its keys are text, or the digits say more
      // than the integer ("007").
      let isNamed = String(number) != key.stringValue || self.isStringKeyed
      return MessagePackKey(key, isNamed: isNamed)
    }
  }

  /// What a value is in MessagePack.
  init<Value: Encodable>(of value: Value, at path: [any CodingKey]) throws {
    if let known = try Self.known(value, at: path) {
      self = .value(known)
      return
    }
    let box = Box(Value.self)
    try value.encode(to: MessagePackEncoding(box: box, codingPath: path))
    self = .box(box)
  }

  /// The types that MessagePack has a form of its own for, and the most frequent ones. By their
  /// types, since any empty array can be cast to `[UInt8]`.
  private static func known<Value: Encodable>(
    _ value: Value, at path: [any CodingKey]
  ) throws -> MessagePackValue? {
    let type = Value.self
    if type == String.self, let text = value as? String { return .string(text) }
    if type == Int.self, let number = value as? Int { return .integer(Int64(number)) }
    if type == Double.self, let number = value as? Double { return .double(number) }
    if type == Bool.self, let flag = value as? Bool { return .bool(flag) }
    if type == [UInt8].self, let bytes = value as? [UInt8] {
      return .binary(ByteBuffer(bytes: bytes))
    }
    if type == Data.self, let bytes = value as? Data { return .binary(ByteBuffer(bytes: bytes)) }
    if type == MessagePackExtension.self, let ext = value as? MessagePackExtension {
      return .ext(type: ext.type, data: ext.data)
    }
    let timestamp: MessagePackTimestamp?
    if type == Date.self, let date = value as? Date {
      timestamp = MessagePackTimestamp(date)
    } else if type == MessagePackTime.self, let time = value as? MessagePackTime {
      timestamp = MessagePackTimestamp(seconds: time.seconds, nanoseconds: time.nanoseconds)
    } else {
      return nil
    }
    guard let timestamp else {
      // The type in place of the value: to describe a date that is not a number traps.
      throw EncodingError.invalidValue(
        type, .init(codingPath: path, debugDescription: "no timestamp can say the value"))
    }
    return .timestamp(timestamp)
  }

  /// Writes the finished value.
  func write(to writer: inout MessagePackWriter, depthMax: Int) throws {
    switch self {
    case .value(let value): try value.write(to: &writer, depthMax: depthMax)
    case .box(let box):
      switch box.content {
      case .nothing: try writer.map(count: 0)
      case .single(let part): try part.write(to: &writer, depthMax: depthMax)
      case .array(let parts):
        try Self.check(depthMax, writer)
        try writer.array(count: parts.count)
        for part in parts { try part.write(to: &writer, depthMax: depthMax - 1) }
      case .map(let parts):
        try Self.check(depthMax, writer)
        try writer.map(count: parts.count)
        for part in parts.sorted(by: { $0.key < $1.key }) {
          switch part.key {
          case .number(let number): try writer.integer(number)
          case .name(let name): try writer.string(name)
          }
          try part.value.write(to: &writer, depthMax: depthMax - 1)
        }
      case .conflict:
        throw EncodingError.invalidValue(
          box.type,
          .init(codingPath: [], debugDescription: "\(box.type) encodes itself in two ways"))
      }
    }
  }

  private static func check(_ depthMax: Int, _ writer: MessagePackWriter) throws {
    guard depthMax > 0 else {
      throw MessagePackError(.limitExceeded, at: writer.buffer.readableBytes)
    }
  }
}
