import GodwitEngine

/// How a request that reads waits: for the disk, for there to be more to read, and no longer than
/// the client wants.
final class KafkaReaderWait {
  /// The longest wait, whatever the client wants, in milliseconds.
  private static let longest = 300_000

  private let clock: any KafkaClock
  private let engine: Engine
  /// Looks whether there is enough, or as much as there will be.
  var attempt: () -> Void = {}
  /// Whether the client waits no longer: what there is has to do.
  private(set) var isOver = false
  /// Whether the request is answered, or nobody wants the answer.
  private(set) var hasEnded = false
  private var deadline: (any KafkaAlarm)?
  /// What of the disk an attempt waits for.
  private var reading = 0
  /// Whether the disk was asked, so that the next attempt takes what there is.
  private var hasRead = false
  private var forgetNews: [() -> Void] = []

  init(clock: any KafkaClock, engine: Engine) {
    self.clock = clock
    self.engine = engine
  }

  /// Makes the first attempt, and others as long as the client waits.
  func begin(for milliseconds: Int32) {
    isOver = milliseconds <= 0
    attempt()
    guard !hasEnded, !isOver else { return }
    deadline = clock.alarm(after: min(Int(milliseconds), Self.longest)) { [weak self] in
      guard let self else { return }
      deadline = nil
      isOver = true
      if reading == 0 { attempt() }
    }
  }

  /// Ends all waiting.
  func end() {
    hasEnded = true
    deadline?.cancel()
    deadline = nil
    stopListening()
  }

  // MARK: The disk

  /// Whether all that is asked for can be read without waiting for the disk; if not, there is
  /// another attempt when it can.
  func isAtHand(
    _ body: (_ ask: (_ partition: Partition, _ offset: UInt64, _ bytesMax: Int) -> Void) -> Void
  ) -> Bool {
    guard !hasRead else {
      hasRead = false
      return true
    }
    reading += 1
    body { partition, offset, bytesMax in
      let isAtHand = partition.prepare(offset, maxBytes: bytesMax) { [weak self] in
        self?.diskHasAnswered()
      }
      if !isAtHand { reading += 1 }
    }
    reading -= 1
    return reading == 0
  }

  private func diskHasAnswered() {
    reading -= 1
    guard reading == 0 else { return }
    hasRead = true
    attempt()
  }

  // MARK: News

  /// Has another attempt made when there is news.
  ///
  /// - Parameter listen: has its argument called by who has the news, and returns what ends that.
  func listen(_ listen: (_ news: @escaping () -> Void) -> () -> Void) {
    forgetNews.append(listen { [weak self] in self?.tryAgain() })
  }

  /// Has another attempt made when there is more to read in a partition.
  func listen(to partition: Partition) {
    listen { news in
      let wait = partition.whenAppended(news)
      return { partition.cancel(wait) }
    }
  }

  /// Has another attempt made after so many milliseconds.
  func tryAgain(after milliseconds: Int) {
    listen { news in
      let alarm = clock.alarm(after: milliseconds, news)
      return { alarm.cancel() }
    }
  }

  /// Wants no more news: an attempt says anew what of.
  func stopListening() {
    for forget in forgetNews { forget() }
    forgetNews = []
  }

  /// One append may wake very many.
  private func tryAgain() {
    engine.inTurn { [weak self] in
      guard let self, reading == 0, !hasEnded else { return }
      attempt()
    }
  }
}
