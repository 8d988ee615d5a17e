import FoundationEssentials
import GodwitWire
import NATSWire
import Testing

/// One line of a file in `Vectors`.
struct NATSVector: Hashable, CustomTestStringConvertible {
  var bytes: [UInt8]
  var operations: [ParsedOperation]
  /// The name of the expected `NATSWireError.Code`.
  var error: String?

  var testDescription: String { String(decoding: self.bytes, as: UTF8.self).debugDescription }

  /// The vectors for one side's operations.
  static func load(_ sender: NATSParser.Sender) -> [NATSVector] {
    let name = sender == .client ? "client-operations.json" : "server-operations.json"
    let folder = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let path = "/\(folder)/Vectors/\(name)"
    guard let data = FileManager.default.contents(atPath: path),
      let document = try? JSONValue(parsing: Array(data))
    else { return [] }
    return (document.elements ?? []).map { entry in
      NATSVector(
        bytes: Array((entry["bytes"]?.string ?? "").utf8),
        operations: (entry["operations"]?.elements ?? []).map { ParsedOperation($0) },
        error: entry["error"]?.string)
    }
  }
}
