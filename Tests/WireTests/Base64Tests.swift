import GodwitWire
import GodwitWireTesting
import Testing

@Suite struct Base64Tests {
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func vectorsOfRFC4648(_ plain: String, _ encoded: String) {
    #expect(Base64.encode(plain.utf8) == encoded)
    #expect(Base64.decode(encoded.utf8) == Array(plain.utf8))
    let bare = encoded.filter { $0 != "=" }
    #expect(Base64.encodeURL(plain.utf8) == bare)
    #expect(Base64.decode(bare.utf8) == Array(plain.utf8))
  }

  @Test func bothAlphabets() {
    let bytes: [UInt8] = [0xFB, 0xFF, 0xFE]
    #expect(Base64.encode(bytes) == "+//+")
    #expect(Base64.encodeURL(bytes) == "-__-")
    #expect(Base64.decode("+//+".utf8) == bytes)
    #expect(Base64.decode("-__-".utf8) == bytes)
  }

  @Test(arguments: ["A", "AAAAA", "A===", "AA=", "AA=A", "AB", "+__-", "A A=", "AA===", "é"])
  func refuses(_ text: String) {
    #expect(Base64.decode(text.utf8) == nil)
  }

  @Test func roundTrip() {
    var random = SplitMix64(seed: 3)
    for count in 0..<200 {
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      #expect(Base64.decode(Base64.encode(bytes).utf8) == bytes)
      #expect(Base64.decode(Base64.encodeURL(bytes).utf8) == bytes)
    }
  }
}
