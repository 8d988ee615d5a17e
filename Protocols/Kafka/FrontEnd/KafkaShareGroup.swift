import KafkaWire

/// A share group (KIP-932): members that read partitions together, record by record. Who reads
/// which partitions is shared out so that each has its readers, and several may have one.
///
/// Pure but for its clock. Who is a member is not written down; how far the group has come is.
final class KafkaShareGroup {
  typealias Request = KafkaShareGroupHeartbeat.Request
  typealias Response = KafkaShareGroupHeartbeat.Response

  final class Member {
    let id: String
    /// Which of all that joined it is.
    let number: Int
    var rackID: String?
    var clientID = ""
    var clientHost = ""
    var topics: Set<String> = []
    var epoch: Int32 = 0
    var previousEpoch: Int32 = -1
    var assigned = KafkaPlaces()
    /// What it takes of memory.
    var charge: AnyObject?
    /// Ends its membership, unless it is heard.
    var session: (any KafkaAlarm)?

    init(id: String, number: Int) {
      self.id = id
      self.number = number
    }
  }

  /// The only one there is.
  static let assignor = "simple"
  /// What a member takes of memory, about, beside its names.
  private static let memberBytes = 768

  let name: String
  let clock: any KafkaClock
  var rules: KafkaShareRules
  private let known: KafkaConsumerGroup.Topics
  private let reserve: (Int) -> AnyObject?
  private var generation: Int?
  private var joined = 0
  private(set) var epoch: Int32 = 0
  private(set) var members: [String: Member] = [:]
  /// The topics that members read, as they were when partitions were shared out.
  private(set) var topics: [String: KafkaAssignor.Topic] = [:]
  /// Whether there may be partitions of which nothing is known yet.
  var needsPartitions = false
  /// How far the group has come.
  var partitions: [KafkaPlace: KafkaSharePartition] = [:]
  /// Called when a member has left, or was silent for too long.
  var memberLeft: ((_ id: String, _ isHeard: Bool) -> Void)?

  /// - Parameter reserve: takes memory for a member; `nil` when none is left.
  init(
    name: String, clock: any KafkaClock, rules: KafkaShareRules,
    topics: KafkaConsumerGroup.Topics, reserve: @escaping (Int) -> AnyObject?
  ) {
    self.name = name
    self.clock = clock
    self.rules = rules
    known = topics
    self.reserve = reserve
  }

  /// `Empty` or `Stable`: nobody has to wait for anybody.
  var state: String { members.isEmpty ? "Empty" : "Stable" }
  /// Whether there is nothing worth keeping.
  var isVoid: Bool { members.isEmpty && partitions.isEmpty }

  // MARK: Heartbeats

  /// ShareGroupHeartbeat, with which a member joins, stays and leaves.
  func heartbeat(
    _ request: Request, clientID: String, clientHost: String
  ) -> Result<Response, KafkaRefusal> {
    do throws(KafkaRefusal) {
      try Self.check(request)
      guard request.memberEpoch >= 0 else { return .success(try leave(request)) }
      let member = try speaker(request)
      member.clientID = clientID
      member.clientHost = clientHost
      if let rack = request.rackID { member.rackID = rack }
      try subscribe(member, request)
      lookAtTopics()
      renew(member)
      return .success(answer(member, request))
    } catch {
      return .failure(error)
    }
  }

  private static func check(_ request: Request) throws(KafkaRefusal) {
    func demand(_ holds: Bool, _ message: String) throws(KafkaRefusal) {
      guard holds else { throw KafkaRefusal(.invalidRequest, message) }
    }
    try demand(
      (1...KafkaShareSession.memberBytesMax).contains(request.memberID.utf8.count),
      "MemberId has 1 to \(KafkaShareSession.memberBytesMax) bytes.")
    try demand(request.rackID != "", "RackId can't be empty.")
    try demand(request.memberEpoch >= -1, "MemberEpoch is invalid.")
    try demand(
      request.memberEpoch != 0 || request.subscribedTopicNames?.isEmpty == false,
      "SubscribedTopicNames must be set in first request.")
  }

  /// Who speaks: somebody known, or somebody new.
  private func speaker(_ request: Request) throws(KafkaRefusal) -> Member {
    guard let member = members[request.memberID] else {
      guard request.memberEpoch == 0 else {
        throw KafkaRefusal(
          .unknownMemberID, "Member \(request.memberID) is not a member of group \(name).")
      }
      guard members.count < rules.sizeMax else {
        throw KafkaRefusal(.groupMaxSizeReached, "the group has \(members.count) members")
      }
      joined += 1
      return Member(id: request.memberID, number: joined)
    }
    guard
      request.memberEpoch == 0 || request.memberEpoch == member.epoch
        || request.memberEpoch == member.previousEpoch
    else {
      throw KafkaRefusal(.fencedMemberEpoch, "the member's epoch is \(member.epoch)")
    }
    return member
  }

  private func subscribe(_ member: Member, _ request: Request) throws(KafkaRefusal) {
    guard let names = request.subscribedTopicNames, member.topics != Set(names) else { return }
    let own = Self.memberBytes + member.id.utf8.count + (request.rackID?.utf8.count ?? 0)
    // With the partitions that it may be given, a bit for each.
    let size = names.reduce(own) {
      $0 + 144 + $1.utf8.count + Int(known.find($1)?.partitions ?? 0) / 8
    }
    guard let charge = reserve(size) else {
      throw KafkaRefusal(.coordinatorNotAvailable, "memory is spent")
    }
    member.charge = charge
    member.topics = Set(names)
    members[member.id] = member
    generation = nil
  }

  private func answer(_ member: Member, _ request: Request) -> Response {
    let isNew = member.epoch != epoch
    if isNew {
      member.previousEpoch = member.epoch
      member.epoch = epoch
    }
    let tells = isNew || request.memberEpoch != epoch || request.subscribedTopicNames != nil
    return .with {
      $0.memberID = member.id
      $0.memberEpoch = epoch
      $0.heartbeatIntervalMs = Int32(clamping: rules.interval)
      guard tells else { return }
      $0.assignment = .with {
        $0.topicPartitions = member.assigned.topics.map { topic in
          .with {
            $0.topicID = topic.id
            $0.partitions = topic.partitions
          }
        }
      }
    }
  }

  private func leave(_ request: Request) throws(KafkaRefusal) -> Response {
    guard let member = members[request.memberID] else {
      throw KafkaRefusal(.unknownMemberID, "no such member")
    }
    remove(member, isHeard: true)
    return .with {
      $0.memberID = request.memberID
      $0.memberEpoch = request.memberEpoch
      $0.heartbeatIntervalMs = Int32(clamping: rules.interval)
    }
  }

  private func renew(_ member: Member) {
    member.session?.cancel()
    member.session = clock.alarm(after: rules.sessionTimeout) { [weak self, weak member] in
      if let self, let member, members[member.id] === member { remove(member, isHeard: false) }
    }
  }

  private func remove(_ member: Member, isHeard: Bool) {
    member.session?.cancel()
    members[member.id] = nil
    generation = nil
    lookAtTopics()
    memberLeft?(member.id, isHeard)
  }

  /// Ends all memberships.
  func end() {
    for member in members.values { member.session?.cancel() }
    members = [:]
    for partition in partitions.values { partition.end() }
    partitions = [:]
  }

  // MARK: Sharing out

  /// Shares the partitions out anew, if topics, members or subscriptions have changed.
  private func lookAtTopics() {
    guard generation != known.generation() else { return }
    generation = known.generation()
    needsPartitions = true
    topics = [:]
    for member in members.values {
      for name in member.topics where topics[name] == nil { topics[name] = known.find(name) }
    }
    let shares = Self.share(topics, among: members.values.sorted { $0.number < $1.number })
    var isNew = members.values.contains { $0.epoch == 0 } || members.isEmpty
    for member in members.values {
      let share = shares[member.id] ?? []
      if member.assigned != share {
        member.assigned = share
        isNew = true
      }
    }
    if isNew, epoch < .max { epoch += 1 }
  }

  /// Of each topic, partitions to its readers in turn; where there are more readers, readers to
  /// its partitions in turn.
  static func share(
    _ topics: [String: KafkaAssignor.Topic], among members: [Member]
  ) -> [String: KafkaPlaces] {
    var shares: [String: KafkaPlaces] = [:]
    var turn = 0
    for (name, topic) in topics.sorted(by: { $0.key < $1.key }) {
      let readers = members.filter { $0.topics.contains(name) }
      guard !readers.isEmpty, topic.partitions > 0 else { continue }
      let partitions = Int(topic.partitions)
      for index in 0..<max(readers.count, partitions) {
        let reader = readers[(turn + index) % readers.count]
        let place = KafkaPlace(topic: topic.id, partition: Int32(index % partitions))
        shares[reader.id, default: []].insert(place)
      }
      turn += partitions
    }
    return shares
  }
}
