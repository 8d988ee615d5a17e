import GodwitPrimitives
import GodwitWire

/// What the payload of an acknowledgement says.
public enum JetStreamAck: Hashable, Sendable {
  /// Done.
  case ack
  /// To be delivered again, after this many nanoseconds when there is a delay.
  case nak(delay: Int64?)
  /// In work: wait longer.
  case progress
  /// Done, and the receiver wants more: what stands behind is a pull request.
  case next(JetStreamPullRequest?)
  /// Not to be delivered again.
  case term(reason: String)

  /// Reads a payload. An empty one is `ack`; of a delay that can not be read, nothing is left.
  ///
  /// - Returns: `nil` when it is none of these, which nats-server passes over but for the answer.
  public init?(_ payload: UnsafeRawBufferPointer) {
    if payload.isEmpty || Self.says("+ACK", payload) || Self.says("+OK", payload) {
      self = .ack
    } else if Self.says("+WPI", payload) {
      self = .progress
    } else if payload.starts(with: "-NAK".utf8) {
      self = .nak(delay: Self.delay(Self.text(payload, 4)))
    } else if payload.starts(with: "+NXT".utf8) {
      let rest = UnsafeRawBufferPointer(rebasing: payload[4...])
      self = .next(try? JetStreamPullRequest(parsing: rest))
    } else if payload.starts(with: "+TERM".utf8) {
      self = .term(reason: String(decoding: Self.text(payload, 5), as: UTF8.self))
    } else {
      return nil
    }
  }

  @inline(__always)
  private static func says(_ word: StaticString, _ payload: UnsafeRawBufferPointer) -> Bool {
    payload.sameBytes(
      as: UnsafeRawBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
  }

  private static func text(
    _ payload: UnsafeRawBufferPointer, _ start: Int
  ) -> UnsafeRawBufferPointer {
    JetStreamText.trimmed(UnsafeRawBufferPointer(rebasing: payload[start...]))
  }

  private static func delay(_ text: UnsafeRawBufferPointer) -> Int64? {
    guard let first = text.first else { return nil }
    if first == UInt8(ascii: "{") {
      var limits = JSONLimits()
      limits.bytesMax = 1024
      return (try? Delay(parsing: text, isStrict: false, limits: limits))?.delay
    }
    return NATSDuration.parseGo(text)
  }

  private struct Delay: JetStreamObject {
    var delay: Int64 = 0

    mutating func visit(_ fields: inout JetStreamFields) {
      fields.always("delay", &self.delay)
    }
  }

  /// The payload.
  public var encoded: [UInt8] {
    switch self {
    case .ack: Array("+ACK".utf8)
    case .nak(nil): Array("-NAK".utf8)
    case .nak(let delay?): Array("-NAK {\"delay\":\(delay)}".utf8)
    case .progress: Array("+WPI".utf8)
    case .next(nil): Array("+NXT".utf8)
    case .next(let request?): Array("+NXT ".utf8) + request.encoded
    case .term(let reason): Array((reason.isEmpty ? "+TERM" : "+TERM \(reason)").utf8)
    }
  }
}
