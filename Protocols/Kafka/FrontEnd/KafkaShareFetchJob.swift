import GodwitEngine
import KafkaWire
import NIOCore

/// A ShareFetch request that waits until there are records to lend, or for as long as the client
/// wants; and until what it acknowledges is written down.
final class KafkaShareFetchJob {
  /// What a response may hold although there is no room, in bytes.
  private static let smallBytes = 16 << 10
  /// So many entries of one partition are looked at in one go.
  private static let stepsMax = 4_096
  /// `ShareAcquireMode`: records beyond the client's limit stay where they are, even within a
  /// batch.
  static let limitsRecords: Int8 = 1

  private let request: KafkaShareFetch.Request
  private let call: KafkaCall
  private let tenant: KafkaTenant
  private weak var session: KafkaSession?
  /// `nil` where the group is gone.
  private let group: KafkaShareGroup?
  private let member: String
  /// What is to be read, another place first each time.
  private let places: [KafkaPlace]
  private var acknowledged: KafkaShareAcknowledged
  private let wait: KafkaReaderWait

  init(
    _ request: KafkaShareFetch.Request, _ call: KafkaCall, _ tenant: KafkaTenant,
    _ session: KafkaSession, group: KafkaShareGroup?, places: [KafkaPlace],
    acknowledged: KafkaShareAcknowledged
  ) {
    self.request = request
    self.call = call
    self.tenant = tenant
    self.session = session
    self.group = group
    self.places = places
    self.acknowledged = acknowledged
    member = request.memberID ?? ""
    wait = KafkaReaderWait(clock: session.server.clock, engine: session.engine)
    wait.attempt = { [weak self] in self?.attempt() }
  }

  /// One partition, as far as it can be read.
  private struct Place {
    var place: KafkaPlace
    var error: KafkaRefusal?
    var partition: KafkaPartition?
    var share: KafkaSharePartition?
    var end: UInt64 = 0
  }

  /// What is to be done with some offsets of a partition, in order.
  private enum Step {
    case skip(Range<UInt64>)
    case lend(LogEntry, Range<UInt64>)
  }

  private struct Plan {
    var place: Place
    var steps: [Step] = []
    var isCutShort = false
    var lends = false
  }

  func begin() {
    tenant.shareGroups.commit { [weak self] error in
      guard let self, !wait.hasEnded else { return }
      if error != nil { acknowledged.fail() }
      start()
    }
  }

  private func start() {
    let isWaiting = request.maxRecords > 0 && !(places.isEmpty && isFinal)
    wait.begin(for: isWaiting ? request.maxWaitMs : 0)
  }

  private var isFinal: Bool { request.shareSessionEpoch == -1 }

  func cancel() { wait.end() }

  // MARK: Attempts

  private func attempt() { call.work { answerOrWait() } }

  /// Answers, if there is enough; otherwise waits for more.
  private func answerOrWait() {
    guard !wait.hasEnded, let session else { return }
    wait.stopListening()
    let found = request.maxRecords > 0 ? places.map { place($0, session) } : []
    guard isReady(found) else { return }
    var bytes = bytesMax(session)
    var records = Int(request.maxRecords)
    var isFirst = true
    let all = bytes
    let plans = found.map { plan($0, &bytes, &records, &isFirst) }
    let hasFailed = found.contains { $0.error != nil }
    let enough = min(Int(request.minBytes), session.fetchMax(call))
    let isEnough = !isFirst && all - bytes >= enough || request.minBytes <= 0
    if hasFailed || wait.isOver || isEnough {
      session.engine.addEffort(ofBytes: all - bytes)
      let held = session.throttleFetch(all - bytes, call)
      if held > 0 { return answerNothing(session, for: held) }
      let mayBeEmpty = hasFailed || wait.isOver || request.minBytes <= 0
      if finish(plans, session, mayBeEmpty: mayBeEmpty) { return }
    } else {
      // What is not for readers need not be looked at again.
      for plan in plans where !plan.lends { _ = carryOut(plan, session, limit: 0) }
    }
    // Others have their turn in between.
    if plans.contains(where: \.isCutShort) { wait.tryAgain(after: 1) }
    for place in found { listen(to: place) }
  }

  private func bytesMax(_ session: KafkaSession) -> Int {
    let values = session.server.values
    let room = max(Self.smallBytes, values.fetchMemoryMax - session.server.outgoingBytes)
    return min(
      max(0, Int(request.maxBytes)), values.fetchBytesMax, room, session.fetchMax(call))
  }

  private func place(_ place: KafkaPlace, _ session: KafkaSession) -> Place {
    var found = Place(place: place)
    guard let topic = tenant.topic(place.topic) else {
      found.error = KafkaRefusal(.unknownTopicID, "no such topic")
      return found
    }
    guard session.mayRead(topic.canonical) else {
      found.error = KafkaRefusal(.topicAuthorizationFailed, "not permitted")
      return found
    }
    guard let partition = topic.partition(place.partition),
      let share = group?.partitions[place]
    else {
      found.error = KafkaRefusal(.unknownTopicOrPartition, "the group does not read it")
      return found
    }
    share.trim(before: partition.partition.startOffset)
    found.partition = partition
    found.share = share
    found.end =
      group?.rules.readsCommitted == true
      ? partition.lastStableOffset : partition.partition.committedOffset
    return found
  }

  /// Whether all can be read without waiting for the disk; if not, tries again when it can.
  private func isReady(_ places: [Place]) -> Bool {
    wait.isAtHand { ask in
      for place in places {
        guard let partition = place.partition?.partition, let share = place.share,
          let next = share.window.available(from: 0), next.lowerBound < place.end
        else { continue }
        ask(partition, next.lowerBound, 1 << 20)
      }
    }
  }

  private func listen(to place: Place) {
    guard let partition = place.partition?.partition, let share = place.share else { return }
    wait.listen(to: partition)
    wait.listen { news in
      let number = share.whenAvailable(news)
      return { share.cancel(number) }
    }
  }

  // MARK: Reading

  /// Finds out what there is to lend of a partition, and changes nothing.
  private func plan(
    _ place: Place, _ bytes: inout Int, _ records: inout Int, _ isFirst: inout Bool
  ) -> Plan {
    var plan = Plan(place: place)
    guard let known = place.partition, let window = place.share?.window else { return plan }
    let partition = known.partition
    var offset = window.start
    while records > 0, isFirst || bytes > 0, let range = window.available(from: offset),
      range.lowerBound < place.end
    {
      guard plan.steps.count < Self.stepsMax else {
        plan.isCutShort = true
        break
      }
      // Beyond the first entry nobody waits for the disk.
      guard plan.steps.isEmpty || partition.log.isAtHand(range.lowerBound) else { break }
      guard let entry = partition.entries(from: range.lowerBound, maxBytes: 1).first else {
        guard range.upperBound < .max else { break }
        plan.steps.append(.skip(range))
        offset = range.upperBound
        continue
      }
      let offsets = entry.offsets
      if offsets.lowerBound > range.lowerBound {
        let hole = range.lowerBound..<min(offsets.lowerBound, range.upperBound, place.end)
        plan.steps.append(.skip(hole))
        offset = hole.upperBound
        continue
      }
      offset = offsets.upperBound
      guard isForReaders(entry, known) else {
        plan.steps.append(.skip(range.lowerBound..<offsets.upperBound))
        continue
      }
      guard isFirst || entry.byteCount <= bytes else { break }
      plan.steps.append(.lend(entry, range.lowerBound..<offsets.upperBound))
      plan.lends = true
      records -= window.availableCount(in: range.lowerBound..<offsets.upperBound)
      bytes -= entry.byteCount
      isFirst = false
    }
    return plan
  }

  /// Markers of transactions are for nobody, and what was aborted is not for those who read what is
  /// committed.
  private func isForReaders(_ entry: LogEntry, _ partition: KafkaPartition) -> Bool {
    guard case .batch(let bytes, _, let first, _) = entry,
      let header = bytes.withUnsafeReadableBytes({ KafkaBatchHeader($0) })
    else { return true }
    if header.attributes.isControl { return false }
    guard header.attributes.isTransactional, group?.rules.readsCommitted == true else {
      return true
    }
    return !partition.transactions.isAborted(first, of: header.producerID)
  }

  // MARK: Answering

  /// Lends what was planned.
  ///
  /// - Parameter limit: the most records.
  private func carryOut(
    _ plan: Plan, _ session: KafkaSession, limit: Int
  ) -> (records: ByteBuffer, ranges: [KafkaShareFetch.Response.AcquiredRange], count: Int) {
    guard let group, let share = plan.place.share, !plan.steps.isEmpty else {
      return (ByteBuffer(), [], 0)
    }
    var entries: [LogEntry] = []
    var ranges: [KafkaShareFetch.Response.AcquiredRange] = []
    var count = 0
    for step in plan.steps {
      guard case .lend(let entry, let offsets) = step else {
        if case .skip(let offsets) = step { share.skip(offsets) }
        continue
      }
      let leases = share.lend(
        offsets, atMost: limit - count, to: member, for: group.rules.lockDuration)
      guard !leases.isEmpty else { break }
      entries.append(entry)
      for lease in leases {
        count += lease.offsets.count
        add(lease, to: &ranges)
      }
      // What is left of it has to stay what it is.
      guard share.window.end >= offsets.upperBound, share.window.availableCount(in: offsets) == 0
      else { break }
    }
    tenant.shareGroups.write(share, of: group)
    return (KafkaLogReading.batches(of: entries, session.engine), ranges, count)
  }

  /// Neighbours go together up to the size that the client wants.
  private func add(
    _ lease: PartitionWindow.Lease, to ranges: inout [KafkaShareFetch.Response.AcquiredRange]
  ) {
    let first = Int64(clamping: lease.offsets.lowerBound)
    let last = Int64(clamping: lease.offsets.upperBound) - 1
    let deliveryCount = Int16(clamping: lease.deliveryCount)
    if let before = ranges.last, before.lastOffset + 1 == first,
      before.deliveryCount == deliveryCount,
      request.batchSize <= 0
        || before.lastOffset - before.firstOffset + 1 < Int64(request.batchSize)
    {
      ranges[ranges.count - 1].lastOffset = last
      return
    }
    ranges.append(
      .with {
        $0.firstOffset = first
        $0.lastOffset = last
        $0.deliveryCount = deliveryCount
      })
  }

  /// Answers; not where nothing could be lent although something has to be.
  private func finish(_ plans: [Plan], _ session: KafkaSession, mayBeEmpty: Bool) -> Bool {
    var answers: [(KafkaPlace, KafkaShareFetch.Response.Partition)] = []
    var left = request.shareAcquireMode == Self.limitsRecords ? Int(request.maxRecords) : .max
    for plan in plans {
      var answer = KafkaShareFetch.Response.Partition()
      answer.partitionIndex = plan.place.place.partition
      answer.error = plan.place.error?.code ?? .noError
      answer.errorMessage = plan.place.error?.message
      if left > 0 {
        let (records, ranges, count) = carryOut(plan, session, limit: left)
        left -= count
        if count > 0 {
          answer.records = records
          answer.acquiredRecords = ranges
        }
      }
      if answer.error != .noError || !answer.acquiredRecords.isEmpty {
        answers.append((plan.place.place, answer))
      }
    }
    guard mayBeEmpty || !answers.isEmpty else { return false }
    cancel()
    session.shareFetch = nil
    call.answer(KafkaShareFetch.self, response(answers, session))
    return true
  }

  /// Lends nothing to a client that is beyond its quota.
  private func answerNothing(_ session: KafkaSession, for milliseconds: Int) {
    cancel()
    session.shareFetch = nil
    var response = response([], session)
    response.throttleTimeMs = Int32(clamping: milliseconds)
    call.answer(KafkaShareFetch.self, response)
  }

  private func response(
    _ answers: [(KafkaPlace, KafkaShareFetch.Response.Partition)], _ session: KafkaSession
  ) -> KafkaShareFetch.Response {
    var answers = answers
    for (place, refusal) in acknowledged.results {
      let index = answers.firstIndex { $0.0 == place } ?? answers.count
      if index == answers.count {
        answers.append((place, .with { $0.partitionIndex = place.partition }))
      }
      answers[index].1.acknowledgeError = refusal?.code ?? .noError
      answers[index].1.acknowledgeErrorMessage = refusal?.message
    }
    return .with {
      $0.acquisitionLockTimeoutMs = Int32(clamping: group?.rules.lockDuration ?? 0)
      for (place, answer) in answers {
        var answer = answer
        answer.currentLeader.leaderID = session.server.values.nodeID
        if let index = $0.responses.firstIndex(where: { $0.topicID == place.topic }) {
          $0.responses[index].partitions.append(answer)
        } else {
          $0.responses.append(
            .with {
              $0.topicID = place.topic
              $0.partitions = [answer]
            })
        }
      }
    }
  }
}

/// What became of acknowledgements, in the order in which they were said.
struct KafkaShareAcknowledged {
  private(set) var results: [(KafkaPlace, KafkaRefusal?)] = []

  mutating func add(_ place: KafkaPlace, _ refusal: KafkaRefusal?) {
    if let index = results.firstIndex(where: { $0.0 == place }) {
      results[index].1 = results[index].1 ?? refusal
    } else {
      results.append((place, refusal))
    }
  }

  /// Nothing of it could be written down.
  mutating func fail() {
    for index in results.indices where results[index].1 == nil {
      results[index].1 = KafkaRefusal(.kafkaStorageError, "it could not be written down")
    }
  }
}
