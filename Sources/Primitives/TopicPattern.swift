/// A compiled subscription pattern over dot-separated levels, the router's own form.
///
/// The bytes are in canonical (NATS) form: a level that is `*` matches any one level; the last
/// level `>` matches the rest. Whether the rest may be empty, and whether a leading wildcard sees
/// topics that begin with `$`, differ per protocol and are part of the pattern.
public struct TopicPattern: Hashable, Sendable {
  /// What a pattern's end accepts.
  public enum Tail: Hashable, Sendable {
    /// The pattern ends with an ordinary level: nothing more may follow.
    case exact
    /// `>` in NATS: at least one more level.
    case oneOrMore
    /// `#` in MQTT: the parent itself, and any number of further levels.
    case zeroOrMore
  }

  /// Which topics a pattern that begins with a wildcard does not see.
  public enum Reserved: Hashable, Sendable {
    /// Those whose first level is `$SYS` (NATS, where system subjects live apart).
    case system
    /// Those that begin with `$` (MQTT 5.0, 4.7.2).
    case dollar
    /// None: permissions, where `>` means everything.
    case nothing
  }

  /// The canonical bytes; `>` stands as the last level for both open tails.
  public let bytes: [UInt8]
  /// What the end accepts.
  public let tail: Tail
  /// Which topics a leading wildcard does not see.
  public let reserved: Reserved
  /// Whether any level is a wildcard.
  public let hasWildcard: Bool
  /// How many levels there are, the open tail included.
  public let levels: Int

  /// A pattern from canonical bytes, where `*` and a final `>` are wildcards.
  ///
  /// - Parameters:
  ///   - canonical: levels joined by `.`; must have been validated by the protocol's codec.
  ///   - openTail: what a final `>` accepts.
  ///   - reserved: which topics a leading wildcard does not see.
  public init(
    canonical: [UInt8], openTail: Tail = .oneOrMore, reserved: Reserved = .system
  ) {
    self.bytes = canonical
    self.reserved = reserved
    var levels = 1
    var wildcard = false
    var start = 0
    var endsOpen = false
    for index in 0...canonical.count {
      guard index == canonical.count || canonical[index] == UInt8(ascii: ".") else { continue }
      if index - start == 1 {
        if canonical[start] == UInt8(ascii: "*") { wildcard = true }
        if canonical[start] == UInt8(ascii: ">") && index == canonical.count {
          wildcard = true
          endsOpen = true
        }
      }
      if index < canonical.count { levels += 1 }
      start = index + 1
    }
    self.levels = levels
    self.hasWildcard = wildcard
    self.tail = endsOpen ? openTail : .exact
  }

  /// Whether the first level is a wildcard.
  public var beginsWithWildcard: Bool {
    guard let first = self.bytes.first else { return false }
    guard first == UInt8(ascii: "*") || first == UInt8(ascii: ">") else { return false }
    return self.bytes.count == 1 || self.bytes[1] == UInt8(ascii: ".")
  }

  /// Whether this pattern, because it begins with a wildcard, may not see `topic`.
  @inlinable
  public func hides(_ topic: UnsafeRawBufferPointer) -> Bool {
    guard topic.count > 0, topic[0] == UInt8(ascii: "$"), self.beginsWithWildcard else {
      return false
    }
    switch self.reserved {
    case .dollar: return true
    case .system: return topic.isSystemTopic
    case .nothing: return false
    }
  }

  /// Whether the pattern matches `topic`, a literal canonical topic.
  public func matches(_ topic: UnsafeRawBufferPointer) -> Bool {
    guard !self.hides(topic) else { return false }
    return self.bytes.withUnsafeBytes { pattern in
      var ours = TopicLevels(pattern)
      var theirs = TopicLevels(topic)
      while let level = ours.next() {
        if ours.isAtEnd, self.tail != .exact {
          return self.tail == .zeroOrMore || theirs.next() != nil
        }
        guard let other = theirs.next() else { return false }
        if level.isWildcardLevel { continue }
        guard level.sameBytes(as: other) else { return false }
      }
      // A pattern `a.b.#` is asked with the topic `a.b`: the loop above answered at `#`.
      return theirs.isAtEnd
    }
  }

  /// Whether every topic that `other` matches is matched by this pattern too.
  public func covers(_ other: TopicPattern) -> Bool {
    self.bytes.withUnsafeBytes { mine in
      other.bytes.withUnsafeBytes { theirs in
        var left = TopicLevels(mine)
        var right = TopicLevels(theirs)
        var isFirst = true
        while let level = left.next() {
          if left.isAtEnd, self.tail == .zeroOrMore { return true }
          guard let candidate = right.next() else { return false }
          let candidateIsOpen = right.isAtEnd && other.tail != .exact
          if left.isAtEnd, self.tail == .oneOrMore {
            // A topic has at least one level: alone, `#` and `>` are the same.
            return isFirst || !(candidateIsOpen && other.tail == .zeroOrMore)
          }
          isFirst = false
          if candidateIsOpen { return false }
          if level.isWildcardLevel { continue }
          guard level.sameBytes(as: candidate) else { return false }
        }
        return right.isAtEnd
      }
    }
  }

  /// Whether some topic is matched by both patterns.
  public func overlaps(_ other: TopicPattern) -> Bool {
    self.bytes.withUnsafeBytes { mine in
      other.bytes.withUnsafeBytes { theirs in
        var left = TopicLevels(mine)
        var right = TopicLevels(theirs)
        while true {
          let a = left.next()
          let b = right.next()
          let leftOpen = a != nil && left.isAtEnd && self.tail != .exact
          let rightOpen = b != nil && right.isAtEnd && other.tail != .exact
          switch (a, b) {
          case (nil, nil): return true
          case (nil, .some): return rightOpen && other.tail == .zeroOrMore
          case (.some, nil): return leftOpen && self.tail == .zeroOrMore
          case (.some(let x), .some(let y)):
            if leftOpen || rightOpen { return true }
            guard x.isWildcardLevel || y.isWildcardLevel || x.sameBytes(as: y) else {
              return false
            }
          }
        }
      }
    }
  }
}

extension TopicPattern: CustomStringConvertible {
  /// The canonical text.
  public var description: String { String(decoding: self.bytes, as: UTF8.self) }
}

extension UnsafeRawBufferPointer {
  /// Whether this level is `*`.
  @inlinable var isWildcardLevel: Bool { self.count == 1 && self[0] == UInt8(ascii: "*") }

  /// Whether the first level of this canonical topic is `$SYS`.
  @inlinable public var isSystemTopic: Bool {
    guard self.count >= 4 else { return false }
    guard self[0] == UInt8(ascii: "$"), self[1] == UInt8(ascii: "S"), self[2] == UInt8(ascii: "Y"),
      self[3] == UInt8(ascii: "S")
    else { return false }
    return self.count == 4 || self[4] == UInt8(ascii: ".")
  }
}
