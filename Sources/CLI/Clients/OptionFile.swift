import Foundation

/// A file that an option names: a password, a token, a key.
enum OptionFile {
  /// All of it.
  static func contents(_ file: String) throws(ClientError) -> String {
    guard let data = FileManager.default.contents(atPath: file) else {
      throw ClientError("`\(file)` cannot be read")
    }
    return String(decoding: data, as: UTF8.self)
  }

  /// Its first line; empty where there is none.
  static func firstLine(_ file: String) throws(ClientError) -> String {
    let contents = try Self.contents(file)
    return contents.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).first
      .map { String($0) } ?? ""
  }
}
