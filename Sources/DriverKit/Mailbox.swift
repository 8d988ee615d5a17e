public import Godwit
import Synchronization

/// What tasks ask of a driver, on its way to the driver's event loop, in order and within bounds.
///
/// The loop is woken once for any number of commands.
public final class Mailbox<Command: Sendable>: Sendable {
  private struct Inner {
    var commands: [Command] = []
    /// Bytes of the commands here.
    var bytes = 0
    /// Bytes that the loop has taken and that are not with the socket yet.
    var bytesAhead = 0
    var isWoken = false
    var waiting: [Confirmation<Void>] = []
    var ending: GodwitError?
  }

  private enum Answer {
    case posted(isFirst: Bool)
    case full
    case closed(GodwitError)
  }

  /// The most bytes on their way to the socket.
  public let bytesMax: Int
  private let inner = Mutex(Inner())
  private let wake: @Sendable () -> Void

  /// - Parameters:
  ///   - bytesMax: the most bytes that may wait here and behind here.
  ///   - wake: has the loop call `take` soon.
  public init(bytesMax: Int, wake: @escaping @Sendable () -> Void) {
    self.bytesMax = bytesMax
    self.wake = wake
  }

  /// Bytes on their way to the socket.
  public var bytes: Int { self.inner.withLock { $0.bytes + $0.bytesAhead } }

  /// Leaves a command for the loop.
  ///
  /// - Parameter bytes: what it adds to what waits; a command of 0 bytes always has room.
  /// - Returns: whether there was room.
  /// - Throws: what the mailbox was closed with.
  public func post(_ command: Command, bytes: Int = 0) throws(GodwitError) -> Bool {
    let answer = self.inner.withLock { inner -> Answer in
      if let ending = inner.ending { return .closed(ending) }
      // Something larger than the bound passes alone.
      let before = inner.bytes + inner.bytesAhead
      guard bytes == 0 || before == 0 || bytes <= self.bytesMax - before else { return .full }
      inner.commands.append(command)
      inner.bytes += bytes
      defer { inner.isWoken = true }
      return .posted(isFirst: !inner.isWoken)
    }
    switch answer {
    case .posted(let isFirst):
      if isFirst { self.wake() }
      return true
    case .full: return false
    case .closed(let error): throw error
    }
  }

  /// Waits until half of the bound is free, when it is not.
  ///
  /// - Throws: `cancelled`, what the mailbox was closed with.
  public func waitForRoom() async throws(GodwitError) {
    let room = Confirmation<Void>()
    let ending = self.inner.withLock { inner -> GodwitError? in
      if let ending = inner.ending { return ending }
      if inner.bytes + inner.bytesAhead <= self.bytesMax / 2 {
        room.settle(.success(()))
      } else {
        inner.waiting.append(room)
      }
      return nil
    }
    if let ending { throw ending }
    try await room.wait { self.forget(room) }
  }

  private func forget(_ room: Confirmation<Void>) {
    self.inner.withLock { inner in inner.waiting.removeAll { $0 === room } }
  }

  /// The commands so far. On the loop.
  public func take() -> [Command] {
    self.inner.withLock { inner in
      defer {
        inner.commands.removeAll(keepingCapacity: inner.commands.count <= 1_024)
        // What was here is ahead now, until the loop says how much really is.
        inner.bytesAhead += inner.bytes
        inner.bytes = 0
        inner.isWoken = false
      }
      return inner.commands
    }
  }

  /// Says how many bytes of what was taken are not with the socket yet. On the loop.
  public func note(bytesAhead: Int) {
    let waiting = self.inner.withLock { inner -> [Confirmation<Void>] in
      inner.bytesAhead = bytesAhead
      guard !inner.waiting.isEmpty, inner.bytes + bytesAhead <= self.bytesMax / 2 else { return [] }
      defer { inner.waiting = [] }
      return inner.waiting
    }
    for waiter in waiting { waiter.settle(.success(())) }
  }

  /// Takes no more commands; those who come or wait get `error`.
  ///
  /// - Returns: the commands that nobody has taken.
  public func close(_ error: GodwitError) -> [Command] {
    let (waiting, commands) = self.inner.withLock { inner in
      inner.ending = inner.ending ?? error
      defer {
        inner.waiting = []
        inner.commands = []
        inner.bytes = 0
      }
      return (inner.waiting, inner.commands)
    }
    for waiter in waiting { waiter.settle(.failure(error)) }
    return commands
  }
}
