import GodwitWire
import GodwitWireTesting
import Testing

@Suite struct JSONValueTests {
  @Test(arguments: [
    ("null", JSONValue.null),
    (" true ", .bool(true)),
    ("false\r\n", .bool(false)),
    ("0", .integer(0)),
    ("-17", .integer(-17)),
    ("9223372036854775807", .integer(.max)),
    ("9223372036854775808", .double(9_223_372_036_854_775_808)),
    ("1.5", .double(1.5)),
    ("-2e3", .double(-2000)),
    ("2E-1", .double(0.2)),
    (#""""#, .string("")),
    (#""a\"\\\/\b\f\n\r\tz""#, .string("a\"\\/\u{8}\u{c}\n\r\tz")),
    (#""\u00e9\u20AC\ud83d\ude00""#, .string("é€😀")),
    ("\"é€😀\"", .string("é€😀")),
    ("[]", .array([])),
    ("[1, [2 ] ,{}]", .array([.integer(1), .array([.integer(2)]), .object([])])),
    (
      #"{"b":1, "a" : null }"#,
      .object([.init("b", .integer(1)), .init("a", .null)])
    ),
  ])
  func parses(_ text: String, _ expected: JSONValue) throws {
    #expect(try JSONValue(parsing: text) == expected)
  }

  @Test(arguments: [
    ("", JSONError.Code.truncated),
    ("[1,", .truncated),
    ("{\"a\"", .truncated),
    ("\"abc", .truncated),
    ("tru", .truncated),
    ("trve", .unexpectedByte),
    ("[1 2]", .unexpectedByte),
    ("[1,]", .unexpectedByte),
    ("{1:2}", .unexpectedByte),
    ("{\"a\":1,}", .unexpectedByte),
    ("{\"a\" 1}", .unexpectedByte),
    ("+1", .unexpectedByte),
    ("NaN", .unexpectedByte),
    ("01", .invalidNumber),
    ("-", .truncated),
    ("1.x", .invalidNumber),
    ("1e999", .invalidNumber),
    ("\"\\x\"", .invalidString),
    ("\"\\u12g4\"", .invalidString),
    ("\"\\ud800\"", .invalidString),
    ("\"\\ud800\\u0041\"", .invalidString),
    ("\"\\udc00\"", .invalidString),
    ("\"a\nb\"", .invalidString),
    ("1 2", .trailingBytes),
  ])
  func refuses(_ text: String, _ code: JSONError.Code) {
    #expect { try JSONValue(parsing: text) } throws: { ($0 as? JSONError)?.code == code }
  }

  @Test func refusesInvalidUTF8() {
    for bytes: [UInt8] in [[0x22, 0xFF, 0x22], [0x22, 0x5C, 0x6E, 0xC3, 0x22]] {
      #expect { try JSONValue(parsing: bytes) } throws: {
        ($0 as? JSONError)?.code == .invalidString
      }
    }
  }

  @Test func depthIsBounded() throws {
    let deep = { String(repeating: "[", count: $0) + String(repeating: "]", count: $0) }
    _ = try JSONValue(parsing: deep(32))
    #expect(throws: JSONError(.limitExceeded, at: 32)) { try JSONValue(parsing: deep(33)) }
    #expect(throws: JSONError(.limitExceeded, at: 32)) { try JSONValue(parsing: deep(100_000)) }
  }

  @Test func sizeAndNumberOfValuesAreBounded() throws {
    var limits = JSONLimits.defaults
    limits.bytesMax = 8
    _ = try JSONValue(parsing: "[1,2,3 ]", limits: limits)
    #expect(throws: JSONError(.limitExceeded, at: 8)) {
      try JSONValue(parsing: "[1,2,3  ]", limits: limits)
    }
    limits.valuesMax = 3
    #expect { try JSONValue(parsing: "[1,2,3]", limits: limits) } throws: {
      ($0 as? JSONError)?.code == .limitExceeded
    }
  }

  @Test func accessors() throws {
    let value = try JSONValue(parsing: #"{"a":[1,2.5,"x",true],"a2":1,"a2":2}"#)
    #expect(value["a"]?[0]?.integer == 1)
    #expect(value["a"]?[0]?.double == 1)
    #expect(value["a"]?[1]?.double == 2.5)
    #expect(value["a"]?[1]?.integer == nil)
    #expect(value["a"]?[2]?.string == "x")
    #expect(value["a"]?[3]?.bool == true)
    #expect(value["a"]?[4] == nil)
    #expect(value["a2"]?.integer == 2)
    #expect(value["b"] == nil)
    #expect(value.members?.count == 3)
    #expect(value["a"]?.elements?.count == 4)
  }

  @Test func damagedDocumentsNeverTrapAndWhatParsesRoundTrips() throws {
    let corpus = [
      #"{"verbose":false,"name":"a\"\u20ac","protocol":1,"list":[1,-2.5e-3,null,true,{"x":[]}]}"#,
      #"[[[["\ud83d\ude00"]]],9223372036854775807,0.1]"#,
    ].map { Array($0.utf8) }
    var mutator = ByteMutator(seed: FuzzEffort.seed(0x6A73_6F6E), corpus: corpus)
    var parsed = 0
    for _ in 0..<FuzzEffort.rounds(20_000) {
      guard let value = try? JSONValue(parsing: mutator.next()) else { continue }
      parsed += 1
      #expect(try JSONValue(parsing: value.encoded) == value)
    }
    #expect(parsed > 100)
  }
}
