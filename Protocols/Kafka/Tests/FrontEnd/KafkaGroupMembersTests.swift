import KafkaWire
import NIOCore
import Testing

@testable import KafkaFrontEnd

@Suite struct KafkaGroupMembersTests {
  private static func member(_ id: String, _ protocols: [String]) -> KafkaGroupMember {
    KafkaGroupMember(
      id: id, instanceID: nil, clientID: "c", clientHost: "/h",
      .with {
        $0.protocols = protocols.map { name in .with { $0.name = name } }
      })
  }

  private static func names(_ member: KafkaGroupMember) -> Set<String> {
    Set(member.protocols.map(\.name))
  }

  /// What all know is counted, and the same as what going through all of them finds.
  @Test func whatAllKnowIsTheSameAsGoneThrough() {
    var members = KafkaGroupMembers()
    var expected: [KafkaGroupMember] = []
    func some() -> [String] {
      // The same may be said twice.
      (0..<Int.random(in: 1...4)).map { _ in ["a", "b", "c"].randomElement() ?? "a" } + ["d"]
    }
    for round in 0..<400 {
      let victim = expected.indices.randomElement()
      switch Int.random(in: 0..<5) {
      case 0, 1:
        let made = Self.member("\(round)", some().filter { $0 != "d" || round % 7 != 0 })
        members.append(made)
        expected.append(made)
      case 2:
        guard let victim else { continue }
        members.remove(expected[victim])
        // Who is gone stays so.
        members.remove(expected.remove(at: victim))
      case 3:
        guard let victim else { continue }
        let made = Self.member("\(round)", some())
        members.replace(expected[victim], by: made)
        expected[victim] = made
      default:
        guard let victim else { continue }
        let protocols = Self.member("", some()).protocols
        members.update(expected[victim]) { $0.protocols = protocols }
      }
      #expect(members.map(\.id) == expected.map(\.id))
      #expect(expected.allSatisfy { members[$0.id] === $0 && members.has($0) })
      let common = expected.dropFirst().reduce(expected.first.map(Self.names) ?? []) {
        $0.intersection(Self.names($1))
      }
      #expect(members.commonProtocols == common)
      let id = expected.randomElement()?.id ?? "nobody"
      let others = expected.filter { $0.id != id }
      for wanted in [["a"], ["b", "c"], ["x"], []] {
        let agree =
          others.isEmpty
          || wanted.contains { name in others.allSatisfy { Self.names($0).contains(name) } }
        #expect(members.agree(on: wanted, besides: id) == agree)
      }
    }
  }
}
