import GodwitEngine
import GodwitPrimitives
import NIOCore

/// A subscriber that writes down what it gets.
final class Recorder: Subscriber {
  var got: [String] = []
  var prefixes: [String] = []
  var accepts = true
  /// How many prefixes it has made.
  var made = 0
  /// Runs inside `deliver`.
  var onDeliver: (() -> Void)?

  override func deliver(
    _ publication: inout Publication, to subscription: Subscription,
    prefix: UnsafeRawBufferPointer
  ) -> Bool {
    self.onDeliver?()
    guard self.accepts else { return false }
    self.got.append(String(decoding: publication.payload, as: UTF8.self))
    self.prefixes.append(String(decoding: prefix, as: UTF8.self))
    return true
  }

  override func prefix(for topic: UnsafeRawBufferPointer, subscription: Subscription) -> [UInt8] {
    self.made += 1
    return Array("\(String(decoding: topic, as: UTF8.self))>\(subscription.pattern)".utf8)
  }
}

extension Tenant {
  /// Subscribes a recorder.
  @discardableResult
  func subscribe(_ recorder: Recorder, _ pattern: String, group: String? = nil) throws
    -> Subscription
  {
    let subscription = Subscription(
      pattern: TopicPattern(canonical: Array(pattern.utf8)), group: group.map { Array($0.utf8) },
      subscriber: recorder)
    try self.router.subscribe(subscription)
    return subscription
  }

  /// Publishes text.
  @discardableResult
  func publish(_ topic: String, _ payload: String) -> Int {
    self.publish(topic: Array(topic.utf8), payload: Array(payload.utf8))
  }

  /// Makes a record of text.
  func record(_ topic: String, _ payload: String, expiresAt: Int64 = 0) -> Record {
    self.record(topic: Array(topic.utf8), payload: Array(payload.utf8), expiresAt: expiresAt)
  }
}

extension Record {
  /// The body as text.
  var text: String { String(decoding: self.body.readableBytesView, as: UTF8.self) }
}

/// A seeded generator (SplitMix64): a failing run can be repeated.
struct Random: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    self.state = seed
  }

  mutating func next() -> UInt64 {
    self.state &+= 0x9E37_79B9_7F4A_7C15
    var value = self.state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
