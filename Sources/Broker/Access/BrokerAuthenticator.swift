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
  /// Hashes of passwords that stand in the settings as they are, for SCRAM-SHA-512.
  private var longHashes: [String: PasswordHash] = [:]
  private var shared: [String: Principal] = [:]
  private let directory: UserDirectory
  /// Up to which change of the directory what is remembered holds.
  private var generation = 0

  /// How a client was let in.
  private enum Way: String {
    case anonymous, token, certificate, nkey, password
  }

  /// - Parameter directory: the users that clients have made.
  init(
    _ rules: AccessRules, engine: Engine, desk: PasswordDesk, key: SymmetricKey,
    directory: UserDirectory
  ) {
    self.directory = directory
    self.generation = directory.generation
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
      guard let user = self.user(name),
        credential == self.scramCredential(for: name, hash: credential.hash)
      else {
        completion(.failure(.badCredentials))
        return
      }
      completion(self.principal(user, .password, peer))
    case .password(let name, let password):
      self.password(name, password, peer, completion)
    }
  }

  /// The user of that name: of the settings, or one that a client has made.
  private func user(_ said: String) -> AccessRules.User? {
    if let name = try? SASLprep.prepare(said), let user = self.rules.users[name] { return user }
    return self.directory.find(said).flatMap {
      AccessRules.User(
        $0, onlyBy: self.directory.onlyBy, rulesRevision: self.rules.rulesRevision)
    }
  }

  /// Forgets what was remembered of users that may have changed.
  private func noticeChanges() {
    guard self.generation != self.directory.generation else { return }
    self.generation = self.directory.generation
    self.remembered.removeAll()
    self.hashes.removeAll()
    self.longHashes.removeAll()
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
    self.noticeChanges()
    let user = self.user(said)
    if user == nil, self.rules.users.isEmpty, self.rules.isAnonymousAllowed {
      completion(self.principal(nil, .anonymous, peer))
      return
    }
    guard let name = try? SASLprep.prepare(said), let password = try? SASLprep.prepare(password)
    else {
      // Nobody has such a name or password. It takes as long as any that is wrong.
      self.check([], said, of: nil, digest: [], peer, completion)
      return
    }
    let digest = Array(
      HMAC<SHA256>.authenticationCode(for: Array(name.utf8) + [0] + password, using: self.key))
    if let user, self.remembered[digest] == user.name {
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
      // The password may have changed meanwhile.
      guard let today = self.user(said), today.name == user.name,
        today.password == user.password, today.plainPassword == user.plainPassword
      else { return completion(.failure(.badCredentials)) }
      self.hashes[user.name] = answer.hash
      if self.remembered.count >= Self.rememberedMax { self.remembered.removeAll() }
      self.remembered[digest] = user.name
      completion(self.principal(user, .password, peer))
    }
  }

  func scramCredential(for said: String, hash: SCRAMHash) -> SCRAMCredential {
    self.noticeChanges()
    let user = self.user(said)
    let name = user?.name ?? (try? SASLprep.prepare(said)) ?? said
    let kept = [
      self.hashes[name], self.longHashes[name], user?.password, user?.otherPassword,
    ]
    if let known = kept.lazy.compactMap({ $0?.credential }).first(where: { $0.hash == hash }) {
      return known
    }
    if let plain = user?.plainPassword {
      let made = PasswordHash(password: plain, salt: self.salt(of: name), hash: hash)
      if hash == .sha256 { self.hashes[name] = made } else { self.longHashes[name] = made }
      return made.credential
    }
    // The same made-up answer each time, so that asking twice tells nothing.
    let stored = hash.digest(self.code("key of \(name)"))
    return SCRAMCredential(
      hash: hash, salt: self.salt(of: name), iterations: PasswordHash.iterations,
      storedKey: stored, serverKey: hash.digest(stored))
  }

  private func salt(of user: String) -> [UInt8] { Array(self.code("salt of \(user)").prefix(16)) }

  private func code(_ text: String) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: self.key))
  }

  func refresh(_ principal: Principal, peer: PeerIdentity) -> Principal? {
    let user = self.user(principal.name)
    guard user != nil || principal.name.isEmpty else { return nil }
    let ways: [Way] = user == nil ? [.anonymous, .token] : [.certificate, .nkey, .password]
    // What let the client in then must do so today.
    guard let way = ways.first(where: { self.admission(user, $0) == principal.admission }) else {
      return nil
    }
    return try? self.principal(user, way, peer).get()
  }

  func standing(of principal: Principal, peer: PeerIdentity) -> Principal? {
    if let user = self.user(principal.name) {
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
    case .password:
      let texts = [user?.password, user?.otherPassword].compactMap { $0?.text }
      kept = texts.isEmpty ? user?.plainPassword : Array(texts.joined(separator: " ").utf8)
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
    // A user that a client has made may change before the settings are read again.
    let isOwn =
      !self.rules.rules.isEmpty || user?.permissions != nil
      || self.rules.users[name] == nil
        && user != nil
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
