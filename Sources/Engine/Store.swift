public import NIOCore

/// Where a tenant's logs and journals are kept: the memory of this process, or a folder.
///
/// Names are any text; a store makes them into file names that cannot collide or leave its folder.
public protocol Store: AnyObject {
  /// Whether what is kept here outlives the process.
  var isDurable: Bool { get }

  /// The log of that name, with all that was kept of it; an empty one on first use.
  ///
  /// - Parameter isKnown: whether there is such a log already, as somebody has written down. It is
  ///   opened then, however little room there is; a new one is not.
  /// - Throws: `EngineError` with `storageFailed` when it cannot be opened, `quotaExceeded` when
  ///   there is no room for another.
  func log(named name: String, isKnown: Bool) throws(EngineError) -> any Log

  /// The journal of that name, with all that was kept of it; an empty one on first use.
  ///
  /// - Parameter isKnown: as for a log.
  /// - Throws: as for a log.
  func journal(named name: String, isKnown: Bool) throws(EngineError) -> any Journal

  /// Forgets a log, or a journal, and all that is in it. Nothing may be using it any more.
  func remove(named name: String)
}

extension Journal {
  /// Nothing is certain.
  public func replayWithCertainty(
    _ body: (ByteBuffer, _ isCertain: Bool) -> Void
  ) throws(EngineError) {
    try self.replay { body($0, false) }
  }

  /// Puts `entries` in place of everything: where they are few.
  public func replace(with entries: [ByteBuffer]) {
    self.replace { add in for entry in entries { add(entry) } }
  }

  /// Nothing follows, where there is no order.
  public func goFirst() {}

  /// All there ever was is there.
  public var isDamaged: Bool { false }

  /// As `append`, for a journal that refuses nothing.
  public func propose(_ entries: [ByteBuffer], _ body: @escaping (EngineError?) -> Void) {
    for entry in entries { self.append(entry) }
    self.whenCommitted(body)
  }
}

extension Store {
  /// The log of that name, of which each tenant has one: it is opened however little room there is.
  public func log(named name: String) throws(EngineError) -> any Log {
    try self.log(named: name, isKnown: true)
  }

  /// The journal of that name, of which each tenant has one.
  public func journal(named name: String) throws(EngineError) -> any Journal {
    try self.journal(named: name, isKnown: true)
  }
}

/// Small facts that must last: definitions, positions, acknowledgements, marks. Entries are only
/// ever added, and read once, at start; now and then the owner writes down what they amount to.
public protocol Journal: AnyObject {
  /// Calls `body` with every entry there is, oldest first. Once, before the first `append`. They
  /// are read some at a time; one that is kept may hold on to others.
  ///
  /// - Throws: `storageFailed` when not all can be read.
  func replay(_ body: (ByteBuffer) -> Void) throws(EngineError)

  /// As `replay`, and says of each entry whether the journal itself tells that it was committed. Of
  /// the last ones none does, although they may have been.
  func replayWithCertainty(
    _ body: (ByteBuffer, _ isCertain: Bool) -> Void
  ) throws(EngineError)

  /// From now on, what is added is written before what logs are given in the same turn. So a
  /// process that dies leaves no record in a log of which the journal says nothing that was to tell
  /// of it.
  func goFirst()

  /// Whether something that was kept may be missing: what was found at the start could not be read
  /// whole. Says so of this start only, for what cannot be read is put aside, or cut off.
  var isDamaged: Bool { get }

  /// Adds an entry, of what has happened already. It is written with the next group commit. Where
  /// the disk refuses it, who waits for it hears so, and the journal keeps it all the same: it is
  /// written when there is room, before what is added later, so that the journal comes to say again
  /// what the owner knows. Until then a crash takes it back.
  func append(_ entry: ByteBuffer)

  /// Adds entries of what is to happen when they are committed, and not before. Where the disk
  /// refuses them, nothing of them is kept: neither now nor later, nor is it there after a restart.
  ///
  /// When a sync has failed, nobody knows what is on the disk; the journal takes nothing more then,
  /// and what `body` was refused may be there after a restart.
  ///
  /// - Parameter body: is called when they are as durable as the store's policy promises; or with
  ///   the error, when they are dropped.
  func propose(_ entries: [ByteBuffer], _ body: @escaping (EngineError?) -> Void)

  /// Whether so much has been added since the last snapshot that the owner should `replace` it all.
  var wantsSnapshot: Bool { get }

  /// Puts other entries in place of everything; a crash leaves the old or the new, never a mixture.
  ///
  /// - Parameter produce: calls `add` with one after the other, at once; each may go when the next
  ///   comes. It must not use the journal. It is not called where nothing can be written now.
  func replace(_ produce: (_ add: (ByteBuffer) -> Void) -> Void)

  /// Calls `body` when everything added so far is as durable as the store's policy promises; or
  /// with the error, when the disk has refused it, or never will take it. What was refused before
  /// and is still kept is tried again.
  func whenCommitted(_ body: @escaping (EngineError?) -> Void)
}
