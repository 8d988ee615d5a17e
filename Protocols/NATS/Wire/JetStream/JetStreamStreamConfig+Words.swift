extension JetStreamStreamConfig {
  /// When messages leave a stream.
  public enum Retention: String, JetStreamWord {
    /// When a limit says so.
    case limits
    /// When all consumers have acknowledged.
    case interest
    /// When the one consumer for it has acknowledged.
    case workQueue = "workqueue"
  }

  /// What a full stream does.
  public enum Discard: String, JetStreamWord {
    /// Drops the oldest messages.
    case old
    /// Refuses new ones.
    case new
  }

  /// Where a stream keeps its messages.
  public enum Storage: String, JetStreamWord {
    /// On disk.
    case file
    /// In memory.
    case memory
  }

  /// How a stream's files are compressed.
  public enum Compression: String, JetStreamWord {
    /// Not at all.
    case none
    /// With S2.
    case s2

    /// An empty word is `none`.
    public static var synonyms: [String: Self] { ["": .none] }
  }

  /// When a message counts as kept.
  public enum PersistMode: String, JetStreamWord {
    /// When it is written.
    case immediate = "default"
    /// When it is about to be written.
    case asynchronous = "async"

    /// An empty word is `immediate`.
    public static var synonyms: [String: Self] { ["": .immediate] }
  }
}
