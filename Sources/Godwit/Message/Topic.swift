/// A topic: a name, and the type of what is published to it.
///
/// A topic names one place; a set of topics is a `TopicPattern`, which cannot be published to.
///
/// ```swift
/// let created = Topic<Order>("orders.created")
/// ```
public struct Topic<Payload: Sendable>: Hashable, Sendable {
  /// The name: levels joined by dots.
  public let name: String
  /// The media type that payloads are written as; the broker's codecs must know it. Default: the
  /// payload type's own, `application/json` for what is `Codable`.
  public let contentType: String

  /// A topic whose payloads have that media type.
  public init(_ name: String, contentType: String) {
    self.name = name
    self.contentType = contentType
  }

  /// A topic whose payloads are JSON, plain text (`String`) or bytes (`ByteBuffer`), by their type.
  public init(_ name: String) {
    self.init(name, contentType: MediaType.usual(for: Payload.self))
  }

  /// Checks that the name can be one: no empty level, no wildcard, no space or control character.
  public func validate() throws(GodwitError) {
    try TopicName.validate(self.name, wildcards: false)
  }
}

/// A set of topics that carry one type: `*` stands for one level, a final `>` for one or more.
///
/// ```swift
/// let all = TopicPattern<Order>("orders.>")
/// ```
public struct TopicPattern<Payload: Sendable>: Hashable, Sendable {
  /// The pattern: levels joined by dots.
  public let pattern: String
  /// The media type of bodies that do not name theirs.
  public let contentType: String

  /// A pattern over topics whose payloads have that media type.
  public init(_ pattern: String, contentType: String) {
    self.pattern = pattern
    self.contentType = contentType
  }

  /// A pattern over topics whose payloads are JSON, plain text or bytes, by their type.
  public init(_ pattern: String) {
    self.init(pattern, contentType: MediaType.usual(for: Payload.self))
  }

  /// The pattern that only `topic` matches.
  public init(_ topic: Topic<Payload>) {
    self.init(topic.name, contentType: topic.contentType)
  }

  /// Checks that the pattern can be one.
  public func validate() throws(GodwitError) {
    try TopicName.validate(self.pattern, wildcards: true)
  }
}

/// The grammar of names: what every broker of the framework can carry.
enum TopicName {
  /// The most bytes in a name.
  static let bytesMax = 1024

  static func validate(_ name: String, wildcards: Bool) throws(GodwitError) {
    guard !self.isPlain(name) else { return }
    guard !name.isEmpty else { throw GodwitError(.invalidArgument, "a topic without a name") }
    guard name.utf8.count <= self.bytesMax else {
      throw GodwitError(.invalidArgument, "a topic's name of more than \(self.bytesMax) bytes")
    }
    let levels = name.split(separator: ".", omittingEmptySubsequences: false)
    for (index, level) in levels.enumerated() {
      guard !level.isEmpty else {
        throw GodwitError(.invalidArgument, "an empty level in the topic '\(name.headerLine)'")
      }
      if level == "*" || level == ">" {
        guard wildcards else {
          throw GodwitError(
            .invalidArgument,
            "the wildcard '\(level)' in the topic '\(name.headerLine)': use a TopicPattern")
        }
        guard level == "*" || index == levels.count - 1 else {
          throw GodwitError(.invalidArgument, "'>' is not the last level of '\(name.headerLine)'")
        }
      } else if level.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) {
        throw GodwitError(
          .invalidArgument, "a space or control character in the topic '\(name.headerLine)'")
      }
    }
  }

  /// Whether a name has nothing in it that needs a closer look. Most have not.
  private static func isPlain(_ name: String) -> Bool {
    name.utf8.withContiguousStorageIfAvailable { bytes in
      var levelSize = 0
      var isWild = false
      for byte in bytes {
        guard byte > 0x20, byte != 0x7F else { return false }
        guard byte != UInt8(ascii: ".") else {
          guard levelSize > 0, !isWild else { return false }
          levelSize = 0
          continue
        }
        levelSize += 1
        isWild = levelSize == 1 && (byte == UInt8(ascii: "*") || byte == UInt8(ascii: ">"))
      }
      return levelSize > 0 && !isWild && bytes.count <= self.bytesMax
    } ?? false
  }

  static func hasWildcard(_ pattern: String) -> Bool {
    pattern.split(separator: ".").contains { $0 == "*" || $0 == ">" }
  }

  /// Whether the pattern's topics include `topic`.
  static func matches(_ pattern: String, _ topic: String) -> Bool {
    var levels = topic.split(separator: ".", omittingEmptySubsequences: false)[...]
    for part in pattern.split(separator: ".", omittingEmptySubsequences: false) {
      guard let level = levels.popFirst() else { return false }
      if part == ">" { return true }
      guard part == "*" || part == level else { return false }
    }
    return levels.isEmpty
  }
}
