import GodwitWireTesting
import NATSWire
import NIOCore
import Testing

@Suite struct NATSHeadersTests {
  private func parse(_ text: String) throws -> NATSHeaders {
    try Array(text.utf8).withUnsafeBytes { try NATSHeaders(parsing: $0) }
  }

  @Test func fieldsKeepOrderCaseAndRepetition() throws {
    let headers = try self.parse("NATS/1.0\r\nA: 1\r\nb:2\r\nA:  3 \r\nEmpty:\r\nC: x: y\r\n\r\n")
    #expect(
      headers.fields == [
        .init("A", "1"), .init("b", "2"), .init("A", "3"), .init("Empty", ""), .init("C", "x: y"),
      ])
    #expect(headers.status == nil)
    #expect(headers["A"] == "1")
    #expect(headers.values("A") == ["1", "3"])
    #expect(headers["a"] == nil)
  }

  @Test func inlineStatus() throws {
    let bare = try self.parse("NATS/1.0 503\r\n\r\n")
    #expect(bare.status == 503)
    #expect(bare.statusDescription == "")
    #expect(bare.fields.isEmpty)
    let full = try self.parse("NATS/1.0 100 Idle Heartbeat\r\nK: v\r\n\r\n")
    #expect(full.status == 100)
    #expect(full.statusDescription == "Idle Heartbeat")
    #expect(full["K"] == "v")
  }

  @Test(arguments: [
    "", "NATS/1.0", "NATS/1.1\r\n\r\n", "NATS/1.0x\r\n\r\n", "NATS/1.0 5\r\n\r\n",
    "NATS/1.0 5034\r\n\r\n", "NATS/1.0\r\n", "NATS/1.0\r\nA: b\r\n", "NATS/1.0\r\nA\r\n\r\n",
    "NATS/1.0\r\n: b\r\n\r\n", "NATS/1.0\r\nA b: c\r\n\r\n", "NATS/1.0\r\n A: c\r\n\r\n",
  ])
  func refuses(_ text: String) {
    #expect { try self.parse(text) } throws: {
      ($0 as? NATSWireError)?.code == .malformedHeaders
    }
  }

  @Test func roundTrip() throws {
    var headers = NATSHeaders([.init("A", "1"), .init("A", "ü"), .init("Z-y", "")])
    headers.status = 404
    headers.statusDescription = "No Messages"
    var buffer = ByteBuffer()
    #expect(headers.encode(into: &buffer) == 0)
    #expect(
      String(buffer: buffer) == "NATS/1.0 404 No Messages\r\nA: 1\r\nA: ü\r\nZ-y: \r\n\r\n")
    let copy = try buffer.withUnsafeReadableBytes { try NATSHeaders(parsing: $0) }
    #expect(copy == headers)
  }

  @Test func whatCannotBeWrittenIsLeftOutAndCounted() {
    let headers = NATSHeaders([
      .init("a b", "1"), .init("", "1"), .init("x:y", "1"), .init("é", "1"), .init("ok", "1"),
      .init("evil", "1\r\nInjected: yes"),
    ])
    var buffer = ByteBuffer()
    #expect(headers.encode(into: &buffer) == 5)
    #expect(String(buffer: buffer) == "NATS/1.0\r\nok: 1\r\n\r\n")
  }

  @Test func damagedBlocksNeverTrap() {
    let corpus = ["NATS/1.0 503\r\n\r\n", "NATS/1.0\r\nA: b\r\nC: d\r\n\r\n"].map { Array($0.utf8) }
    var mutator = ByteMutator(seed: FuzzEffort.seed(9), corpus: corpus)
    var accepted = 0
    for _ in 0..<FuzzEffort.rounds(20_000) {
      let bytes = mutator.next()
      if (try? bytes.withUnsafeBytes { try NATSHeaders(parsing: $0) }) != nil { accepted += 1 }
    }
    #expect(accepted > 100)
  }
}
