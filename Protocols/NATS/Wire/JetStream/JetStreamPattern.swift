/// The rules of `NATSSubject` for texts, as configurations have them.
enum JetStreamPattern {
  /// Whether it is a pattern: no empty token, no white space, `>` only as the last token.
  static func isValid(_ subject: String) -> Bool {
    !subject.utf8.contains { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D || $0 == 0x0C }
      && self.with(subject) { NATSSubject.isValidPattern($0) }
  }

  /// Whether it has no token `*` or `>`.
  static func isLiteral(_ subject: String) -> Bool {
    self.with(subject) { !NATSSubject.hasWildcard($0) }
  }

  /// Whether a message can be published to it.
  static func isPublishable(_ subject: String) -> Bool {
    self.isValid(subject) && self.isLiteral(subject)
  }

  /// Whether some subject is one of both.
  static func collide(_ first: String, _ second: String) -> Bool {
    self.with(first) { first in
      self.with(second) { NATSSubject.collide(first, $0) }
    }
  }

  /// Whether all that `subject` stands for is one of `pattern`.
  static func matches(_ subject: String, _ pattern: String) -> Bool {
    self.with(subject) { subject in
      self.with(pattern) { NATSSubject.matches(subject, pattern: $0) }
    }
  }

  private static func with<Result>(
    _ text: String, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    var text = text
    return text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
  }
}
