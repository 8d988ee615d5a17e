public import Godwit
public import Logging
import NIOCore
import NIOPosix

/// A driver's connection as tasks see it: started, run, stopped, and given commands.
///
/// It connects with `start`, `run` or the first command, whatever comes first, and again whenever
/// the connection breaks, until `stop`.
public final class DriverLink<Dialect: Conversation>: Sendable {
  /// Where commands wait for the event loop.
  public let mailbox: Mailbox<Dialect.Batch>
  private let loop: any EventLoop
  private let box: NIOLoopBoundBox<Link<Dialect>?>

  /// A link that has not connected, on one of the process's event loops.
  ///
  /// - Parameter makeDialect: makes the conversation, on the event loop.
  public convenience init(
    _ settings: LinkSettings, states: ConnectionStates, logger: Logger,
    makeDialect: @escaping @Sendable () -> Dialect
  ) {
    self.init(
      settings, stateChanged: { states.move(to: $0) }, logger: logger, makeDialect: makeDialect)
  }

  /// A link whose states are part of a driver's that has several.
  ///
  /// - Parameters:
  ///   - stateChanged: is called on the event loop with each state after the first, which is idle.
  ///   - makeDialect: makes the conversation, on the event loop.
  public init(
    _ settings: LinkSettings, stateChanged: @escaping @Sendable (ConnectionState) -> Void,
    logger: Logger, makeDialect: @escaping @Sendable () -> Dialect
  ) {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let box = NIOLoopBoundBox.makeEmptyBox(valueType: Link<Dialect>.self, eventLoop: loop)
    let wake: @Sendable () -> Void = { [weak box] in loop.execute { box?.value?.work() } }
    let mailbox = Mailbox<Dialect.Batch>(
      bytesMax: settings.pendingBytesMax, wake: wake, wakeSoon: Self.behindReadyTasks(wake))
    loop.execute {
      box.value = Link(
        loop: loop, settings: settings, stateChanged: stateChanged, logger: logger,
        mailbox: mailbox, dialect: makeDialect())
    }
    self.loop = loop
    self.box = box
    self.mailbox = mailbox
  }

  deinit {
    let box = self.box
    self.loop.execute {
      box.value?.finish(.success(()))
      box.value = nil
    }
  }

  /// Connects. Returns when publishes and subscriptions work.
  ///
  /// - Throws: why no server could be connected to, each having been tried once.
  public func start() async throws(GodwitError) {
    let starter = Confirmation<Void>()
    let box = self.box
    self.loop.execute { box.value?.start(starter) }
    try await starter.wait()
  }

  /// Connects and keeps the connection until `stop`.
  ///
  /// - Throws: what `start` throws; why the connection was given up.
  public func run() async throws(GodwitError) {
    let ender = Confirmation<Void>()
    let box = self.box
    self.loop.execute { box.value?.awaitEnd(ender) }
    do throws(GodwitError) {
      try await self.start()
    } catch  where error.code == .closed {
      // Stopped before it was there.
    }
    try await ender.wait()
  }

  /// Confirms what is on its way, closes, and lets `run` return.
  public func stop() {
    let box = self.box
    self.loop.execute { box.value?.stop() }
  }

  /// Confirms what is on its way and closes. Returns when that is over.
  public func close() async {
    let ender = Confirmation<Void>()
    let box = self.box
    self.loop.execute {
      box.value?.awaitEnd(ender)
      box.value?.stop()
    }
    _ = try? await ender.wait()
  }
}
