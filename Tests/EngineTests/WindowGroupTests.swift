import GodwitEngine
import Testing

struct WindowGroupTests {
  let engine = Engine(now: 1_000)

  private func filled(_ count: Int, inFlightMax: Int = 10, deliveriesMax: Int = 0) throws
    -> (MemoryLog, WindowGroup)
  {
    let tenant = self.engine.tenant(named: "a")
    let log = MemoryLog(
      name: "q", engine: self.engine, recordsMax: 0, bytesMax: 0, overflow: .refuse)
    let group = WindowGroup(
      name: "g", log: log, engine: self.engine, inFlightMax: inFlightMax,
      deliveriesMax: deliveriesMax, removesAcknowledged: true)
    for index in 0..<count { _ = try log.append(tenant.record("t", "\(index)")) }
    return (log, group)
  }

  @Test func leasesInOrderUpToTheWindow() throws {
    let (log, group) = try self.filled(5, inFlightMax: 3)
    #expect((0..<4).map { _ in group.lease()?.record.text } == ["0", "1", "2", nil])
    #expect(group.acknowledge(1))
    #expect(!group.acknowledge(1))
    #expect(group.lease()?.record.text == "3")
    #expect(group.inFlight == 3)
    #expect(log.record(at: 1) == nil)
    #expect(group.available == 1)
  }

  @Test func whatComesBackGoesOutFirstWithACount() throws {
    let (_, group) = try self.filled(3)
    _ = group.lease()
    _ = group.lease()
    #expect(group.release(1))
    #expect(group.release(0))
    #expect(!group.release(0))
    let again = group.lease()
    #expect(again?.offset == 0)
    #expect(again?.deliveryCount == 2)
    #expect(group.lease()?.offset == 1)
    #expect(group.lease()?.deliveryCount == 1)
  }

  @Test func aDelayedRecordWaits() throws {
    let (_, group) = try self.filled(1)
    _ = group.lease()
    #expect(group.release(0, delay: 500))
    #expect(group.lease() == nil)
    self.engine.advance(to: 1_500)
    #expect(group.lease()?.deliveryCount == 2)
  }

  @Test func aRecordHandedOutTooOftenLeaves() throws {
    let (log, group) = try self.filled(1, deliveriesMax: 2)
    var dead: [String] = []
    group.onExhausted = { dead.append($0.record.text) }
    _ = group.lease()
    group.release(0)
    _ = group.lease()
    group.release(0)
    #expect(dead == ["0"])
    #expect(group.lease() == nil)
    #expect(log.count == 0)
  }

  @Test func acknowledgingWhatWasReturnedRemovesIt() throws {
    let (log, group) = try self.filled(2)
    _ = group.lease()
    group.release(0)
    #expect(group.acknowledge(0))
    #expect(group.lease()?.offset == 1)
    #expect(group.inFlight == 1)
    #expect(log.count == 1)
  }

  /// Every record is, at any time, in exactly one place, and each is acknowledged once.
  @Test(arguments: 1...20)
  func nothingIsLostOrDoubled(seed: UInt64) throws {
    var random = Random(seed: seed)
    let (log, group) = try self.filled(200, inFlightMax: 8)
    var held: Set<UInt64> = []
    var done: Set<UInt64> = []
    var now: Int64 = 1_000
    while done.count < 200 {
      now += 50
      self.engine.advance(to: now)
      switch Int.random(in: 0..<4, using: &random) {
      case 0, 1:
        if let lease = group.lease() {
          #expect(held.insert(lease.offset).inserted)
          #expect(!done.contains(lease.offset))
        }
      case 2:
        if let offset = held.randomElement(using: &random) {
          held.remove(offset)
          done.insert(offset)
          #expect(group.acknowledge(offset))
        }
      default:
        if let offset = held.randomElement(using: &random) {
          held.remove(offset)
          #expect(group.release(offset, delay: Int64.random(in: 0...200, using: &random)))
        }
      }
      #expect(group.inFlight == held.count)
      #expect(held.count <= 8)
    }
    #expect(log.count == 0)
  }
}
