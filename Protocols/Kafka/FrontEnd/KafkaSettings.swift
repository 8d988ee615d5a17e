import GodwitFrontEndKit

/// The `kafka` section of the settings.
struct KafkaSettings: Hashable {
  var advertisedHost: String
  var advertisedPort: Int
  var nodeID: Int32
  var clusterID: String
  var createsTopics: Bool
  var partitions: Int
  var partitionsMax: Int
  var messageBytesMax: Int
  var requestBytesMax: Int
  var fetchBytesMax: Int
  var fetchMemoryMax: Int
  var requestMemoryMax: Int
  var fetchSessionsMax: Int
  var retentionMilliseconds: Int
  var retentionBytes: Int
  var rebalanceDelayMilliseconds: Int
  var sessionTimeoutMilliseconds: ClosedRange<Int>
  var groupSizeMax: Int
  var offsetsRetention: Int
  var groupMigration: KafkaGroupMigration
  var groupsMax: Int
  var consumerSessionTimeout: Int
  var consumerHeartbeatInterval: Int
  var shareSessionTimeout: Int
  var shareHeartbeatInterval: Int
  var shareGroupSizeMax: Int
  var shareLockDuration: Int
  var shareDeliveriesMax: Int
  var shareLocksMax: Int
  var shareSessionsMax: Int
  var offsetNoteBytesMax: Int
  var producersMax: Int
  var producerLifetime: Int
  var transactionTimeoutMax: Int
  var transactionalIDsMax: Int
  var transactionalIDLifetime: Int
  var usersElsewhere: Bool
  var usersMax: Int
  var aclsMax: Int
  var quotasMax: Int
  var quotaWindowSeconds: Int
  var allowsUnmentioned: Bool
  var superUsers: Set<String>
  var authTimeoutSeconds: Double
  var pendingBytesMax: Int
  var writeDeadlineSeconds: Double

  /// Reads checked values.
  ///
  /// - Throws: `SettingsError` when two contradict each other.
  init(_ values: SettingsValues) throws(SettingsError) {
    advertisedHost = values.text("advertised_host")
    advertisedPort = values.int("advertised_port")
    nodeID = Int32(clamping: values.int("node_id"))
    clusterID = values.text("cluster_id")
    createsTopics = values.bool("auto_create_topics")
    partitions = values.int("num_partitions")
    partitionsMax = values.int("max_partitions")
    messageBytesMax = values.int("message_bytes_max")
    requestBytesMax = values.int("request_bytes_max")
    fetchBytesMax = values.int("fetch_bytes_max")
    fetchMemoryMax = values.int("fetch_memory_max")
    requestMemoryMax = values.int("request_memory_max")
    fetchSessionsMax = values.int("fetch_sessions_max")
    retentionMilliseconds = values.int("retention_ms")
    retentionBytes = values.int("retention_bytes")
    rebalanceDelayMilliseconds = values.int("group_initial_rebalance_delay_ms")
    let shortest = values.int("group_min_session_timeout_ms")
    let longest = values.int("group_max_session_timeout_ms")
    guard shortest <= longest else {
      throw SettingsError(
        "kafka.group_min_session_timeout_ms", "more than group_max_session_timeout_ms")
    }
    sessionTimeoutMilliseconds = shortest...longest
    groupSizeMax = values.int("group_max_size")
    offsetsRetention = values.int("offsets_retention_ms")
    groupMigration =
      KafkaGroupMigration(rawValue: values.text("group_consumer_migration_policy"))
      ?? .bidirectional
    groupsMax = values.int("max_groups")
    consumerSessionTimeout = values.int("group_consumer_session_timeout_ms")
    consumerHeartbeatInterval = values.int("group_consumer_heartbeat_interval_ms")
    guard consumerHeartbeatInterval < consumerSessionTimeout else {
      throw SettingsError(
        "kafka.group_consumer_heartbeat_interval_ms",
        "not less than group_consumer_session_timeout_ms")
    }
    shareSessionTimeout = values.int("group_share_session_timeout_ms")
    shareHeartbeatInterval = values.int("group_share_heartbeat_interval_ms")
    guard shareHeartbeatInterval < shareSessionTimeout else {
      throw SettingsError(
        "kafka.group_share_heartbeat_interval_ms", "not less than group_share_session_timeout_ms")
    }
    shareGroupSizeMax = values.int("group_share_max_size")
    shareLockDuration = values.int("group_share_record_lock_duration_ms")
    shareDeliveriesMax = values.int("group_share_delivery_count_limit")
    shareLocksMax = values.int("group_share_partition_max_record_locks")
    shareSessionsMax = values.int("group_share_max_share_sessions")
    offsetNoteBytesMax = values.int("offset_metadata_bytes_max")
    producersMax = values.int("producers_per_partition_max")
    producerLifetime = values.int("producer_id_expiration_ms")
    transactionTimeoutMax = values.int("transaction_max_timeout_ms")
    transactionalIDsMax = values.int("max_transactional_ids")
    transactionalIDLifetime = values.int("transactional_id_expiration_ms")
    usersElsewhere = values.bool("users_elsewhere")
    usersMax = values.int("max_users")
    aclsMax = values.int("max_acls")
    quotasMax = values.int("max_quotas")
    quotaWindowSeconds = values.int("quota_window_seconds")
    allowsUnmentioned = values.bool("allow_everyone_if_no_acl_found")
    superUsers = Set(values.texts("super_users"))
    authTimeoutSeconds = values.double("auth_timeout_seconds")
    pendingBytesMax = values.int("write_pending_bytes_max")
    writeDeadlineSeconds = values.double("write_deadline_seconds")
    guard partitions <= partitionsMax else {
      throw SettingsError("kafka.num_partitions", "more than max_partitions")
    }
  }

  static let section = SettingsSection(
    "kafka", "The Kafka protocol. Defaults follow Kafka where it has the setting.",
    place + topics + sizes + groups + shares + transactions + access + connections)

  /// The most records of a partition that a share group may have open.
  static let locksMax = 100_000

  private static let place: [Setting] = [
    Setting(
      "advertised_host", .text, default: .text(""),
      "The host name or address that clients are told to connect to; when empty, the address that "
        + "they have connected to."),
    Setting(
      "advertised_port", .integer(0...65_535), default: .integer(0),
      "The port that clients are told; 0 for the one that they have connected to."),
    Setting(
      "node_id", .integer(0...2_147_483_647), default: .integer(1),
      "The broker's number, as clients show it."),
    Setting(
      "cluster_id", .text, default: .text("godwit"), "The cluster's name, as clients show it."),
  ]

  private static let topics: [Setting] = [
    Setting(
      "auto_create_topics", .bool, default: .bool(true),
      "Whether a topic is made when a client that allows it asks for one that is not there."),
    Setting(
      "num_partitions", .integer(1...100_000), default: .integer(1),
      "Partitions of topics for which nothing else is said."),
    Setting(
      "max_partitions", .integer(1...1_000_000), default: .integer(10_000),
      "Partitions of all topics of a tenant together."),
    Setting(
      "retention_ms", .integer(-1...(1 << 53)), default: .integer(604_800_000),
      "How long messages are kept, in milliseconds, where the topic says nothing; -1 for ever."),
    Setting(
      "retention_bytes", .integer(-1...(1 << 53)), default: .integer(-1),
      "How many bytes of messages a partition keeps where the topic says nothing; -1 for any."),
  ]

  private static let sizes: [Setting] = [
    Setting(
      "message_bytes_max", .integer(1_024...(1 << 30)), default: .integer(1_048_588),
      "The largest batch of messages, in bytes, where the topic says nothing."),
    Setting(
      "request_bytes_max", .integer(65_536...(1 << 30)), default: .integer(16 << 20),
      "The largest request, in bytes."),
    Setting(
      "fetch_bytes_max", .integer(65_536...(1 << 30)), default: .integer(16 << 20),
      "How many bytes of messages one response holds, a single larger batch excepted."),
    Setting(
      "fetch_memory_max", .integer(1 << 20...(1 << 53)), default: .integer(256 << 20),
      "Bytes of responses that wait to be sent to all clients together; beyond it, each gets small "
        + "responses."),
    Setting(
      "request_memory_max", .integer(1 << 20...(1 << 53)), default: .integer(256 << 20),
      "Bytes of requests of all clients together of which only a part has come, the first MiB of "
        + "each not counted; beyond it, who sends more is disconnected."),
    Setting(
      "fetch_sessions_max", .integer(0...1_000_000), default: .integer(1_000),
      "Readers whose partitions are remembered from one Fetch to the next (KIP-227); the others "
        + "name all of them each time."),
    Setting(
      "offset_metadata_bytes_max", .integer(0...1_048_576), default: .integer(4_096),
      "The longest note that a client may commit beside an offset, in bytes."),
    Setting(
      "producers_per_partition_max", .integer(16...1_000_000), default: .integer(4_096),
      "Idempotent producers that a partition remembers, those who wrote last. A producer that is "
        + "forgotten goes on, but a batch that it repeats then is there twice."),
    Setting(
      "producer_id_expiration_ms", .integer(1_000...(1 << 53)), default: .integer(86_400_000),
      "How long a partition remembers an idempotent producer that does not write, in milliseconds."),
  ]

  private static let groups: [Setting] = [
    Setting(
      "group_initial_rebalance_delay_ms", .integer(0...3_600_000), default: .integer(3_000),
      "How long the first member of an empty group waits for others."),
    Setting(
      "group_min_session_timeout_ms", .integer(1...86_400_000), default: .integer(6_000),
      "The shortest session timeout that a member of a group may ask for."),
    Setting(
      "group_max_session_timeout_ms", .integer(1...86_400_000), default: .integer(1_800_000),
      "The longest session timeout that a member of a group may ask for."),
    Setting(
      "group_consumer_session_timeout_ms", .integer(100...86_400_000), default: .integer(45_000),
      "How long a member of a group of the consumer protocol (KIP-848) may be silent."),
    Setting(
      "group_consumer_heartbeat_interval_ms", .integer(10...86_400_000), default: .integer(5_000),
      "How often a member of such a group is to be heard, and so how soon it learns of others."),
    Setting(
      "group_consumer_migration_policy", .choice(KafkaGroupMigration.allCases.map(\.rawValue)),
      default: .text(KafkaGroupMigration.bidirectional.rawValue),
      "Which groups go on by the other protocol while they have members: classic ones when "
        + "somebody joins by the consumer protocol (`upgrade`), and back when the last of these "
        + "has gone (`downgrade`)."),
    Setting(
      "group_max_size", .integer(1...1_000_000), default: .integer(10_000),
      "Members of one group."),
    Setting(
      "offsets_retention_ms", .integer(-1...(1 << 43)), default: .integer(604_800_000),
      "How long committed offsets stay of groups that have no members, and of topics that a group "
        + "no longer reads, in milliseconds; -1 for ever."),
    Setting(
      "max_groups", .integer(1...10_000_000), default: .integer(100_000),
      "Groups with members, of a tenant."),
  ]

  private static let shares: [Setting] = [
    Setting(
      "group_share_session_timeout_ms", .integer(100...86_400_000), default: .integer(45_000),
      "How long a member of a share group (KIP-932) may be silent, where the group says nothing."),
    Setting(
      "group_share_heartbeat_interval_ms", .integer(10...86_400_000), default: .integer(5_000),
      "How often a member of a share group is to be heard, where the group says nothing."),
    Setting(
      "group_share_max_size", .integer(1...1_000_000), default: .integer(200),
      "Members of one share group."),
    Setting(
      "group_share_record_lock_duration_ms", .integer(10...3_600_000), default: .integer(30_000),
      "How long a record is lent to a member of a share group, where the group says nothing."),
    Setting(
      "group_share_delivery_count_limit", .integer(1...1_000), default: .integer(5),
      "How often a share group hands out a record, where the group says nothing; what comes back "
        + "then is done with."),
    Setting(
      "group_share_partition_max_record_locks", .integer(1...locksMax), default: .integer(2_000),
      "Records of a partition that members of a share group hold, or have given back, where the "
        + "group says nothing; beyond it, nothing new is handed out."),
    Setting(
      "group_share_max_share_sessions", .integer(1...1_000_000), default: .integer(2_000),
      "Sessions of members of share groups, of a tenant."),
  ]

  private static let transactions: [Setting] = [
    Setting(
      "transaction_max_timeout_ms", .integer(1...2_147_483_647), default: .integer(900_000),
      "The longest time that a producer may ask for its transactions, in milliseconds. What is "
        + "open for longer is aborted."),
    Setting(
      "max_transactional_ids", .integer(1...10_000_000), default: .integer(100_000),
      "Transactional ids that a tenant remembers."),
    Setting(
      "transactional_id_expiration_ms", .integer(1_000...(1 << 53)), default: .integer(604_800_000),
      "How long a transactional id is remembered that nobody uses, in milliseconds."),
  ]

  private static let access: [Setting] = [
    Setting(
      "users_elsewhere", .bool, default: .bool(false),
      "Whether users whom Kafka clients have made (KIP-554) may also come by other protocols, "
        + "where the ACLs of Kafka do not hold: there they are held to `access.acl` only."),
    Setting(
      "max_users", .integer(0...1_000_000), default: .integer(10_000),
      "Users whom the Kafka clients of a tenant may make."),
    Setting(
      "allow_everyone_if_no_acl_found", .bool, default: .bool(true),
      "Whether a topic, a group, a transactional id or the cluster that no ACL is about is open to "
        + "all whom `access` allows it. Kafka's own default, with an authorizer, is false."),
    Setting(
      "super_users", .texts, default: .list([]),
      "Names of users whom ACLs do not hold back, and who may change them. What `access` says "
        + "holds for them as well."),
    Setting(
      "max_acls", .integer(0...1_000_000), default: .integer(10_000),
      "ACLs that the Kafka clients of a tenant may make."),
    Setting(
      "max_quotas", .integer(0...1_000_000), default: .integer(10_000),
      "Users, client ids and addresses for which the Kafka clients of a tenant may set quotas."),
    Setting(
      "quota_window_seconds", .integer(1...3_600), default: .integer(10),
      "Over how long the rate of a client is looked at that has a quota: so much may come at once."),
  ]

  private static let connections: [Setting] = [
    Setting(
      "auth_timeout_seconds", .double(0.1...3_600), default: .double(10),
      "How long a client may take to say who it is when credentials are required, and for a TLS "
        + "handshake."),
    Setting(
      "write_pending_bytes_max", .integer(1_024...(4 << 30)), default: .integer(64 << 20),
      "How many bytes may wait for a client that does not read before it is cut."),
    Setting(
      "write_deadline_seconds", .double(0...86_400), default: .double(60),
      "How long a client's socket may take nothing while bytes wait for it before it is cut; 0 for "
        + "ever."),
  ]
}
