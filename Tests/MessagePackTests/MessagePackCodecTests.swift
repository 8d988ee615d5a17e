import Godwit
import GodwitMessagePack
import GodwitWire
import GodwitWireTesting
import NIOCore
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct MessagePackCodecTests {
  struct Numbers: Codable, Hashable, Sendable {
    var int8 = Int8.min
    var int16 = Int16.min
    var int32 = Int32.min
    var int64 = Int64.min
    var uint8 = UInt8.max
    var uint16 = UInt16.max
    var uint32 = UInt32.max
    var uint64 = UInt64.max
    var float: Float = 0.1
    var double = 0.1
    var flag = true
  }

  struct Node: Codable, Hashable, Sendable {
    var name: String
    var note: String?
    var children: [Node]
    var times: [Date?]
    var bytes: [UInt8]
    var data: Data
    var counts: [Int: Int]
    var names: [String: Numbers]
  }

  enum Shape: Codable, Hashable, Sendable {
    case circle(radius: Double)
    case empty
  }

  /// Encodes itself as a subclass does.
  struct Derived: Codable, Equatable, Sendable {
    var base: Compact
    var name: String
    enum CodingKeys: String, CodingKey { case name }

    init(base: Compact, name: String) {
      self.base = base
      self.name = name
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      self.name = try container.decode(String.self, forKey: .name)
      self.base = try Compact(from: container.superDecoder())
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try self.base.encode(to: container.superEncoder())
      try container.encode(self.name, forKey: .name)
    }
  }

  struct Compact: Codable, Equatable, Sendable {
    var id: Int
    var name: String
    enum CodingKeys: Int, CodingKey { case id = 1, name = 2 }
  }

  let codec = MessagePackCodec()

  private func back<Value: Codable & Sendable>(_ value: Value) throws -> Value {
    try self.codec.decode(Value.self, from: try self.codec.encode(value))
  }

  private func encoded(_ value: some Encodable & Sendable) throws -> [UInt8] {
    Array(try self.codec.encode(value).readableBytesView)
  }

  private func decoded<Value: Sendable>(_ type: Value.Type, _ bytes: [UInt8]) throws -> Value {
    try self.codec.decode(type, from: ByteBuffer(bytes: bytes))
  }

  @Test func valuesComeBack() throws {
    let leaf = Node(
      name: "grün", note: nil, children: [], times: [nil, Date(timeIntervalSince1970: -1.25)],
      bytes: [], data: Data(), counts: [:], names: [:])
    let tree = Node(
      name: "", note: "n", children: [leaf, leaf], times: [Date(timeIntervalSince1970: 1.7e9)],
      bytes: [0, 255], data: Data([1]), counts: [1: 2, -1: 0], names: ["": Numbers(), "7": .init()])
    #expect(try self.back(tree) == tree)
    #expect(try self.back([Shape.circle(radius: 1.5), .empty]) == [.circle(radius: 1.5), .empty])
    #expect(try self.back([[1], [], [2, 3]]) == [[1], [], [2, 3]])
    #expect(try self.back(["a", nil, "b"]) == ["a", nil, "b"])
    #expect(try self.back(Int?.none) == nil)
    #expect(try self.back([String]()) == [])
    let derived = Derived(base: Compact(id: 7, name: "b"), name: "d")
    #expect(try self.back(derived) == derived)
  }

  @Test func goldenBytes() throws {
    #expect(try self.encoded(["b": 1, "a": 2]) == [0x82, 0xA1, 0x61, 2, 0xA1, 0x62, 1])
    #expect(try self.encoded([2: true, 1: false]) == [0x82, 1, 0xC2, 2, 0xC3])
    #expect(try self.encoded(["1": 1, "01": 2]) == [0x82, 0xA2, 0x30, 0x31, 2, 0xA1, 0x31, 1])
    #expect(try self.encoded(Compact(id: 5, name: "a")) == [0x82, 1, 5, 2, 0xA1, 0x61])
    #expect(try self.encoded([1, 255] as [UInt8]) == [0xC4, 2, 1, 255])
    #expect(try self.encoded([String]()) == [0x90])
    #expect(try self.encoded(Date(timeIntervalSince1970: 1)) == [0xD6, 0xFF, 0, 0, 0, 1])
    #expect(
      try self.encoded(MessagePackTime(seconds: 0, nanoseconds: 1))
        == [0xD7, 0xFF, 0, 0, 0, 4, 0, 0, 0, 0])
    #expect(
      try self.encoded(MessagePackExtension(type: 5, data: ByteBuffer(bytes: [9])))
        == [0xD4, 5, 9])
  }

  @Test func numbersAreReadInAnyFormThatIsExactlyThem() throws {
    #expect(try self.decoded(UInt8.self, [0xCB, 0x40, 0x59, 0, 0, 0, 0, 0, 0]) == 100)
    #expect(try self.decoded(Int64.self, [0xCC, 7]) == 7)
    #expect(try self.decoded(Double.self, [0xD0, 0xFF]) == -1)
    #expect(
      try self.decoded(Float.self, [0xCB, 0x3F, 0xB9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9A]) == 0.1)
    #expect(try self.decoded([UInt8].self, [0x92, 1, 0xCC, 255]) == [1, 255])
    #expect(
      try self.decoded(Compact.self, [0x82, 0xA2, 0x69, 0x64, 5, 2, 0xA0]) == .init(id: 5, name: "")
    )
    #expect(try self.decoded([String: Int].self, [0x81, 7, 1]) == ["7": 1])
    #expect(
      try self.decoded(
        MessagePackTime.self, [0xC7, 12, 0xFF, 0, 0, 0, 1] + [UInt8](repeating: 255, count: 8))
        == MessagePackTime(seconds: -1, nanoseconds: 1))
  }

  @Test(
    arguments: [
      ("UInt8", [0xCD, 1, 0]), ("UInt8", [0xFF]), ("UInt8", [0xCB, 0x3F, 0xE0, 0, 0, 0, 0, 0, 0]),
      ("UInt8", [0xA0]), ("UInt8", [0xC0]), ("UInt8", [1, 1]), ("UInt8", []), ("UInt8", [0xC1]),
      ("Double", [0xCF, 255, 255, 255, 255, 255, 255, 255, 255]),
      ("Float", [0xCB, 0x7F, 0xE0, 0, 0, 0, 0, 0, 0]),
      ("String", [0xA2, 0xC3, 0x28]), ("String", [0xC4, 0]), ("Date", [0xD4, 0xFF, 0]),
      ("Date", [0x01]), ("Compact", [0x81, 1, 5]), ("Compact", [0x81, 0xC0, 5]),
      ("Compact", [0x90]),
      ("Array", [0x80]), ("Array", [0xDD, 0xFF, 0xFF, 0xFF, 0xFF]),
    ] as [(String, [UInt8])])
  func whatIsNotTheTypeIsRefused(_ type: String, _ bytes: [UInt8]) {
    let types: [String: any (Decodable & Sendable).Type] = [
      "UInt8": UInt8.self, "Double": Double.self, "Float": Float.self, "String": String.self,
      "Date": Date.self, "Compact": Compact.self, "Array": [Int].self,
    ]
    #expect {
      guard let type = types[type] else { return }
      _ = try self.decoded(type, bytes)
    } throws: { ($0 as? GodwitError)?.code == .decodingFailed }
  }

  @Test func anErrorSaysWhere() {
    #expect {
      try self.decoded([String: [Int]].self, [0x81, 0xA1, 0x61, 0x92, 1, 0xA0])
    } throws: {
      guard case .typeMismatch(_, let context)? = ($0 as? GodwitError)?.cause as? DecodingError
      else { return false }
      return context.codingPath.map(\.stringValue) == ["a", "1"]
        && context.debugDescription == "Int from string at byte 5"
    }
  }

  @Test func limitsThrow() throws {
    let small = MessagePackCodec(bytesMax: 4, depthMax: 2)
    #expect(try small.decode([[Int]].self, from: small.encode([[1]])) == [[1]])
    for attempt in [
      { try small.encode("12345") }, { try small.encode([[[1]]]) },
    ] as [() throws -> ByteBuffer] {
      #expect { try attempt() } throws: { ($0 as? GodwitError)?.code == .tooLarge }
    }
    for body in [[0x91, 0x91, 0x91, 1], [0xA4, 1, 2, 3, 4]] as [[UInt8]] {
      #expect {
        try small.decode([[[Int]]].self, from: ByteBuffer(bytes: body))
      } throws: { ($0 as? GodwitError)?.code == .tooLarge }
    }
  }

  @Test func whatCannotBeWrittenIsRefused() {
    for date in [Date(timeIntervalSince1970: .nan), Date(timeIntervalSince1970: 1e300)] {
      #expect { try self.codec.encode(date) } throws: {
        ($0 as? GodwitError)?.code == .encodingFailed
      }
    }
    #expect {
      try self.codec.encode(MessagePackTime(seconds: 0, nanoseconds: 1_000_000_000))
    } throws: { ($0 as? GodwitError)?.code == .encodingFailed }
  }

  @Test func damagedBodiesNeverTrap() throws {
    let node = Node(
      name: "a", note: "b", children: [], times: [Date(timeIntervalSince1970: 0)], bytes: [1],
      data: Data([2]), counts: [1: 1], names: ["x": Numbers()])
    let corpus = [Array(try self.codec.encode([node, node]).readableBytesView)]
    var mutator = ByteMutator(seed: FuzzEffort.seed(0x436F_6465), corpus: corpus)
    var count = 0
    for _ in 0..<FuzzEffort.rounds(20_000) {
      let body = ByteBuffer(bytes: mutator.next())
      do throws(GodwitError) {
        _ = try self.codec.decode([Node].self, from: body)
        count += 1
      } catch {
        #expect(error.code == .decodingFailed)
      }
    }
    #expect(count > 100)
  }

  @Test func theRegistryChoosesItByContentType() throws {
    var codecs = CodecRegistry.defaults
    codecs.register(self.codec)
    for type in ["application/msgpack", "application/x-msgpack", "application/vnd.msgpack"] {
      let body = try codecs.encode([1], as: type)
      #expect(body == ByteBuffer(bytes: [0x91, 1]))
      #expect(try codecs.decode([Int].self, from: body, contentType: type) == [1])
    }
  }
}
