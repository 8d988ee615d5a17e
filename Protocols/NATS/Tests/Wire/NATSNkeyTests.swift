import NATSWire
import Testing

@Suite struct NATSNkeyTests {
  /// From nats-server's documentation of nkeys.
  static let user = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"

  @Test func readsAndWritesTheTextForm() throws {
    let key = try #require(NATSNkey(Self.user))
    #expect(key.role == .user)
    #expect(key.publicKey.count == 32)
    #expect(key.text == Self.user)
    #expect(NATSNkey(role: .user, publicKey: key.publicKey) == key)
    #expect(NATSNkey(role: .server, publicKey: key.publicKey)?.text.first == "N")
    #expect(NATSNkey(role: .user, publicKey: [1]) == nil)
  }

  @Test func everyDamagedCharacterIsNoticed() {
    let characters = Array(Self.user.utf8)
    for index in characters.indices {
      for replacement in "AB7z1=".utf8 where replacement != characters[index] {
        var damaged = characters
        damaged[index] = replacement
        #expect(NATSNkey(String(decoding: damaged, as: UTF8.self)) == nil)
      }
    }
    #expect(NATSNkey("") == nil)
    #expect(NATSNkey(Self.user + "A") == nil)
    #expect(NATSNkey(String(Self.user.dropLast())) == nil)
  }
}
