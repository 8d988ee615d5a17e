public import Godwit
import Synchronization

/// What tasks ask of a driver, on its way to the driver's event loop, in order and within bounds.
///
/// The loop is woken once for any number of commands. While it comes by itself (`attend`), it is
/// not woken for those that nobody waits for.
public final class Mailbox<Command: Sendable>: Sendable {
  private struct Inner {
    var commands: [Command] = []
    /// Bytes of the commands here.
    var bytes = 0
    /// Bytes of the largest command ever.
    var largest = 0
    /// Bytes that the loop has taken and that are not with the socket yet.
    var bytesAhead = 0
    var isWoken = false
    /// Whether the loop is woken when the tasks that are ready have run.
    var isWokenSoon = false
    /// Whether the loop comes soon without being woken.
    var isAttended = false
    /// Whether some command here has time.
    var hasPatient = false
    var waiting: [Confirmation<Void>] = []
    var ending: GodwitError?
  }

  private enum Answer {
    case posted
    case first
    case firstOfTurn
    case full
    case closed(GodwitError)
  }

  /// Commands that have time do not wait when there is as much to write.
  private static var patientBytesMax: Int { 65_536 }

  /// The most bytes on their way to the socket.
  public let bytesMax: Int
  private let inner = Mutex(Inner())
  private let wake: @Sendable () -> Void
  private let wakeSoon: @Sendable () -> Void

  /// - Parameters:
  ///   - bytesMax: the most bytes that may wait here and behind here.
  ///   - wake: has the loop call `take` soon.
  ///   - wakeSoon: does so when the tasks that are ready to run have run, so that what they post
  ///     goes with it. By default `wake`.
  public init(
    bytesMax: Int, wake: @escaping @Sendable () -> Void,
    wakeSoon: (@Sendable () -> Void)? = nil
  ) {
    self.bytesMax = bytesMax
    self.wake = wake
    self.wakeSoon = wakeSoon ?? wake
  }

  /// Bytes on their way to the socket.
  public var bytes: Int { self.inner.withLock { $0.bytes + $0.bytesAhead } }

  /// The most bytes that commands can have on their way to the socket: the bound, or the largest
  /// command, which passes alone.
  var bytesPossible: Int { self.inner.withLock { max(self.bytesMax, $0.largest) } }

  /// Leaves a command for the loop.
  ///
  /// - Parameters:
  ///   - bytes: what it adds to what waits; a command of 0 bytes always has room.
  ///   - isPatient: whether nobody waits for what becomes of it.
  /// - Returns: whether there was room.
  /// - Throws: what the mailbox was closed with.
  public func post(
    _ command: Command, bytes: Int = 0, isPatient: Bool = false
  ) throws(GodwitError) -> Bool {
    let answer = self.inner.withLock { inner -> Answer in
      if let ending = inner.ending { return .closed(ending) }
      // Something larger than the bound passes alone.
      let before = inner.bytes + inner.bytesAhead
      guard bytes == 0 || before == 0 || bytes <= self.bytesMax - before else { return .full }
      inner.commands.append(command)
      inner.bytes += bytes
      inner.largest = max(inner.largest, bytes)
      if isPatient { inner.hasPatient = true }
      if inner.isWoken { return .posted }
      guard isPatient else {
        defer { inner.isWokenSoon = true }
        return inner.isWokenSoon ? .posted : .firstOfTurn
      }
      if inner.isAttended, inner.bytes < Self.patientBytesMax { return .posted }
      inner.isWoken = true
      return .first
    }
    switch answer {
    case .posted: return true
    case .first:
      self.wake()
      return true
    case .firstOfTurn:
      self.wakeSoon()
      return true
    case .full: return false
    case .closed(let error): throw error
    }
  }

  /// Waits until half of the bound is free, when it is not.
  ///
  /// - Throws: `overloaded` when there was no room by `deadline`; `cancelled`; what the mailbox was
  ///   closed with.
  public func waitForRoom(
    until deadline: ContinuousClock.Instant? = nil
  ) async throws(GodwitError) {
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
    guard let deadline else { return try await room.wait { self.forget(room) } }
    let timer = self.giveUp(room, at: deadline)
    defer { timer.cancel() }
    try await room.wait { self.forget(room) }
  }

  func forget(_ room: Confirmation<Void>) {
    self.inner.withLock { inner in inner.waiting.removeAll { $0 === room } }
  }

  /// What the loop found.
  public struct Mail {
    /// The commands so far.
    public var commands: [Command]
    /// Whether some of them had time: more of the kind may follow.
    public var hasPatient: Bool
    /// Whether the loop has to come again by itself.
    public var isAttended: Bool
  }

  /// The commands so far. On the loop. Where nothing had time, it need not come by itself again.
  public func take() -> Mail {
    self.inner.withLock { inner in
      inner.isAttended = inner.isAttended && inner.hasPatient
      defer {
        inner.commands.removeAll(keepingCapacity: inner.commands.count <= 1_024)
        // What was here is ahead now, until the loop says how much really is.
        inner.bytesAhead += inner.bytes
        inner.bytes = 0
        inner.isWoken = false
        inner.isWokenSoon = false
        inner.hasPatient = false
      }
      return Mail(
        commands: inner.commands, hasPatient: inner.hasPatient, isAttended: inner.isAttended)
    }
  }

  /// The loop will call `take` soon, whether it is woken or not. On the loop.
  public func attend() {
    self.inner.withLock { $0.isAttended = true }
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
