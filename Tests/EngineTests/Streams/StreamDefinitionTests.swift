import GodwitEngine
import GodwitPrimitives
import Testing

/// Changes of streams and groups hold when they are committed, and what is refused leaves nothing.
@Suite struct StreamDefinitionTests {
  private let disk = CrashingStore.Disk()
  private let fixture: StreamFixture
  private let store: CrashingStore
  private static let refusal = EngineError(.storageFailed, "no room")

  init() {
    (self.fixture, self.store) = CrashingStore.start(on: self.disk, now: 1_000_000_000)
  }

  private var streams: Streams { self.fixture.tenant.streams }

  /// What there is after a restart.
  private func restarted() -> Streams {
    CrashingStore.start(on: self.disk, now: 1_000_000_000).fixture.tenant.streams
  }

  /// What became of changes, in their order.
  private final class Told {
    var names: [String] = []
    func note(_ name: String) -> (EngineError?) -> Void {
      { self.names.append($0 == nil ? name : "no \(name)") }
    }
  }

  private func stream(_ told: Told = Told()) throws -> Stream {
    try self.streams.create(
      StreamSettings(name: "s", patterns: [TopicPattern("a")]), told.note("create"))
  }

  @Test func aStreamThatIsRefusedIsGone() throws {
    let told = Told()
    let stream = try self.stream(told)
    let group = try stream.makeGroup(StreamGroupSettings(name: "g"), told.note("group"))
    #expect(self.streams["s"] === stream)
    #expect(told.names == [])
    self.store.commit(Self.refusal)
    #expect(told.names.sorted() == ["no create", "no group"])
    #expect(self.streams["s"] == nil)
    #expect(stream.isDeleted)
    #expect(group.isDeleted)
    #expect(self.fixture.publish("a", "1").isEmpty)
    #expect(self.restarted().all.isEmpty)
    _ = try self.stream(told)
    self.store.commit()
    #expect(told.names.last == "create")
    #expect(self.restarted()["s"] != nil)
  }

  @Test func settingsHoldWhenTheyAreCommitted() throws {
    let told = Told()
    let stream = try self.stream()
    for text in ["1", "2", "3"] { self.fixture.publish("a", text) }
    self.store.settle()
    var settings = stream.settings
    settings.recordsMax = 1
    settings.patterns = [TopicPattern("b")]
    try self.streams.update(stream, to: settings, told.note("update"))
    #expect(stream.settings.recordsMax == 0)
    #expect(self.fixture.publish("b", "4").isEmpty)
    self.fixture.publish("a", "4")
    self.store.commit(Self.refusal)
    #expect(told.names == ["no update"])
    #expect(stream.texts == ["1", "2", "3"])
    #expect(self.fixture.publish("b", "4").isEmpty)
    self.fixture.publish("a", "4")
    self.store.commit()
    #expect(stream.texts == ["1", "2", "3", "4"])
    #expect(self.restarted()["s"]?.settings.recordsMax == 0)

    try self.streams.update(stream, to: settings, told.note("update"))
    self.store.commit()
    #expect(told.names.last == "update")
    #expect(stream.texts == ["4"])
    #expect(self.fixture.publish("a", "5").isEmpty)
    self.fixture.publish("b", "5")
    self.store.commit()
    #expect(stream.texts == ["5"])
    #expect(self.restarted()["s"]?.settings == stream.settings)
  }

  @Test func whatCannotBeDeletedIsThere() throws {
    let told = Told()
    let stream = try self.stream()
    _ = try stream.makeGroup(StreamGroupSettings(name: "g"))
    self.fixture.publish("a", "1")
    self.store.settle()
    #expect(self.streams.delete("s", told.note("delete")))
    #expect(self.streams["s"] === stream)
    self.store.commit(Self.refusal)
    #expect(told.names == ["no delete"])
    self.fixture.publish("a", "2")
    self.store.commit()
    #expect(stream.texts == ["1", "2"])
    #expect(stream.group(named: "g")?.pendingCount == 2)
    #expect(self.restarted()["s"]?.groups.count == 1)
    #expect(self.streams.delete("s", told.note("delete")))
    self.store.commit()
    #expect(told.names.last == "delete")
    #expect(self.streams["s"] == nil)
    #expect(self.restarted()["s"] == nil)
  }

  @Test func eachChangeIsJudgedByThoseBeforeIt() throws {
    let told = Told()
    let stream = try self.stream(told)
    var sealed = stream.settings
    sealed.deniesDelete = true
    try self.streams.update(stream, to: sealed, told.note("deny"))
    try self.streams.update(stream, to: stream.settings, told.note("allow"))
    #expect(self.streams.delete("s", told.note("delete")))
    #expect(self.streams.delete("s", told.note("delete again")))
    try self.streams.update(stream, to: sealed, told.note("deny what is gone"))
    var turns = 0
    self.streams.whenSettled { turns += 1 }
    #expect(turns == 0)
    self.store.settle()
    #expect(
      told.names
        == ["create", "deny", "no allow", "delete", "no delete again", "no deny what is gone"])
    #expect(turns == 1)
    #expect(self.streams.all.isEmpty)
  }

  @Test func groupsAreAsTheyWereTold() throws {
    let told = Told()
    let stream = try self.stream()
    self.store.settle()
    let first = try stream.makeGroup(StreamGroupSettings(name: "g"), told.note("make"))
    self.store.commit(Self.refusal)
    #expect(first.isDeleted)
    #expect(stream.group(named: "g") == nil)
    let group = try stream.makeGroup(StreamGroupSettings(name: "g"), told.note("make"))
    self.store.settle()
    var settings = group.settings
    settings.filters = [TopicPattern("none")]
    self.fixture.publish("a", "1")
    self.store.settle()
    try stream.updateGroup(group, to: settings, told.note("update"))
    // What happens meanwhile is not forgotten.
    #expect(group.take() == ["1"])
    group.whenCommitted { _ in }
    self.store.commit(Self.refusal)
    #expect(group.settings.filters.isEmpty)
    stream.deleteGroup("g", told.note("delete"))
    self.store.commit(Self.refusal)
    #expect(stream.group(named: "g") === group)
    #expect(told.names == ["no make", "make", "no update", "no delete"])
    var again = try #require(self.restarted()["s"]?.group(named: "g"))
    #expect(again.settings.filters.isEmpty)
    #expect(again.inFlight == 1)

    try stream.updateGroup(group, to: settings, told.note("update"))
    self.store.settle()
    again = try #require(self.restarted()["s"]?.group(named: "g"))
    #expect(again.settings.filters == settings.filters)
    stream.deleteGroup("g", told.note("delete"))
    try stream.updateGroup(group, to: settings, told.note("update"))
    self.store.settle()
    #expect(told.names.suffix(3) == ["update", "delete", "no update"])
    #expect(stream.group(named: "g") == nil)
    #expect(self.restarted()["s"]?.groupCount == 0)
  }

  /// Where records go when no group wants them, a group that could not be deleted has its own.
  @Test func recordsStayForAGroupThatStays() throws {
    var settings = StreamSettings(name: "s", patterns: [TopicPattern("a")])
    settings.retention = .interest
    let stream = try self.streams.create(settings)
    let group = try stream.makeGroup(StreamGroupSettings(name: "g"))
    self.store.settle()
    self.fixture.publish("a", "1")
    self.store.commit()
    stream.deleteGroup("g")
    self.store.commit(Self.refusal)
    #expect(stream.texts == ["1"])
    #expect(group.take() == ["1"])
    stream.deleteGroup("g")
    self.store.commit()
    #expect(stream.texts == [])
  }
}
