/// All connections of a loop, for the admin API, for limits and for draining.
public final class ConnectionTable {
  private var byID: [UInt64: Connection] = [:]
  private var last: UInt64 = 0
  /// How many connections there are.
  public var count: Int { self.byID.count }
  /// How many there ever were.
  public private(set) var total: UInt64 = 0
  /// How many were refused because there were too many.
  public var refused: UInt64 = 0
  /// The last connections that ended otherwise than by the client's or the server's own wish,
  /// oldest first; at most 64.
  public private(set) var recentEnds: [EndedConnection] = []
  /// What connections that are gone have carried, per protocol.
  private var past: [String: ConnectionTotals] = [:]
  /// How many there are, per address.
  private var perAddress: [String: Int] = [:]

  /// All connections, in no particular order.
  public var all: [Connection] { Array(self.byID.values) }

  /// The connection of that number.
  public func connection(_ id: UInt64) -> Connection? { self.byID[id] }

  /// How many connections come from `address`.
  public func count(from address: String) -> Int { self.perAddress[address] ?? 0 }

  func nextID() -> UInt64 {
    self.last &+= 1
    return self.last
  }

  /// Counts a connection; once, however often it is said.
  func add(_ connection: Connection) {
    guard self.byID.updateValue(connection, forKey: connection.id) == nil else { return }
    self.total &+= 1
    self.perAddress[connection.peer.address, default: 0] += 1
    self.past[connection.frontEndName, default: ConnectionTotals()].opened &+= 1
  }

  /// How many bytes wait to be sent. Looks at every connection.
  public var pendingBytes: Int { self.byID.values.reduce(0) { $0 + $1.pendingBytes } }

  /// What each protocol's connections have carried, those that are gone included. Looks at every
  /// connection.
  public func totals() -> [String: ConnectionTotals] {
    var totals = self.past
    for connection in self.byID.values {
      totals[connection.frontEndName, default: ConnectionTotals()].add(connection)
    }
    return totals
  }

  func remove(_ connection: Connection, because reason: CloseReason) {
    guard self.byID.removeValue(forKey: connection.id) != nil else { return }
    self.past[connection.frontEndName, default: ConnectionTotals()].end(connection, reason)
    if reason != .peerClosed, reason != .shutdown {
      if self.recentEnds.count >= 64 { self.recentEnds.removeFirst() }
      self.recentEnds.append(EndedConnection(connection, reason))
    }
    let left = (self.perAddress[connection.peer.address] ?? 1) - 1
    self.perAddress[connection.peer.address] = left > 0 ? left : nil
  }
}
