import Testing

@testable import SchemaRegistryWire

/// Which reader can read which writer's data: the facts are those of the Avro specification and of
/// its Java library's public tests.
@Suite struct AvroCompatibilityTests {
  private func kinds(_ reader: String, _ writer: String) throws -> [AvroIncompatibility.Kind] {
    var comparison = AvroCompatibility(
      reader: try AvroSchema(parsing: reader), writer: try AvroSchema(parsing: writer),
      budget: WorkBudget(steps: 1_000_000))
    return try comparison.incompatibilities().map(\.kind)
  }

  private static func record(_ fields: String, _ name: String = "R") -> String {
    #"{"type":"record","name":"\#(name)","fields":[\#(fields)]}"#
  }

  private static let primitives = [
    "null", "boolean", "int", "long", "float", "double", "bytes", "string",
  ]

  @Test func primitivesArePromotedAsTheSpecificationSays() throws {
    let promoted: Set<[String]> = [
      ["long", "int"], ["float", "int"], ["float", "long"], ["double", "int"], ["double", "long"],
      ["double", "float"], ["string", "bytes"], ["bytes", "string"],
    ]
    for reader in Self.primitives {
      for writer in Self.primitives {
        let isFine = reader == writer || promoted.contains([reader, writer])
        let found = try kinds(#""\#(reader)""#, #""\#(writer)""#)
        #expect(found.isEmpty == isFine, "\(reader) reads \(writer)")
      }
    }
  }

  @Test(arguments: [
    // Fields.
    (record(#"{"name":"a","type":"int"}"#), record("")),
    (record(#"{"name":"a","type":"int"}"#), record(#"{"name":"b","type":"int"}"#)),
    (
      record(#"{"name":"a","type":"int"},{"name":"b","type":"int"}"#),
      record(#"{"name":"a","type":"int"}"#)
    ),
    (record(#"{"name":"a","type":"int"}"#), record(#"{"name":"a","type":"long"}"#)),
    (record(#"{"name":"a","type":["null","int"]}"#), record("")),
    // Names.
    (record("", "A"), record("", "B")),
    (
      #"{"type":"fixed","name":"A","size":2}"#, #"{"type":"fixed","name":"B","size":2}"#
    ),
    (#"{"type":"fixed","name":"A","size":2}"#, #"{"type":"fixed","name":"A","size":3}"#),
    // Enums.
    (
      #"{"type":"enum","name":"E","symbols":["A"]}"#,
      #"{"type":"enum","name":"E","symbols":["A","B"]}"#
    ),
    (
      #"{"type":"enum","name":"E","symbols":["A"]}"#,
      #"{"type":"enum","name":"F","symbols":["A"]}"#
    ),
    // Containers.
    (#"{"type":"array","items":"int"}"#, #"{"type":"array","items":"long"}"#),
    (#"{"type":"map","values":"int"}"#, #"{"type":"map","values":"string"}"#),
    (#"{"type":"array","items":"int"}"#, #"{"type":"map","values":"int"}"#),
    // Unions.
    (#""int""#, #"["int","string"]"#), (#"["int","string"]"#, #"["int","string","null"]"#),
    (#"["int"]"#, #""string""#), (#"["int"]"#, #"["long"]"#), (#"["int","float"]"#, #"["double"]"#),
    (#""int""#, record("")), (record(""), #""int""#),
  ])
  func whatCannotBeRead(_ reader: String, _ writer: String) throws {
    #expect(try !kinds(reader, writer).isEmpty)
  }

  @Test(arguments: [
    (record(""), record(#"{"name":"a","type":"int"}"#)),
    (record(#"{"name":"a","type":"int","default":1}"#), record("")),
    (record(#"{"name":"a","type":"int"}"#), record(#"{"name":"a","type":"int","default":1}"#)),
    (record(#"{"name":"a","type":["null","int"],"default":null}"#), record("")),
    (record(#"{"name":"a","type":["null","int"]}"#), record(#"{"name":"a","type":"int"}"#)),
    (
      record(#"{"name":"new","type":"int","aliases":["old"]}"#),
      record(#"{"name":"old","type":"int"}"#)
    ),
    (record(#"{"name":"a","type":"double"}"#), record(#"{"name":"a","type":"int"}"#)),
    // A namespace does not count, and an alias does.
    (
      #"{"type":"record","name":"a.R","fields":[]}"#, #"{"type":"record","name":"b.R","fields":[]}"#
    ),
    (#"{"type":"record","name":"N","aliases":["O"],"fields":[]}"#, record("", "O")),
    (
      #"{"type":"enum","name":"E","symbols":["A","B"]}"#,
      #"{"type":"enum","name":"E","symbols":["B"]}"#
    ),
    (
      #"{"type":"enum","name":"E","symbols":["A"],"default":"A"}"#,
      #"{"type":"enum","name":"E","symbols":["A","B"]}"#
    ),
    (
      record(#"{"name":"e","type":{"type":"enum","name":"E","symbols":["A"],"default":"A"}}"#),
      record("")
    ),
    (#"{"type":"array","items":"long"}"#, #"{"type":"array","items":"int"}"#),
    (#"{"type":"map","values":["null","int"]}"#, #"{"type":"map","values":"int"}"#),
    (#"["int","string"]"#, #""int""#), (#"["int","string"]"#, #"["string","int"]"#),
    (#"["long","string"]"#, #"["int"]"#), (#""long""#, #"["int","long"]"#),
    (#""int""#, #"["int"]"#),
    (#"["null","int"]"#, #"[]"#),
    // Logical types and documentation do not count.
    (#"{"type":"long","logicalType":"timestamp-millis"}"#, #""long""#),
    (#"{"type":"record","name":"R","doc":"other","fields":[]}"#, record("")),
    (
      record(#"{"name":"next","type":["null","R"]}"#),
      record(#"{"name":"next","type":["null","R"]}"#)
    ),
  ])
  func whatCanBeRead(_ reader: String, _ writer: String) throws {
    #expect(try kinds(reader, writer) == [])
  }

  @Test func theAnswerSaysWhatIsWrongAndWhere() throws {
    let old = Self.record(
      #"{"name":"a","type":"int"},{"name":"e","type":{"type":"enum","name":"E","#
        + #""symbols":["A","B"]}}"#
    )
    let new = Self.record(
      #"{"name":"a","type":"string"},{"name":"e","type":{"type":"enum","name":"E","#
        + #""symbols":["A"]}},{"name":"n","type":"int"}"#
    )
    var comparison = AvroCompatibility(
      reader: try AvroSchema(parsing: new), writer: try AvroSchema(parsing: old),
      budget: WorkBudget(steps: 1_000))
    let found = try comparison.incompatibilities()
    #expect(found.map(\.kind) == [.typeMismatch, .missingEnumSymbols, .missingDefault])
    #expect(found.map(\.path) == ["/fields/0/type", "/fields/1/type/symbols", "/fields/2"])
    #expect(found[2].detail == "n")
    #expect(
      found[2].message(reader: "new", writer: "old").contains(
        "The field 'n' at path '/fields/2' in the new schema has no default value"))
  }

  @Test func aDifferenceBehindARecursionIsFound() throws {
    let old = Self.record(#"{"name":"next","type":["null","R"]},{"name":"v","type":"long"}"#)
    let new = Self.record(#"{"name":"next","type":["null","R"]},{"name":"v","type":"int"}"#)
    #expect(try !kinds(new, old).isEmpty)
    #expect(try kinds(old, new).isEmpty)
  }

  @Test func typesThatReferToEachOtherInALongChainAreRefused() throws {
    let links = (0..<2_000).map { index in
      Self.record(
        index == 0 ? "" : #"{"name":"f","type":"R\#(index - 1)"}"#, "R\(index)")
    }
    let chain = #"[\#(links.joined(separator: ","))]"#
    // From the end of the chain, nothing is known of what is before it.
    let text = Self.record(
      #"{"name":"all","type":{"type":"array","items":\#(chain)}}"#, "All")
    let writer = Self.record(
      #"{"name":"u","type":["null",\#(links.joined(separator: ","))]},{"name":"f","type":"R1999"}"#,
      "All")
    let reader = Self.record(
      #"{"name":"f","type":{"type":"array","items":"int"},"default":[]}"#, "All")
    #expect(try AvroSchema(parsing: text).canonical == text)
    #expect(try !kinds(reader, writer).isEmpty)
    let last =
      #"{"type":"record","name":"All","fields":[{"name":"u","#
      + #""type":[\#(links.joined(separator: ","))],"default":{}},{"name":"f","#
      + #""type":"R1999"}]}"#
    let turned = last.replacing(#""name":"u""#, with: #""name":"w""#)
    #expect(throws: SchemaError.self) { try kinds(last, turned) }
  }

  @Test func hugeUnionsCostNoMoreThanTheBudget() throws {
    let records = (0..<3_000).map { Self.record("", "R\($0)") }
    let others = (0..<3_000).map { Self.record("", "S\($0)") }
    var comparison = AvroCompatibility(
      reader: try AvroSchema(parsing: "[\(records.joined(separator: ","))]"),
      writer: try AvroSchema(parsing: "[\(others.joined(separator: ","))]"),
      budget: WorkBudget(steps: 10_000))
    #expect(throws: SchemaError.self) { try comparison.incompatibilities() }
  }
}
