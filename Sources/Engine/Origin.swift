/// Which protocol a message came in by. Its number indexes the engine's table of envelope readers.
public struct Origin: Hashable, Sendable {
  /// The position in the engine's table.
  public let index: UInt8

  /// The engine itself: messages without protocol properties, such as statistics.
  public static var engine: Origin { Origin(index: 0) }

  @usableFromInline init(index: UInt8) { self.index = index }
}

/// Reads one protocol's raw properties as common metadata, for receivers of other protocols.
///
/// Receivers of the same protocol never need it: they get the original bytes.
public protocol EnvelopeReader: AnyObject {
  /// The common metadata of a message of this protocol.
  ///
  /// Pure: the same publication always gives the same answer. What the common form cannot
  /// express is left out and reported in `Metadata.dropped`.
  func metadata(of publication: borrowing Publication) -> Metadata

  /// What a message of this protocol says about its way into a stream. Asked once for each stream
  /// that captures it, so the answer for a message that says nothing must be quick.
  ///
  /// Pure, as `metadata`. `nil` by default.
  func conditions(of publication: borrowing Publication) -> AppendConditions?
}

extension EnvelopeReader {
  /// Messages of most protocols say nothing.
  public func conditions(of publication: borrowing Publication) -> AppendConditions? { nil }
}

/// The protocol-neutral part of a message's properties
/// (`docs/architecture.md`, "One message, many protocols").
public struct Metadata: Hashable, Sendable {
  /// A header: a name and a value, both as bytes, in the sender's order.
  public struct Header: Hashable, Sendable {
    /// The name, as the sender wrote it.
    public var name: [UInt8]
    /// The value.
    public var value: [UInt8]

    /// A header.
    public init(name: [UInt8], value: [UInt8]) {
      self.name = name
      self.value = value
    }
  }

  /// Headers and user properties: ordered, duplicates kept. What has a member of its own below is
  /// not in here.
  public var headers: [Header] = []
  /// Where an answer is wanted, as a canonical topic.
  public var replyTopic: [UInt8]?
  /// What an answer carries back unchanged.
  public var correlation: [UInt8]?
  /// The content type, UTF-8.
  public var contentType: [UInt8]?
  /// Whether the sender declared the payload to be UTF-8 text; `nil` when it said nothing.
  public var payloadIsText: Bool?
  /// The sender's own id of the message.
  public var messageID: [UInt8]?
  /// What messages that must stay in order have in common.
  public var key: [UInt8]?
  /// When the sender made the message, nanoseconds since 1970; `nil` when it said nothing.
  public var sentAt: Int64?
  /// How many of the sender's properties the common form could not hold.
  public var dropped = 0

  /// Metadata that says nothing.
  public init() {}

  /// What it takes of memory, about: each list has a head of its own.
  var heldBytes: Int {
    let fields = [
      self.replyTopic, self.correlation, self.contentType, self.messageID, self.key,
    ].reduce(128) { $0 + ($1.map { $0.count + 32 } ?? 0) }
    return self.headers.reduce(fields) { $0 + $1.name.count + $1.value.count + 80 }
  }
}
