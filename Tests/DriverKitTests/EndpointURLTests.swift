import Godwit
import GodwitDriverKit
import Testing

@Suite struct EndpointURLTests {
  @Test func everyPartIsRead() throws {
    let url = try EndpointURL("TLS://us%40er:p%3Aw:rd@[::1]:4443/path?x", defaultScheme: "nats")
    #expect(url.scheme == "tls")
    #expect(url.user == "us@er")
    #expect(url.password == "p:w:rd")
    #expect(url.host == "::1")
    #expect(url.port == 4443)
    #expect(url.path == "/path?x")
  }

  @Test func onlyTheHostIsNeeded() throws {
    let url = try EndpointURL("broker.example", defaultScheme: "nats")
    #expect(url.scheme == "nats")
    #expect(url.host == "broker.example")
    #expect(url.port == nil)
    #expect(url.user == nil)
    #expect(url.path.isEmpty)
  }

  @Test(arguments: [
    "", "nats://", "nats://:4222", "nats://h:0", "nats://h:65536", "nats://h:x", "nats://h:",
    "nats://u%zz@h", "nats://[::1]x", "nats://a b",
  ])
  func nonsenseIsRefused(_ text: String) {
    let error = #expect(throws: GodwitError.self) { try EndpointURL(text, defaultScheme: "nats") }
    #expect(error?.code == .invalidArgument)
  }

  @Test(arguments: [
    "nats://user:secret@host:x", "nats://user:secret", "nats://user:sec/secret@host",
    "nats://user:secret?x@host", "user:secret", "nats://[user:secret",
  ])
  func errorsHoldNoPassword(_ text: String) {
    let error = #expect(throws: GodwitError.self) { try EndpointURL(text, defaultScheme: "nats") }
    #expect(error?.description.contains("sec") == false, "\(String(describing: error))")
    #expect(error?.description.contains("user:") == false)
  }
}
