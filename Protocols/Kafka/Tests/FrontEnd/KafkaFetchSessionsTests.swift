import GodwitEngine
import KafkaWire
import NIOCore
import Testing

@testable import KafkaFrontEnd

@Suite struct KafkaFetchSessionsTests {
  /// A client that reads topic `t`, and what it is told.
  private struct Rig {
    let engine: Engine
    let sessions: KafkaFetchSessions
    var now: Int64 = 1_000

    init(countMax: Int = 2, bytesMax: Int = 1 << 30) {
      var limits = EngineLimits.defaults
      limits.storedBytesMax = bytesMax
      engine = Engine(limits: limits, now: 1)
      sessions = KafkaFetchSessions(countMax: countMax)
    }

    var tenant: Tenant { engine.tenant(named: "t") }

    func context(
      _ id: Int32, _ epoch: Int32, _ partitions: [Int32] = [], forgotten: [Int32] = [],
      usesIDs: Bool = false, user: String = "ann", tenant: String = "t", connection: UInt64 = 1
    ) -> KafkaFetchSessions.Context {
      var request = Self.request(partitions)
      request.sessionID = id
      request.sessionEpoch = epoch
      if !forgotten.isEmpty {
        request.forgottenTopicsData = [
          .with {
            $0.topic = "t"
            $0.partitions = forgotten
          }
        ]
      }
      return sessions.context(
        of: request, usesIDs: usesIDs, tenant: engine.tenant(named: tenant), user: user,
        connection: connection, now: now)
    }

    func begin(
      _ partitions: [Int32], end: Int64 = 5, connection: UInt64 = 1, topic: String = "t"
    ) -> KafkaFetchSession? {
      sessions.begin(
        with: Self.request(partitions, of: topic),
        told: Self.told(partitions.map { ($0, end, "") }),
        usesIDs: false, tenant: tenant, user: "ann", connection: connection, now: now)
    }

    static func request(_ partitions: [Int32], of name: String = "t") -> KafkaFetch.Request {
      .with {
        guard !partitions.isEmpty else { return }
        $0.topics = [
          .with {
            $0.topic = name
            $0.partitions = partitions.map { index in .with { $0.partition = index } }
          }
        ]
      }
    }

    static func told(
      _ partitions: [(Int32, end: Int64, records: String)], error: KafkaErrorCode = .noError
    ) -> [KafkaFetch.Response.Topic] {
      [
        .with {
          $0.topic = "t"
          $0.partitions = partitions.map { index, end, records in
            .with {
              $0.partitionIndex = index
              $0.highWatermark = end
              $0.records = ByteBuffer(string: records)
              $0.error = error
            }
          }
        }
      ]
    }

    static func indexes(_ topics: [KafkaFetch.Response.Topic]) -> [Int32] {
      topics.flatMap { $0.partitions.map(\.partitionIndex) }
    }
  }

  @Test func onlyNewsIsTold() throws {
    let rig = Rig()
    let session = try #require(rig.begin([0, 1, 2]))
    #expect(Rig.indexes(session.news(Rig.told([(0, 5, ""), (1, 5, ""), (2, 5, "")]))).isEmpty)
    #expect(Rig.indexes(session.news(Rig.told([(0, 6, "x"), (1, 6, ""), (2, 5, "")]))) == [0, 1])
    #expect(Rig.indexes(session.news(Rig.told([(0, 6, ""), (1, 6, ""), (2, 5, "")]))).isEmpty)
    // A failure is told each time, and that it is over.
    let failed = Rig.told([(1, -1, "")], error: .unknownTopicOrPartition)
    #expect(Rig.indexes(session.news(failed)) == [1])
    #expect(Rig.indexes(session.news(failed)) == [1])
    #expect(Rig.indexes(session.news(Rig.told([(1, 6, "")]))) == [1])
  }

  @Test func whoWasServedComesLast() throws {
    let session = try #require(Rig().begin([0, 1, 2]))
    _ = session.news(Rig.told([(0, 6, "x"), (1, 5, ""), (2, 6, "x")]))
    #expect(session.topics.flatMap { $0.partitions.map(\.partition) } == [1, 0, 2])
  }

  @Test func epochsFollowEachOther() throws {
    let rig = Rig()
    let session = try #require(rig.begin([0]))
    guard case .next(let found, let epoch) = rig.context(session.id, 1) else {
      Issue.record("the session is not found")
      return
    }
    #expect(found === session && epoch == 2 && rig.sessions.isCurrent(session, epoch: 2))
    guard case .refused(.invalidFetchSessionEpoch) = rig.context(session.id, 1) else {
      Issue.record("an epoch came twice")
      return
    }
    guard case .next = rig.context(session.id, 2) else {
      Issue.record("the session did not go on")
      return
    }
    #expect(!rig.sessions.isCurrent(session, epoch: 2))
    #expect(KafkaFetchSession.next(.max) == 1)
  }

  @Test func partitionsComeAndGo() throws {
    let rig = Rig()
    let session = try #require(rig.begin([0]))
    _ = rig.context(session.id, 1, [1, 2], forgotten: [0])
    #expect(session.topics.flatMap { $0.partitions.map(\.partition) } == [1, 2])
    // With nothing left there is no session.
    guard case .once = rig.context(session.id, 2, forgotten: [1, 2]) else {
      Issue.record("an empty session stays")
      return
    }
    #expect(rig.sessions.count == 0)
  }

  @Test func aSessionIsForOneUserOfOneTenantAndOneKindOfNames() throws {
    let rig = Rig()
    let session = try #require(rig.begin([0]))
    for wrong in [
      rig.context(session.id, 1, user: "bob"), rig.context(session.id, 1, tenant: "u"),
      rig.context(session.id &+ 1, 1),
    ] {
      guard case .refused(.fetchSessionIDNotFound) = wrong else {
        Issue.record("somebody else's session is used")
        return
      }
    }
    // Nor does anybody else end it.
    _ = rig.context(session.id, -1, user: "bob")
    #expect(rig.sessions.count == 1)
    guard case .refused(.fetchSessionTopicIDError) = rig.context(session.id, 1, usesIDs: true)
    else {
      Issue.record("names and identifiers are mixed")
      return
    }
    guard case .once = rig.context(session.id, -1) else {
      Issue.record("a session does not end")
      return
    }
    #expect(rig.sessions.count == 0)
  }

  @Test func aNewOneTakesThePlaceOfOneThatIsIdleOrSmaller() throws {
    var rig = Rig()
    let idle = try #require(rig.begin([0, 1, 2, 3]))
    let small = try #require(rig.begin([0]))
    #expect(rig.begin([0, 1]) == nil)
    rig.now += KafkaFetchSessions.standsFor + 1
    _ = rig.context(small.id, 1)
    // The idle one goes, however much it reads.
    #expect(rig.begin([0]) != nil)
    guard case .refused = rig.context(idle.id, 1) else {
      Issue.record("it is still there")
      return
    }
    // The small one has stood long enough; what reads no more than it is no reason.
    #expect(rig.begin([0]) == nil)
    #expect(rig.begin([0, 1]) != nil)
    #expect(rig.sessions.count == 2 && rig.sessions.evicted == 2)
  }

  @Test func sessionsHaveAPartOfTheMemory() throws {
    var rig = Rig(countMax: 1_000, bytesMax: 16 << 20)
    var count = 0
    while count < 1_000, rig.begin(Array(0..<100)) != nil { count += 1 }
    // A sixteenth, and no more is refused to others.
    #expect(count > 30 && count < 42 && rig.tenant.memory.used <= 1 << 20)
    #expect(rig.tenant.memory.reserve(14 << 20))
    rig.tenant.memory.release(14 << 20)
    // What nobody has used for long gives way.
    rig.now += KafkaFetchSessions.standsFor + 1
    #expect(rig.begin(Array(0..<100)) != nil && rig.sessions.evicted > 0)
  }

  @Test func sessionsEndWithTheirConnection() throws {
    let rig = Rig(countMax: 10)
    let before = rig.tenant.memory.used
    let moved = try #require(rig.begin([0], connection: 1)?.id)
    _ = rig.begin([0, 1], connection: 1)
    _ = rig.context(moved, 1, connection: 2)
    rig.sessions.disconnected(1)
    #expect(rig.sessions.count == 1)
    guard case .next = rig.context(moved, 2, connection: 2) else {
      Issue.record("it went with a connection that it was not used by")
      return
    }
    rig.sessions.disconnected(2)
    rig.sessions.disconnected(3)
    #expect(rig.sessions.count == 0 && rig.tenant.memory.used == before)
  }

  @Test func namesAreCounted() throws {
    let rig = Rig(countMax: 10)
    let before = rig.tenant.memory.used
    let session = rig.begin([0, 1], topic: String(repeating: "x", count: 30_000))
    #expect(session != nil && rig.tenant.memory.used >= before + 30_000)
    #expect(rig.tenant.memory.used < before + 60_000)
  }

  @Test func memoryIsCountedAndGivenBack() throws {
    let rig = Rig(countMax: 10)
    let before = rig.tenant.memory.used
    var session = rig.begin(Array(0..<100))
    #expect(rig.tenant.memory.used >= before + 100 * KafkaFetchSession.partitionBytes)
    _ = rig.context(try #require(session?.id), -1)
    session = nil
    #expect(rig.tenant.memory.used == before)
  }
}
