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

  /// Takes `count` bytes for as long as the answer is kept; `nil` when they are not left.
  public func charge(_ count: Int) -> MemoryCharge? {
    self.reserve(count) ? MemoryCharge(budget: self, count: count) : nil
  }

  /// Gives `count` bytes back.
  public func release(_ count: Int) {
    self.used = max(0, self.used - count)
  }
}

/// Bytes taken from a budget, given back when nobody keeps this any more.
public final class MemoryCharge {
  private let budget: MemoryBudget
  private let count: Int

  fileprivate init(budget: MemoryBudget, count: Int) {
    self.budget = budget
    self.count = count
  }

  deinit {
    self.budget.release(self.count)
  }
}
