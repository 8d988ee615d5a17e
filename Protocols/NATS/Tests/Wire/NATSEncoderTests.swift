import GodwitWireTesting
import NATSWire
import NIOCore
import Testing

@Suite struct NATSEncoderTests {
  private func text(_ body: (inout ByteBuffer) -> Void) -> String {
    var buffer = ByteBuffer()
    body(&buffer)
    return String(buffer: buffer)
  }

  @Test func bareOperations() {
    #expect(self.text { NATSEncoder.ping(into: &$0) } == "PING\r\n")
    #expect(self.text { NATSEncoder.pong(into: &$0) } == "PONG\r\n")
    #expect(self.text { NATSEncoder.ok(into: &$0) } == "+OK\r\n")
    #expect(
      self.text { NATSEncoder.error(.staleConnection, into: &$0) } == "-ERR 'Stale Connection'\r\n")
  }

  @Test func subscriptions() {
    #expect(
      self.text { NATSEncoder.subscribe("a.*".utf8, queue: nil, sid: "7".utf8, into: &$0) }
        == "SUB a.* 7\r\n")
    #expect(
      self.text { NATSEncoder.subscribe("a".utf8, queue: "q".utf8, sid: "7".utf8, into: &$0) }
        == "SUB a q 7\r\n")
    #expect(self.text { NATSEncoder.unsubscribe(sid: "7".utf8, into: &$0) } == "UNSUB 7\r\n")
    #expect(
      self.text { NATSEncoder.unsubscribe(sid: "7".utf8, messagesMax: 3, into: &$0) }
        == "UNSUB 7 3\r\n")
  }

  @Test func everyMessageReadsBack() {
    var random = SplitMix64(seed: 5)
    var buffer = ByteBuffer()
    var published: [ParsedStream] = []
    for _ in 0..<500 {
      let payload = (0..<Int.random(in: 0...40, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      let headers = Bool.random(using: &random) ? Array("NATS/1.0\r\nA: b\r\n\r\n".utf8) : []
      let reply = Bool.random(using: &random) ? "_INBOX.x".utf8 : nil
      buffer.clear()
      NATSEncoder.publish(
        "foo.bar".utf8, reply: reply, headers: headers, payload: payload, into: &buffer)
      let client = ParsedStream(
        Array(buffer.readableBytesView), parser: NATSParser(sender: .client, limits: .defaults))
      buffer.clear()
      NATSEncoder.message(
        "foo.bar".utf8, sid: "12".utf8, reply: reply, headers: headers, payload: payload,
        into: &buffer)
      let server = ParsedStream(
        Array(buffer.readableBytesView), parser: NATSParser(sender: .server, limits: .client))
      #expect(client.operations.count == 1)
      #expect(client.operations.first?.isCanonical == true)
      #expect(client.operations.first?.message == headers + payload)
      #expect(client.operations.first?.reply == (reply == nil ? "" : "_INBOX.x"))
      #expect(client.remaining == 0)
      #expect(server.operations.first?.message == headers + payload)
      #expect(server.operations.first?.headerBytes == headers.count)
      #expect(server.operations.first?.sid == "12")
      #expect(server.remaining == 0)
      published.append(client)
    }
    #expect(published.count == 500)
  }
}
