/// A group of readers that a protocol keeps, as operators see it: whose members share what there is
/// to read, and which knows how far it has come.
public struct ReaderGroup {
  /// How far a group is in one log, or in what waits for it.
  public struct Position: Hashable, Sendable {
    /// The stream or topic; `nil` where what waits is the group's own.
    public var log: String?
    /// The partition; `nil` where there is none.
    public var partition: Int?
    /// All before this offset is done with; `nil` where that is not known.
    public var doneBefore: UInt64?
    /// The offset that the next record will get; `nil` where that has no meaning.
    public var end: UInt64?
    /// How many records the group has yet to be done with, or to be handed for the first time;
    /// `nil` where that is not known.
    public var lag: Int?
    /// How many records are handed out and not done with; `nil` where readers keep count
    /// themselves.
    public var inFlight: Int?
    /// How many of those were handed out more than once.
    public var redelivered: Int?
    /// When the oldest record that is not done with came in, in nanoseconds since 1970; `nil` where
    /// there is none, or the disk would have to be asked.
    public var oldestAt: Int64?
    /// Who reads it; `nil` for nobody in particular.
    public var member: String?

    /// A position in a log, of which nothing is known.
    public init(log: String? = nil, partition: Int? = nil) {
      self.log = log
      self.partition = partition
    }
  }

  /// One of a group's readers.
  public struct Member: Hashable, Sendable {
    /// What the group knows it by.
    public var id: String
    /// The client's name.
    public var client: String
    /// Where it comes from; empty where that is not known.
    public var address: String

    /// A reader.
    public init(id: String, client: String, address: String = "") {
      self.id = id
      self.client = client
      self.address = address
    }
  }

  /// What is known of a group at a moment.
  public struct Facts: Hashable, Sendable {
    /// In the protocol's own word.
    public var state: String
    /// How far it is, log by log.
    public var positions: [Position] = []
    /// Who reads.
    public var members: [Member] = []

    /// Facts about a group without positions and members.
    public init(state: String) { self.state = state }
  }

  /// The group's name.
  public let name: String
  /// The protocol's word for groups of this kind, such as `classic`: names are told apart within a
  /// kind.
  public let kind: String
  /// Asks for what is known now. Nobody waits for the disk.
  public let facts: () -> Facts

  /// A group.
  public init(name: String, kind: String, facts: @escaping () -> Facts) {
    self.name = name
    self.kind = kind
    self.facts = facts
  }
}
