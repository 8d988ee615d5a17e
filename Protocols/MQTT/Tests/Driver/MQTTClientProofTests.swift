import Godwit
import MQTTWire
import NIOCore
import Testing

@testable import GodwitMQTT

/// Passwords that the client's half proves: at the login and again, to servers that know them and
/// to others. The exchange is the example of RFC 7677, section 3.
@Suite struct MQTTClientProofTests {
  private static let challenge =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
  private static let proof = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

  private static func properties(
    _ data: String, method: String = "SCRAM-SHA-256"
  ) -> MQTTProperties {
    var properties = MQTTProperties()
    properties.append(.authenticationMethod, method)
    properties.append(.authenticationData, data)
    return properties
  }

  private static func auth(
    _ reason: MQTTReasonCode, _ data: String, method: String = "SCRAM-SHA-256"
  ) -> MQTTPacket {
    .auth(MQTTAuth(reason: reason, properties: Self.properties(data, method: method)))
  }

  private static func words(_ packets: [MQTTPacket]) -> [String] {
    packets.map { packet in
      guard case .auth(let auth) = packet else { return packet.words }
      let data = auth.properties.data(.authenticationData).map { String(buffer: $0) } ?? ""
      return "AUTH \(auth.reason.rawValue) \(data.prefix(12))"
    }
  }

  private static func bench() throws -> MQTTBench {
    try MQTTBench(nonce: "rOprNGfwEbeRWgbNEkqO") {
      $0.credentials = .scram("user", password: "pencil")
    }
  }

  /// A machine that was let in.
  private static func connected() throws -> MQTTBench {
    var bench = try Self.bench()
    _ = bench.begin()
    #expect(
      Self.words(try bench.hear(Self.auth(.continueAuthentication, Self.challenge)))
        == ["AUTH 24 c=biws,r=rOp"])
    _ = try bench.hear(.connack(MQTTConnack(code: 0, properties: Self.properties(Self.proof))))
    #expect(bench.events == ["connected"])
    bench.events = []
    return bench
  }

  @Test func itIsProvenAgainWhileMessagesGoOn() throws {
    var bench = try Self.connected()
    #expect(Self.words(bench.prove()) == ["AUTH 25 n,,n=user,r="])
    // Whoever asks meanwhile has the same answer.
    #expect(bench.prove().isEmpty)
    #expect(try bench.publish(1, "a").map(\.words) == ["PUBLISH 1 a"])
    #expect(
      Self.words(try bench.hear(Self.auth(.continueAuthentication, Self.challenge)))
        == ["AUTH 24 c=biws,r=rOp"])
    _ = try bench.hear(.acknowledged(1))
    #expect(bench.events == ["published 1 ?"])
    #expect(try bench.hear(Self.auth(.success, Self.proof)).isEmpty)
    #expect(bench.events == ["published 1 ?", "reauthenticated"])
    #expect(Self.words(bench.prove()) == ["AUTH 25 n,,n=user,r="])
  }

  @Test func aLoginThatIsToComeProvesIt() throws {
    var bench = try Self.bench()
    #expect(bench.prove().isEmpty)
    #expect(bench.events == ["reauthenticated"])
    bench = try Self.connected()
    _ = bench.prove()
    bench.end()
    // Another exchange belongs to another connection.
    #expect(bench.prove().isEmpty)
    #expect(bench.events == ["reauthenticated"])
  }

  @Test(arguments: [
    Self.auth(.success, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8="),
    .auth(MQTTAuth(reason: .success)),
    Self.auth(.success, Self.proof),
    Self.auth(.continueAuthentication, "r=other,s=AA==,i=4096"),
    Self.auth(.continueAuthentication, Self.challenge, method: "PLAIN"),
  ])
  func aServerThatDoesNotKnowThePasswordIsLeft(_ answer: MQTTPacket) throws {
    var bench = try Self.connected()
    _ = bench.prove()
    let ending = #expect(throws: MQTTBench.Ending.self) { _ = try bench.hear(answer) }
    #expect(ending?.error.code == .notPermitted)
    #expect(ending?.said.count == 1)
    #expect(bench.events.isEmpty)
  }

  @Test(arguments: [MQTTProperties(), Self.properties("v=AAAA")])
  func aLoginWithoutAProofIsNone(_ properties: MQTTProperties) throws {
    var bench = try Self.bench()
    _ = bench.begin()
    _ = try bench.hear(Self.auth(.continueAuthentication, Self.challenge))
    let ending = #expect(throws: MQTTBench.Ending.self) {
      _ = try bench.hear(.connack(MQTTConnack(code: 0, properties: properties)))
    }
    #expect(ending?.error.code == .notPermitted)
    #expect(ending?.said.map(\.words) == ["DISCONNECT 135"])
  }

  @Test(arguments: ["I\u{AD}X", "\u{2168}", "IX"])
  func passwordsHaveOneForm(_ typed: String) throws {
    #expect(
      try MQTTCredentials.scram(typed, password: typed).prepared() == .scram("IX", password: "IX"))
  }

  @Test(arguments: [
    ("ada", "\u{07}"), ("\u{07}", "pw"), ("ada", "\u{0627}1"), ("ada", "\u{AD}"), ("ada", ""),
    ("", "pw"),
  ])
  func whatHasNoFormIsRefused(_ user: String, _ password: String) throws {
    var settings = try MQTTSettings(url: "mqtt://h")
    settings.credentials = .scram(user, password: password)
    let error = #expect(throws: GodwitError.self) { _ = try MQTTDriver(settings) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("SASLprep") == true)
    // A password that is shown is bytes to MQTT.
    settings.credentials = .user(user, password: password)
    _ = try MQTTDriver(settings)
  }
}
