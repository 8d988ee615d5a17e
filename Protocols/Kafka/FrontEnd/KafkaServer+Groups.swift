public import GodwitEngine
public import GodwitFrontEndKit
import KafkaWire

extension KafkaServer {
  /// So many positions of a group are looked up.
  private static let positionsMax = 10_000

  /// Groups of the classic and of the consumer protocol, share groups, and those of which there are
  /// only positions.
  public func groups(of tenant: Tenant) -> [ReaderGroup] {
    guard let known = known(tenant) else { return [] }
    let classic = known.groups.values.map { group in
      ReaderGroup(name: group.name, kind: "classic") { Self.facts(of: group, known) }
    }
    let modern = known.consumerGroups.byName.values.map { group in
      ReaderGroup(name: group.name, kind: "consumer") { Self.facts(of: group, known) }
    }
    let resting = known.restingGroups.map { name in
      ReaderGroup(name: name, kind: "classic") {
        var facts = ReaderGroup.Facts(state: KafkaGroup.State.empty.rawValue)
        facts.positions = Self.positions(of: name, owners: [:], known)
        return facts
      }
    }
    let shares = known.shareGroups.byName.values.map { group in
      ReaderGroup(name: group.name, kind: "share") { Self.facts(of: group, known) }
    }
    return classic + modern + shares + resting
  }

  private struct Place: Hashable {
    var topic: String
    var partition: Int
  }

  private static func facts(of group: KafkaGroup, _ tenant: KafkaTenant) -> ReaderGroup.Facts {
    var facts = ReaderGroup.Facts(state: group.state.rawValue)
    var owners: [Place: String] = [:]
    for member in group.members {
      facts.members.append(
        ReaderGroup.Member(
          id: member.id, client: member.clientID, address: address(member.clientHost)))
      guard group.state == .stable, group.protocolType == "consumer",
        let assignment = try? KafkaConsumerProtocol.decode(
          KafkaConsumerProtocol.Assignment.self, member.assignment)
      else { continue }
      for topic in assignment.assignedPartitions {
        for partition in topic.partitions {
          owners[Place(topic: topic.topic, partition: Int(partition))] = member.id
        }
      }
    }
    facts.positions = positions(of: group.name, owners: owners, tenant)
    return facts
  }

  private static func facts(
    of group: KafkaConsumerGroup, _ tenant: KafkaTenant
  ) -> ReaderGroup.Facts {
    var facts = ReaderGroup.Facts(state: group.state.rawValue)
    var owners: [Place: String] = [:]
    for member in group.members.values.sorted(by: { $0.id < $1.id }) {
      facts.members.append(
        ReaderGroup.Member(
          id: member.id, client: member.clientID, address: address(member.clientHost)))
      for place in member.assigned {
        guard let topic = tenant.topic(place.topic) else { continue }
        owners[Place(topic: topic.name, partition: Int(place.partition))] = member.id
      }
    }
    facts.positions = positions(of: group.name, owners: owners, tenant)
    return facts
  }

  /// Of a share group several members may read one partition, so nobody in particular does.
  private static func facts(of group: KafkaShareGroup, _ tenant: KafkaTenant) -> ReaderGroup.Facts {
    var facts = ReaderGroup.Facts(state: group.state)
    facts.members = group.members.values.sorted { $0.id < $1.id }.map {
      ReaderGroup.Member(id: $0.id, client: $0.clientID, address: address($0.clientHost))
    }
    let found = group.partitions.values.prefix(positionsMax).compactMap { share in
      tenant.topic(share.place.topic)?.partition(share.place.partition).map {
        position(in: $0.partition, share.window)
      }
    }
    facts.positions = found.sorted {
      ($0.log ?? "", $0.partition ?? 0) < ($1.log ?? "", $1.partition ?? 0)
    }
    return facts
  }

  private static func position(
    in partition: Partition, _ window: PartitionWindow
  ) -> ReaderGroup.Position {
    var position = Self.position(in: partition, window.start, nil)
    position.lag = position.lag.map { max(0, $0 - window.doneCount) }
    position.inFlight = window.openCount
    position.redelivered = window.returnedCount
    return position
  }

  /// Kafka writes hosts with a slash in front.
  private static func address(_ host: String) -> String {
    host.hasPrefix("/") ? String(host.dropFirst()) : host
  }

  /// What a group has committed, and what its members read of which nothing is committed.
  private static func positions(
    of group: String, owners: [Place: String], _ tenant: KafkaTenant
  ) -> [ReaderGroup.Position] {
    let committed = tenant.tenant.cursors.positions(of: KafkaTenant.cursorGroup(group))
    var places = Set(owners.keys)
    for log in committed.keys {
      guard places.count < positionsMax else { break }
      guard let dash = log.lastIndex(of: "-"), let index = Int(log[log.index(after: dash)...])
      else { continue }
      places.insert(Place(topic: String(log[..<dash]), partition: index))
    }
    let sorted = places.sorted {
      $0.topic == $1.topic ? $0.partition < $1.partition : $0.topic < $1.topic
    }
    return sorted.prefix(positionsMax).compactMap { place in
      tenant.topic(place.topic)?.partition(Int32(clamping: place.partition)).map {
        position(in: $0.partition, committed[$0.partition.name]?.offset, owners[place])
      }
    }
  }

  private static func position(
    in partition: Partition, _ committed: UInt64?, _ member: String?
  ) -> ReaderGroup.Position {
    var position = ReaderGroup.Position(log: partition.topic.name, partition: partition.index)
    position.end = partition.committedOffset
    position.member = member
    if let committed {
      position.doneBefore = committed
      let next = max(committed, partition.firstOffset)
      let end = partition.committedOffset
      position.lag = next < end ? Int(clamping: end - next) : 0
      if next < end { position.oldestAt = LogView(partition).time(at: next) }
    }
    return position
  }
}
