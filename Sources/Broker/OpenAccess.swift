import GodwitEngine

/// Lets everyone in, into the tenant `default`, where nobody is asked who they are.
final class OpenAccess: Authenticator {
  private let engine: Engine

  init(engine: Engine) {
    self.engine = engine
  }

  var requiresCredentials: Bool { false }
  var offersNonce: Bool { false }

  func authenticate(
    _ credentials: Credentials, peer: PeerIdentity,
    completion: @escaping (Result<Principal, AccessRefusal>) -> Void
  ) {
    completion(.success(Principal(name: "", tenant: self.engine.tenant(named: "default"))))
  }

  func scramCredential(for user: String) -> SCRAMCredential {
    SCRAMCredential(
      salt: [UInt8](repeating: 0, count: 16), iterations: 4096,
      storedKey: [UInt8](repeating: 0, count: 32), serverKey: [UInt8](repeating: 0, count: 32))
  }

  func refresh(_ principal: Principal, peer: PeerIdentity) -> Principal? { principal }
}
