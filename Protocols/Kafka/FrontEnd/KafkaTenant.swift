import GodwitEngine
import GodwitFrontEndKit
import KafkaWire
import Logging

/// A tenant as its Kafka clients see it: topics, and groups with members.
final class KafkaTenant {
  let tenant: Tenant
  unowned let server: KafkaServer
  private let keeper: KafkaBatchKeeper
  /// Groups with members, or whose members are about to join.
  private(set) var groups: [String: KafkaGroup] = [:]
  private var topics: [String: KafkaTopic] = [:]
  private var names: [KafkaUUID: String] = [:]
  /// Topics' names by what they have in common with those that differ in `.` and `_` only.
  private var alike: [String: String] = [:]
  private(set) var partitionCount = 0
  /// How many more there will be once the disk has them.
  private var growingCount = 0
  private(set) lazy var transactions = makeTransactions()
  private(set) lazy var consumerGroups = KafkaConsumerGroups(tenant) { [unowned self] name in
    KafkaConsumerGroup(
      name: name, clock: server.clock, rules: consumerGroupRules, topics: knownTopics)
  }
  private(set) lazy var shareGroups = makeShareGroups()
  private var expiry: KafkaPositionExpiry?
  private var producerExpiry: KafkaProducerExpiry?
  let users: KafkaUsers
  let acls: KafkaACLs
  let quotas: KafkaQuotas
  /// How often topics have come, gone or grown.
  private var topicsGeneration = 0

  init(_ tenant: Tenant, server: KafkaServer) {
    self.tenant = tenant
    self.server = server
    keeper = KafkaBatchKeeper(origin: server.origin)
    users = KafkaUsers(tenant, directory: server.context.access.users)
    acls = KafkaACLs(tenant)
    quotas = KafkaQuotas(tenant)
    tenant.partitionedTopics.choose = { key, partitions in
      KafkaPartitioner.partition(of: key, among: partitions)
    }
    tenant.partitionedTopics.time = { [unowned self] topic, sentAt in
      topics[topic.name]?.time(sentAt: sentAt, now: server.engine.now)
    }
    tenant.partitionedTopics.keeper = keeper
    for topic in tenant.partitionedTopics.all { add(topic) }
    tenant.partitionedTopics.observe { [unowned self] event in
      switch event {
      case .created(let topic): add(topic)
      case .updated(let topic): update(topic)
      case .deleted(let topic): remove(topic)
      }
    }
    keeper.find = { [unowned self] partition in
      guard let topic = topic(partition.topic.name),
        let found = topic.partition(Int32(clamping: partition.index))
      else { return nil }
      return (KafkaPlace(topic: topic.id, partition: found.index), found)
    }
    restore()
    expiry = makeExpiry()
    producerExpiry = KafkaProducerExpiry(
      clock: server.clock,
      partitions: { [unowned self] in topics.values.flatMap(\.partitions) },
      lifetime: { [unowned self] in self.server.values.producerLifetime })
  }

  /// Takes up what the tenant's store has kept. What cannot be read is in the log.
  private func restore() {
    // Those who write in transactions are told when they come; everybody else is served.
    restore("transactions") { () throws(EngineError) in
      server.sawProducerID(try transactions.restore())
      keeper.transactions = transactions
    }
    // Otherwise they do not get in.
    users.countMax = server.values.usersMax
    restore("users") { () throws(EngineError) in try users.restore() }
    // Otherwise nobody is held back, but by those that could be read.
    setQuotas()
    restore("quotas") { () throws(EngineError) in try quotas.restore() }
    // Otherwise nobody is allowed anything that ACLs can deny.
    acls.countMax = server.values.aclsMax
    restore("ACLs") { () throws(EngineError) in try acls.restore() }
    // Otherwise their members join again.
    consumerGroups.countMax = server.values.groupsMax
    consumerGroups.downgrade = { [unowned self] in downgrade($0) }
    restore("groups") { () throws(EngineError) in try consumerGroups.restore() }
    // Otherwise requests to them are refused, as nothing can be written down either.
    restore("share groups") { () throws(EngineError) in try shareGroups.restore() }
  }

  private func restore(_ what: String, _ body: () throws(EngineError) -> Void) {
    do throws(EngineError) {
      try body()
    } catch {
      server.context.logger.error("kafka: \(what) of \(tenant.name) cannot be read: \(error)")
    }
  }

  private func makeExpiry() -> KafkaPositionExpiry {
    KafkaPositionExpiry(
      tenant, clock: server.clock,
      KafkaPositionExpiry.Surroundings(
        retention: { [unowned self] in server.values.offsetsRetention },
        prefix: Self.cursorGroup(""),
        readers: { [unowned self] name in
          if let group = consumerGroups.byName[name] { return .some { group.subscribedTopics } }
          guard let group = groups[name], !group.members.isEmpty else { return .none }
          // Others may keep positions of what they do not name.
          return group.state == .stable && group.protocolType == KafkaConsumerGroup.classicType
            ? .some { group.subscribedTopics } : .unknown
        },
        held: { [unowned self] name in
          Set(
            transactions.places(heldFor: name).compactMap {
              topic($0.topic)?.partition($0.partition)?.partition.name
            })
        }))
  }

  private func makeShareGroups() -> KafkaShareGroups {
    KafkaShareGroups(
      tenant,
      KafkaShareGroups.Surroundings(
        clock: server.clock, settings: { [unowned self] in server.values }, topics: knownTopics,
        find: { [unowned self] place in topic(place.topic)?.partition(place.partition) },
        offset: { [unowned self] partition, ago in
          let time = server.engine.now / 1_000_000 - ago
          var start = partition.committedOffset
          KafkaLogReading.offset(
            of: partition, notBefore: time, server.engine, isBeside: false
          ) { found, _ in start = found?.offset ?? start }
          return start
        }))
  }

  private func makeTransactions() -> KafkaTransactions {
    let made = KafkaTransactions(
      tenant, clock: server.clock, origin: server.origin,
      find: { [unowned self] place in topic(place.topic)?.partition(place.partition) },
      makeID: { [unowned self] in server.makeProducerID() },
      tell: { [unowned self] batch, partition, done in
        guard let topic = topic(partition.topic.name) else { return done(nil) }
        server.teller.tell(batch, of: topic, partition, done)
      })
    made.rules = transactionRules
    return made
  }

  private var knownTopics: KafkaConsumerGroup.Topics {
    KafkaConsumerGroup.Topics(
      generation: { [unowned self] in topicsGeneration },
      find: { [unowned self] name in
        topic(name).map {
          KafkaAssignor.Topic(id: $0.id, partitions: Int32(clamping: $0.partitions.count))
        }
      },
      names: { [unowned self] in Array(topics.keys) })
  }

  private var consumerGroupRules: KafkaConsumerGroup.Rules {
    KafkaConsumerGroup.Rules(
      sessionTimeout: server.values.consumerSessionTimeout,
      interval: server.values.consumerHeartbeatInterval, sizeMax: server.values.groupSizeMax,
      classicTimeouts: server.values.sessionTimeoutMilliseconds,
      reserve: { [tenant] in tenant.memory.charge($0) })
  }

  private var transactionRules: KafkaTransactions.Rules {
    KafkaTransactions.Rules(
      timeoutMax: server.values.transactionTimeoutMax,
      countMax: server.values.transactionalIDsMax,
      lifetime: server.values.transactionalIDLifetime)
  }

  // MARK: Topics

  /// All topics, by their names.
  var allTopics: [KafkaTopic] { topics.values.sorted { $0.name < $1.name } }

  func topic(_ name: String) -> KafkaTopic? { topics[name] }

  func topic(_ id: KafkaUUID) -> KafkaTopic? { names[id].flatMap { topics[$0] } }

  private func add(_ topic: PartitionedTopic) {
    topicsGeneration &+= 1
    let made = KafkaTopic(topic)
    topics[topic.name] = made
    names[made.id] = topic.name
    alike[Self.common(topic.name)] = topic.name
    partitionCount += topic.partitions.count
  }

  private func update(_ topic: PartitionedTopic) {
    guard let known = topics[topic.name] else { return }
    topicsGeneration &+= 1
    partitionCount -= known.partitions.count
    known.update()
    partitionCount += known.partitions.count
  }

  private func remove(_ topic: PartitionedTopic) {
    guard let known = topics.removeValue(forKey: topic.name) else { return }
    topicsGeneration &+= 1
    names[known.id] = nil
    shareGroups.forget(known.id)
    alike[Self.common(topic.name)] = nil
    partitionCount -= known.partitions.count
  }

  private static func common(_ name: String) -> String { name.replacing(".", with: "_") }

  /// Why a topic cannot be made; `nil` where it can.
  ///
  /// - Parameter partitions: how many; `nil` for the setting.
  func refusal(creating name: String, partitions: Int? = nil) -> KafkaRefusal? {
    if topics[name] != nil { return KafkaRefusal(.topicAlreadyExists, "topic \(name) exists") }
    guard let canonical = KafkaTopicCodec.canonical(Array(name.utf8)),
      canonical.withUnsafeBytes({ server.engine.limits.allows(topic: $0) })
    else {
      return KafkaRefusal(.invalidTopic, "a name has up to 249 letters, digits, `.`, `_` and `-`")
    }
    guard canonical.first != UInt8(ascii: "$"), !name.hasPrefix("__") else {
      return KafkaRefusal(.invalidTopic, "the name is reserved")
    }
    if let other = alike[Self.common(name)] {
      return KafkaRefusal(.invalidTopic, "the name differs from \(other) only in `.` and `_`")
    }
    let count = partitions ?? server.values.partitions
    guard count >= 1 else { return KafkaRefusal(.invalidPartitions, "a topic has a partition") }
    return checkRoom(for: count)
  }

  /// Makes a topic.
  ///
  /// - Parameters:
  ///   - partitions: how many; `nil` for the setting.
  ///   - body: is called when it lasts, or with why there is none.
  func create(
    _ name: String, partitions: Int? = nil, config: KafkaTopicConfig = KafkaTopicConfig(),
    _ body: @escaping (KafkaRefusal?) -> Void
  ) {
    if let refusal = refusal(creating: name, partitions: partitions) { return body(refusal) }
    var settings = PartitionedTopicSettings(
      name: name, topic: KafkaTopicCodec.canonical(Array(name.utf8)) ?? [],
      partitions: partitions ?? server.values.partitions)
    config.apply(to: &settings, defaults: server.values)
    do throws(EngineError) {
      _ = try tenant.partitionedTopics.create(settings) { body($0.map { KafkaRefusal($0) }) }
    } catch {
      body(KafkaRefusal(error))
    }
  }

  /// Gives a topic more partitions.
  ///
  /// - Parameter body: is called when they last, or with why there are none.
  func grow(
    _ topic: KafkaTopic, to count: Int, _ body: @escaping (KafkaRefusal?) -> Void
  ) {
    let more = max(0, count - topic.partitions.count)
    growingCount += more
    let end = { [self] (error: EngineError?) in
      growingCount -= more
      body(error.map { KafkaRefusal($0) })
    }
    do throws(EngineError) {
      try tenant.partitionedTopics.addPartitions(topic.topic, to: count, end)
    } catch {
      end(error)
    }
  }

  /// Whether there may be so many more partitions.
  func checkRoom(for count: Int) -> KafkaRefusal? {
    guard count <= min(server.values.partitionsMax, PartitionedTopicSettings.partitionsMax),
      partitionCount + growingCount <= server.values.partitionsMax - count
    else {
      return KafkaRefusal(
        .policyViolation,
        "more than \(server.values.partitionsMax) partitions (kafka.max_partitions)")
    }
    return nil
  }

  // MARK: Groups

  /// What groups' positions are kept under: other protocols' readers may have names as well.
  static func cursorGroup(_ group: String) -> String { "kafka.\(group)" }

  /// Groups of which there are only positions.
  var restingGroups: [String] {
    let prefix = Self.cursorGroup("")
    return tenant.cursors.groups.filter { $0.hasPrefix(prefix) }
      .map { String($0.dropFirst(prefix.count)) }
      .filter {
        groups[$0] == nil && consumerGroups.byName[$0] == nil && shareGroups.byName[$0] == nil
      }
  }

  /// The group of that name, made where there is none; `nil` when there are too many.
  func makeGroup(_ name: String) -> KafkaGroup? {
    if let known = groups[name] { return known }
    guard groups.count < server.values.groupsMax else { return nil }
    return addGroup(name)
  }

  private func addGroup(_ name: String) -> KafkaGroup {
    let group = KafkaGroup(name: name, clock: server.clock, rules: groupRules) {
      KafkaUUID.random().description
    }
    group.becameEmpty = { [weak self] in self?.drop(name) }
    groups[name] = group
    return group
  }

  /// A group without members is its positions, nothing else. Generations begin anew then, and who
  /// was a member before is none.
  func drop(_ name: String) {
    groups.removeValue(forKey: name)?.end()
  }

  /// A consumer group for somebody who joins a classic one by the consumer protocol: with the same
  /// members, who read what they read. It takes the other's place with `replace`.
  func upgraded(_ classic: KafkaGroup) throws(KafkaRefusal) -> KafkaConsumerGroup {
    guard server.values.groupMigration.allowsUpgrade,
      let group = consumerGroups.candidate(classic.name)
    else {
      throw KafkaRefusal(.groupIDNotFound, "Group \(classic.name) is not a consumer group.")
    }
    do throws(KafkaRefusal) {
      try group.takeOver(classic)
    } catch {
      group.end()
      throw error
    }
    return group
  }

  /// A classic group becomes what was made of it. Who waits for an answer joins again.
  func replace(_ classic: KafkaGroup, by group: KafkaConsumerGroup) {
    groups[classic.name] = nil
    consumerGroups.take(group)
    // Who is answered may come again at once.
    classic.dissolve()
  }

  /// The last member that spoke the consumer protocol has gone.
  private func downgrade(_ group: KafkaConsumerGroup) {
    guard server.values.groupMigration.allowsDowngrade, groups[group.name] == nil else { return }
    addGroup(group.name).takeOver(group)
    group.end()
  }

  private var groupRules: KafkaGroup.Rules {
    KafkaGroup.Rules(
      sessionTimeout: server.values.sessionTimeoutMilliseconds,
      initialDelay: server.values.rebalanceDelayMilliseconds, sizeMax: server.values.groupSizeMax,
      reserve: { [tenant] in tenant.memory.charge($0) })
  }

  private func setQuotas() {
    quotas.countMax = server.values.quotasMax
    quotas.windowSeconds = server.values.quotaWindowSeconds
  }

  func settingsChanged() {
    for group in groups.values { group.rules = groupRules }
    users.countMax = server.values.usersMax
    acls.countMax = server.values.aclsMax
    setQuotas()
    transactions.rules = transactionRules
    consumerGroups.countMax = server.values.groupsMax
    for group in consumerGroups.byName.values { group.rules = consumerGroupRules }
    shareGroups.settingsChanged()
    for topic in topics.values {
      topic.topic.whenSettled { [tenant, server] in
        var settings = topic.topic.settings
        topic.config.apply(to: &settings, defaults: server.values)
        // What cannot be written down stays as it was; the next start tries again.
        if settings != topic.topic.settings {
          try? tenant.partitionedTopics.update(topic.topic, to: settings)
        }
      }
    }
  }
}

/// Why something is not done, in Kafka's words and in ours.
struct KafkaRefusal: Error {
  var code: KafkaErrorCode
  var message: String

  init(_ code: KafkaErrorCode, _ message: String = "") {
    self.code = code
    self.message = message
  }

  init(_ error: EngineError) {
    message = error.message
    switch error.code {
    case .alreadyExists: code = .topicAlreadyExists
    case .notFound: code = .unknownTopicOrPartition
    case .invalidSettings, .conflict: code = .invalidConfig
    case .notAllowed, .topicTooLong, .topicTooDeep: code = .policyViolation
    case .quotaExceeded: code = .throttlingQuotaExceeded
    default: code = .kafkaStorageError
    }
  }
}
