import GodwitEngine
import GodwitWire
import NATSWire
import NIOCore

/// How a record becomes a message to a consumer's reader.
extension JetStreamConsumer {
  /// How many bytes of subject, headers and payload a record is to its reader.
  func messageBytes(_ lease: StreamGroup.Lease) -> Int {
    guard lease.record.origin == self.account.frontEnd.envelope.origin, !self.config.headersOnly
    else { return self.message(lease).byteCount }
    return lease.record.withBarePublication {
      $0.topic.count + NATSEnvelope.Tail($0).headers.count + $0.payload.count
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
    let origin = self.account.frontEnd.envelope.origin
    guard lease.record.origin == origin, !self.config.headersOnly, pin.isEmpty else {
      var message = self.message(lease)
      if !pin.isEmpty { message.add([.init("Nats-Pin-Id", pin)]) }
      return self.account.withScratch { buffer in
        message.headers.withUnsafeReadableBytes { headers in
          message.payload.withUnsafeReadableBytes { payload in
            message.subject.withUnsafeBytes { subject in
              self.send(lease, subject, headers, payload, &buffer, to: destination)
            }
          }
        }
      }
    }
    return lease.record.withBarePublication { record in
      let headers = NATSEnvelope.Tail(record).headers
      return self.account.withScratch { buffer in
        self.send(lease, record.topic, headers, record.payload, &buffer, to: destination)
      }
    }
  }

  private func send(
    _ lease: StreamGroup.Lease, _ subject: UnsafeRawBufferPointer,
    _ headers: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer,
    _ native: inout ByteBuffer, to destination: JetStreamDestination
  ) -> (taken: Int, bytes: Int) {
    var start = 0
    let countMax =
      subject.count + headers.count + payload.count + self.ackPrefix.count
      + JetStreamAckSubject.numberBytesMax + 64
    native.writeWithUnsafeMutableBytes(minimumWritableBytes: countMax) { target in
      var writer = RawWriter(target)
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
      start = writer.count
      writer.write(payload)
      writer.write("\r\n")
      return writer.count
    }
    let form = NATSReceiver.Form.self
    let taken = native.withUnsafeReadableBytes { bytes in
      destination.publish(self.account.tenant) { topic in
        var publication = Publication(
          topic: topic,
          payload: UnsafeRawBufferPointer(rebasing: bytes[start..<(bytes.count - 2)]),
          origin: self.account.frontEnd.envelope.origin, native: bytes, quality: .atMostOnce)
        publication.nativeForm = (headers.isEmpty ? form.plain : form.headers) | form.shown
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
