import GodwitPrimitives

/// A topic whose records are spread over several logs: each keeps its own order. Whoever
/// publishes to the canonical topic, by whatever protocol, adds a record to one of them.
public final class PartitionedTopic {
  /// What the topic is, and how long its records stay.
  public internal(set) var settings: PartitionedTopicSettings
  /// Whose topic it is.
  public unowned let tenant: Tenant
  /// When it was made, in the engine's clock.
  public let createdAt: Int64
  /// The logs, by their numbers; none once the topic is deleted.
  public internal(set) var partitions: [Partition] = []
  /// Whether it was deleted.
  public internal(set) var isDeleted = false

  let turns = ChangeTurns()
  private var capturing: PartitionedTopicCapture?
  /// Which partition gets what has no key, and how much it has got.
  private var current = 0
  private var currentBytes = 0
  private var isPublishingElsewhere = false
  /// The loop of its first partition; the others have those that follow. See `PartitionLoops`.
  let firstLoop: Int

  /// So many bytes without a key go to one partition before the next has its turn: readers' fetches
  /// and the disk's writes stay large.
  private static var stickyBytes: Int { 16_384 }

  init(settings: PartitionedTopicSettings, tenant: Tenant, createdAt: Int64) {
    self.settings = settings
    self.tenant = tenant
    self.createdAt = createdAt
    self.firstLoop = Engine.loopNumber(of: settings.name)
  }

  /// The topic's name within its tenant.
  public var name: String { self.settings.name }

  /// A journal for what the protocol that made the topic knows of its records, and wants to have
  /// back. It goes with the topic.
  ///
  /// - Throws: `notFound` when the topic was deleted; else as `Store.journal(named:isKnown:)`.
  public func notes() throws(EngineError) -> any Journal {
    guard !self.isDeleted else { throw EngineError(.notFound, "the topic was deleted") }
    return try self.tenant.store.journal(named: self.notesName)
  }

  var notesName: String { "notes \(self.name)" }

  /// Calls `body` when no change of the topic is on its way to the disk, at once mostly: for who
  /// asks for one that follows from how things stand.
  public func whenSettled(_ body: @escaping () -> Void) { self.turns.whenFree(body) }

  // MARK: Capturing

  func capture() throws(EngineError) {
    self.capturing = try PartitionedTopicCapture(self)
  }

  func stopCapturing() {
    self.capturing?.end()
    self.capturing = nil
  }

  /// Whether anybody but this topic would get a message that is published to it now.
  public var hasOtherListeners: Bool {
    var memo: Route?
    return self.hasOtherListeners(memo: &memo)
  }

  /// As `hasOtherListeners`, and no more than a comparison while nothing changes.
  ///
  /// - Parameter memo: the topic's route, kept by the caller for this purpose and for
  ///   `publishElsewhere`.
  public func hasOtherListeners(memo: inout Route?) -> Bool {
    let own = self.capturing == nil ? 0 : 1
    return self.settings.topic.withUnsafeBytes {
      self.tenant.router.targetCount(of: $0, memo: &memo)
    } > own
  }

  /// Publishes to everybody but this topic: for who has appended a batch, and tells the others.
  ///
  /// - Returns: how many took it.
  @discardableResult
  public func publishElsewhere(_ publication: inout Publication, memo: inout Route?) -> Int {
    self.isPublishingElsewhere = true
    defer { self.isPublishingElsewhere = false }
    return self.tenant.publish(&publication, memo: &memo)
  }

  /// Keeps a message that was published to the topic; `nil` where it is not for the topic to keep.
  func take(_ publication: inout Publication) -> Capture? {
    guard !self.isPublishingElsewhere, !self.isDeleted else { return nil }
    let metadata = publication.metadata(self.tenant.engine)
    let partition = self.partitions[self.choose(publication, metadata.key)]
    var record = publication.record(self.tenant.engine)
    if let sentAt = metadata.sentAt,
      let time = self.tenant.partitionedTopics.time(self, sentAt), time != record.receivedAt
    {
      record = record.copy(receivedAt: time)
    }
    do {
      let offset = try partition.append(record)
      return Capture(partition: partition, result: .stored(offset))
    } catch {
      return Capture(partition: partition, result: .refused(.log(error)))
    }
  }

  private func choose(_ publication: borrowing Publication, _ key: [UInt8]?) -> Int {
    guard self.partitions.count > 1 else { return 0 }
    if let key {
      let chosen = self.tenant.partitionedTopics.choose(key, self.partitions.count)
      if self.partitions.indices.contains(chosen) { return chosen }
    }
    if self.currentBytes >= Self.stickyBytes {
      self.current = (self.current + 1) % self.partitions.count
      self.currentBytes = 0
    }
    self.currentBytes += publication.payload.count + 64
    return self.current
  }
}

/// A topic's place in the router.
final class PartitionedTopicCapture: Subscriber {
  private unowned let topic: PartitionedTopic
  private var subscription: Subscription?

  init(_ topic: PartitionedTopic) throws(EngineError) {
    self.topic = topic
    super.init(tenant: topic.tenant)
    let subscription = Subscription(
      pattern: TopicPattern(canonical: topic.settings.topic), subscriber: self)
    try self.tenant.router.subscribe(subscription)
    self.subscription = subscription
  }

  override var owner: SubscriberOwner {
    SubscriberOwner(protocolName: "topic", name: self.topic.name)
  }

  override func deliver(
    _ publication: inout Publication, to subscription: Subscription,
    prefix: UnsafeRawBufferPointer
  ) -> Bool {
    guard subscription.isActive, let capture = self.topic.take(&publication) else { return false }
    publication.add(capture)
    return true
  }

  func end() {
    if let subscription = self.subscription { self.tenant.router.unsubscribe(subscription) }
    self.subscription = nil
  }
}
