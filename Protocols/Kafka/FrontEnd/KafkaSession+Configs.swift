import GodwitEngine
import KafkaWire
import NIOCore

extension KafkaSession {
  /// `ConfigResource.Type`.
  private enum Resource {
    static let topic: Int8 = 2
    static let broker: Int8 = 4
  }

  /// `ConfigSource`.
  private enum Source {
    static let topic: Int8 = 1
    static let staticBroker: Int8 = 4
    static let unset: Int8 = 5
  }

  // MARK: DescribeConfigs

  /// DescribeConfigs: of topics, and what of this broker's settings has a name at Kafka.
  func describeConfigs(
    _ request: KafkaDescribeConfigs.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    var response = KafkaDescribeConfigs.Response()
    inSteps(request.resources, call) { [self] said in
      var answer = KafkaDescribeConfigs.Response.Resource()
      answer.resourceType = said.resourceType
      answer.resourceName = said.resourceName
      var configs: [KafkaDescribeConfigs.Response.Config] = []
      if let refusal = describe(said, tenant, request, &configs) {
        answer.error = refusal.code
        answer.errorMessage = refusal.message
      } else if let keys = said.configurationKeys {
        answer.configs = configs.filter { keys.contains($0.name) }
      } else {
        answer.configs = configs
      }
      response.results.append(answer)
    } done: {
      call.answer(KafkaDescribeConfigs.self, response)
    }
  }

  private func describe(
    _ said: KafkaDescribeConfigs.Request.Resource, _ tenant: KafkaTenant,
    _ request: KafkaDescribeConfigs.Request,
    _ configs: inout [KafkaDescribeConfigs.Response.Config]
  ) -> KafkaRefusal? {
    switch said.resourceType {
    case Resource.topic:
      guard let topic = tenant.topic(said.resourceName) else {
        return unknownTopic(said.resourceName, .describeConfigs)
      }
      guard may(.describeConfigs, topic.canonical) else {
        return KafkaRefusal(.topicAuthorizationFailed, "not permitted")
      }
      configs = KafkaTopicConfig.known.map { describe($0, of: topic, request) }
    case Resource.broker:
      guard mayCluster(.describeConfigs) else {
        return KafkaRefusal(.clusterAuthorizationFailed, "not permitted")
      }
      guard said.resourceName == String(server.values.nodeID) || said.resourceName.isEmpty else {
        return KafkaRefusal(.invalidRequest, "this broker is \(server.values.nodeID)")
      }
      configs = brokerConfigs
    case Self.groupResource:
      guard may(.describeConfigs, group: said.resourceName) else {
        return KafkaRefusal(.groupAuthorizationFailed, "not permitted")
      }
      configs = describeGroup(said.resourceName, tenant)
    default:
      return KafkaRefusal(.invalidRequest, "only topics, brokers and groups have settings here")
    }
    return nil
  }

  private func describe(
    _ key: KafkaTopicConfig.Key, of topic: KafkaTopic, _ request: KafkaDescribeConfigs.Request
  ) -> KafkaDescribeConfigs.Response.Config {
    .with {
      $0.name = key.name
      $0.value = topic.config.value(of: key, defaults: server.values)
      let isSaid = topic.config.values[key.name] != nil
      $0.configSource = isSaid ? Source.topic : Source.unset
      $0.isDefault = !isSaid
      $0.configType = key.kind.rawValue
      if request.includeSynonyms, isSaid {
        $0.synonyms = [
          .with {
            $0.name = key.name
            $0.value = topic.config.values[key.name]
            $0.source = Source.topic
          }
        ]
      }
      if request.includeDocumentation, !key.hasEffect {
        $0.documentation = "Kept, and without effect in Godwit."
      }
    }
  }

  private var brokerConfigs: [KafkaDescribeConfigs.Response.Config] {
    let values = server.values
    let settings: [(String, String, KafkaTopicConfig.Key.Kind)] = [
      ("auto.create.topics.enable", String(values.createsTopics), .bool),
      ("broker.id", String(values.nodeID), .int),
      ("compression.type", "producer", .text),
      ("default.replication.factor", "1", .int),
      ("group.consumer.migration.policy", values.groupMigration.rawValue, .text),
      (
        "group.initial.rebalance.delay.ms", String(values.rebalanceDelayMilliseconds), .int
      ),
      ("group.max.session.timeout.ms", String(values.sessionTimeoutMilliseconds.upperBound), .int),
      ("group.max.size", String(values.groupSizeMax), .int),
      ("group.min.session.timeout.ms", String(values.sessionTimeoutMilliseconds.lowerBound), .int),
      ("log.retention.bytes", String(values.retentionBytes), .long),
      ("log.retention.ms", String(values.retentionMilliseconds), .long),
      ("message.max.bytes", String(values.messageBytesMax), .int),
      ("min.insync.replicas", "1", .int),
      ("node.id", String(values.nodeID), .int),
      ("num.partitions", String(values.partitions), .int),
      ("offset.metadata.max.bytes", String(values.offsetNoteBytesMax), .int),
      (
        "offsets.retention.minutes",
        String(values.offsetsRetention < 0 ? Int(Int32.max) : values.offsetsRetention / 60_000),
        .int
      ),
      ("socket.request.max.bytes", String(values.requestBytesMax), .int),
    ]
    return settings.map { name, value, kind in
      .with {
        $0.name = name
        $0.value = value
        $0.readOnly = true
        $0.configSource = Source.staticBroker
        $0.configType = kind.rawValue
      }
    }
  }

  // MARK: AlterConfigs

  /// AlterConfigs: what is said is all there is.
  func alterConfigs(
    _ request: KafkaAlterConfigs.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    let tally = KafkaTally(KafkaAlterConfigs.Response()) {
      call.answer(KafkaAlterConfigs.self, $0)
    }
    for said in request.resources {
      let place = tally.response.responses.count
      tally.response.responses.append(
        .with {
          $0.resourceType = said.resourceType
          $0.resourceName = said.resourceName
        })
      tally.begin()
      alter(
        said.resourceType, said.resourceName, tenant, isDryRun: request.validateOnly,
        { config in
          config = KafkaTopicConfig()
          for each in said.configs {
            if let refusal = config.set(each.name, each.value) { return refusal }
          }
          return nil
        },
        { refusal in
          tally.response.responses[place].error = refusal?.code ?? .noError
          tally.response.responses[place].errorMessage = refusal?.message
          tally.end()
        })
    }
    tally.end()
  }

  /// IncrementalAlterConfigs: changes one by one (KIP-339).
  func alterConfigs(
    _ request: KafkaIncrementalAlterConfigs.Request, _ call: KafkaCall, _ tenant: KafkaTenant
  ) {
    let tally = KafkaTally(KafkaIncrementalAlterConfigs.Response()) {
      call.answer(KafkaIncrementalAlterConfigs.self, $0)
    }
    for said in request.resources {
      let place = tally.response.responses.count
      tally.response.responses.append(
        .with {
          $0.resourceType = said.resourceType
          $0.resourceName = said.resourceName
        })
      tally.begin()
      let end = { (refusal: KafkaRefusal?) in
        tally.response.responses[place].error = refusal?.code ?? .noError
        tally.response.responses[place].errorMessage = refusal?.message
        tally.end()
      }
      if said.resourceType == Self.groupResource {
        let refusal =
          mayAlter(group: said.resourceName)
          ?? alterGroup(said, tenant, isDryRun: request.validateOnly)
        if refusal != nil || request.validateOnly {
          end(refusal)
        } else {
          tenant.shareGroups.commit { error in
            end(error.map { KafkaRefusal(.coordinatorNotAvailable, $0.message) })
          }
        }
        continue
      }
      alter(
        said.resourceType, said.resourceName, tenant, isDryRun: request.validateOnly,
        { config in
          for each in said.configs {
            if let refusal = Self.change(&config, each) { return refusal }
          }
          return nil
        }, end)
    }
    tally.end()
  }

  private func mayAlter(group: String) -> KafkaRefusal? {
    may(.alterConfigs, group: group)
      ? nil : KafkaRefusal(.groupAuthorizationFailed, "not permitted")
  }

  /// The longest list that is gone through, in bytes: what is known fits many times.
  private static var listBytesMax: Int { 1_024 }

  private static func change(
    _ config: inout KafkaTopicConfig, _ said: KafkaIncrementalAlterConfigs.Request.Config
  ) -> KafkaRefusal? {
    switch said.configOperation {
    case 0:
      guard let value = said.value else {
        return KafkaRefusal(.invalidConfig, "no value for \(said.name.prefix(100))")
      }
      return config.set(said.name, value)
    case 1: return config.set(said.name, nil)
    case 2, 3:
      guard KafkaTopicConfig.known.first(where: { $0.name == said.name })?.kind == .list else {
        return KafkaRefusal(.invalidConfig, "\(said.name.prefix(100)) is no list")
      }
      guard said.value?.utf8.count ?? 0 <= listBytesMax else {
        return KafkaRefusal(.invalidConfig, "\(said.name.prefix(100)) is too long")
      }
      var words = (config.values[said.name] ?? "delete").split(separator: ",").map(String.init)
      for word in (said.value ?? "").split(separator: ",").map(String.init) {
        if said.configOperation == 3 {
          words.removeAll { $0 == word }
        } else if !words.contains(word) {
          words.append(word)
        }
      }
      return config.set(said.name, words.joined(separator: ","))
    default: return KafkaRefusal(.invalidRequest, "no such operation")
    }
  }

  private func alter(
    _ type: Int8, _ name: String, _ tenant: KafkaTenant, isDryRun: Bool,
    _ change: @escaping (inout KafkaTopicConfig) -> KafkaRefusal?,
    _ body: @escaping (KafkaRefusal?) -> Void
  ) {
    guard type == Resource.topic else {
      return body(
        KafkaRefusal(.invalidRequest, "settings of this kind do not change this way"))
    }
    guard let topic = tenant.topic(name) else {
      return body(unknownTopic(name, .alterConfigs))
    }
    guard may(.alterConfigs, topic.canonical) else {
      return body(KafkaRefusal(.topicAuthorizationFailed, "not permitted"))
    }
    topic.topic.whenSettled { [server] in
      var config = topic.config
      let refusal = change(&config)
      if refusal != nil || isDryRun { return body(refusal) }
      var settings = topic.topic.settings
      config.apply(to: &settings, defaults: server.values)
      do throws(EngineError) {
        try tenant.tenant.partitionedTopics.update(topic.topic, to: settings) {
          body($0.map { KafkaRefusal($0) })
        }
      } catch {
        body(KafkaRefusal(error))
      }
    }
  }
}
