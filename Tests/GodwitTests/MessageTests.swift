import Godwit
import Testing

@Suite struct MessageTests {
  @Test func idsAreDistinctLettersAndDigits() {
    let ids = (0..<1_000).map { _ in Message.makeID() }
    #expect(Set(ids).count == 1_000)
    #expect(ids.allSatisfy { $0.utf8.count == 22 })
    let alphabet = Set(ids.joined())
    #expect(alphabet.count == 62)
    #expect(alphabet.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) })
  }
}
