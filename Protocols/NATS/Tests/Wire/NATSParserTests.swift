import GodwitWireTesting
import NATSWire
import Testing

@Suite struct NATSParserTests {
  static let client = NATSVector.load(.client)
  static let server = NATSVector.load(.server)

  private func check(_ vector: NATSVector, _ parser: NATSParser) {
    let whole = ParsedStream(vector.bytes, parser: parser)
    #expect(whole.operations == vector.operations)
    #expect(whole.error.map { "\($0)" } == vector.error)
    if vector.error == nil { #expect(whole.remaining == 0) }
    // Every split point, and byte by byte.
    for cut in 0...vector.bytes.count {
      let split = ParsedStream(vector.bytes, parser: parser, cuts: [cut])
      #expect(split == whole, "cut at \(cut)")
    }
    let drip = ParsedStream(vector.bytes, parser: parser, cuts: Array(0..<vector.bytes.count))
    #expect(drip == whole)
    // Twice in a row.
    if vector.error == nil {
      let twice = ParsedStream(vector.bytes + vector.bytes, parser: parser)
      #expect(twice.operations == vector.operations + vector.operations)
    }
  }

  @Test(arguments: Self.client)
  func clientOperations(_ vector: NATSVector) {
    self.check(vector, NATSParser(sender: .client, limits: .defaults))
  }

  @Test(arguments: Self.server)
  func serverOperations(_ vector: NATSVector) {
    self.check(vector, NATSParser(sender: .server, limits: .client))
  }

  @Test func vectorsAreThere() {
    #expect(Self.client.count > 60)
    #expect(Self.server.count > 15)
  }

  @Test func controlLineLimitCountsArgumentsOnly() {
    var limits = NATSParser.Limits.defaults
    limits.controlLineBytesMax = 10
    let parser = NATSParser(sender: .client, limits: limits)
    let error = { (text: String) in ParsedStream(Array(text.utf8), parser: parser).error }
    #expect(error("SUB 12345678 1\r\n") == nil)
    #expect(error("SUB 12345678 1\n") == nil)
    #expect(error("SUB 123456789 1\r\n") == .controlLineTooLong)
    #expect(error("SUB 12345678 1\r") == nil)
    #expect(error("SUB 12345678 1x") == .controlLineTooLong)
    #expect(error("SUB 12345678 12\r") == .controlLineTooLong)
    #expect(error("PUB 12345678 0\r\n\r\n") == nil)
    #expect(error("PUB 123456789 0\r\n\r\n") == .controlLineTooLong)
    #expect(error("PUB            1") == .controlLineTooLong)
    #expect(error("PING01234567890") == .controlLineTooLong)
  }

  @Test func payloadLimitIsCheckedBeforeThePayloadIsThere() {
    var limits = NATSParser.Limits.defaults
    limits.payloadBytesMax = 4
    let parser = NATSParser(sender: .client, limits: limits)
    let stream = { (text: String) in ParsedStream(Array(text.utf8), parser: parser) }
    #expect(stream("PUB a 4\r\nabcd\r\n").operations.count == 1)
    #expect(stream("PUB a 5\r\n").error == .payloadTooLarge)
    #expect(stream("PUB a 5\r\nabcde\r\n").error == .payloadTooLarge)
    #expect(stream("HPUB a 1 5\r\n").error == .payloadTooLarge)
  }

  @Test func headersMustBeAnnounced() {
    var parser = NATSParser(sender: .client, limits: .defaults)
    parser.acceptsHeaders = false
    let stream = ParsedStream(Array("HPUB a 1 2\r\nab\r\n".utf8), parser: parser)
    #expect(stream.error == .headersNotSupported)
  }

  @Test func saysHowManyBytesAMessageStillNeeds() throws {
    var parser = NATSParser(sender: .client, limits: .defaults)
    var operation = NATSOperation()
    let head = Array("PUB foo 1000\r\nabc".utf8)
    let found = try head.withUnsafeBytes { try parser.next($0, into: &operation) }
    #expect(!found)
    #expect(parser.bytesNeeded == 14 + 1000 + 2)
    let none = try parser.next(UnsafeRawBufferPointer(start: nil, count: 0), into: &operation)
    #expect(!none)
    #expect(parser.bytesNeeded == 1)
  }

  @Test(arguments: [NATSParser.Sender.client, .server])
  func damagedStreamsParseTheSameWholeAndSplit(_ sender: NATSParser.Sender) {
    let vectors = sender == .client ? Self.client : Self.server
    let seed: UInt64 = 0x6E61_7473
    var mutator = ByteMutator(seed: FuzzEffort.seed(seed), corpus: vectors.map(\.bytes))
    let parser = NATSParser(sender: sender, limits: .defaults)
    var accepted = 0
    for round in 0..<FuzzEffort.rounds(30_000) {
      let bytes = mutator.next() + mutator.next()
      let whole = ParsedStream(bytes, parser: parser)
      accepted += whole.operations.count
      #expect(!whole.operations.contains { $0.kind == .none }, "round \(round)")
      let cut = Int.random(in: 0...bytes.count, using: &mutator.random)
      let split = ParsedStream(bytes, parser: parser, cuts: [cut])
      #expect(split == whole, "seed \(seed) round \(round) cut \(cut)")
    }
    #expect(accepted > 1000)
  }
}
