import GodwitPrimitives
import NIOCore
import Testing

@testable import GodwitEngine

/// Queues over a store that commits, fails and crashes when told, held against what their owners
/// were promised.
@Suite struct QueuesPropertyTests {
  /// A consumer with two queues; a message goes to those that its topic names.
  private final class Holder: Subscriber {
    let queue: Queue

    init(_ tenant: Tenant, _ queue: Queue) {
      self.queue = queue
      super.init(tenant: tenant)
    }

    override func deliver(
      _ publication: inout Publication, to subscription: Subscription,
      prefix: UnsafeRawBufferPointer
    ) -> Bool {
      (try? self.queue.append(&publication, note: [])) != nil
    }
  }

  /// What a publisher was told of a message: nothing yet, or whether it is kept.
  private final class Promise {
    let text: String
    let id: UInt16?
    var isKept: Bool?
    init(_ text: String, _ id: UInt16?) {
      self.text = text
      self.id = id
    }
  }

  private static var names: [String] { ["x", "y"] }

  private final class World {
    let disk = CrashingStore.Disk()
    var random: Random
    var now: Int64 = 1_000_000_000
    var fixture: StreamFixture
    var store: CrashingStore
    var queues: Queues
    var holders: [String: Holder] = [:]
    var count = 0
    /// All that was ever promised to a queue, in order.
    var promises: [String: [Promise]] = [:]
    /// What the owner has said it is done with, and that said so for sure.
    var finished: Set<String> = []
    var finishedForSure: Set<String> = []
    var received: Set<UInt16> = []
    var unsure: Set<UInt16> = []

    init(seed: UInt64) throws {
      self.random = Random(seed: seed)
      (self.fixture, self.store) = CrashingStore.start(on: self.disk, now: self.now)
      try self.fixture.tenant.restoreMessages()
      self.queues = try #require(self.fixture.tenant.queues)
      for name in ["x", "y"] { _ = try self.queues.create(Array(name.utf8)) }
      self.store.commit()
      try self.subscribe()
    }

    func subscribe() throws {
      for name in ["x", "y"] {
        let queue = try #require(self.queues[Array(name.utf8)])
        let holder = Holder(self.fixture.tenant, queue)
        self.holders[name] = holder
        for pattern in [name, "both"] {
          try self.fixture.tenant.router.subscribe(
            Subscription(pattern: TopicPattern(pattern), group: nil, subscriber: holder))
        }
      }
    }

    func queue(_ name: String) -> Queue? { self.holders[name]?.queue }

    func publish(_ topic: String, id: UInt16?) {
      self.count += 1
      let promise = Promise("\(self.count)", id)
      for name in ["x", "y"] where topic == name || topic == "both" {
        self.promises[name, default: []].append(promise)
      }
      Array(topic.utf8).withUnsafeBytes { topic in
        Array(promise.text.utf8).withUnsafeBytes { payload in
          var publication = Publication(
            topic: topic, payload: payload, origin: self.fixture.reader.origin,
            native: UnsafeRawBufferPointer(start: nil, count: 0), quality: .exactlyOnce)
          if let id, let queue = self.queue("x") { queue.receive(id, with: &publication) }
          var memo: Route?
          self.fixture.tenant.publish(&publication, memo: &memo)
          publication.seal()
          if let id { self.unsure.insert(id) }
          publication.kept.whenCommitted { error in
            promise.isKept = error == nil
            guard let id else { return }
            self.unsure.remove(id)
            if error == nil { self.received.insert(id) }
          }
        }
      }
    }

    /// What can be fetched.
    func texts(_ name: String) -> [(sequence: UInt64, text: String)] {
      guard let queue = self.queue(name) else { return [] }
      var found: [(UInt64, String)] = []
      var sequence: UInt64 = 0
      while let next = queue.next(from: sequence) {
        if case .record(let record) = queue.fetch(next) { found.append((next, record.text)) }
        sequence = next + 1
      }
      return found
    }

    func has(_ text: String) -> Bool {
      ["x", "y"].contains { name in self.texts(name).contains { $0.text == text } }
    }

    func finishOne(_ name: String) {
      let found = self.texts(name)
      guard let one = found.randomElement(using: &self.random) else { return }
      self.queue(name)?.finish(one.sequence)
      self.finished.insert("\(name)\(one.text)")
    }

    func crash() throws {
      let next = self.holders.mapValues { $0.queue.nextSequence }
      self.now += 1
      (self.fixture, self.store) = CrashingStore.start(on: self.disk, now: self.now)
      try self.fixture.tenant.restoreMessages()
      self.queues = try #require(self.fixture.tenant.queues)
      try self.subscribe()
      for (name, before) in next { #expect((self.queue(name)?.nextSequence ?? 0) <= before) }
    }
  }

  private func check(_ world: World, _ place: String, afterCrash: Bool) {
    for name in Self.names {
      let found = world.texts(name).map(\.text)
      let promises = world.promises[name] ?? []
      let wanted = promises.filter {
        $0.isKept == true && !world.finished.contains("\(name)\($0.text)")
      }
      let allowed = promises.filter {
        $0.isKept != false && !world.finishedForSure.contains("\(name)\($0.text)")
      }
      #expect(Set(found).count == found.count, "twice, \(place)")
      #expect(Set(wanted.map(\.text)).isSubset(of: found), "lost, \(place)")
      #expect(Set(found).isSubset(of: allowed.map(\.text)), "never kept, \(place)")
      #expect(found == found.sorted { (Int($0) ?? 0) < (Int($1) ?? 0) }, "order, \(place)")
    }
    let known = world.queue("x")?.received ?? []
    #expect(world.received.isSubset(of: known), "an identifier is lost, \(place)")
    #expect(known.isSubset(of: world.received.union(world.unsure)), "made up, \(place)")
  }

  @Test(arguments: 0..<60)
  func whatWasPromisedIsThere(_ seed: UInt64) throws {
    let world = try World(seed: seed)
    for step in 0..<250 {
      let place = "seed \(seed), step \(step)"
      world.now += 1_000
      world.fixture.engine.advance(to: world.now)
      var isCrash = false
      switch Int.random(in: 0..<20, using: &world.random) {
      case 0..<8:
        let topic = ["x", "y", "both", "nobody"].randomElement(using: &world.random) ?? "x"
        let id = UInt16.random(in: 1...60, using: &world.random)
        // A sender uses a number again when its release was answered, and not before.
        let isFree = world.queue("x")?.received.contains(id) == false && !world.unsure.contains(id)
        world.publish(topic, id: isFree && Bool.random(using: &world.random) ? id : nil)
      case 8..<11: world.finishOne(Self.names.randomElement(using: &world.random) ?? "x")
      case 11..<13:
        // Once it is released it may be forgotten, and is not when that is lost.
        if let id = world.received.randomElement(using: &world.random) {
          world.queue("x")?.release(id)
          world.received.remove(id)
          world.unsure.insert(id)
        }
      case 13..<17:
        world.store.commit()
        world.finishedForSure = world.finished
        world.unsure = []
      case 17: world.store.failLogs()
      case 18: world.store.commitJournals()
      default:
        try world.crash()
        isCrash = true
        // A sender whose identifier is known does not send the message again.
        let known = world.queue("x")?.received ?? []
        for name in Self.names {
          let found = Set(world.texts(name).map(\.text))
          for promise in world.promises[name] ?? [] where promise.isKept == nil {
            guard let id = promise.id, known.contains(id) else { continue }
            #expect(found.contains(promise.text), "known and not there, \(place)")
          }
        }
      }
      self.check(world, place, afterCrash: isCrash)
      if isCrash {
        for promise in world.promises.values.joined() where promise.isKept == nil {
          // Nobody was told; from here on it is there or not.
          promise.isKept = world.has(promise.text)
        }
        // A finish that was lost brings its message back, or the message is gone with it.
        let all = Self.names.flatMap { name in world.texts(name).map { "\(name)\($0.text)" } }
        world.finished.subtract(all)
        world.received = world.queue("x")?.received ?? []
        world.unsure = []
      }
    }
  }
}
