import Testing

@testable import GodwitCLI

@Suite struct ServerAddressTests {
  @Test(arguments: [
    ("nats://127.0.0.1:4222", ServerAddress.Language.nats, false, "127.0.0.1:4222"),
    ("example.org", .nats, false, "example.org:4222"),
    ("example.org:1", .nats, false, "example.org:1"),
    ("tls://example.org", .nats, true, "example.org:4222"),
    ("mqtt://example.org", .mqtt, false, "example.org:1883"),
    ("mqtt://example.org/", .mqtt, false, "example.org:1883"),
    ("MQTTS://example.org", .mqtt, true, "example.org:8883"),
    ("mqtt://[::1]", .mqtt, false, "[::1]:1883"),
    ("nats://[fe80::1]:65535", .nats, false, "[fe80::1]:65535"),
  ])
  func reads(url: String, language: ServerAddress.Language, usesTLS: Bool, shown: String) throws {
    let address = try ServerAddress(url)
    #expect(address.language == language)
    #expect(address.usesTLS == usesTLS)
    #expect(address.description == shown)
    #expect(address.user == nil)
  }

  @Test func readsCredentials() throws {
    let address = try ServerAddress("mqtt://me%40home:p%3Aw:x@host:99")
    #expect(address.user == "me@home")
    #expect(address.password == "p:w:x")
    #expect(address.description == "host:99")
    let token = try ServerAddress("nats://secret@host")
    #expect(token.user == "secret")
    #expect(token.password == nil)
  }

  @Test(arguments: [
    "http://host", "nats://", "nats://host:0", "nats://host:65536", "nats://host:port",
    "nats://host:-1", "nats://host/path", "[::1]9",
  ])
  func refuses(url: String) {
    #expect(throws: ClientError.self) { try ServerAddress(url) }
  }
}
