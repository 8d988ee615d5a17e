import KafkaWire
import NIOCore

/// What a journal of this front end has: a kind, and then a value in the flexible form of Kafka's
/// own messages, to which later versions add tagged fields.
protocol KafkaJournalEntry {
  /// Reads what is of that kind; `nil` where there is none.
  init?(_ kind: UInt8, from reader: inout KafkaReader) throws(KafkaWireError)
  /// The number of its kind.
  var kind: UInt8 { get }
  /// Writes what follows the kind.
  func write(to writer: inout KafkaWriter) throws(KafkaWireError)
}

extension KafkaJournalEntry {
  /// Reads an entry; `nil` for what is none.
  init?(_ entry: ByteBuffer) {
    var entry = entry
    guard let kind = entry.readInteger(as: UInt8.self) else { return nil }
    var limits = KafkaLimits()
    limits.elementsMax = .max
    var reader = KafkaReader(entry, version: 0, isFlexible: true, limits: limits)
    do throws(KafkaWireError) {
      try self.init(kind, from: &reader)
    } catch {
      return nil
    }
  }

  /// The entry's bytes; `nil` for more than 4 GiB.
  var bytes: ByteBuffer? {
    var writer = KafkaWriter(ByteBuffer(integer: kind), version: 0, isFlexible: true)
    do throws(KafkaWireError) {
      try write(to: &writer)
      return writer.written
    } catch {
      return nil
    }
  }
}
