#if Protobuf
  import Godwit
  import GodwitConduit
  import GodwitEmbedded
  import GodwitProtobuf
  import NIOCore
  import SwiftProtobuf
  import Testing

  @Suite(.timeLimit(.minutes(1))) struct ConduitProtobufTests {
    @Test func payloadsAndRepliesMayBeProtobuf() async throws {
      var codecs = CodecRegistry.defaults
      codecs.register(ProtobufCodec())
      try await withEmbeddedBroker(codecs: codecs) { broker in
        let settings = ConduitSettings(contentType: "application/protobuf")
        try await withConduit("p", on: broker, settings: settings) { conduit in
          let binding = try await conduit.queueBind("upper")
          async let serving: Void = binding.answer(Google_Protobuf_StringValue.self) { value in
            Google_Protobuf_StringValue(value.value.uppercased())
          }
          let answer: Google_Protobuf_StringValue = try await conduit.own.request(
            "upper", Google_Protobuf_StringValue("ada"))
          #expect(answer.value == "ADA")
          // What is no such message is an error, and not a wrong value.
          do throws(GodwitError) {
            let answer: String = try await conduit.own.request("upper", ByteBuffer(bytes: [0xFF]))
            Issue.record("\(answer)")
          } catch {
            #expect(error.code == .remoteFailure)
          }
          binding.unbind()
          await serving
        }
      }
    }
  }
#endif
