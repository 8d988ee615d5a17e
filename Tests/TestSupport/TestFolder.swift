import FoundationEssentials

/// A folder that is gone with this value.
public final class TestFolder: Sendable {
  /// Where it is.
  public let path: String

  /// An empty folder among the system's temporary ones.
  public init() throws {
    self.path =
      FileManager.default.temporaryDirectory
      .appending(path: "godwit-\(UInt64.random(in: 0 ... .max))").path
    try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: false)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: self.path)
  }

  /// Writes a file and answers its path.
  @discardableResult
  public func write(_ name: String, _ text: String) throws -> String {
    let file = "\(self.path)/\(name)"
    try Data(text.utf8).write(to: URL(filePath: file))
    return file
  }
}
