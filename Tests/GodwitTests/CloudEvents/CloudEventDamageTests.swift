import GodwitWireTesting
import NIOCore
import Testing

@testable import Godwit

@Suite struct CloudEventDamageTests {
  private func read(_ message: Message) throws(GodwitError) -> CloudEvent<[UInt8]> {
    try CloudEvent(
      message: message, codecs: .defaults, on: Capabilities(guarantee: .atLeastOnce),
      unlessSaid: MediaType.bytes)
  }

  /// Reads it; if it is an event, writes it and reads that.
  private func isEvent(_ message: Message) throws -> Bool {
    let event: CloudEvent<[UInt8]>
    do throws(GodwitError) {
      event = try self.read(message)
    } catch {
      #expect([.decodingFailed, .unsupported].contains(error.code))
      return false
    }
    for contentType in [MediaType.bytes, CloudEventFormat.json] {
      var written = Message(topic: "t", body: ByteBuffer())
      try event.write(
        to: &written, codecs: .defaults, on: Capabilities(guarantee: .atLeastOnce),
        as: contentType)
      let back = try self.read(written)
      #expect(back.id == event.id && back.source == event.source && back.data == event.data)
      #expect(back.extensions.mapValues(\.text) == event.extensions.mapValues(\.text))
    }
    return true
  }

  @Test func damagedDocumentsNeverTrapAndEventsComeBack() throws {
    let corpus = [
      #"{"specversion":"1.0","type":"t","source":"/s","id":"1","time":"2018-04-05T17:31:00.5Z","#
        + #""x":5,"y":true,"subject":"\u00e9","data":{"a":[1,{"b":null}]}}"#,
      #"{"specversion":"1.0","type":"t","source":"/s","id":"1","data_base64":"AP8="}"#,
    ].map { Array($0.utf8) }
    var mutator = ByteMutator(seed: FuzzEffort.seed(0x4345), corpus: corpus)
    var count = 0
    for _ in 0..<FuzzEffort.rounds(10_000) {
      let body = ByteBuffer(bytes: mutator.next())
      let message = Message(topic: "t", body: body, contentType: CloudEventFormat.json)
      if try self.isEvent(message) { count += 1 }
    }
    #expect(count > 100)
  }

  @Test func damagedHeadersNeverTrapAndEventsComeBack() throws {
    let corpus = ["2018-04-05T17:31:00.5Z", "%C3%A9%20", "\"a\\\"b\"", "/s"].map { Array($0.utf8) }
    var mutator = ByteMutator(seed: FuzzEffort.seed(0x4346), corpus: corpus)
    let names = ["ce-time", "ce-subject", "ce-source", "ce-id", "ce-x", "ce-datacontenttype"]
    var count = 0
    for round in 0..<FuzzEffort.rounds(10_000) {
      var message = Message(
        topic: "t", body: ByteBuffer(string: "a"),
        headers: [
          "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t",
        ])
      message.headers[names[round % names.count]] = String(
        decoding: mutator.next(), as: UTF8.self)
      if try self.isEvent(message) { count += 1 }
    }
    #expect(count > 100)
  }
}
