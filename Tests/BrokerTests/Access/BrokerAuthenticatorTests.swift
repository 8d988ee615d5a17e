import Crypto
import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import Logging
import NIOCore
import NIOPosix
import Testing

@testable import GodwitBroker

/// Runs what needs a loop on one, and hands back what is `Sendable`.
private func onLoop<Result: Sendable>(
  _ yaml: String, _ body: @escaping @Sendable (BrokerAuthenticator, Engine) throws -> Result
) throws -> Result {
  let group = MultiThreadedEventLoopGroup.singleton
  let eventLoop = group.next()
  return try eventLoop.submit {
    let engine = Engine(now: 1)
    defer { withExtendedLifetime(engine) {} }
    let authenticator = try BrokerAuthenticator.forTesting(yaml, engine, eventLoop)
    return try body(authenticator, engine)
  }.wait()
}

extension BrokerAuthenticator {
  fileprivate static func forTesting(
    _ yaml: String, _ engine: Engine, _ eventLoop: any EventLoop,
    key: SymmetricKey = SymmetricKey(size: .bits256), directory: UserDirectory = UserDirectory()
  ) throws -> BrokerAuthenticator {
    let file = try SettingsFile(yaml: yaml, environment: [:])
    let values = file["access"]
    let open = OpenAuthenticator(engine)
    let loop = Loop(eventLoop: eventLoop, wallNanoseconds: 1)
    let context = FrontEndContext(
      loop: loop, access: AccessControl(open), logger: Logger(label: "test"),
      serverName: "test", version: "0")
    let frontEnds: [any FrontEnd] = try FrontEnds.all.map {
      try $0.init(context, values: file[$0.name])
    }
    let isAnonymous = values.bool("anonymous")
    let rules = try AccessRules(
      values, moreUsers: [], isAnonymousAllowed: isAnonymous, spelling: frontEnds)
    return BrokerAuthenticator(
      rules, engine: engine,
      desk: PasswordDesk(eventLoop: eventLoop, pool: NIOThreadPool.singleton), key: key,
      directory: directory)
  }

  /// What comes back at once; `nil` when it takes time.
  fileprivate func now(_ credentials: Credentials, _ peer: PeerIdentity) -> Outcome? {
    var outcome: Outcome?
    self.authenticate(credentials, peer: peer) { outcome = Outcome($0) }
    return outcome
  }
}

private final class OpenAuthenticator: Authenticator {
  let requiresCredentials = false
  let offersNonce = false
  private let principal: Principal

  init(_ engine: Engine) {
    self.principal = Principal(name: "", tenant: engine.tenant(named: "default"))
  }

  func authenticate(
    _ credentials: Credentials, peer: PeerIdentity,
    completion: @escaping (Result<Principal, AccessRefusal>) -> Void
  ) {
    completion(.success(self.principal))
  }

  func scramCredential(for user: String, hash: SCRAMHash) -> SCRAMCredential {
    SCRAMCredential(salt: [], iterations: 1, storedKey: [], serverKey: [])
  }

  func refresh(_ principal: Principal, peer: PeerIdentity) -> Principal? { principal }
  func standing(of principal: Principal, peer: PeerIdentity) -> Principal? { principal }
}

/// What authentication came to.
private enum Outcome: Equatable {
  case entered(name: String, tenant: String)
  case refused(AccessRefusal)

  init(_ result: Result<Principal, AccessRefusal>) {
    switch result {
    case .success(let principal):
      self = .entered(name: principal.name, tenant: principal.tenant.name)
    case .failure(let refusal): self = .refused(refusal)
    }
  }
}

private func peer(
  _ address: String = "127.0.0.1", id: String = "", common: String? = nil
) -> PeerIdentity {
  PeerIdentity(
    protocolName: "mqtt", address: address, certificateCommonName: common, clientID: id)
}

struct BrokerAuthenticatorTests {
  @Test func passwordsAreCheckedAndRemembered() async throws {
    let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    let outcomes = eventLoop.makePromise(of: [Outcome].self)
    eventLoop.execute {
      do {
        let engine = Engine(now: 1)
        let access = try BrokerAuthenticator.forTesting(
          "access: {users: [{name: ada, password: pw, tenant: acme}]}", engine, eventLoop)
        var got: [Outcome] = []
        let tries: [(String, String)] = [("ada", "no"), ("bob", "pw"), ("ada", ""), ("ada", "pw")]
        for (name, password) in tries {
          access.authenticate(
            .password(user: name, password: Array(password.utf8)), peer: peer()
          ) { result in
            got.append(Outcome(result))
            guard got.count == tries.count else { return }
            // The right one is remembered: this time there is nothing to wait for.
            if let again = access.now(.password(user: "ada", password: Array("pw".utf8)), peer()) {
              got.append(again)
            }
            outcomes.succeed(got)
            withExtendedLifetime(engine) {}
          }
        }
      } catch {
        outcomes.fail(error)
      }
    }
    let got = try await outcomes.futureResult.get()
    let entered = Outcome.entered(name: "ada", tenant: "acme")
    #expect(got.filter { $0 == .refused(.badCredentials) }.count == 3)
    #expect(got.filter { $0 == entered }.count == 2)
    #expect(got.last == entered)
  }

  @Test func anonymousClients() throws {
    #expect(
      try onLoop("access: {anonymous: true, tenant: t}") { access, _ in
        access.now(.none, peer()) == .entered(name: "", tenant: "t")
          && !access.requiresCredentials
      })
    #expect(
      try onLoop("access: {token: x}") { access, _ in
        access.now(.none, peer()) == .refused(.credentialsRequired)
          && access.now(.token(Array("x".utf8)), peer()) == .entered(name: "", tenant: "default")
          && access.now(.token(Array("y".utf8)), peer()) == .refused(.badCredentials)
          && access.now(.token([]), peer()) == .refused(.badCredentials)
      })
  }

  @Test func anEmptyTokenLetsNobodyIn() throws {
    #expect(
      try onLoop("access: {users: [{name: a, password: b}]}") { access, _ in
        access.now(.token([]), peer()) == .refused(.badCredentials)
      })
  }

  @Test func certificatesAddressesAndClientIDs() throws {
    let yaml = """
      access:
        users:
          - {name: dev, certificate: device-7}
          - {name: here, certificate: here, addresses: [10.0.0.0/8]}
          - {name: mine, certificate: mine, client_ids: [mine-*]}
      """
    #expect(
      try onLoop(yaml) { access, _ in
        access.now(.none, peer(common: "device-7")) == .entered(name: "dev", tenant: "default")
          && access.now(.none, peer(common: "other")) == .refused(.credentialsRequired)
          && access.now(.none, peer("10.1.1.1", common: "here"))
            == .entered(name: "here", tenant: "default")
          && access.now(.none, peer("11.1.1.1", common: "here")) == .refused(.notAuthorized)
          && access.now(.none, peer(id: "mine-3", common: "mine"))
            == .entered(name: "mine", tenant: "default")
          && access.now(.none, peer(id: "x", common: "mine")) == .refused(.notAuthorized)
      })
  }

  @Test func permissionsFollowTheClient() throws {
    let yaml = """
      access:
        users:
          - name: dev
            certificate: dev
            permissions:
              publish: {allow: ["devices.%c.>", "mqtt:shared/+/x"], deny: ["devices.%c.secret"]}
              subscribe: {allow: ["work.> workers"]}
        acl:
          - {client_id: "c1", action: publish, topics: ["extra"]}
          - {address: 10.0.0.0/8, action: all, topics: ["devices.>"], allow: false}
      """
    let answers = try onLoop(yaml) { access, _ in
      var answers: [String: Bool] = [:]
      func ask(_ name: String, _ peer: PeerIdentity, _ body: @escaping (Permissions) -> Bool) {
        access.authenticate(.none, peer: peer) { result in
          if case .success(let principal) = result, let permissions = principal.permissions {
            answers[name] = body(permissions)
          }
        }
      }
      func publishes(_ topic: String) -> (Permissions) -> Bool {
        { permissions in Array(topic.utf8).withUnsafeBytes { permissions.publish.permits($0) } }
      }
      let c1 = peer(id: "c1", common: "dev")
      ask("own", c1, publishes("devices.c1.t"))
      ask("other", c1, publishes("devices.c2.t"))
      ask("secret", c1, publishes("devices.c1.secret"))
      ask("mqtt", c1, publishes("shared.a.x"))
      ask("extra", c1, publishes("extra"))
      ask("extra2", peer(id: "c2", common: "dev"), publishes("extra"))
      ask("wild", peer(id: "*", common: "dev"), publishes("devices.c1.t"))
      ask("denied by address", peer("10.0.0.1", id: "c1", common: "dev"), publishes("devices.c1.t"))
      let work = TopicPattern(canonical: Array("work.x".utf8))
      ask("group", c1) { $0.maySubscribe(work, group: Array("workers".utf8)) }
      ask("no group", c1) { $0.maySubscribe(work, group: nil) }
      return answers
    }
    #expect(
      answers == [
        "own": true, "other": false, "secret": false, "mqtt": true, "extra": true,
        "extra2": false, "wild": false, "denied by address": false, "group": true,
        "no group": false,
      ])
  }

  @Test(arguments: [
    ("users: [{password: x}]", "access.users[0].name: must be said"),
    (
      "users: [{name: a}]", "access.users[0]: needs a password, an nkey or a certificate"
    ),
    ("users: [{name: a, nkey: U1}]", "access.users[0].nkey: not the public key of a user (U…)"),
    (
      "users: [{name: a, password: x}, {name: a, password: y}]",
      "access.users[1]: there is another user called a"
    ),
    (
      "users: [{name: a, password: SCRAM-SHA-256$x}]",
      "access.users[0].password: not a whole SCRAM hash"
    ),
    (
      "users: [{name: a, password: x, addresses: [y]}]",
      "access.users[0].addresses: `y` is not an address or a range"
    ),
    (
      "users: [{name: a, certificate: c}, {name: b, certificate: c}]",
      "access.users: two users have the certificate c"
    ),
    (
      "users: [{name: a, password: x, permissions: {publish: {deny: [a b]}}}]",
      "access.users[0].permissions.publish: a queue group makes sense to subscribe only"
    ),
    (
      "acl: [{user: a, topics: [a b], allow: false}]",
      "access.acl[0].topics: a queue group makes sense with `action: subscribe` only"
    ),
    ("acl: [{user: a}]", "access.acl[0].topics: must name at least one pattern"),
  ])
  func refusalsSayWhereAndWhat(_ yaml: String, _ expected: String) throws {
    let message = try onLoopError("access: {\(yaml)}")
    #expect(message == expected)
  }

  private func onLoopError(_ yaml: String) throws -> String {
    do {
      return try onLoop(yaml) { _, _ in "none" }
    } catch {
      return "\(error)"
    }
  }

  @Test func scramOfAnUnknownUserIsSteady() throws {
    #expect(
      try onLoop("access: {users: [{name: a, password: b}]}") { access, _ in
        let first = access.scramCredential(for: "nobody", hash: .sha256)
        return first == access.scramCredential(for: "nobody", hash: .sha256)
          && first != access.scramCredential(for: "nobody else", hash: .sha256)
          && first.iterations == access.scramCredential(for: "a", hash: .sha256).iterations
      })
  }

  @Test func aCertificateWithoutANameStandsForNobody() throws {
    let yaml = """
      access:
        users:
          - {name: root, password: secret}
          - {name: dev, certificate: dev}
      """
    #expect(
      try onLoop(yaml) { access, _ in
        access.now(.none, peer(common: "")) == .refused(.credentialsRequired)
      })
  }

  @Test func denialsThatCannotBeFilledInDenyAllTheyMightMean() throws {
    let yaml = """
      access:
        users:
          - name: dev
            certificate: dev
            permissions:
              publish: {deny: ["locked.%c.>", "own.x-%u"]}
              subscribe: {deny: ["locked.%c", "work.%c workers"]}
        acl:
          - {user: dev, action: subscribe, topics: ["jobs.> workers"], allow: false}
      """
    let denied = try onLoop(yaml) { access, _ in
      ["c1", "a.b", "a/b", "a b", "+", "", "a%2Eb"].map { id in
        var answers = ""
        access.authenticate(.none, peer: peer(id: id, common: "dev")) { result in
          guard let permissions = (try? result.get())?.permissions else { return }
          for topic in ["locked.c1.z", "locked.other.z", "own.x-dev", "own.other"] {
            let isAllowed = Array(topic.utf8).withUnsafeBytes { permissions.publish.permits($0) }
            answers += isAllowed ? "+" : "-"
          }
          for topic in ["locked.c1", "locked.a.b", "work.c1", "work.c2", "jobs.x"] {
            let isAllowed = permissions.maySubscribe(
              TopicPattern(canonical: Array(topic.utf8)), group: Array("workers".utf8))
            answers += isAllowed ? "+" : "-"
          }
        }
        return answers
      }
    }
    #expect(denied.first == "-+-+-+-+-")
    #expect(Set(denied.dropFirst()) == ["---+-----"])
  }

  @Test func manyRulesCostAClientNothing() throws {
    let rules = (0..<200).map { "    - {client_id: c\($0), topics: [t\($0)]}" }
    let yaml = "access:\n  users: [{name: dev, certificate: dev}]\n  acl:\n"
    let revisions = try onLoop(yaml + rules.joined(separator: "\n")) { access, _ in
      ["c1", "c2"].map { id in
        var revision = ""
        access.authenticate(.none, peer: peer(id: id, common: "dev")) {
          revision = (try? $0.get())?.revision ?? ""
        }
        return revision
      }
    }
    #expect(revisions[0] == revisions[1])
    #expect(1..<200 ~= revisions[0].utf8.count)
  }

  @Test func refreshEndsUsersThatAreGone() throws {
    #expect(
      try onLoop("access: {users: [{name: a, certificate: a}]}") { access, engine in
        let tenant = engine.tenant(named: "default")
        return access.refresh(Principal(name: "b", tenant: tenant), peer: peer()) == nil
          && access.refresh(Principal(name: "", tenant: tenant), peer: peer()) == nil
      })
  }

  /// What is kept for somebody who is away is asked about by other questions than a connection.
  @Test(arguments: [
    ("users: [{name: a, password: old}]", "a", true),
    ("users: [{name: a, certificate: c}]", "a", true),
    ("users: [{name: a, password: new, addresses: [10.0.0.1]}]", "a", true),
    ("users: [{name: b, password: old}]", "a", false),
    ("anonymous: true", "a", false),
    ("anonymous: true", "", true),
    ("token: t", "", true),
    ("users: [{name: b, password: old}]", "", false),
  ])
  func whoIsAwayStaysAsLongAsTheUserDoes(_ yaml: String, _ name: String, _ stays: Bool) throws {
    #expect(
      try onLoop("access: {\(yaml)}") { access, engine in
        let tenant = engine.tenant(named: "default")
        let before = Principal(name: name, tenant: tenant, admission: [1])
        let today = access.standing(of: before, peer: peer())
        // It gets nobody in.
        let entered = today.flatMap { access.refresh($0, peer: peer()) }
        return (today?.name == name) == stays && (today?.tenant === tenant) == stays
          && entered == nil
      })
  }

  @Test func whoIsAwayHasTodaysPermissions() throws {
    #expect(
      try onLoop(
        "access: {users: [{name: a, password: p, permissions: {subscribe: {allow: [x]}}}]}"
      ) { access, engine in
        let before = Principal(name: "a", tenant: engine.tenant(named: "default"))
        let today = access.standing(of: before, peer: peer())?.permissions?.subscribe
        return Array("x".utf8).withUnsafeBytes { today?.permits($0) } == true
          && Array("y".utf8).withUnsafeBytes { today?.permits($0) } == false
      })
  }

  /// How a client got in, what the settings say afterwards, and whether it is still welcome.
  struct Change: Sendable {
    var way: Credentials
    var common: String?
    var before: String
    var after: String
    var isWelcome: Bool
  }

  @Test(arguments: [
    Change(way: .none, before: "anonymous: true", after: "anonymous: true", isWelcome: true),
    Change(
      way: .none, before: "anonymous: true", after: "{anonymous: false, token: t}",
      isWelcome: false),
    Change(way: .token([0x74]), before: "token: t", after: "token: t", isWelcome: true),
    Change(way: .token([0x74]), before: "token: t", after: "token: u", isWelcome: false),
    Change(
      way: .token([0x74]), before: "token: t", after: "{token: u, anonymous: true}",
      isWelcome: false),
    Change(
      way: .none, common: "c", before: "users: [{name: a, certificate: c}]",
      after: "users: [{name: a, certificate: c, password: x}]", isWelcome: true),
    Change(
      way: .none, common: "c", before: "users: [{name: a, certificate: c, password: x}]",
      after: "users: [{name: a, certificate: d, password: x}]", isWelcome: false),
  ])
  func whatLetAClientInMustStillDoSo(_ change: Change) throws {
    let isWelcome = try onLoop("access: {anonymous: true}") { _, engine in
      let key = SymmetricKey(size: .bits256)
      let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
      func access(_ text: String) throws -> BrokerAuthenticator {
        let section = text.hasPrefix("{") ? text : "{\(text)}"
        return try .forTesting("access: \(section)", engine, eventLoop, key: key)
      }
      let peer = peer(common: change.common)
      var principal: Principal?
      try access(change.before).authenticate(change.way, peer: peer) {
        principal = try? $0.get()
      }
      let entered = try #require(principal)
      return try access(change.after).refresh(entered, peer: peer) != nil
    }
    #expect(isWelcome == change.isWelcome)
  }

  @Test func madeUpAndRealSaltsOutliveAReload() throws {
    #expect(
      try onLoop("access: {anonymous: true}") { _, engine in
        let key = SymmetricKey(size: .bits256)
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let made = try (0..<2).map { _ in
          try BrokerAuthenticator.forTesting(
            "access: {users: [{name: a, password: b}]}", engine, eventLoop, key: key)
        }
        return made[0].scramCredential(for: "nobody", hash: .sha256)
          == made[1].scramCredential(for: "nobody", hash: .sha256)
          && made[0].scramCredential(for: "a", hash: .sha256)
            == made[1].scramCredential(for: "a", hash: .sha256)
      })
  }

  @Test func anExchangeAgainstAnOldPasswordIsRefused() throws {
    #expect(
      try onLoop("access: {anonymous: true}") { _, engine in
        let key = SymmetricKey(size: .bits256)
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let made = try ["old", "new"].map { password in
          try BrokerAuthenticator.forTesting(
            "access: {users: [{name: a, password: \(password)}]}", engine, eventLoop, key: key)
        }
        let old = Credentials.verified(
          user: "a", by: made[0].scramCredential(for: "a", hash: .sha256))
        return made[0].now(old, peer()) == .entered(name: "a", tenant: "default")
          && made[1].now(old, peer()) == .refused(.badCredentials)
      })
  }
}
