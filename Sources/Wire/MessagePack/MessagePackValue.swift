public import NIOCore

/// Any MessagePack document, as a tree.
public enum MessagePackValue: Hashable, Sendable {
  /// Nothing.
  case `nil`
  /// A truth value.
  case bool(Bool)
  /// A whole number that fits 64 bits with a sign.
  case integer(Int64)
  /// A whole number above `Int64.max`.
  case unsigned(UInt64)
  /// A number of single precision.
  case float(Float)
  /// A number of double precision.
  case double(Double)
  /// Text.
  case string(String)
  /// Bytes.
  case binary(ByteBuffer)
  /// An ordered list.
  case array([Self])
  /// Pairs in the order they were written; nothing forbids a key twice.
  case map([Pair])
  /// A moment.
  case timestamp(MessagePackTimestamp)
  /// A value of any other extension type.
  case ext(type: Int8, data: ByteBuffer)

  /// A key and its value.
  public struct Pair: Hashable, Sendable {
    /// The key: any value.
    public var key: MessagePackValue
    /// What it stands for.
    public var value: MessagePackValue

    /// A pair.
    public init(_ key: MessagePackValue, _ value: MessagePackValue) {
      self.key = key
      self.value = value
    }
  }

  /// Reads one whole document.
  ///
  /// - Throws: `MessagePackError` when the bytes are none, or more, or break a limit.
  public init(
    reading buffer: ByteBuffer, limits: MessagePackLimits = .defaults
  ) throws(MessagePackError) {
    // Bounds the recursion below.
    try MessagePackReader.validate(buffer, limits: limits)
    var reader = MessagePackReader(buffer)
    self = try Self(&reader)
  }

  /// Reads one value.
  private init(_ reader: inout MessagePackReader) throws(MessagePackError) {
    let at = reader.offset
    switch try reader.next() {
    case .nil: self = .nil
    case .bool(let flag): self = .bool(flag)
    case .integer(let number): self = .integer(number)
    case .unsigned(let number): self = .unsigned(number)
    case .float(let number): self = .float(number)
    case .double(let number): self = .double(number)
    case .binary(let bytes): self = .binary(bytes)
    case .string(let bytes):
      guard let text = String(validating: bytes.readableBytesView, as: UTF8.self) else {
        throw MessagePackError(.invalidString, at: at)
      }
      self = .string(text)
    case .array(let count):
      var elements: [Self] = []
      for _ in 0..<count { elements.append(try Self(&reader)) }
      self = .array(elements)
    case .map(let count):
      var pairs: [Pair] = []
      for _ in 0..<count {
        let key = try Self(&reader)
        pairs.append(Pair(key, try Self(&reader)))
      }
      self = .map(pairs)
    case .ext(MessagePackTimestamp.extensionType, let data):
      guard let timestamp = MessagePackTimestamp(data: data) else {
        throw MessagePackError(.invalidTimestamp, at: at)
      }
      self = .timestamp(timestamp)
    case .ext(let type, let data): self = .ext(type: type, data: data)
    }
  }

  /// Writes the document.
  ///
  /// - Throws: `limitExceeded`. A value nested more deeply than `depthMax` is not written.
  public func write(
    to writer: inout MessagePackWriter, depthMax: Int = MessagePackLimits.defaults.depthMax
  ) throws(MessagePackError) {
    switch self {
    case .nil: try writer.nil()
    case .bool(let flag): try writer.bool(flag)
    case .integer(let number): try writer.integer(number)
    case .unsigned(let number): try writer.unsigned(number)
    case .float(let number): try writer.float(number)
    case .double(let number): try writer.double(number)
    case .string(let text): try writer.string(text)
    case .binary(let bytes): try writer.binary(bytes)
    case .timestamp(let timestamp): try writer.timestamp(timestamp)
    case .ext(let type, let data): try writer.ext(type: type, data: data)
    case .array(let elements):
      try Self.check(depthMax, writer)
      try writer.array(count: elements.count)
      for element in elements { try element.write(to: &writer, depthMax: depthMax - 1) }
    case .map(let pairs):
      try Self.check(depthMax, writer)
      try writer.map(count: pairs.count)
      for pair in pairs {
        try pair.key.write(to: &writer, depthMax: depthMax - 1)
        try pair.value.write(to: &writer, depthMax: depthMax - 1)
      }
    }
  }

  private static func check(
    _ depthMax: Int, _ writer: MessagePackWriter
  ) throws(MessagePackError) {
    guard depthMax > 0 else {
      throw MessagePackError(.limitExceeded, at: writer.buffer.readableBytes)
    }
  }
}
