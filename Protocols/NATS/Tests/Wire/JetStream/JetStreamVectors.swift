import FoundationEssentials
import GodwitWire
import NATSWire
import Testing

/// What nats-server 2.15.1 answered, from a file in `Vectors`: each entry is one request.
enum JetStreamVectors {
  /// The entries of a file, in the order they were recorded.
  static func load(_ name: String) throws -> [JSONValue] {
    let folder = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
    let data = try #require(
      FileManager.default.contents(atPath: "/\(folder)/Vectors/\(name).json"))
    let entries = try #require(try JSONValue(parsing: Array(data)).elements)
    try #require(!entries.isEmpty)
    return entries
  }
}

extension JSONValue {
  /// A member that is text.
  func text(_ name: String) -> String { self[name]?.string ?? "" }
}

extension String {
  /// Calls `body` with the text's bytes.
  func bytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try Array(self.utf8).withUnsafeBytes { try body($0) }
  }
}
