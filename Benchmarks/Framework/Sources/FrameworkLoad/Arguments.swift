/// What the command line says: `key=value` words.
struct Arguments {
  /// What to measure.
  var mode = ""
  /// What the server speaks: `nats` or `mqtt`.
  var scheme = "nats"
  /// The server, `host:port`.
  var address = "127.0.0.1:4222"
  /// Messages that are measured; a tenth as many go before, to warm up.
  var messages = 100_000
  /// Bytes of a body.
  var size = 16
  /// Whether what is received has the headers that the framework itself sends.
  var hasHeaders = false
  /// The quality of service over MQTT.
  var qos = 1

  init(_ words: some Sequence<String>) throws {
    for word in words {
      let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else { throw Unusable(what: word) }
      switch parts[0] {
      case "mode": self.mode = parts[1]
      case "protocol": self.scheme = parts[1]
      case "addr": self.address = parts[1]
      case "msgs": self.messages = try Self.number(parts[1])
      case "size": self.size = try Self.number(parts[1])
      case "headers": self.hasHeaders = try Self.number(parts[1]) != 0
      case "qos": self.qos = try Self.number(parts[1])
      default: throw Unusable(what: word)
      }
    }
  }

  private static func number(_ text: String) throws -> Int {
    guard let number = Int(text), number >= 0 else { throw Unusable(what: text) }
    return number
  }
}

/// An argument that means nothing.
struct Unusable: Error {
  var what: String
}
