import Godwit
import GodwitWire
import NIOCore

/// What a receiver answers a handshake with, and, between peers of this kind, later: more credit,
/// or that it will not read on.
struct Acknowledgement: Hashable, Sendable {
  /// The most bytes of one that is read.
  static let bytesMax = 8 << 10

  /// Where the stream is to go; empty where it has nowhere to go. The original's only field.
  var dataSubject = ""
  /// 0 for the original.
  var version = 0
  /// Whether somebody is bound to the event. Always, as far as the original tells.
  var isBound = true
  /// How many bytes of the stream there is room for, from its beginning.
  var credit: Int?
  /// The largest chunk that is taken, in bytes.
  var chunkBytesMax: Int?
  /// Why the stream is not wanted, or no longer.
  var error = ""

  init(dataSubject: String) {
    self.dataSubject = dataSubject
  }

  /// Of a peer of this kind.
  init(
    dataSubject: String, isBound: Bool = true, credit: Int? = nil, chunkBytesMax: Int? = nil,
    error: String = ""
  ) {
    self.dataSubject = dataSubject
    self.version = Handshake.ownVersion
    self.isBound = isBound
    self.credit = credit
    self.chunkBytesMax = chunkBytesMax
    self.error = error
  }

  /// The frame. What does not fit into one is cut short.
  func frame() -> ByteBuffer {
    var writer = MessagePackWriter(bytesMax: Self.bytesMax, capacity: 128)
    do throws(MessagePackError) {
      let others = [self.credit != nil, self.chunkBytesMax != nil, !self.error.isEmpty]
      try writer.map(
        count: self.version == 0 ? 1 : 3 + others.count { $0 })
      try writer.string("dataSubject")
      try writer.string(self.dataSubject)
      guard self.version != 0 else { return writer.buffer }
      try writer.string("v")
      try writer.integer(Int64(self.version))
      try writer.string("bound")
      try writer.bool(self.isBound)
      if let credit = self.credit {
        try writer.string("credit")
        try writer.integer(Int64(credit))
      }
      if let chunkBytesMax = self.chunkBytesMax {
        try writer.string("chunk")
        try writer.integer(Int64(chunkBytesMax))
      }
      if !self.error.isEmpty {
        try writer.string("error")
        try writer.string(ConduitChunk.shortened(self.error))
      }
    } catch {
      // Data subjects are our own and errors are shortened: it fits.
      return ByteBuffer()
    }
    return writer.buffer
  }

  /// - Throws: `decodingFailed`, `tooLarge`.
  init(_ frame: ByteBuffer) throws(GodwitError) {
    guard frame.readableBytes <= Self.bytesMax else {
      throw GodwitError(.tooLarge, "an acknowledgement of \(frame.readableBytes) bytes")
    }
    var fields = try FrameFields(frame)
    while let key = try fields.nextKey() {
      switch key {
      case "dataSubject": self.dataSubject = try fields.text()
      case "v": self.version = try fields.count()
      case "bound": self.isBound = try fields.flag()
      case "credit": self.credit = try fields.count()
      case "chunk": self.chunkBytesMax = try fields.count()
      case "error": self.error = try fields.text()
      default: try fields.skip()
      }
    }
  }
}
