import KafkaWire
import NIOCore

/// What the journal of consumer groups has: a group's epochs, a member whole, or that either is
/// gone.
enum KafkaConsumerGroupEntry {
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
    var assigned: [Place] = []
    var revoked: [Place] = []
    var target: [Place] = []

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

  struct Place: KafkaStructure {
    var topic = KafkaUUID()
    var index: Int32 = 0

    mutating func visit<V: KafkaVisitor>(_ visitor: inout V) throws(KafkaWireError) {
      try visitor.visit(&topic)
      try visitor.visit(&index)
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

  /// Reads an entry; `nil` for what is none.
  init?(_ entry: ByteBuffer) {
    var entry = entry
    guard let kind = entry.readInteger(as: UInt8.self) else { return nil }
    var limits = KafkaLimits()
    limits.elementsMax = .max
    var reader = KafkaReader(entry, version: 0, isFlexible: true, limits: limits)
    do throws(KafkaWireError) {
      switch kind {
      case Kind.head: self = .head(try Head(from: &reader))
      case Kind.member: self = .member(try Member(from: &reader))
      case Kind.memberGone: self = .memberGone(try Gone(from: &reader))
      case Kind.gone: self = .gone(try String(from: &reader))
      default: return nil
      }
    } catch {
      return nil
    }
  }

  /// The entry's bytes; `nil` for more than 4 GiB.
  var bytes: ByteBuffer? {
    let kind: UInt8 =
      switch self {
      case .head: Kind.head
      case .member: Kind.member
      case .memberGone: Kind.memberGone
      case .gone: Kind.gone
      }
    var writer = KafkaWriter(ByteBuffer(integer: kind), version: 0, isFlexible: true)
    do throws(KafkaWireError) {
      switch self {
      case .head(let head): try head.write(to: &writer)
      case .member(let member): try member.write(to: &writer)
      case .memberGone(let gone): try gone.write(to: &writer)
      case .gone(let name): try name.write(to: &writer)
      }
      return writer.written
    } catch {
      return nil
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
    func places(_ set: Set<KafkaPlace>) -> [Place] {
      set.map { place in
        .with {
          $0.topic = place.topic
          $0.index = place.partition
        }
      }
    }
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
        $0.assigned = places(member.assigned)
        $0.revoked = places(member.revoked)
        $0.target = places(member.target)
      })
  }
}

extension KafkaConsumerGroupEntry.Member {
  /// The member that was written down.
  var member: KafkaConsumerMember {
    func set(_ places: [KafkaConsumerGroupEntry.Place]) -> Set<KafkaPlace> {
      Set(places.map { KafkaPlace(topic: $0.topic, partition: $0.index) })
    }
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
    found.assigned = set(assigned)
    found.revoked = set(revoked)
    found.target = set(target)
    return found
  }
}
