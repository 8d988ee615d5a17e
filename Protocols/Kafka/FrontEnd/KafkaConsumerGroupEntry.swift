import KafkaWire

/// What the journal of consumer groups has: a group's epochs, a member whole, or that either is
/// gone.
enum KafkaConsumerGroupEntry: KafkaJournalEntry {
  case head(Head)
  case member(Member)
  case memberGone(Gone)
  case gone(String)

  /// A group without its members.
  struct Head: KafkaStructure {
    var name = ""
    var epoch: Int32 = 0
    var targetEpoch: Int32 = 0

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&name)
      try visitor.visit(&epoch)
      try visitor.visit(&targetEpoch)
    }
  }

  /// A member. Later versions add tagged fields.
  struct Member: KafkaStructure {
    var group = ""
    var id = ""
    var instanceID: String?
    var rackID: String?
    var clientID = ""
    var clientHost = ""
    var topics: [String] = []
    var expression: String?
    var subscription: [String] = []
    var assignor: String?
    var rebalanceTimeout: Int64 = 0
    var epoch: Int32 = 0
    var previousEpoch: Int32 = 0
    var state: Int8 = 0
    var assigned: [KafkaPlace] = []
    var revoked: [KafkaPlace] = []
    var target: [KafkaPlace] = []

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&group)
      try visitor.visit(&id)
      try visitor.visit(&instanceID)
      try visitor.visit(&rackID)
      try visitor.visit(&clientID)
      try visitor.visit(&clientHost)
      try visitor.visit(&topics)
      try visitor.visit(&expression)
      try visitor.visit(&subscription)
      try visitor.visit(&assignor)
      try visitor.visit(&rebalanceTimeout)
      try visitor.visit(&epoch)
      try visitor.visit(&previousEpoch)
      try visitor.visit(&state)
      try visitor.visit(&assigned)
      try visitor.visit(&revoked)
      try visitor.visit(&target)
    }
  }

  struct Gone: KafkaStructure {
    var group = ""
    var id = ""

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&group)
      try visitor.visit(&id)
    }
  }

  private enum Kind {
    static let head: UInt8 = 1
    static let member: UInt8 = 2
    static let memberGone: UInt8 = 3
    static let gone: UInt8 = 4
  }

  init?(_ kind: UInt8, from reader: inout KafkaReader) throws(KafkaWireError) {
    switch kind {
    case Kind.head: self = .head(try Head(from: &reader))
    case Kind.member: self = .member(try Member(from: &reader))
    case Kind.memberGone: self = .memberGone(try Gone(from: &reader))
    case Kind.gone: self = .gone(try String(from: &reader))
    default: return nil
    }
  }

  var kind: UInt8 {
    switch self {
    case .head: Kind.head
    case .member: Kind.member
    case .memberGone: Kind.memberGone
    case .gone: Kind.gone
    }
  }

  func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    switch self {
    case .head(let value): try value.write(to: &writer)
    case .member(let value): try value.write(to: &writer)
    case .memberGone(let value): try value.write(to: &writer)
    case .gone(let value): try value.write(to: &writer)
    }
  }
}

extension KafkaConsumerGroupEntry {
  /// A group's epochs as they are now.
  init(_ group: KafkaConsumerGroup) {
    self = .head(
      .with {
        $0.name = group.name
        $0.epoch = group.epoch
        $0.targetEpoch = group.targetEpoch
      })
  }

  /// A member as it is now.
  init(_ member: KafkaConsumerMember, of group: String) {
    self = .member(
      .with {
        $0.group = group
        $0.id = member.id
        $0.instanceID = member.instanceID
        $0.rackID = member.rackID
        $0.clientID = member.clientID
        $0.clientHost = member.clientHost
        $0.topics = member.topics.sorted()
        $0.expression = member.expression
        $0.subscription = member.subscription.sorted()
        $0.assignor = member.assignor
        $0.rebalanceTimeout = Int64(member.rebalanceTimeout)
        $0.epoch = member.epoch
        $0.previousEpoch = member.previousEpoch
        $0.state = member.state.rawValue
        $0.assigned = Array(member.assigned)
        $0.revoked = Array(member.revoked)
        $0.target = Array(member.target)
      })
  }
}

extension KafkaConsumerGroupEntry.Member {
  /// The member that was written down.
  var member: KafkaConsumerMember {
    let found = KafkaConsumerMember(id: id)
    found.instanceID = instanceID
    found.rackID = rackID
    found.clientID = clientID
    found.clientHost = clientHost
    found.topics = Set(topics)
    found.expression = expression
    found.subscription = Set(subscription)
    found.assignor = assignor
    found.rebalanceTimeout = max(1, Int(clamping: rebalanceTimeout))
    found.epoch = epoch
    found.previousEpoch = previousEpoch
    found.state = KafkaConsumerMember.State(rawValue: state) ?? .stable
    found.assigned = Set(assigned)
    found.revoked = Set(revoked)
    found.target = Set(target)
    return found
  }
}
