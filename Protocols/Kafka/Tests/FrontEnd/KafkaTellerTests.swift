import GodwitEngine
import GodwitPrimitives
import KafkaWire
import NIOCore
import Testing

@testable import KafkaFrontEnd

/// Batches reach other protocols' listeners whole and in order, however long it takes to open them.
struct KafkaTellerTests {
  /// Loops on which nothing is done before the test says so.
  private final class HeldLoops: PartitionLoops {
    private var held: [() -> Void] = []
    let count = 1
    var heldCount: Int { held.count }

    func run<Result: Sendable>(
      on number: Int, _ work: @escaping @Sendable () -> Result, _ done: @escaping (Result) -> Void
    ) {
      held.append { done(work()) }
    }

    func step() {
      if !held.isEmpty { held.removeFirst()() }
    }

    func runAll() {
      while !held.isEmpty { step() }
    }
  }

  private final class Listener: Subscriber {
    var heard: [String] = []

    override func deliver(
      _ publication: inout Publication, to subscription: Subscription,
      prefix: UnsafeRawBufferPointer
    ) -> Bool {
      heard.append(String(decoding: publication.payload, as: UTF8.self))
      return true
    }
  }

  private final class Bed {
    let engine = Engine(now: 1_700_000_000_000_000_000)
    let loops = HeldLoops()
    let listener: Listener
    let topic: KafkaTopic
    let teller: KafkaTeller
    private var putOff: [() -> Void] = []
    private let failed: Counter

    final class Counter { var count = 0 }

    init() throws {
      let tenant = engine.tenant(named: "t")
      let origin = engine.register(origin: "kafka", reader: KafkaEnvelope())
      topic = KafkaTopic(
        try tenant.partitionedTopics.create(
          PartitionedTopicSettings(name: "t", topic: Array("t".utf8), partitions: 4)))
      listener = Listener(tenant: tenant)
      let failed = Counter()
      self.failed = failed
      teller = KafkaTeller(engine, origin: origin) { _ in failed.count += 1 }
      engine.partitionLoops = loops
      engine.putOff = { [unowned self] in putOff.append($0) }
    }

    var failureCount: Int { failed.count }

    func listen() throws {
      try listener.tenant.router.subscribe(
        Subscription(pattern: TopicPattern(canonical: Array("t".utf8)), subscriber: listener))
    }

    func tell(_ batch: ByteBuffer, in partition: Int = 0, _ done: @escaping (EngineError?) -> Void)
    {
      teller.tell(batch, of: topic, topic.topic.partitions[partition], done)
    }

    /// One turn of what was put off.
    func turn() -> Bool {
      guard !putOff.isEmpty else { return false }
      let due = putOff
      putOff = []
      for body in due { body() }
      return true
    }
  }

  private func batch(
    _ name: String, _ count: Int, _ compression: KafkaCompression = .none
  ) throws -> ByteBuffer {
    var builder = KafkaBatchBuilder()
    builder.compression = compression
    for index in 0..<count {
      try builder.append(
        KafkaRecord(
          offset: Int64(index), timestamp: 0, key: nil,
          value: ByteBuffer(string: "\(name)\(index)"), headers: []))
    }
    return try builder.finish()
  }

  @Test func whereNobodyListensNothingIsOpened() throws {
    let bed = try Bed()
    var done = 0
    bed.tell(try batch("a", 3, .gzip)) { _ in done += 1 }
    #expect(done == 1)
    #expect(bed.loops.heldCount == 0)
  }

  @Test func whatIsSmallAndPlainIsToldAtOnce() throws {
    let bed = try Bed()
    try bed.listen()
    var done = 0
    bed.tell(try batch("a", 3)) { _ in done += 1 }
    #expect(bed.listener.heard == ["a0", "a1", "a2"])
    #expect(done == 1)
    #expect(bed.loops.heldCount == 0)
  }

  @Test func aSmallBatchOfLargeRecordsIsToldWhole() throws {
    let bed = try Bed()
    try bed.listen()
    var builder = KafkaBatchBuilder()
    for index in 0..<4 {
      try builder.append(
        KafkaRecord(
          offset: Int64(index), timestamp: 0, key: nil,
          value: ByteBuffer(repeating: UInt8(ascii: "0") + UInt8(index), count: 700_000),
          headers: []))
    }
    var done: [String] = []
    bed.tell(try builder.finish()) { _ in done.append("large") }
    #expect(bed.listener.heard.count < 4 && done.isEmpty)
    // What comes behind it waits.
    bed.tell(try batch("b", 1)) { _ in done.append("b") }
    while bed.turn() || bed.loops.heldCount > 0 { bed.loops.step() }
    #expect(bed.listener.heard.map { $0.prefix(1) } == ["0", "1", "2", "3", "b"])
    #expect(done == ["large", "b"])
  }

  @Test func aPlainBatchWaitsForACompressedOneBeforeIt() throws {
    let bed = try Bed()
    try bed.listen()
    var done: [String] = []
    bed.tell(try batch("a", 2, .lz4)) { _ in done.append("a") }
    bed.tell(try batch("b", 2)) { _ in done.append("b") }
    bed.tell(try batch("c", 1), in: 1) { _ in done.append("c") }
    #expect(bed.listener.heard == ["c0"])
    bed.loops.runAll()
    #expect(bed.listener.heard == ["c0", "a0", "a1", "b0", "b1"])
    #expect(done == ["c", "a", "b"])
  }

  @Test func aLargeBatchIsToldInSteps() throws {
    let bed = try Bed()
    try bed.listen()
    var isDone = false
    bed.tell(try batch("a", 5_000, .snappy)) { _ in isDone = true }
    bed.loops.runAll()
    #expect(bed.listener.heard.count < 1_000)
    #expect(!isDone)
    var turns = 0
    while bed.turn() { turns += 1 }
    #expect(turns >= 5)
    #expect(bed.listener.heard == (0..<5_000).map { "a\($0)" })
    #expect(isDone)
  }

  @Test func fewAreOpenAtOnce() throws {
    let bed = try Bed()
    try bed.listen()
    var done = 0
    for partition in 0..<4 {
      bed.tell(try batch("p\(partition)-", 2_000, .gzip), in: partition) { _ in done += 1 }
    }
    #expect(bed.loops.heldCount == KafkaTeller.openMax)
    while bed.loops.heldCount > 0 {
      #expect(bed.loops.heldCount <= KafkaTeller.openMax)
      bed.loops.step()
      while bed.turn() {}
    }
    #expect(done == 4)
    #expect(bed.listener.heard.count == 8_000)
  }

  @Test func whatCannotBeOpenedHoldsNobodyUp() throws {
    let bed = try Bed()
    try bed.listen()
    var broken = try batch("a", 50, .gzip)
    let last = broken.writerIndex - 12
    broken.setInteger(UInt64.max, at: last)
    var errors: [EngineError?] = []
    bed.tell(broken) { errors.append($0) }
    bed.tell(try batch("b", 1)) { errors.append($0) }
    bed.loops.runAll()
    #expect(bed.failureCount == 1)
    #expect(bed.listener.heard == ["b0"])
    #expect(errors.count == 2)
  }

  @Test func anyMixOfBatchesKeepsTheOrderOfEachPartition() throws {
    var seed: UInt64 = 7
    func random(_ limit: Int) -> Int {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(seed >> 33) % limit
    }
    for _ in 0..<40 {
      let bed = try Bed()
      try bed.listen()
      var wanted: [Int: [String]] = [:]
      var told = 0
      var done = 0
      for number in 0..<20 {
        let partition = random(3)
        let kinds: [KafkaCompression] = [.none, .gzip, .lz4, .snappy, .zstd]
        let count = [1, 3, 600, 1_300][random(4)]
        let name = "\(partition)/\(number)/"
        wanted[partition, default: []] += (0..<count).map { "\(name)\($0)" }
        bed.tell(try batch(name, count, kinds[random(5)]), in: partition) { error in
          #expect(error == nil)
          done += 1
        }
        told += 1
        switch random(3) {
        case 0: bed.loops.step()
        case 1: _ = bed.turn()
        default: break
        }
      }
      while bed.loops.heldCount > 0 || bed.turn() { bed.loops.step() }
      #expect(done == told)
      for (partition, values) in wanted {
        #expect(bed.listener.heard.filter { $0.hasPrefix("\(partition)/") } == values)
      }
    }
  }
}
