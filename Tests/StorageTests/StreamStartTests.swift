import GodwitEngine
import GodwitPrimitives
import GodwitSimulator
import GodwitStorage
import NIOCore
import Testing

/// What a start reads of a stream, in bytes of the disk: that does not grow with the stream.
struct StreamStartTests {
  private final class World {
    let disk = SimulatedDisk(seed: 1)
    let settings: StoreSettings
    private(set) var engine = Engine(now: 1_000_000_000)
    private var store: FileStore!
    private var turns: [() -> Void] = []

    init() throws {
      var settings = StoreSettings()
      settings.sync = .always
      settings.segmentBytesMax = 64 << 10
      settings.blockBytes = 2 << 10
      self.settings = settings
      try self.open()
      var stream = StreamSettings(
        name: "s", patterns: [TopicPattern(canonical: Array("a.*".utf8))])
      stream.duplicateWindow = 0
      _ = try self.tenant.streams.create(stream)
      self.settle()
    }

    private var tenant: Tenant { self.engine.tenant(named: "t") }

    var stream: GodwitEngine.Stream {
      get throws { try #require(self.tenant.streams["s"]) }
    }

    private func open() throws {
      self.engine = Engine(now: self.engine.now)
      self.turns = []
      self.store = try FileStore(
        folder: "data", disk: self.disk, engine: self.engine, settings: self.settings,
        atTurnEnd: { [unowned self] in self.turns.append($0) }, report: { _ in })
      self.tenant.store = self.store
      if let failed = try self.tenant.streams.restore().first { throw failed.error }
    }

    func fill(_ count: Int) {
      for number in 0..<count {
        self.tenant.publish(
          topic: Array("a.\(number % 10)".utf8), payload: [UInt8](repeating: 120, count: 900))
        if number % 16 == 0 { self.settle() }
      }
      self.settle()
    }

    func snapshot() {
      self.tenant.streams.takeSnapshots()
      self.settle()
    }

    /// - Returns: how many bytes the start reads.
    func start() throws -> Int {
      self.disk.crash(.process)
      let before = self.disk.bytesRead
      try self.open()
      return self.disk.bytesRead - before
    }

    private func settle() {
      for _ in 0..<100 {
        let turns = self.turns
        self.turns = []
        for turn in turns { turn() }
        while self.disk.isBusy { self.disk.answer() }
        if self.turns.isEmpty { return }
      }
    }
  }

  @Test func aStartReadsWhatIsBehindTheSnapshot() throws {
    let world = try World()
    world.fill(2_000)
    world.snapshot()
    let first = try world.start()
    #expect(try world.stream.count == 2_000)
    #expect(try world.stream.recordsReadAtStart == 0)
    // The last segment, and of the others their index.
    #expect(first < 2 * world.settings.segmentBytesMax)

    world.fill(20_000)
    world.snapshot()
    world.fill(100)
    let second = try world.start()
    #expect(try world.stream.count == 22_100)
    #expect(try world.stream.recordsReadAtStart == 100)
    #expect(try world.stream.count(TopicPattern(canonical: Array("a.3".utf8))) == 2_210)
    let records = 100 * 1_100 + 2 * world.settings.blockBytes
    let blocks = world.disk.usedBytes / world.settings.blockBytes
    #expect(second < 2 * world.settings.segmentBytesMax + records + 24 * blocks + 64 * 400)
    #expect(second < world.disk.usedBytes / 30)
  }

  @Test func withoutOneItReadsEverything() throws {
    let world = try World()
    world.fill(2_000)
    #expect(try world.start() > 2_000 * 900)
    #expect(try world.stream.recordsReadAtStart == 2_000)
  }
}
