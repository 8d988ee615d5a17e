public import GodwitPrimitives

/// What a message says about its own way into a stream, as the reader of the sender's protocol
/// finds it in the message's properties. Most messages say nothing: an object, so that nothing is
/// soon handed on. Each message has its own.
public final class AppendConditions {
  /// Which records go when the message is kept.
  public enum Rollup: Hashable, Sendable {
    /// Those of the message's topic.
    case topic
    /// All of them.
    case all
  }

  /// When the message ends its life.
  public enum TimeToLive: Hashable, Sendable {
    /// So many nanoseconds after it came in.
    case after(Int64)
    /// Never, whatever the stream's own age limit says.
    case never
    /// The sender said something that cannot be read.
    case invalid
  }

  /// The id of the message, by which the stream finds duplicates.
  public var messageID: [UInt8]?
  /// The stream must have this name.
  public var stream: [UInt8]?
  /// The stream's next offset must be this one: 0 where nothing was ever kept.
  public var nextOffset: UInt64?
  /// The offset after that of the last record of the message's topic must be this one; 0 where the
  /// topic has no record.
  public var topicEnd: UInt64?
  /// The topics that `topicEnd` speaks of in place of the message's own.
  public var topicEndPattern: TopicPattern?
  /// The stream's last message must have had this id.
  public var lastMessageID: [UInt8]?
  /// Which records go when the message is kept.
  public var rollup: Rollup?
  /// When the message ends its life.
  public var timeToLive: TimeToLive?
  /// What the message has to do with schedules, where the stream sends messages on.
  public var schedule: ScheduleNote?
  /// The batch that the message was kept with, if there is one: heeded only when a start looks for
  /// batches that a crash has torn.
  public var batch: BatchNote?
  /// How many bytes of properties there are: they count with the payload against
  /// `StreamSettings.recordBytesMax`, and are bounded by themselves.
  public var propertyBytes = 0
  /// Whether some of them are a stream's own, added to those of a message that was kept before:
  /// then they are not bounded.
  var hasGrown = false

  /// No conditions.
  public init() {}
}
