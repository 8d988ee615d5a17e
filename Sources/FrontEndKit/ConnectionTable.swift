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

  func add(_ connection: Connection) {
    self.byID[connection.id] = connection
    self.total &+= 1
    self.perAddress[connection.peer.address, default: 0] += 1
  }

  func remove(_ connection: Connection) {
    guard self.byID.removeValue(forKey: connection.id) != nil else { return }
    let left = (self.perAddress[connection.peer.address] ?? 1) - 1
    self.perAddress[connection.peer.address] = left > 0 ? left : nil
  }
}
