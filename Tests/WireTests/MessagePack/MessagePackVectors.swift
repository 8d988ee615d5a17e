import GodwitWire
import NIOCore

/// The vectors of the public msgpack-test-suite (github.com/kawanet/msgpack-test-suite, MIT):
/// values, and every form in which each may be written, in hexadecimal.
struct MessagePackVector: Sendable {
  let value: MessagePackValue
  let forms: [String]

  init(_ value: MessagePackValue, _ forms: [String]) {
    self.value = value
    self.forms = forms
  }

  static let all: [Self] = [
    .init(.nil, ["c0"]),
    .init(.bool(false), ["c2"]),
    .init(.bool(true), ["c3"]),
    .init(.binary(ByteBuffer(bytes: [] as [UInt8])), ["c400", "c50000", "c600000000"]),
    .init(.binary(ByteBuffer(bytes: [0x01] as [UInt8])), ["c40101", "c5000101", "c60000000101"]),
    .init(
      .binary(ByteBuffer(bytes: [0x00, 0xFF] as [UInt8])),
      ["c40200ff", "c5000200ff", "c60000000200ff"]),
    .init(
      .integer(0),
      [
        "00", "cc00", "cd0000", "ce00000000", "cf0000000000000000", "d000", "d10000", "d200000000",
        "d30000000000000000", "ca00000000", "cb0000000000000000",
      ]),
    .init(
      .integer(1),
      [
        "01", "cc01", "cd0001", "ce00000001", "cf0000000000000001", "d001", "d10001", "d200000001",
        "d30000000000000001", "ca3f800000", "cb3ff0000000000000",
      ]),
    .init(
      .integer(127),
      [
        "7f", "cc7f", "cd007f", "ce0000007f", "cf000000000000007f", "d07f", "d1007f", "d20000007f",
        "d3000000000000007f",
      ]),
    .init(
      .integer(128),
      [
        "cc80", "cd0080", "ce00000080", "cf0000000000000080", "d10080", "d200000080",
        "d30000000000000080",
      ]),
    .init(
      .integer(255),
      [
        "ccff", "cd00ff", "ce000000ff", "cf00000000000000ff", "d100ff", "d2000000ff",
        "d300000000000000ff",
      ]),
    .init(
      .integer(256),
      ["cd0100", "ce00000100", "cf0000000000000100", "d10100", "d200000100", "d30000000000000100"]),
    .init(
      .integer(65_535),
      ["cdffff", "ce0000ffff", "cf000000000000ffff", "d20000ffff", "d3000000000000ffff"]),
    .init(
      .integer(65_536), ["ce00010000", "cf0000000000010000", "d200010000", "d30000000000010000"]),
    .init(
      .integer(2_147_483_647),
      ["ce7fffffff", "cf000000007fffffff", "d27fffffff", "d3000000007fffffff"]),
    .init(
      .integer(2_147_483_648),
      [
        "ce80000000", "cf0000000080000000", "d30000000080000000", "ca4f000000",
        "cb41e0000000000000",
      ]),
    .init(
      .integer(4_294_967_295),
      ["ceffffffff", "cf00000000ffffffff", "d300000000ffffffff", "cb41efffffffe00000"]),
    .init(
      .integer(-1),
      [
        "ff", "d0ff", "d1ffff", "d2ffffffff", "d3ffffffffffffffff", "cabf800000",
        "cbbff0000000000000",
      ]),
    .init(
      .integer(-32),
      [
        "e0", "d0e0", "d1ffe0", "d2ffffffe0", "d3ffffffffffffffe0", "cac2000000",
        "cbc040000000000000",
      ]),
    .init(.integer(-33), ["d0df", "d1ffdf", "d2ffffffdf", "d3ffffffffffffffdf"]),
    .init(.integer(-128), ["d080", "d1ff80", "d2ffffff80", "d3ffffffffffffff80"]),
    .init(.integer(-256), ["d1ff00", "d2ffffff00", "d3ffffffffffffff00"]),
    .init(.integer(-32_768), ["d18000", "d2ffff8000", "d3ffffffffffff8000"]),
    .init(.integer(-65_536), ["d2ffff0000", "d3ffffffffffff0000"]),
    .init(.integer(-2_147_483_648), ["d280000000", "d3ffffffff80000000", "cbc1e0000000000000"]),
    .init(.double(0.5), ["ca3f000000", "cb3fe0000000000000"]),
    .init(.double(-0.5), ["cabf000000", "cbbfe0000000000000"]),
    .init(
      .integer(4_294_967_296),
      ["cf0000000100000000", "d30000000100000000", "ca4f800000", "cb41f0000000000000"]),
    .init(.integer(-4_294_967_296), ["d3ffffffff00000000", "cbc1f0000000000000"]),
    .init(
      .integer(281_474_976_710_656),
      ["cf0001000000000000", "d30001000000000000", "ca57800000", "cb42f0000000000000"]),
    .init(
      .integer(-281_474_976_710_656), ["d3ffff000000000000", "cad7800000", "cbc2f0000000000000"]),
    .init(.integer(9_223_372_036_854_775_807), ["d37fffffffffffffff", "cf7fffffffffffffff"]),
    .init(.integer(-9_223_372_036_854_775_807), ["d38000000000000001"]),
    .init(.unsigned(9_223_372_036_854_775_808), ["cf8000000000000000"]),
    .init(.integer(-9_223_372_036_854_775_808), ["d38000000000000000"]),
    .init(.unsigned(18_446_744_073_709_551_615), ["cfffffffffffffffff"]),
    .init(.string(""), ["a0", "d900", "da0000", "db00000000"]),
    .init(.string("a"), ["a161", "d90161", "da000161", "db0000000161"]),
    .init(
      .string("1234567890123456789012345678901"),
      [
        "bf31323334353637383930313233343536373839303132333435363738393031",
        "d91f31323334353637383930313233343536373839303132333435363738393031",
        "da001f31323334353637383930313233343536373839303132333435363738393031",
      ]),
    .init(
      .string("12345678901234567890123456789012"),
      [
        "d9203132333435363738393031323334353637383930313233343536373839303132",
        "da00203132333435363738393031323334353637383930313233343536373839303132",
      ]),
    .init(
      .string("Кириллица"),
      ["b2d09ad0b8d180d0b8d0bbd0bbd0b8d186d0b0", "d912d09ad0b8d180d0b8d0bbd0bbd0b8d186d0b0"]),
    .init(.string("ひらがな"), ["ace381b2e38289e3818ce381aa", "d90ce381b2e38289e3818ce381aa"]),
    .init(.string("한글"), ["a6ed959ceab880", "d906ed959ceab880"]),
    .init(.string("汉字"), ["a6e6b189e5ad97", "d906e6b189e5ad97"]),
    .init(.string("漢字"), ["a6e6bca2e5ad97", "d906e6bca2e5ad97"]),
    .init(.string("❤"), ["a3e29da4", "d903e29da4"]),
    .init(.string("🍺"), ["a4f09f8dba", "d904f09f8dba"]),
    .init(.array([]), ["90", "dc0000", "dd00000000"]),
    .init(.array([.integer(1)]), ["9101", "dc000101", "dd0000000101"]),
    .init(
      .array([
        .integer(1), .integer(2), .integer(3), .integer(4), .integer(5), .integer(6), .integer(7),
        .integer(8), .integer(9), .integer(10), .integer(11), .integer(12), .integer(13),
        .integer(14), .integer(15),
      ]),
      [
        "9f0102030405060708090a0b0c0d0e0f", "dc000f0102030405060708090a0b0c0d0e0f",
        "dd0000000f0102030405060708090a0b0c0d0e0f",
      ]),
    .init(
      .array([
        .integer(1), .integer(2), .integer(3), .integer(4), .integer(5), .integer(6), .integer(7),
        .integer(8), .integer(9), .integer(10), .integer(11), .integer(12), .integer(13),
        .integer(14), .integer(15), .integer(16),
      ]), ["dc00100102030405060708090a0b0c0d0e0f10", "dd000000100102030405060708090a0b0c0d0e0f10"]),
    .init(.array([.string("a")]), ["91a161", "dc0001a161", "dd00000001a161"]),
    .init(.map([]), ["80", "de0000", "df00000000"]),
    .init(
      .map([.init(.string("a"), .integer(1))]), ["81a16101", "de0001a16101", "df00000001a16101"]),
    .init(
      .map([.init(.string("a"), .string("A"))]),
      ["81a161a141", "de0001a161a141", "df00000001a161a141"]),
    .init(.array([.array([])]), ["9190", "dc0001dc0000", "dd00000001dd00000000"]),
    .init(.array([.map([])]), ["9180", "dc000180", "dd0000000180"]),
    .init(
      .map([.init(.string("a"), .map([]))]),
      ["81a16180", "de0001a161de0000", "df00000001a161df00000000"]),
    .init(
      .map([.init(.string("a"), .array([]))]), ["81a16190", "de0001a16190", "df00000001a16190"]),
    .init(.timestamp(1_514_862_245, 0), ["d6ff5a4af6a5"]),
    .init(.timestamp(1_514_862_245, 678_901_234), ["d7ffa1dcd7c85a4af6a5"]),
    .init(.timestamp(2_147_483_647, 999_999_999), ["d7ffee6b27fc7fffffff"]),
    .init(.timestamp(2_147_483_648, 0), ["d6ff80000000"]),
    .init(.timestamp(2_147_483_648, 1), ["d7ff0000000480000000"]),
    .init(.timestamp(4_294_967_295, 0), ["d6ffffffffff"]),
    .init(.timestamp(4_294_967_295, 999_999_999), ["d7ffee6b27fcffffffff"]),
    .init(.timestamp(4_294_967_296, 0), ["d7ff0000000100000000"]),
    .init(.timestamp(17_179_869_183, 999_999_999), ["d7ffee6b27ffffffffff"]),
    .init(.timestamp(17_179_869_184, 0), ["c70cff000000000000000400000000"]),
    .init(.timestamp(-1, 0), ["c70cff00000000ffffffffffffffff"]),
    .init(.timestamp(-1, 999_999_999), ["c70cff3b9ac9ffffffffffffffffff"]),
    .init(.timestamp(0, 0), ["d6ff00000000"]),
    .init(.timestamp(0, 1), ["d7ff0000000400000000"]),
    .init(.timestamp(1, 0), ["d6ff00000001"]),
    .init(.timestamp(-2_208_988_801, 999_999_999), ["c70cff3b9ac9ffffffffff7c55817f"]),
    .init(.timestamp(-2_208_988_800, 0), ["c70cff00000000ffffffff7c558180"]),
    .init(.timestamp(-62_167_219_200, 0), ["c70cff00000000fffffff1868b8400"]),
    .init(.timestamp(253_402_300_799, 999_999_999), ["c70cff3b9ac9ff0000003afff4417f"]),
    .init(.ext(type: 1, data: ByteBuffer(bytes: [0x10] as [UInt8])), ["d40110"]),
    .init(.ext(type: 2, data: ByteBuffer(bytes: [0x20, 0x21] as [UInt8])), ["d5022021"]),
    .init(
      .ext(type: 3, data: ByteBuffer(bytes: [0x30, 0x31, 0x32, 0x33] as [UInt8])), ["d60330313233"]),
    .init(
      .ext(
        type: 4,
        data: ByteBuffer(bytes: [0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47] as [UInt8])),
      ["d7044041424344454647"]),
    .init(
      .ext(
        type: 5,
        data: ByteBuffer(
          bytes: [
            0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x5B, 0x5C, 0x5D,
            0x5E, 0x5F,
          ] as [UInt8])), ["d805505152535455565758595a5b5c5d5e5f"]),
    .init(
      .ext(type: 6, data: ByteBuffer(bytes: [] as [UInt8])), ["c70006", "c8000006", "c90000000006"]),
    .init(
      .ext(type: 7, data: ByteBuffer(bytes: [0x70, 0x71, 0x72] as [UInt8])),
      ["c70307707172", "c8000307707172", "c90000000307707172"]),
  ]
}

extension MessagePackValue {
  fileprivate static func timestamp(_ seconds: Int64, _ nanoseconds: UInt32) -> Self {
    MessagePackTimestamp(seconds: seconds, nanoseconds: nanoseconds).map { .timestamp($0) } ?? .nil
  }
}
