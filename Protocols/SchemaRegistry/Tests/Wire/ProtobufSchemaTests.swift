import GodwitWire
import Testing

@testable import SchemaRegistryWire

@Suite struct ProtobufSchemaTests {
  private static let full = """
    // A comment.
    syntax = 'proto3';
    package a.b;
    import "google/protobuf/timestamp.proto"; /* Another
    one. */
    option java_package = "x.y"; option (my.option).part = { a: 1 b: [2, 3] };
    message M {
      reserved 4 to 6, 9; reserved "q", "r";
      repeated int32 a = 1 [packed = true, (my.field) = "z"];
      map<string, N> b = 2;
      oneof c { string d = 3; N e = 7; }
      optional bytes f = 8;
      message N { M m = 1; E e = 2; google.protobuf.Timestamp t = 3; enum E { X = 0; Y = -1; } }
      message message { string string = 1; }
    }
    service S { rpc R (stream M) returns (M.N) { option deprecated = true; }
    rpc Q (M) returns (M); }
    """

  @Test func theTextHasOneForm() throws {
    let schema = try ProtobufSchema(parsing: Self.full)
    #expect(try ProtobufSchema(parsing: schema.canonical).canonical == schema.canonical)
    #expect(
      schema.canonical.hasPrefix(
        """
        syntax = "proto3";
        package a.b;
        import "google/protobuf/timestamp.proto";
        option java_package = "x.y";
        option (my.option).part = { a : 1 b : [ 2 , 3 ] };
        message M {
          reserved 4 to 6;
          reserved 9;
          reserved "q";
          reserved "r";
          repeated int32 a = 1 [packed = true, (my.field) = "z"];
          map<string, N> b = 2;
          optional bytes f = 8;
          oneof c {
            string d = 3;
            N e = 7;
          }
          message N {
        """))
  }

  @Test func descriptorsSayTheSame() throws {
    let text = Self.full.replacing(", (my.field) = \"z\"", with: "")
      .replacing("option (my.option).part = { a: 1 b: [2, 3] };", with: "")
    let schema = try ProtobufSchema(parsing: text)
    let other = try ProtobufSchema(parsing: schema.serialized)
    #expect(other.normalized == schema.normalized)
    #expect(other.serialized == schema.serialized)
    var comparison = ProtobufComparison(
      old: schema, new: other, budget: WorkBudget(steps: 1_000))
    #expect(try comparison.differences() == [])
  }

  @Test func proto2HasItsOwnWords() throws {
    let text = """
      message M { required string a = 1; optional int32 b = 2 [default = -7];
      repeated E e = 3; extensions 100 to max, 50; optional bool x = 5; }
      extend M { optional string y = 100 [default = "a\\"b"]; }
      enum E { option allow_alias = true; A = 1; B = 1; reserved 5 to max; }
      """
    let schema = try ProtobufSchema(parsing: text)
    #expect(schema.canonical.hasPrefix("syntax = \"proto2\";\nmessage M {\n"))
    #expect(try ProtobufSchema(parsing: schema.canonical).canonical == schema.canonical)
    #expect(
      try ProtobufSchema(parsing: schema.serialized).normalized == schema.normalized)
  }

  @Test(arguments: [
    "nothing", "message", "message M", "message M {", "message M { int32 a }",
    #"syntax = "proto4"; message M {}"#, #"edition = "2023"; message M {}"#,
    #"syntax = "proto3"; message M { int32 a = 0; }"#,
    #"syntax = "proto3"; message M { int32 a = 19000; }"#,
    #"syntax = "proto3"; message M { int32 a = 536870912; }"#,
    #"syntax = "proto3"; message M { int32 a = 1; int32 b = 1; }"#,
    #"syntax = "proto3"; message M { int32 a = 1; int32 a = 2; }"#,
    #"syntax = "proto3"; message M { required int32 a = 1; }"#,
    #"syntax = "proto3"; message M { Other a = 1; }"#,
    #"syntax = "proto3"; message M { reserved 1 to 3; int32 a = 2; }"#,
    #"syntax = "proto3"; message M { reserved "a"; int32 a = 2; }"#,
    #"syntax = "proto3"; message M { map<bytes, string> a = 1; }"#,
    #"syntax = "proto3"; message M { } message M { }"#,
    #"syntax = "proto3"; enum E { A = 1; }"#, #"syntax = "proto3"; enum E { }"#,
    #"syntax = "proto3"; enum E { A = 0; B = 0; }"#,
    #"syntax = "proto3"; import "other.proto"; message M { }"#,
    #"message M { int32 a = 1; }"#, "message M { } /*", #"option a = "b"#, "CgVmaXJz",
    "message M { optional group G = 1 { } }",
  ])
  func whatIsNoSchemaIsRefused(_ text: String) {
    #expect(throws: SchemaError.self) { try ProtobufSchema(parsing: text) }
  }

  @Test func deepSchemasAreRefused() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "message M {", count: depth) + String(repeating: "}", count: depth)
    }
    _ = try ProtobufSchema(parsing: nested(90))
    #expect(throws: SchemaError.self) { try ProtobufSchema(parsing: nested(20_000)) }
    let many = (0..<5_000).map { "message M\($0) { optional M\(max(0, $0 - 1)) a = 1; }" }
    let schema = try ProtobufSchema(parsing: many.joined())
    var comparison = ProtobufComparison(
      old: schema, new: schema, budget: WorkBudget(steps: 1_000))
    #expect(throws: SchemaError.self) { try comparison.differences() }
  }
}

/// Which change of a file lets its messages be read: the facts are those of the public tests of
/// Confluent's registry.
@Suite struct ProtobufComparisonTests {
  private func kinds(
    _ old: String, _ new: String
  ) throws -> [ProtobufDifference.Kind] {
    var comparison = ProtobufComparison(
      old: try ProtobufSchema(parsing: #"syntax = "proto3";"# + old),
      new: try ProtobufSchema(parsing: #"syntax = "proto3";"# + new),
      budget: WorkBudget(steps: 1_000))
    return try comparison.differences().map(\.kind)
  }

  @Test(arguments: [
    ("message M { int32 a = 1; }", "message M { int32 a = 1; string b = 2; }"),
    ("message M { int32 a = 1; }", "message M { }"),
    ("message M { int32 a = 1; }", "message M { int64 other = 1; }"),
    ("message M { bool a = 1; }", "message M { uint32 a = 1; }"),
    ("message M { E a = 1; } enum E { A = 0; }", "message M { int32 a = 1; }"),
    ("message M { string a = 1; }", "message M { repeated bytes a = 1; }"),
    ("message M { }", "message M { } message N { }"),
    ("enum E { A = 0; B = 1; }", "enum E { A = 0; }"),
    ("message M { N n = 1; message N { } }", "message M { .M.N n = 1; message N { } }"),
    ("message M { int32 a = 1; }", "message M { oneof o { int32 a = 1; string b = 2; } }"),
    ("message M { oneof o { int32 a = 1; string b = 2; } }", "message M { }"),
    (
      "message M { oneof o { int32 a = 1; string b = 2; } }",
      "message M { int32 a = 1; string b = 2; }"
    ),
  ])
  func whatCanBeRead(_ old: String, _ new: String) throws {
    #expect(try kinds(old, new) == [])
  }

  @Test(
    arguments: [
      ("package a; message M { }", "package b; message M { }", .packageChanged),
      ("message M { } message N { }", "message M { }", .messageRemoved),
      ("message M { message N { } }", "message M { }", .messageRemoved),
      ("message M { int32 a = 1; }", "message M { string a = 1; }", .fieldScalarKindChanged),
      ("message M { int32 a = 1; }", "message M { sint32 a = 1; }", .fieldScalarKindChanged),
      ("message M { fixed32 a = 1; }", "message M { float a = 1; }", .fieldScalarKindChanged),
      ("message M { int32 a = 1; }", "message M { M a = 1; }", .fieldKindChanged),
      (
        "message M { map<string, int32> a = 1; }", "message M { map<string, string> a = 1; }",
        .fieldScalarKindChanged
      ),
      ("message M { map<string, M> a = 1; }", "message M { repeated M a = 1; }", .fieldKindChanged),
      (
        "message M { N a = 1; } message N { }", "message M { M a = 1; } message N { }",
        .fieldNamedTypeChanged
      ),
      (
        "message M { optional int32 a = 1; }", "message M { repeated int32 a = 1; }",
        .fieldNumericLabelChanged
      ),
      (
        "message M { oneof o { int32 a = 1; string b = 2; } }",
        "message M { oneof o { int32 a = 1; } }", .oneofFieldRemoved
      ),
      (
        "message M { int32 a = 1; string b = 2; }",
        "message M { oneof o { int32 a = 1; string b = 2; } }", .multipleFieldsMovedToOneof
      ),
      (
        "message M { oneof o { int32 a = 1; } string b = 2; }",
        "message M { oneof o { int32 a = 1; string b = 2; } }", .fieldMovedToExistingOneof
      ),
    ] as [(String, String, ProtobufDifference.Kind)])
  func whatCannotBeRead(
    _ old: String, _ new: String, _ wrong: ProtobufDifference.Kind
  ) throws {
    #expect(try kinds(old, new).contains(wrong))
  }

  @Test func messagesOfOtherFilesAreComparedToo() throws {
    func schema(_ type: String) throws -> ProtobufSchema {
      try ProtobufSchema(
        parsing: #"syntax = "proto3"; import "n.proto"; message M { n.N n = 1; }"#,
        references: [
          ReferencedSchema(
            name: "n.proto", type: .protobuf,
            text: #"syntax = "proto3"; package n; message N { \#(type) a = 1; N n = 2; }"#)
        ])
    }
    for (type, count) in [("int64", 0), ("string", 2)] {
      var comparison = ProtobufComparison(
        old: try schema("int32"), new: try schema(type), budget: WorkBudget(steps: 100))
      #expect(try comparison.differences().count == count)
    }
  }

  @Test func requiredFieldsStay() throws {
    func kinds(_ old: String, _ new: String) throws -> [ProtobufDifference.Kind] {
      var comparison = ProtobufComparison(
        old: try ProtobufSchema(parsing: old), new: try ProtobufSchema(parsing: new),
        budget: WorkBudget(steps: 100))
      return try comparison.differences().map(\.kind)
    }
    let (with, without) = ("message M { required int32 a = 1; }", "message M { }")
    #expect(try kinds(with, without) == [.requiredFieldRemoved])
    #expect(try kinds(without, with) == [.requiredFieldAdded])
  }
}
