import GodwitEngine
import GodwitWire
import NATSWire
import NIOCore

/// How a record becomes a message to a consumer's reader.
extension JetStreamConsumer {
  /// How many bytes of subject, headers and payload a record is to its reader.
  func messageBytes(_ lease: StreamGroup.Lease) -> Int {
    guard lease.record.origin == self.origin, !self.config.headersOnly
    else { return self.message(lease).byteCount }
    return lease.record.withBarePublication {
      $0.topic.count + NATSEnvelope.headers(of: $0).count + $0.payload.count
    }
  }

  /// Sends a record to whoever listens.
  ///
  /// - Parameter pin: what the reader is known by, where it alone is served; empty where not.
  /// - Returns: how many took it, and its bytes as limits of requests count them.
  @discardableResult
  func send(
    _ lease: StreamGroup.Lease, to destination: JetStreamDestination, pin: String = ""
  ) -> (taken: Int, bytes: Int) {
    guard lease.record.origin == self.origin, !self.config.headersOnly, pin.isEmpty else {
      var message = self.message(lease)
      if !pin.isEmpty { message.add([.init("Nats-Pin-Id", pin)]) }
      return message.headers.withUnsafeReadableBytes { headers in
        message.payload.withUnsafeReadableBytes { payload in
          message.subject.withUnsafeBytes { subject in
            self.send(lease, subject, headers, payload, to: destination)
          }
        }
      }
    }
    return lease.record.withBarePublication { record in
      self.send(
        lease, record.topic, NATSEnvelope.headers(of: record), record.payload, to: destination)
    }
  }

  private func send(
    _ lease: StreamGroup.Lease, _ subject: UnsafeRawBufferPointer,
    _ headers: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer,
    to destination: JetStreamDestination
  ) -> (taken: Int, bytes: Int) {
    let countMax =
      subject.count + headers.count + self.ackPrefix.count + JetStreamAckSubject.numberBytesMax
      + 64
    // The payload is copied once, to where it is sent from.
    let taken = withUnsafeTemporaryAllocation(byteCount: countMax, alignment: 1) { memory in
      var writer = RawWriter(memory)
      writer.write(bigEndian: UInt16(truncatingIfNeeded: subject.count))
      writer.write(subject)
      JetStreamAckSubject.write(
        self.ackPrefix, deliveries: lease.deliveryCount, streamSequence: lease.offset + 1,
        consumerSequence: lease.sequence, time: lease.record.receivedAt,
        pending: lease.pendingCount, to: &writer)
      writer.write(byte: UInt8(ascii: " "))
      if !headers.isEmpty {
        writer.write(decimal: headers.count)
        writer.write(byte: UInt8(ascii: " "))
      }
      writer.write(decimal: headers.count + payload.count)
      writer.write("\r\n")
      writer.write(headers)
      let native = UnsafeRawBufferPointer(rebasing: memory[..<writer.count])
      return destination.publish(self.tenant) { topic in
        var publication = Publication(
          topic: topic, payload: payload, origin: self.origin, native: native,
          quality: .atMostOnce)
        let form = NATSReceiver.Form.self
        publication.nativeForm =
          (headers.isEmpty ? form.plain : form.headers) | form.shown | form.apart
        return publication
      }
    }
    return (taken, subject.count + headers.count + payload.count)
  }

  private func message(_ lease: StreamGroup.Lease) -> JetStreamMessage {
    var message = JetStreamMessage(lease.record, self.account)
    if self.config.headersOnly { message.dropPayload() }
    return message
  }
}
