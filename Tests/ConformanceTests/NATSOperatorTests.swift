import Crypto
import Godwit
import GodwitNATS
import GodwitWire
import NATSWire
import TestSupport
import Testing

/// A credentials file, shown to a nats-server in operator mode.
@Suite(.timeLimit(.minutes(1))) struct NATSOperatorTests {
  private struct Identity {
    let key: Curve25519.Signing.PrivateKey
    let name: String

    init(_ role: NATSNkey.Role, key: Curve25519.Signing.PrivateKey = .init()) {
      self.key = key
      self.name =
        NATSNkey(role: role, publicKey: Array(key.publicKey.rawRepresentation))?.text ?? ""
    }

    /// A claim about `subject`, as nats-server reads it.
    func signed(_ subject: Identity, _ claims: String) throws -> String {
      let header = #"{"typ":"JWT","alg":"ed25519-nkey"}"#
      let body =
        #"{"jti":"x","iat":1700000000,"iss":"\#(self.name)","name":"t","sub":"\#(subject.name)","#
        + #""nats":{\#(claims),"version":2}}"#
      let text = [header, body].map { Base64.encodeURL(Array($0.utf8)) }.joined(separator: ".")
      return try text + "." + Base64.encodeURL(Array(self.key.signature(for: Array(text.utf8))))
    }
  }

  private static let seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"

  @Test(arguments: NATSServerProcess.programs)
  func aUserOfAnAccountGetsIn(_ program: String) async throws {
    let `operator` = Identity(.operator)
    let account = Identity(.account)
    let user = Identity(
      .user,
      key: try .init(rawRepresentation: #require(NATSNkey.userSeed(Self.seed))))
    let folder = try TestFolder()
    let accountJWT = try `operator`.signed(
      account,
      #""type":"account","limits":{"subs":-1,"data":-1,"payload":-1,"imports":-1,"exports":-1,"#
        + #""wildcards":true,"conn":-1,"leaf":-1}"#)
    let file = try folder.write(
      "server.conf",
      """
      operator: \(try `operator`.signed(`operator`, #""type":"operator""#))
      resolver: MEMORY
      resolver_preload: { \(account.name): \(accountJWT) }
      """)
    let server = try NATSServerProcess(program, ["-c", file])
    for (issuer, code) in [(account, nil), (Identity(.account), GodwitError.Code.notPermitted)] {
      let jwt = try issuer.signed(
        user, #""type":"user","pub":{},"sub":{},"subs":-1,"data":-1,"payload":-1"#)
      let credentials = try folder.write(
        "user.creds",
        """
        -----BEGIN NATS USER JWT-----
        \(jwt)
        ------END NATS USER JWT------

        -----BEGIN USER NKEY SEED-----
        \(Self.seed)
        ------END USER NKEY SEED------
        """)
      var settings = try NATSSettings(url: "nats://\(server.host):\(server.port)")
      settings.credentials = try .credentialsFile(credentials)
      let broker = try Godwit.Broker.nats(settings, logger: .silent)
      defer { broker.driver.stop() }
      do throws(GodwitError) {
        try await broker.start()
        try await broker.publish(1, to: Topic<Int>("a"))
        #expect(code == nil)
      } catch {
        #expect(error.code == code, "\(error)")
      }
    }
  }
}
