import Crypto
import GodwitEngine
import GodwitFrontEndKit
import GodwitSASLprep

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
  /// Kept for the life of the process: made-up salts must not change when the settings are read
  /// again, and fingerprints must be comparable across that.
  private let key: SymmetricKey
  private var remembered: [[UInt8]: String] = [:]
  private var hashes: [String: PasswordHash] = [:]
  private var shared: [String: Principal] = [:]

  /// How a client was let in.
  private enum Way: String {
    case anonymous, token, certificate, nkey, password
  }

  init(_ rules: AccessRules, engine: Engine, desk: PasswordDesk, key: SymmetricKey) {
    self.key = key
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
      completion(isRight ? self.principal(nil, .token, peer) : .failure(.badCredentials))
    case .nkey(let publicKey, let signature, let nonce):
      completion(self.nkey(publicKey, signature, nonce, peer))
    case .verified(let name, let credential):
      // The password may have changed while the exchange was under way.
      guard let user = (try? SASLprep.prepare(name)).flatMap({ self.rules.users[$0] }),
        credential == self.scramCredential(for: name)
      else {
        completion(.failure(.badCredentials))
        return
      }
      completion(self.principal(user, .password, peer))
    case .password(let name, let password):
      self.password(name, password, peer, completion)
    }
  }

  // MARK: The ways in

  private func withoutCredentials(_ peer: PeerIdentity) -> Result<Principal, AccessRefusal> {
    if let common = peer.certificateCommonName, !common.isEmpty,
      let user = self.rules.users.values.first(where: { $0.certificate == common })
    {
      return self.principal(user, .certificate, peer)
    }
    return self.rules.isAnonymousAllowed
      ? self.principal(nil, .anonymous, peer) : .failure(.credentialsRequired)
  }

  private func nkey(
    _ publicKey: [UInt8], _ signature: [UInt8], _ nonce: [UInt8], _ peer: PeerIdentity
  ) -> Result<Principal, AccessRefusal> {
    guard let user = self.rules.users.values.first(where: { $0.publicKey == publicKey }),
      let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey),
      key.isValidSignature(signature, for: nonce)
    else { return .failure(.badCredentials) }
    return self.principal(user, .nkey, peer)
  }

  private func password(
    _ said: String, _ password: [UInt8], _ peer: PeerIdentity,
    _ completion: @escaping (Result<Principal, AccessRefusal>) -> Void
  ) {
    // Where nobody is known and everybody may come in, a name and a password say nothing.
    if self.rules.users.isEmpty, self.rules.isAnonymousAllowed {
      completion(self.principal(nil, .anonymous, peer))
      return
    }
    guard let name = try? SASLprep.prepare(said), let password = try? SASLprep.prepare(password)
    else {
      // Nobody has such a name or password. It takes as long as any that is wrong.
      self.check([], said, of: nil, digest: [], peer, completion)
      return
    }
    let user = self.rules.users[name]
    let digest = Array(
      HMAC<SHA256>.authenticationCode(for: Array(name.utf8) + [0] + password, using: self.key))
    if let user, self.remembered[digest] == name {
      completion(self.principal(user, .password, peer))
      return
    }
    self.check(password, said, of: user, digest: digest, peer, completion)
  }

  private func check(
    _ password: [UInt8], _ said: String, of user: AccessRules.User?, digest: [UInt8],
    _ peer: PeerIdentity,
    _ completion: @escaping (Result<Principal, AccessRefusal>) -> Void
  ) {
    let known = user.flatMap { self.hashes[$0.name] ?? $0.password }
    let plain = known == nil ? user?.plainPassword : nil
    // The same salt as long as the process lives: a SCRAM exchange may span a reload.
    let salt = user.map { self.salt(of: $0.name) }
    self.desk.accept(from: peer.address, for: said) {
      // A user that does not exist, or has no password, takes as long as a wrong password.
      let hash = known ?? PasswordHash(password: plain ?? [], salt: salt)
      return (isRight: hash.verifies(password) && (known != nil || plain != nil), hash: hash)
    } completion: { result in
      guard case .success(let answer) = result, answer.isRight, let user else {
        guard case .failure(let refusal) = result else {
          return completion(.failure(.badCredentials))
        }
        completion(.failure(refusal))
        return
      }
      self.hashes[user.name] = answer.hash
      if self.remembered.count >= Self.rememberedMax { self.remembered.removeAll() }
      self.remembered[digest] = user.name
      completion(self.principal(user, .password, peer))
    }
  }

  func scramCredential(for said: String) -> SCRAMCredential {
    let user = (try? SASLprep.prepare(said)) ?? said
    if let known = self.hashes[user] ?? self.rules.users[user]?.password { return known.credential }
    if let plain = self.rules.users[user]?.plainPassword {
      let hash = PasswordHash(password: plain, salt: self.salt(of: user))
      self.hashes[user] = hash
      return hash.credential
    }
    // The same made-up answer each time, so that asking twice tells nothing.
    let stored = self.code("key of \(user)")
    return SCRAMCredential(
      salt: self.salt(of: user), iterations: PasswordHash.iterations, storedKey: stored,
      serverKey: Array(SHA256.hash(data: stored)))
  }

  private func salt(of user: String) -> [UInt8] { Array(self.code("salt of \(user)").prefix(16)) }

  private func code(_ text: String) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: self.key))
  }

  func refresh(_ principal: Principal, peer: PeerIdentity) -> Principal? {
    let user = self.rules.users[principal.name]
    guard user != nil || principal.name.isEmpty else { return nil }
    let ways: [Way] = user == nil ? [.anonymous, .token] : [.certificate, .nkey, .password]
    // What let the client in then must do so today.
    guard let way = ways.first(where: { self.admission(user, $0) == principal.admission }) else {
      return nil
    }
    return try? self.principal(user, way, peer).get()
  }

  func standing(of principal: Principal, peer: PeerIdentity) -> Principal? {
    if let user = self.rules.users[principal.name] {
      return self.makePrincipal(user, principal.admission, peer)
    }
    let isOpen = self.rules.isAnonymousAllowed || !self.rules.token.isEmpty
    guard principal.name.isEmpty, isOpen else { return nil }
    return self.makePrincipal(nil, principal.admission, peer)
  }

  /// The fingerprint of what is kept for that way in; `nil` where it is closed.
  private func admission(_ user: AccessRules.User?, _ way: Way) -> [UInt8]? {
    let kept: [UInt8]?
    switch way {
    case .anonymous: kept = self.rules.isAnonymousAllowed ? [] : nil
    case .token: kept = self.rules.token.isEmpty ? nil : self.rules.token
    case .certificate: kept = user?.certificate.map { Array($0.utf8) }
    case .nkey: kept = user?.publicKey
    case .password: kept = user?.password.map { Array($0.text.utf8) } ?? user?.plainPassword
    }
    return kept.map { kept in
      Array(
        HMAC<SHA256>.authenticationCode(
          for: Array("let in by \(way.rawValue) ".utf8) + kept, using: self.key))
    }
  }

  // MARK: Principals

  /// The principal of a user, or of nobody in particular. Shared as long as nothing in it depends
  /// on the client.
  private func principal(
    _ user: AccessRules.User?, _ way: Way, _ peer: PeerIdentity
  ) -> Result<Principal, AccessRefusal> {
    if let user, !user.mayCome(from: peer) { return .failure(.notAuthorized) }
    let name = user?.name ?? ""
    let isOwn = !self.rules.rules.isEmpty || user?.permissions != nil
    let place = "\(way.rawValue) \(name)"
    if !isOwn, let known = self.shared[place] { return .success(known) }
    let principal = self.makePrincipal(user, self.admission(user, way) ?? [], peer)
    if !isOwn { self.shared[place] = principal }
    return .success(principal)
  }

  private func makePrincipal(
    _ user: AccessRules.User?, _ admission: [UInt8], _ peer: PeerIdentity
  ) -> Principal {
    let name = user?.name ?? ""
    return Principal(
      name: name, tenant: self.engine.tenant(named: user?.tenant ?? self.rules.tenant),
      permissions: self.rules.permissions(user: user, name: name, peer: peer),
      subscriptionsMax: user?.subscriptionsMax ?? 0, payloadBytesMax: user?.payloadBytesMax ?? 0,
      revision: user?.revision ?? self.rules.rulesRevision, admission: admission)
  }

  private static func same(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    // Digests compare in constant time.
    SHA256.hash(data: left) == SHA256.hash(data: right)
  }
}
