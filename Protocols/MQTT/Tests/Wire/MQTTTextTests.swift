import GodwitWireTesting
import MQTTWire
import Testing

@Suite struct MQTTTextTests {
  static func isValid(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { MQTTText.isValid($0) } }

  /// The standard library's decoder repairs; text it need not repair is well-formed.
  static func reference(_ bytes: [UInt8]) -> Bool {
    !bytes.contains(0) && Array(String(decoding: bytes, as: UTF8.self).utf8) == bytes
  }

  @Test func agreesWithTheStandardLibraryOnTwoBytes() {
    for first in UInt8.min...UInt8.max {
      for second in UInt8.min...UInt8.max {
        let bytes = [first, second]
        if Self.isValid(bytes) != Self.reference(bytes) { Issue.record("\(bytes)") }
      }
    }
  }

  @Test func agreesWithTheStandardLibraryOnMutations() {
    let corpus = ["plain ascii text of some length", "é€😀é€😀", "\u{D7FF}\u{E000}\u{10FFFF}"]
    var mutator = ByteMutator(
      seed: FuzzEffort.seed(3), corpus: corpus.map { Array($0.utf8) })
    var valid = 0
    for _ in 0..<FuzzEffort.rounds(50_000) {
      let bytes = mutator.next()
      let expected = Self.reference(bytes)
      if expected { valid += 1 }
      if Self.isValid(bytes) != expected { Issue.record("\(bytes)") }
      let isName = bytes.withUnsafeBytes { MQTTTopicName.isValid($0) }
      let hasWildcard = bytes.contains { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "#") }
      if isName != (expected && !bytes.isEmpty && !hasWildcard) { Issue.record("\(bytes)") }
    }
    #expect(valid > 1000)
  }

  @Test func payloadsMayHoldNul() {
    let bytes: [UInt8] = [0x61, 0, 0x62]
    #expect(!Self.isValid(bytes))
    #expect(bytes.withUnsafeBytes { MQTTText.isValidPayload($0) })
    #expect(![0xFF].withUnsafeBytes { MQTTText.isValidPayload($0) })
  }
}
