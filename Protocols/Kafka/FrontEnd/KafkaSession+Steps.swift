import GodwitEngine
import KafkaWire

/// A response to a request that asks for several changes, each of which ends in its own time.
final class KafkaTally<Response> {
  /// What is known of it.
  var response: Response
  /// What must still end: the changes, and that all were asked for.
  private var open = 1
  private let body: (Response) -> Void

  init(_ response: Response, _ body: @escaping (Response) -> Void) {
    self.response = response
    self.body = body
  }

  /// One more change was asked for.
  func begin() { open += 1 }

  /// One has ended, or all were asked for.
  func end() {
    open -= 1
    if open == 0 { body(response) }
  }
}

extension KafkaSession {
  /// So many elements are worked off in one turn of the loop, a few milliseconds.
  static let stepSize = 256

  /// The most elements, of all arrays together, that a request may have.
  ///
  /// What there may be of topics can be asked for in one request; who wants more asks twice.
  func elementsMax(_ key: KafkaAPIKey) -> Int {
    switch key {
    case .produce, .fetch, .listOffsets, .offsetForLeaderEpoch, .metadata, .offsetCommit,
      .offsetFetch, .addPartitionsToTxn, .txnOffsetCommit, .shareFetch, .shareAcknowledge,
      .deleteRecords, .describeLogDirs, .describeProducers:
      min(200_000, max(40_000, 4 * server.values.partitionsMax))
    default: min(200_000, max(20_000, 2 * server.values.partitionsMax))
    }
  }

  /// A group of so many members takes its time for one of them.
  private static var manyMembers: Int { 64 }

  /// Serves the request of one member of a group, where all members are gone through for it. With
  /// many of them that is done in a later turn, so that those who ask at the same moment hold
  /// nobody else up. Whoever says farewell is heard even when it does not wait for the answer.
  ///
  /// - Parameter count: how many members the group has.
  func inTurn(of count: Int?, _ call: KafkaCall, _ serve: @escaping () -> Void) {
    guard let count, count >= Self.manyMembers else { return serve() }
    engine.later { call.work(serve) }
  }

  /// Works off what a request names some at a time, so that others have their turn in between. The
  /// client's next request waits for the answer, as always.
  ///
  /// - Parameters:
  ///   - size: how many are worked off in one turn.
  ///   - each: is called for each element, as long as the client is there.
  ///   - done: is called after the last one.
  func inSteps<Element>(
    _ elements: [Element], _ call: KafkaCall, from start: Int = 0,
    size: Int = stepSize,
    _ each: @escaping (Element) -> Void, done: @escaping () -> Void
  ) {
    let end = min(start + size, elements.count)
    for element in elements[start..<end] { each(element) }
    guard end < elements.count else { return done() }
    engine.later { [weak self] in
      guard let self, call.session != nil else { return }
      inSteps(elements, call, from: end, size: size, each, done: done)
    }
  }
}
