import GodwitEngine
import KafkaWire
import NIOCore
import Testing

@testable import KafkaFrontEnd

@Suite struct KafkaBatchKeeperTests {
  private let engine = Engine(now: 1)
  private let keeper: KafkaBatchKeeper

  init() {
    let origin = self.engine.register(origin: "kafka", reader: KafkaEnvelope())
    self.keeper = KafkaBatchKeeper(origin: origin)
  }

  private func batch(compression: KafkaCompression = .none) throws -> ByteBuffer {
    var builder = KafkaBatchBuilder()
    builder.compression = compression
    for index in 0..<3 {
      try builder.append(
        KafkaRecord(
          offset: Int64(index), timestamp: 1_000 + Int64(index), key: ByteBuffer(string: "k"),
          value: ByteBuffer(string: "v\(index)"),
          headers: [KafkaRecord.Header("h", ByteBuffer(string: "\(index)"))]))
    }
    return try builder.finish()
  }

  /// What is in a batch, as text, up to so many.
  private func contents(
    _ bytes: ByteBuffer, bytesMax: Int = 1 << 20, limit: Int = .max
  ) -> (texts: [String], isOpened: Bool) {
    var texts: [String] = []
    let isOpened = self.keeper.forEachRecord(
      of: bytes, form: 0, first: 40, topic: Array("t".utf8), bytesMax: bytesMax
    ) { offset, message, time in
      let metadata = message.metadata(self.engine)
      let header = metadata.headers.first.map { String(decoding: $0.value, as: UTF8.self) }
      texts.append(
        "\(offset) \(String(decoding: message.topic, as: UTF8.self)) "
          + "\(String(decoding: message.payload, as: UTF8.self)) \(header ?? "") "
          + "\(String(decoding: metadata.key ?? [], as: UTF8.self)) \(time / 1_000_000)")
      return texts.count < limit
    }
    return (texts, isOpened)
  }

  @Test(arguments: [KafkaCompression.none, .gzip, .lz4, .snappy])
  func recordsAreShownAsMessages(compression: KafkaCompression) throws {
    let found = self.contents(try self.batch(compression: compression))
    #expect(found.isOpened)
    #expect(found.texts == (0..<3).map { "\(40 + $0) t v\($0) \($0) k \(1_000 + $0)" })
    #expect(self.keeper.time(of: try self.batch(), form: 0) == 1_000_000_000)
  }

  @Test func itEndsWhereItIsTold() throws {
    #expect(self.contents(try self.batch(), limit: 2).texts.count == 2)
  }

  @Test func whatIsTooLargeOrNoBatchIsNotOpened() throws {
    #expect(!self.contents(try self.batch(compression: .gzip), bytesMax: 8).isOpened)
    #expect(!self.contents(ByteBuffer(string: "nonsense")).isOpened)
    #expect(self.keeper.time(of: ByteBuffer(string: "nonsense"), form: 0) == nil)
  }
}
