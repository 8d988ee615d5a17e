#if Protobuf
  import Godwit
  import GodwitProtobuf
  import GodwitWireTesting
  import NIOCore
  import SwiftProtobuf
  import Testing

  #if canImport(Glibc)
    import Glibc
  #else
    import Darwin
  #endif

  /// Bodies that mean no good: each is refused with the right code, at little cost, or read.
  @Suite(.timeLimit(.minutes(2))) struct ProtobufHostileTests {
    typealias Value = Google_Protobuf_Value
    typealias Text = Google_Protobuf_StringValue

    private let codec = ProtobufCodec()

    /// What a decoder answers, and which processor time of this thread it took, in seconds.
    private func decode<Payload: Sendable>(
      _ type: Payload.Type, _ bytes: [UInt8]
    ) -> (code: GodwitError.Code?, seconds: Double) {
      let begin = Self.processorTime()
      var code: GodwitError.Code?
      do {
        _ = try self.codec.decode(type, from: ByteBuffer(bytes: bytes))
      } catch {
        code = error.code
        #expect(error.description.utf8.count < 300, "an error quotes what was read")
      }
      return (code, Self.processorTime() - begin)
    }

    private static func processorTime() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func repeated(_ pattern: [UInt8], _ count: Int) -> [UInt8] {
      [UInt8](unsafeUninitializedCapacity: pattern.count * count) { buffer, used in
        for index in 0..<(pattern.count * count) { buffer[index] = pattern[index % pattern.count] }
        used = pattern.count * count
      }
    }

    /// A length before so many bytes.
    fileprivate static func varint(_ value: UInt64) -> [UInt8] {
      var value = value
      var bytes: [UInt8] = []
      while value > 0x7F {
        bytes.append(UInt8(value & 0x7F) | 0x80)
        value >>= 7
      }
      return bytes + [UInt8(value)]
    }

    // MARK: Nesting

    @Test(arguments: [10, 49, 51, 1_000, 100_000])
    func messagesInMessagesEndAtTheLimit(_ depth: Int) {
      // A list in a value in a list, from the innermost on, backwards.
      var body: [UInt8] = []
      for _ in 0..<depth {
        for tag in [0x32, 0x0A] as [UInt8] {
          body += Self.varint(UInt64(body.count)).reversed()
          body.append(tag)
        }
      }
      let answer = self.decode(Google_Protobuf_ListValue.self, body.reversed())
      #expect(answer.code == (depth < 50 ? nil : .decodingFailed))
      #expect(answer.seconds < 1)
    }

    @Test(arguments: [[0x7B], [0x0B], [0xFB, 0x7F]] as [[UInt8]])
    func groupsInGroupsEndAtTheLimit(_ group: [UInt8]) {
      let answer = self.decode(Text.self, Self.repeated(group, 2_000_000))
      #expect(answer.code == .decodingFailed)
      #expect(answer.seconds < 1)
    }

    // MARK: Lengths

    @Test(
      arguments: [
        1, 0x7F, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF,
        0xFFFF_FFFF_FFFF_FFFF,
      ] as [UInt64])
    func lengthsThatNothingStandsBehindAreRefused(_ length: UInt64) {
      let more = Self.varint(length)
      // Text, bytes, a message, a map's entry, packed numbers, and a field that nobody knows.
      #expect(self.decode(Text.self, [0x0A] + more).code == .decodingFailed)
      #expect(
        self.decode(Google_Protobuf_BytesValue.self, [0x0A] + more).code == .decodingFailed)
      #expect(self.decode(Value.self, [0x2A] + more).code == .decodingFailed)
      #expect(self.decode(Google_Protobuf_Struct.self, [0x0A] + more).code == .decodingFailed)
      let location = Google_Protobuf_SourceCodeInfo.Location.self
      #expect(self.decode(location, [0x0A] + more).code == .decodingFailed)
      #expect(self.decode(Text.self, [0x7A] + more).code == .decodingFailed)
    }

    @Test func packedNumbersAreWhatTheirLengthHolds() throws {
      let location = Google_Protobuf_SourceCodeInfo.Location.self
      let many = [0x0A] + Self.varint(1_000_000) + Self.repeated([1], 1_000_000)
      #expect(self.decode(location, many).code == nil)
      // The last one is not whole.
      let torn = [0x0A] + Self.varint(1_000_000) + Self.repeated([1], 999_999) + [0x80]
      #expect(self.decode(location, torn).code == .decodingFailed)
    }

    @Test(
      arguments: [
        [0x00], [0x07], [0x06, 1], [0x0C], [0x7B], [0x7B, 0x0C], [0x80], [0xFF, 0xFF],
        [0x08] + Array(repeating: 0xFF, count: 10), Array(repeating: 0x80, count: 11) + [1],
        [0x0D, 0],
        [0x09, 0, 0, 0],
      ] as [[UInt8]])
    func whatIsNoFieldIsRefused(_ bytes: [UInt8]) {
      #expect(self.decode(Text.self, bytes).code == .decodingFailed)
      #expect(self.decode(Google_Protobuf_Struct.self, bytes).code == .decodingFailed)
    }

    @Test func everyBeginningOfAMessageIsReadOrRefused() throws {
      let whole = Google_Protobuf_Struct(fields: [
        "list": .init(listValue: .init(values: [.init(numberValue: 1), .init(boolValue: true)])),
        "text": .init(stringValue: "é"), "none": .init(nilLiteral: ()),
      ])
      let bytes = Array(try self.codec.encode(whole).readableBytesView)
      var refused = 0
      for count in 0..<bytes.count {
        let code = self.decode(Google_Protobuf_Struct.self, Array(bytes.prefix(count))).code
        #expect(code == nil || code == .decodingFailed)
        if code != nil { refused += 1 }
      }
      // A message may end between its fields, of which there are three.
      #expect(refused == bytes.count - 3)
    }

    // MARK: Content

    @Test(
      arguments: [
        [0x61, 0xFF], [0xC3], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xC0, 0x80],
      ] as [[UInt8]])
    func textThatIsNoneIsRefused(_ text: [UInt8]) {
      #expect(
        self.decode(Text.self, [0x0A, UInt8(text.count)] + text).code == .decodingFailed)
    }

    @Test func aFieldThatIsMissingIsMissed() {
      typealias Part = Google_Protobuf_UninterpretedOption.NamePart
      #expect(self.decode(Part.self, [0x0A, 1, 0x61, 0x10, 1]).code == nil)
      #expect(self.decode(Part.self, [0x0A, 1, 0x61]).code == .decodingFailed)
      #expect(self.decode(Part.self, []).code == .decodingFailed)
      let error = #expect(throws: GodwitError.self) { try self.codec.encode(Part()) }
      #expect(error?.code == .encodingFailed)
    }

    @Test func aBodyOfAnotherTypeIsRefused() throws {
      var codecs = CodecRegistry.defaults
      codecs.register(self.codec)
      let text = Text("abc")
      let body = try self.codec.encode(text)
      func code(_ contentType: String, _ body: ByteBuffer) -> GodwitError.Code? {
        do throws(GodwitError) {
          return try codecs.decode(Text.self, from: body, contentType: contentType) == text
            ? nil : .init(rawValue: "another value")
        } catch {
          return error.code
        }
      }
      for right in ["application/protobuf", "Application/X-Protobuf; charset=utf-8"] {
        #expect(code(right, body) == nil, "\(right)")
      }
      // Nothing is guessed: neither from the bytes nor from the type that is asked for.
      for wrong in [
        "application/json", "text/plain", "application/octet-stream", "application/grpc", "", ";",
        "application/protobufs", "application/protobuf/x",
      ] {
        let said = code(wrong, body)
        #expect(said == .decodingFailed || said == .unsupported, "\(wrong): \(said as Any)")
      }
      #expect(code("application/protobuf", ByteBuffer(string: "{\"value\":1}")) == .decodingFailed)
    }

    @Test func theLimitIsOfTheWholeBody() throws {
      let small = ProtobufCodec(bytesMax: 100)
      let known = [0x0A, 50] + Self.repeated([0x61], 50)
      // What the type does not know counts as well, and is not even looked at beyond the limit.
      let unknown = [0x7A, 46] + Self.repeated([0], 46)
      func code(_ bytes: [UInt8]) -> GodwitError.Code? {
        do throws(GodwitError) {
          _ = try small.decode(Text.self, from: ByteBuffer(bytes: bytes))
          return nil
        } catch {
          return error.code
        }
      }
      #expect(code(known + unknown) == nil)
      #expect(code(known + unknown + [0]) == .tooLarge)
      #expect(code(Self.repeated([0xFF], 101)) == .tooLarge)
      #expect(ProtobufCodec(bytesMax: 0).decodesEmpty)
    }

    // MARK: Work

    /// Bodies that are twice as large take twice as long, not four times. One kind does, as the
    /// codec's documentation says: swift-protobuf copies what a `oneof` holds to merge more in.
    @Test(arguments: Work.allCases)
    func whatABodyCostsGrowsWithItsSize(_ work: Work) {
      let count = 4_000
      let few = self.decode(Value.self, work.body(count))
      let many = self.decode(Value.self, work.body(16 * count))
      #expect(few.code == nil && many.code == nil)
      #expect(many.seconds < 0.05 + 16 * 4 * few.seconds)
    }

    enum Work: CaseIterable {
      /// Elements of a list, two bytes each.
      case list
      /// Keys of a map.
      case keys
      /// One key of a map, again and again.
      case key
      /// A message in its field again and again, which are one message together.
      case merged
      /// Fields that nobody knows.
      case unknown
      /// The same, in a message that comes again and again.
      case mergedUnknown

      func body(_ count: Int) -> [UInt8] {
        var body: [UInt8] = []
        switch self {
        case .list:
          for _ in 0..<count { body += [0x0A, 0] }
          return [0x32] + ProtobufHostileTests.varint(UInt64(body.count)) + body
        case .keys, .key:
          for number in 0..<count {
            let key = Array(String(self == .key ? 0 : number).utf8)
            body += [0x0A, UInt8(key.count + 4), 0x0A, UInt8(key.count)] + key + [0x12, 0]
          }
          return [0x2A] + ProtobufHostileTests.varint(UInt64(body.count)) + body
        case .merged:
          for _ in 0..<count { body += [0x2A, 0] }
        case .unknown:
          for _ in 0..<count { body += [0x78, 0] }
        case .mergedUnknown:
          for _ in 0..<count { body += [0x2A, 2, 0x78, 0] }
        }
        return body
      }
    }
  }

  extension ProtobufCodec {
    fileprivate var decodesEmpty: Bool {
      (try? self.decode(Google_Protobuf_Empty.self, from: ByteBuffer())) != nil
    }
  }
#endif
