public import Godwit
public import NIOConcurrencyHelpers

/// What gathers in a mailbox until the event loop takes it, in order: commands, and what belongs to
/// them. An array of commands is one.
public protocol CommandBatch {
  /// Nothing.
  init()
  /// Whether there is nothing to do.
  var isEmpty: Bool { get }
}

extension Array: CommandBatch {}

/// What tasks ask of a driver, on its way to the driver's event loop, in order and within bounds.
///
/// Whoever posts writes into the batch that the loop takes next, under a short lock: a message is
/// written once, where the socket takes it from. The loop is woken once for any number of commands.
/// While it comes by itself (`attend`), it is not woken for those that nobody waits for.
public final class Mailbox<Batch: CommandBatch & Sendable>: Sendable {
  @usableFromInline
  struct Inner: Sendable {
    @usableFromInline var batch = Batch()
    @usableFromInline var ledger: MailboxLedger
  }

  /// A lock that does not spin: its holder may have been put aside for who waits.
  @usableFromInline let inner: NIOLockedValueBox<Inner>
  private let wake: @Sendable () -> Void
  private let wakeSoon: @Sendable () -> Void
  /// The most bytes on their way to the socket.
  public let bytesMax: Int

  /// - Parameters:
  ///   - bytesMax: the most bytes that may wait here and behind here.
  ///   - wake: has the loop call `take` soon.
  ///   - wakeSoon: does so when the tasks that are ready to run have run, so that what they post
  ///     goes with it. By default `wake`.
  public init(
    bytesMax: Int, wake: @escaping @Sendable () -> Void,
    wakeSoon: (@Sendable () -> Void)? = nil
  ) {
    self.inner = NIOLockedValueBox(Inner(ledger: MailboxLedger(bytesMax: bytesMax)))
    self.bytesMax = bytesMax
    self.wake = wake
    self.wakeSoon = wakeSoon ?? wake
  }

  /// Bytes on their way to the socket.
  public var bytes: Int { self.inner.withLockedValue { $0.ledger.bytes + $0.ledger.bytesAhead } }

  /// The most bytes that commands can have on their way to the socket: the bound, or the largest
  /// command, which passes alone.
  var bytesPossible: Int { self.inner.withLockedValue { max(self.bytesMax, $0.ledger.largest) } }

  /// Leaves something for the loop.
  ///
  /// - Parameters:
  ///   - bytes: what it adds to what waits; 0 bytes always have room.
  ///   - isPatient: whether nobody waits for what becomes of it.
  ///   - leave: writes it behind what is there; within the lock, and only when there is room.
  /// - Returns: whether there was room.
  /// - Throws: what the mailbox was closed with.
  @inlinable @inline(__always)
  public func post(
    bytes: Int = 0, isPatient: Bool = false, _ leave: (inout Batch) -> Void
  ) throws(GodwitError) -> Bool {
    let admission = self.inner.withLockedValue { inner in
      let admission = inner.ledger.admit(bytes: bytes, isPatient: isPatient)
      if admission.isAdmitted { leave(&inner.batch) }
      return admission
    }
    if case .posted = admission { return true }
    return try self.follow(admission)
  }

  @usableFromInline
  func follow(_ admission: MailboxLedger.Admission) throws(GodwitError) -> Bool {
    switch admission {
    case .posted: break
    case .first: self.wake()
    case .firstOfTurn: self.wakeSoon()
    case .full: return false
    case .closed(let error): throw error
    }
    return true
  }

  /// Waits until half of the bound is free, when it is not.
  ///
  /// - Throws: `overloaded` when there was no room by `deadline`; `cancelled`; what the mailbox was
  ///   closed with.
  public func waitForRoom(
    until deadline: ContinuousClock.Instant? = nil
  ) async throws(GodwitError) {
    let room = Confirmation<Void>()
    let ending = self.inner.withLockedValue { inner -> GodwitError? in
      if let ending = inner.ledger.ending { return ending }
      if inner.ledger.hasRoom {
        room.settle(.success(()))
      } else {
        inner.ledger.waiting.append(room)
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
    self.inner.withLockedValue { inner in inner.ledger.waiting.removeAll { $0 === room } }
  }

  /// What the loop found.
  public struct Mail {
    /// The commands so far.
    public var batch: Batch
    /// Whether some of them had time: more of the kind may follow.
    public var hasPatient: Bool
    /// Whether the loop has to come again by itself.
    public var isAttended: Bool
  }

  /// The commands so far. On the loop. Where nothing had time, it need not come by itself again.
  ///
  /// - Parameter next: where the next ones gather: nothing, but for the room it has.
  public func take(leaving next: consuming Batch = Batch()) -> Mail {
    var batch = next
    let (hasPatient, isAttended) = self.inner.withLockedValue { inner in
      swap(&inner.batch, &batch)
      return inner.ledger.take()
    }
    return Mail(batch: batch, hasPatient: hasPatient, isAttended: isAttended)
  }

  /// The loop will call `take` soon, whether it is woken or not. On the loop.
  public func attend() {
    self.inner.withLockedValue { $0.ledger.isAttended = true }
  }

  /// Says how many bytes of what was taken are not with the socket yet. On the loop.
  public func note(bytesAhead: Int) {
    let waiting = self.inner.withLockedValue { inner -> [Confirmation<Void>] in
      inner.ledger.bytesAhead = bytesAhead
      guard !inner.ledger.waiting.isEmpty, inner.ledger.hasRoom else { return [] }
      defer { inner.ledger.waiting = [] }
      return inner.ledger.waiting
    }
    for waiter in waiting { waiter.settle(.success(())) }
  }

  /// Takes no more commands; those who come or wait get `error`.
  ///
  /// - Returns: the commands that nobody has taken.
  public func close(_ error: GodwitError) -> Batch {
    let (waiting, batch) = self.inner.withLockedValue { inner in
      inner.ledger.ending = inner.ledger.ending ?? error
      defer {
        inner.ledger.waiting = []
        inner.ledger.bytes = 0
        inner.batch = Batch()
      }
      return (inner.ledger.waiting, inner.batch)
    }
    for waiter in waiting { waiter.settle(.failure(error)) }
    return batch
  }
}

extension Mailbox where Batch: RangeReplaceableCollection {
  /// Leaves a command for the loop; otherwise as `post`.
  public func post(
    _ command: Batch.Element, bytes: Int = 0, isPatient: Bool = false
  ) throws(GodwitError) -> Bool {
    try self.post(bytes: bytes, isPatient: isPatient) { $0.append(command) }
  }
}
