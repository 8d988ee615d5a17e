import GodwitEngine

/// What one protocol's connections have carried, those that are gone included.
public struct ConnectionTotals: Hashable, Sendable {
  /// Reasons that are counted by name; further ones count as `Other`.
  private static let reasonsMax = 64

  /// How many connections there are.
  public internal(set) var open = 0
  /// How many there ever were.
  public internal(set) var opened: UInt64 = 0
  /// What they have carried.
  public internal(set) var counters = Connection.Counters()
  /// Bytes that wait to be sent.
  public internal(set) var pendingBytes = 0
  /// How many connections make no progress in sending.
  public internal(set) var stuck = 0
  /// How many ended for which reason.
  public private(set) var ended: [String: UInt64] = [:]

  /// Nothing yet.
  public init() {}

  /// Adds a connection that stands.
  mutating func add(_ connection: Connection) {
    self.open += 1
    self.pendingBytes &+= connection.pendingBytes
    if connection.stuckSince != 0 { self.stuck += 1 }
    self.add(connection.counters)
  }

  /// Adds a connection that is gone.
  mutating func end(_ connection: Connection, _ reason: CloseReason) {
    self.add(connection.counters)
    let isKnown = self.ended[reason.text] != nil || self.ended.count < Self.reasonsMax
    self.ended[isKnown ? reason.text : "Other", default: 0] &+= 1
  }

  private mutating func add(_ counters: Connection.Counters) {
    self.counters.bytesIn &+= counters.bytesIn
    self.counters.bytesOut &+= counters.bytesOut
    self.counters.messagesIn &+= counters.messagesIn
    self.counters.messagesOut &+= counters.messagesOut
    self.counters.dropped &+= counters.dropped
    self.counters.stalls &+= counters.stalls
  }
}

/// A connection that is gone, for admin pages.
public struct EndedConnection: Hashable, Sendable {
  /// Its number.
  public let id: UInt64
  /// The protocol's name.
  public let frontEndName: String
  /// What the client called itself.
  public let clientName: String
  /// Whom it acted for.
  public let userName: String
  /// Where it came from, without the port.
  public let address: String
  /// Why it ended.
  public let reason: CloseReason
  /// When it was opened, in the engine's clock.
  public let openedAt: Int64
  /// When it ended, in the engine's clock.
  public let endedAt: Int64

  init(_ connection: Connection, _ reason: CloseReason) {
    self.id = connection.id
    self.frontEndName = connection.frontEndName
    self.clientName = Self.cut(connection.clientName)
    self.userName = Self.cut(connection.userName)
    self.address = connection.peer.address
    self.reason = reason
    self.openedAt = connection.openedAt
    self.endedAt = connection.loop.engine.now
  }

  /// What is kept of a name that a peer chose.
  private static func cut(_ name: String) -> String {
    String(decoding: name.utf8.prefix(256), as: UTF8.self)
  }
}
