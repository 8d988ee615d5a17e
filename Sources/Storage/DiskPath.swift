/// What paths say of themselves.
enum DiskPath {
  /// The folder of a file, or the one above a folder.
  static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }
}
