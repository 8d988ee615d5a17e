import GodwitEngine
import KafkaWire
import NIOCore

extension KafkaErrorCode {
  /// Older clients know one error for a producer whose turn is over, later ones another.
  fileprivate func known(to version: Int16, since first: Int16) -> KafkaErrorCode {
    self == .producerFenced && version < first ? .invalidProducerEpoch : self
  }
}

extension KafkaSession {
  // MARK: InitProducerId

  /// InitProducerId: a number for an idempotent producer, or one that writes in transactions.
  func initProducerID(
    _ request: KafkaInitProducerID.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    let expected =
      request.producerID >= 0
      ? KafkaTransaction.Producer(id: request.producerID, epoch: request.producerEpoch) : nil
    func refuse(_ error: KafkaErrorCode) {
      call.answer(
        KafkaInitProducerID.self,
        .with {
          $0.error = error
          $0.producerEpoch = -1
        })
    }
    guard let id = request.transactionalID else {
      guard mayBeIdempotent else { return refuse(.clusterAuthorizationFailed) }
      // Who has a number goes on with its next epoch, as long as there is one (KIP-360).
      let goesOn = expected.map { (0..<Int16.max - 1).contains($0.epoch) } ?? false
      let producer =
        expected.flatMap {
          goesOn ? KafkaTransaction.Producer(id: $0.id, epoch: $0.epoch + 1) : nil
        } ?? KafkaTransaction.Producer(id: server.makeProducerID(), epoch: 0)
      return call.answer(
        KafkaInitProducerID.self,
        .with {
          $0.producerID = producer.id
          $0.producerEpoch = producer.epoch
        })
    }
    guard may(.write, transaction: id) else {
      return refuse(.transactionalIDAuthorizationFailed)
    }
    tenant.transactions.begin(id, timeout: Int(request.transactionTimeoutMs), expected: expected) {
      result in
      call.answer(
        KafkaInitProducerID.self,
        .with {
          switch result {
          case .success(let producer):
            $0.producerID = producer.id
            $0.producerEpoch = producer.epoch
          case .failure(let refusal):
            $0.error = refusal.code.known(to: call.header.version, since: 4)
            $0.producerEpoch = -1
          }
        })
    }
  }

  // MARK: What belongs to a transaction

  /// AddPartitionsToTxn: all of them or none.
  func addPartitions(
    _ request: KafkaAddPartitionsToTxn.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    var places: [KafkaPlace] = []
    var hasFailed = false
    var errors: [[KafkaErrorCode]] = []
    for said in request.v3AndBelowTopics {
      let topic = tenant.topic(said.name)
      errors.append(
        said.partitions.map { index in
          guard let topic, topic.partition(index) != nil else {
            hasFailed = true
            return unknown(said.name, .write)
          }
          guard mayWrite(topic.canonical) else {
            hasFailed = true
            return .topicAuthorizationFailed
          }
          places.append(KafkaPlace(topic: topic.id, partition: index))
          return .noError
        })
    }
    func answer(_ rest: KafkaErrorCode) {
      call.answer(
        KafkaAddPartitionsToTxn.self,
        .with { response in
          response.resultsByTopicV3AndBelow = zip(request.v3AndBelowTopics, errors).map {
            said, errors in
            .with {
              $0.name = said.name
              $0.resultsByPartition = zip(said.partitions, errors).map { index, error in
                .with {
                  $0.partitionIndex = index
                  $0.partitionError = error == .noError ? rest : error
                }
              }
            }
          }
        })
    }
    guard may(.write, transaction: request.v3AndBelowTransactionalID) else {
      errors = errors.map { $0.map { _ in .noError } }
      return answer(.transactionalIDAuthorizationFailed)
    }
    guard !hasFailed else { return answer(.operationNotAttempted) }
    tenant.transactions.add(
      places, to: request.v3AndBelowTransactionalID,
      KafkaTransaction.Producer(
        id: request.v3AndBelowProducerID, epoch: request.v3AndBelowProducerEpoch)
    ) { answer($0.known(to: call.header.version, since: 2)) }
  }

  /// AddOffsetsToTxn: positions of a group will follow.
  func addOffsets(
    _ request: KafkaAddOffsetsToTxn.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    guard may(.write, transaction: request.transactionalID) else {
      return call.answer(
        KafkaAddOffsetsToTxn.self, .with { $0.error = .transactionalIDAuthorizationFailed })
    }
    guard may(.read, group: request.groupID) else {
      return call.answer(
        KafkaAddOffsetsToTxn.self, .with { $0.error = .groupAuthorizationFailed })
    }
    tenant.transactions.add(
      group: request.groupID, to: request.transactionalID,
      KafkaTransaction.Producer(id: request.producerID, epoch: request.producerEpoch)
    ) { error in
      call.answer(
        KafkaAddOffsetsToTxn.self,
        .with { $0.error = error.known(to: call.header.version, since: 2) })
    }
  }

  /// TxnOffsetCommit: positions that hold when the transaction is committed.
  func commitOffsets(
    _ request: KafkaTxnOffsetCommit.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    var positions: [KafkaPlace: KafkaTransaction.Position] = [:]
    let refusal = mayCommitOffsets(request, tenant)
    var response = KafkaTxnOffsetCommit.Response()
    for topic in request.topics {
      var answer = KafkaTxnOffsetCommit.Response.Topic()
      answer.name = topic.name
      for said in topic.partitions {
        var error = refusal
        if error == nil {
          error = position(
            said.committedOffset, epoch: said.committedLeaderEpoch, note: said.committedMetadata,
            of: topic.name, said.partitionIndex, tenant, into: &positions)
        }
        answer.partitions.append(
          .with {
            $0.partitionIndex = said.partitionIndex
            $0.error = error ?? .noError
          })
      }
      response.topics.append(answer)
    }
    // From version 5 on nobody has said before that the group is part of the transaction.
    let begins = call.header.version >= 5
    guard refusal == nil, !begins || !positions.isEmpty else {
      return call.answer(KafkaTxnOffsetCommit.self, response)
    }
    tenant.transactions.hold(
      positions, of: request.groupID, for: request.transactionalID,
      KafkaTransaction.Producer(id: request.producerID, epoch: request.producerEpoch),
      begins: begins
    ) { error in
      let refusal: KafkaErrorCode =
        switch error {
        case .invalidTxnState where call.header.version >= 4: .transactionAbortable
        // This is what clients try again.
        case .concurrentTransactions where begins: .coordinatorLoadInProgress
        default: error
        }
      if refusal != .noError { response.topics.fail(refusal, in: \.partitions, \.error) }
      call.answer(KafkaTxnOffsetCommit.self, response)
    }
  }

  private func mayCommitOffsets(
    _ request: KafkaTxnOffsetCommit.Request, _ tenant: KafkaTenant
  ) -> KafkaErrorCode? {
    if request.groupID.isEmpty { return .invalidGroupID }
    guard may(.write, transaction: request.transactionalID) else {
      return .transactionalIDAuthorizationFailed
    }
    guard may(.read, group: request.groupID) else { return .groupAuthorizationFailed }
    if let group = tenant.consumerGroups.byName[request.groupID] {
      return group.mayUsePositions(
        memberID: request.memberID, epoch: request.generationID, isTransactional: true)
    }
    guard let group = tenant.groups[request.groupID] else {
      return request.generationID < 0 ? nil : .illegalGeneration
    }
    return group.mayCommit(
      generation: request.generationID, memberID: request.memberID,
      instanceID: request.groupInstanceID, isTransactional: true)
  }

  private func position(
    _ offset: Int64, epoch: Int32, note: String?, of name: String, _ index: Int32,
    _ tenant: KafkaTenant, into positions: inout [KafkaPlace: KafkaTransaction.Position]
  ) -> KafkaErrorCode? {
    guard let topic = tenant.topic(name), topic.partition(index) != nil else {
      return unknown(name, .read)
    }
    guard mayRead(topic.canonical) else { return .topicAuthorizationFailed }
    guard (note ?? "").utf8.count <= server.values.offsetNoteBytesMax else {
      return .offsetMetadataTooLarge
    }
    guard offset >= 0 else { return .invalidCommitOffsetSize }
    positions[KafkaPlace(topic: topic.id, partition: index)] = KafkaTransaction.Position(
      offset: UInt64(offset), note: KafkaOffsetNote(epoch: epoch, metadata: note ?? "").text)
    return nil
  }

  // MARK: The end

  /// EndTxn: answered when the markers are written. From version 5 on the producer's epoch rises
  /// with it, and the answer says what it is (KIP-890).
  func endTransaction(_ request: KafkaEndTxn.Request, _ call: KafkaCall, _ tenant: KafkaTenant) {
    guard may(.write, transaction: request.transactionalID) else {
      return call.answer(
        KafkaEndTxn.self, .with { $0.error = .transactionalIDAuthorizationFailed })
    }
    tenant.transactions.end(
      request.transactionalID,
      KafkaTransaction.Producer(id: request.producerID, epoch: request.producerEpoch),
      isCommit: request.committed, raises: call.header.version >= 5
    ) { result in
      call.answer(
        KafkaEndTxn.self,
        .with {
          switch result {
          case .success(let producer):
            $0.producerID = producer.id
            $0.producerEpoch = producer.epoch
          case .failure(let refusal):
            $0.error = refusal.code.known(to: call.header.version, since: 2)
          }
        })
    }
  }

  // MARK: Looking

  /// DescribeTransactions.
  func describeTransactions(
    _ request: KafkaDescribeTransactions.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    var response = KafkaDescribeTransactions.Response()
    for id in request.transactionalIDs {
      response.transactionStates.append(
        .with {
          $0.transactionalID = id
          guard may(.describe, transaction: id) else {
            $0.error = .transactionalIDAuthorizationFailed
            return
          }
          guard let found = tenant.transactions.byID[id] else {
            $0.error = id.isEmpty ? .invalidRequest : .transactionalIDNotFound
            return
          }
          $0.transactionState = found.state.name
          $0.transactionTimeoutMs = Int32(clamping: found.timeout)
          $0.transactionStartTimeMs = found.startedAt
          $0.producerID = found.producer.id
          $0.producerEpoch = found.producer.epoch
          let places = Dictionary(grouping: found.partitions.keys, by: \.topic)
          $0.topics = places.compactMap { id, places in
            tenant.topic(id).flatMap { topic in
              guard may(.describe, topic.canonical) else { return nil }
              return .with {
                $0.topic = topic.name
                $0.partitions = places.map(\.partition).sorted()
              }
            }
          }
        })
    }
    call.answer(KafkaDescribeTransactions.self, response)
  }

  /// ListTransactions.
  func listTransactions(
    _ request: KafkaListTransactions.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    let states = KafkaTransaction.State.allCases.map(\.name)
    let now = tenant.transactions.now
    call.answer(
      KafkaListTransactions.self,
      .with { response in
        response.unknownStateFilters = request.stateFilters.filter { !states.contains($0) }
        for found in tenant.transactions.all {
          let producers = request.producerIDFilters
          guard producers.isEmpty || producers.contains(found.producer.id),
            request.stateFilters.isEmpty || request.stateFilters.contains(found.state.name),
            may(.describe, transaction: found.id),
            request.durationFilter < 0 || now - found.startedAt > request.durationFilter
          else { continue }
          response.transactionStates.append(
            .with {
              $0.transactionalID = found.id
              $0.producerID = found.producer.id
              $0.transactionState = found.state.name
            })
        }
      })
  }

  /// DescribeProducers: who has written to a partition, as far as it is remembered.
  func describeProducers(
    _ request: KafkaDescribeProducers.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    call.answer(
      KafkaDescribeProducers.self,
      .with { response in
        response.topics = request.topics.map { said in
          let topic = tenant.topic(said.name)
          let isDenied = topic.map { !mayRead($0.canonical) } ?? false
          return .with {
            $0.name = said.name
            $0.partitions = said.partitionIndexes.map { index in
              .with {
                $0.partitionIndex = index
                guard !isDenied else {
                  $0.error = .topicAuthorizationFailed
                  return
                }
                guard let partition = topic?.partition(index) else {
                  $0.error = unknown(said.name, .read)
                  return
                }
                partition.recover(producersMax: server.values.producersMax)
                $0.activeProducers = Self.producers(of: partition)
              }
            }
          }
        }
      })
  }

  private static func producers(
    of partition: KafkaPartition
  ) -> [KafkaDescribeProducers.Response.Producer] {
    partition.producers.byID.sorted { $0.key < $1.key }.map { id, producer in
      .with {
        $0.producerID = id
        $0.producerEpoch = Int32(producer.epoch)
        $0.lastSequence = producer.batches.last?.lastSequence ?? -1
        $0.lastTimestamp = producer.lastTimestamp
        if let first = partition.transactions.open[id] {
          $0.currentTxnStartOffset = Int64(clamping: first)
        }
      }
    }
  }
}
