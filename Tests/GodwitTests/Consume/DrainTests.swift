import Godwit
import Logging
import Synchronization
import Testing

/// What a subscription does with what has arrived when it is asked to stop.
@Suite(.timeLimit(.minutes(1))) struct DrainTests {
  /// How a subscription takes messages.
  enum Form: CaseIterable {
    case single
    case ordered
    case batches
    case orderedBatches
  }

  private let silent = Logger(label: "t") { _ in SwiftLogNoOpLogHandler() }

  /// Notes numbers, and asks its subscription to stop when it gets the first.
  private final class Stopper: Sendable {
    private let numbers = Mutex<[UInt64]>([])
    private let subscription = Mutex<Subscription?>(nil)

    var seen: [UInt64] { self.numbers.withLock { $0 } }

    func stops(_ subscription: Subscription) { self.subscription.withLock { $0 = subscription } }

    func see(_ number: UInt64) {
      let isFirst = self.numbers.withLock { numbers in
        numbers.append(number)
        return numbers.count == 1
      }
      if isFirst { self.subscription.withLock { $0.take() }?.stop() }
    }
  }

  private func subscription(
    _ form: Form, _ driver: PaperDriver, batchSize: Int, _ stopper: Stopper
  ) -> Subscription {
    let broker = Broker(driver, logger: self.silent)
    let topic = Topic<UInt64>("n")
    let isOrdered = form == .ordered || form == .orderedBatches
    let options = SubscriptionOptions(
      concurrency: isOrdered ? 2 : 1, isOrderedByKey: isOrdered, prefetch: 8)
    let subscription =
      switch form {
      case .single, .ordered:
        Subscription(to: topic, on: broker, options: options) {
          stopper.see($0.payload)
          return .ack
        }
      case .batches, .orderedBatches:
        // Batches that time does not make ready.
        Subscription(
          batchesOf: topic, on: broker, batch: .init(size: batchSize, within: .seconds(3_600)),
          options: options
        ) {
          for delivery in $0 { stopper.see(delivery.payload) }
          return .all(.ack)
        }
      }
    stopper.stops(subscription)
    return subscription
  }

  /// Where the broker keeps what goes back, nothing is begun any more, whoever is quicker: the
  /// worker, which does not wait here, or the drain.
  @Test(arguments: Form.allCases)
  func nothingIsBegunBehindTheCall(_ form: Form) async throws {
    let driver = PaperDriver(.atLeastOnce)
    let stopper = Stopper()
    let work = self.subscription(form, driver, batchSize: 1, stopper)
    try await withTaskExecutorPreference(SingleFile()) {
      try await work.start()
      driver.offer(1...5)
      try await work.run()
    }
    #expect(stopper.seen == [1])
    #expect(driver.tokens(.acknowledge) == [1])
    #expect(driver.tokens(.release) == [2, 3, 4, 5])
    #expect(work.progress.handedBack == 4)
  }

  /// A broker with a message to hand out hands it out, also to who has just given it back.
  @Test(arguments: Form.allCases)
  func whatGoesBackDoesNotComeAgain(_ form: Form) async throws {
    let driver = PaperDriver(.atLeastOnce, returnsMax: 100)
    let stopper = Stopper()
    let work = self.subscription(form, driver, batchSize: 1, stopper)
    try await withTaskExecutorPreference(SingleFile()) {
      try await work.start()
      driver.offer(1...5)
      try await work.run()
    }
    #expect(driver.tokens(.release) == [2, 3, 4, 5])
    #expect(work.progress.handedBack == 4)
  }

  /// Where the broker keeps nothing, what goes back is lost: what has arrived is worked on, and
  /// what had arrived at the driver too.
  @Test(arguments: Form.allCases)
  func whatNobodyKeepsIsWorkedOn(_ form: Form) async throws {
    let driver = PaperDriver(.atMostOnce)
    let stopper = Stopper()
    let work = self.subscription(form, driver, batchSize: 2, stopper)
    try await work.start()
    driver.offer(1...5)
    driver.keep(6...9)
    try await work.run()
    #expect(stopper.seen == Array(1...9))
    #expect(driver.tokens(.acknowledge) == Array(1...9))
    #expect(driver.tokens(.release).isEmpty)
    #expect(work.progress.handedBack == 0)
  }

  @Test func aReaderGetsWhatNobodyKeeps() async throws {
    let driver = PaperDriver(.atMostOnce)
    let (work, deliveries) = Subscription.makeSequence(
      of: Topic<UInt64>("n"), on: Broker(driver, logger: self.silent))
    let stopper = Stopper()
    stopper.stops(work)
    try await work.start()
    driver.offer(1...5)
    driver.keep(6...9)
    async let end: Void = work.run()
    for await delivery in deliveries {
      stopper.see(delivery.payload)
      try delivery.settle(.ack)
    }
    try await end
    #expect(stopper.seen == Array(1...9))
    #expect(work.progress.handedBack == 0)
  }
}
