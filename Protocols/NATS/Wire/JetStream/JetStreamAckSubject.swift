public import GodwitWire

/// The subject that acknowledges a delivery; it says which one.
///
/// The first form is `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer
/// sequence>.<time>.<pending>`; the second has the domain (`_` for none) and a hash of the account
/// before the stream, and perhaps one token more at the end (ADR-15).
public struct JetStreamAckSubject: Hashable, Sendable {
  /// The domain; empty for none, and in the first form.
  public var domain = ""
  /// The account's hash; empty in the first form.
  public var accountHash = ""
  /// The stream's name.
  public var stream: String
  /// The consumer's name.
  public var consumer: String
  /// How often the message was delivered, this time included.
  public var deliveries: UInt64
  /// The message's number in the stream.
  public var streamSequence: UInt64
  /// The delivery's number.
  public var consumerSequence: UInt64
  /// When the message was kept, in nanoseconds since 1970.
  public var time: Int64
  /// How many messages there are yet to deliver.
  public var pending: UInt64

  /// Makes a subject of the first form.
  public init(
    stream: String, consumer: String, deliveries: UInt64, streamSequence: UInt64,
    consumerSequence: UInt64, time: Int64, pending: UInt64
  ) {
    self.stream = stream
    self.consumer = consumer
    self.deliveries = deliveries
    self.streamSequence = streamSequence
    self.consumerSequence = consumerSequence
    self.time = time
    self.pending = pending
  }

  /// The pattern of all acknowledgements for a consumer, of the first form.
  public static func pattern(stream: String, consumer: String) -> String {
    "$JS.ACK.\(stream).\(consumer).>"
  }

  /// What the subjects of a consumer's deliveries begin with, of the first form.
  public static func prefix(stream: String, consumer: String) -> [UInt8] {
    Array("$JS.ACK.\(stream).\(consumer).".utf8)
  }

  /// Writes such a subject, behind a consumer's prefix.
  public static func write(
    _ prefix: [UInt8], deliveries: Int, streamSequence: UInt64, consumerSequence: UInt64,
    time: Int64, pending: Int, to writer: inout RawWriter
  ) {
    writer.write(prefix)
    writer.write(decimal: deliveries)
    writer.write(byte: UInt8(ascii: "."))
    writer.write(decimal: Int(truncatingIfNeeded: streamSequence))
    writer.write(byte: UInt8(ascii: "."))
    writer.write(decimal: Int(truncatingIfNeeded: consumerSequence))
    writer.write(byte: UInt8(ascii: "."))
    writer.write(decimal: max(0, Int(truncatingIfNeeded: time)))
    writer.write(byte: UInt8(ascii: "."))
    writer.write(decimal: pending)
  }

  /// The most bytes that `write` writes behind the prefix.
  public static var numberBytesMax: Int { 5 * 20 }

  /// Reads a subject of either form.
  ///
  /// - Returns: `nil` when it is neither, or a number in it is none.
  public init?(_ subject: UnsafeRawBufferPointer) {
    var tokens = NATSSubject.Tokens(subject)
    guard let first = tokens.next(), first.elementsEqual("$JS".utf8),
      let second = tokens.next(), second.elementsEqual("ACK".utf8)
    else { return nil }
    let count = NATSSubject.tokenCount(subject)
    guard count == 9 || count == 11 || count == 12 else { return nil }
    if count > 9 {
      guard let domain = tokens.next(), let hash = tokens.next() else { return nil }
      self.domain = domain.elementsEqual("_".utf8) ? "" : String(decoding: domain, as: UTF8.self)
      self.accountHash = String(decoding: hash, as: UTF8.self)
    }
    guard let stream = tokens.next(), let consumer = tokens.next(),
      let deliveries = tokens.next().flatMap({ Self.number($0) }),
      let streamSequence = tokens.next().flatMap({ Self.number($0) }),
      let consumerSequence = tokens.next().flatMap({ Self.number($0) }),
      let time = tokens.next().flatMap({ Self.number($0) }),
      let pending = tokens.next().flatMap({ Self.number($0) }),
      !stream.isEmpty, !consumer.isEmpty
    else { return nil }
    self.stream = String(decoding: stream, as: UTF8.self)
    self.consumer = String(decoding: consumer, as: UTF8.self)
    self.deliveries = deliveries
    self.streamSequence = streamSequence
    self.consumerSequence = consumerSequence
    self.time = Int64(clamping: time)
    self.pending = pending
  }

  /// The numbers of an acknowledgement, without allocation.
  ///
  /// - Parameters:
  ///   - subject: the whole subject.
  ///   - prefixCount: how many bytes of it the caller knows: up to the dot behind the consumer.
  /// - Returns: deliveries, stream sequence and consumer sequence; `nil` when one is no number.
  public static func numbers(
    _ subject: UnsafeRawBufferPointer, behind prefixCount: Int
  ) -> (deliveries: UInt64, stream: UInt64, consumer: UInt64)? {
    guard prefixCount >= 0 else { return nil }
    var place = prefixCount
    guard let deliveries = Self.number(subject, &place),
      let stream = Self.number(subject, &place), let consumer = Self.number(subject, &place)
    else { return nil }
    return (deliveries, stream, consumer)
  }

  private static func number(_ token: UnsafeRawBufferPointer) -> UInt64? {
    var place = 0
    return self.number(token, &place)
  }

  /// The number that a token is which begins at `place`; `nil` when it is none.
  ///
  /// - Parameter place: where the next token begins, afterwards.
  private static func number(_ subject: UnsafeRawBufferPointer, _ place: inout Int) -> UInt64? {
    let start = place
    var number: UInt64 = 0
    while place < subject.count, subject[place] != UInt8(ascii: ".") {
      let digit = UInt64(subject[place] &- 0x30)
      guard digit <= 9 else { return nil }
      if place &- start < 18 {
        number = number &* 10 &+ digit
      } else {
        let (product, overflows) = number.multipliedReportingOverflow(by: 10)
        let (sum, carries) = product.addingReportingOverflow(digit)
        guard !overflows, !carries, place &- start < 20 else { return nil }
        number = sum
      }
      place &+= 1
    }
    guard place > start else { return nil }
    place &+= 1
    return number
  }
}

extension JetStreamAckSubject: CustomStringConvertible {
  /// The subject: of the second form when there is an account hash.
  public var description: String {
    let head =
      self.accountHash.isEmpty
      ? "$JS.ACK" : "$JS.ACK.\(self.domain.isEmpty ? "_" : self.domain).\(self.accountHash)"
    return "\(head).\(self.stream).\(self.consumer).\(self.deliveries).\(self.streamSequence)"
      + ".\(self.consumerSequence).\(self.time).\(self.pending)"
  }
}
