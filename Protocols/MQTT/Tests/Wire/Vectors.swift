import Foundation
import MQTTWire
import Testing

/// The golden bytes in `Vectors`.
enum Vectors {
  struct Packet: CustomTestStringConvertible {
    var name: String
    var version: MQTTVersion
    var bytes: [UInt8]
    var testDescription: String { name }
  }

  struct Refusal: CustomTestStringConvertible {
    var name: String
    /// `nil` before CONNECT.
    var version: MQTTVersion?
    var reason: MQTTReasonCode
    var bytes: [UInt8]
    var testDescription: String { name }
  }

  static let packets: [Packet] = lines("packets.txt").map { fields in
    Packet(name: fields[0], version: version(fields[1]) ?? .v5, bytes: hex(fields[2]))
  }

  static let refusals: [Refusal] = lines("refusals.txt").map { fields in
    Refusal(
      name: fields[0], version: version(fields[1]),
      reason: MQTTReasonCode(rawValue: UInt8(fields[2], radix: 16) ?? 0), bytes: hex(fields[3]))
  }

  private static func version(_ field: String) -> MQTTVersion? {
    UInt8(field).flatMap { MQTTVersion(rawValue: $0) }
  }

  private static func hex(_ text: String) -> [UInt8] {
    let digits = Array(text)
    return stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(digits[$0..<$0 + 2]), radix: 16)
    }
  }

  private static func lines(_ file: String) -> [[String]] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    let url = folder.appending(path: "../../Vectors/\(file)")
    guard let text = try? String(contentsOf: url, encoding: .utf8) else { return [] }
    return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
      $0.split(separator: " ").map(String.init)
    }
  }
}
