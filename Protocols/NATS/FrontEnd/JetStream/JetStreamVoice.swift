import GodwitEngine
import NATSWire

/// What streams send by themselves, with JetStream's headers.
extension JetStreamAccount: StreamVoice {
  /// Publishes a message again that a stream has kept.
  func republish(_ republication: Republication, _ tenant: Tenant) {
    var message = JetStreamMessage(republication.record, self)
    let time = JetStreamTimestamp(nanosecondsSince1970: republication.record.receivedAt)
    message.add([
      .init("Nats-Stream", republication.stream.name),
      .init("Nats-Subject", String(decoding: message.subject, as: UTF8.self)),
      .init("Nats-Sequence", String(republication.offset + 1)),
      .init("Nats-Time-Stamp", time.description),
      .init("Nats-Last-Sequence", String(republication.previousEnd)),
    ])
    if republication.withoutPayload { message.dropPayload() }
    message.subject = []
    message.publish(to: republication.topic, reply: [], self)
  }

  /// Has counters say what they come to, holds batches, and looks at schedules.
  func keep(
    _ publication: inout Publication, in stream: GodwitEngine.Stream,
    _ keep: (inout Publication) -> Capture.Result
  ) -> Capture.Result {
    let publishers = self.publishers(of: stream)
    guard let config = publishers.facts.prepared else { return keep(&publication) }
    guard config.allowMessageCounter else {
      return self.keepAsked(&publication, publishers, config, keep)
    }
    let (result, value) = publishers.counters.keep(&publication, config, keep)
    if case .stored(let offset) = result { publishers.lastCount = (offset, value) }
    return result
  }

  /// Says that a subject's last message went by age.
  func markerMetadata(of stream: GodwitEngine.Stream) -> Metadata {
    var metadata = Metadata()
    metadata.headers = [
      .init(name: Array("Nats-Marker-Reason".utf8), value: Array("MaxAge".utf8))
    ]
    return metadata
  }
}
