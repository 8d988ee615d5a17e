import Foundation

/// The golden bytes in `Vectors/compressed.txt`.
enum CompressionVectors {
  struct Vector: Sendable {
    var format: String
    var name: String
    var size: Int
    var sum: UInt32
    var bytes: [UInt8]
  }

  static let all: [Vector] = {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    let url = folder.appending(path: "../Vectors/compressed.txt")
    guard let text = try? String(contentsOf: url, encoding: .utf8) else { return [] }
    return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
      let fields = line.split(separator: " ").map(String.init)
      return Vector(
        format: fields[0], name: fields[1], size: Int(fields[2]) ?? -1,
        sum: UInt32(fields[3], radix: 16) ?? 0, bytes: hex(fields[4]))
    }
  }()

  private static func hex(_ text: String) -> [UInt8] {
    let digits = Array(text.utf8).map { $0 < 0x40 ? $0 - 0x30 : $0 - 0x57 }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }
}
