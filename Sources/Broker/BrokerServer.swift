public import GodwitFrontEndKit
public import Logging
import NIOCore
import NIOPosix
import Synchronization

/// The running broker, seen from outside its loop. Its calls block and must not be made on the
/// loop.
public final class BrokerServer: Sendable {
  /// Godwit's version.
  public static let version = "0.1.0"

  /// The addresses that the listeners got, by name, in the order of the settings; `admin` last.
  public let addresses: [Address]
  private let group: MultiThreadedEventLoopGroup
  private let core: NIOLoopBound<BrokerCore>
  /// Held while it stops: whoever asks meanwhile returns when it is over, too.
  private let isStopped = Mutex(false)

  /// A listener's name and address.
  public struct Address: Hashable, Sendable {
    /// The name, as in `mqtt-ws`.
    public let name: String
    /// The address.
    public let address: BoundAddress
  }

  private init(
    group: MultiThreadedEventLoopGroup, core: NIOLoopBound<BrokerCore>, addresses: [Address]
  ) {
    self.group = group
    self.core = core
    self.addresses = addresses
  }

  /// Starts a broker; when this returns, it serves.
  ///
  /// - Throws: `BrokerError`; nothing is served then.
  public static func start(
    _ settings: BrokerSettings, logger: Logger
  ) throws(BrokerError) -> BrokerServer {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let eventLoop = group.next()
    let started = eventLoop.makePromise(of: BrokerServer.self)
    eventLoop.execute {
      do throws(SettingsError) {
        let core = try Self.core(settings, on: eventLoop, logger: logger)
        core.start { error in
          if let error {
            started.fail(error)
          } else {
            started.succeed(
              BrokerServer(
                group: group, core: NIOLoopBound(core, eventLoop: eventLoop),
                addresses: core.addresses))
          }
        }
      } catch {
        started.fail(BrokerError("\(error)"))
      }
    }
    return try Self.wait(for: started.futureResult, elseStop: group)
  }

  /// Whether a broker could be made of the settings; binds nothing.
  ///
  /// - Throws: `BrokerError` that says what makes no sense.
  public static func check(_ settings: BrokerSettings) throws(BrokerError) {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let eventLoop = group.next()
    let checked = eventLoop.makePromise(of: Void.self)
    eventLoop.execute {
      do throws(SettingsError) {
        let core = try Self.core(
          settings, on: eventLoop,
          logger: Logger(label: "godwit.check") { _ in SwiftLogNoOpLogHandler() })
        core.abandon()
        checked.succeed()
      } catch {
        checked.fail(BrokerError("\(error)"))
      }
    }
    try Self.wait(for: checked.futureResult, elseStop: group)
    try? group.syncShutdownGracefully()
  }

  /// Takes new settings over without dropping connections. When this throws, the old ones hold.
  ///
  /// - Throws: `BrokerError` that says what makes no sense.
  public func reload(_ settings: BrokerSettings) throws(BrokerError) {
    // All of it must be right before any of it holds.
    try Self.check(settings)
    let eventLoop = self.group.next()
    let reloaded = eventLoop.makePromise(of: Void.self)
    eventLoop.execute {
      do throws(SettingsError) {
        try self.core.value.reload(settings)
        reloaded.succeed()
      } catch {
        reloaded.fail(BrokerError("\(error)"))
      }
    }
    try Self.wait(for: reloaded.futureResult, elseStop: nil)
  }

  /// Drains and stops; returns when nothing is left. Does nothing when it has stopped. Not for a
  /// task: it blocks its thread as long as that takes.
  public func stop() {
    self.isStopped.withLock { isStopped in
      guard !isStopped else { return }
      isStopped = true
      let eventLoop = self.group.next()
      let stopped = eventLoop.makePromise(of: Void.self)
      eventLoop.execute { self.core.value.stop { stopped.succeed() } }
      try? stopped.futureResult.wait()
      try? self.group.syncShutdownGracefully()
    }
  }

  /// Where a listener listens, as a URL has it: `127.0.0.1:43210`.
  ///
  /// - Parameter name: the listener's, as in `mqtt-ws`; `admin`.
  /// - Throws: `BrokerError` when there is no such listener.
  public func address(of name: String) throws(BrokerError) -> String {
    guard let found = self.addresses.first(where: { $0.name == name }) else {
      throw BrokerError("there is no listener \(name): \(self.readyLine)")
    }
    return "\(found.address)"
  }

  /// What `godwit serve` says when it serves.
  public var readyLine: String {
    "godwit ready " + self.addresses.map { "\($0.name)=\($0.address)" }.joined(separator: " ")
  }

  private static func core(
    _ settings: BrokerSettings, on eventLoop: any EventLoop, logger: Logger
  ) throws(SettingsError) -> BrokerCore {
    let loop = Loop(
      eventLoop: eventLoop, limits: settings.engineLimits,
      wallNanoseconds: TimeOfDay.nanoseconds())
    return try BrokerCore(settings, loop: loop, logger: logger)
  }

  private static func wait<Value: Sendable>(
    for future: EventLoopFuture<Value>, elseStop group: MultiThreadedEventLoopGroup?
  ) throws(BrokerError) -> Value {
    do {
      return try future.wait()
    } catch {
      try? group?.syncShutdownGracefully()
      throw error as? BrokerError ?? BrokerError("\(error)")
    }
  }
}
