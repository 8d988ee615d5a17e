import Godwit
import MQTTWire
import NIOCore

/// Topics, patterns and groups in MQTT's form.
enum MQTTNames {
  /// A topic that came from the server in the framework's form.
  static func topic(_ name: ByteBuffer) -> String {
    name.withUnsafeReadableBytes { bytes in
      String(decoding: MQTTTopicCodec.canonical(bytes), as: UTF8.self)
    }
  }

  /// A topic's name.
  ///
  /// - Throws: `invalidArgument` when MQTT cannot say it.
  static func name(_ topic: String) throws(GodwitError) -> ByteBuffer {
    guard let name = MQTTTopicCodec.name(Array(topic.utf8)), name.count <= Int(UInt16.max) else {
      throw GodwitError(.invalidArgument, "'\(topic)' cannot be an MQTT topic")
    }
    return ByteBuffer(bytes: name)
  }

  /// A subscription's filter.
  ///
  /// A final `>` stands for one level or more; it becomes `+/#`, since `#` alone takes the parent
  /// too.
  ///
  /// - Throws: `invalidArgument` when MQTT cannot say it.
  static func filter(_ pattern: String, group: String?) throws(GodwitError) -> ByteBuffer {
    let levels = pattern.split(separator: ".", omittingEmptySubsequences: false)
    var parts: [String] = []
    for (index, level) in levels.enumerated() {
      switch level {
      case "*": parts.append("+")
      case ">" where levels.count == 1: parts.append("#")
      case ">" where index == levels.count - 1: parts.append("+/#")
      case "/": parts.append("")
      default:
        guard let name = MQTTTopicCodec.name(Array(level.utf8)) else {
          throw GodwitError(.invalidArgument, "'\(pattern)' cannot be an MQTT topic filter")
        }
        parts.append(String(decoding: name, as: UTF8.self))
      }
    }
    var filter = parts.joined(separator: "/")
    guard group != nil || !["$share", "$queue", "$exclusive", "$delayed"].contains(parts.first)
    else {
      throw GodwitError(.invalidArgument, "'\(pattern)' means something else to MQTT servers")
    }
    if let group {
      let isShareName =
        !group.isEmpty && !group.utf8.contains { Array("/+#".utf8).contains($0) || $0 < 0x20 }
      guard isShareName else {
        throw GodwitError(.invalidArgument, "'\(group)' cannot be the name of an MQTT share")
      }
      filter = "$share/\(group)/\(filter)"
    }
    let buffer = ByteBuffer(string: filter)
    let isFilter = buffer.withUnsafeReadableBytes { MQTTTopicFilter($0) != nil }
    guard isFilter, buffer.readableBytes <= Int(UInt16.max) else {
      throw GodwitError(.invalidArgument, "'\(pattern)' cannot be an MQTT topic filter")
    }
    return buffer
  }

  /// The client id of a subscription's own session: readable, and another for every other
  /// subscription.
  ///
  /// - Parameter place: which of several of the same kind in one driver it is, from 1.
  static func clientID(_ client: String, id: String, filter: ByteBuffer, place: Int) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in Array(id.utf8) + [0] + Array(filter.readableBytesView) {
      hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }
    let word = id.utf8.prefix(40).map { byte -> Character in
      let isPlain =
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF) || byte == 0x2D
        || byte == 0x2E
      return isPlain ? Character(UnicodeScalar(byte)) : "_"
    }
    let base = "\(client)-\(String(word))-\(String(hash, radix: 36))"
    return place == 1 ? base : "\(base)-\(place)"
  }
}
