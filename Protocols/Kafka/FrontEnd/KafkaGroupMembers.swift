import KafkaWire

/// The members of a classic group, in the order in which they came. One is found by its id, and a
/// protocol that all know by its name, without a look at every member: there may be thousands, who
/// join at the same moment.
struct KafkaGroupMembers: RandomAccessCollection {
  private var list: [KafkaGroupMember] = []
  private var byID: [String: KafkaGroupMember] = [:]
  /// How many of them know a protocol, by its name.
  private var knowing: [String: Int] = [:]

  var startIndex: Int { list.startIndex }
  var endIndex: Int { list.endIndex }
  subscript(position: Int) -> KafkaGroupMember { list[position] }

  /// The member of that id.
  subscript(id: String) -> KafkaGroupMember? { byID[id] }

  /// Whether that very member is one.
  func has(_ member: KafkaGroupMember) -> Bool { byID[member.id] === member }

  /// The protocols that all know.
  var commonProtocols: Set<String> {
    Set(knowing.lazy.filter { $0.value == list.count }.map(\.key))
  }

  /// Whether one of some protocols is known to all, whoever has that id left out.
  func agree(on names: some Sequence<String>, besides id: String) -> Bool {
    let left = byID[id]
    let count = list.count - (left == nil ? 0 : 1)
    guard count > 0 else { return true }
    let own = Set(left?.protocols.map(\.name) ?? [])
    return names.contains { knowing[$0, default: 0] - (own.contains($0) ? 1 : 0) == count }
  }

  // MARK: Changing

  mutating func append(_ member: KafkaGroupMember) {
    list.append(member)
    byID[member.id] = member
    count(member, 1)
  }

  /// Puts another in somebody's place.
  mutating func replace(_ old: KafkaGroupMember, by member: KafkaGroupMember) {
    guard has(old), let index = list.firstIndex(where: { $0 === old }) else { return }
    list[index] = member
    byID[old.id] = nil
    byID[member.id] = member
    count(old, -1)
    count(member, 1)
  }

  mutating func remove(_ member: KafkaGroupMember) {
    guard has(member), let index = list.firstIndex(where: { $0 === member }) else { return }
    list.remove(at: index)
    byID[member.id] = nil
    count(member, -1)
  }

  mutating func removeAll() { self = Self() }

  /// Has a member say anew what it knows.
  mutating func update(_ member: KafkaGroupMember, _ body: (KafkaGroupMember) -> Void) {
    count(member, -1)
    body(member)
    count(member, 1)
  }

  private mutating func count(_ member: KafkaGroupMember, _ one: Int) {
    for name in Set(member.protocols.map(\.name)) {
      let left = knowing[name, default: 0] + one
      knowing[name] = left > 0 ? left : nil
    }
  }
}
