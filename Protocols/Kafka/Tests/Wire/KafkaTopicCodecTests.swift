import GodwitWireTesting
import KafkaWire
import Testing

@Suite struct KafkaTopicCodecTests {
  private static func canonical(_ name: String) -> String? {
    KafkaTopicCodec.canonical(Array(name.utf8)).map { String(decoding: $0, as: UTF8.self) }
  }

  private static func name(_ topic: String) -> String? {
    KafkaTopicCodec.name(Array(topic.utf8)).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test(arguments: [
    ("orders", "orders"), ("a.b.c", "a.b.c"), ("a..b", "a./.b"), (".a", "/.a"), ("a.", "a./"),
    ("a-b_c", "a-b_c"), ("a-x20-b", "a-x20-b"), ("a-x2F--x2F-b", "a//b"), ("-x24-SYS", "$SYS"),
    ("-xC3--xA9-", "é"), ("-x2D-x23-", "-x23-"), ("-x2D-x2D-x23-", "-x2D#"),
    ("-x2D-x2D-x2D-x23-", "-x2D-x23-"),
    ("-x2D-x23-xC3--xA9-", "-x23é"), ("-x2D-", "-x2D-"), ("...", "/./././"),
  ])
  func namesHaveOneTopicEach(_ name: String, _ topic: String) {
    #expect(Self.canonical(name) == topic)
    #expect(Self.name(topic) == name)
  }

  @Test(arguments: ["", ".", "..", "a b", "a/b", "é", "-x2F-", "a.-x2F-.b", "-x2A-", "-x3E-"])
  func whatIsNoName(_ name: String) {
    #expect(Self.canonical(name) == nil)
  }

  @Test(arguments: ["", "a..b", ".a", "a b", "a\u{7F}", "a.*.b", ">", "/", "/./"])
  func whatKafkaCannotSay(_ topic: String) {
    #expect(Self.name(topic) == nil)
  }

  @Test func namesAreBounded() {
    #expect(Self.name(String(repeating: "x", count: 249)) != nil)
    #expect(Self.name(String(repeating: "x", count: 250)) == nil)
    #expect(Self.canonical(String(repeating: "x", count: 249)) != nil)
    #expect(Self.canonical(String(repeating: "x", count: 250)) == nil)
    #expect(Self.name(String(repeating: "#", count: 50)) == nil)
    #expect(KafkaTopicCodec.name([UInt8](repeating: 0x23, count: 100_000)) == nil)
  }

  @Test func anyTopicComesBackOrCannotBeSaid() {
    var random = SplitMix64(seed: 7)
    let letters = Array("-x2DF0a#./*%".utf8)
    for _ in 0..<20_000 {
      let count = Int(random.next() % 14)
      let bytes = (0..<count).map { _ in letters[Int(random.next() % UInt64(letters.count))] }
      if let name = KafkaTopicCodec.name(bytes) {
        #expect(KafkaTopicCodec.canonical(name) == bytes)
        #expect(KafkaTopicCodec.isValid(name))
      }
      if let topic = KafkaTopicCodec.canonical(bytes) {
        // Another name may stand for it only where this one is not the one that we would give.
        let back = KafkaTopicCodec.name(topic)
        #expect(back == bytes, "\(String(decoding: bytes, as: UTF8.self))")
      }
    }
  }
}
