import GodwitEngine
import GodwitFrontEndKit
import KafkaWire
import Logging
import NIOCore

extension KafkaServer {
  /// Opens a batch for those who listen by other protocols, if there are any, and publishes what is
  /// in it to them.
  func tellOthers(_ batch: ByteBuffer, of topic: KafkaTopic) -> [Capture] {
    guard topic.topic.hasOtherListeners(memo: &topic.memo) else { return [] }
    var bytes = batch
    guard let opened = try? KafkaBatch.next(from: &bytes, checksCRC: false),
      let plain = try? opened.plainBody(sizeMax: KafkaLogReading.openedBytesMax)
    else {
      engine.counters.dropped &+= 1
      context.logger.notice("kafka: a batch to \(topic.name) cannot be opened for others")
      return []
    }
    // What it cost to open counts as well, so that others have their turn.
    engine.effort.pointee &+= UInt64(truncatingIfNeeded: plain.readableBytes / 1_024)
    var kept: [Capture] = []
    plain.withUnsafeReadableBytes { body in
      var reader = KafkaRecordReader(body, count: Int(opened.header.count))
      while let record = try? reader.next() {
        tellOthers(record, body, opened.header, of: topic, &kept)
      }
    }
    return kept
  }

  private func tellOthers(
    _ record: KafkaRecordView, _ body: UnsafeRawBufferPointer, _ header: KafkaBatchHeader,
    of topic: KafkaTopic, _ kept: inout [Capture]
  ) {
    KafkaEnvelope.withMessage(record, body, header, origin: origin, topic: topic.canonical) {
      publication in
      topic.topic.publishElsewhere(&publication, memo: &topic.memo)
      // Of each stream, the last commit says that all before it are there.
      for capture in publication.captures {
        guard case .stored = capture.result else { continue }
        kept.removeAll { $0.stream === capture.stream }
        kept.append(capture)
      }
    }
  }
}
