import Godwit
import GodwitWire
import NIOCore

/// A piece of a stream.
struct ConduitChunk: Hashable, Sendable {
  /// What a chunk's frame is longer than its data, at most.
  static let overheadMax = 64
  private static let errorBytesMax = 1_024

  /// Its place in the stream, from 0.
  var index: Int
  var data: ByteBuffer
  /// Whether the stream ends behind it.
  var isEnd: Bool
  /// Why the stream ends here although it is not whole; empty where it does not.
  var error: String

  init(index: Int, data: ByteBuffer = ByteBuffer(), isEnd: Bool = false, error: String = "") {
    self.index = index
    self.data = data
    self.isEnd = isEnd
    self.error = Self.shortened(error)
  }

  /// The frame, fields in the original's order, and those left out that say nothing.
  ///
  /// - Throws: `tooLarge` for gigabytes.
  func frame() throws(GodwitError) -> ByteBuffer {
    let size = self.data.readableBytes
    var writer = MessagePackWriter(
      bytesMax: Int(Int32.max), capacity: size + Self.overheadMax + self.error.utf8.count)
    do throws(MessagePackError) {
      let others = [size > 0, !self.error.isEmpty, self.isEnd]
      try writer.map(count: 1 + others.count { $0 })
      try writer.string("index")
      try writer.integer(Int64(self.index))
      if size > 0 {
        try writer.string("data")
        try writer.binary(self.data)
      }
      if !self.error.isEmpty {
        try writer.string("error")
        try writer.string(self.error)
      }
      if self.isEnd {
        try writer.string("isEof")
        try writer.bool(true)
      }
    } catch {
      throw GodwitError(.tooLarge, "a chunk of \(size) bytes", cause: error)
    }
    return writer.buffer
  }

  /// - Throws: `decodingFailed`.
  init(_ frame: ByteBuffer) throws(GodwitError) {
    self.init(index: 0)
    var fields = try FrameFields(frame)
    while let key = try fields.nextKey() {
      switch key {
      case "index": self.index = try fields.count()
      case "data": self.data = try fields.bytes()
      case "error": self.error = Self.shortened(try fields.text())
      case "isEof": self.isEnd = try fields.flag()
      default: try fields.skip()
      }
    }
  }

  /// A sentence that fits into a frame.
  static func shortened(_ text: String) -> String {
    guard text.utf8.count > self.errorBytesMax else { return text }
    var short = ""
    var size = 0
    for character in text {
      size += character.utf8.count
      guard size <= self.errorBytesMax else { break }
      short.append(character)
    }
    return short
  }
}
