import GodwitEngine
import GodwitFrontEndKit
import Testing

/// Who is let in while the settings are read again must be welcome under the new ones.
struct AccessControlTests {
  /// Answers when it is told to, and knows some names.
  private final class Patient: Authenticator {
    let requiresCredentials = true
    let offersNonce = false
    let engine: Engine
    let names: Set<String>
    var answers: [() -> Void] = []

    init(_ engine: Engine, _ names: Set<String>) {
      self.engine = engine
      self.names = names
    }

    func authenticate(
      _ credentials: Credentials, peer: PeerIdentity,
      completion: @escaping (Result<Principal, AccessRefusal>) -> Void
    ) {
      guard case .password(let name, _) = credentials else { return }
      let principal = Principal(name: name, tenant: self.engine.tenant(named: "old"))
      self.answers.append { completion(.success(principal)) }
    }

    func scramCredential(for user: String, hash: SCRAMHash) -> SCRAMCredential {
      SCRAMCredential(salt: [], iterations: 1, storedKey: [], serverKey: [])
    }

    func refresh(_ principal: Principal, peer: PeerIdentity) -> Principal? {
      guard self.names.contains(principal.name) else { return nil }
      return Principal(name: principal.name, tenant: self.engine.tenant(named: "new"))
    }

    func standing(of principal: Principal, peer: PeerIdentity) -> Principal? {
      refresh(principal, peer: peer)
    }
  }

  /// Lets `name` in; meanwhile only the names `after` become known, when that is said.
  private func outcome(_ name: String, after: Set<String>?) -> Result<String, AccessRefusal>? {
    let engine = Engine(now: 1)
    let first = Patient(engine, ["a", "b"])
    let access = AccessControl(first)
    var outcome: Result<String, AccessRefusal>?
    access.authenticate(
      .password(user: name, password: []), peer: PeerIdentity(protocolName: "x", address: "")
    ) { outcome = $0.map { "\($0.name) of \($0.tenant.name)" } }
    if let after { access.authenticator = Patient(engine, after) }
    for answer in first.answers { answer() }
    return withExtendedLifetime(engine) { outcome }
  }

  @Test func anAnswerThatCameInTimeStands() {
    #expect(self.outcome("a", after: nil) == .success("a of old"))
  }

  @Test func anAnswerThatIsLateIsCheckedAgain() {
    #expect(self.outcome("a", after: ["a"]) == .success("a of new"))
    #expect(self.outcome("a", after: ["b"]) == .failure(.badCredentials))
  }
}
