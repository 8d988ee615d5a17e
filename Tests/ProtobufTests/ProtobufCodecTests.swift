#if Protobuf
  import Godwit
  import GodwitEmbedded
  import GodwitProtobuf
  import GodwitWireTesting
  import NIOCore
  import SwiftProtobuf
  import Testing

  @Suite(.timeLimit(.minutes(1))) struct ProtobufCodecTests {
    let codec = ProtobufCodec()

    private var codecs: CodecRegistry {
      var codecs = CodecRegistry.defaults
      codecs.register(self.codec)
      return codecs
    }

    private static func code(_ body: () throws -> some Any) -> GodwitError.Code? {
      do {
        _ = try body()
        return nil
      } catch {
        return (error as? GodwitError)?.code
      }
    }

    @Test(arguments: ["application/protobuf", "application/x-protobuf; v=1"])
    func goldenBytesAndBack(_ contentType: String) throws {
      let value = Google_Protobuf_StringValue("é")
      let body = try self.codecs.encode(value, as: contentType)
      #expect(body == ByteBuffer(bytes: [0x0A, 2, 0xC3, 0xA9]))
      #expect(
        try self.codecs.decode(
          Google_Protobuf_StringValue.self, from: body, contentType: contentType) == value)
    }

    @Test func mapsAreWrittenInOneOrder() throws {
      let numbers = (0..<50).map { ("k\($0)", Google_Protobuf_Value(numberValue: Double($0))) }
      let up = Google_Protobuf_Struct(fields: .init(uniqueKeysWithValues: numbers))
      let down = Google_Protobuf_Struct(fields: .init(uniqueKeysWithValues: numbers.reversed()))
      let body = try self.codec.encode(up)
      #expect(try self.codec.encode(down) == body)
      #expect(try self.codec.decode(Google_Protobuf_Struct.self, from: body) == up)
    }

    @Test func whatCannotBeIsRefused() throws {
      #expect(Self.code { try self.codec.encode("text") } == .encodingFailed)
      let empty = ByteBuffer()
      #expect(Self.code { try self.codec.decode(String.self, from: empty) } == .decodingFailed)
      for bytes in [[0x0A, 5, 0x61], [0x0A, 1, 0xFF], [0xFF]] as [[UInt8]] {
        let body = ByteBuffer(bytes: bytes)
        #expect(
          Self.code { try self.codec.decode(Google_Protobuf_StringValue.self, from: body) }
            == .decodingFailed)
      }
    }

    @Test func limitsThrow() throws {
      let small = ProtobufCodec(bytesMax: 5, depthMax: 4)
      let fits = Google_Protobuf_StringValue("abc")
      let body = try small.encode(fits)
      #expect(try small.decode(Google_Protobuf_StringValue.self, from: body) == fits)
      let large = Google_Protobuf_StringValue("abcd")
      #expect(Self.code { try small.encode(large) } == .tooLarge)
      let largeBody = try self.codec.encode(large)
      #expect(
        Self.code { try small.decode(Google_Protobuf_StringValue.self, from: largeBody) }
          == .tooLarge)
      var deep = Google_Protobuf_Value(numberValue: 1)
      for _ in 0..<8 {
        deep = Google_Protobuf_Value(listValue: Google_Protobuf_ListValue(values: [deep]))
      }
      let deepBody = try self.codec.encode(deep)
      #expect(try self.codec.decode(Google_Protobuf_Value.self, from: deepBody) == deep)
      let shallow = ProtobufCodec(depthMax: 4)
      #expect(
        Self.code { try shallow.decode(Google_Protobuf_Value.self, from: deepBody) }
          == .decodingFailed)
    }

    @Test func damagedBodiesNeverTrap() throws {
      let value = Google_Protobuf_Struct(fields: [
        "a": .init(stringValue: "x"),
        "b": .init(listValue: .init(values: [.init(boolValue: true)])),
      ])
      let corpus = [Array(try self.codec.encode(value).readableBytesView)]
      var mutator = ByteMutator(seed: FuzzEffort.seed(0x7062), corpus: corpus)
      var count = 0
      for _ in 0..<FuzzEffort.rounds(5_000) {
        let body = ByteBuffer(bytes: mutator.next())
        let code = Self.code { try self.codec.decode(Google_Protobuf_Struct.self, from: body) }
        #expect(code == nil || code == .decodingFailed)
        if code == nil { count += 1 }
      }
      #expect(count > 50)
    }

    @Test func requestsAndAnswersTravelAsProtocolBuffers() async throws {
      let topic = Topic<Google_Protobuf_StringValue>("names")
      #expect(topic.contentType == "application/protobuf")
      try await withEmbeddedBroker(codecs: self.codecs) { broker in
        let service = Subscription(answering: topic, on: broker) { delivery in
          Google_Protobuf_Int32Value(Int32(delivery.payload.value.count))
        }
        try await service.whileRunning {
          let request = Message(
            topic: "names", body: try self.codec.encode(Google_Protobuf_StringValue("abc")),
            contentType: topic.contentType)
          let answer = try await broker.request(request)
          #expect(answer.contentType == "application/protobuf")
          #expect(answer.body == ByteBuffer(bytes: [0x08, 3]))
        }
      }
    }
  }
#endif
