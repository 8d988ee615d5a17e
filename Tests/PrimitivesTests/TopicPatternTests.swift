import GodwitPrimitives
import Testing

/// The rule as the specifications say it, over split strings.
func naiveMatch(_ pattern: String, _ tail: TopicPattern.Tail, _ topic: String) -> Bool {
  var ours = pattern.split(separator: ".", omittingEmptySubsequences: false)[...]
  var theirs = topic.split(separator: ".", omittingEmptySubsequences: false)[...]
  while let level = ours.popFirst() {
    if level == ">", ours.isEmpty, tail != .exact {
      return tail == .zeroOrMore || !theirs.isEmpty
    }
    guard let other = theirs.popFirst() else { return false }
    if level != "*", level != other { return false }
  }
  return theirs.isEmpty
}

func naiveHides(_ pattern: String, _ reserved: TopicPattern.Reserved, _ topic: String) -> Bool {
  let first = pattern.split(separator: ".")[0]
  guard first == "*" || first == ">", topic.hasPrefix("$") else { return false }
  return reserved == .dollar || topic == "$SYS" || topic.hasPrefix("$SYS.")
}

func pattern(
  _ text: String, _ openTail: TopicPattern.Tail = .oneOrMore,
  _ reserved: TopicPattern.Reserved = .system
) -> TopicPattern {
  TopicPattern(canonical: Array(text.utf8), openTail: openTail, reserved: reserved)
}

func matches(_ pattern: TopicPattern, _ topic: String) -> Bool {
  Array(topic.utf8).withUnsafeBytes { pattern.matches($0) }
}

struct TopicPatternTests {
  @Test(arguments: [
    ("a.b", "a.b", true), ("a.b", "a.c", false), ("a.*", "a.b", true), ("a.*", "a", false),
    ("a.*", "a.b.c", false), ("a.>", "a.b.c", true), ("a.>", "a", false), (">", "a", true),
    ("*.b", "a.b", true), ("*", "a.b", false), (">", "$SYS.x", false), (">", "$SYSX", true),
    ("$SYS.>", "$SYS.x", true), ("*.x", "$SYS.x", false), ("a.*.c", "a.b.c", true),
  ])
  func natsRules(_ text: String, _ topic: String, _ expected: Bool) {
    #expect(matches(pattern(text), topic) == expected)
  }

  @Test(arguments: [
    ("a.>", "a", true), ("a.>", "a.b.c", true), ("a.>", "ab", false), (">", "a", true),
    (">", "$x", false), ("*.a", "$x.a", false), ("$x.>", "$x", true), ("*.>", "/", true),
    ("*.>", "/.b", true),
  ])
  func mqttRules(_ text: String, _ topic: String, _ expected: Bool) {
    #expect(matches(pattern(text, .zeroOrMore, .dollar), topic) == expected)
  }

  @Test func aWildcardWithinALevelIsALiteral() {
    #expect(pattern("a.b*").hasWildcard == false)
    #expect(matches(pattern("a.b*"), "a.b*"))
    #expect(!matches(pattern("a.b*"), "a.bc"))
    #expect(pattern("a.>.b").tail == .exact)
  }

  @Test(arguments: 1...20)
  func agreesWithTheNaiveRule(seed: UInt64) {
    var random = Random(seed: seed)
    for _ in 0..<2_000 {
      let text = random.levels(wildcards: true)
      let topic = random.levels(wildcards: false)
      let tail: TopicPattern.Tail = Bool.random(using: &random) ? .oneOrMore : .zeroOrMore
      let reserved: TopicPattern.Reserved = Bool.random(using: &random) ? .system : .dollar
      let compiled = pattern(text, tail, reserved)
      let expected =
        naiveMatch(text, compiled.tail, topic) && !naiveHides(text, reserved, topic)
      #expect(matches(compiled, topic) == expected, "\(text) \(tail) \(reserved) \(topic)")
    }
  }

  @Test(arguments: 1...10)
  func coversAndOverlapsAgreeWithMatching(seed: UInt64) {
    var random = Random(seed: seed)
    let topics = (0..<300).map { _ in random.levels(wildcards: false) }
      .filter { !$0.hasPrefix("$") }
    for _ in 0..<500 {
      let left = pattern(
        random.levels(wildcards: true), Bool.random(using: &random) ? .oneOrMore : .zeroOrMore)
      let right = pattern(
        random.levels(wildcards: true), Bool.random(using: &random) ? .oneOrMore : .zeroOrMore)
      for topic in topics {
        let inLeft = matches(left, topic)
        let inRight = matches(right, topic)
        if left.covers(right), inRight { #expect(inLeft, "\(left) covers \(right) but \(topic)") }
        if inLeft, inRight {
          #expect(left.overlaps(right), "\(left) overlaps \(right) at \(topic)")
        }
      }
    }
  }

  @Test func coversExamples() {
    #expect(pattern("a.>").covers(pattern("a.*")))
    #expect(pattern("a.>").covers(pattern("a.b.>")))
    #expect(!pattern("a.*").covers(pattern("a.>")))
    #expect(!pattern("a.>").covers(pattern("a.>", .zeroOrMore)))
    #expect(pattern("a.>", .zeroOrMore).covers(pattern("a.>")))
    #expect(pattern("a.>", .zeroOrMore).covers(pattern("a")))
    #expect(!pattern("a.b").covers(pattern("a.*")))
    #expect(pattern(">").covers(pattern("a.>", .zeroOrMore)))
    #expect(pattern(">").covers(pattern(">", .zeroOrMore)))
    #expect(matches(pattern(">", .oneOrMore, .nothing), "$SYS.x"))
    #expect(!pattern("a.b").overlaps(pattern("a.c")))
    #expect(pattern("a.*").overlaps(pattern("*.b")))
  }
}
