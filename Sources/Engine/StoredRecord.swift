public import NIOCore

/// A record's form in a log's file: fixed fields, the name of the sender's protocol, the bytes of
/// topic, properties and payload, and the metadata of what the engine itself sent. All numbers are
/// big-endian; `docs/storage.md` has the layout.
extension Record {
  fileprivate static var fixedBytes: Int { 36 }

  /// How many bytes `store` writes.
  public func storedBytes(_ engine: Engine) -> Int {
    Self.fixedBytes + engine.name(of: self.origin).utf8.count + self.contents.readableBytes
      + (self.metadata?.storedBytes ?? 0)
  }

  /// What precedes a record's contents.
  fileprivate struct Head {
    let origin: String
    let nativeForm: UInt8
    let quality: Publication.Quality
    let isRetained: Bool
    let hasMetadata: Bool
    let receivedAt: Int64
    let expiresAt: Int64
    let topicCount: Int
    let nativeCount: Int
    let payload: Range<Int>

    /// How many bytes `write` writes.
    var byteCount: Int { Record.fixedBytes + min(self.origin.utf8.count, 255) }

    /// Writes it at the start of memory that has room for it.
    ///
    /// - Returns: how many bytes it has.
    func write(to target: UnsafeMutableRawBufferPointer) -> Int {
      var flags = self.quality.rawValue << 1
      if self.isRetained { flags |= 1 }
      if self.hasMetadata { flags |= 8 }
      var origin = self.origin
      return origin.withUTF8 { origin in
        let count = min(origin.count, 255)
        func put(_ number: some FixedWidthInteger, at place: Int) {
          target.storeBytes(of: number.bigEndian, toByteOffset: place, as: type(of: number))
        }
        target[0] = flags
        target[1] = self.nativeForm
        target[2] = UInt8(truncatingIfNeeded: count)
        target[3] = 0
        put(self.receivedAt, at: 4)
        put(self.expiresAt, at: 12)
        put(UInt32(truncatingIfNeeded: self.topicCount), at: 20)
        put(UInt32(truncatingIfNeeded: self.nativeCount), at: 24)
        put(UInt32(truncatingIfNeeded: self.payload.lowerBound), at: 28)
        put(UInt32(truncatingIfNeeded: self.payload.count), at: 32)
        for index in 0..<count { target[Record.fixedBytes + index] = origin[index] }
        return Record.fixedBytes + count
      }
    }
  }

  /// Writes the stored form.
  public func store(into buffer: inout ByteBuffer, _ engine: Engine) {
    let head = Head(
      origin: engine.name(of: self.origin), nativeForm: self.nativeForm, quality: self.quality,
      isRetained: self.isRetained, hasMetadata: self.metadata != nil,
      receivedAt: self.receivedAt, expiresAt: self.expiresAt, topicCount: self.topicCount,
      nativeCount: self.native.count, payload: self.payload)
    buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: head.byteCount) {
      head.write(to: $0)
    }
    buffer.writeImmutableBuffer(self.contents)
    self.metadata?.store(into: &buffer)
  }

  /// A record of its stored form: what `store` wrote, nothing more and nothing less.
  ///
  /// - Returns: `nil` when the bytes are no record.
  public static func stored(_ stored: ByteBuffer, _ engine: Engine) -> Record? {
    self.stored(stored, in: 0..<stored.readableBytes, engine, isShared: false)
  }

  /// The same of a part of `block`, whose memory it shares.
  ///
  /// - Parameter range: which of the readable bytes.
  public static func stored(
    in block: ByteBuffer, _ range: Range<Int>, _ engine: Engine
  ) -> Record? {
    self.stored(block, in: range, engine, isShared: true)
  }

  @inline(__always)
  private static func stored(
    _ bytes: ByteBuffer, in range: Range<Int>, _ engine: Engine, isShared: Bool
  ) -> Record? {
    let fixed = bytes.withUnsafeReadableBytes { bytes in
      range.upperBound <= bytes.count
        ? Fixed(UnsafeRawBufferPointer(rebasing: bytes[range]), engine) : nil
    }
    guard let fixed, fixed.contentStart + fixed.contentCount <= range.count,
      let contents = bytes.getSlice(
        at: bytes.readerIndex + range.lowerBound + fixed.contentStart,
        length: fixed.contentCount)
    else { return nil }
    var metadata: Metadata?
    let end = range.lowerBound + fixed.contentStart + fixed.contentCount
    if fixed.flags & 8 != 0 {
      var rest = bytes
      rest.moveWriterIndex(to: bytes.readerIndex + range.upperBound)
      rest.moveReaderIndex(forwardBy: end)
      metadata = Metadata.stored(&rest)
      guard metadata != nil, rest.readableBytes == 0 else { return nil }
    } else {
      guard end == range.upperBound else { return nil }
    }
    return Record(
      origin: fixed.origin, nativeForm: fixed.nativeForm, quality: fixed.quality,
      isRetained: fixed.flags & 1 != 0, receivedAt: fixed.receivedAt,
      expiresAt: fixed.expiresAt, metadata: metadata, contents: contents, isShared: isShared,
      topicCount: fixed.native.lowerBound, native: fixed.native, payload: fixed.payload)
  }

  /// The same that `Head` writes, read all at once: this is the message path, too.
  private struct Fixed {
    let flags: UInt8
    let nativeForm: UInt8
    let quality: Publication.Quality
    let origin: Origin
    let receivedAt: Int64
    let expiresAt: Int64
    let native: Range<Int>
    let payload: Range<Int>
    let contentStart: Int

    /// Up to where topic, properties and payload go, from `contentStart` on.
    var contentCount: Int { max(self.native.upperBound, self.payload.upperBound) }

    init?(_ bytes: UnsafeRawBufferPointer, _ engine: Engine) {
      guard bytes.count >= Record.fixedBytes else { return nil }
      func number<Number: FixedWidthInteger>(_ place: Int, as type: Number.Type) -> Number {
        Number(bigEndian: bytes.loadUnaligned(fromByteOffset: place, as: type))
      }
      func count(_ place: Int) -> Int { Int(number(place, as: UInt32.self)) }
      let originEnd = Record.fixedBytes + Int(bytes[2])
      self.flags = bytes[0]
      self.nativeForm = bytes[1]
      self.receivedAt = number(4, as: Int64.self)
      self.expiresAt = number(12, as: Int64.self)
      self.native = count(20)..<count(20) + count(24)
      self.payload = count(28)..<count(28) + count(32)
      self.contentStart = originEnd
      guard self.flags & 0xF0 == 0, originEnd <= bytes.count,
        let quality = Publication.Quality(rawValue: self.flags >> 1 & 3),
        self.payload.lowerBound >= self.native.lowerBound
      else { return nil }
      self.quality = quality
      self.origin = engine.origin(
        named: UnsafeRawBufferPointer(rebasing: bytes[Record.fixedBytes..<originEnd]))
    }
  }
}

extension Publication {
  /// How many bytes `store` writes.
  public func storedBytes(_ engine: Engine) -> Int {
    Record.fixedBytes + engine.name(of: self.origin).utf8.count + self.contentBytes
      + (self.ownMetadata?.storedBytes ?? 0)
  }

  /// What topic, properties and payload take in a record.
  var contentBytes: Int {
    self.topic.count + self.native.count + (self.payloadOffset == nil ? self.payload.count : 0)
  }

  private var ownMetadata: Metadata? { self.origin == .engine ? self.cold?.metadata : nil }

  /// Writes the stored form of the record that would be made of the message now.
  public func store(into buffer: inout ByteBuffer, expiresAt: Int64, _ engine: Engine) {
    let inside = self.payloadOffset
    let metadata = self.ownMetadata
    let start = self.topic.count + (inside ?? self.native.count)
    let head = Record.Head(
      origin: engine.name(of: self.origin), nativeForm: self.nativeForm, quality: self.quality,
      isRetained: self.isRetained, hasMetadata: metadata != nil, receivedAt: engine.now,
      expiresAt: expiresAt, topicCount: self.topic.count, nativeCount: self.native.count,
      payload: start..<start + self.payload.count)
    // All at once: this is the message path.
    let contentBytes = self.contentBytes
    let count = head.byteCount + contentBytes
    buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { target in
      let headBytes = head.write(to: target)
      guard let base = target.baseAddress else { return 0 }
      var place = base + headBytes
      func put(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        place.copyMemory(from: source, byteCount: bytes.count)
        place += bytes.count
      }
      put(self.topic)
      put(self.native)
      if inside == nil { put(self.payload) }
      return headBytes + contentBytes
    }
    metadata?.store(into: &buffer)
  }
}

extension Metadata {
  private var fields: [[UInt8]?] {
    [self.replyTopic, self.correlation, self.contentType, self.messageID, self.key]
  }

  fileprivate var storedBytes: Int {
    self.fields.reduce(1 + 9 + 4) { $0 + 1 + ($1.map { $0.count + 4 } ?? 0) }
      + self.headers.reduce(0) { $0 + 8 + $1.name.count + $1.value.count }
  }

  fileprivate func store(into buffer: inout ByteBuffer) {
    for field in self.fields {
      buffer.writeInteger(UInt8(field == nil ? 0 : 1))
      if let field { Self.write(field, to: &buffer) }
    }
    buffer.writeInteger(self.payloadIsText.map { $0 ? UInt8(2) : 1 } ?? 0)
    buffer.writeInteger(UInt8(self.sentAt == nil ? 0 : 1))
    buffer.writeInteger(self.sentAt ?? 0)
    buffer.writeInteger(UInt32(truncatingIfNeeded: self.headers.count))
    for header in self.headers {
      Self.write(header.name, to: &buffer)
      Self.write(header.value, to: &buffer)
    }
  }

  private static func write(_ bytes: [UInt8], to buffer: inout ByteBuffer) {
    buffer.writeInteger(UInt32(truncatingIfNeeded: bytes.count))
    buffer.writeBytes(bytes)
  }

  private static func read(_ buffer: inout ByteBuffer) -> [UInt8]? {
    buffer.readInteger(as: UInt32.self).flatMap { buffer.readBytes(length: Int($0)) }
  }

  fileprivate static func stored(_ buffer: inout ByteBuffer) -> Metadata? {
    var fields: [[UInt8]?] = []
    for _ in 0..<5 {
      guard let isThere = buffer.readInteger(as: UInt8.self) else { return nil }
      guard isThere != 0 else {
        fields.append(nil)
        continue
      }
      guard let field = Self.read(&buffer) else { return nil }
      fields.append(field)
    }
    guard
      let (text, hasTime, time, headers) = buffer.readMultipleIntegers(
        as: (UInt8, UInt8, Int64, UInt32).self),
      Int(headers) <= buffer.readableBytes / 8
    else { return nil }
    var metadata = Metadata()
    metadata.replyTopic = fields[0]
    metadata.correlation = fields[1]
    metadata.contentType = fields[2]
    metadata.messageID = fields[3]
    metadata.key = fields[4]
    metadata.payloadIsText = text == 0 ? nil : text == 2
    metadata.sentAt = hasTime == 0 ? nil : time
    for _ in 0..<headers {
      guard let name = Self.read(&buffer), let value = Self.read(&buffer) else { return nil }
      metadata.headers.append(Header(name: name, value: value))
    }
    return metadata
  }
}
