import KafkaWire
import NIOCore

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

  /// A member. Later versions add tagged fields. What it reads is in `shares`, which follow; the
  /// journals of before have it place by place.
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
    /// What it may read, has to give up, and is to read; `nil` where that is place by place.
    var shares: Shares?
    /// How it speaks by the classic protocol, where it does.
    var classic: Classic?

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

  /// What a member reads.
  struct Shares: KafkaStructure {
    var assigned: [Share] = []
    var revoked: [Share] = []
    var target: [Share] = []
    /// Whether it has what it is to have: then only that is there.
    var isSettled = false

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&assigned)
      try visitor.visit(&revoked)
      try visitor.visit(&target)
      try visitor.visit(&isSettled)
    }
  }

  /// Partitions of a topic, a bit for each, 64 in a word, the lowest first.
  struct Share: KafkaStructure {
    var topic = KafkaUUID()
    var words: [Int64] = []

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&topic)
      try visitor.visit(&words)
    }
  }

  /// What is known of a member that speaks the classic protocol besides.
  struct Classic: KafkaStructure {
    var sessionTimeout: Int64 = 0
    var protocols: [Spoken] = []

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&sessionTimeout)
      try visitor.visit(&protocols)
    }
  }

  /// A protocol of the classic kind, with what the member said of itself.
  struct Spoken: KafkaStructure {
    var name = ""
    var metadata = ByteBuffer()

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&name)
      try visitor.visit(&metadata)
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
    static let memberWithShares: UInt8 = 5
    static let classicMember: UInt8 = 6
  }

  init?(_ kind: UInt8, from reader: inout KafkaReader) throws(KafkaWireError) {
    switch kind {
    case Kind.head: self = .head(try Head(from: &reader))
    case Kind.member: self = .member(try Member(from: &reader))
    case Kind.memberWithShares:
      var member = try Member(from: &reader)
      member.shares = try Shares(from: &reader)
      self = .member(member)
    case Kind.classicMember:
      var member = try Member(from: &reader)
      member.shares = try Shares(from: &reader)
      member.classic = try Classic(from: &reader)
      self = .member(member)
    case Kind.memberGone: self = .memberGone(try Gone(from: &reader))
    case Kind.gone: self = .gone(try String(from: &reader))
    default: return nil
    }
  }

  var kind: UInt8 {
    switch self {
    case .head: Kind.head
    case .member(let value) where value.classic != nil: Kind.classicMember
    case .member(let value): value.shares == nil ? Kind.member : Kind.memberWithShares
    case .memberGone: Kind.memberGone
    case .gone: Kind.gone
    }
  }

  func write(to writer: inout KafkaWriter) throws(KafkaWireError) {
    switch self {
    case .head(let value): try value.write(to: &writer)
    case .member(let value):
      try value.write(to: &writer)
      try value.shares?.write(to: &writer)
      try value.classic?.write(to: &writer)
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
        $0.shares = .with {
          $0.isSettled = member.assigned == member.target && member.revoked.isEmpty
          $0.target = member.target.shares
          guard !$0.isSettled else { return }
          $0.assigned = member.assigned.shares
          $0.revoked = member.revoked.shares
        }
        $0.classic = member.classic.map { classic in
          .with {
            $0.sessionTimeout = Int64(classic.sessionTimeout)
            $0.protocols = classic.protocols.map { said in
              .with {
                $0.name = said.name
                $0.metadata = said.metadata
              }
            }
          }
        }
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
    found.classic = classic.map { classic in
      KafkaConsumerMember.Classic(
        sessionTimeout: max(1, Int(clamping: classic.sessionTimeout)),
        protocols: classic.protocols.map { said in
          .with {
            $0.name = said.name
            $0.metadata = said.metadata.copied
          }
        })
    }
    if let shares {
      found.target = KafkaPlaces(shares.target)
      found.assigned = shares.isSettled ? found.target : KafkaPlaces(shares.assigned)
      found.revoked = KafkaPlaces(shares.revoked)
    } else {
      found.assigned = KafkaPlaces(assigned)
      found.revoked = KafkaPlaces(revoked)
      found.target = KafkaPlaces(target)
    }
    return found
  }
}

extension KafkaPlaces {
  fileprivate var shares: [KafkaConsumerGroupEntry.Share] {
    words.map { topic, bits in
      .with {
        $0.topic = topic
        $0.words = bits.map { Int64(bitPattern: $0) }
      }
    }
  }

  fileprivate init(_ shares: [KafkaConsumerGroupEntry.Share]) {
    self.init(
      Dictionary(
        shares.map { ($0.topic, $0.words.map { UInt64(bitPattern: $0) }) },
        uniquingKeysWith: { $1 }))
  }
}
