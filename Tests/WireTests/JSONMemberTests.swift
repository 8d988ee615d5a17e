import GodwitWire
import GodwitWireTesting
import Testing

@Suite struct JSONMemberTests {
  private func members(_ text: String) throws(JSONError) -> [[String]] {
    let bytes = Array(text.utf8)
    return try JSONMember.all(of: bytes).map {
      [$0.name, String(decoding: bytes[$0.range], as: UTF8.self)]
    }
  }

  @Test func valuesStandAsTheyAreWritten() throws {
    #expect(try self.members(" {} ") == [])
    #expect(
      try self.members(
        #" { "a" : 1.50e1 ,"\u0062":[ {"x":"]}\"" } ] , "c":"\\","d" : null,"e":{}}"#)
        == [
          ["a", "1.50e1"], ["b", #"[ {"x":"]}\"" } ]"#], ["c", #""\\""#], ["d", "null"],
          ["e", "{}"],
        ])
  }

  @Test(arguments: [
    ("", JSONError.Code.truncated), ("[]", .unexpectedByte), (#"{"a""#, .truncated),
    (#"{"a":"#, .truncated), (#"{"a":,"b":1}"#, .unexpectedByte), (#"{"a":"x"#, .truncated),
    (#"{"a":"\"#, .truncated), (#"{"a":[}"#, .truncated), (#"{"a":1"#, .truncated),
    (#"{"a":}"#, .unexpectedByte), (#"{"a":1,}"#, .unexpectedByte), (#"{"a":1}x"#, .trailingBytes),
    (#"{"a":1 2}"#, .unexpectedByte), (#"{a:1}"#, .unexpectedByte),
  ])
  func refuses(_ text: String, _ code: JSONError.Code) {
    #expect { try self.members(text) } throws: { ($0 as? JSONError)?.code == code }
  }

  @Test func limitsHold() throws {
    var limits = JSONLimits.defaults
    limits.depthMax = 2
    limits.valuesMax = 2
    limits.bytesMax = 20
    for (text, isTaken) in [
      (#"{"a":[[1]],"b":2}"#, true), (#"{"a":[[[1]]]}"#, false), (#"{"a":1,"b":2,"c":3}"#, false),
      (#"{"aaaaaaaaaaaaaaa":1}"#, false),
    ] {
      let members = try? JSONMember.all(of: Array(text.utf8), limits: limits)
      #expect((members != nil) == isTaken, "\(text)")
    }
  }

  @Test func whatIsAnObjectHasTheSameMembers() throws {
    let corpus = [#"{"a":[1,{"b":"\"]"}],"c":"x","d":{"e":null},"f":-1.5e3}"#].map {
      Array($0.utf8)
    }
    var mutator = ByteMutator(seed: FuzzEffort.seed(0x6D62), corpus: corpus)
    var count = 0
    for _ in 0..<FuzzEffort.rounds(20_000) {
      let bytes = mutator.next()
      let members = try? JSONMember.all(of: bytes)
      guard let parsed = (try? JSONValue(parsing: bytes))?.members else { continue }
      count += 1
      #expect(members?.map(\.name) == parsed.map(\.name))
      for (member, expected) in zip(members ?? [], parsed) {
        #expect(try JSONValue(parsing: Array(bytes[member.range])) == expected.value)
      }
    }
    #expect(count > 500)
  }
}
