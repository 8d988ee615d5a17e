public import NIOCore

/// What the journals of definitions say of the logs of a store: for who looks at it from outside.
public struct DefinedLogs {
  /// The journals that have definitions.
  public static var journals: [String] {
    [Definitions<StreamSettings>.journalName, Definitions<PartitionedTopicSettings>.journalName]
  }

  private var streams: Set<String> = []
  private var topics: Set<String> = []

  /// Knows of none.
  public init() {}

  /// Takes up an entry of one of `journals`.
  public mutating func read(_ entry: ByteBuffer, of journal: String) {
    if journal == Definitions<StreamSettings>.journalName {
      Definitions<StreamSettings>.name(in: entry).map { _ = self.streams.insert($0) }
    } else {
      Definitions<PartitionedTopicSettings>.name(in: entry).map { _ = self.topics.insert($0) }
    }
  }

  /// Whether a log is that of a stream or topic that nobody has ever defined, as far as the
  /// journals tell.
  public func isOrphan(_ log: String) -> Bool {
    if let stream = Streams.stream(ofLog: log) { return !self.streams.contains(stream) }
    if let topic = PartitionedTopics.topic(ofLog: log) { return !self.topics.contains(topic) }
    return false
  }
}
