/// Something that was written and is not yet as durable as promised.
public struct Receipt {
  private let wait: (@escaping (EngineError?) -> Void) -> Void

  /// A receipt for what `wait` waits for.
  init(_ wait: @escaping (@escaping (EngineError?) -> Void) -> Void) { self.wait = wait }

  /// Calls `body` when it is as durable as its store promises, at once where it is already; or with
  /// the error, when it never will be. To be asked in the turn of the loop that wrote it.
  public func whenCommitted(_ body: @escaping (EngineError?) -> Void) { self.wait(body) }
}

/// Everybody who keeps one message so that it lasts: streams, queues, the store of last values, the
/// schedule. It may be acknowledged when all of them have it.
public struct Kept {
  /// What streams made of it.
  public let captures: Captures
  /// What the others made of it.
  let receipts: [Receipt]
  /// Why somebody cannot keep it.
  let failure: EngineError?

  /// Whether nobody was asked to keep it.
  public var isEmpty: Bool {
    self.captures.isEmpty && self.receipts.isEmpty && self.failure == nil
  }

  /// Whether somebody has refused to keep it already.
  public var isRefused: Bool { self.failure != nil || self.captures.refusal != nil }

  /// Calls `body` once, when all of them have it as durable as they promise; or with the first
  /// error.
  public func whenCommitted(_ body: @escaping (EngineError?) -> Void) {
    var left = self.receipts.count + 1
    var failure = self.failure
    let one: (EngineError?) -> Void = { error in
      failure = failure ?? error
      left -= 1
      if left == 0 { body(failure) }
    }
    for receipt in self.receipts { receipt.whenCommitted(one) }
    self.captures.whenCommitted(one)
  }
}
