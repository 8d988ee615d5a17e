import GodwitEngine
import GodwitFrontEndKit
import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc

  /// The C library's own call, which Swift's module leaves out; `nil` where that is linked
  /// statically, without the means to look for it.
  private let systemTrim = dlsym(nil, "malloc_trim").map {
    unsafeBitCast($0, to: (@convention(c) @Sendable (Int) -> Int32).self)
  }
#endif

/// Gives memory back to the system that nobody needs any more. Confined to the loop.
///
/// The C library keeps most of what is freed, for whoever asks next: a process whose readers did
/// not read, and have gone, stays as large as it was then. To hand a gigabyte back takes a tenth of
/// a second, in which others may wait for memory. So it is done where the process has grown by much
/// and holds little of it, seldom, and beside the loop.
final class SpareMemory {
  /// How often is looked.
  static let interval = TimeAmount.seconds(15)
  /// It is not worth it for less, in bytes.
  static let grownMin = 64 << 20

  /// What a process has, in bytes.
  struct Size {
    /// What is resident.
    var resident: Int
    /// What is held for clients of that, as far as it is counted.
    var held: Int
  }

  private let eventLoop: any EventLoop
  private let size: () -> Size
  private let giveBack: (@escaping () -> Void) -> Void
  private var next: Scheduled<Void>?
  private var isStopped = false
  /// What there was when memory was given back last, or at the start.
  private var then: Size?

  /// - Parameters:
  ///   - size: says what the process has now.
  ///   - giveBack: has the C library hand back what it does not need, and calls its argument then.
  init(
    _ eventLoop: any EventLoop, size: @escaping () -> Size,
    giveBack: @escaping (@escaping () -> Void) -> Void
  ) {
    self.eventLoop = eventLoop
    self.size = size
    self.giveBack = giveBack
  }

  /// Looks now and then, until `stop`.
  func start() {
    if self.then == nil { self.then = self.size() }
    self.wait()
  }

  private func wait() {
    guard !self.isStopped else { return }
    self.next = self.eventLoop.assumeIsolated().scheduleTask(in: Self.interval) { [weak self] in
      self?.look()
    }
  }

  func stop() {
    self.isStopped = true
    self.next?.cancel()
  }

  private func look() {
    let now = self.size()
    let then = self.then ?? now
    let grown = now.resident - then.resident
    guard grown >= Self.grownMin, now.held - then.held < grown / 2 else { return self.wait() }
    self.giveBack { [weak self] in
      guard let self else { return }
      // What did not go is in use, counted or not.
      self.then = self.size()
      self.wait()
    }
  }
}

extension SpareMemory {
  /// The memory of this process.
  convenience init(_ loop: Loop) {
    self.init(
      loop.eventLoop,
      size: {
        Size(
          resident: ProcessFigures.memory.resident,
          held: loop.engine.memory.used + loop.connections.pendingBytes)
      },
      giveBack: { done in Self.trim(loop.eventLoop, done) })
  }

  /// Asks the C library, on a thread that is there for nothing else.
  private static func trim(_ eventLoop: any EventLoop, _ done: @escaping () -> Void) {
    #if canImport(Glibc)
      guard let systemTrim else { return }
      let back = NIOLoopBound(done, eventLoop: eventLoop)
      let pool = NIOThreadPool(numberOfThreads: 1)
      pool.start()
      pool.submit { _ in
        _ = systemTrim(0)
        pool.shutdownGracefully { _ in }
        eventLoop.execute { back.value() }
      }
    #endif
  }
}
