/// What an asset needs of a server, and what a server offers: the API level (ADR-44). It stands in
/// the metadata of streams and consumers.
public enum JetStreamLevel {
  /// The level of this implementation: that of nats-server 2.12. The next one has consumers that
  /// are reset, and fast batches.
  public static var offered: Int { 2 }

  private static let requiredKey = "_nats.req.level"
  private static let versionKey = "_nats.ver"
  private static let levelKey = "_nats.level"

  /// Whether a request can be served whose header `Nats-Required-Api-Level` has this value.
  public static func isEnough(for header: String?) -> Bool {
    guard let header, !header.isEmpty else { return true }
    return Int(header).map { $0 <= self.offered } ?? false
  }

  /// The metadata to keep: without what is said anew in each answer, and with the level needed.
  public static func stored(_ metadata: [String: String], needing level: Int) -> [String: String] {
    var metadata = metadata
    metadata[self.versionKey] = nil
    metadata[self.levelKey] = nil
    metadata[self.requiredKey] = String(level)
    return metadata
  }

  /// The metadata to answer: what is kept, and the server's version and level.
  public static func answered(
    _ metadata: [String: String], version: String
  ) -> [String: String] {
    var metadata = metadata
    metadata[self.versionKey] = version
    metadata[self.levelKey] = String(self.offered)
    return metadata
  }

  /// The metadata without anything of the server's, to compare configurations.
  public static func own(_ metadata: [String: String]) -> [String: String] {
    metadata.filter { ![self.versionKey, self.levelKey, self.requiredKey].contains($0.key) }
  }
}

extension JetStreamStreamConfig {
  /// The API level that the stream needs.
  public var requiredLevel: Int {
    if self.allowMessageCounter || self.allowAtomicPublish || self.allowMessageSchedules
      || self.persistMode == .asynchronous
    {
      return 2
    }
    return self.allowMessageTTL || self.subjectDeleteMarkerTTL > 0 ? 1 : 0
  }
}

extension JetStreamConsumerConfig {
  /// The API level that the consumer needs.
  public var requiredLevel: Int {
    let isPaused = self.pauseUntil.map { !$0.isZero } ?? false
    let hasGroups =
      self.priorityPolicy != .none || self.pinnedTTL != 0 || !self.priorityGroups.isEmpty
    return isPaused || hasGroups ? 1 : 0
  }
}
