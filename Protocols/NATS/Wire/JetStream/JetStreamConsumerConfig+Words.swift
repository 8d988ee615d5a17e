extension JetStreamConsumerConfig {
  /// Where a consumer begins.
  public enum DeliverPolicy: String, JetStreamWord {
    /// With the first message.
    case all
    /// With the last one.
    case last
    /// With the first to come.
    case new
    /// At `startSequence`.
    case byStartSequence = "by_start_sequence"
    /// At `startTime`.
    case byStartTime = "by_start_time"
    /// With the last message of each subject.
    case lastPerSubject = "last_per_subject"

    /// `undefined` is `all`.
    public static var synonyms: [String: Self] { ["undefined": .all] }
  }

  /// What an acknowledgement means.
  public enum AckPolicy: String, JetStreamWord {
    /// Delivered is acknowledged.
    case none
    /// It stands for all messages up to it.
    case all
    /// It stands for its own message.
    case explicit
  }

  /// How fast messages are delivered that were there before.
  public enum ReplayPolicy: String, JetStreamWord {
    /// As fast as they are taken.
    case instant
    /// At the pace they came in.
    case original
  }

  /// How requests of a priority group are chosen (ADR-42).
  public enum PriorityPolicy: String, JetStreamWord {
    /// There are no groups.
    case none
    /// Only when enough is pending.
    case overflow
    /// One client gets everything.
    case pinnedClient = "pinned_client"
    /// The lowest number first.
    case prioritized
  }
}
