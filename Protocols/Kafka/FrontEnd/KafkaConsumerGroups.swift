import GodwitEngine
import KafkaWire
import NIOCore

/// A tenant's groups of the consumer protocol. Who is a member, and who reads what, is in the
/// tenant's journal `kafka.groups` before a member is told of it, so that after a restart members
/// go on with what they have.
final class KafkaConsumerGroups {
  private static let journalName = "kafka.groups"

  private unowned let tenant: Tenant
  private let make: (String) -> KafkaConsumerGroup
  private(set) var byName: [String: KafkaConsumerGroup] = [:]
  /// Makes a classic group of one whose members all speak the classic protocol, where it may, and
  /// ends this one.
  var downgrade: ((KafkaConsumerGroup) -> Void)?
  private var journal: (any Journal)?
  /// How many groups there may be.
  var countMax = 100_000

  /// - Parameter make: makes an empty group of that name.
  init(_ tenant: Tenant, make: @escaping (String) -> KafkaConsumerGroup) {
    self.tenant = tenant
    self.make = make
  }

  /// The group of that name, made where there is none; `nil` when there are too many.
  func group(_ name: String) -> KafkaConsumerGroup? {
    if let known = byName[name] { return known }
    guard let made = candidate(name) else { return nil }
    take(made)
    return made
  }

  /// A group that is none yet; `nil` when there are too many.
  func candidate(_ name: String) -> KafkaConsumerGroup? {
    byName.count < countMax ? make(name) : nil
  }

  /// Takes a candidate in.
  func take(_ group: KafkaConsumerGroup) {
    group.changedByItself = { [weak self, weak group] in
      if let group { self?.write(group) { _ in } }
    }
    byName[group.name] = group
  }

  /// Writes down what has changed of a group, and calls `body` when that lasts, or never will. A
  /// group without members is forgotten, and one with none but those who speak the classic protocol
  /// becomes a classic one.
  func write(_ group: KafkaConsumerGroup, _ body: @escaping (EngineError?) -> Void) {
    if group.hasOnlyClassicMembers { downgrade?(group) }
    if group.members.isEmpty { byName[group.name] = nil }
    guard !group.changes.isEmpty else { return body(nil) }
    var entries: [KafkaConsumerGroupEntry] = []
    if group.members.isEmpty {
      entries.append(.gone(group.name))
    } else {
      if group.changes.isChanged { entries.append(KafkaConsumerGroupEntry(group)) }
      for id in group.changes.gone {
        entries.append(
          .memberGone(
            .with {
              $0.group = group.name
              $0.id = id
            }))
      }
      for id in group.changes.members {
        guard let member = group.members[id] else { continue }
        entries.append(KafkaConsumerGroupEntry(member, of: group.name))
      }
    }
    do throws(EngineError) {
      let journal = try openJournal()
      for entry in entries { if let bytes = entry.bytes { journal.append(bytes) } }
      if journal.wantsSnapshot { journal.replace(with: snapshot()) }
      let changes = group.changes
      group.changes = KafkaConsumerGroup.Changes()
      journal.whenCommitted { error in
        // What is not kept is written again with the next change.
        if error != nil { group.changes.add(changes) }
        body(error)
      }
    } catch {
      body(error)
    }
  }

  private func snapshot() -> [ByteBuffer] {
    byName.values.flatMap { group in
      [KafkaConsumerGroupEntry(group)]
        + group.members.values.map { KafkaConsumerGroupEntry($0, of: group.name) }
    }.compactMap(\.bytes)
  }

  private func openJournal() throws(EngineError) -> any Journal {
    if let journal { return journal }
    let made = try tenant.store.journal(named: Self.journalName)
    journal = made
    return made
  }

  /// Takes up what the tenant's store has kept. Once, before anybody joins.
  func restore() throws(EngineError) {
    var heads: [String: KafkaConsumerGroupEntry.Head] = [:]
    var members: [String: [String: KafkaConsumerGroupEntry.Member]] = [:]
    try openJournal().replay { entry in
      switch KafkaConsumerGroupEntry(entry) {
      case .head(let head): heads[head.name] = head
      case .member(let member): members[member.group, default: [:]][member.id] = member
      case .memberGone(let gone): members[gone.group]?[gone.id] = nil
      case .gone(let name):
        heads[name] = nil
        members[name] = nil
      case nil: break
      }
    }
    for head in heads.values {
      guard let found = members[head.name], !found.isEmpty, let group = group(head.name) else {
        continue
      }
      group.epoch = head.epoch
      group.targetEpoch = head.targetEpoch
      for member in found.values.sorted(by: { $0.id < $1.id }) { group.add(member.member) }
      // Without memory for them, members join again, when there is some.
      if !group.resume() { byName[head.name] = nil }
    }
  }
}

extension KafkaConsumerGroup.Changes {
  fileprivate mutating func add(_ other: Self) {
    isChanged = isChanged || other.isChanged
    members.formUnion(other.members)
    gone.formUnion(other.gone.subtracting(members))
  }
}
