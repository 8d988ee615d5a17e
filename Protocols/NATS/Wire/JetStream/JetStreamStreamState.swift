/// What a stream holds.
public struct JetStreamStreamState: JetStreamObject {
  /// Messages.
  public var messages: UInt64 = 0
  /// Bytes.
  public var bytes: UInt64 = 0
  /// The first message's number.
  public var firstSequence: UInt64 = 0
  /// The first message's time.
  public var firstTime = JetStreamTimestamp.zero
  /// The number given last.
  public var lastSequence: UInt64 = 0
  /// When it was given.
  public var lastTime = JetStreamTimestamp.zero
  /// Different subjects.
  public var subjectCount = 0
  /// Messages by subject, when asked for.
  public var subjects: [String: UInt64] = [:]
  /// Numbers between first and last that are gone.
  public var deletedCount = 0
  /// Which, when asked for.
  public var deleted: [UInt64] = []
  /// Messages that were found damaged.
  public var lost: Lost?
  /// Consumers.
  public var consumerCount = 0

  /// Makes the state of an empty stream.
  public init() {}

  /// The fields, in nats-server's order.
  public mutating func visit(_ fields: inout JetStreamFields) {
    fields.always("messages", &self.messages)
    fields.always("bytes", &self.bytes)
    fields.always("first_seq", &self.firstSequence)
    fields.always("first_ts", &self.firstTime)
    fields.always("last_seq", &self.lastSequence)
    fields.always("last_ts", &self.lastTime)
    fields.unlessEmpty("num_subjects", &self.subjectCount)
    fields.unlessEmpty("subjects", &self.subjects)
    fields.unlessEmpty("num_deleted", &self.deletedCount)
    fields.unlessEmpty("deleted", &self.deleted)
    fields.unlessEmpty("lost", &self.lost)
    fields.always("consumer_count", &self.consumerCount)
  }

  /// Messages that were found damaged.
  public struct Lost: JetStreamObject {
    /// Their numbers.
    public var messages: [UInt64] = []
    /// Their bytes.
    public var bytes: UInt64 = 0

    /// Makes an empty list.
    public init() {}

    /// The fields, in nats-server's order.
    public mutating func visit(_ fields: inout JetStreamFields) {
      fields.always("msgs", &self.messages)
      fields.always("bytes", &self.bytes)
    }
  }
}
