import GodwitEngine
import GodwitFrontEndKit
import KafkaWire
import NIOCore
import Testing

@testable import KafkaFrontEnd

@Suite struct KafkaUsersTests {
  /// A tenant whose journals outlive `restart`.
  private final class Rig {
    let engine = Engine(now: 1)
    let tenant: Tenant
    let store: JournalStore
    private(set) var directory = UserDirectory()
    private(set) var users: KafkaUsers

    init() throws {
      tenant = engine.tenant(named: "t")
      store = JournalStore(tenant.memoryStore)
      tenant.store = store
      users = KafkaUsers(tenant, directory: directory)
      try restart()
    }

    func restart() throws {
      directory = UserDirectory()
      users = KafkaUsers(tenant, directory: directory)
      try users.restore()
    }

    func change(_ name: String, _ changes: KafkaUsers.Change...) -> KafkaErrorCode? {
      var refused: [String: KafkaRefusal]?
      users.change([(name, changes)]) { refused = $0 }
      return refused?[name]?.code
    }
  }

  private static func set(
    _ hash: SCRAMHash, iterations: Int = 4_096, salt: String = "salt", size: Int? = nil
  ) -> KafkaUsers.Change {
    .set(
      hash, iterations: iterations, salt: Array(salt.utf8),
      saltedPassword: Array(repeating: 7, count: size ?? hash.byteCount))
  }

  @Test func usersLast() throws {
    let rig = try Rig()
    #expect(rig.change("ann", Self.set(.sha256), Self.set(.sha512)) == nil)
    #expect(rig.change("bob", Self.set(.sha256)) == nil)
    let before = try #require(rig.directory.find("ann")).credentials
    #expect(before.count == 2)
    try rig.restart()
    #expect(rig.directory.find("ann")?.credentials == before)
    #expect(rig.change("bob", .remove(.sha256)) == nil)
    #expect(rig.change("ann", .remove(.sha512)) == nil)
    #expect(rig.directory.find("bob") == nil)
    rig.store.wantsSnapshots = true
    #expect(rig.change("cas", Self.set(.sha512)) == nil)
    try rig.restart()
    #expect(rig.users.all.map(\.name) == ["ann", "cas"])
    #expect(rig.directory.find("ann")?.credentials.keys.map(\.rawValue) == ["SCRAM-SHA-256"])
  }

  @Test func whatMakesNoSenseIsRefused() throws {
    let rig = try Rig()
    #expect(rig.change("", Self.set(.sha256)) == .unacceptableCredential)
    #expect(rig.change("a", Self.set(.sha256, iterations: 4_095)) == .unacceptableCredential)
    #expect(rig.change("a", Self.set(.sha256, iterations: 16_385)) == .unacceptableCredential)
    #expect(rig.change("a", Self.set(.sha256, salt: "")) == .unacceptableCredential)
    #expect(rig.change("a", Self.set(.sha512, size: 32)) == .unacceptableCredential)
    #expect(rig.change("a", .unknown) == .unsupportedSASLMechanism)
    #expect(rig.change("a", .remove(.sha256)) == .resourceNotFound)
    #expect(rig.change("a", Self.set(.sha256), Self.set(.sha256)) == .duplicateResource)
    #expect(rig.users.all.isEmpty && rig.directory.users.isEmpty)
  }

  @Test func namesOfTheSettingsAndOfOtherTenantsAreTaken() throws {
    let rig = try Rig()
    rig.directory.reserved = ["root"]
    #expect(rig.change("root", Self.set(.sha256)) == .policyViolation)
    rig.directory.set(UserDirectory.User(name: "eve", tenant: "other", credentials: [:]))
    #expect(rig.change("eve", Self.set(.sha256)) == .policyViolation)
    #expect(rig.users.find("eve") == nil)
    // A name that the settings take later is theirs.
    #expect(rig.change("ann", Self.set(.sha256)) == nil)
    rig.directory.reserved = ["ann"]
    #expect(rig.directory.find("ann") == nil)
  }

  @Test func thereAreNoMoreThanAreAllowed() throws {
    let rig = try Rig()
    rig.users.countMax = 1
    #expect(rig.change("a", Self.set(.sha256)) == nil)
    #expect(rig.change("b", Self.set(.sha256)) == .policyViolation)
    #expect(rig.change("a", Self.set(.sha512)) == nil)
    #expect(rig.change("a", .remove(.sha256), .remove(.sha512)) == nil)
    #expect(rig.change("b", Self.set(.sha256)) == nil)
  }

  @Test func whatCannotBeWrittenDownIsRefused() throws {
    let rig = try Rig()
    #expect(rig.change("a", Self.set(.sha256)) == nil)
    rig.store.fails = true
    #expect(rig.change("b", Self.set(.sha256)) == .kafkaStorageError)
    #expect(rig.change("a", .remove(.sha256)) == .kafkaStorageError)
    #expect(rig.users.all.map(\.name) == ["a"] && rig.directory.users.count == 1)
    rig.store.fails = false
    #expect(rig.change("b", Self.set(.sha256)) == nil)
    try rig.restart()
    #expect(rig.users.all.map(\.name) == ["a", "b"])
  }

  @Test func whatIsNotKeptYetIsNotThere() throws {
    let rig = try Rig()
    rig.store.isSilent = true
    #expect(rig.change("a", Self.set(.sha256)) == nil)
    #expect(rig.users.all.isEmpty && rig.directory.users.isEmpty)
  }

  /// It may be lost that a user is gone.
  @Test func whatCannotBeReadWholeLetsNobodyIn() throws {
    let rig = try Rig()
    #expect(rig.change("a", Self.set(.sha256)) == nil)
    rig.store.isDamaged = true
    #expect(throws: EngineError.self) { try rig.restart() }
    #expect(rig.directory.users.isEmpty)
    #expect(rig.change("b", Self.set(.sha256)) == .kafkaStorageError)
    // Nor when what was damaged is cut off, and the rest is whole.
    rig.store.isDamaged = false
    #expect(throws: EngineError.self) { try rig.restart() }
    #expect(rig.directory.users.isEmpty)
  }

  @Test func aNameIsOneTenantsWhileBothAreWritten() throws {
    let rig = try Rig()
    let other = rig.engine.tenant(named: "other")
    let store = SlowStore()
    other.store = store
    let late = KafkaUsers(other, directory: rig.directory)
    try late.restore()
    var refused: [String: KafkaRefusal]?
    late.change([("ann", [Self.set(.sha256)])]) { refused = $0 }
    #expect(rig.change("ann", Self.set(.sha256)) == nil)
    while let waiter = store.journal.waiters.popLast() { waiter(nil) }
    #expect(refused?["ann"]?.code == .policyViolation)
    #expect(rig.directory.users["ann"]?.tenant == "t")
    // The other tenant's journal has it gone again.
    #expect(store.journal.entries.count == 2)
  }

  private final class SlowStore: Store {
    final class Slow: Journal {
      var entries: [ByteBuffer] = []
      var waiters: [(EngineError?) -> Void] = []
      var wantsSnapshot: Bool { false }
      func replay(_ body: (ByteBuffer) -> Void) {}
      func append(_ entry: ByteBuffer) { entries.append(entry) }
      func replace(_ produce: (_ add: (ByteBuffer) -> Void) -> Void) {}
      func whenCommitted(_ body: @escaping (EngineError?) -> Void) { waiters.append(body) }
    }

    let journal = Slow()
    var isDurable: Bool { true }
    func log(named name: String, isKnown: Bool) throws(EngineError) -> any Log {
      throw EngineError(.storageFailed, "there are none")
    }
    func journal(named name: String, isKnown: Bool) throws(EngineError) -> any Journal { journal }
    func remove(named name: String) {}
  }
}
