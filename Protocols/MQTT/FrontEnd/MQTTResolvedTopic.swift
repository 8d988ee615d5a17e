import GodwitEngine
import GodwitPrimitives
import MQTTWire

/// Where a message goes whose topic a client named: after `$delayed/`, rewriting and permissions.
struct MQTTResolvedTopic: Hashable {
  /// Why a client may not publish to a topic that is well-formed.
  enum Refusal: Hashable {
    /// Its permissions, or the server's own topics.
    case notPermitted
    /// Names are strict, and this one has no plain form in NATS.
    case needsEscape
  }

  /// The topic in MQTT's form.
  var name: [UInt8]
  /// The topic in canonical form.
  var canonical: [UInt8]
  /// Nanoseconds to wait first, or the time of day in nanoseconds since 1970; `nil` for at once.
  var delay: MQTTDelay?
  /// Why the client may not publish there.
  var refusal: Refusal?
  /// Whether `name` is not what the client said.
  var isRenamed = false
}

/// When a message of `$delayed/<seconds>/<topic>` goes out, as EMQX reads the number: up to
/// 4,294,967 it is an interval in seconds, beyond that, up to
/// 4,294,967,295, a time in seconds since 1970.
enum MQTTDelay: Hashable {
  /// After that many seconds.
  case interval(Int64)
  /// At that time, in seconds since 1970.
  case time(Int64)

  private static let prefix: StaticString = "$delayed/"
  static let intervalMax: Int64 = 4_294_967

  /// Splits a topic name into its delay and the rest; `nil` when it does not begin with
  /// `$delayed/`, an error when what follows is not a number and a topic.
  static func parse(
    _ topic: UnsafeRawBufferPointer
  ) throws(MQTTWireError) -> (delay: MQTTDelay, rest: UnsafeRawBufferPointer)? {
    let size = prefix.utf8CodeUnitCount
    guard topic.count >= size,
      prefix.withUTF8Buffer({ $0.elementsEqual(topic[..<size]) })
    else { return nil }
    var number: Int64 = 0
    var index = size
    while index < topic.count, index - size < 12,
      topic[index] >= UInt8(ascii: "0"), topic[index] <= UInt8(ascii: "9")
    {
      number = number * 10 + Int64(topic[index] - UInt8(ascii: "0"))
      index += 1
    }
    guard index > size, number <= Int64(UInt32.max), index + 1 < topic.count,
      topic[index] == UInt8(ascii: "/")
    else {
      throw MQTTWireError(.topicNameInvalid, "$delayed/ wants a number of seconds and a topic")
    }
    let rest = UnsafeRawBufferPointer(rebasing: topic[(index + 1)...])
    return (number <= intervalMax ? .interval(number) : .time(number), rest)
  }

  /// The time in the engine's clock.
  func deadline(now: Int64) -> Int64 {
    switch self {
    case .interval(let seconds): now + seconds * 1_000_000_000
    case .time(let seconds): max(now, min(seconds, Int64.max / 1_000_000_000) * 1_000_000_000)
    }
  }
}

/// What a connection remembers of the last topic it published to, so that a stream of messages to
/// one topic is checked, translated and routed once.
final class MQTTTopicMemo {
  private(set) var resolved = MQTTResolvedTopic(name: [], canonical: [])
  /// The canonical topic, at an address that stays until the next topic is remembered.
  private(set) var canonical = UnsafeRawBufferPointer(start: nil, count: 0)
  /// As the client said it, behind the canonical topic in one allocation.
  private var said = UnsafeRawBufferPointer(start: nil, count: 0)
  private var memory: UnsafeMutableRawPointer?
  private var capacity = 0
  /// The router's own memory of the topic.
  var route: Route?

  /// Whether this is the remembered topic.
  @inline(__always)
  func holds(_ topic: UnsafeRawBufferPointer) -> Bool {
    said.count != 0 && said.sameBytes(as: topic)
  }

  func remember(_ topic: UnsafeRawBufferPointer, _ resolved: MQTTResolvedTopic) {
    self.resolved = resolved
    route = nil
    let size = resolved.canonical.count
    let total = size + topic.count
    if total > capacity {
      memory?.deallocate()
      memory = .allocate(byteCount: total, alignment: 8)
      capacity = total
    }
    guard let memory else { return forget() }
    UnsafeMutableRawBufferPointer(start: memory, count: size).copyBytes(from: resolved.canonical)
    if let base = topic.baseAddress {
      (memory + size).copyMemory(from: base, byteCount: topic.count)
    }
    canonical = UnsafeRawBufferPointer(start: memory, count: size)
    said = UnsafeRawBufferPointer(start: memory + size, count: topic.count)
  }

  deinit { memory?.deallocate() }

  /// Permissions or rules have changed.
  func forget() {
    said = UnsafeRawBufferPointer(start: nil, count: 0)
    route = nil
  }
}
