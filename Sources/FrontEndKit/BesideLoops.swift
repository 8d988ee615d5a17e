public import GodwitEngine
import NIOCore
import NIOPosix

/// Event loops of the process for `PartitionLoops`. They have threads from the first use on.
///
/// Confined to the engine's loop.
public final class BesideLoops: PartitionLoops {
  private let eventLoop: any EventLoop
  private let engine: Engine
  /// See `PartitionLoops`.
  public let count: Int
  private var group: MultiThreadedEventLoopGroup?
  private var loops: [any EventLoop] = []
  private var isStopped = false

  /// Loops beside `loop`.
  ///
  /// - Parameter count: how many, at least 1.
  public init(beside loop: Loop, count: Int) {
    self.eventLoop = loop.eventLoop
    self.engine = loop.engine
    self.count = max(1, count)
  }

  /// Runs `work` beside; see `PartitionLoops`. After `stop` nothing is run.
  public func run<Result: Sendable>(
    on number: Int, _ work: @escaping @Sendable () -> Result, _ done: @escaping (Result) -> Void
  ) {
    guard !self.isStopped else { return }
    if self.group == nil {
      let group = MultiThreadedEventLoopGroup(numberOfThreads: self.count)
      self.group = group
      self.loops = group.makeIterator().map { $0 }
    }
    let back = NIOLoopBound(
      { [weak self] (result: Result) in
        guard let self, !self.isStopped else { return }
        done(result)
        self.engine.effort.pointee = 0
      }, eventLoop: self.eventLoop)
    let eventLoop = self.eventLoop
    self.loops[Int(UInt(bitPattern: number) % UInt(self.loops.count))].execute {
      let result = work()
      eventLoop.execute { back.value(result) }
    }
  }

  /// Ends the threads, when they are done with what they have at hand. What comes of it is let go.
  public func stop() {
    self.isStopped = true
    self.loops = []
    self.group?.shutdownGracefully { _ in }
    self.group = nil
  }
}
