import GodwitEngine
import GodwitWire
import Testing

@testable import GodwitBroker

struct PasswordHashTests {
  /// RFC 7677, section 3: user `user`, password `pencil`. The signature and proof there follow from
  /// these keys.
  @Test func agreesWithTheRFC() throws {
    let salt = try #require(Base64.decode(Array("W22ZaJ0SNY7soEsUEjb6gQ==".utf8)))
    let hash = PasswordHash(password: Array("pencil".utf8), salt: salt, iterations: 4_096)
    #expect(
      Base64.encode(hash.credential.storedKey)
        == "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=")
    #expect(
      Base64.encode(hash.credential.serverKey)
        == "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")
  }

  @Test func oneIterationIsOne() {
    let hash = PasswordHash(password: [1], salt: [2], iterations: 1)
    #expect(hash.verifies([1]))
    #expect(!hash.verifies([2]))
  }

  @Test func survivesItsTextForm() throws {
    let hash = PasswordHash(password: Array("secret".utf8), iterations: 10)
    let read = try #require(PasswordHash(hash.text))
    #expect(read == hash)
    #expect(read.verifies(Array("secret".utf8)))
    #expect(!read.verifies(Array("Secret".utf8)))
    #expect(!read.verifies([]))
    #expect(!read.verifies(Array("secret\u{0}".utf8)))
  }

  @Test func twoHashesOfOnePasswordDiffer() {
    let password = Array("secret".utf8)
    #expect(
      PasswordHash(password: password, iterations: 1).text
        != PasswordHash(password: password, iterations: 1).text)
  }

  @Test(arguments: [
    "", "secret", "SCRAM-SHA-256$", "SCRAM-SHA-256$4096:abc$def",
    "SCRAM-SHA-256$0:AAAA$AAAA:AAAA", "SCRAM-SHA-256$99999999999:AAAA$AAAA:AAAA",
    "SCRAM-SHA-256$4096:!!!!$AAAA:AAAA", "SCRAM-SHA-1$4096:AAAA$AAAA:AAAA",
  ])
  func garbageIsNoHash(_ text: String) {
    #expect(PasswordHash(text) == nil)
  }

  /// Computed by Python's hashlib.
  @Test func theOtherHashFunctionHasItsOwnPrefix() throws {
    let text =
      "SCRAM-SHA-512$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
      + "6AAub3065EYRmyFpM2RNwqK+eGnrkYuEWbXn19LsEmBqzu8QaCXNc1FwpnX9"
      + "NhH2hK/60dzj9DoO5DvVkOHbvg==:jZHbYjC1aHh0/hKbxyBuGFjDrgjgKTT"
      + "1esA7awWiKcRZ0o/0b1yWEebBeSVkkCFewf91nLDfKF24mvD5nmE6rA=="
    let hash = try #require(PasswordHash(text))
    #expect(hash.text == text && hash.credential.hash == .sha512)
    #expect(hash.verifies(Array("pencil".utf8)) && !hash.verifies(Array("pencils".utf8)))
    #expect(PasswordHash(text.replacing("512", with: "256")) == nil)
  }
}
