/// Event loops beside the engine's own, among which partitions are dealt. What takes time and needs
/// none of the engine's tables is done there: opening what a sender has packed together, and
/// writing what comes to a log to its file.
///
/// Confined to the engine's loop.
public protocol PartitionLoops: AnyObject {
  /// How many there are, at least 1.
  var count: Int { get }
  /// Runs `work` on one of the loops, behind everything that was given to that one before, and then
  /// `done` on the engine's loop, with what `work` returned and in the same order.
  ///
  /// - Parameter number: which loop: this, modulo their count.
  func run<Result: Sendable>(
    on number: Int, _ work: @escaping @Sendable () -> Result, _ done: @escaping (Result) -> Void)
}

extension Engine {
  /// A number for `elsewhere` that a name always has.
  public static func loopNumber(of name: String) -> Int {
    name.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xFFFF }
  }

  /// Does `work` beside the loop, and then `done` on it, never before this returns. Where there are
  /// no other loops, both have a later turn of this one.
  ///
  /// - Parameter number: what is given the same number is done in order.
  public func elsewhere<Result: Sendable>(
    on number: Int, _ work: @escaping @Sendable () -> Result, _ done: @escaping (Result) -> Void
  ) {
    guard let loops = self.partitionLoops else { return self.later { done(work()) } }
    loops.run(on: number, work, done)
  }
}
