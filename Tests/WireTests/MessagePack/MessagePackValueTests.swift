import GodwitWire
import GodwitWireTesting
import NIOCore
import Testing

@Suite struct MessagePackValueTests {
  @Test(arguments: MessagePackVector.all.indices)
  func everyFormOfThePublicVectorsIsRead(_ index: Int) throws {
    let vector = MessagePackVector.all[index]
    for form in vector.forms {
      let value = try MessagePackValue(reading: ByteBuffer(hex: form))
      #expect(value.isSame(as: vector.value), "\(form)")
    }
  }

  @Test func shortestFormsAreWritten() throws {
    for vector in MessagePackVector.all {
      let written = try vector.value.bytes()
      let forms = vector.forms.map { ByteBuffer(hex: $0) }
      #expect(forms.contains(written), "\(vector.value)")
      // Numbers keep their kind, and those with a fraction their precision.
      let whole = vector.forms.filter { !$0.hasPrefix("ca") && !$0.hasPrefix("cb") }
      let shortest = vector.value.isDouble ? 9 : whole.map { $0.utf8.count / 2 }.min()
      #expect(written.readableBytes == shortest, "\(vector.value)")
    }
    #expect(MessagePackVector.all.count == 85)
    #expect(MessagePackVector.all.map(\.forms.count).reduce(0, +) == 233)
  }

  @Test(
    arguments: [
      (31, [0xBF]), (32, [0xD9, 0x20]), (255, [0xD9, 0xFF]), (256, [0xDA, 1, 0]),
      (65_535, [0xDA, 0xFF, 0xFF]), (65_536, [0xDB, 0, 1, 0, 0]),
    ] as [(Int, [UInt8])])
  func headsOfStrings(_ count: Int, _ head: [UInt8]) throws {
    let value = MessagePackValue.string(String(repeating: "a", count: count))
    let bytes = try value.bytes()
    #expect(Array(bytes.readableBytesView.prefix(head.count)) == head)
    #expect(bytes.readableBytes == head.count + count)
    #expect(try MessagePackValue(reading: bytes) == value)
  }

  @Test(
    arguments: [
      (255, [0xC4, 0xFF], [0xC7, 0xFF, 5]), (256, [0xC5, 1, 0], [0xC8, 1, 0, 5]),
      (65_536, [0xC6, 0, 1, 0, 0], [0xC9, 0, 1, 0, 0, 5]),
    ] as [(Int, [UInt8], [UInt8])])
  func headsOfBytes(_ count: Int, _ binary: [UInt8], _ ext: [UInt8]) throws {
    let data = ByteBuffer(repeating: 7, count: count)
    for (value, head) in [
      (MessagePackValue.binary(data), binary), (.ext(type: 5, data: data), ext),
    ] {
      let bytes = try value.bytes()
      #expect(Array(bytes.readableBytesView.prefix(head.count)) == head)
      #expect(try MessagePackValue(reading: bytes) == value)
    }
  }

  @Test(
    arguments: [
      (15, [0x9F], [0x8F]), (16, [0xDC, 0, 16], [0xDE, 0, 16]),
      (65_536, [0xDD, 0, 1, 0, 0], [0xDF, 0, 1, 0, 0]),
    ] as [(Int, [UInt8], [UInt8])])
  func headsOfContainers(_ count: Int, _ array: [UInt8], _ map: [UInt8]) throws {
    let pair = MessagePackValue.Pair(.nil, .bool(true))
    for (value, head) in [
      (MessagePackValue.array(.init(repeating: .nil, count: count)), array),
      (.map(.init(repeating: pair, count: count)), map),
    ] {
      let bytes = try value.bytes()
      #expect(Array(bytes.readableBytesView.prefix(head.count)) == head)
      #expect(try MessagePackValue(reading: bytes) == value)
    }
  }

  @Test(arguments: [
    ("", MessagePackError.Code.truncated, 0),
    ("CD01", .truncated, 0),
    ("9201", .truncated, 0),
    ("9201CD01", .truncated, 2),
    ("93C0C0", .truncated, 0),
    ("DDFFFFFFFF00", .truncated, 0),
    ("DC0003C0C0", .truncated, 0),
    ("DD00000003C0C0", .truncated, 0),
    ("DFFFFFFFFF0000", .truncated, 0),
    // A key and a value are two bytes at least: five are none for three of them.
    ("83C0C0C0C0C0", .truncated, 0),
    ("DE0003C0C0C0C0C0", .truncated, 0),
    ("DF00000003C0C0C0C0C0", .truncated, 0),
    ("92C0C6FFFFFFFF00", .truncated, 2),
    ("C9FFFFFFFF05", .truncated, 0),
    ("C1", .reservedByte, 0),
    ("92C0C1", .reservedByte, 2),
    ("C0C0", .trailingBytes, 1),
    ("91A2C328", .invalidString, 1),
    ("91D5FF0000", .invalidTimestamp, 1),
    ("D7FFFFFFFFFF00000000", .invalidTimestamp, 0),
    ("C70CFF3B9ACA000000000000000000", .invalidTimestamp, 0),
  ])
  func defectsAreSaidWithTheirPlace(_ hex: String, _ code: MessagePackError.Code, _ offset: Int) {
    #expect(throws: MessagePackError(code, at: offset)) {
      try MessagePackValue(reading: ByteBuffer(hex: hex))
    }
  }

  @Test func limitsHold() throws {
    var limits = MessagePackLimits.defaults
    limits.depthMax = 3
    let fits = MessagePackValue.array([.map([.init(.array([]), .nil)])])
    #expect(try MessagePackValue(reading: try fits.bytes(), limits: limits) == fits)
    let deep = try MessagePackValue.array([fits]).bytes()
    #expect(throws: MessagePackError(.limitExceeded, at: 3)) {
      try MessagePackValue(reading: deep, limits: limits)
    }
    limits.bytesMax = 4
    #expect(throws: MessagePackError(.limitExceeded, at: 4)) {
      try MessagePackValue(reading: deep, limits: limits)
    }
    limits = .defaults
    limits.valuesMax = 2
    #expect(
      try MessagePackValue(reading: ByteBuffer(hex: "9101"), limits: limits)
        == .array([.integer(1)]))
    #expect(throws: MessagePackError(.limitExceeded, at: 2)) {
      try MessagePackValue(reading: ByteBuffer(hex: "920101"), limits: limits)
    }
    var writer = MessagePackWriter(bytesMax: 3)
    #expect(throws: MessagePackError(.limitExceeded, at: 0)) { try writer.string("abcd") }
    #expect(throws: MessagePackError(.limitExceeded, at: 1)) { try writer.string("abc") }
    var shallow = MessagePackWriter()
    #expect(throws: MessagePackError(.limitExceeded, at: 1)) {
      try MessagePackValue.array([.array([])]).write(to: &shallow, depthMax: 1)
    }
    let towers = ByteBuffer(repeating: 0x91, count: 1 << 20)
    #expect(throws: MessagePackError(.limitExceeded, at: 64)) {
      try MessagePackValue(reading: towers)
    }
  }

  @Test func randomTreesComeBack() throws {
    var random = SplitMix64(seed: FuzzEffort.seed(0x6D70))
    for _ in 0..<FuzzEffort.rounds(2_000) {
      let value = MessagePackValue.random(depth: 4, using: &random)
      #expect(try MessagePackValue(reading: try value.bytes()) == value)
    }
  }

  @Test func damagedDocumentsNeverTrapAndWhatIsReadRoundTrips() throws {
    let corpus = MessagePackVector.all.flatMap(\.forms).map {
      Array(ByteBuffer(hex: $0).readableBytesView)
    }
    var mutator = ByteMutator(seed: FuzzEffort.seed(0x6D73_6770), corpus: corpus)
    var count = 0
    for _ in 0..<FuzzEffort.rounds(50_000) {
      let bytes = ByteBuffer(bytes: mutator.next())
      guard let value = try? MessagePackValue(reading: bytes) else { continue }
      count += 1
      let written = try value.bytes()
      #expect(written.readableBytes <= bytes.readableBytes)
      // Compared as bytes: NaN is not equal to itself.
      #expect(try MessagePackValue(reading: written).bytes() == written)
    }
    #expect(count > 1_000)
  }
}

extension ByteBuffer {
  /// The bytes that pairs of hexadecimal digits stand for.
  fileprivate init(hex: String) {
    let digits = hex.compactMap(\.hexDigitValue)
    self.init()
    for index in stride(from: 0, to: digits.count - 1, by: 2) {
      self.writeInteger(UInt8(digits[index] << 4 | digits[index + 1]))
    }
  }
}

extension MessagePackValue {
  fileprivate var isDouble: Bool {
    if case .double = self { true } else { false }
  }

  fileprivate func bytes() throws(MessagePackError) -> ByteBuffer {
    var writer = MessagePackWriter()
    try self.write(to: &writer)
    return writer.buffer
  }

  /// Whether both say the same; a whole number may have been written as a float.
  fileprivate func isSame(as other: Self) -> Bool {
    switch (self, other) {
    case (.float(let number), .integer(let whole)): Double(number) == Double(whole)
    case (.double(let number), .integer(let whole)): number == Double(whole)
    case (.float(let number), .double(let other)): Double(number) == other
    default: self == other
    }
  }

  fileprivate static func random(depth: Int, using random: inout SplitMix64) -> Self {
    func count(_ max: Int) -> Int { Int.random(in: 0...max, using: &random) }
    func data() -> ByteBuffer { ByteBuffer(repeating: UInt8(count(255)), count: count(40)) }
    switch count(depth > 0 ? 11 : 9) {
    case 0: return .nil
    case 1: return .bool(random.next() & 1 == 0)
    case 2: return .integer(Int64(bitPattern: random.next()) >> Int64(count(63)))
    case 3: return .unsigned(random.next() | 1 << 63)
    case 4: return .float(Float.random(in: -1e9...1e9, using: &random))
    case 5: return .double(Double.random(in: -1e99...1e99, using: &random))
    case 6: return .string(String(repeating: "aé😀", count: count(30)))
    case 7: return .binary(data())
    case 8: return .ext(type: Int8(count(127)), data: data())
    case 9:
      let seconds = Int64(bitPattern: random.next()) >> Int64(count(63))
      return MessagePackTimestamp(seconds: seconds, nanoseconds: UInt32(count(999_999_999)))
        .map { .timestamp($0) } ?? .nil
    case 10:
      return .array((0..<count(20)).map { _ in self.random(depth: depth - 1, using: &random) })
    default:
      return .map(
        (0..<count(20)).map { _ in
          Pair(
            self.random(depth: 0, using: &random), self.random(depth: depth - 1, using: &random))
        })
    }
  }
}
