import GodwitEngine
import KafkaWire
import NIOCore

extension KafkaSession {
  // MARK: CreateTopics

  /// CreateTopics.
  func createTopics(
    _ request: KafkaCreateTopics.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    let tally = KafkaTally(KafkaCreateTopics.Response()) {
      call.answer(KafkaCreateTopics.self, $0)
    }
    var names: [String: Int] = [:]
    for topic in request.topics { names[topic.name, default: 0] += 1 }
    var done: Set<String> = []
    inSteps(request.topics, call) { [self] said in
      guard done.insert(said.name).inserted else { return }
      var answer = KafkaCreateTopics.Response.Topic()
      answer.name = said.name
      let place = tally.response.topics.count
      tally.response.topics.append(answer)
      tally.begin()
      let end = { (refusal: KafkaRefusal?) in
        if let refusal {
          tally.response.topics[place].error = refusal.code
          tally.response.topics[place].errorMessage = refusal.message
        } else {
          self.fill(&tally.response.topics[place], said, tenant)
        }
        tally.end()
      }
      if names[said.name] == 1 {
        create(said, request.validateOnly, call, tenant, end)
      } else {
        end(KafkaRefusal(.invalidRequest, "the topic is named twice"))
      }
    } done: {
      tally.end()
    }
  }

  private func create(
    _ said: KafkaCreateTopics.Request.Topic, _ isDryRun: Bool, _ call: KafkaCall,
    _ tenant: KafkaTenant, _ body: @escaping (KafkaRefusal?) -> Void
  ) {
    var count: Int?
    var config = KafkaTopicConfig()
    let refusal =
      read(said, &count, &config) ?? tenant.refusal(creating: said.name, partitions: count)
      ?? mutate(count ?? server.values.partitions, call, strictFrom: 6)
    if refusal != nil || isDryRun { return body(refusal) }
    tenant.create(said.name, partitions: count, config: config, body)
  }

  private func read(
    _ said: KafkaCreateTopics.Request.Topic, _ count: inout Int?, _ config: inout KafkaTopicConfig
  ) -> KafkaRefusal? {
    if KafkaTopicCodec.canonical(Array(said.name.utf8)) != nil, !mayCreate(said.name) {
      return KafkaRefusal(.topicAuthorizationFailed, "not permitted")
    }
    count = said.numPartitions == -1 ? nil : Int(said.numPartitions)
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
    for each in said.configs {
      guard each.value != nil else {
        return KafkaRefusal(.invalidConfig, "no value for \(each.name.prefix(100))")
      }
      if let refusal = config.set(each.name, each.value) { return refusal }
    }
    return nil
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
    let tally = KafkaTally(KafkaDeleteTopics.Response()) {
      call.answer(KafkaDeleteTopics.self, $0)
    }
    let byName = request.topicNames.map { (name: Optional($0), id: KafkaUUID?.none) }
    let topics = byName + request.topics.map { (name: $0.name, id: Optional($0.topicID)) }
    var begun: Set<KafkaUUID> = []
    // With each, files and positions go.
    inSteps(topics, call, size: Self.stepSize / 16) { [self] said in
      delete(said.name, said.id, call, tenant, tally, &begun)
    } done: {
      tally.end()
    }
  }

  /// - Parameter begun: what the request deletes already: that is not there, wherever the disk is.
  private func delete(
    _ name: String?, _ id: KafkaUUID?, _ call: KafkaCall, _ tenant: KafkaTenant,
    _ tally: KafkaTally<KafkaDeleteTopics.Response>, _ begun: inout Set<KafkaUUID>
  ) {
    var answer = KafkaDeleteTopics.Response.Topic()
    answer.name = name
    answer.topicID = id ?? KafkaUUID()
    var topic = name.map { tenant.topic($0) } ?? id.flatMap { tenant.topic($0) }
    if let known = topic, begun.contains(known.id) { topic = nil }
    if let topic, may(.delete, topic.canonical) {
      answer.name = topic.name
      answer.topicID = topic.id
      if let refusal = mutate(topic.partitions.count, call, strictFrom: 5) {
        answer.error = refusal.code
        answer.errorMessage = refusal.message
      }
    } else if topic != nil {
      answer.error = .topicAuthorizationFailed
    } else {
      answer.error = name.map { unknown($0, .delete) } ?? .unknownTopicID
    }
    let place = tally.response.responses.count
    tally.response.responses.append(answer)
    guard answer.error == .noError, let topic else { return }
    begun.insert(topic.id)
    tally.begin()
    let isThere = tenant.tenant.partitionedTopics.delete(topic.name) { error in
      if let refusal = error.map({ KafkaRefusal($0) }) {
        tally.response.responses[place].error = refusal.code
        tally.response.responses[place].errorMessage = refusal.message
      }
      tally.end()
    }
    if !isThere { tally.end() }
  }

  // MARK: CreatePartitions

  /// CreatePartitions: more of them.
  func createPartitions(
    _ request: KafkaCreatePartitions.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    let tally = KafkaTally(KafkaCreatePartitions.Response()) {
      call.answer(KafkaCreatePartitions.self, $0)
    }
    for said in request.topics {
      let place = tally.response.results.count
      tally.response.results.append(.with { $0.name = said.name })
      tally.begin()
      grow(said, request.validateOnly, call, tenant) { refusal in
        if let refusal {
          tally.response.results[place].error = refusal.code
          tally.response.results[place].errorMessage = refusal.message
        }
        tally.end()
      }
    }
    tally.end()
  }

  private func grow(
    _ said: KafkaCreatePartitions.Request.Topic, _ isDryRun: Bool, _ call: KafkaCall,
    _ tenant: KafkaTenant, _ body: @escaping (KafkaRefusal?) -> Void
  ) {
    guard let topic = tenant.topic(said.name) else {
      return body(unknownTopic(said.name, .alter))
    }
    let refusal = refusal(growing: topic, said, call, tenant)
    if refusal != nil || isDryRun { return body(refusal) }
    tenant.grow(topic, to: Int(said.count), body)
  }

  private func refusal(
    growing topic: KafkaTopic, _ said: KafkaCreatePartitions.Request.Topic, _ call: KafkaCall,
    _ tenant: KafkaTenant
  ) -> KafkaRefusal? {
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
    return tenant.checkRoom(for: more) ?? mutate(more, call, strictFrom: 3)
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
