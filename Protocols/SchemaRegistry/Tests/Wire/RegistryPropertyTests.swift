import GodwitWire
import GodwitWireTesting
import Testing

@testable import SchemaRegistryWire

/// Whatever is asked, in whatever order: what a restart reads is what there was, ids stand for one
/// schema for ever, and nothing is counted that is not there.
@Suite struct RegistryPropertyTests {
  private struct Dice {
    var state: UInt64

    mutating func roll(_ count: Int) -> Int {
      self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((self.state >> 33) % UInt64(count))
    }
  }

  @Test(arguments: 1...40)
  func journalsSayAllThatHappened(_ seed: Int) throws {
    var dice = Dice(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15)
    var registry = RegistryHarness()
    var meanings: [Int: String] = [:]
    for _ in 0..<200 {
      let subject = "s\(dice.roll(4))"
      let number = dice.roll(6)
      let query = dice.roll(2) == 0 ? ["permanent": "true"] : [:]
      switch dice.roll(12) {
      case 0...5:
        let text = #"{"type":"fixed","name":"F\#(number)","size":\#(number)}"#
        guard let id = try? registry.register(subject, text) else { break }
        #expect(meanings[id] == nil || meanings[id] == text)
        meanings[id] = text
      case 6, 7: _ = try registry.code("DELETE", "subjects/\(subject)", query: query)
      case 8:
        _ = try registry.code("DELETE", "subjects/\(subject)/versions/\(number)", query: query)
      case 9:
        let level = CompatibilityLevel.allCases[dice.roll(CompatibilityLevel.allCases.count)]
        _ = try registry.code(
          "PUT", "config/\(subject)", #"{"compatibility":"\#(level.rawValue)"}"#)
      case 10: _ = try registry.code("DELETE", "config/\(subject)")
      default: registry = try dice.roll(2) == 0 ? registry.restarted() : registry.condensed()
      }
    }
    for other in [try registry.restarted(), try registry.condensed()] {
      #expect(Set(other.state.snapshot) == Set(registry.state.snapshot))
      #expect(other.state.bytes == registry.state.bytes)
      #expect(other.state.nextID == registry.state.nextID)
    }
    for subject in registry.state.subjects.keys {
      _ = try registry.code("DELETE", "subjects/\(subject)")
      _ = try registry.code("DELETE", "subjects/\(subject)", query: ["permanent": "true"])
    }
    for subject in registry.state.settings.keys {
      _ = try registry.code("DELETE", "config/\(subject)")
    }
    #expect(registry.state.bytes == 0)
    #expect(registry.state.schemas.isEmpty && registry.state.ids.isEmpty)
    #expect(registry.state.users.isEmpty && registry.state.guids.isEmpty)
  }

  @Test(arguments: SchemaType.allCases)
  func brokenTextsAreRefusedAndNothingElse(_ type: SchemaType) throws {
    var dice = Dice(state: 7)
    let seeds = HostileSchemas.seeds(of: type).map { Array($0.utf8) }
    for _ in 0..<1_500 {
      var bytes = seeds[dice.roll(seeds.count)]
      for _ in 0...dice.roll(4) where !bytes.isEmpty {
        let place = dice.roll(bytes.count)
        switch dice.roll(4) {
        case 0: bytes.remove(at: place)
        case 1: bytes.insert(bytes[dice.roll(bytes.count)], at: place)
        case 2: bytes[place] = bytes[dice.roll(bytes.count)]
        default:
          let end = min(bytes.count, place + dice.roll(12))
          bytes.insert(contentsOf: bytes[place..<end], at: dice.roll(bytes.count))
        }
      }
      let text = String(decoding: bytes, as: UTF8.self)
      guard let schema = try? ParsedSchema(text, type: type) else { continue }
      let again = try ParsedSchema(schema.canonical, type: type)
      #expect(again.canonical == schema.canonical)
      var budget = WorkBudget(steps: 100_000)
      let other = try ParsedSchema(
        String(decoding: seeds[dice.roll(seeds.count)], as: UTF8.self), type: type)
      _ = try? schema.obstacles(reading: other, isNew: true, budget: &budget)
      #expect(try schema.obstacles(reading: again, isNew: true, budget: &budget) == [])
    }
  }
}

/// Texts to begin with.
enum HostileSchemas {
  static func seeds(of type: SchemaType) -> [String] {
    switch type {
    case .avro:
      [
        #"{"type":"record","name":"R","namespace":"n","doc":"d","fields":[{"name":"a","#
          + #""type":["null","R"],"default":null},{"name":"e","type":{"type":"enum","#
          + #""name":"E","symbols":["A","B"],"default":"A"}},{"name":"m","type":{"type":"map","#
          + #""values":{"type":"fixed","name":"F","size":4}},"default":{}}]}"#,
        #"["null","int",{"type":"array","items":"long"},{"type":"bytes","#
          + #""logicalType":"decimal","precision":4}]"#,
      ]
    case .json:
      [
        ##"{"$id":"http://e.org/a","type":"object","properties":{"a":{"$ref":"#/definitions/d"}},"##
          + ##""required":["a"],"additionalProperties":false,"definitions":{"d":{"oneOf":"##
          + ##"[{"type":"string","maxLength":4},{"$ref":"#"},{"enum":[1,null,true]}]}}}"##,
        ##"{"$schema":"https://json-schema.org/draft/2020-12/schema","prefixItems":"##
          + ##"[{"type":["integer","null"],"minimum":1.5},{"not":{"const":"x"}}],"items":false,"##
          + ##""patternProperties":{"^a+$":{"$ref":"#/$defs/x"}},"$defs":{"x":{"$anchor":"x"}}}"##,
      ]
    case .protobuf:
      [
        """
        syntax = "proto3"; package a.b; import "google/protobuf/timestamp.proto";
        option java_package = "x"; message M { reserved 4 to 6, 9; reserved "q";
        repeated int32 a = 1 [packed = true]; map<string, N> b = 2; oneof c { string d = 3;
        N e = 7; } optional bytes f = 8; message N { M m = 1; E e = 2; } enum E { X = 0; Y = 1; } }
        service S { rpc R (stream M) returns (M.N) { option deprecated = true; } }
        """,
        """
        syntax = "proto2"; message M { required string a = 1; optional int32 b = 2 [default = 7];
        extensions 100 to max; optional bool x = 5; }
        extend M { optional string y = 100; } enum E { option allow_alias = true; A = 1; B = 1; }
        """,
      ]
    }
  }
}
