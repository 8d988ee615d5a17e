import GodwitEngine
import KafkaWire
import Logging
import NIOCore
import NIOEmbedded
import Testing

@testable import GodwitFrontEndKit
@testable import KafkaFrontEnd

/// Lets everybody in.
private final class OpenDoor: Authenticator {
  private let anonymous: Principal

  init(_ engine: Engine) {
    anonymous = Principal(name: "", tenant: engine.tenant(named: "default"))
  }

  var requiresCredentials: Bool { false }
  var offersNonce: Bool { false }

  func authenticate(
    _ credentials: Credentials, peer: PeerIdentity,
    completion: @escaping (Result<Principal, AccessRefusal>) -> Void
  ) {
    completion(.success(anonymous))
  }

  func scramCredential(for user: String, hash: SCRAMHash) -> SCRAMCredential {
    SCRAMCredential(salt: [], iterations: 1, storedKey: [], serverKey: [])
  }

  func refresh(_ principal: Principal, peer: PeerIdentity) -> Principal? { anonymous }
  func standing(of principal: Principal, peer: PeerIdentity) -> Principal? { anonymous }
}

/// A front end on an embedded loop, whose turns a test takes.
private final class TurnRig {
  let eventLoop = EmbeddedEventLoop()
  let loop: Loop
  let server: KafkaServer
  let store: JournalStore
  private(set) var putOff: [() -> Void] = []

  init(_ changes: [String: SettingValue] = [:], isDurable: Bool = false) throws {
    loop = Loop(eventLoop: eventLoop, wallNanoseconds: 1_700_000_000_000_000_000)
    let tenant = loop.engine.tenant(named: "default")
    store = JournalStore(tenant.memoryStore)
    if isDurable { tenant.store = store }
    var values: [String: SettingValue] = [:]
    for setting in KafkaServer.settings.settings { values[setting.key] = setting.defaultValue }
    values.merge(changes) { $1 }
    server = try KafkaServer(
      FrontEndContext(
        loop: loop, access: AccessControl(OpenDoor(loop.engine)),
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, serverName: "rig",
        version: "1.2.3"),
      values: SettingsValues(path: "kafka", checked: values))
    loop.engine.putOff = { [unowned self] in putOff.append($0) }
  }

  /// Moves the time on.
  func pass(seconds: Int64) {
    loop.engine.advance(to: loop.engine.now + seconds * 1_000_000_000)
    loop.engine.effort.pointee = 0
    _ = loop.engine.timers.fireDue()
    eventLoop.run()
  }

  /// Does the first of what was put off.
  func takeTurn() {
    loop.engine.effort.pointee = 0
    putOff.removeFirst()()
    eventLoop.run()
  }
}

private final class TurnClient {
  let channel: EmbeddedChannel

  init(_ rig: TurnRig) throws {
    channel = EmbeddedChannel(loop: rig.eventLoop)
    let connection = Connection(
      loop: rig.loop, frontEndName: KafkaServer.name,
      peer: PeerInfo(address: "127.0.0.1", port: 5000, transport: .tcp, listener: "kafka"),
      tls: nil, handshakeSeconds: 5)
    connection.session = rig.server.makeSession(for: connection)
    try channel.pipeline.syncOperations.addHandler(connection)
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
  }

  func ask<A: KafkaAPI>(_: A.Type, version: Int16, _ request: A.Request) throws {
    let frame = try A.encode(request, correlationID: 1, version: version, clientID: "c")
    try channel.writeInbound(frame)
  }

  /// What has come since the last call in answer to one request.
  func answer<A: KafkaAPI>(_: A.Type, version: Int16) throws -> A.Response {
    var frame = try #require(try channel.readOutbound(as: ByteBuffer.self))
    while let more = try channel.readOutbound(as: ByteBuffer.self) {
      frame.writeImmutableBuffer(more)
    }
    // The size, the number of the request, and no tagged fields.
    frame.moveReaderIndex(forwardBy: A.isFlexible(version) ? 9 : 8)
    return try A.decodeResponse(frame, version: version)
  }

  /// Whether something has come since the last call.
  var isAnswered: Bool {
    var isAnswered = false
    while let buffer = try? channel.readOutbound(as: ByteBuffer.self) {
      isAnswered = isAnswered || buffer.readableBytes > 0
    }
    return isAnswered
  }

  func leave() throws { _ = try channel.finish(acceptAlreadyClosed: true) }
}

/// What very many members of one group ask or hear at the same moment is done in turns.
@Suite struct KafkaTurnTests {
  @Test func membersHearInTurnsThatAllHaveJoined() throws {
    let count = 600
    let rig = try TurnRig(["group_initial_rebalance_delay_ms": .integer(3_000)])
    let clients = try (0..<count).map { _ in try TurnClient(rig) }
    for client in clients {
      try client.ask(
        KafkaJoinGroup.self, version: 2,
        .with {
          $0.groupID = "g"
          $0.sessionTimeoutMs = 30_000
          $0.rebalanceTimeoutMs = 3_000
          $0.protocolType = "consumer"
          $0.protocols = [.with { $0.name = "range" }]
        })
    }
    #expect(clients.allSatisfy { !$0.isAnswered })
    rig.pass(seconds: 4)
    var answered = clients.count { $0.isAnswered }
    #expect((1...300).contains(answered))
    while !rig.putOff.isEmpty {
      rig.takeTurn()
      let more = clients.count { $0.isAnswered }
      #expect(more <= 300)
      answered += more
    }
    #expect(answered == count)
    for client in clients { try client.leave() }
  }

  @Test func eachOfManyMembersIsServedInATurnOfItsOwn() throws {
    let count = 150
    let rig = try TurnRig()
    let clients = try (0..<count).map { _ in try TurnClient(rig) }
    func join(_ client: TurnClient, _ id: String, epoch: Int32 = 0) throws {
      try client.ask(
        KafkaConsumerGroupHeartbeat.self, version: 0,
        .with {
          $0.groupID = "g"
          $0.memberID = id
          $0.memberEpoch = epoch
          $0.rebalanceTimeoutMs = epoch == 0 ? 30_000 : -1
          $0.subscribedTopicNames = epoch == 0 ? ["t"] : nil
          $0.topicPartitions = epoch == 0 ? [] : nil
        })
    }
    for (number, client) in clients.enumerated() { try join(client, "m\(number)") }
    rig.eventLoop.run()
    let atOnce = clients.count { $0.isAnswered }
    #expect((1...100).contains(atOnce))
    #expect(rig.putOff.count == count - atOnce)
    while !rig.putOff.isEmpty { rig.takeTurn() }
    let tenant = rig.server.tenant(rig.loop.engine.tenant(named: "default"))
    let group = try #require(tenant.consumerGroups.byName["g"])
    #expect(group.members.count == count)
    #expect(clients.dropFirst(atOnce).allSatisfy { $0.isAnswered })
    // Who leaves, and waits for no answer, has left.
    try join(clients[0], "m0", epoch: -1)
    try clients[0].leave()
    #expect(group.members.count == count)
    while !rig.putOff.isEmpty { rig.takeTurn() }
    #expect(group.members.count == count - 1)
    for client in clients.dropFirst() { try client.leave() }
  }
}

/// What is asked of topics while the disk takes its time.
@Suite struct KafkaSlowDiskTests {
  private let rig: TurnRig
  private let client: TurnClient
  private let tenant: KafkaTenant

  init() throws {
    rig = try TurnRig(["max_partitions": .integer(10)], isDurable: true)
    client = try TurnClient(rig)
    tenant = rig.server.tenant(rig.loop.engine.tenant(named: "default"))
    for name in ["a", "b"] { tenant.create(name, partitions: 2) { #expect($0 == nil) } }
  }

  private func grow(_ names: [String], to count: Int32) throws {
    try client.ask(
      KafkaCreatePartitions.self, version: 2,
      .with {
        $0.topics = names.map { name in
          .with {
            $0.name = name
            $0.count = count
          }
        }
      })
    rig.eventLoop.run()
  }

  private func grown() throws -> [KafkaErrorCode] {
    rig.eventLoop.run()
    return try client.answer(KafkaCreatePartitions.self, version: 2).results.map(\.error)
  }

  @Test func partitionsThatAreUnderWayCount() throws {
    rig.store.isSilent = true
    try grow(["a", "b"], to: 7)
    #expect(tenant.partitionCount == 4 && !client.isAnswered)
    rig.store.speak()
    #expect(try grown() == [.noError, .policyViolation])
    #expect(tenant.partitionCount == 9)
    // What the disk refuses does not count any more.
    rig.store.fails = true
    try grow(["b"], to: 3)
    #expect(try grown() != [.noError])
    rig.store.fails = false
    try grow(["b"], to: 3)
    #expect(try grown() == [.noError])
    #expect(tenant.partitionCount == 10)
    try client.leave()
  }

  @Test func aTopicThatIsNamedTwiceIsDeletedOnce() throws {
    let id = try #require(tenant.topic("a")).id
    rig.store.isSilent = true
    try client.ask(
      KafkaDeleteTopics.self, version: 6,
      .with { $0.topics = [.with { $0.topicID = id }, .with { $0.topicID = id }] })
    rig.eventLoop.run()
    rig.store.speak()
    rig.eventLoop.run()
    let answer = try client.answer(KafkaDeleteTopics.self, version: 6)
    #expect(answer.responses.map(\.error) == [.noError, .unknownTopicID])
    #expect(tenant.topic("a") == nil)
    try client.leave()
  }
}
