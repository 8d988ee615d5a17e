import Testing

@testable import SchemaRegistryWire

@Suite struct AvroSchemaTests {
  private func canonical(_ text: String) throws -> String {
    try AvroSchema(parsing: text).canonical
  }

  @Test(arguments: [
    (#""string""#, #""string""#),
    (#"{"type":"string"}"#, #""string""#),
    (#" { "type" : "int", "logicalType" : "date" } "#, #"{"type":"int","logicalType":"date"}"#),
    (#"["null", {"type":"array","items":"long"}]"#, #"["null",{"type":"array","items":"long"}]"#),
    (#"{"type":{"type":"map","values":"bytes"}}"#, #"{"type":"map","values":"bytes"}"#),
    (
      #"{"fields":[{"type":"int","name":"f"}],"name":"a.b.C","type":"record"}"#,
      #"{"type":"record","name":"C","namespace":"a.b","fields":[{"name":"f","type":"int"}]}"#
    ),
    (
      #"{"type":"record","name":"C","namespace":"a.b","fields":[{"name":"f","type":"int","#
        + #""order":"ascending"}]}"#,
      #"{"type":"record","name":"C","namespace":"a.b","fields":[{"name":"f","type":"int"}]}"#
    ),
    (
      #"{"type":"record","name":"List","fields":[{"name":"next","type":["null","List"],"#
        + #""default":null}]}"#,
      #"{"type":"record","name":"List","fields":[{"name":"next","type":["null","List"],"#
        + #""default":null}]}"#
    ),
    (
      #"{"name":"n.R","type":"record","doc":"d","fields":[{"name":"e","#
        + #""type":{"type":"enum","name":"m.E","symbols":["A","B"],"default":"A"}},"#
        + #"{"name":"f","type":"m.E"},{"name":"x","type":{"type":"fixed","name":"X","#
        + #""size":4}},{"name":"y","type":"X"}],"aliases":["Old"]}"#,
      #"{"type":"record","name":"R","namespace":"n","doc":"d","fields":[{"name":"e","#
        + #""type":{"type":"enum","name":"E","namespace":"m","symbols":["A","B"],"#
        + #""default":"A"}},{"name":"f","type":"m.E"},{"name":"x","type":{"type":"fixed","#
        + #""name":"X","size":4}},{"name":"y","type":"X"}],"aliases":["Old"]}"#
    ),
  ])
  func whatMeansNothingIsNotInTheCanonicalText(_ text: String, _ expected: String) throws {
    let found = try canonical(text)
    #expect(found == expected)
    #expect(try canonical(found) == found)
  }

  @Test func normalizedTextsDoNotDependOnTheOrderOfAttributes() throws {
    let one = try AvroSchema(
      parsing: #"{"type":"fixed","name":"F","size":2,"b":1,"a":{"y":1,"x":2},"aliases":["Q","P"]}"#)
    let two = try AvroSchema(
      parsing: #"{"type":"fixed","a":{"x":2,"y":1},"name":"F","aliases":["P","Q"],"b":1,"size":2}"#)
    #expect(one.canonical != two.canonical)
    #expect(one.normalized == two.normalized)
    #expect(try AvroSchema(parsing: one.normalized).normalized == one.normalized)
  }

  @Test(arguments: [
    "", "nothing", "{}", "null", "17", #""strin""#, #"{"type":"record","name":"R"}"#,
    #"{"type":"record","fields":[]}"#, #"{"type":"record","name":"1R","fields":[]}"#,
    #"{"type":"record","name":"a..R","fields":[]}"#, #"{"type":"record","name":"int","fields":[]}"#,
    #"{"type":"record","name":"R","fields":[{"name":"f"}]}"#,
    #"{"type":"record","name":"R","fields":[{"type":"int"}]}"#,
    #"{"type":"record","name":"R","fields":[{"name":"f-g","type":"int"}]}"#,
    #"{"type":"record","name":"R","fields":[{"name":"f","type":"int"},{"name":"f","type":"int"}]}"#,
    #"{"type":"record","name":"R","fields":[{"name":"f","type":"int","order":"up"}]}"#,
    #"{"type":"record","name":"R","fields":[{"name":"f","type":"int","default":"x"}]}"#,
    #"{"type":"record","name":"R","fields":[{"name":"f","type":"int","default":2147483648}]}"#,
    #"{"type":"record","name":"R","fields":[{"name":"f","type":["null","int"],"default":"x"}]}"#,
    #"{"type":"enum","name":"E","symbols":["A","A"]}"#, #"{"type":"enum","name":"E"}"#,
    #"{"type":"enum","name":"E","symbols":["A"],"default":"B"}"#,
    #"{"type":"enum","name":"E","symbols":["A-B"]}"#, #"{"type":"fixed","name":"F","size":-1}"#,
    #"{"type":"fixed","name":"F"}"#, #"{"type":"array"}"#, #"{"type":"map"}"#,
    #"["int","int"]"#, #"["int",["string"]]"#,
    #"[{"type":"array","items":"int"},{"type":"array","items":"long"}]"#,
    #"[{"type":"fixed","name":"F","size":1},{"type":"fixed","name":"F","size":1}]"#,
    #"["#, #""int" "int""#,
  ])
  func whatIsNoSchemaIsRefused(_ text: String) {
    #expect(throws: SchemaError.self) { try AvroSchema(parsing: text) }
  }

  @Test func defaultsOfEveryTypeAreTaken() throws {
    let defaults = [
      (#""null""#, "null"), (#""boolean""#, "true"), (#""int""#, "1"), (#""long""#, "5000000000"),
      (#""float""#, "1"), (#""double""#, "1.5"), (#""bytes""#, #""ÿ""#), (#""string""#, #""a""#),
      (#"{"type":"array","items":"int"}"#, "[1,2]"),
      (#"{"type":"map","values":"int"}"#, #"{"a":1}"#),
      (#"{"type":"enum","name":"E","symbols":["A"]}"#, #""A""#),
      (#"{"type":"fixed","name":"F","size":1}"#, #""x""#), (#"["string","null"]"#, "null"),
      (
        #"{"type":"record","name":"I","fields":[{"name":"g","type":"int"},{"name":"h","#
          + #""type":"int","default":1}]}"#,
        #"{"g":2}"#
      ),
    ]
    for (type, value) in defaults {
      let text =
        #"{"type":"record","name":"R","fields":[{"name":"f","type":\#(type),"default":\#(value)}]}"#
      #expect(try canonical(text) == text)
    }
  }

  @Test func namesOfOtherSchemasAreKnownAndNotWrittenOut() throws {
    let other = ReferencedSchema(
      name: "a.Other", type: .avro,
      text: #"{"type":"record","name":"Other","namespace":"a","fields":[]}"#)
    let text =
      #"{"type":"record","name":"R","namespace":"b","fields":[{"name":"o","type":"a.Other"}]}"#
    #expect(throws: SchemaError.self) { try AvroSchema(parsing: text) }
    let schema = try AvroSchema(parsing: text, references: [other, other])
    #expect(schema.canonical == text)
  }

  @Test func nestingHasABound() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: #"{"type":"array","items":"#, count: depth) + #""int""#
        + String(repeating: "}", count: depth)
    }
    #expect(try canonical(nested(90)) == nested(90))
    #expect(throws: SchemaError.self) { try AvroSchema(parsing: nested(100)) }
    #expect(throws: SchemaError.self) { try AvroSchema(parsing: nested(20_000)) }
  }

  @Test func aDefaultThatCouldBeReadInManyWaysIsNotTriedForEver() {
    let types = (0..<8).map {
      #"{"type":"record","name":"R\#($0)","fields":[{"name":"f","type":"U"}]}"#
    }
    let branches = types.enumerated().map { index, text in
      text.replacing(
        #""U""#,
        with: index == 0
          ? #"["null","R0"]"# : #"["R0"\#((1...index).map { #","R\#($0)""# }.joined())]"#)
    }
    let value = String(repeating: #"{"f":"#, count: 60) + "17" + String(repeating: "}", count: 60)
    let text =
      #"{"type":"record","name":"Top","fields":[{"name":"f","#
      + #""type":[\#(branches.joined(separator: ","))],"default":\#(value)}]}"#
    #expect(throws: SchemaError.self) { try AvroSchema(parsing: text) }
  }
}
