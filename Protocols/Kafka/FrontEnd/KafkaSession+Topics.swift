import GodwitEngine
import KafkaWire
import NIOCore

extension KafkaSession {
  /// Calls `body` when the tenant's topics are written down; a failure is everybody's.
  private func whenWritten(_ tenant: KafkaTenant, _ body: @escaping (KafkaRefusal?) -> Void) {
    tenant.tenant.partitionedTopics.whenCommitted { body($0.map { KafkaRefusal($0) }) }
  }

  // MARK: CreateTopics

  /// CreateTopics.
  func createTopics(
    _ request: KafkaCreateTopics.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    var response = KafkaCreateTopics.Response()
    var names: [String: Int] = [:]
    for topic in request.topics { names[topic.name, default: 0] += 1 }
    var done: Set<String> = []
    inSteps(request.topics, call) { [self] said in
      guard done.insert(said.name).inserted else { return }
      var answer = KafkaCreateTopics.Response.Topic()
      answer.name = said.name
      let refusal =
        names[said.name] == 1
        ? create(said, request.validateOnly, call, tenant)
        : KafkaRefusal(.invalidRequest, "the topic is named twice")
      if let refusal {
        answer.error = refusal.code
        answer.errorMessage = refusal.message
      } else {
        fill(&answer, said, tenant)
      }
      response.topics.append(answer)
    } done: { [self] in
      whenWritten(tenant) { failure in
        if let failure {
          for index in response.topics.indices where response.topics[index].error == .noError {
            response.topics[index].error = failure.code
            response.topics[index].errorMessage = failure.message
          }
        }
        call.answer(KafkaCreateTopics.self, response)
      }
    }
  }

  private func create(
    _ said: KafkaCreateTopics.Request.Topic, _ isDryRun: Bool, _ call: KafkaCall,
    _ tenant: KafkaTenant
  ) -> KafkaRefusal? {
    if KafkaTopicCodec.canonical(Array(said.name.utf8)) != nil, !mayCreate(said.name) {
      return KafkaRefusal(.topicAuthorizationFailed, "not permitted")
    }
    var count: Int? = said.numPartitions == -1 ? nil : Int(said.numPartitions)
    if said.assignments.isEmpty {
      guard said.replicationFactor == -1 || said.replicationFactor == 1 else {
        return KafkaRefusal(.invalidReplicationFactor, "there is one broker, and so one copy")
      }
    } else {
      guard said.numPartitions == -1, said.replicationFactor == -1 else {
        return KafkaRefusal(.invalidRequest, "a number of partitions beside an assignment")
      }
      let indexes = said.assignments.map(\.partitionIndex).sorted()
      guard indexes == Array(0..<Int32(clamping: indexes.count)),
        said.assignments.allSatisfy({ $0.brokerIDs == [server.values.nodeID] })
      else {
        return KafkaRefusal(.invalidReplicaAssignment, "this broker is the only one")
      }
      count = indexes.count
    }
    var config = KafkaTopicConfig()
    for each in said.configs {
      guard each.value != nil else {
        return KafkaRefusal(.invalidConfig, "no value for \(each.name.prefix(100))")
      }
      if let refusal = config.set(each.name, each.value) { return refusal }
    }
    if let refusal = tenant.create(
      said.name, partitions: count, config: config, isDryRun: true)
      ?? mutate(count ?? server.values.partitions, call, strictFrom: 6)
    {
      return refusal
    }
    return tenant.create(said.name, partitions: count, config: config, isDryRun: isDryRun)
  }

  private func fill(
    _ answer: inout KafkaCreateTopics.Response.Topic, _ said: KafkaCreateTopics.Request.Topic,
    _ tenant: KafkaTenant
  ) {
    answer.replicationFactor = 1
    answer.numPartitions =
      said.assignments.isEmpty
      ? (said.numPartitions == -1 ? Int32(clamping: server.values.partitions) : said.numPartitions)
      : Int32(clamping: said.assignments.count)
    guard let topic = tenant.topic(said.name) else { return }
    answer.topicID = topic.id
    answer.configs = KafkaTopicConfig.known.map { key in
      .with {
        $0.name = key.name
        $0.value = topic.config.value(of: key, defaults: server.values)
        $0.configSource = topic.config.values[key.name] == nil ? 5 : 1
      }
    }
  }

  // MARK: DeleteTopics

  /// DeleteTopics: with all that is in them.
  func deleteTopics(
    _ request: KafkaDeleteTopics.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    var response = KafkaDeleteTopics.Response()
    for name in request.topicNames { response.responses.append(delete(name, nil, call, tenant)) }
    for said in request.topics {
      response.responses.append(delete(said.name, said.topicID, call, tenant))
    }
    whenWritten(tenant) { _ in call.answer(KafkaDeleteTopics.self, response) }
  }

  private func delete(
    _ name: String?, _ id: KafkaUUID?, _ call: KafkaCall, _ tenant: KafkaTenant
  ) -> KafkaDeleteTopics.Response.Topic {
    .with { answer in
      answer.name = name
      answer.topicID = id ?? KafkaUUID()
      guard let topic = name.map({ tenant.topic($0) }) ?? id.flatMap({ tenant.topic($0) }) else {
        answer.error = name.map { unknown($0, .delete) } ?? .unknownTopicID
        return
      }
      guard may(.delete, topic.canonical) else {
        answer.error = .topicAuthorizationFailed
        return
      }
      answer.name = topic.name
      answer.topicID = topic.id
      if let refusal = mutate(topic.partitions.count, call, strictFrom: 5) {
        answer.error = refusal.code
        answer.errorMessage = refusal.message
        return
      }
      tenant.tenant.partitionedTopics.delete(topic.name)
    }
  }

  // MARK: CreatePartitions

  /// CreatePartitions: more of them.
  func createPartitions(
    _ request: KafkaCreatePartitions.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    var response = KafkaCreatePartitions.Response()
    for said in request.topics {
      var answer = KafkaCreatePartitions.Response.Topic()
      answer.name = said.name
      if let refusal = grow(said, request.validateOnly, call, tenant) {
        answer.error = refusal.code
        answer.errorMessage = refusal.message
      }
      response.results.append(answer)
    }
    whenWritten(tenant) { _ in call.answer(KafkaCreatePartitions.self, response) }
  }

  private func grow(
    _ said: KafkaCreatePartitions.Request.Topic, _ isDryRun: Bool, _ call: KafkaCall,
    _ tenant: KafkaTenant
  ) -> KafkaRefusal? {
    guard let topic = tenant.topic(said.name) else {
      return unknownTopic(said.name, .alter)
    }
    guard may(.alter, topic.canonical) else {
      return KafkaRefusal(.topicAuthorizationFailed, "not permitted")
    }
    let more = Int(said.count) - topic.partitions.count
    guard more > 0 else {
      return KafkaRefusal(
        .invalidPartitions, "the topic has \(topic.partitions.count) partitions already")
    }
    if let assignments = said.assignments {
      guard assignments.count == more,
        assignments.allSatisfy({ $0.brokerIDs == [server.values.nodeID] })
      else {
        return KafkaRefusal(.invalidReplicaAssignment, "this broker is the only one")
      }
    }
    if let refusal = tenant.checkRoom(for: more) ?? mutate(more, call, strictFrom: 3) {
      return refusal
    }
    guard !isDryRun else { return nil }
    do throws(EngineError) {
      try tenant.tenant.partitionedTopics.addPartitions(topic.topic, to: Int(said.count))
      return nil
    } catch {
      return KafkaRefusal(error)
    }
  }
}

extension KafkaSession {
  // MARK: DescribeLogDirs

  /// DescribeLogDirs: one folder, and how much of each partition is in it. How large the disk is
  /// nobody says.
  func describeLogDirs(
    _ request: KafkaDescribeLogDirs.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    let wanted = request.topics.map { topics in
      Dictionary(topics.map { ($0.topic, Set($0.partitions)) }) { $0.union($1) }
    }
    guard mayCluster(.describe) else {
      return call.answer(
        KafkaDescribeLogDirs.self, .with { $0.error = .clusterAuthorizationFailed })
    }
    call.answer(
      KafkaDescribeLogDirs.self,
      .with { response in
        response.results = [
          .with {
            $0.logDir = tenant.tenant.store.isDurable ? "data" : "memory"
            for topic in tenant.allTopics where may(.describe, topic.canonical) {
              let partitions = topic.partitions.filter { partition in
                wanted.map { $0[topic.name]?.contains(partition.index) ?? false } ?? true
              }
              guard !partitions.isEmpty else { continue }
              $0.topics.append(
                .with {
                  $0.name = topic.name
                  $0.partitions = partitions.map { partition in
                    .with {
                      $0.partitionIndex = partition.index
                      $0.partitionSize = Int64(clamping: partition.partition.log.byteCount)
                    }
                  }
                })
            }
          }
        ]
      })
  }
}
