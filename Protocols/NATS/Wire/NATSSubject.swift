/// The rules for subjects: tokens joined by dots, `*` for one token, `>` for the rest.
///
/// All functions work on borrowed bytes and allocate nothing.
public enum NATSSubject {
  private static var dot: UInt8 { UInt8(ascii: ".") }
  private static var star: UInt8 { UInt8(ascii: "*") }
  private static var rest: UInt8 { UInt8(ascii: ">") }

  /// Whether a subscription may use this subject: no empty token, `>` only as the last one.
  ///
  /// A token such as `a*` is literal. Blanks cannot occur: they end the argument.
  public static func isValidPattern(_ subject: UnsafeRawBufferPointer) -> Bool {
    guard !subject.isEmpty else { return false }
    var index = 0
    while true {
      let start = index
      while index < subject.count, subject[index] != dot { index += 1 }
      guard index > start else { return false }
      if index == subject.count { return true }
      if index - start == 1, subject[start] == rest { return false }
      index += 1
    }
  }

  /// Whether no token is empty. A message to a subject with an empty token reaches nobody.
  public static func hasOnlyFullTokens(_ subject: UnsafeRawBufferPointer) -> Bool {
    guard let last = subject.last, last != dot, subject[0] != dot else { return false }
    var previous: UInt8 = 0
    for byte in subject {
      if byte == dot, previous == dot { return false }
      previous = byte
    }
    return true
  }

  /// Whether a message may be published to this subject by a pedantic client: no empty token,
  /// no token that is `*` or `>`.
  public static func isLiteral(_ subject: UnsafeRawBufferPointer) -> Bool {
    self.hasOnlyFullTokens(subject) && !self.hasWildcard(subject)
  }

  /// Whether a token is `*` or `>`.
  public static func hasWildcard(_ subject: UnsafeRawBufferPointer) -> Bool {
    for index in subject.indices where subject[index] == star || subject[index] == rest {
      let begins = index == 0 || subject[index - 1] == dot
      let ends = index + 1 == subject.count || subject[index + 1] == dot
      if begins && ends { return true }
    }
    return false
  }

  /// The number of tokens; 0 only for an empty subject.
  public static func tokenCount(_ subject: UnsafeRawBufferPointer) -> Int {
    guard !subject.isEmpty else { return 0 }
    var count = 1
    for byte in subject where byte == dot { count += 1 }
    return count
  }

  /// Whether every subject that `subject` stands for is one that `pattern` stands for. For a
  /// literal `subject` this is the match of a message against a subscription.
  public static func matches(
    _ subject: UnsafeRawBufferPointer, pattern: UnsafeRawBufferPointer
  ) -> Bool {
    var subjectTokens = Tokens(subject)
    var patternTokens = Tokens(pattern)
    while let expected = patternTokens.next() {
      guard let token = subjectTokens.next() else { return false }
      if self.isRest(expected) { return true }
      if self.isRest(token) { return false }
      if self.isStar(expected) { continue }
      guard !self.isStar(token), self.areEqual(token, expected) else { return false }
    }
    return subjectTokens.next() == nil
  }

  /// Whether some literal subject matches both patterns.
  public static func collide(
    _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
  ) -> Bool {
    var firstTokens = Tokens(first)
    var secondTokens = Tokens(second)
    while true {
      switch (firstTokens.next(), secondTokens.next()) {
      case (nil, nil): return true
      case (nil, _), (_, nil): return false
      case (let one?, let other?):
        if self.isRest(one) || self.isRest(other) { return true }
        if self.isStar(one) || self.isStar(other) { continue }
        guard self.areEqual(one, other) else { return false }
      }
    }
  }

  private static func isStar(_ token: UnsafeRawBufferPointer) -> Bool {
    token.count == 1 && token[0] == star
  }

  private static func isRest(_ token: UnsafeRawBufferPointer) -> Bool {
    token.count == 1 && token[0] == rest
  }

  private static func areEqual(
    _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
  ) -> Bool {
    first.count == second.count && first.elementsEqual(second)
  }

  /// The tokens of a subject, in order.
  public struct Tokens: Sequence, IteratorProtocol {
    private let subject: UnsafeRawBufferPointer
    private var index: Int?

    /// Iterates over the tokens of `subject`; an empty subject has one empty token.
    public init(_ subject: UnsafeRawBufferPointer) {
      self.subject = subject
      self.index = 0
    }

    /// The next token, without its dot.
    public mutating func next() -> UnsafeRawBufferPointer? {
      guard let start = self.index else { return nil }
      var end = start
      while end < self.subject.count, self.subject[end] != dot { end += 1 }
      self.index = end < self.subject.count ? end + 1 : nil
      return UnsafeRawBufferPointer(rebasing: self.subject[start..<end])
    }
  }
}
