import GodwitEngine
import GodwitPrimitives
import Testing

struct RouterTests {
  let engine = Engine(now: 1)

  @Test func deliversWithThePrefixOfEachTarget() throws {
    let tenant = self.engine.tenant(named: "a")
    let recorder = Recorder(tenant: tenant)
    try tenant.subscribe(recorder, "x.*")
    try tenant.subscribe(recorder, "x.y")
    #expect(tenant.publish("x.y", "1") == 2)
    #expect(recorder.prefixes.sorted() == ["x.y>x.*", "x.y>x.y"])
    #expect(tenant.publish("x", "2") == 0)
    #expect(self.engine.counters.unrouted == 1)
    #expect(self.engine.counters.delivered == 2)
  }

  @Test func prefixesThatAreTooLargeToHoldAreMadeForEachDelivery() throws {
    var limits = EngineLimits.defaults
    limits.routeBytesMax = 2_000
    let engine = Engine(limits: limits, now: 1)
    let tenant = engine.tenant(named: "a")
    let recorder = Recorder(tenant: tenant)
    let member = Recorder(tenant: tenant)
    for _ in 0..<10 { try tenant.subscribe(recorder, "*") }
    try tenant.subscribe(member, "*", group: "g")
    let long = String(repeating: "x", count: 600)
    for topic in ["short", long, long, "short"] { #expect(tenant.publish(topic, topic) == 11) }
    #expect(Set(recorder.prefixes) == ["short>*", "\(long)>*"])
    #expect(recorder.prefixes.filter { $0 == "\(long)>*" }.count == 20)
    #expect(member.prefixes == ["short>*", "\(long)>*", "\(long)>*", "short>*"])
    // For the long topic four prefixes were made before the route went without, once for each time
    // that it was matched; for each delivery one more.
    #expect(recorder.made + member.made == 11 + 4 + 22)
  }

  @Test func answersReachWhoListensNow() throws {
    let tenant = self.engine.tenant(named: "a")
    let asker = Recorder(tenant: tenant)
    let other = Recorder(tenant: tenant)
    func answer(_ topic: String) -> Int {
      Array(topic.utf8).withUnsafeBytes { topic in
        var publication = Publication(
          topic: topic, payload: topic, origin: .engine,
          native: UnsafeRawBufferPointer(start: nil, count: 0), quality: .atMostOnce)
        return tenant.answer(&publication)
      }
    }
    let all = try tenant.subscribe(asker, "i.a.*")
    for topic in ["i.a.1", "i.a.2", "i.a.3"] { #expect(answer(topic) == 1) }
    #expect(asker.got == ["i.a.1", "i.a.2", "i.a.3"])
    #expect(asker.prefixes == asker.got.map { "\($0)>i.a.*" })
    // Longer, shorter, and others.
    for topic in ["i.a.1.2", "i.a", "i.b.1", "i.aa.1", "i"] { #expect(answer(topic) == 0) }
    // One who comes for one topic alone, after the way was known and before.
    let one = try tenant.subscribe(other, "i.a.5")
    #expect(answer("i.a.4") == 1)
    #expect(answer("i.a.5") == 2)
    #expect(answer("i.a.6") == 1)
    #expect(other.got == ["i.a.5"])
    tenant.router.unsubscribe(one)
    #expect(answer("i.a.5") == 1)
    tenant.router.unsubscribe(all)
    #expect(answer("i.a.6") == 0)
    try tenant.subscribe(other, "i.a.7")
    #expect(answer("i.a.7") == 1)
    #expect(answer("i.a.8") == 0)
  }

  @Test func offeringToManyIsCounted() throws {
    let tenant = self.engine.tenant(named: "a")
    let recorder = Recorder(tenant: tenant)
    for _ in 0..<10 { try tenant.subscribe(recorder, "few") }
    for _ in 0..<800 { try tenant.subscribe(recorder, "many") }
    for topic in ["few", "many"] { tenant.publish(topic, "x") }
    self.engine.effort.pointee = 0
    tenant.publish("few", "x")
    #expect(self.engine.effort.pointee == 0)
    tenant.publish("many", "x")
    #expect(self.engine.effort.pointee == 100)
    tenant.publish(topic: Array("many".utf8), payload: [], quality: .atLeastOnce)
    #expect(self.engine.effort.pointee == 900)
    _ = Array("many".utf8).withUnsafeBytes { tenant.router.subscriptions(matching: $0) }
    #expect(self.engine.effort.pointee > 1_000)
  }

  @Test func tenantsDoNotSeeEachOther() throws {
    let one = self.engine.tenant(named: "one")
    let two = self.engine.tenant(named: "two")
    let recorder = Recorder(tenant: one)
    try one.subscribe(recorder, ">")
    #expect(two.publish("x", "secret") == 0)
    #expect(recorder.got.isEmpty)
  }

  @Test func oneMemberOfAGroupGetsEachMessage() throws {
    let tenant = self.engine.tenant(named: "a")
    let members = (0..<3).map { _ in Recorder(tenant: tenant) }
    for member in members { try tenant.subscribe(member, "work.>", group: "g") }
    let other = Recorder(tenant: tenant)
    try tenant.subscribe(other, "work.*", group: "h")
    for index in 0..<300 { #expect(tenant.publish("work.x", "\(index)") == 2) }
    #expect(members.flatMap(\.got).count == 300)
    #expect(Set(members.flatMap(\.got)).count == 300)
    for member in members { #expect(member.got.count > 40) }
    #expect(other.got.count == 300)
  }

  @Test func aGroupPrefersReadyMembersAndFallsBack() throws {
    let tenant = self.engine.tenant(named: "a")
    let ready = Recorder(tenant: tenant)
    let away = Recorder(tenant: tenant)
    away.isReady = false
    try tenant.subscribe(ready, "t", group: "g")
    try tenant.subscribe(away, "t", group: "g")
    for index in 0..<50 { tenant.publish("t", "\(index)") }
    #expect(ready.got.count == 50)
    ready.accepts = false
    #expect(tenant.publish("t", "kept") == 1)
    #expect(away.got == ["kept"])
    away.accepts = false
    #expect(tenant.publish("t", "lost") == 0)
  }

  @Test func aGroupSpansPatterns() throws {
    let tenant = self.engine.tenant(named: "a")
    let one = Recorder(tenant: tenant)
    let two = Recorder(tenant: tenant)
    try tenant.subscribe(one, "a.*", group: "g")
    try tenant.subscribe(two, "a.b", group: "g")
    for index in 0..<100 { #expect(tenant.publish("a.b", "\(index)") == 1) }
    #expect(one.got.count + two.got.count == 100)
  }

  @Test func unsubscribingWithinAPublishTakesEffectAfterIt() throws {
    let tenant = self.engine.tenant(named: "a")
    let first = Recorder(tenant: tenant)
    let second = Recorder(tenant: tenant)
    try tenant.subscribe(first, "t")
    let victim = try tenant.subscribe(second, "t")
    first.onDeliver = { tenant.router.unsubscribe(victim) }
    #expect(tenant.publish("t", "1") == 2)
    #expect(tenant.publish("t", "2") == 1)
    #expect(second.got == ["1"])
  }

  @Test func subscribingWithinAPublishTakesEffectAfterIt() throws {
    let tenant = self.engine.tenant(named: "a")
    let first = Recorder(tenant: tenant)
    let late = Recorder(tenant: tenant)
    try tenant.subscribe(first, "t")
    var isDone = false
    first.onDeliver = {
      guard !isDone else { return }
      isDone = true
      #expect(throws: Never.self) { try tenant.subscribe(late, "t") }
    }
    #expect(tenant.publish("t", "1") == 1)
    #expect(tenant.publish("t", "2") == 2)
    #expect(late.got == ["2"])
  }

  @Test func subscribedAndUnsubscribedWithinOnePublishIsNotThere() throws {
    let tenant = self.engine.tenant(named: "a")
    let first = Recorder(tenant: tenant)
    let late = Recorder(tenant: tenant)
    try tenant.subscribe(first, "t")
    first.onDeliver = {
      if let subscription = try? tenant.subscribe(late, "t") {
        tenant.router.unsubscribe(subscription)
      }
    }
    tenant.publish("t", "1")
    first.onDeliver = nil
    #expect(tenant.publish("t", "2") == 1)
    #expect(tenant.router.subscriptionCount == 1)
  }

  @Test func limitsAreErrors() throws {
    var limits = EngineLimits()
    limits.subscriptionsMax = 2
    limits.patternLevelsMax = 3
    let engine = Engine(limits: limits, now: 1)
    let tenant = engine.tenant(named: "a")
    defer { withExtendedLifetime(engine) {} }
    let recorder = Recorder(tenant: tenant)
    #expect(throws: EngineError.self) { try tenant.subscribe(recorder, "a.b.c.d") }
    try tenant.subscribe(recorder, "a.b.c")
    try tenant.subscribe(recorder, "b")
    #expect(throws: EngineError.self) { try tenant.subscribe(recorder, "c") }
  }

  @Test func rememberedRoutesAreBoundedInBytes() throws {
    var limits = EngineLimits()
    limits.routeBytesMax = 100_000
    let engine = Engine(limits: limits, now: 1)
    let tenant = engine.tenant(named: "a")
    defer { withExtendedLifetime(engine) {} }
    let recorder = Recorder(tenant: tenant)
    let subscription = try tenant.subscribe(recorder, ">")
    var most = 0
    for index in 0..<200 {
      #expect(tenant.publish("\(index)" + String(repeating: "x", count: 2_000), "") == 1)
      most = max(most, tenant.router.rememberedBytes)
    }
    #expect(most > 50_000 && most <= 100_000)
    let topics = tenant.router.rememberedTopics
    // Very long topics are not remembered, and are delivered all the same.
    #expect(tenant.publish(String(repeating: "y", count: 60_000), "") == 1)
    #expect(tenant.router.rememberedTopics == topics)
    tenant.router.unsubscribe(subscription)
    #expect((tenant.router.rememberedBytes, tenant.router.rememberedTopics) == (0, 0))
    #expect(engine.memory.used == 0)
  }

  @Test func largeRoutesAreNotKeptByPublishers() throws {
    let tenant = self.engine.tenant(named: "a")
    let recorder = Recorder(tenant: tenant)
    try tenant.subscribe(recorder, ">")
    for (size, isKept) in [(100, true), (60_000, false)] {
      let topic = [UInt8](repeating: UInt8(ascii: "x"), count: size)
      var memo: Route?
      topic.withUnsafeBytes { topic in
        var publication = Publication(
          topic: topic, payload: topic, origin: .engine, native: topic, quality: .atMostOnce)
        #expect(tenant.publish(&publication, memo: &memo) == 1)
      }
      #expect((memo != nil) == isKept)
    }
  }

  @Test func subscriptionsAreChargedAndGivenBack() throws {
    var limits = EngineLimits()
    limits.storedBytesMax = 200_000
    let engine = Engine(limits: limits, now: 1)
    let tenant = engine.tenant(named: "a")
    defer { withExtendedLifetime(engine) {} }
    let recorder = Recorder(tenant: tenant)
    var made: [Subscription] = []
    #expect(throws: EngineError.self) {
      for index in 0..<100 {
        made.append(
          try tenant.subscribe(recorder, "\(index)." + String(repeating: "x", count: 10_000)))
      }
    }
    // The pattern is kept twice: by the subscription and by the tree.
    #expect((5...10).contains(made.count))
    for subscription in made { tenant.router.unsubscribe(subscription) }
    #expect(engine.memory.used == 0)
  }

  /// Random subscribing, unsubscribing and publishing, against a plain list; a memo is kept as a
  /// publisher keeps it.
  @Test(arguments: 1...20)
  func agreesWithAList(seed: UInt64) throws {
    var random = Random(seed: seed)
    var limits = EngineLimits()
    limits.routesMax = 16
    limits.routeTargetsMax = 200
    let engine = Engine(limits: limits, now: 1)
    let tenant = engine.tenant(named: "a")
    defer { withExtendedLifetime(engine) {} }
    let words = ["a", "b", "$SYS", "*", ">"]
    func topic(_ wildcards: Bool) -> String {
      (0..<Int.random(in: 1...4, using: &random)).map { _ in
        words[Int.random(in: 0..<(wildcards ? 4 : 3), using: &random)]
      }.joined(separator: ".") + (wildcards && Bool.random(using: &random) ? ".>" : "")
    }
    var live: [(Subscription, Recorder)] = []
    var memo: Route?
    for step in 0..<1_500 {
      switch Int.random(in: 0..<6, using: &random) {
      case 0, 1:
        let recorder = Recorder(tenant: tenant)
        live.append((try tenant.subscribe(recorder, topic(true)), recorder))
      case 2 where !live.isEmpty:
        let index = Int.random(in: 0..<live.count, using: &random)
        tenant.router.unsubscribe(live.remove(at: index).0)
      default:
        let name = Array(topic(false).utf8)
        let expected = name.withUnsafeBytes { bytes in
          live.filter { $0.0.pattern.matches(bytes) }.count
        }
        let payload = Array("\(step)".utf8)
        let taken = name.withUnsafeBytes { name in
          payload.withUnsafeBytes { payload in
            var publication = Publication(
              topic: name, payload: payload, origin: .engine,
              native: UnsafeRawBufferPointer(start: nil, count: 0), quality: .atMostOnce)
            return tenant.publish(&publication, memo: &memo)
          }
        }
        #expect(taken == expected, "\(String(decoding: name, as: UTF8.self)) at step \(step)")
      }
    }
  }

  @Test func churnElsewhereKeepsTheRoute() throws {
    let tenant = self.engine.tenant(named: "a")
    let recorder = Recorder(tenant: tenant)
    try tenant.subscribe(recorder, "sensors.a.t")
    tenant.publish("sensors.a.t", "1")
    let misses = tenant.router.cacheMisses
    for index in 0..<50 {
      let inbox = try tenant.subscribe(recorder, "_INBOX.\(index).*")
      tenant.publish("sensors.a.t", "x")
      tenant.router.unsubscribe(inbox)
    }
    // A hash may put two prefixes in one slot; more than a few would mean that it does not work.
    #expect(tenant.router.cacheMisses - misses <= 6)
    #expect(recorder.got.count == 51)
  }
}
