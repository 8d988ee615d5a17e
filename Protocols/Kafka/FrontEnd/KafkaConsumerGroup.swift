import GodwitWire
import KafkaWire

/// A group of the consumer protocol (KIP-848): members say what they read, and the group says which
/// partitions, one step after the other, so that nobody stops who need not.
///
/// Pure but for its clock. What changes is told to `changed`, for who writes it down.
final class KafkaConsumerGroup {
  /// Where a group is on the way to its assignment.
  enum State: String {
    case empty = "Empty"
    case assigning = "Assigning"
    case reconciling = "Reconciling"
    case stable = "Stable"
  }

  /// How members are let in.
  struct Rules {
    /// How long a member may be silent, in milliseconds.
    var sessionTimeout: Int
    /// How often a member is to be heard, in milliseconds.
    var interval: Int
    var sizeMax: Int
    /// How long members may ask to be silent who speak the classic protocol, in milliseconds.
    var classicTimeouts = 1...Int.max
    /// Takes memory for a member; `nil` when none is left.
    var reserve: (Int) -> AnyObject?
  }

  /// What has changed since it was written down.
  struct Changes {
    var isChanged = false
    var members: Set<String> = []
    var gone: Set<String> = []
    var isEmpty: Bool { !isChanged && members.isEmpty && gone.isEmpty }
  }

  typealias Request = KafkaConsumerGroupHeartbeat.Request
  typealias Response = KafkaConsumerGroupHeartbeat.Response

  /// The topics that there are.
  struct Topics {
    /// Changes whenever a topic comes, goes or grows.
    var generation: () -> Int
    var find: (String) -> KafkaAssignor.Topic?
    var names: () -> [String]
  }

  let name: String
  let clock: any KafkaClock
  var rules: Rules
  let known: Topics
  /// The generation of topics that was looked at; `nil` when it has to be looked again.
  var generation: Int?
  /// Called when something has changed while nobody asked.
  var changedByItself: (() -> Void)?

  /// How often members, topics or subscriptions have changed.
  var epoch: Int32 = 0
  /// The epoch for which the members' targets are.
  var targetEpoch: Int32 = 0
  private(set) var members: [String: KafkaConsumerMember] = [:]
  var changes = Changes()
  private(set) var staticIDs: [String: String] = [:]
  private(set) var topics: [String: KafkaAssignor.Topic] = [:]
  /// What members have; nobody else may.
  private(set) var owned = KafkaPlaces()
  /// What the members' partitions take of memory.
  private var charge: AnyObject?
  private(set) var assignor = KafkaAssignor.uniform

  init(
    name: String, clock: any KafkaClock, rules: Rules,
    topics: Topics
  ) {
    self.name = name
    self.clock = clock
    self.rules = rules
    known = topics
  }

  var state: State {
    if members.isEmpty { return .empty }
    if epoch > targetEpoch { return .assigning }
    let isStable = members.values.allSatisfy {
      $0.state == .stable && ($0.epoch == targetEpoch || $0.epoch == KafkaConsumerMember.away)
    }
    return isStable ? .stable : .reconciling
  }

  // MARK: Heartbeats

  /// ConsumerGroupHeartbeat, with which a member joins, stays and leaves.
  ///
  /// - Parameters:
  ///   - principal: whose rights `sees` goes by.
  ///   - sees: says of a topic whether the member may know of it, or `nil` when nobody can tell any
  ///     more; an expression finds no other.
  func heartbeat(
    _ request: Request, clientID: String, clientHost: String, principal: String = "",
    sees: @escaping (String) -> Bool? = { _ in true }
  ) -> Result<Response, KafkaRefusal> {
    do throws(KafkaRefusal) {
      try Self.check(request)
      guard request.memberEpoch >= 0 else { return .success(try leave(request)) }
      let isNew = members[request.memberID] == nil
      let member = try speaker(request)
      member.clientID = clientID
      member.clientHost = clientHost
      if member.sees == nil || member.principal != principal { generation = nil }
      member.sees = sees
      member.principal = principal
      do throws(KafkaRefusal) {
        try take(request, into: member)
        // Others stay with what they have until there is memory again.
        if epoch > targetEpoch, !assign(), isNew { throw Self.memoryIsSpent }
      } catch {
        // Who is refused is no member. It may come under another id the next time.
        if isNew { remove(member) }
        throw error
      }
      return .success(reconcile(member, request))
    } catch {
      return .failure(error)
    }
  }

  static var memoryIsSpent: KafkaRefusal {
    KafkaRefusal(.coordinatorNotAvailable, "memory is spent")
  }

  private static func check(_ request: Request) throws(KafkaRefusal) {
    func demand(_ holds: Bool, _ message: String) throws(KafkaRefusal) {
      guard holds else { throw KafkaRefusal(.invalidRequest, message) }
    }
    try demand(request.instanceID != "", "InstanceId can't be empty.")
    try demand(request.rackID != "", "RackId can't be empty.")
    try demand(!request.memberID.isEmpty, "MemberId can't be empty.")
    switch request.memberEpoch {
    case 0:
      try demand(
        request.rebalanceTimeoutMs > 0, "RebalanceTimeoutMs must be provided in first request.")
      try demand(
        request.topicPartitions?.isEmpty == true,
        "TopicPartitions must be empty when (re-)joining.")
      try demand(
        request.subscribedTopicNames?.isEmpty == false
          || request.subscribedTopicRegex?.isEmpty == false,
        "SubscribedTopicNames or SubscribedTopicRegex must be set in first request.")
    case 1..., -1: break
    case KafkaConsumerMember.away:
      try demand(request.instanceID != nil, "InstanceId can't be null.")
    default: try demand(false, "MemberEpoch is invalid.")
    }
    if let text = request.subscribedTopicRegex, !text.isEmpty, NameExpression(text) == nil {
      throw KafkaRefusal(
        .invalidRegularExpression,
        "SubscribedTopicRegex `\(text)` is not a valid regular expression, or one of what is not "
          + "offered.")
    }
    if let name = request.serverAssignor, KafkaAssignor(rawValue: name) == nil {
      let names = KafkaAssignor.allCases.map(\.rawValue).joined(separator: ", ")
      throw KafkaRefusal(
        .unsupportedAssignor,
        "ServerAssignor \(name) is not supported. Supported assignors: \(names).")
    }
  }

  /// Who speaks: somebody known, or somebody new.
  private func speaker(_ request: Request) throws(KafkaRefusal) -> KafkaConsumerMember {
    if let instance = request.instanceID, let oldID = staticIDs[instance],
      let old = members[oldID], oldID != request.memberID
    {
      guard request.memberEpoch == 0 else {
        throw KafkaRefusal(.fencedInstanceID, "another member has that name")
      }
      guard old.epoch == KafkaConsumerMember.away || old.classic != nil else {
        throw KafkaRefusal(.unreleasedInstanceID, "the member of that name has not left")
      }
      return replace(old, by: request.memberID)
    }
    guard let member = members[request.memberID] else {
      guard request.memberEpoch == 0 else {
        throw KafkaRefusal(.unknownMemberID, "no such member")
      }
      guard members.count < rules.sizeMax else {
        throw KafkaRefusal(.groupMaxSizeReached, "the group has \(members.count) members")
      }
      let made = KafkaConsumerMember(id: request.memberID)
      made.instanceID = request.instanceID
      add(made)
      renew(made)
      changeEpoch()
      return made
    }
    // Who has been away for a moment may not know the last answer.
    let isBehind =
      request.memberEpoch == member.previousEpoch
      && Self.places(request.topicPartitions)?.allSatisfy(member.assigned.contains) == true
    guard request.memberEpoch == 0 || request.memberEpoch == member.epoch || isBehind else {
      throw KafkaRefusal(.fencedMemberEpoch, "the member's epoch is \(member.epoch)")
    }
    return member
  }

  /// A static member comes back under another id, and has what it had.
  func replace(_ old: KafkaConsumerMember, by id: String) -> KafkaConsumerMember {
    let made = KafkaConsumerMember(id: id)
    made.instanceID = old.instanceID
    made.topics = old.topics
    made.expression = old.expression
    made.subscription = old.subscription
    made.assignor = old.assignor
    made.classic = old.classic
    made.target = old.target
    made.charge = old.charge
    drop(old)
    // What it had nobody else has got meanwhile, and it begins without.
    made.assigned = old.assigned
    add(made)
    renew(made)
    return made
  }

  private func take(
    _ request: Request, into member: KafkaConsumerMember
  ) throws(KafkaRefusal) {
    let names = request.subscribedTopicNames.map { Set($0) } ?? member.topics
    let text = request.subscribedTopicRegex ?? member.expression ?? ""
    let rack = request.rackID ?? member.rackID
    if member.classic != nil {
      // It speaks another protocol from now on.
      member.classic = nil
      member.charge = nil
      member.revocation?.cancel()
      member.revocation = nil
      changes.members.insert(member.id)
    }
    if member.charge == nil || names != member.topics || text != member.expression ?? ""
      || rack != member.rackID
    {
      guard let charge = rules.reserve(member.byteCount(names, text, rack)) else {
        throw Self.memoryIsSpent
      }
      member.charge = charge
    }
    if request.rebalanceTimeoutMs > 0 { member.rebalanceTimeout = Int(request.rebalanceTimeoutMs) }
    member.rackID = rack
    if let assignor = request.serverAssignor, assignor != member.assignor {
      member.assignor = assignor
      changes.members.insert(member.id)
    }
    if member.topics != names {
      member.topics = names
      generation = nil
    }
    if member.expression ?? "" != text {
      member.expression = text.isEmpty ? nil : text
      generation = nil
    }
    lookAtTopics()
  }

  /// Members, topics or subscriptions have changed: one epoch for all that comes together.
  func changeEpoch() {
    guard epoch == targetEpoch, epoch < .max else { return }
    epoch += 1
    changes.isChanged = true
  }

  private static func places(
    _ topics: [KafkaConsumerGroupHeartbeat.Request.Topic]?
  ) -> Set<KafkaPlace>? {
    topics.map { topics in
      Set(
        topics.flatMap { topic in
          topic.partitions.map { KafkaPlace(topic: topic.topicID, partition: $0) }
        })
    }
  }

  /// A member makes one step.
  ///
  /// - Parameter has: what it says it has; `nil` where it says nothing new.
  /// - Returns: whether it may read something else now.
  func advance(_ member: KafkaConsumerMember, having has: Set<KafkaPlace>?) -> Bool {
    let before = (member.assigned, member.epoch, member.state)
    let held = member.held
    member.advance(to: targetEpoch, owned: has, taken: owned)
    hold(member, insteadOf: held)
    if before != (member.assigned, member.epoch, member.state) {
      changes.members.insert(member.id)
    }
    renew(member)
    return before.0 != member.assigned
  }

  private func reconcile(_ member: KafkaConsumerMember, _ request: Request) -> Response {
    let hasChanged = advance(member, having: Self.places(request.topicPartitions))
    return .with {
      $0.memberID = member.id
      $0.memberEpoch = member.epoch
      $0.heartbeatIntervalMs = Int32(clamping: rules.interval)
      let isWhole =
        request.memberEpoch == 0
        || (request.rebalanceTimeoutMs >= 0 && request.subscribedTopicNames != nil
          && request.topicPartitions != nil)
      guard isWhole || hasChanged else { return }
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

  // MARK: Assignment

  /// Whether topics have come, gone or grown that members read.
  func lookAtTopics() {
    let now = known.generation()
    guard generation != now else { return }
    generation = now
    var found: [String: KafkaAssignor.Topic] = [:]
    var byExpression: [String: Set<String>] = [:]
    for member in members.values {
      var names = member.topics
      if let text = member.expression {
        if byExpression[text] == nil { byExpression[text] = matches(of: text) }
        // Of those who are not here, what they have stays.
        names.formUnion(
          (byExpression[text] ?? []).filter {
            member.sees?($0) ?? member.subscription.contains($0)
          })
      }
      if names != member.subscription {
        member.subscription = names
        changes.members.insert(member.id)
        changeEpoch()
      }
      for name in names where found[name] == nil { found[name] = known.find(name) }
    }
    let isSame =
      found.count == topics.count
      && found.allSatisfy {
        topics[$0.key]?.id == $0.value.id && topics[$0.key]?.partitions == $0.value.partitions
      }
    guard !isSame else { return }
    topics = found
    changeEpoch()
  }

  private func matches(of text: String) -> Set<String> {
    guard let expression = NameExpression(text) else { return [] }
    return Set(known.names().filter(expression.matches))
  }

  /// Says who is to read what.
  ///
  /// - Returns: whether there is memory for it; where there is none, all stays as it is.
  func assign() -> Bool {
    var votes: [String: Int] = [:]
    for member in members.values { if let name = member.assignor { votes[name, default: 0] += 1 } }
    let most = votes.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    assignor = most.flatMap(KafkaAssignor.init) ?? .uniform
    // A static member is known by its name, so that its share stays where it was.
    let readers = members.values.map {
      KafkaAssignor.Reader(id: $0.id, topics: $0.subscription, target: $0.target)
    }
    let targets = assignor.assign(topics, to: readers)
    guard let charge = rules.reserve(byteCount { targets[$0.id] ?? [] }) else { return false }
    self.charge = charge
    for (id, target) in targets where members[id]?.target != target {
      members[id]?.target = target
      changes.members.insert(id)
    }
    targetEpoch = epoch
    changes.isChanged = true
    return true
  }

  /// What the group and its members' partitions take of memory, about: what each is to read, and
  /// will have in the end, and what it has.
  private func byteCount(_ target: (KafkaConsumerMember) -> KafkaPlaces) -> Int {
    members.values.reduce(512 + name.utf8.count + 96 * topics.count) { sum, member in
      sum + 48 * member.subscription.count + 2 * target(member).byteCount + member.held.byteCount
    }
  }

  private func hold(_ member: KafkaConsumerMember, insteadOf before: KafkaPlaces) {
    let now = member.held
    guard before != now else { return }
    owned.subtract(before)
    owned.formUnion(now)
  }

  // MARK: Coming and going

  /// Takes a member in, as it is: a new one, or one that was written down.
  func add(_ member: KafkaConsumerMember) {
    members[member.id] = member
    if let instance = member.instanceID { staticIDs[instance] = member.id }
    // What a damaged journal says of two is the first one's.
    let twice = member.held.intersection(owned)
    if !twice.isEmpty {
      member.assigned.subtract(twice)
      member.revoked.subtract(twice)
      if member.state == .stable { member.state = .waiting }
    }
    owned.formUnion(member.held)
    changes.members.insert(member.id)
    changes.gone.remove(member.id)
  }

  private func drop(_ member: KafkaConsumerMember) {
    member.session?.cancel()
    member.revocation?.cancel()
    members[member.id] = nil
    if let instance = member.instanceID, staticIDs[instance] == member.id {
      staticIDs[instance] = nil
    }
    owned.subtract(member.held)
    changes.members.remove(member.id)
    changes.gone.insert(member.id)
  }

  private func leave(_ request: Request) throws(KafkaRefusal) -> Response {
    var id = request.memberID
    if let instance = request.instanceID {
      guard let known = staticIDs[instance] else {
        throw KafkaRefusal(.unknownMemberID, "no such member")
      }
      guard known == id else {
        throw KafkaRefusal(.fencedInstanceID, "another member has that name")
      }
      id = known
    }
    guard let member = members[id] else {
      throw KafkaRefusal(.unknownMemberID, "no such member")
    }
    if request.memberEpoch == KafkaConsumerMember.away {
      let held = member.held
      member.epoch = KafkaConsumerMember.away
      member.previousEpoch = -1
      member.state = .stable
      member.revoked = []
      member.revocation?.cancel()
      hold(member, insteadOf: held)
      changes.members.insert(id)
    } else {
      remove(member)
    }
    return .with {
      $0.memberID = request.memberID
      $0.memberEpoch = request.memberEpoch
    }
  }

  func remove(_ member: KafkaConsumerMember) {
    drop(member)
    generation = nil
    changeEpoch()
  }

  /// The member was heard.
  func renew(_ member: KafkaConsumerMember) {
    member.session?.cancel()
    let timeout = member.classic?.sessionTimeout ?? rules.sessionTimeout
    member.session = clock.alarm(after: timeout) { [weak self, weak member] in
      if let member { self?.expire(member) }
    }
    guard member.classic == nil else { return }
    guard member.state == .revoking else {
      member.revocation?.cancel()
      member.revocation = nil
      return
    }
    hurry(member)
  }

  /// The member is to do something in time; what it was asked for first counts.
  func hurry(_ member: KafkaConsumerMember) {
    guard member.revocation == nil else { return }
    member.revocation = clock.alarm(after: member.rebalanceTimeout) { [weak self, weak member] in
      if let member { self?.expire(member) }
    }
  }

  private func expire(_ member: KafkaConsumerMember) {
    guard members[member.id] === member else { return }
    remove(member)
    changedByItself?()
  }

  /// Everything it would still do is called off.
  func end() {
    for member in members.values {
      member.session?.cancel()
      member.revocation?.cancel()
    }
    members = [:]
  }

  // MARK: Positions

  /// Whether somebody who speaks for a member may commit or read positions; the error when not.
  func mayUsePositions(memberID: String, epoch said: Int32, isTransactional: Bool = false)
    -> KafkaErrorCode?
  {
    if said < 0, memberID.isEmpty, isTransactional || members.isEmpty { return nil }
    guard let member = members[memberID] else { return .unknownMemberID }
    guard said != member.epoch else { return nil }
    return member.classic == nil ? .staleMemberEpoch : .illegalGeneration
  }

  var subscribedTopics: Set<String> {
    members.values.reduce(into: []) { $0.formUnion($1.subscription) }
  }

  /// Takes up what was written down. Topics may have come, gone or grown before any member was
  /// heard.
  ///
  /// - Returns: whether there is memory for it.
  func resume() -> Bool {
    var wanted = KafkaPlaces()
    for member in members.values {
      for name in member.subscription where topics[name] == nil {
        guard let topic = known.find(name) else { continue }
        topics[name] = topic
        wanted.insert(0..<max(0, topic.partitions), of: topic.id)
      }
      member.charge = rules.reserve(
        member.byteCount(member.topics, member.expression ?? "", member.rackID))
      guard member.charge != nil else { return false }
    }
    charge = rules.reserve(byteCount(\.target))
    guard charge != nil else { return false }
    for member in members.values { renew(member) }
    changes = Changes()
    let covered = members.values.reduce(into: KafkaPlaces()) { $0.formUnion($1.target) }
    if covered != wanted { changeEpoch() }
    return true
  }
}
