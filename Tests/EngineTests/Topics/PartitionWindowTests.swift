import GodwitEngine
import Testing

/// A window by reference, so that expectations may change it.
@dynamicMemberLookup
private final class Held {
  var window: PartitionWindow

  init(_ window: PartitionWindow) { self.window = window }

  subscript<T>(dynamicMember path: KeyPath<PartitionWindow, T>) -> T { window[keyPath: path] }
  var copy: Held { Held(window) }

  func available(from offset: UInt64) -> Range<UInt64>? { window.available(from: offset) }
  func availableCount(in offsets: Range<UInt64>) -> Int { window.availableCount(in: offsets) }
  func holds(_ offsets: Range<UInt64>, _ reader: String) -> Bool { window.holds(offsets, reader) }
  func skip(_ offsets: Range<UInt64>) { window.skip(offsets) }
  func settle(_ offsets: Range<UInt64>, _ outcome: PartitionWindow.Outcome) {
    window.settle(offsets, outcome)
  }
  func expire(at now: Int64) -> Bool { window.expire(at: now) }
  func trim(before offset: UInt64) { window.trim(before: offset) }
  func reset(to offset: UInt64) { window.reset(to: offset) }
  func cut(at end: UInt64) -> Bool { window.cut(at: end) }
  func giveBack(of reader: String, counts: Bool) -> Bool {
    window.giveBack(of: reader, counts: counts)
  }

  func lend(
    _ offsets: Range<UInt64>, atMost count: Int = .max, to reader: String, until deadline: Int64
  ) -> [PartitionWindow.Lease] {
    window.lend(offsets, atMost: count, to: reader, until: deadline)
  }
}

@Suite struct PartitionWindowTests {
  private typealias Lease = PartitionWindow.Lease

  private func window(deliveriesMax: Int = 3, openMax: Int = 100) -> Held {
    Held(PartitionWindow(start: 10, deliveriesMax: deliveriesMax, openMax: openMax))
  }

  @Test func whatIsDoneMovesTheStart() {
    let window = self.window()
    #expect(window.available(from: 0) == 10..<UInt64.max)
    let leases = window.lend(10..<20, atMost: .max, to: "a", until: 5)
    #expect(leases == [Lease(offsets: 10..<20, deliveryCount: 1)])
    #expect(window.available(from: 0) == 20..<UInt64.max)
    #expect(
      window.holds(12..<20, "a") && !window.holds(12..<20, "b") && !window.holds(19..<21, "a"))
    window.settle(12..<20, .done)
    #expect(window.start == 10 && window.openCount == 2 && window.doneCount == 8)
    #expect(!window.holds(12..<13, "a"))
    window.settle(10..<12, .done)
    #expect(window.start == 20 && window.end == 20 && window.runCount == 0)
  }

  @Test func whatComesBackIsLentAgainWithItsCount() {
    let window = self.window()
    _ = window.lend(10..<14, atMost: .max, to: "a", until: 5)
    #expect(window.returnedCount == 0)
    window.settle(11..<13, .back)
    #expect(window.returnedCount == 2)
    #expect(window.available(from: 0) == 11..<13)
    #expect(window.availableCount(in: 10..<20) == 2 + 6)
    let again = window.lend(10..<16, atMost: 3, to: "b", until: 6)
    #expect(
      again == [
        Lease(offsets: 11..<13, deliveryCount: 2), Lease(offsets: 14..<15, deliveryCount: 1),
      ])
    #expect(window.holds(11..<13, "b") && window.holds(13..<14, "a"))
    #expect(window.returnedCount == 2)
  }

  @Test func whatWasLentOftenEnoughIsDone() {
    let window = self.window(deliveriesMax: 2)
    for delivery in 1...2 {
      #expect(
        window.lend(10..<11, atMost: 1, to: "a", until: 5)
          == [Lease(offsets: 10..<11, deliveryCount: delivery)])
      window.settle(10..<11, .back)
    }
    #expect(window.start == 11)
  }

  @Test func whatIsGivenUpIsHeldUntilItIsBuried() {
    let window = self.window(deliveriesMax: 1)
    window.window.keepsDead = true
    _ = window.lend(10..<14, to: "a", until: 5)
    window.settle(10..<11, .rejected)
    window.settle(11..<12, .back)
    window.settle(13..<14, .done)
    #expect(window.dying?.offsets == 10..<11 && window.dying?.isRejected == true)
    // It is nobody's, takes room, and is lent once more after a crash.
    #expect(window.start == 10 && window.openCount == 3 && !window.holds(10..<11, "a"))
    #expect(window.available(from: 10) == 14..<UInt64.max)
    var again = PartitionWindow(start: 0)
    again.apply(window.whole)
    #expect(
      again.lend(10..<11, atMost: 1, to: "b", until: 5)
        == [Lease(offsets: 10..<11, deliveryCount: 1)])
    window.window.bury(10..<11)
    #expect(window.start == 11 && window.dying?.offsets == 11..<12)
    #expect(window.dying?.isRejected == false && window.dying?.deliveryCount == 1)
    #expect(window.expire(at: 5))
    #expect(window.dying?.offsets == 11..<13)
    window.window.bury(0..<20)
    #expect(window.start == 14 && window.dying == nil)
    // What is lent is not dying.
    _ = window.lend(14..<15, to: "a", until: 9)
    window.window.bury(14..<15)
    #expect(window.holds(14..<15, "a"))
  }

  @Test func leasesEnd() {
    let window = self.window()
    _ = window.lend(10..<12, atMost: .max, to: "a", until: 5)
    _ = window.lend(12..<14, atMost: .max, to: "b", until: 9)
    #expect(window.nextDeadline == 5)
    window.settle(11..<12, .kept(until: 20))
    #expect(!window.expire(at: 4))
    #expect(window.expire(at: 5))
    #expect(window.available(from: 0) == 10..<11 && window.nextDeadline == 9)
    #expect(window.holds(11..<12, "a") && !window.holds(10..<11, "a"))
    let hasExpired = window.expire(at: 20)
    #expect(hasExpired && window.nextDeadline == nil)
    #expect(window.available(from: 0) == 10..<14)
  }

  @Test func nothingNewBeyondTheLimit() {
    let window = self.window(openMax: 3)
    #expect(window.lend(10..<20, atMost: .max, to: "a", until: 5).map(\.offsets) == [10..<13])
    #expect(window.available(from: 0) == nil && window.availableCount(in: 10..<20) == 0)
    window.settle(11..<12, .back)
    #expect(window.available(from: 0) == 11..<12)
    window.settle(10..<11, .done)
    #expect(window.available(from: 12) == 13..<UInt64.max)
    #expect(window.lend(13..<20, atMost: .max, to: "a", until: 5).map(\.offsets) == [13..<14])
  }

  @Test func aReaderGivesAllBack() {
    let window = self.window()
    _ = window.lend(10..<12, atMost: .max, to: "a", until: 5)
    _ = window.lend(12..<14, atMost: .max, to: "b", until: 5)
    let other = window.copy
    #expect(window.giveBack(of: "a", counts: true))
    #expect(!window.giveBack(of: "a", counts: true))
    #expect(window.lend(10..<14, atMost: 9, to: "c", until: 5).map(\.deliveryCount) == [2])
    #expect(other.giveBack(of: "a", counts: false))
    #expect(other.lend(10..<14, atMost: 9, to: "c", until: 5).map(\.deliveryCount) == [1])
  }

  @Test func holesAndTheEndOfTheLogAreDone() {
    let window = self.window()
    window.skip(10..<12)
    #expect(window.start == 12)
    _ = window.lend(14..<16, atMost: .max, to: "a", until: 5)
    #expect(window.doneCount == 2 || window.start == 14)
    window.trim(before: 15)
    #expect(window.start == 15)
    // What was taken from a reader it may still speak of.
    #expect(window.holds(14..<16, "a") && !window.holds(14..<17, "a"))
    window.settle(14..<16, .done)
    #expect(window.start == 16)
    window.reset(to: 3)
    #expect(window.start == 3 && !window.holds(15..<16, "a"))
  }

  @Test func whatWasNeverThereIsForgotten() {
    let window = self.window()
    _ = window.lend(10..<20, atMost: .max, to: "a", until: 5)
    window.settle(12..<20, .done)
    #expect(window.cut(at: 15))
    #expect(window.end == 15 && window.openCount == 2)
    #expect(window.cut(at: 5))
    let isCut = window.cut(at: 5)
    #expect(window.start == 5 && window.end == 5 && !isCut)
  }

  // MARK: Against a plain model

  fileprivate struct Model {
    enum State: Equatable { case new, available, lent(String, Int64), done }
    var state = [State](repeating: .new, count: 60)
    var count = [Int](repeating: 0, count: 60)

    mutating func comeBack(_ offset: Int, _ deliveriesMax: Int) {
      state[offset] = count[offset] >= deliveriesMax ? .done : .available
    }
  }

  /// Whatever happens, window and model agree; and what is written down in pieces, taken up
  /// elsewhere, knows all but who holds what.
  @Test(arguments: 0..<UInt64(300)) func agreesWithAPlainModel(seed: UInt64) {
    var random = Random(seed: seed)
    let openMax = Int.random(in: 5...60, using: &random)
    var window = PartitionWindow(start: 0, deliveriesMax: 3, openMax: openMax)
    var model = Model()
    var copy = PartitionWindow(start: 0)
    var now: Int64 = 0
    for _ in 0..<120 {
      step(&window, &model, &now, openMax, &random)
      if Bool.random(using: &random), let changes = window.takeChanges() { copy.apply(changes) }
    }
    if let changes = window.takeChanges() { copy.apply(changes) }
    var whole = PartitionWindow(start: 0)
    whole.apply(window.whole)
    for offset in 0..<60 { check(offset, window, model, copy, whole, seed) }
    let open = model.state.count { $0 == .available || $0.isLent }
    #expect(window.openCount == open && window.runCount <= 2 * open + 1, "seed \(seed)")
  }

  private func step(
    _ window: inout PartitionWindow, _ model: inout Model, _ now: inout Int64, _ openMax: Int,
    _ random: inout Random
  ) {
    let first = Int.random(in: 0..<60, using: &random)
    let range = first..<Int.random(in: first...60, using: &random)
    let offsets = UInt64(range.lowerBound)..<UInt64(range.upperBound)
    let reader = ["a", "b", "c"].randomElement(using: &random) ?? "a"
    switch Int.random(in: 0..<7, using: &random) {
    case 0, 1:
      let count = Int.random(in: 0...20, using: &random)
      // Readers begin where something is available.
      guard let start = window.available(from: 0)?.lowerBound, start < 60 else { return }
      let wanted = start..<max(start, offsets.upperBound)
      for lease in window.lend(wanted, atMost: count, to: reader, until: now + 10) {
        for offset in lease.offsets {
          #expect([.new, .available].contains(model.state[Int(offset)]))
          model.state[Int(offset)] = .lent(reader, now + 10)
          model.count[Int(offset)] += 1
          #expect(model.count[Int(offset)] == lease.deliveryCount)
        }
      }
    case 2, 3:
      let isHeld = range.allSatisfy { model.state[$0].isLent(to: reader) }
      #expect(window.holds(offsets, reader) == isHeld)
      guard isHeld else { return }
      let isDone = Bool.random(using: &random)
      window.settle(offsets, isDone ? .done : .back)
      for offset in range {
        if isDone { model.state[offset] = .done } else { model.comeBack(offset, 3) }
      }
    case 4:
      _ = window.giveBack(of: reader, counts: true)
      for offset in 0..<60 where model.state[offset].isLent(to: reader) {
        model.comeBack(offset, 3)
      }
    case 5:
      now += Int64.random(in: 0...12, using: &random)
      _ = window.expire(at: now)
      for offset in 0..<60 {
        if case .lent(_, let until) = model.state[offset], until <= now {
          model.comeBack(offset, 3)
        }
      }
    default:
      guard let start = window.available(from: 0)?.lowerBound, start < 60 else { return }
      window.skip(start..<start + 1)
      model.state[Int(start)] = .done
    }
  }

  private func check(
    _ offset: Int, _ window: PartitionWindow, _ model: Model, _ copy: PartitionWindow,
    _ whole: PartitionWindow, _ seed: UInt64
  ) {
    let place = UInt64(offset)
    func isOpen(_ window: PartitionWindow) -> Bool {
      window.available(from: place)?.lowerBound == place
    }
    let state = model.state[offset]
    #expect(
      isOpen(window)
        == (state == .available
          || state == .new && window.available(from: place) != nil && place >= window.end),
      "seed \(seed), \(offset)")
    // There nobody holds anything: what is not done may be lent.
    for other in [copy, whole] {
      #expect(isOpen(other) == (state != .done), "seed \(seed), \(offset)")
      var other = other
      guard state != .done else { continue }
      let count = state.isLent ? model.count[offset] : model.count[offset] + 1
      let lease = other.lend(place..<place + 1, atMost: 1, to: "z", until: 0)
      #expect(lease.first?.deliveryCount == count, "seed \(seed), \(offset)")
    }
  }
}

extension PartitionWindowTests.Model.State {
  fileprivate var isLent: Bool {
    if case .lent = self { true } else { false }
  }

  fileprivate func isLent(to reader: String) -> Bool {
    if case .lent(reader, _) = self { true } else { false }
  }
}
