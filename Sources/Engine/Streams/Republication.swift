import GodwitPrimitives

/// What a stream publishes again when it has kept it.
public struct RepublishSettings: Hashable, Sendable {
  /// Which topics, and under which others.
  public var transform: TopicTransform
  /// Whether the payload stays away.
  public var withoutPayload: Bool

  /// Settings.
  public init(transform: TopicTransform, withoutPayload: Bool = false) {
    self.transform = transform
    self.withoutPayload = withoutPayload
  }
}

/// A record that a stream publishes again.
public struct Republication {
  /// The stream.
  public let stream: Stream
  /// The record.
  public let record: Record
  /// The record's offset.
  public let offset: UInt64
  /// The offset after that of the topic's record before it; 0 where there was none.
  public let previousEnd: UInt64
  /// The topic to publish to.
  public let topic: [UInt8]
  /// Whether the payload is to stay away.
  public let withoutPayload: Bool
}

/// What a protocol adds to what streams send by themselves: its own header names. Without one they
/// send what they have, unadorned.
public protocol StreamVoice: AnyObject {
  /// Publishes a record again, with `tenant.publish`.
  func republish(_ republication: Republication, _ tenant: Tenant)

  /// Puts a message into the form in which a stream with `StreamSettings.isPrepared` keeps it.
  ///
  /// - Parameter keep: keeps what it is given; to be called once, unless the message is refused.
  func keep(
    _ publication: inout Publication, in stream: Stream,
    _ keep: (inout Publication) -> Capture.Result
  ) -> Capture.Result

  /// Sends on a record whose time has come, with `Stream.append(_:sentOnFrom:next:)`.
  func send(_ due: DueRecord, in stream: Stream) -> Capture.Result

  /// The metadata of the record that stands for a topic whose last record has gone of age.
  func markerMetadata(of stream: Stream) -> Metadata
}

extension StreamVoice {
  /// Keeps messages as they are.
  public func keep(
    _ publication: inout Publication, in stream: Stream,
    _ keep: (inout Publication) -> Capture.Result
  ) -> Capture.Result {
    keep(&publication)
  }

  /// Sends nothing: the protocol has no schedules.
  public func send(_ due: DueRecord, in stream: Stream) -> Capture.Result {
    .refused(.notPrepared(0))
  }
}

extension Stream {
  /// Marks a record that stands for a topic whose last record has gone.
  private static var markerForm: UInt8 { 1 }

  /// So often in a row a message is published again: streams may do so in a circle.
  private static var republicationsMax: Int { 16 }

  /// Publishes a record again, when the publish that is under way is over.
  func republish(_ append: PendingAppend) {
    let count = append.republications + 1
    guard count <= Self.republicationsMax, let settings = self.settings.republish,
      let topic = append.entry.pattern.bytes.withUnsafeBytes({ settings.transform.apply(to: $0) }),
      let record = self.log.record(at: append.offset)
    else { return }
    let republication = Republication(
      stream: self, record: record, offset: append.offset,
      previousEnd: append.previous.map { $0 + 1 } ?? 0, topic: topic,
      withoutPayload: settings.withoutPayload)
    self.engine.whenQuiet {
      let before = self.engine.republications
      self.engine.republications = count
      defer { self.engine.republications = before }
      if let voice = self.tenant.streams.voice {
        voice.republish(republication, self.tenant)
      } else {
        republication.publish(self.tenant)
      }
    }
  }

  /// Whether a record stands for a topic whose last record has gone.
  public static func isMarker(_ record: Record) -> Bool {
    record.origin == .engine && record.nativeForm == Self.markerForm
  }

  /// Keeps a mark for the topic of a record that has gone of age, where the stream does so and the
  /// topic has no other record.
  func mark(_ record: Record) {
    guard self.settings.markerLife > 0, !Self.isMarker(record) else { return }
    let topic = record.topic
    guard topic.withUnsafeBytes({ self.index.entry(of: $0) }) == nil else { return }
    let metadata = self.tenant.streams.voice?.markerMetadata(of: self) ?? Metadata()
    topic.withUnsafeBytes { topic in
      var publication = Publication(
        topic: topic, payload: UnsafeRawBufferPointer(start: nil, count: 0), origin: .engine,
        native: UnsafeRawBufferPointer(start: nil, count: 0), quality: .atLeastOnce)
      publication.nativeForm = Self.markerForm
      publication.expiresAt = self.engine.now.addingClamped(self.settings.markerLife)
      publication.setMetadata(metadata)
      _ = self.append(&publication)
    }
  }
}

extension Republication {
  /// Publishes the record under its new topic, as it is.
  func publish(_ tenant: Tenant) {
    self.topic.withUnsafeBytes { topic in
      self.record.withPublication { publication in
        var copy = publication.copy(to: topic)
        if self.withoutPayload {
          copy.setMetadata(publication.metadata(tenant.engine))
          copy.origin = .engine
          copy.native = UnsafeRawBufferPointer(start: nil, count: 0)
          copy.payload = UnsafeRawBufferPointer(start: nil, count: 0)
        }
        var memo: Route?
        tenant.publish(&copy, memo: &memo)
      }
    }
  }
}
