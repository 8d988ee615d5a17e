import Godwit
import GodwitEngine
import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Message {
  /// The message of a record.
  init(record: Record) {
    let metadata = record.metadata ?? Metadata()
    let sentAt = metadata.sentAt ?? record.receivedAt
    self.init(
      topic: String(decoding: record.topic, as: UTF8.self), body: record.body,
      contentType: metadata.contentType.map { String(decoding: $0, as: UTF8.self) },
      headers: Headers(
        metadata.headers.map {
          .init(String(decoding: $0.name, as: UTF8.self), String(decoding: $0.value, as: UTF8.self))
        }),
      key: metadata.key.map { String(decoding: $0, as: UTF8.self) },
      timeToLive: record.expiresAt == 0 ? nil : .nanoseconds(max(0, record.expiresAt - sentAt)),
      id: metadata.messageID.map { String(decoding: $0, as: UTF8.self) } ?? Message.makeID(),
      time: Date(timeIntervalSince1970: Double(sentAt) / 1e9))
    self.replyTo = metadata.replyTopic.map { String(decoding: $0, as: UTF8.self) }
    self.correlationID = metadata.correlation.map { String(decoding: $0, as: UTF8.self) }
  }

  /// Calls `body` with the message as the engine publishes it.
  func withPublication<Result>(_ body: (inout Publication) -> Result) -> Result {
    var metadata = Metadata()
    metadata.replyTopic = self.replyTo.map { Array($0.utf8) }
    let sentAt = Self.nanoseconds(of: self.time)
    if !self.isBare { self.write(to: &metadata, sentAt: sentAt) }
    let topic = Array(self.topic.utf8)
    return topic.withUnsafeBytes { topic in
      self.body.withUnsafeReadableBytes { payload in
        var publication = Publication(
          topic: topic, payload: payload, origin: .engine,
          native: UnsafeRawBufferPointer(start: nil, count: 0), quality: .atLeastOnce)
        publication.setMetadata(metadata)
        if let timeToLive = self.timeToLive {
          let (sum, overflow) = sentAt.addingReportingOverflow(timeToLive.nanoseconds)
          publication.expiresAt = overflow ? 0 : max(1, sum)
        }
        return body(&publication)
      }
    }
  }

  private func write(to metadata: inout Metadata, sentAt: Int64) {
    metadata.headers = self.headers.map {
      .init(name: Array($0.name.utf8), value: Array($0.value.utf8))
    }
    metadata.correlation = self.correlationID.map { Array($0.utf8) }
    metadata.contentType = self.contentType.map { Array($0.utf8) }
    metadata.messageID = Array(self.id.utf8)
    metadata.key = self.key.map { Array($0.utf8) }
    metadata.sentAt = sentAt
  }

  /// The time of day in nanoseconds since 1970.
  static func nanosecondsNow() -> Int64 { self.nanoseconds(of: Date()) }

  /// A date in nanoseconds since 1970, clamped to what fits.
  static func nanoseconds(of date: Date) -> Int64 {
    Int64(exactly: (date.timeIntervalSince1970 * 1e9).rounded()) ?? 0
  }
}

extension Duration {
  /// The duration in nanoseconds, clamped to what fits.
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = self.components
    let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return seconds < 0 ? .min / 2 : .max / 2 }
    return Swift.min(Swift.max(scaled + attoseconds / 1_000_000_000, .min / 2), .max / 2)
  }
}
