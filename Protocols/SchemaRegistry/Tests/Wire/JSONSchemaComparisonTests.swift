import Testing

@testable import SchemaRegistryWire

/// Which change of a JSON Schema lets it read what the one before allowed: the facts are those of
/// the public tests of Confluent's registry and of Karapace.
@Suite struct JSONSchemaComparisonTests {
  private func kinds(_ old: String, _ new: String) throws -> [JSONSchemaDifference.Kind] {
    var comparison = JSONSchemaComparison(
      old: try JSONSchema(parsing: old), new: try JSONSchema(parsing: new),
      budget: WorkBudget(steps: 100_000))
    return try comparison.differences().map(\.kind)
  }

  private static let number = #"{"type":"number"}"#
  private static let string = #"{"type":"string"}"#
  private static let whole = #"{"type":"integer"}"#
  private static let open = #"{"type":"object"}"#
  private static let closed = #"{"type":"object","additionalProperties":false}"#

  private static func object(_ properties: String, _ more: String = "") -> String {
    #"{"type":"object","properties":{\#(properties)}\#(more.isEmpty ? "" : ",\(more)")}"#
  }

  /// Harmless one way, and what is wrong the other way.
  @Test(
    arguments: [
      (whole, number, .typeNarrowed),
      (string, "{}", .typeChanged),
      (string, "true", .typeChanged),
      ("false", string, .typeChanged),
      (#"{"type":"string","maxLength":3}"#, string, .maxLengthAdded),
      (
        #"{"type":"string","maxLength":3}"#, #"{"type":"string","maxLength":4}"#,
        .maxLengthDecreased
      ),
      (#"{"type":"string","minLength":3}"#, string, .minLengthAdded),
      (#"{"minLength":3}"#, #"{"minLength":2}"#, .minLengthIncreased),
      (#"{"type":"string","pattern":"a"}"#, string, .patternAdded),
      (#"{"type":"number","maximum":3}"#, number, .maximumAdded),
      (#"{"maximum":3}"#, #"{"maximum":3.5}"#, .maximumDecreased),
      (#"{"type":"number","minimum":3}"#, number, .minimumAdded),
      (#"{"minimum":3}"#, #"{"minimum":-3}"#, .minimumIncreased),
      (#"{"exclusiveMaximum":3}"#, #"{"exclusiveMaximum":4}"#, .exclusiveMaximumDecreased),
      (
        #"{"type":"number","minimum":1,"exclusiveMinimum":true}"#, number, .exclusiveMinimumAdded
      ),
      (#"{"type":"number","multipleOf":10}"#, number, .multipleOfAdded),
      (#"{"multipleOf":10}"#, #"{"multipleOf":5}"#, .multipleOfExpanded),
      (#"{"multipleOf":0.3}"#, #"{"multipleOf":0.1}"#, .multipleOfExpanded),
      (#"{"enum":["a"]}"#, #"{"enum":["b","a"]}"#, .enumNarrowed),
      (#"{"type":"array","items":{"type":"integer"}}"#, #"{"type":"array"}"#, .schemaAdded),
      (
        #"{"type":"array","items":{"type":"integer"}}"#,
        #"{"type":"array","items":{"type":"number"}}"#, .typeNarrowed
      ),
      (#"{"type":"array","maxItems":3}"#, #"{"type":"array"}"#, .maxItemsAdded),
      (#"{"minItems":3}"#, #"{"minItems":2}"#, .minItemsIncreased),
      (#"{"uniqueItems":true,"type":"array"}"#, #"{"type":"array"}"#, .uniqueItemsAdded),
      (#"{"maxProperties":3}"#, #"{"maxProperties":4}"#, .maxPropertiesDecreased),
      (#"{"type":"object","minProperties":3}"#, open, .minPropertiesAdded),
      (closed, open, .additionalPropertiesRemoved),
      (
        #"{"type":"object","additionalProperties":{"type":"string"}}"#, open,
        .additionalPropertiesNarrowed
      ),
      (object(#""a":{}"#, #""required":["a"]"#), object(#""a":{}"#), .requiredAttributeAdded),
      // What is added to a closed object was not there before; to an open one, it may have been.
      (
        closed, object(#""a":{"type":"string"}"#, #""additionalProperties":false"#),
        .propertyRemovedFromClosed
      ),
      (object(#""a":{"type":"string"}"#), open, .optionalPropertyAddedToOpen),
      (
        object(#""a":{"type":"string"}"#, #""required":["a"]"#), open,
        .requiredPropertyAddedToOpen
      ),
      (
        #"{"type":"object","dependencies":{"a":["b","c"]}}"#,
        #"{"type":"object","dependencies":{"a":["b"]}}"#, .dependencyArrayExtended
      ),
      (#"{"type":"object","dependentRequired":{"a":["b"]}}"#, open, .dependencyArrayAdded),
      (#"{"type":"object","dependentSchemas":{"a":{}}}"#, open, .dependencySchemaAdded),
      (string, #"{"type":["string","null"]}"#, .typeChanged),
      (string, #"{"oneOf":[{"type":"string"},{"type":"null"}]}"#, .typeChanged),
      (
        #"{"oneOf":[{"type":"string"}]}"#, #"{"oneOf":[{"type":"null"},{"type":"string"}]}"#,
        .sumTypeNarrowed
      ),
      (
        #"{"allOf":[{"type":"string"},{"maxLength":4}]}"#, #"{"allOf":[{"type":"string"}]}"#,
        .productTypeExtended
      ),
      (
        #"{"oneOf":[{},{"type":"null"}]}"#, #"{"anyOf":[{},{"type":"null"}]}"#, .combinedTypeChanged
      ),
      (#"{"not":{"type":"number"}}"#, #"{"not":{"type":"integer"}}"#, .notTypeExtended),
      (
        #"{"type":"object","unevaluatedProperties":false}"#, open, .unevaluatedPropertiesRemoved
      ),
    ] as [(String, String, JSONSchemaDifference.Kind)])
  func whatIsAllowedMayBecomeMore(
    _ less: String, _ more: String, _ wrong: JSONSchemaDifference.Kind
  ) throws {
    #expect(try kinds(less, more) == [])
    #expect(try kinds(more, less).contains(wrong))
  }

  @Test(arguments: [
    (string, number), (#"{"pattern":"a"}"#, #"{"pattern":"b"}"#),
    (#"{"multipleOf":4}"#, #"{"multipleOf":6}"#), (#"{"const":1}"#, #"{"const":2}"#),
    (#"{"enum":[1]}"#, #"{"enum":[2]}"#),
    (
      object(#""a":{"type":"string"}"#), object(#""a":{"type":"number"}"#)
    ),
    (
      #"{"type":"object","patternProperties":{"^s":{"type":"string"}}}"#,
      object(
        #""size":{"type":"number"}"#, #""patternProperties":{"^s":{"type":"string"}}"#)
    ),
    (#"{"$ref":"http://nobody.example/x"}"#.replacing("$ref", with: "title"), "false"),
  ])
  func whatFitsNeitherWay(_ old: String, _ new: String) throws {
    #expect(try !kinds(old, new).isEmpty)
  }

  @Test func patternsCoverProperties() throws {
    let patterns = #""patternProperties":{"^s":{"type":"string"}},"additionalProperties":false"#
    let old = Self.object("", patterns)
    #expect(try kinds(old, Self.object(#""size":{"type":"string"}"#, patterns)) == [])
    #expect(
      try kinds(old, Self.object(#""size":{"type":"number"}"#, patterns))
        == [.typeChanged, .propertyAddedNotCovered])
    #expect(try kinds(old, Self.object(#""x":{"type":"number"}"#, patterns)) == [])
    let odd = patterns.replacing("^s", with: "(?=s)")
    #expect(
      try kinds(Self.object("", odd), Self.object(#""x":{}"#, odd)) == [.patternNotUnderstood])
  }

  @Test func referencesMeanWhatTheyReferTo() throws {
    let plain = Self.object(#""a":{"type":"string"}"#)
    for reference in ["#/definitions/x", "#x", "http://e.org/s#/definitions/x"] {
      let text =
        ##"{"$id":"http://e.org/s","type":"object","properties":{"a":{"$ref":"\##(reference)"}},"##
        + ##""definitions":{"x":{"$id":"#x","$anchor":"x","type":"string"}}}"##
      #expect(try kinds(plain, text) == [])
      #expect(try kinds(text, plain) == [])
      #expect(try kinds(text.replacing("string", with: "null"), plain) == [.typeChanged])
    }
    let other = ReferencedSchema(
      name: "other.json", type: .json, text: #"{"$defs":{"y":{"type":"string"}}}"#)
    let text = ##"{"type":"object","properties":{"a":{"$ref":"other.json#/$defs/y"}}}"##
    #expect(throws: SchemaError.self) { try JSONSchema(parsing: text) }
    var comparison = JSONSchemaComparison(
      old: try JSONSchema(parsing: text, references: [other]),
      new: try JSONSchema(parsing: plain), budget: WorkBudget(steps: 100))
    #expect(try comparison.differences() == [])
  }

  @Test func whatRefersToItselfIsComparedToItsEnd() throws {
    func tree(_ type: String) -> String {
      ##"{"type":"object","properties":{"next":{"$ref":"#"},"all":{"type":"array","items":"##
        + ##"{"$ref":"#"}},"value":{"type":"\##(type)"}}}"##
    }
    #expect(try kinds(tree("integer"), tree("integer")) == [])
    #expect(try kinds(tree("integer"), tree("number")) == [])
    #expect(try kinds(tree("number"), tree("integer")).contains(.typeNarrowed))
    #expect(try kinds(##"{"$ref":"#"}"##, ##"{"$ref":"#/a","a":{"$ref":"#"}}"##) == [])
  }

  @Test(arguments: [
    "", "1", "[]", #""object""#, #"{"type":"objekt"}"#, #"{"type":7}"#, #"{"type":[]}"#,
    #"{"type":"object","properties":[]}"#, #"{"properties":{"a":1}}"#, #"{"required":7}"#,
    #"{"required":[7]}"#, #"{"allOf":{}}"#, #"{"oneOf":[]}"#, #"{"anyOf":[1]}"#, #"{"enum":1}"#,
    #"{"maximum":"1"}"#, #"{"pattern":1}"#, #"{"items":1}"#, #"{"not":1}"#,
    ##"{"$ref":"#/nowhere"}"##, ##"{"$ref":"#nowhere"}"##, #"{"$ref":"elsewhere.json"}"#,
  ])
  func whatIsNoSchemaIsRefused(_ text: String) {
    #expect(throws: SchemaError.self) { try JSONSchema(parsing: text) }
  }

  @Test func whiteSpaceIsNothing() throws {
    let text = " { \"title\" : \"a  \\\" b\" ,\n\t\"maximum\" : 18446744073709551616.0 } "
    let schema = try JSONSchema(parsing: text)
    #expect(schema.canonical == #"{"title":"a  \" b","maximum":18446744073709551616.0}"#)
    #expect(
      try JSONSchema(parsing: #"{"b":{"d":1,"c":2},"a":3}"#).normalized
        == #"{"a":3,"b":{"c":2,"d":1}}"#)
  }

  // MARK: Hostile schemas

  @Test func schemasThatWouldTakeForEverAreGivenUp() throws {
    // Each level asks the next one twice, in every combination.
    func levels(_ name: String) -> String {
      let all = (0..<40).map { level in
        let next = ##"{"$ref":"#/definitions/l\##(level + 1)"}"##
        return #""l\#(level)":{"not":{"oneOf":[\#(next),{"not":\#(next)},{"title":"\#(name)"}]}}"#
      }
      return ##"{"$ref":"#/definitions/l0","definitions":{\##(all.joined(separator: ",")),"##
        + #""l40":{"type":"\#(name)"}}}"#
    }
    #expect(throws: SchemaError.self) { try kinds(levels("string"), levels("number")) }
  }

  @Test func deepAndLongSchemasAreGivenUpOrRead() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: #"{"items":"#, count: depth) + "{}" + String(repeating: "}", count: depth)
    }
    #expect(try kinds(nested(90), nested(90)) == [])
    #expect(throws: SchemaError.self) { try JSONSchema(parsing: nested(5_000)) }
    func chain(_ length: Int) -> String {
      let links = (0..<length).map {
        ##""l\##($0)":{"properties":{"p":{"$ref":"#/definitions/l\##($0 + 1)"}}}"##
      }
      return ##"{"$ref":"#/definitions/l0","definitions":{\##(links.joined(separator: ",")),"##
        + ##""l\##(length)":{"type":"string"}}}"##
    }
    #expect(try kinds(chain(200), chain(200)) == [])
    #expect(throws: SchemaError.self) { try kinds(chain(3_000), chain(3_000)) }
    let wide = (0..<400).map { #"{"const":\#($0)}"# }.joined(separator: ",")
    let other = (400..<800).map { #"{"const":\#($0)}"# }.joined(separator: ",")
    #expect(throws: SchemaError.self) {
      try kinds(#"{"oneOf":[\#(wide)]}"#, #"{"oneOf":[\#(other)]}"#)
    }
    #expect(try kinds(#"{"oneOf":[{"const":0}]}"#, #"{"oneOf":[\#(wide)]}"#) == [])
  }
}
