/// What takes part in the group commit: logs and journals.
protocol CommitMember: AnyObject {
  /// Whether it waits to be written: the store's own note.
  var isDirty: Bool { get set }
  /// Whether it waits to be synced: the store's own note.
  var isUnsynced: Bool { get set }
  /// Whether nobody uses it any more.
  var isAbandoned: Bool { get }
  /// Tells those who wait that what they wait for never comes, once it is abandoned.
  func dismiss()
  /// Whether it is written before the others.
  var goesFirst: Bool { get }
  /// Whether it goes first and may not be written now: then nobody may. It has the store commit
  /// when it goes on.
  var isHeldUp: Bool { get }
  /// Writes what was added since the last time. Called when the turn of the loop ends.
  func write()
  /// As `write`, but for what may be written elsewhere, which is handed back. `wasWritten` is
  /// called when that is done, and nothing else before.
  func writeElsewhere() -> DiskWrite?
  /// What `writeElsewhere` handed back is in the file, or not.
  func wasWritten(_ error: DiskError?)
  /// How far it is written.
  var writtenMark: UInt64 { get }
  /// What must be synced for that to last; asked once for each sync.
  func takeUnsynced() -> (files: [any DiskFile], folders: [String])
  /// All that `takeUnsynced` named last is on the disk.
  func wasSynced()
  /// Everything up to `mark` is as durable as the policy promises.
  func commit(to mark: UInt64)
  /// A sync has failed: nobody knows what of the things written since the last one is on the disk,
  /// and asking again would not tell. Nothing more can be promised.
  func fail(_ error: DiskError)
}

extension CommitMember {
  /// Never.
  var isHeldUp: Bool { false }

  /// All of it is little.
  func writeElsewhere() -> DiskWrite? {
    self.write()
    return nil
  }

  /// Nothing was handed back.
  func wasWritten(_ error: DiskError?) {}

  /// Nobody waits for it.
  func wasSynced() {}
}
