/// Bytes that the process may hold on behalf of its clients, counted in one place.
public final class MemoryBudget {
  /// The most that may be held.
  public let limit: Int
  /// What is held now.
  public private(set) var used = 0
  /// How often something was refused because the budget was spent.
  public private(set) var refusals: UInt64 = 0

  /// An unused budget of `limit` bytes.
  public init(limit: Int) {
    self.limit = limit
  }

  /// Takes `count` bytes if they are left.
  public func reserve(_ count: Int) -> Bool {
    guard count <= self.limit - self.used else {
      self.refusals &+= 1
      return false
    }
    self.used += count
    return true
  }

  /// Gives `count` bytes back.
  public func release(_ count: Int) {
    self.used = max(0, self.used - count)
  }
}
