/// Something about a store that its operator should know.
public struct StorageReport: Hashable, Sendable, CustomStringConvertible {
  /// What kind of news it is.
  public enum Kind: Hashable, Sendable {
    /// The end of a file was torn, as a crash leaves it, and was cut off. Nothing that was
    /// acknowledged was in it, if the disk keeps its word.
    case cut
    /// Bytes in the middle of a file cannot be read. What they held is lost.
    case damaged
    /// The disk refused something.
    case failed
  }

  /// What kind of news it is.
  public let kind: Kind
  /// The file.
  public let path: String
  /// What happened.
  public let message: String

  /// Such as `data/x.log: 12 bytes cut off at 4096`.
  public var description: String { "\(self.path): \(self.message)" }
}
