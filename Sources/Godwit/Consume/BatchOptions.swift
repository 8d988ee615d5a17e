/// How messages are gathered before a handler gets them together.
public struct BatchOptions: Hashable, Sendable {
  /// The most messages in a batch, 1 to 65,536. Default 100.
  public var size: Int
  /// How long a batch waits to become full, from its first message on. Default 100 ms.
  public var within: Duration

  /// Options.
  public init(size: Int = 100, within: Duration = .milliseconds(100)) {
    self.size = size
    self.within = within
  }

  /// Up to 100 messages within 100 ms.
  public static var defaults: Self { Self() }

  /// The most messages taken and not settled: while as many batches as may be are worked on, as
  /// many gather.
  func prefetch(_ options: SubscriptionOptions) -> Int {
    options.prefetch ?? min(self.size * min(options.concurrency, 65_536) * 2, 1 << 20)
  }

  func validate(_ options: SubscriptionOptions) throws(GodwitError) {
    guard (1...65_536).contains(self.size) else {
      throw GodwitError(.invalidArgument, "batches of \(self.size) messages; 1 to 65536")
    }
    guard self.within > .zero else {
      throw GodwitError(.invalidArgument, "batches that wait \(self.within)")
    }
    if let prefetch = options.prefetch, prefetch < self.size {
      throw GodwitError(
        .invalidArgument, "a prefetch of \(prefetch) never fills a batch of \(self.size)")
    }
  }
}
