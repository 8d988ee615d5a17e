import NIOCore

/// Has changes that take as long as the disk be made one after the other: each is judged by what
/// those before it have left.
final class ChangeTurns {
  private var underWay = 0
  private var waiting = CircularBuffer<() -> Void>()
  /// Whether one of those who waited is at it: the others go on waiting until it is done.
  private var isCalling = false

  /// Whether no change is under way, and none waits.
  var isFree: Bool { self.underWay == 0 && (self.waiting.isEmpty || self.isCalling) }

  /// Calls `body` when no change is under way: at once mostly, else in the order of the calls.
  func whenFree(_ body: @escaping () -> Void) {
    if self.isFree { body() } else { self.waiting.append(body) }
  }

  /// A change is under way, beside others that may be.
  func begin() { self.underWay += 1 }

  /// It is made, or refused.
  func end() {
    self.underWay -= 1
    guard !self.isCalling else { return }
    while self.underWay == 0, let body = self.waiting.popFirst() {
      self.isCalling = true
      body()
      self.isCalling = false
    }
  }
}
