import GodwitEngine
import GodwitFrontEndKit
import GodwitPrimitives
import GodwitWire
import NIOCore

/// A live view of a topic pattern, as Server-Sent Events.
///
/// It sees what clients would see, as a subscriber of its own, and bounds what that may cost: so
/// many messages a second, so many bytes that wait for a slow viewer. What is left out is counted
/// and told. It does not count as a receiver: a request that nobody answers stays unanswered.
final class TapStream {
  /// What the engine hands messages to.
  private final class Tap: Subscriber {
    weak var stream: TapStream?

    override func deliver(
      _ publication: inout Publication, to subscription: Subscription,
      prefix: UnsafeRawBufferPointer
    ) -> Bool {
      self.stream?.take(&publication)
      return false
    }

    override var owner: SubscriberOwner { SubscriberOwner(protocolName: "", name: "live tap") }
  }

  private static let flushDelay: TimeAmount = .milliseconds(40)
  private static let stateInterval: TimeAmount = .seconds(1)
  private static let quietIntervals = 10

  private let request: TapRequest
  private let desk: TapDesk
  private let engine: Engine
  private let eventLoop: any EventLoop
  private let push: (ByteBuffer) -> Bool
  private var subscription: Subscription?
  private var bucket: TokenBucket
  private var waiting = ByteBuffer()
  private var isFlushScheduled = false
  private var ticker: Scheduled<Void>?
  private var quiet = 0
  private var seen: UInt64 = 0
  private var shown: UInt64 = 0
  private var overRate: UInt64 = 0
  private var overBuffer: UInt64 = 0
  private var told: UInt64 = 0

  /// A tap that is not open yet.
  ///
  /// - Parameter push: sends bytes to the viewer; `false` when the socket is full.
  init(
    _ request: TapRequest, desk: TapDesk, eventLoop: any EventLoop,
    push: @escaping (ByteBuffer) -> Bool
  ) {
    self.request = request
    self.desk = desk
    self.engine = desk.loop.engine
    self.eventLoop = eventLoop
    self.push = push
    let rate = Double(request.perSecond)
    self.bucket = TokenBucket(perSecond: rate, burst: rate, now: desk.loop.engine.now)
  }

  /// Subscribes and says so.
  func begin() {
    let tap = Tap(tenant: self.request.tenant)
    tap.stream = self
    let subscription = Subscription(pattern: self.request.pattern, subscriber: tap)
    do throws(EngineError) {
      try self.request.tenant.router.subscribe(subscription)
      self.subscription = subscription
    } catch {
      self.event("refused", .record(["error": .string(error.message)]))
      self.flush()
      return
    }
    self.desk.add(self)
    self.event(
      "open",
      .record([
        "pattern": .string(self.request.pattern.description),
        "tenant": .string(self.request.tenant.name),
        "rate": .count(self.request.perSecond),
      ]))
    self.flush()
    self.scheduleTick()
  }

  /// The viewer is gone.
  func ended() {
    self.ticker?.cancel()
    self.ticker = nil
    if let subscription = self.subscription {
      self.request.tenant.router.unsubscribe(subscription)
    }
    self.subscription = nil
    self.desk.remove(self)
  }

  /// The socket takes bytes again.
  func writable() {
    self.flush()
  }

  /// A message came by.
  private func take(_ publication: inout Publication) {
    self.seen &+= 1
    guard self.bucket.take(now: self.engine.now) else {
      self.overRate &+= 1
      self.desk.leftOut &+= 1
      return
    }
    guard self.waiting.readableBytes < self.desk.limits.tapBufferBytesMax else {
      self.overBuffer &+= 1
      self.desk.leftOut &+= 1
      return
    }
    self.shown &+= 1
    self.desk.shown &+= 1
    self.event(
      "message", MessageView.json(&publication, engine: self.engine, number: self.seen))
    guard !self.isFlushScheduled else { return }
    self.isFlushScheduled = true
    self.eventLoop.assumeIsolated().scheduleTask(in: Self.flushDelay) { [weak self] in
      self?.flush()
    }
  }

  private func event(_ name: String, _ value: JSONValue) {
    self.waiting.writeString("event: \(name)\ndata: ")
    self.waiting.writeBytes(value.encoded)
    self.waiting.writeString("\n\n")
  }

  private func scheduleTick() {
    self.ticker = self.eventLoop.assumeIsolated().scheduleTask(in: Self.stateInterval) {
      [weak self] in self?.tick()
    }
  }

  /// Says how many were left out, if that has changed; and something at least every ten seconds,
  /// so that a viewer who is gone is noticed.
  private func tick() {
    self.scheduleTick()
    self.quiet += 1
    if self.seen != self.told, self.waiting.readableBytes < self.desk.limits.tapBufferBytesMax {
      self.told = self.seen
      self.event(
        "state",
        .record([
          "seen": .count(self.seen), "shown": .count(self.shown),
          "over_rate": .count(self.overRate), "over_buffer": .count(self.overBuffer),
        ]))
    } else if self.quiet >= Self.quietIntervals {
      self.waiting.writeString(": still here\n\n")
    }
    self.flush()
  }

  private func flush() {
    self.isFlushScheduled = false
    guard self.waiting.readableBytes > 0, self.push(self.waiting) else { return }
    self.waiting = ByteBuffer()
    self.quiet = 0
  }
}
