import Godwit
import GodwitWire
import NIOCore

/// Reads a frame: a map with text for keys. What a reader does not know it passes over.
struct FrameFields {
  private var reader: MessagePackReader
  private var left: Int

  /// - Throws: `decodingFailed` when it is no map.
  init(_ frame: ByteBuffer) throws(GodwitError) {
    var reader = MessagePackReader(frame)
    let token = try Self.reading { () throws(MessagePackError) in try reader.next() }
    guard case .map(let count) = token else {
      throw GodwitError(.decodingFailed, "a frame that is no map, but \(token.kind)")
    }
    self.reader = reader
    self.left = count
  }

  /// The next key; its value is to be read or skipped next. Empty for keys that are no text.
  mutating func nextKey() throws(GodwitError) -> String? {
    guard self.left > 0 else { return nil }
    self.left -= 1
    switch try self.next() {
    case .string(let bytes): return String(buffer: bytes)
    case .array, .map:
      throw GodwitError(.decodingFailed, "a frame with a key that is no text")
    default: return ""
    }
  }

  /// Text; nothing where there is nil.
  mutating func text() throws(GodwitError) -> String {
    switch try self.next() {
    case .nil: return ""
    case .string(let bytes), .binary(let bytes):
      guard let text = String(validating: bytes.readableBytesView, as: UTF8.self) else {
        throw GodwitError(.decodingFailed, "a frame with text that is not UTF-8")
      }
      return text
    case let token: throw GodwitError(.decodingFailed, "\(token.kind) in place of text")
    }
  }

  /// Bytes, or text as bytes; none where there is nil.
  mutating func bytes() throws(GodwitError) -> ByteBuffer {
    switch try self.next() {
    case .nil: return ByteBuffer()
    case .string(let bytes), .binary(let bytes): return bytes
    case let token: throw GodwitError(.decodingFailed, "\(token.kind) in place of bytes")
    }
  }

  /// A whole number that is not negative.
  mutating func count() throws(GodwitError) -> Int {
    switch try self.next() {
    case .integer(let number) where number >= 0: return Int(number)
    case let token: throw GodwitError(.decodingFailed, "\(token.kind) in place of a count")
    }
  }

  /// A truth value; false where there is nil.
  mutating func flag() throws(GodwitError) -> Bool {
    switch try self.next() {
    case .bool(let flag): return flag
    case .nil: return false
    case let token: throw GodwitError(.decodingFailed, "\(token.kind) in place of a truth value")
    }
  }

  /// A list of texts, at most `countMax`.
  mutating func texts(countMax: Int) throws(GodwitError) -> [String] {
    switch try self.next() {
    case .nil: return []
    case .array(let count) where count <= countMax:
      var texts: [String] = []
      for _ in 0..<count { texts.append(try self.text()) }
      return texts
    case let token: throw GodwitError(.decodingFailed, "\(token.kind) in place of a list of texts")
    }
  }

  /// Passes over a value.
  mutating func skip() throws(GodwitError) {
    var reader = self.reader
    try Self.reading { () throws(MessagePackError) in
      try reader.skip(depthMax: 16, valuesMax: 4_096)
    }
    self.reader = reader
  }

  private mutating func next() throws(GodwitError) -> MessagePackToken {
    do throws(MessagePackError) {
      return try self.reader.next()
    } catch {
      throw GodwitError(.decodingFailed, "a frame that is no MessagePack", cause: error)
    }
  }

  private static func reading<Result>(
    _ body: () throws(MessagePackError) -> Result
  ) throws(GodwitError) -> Result {
    do throws(MessagePackError) {
      return try body()
    } catch {
      throw GodwitError(.decodingFailed, "a frame that is no MessagePack", cause: error)
    }
  }
}
