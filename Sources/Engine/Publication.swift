public import NIOCore

/// One message on its way to its receivers.
///
/// The pointers see the sender's read buffer, or a stored record, and are valid only during the
/// call that hands the publication out. What must last becomes a `Record`. A publication is passed
/// `inout` so that what one receiver computed (a converted envelope, an encoded frame) serves the
/// next.
public struct Publication {
  /// How sure the sender wants to be, in MQTT's steps (MQTT 5.0, 4.3).
  public enum Quality: UInt8, Hashable, Sendable, Comparable {
    /// Delivered if somebody is there (NATS core, MQTT QoS 0).
    case atMostOnce = 0
    /// Acknowledged by whoever stored it.
    case atLeastOnce = 1
    /// Acknowledged, and never delivered twice.
    case exactlyOnce = 2

    /// Whether the left is the weaker promise.
    @inlinable public static func < (left: Self, right: Self) -> Bool {
      left.rawValue < right.rawValue
    }
  }

  /// The canonical topic.
  public var topic: UnsafeRawBufferPointer
  /// The body.
  public var payload: UnsafeRawBufferPointer
  /// The sender's protocol.
  public var origin: Origin
  /// What only the sender's protocol can read: its raw properties, or its whole frame after the
  /// topic. May contain `payload`.
  public var native: UnsafeRawBufferPointer
  /// A small number that the sender's protocol gives `native` to tell its forms apart.
  public var nativeForm: UInt8 = 0
  /// What the sender asked for.
  public var quality: Quality
  /// Whether the sender asked for the message to be kept as the topic's last value.
  public var isRetained = false
  /// When the message ends its life, in the engine's clock; 0 means never.
  public var expiresAt: Int64 = 0
  /// The number of the subscriber that sent it, for receivers that do not want their own messages
  /// back; 0 where none did.
  public var publisherID: UInt64 = 0
  /// Bytes that receivers of one kind share, and what kind they are of (0 means none).
  public var frame: UnsafeRawBufferPointer = .init(start: nil, count: 0)
  /// Which kind `frame` is of: the front end's number and its own variant.
  public var frameKind: UInt32 = 0
  @usableFromInline var cold: Cold?
  /// The stream that kept it first, and where: mostly the only capture there is. It needs no memory
  /// of its own. The others are in `cold`.
  @usableFromInline var keeper: Stream?
  @usableFromInline var keptAt: UInt64 = 0

  @usableFromInline final class Cold {
    @usableFromInline var metadata: Metadata?
    @usableFromInline var record: Record?
    @usableFromInline var frames: [(kind: UInt32, bytes: ByteBuffer)] = []
    @usableFromInline var captures = Captures()
    @usableFromInline var receipts: [Receipt] = []
    @usableFromInline var refusal: EngineError?
    var queueEntry: QueueEntry?
    @usableFromInline init() {}
  }

  /// A publication over bytes that outlive the call.
  @inlinable
  public init(
    topic: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer, origin: Origin,
    native: UnsafeRawBufferPointer, quality: Quality
  ) {
    self.topic = topic
    self.payload = payload
    self.origin = origin
    self.native = native
    self.quality = quality
  }

  /// The common metadata, read from the sender's properties once.
  public mutating func metadata(_ engine: Engine) -> Metadata {
    if let known = self.cold?.metadata { return known }
    let metadata = engine.reader(for: self.origin)?.metadata(of: self) ?? Metadata()
    self.ensureCold().metadata = metadata
    engine.counters.droppedProperties &+= UInt64(truncatingIfNeeded: metadata.dropped)
    return metadata
  }

  /// Sets the metadata where the engine or an admin call is the sender.
  public mutating func setMetadata(_ metadata: Metadata) {
    self.ensureCold().metadata = metadata
  }

  /// A copy that lasts, made once and shared by all who keep it.
  public mutating func record(_ engine: Engine) -> Record {
    if let known = self.cold?.record { return known }
    let metadata = self.origin == .engine ? self.cold?.metadata : nil
    let record = Record(copying: self, now: engine.now, metadata: metadata)
    self.ensureCold().record = record
    return record
  }

  /// The copy that lasts, where one was made and ends its life at that time.
  func keptRecord(expiresAt: Int64) -> Record? {
    guard let record = self.cold?.record, record.expiresAt == expiresAt else { return nil }
    return record
  }

  /// Whether the payload lies within what only the sender's protocol can read, and where.
  var payloadOffset: Int? { Record.offset(of: self.payload, in: self.native) }

  /// A copy that lasts, as `record`, with an end that may be its own.
  mutating func record(_ engine: Engine, expiresAt: Int64) -> Record {
    guard expiresAt != self.expiresAt else { return self.record(engine) }
    var copy = self
    copy.expiresAt = expiresAt
    let metadata = self.origin == .engine ? self.cold?.metadata : nil
    return Record(copying: copy, now: engine.now, metadata: metadata)
  }

  /// What the streams and partitioned topics that capture the topic have made of the message, once
  /// it is published. None where nobody does, which costs nothing.
  public var captures: Captures {
    guard let keeper = self.keeper else { return self.cold?.captures ?? Captures() }
    var captures = Captures()
    captures.append(Capture(stream: keeper, result: .stored(self.keptAt)))
    for other in self.cold?.captures ?? Captures() { captures.append(other) }
    return captures
  }

  /// Whether anybody captured it.
  @inlinable public var isCaptured: Bool {
    self.keeper != nil || !(self.cold?.captures.isEmpty ?? true)
  }

  /// The stream that keeps the message, where one does and nobody else was asked to capture it, and
  /// the offset that it will have there.
  @inlinable public var onlyKept: (stream: Stream, offset: UInt64)? {
    guard let keeper = self.keeper, self.cold?.captures.isEmpty ?? true else { return nil }
    return (keeper, self.keptAt)
  }

  /// Whether anybody has been asked to keep the message so that it lasts, or could not.
  @inlinable public var isKept: Bool {
    if self.keeper != nil { return true }
    guard let cold = self.cold else { return false }
    return !cold.captures.isEmpty || !cold.receipts.isEmpty || cold.refusal != nil
  }

  /// Who keeps the message, for its acknowledgement to wait for, once it is published.
  public var kept: Kept {
    Kept(
      captures: self.captures, receipts: self.cold?.receipts ?? [], failure: self.cold?.refusal)
  }

  /// Has the message's acknowledgement wait for something.
  public mutating func add(_ receipt: Receipt?) {
    if let receipt { self.ensureCold().receipts.append(receipt) }
  }

  /// Notes that somebody who should have kept the message could not.
  mutating func noteRefusal(_ error: EngineError) {
    let cold = self.ensureCold()
    cold.refusal = cold.refusal ?? error
  }

  /// The message's place in the log of queues, made by `make` for the first that wants it.
  mutating func queueEntry(_ make: () -> QueueEntry) -> QueueEntry {
    let cold = self.ensureCold()
    if let known = cold.queueEntry, !known.isSealed { return known }
    let made = make()
    cold.queueEntry = made
    cold.receipts.append(Receipt { made.whenCommitted($0) })
    return made
  }

  /// Hands the message to a stream.
  mutating func capture(_ stream: Stream) {
    let result = stream.append(&self)
    if case .stored(let offset) = result, !self.isCaptured {
      self.keeper = stream
      self.keptAt = offset
    } else {
      self.add(Capture(stream: stream, result: result))
    }
  }

  /// Notes what somebody made of the message.
  mutating func add(_ capture: Capture) { self.ensureCold().captures.append(capture) }

  /// The same message under another topic.
  func copy(to topic: UnsafeRawBufferPointer) -> Publication {
    var copy = self
    copy.topic = topic
    let cold = Cold()
    cold.metadata = self.cold?.metadata
    copy.cold = cold
    copy.keeper = nil
    return copy
  }

  /// Hands in the record that this publication was made from.
  mutating func setRecord(_ record: Record) {
    let cold = self.ensureCold()
    cold.record = record
    if let metadata = record.metadata { cold.metadata = metadata }
  }

  /// The bytes that receivers of `kind` share, built once per message by `build`.
  ///
  /// For the cold ways between protocols. Receivers of the sender's own protocol use `frame`.
  public mutating func sharedFrame(
    kind: UInt32, _ build: (inout Publication) -> ByteBuffer
  ) -> ByteBuffer {
    if let known = self.cold?.frames.first(where: { $0.kind == kind }) { return known.bytes }
    let bytes = build(&self)
    self.ensureCold().frames.append((kind, bytes))
    return bytes
  }

  private mutating func ensureCold() -> Cold {
    if let cold = self.cold { return cold }
    let cold = Cold()
    self.cold = cold
    return cold
  }
}
