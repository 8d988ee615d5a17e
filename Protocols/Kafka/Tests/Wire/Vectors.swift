import Foundation
import KafkaWire
import NIOCore

/// The golden bytes in `Vectors`.
enum Vectors {
  struct Message: Sendable {
    var api: any KafkaAPI.Type
    var isRequest: Bool
    var version: Int16
    /// CRC-32C of the values in the form of `ValueDump`.
    var valueSum: UInt32
    var bytes: [UInt8]

    var name: String { "\(api) \(isRequest ? "request" : "response") v\(version)" }
  }

  struct Frame: Sendable {
    var api: any KafkaAPI.Type
    var isRequest: Bool
    var version: Int16
    var clientID: String?
    var bytes: [UInt8]
  }

  static let messages: [Message] = lines("messages.txt").compactMap { fields in
    guard let api = apis[fields[0]], let version = Int16(fields[2]) else { return nil }
    return Message(
      api: api, isRequest: fields[1] == "request", version: version,
      valueSum: UInt32(fields[3], radix: 16) ?? 0, bytes: hex(fields[4]))
  }

  static let frames: [Frame] = lines("frames.txt").compactMap { fields in
    guard let api = apis[fields[0]], let version = Int16(fields[2]) else { return nil }
    let clientID = fields[3] == "-" ? nil : fields[3] == "." ? "" : fields[3]
    return Frame(
      api: api, isRequest: fields[1] == "request", version: version, clientID: clientID,
      bytes: hex(fields[4]))
  }

  /// By name without the prefix.
  private static let apis: [String: any KafkaAPI.Type] = Dictionary(
    uniqueKeysWithValues: KafkaAPIs.all.map { (String("\($0)".dropFirst(5)), $0) })

  static func hex(_ text: String) -> [UInt8] {
    let digits = Array(text.utf8).map { $0 < 0x40 ? $0 - 0x30 : $0 - 0x57 }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  static func lines(_ file: String) -> [[String]] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    let url = folder.appending(path: "../../Vectors/\(file)")
    guard let text = try? String(contentsOf: url, encoding: .utf8) else { return [] }
    return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
      $0.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    }
  }
}
