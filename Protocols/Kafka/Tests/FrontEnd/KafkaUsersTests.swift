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
  }
}
