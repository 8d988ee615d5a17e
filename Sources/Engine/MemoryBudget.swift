/// Bytes that the process may hold on behalf of its clients, counted in one place. A tenant has a
/// budget of its own, a part of the whole: what is taken from it is taken from both.
public final class MemoryBudget {
  /// The most that may be held.
  public internal(set) var limit: Int
  /// What is held now.
  public private(set) var used = 0
  /// How often something was refused because the budget was spent.
  public private(set) var refusals: UInt64 = 0

  private let whole: MemoryBudget?

  /// An unused budget of `limit` bytes.
  ///
  /// - Parameter whole: the budget that this one is a part of.
  public init(limit: Int, of whole: MemoryBudget? = nil) {
    self.limit = limit
    self.whole = whole
  }

  /// Takes `count` bytes if they are left.
  public func reserve(_ count: Int) -> Bool {
    guard count <= self.limit - self.used else {
      self.refuse()
      return false
    }
    guard self.whole?.reserve(count) ?? true else {
      self.refusals &+= 1
      return false
    }
    self.used += count
    return true
  }

  private func refuse() {
    self.refusals &+= 1
    self.whole?.refuse()
  }

  /// Counts `count` bytes that are held already, whether they are left or not.
  func add(_ count: Int) {
    self.used += count
    self.whole?.add(count)
  }

  /// Takes `count` bytes for as long as the answer is kept; `nil` when they are not left.
  public func charge(_ count: Int) -> MemoryCharge? {
    self.reserve(count) ? MemoryCharge(budget: self, count: count) : nil
  }

  /// Gives `count` bytes back.
  public func release(_ count: Int) {
    self.used = max(0, self.used - count)
    self.whole?.release(count)
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
