import GodwitWire
import Testing

@testable import SchemaRegistryWire

@Suite struct RegistryStateTests {
  private static func record(_ fields: [String], name: String = "R") -> String {
    let list = fields.map { #"{"name":"\#($0)","type":"int","default":0}"# }
    return #"{"type":"record","name":"\#(name)","fields":[\#(list.joined(separator: ","))]}"#
  }

  @Test func equalSchemasHaveOneId() throws {
    var registry = RegistryHarness()
    #expect(try registry.register("a", #""string""#) == 1)
    #expect(try registry.register("b", #"{"type": "string"}"#) == 1)
    #expect(try registry.register("b", #"{"type":"string"}"#) == 1)
    #expect(try registry.register("c", #""int""#) == 2)
    #expect(
      try registry.ask("GET", "subjects") == .array([.string("a"), .string("b"), .string("c")]))
    #expect(try registry.ask("GET", "subjects/b/versions") == .array([.integer(1)]))
    let found = try registry.ask("GET", "schemas/ids/1")
    #expect(found["schema"] == .string(#""string""#))
    #expect(found["schemaType"] == nil)
    #expect(
      try registry.ask("GET", "schemas/ids/1/subjects") == .array([.string("a"), .string("b")]))
    #expect(try registry.ask("GET", "schemas/ids/1/versions").elements?.count == 2)
    #expect(try registry.ask("GET", "schemas/ids/2/schema") == .string(#""int""#))
    let guid = try #require(try registry.ask("GET", "subjects/a/versions/1")["guid"]?.string)
    #expect(guid.utf8.count == 36)
    #expect(try registry.ask("GET", "schemas/guids/\(guid)")["id"] == .integer(1))
  }

  @Test func versionsAreFoundByNumberAndAsLatest() throws {
    var registry = RegistryHarness()
    _ = try registry.register("s", Self.record(["a"]))
    _ = try registry.register("s", Self.record(["a", "b"]))
    #expect(try registry.ask("GET", "subjects/s/versions/latest")["version"] == .integer(2))
    #expect(try registry.ask("GET", "subjects/s/versions/-1")["version"] == .integer(2))
    #expect(try registry.ask("GET", "subjects/s/versions/1")["id"] == .integer(1))
    #expect(
      try registry.ask("GET", "subjects/s/versions/1/schema") == .string(Self.record(["a"])))
    #expect(try registry.code("GET", "subjects/s/versions/3") == 40402)
    #expect(try registry.code("GET", "subjects/t/versions/1") == 40401)
    #expect(try registry.code("GET", "subjects/t/versions") == 40401)
    for version in ["0", "-2", "first", "2147483648"] {
      #expect(try registry.code("GET", "subjects/s/versions/\(version)") == 42202)
    }
    #expect(try registry.code("GET", "schemas/ids/9") == 40403)
    let found = try registry.ask(
      "POST", "subjects/s", RegistryHarness.body(Self.record(["a"])))
    #expect(found["version"] == .integer(1))
    #expect(found["id"] == .integer(1))
    #expect(try registry.code("POST", "subjects/s", RegistryHarness.body(#""int""#)) == 40403)
    #expect(try registry.code("POST", "subjects/t", RegistryHarness.body(#""int""#)) == 40401)
  }

  @Test(arguments: CompatibilityLevel.allCases)
  func eachLevelAsksForItsOwnDirection(_ level: CompatibilityLevel) throws {
    let full =
      #"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","#
      + #""type":"int"}]}"#
    let less = #"{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}"#
    var registry = RegistryHarness()
    _ = try registry.ask("PUT", "config/s", #"{"compatibility":"\#(level.rawValue.lowercased())"}"#)
    _ = try registry.register("s", full)
    let body = RegistryHarness.body(less)
    // Leaving a field out can be read by the new schema and not by the old one.
    let isFine = !level.isForward
    #expect(try registry.code("POST", "subjects/s/versions", body) == (isFine ? 200 : 40901))
    var other = RegistryHarness()
    _ = try other.ask("PUT", "config", #"{"compatibility":"\#(level.rawValue)"}"#)
    _ = try other.register("s", less)
    let more = RegistryHarness.body(full)
    let answer = try other.ask(
      "POST", "compatibility/subjects/s/versions/latest", more, query: ["verbose": "true"])
    #expect(answer["is_compatible"] == .bool(!level.isBackward))
    #expect((answer["messages"]?.elements?.isEmpty ?? false) == !level.isBackward)
    #expect(
      try other.code("POST", "subjects/s/versions", more) == (level.isBackward ? 40901 : 200))
  }

  @Test func transitiveLevelsLookAtAllVersions() throws {
    func field(_ name: String, _ tail: String = "") -> String {
      #"{"type":"record","name":"R","fields":[{"name":"a","#
        + #""type":"int"}\#(name.isEmpty ? "" : #",{"name":"\#(name)","type":"int"\#(tail)}"#)]}"#
    }
    for (level, code) in [("BACKWARD", 200), ("BACKWARD_TRANSITIVE", 40901)] {
      var registry = RegistryHarness()
      _ = try registry.ask("PUT", "config/s", #"{"compatibility":"\#(level)"}"#)
      _ = try registry.register("s", field(""))
      _ = try registry.register("s", field("b", #","default":1"#))
      // The second version has the field, so its data can be read without a default.
      let body = RegistryHarness.body(field("b"))
      #expect(try registry.code("POST", "subjects/s/versions", body) == code)
      #expect(
        try registry.ask("POST", "compatibility/subjects/s/versions/1", body)["is_compatible"]
          == .bool(false))
      #expect(
        try registry.ask("POST", "compatibility/subjects/s/versions/2", body)["is_compatible"]
          == .bool(true))
      #expect(
        try registry.ask("POST", "compatibility/subjects/s/versions", body)["is_compatible"]
          == .bool(code == 200))
    }
  }

  @Test func whatWasNeverThereIsCompatibleWithAnything() throws {
    var registry = RegistryHarness()
    let body = RegistryHarness.body(#""int""#)
    #expect(
      try registry.ask("POST", "compatibility/subjects/s/versions/latest", body)
        == .object([.init("is_compatible", .bool(true))]))
    #expect(try registry.code("POST", "compatibility/subjects/s/versions/4", body) == 40402)
    #expect(try registry.code("POST", "compatibility/subjects/s/versions/x", body) == 42202)
  }

  @Test func deletedVersionsAreThereUntilTheyAreDeletedForGood() throws {
    var registry = RegistryHarness()
    _ = try registry.register("s", Self.record(["a"]))
    _ = try registry.register("s", Self.record(["a", "b"]))
    let permanent = ["permanent": "true"]
    #expect(try registry.code("DELETE", "subjects/s/versions/1", query: permanent) == 40407)
    #expect(try registry.ask("DELETE", "subjects/s/versions/1") == .integer(1))
    #expect(try registry.code("DELETE", "subjects/s/versions/1") == 40406)
    #expect(try registry.code("GET", "subjects/s/versions/1") == 40402)
    #expect(
      try registry.ask("GET", "subjects/s/versions/1", query: ["deleted": "true"])["id"]
        == .integer(1))
    #expect(try registry.ask("GET", "schemas/ids/1")["schema"] != nil)
    #expect(try registry.ask("GET", "schemas/ids/1/subjects") == .array([]))
    #expect(try registry.ask("GET", "subjects/s/versions") == .array([.integer(2)]))
    #expect(
      try registry.ask("GET", "subjects/s/versions", query: ["deleted": "true"]).elements?.count
        == 2)
    #expect(try registry.code("DELETE", "subjects/s", query: permanent) == 40405)
    #expect(try registry.ask("DELETE", "subjects/s") == .array([.integer(2)]))
    #expect(try registry.code("DELETE", "subjects/s") == 40404)
    #expect(try registry.ask("GET", "subjects") == .array([]))
    #expect(
      try registry.ask("GET", "subjects", query: ["deleted": "true"]) == .array([.string("s")]))
    #expect(
      try registry.ask("DELETE", "subjects/s", query: permanent)
        == .array([.integer(1), .integer(2)]))
    #expect(try registry.code("DELETE", "subjects/s", query: permanent) == 40401)
    #expect(try registry.code("GET", "schemas/ids/1") == 40403)
    #expect(registry.state.bytes == 0)
    // Ids are not given twice, by this process or the next.
    #expect(try registry.register("s", Self.record(["a"])) == 3)
    var next = try registry.restarted()
    _ = try next.ask("DELETE", "subjects/s")
    _ = try next.ask("DELETE", "subjects/s", query: permanent)
    var last = try next.condensed()
    #expect(try last.register("s", Self.record(["a"])) == 4)
  }

  @Test func whatIsRegisteredAgainGetsANewVersionAndItsOldId() throws {
    var registry = RegistryHarness()
    _ = try registry.register("s", Self.record(["a"]))
    _ = try registry.register("s", Self.record(["a", "b"]))
    _ = try registry.ask("DELETE", "subjects/s/versions/1")
    #expect(try registry.register("s", Self.record(["a"])) == 1)
    #expect(
      try registry.ask("GET", "subjects/s/versions", query: ["deleted": "true"])
        == .array([.integer(2), .integer(3)]))
  }

  @Test func aSchemaThatOthersNeedStays() throws {
    var registry = RegistryHarness()
    _ = try registry.register(
      "other", #"{"type":"record","name":"Other","namespace":"n","fields":[]}"#)
    let reference = SchemaReference(name: "n.Other", subject: "other", version: 1)
    let text = #"{"type":"record","name":"R","fields":[{"name":"o","type":"n.Other"}]}"#
    #expect(
      try registry.code("POST", "subjects/s/versions", RegistryHarness.body(text)) == 42201)
    #expect(try registry.register("s", text, references: [reference]) == 2)
    #expect(
      try registry.ask("GET", "subjects/other/versions/1/referencedby") == .array([.integer(2)]))
    #expect(try registry.ask("GET", "schemas/ids/2")["references"] == .array([reference.json]))
    #expect(try registry.code("DELETE", "subjects/other") == 42206)
    #expect(try registry.code("DELETE", "subjects/other/versions/1") == 42206)
    _ = try registry.ask("DELETE", "subjects/s")
    _ = try registry.ask("DELETE", "subjects/other")
    #expect(try registry.code("DELETE", "subjects/other", query: ["permanent": "true"]) == 42206)
    let missing = SchemaReference(name: "n.Other", subject: "other", version: 7)
    #expect(
      try registry.code(
        "POST", "subjects/s/versions", RegistryHarness.body(text, references: [missing])) == 42201)
  }

  @Test func settingsOfASubjectComeBeforeThoseOfAll() throws {
    var registry = RegistryHarness()
    #expect(
      try registry.ask("GET", "config")
        == .object([.init("compatibilityLevel", .string("BACKWARD"))]))
    #expect(try registry.code("GET", "config/s") == 40408)
    _ = try registry.ask("PUT", "config", #"{"compatibility":"FORWARD"}"#)
    #expect(
      try registry.ask("GET", "config/s", query: ["defaultToGlobal": "true"])["compatibilityLevel"]
        == .string("FORWARD"))
    #expect(
      try registry.ask("PUT", "config/s", #"{"compatibility":"FULL"}"#)
        == .object([.init("compatibility", .string("FULL"))]))
    #expect(try registry.ask("GET", "config/s")["compatibilityLevel"] == .string("FULL"))
    var next = try registry.restarted().condensed()
    #expect(try next.ask("DELETE", "config/s")["compatibilityLevel"] == .string("FULL"))
    #expect(try next.code("DELETE", "config/s") == 40401)
    #expect(try next.ask("DELETE", "config")["compatibilityLevel"] == .string("FORWARD"))
    #expect(try next.ask("GET", "config")["compatibilityLevel"] == .string("BACKWARD"))
    #expect(try next.code("PUT", "config", #"{"compatibility":"SOMEWHAT"}"#) == 42203)
    #expect(try next.code("PUT", "config", #"{"alias":"x"}"#) == 422)
    #expect(try next.code("PUT", "config", "{") == 400)
  }

  @Test func normalizingCanBeASetting() throws {
    let one = #"{"type":"fixed","name":"F","size":2,"b":1,"a":2}"#
    let two = #"{"type":"fixed","name":"F","size":2,"a":2,"b":1}"#
    var registry = RegistryHarness()
    #expect(try registry.register("s", one) == 1)
    #expect(try registry.register("s", two) == 2)
    _ = try registry.ask("PUT", "config/t", #"{"normalize":true}"#)
    #expect(try registry.register("t", one) == 2)
    #expect(try registry.register("t", two) == 2)
  }

  @Test func modesSayWhatMayBeDone() throws {
    var registry = RegistryHarness()
    #expect(try registry.ask("GET", "mode") == .object([.init("mode", .string("READWRITE"))]))
    #expect(try registry.code("GET", "mode/s") == 40409)
    _ = try registry.register("s", #""int""#)
    #expect(try registry.code("PUT", "mode", #"{"mode":"IMPORT"}"#) == 42205)
    #expect(try registry.code("PUT", "mode", #"{"mode":"SLEEP"}"#) == 42204)
    _ = try registry.ask("PUT", "mode/s", #"{"mode":"READONLY"}"#)
    let body = RegistryHarness.body(#""long""#)
    #expect(try registry.code("POST", "subjects/s/versions", body) == 42205)
    #expect(try registry.code("DELETE", "subjects/s") == 42205)
    #expect(try registry.code("DELETE", "subjects/s/versions/1") == 42205)
    // What is there already is answered all the same.
    #expect(try registry.register("s", #""int""#) == 1)
    #expect(try registry.ask("DELETE", "mode/s") == .object([.init("mode", .string("READONLY"))]))
    #expect(try registry.code("POST", "subjects/s/versions", body) == 200)
  }

  @Test func importedSchemasKeepTheirIds() throws {
    var registry = RegistryHarness()
    let body = RegistryHarness.body(#""int""#, id: 77, version: 5)
    #expect(try registry.code("POST", "subjects/s/versions", body) == 42205)
    _ = try registry.ask("PUT", "mode/s", #"{"mode":"IMPORT"}"#)
    #expect(try registry.ask("POST", "subjects/s/versions", body)["id"] == .integer(77))
    #expect(try registry.ask("GET", "subjects/s/versions") == .array([.integer(5)]))
    let other = RegistryHarness.body(#""long""#, id: 77)
    #expect(try registry.code("POST", "subjects/s/versions", other) == 42205)
    #expect(
      try registry.code("POST", "subjects/s/versions", RegistryHarness.body(#""long""#)) == 42205)
    #expect(try registry.register("t", #""string""#) == 78)
  }

  @Test func whatThisRegistryDoesNotKnowIsRefused() throws {
    var registry = RegistryHarness()
    let path = "subjects/s/versions"
    #expect(try registry.code("POST", path, #"{"schema":"{}","schemaType":"THRIFT"}"#) == 42201)
    #expect(try registry.code("POST", path, #"{"schema":""}"#) == 42201)
    #expect(try registry.code("POST", path, #"{}"#) == 42201)
    #expect(
      try registry.code("POST", path, #"{"schema":"\"int\"","ruleSet":{"a":1}}"#) == 42201)
    #expect(try registry.code("POST", path, "[]") == 400)
    #expect(try registry.code("PATCH", path) == 405)
    #expect(try registry.code("GET", "subjects/s/nothing") == 404)
    #expect(try registry.code("POST", "subjects/:.other:s/versions", "{}") == 42208)
    #expect(try registry.code("POST", "subjects/__GLOBAL/versions", "{}") == 42208)
    #expect(try registry.register(":.:s", #""int""#) == 1)
    #expect(try registry.ask("GET", "subjects") == .array([.string("s")]))
    let long = "\"" + String(repeating: "x", count: 600_000)
    #expect(try registry.code("POST", path, RegistryHarness.body(long)) == 42209)
    #expect(throws: SchemaError.self) { try RegistryChange.changes(in: [9, 0x5B, 0x5D]) }
    #expect(throws: SchemaError.self) { try RegistryChange.changes(in: []) }
  }

  @Test func namesInFullHaveABound() throws {
    var registry = RegistryHarness()
    let path = "subjects/s/versions"
    let fields = (1..<800).map { "M m\($0)=\($0);" }.joined()
    func file(_ package: Int) -> String {
      let name = String(repeating: "a", count: package)
      return "syntax=\"proto3\";package \(name);message M{\(fields)}"
    }
    func code(
      _ text: String, _ type: SchemaType = .protobuf, query: [String: String] = [:]
    ) throws -> Int {
      try registry.code("POST", path, RegistryHarness.body(text, type: type), query: query)
    }
    #expect(try code(file(1_100)) == 42209)
    #expect(try code(file(1_000), query: ["normalize": "true"]) == 42209)
    #expect(try code(file(1_000)) == 200)
    let nested = String(repeating: "{a:", count: 100) + "1" + String(repeating: "}", count: 100)
    #expect(try code("syntax=\"proto3\";option (o)=\(nested);") == 42209)
    let outer = String(repeating: "m", count: 1_020)
    #expect(try code("syntax=\"proto3\";message \(outer){message Inner{}}") == 42209)
    let space = String(repeating: "n", count: 1_024)
    let fixed = #"{"type":"fixed","name":"F","size":1,"namespace":""# + space + #""}"#
    #expect(try code(fixed, .avro) == 42209)
  }

  @Test func pagesAndListsAreAsAsked() throws {
    var registry = RegistryHarness()
    for name in ["a1", "a2", "b1"] { _ = try registry.register(name, Self.record([name])) }
    #expect(
      try registry.ask("GET", "subjects", query: ["subjectPrefix": ":*:a", "limit": "1"])
        == .array([.string("a1")]))
    #expect(
      try registry.ask("GET", "subjects", query: ["offset": "2", "limit": "-1"])
        == .array([.string("b1")]))
    #expect(try registry.ask("GET", "schemas", query: ["subjectPrefix": "a"]).elements?.count == 2)
    #expect(try registry.ask("GET", "contexts") == .array([.string(".")]))
    #expect(try registry.ask("GET", "schemas/types").elements?.count == SchemaType.allCases.count)
  }
}

@Suite struct RegistryTypesTests {
  @Test func schemasOfAllTypesAreOfOneRegistry() throws {
    var registry = RegistryHarness()
    #expect(try registry.register("a", #"{"type": "string"}"#, type: .json) == 1)
    #expect(try registry.register("a", #"{"type":"string"}"#, type: .json) == 1)
    #expect(try registry.register("b", #"{"type": "string"}"#) == 2)
    let found = try registry.ask("GET", "schemas/ids/1")
    #expect(found["schemaType"] == .string("JSON"))
    let body = RegistryHarness.body(#""string""#, type: .avro)
    #expect(try registry.code("POST", "subjects/a/versions", body) == 40901)
    _ = try registry.ask("PUT", "config/a", #"{"compatibility":"NONE"}"#)
    #expect(try registry.code("POST", "subjects/a/versions", body) == 200)
  }
}
