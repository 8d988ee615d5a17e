import GodwitEngine
import GodwitFrontEndKit
import KafkaWire
import NIOCore

/// The users that a tenant's Kafka clients have made (KIP-554), in the tenant's journal
/// `kafka.users`. Who may come in looks them up in the directory that all protocols share.
final class KafkaUsers {
  private static let journalName = "kafka.users"
  /// The longest name and salt, in bytes.
  private static let nameBytesMax = 1_024
  private static let saltBytesMax = 1_024
  /// How often a password may be hashed, as at Kafka.
  static let iterations = 4_096...16_384
  private static let taken = KafkaRefusal(.policyViolation, "the name is taken")
  private static let unreadable = KafkaRefusal(.kafkaStorageError, "the users cannot be read")
  /// What a user takes of memory, about.
  private static let userBytes = 1_024

  /// One change, of one user.
  enum Change {
    /// The salted password, as the client has made it.
    case set(SCRAMHash, iterations: Int, salt: [UInt8], saltedPassword: [UInt8])
    case remove(SCRAMHash)
    /// A mechanism that there is not.
    case unknown
  }

  private unowned let tenant: Tenant
  private let directory: UserDirectory
  private let ledger: KafkaLedger
  private var names: Set<String> = []
  private var charges: [String: MemoryCharge] = [:]
  /// How many there may be.
  var countMax = 10_000

  init(_ tenant: Tenant, directory: UserDirectory) {
    self.tenant = tenant
    self.directory = directory
    ledger = KafkaLedger(tenant, journal: Self.journalName)
    ledger.snapshot = { [unowned self] in all.compactMap { KafkaUserEntry($0).bytes } }
  }

  /// The tenant's users, by their names.
  var all: [UserDirectory.User] {
    names.compactMap { find($0) }.sorted { $0.name < $1.name }
  }

  /// The user of that name, if it is this tenant's.
  func find(_ name: String) -> UserDirectory.User? {
    directory.users[name].flatMap { $0.tenant == tenant.name ? $0 : nil }
  }

  // MARK: Changing

  /// Changes users, each as a whole or not at all. That holds once it lasts.
  ///
  /// - Parameters:
  ///   - changes: by users, each of whom is there once.
  ///   - body: gets what was refused, when the rest lasts.
  func change(
    _ changes: [(name: String, changes: [Change])],
    _ body: @escaping ([String: KafkaRefusal]) -> Void
  ) {
    ledger.change { self.judge(changes, body) }
  }

  private func judge(
    _ changes: [(name: String, changes: [Change])],
    _ body: @escaping ([String: KafkaRefusal]) -> Void
  ) -> KafkaLedger.Change {
    var refused: [String: KafkaRefusal] = [:]
    var wanted: [(user: UserDirectory.User, charge: MemoryCharge?)] = []
    var entries: [ByteBuffer] = []
    var count = names.count
    for (name, changes) in changes {
      do throws(KafkaRefusal) {
        let (user, charge) = try judge(name, changes, count)
        guard let entry = KafkaUserEntry(user).bytes else {
          throw KafkaRefusal(.unacceptableCredential, "too long")
        }
        if charge != nil { count += 1 }
        wanted.append((user, charge))
        entries.append(entry)
      } catch {
        refused[name] = error
      }
    }
    return KafkaLedger.Change(entries: entries) { failure in
      var taken: [ByteBuffer] = []
      for (user, charge) in wanted {
        if let failure {
          refused[user.name] = failure
        } else if self.isTaken(user.name) {
          // Another tenant's came first, while this one was written down.
          refused[user.name] = Self.taken
          let nobody = UserDirectory.User(name: user.name, tenant: user.tenant, credentials: [:])
          if let entry = KafkaUserEntry(nobody).bytes { taken.append(entry) }
        } else {
          if let charge { self.charges[user.name] = charge }
          self.take(user)
        }
      }
      guard !taken.isEmpty else { return body(refused) }
      self.ledger.change { KafkaLedger.Change(entries: taken) { _ in body(refused) } }
    }
  }

  /// What a user comes to, and the memory for one that is new.
  private func judge(
    _ name: String, _ changes: [Change], _ count: Int
  ) throws(KafkaRefusal) -> (UserDirectory.User, MemoryCharge?) {
    if let refusal = check(name, changes) ?? ledger.refusal { throw refusal }
    var user =
      find(name) ?? UserDirectory.User(name: name, tenant: tenant.name, credentials: [:])
    let isNew = user.credentials.isEmpty
    for change in changes {
      switch change {
      case .unknown: break
      case .remove(let hash): user.credentials[hash] = nil
      case .set(let hash, let iterations, let salt, let saltedPassword):
        user.credentials[hash] = SCRAMCredential(
          hash: hash, salt: salt, iterations: iterations, saltedPassword: saltedPassword)
      }
    }
    guard isNew else { return (user, nil) }
    guard count < countMax, let charge = tenant.memory.charge(Self.userBytes + name.utf8.count)
    else { throw KafkaRefusal(.policyViolation, "too many users (kafka.max_users)") }
    return (user, charge)
  }

  private func isTaken(_ name: String) -> Bool {
    directory.users[name] != nil && find(name) == nil
  }

  private func take(_ user: UserDirectory.User) {
    if user.credentials.isEmpty {
      directory.remove(user.name)
      names.remove(user.name)
      charges[user.name] = nil
    } else {
      directory.set(user)
      names.insert(user.name)
    }
  }

  private func check(_ name: String, _ changes: [Change]) -> KafkaRefusal? {
    guard !name.isEmpty, name.utf8.count <= Self.nameBytesMax else {
      return KafkaRefusal(.unacceptableCredential, "Username must not be empty")
    }
    guard !directory.reserved.contains(name) else {
      return KafkaRefusal(.policyViolation, "the settings have a user of that name")
    }
    guard !isTaken(name) else { return Self.taken }
    var touched: Set<SCRAMHash> = []
    for change in changes {
      let hash: SCRAMHash
      switch change {
      case .unknown:
        return KafkaRefusal(.unsupportedSASLMechanism, "Unknown SCRAM mechanism")
      case .remove(let removed):
        hash = removed
        guard find(name)?.credentials[hash] != nil else {
          return KafkaRefusal(
            .resourceNotFound, "Attempt to delete a user credential that does not exist")
        }
      case .set(let set, let iterations, let salt, let saltedPassword):
        hash = set
        if let refusal = Self.check(set, iterations, salt, saltedPassword) { return refusal }
      }
      guard touched.insert(hash).inserted else {
        return KafkaRefusal(
          .duplicateResource, "A user credential cannot be altered twice in the same request")
      }
    }
    return nil
  }

  private static func check(
    _ hash: SCRAMHash, _ iterations: Int, _ salt: [UInt8], _ saltedPassword: [UInt8]
  ) -> KafkaRefusal? {
    guard iterations >= Self.iterations.lowerBound else {
      return KafkaRefusal(.unacceptableCredential, "Too few iterations")
    }
    guard iterations <= Self.iterations.upperBound else {
      return KafkaRefusal(.unacceptableCredential, "Too many iterations")
    }
    guard (1...saltBytesMax).contains(salt.count) else {
      return KafkaRefusal(.unacceptableCredential, "a salt has 1 to \(saltBytesMax) bytes")
    }
    guard saltedPassword.count == hash.byteCount else {
      return KafkaRefusal(
        .unacceptableCredential, "a password salted for \(hash.rawValue) has another length")
    }
    return nil
  }

  // MARK: Lasting

  /// Takes up what the tenant's store has kept. Once, before anybody comes. Where that cannot be
  /// read whole, it may be missing that a user is gone: nobody of them gets in.
  func restore() throws(EngineError) {
    var found: [String: UserDirectory.User] = [:]
    ledger.refusal = Self.unreadable
    let isWhole = try ledger.restore { entry in
      guard case .user(let kept)? = KafkaUserEntry(entry) else { return false }
      found[kept.name] = kept.user(of: tenant.name)
      return true
    }
    guard isWhole else {
      throw EngineError(.storageFailed, "some are lost in \(Self.journalName)")
    }
    ledger.refusal = nil
    for user in found.values where !user.credentials.isEmpty {
      // Whoever was first has the name.
      guard directory.users[user.name] == nil else { continue }
      charges[user.name] = tenant.memory.charge(Self.userBytes + user.name.utf8.count)
      take(user)
    }
  }
}

/// What the journal of users has: a user whole, without credentials when it is gone.
enum KafkaUserEntry: KafkaJournalEntry {
  case user(Kept)

  /// A user. Later versions add tagged fields.
  struct Kept: KafkaStructure {
    var name = ""
    var credentials: [Credential] = []

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&name)
      try visitor.visit(&credentials)
    }
  }

  /// What is kept of a password.
  struct Credential: KafkaStructure {
    /// As in AlterUserScramCredentials: 1 for SHA-256, 2 for SHA-512.
    var mechanism: Int8 = 0
    var iterations: Int32 = 0
    var salt = ByteBuffer()
    var storedKey = ByteBuffer()
    var serverKey = ByteBuffer()

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&mechanism)
      try visitor.visit(&iterations)
      try visitor.visit(&salt)
      try visitor.visit(&storedKey)
      try visitor.visit(&serverKey)
    }
  }

  init?(_ kind: UInt8, from reader: inout KafkaReader) throws(KafkaWireError) {
    guard kind == 1 else { return nil }
    self = .user(try Kept(from: &reader))
  }

  init(_ user: UserDirectory.User) {
    self = .user(
      .with {
        $0.name = user.name
        $0.credentials = user.credentials.values.map { credential in
          .with {
            $0.mechanism = credential.hash.number
            $0.iterations = Int32(clamping: credential.iterations)
            $0.salt = ByteBuffer(bytes: credential.salt)
            $0.storedKey = ByteBuffer(bytes: credential.storedKey)
            $0.serverKey = ByteBuffer(bytes: credential.serverKey)
          }
        }
      })
  }

  var kind: UInt8 { 1 }

  func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    switch self {
    case .user(let kept): try kept.write(to: &writer)
    }
  }
}

extension KafkaUserEntry.Kept {
  /// The user that was written down; a mechanism that this version does not know is left out.
  func user(of tenant: String) -> UserDirectory.User {
    var found: [SCRAMHash: SCRAMCredential] = [:]
    for kept in credentials {
      guard let hash = SCRAMHash(number: kept.mechanism) else { continue }
      found[hash] = SCRAMCredential(
        hash: hash, salt: Array(kept.salt.readableBytesView), iterations: Int(kept.iterations),
        storedKey: Array(kept.storedKey.readableBytesView),
        serverKey: Array(kept.serverKey.readableBytesView))
    }
    return UserDirectory.User(name: name, tenant: tenant, credentials: found)
  }
}

extension SCRAMHash {
  /// The mechanism of that number at Kafka.
  init?(number: Int8) {
    switch number {
    case 1: self = .sha256
    case 2: self = .sha512
    default: return nil
    }
  }

  /// Kafka's number of the mechanism.
  var number: Int8 { self == .sha256 ? 1 : 2 }
}
