public import NIOCore

/// A message as it is kept: in a log, as a topic's last value, in a schedule.
///
/// Immutable and shared by all who hold it. Topic, properties and payload lie in one allocation.
public final class Record {
  /// The sender's protocol.
  public let origin: Origin
  /// The sender's own number for the form of `native`.
  public let nativeForm: UInt8
  /// What the sender asked for.
  public let quality: Publication.Quality
  /// Whether the sender asked for the message to be kept as the topic's last value.
  public let isRetained: Bool
  /// When the message came in, in the engine's clock.
  public let receivedAt: Int64
  /// When the message ends its life, in the engine's clock; 0 means never.
  public let expiresAt: Int64
  /// Metadata of a message that the engine itself sent.
  public let metadata: Metadata?
  /// The number of the subscriber that sent it; 0 where none did.
  public let publisherID: UInt64

  let contents: ByteBuffer
  /// Whether the memory of `contents` is others' as well, all of which the record would keep.
  let isShared: Bool
  let topicCount: Int
  let native: Range<Int>
  let payload: Range<Int>

  /// How many bytes the record takes: its buffer with the room that it has left, metadata of its
  /// own, and 336 for the two objects and their heads. A little more than was measured (glibc, 64
  /// bits).
  public var byteCount: Int {
    self.contents.storageCapacity + 336 + (self.metadata?.heldBytes ?? 0)
  }

  /// The canonical topic.
  public var topic: [UInt8] { Array(self.contents.readableBytesView.prefix(self.topicCount)) }

  /// The body, sharing the record's memory.
  public var body: ByteBuffer {
    self.contents.getSlice(
      at: self.contents.readerIndex + self.payload.lowerBound,
      length: self.payload.count) ?? ByteBuffer()
  }

  init(copying publication: borrowing Publication, now: Int64, metadata: Metadata?) {
    self.origin = publication.origin
    self.nativeForm = publication.nativeForm
    self.quality = publication.quality
    self.isRetained = publication.isRetained
    self.receivedAt = now
    self.expiresAt = publication.expiresAt
    self.metadata = metadata
    self.publisherID = publication.publisherID
    let topic = publication.topic
    let native = publication.native
    let payload = publication.payload
    var buffer = ByteBuffer()
    self.topicCount = topic.count
    let nativeStart = topic.count
    self.native = nativeStart..<nativeStart + native.count
    if let inside = Self.offset(of: payload, in: native) {
      buffer.reserveCapacity(topic.count + native.count)
      self.payload = nativeStart + inside..<nativeStart + inside + payload.count
      buffer.writeBytes(topic)
      buffer.writeBytes(native)
    } else {
      buffer.reserveCapacity(topic.count + native.count + payload.count)
      let start = nativeStart + native.count
      self.payload = start..<start + payload.count
      buffer.writeBytes(topic)
      buffer.writeBytes(native)
      buffer.writeBytes(payload)
    }
    self.contents = buffer
    self.isShared = false
  }

  /// What was kept in a file. The ranges lie within `contents`.
  init(
    origin: Origin, nativeForm: UInt8, quality: Publication.Quality, isRetained: Bool,
    receivedAt: Int64, expiresAt: Int64, metadata: Metadata?, contents: ByteBuffer,
    isShared: Bool = false, topicCount: Int, native: Range<Int>, payload: Range<Int>
  ) {
    self.origin = origin
    self.nativeForm = nativeForm
    self.quality = quality
    self.isRetained = isRetained
    self.receivedAt = receivedAt
    self.expiresAt = expiresAt
    self.metadata = metadata
    self.publisherID = 0
    self.contents = contents
    self.isShared = isShared
    self.topicCount = topicCount
    self.native = native
    self.payload = payload
  }

  /// The record for who keeps it: in memory of its own, where it shares that of a block with
  /// others, all of which it would keep.
  public var own: Record { self.isShared ? self.copied : self }

  /// The bytes of topic, properties and payload.
  public var contentBytes: Int { self.contents.readableBytes }

  /// The same record in memory of its own.
  var copied: Record {
    Record(
      origin: self.origin, nativeForm: self.nativeForm, quality: self.quality,
      isRetained: self.isRetained, receivedAt: self.receivedAt, expiresAt: self.expiresAt,
      metadata: self.metadata, contents: ByteBuffer(bytes: self.contents.readableBytesView),
      topicCount: self.topicCount, native: self.native, payload: self.payload)
  }

  /// The same record, sharing this one's memory, with another time.
  func copy(receivedAt: Int64) -> Record {
    Record(
      origin: self.origin, nativeForm: self.nativeForm, quality: self.quality,
      isRetained: self.isRetained, receivedAt: receivedAt, expiresAt: self.expiresAt,
      metadata: self.metadata, contents: self.contents, isShared: self.isShared,
      topicCount: self.topicCount, native: self.native, payload: self.payload)
  }

  /// Where `inner` lies within `outer`, when it does.
  static func offset(
    of inner: UnsafeRawBufferPointer, in outer: UnsafeRawBufferPointer
  ) -> Int? {
    guard let start = outer.baseAddress, let base = inner.baseAddress, base >= start,
      base + inner.count <= start + outer.count
    else { return nil }
    return base - start
  }

  /// The same record under another topic.
  func copy(topic: [UInt8]) -> Record {
    self.contents.withUnsafeReadableBytes { bytes in
      let rest = UnsafeRawBufferPointer(rebasing: bytes[self.topicCount...])
      var contents = ByteBuffer()
      contents.reserveCapacity(topic.count + rest.count)
      contents.writeBytes(topic)
      contents.writeBytes(rest)
      let shift = topic.count - self.topicCount
      return Record(
        origin: self.origin, nativeForm: self.nativeForm, quality: self.quality,
        isRetained: self.isRetained, receivedAt: self.receivedAt, expiresAt: self.expiresAt,
        metadata: self.metadata, contents: contents, topicCount: topic.count,
        native: self.native.lowerBound + shift..<self.native.upperBound + shift,
        payload: self.payload.lowerBound + shift..<self.payload.upperBound + shift)
    }
  }

  /// Calls `body` with the record as a publication again that no receiver shares: what one makes
  /// of it is not kept for the next.
  public func withBarePublication<Result>(_ body: (inout Publication) -> Result) -> Result {
    self.contents.withUnsafeReadableBytes { bytes in
      var publication = self.publication(bytes)
      return body(&publication)
    }
  }

  private func publication(_ bytes: UnsafeRawBufferPointer) -> Publication {
    var publication = Publication(
      topic: UnsafeRawBufferPointer(rebasing: bytes[0..<self.topicCount]),
      payload: UnsafeRawBufferPointer(rebasing: bytes[self.payload]),
      origin: self.origin,
      native: UnsafeRawBufferPointer(rebasing: bytes[self.native]),
      quality: self.quality)
    publication.nativeForm = self.nativeForm
    publication.isRetained = self.isRetained
    publication.expiresAt = self.expiresAt
    publication.publisherID = self.publisherID
    return publication
  }

  /// Calls `body` with the record as a publication again.
  public func withPublication<Result>(_ body: (inout Publication) -> Result) -> Result {
    guard !self.isShared else { return self.copied.withPublication(body) }
    return self.contents.withUnsafeReadableBytes { bytes in
      var publication = self.publication(bytes)
      publication.setRecord(self)
      return body(&publication)
    }
  }
}
