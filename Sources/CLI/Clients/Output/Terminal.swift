import Foundation

/// What the standard streams are, and how to write to them.
enum Terminal {
  /// Whether standard output is a terminal that shows colours.
  static var outputHasColours: Bool { Self.hasColours(STDOUT_FILENO) }

  /// Whether standard error is a terminal.
  static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// Whether standard output is a terminal.
  static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  /// Whether the terminal shows more than ASCII.
  static var showsUnicode: Bool {
    let environment = ProcessInfo.processInfo.environment
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].compactMap { environment[$0] }
      .first { !$0.isEmpty }
    return locale?.uppercased().replacingOccurrences(of: "-", with: "").contains("UTF8") ?? false
  }

  private static func hasColours(_ descriptor: Int32) -> Bool {
    let environment = ProcessInfo.processInfo.environment
    let isDumb = environment["TERM"].map { $0.isEmpty || $0 == "dumb" } ?? true
    return isatty(descriptor) == 1 && !isDumb && (environment["NO_COLOR"] ?? "").isEmpty
  }

  /// Writes to standard output. Whoever closed the other end (`| head`) wants no more: the program
  /// ends without a word.
  static func write(_ bytes: [UInt8]) {
    guard Self.write(bytes, to: STDOUT_FILENO) else { exit(EXIT_SUCCESS) }
  }

  /// Writes a line to standard error.
  static func complain(_ line: String) {
    _ = Self.write(Array("\(line)\n".utf8), to: STDERR_FILENO)
  }

  /// Writes the last line to standard error, over the `^C` that a terminal shows.
  static func conclude(_ line: String) {
    Self.complain(Self.errorIsTerminal ? "\r\u{1B}[K\(line)" : line)
  }

  /// Writes text to standard error as it is.
  static func writeError(_ text: String) {
    _ = Self.write(Array(text.utf8), to: STDERR_FILENO)
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    bytes.withUnsafeBytes { raw in
      var rest = raw[...]
      while !rest.isEmpty {
        let part = UnsafeRawBufferPointer(rebasing: rest)
        let count = Glibc.write(descriptor, part.baseAddress, part.count)
        if count >= 0 {
          rest = rest.dropFirst(count)
        } else if errno == EAGAIN {
          var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          poll(&ready, 1, -1)
        } else if errno != EINTR {
          return false
        }
      }
      return true
    }
  }
}
