import GodwitEngine
import GodwitFrontEndKit
import KafkaWire
import NIOCore

/// A Fetch request that waits until there is enough to read, or for as long as the client wants.
final class KafkaFetchJob {
  /// What a response may hold although there is no room, in bytes.
  private static let smallBytes = 16 << 10

  private let request: KafkaFetch.Request
  private let call: KafkaCall
  private let tenant: KafkaTenant
  private let context: KafkaFetchSessions.Context
  private weak var session: KafkaSession?
  private let wait: KafkaReaderWait

  init(
    _ request: KafkaFetch.Request, _ context: KafkaFetchSessions.Context, _ call: KafkaCall,
    _ tenant: KafkaTenant, _ session: KafkaSession
  ) {
    var request = request
    if case .next(let remembered, _) = context { request.topics = remembered.topics }
    self.request = request
    self.context = context
    self.call = call
    self.tenant = tenant
    self.session = session
    wait = KafkaReaderWait(clock: session.server.clock, engine: session.engine)
    wait.attempt = { [weak self] in self?.attempt() }
  }

  /// One partition that is asked for, as far as it can be read.
  private struct Place {
    var answer = KafkaFetch.Response.Partition()
    var partition: Partition?
    var transactions: KafkaOpenTransactions?
    var offset: UInt64 = 0
    var bytesMax = 0
    var end: UInt64 = 0
  }

  func begin() { wait.begin(for: request.topics.isEmpty ? 0 : request.maxWaitMs) }

  func cancel() { wait.end() }

  private func attempt() { call.work { answerOrWait() } }

  /// Answers, if there is enough; otherwise waits for more.
  private func answerOrWait() {
    guard !wait.hasEnded, let session else { return }
    wait.stopListening()
    var topics: [(KafkaFetch.Response.Topic, [Place])] = []
    var hasFailed = false
    for said in request.topics {
      var topic = KafkaFetch.Response.Topic()
      topic.topic = said.topic
      topic.topicID = said.topicID
      let places = said.partitions.map { place($0, of: said, session) }
      hasFailed = hasFailed || places.contains { $0.answer.error != .noError }
      topics.append((topic, places))
    }
    let places = topics.flatMap(\.1)
    guard isReady(places) else { return }
    let (response, size) = read(topics, session)
    // More than its quota allows at once the client does not get, however long it waits.
    let enough = min(max(0, Int(request.minBytes)), session.fetchMax(call))
    if hasFailed || wait.isOver || size >= enough {
      finish(response, session)
    } else {
      for place in places { place.partition.map(wait.listen) }
    }
  }

  /// Whether all can be read without waiting for the disk; if not, tries again when it can.
  private func isReady(_ places: [Place]) -> Bool {
    wait.isAtHand { ask in
      for place in places {
        guard let partition = place.partition, place.offset < place.end else { continue }
        ask(partition, place.offset, place.bytesMax)
      }
    }
  }

  private func place(
    _ said: KafkaFetch.Request.Partition, of topic: KafkaFetch.Request.Topic,
    _ session: KafkaSession
  ) -> Place {
    var place = Place()
    place.answer.partitionIndex = said.partition
    place.answer.highWatermark = -1
    let byID = call.header.version >= 13
    guard let known = byID ? tenant.topic(topic.topicID) : tenant.topic(topic.topic) else {
      place.answer.error = byID ? .unknownTopicID : session.unknown(topic.topic, .read)
      return place
    }
    guard session.mayRead(known.canonical) else {
      place.answer.error = .topicAuthorizationFailed
      return place
    }
    guard let found = known.partition(said.partition) else {
      place.answer.error = .unknownTopicOrPartition
      return place
    }
    let partition = found.partition
    if said.currentLeaderEpoch > partition.leaderEpoch {
      place.answer.error = .unknownLeaderEpoch
      return place
    }
    let end = partition.committedOffset
    let first = partition.startOffset
    place.answer.highWatermark = Int64(clamping: end)
    let stable = found.lastStableOffset
    place.answer.lastStableOffset = Int64(clamping: stable)
    place.answer.logStartOffset = Int64(clamping: first)
    guard said.fetchOffset >= Int64(clamping: first), said.fetchOffset <= Int64(clamping: end)
    else {
      place.answer.error = .offsetOutOfRange
      return place
    }
    place.partition = partition
    place.offset = UInt64(said.fetchOffset)
    place.bytesMax = max(0, Int(said.partitionMaxBytes))
    place.end = end
    if request.isolationLevel == 1 {
      place.end = stable
      place.transactions = found.transactions
      place.answer.abortedTransactions = []
    }
    return place
  }

  private func read(
    _ topics: [(KafkaFetch.Response.Topic, [Place])], _ session: KafkaSession
  ) -> (KafkaFetch.Response, size: Int) {
    var response = KafkaFetch.Response()
    let values = session.server.values
    // Where many do not read what they were sent, all get less.
    let room = max(Self.smallBytes, values.fetchMemoryMax - session.server.outgoingBytes)
    var left = min(
      max(0, Int(request.maxBytes)), values.fetchBytesMax, room, session.fetchMax(call))
    var size = 0
    for (topic, places) in topics {
      var topic = topic
      for place in places {
        var answer = place.answer
        answer.records = ByteBuffer()
        if let partition = place.partition, place.offset < place.end, size == 0 || left > 0 {
          let (records, end) = KafkaLogReading.batches(
            of: partition, from: place.offset, before: place.end,
            bytesMax: min(left, place.bytesMax), session.engine)
          // The first batch comes whatever its size, or a client would stand before it for ever.
          if size == 0 || records.readableBytes <= left {
            left -= records.readableBytes
            size += records.readableBytes
            answer.records = records
            if let transactions = place.transactions, end > place.offset {
              let aborted = transactions.aborted(in: place.offset..<end, of: partition)
              answer.abortedTransactions = aborted.map { each in
                .with {
                  $0.producerID = each.producerID
                  $0.firstOffset = Int64(clamping: each.first)
                }
              }
            }
          }
        }
        topic.partitions.append(answer)
      }
      response.responses.append(topic)
    }
    return (response, size)
  }

  private func finish(_ response: KafkaFetch.Response, _ session: KafkaSession) {
    cancel()
    session.fetches[ObjectIdentifier(self)] = nil
    if case .next(let remembered, let epoch) = context,
      !session.server.fetchSessions.isCurrent(remembered, epoch: epoch)
    {
      // Another connection has gone on with it.
      return call.answer(KafkaFetch.self, .with { $0.error = .invalidFetchSessionEpoch })
    }
    let bytes = response.responses.joinedBytes
    session.engine.addEffort(ofBytes: bytes)
    let held = session.throttleFetch(bytes, call)
    guard held == 0 else { return answerNothing(for: held) }
    call.answer(KafkaFetch.self, narrowed(response, session))
  }

  /// Sends nothing to a client that is beyond its quota, which asks again when its time is over:
  /// what it was not sent is not counted either (KIP-219). Nothing is remembered as told.
  private func answerNothing(for milliseconds: Int) {
    call.answer(
      KafkaFetch.self,
      .with {
        $0.throttleTimeMs = Int32(clamping: milliseconds)
        if case .next(let remembered, _) = context { $0.sessionID = remembered.id }
      })
  }

  /// What of a response the client's fetch session wants.
  private func narrowed(
    _ response: KafkaFetch.Response, _ session: KafkaSession
  ) -> KafkaFetch.Response {
    let sessions = session.server.fetchSessions
    var response = response
    switch context {
    case .once, .refused: break
    case .first:
      let made = sessions.begin(
        with: request, told: response.responses, usesIDs: call.header.version >= 13,
        tenant: tenant.tenant, user: session.principal?.name ?? "",
        connection: session.connection.id, now: session.server.now)
      response.sessionID = made?.id ?? 0
    case .next(let remembered, _):
      response.sessionID = remembered.id
      response.responses = remembered.news(response.responses)
    }
    return response
  }
}

extension [KafkaFetch.Response.Topic] {
  /// The bytes of all records.
  fileprivate var joinedBytes: Int {
    reduce(0) { sum, topic in
      topic.partitions.reduce(sum) { $0 + ($1.records?.readableBytes ?? 0) }
    }
  }
}

extension KafkaSession {
  /// Fetch.
  func fetch(_ request: KafkaFetch.Request, _ call: KafkaCall, _ tenant: KafkaTenant) {
    let context = server.fetchSessions.context(
      of: request, usesIDs: call.header.version >= 13, tenant: tenant.tenant,
      user: principal?.name ?? "", connection: connection.id, now: server.now)
    if case .refused(let error) = context {
      return call.answer(KafkaFetch.self, .with { $0.error = error })
    }
    let job = KafkaFetchJob(request, context, call, tenant, self)
    fetches[ObjectIdentifier(job)] = job
    job.begin()
  }
}
