import Crypto
import GodwitEngine
import GodwitFrontEndKit

/// Decides who gets in, by the settings.
///
/// Confined to the loop; passwords are hashed at the desk. Names and passwords are compared in the
/// form of SASLprep.
final class BrokerAuthenticator: Authenticator {
  /// Passwords that are remembered as right, so that a fleet that comes back costs little.
  private static let rememberedMax = 4_096

  private let rules: AccessRules
  private let engine: Engine
  private let desk: PasswordDesk
  private let key = SymmetricKey(size: .bits256)
  private var remembered: [[UInt8]: String] = [:]
  private var hashes: [String: PasswordHash] = [:]
  private var shared: [String: Principal] = [:]

  init(_ rules: AccessRules, engine: Engine, desk: PasswordDesk) {
    self.rules = rules
    self.engine = engine
    self.desk = desk
    var tenants = Set(rules.users.values.map(\.tenant))
    if rules.isAnonymousAllowed || !rules.token.isEmpty { tenants.insert(rules.tenant) }
    engine.tenantsExpected = tenants.count
  }

  var requiresCredentials: Bool { !self.rules.isAnonymousAllowed }

  var offersNonce: Bool { self.rules.users.values.contains { $0.publicKey != nil } }

  func authenticate(
    _ credentials: Credentials, peer: PeerIdentity,
    completion: @escaping (Result<Principal, AccessRefusal>) -> Void
  ) {
    switch credentials {
    case .none:
      completion(self.withoutCredentials(peer))
    case .token(let token):
      let isRight = !self.rules.token.isEmpty && Self.same(token, self.rules.token)
      completion(isRight ? self.principal(nil, peer) : .failure(.badCredentials))
    case .nkey(let publicKey, let signature, let nonce):
      completion(self.nkey(publicKey, signature, nonce, peer))
    case .verified(let name):
      completion(
        (try? SASLprep.prepare(name)).flatMap { self.rules.users[$0] }
          .map { self.principal($0, peer) } ?? .failure(.badCredentials))
    case .password(let name, let password):
      self.password(name, password, peer, completion)
    }
  }

  // MARK: The ways in

  private func withoutCredentials(_ peer: PeerIdentity) -> Result<Principal, AccessRefusal> {
    if let common = peer.certificateCommonName,
      let user = self.rules.users.values.first(where: { $0.certificate == common })
    {
      return self.principal(user, peer)
    }
    return self.rules.isAnonymousAllowed
      ? self.principal(nil, peer) : .failure(.credentialsRequired)
  }

  private func nkey(
    _ publicKey: [UInt8], _ signature: [UInt8], _ nonce: [UInt8], _ peer: PeerIdentity
  ) -> Result<Principal, AccessRefusal> {
    guard let user = self.rules.users.values.first(where: { $0.publicKey == publicKey }),
      let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey),
      key.isValidSignature(signature, for: nonce)
    else { return .failure(.badCredentials) }
    return self.principal(user, peer)
  }

  private func password(
    _ name: String, _ password: [UInt8], _ peer: PeerIdentity,
    _ completion: @escaping (Result<Principal, AccessRefusal>) -> Void
  ) {
    // Where nobody is known and everybody may come in, a name and a password say nothing.
    if self.rules.users.isEmpty, self.rules.isAnonymousAllowed {
      completion(self.principal(nil, peer))
      return
    }
    guard let name = try? SASLprep.prepare(name), let password = try? SASLprep.prepare(password)
    else {
      // Nobody has such a name or password. It takes as long as any that is wrong.
      self.check([], of: nil, digest: [], peer, completion)
      return
    }
    let user = self.rules.users[name]
    let digest = Array(
      HMAC<SHA256>.authenticationCode(for: Array(name.utf8) + [0] + password, using: self.key))
    if let user, self.remembered[digest] == name {
      completion(self.principal(user, peer))
      return
    }
    self.check(password, of: user, digest: digest, peer, completion)
  }

  private func check(
    _ password: [UInt8], of user: AccessRules.User?, digest: [UInt8], _ peer: PeerIdentity,
    _ completion: @escaping (Result<Principal, AccessRefusal>) -> Void
  ) {
    let known = user.flatMap { self.hashes[$0.name] ?? $0.password }
    let plain = known == nil ? user?.plainPassword : nil
    let isAccepted = self.desk.accept(from: peer.address) {
      // A user that does not exist, or has no password, takes as long as a wrong password.
      let hash = known ?? PasswordHash(password: plain ?? [])
      return (isRight: hash.verifies(password) && (known != nil || plain != nil), hash: hash)
    } completion: { answer in
      guard let answer, answer.isRight, let user else {
        completion(.failure(.badCredentials))
        return
      }
      self.hashes[user.name] = answer.hash
      if self.remembered.count >= Self.rememberedMax { self.remembered.removeAll() }
      self.remembered[digest] = user.name
      completion(self.principal(user, peer))
    }
    if !isAccepted { completion(.failure(.busy)) }
  }

  func scramCredential(for said: String) -> SCRAMCredential {
    let user = (try? SASLprep.prepare(said)) ?? said
    if let known = self.hashes[user] ?? self.rules.users[user]?.password { return known.credential }
    if let plain = self.rules.users[user]?.plainPassword {
      let hash = PasswordHash(password: plain)
      self.hashes[user] = hash
      return hash.credential
    }
    // The same made-up answer each time, so that asking twice tells nothing.
    let code = Array(
      HMAC<SHA256>.authenticationCode(for: Array("salt of \(user)".utf8), using: self.key))
    let stored = Array(
      HMAC<SHA256>.authenticationCode(for: Array("key of \(user)".utf8), using: self.key))
    return SCRAMCredential(
      salt: Array(code.prefix(16)), iterations: PasswordHash.iterations, storedKey: stored,
      serverKey: Array(SHA256.hash(data: stored)))
  }

  func refresh(_ principal: Principal, peer: PeerIdentity) -> Principal? {
    guard principal.name.isEmpty else {
      guard let user = self.rules.users[principal.name] else { return nil }
      return try? self.principal(user, peer).get()
    }
    // Nobody in particular: still welcome as long as there is a way in without a name.
    guard self.rules.isAnonymousAllowed || !self.rules.token.isEmpty else { return nil }
    return try? self.principal(nil, peer).get()
  }

  // MARK: Principals

  /// The principal of a user, or of nobody in particular. Shared as long as nothing in it depends
  /// on the client.
  private func principal(
    _ user: AccessRules.User?, _ peer: PeerIdentity
  ) -> Result<Principal, AccessRefusal> {
    if let user, !user.mayCome(from: peer) { return .failure(.notAuthorized) }
    let name = user?.name ?? ""
    let isOwn = !self.rules.rules.isEmpty || user?.permissions != nil
    if !isOwn, let known = self.shared[name] { return .success(known) }
    let principal = Principal(
      name: name, tenant: self.engine.tenant(named: user?.tenant ?? self.rules.tenant),
      permissions: self.rules.permissions(user: user, name: name, peer: peer),
      subscriptionsMax: user?.subscriptionsMax ?? 0, payloadBytesMax: user?.payloadBytesMax ?? 0,
      revision: "\(user?.revision ?? "") \(self.rules.rulesRevision)")
    if !isOwn { self.shared[name] = principal }
    return .success(principal)
  }

  private static func same(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    // Digests compare in constant time.
    SHA256.hash(data: left) == SHA256.hash(data: right)
  }
}
