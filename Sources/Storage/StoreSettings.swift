/// How a file store keeps what it is given.
public struct StoreSettings: Hashable, Sendable {
  /// When what was appended counts as committed.
  public enum Sync: Hashable, Sendable {
    /// After the disk says that it would survive a loss of power. All that came in meanwhile shares
    /// the next sync ("group commit").
    case always
    /// When the operating system has it: it survives the end of this process, however sudden. The
    /// disk is asked that often, in nanoseconds, so that a loss of power costs no more.
    case interval(Int64)
    /// When the operating system has it, and writes it when it likes.
    case never
  }

  /// Default: every second.
  public var sync: Sync = .interval(1_000_000_000)
  /// When a segment is full, in bytes. Default 64 MiB.
  public var segmentBytesMax = 64 << 20
  /// How many bytes of a segment one entry of its index stands for, and are read at once. Default
  /// 64 KiB.
  public var blockBytes = 64 << 10
  /// What is kept in memory of all that was read or written. Default 16 MiB.
  public var cacheBytesMax = 16 << 20
  /// What is added to logs within a turn and comes to so many bytes or more is written by the event
  /// loops that the logs were dealt. Less than that is written at once: to hand it over would cost
  /// more. Default 1 MiB.
  public var elsewhereBytesMin = 1 << 20
  /// How long segments wait to be written anew from when more than half of one is dead, in
  /// nanoseconds: what is under way is gone then, and most need no copying. Default 5 s.
  public var compactionDelay: Int64 = 5_000_000_000

  /// Settings with every member at its default.
  public init() {}
}
