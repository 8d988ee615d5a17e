import Godwit

/// Names of services, and the subjects they stand for.
enum ConduitSubjects {
  /// What a service listens on begins with it. The original has its namespace twice.
  static let namespace = "conduit.conduit"
  /// The most bytes in a service's name.
  static let nameBytesMax = 256

  /// The subject of a service, which is the name of its queue group, too.
  static func service(_ name: String) -> String { "\(self.namespace).\(self.formatted(name))" }

  /// Where streams for every instance of a service arrive, before a token of the sender.
  static func shared(_ name: String) -> String { "_INBOX.conduit.\(self.formatted(name))" }

  /// A service's name as it stands in subjects: `userService` is `user-service`.
  ///
  /// A capital behind a small letter becomes a hyphen and a small letter; other letters, digits,
  /// `-`, `.` and `*` stay; `_` becomes `-`; everything else is left out.
  static func formatted(_ name: String) -> String {
    var bytes: [UInt8] = []
    var previous: UInt8 = 0
    for byte in name.utf8 {
      switch byte {
      case 0x41...0x5A where (0x61...0x7A).contains(previous): bytes += [0x2D, byte | 0x20]
      case 0x41...0x5A, 0x61...0x7A, 0x30...0x39, 0x2D, 0x2E, 0x2A: bytes.append(byte)
      case 0x5F: bytes.append(0x2D)
      default: break
      }
      previous = byte
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Checks that a name can be a service's: ASCII, and a subject without wildcards.
  ///
  /// - Throws: `invalidArgument`.
  static func validate(_ name: String) throws(GodwitError) {
    guard name.utf8.count <= self.nameBytesMax else {
      throw GodwitError(
        .invalidArgument, "a service's name of more than \(self.nameBytesMax) bytes")
    }
    guard name.utf8.allSatisfy({ (0x20..<0x7F).contains($0) && $0 != 0x2A }) else {
      throw GodwitError(.invalidArgument, "'\(name)' is no service's name: ASCII, and no '*'")
    }
    let levels = self.formatted(name).split(separator: ".", omittingEmptySubsequences: false)
    guard levels.allSatisfy({ !$0.isEmpty }) else {
      throw GodwitError(
        .invalidArgument, "'\(name)' is no service's name: nothing of it, or of a part, is left")
    }
  }

  /// The level that names a sender's stream to all instances of a service, after the reply address
  /// of its handshake: the same for every instance, and another for every send.
  static func token(of replyTo: String) -> String {
    var bytes: [UInt8] = []
    for byte in replyTo.utf8 {
      // What could be a wildcard, or another level.
      bytes.append(byte == 0x2E || byte == 0x2A || byte == 0x3E ? 0x5F : byte)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whether something can be published to what another side names: no wildcard, no blank.
  static func isPublishable(_ subject: String) -> Bool {
    guard !subject.isEmpty, subject.utf8.count <= 1_024 else { return false }
    return subject.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { level in
      !level.isEmpty && level != "*" && level != ">"
        && level.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
    }
  }

  /// The last level of a topic.
  static func lastLevel(of topic: String) -> Substring {
    topic[(topic.lastIndex(of: ".").map { topic.index(after: $0) } ?? topic.startIndex)...]
  }
}
