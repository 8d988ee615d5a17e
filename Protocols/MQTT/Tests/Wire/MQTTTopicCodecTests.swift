import GodwitWireTesting
import MQTTWire
import Testing

@Suite struct MQTTTopicCodecTests {
  static func encode(_ topic: [UInt8]) -> [UInt8] {
    topic.withUnsafeBytes { bytes in
      Array(unsafeUninitializedCapacity: MQTTTopicCodec.capacity(bytes.count)) { out, count in
        guard let base = out.baseAddress else { return }
        count = MQTTTopicCodec.encode(bytes, into: UnsafeMutableRawPointer(base))
      }
    }
  }

  static func decode(_ canonical: [UInt8]) -> [UInt8]? {
    canonical.withUnsafeBytes { bytes in
      var isSaid = false
      let topic = [UInt8](
        unsafeUninitializedCapacity: MQTTTopicCodec.capacity(bytes.count)
      ) { out, count in
        guard let base = out.baseAddress,
          let size = MQTTTopicCodec.decode(bytes, into: UnsafeMutableRawPointer(base))
        else { return }
        isSaid = true
        count = size
      }
      return isSaid ? topic : nil
    }
  }

  static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  /// MQTT's form and the canonical one.
  static let pairs: [(String, String)] = [
    ("a/b", "a.b"), ("a", "a"), ("/x", "/.x"), ("x/", "x./"), ("a//b", "a./.b"), ("/", "/./"),
    ("//", "/././"), ("a.b", "a//b"), (".", "//"), ("a..b/c", "a////b.c"), ("a b", "a%20b"),
    ("a\tb", "a%09b"), ("*", "%2A"), ("a/>", "a.%3E"), ("a*", "a*"), ("$SYS/x", "$SYS.x"),
    ("100%", "100%"), ("%20", "%2520"), ("%2520", "%252520"), ("%2A", "%252A"), ("%2Ax", "%2Ax"),
    ("%", "%"), ("%%20", "%%2520"), ("%2", "%2"), ("%2B", "+"), ("%252B", "%2B"), ("%23/x", "#.x"),
    ("é/€", "é.€"), ("%2 ", "%2%20"), ("%7E", "%7E"),
  ]

  @Test(arguments: pairs) func translates(_ topic: String, _ canonical: String) throws {
    #expect(Self.text(Self.encode(Array(topic.utf8))) == canonical)
    #expect(Self.decode(Array(canonical.utf8)).map(Self.text) == topic)
  }

  @Test(arguments: [
    ("a/+", "a.*"), ("+", "*"), ("#", ">"), ("a/#", "a.>"), ("+/+/#", "*.*.>"), ("/+", "/.*"),
    ("a.b/+", "a//b.*"),
  ])
  func compilesFilters(_ filter: String, _ pattern: String) {
    #expect(Self.text(Self.encode(Array(filter.utf8))) == pattern)
  }

  @Test(arguments: ["", "/", "a/b", "///", "a..b", ".a", "a.", "a b", "a.*", ">", "a./b", "a.b/"])
  func cannotSay(_ canonical: String) {
    #expect(Self.decode(Array(canonical.utf8)) == nil)
  }

  @Test func cannotSayIllFormedText() {
    #expect(Self.decode([0x61, 0xFF]) == nil)
    #expect(Self.decode([0x61, 0xED, 0xA0, 0x80]) == nil)
  }

  @Test(arguments: pairs.map(\.0) + ["a/+", "#", "a.b/+", "a*/+", "+/>"])
  func knowsWhatNeedsAnEscape(_ topic: String) {
    let canonical = Self.text(Self.encode(Array(topic.utf8)))
    // Dots, empty levels and wildcards have forms of their own.
    let plain = topic.split(separator: "/", omittingEmptySubsequences: false).map { level in
      switch level {
      case "": "/"
      case "+": "*"
      case "#": ">"
      default: level.split(separator: ".", omittingEmptySubsequences: false).joined(separator: "//")
      }
    }.joined(separator: ".")
    // `%2B` stands for the `+` of a subject: no NATS client would refuse that.
    let isForNATS = canonical != plain && canonical.count > plain.count
    #expect(Array(topic.utf8).withUnsafeBytes { MQTTTopicCodec.needsEscape($0) } == isForNATS)
  }

  /// Looking for each one's end would take a million million steps.
  @Test(.timeLimit(.minutes(1)))
  func signsThatAreNoEscapesTakeNoTime() {
    let topic = [UInt8](repeating: UInt8(ascii: "%"), count: 1_000_000)
    #expect(Self.encode(topic) == topic)
    #expect(Self.decode(topic) == topic)
    #expect(!topic.withUnsafeBytes { MQTTTopicCodec.needsEscape($0) })
  }

  /// Every string up to a length over the letters that mean something.
  static func strings(_ alphabet: [UInt8], _ length: Int) -> [[UInt8]] {
    var all: [[UInt8]] = []
    var last: [[UInt8]] = [[]]
    for _ in 0..<length {
      last = last.flatMap { head in alphabet.map { head + [$0] } }
      all += last
    }
    return all
  }

  @Test func isBijectiveOnShortTopics() {
    var seen: [[UInt8]: [UInt8]] = [:]
    for topic in Self.strings(Array("/.% 25*".utf8), 6) {
      let canonical = Self.encode(topic)
      #expect(seen.updateValue(topic, forKey: canonical) == nil, "\(Self.text(canonical))")
      if Self.decode(canonical) != topic {
        Issue.record("\(Self.text(topic)) → \(Self.text(canonical))")
      }
    }
  }

  @Test func isBijectiveOnShortSubjects() {
    var seen: Set<[UInt8]> = []
    var said = 0
    for canonical in Self.strings(Array("/.%+25B".utf8), 6) {
      guard let topic = Self.decode(canonical) else { continue }
      said += 1
      if !seen.insert(topic).inserted || Self.encode(topic) != canonical {
        Issue.record("\(Self.text(canonical)) → \(Self.text(topic))")
      }
      if !topic.withUnsafeBytes({ MQTTTopicName.isValid($0) }) {
        Issue.record("\(Self.text(canonical)) → \(Self.text(topic)), not a name")
      }
    }
    #expect(said > 10_000)
  }

  @Test func isBijectiveOnRandomEscapes() {
    var random = SplitMix64(seed: 7)
    let pieces = ["%", "25", "20", "2A", "2B", "23", "00", "3E", "*", ">", "a", "/", ".", " ", "é"]
    for _ in 0..<50_000 {
      let count = Int.random(in: 1...9, using: &random)
      let text = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
      let topic = Array(text.utf8)
      if Self.decode(Self.encode(topic)) != topic { Issue.record("\(text)") }
      if let back = Self.decode(topic), Self.encode(back) != topic { Issue.record("\(text)") }
    }
  }
}
